/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define CONNS_MAX    16 /* silent connections kept open */
#define STRANGER_UID 65534

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/*
 * libpam tells no caller of PAM_IGNORE: it goes on to the next module, and
 * that one says a code that pam_zt.so never says.
 */
#define IGNORED_CODE PAM_CRED_EXPIRED
#define IGNORED                                                  \
	"auth=cred_expired cred=cred_expired acct=cred_expired " \
	"prechauthtok=cred_expired chauthtok=cred_expired "      \
	"open_session=cred_expired close_session=cred_expired"

static char dir[64], module[4096], socket_path[96], conf_dir[96];
static bool has_private_var;

enum converse harness_converse;
struct said said[SAID_MAX], logged[SAID_MAX];
int n_said, n_logged;

static struct fake_state {
	struct fake fake;
	int listener, stop[2];
	pthread_t thread;
	bool running;
	pid_t child; /* serves instead of the thread; 0 if there is none */
	uint8_t request_buf[ZT_WIRE_MAX];
	struct zt_pam_request request;
	int n_requests;
	int conns[CONNS_MAX];
	size_t n_conns;
} fs;

const char *
hook_name(enum hook hook)
{
	static const char *const names[] = { "auth", "account", "open", "close",
		"setcred", "chauthtok" };

	return names[hook];
}

const char *
harness_dir(void)
{
	return dir;
}

const char *
harness_module(void)
{
	return module;
}

const char *
harness_socket(void)
{
	return socket_path;
}

bool
harness_has_private_var(void)
{
	return has_private_var;
}

static void
file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
id_map_write(const char *path, unsigned id)
{
	char map[64];

	(void)snprintf(map, sizeof(map), "%u %u 1", id, id);
	file_write(path, map);
}

/* A user name space lets an unprivileged user mount, where allowed. */
static bool
mounts_unshare(void)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	if (uid == 0)
		return unshare(CLONE_NEWNS) == 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	id_map_write("/proc/self/uid_map", uid);
	file_write("/proc/self/setgroups", "deny");
	id_map_write("/proc/self/gid_map", gid);
	return true;
}

static bool
var_hide(void)
{
	return mounts_unshare() &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("zt-test", "/var/lib", "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=0755") == 0 &&
	    mkdir("/var/lib/ztd", 0755) == 0;
}

int
harness_setup(void **state)
{
	const char *build = getenv("ZT_BUILD");
	char path[2048];

	(void)state;
	if (build == NULL)
		build = getenv("B");
	(void)snprintf(path, sizeof(path), "%s/pam_zt.so",
	    build != NULL ? build : "build");
	if (realpath(path, module) == NULL) {
		(void)fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		return -1;
	}
	has_private_var = var_hide();
	strcpy(dir, "/tmp/zt-pam-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(socket_path, sizeof(socket_path), "%s/pam", dir);
	(void)snprintf(conf_dir, sizeof(conf_dir), "%s/pam.d", dir);
	return mkdir(conf_dir, 0700);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int
harness_test_end(void **state)
{
	(void)state;
	if (fs.running)
		fake_stop();
	if (fs.child != 0)
		fake_reap();
	real_uid_restore();
	harness_converse = CONVERSE_LISTENS;
	return 0;
}

int
harness_teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* libpam calls these; the program's own definitions come first. */
#define EXPORT __attribute__((__visibility__("default")))
EXPORT void syslog(int priority, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));
EXPORT void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

static void log_line(int priority, const char *format, va_list ap)
    __attribute__((__format__(__printf__, 2, 0)));

static void
log_line(int priority, const char *format, va_list ap)
{
	struct said line = { .style = priority };

	(void)vsnprintf(line.text, sizeof(line.text), format, ap);
	if (strncmp(line.text, "pam_zt(", strlen("pam_zt(")) == 0 &&
	    n_logged < SAID_MAX)
		logged[n_logged++] = line;
}

void
syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_line(priority, format, ap);
	va_end(ap);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	log_line(priority, format, ap);
	va_end(ap);
}

void
forget(void)
{
	n_said = n_logged = 0;
}

static int
converse(int n, const struct pam_message **msg, struct pam_response **resp,
    void *arg)
{
	(void)arg;
	for (int i = 0; i < n && n_said < SAID_MAX; i++) {
		if (strstr(IGNORED, msg[i]->msg) != NULL)
			continue; /* pam_debug.so says what it does */
		said[n_said].style = msg[i]->msg_style;
		(void)snprintf(said[n_said].text, sizeof(said[0].text), "%s",
		    msg[i]->msg);
		n_said++;
	}
	if (harness_converse == CONVERSE_FAILS)
		return PAM_CONV_ERR;
	*resp = calloc((size_t)n, sizeof(**resp));
	if (harness_converse == CONVERSE_ANSWERS)
		(*resp)->resp = strdup("an answer nobody asked for");
	return PAM_SUCCESS;
}

static void
stack_write(const char *service, const char *options)
{
	static const char *const kinds[] = { "auth", "account", "session",
		"password" };
	char path[256], text[4 * 4500];
	int len = 0;

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "%s [success=done ignore=ignore default=die] %s "
		    "broker=%s %s\n"
		    "%s required pam_debug.so %s\n",
		    kinds[i], module, socket_path, options, kinds[i], IGNORED);
	(void)snprintf(path, sizeof(path), "%s/%s", conf_dir, service);
	file_write(path, text);
}

pam_handle_t *
handle_start(const char *service, const char *user, const char *options)
{
	struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;

	if (harness_converse == CONVERSE_ABSENT)
		conv.conv = NULL;
	stack_write(service, options);
	assert_int_equal(pam_start_confdir(service, user, &conv, conf_dir,
			     &pamh),
	    PAM_SUCCESS);
	return pamh;
}

