/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "zt/auto.h"
#include "zt/json.h"
#include "zt/passwd.h"
#include "zt/scim.h"
#include "zt/wire.h"

/*
 * From resources to records.  A value goes into the record as it came, of
 * whatever type: the rules of records judge it, in one place for all sources.
 */

#define CORE         "urn:ietf:params:scim:schemas:core:2.0:"
#define SCHEMA_USER  CORE "User"
#define SCHEMA_GROUP CORE "Group"

#define DEFAULT_NAME       "userName"
#define DEFAULT_UID        ZT_SCIM_POSIX_USER ":uidNumber"
#define DEFAULT_GID        ZT_SCIM_POSIX_USER ":gidNumber"
#define DEFAULT_GECOS      ZT_SCIM_POSIX_USER ":gecos"
#define DEFAULT_HOME       ZT_SCIM_POSIX_USER ":homeDirectory"
#define DEFAULT_SHELL      ZT_SCIM_POSIX_USER ":loginShell"
#define DEFAULT_GROUP_NAME "displayName"
#define DEFAULT_GROUP_GID  ZT_SCIM_POSIX_GROUP ":gidNumber"
#define DISPLAY_NAME       "displayName"

static const char *
path_or(const char *path, const char *fallback)
{
	return path == NULL ? fallback : path;
}

const char *
zt_scim_name_path(const struct zt_scim_map *map)
{
	return path_or(map->name, DEFAULT_NAME);
}

size_t
zt_scim_attributes(const struct zt_scim_map *map, enum zt_scim_kind kind,
    const char *out[ZT_SCIM_ATTRIBUTES_MAX])
{
	size_t n = 0;

	out[n++] = "id";
	out[n++] = "meta";
	if (kind == ZT_SCIM_GROUP) {
		out[n++] = path_or(map->group_name, DEFAULT_GROUP_NAME);
		out[n++] = "members";
		out[n++] = path_or(map->group_gid, DEFAULT_GROUP_GID);
		return n;
	}
	out[n++] = "active";
	out[n++] = zt_scim_name_path(map);
	if (map->gecos == NULL)
		out[n++] = DISPLAY_NAME;
	out[n++] = path_or(map->uid, DEFAULT_UID);
	out[n++] = path_or(map->gid, DEFAULT_GID);
	out[n++] = path_or(map->gecos, DEFAULT_GECOS);
	out[n++] = path_or(map->home, DEFAULT_HOME);
	out[n++] = path_or(map->shell, DEFAULT_SHELL);
	return n;
}

/* ---- attributes ---- */

/* A resource being read; the first failure sticks, as with struct zt_rd. */
struct reading {
	const json_t *root;
	const char *schema; /* the core schema of this kind */
	enum zt_err err;
	const char *why;
};

static void
reading_fail(struct reading *r, const char *why)
{
	if (r->err != ZT_OK)
		return;
	r->err = ZT_ERR_MALFORMED;
	r->why = why;
}

/*
 * The attribute of this name, in whatever case (RFC 7643 s2.1); NULL if it is
 * absent or null, which are the same (s2.5).
 */
static json_t *
member(struct reading *r, const json_t *object, struct zt_str name)
{
	json_t *found = NULL;
	unsigned n = 0;

	for (void *it = json_object_iter((json_t *)(uintptr_t)object);
	     it != NULL;
	     it = json_object_iter_next((json_t *)(uintptr_t)object, it)) {
		const char *key = json_object_iter_key(it);

		if (strlen(key) == name.len &&
		    strncasecmp(key, name.p, name.len) == 0) {
			found = json_object_iter_value(it);
			n++;
		}
	}
	if (n > 1)
		reading_fail(r, "an attribute is there twice, in other case");
	return json_is_null(found) ? NULL : found;
}

