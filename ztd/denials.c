/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "denials.h"
#include "digest.h"
#include "stamp.h"

void
denials_add(struct denials *denials, const char *subject)
{
	uint32_t i = denials->next;

	denials->ring[i].subject = digest_64(subject, strlen(subject));
	denials->ring[i].us = stamp_monotonic_us();
	denials->next = (i + 1) % DENIALS_MAX;
}

uint32_t
denials_count(const struct denials *denials, const char *subject,
    unsigned window_s)
{
	const uint64_t digest = digest_64(subject, strlen(subject));
	const int64_t since =
	    stamp_monotonic_us() - (int64_t)window_s * 1000000;
	uint32_t n = 0;

	for (uint32_t i = 0; i < DENIALS_MAX; i++)
		n += denials->ring[i].subject == digest &&
		    denials->ring[i].us > since;
	return n;
}
