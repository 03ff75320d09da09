/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAMPLE_USERS_H
#define SAMPLE_USERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/identity.h"

/*
 * A small snapshot, written without any source: alice in payments and in the
 * local group video, bob whose primary group is payments, carol in payments
 * and ops; and as many others as are wanted, each in payments.
 */
#define SAMPLE_ALICE    70001
#define SAMPLE_BOB      70002
#define SAMPLE_CAROL    70003
#define SAMPLE_PAYMENTS 70100
#define SAMPLE_OPS      70101
#define SAMPLE_VIDEO    44
#define SAMPLE_OTHERS   80000 /* uid of the first of the others */

struct sample_users {
	size_t others;
	bool incomplete, enumerate;
};

static inline const struct zt_user *
sample_user(const char *name, bool limited)
{
	struct zt_user *user = calloc(1, sizeof(*user) + 128);
	char *text = (char *)(user + 1);

	(void)snprintf(text, 64, "%s", name);
	(void)snprintf(text + 64, 64, "/home/%s", name);
	*user = (struct zt_user){ .name = text,
		.id = "",
		.gecos = limited ? "" : "Sample \xc3\x84 User",
		.home = text + 64,
		.shell = "/bin/sh",
		.locked = limited,
		.not_before_us = limited ? 5 : 0,
		.not_after_us = limited ? 6 : UINT64_MAX,
		.privileged = "" };
	return user;
}

static inline void
sample_others(struct zt_directory *directory, uint32_t *members, size_t n)
{
	static const uint32_t gids[] = { SAMPLE_PAYMENTS };

	for (size_t i = 0; i < n; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "u%06zu", i);
		members[2 + i] = (uint32_t)(3 + i);
		directory->users[3 + i] =
		    (struct zt_directory_user){ .record =
						    sample_user(name, false),
			    .uid = (uint32_t)(SAMPLE_OTHERS + i),
			    .gid = (uint32_t)(SAMPLE_OTHERS + i),
			    .private_group = true,
			    .n_gids = 1,
			    .gids = gids };
	}
}

/* Returns 0. */
static inline int
sample_users_write(const char *path, const struct sample_users *want)
{
	static const uint32_t alice[] = { SAMPLE_VIDEO, SAMPLE_PAYMENTS };
	static const uint32_t carol[] = { SAMPLE_PAYMENTS, SAMPLE_OPS };
	static const uint32_t ops[] = { 2 };
	static const struct zt_group records[] = {
		{ .name = "payments", .id = "", .gid = SAMPLE_PAYMENTS },
		{ .name = "ops", .id = "", .gid = SAMPLE_OPS },
	};
	const char *const sources[] = { "files" };
	const struct zt_snapshot_meta meta = { .generation = 1,
		.created_ms = 1,
		.id_min = 65536,
		.id_max = 2000000,
		.complete = !want->incomplete,
		.enumerate = want->enumerate,
		.sources = sources,
		.n_sources = 1 };
	uint32_t allowed[] = { SAMPLE_VIDEO };
	uint32_t *members = calloc(2 + want->others, sizeof(*members));
	struct zt_directory_group groups[] = {
		{ .record = &records[0],
		    .gid = SAMPLE_PAYMENTS,
		    .n_members = (uint32_t)(2 + want->others),
		    .members = members },
		{ .record = &records[1],
		    .gid = SAMPLE_OPS,
		    .n_members = 1,
		    .members = ops },
	};
	struct zt_directory directory = { .users = calloc(3 + want->others,
					      sizeof(*directory.users)),
		.groups = groups,
		.n_users = 3 + want->others,
		.n_groups = 2,
		.allowed_gids = allowed,
		.n_allowed_gids = 1 };
	int rc;

	directory.users[0] =
	    (struct zt_directory_user){ .record = sample_user("alice", false),
		    .uid = SAMPLE_ALICE,
		    .gid = SAMPLE_ALICE,
		    .private_group = true,
		    .n_gids = 2,
		    .gids = alice };
	directory.users[1] =
	    (struct zt_directory_user){ .record = sample_user("bob", true),
		    .uid = SAMPLE_BOB,
		    .gid = SAMPLE_PAYMENTS };
	directory.users[2] =
	    (struct zt_directory_user){ .record = sample_user("carol", false),
		    .uid = SAMPLE_CAROL,
		    .gid = SAMPLE_CAROL,
		    .private_group = true,
		    .n_gids = 2,
		    .gids = carol };
	members[0] = 0;
	members[1] = 2;
	sample_others(&directory, members, want->others);
	rc = zt_snapshot_write(path, &directory, &meta) == ZT_OK ? 0 : -1;
	for (size_t i = 0; i < directory.n_users; i++) {
		const void *record = directory.users[i].record;

		free((void *)(uintptr_t)record);
	}
	free(directory.users);
	free(members);
	return rc;
}

/* What the sample's alice has besides. */
static inline const char *
sample_privileged(void *arg, struct zt_str name)
{
	(void)arg;
	if (zt_str_is(name, "alice"))
		return "{\"hashedPassword\":[\"!sample\"]}";
	return zt_str_is(name, "carol") ? "garbage" : NULL;
}

#endif /* SAMPLE_USERS_H */
