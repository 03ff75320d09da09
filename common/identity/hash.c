/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/random.h>

#include "hash.h"

uint64_t
hash_seed(void)
{
	uint64_t seed;

	/* Without it a hostile source could only make lookups slow. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(seed))
		seed = (uintptr_t)&seed;
	return seed;
}

size_t
hash_slots(size_t n)
{
	size_t slots = 8;

	while (slots < 2 * n)
		slots *= 2;
	return slots;
}

enum zt_err
name_table_reserve(struct name_table *table, size_t n)
{
	struct name_table grown = {
		.n_slots = hash_slots(n), .n = table->n, .seed = table->seed
	};

	if (grown.n_slots <= table->n_slots)
		return ZT_OK;
	if ((grown.slots = calloc(grown.n_slots, sizeof(*grown.slots))) == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < table->n_slots; i++) {
		const struct name_slot *slot = &table->slots[i];

		if (slot->name != NULL)
			*name_slot(&grown, slot->name, slot->hash) = *slot;
	}
	free(table->slots);
	*table = grown;
	return ZT_OK;
}

void
name_table_clear(struct name_table *table)
{
	free(table->slots);
	*table = (struct name_table){ .seed = table->seed };
}

static void
id_set_put(struct id_set *set, uint32_t id)
{
	const size_t mask = set->n_slots - 1;
	size_t i = hash_id(set->seed, id) & mask;

	while (set->slots[i] != 0 && set->slots[i] != id)
		i = (i + 1) & mask;
	if (set->slots[i] == 0)
		set->n++;
	set->slots[i] = id;
}

enum zt_err
id_set_add(struct id_set *set, uint32_t id)
{
	struct id_set grown = { .n_slots = hash_slots(set->n + 1),
		.seed = set->seed };

	if (grown.n_slots > set->n_slots) {
		grown.slots = calloc(grown.n_slots, sizeof(*grown.slots));
		if (grown.slots == NULL)
			return ZT_ERR_NOMEM;
		for (size_t i = 0; i < set->n_slots; i++)
			if (set->slots[i] != 0)
				id_set_put(&grown, set->slots[i]);
		free(set->slots);
		*set = grown;
	}
	id_set_put(set, id);
	return ZT_OK;
}

void
id_set_clear(struct id_set *set)
{
	free(set->slots);
	*set = (struct id_set){ .seed = set->seed };
}
