/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service manager's end of sd_notify(3).
 *
 *   zt-notify SOCKET
 *
 * Prints each message on a line of its own, after the time at which it came
 * (CLOCK_MONOTONIC, ms); a message's own line ends become blanks.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "zt/auto.h"

static int
bind_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	zt_auto_close int fd = -1;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -1;
	(void)stpcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* whoever the service has become by then */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    chmod(path, 0666) != 0)
		return -1;
	return zt_take_fd(fd);
}

static long long
now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
main(int argc, char **argv)
{
	zt_auto_close int fd = -1;
	char message[4096];
	ssize_t n;

	if (argc != 2 || (fd = bind_to(argv[1])) < 0)
		return 2;
	while ((n = recv(fd, message, sizeof(message) - 1, 0)) >= 0) {
		message[n] = '\0';
		for (char *p = message; (p = strchr(p, '\n')) != NULL;)
			*p = ' ';
		(void)printf("%lld %s\n", now_ms(), message);
		(void)fflush(stdout);
	}
	return 1;
}
