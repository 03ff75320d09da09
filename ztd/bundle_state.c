/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_state.h"
#include "zt/auto.h"
#include "zt/bundle.h"

static enum zt_err
file_check(const struct stat *st, size_t max)
{
	if (!S_ISREG(st->st_mode) || (st->st_mode & 022) != 0 ||
	    (st->st_uid != 0 && st->st_uid != geteuid()))
		return ZT_ERR_DENIED;
	return (uint64_t)st->st_size > max ? ZT_ERR_TOOBIG : ZT_ERR_SYS;
}

/* Read until buf is full or the file ends. */
static enum zt_err
read_all(int fd, char *buf, size_t cap, size_t *len_out)
{
	size_t len = 0;
	ssize_t n;

	while (len < cap && (n = read(fd, buf + len, cap - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return ZT_ERR_SYS;
		if (n > 0)
			len += (size_t)n;
	}
	*len_out = len;
	return ZT_OK;
}

enum zt_err
bundle_file_read(const char *path, size_t max, char **text_out, size_t *len_out,
    int64_t *modified_ms_out)
{
	zt_auto_close int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	zt_auto_free char *text = NULL;
	struct stat st;
	enum zt_err err;
	size_t size;

	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if ((err = file_check(&st, max)) != ZT_ERR_SYS)
		return err;
	size = (size_t)st.st_size;
	if ((text = malloc(size + 1)) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = read_all(fd, text, size, len_out)) != ZT_OK)
		return err;
	text[*len_out] = '\0';
	*modified_ms_out =
	    (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	*text_out = zt_take(text);
	return ZT_OK;
}

static enum zt_err
write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		if ((n = write(fd, p, len)) < 0 && errno != EINTR)
			return ZT_ERR_SYS;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return ZT_OK;
}

static enum zt_err
file_replace(const char *path, const char *text, size_t len)
{
	zt_auto_free char *temp = NULL;
	zt_auto_close int fd = -1;

	if (asprintf(&temp, "%s.new", path) < 0) {
		temp = NULL;
		return ZT_ERR_NOMEM;
	}
	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return ZT_ERR_SYS;
	if (write_all(fd, text, len) != ZT_OK || fsync(fd) != 0 ||
	    rename(temp, path) != 0) {
		(void)unlink(temp);
		return ZT_ERR_SYS;
	}
	return ZT_OK;
}

static char *
etag_path(const char *path)
{
	char *name;

	return asprintf(&name, "%s.etag", path) < 0 ? NULL : name;
}

enum zt_err
bundle_state_read(const char *path, char **text_out, size_t *len_out,
    int64_t *synced_ms_out, char etag[FETCH_ETAG_MAX])
{
	zt_auto_free char *name = etag_path(path);
	zt_auto_free char *kept = NULL;
	int64_t when;
	size_t len;

	etag[0] = '\0';
	if (name == NULL)
		return ZT_ERR_NOMEM;
	if (bundle_file_read(name, FETCH_ETAG_MAX - 1, &kept, &len, &when) ==
	    ZT_OK)
		memcpy(etag, kept, len + 1);
	return bundle_file_read(path, ZT_BUNDLE_MAX, text_out, len_out,
	    synced_ms_out);
}

/*
 * The document first: should we die in between, an old ETag fetches it once
 * more, while a new one would keep the old document for good.
 */
enum zt_err
bundle_state_write(const char *path, const char *text, size_t len,
    const char *etag)
{
	zt_auto_free char *name = etag_path(path);
	enum zt_err err;

	if (name == NULL)
		return ZT_ERR_NOMEM;
	if ((err = file_replace(path, text, len)) != ZT_OK)
		return err;
	return file_replace(name, etag, strlen(etag));
}

void
bundle_state_touch(const char *path)
{
	(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}
