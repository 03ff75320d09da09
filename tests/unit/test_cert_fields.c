/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates with a defect in their fields; the keys are in order. */
#include "forge_rows.h"

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
key_id_not_utf8(struct forge *f)
{
	f->key_id.p[0] = 0xff;
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

static const struct row rows[] = {
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
	DENIED(host, TYPE),
	BAD(type_zero),
	BAD(type_three),
	BAD(key_id_with_nul),
	STRICTER(key_id_ends_with_nul),
	STRICTER(key_id_too_long),
	STRICTER(key_id_empty),
	STRICTER(key_id_not_utf8),
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
		cmocka_unit_test(each_row_is_judged_as_it_says),
		cmocka_unit_test(ssh_keygen_reads_what_the_rows_say),
		cmocka_unit_test(every_prefix_of_a_certificate_is_refused),
		cmocka_unit_test(
		    every_prefix_of_the_principals_is_refused_or_a_shorter_list),
		cmocka_unit_test(every_prefix_of_a_critical_option_is_refused),
		cmocka_unit_test(the_clock_skew_widens_both_ends_and_no_more),
		cmocka_unit_test(times_at_the_ends_of_their_range_do_not_wrap),
		cmocka_unit_test(
		    forever_is_refused_even_without_a_limit_on_lifetime),
		cmocka_unit_test(an_unset_policy_refuses),
	};

	return cmocka_run_group_tests(tests, rows_setup, rows_teardown);
}
