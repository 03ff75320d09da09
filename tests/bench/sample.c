/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sample.h"

double
sample_now_us(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

void
sample_add(struct sample *s, double v)
{
	if (s->n < SAMPLE_MAX)
		s->v[s->n++] = v;
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
sample_quantile(struct sample *s, double part)
{
	if (s->n == 0)
		return 0;
	qsort(s->v, s->n, sizeof(s->v[0]), compare);
	return s->v[(size_t)((double)(s->n - 1) * part + 0.5)];
}

size_t
sample_count(const char *text, size_t max)
{
	size_t n = strtoul(text, NULL, 10);

	if (n == 0 || n > max) {
		(void)fprintf(stderr, "bench: \"%s\" is not 1 to %zu\n", text,
		    max);
		exit(2);
	}
	return n;
}
