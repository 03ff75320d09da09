/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "stamp.h"
#include "users_state.h"
#include "zt/auto.h"

static void
directoryp_free(struct zt_directory **directory)
{
	zt_directory_free(*directory);
}

void
users_refuse(struct users *users, const char *format, ...)
{
	char error[SOURCE_WHY_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(error, sizeof(error), format, ap);
	va_end(ap);
	if (strcmp(error, users->error) != 0)
		say(LOG_ERR, "users: %s", error);
	(void)snprintf(users->error, sizeof(users->error), "%s", error);
}

/*
 * Is there a source that has said nothing yet, but has users in the snapshot
 * in force?  Without it they would be gone.
 */
static const struct source *
silent_source(const struct users *users)
{
	for (size_t i = 0; i < users->n_sources; i++)
		if (source_set(users->sources[i]) == NULL &&
		    users->sources[i]->clock->in_force > 0)
			return users->sources[i];
	return NULL;
}

static bool
any_source(const struct users *users)
{
	for (size_t i = 0; i < users->n_sources; i++)
		if (source_set(users->sources[i]) != NULL)
			return true;
	return false;
}

static enum zt_err
load_local(struct users *users)
{
	enum zt_err err;

	if (users->local != NULL)
		return ZT_OK;
	err = zt_local_load(users->paths.etc, &users->local);
	if (err == ZT_ERR_SYS)
		users_refuse(users, "local account files: %s", strerror(errno));
	else if (err != ZT_OK)
		users_refuse(users, "local account files: %s",
		    zt_strerror(err));
	return err;
}

/* SOURCE/IMMUTABLE-ID:ID; word is cut up.  It has been checked. */
static struct zt_id_override
override_parse(char *word)
{
	char *slash = strchr(word, '/'), *colon = strrchr(word, ':');

	*slash = '\0';
	*colon = '\0';
	return (struct zt_id_override){ word, slash + 1,
		(uint32_t)strtoul(colon + 1, NULL, 10) };
}

/* Load users.ids with the configuration's overrides. */
static enum zt_err
idmap_load(struct users *users, unsigned *line)
{
	const struct conf_list *list = &users->conf->identity.id_overrides;
	struct zt_id_override overrides[CONF_LIST_MAX];
	char *words[CONF_LIST_MAX];
	enum zt_err err = ZT_OK;
	size_t n = 0;

	while (n < list->n && err == ZT_OK) {
		if ((words[n] = strdup(list->words[n])) == NULL)
			err = ZT_ERR_NOMEM;
		else
			overrides[n] = override_parse(words[n]);
		n++;
	}
	if (err == ZT_OK)
		err = zt_idmap_load(users->paths.ids, overrides, n, line,
		    &users->ids);
	while (n > 0)
		free(words[--n]);
	return err;
}

/* An id could change hands if this file were guessed at. */
static enum zt_err
load_ids(struct users *users)
{
	unsigned line = 0;
	enum zt_err err;

	if (users->ids != NULL)
		return ZT_OK;
	err = idmap_load(users, &line);
	if (err == ZT_ERR_MALFORMED)
		users_refuse(users, "%s:%u: not understood: restore the file",
		    users->paths.ids, line);
	else if (err == ZT_ERR_DENIED)
		users_refuse(users,
		    "%s: others than ztd can write it: chmod go-w",
		    users->paths.ids);
	else if (err == ZT_ERR_SYS)
		users_refuse(users, "%s: %s", users->paths.ids,
		    strerror(errno));
	else if (err != ZT_OK)
		users_refuse(users, "%s: %s", users->paths.ids,
		    zt_strerror(err));
	return err;
}

static enum zt_err
merge(struct users *users, struct zt_directory **out)
{
	const struct conf *conf = users->conf;
	const struct zt_identity_rules rules = {
		.id_min = conf->identity.id_min,
		.id_max = conf->identity.id_max,
		.allow_groups =
		    (const char *const *)conf->identity.allow_groups.words,
		.n_allow_groups = conf->identity.allow_groups.n,
	};
	struct zt_merge_source sources[CONF_SOURCES_MAX];

	for (size_t i = 0; i < users->n_sources; i++)
		sources[i] =
		    (struct zt_merge_source){ users->sources[i]->conf->name,
			    source_set(users->sources[i]) };
	return zt_merge(sources, users->n_sources, &rules, users->local,
	    users->ids, out);
}

/* Does every source have records, and is none to be asked for a single one? */
static bool
is_complete(const struct users *users)
{
	bool complete = users->whole;

	for (size_t i = 0; i < users->n_sources; i++)
		complete = complete && !users->sources[i]->conf->lookup;
	return complete;
}

static enum zt_err
write_snapshot(struct users *users, const struct zt_directory *directory)
{
	const char *names[CONF_SOURCES_MAX];
	bool unmarked = false;
	const struct zt_snapshot_meta meta = {
		.generation = users->generation + 1,
		.created_ms = stamp_now_ms(),
		.id_min = users->conf->identity.id_min,
		.id_max = users->conf->identity.id_max,
		.complete = is_complete(users),
		.enumerate = users->conf->identity.enumerate,
		.sources = names,
		.n_sources = users->n_sources,
		.unmarked_out = &unmarked,
	};
	enum zt_err err;

	for (size_t i = 0; i < users->n_sources; i++)
		names[i] = users->sources[i]->conf->name;
	err = zt_snapshot_write(users->paths.snapshot, directory, &meta);
	if (err == ZT_OK && unmarked)
		say(LOG_WARNING,
		    "users: %s belonged to another user and could not be "
		    "marked: it is replaced, but processes that run keep the "
		    "old users until they end; give ztd files that you "
		    "restore (chown ztd)",
		    users->paths.snapshot);
	return err;
}

/* Map what was written, and let go of the one before. */
static enum zt_err
map_snapshot(struct users *users)
{
	struct zt_snapshot_file file;
	struct zt_snapshot snapshot;
	enum zt_err err;

	err = zt_snapshot_open(users->paths.snapshot, &snapshot, &file);
	if (err != ZT_OK)
		return err;
	if (users->mapped)
		zt_snapshot_close(&users->snapshot);
	users->snapshot = snapshot;
	users->mapped = true;
	users->generation = snapshot.info.generation;
	return ZT_OK;
}

static int
compare_privileged(const void *a, const void *b)
{
	const struct users_privileged *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Copy what root may see of the records that have such a section. */
static enum zt_err
copy_privileged(const struct zt_directory *directory,
    struct users_report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < directory->n_users; i++)
		n += directory->users[i].record->privileged[0] != '\0';
	if (n == 0)
		return ZT_OK;
	report->privileged = calloc(n, sizeof(*report->privileged));
	if (report->privileged == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < directory->n_users; i++) {
		const struct zt_user *user = directory->users[i].record;
		struct users_privileged *p;

		if (user->privileged[0] == '\0')
			continue;
		p = &report->privileged[report->n_privileged++];
		p->name = strdup(user->name);
		p->json = strdup(user->privileged);
		if (p->name == NULL || p->json == NULL)
			return ZT_ERR_NOMEM;
	}
	qsort(report->privileged, n, sizeof(*report->privileged),
	    compare_privileged);
	return ZT_OK;
}

static enum zt_err
copy_refusals(const struct zt_directory *directory, struct users_report *report)
{
	if (directory->n_refusals == 0)
		return ZT_OK;
	report->refusals =
	    calloc(directory->n_refusals, sizeof(*report->refusals));
	if (report->refusals == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < directory->n_refusals; i++) {
		const struct zt_refusal *from = &directory->refusals[i];
		struct users_refusal *to = &report->refusals[i];

		report->n_refusals++;
		to->source = from->source;
		to->is_group = from->is_group;
		to->key = strdup(from->key);
		to->name = from->name == NULL ? NULL : strdup(from->name);
		to->why = strdup(from->why);
		if (to->key == NULL || to->why == NULL ||
		    (to->name == NULL) != (from->name == NULL))
			return ZT_ERR_NOMEM;
	}
	return ZT_OK;
}

void
users_report_clear(struct users_report *report)
{
	for (size_t i = 0; i < report->n_refusals; i++) {
		free(report->refusals[i].key);
		free(report->refusals[i].name);
		free(report->refusals[i].why);
	}
	free(report->refusals);
	for (size_t i = 0; i < report->n_privileged; i++) {
		free(report->privileged[i].name);
		zt_wipep(&report->privileged[i].json);
	}
	free(report->privileged);
	*report = (struct users_report){ 0 };
}

static void
in_force_clear(struct users_in_force *in_force)
{
	free(in_force->uids);
}

/* What a publication brings. */
struct outcome {
	struct users_report report;
	struct users_in_force in_force;
	size_t lost[CONF_SOURCES_MAX]; /* users of each source */
};

static void
outcome_clear(struct outcome *outcome)
{
	users_report_clear(&outcome->report);
	in_force_clear(&outcome->in_force);
}

/*
 * Can there be a snapshot of what the sources say now?  Not without one that
 * has users in force and has said nothing: they would be gone.
 */
static enum zt_err
check_sources(struct users *users)
{
	const struct source *silent = silent_source(users);

	if (silent != NULL && !users->forced) {
		users_refuse(users,
		    "source %s %s since the start: its users stay, and "
		    "nothing else changes until it does, or until "
		    "\"ztctl identity apply --force\"",
		    silent->conf->name,
		    silent->clock->held != NULL ? "has not brought them again"
						: "has not answered");
		return ZT_ERR_DENIED;
	}
	if (!any_source(users)) {
		users_refuse(users, "no source has said yet who there is");
		return ZT_ERR_DENIED;
	}
	return ZT_OK;
}

/* Merge, without the sets that lose too many; each time there is one less. */
static enum zt_err
merge_guarded(struct users *users, struct zt_directory **out,
    struct outcome *outcome)
{
	zt_auto(directoryp_free) struct zt_directory *directory = NULL;
	bool held = true;
	enum zt_err err;

	while (held) {
		zt_directory_free(zt_take(directory));
		in_force_clear(&outcome->in_force);
		outcome->in_force = (struct users_in_force){ 0 };
		if ((err = check_sources(users)) != ZT_OK)
			return err;
		if ((err = merge(users, &directory)) != ZT_OK)
			return err;
		err = users_guard_collect(directory, users->n_sources,
		    &outcome->in_force);
		if (err == ZT_OK)
			err = users_guard(users, directory, &outcome->in_force,
			    outcome->lost, &held);
		if (err != ZT_OK)
			return err;
		if (held)
			zt_idmap_rollback(users->ids);
	}
	*out = zt_take(directory);
	return ZT_OK;
}

static void
note_whole(struct users *users)
{
	users->whole = true;
	for (size_t i = 0; i < users->n_sources; i++)
		if (source_set(users->sources[i]) == NULL)
			users->whole = false;
}

/* Everything that can fail; the snapshot is replaced last. */
static enum zt_err
put_in_force(struct users *users, const struct zt_directory *directory,
    struct users_report *report)
{
	enum zt_err err;

	if ((err = copy_refusals(directory, report)) != ZT_OK)
		return err;
	if ((err = copy_privileged(directory, report)) != ZT_OK)
		return err;
	/* nobody is told of an id that a crash could forget */
	if ((err = zt_idmap_commit(users->ids)) != ZT_OK)
		return err;
	note_whole(users);
	if ((err = write_snapshot(users, directory)) != ZT_OK)
		return err;
	return map_snapshot(users);
}

/* The outcome is in force; what was is cleared with it. */
static void
take_outcome(struct users *users, struct outcome *outcome)
{
	const struct outcome old = { .report = users->report,
		.in_force = users->in_force };

	users->report = outcome->report;
	users->in_force = outcome->in_force;
	for (size_t i = 0; i < users->n_sources; i++)
		source_published(users->sources[i],
		    users_in_force_count(&users->in_force, i),
		    outcome->lost[i]);
	users->error[0] = '\0';
	*outcome = old;
}

/* Whether it succeeds or not: whoever waits for it need not go on. */
static void
note_published(struct users *users)
{
	for (size_t i = 0; i < users->n_sources; i++) {
		users->sources[i]->clock->unpublished = false;
		users->sources[i]->clock->blocked = false;
	}
}

static enum zt_err
publish(struct users *users)
{
	zt_auto(directoryp_free) struct zt_directory *directory = NULL;
	zt_auto(outcome_clear) struct outcome outcome = { 0 };
	enum zt_err err;

	if ((err = check_sources(users)) != ZT_OK ||
	    (err = load_local(users)) != ZT_OK ||
	    (err = load_ids(users)) != ZT_OK)
		return err;
	err = merge_guarded(users, &directory, &outcome);
	if (err == ZT_ERR_DENIED) {
		zt_idmap_rollback(users->ids);
		return err;
	}
	if (err == ZT_OK)
		err = put_in_force(users, directory, &outcome.report);
	if (err == ZT_OK) {
		take_outcome(users, &outcome);
		return ZT_OK;
	}
	users_refuse(users, "%s: %s", users->paths.snapshot,
	    err == ZT_ERR_SYS ? strerror(errno) : zt_strerror(err));
	zt_idmap_rollback(users->ids);
	return err == ZT_ERR_DENIED ? ZT_ERR_UNAVAIL : err;
}

enum zt_err
users_publish(struct users *users)
{
	const int64_t began_us = stamp_monotonic_us();
	enum zt_err err;

	note_published(users);
	err = publish(users);
	users->ended_us = stamp_monotonic_us();
	users->took_us = users->ended_us - began_us;
	users->forced = false;
	return err;
}
