/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"

#define GROUPS_MAX 64

#define USER_BUFFER 1024

/* libnss-cache takes none that is smaller for groups. */
#define GROUP_BUFFER (1 << 20)

static const char *const names[] = {
	[OP_NAME] = "name",
	[OP_UID] = "uid",
	[OP_GID] = "gid",
	[OP_GROUPS] = "groups",
	[OP_NAME_GONE] = "name-gone",
	[OP_UID_GONE] = "uid-gone",
	[OP_GID_GONE] = "gid-gone",
	[OP_LS] = "ls",
	[OP_FRESH] = "fresh",
};

const char *
op_name(enum op op)
{
	return names[op];
}

enum op
op_find(const char *name)
{
	for (enum op op = 0; op < OP_END; op++)
		if (strcmp(names[op], name) == 0)
			return op;
	errx(2, "no such operation: %s", name);
}

bool
op_gone(enum op op)
{
	return op == OP_NAME_GONE || op == OP_UID_GONE || op == OP_GID_GONE;
}

static bool
user_is(const struct passwd *pw, const struct person *p, enum check check)
{
	struct person_texts texts;

	if ((pw->pw_uid != p->uid) | (strcmp(pw->pw_name, p->name) != 0))
		return check == CHECK_FLOOR;
	if (check != CHECK_ALL)
		return true;
	person_texts(p, &texts);
	return pw->pw_gid == p->uid &&
	    strcmp(pw->pw_shell, PEOPLE_SHELL) == 0 &&
	    strcmp(pw->pw_gecos, texts.gecos) == 0 &&
	    strcmp(pw->pw_dir, texts.home) == 0;
}

static bool
user_lookup(bool by_name, bool gone, const struct person *p, enum check check)
{
	static _Thread_local char buf[USER_BUFFER];
	struct passwd pw, *found = NULL;
	int r;

	r = by_name ? getpwnam_r(p->name, &pw, buf, sizeof(buf), &found)
		    : getpwuid_r(p->uid, &pw, buf, sizeof(buf), &found);
	if (r != 0 || gone)
		return r == 0 && found == NULL;
	return found != NULL && user_is(&pw, p, check);
}

/* One system has the user as a member of his private group. */
static bool
group_lookup(bool gone, const struct person *p, enum check check)
{
	static _Thread_local char buf[GROUP_BUFFER];
	struct group gr, *found = NULL;
	int r = getgrgid_r(p->uid, &gr, buf, sizeof(buf), &found);

	if (r != 0 || gone)
		return r == 0 && found == NULL;
	return found != NULL &&
	    (check == CHECK_FLOOR ||
		(gr.gr_gid == p->uid && strcmp(gr.gr_name, p->name) == 0));
}

static bool
groups_lookup(const struct person *p, enum check check)
{
	gid_t gids[GROUPS_MAX];
	int n = GROUPS_MAX;

	return getgrouplist(p->name, p->uid, gids, &n) >= 0 &&
	    (check == CHECK_FLOOR || n == PEOPLE_TEAMS_EACH + 1);
}

static bool
has(const gid_t *gids, int n, uint32_t want)
{
	for (int i = 0; i < n; i++)
		if (gids[i] == want)
			return true;
	return false;
}

bool
lookup_teams(size_t i, size_t n)
{
	gid_t gids[GROUPS_MAX];
	int n_gids = GROUPS_MAX;
	struct person p;
	size_t team;

	person_get(i, &p);
	if (getgrouplist(p.name, p.uid, gids, &n_gids) !=
		PEOPLE_TEAMS_EACH + 1 ||
	    !has(gids, n_gids, p.uid))
		return false;
	for (size_t k = 0; k < PEOPLE_TEAMS_EACH; k++) {
		team = person_team(i, k, people_teams(n));
		if (!has(gids, n_gids, PEOPLE_TEAM_ID + (uint32_t)team))
			return false;
	}
	return true;
}

bool
lookup(enum op op, const struct person *p, enum check check)
{
	switch (op) {
	case OP_NAME:
	case OP_NAME_GONE:
		return user_lookup(true, op_gone(op), p, check);
	case OP_UID:
	case OP_UID_GONE:
		return user_lookup(false, op_gone(op), p, check);
	case OP_GID:
	case OP_GID_GONE:
		return group_lookup(op_gone(op), p, check);
	case OP_GROUPS:
		return groups_lookup(p, check);
	case OP_LS:
	case OP_FRESH:
	case OP_END:
		break;
	}
	return false;
}
