/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../ztd/fetch.h"
#include "endpoint.h"

#define BODY_MAX 4096
#define TOKEN    "tok-6f1c1b9e-SECRET"

static struct endpoint *web;

/* What became of an exchange; texts are copies. */
struct got {
	unsigned calls; /* of done, must be 1 */
	int status;
	size_t len;
	char body[BODY_MAX + 1], type[128], etag[FETCH_ETAG_MAX];
	char error[FETCH_ERROR_MAX];
};

static void
on_done(void *arg, const struct fetch_answer *answer)
{
	struct got *got = arg;

	got->calls++;
	got->status = answer->status;
	got->len = answer->len;
	assert_true(answer->len <= BODY_MAX);
	assert_int_equal(answer->body[answer->len], '\0');
	memcpy(got->body, answer->body, answer->len + 1);
	(void)snprintf(got->type, sizeof(got->type), "%s", answer->type);
	(void)snprintf(got->etag, sizeof(got->etag), "%s", answer->etag);
	(void)snprintf(got->error, sizeof(got->error), "%s", answer->error);
	assert_int_equal(answer->status == 0, answer->error[0] != '\0');
	assert_null(strstr(answer->error, "SECRET"));
}

static struct fetcher *
fetcher(void)
{
	struct fetcher *f = NULL;

	assert_int_equal(fetcher_new(asker_event, &f), ZT_OK);
	return f;
}

/* A question to the server; url is static. */
static struct fetch_request
question(const char *path)
{
	static char url[256];

	(void)snprintf(url, sizeof(url), "%s%s", web->url, path);
	return (struct fetch_request){ .url = url,
		.ca_file = endpoint_path("ca.pem"),
		.timeout_ms = TIMEOUT_MS,
		.body_max = BODY_MAX };
}

static struct got
fetched(const struct fetch_request *request)
{
	struct fetcher *f = fetcher();
	struct fetch *fetch = NULL;
	struct got got = { 0 };

	assert_int_equal(fetch_start(f, request, on_done, &got, &fetch), ZT_OK);
	assert_non_null(fetch);
	assert_int_equal(got.calls, 0); /* later, never at once */
	asker_run(&got.calls, 1);
	fetcher_free(f);
	assert_int_equal(got.calls, 1);
	return got;
}

static struct got
fetched_path(const char *path)
{
	struct fetch_request request = question(path);

	return fetched(&request);
}

/* ---- answers ---- */

static void
a_document_comes_with_its_type_and_etag_and_then_not_again(void **state)
{
	struct fetch_request request = question("/doc");
	char etag[FETCH_ETAG_MAX];
	struct got got;

	(void)state;
	endpoint_file("doc", "hello");
	got = fetched(&request);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "hello");
	assert_string_equal(got.type, "application/x-zt-test");
	assert_int_equal(got.etag[0], '"');
	(void)strcpy(etag, got.etag);
	request.etag = etag;
	got = fetched(&request);
	assert_int_equal(got.status, 304);
	assert_int_equal(got.len, 0);
	endpoint_file("doc", "hello again");
	got = fetched(&request);
	assert_int_equal(got.status, 200);
	assert_string_not_equal(got.etag, etag);
}

static void
any_status_is_an_answer_and_a_redirect_is_not_followed(void **state)
{
	size_t before = endpoint_lines("web.log");
	struct got got = fetched_path("/redirect");

	(void)state;
	assert_int_equal(got.status, 302);
	assert_string_equal(got.body, "marked");
	assert_int_equal(endpoint_lines("web.log"), before + 1);
	assert_int_equal(fetched_path("/none").status, 404);
	assert_int_equal(fetched_path("/status/401").status, 401);
	assert_int_equal(fetched_path("/status/429").status, 429);
	assert_int_equal(fetched_path("/status/503").status, 503);
	assert_int_equal(fetched_path("/status/204").status, 204);
}

static void
a_question_carries_what_it_was_given_and_nothing_else(void **state)
{
	struct fetch_request request = question("/echo");
	struct got got;

	(void)state;
	assert_string_equal(fetched(&request).body, "GET\nAccept: */*\n\n");
	request.bearer = TOKEN;
	request.accept = "application/scim+json";
	request.etag = "W/\"1\"";
	got = fetched(&request);
	assert_string_equal(got.body,
	    "GET\nAuthorization: Bearer " TOKEN
	    "\nAccept: application/scim+json\nIf-None-Match: W/\"1\"\n\n");
	request = question("/echo");
	request.user = "me";
	request.password = "pw";
	request.body = "grant_type=client_credentials";
	request.type = "application/x-www-form-urlencoded";
	request.etag = "";
	assert_string_equal(fetched(&request).body,
	    "POST\nAuthorization: Basic bWU6cHc=\n"
	    "Content-Type: application/x-www-form-urlencoded\nAccept: */*\n\n"
	    "grant_type=client_credentials");
}

