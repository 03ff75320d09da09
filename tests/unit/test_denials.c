/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../ztd/denials.h"

enum { ALICE = 1, BOB, CAROL }; /* digests */

static struct denials denials;

static int
empty(void **state)
{
	(void)state;
	denials = (struct denials){ 0 };
	return 0;
}

static void
denials_are_counted_per_subject(void **state)
{
	(void)state;
	assert_int_equal(denials_count(&denials, ALICE, 60), 0);
	denials_add(&denials, ALICE);
	denials_add(&denials, BOB);
	denials_add(&denials, ALICE);
	assert_int_equal(denials_count(&denials, ALICE, 60), 2);
	assert_int_equal(denials_count(&denials, BOB, 60), 1);
	assert_int_equal(denials_count(&denials, CAROL, 60), 0);
}

static void
denials_out_of_the_window_do_not_count(void **state)
{
	(void)state;
	denials_add(&denials, ALICE);
	denials.ring[0].us -= 61 * INT64_C(1000000);
	assert_int_equal(denials_count(&denials, ALICE, 60), 0);
	assert_int_equal(denials_count(&denials, ALICE, 120), 1);
}

static void
denials_beyond_the_ring_push_the_oldest_out(void **state)
{
	(void)state;
	denials_add(&denials, ALICE);
	for (int i = 0; i < DENIALS_MAX; i++)
		denials_add(&denials, BOB);
	assert_int_equal(denials_count(&denials, ALICE, 60), 0);
	assert_int_equal(denials_count(&denials, BOB, 60), DENIALS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(denials_are_counted_per_subject, empty),
		cmocka_unit_test_setup(denials_out_of_the_window_do_not_count,
		    empty),
		cmocka_unit_test_setup(
		    denials_beyond_the_ring_push_the_oldest_out, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
