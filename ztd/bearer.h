/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_BEARER_H
#define ZTD_BEARER_H

#include <stdbool.h>

#include "zt/err.h"

#define BEARER_MAX 16384 /* the file, bytes */

/* A bearer token in a file that others replace when it is renewed. */
struct bearer;

/* path  borrowed, must outlive the object.  Errors: ZT_ERR_NOMEM. */
ZT_MUST_USE enum zt_err bearer_new(const char *path, struct bearer **out);

/*
 * Give the token, reading the file again if it is another one than last time
 * (device, inode, size, modification time).
 *
 * token_out  NUL-terminated, at least one byte, none blank or control;
 *	      borrowed until the next call
 *
 * Errors: ZT_ERR_SYS, ZT_ERR_TOOBIG, ZT_ERR_MALFORMED, ZT_ERR_NOMEM.
 * Blocking: reads a small file.
 */
ZT_MUST_USE enum zt_err bearer_get(struct bearer *b, const char **token_out);

/*
 * Read the file again whatever it looks like.  True if a good token other
 * than before was found.
 */
bool bearer_renew(struct bearer *b);

/* Wipe and free. */
void bearer_free(struct bearer *b);

#endif /* ZTD_BEARER_H */
