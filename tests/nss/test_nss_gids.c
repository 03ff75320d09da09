/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lookup.h"
#include "shot.h"
#include "zt/snapshot_format.h"

#define PRIMARY 70000
#define FIRST   70100 /* the broker's gids count from here */

static const char *why_not;

/* The module's too: allocation may leave anything in errno. */
void *
reallocarray(void *p, size_t n, size_t size)
{
	errno = EOVERFLOW;
	return n > SIZE_MAX / size ? NULL : realloc(p, n * size);
}

/* The caller's array, as glibc's initgroups(3) keeps it. */
struct array {
	long start, size;
	gid_t *groups;
};

static void
array_init(struct array *a, long size)
{
	a->size = size;
	a->groups = malloc((size_t)size * sizeof(gid_t));
	a->groups[0] = PRIMARY;
	a->start = 1;
}

static enum nss_status
append(struct array *a, long limit, int *errnop)
{
	enum nss_status status;

	*errnop = SENTINEL;
	errno = SENTINEL;
	status = module.initgroups_dyn("alice", PRIMARY, &a->start, &a->size,
	    &a->groups, limit, errnop);
	assert_int_equal(errno, SENTINEL);
	if (status == NSS_STATUS_SUCCESS)
		assert_int_equal(*errnop, SENTINEL);
	assert_true(a->start <= a->size);
	return status;
}

/* Set the reply to n gids from FIRST on. */
static void
reply_gids(size_t n)
{
	static uint32_t gids[ZT_GIDS_MAX];

	for (size_t i = 0; i < n; i++)
		gids[i] = FIRST + (uint32_t)(n - 1 - i); /* in no good order */
	fake_gids(gids, n);
}

static bool
has(const struct array *a, gid_t gid)
{
	int n = 0;

	for (long i = 0; i < a->start; i++)
		n += a->groups[i] == gid;
	assert_in_range(n, 0, 1);
	return n == 1;
}

#define NEED_ROOT()                                                \
	do {                                                       \
		(void)state;                                       \
		if (why_not != NULL) {                             \
			print_message("# skipped: %s\n", why_not); \
			skip();                                    \
		}                                                  \
		fake_start(0);                                     \
	} while (0)

static void
any_number_of_groups_is_appended(void **state)
{
	static const size_t counts[] = { 0, 1, 63, 64, 65, 1000, ZT_GIDS_MAX };
	static const long sizes[] = { 1, 2, 64, 65, 66, 10000 };
	struct array a;
	int err;

	NEED_ROOT();
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			array_init(&a, sizes[s]);
			reply_gids(counts[c]);
			assert_int_equal(append(&a, -1, &err),
			    NSS_STATUS_SUCCESS);
			assert_int_equal(a.start, 1 + counts[c]);
			assert_int_equal(a.groups[0], PRIMARY);
			for (size_t i = 0; i < counts[c]; i += 7)
				assert_true(has(&a, (gid_t)(FIRST + i)));
			free(a.groups);
		}
}

