/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "snapshot_sample.h"
#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/text.h"

static struct zt_snapshot
opened(const struct copy *copy)
{
	struct zt_snapshot s;

	assert_int_equal(zt_snapshot_init(copy->bytes, copy->len, &s), ZT_OK);
	return s;
}

static enum zt_err
ask_user(const struct zt_snapshot *s, const char *name)
{
	struct zt_snapshot_user user;

	return zt_snapshot_user(s, zt_str(name), &user);
}

static enum zt_err
ask_uid(const struct zt_snapshot *s, uint32_t uid)
{
	struct zt_snapshot_user user;

	return zt_snapshot_user_by_uid(s, uid, &user);
}

static enum zt_err
ask_group(const struct zt_snapshot *s, const char *name)
{
	struct zt_snapshot_group group;

	return zt_snapshot_group(s, zt_str(name), &group);
}

static enum zt_err
ask_gid(const struct zt_snapshot *s, uint32_t gid)
{
	struct zt_snapshot_group group;

	return zt_snapshot_group_by_gid(s, gid, &group);
}

static void
a_header_says_what_the_writer_was_told(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);

	(void)state;
	assert_int_equal(s.info.generation, 7);
	assert_int_equal(s.info.created_ms, 1700000000123);
	assert_int_equal(s.info.users, 3);
	assert_int_equal(s.info.groups, 3);
	assert_int_equal(s.info.id_min, SAMPLE_ID_MIN);
	assert_int_equal(s.info.id_max, SAMPLE_ID_MAX);
	assert_true(s.info.complete);
	assert_false(s.info.enumerate);
	assert_false(zt_snapshot_superseded(&s));
	assert_true(zt_str_is(zt_snapshot_source(&s, 0), "files"));
	assert_true(zt_str_is(zt_snapshot_source(&s, 1), "corp"));
	assert_true(zt_str_is(zt_snapshot_source(&s, 2), ""));
	assert_true(zt_str_is(zt_snapshot_source(&s, 255), ""));
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	free(copy.bytes);
}

static void
the_name_of_a_source_ends_whatever_becomes_of_it(void **state)
{
	const size_t at = offsetof(struct zt_snapshot_header, sources);
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);

	(void)state;
	memset(copy.bytes + at, 'x', copy.len - at);
	assert_int_equal(zt_snapshot_source(&s, 1).len, ZT_SNAPSHOT_SOURCE_LEN);
	free(copy.bytes);
}

static void
a_user_is_found_by_name_and_by_uid_whole(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	struct zt_snapshot_user user, same;
	uint32_t gid;

	(void)state;
	assert_int_equal(zt_snapshot_user(&s, zt_str("alice"), &user), ZT_OK);
	assert_string_equal(user.name.p, "alice");
	assert_string_equal(user.gecos.p, "Alice \xc3\x89.");
	assert_string_equal(user.home.p, "/home/alice");
	assert_string_equal(user.shell.p, "/bin/bash");
	assert_int_equal(user.uid, 70001);
	assert_int_equal(user.gid, 70001);
	assert_true(user.private_group);
	assert_false(user.locked);
	assert_int_equal(user.not_before_us, 0);
	assert_int_equal(user.not_after_us, UINT64_MAX);
	assert_int_equal(user.source, 0);
	assert_int_equal(user.n_gids, 2);
	assert_int_equal(zt_snapshot_gid(&s, &user, 0, &gid), ZT_OK);
	assert_int_equal(gid, 27);
	assert_int_equal(zt_snapshot_gid(&s, &user, 1, &gid), ZT_OK);
	assert_int_equal(gid, 71000);
	assert_int_equal(zt_snapshot_gid(&s, &user, 2, &gid), ZT_ERR_INVAL);

	assert_int_equal(zt_snapshot_user_by_uid(&s, 70002, &user), ZT_OK);
	assert_int_equal(zt_snapshot_user(&s, zt_str("bob"), &same), ZT_OK);
	assert_ptr_equal(user.name.p, same.name.p);
	assert_string_equal(user.name.p, "bob");
	assert_string_equal(user.gecos.p, "");
	assert_string_equal(user.home.p, "/home/b.o.b");
	assert_int_equal(user.gid, 71000);
	assert_true(user.locked);
	assert_false(user.private_group);
	assert_int_equal(user.not_before_us, 5);
	assert_int_equal(user.not_after_us, 6);
	assert_int_equal(user.source, 1);
	free(copy.bytes);
}

static void
a_group_is_found_by_name_and_by_gid_with_its_members(void **state)
{
	static const char *const team[] = { "alice", "bob", "carol" };
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	struct zt_snapshot_group group;
	struct zt_str name;

	(void)state;
	assert_int_equal(zt_snapshot_group(&s, zt_str("team"), &group), ZT_OK);
	assert_int_equal(group.gid, 71000);
	assert_int_equal(group.n_members, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(zt_snapshot_member(&s, &group, i, &name),
		    ZT_OK);
		assert_true(zt_str_is(name, team[i]));
	}
	assert_int_equal(zt_snapshot_member(&s, &group, 3, &name),
	    ZT_ERR_INVAL);
	assert_int_equal(zt_snapshot_group_by_gid(&s, 71001, &group), ZT_OK);
	assert_string_equal(group.name.p, "docker");
	assert_int_equal(group.source, 1);
	assert_int_equal(zt_snapshot_group_by_gid(&s, 71002, &group), ZT_OK);
	assert_int_equal(group.n_members, 0);
	free(copy.bytes);
}

