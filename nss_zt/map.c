/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "map.h"

/*
 * Who may unmap a snapshot, and when, without a lock, and without thread-local
 * storage or keys (a static program has two C libraries in it, and knows only
 * of the threads of its own; what is allocated here is freed here).
 *
 * current is the map in force.  A lookup claims a slot, writes into it the map
 * that it is about to use, and only believes that it holds it when it then
 * still finds it in current.  Whoever takes a map out of current puts it on
 * the list of the retired; those are unmapped once no slot names them.
 *
 * Why that is right:
 * - A map is only looked into while a slot names it, and it was in current
 *   after the slot did.  Both sides write and then read (slot then current;
 *   current then slots), all four sequentially consistent: either the lookup
 *   sees that current has moved, or whoever retires sees the slot.
 * - A release orders the lookup's reads before the slot's NULL, and the scan
 *   that finds the NULL (or what a later lookup put there: read-modify-write
 *   continues the release sequence) before the unmapping.
 * - The same address again: a map that was freed and another that got its
 *   memory are one pointer.  A slot that named the one holds the other, and
 *   current agrees: that is the map used.  renew() may so put its map in the
 *   place of one that is newer; its own is marked superseded then, and the
 *   next lookup looks again.  What is taken out of current is retired by
 *   whoever took it, once.  The list is only pushed to and taken whole.
 * - Slots are never waited for.  All taken: the lookup maps for itself alone.
 *   So a slot that is never released (its thread was cancelled in there, or
 *   was another of the parent's at a fork) costs one slot and keeps one map; a
 *   signal handler that looks up in the middle of a lookup takes the next.
 *   A fork while another thread has the retired in hand loses these in the
 *   child.  No slow call is made while a slot is held, but by renew().
 */

#define SLOTS 60 /* all that is written to fits into one page, with these */
#define LINE  64 /* bytes that processors pass around as one */

#define STACK_SHIFT 14 /* no thread has a stack smaller than 2^14 bytes */

struct map {
	struct zt_snapshot snapshot;
	struct zt_snapshot_file file;
	struct map *next; /* of the retired */
};

struct map_slot {
	_Alignas(LINE) _Atomic(struct map *) map; /* NULL: free */
};

static struct map_slot slots[SLOTS];
static _Atomic(struct map *) current; /* never NULL again once it was not */
static _Atomic(struct map *) retired;
static atomic_bool asked; /* whether map_is_first() */

static void
map_free(struct map *map)
{
	const int saved_errno = errno;

	if (map != NULL)
		zt_snapshot_close(&map->snapshot);
	free(map);
	errno = saved_errno;
}

static enum zt_err
map_new(struct map **out)
{
	const int saved_errno = errno;
	struct map *map = malloc(sizeof(*map));
	enum zt_err err = ZT_ERR_NOMEM;

	if (map != NULL)
		err = zt_snapshot_open(path_snapshot(), &map->snapshot,
		    &map->file);
	if (err == ZT_OK)
		*out = map;
	else
		free(map);
	errno = saved_errno;
	return err;
}

/* Of every thread its own, with luck, for each has a stack of its own; else
 * the next one that is free. */
static struct map_slot *
slot_claim(struct map *map)
{
	const uint64_t thread = (uintptr_t)&map >> STACK_SHIFT;
	const uint64_t hash = thread * 0x9e3779b97f4a7c15U >> 32;
	size_t at = (size_t)(hash * SLOTS >> 32);

	for (size_t i = 0; i < SLOTS; i++, at = at + 1 < SLOTS ? at + 1 : 0) {
		struct map_slot *slot = &slots[at];
		struct map *none = NULL;

		if (atomic_load_explicit(&slot->map, memory_order_relaxed) ==
			NULL &&
		    atomic_compare_exchange_strong(&slot->map, &none, map))
			return slot;
	}
	return NULL;
}

static bool
is_held(const struct map *map)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (atomic_load(&slots[i].map) == map)
			return true;
	return false;
}

static void
retire(struct map *map)
{
	map->next = atomic_load(&retired);
	while (!atomic_compare_exchange_weak(&retired, &map->next, map))
		continue;
}

/* Unmap the retired that nobody holds. */
static void
reclaim(void)
{
	struct map *next;

	for (struct map *map = atomic_exchange(&retired, NULL); map != NULL;
	     map = next) {
		next = map->next;
		if (is_held(map))
			retire(map);
		else
			map_free(map);
	}
}

/* Hold the map in force, if there is one and a slot is free. */
static bool
hold(struct map_use *use)
{
	struct map *map = atomic_load(&current), *now;
	struct map_slot *slot = map == NULL ? NULL : slot_claim(map);

	*use = (struct map_use){ 0 };
	if (slot == NULL)
		return false;
	for (; (now = atomic_load(&current)) != map; map = now)
		atomic_store(&slot->map, now);
	*use = (struct map_use){ &map->snapshot, map, slot };
	return true;
}

/* Is it still the file at the path?  An inode is not given to another while
 * it is mapped. */
static bool
is_in_place(const struct map *map)
{
	const int saved_errno = errno;
	struct stat st;
	const bool is = lstat(path_snapshot(), &st) == 0 &&
	    st.st_dev == map->file.dev && st.st_ino == map->file.ino;

	errno = saved_errno;
	return is;
}

/* Put map in force in place of what is held, and hold it; if another was
 * quicker, or no slot is free, it is this lookup's alone. */
static void
replace(struct map_use *use, struct map *map)
{
	struct map *old = use->map;
	struct map_slot *slot = use->slot;

	if (slot != NULL)
		atomic_store(&slot->map, map);
	else
		slot = slot_claim(map);
	*use = (struct map_use){ &map->snapshot, map, slot };
	if (slot == NULL)
		return;
	if (!atomic_compare_exchange_strong(&current, &old, map)) {
		atomic_store_explicit(&slot->map, NULL, memory_order_release);
		use->slot = NULL;
	} else if (old != NULL) {
		retire(old);
		reclaim();
	}
}

/* Look at the file again.  What is held is superseded, or nothing. */
static __attribute__((__noinline__)) enum zt_err
renew(struct map_use *use)
{
	struct map *map = NULL;
	enum zt_err err;

	/* the writer has not come to the rename; or it is a single file that
	   is mounted there, for good: this happens on each lookup then */
	if (use->map != NULL && is_in_place(use->map))
		return ZT_OK;
	if ((err = map_new(&map)) != ZT_OK) {
		map_release(use);
		return err;
	}
	replace(use, map);
	return ZT_OK;
}

bool
map_is_first(void)
{
	return atomic_load_explicit(&current, memory_order_relaxed) == NULL &&
	    !atomic_exchange(&asked, true);
}

enum zt_err
map_acquire(struct map_use *out)
{
	return hold(out) && !zt_snapshot_superseded(out->snapshot) ? ZT_OK
								   : renew(out);
}

void
map_release(struct map_use *use)
{
	if (use->slot == NULL) {
		map_free(use->map);
		return;
	}
	atomic_store_explicit(&use->slot->map, NULL, memory_order_release);
	/* held up: it was retired meanwhile, and nobody else may unmap it */
	if (use->map != atomic_load_explicit(&current, memory_order_relaxed))
		reclaim();
}
