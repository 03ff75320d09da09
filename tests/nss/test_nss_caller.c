/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that looks up: its descriptors, signals, threads, stack and errno
 * are its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "lookup.h"

static const char *why_not; /* these tests cannot run here; or NULL */

#define NEED_ROOT()                                                \
	do {                                                       \
		(void)state;                                       \
		if (why_not != NULL) {                             \
			print_message("# skipped: %s\n", why_not); \
			skip();                                    \
		}                                                  \
	} while (0)

static void
no_descriptor_stays_open(void **state)
{
	int before;

	NEED_ROOT();
	start_with(PWNAM);
	before = count_fds();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		good_reply(e);
		succeeds(e);
		fake_absent(true);
		fails_with(e, NSS_STATUS_NOTFOUND, ENOENT);
		fake->len = 1;
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
	}
	fake->mode = FAKE_HANG;
	fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
	assert_int_equal(count_fds(), before);
}

static bool
looks_up(void)
{
	union result r;
	char buf[SWEEP_MAX];
	int err;

	return invoke(PWNAM, &r, buf, sizeof(buf), &err) ==
	    NSS_STATUS_SUCCESS &&
	    strcmp(r.pwd.pw_dir, "/home/alice") == 0;
}

static int
with_closed_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (!looks_up())
		return 1;
	for (int fd = 0; fd < 16; fd++)
		if (fd < 3 && fcntl(fd, F_GETFD) != -1)
			return 2;
	return 0;
}

static int
with_5000_files(void)
{
	const struct rlimit limit = { 8192, 8192 };
	int fd = -1;

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	for (int i = 0; i < 5000; i++)
		if ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
			return 2;
	return fd >= 5000 && looks_up() ? 0 : 3;
}

static int
without_descriptors(void)
{
	const struct rlimit limit = { 3, 3 };
	union result r;
	char buf[SWEEP_MAX];
	int err;

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	for (enum entry e = 0; e < ENTRIES; e++)
		if (invoke(e, &r, buf, sizeof(buf), &err) !=
			NSS_STATUS_TRYAGAIN ||
		    err != EAGAIN)
			return 2 + (int)e;
	return 0;
}

static void
it_works_with_closed_stdio(void **state)
{
	NEED_ROOT();
	start_with(PWNAM);
	in_child(with_closed_stdio);
}

static void
it_works_with_5000_files_open(void **state)
{
	NEED_ROOT();
	if (fake_valgrind())
		skip();
	start_with(PWNAM);
	in_child(with_5000_files);
}

static void
out_of_descriptors_is_tryagain(void **state)
{
	NEED_ROOT();
	if (fake_valgrind())
		skip();
	start_with(PWNAM);
	in_child(without_descriptors);
}

static void
on_alarm(int sig)
{
	(void)sig;
}

static void
signals_do_not_disturb_a_lookup(void **state)
{
	struct sigaction sa = { .sa_handler = on_alarm }; /* no SA_RESTART */
	struct itimerval tick = { { 0, 300 }, { 0, 300 } };

	NEED_ROOT();
	start_with(PWNAM);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	for (int i = 0; i < 2000; i++)
		succeeds(PWNAM);
	memset(&tick, 0, sizeof(tick));
	setitimer(ITIMER_REAL, &tick, NULL);
}

static void *
look_up_often(void *arg)
{
	bool *ok = arg;

	*ok = true;
	for (int i = 0; i < 300; i++)
		*ok = looks_up() && *ok;
	return NULL;
}

static void
threads_look_up_at_once(void **state)
{
	pthread_t threads[4];
	bool ok[4] = { false };

	NEED_ROOT();
	start_with(PWNAM);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
				     look_up_often, &ok[i]),
		    0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(ok[i]);
	}
}

#ifndef __SANITIZE_ADDRESS__
static void *
look_up_group(void *arg)
{
	static char buf[1 << 17];
	union result r;
	int err;

	*(bool *)arg = module.getgrnam_r("staff1", &r.grp, buf, sizeof(buf),
			   &err) == NSS_STATUS_SUCCESS;
	return NULL;
}

/* What musl's default is to programs, and PTHREAD_STACK_MIN to glibc's. */
static void
a_small_stack_suffices(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok = false;

	NEED_ROOT();
	start_with(GRNAM);
	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, 16384), 0);
	assert_int_equal(pthread_create(&thread, &attr, look_up_group, &ok), 0);
	pthread_join(thread, NULL);
	assert_true(ok);
}
#endif

/* glibc passes &errno: success must leave even that alone. */
static void
errno_itself_may_be_the_errnop(void **state)
{
	union result r;
	char buf[SWEEP_MAX];

	NEED_ROOT();
	start_with(GRNAM);
	errno = SENTINEL;
	assert_int_equal(invoke(GRNAM, &r, buf, sizeof(buf), &errno),
	    NSS_STATUS_SUCCESS);
	assert_int_equal(errno, SENTINEL);
	assert_int_equal(invoke(GRNAM, &r, buf, 8, &errno),
	    NSS_STATUS_TRYAGAIN);
	assert_int_equal(errno, ERANGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_descriptor_stays_open),
		cmocka_unit_test(it_works_with_closed_stdio),
		cmocka_unit_test(it_works_with_5000_files_open),
		cmocka_unit_test(out_of_descriptors_is_tryagain),
		cmocka_unit_test(signals_do_not_disturb_a_lookup),
		cmocka_unit_test(threads_look_up_at_once),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(a_small_stack_suffices),
#endif
		cmocka_unit_test(errno_itself_may_be_the_errnop),
	};
	int failed;

	why_not = fake_setup();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_stop();
	return failed;
}
