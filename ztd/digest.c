/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <openssl/sha.h>

#include "digest.h"

uint64_t
digest_64(const void *data, size_t len)
{
	uint8_t md[SHA256_DIGEST_LENGTH];
	uint64_t cut;

	(void)SHA256(data, len, md);
	memcpy(&cut, md, sizeof(cut));
	return cut == 0 ? 1 : cut;
}
