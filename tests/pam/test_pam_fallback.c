/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pam_zt.so keeps out of while no broker answers: by the scope on disk,
 * or by the one compiled in.  The file has a fixed place, so that the tests
 * that write it do so in a mount namespace.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "zt/client.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static const char *const enforced[] = { "sshd", "sudo", "sudo-i", "su", "su-l",
	"login" };

static int
account(const char *service, const char *user)
{
	return hook_run(HOOK_ACCOUNT, service, user, "", 0);
}

/* As sudo and su do it: who invokes them is PAM_RUSER; "": they say nothing. */
static int
invoked(const char *service, const char *target, const char *invoker)
{
	pam_handle_t *pamh = handle_start(service, target, "");
	int code;

	if (invoker[0] != '\0')
		assert_int_equal(pam_set_item(pamh, PAM_RUSER, invoker),
		    PAM_SUCCESS);
	code = handle_call(pamh, HOOK_ACCOUNT, 0);
	handle_end(pamh);
	return code;
}

/* A scope of one service and one exemption; "" for none. */
static size_t
scope_bytes(uint8_t buf[ZT_WIRE_MAX], const char *service, const char *exempt)
{
	static struct zt_scope scope;
	size_t len = 0;

	scope.n_services = service[0] != '\0';
	scope.services[0] = zt_str(service);
	scope.n_exempt = exempt[0] != '\0';
	scope.exempt[0] = zt_str(exempt);
	assert_int_equal(zt_scope_encode(&scope, buf, ZT_WIRE_MAX, &len),
	    ZT_OK);
	return len;
}

static void
file_put(const void *buf, size_t len, mode_t mode)
{
	int fd;

	(void)unlink(ZT_SCOPE_FILE);
	fd = open(ZT_SCOPE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, buf, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void
scope_put(const char *service, const char *exempt)
{
	static uint8_t buf[ZT_WIRE_MAX];

	file_put(buf, scope_bytes(buf, service, exempt), 0644);
}

/* The scope in force is the one compiled in, which enforces sshd. */
static bool
default_is_in_force(void)
{
	return account("sshd", "alice") == PAM_AUTHINFO_UNAVAIL &&
	    account("web", "alice") == PAM_IGNORE &&
	    account("login", "root") == PAM_IGNORE;
}

static void
without_a_file_six_services_are_enforced(void **state)
{
	static const char *const others[] = { "cron", "systemd-user",
		"polkit-1", "ssh", "sshd2", "sud", "su-x", "other" };

	(void)state;
	real_uid_lower();
	for (size_t i = 0; i < N_ELEMENTS(enforced); i++)
		assert_int_equal(account(enforced[i], "alice"),
		    PAM_AUTHINFO_UNAVAIL);
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		for (enum hook hook = HOOK_AUTH; hook <= HOOK_CLOSE; hook++)
			assert_int_equal(hook_run(hook, others[i], "alice", "",
					     0),
			    PAM_IGNORE);
}

static void
without_a_file_only_root_on_the_console_is_exempt(void **state)
{
	(void)state;
	assert_int_equal(account("login", "root"), PAM_IGNORE);
	assert_int_equal(account("login", "alice"), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(account("login", "root2"), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(account("login", "roo"), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(account("sshd", "root"), PAM_AUTHINFO_UNAVAIL);
	/* a name that looks like an exemption is none */
	assert_int_equal(account("sshd", "login:root"), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(account("login", "login:root"), PAM_AUTHINFO_UNAVAIL);
}

static void
the_service_option_decides_the_scope(void **state)
{
	(void)state;
	assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd-admin", "alice",
			     "service=sshd", 0),
	    PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", "alice",
			     "service=gateway", 0),
	    PAM_IGNORE);
}

static void
every_kind_of_trouble_keeps_to_the_scope(void **state)
{
	static struct fake fake;

	(void)state;
	fake.act = FAKE_HANGS_UP;
	fake_start(&fake);
	assert_true(default_is_in_force());
	fake_stop();
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, "", "", "");
	fake.reply_len--;
	fake_start(&fake);
	assert_true(default_is_in_force());
	fake_stop();
	fake.act = FAKE_IS_SILENT;
	fake_start(&fake);
	assert_int_equal(hook_run(HOOK_ACCOUNT, "cron", "alice",
			     "timeout_ms=100", 0),
	    PAM_IGNORE);
	assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", "alice",
			     "timeout_ms=100", 0),
	    PAM_AUTHINFO_UNAVAIL);
	fake_stop();
}

static void
a_broker_that_answers_outweighs_the_scope(void **state)
{
	(void)state;
	fake_start_verdict(ZT_VERDICT_DENY, "");
	assert_int_equal(account("cron", "alice"), PAM_PERM_DENIED);
	assert_int_equal(account("login", "root"), PAM_PERM_DENIED);
	fake_stop();
	fake_start_verdict(ZT_VERDICT_UNAVAIL, "");
	assert_int_equal(account("cron", "alice"), PAM_AUTHINFO_UNAVAIL);
	fake_stop();
}

