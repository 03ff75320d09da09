/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/cert.h"
#include "zt/text.h"

#include "base64.h"
#include "ca_set.h"
#include "ossl.h"

struct zt_ca_set {
	size_t n;
	struct zt_ca ca[ZT_CA_SET_MAX];
};

void
zt_ca_set_free(struct zt_ca_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++) {
		free(set->ca[i].blob);
		EVP_PKEY_free(set->ca[i].pkey);
	}
	free(set);
}

static void
ca_setp(struct zt_ca_set **setp)
{
	zt_ca_set_free(*setp);
}

/* Cut the run before the next of the bytes in stops off *rest. */
static struct zt_str
cut(struct zt_str *rest, const char *stops)
{
	struct zt_str run = { rest->p, 0 };

	while (run.len < rest->len && strchr(stops, rest->p[run.len]) == NULL)
		run.len++;
	rest->p += run.len;
	rest->len -= run.len;
	return run;
}

static void
skip_blanks(struct zt_str *rest)
{
	while (rest->len > 0 && (*rest->p == ' ' || *rest->p == '\t')) {
		rest->p++;
		rest->len--;
	}
}

/* Decode a line's key into an owned *out.  Its two names must agree. */
static enum zt_err
ca_decode(struct zt_str name, struct zt_str base64, struct zt_ca *out)
{
	zt_auto_free uint8_t *blob = NULL;
	struct zt_key key;
	size_t len;
	enum zt_err err;

	err = zt_base64_decode(base64, ZT_KEY_MAX, &blob, &len);
	if (err != ZT_OK)
		return err;
	if ((err = zt_key_parse((struct zt_bytes){ blob, len }, &key)) != ZT_OK)
		return err;
	if (!zt_str_is(name, key.type->name))
		return ZT_ERR_MALFORMED;
	/* refuses hardware keys */
	if ((err = zt_key_pkey(&key, &out->pkey)) != ZT_OK)
		return err;
	out->type = key.type;
	out->blob = zt_take(blob);
	out->blob_len = len;
	return ZT_OK;
}

/* A line that cannot be read is malformed, in whatever way. */
static enum zt_err
line_error(enum zt_err err)
{
	return err == ZT_ERR_NOMEM ? err : ZT_ERR_MALFORMED;
}

static enum zt_err
line_parse(struct zt_ca_set *set, struct zt_str line)
{
	struct zt_str name, base64;
	enum zt_err err;

	skip_blanks(&line);
	if (line.len == 0 || *line.p == '#')
		return ZT_OK;
	if (set->n == ZT_CA_SET_MAX)
		return ZT_ERR_TOOBIG;
	name = cut(&line, " \t");
	skip_blanks(&line);
	base64 = cut(&line, " \t");
	if ((err = ca_decode(name, base64, &set->ca[set->n])) != ZT_OK)
		return line_error(err);
	set->n++;
	return ZT_OK;
}

static enum zt_err
lines_parse(struct zt_ca_set *set, struct zt_str text, unsigned *line_out)
{
	enum zt_err err;

	for (unsigned n = 1; text.len > 0; n++) {
		err = line_parse(set, cut(&text, "\n"));
		if (err != ZT_OK) {
			*line_out = n;
			return err;
		}
		if (text.len > 0) { /* the line's end */
			text.p++;
			text.len--;
		}
	}
	*line_out = 0;
	return set->n > 0 ? ZT_OK : ZT_ERR_NOTFOUND;
}

enum zt_err
zt_ca_set_parse(struct zt_str text, struct zt_ca_set **out, unsigned *line_out)
{
	zt_auto(ca_setp) struct zt_ca_set *set = NULL;
	enum zt_err err;

	*line_out = 0;
	if (text.len > ZT_CA_TEXT_MAX)
		return ZT_ERR_TOOBIG;
	if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL)
		return ZT_ERR_MALFORMED;
	if ((set = calloc(1, sizeof(*set))) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = lines_parse(set, text, line_out)) != ZT_OK)
		return err;
	*out = zt_take(set);
	return ZT_OK;
}

size_t
zt_ca_set_count(const struct zt_ca_set *set)
{
	return set->n;
}

const struct zt_ca *
zt_ca_set_find(const struct zt_ca_set *set, struct zt_bytes blob)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->ca[i].blob_len == blob.len &&
		    memcmp(set->ca[i].blob, blob.p, blob.len) == 0)
			return &set->ca[i];
	return NULL;
}
