/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_LOG_FILE_H
#define ZT_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "zt/err.h"

/*
 * Open path, or create it with mode 0640, for appending, and lock it; its
 * name is durable in the directory.
 *
 * path	   absolute
 * fd_out  owned
 *
 * Errors: ZT_ERR_DENIED for a link, no regular file, or one that group or
 * others may write; ZT_ERR_UNAVAIL if another process holds the lock;
 * ZT_ERR_SYS with errno; ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_log_file_open(const char *path, int *fd_out);

/*
 * Count the lines, and move a last one without LF to <path>.torn.<epoch ms>.
 *
 * Errors: ZT_ERR_SYS with errno, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_log_file_recover(const char *path, int fd,
    uint64_t *lines_out, bool *torn_out);

/*
 * Put an empty, locked file in the place of path, which is renamed to
 * <path>.failed.<epoch ms>.
 *
 * Errors: ZT_ERR_SYS with errno, ENOSPC if there is no room for a few records;
 * ZT_ERR_NOMEM.  Nothing is renamed unless the new file stands.
 */
ZT_MUST_USE enum zt_err zt_log_file_replace(const char *path, int *fd_out);

#endif /* ZT_LOG_FILE_H */
