/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "userdb_query.h"
#include "zt/auto.h"
#include "zt/local.h"
#include "zt/passwd.h"
#include "zt/text.h"

#define ERROR_PREFIX       "io.systemd.UserDatabase."
#define ERROR_NO_RECORD    ERROR_PREFIX "NoRecordFound"
#define ERROR_SERVICE      ERROR_PREFIX "BadService"
#define ERROR_UNAVAILABLE  ERROR_PREFIX "ServiceNotAvailable"
#define ERROR_CONFLICT     ERROR_PREFIX "ConflictingRecordFound"
#define ERROR_NO_MATCH     ERROR_PREFIX "NonMatchingRecordFound"
#define ERROR_NO_ENUMERATE ERROR_PREFIX "EnumerationNotSupported"

#define TEXTS_MAX 64 /* in one filter: each is held against every user */

/* What a caller looks for; borrowed from the call's parameters. */
struct wanted {
	const char *user, *group;           /* names; NULL: any */
	int64_t id;                         /* -1: any */
	int64_t min, max;                   /* of the id */
	const json_t *fuzzy, *dispositions; /* arrays of strings; NULL: any */
	const char *service;
	const char *interface;
};

enum kind { TEXT, ID, TEXTS };

/* A parameter of a method, and where in struct wanted it goes. */
struct parameter {
	const char *name;
	enum kind kind;
	size_t offset;
};

/* A local group that the snapshot's users are in. */
struct local {
	uint32_t gid;
	char name[ZT_NAME_MAX + 1]; /* "" if it has none */
};

/* Find one more of what the caller wants: ZT_OK with NULL in *out if this
 * step found nothing, ZT_ERR_NOTFOUND at the end. */
typedef enum zt_err walk_fn(struct userdb_query *query, json_t **out);

struct userdb_query {
	const struct userdb_source *source; /* borrowed */
	uid_t caller;
	bool more;
	json_t *parameters; /* owned; what wanted borrows from */
	struct wanted wanted;

	struct zt_snapshot snapshot; /* mapped if base is not NULL */
	struct local locals[ZT_SNAPSHOT_ALLOWED_MAX];
	size_t n_locals;

	walk_fn *walk; /* NULL: held is the only reply */
	uint32_t cursor, i;
	struct zt_snapshot_user user;
	struct zt_snapshot_group group;

	json_t *held; /* owned; the reply to be sent, or the error's
			 parameters */
	const char *error;
	bool done;
};

/* ---- parameters ---- */

#define WANTED(field) offsetof(struct wanted, field)

static const struct parameter user_parameters[] = {
	{ "userName", TEXT, WANTED(user) },
	{ "uid", ID, WANTED(id) },
	{ "uidMin", ID, WANTED(min) },
	{ "uidMax", ID, WANTED(max) },
	{ "fuzzyNames", TEXTS, WANTED(fuzzy) },
	{ "dispositionMask", TEXTS, WANTED(dispositions) },
	{ "service", TEXT, WANTED(service) },
	{ NULL, TEXT, 0 },
};

static const struct parameter group_parameters[] = {
	{ "groupName", TEXT, WANTED(group) },
	{ "gid", ID, WANTED(id) },
	{ "gidMin", ID, WANTED(min) },
	{ "gidMax", ID, WANTED(max) },
	{ "fuzzyNames", TEXTS, WANTED(fuzzy) },
	{ "dispositionMask", TEXTS, WANTED(dispositions) },
	{ "service", TEXT, WANTED(service) },
	{ NULL, TEXT, 0 },
};

static const struct parameter membership_parameters[] = {
	{ "userName", TEXT, WANTED(user) },
	{ "groupName", TEXT, WANTED(group) },
	{ "service", TEXT, WANTED(service) },
	{ NULL, TEXT, 0 },
};

static const struct parameter no_parameters[] = {
	{ NULL, TEXT, 0 },
};

static const struct parameter interface_parameters[] = {
	{ "interface", TEXT, WANTED(interface) },
	{ NULL, TEXT, 0 },
};

/* Answer with an error; key may be NULL. */
static enum zt_err
fault(struct userdb_query *query, const char *error, const char *key,
    const char *value)
{
	json_decref(query->held);
	query->held =
	    key == NULL ? json_object() : json_pack("{s:s}", key, value);
	query->error = error;
	return query->held == NULL ? ZT_ERR_NOMEM : ZT_ERR_DENIED;
}

