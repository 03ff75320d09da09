/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The return-code table of pam_zt.so: every entry point against everything a
 * broker can do, and what the user, syslog and the broker are told.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

#define FAST     "timeout_ms=200" /* where no answer will come */
#define TEXT_MAX 444              /* what is shown of a reply's text */

/* Every hook's code when no decision can be had. */
static const int trouble_code[N_ASKING] = {
	[HOOK_AUTH] = PAM_AUTHINFO_UNAVAIL,
	[HOOK_ACCOUNT] = PAM_AUTHINFO_UNAVAIL,
	[HOOK_OPEN] = PAM_SESSION_ERR,
	[HOOK_CLOSE] = PAM_SESSION_ERR,
};

/* Every hook's code when the module itself refuses. */
static const int denied_code[N_ASKING] = {
	[HOOK_AUTH] = PAM_AUTH_ERR,
	[HOOK_ACCOUNT] = PAM_PERM_DENIED,
	[HOOK_OPEN] = PAM_SESSION_ERR,
	[HOOK_CLOSE] = PAM_SESSION_ERR,
};

static void
expect_all(const int code[N_ASKING], const char *user, const char *options,
    const char *what)
{
	for (enum hook hook = 0; hook < N_ASKING; hook++) {
		int got = hook_run(hook, "sshd", user, options, 0);

		if (got != code[hook])
			fail_msg("%s: %s gives %d, not %d", what,
			    hook_name(hook), got, code[hook]);
	}
}

static void
expect_trouble(const char *options, const char *what)
{
	expect_all(trouble_code, "alice", options, what);
}

/* Start the fake with these bytes, expect trouble from every hook, stop. */
static void
expect_trouble_from(const struct fake *fake, const char *options,
    const char *what)
{
	fake_start(fake);
	expect_trouble(options, what);
	fake_stop();
}

static void
every_verdict_has_its_code_in_every_hook(void **state)
{
	static const struct {
		enum zt_verdict verdict;
		int code[N_ASKING]; /* auth, account, open, close */
	} table[] = {
		{ ZT_VERDICT_PERMIT,
		    { PAM_AUTH_ERR, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS } },
		{ ZT_VERDICT_DENY,
		    { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
			PAM_SESSION_ERR } },
		{ ZT_VERDICT_IGNORE,
		    { PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE } },
		{ ZT_VERDICT_UNAVAIL,
		    { PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL,
			PAM_SESSION_ERR, PAM_SESSION_ERR } },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		fake_start_verdict(table[i].verdict, "");
		expect_all(table[i].code, "alice", "", "verdict");
		assert_int_equal(fake_n_requests(), N_ASKING);
		fake_stop();
	}
}

static void
setcred_and_chauthtok_are_ignored_without_asking(void **state)
{
	(void)state;
	fake_start_verdict(ZT_VERDICT_DENY, "");
	assert_int_equal(hook_run(HOOK_SETCRED, "sshd", "alice", "", 0),
	    PAM_IGNORE);
	assert_int_equal(hook_run(HOOK_CHAUTHTOK, "sshd", "alice", "", 0),
	    PAM_IGNORE);
	assert_int_equal(fake_n_requests(), 0);
	fake_stop();
}

static void
a_verdict_the_protocol_does_not_know_is_trouble(void **state)
{
	static struct fake fake;

	(void)state;
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	for (int v = 0; v < 256; v++) {
		if (v >= ZT_VERDICT_DENY && v <= ZT_VERDICT_UNAVAIL)
			continue;
		fake.reply[2] = (uint8_t)v;
		expect_trouble_from(&fake, "", "unknown verdict");
	}
}

static void
every_truncation_of_a_permit_is_trouble(void **state)
{
	static struct fake fake;
	size_t len;

	(void)state;
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "hi");
	len = fake.reply_len;
	for (fake.reply_len = 0; fake.reply_len < len; fake.reply_len++)
		expect_trouble_from(&fake, "", "truncated");
}

static void
bytes_after_a_permit_are_trouble(void **state)
{
	static struct fake fake;
	static const size_t extra[] = { 1, 2, 1024, 4096, 60000 };
	size_t len;

	(void)state;
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	len = fake.reply_len;
	for (size_t i = 0; i < N_ELEMENTS(extra); i++) {
		fake.reply_len = len + extra[i];
		expect_trouble_from(&fake, "", "trailing");
	}
}

static void
another_message_type_is_trouble(void **state)
{
	static struct fake fake;

	(void)state;
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	for (int type = 0; type < 256; type++) {
		if (type == ZT_WIRE_PAM_REPLY)
			continue;
		fake.reply[1] = (uint8_t)type;
		expect_trouble_from(&fake, "", "type");
	}
}

