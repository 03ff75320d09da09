/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot that is read in places says what the same bytes say when they
 * are mapped, whatever they are.
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
#include <unistd.h>

#include "snapshot_sample.h"
#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/text.h"

#define MANY       1000
#define NAME_BYTES 32

static void
put(const char *path, const struct copy *copy)
{
	zt_auto_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, copy->bytes, copy->len), copy->len);
}

static void
same_text(struct zt_str a, struct zt_str b)
{
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len + 1);
}

static void
same_user(const struct zt_snapshot_user *a, const struct zt_snapshot_user *b)
{
	same_text(a->name, b->name);
	same_text(a->gecos, b->gecos);
	same_text(a->home, b->home);
	same_text(a->shell, b->shell);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->locked, b->locked);
	assert_int_equal(a->private_group, b->private_group);
	assert_int_equal(a->not_before_us, b->not_before_us);
	assert_int_equal(a->not_after_us, b->not_after_us);
	assert_int_equal(a->source, b->source);
	assert_int_equal(a->n_gids, b->n_gids);
	assert_int_equal(a->gids, b->gids);
}

/* The two ways to one file. */
struct ways {
	struct zt_snapshot mapped;
	struct zt_snapshot_read read;
};

static enum zt_err
both_by_name(struct ways *w, const char *name)
{
	struct zt_snapshot_user a, b;
	const enum zt_err err = zt_snapshot_user(&w->mapped, zt_str(name), &a);

	errno = 4711;
	assert_int_equal(zt_snapshot_read_user(&w->read, zt_str(name), &b),
	    err);
	assert_int_equal(errno, 4711);
	if (err == ZT_OK)
		same_user(&a, &b);
	return err;
}

static enum zt_err
both_by_uid(struct ways *w, uint32_t uid)
{
	struct zt_snapshot_user a, b;
	const enum zt_err err = zt_snapshot_user_by_uid(&w->mapped, uid, &a);

	errno = 4711;
	assert_int_equal(zt_snapshot_read_user_by_uid(&w->read, uid, &b), err);
	assert_int_equal(errno, 4711);
	if (err == ZT_OK)
		same_user(&a, &b);
	return err;
}

/* Put the bytes there and open them both ways; false if neither will. */
static bool
ways_open(const char *path, const struct copy *copy, struct ways *w)
{
	const enum zt_err err =
	    zt_snapshot_init(copy->bytes, copy->len, &w->mapped);

	put(path, copy);
	errno = 4711;
	assert_int_equal(zt_snapshot_read_open(path, &w->read), err);
	assert_int_equal(errno, 4711);
	if (err != ZT_OK)
		return false;
	assert_memory_equal(&w->read.snapshot.info, &w->mapped.info,
	    sizeof(w->mapped.info));
	return true;
}

/* Ask both for all of the sample, and for who is not in it. */
static void
ask_both(const char *path, const struct copy *copy)
{
	static const char *const names[] = { "alice", "bob", "carol", "team",
		"", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	static const uint32_t uids[] = { 70001, 70002, 70003, 70004, 0, 999,
		65535, SAMPLE_ID_MIN - 1, SAMPLE_ID_MAX + 1, UINT32_MAX };
	struct ways w;

	if (!ways_open(path, copy, &w))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)both_by_name(&w, names[i]);
	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++)
		(void)both_by_uid(&w, uids[i]);
	zt_snapshot_read_close(&w.read);
}

/* The snapshot of n users, user0 and so on. */
static struct copy
copy_of_many(size_t n, uint64_t generation)
{
	static struct zt_directory_user users[MANY];
	static struct zt_user records[MANY];
	static char names[MANY][NAME_BYTES];
	struct sample sample;

	sample_init(&sample);
	for (size_t i = 0; i < n; i++) {
		const uint32_t id = SAMPLE_ID_MIN + (uint32_t)i;

		(void)snprintf(names[i], sizeof(names[i]), "user%zu", i);
		records[i] = sample.users[0];
		records[i].name = names[i];
		users[i] = (struct zt_directory_user){ .record = &records[i],
			.uid = id,
			.gid = id,
			.private_group = true };
	}
	sample.meta.generation = generation;
	return copy_write(&(struct zt_directory){ .users = users,
			      .n_users = n },
	    &sample.meta);
}

