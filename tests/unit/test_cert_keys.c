/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates with a defect in the subject's key, the CA or the signature. */
#include <openssl/err.h>

#include "forge_rows.h"

/* the subject's key */

static void
subject(struct forge *f, const char *name)
{
	f->name = name;
	f->body.len = 0;
}

static void
name_plain(struct forge *f)
{
	f->name = "ssh-ed25519";
}

static void
name_unknown(struct forge *f)
{
	f->name = "ssh-ed25519-cert-v02@openssh.com";
}

static void
name_rsa_sha2(struct forge *f)
{
	subject(f, "rsa-sha2-256-cert-v01@openssh.com");
	put(&f->body, cas[CA_RSA].body.p, cas[CA_RSA].body.len);
}

static void
ed25519_short(struct forge *f)
{
	f->body.len = 0;
	put_run(&f->body, "one byte short of the length...", 31);
}

static void
ed25519_long(struct forge *f)
{
	f->body.len = 0;
	put_run(&f->body, "a byte more than the right length", 33);
}

static void
ed25519_empty(struct forge *f)
{
	f->body.len = 0;
	put_u32(&f->body, 0);
}

static void
p256(struct forge *f)
{
	subject(f, "ecdsa-sha2-nistp256-cert-v01@openssh.com");
	f->body = cas[CA_P256].body;
}

static void
p256_off_curve(struct forge *f)
{
	p256(f);
	f->body.p[f->body.len - 1] ^= 1;
}

static void
p256_compressed(struct forge *f)
{
	uint8_t *point;

	p256(f);
	point = f->body.p + f->body.len - 65;
	point[0] = 2 | (point[64] & 1);
	point[-1] = 33;
	f->body.len -= 32;
}

static void
p256_infinity(struct forge *f)
{
	subject(f, "ecdsa-sha2-nistp256-cert-v01@openssh.com");
	put_text(&f->body, "nistp256");
	put_run(&f->body, "", 1);
}

static void
p256_hybrid(struct forge *f)
{
	uint8_t *point;

	p256(f);
	point = f->body.p + f->body.len - 65;
	point[0] = 6 | (point[64] & 1);
}

static void
p384_named_p256(struct forge *f)
{
	subject(f, "ecdsa-sha2-nistp256-cert-v01@openssh.com");
	f->body = cas[CA_P384].body;
}

static void
p256_other_curve_name(struct forge *f)
{
	subject(f, "ecdsa-sha2-nistp256-cert-v01@openssh.com");
	put_text(&f->body, "nistp384");
	put(&f->body, cas[CA_P256].body.p + 12, cas[CA_P256].body.len - 12);
}

static void
rsa(struct forge *f)
{
	subject(f, "ssh-rsa-cert-v01@openssh.com");
	f->body = cas[CA_RSA].body;
}

static void
rsa_small(struct forge *f)
{
	subject(f, "ssh-rsa-cert-v01@openssh.com");
	f->body = small_rsa.body;
}

/* Replace the exponent, which is encoded as 00000003 010001. */
static void
rsa_exponent(struct forge *f, const char *e, size_t len)
{
	subject(f, "ssh-rsa-cert-v01@openssh.com");
	put_run(&f->body, e, len);
	put(&f->body, cas[CA_RSA].body.p + 7, cas[CA_RSA].body.len - 7);
}

static void
rsa_exponent_one(struct forge *f)
{
	rsa_exponent(f, "\1", 1);
}

static void
rsa_exponent_even(struct forge *f)
{
	rsa_exponent(f, "\1\0\2", 3);
}

static void
rsa_exponent_zero(struct forge *f)
{
	rsa_exponent(f, "", 0);
}

static void
rsa_exponent_negative(struct forge *f)
{
	rsa_exponent(f, "\x81\0\1", 3);
}

static void
rsa_exponent_padded(struct forge *f)
{
	rsa_exponent(f, "\0\1\0\1", 4);
}

static void
rsa_exponent_huge(struct forge *f)
{
	rsa_exponent(f, "\1\0\0\0\0\0\0\0\1", 9);
}

static void
rsa_modulus_even(struct forge *f)
{
	rsa(f);
	f->body.p[f->body.len - 1] &= 0xfe;
}

static void
sk(struct forge *f)
{
	f->name = "sk-ssh-ed25519-cert-v01@openssh.com";
	put_text(&f->body, "ssh:");
}

static void
sk_without_application(struct forge *f)
{
	f->name = "sk-ssh-ed25519-cert-v01@openssh.com";
}

static void
sk_application_empty(struct forge *f)
{
	f->name = "sk-ssh-ed25519-cert-v01@openssh.com";
	put_text(&f->body, "");
}

/* the CA */

static void
signed_by(struct forge *f, const struct keypair *ca)
{
	f->ca = ca;
	f->ca_blob = ca->blob;
}

static void
ca_foreign(struct forge *f)
{
	signed_by(f, &foreign);
}

static void
ca_p256(struct forge *f)
{
	signed_by(f, &cas[CA_P256]);
}

