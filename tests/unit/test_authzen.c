/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "zt/auto.h"
#include "zt/decision.h"
#include "zt/text.h"
#include "zt/time.h"

#define ID    "6f1c1b9e-0f0c-4d7a-9b1e-2a7f0f6f2f10"
#define OTHER "6f1c1b9e-0f0c-4d7a-9b1e-2a7f0f6f2f11"

/* ---- answers ---- */

static struct zt_answer
answer_of(int status, const char *body, size_t len, const char *echoed)
{
	struct zt_answer a = { 0 };

	assert_int_equal(zt_authzen_answer(status, body, len, ID, echoed, &a),
	    ZT_OK);
	return a;
}

/* The verdict on a body under status 200. */
static void
assert_body(const char *body, enum zt_answer_kind kind, enum zt_reason reason)
{
	struct zt_answer a = answer_of(200, body, strlen(body), ID);

	if (a.kind != kind || a.reason != reason)
		fail_msg("%s: kind %d, %s", body, (int)a.kind,
		    zt_reason_code(a.reason));
	if (kind != ZT_ANSWER_PERMIT)
		assert_null(a.notice);
	zt_answer_clear(&a);
}

static void
assert_protocol_error(const char *body)
{
	assert_body(body, ZT_ANSWER_NONE, ZT_REASON_PDP_PROTOCOL);
}

static void
true_is_a_permit_and_false_a_deny(void **state)
{
	(void)state;
	assert_body("{\"decision\":true}", ZT_ANSWER_PERMIT,
	    ZT_REASON_POLICY_PERMIT);
	assert_body("{\"decision\":false}", ZT_ANSWER_DENY,
	    ZT_REASON_POLICY_DENY);
	assert_body(" {\"x\":[1.5,null],\"decision\":true,\"context\":{}}\r\n",
	    ZT_ANSWER_PERMIT, ZT_REASON_POLICY_PERMIT);
	assert_body("{\"decision\":true,\"context\":null}", ZT_ANSWER_PERMIT,
	    ZT_REASON_POLICY_PERMIT);
}

static void
every_other_status_is_unavailable_with_its_reason(void **state)
{
	static const struct {
		int status;
		enum zt_reason reason;
	} rows[] = {
		{ 0, ZT_REASON_PDP_PROTOCOL },
		{ 100, ZT_REASON_PDP_PROTOCOL },
		{ 199, ZT_REASON_PDP_PROTOCOL },
		{ 201, ZT_REASON_PDP_PROTOCOL },
		{ 204, ZT_REASON_PDP_PROTOCOL },
		{ 299, ZT_REASON_PDP_PROTOCOL },
		{ 300, ZT_REASON_PDP_URL },
		{ 301, ZT_REASON_PDP_URL },
		{ 302, ZT_REASON_PDP_URL },
		{ 304, ZT_REASON_PDP_URL },
		{ 308, ZT_REASON_PDP_URL },
		{ 399, ZT_REASON_PDP_URL },
		{ 400, ZT_REASON_PDP_REQUEST },
		{ 401, ZT_REASON_PDP_AUTH },
		{ 402, ZT_REASON_PDP_PROTOCOL },
		{ 403, ZT_REASON_PDP_AUTH },
		{ 404, ZT_REASON_PDP_URL },
		{ 405, ZT_REASON_PDP_URL },
		{ 408, ZT_REASON_PDP_BUSY },
		{ 410, ZT_REASON_PDP_PROTOCOL },
		{ 422, ZT_REASON_PDP_PROTOCOL },
		{ 425, ZT_REASON_PDP_BUSY },
		{ 429, ZT_REASON_PDP_BUSY },
		{ 500, ZT_REASON_PDP_BUSY },
		{ 501, ZT_REASON_PDP_URL },
		{ 502, ZT_REASON_PDP_BUSY },
		{ 503, ZT_REASON_PDP_BUSY },
		{ 504, ZT_REASON_PDP_BUSY },
		{ 599, ZT_REASON_PDP_BUSY },
		{ 600, ZT_REASON_PDP_PROTOCOL },
		{ -200, ZT_REASON_PDP_PROTOCOL },
	};
	const char body[] = "{\"decision\":true}";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct zt_answer a =
		    answer_of(rows[i].status, body, sizeof(body) - 1, ID);

		if (a.kind != ZT_ANSWER_NONE || a.reason != rows[i].reason)
			fail_msg("%d: kind %d, %s", rows[i].status, (int)a.kind,
			    zt_reason_code(a.reason));
		zt_answer_clear(&a);
	}
}