static void
a_private_group_is_a_group_without_members(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	struct zt_snapshot_group group;

	(void)state;
	assert_int_equal(zt_snapshot_group(&s, zt_str("carol"), &group), ZT_OK);
	assert_int_equal(group.gid, 70003);
	assert_int_equal(group.n_members, 0);
	assert_int_equal(group.source, 1);
	assert_int_equal(zt_snapshot_group_by_gid(&s, 70001, &group), ZT_OK);
	assert_string_equal(group.name.p, "alice");
	/* bob has none */
	assert_int_equal(ask_group(&s, "bob"), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_gid(&s, 70002), ZT_ERR_NOTFOUND);
	free(copy.bytes);
}

static void
who_is_not_there_is_not_found(void **state)
{
	static const char *const names[] = { "", "alic", "alicea", "Alice",
		"root", "team", "a:b", "x", "0123456789012345678901234567890",
		"01234567890123456789012345678901",
		"012345678901234567890123456789012" };
	static const uint32_t ids[] = { 0, 1, 999, 1000, 69999, 70000, 70004,
		71000, 79999, 80000, 65535, UINT32_MAX };
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(ask_user(&s, names[i]), ZT_ERR_NOTFOUND);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_int_equal(ask_uid(&s, ids[i]), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_group(&s, ""), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_group(&s, "tea"), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_gid(&s, 0), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_gid(&s, 27), ZT_ERR_NOTFOUND);
	/* bytes of text that happens to lie there */
	assert_int_equal(zt_snapshot_user(&s, (struct zt_str){ "ali\0e", 5 },
			     &(struct zt_snapshot_user){ 0 }),
	    ZT_ERR_NOTFOUND);
	free(copy.bytes);
}

static void
nobody_is_in_an_empty_snapshot(void **state)
{
	struct sample sample;
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;
	uint32_t cursor = 0;
	struct zt_snapshot s;
	struct copy copy;

	(void)state;
	sample_init(&sample);
	sample.directory.n_users = sample.directory.n_groups = 0;
	copy = copy_write(&sample.directory, &sample.meta);
	assert_int_equal(copy.len, sizeof(struct zt_snapshot_header));
	s = opened(&copy);
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	assert_int_equal(ask_user(&s, "alice"), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_uid(&s, 70001), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_group(&s, "team"), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_gid(&s, 71000), ZT_ERR_NOTFOUND);
	assert_int_equal(zt_snapshot_user_next(&s, &cursor, &user),
	    ZT_ERR_NOTFOUND);
	assert_int_equal(zt_snapshot_group_next(&s, &cursor, &group),
	    ZT_ERR_NOTFOUND);
	free(copy.bytes);
}

static void
one_user_alone_is_found(void **state)
{
	struct sample sample;
	struct zt_snapshot s;
	struct copy copy;

	(void)state;
	sample_init(&sample);
	sample.directory.n_users = 1;
	sample.directory.n_groups = 0;
	copy = copy_write(&sample.directory, &sample.meta);
	s = opened(&copy);
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	assert_int_equal(ask_user(&s, "alice"), ZT_OK);
	assert_int_equal(ask_uid(&s, 70001), ZT_OK);
	assert_int_equal(ask_user(&s, "bob"), ZT_ERR_NOTFOUND);
	free(copy.bytes);
}

static void
enumeration_lists_each_once_and_ends(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;
	uint32_t cursor = 0, ids = 0, n = 0;

	(void)state;
	for (; zt_snapshot_user_next(&s, &cursor, &user) == ZT_OK; n++)
		ids += user.uid;
	assert_int_equal(n, 3);
	assert_int_equal(ids, 70001 + 70002 + 70003);
	n = cursor = ids = 0;
	for (; zt_snapshot_group_next(&s, &cursor, &group) == ZT_OK; n++)
		ids += group.gid;
	assert_int_equal(n, 5);
	assert_int_equal(ids, 71000 + 71001 + 71002 + 70001 + 70003);
	/* at the end it stays there, and any cursor is one */
	assert_int_equal(zt_snapshot_group_next(&s, &cursor, &group),
	    ZT_ERR_NOTFOUND);
	for (uint32_t bit = 0; bit < 32; bit++) {
		cursor = UINT32_MAX >> bit;
		n += zt_snapshot_user_next(&s, &cursor, &user) == ZT_OK;
		cursor = UINT32_MAX >> bit;
		n += zt_snapshot_group_next(&s, &cursor, &group) == ZT_OK;
	}
	assert_true(n < 20);
	free(copy.bytes);
}

/* One thing wrong in the header, and what init says then. */
struct flaw {
	size_t at;
	uint32_t value;
	enum zt_err want;
};
#define FLAW(member, value, want)                                        \
	{                                                                \
		offsetof(struct zt_snapshot_header, member), value, want \
	}

