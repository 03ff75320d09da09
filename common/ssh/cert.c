/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/auto.h"
#include "zt/cert.h"

#include "base64.h"
#include "key.h"
#include "sig.h"

/* Limits in bytes; they stand in docs/PROTOCOL.certs. */
#define NONCE_MAX     1024
#define KEY_ID_MAX    1024
#define PRINCIPAL_MAX 1024
#define OPT_NAME_MAX  256
#define OPT_VALUE_MAX 8192
#define RESERVED_MAX  1024
#define TYPE_USER     1
#define TYPE_HOST     2

/* The parts of a certificate that are decoded further; borrowed. */
struct parts {
	struct zt_key key;
	struct zt_str key_id;
	struct zt_bytes principals;
	struct zt_bytes critical;
	struct zt_bytes extensions;
	struct zt_bytes ca_key;
	struct zt_bytes signature;
};

static void
options_free(struct zt_cert_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(options[i].name);
		free(options[i].value);
	}
	free(options);
}

void
zt_cert_free(struct zt_cert *cert)
{
	if (cert == NULL)
		return;
	for (size_t i = 0; i < cert->n_principals; i++)
		free(cert->principals[i]);
	free(cert->principals);
	options_free(cert->critical, cert->n_critical);
	options_free(cert->extensions, cert->n_extensions);
	free(cert->key_id);
	free(cert->ca_key);
	free(cert->signature);
	free(cert->blob);
	free(cert);
}

static void
certp(struct zt_cert **certp_)
{
	zt_cert_free(*certp_);
}

static enum zt_err
bytes_dup(struct zt_bytes run, uint8_t **out, size_t *len_out)
{
	uint8_t *copy = malloc(run.len + 1);

	if (copy == NULL)
		return ZT_ERR_NOMEM;
	memcpy(copy, run.p, run.len);
	*out = copy;
	*len_out = run.len;
	return ZT_OK;
}

/*
 * Read the fields in their order.  Source: PROTOCOL.certkeys, which has
 * readers ignore the reserved field.
 */
static enum zt_err
parts_read(struct zt_cert *cert, struct parts *out)
{
	const struct zt_key_type *type;
	struct zt_str name;
	struct zt_rd rd;

	zt_rd_init(&rd, cert->blob, cert->blob_len);
	name = zt_rd_str32(&rd, ZT_KEY_NAME_MAX);
	if (rd.err != ZT_OK)
		return rd.err;
	if ((type = zt_key_type_cert(name)) == NULL)
		return ZT_ERR_MALFORMED;
	(void)zt_rd_bytes32(&rd, NONCE_MAX);
	zt_key_rd(&rd, type, &out->key);
	cert->serial = zt_rd_u64(&rd);
	cert->type = zt_rd_u32(&rd);
	out->key_id = zt_rd_str32(&rd, KEY_ID_MAX);
	out->principals = zt_rd_bytes32(&rd, ZT_CERT_MAX);
	cert->valid_after = zt_rd_u64(&rd);
	cert->valid_before = zt_rd_u64(&rd);
	out->critical = zt_rd_bytes32(&rd, ZT_CERT_MAX);
	out->extensions = zt_rd_bytes32(&rd, ZT_CERT_MAX);
	(void)zt_rd_bytes32(&rd, RESERVED_MAX);
	out->ca_key = zt_rd_bytes32(&rd, ZT_KEY_MAX);
	cert->signed_len = (size_t)(rd.p - cert->blob);
	out->signature = zt_rd_bytes32(&rd, ZT_SIG_MAX);
	return zt_rd_end(&rd);
}

static enum zt_err
principals_decode(struct zt_bytes list, struct zt_cert *cert)
{
	struct zt_str name;
	struct zt_rd rd;
	char *copy;

	cert->principals = calloc(ZT_CERT_PRINCIPALS_MAX, sizeof(char *));
	if (cert->principals == NULL)
		return ZT_ERR_NOMEM;
	zt_rd_init(&rd, list.p, list.len);
	while (zt_rd_left(&rd) > 0) {
		name = zt_rd_str32(&rd, PRINCIPAL_MAX);
		if (rd.err != ZT_OK)
			break;
		if (cert->n_principals == ZT_CERT_PRINCIPALS_MAX)
			return ZT_ERR_TOOBIG;
		if ((copy = strndup(name.p, name.len)) == NULL)
			return ZT_ERR_NOMEM;
		cert->principals[cert->n_principals++] = copy;
	}
	return zt_rd_end(&rd);
}

/* An option's data is nothing (a flag) or exactly one string. */
static enum zt_err
option_decode(struct zt_str name, struct zt_bytes data,
    struct zt_cert_option *out)
{
	zt_auto_free char *name_copy = NULL;
	zt_auto_free char *value_copy = NULL;
	struct zt_str value = { "", 0 };
	struct zt_rd rd;
	enum zt_err err;

