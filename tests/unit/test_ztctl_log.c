/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/ztctl_log.h"
#include "zt/record.h"

#define LINES_MAX 4096

/* What came out: the length of each line and the number at its start. */
static struct {
	size_t n;
	size_t stop_at;
	size_t lens[LINES_MAX];
	unsigned long numbers[LINES_MAX];
} got;

static bool
take(void *arg, const char *line, size_t len)
{
	(void)arg;
	assert_true(got.n < LINES_MAX);
	got.lens[got.n] = len;
	got.numbers[got.n++] = strtoul(line, NULL, 10);
	return got.n != got.stop_at;
}

static char path[64];
static FILE *out;

static int
begin(void **state)
{
	int fd;

	(void)state;
	(void)strcpy(path, "/tmp/zt-test-XXXXXX");
	fd = mkstemp(path);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	memset(&got, 0, sizeof(got));
	return out == NULL ? -1 : 0;
}

static int
end(void **state)
{
	(void)state;
	return unlink(path);
}

/* A line that starts with a number and is len bytes long, without its LF. */
static void
put_line(unsigned number, size_t len)
{
	int n = fprintf(out, "%u ", number);

	for (size_t i = (size_t)n; i < len; i++)
		(void)fputc('x', out);
}

static void
read_back(void)
{
	assert_int_equal(fclose(out), 0);
	assert_int_equal(log_read_backwards(path, take, NULL), ZT_OK);
}

static void
lines_come_last_first(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		put_line(i, 10 * i);
		(void)fputc('\n', out);
	}
	read_back();
	assert_int_equal(got.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(got.numbers[i], 3 - i);
		assert_int_equal(got.lens[i], 10 * (3 - i));
	}
}

static void
lines_of_every_length_survive_the_block_boundaries(void **state)
{
	unsigned i;

	(void)state;
	/* lengths that fall on all offsets of a 64 KiB block */
	for (i = 1; i <= 2000; i++) {
		put_line(i, 8 + i * 37 % 4099);
		(void)fputc('\n', out);
	}
	read_back();
	assert_int_equal(got.n, 2000);
	for (i = 1; i <= 2000; i++) {
		assert_int_equal(got.numbers[2000 - i], i);
		assert_int_equal(got.lens[2000 - i], 8 + i * 37 % 4099);
	}
}

static void
a_block_may_begin_or_end_with_a_line(void **state)
{
	(void)state;
	for (size_t first = 65526; first <= 65546; first++) {
		(void)begin(NULL);
		/* the second line starts at offset first of the file's end */
		put_line(1, 100);
		(void)fputc('\n', out);
		for (size_t left = first; left > 0; left -= 16384) {
			size_t len = left > 16384 ? 16384 : left;

			put_line(2, len - 1);
			(void)fputc('\n', out);
			if (len < 16384)
				break;
		}
		read_back();
		assert_int_equal(got.numbers[got.n - 1], 1);
		assert_int_equal(got.lens[got.n - 1], 100);
		(void)unlink(path);
	}
	(void)begin(NULL);
	(void)fclose(out);
}

static void
a_line_too_long_is_passed_over_and_its_neighbours_are_not(void **state)
{
	static const size_t lens[] = { ZT_RECORD_MAX + 1, 65536, 70000,
		300000 };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t tail = 0; tail < 70000; tail += 6999) {
			(void)begin(NULL);
			put_line(1, 50);
			(void)fputc('\n', out);
			put_line(2, lens[i]);
			(void)fputc('\n', out);
			for (size_t n = 0; n < tail; n += 100) {
				put_line(3, 99);
				(void)fputc('\n', out);
			}
			read_back();
			assert_int_equal(got.n, 1 + (tail + 99) / 100);
			assert_int_equal(got.numbers[got.n - 1], 1);
			(void)unlink(path);
		}
	(void)begin(NULL);
	(void)fclose(out);
}

static void
the_longest_record_is_handed_out(void **state)
{
	(void)state;
	put_line(1, ZT_RECORD_MAX);
	(void)fputc('\n', out);
	put_line(2, ZT_RECORD_MAX);
	(void)fputc('\n', out);
	read_back();
	assert_int_equal(got.n, 2);
	assert_int_equal(got.lens[1], ZT_RECORD_MAX);
}

static void
a_torn_last_line_is_handed_out_too(void **state)
{
	(void)state;
	put_line(1, 20);
	(void)fputc('\n', out);
	put_line(2, 5);
	read_back();
	assert_int_equal(got.n, 2);
	assert_int_equal(got.numbers[0], 2);
	assert_int_equal(got.numbers[1], 1);
}

static void
reading_stops_when_told(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 100; i++) {
		put_line(i, 20);
		(void)fputc('\n', out);
	}
	got.stop_at = 2;
	read_back();
	assert_int_equal(got.n, 2);
	assert_int_equal(got.numbers[1], 99);
}

static void
an_empty_log_has_no_lines(void **state)
{
	(void)state;
	read_back();
	assert_int_equal(got.n, 0);
}

static void
only_regular_files_are_read(void **state)
{
	(void)state;
	(void)fclose(out);
	assert_int_equal(log_read_backwards("/tmp", take, NULL), ZT_ERR_INVAL);
	assert_int_equal(log_read_backwards("/dev/null", take, NULL),
	    ZT_ERR_INVAL);
	assert_int_equal(log_read_backwards("/nonexistent", take, NULL),
	    ZT_ERR_SYS);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_read_backwards(path, take, NULL), ZT_ERR_INVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_come_last_first),
		TEST(lines_of_every_length_survive_the_block_boundaries),
		TEST(the_longest_record_is_handed_out),
		TEST(a_torn_last_line_is_handed_out_too),
		TEST(reading_stops_when_told),
		TEST(an_empty_log_has_no_lines),
		TEST(only_regular_files_are_read),
		cmocka_unit_test_teardown(a_block_may_begin_or_end_with_a_line,
		    end),
		cmocka_unit_test_teardown(
		    a_line_too_long_is_passed_over_and_its_neighbours_are_not,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