static void
every_field_of_the_header_is_judged(void **state)
{
	static const struct flaw flaws[] = {
		FLAW(magic, 0x61616161, ZT_ERR_MALFORMED),
		FLAW(version, 0, ZT_ERR_VERSION),
		FLAW(version, 2, ZT_ERR_VERSION),
		FLAW(version, 0x01000000, ZT_ERR_VERSION), /* other order */
		FLAW(header_len, 1224, ZT_ERR_MALFORMED),
		FLAW(file_len, 1216, ZT_ERR_TRAILING),
		FLAW(file_len, 1 << 30, ZT_ERR_TRUNCATED),
		FLAW(flags, 4, ZT_ERR_MALFORMED),
		FLAW(flags, 0x80000000, ZT_ERR_MALFORMED),
		FLAW(n_sources, 17, ZT_ERR_MALFORMED),
		FLAW(n_allowed, 65, ZT_ERR_MALFORMED),
		FLAW(n_allowed, 2, ZT_ERR_MALFORMED), /* the second is 0 */
		FLAW(reserved, 1, ZT_ERR_MALFORMED),
		FLAW(reserved[44], 1, ZT_ERR_MALFORMED),
		FLAW(reserved_line[0], 1, ZT_ERR_MALFORMED),
		FLAW(reserved_line[56], 1, ZT_ERR_MALFORMED),
		FLAW(sections[0].offset, 0, ZT_ERR_MALFORMED),
		FLAW(sections[3].offset, 1, ZT_ERR_MALFORMED),
		FLAW(sections[0].len, 0, ZT_ERR_MALFORMED),
		FLAW(sections[7].len, 9, ZT_ERR_MALFORMED),
		FLAW(sections[7].len, 16, ZT_ERR_MALFORMED),
		FLAW(sections[7].len, 0xfffffff8, ZT_ERR_MALFORMED),
		FLAW(allowed[0], 0, ZT_ERR_MALFORMED),
		FLAW(allowed[0], 65535, ZT_ERR_MALFORMED),
		FLAW(allowed[0], UINT32_MAX, ZT_ERR_MALFORMED),
		FLAW(sources[0], 0, ZT_ERR_MALFORMED),
		FLAW(sources[1], 0x3a3a3a3a, ZT_ERR_MALFORMED),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		struct copy copy = copy_sample();
		struct zt_snapshot s;

		memcpy(copy.bytes + flaws[i].at, &flaws[i].value,
		    sizeof(flaws[i].value));
		copy_seal(&copy);
		assert_int_equal(zt_snapshot_init(copy.bytes, copy.len, &s),
		    flaws[i].want);
		free(copy.bytes);
	}
}

static void
allowed_gids_ascend_and_sources_end(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot_header *h = copy_header(&copy);
	struct zt_snapshot s;

	(void)state;
	h->n_allowed = 2;
	h->allowed[1] = 27;
	copy_seal(&copy);
	assert_int_equal(zt_snapshot_init(copy.bytes, copy.len, &s),
	    ZT_ERR_MALFORMED);
	h->allowed[1] = 28;
	copy_seal(&copy);
	assert_int_equal(zt_snapshot_init(copy.bytes, copy.len, &s), ZT_OK);
	memset(h->sources[1], 'a', sizeof(h->sources[1]));
	copy_seal(&copy);
	assert_int_equal(zt_snapshot_init(copy.bytes, copy.len, &s),
	    ZT_ERR_MALFORMED);
	assert_int_equal(zt_snapshot_init(copy.bytes + 4, copy.len - 4, &s),
	    ZT_ERR_INVAL);
	free(copy.bytes);
}

static void
every_prefix_is_truncated_and_no_byte_may_follow(void **state)
{
	struct copy copy = copy_sample();
	zt_auto_free uint8_t *more = malloc(copy.len + 1);
	struct zt_snapshot s;

	(void)state;
	for (size_t len = 0; len < copy.len; len++) {
		/* of its exact size, for ASan */
		uint8_t *part = malloc(len);

		assert_true(part != NULL || len == 0);
		if (len > 0)
			memcpy(part, copy.bytes, len);
		assert_int_equal(zt_snapshot_init(part, len, &s),
		    ZT_ERR_TRUNCATED);
		free(part);
	}
	assert_non_null(more);
	memcpy(more, copy.bytes, copy.len);
	more[copy.len] = 0;
	assert_int_equal(zt_snapshot_init(more, copy.len + 1, &s),
	    ZT_ERR_TRAILING);
	free(copy.bytes);
}

