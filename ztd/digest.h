/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_DIGEST_H
#define ZTD_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/*
 * A 64-bit cut of SHA-256, never 0: to tell texts apart without keeping
 * them.
 */
uint64_t digest_64(const void *data, size_t len);

#endif /* ZTD_DIGEST_H */
