/* SPDX-License-Identifier: Apache-2.0 */
/* Do zt's users and this host's own files get along? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "zt/auto.h"
#include "zt/local.h"
#include "zt/range.h"
#include "zt/text.h"
#include "zt/wire.h"
#include "ztctl_doctor.h"
#include "ztctl_finding.h"
#include "ztctl_gather.h"

/* Findings of one kind: the first few are shown, the rest is counted. */
struct tally {
	json_t *list; /* borrowed */
	const char *name;
	size_t n;
};

static bool
tally_shows(struct tally *tally)
{
	return tally->n++ < DOCTOR_SHOWN_MAX;
}

static void
tally_end(const struct tally *tally, enum finding_grade grade, const char *what)
{
	if (tally->n > DOCTOR_SHOWN_MAX)
		finding_add(tally->list, grade, tally->name, NULL,
		    "and %zu more %s", tally->n - DOCTOR_SHOWN_MAX, what);
}

static void
check_user(struct tally *tally, const struct zt_local *local,
    const struct zt_snapshot_user *u)
{
	static const char remedy[] =
	    "rename or renumber one of them; ztd leaves it out of the next "
	    "snapshot: ztctl identity check";
	char name[ZT_NAME_MAX + 1];

	if (zt_str_copy(name, sizeof(name), u->name) != ZT_OK)
		return;
	if (zt_local_has_user(local, name) && tally_shows(tally))
		finding_add(tally->list, FINDING_FAIL, tally->name, remedy,
		    "user %s is a local account too, which is the one seen",
		    name);
	if (zt_local_has_uid(local, u->uid) && tally_shows(tally))
		finding_add(tally->list, FINDING_FAIL, tally->name, remedy,
		    "uid %" PRIu32
		    " of user %s is held locally as well (passwd "
		    "or subuid): its files are the other's",
		    u->uid, name);
}

static void
check_group(struct tally *tally, const struct zt_local *local,
    const struct zt_snapshot_group *g)
{
	static const char remedy[] =
	    "rename or renumber one of them; ztd leaves it out of the next "
	    "snapshot: ztctl identity check";
	char name[ZT_NAME_MAX + 1];
	uint32_t gid;

	if (zt_str_copy(name, sizeof(name), g->name) != ZT_OK)
		return;
	if (zt_local_group(local, name, &gid) && tally_shows(tally))
		finding_add(tally->list, FINDING_FAIL, tally->name, remedy,
		    "group %s is a local group too, gid %" PRIu32
		    ", which is the one seen",
		    name, gid);
	if (zt_local_has_gid(local, g->gid) && tally_shows(tally))
		finding_add(tally->list, FINDING_FAIL, tally->name, remedy,
		    "gid %" PRIu32
		    " of group %s is held locally as well (group "
		    "or subgid)",
		    g->gid, name);
}

/* Names and ids that are both zt's and the host's. */
static void
check_shadowed(json_t *list, const struct zt_local *local,
    const struct zt_snapshot *s)
{
	struct tally tally = { .list = list, .name = "local" };
	struct zt_snapshot_group g;
	struct zt_snapshot_user u;
	uint32_t cursor = 0;

	while (zt_snapshot_user_next(s, &cursor, &u) == ZT_OK)
		check_user(&tally, local, &u);
	cursor = 0;
	while (zt_snapshot_group_next(s, &cursor, &g) == ZT_OK)
		check_group(&tally, local, &g);
	tally_end(&tally, FINDING_FAIL, "names or ids that are held locally");
	if (tally.n == 0)
		finding_add(list, FINDING_OK, "local", NULL,
		    "no name and no id of zt's is held locally");
}

struct range_check {
	json_t *list;
	size_t n; /* findings */
};

static void
on_range(void *arg, const struct zt_range_finding *finding)
{
	struct range_check *check = arg;

	check->n++;
	finding_add(check->list, finding->fail ? FINDING_FAIL : FINDING_WARN,
	    "range", finding->remedy, "%s", finding->text);
}

void
check_range(json_t *list, const char *etc, const struct zt_snapshot *s)
{
	struct range_check check = { .list = list };
	const uint32_t first = s->info.id_min, last = s->info.id_max;
	enum zt_err err = zt_range_lint(etc, first, last, on_range, &check);

	if (err != ZT_OK)
		finding_add(list, FINDING_FAIL, "range",
		    "correct the account files in that directory", "%s: %s",
		    etc, zt_strerror(err));
	else if (check.n == 0)
		finding_add(list, FINDING_OK, "range", NULL,
		    "nothing else gives ids of %" PRIu32 "-%" PRIu32, first,
		    last);
}