static void
every_flipped_bit_is_found_and_none_makes_a_wrong_answer(void **state)
{
	const size_t word = offsetof(struct zt_snapshot_header, superseded);
	struct copy copy = copy_sample();
	struct zt_snapshot s;

	(void)state;
	for (size_t i = 0; i < copy.len * 8; i++) {
		const bool is_word = i / 8 >= word && i / 8 < word + 4;

		copy.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		if (zt_snapshot_init(copy.bytes, copy.len, &s) == ZT_OK) {
			assert_int_equal(zt_snapshot_superseded(&s), is_word);
			assert_int_equal(zt_snapshot_verify(&s),
			    is_word ? ZT_OK : ZT_ERR_MALFORMED);
			copy_interrogate(&copy);
		} else {
			assert_false(is_word);
		}
		copy.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	free(copy.bytes);
}

/* As somebody would who wants to be believed. */
static void
no_flipped_bit_under_right_checksums_breaks_a_rule(void **state)
{
	struct copy copy = copy_sample();

	(void)state;
	for (size_t i = 0; i < copy.len * 8; i++) {
		copy.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		copy_seal(&copy);
		copy_interrogate(&copy);
		copy.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	free(copy.bytes);
}

static void
no_random_bytes_break_a_rule(void **state)
{
	struct copy copy = copy_sample();
	zt_auto_free uint8_t *whole = malloc(copy.len);

	(void)state;
	assert_non_null(whole);
	memcpy(whole, copy.bytes, copy.len);
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		memcpy(copy.bytes, whole, copy.len);
		for (long n = random() % 8; n >= 0; n--)
			copy.bytes[(size_t)random() % copy.len] =
			    (uint8_t)random();
		copy_seal(&copy);
		copy_interrogate(&copy);
	}
	free(copy.bytes);
}

/* Of alice's record: bytes put at a place, and what two lookups say then. */
struct breach {
	size_t at;
	const char *bytes;
	size_t len;
	enum zt_err by_name, by_uid;
};
#define HEAD(member) offsetof(struct zt_snapshot_user_head, member)
#define TEXT(i)      (sizeof(struct zt_snapshot_user_head) + (i))
#define BREACH(at, bytes, by_name, by_uid)                    \
	{                                                     \
		at, bytes, sizeof(bytes) - 1, by_name, by_uid \
	}
#define BAD  ZT_ERR_MALFORMED
#define NONE ZT_ERR_NOTFOUND

static void
every_rule_of_a_user_holds_on_each_lookup(void **state)
{
	/* alice\0Alice E'.\0/home/alice\0/bin/bash\0 from 0, 6, 16, 28 */
	static const struct breach breaches[] = {
		/* little-endian hosts: 999, 69999, 80000, 0, 65535 */
		BREACH(HEAD(uid), "\xe7\x03\0\0", BAD, BAD),
		BREACH(HEAD(uid), "\x6f\x11\x01\0", BAD, BAD),
		BREACH(HEAD(uid), "\x80\x38\x01\0", BAD, BAD),
		BREACH(HEAD(uid), "\0\0\0\0", BAD, BAD),
		BREACH(HEAD(uid), "\xff\xff\0\0", BAD, BAD),
		BREACH(HEAD(gid), "\0\0\0\0", BAD, BAD),
		BREACH(HEAD(gid), "\x1b\0\0\0", BAD, BAD), /* 27 */
		BREACH(HEAD(gid), "\x80\x38\x01\0", BAD, BAD),
		BREACH(HEAD(gid), "\x72\x11\x01\0", BAD, BAD), /* not uid */
		BREACH(HEAD(gids), "\xff\xff\xff\xff", BAD, BAD),
		BREACH(HEAD(n_gids), "\xff\xff\xff\xff", BAD, BAD),
		BREACH(HEAD(n_gids), "\x11\0\0\0", BAD, BAD),
		BREACH(HEAD(gecos_len), "\x0a\0", BAD, BAD),
		BREACH(HEAD(gecos_len), "\xff\xff", BAD, BAD),
		BREACH(HEAD(home_len), "\0\0", BAD, BAD),
		BREACH(HEAD(home_len), "\xff\xff", BAD, BAD),
		BREACH(HEAD(shell_len), "\x08\0", BAD, BAD),
		BREACH(HEAD(shell_len), "\xff\xff", BAD, BAD),
		BREACH(HEAD(name_len), "\0", BAD, BAD),
		BREACH(HEAD(name_len), "\x04", BAD, BAD),
		BREACH(HEAD(name_len), "\x21", BAD, BAD),
		BREACH(HEAD(name_len), "\xff", BAD, BAD),
		BREACH(HEAD(source), "\x10", BAD, BAD),
		BREACH(HEAD(flags), "\x0a\0\0\0", BAD, BAD),
		BREACH(HEAD(flags), "\x02\0\0\x80", BAD, BAD),
		BREACH(HEAD(flags), "\x06\0\0\0", BAD, BAD), /* no validity */
		BREACH(TEXT(0), "blice", NONE, ZT_OK), /* not who was asked */
		BREACH(TEXT(0), "-lice", BAD, BAD),
		BREACH(TEXT(0), "1lice", BAD, BAD),
		BREACH(TEXT(0), ".lice", BAD, BAD),
		BREACH(TEXT(0), "al ce", BAD, BAD),
		BREACH(TEXT(0), "al:ce", BAD, BAD),
		BREACH(TEXT(0), "al\0ce", BAD, BAD),
		BREACH(TEXT(0), "alic\xe9", BAD, BAD),
		BREACH(TEXT(5), "x", BAD, BAD), /* the name's NUL */
		BREACH(TEXT(6), "Ali:e", BAD, BAD),
		BREACH(TEXT(6), "Ali\ne", BAD, BAD),
		BREACH(TEXT(6), "Ali\0e", BAD, BAD),
		BREACH(TEXT(6), "Ali\x7f", BAD, BAD),
		BREACH(TEXT(15), "x", BAD, BAD), /* the gecos's NUL */
		BREACH(TEXT(16), "h", BAD, BAD),
		BREACH(TEXT(16), "/../", BAD, BAD),
		BREACH(TEXT(16), "/home/al/..", BAD, BAD),
		BREACH(TEXT(16), "/home:", BAD, BAD),
		BREACH(TEXT(16), "/home/a\x1f", BAD, BAD),
		BREACH(TEXT(27), "x", BAD, BAD), /* the home's NUL */
		BREACH(TEXT(28), "b", BAD, BAD),
		BREACH(TEXT(28), "/bin/\t", BAD, BAD),
		BREACH(TEXT(28), "/bin/a/..", BAD, BAD),
		BREACH(TEXT(37), "x", BAD, BAD), /* the shell's NUL */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
		const struct breach *breach = &breaches[i];
		struct copy copy = copy_sample();
		struct zt_snapshot s = opened(&copy);
		uint8_t *p = copy_user(&copy, "alice");

		memcpy(p + breach->at, breach->bytes, breach->len);
		if (ask_user(&s, "alice") != breach->by_name ||
		    ask_uid(&s, 70001) != breach->by_uid)
			fail_msg("breach %zu at %zu", i, breach->at);
		free(copy.bytes);
	}
}

static void
nobody_is_root(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	struct zt_snapshot_user_head head = { .uid = 70002,
		.gid = 70002,
		.home_len = 5,
		.shell_len = 7,
		.name_len = 4 };
	uint8_t *p = copy_user(&copy, "bob");

	(void)state;
	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), "root\0\0/home\0/bin/sh", 20);
	assert_int_equal(ask_uid(&s, 70002), ZT_ERR_MALFORMED);
	memcpy(p + sizeof(head), "roof", 4);
	assert_int_equal(ask_uid(&s, 70002), ZT_OK);
	free(copy.bytes);
}

