/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "oldmembers.h"
#include "oldtable.h"
#include "zt/auto.h"
#include "zt/local.h"
#include "zt/passwd.h"

#define SYSTEM_GID_MAX 999 /* Debian Policy 9.2.2, systemd UIDS-GIDS */

/* What one load works with. */
struct load {
	const struct zt_oldrules *rules;
	struct zt_local *local;
	struct zt_olddirectory *directory;
	int dir_fd;
	size_t bytes; /* of all records read so far */
	char *text;   /* room for one record */
};

struct names {
	char **v;
	size_t n;
};

static void
names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

static void
dirp_close(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static void
localp_free(struct zt_local **local)
{
	zt_local_free(*local);
}

static void
directoryp_free(struct zt_olddirectory **directory)
{
	zt_olddirectory_free(*directory);
}

static void
entryp_free(struct entry **entry)
{
	entry_free(*entry);
}

/* Could anybody but root and ourselves have written this? */
static bool
others_can_write(const struct stat *st)
{
	return (st->st_uid != 0 && st->st_uid != geteuid()) ||
	    (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static bool
has_suffix(const char *name, const char *suffix)
{
	const size_t len = strlen(name), slen = strlen(suffix);

	return len > slen && strcmp(name + len - slen, suffix) == 0;
}

static bool
is_record_name(const char *name)
{
	return name[0] != '.' &&
	    (has_suffix(name, ".user") || has_suffix(name, ".group"));
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* List the record files of dir in the order of their names. */
static enum zt_err
list_records(DIR *dir, struct names *names)
{
	const struct dirent *de;
	enum zt_err err;

	while (errno = 0, (de = readdir(dir)) != NULL) {
		if (!is_record_name(de->d_name))
			continue;
		if (names->n == 2 * ZT_USERS_MAX)
			return ZT_ERR_TOOBIG;
		err = array_grow(&names->v, names->n, sizeof(char *));
		if (err != ZT_OK)
			return err;
		names->v[names->n] = strdup(de->d_name);
		if (names->v[names->n] == NULL)
			return ZT_ERR_NOMEM;
		names->n++;
	}
	if (errno != 0)
		return ZT_ERR_SYS;
	if (names->n > 0)
		qsort(names->v, names->n, sizeof(char *), compare_texts);
	return ZT_OK;
}

/*
 * Open a record.  Returns ZT_OK with a descriptor, ZT_ERR_NOTFOUND if it is
 * gone by now, ZT_ERR_DENIED and why if it is to be refused, or ZT_ERR_SYS
 * for what may be better next time: users must not vanish for want of a
 * descriptor.
 */
static enum zt_err
open_record(int dir_fd, const char *file, int *fd_out, const char **why)
{
	zt_auto_close int fd = openat(dir_fd, file,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return ZT_ERR_NOTFOUND;
	if (fd < 0 && (errno == ELOOP || errno == EACCES || errno == ENXIO)) {
		*why = errno == EACCES ? "ztd may not read it"
				       : "it is not a regular file";
		return ZT_ERR_DENIED;
	}
	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	*why = !S_ISREG(st.st_mode)           ? "it is not a regular file"
	    : others_can_write(&st)           ? "others than root can write it"
	    : st.st_size > ZT_RECORD_FILE_MAX ? "it is over 65536 bytes"
					      : NULL;
	if (*why != NULL)
		return ZT_ERR_DENIED;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/* Read the record into load->text; one byte more than allowed is seen. */
static enum zt_err
read_record(struct load *load, const char *file, struct zt_str *out,
    const char **why)
{
	zt_auto_close int fd = -1;
	size_t len = 0;
	enum zt_err err;
	ssize_t n;

	if ((err = open_record(load->dir_fd, file, &fd, why)) != ZT_OK)
		return err;
	while (len <= ZT_RECORD_FILE_MAX &&
	    (n = read(fd, load->text + len, ZT_RECORD_FILE_MAX + 1 - len)) !=
		0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ZT_ERR_SYS;
		len += (size_t)n;
	}
	load->bytes += len;
	if (load->bytes > ZT_DIRECTORY_MAX)
		return ZT_ERR_TOOBIG;
	*out = (struct zt_str){ load->text, len };
	return ZT_OK;
}

static bool
is_allowed(const struct zt_oldrules *rules, const char *group)
{
	for (size_t i = 0; i < rules->n_allow_groups; i++)
		if (strcmp(rules->allow_groups[i], group) == 0)
			return true;
	return false;
}

/* May a record name this group?  NULL if so, else why not. */
static const char *
group_name_fault(const struct load *load, const char *name)
{
	uint32_t gid = 0;
	const bool is_local = zt_local_group(load->local, name, &gid);

	if (is_local && !zt_id_valid(gid))
		return "it names a local group whose gid is never given";
	if (!zt_group_privileged(zt_str(name)) &&
	    (!is_local || gid > SYSTEM_GID_MAX))
		return NULL;
	return is_allowed(load->rules, name)
	    ? NULL
	    : "it names a root-equivalent or system group that is not in "
	      "identity.allow_groups";
}

static bool
in_range(const struct load *load, uint32_t id)
{
	return id >= load->rules->id_min && id <= load->rules->id_max;
}

/* NULL if the user may be served, else why not. */
static const char *
user_fault(const struct load *load, const struct zt_olduser *user)
{
	const char *why = NULL;

	if (!in_range(load, user->uid))
		return "its uid is outside identity.id_range";
	if (!in_range(load, user->gid))
		return "its gid is outside identity.id_range";
	if (zt_local_has_user(load->local, user->name))
		return "its name is a local user's";
	if (zt_local_has_uid(load->local, user->uid))
		return "its uid is a local user's, or delegated in subuid";
	if (zt_local_has_gid(load->local, user->gid))
		return "its gid is a local group's, or delegated in subgid";
	for (size_t i = 0; i < user->n_member_of && why == NULL; i++)
		why = group_name_fault(load, user->member_of[i]);
	return why;
}

static const char *
group_fault(const struct load *load, const struct zt_oldgroup *group)
{
	uint32_t gid;

	if (!in_range(load, group->gid))
		return "its gid is outside identity.id_range";
	if (zt_local_group(load->local, group->name, &gid))
		return "its name is a local group's";
	if (zt_local_has_gid(load->local, group->gid))
		return "its gid is a local group's, or delegated in subgid";
	return group_name_fault(load, group->name);
}

/*
 * Decode a record and hold it against the rules.  ZT_ERR_MALFORMED and
 * ZT_ERR_DENIED say why.
 */
static enum zt_err
judge_record(const struct load *load, struct zt_str json, struct entry *entry,
    const char **why)
{
	enum zt_err err;

	if (has_suffix(entry->file, ".user")) {
		if ((err = zt_olduser_parse(json, &entry->user, why)) != ZT_OK)
			return err;
		entry->name = entry->user->name;
		entry->id = entry->user->uid;
		*why = user_fault(load, entry->user);
	} else {
		if ((err = zt_oldgroup_parse(json, &entry->group, why)) != ZT_OK)
			return err;
		entry->name = entry->group->name;
		entry->id = entry->group->gid;
		*why = group_fault(load, entry->group);
	}
	return *why == NULL ? ZT_OK : ZT_ERR_DENIED;
}

static enum zt_err
load_record(struct load *load, const char *file)
{
	zt_auto(entryp_free) struct entry *entry = calloc(1, sizeof(*entry));
	const char *why = "";
	struct table *table;
	struct zt_str json;
	enum zt_err err;

	if (entry == NULL || (entry->file = strdup(file)) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = read_record(load, file, &json, &why)) == ZT_OK)
		err = judge_record(load, json, entry, &why);
	if (err == ZT_ERR_NOTFOUND)
		return ZT_OK;
	if (err == ZT_ERR_DENIED || err == ZT_ERR_MALFORMED)
		return directory_refuse(load->directory, file, why);
	if (err != ZT_OK)
		return err;
	table = entry->user != NULL ? &load->directory->users
				    : &load->directory->groups;
	if (table->n == ZT_USERS_MAX)
		return ZT_ERR_TOOBIG;
	if ((err = table_add(table, entry)) == ZT_OK)
		entry = NULL;
	return err;
}

static enum zt_err
load_records(struct load *load, DIR *dir)
{
	zt_auto(names_clear) struct names names = { 0 };
	struct zt_olddirectory *directory = load->directory;
	enum zt_err err;

	if ((err = list_records(dir, &names)) != ZT_OK)
		return err;
	for (size_t i = 0; i < names.n; i++)
		if ((err = load_record(load, names.v[i])) != ZT_OK)
			return err;
	if ((err = table_index(&directory->users, directory)) != ZT_OK)
		return err;
	if ((err = table_index(&directory->groups, directory)) != ZT_OK)
		return err;
	return members_resolve(directory, load->local);
}

static enum zt_err
open_directory(const char *path, DIR **out)
{
	zt_auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (others_can_write(&st))
		return ZT_ERR_DENIED;
	*out = fdopendir(fd);
	if (*out == NULL)
		return ZT_ERR_SYS;
	(void)zt_take_fd(fd);
	return ZT_OK;
}

enum zt_err
zt_olddirectory_load(const char *path, const struct zt_oldrules *rules,
    struct zt_olddirectory **out)
{
	zt_auto(directoryp_free) struct zt_olddirectory *directory =
	    calloc(1, sizeof(*directory));
	zt_auto_free char *text = malloc(ZT_RECORD_FILE_MAX + 1);
	zt_auto(localp_free) struct zt_local *local = NULL;
	zt_auto(dirp_close) DIR *dir = NULL;
	struct load load;
	enum zt_err err;

	if (directory == NULL || text == NULL)
		return ZT_ERR_NOMEM;
	err = zt_local_load(rules->etc != NULL ? rules->etc : "/etc", &local);
	if (err != ZT_OK)
		return err;
	if ((err = open_directory(path, &dir)) != ZT_OK)
		return err;
	load = (struct load){ .rules = rules,
		.local = local,
		.directory = directory,
		.dir_fd = dirfd(dir),
		.text = text };
	if ((err = load_records(&load, dir)) != ZT_OK)
		return err;
	*out = zt_take(directory);
	return ZT_OK;
}

void
zt_olddirectory_free(struct zt_olddirectory *directory)
{
	if (directory == NULL)
		return;
	table_free(&directory->users);
	table_free(&directory->groups);
	for (size_t i = 0; i < directory->n_refusals; i++) {
		free(directory->refusals[i].file);
		free(directory->refusals[i].why);
	}
	free(directory->refusals);
	free(directory);
}

const struct zt_olduser *
zt_olddirectory_user(const struct zt_olddirectory *directory, struct zt_str name)
{
	const struct entry *found = table_find(&directory->users, name);

	return found == NULL ? NULL : found->user;
}

const struct zt_olduser *
zt_olddirectory_user_by_uid(const struct zt_olddirectory *directory, uint32_t uid)
{
	const struct entry *found = table_find_id(&directory->users, uid);

	return found == NULL ? NULL : found->user;
}

const struct zt_oldgroup *
zt_olddirectory_group(const struct zt_olddirectory *directory, struct zt_str name)
{
	const struct entry *found = table_find(&directory->groups, name);

	return found == NULL ? NULL : found->group;
}

const struct zt_oldgroup *
zt_olddirectory_group_by_gid(const struct zt_olddirectory *directory, uint32_t gid)
{
	const struct entry *found = table_find_id(&directory->groups, gid);

	return found == NULL ? NULL : found->group;
}

const struct zt_olduser *
zt_olddirectory_user_at(const struct zt_olddirectory *directory, size_t i)
{
	const struct table *users = &directory->users;

	return i < users->n ? users->by_name[i]->user : NULL;
}

const struct zt_oldgroup *
zt_olddirectory_group_at(const struct zt_olddirectory *directory, size_t i)
{
	const struct table *groups = &directory->groups;

	return i < groups->n ? groups->by_name[i]->group : NULL;
}

const struct zt_oldrefusal *
zt_olddirectory_refusals(const struct zt_olddirectory *directory, size_t *n_out)
{
	*n_out = directory->n_refusals;
	return directory->refusals;
}

size_t
zt_olddirectory_gids(const struct zt_olddirectory *directory,
    const struct zt_olduser *user, uint32_t *gids, size_t cap)
{
	const struct entry *entry =
	    table_find(&directory->users, zt_str(user->name));

	if (entry == NULL)
		return 0;
	for (size_t i = 0; i < entry->n_gids && i < cap; i++)
		gids[i] = entry->gids[i];
	return entry->n_gids;
}
