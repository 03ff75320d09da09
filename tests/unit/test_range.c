/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/idmap.h"
#include "zt/range.h"

/* An etc of its own, and what was found. */
struct fixture {
	char etc[64];
	struct zt_range_finding v[32];
	size_t n;
};

static void
write_file(const struct fixture *fx, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fx->etc, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int
setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	strcpy(fx->etc, "/tmp/zt-range-XXXXXX");
	assert_non_null(mkdtemp(fx->etc));
	write_file(fx, "passwd", "root:x:0:0::/root:/bin/sh\n");
	write_file(fx, "group", "root:x:0:\n");
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", fx->etc);
	assert_int_equal(system(command), 0);
	free(fx);
	return 0;
}

static void
found(void *arg, const struct zt_range_finding *finding)
{
	struct fixture *fx = arg;

	assert_true(fx->n < 32);
	assert_true(finding->first <= finding->last);
	assert_true(strlen(finding->remedy) > 0);
	fx->v[fx->n++] = *finding;
}

static void
lint(struct fixture *fx, uint32_t min, uint32_t max)
{
	fx->n = 0;
	assert_int_equal(zt_range_lint(fx->etc, min, max, found, fx), ZT_OK);
}

static void
finds(struct fixture *fx, bool fail, const char *word, uint32_t first,
    uint32_t last)
{
	for (size_t i = 0; i < fx->n; i++)
		if (strstr(fx->v[i].text, word) != NULL) {
			assert_true(fx->v[i].fail == fail);
			assert_int_equal(fx->v[i].first, first);
			assert_int_equal(fx->v[i].last, last);
			return;
		}
	fail_msg("nothing about \"%s\"", word);
}

static void
the_default_range_is_clear(void **state)
{
	struct fixture *fx = *state;

	write_file(fx, "login.defs", "");
	write_file(fx, "subuid", "a:100000:65536\n");
	lint(fx, ZT_ID_MIN_DEFAULT, ZT_ID_MAX_DEFAULT);
	assert_int_equal(fx->n, 0);
}

static void
ranges_of_others_are_found_up_to_their_last_id(void **state)
{
	static const struct {
		uint32_t first, last;
		bool fail;
		const char *word;
	} rows[] = {
		{ 0, 999, true, "system users" },
		{ 1000, 60000, false, "own users" },
		{ 60001, 60513, true, "homed" },
		{ 60514, 60577, true, "binds" },
		{ 61184, 65519, true, "dynamic" },
		{ 65534, 65534, true, "nobody" },
		{ 65535, 65535, true, "16 bits" },
		{ 200000, 2000199999, false, "SSSD" },
		{ 524288, 1879048191, false, "systemd's containers" },
		{ 2147352576, 2147418111, true, "foreign" },
		{ 2147483648, UINT32_MAX, true, "negative" },
	};
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		lint(fx, rows[i].first, rows[i].first);
		finds(fx, rows[i].fail, rows[i].word, rows[i].first,
		    rows[i].first);
		lint(fx, rows[i].last, rows[i].last);
		finds(fx, rows[i].fail, rows[i].word, rows[i].last,
		    rows[i].last);
		lint(fx, 0, UINT32_MAX);
		finds(fx, rows[i].fail, rows[i].word, rows[i].first,
		    rows[i].last);
	}
	lint(fx, 60578, 61183); /* between them */
	assert_int_equal(fx->n, 0);
	lint(fx, 65520, 65533);
	assert_int_equal(fx->n, 0);
	lint(fx, 65536, 199999);
	assert_int_equal(fx->n, 0);
	lint(fx, 2000200000, 2147352575);
	assert_int_equal(fx->n, 0);
	lint(fx, 2147418112, 2147483647);
	assert_int_equal(fx->n, 0);
}

static void
login_defs_is_read(void **state)
{
	struct fixture *fx = *state;

	write_file(fx, "login.defs",
	    "# UID_MIN 5\nUID_MIN\t\t70000 # from here\nUID_MAX 71000\n"
	    "GID_MIN 0x11170\nGID_MAX bad\nGID_MAX 70001\nSYS_UID_MAX 70005\n"
	    "SUB_UID_MIN 72000\nSUB_UID_MAX 73000\nSUB_GID_COUNT 0\n"
	    "UMASK 022\n");
	lint(fx, 70001, 199999);
	finds(fx, false, "UID_MIN-UID_MAX of login.defs, 70000-71000", 70001,
	    71000);
	finds(fx, false, "GID_MIN-GID_MAX", 70001, 70001);
	finds(fx, true, "SYS_UID_MIN-SYS_UID_MAX", 70001, 70005);
	finds(fx, false, "SUB_UID_MIN-SUB_UID_MAX", 72000, 73000);
	assert_int_equal(fx->n, 4);
	write_file(fx, "login.defs", "");
	lint(fx, 100000, 100000); /* shadow's own defaults */
	finds(fx, false, "SUB_UID_MIN", 100000, 100000);
	finds(fx, false, "SUB_GID_MIN", 100000, 100000);
	assert_int_equal(fx->n, 2);
}

static void
delegated_ids_are_found_one_by_one(void **state)
{
	struct fixture *fx = *state;

	write_file(fx, "subuid",
	    "low:65536:34464\n\033[1m:100000:10\nlast:100009:1\nhigh:100011:5\n"
	    "none:100005:0\nhuge:4294967295:9\n");
	write_file(fx, "subgid", "g:90000:10001\n");
	lint(fx, 100000, 100010);
	assert_int_equal(fx->n, 3);
	finds(fx, false, "subuid: \\x1b[1m", 100000, 100009);
	finds(fx, false, "subuid: last", 100009, 100009);
	finds(fx, false, "subgid: g", 100000, 100000);
}

static void
local_accounts_are_found_and_counted(void **state)
{
	char text[1024] = "root:x:0:0::/:/bin/sh\n";
	struct fixture *fx = *state;

	for (int i = 0; i < 10; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "u%d:x:%d:0::/h:/bin/sh\n", i, 70000 + i);
	write_file(fx, "passwd", text);
	write_file(fx, "group", "root:x:0:\nin:x:70000:\nout:x:69999:\n");
	lint(fx, 70000, 70100);
	assert_int_equal(fx->n, ZT_RANGE_EACH_MAX + 2);
	finds(fx, false, "passwd: u0 has id 70000", 70000, 70000);
	finds(fx, false, "passwd: 2 more", 70000, 70100);
	finds(fx, false, "group: in", 70000, 70000);
}

static void
what_cannot_be_read_is_an_error(void **state)
{
	struct fixture *fx = *state;
	char path[128];

	assert_int_equal(zt_range_lint(fx->etc, 2, 1, found, fx), ZT_ERR_INVAL);
	snprintf(path, sizeof(path), "%s/passwd", fx->etc);
	assert_int_equal(remove(path), 0);
	assert_int_equal(zt_range_lint(fx->etc, ZT_ID_MIN_DEFAULT,
			     ZT_ID_MAX_DEFAULT, found, fx),
	    ZT_ERR_SYS);
	assert_int_equal(fx->n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_default_range_is_clear),
		TEST(ranges_of_others_are_found_up_to_their_last_id),
		TEST(login_defs_is_read),
		TEST(delegated_ids_are_found_one_by_one),
		TEST(local_accounts_are_found_and_counted),
		TEST(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