static bool
texts_read(const json_t *value)
{
	size_t i;
	json_t *text;

	json_array_foreach(value, i,
	    text) if (!json_is_string(text)) return false;
	return json_is_array(value) && json_array_size(value) <= TEXTS_MAX;
}

static bool
value_read(const json_t *value, enum kind kind, void *to)
{
	const json_int_t id = json_integer_value(value);

	switch (kind) {
	case TEXT:
		*(const char **)to = json_string_value(value);
		return json_is_string(value);
	case ID:
		*(int64_t *)to = id;
		return json_is_integer(value) && id >= 0 && id <= UINT32_MAX;
	case TEXTS:
		*(const json_t **)to = value;
		return texts_read(value);
	}
	return false;
}

/* What is not understood might be a filter: it is never passed over. */
static enum zt_err
parameters_read(struct userdb_query *query, const struct parameter *known)
{
	const char *key;
	json_t *value;

	query->wanted = (struct wanted){ .id = -1, .max = UINT32_MAX };
	json_object_foreach(query->parameters, key, value)
	{
		const struct parameter *p = known;

		while (p->name != NULL && strcmp(p->name, key) != 0)
			p++;
		if (p->name != NULL && json_is_null(value))
			continue;
		if (p->name == NULL ||
		    !value_read(value, p->kind,
			(char *)&query->wanted + p->offset))
			return fault(query, VARLINK_INVALID_PARAMETER,
			    "parameter", key);
	}
	return ZT_OK;
}

/* Read the parameters of a lookup, and map what it is answered from. */
static enum zt_err
lookup_begin(struct userdb_query *query, const struct parameter *known)
{
	struct zt_snapshot_file file;
	enum zt_err err;

	if ((err = parameters_read(query, known)) != ZT_OK)
		return err;
	if (query->wanted.service == NULL ||
	    strcmp(query->wanted.service, USERDB_SERVICE) != 0)
		return fault(query, ERROR_SERVICE, NULL, NULL);
	return zt_snapshot_open(query->source->snapshot, &query->snapshot,
	    &file);
}

/* ---- looking up ---- */

/* Only a complete snapshot knows who does not exist. */
static enum zt_err
settle(const struct userdb_query *query, enum zt_err err)
{
	return err == ZT_ERR_NOTFOUND && !query->snapshot.info.complete
	    ? ZT_ERR_UNAVAIL
	    : err;
}

static enum zt_err
user_by_name(const struct userdb_query *query, const char *name,
    struct zt_snapshot_user *out)
{
	if (!zt_name_valid(zt_str(name)))
		return ZT_ERR_NOTFOUND;
	return settle(query,
	    zt_snapshot_user(&query->snapshot, zt_str(name), out));
}

static enum zt_err
user_by_id(const struct userdb_query *query, int64_t id,
    struct zt_snapshot_user *out)
{
	if (!zt_id_valid((uint32_t)id))
		return ZT_ERR_NOTFOUND;
	return settle(query,
	    zt_snapshot_user_by_uid(&query->snapshot, (uint32_t)id, out));
}

static enum zt_err
group_by_name(const struct userdb_query *query, const char *name,
    struct zt_snapshot_group *out)
{
	if (!zt_name_valid(zt_str(name)))
		return ZT_ERR_NOTFOUND;
	return settle(query,
	    zt_snapshot_group(&query->snapshot, zt_str(name), out));
}

static enum zt_err
group_by_id(const struct userdb_query *query, int64_t id,
    struct zt_snapshot_group *out)
{
	if (!zt_id_valid((uint32_t)id))
		return ZT_ERR_NOTFOUND;
	return settle(query,
	    zt_snapshot_group_by_gid(&query->snapshot, (uint32_t)id, out));
}

/* Both name and id given: of one record, or of none, or it is a conflict. */
static enum zt_err
user_find(struct userdb_query *query, struct zt_snapshot_user *out)
{
	const struct wanted *wanted = &query->wanted;
	enum zt_err err;

	if (wanted->user == NULL)
		return user_by_id(query, wanted->id, out);
	err = user_by_name(query, wanted->user, out);
	if (wanted->id < 0 || (err == ZT_OK && out->uid == wanted->id))
		return err;
	if (err == ZT_ERR_NOTFOUND)
		err = user_by_id(query, wanted->id, out);
	return err == ZT_OK ? fault(query, ERROR_CONFLICT, NULL, NULL) : err;
}

