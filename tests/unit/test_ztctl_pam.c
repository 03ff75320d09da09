/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../pam_zt/options.h"
#include "../../tools/ztctl_pam.h"

_Static_assert(PAM_ZT_TIMEOUT_MS == ZT_TIMEOUT_DEFAULT_MS, "as pam_zt has it");

static char dir[64];
static const char *const dirs[] = { dir, NULL };
static struct pam_stack stack;

static void
file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
make_dir(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/zt-test-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	static const char *const names[] = { "sshd", "common", "deep" };
	char path[128];

	(void)state;
	pam_stack_clear(&stack);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

/* Read sshd's account stack; the index of zt, or -1. */
static int
zt_of(const char *sshd)
{
	size_t zt;

	file("sshd", sshd);
	pam_stack_clear(&stack);
	assert_int_equal(pam_stack_read(dirs, "sshd", "account", &stack),
	    ZT_OK);
	zt = pam_stack_zt(&stack);
	return zt == stack.n ? -1 : (int)zt;
}

/* How many entries can keep zt from being asked? */
static int
skips_of(const char *sshd)
{
	int n = 0, zt = zt_of(sshd);

	assert_true(zt >= 0);
	for (size_t i = 0; i < stack.n; i++)
		n += pam_stack_skips(&stack, i, (size_t)zt) ? 1 : 0;
	return n;
}

static void
only_the_phase_asked_for_is_read(void **state)
{
	(void)state;
	assert_int_equal(zt_of("auth required pam_zt.so\n"), -1);
	assert_int_equal(zt_of("# account required pam_zt.so\n"), -1);
	assert_int_equal(
	    zt_of("session required pam_zt.so\n"
		  "account required pam_nologin.so\n"
		  "account\trequired\t/lib/security/pam_zt.so x\n"),
	    1);
	assert_string_equal(stack.entries[1].where, "sshd:3");
	assert_int_equal(zt_of("ACCOUNT required pam_zt.so"), 0);
}

static void
includes_are_followed(void **state)
{
	(void)state;
	file("common",
	    "account required pam_unix.so\n"
	    "account required pam_zt.so\n");
	assert_int_equal(zt_of("@include common\n"), 1);
	assert_string_equal(stack.entries[1].where, "common:2");
	assert_int_equal(zt_of("account include common\n"), 1);
	assert_int_equal(zt_of("session include common\n"), -1);
	assert_int_equal(zt_of("account substack common\n"), 2);
	assert_int_equal(stack.entries[2].level, 1);
}

static void
an_include_of_itself_ends(void **state)
{
	(void)state;
	file("sshd", "@include sshd\n");
	assert_int_equal(pam_stack_read(dirs, "sshd", "account", &stack),
	    ZT_ERR_TOOBIG);
}

static void
a_missing_file_is_not_found(void **state)
{
	(void)state;
	assert_int_equal(pam_stack_read(dirs, "sshd", "account", &stack),
	    ZT_ERR_NOTFOUND);
	file("sshd", "account include nowhere\n");
	assert_int_equal(pam_stack_read(dirs, "sshd", "account", &stack),
	    ZT_ERR_NOTFOUND);
}

static void
lines_are_joined_by_a_backslash(void **state)
{
	(void)state;
	assert_int_equal(zt_of("account \\\n  required \\\n pam_zt.so\n"), 0);
	assert_string_equal(stack.entries[0].text, "required pam_zt.so");
}

static void
sufficient_before_zt_skips_it(void **state)
{
	(void)state;
	assert_int_equal(skips_of("account sufficient pam_localuser.so\n"
				  "account required pam_zt.so\n"),
	    1);
	assert_int_equal(skips_of("account required pam_zt.so\n"
				  "account sufficient pam_localuser.so\n"),
	    0);
	assert_int_equal(skips_of("account required pam_nologin.so\n"
				  "account requisite pam_zt.so\n"),
	    0);
}

static void
done_and_jumps_over_zt_skip_it(void **state)
{
	(void)state;
	assert_int_equal(skips_of("account [success=1 new_authtok_reqd=done "
				  "default=ignore] pam_unix.so\n"
				  "account requisite pam_deny.so\n"
				  "account required pam_zt.so\n"),
	    1); /* done, not the jump */
	assert_int_equal(skips_of("account [success=1 default=ignore] a.so\n"
				  "account requisite pam_deny.so\n"
				  "account required pam_zt.so\n"),
	    0);
	assert_int_equal(skips_of("account [success=2 default=ignore] a.so\n"
				  "account requisite pam_deny.so\n"
				  "account required pam_zt.so\n"),
	    1);
	assert_int_equal(skips_of("account [default=99999999999] a.so\n"
				  "account required pam_zt.so\n"),
	    1);
}

static void
a_substack_ends_only_itself_and_counts_as_one(void **state)
{
	(void)state;
	file("common",
	    "account sufficient pam_localuser.so\n"
	    "account required pam_unix.so\n");
	assert_int_equal(skips_of("account substack common\n"
				  "account required pam_zt.so\n"),
	    0);
	assert_int_equal(skips_of("account include common\n"
				  "account required pam_zt.so\n"),
	    1);
	assert_int_equal(skips_of("account [success=1 default=ignore] a.so\n"
				  "account substack common\n"
				  "account required pam_zt.so\n"),
	    0);
	file("common", "account required pam_zt.so\n");
	assert_int_equal(skips_of("account sufficient pam_localuser.so\n"
				  "account substack common\n"),
	    1);
}

static void
only_some_controls_enforce(void **state)
{
	static const struct {
		const char *control;
		bool enforces;
	} rows[] = {
		{ "required", true },
		{ "requisite", true },
		{ "sufficient", false },
		{ "optional", false },
		{ "[success=ok default=die]", true },
		{ "[success=ok ignore=ignore default=bad]", true },
		{ "[success=ok default=ignore]", false },
		{ "[success=ok perm_denied=die default=ignore]", false },
		{ "[perm_denied=die authinfo_unavail=bad default=ignore]",
		    true },
		{ "[authinfo_unavail=ignore default=die]", false },
		{ "[perm_denied=ignore default=die]", false },
		{ "[success=ok]", false },
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(line, sizeof(line), "account %s pam_zt.so\n",
		    rows[i].control);
		assert_int_equal(zt_of(line), 0);
		assert_int_equal(stack.entries[0].enforces, rows[i].enforces);
	}
}

/* The module says other codes in a session. */
static void
a_session_must_fail_at_other_codes(void **state)
{
	static const struct {
		const char *control;
		bool enforces;
	} rows[] = {
		{ "required", true },
		{ "optional", false },
		{ "[success=ok default=bad]", true },
		{ "[session_err=die default=ignore]", true },
		{ "[session_err=ignore default=die]", false },
		{ "[perm_denied=die authinfo_unavail=die default=ignore]",
		    false },
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(line, sizeof(line), "session %s pam_zt.so\n",
		    rows[i].control);
		file("sshd", line);
		assert_int_equal(pam_stack_read(dirs, "sshd", "session",
				     &stack),
		    ZT_OK);
		assert_int_equal(stack.entries[0].enforces, rows[i].enforces);
		pam_stack_clear(&stack);
	}
}

static void
the_time_that_zt_waits_is_read_from_its_line(void **state)
{
	static const struct {
		const char *args;
		unsigned ms;
	} rows[] = {
		{ "", PAM_ZT_TIMEOUT_MS },
		{ "quiet broker=/timeout_ms=1", PAM_ZT_TIMEOUT_MS },
		{ "quiet timeout_ms=700", 700 },
		{ "timeout_ms=700 timeout_ms=800 quiet", 800 },
		{ "[timeout_ms=700]", 700 },
		{ "timeout_ms=99999999999999999999", UINT_MAX },
		{ "# timeout_ms=700", PAM_ZT_TIMEOUT_MS },
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(line, sizeof(line),
		    "account required pam_zt.so %s\n", rows[i].args);
		assert_int_equal(zt_of(line), 0);
		assert_int_equal(stack.entries[0].timeout_ms, rows[i].ms);
	}
	assert_int_equal(zt_of("account required a.so timeout_ms=7\n"), -1);
	assert_int_equal(stack.entries[0].timeout_ms, 0);
}

static void
pam_env_is_known_by_its_file(void **state)
{
	(void)state;
	assert_int_equal(zt_of("account required pam_env.so user_readenv=1\n"
			       "-account optional /lib/security/pam_env.so\n"
			       "account required pam_env.so.old\n"
			       "account required pam_zt.so\n"),
	    3);
	assert_true(stack.entries[0].is_env);
	assert_true(stack.entries[1].is_env);
	assert_false(stack.entries[2].is_env);
	assert_false(stack.entries[3].is_env);
}

static void
dash_and_reset_are_seen(void **state)
{
	(void)state;
	assert_int_equal(zt_of("-account required pam_zt.so\n"
			       "account [default=reset] a.so\n"),
	    0);
	assert_true(stack.entries[0].optional);
	assert_false(stack.entries[0].resets);
	assert_true(stack.entries[1].resets);
}

static void
a_stack_beyond_the_limit_is_refused(void **state)
{
	static char text[PAM_LINES_MAX * 24 + 64];
	size_t len = 0;

	(void)state;
	for (int i = 0; i <= PAM_LINES_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "account required a.so\n");
	file("sshd", text);
	assert_int_equal(pam_stack_read(dirs, "sshd", "account", &stack),
	    ZT_ERR_TOOBIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_phase_asked_for_is_read),
		TEST(includes_are_followed),
		TEST(an_include_of_itself_ends),
		TEST(a_missing_file_is_not_found),
		TEST(lines_are_joined_by_a_backslash),
		TEST(sufficient_before_zt_skips_it),
		TEST(done_and_jumps_over_zt_skip_it),
		TEST(a_substack_ends_only_itself_and_counts_as_one),
		TEST(only_some_controls_enforce),
		TEST(a_session_must_fail_at_other_codes),
		TEST(the_time_that_zt_waits_is_read_from_its_line),
		TEST(pam_env_is_known_by_its_file),
		TEST(dash_and_reset_are_seen),
		TEST(a_stack_beyond_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
