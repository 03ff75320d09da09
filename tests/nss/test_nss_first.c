/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first lookup of a process, which reads the snapshot and does not map
 * it.  Nothing here may look anybody up but in a child: each is a process that
 * never did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lookup.h"
#include "shot.h"
#include "zt/snapshot_format.h"

#define THREADS  8
#define RACES    40
#define NO_TOUCH 4711 /* in errno */

static const char *why_not; /* these tests cannot run here; or NULL */

/* Each begins with the snapshot in place, and no broker. */
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

/* A lookup that comes to this, with errno as it was and nothing left open. */
static bool
comes_to(enum entry e, enum nss_status want, int want_errno)
{
	const int fds = count_fds();
	char buf[SWEEP_MAX];
	enum nss_status status;
	int err = SENTINEL;
	union result r;

	errno = NO_TOUCH;
	status = invoke(e, &r, buf, sizeof(buf), &err);
	if (errno != NO_TOUCH || count_fds() != fds || status != want)
		return false;
	if (status != NSS_STATUS_SUCCESS)
		return err == want_errno;
	return is_user(e) ? strcmp(r.pwd.pw_name, "alice") == 0 &&
		strcmp(r.pwd.pw_dir, "/home/alice") == 0 &&
		strcmp(r.pwd.pw_shell, "/bin/bash") == 0 && r.pwd.pw_uid == UID
			  : strcmp(r.grp.gr_mem[0], "member0") == 0;
}

static bool
finds(enum entry e)
{
	return comes_to(e, NSS_STATUS_SUCCESS, 0);
}

static enum nss_status
ask_name(const char *name, int *err)
{
	char buf[SWEEP_MAX];
	struct passwd pwd;

	return module.getpwnam_r(name, &pwd, buf, sizeof(buf), err);
}

static int
by_name(void)
{
	if (!finds(PWNAM) || count_maps() != 0)
		return 1;
	return finds(PWNAM) && count_maps() == 1 && finds(PWUID) ? 0 : 2;
}

static int
by_uid(void)
{
	if (!finds(PWUID) || count_maps() != 0)
		return 1;
	return finds(PWUID) && count_maps() == 1 && finds(PWNAM) ? 0 : 2;
}

static void
a_process_that_asks_for_one_user_maps_nothing(void **state)
{
	NEED_ROOT();
	in_child(by_name);
	in_child(by_uid);
}

static int
group_first(void)
{
	if (!finds(GRNAM) || count_maps() != 1)
		return 1;
	/* and so is who comes after them */
	return unlink(ZT_SNAPSHOT_FILE) == 0 && finds(PWNAM) ? 0 : 2;
}

static int
gids_first(void)
{
	long n = 0, size = 1;
	gid_t *gids = malloc(sizeof(*gids));
	int err;

	if (module.initgroups_dyn("alice", 0, &n, &size, &gids, 0, &err) !=
	    NSS_STATUS_SUCCESS)
		return 1;
	free(gids);
	return count_maps() == 1 ? 0 : 2;
}

static void
groups_are_looked_up_in_the_map(void **state)
{
	NEED_ROOT();
	in_child(gids_first);
	in_child(group_first);
}

static int
nobody(void)
{
	char buf[SWEEP_MAX];
	struct passwd pwd;
	int err = 0;

	if (ask_name("nobody-here", &err) != NSS_STATUS_NOTFOUND ||
	    err != ENOENT)
		return 1;
	if (count_maps() != 0)
		return 2;
	return module.getpwuid_r(ID_MIN + 1, &pwd, buf, sizeof(buf), &err) ==
		NSS_STATUS_NOTFOUND
	    ? 0
	    : 3;
}

static int
nobody_by_uid(void)
{
	char buf[SWEEP_MAX];
	struct passwd pwd;
	int err = 0;

	return module.getpwuid_r(ID_MIN + 1, &pwd, buf, sizeof(buf), &err) ==
		    NSS_STATUS_NOTFOUND &&
		err == ENOENT && count_maps() == 0
	    ? 0
	    : 1;
}

/* Whether or not it is complete: no question to the broker either. */
static int
out_of_range(void)
{
	char buf[SWEEP_MAX];
	struct passwd pwd;
	int err = 0;

	return module.getpwuid_r(ID_MAX + 1, &pwd, buf, sizeof(buf), &err) ==
		    NSS_STATUS_NOTFOUND &&
		err == ENOENT && count_maps() == 0
	    ? 0
	    : 1;
}

static int
nobody_can_tell(void)
{
	int err = 0;

	return ask_name("nobody-here", &err) == NSS_STATUS_UNAVAIL &&
		err == ENOENT
	    ? 0
	    : 1;
}

static int
nobody_can_tell_uid(void)
{
	char buf[SWEEP_MAX];
	struct passwd pwd;
	int err = 0;

	return module.getpwuid_r(ID_MIN + 1, &pwd, buf, sizeof(buf), &err) ==
		    NSS_STATUS_UNAVAIL &&
		err == ENOENT
	    ? 0
	    : 1;
}

static void
who_is_not_there_is_told_as_from_the_map(void **state)
{
	NEED_ROOT();
	in_child(nobody);
	in_child(nobody_by_uid);
	in_child(out_of_range);
	shot_alice(false, true);
	in_child(by_name);
	in_child(out_of_range);
	in_child(nobody_can_tell);
	in_child(nobody_can_tell_uid);
}

