/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_JSON_H
#define ZT_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "zt/err.h"

/*
 * Print a JSON value on one line.
 *
 * max	     longest text wanted, bytes without NUL
 * text_out  owned, NUL-terminated, in no more memory than it needs
 * len_out   its length; may be NULL
 *
 * json_dumps() has been seen to lose half a key when it could not grow its
 * buffer, and to report success; this prints into buffers that do not grow.
 *
 * Errors: ZT_ERR_TOOBIG beyond max, ZT_ERR_NOMEM.
 * Blocking: never.  Thread-safe: yes.
 */
ZT_MUST_USE enum zt_err
zt_json_print(const json_t *root, size_t max, char **text_out, size_t *len_out);

#endif /* ZT_JSON_H */
