/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rules.h"
#include "zt/passwd.h"

#define SYSTEM_GID_MAX 999 /* Debian Policy 9.2.2, systemd UIDS-GIDS */

bool
rules_allow(const struct rules *rules, const char *group)
{
	for (size_t i = 0; i < rules->conf->n_allow_groups; i++)
		if (strcmp(rules->conf->allow_groups[i], group) == 0)
			return true;
	return false;
}

const char *
rules_group_name_fault(const struct rules *rules, const char *name)
{
	uint32_t gid = 0;
	const bool is_local = zt_local_group(rules->local, name, &gid);

	if (is_local && !zt_id_valid(gid))
		return "it names a local group whose gid is never given";
	if (!zt_group_privileged(zt_str(name)) &&
	    (!is_local || gid > SYSTEM_GID_MAX))
		return NULL;
	return rules_allow(rules, name)
	    ? NULL
	    : "it names a root-equivalent or system group that is not in "
	      "identity.allow_groups";
}

static bool
in_range(const struct rules *rules, uint32_t id)
{
	return id >= rules->conf->id_min && id <= rules->conf->id_max;
}

static const char *
uid_fault(const struct rules *rules, uint32_t uid)
{
	if (!in_range(rules, uid))
		return "its uid is outside identity.id_range";
	if (zt_local_has_uid(rules->local, uid))
		return "its uid is a local user's, or delegated in subuid";
	return NULL;
}

static const char *
gid_fault(const struct rules *rules, uint32_t gid)
{
	if (!in_range(rules, gid))
		return "its gid is outside identity.id_range";
	if (zt_local_has_gid(rules->local, gid))
		return "its gid is a local group's, or delegated in subgid";
	return NULL;
}

const char *
rules_id_fault(const struct rules *rules, bool is_user, bool has_gid,
    uint32_t id)
{
	const char *why = NULL;

	if (is_user)
		why = uid_fault(rules, id);
	if (why == NULL && !has_gid)
		why = gid_fault(rules, id);
	return why;
}

const char *
rules_user_fault(const struct rules *rules, const struct zt_user *user)
{
	const char *why = NULL;

	if (user->uid == 0 && user->id[0] == '\0')
		return "it has neither a uid nor an immutable id";
	if (zt_local_has_user(rules->local, user->name))
		return "its name is a local user's";
	if (user->gid == 0 && zt_group_privileged(zt_str(user->name)) &&
	    !rules_allow(rules, user->name))
		return "it has no gid, and a private group of its name would "
		       "be root-equivalent: see identity.allow_groups";
	if (user->id[0] == '\0')
		why = rules_id_fault(rules, true, user->gid != 0, user->uid);
	if (why == NULL && user->gid != 0)
		why = gid_fault(rules, user->gid);
	return why;
}

const char *
rules_group_fault(const struct rules *rules, const struct zt_group *group)
{
	uint32_t gid;

	if (group->gid == 0 && group->id[0] == '\0')
		return "it has neither a gid nor an immutable id";
	if (zt_local_group(rules->local, group->name, &gid))
		return "its name is a local group's";
	return group->id[0] == '\0' ? gid_fault(rules, group->gid) : NULL;
}
