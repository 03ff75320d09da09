/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_FILE_H
#define ZT_FILE_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "zt/err.h"

/*
 * Files that state is kept in: read only if nobody else could have written
 * them, and replaced whole or not at all.  Paths are NUL-terminated; errors
 * are ZT_ERR_SYS with errno where nothing else is said.
 * Blocking: for as long as the disk takes.  Thread-safe: yes, for one writer
 * of a path.
 */

/*
 * Open a regular file to read it, if only root and we could write it.
 *
 * flags    O_NOFOLLOW for a file of our own; 0: the path may be a link
 * max	    longest, bytes
 * fd_out   owned, close-on-exec
 * st_out   of what was opened
 *
 * Errors: ZT_ERR_SYS (ENOENT: there is none); ZT_ERR_DENIED if it is no
 * regular file, neither root's nor ours, or its group or others may write to
 * it; ZT_ERR_TOOBIG.
 */
ZT_MUST_USE enum zt_err zt_file_open(const char *path, int flags, size_t max,
    int *fd_out, struct stat *st_out);

/*
 * Read such a file whole; what is appended meanwhile is left out.
 *
 * text_out  owned, NUL-terminated behind *len_out bytes
 *
 * Errors: those of zt_file_open(), ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_file_read(const char *path, int flags, size_t max,
    char **text_out, size_t *len_out, struct stat *st_out);

/*
 * Put len bytes in the place of a file: whole, flushed, with this mode
 * whatever the umask is; or not at all, and nothing is left behind.
 */
ZT_MUST_USE enum zt_err
zt_file_replace(const char *path, const void *buf, size_t len, mode_t mode);

/*
 * The same by parts: begin, write to *fd_out, then end or drop.  Until then
 * the new file is PATH.new; one that is there, from who was killed, is
 * removed.  The descriptor stays the caller's.
 */
ZT_MUST_USE enum zt_err
zt_file_begin(const char *path, mode_t mode, int *fd_out);

/*
 * On failure it is dropped and errno is the cause's.  Should only the
 * directory not be flushed, the new file is in place, and a crash may undo
 * that.
 */
ZT_MUST_USE enum zt_err zt_file_end(const char *path, int fd);

/* Remove PATH.new; errno stays. */
void zt_file_drop(const char *path);

/* Write all of len bytes. */
ZT_MUST_USE enum zt_err zt_file_write(int fd, const void *buf, size_t len);

/* Flush the directory that path is in: the file's name outlives a crash. */
ZT_MUST_USE enum zt_err zt_file_flush_name(const char *path);

#endif /* ZT_FILE_H */
