/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/file.h"

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

enum zt_err
zt_file_open(const char *path, int flags, size_t max, int *fd_out,
    struct stat *st_out)
{
	/* not blocking: somebody may have put a FIFO there */
	zt_auto_close int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode) || (st.st_mode & OTHERS_WRITE) != 0 ||
	    (st.st_uid != 0 && st.st_uid != geteuid()))
		return ZT_ERR_DENIED;
	if ((uintmax_t)st.st_size > max)
		return ZT_ERR_TOOBIG;
	*fd_out = zt_take_fd(fd);
	*st_out = st;
	return ZT_OK;
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
zt_file_read(const char *path, int flags, size_t max, char **text_out,
    size_t *len_out, struct stat *st_out)
{
	zt_auto_free char *text = NULL;
	zt_auto_close int fd = -1;
	struct stat st;
	enum zt_err err;
	size_t len;

	if ((err = zt_file_open(path, flags, max, &fd, &st)) != ZT_OK)
		return err;
	if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = read_all(fd, text, (size_t)st.st_size, &len)) != ZT_OK)
		return err;
	text[len] = '\0';
	*text_out = zt_take(text);
	*len_out = len;
	*st_out = st;
	return ZT_OK;
}

/* ---- writing ---- */

static enum zt_err
temp_name(const char *path, char out[PATH_MAX])
{
	if (snprintf(out, PATH_MAX, "%s.new", path) < PATH_MAX)
		return ZT_OK;
	errno = ENAMETOOLONG;
	return ZT_ERR_SYS;
}

enum zt_err
zt_file_begin(const char *path, mode_t mode, int *fd_out)
{
	zt_auto_close int fd = -1;
	char temp[PATH_MAX];
	enum zt_err err;

	if ((err = temp_name(path, temp)) != ZT_OK)
		return err;
	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    mode & 0700);
	if (fd < 0)
		return ZT_ERR_SYS;
	if (fchmod(fd, mode) != 0) {
		zt_file_drop(path);
		return ZT_ERR_SYS;
	}
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

enum zt_err
zt_file_end(const char *path, int fd)
{
	char temp[PATH_MAX];
	enum zt_err err;

	if ((err = temp_name(path, temp)) != ZT_OK)
		return err;
	if (fsync(fd) != 0 || rename(temp, path) != 0) {
		zt_file_drop(path);
		return ZT_ERR_SYS;
	}
	return zt_file_flush_name(path);
}

void
zt_file_drop(const char *path)
{
	const int saved_errno = errno;
	char temp[PATH_MAX];

	if (temp_name(path, temp) == ZT_OK)
		(void)unlink(temp);
	errno = saved_errno;
}

enum zt_err
zt_file_write(int fd, const void *buf, size_t len)
{
	const char *p = buf;
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

enum zt_err
zt_file_replace(const char *path, const void *buf, size_t len, mode_t mode)
{
	zt_auto_close int fd = -1;
	enum zt_err err;

	if ((err = zt_file_begin(path, mode, &fd)) != ZT_OK)
		return err;
	if ((err = zt_file_write(fd, buf, len)) != ZT_OK) {
		zt_file_drop(path);
		return err;
	}
	return zt_file_end(path, fd);
}

enum zt_err
zt_file_flush_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	zt_auto_close int fd = -1;
	char dir[PATH_MAX] = ".";

	if (len >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return ZT_ERR_SYS;
	}
	if (len > 0)
		*(char *)mempcpy(dir, path, len) = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) != 0 ? ZT_ERR_SYS : ZT_OK;
}