static void
whoever_the_map_finds_is_found(void **state)
{
	/* of few users most searches go past the last slot */
	static const size_t sizes[] = { 0, 1, 2, 3, 5, 33, 200, MANY };
	char name[NAME_BYTES];
	struct sandbox box;
	struct ways w;

	(void)state;
	sandbox_make(&box);
	for (size_t i = 0; i < 3 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t n = sizes[i / 3];
		struct copy copy = copy_of_many(n, i);

		assert_true(ways_open(box.path, &copy, &w));
		for (size_t k = 0; k < 2 * n + 2; k++) {
			(void)snprintf(name, sizeof(name), "user%zu", k);
			assert_int_equal(both_by_name(&w, name) == ZT_OK,
			    k < n);
			assert_int_equal(both_by_uid(&w,
					     SAMPLE_ID_MIN + (uint32_t)k) ==
				ZT_OK,
			    k < n);
		}
		zt_snapshot_read_close(&w.read);
		free(copy.bytes);
	}
	sandbox_remove(&box);
}

static void
the_longest_record_is_read_whole(void **state)
{
	char name[ZT_NAME_MAX + 1], text[ZT_PATH_MAX + 1];
	struct sample sample;
	struct sandbox box;
	struct copy copy;
	struct ways w;

	(void)state;
	memset(name, 'n', ZT_NAME_MAX);
	memset(text, '/', ZT_PATH_MAX);
	name[ZT_NAME_MAX] = text[ZT_PATH_MAX] = '\0';
	text[1] = 'x';
	sample_init(&sample);
	sample.users[1].name = name;
	sample.users[1].gecos = text;
	sample.users[1].home = text;
	sample.users[1].shell = text;
	sandbox_make(&box);
	copy = copy_write(&sample.directory, &sample.meta);
	assert_true(ways_open(box.path, &copy, &w));
	assert_int_equal(both_by_name(&w, name), ZT_OK);
	assert_int_equal(both_by_uid(&w, 70002), ZT_OK);
	zt_snapshot_read_close(&w.read);
	free(copy.bytes);
	sandbox_remove(&box);
}

static void
no_flipped_bit_tells_the_two_apart(void **state)
{
	struct copy copy = copy_sample();
	struct sandbox box;

	(void)state;
	sandbox_make(&box);
	for (size_t i = 0; i < copy.len * 8; i++) {
		copy.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		if (i % 64 == 0) /* unsealed now and then */
			ask_both(box.path, &copy);
		copy_seal(&copy);
		ask_both(box.path, &copy);
		copy.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		copy_seal(&copy);
	}
	free(copy.bytes);
	sandbox_remove(&box);
}

static void
no_random_bytes_tell_the_two_apart(void **state)
{
	struct copy copy = copy_sample();
	zt_auto_free uint8_t *whole = malloc(copy.len);
	struct sandbox box;

	(void)state;
	assert_non_null(whole);
	memcpy(whole, copy.bytes, copy.len);
	srandom(3);
	sandbox_make(&box);
	for (int round = 0; round < 5000; round++) {
		memcpy(copy.bytes, whole, copy.len);
		for (long n = random() % 8; n >= 0; n--)
			copy.bytes[(size_t)random() % copy.len] =
			    (uint8_t)random();
		copy_seal(&copy);
		ask_both(box.path, &copy);
	}
	free(copy.bytes);
	sandbox_remove(&box);
}

/* Every slot leads to one record; but one, behind so many. */
static void
slots_fill(struct copy *copy, uint32_t own, uint32_t tag, uint32_t home,
    uint32_t behind)
{
	const enum zt_snapshot_section_id id = ZT_SNAPSHOT_USER_NAMES;
	const struct zt_snapshot_section *section =
	    &copy_header(copy)->sections[id];
	const uint32_t users =
	    copy_header(copy)->sections[ZT_SNAPSHOT_USERS].offset;
	struct zt_snapshot_slot slot = { tag, users };
	uint8_t *p = copy_section(copy, id);

	for (uint32_t i = 0; i < section->len; i++)
		memcpy(p + (size_t)i * 8, &slot, sizeof(slot));
	slot.ref = own;
	memcpy(p + (size_t)((home + behind) % section->len) * 8, &slot,
	    sizeof(slot));
}

static void
names_of_one_hash_are_told_apart_as_far_as_a_search_goes(void **state)
{
	const uint32_t max = ZT_SNAPSHOT_PROBE_MAX;
	const struct zt_str name = zt_str("user7");
	struct sandbox box;
	struct ways w;

	(void)state;
	sandbox_make(&box);
	/* in the middle of an index, and in one that is all looked at */
	for (size_t n = 10; n <= MANY; n += MANY - 10) {
		struct copy copy = copy_of_many(n, 1);
		const uint32_t len =
		    copy_header(&copy)->sections[ZT_SNAPSHOT_USER_NAMES].len;
		const uint32_t hash =
		    zt_snapshot_hash_name(name, copy_header(&copy)->seed);
		const uint32_t home = zt_snapshot_home(hash, len);
		const uint32_t own =
		    (uint32_t)(copy_user(&copy, "user7") - copy.bytes) / 8;

		for (uint32_t behind = 0; behind < max + 2; behind++) {
			const uint32_t far = len < max ? len : max;

			slots_fill(&copy, own, hash, home, behind);
			copy_seal(&copy);
			assert_true(ways_open(box.path, &copy, &w));
			assert_int_equal(both_by_name(&w, "user7"),
			    behind < far || len < max ? ZT_OK
						      : ZT_ERR_NOTFOUND);
			zt_snapshot_read_close(&w.read);
		}
		free(copy.bytes);
	}
	sandbox_remove(&box);
}

