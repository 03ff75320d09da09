/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups in all the processes that there are: with odd descriptors, forked,
 * confined, cancelled; and what a lookup leaves behind in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lookup.h"
#include "shot.h"

#define THREADS 8

static const char *why_not; /* these tests cannot run here; or NULL */

/* Each begins with the snapshot in place, unless said otherwise not looked
 * at yet, and no broker. */
#define NEED_ROOT()                                                \
	do {                                                       \
		(void)state;                                       \
		if (why_not != NULL) {                             \
			print_message("# skipped: %s\n", why_not); \
			skip();                                    \
		}                                                  \
		fake_stop();                                       \
		shot_alice(false, false);                          \
	} while (0)

/* No assertions: this is for children and threads. */
static bool
looks_up(enum entry e)
{
	char buf[SWEEP_MAX];
	union result r;
	int err;

	return invoke(e, &r, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS &&
	    (is_user(e) ? strcmp(r.pwd.pw_dir, "/home/alice") == 0
			: strcmp(r.grp.gr_mem[0], "member0") == 0);
}

static bool
misses(void)
{
	char buf[SWEEP_MAX];
	struct passwd pwd;
	int err;

	return module.getpwnam_r("nobody-here", &pwd, buf, sizeof(buf), &err) ==
	    NSS_STATUS_NOTFOUND;
}

static bool
all_look_up(void)
{
	return looks_up(PWNAM) && looks_up(PWUID) && looks_up(GRNAM) &&
	    looks_up(GRGID) && misses();
}

/* How often is a snapshot mapped here? */
static int
count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096];
	int n = 0;

	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "users.snapshot") != NULL;
	(void)fclose(f);
	return n;
}

static int
with_closed_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (!all_look_up())
		return 1;
	for (int fd = 0; fd < 16; fd++)
		if (fd < 3 && fcntl(fd, F_GETFD) != -1)
			return 2;
	return 0;
}

static void
it_works_with_closed_stdio(void **state)
{
	NEED_ROOT();
	in_child(with_closed_stdio);
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
	return fd >= 5000 && all_look_up() ? 0 : 3;
}

static void
it_works_with_5000_files_open(void **state)
{
	NEED_ROOT();
	if (fake_valgrind())
		skip();
	in_child(with_5000_files);
}

/* Warm, none is needed; else there is no answer, and no wrong one. */
static int
without_descriptors(void)
{
	const struct rlimit none = { 3, 1024 }, some = { 1024, 1024 };
	char buf[SWEEP_MAX];
	union result r;
	int err;

	if (!all_look_up() || setrlimit(RLIMIT_NOFILE, &none) != 0)
		return 1;
	if (!all_look_up() || setrlimit(RLIMIT_NOFILE, &some) != 0)
		return 2;
	shot_alice(false, false);
	if (setrlimit(RLIMIT_NOFILE, &none) != 0)
		return 3;
	for (enum entry e = 0; e < ENTRIES; e++)
		if (invoke(e, &r, buf, sizeof(buf), &err) !=
			NSS_STATUS_TRYAGAIN ||
		    err != EAGAIN)
			return 4 + (int)e;
	return 0;
}

static void
out_of_descriptors_it_goes_on_while_it_is_warm(void **state)
{
	NEED_ROOT();
	if (fake_valgrind())
		skip();
	in_child(without_descriptors);
}

static void
no_descriptor_stays_open(void **state)
{
	int before;

	NEED_ROOT();
	before = count_fds();
	for (int i = 0; i < 20; i++) {
		shot_alice(false, false);
		assert_true(all_look_up());
		shot_remove();
		assert_false(looks_up(PWNAM));
	}
	assert_int_equal(count_fds(), before);
}

static int
chrooted(void)
{
	if (!all_look_up() || mkdir("/run/empty", 0755) != 0 ||
	    chroot("/run/empty") != 0 || chdir("/") != 0)
		return 1;
	return all_look_up() ? 0 : 2;
}

