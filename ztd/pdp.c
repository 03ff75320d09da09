/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bearer.h"
#include "multi.h"
#include "pdp.h"
#include "stamp.h"
#include "transfer.h"
#include "zt/auto.h"
#include "zt/time.h"

#define ATTEMPTS_MAX      2        /* requests sent for one question, count */
#define AVOID_US          10000000 /* an endpoint that failed is asked last */
#define TIMER_ACCURACY_US 1        /* 0 would mean 250 ms */
#define REQUEST_ID_MAX    37       /* UUID with NUL, bytes */

_Static_assert(CONF_LIST_MAX <= 64, "endpoints are a set of 64 bits");

/* One configured endpoint and how it fares. */
struct endpoint {
	const char *url; /* borrowed from conf */
	uint64_t requests, permits, denies, failures;
	enum zt_reason last_error; /* of the last answer; NONE if it was good */
	uint64_t failed_us;        /* when it last failed; 0 if it is well */
	int64_t last_ok_ms;        /* wall clock; 0 if never */
	int latency_ms;            /* of the last answer */
};

/* One question, until it is answered. */
struct ask {
	struct pdp *pdp;
	struct ask *next, *prev; /* in pdp->asks */
	char request_id[REQUEST_ID_MAX];
	char *body; /* owned */
	pdp_done *done;
	void *arg;
	uint64_t start_us, deadline_us;
	sd_event_source *timer; /* the end of this attempt */
	uint64_t tried;         /* set of endpoints */
	size_t endpoint;        /* being asked */
	uint64_t attempt_us;    /* when that began */
	int attempts;
	bool in_multi;
	struct transfer transfer;
	enum zt_reason stillborn; /* why nothing was sent at all */
};

/* Lives until its owner and the last question have let go of it. */
struct pdp {
	size_t refs;
	sd_event *event;         /* borrowed */
	const struct conf *conf; /* borrowed */
	struct multi *multi;
	struct bearer *bearer; /* NULL if none is configured */
	struct ask *asks;      /* in flight */
	size_t n_asks;
	struct endpoint endpoints[CONF_LIST_MAX];
	size_t n_endpoints;
};

static uint64_t
now_us(void)
{
	return (uint64_t)stamp_monotonic_us();
}

static int
ms_since(uint64_t then_us)
{
	return (int)((now_us() - then_us) / 1000);
}

/* ---- endpoints ---- */

static bool
endpoint_avoided(const struct endpoint *e)
{
	return e->failed_us != 0 && now_us() - e->failed_us < AVOID_US;
}

/*
 * The endpoint to ask next: the first in configured order that has not failed
 * lately, else the one whose failure is longest ago.  False if all are tried.
 */
static bool
endpoint_choose(const struct pdp *pdp, uint64_t tried, size_t *out)
{
	bool found = false;
	size_t best = 0;

	for (size_t i = 0; i < pdp->n_endpoints; i++) {
		const struct endpoint *e = &pdp->endpoints[i];

		if ((tried >> i & 1) != 0)
			continue;
		if (!endpoint_avoided(e)) {
			*out = i;
			return true;
		}
		if (!found || e->failed_us < pdp->endpoints[best].failed_us)
			best = i;
		found = true;
	}
	if (found)
		*out = best;
	return found;
}

/* Keep count of what an endpoint said. */
static void
endpoint_note(struct endpoint *e, const struct zt_answer *answer, int latency)
{
	e->latency_ms = latency;
	if (answer->kind == ZT_ANSWER_NONE) {
		e->failures++;
		e->last_error = answer->reason;
		/* a question it refuses says nothing about the endpoint */
		if (answer->reason != ZT_REASON_PDP_REQUEST)
			e->failed_us = now_us();
		return;
	}
	if (answer->kind == ZT_ANSWER_PERMIT)
		e->permits++;
	else
		e->denies++;
	e->last_error = ZT_REASON_NONE;
	e->failed_us = 0;
	e->last_ok_ms = stamp_now_ms();
}

