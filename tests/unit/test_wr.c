/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "zt/text.h"
#include "zt/wr.h"

#define CANARY 0xa5

static void
put_all(struct zt_wr *wr)
{
	zt_wr_u8(wr, 0x01);
	zt_wr_u16(wr, 0x0203);
	zt_wr_u32(wr, 0x04050607);
	zt_wr_str16(wr, zt_str("ab"), 2);
}

static void
numbers_and_text_are_laid_out_as_documented(void **state)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 0, 2, 'a', 'b' };
	uint8_t buf[sizeof(want)];
	struct zt_wr wr;
	size_t len;

	(void)state;
	zt_wr_init(&wr, buf, sizeof(buf));
	put_all(&wr);
	assert_int_equal(zt_wr_end(&wr, &len), ZT_OK);
	assert_int_equal(len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void
every_buffer_too_small_is_refused_and_not_overrun(void **state)
{
	uint8_t buf[12];
	struct zt_wr wr;
	size_t len = 77;

	(void)state;
	for (size_t cap = 0; cap < 11; cap++) {
		memset(buf, CANARY, sizeof(buf));
		zt_wr_init(&wr, buf, cap);
		put_all(&wr);
		assert_int_equal(zt_wr_end(&wr, &len), ZT_ERR_TOOBIG);
		assert_int_equal(len, 77);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], CANARY);
	}
}

static void
text_over_its_limit_or_with_nul_is_refused(void **state)
{
	static char big[70000];
	static uint8_t buf[80000];
	struct zt_wr wr;
	size_t len;

	(void)state;
	zt_wr_init(&wr, buf, sizeof(buf));
	zt_wr_str16(&wr, zt_str("abc"), 2);
	assert_int_equal(zt_wr_end(&wr, &len), ZT_ERR_TOOBIG);

	zt_wr_init(&wr, buf, sizeof(buf));
	zt_wr_str16(&wr, (struct zt_str){ "a\0b", 3 }, 3);
	assert_int_equal(zt_wr_end(&wr, &len), ZT_ERR_MALFORMED);

	memset(big, 'x', sizeof(big));
	zt_wr_init(&wr, buf, sizeof(buf));
	zt_wr_str16(&wr, (struct zt_str){ big, 65535 }, SIZE_MAX);
	assert_int_equal(zt_wr_end(&wr, &len), ZT_OK);
	assert_int_equal(len, 65537);

	zt_wr_init(&wr, buf, sizeof(buf));
	zt_wr_str16(&wr, (struct zt_str){ big, 65536 }, SIZE_MAX);
	assert_int_equal(zt_wr_end(&wr, &len), ZT_ERR_TOOBIG);
}

static void
the_first_error_sticks(void **state)
{
	uint8_t buf[8];
	struct zt_wr wr;
	size_t len = 77;

	(void)state;
	zt_wr_init(&wr, buf, sizeof(buf));
	zt_wr_str16(&wr, (struct zt_str){ "\0", 1 }, 1);
	zt_wr_u8(&wr, 1);
	zt_wr_str16(&wr, zt_str("abc"), 2);
	assert_int_equal(zt_wr_end(&wr, &len), ZT_ERR_MALFORMED);
	assert_int_equal(len, 77);
}

static void
empty_text_may_have_a_null_pointer(void **state)
{
	uint8_t buf[2];
	struct zt_wr wr;
	size_t len;

	(void)state;
	zt_wr_init(&wr, buf, sizeof(buf));
	zt_wr_str16(&wr, (struct zt_str){ NULL, 0 }, 0);
	assert_int_equal(zt_wr_end(&wr, &len), ZT_OK);
	assert_int_equal(len, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_text_are_laid_out_as_documented),
		cmocka_unit_test(
		    every_buffer_too_small_is_refused_and_not_overrun),
		cmocka_unit_test(text_over_its_limit_or_with_nul_is_refused),
		cmocka_unit_test(the_first_error_sticks),
		cmocka_unit_test(empty_text_may_have_a_null_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
