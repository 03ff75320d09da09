/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "endpoint.h"
#include "zt/auto.h"

/* ---- decisions ---- */

static void
a_permit_and_a_deny_come_with_their_texts(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct pdp *pdp = asker_new(&conf);
	struct outcome o = ask(pdp, "alice");

	(void)state;
	assert_permit(&o, 1);
	assert_string_equal(o.notice, "good morning");
	assert_string_equal(o.endpoint, endpoint_main->url);
	assert_int_equal(o.answer.http_status, 200);
	o = ask(pdp, "bob");
	assert_int_equal(o.answer.kind, ZT_ANSWER_DENY);
	assert_string_equal(o.reason_user, "on leave");
	assert_int_equal(o.answer.attempts, 1);
	o = ask(pdp, "obliged");
	assert_int_equal(o.answer.kind, ZT_ANSWER_DENY);
	assert_int_equal(o.answer.reason, ZT_REASON_POLICY_OBLIGATION);
	o = ask(pdp, "slow");
	assert_permit(&o, 1);
	assert_true(o.answer.latency_ms >= 900);
	pdp_free(pdp);
}

static void
an_answer_that_is_no_decision_is_a_protocol_error(void **state)
{
	static const char *const subjects[] = { "garbage", "empty",
		"nodecision", "stringdecision", "numberdecision",
		"nulldecision", "dupkey", "twodecisions", "trailing", "array",
		"cut", "badcontext", "badutf8", "deep", "big", "endless",
		"headers", "wrongid", "201", "204", "418" };
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct pdp *pdp = asker_new(&conf);

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		struct outcome o = ask(pdp, subjects[i]);

		if (o.answer.reason != ZT_REASON_PDP_PROTOCOL)
			fail_msg("%s: %s", subjects[i],
			    zt_reason_code(o.answer.reason));
		assert_none(&o, ZT_REASON_PDP_PROTOCOL);
		assert_int_equal(o.answer.attempts, 1);
	}
	pdp_free(pdp);
}

static void
each_status_has_its_reason(void **state)
{
	static const struct {
		const char *subject;
		enum zt_reason reason;
	} rows[] = {
		{ "301", ZT_REASON_PDP_URL },
		{ "307", ZT_REASON_PDP_URL },
		{ "400", ZT_REASON_PDP_REQUEST },
		{ "401", ZT_REASON_PDP_AUTH },
		{ "403", ZT_REASON_PDP_AUTH },
		{ "404", ZT_REASON_PDP_URL },
		{ "405", ZT_REASON_PDP_URL },
		{ "408", ZT_REASON_PDP_BUSY },
		{ "425", ZT_REASON_PDP_BUSY },
		{ "429", ZT_REASON_PDP_BUSY },
		{ "500", ZT_REASON_PDP_BUSY },
		{ "501", ZT_REASON_PDP_URL },
		{ "503", ZT_REASON_PDP_BUSY },
	};
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct pdp *pdp = asker_new(&conf);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome o = ask(pdp, rows[i].subject);

		assert_none(&o, rows[i].reason);
		assert_int_equal(o.answer.http_status, atoi(rows[i].subject));
		/* one endpoint: what it said is not asked again */
		assert_int_equal(o.answer.attempts, 1);
	}
	pdp_free(pdp);
}

static void
a_redirect_is_not_followed(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	size_t before = endpoint_lines("main.log");
	struct outcome o = ask_once(&conf, "redirect");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_URL);
	assert_int_equal(o.answer.http_status, 302);
	assert_int_equal(endpoint_lines("main.log"), before + 1);
}

static void
an_endpoint_that_hangs_or_drips_is_left_at_the_deadline(void **state)
{
	static const char *const subjects[] = { "hang", "drip" };
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	int fd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct outcome o = ask_once(&conf, subjects[i]);

		assert_none(&o, ZT_REASON_PDP_TIMEOUT);
		assert_true(o.elapsed_ms >= TIMEOUT_MS - 10);
	}
	conf.pdp.urls.words[0] =
	    endpoint_deaf(true, &fd); /* hangs before TLS */
	{
		struct outcome o = ask_once(&conf, "alice");

		assert_none(&o, ZT_REASON_PDP_TIMEOUT);
	}
	(void)close(fd);
}