/* ---- the life of a client and of a question ---- */

static void
pdp_unref(struct pdp *pdp)
{
	if (--pdp->refs > 0)
		return;
	multi_free(pdp->multi);
	bearer_free(pdp->bearer);
	free(pdp);
}

static void
ask_link(struct ask *ask)
{
	struct pdp *pdp = ask->pdp;

	ask->next = pdp->asks;
	if (ask->next != NULL)
		ask->next->prev = ask;
	pdp->asks = ask;
	pdp->n_asks++;
	pdp->refs++;
}

static void
ask_unlink(struct ask *ask)
{
	if (ask->prev != NULL)
		ask->prev->next = ask->next;
	else
		ask->pdp->asks = ask->next;
	if (ask->next != NULL)
		ask->next->prev = ask->prev;
	ask->pdp->n_asks--;
}

static void
transfer_drop(struct ask *ask)
{
	if (ask->in_multi)
		multi_remove(ask->pdp->multi, ask->transfer.easy);
	ask->in_multi = false;
	transfer_clear(&ask->transfer);
}

/* Free a question that is not, or no longer, part of its client. */
static void
ask_free(struct ask *ask)
{
	sd_event_source_disable_unref(ask->timer);
	transfer_drop(ask);
	free(ask->body);
	free(ask);
}

/*
 * Answer a question.  done() comes first, for to give up a transfer may take
 * libcurl a moment; done() may also free the client, which then lives on
 * until this question lets go of it.
 */
static void
ask_finish(struct ask *ask, struct zt_answer *answer)
{
	struct pdp *pdp = ask->pdp;

	ask_unlink(ask);
	answer->attempts = ask->attempts;
	answer->latency_ms = ms_since(ask->start_us);
	if (ask->attempts > 0) /* only told: may be missing */
		answer->endpoint = strdup(pdp->endpoints[ask->endpoint].url);
	ask->done(ask->arg, answer);
	zt_answer_clear(answer);
	ask_free(ask);
	pdp_unref(pdp);
}

static void
ask_fail(struct ask *ask, enum zt_reason reason)
{
	struct zt_answer answer = { .reason = reason };

	ask_finish(ask, &answer);
}

/* ---- attempts ---- */

static bool
is_retriable(enum zt_reason reason)
{
	return reason == ZT_REASON_PDP_UNREACHABLE ||
	    reason == ZT_REASON_PDP_TIMEOUT || reason == ZT_REASON_PDP_TLS ||
	    reason == ZT_REASON_PDP_BUSY;
}

static void
timer_set(struct ask *ask, uint64_t due_us)
{
	/* neither can fail for a timer that exists, with valid values */
	(void)sd_event_source_set_time(ask->timer, due_us);
	(void)sd_event_source_set_enabled(ask->timer, SD_EVENT_ONESHOT);
}

/*
 * When the attempt that begins now is given up: each attempt that is still
 * possible gets an equal share of the time that is left.
 */
static uint64_t
attempt_end(const struct ask *ask)
{
	uint64_t left_us = ask->deadline_us - ask->attempt_us;
	size_t ignored;

	if (ask->attempts >= ATTEMPTS_MAX ||
	    !endpoint_choose(ask->pdp, ask->tried, &ignored))
		return ask->deadline_us;
	return ask->attempt_us + left_us / 2;
}