/* Take the text before the separator off s; all of it if there is none. */
static struct zt_str
word(struct zt_str *s, const char *separator)
{
	struct zt_str w = *s;

	if (separator != NULL)
		w.len = (size_t)(separator - s->p);
	else
		separator = s->p + s->len - 1;
	s->len -= (size_t)(separator + 1 - s->p);
	s->p = separator + 1;
	return w;
}

/* What stands at a path.  An attribute's name has neither ':' nor '.', a
 * schema's URN has both: the last ':' parts them. */
static json_t *
attribute(struct reading *r, const char *path)
{
	const char *colon = strrchr(path, ':');
	struct zt_str rest = zt_str(path);
	const json_t *value = r->root;

	if (colon != NULL) {
		const struct zt_str schema = word(&rest, colon);

		if (schema.len != strlen(r->schema) ||
		    strncasecmp(schema.p, r->schema, schema.len) != 0)
			value = member(r, value, schema);
	}
	while (value != NULL && rest.len > 0)
		value = member(r, value,
		    word(&rest, memchr(rest.p, '.', rest.len)));
	return (json_t *)(uintptr_t)value;
}

/* ---- records ---- */

static void
record_set(struct reading *r, json_t *record, const char *key, json_t *value)
{
	if (value != NULL && json_object_set(record, key, value) != 0)
		r->err = ZT_ERR_NOMEM;
}

/* Where nobody chose the attribute, one that cannot be a gecos is left out
 * rather than the user. */
static json_t *
gecos_default(struct reading *r)
{
	json_t *value = attribute(r, DEFAULT_GECOS);
	struct zt_str s;

	if (value != NULL)
		return value;
	value = attribute(r, DISPLAY_NAME);
	s = (struct zt_str){ json_string_value(value),
		json_string_length(value) };
	return s.p != NULL && s.len <= ZT_GECOS_MAX && zt_field_valid(s) ? value
									 : NULL;
}

static void
read_user(struct reading *r, const struct zt_scim_map *map, json_t *record)
{
	json_t *active = attribute(r, "active");

	record_set(r, record, "userName",
	    attribute(r, path_or(map->name, DEFAULT_NAME)));
	record_set(r, record, "uid",
	    attribute(r, path_or(map->uid, DEFAULT_UID)));
	record_set(r, record, "gid",
	    attribute(r, path_or(map->gid, DEFAULT_GID)));
	record_set(r, record, "realName",
	    map->gecos == NULL ? gecos_default(r) : attribute(r, map->gecos));
	record_set(r, record, "homeDirectory",
	    attribute(r, path_or(map->home, DEFAULT_HOME)));
	record_set(r, record, "shell",
	    attribute(r, path_or(map->shell, DEFAULT_SHELL)));
	if (json_is_boolean(active))
		active = json_is_true(active) ? NULL : json_true();
	record_set(r, record, "locked", active);
}

/* Ids of members, without groups that say so; anything else as it came. */
static void
read_members(struct reading *r, json_t *record)
{
	const json_t *members = attribute(r, "members");
	json_auto_t *ids = json_array();
	size_t nested = 0;

	if (ids == NULL)
		r->err = ZT_ERR_NOMEM;
	if (members != NULL && !json_is_array(members))
		record_set(r, record, "members", (json_t *)(uintptr_t)members);
	if (r->err != ZT_OK || !json_is_array(members))
		return;
	for (size_t i = 0; i < json_array_size(members); i++) {
		const json_t *item = json_array_get(members, i);
		const char *type =
		    json_string_value(member(r, item, zt_str("type")));
		json_t *id = member(r, item, zt_str("value"));

		if (type != NULL && strcasecmp(type, "Group") == 0)
			nested++;
		else if (json_array_append(ids,
			     id == NULL ? json_false() : id) != 0)
			r->err = ZT_ERR_NOMEM;
	}
	record_set(r, record, "members", ids);
	if (nested > 0)
		record_set(r, record, "nested", json_true());
}

