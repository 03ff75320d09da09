/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <nss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "say.h"
#include "stamp.h"
#include "users_state.h"
#include "zt/auto.h"

#define RETRY_US    2000000 /* after a publication that failed */
#define SHARE       4       /* publishing takes at most one part in so many */
#define ETC_DEFAULT "/etc"
#define STATE_DIR   "/var/lib/ztd"

/* What a changed account file, or a change of /etc itself, looks like. */
#define WATCH_MASK                                                  \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | \
	    IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | \
	    IN_ONLYDIR)
#define WATCH_LOST (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)

enum zt_err
users_local_only(void)
{
	static const char *const databases[] = { "passwd", "group",
		"initgroups", "shadow", "gshadow" };

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		if (__nss_configure_lookup(databases[i], "files") != 0)
			return ZT_ERR_SYS;
	return ZT_OK;
}

/* Publish in us from now, unless that is to happen sooner. */
static void
arm(struct users *users, uint64_t us)
{
	const uint64_t at = (uint64_t)stamp_monotonic_us() + us;
	uint64_t planned = UINT64_MAX;
	int enabled = SD_EVENT_OFF;

	(void)sd_event_source_get_enabled(users->timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		(void)sd_event_source_get_time(users->timer, &planned);
	if (at >= planned)
		return;
	(void)sd_event_source_set_time(users->timer, at);
	(void)sd_event_source_set_enabled(users->timer, SD_EVENT_ONESHOT);
}

/* Not before us from now, and so that a stream of changes leaves time for
 * logins. */
static void
arm_paced(struct users *users, int64_t us)
{
	const int64_t next_us = users->ended_us + (SHARE - 1) * users->took_us;
	const int64_t wait_us = next_us - stamp_monotonic_us();

	arm(users, (uint64_t)(wait_us > us ? wait_us : us));
}

static void
on_source(void *arg, struct source *s)
{
	s->clock->unpublished = true;
	arm_paced(arg, 0);
}

static bool
is_account_file(const char *name)
{
	return strcmp(name, "passwd") == 0 || strcmp(name, "group") == 0 ||
	    strcmp(name, "subuid") == 0 || strcmp(name, "subgid") == 0;
}

static int
on_etc(sd_event_source *source, const struct inotify_event *event, void *arg)
{
	struct users *users = arg;

	if ((event->mask & WATCH_LOST) != 0) {
		users->watch_etc = NULL;
		(void)sd_event_source_disable_unref(source);
	} else if (event->len > 0 && !is_account_file(event->name)) {
		return 0;
	}
	zt_local_free(zt_take(users->local)); /* read again */
	arm_paced(users, 0);
	return 0;
}

/* Watch first, then read: a change in between is not missed. */
static void
watch_etc(struct users *users)
{
	if (users->watch_etc != NULL)
		return;
	if (sd_event_add_inotify(users->event, &users->watch_etc,
		users->paths.etc, WATCH_MASK, on_etc, users) < 0)
		users->watch_etc = NULL;
	else
		zt_local_free(zt_take(users->local));
}

static void
publish(struct users *users)
{
	enum zt_err err;

	/* whatever asked for it is served by this one */
	(void)sd_event_source_set_enabled(users->timer, SD_EVENT_OFF);
	watch_etc(users);
	err = users_publish(users);
	if ((err != ZT_OK && err != ZT_ERR_DENIED) || users->watch_etc == NULL)
		arm_paced(users, RETRY_US);
}

static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	publish(arg);
	return 0;
}

static enum zt_err
paths_fill(struct users *users, const char *etc, const char *state_dir)
{
	struct users_paths *p = &users->paths;

	p->etc = strdup(etc);
	if (asprintf(&p->snapshot, "%s/users.snapshot", state_dir) < 0)
		p->snapshot = NULL;
	if (asprintf(&p->ids, "%s/users.ids", state_dir) < 0)
		p->ids = NULL;
	if (asprintf(&p->sources, "%s/sources", state_dir) < 0)
		p->sources = NULL;
	if (p->etc == NULL || p->snapshot == NULL || p->ids == NULL ||
	    p->sources == NULL)
		return ZT_ERR_NOMEM;
	if (mkdir(p->sources, 0700) != 0 && errno != EEXIST)
		say(LOG_WARNING, "%s: %s", p->sources, strerror(errno));
	return ZT_OK;
}

/*
 * Take up the snapshot that the last broker left, if it is what that wrote:
 * each record is checked when it is asked for, and one that breaks a rule must
 * not take the others with it.
 */
static void
snapshot_adopt(struct users *users)
{
	struct zt_snapshot_file file;
	enum zt_err err;

	err = zt_snapshot_open(users->paths.snapshot, &users->snapshot, &file);
	if (err == ZT_OK) {
		users->generation = users->snapshot.info.generation;
		if ((err = zt_snapshot_intact(&users->snapshot)) == ZT_OK) {
			users->mapped = true;
			return;
		}
		zt_snapshot_close(&users->snapshot);
	}
	if (err != ZT_ERR_UNAVAIL)
		say(LOG_WARNING, "%s: %s: it is written anew",
		    users->paths.snapshot, zt_strerror(err));
}

