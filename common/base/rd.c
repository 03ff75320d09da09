/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/rd.h"

void
zt_rd_fail(struct zt_rd *rd, enum zt_err err)
{
	if (rd->err == ZT_OK)
		rd->err = err;
	rd->p = rd->end;
}

/* Claim len bytes, or fail.  The only place that moves the cursor forward. */
static const uint8_t *
rd_take(struct zt_rd *rd, size_t len)
{
	const uint8_t *p = rd->p;

	if (rd->err != ZT_OK)
		return NULL;
	if (len > (size_t)(rd->end - p)) {
		zt_rd_fail(rd, ZT_ERR_TRUNCATED);
		return NULL;
	}
	rd->p = p + len;
	return p;
}

void
zt_rd_init(struct zt_rd *rd, const void *buf, size_t len)
{
	/* NULL + 0 is undefined, and an empty buffer may be NULL */
	rd->p = buf != NULL ? buf : (const uint8_t *)"";
	rd->end = rd->p + len;
	rd->err = ZT_OK;
}

uint8_t
zt_rd_u8(struct zt_rd *rd)
{
	const uint8_t *p = rd_take(rd, 1);

	return p == NULL ? 0 : p[0];
}

uint16_t
zt_rd_u16(struct zt_rd *rd)
{
	const uint8_t *p = rd_take(rd, 2);

	if (p == NULL)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
zt_rd_u32(struct zt_rd *rd)
{
	const uint8_t *p = rd_take(rd, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

uint64_t
zt_rd_u64(struct zt_rd *rd)
{
	uint64_t high = zt_rd_u32(rd);
	uint64_t low = zt_rd_u32(rd);

	return rd->err == ZT_OK ? high << 32 | low : 0;
}

/* Claim len bytes of which at most max are allowed. */
static struct zt_bytes
rd_run(struct zt_rd *rd, size_t len, size_t max)
{
	const struct zt_bytes none = { (const uint8_t *)"", 0 };
	const uint8_t *p;

	if (rd->err == ZT_OK && len > max)
		zt_rd_fail(rd, ZT_ERR_TOOBIG);
	if ((p = rd_take(rd, len)) == NULL)
		return none;
	return (struct zt_bytes){ p, len };
}

/* Bytes as text, or fail if they hold a NUL. */
static struct zt_str
rd_text(struct zt_rd *rd, struct zt_bytes run)
{
	const struct zt_str none = { "", 0 };

	if (run.len > 0 && memchr(run.p, '\0', run.len) != NULL) {
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
		return none;
	}
	return (struct zt_str){ (const char *)run.p, run.len };
}

struct zt_str
zt_rd_str16(struct zt_rd *rd, size_t max)
{
	return rd_text(rd, rd_run(rd, zt_rd_u16(rd), max));
}

struct zt_bytes
zt_rd_bytes32(struct zt_rd *rd, size_t max)
{
	return rd_run(rd, zt_rd_u32(rd), max);
}

struct zt_str
zt_rd_str32(struct zt_rd *rd, size_t max)
{
	return rd_text(rd, zt_rd_bytes32(rd, max));
}

size_t
zt_rd_left(const struct zt_rd *rd)
{
	return (size_t)(rd->end - rd->p);
}

enum zt_err
zt_rd_end(struct zt_rd *rd)
{
	if (rd->err == ZT_OK && rd->p != rd->end)
		zt_rd_fail(rd, ZT_ERR_TRAILING);
	return rd->err;
}
