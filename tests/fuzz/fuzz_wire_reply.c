/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients decode.  Property: a reply that decodes encodes to the
 * same bytes again, so that nothing in it was overlooked.
 */
#include <stdlib.h>
#include <string.h>

#include "zt/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t again[ZT_WIRE_MAX];

#define TRY(name)                                                        \
	do {                                                             \
		static struct zt_##name m;                               \
		size_t n = 0;                                            \
		if (zt_##name##_decode(data, len, &m) == ZT_OK &&        \
		    (zt_##name##_encode(&m, again, sizeof(again), &n) != \
			    ZT_OK ||                                     \
			n != len || memcmp(again, data, len) != 0))      \
			abort();                                         \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	TRY(pam_reply);
	TRY(principals_reply);
	TRY(nss_user);
	TRY(nss_group);
	TRY(nss_gids);
	TRY(nss_absent);
	TRY(ctl_reply);
	return 0;
}