static void
ca_p384(struct forge *f)
{
	signed_by(f, &cas[CA_P384]);
}

static void
ca_p521(struct forge *f)
{
	signed_by(f, &cas[CA_P521]);
}

static void
ca_rsa(struct forge *f)
{
	signed_by(f, &cas[CA_RSA]);
}

static void
ca_claimed_only(struct forge *f)
{
	f->ca = &foreign;
}

static void
ca_small_rsa(struct forge *f)
{
	signed_by(f, &small_rsa);
}

static void
ca_trailing(struct forge *f)
{
	put_u8(&f->ca_blob, 0);
}

static void
ca_truncated(struct forge *f)
{
	f->ca_blob.len--;
}

static void
ca_empty(struct forge *f)
{
	f->ca_blob.len = 0;
}

static void
ca_is_certificate(struct forge *f)
{
	static struct forge inner;

	forge_init(&inner, &cas[CA_ED25519]);
	inner.body.len = 0;
	put(&inner.body, cas[CA_ED25519].body.p, cas[CA_ED25519].body.len);
	forge_build(&inner, &f->ca_blob);
}

/* A hardware key's signature has other contents: this one is not right. */
static void
ca_sk(struct forge *f)
{
	f->ca_blob.len = 0;
	put_text(&f->ca_blob, "sk-ssh-ed25519@openssh.com");
	put(&f->ca_blob, cas[CA_ED25519].body.p, cas[CA_ED25519].body.len);
	put_text(&f->ca_blob, "ssh:");
	f->algorithm = "sk-ssh-ed25519@openssh.com";
	put(&f->sig_tail, "\1\0\0\0\1", 5);
}

static void
ca_dss(struct forge *f)
{
	f->ca_blob.len = 0;
	put_text(&f->ca_blob, "ssh-dss");
	for (int i = 0; i < 4; i++)
		put_run(&f->ca_blob, "\1\2\3", 3);
}

/* the signature */

static void
trailing(struct forge *f)
{
	put_u8(&f->tail, 0);
}

static void
signature_trailing(struct forge *f)
{
	put_u8(&f->sig_tail, 0);
}

static void
value_cut(struct buf *value)
{
	value->len--;
}

static void
signature_cut(struct forge *f)
{
	f->spoil = value_cut;
}

static void
value_extended(struct buf *value)
{
	put_u8(value, 0);
}

static void
signature_extended(struct forge *f)
{
	f->spoil = value_extended;
}

static void
p256_signature_extended(struct forge *f)
{
	ca_p256(f);
	f->spoil = value_extended;
}

static void
rsa_signature_extended(struct forge *f)
{
	ca_rsa(f);
	f->spoil = value_extended;
}

static void
value_empty(struct buf *value)
{
	value->len = 0;
}

static void
signature_empty(struct forge *f)
{
	f->spoil = value_empty;
}

static void
algorithm_of_another_key(struct forge *f)
{
	f->algorithm = "ssh-rsa";
}

static void
p256_signature_named_p384(struct forge *f)
{
	ca_p256(f);
	f->algorithm = "ecdsa-sha2-nistp384";
}

static void
rsa_sha1(struct forge *f)
{
	ca_rsa(f);
	f->algorithm = "ssh-rsa";
	f->digest = "SHA1";
}

static void
rsa_sha1_named_sha256(struct forge *f)
{
	ca_rsa(f);
	f->algorithm = "rsa-sha2-256";
	f->digest = "SHA1";
}

static void
rsa_sha256(struct forge *f)
{
	ca_rsa(f);
	f->algorithm = "rsa-sha2-256";
	f->digest = "SHA256";
}

static void
rsa_digests_mixed(struct forge *f)
{
	ca_rsa(f);
	f->algorithm = "rsa-sha2-256";
	f->digest = "SHA512";
}

static void
value_without_leading_zero(struct buf *value)
{
	if (value->p[0] == 0)
		memmove(value->p, value->p + 1, --value->len);
}

/* One signature in 256 begins with a zero byte: look for one. */
static void
rsa_signature_stripped(struct forge *f)
{
	static struct buf out;

	ca_rsa(f);
	f->spoil = value_without_leading_zero;
	do {
		f->serial++;
		forge_build(f, &out);
	} while (out.p[out.len - 255 - 4 + 3] != 255 ||
	    out.p[out.len - 255 - 4 + 2] != 0);
}

/* Encode r anew with a zero byte before it. */
static void
value_r_padded(struct buf *value)
{
	struct buf old = *value;
	uint32_t len = old.p[3];

	value->len = 0;
	put_u32(value, len + 1);
	put_u8(value, 0);
	put(value, old.p + 4, old.len - 4);
}

static void
p384_r_padded(struct forge *f)
{
	ca_p384(f);
	f->spoil = value_r_padded;
}

/* Set the top bit of r: a negative number. */
static void
value_r_negative(struct buf *value)
{
	value->p[4] |= 0x80;
}

static void
p521_r_negative(struct forge *f)
{
	ca_p521(f);
	f->spoil = value_r_negative;
}

