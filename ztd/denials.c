/* SPDX-License-Identifier: Apache-2.0 */
#include "denials.h"
#include "stamp.h"

void
denials_add(struct denials *denials, uint64_t subject)
{
	uint32_t i = denials->next;

	denials->ring[i].subject = subject;
	denials->ring[i].us = stamp_monotonic_us();
	denials->next = (i + 1) % DENIALS_MAX;
}

uint32_t
denials_count(const struct denials *denials, uint64_t subject,
    unsigned window_s)
{
	const int64_t since =
	    stamp_monotonic_us() - (int64_t)window_s * 1000000;
	uint32_t n = 0;

	for (uint32_t i = 0; i < DENIALS_MAX; i++)
		n += denials->ring[i].subject == subject &&
		    denials->ring[i].us > since;
	return n;
}
