/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_RD_H
#define ZT_RD_H

#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"

/*
 * Bounded reader over borrowed bytes.
 *
 * The first failure sticks: it moves the cursor to the end, and every later
 * getter returns zero without reading.  Straight-line decoding is therefore
 * safe, and is checked once, by zt_rd_end().
 */
struct zt_rd {
	const uint8_t *p;   /* next unread byte */
	const uint8_t *end; /* one past the last readable byte */
	enum zt_err err;    /* first failure, or ZT_OK */
};

/* A borrowed run of text inside somebody else's buffer; holds no NUL. */
struct zt_str {
	const char *p; /* not NUL-terminated */
	size_t len;    /* bytes */
};

/* A borrowed run of arbitrary bytes. */
struct zt_bytes {
	const uint8_t *p;
	size_t len;
};

/* Start reading buf[0..len).  buf must outlive rd and all it hands out. */
void zt_rd_init(struct zt_rd *rd, const void *buf, size_t len);

/* Make rd fail with err, unless it has failed already. */
void zt_rd_fail(struct zt_rd *rd, enum zt_err err);

/* Read an unsigned big-endian integer.  Returns 0 once rd has failed. */
uint8_t zt_rd_u8(struct zt_rd *rd);
uint16_t zt_rd_u16(struct zt_rd *rd);
uint32_t zt_rd_u32(struct zt_rd *rd);
uint64_t zt_rd_u64(struct zt_rd *rd);

/*
 * Read u16 length || text (the broker wire format's string).
 *
 * max	  limit on the length in bytes; longer fails with ZT_ERR_TOOBIG
 *
 * Fails with ZT_ERR_MALFORMED if the text contains NUL.  On failure the
 * result is { "", 0 }.
 */
struct zt_str zt_rd_str16(struct zt_rd *rd, size_t max);

/*
 * Read u32 length || bytes (SSH's string, RFC 4251 s5).
 *
 * max	  limit on the length in bytes; longer fails with ZT_ERR_TOOBIG
 *
 * On failure the result is { "", 0 }.
 */
struct zt_bytes zt_rd_bytes32(struct zt_rd *rd, size_t max);

/* As zt_rd_bytes32(), but fails with ZT_ERR_MALFORMED if it holds a NUL. */
struct zt_str zt_rd_str32(struct zt_rd *rd, size_t max);

/* Bytes not yet read; 0 once rd has failed. */
size_t zt_rd_left(const struct zt_rd *rd);

/*
 * Finish reading.  Returns the first failure; else ZT_ERR_TRAILING if bytes
 * remain; else ZT_OK.  Publish decoded values only after ZT_OK.
 */
ZT_MUST_USE enum zt_err zt_rd_end(struct zt_rd *rd);

#endif /* ZT_RD_H */
