/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../../ztd/facts.h"
#include "../../ztd/scope.h"
#include "zt/auto.h"
#include "zt/wire.h"

#define WORD(s) ((char[]){ s })

static char *services[] = { WORD("sshd"), WORD("sudo"), WORD("su-l"),
	WORD("login") };
static char *exempt[] = { WORD("login:root"), WORD("monitor"),
	WORD("sudo:ops") };

static const struct conf conf = {
	.scope = { .services = { services, 4 }, .exempt_users = { exempt, 3 } },
};

static void
services_that_are_not_listed_are_out_of_scope(void **state)
{
	(void)state;
	assert_int_equal(scope_check(&conf, "cron", "alice", 1000),
	    ZT_REASON_SCOPE_SERVICE);
	assert_int_equal(scope_check(&conf, "cron", "root", 0),
	    ZT_REASON_SCOPE_SERVICE);
	assert_int_equal(scope_check(&conf, "ssh", "alice", 1000),
	    ZT_REASON_SCOPE_SERVICE);
	assert_int_equal(scope_check(&conf, "sshd2", "alice", 1000),
	    ZT_REASON_SCOPE_SERVICE);
}

static void
root_invoking_sudo_and_su_is_out_of_scope_but_root_elsewhere_is_not(void *
	*state)
{
	(void)state;
	assert_int_equal(scope_check(&conf, "sudo", "root", 0),
	    ZT_REASON_SCOPE_ROOT);
	assert_int_equal(scope_check(&conf, "su-l", "alice", 0),
	    ZT_REASON_SCOPE_ROOT);
	assert_int_equal(scope_check(&conf, "sshd", "root", 0), ZT_REASON_NONE);
	assert_int_equal(scope_check(&conf, "sshd", "alice", 0),
	    ZT_REASON_NONE);
	assert_int_equal(scope_check(&conf, "su-l", "root", 1000),
	    ZT_REASON_NONE);
	assert_int_equal(scope_check(&conf, "sudo", "root", (uid_t)-1),
	    ZT_REASON_NONE);
}

static void
exemptions_are_for_a_user_or_a_user_at_a_service(void **state)
{
	(void)state;
	assert_int_equal(scope_check(&conf, "login", "root", 0),
	    ZT_REASON_SCOPE_EXEMPT);
	assert_int_equal(scope_check(&conf, "sshd", "monitor", 0),
	    ZT_REASON_SCOPE_EXEMPT);
	assert_int_equal(scope_check(&conf, "sudo", "ops", 1000),
	    ZT_REASON_SCOPE_EXEMPT);
	assert_int_equal(scope_check(&conf, "sshd", "ops", 0), ZT_REASON_NONE);
	assert_int_equal(scope_check(&conf, "login", "roo", 0), ZT_REASON_NONE);
	assert_int_equal(scope_check(&conf, "login", "root2", 0),
	    ZT_REASON_NONE);
}

static void
scope_saved_is_scope_decoded_and_world_readable(void **state)
{
	char dir[] = "/tmp/zt-scope.XXXXXX";
	zt_auto_free char *path = NULL;
	static uint8_t buf[ZT_WIRE_MAX];
	struct zt_scope scope;
	struct stat st;
	ssize_t n;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_true(asprintf(&path, "%s/scope", dir) > 0);
	(void)umask(077);
	assert_int_equal(scope_save(&conf, path), ZT_OK);
	assert_int_equal(scope_save(&conf, path), ZT_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	fd = open(path, O_RDONLY);
	n = read(fd, buf, sizeof(buf));
	assert_int_equal(close(fd), 0);
	assert_true(n > 0);
	assert_int_equal(zt_scope_decode(buf, (size_t)n, &scope), ZT_OK);
	assert_int_equal(scope.n_services, 4);
	assert_true(zt_str_is(scope.services[2], "su-l"));
	assert_int_equal(scope.n_exempt, 3);
	assert_true(zt_str_is(scope.exempt[0], "login:root"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static char *cert_principals[] = { WORD("alice"), WORD("admins"),
	WORD("deploy") };
static const struct zt_cert cert = {
	.principals = cert_principals,
	.n_principals = 3,
};

static void
a_principal_is_the_account_where_no_rule_speaks_of_it(void **state)
{
	const struct conf none = { 0 };
	const char *out[3];

	(void)state;
	assert_int_equal(facts_principals(&none, &cert, "alice", NULL, 0, out,
			     3),
	    1);
	assert_string_equal(out[0], "alice");
	assert_int_equal(facts_principals(&none, &cert, "root", NULL, 0, out,
			     3),
	    0);
	assert_int_equal(facts_principals(&none, &cert, "Alice", NULL, 0, out,
			     3),
	    0);
}

static void
a_rule_for_the_account_or_its_group_replaces_the_name(void **state)
{
	char *admins[] = { WORD("admins") };
	char *robots[] = { WORD("robots"), WORD("deploy") };
	char *groups[] = { WORD("web"), WORD("www") };
	const struct conf rules = {
		.principals = { { .name = WORD("root"),
				    .principals = { admins, 1 } },
		    { .is_group = true,
			.name = WORD("www"),
			.principals = { robots, 2 } } },
		.n_principals = 2,
	};
	const char *out[3];

	(void)state;
	assert_int_equal(facts_principals(&rules, &cert, "root", NULL, 0, out,
			     3),
	    1);
	assert_string_equal(out[0], "admins");
	assert_int_equal(facts_principals(&rules, &cert, "alice", groups, 2,
			     out, 3),
	    1);
	assert_string_equal(out[0], "deploy");
	assert_int_equal(facts_principals(&rules, &cert, "alice", groups, 1,
			     out, 3),
	    1);
	assert_string_equal(out[0], "alice");
	/* a group's name is no account's */
	assert_int_equal(facts_principals(&rules, &cert, "www", NULL, 0, out,
			     3),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_that_are_not_listed_are_out_of_scope),
		cmocka_unit_test(
		    root_invoking_sudo_and_su_is_out_of_scope_but_root_elsewhere_is_not),
		cmocka_unit_test(
		    exemptions_are_for_a_user_or_a_user_at_a_service),
		cmocka_unit_test(
		    scope_saved_is_scope_decoded_and_world_readable),
		cmocka_unit_test(
		    a_principal_is_the_account_where_no_rule_speaks_of_it),
		cmocka_unit_test(
		    a_rule_for_the_account_or_its_group_replaces_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
