/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lookup.h"
#include "zt/client.h"
#include "zt/snapshot.h"

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
every_buffer_is_erange_until_the_entry_fits(void **state)
{
	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		start_with(e);
		for (size_t align = 0; align < 8; align++) {
			size_t least = sweep(e, align);
			assert_in_range(least, lookup_size(e, align),
			    lookup_size(e, align) + (fake_brief() ? 12 : 0));
		}
	}
}

static void
an_absent_buffer_is_erange(void **state)
{
	union result r;
	int err;

	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		start_with(e);
		assert_int_equal(call(e, &r, NULL, 0, &err),
		    NSS_STATUS_TRYAGAIN);
		assert_int_equal(err, ERANGE);
	}
}

static void
the_largest_group_fits_once_the_buffer_does(void **state)
{
	static char names[ZT_MEMBERS_MAX][ZT_NAME_MAX + 1];
	const char *members[ZT_MEMBERS_MAX];
	char *buf = malloc(1 << 17);
	union result r;
	int err;

	NEED_ROOT();
	for (size_t i = 0; i < ZT_MEMBERS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "m%030zu", i);
		members[i] = names[i];
	}
	start_with(GRNAM);
	fake_group(0, GID, "staff1", ZT_MEMBERS_MAX, members);
	assert_int_equal(call(GRNAM, &r, buf, 1 << 10, &err),
	    NSS_STATUS_TRYAGAIN);
	assert_int_equal(err, ERANGE);
	assert_int_equal(call(GRNAM, &r, buf, 1 << 17, &err),
	    NSS_STATUS_SUCCESS);
	assert_string_equal(r.grp.gr_mem[ZT_MEMBERS_MAX - 1],
	    names[ZT_MEMBERS_MAX - 1]);
	assert_null(r.grp.gr_mem[ZT_MEMBERS_MAX]);
	free(buf);
}

static void
only_a_definitive_answer_is_notfound(void **state)
{
	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		start_with(e);
		fake_absent(true);
		fails_with(e, NSS_STATUS_NOTFOUND, ENOENT);
		fake_absent(false);
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
	}
}

static void
an_error_of_the_broker_is_unavailable(void **state)
{
	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		start_with(e);
		for (int error = ZT_WIRE_ERROR_VERSION;
		     error <= ZT_WIRE_ERROR_REFUSED; error++) {
			fake->len =
			    zt_wire_error_encode((enum zt_wire_error)error,
				fake->reply, sizeof(fake->reply));
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
		fake->mode = FAKE_CLOSE;
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
	}
}

static void
an_answer_to_another_question_is_unavailable(void **state)
{
	const uint32_t gid = GID;

	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		start_with(e);
		good_reply(is_user(e) ? GRNAM : PWNAM);
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		fake_gids(&gid, 1);
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		good_reply(e);
		fake->reply[0] = ZT_WIRE_VERSION + 1;
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
	}
}

static void
every_truncation_and_every_tail_is_unavailable(void **state)
{
	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		size_t len;

		start_with(e);
		len = fake->len;
		for (fake->len = 1; fake->len < len; fake->len++)
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		fake->len = len + 1;
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		fake->len = ZT_WIRE_MAX;
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		fake->len = ZT_WIRE_MAX + 1;
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		fake->len = len;
		succeeds(e);
	}
}

/* No byte of a reply, set to anything, brings a wrong answer. */
static void
a_changed_byte_never_yields_another_identity(void **state)
{
	static const uint8_t values[] = { 0, 1, ':', '\n', '/', 0x7f, 0xff };
	union result r;
	char buf[SWEEP_MAX];
	int err;

	NEED_ROOT();
	start_with(PWNAM);
	for (size_t i = 0; i < fake->len; i++) {
		const uint8_t old = fake->reply[i];

		for (size_t v = 0; v < sizeof(values); v++) {
			fake->reply[i] = values[v];
			if (call(PWNAM, &r, buf, sizeof(buf), &err) !=
			    NSS_STATUS_SUCCESS)
				continue;
			assert_string_equal(r.pwd.pw_name, "alice");
			assert_true(r.pwd.pw_uid != 0 && r.pwd.pw_gid != 0);
			assert_null(strpbrk(r.pwd.pw_gecos, ":\n\x7f\x01"));
			assert_int_equal(r.pwd.pw_dir[0], '/');
			assert_int_equal(r.pwd.pw_shell[0], '/');
		}
		fake->reply[i] = old;
	}
}

static const uint32_t bad_ids[] = { 0, 65535, UINT32_MAX - 1, UINT32_MAX };
#define BAD_IDS (sizeof(bad_ids) / sizeof(bad_ids[0]))