static void
another_version_is_trouble(void **state)
{
	static const uint8_t versions[] = { 0, 2, 3, 127, 128, 255 };
	static struct fake fake;

	(void)state;
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	for (size_t i = 0; i < N_ELEMENTS(versions); i++) {
		fake.reply[0] = versions[i];
		expect_trouble_from(&fake, "", "version");
	}
}

static void
an_error_message_of_any_code_is_trouble(void **state)
{
	static struct fake fake = { .act = FAKE_REPLIES };

	(void)state;
	for (int code = 0; code < 256; code++) {
		fake.reply_len = zt_wire_error_encode(ZT_WIRE_ERROR_BUSY,
		    fake.reply, sizeof(fake.reply));
		fake.reply[2] = (uint8_t)code;
		expect_trouble_from(&fake, "", "error message");
	}
}

static void
a_field_beyond_its_limit_or_with_a_nul_is_trouble(void **state)
{
	static struct fake fake;
	const size_t id_at = 3;

	(void)state;
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	fake.reply[id_at + 2] = 0;
	expect_trouble_from(&fake, "", "NUL");
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	fake.reply[id_at + 1] = ZT_ID_MAX + 1;
	expect_trouble_from(&fake, "", "long id");
	fake.reply[id_at] = 0xff;
	expect_trouble_from(&fake, "", "very long id");
}

static void
a_broker_that_hangs_up_is_trouble(void **state)
{
	static struct fake fake = { .act = FAKE_HANGS_UP };

	(void)state;
	expect_trouble_from(&fake, "", "hang up");
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
a_silent_broker_is_trouble_after_the_timeout(void **state)
{
	static struct fake fake = { .act = FAKE_IS_SILENT };
	int64_t start, took;

	(void)state;
	fake_start(&fake);
	for (enum hook hook = 0; hook < N_ASKING; hook++) {
		start = now_ms();
		assert_int_equal(hook_run(hook, "sshd", "alice", FAST, 0),
		    trouble_code[hook]);
		took = now_ms() - start;
		assert_in_range(took, 190, 1500);
	}
	fake_stop();
}

static void
a_permit_after_the_timeout_is_trouble(void **state)
{
	static struct fake fake;

	(void)state;
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, FAKE_ID, FAKE_REASON, "");
	fake.delay_ms = 400;
	expect_trouble_from(&fake, FAST, "late");
	fake.delay_ms = 50;
	fake_start(&fake);
	assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", "alice", "", 0),
	    PAM_SUCCESS);
	fake_stop();
}

static void
a_broker_that_is_not_there_is_trouble_at_once(void **state)
{
	char path[256];
	int64_t start = now_ms();
	FILE *f;

	(void)state;
	expect_trouble("", "no socket");
	expect_trouble("broker=/nonexistent/directory/pam", "no directory");
	expect_trouble("broker=/", "a directory");
	(void)snprintf(path, sizeof(path), "broker=%s/file", harness_dir());
	assert_non_null(f = fopen(path + strlen("broker="), "w"));
	assert_int_equal(fclose(f), 0);
	expect_trouble(path, "a regular file");
	/* a socket whose broker has died */
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	(void)snprintf(path, sizeof(path), "%s/dead", harness_dir());
	assert_int_equal(rename(harness_socket(), path), 0);
	fake_stop();
	(void)snprintf(path, sizeof(path), "broker=%s/dead", harness_dir());
	expect_trouble(path, "a dead socket");
	assert_in_range(now_ms() - start, 0, 2000);
}

static void
an_impostor_is_trouble(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	fake_fork_as(65534);
	expect_trouble("", "not the owner of the directory");
	assert_int_equal(chown(harness_dir(), 65534, 65534), 0);
	assert_int_equal(chmod(harness_dir(), 0777), 0);
	expect_trouble("", "owner of a directory others may write");
	assert_int_equal(chmod(harness_dir(), 0770), 0);
	expect_trouble("", "owner of a directory its group may write");
	/* and the broker's own user is believed */
	assert_int_equal(chmod(harness_dir(), 0755), 0);
	assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", "alice", "", 0),
	    PAM_SUCCESS);
	assert_int_equal(chown(harness_dir(), 0, 0), 0);
	assert_int_equal(chmod(harness_dir(), 0700), 0);
	fake_reap();
}

