/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSH_SOURCE_H
#define ZT_SSH_SOURCE_H

#include "zt/err.h"

/*
 * Match an address with the list of a source-address option: addresses and
 * networks (address/prefix), separated by commas, nothing else.  The whole
 * list is read even if its first entry matches.
 *
 * list  the option's text
 * ip    numeric address, or NULL to check the list only; v4-mapped IPv6
 *	 counts as IPv4
 *
 * Returns ZT_OK if ip lies in the list, or is NULL and the list is well
 * formed; ZT_ERR_DENIED if it does not; ZT_ERR_MALFORMED if list or ip do
 * not parse.
 */
ZT_MUST_USE enum zt_err zt_source_match(const char *list, const char *ip);

#endif /* ZT_SSH_SOURCE_H */