/* What was replaced is no answer, although there is no other to be seen. */
static int
chrooted_and_replaced(void)
{
	const int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!all_look_up() || chroot("/run/empty") != 0)
		return 1;
	if (fchdir(root) != 0 || chroot(".") != 0)
		return 2;
	shot_alice(false, false);
	if (chroot("/run/empty") != 0 || looks_up(PWNAM))
		return 3;
	return fchdir(root) == 0 && chroot(".") == 0 && all_look_up() ? 0 : 4;
}

static void
it_works_after_chroot(void **state)
{
	NEED_ROOT();
	in_child(chrooted);
	in_child(chrooted_and_replaced);
}

static int
as_nobody(void)
{
	return setresgid(65534, 65534, 65534) == 0 &&
		setresuid(65534, 65534, 65534) == 0 && all_look_up()
	    ? 0
	    : 1;
}

static void
it_works_for_everybody(void **state)
{
	NEED_ROOT();
	in_child(as_nobody); /* cold */
	assert_true(all_look_up());
	in_child(as_nobody); /* warm */
}

#ifndef __SANITIZE_ADDRESS__
static int
without_system_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
		filter };

	rewind_all();
	if (!all_look_up() || !looks_up(GRENT) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 1;
	for (int i = 0; i < 1000; i++) {
		rewind_all();
		if (!all_look_up() || !looks_up(GRENT))
			return 2;
	}
	return 0;
}

static void
a_warm_lookup_makes_no_system_call(void **state)
{
	NEED_ROOT();
	if (fake_valgrind())
		skip();
	in_child(without_system_calls);
}
#endif

/*
 * Threads.
 */

static atomic_bool stop;
static atomic_uint wrong;

static void *
look_up_until_stop(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		if (!all_look_up())
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

static void
threads_begin(pthread_t threads[THREADS])
{
	atomic_store(&stop, false);
	atomic_store(&wrong, 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
				     look_up_until_stop, NULL),
		    0);
}

static void
threads_end(pthread_t threads[THREADS])
{
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&wrong), 0);
}

static int
replaced_in_child(void)
{
	for (int i = 0; i < 5; i++) {
		if (!all_look_up())
			return 1;
		shot_alice(false, false);
	}
	return all_look_up() ? 0 : 2;
}

static void
a_fork_works_and_sees_what_comes(void **state)
{
	NEED_ROOT();
	in_child(replaced_in_child);
	assert_true(all_look_up());
	in_child(replaced_in_child);
	assert_true(all_look_up());
	assert_int_equal(count_maps(), 1);
}

/* The slots that others held are lost in each child, and in a child's child
 * again: it must not matter. */
static int
forked_deep(unsigned depth)
{
	int status;
	pid_t pid;

	if (!all_look_up())
		return 1;
	if (depth == 0)
		return 0;
	if ((pid = fork()) == 0)
		_exit(forked_deep(depth - 1));
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 2;
}

static int
forked_once(void)
{
	return forked_deep(1);
}

static void
a_fork_amid_lookups_works(void **state)
{
	pthread_t threads[THREADS];

	NEED_ROOT();
	if (fake_valgrind())
		skip();
	threads_begin(threads);
	for (int i = 0; i < (fake_brief() ? 5 : 100); i++) {
		in_child(forked_once);
		shot_alice(false, false);
	}
	threads_end(threads);
}

/* What a cancelled thread leaves of its stack confuses ASan. */
#ifndef __SANITIZE_ADDRESS__
static void *
be_cancelled(void *arg)
{
	const int *type = arg;
	int before;

	pthread_setcanceltype(*type, &before);
	for (;;) {
		if (!all_look_up())
			atomic_fetch_add(&wrong, 1);
		if (*type == PTHREAD_CANCEL_DEFERRED)
			pthread_testcancel();
	}
	return NULL;
}

