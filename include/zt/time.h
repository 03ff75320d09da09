/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_TIME_H
#define ZT_TIME_H

#include <stdint.h>

#include "zt/err.h"

#define ZT_TIME_MAX 25 /* "2026-11-23T13:30:00.120Z" with NUL, bytes */

/*
 * Write a point in time as RFC 3339 UTC: to the millisecond, or to the
 * second.
 *
 * time_ms, time_s  since the epoch
 * out		    NUL-terminated
 *
 * Errors: ZT_ERR_INVAL, out untouched, outside the years 1970 to 9999.
 * Blocking: never.  Thread-safe: yes.  Source: RFC 3339 s5.6.
 */
ZT_MUST_USE enum zt_err zt_time_ms(int64_t time_ms, char out[ZT_TIME_MAX]);
ZT_MUST_USE enum zt_err zt_time_s(uint64_t time_s, char out[ZT_TIME_MAX]);

#endif /* ZT_TIME_H */