static enum zt_err
group_find(struct userdb_query *query, struct zt_snapshot_group *out)
{
	const struct wanted *wanted = &query->wanted;
	enum zt_err err;

	if (wanted->group == NULL)
		return group_by_id(query, wanted->id, out);
	err = group_by_name(query, wanted->group, out);
	if (wanted->id < 0 || (err == ZT_OK && out->gid == wanted->id))
		return err;
	if (err == ZT_ERR_NOTFOUND)
		err = group_by_id(query, wanted->id, out);
	return err == ZT_OK ? fault(query, ERROR_CONFLICT, NULL, NULL) : err;
}

/* ---- filters ---- */

/* Is text any of those, or does it hold one of them? */
static bool
texts_match(const json_t *texts, const char *text, bool part)
{
	size_t i;
	json_t *one;

	json_array_foreach(texts, i, one)
	{
		const char *s = json_string_value(one);

		if (part ? strcasestr(text, s) != NULL : strcmp(text, s) == 0)
			return true;
	}
	return false;
}

static bool
fuzzy_match(const json_t *texts, const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text != NULL && texts_match(texts, text, true);
}

static bool
matches(const struct wanted *wanted, const json_t *record, uint32_t id)
{
	const char *disposition =
	    json_string_value(json_object_get(record, "disposition"));

	if (id < wanted->min || id > wanted->max)
		return false;
	if (wanted->dispositions != NULL &&
	    !texts_match(wanted->dispositions, disposition, false))
		return false;
	return wanted->fuzzy == NULL ||
	    fuzzy_match(wanted->fuzzy, record, "userName") ||
	    fuzzy_match(wanted->fuzzy, record, "groupName") ||
	    fuzzy_match(wanted->fuzzy, record, "realName");
}

/* ---- users and groups ---- */

/* *incomplete_out: there is a section, and the caller does not get it. */
static enum zt_err
privileged_set(const struct userdb_query *query, json_t *record,
    const struct zt_snapshot_user *user, bool *incomplete_out)
{
	const char *text =
	    query->source->privileged(query->source->arg, user->name);
	json_t *section;

	*incomplete_out = text != NULL;
	if (text == NULL || (query->caller != 0 && query->caller != user->uid))
		return ZT_OK;
	section = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(section)) {
		json_decref(section);
		return ZT_OK;
	}
	*incomplete_out = false;
	return json_object_set_new(record, "privileged", section) == 0
	    ? ZT_OK
	    : ZT_ERR_NOMEM;
}

