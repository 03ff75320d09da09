/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "zt/text.h"

static void
escapes_to(const char *in, const char *want)
{
	char got[256];
	size_t len = zt_escape(got, sizeof(got), zt_str(in));

	assert_string_equal(got, want);
	assert_int_equal(len, strlen(want));
}

static void
a_string_is_only_equal_to_the_whole_literal(void **state)
{
	(void)state;
	assert_true(zt_str_is(zt_str("sudo"), "sudo"));
	assert_false(zt_str_is(zt_str("sudo-i"), "sudo"));
	assert_false(zt_str_is(zt_str("su"), "sudo"));
	assert_true(zt_str_is((struct zt_str){ NULL, 0 }, ""));
	assert_true(zt_str_is(zt_str(NULL), ""));
	assert_false(zt_str_is((struct zt_str){ "su\0o", 4 }, "su"));
}

static void
a_copy_fits_with_its_nul_or_is_not_made(void **state)
{
	char dst[4] = "xyz";

	(void)state;
	assert_int_equal(zt_str_copy(dst, 3, zt_str("abc")), ZT_ERR_TOOBIG);
	assert_string_equal(dst, "xyz");
	assert_int_equal(zt_str_copy(dst, 4, zt_str("abc")), ZT_OK);
	assert_string_equal(dst, "abc");
	assert_int_equal(zt_str_copy(dst, 0, zt_str("")), ZT_ERR_TOOBIG);
	assert_int_equal(zt_str_copy(dst, 1, (struct zt_str){ NULL, 0 }),
	    ZT_OK);
	assert_string_equal(dst, "");
}

