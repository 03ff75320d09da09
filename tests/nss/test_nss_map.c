/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds the mapped snapshot: the module's own map.c, with more users of
 * it at once than a process has threads that look up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../nss_zt/map.h"
#include "path.h"
#include "zt/identity.h"
#include "zt/snapshot_format.h"

#define SLOTS 60 /* of map.c */
#define USES  (SLOTS + 6)

static void
put(uint64_t generation)
{
	const struct zt_directory directory = { 0 };
	const struct zt_snapshot_meta meta = { .generation = generation,
		.id_min = 65536,
		.id_max = 524287,
		.complete = true };

	assert_int_equal(zt_snapshot_write(test_path, &directory, &meta),
	    ZT_OK);
}

/* Mark the one in place as superseded. */
static void
mark(void)
{
	const off_t at = offsetof(struct zt_snapshot_header, superseded);
	const int fd = open(test_path, O_WRONLY | O_CLOEXEC);
	const uint32_t one = 1;

	assert_int_equal(pwrite(fd, &one, sizeof(one), at), sizeof(one));
	(void)close(fd);
}

static int
count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096];
	int n = 0;

	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "users.snapshot") != NULL;
	(void)fclose(f);
	return n;
}

static void
acquire(struct map_use *use, uint64_t generation)
{
	errno = 12345;
	assert_int_equal(map_acquire(use), ZT_OK);
	assert_int_equal(errno, 12345);
	assert_int_equal(use->snapshot->info.generation, generation);
}

static void
release(struct map_use *use)
{
	errno = 12345;
	map_release(use);
	assert_int_equal(errno, 12345);
}

static void
there_may_be_none(void **state)
{
	struct map_use use;

	(void)state;
	errno = 12345;
	assert_int_equal(map_acquire(&use), ZT_ERR_UNAVAIL);
	assert_int_equal(errno, 12345);
	assert_int_equal(count_maps(), 0);
}

static void
it_stays_mapped_while_one_uses_it(void **state)
{
	struct map_use old, new;

	(void)state;
	put(1);
	acquire(&old, 1);
	put(2);
	acquire(&new, 2);
	assert_int_equal(count_maps(), 2);
	assert_int_equal(old.snapshot->info.generation, 1);
	assert_true(zt_snapshot_superseded(old.snapshot));
	release(&old);
	assert_int_equal(count_maps(), 1);
	assert_false(zt_snapshot_superseded(new.snapshot));
	release(&new);
	assert_int_equal(count_maps(), 1);
}

static void
each_generation_in_use_stays_mapped(void **state)
{
	struct map_use uses[20];

	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		put(10 + i);
		acquire(&uses[i], 10 + i);
	}
	assert_int_equal(count_maps(), 20);
	for (int i = 19; i >= 0; i -= 2)
		release(&uses[i]);
	assert_int_equal(count_maps(), 11); /* the last is in force */
	for (int i = 0; i < 20; i += 2) {
		assert_int_equal(uses[i].snapshot->info.generation, 10 + i);
		release(&uses[i]);
	}
	assert_int_equal(count_maps(), 1);
}

/* As after forks and cancelled threads: no slot is free. */
static void
without_a_slot_each_maps_for_itself(void **state)
{
	struct map_use uses[USES];

	(void)state;
	put(50);
	for (int i = 0; i < USES; i++)
		acquire(&uses[i], 50);
	assert_int_equal(count_maps(), 1 + USES - SLOTS);
	for (int i = SLOTS; i < USES; i++)
		release(&uses[i]);
	assert_int_equal(count_maps(), 1);
	put(51);
	acquire(&uses[SLOTS], 51); /* sees the new one, and keeps it alone */
	release(&uses[SLOTS]);
	assert_int_equal(count_maps(), 1);
	release(&uses[7]);
	acquire(&uses[7], 51);
	assert_int_equal(count_maps(), 2);
	for (int i = 0; i < SLOTS; i++)
		release(&uses[i]);
	assert_int_equal(count_maps(), 1);
}

static void
the_only_one_is_used_although_superseded(void **state)
{
	const struct zt_snapshot *before = NULL;
	char aside[80];
	struct map_use use;

	(void)state;
	put(60);
	acquire(&use, 60);
	release(&use);
	(void)snprintf(aside, sizeof(aside), "%s.aside", test_path);
	assert_int_equal(link(test_path, aside), 0);
	put(61);
	assert_int_equal(rename(aside, test_path), 0);
	for (int i = 0; i < 3; i++) { /* the file of 60 is what stands there */
		acquire(&use, 60);
		assert_true(zt_snapshot_superseded(use.snapshot));
		assert_true(i == 0 || use.snapshot == before);
		before = use.snapshot; /* is not mapped anew each time */
		release(&use);
		assert_int_equal(count_maps(), 1);
	}
	put(62);
	acquire(&use, 62);
	release(&use);
}

/* acquire(), where none can be opened. */
static enum zt_err
acquire_without_descriptors(struct map_use *use)
{
	struct rlimit none = { 0 }, before;
	enum zt_err err;

	getrlimit(RLIMIT_NOFILE, &before);
	none.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	errno = 12345;
	err = map_acquire(use);
	assert_int_equal(errno, 12345);
	setrlimit(RLIMIT_NOFILE, &before);
	return err;
}

/* Its writer died before the rename, or it alone is mounted there. */
static void
the_one_in_place_is_kept_although_superseded(void **state)
{
	struct map_use use;

	(void)state;
	put(65);
	acquire(&use, 65);
	mark();
	release(&use);
	assert_int_equal(acquire_without_descriptors(&use), ZT_OK);
	assert_int_equal(use.snapshot->info.generation, 65);
	assert_true(zt_snapshot_superseded(use.snapshot));
	release(&use);
	assert_int_equal(count_maps(), 1);
	put(66);
	assert_int_equal(acquire_without_descriptors(&use), ZT_ERR_NOMEM);
	acquire(&use, 66);
	release(&use);
	assert_int_equal(count_maps(), 1);
}

static void
without_memory_it_says_so(void **state)
{
	const struct rlimit none = { 4096, RLIM_INFINITY };
	struct rlimit before;
	struct map_use use;
	enum zt_err err;

	(void)state;
	put(70);
	getrlimit(RLIMIT_AS, &before);
	setrlimit(RLIMIT_AS, &none);
	err = map_acquire(&use); /* the node fits, the mapping does not */
	setrlimit(RLIMIT_AS, &before);
	assert_int_equal(err, ZT_ERR_NOMEM);
	acquire(&use, 70);
	release(&use);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_may_be_none),
		cmocka_unit_test(it_stays_mapped_while_one_uses_it),
		cmocka_unit_test(each_generation_in_use_stays_mapped),
		cmocka_unit_test(without_a_slot_each_maps_for_itself),
		cmocka_unit_test(the_only_one_is_used_although_superseded),
		cmocka_unit_test(the_one_in_place_is_kept_although_superseded),
		cmocka_unit_test(without_memory_it_says_so),
	};
	int failed;

	test_path_make();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_path_remove();
	return failed;
}
