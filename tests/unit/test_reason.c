/* SPDX-License-Identifier: Apache-2.0 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "zt/auto.h"
#include "zt/reason.h"

#define DOC      "docs/REASONS.md"
#define MODULE   "## Made by the PAM module itself"
#define FILE_MAX (1 << 18) /* of what is read here, bytes */

static char *
file_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(FILE_MAX);
	size_t n;

	assert_non_null(file);
	assert_non_null(text);
	n = fread(text, 1, FILE_MAX - 1, file);
	assert_true(n > 0 && n < FILE_MAX - 1);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void
every_reason_stands_once_in_the_table_with_its_text_and_next_step(void **state)
{
	zt_auto_free char *doc = file_text(DOC);
	char row[1024];
	int i;

	(void)state;
	for (i = 1; zt_reason_code((enum zt_reason)i)[0] != '\0'; i++) {
		enum zt_reason reason = (enum zt_reason)i;

		(void)snprintf(row, sizeof(row), "\n| `%s` | %s | %s |\n",
		    zt_reason_code(reason), zt_reason_text(reason),
		    zt_reason_next(reason));
		if (count(doc, row) != 1)
			fail_msg("%s wants the row:%s", DOC, row);
	}
	assert_true(i > 30);
}

static void
the_table_names_no_reason_that_does_not_exist(void **state)
{
	zt_auto_free char *doc = file_text(DOC);
	char *end = strstr(doc, MODULE);
	char code[128];
	size_t n = 0;

	(void)state;
	assert_non_null(end);
	*end = '\0';
	for (const char *p = doc; (p = strstr(p, "\n| `")) != NULL; p++, n++) {
		assert_int_equal(sscanf(p, "\n| `%127[^`]`", code), 1);
		if (zt_reason_from_code(code) == ZT_REASON_NONE)
			fail_msg("%s is no reason", code);
	}
	assert_true(n > 30);
}

/* Check every string of a source that looks like a reason's code. */
static size_t
codes_check(const char *source, const char *doc)
{
	static const char *const families[] = { "error", "session", "scope",
		"policy", "credential", "account", "auth" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		char start[32], code[128], cell[160];
		const char *p = source;

		(void)snprintf(start, sizeof(start), "\"%s.", families[i]);
		for (; (p = strstr(p, start)) != NULL; p++, n++) {
			assert_int_equal(sscanf(p, "\"%127[^\"]\"", code), 1);
			(void)snprintf(cell, sizeof(cell), "\n| `%s` |", code);
			if (strstr(doc, cell) == NULL)
				fail_msg("%s lacks %s", DOC, code);
		}
	}
	return n;
}

static void
every_code_that_the_module_makes_is_documented(void **state)
{
	zt_auto_free char *doc = file_text(DOC);
	glob_t sources = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(glob("pam_zt/*.c", 0, NULL, &sources), 0);
	for (size_t i = 0; i < sources.gl_pathc; i++) {
		zt_auto_free char *source = file_text(sources.gl_pathv[i]);

		n += codes_check(source, doc);
	}
	globfree(&sources);
	assert_true(n >= 4);
}

static void
codes_and_reasons_are_one_to_one(void **state)
{
	(void)state;
	for (int i = 1; zt_reason_code((enum zt_reason)i)[0] != '\0'; i++)
		assert_int_equal(
		    zt_reason_from_code(zt_reason_code((enum zt_reason)i)), i);
	assert_int_equal(zt_reason_from_code("no.such"), ZT_REASON_NONE);
	assert_int_equal(zt_reason_from_code(""), ZT_REASON_NONE);
}

static void
a_value_that_is_no_reason_has_empty_texts(void **state)
{
	(void)state;
	assert_string_equal(zt_reason_code(ZT_REASON_NONE), "");
	assert_string_equal(zt_reason_code((enum zt_reason)9999), "");
	assert_string_equal(zt_reason_text((enum zt_reason)9999), "");
	assert_string_equal(zt_reason_next((enum zt_reason)9999), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_reason_stands_once_in_the_table_with_its_text_and_next_step),
		cmocka_unit_test(the_table_names_no_reason_that_does_not_exist),
		cmocka_unit_test(
		    every_code_that_the_module_makes_is_documented),
		cmocka_unit_test(codes_and_reasons_are_one_to_one),
		cmocka_unit_test(a_value_that_is_no_reason_has_empty_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
