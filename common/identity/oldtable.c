/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "oldtable.h"
#include "zt/auto.h"

enum zt_err
array_grow(void *arrayp, size_t n, size_t item)
{
	void *array, *grown;

	if ((n & (n - 1)) != 0)
		return ZT_OK;
	memcpy(&array, arrayp, sizeof(array)); /* of whatever pointer type */
	grown = reallocarray(array, n == 0 ? 1 : 2 * n, item);
	if (grown == NULL)
		return ZT_ERR_NOMEM;
	memcpy(arrayp, &grown, sizeof(grown));
	return ZT_OK;
}

void
entry_free(struct entry *entry)
{
	if (entry == NULL)
		return;
	zt_olduser_free(entry->user);
	zt_oldgroup_free(entry->group);
	free(entry->gids);
	free(entry->file);
	free(entry);
}

enum zt_err
table_add(struct table *table, struct entry *entry)
{
	enum zt_err err;

	err = array_grow(&table->by_name, table->n, sizeof(struct entry *));
	if (err != ZT_OK)
		return err;
	table->by_name[table->n++] = entry;
	return ZT_OK;
}

static const struct entry *
entry_at(const void *p)
{
	return *(struct entry *const *)p;
}

static int
compare_name(const void *a, const void *b)
{
	int order = strcmp(entry_at(a)->name, entry_at(b)->name);

	return order != 0 ? order
			  : strcmp(entry_at(a)->file, entry_at(b)->file);
}

static int
compare_id(const void *a, const void *b)
{
	const uint32_t x = entry_at(a)->id, y = entry_at(b)->id;

	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(entry_at(a)->file, entry_at(b)->file);
}

static bool
same_name(const struct entry *a, const struct entry *b)
{
	return strcmp(a->name, b->name) == 0;
}

static bool
same_id(const struct entry *a, const struct entry *b)
{
	return a->id == b->id;
}

enum zt_err
directory_refuse(struct zt_olddirectory *directory, const char *file,
    const char *why)
{
	zt_auto_free char *file_copy = strdup(file);
	zt_auto_free char *why_copy = strdup(why);
	enum zt_err err;

	if (file_copy == NULL || why_copy == NULL)
		return ZT_ERR_NOMEM;
	err = array_grow(&directory->refusals, directory->n_refusals,
	    sizeof(struct zt_oldrefusal));
	if (err != ZT_OK)
		return err;
	directory->refusals[directory->n_refusals++] =
	    (struct zt_oldrefusal){ .file = zt_take(file_copy),
		    .why = zt_take(why_copy) };
	return ZT_OK;
}

/* Sort by compare and refuse all but the first of each run of the same. */
static enum zt_err
table_unique(struct table *table, struct zt_olddirectory *directory,
    int (*compare)(const void *, const void *),
    bool (*same)(const struct entry *, const struct entry *), const char *why)
{
	enum zt_err err = ZT_OK;
	size_t kept = 0;

	if (table->n == 0)
		return ZT_OK;
	qsort(table->by_name, table->n, sizeof(struct entry *), compare);
	for (size_t i = 0; i < table->n; i++) {
		struct entry *entry = table->by_name[i];

		if (kept == 0 || err != ZT_OK ||
		    !same(table->by_name[kept - 1], entry)) {
			table->by_name[kept++] = entry;
			continue;
		}
		err = directory_refuse(directory, entry->file, why);
		entry_free(entry);
	}
	table->n = kept;
	return err;
}

enum zt_err
table_index(struct table *table, struct zt_olddirectory *directory)
{
	const size_t size = sizeof(struct entry *);
	enum zt_err err;

	err = table_unique(table, directory, compare_name, same_name,
	    "another file holds this name");
	if (err != ZT_OK)
		return err;
	err = table_unique(table, directory, compare_id, same_id,
	    "another file holds this id");
	if (err != ZT_OK || table->n == 0)
		return err;
	table->by_id = calloc(table->n, size);
	if (table->by_id == NULL)
		return ZT_ERR_NOMEM;
	memcpy(table->by_id, table->by_name, table->n * size);
	qsort(table->by_name, table->n, size, compare_name);
	return ZT_OK;
}

static int
compare_name_key(const void *key, const void *item)
{
	const struct zt_str *s = key;
	const char *name = entry_at(item)->name;
	int order = strncmp(s->p, name, s->len);

	if (order != 0)
		return order;
	return name[s->len] == '\0' ? 0 : -1;
}

struct entry *
table_find(const struct table *table, struct zt_str name)
{
	struct entry **found;

	if (table->n == 0 || !zt_name_valid(name)) /* so that it holds no NUL */
		return NULL;
	found = bsearch(&name, table->by_name, table->n, sizeof(*found),
	    compare_name_key);
	return found == NULL ? NULL : *found;
}

static int
compare_id_key(const void *key, const void *item)
{
	const uint32_t x = *(const uint32_t *)key, y = entry_at(item)->id;

	return (x > y) - (x < y);
}

struct entry *
table_find_id(const struct table *table, uint32_t id)
{
	struct entry **found;

	if (table->n == 0)
		return NULL;
	found = bsearch(&id, table->by_id, table->n, sizeof(*found),
	    compare_id_key);
	return found == NULL ? NULL : *found;
}

void
table_free(struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		entry_free(table->by_name[i]);
	free(table->by_name);
	free(table->by_id);
}
