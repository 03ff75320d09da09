/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <string.h>

#include "zt/text.h"

#include "key.h"
#include "mpint.h"
#include "ossl.h"

#define FINGERPRINT_PREFIX     "SHA256:"
#define FINGERPRINT_PREFIX_LEN (sizeof(FINGERPRINT_PREFIX) - 1)
#define POINT_UNCOMPRESSED     0x04 /* SEC 1 s2.3.3 */

static const struct zt_key_type key_types[] = {
	{ .name = "ssh-ed25519",
	    .cert_name = "ssh-ed25519-cert-v01@openssh.com",
	    .kind = ZT_KEY_ED25519 },
	{ .name = "ecdsa-sha2-nistp256",
	    .cert_name = "ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    .kind = ZT_KEY_ECDSA,
	    .curve = "nistp256",
	    .nid = NID_X9_62_prime256v1,
	    .point_len = 1 + 2 * 32,
	    .digest = EVP_sha256 },
	{ .name = "ecdsa-sha2-nistp384",
	    .cert_name = "ecdsa-sha2-nistp384-cert-v01@openssh.com",
	    .kind = ZT_KEY_ECDSA,
	    .curve = "nistp384",
	    .nid = NID_secp384r1,
	    .point_len = 1 + 2 * 48,
	    .digest = EVP_sha384 },
	{ .name = "ecdsa-sha2-nistp521",
	    .cert_name = "ecdsa-sha2-nistp521-cert-v01@openssh.com",
	    .kind = ZT_KEY_ECDSA,
	    .curve = "nistp521",
	    .nid = NID_secp521r1,
	    .point_len = 1 + 2 * 66,
	    .digest = EVP_sha512 },
	{ .name = "ssh-rsa",
	    .cert_name = "ssh-rsa-cert-v01@openssh.com",
	    .kind = ZT_KEY_RSA },
	{ .name = "sk-ssh-ed25519@openssh.com",
	    .cert_name = "sk-ssh-ed25519-cert-v01@openssh.com",
	    .kind = ZT_KEY_ED25519,
	    .hardware = true },
	{ .name = "sk-ecdsa-sha2-nistp256@openssh.com",
	    .cert_name = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    .kind = ZT_KEY_ECDSA,
	    .hardware = true,
	    .curve = "nistp256",
	    .nid = NID_X9_62_prime256v1,
	    .point_len = 1 + 2 * 32,
	    .digest = EVP_sha256 },
};

#define N_KEY_TYPES (sizeof(key_types) / sizeof(key_types[0]))

const struct zt_key_type *
zt_key_type_plain(struct zt_str name)
{
	for (size_t i = 0; i < N_KEY_TYPES; i++)
		if (zt_str_is(name, key_types[i].name))
			return &key_types[i];
	return NULL;
}

const struct zt_key_type *
zt_key_type_cert(struct zt_str name)
{
	for (size_t i = 0; i < N_KEY_TYPES; i++)
		if (zt_str_is(name, key_types[i].cert_name))
			return &key_types[i];
	return NULL;
}

/* Decoding checks that the point is on the curve; all have cofactor 1. */
static enum zt_err
point_check(int nid, struct zt_bytes point)
{
	zt_auto_err_queue;
	zt_auto(zt_ec_groupp) EC_GROUP *group = NULL;
	zt_auto(zt_ec_pointp) EC_POINT *q = NULL;

	if ((group = EC_GROUP_new_by_curve_name(nid)) == NULL ||
	    (q = EC_POINT_new(group)) == NULL)
		return ZT_ERR_NOMEM;
	if (EC_POINT_oct2point(group, q, point.p, point.len, NULL) != 1)
		return ZT_ERR_MALFORMED;
	return ZT_OK;
}

static void
ecdsa_rd(struct zt_rd *rd, const struct zt_key_type *type, struct zt_key *out)
{
	struct zt_str curve = zt_rd_str32(rd, ZT_KEY_NAME_MAX);
	enum zt_err err;

	out->point = zt_rd_bytes32(rd, type->point_len);
	if (rd->err != ZT_OK)
		return;
	if (!zt_str_is(curve, type->curve) ||
	    out->point.len != type->point_len ||
	    out->point.p[0] != POINT_UNCOMPRESSED)
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
	else if ((err = point_check(type->nid, out->point)) != ZT_OK)
		zt_rd_fail(rd, err);
}

static void
ed25519_rd(struct zt_rd *rd, struct zt_key *out)
{
	out->point = zt_rd_bytes32(rd, ZT_KEY_ED25519_LEN);
	if (out->point.len != ZT_KEY_ED25519_LEN)
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
}

