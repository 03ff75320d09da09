/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_IDMAP_H
#define ZT_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"

/*
 * Which id belongs to whom, for ever.  A file that only grows, one line for
 * each id given: an id that belonged to one immutable id is never given to
 * another of its kind, whether its owner still exists or not.  The kinds are
 * users and groups: directories give alice and her group one number.
 *
 * An id that a source does not give is derived from the source's name and the
 * immutable id, by a hash into the range: the same on every host that has the
 * same configuration, in whatever order people arrive.  A new one must be free
 * in both kinds, so that the private group of its user is no other's.  Two that
 * derive the same id: the one that is known keeps it; if neither is, both are
 * refused, so that no two hosts give one id to two people.
 */
#define ZT_IDMAP_FILE      "/var/lib/ztd/users.ids"
#define ZT_IDMAP_BYTES_MAX (512 << 20)

/*
 * Default identity.id_range.  Outside of what else gives ids: systemd's ranges
 * (524288-1879048191 containers, 2147352576 and up foreign ids), SSSD's
 * default (200000-2000199999), FreeIPA's, shadow's subordinate ids
 * (100000-600100000).  134,086,656 ids.
 */
#define ZT_ID_MIN_DEFAULT 2013265920U /* 0x78000000 */
#define ZT_ID_MAX_DEFAULT 2147352575U /* 0x7ffdffff */

struct zt_idmap;

/* A manual assignment: identity.id_overrides.  Texts borrowed. */
struct zt_id_override {
	const char *source, *immutable_id;
	uint32_t id;
};

/*
 * Read the file; one that does not exist is empty.  A last line without its
 * end is what a crash left: it is dropped, and overwritten by the next.
 *
 * path	      copied; NULL: keep nothing, for ztctl and tests
 * overrides  n of them, copied
 *
 * Errors: ZT_ERR_SYS, ZT_ERR_MALFORMED (line in *line_out: it is not
 * repaired, for an id could change hands), ZT_ERR_DENIED (others can write
 * it), ZT_ERR_TOOBIG, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err
zt_idmap_load(const char *path, const struct zt_id_override *overrides,
    size_t n, unsigned *line_out, struct zt_idmap **out);
void zt_idmap_free(struct zt_idmap *map);

/* Who asks for an id.  Texts borrowed. */
struct zt_id_claim {
	bool is_group;
	const char *source;       /* at most ZT_ID_SOURCE_MAX bytes */
	const char *immutable_id; /* ""; then id is given, and held in this
				     call, but not remembered */
	uint32_t id;              /* given by the source; 0: derive it */
	/* results */
	enum zt_err err; /* ZT_OK; ZT_ERR_DENIED with why */
	const char *why; /* static */
	size_t holder;   /* the claim of this call that has the id;
			    ZT_ID_HOLDER_NONE if it is none of them */
};

#define ZT_ID_SOURCE_MAX  255 /* bytes */
#define ZT_ID_HOLDER_NONE SIZE_MAX

/*
 * Give ids to n claims at once, for the order of those that are derived must
 * not matter.  Each gets its id, or a reason why not: remembered for another
 * of its kind, or of either kind if it is derived and new; by an override
 * another's, of either kind; new, derived, and in this call another's as well,
 * or given, and derived by a new one of its kind; given to a claim of its kind
 * before it; outside id_min..id_max; two claims of one kind with one immutable
 * id, which refuses both.  What is new is remembered in memory until
 * zt_idmap_commit().
 *
 * In this order an id is: that of an override; given; the derived one, if it
 * is remembered; the last one remembered; the derived one.
 *
 * Errors: ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_idmap_claim(struct zt_idmap *map, uint32_t id_min,
    uint32_t id_max, struct zt_id_claim *claims, size_t n);

/* True if id belongs, or belonged, to some immutable id, of either kind. */
bool zt_idmap_taken(const struct zt_idmap *map, uint32_t id);

/*
 * Append what is new, flushed to disk, before anybody is told of it.
 * Errors: ZT_ERR_SYS; it is tried again by the next commit.
 */
ZT_MUST_USE enum zt_err zt_idmap_commit(struct zt_idmap *map);

/* Forget what is new and not committed. */
void zt_idmap_rollback(struct zt_idmap *map);

/* The hash alone: for docs, tests and ztctl. */
uint32_t zt_id_derive(bool is_group, const char *source,
    const char *immutable_id, uint32_t id_min, uint32_t id_max);

#endif /* ZT_IDMAP_H */
