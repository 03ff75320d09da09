/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/sshsig.h"
#include "zt/text.h"
#include "zt/wr.h"

#include "base64.h"
#include "ca_set.h"
#include "ossl.h"
#include "sig.h"

#define ARMOR_BEGIN "-----BEGIN SSH SIGNATURE-----\n"
#define ARMOR_END   "-----END SSH SIGNATURE-----"
#define MAGIC       "SSHSIG"
#define MAGIC_LEN   (sizeof(MAGIC) - 1)
#define VERSION     1
#define HASH_MAX    16 /* name of a hash, bytes */
#define COVERED_MAX 512

static const char not_one[] = "the signature is not exactly one SSH signature";

/* A decoded signature; borrowed from its blob. */
struct sshsig {
	struct zt_bytes key;
	struct zt_str space, hash;
	struct zt_bytes signature;
};

enum zt_err
zt_sshsig_cut(struct zt_str document, struct zt_str *signature_out,
    struct zt_str *message_out)
{
	const size_t begin_len = sizeof(ARMOR_BEGIN) - 1;
	const size_t max =
	    document.len < ZT_SSHSIG_MAX ? document.len : ZT_SSHSIG_MAX;
	const char *end;
	size_t len;

	if (max < begin_len || memcmp(document.p, ARMOR_BEGIN, begin_len) != 0)
		return ZT_ERR_MALFORMED;
	end = memmem(document.p, max, "\n" ARMOR_END "\n",
	    sizeof("\n" ARMOR_END "\n") - 1);
	if (end == NULL)
		return ZT_ERR_MALFORMED;
	len = (size_t)(end - document.p) + sizeof("\n" ARMOR_END "\n") - 1;
	*signature_out = (struct zt_str){ document.p, len };
	*message_out = (struct zt_str){ document.p + len, document.len - len };
	return ZT_OK;
}

/* Decode what stands between the two lines of the armor. */
static enum zt_err
armor_decode(struct zt_str armor, uint8_t **out, size_t *len_out)
{
	const size_t begin_len = sizeof(ARMOR_BEGIN) - 1,
		     end_len = sizeof(ARMOR_END) - 1;
	char text[ZT_SSHSIG_MAX];
	size_t n = 0;

	if (armor.len > 0 && armor.p[armor.len - 1] == '\n')
		armor.len--;
	if (armor.len > ZT_SSHSIG_MAX || armor.len < begin_len + 1 + end_len ||
	    memcmp(armor.p, ARMOR_BEGIN, begin_len) != 0 ||
	    memcmp(armor.p + armor.len - end_len - 1, "\n" ARMOR_END,
		end_len + 1) != 0)
		return ZT_ERR_MALFORMED;
	for (size_t i = begin_len; i < armor.len - end_len; i++)
		if (armor.p[i] != '\n')
			text[n++] = armor.p[i];
	return zt_base64_decode((struct zt_str){ text, n }, ZT_SSHSIG_BLOB_MAX,
	    out, len_out);
}

static enum zt_err
blob_parse(struct zt_bytes blob, struct sshsig *out)
{
	struct sshsig sig;
	struct zt_str reserved;
	struct zt_rd rd;

	if (blob.len < MAGIC_LEN || memcmp(blob.p, MAGIC, MAGIC_LEN) != 0)
		return ZT_ERR_MALFORMED;
	zt_rd_init(&rd, blob.p + MAGIC_LEN, blob.len - MAGIC_LEN);
	if (zt_rd_u32(&rd) != VERSION)
		zt_rd_fail(&rd, ZT_ERR_VERSION);
	sig.key = zt_rd_bytes32(&rd, ZT_KEY_MAX);
	sig.space = zt_rd_str32(&rd, ZT_SSHSIG_NAME_MAX);
	reserved = zt_rd_str32(&rd, 0); /* as OpenSSH signs, always empty */
	sig.hash = zt_rd_str32(&rd, HASH_MAX);
	sig.signature = zt_rd_bytes32(&rd, ZT_SIG_MAX);
	(void)reserved;
	*out = sig;
	return zt_rd_end(&rd);
}

