/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/passwd.h"

bool
zt_field_valid(struct zt_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		const unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f || c == ':')
			return false;
	}
	return true;
}

bool
zt_path_valid(struct zt_str s)
{
	if (s.len < 2 || s.p[0] != '/' || !zt_field_valid(s))
		return false;
	if (s.len >= 3 && memcmp(s.p + s.len - 3, "/..", 3) == 0)
		return false;
	return memmem(s.p, s.len, "/../", 4) == NULL;
}
