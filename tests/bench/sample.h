/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Samples of one thing, for their median: on a shared machine a mean is mostly
 * about the others.
 */
#define SAMPLE_MAX 8192 /* count; further ones are dropped */

struct sample {
	double v[SAMPLE_MAX];
	size_t n;
};

/* Microseconds of the monotonic clock. */
double sample_now_us(void);

void sample_add(struct sample *s, double v);

/* The value below which part of the samples lie, 0.5 for the median; sorts. */
double sample_quantile(struct sample *s, double part);

/* Text as a number from 1 to max; anything else ends the program. */
size_t sample_count(const char *text, size_t max);

#endif /* BENCH_SAMPLE_H */
