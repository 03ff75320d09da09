/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "zt/time.h"

#define YEAR_10000_S 253402300800 /* RFC 3339 has four digits for the year */

static void
put_digits(char *dst, unsigned value, size_t n)
{
	while (n > 0) {
		dst[--n] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* The template with the fields of time_s put in, up to the seconds. */
static enum zt_err
put_time(char *dst, uint64_t time_s)
{
	time_t t = (time_t)time_s;
	struct tm tm;

	if (time_s >= YEAR_10000_S || gmtime_r(&t, &tm) == NULL)
		return ZT_ERR_INVAL;
	put_digits(dst, (unsigned)tm.tm_year + 1900, 4);
	put_digits(dst + 5, (unsigned)tm.tm_mon + 1, 2);
	put_digits(dst + 8, (unsigned)tm.tm_mday, 2);
	put_digits(dst + 11, (unsigned)tm.tm_hour, 2);
	put_digits(dst + 14, (unsigned)tm.tm_min, 2);
	put_digits(dst + 17, (unsigned)tm.tm_sec, 2);
	return ZT_OK;
}

enum zt_err
zt_time_ms(int64_t time_ms, char out[ZT_TIME_MAX])
{
	char text[ZT_TIME_MAX] = "0000-00-00T00:00:00.000Z";
	enum zt_err err;

	if (time_ms < 0)
		return ZT_ERR_INVAL;
	if ((err = put_time(text, (uint64_t)time_ms / 1000)) != ZT_OK)
		return err;
	put_digits(text + 20, (unsigned)(time_ms % 1000), 3);
	memcpy(out, text, sizeof(text));
	return ZT_OK;
}

enum zt_err
zt_time_s(uint64_t time_s, char out[ZT_TIME_MAX])
{
	char text[] = "0000-00-00T00:00:00Z";
	enum zt_err err;

	if ((err = put_time(text, time_s)) != ZT_OK)
		return err;
	memcpy(out, text, sizeof(text));
	return ZT_OK;
}
