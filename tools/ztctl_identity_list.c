/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity list: the users or groups of the snapshot, by name. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/text.h"
#include "zt/wire.h"
#include "ztctl_identity.h"
#include "ztctl_print.h"

#define COLUMNS_MAX 7
#define CELL_MAX    (ZT_PATH_MAX * ZT_ESCAPE_GROWTH + 1)

/*
 * What is listed.  There may be a million of them: nothing is kept of a row
 * but where it stands in the snapshot.
 */
struct listing {
	const struct zt_snapshot *snapshot; /* borrowed */
	struct zt_snapshot_user *users;     /* owned; or NULL */
	struct zt_snapshot_group *groups;   /* owned; or NULL */
	size_t n;
	uint64_t now_us;
};

typedef char cells[COLUMNS_MAX][CELL_MAX];

static int
str_compare(struct zt_str a, struct zt_str b)
{
	const size_t len = a.len < b.len ? a.len : b.len;
	const int order = memcmp(a.p, b.p, len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
user_compare(const void *a, const void *b)
{
	const struct zt_snapshot_user *x = a, *y = b;

	return str_compare(x->name, y->name);
}

static int
group_compare(const void *a, const void *b)
{
	const struct zt_snapshot_group *x = a, *y = b;

	return str_compare(x->name, y->name);
}

static void
listing_clear(struct listing *list)
{
	free(list->users);
	free(list->groups);
}

/* All users, sorted.  info.users bounds them: the file may lie. */
static enum zt_err
listing_users(struct listing *list)
{
	const size_t max = list->snapshot->info.users;
	uint32_t cursor = 0;
	enum zt_err err = ZT_OK;

	list->users = calloc(max + 1, sizeof(list->users[0]));
	if (list->users == NULL)
		return ZT_ERR_NOMEM;
	while (list->n <= max &&
	    (err = zt_snapshot_user_next(list->snapshot, &cursor,
		 &list->users[list->n])) == ZT_OK)
		list->n++;
	if (err != ZT_ERR_NOTFOUND)
		return err == ZT_OK ? ZT_ERR_MALFORMED : err;
	qsort(list->users, list->n, sizeof(list->users[0]), user_compare);
	return ZT_OK;
}

/* The same of groups; every user may have a private one besides. */
static enum zt_err
listing_groups(struct listing *list)
{
	const size_t max =
	    (size_t)list->snapshot->info.groups + list->snapshot->info.users;
	uint32_t cursor = 0;
	enum zt_err err = ZT_OK;

	list->groups = calloc(max + 1, sizeof(list->groups[0]));
	if (list->groups == NULL)
		return ZT_ERR_NOMEM;
	while (list->n <= max &&
	    (err = zt_snapshot_group_next(list->snapshot, &cursor,
		 &list->groups[list->n])) == ZT_OK)
		list->n++;
	if (err != ZT_ERR_NOTFOUND)
		return err == ZT_OK ? ZT_ERR_MALFORMED : err;
	qsort(list->groups, list->n, sizeof(list->groups[0]), group_compare);
	return ZT_OK;
}

static void
cell_id(char cell[CELL_MAX], uint32_t id)
{
	(void)snprintf(cell, CELL_MAX, "%" PRIu32, id);
}

static void
user_cells(const struct listing *list, size_t i, cells out)
{
	const struct zt_snapshot_user *u = &list->users[i];

	(void)zt_escape(out[0], CELL_MAX, u->name);
	cell_id(out[1], u->uid);
	cell_id(out[2], u->gid);
	(void)zt_escape(out[3], CELL_MAX, u->home);
	(void)zt_escape(out[4], CELL_MAX, u->shell);
	(void)zt_escape(out[5], CELL_MAX,
	    zt_snapshot_source(list->snapshot, u->source));
	(void)strcpy(out[6], identity_state(u, list->now_us));
}

static void
group_cells(const struct listing *list, size_t i, cells out)
{
	const struct zt_snapshot_group *g = &list->groups[i];

	(void)zt_escape(out[0], CELL_MAX, g->name);
	cell_id(out[1], g->gid);
	cell_id(out[2], g->n_members);
	(void)zt_escape(out[3], CELL_MAX,
	    zt_snapshot_source(list->snapshot, g->source));
}

/* A kind of table: its head, and what fills a row. */
struct kind {
	const char *head[COLUMNS_MAX];
	size_t columns;
	void (*fill)(const struct listing *list, size_t i, cells out);
};

static const struct kind user_kind = {
	{ "NAME", "UID", "GID", "HOME", "SHELL", "SOURCE", "STATE" },
	7,
	user_cells,
};

static const struct kind group_kind = {
	{ "GROUP", "GID", "MEMBERS", "SOURCE" },
	4,
	group_cells,
};

static void
print_row(const struct kind *kind, const size_t width[COLUMNS_MAX],
    const cells row)
{
	for (size_t c = 0; c + 1 < kind->columns; c++)
		(void)printf("%-*s  ", (int)width[c], row[c]);
	(void)printf("%s\n", row[kind->columns - 1]);
}

/* Each row is made twice: once to know how wide it is. */
static void
print_rows(const struct kind *kind, const struct listing *list)
{
	static cells row; /* too big for the stack */
	size_t width[COLUMNS_MAX];

	for (size_t c = 0; c < kind->columns; c++)
		width[c] = strlen(kind->head[c]);
	for (size_t i = 0; i < list->n; i++) {
		kind->fill(list, i, row);
		for (size_t c = 0; c < kind->columns; c++)
			if (strlen(row[c]) > width[c])
				width[c] = strlen(row[c]);
	}
	for (size_t c = 0; c < kind->columns; c++)
		(void)strcpy(row[c], kind->head[c]);
	print_row(kind, width, (const char(*)[CELL_MAX])row);
	for (size_t i = 0; i < list->n; i++) {
		kind->fill(list, i, row);
		print_row(kind, width, (const char(*)[CELL_MAX])row);
	}
}

static json_t *
user_json(const struct listing *list, size_t i)
{
	const struct zt_snapshot_user *u = &list->users[i];

	return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:s}", "name",
	    print_json_text(u->name), "uid", (json_int_t)u->uid, "gid",
	    (json_int_t)u->gid, "gecos", print_json_text(u->gecos), "home",
	    print_json_text(u->home), "shell", print_json_text(u->shell),
	    "source",
	    print_json_text(zt_snapshot_source(list->snapshot, u->source)),
	    "state", identity_state(u, list->now_us));
}

