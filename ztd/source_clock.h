/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SOURCE_CLOCK_H
#define ZTD_SOURCE_CLOCK_H

#include "source.h"

/* For users.c: what source.c keeps of a source, and how it is made. */

#define SOURCE_LOSS_FLOOR 10 /* users a source may lose whatever the share */

/* The source brought a set, or its health changed. */
typedef void source_changed(void *arg, struct source *s);

struct source_clock {
	source_changed *changed;
	void *arg;
	sd_event_source *timer;    /* owned; the next sync, or its progress */
	unsigned max_loss_percent; /* of the users in force */
	unsigned stale_after_s;
	struct zt_set *set;  /* owned; in force; NULL: none yet */
	struct zt_set *next; /* owned; to be published; NULL: none */
	struct zt_set *held; /* owned; waits for an administrator */
	char held_why[SOURCE_WHY_MAX];
	bool blocked;      /* it loses too many without a set to hold */
	size_t held_users; /* that exist if it is applied */
	size_t in_force;   /* users of the source in the snapshot */
	int64_t window_us; /* monotonic clock; when losses began to add up */
	size_t window_lost, window_users; /* since then; at that moment */
	size_t asked;      /* of source_lose() since the last publication */
	int64_t synced_ms; /* last contact, wall clock; 0: never */
	int64_t next_us;   /* monotonic clock; 0: none is planned */
	int64_t began_us, rest_us;  /* likewise; last sync; no scan before */
	bool syncing, again;        /* again: sync once more after this one */
	bool was_stale;             /* and said so */
	bool unpublished;           /* it changed after the last publication */
	unsigned failures;          /* in a row */
	char error[SOURCE_WHY_MAX]; /* of the last sync; "" if it was good */
	const char *warning;        /* static; NULL: none */
	size_t done, total;         /* records of the sync under way */
};

/* What all sources of a configuration share. */
struct source_options {
	sd_event *event;         /* borrowed */
	struct fetcher *fetcher; /* borrowed */
	const char *state_dir;   /* borrowed */
	unsigned max_loss_percent, stale_after_s;
	source_changed *changed;
	void *arg;
};

/*
 * Make a source and restore what it remembers.
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS.
 */
ZT_MUST_USE enum zt_err source_new(const struct conf_source *conf,
    const struct source_options *options, struct source **out);
void source_free(struct source *s);

/* Begin a sync now, or as soon as the one under way has ended. */
void source_sync(struct source *s);

/*
 * Would so many users be too many to lose, beside those of the last minutes?
 * remain is who is left; a remote source does not just lose everybody.
 */
bool source_loses_too_many(struct source *s, size_t lost, size_t remain);

/*
 * Keep the set that was to be published until an administrator has spoken;
 * remain users would exist with it.  False if there was none: then nothing is
 * published at all.
 */
bool source_hold(struct source *s, size_t remain, const char *why);

/* The set was published: it is in force, with so many users, and the source
 * has lost so many. */
void source_published(struct source *s, size_t users, size_t lost);

/* Publish the held set after all.  False if none is held. */
bool source_apply(struct source *s);

/* Seconds since the last contact; -1: never. */
int64_t source_age_s(const struct source *s);

/* Has contact been lost for longer than identity.stale_after? */
bool source_stale(const struct source *s);

/* For ztctl identity sources.  A new reference, or NULL. */
json_t *source_status(const struct source *s);

#endif /* ZTD_SOURCE_CLOCK_H */
