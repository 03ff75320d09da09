/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "scim_sync.h"
#include "zt/auto.h"

#define BUILD_RECORDS 500 /* at once, between other events; some ms */

/* What became of writing the state file. */
static void
state_written(struct scim *scim, enum zt_err err)
{
	const char *path = scim->source->state_file;

	scim->write_due = err != ZT_OK;
	scim->write_whole = err != ZT_OK;
	if (err != ZT_OK)
		say(LOG_WARNING,
		    "source %s: %s: %s: %m; a restart will read "
		    "all users anew",
		    scim->source->conf->name, path, zt_strerror(err));
}

/* What came is in memory, and not in the state file. */
static void
state_behind(struct scim *scim, struct zt_scim_catalog *fresh)
{
	if (scim->write_due)
		scim->write_whole = true;
	scim->write_due = true;
	zt_scim_catalog_free(scim->unwritten);
	scim->unwritten = fresh;
}

/* A set that waits for an administrator is not written: a restart would put
 * it in force.  It is once it is. */
static void
state_catch_up(struct scim *scim)
{
	if (!scim->write_due || scim->built != source_in_force(scim->source))
		return;
	state_written(scim,
	    scim_state_write(scim->source->state_file,
		scim->write_whole ? scim->config : NULL,
		scim->write_whole ? scim->all : scim->unwritten, &scim->mark));
	zt_scim_catalog_free(zt_take(scim->unwritten));
}

void
scim_in_force(struct source *s)
{
	state_catch_up(s->priv);
}

static void
end_same(struct scim *scim)
{
	scim_sync_clear(scim);
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
		scim_sync_fail(scim, "out of memory");
		return;
	}
	scim_sync_clear(scim);
	scim->built = set;
	state_behind(scim, fresh);
	source_done(scim->source, set);
}

static int
on_slice(sd_event_source *slice, void *arg)
{
	struct scim *scim = arg;
	struct scim_sync *sync = &scim->sync;
	enum zt_err err = ZT_OK;

	for (unsigned i = 0;
	     i < BUILD_RECORDS && err == ZT_OK && sync->next < sync->n_entries;
	     i++)
		err = zt_scim_entry_add(scim->all, &sync->entries[sync->next++],
		    sync->set);
	if (err != ZT_OK)
		scim_sync_fail(scim, "%s", zt_strerror(err));
	else if (sync->next < sync->n_entries)
		(void)sd_event_source_set_enabled(slice, SD_EVENT_ONESHOT);
	else
		build_done(scim);
	return 0;
}

static void
build_begin(struct scim *scim)
{
	struct scim_sync *sync = &scim->sync;

	sync->phase = SCIM_BUILD;
	scim->built = NULL; /* until it is of scim->all again */
	scim->members_due = false;
	if (zt_scim_catalog_list(scim->all, &sync->entries, &sync->n_entries) !=
		ZT_OK ||
	    zt_set_new(&sync->set) != ZT_OK ||
	    sd_event_add_defer(scim->source->event, &sync->slice, on_slice,
		scim) < 0)
		scim_sync_fail(scim, "out of memory");
}

/* Is what came just what is known?  An incremental sync: part of it. */
static bool
nothing_new(const struct scim *scim)
{
	const struct zt_scim_catalog *into = scim->sync.query.into;
	bool same = false;

	if (scim->all == NULL || scim->built == NULL || scim->members_due ||
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
	const struct scim_sync *sync = &scim->sync;
	const int64_t now_us = sync->began_ms * 1000;
	const int64_t newest_us =
	    sync->query.newest_us < now_us ? sync->query.newest_us : now_us;

	if (sync->full)
		scim->mark = (struct scim_mark){ newest_us, sync->began_ms,
			!sync->query.undated, scim->no_attributes };
	else if (newest_us > scim->mark.newest_us)
		scim->mark.newest_us = newest_us;
}

/* Every page has come, and held. */
void
scim_build(struct scim *scim)
{
	struct scim_sync *sync = &scim->sync;
	const bool same = nothing_new(scim);
	enum zt_err err;

	mark_move(scim);
	if (sync->full) {
		/* with the mark of a full sync, if nothing else */
		scim->write_due = scim->write_whole = true;
		zt_scim_catalog_free(zt_take(scim->unwritten));
		zt_scim_catalog_free(scim->all);
		scim->all = zt_take(sync->query.into);
	} else if (!same &&
	    (err = zt_scim_catalog_merge(scim->all, sync->query.into)) !=
		ZT_OK) {
		scim->mark.full_ms = 0; /* half of it may be in */
		scim_sync_fail(scim, "%s",
		    err == ZT_ERR_TOOBIG ? zt_scim_too_many : "out of memory");
		return;
	}
	if (same)
		end_same(scim);
	else
		build_begin(scim);
}

/*
 * The next sync builds anew, for a group may have members of another name now.
 * If the file is behind, all of it will be written.
 */
enum zt_err
scim_build_add(struct scim *scim, const struct zt_scim_catalog *found)
{
	enum zt_err err = zt_scim_catalog_merge(scim->all, found);

	scim->members_due = true;
	if (err != ZT_OK || scim->built != source_set(scim->source))
		scim->built = NULL; /* it is not in that set */
	if (err == ZT_OK && scim->write_due)
		scim->write_whole = true;
	else if (err == ZT_OK)
		state_written(scim,
		    scim_state_add(scim->source->state_file, found,
			&scim->mark));
	return err;
}

/* Before the first sync there is nothing else to do: at once. */
enum zt_err
scim_build_restore(struct scim *scim)
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
	scim->no_attributes = scim->mark.plain;
	source_restore(scim->source, set, synced_ms);
	return ZT_OK;
}
