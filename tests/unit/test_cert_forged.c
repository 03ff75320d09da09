/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates with one defect each, all properly signed.  The table also
 * says which of them ssh-keygen -L reads, and ssh-keygen is asked: what it
 * refuses we refuse, and where we are stricter the table shows it.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "forge.h"

enum { CA_ED25519, CA_P256, CA_P384, CA_P521, CA_RSA, N_CAS };

static const char *const ca_names[N_CAS] = { "ssh-ed25519",
	"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"ssh-rsa" };

static struct keypair cas[N_CAS];
static struct keypair foreign;
static struct keypair small_rsa;
static struct zt_ca_set *ca_set;
static struct zt_cert_policy policy = { .max_lifetime_s = 86400 };

/* type and key id */

static void
host(struct forge *f)
{
	f->type = 2;
}

static void
type_zero(struct forge *f)
{
	f->type = 0;
}

static void
type_three(struct forge *f)
{
	f->type = 3;
}

static void
key_id_with_nul(struct forge *f)
{
	f->key_id.p[5] = '\0';
}

static void
key_id_ends_with_nul(struct forge *f)
{
	put_u8(&f->key_id, '\0');
}

static void
key_id_empty(struct forge *f)
{
	f->key_id.len = 0;
}

static void
key_id_too_long(struct forge *f)
{
	f->key_id.len = 1025;
	memset(f->key_id.p, 'x', f->key_id.len);
}

static void
nonce_empty(struct forge *f)
{
	f->nonce.len = 0;
}

static void
nonce_too_long(struct forge *f)
{
	f->nonce.len = 1025;
}

/* principals */

static void
no_principals(struct forge *f)
{
	f->principals.len = 0;
}

static void
principal_empty(struct forge *f)
{
	put_text(&f->principals, "");
}

static void
principal_star(struct forge *f)
{
	put_text(&f->principals, "*");
}

static void
principal_with_nul(struct forge *f)
{
	put_run(&f->principals, "root\0x", 6);
}

static void
principal_ends_with_nul(struct forge *f)
{
	put_run(&f->principals, "root", 5);
}

static void
principals_many(struct forge *f)
{
	while (f->principals.len <
	    4 + 5 + 4 + 3 + (ZT_CERT_PRINCIPALS_MAX - 2) * 5)
		put_text(&f->principals, "x");
}

static void
principals_too_many(struct forge *f)
{
	principals_many(f);
	put_text(&f->principals, "x");
}

static void
principals_trailing(struct forge *f)
{
	put_u8(&f->principals, 0);
}

static void
principals_length_overrun(struct forge *f)
{
	put_u32(&f->principals, 1);
}

static void
principals_length_huge(struct forge *f)
{
	put_u32(&f->principals, UINT32_MAX);
	put_text(&f->principals, "x");
}

/* critical options */

static void
critical_known(struct forge *f)
{
	put_option(&f->critical, "force-command", "/bin/true");
	put_option(&f->critical, "source-address", "10.0.0.0/8,::1");
	put_option(&f->critical, "verify-required", NULL);
}

static void
critical_out_of_order(struct forge *f)
{
	put_option(&f->critical, "source-address", "10.0.0.0/8");
	put_option(&f->critical, "force-command", "/bin/true");
}

static void
critical_unknown(struct forge *f)
{
	put_option(&f->critical, "x@example.com", NULL);
}

static void
critical_unnamed(struct forge *f)
{
	put_option(&f->critical, "", NULL);
}

static void
critical_name_prefix(struct forge *f)
{
	put_option(&f->critical, "force-comman", "/bin/true");
}

static void
critical_twice(struct forge *f)
{
	put_option(&f->critical, "force-command", "/bin/true");
	put_option(&f->critical, "force-command", "/bin/sh");
}

static void
critical_flag_twice(struct forge *f)
{
	put_option(&f->critical, "verify-required", NULL);
	put_option(&f->critical, "verify-required", NULL);
}

static void
force_command_flag(struct forge *f)
{
	put_option(&f->critical, "force-command", NULL);
}

static void
force_command_empty(struct forge *f)
{
	put_option(&f->critical, "force-command", "");
}

static void
verify_required_value(struct forge *f)
{
	put_option(&f->critical, "verify-required", "");
}

static void
source_address_flag(struct forge *f)
{
	put_option(&f->critical, "source-address", NULL);
}

static void
source_address_empty(struct forge *f)
{
	put_option(&f->critical, "source-address", "");
}

static void
source_address_negated(struct forge *f)
{
	put_option(&f->critical, "source-address", "!10.0.0.0/8");
}

static void
source_address_host_bits(struct forge *f)
{
	put_option(&f->critical, "source-address", "10.0.0.1/8");
}

static void
critical_data_raw(struct forge *f)
{
	put_text(&f->critical, "force-command");
	put_text(&f->critical, "/bin/true");
}

static void
critical_data_trailing(struct forge *f)
{
	struct buf data = { 0 };

	put_text(&data, "/bin/true");
	put_u8(&data, 0);
	put_text(&f->critical, "force-command");
	put_buf(&f->critical, &data);
}

static void
critical_without_data(struct forge *f)
{
	put_text(&f->critical, "verify-required");
}

static void
critical_trailing(struct forge *f)
{
	critical_known(f);
	put_u8(&f->critical, 0);
}

static void
critical_too_many(struct forge *f)
{
	for (int i = 0; i <= ZT_CERT_OPTIONS_MAX; i++)
		put_option(&f->critical, "x", NULL);
}

/* extensions */

static void
extension_unknown(struct forge *f)
{
	put_option(&f->extensions, "login@example.com", "alice");
	put_option(&f->extensions, "empty@example.com", "");
}

static void
extension_twice(struct forge *f)
{
	put_option(&f->extensions, "permit-pty", NULL);
}

static void
extension_data_trailing(struct forge *f)
{
	struct buf data = { 0 };

	put_text(&data, "alice");
	put_u8(&data, 0);
	put_text(&f->extensions, "login@example.com");
	put_buf(&f->extensions, &data);
}

static void
extension_without_data(struct forge *f)
{
	put_text(&f->extensions, "permit-user-rc");
}

static void
extensions_trailing(struct forge *f)
{
	put_u8(&f->extensions, 0);
}

static void
extensions_too_many(struct forge *f)
{
	for (int i = 0; i < ZT_CERT_OPTIONS_MAX; i++)
		put_option(&f->extensions, "x", NULL);
}

static void
reserved_filled(struct forge *f)
{
	put(&f->reserved, "for later", 9);
}

/* validity */

static void
expired(struct forge *f)
{
	f->before = NOW;
}

static void
not_yet_valid(struct forge *f)
{
	f->after = NOW + 1;
}

static void
last_second(struct forge *f)
{
	f->before = NOW + 1;
}

static void
first_second(struct forge *f)
{
	f->after = NOW;
}

static void
lifetime_longest(struct forge *f)
{
	f->before = f->after + 86400;
}

static void
lifetime_too_long(struct forge *f)
{
	f->before = f->after + 86401;
}

static void
forever(struct forge *f)
{
	f->after = 0;
	f->before = UINT64_MAX;
}

static void
until_forever(struct forge *f)
{
	f->after = UINT64_MAX - 10;
	f->before = UINT64_MAX;
}

static void
far_future(struct forge *f)
{
	f->after = UINT64_MAX - 10;
	f->before = UINT64_MAX - 1;
}

static void
validity_empty(struct forge *f)
{
	f->after = f->before = NOW;
}

static void
validity_reversed(struct forge *f)
{
	f->after = NOW + 3600;
	f->before = NOW - 60;
}

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

struct row {
	const char *name;
	void (*change)(struct forge *);
	enum zt_reason reason;
	bool keygen_reads;
};

#define READS   true
#define REFUSES false
#define ROW(change, reason, keygen)                         \
	{                                                   \
#change, change, ZT_REASON_##reason, keygen \
	}
#define GOOD(change)           ROW(change, NONE, READS)
#define BAD(change)            ROW(change, CREDENTIAL_MALFORMED, REFUSES)
#define STRICTER(change)       ROW(change, CREDENTIAL_MALFORMED, READS)
#define DENIED(change, reason) ROW(change, CREDENTIAL_##reason, READS)
#define BAD_SIG(change)        ROW(change, CREDENTIAL_SIGNATURE, REFUSES)

static const struct row rows[] = {
	GOOD(key_id_empty),
	GOOD(nonce_empty),
	GOOD(principals_many),
	GOOD(critical_known),
	GOOD(critical_out_of_order),
	GOOD(force_command_empty),
	GOOD(extension_unknown),
	GOOD(reserved_filled),
	GOOD(last_second),
	GOOD(first_second),
	GOOD(lifetime_longest),
	GOOD(p256),
	GOOD(rsa),
	GOOD(sk),
	GOOD(ca_p256),
	GOOD(ca_p384),
	GOOD(ca_p521),
	GOOD(ca_rsa),
	GOOD(rsa_sha256),
	DENIED(host, TYPE),
	BAD(type_zero),
	BAD(type_three),
	BAD(key_id_with_nul),
	STRICTER(key_id_ends_with_nul),
	STRICTER(key_id_too_long),
	STRICTER(nonce_too_long),
	DENIED(no_principals, PRINCIPALS),
	DENIED(principal_empty, PRINCIPALS),
	DENIED(principal_star, PRINCIPALS),
	BAD(principal_with_nul),
	STRICTER(principal_ends_with_nul),
	STRICTER(principals_too_many),
	BAD(principals_trailing),
	BAD(principals_length_overrun),
	BAD(principals_length_huge),
	DENIED(critical_unknown, OPTION),
	DENIED(critical_unnamed, OPTION),
	DENIED(critical_name_prefix, OPTION),
	DENIED(critical_twice, OPTION),
	DENIED(critical_flag_twice, OPTION),
	ROW(force_command_flag, CREDENTIAL_OPTION, REFUSES),
	ROW(verify_required_value, CREDENTIAL_OPTION, REFUSES),
	ROW(source_address_flag, CREDENTIAL_OPTION, REFUSES),
	DENIED(source_address_empty, OPTION),
	DENIED(source_address_negated, OPTION),
	DENIED(source_address_host_bits, OPTION),
	BAD(critical_data_raw),
	BAD(critical_data_trailing),
	BAD(critical_without_data),
	BAD(critical_trailing),
	STRICTER(critical_too_many),
	STRICTER(extension_twice),
	STRICTER(extension_data_trailing),
	BAD(extension_without_data),
	BAD(extensions_trailing),
	STRICTER(extensions_too_many),
	DENIED(expired, EXPIRED),
	DENIED(not_yet_valid, NOT_YET_VALID),
	DENIED(lifetime_too_long, LIFETIME),
	DENIED(forever, LIFETIME),
	DENIED(until_forever, LIFETIME),
	DENIED(far_future, NOT_YET_VALID),
	STRICTER(validity_empty),
	STRICTER(validity_reversed),
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

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CAS; i++)
		keypair_init(&cas[i], ca_names[i], 2048);
	keypair_init(&foreign, "ssh-ed25519", 0);
	keypair_init(&small_rsa, "ssh-rsa", 1024);
	ca_set = ca_set_of(cas, N_CAS);
	policy.cas = ca_set;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	zt_ca_set_free(ca_set);
	for (size_t i = 0; i < N_CAS; i++)
		keypair_clear(&cas[i]);
	keypair_clear(&foreign);
	keypair_clear(&small_rsa);
	return 0;
}

