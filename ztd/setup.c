/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "say.h"
#include "setup.h"
#include "userdb.h"
#include "zt/auto.h"
#include "zt/client.h"

enum zt_err
setup_ids_find(struct setup_ids *out)
{
	/* local files only: users_local_only() has been called */
	const struct passwd *pw = getpwnam(SETUP_USER);
	const struct group *gr;

	if (pw == NULL) {
		say(LOG_ERR,
		    "no user " SETUP_USER ": create it with systemd-sysusers, "
		    "or useradd --system " SETUP_USER);
		return ZT_ERR_NOTFOUND;
	}
	if (pw->pw_uid == 0) {
		say(LOG_ERR, "user " SETUP_USER " has uid 0: give it its own");
		return ZT_ERR_INVAL;
	}
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	gr = getgrnam(SETUP_ADMIN_GROUP);
	out->admin_gid = gr == NULL ? out->gid : gr->gr_gid;
	return ZT_OK;
}

static int
socket_by_name(const char *name)
{
	for (int i = 0; i < SERVER_SOCKETS; i++)
		if (strcmp(name, server_socket_name((enum server_socket)i)) ==
		    0)
			return i;
	return -1;
}

static bool
sockets_complete(const int fds[SERVER_SOCKETS])
{
	for (int i = 0; i < SERVER_SOCKETS; i++)
		if (fds[i] < 0)
			return false;
	return true;
}

enum zt_err
setup_sockets_take(int fds[SERVER_SOCKETS])
{
	int taken[SERVER_SOCKETS] = { -1, -1, -1, -1 };
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	if (n <= 0)
		return ZT_ERR_NOTFOUND;
	for (int i = 0; i < n; i++) {
		int which = socket_by_name(names[i]);
		int fd = SD_LISTEN_FDS_START + i;

		/* systemd's are blocking unless the unit says otherwise */
		if (which >= 0 && taken[which] < 0 &&
		    sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) > 0 &&
		    fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
			taken[which] = fd;
		free(names[i]);
	}
	free(names);
	if (n != SERVER_SOCKETS || !sockets_complete(taken)) {
		say(LOG_ERR,
		    "systemd passed %d sockets that are not pam, principals, "
		    "ctl and nss of type sequential-packet: install the "
		    "package's socket units unchanged",
		    n);
		return ZT_ERR_INVAL;
	}
	memcpy(fds, taken, sizeof(taken));
	return ZT_OK;
}

static enum zt_err
sys_error(const char *path)
{
	say(LOG_ERR, "%s: %s", path, strerror(errno));
	return ZT_ERR_SYS;
}

static enum zt_err
dir_make(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return sys_error(path);
	if (lstat(path, &st) != 0)
		return sys_error(path);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return sys_error(path);
	}
	if (lchown(path, uid, gid) != 0 || chmod(path, mode) != 0)
		return sys_error(path);
	return ZT_OK;
}

/* The log's directory is made once; an administrator's own is left alone. */
static enum zt_err
log_dir_make(const struct setup_ids *ids, const char *log_file)
{
	zt_auto_free char *dir = strdup(log_file);
	char *slash = dir == NULL ? NULL : strrchr(dir, '/');
	struct stat st;

	if (slash == NULL || slash == dir)
		return ZT_OK;
	*slash = '\0';
	if (stat(dir, &st) == 0)
		return ZT_OK;
	return dir_make(dir, 02750, ids->uid, ids->admin_gid);
}

/* One broker at a time: the lock lives as long as the process. */
static enum zt_err
lock_take(void)
{
	int fd = open(ZT_RUN_DIR "/lock",
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return sys_error(ZT_RUN_DIR "/lock");
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		say(LOG_ERR, "another ztd runs: stop it first");
		(void)close(fd);
		return ZT_ERR_UNAVAIL;
	}
	return ZT_OK;
}

/* Does somebody serve there?  Then his socket is not to be taken away. */
static bool
is_served(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	zt_auto_close int fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	return fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 ||
		errno == EAGAIN);
}

static enum zt_err
socket_bind(const char *path, mode_t mode, uid_t uid, gid_t gid, int *fd_out)
{
	zt_auto_close int fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (fd < 0)
		return sys_error(path);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    lchown(path, uid, gid) != 0 || chmod(path, mode) != 0 ||
	    listen(fd, SERVER_BACKLOG) != 0)
		return sys_error(path);
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/* As tmpfiles.d does it.  Without it systemd's clients do not see zt's users,
 * and that is all. */
static void
userdb_link(const struct setup_ids *ids)
{
	if (dir_make(USERDB_DIR, 0755, ids->uid, ids->gid) != ZT_OK)
		return;
	(void)mkdir("/run/systemd", 0755);
	(void)mkdir(USERDB_LINK_DIR, 0755);
	if (symlink(USERDB_SOCKET, USERDB_LINK) != 0 && errno != EEXIST)
		say(LOG_WARNING, USERDB_LINK ": %s", strerror(errno));
}

