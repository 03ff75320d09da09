/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "say.h"

#define SAY_MAX 1024 /* one line, bytes */

static bool in_journal; /* written once, before anything else runs */

void
say_init(void)
{
	in_journal = getenv("JOURNAL_STREAM") != NULL;
}

void
say(int priority, const char *format, ...)
{
	char line[SAY_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (in_journal)
		(void)fprintf(stderr, "<%d>%s\n", priority, line);
	else
		(void)fprintf(stderr, "ztd: %s\n", line);
}
