/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hash.h"
#include "zt/auto.h"
#include "zt/local.h"
#include "zt/rd.h"

#define PATH_BYTES 4096
#define LINE_BYTES 1024 /* of subuid and subgid; a longer line is skipped */

/* A held name and its id. */
struct held {
	char *name; /* owned */
	uint32_t id;
};

/* Ids from first to last. */
struct span {
	uint32_t first, last;
};

struct names {
	struct held *v; /* owned */
	size_t n, cap;
	struct name_table table; /* name -> index of the first that has it */
};

struct spans {
	struct span *v; /* owned; sorted and apart once loaded */
	size_t n, cap;
};

struct zt_local {
	struct names users, groups;
	struct spans uids, gids;
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

static void
user_copy(struct zt_local_user *to, const struct passwd *pwd)
{
	strcpy(to->name, pwd->pw_name); /* fits: see next_user() */
	to->uid = pwd->pw_uid;
	to->gid = pwd->pw_gid;
}

enum zt_err
zt_local_users(const char *etc, zt_local_user_fn *fn, void *arg)
{
	zt_auto(filep_close) FILE *f = NULL;
	struct zt_local_user user;
	const struct passwd *pwd;
	enum zt_err err;

	if ((err = local_open(etc, "passwd", &f)) != ZT_OK)
		return err;
	while ((pwd = next_user(f)) != NULL) {
		user_copy(&user, pwd);
		if (!fn(arg, &user))
			return ZT_OK;
	}
	return local_end(f);
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
		user_copy(out, pwd);
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

/* Room for one more. */
static enum zt_err
array_grow(void *vp, size_t *cap, size_t n, size_t size)
{
	const size_t want = *cap == 0 ? 64 : 2 * *cap;
	void *grown;

	if (n < *cap)
		return ZT_OK;
	if ((grown = reallocarray(*(void **)vp, want, size)) == NULL)
		return ZT_ERR_NOMEM;
	*(void **)vp = grown;
	*cap = want;
	return ZT_OK;
}

/* Of two entries with one name the first counts, as in libc. */
static enum zt_err
names_add(struct names *names, const char *name, uint32_t id)
{
	const uint32_t hash = hash_text(names->table.seed, name);
	struct name_slot *slot;
	struct held item = { .id = id };
	enum zt_err err;

	err = array_grow(&names->v, &names->cap, names->n, sizeof(*names->v));
	if (err == ZT_OK)
		err = name_table_reserve(&names->table, names->n + 1);
	if (err != ZT_OK)
		return err;
	slot = name_slot(&names->table, name, hash);
	if (slot->name != NULL)
		return ZT_OK;
	if ((item.name = strdup(name)) == NULL)
		return ZT_ERR_NOMEM;
	*slot = (struct name_slot){ item.name, hash, (uint32_t)names->n };
	names->table.n++;
	names->v[names->n++] = item;
	return ZT_OK;
}

static const struct held *
names_find(const struct names *names, const char *name)
{
	const struct name_slot *slot;

	if (names->n == 0)
		return NULL;
	slot =
	    name_slot(&names->table, name, hash_text(names->table.seed, name));
	return slot->name == NULL ? NULL : &names->v[slot->value];
}

static void
names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i].name);
	free(names->v);
	name_table_clear(&names->table);
}

static enum zt_err
spans_add(struct spans *spans, uint32_t first, uint64_t n)
{
	const uint64_t last =
	    n > UINT32_MAX - first ? UINT32_MAX : first + n - 1;
	enum zt_err err;

	if (n == 0)
		return ZT_OK;
	err = array_grow(&spans->v, &spans->cap, spans->n, sizeof(*spans->v));
	if (err == ZT_OK)
		spans->v[spans->n++] = (struct span){ first, (uint32_t)last };
	return err;
}

static int
compare_spans(const void *a, const void *b)
{
	const uint32_t x = ((const struct span *)a)->first,
		       y = ((const struct span *)b)->first;

	return (x > y) - (x < y);
}

/* Sort, and make one of those that overlap or touch. */
static void
spans_join(struct spans *spans)
{
	size_t n = 0;

	if (spans->n == 0) /* qsort(NULL, 0) is undefined */
		return;
	qsort(spans->v, spans->n, sizeof(*spans->v), compare_spans);
	for (size_t i = 1; i < spans->n; i++) {
		struct span *const held = &spans->v[n];
		const struct span *const next = &spans->v[i];

		if (next->first > (uint64_t)held->last + 1)
			spans->v[++n] = *next;
		else if (next->last > held->last)
			held->last = next->last;
	}
	spans->n = n + 1;
}