static void
names_are_portable_and_at_most_32_bytes(void **state)
{
	static const char *const good[] = { "a", "_x", "Alice", "svc.web-1_b",
		"abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = { "", "-a", "1a", ".a", "a b", "a:b",
		"a/b", "a\n", "\xc3\xa9ve", "a$", "a\x7f", "a@b", "a\\b",
		"abcdefghijklmnopqrstuvwxyz0123456" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(zt_name_valid(zt_str(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(zt_name_valid(zt_str(bad[i])));
	assert_false(zt_name_valid((struct zt_str){ "a\0b", 3 }));
}

/* The rule of zt_name_valid(), one byte at a time, said another way. */
static void
every_byte_of_a_name_is_judged(void **state)
{
	static const char first[] = "_abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[2] = "a";

	(void)state;
	for (int c = 1; c < 256; c++) {
		bool letter = strchr(first, c) != NULL;
		bool later = letter || strchr("0123456789.-", c) != NULL;

		name[0] = (char)c;
		assert_int_equal(zt_name_valid((struct zt_str){ name, 1 }),
		    letter);
		name[0] = 'a';
		name[1] = (char)c;
		assert_int_equal(zt_name_valid((struct zt_str){ name, 2 }),
		    later);
	}
}

static void
plain_text_and_utf8_pass_through(void **state)
{
	(void)state;
	escapes_to("", "");
	escapes_to("alice ~!@ 09", "alice ~!@ 09");
	escapes_to("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	    "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	escapes_to("a\\x41", "a\\\\x41");
}

static void
controls_are_escaped(void **state)
{
	(void)state;
	escapes_to("a\nb\r\t\x1b[2J\x07\x7f",
	    "a\\x0ab\\x0d\\x09\\x1b[2J\\x07\\x7f");
	escapes_to("\x1b]52;c;eA==\x07", "\\x1b]52;c;eA==\\x07");
	escapes_to("\xc2\x80\xc2\x9b", "\\xc2\\x80\\xc2\\x9b");
}

static void
invisible_and_bidirectional_characters_are_escaped(void **state)
{
	(void)state;
	escapes_to("\xe2\x80\xae", "\\xe2\\x80\\xae"); /* RLO U+202E */
	escapes_to("\xe2\x81\xa6", "\\xe2\\x81\\xa6"); /* LRI U+2066 */
	escapes_to("\xe2\x80\xa8", "\\xe2\\x80\\xa8"); /* LS U+2028 */
	escapes_to("\xe2\x80\x8b", "\\xe2\\x80\\x8b"); /* ZWSP U+200B */
	escapes_to("\xef\xbb\xbf", "\\xef\\xbb\\xbf"); /* BOM U+FEFF */
	escapes_to("\xc2\xad", "\\xc2\\xad");          /* SHY U+00AD */
	escapes_to("\xe3\x85\xa4", "\\xe3\\x85\\xa4"); /* U+3164 */
	escapes_to("\xef\xb8\x8f", "\\xef\\xb8\\x8f"); /* VS16 U+FE0F */
	escapes_to("\xcd\x8f", "\\xcd\\x8f");          /* CGJ U+034F */
	escapes_to("\xef\xbf\xbf", "\\xef\\xbf\\xbf"); /* U+FFFF */
	escapes_to("\xf3\xa0\x81\x81",                 /* tag U+E0041 */
	    "\\xf3\\xa0\\x81\\x81");
}

static void
ill_formed_utf8_is_escaped_byte_by_byte(void **state)
{
	(void)state;
	escapes_to("\x80", "\\x80");
	escapes_to("\xc3", "\\xc3");
	escapes_to("\xc3(", "\\xc3(");
	escapes_to("\xc0\xaf", "\\xc0\\xaf");          /* overlong '/' */
	escapes_to("\xe0\x80\xaf", "\\xe0\\x80\\xaf"); /* overlong */
	escapes_to("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
	escapes_to("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	escapes_to("\xff\xfe", "\\xff\\xfe");
	escapes_to("\xe2\x82", "\\xe2\\x82"); /* cut short */
}

static void
nul_bytes_are_escaped(void **state)
{
	char got[16];

	(void)state;
	(void)zt_escape(got, sizeof(got), (struct zt_str){ "a\0b", 3 });
	assert_string_equal(got, "a\\x00b");
}

static void
the_result_is_cut_before_the_unit_that_does_not_fit(void **state)
{
	static const struct zt_str in = { "a\n\xe2\x82\xac\\z", 7 };
	static const char *const want[] = { "", "a", "a", "a", "a", "a\\x0a",
		"a\\x0a", "a\\x0a", "a\\x0a\xe2\x82\xac", "a\\x0a\xe2\x82\xac",
		"a\\x0a\xe2\x82\xac\\\\", "a\\x0a\xe2\x82\xac\\\\z" };
	char got[16];

	(void)state;
	for (size_t cap = 1; cap <= sizeof(want) / sizeof(want[0]); cap++) {
		memset(got, '#', sizeof(got));
		assert_int_equal(zt_escape(got, cap, in),
		    strlen(want[cap - 1]));
		assert_string_equal(got, want[cap - 1]);
		assert_int_equal(got[cap], '#');
	}
}

static void
what_escaping_makes_is_clean_and_what_it_changes_is_not(void **state)
{
	static const char *const foul[] = { "a\nb", "\x1b[2J", "\x7f", "\xff",
		"\xc2\x85", "\xe2\x80\xae", "\xed\xa0\x80" };
	char out[64];

	(void)state;
	assert_true(zt_text_clean(zt_str("")));
	assert_true(zt_text_clean(zt_str("CORP\\alice, \xc3\xa9t\xc3\xa9")));
	for (size_t i = 0; i < sizeof(foul) / sizeof(foul[0]); i++) {
		assert_false(zt_text_clean(zt_str(foul[i])));
		(void)zt_escape(out, sizeof(out), zt_str(foul[i]));
		assert_true(zt_text_clean(zt_str(out)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_is_only_equal_to_the_whole_literal),
		cmocka_unit_test(a_copy_fits_with_its_nul_or_is_not_made),
		cmocka_unit_test(names_are_portable_and_at_most_32_bytes),
		cmocka_unit_test(every_byte_of_a_name_is_judged),
		cmocka_unit_test(plain_text_and_utf8_pass_through),
		cmocka_unit_test(controls_are_escaped),
		cmocka_unit_test(
		    invisible_and_bidirectional_characters_are_escaped),
		cmocka_unit_test(ill_formed_utf8_is_escaped_byte_by_byte),
		cmocka_unit_test(nul_bytes_are_escaped),
		cmocka_unit_test(
		    what_escaping_makes_is_clean_and_what_it_changes_is_not),
		cmocka_unit_test(
		    the_result_is_cut_before_the_unit_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