static void
an_id_below_the_floor_is_not_served_whatever_the_header_says(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot_header *h = copy_header(&copy);
	struct sample sample;
	struct zt_snapshot s;

	(void)state;
	free(copy.bytes);
	sample_init(&sample);
	sample.meta.id_min = 1;
	sample.directory_users[0].uid = sample.directory_users[0].gid = 999;
	sample.directory_users[2].uid = sample.directory_users[2].gid = 1000;
	sample.directory_groups[2].gid = 65535;
	copy = copy_write(&sample.directory, &sample.meta);
	h = copy_header(&copy);
	h->id_max = UINT32_MAX;
	copy_seal(&copy);
	s = opened(&copy);
	assert_int_equal(ask_user(&s, "alice"), ZT_ERR_MALFORMED);
	assert_int_equal(ask_uid(&s, 999), ZT_ERR_NOTFOUND);
	assert_int_equal(ask_user(&s, "carol"), ZT_OK);
	assert_int_equal(ask_uid(&s, 1000), ZT_OK);
	assert_int_equal(ask_group(&s, "nobody_in"), ZT_ERR_MALFORMED);
	assert_int_equal(ask_gid(&s, 65535), ZT_ERR_NOTFOUND);
	assert_int_equal(zt_snapshot_verify(&s), ZT_ERR_MALFORMED);
	free(copy.bytes);
}

static void
every_rule_of_a_group_holds_on_each_lookup(void **state)
{
#define GHEAD(member) offsetof(struct zt_snapshot_group_head, member)
#define GTEXT         sizeof(struct zt_snapshot_group_head)
	static const struct breach breaches[] = {
		BREACH(GHEAD(gid), "\0\0\0\0", BAD, BAD),
		BREACH(GHEAD(gid), "\x1b\0\0\0", BAD, BAD),
		BREACH(GHEAD(gid), "\x80\x38\x01\0", BAD, BAD),
		BREACH(GHEAD(members), "\xff\xff\xff\xff", BAD, BAD),
		BREACH(GHEAD(n_members), "\xff\xff\xff\xff", BAD, BAD),
		BREACH(GHEAD(n_members), "\x11\0\0\0", BAD, BAD),
		BREACH(GHEAD(name_len), "\0", BAD, BAD),
		BREACH(GHEAD(name_len), "\x03", BAD, BAD),
		BREACH(GHEAD(name_len), "\xff", BAD, BAD),
		BREACH(GHEAD(source), "\x10", BAD, BAD),
		BREACH(GHEAD(flags), "\x02\0", BAD, BAD),
		BREACH(GTEXT, "lean", NONE, ZT_OK),
		BREACH(GTEXT, "sudo", BAD, BAD), /* not marked as allowed */
		BREACH(GTEXT, "root", BAD, BAD),
		BREACH(GTEXT, "disk", BAD, BAD),
		BREACH(GTEXT, "te:m", BAD, BAD),
		BREACH(GTEXT, "-eam", BAD, BAD),
		BREACH(GTEXT + 4, "x", BAD, BAD),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
		const struct breach *breach = &breaches[i];
		struct copy copy = copy_sample();
		struct zt_snapshot s = opened(&copy);
		uint8_t *p = copy_group(&copy, "team");

		memcpy(p + breach->at, breach->bytes, breach->len);
		if (ask_gid(&s, 71000) != breach->by_uid ||
		    (ask_group(&s, "team") != breach->by_name))
			fail_msg("breach %zu at %zu", i, breach->at);
		free(copy.bytes);
	}
}