static void
a_connection_that_ends_early_is_no_answer(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct outcome o = ask_once(&conf, "close");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
	o = ask_once(&conf, "truncate");
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
}

/* ---- reaching the endpoint, and no other ---- */

static void
a_refused_connection_is_unreachable(void **state)
{
	int fd;
	struct conf conf = endpoint_conf(1, endpoint_deaf(false, &fd));
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
	assert_int_equal(o.answer.http_status, 0);
	assert_string_equal(o.endpoint, conf.pdp.urls.words[0]);
	(void)close(fd);
}

static void
a_name_that_does_not_resolve_is_unreachable(void **state)
{
	char url[] = "https://zt-no-such-host.invalid" PATH;
	struct conf conf = endpoint_conf(1, url);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_int_equal(o.answer.kind, ZT_ANSWER_NONE);
	assert_true(o.answer.reason == ZT_REASON_PDP_UNREACHABLE ||
	    o.answer.reason == ZT_REASON_PDP_TIMEOUT);
}

static void
assert_tls_failure(const char *cert)
{
	struct endpoint *s =
	    endpoint_start(cert, "--log", endpoint_path("tls.log"), NULL);
	struct conf conf = endpoint_conf(1, s->url);
	struct outcome o = ask_once(&conf, "alice");

	assert_none(&o, ZT_REASON_PDP_TLS);
	assert_int_equal(endpoint_lines("tls.log"), 0); /* nothing was told */
	endpoint_stop(s);
}

static void
a_wrong_name_in_the_certificate_is_a_tls_error(void **state)
{
	(void)state;
	assert_tls_failure("other");
}

static void
an_expired_certificate_is_a_tls_error(void **state)
{
	(void)state;
	assert_tls_failure("expired");
}

static void
an_unknown_authority_is_a_tls_error(void **state)
{
	(void)state;
	assert_tls_failure("unknown");
}

static void
plain_http_behind_an_https_url_is_a_tls_error(void **state)
{
	struct endpoint *s = endpoint_start("server", "--plain", "--log",
	    endpoint_path("plain.log"), NULL);
	struct conf conf = endpoint_conf(1, s->url);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_TLS);
	/* and an http URL is refused without a Unix socket */
	memmove(s->url + 4, s->url + 5, strlen(s->url + 5) + 1);
	o = ask_once(&conf, "alice");
	assert_int_equal(o.answer.kind, ZT_ANSWER_NONE);
	assert_int_equal(endpoint_lines("plain.log"), 0);
	endpoint_stop(s);
}

static void
a_pinned_authority_that_cannot_be_read_is_a_tls_error(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct outcome o;

	(void)state;
	conf.pdp.ca_file = endpoint_path("no-such.pem");
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_TLS);
}

static void
a_proxy_in_the_environment_is_ignored(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct outcome o;

	(void)state;
	(void)setenv("https_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	o = ask_once(&conf, "alice");
	(void)unsetenv("https_proxy");
	(void)unsetenv("ALL_PROXY");
	assert_permit(&o, 1);
}

static void
a_unix_socket_is_spoken_to_in_plain_http(void **state)
{
	struct endpoint *s =
	    endpoint_start("server", "--unix", endpoint_path("socket"), NULL);
	char url[] = "http://localhost" PATH;
	struct conf conf = endpoint_conf(1, url);
	struct outcome o;

	(void)state;
	conf.pdp.unix_socket = endpoint_path("socket");
	o = ask_once(&conf, "alice");
	assert_permit(&o, 1);
	endpoint_stop(s);
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
}

/* ---- who we are to the endpoint ---- */

static void
a_client_certificate_is_shown_where_one_is_configured(void **state)
{
	struct endpoint *s = endpoint_start("server", "--client-ca",
	    endpoint_path("ca.pem"), NULL);
	struct conf conf = endpoint_conf(1, s->url);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_AUTH);
	conf.pdp.client_cert_file = endpoint_path("client.pem");
	conf.pdp.client_key_file = endpoint_path("client.key");
	o = ask_once(&conf, "alice");
	assert_permit(&o, 1);
	conf.pdp.client_cert_file = endpoint_path("stranger.pem");
	conf.pdp.client_key_file = endpoint_path("stranger.key");
	o = ask_once(&conf, "alice");
	assert_int_equal(o.answer.kind, ZT_ANSWER_NONE);
	conf.pdp.client_key_file = endpoint_path("no-such.key");
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_TLS);
	endpoint_stop(s);
}

