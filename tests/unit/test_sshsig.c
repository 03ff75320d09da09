/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <unistd.h>
#include <cmocka.h>

#include "zt/sshsig.h"
#include "zt/text.h"

/*
 * Every signature here is made by the real ssh-keygen, and what is accepted
 * is what its "-Y verify" accepts.
 */

#define SPACE "users@zt"

static char dir[] = "/tmp/zt-test-sshsig-XXXXXX";
static const char *const keys[] = { "ed25519", "ecdsa", "ecdsa384", "ecdsa521",
	"rsa" };
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* Run a command of the shell in dir.  Returns its exit status. */
__attribute__((__format__(__printf__, 1, 2))) static int
shell(const char *format, ...)
{
	char line[1024], command[2048];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	(void)snprintf(command, sizeof(command), "cd %s && { %s; } >>log 2>&1",
	    dir, line);
	return system(command);
}

static char *
slurp(const char *name, size_t *len_out)
{
	static char buf[65536];
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	*len_out = fread(buf, 1, sizeof(buf) - 1, f);
	buf[*len_out] = '\0';
	(void)fclose(f);
	return buf;
}

static void
spit(const char *name, const void *data, size_t len)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static struct zt_ca_set *
signers(const char *key)
{
	char name[64];
	struct zt_ca_set *set = NULL;
	unsigned line;
	size_t len;

	(void)snprintf(name, sizeof(name), "%s.pub", key);
	assert_int_equal(zt_ca_set_parse(zt_str(slurp(name, &len)), &set,
			     &line),
	    ZT_OK);
	return set;
}

/* Sign message with a key; the armor is static. */
static struct zt_str
sign(const char *key, const char *options, const char *message)
{
	static char text[ZT_SSHSIG_MAX];
	size_t len;

	spit("message", message, strlen(message));
	(void)shell("rm -f message.sig");
	assert_int_equal(shell("ssh-keygen -Y sign -f %s %s message", key,
			     options),
	    0);
	(void)snprintf(text, sizeof(text), "%s", slurp("message.sig", &len));
	return (struct zt_str){ text, len };
}

static enum zt_err
verify(struct zt_str armor, const char *message, const char *key)
{
	struct zt_ca_set *set = signers(key);
	const char *why = NULL;
	enum zt_err err =
	    zt_sshsig_verify(armor, zt_str(message), SPACE, set, &why);

	assert_int_equal(err == ZT_OK, why == NULL);
	zt_ca_set_free(set);
	return err;
}

static void
what_ssh_keygen_signs_is_accepted_with_every_key_and_hash(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEYS; i++) {
		assert_int_equal(verify(sign(keys[i], "-n " SPACE, "hello"),
				     "hello", keys[i]),
		    ZT_OK);
		assert_int_equal(verify(sign(keys[i],
					    "-n " SPACE " -O hashalg=sha256",
					    ""),
				     "", keys[i]),
		    ZT_OK);
	}
}

static void
another_message_key_or_namespace_is_refused(void **state)
{
	struct zt_str armor;

	(void)state;
	for (size_t i = 0; i < N_KEYS; i++) {
		armor = sign(keys[i], "-n " SPACE, "hello");
		assert_int_equal(verify(armor, "hello!", keys[i]),
		    ZT_ERR_DENIED);
		assert_int_equal(verify(armor, "", keys[i]), ZT_ERR_DENIED);
		assert_int_equal(verify(armor, "hello", keys[(i + 1) % N_KEYS]),
		    ZT_ERR_DENIED);
		armor = sign(keys[i], "-n file", "hello");
		assert_int_equal(verify(armor, "hello", keys[i]),
		    ZT_ERR_DENIED);
	}
}

/* ---- what ssh-keygen does not make ---- */

