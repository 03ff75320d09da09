/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "endpoint.h"
#include "zt/auto.h"

/* ---- more endpoints ---- */

static void
an_unavailable_endpoint_is_followed_by_the_next(void **state)
{
	struct endpoint *second =
	    endpoint_start("server", "--table", endpoint_path("second"), NULL);
	struct conf conf = endpoint_conf(2, endpoint_main->url, second->url);
	static const char *const subjects[] = { "close", "503", "429", "hang",
		"drip" };

	(void)state;
	endpoint_file("second", "* * * => permit\n");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		struct outcome o = ask_once(&conf, subjects[i]);

		assert_permit(&o, 2);
		assert_string_equal(o.endpoint, second->url);
	}
	endpoint_stop(second);
}

static void
a_decision_or_a_wrong_answer_is_not_asked_elsewhere(void **state)
{
	struct endpoint *second =
	    endpoint_start("server", "--table", endpoint_path("second"), NULL);
	struct conf conf = endpoint_conf(2, endpoint_main->url, second->url);
	static const char *const subjects[] = { "bob", "obliged", "garbage",
		"400", "403", "404", "301", "wrongid", "twodecisions" };

	(void)state;
	endpoint_file("second", "* * * => permit\n");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		struct outcome o = ask_once(&conf, subjects[i]);

		assert_int_not_equal(o.answer.kind, ZT_ANSWER_PERMIT);
		assert_int_equal(o.answer.attempts, 1);
	}
	endpoint_stop(second);
}

static void
no_more_than_two_endpoints_are_asked(void **state)
{
	int fd1, fd2;
	struct conf conf = endpoint_conf(3, strdup(endpoint_deaf(false, &fd1)),
	    strdup(endpoint_deaf(false, &fd2)), endpoint_main->url);
	struct pdp *pdp = asker_new(&conf);
	struct outcome o = ask(pdp, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
	assert_int_equal(o.answer.attempts, 2);
	/* those two have failed lately: the third comes first now */
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	pdp_free(pdp);
	free(conf.pdp.urls.words[0]);
	free(conf.pdp.urls.words[1]);
	(void)close(fd1);
	(void)close(fd2);
}

static void
a_hanging_endpoint_leaves_half_of_the_time_and_is_then_avoided(void **state)
{
	int fd;
	struct conf conf =
	    endpoint_conf(2, endpoint_deaf(true, &fd), endpoint_main->url);
	struct pdp *pdp = asker_new(&conf);
	struct outcome o = ask(pdp, "alice");

	(void)state;
	assert_permit(&o, 2);
	assert_true(o.elapsed_ms >= TIMEOUT_MS / 2 - 10);
	assert_true(o.elapsed_ms < TIMEOUT_MS);
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	assert_true(o.elapsed_ms < TIMEOUT_MS / 2);
	pdp_free(pdp);
	(void)close(fd);
}

static void
two_hanging_endpoints_share_one_deadline(void **state)
{
	int fd;
	char *deaf = endpoint_deaf(true, &fd);
	struct conf conf = endpoint_conf(2, deaf, deaf);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_TIMEOUT);
	assert_int_equal(o.answer.attempts, 2);
	assert_true(o.elapsed_ms >= TIMEOUT_MS - 10);
	(void)close(fd);
}

/* ---- many questions, connections, lives ---- */

static void
a_kept_connection_that_died_is_replaced(void **state)
{
	struct endpoint *s = endpoint_start("server", NULL);
	struct conf conf = endpoint_conf(1, s->url);
	struct pdp *pdp = asker_new(&conf);
	struct outcome o = ask(pdp, "alice");
	char port[16];

	(void)state;
	assert_permit(&o, 1);
	(void)snprintf(port, sizeof(port), "%u", s->port);
	endpoint_stop(s);
	s = endpoint_start("server", "--port", port, NULL);
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	pdp_free(pdp);
	endpoint_stop(s);
}

#define MANY 300

struct member {
	struct crowd *crowd;
	enum zt_answer_kind expected;
};

struct crowd {
	struct member members[MANY];
	unsigned calls, wrong;
};

static void
on_member(void *arg, struct zt_answer *answer)
{
	struct member *member = arg;

	member->crowd->calls++;
	if (answer->kind != member->expected)
		member->crowd->wrong++;
}

static void
many_at_once_get_each_their_own_answer(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct pdp *pdp = asker_new(&conf);
	struct crowd crowd = { .calls = 0 };

	(void)state;
	conf.pdp.timeout_ms = 10000;
	for (size_t i = 0; i < MANY; i++) {
		char id[37];

		(void)snprintf(id, sizeof(id), "6f1c1b9e-0f0c-4d7a-9b1e-%012zu",
		    i);
		crowd.members[i].crowd = &crowd;
		crowd.members[i].expected =
		    i % 3 == 0 ? ZT_ANSWER_DENY : ZT_ANSWER_PERMIT;
		assert_int_equal(pdp_ask(pdp, id,
				     asker_body(i % 3 == 0 ? "bob" : "alice"),
				     on_member, &crowd.members[i]),
		    ZT_OK);
	}
	assert_int_equal(pdp_pending(pdp), MANY);
	asker_run(&crowd.calls, MANY);
	assert_int_equal(crowd.wrong, 0);
	pdp_free(pdp);
}

