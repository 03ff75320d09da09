/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_IDTABLE_H
#define ZT_IDTABLE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "hash.h"
#include "zt/idmap.h"

/* What zt/idmap.h keeps in memory: subjects, and lines that bind ids to them. */

#define IDTABLE_NONE UINT32_MAX

/* Whom ids belong to. */
struct id_subject {
	const char *source, *immutable_id; /* in texts, or in the file's */
	bool is_group;
	bool repeated; /* claimed twice in this round */
	uint32_t hash;
	uint32_t last;     /* of its lines, index; IDTABLE_NONE */
	uint32_t override; /* id; 0: none */
	uint32_t round;    /* of its last claim */
	uint32_t claim;    /* and which it was */
};

/* A line of the file. */
struct id_line {
	uint32_t id;
	uint32_t subject; /* index */
	uint32_t before;  /* the subject's line before it; IDTABLE_NONE */
};

/* A slot of a table. */
struct id_slot {
	uint32_t key;   /* an id; a subject's hash */
	uint32_t index; /* of a line, a subject; plus 1; 0: free */
};

struct id_slots {
	struct id_slot *v; /* owned */
	size_t n;          /* a power of two, or 0 */
};

struct zt_idmap {
	struct id_line *lines; /* owned; in the order of the file */
	size_t n_lines, lines_cap;
	size_t n_committed;          /* of them stand in the file */
	struct id_subject *subjects; /* owned */
	size_t n_subjects, subjects_cap;
	struct id_slots by_id, by_subject;
	struct zt_id_override *overrides; /* owned; texts in texts */
	size_t n_overrides;
	struct arena texts;
	uint64_t seed;
	uint32_t round;
	EVP_MD *sha256; /* owned */
	/* of idmap_file.c */
	char *path;         /* owned; NULL: keep nothing */
	char *text;         /* owned; what was read */
	size_t file_len;    /* of the file, up to its last good line; bytes */
	size_t file_size;   /* as a whole, as we know it */
	bool commit_failed; /* so that its size is not known */
};

/* Can they stand in a line: printable ASCII without space, within limits? */
bool idtable_texts_valid(const char *source, const char *immutable_id);

/* Make room for n more lines and subjects, so that adding cannot fail. */
ZT_MUST_USE enum zt_err idtable_reserve(struct zt_idmap *map, size_t n);

uint32_t idtable_hash(const struct zt_idmap *map, bool is_group,
    const char *source, const char *immutable_id);

/* Fetch what the search for a hash reads first, one hop from pointer to
 * pointer after the other: 0 to 2.  After idtable_reserve(). */
void idtable_prefetch(const struct zt_idmap *map, uint32_t hash, int hop);

/*
 * Index of the subject, which is added if there is none; texts are borrowed
 * or, with copy, copied.  IDTABLE_NONE if there is no memory for that.
 */
uint32_t idtable_subject(struct zt_idmap *map, uint32_t hash, bool is_group,
    const char *source, const char *immutable_id, bool copy);

/* Index of the subject of that kind that id belongs to; IDTABLE_NONE. */
uint32_t idtable_owner(const struct zt_idmap *map, bool is_group, uint32_t id);

/* Bind id, which nobody of its kind has, to subject. */
void idtable_bind(struct zt_idmap *map, uint32_t id, uint32_t subject);

/* Forget all lines from n on. */
void idtable_truncate(struct zt_idmap *map, size_t n);

/* zt_id_derive() with the digest at hand; 0 on failure, which is no id. */
uint32_t idtable_derive(const EVP_MD *sha256, const struct id_subject *subject,
    uint32_t id_min, uint32_t id_max);

#endif /* ZT_IDTABLE_H */
