/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups in the snapshot: what it answers, what it may not answer, and when
 * the broker is asked.
 */
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
#include "shot.h"
#include "zt/client.h"
#include "zt/passwd.h"
#include "zt/snapshot_format.h"

static const char *why_not; /* these tests cannot run here; or NULL */

#define NEED_ROOT()                                                \
	do {                                                       \
		(void)state;                                       \
		if (why_not != NULL) {                             \
			print_message("# skipped: %s\n", why_not); \
			skip();                                    \
		}                                                  \
		fake_start(0);                                     \
		fake_absent(true);                                 \
		rewind_all();                                      \
	} while (0)

/* How often was the broker asked since last time? */
static unsigned
asked(void)
{
	const unsigned n = fake->requests;

	fake->requests = 0;
	return n;
}

static void
every_buffer_is_erange_until_the_entry_fits(void **state)
{
	NEED_ROOT();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		shot_alice(is_user(e), false);
		for (size_t align = 0; align < 8; align++)
			assert_in_range(sweep(e, align), lookup_size(e, align),
			    lookup_size(e, align) + (fake_brief() ? 12 : 0));
	}
	assert_int_equal(asked(), 0);
}

static void
an_absent_buffer_is_erange(void **state)
{
	union result r;
	int err;

	NEED_ROOT();
	shot_alice(false, false);
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		assert_int_equal(call(e, &r, NULL, 0, &err),
		    NSS_STATUS_TRYAGAIN);
		assert_int_equal(err, ERANGE);
	}
}

static const struct shot empty = {
	.id_min = ID_MIN, .id_max = ID_MAX, .enumerate = true
};

static void
a_miss_in_a_complete_snapshot_asks_nobody(void **state)
{
	NEED_ROOT();
	shot_write(&empty);
	for (enum entry e = PWNAM; e < ENTRIES; e++)
		fails_with(e, NSS_STATUS_NOTFOUND, ENOENT);
	assert_int_equal(asked(), 0);
}

static void
a_miss_in_an_incomplete_one_asks_once(void **state)
{
	struct shot shot = empty;

	NEED_ROOT();
	shot.incomplete = true;
	shot_write(&shot);
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		fake_absent(true);
		fails_with(e, NSS_STATUS_NOTFOUND, ENOENT);
		assert_int_equal(asked(), is_enumeration(e) ? 0 : 1);
		if (is_enumeration(e))
			continue;
		fake_absent(false);
		fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
		assert_int_equal(asked(), 1);
		if (is_user(e))
			fake_user(0, UID, GID, "alice", "", "/h", "/s");
		else
			fake_group(0, GID, "staff1", 0, NULL);
		succeeds(e);
		assert_int_equal(asked(), 1);
	}
}

static void
a_hit_asks_nobody(void **state)
{
	NEED_ROOT();
	shot_alice(false, true);
	for (enum entry e = PWNAM; e < ENTRIES; e++)
		succeeds(e);
	assert_int_equal(asked(), 0);
}

