/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "zt/auto.h"
#include "zt/client.h"

#define FD_LEAST 3 /* the host program may have closed its stdio */

/* The monotonic clock, or -1. */
static int64_t
now_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return -1;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Milliseconds until deadline, for poll(2); 0 once it has passed. */
static int
left_ms(int64_t deadline)
{
	int64_t now = now_ms();

	if (now < 0 || now >= deadline)
		return 0; /* no clock, no time left */
	return deadline - now > INT32_MAX ? INT32_MAX : (int)(deadline - now);
}

/* An exhausted limit says nothing of the broker. */
static enum zt_err
sock_error(void)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EAGAIN:
		return ZT_ERR_NOMEM;
	default:
		return ZT_ERR_SYS;
	}
}

static enum zt_err
sock_open(int *fd_out)
{
	zt_auto_close int fd = -1;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && fd < FD_LEAST) {
		int low = fd;

		fd = fcntl(low, F_DUPFD_CLOEXEC, FD_LEAST);
		if (fd < 0 && errno == EINVAL)
			errno = EMFILE; /* the limit is below FD_LEAST */
		(void)close(low);
	}
	if (fd < 0)
		return sock_error();
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/*
 * Let the next connect(2) or send(2), which wait for a full backlog or
 * buffer, wait no longer than the deadline; anew before each, for an
 * interrupted one starts its wait again.
 */
static enum zt_err
sock_limit(int fd, int64_t deadline)
{
	int ms = left_ms(deadline);
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = (ms % 1000) * 1000 };

	if (ms == 0)
		return ZT_ERR_TIMEOUT; /* and a timeval of 0 would be no limit */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) != 0)
		return ZT_ERR_SYS;
	return ZT_OK;
}

static enum zt_err
sock_connect(int fd, const struct sockaddr_un *sun, int64_t deadline)
{
	enum zt_err err;

	do {
		if ((err = sock_limit(fd, deadline)) != ZT_OK)
			return err;
		if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) ==
		    0)
			return ZT_OK;
	} while (errno == EINTR);
	return errno == EAGAIN ? ZT_ERR_TIMEOUT : ZT_ERR_UNAVAIL;
}

/* Is the peer root, or whoever root let own the socket's directory? */
static enum zt_err
peer_check(int fd, const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct stat st;
	char *slash;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    len != sizeof(peer))
		return ZT_ERR_SYS;
	if (peer.uid == 0)
		return ZT_OK;
	strcpy(dir, path); /* the caller has checked that it fits */
	slash = strrchr(dir, '/');
	slash[slash == dir ? 1 : 0] = '\0';
	if (stat(dir, &st) != 0)
		return ZT_ERR_SYS;
	if (st.st_uid != peer.uid || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ZT_ERR_IMPOSTOR;
	return ZT_OK;
}

static enum zt_err
sock_send(int fd, const void *req, size_t len, int64_t deadline)
{
	enum zt_err err;
	ssize_t n;

	do {
		if ((err = sock_limit(fd, deadline)) != ZT_OK)
			return err;
		n = send(fd, req, len, MSG_NOSIGNAL);
		if (n >= 0)
			return (size_t)n == len ? ZT_OK : ZT_ERR_UNAVAIL;
	} while (errno == EINTR);
	return errno == EAGAIN ? ZT_ERR_TIMEOUT : ZT_ERR_UNAVAIL;
}

static enum zt_err
sock_wait(int fd, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n;

	while ((n = poll(&pfd, 1, left_ms(deadline))) < 0)
		if (errno != EINTR)
			return ZT_ERR_SYS;
	return n == 0 ? ZT_ERR_TIMEOUT : ZT_OK;
}

static enum zt_err
sock_recv(int fd, void *reply, size_t cap, size_t *len_out)
{
	ssize_t n;

	/* MSG_TRUNC: the message's real length, so that a cut one is seen */
	n = recv(fd, reply, cap, MSG_DONTWAIT | MSG_TRUNC);
	if (n <= 0)
		return ZT_ERR_UNAVAIL;
	if ((size_t)n > cap)
		return ZT_ERR_TOOBIG;
	*len_out = (size_t)n;
	return ZT_OK;
}

static enum zt_err
call(const struct sockaddr_un *sun, unsigned timeout_ms, const void *req,
    size_t len, void *reply, size_t cap, size_t *len_out)
{
	zt_auto_close int fd = -1;
	int64_t deadline = now_ms();
	enum zt_err err;

	if (deadline < 0)
		return ZT_ERR_SYS;
	deadline += timeout_ms;
	if ((err = sock_open(&fd)) != ZT_OK)
		return err;
	if ((err = sock_connect(fd, sun, deadline)) != ZT_OK)
		return err;
	if ((err = peer_check(fd, sun->sun_path)) != ZT_OK)
		return err;
	if ((err = sock_send(fd, req, len, deadline)) != ZT_OK)
		return err;
	if ((err = sock_wait(fd, deadline)) != ZT_OK)
		return err;
	return sock_recv(fd, reply, cap, len_out);
}

enum zt_err
zt_client_call(const char *path, unsigned timeout_ms, const void *req,
    size_t len, void *reply, size_t cap, size_t *len_out)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const int saved_errno = errno;
	enum zt_err err;

	if (path[0] != '/' || strlen(path) >= sizeof(sun.sun_path))
		return ZT_ERR_INVAL;
	strcpy(sun.sun_path, path);
	err = call(&sun, timeout_ms, req, len, reply, cap, len_out);
	errno = saved_errno;
	return err;
}