/* Decode, let change() spoil, encode again. */
static struct zt_str
rearm(struct zt_str armor, void (*change)(uint8_t *blob, size_t *len))
{
	static char text[ZT_SSHSIG_MAX];
	static const char begin[] = "-----BEGIN SSH SIGNATURE-----\n",
			  end[] = "\n-----END SSH SIGNATURE-----\n";
	char base64[ZT_SSHSIG_MAX];
	uint8_t blob[ZT_SSHSIG_MAX];
	size_t n = 0, len;
	const char *p = armor.p + strlen(begin);

	for (; *p != '-'; p++)
		if (*p != '\n')
			base64[n++] = *p;
	base64[n] = '\0';
	len = (size_t)EVP_DecodeBlock(blob, (uint8_t *)base64, (int)n);
	while (n > 0 && base64[--n] == '=')
		len--;
	change(blob, &len);
	n = (size_t)snprintf(text, sizeof(text), "%s", begin);
	n += (size_t)EVP_EncodeBlock((uint8_t *)text + n, blob, (int)len);
	(void)snprintf(text + n, sizeof(text) - n, "%s", end);
	return zt_str(text);
}

static void
change_nothing(uint8_t *blob, size_t *len)
{
	(void)blob;
	(void)len;
}

static void
change_version(uint8_t *blob, size_t *len)
{
	(void)len;
	blob[9] = 2;
}

static void
change_magic(uint8_t *blob, size_t *len)
{
	(void)len;
	blob[0] = 's';
}

static void
change_trailing(uint8_t *blob, size_t *len)
{
	blob[(*len)++] = 0;
}

static void
change_cut(uint8_t *blob, size_t *len)
{
	(void)blob;
	--*len;
}

/* The name of the hash: sha512 becomes one that nobody has. */
static void
change_hash(uint8_t *blob, size_t *len)
{
	uint8_t *p = memmem(blob, *len, "sha512", 6);

	assert_non_null(p);
	memcpy(p, "sha384", 6);
}

/* rsa-sha2-512 becomes ssh-rsa, which is SHA-1. */
static void
change_sha1(uint8_t *blob, size_t *len)
{
	uint8_t *p = memmem(blob, *len, "rsa-sha2-512", 12);
	size_t tail;

	assert_non_null(p);
	tail = *len - (size_t)(p + 12 - blob);
	memcpy(p, "ssh-rsa", 7);
	memmove(p + 7, p + 12, tail);
	p[-1] = 7;
	p[-5] = (uint8_t)(p[-5] - 5);
	*len -= 5;
}

static void
what_is_not_exactly_one_signature_is_refused(void **state)
{
	struct zt_str armor = sign("ed25519", "-n " SPACE, "hello");

	(void)state;
	assert_int_equal(verify(rearm(armor, change_nothing), "hello",
			     "ed25519"),
	    ZT_OK);
	assert_int_equal(verify(rearm(armor, change_version), "hello",
			     "ed25519"),
	    ZT_ERR_VERSION);
	assert_int_equal(verify(rearm(armor, change_magic), "hello", "ed25519"),
	    ZT_ERR_MALFORMED);
	assert_int_equal(verify(rearm(armor, change_trailing), "hello",
			     "ed25519"),
	    ZT_ERR_TRAILING);
	assert_int_equal(verify(rearm(armor, change_cut), "hello", "ed25519"),
	    ZT_ERR_TRUNCATED);
	assert_int_equal(verify(rearm(armor, change_hash), "hello", "ed25519"),
	    ZT_ERR_DENIED);
	armor = sign("rsa", "-n " SPACE, "hello");
	assert_int_equal(verify(rearm(armor, change_nothing), "hello", "rsa"),
	    ZT_OK);
	assert_int_equal(verify(rearm(armor, change_sha1), "hello", "rsa"),
	    ZT_ERR_DENIED);
}

static size_t flip_at;

static void
change_bit(uint8_t *blob, size_t *len)
{
	assert_true(flip_at < *len);
	blob[flip_at] ^= 1;
}

static void
no_bit_of_a_signature_may_change(void **state)
{
	struct zt_str armor = sign("ed25519", "-n " SPACE, "hello");
	/* magic, version, key, namespace, reserved, hash, signature */
	const size_t len = 6 + 4 + 4 + 51 + 4 + 8 + 4 + 4 + 6 + 4 + 83;

	(void)state;
	for (flip_at = 0; flip_at < len; flip_at++)
		if (verify(rearm(armor, change_bit), "hello", "ed25519") ==
		    ZT_OK)
			fail_msg("byte %zu", flip_at);
}

