/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's buffer, by the module's own pack.c: of every length up to what
 * is needed and at every alignment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "../../nss_zt/pack.h"
#include "zt/text.h"

#define ALIGN alignof(char *)
#define GUARD 16 /* bytes before and behind; a multiple of ALIGN */
#define MARK  0x5a

static alignas(ALIGN) char field[GUARD + 256 + GUARD];

/* A buffer of len bytes, shift bytes off an aligned place. */
static struct pack_room
room_make(size_t shift, size_t len)
{
	assert_true(shift + len <= sizeof(field) - 2 * (size_t)GUARD);
	memset(field, MARK, sizeof(field));
	return (struct pack_room){ field + GUARD + shift, len };
}

static void
assert_untouched_beside(struct pack_room room)
{
	for (char *p = field; p < field + sizeof(field); p++)
		if (p < room.buf || p >= room.buf + room.len)
			assert_int_equal(*p, MARK);
}

static void
assert_within(struct pack_room room, const void *p, size_t len)
{
	const char *at = p;

	assert_true(at >= room.buf && at + len <= room.buf + room.len);
}

static void
assert_text(struct pack_room room, const char *got, struct zt_str want)
{
	assert_within(room, got, want.len + 1);
	assert_memory_equal(got, want.p, want.len);
	assert_int_equal(got[want.len], '\0');
}

static void
pack_user_into(struct pack_room room, const struct zt_snapshot_user *user,
    bool fits)
{
	struct passwd out, before;

	memset(&out, MARK, sizeof(out));
	memset(&before, MARK, sizeof(before));
	assert_int_equal(pack_user(user, room, &out),
	    fits ? ZT_OK : ZT_ERR_TOOBIG);
	assert_untouched_beside(room);
	if (!fits) {
		assert_memory_equal(&out, &before, sizeof(out));
		return;
	}
	assert_text(room, out.pw_name, user->name);
	assert_text(room, out.pw_passwd, zt_str("*"));
	assert_text(room, out.pw_gecos, user->gecos);
	assert_text(room, out.pw_dir, user->home);
	assert_text(room, out.pw_shell, user->shell);
	assert_int_equal(out.pw_uid, user->uid);
	assert_int_equal(out.pw_gid, user->gid);
}

/* Into what is just large enough and more; into nothing less. */
static void
pack_user_everywhere(const struct zt_snapshot_user *user)
{
	const size_t needed = sizeof("*") + user->name.len + 1 +
	    user->gecos.len + 1 + user->home.len + 1 + user->shell.len + 1;

	for (size_t shift = 0; shift < ALIGN; shift++)
		for (size_t len = 0; len <= needed + ALIGN; len++)
			pack_user_into(room_make(shift, len), user,
			    len >= needed);
}

/* Texts in a row, a byte between two of them and another one after the text
 * that wide names (0 to 2). */
static void
pack_user_of_row(const char *const words[4], int wide)
{
	struct zt_snapshot_user user = { .uid = 70001, .gid = 71000 };
	struct zt_str *const texts[] = { &user.name, &user.gecos, &user.home,
		&user.shell };
	static char row[64];
	size_t at = sizeof(row);

	memset(row, ':', sizeof(row));
	for (int i = 3; i >= 0; i--) {
		texts[i]->len = strlen(words[i]);
		at -= texts[i]->len;
		texts[i]->p = memcpy(row + at, words[i], texts[i]->len);
		at -= i - 1 == wide ? 2 : 1;
	}
	pack_user_everywhere(&user);
}

static const char *const alice[] = { "alice", "Alice A", "/home/a", "/bin/sh" };
static const char *const bare[] = { "b", "", "/b", "/s" };

/* As a snapshot has them: copied as one, whatever stands between them, and
 * nothing read behind them. */
static void
a_users_texts_that_stand_together(void **state)
{
	(void)state;
	pack_user_of_row(alice, -1);
	pack_user_of_row(bare, -1);
}

/* As the broker's answer has them: with a length before each. */
static void
a_users_texts_that_stand_apart(void **state)
{
	const struct zt_str one = zt_str("/one/for/all");
	const struct zt_snapshot_user same = { one, one, one, one };

	(void)state;
	for (int wide = 0; wide < 3; wide++) {
		pack_user_of_row(alice, wide);
		pack_user_of_row(bare, wide);
	}
	pack_user_everywhere(&same);
}