/* Number of bits of a magnitude without leading zeros. */
static size_t
bit_length(struct zt_bytes mag)
{
	size_t bits = 8 * mag.len;

	for (uint8_t top = mag.p[0]; (top & 0x80) == 0;
	     top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

/*
 * Exponents of 1 or even ones make no RSA key; OpenSSL refuses exponents over
 * 64 bits for large moduli, because they cost much.
 */
static void
rsa_rd(struct zt_rd *rd, struct zt_key *out)
{
	out->e = zt_mpint_rd(rd, ZT_KEY_RSA_EXP_MAX);
	out->n = zt_mpint_rd(rd, ZT_KEY_RSA_MAX);
	if (rd->err != ZT_OK)
		return;
	if (bit_length(out->n) < ZT_KEY_RSA_BITS || bit_length(out->e) < 2 ||
	    (out->e.p[out->e.len - 1] & 1) == 0 ||
	    (out->n.p[out->n.len - 1] & 1) == 0)
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
}

void
zt_key_rd(struct zt_rd *rd, const struct zt_key_type *type, struct zt_key *out)
{
	const uint8_t *start = rd->p;

	*out = (struct zt_key){ .type = type };
	switch (type->kind) {
	case ZT_KEY_ED25519:
		ed25519_rd(rd, out);
		break;
	case ZT_KEY_ECDSA:
		ecdsa_rd(rd, type, out);
		break;
	case ZT_KEY_RSA:
		rsa_rd(rd, out);
		break;
	}
	if (type->hardware && zt_rd_str32(rd, ZT_KEY_APP_MAX).len == 0)
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
	out->body = (struct zt_bytes){ start, (size_t)(rd->p - start) };
}

enum zt_err
zt_key_parse(struct zt_bytes blob, struct zt_key *out)
{
	const struct zt_key_type *type;
	struct zt_key key;
	struct zt_str name;
	struct zt_rd rd;
	enum zt_err err;

	if (blob.len > ZT_KEY_MAX)
		return ZT_ERR_TOOBIG;
	zt_rd_init(&rd, blob.p, blob.len);
	name = zt_rd_str32(&rd, ZT_KEY_NAME_MAX);
	if (rd.err != ZT_OK)
		return rd.err;
	if ((type = zt_key_type_plain(name)) == NULL)
		return ZT_ERR_MALFORMED;
	zt_key_rd(&rd, type, &key);
	if ((err = zt_rd_end(&rd)) != ZT_OK)
		return err;
	*out = key;
	return ZT_OK;
}

static enum zt_err
pkey_from_params(const char *algorithm, OSSL_PARAM *params, EVP_PKEY **out)
{
	zt_auto(zt_pkey_ctxp) EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;

	ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1)
		return ZT_ERR_NOMEM;
	if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return ZT_ERR_MALFORMED;
	*out = pkey;
	return ZT_OK;
}

static enum zt_err
rsa_pkey(const struct zt_key *key, EVP_PKEY **out)
{
	zt_auto(zt_bnp) BIGNUM *e = NULL;
	zt_auto(zt_bnp) BIGNUM *n = NULL;
	zt_auto(zt_param_bldp) OSSL_PARAM_BLD *bld = NULL;
	zt_auto(zt_paramp) OSSL_PARAM *params = NULL;

	if ((e = BN_bin2bn(key->e.p, (int)key->e.len, NULL)) == NULL ||
	    (n = BN_bin2bn(key->n.p, (int)key->n.len, NULL)) == NULL ||
	    (bld = OSSL_PARAM_BLD_new()) == NULL ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    (params = OSSL_PARAM_BLD_to_param(bld)) == NULL)
		return ZT_ERR_NOMEM;
	return pkey_from_params("RSA", params, out);
}

static enum zt_err
ecdsa_pkey(const struct zt_key *key, EVP_PKEY **out)
{
	zt_auto(zt_param_bldp) OSSL_PARAM_BLD *bld = NULL;
	zt_auto(zt_paramp) OSSL_PARAM *params = NULL;
	const char *group = OBJ_nid2sn(key->type->nid);

	if ((bld = OSSL_PARAM_BLD_new()) == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
		group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
		key->point.p, key->point.len) != 1 ||
	    (params = OSSL_PARAM_BLD_to_param(bld)) == NULL)
		return ZT_ERR_NOMEM;
	return pkey_from_params("EC", params, out);
}

static enum zt_err
ed25519_pkey(const struct zt_key *key, EVP_PKEY **out)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	    key->point.p, key->point.len);

	if (pkey == NULL)
		return ZT_ERR_NOMEM;
	*out = pkey;
	return ZT_OK;
}

enum zt_err
zt_key_pkey(const struct zt_key *key, EVP_PKEY **out)
{
	zt_auto_err_queue;

	if (key->type->hardware)
		return ZT_ERR_INVAL;
	switch (key->type->kind) {
	case ZT_KEY_ED25519:
		return ed25519_pkey(key, out);
	case ZT_KEY_ECDSA:
		return ecdsa_pkey(key, out);
	case ZT_KEY_RSA:
		return rsa_pkey(key, out);
	}
	return ZT_ERR_INVAL;
}

/* SHA-256 of the plain key's encoding, which a certificate holds in parts. */
static enum zt_err
key_digest(const struct zt_key *key, uint8_t out[SHA256_DIGEST_LENGTH])
{
	zt_auto_err_queue;
	zt_auto(zt_md_ctxp) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = strlen(key->type->name);
	const uint8_t prefix[4] = { 0, 0, 0, (uint8_t)len };

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, prefix, sizeof(prefix)) != 1 ||
	    EVP_DigestUpdate(ctx, key->type->name, len) != 1 ||
	    EVP_DigestUpdate(ctx, key->body.p, key->body.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		return ZT_ERR_NOMEM;
	return ZT_OK;
}

enum zt_err
zt_key_fingerprint(const struct zt_key *key, char out[ZT_FINGERPRINT_LEN + 1])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint8_t base64[ZT_FINGERPRINT_LEN];
	enum zt_err err;

	_Static_assert((SHA256_DIGEST_LENGTH + 2) / 3 * 4 < sizeof(base64),
	    "base64 and its NUL fit");
	if ((err = key_digest(key, digest)) != ZT_OK)
		return err;
	(void)EVP_EncodeBlock(base64, digest, sizeof(digest));
	memcpy(out, FINGERPRINT_PREFIX, FINGERPRINT_PREFIX_LEN);
	memcpy(out + FINGERPRINT_PREFIX_LEN, base64,
	    ZT_FINGERPRINT_LEN - FINGERPRINT_PREFIX_LEN);
	out[ZT_FINGERPRINT_LEN] = '\0';
	return ZT_OK;
}
