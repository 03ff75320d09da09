/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SOURCE_H
#define ZTD_SOURCE_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "conf.h"
#include "zt/identity.h"

/*
 * Where users come from.  One object for each source of the configuration; its
 * type does the work, source.c keeps the time: the first sync at once, then
 * every interval with jitter, sooner after a failure.
 */
struct source;
struct fetcher;

#define SOURCE_WHY_MAX 256 /* an explanation, bytes with NUL */

/* What a type of source does.  s->priv is its own. */
struct source_type {
	const char *name; /* "files", "bundle", "scim" */
	bool remote;      /* an outage is to be expected */

	/*
	 * Make s->priv and, if there is one, load what the last sync left in
	 * s->state_file: source_restore().
	 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS.
	 */
	enum zt_err (*create)(struct source *s);

	/*
	 * Begin a sync.  It ends, now or later from the event loop, with
	 * exactly one of source_done(), source_same() and source_fail(), unless
	 * destroy() comes first.  Never begun while another is under way.
	 */
	void (*sync)(struct source *s);

	/* Its last set was published; NULL: it does not matter. */
	void (*in_force)(struct source *s);

	/* Free s->priv; give up a sync under way without a word. */
	void (*destroy)(struct source *s);
};

extern const struct source_type source_files, source_bundle, source_scim;

/* What the types use of a source. */
struct source {
	const struct source_type *type;
	const struct conf_source *conf; /* borrowed */
	sd_event *event;                /* borrowed */
	struct fetcher *fetcher;        /* borrowed */
	char *state_file; /* owned; /var/lib/ztd/sources/NAME, for what a
			     remote source must remember; the type may append
			     a suffix */
	void *priv;
	/* the rest belongs to source.c and users.c */
	struct source_clock *clock;
};

/*
 * The sync brought these records; set, sealed, is taken over.  It may be
 * source_set(), changed in a few places.
 */
void source_done(struct source *s, struct zt_set *set);

/* The last set that is not held, or NULL; a type may change it in a sync, then
 * calls source_done() with it before it returns. */
struct zt_set *source_set(const struct source *s);

/* The set that was published last, or NULL. */
const struct zt_set *source_in_force(const struct source *s);

/*
 * May n users be taken out of source_set()?  If not, a whole new set must be
 * made: it will be held for an administrator.
 */
bool source_lose(struct source *s, size_t n);

/* Outside of a sync: source_set() was changed in a few places. */
void source_touched(struct source *s);

/* The sync found that nothing has changed. */
void source_same(struct source *s);

/*
 * The sync failed.  why is one line for the administrator, with the next
 * step; outside bytes in it must have been escaped.
 */
__attribute__((__format__(__printf__, 2, 3))) void
source_fail(struct source *s, const char *why, ...);

/*
 * What is wrong although the syncs are good, until it is said anew.
 *
 * why  static, one line, with the next step; NULL: nothing
 */
void source_warn(struct source *s, const char *why);

/* How far the sync is: records; total 0 if unknown. */
void source_progress(struct source *s, size_t done, size_t total);

/*
 * From create(): the records of the last good sync, and when that was (wall
 * clock, ms); set is taken over.
 */
void source_restore(struct source *s, struct zt_set *set, int64_t synced_ms);

/*
 * Sync soon: something has changed.  If all is to be read, it waits three times
 * as long as the last syncs took, so that changes without end leave time for
 * others; nor do they put off what is due.
 */
void source_hurry(struct source *s, bool whole);

#endif /* ZTD_SOURCE_H */
