/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/auto.h"
#include "zt/json.h"

#define FIRST_TRY 4096 /* most texts fit, bytes */

enum zt_err
zt_json_print(const json_t *root, size_t max, char **text_out, size_t *len_out)
{
	char first[FIRST_TRY];
	zt_auto_free char *text = NULL;
	size_t len = json_dumpb(root, first, sizeof(first), JSON_COMPACT);

	if (len == 0)
		return ZT_ERR_NOMEM;
	if (len > max)
		return ZT_ERR_TOOBIG;
	if ((text = malloc(len + 1)) == NULL)
		return ZT_ERR_NOMEM;
	if (len <= sizeof(first))
		memcpy(text, first, len);
	else if (json_dumpb(root, text, len, JSON_COMPACT) != len)
		return ZT_ERR_NOMEM;
	text[len] = '\0';
	*text_out = zt_take(text);
	if (len_out != NULL)
		*len_out = len;
	return ZT_OK;
}
