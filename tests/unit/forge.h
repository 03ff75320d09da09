/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_TEST_FORGE_H
#define ZT_TEST_FORGE_H

/*
 * Makes certificates field by field, properly signed by a CA of our own, so
 * that a test can put one defect into one place and nothing else fails.
 * Includes cmocka.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/cert.h"
#include "zt/text.h"

#define NOW 1700000000u

struct buf {
	size_t len;
	uint8_t p[16384];
};

static inline void
put(struct buf *b, const void *p, size_t len)
{
	assert_true(len <= sizeof(b->p) - b->len);
	if (len > 0)
		memcpy(b->p + b->len, p, len);
	b->len += len;
}

static inline void
put_u8(struct buf *b, uint8_t v)
{
	put(b, &v, 1);
}

static inline void
put_u32(struct buf *b, uint32_t v)
{
	for (int i = 24; i >= 0; i -= 8)
		put_u8(b, (uint8_t)(v >> i));
}

static inline void
put_u64(struct buf *b, uint64_t v)
{
	put_u32(b, (uint32_t)(v >> 32));
	put_u32(b, (uint32_t)v);
}

static inline void
put_run(struct buf *b, const void *p, size_t len)
{
	put_u32(b, (uint32_t)len);
	put(b, p, len);
}

static inline void
put_text(struct buf *b, const char *s)
{
	put_run(b, s, strlen(s));
}

static inline void
put_buf(struct buf *b, const struct buf *inner)
{
	put_run(b, inner->p, inner->len);
}

static inline void
put_mpint(struct buf *b, const BIGNUM *n)
{
	uint8_t mag[2049] = { 0 };
	int len = BN_bn2bin(n, mag + 1);
	int sign = len > 0 && (mag[1] & 0x80) != 0 ? 1 : 0;

	put_run(b, mag + 1 - sign, (size_t)(len + sign));
}

/* Append name and data of an option; value NULL makes a flag. */
static inline void
put_option(struct buf *b, const char *name, const char *value)
{
	static struct buf data;

	data.len = 0;
	if (value != NULL)
		put_text(&data, value);
	put_text(b, name);
	put_buf(b, &data);
}

/* Append "type base64\n" to text. */
static inline void
put_line(struct buf *text, const char *type, const struct buf *blob)
{
	static uint8_t base64[24576];
	int n = EVP_EncodeBlock(base64, blob->p, (int)blob->len);

	put(text, type, strlen(type));
	put(text, " ", 1);
	put(text, base64, (size_t)n);
	put(text, "\n", 1);
}

/* A key pair and its encoded public half. */
struct keypair {
	const char *name;
	EVP_PKEY *pkey;
	struct buf blob;
	struct buf body; /* blob without the name */
};

static inline void
put_param_mpint(struct buf *b, const EVP_PKEY *pkey, const char *param)
{
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, param, &n), 1);
	put_mpint(b, n);
	BN_free(n);
}

static inline void
put_point(struct buf *b, const EVP_PKEY *pkey)
{
	uint8_t point[133];
	size_t len;

	assert_int_equal(EVP_PKEY_get_octet_string_param(pkey,
			     OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
			     &len),
	    1);
	put_run(b, point, len);
}

static inline void
put_public(struct buf *b, const EVP_PKEY *pkey, const char *name)
{
	uint8_t raw[32];
	size_t len = sizeof(raw);

	if (strcmp(name, "ssh-ed25519") == 0) {
		assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, raw, &len),
		    1);
		put_run(b, raw, len);
	} else if (strcmp(name, "ssh-rsa") == 0) {
		put_param_mpint(b, pkey, OSSL_PKEY_PARAM_RSA_E);
		put_param_mpint(b, pkey, OSSL_PKEY_PARAM_RSA_N);
	} else {
		put_text(b, name + strlen("ecdsa-sha2-"));
		put_point(b, pkey);
	}
}

static inline void
keypair_init(struct keypair *k, const char *name, unsigned rsa_bits)
{
	memset(k, 0, sizeof(*k));
	k->name = name;
	if (strcmp(name, "ssh-ed25519") == 0)
		k->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (strcmp(name, "ssh-rsa") == 0)
		k->pkey = EVP_RSA_gen(rsa_bits);
	else if (strstr(name, "p256") != NULL)
		k->pkey = EVP_EC_gen("P-256");
	else
		k->pkey = EVP_EC_gen(strstr(name, "p384") != NULL ? "P-384"
								  : "P-521");
	assert_non_null(k->pkey);
	put_public(&k->body, k->pkey, name);
	put_text(&k->blob, name);
	put(&k->blob, k->body.p, k->body.len);
}

static inline void
keypair_clear(struct keypair *k)
{
	EVP_PKEY_free(k->pkey);
	k->pkey = NULL;
}