static void
stopping_ends_what_is_in_flight_and_says_so(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct pdp *pdp = asker_new(&conf);
	struct outcome o[3] = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pdp_ask(pdp, ID, asker_body("hang"),
				     asker_done, &o[i]),
		    ZT_OK);
	assert_true(sd_event_run(asker_event, 100000) >= 0);
	pdp_free(pdp);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(o[i].calls, 1);
		assert_none(&o[i], ZT_REASON_STOPPING);
	}
	pdp_free(NULL);
}

struct last {
	struct pdp *pdp;
	unsigned calls;
};

static void
on_last(void *arg, struct zt_answer *answer)
{
	struct last *last = arg;

	(void)answer;
	assert_int_equal(pdp_pending(last->pdp), 0);
	pdp_free(last->pdp);
	last->calls++;
}

static void
a_client_may_be_freed_by_its_last_answer(void **state)
{
	static const char *const subjects[] = { "alice", "hang" };
	struct conf conf = endpoint_conf(1, endpoint_main->url);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct last last = { .pdp = asker_new(&conf) };

		assert_int_equal(pdp_ask(last.pdp, ID, asker_body(subjects[i]),
				     on_last, &last),
		    ZT_OK);
		asker_run(&last.calls, 1);
	}
}

static void
on_first(void *arg, struct zt_answer *answer)
{
	struct last *last = arg;

	assert_int_equal(answer->kind, ZT_ANSWER_PERMIT);
	if (++last->calls == 1)
		assert_int_equal(pdp_ask(last->pdp, ID, asker_body("alice"),
				     on_first, last),
		    ZT_OK);
}

static void
an_answer_may_lead_to_the_next_question(void **state)
{
	struct conf conf = endpoint_conf(1, endpoint_main->url);
	struct last last = { .pdp = asker_new(&conf) };

	(void)state;
	assert_int_equal(pdp_ask(last.pdp, ID, asker_body("alice"), on_first,
			     &last),
	    ZT_OK);
	asker_run(&last.calls, 2);
	pdp_free(last.pdp);
}

static void
status_tells_how_each_endpoint_fares(void **state)
{
	int fd;
	struct conf conf =
	    endpoint_conf(2, endpoint_main->url, endpoint_deaf(false, &fd));
	struct pdp *pdp = asker_new(&conf);
	json_auto_t *status = NULL;
	json_t *first, *second;

	(void)state;
	(void)ask(pdp, "alice");
	(void)ask(pdp, "bob");
	(void)ask(pdp, "503"); /* and then the second one, too */
	status = pdp_status(pdp);
	first = json_array_get(status, 0);
	second = json_array_get(status, 1);
	assert_int_equal(json_array_size(status), 2);
	assert_string_equal(json_string_value(json_object_get(first, "url")),
	    endpoint_main->url);
	assert_true(json_is_false(json_object_get(first, "healthy")));
	assert_int_equal(json_integer_value(json_object_get(first, "requests")),
	    3);
	assert_int_equal(json_integer_value(json_object_get(first, "permits")),
	    1);
	assert_int_equal(json_integer_value(json_object_get(first, "denies")),
	    1);
	assert_int_equal(json_integer_value(json_object_get(first, "failures")),
	    1);
	assert_string_equal(json_string_value(json_object_get(first,
				"last_error")),
	    "error.pdp_busy");
	assert_int_equal(json_string_length(json_object_get(first, "last_ok")),
	    24);
	assert_string_equal(json_string_value(json_object_get(second,
				"last_error")),
	    "error.pdp_unreachable");
	assert_true(json_is_null(json_object_get(second, "last_ok")));
	pdp_free(pdp);
	(void)close(fd);
}

static void
no_endpoint_at_all_is_refused(void **state)
{
	struct conf conf = endpoint_conf(0);
	struct pdp *pdp = NULL;

	(void)state;
	assert_int_equal(pdp_new(asker_event, &conf, &pdp), ZT_ERR_INVAL);
	assert_null(pdp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_unavailable_endpoint_is_followed_by_the_next),
		cmocka_unit_test(
		    a_decision_or_a_wrong_answer_is_not_asked_elsewhere),
		cmocka_unit_test(no_more_than_two_endpoints_are_asked),
		cmocka_unit_test(
		    a_hanging_endpoint_leaves_half_of_the_time_and_is_then_avoided),
		cmocka_unit_test(two_hanging_endpoints_share_one_deadline),
		cmocka_unit_test(a_kept_connection_that_died_is_replaced),
		cmocka_unit_test(many_at_once_get_each_their_own_answer),
		cmocka_unit_test(stopping_ends_what_is_in_flight_and_says_so),
		cmocka_unit_test(a_client_may_be_freed_by_its_last_answer),
		cmocka_unit_test(an_answer_may_lead_to_the_next_question),
		cmocka_unit_test(status_tells_how_each_endpoint_fares),
		cmocka_unit_test(no_endpoint_at_all_is_refused),
	};

	return cmocka_run_group_tests(tests, endpoint_begin, endpoint_end);
}