static void
options_out_of_their_range_deny(void **state)
{
	static const char *const bad[] = {
		"debug", "Quiet", "quiet=yes", "quiet=", "broker",
		"broker=", "broker=run/ztd/pam", "timeout_ms",
		"timeout_ms=", "timeout_ms=99", "timeout_ms=60001",
		"timeout_ms=-1", "timeout_ms=+500", "timeout_ms=500s",
		"timeout_ms=0x200", "timeout_ms=1e3",
		"timeout_ms=18446744073709551716", "timeout_ms=4294967396",
		"service",
		"service=", "service=a-name-of-thirty-three-characters",
		"broker=/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789abcdefg"
	};

	(void)state;
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		forget();
		expect_all(denied_code, "alice", bad[i], bad[i]);
		assert_int_equal(logged[0].style, LOG_AUTHPRIV | LOG_ERR);
		assert_non_null(strstr(logged[0].text,
		    "unknown or malformed option: "));
	}
	assert_int_equal(fake_n_requests(), 0);
	fake_stop();
}

static void
options_within_their_range_are_taken(void **state)
{
	static const char *const good[] = { "", "quiet", "timeout_ms=100",
		"timeout_ms=60000", "timeout_ms=00100", "service=sshd",
		"service=a-name-of-thirty-two-characters.",
		"quiet timeout_ms=5000 service=sshd" };

	(void)state;
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	for (size_t i = 0; i < N_ELEMENTS(good); i++)
		assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", "alice",
				     good[i], 0),
		    PAM_SUCCESS);
	fake_stop();
}

static void
sshd_and_login_cannot_be_renamed_to_sudo_or_su(void **state)
{
	static const char *const from[] = { "sshd", "login" };
	static const char *const to[] = { "service=sudo", "service=sudo-i",
		"service=su", "service=su-l" };

	(void)state;
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	for (size_t i = 0; i < N_ELEMENTS(from); i++)
		for (size_t j = 0; j < N_ELEMENTS(to); j++)
			assert_int_equal(hook_run(HOOK_ACCOUNT, from[i],
					     "alice", to[j], 0),
			    PAM_PERM_DENIED);
	fake_stop();
}

static void
a_missing_or_overlong_item_denies(void **state)
{
	char user[ZT_USER_MAX + 2], tty[ZT_TTY_MAX + 2];
	pam_handle_t *pamh;

	(void)state;
	memset(user, 'u', sizeof(user));
	user[sizeof(user) - 1] = '\0';
	memset(tty, 't', sizeof(tty));
	tty[sizeof(tty) - 1] = '\0';
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	expect_all(denied_code, NULL, "", "no user");
	expect_all(denied_code, "", "", "empty user");
	expect_all(denied_code, user, "", "overlong user");
	assert_int_equal(hook_run(HOOK_ACCOUNT,
			     "a-service-name-of-thirty-three-ch", "alice", "",
			     0),
	    PAM_PERM_DENIED);
	pamh = handle_start("sshd", "alice", "");
	assert_int_equal(pam_set_item(pamh, PAM_TTY, tty), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_PERM_DENIED);
	handle_end(pamh);
	assert_int_equal(fake_n_requests(), 0);
	user[ZT_USER_MAX] = '\0'; /* the longest that fits */
	assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", user, "", 0),
	    PAM_SUCCESS);
	fake_stop();
}

static void
the_request_holds_items_and_the_pam_environment(void **state)
{
	const struct zt_pam_request *request = fake_request();
	pam_handle_t *pamh;

	(void)state;
	assert_int_equal(setenv("SSH_CONNECTION", "of the process", 1), 0);
	assert_int_equal(setenv("SSH_AUTH_INFO_0", "of the process", 1), 0);
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	pamh = handle_start("sshd", "alice", "");
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_SUCCESS);
	assert_int_equal(request->phase, ZT_PHASE_ACCOUNT);
	assert_true(zt_str_is(request->connection, ""));
	assert_true(zt_str_is(request->auth_info, ""));
	(void)pam_set_item(pamh, PAM_TTY, "ssh");
	(void)pam_set_item(pamh, PAM_RHOST, "client.example");
	(void)pam_putenv(pamh, "SSH_CONNECTION=192.0.2.1 5000 192.0.2.2 22");
	(void)pam_putenv(pamh, "SSH_AUTH_INFO_0=publickey AAAA\n");
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_SUCCESS);
	assert_int_equal(request->phase, ZT_PHASE_SESSION_OPEN);
	assert_true(zt_str_is(request->service, "sshd"));
	assert_true(zt_str_is(request->user, "alice"));
	assert_true(zt_str_is(request->tty, "ssh"));
	assert_true(zt_str_is(request->rhost, "client.example"));
	assert_true(zt_str_is(request->connection,
	    "192.0.2.1 5000 192.0.2.2 22"));
	assert_true(zt_str_is(request->auth_info, "publickey AAAA\n"));
	assert_int_equal(handle_call(pamh, HOOK_CLOSE, 0), PAM_SUCCESS);
	assert_int_equal(request->phase, ZT_PHASE_SESSION_CLOSE);
	handle_end(pamh);
	(void)hook_run(HOOK_AUTH, "sshd-test", "alice", "service=sshd", 0);
	assert_int_equal(request->phase, ZT_PHASE_AUTH);
	assert_true(zt_str_is(request->service, "sshd"));
	fake_stop();
	(void)unsetenv("SSH_CONNECTION");
	(void)unsetenv("SSH_AUTH_INFO_0");
}