static void
no_other_status_than_200_is_a_decision(void **state)
{
	const char body[] = "{\"decision\":true}";

	(void)state;
	for (int status = -1; status < 1000; status++) {
		struct zt_answer a =
		    answer_of(status, body, sizeof(body) - 1, NULL);

		assert_int_equal(a.kind,
		    status == 200 ? ZT_ANSWER_PERMIT : ZT_ANSWER_NONE);
		zt_answer_clear(&a);
	}
}

static void
what_is_no_json_object_is_a_protocol_error(void **state)
{
	(void)state;
	assert_protocol_error("");
	assert_protocol_error("true");
	assert_protocol_error("[{\"decision\":true}]");
	assert_protocol_error("{\"decision\":true");
	assert_protocol_error("{\"decision\":true}{\"decision\":true}");
	assert_protocol_error("{\"decision\":true} x");
	assert_protocol_error("{'decision':true}");
	assert_protocol_error("{\"decision\":true,}");
	assert_protocol_error("\xef\xbb\xbf{\"decision\":true}");
	assert_protocol_error("{\"decision\":true,\"reason\":\"\xff\"}");
	assert_protocol_error("<html>{\"decision\":true}</html>");
}

static void
a_decision_that_is_no_boolean_is_a_protocol_error(void **state)
{
	(void)state;
	assert_protocol_error("{}");
	assert_protocol_error("{\"context\":{\"decision\":true}}");
	assert_protocol_error("{\"Decision\":true}");
	assert_protocol_error("{\"decision \":true}");
	assert_protocol_error("{\"decision\":\"true\"}");
	assert_protocol_error("{\"decision\":1}");
	assert_protocol_error("{\"decision\":null}");
	assert_protocol_error("{\"decision\":[true]}");
	assert_protocol_error("{\"decision\":{\"decision\":true}}");
	assert_protocol_error("{\"decision\":True}");
}

static void
a_duplicate_key_anywhere_is_a_protocol_error(void **state)
{
	(void)state;
	assert_protocol_error("{\"decision\":false,\"decision\":true}");
	assert_protocol_error("{\"decision\":true,\"decision\":true}");
	assert_protocol_error("{\"decision\":false,\"\\u0064ecision\":true}");
	assert_protocol_error("{\"decision\":true,\"x\":[{\"a\":1,\"a\":1}]}");
}

static void
a_context_that_is_no_object_is_a_protocol_error(void **state)
{
	(void)state;
	assert_protocol_error("{\"decision\":true,\"context\":[]}");
	assert_protocol_error("{\"decision\":true,\"context\":\"\"}");
	assert_protocol_error("{\"decision\":true,\"context\":false}");
	assert_protocol_error("{\"decision\":false,\"context\":1}");
}

/* {"decision":true,"x":[[...]]} with n levels in all. */
static char *
nested(size_t n)
{
	static const char head[] = "{\"decision\":true,\"x\":";
	size_t len = sizeof(head) - 1;
	char *text = calloc(1, len + 2 * n + 1);

	assert_non_null(text);
	memcpy(text, head, len);
	memset(text + len, '[', n - 1);
	memset(text + len + n - 1, ']', n - 1);
	text[len + 2 * (n - 1)] = '}';
	return text;
}

static void
nesting_is_bounded_at_its_limit(void **state)
{
	zt_auto_free char *fits = nested(ZT_ANSWER_DEPTH_MAX);
	zt_auto_free char *over = nested(ZT_ANSWER_DEPTH_MAX + 1);

	(void)state;
	assert_body(fits, ZT_ANSWER_PERMIT, ZT_REASON_POLICY_PERMIT);
	assert_protocol_error(over);
	/* brackets in a string nest nothing, escaped quotes do not end it */
	assert_body("{\"decision\":true,\"x\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[["
		    "[[[[[[[[[[[[[[[[[[\\\\\"}",
	    ZT_ANSWER_PERMIT, ZT_REASON_POLICY_PERMIT);
}

