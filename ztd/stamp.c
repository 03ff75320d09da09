/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/timex.h>
#include <time.h>

#include "stamp.h"

static int64_t
clock_us(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts); /* fails for unknown clocks only */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
stamp_now_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t
stamp_boottime_ms(void)
{
	return clock_us(CLOCK_BOOTTIME) / 1000;
}

int64_t
stamp_monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

bool
stamp_clock_synchronized(void)
{
	struct timex tx = { 0 };

	const int state = adjtimex(&tx);

	return state >= 0 && state != TIME_ERROR &&
	    (tx.status & STA_UNSYNC) == 0;
}