static void
a_user_changed_after_the_decision_gets_no_session(void **state)
{
	pam_handle_t *pamh;

	(void)state;
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	pamh = handle_start("sshd", "alice", "");
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_SUCCESS);
	assert_int_equal(pam_set_item(pamh, PAM_USER, "mallory"), PAM_SUCCESS);
	forget();
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_SESSION_ERR);
	assert_int_equal(fake_n_requests(), 1);
	assert_string_equal(said[0].text,
	    "zt: access denied: the user name changed after the decision "
	    "(session.user_changed) (decision " FAKE_ID ")");
	assert_null(strstr(logged[0].text, "mallory"));
	/* decided anew, it may */
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_SUCCESS);
	handle_end(pamh);
	fake_stop();
}

static void
a_user_changed_after_being_ignored_gets_no_session(void **state)
{
	pam_handle_t *pamh;

	(void)state;
	fake_start_verdict(ZT_VERDICT_IGNORE, "");
	pamh = handle_start("sshd", "alice", "");
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_IGNORE);
	assert_int_equal(pam_set_item(pamh, PAM_USER, "mallory"), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_SESSION_ERR);
	handle_end(pamh);
	fake_stop();
}

static void
sudo_names_its_target_user_in_the_session(void **state)
{
	pam_handle_t *pamh;

	(void)state;
	real_uid_lower();
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	pamh = handle_start("sudo", "alice", "");
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_SUCCESS);
	assert_int_equal(pam_set_item(pamh, PAM_USER, "root"), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_SUCCESS);
	assert_true(zt_str_is(fake_request()->user, "root"));
	handle_end(pamh);
	fake_stop();
	real_uid_restore();
}

static void
a_sudo_that_was_ignored_is_ignored_in_its_session(void **state)
{
	pam_handle_t *pamh;

	(void)state;
	real_uid_lower();
	fake_start_verdict(ZT_VERDICT_IGNORE, "");
	pamh = handle_start("sudo", "monitor", "");
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_IGNORE);
	fake_stop();
	fake_start_verdict(ZT_VERDICT_DENY, "no decision");
	assert_int_equal(pam_set_item(pamh, PAM_USER, "root"), PAM_SUCCESS);
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_IGNORE);
	assert_int_equal(handle_call(pamh, HOOK_CLOSE, 0), PAM_IGNORE);
	assert_int_equal(fake_n_requests(), 0);
	/* only there: another account phase asks */
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_PERM_DENIED);
	assert_int_equal(handle_call(pamh, HOOK_OPEN, 0), PAM_SESSION_ERR);
	handle_end(pamh);
	fake_stop();
}

static void
a_session_without_an_account_phase_is_the_brokers_to_judge(void **state)
{
	(void)state;
	fake_start_verdict(ZT_VERDICT_DENY, "");
	assert_int_equal(hook_run(HOOK_OPEN, "sshd", "alice", "", 0),
	    PAM_SESSION_ERR);
	assert_int_equal(fake_n_requests(), 1);
	fake_stop();
}

static const char *const roots_services[] = { "sudo", "sudo-i", "su", "su-l" };