static void
size_is_bounded_at_its_limit(void **state)
{
	static const char text[] = "{\"decision\":true}";
	zt_auto_free char *body = malloc(ZT_ANSWER_MAX + 1);
	struct zt_answer a;

	(void)state;
	assert_non_null(body);
	memset(body, ' ', ZT_ANSWER_MAX + 1);
	memcpy(body, text, sizeof(text) - 1);
	a = answer_of(200, body, ZT_ANSWER_MAX, ID);
	assert_int_equal(a.kind, ZT_ANSWER_PERMIT);
	zt_answer_clear(&a);
	a = answer_of(200, body, ZT_ANSWER_MAX + 1, ID);
	assert_int_equal(a.kind, ZT_ANSWER_NONE);
	assert_int_equal(a.reason, ZT_REASON_PDP_PROTOCOL);
	zt_answer_clear(&a);
}

static void
a_nul_in_the_body_is_a_protocol_error(void **state)
{
	static const char plain[] = "{\"decision\":true}\0";
	static const char escaped[] =
	    "{\"decision\":true,\"context\":{\"reason\":\"a\\u0000b\"}}";
	struct zt_answer a = answer_of(200, plain, sizeof(plain) - 1, ID);

	(void)state;
	assert_int_equal(a.reason, ZT_REASON_PDP_PROTOCOL);
	zt_answer_clear(&a);
	assert_protocol_error(escaped);
}

static void
another_id_echoed_is_a_protocol_error_and_none_is_fine(void **state)
{
	static const char *const others[] = { OTHER, "", "?", ID "0" };
	static const char body[] = "{\"decision\":true}";
	struct zt_answer a;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		a = answer_of(200, body, sizeof(body) - 1, others[i]);
		assert_int_equal(a.kind, ZT_ANSWER_NONE);
		assert_int_equal(a.reason, ZT_REASON_PDP_PROTOCOL);
		zt_answer_clear(&a);
	}
	a = answer_of(200, body, sizeof(body) - 1, NULL);
	assert_int_equal(a.kind, ZT_ANSWER_PERMIT);
	zt_answer_clear(&a);
	/* a proxy's own error page has an id of its own */
	a = answer_of(503, body, sizeof(body) - 1, OTHER);
	assert_int_equal(a.reason, ZT_REASON_PDP_BUSY);
	zt_answer_clear(&a);
}

static void
assert_reason(const char *context, const char *user, const char *admin)
{
	zt_auto_free char *body = NULL;
	struct zt_answer a;

	assert_true(asprintf(&body, "{\"decision\":false,\"context\":%s}",
			context) > 0);
	a = answer_of(200, body, strlen(body), ID);
	assert_int_equal(a.kind, ZT_ANSWER_DENY);
	if (user == NULL)
		assert_null(a.reason_user);
	else
		assert_string_equal(a.reason_user, user);
	if (admin == NULL)
		assert_null(a.reason_admin);
	else
		assert_string_equal(a.reason_admin, admin);
	zt_answer_clear(&a);
}

static void
reasons_are_taken_from_strings_maps_and_arrays(void **state)
{
	(void)state;
	assert_reason("{\"reason_user\":\"u\",\"reason_admin\":\"a\"}", "u",
	    "a");
	assert_reason("{\"reason\":\"r\"}", "r", NULL);
	assert_reason("{\"reason\":\"r\",\"reason_user\":\"u\"}", "u", NULL);
	assert_reason("{\"reason_user\":{\"en\":\"e\",\"de\":\"d\"}}", "e",
	    NULL);
	assert_reason("{\"reason_user\":{\"fr\":\"f\",\"de\":\"d\"}}", "d",
	    NULL);
	assert_reason("{\"reason_admin\":{\"403\":\"Policy C076E82F\"}}", NULL,
	    "Policy C076E82F");
	assert_reason("{\"reason\":[\"one\",\"two\"]}", "one", NULL);
	assert_reason("{\"reason\":[1,{\"code\":7,\"text\":\"t\"}]}", "t",
	    NULL);
	assert_reason("{\"reason\":7,\"reason_user\":{\"en\":true}}", NULL,
	    NULL);
	assert_reason("{\"reason\":\"\",\"reason_user\":[],"
		      "\"reason_admin\":{}}",
	    NULL, NULL);
}