static void
pack_group_into(struct pack_room room, const struct pack_members *members,
    bool fits)
{
	const struct zt_str name = zt_str("payments");
	struct group out, before;

	memset(&out, MARK, sizeof(out));
	memset(&before, MARK, sizeof(before));
	assert_int_equal(pack_group(name, 71000, members, room, &out),
	    fits ? ZT_OK : ZT_ERR_TOOBIG);
	assert_untouched_beside(room);
	if (!fits) {
		assert_memory_equal(&out, &before, sizeof(out));
		return;
	}
	assert_text(room, out.gr_name, name);
	assert_text(room, out.gr_passwd, zt_str("*"));
	assert_int_equal(out.gr_gid, 71000);
	assert_int_equal((uintptr_t)out.gr_mem % ALIGN, 0);
	assert_within(room, out.gr_mem, (members->n + 1) * sizeof(char *));
	for (uint32_t i = 0; i < members->n; i++)
		assert_text(room, out.gr_mem[i], members->texts[i]);
	assert_null(out.gr_mem[members->n]);
}

/* Its list of pointers is aligned wherever the buffer is. */
static void
pack_group_everywhere(const struct pack_members *members)
{
	size_t needed, texts = sizeof("payments") + sizeof("*");

	for (uint32_t i = 0; i < members->n; i++)
		texts += members->texts[i].len + 1;
	for (size_t shift = 0; shift < ALIGN; shift++) {
		needed = (ALIGN - shift) % ALIGN +
		    (members->n + 1) * sizeof(char *) + texts;
		for (size_t len = 0; len <= needed + ALIGN; len++)
			pack_group_into(room_make(shift, len), members,
			    len >= needed);
	}
}

static void
a_group_of_nobody_and_of_some(void **state)
{
	const struct zt_str texts[] = { zt_str("alice"), zt_str("b"),
		zt_str("carol") };

	(void)state;
	for (uint32_t n = 0; n <= 3; n++)
		pack_group_everywhere(&(struct pack_members){
		    .n = n, .texts = texts });
}

static void
more_members_than_there_is_room_are_not_looked_at(void **state)
{
	const struct zt_str none = { NULL, SIZE_MAX };
	const struct pack_members members = { .n = UINT32_MAX, .texts = &none };

	(void)state;
	pack_group_into(room_make(0, 256), &members, false);
}

static void
no_buffer_is_too_small(void **state)
{
	const struct zt_str text = zt_str("a");
	const struct zt_snapshot_user user = { text, text, text, text };
	const struct pack_members members = { .n = 1, .texts = &text };
	struct passwd pwd;
	struct group grp;

	(void)state;
	for (size_t len = 0; len <= 256; len += 256) {
		const struct pack_room none = { NULL, len };

		assert_int_equal(pack_user(&user, none, &pwd), ZT_ERR_TOOBIG);
		assert_int_equal(pack_group(text, 71000, &members, none, &grp),
		    ZT_ERR_TOOBIG);
	}
}

/* A larger buffer would not help. */
static void
a_broken_member_is_not_a_lack_of_room(void **state)
{
	const struct zt_snapshot snapshot = { 0 };
	const struct zt_snapshot_group nobody = { 0 };
	const struct pack_members members = {
		.n = 1, .snapshot = &snapshot, .group = &nobody
	};
	struct group out = { .gr_gid = 5 };

	(void)state;
	assert_int_equal(pack_group(zt_str("a"), 71000, &members,
			     room_make(0, 256), &out),
	    ZT_ERR_INVAL);
	assert_int_equal(out.gr_gid, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_users_texts_that_stand_together),
		cmocka_unit_test(a_users_texts_that_stand_apart),
		cmocka_unit_test(a_group_of_nobody_and_of_some),
		cmocka_unit_test(
		    more_members_than_there_is_room_are_not_looked_at),
		cmocka_unit_test(no_buffer_is_too_small),
		cmocka_unit_test(a_broken_member_is_not_a_lack_of_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
