/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "zt/cert.h"

/* Check ip against a certificate with this source-address list. */
static enum zt_reason
from(const char *list, const char *ip)
{
	char name[] = "source-address";
	char value[1024];
	struct zt_cert_option option = { .name = name, .value = value };
	struct zt_cert cert = { .critical = &option, .n_critical = 1 };

	assert_true(strlen(list) < sizeof(value));
	(void)strcpy(value, list);
	return zt_cert_check_source(&cert, ip);
}

#define IN(list, ip) assert_int_equal(from(list, ip), ZT_REASON_NONE)
#define OUT(list, ip) \
	assert_int_equal(from(list, ip), ZT_REASON_CREDENTIAL_SOURCE)

static void
a_certificate_without_the_option_is_valid_from_anywhere(void **state)
{
	struct zt_cert cert = { .n_critical = 0 };

	(void)state;
	assert_int_equal(zt_cert_check_source(&cert, "192.0.2.1"),
	    ZT_REASON_NONE);
}

static void
an_ipv4_address_matches_itself_only(void **state)
{
	(void)state;
	IN("192.0.2.1", "192.0.2.1");
	OUT("192.0.2.1", "192.0.2.2");
	OUT("192.0.2.1", "::1");
}

static void
an_ipv4_network_matches_to_its_edges(void **state)
{
	(void)state;
	IN("10.0.0.0/8", "10.0.0.0");
	IN("10.0.0.0/8", "10.255.255.255");
	OUT("10.0.0.0/8", "9.255.255.255");
	OUT("10.0.0.0/8", "11.0.0.0");
	IN("192.0.2.128/25", "192.0.2.128");
	OUT("192.0.2.128/25", "192.0.2.127");
	IN("192.0.2.4/31", "192.0.2.5");
	OUT("192.0.2.4/31", "192.0.2.6");
	IN("192.0.2.4/32", "192.0.2.4");
	OUT("192.0.2.4/32", "192.0.2.5");
}

static void
a_prefix_of_zero_matches_its_own_family_only(void **state)
{
	(void)state;
	IN("0.0.0.0/0", "203.0.113.7");
	OUT("0.0.0.0/0", "2001:db8::1");
	IN("::/0", "2001:db8::1");
	OUT("::/0", "203.0.113.7");
}

static void
an_ipv6_network_matches_to_its_edges(void **state)
{
	(void)state;
	IN("::1", "::1");
	IN("2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	OUT("2001:db8::/32", "2001:db9::");
	IN("2001:db8:0:8000::/49", "2001:db8:0:ffff::1");
	OUT("2001:db8:0:8000::/49", "2001:db8:0:7fff::1");
	IN("2001:DB8::5/128", "2001:db8:0:0::5");
	OUT("2001:db8::4/127", "2001:db8::6");
}

static void
a_v4_mapped_client_counts_as_ipv4(void **state)
{
	(void)state;
	IN("192.0.2.0/24", "::ffff:192.0.2.9");
	OUT("192.0.2.0/24", "::ffff:192.0.3.9");
	OUT("::/0", "::ffff:192.0.2.9");
	OUT("192.0.2.0/24", "::192.0.2.9");
}

static void
any_entry_of_a_list_may_match(void **state)
{
	(void)state;
	IN("192.0.2.1,2001:db8::/32,10.0.0.0/8", "192.0.2.1");
	IN("192.0.2.1,2001:db8::/32,10.0.0.0/8", "2001:db8::1");
	IN("192.0.2.1,2001:db8::/32,10.0.0.0/8", "10.1.2.3");
	OUT("192.0.2.1,2001:db8::/32,10.0.0.0/8", "192.0.2.2");
}

static void
a_list_that_does_not_parse_matches_nothing(void **state)
{
	static const char *const lists[] = { "", ",", "192.0.2.1,",
		",192.0.2.1", "192.0.2.1,,192.0.2.1", "192.0.2.1 ",
		" 192.0.2.1", "192.0.2.1, 10.0.0.0/8", "!192.0.2.2",
		"192.0.2.1,!10.0.0.1", "192.0.2.*", "*", "192.0.2",
		"192.0.2.1/", "192.0.2.1/33", "192.0.2.1/-1", "192.0.2.1/+32",
		"192.0.2.1/032", "192.0.2.1/32/32", "192.0.2.1/4294967328",
		"192.0.2.1/24", "192.0.2.01", "192.0.2.1.", "0xc0000201",
		"3221225985", "::1/129", "::g", "2001:db8::1/32", "fe80::1%lo",
		"localhost", "[::1]", "192.0.2.1:22", "192.0.2.1,nonsense",
		"192.0.2.1\n",
		"0000:0000:0000:0000:0000:0000:192.000.002.001/128000" };

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		OUT(lists[i], "192.0.2.1");
		OUT(lists[i], "::1");
	}
}

static void
a_client_address_that_does_not_parse_is_refused(void **state)
{
	(void)state;
	OUT("0.0.0.0/0,::/0", "");
	OUT("0.0.0.0/0,::/0", "UNKNOWN");
	OUT("0.0.0.0/0,::/0", "192.0.2.1 ");
	OUT("0.0.0.0/0,::/0", "192.0.2.1/32");
	OUT("0.0.0.0/0,::/0", "fe80::1%lo");
	OUT("0.0.0.0/0,::/0", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_certificate_without_the_option_is_valid_from_anywhere),
		cmocka_unit_test(an_ipv4_address_matches_itself_only),
		cmocka_unit_test(an_ipv4_network_matches_to_its_edges),
		cmocka_unit_test(a_prefix_of_zero_matches_its_own_family_only),
		cmocka_unit_test(an_ipv6_network_matches_to_its_edges),
		cmocka_unit_test(a_v4_mapped_client_counts_as_ipv4),
		cmocka_unit_test(any_entry_of_a_list_may_match),
		cmocka_unit_test(a_list_that_does_not_parse_matches_nothing),
		cmocka_unit_test(
		    a_client_address_that_does_not_parse_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