/* NULL in *out if the user does not match. */
static enum zt_err
user_reply(const struct userdb_query *query,
    const struct zt_snapshot_user *user, json_t **out)
{
	json_t *record = userdb_user_record(user);
	bool incomplete;

	if (record == NULL)
		return ZT_ERR_MALFORMED;
	if (!matches(&query->wanted, record, user->uid)) {
		json_decref(record);
		*out = NULL;
		return ZT_OK;
	}
	if (privileged_set(query, record, user, &incomplete) != ZT_OK) {
		json_decref(record);
		return ZT_ERR_NOMEM;
	}
	*out =
	    json_pack("{s:o, s:b}", "record", record, "incomplete", incomplete);
	return *out == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

static enum zt_err
group_reply(const struct userdb_query *query,
    const struct zt_snapshot_group *group, json_t **out)
{
	json_t *record = userdb_group_record(group);

	if (record == NULL)
		return ZT_ERR_MALFORMED;
	if (!matches(&query->wanted, record, group->gid)) {
		json_decref(record);
		*out = NULL;
		return ZT_OK;
	}
	*out = json_pack("{s:o, s:b}", "record", record, "incomplete", false);
	return *out == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

static enum zt_err
walk_users(struct userdb_query *query, json_t **out)
{
	struct zt_snapshot_user user;
	enum zt_err err;

	err = zt_snapshot_user_next(&query->snapshot, &query->cursor, &user);
	return err == ZT_OK ? user_reply(query, &user, out) : err;
}

static enum zt_err
walk_groups(struct userdb_query *query, json_t **out)
{
	struct zt_snapshot_group group;
	enum zt_err err;

	err = zt_snapshot_group_next(&query->snapshot, &query->cursor, &group);
	return err == ZT_OK ? group_reply(query, &group, out) : err;
}

/* Many replies; all: to whoever asks for nothing in particular. */
static enum zt_err
walk_begin(struct userdb_query *query, walk_fn *walk, bool all)
{
	if (all && !query->snapshot.info.enumerate)
		return fault(query, ERROR_NO_ENUMERATE, NULL, NULL);
	if (!query->more)
		return fault(query, VARLINK_EXPECTED_MORE, NULL, NULL);
	query->walk = walk;
	return ZT_OK;
}

static enum zt_err
get_user_record(struct userdb_query *query)
{
	struct zt_snapshot_user user;
	enum zt_err err;

	if ((err = lookup_begin(query, user_parameters)) != ZT_OK)
		return err;
	if (query->wanted.user == NULL && query->wanted.id < 0)
		return walk_begin(query, walk_users, true);
	if ((err = user_find(query, &user)) != ZT_OK ||
	    (err = user_reply(query, &user, &query->held)) != ZT_OK)
		return err;
	return query->held != NULL ? ZT_OK
				   : fault(query, ERROR_NO_MATCH, NULL, NULL);
}

static enum zt_err
get_group_record(struct userdb_query *query)
{
	struct zt_snapshot_group group;
	enum zt_err err;

	if ((err = lookup_begin(query, group_parameters)) != ZT_OK)
		return err;
	if (query->wanted.group == NULL && query->wanted.id < 0)
		return walk_begin(query, walk_groups, true);
	if ((err = group_find(query, &group)) != ZT_OK ||
	    (err = group_reply(query, &group, &query->held)) != ZT_OK)
		return err;
	return query->held != NULL ? ZT_OK
				   : fault(query, ERROR_NO_MATCH, NULL, NULL);
}

/* ---- memberships ---- */

struct local_search {
	uint32_t gid;
	const char *name; /* NULL: by gid */
	struct local *found;
	bool any;
};

static bool
local_see(void *arg, const char *name, uint32_t gid, char *const *members)
{
	struct local_search *search = arg;

	(void)members;
	if (search->name != NULL ? strcmp(name, search->name) != 0
				 : gid != search->gid)
		return true;
	search->found->gid = gid;
	search->any = zt_name_valid(zt_str(name)) &&
	    zt_str_copy(search->found->name, sizeof(search->found->name),
		zt_str(name)) == ZT_OK;
	return false;
}

/* The name of a local group that users are in; read once for each query. */
static enum zt_err
local_name(struct userdb_query *query, uint32_t gid, struct zt_str *out)
{
	struct local_search search = { .gid = gid };
	struct local *local;
	enum zt_err err;

	for (size_t i = 0; i < query->n_locals; i++) {
		local = &query->locals[i];
		if (local->gid == gid) {
			*out = zt_str(local->name);
			return out->len > 0 ? ZT_OK : ZT_ERR_NOTFOUND;
		}
	}
	if (query->n_locals == ZT_SNAPSHOT_ALLOWED_MAX)
		return ZT_ERR_MALFORMED;
	local = &query->locals[query->n_locals];
	*local = (struct local){ .gid = gid };
	search.found = local;
	err = zt_local_groups(query->source->etc, local_see, &search);
	if (err != ZT_OK)
		return err;
	query->n_locals++;
	*out = zt_str(local->name);
	return search.any ? ZT_OK : ZT_ERR_NOTFOUND;
}

static enum zt_err
group_name(struct userdb_query *query, uint32_t gid, struct zt_str *out)
{
	struct zt_snapshot_group group;
	enum zt_err err;

	err = zt_snapshot_group_by_gid(&query->snapshot, gid, &group);
	if (err == ZT_ERR_NOTFOUND)
		return local_name(query, gid, out);
	if (err == ZT_OK)
		*out = group.name;
	return err;
}

static enum zt_err
membership(struct zt_str user, struct zt_str group, json_t **out)
{
	*out = json_pack("{s:s%, s:s%}", "userName", user.p, user.len,
	    "groupName", group.p, group.len);
	return *out == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

/* The groups of query->user. */
static enum zt_err
walk_gids(struct userdb_query *query, json_t **out)
{
	struct zt_str name;
	enum zt_err err;
	uint32_t gid;

	*out = NULL;
	if (query->i == query->user.n_gids)
		return ZT_ERR_NOTFOUND;
	err = zt_snapshot_gid(&query->snapshot, &query->user, query->i++, &gid);
	if (err == ZT_OK)
		err = group_name(query, gid, &name);
	if (err == ZT_ERR_NOTFOUND) /* it was there when this was written */
		return ZT_OK;
	return err == ZT_OK ? membership(query->user.name, name, out) : err;
}

/* The members of query->group. */
static enum zt_err
walk_members(struct userdb_query *query, json_t **out)
{
	struct zt_str name;
	enum zt_err err;

	if (query->i == query->group.n_members)
		return ZT_ERR_NOTFOUND;
	err = zt_snapshot_member(&query->snapshot, &query->group, query->i++,
	    &name);
	return err == ZT_OK ? membership(name, query->group.name, out) : err;
}

/* The groups of every user. */
static enum zt_err
walk_memberships(struct userdb_query *query, json_t **out)
{
	if (query->i < query->user.n_gids)
		return walk_gids(query, out);
	*out = NULL;
	query->i = 0;
	query->user.n_gids = 0;
	return zt_snapshot_user_next(&query->snapshot, &query->cursor,
	    &query->user);
}

static enum zt_err
user_has_gid(const struct userdb_query *query,
    const struct zt_snapshot_user *user, uint32_t gid)
{
	enum zt_err err = ZT_OK;
	uint32_t one = 0;

	for (uint32_t i = 0; i < user->n_gids; i++) {
		err = zt_snapshot_gid(&query->snapshot, user, i, &one);
		if (err != ZT_OK || one == gid)
			return err;
	}
	return ZT_ERR_NOTFOUND;
}

/* Every user who is in query->group, a local one. */
static enum zt_err
walk_local(struct userdb_query *query, json_t **out)
{
	struct zt_snapshot_user user;
	enum zt_err err;

	*out = NULL;
	err = zt_snapshot_user_next(&query->snapshot, &query->cursor, &user);
	if (err != ZT_OK)
		return err;
	err = user_has_gid(query, &user, query->group.gid);
	if (err == ZT_ERR_NOTFOUND)
		return ZT_OK;
	return err == ZT_OK ? membership(user.name, query->group.name, out)
			    : err;
}

/*
 * Find the group whose members are asked for, in *local_out if it is a local
 * one.  Libraries ask for those of any group there is: what users of a
 * snapshot cannot be in must be said without looking at each of them.
 */
static enum zt_err
members_group(struct userdb_query *query, bool *local_out)
{
	struct local_search search = { .name = query->wanted.group,
		.found = &query->locals[0] };
	enum zt_err err;

	*local_out = false;
	err = group_by_name(query, query->wanted.group, &query->group);
	if (err != ZT_ERR_NOTFOUND)
		return err;
	err = zt_local_groups(query->source->etc, local_see, &search);
	if (err != ZT_OK)
		return err;
	if (!search.any ||
	    !zt_snapshot_allowed(&query->snapshot, search.found->gid))
		return ZT_ERR_NOTFOUND;
	query->n_locals = 1;
	query->group =
	    (struct zt_snapshot_group){ .name = zt_str(search.found->name),
		    .gid = search.found->gid };
	*local_out = true;
	return ZT_OK;
}

static enum zt_err
membership_test(struct userdb_query *query)
{
	bool local;
	enum zt_err err;

	if ((err = user_by_name(query, query->wanted.user, &query->user)) !=
		ZT_OK ||
	    (err = members_group(query, &local)) != ZT_OK ||
	    (err = user_has_gid(query, &query->user, query->group.gid)) !=
		ZT_OK)
		return err;
	return membership(query->user.name, query->group.name, &query->held);
}

static enum zt_err
get_memberships(struct userdb_query *query)
{
	const struct wanted *wanted = &query->wanted;
	bool local;
	enum zt_err err;

	if ((err = lookup_begin(query, membership_parameters)) != ZT_OK)
		return err;
	if (wanted->user != NULL && wanted->group != NULL)
		return membership_test(query);
	if (wanted->user == NULL && wanted->group == NULL)
		return walk_begin(query, walk_memberships, true);
	if (wanted->user != NULL) {
		err = user_by_name(query, wanted->user, &query->user);
		return err == ZT_OK ? walk_begin(query, walk_gids, false) : err;
	}
	if ((err = members_group(query, &local)) != ZT_OK)
		return err;
	return walk_begin(query, local ? walk_local : walk_members, false);
}

/* ---- org.varlink.service ---- */

static enum zt_err
get_info(struct userdb_query *query)
{
	enum zt_err err = parameters_read(query, no_parameters);

	if (err != ZT_OK)
		return err;
	query->held = userdb_info();
	return query->held == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

static enum zt_err
get_interface_description(struct userdb_query *query)
{
	enum zt_err err = parameters_read(query, interface_parameters);
	const char *name = query->wanted.interface;
	const char *text;

	if (err != ZT_OK)
		return err;
	if (name == NULL)
		return fault(query, VARLINK_INVALID_PARAMETER, "parameter",
		    "interface");
	if ((text = userdb_interface(name)) == NULL)
		return fault(query, VARLINK_INTERFACE_NOT_FOUND, "interface",
		    name);
	query->held = json_pack("{s:s}", "description", text);
	return query->held == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

/* ---- a query ---- */

static enum zt_err
begin(struct userdb_query *query, const char *method)
{
	static const struct {
		const char *name;
		enum zt_err (*get)(struct userdb_query *query);
	} methods[] = {
		{ "io.systemd.UserDatabase.GetUserRecord", get_user_record },
		{ "io.systemd.UserDatabase.GetGroupRecord", get_group_record },
		{ "io.systemd.UserDatabase.GetMemberships", get_memberships },
		{ "org.varlink.service.GetInfo", get_info },
		{ "org.varlink.service.GetInterfaceDescription",
		    get_interface_description },
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, method) == 0)
			return methods[i].get(query);
	return fault(query, VARLINK_METHOD_NOT_FOUND, "method", method);
}

/* Whatever went wrong that the call is not to blame for. */
static enum zt_err
failure(struct userdb_query *query, enum zt_err err)
{
	if (err == ZT_ERR_NOMEM || err == ZT_ERR_DENIED)
		return err;
	return fault(query,
	    err == ZT_ERR_NOTFOUND ? ERROR_NO_RECORD : ERROR_UNAVAILABLE, NULL,
	    NULL);
}

enum zt_err
userdb_query_new(const struct userdb_source *source,
    const struct varlink_call *call, uid_t caller, struct userdb_query **out)
{
	struct userdb_query *query = calloc(1, sizeof(*query));
	enum zt_err err;

	if (query == NULL)
		return ZT_ERR_NOMEM;
	query->source = source;
	query->caller = caller;
	query->more = call->more;
	query->parameters = json_incref(call->parameters);
	err = begin(query, call->method);
	if (err != ZT_OK && failure(query, err) == ZT_ERR_NOMEM) {
		userdb_query_free(query);
		return ZT_ERR_NOMEM;
	}
	*out = query;
	return ZT_OK;
}

void
userdb_query_free(struct userdb_query *query)
{
	if (query == NULL)
		return;
	if (query->snapshot.base != NULL)
		zt_snapshot_close(&query->snapshot);
	json_decref(query->parameters);
	json_decref(query->held);
	free(query);
}

/* The last reply, or the error. */
static enum zt_err
finish(struct userdb_query *query, char **out, size_t *len_out)
{
	query->done = true;
	if (query->error == NULL)
		return varlink_reply(zt_take(query->held), false, out, len_out);
	return varlink_error(query->error, zt_take(query->held), out, len_out);
}

enum zt_err
userdb_query_next(struct userdb_query *query, char **out, size_t *len_out)
{
	json_t *found = NULL, *before;
	enum zt_err err;

	if (query->done)
		return ZT_ERR_NOTFOUND;
	if (query->walk == NULL)
		return finish(query, out, len_out);
	err = query->walk(query, &found);
	if (err == ZT_OK) {
		*out = NULL;
		if (found == NULL)
			return ZT_OK;
		/* is it the last?  The next step knows. */
		before = query->held;
		query->held = found;
		return before == NULL
		    ? ZT_OK
		    : varlink_reply(before, true, out, len_out);
	}
	if (err == ZT_ERR_NOTFOUND && query->held != NULL)
		return finish(query, out, len_out);
	if (failure(query, err) == ZT_ERR_NOMEM)
		return ZT_ERR_NOMEM;
	return finish(query, out, len_out);
}
