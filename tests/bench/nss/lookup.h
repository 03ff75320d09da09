/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LOOKUP_H
#define BENCH_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "people.h"

/* What is measured. */
enum op {
	OP_NAME,
	OP_UID,
	OP_GID,
	OP_GROUPS,
	OP_NAME_GONE,
	OP_UID_GONE,
	OP_GID_GONE,
	OP_LS,    /* ls -l of a directory of 1,000 owners */
	OP_FRESH, /* a process that looks up one name */
	OP_END,
};

const char *op_name(enum op op);
enum op op_find(const char *name); /* ends the program if there is none */
bool op_gone(enum op op);

/* How closely an answer is looked at. */
enum check {
	CHECK_FLOOR, /* found or not; compared like CHECK_KEY, to cost the same */
	CHECK_KEY,   /* and the other of name and id, or how many groups */
	CHECK_ALL,   /* and all fields */
};

/* One lookup through libc.  False if the answer is wrong or missing. */
bool lookup(enum op op, const struct person *p, enum check check);

/* Is user i, of n, in those groups and no other?  Asks libc. */
bool lookup_teams(size_t i, size_t n);

#endif /* BENCH_LOOKUP_H */