static void
texts_are_escaped_and_cut(void **state)
{
	char body[4096] = "{\"decision\":false,\"context\":{\"reason\":\"";
	size_t len = strlen(body);
	struct zt_answer a;

	(void)state;
	assert_reason("{\"reason\":\"a\\u001b[2Jb\\u202ec\\nd\"}",
	    "a\\x1b[2Jb\\xe2\\x80\\xaec\\x0ad", NULL);
	memset(body + len, 'x', 2000);
	(void)snprintf(body + len + 2000, 8, "\"}}");
	a = answer_of(200, body, strlen(body), ID);
	assert_int_equal(strlen(a.reason_user), ZT_ANSWER_REASON_MAX);
	zt_answer_clear(&a);
}

static void
the_policy_is_named_if_the_answer_names_it(void **state)
{
	static const char *const bodies[] = {
		"{\"decision\":true,\"context\":{\"policy\":\"ssh@3\"}}",
		"{\"decision\":true,\"context\":{\"policy_id\":\"ssh@3\"}}",
		("{\"decision\":false,"
		 "\"context\":{\"policy_version\":\"ssh@3\"}}"),
	};
	struct zt_answer a;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		a = answer_of(200, bodies[i], strlen(bodies[i]), ID);
		assert_non_null(a.policy);
		assert_string_equal(a.policy, "ssh@3");
		zt_answer_clear(&a);
	}
}

/* ---- obligations ---- */

#define OBLIGED(list) \
	"{\"decision\":true,\"context\":{\"obligations\":" list "}}"
#define OURS(properties) \
	"{\"id\":\"1\",\"type\":\"custom\",\"properties\":" properties "}"

static void
a_notice_is_handed_on_with_a_permit(void **state)
{
	static const char body[] = OBLIGED(
	    "[" OURS("{\"vendor\":\"zt\",\"notice\":\"hi\\u0007\"}") "]");
	struct zt_answer a = answer_of(200, body, sizeof(body) - 1, ID);

	(void)state;
	assert_int_equal(a.kind, ZT_ANSWER_PERMIT);
	assert_string_equal(a.notice, "hi\\x07");
	zt_answer_clear(&a);
}

static void
known_obligations_are_met(void **state)
{
	(void)state;
	assert_body(OBLIGED("[]"), ZT_ANSWER_PERMIT, ZT_REASON_POLICY_PERMIT);
	assert_body(OBLIGED("[" OURS("{\"vendor\":\"zt\",\"cache_s\":60}") "]"),
	    ZT_ANSWER_PERMIT, ZT_REASON_POLICY_PERMIT);
	assert_body(OBLIGED("[" OURS("{\"vendor\":\"zt\",\"cache_s\":0,"
				     "\"notice\":\"n\"}") "]"),
	    ZT_ANSWER_PERMIT, ZT_REASON_POLICY_PERMIT);
}