static void
roots_own_sudo_and_su_need_no_broker(void **state)
{
	static struct fake silent = { .act = FAKE_IS_SILENT };
	int64_t start;

	(void)state;
	if (getuid() != 0)
		skip();
	for (size_t i = 0; i < N_ELEMENTS(roots_services); i++) {
		for (enum hook hook = 0; hook < N_HOOKS; hook++)
			assert_int_equal(hook_run(hook, roots_services[i],
					     "root", "", 0),
			    PAM_IGNORE);
		fake_start_verdict(ZT_VERDICT_DENY, "no");
		forget();
		for (enum hook hook = 0; hook < N_HOOKS; hook++)
			assert_int_equal(hook_run(hook, roots_services[i],
					     "root", "", 0),
			    PAM_IGNORE);
		assert_int_equal(fake_n_requests(), 1);
		assert_int_equal(fake_request()->phase, ZT_PHASE_ACCOUNT);
		assert_int_equal(n_said, 0);
		fake_stop();
	}
	fake_start(&silent);
	start = now_ms();
	for (enum hook hook = 0; hook < N_HOOKS; hook++)
		assert_int_equal(hook_run(hook, "sudo", "root", "", 0),
		    PAM_IGNORE);
	assert_in_range(now_ms() - start, 250, 1000);
	fake_stop();
}

static void
other_services_and_users_of_sudo_are_not_roots_own(void **state)
{
	static const char *const others[] = { "sshd", "login" };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		assert_int_equal(hook_run(HOOK_ACCOUNT, others[i], "alice", "",
				     0),
		    PAM_AUTHINFO_UNAVAIL);
	real_uid_lower();
	for (size_t i = 0; i < N_ELEMENTS(roots_services); i++)
		assert_int_equal(hook_run(HOOK_ACCOUNT, roots_services[i],
				     "root", "", 0),
		    PAM_AUTHINFO_UNAVAIL);
	real_uid_restore();
}

/* The one line a call of hook says, or NULL if it says nothing. */
static const char *
line_of(enum hook hook, const char *options, int flags)
{
	forget();
	(void)hook_run(hook, "sshd", "alice", options, flags);
	assert_in_range(n_said, 0, 1);
	return n_said == 1 ? said[0].text : NULL;
}

static void
a_denial_is_said_in_one_line(void **state)
{
	static struct fake fake;

	(void)state;
	fake_start_verdict(ZT_VERDICT_DENY, "not today");
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: not today (decision " FAKE_ID ")");
	assert_int_equal(said[0].style, PAM_ERROR_MSG);
	assert_string_equal(line_of(HOOK_ACCOUNT, "", PAM_SILENT),
	    "zt: access denied: not today (decision " FAKE_ID ")");
	assert_non_null(line_of(HOOK_OPEN, "", 0));
	assert_non_null(line_of(HOOK_AUTH, "", 0));
	assert_null(line_of(HOOK_OPEN, "", PAM_SILENT));
	assert_null(line_of(HOOK_AUTH, "", PAM_SILENT));
	assert_null(line_of(HOOK_CLOSE, "", 0));
	assert_null(line_of(HOOK_ACCOUNT, "quiet", 0));
	fake_stop();
	fake_set_reply(&fake, ZT_VERDICT_DENY, "", "policy.deny", "not today");
	fake_start(&fake);
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: not today");
	fake_stop();
	fake_set_reply(&fake, ZT_VERDICT_UNAVAIL, FAKE_ID, "error.pdp_tls", "");
	fake_start(&fake);
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: error.pdp_tls (decision " FAKE_ID ")");
	fake_stop();
}

static void
a_permit_says_its_text_and_an_ignore_nothing(void **state)
{
	(void)state;
	fake_start_verdict(ZT_VERDICT_PERMIT, "maintenance at 22:00");
	assert_string_equal(line_of(HOOK_ACCOUNT, "", PAM_SILENT),
	    "zt: maintenance at 22:00");
	assert_int_equal(said[0].style, PAM_TEXT_INFO);
	assert_null(line_of(HOOK_ACCOUNT, "quiet", 0));
	fake_stop();
	fake_start_verdict(ZT_VERDICT_PERMIT, "");
	assert_null(line_of(HOOK_ACCOUNT, "", 0));
	fake_stop();
	fake_start_verdict(ZT_VERDICT_IGNORE, "nothing to see");
	assert_null(line_of(HOOK_ACCOUNT, "", 0));
	fake_stop();
}

static void
trouble_is_said_by_its_kind(void **state)
{
	static struct fake fake = { .act = FAKE_IS_SILENT };

	(void)state;
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: the zt broker does not answer (error.broker)");
	fake_start(&fake);
	assert_string_equal(line_of(HOOK_ACCOUNT, FAST, 0),
	    "zt: access denied: the zt broker does not answer in time "
	    "(error.broker_timeout)");
	fake_stop();
	fake_set_reply(&fake, ZT_VERDICT_PERMIT, "", "", "");
	fake.reply[2] = 9;
	fake_start(&fake);
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: the zt broker's answer cannot be understood "
	    "(error.broker_reply)");
	fake_stop();
	assert_string_equal(line_of(HOOK_ACCOUNT, "nonsense", 0),
	    "zt: access denied: zt is misconfigured on this host "
	    "(error.options)");
	if (geteuid() != 0)
		return;
	fake_fork_as(65534);
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: the zt broker's socket is not to be trusted "
	    "(error.broker_impostor)");
	fake_reap();
}

