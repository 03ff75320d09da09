/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "authinfo.h"
#include "zt/text.h"

#define CERT_SUFFIX "-cert-v01@openssh.com"

/* Cut the text before the first sep off *rest; the rest follows it. */
static struct zt_str
cut(struct zt_str *rest, char sep)
{
	const char *end =
	    rest->len == 0 ? NULL : memchr(rest->p, sep, rest->len);
	struct zt_str word = *rest;

	if (end == NULL) {
		*rest = zt_str(NULL);
		return word;
	}
	word.len = (size_t)(end - rest->p);
	rest->p = end + 1;
	rest->len -= word.len + 1;
	return word;
}

static bool
is_cert_type(struct zt_str type)
{
	const size_t len = strlen(CERT_SUFFIX);

	return type.len > len &&
	    memcmp(type.p + type.len - len, CERT_SUFFIX, len) == 0;
}

static bool
is_same(struct zt_str base64, const struct zt_cert *cert)
{
	struct zt_cert *other;
	bool same;

	if (zt_cert_parse_base64(base64, &other) != ZT_OK)
		return false;
	same = other->blob_len == cert->blob_len &&
	    memcmp(other->blob, cert->blob, cert->blob_len) == 0;
	zt_cert_free(other);
	return same;
}

bool
authinfo_matches(struct zt_str auth_info, const struct zt_cert *cert)
{
	bool any_cert = false;

	while (auth_info.len > 0) {
		struct zt_str line = cut(&auth_info, '\n');
		struct zt_str method = cut(&line, ' ');
		struct zt_str type = cut(&line, ' ');

		if (!zt_str_is(method, "publickey") || !is_cert_type(type))
			continue;
		any_cert = true;
		if (cert != NULL && is_same(cut(&line, ' '), cert))
			return true;
	}
	return cert == NULL && !any_cert;
}
