/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "scim_sync.h"
#include "scim_url.h"
#include "stamp.h"
#include "zt/auto.h"

#define SYNC_MAX_S 3600 /* one sync, all pages */
#define WAIT_MAX_S 3600 /* Retry-After beyond this is not heeded */

void
scim_sync_clear(struct scim *scim)
{
	struct scim_sync *sync = &scim->sync;

	scim_token_cancel(scim->token);
	fetch_cancel(sync->fetch);
	zt_scim_catalog_free(sync->query.into);
	free(sync->entries);
	zt_set_free(sync->set);
	(void)sd_event_source_disable_unref(sync->slice);
	*sync = (struct scim_sync){ .phase = SCIM_NONE };
}

void
scim_sync_fail(struct scim *scim, const char *format, ...)
{
	char why[SOURCE_WHY_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	scim_sync_clear(scim);
	source_fail(scim->source, "%s", why);
}

/* The part of the service that the sync is at, for messages. */
static const char *
where(const struct scim *scim)
{
	return scim->sync.phase == SCIM_SERVICE
	    ? "ServiceProviderConfig"
	    : zt_scim_endpoint(scim->sync.query.kind);
}

static void ask(struct scim *scim);

/* Begin a phase of pages. */
static void
pages_begin(struct scim *scim, enum scim_phase phase)
{
	struct scim_sync *sync = &scim->sync;

	sync->done += sync->pager.received;
	sync->phase = phase;
	sync->query.kind = phase == SCIM_USERS ? ZT_SCIM_USER : ZT_SCIM_GROUP;
	zt_scim_pager_init(&sync->pager, scim->source->conf->page_size,
	    scim->service.cursor);
	ask(scim);
}

/* Begin anew, with nothing of what came. */
void
scim_sync_begin(struct scim *scim, bool full)
{
	struct scim_sync *sync = &scim->sync;
	struct zt_scim_query query = { .map = &scim->map,
		.after_us = ZT_SCIM_NEVER,
		.newest_us = ZT_SCIM_NEVER };

	zt_scim_catalog_free(sync->query.into);
	sync->query = query;
	sync->full = full;
	sync->done = sync->pager.received = 0;
	if (!full) /* to the millisecond, as the filter has it */
		sync->query.after_us =
		    (scim->mark.newest_us / 1000 - SCIM_OVERLAP_MS) * 1000;
	if (zt_scim_catalog_new(&sync->query.into) != ZT_OK) {
		scim_sync_fail(scim, "out of memory");
		return;
	}
	if (scim->service_known) {
		pages_begin(scim, SCIM_USERS);
		return;
	}
	sync->phase = SCIM_SERVICE;
	ask(scim);
}

/* The service cannot say what was modified: ask for all, from now on. */
static void
filter_give_up(struct scim *scim)
{
	say(LOG_NOTICE,
	    "source %s: the service does not filter by meta.lastModified: "
	    "each sync reads all users, every %u s",
	    scim->source->conf->name, scim->source->conf->interval_s);
	scim->no_filter = true;
	scim_sync_begin(scim, true);
}

static void
take_page(struct scim *scim, const struct zt_scim_list *list)
{
	struct scim_sync *sync = &scim->sync;
	const char *why = NULL;
	const enum zt_scim_step step =
	    zt_scim_pager_take(&sync->pager, list, &why);
	enum zt_err err = ZT_OK;

	if (step == ZT_SCIM_CHANGED && !sync->restarted) {
		sync->restarted = true;
		scim_sync_begin(scim, sync->full);
		return;
	}
	if (step == ZT_SCIM_MORE || step == ZT_SCIM_LAST)
		err = zt_scim_page_take(&sync->query, list, &why);
	if (err == ZT_ERR_DENIED && !sync->full)
		filter_give_up(scim);
	else if (err == ZT_ERR_NOMEM)
		scim_sync_fail(scim, "out of memory");
	else if (why != NULL)
		scim_sync_fail(scim, "%s: %s; nothing is applied", where(scim),
		    why);
	else if (step == ZT_SCIM_MORE)
		ask(scim);
	else if (sync->phase == SCIM_USERS)
		pages_begin(scim, SCIM_GROUPS);
	else
		scim_build(scim);
}

bool
scim_type_fits(const char *type)
{
	return strcmp(type, "application/scim+json") == 0 ||
	    strcmp(type, "application/json") == 0;
}

static void
take_list(struct scim *scim, const struct fetch_answer *answer)
{
	struct scim_sync *sync = &scim->sync;
	struct zt_scim_list list;
	const char *why = NULL;

	if (!scim_type_fits(answer->type)) {
		scim_sync_fail(scim,
		    "%s: the answer is no SCIM by its Content-Type: check "
		    "that url is the base of the SCIM service",
		    where(scim));
		return;
	}
	if (zt_scim_list_parse((struct zt_str){ answer->body, answer->len },
		&list, &why) != ZT_OK) {
		scim_sync_fail(scim, "%s: %s; nothing is applied", where(scim),
		    why);
		return;
	}
	take_page(scim, &list);
	zt_scim_list_clear(&list);
	if (sync->phase == SCIM_USERS || sync->phase == SCIM_GROUPS)
		source_progress(scim->source, sync->done + sync->pager.received,
		    sync->pager.total < 0
			? 0
			: sync->done + (size_t)sync->pager.total);
}

/*
 * May attributes= be left out?  Some are only sent when they are named: who had
 * a uid from the service would be without, so not where it worked before.
 */
static bool
may_send_plain(const struct scim *scim)
{
	return scim->all == NULL || scim->mark.plain;
}

/*
 * What was refused is perhaps what RFC 7644 leaves to the service: to choose
 * attributes, to filter.  Which of them is not always said: they are left out
 * in this order.  A cursor is refused on later pages alone.
 */
static bool
refusal_heeded(struct scim *scim, int status, const struct zt_scim_error *error)
{
	const bool filter_named =
	    status == 501 || strcmp(error->type, "invalidFilter") == 0;

	if ((status != 400 && status != 501) || scim->sync.pager.pages > 0)
		return false;
	if (!scim->no_attributes && !filter_named && may_send_plain(scim)) {
		scim->no_attributes = true;
		ask(scim);
		return true;
	}
	if (scim->sync.full)
		return false;
	filter_give_up(scim);
	return true;
}

static const char *
advice(int status)
{
	if (status >= 300 && status < 400)
		return "redirects are not followed: set url to where it is";
	if (status == 401)
		return "check bearer_file, or client_id and its secret";
	if (status == 403)
		return "the token may not read this: check its scopes";
	if (status == 404)
		return "check that url is the base of the SCIM service";
	if (status == 429 || status == 503)
		return "the service is busy: a longer interval may help";
	if (status >= 500)
		return "the service has a fault";
	return "the service refuses this request: check the filters";
}

static void
wait_begin(struct scim *scim, unsigned wait_s)
{
	scim->wait_until_ms = stamp_boottime_ms() + (int64_t)wait_s * 1000;
	scim->wait_until_wall_ms = stamp_now_ms() + (int64_t)wait_s * 1000;
}

static void
fail_status(struct scim *scim, const struct fetch_answer *answer,
    const struct zt_scim_error *error)
{
	const unsigned wait_s = answer->retry_after_s;

	if ((answer->status == 429 || answer->status == 503) && wait_s > 0)
		wait_begin(scim, wait_s < WAIT_MAX_S ? wait_s : WAIT_MAX_S);
	if (scim->all == NULL || !scim->mark.plain)
		scim->no_attributes = false; /* that did not help */
	scim_sync_fail(scim, "%s: HTTP %d%s%.24s%s%.64s: %s", where(scim),
	    answer->status, error->type[0] != '\0' ? " " : "", error->type,
	    error->detail[0] != '\0' ? ", " : "", error->detail,
	    advice(answer->status));
}

/* Some services have no such thing, or show it to nobody. */
static bool
service_absent(int status)
{
	return status == 400 || status == 403 || status == 404 ||
	    status == 405 || status == 501;
}

static void
take_service(struct scim *scim, const struct fetch_answer *answer)
{
	if (answer->status == 200)
		zt_scim_service_parse((struct zt_str){ answer->body,
					  answer->len },
		    &scim->service);
	scim->service_known = true;
	if (scim->service.no_filter)
		scim->no_filter = true;
	if (scim->no_filter && !scim->sync.full)
		scim_sync_begin(scim, true);
	else
		pages_begin(scim, SCIM_USERS);
}

static void
on_answer(void *arg, const struct fetch_answer *answer)
{
	struct scim *scim = arg;
	struct scim_sync *sync = &scim->sync;
	const struct zt_str body = { answer->body, answer->len };
	struct zt_scim_error error;

	sync->fetch = NULL;
	if (answer->status == 0) {
		scim_sync_fail(scim, "%s: %s", where(scim), answer->error);
		return;
	}
	if (answer->status == 401 && !sync->renewed &&
	    scim_token_renew(scim->token)) {
		sync->renewed = true;
		ask(scim);
		return;
	}
	if (sync->phase == SCIM_SERVICE &&
	    (answer->status == 200 || service_absent(answer->status))) {
		take_service(scim, answer);
		return;
	}
	zt_scim_error_parse(body, &error);
	if (sync->phase != SCIM_SERVICE && answer->status == 200)
		take_list(scim, answer);
	else if (sync->phase == SCIM_SERVICE ||
	    !refusal_heeded(scim, answer->status, &error))
		fail_status(scim, answer, &error);
}

static enum zt_err
url_make(const struct scim *scim, char **out)
{
	const struct scim_sync *sync = &scim->sync;
	const int64_t after_us = sync->query.after_us;
	const struct scim_url url = {
		.conf = scim->source->conf,
		.map = &scim->map,
		.kind = sync->query.kind,
		.after_ms =
		    after_us == ZT_SCIM_NEVER ? ZT_SCIM_NEVER : after_us / 1000,
		.all_attributes = scim->no_attributes,
		.pager = &sync->pager,
	};

	return sync->phase == SCIM_SERVICE
	    ? scim_url_service(scim->source->conf, out)
	    : scim_url_page(&url, out);
}

static void
on_token(void *arg, const char *token, const char *why)
{
	struct scim *scim = arg;
	zt_auto_free char *url = NULL;
	struct fetch_request request = {
		.accept = SCIM_ACCEPT,
		.bearer = token,
		.ca_file = scim->source->conf->ca_file,
		.timeout_ms = scim->source->conf->timeout_ms,
		.body_max = ZT_SCIM_ANSWER_MAX,
	};
	enum zt_err err;

	if (why != NULL) {
		scim_sync_fail(scim, "%s", why);
		return;
	}
	if ((err = url_make(scim, &url)) == ZT_OK) {
		request.url = url;
		err = fetch_start(scim->source->fetcher, &request, on_answer,
		    scim, &scim->sync.fetch);
	}
	if (err != ZT_OK)
		scim_sync_fail(scim, "%s: %s", where(scim), zt_strerror(err));
}

static void
ask(struct scim *scim)
{
	if (stamp_boottime_ms() - scim->sync.began_boot_ms >
	    SYNC_MAX_S * 1000) {
		scim_sync_fail(scim,
		    "%s: not all has come within %d s: raise "
		    "page_size, or narrow the filters",
		    where(scim), SYNC_MAX_S);
		return;
	}
	scim_token_get(scim->token, on_token, scim);
}
