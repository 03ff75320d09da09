/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a source is synced: on a clock of the test's own, with a source of its
 * own in the place of a directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ztd/source_clock.h"
#include "../../ztd/stamp.h"

#define MS INT64_C(1000)
#define S  (1000 * MS)

#define SOON     (2 * MS) /* until a change is read */
#define SCAN     (1 * S)  /* what reading all takes */
#define UPDATE   (1 * MS) /* what reading a changed file takes */
#define INTERVAL 60       /* of the remote source, seconds */

/* ---- the clock: these definitions come before the broker's ---- */

static int64_t clock_us;

int64_t
stamp_now_ms(void)
{
	return clock_us / MS;
}

int64_t
stamp_boottime_ms(void)
{
	return clock_us / MS;
}

int64_t
stamp_monotonic_us(void)
{
	return clock_us;
}

bool
stamp_clock_synchronized(void)
{
	return true;
}

/* ---- the source ---- */

static struct {
	struct conf_source conf;
	sd_event *event;
	struct source *source;
	bool all;     /* a sync has to read everything */
	bool failing; /* syncs fail */
	unsigned scans, updates;
} host;

static enum zt_err
fake_create(struct source *s)
{
	(void)s;
	return ZT_OK;
}

static void
fake_sync(struct source *s)
{
	clock_us += host.all ? SCAN : UPDATE;
	host.scans += host.all;
	host.updates += !host.all;
	host.all = false;
	if (host.failing)
		source_fail(s, "it is meant to");
	else
		source_same(s);
}

static void
fake_destroy(struct source *s)
{
	(void)s;
}

const struct source_type source_files = { .name = "files",
	.create = fake_create,
	.sync = fake_sync,
	.destroy = fake_destroy };
const struct source_type source_bundle = { .name = "bundle",
	.remote = true,
	.create = fake_create,
	.sync = fake_sync,
	.destroy = fake_destroy };
const struct source_type source_scim = { .name = "scim",
	.remote = true,
	.create = fake_create,
	.sync = fake_sync,
	.destroy = fake_destroy };

static void
on_changed(void *arg, struct source *s)
{
	(void)arg;
	(void)s;
}

static void
make(const char *type)
{
	static char text[16];
	const struct source_options options = { .event = host.event,
		.state_dir = "/nonexistent",
		.stale_after_s = 86400,
		.changed = on_changed };

	(void)snprintf(text, sizeof(text), "%s", type);
	host.conf = (struct conf_source){
		.name = text, .type = text, .interval_s = INTERVAL
	};
	assert_int_equal(source_new(&host.conf, &options, &host.source), ZT_OK);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	clock_us = 1000 * S;
	return sd_event_new(&host.event) < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	source_free(host.source);
	(void)sd_event_unref(host.event);
	return 0;
}

/* ---- what happens ---- */

/* When the next sync is planned; 0: none is. */
static int64_t
planned(void)
{
	return host.source->clock->next_us;
}

/* A few files changed, or so many that all are to be read. */
static void
change(bool whole)
{
	host.all = host.all || whole;
	source_hurry(host.source, host.all);
	assert_true(planned() > 0);
}

/* As the timer does it, if it is time. */
static void
run_timer(void)
{
	if (planned() != 0 && clock_us >= planned())
		source_sync(host.source);
}

/* Go on until the sync that is planned is over; it has to be. */
static void
run_sync(void)
{
	assert_true(planned() > 0);
	if (clock_us < planned())
		clock_us = planned();
	run_timer();
}

/* One of everything, just ended: as after the start. */
static void
scan(void)
{
	host.all = true;
	source_sync(host.source);
	assert_int_equal(host.scans, 1);
}

/* us, give or take the jitter */
static void
is_in(int64_t us, int64_t want)
{
	assert_in_range(us, want * 9 / 10, want * 11 / 10);
}

/* ---- the tests ---- */

static void
a_changed_file_does_not_wait_for_the_pace_of_a_scan(void **state)
{
	(void)state;
	make("files");
	scan();
	assert_int_equal(planned(), 0); /* it is told of changes */
	change(false);
	assert_int_equal(planned(), clock_us + SOON);
	clock_us += MS;
	change(false); /* comes with it, and does not put it off */
	assert_int_equal(planned(), clock_us + SOON - MS);
	run_sync();
	assert_int_equal(host.updates, 1);
	assert_int_equal(planned(), 0);
}

static void
a_scan_waits_three_times_as_long_as_the_last_took(void **state)
{
	int64_t ended_us;

	(void)state;
	make("files");
	scan();
	ended_us = clock_us;
	change(true);
	assert_int_equal(planned(), ended_us + 3 * SCAN);
	clock_us += S;
	change(true);
	assert_int_equal(planned(), ended_us + 3 * SCAN);
	run_sync();
	assert_int_equal(host.scans, 2);
}

