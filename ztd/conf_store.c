/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_key.h"

static bool
number_of(const struct conf_key *key, const char *text, uint64_t *out)
{
	return key->kind == CONF_KIND_DURATION ? conf_duration(text, out)
					       : conf_number(text, out);
}

static enum zt_err
store_number(const struct conf_key *key, const char *text, void *member)
{
	uint64_t v, min, max;
	uint32_t v32;

	if (!number_of(key, text, &v) || !number_of(key, key->min, &min) ||
	    !number_of(key, key->max, &max) || v < min || v > max)
		return ZT_ERR_MALFORMED;
	v *= key->scale == 0 ? 1 : key->scale;
	v32 = (uint32_t)v;
	memcpy(member, key->size == sizeof(v) ? (void *)&v : &v32, key->size);
	return ZT_OK;
}

static enum zt_err
store_text(const struct conf_key *key, const char *text, char **member)
{
	if (!key->valid(text))
		return ZT_ERR_MALFORMED;
	return (*member = strdup(text)) == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

static enum zt_err
store_range(const struct conf_key *key, const char *text, uint32_t *members)
{
	uint64_t first, last, min, max;

	if (!conf_range(text, &first, &last) || !conf_number(key->min, &min) ||
	    !conf_number(key->max, &max) || first < min || last > max)
		return ZT_ERR_MALFORMED;
	members[0] = (uint32_t)first;
	members[1] = (uint32_t)last;
	return ZT_OK;
}

enum zt_err
conf_store(const struct conf_key *key, const char *text, void *object,
    char bad_out[CONF_LINE_MAX + 1])
{
	void *member = (char *)object + key->offset;
	bool ok = false;

	(void)snprintf(bad_out, CONF_LINE_MAX + 1, "%s", text);
	switch (key->kind) {
	case CONF_KIND_NUMBER:
	case CONF_KIND_DURATION:
		return store_number(key, text, member);
	case CONF_KIND_BOOL:
		ok = conf_choice(text, "yes", "no", member);
		break;
	case CONF_KIND_REFUSE:
		ok = conf_choice(text, "refuse", "ignore", member);
		break;
	case CONF_KIND_TEXT:
		return store_text(key, text, member);
	case CONF_KIND_LIST:
		return conf_list_append(member, text, key->valid, bad_out);
	case CONF_KIND_RANGE:
		return store_range(key, text, member);
	}
	return ok ? ZT_OK : ZT_ERR_MALFORMED;
}
