/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <search.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/scim.h"

/* How many resources of a kind have a name.  Of the name trees. */
struct holder {
	size_t n;
	char name[];
};

/* Of the trees by id. */
struct resource {
	char *record;          /* owned */
	struct holder *holder; /* of its name; NULL if that is none */
	bool accepted;         /* is a record of the set */
	char id[];
};

/* What a resource takes up besides its texts: nodes of trees, the name, what
 * malloc(3) adds; bytes, about. */
#define RESOURCE_BYTES 192

struct zt_scim_catalog {
	size_t bytes, bytes_max;
	struct {
		void *by_id, *by_name; /* tsearch(3) */
		size_t n;
	} kinds[ZT_SCIM_KINDS];
};

static int
by_id(const void *a, const void *b)
{
	const struct resource *left = a, *right = b;

	return strcmp(left->id, right->id);
}

static int
by_name(const void *a, const void *b)
{
	const struct holder *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* A tree node of what must be a flexible struct, to look up its text. */
static void *
key_new(size_t head, const char *text)
{
	const size_t size = strlen(text) + 1;
	char *p = calloc(1, head + size);

	if (p != NULL)
		memcpy(p + head, text, size);
	return p;
}

enum zt_err
zt_scim_catalog_new(struct zt_scim_catalog **out)
{
	struct zt_scim_catalog *catalog = calloc(1, sizeof(*catalog));

	if (catalog == NULL)
		return ZT_ERR_NOMEM;
	catalog->bytes_max = ZT_SCIM_CATALOG_MAX;
	*out = catalog;
	return ZT_OK;
}

void
zt_scim_catalog_limit(struct zt_scim_catalog *catalog, size_t bytes)
{
	catalog->bytes_max = bytes;
}

const char zt_scim_too_many[] =
    "over 2097152 users or groups, or 1 GiB of them: narrow the filters";

static void
resource_free(void *p)
{
	struct resource *resource = p;

	free(resource->record);
	free(resource);
}

void
zt_scim_catalog_free(struct zt_scim_catalog *catalog)
{
	if (catalog == NULL)
		return;
	for (size_t i = 0; i < ZT_SCIM_KINDS; i++) {
		tdestroy(catalog->kinds[i].by_id, resource_free);
		tdestroy(catalog->kinds[i].by_name, free);
	}
	free(catalog);
}

/* ---- names ---- */

static const char *const name_keys[] = { "userName", "groupName" };

/* One more has this name.  NULL: no memory. */
static struct holder *
name_hold(void **names, const char *name)
{
	struct holder *new = key_new(offsetof(struct holder, name), name);
	void *node = new == NULL ? NULL : tsearch(new, names, by_name);
	struct holder *held;

	if (node == NULL) {
		free(new);
		return NULL;
	}
	held = *(struct holder **)node;
	if (held != new)
		free(new);
	held->n++;
	return held;
}

static void
name_drop(void **names, struct holder *held)
{
	if (held == NULL || --held->n > 0)
		return;
	(void)tdelete(held, names, by_name);
	free(held);
}

/* The name in a record, if it is one.  Errors: ZT_ERR_MALFORMED. */
static enum zt_err
name_of(void **names, const char *record, const char *key,
    struct holder **held_out)
{
	json_auto_t *root = json_loads(record, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(root, key));

	*held_out = NULL;
	if (!json_is_object(root))
		return ZT_ERR_MALFORMED;
	if (name == NULL || !zt_name_valid(zt_str(name)))
		return ZT_OK;
	*held_out = name_hold(names, name);
	return *held_out == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

/* ---- resources ---- */

static struct resource *
resource_find(const struct zt_scim_catalog *catalog, enum zt_scim_kind kind,
    const char *id)
{
	zt_auto_free struct resource *key =
	    key_new(offsetof(struct resource, id), id);
	void *node =
	    key == NULL ? NULL : tfind(key, &catalog->kinds[kind].by_id, by_id);

	return node == NULL ? NULL : *(struct resource **)node;
}

/* What it takes up. */
static size_t
resource_bytes(const char *id, const char *record)
{
	return RESOURCE_BYTES + strlen(id) + strlen(record);
}

/* Make an empty one. */
static enum zt_err
resource_add(struct zt_scim_catalog *catalog, enum zt_scim_kind kind,
    const char *id, struct resource **out)
{
	zt_auto_free struct resource *new = NULL;

	if (catalog->kinds[kind].n >= ZT_SET_MAX)
		return ZT_ERR_TOOBIG;
	new = key_new(offsetof(struct resource, id), id);
	if (new == NULL ||
	    tsearch(new, &catalog->kinds[kind].by_id, by_id) == NULL)
		return ZT_ERR_NOMEM;
	catalog->kinds[kind].n++;
	*out = zt_take(new);
	return ZT_OK;
}

enum zt_err
zt_scim_catalog_put(struct zt_scim_catalog *catalog, enum zt_scim_kind kind,
    const char *id, char *record)
{
	void **names = &catalog->kinds[kind].by_name;
	struct resource *resource = resource_find(catalog, kind, id);
	const size_t bytes = catalog->bytes + resource_bytes(id, record) -
	    (resource == NULL ? 0 : resource_bytes(id, resource->record));
	struct holder *holder;
	enum zt_err err;

	if (bytes > catalog->bytes_max)
		return ZT_ERR_TOOBIG;
	err = name_of(names, record, name_keys[kind], &holder);
	if (err == ZT_OK && resource == NULL)
		err = resource_add(catalog, kind, id, &resource);
	if (err != ZT_OK) {
		name_drop(names, holder);
		return err;
	}
	name_drop(names, resource->holder);
	free(resource->record);
	resource->holder = holder;
	resource->record = record;
	catalog->bytes = bytes;
	return ZT_OK;
}

const char *
zt_scim_catalog_find(const struct zt_scim_catalog *catalog,
    enum zt_scim_kind kind, const char *id)
{
	const struct resource *resource = resource_find(catalog, kind, id);

	return resource == NULL ? NULL : resource->record;
}

size_t
zt_scim_catalog_count(const struct zt_scim_catalog *catalog,
    enum zt_scim_kind kind)
{
	return catalog->kinds[kind].n;
}

/* A walk through a tree, in order. */
struct listing {
	enum zt_scim_kind kind;
	struct zt_scim_entry *entries;
	size_t n;
};

static void
list_visit(const void *node, VISIT order, void *arg)
{
	struct resource *resource = *(struct resource *const *)node;
	struct listing *listing = arg;

	if (order != postorder && order != leaf)
		return;
	listing->entries[listing->n++] = (struct zt_scim_entry){
		.kind = listing->kind,
		.id = resource->id,
		.record = resource->record,
		.resource = resource,
	};
}

enum zt_err
zt_scim_catalog_list(const struct zt_scim_catalog *catalog,
    struct zt_scim_entry **out, size_t *n_out)
{
	const size_t n =
	    catalog->kinds[ZT_SCIM_USER].n + catalog->kinds[ZT_SCIM_GROUP].n;
	struct listing listing = { .kind = ZT_SCIM_USER };

	listing.entries = calloc(n + 1, sizeof(*listing.entries));
	if (listing.entries == NULL)
		return ZT_ERR_NOMEM;
	twalk_r(catalog->kinds[ZT_SCIM_USER].by_id, list_visit, &listing);
	listing.kind = ZT_SCIM_GROUP;
	twalk_r(catalog->kinds[ZT_SCIM_GROUP].by_id, list_visit, &listing);
	*out = listing.entries;
	*n_out = listing.n;
	return ZT_OK;
}

enum zt_err
zt_scim_catalog_merge(struct zt_scim_catalog *into,
    const struct zt_scim_catalog *from)
{
	zt_auto_free struct zt_scim_entry *entries = NULL;
	size_t n = 0;
	enum zt_err err = zt_scim_catalog_list(from, &entries, &n);

	for (size_t i = 0; i < n && err == ZT_OK; i++) {
		zt_auto_free char *copy = strdup(entries[i].record);

		if (copy == NULL)
			return ZT_ERR_NOMEM;
		err = zt_scim_catalog_put(into, entries[i].kind, entries[i].id,
		    copy);
		if (err == ZT_OK)
			copy = NULL;
	}
	return err;
}

enum zt_err
zt_scim_catalog_within(const struct zt_scim_catalog *a,
    const struct zt_scim_catalog *b, bool *out)
{
	zt_auto_free struct zt_scim_entry *entries = NULL;
	size_t n = 0;
	enum zt_err err = zt_scim_catalog_list(a, &entries, &n);
	bool same = err == ZT_OK;

	for (size_t i = 0; i < n && same; i++) {
		const char *record =
		    zt_scim_catalog_find(b, entries[i].kind, entries[i].id);

		same = record != NULL && strcmp(record, entries[i].record) == 0;
	}
	if (err == ZT_OK)
		*out = same;
	return err;
}

/* ---- into a set ---- */

/* An entry on its way. */
struct adding {
	struct zt_scim_catalog *catalog;
	const struct zt_scim_entry *entry;
	struct resource *resource;
	json_t *record;
	struct zt_set *set;
	char key[ZT_SCIM_KEY_MAX];
};

static enum zt_err
refuse(const struct adding *a, const char *key, const char *why)
{
	return zt_set_put_refused(a->set, key,
	    json_string_value(json_object_get(a->record,
		name_keys[a->entry->kind])),
	    why);
}

static enum zt_err
add_user(const struct adding *a)
{
	const json_t *locked = json_object_get(a->record, "locked");
	const char *name =
	    json_string_value(json_object_get(a->record, "userName"));
	struct zt_user *user = NULL;
	const char *why = NULL;
	enum zt_err err;

	if (locked != NULL && !json_is_boolean(locked))
		return refuse(a, a->key, "active is no boolean");
	if (name != NULL && strchr(name, '@') != NULL)
		return refuse(a, a->key,
		    "the user name is an e-mail address: let attr_name name "
		    "an attribute that holds a plain name");
	err = zt_user_from_json(a->record, &user, &why);
	if (err == ZT_ERR_MALFORMED)
		return refuse(a, a->key, why);
	if (err != ZT_OK)
		return err;
	if ((err = zt_set_put_user(a->set, a->key, user)) != ZT_OK)
		free(user);
	a->resource->accepted = err == ZT_OK;
	return err;
}

/* Put the names of accepted users in the place of their ids.  What is no
 * text stays: the rules of records refuse it. */
static enum zt_err
members_resolve(const struct adding *a, bool *nested_out)
{
	const json_t *ids = json_object_get(a->record, "members");
	json_t *names = json_array();

	*nested_out = json_is_true(json_object_get(a->record, "nested"));
	if (names == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < json_array_size(ids); i++) {
		json_t *value = json_array_get(ids, i);
		const char *id = json_string_value(value);
		const struct resource *user = id == NULL
		    ? NULL
		    : resource_find(a->catalog, ZT_SCIM_USER, id);

		if (id == NULL)
			(void)json_array_append(names, value);
		else if (user != NULL && user->accepted)
			(void)json_array_append_new(names,
			    json_string(user->holder->name));
		else if (user == NULL &&
		    resource_find(a->catalog, ZT_SCIM_GROUP, id) != NULL)
			*nested_out = true;
	}
	if (ids != NULL && !json_is_array(ids))
		json_decref(names); /* left as it is, to be refused */
	else if (json_object_set_new(a->record, "members", names) != 0)
		return ZT_ERR_NOMEM;
	return ZT_OK;
}

static enum zt_err
add_group(const struct adding *a)
{
	char key[ZT_SCIM_KEY_MAX + 8];
	struct zt_group *group = NULL;
	const char *why = NULL;
	bool nested = false;
	enum zt_err err = members_resolve(a, &nested);

	if (err == ZT_OK)
		err = zt_group_from_json(a->record, &group, &why);
	if (err == ZT_ERR_MALFORMED)
		return refuse(a, a->key, why);
	if (err != ZT_OK)
		return err;
	if ((err = zt_set_put_group(a->set, a->key, group)) != ZT_OK) {
		free(group);
		return err;
	}
	if (!nested)
		return ZT_OK;
	(void)snprintf(key, sizeof(key), "%s#nested", a->key);
	return refuse(a, key,
	    "members that are groups are left out: name their users");
}

enum zt_err
zt_scim_entry_add(struct zt_scim_catalog *catalog,
    const struct zt_scim_entry *entry, struct zt_set *set)
{
	json_auto_t *record =
	    json_loads(entry->record, JSON_REJECT_DUPLICATES, NULL);
	struct adding a = { catalog, entry, entry->resource, record, set, "" };
	const bool is_user = entry->kind == ZT_SCIM_USER;

	if (record == NULL) /* it was JSON when it was put */
		return ZT_ERR_NOMEM;
	a.resource->accepted = false;
	(void)snprintf(a.key, sizeof(a.key), "%s/%s",
	    zt_scim_endpoint(entry->kind), entry->id);
	if (a.resource->holder != NULL && a.resource->holder->n > 1)
		return refuse(&a, a.key,
		    is_user ? "another user of this source has this name, and "
			      "neither is taken"
			    : "another group of this source has this name, "
			      "and neither is taken");
	return is_user ? add_user(&a) : add_group(&a);
}

/* ---- a page ---- */

static enum zt_err
take_resource(struct zt_scim_query *query, const json_t *json,
    const char **why_out)
{
	struct zt_scim_resource resource = { .record = NULL };
	zt_auto_free char *record = NULL;
	enum zt_err err = zt_scim_resource_parse(json, query->kind, query->map,
	    &resource, why_out);

	if (err != ZT_OK)
		return err;
	record = resource.record;
	if (resource.modified_us == ZT_SCIM_NEVER)
		query->undated = true;
	if (query->after_us != ZT_SCIM_NEVER &&
	    resource.modified_us <= query->after_us) {
		*why_out = "a resource is not one that the filter asks for";
		return ZT_ERR_DENIED;
	}
	if (zt_scim_catalog_find(query->into, query->kind, resource.id) !=
	    NULL) {
		*why_out = "a resource came twice";
		return ZT_ERR_MALFORMED;
	}
	err =
	    zt_scim_catalog_put(query->into, query->kind, resource.id, record);
	if (err == ZT_ERR_TOOBIG)
		*why_out = zt_scim_too_many;
	if (err == ZT_OK)
		record = NULL;
	if (resource.modified_us > query->newest_us)
		query->newest_us = resource.modified_us;
	return err;
}

enum zt_err
zt_scim_page_take(struct zt_scim_query *query, const struct zt_scim_list *list,
    const char **why_out)
{
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < list->n && err == ZT_OK; i++)
		err = take_resource(query, json_array_get(list->resources, i),
		    why_out);
	return err;
}
