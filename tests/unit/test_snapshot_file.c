/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot_sample.h"
#include "zt/auto.h"
#include "zt/text.h"

#define MANY_GIDS 65537

static void
write_sample(const struct sandbox *box)
{
	struct sample sample;

	sample_init(&sample);
	assert_int_equal(zt_snapshot_write(box->path, &sample.directory,
			     &sample.meta),
	    ZT_OK);
}

/* How it goes to open a file, either way, with errno, and nothing left open. */
static enum zt_err
try_open(const char *path)
{
	struct zt_snapshot_file file;
	const int before = dup(0);
	struct zt_snapshot_read r;
	struct zt_snapshot s;
	enum zt_err err, read_err;
	int after;

	(void)close(before);
	errno = 4711;
	err = zt_snapshot_open(path, &s, &file);
	if (err == ZT_OK)
		zt_snapshot_close(&s);
	read_err = zt_snapshot_read_open(path, &r);
	if (read_err == ZT_OK)
		zt_snapshot_read_close(&r);
	if (err != ZT_ERR_NOMEM) /* of which it needs none */
		assert_int_equal(read_err, err);
	assert_int_equal(errno, 4711);
	after = dup(0);
	(void)close(after);
	assert_int_equal(before, after);
	return err;
}

static unsigned
count_files(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static void
touch(const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void
what_was_written_is_mapped(void **state)
{
	struct zt_snapshot_user user;
	struct zt_snapshot_file file;
	struct zt_snapshot s;
	struct sandbox box;
	struct stat st;
	mode_t mask;

	(void)state;
	sandbox_make(&box);
	mask = umask(0077);
	write_sample(&box);
	(void)umask(mask);
	assert_int_equal(zt_snapshot_open(box.path, &s, &file), ZT_OK);
	assert_int_equal(stat(box.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file.ino, st.st_ino);
	assert_int_equal(file.dev, st.st_dev);
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	assert_int_equal(zt_snapshot_user(&s, zt_str("bob"), &user), ZT_OK);
	zt_snapshot_close(&s);
	assert_null(s.base);
	zt_snapshot_close(&s); /* once more is nothing */
	sandbox_remove(&box);
}

static void
a_live_mapping_sees_that_another_took_its_place(void **state)
{
	struct zt_snapshot_file first, second;
	struct zt_snapshot old, new;
	struct zt_snapshot_user user;
	struct sandbox box;

	(void)state;
	sandbox_make(&box);
	write_sample(&box);
	assert_int_equal(zt_snapshot_open(box.path, &old, &first), ZT_OK);
	assert_false(zt_snapshot_superseded(&old));
	write_sample(&box);
	assert_true(zt_snapshot_superseded(&old));
	assert_int_equal(zt_snapshot_verify(&old), ZT_OK);
	assert_int_equal(zt_snapshot_user(&old, zt_str("bob"), &user), ZT_OK);
	assert_int_equal(zt_snapshot_open(box.path, &new, &second), ZT_OK);
	assert_false(zt_snapshot_superseded(&new));
	assert_true(first.ino != second.ino);
	zt_snapshot_close(&old);
	zt_snapshot_close(&new);
	sandbox_remove(&box);
}

static void
only_a_snapshot_is_marked(void **state)
{
	static const char foreign[512] = "not ours";
	struct sandbox box;
	char buf[512];
	int fd;

	(void)state;
	sandbox_make(&box);
	fd = open(box.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, foreign, sizeof(foreign)), 512);
	write_sample(&box);
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), 512);
	assert_memory_equal(buf, foreign, sizeof(foreign));
	(void)close(fd);
	assert_int_equal(try_open(box.path), ZT_OK);
	sandbox_remove(&box);
}

#define OWNER 500 /* of the directory, who is not root */

