/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lookup.h"

/*
 * A worker is a process in which one system answers.  It reads tasks from
 * standard input and writes what each took, in ns for one lookup or process,
 * or WORKER_WRONG.
 */
#define WORKER_WRONG  -1.0
#define WORKER_COUNT  8192 /* at most, in one task */
#define WORKER_OWNERS "/bench/data/owners"
#define WORKER_FRESH  "/bench/bin/zt-bench-fresh"

enum task_kind {
	TASK_WARM,   /* every key once, or as many as go into limit_ms */
	TASK_VERIFY, /* count random ones, every field, or limit_ms */
	TASK_TIME,   /* count random ones */
};

struct task {
	enum task_kind kind;
	enum op op;
	enum check check;
	size_t n;     /* users there are */
	size_t range; /* keys are random below it */
	size_t count, threads;
	unsigned limit_ms;
	uint64_t seed;
};

/* One task. */
double worker_do(const struct task *task);

/* Until the end of standard input; the result is an exit status. */
int worker_serve(void);

#endif /* BENCH_WORKER_H */