static void
read_group(struct reading *r, const struct zt_scim_map *map, json_t *record)
{
	record_set(r, record, "groupName",
	    attribute(r, path_or(map->group_name, DEFAULT_GROUP_NAME)));
	record_set(r, record, "gid",
	    attribute(r, path_or(map->group_gid, DEFAULT_GROUP_GID)));
	read_members(r, record);
}

/* ---- resources ---- */

static bool
id_valid(struct zt_str id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~')
			return false;
	return id.p != NULL && id.len > 0 && id.len <= ZT_IMMUTABLE_ID_MAX;
}

/* Is it of the kind that was asked for, as far as it says? */
static void
check_kind(struct reading *r, const char *type)
{
	const json_t *schemas = attribute(r, "schemas");
	const json_t *said = attribute(r, "meta.resourceType");
	bool found = false;

	for (size_t i = 0; i < json_array_size(schemas); i++) {
		const char *s = json_string_value(json_array_get(schemas, i));

		if (s != NULL && strcasecmp(s, r->schema) == 0)
			found = true;
	}
	if ((schemas != NULL && !found) ||
	    (said != NULL &&
		(json_string_value(said) == NULL ||
		    strcasecmp(json_string_value(said), type) != 0)))
		reading_fail(r, "a resource is of another kind than asked for");
}

static void
read_envelope(struct reading *r, struct zt_scim_resource *out, json_t *record)
{
	json_t *id = attribute(r, "id");
	json_t *modified = attribute(r, "meta.lastModified");
	const struct zt_str id_text = { json_string_value(id),
		json_string_length(id) };
	const struct zt_str time = { json_string_value(modified),
		json_string_length(modified) };

	out->modified_us = ZT_SCIM_NEVER;
	if (!id_valid(id_text)) {
		reading_fail(r,
		    "a resource has no id of at most 128 printable bytes");
		return;
	}
	memcpy(out->id, id_text.p, id_text.len);
	out->id[id_text.len] = '\0';
	record_set(r, record, "uuid", id);
	if (modified != NULL &&
	    (time.p == NULL || zt_scim_time(time, &out->modified_us) != ZT_OK))
		reading_fail(r, "meta.lastModified is no date and time");
}

/* A user of absurd length becomes one without a name: people can edit their
 * own attributes, and one of them must not stop the sync of all. */
static enum zt_err
record_print(json_t *record, enum zt_scim_kind kind,
    struct zt_scim_resource *out)
{
	const size_t max =
	    kind == ZT_SCIM_USER ? ZT_RECORD_FILE_MAX : ZT_SCIM_ANSWER_MAX;
	enum zt_err err = zt_json_print(record, max, &out->record, NULL);

	if (err != ZT_ERR_TOOBIG)
		return err;
	(void)json_object_clear(record);
	if (json_object_set_new(record, "uuid", json_string(out->id)) != 0)
		return ZT_ERR_NOMEM;
	return zt_json_print(record, max, &out->record, NULL);
}

enum zt_err
zt_scim_resource_parse(const struct json_t *json, enum zt_scim_kind kind,
    const struct zt_scim_map *map, struct zt_scim_resource *out,
    const char **why_out)
{
	const bool is_user = kind == ZT_SCIM_USER;
	struct reading r = { .root = json,
		.schema = is_user ? SCHEMA_USER : SCHEMA_GROUP };
	struct zt_scim_resource resource = { .record = NULL };
	json_auto_t *record = json_object();

	if (record == NULL)
		return ZT_ERR_NOMEM;
	if (!json_is_object(json))
		reading_fail(&r, "a resource is no JSON object");
	check_kind(&r, is_user ? "User" : "Group");
	read_envelope(&r, &resource, record);
	if (is_user)
		read_user(&r, map, record);
	else
		read_group(&r, map, record);
	if (r.err == ZT_ERR_MALFORMED)
		*why_out = r.why;
	if (r.err != ZT_OK)
		return r.err;
	if ((r.err = record_print(record, kind, &resource)) == ZT_OK)
		*out = resource;
	return r.err;
}
