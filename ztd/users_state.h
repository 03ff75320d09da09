/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_USERS_STATE_H
#define ZTD_USERS_STATE_H

#include "fetch.h"
#include "source_clock.h"
#include "users.h"
#include "zt/idmap.h"
#include "zt/local.h"

/* Copied from a merge, which does not outlive the writing of its outcome. */
struct users_refusal {
	uint8_t source;
	bool is_group;
	char *key, *name, *why; /* owned; name may be NULL */
};

/* A section of a record that is not for everybody. */
struct users_privileged {
	char *name, *json; /* owned */
};

/* What the last merge left besides the snapshot. */
struct users_report {
	struct users_refusal *refusals; /* owned */
	size_t n_refusals;
	struct users_privileged *privileged; /* owned, sorted by name */
	size_t n_privileged;
};

/* The uids that exist, one source's after the other's. */
struct users_in_force {
	uint32_t *uids;                /* owned */
	size_t ends[CONF_SOURCES_MAX]; /* where each source's end */
};

#define USERS_GONE_MAX 256 /* names known not to exist, count */

/* A name that a source did not know. */
struct users_gone {
	char name[ZT_NAME_MAX + 1];
	int64_t until_us; /* monotonic clock */
};

#define USERS_WAITERS_MAX 16 /* who wait for one answer, count */

/* Somebody who waits for the answer. */
struct users_waiter {
	users_found *done;
	void *arg;
};

/* For users_lookup.c. */
struct users_lookup {
	struct users_waiter waiters[USERS_WAITERS_MAX];
	size_t n_waiters; /* 0: none is under way */
	bool for_root;    /* root is among them */
	char name[ZT_NAME_MAX + 1];
	size_t next;            /* source to ask if this one has nobody */
	bool unsure;            /* a source did not say */
	sd_event_source *timer; /* owned; the answer is due */
	int64_t until_us;       /* monotonic clock; and so it is */
	int64_t spent_us[2];    /* likewise; root's bucket was empty then, and
				   that of all others */
	uint64_t seed;          /* of the places in gone; 0: none yet */
	struct users_gone gone[USERS_GONE_MAX];
};

/* What users.c keeps, for the files that answer from it. */
struct users {
	sd_event *event;                          /* borrowed */
	const struct conf *conf;                  /* borrowed */
	struct users_paths paths;                 /* owned texts */
	struct fetcher *fetcher;                  /* owned */
	struct source *sources[CONF_SOURCES_MAX]; /* owned */
	size_t n_sources;
	struct zt_local *local;      /* owned; NULL while unread */
	struct zt_idmap *ids;        /* owned; NULL while unread */
	struct zt_snapshot snapshot; /* if mapped */
	bool mapped;
	uint64_t generation; /* of the last one written; 0: none is known */
	bool whole;          /* every source has told who there is */
	struct users_report report;
	struct users_in_force in_force;
	bool forced; /* the next publication may lose anybody */
	struct users_lookup lookup;
	char error[SOURCE_WHY_MAX]; /* why nothing new is published; "" */
	int64_t ended_us, took_us;  /* monotonic; the last publication */
	sd_event_source *timer;     /* owned; the next */
	sd_event_source *watch_etc; /* owned; NULL while there is none */
};

/*
 * Merge what the sources say, write the snapshot and map it; or say why not,
 * in users->error.  What was published before stays in that case.
 *
 * Errors: ZT_ERR_DENIED if a source or an administrator must speak first; else
 * it may go better the next time.
 */
enum zt_err users_publish(struct users *users);

void users_report_clear(struct users_report *report);

/* Keep why nothing new is published, and say it once. */
__attribute__((__format__(__printf__, 2, 3))) void
users_refuse(struct users *users, const char *format, ...);

/* Who is in force when the broker starts.  Errors: ZT_ERR_NOMEM. */
ZT_MUST_USE enum zt_err users_guard_begin(struct users *users);

/* Who is in force once the directory is; owned.  Errors: ZT_ERR_NOMEM. */
ZT_MUST_USE enum zt_err
users_guard_collect(const struct zt_directory *directory, size_t n_sources,
    struct users_in_force *out);

size_t
users_in_force_count(const struct users_in_force *in_force, size_t source);

/*
 * Does no source lose too many users, if the directory is published?
 *
 * then  who would be in force
 * lost  receives the number of users each source loses
 * held  set to true if a source does, and its new set is held: merge again
 *
 * Errors: ZT_ERR_NOMEM; ZT_ERR_DENIED if one does without a new set: the
 * reason is kept.
 */
ZT_MUST_USE enum zt_err
users_guard(struct users *users, const struct zt_directory *directory,
    const struct users_in_force *then, size_t *lost, bool *held);

/* The source of this name, or NULL. */
struct source *users_source(const struct users *users, struct zt_str name);

#endif /* ZTD_USERS_STATE_H */
