/* SPDX-License-Identifier: Apache-2.0 */
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "zt/auto.h"
#include "zt/wire.h"

#include "gids.h"

#define SCAN_MAX 16 /* gids looked through for each new one; more are sorted */

/* Those that the list held at first: as they stand there, or sorted. */
struct had {
	const gid_t *gids;
	size_t n;
	bool sorted;
};

static int
compare_gids(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint16_t
gids_sort(uint32_t *gids, uint16_t n)
{
	uint16_t kept = 0;

	qsort(gids, n, sizeof(gids[0]), compare_gids);
	for (uint16_t i = 0; i < n; i++)
		if (kept == 0 || gids[i] != gids[kept - 1])
			gids[kept++] = gids[i];
	return kept;
}

static bool
has(const struct had *had, gid_t gid)
{
	if (had->sorted)
		return bsearch(&gid, had->gids, had->n, sizeof(gid),
			   compare_gids) != NULL;
	for (size_t i = 0; i < had->n; i++)
		if (had->gids[i] == gid)
			return true;
	return false;
}

/*
 * Has the program a C library of its own in it?  Then the array is of another
 * malloc(3) than our realloc(3).  Such a program names no interpreter.
 */
static bool
is_static(void)
{
	const ElfW(Phdr) *phdr = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	const size_t n = phdr == NULL ? 0 : getauxval(AT_PHNUM);

	for (size_t i = 0; i < n; i++)
		if (phdr[i].p_type == PT_INTERP)
			return false;
	return true;
}

/* Make room for up to n more, as far as the limit goes. */
static enum zt_err
list_grow(const struct gids_list *list, uint32_t n)
{
	long want = *list->n + (long)n;
	gid_t *grown;

	if (list->limit > 0 && want > list->limit)
		want = list->limit;
	if (want <= *list->size)
		return ZT_OK;
	if (is_static())
		return ZT_ERR_NOMEM;
	grown = reallocarray(*list->gids, (size_t)want, sizeof(gid_t));
	if (grown == NULL)
		return ZT_ERR_NOMEM;
	*list->gids = grown;
	*list->size = want;
	return ZT_OK;
}

static enum zt_err
source_at(const struct gids_source *from, uint32_t i, uint32_t *out)
{
	if (from->gids == NULL)
		return zt_snapshot_gid(from->snapshot, from->user, i, out);
	*out = from->gids[i];
	return ZT_OK;
}

static enum zt_err
append_new(const struct gids_list *list, const struct gids_source *from,
    const struct had *had)
{
	const bool limited = list->limit > 0 && list->limit < *list->size;
	const long cap = limited ? list->limit : *list->size;
	uint32_t gid, before = 0;
	long n = *list->n;
	enum zt_err err;

	for (uint32_t i = 0; i < from->n; i++, before = gid) {
		if ((err = source_at(from, i, &gid)) != ZT_OK)
			return err;
		if (gid <= before)
			return ZT_ERR_MALFORMED;
		if (gid == list->skip || has(had, gid))
			continue;
		if (n >= cap)
			break;
		(*list->gids)[n++] = gid;
	}
	*list->n = n;
	return ZT_OK;
}

enum zt_err
gids_append(const struct gids_list *list, const struct gids_source *from)
{
	const size_t n = *list->n > 0 ? (size_t)*list->n : 0;
	struct had had = { .n = n, .sorted = n > SCAN_MAX };
	zt_auto_free gid_t *sorted = NULL;
	enum zt_err err;

	if (from->n > ZT_GIDS_MAX)
		return ZT_ERR_TOOBIG;
	if ((err = list_grow(list, from->n)) != ZT_OK)
		return err;
	had.gids = *list->gids;
	if (had.sorted) {
		sorted = reallocarray(NULL, n, sizeof(gid_t));
		if (sorted == NULL)
			return ZT_ERR_NOMEM;
		memcpy(sorted, had.gids, n * sizeof(gid_t));
		qsort(sorted, n, sizeof(gid_t), compare_gids);
		had.gids = sorted;
	}
	return append_new(list, from, &had);
}
