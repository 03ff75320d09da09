/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that ssh-keygen made: every type of subject key by every type
 * of CA, and the defects that ssh-keygen can be asked for.
 */
#include <time.h>
#include <unistd.h>

#include "forge.h"

static char dir[] = "/tmp/zt-test-XXXXXX";

/* A CA's key, the signature algorithm to ask for, and the CA's type. */
static const struct {
	const char *key;
	const char *algorithm;
} signers[] = {
	{ "ca-ed25519", "ssh-ed25519" },
	{ "ca-p256", "ecdsa-sha2-nistp256" },
	{ "ca-p384", "ecdsa-sha2-nistp384" },
	{ "ca-p521", "ecdsa-sha2-nistp521" },
	{ "ca-rsa", "rsa-sha2-256" },
	{ "ca-rsa", "rsa-sha2-512" },
};

static const struct {
	const char *key;
	const char *type;
	bool hardware;
} subjects[] = {
	{ "ed25519", "ssh-ed25519", false },
	{ "p256", "ecdsa-sha2-nistp256", false },
	{ "p384", "ecdsa-sha2-nistp384", false },
	{ "p521", "ecdsa-sha2-nistp521", false },
	{ "rsa", "ssh-rsa", false },
	{ "sk-ed25519", "sk-ssh-ed25519@openssh.com", true },
	{ "sk-p256", "sk-ecdsa-sha2-nistp256@openssh.com", true },
};

#define N_SIGNERS  (sizeof(signers) / sizeof(signers[0]))
#define N_SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static struct zt_ca_set *cas;
static struct zt_cert_policy policy = { .max_lifetime_s = 86400 };

/* Run a shell command in the test's directory. */
__attribute__((__format__(__printf__, 1, 2))) static void
run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	int n;

	n = snprintf(command, sizeof(command), "cd %s && ", dir);
	va_start(ap, fmt);
	(void)vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static void
keygen(const char *name, const char *options)
{
	run("ssh-keygen -q -N '' -f %s %s", name, options);
}

static char *
read_file(const char *name, char *buf, size_t cap)
{
	char path[128];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, cap - 1, f);
	buf[n] = '\0';
	(void)fclose(f);
	return buf;
}

static void
write_key(const char *name, const char *type, const struct buf *blob)
{
	static struct buf text;
	char path[128];
	FILE *f;

	text.len = 0;
	put_line(&text, type, blob);
	(void)snprintf(path, sizeof(path), "%s/%s.pub", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.len, f), text.len);
	(void)fclose(f);
}

/* Public keys as a security key makes them; signing needs no more. */
static void
make_hardware_keys(void)
{
	static struct keypair pair;
	static struct buf blob;

	keypair_init(&pair, "ssh-ed25519", 0);
	put_text(&blob, "sk-ssh-ed25519@openssh.com");
	put(&blob, pair.body.p, pair.body.len);
	put_text(&blob, "ssh:");
	write_key("sk-ed25519", "sk-ssh-ed25519@openssh.com", &blob);
	keypair_clear(&pair);
	blob.len = 0;
	keypair_init(&pair, "ecdsa-sha2-nistp256", 0);
	put_text(&blob, "sk-ecdsa-sha2-nistp256@openssh.com");
	put(&blob, pair.body.p, pair.body.len);
	put_text(&blob, "ssh:");
	write_key("sk-p256", "sk-ecdsa-sha2-nistp256@openssh.com", &blob);
	keypair_clear(&pair);
}

static void
load_cas(void)
{
	static char text[8192];
	unsigned line;

	run("cat ca-ed25519.pub ca-p256.pub ca-p384.pub ca-p521.pub "
	    "ca-rsa.pub >cas");
	read_file("cas", text, sizeof(text));
	assert_int_equal(zt_ca_set_parse(zt_str(text), &cas, &line), ZT_OK);
	assert_int_equal(zt_ca_set_count(cas), 5);
	policy.cas = cas;
}

