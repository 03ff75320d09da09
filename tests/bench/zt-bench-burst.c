/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ask the broker for many account decisions at once, and one after another.
 *
 *   zt-bench-burst N ROUNDS
 *
 * N connections are opened, then N requests sent, half for a user whom the
 * endpoint permits and half for one whom it denies, then N answers awaited.
 * Prints totals of all rounds, and decisions per second (medians):
 *
 *   asked, permitted, denied, wrong, missing <count>
 *   burst, sequential <per second>
 *
 * Fails if an answer is wrong or missing, or two carry the same decision id.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sample.h"
#include "zt/client.h"
#include "zt/wire.h"

#define N_MAX      2000
#define ROUNDS_MAX 100
#define ASKED_MAX  (2 * N_MAX * ROUNDS_MAX)
#define LIMIT_US   15e6 /* for all answers of a burst */

static const char *const users[] = { "dave", "bob" };
static const enum zt_verdict verdicts[] = { ZT_VERDICT_PERMIT,
	ZT_VERDICT_DENY };

static struct {
	size_t asked, right[2], wrong, missing;
} total;

static char ids[ASKED_MAX][ZT_ID_MAX + 1];
static size_t n_ids;

static bool
request_send(int fd, size_t i)
{
	const struct zt_pam_request request = { .phase = ZT_PHASE_ACCOUNT,
		.service = zt_str("login"),
		.user = zt_str(users[i % 2]) };
	uint8_t buf[512];
	size_t len;

	return zt_pam_request_encode(&request, buf, sizeof(buf), &len) ==
	    ZT_OK &&
	    send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Is it the answer for connection i, and recorded? */
static void
reply_count(int fd, size_t i)
{
	uint8_t buf[4096];
	struct zt_pam_reply reply;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n <= 0) {
		total.missing++;
		return;
	}
	if (zt_pam_reply_decode(buf, (size_t)n, &reply) != ZT_OK ||
	    reply.verdict != verdicts[i % 2] ||
	    zt_str_copy(ids[n_ids], sizeof(ids[0]), reply.id) != ZT_OK ||
	    reply.id.len != ZT_ID_MAX) {
		total.wrong++;
		return;
	}
	n_ids++;
	total.right[i % 2]++;
}

static int
dial(void)
{
	const struct sockaddr_un sun = { .sun_family = AF_UNIX,
		.sun_path = ZT_SOCKET_PAM };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0) {
		perror("bench: connect");
		exit(1);
	}
	return fd;
}

static void
replies_await(struct pollfd *fds, size_t n, double until_us)
{
	size_t left = n;

	while (left > 0 && sample_now_us() < until_us) {
		if (poll(fds, n, 100) <= 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (fds[i].fd < 0 || fds[i].revents == 0)
				continue;
			reply_count(fds[i].fd, i);
			(void)close(fds[i].fd);
			fds[i].fd = -1;
			left--;
		}
	}
	total.missing += left;
}

/* n at once; returns them per second. */
static double
burst(size_t n)
{
	static struct pollfd fds[N_MAX];
	double from;

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = dial(), .events = POLLIN };
	from = sample_now_us();
	for (size_t i = 0; i < n; i++)
		if (!request_send(fds[i].fd, i))
			perror("bench: send"); /* its answer will be missing */
	replies_await(fds, n, from + LIMIT_US);
	total.asked += n;
	return (double)n * 1e6 / (sample_now_us() - from);
}

/* n one after another; returns them per second. */
static double
sequence(size_t n)
{
	double from = sample_now_us();

	for (size_t i = 0; i < n; i++) {
		struct pollfd one = { .fd = dial(), .events = POLLIN };

		if (!request_send(one.fd, i) || poll(&one, 1, 15000) != 1)
			total.missing++;
		else
			reply_count(one.fd, i);
		(void)close(one.fd);
	}
	total.asked += n;
	return (double)n * 1e6 / (sample_now_us() - from);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool
ids_are_distinct(void)
{
	qsort(ids, n_ids, sizeof(ids[0]), compare);
	for (size_t i = 1; i < n_ids; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0)
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	static struct sample at_once, one_by_one;
	const struct rlimit files = { N_MAX + 64, N_MAX + 64 };
	size_t n, rounds;

	if (argc != 3)
		return 2;
	n = sample_count(argv[1], N_MAX);
	rounds = sample_count(argv[2], ROUNDS_MAX);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < rounds; i++) {
		sample_add(&one_by_one, sequence(n / 4 + 1));
		sample_add(&at_once, burst(n));
	}
	(void)printf("asked %zu\npermitted %zu\ndenied %zu\nwrong %zu\n"
		     "missing %zu\nburst %.0f\nsequential %.0f\n",
	    total.asked, total.right[0], total.right[1], total.wrong,
	    total.missing, sample_quantile(&at_once, 0.5),
	    sample_quantile(&one_by_one, 0.5));
	return total.wrong == 0 && total.missing == 0 && ids_are_distinct() ? 0
									    : 1;
}