enum zt_err
setup_sockets_bind(const struct setup_ids *ids, const char *log_file,
    int fds[SERVER_SOCKETS])
{
	enum zt_err err;

	if (is_served(ZT_SOCKET_PAM)) {
		say(LOG_ERR,
		    ZT_SOCKET_PAM " is served by another ztd or by systemd: "
				  "stop it first (systemctl stop ztd.service "
				  "'ztd-*.socket')");
		return ZT_ERR_UNAVAIL;
	}
	if ((err = dir_make(ZT_RUN_DIR, 0755, 0, 0)) != ZT_OK ||
	    (err = lock_take()) != ZT_OK ||
	    (err = dir_make(SETUP_SESSIONS_DIR, 0700, ids->uid, ids->gid)) !=
		ZT_OK ||
	    (err = dir_make(SETUP_STATE_DIR, 0755, ids->uid, ids->gid)) !=
		ZT_OK ||
	    (err = log_dir_make(ids, log_file)) != ZT_OK)
		return err;
	userdb_link(ids);
	if ((err = socket_bind(ZT_SOCKET_PAM, 0600, 0, 0, &fds[SERVER_PAM])) !=
		ZT_OK ||
	    (err = socket_bind(ZT_SOCKET_PRINCIPALS, 0600, ids->uid, ids->gid,
		 &fds[SERVER_PRINCIPALS])) != ZT_OK ||
	    (err = socket_bind(ZT_SOCKET_CTL, 0660, 0, ids->admin_gid,
		 &fds[SERVER_CTL])) != ZT_OK)
		return err;
	return socket_bind(ZT_SOCKET_NSS, 0666, 0, 0, &fds[SERVER_NSS]);
}

/* The units forbid capset(2), and leave nothing to clear. */
static bool
capabilities_clear(void)
{
	static const struct __user_cap_data_struct
	    none[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3] = { 0 };
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};

	if (syscall(SYS_capget, &header, have) != 0)
		return false;
	/* the ambient set follows the permitted one */
	return memcmp(have, none, sizeof(none)) == 0 ||
	    syscall(SYS_capset, &header, none) == 0;
}

static bool
identity_set(const struct setup_ids *ids)
{
	if (getuid() == 0 &&
	    (setgroups(0, NULL) != 0 ||
		setresgid(ids->gid, ids->gid, ids->gid) != 0 ||
		setresuid(ids->uid, ids->uid, ids->uid) != 0))
		return false;
	errno = EPERM;
	return getuid() == ids->uid && geteuid() == ids->uid;
}

enum zt_err
setup_drop(const struct setup_ids *ids)
{
	(void)umask(077);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || chdir("/") != 0 ||
	    !identity_set(ids) || !capabilities_clear()) {
		say(LOG_ERR, "cannot become user " SETUP_USER ": %s",
		    strerror(errno));
		return ZT_ERR_SYS;
	}
	return ZT_OK;
}

void
setup_limits(void)
{
	struct rlimit rl;

	/* under load, whoever comes to cure it must not wait for it */
	if (getpriority(PRIO_PROCESS, 0) > SETUP_NICE &&
	    setpriority(PRIO_PROCESS, 0, SETUP_NICE) != 0)
		say(LOG_INFO, "priority stays: %s", strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) != 0)
		say(LOG_WARNING, "open file limit stays: %s", strerror(errno));
}

enum zt_err
setup_environment(void)
{
	static const char *const keep[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC",
		"WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES" };
	char *values[sizeof(keep) / sizeof(keep[0])];
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
		const char *value = getenv(keep[i]);

		values[i] = value == NULL ? NULL : strdup(value);
	}
	if (clearenv() != 0)
		err = ZT_ERR_SYS;
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
		if (values[i] != NULL && setenv(keep[i], values[i], 1) != 0)
			err = ZT_ERR_NOMEM;
		free(values[i]);
	}
	return err;
}

/* As /etc/machine-id has it. */
static char *
machine_id(void)
{
	char text[SD_ID128_STRING_MAX];
	sd_id128_t id;

	if (sd_id128_get_machine(&id) < 0)
		return NULL;
	return strdup(sd_id128_to_string(id, text));
}

/* As /proc/sys/kernel/random/boot_id has it. */
static char *
boot_id(void)
{
	char text[SD_ID128_UUID_STRING_MAX];
	sd_id128_t id;

	if (sd_id128_get_boot(&id) < 0)
		return NULL;
	return strdup(sd_id128_to_uuid_string(id, text));
}

enum zt_err
setup_host(const struct conf *conf, struct zt_host *out)
{
	char name[256] = "";
	struct zt_host host;

	if (gethostname(name, sizeof(name) - 1) != 0)
		return ZT_ERR_SYS;
	host.hostname = strdup(name);
	host.boot_id = boot_id();
	host.id = conf->host.id != NULL ? strdup(conf->host.id) : machine_id();
	if (host.hostname == NULL || host.boot_id == NULL || host.id == NULL) {
		say(LOG_ERR,
		    "this host has no id: set host.id in ztd.conf, or create "
		    "/etc/machine-id with systemd-machine-id-setup");
		free(host.hostname);
		free(host.boot_id);
		free(host.id);
		return ZT_ERR_NOTFOUND;
	}
	*out = host;
	return ZT_OK;
}