/* Ask the chosen endpoint.  Returns why not, or ZT_REASON_NONE. */
static enum zt_reason
attempt_start(struct ask *ask)
{
	struct pdp *pdp = ask->pdp;
	struct endpoint *e = &pdp->endpoints[ask->endpoint];
	struct transfer_request request = {
		.url = e->url,
		.request_id = ask->request_id,
		.body = ask->body,
	};

	if (pdp->bearer != NULL &&
	    bearer_get(pdp->bearer, &request.token) != ZT_OK)
		return ZT_REASON_PDP_AUTH;
	if (transfer_init(&ask->transfer, pdp->conf, &request) != ZT_OK ||
	    multi_add(pdp->multi, ask->transfer.easy, ask) != ZT_OK)
		return ZT_REASON_INTERNAL;
	ask->in_multi = true;
	ask->tried |= UINT64_C(1) << ask->endpoint;
	ask->attempts++;
	e->requests++;
	ask->attempt_us = now_us();
	timer_set(ask, attempt_end(ask));
	return ZT_REASON_NONE;
}

/*
 * Is there a second attempt to make after this failure, and of whom?
 *
 * The same endpoint if it did not know us and the token has been renewed
 * since; another one if this one is unavailable.  Never the same one again
 * for being unavailable: libcurl alone repeats a request, and only if a kept
 * connection died before a byte of the answer or HTTP/2 refused it unread.
 */
static bool
attempt_again(struct ask *ask, enum zt_reason reason)
{
	struct pdp *pdp = ask->pdp;

	if (ask->attempts >= ATTEMPTS_MAX || now_us() >= ask->deadline_us)
		return false;
	if (reason == ZT_REASON_PDP_AUTH)
		return pdp->bearer != NULL && bearer_renew(pdp->bearer);
	return is_retriable(reason) &&
	    endpoint_choose(pdp, ask->tried, &ask->endpoint);
}

/* An endpoint has answered, or failed to: try again, or be done. */
static void
attempt_over(struct ask *ask, struct zt_answer *answer)
{
	struct endpoint *e = &ask->pdp->endpoints[ask->endpoint];
	enum zt_reason failed;

	endpoint_note(e, answer, ms_since(ask->attempt_us));
	if (answer->kind != ZT_ANSWER_NONE ||
	    !attempt_again(ask, answer->reason)) {
		ask_finish(ask, answer);
		return;
	}
	transfer_drop(ask);
	if ((failed = attempt_start(ask)) != ZT_REASON_NONE) {
		answer->reason = failed;
		ask_finish(ask, answer);
		return;
	}
	zt_answer_clear(answer);
}

/* libcurl has ended a transfer. */
static void
on_transfer(void *arg, CURL *easy, CURLcode code)
{
	struct ask *ask = arg;
	struct transfer *t = &ask->transfer;
	struct zt_answer answer = { 0 };

	(void)easy;
	ask->in_multi = false;
	if (code != CURLE_OK)
		answer.reason = transfer_reason(t, code);
	else if (zt_authzen_answer(transfer_status(t), t->body.p, t->body.len,
		     ask->request_id, t->echoed[0] == '\0' ? NULL : t->echoed,
		     &answer) != ZT_OK)
		answer.reason = ZT_REASON_INTERNAL;
	answer.http_status = transfer_status(t);
	attempt_over(ask, &answer);
}

/*
 * The attempt has used up its share, or nothing could be sent.  This timer is
 * ours because libcurl's own may overshoot: it ends the question in time
 * whatever libcurl does.
 */
static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct ask *ask = arg;
	struct zt_answer answer = { .reason = ZT_REASON_PDP_TIMEOUT };

	(void)source;
	(void)usec;
	if (ask->stillborn != ZT_REASON_NONE)
		ask_fail(ask, ask->stillborn);
	else
		attempt_over(ask, &answer);
	return 0;
}

/* ---- the interface ---- */

