/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_HASH_H
#define ZT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Hash tables of a size that is known before: open addressing, at most half
 * full.  The hash is keyed with a random number, so that no source
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

struct name_table {
	struct name_slot *slots; /* hash_slots(n) of them, zeroed; owned by
				    whoever made them */
	size_t mask;             /* slots - 1 */
	uint64_t seed;
};

/* Where name is, or where it belongs: then its slot is free. */
static inline struct name_slot *
name_slot(const struct name_table *table, const char *name, uint32_t hash)
{
	size_t i = hash & table->mask;

	for (;; i = (i + 1) & table->mask) {
		struct name_slot *const slot = &table->slots[i];

		if (slot->name == NULL ||
		    (slot->hash == hash && strcmp(slot->name, name) == 0))
			return slot;
	}
}

#endif /* ZT_HASH_H */
