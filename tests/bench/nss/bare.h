/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stdint.h>
#include <string.h>

#include "people.h"

/*
 * The table of libnss_bare: slots by name, slots by uid, records.  A slot is
 * a record's number and 1, or 0.
 */
#define BARE_FILE     "/bench/data/bare.table"
#define BARE_NAME_LEN 16

struct bare_record {
	char name[BARE_NAME_LEN];
	char gecos[BARE_NAME_LEN];
	char home[24];
	char shell[BARE_NAME_LEN];
	uint32_t uid;
	uint32_t teams[PEOPLE_TEAMS_EACH]; /* gids */
};

struct bare_header {
	uint32_t mask; /* slots - 1 */
	uint32_t n;
};

static inline uint32_t
bare_hash(uint64_t v)
{
	v *= 0x9e3779b97f4a7c15U;
	return (uint32_t)(v >> 32);
}

/* name is padded with zeros to BARE_NAME_LEN. */
static inline uint32_t
bare_hash_name(const char *name)
{
	uint64_t v[2];

	memcpy(v, name, sizeof(v));
	return bare_hash(v[0] ^ (v[1] * 0xff51afd7ed558ccdU));
}

#endif /* BENCH_BARE_H */