	zt_rd_init(&rd, data.p, data.len);
	if (data.len > 0)
		value = zt_rd_str32(&rd, OPT_VALUE_MAX);
	if ((err = zt_rd_end(&rd)) != ZT_OK)
		return err;
	if ((name_copy = strndup(name.p, name.len)) == NULL ||
	    (value_copy = strndup(value.p, value.len)) == NULL)
		return ZT_ERR_NOMEM;
	out->name = zt_take(name_copy);
	out->value = zt_take(value_copy);
	out->flag = data.len == 0;
	return ZT_OK;
}

static enum zt_err
options_decode(struct zt_bytes list, struct zt_cert_option **options, size_t *n)
{
	struct zt_bytes data;
	struct zt_str name;
	struct zt_rd rd;
	enum zt_err err;

	*options = calloc(ZT_CERT_OPTIONS_MAX, sizeof(**options));
	if (*options == NULL)
		return ZT_ERR_NOMEM;
	zt_rd_init(&rd, list.p, list.len);
	while (zt_rd_left(&rd) > 0) {
		name = zt_rd_str32(&rd, OPT_NAME_MAX);
		data = zt_rd_bytes32(&rd, OPT_VALUE_MAX + 4);
		if (rd.err != ZT_OK)
			break;
		if (*n == ZT_CERT_OPTIONS_MAX)
			return ZT_ERR_TOOBIG;
		err = option_decode(name, data, &(*options)[*n]);
		if (err != ZT_OK)
			return err;
		(*n)++;
	}
	return zt_rd_end(&rd);
}

/* The CA's key must be a plain key: certificates do not chain. */
static enum zt_err
ca_decode(const struct parts *parts, struct zt_cert *cert)
{
	struct zt_key ca;
	struct zt_sig sig;
	enum zt_err err;

	if ((err = zt_key_parse(parts->ca_key, &ca)) != ZT_OK)
		return err;
	if ((err = zt_sig_parse(parts->signature, ca.type, &sig)) != ZT_OK)
		return err;
	if ((err = zt_key_fingerprint(&ca, cert->ca_fingerprint)) != ZT_OK)
		return err;
	err = bytes_dup(parts->ca_key, &cert->ca_key, &cert->ca_key_len);
	if (err != ZT_OK)
		return err;
	return bytes_dup(parts->signature, &cert->signature,
	    &cert->signature_len);
}

static enum zt_err
subject_decode(const struct parts *parts, struct zt_cert *cert)
{
	cert->key_type = parts->key.type->name;
	cert->hardware_key = parts->key.type->hardware;
	cert->key_id = strndup(parts->key_id.p, parts->key_id.len);
	if (cert->key_id == NULL)
		return ZT_ERR_NOMEM;
	return zt_key_fingerprint(&parts->key, cert->fingerprint);
}

static enum zt_err
cert_decode(struct zt_cert *cert)
{
	struct parts parts;
	enum zt_err err;

	if ((err = parts_read(cert, &parts)) != ZT_OK)
		return err;
	if (cert->type != TYPE_USER && cert->type != TYPE_HOST)
		return ZT_ERR_MALFORMED;
	if ((err = subject_decode(&parts, cert)) != ZT_OK)
		return err;
	if ((err = principals_decode(parts.principals, cert)) != ZT_OK)
		return err;
	err =
	    options_decode(parts.critical, &cert->critical, &cert->n_critical);
	if (err != ZT_OK)
		return err;
	err = options_decode(parts.extensions, &cert->extensions,
	    &cert->n_extensions);
	if (err != ZT_OK)
		return err;
	return ca_decode(&parts, cert);
}

enum zt_err
zt_cert_parse(const void *blob, size_t len, struct zt_cert **out)
{
	zt_auto(certp) struct zt_cert *cert = NULL;
	struct zt_bytes run = { blob, len };
	enum zt_err err;

	if (len > ZT_CERT_MAX)
		return ZT_ERR_TOOBIG;
	if (len == 0)
		return ZT_ERR_TRUNCATED;
	if ((cert = calloc(1, sizeof(*cert))) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = bytes_dup(run, &cert->blob, &cert->blob_len)) != ZT_OK)
		return err;
	if ((err = cert_decode(cert)) != ZT_OK)
		return err;
	*out = zt_take(cert);
	return ZT_OK;
}

enum zt_err
zt_cert_parse_base64(struct zt_str text, struct zt_cert **out)
{
	zt_auto_free uint8_t *blob = NULL;
	size_t len;
	enum zt_err err;

	err = zt_base64_decode(text, ZT_CERT_MAX, &blob, &len);
	if (err != ZT_OK)
		return err;
	return zt_cert_parse(blob, len, out);
}

const char *
zt_cert_critical(const struct zt_cert *cert, const char *name)
{
	for (size_t i = 0; i < cert->n_critical; i++)
		if (strcmp(cert->critical[i].name, name) == 0)
			return cert->critical[i].value;
	return NULL;
}
