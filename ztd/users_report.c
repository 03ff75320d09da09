/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "users_state.h"
#include "zt/auto.h"
#include "zt/time.h"

/* What ztctl shows: why who exists, and how the sources are. */

#define REFUSED_PAGE 64   /* refusals in one answer, count */
#define WHY_MAX      64   /* records of one name, count */
#define KEY_SHOWN    1024 /* of a record's key, escaped; bytes with NUL */

/* Outside text, made safe. */
static json_t *
escaped(const char *text)
{
	char shown[KEY_SHOWN];

	if (text == NULL)
		return json_null();
	(void)zt_escape(shown, sizeof(shown), zt_str(text));
	return json_string(shown);
}

static const char *
source_name(const struct users *users, uint8_t source)
{
	return source < users->n_sources ? users->sources[source]->conf->name
					 : "";
}

/* As of the snapshot's making; NULL if it was never made. */
static const char *
created(const struct users *users, char text[ZT_TIME_MAX])
{
	if (!users->mapped ||
	    zt_time_ms(users->snapshot.info.created_ms, text) != ZT_OK)
		return NULL;
	return text;
}

/* A source is in order only when programs see what it brought. */
static json_t *
source_json(const struct source *s)
{
	json_t *status = source_status(s);
	const char *state = json_string_value(json_object_get(status, "state"));

	if (s->clock->unpublished && state != NULL && strcmp(state, "ok") == 0)
		(void)json_object_set_new(status, "state",
		    json_string("syncing"));
	return status;
}

static json_t *
sources_list(const struct users *users)
{
	json_t *list = json_array();

	for (size_t i = 0; i < users->n_sources; i++)
		(void)json_array_append_new(list,
		    source_json(users->sources[i]));
	return list;
}

static json_t *
snapshot_json(const struct users *users)
{
	const struct zt_snapshot_info *info = &users->snapshot.info;
	char text[ZT_TIME_MAX];

	if (!users->mapped)
		return json_null();
	return json_pack("{s:I, s:s?, s:I, s:I, s:b, s:I, s:s}", "generation",
	    (json_int_t)info->generation, "created", created(users, text),
	    "users", (json_int_t)info->users, "groups",
	    (json_int_t)info->groups, "complete", (int)info->complete, "bytes",
	    (json_int_t)users->snapshot.len, "file", users->paths.snapshot);
}

json_t *
users_sources_json(const struct users *users)
{
	return json_pack("{s:o, s:o, s:s?}", "sources", sources_list(users),
	    "snapshot", snapshot_json(users), "error",
	    users->error[0] != '\0' ? users->error : NULL);
}

static json_t *
refusal_json(const struct users *users, const struct users_refusal *r)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:s}", "source",
	    source_name(users, r->source), "record", escaped(r->key), "name",
	    escaped(r->name), "kind", r->is_group ? "group" : "user", "why",
	    r->why);
}

json_t *
users_refused_json(const struct users *users, uint32_t cursor,
    uint32_t *next_out)
{
	const struct users_report *report = &users->report;
	json_t *list = json_array();
	size_t i = cursor;

	while (i < report->n_refusals && i - cursor < REFUSED_PAGE)
		(void)json_array_append_new(list,
		    refusal_json(users, &report->refusals[i++]));
	*next_out = i < report->n_refusals ? (uint32_t)i : 0;
	return json_pack("{s:o}", "refused", list);
}

/* Why the merge refused a record; NULL if it did not. */
static const char *
why_refused(const struct users *users, size_t source, const char *key)
{
	const struct users_report *report = &users->report;

	for (size_t i = 0; i < report->n_refusals; i++)
		if (report->refusals[i].source == source &&
		    strcmp(report->refusals[i].key, key) == 0)
			return report->refusals[i].why;
	return NULL;
}

static const char *
record_name(const struct zt_set_record *record)
{
	if (record->user != NULL)
		return record->user->name;
	return record->group != NULL ? record->group->name : record->name;
}

/* A file is known by its name too where its content says none. */
static bool
is_about(const struct zt_set_record *record, struct zt_str name)
{
	const char *named = record_name(record);
	const size_t len = strcspn(record->key, ".");

	if (named != NULL)
		return zt_str_is(name, named);
	return len == name.len && memcmp(record->key, name.p, len) == 0;
}

