/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdint.h>

#include "zt/decision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_clean(const char *text, size_t max)
{
	for (size_t i = 0; text != NULL && text[i] != '\0'; i++)
		if (i >= max || (unsigned char)text[i] < 0x20)
			return false;
	return true;
}

/* A permit is what jansson alone reads as one, and its texts are clean. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	struct zt_answer a = { 0 };
	json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
	bool yes = json_is_true(json_object_get(root, "decision"));

	if (zt_authzen_answer(200, body, size, "id", NULL, &a) != ZT_OK)
		__builtin_trap();
	if ((a.kind == ZT_ANSWER_PERMIT && (!yes || size > ZT_ANSWER_MAX)) ||
	    (a.kind == ZT_ANSWER_DENY && root == NULL) ||
	    (a.kind != ZT_ANSWER_PERMIT && a.notice != NULL) ||
	    !is_clean(a.reason_user, ZT_ANSWER_REASON_MAX) ||
	    !is_clean(a.reason_admin, ZT_ANSWER_REASON_MAX) ||
	    !is_clean(a.notice, ZT_ANSWER_NOTICE_MAX) ||
	    !is_clean(a.policy, ZT_ANSWER_POLICY_MAX))
		__builtin_trap();
	zt_answer_clear(&a);
	json_decref(root);
	return 0;
}