static void
a_root_equivalent_group_must_be_marked(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	uint8_t *p = copy_group(&copy, "docker");

	(void)state;
	assert_int_equal(ask_group(&s, "docker"), ZT_OK);
	memset(p + GHEAD(flags), 0, 2);
	assert_int_equal(ask_group(&s, "docker"), ZT_ERR_MALFORMED);
	assert_int_equal(ask_gid(&s, 71001), ZT_ERR_MALFORMED);
	free(copy.bytes);
}

/* Nor is a private group that is named so; its user is a user. */
static void
a_private_group_is_not_root_equivalent(void **state)
{
	struct sample sample;
	struct zt_snapshot s;
	struct copy copy;

	(void)state;
	sample_init(&sample);
	sample.users[0].name = "lxd";
	copy = copy_write(&sample.directory, &sample.meta);
	s = opened(&copy);
	assert_int_equal(ask_user(&s, "lxd"), ZT_OK);
	assert_int_equal(ask_group(&s, "lxd"), ZT_ERR_MALFORMED);
	assert_int_equal(ask_gid(&s, 70001), ZT_ERR_MALFORMED);
	assert_int_equal(zt_snapshot_verify(&s), ZT_ERR_MALFORMED);
	free(copy.bytes);
}

static void
a_gid_is_in_the_range_or_allowed_and_never_root(void **state)
{
	static const uint32_t bad[] = { 0, 26, 28, 999, 1000, 69999, 80000,
		65535, UINT32_MAX, UINT32_MAX - 1 };
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	struct zt_snapshot_user user;
	uint8_t *gids = copy_section(&copy, ZT_SNAPSHOT_GIDS);
	uint32_t gid = 5;

	(void)state;
	assert_int_equal(zt_snapshot_user(&s, zt_str("alice"), &user), ZT_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(gids, &bad[i], sizeof(bad[i]));
		assert_int_equal(zt_snapshot_gid(&s, &user, 0, &gid),
		    ZT_ERR_MALFORMED);
		assert_int_equal(gid, 5);
	}
	/* a user as nobody handed it out */
	user.gids = UINT32_MAX;
	user.n_gids = UINT32_MAX;
	assert_int_equal(zt_snapshot_gid(&s, &user, 1, &gid), ZT_ERR_MALFORMED);
	/* what init would not have let in */
	assert_int_equal(zt_snapshot_user(&s, zt_str("alice"), &user), ZT_OK);
	copy_header(&copy)->allowed[0] = 0;
	memset(gids, 0, 4);
	assert_int_equal(zt_snapshot_gid(&s, &user, 0, &gid), ZT_ERR_MALFORMED);
	free(copy.bytes);
}

static void
a_member_is_a_user(void **state)
{
	static const uint32_t bad[] = { 0, 1, 151, 152, 100000, UINT32_MAX };
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	struct zt_snapshot_group group;
	uint8_t *members = copy_section(&copy, ZT_SNAPSHOT_MEMBERS);
	struct zt_str name;

	(void)state;
	assert_int_equal(zt_snapshot_group(&s, zt_str("team"), &group), ZT_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(members, &bad[i], sizeof(bad[i]));
		assert_int_equal(zt_snapshot_member(&s, &group, 0, &name),
		    ZT_ERR_MALFORMED);
	}
	memcpy(members, &s.groups.offset, sizeof(uint32_t));
	assert_int_equal(zt_snapshot_member(&s, &group, 0, &name),
	    ZT_ERR_MALFORMED);
	group.members = group.n_members = UINT32_MAX;
	assert_int_equal(zt_snapshot_member(&s, &group, 0, &name),
	    ZT_ERR_MALFORMED);
	free(copy.bytes);
}

/* Another user under the id that was asked for is no answer. */
static void
an_index_that_lies_is_found_out(void **state)
{
	const size_t half = sizeof(uint32_t);
	struct copy copy = copy_sample();
	struct zt_snapshot s = opened(&copy);
	uint8_t *ids = copy_section(&copy, ZT_SNAPSHOT_USER_IDS);
	uint8_t *group_ids = copy_section(&copy, ZT_SNAPSHOT_GROUP_IDS);
	uint32_t tag, ref = s.users.offset, group_ref = s.groups.offset;

	(void)state;
	for (uint32_t i = 0; i < s.user_ids.len; i++) {
		memcpy(&tag, ids + 8 * i, half);
		if (tag != 0)
			memcpy(ids + 8 * i + half, &ref, half);
	}
	for (uint32_t i = 0; i < s.group_ids.len; i++) {
		memcpy(&tag, group_ids + 8 * i, half);
		if (tag != 0)
			memcpy(group_ids + 8 * i + half, &group_ref, half);
	}
	assert_int_equal(ask_uid(&s, 70001), ZT_OK);
	assert_int_equal(ask_uid(&s, 70002), ZT_ERR_MALFORMED);
	assert_int_equal(ask_uid(&s, 70003), ZT_ERR_MALFORMED);
	assert_int_equal(ask_gid(&s, 71000), ZT_OK);
	assert_int_equal(ask_gid(&s, 71001), ZT_ERR_MALFORMED);
	/* full of what is not asked for: the search ends */
	memset(ids, 0xff, (size_t)s.user_ids.len * 8);
	assert_int_equal(ask_uid(&s, 70001), ZT_ERR_NOTFOUND);
	free(copy.bytes);
}

