/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "zt/rd.h"

static void
u8_u16_u32_u64_are_big_endian(void **state)
{
	static const uint8_t msg[] = { 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8,
		0xf7, 0xf6, 0xf5, 0xf4, 0xf3, 0xf2, 0xf1, 0xf0 };
	struct zt_rd rd;

	(void)state;
	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_u8(&rd), 0xfe);
	assert_int_equal(zt_rd_u16(&rd), 0xfdfc);
	assert_true(zt_rd_u32(&rd) == 0xfbfaf9f8u);
	assert_true(zt_rd_u64(&rd) == 0xf7f6f5f4f3f2f1f0u);
	assert_int_equal(zt_rd_left(&rd), 0);
	assert_int_equal(zt_rd_end(&rd), ZT_OK);
}

static uint64_t
get_number(struct zt_rd *rd, size_t size)
{
	switch (size) {
	case 1:
		return zt_rd_u8(rd);
	case 2:
		return zt_rd_u16(rd);
	case 4:
		return zt_rd_u32(rd);
	default:
		return zt_rd_u64(rd);
	}
}

static void
every_prefix_of_a_number_is_truncated(void **state)
{
	static const uint8_t msg[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct zt_rd rd;

	(void)state;
	for (size_t size = 1; size <= 8; size *= 2) {
		for (size_t n = 0; n < size; n++) {
			zt_rd_init(&rd, msg, n);
			assert_true(get_number(&rd, size) == 0);
			assert_int_equal(zt_rd_end(&rd), ZT_ERR_TRUNCATED);
		}
		zt_rd_init(&rd, msg, size);
		assert_true(get_number(&rd, size) != 0);
		assert_int_equal(zt_rd_end(&rd), ZT_OK);
	}
}

static void
text_at_its_limit_passes_and_one_over_does_not(void **state)
{
	static const uint8_t msg[] = { 0, 3, 'a', 'b', 'c' };
	struct zt_rd rd;
	struct zt_str s;

	(void)state;
	zt_rd_init(&rd, msg, sizeof(msg));
	s = zt_rd_str16(&rd, 3);
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.p, "abc", 3);
	assert_int_equal(zt_rd_end(&rd), ZT_OK);

	zt_rd_init(&rd, msg, sizeof(msg));
	s = zt_rd_str16(&rd, 2);
	assert_int_equal(s.len, 0);
	assert_non_null(s.p);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TOOBIG);
}

static void
a_length_beyond_the_buffer_is_truncated(void **state)
{
	static const uint8_t msg[] = { 0xff, 0xff, 0xff, 0xff, 'x' };
	struct zt_rd rd;

	(void)state;
	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_str16(&rd, SIZE_MAX).len, 0);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TRUNCATED);

	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_bytes32(&rd, SIZE_MAX).len, 0);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TRUNCATED);

	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_bytes32(&rd, 0xfffffffe).len, 0);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TOOBIG);
}

static void
text_with_nul_is_malformed_and_bytes_may_have_it(void **state)
{
	static const uint8_t msg[] = { 0, 0, 0, 2, 'a', 0 };
	struct zt_rd rd;

	(void)state;
	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_str32(&rd, 9).len, 0);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_MALFORMED);

	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_bytes32(&rd, 9).len, 2);
	assert_int_equal(zt_rd_end(&rd), ZT_OK);

	zt_rd_init(&rd, msg + 2, sizeof(msg) - 2);
	assert_int_equal(zt_rd_str16(&rd, 9).len, 0);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_MALFORMED);
}

static void
the_first_error_sticks_and_nothing_more_is_read(void **state)
{
	static const uint8_t msg[] = { 0, 9, 'x', 0, 1, 'y' };
	struct zt_rd rd;

	(void)state;
	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_str16(&rd, 4).len, 0);
	assert_int_equal(zt_rd_left(&rd), 0);
	assert_int_equal(zt_rd_u8(&rd), 0);
	assert_int_equal(zt_rd_u32(&rd), 0);
	assert_int_equal(zt_rd_str16(&rd, 4).len, 0);
	zt_rd_fail(&rd, ZT_ERR_VERSION);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TOOBIG);
}

static void
bytes_left_over_are_an_error(void **state)
{
	static const uint8_t msg[] = { 1, 2 };
	struct zt_rd rd;

	(void)state;
	zt_rd_init(&rd, msg, sizeof(msg));
	assert_int_equal(zt_rd_u8(&rd), 1);
	assert_int_equal(zt_rd_left(&rd), 1);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TRAILING);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TRAILING);
}

static void
an_empty_buffer_may_be_null(void **state)
{
	struct zt_rd rd;

	(void)state;
	zt_rd_init(&rd, NULL, 0);
	assert_int_equal(zt_rd_left(&rd), 0);
	assert_int_equal(zt_rd_end(&rd), ZT_OK);
	zt_rd_init(&rd, NULL, 0);
	assert_int_equal(zt_rd_u8(&rd), 0);
	assert_int_equal(zt_rd_end(&rd), ZT_ERR_TRUNCATED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u8_u16_u32_u64_are_big_endian),
		cmocka_unit_test(every_prefix_of_a_number_is_truncated),
		cmocka_unit_test(
		    text_at_its_limit_passes_and_one_over_does_not),
		cmocka_unit_test(a_length_beyond_the_buffer_is_truncated),
		cmocka_unit_test(
		    text_with_nul_is_malformed_and_bytes_may_have_it),
		cmocka_unit_test(
		    the_first_error_sticks_and_nothing_more_is_read),
		cmocka_unit_test(bytes_left_over_are_an_error),
		cmocka_unit_test(an_empty_buffer_may_be_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
