/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_LOG_H
#define ZTCTL_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "zt/err.h"

/* Return false to stop.  line is borrowed, len bytes, without its LF. */
typedef bool log_line_fn(void *arg, const char *line, size_t len);

/*
 * Call fn for every line of a decision log, the last one first: what is asked
 * about happened recently, and the log may be large.  Lines longer than a
 * record can be are passed over, so memory is bounded.
 *
 * Errors: ZT_ERR_SYS with errno, ZT_ERR_INVAL if path is no regular file.
 * Blocking: reads the file.
 */
ZT_MUST_USE enum zt_err
log_read_backwards(const char *path, log_line_fn *fn, void *arg);

#endif /* ZTCTL_LOG_H */