static void
no_prefix_of_an_armor_is_one(void **state)
{
	struct zt_str armor = sign("ed25519", "-n " SPACE, "hello");

	(void)state;
	/* the last line's end may be absent */
	assert_int_equal(verify((struct zt_str){ armor.p, armor.len - 1 },
			     "hello", "ed25519"),
	    ZT_OK);
	for (size_t n = 0; n < armor.len - 1; n++)
		assert_int_not_equal(verify((struct zt_str){ armor.p, n },
					 "hello", "ed25519"),
		    ZT_OK);
}

static void
a_signature_is_cut_off_the_front_alone(void **state)
{
	struct zt_str armor = sign("ed25519", "-n " SPACE, "x"), a, m;
	char text[8192];
	size_t len = (size_t)snprintf(text, sizeof(text), "%.*s%.*sbody",
	    (int)armor.len, armor.p, (int)armor.len, armor.p);

	(void)state;
	assert_int_equal(zt_sshsig_cut((struct zt_str){ text, len }, &a, &m),
	    ZT_OK);
	assert_ptr_equal(a.p, text);
	assert_int_equal(a.len, armor.len);
	assert_int_equal(m.len, armor.len + 4); /* the first one alone */
	assert_int_equal(zt_sshsig_cut(armor, &a, &m), ZT_OK);
	assert_int_equal(m.len, 0);
	assert_int_equal(zt_sshsig_cut((struct zt_str){ armor.p + 1,
					   armor.len - 1 },
			     &a, &m),
	    ZT_ERR_MALFORMED);
	for (size_t n = 0; n < armor.len; n++)
		assert_int_equal(zt_sshsig_cut((struct zt_str){ armor.p, n },
				     &a, &m),
		    ZT_ERR_MALFORMED);
	memset(text, 'A', sizeof(text));
	assert_int_equal(zt_sshsig_cut((struct zt_str){ text, sizeof(text) },
			     &a, &m),
	    ZT_ERR_MALFORMED);
}

/* What we refuse of it ssh-keygen -Y verify refuses, and the reverse. */
static void
a_changed_signature_means_to_us_what_it_means_to_ssh_keygen(void **state)
{
	static void (*const changes[])(uint8_t *, size_t *) = { change_nothing,
		change_version, change_magic, change_trailing, change_cut,
		change_hash };

	(void)state;
	for (size_t i = 0; i < N_KEYS; i++)
		for (size_t j = 0; j < sizeof(changes) / sizeof(changes[0]);
		     j++) {
			struct zt_str armor =
			    rearm(sign(keys[i], "-n " SPACE, "hello"),
				changes[j]);
			int rc;

			spit("message.sig", armor.p, armor.len);
			rc = shell("ssh-keygen -Y verify -f allowed -I %s "
				   "-n " SPACE " -s message.sig <message",
			    keys[i]);
			if ((verify(armor, "hello", keys[i]) == ZT_OK) !=
			    (rc == 0))
				fail_msg("%s, change %zu", keys[i], j);
		}
}

static int
begin(void **state)
{
	static const char *const types[N_KEYS] = { "ed25519", "ecdsa -b 256",
		"ecdsa -b 384", "ecdsa -b 521", "rsa -b 2048" };

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < N_KEYS; i++) {
		assert_int_equal(shell("ssh-keygen -q -t %s -N '' -f %s",
				     types[i], keys[i]),
		    0);
		assert_int_equal(shell("{ printf '%s '; cat %s.pub; } >out && "
				       "cat out >>allowed",
				     keys[i], keys[i]),
		    0);
	}
	return 0;
}

static int
end(void **state)
{
	(void)state;
	return shell("rm -rf %s", dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_ssh_keygen_signs_is_accepted_with_every_key_and_hash),
		cmocka_unit_test(another_message_key_or_namespace_is_refused),
		cmocka_unit_test(what_is_not_exactly_one_signature_is_refused),
		cmocka_unit_test(no_bit_of_a_signature_may_change),
		cmocka_unit_test(no_prefix_of_an_armor_is_one),
		cmocka_unit_test(a_signature_is_cut_off_the_front_alone),
		cmocka_unit_test(
		    a_changed_signature_means_to_us_what_it_means_to_ssh_keygen),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
