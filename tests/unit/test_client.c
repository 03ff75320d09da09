/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "zt/client.h"
#include "zt/wire.h"

#define TIMEOUT_MS 300
#define SLACK_MS   400 /* two loaded cores */
#define NOBODY     65534

static uint8_t reply[ZT_WIRE_MAX];

/* Call with a small request; errno must survive, failures fill nothing. */
static enum zt_err
call(const char *path, size_t *len_out)
{
	size_t len = 77;
	enum zt_err err;

	errno = ELNRNG;
	err = zt_client_call(path, TIMEOUT_MS, "ping", 4, reply, sizeof(reply),
	    &len);
	assert_int_equal(errno, ELNRNG);
	if (err != ZT_OK)
		assert_int_equal(len, 77);
	if (len_out != NULL)
		*len_out = len;
	return err;
}

static int
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

static void
a_request_is_answered(void **state)
{
	struct peer peer;
	int before = open_files();
	size_t len;

	(void)state;
	peer_start(&peer, 8, 0, peer_echoes, NULL);
	assert_int_equal(call(peer.path, &len), ZT_OK);
	assert_int_equal(len, 4);
	assert_memory_equal(reply, "ping", 4);
	assert_int_equal(open_files(), before);
	peer_stop(&peer);
}

static void
the_biggest_message_passes_both_ways(void **state)
{
	static uint8_t big[ZT_WIRE_MAX];
	struct peer peer;
	size_t len;

	(void)state;
	memset(big, 'x', sizeof(big));
	peer_start(&peer, 8, 0, peer_echoes, NULL);
	assert_int_equal(zt_client_call(peer.path, TIMEOUT_MS, big, sizeof(big),
			     reply, sizeof(reply), &len),
	    ZT_OK);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(reply, big, len);
	peer_stop(&peer);
}

static void
a_reply_larger_than_the_buffer_is_refused_whole(void **state)
{
	static const uint8_t big[ZT_WIRE_MAX + 1];
	const struct peer_answer answer = { big, sizeof(big) };
	struct peer peer;
	size_t len = 77;

	(void)state;
	peer_start(&peer, 8, 0, peer_replies, &answer);
	assert_int_equal(call(peer.path, NULL), ZT_ERR_TOOBIG);
	memset(reply, 0xa5, 8);
	assert_int_equal(zt_client_call(peer.path, TIMEOUT_MS, "x", 1, reply, 4,
			     &len),
	    ZT_ERR_TOOBIG);
	assert_int_equal(reply[4], 0xa5);
	assert_int_equal(len, 77);
	peer_stop(&peer);
}

static void
an_absent_broker_is_unavailable_at_once(void **state)
{
	struct peer peer;
	long start;

	(void)state;
	peer_absent(&peer);
	start = peer_now_ms();
	assert_int_equal(call(peer.path, NULL), ZT_ERR_UNAVAIL);
	assert_true(peer_now_ms() - start < TIMEOUT_MS);
	peer_stop(&peer);
}

static void
a_socket_nobody_listens_on_is_unavailable(void **state)
{
	struct peer peer;

	(void)state;
	peer_start(&peer, 8, 0, peer_sleeps, NULL);
	(void)kill(peer.pid, SIGKILL);
	(void)waitpid(peer.pid, NULL, 0);
	peer.pid = -1;
	assert_int_equal(call(peer.path, NULL), ZT_ERR_UNAVAIL);
	peer_stop(&peer);
}