static void
a_group_that_is_there_already_is_not_added(void **state)
{
	const uint32_t gids[] = { 5003, PRIMARY, 5001, 5002, 5001, 5003, 5002,
		5009 };
	struct array a;
	int err;

	NEED_ROOT();
	array_init(&a, 8);
	a.groups[1] = 5002;
	a.groups[2] = 9999;
	a.start = 3;
	fake_gids(gids, sizeof(gids) / sizeof(gids[0]));
	assert_int_equal(append(&a, -1, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(a.start, 6);
	assert_true(has(&a, 5001) && has(&a, 5002) && has(&a, 5003));
	assert_true(has(&a, 5009) && has(&a, 9999) && has(&a, PRIMARY));
	assert_int_equal(append(&a, -1, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(a.start, 6); /* nothing is new the second time */
	free(a.groups);
}

static void
the_skipped_group_is_not_added(void **state)
{
	const uint32_t gids[] = { PRIMARY, 5001 };
	struct array a;
	int err;

	NEED_ROOT();
	array_init(&a, 8);
	a.start = 0; /* a caller that has not entered it itself */
	fake_gids(gids, 2);
	assert_int_equal(append(&a, -1, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(a.start, 1);
	assert_int_equal(a.groups[0], 5001);
	free(a.groups);
}

static void
the_limit_is_kept(void **state)
{
	static const long limits[] = { 1, 2, 32, 64, 100, 101, 102, 65536 };
	struct array a;
	int err;

	NEED_ROOT();
	reply_gids(100);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		array_init(&a, 1);
		assert_int_equal(append(&a, limits[i], &err),
		    NSS_STATUS_SUCCESS);
		assert_int_equal(a.start, limits[i] < 101 ? limits[i] : 101);
		assert_true(a.size <= limits[i]);
		free(a.groups);
	}
}

/* A failure leaves the caller's array as it was. */
static void
append_fails(enum nss_status status, int want_errno)
{
	struct array a, before;
	int err;

	array_init(&a, 4);
	before = a;
	assert_int_equal(append(&a, -1, &err), status);
	assert_int_equal(err, want_errno);
	assert_memory_equal(&a, &before, sizeof(a));
	assert_int_equal(a.groups[0], PRIMARY);
	free(a.groups);
}

static void
an_id_that_is_no_group_s_refuses_them_all(void **state)
{
	static const uint32_t bad[] = { 0, 65535, UINT32_MAX - 1, UINT32_MAX };
	uint32_t gids[] = { 5001, 5002, 5003 };

	NEED_ROOT();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t at = 0; at < 3; at++) {
			uint32_t old = gids[at];

			gids[at] = bad[i];
			fake_gids(gids, 3);
			append_fails(NSS_STATUS_UNAVAIL, ENOENT);
			gids[at] = old;
		}
}

static void
every_failure_leaves_the_array_alone(void **state)
{
	size_t len;

	NEED_ROOT();
	fake_absent(true);
	append_fails(NSS_STATUS_NOTFOUND, ENOENT);
	fake_absent(false);
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	for (int error = 1; error <= 4; error++) {
		fake->len = zt_wire_error_encode((enum zt_wire_error)error,
		    fake->reply, sizeof(fake->reply));
		append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	}
	fake_user(0, 70001, 70001, "alice", "", "/h", "/s");
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	reply_gids(50);
	len = fake->len;
	for (fake->len = 1; fake->len < len; fake->len++)
		append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	fake->len = len + 1;
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	fake->mode = FAKE_CLOSE;
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	fake->mode = FAKE_HANG;
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	fake_stop();
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
}

static void
a_name_that_cannot_be_ours_is_notfound_unasked(void **state)
{
	struct array a;
	int err;

	NEED_ROOT();
	reply_gids(3);
	array_init(&a, 4);
	assert_int_equal(module.initgroups_dyn("a:b", PRIMARY, &a.start,
			     &a.size, &a.groups, -1, &err),
	    NSS_STATUS_NOTFOUND);
	assert_int_equal(err, ENOENT);
	assert_int_equal(a.start, 1);
	assert_int_equal(fake->requests, 0);
	free(a.groups);
}

/*
 * From the snapshot: no message's size limits them.
 */

#define MANY (ZT_GIDS_MAX + 1) /* one more than a user may be in */

/* alice with n gids from FIRST on, of which some may be local ones. */
static void
write_gids(const uint32_t *gids, uint32_t n)
{
	static const uint32_t allowed[] = { 27, 44 };
	const struct shot_user user = { "alice", PRIMARY, PRIMARY, "", "/h",
		"/s", gids, n, true };
	const struct shot shot = { .users = &user,
		.n_users = 1,
		.allowed = allowed,
		.n_allowed = 2,
		.id_min = ID_MIN,
		.id_max = ID_MAX };

	shot_write(&shot);
}

static void
write_n_gids(uint32_t n)
{
	static uint32_t gids[MANY];

	for (uint32_t i = 0; i < n; i++)
		gids[i] = FIRST + i;
	write_gids(gids, n);
}

/* Each of n gids from FIRST on once, after what was there; in one pass. */
static void
has_all(const struct array *a, long had, uint32_t n)
{
	static bool seen[MANY];

	memset(seen, 0, sizeof(seen));
	assert_int_equal(a->start, had + (long)n);
	for (long i = had; i < a->start; i++) {
		assert_in_range(a->groups[i], FIRST, FIRST + n - 1);
		assert_false(seen[a->groups[i] - FIRST]);
		seen[a->groups[i] - FIRST] = true;
	}
}

static void
any_number_of_groups_comes_from_the_snapshot(void **state)
{
	static const uint32_t counts[] = { 0, 1, 63, 64, 65, 1000,
		ZT_GIDS_MAX };
	static const long sizes[] = { 1, 2, 64, 65, 66, 100000 };
	struct array a;
	int err;

	NEED_ROOT();
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			array_init(&a, sizes[s]);
			write_n_gids(counts[c]);
			assert_int_equal(append(&a, -1, &err),
			    NSS_STATUS_SUCCESS);
			has_all(&a, 1, counts[c]);
			free(a.groups);
		}
	assert_int_equal(fake->requests, 0);
}

/* No array grows for what no writer writes. */
static void
more_groups_than_a_user_may_have_are_no_answer(void **state)
{
	struct array a;
	int err;

	NEED_ROOT();
	fake_absent(false);
	write_n_gids(MANY);
	array_init(&a, 4);
	assert_int_equal(append(&a, -1, &err), NSS_STATUS_UNAVAIL);
	assert_int_equal(a.start, 1);
	assert_int_equal(a.size, 4);
	free(a.groups);
}

/* Whether few are there, which are searched as they stand, or many. */
static void
what_is_there_already_is_not_added_from_the_snapshot(void **state)
{
	static const long counts[] = { 1, 15, 16, 17, 200 };
	struct array a;
	int err;

	NEED_ROOT();
	write_n_gids(500);
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		array_init(&a, 1000);
		while (a.start <= counts[c]) { /* in no good order */
			a.groups[a.start] = (gid_t)(FIRST + 499 - a.start * 2);
			a.start++;
		}
		assert_int_equal(append(&a, -1, &err), NSS_STATUS_SUCCESS);
		assert_int_equal(a.start, 501);
		for (gid_t i = 0; i < 500; i++)
			assert_true(has(&a, FIRST + i));
		assert_int_equal(append(&a, -1, &err), NSS_STATUS_SUCCESS);
		assert_int_equal(a.start, 501); /* nothing is new */
		free(a.groups);
	}
}

static void
the_skipped_group_is_not_added_from_the_snapshot(void **state)
{
	const uint32_t gids[] = { 27, PRIMARY, FIRST };
	struct array a;
	int err;

	NEED_ROOT();
	array_init(&a, 8);
	a.start = 0;
	write_gids(gids, 3);
	assert_int_equal(append(&a, -1, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(a.start, 2);
	assert_true(has(&a, 27) && has(&a, FIRST)); /* 27: is allowed */
	free(a.groups);
}

static void
the_limit_is_kept_from_the_snapshot(void **state)
{
	static const long limits[] = { 1, 2, 32, 64, 100, 101, 102, 65536 };
	struct array a;
	int err;

	NEED_ROOT();
	write_n_gids(100);
	for (long size = 1; size < 300; size += 149)
		for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]);
		     i++) {
			array_init(&a, size);
			assert_int_equal(append(&a, limits[i], &err),
			    NSS_STATUS_SUCCESS);
			assert_int_equal(a.start,
			    limits[i] < 101 ? limits[i] : 101);
			assert_true(a.size <= limits[i] || a.size == size);
			free(a.groups);
		}
}

/* Put these gids in place of alice's as no writer would. */
static void
patch_gids(const uint32_t *gids, uint32_t n)
{
	struct zt_snapshot_header h;
	uint8_t *bytes;
	size_t len;

	write_n_gids(n);
	bytes = shot_read(&len);
	memcpy(&h, bytes, sizeof(h));
	memcpy(bytes + (size_t)h.sections[ZT_SNAPSHOT_GIDS].offset * 8, gids,
	    n * sizeof(*gids));
	shot_put(bytes, len, true);
	free(bytes);
}

static void
a_gid_that_must_not_be_refuses_them_all(void **state)
{
	static const uint32_t bad[] = { 0, 1, 28, 999, 65535, ID_MAX + 1,
		UINT32_MAX - 1, UINT32_MAX };
	struct array a;
	int err;

	NEED_ROOT();
	fake_absent(false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t gids[] = { bad[i], FIRST, FIRST + 1 };

		patch_gids(gids, 1);
		append_fails(NSS_STATUS_UNAVAIL, ENOENT);
		if (bad[i] > FIRST) { /* the last, that it stays ascending */
			gids[0] = FIRST;
			gids[1] = FIRST + 1;
			gids[2] = bad[i];
		}
		patch_gids(gids, 3);
		array_init(&a, 8); /* with room: nothing but the end counts */
		assert_int_equal(append(&a, -1, &err), NSS_STATUS_UNAVAIL);
		assert_int_equal(a.start, 1);
		assert_int_equal(a.groups[0], PRIMARY);
		free(a.groups);
	}
}

static void
gids_that_do_not_ascend_are_refused(void **state)
{
	static const uint32_t twice[] = { FIRST, FIRST + 1, FIRST + 1 };
	static const uint32_t down[] = { FIRST + 1, FIRST };

	NEED_ROOT();
	fake_absent(false);
	patch_gids(twice, 3);
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
	patch_gids(down, 2);
	append_fails(NSS_STATUS_UNAVAIL, ENOENT);
}

static void
a_broken_list_asks_the_broker_once(void **state)
{
	static const uint32_t bad = 0;
	static const uint32_t good[] = { 5001, 5002 };
	struct array a;
	int err;

	NEED_ROOT();
	fake_gids(good, 2);
	patch_gids(&bad, 1);
	array_init(&a, 4);
	assert_int_equal(append(&a, -1, &err), NSS_STATUS_SUCCESS);
	assert_int_equal(a.start, 3);
	assert_true(has(&a, 5001) && has(&a, 5002));
	assert_int_equal(fake->requests, 1);
	free(a.groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_groups_is_appended),
		cmocka_unit_test(a_group_that_is_there_already_is_not_added),
		cmocka_unit_test(the_skipped_group_is_not_added),
		cmocka_unit_test(the_limit_is_kept),
		cmocka_unit_test(an_id_that_is_no_group_s_refuses_them_all),
		cmocka_unit_test(every_failure_leaves_the_array_alone),
		cmocka_unit_test(
		    a_name_that_cannot_be_ours_is_notfound_unasked),
		cmocka_unit_test(
		    more_groups_than_a_user_may_have_are_no_answer),
		cmocka_unit_test(any_number_of_groups_comes_from_the_snapshot),
		cmocka_unit_test(
		    what_is_there_already_is_not_added_from_the_snapshot),
		cmocka_unit_test(
		    the_skipped_group_is_not_added_from_the_snapshot),
		cmocka_unit_test(the_limit_is_kept_from_the_snapshot),
		cmocka_unit_test(a_gid_that_must_not_be_refuses_them_all),
		cmocka_unit_test(gids_that_do_not_ascend_are_refused),
		cmocka_unit_test(a_broken_list_asks_the_broker_once),
	};
	int failed;

	why_not = fake_setup();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_stop();
	return failed;
}
