/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_DENIALS_H
#define ZTD_DENIALS_H

#include <stdint.h>

#define DENIALS_MAX 4096 /* remembered; the oldest go first */

/*
 * The recent denials, as a fact for the decision endpoint; nothing is decided
 * here.  All zero is empty.
 */
struct denials {
	struct {
		uint64_t subject; /* digest */
		int64_t us;       /* monotonic clock */
	} ring[DENIALS_MAX];
	uint32_t next;
};

/* subject is a digest, see digest.h. */
void denials_add(struct denials *denials, uint64_t subject);

/* Denials of subject within the last window_s seconds. */
uint32_t denials_count(const struct denials *denials, uint64_t subject,
    unsigned window_s);

#endif /* ZTD_DENIALS_H */
