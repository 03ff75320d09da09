/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/identity.h"

/* Of a repeated key: '#', a decimal number and NUL. */
#define REPEAT_BYTES 24

/*
 * Pointers, so that a record that comes or goes in the middle moves eight
 * bytes for each that follows.  A record, its key and its name are one
 * allocation.
 */
struct zt_set {
	struct zt_set_record **v; /* owned, each too; in the order of keys
				     once sealed */
	size_t n, cap, users;
	bool sealed;
};

enum zt_err
zt_set_new(struct zt_set **out)
{
	struct zt_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return ZT_ERR_NOMEM;
	*out = set;
	return ZT_OK;
}

static void
record_free(struct zt_set_record *rec)
{
	if (rec == NULL)
		return;
	free(rec->user);
	free(rec->group);
	free(rec);
}

void
zt_set_free(struct zt_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		record_free(set->v[i]);
	free(set->v);
	free(set);
}

/* A record with copies of key and of name, which may be NULL. */
static struct zt_set_record *
record_new(const char *key, const char *name)
{
	const size_t key_size = strlen(key) + 1,
		     name_size = name == NULL ? 0 : strlen(name) + 1;
	struct zt_set_record *rec =
	    calloc(1, sizeof(*rec) + key_size + name_size);

	if (rec == NULL)
		return NULL;
	rec->key = memcpy(rec + 1, key, key_size);
	if (name != NULL)
		rec->name = memcpy(rec->key + key_size, name, name_size);
	return rec;
}