static void
a_permit_in_the_auth_phase_is_called_a_lie(void **state)
{
	(void)state;
	fake_start_verdict(ZT_VERDICT_PERMIT, "come in");
	assert_string_equal(line_of(HOOK_AUTH, "", 0),
	    "zt: access denied: the zt broker cannot vouch for who this is "
	    "(error.broker_reply)");
	assert_non_null(strstr(logged[0].text,
	    "auth denied: reason=error.broker_reply decision=none"));
	fake_stop();
}

static void
texts_are_escaped_and_bounded(void **state)
{
	static struct fake fake;
	char text[ZT_TEXT_MAX + 1], expect[PAM_MAX_MSG_SIZE];

	(void)state;
	fake_start_verdict(ZT_VERDICT_DENY,
	    "%s%n \x1b]52;c;x\x07\n\xe2\x80\xae bad\xff");
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: %s%n \\x1b]52;c;x\\x07\\x0a\\xe2\\x80\\xae "
	    "bad\\xff (decision " FAKE_ID ")");
	fake_stop();
	memset(text, 'x', sizeof(text));
	text[ZT_TEXT_MAX] = '\0';
	fake_start_verdict(ZT_VERDICT_DENY, text);
	text[TEXT_MAX - 1] = '\0';
	(void)snprintf(expect, sizeof(expect),
	    "zt: access denied: %.443s (decision " FAKE_ID ")", text);
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0), expect);
	fake_stop();
	fake_set_reply(&fake, ZT_VERDICT_DENY, "\x1b[2J", "\n\nfake", "");
	fake_start(&fake);
	assert_string_equal(line_of(HOOK_ACCOUNT, "", 0),
	    "zt: access denied: \\x0a\\x0afake (decision \\x1b[2J)");
	assert_null(strchr(logged[0].text, '\n'));
	fake_stop();
}

static void
a_conversation_that_fails_changes_nothing(void **state)
{
	(void)state;
	for (enum converse how = CONVERSE_LISTENS; how <= CONVERSE_ABSENT;
	     how++) {
		harness_converse = how;
		fake_start_verdict(ZT_VERDICT_PERMIT, "welcome");
		assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", "alice", "", 0),
		    PAM_SUCCESS);
		fake_stop();
		fake_start_verdict(ZT_VERDICT_DENY, "no");
		assert_int_equal(hook_run(HOOK_ACCOUNT, "sshd", "alice", "", 0),
		    PAM_PERM_DENIED);
		fake_stop();
	}
	harness_converse = CONVERSE_LISTENS;
}

/* The line that one account phase of alice leaves in syslog. */
static const struct said *
log_of(enum zt_verdict verdict, const char *reason, const char *options)
{
	static struct fake fake;

	fake_set_reply(&fake, verdict, FAKE_ID, reason, "");
	fake_start(&fake);
	forget();
	(void)hook_run(HOOK_ACCOUNT, "sshd", "alice", options, 0);
	fake_stop();
	assert_in_range(n_logged, 1, SAID_MAX);
	return &logged[0];
}

static void
syslog_says_what_was_decided(void **state)
{
	const struct said *line;

	(void)state;
	line = log_of(ZT_VERDICT_PERMIT, "policy.permit", "");
	assert_int_equal(line->style, LOG_AUTHPRIV | LOG_INFO);
	assert_string_equal(line->text,
	    "pam_zt(sshd:account): account permitted: reason=policy.permit "
	    "decision=" FAKE_ID " service=sshd user=alice");
	line = log_of(ZT_VERDICT_DENY, "policy.deny", "");
	assert_int_equal(line->style, LOG_AUTHPRIV | LOG_NOTICE);
	assert_non_null(strstr(line->text, "denied: reason=policy.deny"));
	assert_non_null(strstr(line->text, " user=alice"));
}