static bool
spans_have(const struct spans *spans, uint32_t id)
{
	size_t low = 0, high = spans->n;

	/* the first span that does not end before id */
	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (spans->v[mid].last < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < spans->n && spans->v[low].first <= id;
}

/* What the callbacks of a load work with. */
struct load {
	struct zt_local *local;
	struct spans *spans; /* that a range goes to */
	enum zt_err err;
};

static bool
load_user(void *arg, const struct zt_local_user *user)
{
	struct load *load = arg;

	load->err = names_add(&load->local->users, user->name, user->uid);
	if (load->err == ZT_OK)
		load->err = spans_add(&load->local->uids, user->uid, 1);
	return load->err == ZT_OK;
}

static bool
load_group(void *arg, const char *name, uint32_t gid, char *const *members)
{
	struct load *load = arg;

	(void)members;
	load->err = names_add(&load->local->groups, name, gid);
	if (load->err == ZT_OK)
		load->err = spans_add(&load->local->gids, gid, 1);
	return load->err == ZT_OK;
}

/* A local user may act as any id delegated to it, so none of them can be
 * somebody else's. */
static bool
load_range(void *arg, const char *owner, uint32_t first, uint64_t n)
{
	struct load *load = arg;

	(void)owner;
	load->err = spans_add(load->spans, first, n);
	return load->err == ZT_OK;
}

/* Source of the "owner:first:count" lines: subuid(5). */
enum zt_err
zt_local_ranges(const char *etc, const char *file, zt_local_range_fn *fn,
    void *arg)
{
	zt_auto(filep_close) FILE *f = NULL;
	char line[LINE_BYTES], owner[LINE_BYTES];
	enum zt_err err;

	err = local_open(etc, file, &f);
	if (err == ZT_ERR_SYS && errno == ENOENT)
		return ZT_OK; /* nothing is delegated */
	if (err != ZT_OK)
		return err;
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long first, n;

		if (sscanf(line, "%1023[^:\n]:%lu:%lu", owner, &first, &n) !=
			3 ||
		    first > UINT32_MAX)
			continue;
		if (!fn(arg, owner, (uint32_t)first, n))
			return ZT_OK;
	}
	return ferror(f) ? ZT_ERR_SYS : ZT_OK;
}

static enum zt_err
load_all(struct zt_local *local, const char *etc)
{
	struct load load = { .local = local, .spans = &local->uids };
	enum zt_err err;

	err = zt_local_users(etc, load_user, &load);
	if (err == ZT_OK && load.err == ZT_OK)
		err = zt_local_groups(etc, load_group, &load);
	if (err == ZT_OK && load.err == ZT_OK)
		err = zt_local_ranges(etc, "subuid", load_range, &load);
	load.spans = &local->gids;
	if (err == ZT_OK && load.err == ZT_OK)
		err = zt_local_ranges(etc, "subgid", load_range, &load);
	return err == ZT_OK ? load.err : err;
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
	local->users.table.seed = local->groups.table.seed = hash_seed();
	if ((err = load_all(local, etc)) != ZT_OK)
		return err;
	spans_join(&local->uids);
	spans_join(&local->gids);
	*out = zt_take(local);
	return ZT_OK;
}

void
zt_local_free(struct zt_local *local)
{
	if (local == NULL)
		return;
	names_free(&local->users);
	names_free(&local->groups);
	free(local->uids.v);
	free(local->gids.v);
	free(local);
}

bool
zt_local_has_user(const struct zt_local *local, const char *name)
{
	return names_find(&local->users, name) != NULL;
}

bool
zt_local_has_uid(const struct zt_local *local, uint32_t uid)
{
	return spans_have(&local->uids, uid);
}

bool
zt_local_has_gid(const struct zt_local *local, uint32_t gid)
{
	return spans_have(&local->gids, gid);
}

bool
zt_local_group(const struct zt_local *local, const char *name,
    uint32_t *gid_out)
{
	const struct held *found = names_find(&local->groups, name);

	if (found == NULL)
		return false;
	*gid_out = found->id;
	return true;
}
