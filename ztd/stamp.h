/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_STAMP_H
#define ZTD_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since the epoch; since boot, suspend included. */
int64_t stamp_now_ms(void);
int64_t stamp_boottime_ms(void);

/* Microseconds on the monotonic clock. */
int64_t stamp_monotonic_us(void);

/* Does the kernel believe that its clock is synchronized? (adjtimex(2)) */
bool stamp_clock_synchronized(void);

#endif /* ZTD_STAMP_H */
