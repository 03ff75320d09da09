/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a snapshot, with the checksums made right.  Property:
 * what is handed out obeys the rules, and a file that verifies answers for
 * each user it lists with that user.
 */
#include <string.h>

#include "../unit/snapshot_seal.h"
#include "fuzz_snapshot.h"
#include "zt/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
listed_user(const struct zt_snapshot *s, const struct zt_snapshot_user *user,
    bool verified)
{
	struct zt_snapshot_user same;
	uint32_t gid;

	check_user(user);
	CHECK(user->uid >= s->info.id_min);
	CHECK(user->shell.p[user->shell.len] == '\0');
	for (uint32_t i = 0; i < user->n_gids; i++)
		CHECK(zt_snapshot_gid(s, user, i, &gid) == ZT_OK ? gid != 0
								 : !verified);
	CHECK(!verified ||
	    (zt_snapshot_user(s, user->name, &same) == ZT_OK &&
		same.name.p == user->name.p &&
		zt_snapshot_user_by_uid(s, user->uid, &same) == ZT_OK &&
		same.name.p == user->name.p));
}

static void
listed_group(const struct zt_snapshot *s, const struct zt_snapshot_group *group,
    bool verified)
{
	struct zt_snapshot_group same;
	struct zt_str name;

	check_id(group->gid);
	check_name(group->name);
	for (uint32_t i = 0; i < group->n_members; i++)
		CHECK(zt_snapshot_member(s, group, i, &name) == ZT_OK
			? zt_name_valid(name)
			: !verified);
	CHECK(!verified ||
	    (zt_snapshot_group(s, group->name, &same) == ZT_OK &&
		same.name.p == group->name.p &&
		zt_snapshot_group_by_gid(s, group->gid, &same) == ZT_OK &&
		same.name.p == group->name.p));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	zt_auto_free struct zt_snapshot_header *h = malloc(len);
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;
	struct zt_snapshot s;
	uint32_t cursor = 0;
	bool verified;

	if (h == NULL || len < sizeof(*h))
		return 0;
	memcpy(h, data, len);
	snapshot_seal(h, len);
	if (zt_snapshot_init(h, len, &s) != ZT_OK)
		return 0;
	verified = zt_snapshot_verify(&s) == ZT_OK;
	while (zt_snapshot_user_next(&s, &cursor, &user) == ZT_OK)
		listed_user(&s, &user, verified);
	cursor = 0;
	while (zt_snapshot_group_next(&s, &cursor, &group) == ZT_OK)
		listed_group(&s, &group, verified);
	return 0;
}