static void
nothing_is_taken_from_the_environment_or_kept_as_a_cookie(void **state)
{
	struct fetcher *f = fetcher();
	const char *const paths[] = { "/cookie", "/echo" };

	(void)state;
	(void)setenv("https_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("CURL_CA_BUNDLE", "/nonexistent", 1);
	for (size_t i = 0; i < 2; i++) {
		struct fetch_request request = question(paths[i]);
		struct fetch *fetch;
		struct got got = { 0 };

		assert_int_equal(fetch_start(f, &request, on_done, &got,
				     &fetch),
		    ZT_OK);
		asker_run(&got.calls, 1);
		assert_int_equal(got.status, 200);
		assert_null(strstr(got.body, "Cookie"));
	}
	(void)unsetenv("https_proxy");
	(void)unsetenv("CURL_CA_BUNDLE");
	fetcher_free(f);
}

static void
what_says_it_is_gzip_is_not_decoded(void **state)
{
	struct got got = fetched_path("/gzip");

	(void)state;
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "marked");
}

/* ---- no answer ---- */

static void
an_answer_is_as_large_as_was_said_and_no_larger(void **state)
{
	char text[BODY_MAX + 2];
	struct got got;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[BODY_MAX] = '\0';
	endpoint_file("doc", text);
	got = fetched_path("/doc");
	assert_int_equal(got.status, 200);
	assert_int_equal(got.len, BODY_MAX);
	text[BODY_MAX] = 'x';
	text[BODY_MAX + 1] = '\0';
	endpoint_file("doc", text);
	got = fetched_path("/doc"); /* by its Content-Length */
	assert_int_equal(got.status, 0);
	assert_string_equal(got.error, "the answer is larger than 4096 bytes");
	got = fetched_path("/flood"); /* without one */
	assert_int_equal(got.status, 0);
	assert_string_equal(got.error, "the answer is larger than 4096 bytes");
	got = fetched_path("/headers");
	assert_int_equal(got.status, 0);
	assert_non_null(strstr(got.error, "header"));
}

static void
an_answer_that_is_cut_off_is_none(void **state)
{
	(void)state;
	assert_int_equal(fetched_path("/truncate").status, 0);
	assert_int_equal(fetched_path("/close").status, 0);
}

static int64_t
now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
a_server_that_hangs_or_drips_is_left_at_the_timeout(void **state)
{
	static const char *const paths[] = { "/hang", "/drip" };
	struct fetch_request request = question("/");
	int fd;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int64_t start = now_ms();
		struct got got;

		request = question(i < 2 ? paths[i] : "/");
		if (i == 2) /* hangs before TLS */
			request.url = endpoint_deaf(true, &fd);
		got = fetched(&request);
		assert_int_equal(got.status, 0);
		assert_string_equal(got.error,
		    "no complete answer within 1200 ms");
		assert_in_range(now_ms() - start, TIMEOUT_MS - 10,
		    TIMEOUT_MS + SLACK_MS);
	}
	(void)close(fd);
}

static void
only_the_right_certificate_is_believed(void **state)
{
	static const char *const certs[] = { "other", "expired", "unknown" };
	struct endpoint *right = web;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fetch_request request;

		web = endpoint_web(certs[i]);
		request = question("/echo");
		request.bearer = TOKEN;
		if (fetched(&request).status != 0)
			fail_msg("%s was believed", certs[i]);
		endpoint_stop(web);
	}
	web = right;
}

static void
only_https_is_spoken(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:1/",
		"file:///etc/passwd", "ftp://127.0.0.1/",
		"nonsense:", "https://me:" TOKEN "@127.0.0.1/" };
	struct fetch_request request = question("/");

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		request.url = urls[i];
		assert_int_equal(fetched(&request).status, 0);
	}
}

static void
a_bearer_is_in_no_error_text(void **state)
{
	static const char *const paths[] = { "/close", "/truncate", "/flood",
		"/headers", "/hang" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct fetch_request request = question(paths[i]);

		request.bearer = TOKEN;
		request.timeout_ms = 300;
		/* on_done looks for it */
		assert_int_equal(fetched(&request).status, 0);
	}
}