static int
libpam_call(pam_handle_t *pamh, enum hook hook, int flags)
{
	switch (hook) {
	case HOOK_AUTH:
		return pam_authenticate(pamh, flags);
	case HOOK_ACCOUNT:
		return pam_acct_mgmt(pamh, flags);
	case HOOK_OPEN:
		return pam_open_session(pamh, flags);
	case HOOK_CLOSE:
		return pam_close_session(pamh, flags);
	case HOOK_SETCRED:
		return pam_setcred(pamh, (int)PAM_ESTABLISH_CRED);
	case HOOK_CHAUTHTOK:
		return pam_chauthtok(pamh, flags);
	case N_HOOKS:
		break;
	}
	fail();
	return -1;
}

int
handle_call(pam_handle_t *pamh, enum hook hook, int flags)
{
	int code = libpam_call(pamh, hook, flags);

	return code == IGNORED_CODE ? PAM_IGNORE : code;
}

void
handle_end(pam_handle_t *pamh)
{
	assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
}

int
hook_run(enum hook hook, const char *service, const char *user,
    const char *options, int flags)
{
	pam_handle_t *pamh = handle_start(service, user, options);
	int code = handle_call(pamh, hook, flags);

	handle_end(pamh);
	return code;
}

static int
listener_bind(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)unlink(socket_path);
	strcpy(sun.sun_path, socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void
serve_one(struct fake_state *f)
{
	struct timespec delay = { f->fake.delay_ms / 1000,
		f->fake.delay_ms % 1000 * 1000000 };
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	struct zt_pam_request request;
	ssize_t n;

	if (fd < 0)
		return;
	n = recv(fd, f->request_buf, sizeof(f->request_buf), 0);
	if (n > 0 &&
	    zt_pam_request_decode(f->request_buf, (size_t)n, &request) ==
		ZT_OK) {
		f->request = request;
		f->n_requests++;
	}
	(void)nanosleep(&delay, NULL);
	if (f->fake.act == FAKE_REPLIES)
		(void)send(fd, f->fake.reply, f->fake.reply_len, MSG_NOSIGNAL);
	if (f->fake.act == FAKE_IS_SILENT && f->n_conns < CONNS_MAX)
		f->conns[f->n_conns++] = fd;
	else
		(void)close(fd);
}

static void *
serve(void *arg)
{
	struct fake_state *f = arg;
	struct pollfd pfd[2] = { { .fd = f->listener, .events = POLLIN },
		{ .fd = f->stop[0], .events = POLLIN } };

	while (poll(pfd, 2, -1) > 0 && pfd[1].revents == 0)
		serve_one(f);
	return NULL;
}

void
fake_start(const struct fake *fake)
{
	assert_false(fs.running);
	fs.fake = *fake;
	fs.n_requests = 0;
	fs.n_conns = 0;
	fs.listener = listener_bind();
	assert_int_equal(listen(fs.listener, 64), 0);
	assert_int_equal(pipe2(fs.stop, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&fs.thread, NULL, serve, &fs), 0);
	fs.running = true;
}

void
fake_stop(void)
{
	assert_int_equal(write(fs.stop[1], "", 1), 1);
	assert_int_equal(pthread_join(fs.thread, NULL), 0);
	for (size_t i = 0; i < fs.n_conns; i++)
		(void)close(fs.conns[i]);
	(void)close(fs.listener);
	(void)close(fs.stop[0]);
	(void)close(fs.stop[1]);
	(void)unlink(socket_path);
	fs.running = false;
}

void
fake_set_reply(struct fake *fake, enum zt_verdict verdict, const char *id,
    const char *reason, const char *text)
{
	const struct zt_pam_reply reply = { .verdict = verdict,
		.id = zt_str(id),
		.reason = zt_str(reason),
		.text = zt_str(text) };

	fake->act = FAKE_REPLIES;
	fake->delay_ms = 0;
	assert_int_equal(zt_pam_reply_encode(&reply, fake->reply,
			     sizeof(fake->reply), &fake->reply_len),
	    ZT_OK);
}

void
fake_start_verdict(enum zt_verdict verdict, const char *text)
{
	static struct fake fake;

	fake_set_reply(&fake, verdict, FAKE_ID, FAKE_REASON, text);
	fake_start(&fake);
}

/* Requests are complete when the module has its answer or has given up. */
int
fake_n_requests(void)
{
	return __atomic_load_n(&fs.n_requests, __ATOMIC_SEQ_CST);
}

const struct zt_pam_request *
fake_request(void)
{
	return &fs.request;
}

void
fake_fork_as(uid_t uid)
{
	static struct fake fake;
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(fs.child, 0);
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	fs.listener = listener_bind();
	assert_int_equal(chmod(socket_path, 0666), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* the kernel remembers who called listen(2) */
		if (setresuid(uid, uid, uid) != 0 ||
		    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
		    listen(fs.listener, 64) != 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		fs.fake = fake;
		for (;;)
			serve_one(&fs);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	(void)close(fs.listener);
	fs.child = pid;
}

void
fake_reap(void)
{
	assert_int_equal(kill(fs.child, SIGKILL), 0);
	assert_int_equal(waitpid(fs.child, NULL, 0), fs.child);
	fs.child = 0;
	(void)unlink(socket_path);
}

void
real_uid_lower(void)
{
	if (geteuid() == 0)
		assert_int_equal(setreuid(STRANGER_UID, (uid_t)-1), 0);
}

void
real_uid_restore(void)
{
	if (geteuid() == 0)
		assert_int_equal(setreuid(0, (uid_t)-1), 0);
}
