/* SPDX-License-Identifier: Apache-2.0 */
#include "forge.h"

static struct keypair ed25519, rsa, rsa_small;
static char line_ed25519[512], line_rsa[1024]; /* without the line's end */

static void
line_of(const struct keypair *k, char *out, size_t cap)
{
	static struct buf text;

	text.len = 0;
	put_line(&text, k->name, &k->blob);
	assert_true(text.len <= cap);
	memcpy(out, text.p, text.len);
	out[text.len - 1] = '\0';
}

static int
setup(void **state)
{
	(void)state;
	keypair_init(&ed25519, "ssh-ed25519", 0);
	keypair_init(&rsa, "ssh-rsa", 2048);
	keypair_init(&rsa_small, "ssh-rsa", 2047);
	line_of(&ed25519, line_ed25519, sizeof(line_ed25519));
	line_of(&rsa, line_rsa, sizeof(line_rsa));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	keypair_clear(&ed25519);
	keypair_clear(&rsa);
	keypair_clear(&rsa_small);
	return 0;
}

/* Parse the text; returns the number of CAs, or 0 and the error's line. */
static size_t
parse(const char *text, enum zt_err want, unsigned want_line)
{
	struct zt_ca_set *set = NULL;
	unsigned line = 99;
	size_t n = 0;

	assert_int_equal(zt_ca_set_parse(zt_str(text), &set, &line), want);
	assert_int_equal(line, want_line);
	if (want == ZT_OK)
		n = zt_ca_set_count(set);
	else
		assert_null(set);
	zt_ca_set_free(set);
	return n;
}

static char text[200000];

static void
several_cas_with_comments_and_empty_lines_are_read(void **state)
{
	(void)state;
	(void)snprintf(text, sizeof(text),
	    "# CAs\n\n%s old CA, until May\n  \t\n\t%s\n   # end", line_ed25519,
	    line_rsa);
	assert_int_equal(parse(text, ZT_OK, 0), 2);
}

static void
no_key_at_all_is_not_found(void **state)
{
	(void)state;
	parse("", ZT_ERR_NOTFOUND, 0);
	parse("\n\n# nothing\n", ZT_ERR_NOTFOUND, 0);
}

static void
a_bad_line_is_named(void **state)
{
	static const char *const bad[] = { "ssh-ed25519", "ssh-ed25519 ",
		"nonsense", "ssh-ed25519 AAAA", "ssh-ed25519 !",
		"cert-authority ssh-ed25519 AAAA", "ssh-dss AAAAB3NzaC1kc3M=" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "# first\n%s\n%s\n",
		    line_ed25519, bad[i]);
		parse(text, ZT_ERR_MALFORMED, 3);
	}
}

static void
the_type_must_be_the_key_s(void **state)
{
	(void)state;
	(void)snprintf(text, sizeof(text), "ssh-ed25519 %s\n",
	    strchr(line_rsa, ' ') + 1);
	parse(text, ZT_ERR_MALFORMED, 1);
}

static void
an_rsa_key_under_2048_bits_is_malformed(void **state)
{
	(void)state;
	line_of(&rsa_small, text, sizeof(text));
	parse(text, ZT_ERR_MALFORMED, 1);
}

static void
a_certificate_is_no_ca(void **state)
{
	static struct forge forge;
	static struct buf blob, line;

	(void)state;
	forge_init(&forge, &ed25519);
	forge_build(&forge, &blob);
	line.len = 0;
	put_line(&line, forge.name, &blob);
	put_u8(&line, '\0');
	parse((const char *)line.p, ZT_ERR_MALFORMED, 1);
}

static void
a_hardware_key_is_no_ca(void **state)
{
	static struct buf blob, line;

	(void)state;
	put_text(&blob, "sk-ssh-ed25519@openssh.com");
	put(&blob, ed25519.body.p, ed25519.body.len);
	put_text(&blob, "ssh:");
	put_line(&line, "sk-ssh-ed25519@openssh.com", &blob);
	put_u8(&line, '\0');
	parse((const char *)line.p, ZT_ERR_MALFORMED, 1);
}

static void
too_many_cas_are_too_big(void **state)
{
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 64; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n",
		    line_ed25519);
	assert_int_equal(parse(text, ZT_OK, 0), 64);
	(void)snprintf(text + len, sizeof(text) - len, "%s\n", line_ed25519);
	parse(text, ZT_ERR_TOOBIG, 65);
}

static void
a_text_over_the_limit_is_too_big(void **state)
{
	(void)state;
	memset(text, '\n', 65537);
	text[65537] = '\0';
	parse(text, ZT_ERR_TOOBIG, 0);
}

static void
a_nul_in_the_text_is_malformed(void **state)
{
	struct zt_ca_set *set = NULL;
	unsigned line;
	int n = snprintf(text, sizeof(text), "%s x", line_ed25519);

	(void)state;
	text[n] = '\0';
	assert_int_equal(zt_ca_set_parse((struct zt_str){ text, (size_t)n + 1 },
			     &set, &line),
	    ZT_ERR_MALFORMED);
	assert_null(set);
}

static void
rotation_accepts_certificates_of_either_ca(void **state)
{
	static struct forge forge;
	static struct buf blob;
	struct keypair both[2] = { ed25519, rsa };
	struct zt_ca_set *set = ca_set_of(both, 2);
	struct zt_cert_policy policy = { .cas = set, .max_lifetime_s = 86400 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		forge_init(&forge, &both[i]);
		forge_build(&forge, &blob);
		assert_int_equal(judge(&blob, &policy), ZT_REASON_NONE);
	}
	zt_ca_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    several_cas_with_comments_and_empty_lines_are_read),
		cmocka_unit_test(no_key_at_all_is_not_found),
		cmocka_unit_test(a_bad_line_is_named),
		cmocka_unit_test(the_type_must_be_the_key_s),
		cmocka_unit_test(an_rsa_key_under_2048_bits_is_malformed),
		cmocka_unit_test(a_certificate_is_no_ca),
		cmocka_unit_test(a_hardware_key_is_no_ca),
		cmocka_unit_test(too_many_cas_are_too_big),
		cmocka_unit_test(a_text_over_the_limit_is_too_big),
		cmocka_unit_test(a_nul_in_the_text_is_malformed),
		cmocka_unit_test(rotation_accepts_certificates_of_either_ca),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