static void
a_bad_option_or_item_denies_out_of_scope_too(void **state)
{
	(void)state;
	assert_int_equal(hook_run(HOOK_ACCOUNT, "cron", "alice", "x", 0),
	    PAM_PERM_DENIED);
	assert_int_equal(account("cron", ""), PAM_PERM_DENIED);
}

static void
the_file_says_which_services_are_enforced(void **state)
{
	(void)state;
	if (!harness_has_private_var())
		skip();
	scope_put("web", "");
	assert_int_equal(account("web", "alice"), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(account("sshd", "alice"), PAM_IGNORE);
	scope_put("login", "");
	assert_int_equal(account("login", "root"), PAM_AUTHINFO_UNAVAIL);
	scope_put("", "");
	assert_int_equal(account("sshd", "alice"), PAM_IGNORE);
}

static void
the_file_says_who_is_exempt(void **state)
{
	(void)state;
	if (!harness_has_private_var())
		skip();
	scope_put("sshd", "monitor");
	assert_int_equal(account("sshd", "monitor"), PAM_IGNORE);
	assert_int_equal(account("sshd", "alice"), PAM_AUTHINFO_UNAVAIL);
	scope_put("sshd", "sshd:monitor");
	assert_int_equal(account("sshd", "monitor"), PAM_IGNORE);
	assert_int_equal(account("sshd", "sshd:monitor"), PAM_AUTHINFO_UNAVAIL);
	scope_put("sshd", "sudo:monitor");
	assert_int_equal(account("sshd", "monitor"), PAM_AUTHINFO_UNAVAIL);
	scope_put("sshd", "sshd:");
	assert_int_equal(account("sshd", "alice"), PAM_AUTHINFO_UNAVAIL);
}

static void
a_damaged_file_counts_as_none(void **state)
{
	static uint8_t buf[ZT_WIRE_MAX + 1];
	static const char text[] = "sshd sudo\n";
	size_t len;

	(void)state;
	if (!harness_has_private_var())
		skip();
	len = scope_bytes(buf, "web", "login:root");
	for (size_t n = 0; n < len; n++) {
		file_put(buf, n, 0644);
		assert_true(default_is_in_force());
	}
	file_put(buf, len + 1, 0644);
	assert_true(default_is_in_force());
	file_put(buf, sizeof(buf), 0644);
	assert_true(default_is_in_force());
	file_put(text, strlen(text), 0644);
	assert_true(default_is_in_force());
	file_put(buf, len, 0644);
	assert_false(default_is_in_force());
}

static void
a_file_that_others_may_write_counts_as_none(void **state)
{
	static uint8_t buf[ZT_WIRE_MAX];
	const size_t len = scope_bytes(buf, "web", "login:root");

	(void)state;
	if (!harness_has_private_var())
		skip();
	file_put(buf, len, 0664);
	assert_true(default_is_in_force());
	file_put(buf, len, 0646);
	assert_true(default_is_in_force());
	file_put(buf, len, 0600);
	assert_int_equal(chmod("/var/lib/ztd", 0775), 0);
	assert_true(default_is_in_force());
	assert_int_equal(chmod("/var/lib/ztd", 0757), 0);
	assert_true(default_is_in_force());
	assert_int_equal(chmod("/var/lib/ztd", 0755), 0);
	assert_false(default_is_in_force());
}

static void
a_file_of_anybody_but_root_and_ztd_counts_as_none(void **state)
{
	(void)state;
	if (!harness_has_private_var() || geteuid() != 0)
		skip();
	scope_put("web", "login:root");
	assert_int_equal(chown(ZT_SCOPE_FILE, 65534, 65534), 0);
	assert_true(default_is_in_force());
	assert_int_equal(chown("/var/lib/ztd", 65534, 65534), 0);
	assert_false(default_is_in_force());
	assert_int_equal(chown(ZT_SCOPE_FILE, 65533, 65533), 0);
	assert_true(default_is_in_force());
	assert_int_equal(chown(ZT_SCOPE_FILE, 0, 0), 0);
	assert_false(default_is_in_force());
	assert_int_equal(chown("/var/lib/ztd", 0, 0), 0);
}

static void
what_is_no_regular_file_counts_as_none(void **state)
{
	static const char aside[] = "/var/lib/ztd/aside";

	(void)state;
	if (!harness_has_private_var())
		skip();
	scope_put("web", "login:root");
	assert_false(default_is_in_force());
	assert_int_equal(rename(ZT_SCOPE_FILE, aside), 0);
	assert_int_equal(symlink(aside, ZT_SCOPE_FILE), 0);
	assert_true(default_is_in_force());
	assert_int_equal(unlink(ZT_SCOPE_FILE), 0);
	assert_int_equal(mkfifo(ZT_SCOPE_FILE, 0600), 0);
	assert_true(default_is_in_force());
	assert_int_equal(unlink(ZT_SCOPE_FILE), 0);
	assert_int_equal(mkdir(ZT_SCOPE_FILE, 0700), 0);
	assert_true(default_is_in_force());
	assert_int_equal(rmdir(ZT_SCOPE_FILE), 0);
	assert_int_equal(unlink(aside), 0);
}

static void
an_exemption_from_sudo_and_su_is_of_who_invokes_them(void **state)
{
	static const char *const services[] = { "sudo", "sudo-i", "su",
		"su-l" };
	char exempt[32];

	(void)state;
	if (!harness_has_private_var())
		skip();
	real_uid_lower();
	for (size_t i = 0; i < N_ELEMENTS(services); i++) {
		const char *s = services[i];

		scope_put(s, "monitor");
		assert_int_equal(invoked(s, "root", "monitor"), PAM_IGNORE);
		assert_int_equal(invoked(s, "monitor", "monitor"), PAM_IGNORE);
		/* not of the target user, whom anybody may choose */
		assert_int_equal(invoked(s, "monitor", "alice"),
		    PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(invoked(s, "monitor", ""),
		    PAM_AUTHINFO_UNAVAIL);
		(void)snprintf(exempt, sizeof(exempt), "%s:monitor", s);
		scope_put(s, exempt);
		assert_int_equal(invoked(s, "root", "monitor"), PAM_IGNORE);
		assert_int_equal(invoked(s, "monitor", "alice"),
		    PAM_AUTHINFO_UNAVAIL);
		(void)snprintf(exempt, sizeof(exempt), "%s:", s);
		scope_put(s, exempt);
		assert_int_equal(invoked(s, "root", ""), PAM_AUTHINFO_UNAVAIL);
	}
}

/* Elsewhere PAM_RUSER is what a stranger says of himself. */
static void
an_exemption_from_a_login_is_of_the_account(void **state)
{
	(void)state;
	assert_int_equal(invoked("login", "root", "alice"), PAM_IGNORE);
	assert_int_equal(invoked("login", "alice", "root"),
	    PAM_AUTHINFO_UNAVAIL);
	if (!harness_has_private_var())
		return;
	scope_put("sshd", "monitor");
	assert_int_equal(invoked("sshd", "alice", "monitor"),
	    PAM_AUTHINFO_UNAVAIL);
}

/* sudo names its target user in the session; who is exempt invoked it. */
static void
an_exempt_sudo_stays_exempt_in_its_session(void **state)
{
	pam_handle_t *pamh;

	(void)state;
	if (!harness_has_private_var())
		skip();
	scope_put("sudo", "monitor");
	real_uid_lower();
	pamh = handle_start("sudo", "monitor", "");
	assert_int_equal(pam_set_item(pamh, PAM_RUSER, "monitor"), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_IGNORE);
	assert_int_equal(pam_set_item(pamh, PAM_USER, "root"), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_IGNORE);
	handle_end(pamh);
	/* and nobody becomes exempt by his target */
	pamh = handle_start("sudo", "alice", "");
	assert_int_equal(pam_set_item(pamh, PAM_RUSER, "alice"), PAM_SUCCESS);
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_SUCCESS);
	fake_stop();
	assert_int_equal(pam_set_item(pamh, PAM_USER, "monitor"), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_SESSION_ERR);
	handle_end(pamh);
}

static int
scope_remove(void **state)
{
	if (harness_has_private_var()) {
		(void)unlink(ZT_SCOPE_FILE);
		(void)rmdir(ZT_SCOPE_FILE);
		if (chown("/var/lib/ztd", geteuid(), getegid()) != 0 ||
		    chmod("/var/lib/ztd", 0755) != 0)
			return -1;
	}
	return harness_test_end(state);
}

#define SCOPE_TEST(f) cmocka_unit_test_teardown(f, scope_remove)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCOPE_TEST(without_a_file_six_services_are_enforced),
		SCOPE_TEST(without_a_file_only_root_on_the_console_is_exempt),
		SCOPE_TEST(the_service_option_decides_the_scope),
		SCOPE_TEST(every_kind_of_trouble_keeps_to_the_scope),
		SCOPE_TEST(a_broker_that_answers_outweighs_the_scope),
		SCOPE_TEST(a_bad_option_or_item_denies_out_of_scope_too),
		SCOPE_TEST(the_file_says_which_services_are_enforced),
		SCOPE_TEST(the_file_says_who_is_exempt),
		SCOPE_TEST(a_damaged_file_counts_as_none),
		SCOPE_TEST(a_file_that_others_may_write_counts_as_none),
		SCOPE_TEST(a_file_of_anybody_but_root_and_ztd_counts_as_none),
		SCOPE_TEST(what_is_no_regular_file_counts_as_none),
		SCOPE_TEST(
		    an_exemption_from_sudo_and_su_is_of_who_invokes_them),
		SCOPE_TEST(an_exemption_from_a_login_is_of_the_account),
		SCOPE_TEST(an_exempt_sudo_stays_exempt_in_its_session),
	};

	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