static void
syslog_never_names_a_user_who_may_not_exist(void **state)
{
	(void)state;
	assert_null(strstr(log_of(ZT_VERDICT_DENY, "account.invalid", "")->text,
	    "alice"));
	assert_null(strstr(log_of(ZT_VERDICT_UNAVAIL, "error.pdp_tls", "")
			       ->text,
	    "alice"));
	assert_null(strstr(log_of(ZT_VERDICT_IGNORE, "scope.service", "")->text,
	    "alice"));
	forget();
	(void)hook_run(HOOK_ACCOUNT, "sshd", "alice", "", 0); /* no broker */
	assert_int_equal(n_logged, 1);
	assert_string_equal(logged[0].text,
	    "pam_zt(sshd:account): account not decided: reason=error.broker "
	    "decision=none service=sshd");
	assert_int_equal(logged[0].style, LOG_AUTHPRIV | LOG_ERR);
}

static void
a_user_name_cannot_forge_a_log_line(void **state)
{
	(void)state;
	fake_start_verdict(ZT_VERDICT_DENY, "no");
	forget();
	(void)hook_run(HOOK_ACCOUNT, "sshd", "a\nb reason=x \x1b[1m", "", 0);
	assert_non_null(strstr(logged[0].text,
	    " user=a\\x0ab reason=x \\x1b[1m"));
	fake_stop();
}

/* Run body in a child with the fake serving here; its exit status. */
static int
status_of_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static pam_handle_t *prepared; /* a handle made before things get hostile */

static int
body_closed_stdio(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		(void)close(fd);
	if (handle_call(prepared, HOOK_ACCOUNT, 0) != PAM_SUCCESS)
		return 1;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return 2;
	return 0;
}

/* libpam itself may fail too, on its way out: with a code of its own. */
static bool
refused(void)
{
	int code = handle_call(prepared, HOOK_ACCOUNT, 0);

	return code == PAM_AUTHINFO_UNAVAIL || code == PAM_SYSTEM_ERR ||
	    code == PAM_BUF_ERR;
}

static int
body_no_descriptors(void)
{
	const struct rlimit none = { 0, 0 };

	if (handle_call(prepared, HOOK_ACCOUNT, 0) != PAM_SUCCESS)
		return 1;
	if (setrlimit(RLIMIT_NOFILE, &none) != 0)
		return 2;
	return refused() ? 0 : 3;
}

static int
body_odd_process(void)
{
	const struct rlimit small = { 65536, 65536 }, none = { 0, 0 };

	(void)umask(0777);
	(void)signal(SIGPIPE, SIG_DFL);
	if (setrlimit(RLIMIT_STACK, &small) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &none) != 0 ||
	    setrlimit(RLIMIT_CORE, &none) != 0 ||
	    setrlimit(RLIMIT_NPROC, &none) != 0 || clearenv() != 0)
		return 1;
	return handle_call(prepared, HOOK_ACCOUNT, 0) == PAM_SUCCESS ? 0 : 2;
}

/* The sanitizer's malloc(3) ends the process instead of failing. */
#ifdef __SANITIZE_ADDRESS__
#define HAS_OWN_MALLOC 1
#else
#define HAS_OWN_MALLOC 0
#endif

static int
body_no_memory(void)
{
	const struct rlimit none = { 0, 0 };
	void *hole;

	if (handle_call(prepared, HOOK_ACCOUNT, 0) != PAM_SUCCESS)
		return 1;
	if (setrlimit(RLIMIT_AS, &none) != 0 || setrlimit(RLIMIT_DATA, &none))
		return 2;
	for (size_t size = 1 << 20; size >= 16; size /= 2)
		while ((hole = malloc(size)) != NULL)
			*(char volatile *)hole = 1;
	return refused() ? 0 : 3;
}

static void
a_hostile_process_changes_no_answer(void **state)
{
	(void)state;
	fake_start_verdict(ZT_VERDICT_PERMIT, "hello");
	prepared = handle_start("sshd", "alice", "");
	assert_int_equal(handle_call(prepared, HOOK_ACCOUNT, 0), PAM_SUCCESS);
	assert_int_equal(status_of_child(body_closed_stdio), 0);
	assert_int_equal(status_of_child(body_no_descriptors), 0);
	assert_int_equal(status_of_child(body_odd_process), 0);
	if (!HAS_OWN_MALLOC)
		assert_int_equal(status_of_child(body_no_memory), 0);
	handle_end(prepared);
	fake_stop();
}

static int
body_broker_hangs_up(void)
{
	(void)signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 200; i++)
		if (handle_call(prepared, HOOK_ACCOUNT, 0) !=
		    PAM_AUTHINFO_UNAVAIL)
			return 1;
	return 0;
}

static void
a_hang_up_raises_no_signal(void **state)
{
	static struct fake fake = { .act = FAKE_HANGS_UP };

	(void)state;
	fake_start(&fake);
	prepared = handle_start("sshd", "alice", "quiet");
	assert_int_equal(status_of_child(body_broker_hangs_up), 0);
	handle_end(prepared);
	fake_stop();
}

