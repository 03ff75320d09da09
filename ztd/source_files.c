/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "zt/auto.h"
#include "zt/text.h"

/*
 * A directory of *.user and *.group files: systemd's JSON records.  The
 * kernel tells what changes.  A few changed files are read on their own, so
 * that one user among very many appears at once; anything else is a scan.
 */

#define FILES_MAX ZT_SET_MAX          /* records, count */
#define BYTES_MAX (UINT64_C(1) << 30) /* all of them together */
#define DIRTY_MAX 8 /* files read on their own; below SOURCE_LOSS_FLOOR */
#define WATCH_MASK                                                  \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | \
	    IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | \
	    IN_ONLYDIR)
#define WATCH_LOST (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)

struct files {
	sd_event_source *watch; /* owned; NULL while there is none */
	char *dirty[DIRTY_MAX]; /* owned; changed files */
	size_t n_dirty;
	bool all;                          /* may have changed: scan */
	const struct zt_set *last;         /* what the last sync brought */
	char text[ZT_RECORD_FILE_MAX + 1]; /* one record */
};

static void
dirp_close(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static void
setp_free(struct zt_set **set)
{
	zt_set_free(*set);
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

/* Could anybody but root and ourselves have written this? */
static bool
others_can_write(const struct stat *st)
{
	return (st->st_uid != 0 && st->st_uid != geteuid()) ||
	    (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/*
 * Open a record.  Returns ZT_OK with a descriptor, ZT_ERR_NOTFOUND if it is
 * gone by now, ZT_ERR_DENIED and why if it is to be refused, or ZT_ERR_SYS
 * for what may be better next time: users must not vanish for want of a
 * descriptor.
 */
static enum zt_err
record_open(int dir_fd, const char *file, int *fd_out, const char **why)
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

/* Read all of fd; one byte more than allowed is seen. */
static enum zt_err
record_read(int fd, char text[ZT_RECORD_FILE_MAX + 1], size_t *len_out)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n != 0 && len <= ZT_RECORD_FILE_MAX) {
		n = read(fd, text + len, ZT_RECORD_FILE_MAX + 1 - len);
		if (n < 0 && errno != EINTR)
			return ZT_ERR_SYS;
		len += n > 0 ? (size_t)n : 0;
	}
	*len_out = len;
	return ZT_OK;
}

static enum zt_err
put_user(struct zt_set *set, const char *file, struct zt_str json)
{
	zt_auto_free struct zt_user *user = NULL;
	const char *why = "";
	enum zt_err err = zt_user_parse(json, &user, &why);

	if (err == ZT_ERR_MALFORMED)
		return zt_set_put_refused(set, file, NULL, why);
	if (err != ZT_OK || (err = zt_set_put_user(set, file, user)) != ZT_OK)
		return err;
	user = NULL;
	return ZT_OK;
}

static enum zt_err
put_group(struct zt_set *set, const char *file, struct zt_str json)
{
	zt_auto_free struct zt_group *group = NULL;
	const char *why = "";
	enum zt_err err = zt_group_parse(json, &group, &why);

	if (err == ZT_ERR_MALFORMED)
		return zt_set_put_refused(set, file, NULL, why);
	if (err != ZT_OK || (err = zt_set_put_group(set, file, group)) != ZT_OK)
		return err;
	group = NULL;
	return ZT_OK;
}

/* Read one file into set; bytes grows by its length. */
static enum zt_err
put_file(struct files *f, int dir_fd, const char *file, struct zt_set *set,
    uint64_t *bytes)
{
	zt_auto_close int fd = -1;
	const char *why = "";
	struct zt_str json = { f->text, 0 };
	enum zt_err err = record_open(dir_fd, file, &fd, &why);

	if (err == ZT_ERR_DENIED)
		return zt_set_put_refused(set, file, NULL, why);
	if (err != ZT_OK)
		return err;
	if ((err = record_read(fd, f->text, &json.len)) != ZT_OK)
		return err;
	*bytes += json.len;
	if (*bytes > BYTES_MAX)
		return ZT_ERR_TOOBIG;
	return has_suffix(file, ".user") ? put_user(set, file, json)
					 : put_group(set, file, json);
}

static enum zt_err
scan_into(struct files *f, DIR *dir, struct zt_set *set)
{
	const struct dirent *de;
	uint64_t bytes = 0;
	enum zt_err err;

	while (errno = 0, (de = readdir(dir)) != NULL) {
		if (!is_record_name(de->d_name))
			continue;
		err = put_file(f, dirfd(dir), de->d_name, set, &bytes);
		if (err != ZT_OK && err != ZT_ERR_NOTFOUND)
			return err;
	}
	if (errno != 0)
		return ZT_ERR_SYS;
	return zt_set_seal(set);
}

static enum zt_err
directory_open(const char *path, DIR **out)
{
	zt_auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (others_can_write(&st))
		return ZT_ERR_DENIED;
	if ((*out = fdopendir(fd)) == NULL)
		return ZT_ERR_SYS;
	(void)zt_take_fd(fd);
	return ZT_OK;
}

/* Read the directory anew. */
static enum zt_err
scan(struct files *f, const char *path, struct zt_set **out)
{
	zt_auto(setp_free) struct zt_set *set = NULL;
	zt_auto(dirp_close) DIR *dir = NULL;
	enum zt_err err;

	if ((err = directory_open(path, &dir)) != ZT_OK)
		return err;
	if ((err = zt_set_new(&set)) != ZT_OK)
		return err;
	if ((err = scan_into(f, dir, set)) != ZT_OK)
		return err;
	*out = zt_take(set);
	return ZT_OK;
}

/* The file is gone; so is its user, unless too many go. */
static enum zt_err
take_out(struct source *s, struct zt_set *set, const char *file)
{
	const struct zt_set_record *record = zt_set_find(set, file);

	if (record != NULL && record->user != NULL && !source_lose(s, 1))
		return ZT_ERR_DENIED;
	zt_set_remove(set, file);
	return ZT_OK;
}

static bool
holds_user(const struct zt_set *set, const char *file)
{
	const struct zt_set_record *record = zt_set_find(set, file);

	return record != NULL && record->user != NULL;
}

/* A file that holds a user no more takes one away, as if it were gone.  So it
 * is looked at before it is taken in. */
static enum zt_err
put_changed(struct source *s, struct files *f, int dir_fd, const char *file,
    struct zt_set *set, uint64_t *bytes)
{
	zt_auto(setp_free) struct zt_set *seen = NULL;
	enum zt_err err = ZT_OK;

	if (!holds_user(set, file))
		return put_file(f, dir_fd, file, set, bytes);
	if ((err = zt_set_new(&seen)) == ZT_OK)
		err = put_file(f, dir_fd, file, seen, bytes);
	if (err == ZT_OK)
		err = zt_set_seal(seen);
	if (err != ZT_OK)
		return err;
	if (!holds_user(seen, file) && !source_lose(s, 1))
		return ZT_ERR_DENIED;
	return put_file(f, dir_fd, file, set, bytes);
}

/*
 * Read what has changed into the set in force.  ZT_ERR_DENIED if a scan must
 * tell how much is gone.
 */
static enum zt_err
update(struct source *s, struct files *f, struct zt_set *set)
{
	zt_auto(dirp_close) DIR *dir = NULL;
	uint64_t bytes = 0;
	enum zt_err err;

	if ((err = directory_open(s->conf->dir, &dir)) != ZT_OK)
		return err;
	for (size_t i = 0; i < f->n_dirty; i++) {
		err = put_changed(s, f, dirfd(dir), f->dirty[i], set, &bytes);
		if (err == ZT_ERR_NOTFOUND)
			err = take_out(s, set, f->dirty[i]);
		if (err != ZT_OK)
			return err;
	}
	return ZT_OK;
}

static void
dirty_clear(struct files *f)
{
	while (f->n_dirty > 0)
		free(f->dirty[--f->n_dirty]);
	f->all = false;
}

/* Remember a changed file; one too many, and all may have changed. */
static void
dirty_add(struct files *f, const char *file)
{
	for (size_t i = 0; i < f->n_dirty; i++)
		if (strcmp(f->dirty[i], file) == 0)
			return;
	if (f->n_dirty < DIRTY_MAX &&
	    (f->dirty[f->n_dirty] = strdup(file)) != NULL)
		f->n_dirty++;
	else
		f->all = true;
}

static int
on_change(sd_event_source *source, const struct inotify_event *event, void *arg)
{
	struct source *s = arg;
	struct files *f = s->priv;

	if ((event->mask & WATCH_LOST) != 0) {
		f->watch = NULL;
		(void)sd_event_source_disable_unref(source);
		f->all = true;
	} else if ((event->mask & IN_Q_OVERFLOW) != 0 || event->len == 0) {
		f->all = true;
	} else if (is_record_name(event->name)) {
		dirty_add(f, event->name);
	} else {
		return 0;
	}
	source_hurry(s, f->all);
	return 0;
}

static void
fail(struct source *s, enum zt_err err, int error)
{
	char dir[256 * ZT_ESCAPE_GROWTH];

	(void)zt_escape(dir, sizeof(dir), zt_str(s->conf->dir));
	if (err == ZT_ERR_DENIED)
		source_fail(s,
		    "%s: others than root can write to it: chmod go-w", dir);
	else if (err == ZT_ERR_TOOBIG)
		source_fail(s, "%s: too many records, or too large", dir);
	else
		source_fail(s, "%s: %s", dir,
		    err == ZT_ERR_SYS ? strerrordesc_np(error)
				      : zt_strerror(err));
}

/* Watch first, then read: a change in between is not missed. */
static void
files_sync(struct source *s)
{
	struct files *f = s->priv;
	struct zt_set *set = source_set(s);
	/* a few files do not make up for a set that is held */
	const bool all =
	    set == NULL || set != f->last || f->watch == NULL || f->all;
	enum zt_err err;
	int error;

	if (f->watch == NULL)
		(void)sd_event_add_inotify(s->event, &f->watch, s->conf->dir,
		    WATCH_MASK, on_change, s);
	err = all ? ZT_ERR_DENIED : update(s, f, set);
	if (err == ZT_ERR_DENIED)
		err = scan(f, s->conf->dir, &set);
	error = errno;
	dirty_clear(f);
	if (err != ZT_OK) {
		f->all = true; /* half of it may have been taken in */
		fail(s, err, error);
		return;
	}
	if (f->watch == NULL) {
		source_fail(s, "%s: cannot be watched: %s", s->conf->dir,
		    "raise fs.inotify.max_user_watches");
		return;
	}
	f->last = set;
	source_done(s, set);
}

static enum zt_err
files_create(struct source *s)
{
	s->priv = calloc(1, sizeof(struct files));
	return s->priv == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

static void
files_destroy(struct source *s)
{
	struct files *f = s->priv;

	if (f == NULL)
		return;
	(void)sd_event_source_disable_unref(f->watch);
	dirty_clear(f);
	free(f);
}

const struct source_type source_files = { .name = "files",
	.create = files_create,
	.sync = files_sync,
	.destroy = files_destroy };