static void
a_socket_of_another_type_is_unavailable(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct peer peer;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	peer_absent(&peer);
	(void)strcpy(sun.sun_path, peer.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(call(peer.path, NULL), ZT_ERR_UNAVAIL);
	(void)close(fd);
	peer_stop(&peer);
}

static void
a_broker_that_hangs_up_is_unavailable(void **state)
{
	struct peer peer;

	(void)state;
	peer_start(&peer, 8, 0, peer_hangs_up, NULL);
	assert_int_equal(call(peer.path, NULL), ZT_ERR_UNAVAIL);
	peer_stop(&peer);
}

static void
an_empty_reply_is_no_answer(void **state)
{
	const struct peer_answer answer = { "", 0 };
	struct peer peer;

	(void)state;
	peer_start(&peer, 8, 0, peer_replies, &answer);
	assert_int_equal(call(peer.path, NULL), ZT_ERR_UNAVAIL);
	peer_stop(&peer);
}

static void
assert_times_out(peer_role *role, int backlog, int connections)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int before = open_files();
	struct peer peer;
	int fds[8];
	long start;

	peer_start(&peer, backlog, 0, role, NULL);
	(void)strcpy(sun.sun_path, peer.path);
	for (int i = 0; i < connections; i++) {
		fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&sun, sizeof(sun));
	}
	start = peer_now_ms();
	assert_int_equal(call(peer.path, NULL), ZT_ERR_TIMEOUT);
	assert_in_range(peer_now_ms() - start, TIMEOUT_MS - 1,
	    TIMEOUT_MS + SLACK_MS);
	for (int i = 0; i < connections; i++)
		(void)close(fds[i]);
	assert_int_equal(open_files(), before);
	peer_stop(&peer);
}

static void
a_broker_that_never_accepts_times_out(void **state)
{
	(void)state;
	assert_times_out(peer_sleeps, 8, 0);
}

static void
a_broker_that_never_answers_times_out(void **state)
{
	(void)state;
	assert_times_out(peer_is_silent, 8, 0);
}

static void
a_full_backlog_times_out(void **state)
{
	(void)state;
	assert_times_out(peer_sleeps, 0, 3);
}

static void
on_alarm(int signo)
{
	(void)signo;
}

/* Interrupt the test's system calls every millisecond, or stop doing so. */
static void
storm(bool on)
{
	const struct sigaction sa = { .sa_handler = on_alarm };
	const struct timeval tick = { .tv_usec = on ? 1000 : 0 };
	const struct itimerval timer = { tick, tick };

	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void
a_storm_of_signals_does_not_move_the_deadline(void **state)
{
	(void)state;
	storm(true);
	assert_times_out(peer_sleeps, 0, 3);
	assert_times_out(peer_is_silent, 8, 0);
	storm(false);
}

static void *
interrupt_late(void *thread)
{
	(void)usleep((TIMEOUT_MS - 50) * 1000);
	(void)pthread_kill(*(pthread_t *)thread, SIGALRM);
	return NULL;
}

static void
one_signal_just_before_the_deadline_does_not_double_it(void **state)
{
	const struct sigaction sa = { .sa_handler = on_alarm };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	pthread_t self = pthread_self(), thread;
	struct peer peer;
	int fds[3];
	long start;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	peer_start(&peer, 0, 0, peer_sleeps, NULL);
	(void)strcpy(sun.sun_path, peer.path);
	for (int i = 0; i < 3; i++) {
		fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&sun, sizeof(sun));
	}
	assert_int_equal(pthread_create(&thread, NULL, interrupt_late, &self),
	    0);
	start = peer_now_ms();
	assert_int_equal(call(peer.path, NULL), ZT_ERR_TIMEOUT);
	assert_in_range(peer_now_ms() - start, TIMEOUT_MS - 1,
	    TIMEOUT_MS + TIMEOUT_MS / 2);
	(void)pthread_join(thread, NULL);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	peer_stop(&peer);
}

static void
no_time_at_all_is_a_timeout(void **state)
{
	struct peer peer;
	size_t len;

	(void)state;
	peer_start(&peer, 8, 0, peer_echoes, NULL);
	assert_int_equal(zt_client_call(peer.path, 0, "x", 1, reply,
			     sizeof(reply), &len),
	    ZT_ERR_TIMEOUT);
	peer_stop(&peer);
}

static void
an_impostor_is_not_believed(void **state)
{
	struct peer peer;

	(void)state;
	if (geteuid() != 0)
		skip();
	peer_start(&peer, 8, NOBODY, peer_echoes, NULL);
	assert_int_equal(call(peer.path, NULL), ZT_ERR_IMPOSTOR);
	peer_stop(&peer);
}

static void
the_owner_of_a_closed_directory_is_believed(void **state)
{
	struct peer peer;

	(void)state;
	if (geteuid() != 0)
		skip();
	peer_start(&peer, 8, NOBODY, peer_echoes, NULL);
	assert_int_equal(chown(peer.dir, NOBODY, NOBODY), 0);
	assert_int_equal(call(peer.path, NULL), ZT_OK);
	assert_int_equal(chmod(peer.dir, 0775), 0);
	assert_int_equal(call(peer.path, NULL), ZT_ERR_IMPOSTOR);
	assert_int_equal(chmod(peer.dir, 0757), 0);
	assert_int_equal(call(peer.path, NULL), ZT_ERR_IMPOSTOR);
	peer_stop(&peer);
}

