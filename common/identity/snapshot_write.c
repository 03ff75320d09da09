/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "snapshot_image.h"
#include "zt/auto.h"
#include "zt/file.h"
#include "zt/snapshot_format.h"
#include "zt/text.h"

#define TEMP_MARK   ".new-"
#define TEMP_RANDOM "XXXXXX"
#define FILE_MODE   0644

/* The paths of one write. */
struct target {
	const char *path; /* borrowed */
	char dir[PATH_MAX];
	char temp[PATH_MAX];
	const char *base; /* in path */
};

static enum zt_err
target_init(const char *path, struct target *out)
{
	const char *slash = strrchr(path, '/');
	const size_t dir_len = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == NULL || slash[1] == '\0')
		return ZT_ERR_INVAL;
	if (snprintf(out->temp, sizeof(out->temp), "%s" TEMP_MARK TEMP_RANDOM,
		path) >= (int)sizeof(out->temp))
		return ZT_ERR_TOOBIG;
	memcpy(out->dir, path, dir_len);
	out->dir[dir_len] = '\0';
	if (dir_len == 0)
		strcpy(out->dir, "/");
	out->path = path;
	out->base = slash + 1;
	return ZT_OK;
}

static void
dirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

/* Is this a temporary file that some writer has not renamed? */
static bool
is_stale(const struct target *target, const char *name)
{
	const size_t base_len = strlen(target->base);

	return strncmp(name, target->base, base_len) == 0 &&
	    strncmp(name + base_len, TEMP_MARK, strlen(TEMP_MARK)) == 0 &&
	    strlen(name + base_len) == strlen(TEMP_MARK TEMP_RANDOM);
}

/* Remove what writers left that were killed.  Nothing depends on it. */
static void
stale_remove(const struct target *target)
{
	zt_auto(dirp) DIR *dir = opendir(target->dir);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (is_stale(target, entry->d_name))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
}

/* The image on disk, under the name it does not keep. */
static enum zt_err
temp_write(struct target *target, const struct snapshot_image *image)
{
	zt_auto_close int fd = mkostemp(target->temp, O_CLOEXEC);
	enum zt_err err;

	if (fd < 0) {
		target->temp[0] = '\0';
		return ZT_ERR_SYS;
	}
	if ((err = zt_file_write(fd, image->bytes, image->len)) != ZT_OK)
		return err;
	if (fchmod(fd, FILE_MODE) != 0 || fdatasync(fd) != 0)
		return ZT_ERR_SYS;
	return ZT_OK;
}

/*
 * Tell those who have mapped the file at path that it is the last one's.
 * Only a snapshot is written to; of whatever version, for the magic and the
 * place of the word are those of all.
 *
 * unmarked_out  may it not be written to?  To leave it there for that, for
 *		 good, would be worse.
 */
static enum zt_err
mark_superseded(const char *path, bool *unmarked_out)
{
	const off_t at = offsetof(struct zt_snapshot_header, superseded);
	zt_auto_close int fd =
	    open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char magic[sizeof(((struct zt_snapshot_header *)0)->magic)];
	const uint32_t word = 1;
	struct stat st;

	*unmarked_out = fd < 0 && (errno == EACCES || errno == EPERM);
	if (fd < 0) /* no reader maps what is none, or a link */
		return errno == ENOENT || errno == ELOOP || *unmarked_out
		    ? ZT_OK
		    : ZT_ERR_SYS;
	if (fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode) || st.st_size < at + (off_t)sizeof(word) ||
	    pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
	    memcmp(magic, ZT_SNAPSHOT_MAGIC, sizeof(magic)) != 0)
		return ZT_OK;
	return pwrite(fd, &word, sizeof(word), at) == (ssize_t)sizeof(word)
	    ? ZT_OK
	    : ZT_ERR_SYS;
}

static enum zt_err
target_replace(struct target *target, const struct snapshot_image *image,
    bool *unmarked_out)
{
	enum zt_err err;

	if ((err = temp_write(target, image)) != ZT_OK ||
	    (err = mark_superseded(target->path, unmarked_out)) != ZT_OK)
		return err;
	return rename(target->temp, target->path) == 0 ? ZT_OK : ZT_ERR_SYS;
}

enum zt_err
zt_snapshot_write(const char *path, const struct zt_directory *directory,
    const struct zt_snapshot_meta *meta)
{
	struct snapshot_image image = { 0 };
	zt_auto_free uint8_t *bytes = NULL;
	struct target target;
	bool unmarked = false;
	int saved_errno;
	enum zt_err err;

	if ((err = target_init(path, &target)) != ZT_OK ||
	    (err = snapshot_image_make(directory, meta, &image)) != ZT_OK)
		return err;
	bytes = image.bytes;
	stale_remove(&target);
	if ((err = target_replace(&target, &image, &unmarked)) != ZT_OK) {
		saved_errno = errno;
		if (target.temp[0] != '\0')
			(void)unlink(target.temp);
		errno = saved_errno;
		return err;
	}
	/* it is in place already: a crash now loses at most the rename, and
	   the file of before is a whole one */
	(void)!zt_file_flush_name(path);
	if (meta->unmarked_out != NULL)
		*meta->unmarked_out = unmarked;
	return ZT_OK;
}
