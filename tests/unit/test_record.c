/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/sample_attempt.h"
#include "zt/auto.h"

static void
json_freep(json_t **jsonp)
{
	json_decref(*jsonp);
}

/* The record of an attempt, parsed again; the raw line is checked here. */
static json_t *
record(const struct zt_attempt *attempt, const struct zt_outcome *outcome)
{
	zt_auto_free char *line = NULL;
	json_t *json;
	size_t len;

	assert_int_equal(zt_record_attempt(attempt, outcome, 7, &line, &len),
	    ZT_OK);
	assert_int_equal(len, strlen(line));
	assert_true(len <= ZT_RECORD_MAX);
	for (size_t i = 0; i < len; i++)
		assert_true((unsigned char)line[i] >= 0x20);
	json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	return json;
}

/* The member at a path "a.b.c", borrowed, or NULL. */
static const json_t *
at(const json_t *json, const char *path)
{
	char copy[128], *save = NULL;

	assert_true(strlen(path) < sizeof(copy));
	strcpy(copy, path);
	for (char *key = strtok_r(copy, ".", &save); key != NULL;
	     key = strtok_r(NULL, ".", &save))
		json = json_object_get(json, key);
	return json;
}

static void
assert_text(const json_t *json, const char *path, const char *want)
{
	const char *have = json_string_value(at(json, path));

	if (have == NULL)
		fail_msg("no %s", path);
	assert_string_equal(have, want);
}

static void
assert_int(const json_t *json, const char *path, json_int_t want)
{
	if (!json_is_integer(at(json, path)))
		fail_msg("no integer %s", path);
	assert_int_equal(json_integer_value(at(json, path)), want);
}

static void
a_permitted_login_says_who_from_where_with_what_and_why(void **state)
{
	zt_auto(json_freep) json_t *json =
	    record(&sample_login, &sample_permit);

	(void)state;
	assert_int(json, "type_uid", 300201);
	assert_int(json, "time", 1795440912345);
	assert_text(json, "time_dt", "2026-11-23T13:35:12.345Z");
	assert_int(json, "metadata.sequence", 7);
	assert_text(json, "metadata.uid", sample_login.id);
	assert_text(json, "metadata.event_code",
	    "ssh.login.allow.policy.permit");
	assert_text(json, "status_code", "policy.permit");
	assert_text(json, "status_detail", "access permitted");
	assert_text(json, "user.name", "alice");
	assert_text(json, "user.uid", "70001");
	assert_text(json, "actor.user.name", "alice@example.com");
	assert_text(json, "actor.user.account.name", "alice");
	assert_text(json, "src_endpoint.ip", "198.51.100.7");
	assert_int(json, "src_endpoint.port", 40112);
	assert_text(json, "dst_endpoint.ip", "10.0.0.4");
	assert_text(json, "device.uid", "i-0abc123");
	assert_text(json, "service.name", "sshd");
	assert_text(json, "certificate.serial_number", "18446744073709551615");
	assert_text(json, "certificate.issuer", sample_cert.ca_fingerprint);
	assert_text(json, "certificate.expiration_time_dt",
	    "2026-11-23T14:30:00.000Z");
	assert_text(json, "policy.uid", "ssh@v3");
	assert_int(json, "duration", 12);
	assert_text(json, "session.uid_alt", "42");
	assert_int(json, "unmapped.credential.age_s", 312);
	assert_int(json, "unmapped.pdp.http_status", 200);
	assert_text(json, "unmapped.pdp.reason_admin",
	    "rule 7: payments on call");
}

static void
the_record_of_a_login_and_of_its_sudo_name_one_session(void **state)
{
	struct zt_attempt sudo = sample_login;
	zt_auto(json_freep) json_t *login = NULL, *later = NULL;

	(void)state;
	sudo.action = ZT_ACTION_SUDO;
	sudo.service = SAMPLE_TEXT("sudo");
	sudo.session_id = SAMPLE_TEXT("0d0e4a5c-1111-4222-8333-444455556666");
	login = record(&sample_login, &sample_permit);
	later = record(&sudo, &sample_permit);
	assert_text(login, "session.uid", sample_login.id);
	assert_text(later, "session.uid", sample_login.id);
}