static int
setup(void **state)
{
	static const char *const kinds[][2] = { { "ed25519", "-t ed25519" },
		{ "p256", "-t ecdsa -b 256" }, { "p384", "-t ecdsa -b 384" },
		{ "p521", "-t ecdsa -b 521" }, { "rsa", "-t rsa -b 2048" } };
	char name[32];

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		keygen(kinds[i][0], kinds[i][1]);
		(void)snprintf(name, sizeof(name), "ca-%s", kinds[i][0]);
		keygen(name, kinds[i][1]);
	}
	keygen("foreign", "-t ed25519");
	make_hardware_keys();
	load_cas();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	zt_ca_set_free(cas);
	run("rm -rf %s", dir);
	return 0;
}

/* Read and decode dir/name-cert.pub. */
static struct zt_cert *
load(const char *name)
{
	static char text[65536];
	struct zt_cert *cert = NULL;
	char file[64];
	char *p;

	(void)snprintf(file, sizeof(file), "%s-cert.pub", name);
	read_file(file, text, sizeof(text));
	p = strchr(text, ' ') + 1;
	assert_int_equal(zt_cert_parse_base64((struct zt_str){ p,
						  strcspn(p, " \n") },
			     &cert),
	    ZT_OK);
	return cert;
}

/* Sign ed25519.pub with these options and judge the certificate. */
static enum zt_reason
sign_and_judge(const char *ca, const char *options)
{
	struct zt_cert *cert;
	enum zt_reason reason;

	run("ssh-keygen -q -s %s -I id %s ed25519.pub", ca, options);
	cert = load("ed25519");
	reason = zt_cert_check(cert, &policy, (uint64_t)time(NULL));
	zt_cert_free(cert);
	return reason;
}

static void
every_subject_by_every_ca_is_good(void **state)
{
	struct zt_cert *cert;

	(void)state;
	for (size_t ca = 0; ca < N_SIGNERS; ca++) {
		run("ssh-keygen -q -s %s -t %s -I id -n alice,ops -V +1h "
		    "ed25519.pub p256.pub p384.pub p521.pub rsa.pub "
		    "sk-ed25519.pub sk-p256.pub",
		    signers[ca].key, signers[ca].algorithm);
		for (size_t i = 0; i < N_SUBJECTS; i++) {
			cert = load(subjects[i].key);
			assert_string_equal(cert->key_type, subjects[i].type);
			assert_int_equal(cert->hardware_key,
			    subjects[i].hardware);
			assert_int_equal(zt_cert_check(cert, &policy,
					     (uint64_t)time(NULL)),
			    ZT_REASON_NONE);
			zt_cert_free(cert);
		}
	}
}

static void
every_field_is_decoded(void **state)
{
	struct zt_cert *cert;

	(void)state;
	run("ssh-keygen -q -s ca-p384 -I 'alice at work' -z 4711 "
	    "-n alice,ops -V 20250102030405Z:20250102040405Z -O clear "
	    "-O force-command='/bin/echo hello' -O source-address=10.0.0.0/8 "
	    "-O verify-required -O permit-pty "
	    "-O extension:login@example.com=alice p256.pub");
	cert = load("p256");
	assert_string_equal(cert->key_id, "alice at work");
	assert_int_equal(cert->serial, 4711);
	assert_int_equal(cert->type, 1);
	assert_int_equal(cert->n_principals, 2);
	assert_string_equal(cert->principals[0], "alice");
	assert_string_equal(cert->principals[1], "ops");
	assert_int_equal(cert->valid_after, 1735787045);
	assert_int_equal(cert->valid_before, 1735790645);
	assert_int_equal(cert->n_critical, 3);
	assert_true(cert->critical[2].flag);
	assert_string_equal(zt_cert_critical(cert, "source-address"),
	    "10.0.0.0/8");
	assert_null(zt_cert_critical(cert, "permit-pty"));
	assert_null(zt_cert_critical(cert, ""));
	assert_int_equal(cert->n_extensions, 2);
	assert_false(cert->extensions[0].flag);
	assert_string_equal(cert->extensions[0].name, "login@example.com");
	assert_string_equal(cert->extensions[0].value, "alice");
	assert_int_equal(strlen(cert->fingerprint), ZT_FINGERPRINT_LEN);
	assert_int_equal(strlen(cert->ca_fingerprint), ZT_FINGERPRINT_LEN);
	zt_cert_free(cert);
}