void
doctor_local(json_t *list, const struct ztctl_options *options,
    const struct zt_snapshot *s)
{
	struct zt_local *local;
	enum zt_err err = zt_local_load(options->etc, &local);

	if (err != ZT_OK) {
		finding_add(list, FINDING_FAIL, "local",
		    "correct passwd and group in that directory", "%s: %s",
		    options->etc, zt_strerror(err));
		return;
	}
	check_shadowed(list, local, s);
	zt_local_free(local);
	check_range(list, options->etc, s);
}

/* Count one more for a path: {"/bin/bash": 12}. */
static void
count_path(json_t *paths, struct zt_str path)
{
	char text[ZT_PATH_MAX + 1];
	json_t *n;

	if (zt_str_copy(text, sizeof(text), path) != ZT_OK)
		return;
	n = json_object_get(paths, text);
	if (n != NULL)
		(void)json_integer_set(n, json_integer_value(n) + 1);
	else /* not UTF-8: not looked at */
		(void)json_object_set_new(paths, text, json_integer(1));
}

/* The directory that a path is in; "/" for one in the root. */
static struct zt_str
parent_of(struct zt_str path)
{
	const char *slash = memrchr(path.p, '/', path.len);

	if (slash == NULL || slash == path.p)
		return zt_str("/");
	return (struct zt_str){ path.p, (size_t)(slash - path.p) };
}

static bool
is_nologin(const char *shell)
{
	const char *name = strrchr(shell, '/');

	return name != NULL &&
	    (strcmp(name, "/nologin") == 0 || strcmp(name, "/false") == 0);
}

/* Is the shell a line of shells(5)? */
static bool
is_listed(const char *shells, const char *shell)
{
	const size_t len = strlen(shell);

	while (shells != NULL) {
		if (strncmp(shells, shell, len) == 0 &&
		    strchr(" \t#\n", shells[len]) != NULL)
			return true; /* a NUL, too, is found by strchr(3) */
		shells = strchr(shells, '\n');
		shells = shells == NULL ? NULL : shells + 1;
	}
	return false;
}

/* What keeps a shell from being used; NULL if nothing does. */
static const char *
shell_fault(const struct ztctl_options *options, const char *listed,
    const char *shell)
{
	char path[PATH_MAX];
	struct stat st;

	doctor_path(options, shell, path);
	if (stat(path, &st) != 0)
		return "does not exist: they cannot log in";
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return "is no program: they cannot log in";
	if (!is_nologin(shell) && !is_listed(listed, shell))
		return "is not in /etc/shells: some services refuse them";
	return NULL;
}

static void
check_shells(json_t *list, const struct ztctl_options *options, json_t *shells)
{
	struct tally tally = { .list = list, .name = "shell" };
	zt_auto_free char *listed = NULL;
	const char *shell, *fault;
	char path[PATH_MAX];
	json_t *n;

	(void)snprintf(path, sizeof(path), "%s/shells", options->etc);
	if (gather_file(path, &listed) != ZT_OK)
		listed = strdup("");
	json_object_foreach(shells, shell, n)
	{
		fault = shell_fault(options, listed, shell);
		if (fault != NULL && tally_shows(&tally))
			finding_add(list, FINDING_WARN, "shell",
			    "install it and add it to /etc/shells, or correct "
			    "the records",
			    "%s of %" JSON_INTEGER_FORMAT " users %s", shell,
			    json_integer_value(n), fault);
	}
	tally_end(&tally, FINDING_WARN, "shells");
	if (tally.n == 0)
		finding_add(list, FINDING_OK, "shell", NULL,
		    "all shells of zt's users can be used");
}

static void
check_homes(json_t *list, const struct ztctl_options *options, json_t *parents)
{
	struct tally tally = { .list = list, .name = "home" };
	const char *parent;
	char path[PATH_MAX];
	struct stat st;
	json_t *n;

	json_object_foreach(parents, parent, n)
	{
		doctor_path(options, parent, path);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		if (tally_shows(&tally))
			finding_add(list, FINDING_WARN, "home",
			    "make the directory: pam_mkhomedir makes homes in "
			    "it, but not it",
			    "%s, where the homes of %" JSON_INTEGER_FORMAT
			    " users are, is no directory",
			    parent, json_integer_value(n));
	}
	tally_end(&tally, FINDING_WARN, "directories of homes");
	if (tally.n == 0)
		finding_add(list, FINDING_OK, "home", NULL,
		    "homes of zt's users can be made");
}

void
doctor_paths(json_t *list, const struct ztctl_options *options,
    const struct zt_snapshot *s)
{
	json_t *shells = json_object(), *parents = json_object();
	struct zt_snapshot_user u;
	uint32_t cursor = 0;

	while (zt_snapshot_user_next(s, &cursor, &u) == ZT_OK) {
		count_path(shells, u.shell);
		count_path(parents, parent_of(u.home));
	}
	check_shells(list, options, shells);
	check_homes(list, options, parents);
	json_decref(shells);
	json_decref(parents);
}
