/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_TEXT_H
#define ZT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "zt/rd.h"

/* Longest user or group name zt serves or decides about, bytes without NUL. */
#define ZT_NAME_MAX 32

/* Worst growth of zt_escape(): every byte becomes \xNN. */
#define ZT_ESCAPE_GROWTH 4

/* Borrow the text of a C string; NULL gives the empty text. */
struct zt_str zt_str(const char *s);

/* True if s is exactly the text of the C string lit. */
bool zt_str_is(struct zt_str s, const char *lit);

/*
 * Copy s into dst[0..cap) with a NUL.
 *
 * Returns ZT_ERR_TOOBIG, dst untouched, unless s and its NUL fit.
 */
ZT_MUST_USE enum zt_err zt_str_copy(char *dst, size_t cap, struct zt_str s);

/*
 * True if s may name a user or group: 1 to ZT_NAME_MAX of [A-Za-z0-9._-],
 * begun by a letter or '_'.  Everything else (':', '/', space, a leading '-'
 * or digit, bytes over 127) is refused because some tool on the host
 * misreads it.
 */
bool zt_name_valid(struct zt_str s);

/*
 * Make outside bytes safe for a terminal, a log line or a message to a user.
 *
 * dst	  receives at most cap bytes, always NUL-terminated; cap > 0
 * s	  arbitrary bytes
 *
 * Printable ASCII and well-formed UTF-8 pass; a backslash becomes "\\"; every
 * byte of a control character (C0, DEL, C1), of a line or paragraph
 * separator, of an invisible or bidirectional formatting character, and of
 * ill-formed UTF-8 becomes "\xNN".  The result is cut before the unit that
 * does not fit, so it is always well formed.
 *
 * Returns the length of the result in bytes.
 * Blocking: never.  Thread-safe: yes.
 */
size_t zt_escape(char *dst, size_t cap, struct zt_str s);

/*
 * True if s is as harmless as what zt_escape() makes: well-formed UTF-8
 * without the characters it escapes.  Backslashes may stand: text that was
 * escaped once is not escaped again.
 */
bool zt_text_clean(struct zt_str s);

#endif /* ZT_TEXT_H */
