/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_GATHER_H
#define ZTCTL_GATHER_H

#include "zt/err.h"

#define GATHER_MAX 65536 /* of a file or of a program's output, bytes */

/*
 * Read a small text file whole.
 *
 * out  owned; NUL-terminated
 *
 * Errors: ZT_ERR_NOTFOUND if there is none; ZT_ERR_SYS with errno;
 * ZT_ERR_INVAL if it is no regular file; ZT_ERR_TOOBIG; ZT_ERR_MALFORMED if
 * it holds a NUL; ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err gather_file(const char *path, char **out);

/*
 * Run a program, without a shell and with a fixed environment, and collect
 * what it writes to its standard output and error.
 *
 * argv	       argv[0] is an absolute path
 * out	       owned; NUL-terminated, cut at GATHER_MAX
 * status_out  exit status, or 128 and the signal that ended it
 *
 * Errors: ZT_ERR_NOTFOUND if there is no such program; ZT_ERR_TIMEOUT after
 * 10 seconds, when it has been killed; ZT_ERR_SYS; ZT_ERR_NOMEM.
 * Blocking: up to 10 seconds.
 */
ZT_MUST_USE enum zt_err
gather_program(const char *const argv[], char **out, int *status_out);

#endif /* ZTCTL_GATHER_H */
