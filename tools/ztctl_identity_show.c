/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity show: one user of the snapshot. */
#include <inttypes.h>
#include <stdio.h>

#include "zt/local.h"
#include "zt/text.h"
#include "zt/time.h"
#include "ztctl_identity.h"
#include "ztctl_print.h"

/* A point in time as text, or null for "always"; owned. */
static json_t *
time_json(uint64_t us)
{
	char text[ZT_TIME_MAX];

	if (us == 0 || us == UINT64_MAX)
		return json_null();
	if (zt_time_s(us / 1000000, text) != ZT_OK)
		return json_string("beyond the year 9999");
	return json_string(text);
}

/* A group by its id: its name from the snapshot, null if it is not there. */
static json_t *
group_json(const struct zt_snapshot *s, uint32_t gid)
{
	struct zt_snapshot_group group;
	const bool found = zt_snapshot_group_by_gid(s, gid, &group) == ZT_OK;

	return json_pack("{s:I, s:o, s:b}", "gid", (json_int_t)gid, "name",
	    found ? print_json_text(group.name) : json_null(), "local", 0);
}

/* Name the groups that only this host knows. */
static bool
name_local(void *arg, const char *name, uint32_t gid, char *const *members)
{
	json_t *groups = arg, *g;
	size_t i;

	(void)members;
	json_array_foreach(groups, i, g)
	{
		if (json_num(g, "gid") != gid || json_str(g, "name") != NULL)
			continue;
		(void)json_object_set_new(g, "name",
		    print_json_text(zt_str(name)));
		(void)json_object_set_new(g, "local", json_true());
	}
	return true;
}

static enum zt_err
groups_json(const struct zt_snapshot *s, const struct zt_snapshot_user *user,
    const char *etc, json_t **out)
{
	json_t *groups = json_array();
	enum zt_err err = ZT_OK;
	uint32_t gid;

	for (uint32_t i = 0; i < user->n_gids && err == ZT_OK; i++) {
		err = zt_snapshot_gid(s, user, i, &gid);
		if (err == ZT_OK)
			(void)json_array_append_new(groups, group_json(s, gid));
	}
	if (err != ZT_OK) {
		json_decref(groups);
		return err;
	}
	/* without it the ids are shown alone */
	(void)!zt_local_groups(etc, name_local, groups);
	*out = groups;
	return ZT_OK;
}

static json_t *
user_json(const struct zt_snapshot *s, const struct zt_snapshot_user *u,
    json_t *groups)
{
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o, "
			 "s:o, s:o, s:o}",
	    "name", print_json_text(u->name), "uid", (json_int_t)u->uid,
	    "group", group_json(s, u->gid), "gecos", print_json_text(u->gecos),
	    "home", print_json_text(u->home), "shell",
	    print_json_text(u->shell), "source",
	    print_json_text(zt_snapshot_source(s, u->source)), "state",
	    identity_state(u, identity_now_us()), "locked", (int)u->locked,
	    "not_before", time_json(u->not_before_us), "not_after",
	    time_json(u->not_after_us), "groups", groups, "snapshot",
	    identity_snapshot_json(s));
}

static void
show_group(const char *label, const json_t *group)
{
	const char *name = json_str(group, "name");

	print_field(label, "%s (gid %" PRId64 "%s)",
	    name == NULL ? "(no name)" : name, json_num(group, "gid"),
	    json_is_true(json_at(group, "local")) ? ", local" : "");
}

static void
show_validity(const json_t *user)
{
	const char *from = json_str(user, "not_before");
	const char *until = json_str(user, "not_after");

	print_field("state", "%s", json_str(user, "state"));
	if (from != NULL)
		print_field("", "not before %s", from);
	if (until != NULL)
		print_field("", "not after %s", until);
}

static void
show_user(const json_t *user)
{
	const json_t *g;
	char age[PRINT_AGE_MAX];
	size_t i;

	print_field("user", "%s (uid %" PRId64 ")", json_str(user, "name"),
	    json_num(user, "uid"));
	show_group("group", json_at(user, "group"));
	json_array_foreach(json_at(user, "groups"), i, g)
	    show_group(i == 0 ? "groups" : "", g);
	print_field("name", "%s", json_str(user, "gecos"));
	print_field("home", "%s", json_str(user, "home"));
	print_field("shell", "%s", json_str(user, "shell"));
	print_field("source", "%s", json_str(user, "source"));
	show_validity(user);
	print_field("snapshot", "generation %" PRId64 ", written %s ago",
	    json_num(user, "snapshot.generation"),
	    print_age(json_num(user, "snapshot.age_s"), age));
}

static enum ztctl_status
show_snapshot(const struct ztctl_options *options, const struct zt_snapshot *s)
{
	struct zt_snapshot_user user;
	json_t *groups, *json;
	enum zt_err err;

	err = zt_snapshot_user(s, zt_str(options->argument), &user);
	if (err == ZT_OK)
		err = groups_json(s, &user, options->etc, &groups);
	if (err == ZT_ERR_NOTFOUND) {
		print_failure("%s: no such user in the snapshot: ask ztctl "
			      "identity why",
		    options->argument);
		return ZTCTL_FAILED;
	}
	if (err != ZT_OK) {
		print_failure("%s: %s: run ztctl identity check",
		    options->snapshot, zt_strerror(err));
		return ZTCTL_SYSTEM;
	}
	json = user_json(s, &user, groups);
	if (options->json)
		print_json(json);
	else
		show_user(json);
	json_decref(json);
	return ZTCTL_OK;
}

enum ztctl_status
ztctl_identity_show(const struct ztctl_options *options)
{
	struct zt_snapshot snapshot;
	enum ztctl_status status = identity_open(options, &snapshot);

	if (status != ZTCTL_OK)
		return status;
	status = show_snapshot(options, &snapshot);
	zt_snapshot_close(&snapshot);
	return status;
}