static void
a_denied_login_names_no_session(void **state)
{
	struct zt_outcome deny = sample_permit;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	deny.verdict = ZT_VERDICT_DENY;
	json = record(&sample_login, &deny);
	assert_null(at(json, "session.uid"));
}

static void
each_verdict_has_its_status_action_and_disposition(void **state)
{
	static const struct {
		enum zt_verdict verdict;
		int status, action, disposition, severity;
	} rows[] = {
		{ ZT_VERDICT_PERMIT, 1, 1, 1, 1 },
		{ ZT_VERDICT_DENY, 2, 2, 2, 3 },
		{ ZT_VERDICT_IGNORE, 99, 3, 17, 1 },
		{ ZT_VERDICT_UNAVAIL, 2, 2, 27, 4 },
		{ (enum zt_verdict)0, 2, 2, 27, 4 },
		{ (enum zt_verdict)5, 2, 2, 27, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct zt_outcome outcome = sample_permit;
		zt_auto(json_freep) json_t *json = NULL;

		outcome.verdict = rows[i].verdict;
		json = record(&sample_login, &outcome);
		assert_int(json, "status_id", rows[i].status);
		assert_int(json, "action_id", rows[i].action);
		assert_int(json, "disposition_id", rows[i].disposition);
		assert_int(json, "severity_id", rows[i].severity);
	}
}

static void
each_action_and_stage_has_its_activity(void **state)
{
	static const struct {
		enum zt_action action;
		enum zt_stage stage;
		int activity;
	} rows[] = {
		{ ZT_ACTION_SSH_LOGIN, ZT_STAGE_CREDENTIAL, 1 },
		{ ZT_ACTION_SSH_LOGIN, ZT_STAGE_ACCOUNT, 1 },
		{ ZT_ACTION_LOGIN, ZT_STAGE_SESSION_OPEN, 1 },
		{ ZT_ACTION_SSH_LOGIN, ZT_STAGE_SESSION_CLOSE, 2 },
		{ ZT_ACTION_SUDO, ZT_STAGE_SESSION_CLOSE, 2 },
		{ ZT_ACTION_SUDO, ZT_STAGE_ACCOUNT, 7 },
		{ ZT_ACTION_SU, ZT_STAGE_SESSION_OPEN, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct zt_attempt attempt = sample_login;
		zt_auto(json_freep) json_t *json = NULL;

		attempt.action = rows[i].action;
		attempt.stage = rows[i].stage;
		json = record(&attempt, &sample_permit);
		assert_int(json, "activity_id", rows[i].activity);
		assert_int(json, "type_uid", 300200 + rows[i].activity);
	}
}

static void
only_an_account_switch_has_a_switch_type_and_only_ssh_a_protocol(void **state)
{
	struct zt_attempt attempt = sample_login;
	zt_auto(json_freep) json_t *ssh = record(&attempt, &sample_permit);
	zt_auto(json_freep) json_t *su = NULL;

	(void)state;
	attempt.action = ZT_ACTION_SU;
	su = record(&attempt, &sample_permit);
	assert_int(ssh, "auth_protocol_id", 99);
	assert_text(ssh, "auth_protocol", "SSH");
	assert_null(at(ssh, "account_switch_type_id"));
	assert_int(su, "account_switch_type_id", 1);
	assert_null(at(su, "auth_protocol_id"));
}

static void
the_event_code_names_action_stage_verdict_and_reason(void **state)
{
	struct zt_attempt attempt = sample_login;
	struct zt_outcome outcome = { ZT_VERDICT_UNAVAIL, ZT_REASON_PDP_TIMEOUT,
		NULL, 0 };
	char code[128], cut[8];

	(void)state;
	attempt.action = ZT_ACTION_SUDO;
	zt_record_event_code(&attempt, &outcome, code, sizeof(code));
	assert_string_equal(code, "sudo.login.error.error.pdp_timeout");
	attempt.stage = ZT_STAGE_CREDENTIAL;
	attempt.action = ZT_ACTION_SSH_LOGIN;
	outcome.verdict = ZT_VERDICT_DENY;
	outcome.reason = ZT_REASON_CREDENTIAL_CA;
	zt_record_event_code(&attempt, &outcome, code, sizeof(code));
	assert_string_equal(code, "ssh.credential.deny.credential.ca");
	zt_record_event_code(&attempt, &outcome, cut, sizeof(cut));
	assert_string_equal(cut, "ssh.cre");
}

static void
the_name_of_an_account_that_does_not_exist_appears_nowhere(void **state)
{
	struct zt_attempt attempt = sample_login;
	zt_auto_free char *line = NULL;
	size_t len;

	(void)state;
	attempt.account = SAMPLE_TEXT("hunter2");
	attempt.unix_user = SAMPLE_TEXT("hunter2");
	attempt.account_known = false;
	attempt.cert = NULL;
	assert_int_equal(zt_record_attempt(&attempt, &sample_permit, 0, &line,
			     &len),
	    ZT_OK);
	assert_null(strstr(line, "hunter2"));
	assert_non_null(strstr(line, "\"user\":{\"name\":\"(unknown)\"}"));
}

static void
the_uid_of_another_user_is_not_given_to_the_account(void **state)
{
	struct zt_attempt attempt = sample_login;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	attempt.action = ZT_ACTION_SU;
	attempt.account = SAMPLE_TEXT("root");
	json = record(&attempt, &sample_permit);
	assert_text(json, "user.name", "root");
	assert_null(at(json, "user.uid"));
	assert_text(json, "actor.user.account.uid", "70001");
}

static void
outside_bytes_are_escaped(void **state)
{
	struct zt_attempt attempt = sample_login;
	struct zt_cert cert = sample_cert;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	attempt.cert = &cert;
	cert.key_id = SAMPLE_TEXT("a\x1b]52;c\x07\xff\xe2\x80\xae\n\\");
	json = record(&attempt, &sample_permit);
	assert_text(json, "actor.user.name",
	    "a\\x1b]52;c\\x07\\xff\\xe2\\x80\\xae\\x0a\\\\");
}

static void
a_text_that_is_clean_already_is_not_escaped_again(void **state)
{
	struct zt_answer answer = sample_answer;
	struct zt_outcome outcome = sample_permit;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	answer.reason_user = SAMPLE_TEXT("CORP\\\\alice \\x1b \xc3\xa9");
	outcome.answer = &answer;
	json = record(&sample_login, &outcome);
	assert_text(json, "status_detail", "CORP\\\\alice \\x1b \xc3\xa9");
}

static void
an_answer_that_is_not_clean_is_escaped_here(void **state)
{
	struct zt_answer answer = sample_answer;
	struct zt_outcome outcome = sample_permit;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	answer.reason_user = SAMPLE_TEXT("a\\b\xff");
	outcome.answer = &answer;
	json = record(&sample_login, &outcome);
	assert_text(json, "status_detail", "a\\\\b\\xff");
}

static void
a_certificate_cannot_pretend_to_hold_escaped_bytes(void **state)
{
	struct zt_attempt attempt = sample_login;
	struct zt_cert cert = sample_cert;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	attempt.cert = &cert;
	cert.key_id = SAMPLE_TEXT("a\\x1b");
	json = record(&attempt, &sample_permit);
	assert_text(json, "certificate.subject", "a\\\\x1b");
}

static void
the_longest_texts_are_cut_and_the_record_says_so(void **state)
{
	static char key_id[40001], rhost[257];
	struct zt_attempt attempt = sample_login;
	struct zt_cert cert = sample_cert;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	(void)memset(key_id, 'k', sizeof(key_id) - 1);
	(void)memset(rhost, 'r', sizeof(rhost) - 1);
	attempt.cert = &cert;
	cert.key_id = key_id;
	attempt.rhost = rhost;
	json = record(&attempt, &sample_permit);
	assert_true(json_is_true(at(json, "metadata.is_truncated")));
	assert_int_equal(json_string_length(at(json, "certificate.subject")),
	    4096);
	assert_text(json, "unmapped.claims.rhost", rhost);
	assert_text(json, "status_code", "policy.permit");
}

static void
a_whole_record_does_not_say_that_it_is_cut(void **state)
{
	zt_auto(json_freep) json_t *json =
	    record(&sample_login, &sample_permit);

	(void)state;
	assert_null(at(json, "metadata.is_truncated"));
}

static void
a_cut_text_ends_between_characters(void **state)
{
	static char text[30001];
	struct zt_attempt attempt = sample_login;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	attempt.rhost = text;
	/* ill-formed UTF-8 would not have been printed or parsed at all */
	json = record(&attempt, &sample_permit);
	assert_true(json_is_true(at(json, "metadata.is_truncated")));
	assert_int_equal(json_string_length(at(json, "unmapped.claims.rhost")) %
		3,
	    0);
}

static void
an_address_is_an_ip_only_if_it_is_numeric(void **state)
{
	struct zt_attempt attempt = sample_login;
	zt_auto(json_freep) json_t *zone = NULL, *word = NULL;

	(void)state;
	attempt.source_ip = SAMPLE_TEXT("fe80::1%eth0");
	zone = record(&attempt, &sample_permit);
	assert_text(zone, "src_endpoint.ip", "fe80::1");
	attempt.source_ip = SAMPLE_TEXT("UNKNOWN");
	word = record(&attempt, &sample_permit);
	assert_null(at(word, "src_endpoint.ip"));
	assert_text(word, "src_endpoint.name", "UNKNOWN");
}

static void
a_certificate_without_end_has_no_expiration_time(void **state)
{
	struct zt_attempt attempt = sample_login;
	struct zt_cert cert = sample_cert;
	zt_auto(json_freep) json_t *json = NULL;

	(void)state;
	attempt.cert = &cert;
	cert.valid_after = UINT64_C(1) << 62;
	cert.valid_before = UINT64_MAX;
	json = record(&attempt, &sample_permit);
	assert_null(at(json, "certificate.expiration_time"));
	assert_null(at(json, "certificate.created_time_dt"));
	assert_null(at(json, "unmapped.credential.age_s"));
}

static void
secrets_in_the_endpoint_s_url_are_left_out(void **state)
{
	static const char *const urls[][2] = {
		{ "https://u:secret@pdp.example/e?key=secret#secret",
		    "https://pdp.example/e" },
		{ "https://pdp.example/a@b", "https://pdp.example/a@b" },
		{ "https://pdp.example", "https://pdp.example" },
		{ "u:secret@pdp/e", "pdp/e" },
	};
	struct zt_answer answer = sample_answer;
	struct zt_outcome outcome = sample_permit;

	(void)state;
	outcome.answer = &answer;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		zt_auto_free char *url = strdup(urls[i][0]);
		zt_auto(json_freep) json_t *json = NULL;

		answer.endpoint = url;
		json = record(&sample_login, &outcome);
		assert_text(json, "unmapped.pdp.endpoint", urls[i][1]);
	}
}

static void
the_same_attempt_gives_the_same_bytes(void **state)
{
	zt_auto_free char *one = NULL;
	zt_auto_free char *two = NULL;
	size_t len;

	(void)state;
	assert_int_equal(zt_record_attempt(&sample_login, &sample_permit, 1,
			     &one, &len),
	    ZT_OK);
	assert_int_equal(zt_record_attempt(&sample_login, &sample_permit, 1,
			     &two, &len),
	    ZT_OK);
	assert_string_equal(one, two);
	assert_memory_equal(one, "{\"time\":1795440912345,", 22);
}

static void
a_lifecycle_record_says_what_the_broker_did(void **state)
{
	zt_auto_free char *line = NULL;
	zt_auto(json_freep) json_t *json = NULL;
	size_t len;

	(void)state;
	assert_int_equal(zt_record_lifecycle(ZT_LIFECYCLE_RELOAD_FAILED,
			     &sample_host, "ztd.conf:3\x1b", 9, &line, &len),
	    ZT_OK);
	json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	assert_int(json, "class_uid", 6002);
	assert_int(json, "type_uid", 600299);
	assert_text(json, "activity_name", "Reload");
	assert_int(json, "status_id", 2);
	assert_text(json, "status_detail", "ztd.conf:3\\x1b");
	assert_text(json, "metadata.event_code", "zt.reload_failed");
	assert_int(json, "metadata.sequence", 9);
	assert_text(json, "device.hostname", "pay-db-1");
}

static struct {
	size_t n;       /* allocations made */
	size_t fail_at; /* the one that fails */
} memory;

static void *
scarce_malloc(size_t size)
{
	return memory.n++ == memory.fail_at ? NULL : malloc(size);
}

static void
any_one_failing_allocation_is_reported_and_leaves_no_record(void **state)
{
	size_t len = 0, n;
	char *line = NULL;

	(void)state;
	json_set_alloc_funcs(scarce_malloc, free);
	memory.fail_at = SIZE_MAX;
	memory.n = 0;
	assert_int_equal(zt_record_attempt(&sample_login, &sample_permit, 0,
			     &line, &len),
	    ZT_OK);
	free(zt_take(line));
	n = memory.n;
	assert_true(n > 100);
	for (memory.fail_at = 0; memory.fail_at < n; memory.fail_at++) {
		memory.n = 0;
		assert_int_equal(zt_record_attempt(&sample_login,
				     &sample_permit, 0, &line, &len),
		    ZT_ERR_NOMEM);
		assert_null(line);
	}
	json_set_alloc_funcs(malloc, free);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_permitted_login_says_who_from_where_with_what_and_why),
		cmocka_unit_test(
		    the_record_of_a_login_and_of_its_sudo_name_one_session),
		cmocka_unit_test(a_denied_login_names_no_session),
		cmocka_unit_test(
		    each_verdict_has_its_status_action_and_disposition),
		cmocka_unit_test(each_action_and_stage_has_its_activity),
		cmocka_unit_test(
		    only_an_account_switch_has_a_switch_type_and_only_ssh_a_protocol),
		cmocka_unit_test(
		    the_event_code_names_action_stage_verdict_and_reason),
		cmocka_unit_test(
		    the_name_of_an_account_that_does_not_exist_appears_nowhere),
		cmocka_unit_test(
		    the_uid_of_another_user_is_not_given_to_the_account),
		cmocka_unit_test(outside_bytes_are_escaped),
		cmocka_unit_test(
		    a_text_that_is_clean_already_is_not_escaped_again),
		cmocka_unit_test(an_answer_that_is_not_clean_is_escaped_here),
		cmocka_unit_test(
		    a_certificate_cannot_pretend_to_hold_escaped_bytes),
		cmocka_unit_test(
		    the_longest_texts_are_cut_and_the_record_says_so),
		cmocka_unit_test(a_whole_record_does_not_say_that_it_is_cut),
		cmocka_unit_test(a_cut_text_ends_between_characters),
		cmocka_unit_test(an_address_is_an_ip_only_if_it_is_numeric),
		cmocka_unit_test(
		    a_certificate_without_end_has_no_expiration_time),
		cmocka_unit_test(secrets_in_the_endpoint_s_url_are_left_out),
		cmocka_unit_test(the_same_attempt_gives_the_same_bytes),
		cmocka_unit_test(a_lifecycle_record_says_what_the_broker_did),
		cmocka_unit_test(
		    any_one_failing_allocation_is_reported_and_leaves_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
