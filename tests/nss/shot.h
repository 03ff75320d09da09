/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NSS_SHOT_H
#define TEST_NSS_SHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Snapshots as the broker writes them, through its own writer, and as nobody
 * should.
 */
struct shot_user {
	const char *name;
	uint32_t uid, gid;
	const char *gecos, *home, *shell;
	const uint32_t *gids; /* ascending */
	uint32_t n_gids;
	bool private_group;
};

struct shot_group {
	const char *name;
	uint32_t gid;
	const uint32_t *members; /* indexes of users */
	uint32_t n_members;
};

struct shot {
	const struct shot_user *users;
	size_t n_users;
	const struct shot_group *groups;
	size_t n_groups;
	const uint32_t *allowed; /* local gids */
	size_t n_allowed;
	uint32_t id_min, id_max;
	uint64_t generation;
	bool incomplete, enumerate;
};

/* Put a snapshot in place, at ZT_SNAPSHOT_FILE. */
void shot_write(const struct shot *shot);

/* The bytes of the one in place; free(3) them. */
uint8_t *shot_read(size_t *len_out);

/*
 * Put any bytes in place, and mark what was there as superseded.
 *
 * mend  make the checksum of the header right first, so that no reader stops
 *	 there
 */
void shot_put(uint8_t *bytes, size_t len, bool mend);

/* Mark the one in place as superseded, and leave it there. */
void shot_mark(void);

/* Remove it, marked as superseded. */
void shot_remove(void);

/* alice and staff1 of tests/nss/lookup.h.  alone: alice, and no group. */
void shot_alice(bool alone, bool incomplete);

#endif /* TEST_NSS_SHOT_H */
