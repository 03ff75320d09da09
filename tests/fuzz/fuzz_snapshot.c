/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a snapshot, with the checksums made right.  Property:
 * what is handed out obeys the rules, and a file that verifies answers for
 * each user it lists with that user.
 */
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/snapshot_format.h"
#include "zt/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
seal(struct zt_snapshot_header *h, size_t len)
{
	for (size_t i = 0; i < ZT_SNAPSHOT_SECTIONS; i++) {
		struct zt_snapshot_section *section = &h->sections[i];
		const size_t at = (size_t)section->offset * ZT_SNAPSHOT_UNIT;
		const size_t n = (size_t)section->len * ZT_SNAPSHOT_UNIT;

		if (at <= len && n <= len - at)
			section->checksum =
			    zt_snapshot_checksum(0, (const uint8_t *)h + at, n);
	}
	h->checksum = 0;
	h->checksum = zt_snapshot_header_checksum(h);
}

static void
check_user(const struct zt_snapshot *s, const struct zt_snapshot_user *user,
    bool verified)
{
	struct zt_snapshot_user same;
	uint32_t gid;

	check(zt_name_valid(user->name) && zt_field_valid(user->gecos) &&
	    zt_path_valid(user->home) && zt_path_valid(user->shell) &&
	    user->shell.p[user->shell.len] == '\0');
	check(zt_id_valid(user->uid) && user->uid >= s->info.id_min);
	for (uint32_t i = 0; i < user->n_gids; i++)
		check(zt_snapshot_gid(s, user, i, &gid) != ZT_OK || gid != 0);
	check(!verified ||
	    (zt_snapshot_user(s, user->name, &same) == ZT_OK &&
		same.name.p == user->name.p &&
		zt_snapshot_user_by_uid(s, user->uid, &same) == ZT_OK &&
		same.name.p == user->name.p));
}

static void
check_group(const struct zt_snapshot *s, const struct zt_snapshot_group *group,
    bool verified)
{
	struct zt_snapshot_group same;
	struct zt_str name;

	check(zt_name_valid(group->name) && zt_id_valid(group->gid));
	for (uint32_t i = 0; i < group->n_members; i++)
		check(zt_snapshot_member(s, group, i, &name) != ZT_OK
			? !verified
			: zt_name_valid(name));
	check(!verified ||
	    (zt_snapshot_group(s, group->name, &same) == ZT_OK &&
		same.name.p == group->name.p &&
		zt_snapshot_group_by_gid(s, group->gid, &same) == ZT_OK &&
		same.name.p == group->name.p));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	zt_auto_free void *bytes = malloc(len);
	struct zt_snapshot_header *h = bytes;
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;
	struct zt_snapshot s;
	uint32_t cursor = 0;
	bool verified;

	if (bytes == NULL || len < sizeof(*h))
		return 0;
	memcpy(bytes, data, len);
	seal(h, len);
	if (zt_snapshot_init(h, len, &s) != ZT_OK)
		return 0;
	verified = zt_snapshot_verify(&s) == ZT_OK;
	while (zt_snapshot_user_next(&s, &cursor, &user) == ZT_OK)
		check_user(&s, &user, verified);
	cursor = 0;
	while (zt_snapshot_group_next(&s, &cursor, &group) == ZT_OK)
		check_group(&s, &group, verified);
	return 0;
}
