/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "zt/auto.h"
#include "ztctl_gather.h"

#define PROGRAM_MS 10000

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static enum zt_err
open_regular(const char *path, int *fd_out)
{
	zt_auto_close int fd = -1;
	struct stat st;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? ZT_ERR_NOTFOUND : ZT_ERR_SYS;
	if (fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode))
		return ZT_ERR_INVAL;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

enum zt_err
gather_file(const char *path, char **out)
{
	zt_auto_free char *buf = malloc(GATHER_MAX + 1);
	zt_auto_close int fd = -1;
	enum zt_err err;
	size_t len = 0;
	ssize_t n;

	if (buf == NULL)
		return ZT_ERR_NOMEM;
	if ((err = open_regular(path, &fd)) != ZT_OK)
		return err;
	while (len <= GATHER_MAX &&
	    (n = read(fd, buf + len, GATHER_MAX + 1 - len)) != 0) {
		if (n < 0)
			return ZT_ERR_SYS;
		len += (size_t)n;
	}
	if (len > GATHER_MAX)
		return ZT_ERR_TOOBIG;
	buf[len] = '\0';
	if (strlen(buf) != len)
		return ZT_ERR_MALFORMED;
	*out = zt_take(buf);
	return ZT_OK;
}

static enum zt_err
spawn(const char *const argv[], int fd, pid_t *pid_out)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char locale[] = "LC_ALL=C";
	char *const env[] = { path, locale, NULL };
	posix_spawn_file_actions_t actions;
	int rc;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return ZT_ERR_NOMEM;
	rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
	    "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, fd,
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, fd,
		    STDERR_FILENO);
	if (rc == 0) /* posix_spawn(3) does not change argv */
		rc = posix_spawn(pid_out, argv[0], &actions, NULL,
		    (char *const *)(uintptr_t)argv, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc == ENOENT)
		return ZT_ERR_NOTFOUND;
	errno = rc;
	return rc == 0 ? ZT_OK : ZT_ERR_SYS;
}

/* Read until the last writer closes; what is too much is thrown away. */
static enum zt_err
drain(int fd, char *buf, size_t cap)
{
	int64_t deadline = now_ms() + PROGRAM_MS;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char rest[4096] = { 0 };
	size_t len = 0;

	for (;;) {
		int64_t left = deadline - now_ms();
		bool full = len + 1 >= cap;
		ssize_t n;

		if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
			return ZT_ERR_TIMEOUT;
		n = read(fd, full ? rest : buf + len,
		    full ? sizeof(rest) : cap - 1 - len);
		if (n < 0 && errno != EINTR)
			return ZT_ERR_SYS;
		if (n > 0 && !full)
			len += (size_t)n;
		buf[len] = '\0';
		if (n == 0)
			return ZT_OK;
	}
}

static enum zt_err
reap(pid_t pid, int *status_out)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ZT_ERR_SYS;
	*status_out =
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return ZT_OK;
}

enum zt_err
gather_program(const char *const argv[], char **out, int *status_out)
{
	zt_auto_free char *buf = calloc(1, GATHER_MAX);
	zt_auto_close int in = -1;
	zt_auto_close int write_fd = -1;
	enum zt_err err, reaped;
	int fds[2], status;
	pid_t pid;

	if (buf == NULL)
		return ZT_ERR_NOMEM;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return ZT_ERR_SYS;
	in = fds[0];
	write_fd = fds[1];
	if ((err = spawn(argv, write_fd, &pid)) != ZT_OK)
		return err;
	(void)close(zt_take_fd(write_fd));
	if ((err = drain(in, buf, GATHER_MAX)) != ZT_OK)
		(void)kill(pid, SIGKILL);
	reaped = reap(pid, &status);
	if (err != ZT_OK || (err = reaped) != ZT_OK)
		return err;
	*out = zt_take(buf);
	*status_out = status;
	return ZT_OK;
}
