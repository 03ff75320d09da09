/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "../../ztd/varlink.h"

#define CHECK(what) ((what) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read as a call is read again from what it is printed as, and how
 * much of a stream was looked at before tells nothing about its messages. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct varlink_call call, again;
	size_t len, len2;

	while (size > 0 && varlink_frame(p, size, 0, &len) == ZT_OK) {
		CHECK(len < size && len < VARLINK_CALL_MAX && p[len] == '\0');
		CHECK(varlink_frame(p, size, len / 2, &len2) == ZT_OK);
		CHECK(len2 == len && memchr(p, 0, len) == NULL);
		if (varlink_call_parse((struct zt_str){ p, len }, &call) ==
		    ZT_OK) {
			char *text = json_dumps(call.root, JSON_COMPACT);
			struct zt_str s = { text, strlen(text) };

			CHECK(varlink_call_parse(s, &again) == ZT_OK);
			CHECK(json_equal(call.root, again.root));
			CHECK(again.more == call.more);
			CHECK(!call.more || !call.oneway);
			CHECK(strlen(call.method) <= VARLINK_METHOD_MAX);
			varlink_call_clear(&again);
			varlink_call_clear(&call);
			free(text);
		}
		p += len + 1;
		size -= len + 1;
	}
	return 0;
}