static struct forge forge; /* too large for the stack */
static struct buf blob;

static void
row_build(const struct row *row)
{
	forge_init(&forge, &cas[CA_ED25519]);
	row->change(&forge);
	forge_build(&forge, &blob);
}

static void
the_certificate_every_row_starts_from_is_good(void **state)
{
	(void)state;
	forge_init(&forge, &cas[CA_ED25519]);
	forge_build(&forge, &blob);
	assert_int_equal(judge(&blob, &policy), ZT_REASON_NONE);
}

static void
each_defect_is_refused_with_its_own_reason(void **state)
{
	enum zt_reason reason;
	bool failed = false;

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		row_build(&rows[i]);
		reason = judge(&blob, &policy);
		if (reason == rows[i].reason)
			continue;
		failed = true;
		print_error("%s: \"%s\", not \"%s\"\n", rows[i].name,
		    zt_reason_code(reason), zt_reason_code(rows[i].reason));
	}
	assert_false(failed);
}

/* True if ssh-keygen -L reads the certificate in this file. */
static bool
keygen_reads(const char *path)
{
	char command[256];
	int status;

	(void)snprintf(command, sizeof(command),
	    "ssh-keygen -L -f %s >/dev/null 2>&1", path);
	status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static void
ssh_keygen_reads_what_the_table_says(void **state)
{
	char path[] = "/tmp/zt-test-XXXXXX";
	static struct buf text;
	bool failed = false;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < N_ROWS; i++) {
		row_build(&rows[i]);
		text.len = 0;
		put_line(&text, forge.name, &blob);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, text.p, text.len, 0),
		    (ssize_t)text.len);
		if (keygen_reads(path) == rows[i].keygen_reads)
			continue;
		failed = true;
		print_error("%s: ssh-keygen %s it\n", rows[i].name,
		    rows[i].keygen_reads ? "refuses" : "reads");
	}
	(void)close(fd);
	(void)unlink(path);
	assert_false(failed);
}

