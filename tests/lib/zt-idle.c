/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keep connections to a SOCK_SEQPACKET socket open without a whole request.
 *
 *   zt-idle PATH N SECONDS
 *
 * Every other connection sends the first byte of a message.  Connections that
 * the broker ends or refuses are opened again, N at a time, until SECONDS
 * have passed.  Prints "open: <most that were open at once>" at the end.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "zt/auto.h"

#define N_MAX   8000
#define TICK_MS 250

static struct pollfd fds[N_MAX];

static int
open_one(const struct sockaddr_un *sa)
{
	zt_auto_close int fd = -1;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0)
		return -1;
	return zt_take_fd(fd);
}

static size_t
open_missing(const struct sockaddr_un *sa, size_t n)
{
	size_t open = 0;

	for (size_t i = 0; i < n; i++) {
		if (fds[i].fd < 0 && (fds[i].fd = open_one(sa)) >= 0 &&
		    i % 2 == 1)
			(void)send(fds[i].fd, "\1", 1, MSG_NOSIGNAL);
		if (fds[i].fd >= 0)
			open++;
	}
	return open;
}

/* Whatever comes on a connection, an answer or its end, ends it. */
static void
close_ended(size_t n)
{
	(void)usleep(TICK_MS * 1000); /* else the refused would be a flood */
	if (poll(fds, n, 0) <= 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (fds[i].fd < 0 || fds[i].revents == 0)
			continue;
		(void)close(fds[i].fd);
		fds[i].fd = -1;
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t n, most = 0;
	time_t end;

	if (argc != 4 || strlen(argv[1]) >= sizeof(sa.sun_path))
		return 2;
	(void)stpcpy(sa.sun_path, argv[1]);
	n = strtoul(argv[2], NULL, 10);
	end = time(NULL) + (time_t)strtoul(argv[3], NULL, 10);
	if (n == 0 || n > N_MAX)
		return 2;
	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	while (time(NULL) < end) {
		size_t open = open_missing(&sa, n);

		most = open > most ? open : most;
		close_ended(n);
	}
	(void)printf("open: %zu\n", most);
	return 0;
}
