/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/text.h"

#include "mpint.h"
#include "ossl.h"
#include "sig.h"

#define ECDSA_INT_MAX 66  /* r or s on nistp521, bytes */
#define ECDSA_DER_MAX 144 /* two of those, their headers, the sequence's */

enum zt_err
zt_sig_parse(struct zt_bytes blob, const struct zt_key_type *type,
    struct zt_sig *out)
{
	struct zt_sig sig;
	struct zt_rd rd;
	enum zt_err err;

	zt_rd_init(&rd, blob.p, blob.len);
	sig.algorithm = zt_rd_str32(&rd, ZT_KEY_NAME_MAX);
	sig.value = zt_rd_bytes32(&rd, ZT_SIG_MAX);
	if (type->hardware) {
		(void)zt_rd_u8(&rd);  /* flags */
		(void)zt_rd_u32(&rd); /* counter */
	}
	if ((err = zt_rd_end(&rd)) != ZT_OK)
		return err;
	*out = sig;
	return ZT_OK;
}

/*
 * The digest with which a key of this type signs by this algorithm: *out is
 * NULL where the algorithm digests by itself.  False if it is not allowed.
 */
static bool
algorithm_digest(const struct zt_key_type *type, struct zt_str algorithm,
    const EVP_MD **out)
{
	const EVP_MD *md = NULL;

	switch (type->kind) {
	case ZT_KEY_ED25519:
		break;
	case ZT_KEY_ECDSA:
		md = type->digest();
		break;
	case ZT_KEY_RSA:
		if (zt_str_is(algorithm, "rsa-sha2-256"))
			*out = EVP_sha256();
		else if (zt_str_is(algorithm, "rsa-sha2-512"))
			*out = EVP_sha512();
		else
			return false;
		return true;
	}
	*out = md;
	return !type->hardware && zt_str_is(algorithm, type->name);
}

static enum zt_err
verify(EVP_PKEY *pkey, const EVP_MD *md, struct zt_bytes value,
    struct zt_bytes data)
{
	zt_auto(zt_md_ctxp) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, md, NULL, pkey) != 1)
		return ZT_ERR_NOMEM;
	if (EVP_DigestVerify(ctx, value.p, value.len, data.p, data.len) != 1)
		return ZT_ERR_DENIED;
	return ZT_OK;
}

/* Make OpenSSL's form (DER) of an ECDSA signature from its integers. */
static enum zt_err
ecdsa_to_der(struct zt_bytes r, struct zt_bytes s, uint8_t der[ECDSA_DER_MAX],
    size_t *len_out)
{
	zt_auto(zt_ecdsa_sigp) ECDSA_SIG *sig = ECDSA_SIG_new();
	zt_auto(zt_bnp) BIGNUM *bn_r = BN_bin2bn(r.p, (int)r.len, NULL);
	zt_auto(zt_bnp) BIGNUM *bn_s = BN_bin2bn(s.p, (int)s.len, NULL);
	int len;

	if (sig == NULL || bn_r == NULL || bn_s == NULL ||
	    ECDSA_SIG_set0(sig, bn_r, bn_s) != 1)
		return ZT_ERR_NOMEM;
	bn_r = NULL; /* sig's now */
	bn_s = NULL;
	len = i2d_ECDSA_SIG(sig, NULL);
	if (len <= 0 || len > ECDSA_DER_MAX)
		return ZT_ERR_NOMEM;
	*len_out = (size_t)i2d_ECDSA_SIG(sig, &der);
	return ZT_OK;
}

static enum zt_err
ecdsa_verify(EVP_PKEY *pkey, const EVP_MD *md, struct zt_bytes value,
    struct zt_bytes data)
{
	struct zt_bytes r, s, der;
	uint8_t buf[ECDSA_DER_MAX];
	struct zt_rd rd;
	enum zt_err err;

	zt_rd_init(&rd, value.p, value.len);
	r = zt_mpint_rd(&rd, ECDSA_INT_MAX);
	s = zt_mpint_rd(&rd, ECDSA_INT_MAX);
	if ((err = zt_rd_end(&rd)) != ZT_OK)
		return err;
	der.p = buf;
	if ((err = ecdsa_to_der(r, s, buf, &der.len)) != ZT_OK)
		return err;
	return verify(pkey, md, der, data);
}

/*
 * OpenSSL refuses an Ed25519 signature that is not 64 bytes, and an RSA
 * signature that is not as long as the modulus (RFC 8017 s8.2.2); OpenSSH
 * pads shorter ones with zeros.
 */
enum zt_err
zt_sig_verify(const struct zt_key_type *type, EVP_PKEY *pkey,
    struct zt_bytes blob, struct zt_bytes data)
{
	zt_auto_err_queue;
	const EVP_MD *md;
	struct zt_sig sig;
	enum zt_err err;

	if ((err = zt_sig_parse(blob, type, &sig)) != ZT_OK)
		return err;
	if (!algorithm_digest(type, sig.algorithm, &md))
		return ZT_ERR_DENIED;
	if (type->kind == ZT_KEY_ECDSA)
		return ecdsa_verify(pkey, md, sig.value, data);
	return verify(pkey, md, sig.value, data);
}
