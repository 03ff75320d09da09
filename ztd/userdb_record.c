/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "userdb_query.h"

#define TIME_MAX INT64_MAX /* what JSON takes; a later end is none */

static int
text_set(json_t *record, const char *key, struct zt_str text)
{
	return json_object_set_new(record, key, json_stringn(text.p, text.len));
}

static int
time_set(json_t *record, const char *key, uint64_t us)
{
	return json_object_set_new(record, key, json_integer((json_int_t)us));
}

/* What nobody would look for is left out. */
static int
user_limits_set(json_t *record, const struct zt_snapshot_user *user)
{
	int rc = 0;

	if (user->locked)
		rc |= json_object_set_new(record, "locked", json_true());
	if (user->not_before_us > 0)
		rc |= time_set(record, "notBeforeUSec",
		    user->not_before_us < TIME_MAX ? user->not_before_us
						   : TIME_MAX);
	if (user->not_after_us < TIME_MAX)
		rc |= time_set(record, "notAfterUSec", user->not_after_us);
	return rc;
}

json_t *
userdb_user_record(const struct zt_snapshot_user *user)
{
	json_t *record = json_pack("{s:I, s:I, s:s, s:s}", "uid",
	    (json_int_t)user->uid, "gid", (json_int_t)user->gid, "disposition",
	    "regular", "service", USERDB_SERVICE);
	int rc = 0;

	if (record == NULL)
		return NULL;
	rc |= text_set(record, "userName", user->name);
	if (user->gecos.len > 0)
		rc |= text_set(record, "realName", user->gecos);
	rc |= text_set(record, "homeDirectory", user->home);
	rc |= text_set(record, "shell", user->shell);
	rc |= user_limits_set(record, user);
	if (rc == 0)
		return record;
	json_decref(record);
	return NULL;
}

json_t *
userdb_group_record(const struct zt_snapshot_group *group)
{
	return json_pack("{s:s%, s:I, s:s, s:s}", "groupName", group->name.p,
	    group->name.len, "gid", (json_int_t)group->gid, "disposition",
	    "regular", "service", USERDB_SERVICE);
}
