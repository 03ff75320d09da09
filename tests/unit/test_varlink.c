/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ztd/varlink.h"
#include "zt/auto.h"
#include "zt/text.h"

static void
a_frame_ends_with_its_nul(void **state)
{
	static const char two[] = "{}\0{\"a\":1}";
	size_t len = 99;

	(void)state;
	assert_int_equal(varlink_frame(two, sizeof(two), 0, &len), ZT_OK);
	assert_int_equal(len, 2);
	assert_int_equal(varlink_frame(two + 3, sizeof(two) - 3, 0, &len),
	    ZT_OK);
	assert_int_equal(len, 7);
	assert_int_equal(varlink_frame("\0x", 2, 0, &len), ZT_OK);
	assert_int_equal(len, 0);
}

static void
a_frame_cut_anywhere_wants_more(void **state)
{
	static const char one[] = "{\"method\":\"a.B\"}";
	size_t len = 99;

	(void)state;
	for (size_t n = 1; n < sizeof(one); n++)
		for (size_t seen = 0; seen <= n; seen++)
			assert_int_equal(varlink_frame(one, n, seen, &len),
			    ZT_ERR_TRUNCATED);
	assert_int_equal(len, 99);
	assert_int_equal(varlink_frame(one, sizeof(one), sizeof(one) - 1, &len),
	    ZT_OK);
	assert_int_equal(len, sizeof(one) - 1);
}

static void
a_frame_has_a_limit(void **state)
{
	zt_auto_free char *buf = malloc(VARLINK_CALL_MAX + 1);
	size_t len = 0;

	(void)state;
	memset(buf, ' ', VARLINK_CALL_MAX + 1);
	assert_int_equal(varlink_frame(buf, VARLINK_CALL_MAX - 1, 0, &len),
	    ZT_ERR_TRUNCATED);
	assert_int_equal(varlink_frame(buf, VARLINK_CALL_MAX, 0, &len),
	    ZT_ERR_TOOBIG);
	buf[VARLINK_CALL_MAX] = '\0';
	assert_int_equal(varlink_frame(buf, VARLINK_CALL_MAX + 1, 0, &len),
	    ZT_ERR_TOOBIG);
	buf[VARLINK_CALL_MAX - 1] = '\0';
	assert_int_equal(varlink_frame(buf, VARLINK_CALL_MAX, 0, &len), ZT_OK);
	assert_int_equal(len, VARLINK_CALL_MAX - 1);
}

static void
a_call_is_read(void **state)
{
	struct varlink_call call;

	(void)state;
	assert_int_equal(
	    varlink_call_parse(zt_str("{\"method\":\"io.systemd.X.Get\","
				      "\"parameters\":{\"uid\":1},"
				      "\"more\":true}"),
		&call),
	    ZT_OK);
	assert_string_equal(call.method, "io.systemd.X.Get");
	assert_int_equal(json_integer_value(json_object_get(call.parameters,
			     "uid")),
	    1);
	assert_true(call.more);
	assert_false(call.oneway);
	varlink_call_clear(&call);
	assert_int_equal(
	    varlink_call_parse(zt_str("{\"method\":\"a.B\",\"oneway\":true,"
				      "\"more\":false,\"upgrade\":false,"
				      "\"parameters\":null}"),
		&call),
	    ZT_OK);
	assert_null(call.parameters);
	assert_true(call.oneway);
	assert_false(call.more);
	varlink_call_clear(&call);
	assert_int_equal(varlink_call_parse(zt_str("{\"method\":\"a.B\"}"),
			     &call),
	    ZT_OK);
	assert_null(call.parameters);
	varlink_call_clear(&call);
}

