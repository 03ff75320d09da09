/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "zt/auto.h"

#include "base64.h"

/* The six bits of a base64 character, or -1. */
static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode four characters, of which the last pad are '='. */
static bool
quantum_decode(const char *in, size_t pad, uint8_t *out)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int v = i < 4 - pad ? sextet(in[i]) : 0;

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
	}
	if ((bits & ((1u << (8 * pad)) - 1)) != 0)
		return false;
	for (size_t i = 0; i < 3 - pad; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return true;
}

static size_t
padding(struct zt_str text)
{
	if (text.len == 0 || text.p[text.len - 1] != '=')
		return 0;
	return text.p[text.len - 2] == '=' ? 2 : 1;
}

enum zt_err
zt_base64_decode(struct zt_str text, size_t max, uint8_t **out, size_t *len_out)
{
	zt_auto_free uint8_t *buf = NULL;
	size_t pad, len;

	if (text.len % 4 != 0)
		return ZT_ERR_MALFORMED;
	pad = padding(text);
	len = text.len / 4 * 3 - pad;
	if (len > max)
		return ZT_ERR_TOOBIG;
	if ((buf = malloc(len + 1)) == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < text.len / 4; i++) {
		bool last = i + 1 == text.len / 4;

		if (!quantum_decode(text.p + 4 * i, last ? pad : 0,
			buf + 3 * i))
			return ZT_ERR_MALFORMED;
	}
	*out = zt_take(buf);
	*len_out = len;
	return ZT_OK;
}