/* As the directory's owner; returns 0 for success. */
static int
replaces(const struct sandbox *box, bool want_unmarked)
{
	bool unmarked = !want_unmarked;
	struct sample sample;

	sample_init(&sample);
	sample.meta.unmarked_out = &unmarked;
	if (setgid(OWNER) != 0 || setuid(OWNER) != 0)
		return 1;
	if (zt_snapshot_write(box->path, &sample.directory, &sample.meta) !=
	    ZT_OK)
		return 2;
	return unmarked == want_unmarked ? 0 : 3;
}

static void
in_child_replaces(const struct sandbox *box, bool want_unmarked)
{
	int status = -1;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(replaces(box, want_unmarked));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Restored by root: who owns the directory gets on, and says so. */
static void
one_that_may_not_be_marked_is_replaced(void **state)
{
	struct zt_snapshot_file first, second;
	struct zt_snapshot old, new;
	struct sandbox box;

	(void)state;
	if (geteuid() != 0)
		skip();
	sandbox_make(&box);
	write_sample(&box);
	assert_int_equal(chown(box.dir, OWNER, OWNER), 0);
	assert_int_equal(zt_snapshot_open(box.path, &old, &first), ZT_OK);
	in_child_replaces(&box, true);
	assert_false(zt_snapshot_superseded(&old));
	zt_snapshot_close(&old);
	assert_int_equal(zt_snapshot_open(box.path, &old, &second), ZT_OK);
	assert_true(first.ino != second.ino);
	in_child_replaces(&box, false); /* its own, this time */
	assert_true(zt_snapshot_superseded(&old));
	assert_int_equal(zt_snapshot_open(box.path, &new, &first), ZT_OK);
	zt_snapshot_close(&old);
	zt_snapshot_close(&new);
	sandbox_remove(&box);
}

static void
temporary_files_do_not_stay(void **state)
{
	char stale[160], other[160];
	struct sandbox box;

	(void)state;
	sandbox_make(&box);
	(void)snprintf(stale, sizeof(stale), "%s.new-abc123", box.path);
	(void)snprintf(other, sizeof(other), "%s.new-abc1234", box.path);
	touch(stale);
	touch(other);
	write_sample(&box);
	assert_int_equal(access(stale, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(count_files(box.dir), 2);
	sandbox_remove(&box);
}

static void
a_failure_leaves_the_place_as_it_was(void **state)
{
	struct sample sample;
	struct sandbox box;
	char path[160];

	(void)state;
	sample_init(&sample);
	sandbox_make(&box);
	/* a directory in its place */
	assert_int_equal(mkdir(box.path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/x", box.path);
	touch(path);
	errno = 0;
	assert_int_equal(zt_snapshot_write(box.path, &sample.directory,
			     &sample.meta),
	    ZT_ERR_SYS);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(count_files(box.dir), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(box.path), 0);
	/* no such directory */
	(void)snprintf(path, sizeof(path), "%s/none/x", box.dir);
	assert_int_equal(zt_snapshot_write(path, &sample.directory,
			     &sample.meta),
	    ZT_ERR_SYS);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(zt_snapshot_write("relative", &sample.directory,
			     &sample.meta),
	    ZT_ERR_INVAL);
	sandbox_remove(&box);
}

static void
only_what_root_or_the_directorys_owner_put_there_is_mapped(void **state)
{
	struct sandbox box;
	char link_path[160];

	(void)state;
	sandbox_make(&box);
	assert_int_equal(try_open(box.path), ZT_ERR_UNAVAIL);
	assert_int_equal(try_open("/nowhere/users.snapshot"), ZT_ERR_UNAVAIL);
	assert_int_equal(try_open(box.dir), ZT_ERR_IMPOSTOR); /* no file */
	assert_int_equal(mkfifo(box.path, 0600), 0);
	assert_int_equal(try_open(box.path), ZT_ERR_IMPOSTOR);
	assert_int_equal(unlink(box.path), 0);
	touch(box.path);
	assert_int_equal(try_open(box.path), ZT_ERR_TRUNCATED);
	write_sample(&box);
	assert_int_equal(try_open(box.path), ZT_OK);
	assert_int_equal(chmod(box.path, 0664), 0);
	assert_int_equal(try_open(box.path), ZT_ERR_IMPOSTOR);
	assert_int_equal(chmod(box.path, 0646), 0);
	assert_int_equal(try_open(box.path), ZT_ERR_IMPOSTOR);
	assert_int_equal(chmod(box.path, 0444), 0);
	assert_int_equal(try_open(box.path), ZT_OK);
	assert_int_equal(chmod(box.dir, 0720), 0);
	assert_int_equal(try_open(box.path), ZT_ERR_IMPOSTOR);
	assert_int_equal(chmod(box.dir, 01702), 0);
	assert_int_equal(try_open(box.path), ZT_ERR_IMPOSTOR);
	assert_int_equal(chmod(box.dir, 0755), 0);
	(void)snprintf(link_path, sizeof(link_path), "%s/link", box.dir);
	assert_int_equal(symlink(box.path, link_path), 0);
	assert_int_equal(try_open(link_path), ZT_ERR_IMPOSTOR);
	sandbox_remove(&box);
}

static void
the_owner_is_root_or_the_directorys(void **state)
{
	/* owner of the file, of its directory */
	static const struct {
		uid_t file, dir;
		enum zt_err want;
	} rows[] = { { 0, 0, ZT_OK }, { 500, 0, ZT_OK }, { 0, 500, ZT_OK },
		{ 500, 500, ZT_OK }, { 501, 500, ZT_ERR_IMPOSTOR } };
	struct sandbox box;

	(void)state;
	if (geteuid() != 0)
		skip();
	sandbox_make(&box);
	write_sample(&box);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(chown(box.path, rows[i].file, 0), 0);
		assert_int_equal(chown(box.dir, rows[i].dir, 0), 0);
		assert_int_equal(try_open(box.path), rows[i].want);
	}
	sandbox_remove(&box);
}

/* A program that closed its stdio must not read ours there. */
static void
the_standard_descriptors_are_not_used(void **state)
{
	const int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
	struct zt_snapshot_file file;
	struct zt_snapshot s;
	struct sandbox box;
	enum zt_err err;

	(void)state;
	sandbox_make(&box);
	write_sample(&box);
	(void)close(0);
	err = zt_snapshot_open(box.path, &s, &file);
	assert_int_equal(fcntl(0, F_GETFD), -1);
	if (saved >= 0) {
		(void)dup2(saved, 0);
		(void)close(saved);
	}
	assert_int_equal(err, ZT_OK);
	zt_snapshot_close(&s);
	sandbox_remove(&box);
}

static enum zt_err
open_within(const char *path, int resource, rlim_t most)
{
	struct rlimit limit, before;
	enum zt_err err;

	(void)getrlimit(resource, &before);
	limit = (struct rlimit){ most, before.rlim_max };
	(void)setrlimit(resource, &limit);
	err = try_open(path);
	(void)setrlimit(resource, &before);
	return err;
}

/* That is no word on the file: it may be there. */
static void
an_exhausted_limit_is_told_from_the_files_faults(void **state)
{
	struct sandbox box;

	(void)state;
	sandbox_make(&box);
	write_sample(&box);
	assert_int_equal(open_within(box.path, RLIMIT_NOFILE, 3), ZT_ERR_NOMEM);
	assert_int_equal(open_within(box.path, RLIMIT_NOFILE, 0), ZT_ERR_NOMEM);
	assert_int_equal(open_within(box.path, RLIMIT_AS, 4096), ZT_ERR_NOMEM);
	assert_int_equal(try_open(box.path), ZT_OK);
	sandbox_remove(&box);
}

static void
the_same_directory_gives_the_same_bytes(void **state)
{
	struct copy a = copy_sample(), b = copy_sample();

	(void)state;
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.bytes, b.bytes, a.len);
	free(a.bytes);
	free(b.bytes);
}

static enum zt_err
write_fails(const struct sample *sample)
{
	struct sandbox box;
	enum zt_err err;

	sandbox_make(&box);
	err = zt_snapshot_write(box.path, &sample->directory, &sample->meta);
	assert_int_equal(count_files(box.dir), 0);
	sandbox_remove(&box);
	return err;
}

static void
what_no_reader_would_take_is_not_written(void **state)
{
	static const uint32_t nobody[] = { 3 };
	static const char *const bad_source[] = { "a:b" };
	struct sample sample;
	char longest[300] = "/";

	(void)state;
	sample_init(&sample);
	sample.users[1].name = "alice";
	assert_int_equal(write_fails(&sample), ZT_ERR_INVAL);
	sample_init(&sample);
	sample.directory_users[1].uid = 70003;
	assert_int_equal(write_fails(&sample), ZT_ERR_INVAL);
	sample_init(&sample);
	sample.groups[2].name = "team";
	assert_int_equal(write_fails(&sample), ZT_ERR_INVAL);
	sample_init(&sample);
	sample.directory_groups[2].gid = 71001;
	assert_int_equal(write_fails(&sample), ZT_ERR_INVAL);
	sample_init(&sample);
	sample.directory_groups[0].members = nobody;
	sample.directory_groups[0].n_members = 1;
	assert_int_equal(write_fails(&sample), ZT_ERR_INVAL);
	sample_init(&sample);
	sample.meta.sources = bad_source;
	sample.meta.n_sources = 1;
	assert_int_equal(write_fails(&sample), ZT_ERR_INVAL);
	sample.meta.n_sources = ZT_SNAPSHOT_SOURCES_MAX + 1;
	assert_int_equal(write_fails(&sample), ZT_ERR_TOOBIG);
	sample_init(&sample);
	sample.directory.n_allowed_gids = ZT_SNAPSHOT_ALLOWED_MAX + 1;
	assert_int_equal(write_fails(&sample), ZT_ERR_TOOBIG);
	sample_init(&sample);
	memset(longest + 1, 'a', 256);
	sample.users[2].home = longest;
	assert_int_equal(write_fails(&sample), ZT_ERR_TOOBIG);
	sample_init(&sample);
	sample.groups[1].name = longest;
	assert_int_equal(write_fails(&sample), ZT_ERR_TOOBIG);
}

static void
many_gids_are_all_there(void **state)
{
	zt_auto_free uint32_t *gids = calloc(MANY_GIDS, sizeof(*gids));
	struct zt_snapshot_user user;
	struct sample sample;
	struct zt_snapshot s;
	struct copy copy;
	uint32_t gid;

	(void)state;
	assert_non_null(gids);
	sample_init(&sample);
	sample.meta.id_max = 200000;
	for (uint32_t i = 0; i < MANY_GIDS; i++)
		gids[i] = SAMPLE_ID_MIN + i;
	sample.directory_users[2].gids = gids;
	sample.directory_users[2].n_gids = MANY_GIDS;
	copy = copy_write(&sample.directory, &sample.meta);
	assert_int_equal(zt_snapshot_init(copy.bytes, copy.len, &s), ZT_OK);
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	assert_int_equal(zt_snapshot_user(&s, zt_str("carol"), &user), ZT_OK);
	assert_int_equal(user.n_gids, MANY_GIDS);
	for (uint32_t i = 0; i < MANY_GIDS; i++) {
		assert_int_equal(zt_snapshot_gid(&s, &user, i, &gid), ZT_OK);
		assert_int_equal(gid, SAMPLE_ID_MIN + i);
	}
	/* one has some, one has one, one has none: see the sample */
	assert_int_equal(zt_snapshot_user(&s, zt_str("bob"), &user), ZT_OK);
	assert_int_equal(user.n_gids, 1);
	free(copy.bytes);
}

/* Names that all belong into one slot under the first seed. */
#define CROWD (ZT_SNAPSHOT_PROBE_MAX + 8)

struct crowd {
	char names[CROWD][16];
	struct zt_user records[CROWD];
	struct zt_directory_user users[CROWD];
};

static void
crowd_make(struct crowd *crowd, uint64_t generation)
{
	const uint32_t seed = zt_snapshot_seed(generation, 0);
	const uint32_t slots = CROWD * 2;
	unsigned n = 0;

	for (unsigned i = 0; n < CROWD; i++) {
		char *name = crowd->names[n];
		struct zt_str s;

		(void)snprintf(name, sizeof(crowd->names[n]), "u%u", i);
		s = zt_str(name);
		if (zt_snapshot_home(zt_snapshot_hash_name(s, seed), slots) !=
		    slots - 3)
			continue;
		crowd->records[n] = (struct zt_user){ .name = name,
			.gecos = "",
			.home = "/h",
			.shell = "/s",
			.not_after_us = UINT64_MAX };
		crowd->users[n] = (struct zt_directory_user){
			.record = &crowd->records[n],
			.uid = SAMPLE_ID_MIN + n,
			.gid = SAMPLE_ID_MIN + n,
		};
		n++;
	}
}

static void
names_that_crowd_together_get_another_seed(void **state)
{
	static struct crowd crowd;
	struct zt_snapshot_user user;
	struct sample sample;
	struct zt_snapshot s;
	struct copy copy;

	(void)state;
	sample_init(&sample);
	crowd_make(&crowd, sample.meta.generation);
	sample.directory.users = crowd.users;
	sample.directory.n_groups = 0;
	sample.directory.n_users = CROWD;
	copy = copy_write(&sample.directory, &sample.meta);
	assert_int_equal(copy_header(&copy)->seed,
	    zt_snapshot_seed(sample.meta.generation, 1));
	assert_int_equal(zt_snapshot_init(copy.bytes, copy.len, &s), ZT_OK);
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(zt_snapshot_user(&s, zt_str(crowd.names[i]),
				     &user),
		    ZT_OK);
	free(copy.bytes);
}

/* As far from home as the reader looks, around the end, and no farther. */
static void
a_crowd_that_just_fits_is_found(void **state)
{
	static struct crowd crowd;
	struct zt_snapshot_user user;
	struct sample sample;
	struct zt_snapshot s;
	struct copy copy;

	(void)state;
	sample_init(&sample);
	crowd_make(&crowd, sample.meta.generation);
	/* the last eight elsewhere: 64 stay */
	for (size_t i = ZT_SNAPSHOT_PROBE_MAX; i < CROWD; i++)
		(void)snprintf(crowd.names[i], sizeof(crowd.names[i]), "x%zu",
		    i);
	sample.directory.users = crowd.users;
	sample.directory.n_users = CROWD;
	sample.directory.n_groups = 0;
	copy = copy_write(&sample.directory, &sample.meta);
	assert_int_equal(copy_header(&copy)->seed,
	    zt_snapshot_seed(sample.meta.generation, 0));
	assert_int_equal(zt_snapshot_init(copy.bytes, copy.len, &s), ZT_OK);
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(zt_snapshot_user(&s, zt_str(crowd.names[i]),
				     &user),
		    ZT_OK);
	free(copy.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_mapped),
		cmocka_unit_test(
		    a_live_mapping_sees_that_another_took_its_place),
		cmocka_unit_test(only_a_snapshot_is_marked),
		cmocka_unit_test(one_that_may_not_be_marked_is_replaced),
		cmocka_unit_test(temporary_files_do_not_stay),
		cmocka_unit_test(a_failure_leaves_the_place_as_it_was),
		cmocka_unit_test(
		    only_what_root_or_the_directorys_owner_put_there_is_mapped),
		cmocka_unit_test(the_owner_is_root_or_the_directorys),
		cmocka_unit_test(the_standard_descriptors_are_not_used),
		cmocka_unit_test(
		    an_exhausted_limit_is_told_from_the_files_faults),
		cmocka_unit_test(the_same_directory_gives_the_same_bytes),
		cmocka_unit_test(what_no_reader_would_take_is_not_written),
		cmocka_unit_test(many_gids_are_all_there),
		cmocka_unit_test(names_that_crowd_together_get_another_seed),
		cmocka_unit_test(a_crowd_that_just_fits_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
