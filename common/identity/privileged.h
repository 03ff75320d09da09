/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_PRIVILEGED_H
#define ZT_PRIVILEGED_H

#include <stdbool.h>

/*
 * True if members of a group of this name are, or can become, root on a
 * common Linux host, or can read what only root should.  docs/man/nss_zt.8
 * lists them for the administrator.
 */
bool privileged_name(const char *group);

#endif /* ZT_PRIVILEGED_H */