/* A certificate to be. */
struct forge {
	const char *name; /* of the certificate's type */
	struct buf nonce;
	struct buf body; /* the subject key's fields */
	uint64_t serial;
	uint32_t type;
	struct buf key_id;
	struct buf principals;
	uint64_t after;
	uint64_t before;
	struct buf critical;
	struct buf extensions;
	struct buf reserved;
	struct buf ca_blob;
	const struct keypair *ca;    /* who signs */
	const char *algorithm;       /* the signature's; NULL: the key's */
	const char *digest;          /* RSA: by which it signs */
	void (*spoil)(struct buf *); /* changes the signature's value */
	struct buf sig_tail;         /* after the value, in the signature */
	struct buf tail;             /* after the signature */
};

static inline void
forge_init(struct forge *f, const struct keypair *ca)
{
	memset(f, 0, sizeof(*f));
	f->name = "ssh-ed25519-cert-v01@openssh.com";
	put(&f->nonce, "0123456789abcdef0123456789abcdef", 32);
	put_run(&f->body, "a key that nobody has, 32 bytes.", 32);
	f->serial = 4711;
	f->type = 1;
	put(&f->key_id, "alice@example.com", 17);
	put_text(&f->principals, "alice");
	put_text(&f->principals, "ops");
	f->after = NOW - 60;
	f->before = NOW + 3600;
	put_option(&f->extensions, "permit-pty", NULL);
	f->ca = ca;
	f->ca_blob = ca->blob;
}

static inline void
value_from_der(struct buf *value, const uint8_t *der, size_t len)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

	assert_non_null(sig);
	put_mpint(value, ECDSA_SIG_get0_r(sig));
	put_mpint(value, ECDSA_SIG_get0_s(sig));
	ECDSA_SIG_free(sig);
}

static inline const char *
forge_digest(const struct forge *f)
{
	if (strcmp(f->ca->name, "ssh-ed25519") == 0)
		return NULL;
	if (strcmp(f->ca->name, "ssh-rsa") == 0)
		return f->digest != NULL ? f->digest : "SHA512";
	return strstr(f->ca->name, "p256") != NULL ? "SHA256"
	    : strstr(f->ca->name, "p384") != NULL  ? "SHA384"
						   : "SHA512";
}

static inline void
forge_sign(const struct forge *f, const struct buf *data, struct buf *value)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[2048];
	size_t len = sizeof(raw);

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, forge_digest(f), NULL,
			     NULL, f->ca->pkey, NULL),
	    1);
	assert_int_equal(EVP_DigestSign(ctx, raw, &len, data->p, data->len), 1);
	EVP_MD_CTX_free(ctx);
	if (strncmp(f->ca->name, "ecdsa", 5) == 0)
		value_from_der(value, raw, len);
	else
		put(value, raw, len);
}

static inline void
forge_build(const struct forge *f, struct buf *out)
{
	static struct buf value, sig;

	value.len = sig.len = out->len = 0;
	put_text(out, f->name);
	put_buf(out, &f->nonce);
	put(out, f->body.p, f->body.len);
	put_u64(out, f->serial);
	put_u32(out, f->type);
	put_buf(out, &f->key_id);
	put_buf(out, &f->principals);
	put_u64(out, f->after);
	put_u64(out, f->before);
	put_buf(out, &f->critical);
	put_buf(out, &f->extensions);
	put_buf(out, &f->reserved);
	put_buf(out, &f->ca_blob);
	forge_sign(f, out, &value);
	if (f->spoil != NULL)
		f->spoil(&value);
	put_text(&sig,
	    f->algorithm != NULL                      ? f->algorithm
		: strcmp(f->ca->name, "ssh-rsa") == 0 ? "rsa-sha2-512"
						      : f->ca->name);
	put_buf(&sig, &value);
	put(&sig, f->sig_tail.p, f->sig_tail.len);
	put_buf(out, &sig);
	put(out, f->tail.p, f->tail.len);
}

/* A CA set of these keys; free with zt_ca_set_free(). */
static inline struct zt_ca_set *
ca_set_of(const struct keypair *keys, size_t n)
{
	static struct buf text;
	struct zt_ca_set *set = NULL;
	unsigned line;

	text.len = 0;
	for (size_t i = 0; i < n; i++)
		put_line(&text, keys[i].name, &keys[i].blob);
	assert_int_equal(zt_ca_set_parse((struct zt_str){ (const char *)text.p,
					     text.len },
			     &set, &line),
	    ZT_OK);
	return set;
}

/* Parse and check; what does not parse is ZT_REASON_CREDENTIAL_MALFORMED. */
static inline enum zt_reason
judge(const struct buf *blob, const struct zt_cert_policy *policy)
{
	struct zt_cert *cert = NULL;
	enum zt_reason reason;

	if (zt_cert_parse(blob->p, blob->len, &cert) != ZT_OK) {
		assert_null(cert);
		return ZT_REASON_CREDENTIAL_MALFORMED;
	}
	reason = zt_cert_check(cert, policy, NOW);
	zt_cert_free(cert);
	return reason;
}

#endif /* ZT_TEST_FORGE_H */