static json_t *
group_json(const struct listing *list, size_t i)
{
	const struct zt_snapshot_group *g = &list->groups[i];

	return json_pack("{s:o, s:I, s:I, s:o}", "name",
	    print_json_text(g->name), "gid", (json_int_t)g->gid, "members",
	    (json_int_t)g->n_members, "source",
	    print_json_text(zt_snapshot_source(list->snapshot, g->source)));
}

static void
print_listing_json(const struct listing *list)
{
	const bool groups = list->groups != NULL;

	(void)printf("{\n  \"%s\": [", groups ? "groups" : "users");
	for (size_t i = 0; i < list->n; i++) {
		json_t *item =
		    groups ? group_json(list, i) : user_json(list, i);

		print_json_item(item, i);
		json_decref(item);
	}
	(void)printf("%s]\n}\n", list->n == 0 ? "" : "\n  ");
}

static enum ztctl_status
list_snapshot(const struct ztctl_options *options,
    const struct zt_snapshot *snapshot)
{
	zt_auto(listing_clear) struct listing list = {
		.snapshot = snapshot,
		.now_us = identity_now_us(),
	};
	enum zt_err err =
	    options->groups ? listing_groups(&list) : listing_users(&list);

	if (err != ZT_OK) {
		print_failure("%s: %s: run ztctl identity check",
		    options->snapshot, zt_strerror(err));
		return ZTCTL_SYSTEM;
	}
	if (options->json)
		print_listing_json(&list);
	else
		print_rows(options->groups ? &group_kind : &user_kind, &list);
	return ZTCTL_OK;
}

enum ztctl_status
ztctl_identity_list(const struct ztctl_options *options)
{
	struct zt_snapshot snapshot;
	enum ztctl_status status = identity_open(options, &snapshot);

	if (status != ZTCTL_OK)
		return status;
	status = list_snapshot(options, &snapshot);
	zt_snapshot_close(&snapshot);
	return status;
}