static void
a_question_that_makes_no_sense_is_not_asked(void **state)
{
	struct fetcher *f = fetcher();
	const struct fetch_request good = question("/echo");
	struct fetch_request bad[7];
	struct fetch *fetch = NULL;

	(void)state;
	for (size_t i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].url = NULL;
	bad[1].timeout_ms = 0;
	bad[2].body_max = 0;
	bad[3].bearer = "a\r\nX-Other: b";
	bad[4].etag = "\"a\nb\"";
	bad[5].user = "me"; /* without a password */
	bad[6].bearer = TOKEN;
	bad[6].user = bad[6].password = "both";
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(fetch_start(f, &bad[i], on_done, NULL, &fetch),
		    ZT_ERR_INVAL);
	assert_null(fetch);
	fetcher_free(f);
}

/* ---- ending early ---- */

static void
a_cancelled_exchange_says_nothing(void **state)
{
	struct fetcher *f = fetcher();
	struct fetch_request request = question("/hang");
	struct got got = { 0 }, next = { 0 };
	struct fetch *fetch, *other;

	(void)state;
	assert_int_equal(fetch_start(f, &request, on_done, &got, &fetch),
	    ZT_OK);
	for (int i = 0; i < 20; i++) /* until it is under way */
		assert_true(sd_event_run(asker_event, 10000) >= 0);
	fetch_cancel(fetch);
	fetch_cancel(NULL);
	request = question("/echo");
	assert_int_equal(fetch_start(f, &request, on_done, &got, &fetch),
	    ZT_OK);
	fetch_cancel(fetch); /* before it is */
	assert_int_equal(fetch_start(f, &request, on_done, &next, &other),
	    ZT_OK);
	asker_run(&next.calls, 1);
	assert_int_equal(next.status, 200);
	assert_int_equal(got.calls, 0);
	fetcher_free(f);
}

/* What done does besides: cancels others and itself, starts, frees. */
struct knot {
	struct got got;
	struct fetcher *fetcher;
	struct fetch *self, *other;
	bool free_all;
	struct got *then;
};

static void
on_knot(void *arg, const struct fetch_answer *answer)
{
	struct knot *k = arg;
	struct fetch_request request = question("/echo");
	struct fetch *fetch;

	on_done(&k->got, answer);
	fetch_cancel(k->self); /* over already: nothing */
	if (k->free_all) {
		fetcher_free(k->fetcher);
		return;
	}
	fetch_cancel(k->other);
	assert_int_equal(fetch_start(k->fetcher, &request, on_done, k->then,
			     &fetch),
	    ZT_OK);
}

static void
done_may_cancel_start_and_free(void **state)
{
	struct fetch_request slow = question("/hang");
	struct got then = { 0 }, never = { 0 };
	struct knot k = { .fetcher = fetcher(), .then = &then };

	(void)state;
	assert_int_equal(fetch_start(k.fetcher, &slow, on_done, &never,
			     &k.other),
	    ZT_OK);
	slow = question("/echo");
	assert_int_equal(fetch_start(k.fetcher, &slow, on_knot, &k, &k.self),
	    ZT_OK);
	asker_run(&then.calls, 1);
	assert_int_equal(then.status, 200);
	k.free_all = true;
	slow = question("/hang");
	assert_int_equal(fetch_start(k.fetcher, &slow, on_done, &never,
			     &k.other),
	    ZT_OK);
	slow.url = "nonsense:";
	assert_int_equal(fetch_start(k.fetcher, &slow, on_knot, &k, &k.self),
	    ZT_OK);
	asker_run(&k.got.calls, 2);
	assert_int_equal(never.calls, 0);
}

static int
begin(void **state)
{
	(void)endpoint_begin_bare(state);
	web = endpoint_web("server");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_document_comes_with_its_type_and_etag_and_then_not_again),
		cmocka_unit_test(
		    any_status_is_an_answer_and_a_redirect_is_not_followed),
		cmocka_unit_test(
		    a_question_carries_what_it_was_given_and_nothing_else),
		cmocka_unit_test(
		    nothing_is_taken_from_the_environment_or_kept_as_a_cookie),
		cmocka_unit_test(what_says_it_is_gzip_is_not_decoded),
		cmocka_unit_test(
		    an_answer_is_as_large_as_was_said_and_no_larger),
		cmocka_unit_test(an_answer_that_is_cut_off_is_none),
		cmocka_unit_test(
		    a_server_that_hangs_or_drips_is_left_at_the_timeout),
		cmocka_unit_test(only_the_right_certificate_is_believed),
		cmocka_unit_test(only_https_is_spoken),
		cmocka_unit_test(a_bearer_is_in_no_error_text),
		cmocka_unit_test(a_question_that_makes_no_sense_is_not_asked),
		cmocka_unit_test(a_cancelled_exchange_says_nothing),
		cmocka_unit_test(done_may_cancel_start_and_free),
	};

	return cmocka_run_group_tests(tests, begin, endpoint_end);
}