static void
what_is_no_call_is_malformed(void **state)
{
	static const char *const rows[] = { "", " ", "{}", "[]", "1", "null",
		"\"method\"", "{\"method\":1}", "{\"method\":null}",
		"{\"method\":\"\"}", "{\"method\":\"Get\"}",
		"{\"method\":\"a.B \"}", "{\"method\":\"a.\\u0000B\"}",
		"{\"method\":\"a.\\u001bB\"}", "{\"method\":\"a.B\"",
		"{\"method\":\"a.B\"}}", "{\"method\":\"a.B\"} {}",
		"{\"method\":\"a.B\",\"method\":\"a.B\"}",
		"{\"method\":\"a.B\",\"parameters\":[]}",
		"{\"method\":\"a.B\",\"parameters\":1}",
		"{\"method\":\"a.B\",\"parameters\":{\"a\":1,\"a\":1}}",
		"{\"method\":\"a.B\",\"more\":1}",
		"{\"method\":\"a.B\",\"more\":null}",
		"{\"method\":\"a.B\",\"oneway\":\"yes\"}",
		"{\"method\":\"a.B\",\"more\":true,\"oneway\":true}",
		"{\"method\":\"a.B\",\"upgrade\":true}",
		"{\"method\":\"a.B\",\"upgrade\":0}",
		"{\"method\":\"a.B\",\"extra\":1}",
		"{\"method\":\"a.B\",\"parameters\":{\"a\":\"\xff\"}}" };
	struct varlink_call call = { .method = "untouched" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (varlink_call_parse(zt_str(rows[i]), &call) !=
		    ZT_ERR_MALFORMED)
			fail_msg("%s", rows[i]);
	assert_string_equal(call.method, "untouched");
}

static void
the_name_of_a_method_has_a_limit(void **state)
{
	char method[VARLINK_METHOD_MAX + 2], text[VARLINK_METHOD_MAX + 64];
	struct varlink_call call;

	(void)state;
	for (size_t n = VARLINK_METHOD_MAX; n <= VARLINK_METHOD_MAX + 1; n++) {
		memset(method, 'a', n);
		method[1] = '.';
		method[n] = '\0';
		snprintf(text, sizeof(text), "{\"method\":\"%s\"}", method);
		assert_int_equal(varlink_call_parse(zt_str(text), &call),
		    n == VARLINK_METHOD_MAX ? ZT_OK : ZT_ERR_MALFORMED);
		if (n == VARLINK_METHOD_MAX)
			varlink_call_clear(&call);
	}
}

static void
deep_calls_do_no_harm(void **state)
{
	zt_auto_free char *text = malloc(VARLINK_CALL_MAX);
	struct varlink_call call;

	(void)state;
	memset(text, '[', VARLINK_CALL_MAX);
	assert_int_equal(varlink_call_parse((struct zt_str){ text,
						VARLINK_CALL_MAX - 1 },
			     &call),
	    ZT_ERR_MALFORMED);
	assert_int_equal(varlink_call_parse((struct zt_str){ text,
						VARLINK_CALL_MAX },
			     &call),
	    ZT_ERR_TOOBIG);
}

static void
replies_and_errors_end_with_a_nul(void **state)
{
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(varlink_reply(json_pack("{s:i}", "a", 1), false, &text,
			     &len),
	    ZT_OK);
	assert_string_equal(text, "{\"parameters\":{\"a\":1}}");
	assert_int_equal(len, strlen(text) + 1);
	free(text);
	assert_int_equal(varlink_reply(json_object(), true, &text, &len),
	    ZT_OK);
	assert_string_equal(text, "{\"parameters\":{},\"continues\":true}");
	assert_int_equal(len, strlen(text) + 1);
	free(text);
	assert_int_equal(varlink_error("a.B", json_pack("{s:s}", "k", "v"),
			     &text, &len),
	    ZT_OK);
	assert_string_equal(text,
	    "{\"error\":\"a.B\",\"parameters\":{\"k\":\"v\"}}");
	assert_int_equal(len, strlen(text) + 1);
	free(text);
}

static void
a_reply_has_a_limit(void **state)
{
	/* {"parameters":{"a":""}} and NUL */
	const size_t around = sizeof("{\"parameters\":{\"a\":\"\"}}");
	zt_auto_free char *big = malloc(VARLINK_REPLY_MAX + 1);
	char *text = NULL;
	size_t len;

	(void)state;
	memset(big, 'x', VARLINK_REPLY_MAX);
	big[VARLINK_REPLY_MAX - around] = '\0';
	assert_int_equal(varlink_reply(json_pack("{s:s}", "a", big), false,
			     &text, &len),
	    ZT_OK);
	assert_int_equal(len, VARLINK_REPLY_MAX);
	free(text);
	text = NULL;
	strcat(big, "x");
	assert_int_equal(varlink_reply(json_pack("{s:s}", "a", big), false,
			     &text, &len),
	    ZT_ERR_TOOBIG);
	assert_null(text);
	assert_int_equal(varlink_reply(NULL, false, &text, &len), ZT_ERR_NOMEM);
	assert_null(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_ends_with_its_nul),
		cmocka_unit_test(a_frame_cut_anywhere_wants_more),
		cmocka_unit_test(a_frame_has_a_limit),
		cmocka_unit_test(a_call_is_read),
		cmocka_unit_test(what_is_no_call_is_malformed),
		cmocka_unit_test(the_name_of_a_method_has_a_limit),
		cmocka_unit_test(deep_calls_do_no_harm),
		cmocka_unit_test(replies_and_errors_end_with_a_nul),
		cmocka_unit_test(a_reply_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