/* The slot with this ref in an index, or the first empty one for 0. */
static uint8_t *
slot_find(struct copy *copy, enum zt_snapshot_section_id id, uint32_t ref)
{
	uint8_t *p = copy_section(copy, id);
	struct zt_snapshot_slot slot;

	for (;; p += sizeof(slot)) {
		memcpy(&slot, p, sizeof(slot));
		if (slot.ref == ref)
			return p;
	}
}

/* Put a unit where nothing was: two slots lead to one record. */
static void
slot_add(struct copy *copy, enum zt_snapshot_section_id id, uint32_t ref)
{
	const struct zt_snapshot_slot slot = { 1, ref };

	memcpy(slot_find(copy, id, 0), &slot, sizeof(slot));
}

/* What only verify can see; false after the last. */
static bool
spoil(struct copy *copy, int flaw)
{
	struct zt_snapshot_header *h = copy_header(copy);
	const uint32_t user = h->sections[ZT_SNAPSHOT_USERS].offset;
	const uint32_t group = h->sections[ZT_SNAPSHOT_GROUPS].offset;
	uint8_t *alice = copy_user(copy, "alice");
	const uint32_t one = 1;

	switch (flaw) {
	case 0:
		h->n_users--;
		break;
	case 1:
		h->n_groups--;
		break;
	case 2:
		h->n_users++;
		break;
	case 3:
		slot_add(copy, ZT_SNAPSHOT_USER_NAMES, user);
		break;
	case 4:
		slot_add(copy, ZT_SNAPSHOT_USER_IDS, user);
		break;
	case 5:
		slot_add(copy, ZT_SNAPSHOT_GROUP_NAMES, group);
		break;
	case 6:
		slot_add(copy, ZT_SNAPSHOT_GROUP_IDS, group);
		break;
	case 7: /* a tag in an empty slot */
		memcpy(slot_find(copy, ZT_SNAPSHOT_USER_NAMES, 0), &one, 4);
		break;
	case 8: /* there by id, not by name */
		*slot_find(copy, ZT_SNAPSHOT_USER_NAMES,
		    (uint32_t)(copy_user(copy, "bob") - copy->bytes) / 8) ^= 1;
		break;
	case 9:
		*slot_find(copy, ZT_SNAPSHOT_GROUP_NAMES, group) ^= 1;
		break;
	case 10: /* padding: of a record, of sections */
		alice[zt_snapshot_user_len((void *)alice) - 1] = 1;
		break;
	case 11:
		copy_section(copy, ZT_SNAPSHOT_GROUPS)[-1] = 1;
		break;
	case 12:
		copy_section(copy, ZT_SNAPSHOT_GIDS)[-1] = 1;
		break;
	case 13:
		copy_section(copy, ZT_SNAPSHOT_MEMBERS)[-1] = 1;
		break;
	case 14:
		copy->bytes[copy->len - 1] = 1;
		break;
	case 15: /* lists that share */
		memset(copy_user(copy, "bob") + HEAD(gids), 0, 4);
		break;
	case 16:
		memset(copy_group(copy, "docker") + GHEAD(members), 0, 4);
		break;
	case 17: /* bad entries of lists */
		memset(copy_section(copy, ZT_SNAPSHOT_GIDS), 0, 4);
		break;
	case 18:
		memcpy(copy_section(copy, ZT_SNAPSHOT_MEMBERS), &one, 4);
		break;
	default:
		return false;
	}
	return true;
}

/* Right checksums, and each record as good as before. */
static void
verify_finds_what_no_lookup_sees(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot s;

	(void)state;
	for (int flaw = 0; spoil(&copy, flaw); flaw++) {
		copy_seal(&copy);
		s = opened(&copy);
		if (zt_snapshot_verify(&s) != ZT_ERR_MALFORMED)
			fail_msg("flaw %d", flaw);
		free(copy.bytes);
		copy = copy_sample();
	}
	/* and what has become of the header meanwhile */
	s = opened(&copy);
	copy_header(&copy)->generation++;
	assert_int_equal(zt_snapshot_verify(&s), ZT_ERR_MALFORMED);
	free(copy.bytes);
}

/* Replace the texts of a record that has room for them. */
static void
texts_put(uint8_t *p, const struct zt_str texts[4])
{
	struct zt_snapshot_user_head head;

	memcpy(&head, p, sizeof(head));
	head.name_len = (uint8_t)texts[0].len;
	head.gecos_len = (uint16_t)texts[1].len;
	head.home_len = (uint16_t)texts[2].len;
	head.shell_len = (uint16_t)texts[3].len;
	p = mempcpy(p, &head, sizeof(head));
	for (size_t i = 0; i < 4; i++) {
		p = mempcpy(p, texts[i].p, texts[i].len);
		*p++ = 0;
	}
}

