/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scim_state.h"
#include "scim_token.h"
#include "scim_url.h"
#include "say.h"
#include "source.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/scim.h"

/*
 * A SCIM 2.0 service.  A full sync asks for all users, then all groups, page
 * by page; in between, syncs ask for what was modified, and put that over what
 * is known.  Deletions are seen by full syncs alone.
 *
 * Nothing is applied before the last page has come and every page has held:
 * zt/scim.h.
 */

#define SYNC_MAX_S    3600 /* one sync, all pages */
#define WAIT_MAX_S    3600 /* Retry-After beyond this is not heeded */
#define OVERLAP_MS    5000 /* asked for again: changes of the same moment */
#define BUILD_RECORDS 500  /* at once, between other events; some ms */

enum phase {
	PHASE_NONE, /* no sync is under way */
	PHASE_SERVICE,
	PHASE_USERS,
	PHASE_GROUPS,
	PHASE_BUILD,
};

/* A sync under way; all of it is gone when it ends. */
struct sync {
	enum phase phase;
	bool full;
	bool restarted; /* because the total changed */
	bool renewed;   /* the token, because it was refused */
	int64_t began_ms, began_boot_ms;
	struct zt_scim_query query; /* into: owned */
	struct zt_scim_pager pager;
	struct fetch *fetch; /* or NULL */
	size_t done;         /* resources of earlier phases */
	/* PHASE_BUILD */
	struct zt_scim_entry *entries; /* owned, of scim->all */
	size_t n_entries, next;
	struct zt_set *set;     /* owned */
	sd_event_source *slice; /* owned */
};

struct scim {
	struct source *source; /* borrowed */
	struct scim_token *token;
	struct zt_scim_map map;
	char *config;                /* owned; what the state file must be of */
	struct zt_scim_catalog *all; /* owned; the last good sync; or NULL */
	struct scim_mark mark;       /* of it */
	bool service_known;
	struct zt_scim_service service;
	bool no_filter, no_attributes; /* the service refused that */
	int64_t wait_until_ms;       /* boot time; the service asked for that */
	const struct zt_set *built;  /* of all; for its address alone */
	bool write_due, write_whole; /* the state file is behind */
	struct sync sync;
};

/* ---- the end of a sync ---- */

static void
sync_clear(struct scim *scim)
{
	struct sync *sync = &scim->sync;

	scim_token_cancel(scim->token);
	fetch_cancel(sync->fetch);
	zt_scim_catalog_free(sync->query.into);
	free(sync->entries);
	zt_set_free(sync->set);
	(void)sd_event_source_disable_unref(sync->slice);
	*sync = (struct sync){ .phase = PHASE_NONE };
}