enum zt_err
pdp_ask(struct pdp *pdp, const char *request_id, const char *body,
    pdp_done *done, void *arg)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (ask == NULL)
		return ZT_ERR_NOMEM;
	ask->pdp = pdp;
	ask->done = done;
	ask->arg = arg;
	ask->start_us = now_us();
	ask->deadline_us =
	    ask->start_us + (uint64_t)pdp->conf->pdp.timeout_ms * 1000;
	(void)snprintf(ask->request_id, sizeof(ask->request_id), "%s",
	    request_id);
	if ((ask->body = strdup(body)) == NULL ||
	    sd_event_add_time(pdp->event, &ask->timer, CLOCK_MONOTONIC,
		ask->deadline_us, TIMER_ACCURACY_US, on_timer, ask) < 0) {
		ask_free(ask);
		return ZT_ERR_NOMEM;
	}
	ask_link(ask);
	(void)endpoint_choose(pdp, 0, &ask->endpoint);
	ask->stillborn = attempt_start(ask);
	if (ask->stillborn != ZT_REASON_NONE)
		timer_set(ask, ask->start_us); /* answered later, as promised */
	return ZT_OK;
}

size_t
pdp_pending(const struct pdp *pdp)
{
	return pdp->n_asks;
}

static json_t *
endpoint_status(const struct endpoint *e)
{
	char time[ZT_TIME_MAX] = "";
	const char *error = e->last_error == ZT_REASON_NONE
	    ? NULL
	    : zt_reason_code(e->last_error);
	const char *last_ok = NULL;

	if (e->last_ok_ms != 0 && zt_time_ms(e->last_ok_ms, time) == ZT_OK)
		last_ok = time;
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:s?, s:s?, s:i}",
	    "url", e->url, "healthy", e->last_error == ZT_REASON_NONE,
	    "requests", (json_int_t)e->requests, "permits",
	    (json_int_t)e->permits, "denies", (json_int_t)e->denies, "failures",
	    (json_int_t)e->failures, "last_error", error, "last_ok", last_ok,
	    "latency_ms_last", e->latency_ms);
}

json_t *
pdp_status(const struct pdp *pdp)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < pdp->n_endpoints; i++)
		if (json_array_append_new(list,
			endpoint_status(&pdp->endpoints[i])) != 0)
			return NULL;
	return zt_take(list);
}

/* Have libcurl refuse at the start what it would refuse for each question. */
static enum zt_err
settings_try(const struct conf *conf)
{
	zt_auto(transfer_clear) struct transfer trial = { 0 };
	const struct transfer_request request = {
		.url = conf->pdp.urls.words[0],
		.request_id = "",
		.body = "",
	};

	return transfer_init(&trial, conf, &request);
}

static enum zt_err
pdp_init(struct pdp *pdp)
{
	const struct conf_list *urls = &pdp->conf->pdp.urls;
	const char *bearer_file = pdp->conf->pdp.bearer_file;
	enum zt_err err;

	if (urls->n == 0 || urls->n > CONF_LIST_MAX)
		return ZT_ERR_INVAL;
	for (size_t i = 0; i < urls->n; i++)
		pdp->endpoints[i].url = urls->words[i];
	pdp->n_endpoints = urls->n;
	if ((err = multi_new(pdp->event, on_transfer, &pdp->multi)) != ZT_OK)
		return err;
	if (bearer_file != NULL &&
	    (err = bearer_new(bearer_file, &pdp->bearer)) != ZT_OK)
		return err;
	return settings_try(pdp->conf);
}

enum zt_err
pdp_new(sd_event *event, const struct conf *conf, struct pdp **out)
{
	struct pdp *pdp;
	enum zt_err err;

	if ((pdp = calloc(1, sizeof(*pdp))) == NULL)
		return ZT_ERR_NOMEM;
	pdp->refs = 1;
	pdp->event = event;
	pdp->conf = conf;
	if ((err = pdp_init(pdp)) != ZT_OK) {
		pdp_unref(pdp);
		return err;
	}
	*out = pdp;
	return ZT_OK;
}

void
pdp_free(struct pdp *pdp)
{
	if (pdp == NULL)
		return;
	while (pdp->asks != NULL)
		ask_fail(pdp->asks, ZT_REASON_STOPPING);
	pdp_unref(pdp);
}