static void
errno_is_as_before(void **state)
{
	void *module = dlopen(harness_module(), RTLD_NOW);
	pam_handle_t *pamh;
	int (*account)(pam_handle_t *, int, int, const char **);
	void *symbol;

	(void)state;
	assert_non_null(module);
	assert_non_null(symbol = dlsym(module, "pam_sm_acct_mgmt"));
	memcpy(&account, &symbol, sizeof(account));
	pamh = handle_start("sshd", "alice", "");
	errno = EXDEV;
	assert_int_equal(account(pamh, 0, 0, NULL), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(errno, EXDEV);
	handle_end(pamh);
	assert_int_equal(dlclose(module), 0);
}

static int
fd_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* Load, account and session, unload; the module must be gone after. */
static void
load_once(void)
{
	pam_handle_t *pamh = handle_start("sshd", "alice", "");

	forget();
	assert_int_equal(handle_call(pamh, HOOK_ACCOUNT, 0), PAM_SUCCESS);
	handle_end(pamh);
	assert_null(dlopen(harness_module(), RTLD_NOW | RTLD_NOLOAD));
}

/* With the broker gone again, so that none of its descriptors is counted. */
static void
load_many(long n)
{
	fake_start_verdict(ZT_VERDICT_PERMIT, "welcome");
	for (long i = 0; i < n; i++)
		load_once();
	fake_stop();
}

/* ZT_PAM_LOADS=100000 for the long form. */
static void
loading_it_ten_thousand_times_leaks_nothing(void **state)
{
	const char *wanted = getenv("ZT_PAM_LOADS");
	long n = wanted != NULL ? strtol(wanted, NULL, 10) : 10000;
	size_t used;
	int fds;

	(void)state;
	load_many(100);
	used = mallinfo2().uordblks;
	fds = fd_count();
	load_many(n);
	assert_int_equal(fd_count(), fds);
	/* whatever is lost each time would show: 1 byte makes 10 kB */
	assert_in_range(mallinfo2().uordblks, 0, used + 4096);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_verdict_has_its_code_in_every_hook),
		TEST(setcred_and_chauthtok_are_ignored_without_asking),
		TEST(a_verdict_the_protocol_does_not_know_is_trouble),
		TEST(every_truncation_of_a_permit_is_trouble),
		TEST(bytes_after_a_permit_are_trouble),
		TEST(another_message_type_is_trouble),
		TEST(another_version_is_trouble),
		TEST(an_error_message_of_any_code_is_trouble),
		TEST(a_field_beyond_its_limit_or_with_a_nul_is_trouble),
		TEST(a_broker_that_hangs_up_is_trouble),
		TEST(a_silent_broker_is_trouble_after_the_timeout),
		TEST(a_permit_after_the_timeout_is_trouble),
		TEST(a_broker_that_is_not_there_is_trouble_at_once),
		TEST(an_impostor_is_trouble),
		TEST(options_out_of_their_range_deny),
		TEST(options_within_their_range_are_taken),
		TEST(sshd_and_login_cannot_be_renamed_to_sudo_or_su),
		TEST(a_missing_or_overlong_item_denies),
		TEST(the_request_holds_items_and_the_pam_environment),
		TEST(a_user_changed_after_the_decision_gets_no_session),
		TEST(a_user_changed_after_being_ignored_gets_no_session),
		TEST(sudo_names_its_target_user_in_the_session),
		TEST(a_sudo_that_was_ignored_is_ignored_in_its_session),
		TEST(
		    a_session_without_an_account_phase_is_the_brokers_to_judge),
		TEST(roots_own_sudo_and_su_need_no_broker),
		TEST(other_services_and_users_of_sudo_are_not_roots_own),
		TEST(a_denial_is_said_in_one_line),
		TEST(a_permit_says_its_text_and_an_ignore_nothing),
		TEST(trouble_is_said_by_its_kind),
		TEST(a_permit_in_the_auth_phase_is_called_a_lie),
		TEST(texts_are_escaped_and_bounded),
		TEST(a_conversation_that_fails_changes_nothing),
		TEST(syslog_says_what_was_decided),
		TEST(syslog_never_names_a_user_who_may_not_exist),
		TEST(a_user_name_cannot_forge_a_log_line),
		TEST(a_hostile_process_changes_no_answer),
		TEST(a_hang_up_raises_no_signal),
		TEST(errno_is_as_before),
		TEST(loading_it_ten_thousand_times_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
