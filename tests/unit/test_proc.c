/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ztd/proc.h"
#include "zt/auto.h"

#define TAIL \
	" S 41 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654321 1000 5"

static void
stat_of_an_ordinary_process_is_read(void **state)
{
	struct proc_info info = { 0 };

	(void)state;
	assert_int_equal(proc_parse_stat("4242 (sshd)" TAIL, &info), ZT_OK);
	assert_int_equal(info.id.pid, 4242);
	assert_int_equal(info.ppid, 41);
	assert_int_equal(info.id.start, 987654321);
}

static void
stat_is_not_fooled_by_the_command_name(void **state)
{
	struct proc_info info = { 0 };

	(void)state;
	assert_int_equal(proc_parse_stat("7 (a) R 1 1 (b) S 2 3\n)" TAIL,
			     &info),
	    ZT_OK);
	assert_int_equal(info.id.pid, 7);
	assert_int_equal(info.ppid, 41);
	assert_int_equal(info.id.start, 987654321);
}

static void
stat_cut_short_is_malformed(void **state)
{
	static const char whole[] = "4242 (sshd)" TAIL;
	struct proc_info info = { 0 };
	/* up to the first digit of the start time */
	const size_t start = (size_t)(strstr(whole, "987654321") - whole);

	(void)state;
	for (size_t n = 0; n < start; n++) {
		zt_auto_free char *text = strndup(whole, n);

		assert_int_equal(proc_parse_stat(text, &info),
		    ZT_ERR_MALFORMED);
	}
	assert_int_equal(info.id.pid, 0);
}

static void
own_process_and_parent_are_found(void **state)
{
	struct proc_info own, parent;
	uid_t ruid;

	(void)state;
	assert_int_equal(proc_read(getpid(), &own), ZT_OK);
	assert_int_equal(own.id.pid, getpid());
	assert_int_equal(own.ppid, getppid());
	assert_int_equal(proc_ruid(&own.id, &ruid), ZT_OK);
	assert_int_equal(ruid, getuid());
	assert_int_equal(proc_parent(&own, &parent), ZT_OK);
	assert_int_equal(parent.id.pid, getppid());
	own.id.start++;
	assert_int_equal(proc_parent(&own, &parent), ZT_ERR_NOTFOUND);
	assert_int_equal(proc_ruid(&own.id, &ruid), ZT_ERR_NOTFOUND);
}

static void
foreign_pids_are_not_found(void **state)
{
	struct proc_info info;

	(void)state;
	assert_int_equal(proc_read(0, &info), ZT_ERR_NOTFOUND);
	assert_int_equal(proc_read(-1, &info), ZT_ERR_NOTFOUND);
	assert_int_equal(proc_read(INT32_MAX, &info), ZT_ERR_NOTFOUND);
}

static pid_t
sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)pause();
		_exit(0);
	}
	return pid;
}

static void
pidfd_becomes_readable_when_the_process_ends(void **state)
{
	struct proc_info info;
	struct pollfd pfd = { .events = POLLIN };
	pid_t pid = sleeper();

	(void)state;
	assert_int_equal(proc_read(pid, &info), ZT_OK);
	assert_int_equal(proc_open(&info.id, &pfd.fd), ZT_OK);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_int_equal(close(pfd.fd), 0);
	assert_int_equal(proc_open(&info.id, &pfd.fd), ZT_ERR_NOTFOUND);
}

static void
pidfd_is_refused_for_another_start_time(void **state)
{
	struct proc_info info;
	int fd = -1;

	(void)state;
	assert_int_equal(proc_read(getpid(), &info), ZT_OK);
	info.id.start++;
	assert_int_equal(proc_open(&info.id, &fd), ZT_ERR_NOTFOUND);
	assert_int_equal(fd, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_of_an_ordinary_process_is_read),
		cmocka_unit_test(stat_is_not_fooled_by_the_command_name),
		cmocka_unit_test(stat_cut_short_is_malformed),
		cmocka_unit_test(own_process_and_parent_are_found),
		cmocka_unit_test(foreign_pids_are_not_found),
		cmocka_unit_test(pidfd_becomes_readable_when_the_process_ends),
		cmocka_unit_test(pidfd_is_refused_for_another_start_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
