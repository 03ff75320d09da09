/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SNAPSHOT_FORMAT_H
#define ZT_SNAPSHOT_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "zt/passwd.h"
#include "zt/rd.h"
#include "zt/snapshot.h"
#include "zt/wire.h"

/*
 * The bytes of a snapshot, for its reader and its writer alone.
 * Source: docs/PROTOCOL.snapshot.
 */

#define ZT_SNAPSHOT_MAGIC   "zt-users" /* 8 bytes, without the NUL */
#define ZT_SNAPSHOT_VERSION 1          /* in the byte order of the host */

#define ZT_SNAPSHOT_UNIT       8  /* bytes; offsets are counted in these */
#define ZT_SNAPSHOT_LINE       64 /* bytes; what sections are aligned to */
#define ZT_SNAPSHOT_PROBE_MAX  64 /* slots looked at for one key, count */
#define ZT_SNAPSHOT_SOURCE_LEN 40 /* name of a source with its NULs, bytes */

enum zt_snapshot_section_id {
	ZT_SNAPSHOT_USER_NAMES,
	ZT_SNAPSHOT_USER_IDS,
	ZT_SNAPSHOT_GROUP_NAMES,
	ZT_SNAPSHOT_GROUP_IDS,
	ZT_SNAPSHOT_USERS,
	ZT_SNAPSHOT_GROUPS,
	ZT_SNAPSHOT_GIDS,
	ZT_SNAPSHOT_MEMBERS,
	ZT_SNAPSHOT_SECTIONS
};

struct zt_snapshot_section {
	uint32_t offset, len; /* units; whole lines */
	uint64_t checksum;
};

enum { ZT_SNAPSHOT_COMPLETE = 1, ZT_SNAPSHOT_ENUMERATE = 2 };

/* The first bytes of the file.  The line of superseded is in no checksum. */
struct zt_snapshot_header {
	char magic[8];
	uint32_t version;
	uint32_t header_len; /* bytes */
	uint64_t file_len;   /* bytes */
	uint64_t checksum;   /* of the header, itself as 0 */
	uint64_t generation;
	int64_t created_ms;
	uint32_t id_min, id_max;
	uint32_t flags;
	uint32_t seed;
	uint32_t n_users, n_groups;
	uint32_t n_sources, n_allowed;
	uint8_t reserved[48];
	struct zt_snapshot_section sections[ZT_SNAPSHOT_SECTIONS];
	uint32_t superseded; /* the one thing ever changed in a file */
	uint8_t reserved_line[60];
	uint32_t allowed[ZT_SNAPSHOT_ALLOWED_MAX]; /* ascending */
	char sources[ZT_SNAPSHOT_SOURCES_MAX][ZT_SNAPSHOT_SOURCE_LEN];
};

static_assert(offsetof(struct zt_snapshot_header, sections) == 128, "format");
static_assert(offsetof(struct zt_snapshot_header, superseded) == 256, "format");
static_assert(offsetof(struct zt_snapshot_header, allowed) == 320, "format");
static_assert(sizeof(struct zt_snapshot_header) == 1216, "format");

/* One place in an index; ref 0: empty. */
struct zt_snapshot_slot {
	uint32_t tag; /* hash of the name, or the id itself */
	uint32_t ref; /* unit where the record begins */
};

enum {
	ZT_SNAPSHOT_LOCKED = 1,
	ZT_SNAPSHOT_PRIVATE_GROUP = 2,
	ZT_SNAPSHOT_VALIDITY = 4, /* struct zt_snapshot_validity follows */
	ZT_SNAPSHOT_USER_FLAGS = 7
};

/*
 * A user: this, the validity if flagged, then name, gecos, home and shell,
 * each with its NUL, then NULs up to the unit.
 */
struct zt_snapshot_user_head {
	uint32_t uid, gid;
	uint32_t gids, n_gids; /* first and count in the section of gids */
	uint16_t gecos_len, home_len, shell_len;
	uint8_t name_len;
	uint8_t source;
	uint32_t flags;
};

struct zt_snapshot_validity {
	uint64_t not_before_us, not_after_us;
};

enum {
	ZT_SNAPSHOT_ALLOWED = 1, /* although its name is root-equivalent */
	ZT_SNAPSHOT_GROUP_FLAGS = 1
};

/* A group: this, its name with its NUL, then NULs up to the unit. */
struct zt_snapshot_group_head {
	uint32_t gid;
	uint32_t members, n_members; /* in the section of members: refs */
	uint8_t name_len;
	uint8_t source;
	uint16_t flags;
};

static_assert(sizeof(struct zt_snapshot_user_head) == 28, "format");
static_assert(sizeof(struct zt_snapshot_group_head) == 16, "format");

#define ZT_SNAPSHOT_K1 0x9e3779b97f4a7c15U
#define ZT_SNAPSHOT_K2 0xd6e8feb86659fd93U

/* Multiply, and bring the high bits, which are good, down to the low ones. */
static inline uint64_t
zt_snapshot_mix(uint64_t h)
{
	h *= ZT_SNAPSHOT_K2;
	return h ^ h >> 32;
}

