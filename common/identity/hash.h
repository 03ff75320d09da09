/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_HASH_H
#define ZT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "zt/err.h"

/*
 * Hash tables: open addressing, at most half full.  The hash is keyed with a random number, so that no source
 * can choose names that collide.
 */

/* A random number. */
uint64_t hash_seed(void);

/* A power of two, at least twice n. */
size_t hash_slots(size_t n);

static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	const unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t
hash_bytes(uint64_t seed, const char *s, size_t len)
{
	uint64_t h = seed ^ len, word;

	for (; len >= sizeof(word); s += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		h = hash_mix(h ^ word, 0x9e3779b97f4a7c15);
	}
	word = 0;
	memcpy(&word, s, len);
	h = hash_mix(h ^ word, 0xd1342543de82ef95 ^ seed);
	return (uint32_t)(h ^ h >> 32);
}

static inline uint32_t
hash_text(uint64_t seed, const char *s)
{
	return hash_bytes(seed, s, strlen(s));
}

static inline uint32_t
hash_id(uint64_t seed, uint32_t id)
{
	return (uint32_t)hash_mix(id ^ seed, 0x9e3779b97f4a7c15);
}

/* Texts and a value for each. */
struct name_slot {
	const char *name; /* borrowed; NULL: free */
	uint32_t hash, value;
};

/* Grows; a zeroed one with a seed is empty. */
struct name_table {
	struct name_slot *slots; /* owned */
	size_t n_slots, n;
	uint64_t seed;
};

/* Make room for n names in all. */
ZT_MUST_USE enum zt_err name_table_reserve(struct name_table *table, size_t n);
void name_table_clear(struct name_table *table);

/* Where the search for a hash begins. */
static inline struct name_slot *
name_home(const struct name_table *table, uint32_t hash)
{
	return &table->slots[hash & (table->n_slots - 1)];
}

/* Could a name of this hash be there?  Reads no name. */
static inline bool
name_possible(const struct name_table *table, uint32_t hash)
{
	const size_t mask = table->n_slots - 1;
	size_t i = hash & mask;

	while (table->slots[i].name != NULL && table->slots[i].hash != hash)
		i = (i + 1) & mask;
	return table->slots[i].name != NULL;
}

/*
 * Where name is, or where it belongs: then its slot is free.  Whoever fills it
 * counts it in n.  There must be slots.
 */
static inline struct name_slot *
name_slot(const struct name_table *table, const char *name, uint32_t hash)
{
	const size_t mask = table->n_slots - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct name_slot *const slot = &table->slots[i];

		if (slot->name == NULL ||
		    (slot->hash == hash && strcmp(slot->name, name) == 0))
			return slot;
	}
}

/* Ids; 0 is none.  Grows; a zeroed one with a seed is empty. */
struct id_set {
	uint32_t *slots; /* owned; 0: free */
	size_t n_slots, n;
	uint64_t seed;
};

ZT_MUST_USE enum zt_err id_set_add(struct id_set *set, uint32_t id);
void id_set_clear(struct id_set *set);

static inline bool
id_set_has(const struct id_set *set, uint32_t id)
{
	const size_t mask = set->n_slots - 1;
	size_t i = hash_id(set->seed, id) & mask;

	if (set->n == 0)
		return false;
	while (set->slots[i] != 0 && set->slots[i] != id)
		i = (i + 1) & mask;
	return set->slots[i] == id;
}

#endif /* ZT_HASH_H */