static void
the_fingerprints_are_those_ssh_keygen_prints(void **state)
{
	char text[256];
	struct zt_cert *cert;

	(void)state;
	run("ssh-keygen -q -s ca-p521 -I id -n alice -V +1h sk-p256.pub rsa.pub");
	for (size_t i = 0; i < 2; i++) {
		const char *name = i == 0 ? "sk-p256" : "rsa";

		cert = load(name);
		run("ssh-keygen -l -f %s.pub >out", name);
		assert_non_null(strstr(read_file("out", text, sizeof(text)),
		    cert->fingerprint));
		run("ssh-keygen -l -f ca-p521.pub >out");
		assert_non_null(strstr(read_file("out", text, sizeof(text)),
		    cert->ca_fingerprint));
		zt_cert_free(cert);
	}
}

static void
a_foreign_ca_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("foreign", "-n alice -V +1h"),
	    ZT_REASON_CREDENTIAL_CA);
}

static void
an_expired_certificate_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519", "-n alice -V -2h:-1h"),
	    ZT_REASON_CREDENTIAL_EXPIRED);
}

static void
a_certificate_of_tomorrow_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519", "-n alice -V +1h:+2h"),
	    ZT_REASON_CREDENTIAL_NOT_YET_VALID);
}

static void
a_certificate_that_lives_too_long_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519", "-n alice -V +2d"),
	    ZT_REASON_CREDENTIAL_LIFETIME);
}

static void
a_certificate_for_ever_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519", "-n alice"),
	    ZT_REASON_CREDENTIAL_LIFETIME);
	assert_int_equal(sign_and_judge("ca-ed25519",
			     "-n alice -V always:forever"),
	    ZT_REASON_CREDENTIAL_LIFETIME);
}

static void
no_principals_are_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519", "-V +1h"),
	    ZT_REASON_CREDENTIAL_PRINCIPALS);
}

static void
a_star_as_principal_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519", "-n 'alice,*' -V +1h"),
	    ZT_REASON_CREDENTIAL_PRINCIPALS);
}

static void
an_unknown_critical_option_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519",
			     "-n alice -V +1h -O critical:x@example.com=1"),
	    ZT_REASON_CREDENTIAL_OPTION);
}

static void
an_unknown_extension_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519",
			     "-n alice -V +1h -O extension:x@example.com=1 "
			     "-O extension:y@example.com= "
			     "-O extension:z@example.com"),
	    ZT_REASON_NONE);
}

static void
a_host_certificate_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-ed25519", "-h -n alice -V +1h"),
	    ZT_REASON_CREDENTIAL_TYPE);
}

static void
a_sha1_rsa_signature_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_judge("ca-rsa", "-t ssh-rsa -n alice -V +1h"),
	    ZT_REASON_CREDENTIAL_SIGNATURE);
}

/* A small certificate whose base64 ends with this many '='. */
static void
forge_text(size_t pad, struct buf *text)
{
	static struct keypair ca;
	static struct forge forge;
	static struct buf blob, line;

	keypair_init(&ca, "ssh-ed25519", 0);
	forge_init(&forge, &ca);
	do {
		put_u8(&forge.nonce, 'x');
		forge_build(&forge, &blob);
	} while ((3 - blob.len % 3) % 3 != pad);
	line.len = text->len = 0;
	put_line(&line, "", &blob);
	put(text, line.p + 1, line.len - 2);
	keypair_clear(&ca);
}

static enum zt_err
parse_text(const struct buf *text)
{
	struct zt_cert *cert = NULL;
	enum zt_err err;

	err = zt_cert_parse_base64((struct zt_str){ (const char *)text->p,
				       text->len },
	    &cert);
	zt_cert_free(cert);
	return err;
}

