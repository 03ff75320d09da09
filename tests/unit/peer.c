/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define MESSAGE_MAX 70000

void
peer_absent(struct peer *peer)
{
	(void)strcpy(peer->dir, "/tmp/zt-test-XXXXXX");
	peer->pid = -1;
	assert_non_null(mkdtemp(peer->dir));
	assert_int_equal(chmod(peer->dir, 0755), 0);
	(void)snprintf(peer->path, sizeof(peer->path), "%s/sock", peer->dir);
}

static int
bind_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(chmod(path, 0666), 0);
	return fd;
}

static void
play(int fd, int backlog, uid_t uid, peer_role *role, const void *arg)
{
	/* a test that dies must leave nobody behind */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (uid != 0 && setresuid(uid, uid, uid) != 0)
		_exit(1);
	/* the kernel shows clients the credentials of listen(2)'s caller */
	if (listen(fd, backlog) != 0)
		_exit(1);
	role(fd, arg);
	_exit(0);
}

/* Wait until somebody listens; a connection that fails proves nothing. */
static void
wait_for_listener(int fd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	socklen_t len = sizeof(int);
	int listens = 0;

	for (int i = 0; i < 5000 && listens == 0; i++) {
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN,
				     &listens, &len),
		    0);
		(void)nanosleep(&ms, NULL);
	}
	assert_int_equal(listens, 1);
}

void
peer_start(struct peer *peer, int backlog, uid_t uid, peer_role *role,
    const void *arg)
{
	int fd;

	peer_absent(peer);
	fd = bind_at(peer->path);
	peer->pid = fork();
	assert_true(peer->pid >= 0);
	if (peer->pid == 0)
		play(fd, backlog, uid, role, arg);
	wait_for_listener(fd);
	(void)close(fd);
}

void
peer_stop(struct peer *peer)
{
	if (peer->pid > 0) {
		(void)kill(peer->pid, SIGKILL);
		(void)waitpid(peer->pid, NULL, 0);
	}
	(void)unlink(peer->path);
	(void)rmdir(peer->dir);
}

void
peer_replies(int fd, const void *arg)
{
	static uint8_t request[MESSAGE_MAX];
	const struct peer_answer *answer = arg;

	for (;;) {
		int conn = accept(fd, NULL, NULL);

		(void)recv(conn, request, sizeof(request), 0);
		(void)send(conn, answer->bytes, answer->len, MSG_NOSIGNAL);
		(void)close(conn);
	}
}

void
peer_echoes(int fd, const void *arg)
{
	static uint8_t message[MESSAGE_MAX];

	(void)arg;
	for (;;) {
		int conn = accept(fd, NULL, NULL);
		ssize_t n = recv(conn, message, sizeof(message), 0);

		if (n > 0)
			(void)send(conn, message, (size_t)n, MSG_NOSIGNAL);
		(void)close(conn);
	}
}

void
peer_hangs_up(int fd, const void *arg)
{
	static uint8_t request[MESSAGE_MAX];

	(void)arg;
	for (;;) {
		int conn = accept(fd, NULL, NULL);

		(void)recv(conn, request, sizeof(request), 0);
		(void)close(conn);
	}
}

void
peer_is_silent(int fd, const void *arg)
{
	static uint8_t request[MESSAGE_MAX];
	int conn = accept(fd, NULL, NULL);

	(void)recv(conn, request, sizeof(request), 0);
	peer_sleeps(fd, arg);
}

void
peer_sleeps(int fd, const void *arg)
{
	(void)fd;
	(void)arg;
	for (;;)
		(void)pause();
}

long
peer_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