static void
an_obligation_that_is_not_understood_denies(void **state)
{
	static const char *const lists[] = {
		OBLIGED("null"),
		OBLIGED("{}"),
		OBLIGED("true"),
		OBLIGED("[null]"),
		OBLIGED("[\"notice\"]"),
		OBLIGED("[{}]"),
		OBLIGED("[{\"id\":\"1\",\"type\":\"step-up\"}]"),
		OBLIGED("[{\"id\":\"1\",\"type\":\"step_up\","
			"\"properties\":{}}]"),
		OBLIGED("[" OURS("{\"vendor\":\"zt\"}") "]"),
		OBLIGED("[" OURS("{\"notice\":\"n\"}") "]"),
		OBLIGED("[" OURS("{\"vendor\":\"ZT\",\"notice\":\"n\"}") "]"),
		OBLIGED("[" OURS("{\"vendor\":[\"zt\"],\"notice\":\"n\"}") "]"),
		OBLIGED("[" OURS("{\"vendor\":\"zt\",\"notice\":7}") "]"),
		OBLIGED("[" OURS("{\"vendor\":\"zt\",\"notice\":\"\"}") "]"),
		OBLIGED("[" OURS("{\"vendor\":\"zt\",\"cache_s\":\"60\"}") "]"),
		OBLIGED("[" OURS("{\"vendor\":\"zt\",\"cache_s\":-1}") "]"),
		OBLIGED("[" OURS("{\"vendor\":\"zt\",\"cache_s\":1.0}") "]"),
		OBLIGED(
		    "[" OURS("{\"vendor\":\"zt\",\"session_max_s\":60}") "]"),
		OBLIGED("[" OURS("{\"vendor\":\"zt\",\"notice\":\"n\","
				 "\"groups\":[]}") "]"),
		OBLIGED("[" OURS("[\"zt\"]") "]"),
		OBLIGED("[{\"type\":\"custom\",\"properties\":{\"vendor\":"
			"\"zt\",\"notice\":\"n\"}}]"),
		OBLIGED("[{\"id\":1,\"type\":\"custom\",\"properties\":"
			"{\"vendor\":\"zt\",\"notice\":\"n\"}}]"),
		OBLIGED("[{\"id\":\"1\",\"type\":\"custom\",\"x\":1,"
			"\"properties\":{\"vendor\":\"zt\",\"notice\":\"n\"}}"
			"]"),
		OBLIGED(
		    "[" OURS("{\"vendor\":\"zt\",\"notice\":\"a\"}") "," OURS(
			"{\"vendor\":\"zt\",\"notice\":\"b\"}") "]"),
		OBLIGED("[" OURS(
		    "{\"vendor\":\"zt\",\"notice\":\"a\"}") ","
							    "{\"id\":\"2\",\"type\":\"other\",\"properties\":{}}]"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		assert_body(lists[i], ZT_ANSWER_DENY,
		    ZT_REASON_POLICY_OBLIGATION);
}

static void
too_many_obligations_deny(void **state)
{
	static const char one[] = OURS("{\"vendor\":\"zt\",\"cache_s\":1}");
	char body[8192];

	(void)state;
	for (size_t n = ZT_OBLIGATIONS_MAX; n <= ZT_OBLIGATIONS_MAX + 1; n++) {
		int len = snprintf(body, sizeof(body),
		    "{\"decision\":true,\"context\":{\"obligations\":[");

		for (size_t i = 0; i < n; i++)
			len += snprintf(body + len, sizeof(body) - (size_t)len,
			    "%s%s", i == 0 ? "" : ",", one);
		(void)snprintf(body + len, sizeof(body) - (size_t)len, "]}}");
		if (n > ZT_OBLIGATIONS_MAX)
			assert_body(body, ZT_ANSWER_DENY,
			    ZT_REASON_POLICY_OBLIGATION);
		else
			assert_body(body, ZT_ANSWER_PERMIT,
			    ZT_REASON_POLICY_PERMIT);
	}
}

static void
an_unmet_obligation_is_named_to_the_administrator_only(void **state)
{
	static const char body[] =
	    "{\"decision\":true,\"context\":{\"reason_user\":\"welcome\","
	    "\"obligations\":[{\"id\":\"o\\n1\",\"type\":\"mfa\"}]}}";
	struct zt_answer a = answer_of(200, body, sizeof(body) - 1, ID);

	(void)state;
	assert_int_equal(a.reason, ZT_REASON_POLICY_OBLIGATION);
	assert_null(a.reason_user);
	assert_string_equal(a.reason_admin,
	    "obligation not met: type mfa id o\\x0a1");
	zt_answer_clear(&a);
}

static void
a_deny_uses_nothing_but_its_reason(void **state)
{
	static const char body[] =
	    "{\"decision\":false,\"context\":{\"reason\":\"no\",\"obligations\":"
	    "[" OURS("{\"vendor\":\"zt\",\"notice\":\"n\"}") ",7]}}";
	struct zt_answer a = answer_of(200, body, sizeof(body) - 1, ID);

	(void)state;
	assert_int_equal(a.kind, ZT_ANSWER_DENY);
	assert_int_equal(a.reason, ZT_REASON_POLICY_DENY);
	assert_string_equal(a.reason_user, "no");
	assert_null(a.notice);
	zt_answer_clear(&a);
}

static void
what_the_caller_filled_in_stays(void **state)
{
	struct zt_answer a = { .http_status = 200, .attempts = 2 };

	(void)state;
	assert_int_equal(zt_authzen_answer(200, "{\"decision\":true}", 17, ID,
			     ID, &a),
	    ZT_OK);
	assert_int_equal(a.attempts, 2);
	assert_int_equal(a.kind, ZT_ANSWER_PERMIT);
	zt_answer_clear(&a);
}

/* ---- requests ---- */

static char host_id[] = "i-0abc123", hostname[] = "pay-db-1";
static char principal[] = "alice", key_id[] = "alice@example.com";
static char service[] = "sshd", account[] = "alice", group[] = "payments";
static char source_ip[] = "198.51.100.7", server_ip[] = "10.0.0.4";
static char session_id[] = OTHER, pty[] = "permit-pty", empty[] = "";
static char identity_source[] = "corp";
static char source_option[] = "source-address", source_list[] = "10.0.0.0/8";
static char *principals[] = { principal }, *groups[] = { group };

static const struct zt_host host = { .id = host_id, .hostname = hostname };
static struct zt_cert_option extension = { pty, empty };
static struct zt_cert_option critical = { source_option, source_list };

static struct zt_cert
cert_sample(void)
{
	return (struct zt_cert){
		.key_type = "ssh-ed25519",
		.hardware_key = true,
		.fingerprint = "SHA256:subject",
		.ca_fingerprint = "SHA256:authority",
		.serial = UINT64_MAX,
		.type = 1,
		.key_id = key_id,
		.principals = principals,
		.n_principals = 1,
		.valid_after = 1795440288,
		.valid_before = 1795443888,
		.extensions = &extension,
		.n_extensions = 1,
		.critical = &critical,
		.n_critical = 1,
	};
}

static struct zt_attempt
attempt_sample(struct zt_cert *cert)
{
	return (struct zt_attempt){
		.id = ID,
		.action = ZT_ACTION_SSH_LOGIN,
		.service = service,
		.account = account,
		.cert = cert,
		.unix_user = account,
		.has_uid = true,
		.uid = 70001,
		.groups = groups,
		.n_groups = 1,
		.identity_source = identity_source,
		.identity_age_s = 42,
		.identity_stale = true,
		.source_ip = source_ip,
		.source_port = 40112,
		.server_ip = server_ip,
		.server_port = 22,
		.session_id = session_id,
		.session_account = account,
		.time_ms = 1795440600120,
		.clock_synchronized = true,
		.recent_denials = 3,
		.host = &host,
	};
}

static json_t *
request_of(const struct zt_attempt *attempt, bool mirror)
{
	struct zt_authzen_options options = { .mirror_context = mirror };
	zt_auto_free char *text = NULL;
	json_t *root;

	assert_int_equal(zt_authzen_request(attempt, &options, &text), ZT_OK);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	return root;
}

static void
assert_json(const json_t *got, const char *expected)
{
	json_auto_t *want = json_loads(expected, 0, NULL);
	zt_auto_free char *text = json_dumps(got, JSON_SORT_KEYS);

	assert_non_null(want);
	if (!json_equal(got, want))
		fail_msg("got %s", text);
}

static void
a_login_is_asked_about_with_everything_known(void **state)
{
	struct zt_cert cert = cert_sample();
	struct zt_attempt attempt = attempt_sample(&cert);
	json_auto_t *got = request_of(&attempt, false);

	(void)state;
	assert_json(got,
	    "{\"subject\":{\"type\":\"user\",\"id\":\"alice@example.com\","
	    "\"properties\":{\"credential\":{\"type\":\"ssh-cert\","
	    "\"key_id\":\"alice@example.com\","
	    "\"serial\":\"18446744073709551615\",\"principals\":[\"alice\"],"
	    "\"fingerprint\":\"SHA256:subject\","
	    "\"ca_fingerprint\":\"SHA256:authority\","
	    "\"valid_after\":\"2026-11-23T13:24:48Z\","
	    "\"valid_before\":\"2026-11-23T14:24:48Z\",\"age_s\":312,"
	    "\"key_type\":\"ssh-ed25519\",\"hardware_key\":true,"
	    "\"extensions\":{\"permit-pty\":\"\"},"
	    "\"critical_options\":{\"source-address\":\"10.0.0.0/8\"}},"
	    "\"groups\":[\"payments\"],\"unix_user\":\"alice\","
	    "\"uid\":70001}},"
	    "\"action\":{\"name\":\"ssh_login\","
	    "\"properties\":{\"service\":\"sshd\"}},"
	    "\"resource\":{\"type\":\"host\",\"id\":\"i-0abc123\","
	    "\"properties\":{\"hostname\":\"pay-db-1\","
	    "\"account\":\"alice\"}},"
	    "\"context\":{\"time\":\"2026-11-23T13:30:00.120Z\","
	    "\"source_ip\":\"198.51.100.7\",\"source_port\":40112,"
	    "\"server_ip\":\"10.0.0.4\",\"server_port\":22,"
	    "\"session_id\":\"" OTHER "\",\"session_account\":\"alice\","
	    "\"clock_synchronized\":true,\"recent_denials\":3,"
	    "\"identity\":{\"source\":\"corp\",\"age_s\":42,"
	    "\"stale\":true},"
	    "\"agent\":\"zt/" ZT_VERSION "\"}}");
}

static void
what_is_not_known_is_left_out(void **state)
{
	struct zt_attempt attempt = {
		.action = ZT_ACTION_SUDO,
		.service = service,
		.account = account,
		.time_ms = 0,
		.host = &host,
	};
	json_auto_t *got = request_of(&attempt, false);

	(void)state;
	assert_json(got,
	    "{\"subject\":{\"type\":\"local_account\",\"id\":\"alice\","
	    "\"properties\":{}},"
	    "\"action\":{\"name\":\"sudo\","
	    "\"properties\":{\"service\":\"sshd\"}},"
	    "\"resource\":{\"type\":\"host\",\"id\":\"i-0abc123\","
	    "\"properties\":{\"hostname\":\"pay-db-1\","
	    "\"account\":\"alice\"}},"
	    "\"context\":{\"time\":\"1970-01-01T00:00:00.000Z\","
	    "\"clock_synchronized\":false,\"recent_denials\":0,"
	    "\"agent\":\"zt/" ZT_VERSION "\"}}");
}

static void
mirroring_copies_context_and_action_into_the_subject(void **state)
{
	struct zt_cert cert = cert_sample();
	struct zt_attempt attempt = attempt_sample(&cert);
	json_auto_t *plain = request_of(&attempt, false);
	json_auto_t *got = request_of(&attempt, true);
	json_t *subject = json_object_get(got, "subject");
	json_t *properties = json_object_get(subject, "properties");

	(void)state;
	assert_int_equal(json_object_size(got), 4);
	assert_true(json_equal(json_object_get(properties, "context"),
	    json_object_get(plain, "context")));
	assert_json(json_object_get(properties, "action"),
	    "{\"service\":\"sshd\"}");
	/* and nothing else changes */
	(void)json_object_del(properties, "context");
	(void)json_object_del(properties, "action");
	assert_true(json_equal(got, plain));
}

static void
a_certificate_without_end_or_from_the_future_has_no_odd_times(void **state)
{
	struct zt_cert cert = cert_sample();
	struct zt_attempt attempt = attempt_sample(&cert);
	json_auto_t *got = NULL;
	json_t *c;

	(void)state;
	cert.valid_before = UINT64_MAX;
	cert.valid_after = 1795440601;
	got = request_of(&attempt, false);
	c = json_object_get(json_object_get(json_object_get(got, "subject"),
				"properties"),
	    "credential");
	assert_null(json_object_get(c, "valid_before"));
	assert_int_equal(json_integer_value(json_object_get(c, "age_s")), 0);
}

static void
text_that_is_not_utf8_is_escaped_everywhere(void **state)
{
	static char bad[] = "a\xff", bad_ip[] = "\xc3\x28";
	struct zt_cert_option option = { bad, bad };
	struct zt_cert cert = cert_sample();
	struct zt_attempt attempt = attempt_sample(&cert);
	json_auto_t *got = NULL;
	json_t *subject, *c;

	(void)state;
	cert.key_id = bad;
	cert.extensions = &option;
	attempt.source_ip = bad_ip;
	got = request_of(&attempt, false);
	subject = json_object_get(got, "subject");
	c = json_object_get(json_object_get(subject, "properties"),
	    "credential");
	assert_json(json_object_get(c, "extensions"),
	    "{\"a\\\\xff\":\"a\\\\xff\"}");
	assert_string_equal(json_string_value(json_object_get(subject, "id")),
	    "a\\xff");
	assert_string_equal(json_string_value(json_object_get(
				json_object_get(got, "context"), "source_ip")),
	    "\\xc3(");
}

static void
times_are_rfc_3339_up_to_the_year_9999(void **state)
{
	char text[ZT_TIME_MAX] = "untouched";

	(void)state;
	assert_int_equal(zt_time_ms(1709210096007, text), ZT_OK);
	assert_string_equal(text, "2024-02-29T12:34:56.007Z");
	assert_int_equal(zt_time_s(253402300799, text), ZT_OK);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	assert_int_equal(zt_time_s(253402300800, text), ZT_ERR_INVAL);
	assert_int_equal(zt_time_s(UINT64_MAX, text), ZT_ERR_INVAL);
	assert_int_equal(zt_time_ms(-1, text), ZT_ERR_INVAL);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_is_a_permit_and_false_a_deny),
		cmocka_unit_test(
		    every_other_status_is_unavailable_with_its_reason),
		cmocka_unit_test(no_other_status_than_200_is_a_decision),
		cmocka_unit_test(what_is_no_json_object_is_a_protocol_error),
		cmocka_unit_test(
		    a_decision_that_is_no_boolean_is_a_protocol_error),
		cmocka_unit_test(a_duplicate_key_anywhere_is_a_protocol_error),
		cmocka_unit_test(
		    a_context_that_is_no_object_is_a_protocol_error),
		cmocka_unit_test(nesting_is_bounded_at_its_limit),
		cmocka_unit_test(size_is_bounded_at_its_limit),
		cmocka_unit_test(a_nul_in_the_body_is_a_protocol_error),
		cmocka_unit_test(
		    another_id_echoed_is_a_protocol_error_and_none_is_fine),
		cmocka_unit_test(
		    reasons_are_taken_from_strings_maps_and_arrays),
		cmocka_unit_test(texts_are_escaped_and_cut),
		cmocka_unit_test(the_policy_is_named_if_the_answer_names_it),
		cmocka_unit_test(a_notice_is_handed_on_with_a_permit),
		cmocka_unit_test(known_obligations_are_met),
		cmocka_unit_test(an_obligation_that_is_not_understood_denies),
		cmocka_unit_test(too_many_obligations_deny),
		cmocka_unit_test(
		    an_unmet_obligation_is_named_to_the_administrator_only),
		cmocka_unit_test(a_deny_uses_nothing_but_its_reason),
		cmocka_unit_test(what_the_caller_filled_in_stays),
		cmocka_unit_test(a_login_is_asked_about_with_everything_known),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(
		    mirroring_copies_context_and_action_into_the_subject),
		cmocka_unit_test(
		    a_certificate_without_end_or_from_the_future_has_no_odd_times),
		cmocka_unit_test(text_that_is_not_utf8_is_escaped_everywhere),
		cmocka_unit_test(times_are_rfc_3339_up_to_the_year_9999),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
