/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads look up while snapshots are replaced.  Each generation stands in
 * every record: an answer that is put together from two, or that was not in
 * force since the lookup began, is seen.
 *
 * From the environment: ZT_STRESS_LOOKUPS of each thread, ZT_STRESS_SNAPSHOTS,
 * ZT_STRESS_PAUSE_US between them, and ZT_STRESS_THREADS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lookup.h"
#include "shot.h"

#define USERS       64
#define GIDS        24
#define THREADS_MAX 64

/* Where the ids of a generation begin; they come again after CYCLE. */
#define CYCLE    1000
#define SPAN     256
#define FIRST_ID 100000

static const char *why_not;

/* Between the threads and the process that writes, as the broker would. */
static struct shared {
	_Atomic uint32_t begun, done; /* generations */
	_Atomic uint32_t to_go;       /* threads that look up still */
	_Atomic uint32_t amid; /* the last generation while there were some */
} * shared;

static atomic_ulong wrong;
static unsigned long lookups = 100000, snapshots = 300, n_threads = 8;
static unsigned long pause_us = 500; /* between two snapshots */

static uint32_t
base_of(uint32_t generation)
{
	return FIRST_ID + generation % CYCLE * SPAN;
}

static void
write_generation(uint32_t generation)
{
	static char names[USERS][16];
	char gecos[32], home[32];
	struct shot_user users[USERS];
	uint32_t members[USERS], gids[GIDS];
	const uint32_t base = base_of(generation);
	const struct shot_group group = { "team", base + 200, members, USERS };
	const struct shot shot = { .users = users,
		.n_users = USERS,
		.groups = &group,
		.n_groups = 1,
		.id_min = ID_MIN,
		.id_max = ID_MAX,
		.generation = generation };

	snprintf(gecos, sizeof(gecos), "%u", generation);
	snprintf(home, sizeof(home), "/g/%u", generation);
	for (uint32_t i = 0; i < GIDS; i++)
		gids[i] = base + 200 + i;
	for (uint32_t i = 0; i < USERS; i++) {
		snprintf(names[i], sizeof(names[i]), "u%u", i);
		users[i] = (struct shot_user){ names[i], base + i, base + i,
			gecos, home, "/bin/sh", gids, GIDS, true };
		members[i] = i;
	}
	atomic_store(&shared->begun, generation);
	shot_write(&shot);
	atomic_store(&shared->done, generation);
}

/* Was the generation in force at some time since the lookup began? */
static bool
timely(uint32_t generation, uint32_t before)
{
	return generation >= before &&
	    generation <= atomic_load(&shared->begun);
}

/* Which generation is the user of?  UINT32_MAX if of none. */
static uint32_t
generation_of(const struct passwd *pwd, uint32_t i)
{
	const uint32_t g = (uint32_t)strtoul(pwd->pw_gecos, NULL, 10);
	char name[16];

	snprintf(name, sizeof(name), "u%u", i);
	if (strcmp(pwd->pw_name, name) != 0 ||
	    strncmp(pwd->pw_dir, "/g/", 3) != 0 ||
	    strcmp(pwd->pw_dir + 3, pwd->pw_gecos) != 0 ||
	    pwd->pw_uid != base_of(g) + i || pwd->pw_gid != pwd->pw_uid)
		return UINT32_MAX;
	return g;
}

static bool
by_name(uint32_t i, uint32_t before)
{
	char name[16], buf[1024];
	struct passwd pwd;
	int err;

	snprintf(name, sizeof(name), "u%u", i);
	return module.getpwnam_r(name, &pwd, buf, sizeof(buf), &err) ==
	    NSS_STATUS_SUCCESS &&
	    timely(generation_of(&pwd, i), before);
}

/* An id of a generation that is over is nobody's. */
static bool
by_id(uint32_t i, uint32_t before)
{
	char buf[1024];
	struct passwd pwd;
	int err;

	switch (module.getpwuid_r(base_of(before) + i, &pwd, buf, sizeof(buf),
	    &err)) {
	case NSS_STATUS_SUCCESS:
		return timely(generation_of(&pwd, i), before);
	case NSS_STATUS_NOTFOUND:
		return atomic_load(&shared->begun) > before;
	case NSS_STATUS_TRYAGAIN:
	case NSS_STATUS_UNAVAIL:
	case NSS_STATUS_RETURN:
		break;
	}
	return false;
}

