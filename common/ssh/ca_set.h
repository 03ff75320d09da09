/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSH_CA_SET_H
#define ZT_SSH_CA_SET_H

#include "key.h"

#define ZT_CA_SET_MAX  64    /* CAs in a set */
#define ZT_CA_TEXT_MAX 65536 /* text of a set, bytes */

/* A CA's public key, ready for use. */
struct zt_ca {
	uint8_t *blob; /* owned; encoded */
	size_t blob_len;
	const struct zt_key_type *type;
	EVP_PKEY *pkey; /* owned */
};

/* The CA with exactly this encoded key, borrowed from set, or NULL. */
const struct zt_ca *
zt_ca_set_find(const struct zt_ca_set *set, struct zt_bytes blob);

#endif /* ZT_SSH_CA_SET_H */