static void
what_ssh_keygen_refuses_is_never_permitted(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++)
		assert_true(rows[i].keygen_reads ||
		    rows[i].reason != ZT_REASON_NONE);
}

static void
every_prefix_of_a_certificate_is_refused(void **state)
{
	uint8_t *exact;
	struct zt_cert *cert = NULL;

	(void)state;
	forge_init(&forge, &cas[CA_ED25519]);
	critical_known(&forge);
	forge_build(&forge, &blob);
	for (size_t len = 0; len < blob.len; len++) {
		exact = malloc(len + 1); /* sanitizers see one byte over */
		memcpy(exact, blob.p, len);
		assert_int_not_equal(zt_cert_parse(exact, len, &cert), ZT_OK);
		assert_null(cert);
		free(exact);
	}
}

/* A list cut between its entries is a shorter list; elsewhere it is none. */
static void
every_prefix_of_the_principals_is_refused_or_a_shorter_list(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 4 + 5 + 4 + 3; len++) {
		enum zt_reason want = len == 0 ? ZT_REASON_CREDENTIAL_PRINCIPALS
		    : len == 4 + 5 || len == 4 + 5 + 4 + 3
		    ? ZT_REASON_NONE
		    : ZT_REASON_CREDENTIAL_MALFORMED;

		forge_init(&forge, &cas[CA_ED25519]);
		forge.principals.len = len;
		forge_build(&forge, &blob);
		assert_int_equal(judge(&blob, &policy), want);
	}
}

