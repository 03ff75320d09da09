/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zt/auto.h"
#include "zt/local.h"
#include "zt/rd.h"

#define PATH_BYTES 4096
#define LINE_BYTES 1024 /* of subuid and subgid; a longer line is skipped */

/* A held name and its id; in a range the ids first .. first + n - 1. */
struct held {
	char *name; /* owned; NULL in the ranges */
	uint32_t first;
	uint64_t n;
};

struct held_list {
	struct held *v;
	size_t n;
};

struct zt_local {
	struct held_list users, groups; /* sorted by name */
	struct held_list uids, gids;    /* single ids and ranges */
};

static void
filep_close(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

/* Open a local file for reading, unless it is no file or too large. */
static enum zt_err
local_open(const char *etc, const char *name, FILE **out)
{
	char path[PATH_BYTES];
	zt_auto_close int fd = -1;
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", etc, name) >=
	    sizeof(path))
		return ZT_ERR_TOOBIG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode) || st.st_size > ZT_LOCAL_FILE_MAX)
		return ZT_ERR_TOOBIG;
	*out = fdopen(fd, "re");
	if (*out == NULL)
		return ZT_ERR_SYS;
	(void)zt_take_fd(fd);
	return ZT_OK;
}

/* Did a reader that leaves errno 0 or ENOENT at the end of file get there? */
static enum zt_err
local_end(FILE *f)
{
	if (ferror(f) || (errno != 0 && errno != ENOENT))
		return errno == ENOMEM ? ZT_ERR_NOMEM : ZT_ERR_SYS;
	return ZT_OK;
}

/* The next user whose entry libc would use; NULL at the end, errno set. */
static const struct passwd *
next_user(FILE *f)
{
	const struct passwd *pwd;

	do {
		errno = 0;
		pwd = fgetpwent(f);
	} while (pwd != NULL &&
	    (strchr("+-", pwd->pw_name[0]) != NULL || /* NIS, or empty */
		strlen(pwd->pw_name) > ZT_LOCAL_NAME_MAX));
	return pwd;
}

static const struct group *
next_group(FILE *f)
{
	const struct group *grp;

	do {
		errno = 0;
		grp = fgetgrent(f);
	} while (grp != NULL &&
	    (strchr("+-", grp->gr_name[0]) != NULL ||
		strlen(grp->gr_name) > ZT_LOCAL_NAME_MAX));
	return grp;
}

enum zt_err
zt_local_find(const char *etc, const char *name, uint32_t uid,
    struct zt_local_user *out)
{
	zt_auto(filep_close) FILE *f = NULL;
	const struct passwd *pwd;
	enum zt_err err;

	if ((err = local_open(etc, "passwd", &f)) != ZT_OK)
		return err;
	while ((pwd = next_user(f)) != NULL) {
		if (name != NULL ? strcmp(pwd->pw_name, name) != 0
				 : pwd->pw_uid != uid)
			continue;
		strcpy(out->name, pwd->pw_name); /* fits: see next_user() */
		out->uid = pwd->pw_uid;
		out->gid = pwd->pw_gid;
		return ZT_OK;
	}
	err = local_end(f);
	return err == ZT_OK ? ZT_ERR_NOTFOUND : err;
}

enum zt_err
zt_local_groups(const char *etc, zt_local_group_fn *fn, void *arg)
{
	zt_auto(filep_close) FILE *f = NULL;
	const struct group *grp;
	enum zt_err err;

	if ((err = local_open(etc, "group", &f)) != ZT_OK)
		return err;
	while ((grp = next_group(f)) != NULL)
		if (!fn(arg, grp->gr_name, grp->gr_gid, grp->gr_mem))
			return ZT_OK;
	return local_end(f);
}

/* Append; the array doubles whenever its length is a power of two. */
static enum zt_err
held_add(struct held_list *list, const char *name, uint32_t first, uint64_t n)
{
	struct held item = { .first = first, .n = n };
	struct held *grown;

	if ((list->n & (list->n - 1)) == 0) {
		grown = reallocarray(list->v, list->n == 0 ? 1 : 2 * list->n,
		    sizeof(*grown));
		if (grown == NULL)
			return ZT_ERR_NOMEM;
		list->v = grown;
	}
	if (name != NULL && (item.name = strdup(name)) == NULL)
		return ZT_ERR_NOMEM;
	list->v[list->n++] = item;
	return ZT_OK;
}

static void
held_free(struct held_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i].name);
	free(list->v);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct held *)a)->name,
	    ((const struct held *)b)->name);
}

static void
held_sort(struct held_list *list)
{
	if (list->n > 0) /* qsort(NULL, 0) is undefined */
		qsort(list->v, list->n, sizeof(*list->v), compare_names);
}