static void
a_renewed_token_is_used_and_a_stale_one_is_read_again(void **state)
{
	struct endpoint *s = endpoint_start("server", "--token-file",
	    endpoint_path("expected"), NULL);
	struct conf conf = endpoint_conf(1, s->url);
	struct pdp *pdp;
	struct outcome o;
	struct stat st;

	(void)state;
	endpoint_file("expected", "token-1\n");
	endpoint_file("bearer", "token-1\n");
	conf.pdp.bearer_file = endpoint_path("bearer");
	pdp = asker_new(&conf);
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	/* renewed in time: seen by its inode, size or time */
	endpoint_file("expected", "token-22\n");
	endpoint_file("bearer", "token-22\n");
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	/* renewed, and the file looks the same: refused once, read again */
	assert_int_equal(stat(conf.pdp.bearer_file, &st), 0);
	endpoint_file("expected", "token-33\n");
	endpoint_file("bearer", "token-33\n");
	assert_int_equal(utimensat(AT_FDCWD, conf.pdp.bearer_file,
			     (struct timespec[]){ st.st_atim, st.st_mtim }, 0),
	    0);
	o = ask(pdp, "alice");
	assert_permit(&o, 2);
	/* not renewed: asked once */
	endpoint_file("expected", "token-44\n");
	o = ask(pdp, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
	assert_int_equal(o.answer.attempts, 1);
	pdp_free(pdp);
	endpoint_stop(s);
}

static void
a_bad_token_file_ends_the_question_without_a_request(void **state)
{
	static const char *const texts[] = { "", "\n", "two words", "a\nb",
		"caf\xc3\xa9", "a\x1b" };
	zt_auto_free char *big = calloc(1, 16386);
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct outcome o;

	(void)state;
	conf.pdp.bearer_file = endpoint_path("bad");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		endpoint_file("bad", texts[i]);
		o = ask_once(&conf, "alice");
		assert_none(&o, ZT_REASON_PDP_AUTH);
		assert_int_equal(o.answer.attempts, 0);
		assert_true(o.elapsed_ms < TIMEOUT_MS / 2); /* at once */
	}
	assert_non_null(big);
	memset(big, 'a', 16385);
	endpoint_file("bad", big);
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
	conf.pdp.bearer_file = endpoint_path("no-such");
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
	conf.pdp.bearer_file = endpoint_dir;
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_permit_and_a_deny_come_with_their_texts),
		cmocka_unit_test(
		    an_answer_that_is_no_decision_is_a_protocol_error),
		cmocka_unit_test(each_status_has_its_reason),
		cmocka_unit_test(a_redirect_is_not_followed),
		cmocka_unit_test(
		    an_endpoint_that_hangs_or_drips_is_left_at_the_deadline),
		cmocka_unit_test(a_connection_that_ends_early_is_no_answer),
		cmocka_unit_test(a_refused_connection_is_unreachable),
		cmocka_unit_test(a_name_that_does_not_resolve_is_unreachable),
		cmocka_unit_test(
		    a_wrong_name_in_the_certificate_is_a_tls_error),
		cmocka_unit_test(an_expired_certificate_is_a_tls_error),
		cmocka_unit_test(an_unknown_authority_is_a_tls_error),
		cmocka_unit_test(plain_http_behind_an_https_url_is_a_tls_error),
		cmocka_unit_test(
		    a_pinned_authority_that_cannot_be_read_is_a_tls_error),
		cmocka_unit_test(a_proxy_in_the_environment_is_ignored),
		cmocka_unit_test(a_unix_socket_is_spoken_to_in_plain_http),
		cmocka_unit_test(
		    a_client_certificate_is_shown_where_one_is_configured),
		cmocka_unit_test(
		    a_renewed_token_is_used_and_a_stale_one_is_read_again),
		cmocka_unit_test(
		    a_bad_token_file_ends_the_question_without_a_request),
	};

	return cmocka_run_group_tests(tests, endpoint_begin, endpoint_end);
}
