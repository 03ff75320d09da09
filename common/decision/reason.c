/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "zt/reason.h"

static const struct {
	const char *code;
	const char *text;
	const char *next;
} reasons[] = { [ZT_REASON_NONE] = { "", "", "" },
#define REASON_ROW(id, c, t, n) [ZT_REASON_##id] = { c, t, n },
	ZT_REASONS(REASON_ROW)
#undef REASON_ROW
};

#define N_REASONS (sizeof(reasons) / sizeof(reasons[0]))

static size_t
row(enum zt_reason reason)
{
	return (size_t)reason < N_REASONS ? (size_t)reason : 0;
}

const char *
zt_reason_code(enum zt_reason reason)
{
	return reasons[row(reason)].code;
}

const char *
zt_reason_text(enum zt_reason reason)
{
	return reasons[row(reason)].text;
}

const char *
zt_reason_next(enum zt_reason reason)
{
	return reasons[row(reason)].next;
}

enum zt_reason
zt_reason_from_code(const char *code)
{
	for (size_t i = 1; i < N_REASONS; i++)
		if (strcmp(reasons[i].code, code) == 0)
			return (enum zt_reason)i;
	return ZT_REASON_NONE;
}
