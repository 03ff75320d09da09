/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SCIM_SYNC_H
#define ZTD_SCIM_SYNC_H

#include "fetch.h"
#include "scim_state.h"
#include "scim_token.h"
#include "source.h"
#include "zt/scim.h"

/*
 * The parts of a SCIM source: source_scim.c is the type, scim_sync.c asks and
 * hears, scim_build.c makes of it what is applied and remembered.
 */
#define SCIM_OVERLAP_MS 5000 /* asked for again: changes of one moment */

enum scim_phase {
	SCIM_NONE, /* no sync is under way */
	SCIM_SERVICE,
	SCIM_USERS,
	SCIM_GROUPS,
	SCIM_BUILD,
};

/* A sync under way; all of it is gone when it ends. */
struct scim_sync {
	enum scim_phase phase;
	bool full;
	bool restarted; /* because the total changed */
	bool renewed;   /* the token, because it was refused */
	int64_t began_ms, began_boot_ms;
	struct zt_scim_query query; /* into: owned */
	struct zt_scim_pager pager;
	struct fetch *fetch; /* or NULL */
	size_t done;         /* resources of earlier phases */
	/* SCIM_BUILD */
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
	int64_t wait_until_wall_ms;  /* the same, for people */
	const struct zt_set *built;  /* of all; for its address alone */
	bool members_due;            /* but for members of groups */
	bool write_due, write_whole; /* the state file is behind */
	struct zt_scim_catalog *unwritten; /* owned; by this, if not whole */
	struct scim_sync sync;
	struct scim_lookup *lookup; /* owned; or NULL */
};

#define SCIM_ACCEPT "application/scim+json, application/json"

/* Is it one of those? */
bool scim_type_fits(const char *type);

/* Begin a sync; began_ms and began_boot_ms are set, the rest is zero. */
void scim_sync_begin(struct scim *scim, bool full);

/* The last set is in force: write what led to it. */
void scim_in_force(struct source *s);

/* Give up what is under way. */
void scim_sync_clear(struct scim *scim);
__attribute__((__format__(__printf__, 2, 3))) void
scim_sync_fail(struct scim *scim, const char *format, ...);

/* Give up a lookup, without a word or with one. */
void scim_lookup_clear(struct scim *scim);
void scim_lookup_end(struct scim *scim, enum zt_err err);

/* Every page has come, and held: go on, and end the sync. */
void scim_build(struct scim *scim);

/* Between two syncs: keep what a lookup has found, until a full sync.  Errors:
 * ZT_ERR_NOMEM, ZT_ERR_TOOBIG. */
ZT_MUST_USE enum zt_err
scim_build_add(struct scim *scim, const struct zt_scim_catalog *found);

/* Load what an earlier run left; nothing is not an error. */
ZT_MUST_USE enum zt_err scim_build_restore(struct scim *scim);

#endif /* ZTD_SCIM_SYNC_H */