static int
compare_key(const void *name, const void *item)
{
	return strcmp(name, ((const struct held *)item)->name);
}

static const struct held *
held_find(const struct held_list *list, const char *name)
{
	if (list->n == 0)
		return NULL;
	return bsearch(name, list->v, list->n, sizeof(*list->v), compare_key);
}

/* Linear: ranges may overlap, and there are few local accounts. */
static bool
held_has_id(const struct held_list *list, uint32_t id)
{
	for (size_t i = 0; i < list->n; i++)
		if (id >= list->v[i].first &&
		    id - list->v[i].first < list->v[i].n)
			return true;
	return false;
}

static enum zt_err
load_users(struct zt_local *local, const char *etc)
{
	zt_auto(filep_close) FILE *f = NULL;
	const struct passwd *pwd;
	enum zt_err err;

	if ((err = local_open(etc, "passwd", &f)) != ZT_OK)
		return err;
	while ((pwd = next_user(f)) != NULL) {
		err = held_add(&local->users, pwd->pw_name, pwd->pw_uid, 1);
		if (err == ZT_OK)
			err = held_add(&local->uids, NULL, pwd->pw_uid, 1);
		if (err != ZT_OK)
			return err;
	}
	return local_end(f);
}

struct load_groups {
	struct zt_local *local;
	enum zt_err err;
};

static bool
load_group(void *arg, const char *name, uint32_t gid, char *const *members)
{
	struct load_groups *load = arg;

	(void)members;
	load->err = held_add(&load->local->groups, name, gid, 1);
	if (load->err == ZT_OK)
		load->err = held_add(&load->local->gids, NULL, gid, 1);
	return load->err == ZT_OK;
}

/*
 * Read "owner:first:count" lines.  A local user may act as any id delegated
 * to it, so none of them can be somebody else's.  Source: subuid(5).
 */
static enum zt_err
load_ranges(struct held_list *list, const char *etc, const char *name)
{
	zt_auto(filep_close) FILE *f = NULL;
	char line[LINE_BYTES];
	enum zt_err err;

	err = local_open(etc, name, &f);
	if (err == ZT_ERR_SYS && errno == ENOENT)
		return ZT_OK; /* nothing is delegated */
	if (err != ZT_OK)
		return err;
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long first, n;

		if (sscanf(line, "%*[^:\n]:%lu:%lu", &first, &n) != 2 ||
		    first > UINT32_MAX)
			continue;
		if ((err = held_add(list, NULL, (uint32_t)first, n)) != ZT_OK)
			return err;
	}
	return ferror(f) ? ZT_ERR_SYS : ZT_OK;
}

static enum zt_err
load_all(struct zt_local *local, const char *etc)
{
	struct load_groups load = { .local = local };
	enum zt_err err;

	if ((err = load_users(local, etc)) != ZT_OK)
		return err;
	if ((err = zt_local_groups(etc, load_group, &load)) != ZT_OK)
		return err;
	if (load.err != ZT_OK)
		return load.err;
	if ((err = load_ranges(&local->uids, etc, "subuid")) != ZT_OK)
		return err;
	return load_ranges(&local->gids, etc, "subgid");
}

static void
local_freep(struct zt_local **local)
{
	zt_local_free(*local);
}

enum zt_err
zt_local_load(const char *etc, struct zt_local **out)
{
	zt_auto(local_freep) struct zt_local *local = calloc(1, sizeof(*local));
	enum zt_err err;

	if (local == NULL)
		return ZT_ERR_NOMEM;
	if ((err = load_all(local, etc)) != ZT_OK)
		return err;
	held_sort(&local->users);
	held_sort(&local->groups);
	*out = zt_take(local);
	return ZT_OK;
}

void
zt_local_free(struct zt_local *local)
{
	if (local == NULL)
		return;
	held_free(&local->users);
	held_free(&local->groups);
	held_free(&local->uids);
	held_free(&local->gids);
	free(local);
}

bool
zt_local_has_user(const struct zt_local *local, const char *name)
{
	return held_find(&local->users, name) != NULL;
}

bool
zt_local_has_uid(const struct zt_local *local, uint32_t uid)
{
	return held_has_id(&local->uids, uid);
}

bool
zt_local_has_gid(const struct zt_local *local, uint32_t gid)
{
	return held_has_id(&local->gids, gid);
}

bool
zt_local_group(const struct zt_local *local, const char *name,
    uint32_t *gid_out)
{
	const struct held *found = held_find(&local->groups, name);

	if (found == NULL)
		return false;
	*gid_out = found->first;
	return true;
}
