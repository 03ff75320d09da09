/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_WR_H
#define ZT_WR_H

#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/rd.h"

/*
 * Bounded writer into a borrowed buffer; the reader's counterpart.  The first
 * failure sticks, later putters do nothing, and zt_wr_end() reports it.
 */
struct zt_wr {
	uint8_t *start;
	uint8_t *p;   /* next free byte */
	uint8_t *end; /* one past the last writable byte */
	enum zt_err err;
};

/* Start writing into buf[0..cap). */
void zt_wr_init(struct zt_wr *wr, void *buf, size_t cap);

/* Append an unsigned big-endian integer. */
void zt_wr_u8(struct zt_wr *wr, uint8_t v);
void zt_wr_u16(struct zt_wr *wr, uint16_t v);
void zt_wr_u32(struct zt_wr *wr, uint32_t v);

/*
 * Append u16 length || text.
 *
 * max	  limit on the length in bytes, as in the reader; longer fails with
 *	  ZT_ERR_TOOBIG, and text with a NUL fails with ZT_ERR_MALFORMED
 */
void zt_wr_str16(struct zt_wr *wr, struct zt_str s, size_t max);

/*
 * Finish writing.  Returns ZT_OK and the bytes written in *len_out; else the
 * first failure (ZT_ERR_TOOBIG if the buffer was too small), *len_out
 * untouched.
 */
ZT_MUST_USE enum zt_err zt_wr_end(const struct zt_wr *wr, size_t *len_out);

#endif /* ZT_WR_H */
