/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "log_file.h"
#include "zt/auto.h"

#define LOG_MODE    0640
#define RESERVE_LEN (1 << 16) /* a successor must have room for this, bytes */
#define CHUNK_LEN   (1 << 16) /* of a file read at once, bytes */

/* "<path>.<kind>.<epoch ms>", owned, or NULL. */
static char *
name_beside(const char *path, const char *kind)
{
	struct timespec ts = { 0 };
	char *name;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (asprintf(&name, "%s.%s.%lld", path, kind,
		(long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000) < 0)
		return NULL;
	return name;
}

/* Make a change of names in path's directory durable. */
static enum zt_err
dir_sync(const char *path)
{
	zt_auto_free char *dir = strdup(path);
	zt_auto_close int fd = -1;

	if (dir == NULL)
		return ZT_ERR_NOMEM;
	/* path is absolute: "/name" leaves "/" */
	strrchr(dir, '/')[strrchr(dir, '/') == dir ? 1 : 0] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return ZT_ERR_SYS;
	return ZT_OK;
}

/* Create a file that must not exist, whatever the umask. */
static enum zt_err
file_create(const char *path, int *fd_out)
{
	zt_auto_close int fd = -1;

	fd = open(path,
	    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    LOG_MODE);
	if (fd < 0 || fchmod(fd, LOG_MODE) != 0)
		return ZT_ERR_SYS;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/* Open the file there is, if it is one that we may trust. */
static enum zt_err
file_open(const char *path, int *fd_out)
{
	zt_auto_close int fd = -1;
	struct stat st;

	fd = open(path,
	    O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO
		    ? ZT_ERR_DENIED
		    : ZT_ERR_SYS;
	if (fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ZT_ERR_DENIED;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/* Be the only broker that writes it. */
static enum zt_err
file_lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return ZT_OK;
	return errno == EWOULDBLOCK ? ZT_ERR_UNAVAIL : ZT_ERR_SYS;
}

enum zt_err
zt_log_file_open(const char *path, int *fd_out)
{
	zt_auto_close int fd = -1;
	enum zt_err err;

	err = file_create(path, &fd);
	if (err == ZT_ERR_SYS && errno == EEXIST)
		err = file_open(path, &fd);
	if (err != ZT_OK || (err = file_lock(fd)) != ZT_OK)
		return err;
	if (fsync(fd) != 0)
		return ZT_ERR_SYS;
	if ((err = dir_sync(path)) != ZT_OK)
		return err;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/* Count the whole lines and find where the last of them ends. */
static enum zt_err
file_scan(int fd, uint64_t *lines_out, off_t *whole_out, off_t *size_out)
{
	zt_auto_free char *buf = malloc(CHUNK_LEN);
	uint64_t lines = 0;
	off_t whole = 0, pos = 0;
	ssize_t n;

	if (buf == NULL)
		return ZT_ERR_NOMEM;
	while ((n = pread(fd, buf, CHUNK_LEN, pos)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != '\n')
				continue;
			lines++;
			whole = pos + i + 1;
		}
		pos += n;
	}
	if (n < 0)
		return ZT_ERR_SYS;
	*lines_out = lines;
	*whole_out = whole;
	*size_out = pos;
	return ZT_OK;
}

/* Copy fd's bytes from pos on to the file to, and flush it. */
static enum zt_err
tail_copy(int fd, off_t pos, int to)
{
	zt_auto_free char *buf = malloc(CHUNK_LEN);
	ssize_t n, written;

	if (buf == NULL)
		return ZT_ERR_NOMEM;
	while ((n = pread(fd, buf, CHUNK_LEN, pos)) > 0) {
		written = write(to, buf, (size_t)n);
		if (written != n) {
			if (written >= 0)
				errno = ENOSPC; /* what cuts a write short */
			return ZT_ERR_SYS;
		}
		pos += n;
	}
	return n == 0 && fsync(to) == 0 ? ZT_OK : ZT_ERR_SYS;
}

/* Move a last line without LF aside; it is gone here only once it is there. */
static enum zt_err
tail_set_aside(const char *path, int fd, off_t whole)
{
	zt_auto_free char *torn = name_beside(path, "torn");
	zt_auto_close int to = -1;
	enum zt_err err;

	if (torn == NULL)
		return ZT_ERR_NOMEM;
	if ((err = file_create(torn, &to)) != ZT_OK)
		return err;
	if ((err = tail_copy(fd, whole, to)) != ZT_OK ||
	    (err = dir_sync(path)) != ZT_OK) {
		const int saved_errno = errno;

		(void)unlink(torn); /* a full disk must not fill with these */
		errno = saved_errno;
		return err;
	}
	if (ftruncate(fd, whole) != 0 || fsync(fd) != 0)
		return ZT_ERR_SYS;
	return ZT_OK;
}

enum zt_err
zt_log_file_recover(const char *path, int fd, uint64_t *lines_out,
    bool *torn_out)
{
	uint64_t lines;
	off_t whole, size;
	enum zt_err err;

	if ((err = file_scan(fd, &lines, &whole, &size)) != ZT_OK)
		return err;
	if (whole != size && (err = tail_set_aside(path, fd, whole)) != ZT_OK)
		return err;
	*lines_out = lines;
	*torn_out = whole != size;
	return ZT_OK;
}

/*
 * Create the successor under the name that the broken file is to get, with
 * room for some records: a full disk is found out before anything moves.
 */
static enum zt_err
successor_create(const char *name, int *fd_out)
{
	zt_auto_close int fd = -1;
	enum zt_err err;

	if ((err = file_create(name, &fd)) != ZT_OK)
		return err;
	if ((err = file_lock(fd)) == ZT_OK &&
	    ((fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, RESERVE_LEN) != 0 &&
		 errno != EOPNOTSUPP) ||
		fsync(fd) != 0))
		err = ZT_ERR_SYS;
	if (err != ZT_OK) {
		int error = errno;

		(void)unlink(name);
		errno = error;
		return err;
	}
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/*
 * Exchange the two names in one step, so that path is never free for another
 * broker to create.  If somebody removed path, there is nothing to keep.
 */
static enum zt_err
successor_install(const char *name, const char *path)
{
	int error;

	if (renameat2(AT_FDCWD, name, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return dir_sync(path);
	if (errno == ENOENT &&
	    renameat2(AT_FDCWD, name, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return dir_sync(path);
	error = errno;
	(void)unlink(name);
	errno = error;
	return ZT_ERR_SYS;
}

enum zt_err
zt_log_file_replace(const char *path, int *fd_out)
{
	zt_auto_free char *name = name_beside(path, "failed");
	zt_auto_close int fd = -1;
	enum zt_err err;

	if (name == NULL)
		return ZT_ERR_NOMEM;
	if ((err = successor_create(name, &fd)) != ZT_OK)
		return err;
	if ((err = successor_install(name, path)) != ZT_OK)
		return err;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}
