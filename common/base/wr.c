/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/wr.h"

static void
wr_fail(struct zt_wr *wr, enum zt_err err)
{
	if (wr->err == ZT_OK)
		wr->err = err;
}

/* Claim len bytes, or fail.  The only place that moves the cursor. */
static uint8_t *
wr_take(struct zt_wr *wr, size_t len)
{
	uint8_t *p = wr->p;

	if (wr->err != ZT_OK)
		return NULL;
	if (len > (size_t)(wr->end - p)) {
		wr_fail(wr, ZT_ERR_TOOBIG);
		return NULL;
	}
	wr->p = p + len;
	return p;
}

void
zt_wr_init(struct zt_wr *wr, void *buf, size_t cap)
{
	wr->start = buf;
	wr->p = wr->start;
	wr->end = wr->start + cap;
	wr->err = ZT_OK;
}

void
zt_wr_u8(struct zt_wr *wr, uint8_t v)
{
	uint8_t *p = wr_take(wr, 1);

	if (p != NULL)
		p[0] = v;
}

void
zt_wr_u16(struct zt_wr *wr, uint16_t v)
{
	uint8_t *p = wr_take(wr, 2);

	if (p == NULL)
		return;
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
zt_wr_u32(struct zt_wr *wr, uint32_t v)
{
	zt_wr_u16(wr, (uint16_t)(v >> 16));
	zt_wr_u16(wr, (uint16_t)v);
}

void
zt_wr_str16(struct zt_wr *wr, struct zt_str s, size_t max)
{
	uint8_t *p;

	if (s.len > max || s.len > UINT16_MAX) {
		wr_fail(wr, ZT_ERR_TOOBIG);
		return;
	}
	if (s.len > 0 && memchr(s.p, '\0', s.len) != NULL) {
		wr_fail(wr, ZT_ERR_MALFORMED);
		return;
	}
	zt_wr_u16(wr, (uint16_t)s.len);
	if ((p = wr_take(wr, s.len)) != NULL && s.len > 0)
		memcpy(p, s.p, s.len);
}

enum zt_err
zt_wr_end(const struct zt_wr *wr, size_t *len_out)
{
	if (wr->err == ZT_OK)
		*len_out = (size_t)(wr->p - wr->start);
	return wr->err;
}