static enum zt_err
sources_make(struct users *users)
{
	const struct conf *conf = users->conf;
	const struct source_options options = {
		.event = users->event,
		.fetcher = users->fetcher,
		.state_dir = users->paths.sources,
		.max_loss_percent = conf->identity.max_loss_percent,
		.stale_after_s = conf->identity.stale_after_s,
		.changed = on_source,
		.arg = users,
	};
	enum zt_err err;

	for (size_t i = 0; i < conf->n_sources; i++) {
		err =
		    source_new(&conf->sources[i], &options, &users->sources[i]);
		if (err != ZT_OK)
			return err;
		users->sources[i]->clock->in_force =
		    users_in_force_count(&users->in_force, i);
		users->n_sources++;
	}
	return ZT_OK;
}

static void
usersp_free(struct users **users)
{
	users_free(*users);
}

enum zt_err
users_new(sd_event *event, const struct conf *conf, const char *etc,
    const char *state_dir, struct users **out)
{
	zt_auto(usersp_free) struct users *users = calloc(1, sizeof(*users));
	enum zt_err err;

	if (users == NULL)
		return ZT_ERR_NOMEM;
	users->event = event;
	users->conf = conf;
	err = paths_fill(users, etc != NULL ? etc : ETC_DEFAULT,
	    state_dir != NULL ? state_dir : STATE_DIR);
	if (err == ZT_OK)
		err = fetcher_new(event, &users->fetcher);
	if (err != ZT_OK)
		return err;
	if (sd_event_add_time(event, &users->timer, CLOCK_MONOTONIC, UINT64_MAX,
		1, on_timer, users) < 0 ||
	    sd_event_source_set_enabled(users->timer, SD_EVENT_OFF) < 0)
		return ZT_ERR_SYS;
	snapshot_adopt(users);
	if ((err = users_guard_begin(users)) != ZT_OK)
		return err;
	if ((err = sources_make(users)) != ZT_OK)
		return err;
	*out = zt_take(users);
	return ZT_OK;
}

void
users_begin(struct users *users)
{
	for (size_t i = 0; i < users->n_sources; i++)
		source_sync(users->sources[i]);
	publish(users); /* what is known now is there from the start */
}

void
users_free(struct users *users)
{
	if (users == NULL)
		return;
	users_settle(users);
	for (size_t i = 0; i < users->n_sources; i++)
		source_free(users->sources[i]);
	fetcher_free(users->fetcher);
	(void)sd_event_source_disable_unref(users->watch_etc);
	(void)sd_event_source_disable_unref(users->timer);
	if (users->mapped)
		zt_snapshot_close(&users->snapshot);
	users_report_clear(&users->report);
	free(users->in_force.uids);
	zt_local_free(users->local);
	zt_idmap_free(users->ids);
	free(users->paths.etc);
	free(users->paths.snapshot);
	free(users->paths.ids);
	free(users->paths.sources);
	free(users);
}

const struct zt_snapshot *
users_snapshot(const struct users *users)
{
	return users->mapped ? &users->snapshot : NULL;
}

static int
compare_name(const void *key, const void *item)
{
	const struct users_privileged *p = item;

	return strcmp(key, p->name);
}

const char *
users_privileged(const struct users *users, struct zt_str name)
{
	const struct users_report *r = &users->report;
	const struct users_privileged *found;
	char text[ZT_NAME_MAX + 1];

	if (r->n_privileged == 0 ||
	    zt_str_copy(text, sizeof(text), name) != ZT_OK)
		return NULL;
	found = bsearch(text, r->privileged, r->n_privileged,
	    sizeof(*r->privileged), compare_name);
	return found == NULL ? NULL : found->json;
}

struct source *
users_source(const struct users *users, struct zt_str name)
{
	for (size_t i = 0; i < users->n_sources; i++)
		if (zt_str_is(name, users->sources[i]->conf->name))
			return users->sources[i];
	return NULL;
}

/* What a source is held up by is meant; false if nothing is. */
static bool
apply(struct source *s)
{
	const bool silent = source_set(s) == NULL && s->clock->in_force > 0;
	const bool held = source_apply(s);

	return held || silent || s->clock->blocked;
}

json_t *
users_apply(struct users *users)
{
	json_t *applied = json_array();

	for (size_t i = 0; i < users->n_sources; i++)
		if (apply(users->sources[i])) {
			users->forced = true;
			(void)json_array_append_new(applied,
			    json_string(users->sources[i]->conf->name));
		}
	arm(users, 0);
	return applied;
}

enum zt_err
users_sync(struct users *users, struct zt_str name)
{
	struct source *s;

	if (name.len == 0) {
		for (size_t i = 0; i < users->n_sources; i++)
			source_sync(users->sources[i]);
		return ZT_OK;
	}
	if ((s = users_source(users, name)) == NULL)
		return ZT_ERR_NOTFOUND;
	source_sync(s);
	return ZT_OK;
}
