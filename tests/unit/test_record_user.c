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

#include "zt/identity.h"

static enum zt_err
parse_user(const char *json, struct zt_user **out)
{
	const char *why = NULL;
	enum zt_err err = zt_user_parse(zt_str(json), out, &why);

	if (err == ZT_ERR_MALFORMED)
		assert_non_null(why);
	return err;
}

static void
a_full_user_record_is_read(void **state)
{
	struct zt_user *u = NULL;

	(void)state;
	assert_int_equal(
	    parse_user("{\"userName\":\"alice\",\"uid\":70001,\"gid\":70002,"
		       "\"realName\":\"Alice \xc3\x84\",\"homeDirectory\":"
		       "\"/srv/alice\",\"shell\":\"/bin/zsh\",\"memberOf\":"
		       "[\"a\",\"b\"],\"disposition\":\"regular\",\"locked\":"
		       "true,\"notBeforeUSec\":5,\"notAfterUSec\":"
		       "1800000000000000,\"unknown\":{\"x\":[1]},"
		       "\"privileged\":{\"hashedPassword\":[\"x\"]}}",
		&u),
	    ZT_OK);
	assert_string_equal(u->name, "alice");
	assert_int_equal(u->uid, 70001);
	assert_int_equal(u->gid, 70002);
	assert_string_equal(u->gecos, "Alice \xc3\x84");
	assert_string_equal(u->home, "/srv/alice");
	assert_string_equal(u->shell, "/bin/zsh");
	assert_int_equal(u->n_member_of, 2);
	assert_string_equal(u->member_of[0], "a");
	assert_string_equal(u->member_of[1], "b");
	assert_true(u->locked);
	assert_true(u->not_before_us == 5);
	assert_true(u->not_after_us == 1800000000000000);
	assert_string_equal(u->privileged, "{\"hashedPassword\":[\"x\"]}");
	free(u);
}

static void
a_short_user_record_gets_defaults(void **state)
{
	struct zt_user *u = NULL;

	(void)state;
	assert_int_equal(parse_user("{\"userName\":\"bob\",\"uid\":70003}", &u),
	    ZT_OK);
	assert_int_equal(u->gid, 0); /* a private one */
	assert_string_equal(u->id, "");
	assert_string_equal(u->privileged, "");
	assert_string_equal(u->gecos, "");
	assert_string_equal(u->home, "/home/bob");
	assert_string_equal(u->shell, "/bin/bash");
	assert_int_equal(u->n_member_of, 0);
	assert_false(u->locked);
	assert_true(u->not_before_us == 0 && u->not_after_us == UINT64_MAX);
	free(u);
}

static void
a_bad_user_record_is_refused_and_leaves_the_output_alone(void **state)
{
	static const char *const bad[] = { "", "null", "[]", "{", "{}x",
		"{\"uid\":70001}", "{\"userName\":\"a\"}",
		"{\"userName\":\"a\",\"userName\":\"b\",\"uid\":70001}",
		"{\"userName\":\"\",\"uid\":70001}",
		"{\"userName\":\"-a\",\"uid\":70001}",
		"{\"userName\":\"a:b\",\"uid\":70001}",
		"{\"userName\":\"a\\u0000b\",\"uid\":70001}",
		"{\"userName\":1,\"uid\":70001}",
		"{\"userName\":\"a23456789012345678901234567890123\","
		"\"uid\":70001}",
		"{\"userName\":\"a\",\"uid\":\"70001\"}",
		"{\"userName\":\"a\",\"uid\":70001.0}",
		"{\"userName\":\"a\",\"uid\":0}",
		"{\"userName\":\"a\",\"uid\":-1}",
		"{\"userName\":\"a\",\"uid\":65535}",
		"{\"userName\":\"a\",\"uid\":4294967294}",
		"{\"userName\":\"a\",\"uid\":4294967295}",
		"{\"userName\":\"a\",\"uid\":4295037297}",
		"{\"userName\":\"a\",\"uid\":99999999999999999999}",
		"{\"userName\":\"a\",\"uid\":null}" };
	struct zt_user *const poison = (struct zt_user *)&errno;
	struct zt_user *u = poison;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse_user(bad[i], &u) != ZT_ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
		assert_ptr_equal(u, poison);
	}
}

/* One more field in a good record. */
static enum zt_err
user_with(const char *field)
{
	struct zt_user *u = NULL;
	char json[512];
	enum zt_err err;

	snprintf(json, sizeof(json), "{\"userName\":\"a\",\"uid\":70001,%s}",
	    field);
	err = parse_user(json, &u);
	free(u);
	return err;
}