static void
every_prefix_of_a_critical_option_is_refused(void **state)
{
	size_t full;

	(void)state;
	forge_init(&forge, &cas[CA_ED25519]);
	put_option(&forge.critical, "source-address", "10.0.0.0/8");
	full = forge.critical.len;
	for (size_t len = 1; len < full; len++) {
		forge.critical.len = len;
		forge_build(&forge, &blob);
		assert_int_equal(judge(&blob, &policy),
		    ZT_REASON_CREDENTIAL_MALFORMED);
	}
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

static void
the_clock_skew_widens_both_ends_and_no_more(void **state)
{
	struct zt_cert cert = { .valid_after = 1000, .valid_before = 2000 };
	struct zt_cert_policy p = { .max_lifetime_s = 1000,
		.clock_skew_s = 30 };

	(void)state;
	assert_int_equal(zt_cert_check_time(&cert, &p, 969),
	    ZT_REASON_CREDENTIAL_NOT_YET_VALID);
	assert_int_equal(zt_cert_check_time(&cert, &p, 970), ZT_REASON_NONE);
	assert_int_equal(zt_cert_check_time(&cert, &p, 2029), ZT_REASON_NONE);
	assert_int_equal(zt_cert_check_time(&cert, &p, 2030),
	    ZT_REASON_CREDENTIAL_EXPIRED);
}

static void
times_at_the_ends_of_their_range_do_not_wrap(void **state)
{
	struct zt_cert cert = { .valid_after = UINT64_MAX - 10,
		.valid_before = UINT64_MAX - 1 };
	struct zt_cert_policy p = { .max_lifetime_s = UINT64_MAX,
		.clock_skew_s = UINT32_MAX };

	(void)state;
	assert_int_equal(zt_cert_check_time(&cert, &p, 0),
	    ZT_REASON_CREDENTIAL_NOT_YET_VALID);
	assert_int_equal(zt_cert_check_time(&cert, &p, UINT64_MAX),
	    ZT_REASON_NONE);
	cert.valid_after = 0;
	cert.valid_before = 1;
	assert_int_equal(zt_cert_check_time(&cert, &p, 0), ZT_REASON_NONE);
	assert_int_equal(zt_cert_check_time(&cert, &p, UINT64_MAX),
	    ZT_REASON_CREDENTIAL_EXPIRED);
}

static void
forever_is_refused_even_without_a_limit_on_lifetime(void **state)
{
	struct zt_cert cert = { .valid_before = UINT64_MAX };
	struct zt_cert_policy p = { .max_lifetime_s = UINT64_MAX };

	(void)state;
	assert_int_equal(zt_cert_check_time(&cert, &p, 1),
	    ZT_REASON_CREDENTIAL_LIFETIME);
}

static void
an_unset_policy_refuses(void **state)
{
	struct zt_cert cert = { .valid_after = 1, .valid_before = 3 };
	struct zt_cert_policy p = { .cas = NULL };

	(void)state;
	assert_int_equal(zt_cert_check_time(&cert, &p, 2),
	    ZT_REASON_CREDENTIAL_LIFETIME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_certificate_every_row_starts_from_is_good),
		cmocka_unit_test(each_defect_is_refused_with_its_own_reason),
		cmocka_unit_test(ssh_keygen_reads_what_the_table_says),
		cmocka_unit_test(what_ssh_keygen_refuses_is_never_permitted),
		cmocka_unit_test(every_prefix_of_a_certificate_is_refused),
		cmocka_unit_test(
		    every_prefix_of_the_principals_is_refused_or_a_shorter_list),
		cmocka_unit_test(every_prefix_of_a_critical_option_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused_whatever_the_ca),
		cmocka_unit_test(the_clock_skew_widens_both_ends_and_no_more),
		cmocka_unit_test(times_at_the_ends_of_their_range_do_not_wrap),
		cmocka_unit_test(
		    forever_is_refused_even_without_a_limit_on_lifetime),
		cmocka_unit_test(an_unset_policy_refuses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
