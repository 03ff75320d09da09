/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "zt/text.h"

struct zt_str
zt_str(const char *s)
{
	if (s == NULL)
		return (struct zt_str){ "", 0 };
	return (struct zt_str){ s, strlen(s) };
}

bool
zt_str_is(struct zt_str s, const char *lit)
{
	return s.len == strlen(lit) &&
	    (s.len == 0 || memcmp(s.p, lit, s.len) == 0);
}

enum zt_err
zt_str_copy(char *dst, size_t cap, struct zt_str s)
{
	if (s.len >= cap)
		return ZT_ERR_TOOBIG;
	if (s.len > 0)
		memcpy(dst, s.p, s.len);
	dst[s.len] = '\0';
	return ZT_OK;
}

/* What a byte may do in a name: stand in it, and begin it. */
enum { NAME = 1, NAME_BEGIN = 2 };

static const uint8_t name_class[256] = {
	['a' ... 'z'] = NAME | NAME_BEGIN,
	['A' ... 'Z'] = NAME | NAME_BEGIN,
	['_'] = NAME | NAME_BEGIN,
	['0' ... '9'] = NAME,
	['-'] = NAME,
	['.'] = NAME,
};

bool
zt_name_valid(struct zt_str s)
{
	uint8_t all = NAME;

	if (s.len == 0 || s.len > ZT_NAME_MAX ||
	    (name_class[(uint8_t)s.p[0]] & NAME_BEGIN) == 0)
		return false;
	for (size_t i = 1; i < s.len; i++)
		all &= name_class[(uint8_t)s.p[i]];
	return all != 0;
}

/*
 * Decode one UTF-8 character.  Returns its length in bytes, or 0 if the bytes
 * are ill-formed (overlong, surrogate, beyond U+10FFFF, cut short).
 * Source: RFC 3629 s4.
 */
static size_t
utf8_decode(const uint8_t *p, size_t len, uint32_t *cp_out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80      ? 1
	    : (p[0] & 0xe0) == 0xc0 ? 2
	    : (p[0] & 0xf0) == 0xe0 ? 3
	    : (p[0] & 0xf8) == 0xf0 ? 4
				    : 0;
	uint32_t cp;

	if (n == 0 || n > len)
		return 0;
	cp = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3fu);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*cp_out = cp;
	return n;
}

/*
 * Characters that a terminal or a reader does not show as themselves:
 * controls, separators of lines, and all that Unicode 15 calls
 * Default_Ignorable_Code_Point (formatting, fillers, variation selectors,
 * tags), annotations and noncharacters.  Sorted.
 */
static const struct {
	uint32_t first, last;
} deceptive[] = {
	{ 0x0000, 0x001f }, /* C0 */
	{ 0x007f, 0x009f }, /* DEL, C1 */
	{ 0x00ad, 0x00ad }, /* soft hyphen */
	{ 0x034f, 0x034f }, /* grapheme joiner */
	{ 0x061c, 0x061c }, /* Arabic letter mark */
	{ 0x115f, 0x1160 }, /* Hangul fillers */
	{ 0x17b4, 0x17b5 }, /* Khmer inherent vowels */
	{ 0x180b, 0x180f }, /* Mongolian selectors, vowel separator */
	{ 0x200b, 0x200f }, /* zero width, LRM, RLM */
	{ 0x2028, 0x202e }, /* line, paragraph separator, embeddings */
	{ 0x2060, 0x206f }, /* word joiner, isolates */
	{ 0x2800, 0x2800 }, /* empty braille pattern */
	{ 0x3164, 0x3164 }, /* Hangul filler */
	{ 0xfdd0, 0xfdef }, /* noncharacters */
	{ 0xfe00, 0xfe0f }, /* variation selectors */
	{ 0xfeff, 0xfeff }, /* byte order mark */
	{ 0xffa0, 0xffa0 }, /* halfwidth Hangul filler */
	{ 0xfff0, 0xfffb }, /* unassigned, annotations */
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff }, /* tags, more variation selectors */
};

static bool
is_deceptive(uint32_t cp)
{
	if (cp >= 0x20 && cp < 0x7f)
		return false;
	if ((cp & 0xfffe) == 0xfffe)
		return true; /* a noncharacter of any plane */
	for (size_t i = 0; i < sizeof(deceptive) / sizeof(deceptive[0]); i++)
		if (cp >= deceptive[i].first && cp <= deceptive[i].last)
			return true;
	return false;
}

/* Escape the bytes of one character into unit; returns the bytes written. */
static size_t
hex_unit(char *unit, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		unit[4 * i] = '\\';
		unit[4 * i + 1] = 'x';
		unit[4 * i + 2] = hex[p[i] >> 4];
		unit[4 * i + 3] = hex[p[i] & 0xf];
	}
	return 4 * n;
}

size_t
zt_escape(char *dst, size_t cap, struct zt_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	char unit[4 * ZT_ESCAPE_GROWTH];
	size_t out = 0, n, ulen;
	uint32_t cp;

	for (size_t i = 0; i < s.len; i += n) {
		n = utf8_decode(p + i, s.len - i, &cp);
		if (n == 0 || is_deceptive(cp)) {
			n = n == 0 ? 1 : n;
			ulen = hex_unit(unit, p + i, n);
		} else if (cp == '\\') {
			ulen = 2;
			memcpy(unit, "\\\\", 2);
		} else {
			ulen = n;
			memcpy(unit, p + i, n);
		}
		if (ulen >= cap - out)
			break;
		memcpy(dst + out, unit, ulen);
		out += ulen;
	}
	dst[out] = '\0';
	return out;
}

bool
zt_text_clean(struct zt_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t n;
	uint32_t cp;

	for (size_t i = 0; i < s.len; i += n) {
		n = utf8_decode(p + i, s.len - i, &cp);
		if (n == 0 || is_deceptive(cp))
			return false;
	}
	return true;
}