static volatile sig_atomic_t stdio_used;

static void
look_at_stdio(int signo)
{
	(void)signo;
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			stdio_used = 1;
}

/* Call from a process without stdio; look at it while the call waits. */
static int
call_without_stdio(const char *path)
{
	const struct sigaction sa = { .sa_handler = look_at_stdio };
	size_t len;

	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	(void)sigaction(SIGALRM, &sa, NULL);
	(void)ualarm(100000, 0);
	if (zt_client_call(path, TIMEOUT_MS, "x", 1, reply, sizeof(reply),
		&len) != ZT_ERR_TIMEOUT)
		return 1;
	look_at_stdio(0);
	return stdio_used ? 2 : 0;
}

static void
closed_stdio_is_not_taken(void **state)
{
	struct peer peer;
	int status = -1;
	pid_t pid;

	(void)state;
	peer_start(&peer, 8, 0, peer_is_silent, NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(call_without_stdio(peer.path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	peer_stop(&peer);
}

static enum zt_err
call_within(const char *path, rlim_t descriptors)
{
	struct rlimit limit = { .rlim_cur = descriptors }, before;
	enum zt_err err;

	(void)getrlimit(RLIMIT_NOFILE, &before);
	limit.rlim_max = before.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	err = call(path, NULL);
	(void)setrlimit(RLIMIT_NOFILE, &before);
	return err;
}

/* That is no word on the broker: it may be there. */
static void
without_a_descriptor_it_says_so(void **state)
{
	struct peer peer;
	int saved;

	(void)state;
	peer_start(&peer, 8, 0, peer_echoes, NULL);
	assert_int_equal(call_within(peer.path, 3), ZT_ERR_NOMEM);
	saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
	(void)close(0); /* it gets this one, and no better one */
	assert_int_equal(call_within(peer.path, 3), ZT_ERR_NOMEM);
	assert_int_equal(call_within(peer.path, 2), ZT_ERR_NOMEM);
	if (saved >= 0) {
		assert_int_equal(fcntl(0, F_GETFD), -1);
		(void)dup2(saved, 0);
		(void)close(saved);
	}
	assert_int_equal(call(peer.path, NULL), ZT_OK);
	peer_stop(&peer);
}

static void
a_relative_or_overlong_path_is_invalid(void **state)
{
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	assert_int_equal(call(path, NULL), ZT_ERR_INVAL);
	path[107] = '\0';
	assert_int_equal(call(path, NULL), ZT_ERR_UNAVAIL);
	assert_int_equal(call("run/ztd/pam", NULL), ZT_ERR_INVAL);
	assert_int_equal(call("", NULL), ZT_ERR_INVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(the_biggest_message_passes_both_ways),
		cmocka_unit_test(
		    a_reply_larger_than_the_buffer_is_refused_whole),
		cmocka_unit_test(an_absent_broker_is_unavailable_at_once),
		cmocka_unit_test(a_socket_nobody_listens_on_is_unavailable),
		cmocka_unit_test(a_socket_of_another_type_is_unavailable),
		cmocka_unit_test(a_broker_that_hangs_up_is_unavailable),
		cmocka_unit_test(an_empty_reply_is_no_answer),
		cmocka_unit_test(a_broker_that_never_accepts_times_out),
		cmocka_unit_test(a_broker_that_never_answers_times_out),
		cmocka_unit_test(a_full_backlog_times_out),
		cmocka_unit_test(a_storm_of_signals_does_not_move_the_deadline),
		cmocka_unit_test(
		    one_signal_just_before_the_deadline_does_not_double_it),
		cmocka_unit_test(no_time_at_all_is_a_timeout),
		cmocka_unit_test(an_impostor_is_not_believed),
		cmocka_unit_test(the_owner_of_a_closed_directory_is_believed),
		cmocka_unit_test(closed_stdio_is_not_taken),
		cmocka_unit_test(without_a_descriptor_it_says_so),
		cmocka_unit_test(a_relative_or_overlong_path_is_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
