/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_PASSWD_H
#define ZT_PASSWD_H

#include <stdbool.h>
#include <stdint.h>

#include "zt/rd.h"

/*
 * What may stand in a user or group that zt serves, besides its name (see
 * zt_name_valid()).  Checked where a record is read and again in the NSS
 * module, which believes nobody.
 */

/* False for the ids that are never ours: 0 (root), 65535 and 2^32-1 ("no
 * id"), 2^32-2 (nobody, elsewhere). */
static inline bool
zt_id_valid(uint32_t id)
{
	return id != 0 && id != UINT16_MAX && id < UINT32_MAX - 1;
}

/* True if s can be a passwd(5) field: no ':', no control character. */
bool zt_field_valid(struct zt_str s);

/* True if s can be a home directory or shell: a field that is an absolute
 * path, is not "/" and has no ".." in it. */
bool zt_path_valid(struct zt_str s);

/*
 * True if members of a group of this name are, or can become, root on a
 * common Linux host, or can read what only root should.  docs/man/nss_zt.8
 * lists them for the administrator.  A few nanoseconds.
 */
bool zt_group_privileged(struct zt_str name);

#endif /* ZT_PASSWD_H */