static void
after_a_long_rest_a_scan_comes_at_once(void **state)
{
	(void)state;
	make("files");
	scan();
	clock_us += 60 * S;
	change(true);
	assert_int_equal(planned(), clock_us + SOON);
}

static void
a_changed_file_that_becomes_a_scan_waits_as_one(void **state)
{
	int64_t ended_us;

	(void)state;
	make("files");
	scan();
	ended_us = clock_us;
	change(false);
	assert_int_equal(planned(), ended_us + SOON);
	change(true); /* one too many */
	assert_int_equal(planned(), ended_us + 3 * SCAN);
}

/* Else a file between two scans would make their pace its own. */
static void
a_changed_file_does_not_end_the_rest_after_a_scan(void **state)
{
	int64_t ended_us;

	(void)state;
	make("files");
	scan();
	ended_us = clock_us;
	change(false);
	run_sync();
	assert_int_equal(host.updates, 1);
	change(true);
	assert_int_equal(planned(), ended_us + 3 * SCAN);
}

/* Every 0.1 ms for two minutes, so that there is never a pause. */
static void
changes_without_end_neither_crowd_scans_nor_put_them_off(void **state)
{
	int64_t end_us;

	(void)state;
	make("files");
	scan();
	end_us = clock_us + 120 * S;
	while (clock_us < end_us) {
		change(true);
		run_timer();
		clock_us += MS / 10;
	}
	assert_in_range(host.scans, 29, 31); /* each is 1 s in 4 */
}

static void
single_changes_without_end_are_read_as_they_come(void **state)
{
	int64_t end_us;

	(void)state;
	make("files");
	scan();
	end_us = clock_us + S;
	while (clock_us < end_us) {
		change(false);
		run_timer();
		clock_us += MS / 10;
	}
	/* 2 ms to wait and 1 to read, or so */
	assert_in_range(host.updates, 300, 340);
	assert_int_equal(host.scans, 1);
}

static void
a_directory_that_fails_is_tried_again_after_two_seconds(void **state)
{
	(void)state;
	make("files");
	host.failing = true;
	source_sync(host.source);
	for (unsigned i = 1; i < 40; i++) {
		is_in(planned() - clock_us, 2 * S);
		assert_int_equal(host.updates, i);
		run_sync();
	}
	host.failing = false;
	run_sync();
	assert_int_equal(planned(), 0);
}

static void
a_remote_source_that_fails_is_tried_ever_more_rarely(void **state)
{
	static const int64_t waits[] = { 2, 4, 8, 16, 32 };

	(void)state;
	make("scim");
	source_sync(host.source);
	is_in(planned() - clock_us, INTERVAL * S);
	host.failing = true;
	run_sync();
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		is_in(planned() - clock_us, waits[i] * S);
		run_sync();
	}
	for (int i = 0; i < 100; i++) {
		is_in(planned() - clock_us, INTERVAL * S);
		run_sync();
	}
	host.failing = false;
	run_sync();
	host.failing = true;
	run_sync();
	is_in(planned() - clock_us, 2 * S); /* it begins anew */
}

/* A scan is due at its pace also if the last has failed. */
static void
a_change_after_a_failure_keeps_to_the_pace(void **state)
{
	int64_t ended_us;

	(void)state;
	make("files");
	host.failing = true;
	scan();
	ended_us = clock_us;
	change(true);
	assert_int_equal(planned(), ended_us + 3 * SCAN);
}

/* Who repairs what was wrong is not left to wait. */
static void
a_change_comes_before_the_next_try(void **state)
{
	(void)state;
	make("files");
	host.failing = true;
	source_sync(host.source);
	is_in(planned() - clock_us, 2 * S);
	change(true);
	assert_int_equal(planned(), clock_us + 3 * UPDATE);
	run_sync();
	change(false);
	assert_int_equal(planned(), clock_us + SOON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_changed_file_does_not_wait_for_the_pace_of_a_scan),
		TEST(a_scan_waits_three_times_as_long_as_the_last_took),
		TEST(after_a_long_rest_a_scan_comes_at_once),
		TEST(a_changed_file_that_becomes_a_scan_waits_as_one),
		TEST(a_changed_file_does_not_end_the_rest_after_a_scan),
		TEST(changes_without_end_neither_crowd_scans_nor_put_them_off),
		TEST(single_changes_without_end_are_read_as_they_come),
		TEST(a_directory_that_fails_is_tried_again_after_two_seconds),
		TEST(a_remote_source_that_fails_is_tried_ever_more_rarely),
		TEST(a_change_after_a_failure_keeps_to_the_pace),
		TEST(a_change_comes_before_the_next_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