static void
a_bad_field_refuses_the_user(void **state)
{
	static const char *const bad[] = { "\"gid\":0", "\"gid\":\"x\"",
		"\"gid\":65535", "\"realName\":\"a:b\"", "\"realName\":\"\\n\"",
		"\"realName\":7", "\"homeDirectory\":\"\"",
		"\"homeDirectory\":\"/\"", "\"homeDirectory\":\"home\"",
		"\"homeDirectory\":\"/a:b\"", "\"homeDirectory\":\"/a\\u001b\"",
		"\"homeDirectory\":\"/a/../b\"", "\"homeDirectory\":\"/a/..\"",
		"\"homeDirectory\":\"//\"", "\"homeDirectory\":\"/./\"",
		"\"homeDirectory\":\"/root\"", "\"homeDirectory\":\"/root/a\"",
		"\"homeDirectory\":\"//etc/.\"", "\"homeDirectory\":\"/usr\"",
		"\"homeDirectory\":\"/dev/null\"", "\"homeDirectory\":\"/var\"",
		"\"homeDirectory\":\"/var/\"", "\"homeDirectory\":\"/home\"",
		"\"homeDirectory\":\"/home/./\"",
		"\"homeDirectory\":\"/run/x\"",
		"\"homeDirectory\":\"/var/lib/ztd/a\"",
		"\"homeDirectory\":\"/var/spool/cron\"", "\"uuid\":\"\"",
		"\"uuid\":\"a b\"", "\"uuid\":7", "\"uuid\":\"a\\n\"",
		"\"uuid\":\"\u00e4\"", "\"privileged\":[]",
		"\"privileged\":\"x\"", "\"privileged\":null",
		"\"shell\":\"sh\"", "\"shell\":\"/bin/sh\\n\"",
		"\"memberOf\":\"a\"", "\"memberOf\":[1]",
		"\"memberOf\":[\"a b\"]", "\"memberOf\":[\"a\",\"\"]",
		"\"disposition\":\"system\"", "\"disposition\":1",
		"\"locked\":1", "\"locked\":\"yes\"", "\"notBeforeUSec\":-1",
		"\"notAfterUSec\":\"x\"", "\"perMachine\":[]",
		"\"signature\":[]", "\"secret\":{}", "\"binding\":{}" };
	static const char *const good[] = { "\"gid\":70002",
		"\"realName\":\"\"", "\"homeDirectory\":\"/a..b/c\"",
		"\"memberOf\":[]", "\"disposition\":\"regular\"",
		"\"locked\":false", "\"status\":{}", "\"privileged\":{}",
		"\"uuid\":\"2819c223-7f76-453a-919d-413861904646\"",
		"\"homeDirectory\":\"/rooted\"",
		"\"homeDirectory\":\"/var/lib/ci\"",
		"\"homeDirectory\":\"/srv/a\"", "\"homeDirectory\":\"/.a\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (user_with(bad[i]) != ZT_ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (user_with(good[i]) != ZT_OK)
			fail_msg("refused: %s", good[i]);
}

static void
a_path_over_256_bytes_is_refused(void **state)
{
	char field[400];
	int n;

	(void)state;
	n = snprintf(field, sizeof(field), "\"shell\":\"/%0255d\"", 0);
	assert_int_equal(n, 256 + 10);
	assert_int_equal(user_with(field), ZT_OK);
	snprintf(field, sizeof(field), "\"shell\":\"/%0256d\"", 0);
	assert_int_equal(user_with(field), ZT_ERR_MALFORMED);
}

static void
every_prefix_of_a_record_is_malformed(void **state)
{
	static const char json[] =
	    "{\"userName\":\"a\",\"uid\":70001,\"memberOf\":[\"x\"]}";
	struct zt_user *u = NULL;
	const char *why;

	(void)state;
	for (size_t len = 0; len < sizeof(json) - 1; len++)
		assert_int_equal(zt_user_parse((struct zt_str){ json, len }, &u,
				     &why),
		    ZT_ERR_MALFORMED);
	assert_null(u);
}

static void
a_group_record_is_read_or_refused(void **state)
{
	static const char *const bad[] = { "{\"groupName\":\"g\"}",
		"{\"gid\":70001}", "{\"groupName\":\"g:\",\"gid\":70001}",
		"{\"groupName\":\"g\",\"gid\":0}",
		"{\"groupName\":\"g\",\"gid\":70001,\"members\":[\"a,b\"]}",
		"{\"groupName\":\"g\",\"gid\":70001,\"members\":{}}",
		"{\"groupName\":\"g\",\"gid\":70001,\"perMachine\":[]}" };
	struct zt_group *g = NULL;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(zt_group_parse(zt_str(bad[i]), &g, &why),
		    ZT_ERR_MALFORMED);
	assert_null(g);
	assert_int_equal(
	    zt_group_parse(zt_str("{\"groupName\":\"g\",\"gid\":70001,"
				  "\"members\":[\"a\",\"b\"]}"),
		&g, &why),
	    ZT_OK);
	assert_string_equal(g->name, "g");
	assert_int_equal(g->gid, 70001);
	assert_int_equal(g->n_members, 2);
	free(g);
}

static void
an_immutable_id_stands_in_for_an_id(void **state)
{
	char json[256], id[ZT_IMMUTABLE_ID_MAX + 2];
	struct zt_group *g = NULL;
	struct zt_user *u = NULL;
	const char *why = NULL;

	(void)state;
	assert_int_equal(parse_user("{\"userName\":\"a\",\"uuid\":\"x-1\"}",
			     &u),
	    ZT_OK);
	assert_int_equal(u->uid, 0);
	assert_string_equal(u->id, "x-1");
	free(u);
	assert_int_equal(
	    zt_group_parse(zt_str("{\"groupName\":\"g\",\"uuid\":\"y\"}"), &g,
		&why),
	    ZT_OK);
	assert_int_equal(g->gid, 0);
	assert_string_equal(g->id, "y");
	assert_int_equal(g->n_members, 0);
	free(g);
	assert_int_equal(zt_user_parse(zt_str("{\"userName\":\"a\"}"), &u,
			     &why),
	    ZT_ERR_MALFORMED);
	assert_non_null(strstr(why, "uuid"));
	assert_int_equal(zt_group_parse(zt_str("{\"groupName\":\"a\"}"), &g,
			     &why),
	    ZT_ERR_MALFORMED);
	assert_non_null(strstr(why, "uuid"));
	memset(id, 'x', sizeof(id));
	id[ZT_IMMUTABLE_ID_MAX] = '\0';
	snprintf(json, sizeof(json), "\"uuid\":\"%s\"", id);
	assert_int_equal(user_with(json), ZT_OK);
	id[ZT_IMMUTABLE_ID_MAX] = 'x';
	id[ZT_IMMUTABLE_ID_MAX + 1] = '\0';
	snprintf(json, sizeof(json), "\"uuid\":\"%s\"", id);
	assert_int_equal(user_with(json), ZT_ERR_MALFORMED);
}

/* {"privileged":{"a":"xxx"}} whose object is len bytes when printed. */
static enum zt_err
privileged_of(size_t len)
{
	static char json[20000];
	struct zt_user *u = NULL;
	enum zt_err err;
	int n;

	n = snprintf(json, sizeof(json),
	    "{\"userName\":\"a\",\"uid\":70001, \"privileged\" : { \"a\" : \"");
	memset(json + n, 'x', len - 8);
	strcpy(json + n + len - 8, "\" } }");
	if ((err = parse_user(json, &u)) == ZT_OK)
		assert_int_equal(strlen(u->privileged), len);
	free(u);
	return err;
}

static void
a_privileged_section_is_kept_up_to_16_kib(void **state)
{
	(void)state;
	assert_int_equal(privileged_of(100), ZT_OK);
	assert_int_equal(privileged_of(16384), ZT_OK);
	assert_int_equal(privileged_of(16385), ZT_ERR_MALFORMED);
}

static void
a_record_over_64_kib_is_refused(void **state)
{
	static char json[ZT_RECORD_FILE_MAX + 2];
	struct zt_user *u = NULL;

	(void)state;
	memset(json, ' ', ZT_RECORD_FILE_MAX + 1);
	memcpy(json, "{\"userName\":\"x\",\"uid\":70001}", 28);
	assert_int_equal(parse_user(json, &u), ZT_ERR_MALFORMED);
	json[ZT_RECORD_FILE_MAX] = '\0';
	assert_int_equal(parse_user(json, &u), ZT_OK);
	free(u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_user_record_is_read),
		cmocka_unit_test(a_short_user_record_gets_defaults),
		cmocka_unit_test(
		    a_bad_user_record_is_refused_and_leaves_the_output_alone),
		cmocka_unit_test(a_bad_field_refuses_the_user),
		cmocka_unit_test(a_path_over_256_bytes_is_refused),
		cmocka_unit_test(every_prefix_of_a_record_is_malformed),
		cmocka_unit_test(a_group_record_is_read_or_refused),
		cmocka_unit_test(an_immutable_id_stands_in_for_an_id),
		cmocka_unit_test(a_privileged_section_is_kept_up_to_16_kib),
		cmocka_unit_test(a_record_over_64_kib_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
