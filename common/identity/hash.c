/* SPDX-License-Identifier: Apache-2.0 */
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