static void
value_zeros(struct buf *value)
{
	value->len = 0;
	put_u32(value, 0);
	put_u32(value, 0);
}

static void
p256_r_and_s_zero(struct forge *f)
{
	ca_p256(f);
	f->spoil = value_zeros;
}

static void
value_ones(struct buf *value)
{
	value->len = 0;
	put_run(value, "\1", 1);
	put_run(value, "\1", 1);
}

static void
p256_r_and_s_one(struct forge *f)
{
	ca_p256(f);
	f->spoil = value_ones;
}

static const struct row rows[] = {
	GOOD(p256),
	GOOD(rsa),
	GOOD(sk),
	GOOD(ca_p256),
	GOOD(ca_p384),
	GOOD(ca_p521),
	GOOD(ca_rsa),
	GOOD(rsa_sha256),
	BAD(name_plain),
	BAD(name_unknown),
	STRICTER(name_rsa_sha2),
	BAD(ed25519_short),
	BAD(ed25519_long),
	BAD(ed25519_empty),
	BAD(p256_off_curve),
	BAD(p256_compressed),
	BAD(p256_infinity),
	BAD(p256_hybrid),
	BAD(p384_named_p256),
	BAD(p256_other_curve_name),
	STRICTER(rsa_modulus_even),
	STRICTER(rsa_small),
	STRICTER(rsa_exponent_one),
	STRICTER(rsa_exponent_even),
	STRICTER(rsa_exponent_zero),
	BAD(rsa_exponent_negative),
	STRICTER(rsa_exponent_padded),
	STRICTER(rsa_exponent_huge),
	BAD(sk_without_application),
	STRICTER(sk_application_empty),
	DENIED(ca_foreign, CA),
	BAD_SIG(ca_claimed_only),
	STRICTER(ca_small_rsa),
	BAD(ca_trailing),
	BAD(ca_truncated),
	BAD(ca_empty),
	BAD(ca_is_certificate),
	ROW(ca_sk, CREDENTIAL_CA, REFUSES),
	BAD(ca_dss),
	BAD(trailing),
	BAD(signature_trailing),
	BAD_SIG(signature_cut),
	BAD_SIG(signature_extended),
	BAD_SIG(p256_signature_extended),
	BAD_SIG(rsa_signature_extended),
	BAD_SIG(signature_empty),
	BAD_SIG(algorithm_of_another_key),
	BAD_SIG(p256_signature_named_p384),
	DENIED(rsa_sha1, SIGNATURE),
	BAD_SIG(rsa_sha1_named_sha256),
	BAD_SIG(rsa_digests_mixed),
	DENIED(rsa_signature_stripped, SIGNATURE),
	DENIED(p384_r_padded, SIGNATURE),
	BAD_SIG(p521_r_negative),
	BAD_SIG(p256_r_and_s_zero),
	BAD_SIG(p256_r_and_s_one),
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void
the_certificate_every_row_starts_from_is_good(void **state)
{
	(void)state;
	assert_base_is_good();
}

static void
each_row_is_judged_as_it_says(void **state)
{
	(void)state;
	assert_rows_judged(rows, N_ROWS);
}

static void
ssh_keygen_reads_what_the_rows_say(void **state)
{
	(void)state;
	assert_rows_compared(rows, N_ROWS);
}

static void
every_flipped_bit_is_refused_whatever_the_ca(void **state)
{
	(void)state;
	for (size_t ca = 0; ca < N_CAS; ca++) {
		forge_init(&forge, &cas[ca]);
		forge_build(&forge, &blob);
		assert_int_equal(judge(&blob, &policy), ZT_REASON_NONE);
		for (size_t i = 0; i < blob.len; i++) {
			uint8_t bit = (uint8_t)(1u << (i % 8));

			blob.p[i] ^= bit;
			assert_int_not_equal(judge(&blob, &policy),
			    ZT_REASON_NONE);
			blob.p[i] ^= bit;
		}
	}
}

/* Others in the process, TLS above all, take what is left there for theirs. */
static void
no_refusal_leaves_an_openssl_error_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		row_build(&rows[i]);
		ERR_clear_error();
		(void)judge(&blob, &policy);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void
an_openssl_error_of_others_stays(void **state)
{
	(void)state;
	ERR_raise(ERR_LIB_USER, 1);
	for (size_t i = 0; i < N_ROWS; i++) {
		row_build(&rows[i]);
		(void)judge(&blob, &policy);
	}
	assert_int_equal(ERR_GET_LIB(ERR_peek_last_error()), ERR_LIB_USER);
	ERR_clear_error();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_certificate_every_row_starts_from_is_good),
		cmocka_unit_test(each_row_is_judged_as_it_says),
		cmocka_unit_test(ssh_keygen_reads_what_the_rows_say),
		cmocka_unit_test(every_flipped_bit_is_refused_whatever_the_ca),
		cmocka_unit_test(no_refusal_leaves_an_openssl_error_behind),
		cmocka_unit_test(an_openssl_error_of_others_stays),
	};

	return cmocka_run_group_tests(tests, rows_setup, rows_teardown);
}