static const uint32_t low_ids[] = { 1, 100, ZT_SNAPSHOT_ID_FLOOR - 1 };
#define LOW_IDS (sizeof(low_ids) / sizeof(low_ids[0]))

static const char *const root_groups[] = { "root", "sudo", "wheel", "docker",
	"shadow", "zt-admin" };

static void
a_user_that_is_none_of_ours_is_unavailable(void **state)
{
	static const char *const bad_paths[] = { "", "/", "home", "./x", "/a:b",
		"/a\nb", "/a\033b", "/a\177b", "/../etc", "/home/.." };
	static const char *const bad_fields[] = { "a:b", "a\nb", "\t", "\001" };

	NEED_ROOT();
	start_with(PWNAM);
	for (enum entry e = PWNAM; e <= PWENT; e++) {
		const uint32_t next = is_enumeration(e) ? 1 : 0;

		for (size_t i = 0; i < BAD_IDS; i++) {
			fake_user(next, bad_ids[i], GID, "alice", "", "/h",
			    "/s");
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
			fake_user(next, UID, bad_ids[i], "alice", "", "/h",
			    "/s");
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
		for (size_t i = 0; i < sizeof(bad_paths) / sizeof(char *);
		     i++) {
			fake_user(next, UID, GID, "alice", "", bad_paths[i],
			    "/s");
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
			fake_user(next, UID, GID, "alice", "", "/h",
			    bad_paths[i]);
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
		for (size_t i = 0; i < sizeof(bad_fields) / sizeof(char *);
		     i++) {
			fake_user(next, UID, GID, "alice", bad_fields[i], "/h",
			    "/s");
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
		fake_user(next, UID, GID, "a:b", "", "/h", "/s");
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		fake_user(next, UID, GID, "", "", "/h", "/s");
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		fake_user(next, UID, GID, "root", "", "/h", "/s");
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		for (size_t i = 0; i < LOW_IDS; i++) {
			fake_user(next, low_ids[i], GID, "alice", "", "/h",
			    "/s");
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
			fake_user(next, UID, low_ids[i], "alice", "", "/h",
			    "/s");
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
	}
}

/* What breaks a rule in a snapshot breaks it in the broker's answer. */
static void
nobody_is_root_who_was_asked_for(void **state)
{
	union result r;
	char buf[SWEEP_MAX];
	int err;

	NEED_ROOT();
	start_with(PWNAM);
	fake_user(0, UID, GID, "root", "", "/h", "/s");
	assert_int_equal(module.getpwnam_r("root", &r.pwd, buf, sizeof(buf),
			     &err),
	    NSS_STATUS_UNAVAIL);
	fake_user(0, 999, GID, "low", "", "/h", "/s");
	assert_int_equal(module.getpwuid_r(999, &r.pwd, buf, sizeof(buf), &err),
	    NSS_STATUS_UNAVAIL);
	fake_user(0, ZT_SNAPSHOT_ID_FLOOR, ZT_SNAPSHOT_ID_FLOOR, "low", "",
	    "/h", "/s");
	assert_int_equal(module.getpwuid_r(ZT_SNAPSHOT_ID_FLOOR, &r.pwd, buf,
			     sizeof(buf), &err),
	    NSS_STATUS_SUCCESS);
	for (size_t i = 0; i < sizeof(root_groups) / sizeof(char *); i++) {
		fake_group(0, GID, root_groups[i], 0, NULL);
		assert_int_equal(module.getgrnam_r(root_groups[i], &r.grp, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_UNAVAIL);
		assert_int_equal(err, ENOENT);
	}
}

static void
a_user_that_was_not_asked_for_is_unavailable(void **state)
{
	NEED_ROOT();
	start_with(PWNAM);
	fake_user(0, UID, GID, "bob", "", "/h", "/s");
	fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
	fake_user(0, UID, GID, "alice2", "", "/h", "/s");
	fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
	fake_user(0, UID + 1, GID, "alice", "", "/h", "/s");
	fails_with(PWUID, NSS_STATUS_UNAVAIL, ENOENT);
	fake_user(1, UID, GID, "alice", "", "/h", "/s");
	fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
	fails_with(PWUID, NSS_STATUS_UNAVAIL, ENOENT);
}

static void
a_group_that_is_none_of_ours_is_unavailable(void **state)
{
	static const char *const bad[] = { "", "a:b", "a,b", "a\nb", "-x",
		"root" };
	const char *member = "bob";

	NEED_ROOT();
	start_with(GRNAM);
	for (enum entry e = GRNAM; e <= GRENT; e++) {
		const uint32_t next = is_enumeration(e) ? 1 : 0;

		for (size_t i = 0; i < BAD_IDS; i++) {
			fake_group(next, bad_ids[i], "staff1", 1, &member);
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
		for (size_t i = 0; i < sizeof(bad) / sizeof(char *); i++) {
			fake_group(next, GID, "staff1", 1, &bad[i]);
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
			fake_group(next, GID, bad[i], 0, NULL);
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
		for (size_t i = 0; i < LOW_IDS; i++) {
			fake_group(next, low_ids[i], "staff1", 1, &member);
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
		for (size_t i = 0; i < sizeof(root_groups) / sizeof(char *);
		     i++) {
			fake_group(next, GID, root_groups[i], 1, &member);
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		}
	}
	fake_group(0, GID, "staff2", 0, NULL);
	fails_with(GRNAM, NSS_STATUS_UNAVAIL, ENOENT);
	fake_group(0, GID + 1, "staff1", 0, NULL);
	fails_with(GRGID, NSS_STATUS_UNAVAIL, ENOENT);
}

static void
what_cannot_be_ours_is_notfound_unasked(void **state)
{
	static const char *const bad[] = { "", "-x", "a:b", "a b", "1x", "a\nb",
		"../x", "a234567890123456789012345678901234" };
	union result r;
	char buf[SWEEP_MAX];
	int err;

	NEED_ROOT();
	start_with(PWNAM);
	for (size_t i = 0; i < sizeof(bad) / sizeof(char *); i++) {
		assert_int_equal(module.getpwnam_r(bad[i], &r.pwd, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
		assert_int_equal(err, ENOENT);
		assert_int_equal(module.getgrnam_r(bad[i], &r.grp, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
	}
	for (size_t i = 0; i < BAD_IDS; i++) {
		assert_int_equal(module.getpwuid_r(bad_ids[i], &r.pwd, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
		assert_int_equal(module.getgrgid_r(bad_ids[i], &r.grp, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
	}
	assert_int_equal(fake->requests, 0);
}

static void
a_broker_that_hangs_costs_250_ms(void **state)
{
	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		int64_t began, took;

		start_with(e);
		fake->mode = FAKE_HANG;
		began = fake_now_ms();
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		took = fake_now_ms() - began;
		assert_in_range(took, 200, 1500);
	}
}

static void
without_a_broker_a_lookup_costs_under_1_ms(void **state)
{
	int64_t began;

	NEED_ROOT();
	if (fake_valgrind())
		skip();
	for (int stale = 0; stale < 2; stale++) {
		fake_stop(); /* leaves its socket behind */
		if (stale == 0)
			(void)unlink(ZT_SOCKET_NSS);
		else
			start_with(PWNAM);
		fake_stop();
		began = fake_now_ms();
		for (int i = 0; i < 1000; i++)
			fails_with((enum entry)(i % ENTRIES),
			    NSS_STATUS_UNAVAIL, ENOENT);
		assert_in_range(fake_now_ms() - began, 0, 1000);
	}
}

static void
lookup_as(uid_t broker, uid_t dir_owner, mode_t dir_mode, bool believed)
{
	fake_start(broker);
	good_reply(PWNAM);
	assert_int_equal(chown(ZT_RUN_DIR, dir_owner, 0), 0);
	assert_int_equal(chmod(ZT_RUN_DIR, dir_mode), 0);
	if (believed)
		succeeds(PWNAM);
	else
		fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
	assert_int_equal(fake->requests, believed ? 1 : 0);
	assert_int_equal(chown(ZT_RUN_DIR, 0, 0), 0);
	assert_int_equal(chmod(ZT_RUN_DIR, 0755), 0);
}

static void
an_impostor_is_not_even_asked(void **state)
{
	NEED_ROOT();
	lookup_as(0, 0, 0755, true);
	lookup_as(1234, 1234, 0755, true);
	lookup_as(1234, 0, 0755, false);
	lookup_as(1234, 4321, 0755, false);
	lookup_as(1234, 1234, 0775, false);
	lookup_as(1234, 1234, 0757, false);
}

static void
enumeration_hands_out_each_entry_once(void **state)
{
	union result r;
	char buf[SWEEP_MAX], name[ZT_NAME_MAX];
	int err;

	NEED_ROOT();
	fake_start(0);
	fake->mode = FAKE_COUNT;
	fake->n = 100;
	for (int round = 0; round < 2; round++) {
		rewind_all();
		for (unsigned i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "x%u", i);
			/* too small a buffer must not skip an entry */
			assert_int_equal(call(PWENT, &r, buf, 3, &err),
			    NSS_STATUS_TRYAGAIN);
			assert_int_equal(call(PWENT, &r, buf, sizeof(buf),
					     &err),
			    NSS_STATUS_SUCCESS);
			assert_string_equal(r.pwd.pw_name, name);
			assert_int_equal(call(GRENT, &r, buf, sizeof(buf),
					     &err),
			    NSS_STATUS_SUCCESS);
			assert_string_equal(r.grp.gr_name, name);
		}
		fails_with(PWENT, NSS_STATUS_NOTFOUND, ENOENT);
		fails_with(GRENT, NSS_STATUS_NOTFOUND, ENOENT);
		assert_int_equal(module.endpwent(), NSS_STATUS_SUCCESS);
		assert_int_equal(module.endgrent(), NSS_STATUS_SUCCESS);
	}
}

static void
endless_enumeration_is_ended(void **state)
{
	union result r;
	char buf[SWEEP_MAX];
	long n = 0;
	int err;

	NEED_ROOT();
	fake_start(0);
	fake->mode = FAKE_COUNT;
	fake->n = UINT32_MAX;
	rewind_all();
	while (n < 100000 &&
	    call(PWENT, &r, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS)
		n++;
	assert_int_equal(n, 65536);
	fails_with(PWENT, NSS_STATUS_NOTFOUND, ENOENT);
}

static void
a_cursor_that_does_not_advance_is_unavailable(void **state)
{
	NEED_ROOT();
	start_with(PWENT);
	succeeds(PWENT); /* next is 1 */
	fails_with(PWENT, NSS_STATUS_UNAVAIL, ENOENT);
	fake_user(0, UID, GID, "alice", "", "/h", "/s");
	fails_with(PWENT, NSS_STATUS_UNAVAIL, ENOENT);
	start_with(GRENT);
	succeeds(GRENT);
	fails_with(GRENT, NSS_STATUS_UNAVAIL, ENOENT);
}

static int
second_entry_in_child(void)
{
	union result r;
	char buf[SWEEP_MAX];
	int err;

	return module.getpwent_r(&r.pwd, buf, sizeof(buf), &err) ==
		    NSS_STATUS_SUCCESS &&
		strcmp(r.pwd.pw_name, "x1") == 0
	    ? 0
	    : 1;
}

static void
a_fork_goes_on_from_where_the_parent_was(void **state)
{
	union result r;
	char buf[SWEEP_MAX];
	int err;

	NEED_ROOT();
	fake_start(0);
	fake->mode = FAKE_COUNT;
	fake->n = 10;
	rewind_all();
	assert_int_equal(call(PWENT, &r, buf, sizeof(buf), &err),
	    NSS_STATUS_SUCCESS);
	in_child(second_entry_in_child);
	assert_int_equal(call(PWENT, &r, buf, sizeof(buf), &err),
	    NSS_STATUS_SUCCESS);
	assert_string_equal(r.pwd.pw_name, "x1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_buffer_is_erange_until_the_entry_fits),
		cmocka_unit_test(an_absent_buffer_is_erange),
		cmocka_unit_test(the_largest_group_fits_once_the_buffer_does),
		cmocka_unit_test(only_a_definitive_answer_is_notfound),
		cmocka_unit_test(an_error_of_the_broker_is_unavailable),
		cmocka_unit_test(an_answer_to_another_question_is_unavailable),
		cmocka_unit_test(
		    every_truncation_and_every_tail_is_unavailable),
		cmocka_unit_test(a_changed_byte_never_yields_another_identity),
		cmocka_unit_test(a_user_that_is_none_of_ours_is_unavailable),
		cmocka_unit_test(nobody_is_root_who_was_asked_for),
		cmocka_unit_test(a_user_that_was_not_asked_for_is_unavailable),
		cmocka_unit_test(a_group_that_is_none_of_ours_is_unavailable),
		cmocka_unit_test(what_cannot_be_ours_is_notfound_unasked),
		cmocka_unit_test(a_broker_that_hangs_costs_250_ms),
		cmocka_unit_test(without_a_broker_a_lookup_costs_under_1_ms),
		cmocka_unit_test(an_impostor_is_not_even_asked),
		cmocka_unit_test(enumeration_hands_out_each_entry_once),
		cmocka_unit_test(endless_enumeration_is_ended),
		cmocka_unit_test(a_cursor_that_does_not_advance_is_unavailable),
		cmocka_unit_test(a_fork_goes_on_from_where_the_parent_was),
	};
	int failed;

	why_not = fake_setup();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_stop();
	return failed;
}