static bool
group_by_name(uint32_t before)
{
	char buf[4096];
	struct group grp;
	unsigned n = 0;
	int err;

	if (module.getgrnam_r("team", &grp, buf, sizeof(buf), &err) !=
		NSS_STATUS_SUCCESS ||
	    (grp.gr_gid - FIRST_ID) % SPAN != 200)
		return false;
	while (n < USERS && grp.gr_mem[n] != NULL)
		n++;
	return n == USERS && grp.gr_mem[n] == NULL &&
	    (atomic_load(&shared->begun) != before ||
		grp.gr_gid == base_of(before) + 200);
}

static bool
gids_of(uint32_t i, uint32_t before)
{
	gid_t *gids = calloc(GIDS + 1, sizeof(*gids));
	long n = 1, size = GIDS + 1;
	char name[16];
	bool right;
	int err;

	snprintf(name, sizeof(name), "u%u", i);
	gids[0] = 1;
	right = module.initgroups_dyn(name, 1, &n, &size, &gids, -1, &err) ==
		NSS_STATUS_SUCCESS &&
	    n == GIDS + 1 && (gids[1] - FIRST_ID) % SPAN == 200 &&
	    (atomic_load(&shared->begun) != before ||
		gids[1] == base_of(before) + 200);
	for (long at = 2; right && at < n; at++)
		right = gids[at] == gids[1] + (gid_t)at - 1;
	free(gids);
	return right;
}

static bool
missing(void)
{
	char buf[1024];
	struct passwd pwd;
	int err;

	return module.getpwnam_r("ghost", &pwd, buf, sizeof(buf), &err) ==
	    NSS_STATUS_NOTFOUND;
}

static bool
one_lookup(unsigned long n)
{
	const uint32_t i = (uint32_t)(n * 7 % USERS);
	const uint32_t before = atomic_load(&shared->done);

	switch (n % 16) {
	case 0:
		return group_by_name(before);
	case 1:
		return gids_of(i, before);
	case 2:
		return missing();
	default:
		return n % 2 == 0 ? by_name(i, before) : by_id(i, before);
	}
}

static void *
look_up(void *arg)
{
	(void)arg;
	for (unsigned long n = 0; n < lookups; n++)
		if (!one_lookup(n))
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

static void *
run_thread(void *arg)
{
	(void)look_up(arg);
	atomic_fetch_sub(&shared->to_go, 1);
	return NULL;
}

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

static _Noreturn void
replace_snapshots(void)
{
	const struct timespec pause = { 0, (long)pause_us * 1000 };

	for (uint32_t g = 2; g <= snapshots; g++) {
		write_generation(g);
		if (atomic_load(&shared->to_go) > 0) {
			atomic_store(&shared->amid, g);
			nanosleep(&pause, NULL);
		}
	}
	_exit(0);
}

/* The process that writes; before there are threads. */
static pid_t
writer_start(void)
{
	pid_t pid;

	write_generation(1);
	atomic_store(&shared->to_go, (uint32_t)n_threads);
	if ((pid = fork()) == 0)
		replace_snapshots();
	return pid;
}

static void
no_answer_is_torn_or_stale_and_nothing_leaks(void **state)
{
	pthread_t threads[THREADS_MAX];
	int status;
	pid_t pid;

	(void)state;
	if (why_not != NULL) {
		print_message("# skipped: %s\n", why_not);
		skip();
	}
	pid = writer_start();
	assert_true(pid > 0);
	for (unsigned long i = 0; i < n_threads; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_thread,
				     NULL),
		    0);
	for (unsigned long i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	print_message("# %lu threads of %lu lookups, %u of %lu snapshots put "
		      "in place meanwhile\n",
	    n_threads, lookups, atomic_load(&shared->amid), snapshots);
	assert_int_equal(atomic_load(&wrong), 0);
	write_generation((uint32_t)snapshots + 1);
	assert_true(by_name(1, (uint32_t)snapshots + 1));
	assert_int_equal(count_maps(), 1);
}

static unsigned long
number(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s != NULL && *s != '\0' ? strtoul(s, NULL, 10) : otherwise;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_is_torn_or_stale_and_nothing_leaks),
	};

	lookups = number("ZT_STRESS_LOOKUPS", lookups);
	snapshots = number("ZT_STRESS_SNAPSHOTS", snapshots);
	n_threads = number("ZT_STRESS_THREADS", n_threads);
	pause_us = number("ZT_STRESS_PAUSE_US", pause_us) % 1000000;
	if (n_threads > THREADS_MAX)
		n_threads = THREADS_MAX;
	why_not = fake_setup();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