static void
cancel_many(int type, int n)
{
	pthread_t thread;

	for (int i = 0; i < n; i++) {
		assert_int_equal(pthread_create(&thread, NULL, be_cancelled,
				     &type),
		    0);
		usleep((useconds_t)(100 + i % 7 * 30));
		assert_int_equal(pthread_cancel(thread), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_int_equal(atomic_load(&wrong), 0);
}

/* Its slots are lost, all of them after a while, and its answers are not.  In
 * a child, for what is lost is lost. */
static int
cancelled_anywhere(void)
{
	if (!all_look_up()) /* none is in malloc(3) when it is cancelled */
		return 1;
	cancel_many(PTHREAD_CANCEL_ASYNCHRONOUS, fake_brief() ? 10 : 300);
	if (!all_look_up())
		return 2;
	shot_alice(false, false);
	return all_look_up() ? 0 : 3;
}

static void
cancelled_threads_leave_all_in_order(void **state)
{
	const int n = count_fds();

	NEED_ROOT();
	atomic_store(&wrong, 0);
	cancel_many(PTHREAD_CANCEL_DEFERRED, fake_brief() ? 10 : 100);
	assert_int_equal(count_fds(), n);
	in_child(cancelled_anywhere);
}

static void *
ask_until_cancelled(void *arg)
{
	char buf[SWEEP_MAX];
	struct group grp;
	int err;

	(void)arg;
	for (;; pthread_testcancel())
		(void)module.getgrnam_r("staff1", &grp, buf, sizeof(buf), &err);
	return NULL;
}

static void
a_thread_cancelled_while_it_asks_leaves_no_descriptor(void **state)
{
	pthread_t thread;
	int before;

	NEED_ROOT();
	shot_remove();
	before = count_fds();
	for (int i = 0; i < 10; i++) {
		fake_start(0);
		fake->mode = FAKE_HANG;
		assert_int_equal(pthread_create(&thread, NULL,
				     ask_until_cancelled, NULL),
		    0);
		usleep(20000);
		assert_int_equal(pthread_cancel(thread), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_int_equal(count_fds(), before);
}

#endif

static void
loading_again_and_again_leaves_nothing(void **state)
{
	char path[4096];
	int maps;

	NEED_ROOT();
	assert_true(all_look_up());
	maps = count_maps();
	snprintf(path, sizeof(path), "%s/libnss_zt.so.2",
	    getenv("ZT_BUILD") != NULL ? getenv("ZT_BUILD") : "build");
	for (int i = 0; i < 1000; i++) {
		void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);

		assert_non_null(so);
		assert_int_equal(dlclose(so), 0);
		assert_true(all_look_up());
	}
	assert_int_equal(count_maps(), maps);
}

static void
one_mapping_remains_of_many_snapshots(void **state)
{
	NEED_ROOT();
	for (int i = 0; i < 100; i++) {
		shot_alice(false, false);
		assert_true(all_look_up());
		assert_int_equal(count_maps(), 1);
	}
	shot_remove();
	assert_false(looks_up(PWNAM));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_works_with_closed_stdio),
		cmocka_unit_test(it_works_with_5000_files_open),
		cmocka_unit_test(
		    out_of_descriptors_it_goes_on_while_it_is_warm),
		cmocka_unit_test(no_descriptor_stays_open),
		cmocka_unit_test(it_works_after_chroot),
		cmocka_unit_test(it_works_for_everybody),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(a_warm_lookup_makes_no_system_call),
#endif
		cmocka_unit_test(a_fork_works_and_sees_what_comes),
		cmocka_unit_test(a_fork_amid_lookups_works),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(cancelled_threads_leave_all_in_order),
		cmocka_unit_test(
		    a_thread_cancelled_while_it_asks_leaves_no_descriptor),
#endif
		cmocka_unit_test(loading_again_and_again_leaves_nothing),
		cmocka_unit_test(one_mapping_remains_of_many_snapshots),
	};
	int failed;

	why_not = fake_setup();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_stop();
	return failed;
}