__attribute__((__format__(__printf__, 2, 3))) static void
sync_fail(struct scim *scim, const char *format, ...)
{
	char why[SOURCE_WHY_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	sync_clear(scim);
	source_fail(scim->source, "%s", why);
}

/* The part of the service that the sync is at, for messages. */
static const char *
where(const struct scim *scim)
{
	return scim->sync.phase == PHASE_SERVICE
	    ? "ServiceProviderConfig"
	    : zt_scim_endpoint(scim->sync.query.kind);
}

static void
state_write(struct scim *scim, const struct zt_scim_catalog *what)
{
	const char *path = scim->source->state_file;
	enum zt_err err;

	err = scim_state_write(path, scim->write_whole ? scim->config : NULL,
	    what, &scim->mark);
	scim->write_due = err != ZT_OK;
	scim->write_whole = err != ZT_OK;
	if (err != ZT_OK)
		say(LOG_WARNING,
		    "source %s: %s: %s: %m; a restart will read "
		    "all users anew",
		    scim->source->conf->name, path, zt_strerror(err));
}

/* A set that waits for an administrator is not written: a restart would put
 * it in force.  It is once it is. */
static void
state_catch_up(struct scim *scim)
{
	if (!scim->write_due)
		return;
	if (scim->built == source_set(scim->source))
		state_write(scim, scim->all);
}

static void
end_same(struct scim *scim)
{
	sync_clear(scim);
	state_catch_up(scim);
	if (!scim->write_due)
		scim_state_touch(scim->source->state_file);
	source_same(scim->source);
}

/* ---- from resources to a set ---- */

static void
build_done(struct scim *scim)
{
	struct zt_scim_catalog *fresh = zt_take(scim->sync.query.into);
	struct zt_set *set = zt_take(scim->sync.set);

	if (zt_set_seal(set) != ZT_OK) {
		zt_scim_catalog_free(fresh);
		zt_set_free(set);
		sync_fail(scim, "out of memory");
		return;
	}
	sync_clear(scim);
	scim->built = set;
	source_done(scim->source, set);
	scim->write_due = true;
	if (source_set(scim->source) != scim->built)
		scim->write_whole = true; /* all of it, once it is in force */
	else
		state_write(scim, scim->write_whole ? scim->all : fresh);
	zt_scim_catalog_free(fresh);
}

static int
on_slice(sd_event_source *slice, void *arg)
{
	struct scim *scim = arg;
	struct sync *sync = &scim->sync;
	enum zt_err err = ZT_OK;

	for (unsigned i = 0;
	     i < BUILD_RECORDS && err == ZT_OK && sync->next < sync->n_entries;
	     i++)
		err = zt_scim_entry_add(scim->all, &sync->entries[sync->next++],
		    sync->set);
	if (err != ZT_OK)
		sync_fail(scim, "%s", zt_strerror(err));
	else if (sync->next < sync->n_entries)
		(void)sd_event_source_set_enabled(slice, SD_EVENT_ONESHOT);
	else
		build_done(scim);
	return 0;
}

static void
build_begin(struct scim *scim)
{
	struct sync *sync = &scim->sync;

	sync->phase = PHASE_BUILD;
	scim->built = NULL; /* until it is of scim->all again */
	if (zt_scim_catalog_list(scim->all, &sync->entries, &sync->n_entries) !=
		ZT_OK ||
	    zt_set_new(&sync->set) != ZT_OK ||
	    sd_event_add_defer(scim->source->event, &sync->slice, on_slice,
		scim) < 0)
		sync_fail(scim, "out of memory");
}

/* Is what came just what is known?  An incremental sync: part of it. */
static bool
nothing_new(const struct scim *scim)
{
	const struct zt_scim_catalog *into = scim->sync.query.into;
	bool same = false;

	if (scim->all == NULL || scim->built == NULL ||
	    zt_scim_catalog_within(into, scim->all, &same) != ZT_OK || !same)
		return false;
	return !scim->sync.full ||
	    (zt_scim_catalog_count(into, ZT_SCIM_USER) ==
		    zt_scim_catalog_count(scim->all, ZT_SCIM_USER) &&
		zt_scim_catalog_count(into, ZT_SCIM_GROUP) ==
		    zt_scim_catalog_count(scim->all, ZT_SCIM_GROUP));
}

/*
 * The next sync asks from here on.  Not from the future, where a resource may
 * claim to be from: nothing would be newer.  An earlier mark is harmless.
 */
static void
mark_move(struct scim *scim)
{
	const struct sync *sync = &scim->sync;
	const int64_t now_us = sync->began_ms * 1000;
	const int64_t newest_us =
	    sync->query.newest_us < now_us ? sync->query.newest_us : now_us;

	if (sync->full)
		scim->mark = (struct scim_mark){ newest_us, sync->began_ms,
			!sync->query.undated };
	else if (newest_us > scim->mark.newest_us)
		scim->mark.newest_us = newest_us;
}

/* Every page has come, and held. */
static void
pages_done(struct scim *scim)
{
	struct sync *sync = &scim->sync;
	const bool same = nothing_new(scim);

	mark_move(scim);
	if (sync->full) {
		/* with the mark of a full sync, if nothing else */
		scim->write_due = scim->write_whole = true;
		zt_scim_catalog_free(scim->all);
		scim->all = zt_take(sync->query.into);
	} else if (!same &&
	    zt_scim_catalog_merge(scim->all, sync->query.into) != ZT_OK) {
		scim->mark.full_ms = 0; /* half of it may be in */
		sync_fail(scim, "out of memory");
		return;
	}
	if (same)
		end_same(scim);
	else
		build_begin(scim);
}

/* ---- asking ---- */

static void ask(struct scim *scim);

/* Begin a phase of pages. */
static void
pages_begin(struct scim *scim, enum phase phase)
{
	struct sync *sync = &scim->sync;

	sync->done += sync->pager.received;
	sync->phase = phase;
	sync->query.kind = phase == PHASE_USERS ? ZT_SCIM_USER : ZT_SCIM_GROUP;
	zt_scim_pager_init(&sync->pager, scim->source->conf->page_size,
	    scim->service.cursor);
	ask(scim);
}

/* Begin anew, with nothing of what came. */
static void
sync_begin(struct scim *scim, bool full)
{
	struct sync *sync = &scim->sync;
	struct zt_scim_query query = { .map = &scim->map,
		.after_us = ZT_SCIM_NEVER,
		.newest_us = ZT_SCIM_NEVER };

	zt_scim_catalog_free(sync->query.into);
	sync->query = query;
	sync->full = full;
	sync->done = sync->pager.received = 0;
	if (!full) /* to the millisecond, as the filter has it */
		sync->query.after_us =
		    (scim->mark.newest_us / 1000 - OVERLAP_MS) * 1000;
	if (zt_scim_catalog_new(&sync->query.into) != ZT_OK) {
		sync_fail(scim, "out of memory");
		return;
	}
	if (scim->service_known) {
		pages_begin(scim, PHASE_USERS);
		return;
	}
	sync->phase = PHASE_SERVICE;
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
	sync_begin(scim, true);
}

static void
take_page(struct scim *scim, const struct zt_scim_list *list)
{
	struct sync *sync = &scim->sync;
	const char *why = NULL;
	const enum zt_scim_step step =
	    zt_scim_pager_take(&sync->pager, list, &why);
	enum zt_err err = ZT_OK;

	if (step == ZT_SCIM_CHANGED && !sync->restarted) {
		sync->restarted = true;
		sync_begin(scim, sync->full);
		return;
	}
	if (step == ZT_SCIM_MORE || step == ZT_SCIM_LAST)
		err = zt_scim_page_take(&sync->query, list, &why);
	if (err == ZT_ERR_DENIED && !sync->full)
		filter_give_up(scim);
	else if (err == ZT_ERR_NOMEM)
		sync_fail(scim, "out of memory");
	else if (why != NULL)
		sync_fail(scim, "%s: %s; nothing is applied", where(scim), why);
	else if (step == ZT_SCIM_MORE)
		ask(scim);
	else if (sync->phase == PHASE_USERS)
		pages_begin(scim, PHASE_GROUPS);
	else
		pages_done(scim);
}

static void
take_list(struct scim *scim, const struct fetch_answer *answer)
{
	struct sync *sync = &scim->sync;
	struct zt_scim_list list;
	const char *why = NULL;

	if (strcmp(answer->type, "application/scim+json") != 0 &&
	    strcmp(answer->type, "application/json") != 0) {
		sync_fail(scim,
		    "%s: the answer is no SCIM by its Content-Type: check "
		    "that url is the base of the SCIM service",
		    where(scim));
		return;
	}
	if (zt_scim_list_parse((struct zt_str){ answer->body, answer->len },
		&list, &why) != ZT_OK) {
		sync_fail(scim, "%s: %s; nothing is applied", where(scim), why);
		return;
	}
	take_page(scim, &list);
	zt_scim_list_clear(&list);
	if (sync->phase == PHASE_USERS || sync->phase == PHASE_GROUPS)
		source_progress(scim->source, sync->done + sync->pager.received,
		    sync->pager.total < 0
			? 0
			: sync->done + (size_t)sync->pager.total);
}

/* What was refused is perhaps what RFC 7644 leaves to the service.  A cursor
 * is refused on later pages alone. */
static bool
refusal_heeded(struct scim *scim, int status, const struct zt_scim_error *error)
{
	struct sync *sync = &scim->sync;

	if ((status != 400 && status != 501) || sync->pager.pages > 0)
		return false;
	if (!sync->full) {
		filter_give_up(scim);
		return true;
	}
	if (scim->no_attributes || strcmp(error->type, "invalidFilter") == 0)
		return false;
	scim->no_attributes = true;
	ask(scim);
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
fail_status(struct scim *scim, const struct fetch_answer *answer,
    const struct zt_scim_error *error)
{
	const unsigned wait_s = answer->retry_after_s;

	if ((answer->status == 429 || answer->status == 503) && wait_s > 0)
		scim->wait_until_ms = stamp_boottime_ms() +
		    (int64_t)(wait_s < WAIT_MAX_S ? wait_s : WAIT_MAX_S) * 1000;
	scim->no_attributes = false; /* that did not help */
	sync_fail(scim, "%s: HTTP %d%s%.24s%s%.64s: %s", where(scim),
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
		sync_begin(scim, true);
	else
		pages_begin(scim, PHASE_USERS);
}

static void
on_answer(void *arg, const struct fetch_answer *answer)
{
	struct scim *scim = arg;
	struct sync *sync = &scim->sync;
	const struct zt_str body = { answer->body, answer->len };
	struct zt_scim_error error;

	sync->fetch = NULL;
	if (answer->status == 0) {
		sync_fail(scim, "%s: %s", where(scim), answer->error);
		return;
	}
	if (answer->status == 401 && !sync->renewed &&
	    scim_token_renew(scim->token)) {
		sync->renewed = true;
		ask(scim);
		return;
	}
	if (sync->phase == PHASE_SERVICE &&
	    (answer->status == 200 || service_absent(answer->status))) {
		take_service(scim, answer);
		return;
	}
	zt_scim_error_parse(body, &error);
	if (sync->phase != PHASE_SERVICE && answer->status == 200)
		take_list(scim, answer);
	else if (sync->phase == PHASE_SERVICE ||
	    !refusal_heeded(scim, answer->status, &error))
		fail_status(scim, answer, &error);
}

static enum zt_err
url_make(const struct scim *scim, char **out)
{
	const struct sync *sync = &scim->sync;
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

	return sync->phase == PHASE_SERVICE
	    ? scim_url_service(scim->source->conf, out)
	    : scim_url_page(&url, out);
}

static void
on_token(void *arg, const char *token, const char *why)
{
	struct scim *scim = arg;
	zt_auto_free char *url = NULL;
	struct fetch_request request = {
		.accept = "application/scim+json, application/json",
		.bearer = token,
		.ca_file = scim->source->conf->ca_file,
		.timeout_ms = scim->source->conf->timeout_ms,
		.body_max = ZT_SCIM_ANSWER_MAX,
	};
	enum zt_err err;

	if (why != NULL) {
		sync_fail(scim, "%s", why);
		return;
	}
	if ((err = url_make(scim, &url)) == ZT_OK) {
		request.url = url;
		err = fetch_start(scim->source->fetcher, &request, on_answer,
		    scim, &scim->sync.fetch);
	}
	if (err != ZT_OK)
		sync_fail(scim, "%s: %s", where(scim), zt_strerror(err));
}

static void
ask(struct scim *scim)
{
	if (stamp_boottime_ms() - scim->sync.began_boot_ms >
	    SYNC_MAX_S * 1000) {
		sync_fail(scim,
		    "%s: not all has come within %d s: raise "
		    "page_size, or narrow the filters",
		    where(scim), SYNC_MAX_S);
		return;
	}
	scim_token_get(scim->token, on_token, scim);
}

/* ---- the type ---- */

static bool
full_is_due(const struct scim *scim)
{
	const int64_t age_ms = stamp_now_ms() - scim->mark.full_ms;
	const int64_t interval_ms =
	    (int64_t)scim->source->conf->full_interval_s * 1000;

	return scim->all == NULL || scim->no_filter || !scim->mark.dated ||
	    scim->mark.newest_us < OVERLAP_MS * 1000 || age_ms < 0 ||
	    age_ms >= interval_ms;
}

static void
scim_sync(struct source *s)
{
	struct scim *scim = s->priv;
	const int64_t now_ms = stamp_boottime_ms();
	bool full;

	if (now_ms < scim->wait_until_ms) {
		source_fail(s,
		    "the service asked to be left alone for another %" PRId64
		    " s",
		    (scim->wait_until_ms - now_ms + 999) / 1000);
		return;
	}
	scim->sync = (struct sync){ .phase = PHASE_NONE,
		.began_ms = stamp_now_ms(),
		.began_boot_ms = now_ms };
	full = full_is_due(scim);
	if (full)
		scim->service_known = false; /* it may have learnt */
	sync_begin(scim, full);
}

static const char *
text_or(const char *text)
{
	return text == NULL ? "-" : text;
}

/* All that decides who is asked for, and what becomes of the answer. */
static char *
config_text(const struct conf_source *c)
{
	char *text;

	return asprintf(&text, "%s %s %s %s %s %s %s %s %s %s %s", c->url,
		   text_or(c->user_filter), text_or(c->group_filter),
		   text_or(c->attr_name), text_or(c->attr_uid),
		   text_or(c->attr_gid), text_or(c->attr_gecos),
		   text_or(c->attr_home), text_or(c->attr_shell),
		   text_or(c->attr_group_name), text_or(c->attr_group_gid)) < 0
	    ? NULL
	    : text;
}

/* Before the first sync there is nothing else to do: at once. */
static enum zt_err
restore(struct scim *scim)
{
	zt_auto_free struct zt_scim_entry *entries = NULL;
	struct zt_set *set = NULL;
	int64_t synced_ms;
	size_t n = 0;
	enum zt_err err = scim_state_load(scim->source->state_file,
	    scim->config, &scim->all, &scim->mark, &synced_ms);

	if (err != ZT_OK)
		return err == ZT_ERR_NOTFOUND ? ZT_OK : err;
	if ((err = zt_set_new(&set)) == ZT_OK)
		err = zt_scim_catalog_list(scim->all, &entries, &n);
	for (size_t i = 0; i < n && err == ZT_OK; i++)
		err = zt_scim_entry_add(scim->all, &entries[i], set);
	if (err == ZT_OK)
		err = zt_set_seal(set);
	if (err != ZT_OK) {
		zt_set_free(set);
		return err;
	}
	scim->built = set;
	source_restore(scim->source, set, synced_ms);
	return ZT_OK;
}

static enum zt_err
scim_create(struct source *s)
{
	const struct conf_source *c = s->conf;
	struct scim *scim = calloc(1, sizeof(*scim));
	enum zt_err err;

	if (scim == NULL)
		return ZT_ERR_NOMEM;
	s->priv = scim; /* from here on destroy() frees it */
	scim->source = s;
	scim->write_whole = true;
	scim->map = (struct zt_scim_map){
		.name = c->attr_name,
		.uid = c->attr_uid,
		.gid = c->attr_gid,
		.gecos = c->attr_gecos,
		.home = c->attr_home,
		.shell = c->attr_shell,
		.group_name = c->attr_group_name,
		.group_gid = c->attr_group_gid,
	};
	if ((scim->config = config_text(c)) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = scim_token_new(c, s->fetcher, &scim->token)) != ZT_OK)
		return err;
	return restore(scim);
}

static void
scim_destroy(struct source *s)
{
	struct scim *scim = s->priv;

	if (scim == NULL)
		return;
	if (scim->token != NULL)
		sync_clear(scim);
	scim_token_free(scim->token);
	zt_scim_catalog_free(scim->all);
	free(scim->config);
	free(scim);
	s->priv = NULL;
}

const struct source_type source_scim = {
	.name = "scim",
	.remote = true,
	.create = scim_create,
	.sync = scim_sync,
	.destroy = scim_destroy,
};