static void
base64_must_be_complete(void **state)
{
	static const char *const tails[] = { "A", "AA", "AAA", "=",
		"==", "===", "====", " ", "\n", "\r\n" };
	static struct buf text;
	size_t len;

	(void)state;
	for (size_t pad = 0; pad < 3; pad++) {
		forge_text(pad, &text);
		len = text.len;
		assert_int_equal(parse_text(&text), ZT_OK);
		for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
			text.len = len;
			put(&text, tails[i], strlen(tails[i]));
			assert_int_equal(parse_text(&text), ZT_ERR_MALFORMED);
		}
		for (size_t i = 1; i < 4; i++) {
			text.len = len - i;
			assert_int_equal(parse_text(&text), ZT_ERR_MALFORMED);
		}
	}
}

static void
base64_has_no_other_characters(void **state)
{
	static const uint8_t bad[] = " \n\t-_=*\\\x80\0";
	static struct buf text;

	(void)state;
	forge_text(0, &text);
	for (size_t i = 0; i < sizeof(bad); i++) {
		uint8_t was = text.p[10];

		text.p[10] = bad[i];
		assert_int_equal(parse_text(&text), ZT_ERR_MALFORMED);
		text.p[10] = was;
	}
	assert_int_equal(parse_text(&text), ZT_OK);
}

/* The last character's low bits carry nothing: they must be zero. */
static void
base64_has_one_form_only(void **state)
{
	static struct buf text;

	(void)state;
	for (size_t pad = 1; pad < 3; pad++) {
		forge_text(pad, &text);
		assert_int_equal(parse_text(&text), ZT_OK);
		text.p[text.len - pad - 1]++;
		assert_int_equal(parse_text(&text), ZT_ERR_MALFORMED);
	}
}

static void
a_certificate_over_the_limit_is_too_big(void **state)
{
	static struct keypair ca;
	static struct forge forge;
	static struct buf blob;
	static uint8_t big[ZT_CERT_MAX + 1];
	struct zt_cert *cert = NULL;

	(void)state;
	keypair_init(&ca, "ssh-ed25519", 0);
	forge_init(&forge, &ca);
	forge_build(&forge, &blob);
	memcpy(big, blob.p, blob.len);
	assert_int_equal(zt_cert_parse(big, ZT_CERT_MAX, &cert),
	    ZT_ERR_TRAILING);
	assert_int_equal(zt_cert_parse(big, ZT_CERT_MAX + 1, &cert),
	    ZT_ERR_TOOBIG);
	keypair_clear(&ca);
}

static void
base64_over_the_limit_is_too_big(void **state)
{
	static char text[(ZT_CERT_MAX / 3 + 1) * 4];
	struct zt_cert *cert = NULL;

	(void)state;
	memset(text, 'A', sizeof(text));
	assert_int_equal(zt_cert_parse_base64((struct zt_str){ text,
						  sizeof(text) },
			     &cert),
	    ZT_ERR_TOOBIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_subject_by_every_ca_is_good),
		cmocka_unit_test(every_field_is_decoded),
		cmocka_unit_test(the_fingerprints_are_those_ssh_keygen_prints),
		cmocka_unit_test(a_foreign_ca_is_refused),
		cmocka_unit_test(an_expired_certificate_is_refused),
		cmocka_unit_test(a_certificate_of_tomorrow_is_refused),
		cmocka_unit_test(a_certificate_that_lives_too_long_is_refused),
		cmocka_unit_test(a_certificate_for_ever_is_refused),
		cmocka_unit_test(no_principals_are_refused),
		cmocka_unit_test(a_star_as_principal_is_refused),
		cmocka_unit_test(an_unknown_critical_option_is_refused),
		cmocka_unit_test(an_unknown_extension_is_accepted),
		cmocka_unit_test(a_host_certificate_is_refused),
		cmocka_unit_test(a_sha1_rsa_signature_is_refused),
		cmocka_unit_test(base64_must_be_complete),
		cmocka_unit_test(base64_has_no_other_characters),
		cmocka_unit_test(base64_has_one_form_only),
		cmocka_unit_test(base64_over_the_limit_is_too_big),
		cmocka_unit_test(a_certificate_over_the_limit_is_too_big),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
