/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNAPSHOT_SAMPLE_H
#define SNAPSHOT_SAMPLE_H

#include "zt/identity.h"
#include "zt/snapshot_format.h"

/*
 * A small directory, its snapshot, and hands to break it with.
 *
 *   alice 70001 private, in team and local group 27; from "files"
 *   bob   70002 in team (primary) and docker, locked, with a validity
 *   carol 70003 private
 *   team 71000 (all three), docker 71001 (bob, allowed), nobody_in 71002
 */
#define SAMPLE_ID_MIN 70000
#define SAMPLE_ID_MAX 79999
#define SAMPLE_USERS  3
#define SAMPLE_GROUPS 3

/* Fresh each time: the caller may change what it points to. */
struct sample {
	struct zt_user users[SAMPLE_USERS];
	struct zt_group groups[SAMPLE_GROUPS];
	struct zt_directory_user directory_users[SAMPLE_USERS];
	struct zt_directory_group directory_groups[SAMPLE_GROUPS];
	uint32_t allowed[1];
	struct zt_directory directory;
	struct zt_snapshot_meta meta;
};
void sample_init(struct sample *sample);

/* A directory of this test's own; remove it with sandbox_remove(). */
struct sandbox {
	char dir[64];
	char path[96]; /* dir/users.snapshot */
};
void sandbox_make(struct sandbox *box);
void sandbox_remove(const struct sandbox *box);

/* A snapshot in memory; free(3) bytes. */
struct copy {
	uint8_t *bytes;
	size_t len;
};

/* What zt_snapshot_write() makes of it. */
struct copy copy_write(const struct zt_directory *directory,
    const struct zt_snapshot_meta *meta);
struct copy copy_sample(void);

struct zt_snapshot_header *copy_header(struct copy *copy);

/* Where a section, a user's or group's record begins, by its name. */
uint8_t *copy_section(struct copy *copy, enum zt_snapshot_section_id id);
uint8_t *copy_user(struct copy *copy, const char *name);
uint8_t *copy_group(struct copy *copy, const char *name);

/* Make the checksums right again. */
void copy_seal(struct copy *copy);

/* Ask everything of any bytes; fails the test if an answer breaks a rule. */
void copy_interrogate(const struct copy *copy);

#endif /* SNAPSHOT_SAMPLE_H */
