/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/identity.h"

static struct zt_user *
user(const char *name)
{
	struct zt_user *u = NULL;
	const char *why;
	char json[96];

	snprintf(json, sizeof(json), "{\"userName\":\"%s\",\"uid\":70001}",
	    name);
	assert_int_equal(zt_user_parse(zt_str(json), &u, &why), ZT_OK);
	return u;
}

static void
put(struct zt_set *set, const char *key, const char *name)
{
	assert_int_equal(zt_set_put_user(set, key, user(name)), ZT_OK);
}

static struct zt_group *
group(void)
{
	struct zt_group *g = NULL;
	const char *why;

	assert_int_equal(
	    zt_group_parse(zt_str("{\"groupName\":\"g\",\"gid\":70001}"), &g,
		&why),
	    ZT_OK);
	return g;
}

static int
setup(void **state)
{
	struct zt_set *set = NULL;

	assert_int_equal(zt_set_new(&set), ZT_OK);
	*state = set;
	return 0;
}

static int
teardown(void **state)
{
	zt_set_free(*state);
	zt_set_free(NULL);
	return 0;
}

/* Keys in their order, separated by spaces. */
static void
keys_are(const struct zt_set *set, const char *want)
{
	char got[512] = "";

	for (size_t i = 0; i < zt_set_count(set); i++) {
		if (i > 0)
			strcat(got, " ");
		strcat(got, zt_set_at(set, i)->key);
	}
	assert_string_equal(got, want);
	assert_null(zt_set_at(set, zt_set_count(set)));
}

static void
a_sealed_set_is_in_the_order_of_keys(void **state)
{
	struct zt_set *set = *state;
	const struct zt_set_record *rec;

	put(set, "c", "carl");
	assert_int_equal(zt_set_put_group(set, "a", group()), ZT_OK);
	assert_int_equal(zt_set_put_refused(set, "b", "bob", "why"), ZT_OK);
	assert_int_equal(zt_set_put_refused(set, "d", NULL, "so"), ZT_OK);
	assert_int_equal(zt_set_seal(set), ZT_OK);
	keys_are(set, "a b c d");
	assert_int_equal(zt_set_users(set), 1);
	rec = zt_set_at(set, 1);
	assert_true(rec->user == NULL && rec->group == NULL);
	assert_string_equal(rec->name, "bob");
	assert_string_equal(rec->why, "why");
	assert_null(zt_set_at(set, 3)->name);
	assert_string_equal(zt_set_at(set, 0)->group->name, "g");
	assert_string_equal(zt_set_find(set, "c")->user->name, "carl");
	assert_null(zt_set_find(set, "e"));
	assert_null(zt_set_find(set, ""));
}

static void
a_sealed_set_keeps_its_order_as_it_changes(void **state)
{
	struct zt_set *set = *state;

	put(set, "m", "m");
	assert_int_equal(zt_set_seal(set), ZT_OK);
	put(set, "z", "z");
	put(set, "a", "a");
	put(set, "n", "n");
	keys_are(set, "a m n z");
	assert_int_equal(zt_set_users(set), 4);
	put(set, "n", "other"); /* in its place */
	keys_are(set, "a m n z");
	assert_int_equal(zt_set_users(set), 4);
	assert_string_equal(zt_set_find(set, "n")->user->name, "other");
	assert_int_equal(zt_set_put_refused(set, "n", "n", "why"), ZT_OK);
	assert_int_equal(zt_set_users(set), 3);
	assert_int_equal(zt_set_put_group(set, "z", group()), ZT_OK);
	assert_int_equal(zt_set_users(set), 2);
	zt_set_remove(set, "a");
	zt_set_remove(set, "nosuch");
	keys_are(set, "m n z");
	assert_int_equal(zt_set_users(set), 1);
}

static void
of_two_with_one_key_the_later_is_refused(void **state)
{
	struct zt_set *set = *state;

	put(set, "b#2", "natural");
	put(set, "b", "first");
	put(set, "b!", "other");
	put(set, "b", "second");
	put(set, "b", "third");
	assert_int_equal(zt_set_put_refused(set, "a", "x", "one"), ZT_OK);
	assert_int_equal(zt_set_put_refused(set, "a", "x", "two"), ZT_OK);
	assert_int_equal(zt_set_seal(set), ZT_OK);
	keys_are(set, "a a#2 b b! b#2 b#3 b#4");
	assert_string_equal(zt_set_find(set, "a")->why, "one");
	assert_string_equal(zt_set_find(set, "b")->user->name, "first");
	assert_string_equal(zt_set_find(set, "b#2")->user->name, "natural");
	assert_string_equal(zt_set_find(set, "b#3")->name, "second");
	assert_non_null(strstr(zt_set_find(set, "b#3")->why, "same key"));
	assert_null(zt_set_find(set, "b#4")->user);
	assert_int_equal(zt_set_users(set), 3);
}

static void
an_empty_set_is_one_too(void **state)
{
	struct zt_set *set = *state;

	assert_int_equal(zt_set_seal(set), ZT_OK);
	assert_null(zt_set_at(set, 0));
	assert_null(zt_set_find(set, "a"));
	zt_set_remove(set, "a");
	assert_int_equal(zt_set_count(set), 0);
}

static void
a_set_is_full_at_its_limit(void **state)
{
	struct zt_set *set = *state;
	struct zt_user *u = user("late");
	char key[16];

	for (unsigned i = 0; i < ZT_SET_MAX; i++) {
		snprintf(key, sizeof(key), "%07u", i);
		if (zt_set_put_refused(set, key, NULL, "why") != ZT_OK)
			fail_msg("full at %u", i);
	}
	assert_int_equal(zt_set_put_user(set, "x", u), ZT_ERR_TOOBIG);
	free(u); /* still ours */
	assert_int_equal(zt_set_seal(set), ZT_OK);
	put(set, "0000007", "in-place");
	assert_int_equal(zt_set_users(set), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sealed_set_is_in_the_order_of_keys),
		TEST(a_sealed_set_keeps_its_order_as_it_changes),
		TEST(of_two_with_one_key_the_later_is_refused),
		TEST(an_empty_set_is_one_too),
		TEST(a_set_is_full_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