static const EVP_MD *
hash_find(struct zt_str name)
{
	if (zt_str_is(name, "sha512"))
		return EVP_sha512();
	return zt_str_is(name, "sha256") ? EVP_sha256() : NULL;
}

static void
string_put(struct zt_wr *wr, const void *data, size_t len)
{
	const uint8_t *p = data;

	zt_wr_u32(wr, (uint32_t)len);
	for (size_t i = 0; i < len; i++)
		zt_wr_u8(wr, p[i]);
}

/* What the signature covers: the names, and the message's digest. */
static enum zt_err
covered_write(const struct sshsig *sig, const EVP_MD *md, struct zt_str message,
    uint8_t out[COVERED_MAX], size_t *len_out)
{
	zt_auto_err_queue;
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct zt_wr wr;
	unsigned len;

	if (EVP_Digest(message.p, message.len, digest, &len, md, NULL) != 1)
		return ZT_ERR_NOMEM;
	zt_wr_init(&wr, out, COVERED_MAX);
	for (size_t i = 0; i < MAGIC_LEN; i++)
		zt_wr_u8(&wr, (uint8_t)MAGIC[i]);
	string_put(&wr, sig->space.p, sig->space.len);
	zt_wr_u32(&wr, 0); /* reserved: empty */
	string_put(&wr, sig->hash.p, sig->hash.len);
	string_put(&wr, digest, len);
	return zt_wr_end(&wr, len_out);
}

/* The signer who made it, or why it may not be held against the message. */
static const struct zt_ca *
signer_find(const struct sshsig *sig, const char *space,
    const struct zt_ca_set *signers, const char **why_out)
{
	const struct zt_ca *signer = zt_ca_set_find(signers, sig->key);

	if (!zt_str_is(sig->space, space))
		*why_out = "the signature is made for another namespace";
	else if (hash_find(sig->hash) == NULL)
		*why_out = "the signature's hash is neither sha256 nor sha512";
	else if (signer == NULL)
		*why_out = "the key that signed is not among the signers";
	else
		return signer;
	return NULL;
}

static enum zt_err
sshsig_check(const struct sshsig *sig, struct zt_str message, const char *space,
    const struct zt_ca_set *signers, const char **why_out)
{
	const struct zt_ca *signer = signer_find(sig, space, signers, why_out);
	uint8_t covered[COVERED_MAX];
	struct zt_bytes data = { covered, 0 };
	enum zt_err err;

	if (signer == NULL)
		return ZT_ERR_DENIED;
	*why_out = zt_strerror(ZT_ERR_NOMEM);
	err = covered_write(sig, hash_find(sig->hash), message, covered,
	    &data.len);
	if (err != ZT_OK)
		return err;
	err = zt_sig_verify(signer->type, signer->pkey, sig->signature, data);
	if (err == ZT_ERR_DENIED)
		*why_out = "the signature is wrong, or of an algorithm that is "
			   "not allowed";
	else if (err != ZT_ERR_NOMEM)
		*why_out = not_one;
	return err;
}

enum zt_err
zt_sshsig_verify(struct zt_str signature, struct zt_str message,
    const char *space, const struct zt_ca_set *signers, const char **why_out)
{
	zt_auto_free uint8_t *blob = NULL;
	const char *why = not_one;
	struct sshsig sig;
	size_t len;
	enum zt_err err;

	err = armor_decode(signature, &blob, &len);
	if (err == ZT_OK)
		err = blob_parse((struct zt_bytes){ blob, len }, &sig);
	if (err == ZT_ERR_VERSION)
		why = "the signature is of an unknown version";
	if (err == ZT_OK)
		err = sshsig_check(&sig, message, space, signers, &why);
	if (err != ZT_OK)
		*why_out = why;
	return err;
}