/* A text that obeys the rules now and then. */
static size_t
text_make(char *text, size_t cap, bool name)
{
	static const char likely[] = "/./../ab.:c-_Z9 \n\x7f\x80\xc3";
	const size_t len = (size_t)random() % (cap + 1);

	for (size_t i = 0; i < len; i++) {
		text[i] = name ? 'a' : "a/.b"[random() % 4];
		if (random() % 64 == 0)
			text[i] = (char)random();
		else if (random() % 16 == 0)
			text[i] =
			    likely[(size_t)random() % (sizeof(likely) - 1)];
	}
	if (len > 0 && !name && random() % 8 != 0)
		text[0] = '/';
	return len;
}

static bool
text_valid(size_t what, struct zt_str text)
{
	if (what == 0)
		return zt_name_valid(text) && !zt_str_is(text, "root");
	return what == 1 ? zt_field_valid(text) : zt_path_valid(text);
}

/* The reader's own form of the rules against those of all others. */
static void
the_rules_are_those_of_records(void **state)
{
	char text[40],
	    room[] = "/home/..............................."
		     ".....................................";
	unsigned good[4] = { 0 };
	struct sample sample;
	struct zt_snapshot s;
	struct copy copy;
	uint8_t *p;

	(void)state;
	sample_init(&sample);
	sample.users[0].home = room;
	copy = copy_write(&sample.directory, &sample.meta);
	s = opened(&copy);
	p = copy_user(&copy, "alice");
	srandom(2);
	for (size_t i = 0; i < 400000; i++) {
		struct zt_str texts[] = { zt_str("u"), zt_str(""), zt_str("/h"),
			zt_str("/s") };
		const size_t what = i % 4;
		bool want;

		texts[what] = (struct zt_str){ text,
			text_make(text, sizeof(text), what == 0) };
		texts_put(p, texts);
		want = text_valid(what, texts[what]);
		good[what] += want;
		assert_int_equal(ask_uid(&s, 70001) == ZT_OK, want);
	}
	for (size_t i = 0; i < 4; i++)
		assert_true(good[i] > 5000 && good[i] < 95000);
	free(copy.bytes);
}

static void
root_equivalent_names_are_known_whole(void **state)
{
	static const char *const privileged[] = { "root", "sudo", "wheel",
		"docker", "lxd", "libvirt-qemu", "disk", "shadow", "adm",
		"systemd-journal", "_ssh", "staff", "www-data", "ztd",
		"zt-admin", "nobody", "kvm", "video", "utmp", "aws-sudoers",
		"google-sudoers", "microk8s", "qemu", "backup", "incus" };
	static const char *const others[] = { "", "users", "roo", "roott",
		"Root", "sud", "sudo2", "xsudo", "z", "lxdd", "developers" };

	(void)state;
	for (size_t i = 0; i < sizeof(privileged) / sizeof(char *); i++)
		assert_true(zt_group_privileged(zt_str(privileged[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(char *); i++)
		assert_false(zt_group_privileged(zt_str(others[i])));
	assert_false(zt_group_privileged((struct zt_str){ "sudo", 3 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_says_what_the_writer_was_told),
		cmocka_unit_test(
		    the_name_of_a_source_ends_whatever_becomes_of_it),
		cmocka_unit_test(a_user_is_found_by_name_and_by_uid_whole),
		cmocka_unit_test(
		    a_group_is_found_by_name_and_by_gid_with_its_members),
		cmocka_unit_test(a_private_group_is_a_group_without_members),
		cmocka_unit_test(who_is_not_there_is_not_found),
		cmocka_unit_test(nobody_is_in_an_empty_snapshot),
		cmocka_unit_test(one_user_alone_is_found),
		cmocka_unit_test(enumeration_lists_each_once_and_ends),
		cmocka_unit_test(every_field_of_the_header_is_judged),
		cmocka_unit_test(allowed_gids_ascend_and_sources_end),
		cmocka_unit_test(
		    every_prefix_is_truncated_and_no_byte_may_follow),
		cmocka_unit_test(
		    every_flipped_bit_is_found_and_none_makes_a_wrong_answer),
		cmocka_unit_test(
		    no_flipped_bit_under_right_checksums_breaks_a_rule),
		cmocka_unit_test(no_random_bytes_break_a_rule),
		cmocka_unit_test(every_rule_of_a_user_holds_on_each_lookup),
		cmocka_unit_test(nobody_is_root),
		cmocka_unit_test(
		    an_id_below_the_floor_is_not_served_whatever_the_header_says),
		cmocka_unit_test(every_rule_of_a_group_holds_on_each_lookup),
		cmocka_unit_test(a_root_equivalent_group_must_be_marked),
		cmocka_unit_test(a_private_group_is_not_root_equivalent),
		cmocka_unit_test(
		    a_gid_is_in_the_range_or_allowed_and_never_root),
		cmocka_unit_test(a_member_is_a_user),
		cmocka_unit_test(an_index_that_lies_is_found_out),
		cmocka_unit_test(verify_finds_what_no_lookup_sees),
		cmocka_unit_test(the_rules_are_those_of_records),
		cmocka_unit_test(root_equivalent_names_are_known_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