static void
what_cannot_be_in_it_is_notfound_unasked(void **state)
{
	static const uint32_t ids[] = { 0, 1, 999, 1000, 65535, ID_MIN - 1,
		ID_MAX + 1, UINT32_MAX - 1, UINT32_MAX };
	static const char *const names[] = { "", "-x", "a:b", "1x", "a\nb",
		"a234567890123456789012345678901234", NULL };
	char buf[SWEEP_MAX];
	union result r;
	int err;

	NEED_ROOT();
	shot_alice(false, true);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(module.getpwuid_r(ids[i], &r.pwd, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
		assert_int_equal(module.getgrgid_r(ids[i], &r.grp, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(module.getpwnam_r(names[i], &r.pwd, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
		assert_int_equal(module.getgrnam_r(names[i], &r.grp, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_NOTFOUND);
	}
	assert_int_equal(asked(), 0);
}

static void
without_a_broker_a_lookup_costs_under_1_ms(void **state)
{
	struct shot shot = empty;
	int64_t began;

	NEED_ROOT();
	if (fake_valgrind())
		skip();
	shot.incomplete = true;
	shot_write(&shot);
	fake_stop();
	began = fake_now_ms();
	for (int i = 0; i < 1000; i++)
		fails_with(i % 2 == 0 ? PWNAM : GRGID, NSS_STATUS_UNAVAIL,
		    ENOENT);
	shot_remove();
	for (int i = 0; i < 1000; i++)
		fails_with((enum entry)(i % ENTRIES), NSS_STATUS_UNAVAIL,
		    ENOENT);
	assert_in_range(fake_now_ms() - began, 0, 2000);
}

/*
 * Files that no writer of ours makes.
 */

/* The record of alice, who is alone, in bytes. */
static uint8_t *
record_of(uint8_t *bytes)
{
	struct zt_snapshot_header h;

	memcpy(&h, bytes, sizeof(h));
	return bytes + (size_t)h.sections[ZT_SNAPSHOT_USERS].offset * 8;
}

/* As a rule is broken: no answer, but the broker's; and none is wrong. */
static void
alice_is_refused(uint8_t *bytes, size_t len)
{
	shot_put(bytes, len, true);
	rewind_all();
	fails_with(PWNAM, NSS_STATUS_NOTFOUND, ENOENT);
	assert_int_equal(asked(), 1);
	fails_with(PWENT, NSS_STATUS_UNAVAIL, ENOENT);
	assert_int_equal(asked(), 0);
	fake_absent(false);
	fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
	fake_absent(true);
	(void)asked();
}

#define REFUSED(field, value)                             \
	do {                                              \
		struct zt_snapshot_user_head bad_ = head; \
		bad_.field = (value);                     \
		memcpy(at, &bad_, sizeof(bad_));          \
		alice_is_refused(bytes, len);             \
		memcpy(at, &head, sizeof(head));          \
	} while (0)

static void
a_user_that_breaks_a_rule_is_not_served(void **state)
{
	static const uint32_t ids[] = { 0, 1, 999, 65535, ID_MIN - 1,
		ID_MAX + 1, UINT32_MAX - 1, UINT32_MAX };
	static const struct {
		const char *was, *is;
	} texts[] = { { "/home/alice", "/" }, { "/home/alice", "home/alicex" },
		{ "/home/alice", "/../../../." }, { "/bin/bash", "/bin/b:sh" },
		{ "Alice A.", "Alice:A." }, { "Alice A.", "Alice\nA." } };
	struct zt_snapshot_user_head head;
	uint8_t *bytes, *at;
	size_t len;

	NEED_ROOT();
	shot_alice(true, false);
	bytes = shot_read(&len);
	at = record_of(bytes);
	memcpy(&head, at, sizeof(head));
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		REFUSED(uid, ids[i]);
		REFUSED(gid, ids[i]);
	}
	REFUSED(name_len, 0);
	REFUSED(name_len, 255);
	REFUSED(home_len, 65535);
	REFUSED(gecos_len, 7);
	REFUSED(gids, UINT32_MAX);
	REFUSED(n_gids, UINT32_MAX);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t *text =
		    memmem(at, 128, texts[i].was, strlen(texts[i].was));

		memcpy(text, texts[i].is, strlen(texts[i].is) + 1);
		alice_is_refused(bytes, len);
		memcpy(text, texts[i].was, strlen(texts[i].was) + 1);
	}
	shot_put(bytes, len, true);
	succeeds(PWNAM);
	free(bytes);
}

/* Whose id range the file itself sets. */
static void
an_id_that_would_be_root_or_local_is_refused_whatever_the_range(void **state)
{
	const struct shot_user users[] = { { "alice", UID, UID, "", "/h", "/s",
	    NULL, 0, true } };
	struct shot shot = {
		.users = users, .n_users = 1, .id_min = ID_MIN, .id_max = ID_MAX
	};
	struct zt_snapshot_user_head head;
	struct zt_snapshot_header h;
	char buf[SWEEP_MAX];
	uint8_t *bytes;
	union result r;
	size_t len;
	int err;

	NEED_ROOT();
	shot_write(&shot);
	fake_stop();
	bytes = shot_read(&len);
	memcpy(&h, bytes, sizeof(h));
	h.id_min = 0;
	memcpy(bytes, &h, sizeof(h));
	memcpy(&head, record_of(bytes), sizeof(head));
	for (uint32_t id = 0; id < 1000; id += 111) {
		head.uid = head.gid = id;
		memcpy(record_of(bytes), &head, sizeof(head));
		shot_put(bytes, len, true);
		fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
		assert_int_not_equal(module.getpwuid_r(id, &r.pwd, buf,
					 sizeof(buf), &err),
		    NSS_STATUS_SUCCESS);
		assert_int_not_equal(module.getgrgid_r(id, &r.grp, buf,
					 sizeof(buf), &err),
		    NSS_STATUS_SUCCESS);
	}
	free(bytes);
}

static void
root_and_groups_that_make_root_are_not_served(void **state)
{
	static const char *const groups[] = { "root", "sudo", "wheel", "adm",
		"docker", "lxd", "shadow", "disk" };
	const struct shot_user user = { "root", UID, UID, "", "/h", "/s", NULL,
		0, true };
	struct shot_group group = { .gid = GID };
	struct shot shot = { .id_min = ID_MIN, .id_max = ID_MAX };
	char buf[SWEEP_MAX];
	union result r;
	int err;

	NEED_ROOT();
	fake_stop();
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		group.name = groups[i];
		shot.groups = &group;
		shot.n_groups = 1;
		shot_write(&shot);
		assert_int_equal(module.getgrnam_r(groups[i], &r.grp, buf,
				     sizeof(buf), &err),
		    NSS_STATUS_UNAVAIL);
		fails_with(GRGID, NSS_STATUS_UNAVAIL, ENOENT);
	}
	shot.users = &user;
	shot.n_users = 1;
	shot.n_groups = 0;
	shot_write(&shot);
	assert_int_equal(module.getpwnam_r("root", &r.pwd, buf, sizeof(buf),
			     &err),
	    NSS_STATUS_UNAVAIL);
	fails_with(PWUID, NSS_STATUS_UNAVAIL, ENOENT);
}

/* Whatever is handed out is alice or staff1, or could be: never anybody who
 * must not be. */
static void
nothing_wrong_is_served(void)
{
	char buf[SWEEP_MAX];
	union result r;
	int err;

	rewind_all();
	for (enum entry e = PWNAM; e < ENTRIES; e++) {
		if (call(e, &r, buf, sizeof(buf), &err) != NSS_STATUS_SUCCESS)
			continue;
		if (!is_user(e)) {
			assert_true(zt_id_valid(r.grp.gr_gid) &&
			    r.grp.gr_gid >= 1000);
			assert_true(zt_name_valid(zt_str(r.grp.gr_name)));
			continue;
		}
		assert_true(zt_id_valid(r.pwd.pw_uid) &&
		    zt_id_valid(r.pwd.pw_gid) && r.pwd.pw_uid >= 1000 &&
		    r.pwd.pw_gid >= 1000);
		assert_true(zt_name_valid(zt_str(r.pwd.pw_name)));
		assert_true(zt_field_valid(zt_str(r.pwd.pw_gecos)));
		assert_true(zt_path_valid(zt_str(r.pwd.pw_dir)));
		assert_true(zt_path_valid(zt_str(r.pwd.pw_shell)));
		if (e == PWNAM)
			assert_string_equal(r.pwd.pw_name, "alice");
		if (e == PWUID)
			assert_int_equal(r.pwd.pw_uid, UID);
	}
}

static void
a_truncated_file_is_no_snapshot(void **state)
{
	const size_t step = fake_brief() ? 97 : 1;
	uint8_t *bytes;
	size_t len;

	NEED_ROOT();
	fake_stop();
	shot_alice(true, false);
	bytes = shot_read(&len);
	for (size_t n = 0; n < len; n += step) {
		shot_put(bytes, n, false);
		fails_with((enum entry)(n % ENTRIES), NSS_STATUS_UNAVAIL,
		    ENOENT);
	}
	shot_put(bytes, len, false);
	succeeds(PWNAM);
	free(bytes);
}

static void
any_bytes_are_survived(void **state)
{
	const unsigned rounds = fake_brief() ? 200 : 4000;
	uint8_t *good, *bad;
	size_t len;

	NEED_ROOT();
	fake_stop();
	shot_alice(false, false);
	good = shot_read(&len);
	bad = malloc(len);
	srandom(1);
	for (unsigned i = 0; i < rounds; i++) {
		const long first = random() % (long)len;
		const long n = 1 + random() % (i % 2 == 0 ? 4 : 64);

		memcpy(bad, good, len);
		for (long at = first; at < first + n && at < (long)len; at++)
			bad[at] = (uint8_t)random();
		shot_put(bad, len, i % 4 != 3);
		nothing_wrong_is_served();
	}
	free(good);
	free(bad);
}

static void
nothing_but_noise_is_no_snapshot(void **state)
{
	static uint8_t noise[8192];

	NEED_ROOT();
	fake_stop();
	srandom(2);
	for (int i = 0; i < 50; i++) {
		for (size_t at = 0; at < sizeof(noise); at++)
			noise[at] = (uint8_t)random();
		shot_put(noise, sizeof(noise) - (size_t)i, false);
		for (enum entry e = PWNAM; e < ENTRIES; e++)
			fails_with(e, NSS_STATUS_UNAVAIL, ENOENT);
	}
}

static void
expect(bool believed)
{
	if (believed)
		succeeds(PWNAM);
	else
		fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
}

static void
owned(uid_t file, mode_t mode, uid_t dir, mode_t dir_mode, bool believed)
{
	shot_alice(true, false);
	shot_mark(); /* so that it is looked at */
	assert_int_equal(chown(ZT_SNAPSHOT_FILE, file, 0), 0);
	assert_int_equal(chmod(ZT_SNAPSHOT_FILE, mode), 0);
	assert_int_equal(chown("/var/lib/ztd", dir, 0), 0);
	assert_int_equal(chmod("/var/lib/ztd", dir_mode), 0);
	expect(believed);
	assert_int_equal(chown("/var/lib/ztd", 0, 0), 0);
	assert_int_equal(chmod("/var/lib/ztd", 0755), 0);
}

static void
a_file_that_others_could_have_put_there_is_not_believed(void **state)
{
	NEED_ROOT();
	fake_stop();
	owned(0, 0644, 0, 0755, true);
	owned(0, 0444, 0, 0755, true);
	owned(1234, 0644, 1234, 0755, true);
	owned(0, 0664, 0, 0755, false);
	owned(0, 0646, 0, 0755, false);
	owned(1234, 0644, 4321, 0755, false);
	owned(0, 0644, 0, 0775, false);
	owned(0, 0644, 0, 0757, false);
}

static void
what_is_no_regular_file_is_not_believed(void **state)
{
	NEED_ROOT();
	fake_stop();
	shot_alice(true, false);
	shot_mark();
	assert_int_equal(rename(ZT_SNAPSHOT_FILE, "/var/lib/ztd/other"), 0);
	assert_int_equal(symlink("/var/lib/ztd/other", ZT_SNAPSHOT_FILE), 0);
	expect(false);
	assert_int_equal(unlink(ZT_SNAPSHOT_FILE), 0);
	assert_int_equal(mkfifo(ZT_SNAPSHOT_FILE, 0644), 0);
	expect(false);
	assert_int_equal(unlink(ZT_SNAPSHOT_FILE), 0);
	assert_int_equal(mkdir(ZT_SNAPSHOT_FILE, 0755), 0);
	expect(false);
	assert_int_equal(rmdir(ZT_SNAPSHOT_FILE), 0);
	assert_int_equal(rename("/var/lib/ztd/other", ZT_SNAPSHOT_FILE), 0);
	expect(true);
}

/*
 * One snapshot after another.
 */

/* A user whose texts tell the generation. */
static void
generation_write(unsigned generation)
{
	char gecos[32];
	const struct shot_user user = { "alice", UID, GID, gecos, "/h", "/s",
		NULL, 0, false };
	struct shot shot = { .users = &user,
		.n_users = 1,
		.id_min = ID_MIN,
		.id_max = ID_MAX,
		.generation = generation };

	snprintf(gecos, sizeof(gecos), "generation %u", generation);
	shot_write(&shot);
}

static void
generation_is(unsigned generation)
{
	char buf[SWEEP_MAX], gecos[32];
	union result r;
	int err;

	snprintf(gecos, sizeof(gecos), "generation %u", generation);
	assert_int_equal(call(PWNAM, &r, buf, sizeof(buf), &err),
	    NSS_STATUS_SUCCESS);
	assert_string_equal(r.pwd.pw_gecos, gecos);
}

static void
the_next_lookup_sees_another_snapshot(void **state)
{
	NEED_ROOT();
	for (unsigned i = 0; i < 200; i++) {
		generation_write(i);
		generation_is(i);
		generation_is(i);
	}
	assert_int_equal(asked(), 0);
}

static void
a_superseded_one_is_used_while_it_is_the_only_one(void **state)
{
	NEED_ROOT();
	generation_write(1);
	generation_is(1);
	shot_mark();
	for (int i = 0; i < 20; i++)
		generation_is(1);
	assert_int_equal(asked(), 0);
	generation_write(2);
	generation_is(2);
}

static void
a_superseded_one_that_is_gone_is_not_used(void **state)
{
	NEED_ROOT();
	generation_write(1);
	generation_is(1);
	shot_remove();
	fails_with(PWNAM, NSS_STATUS_NOTFOUND, ENOENT);
	assert_int_equal(asked(), 1);
	fake_stop();
	fails_with(PWNAM, NSS_STATUS_UNAVAIL, ENOENT);
	generation_write(2);
	generation_is(2);
}

/*
 * Enumeration.
 */

/* How many entries until the end: at most 1000; each is a valid one. */
static unsigned
count_entries(enum entry e)
{
	char buf[SWEEP_MAX];
	union result r;
	unsigned n = 0;
	int err;

	rewind_all();
	for (; n < 1000; n++) {
		if (call(e, &r, buf, 8, &err) == NSS_STATUS_NOTFOUND)
			break; /* not to be moved by too small a buffer */
		assert_int_equal(err, ERANGE);
		assert_int_equal(call(e, &r, buf, sizeof(buf), &err),
		    NSS_STATUS_SUCCESS);
	}
	assert_int_equal(err, ENOENT);
	fails_with(e, NSS_STATUS_NOTFOUND, ENOENT);
	return n;
}

static void
write_people(unsigned n, bool enumerate)
{
	static struct shot_user users[500];
	static char names[500][24];
	struct shot shot = { .users = users,
		.n_users = n,
		.id_min = ID_MIN,
		.id_max = ID_MAX,
		.enumerate = enumerate };

	for (unsigned i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "person%u", i);
		users[i] = (struct shot_user){ names[i], UID + i, UID + i, "",
			"/home/x", "/bin/sh", NULL, 0, true };
	}
	shot_write(&shot);
}

static void
enumeration_lists_each_entry_if_it_is_on(void **state)
{
	NEED_ROOT();
	for (int round = 0; round < 2; round++) {
		write_people(300, true);
		assert_int_equal(count_entries(PWENT), 300);
		assert_int_equal(count_entries(GRENT), 300);
		write_people(300, false);
		rewind_all();
		fails_with(PWENT, NSS_STATUS_NOTFOUND, ENOENT);
		fails_with(GRENT, NSS_STATUS_NOTFOUND, ENOENT);
	}
	assert_int_equal(asked(), 0);
}

static void
enumeration_ends_whatever_is_put_in_place_meanwhile(void **state)
{
	char buf[SWEEP_MAX];
	union result r;
	unsigned n = 0;
	int err;

	NEED_ROOT();
	write_people(500, true);
	rewind_all();
	while (n < 100000 &&
	    call(PWENT, &r, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS)
		if (++n % 7 == 0)
			write_people(n * 13 % 500, true);
	assert_in_range(n, 1, 2000);
	rewind_all();
	for (n = 0; n < 100000 &&
	     call(GRENT, &r, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS;)
		if (++n % 7 == 0)
			write_people(n * 13 % 500, true);
	assert_in_range(n, 1, 4000);
}

/*
 * Groups.
 */

static void
a_group_of_many_lists_as_many_as_documented(void **state)
{
	enum { MANY = ZT_MEMBERS_MAX + 500 };
	static struct shot_user users[MANY];
	static uint32_t members[MANY];
	static char names[MANY][ZT_NAME_MAX + 1], buf[1 << 17];
	const struct shot_group group = { "staff1", GID, members, MANY };
	struct shot shot = { .users = users,
		.n_users = MANY,
		.groups = &group,
		.n_groups = 1,
		.id_min = ID_MIN,
		.id_max = ID_MAX };
	union result r;
	size_t n = 0;
	int err;

	NEED_ROOT();
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "m%031u", i);
		users[i] = (struct shot_user){ names[i], UID + 10 + i, GID, "",
			"/h", "/s", NULL, 0, false };
		members[i] = i;
	}
	shot_write(&shot);
	assert_int_equal(call(GRNAM, &r, buf, 1 << 12, &err),
	    NSS_STATUS_TRYAGAIN);
	assert_int_equal(err, ERANGE);
	assert_int_equal(call(GRNAM, &r, buf, sizeof(buf), &err),
	    NSS_STATUS_SUCCESS);
	while (r.grp.gr_mem[n] != NULL)
		assert_int_equal(strlen(r.grp.gr_mem[n++]), ZT_NAME_MAX);
	assert_int_equal(n, ZT_MEMBERS_MAX);
}

static void
a_private_group_has_its_user_s_name(void **state)
{
	const struct shot_user user = { "alice", UID, UID, "", "/h", "/s", NULL,
		0, true };
	struct shot shot = {
		.users = &user, .n_users = 1, .id_min = ID_MIN, .id_max = ID_MAX
	};
	char buf[SWEEP_MAX];
	union result r;
	int err;

	NEED_ROOT();
	shot_write(&shot);
	assert_int_equal(module.getgrgid_r(UID, &r.grp, buf, sizeof(buf), &err),
	    NSS_STATUS_SUCCESS);
	assert_string_equal(r.grp.gr_name, "alice");
	assert_null(r.grp.gr_mem[0]);
	assert_int_equal(module.getgrnam_r("alice", &r.grp, buf, sizeof(buf),
			     &err),
	    NSS_STATUS_SUCCESS);
	assert_int_equal(r.grp.gr_gid, UID);
}

static void
a_member_that_is_no_user_breaks_its_group(void **state)
{
	struct zt_snapshot_header h;
	uint32_t bad = UINT32_MAX;
	uint8_t *bytes;
	size_t len;

	NEED_ROOT();
	shot_alice(false, false);
	bytes = shot_read(&len);
	memcpy(&h, bytes, sizeof(h));
	memcpy(bytes + (size_t)h.sections[ZT_SNAPSHOT_MEMBERS].offset * 8, &bad,
	    sizeof(bad));
	shot_put(bytes, len, true);
	fails_with(GRNAM, NSS_STATUS_NOTFOUND, ENOENT);
	assert_int_equal(asked(), 1);
	fails_with(GRENT, NSS_STATUS_UNAVAIL, ENOENT);
	succeeds(PWNAM);
	assert_int_equal(asked(), 0);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_buffer_is_erange_until_the_entry_fits),
		cmocka_unit_test(an_absent_buffer_is_erange),
		cmocka_unit_test(a_miss_in_a_complete_snapshot_asks_nobody),
		cmocka_unit_test(a_miss_in_an_incomplete_one_asks_once),
		cmocka_unit_test(a_hit_asks_nobody),
		cmocka_unit_test(what_cannot_be_in_it_is_notfound_unasked),
		cmocka_unit_test(without_a_broker_a_lookup_costs_under_1_ms),
		cmocka_unit_test(a_user_that_breaks_a_rule_is_not_served),
		cmocka_unit_test(
		    an_id_that_would_be_root_or_local_is_refused_whatever_the_range),
		cmocka_unit_test(root_and_groups_that_make_root_are_not_served),
		cmocka_unit_test(a_truncated_file_is_no_snapshot),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(nothing_but_noise_is_no_snapshot),
		cmocka_unit_test(
		    a_file_that_others_could_have_put_there_is_not_believed),
		cmocka_unit_test(what_is_no_regular_file_is_not_believed),
		cmocka_unit_test(the_next_lookup_sees_another_snapshot),
		cmocka_unit_test(
		    a_superseded_one_is_used_while_it_is_the_only_one),
		cmocka_unit_test(a_superseded_one_that_is_gone_is_not_used),
		cmocka_unit_test(enumeration_lists_each_entry_if_it_is_on),
		cmocka_unit_test(
		    enumeration_ends_whatever_is_put_in_place_meanwhile),
		cmocka_unit_test(a_group_of_many_lists_as_many_as_documented),
		cmocka_unit_test(a_private_group_has_its_user_s_name),
		cmocka_unit_test(a_member_that_is_no_user_breaks_its_group),
	};
	int failed;

	why_not = fake_setup();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_stop();
	return failed;
}