static inline uint64_t
zt_snapshot_load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
zt_snapshot_load32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* All bytes of p[0..len) in one word, some more than once; 1 <= len <= 8. */
static inline uint64_t
zt_snapshot_load_short(const char *p, size_t len)
{
	uint64_t v;

	if (len == 8)
		return zt_snapshot_load64(p);
	if (len >= 4)
		return zt_snapshot_load32(p) |
		    zt_snapshot_load32(p + len - 4) << 32;
	v = (uint64_t)(uint8_t)p[0] | (uint64_t)(uint8_t)p[len / 2] << 8 |
	    (uint64_t)(uint8_t)p[len - 1] << 16 | (uint64_t)(uint8_t)p[0] << 24;
	return v | v << 32;
}

/* The hash of a name: whole words, the last of which overlaps. */
static inline uint32_t
zt_snapshot_hash_name(struct zt_str name, uint32_t seed)
{
	uint64_t h = seed ^ name.len * ZT_SNAPSHOT_K1;
	size_t i = 0;

	for (; i + 8 < name.len; i += 8)
		h = zt_snapshot_mix(h ^ zt_snapshot_load64(name.p + i));
	if (name.len >= 8)
		h ^= zt_snapshot_load64(name.p + name.len - 8);
	else if (name.len > 0)
		h ^= zt_snapshot_load_short(name.p, name.len);
	return (uint32_t)(zt_snapshot_mix(zt_snapshot_mix(h)) >> 32);
}

static inline uint32_t
zt_snapshot_hash_id(uint32_t id, uint32_t seed)
{
	const uint64_t h = ((uint64_t)seed << 32 | id) ^ ZT_SNAPSHOT_K1;

	return (uint32_t)(zt_snapshot_mix(zt_snapshot_mix(h)) >> 32);
}

/* The seed that the writer tries as the i-th. */
static inline uint32_t
zt_snapshot_seed(uint64_t generation, uint32_t i)
{
	return (uint32_t)zt_snapshot_mix(generation * ZT_SNAPSHOT_K1 + i);
}

/* Where to look first, of slots > 0. */
static inline uint32_t
zt_snapshot_home(uint32_t hash, uint32_t slots)
{
	return (uint32_t)((uint64_t)hash * slots >> 32);
}

/* Checksum of whole units, going on from h (begin with 0). */
static inline uint64_t
zt_snapshot_checksum(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i + ZT_SNAPSHOT_UNIT <= len; i += ZT_SNAPSHOT_UNIT)
		h = zt_snapshot_mix(h ^ ZT_SNAPSHOT_K1 ^
		    zt_snapshot_load64(b + i));
	return h;
}

/* Checksum of a header whose own says 0. */
static inline uint64_t
zt_snapshot_header_checksum(const struct zt_snapshot_header *h)
{
	const size_t before = offsetof(struct zt_snapshot_header, superseded);
	const size_t after = offsetof(struct zt_snapshot_header, allowed);
	const uint8_t *base = (const uint8_t *)h;

	return zt_snapshot_checksum(zt_snapshot_checksum(0, base, before),
	    base + after, sizeof(*h) - after);
}

static inline size_t
zt_snapshot_round(size_t len, size_t to)
{
	return (len + to - 1) / to * to;
}

/* Bytes of a user's record before its texts. */
static inline size_t
zt_snapshot_user_head_len(const struct zt_snapshot_user_head *h)
{
	return (h->flags & ZT_SNAPSHOT_VALIDITY) != 0
	    ? sizeof(*h) + sizeof(struct zt_snapshot_validity)
	    : sizeof(*h);
}

/* Bytes of a record: whole units. */
static inline size_t
zt_snapshot_user_len(const struct zt_snapshot_user_head *h)
{
	return zt_snapshot_round(zt_snapshot_user_head_len(h) + h->name_len +
		h->gecos_len + h->home_len + h->shell_len + 4U,
	    ZT_SNAPSHOT_UNIT);
}

static inline size_t
zt_snapshot_group_len(const struct zt_snapshot_group_head *h)
{
	return zt_snapshot_round(sizeof(*h) + h->name_len + 1U,
	    ZT_SNAPSHOT_UNIT);
}

/*
 * What the parts of the reader, common/base/snapshot*.c, share.
 */

/* Bytes from the unit ref to the end of the area; 0 if it is not inside. */
static inline size_t
zt_snapshot_left(const struct zt_snapshot_area *area, uint32_t ref)
{
	if (ref < area->offset || ref - area->offset >= area->len)
		return 0;
	return (size_t)(area->len - (ref - area->offset)) * ZT_SNAPSHOT_UNIT;
}

/* May this be the id of one of ours? */
static inline bool
zt_snapshot_id_served(const struct zt_snapshot *s, uint32_t id)
{
	return id >= s->info.id_min && id <= s->info.id_max &&
	    id >= ZT_SNAPSHOT_ID_FLOOR && zt_id_valid(id);
}

/*
 * Hold the record of a user, the first of len bytes at p, against all rules.
 * Returns ZT_OK and fills *out, its texts borrowed from p; ZT_ERR_MALFORMED.
 * *out is scratch on failure.
 */
ZT_MUST_USE enum zt_err zt_snapshot_user_take(const struct zt_snapshot *s,
    const uint8_t *p, size_t len, struct zt_snapshot_user *out);

/*
 * As zt_snapshot_open(), but without the mapping: base is NULL.  The caller
 * owns *fd_out, to be given to zt_snapshot_fd_close(); -1 on failure.
 */
ZT_MUST_USE enum zt_err zt_snapshot_fd_open(const char *path,
    struct zt_snapshot *out, struct zt_snapshot_file *file_out, int *fd_out);
void zt_snapshot_fd_close(const int *fd); /* nothing if -1 */

#endif /* ZT_SNAPSHOT_FORMAT_H */
