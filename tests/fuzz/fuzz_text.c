/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escaping.  Property: whatever goes in, printable well-formed UTF-8 comes
 * out, within the buffer, and a smaller buffer only cuts it.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "zt/text.h"

#define IN_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const char *out, size_t n, size_t cap)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t used;

	if (n >= cap || out[n] != '\0' || strlen(out) != n)
		abort();
	for (size_t i = 0; i < n; i += used) {
		used = mbrtowc(&c, out + i, n - i, &state);
		if (used == 0 || used > 4 || c < ' ' || (c > '~' && c < 0xa0) ||
		    (c >= 0x200b && c <= 0x200f) ||
		    (c >= 0x2028 && c <= 0x202e) ||
		    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct zt_str in = { (const char *)data,
		len < IN_MAX ? len : IN_MAX };
	char full[IN_MAX * ZT_ESCAPE_GROWTH + 1], cut[64];
	size_t cap = len > 0 ? 1 + data[0] % sizeof(cut) : 1;

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		abort();
	check(full, zt_escape(full, sizeof(full), in), sizeof(full));
	check(cut, zt_escape(cut, cap, in), cap);
	if (strncmp(full, cut, strlen(cut)) != 0)
		abort();
	return 0;
}