static void
a_file_cut_short_meanwhile_is_truncated(void **state)
{
	struct zt_snapshot_read r;
	struct zt_snapshot_user user;
	struct sandbox box;
	struct copy copy = copy_sample();

	(void)state;
	sandbox_make(&box);
	put(box.path, &copy);
	assert_int_equal(zt_snapshot_read_open(box.path, &r), ZT_OK);
	assert_int_equal(zt_snapshot_read_user(&r, zt_str("carol"), &user),
	    ZT_OK);
	/* within the records, and before the indexes */
	for (size_t unit = r.snapshot.users.offset + 1; unit > 1; unit /= 4) {
		assert_int_equal(truncate(box.path, (off_t)unit * 8), 0);
		errno = 4711;
		assert_int_equal(zt_snapshot_read_user(&r, zt_str("carol"),
				     &user),
		    ZT_ERR_TRUNCATED);
		assert_int_equal(zt_snapshot_read_user_by_uid(&r, 70003, &user),
		    ZT_ERR_TRUNCATED);
		assert_int_equal(errno, 4711);
	}
	zt_snapshot_read_close(&r);
	free(copy.bytes);
	sandbox_remove(&box);
}

/* What it goes on with, from the first slot on, is there: that is no "no". */
static void
a_search_cut_short_before_it_begins_anew_is_truncated(void **state)
{
	static const char *const names[] = { "alice", "bob", "carol" };
	struct copy copy = copy_sample();
	struct zt_snapshot_read r;
	struct zt_snapshot_user user;
	struct sandbox box;
	unsigned tried = 0;

	(void)state;
	sandbox_make(&box);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct zt_str name = zt_str(names[i]);
		const struct zt_snapshot_area *index = &r.snapshot.user_names;
		uint32_t home;

		put(box.path, &copy);
		assert_int_equal(zt_snapshot_read_open(box.path, &r), ZT_OK);
		home = zt_snapshot_home(zt_snapshot_hash_name(name,
					    r.snapshot.seed),
		    index->len);
		if (home > 0) {
			assert_int_equal(truncate(box.path,
					     (off_t)(index->offset + home) * 8),
			    0);
			assert_int_equal(zt_snapshot_read_user(&r, name, &user),
			    ZT_ERR_TRUNCATED);
			tried++;
		}
		zt_snapshot_read_close(&r);
	}
	assert_true(tried > 0);
	free(copy.bytes);
	sandbox_remove(&box);
}

static void
the_descriptor_is_nobody_elses_and_is_closed(void **state)
{
	struct copy copy = copy_sample();
	struct zt_snapshot_user user;
	struct zt_snapshot_read r;
	struct sandbox box;
	int fd, other;

	(void)state;
	sandbox_make(&box);
	put(box.path, &copy);
	assert_int_equal(zt_snapshot_read_open(box.path, &r), ZT_OK);
	fd = r.fd;
	assert_true(fd > 2);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_null(r.snapshot.base);
	zt_snapshot_read_close(&r);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	/* once more is nothing, whoever has it now */
	other = open(box.path, O_RDONLY | O_CLOEXEC);
	assert_true(other == fd || dup3(other, fd, O_CLOEXEC) == fd);
	errno = 4711;
	zt_snapshot_read_close(&r);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(zt_snapshot_read_user(&r, zt_str("bob"), &user),
	    ZT_ERR_SYS);
	assert_int_equal(errno, 4711);
	if (other != fd)
		(void)close(other);
	(void)close(fd);
	free(copy.bytes);
	sandbox_remove(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_the_map_finds_is_found),
		cmocka_unit_test(the_longest_record_is_read_whole),
		cmocka_unit_test(no_flipped_bit_tells_the_two_apart),
		cmocka_unit_test(no_random_bytes_tell_the_two_apart),
		cmocka_unit_test(
		    names_of_one_hash_are_told_apart_as_far_as_a_search_goes),
		cmocka_unit_test(a_file_cut_short_meanwhile_is_truncated),
		cmocka_unit_test(
		    a_search_cut_short_before_it_begins_anew_is_truncated),
		cmocka_unit_test(the_descriptor_is_nobody_elses_and_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
