/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent to get a token, and the token that answers, stand in memory
 * once: libcurl reads the one where it is, the other is not left behind where
 * it once was, and both are wiped.  The file is compiled here again, to look
 * inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wipe(void *p, size_t n);
#define explicit_bzero wipe
#include "../../ztd/fetch.c"
#undef explicit_bzero

#include "endpoint.h"

#define SECRET   "SECRET-6f1c1b9e"
#define SENT_MAX 3000 /* larger than the first piece of an answer */
#define BODY_MAX 8192

static struct endpoint *web;

/* ---- what is wiped ---- */

static struct {
	const void *p;
	size_t len;
} wiped[8];
static size_t n_wiped;

static void
wipe(void *p, size_t n)
{
	assert_true(n_wiped < sizeof(wiped) / sizeof(wiped[0]));
	wiped[n_wiped].p = p;
	wiped[n_wiped++].len = n;
	explicit_bzero(p, n);
}

/* Were n bytes at p wiped? */
static bool
was_wiped(const void *p, size_t n)
{
	for (size_t i = 0; i < n_wiped; i++)
		if (wiped[i].p == p && wiped[i].len >= n)
			return true;
	return false;
}

/* ---- an exchange ---- */

struct got {
	unsigned calls;
	int status;
	const char *p; /* where the answer stood */
	char body[BODY_MAX + 1];
	size_t len;
};

static void
on_answer(void *arg, const struct fetch_answer *answer)
{
	struct got *got = arg;

	got->calls++;
	got->status = answer->status;
	got->p = answer->body;
	got->len = answer->len;
	(void)snprintf(got->body, sizeof(got->body), "%s", answer->body);
}

/* Begin to send text, which is gone when this returns. */
static struct fetch *
post(struct fetcher *fetcher, const char *path, const char *text,
    struct got *got)
{
	char *body = strdup(text), url[256];
	const struct fetch_request request = { .url = url,
		.ca_file = endpoint_path("ca.pem"),
		.body = body,
		.type = "text/plain",
		.timeout_ms = TIMEOUT_MS,
		.body_max = BODY_MAX };
	struct fetch *f = NULL;

	(void)snprintf(url, sizeof(url), "%s%s", web->url, path);
	assert_int_equal(fetch_start(fetcher, &request, on_answer, got, &f),
	    ZT_OK);
	(void)memset(body, '!', strlen(body));
	free(body);
	return f;
}

/* A text to send that comes back in several pieces. */
static void
secret_make(char text[SENT_MAX + 1])
{
	for (size_t i = 0; i < SENT_MAX; i++)
		text[i] = SECRET[i % strlen(SECRET)];
	text[SENT_MAX] = '\0';
}

static struct fetcher *fetcher;

static int
set_up(void **state)
{
	(void)state;
	n_wiped = 0;
	return fetcher_new(asker_event, &fetcher) == ZT_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	fetcher_free(fetcher);
	return 0;
}

/* ---- the tests ---- */

static void
what_is_sent_is_a_copy_that_stays_where_it_is(void **state)
{
	char text[SENT_MAX + 1];
	struct got got = { 0 };
	const char *sent;
	struct fetch *f;

	(void)state;
	secret_make(text);
	f = post(fetcher, "/echo", text, &got);
	sent = f->sent;
	assert_string_equal(sent, text);
	asker_run(&got.calls, 1);
	assert_int_equal(got.status, 200);
	assert_non_null(strstr(got.body, "\n\n"));
	assert_string_equal(strstr(got.body, "\n\n") + 2, text);
	assert_true(was_wiped(sent, SENT_MAX)); /* from there it was sent */
}

static void
what_answers_a_post_never_moves_and_is_wiped(void **state)
{
	char text[SENT_MAX + 1];
	struct got got = { 0 };
	const char *body;
	struct fetch *f;

	(void)state;
	secret_make(text);
	f = post(fetcher, "/echo", text, &got);
	body = f->body.p;
	assert_non_null(body);
	asker_run(&got.calls, 1);
	assert_true(got.len > SENT_MAX);
	assert_ptr_equal(got.p, body);
	assert_true(was_wiped(body, got.len));
}

static void
an_exchange_that_is_given_up_is_wiped_as_well(void **state)
{
	struct got got = { 0 };
	const char *sent;
	struct fetch *f;

	(void)state;
	f = post(fetcher, "/hang", SECRET, &got);
	sent = f->sent;
	fetch_cancel(f);
	assert_true(was_wiped(sent, strlen(SECRET)));
	assert_int_equal(got.calls, 0);
}

static int
begin(void **state)
{
	(void)endpoint_begin_bare(state);
	web = endpoint_web("server");
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent_is_a_copy_that_stays_where_it_is),
		TEST(what_answers_a_post_never_moves_and_is_wiped),
		TEST(an_exchange_that_is_given_up_is_wiped_as_well),
	};

	return cmocka_run_group_tests(tests, begin, endpoint_end);
}
