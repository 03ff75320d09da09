/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "zt/identity.h"
#include "zt/passwd.h"

#define CHECK(what) ((what) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted can stand in passwd(5) and group(5), field for field. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct zt_str json = { (const char *)data, size };
	struct zt_group *group = NULL;
	struct zt_user *user = NULL;
	const char *why = NULL;

	if (zt_user_parse(json, &user, &why) == ZT_OK) {
		CHECK(zt_name_valid(zt_str(user->name)));
		CHECK(user->uid == 0 || zt_id_valid(user->uid));
		CHECK(user->gid == 0 || zt_id_valid(user->gid));
		CHECK(user->uid != 0 || user->id[0] != '\0');
		CHECK(zt_field_valid(zt_str(user->gecos)));
		CHECK(zt_path_valid(zt_str(user->home)));
		CHECK(zt_path_valid(zt_str(user->shell)));
		for (size_t i = 0; i < user->n_member_of; i++)
			CHECK(zt_name_valid(zt_str(user->member_of[i])));
	} else {
		CHECK(user == NULL && why != NULL);
	}
	if (zt_group_parse(json, &group, &why) == ZT_OK) {
		CHECK(zt_name_valid(zt_str(group->name)));
		CHECK(group->gid == 0 || zt_id_valid(group->gid));
		for (size_t i = 0; i < group->n_members; i++)
			CHECK(zt_name_valid(zt_str(group->members[i])));
	}
	free(user);
	free(group);
	return 0;
}