static json_t *
why_record(const struct users *users, size_t source,
    const struct zt_set_record *record)
{
	const char *why = record->why;

	if (why == NULL)
		why = why_refused(users, source, record->key);
	return json_pack("{s:s, s:o, s:s, s:b, s:s?}", "source",
	    source_name(users, (uint8_t)source), "record", escaped(record->key),
	    "kind", record->group != NULL ? "group" : "user", "accepted",
	    (int)(why == NULL), "why", why);
}

static json_t *
why_records(const struct users *users, struct zt_str name)
{
	json_t *list = json_array();

	for (size_t s = 0; s < users->n_sources; s++) {
		const struct zt_set *set = source_set(users->sources[s]);
		const struct zt_set_record *r;

		for (size_t i = 0;
		     set != NULL && (r = zt_set_at(set, i)) != NULL; i++)
			if (is_about(r, name) &&
			    json_array_size(list) < WHY_MAX)
				(void)json_array_append_new(list,
				    why_record(users, s, r));
	}
	return list;
}

json_t *
users_why_json(const struct users *users, struct zt_str name)
{
	struct zt_snapshot_user user;
	const bool exists = users->mapped &&
	    zt_snapshot_user(&users->snapshot, name, &user) == ZT_OK;
	struct zt_local_user local;
	char text[ZT_NAME_MAX + 1];
	struct zt_str source = zt_str(NULL);
	json_t *obj;

	if (zt_str_copy(text, sizeof(text), name) != ZT_OK)
		return NULL;
	if (exists)
		source = zt_snapshot_source(&users->snapshot, user.source);
	obj = json_pack("{s:s, s:b, s:b, s:o}", "name", text, "exists",
	    (int)exists, "local",
	    (int)(zt_local_find(users->paths.etc, text, 0, &local) == ZT_OK),
	    "records", why_records(users, name));
	(void)json_object_set_new(obj, "source",
	    exists ? json_stringn(source.p, source.len) : json_null());
	(void)json_object_set_new(obj, "uid",
	    exists ? json_integer(user.uid) : json_null());
	(void)json_object_set_new(obj, "gid",
	    exists ? json_integer(user.gid) : json_null());
	return obj;
}

static char *
source_trouble(const struct source *s)
{
	const struct source_clock *c = s->clock;
	const char *name = s->conf->name;
	char *text = NULL;
	int n = 0;

	if (c->held != NULL)
		n = asprintf(&text,
		    "%s: held: %s: ztctl identity apply --force if that is "
		    "meant",
		    name, c->held_why);
	else if (source_stale(s))
		n = asprintf(&text, "%s: stale: %s", name,
		    c->error[0] != '\0' ? c->error : "not heard of yet");
	return n < 0 ? NULL : text;
}

char *
users_trouble(const struct users *users)
{
	char *text = users->error[0] != '\0' ? strdup(users->error) : NULL;

	for (size_t i = 0; text == NULL && i < users->n_sources; i++)
		text = source_trouble(users->sources[i]);
	return text;
}

/* The first refusals, in the form that ztctl status shows. */
static json_t *
refused_status(const struct users_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0;
	     i < report->n_refusals && i < USERS_STATUS_REFUSED_MAX; i++)
		(void)json_array_append_new(list,
		    json_pack("{s:o, s:s}", "file",
			escaped(report->refusals[i].key), "why",
			report->refusals[i].why));
	return list;
}

/* What keeps the newest from being served: of a source, else of all. */
static const char *
first_error(const struct users *users)
{
	for (size_t i = 0; i < users->n_sources; i++)
		if (users->sources[i]->clock->error[0] != '\0')
			return users->sources[i]->clock->error;
	return users->error[0] != '\0' ? users->error : NULL;
}

json_t *
users_status(const struct users *users)
{
	const bool mapped = users->mapped;
	char text[ZT_TIME_MAX];

	return json_pack("{s:I, s:I, s:o, s:I, s:s?, s:s?, s:o}", "users",
	    (json_int_t)(mapped ? users->snapshot.info.users : 0), "groups",
	    (json_int_t)(mapped ? users->snapshot.info.groups : 0), "refused",
	    refused_status(&users->report), "refused_total",
	    (json_int_t)users->report.n_refusals, "loaded",
	    created(users, text), "error", first_error(users), "sources",
	    sources_list(users));
}
