/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "broker.h"
#include "ctl.h"
#include "nss.h"
#include "pam.h"
#include "principals.h"
#include "say.h"
#include "setup.h"
#include "stamp.h"
#include "zt/auto.h"

#define EXIT_USAGE       2
#define REAP_INTERVAL_US UINT64_C(5000000)
#define STOP_POLL_US     UINT64_C(10000)

static const char usage[] =
    "usage: ztd [-c FILE]            run the broker\n"
    "       ztd --check-config       check the configuration and exit\n"
    "\n"
    "  -c, --config FILE   configuration (default " CONF_FILE ")\n"
    "      --check-config  say whether it would be accepted; exit 0 or 1\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Run by systemd with its sockets, or by hand as root; see ztd(8).\n";

struct arguments {
	const char *conf_file;
	bool check_config;
};

/* Returns -1 to go on, else the exit status. */
static int
arguments_read(int argc, char **argv, struct arguments *out)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*out = (struct arguments){ .conf_file = CONF_FILE };
	while ((c = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			out->conf_file = optarg;
			break;
		case 'k':
			out->check_config = true;
			break;
		case 'V':
			(void)puts("ztd " ZT_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			(void)fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	(void)fputs(usage, stderr);
	return EXIT_USAGE;
}

static int
on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	struct broker *broker = arg;

	(void)source;
	(void)si;
	if (!broker->stopping) {
		(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		    (long long)stamp_monotonic_us());
		broker_reload(broker);
		(void)sd_notify(0, "READY=1");
	}
	return 0;
}

/* Leave once nothing is in flight, or when the time for that is over. */
static int
on_stop_poll(sd_event_source *source, uint64_t usec, void *arg)
{
	struct broker *broker = arg;
	const uint64_t give_up = (uint64_t)broker->stop_by_us;

	if (broker->in_flight == 0 || usec >= give_up)
		return sd_event_exit(broker->event, 0);
	(void)sd_event_source_set_time(source, usec + STOP_POLL_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int
on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	struct broker *broker = arg;
	const int64_t bound =
	    (int64_t)broker->conf->broker.stop_timeout_ms * 1000;

	(void)source;
	(void)si;
	if (broker->stopping)
		return 0;
	broker->stopping = true;
	broker->stop_by_us = stamp_monotonic_us() + bound;
	(void)sd_notify(0, "STOPPING=1");
	say(LOG_NOTICE, "stopping: %u attempts in flight", broker->in_flight);
	server_stop(broker->server);
	return sd_event_add_time_relative(broker->event, NULL, CLOCK_MONOTONIC,
	    0, 1, on_stop_poll, broker);
}

static int
on_reap(sd_event_source *source, uint64_t usec, void *arg)
{
	broker_reap(arg);
	principals_flush(arg);
	(void)malloc_trim(0); /* a burst leaves tens of free megabytes */
	(void)sd_event_source_set_time(source, usec + REAP_INTERVAL_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static enum zt_err
signals_watch(struct broker *broker)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
	    sd_event_add_signal(broker->event, NULL, SIGHUP, on_reload,
		broker) < 0 ||
	    sd_event_add_signal(broker->event, NULL, SIGTERM, on_stop, broker) <
		0 ||
	    sd_event_add_signal(broker->event, NULL, SIGINT, on_stop, broker) <
		0 ||
	    sd_event_add_time_relative(broker->event, NULL, CLOCK_MONOTONIC,
		REAP_INTERVAL_US, 0, on_reap, broker) < 0 ||
	    sd_event_set_watchdog(broker->event, 1) < 0)
		return ZT_ERR_SYS;
	return ZT_OK;
}

static enum zt_err
serve_sockets(struct broker *broker, const struct setup_ids *ids,
    const int fds[SERVER_SOCKETS])
{
	struct server_options options = {
		.handlers = { [SERVER_PAM] = pam_serve,
		    [SERVER_PRINCIPALS] = principals_serve,
		    [SERVER_CTL] = ctl_serve,
		    [SERVER_NSS] = nss_serve },
		.arg = broker,
		.broker_uid = ids->uid,
		.admin_gid = ids->admin_gid,
		.max_connections = broker->conf->broker.max_connections,
		.max_connections_per_uid =
		    broker->conf->broker.max_connections_per_uid,
	};

	memcpy(options.fds, fds, sizeof(options.fds));
	return server_new(broker->event, &options, &broker->server);
}

static const char *
user_privileged(void *arg, struct zt_str name)
{
	const struct broker *broker = arg;

	return users_privileged(broker->users, name);
}

/* A convenience: the broker serves all else without it. */
static void
serve_userdb(struct broker *broker)
{
	const struct userdb_options options = {
		.source = { .snapshot = ZT_SNAPSHOT_FILE,
		    .etc = "/etc",
		    .privileged = user_privileged,
		    .arg = broker },
		.max_connections = broker->conf->broker.max_connections,
		.max_connections_per_uid =
		    broker->conf->broker.max_connections_per_uid,
		.idle_ms = USERDB_IDLE_MS,
		.stall_ms = USERDB_STALL_MS,
	};
	enum zt_err err;
	int fd;

	err = userdb_listen(USERDB_SOCKET, &fd);
	if (err == ZT_OK)
		err = userdb_new(broker->event, &options, fd, &broker->userdb);
	if (err != ZT_OK)
		say(LOG_WARNING,
		    USERDB_SOCKET ": %s: userdbctl and nss-systemd do not see "
				  "zt's users; all else does",
		    err == ZT_ERR_SYS ? strerror(errno) : zt_strerror(err));
}

static enum zt_err
log_open(struct broker *broker, const char *path)
{
	enum zt_err err;

	err = feed_new(broker->event, path, &broker->host, &broker->feed);
	if (err == ZT_ERR_SYS)
		say(LOG_ERR, "%s: %s", path, strerror(errno));
	else if (err == ZT_ERR_UNAVAIL)
		say(LOG_ERR, "%s: another ztd writes it", path);
	else if (err == ZT_ERR_DENIED)
		say(LOG_ERR,
		    "%s: not a regular file that only the broker writes: "
		    "correct its mode and owner",
		    path);
	else if (err != ZT_OK)
		say(LOG_ERR, "%s: %s", path, zt_strerror(err));
	return err;
}

/*
 * Everything that needs no privilege, in the order of dependence.
 *
 * conf  taken over, also on failure
 */
static enum zt_err
broker_start(struct broker *broker, struct conf *conf,
    const struct setup_ids *ids, const int fds[SERVER_SOCKETS])
{
	char error[CONF_ERROR_MAX] = "";
	enum zt_err err = ZT_ERR_SYS;

	broker->started_ms = stamp_now_ms();
	if (setup_host(conf, &broker->host) == ZT_OK &&
	    sd_event_new(&broker->event) >= 0 &&
	    (err = signals_watch(broker)) == ZT_OK &&
	    (err = log_open(broker, conf->log.file)) == ZT_OK)
		err = broker_configure(broker, conf, error);
	if (err != ZT_OK) {
		if (error[0] != '\0')
			say(LOG_ERR, "%s", error);
		conf_free(conf);
		return err;
	}
	err = logins_new(broker->event, SETUP_SESSIONS_DIR, pam_session_gone,
	    broker, &broker->logins);
	if (err != ZT_OK) {
		say(LOG_ERR, SETUP_SESSIONS_DIR ": %s", zt_strerror(err));
		return err;
	}
	serve_userdb(broker);
	return serve_sockets(broker, ids, fds);
}

/*
 * Get the sockets, become user ztd and load the configuration as that user:
 * what it cannot read now it could not reload later.
 */
static enum zt_err
setup(const char *conf_file, struct setup_ids *ids, int fds[SERVER_SOCKETS],
    struct conf **conf_out)
{
	char error[CONF_ERROR_MAX] = "";
	struct conf *conf;
	enum zt_err err;

	if ((err = setup_ids_find(ids)) != ZT_OK)
		return err;
	err = setup_sockets_take(fds);
	if (err == ZT_ERR_NOTFOUND && getuid() != 0) {
		say(LOG_ERR, "run it as root, or by systemd with its sockets");
		return err;
	}
	if (err == ZT_ERR_NOTFOUND) {
		if ((err = conf_load(conf_file, &conf, error)) == ZT_OK) {
			err = setup_sockets_bind(ids, conf->log.file, fds);
			conf_free(conf);
		}
	}
	if (err == ZT_OK)
		err = setup_drop(ids);
	if (err == ZT_OK)
		err = conf_load(conf_file, conf_out, error);
	if (error[0] != '\0')
		say(LOG_ERR, "%s", error);
	return err;
}

static int
check_config(const char *conf_file)
{
	char error[CONF_ERROR_MAX] = "";
	struct setup_ids ids;
	struct conf *conf;

	/* check as the user who will read it, where that can be */
	if (getuid() == 0 &&
	    (setup_ids_find(&ids) != ZT_OK || setup_drop(&ids) != ZT_OK))
		return EXIT_FAILURE;
	if (conf_load(conf_file, &conf, error) != ZT_OK) {
		(void)fprintf(stderr, "%s\n", error);
		return EXIT_FAILURE;
	}
	(void)printf("%s: ok\n", conf_file);
	conf_free(conf);
	return EXIT_SUCCESS;
}

static int
run(const char *conf_file)
{
	struct broker broker = { .conf_file = conf_file };
	int fds[SERVER_SOCKETS] = { -1, -1, -1, -1 };
	struct setup_ids ids;
	struct conf *conf = NULL;
	int rc;

	setup_limits();
	if (setup(conf_file, &ids, fds, &conf) != ZT_OK)
		return EXIT_FAILURE;
	if (broker_start(&broker, conf, &ids, fds) != ZT_OK) {
		say(LOG_ERR, "not started");
		broker_free(&broker);
		return EXIT_FAILURE;
	}
	feed_lifecycle(broker.feed, ZT_LIFECYCLE_START, NULL);
	say(LOG_NOTICE, "zt " ZT_VERSION " ready");
	(void)sd_notify(0, "READY=1");
	rc = sd_event_loop(broker.event);
	if (rc < 0)
		say(LOG_ERR, "event loop: %s", strerror(-rc));
	broker_free(&broker);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct arguments arguments;
	int status = arguments_read(argc, argv, &arguments);

	if (status >= 0)
		return status;
	say_init();
	if (users_local_only() != ZT_OK) {
		say(LOG_ERR, "cannot confine user lookups to local files");
		return EXIT_FAILURE;
	}
	if (arguments.check_config)
		return check_config(arguments.conf_file);
	if (setup_environment() != ZT_OK)
		return EXIT_FAILURE;
	return run(arguments.conf_file);
}