/* The first place in v[0..n), sorted, whose key is not below. */
static size_t
lower_bound(struct zt_set_record *const *v, size_t n, const char *key)
{
	size_t low = 0, high = n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (strcmp(v[mid]->key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
set_has(const struct zt_set *set, size_t i, const char *key)
{
	return i < set->n && strcmp(set->v[i]->key, key) == 0;
}

static enum zt_err
set_grow(struct zt_set *set)
{
	const size_t cap = set->cap == 0 ? 16 : 2 * set->cap;
	struct zt_set_record **grown;

	if (set->n == ZT_SET_MAX)
		return ZT_ERR_TOOBIG;
	if (set->n < set->cap)
		return ZT_OK;
	if ((grown = reallocarray(set->v, cap, sizeof(*grown))) == NULL)
		return ZT_ERR_NOMEM;
	set->v = grown;
	set->cap = cap;
	return ZT_OK;
}

static void
set_count(struct zt_set *set, const struct zt_set_record *rec, bool here)
{
	if (rec->user != NULL)
		set->users += here ? 1 : (size_t)-1;
}

static enum zt_err
set_put(struct zt_set *set, struct zt_set_record *rec)
{
	const size_t i =
	    set->sealed ? lower_bound(set->v, set->n, rec->key) : set->n;
	enum zt_err err;

	if (set_has(set, i, rec->key)) {
		set_count(set, set->v[i], false);
		record_free(set->v[i]);
	} else {
		if ((err = set_grow(set)) != ZT_OK)
			return err;
		memmove(&set->v[i + 1], &set->v[i],
		    (set->n - i) * sizeof(*set->v));
		set->n++;
	}
	set->v[i] = rec;
	set_count(set, rec, true);
	return ZT_OK;
}

/* Put a new record; user and group are the caller's until it is in. */
static enum zt_err
set_put_new(struct zt_set *set, struct zt_set_record *rec)
{
	enum zt_err err;

	if (rec == NULL)
		return ZT_ERR_NOMEM;
	if ((err = set_put(set, rec)) != ZT_OK)
		free(rec);
	return err;
}

enum zt_err
zt_set_put_user(struct zt_set *set, const char *key, struct zt_user *user)
{
	struct zt_set_record *rec = record_new(key, NULL);

	if (rec != NULL)
		rec->user = user;
	return set_put_new(set, rec);
}

enum zt_err
zt_set_put_group(struct zt_set *set, const char *key, struct zt_group *group)
{
	struct zt_set_record *rec = record_new(key, NULL);

	if (rec != NULL)
		rec->group = group;
	return set_put_new(set, rec);
}

enum zt_err
zt_set_put_refused(struct zt_set *set, const char *key, const char *name,
    const char *why)
{
	struct zt_set_record *rec = record_new(key, name);

	if (rec != NULL)
		rec->why = why;
	return set_put_new(set, rec);
}

/* By key, then in the order they came in: that of seq. */
struct order {
	struct zt_set_record *rec;
	size_t seq;
};

static int
compare_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	const int c = strcmp(x->rec->key, y->rec->key);

	return c != 0 ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static bool
set_is_sorted(const struct zt_set *set)
{
	for (size_t i = 1; i < set->n; i++)
		if (strcmp(set->v[i - 1]->key, set->v[i]->key) > 0)
			return false;
	return true;
}

static enum zt_err
set_sort(struct zt_set *set)
{
	zt_auto_free struct order *order = NULL;

	if (set_is_sorted(set)) /* they often come so */
		return ZT_OK;
	if ((order = calloc(set->n, sizeof(*order))) == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < set->n; i++)
		order[i] = (struct order){ set->v[i], i };
	qsort(order, set->n, sizeof(*order), compare_order);
	for (size_t i = 0; i < set->n; i++)
		set->v[i] = order[i].rec;
	return ZT_OK;
}

static const char *
record_name(const struct zt_set_record *rec)
{
	return rec->user != NULL ? rec->user->name
	    : rec->group != NULL ? rec->group->name
				 : rec->name;
}

/*
 * A refused record in the place of old, whose key is taken: its own is that
 * with "#2", or the next number that is free.  No two get the same: what
 * precedes the last '#' differs, or else the number.
 */
static struct zt_set_record *
repeat_new(const struct zt_set *set, const struct zt_set_record *old,
    unsigned *number)
{
	const size_t size = strlen(old->key) + REPEAT_BYTES;
	zt_auto_free char *key = malloc(size);
	struct zt_set_record *rec;

	if (key == NULL)
		return NULL;
	do {
		(void)snprintf(key, size, "%s#%u", old->key, ++*number);
	} while (set_has(set, lower_bound(set->v, set->n, key), key));
	if ((rec = record_new(key, record_name(old))) != NULL)
		rec->why = "another record has the same key";
	return rec;
}

/* Make the refused records; those of set stay, for they are searched. */
static enum zt_err
repeats_make(const struct zt_set *set, struct zt_set_record **made, bool *any)
{
	unsigned number = 1;

	*any = false;
	for (size_t i = 1; i < set->n; i++) {
		if (strcmp(set->v[i - 1]->key, set->v[i]->key) != 0) {
			number = 1;
			continue;
		}
		if ((made[i] = repeat_new(set, set->v[i], &number)) == NULL)
			return ZT_ERR_NOMEM;
		*any = true;
	}
	return ZT_OK;
}

static void
repeats_swap(struct zt_set *set, struct zt_set_record **made)
{
	for (size_t i = 0; i < set->n; i++) {
		struct zt_set_record *const old = set->v[i];

		if (made[i] == NULL)
			continue;
		set_count(set, old, false);
		set->v[i] = made[i];
		made[i] = old;
	}
}

static enum zt_err
set_refuse_repeats(struct zt_set *set)
{
	zt_auto_free struct zt_set_record **made =
	    calloc(set->n + 1, sizeof(struct zt_set_record *));
	enum zt_err err;
	bool any;

	if (made == NULL)
		return ZT_ERR_NOMEM;
	if ((err = repeats_make(set, made, &any)) == ZT_OK)
		repeats_swap(set, made);
	for (size_t i = 0; i < set->n; i++)
		record_free(made[i]);
	return err == ZT_OK && any ? set_sort(set) : err;
}

enum zt_err
zt_set_seal(struct zt_set *set)
{
	enum zt_err err;

	if ((err = set_sort(set)) != ZT_OK)
		return err;
	if ((err = set_refuse_repeats(set)) != ZT_OK)
		return err;
	set->sealed = true;
	return ZT_OK;
}

void
zt_set_remove(struct zt_set *set, const char *key)
{
	const size_t i = lower_bound(set->v, set->n, key);

	if (!set->sealed || !set_has(set, i, key))
		return;
	set_count(set, set->v[i], false);
	record_free(set->v[i]);
	set->n--;
	memmove(&set->v[i], &set->v[i + 1], (set->n - i) * sizeof(*set->v));
}

const struct zt_set_record *
zt_set_at(const struct zt_set *set, size_t i)
{
	return i < set->n ? set->v[i] : NULL;
}

const struct zt_set_record *
zt_set_find(const struct zt_set *set, const char *key)
{
	const size_t i = lower_bound(set->v, set->n, key);

	return set->sealed && set_has(set, i, key) ? set->v[i] : NULL;
}

size_t
zt_set_count(const struct zt_set *set)
{
	return set->n;
}

size_t
zt_set_users(const struct zt_set *set)
{
	return set->users;
}