static int
broker_is_asked(void)
{
	int err = 0;

	return ask_name("nobody-here", &err) == NSS_STATUS_NOTFOUND ? 0 : 1;
}

static void
the_broker_is_asked_where_the_file_cannot_tell(void **state)
{
	unsigned before;

	NEED_ROOT();
	shot_alice(false, true);
	fake_start(0);
	fake->mode = FAKE_CANNED;
	fake_absent(true);
	before = fake->requests;
	in_child(broker_is_asked);
	assert_int_equal(fake->requests, before + 1);
	fake_stop();
}

static int
no_room(void)
{
	char buf[SWEEP_MAX];
	union result r;
	int err = 0;

	if (invoke(PWNAM, &r, buf, 8, &err) != NSS_STATUS_TRYAGAIN ||
	    err != ERANGE)
		return 1;
	return finds(PWNAM) ? 0 : 2;
}

static int
no_file(void)
{
	if (!comes_to(PWNAM, NSS_STATUS_UNAVAIL, ENOENT))
		return 1;
	shot_alice(false, false);
	return finds(PWNAM) ? 0 : 2;
}

static int
broken_file(void)
{
	return comes_to(PWUID, NSS_STATUS_UNAVAIL, ENOENT) &&
		comes_to(PWUID, NSS_STATUS_UNAVAIL, ENOENT)
	    ? 0
	    : 1;
}

static int
no_descriptor(void)
{
	const struct rlimit none = { 3, 1024 }, some = { 1024, 1024 };
	char buf[SWEEP_MAX];
	union result r;
	int err;

	if (setrlimit(RLIMIT_NOFILE, &none) != 0 ||
	    invoke(PWNAM, &r, buf, sizeof(buf), &err) != NSS_STATUS_TRYAGAIN ||
	    err != EAGAIN)
		return 1;
	return setrlimit(RLIMIT_NOFILE, &some) == 0 && finds(PWNAM) ? 0 : 2;
}

static void
a_failure_is_what_it_would_be_with_a_map(void **state)
{
	struct zt_snapshot_header header;
	uint8_t *bytes;
	size_t len;

	NEED_ROOT();
	in_child(no_room);
	if (!fake_valgrind())
		in_child(no_descriptor);
	bytes = shot_read(&len);
	memcpy(&header, bytes, sizeof(header));
	memset(bytes + (size_t)header.sections[ZT_SNAPSHOT_USERS].offset * 8,
	    0xff, (size_t)header.sections[ZT_SNAPSHOT_USERS].len * 8);
	shot_put(bytes, len, true);
	in_child(broken_file);
	shot_put(bytes, len / 2, true);
	in_child(broken_file);
	free(bytes);
	shot_remove();
	in_child(no_file);
}

/* The second lookup looks at the file that is there then. */
static int
taken_away_meanwhile(void)
{
	static const struct shot_user bob = { .name = "bob",
		.uid = ID_MIN,
		.gid = ID_MIN,
		.gecos = "",
		.home = "/home/bob",
		.shell = "/bin/sh",
		.private_group = true };
	const struct shot only_bob = { .users = &bob,
		.n_users = 1,
		.id_min = ID_MIN,
		.id_max = ID_MAX,
		.generation = 99 };
	int err;

	if (!finds(PWNAM))
		return 1;
	shot_write(&only_bob);
	if (ask_name("alice", &err) != NSS_STATUS_NOTFOUND)
		return 2;
	return ask_name("bob", &err) == NSS_STATUS_SUCCESS ? 0 : 3;
}

static void
what_changes_after_the_first_lookup_is_seen(void **state)
{
	NEED_ROOT();
	in_child(taken_away_meanwhile);
}

static atomic_uint ready, wrong;

static void *
look_up_once(void *arg)
{
	char buf[SWEEP_MAX];
	union result r;
	int err;

	(void)arg;
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < THREADS)
		continue;
	for (int i = 0; i < 3; i++)
		if (invoke(i % 2 == 0 ? PWNAM : PWUID, &r, buf, sizeof(buf),
			&err) != NSS_STATUS_SUCCESS ||
		    strcmp(r.pwd.pw_dir, "/home/alice") != 0)
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

static int
race(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, look_up_once, NULL) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	return atomic_load(&wrong) == 0 && count_maps() == 1 ? 0 : 2;
}

static void
threads_may_be_first_together(void **state)
{
	NEED_ROOT();
	for (int i = 0; i < (fake_valgrind() ? 2 : RACES); i++)
		in_child(race);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_asks_for_one_user_maps_nothing),
		cmocka_unit_test(groups_are_looked_up_in_the_map),
		cmocka_unit_test(who_is_not_there_is_told_as_from_the_map),
		cmocka_unit_test(
		    the_broker_is_asked_where_the_file_cannot_tell),
		cmocka_unit_test(a_failure_is_what_it_would_be_with_a_map),
		cmocka_unit_test(what_changes_after_the_first_lookup_is_seen),
		cmocka_unit_test(threads_may_be_first_together),
	};
	int failed;

	why_not = fake_setup();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_stop();
	return failed;
}
