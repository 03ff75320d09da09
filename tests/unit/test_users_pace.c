/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often users are read and published, on a real directory and the real
 * clock: what must not be is measured against what each step took, so that a
 * slow host fails nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../ztd/stamp.h"
#include "../../ztd/users_state.h"

#define S        INT64_C(1000000)
#define PATIENCE (20 * S) /* with what has to come */
#define RETRY    (2 * S)  /* after a publication that failed */
#define REST     3        /* times what a step took */
#define USERS    500

struct fixture {
	char root[64], dir[80], etc[80], state[80];
	char name[8]; /* of the source, and its type */
	struct conf conf;
	sd_event *event;
	struct users *users;
	bool mounted; /* state is a file system of its own */
	/* what was seen last, and how often */
	const struct zt_set *set;
	int64_t rest_us, ended_us, took_us;
	unsigned scans, publications;
};

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[256], temp[264];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(temp, sizeof(temp), "%s.new", path);
	f = fopen(temp, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(temp, 0644), 0);
	assert_int_equal(rename(temp, path), 0);
}

static void
make_dir(char *path, size_t cap, const char *root, const char *name)
{
	snprintf(path, cap, "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int
set_up(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	strcpy(fx->name, "files");
	strcpy(fx->root, "/tmp/zt-pace-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	make_dir(fx->dir, sizeof(fx->dir), fx->root, "users.d");
	make_dir(fx->etc, sizeof(fx->etc), fx->root, "etc");
	make_dir(fx->state, sizeof(fx->state), fx->root, "state");
	write_file(fx->etc, "passwd", "root:x:0:0:root:/root:/bin/bash\n");
	write_file(fx->etc, "group", "root:x:0:\n");
	write_file(fx->dir, "alice.user",
	    "{\"userName\":\"alice\",\"uid\":70001}");
	fx->conf.sources[0] = (struct conf_source){
		.name = fx->name, .type = fx->name, .dir = fx->dir
	};
	fx->conf.n_sources = 1;
	fx->conf.identity.max_loss_percent = 20;
	fx->conf.identity.stale_after_s = 60;
	fx->conf.identity.id_min = 65536;
	fx->conf.identity.id_max = 524287;
	assert_true(sd_event_new(&fx->event) >= 0);
	*state = fx;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	users_free(fx->users);
	sd_event_unref(fx->event);
	if (fx->mounted)
		assert_int_equal(umount2(fx->state, MNT_DETACH), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", fx->root);
	assert_int_equal(system(command), 0);
	free(fx);
	return 0;
}

/* ---- what the loop does ---- */

/* A new set is a scan: what is read on its own changes the one there is. */
static void
see_scan(struct fixture *fx)
{
	const struct source *s = fx->users->sources[0];

	if (source_set(s) != fx->set) {
		fx->scans++;
		fx->set = source_set(s);
		if (s->clock->began_us < fx->rest_us)
			fail_msg("a scan began %ld us too soon",
			    (long)(fx->rest_us - s->clock->began_us));
	}
	fx->rest_us = s->clock->rest_us;
}

static void
see_publication(struct fixture *fx)
{
	const struct users *users = fx->users;
	const int64_t began_us = users->ended_us - users->took_us;
	const int64_t from_us = fx->ended_us + REST * fx->took_us;

	if (users->ended_us == fx->ended_us)
		return;
	fx->publications++;
	fx->ended_us = users->ended_us;
	fx->took_us = users->took_us;
	if (began_us < from_us)
		fail_msg("published %ld us too soon",
		    (long)(from_us - began_us));
}

static void
begin(struct fixture *fx)
{
	assert_int_equal(users_new(fx->event, &fx->conf, fx->etc, fx->state,
			     &fx->users),
	    ZT_OK);
	users_begin(fx->users);
	fx->set = source_set(fx->users->sources[0]);
	fx->rest_us = fx->users->sources[0]->clock->rest_us;
	fx->ended_us = fx->users->ended_us;
	fx->took_us = fx->users->took_us;
}

/* Each turn of the loop does one thing at most. */
static void
run_once(struct fixture *fx)
{
	assert_true(sd_event_run(fx->event, 20000) >= 0);
	see_scan(fx);
	see_publication(fx);
}

static void
run_for(struct fixture *fx, int64_t us)
{
	const int64_t end_us = stamp_monotonic_us() + us;

	while (stamp_monotonic_us() < end_us)
		run_once(fx);
}

static void
wait_for_publications(struct fixture *fx, unsigned n)
{
	const int64_t end_us = stamp_monotonic_us() + PATIENCE;

	while (fx->publications < n && stamp_monotonic_us() < end_us)
		run_once(fx);
	assert_int_equal(fx->publications, n);
}

static bool
exists(const struct fixture *fx, const char *name)
{
	const struct zt_snapshot *snapshot = users_snapshot(fx->users);
	struct zt_snapshot_user user;

	return snapshot != NULL &&
	    zt_snapshot_user(snapshot, zt_str(name), &user) == ZT_OK;
}

/* Go on until the user is there; how long that took. */
static int64_t
wait_for_user(struct fixture *fx, const char *name)
{
	const int64_t from_us = stamp_monotonic_us();

	while (!exists(fx, name) && stamp_monotonic_us() < from_us + PATIENCE)
		run_once(fx);
	assert_true(exists(fx, name));
	return stamp_monotonic_us() - from_us;
}

static void
error_has(const struct fixture *fx, const char *want)
{
	if (strstr(fx->users->error, want) == NULL)
		fail_msg("want %s, got %s", want, fx->users->error);
}

/* ---- a directory that changes all the time ---- */

struct changer {
	pthread_t thread;
	const char *dir;
	atomic_bool stop;
};

/* Many more files than are read on their own, each millisecond. */
static void *
change_all_the_time(void *arg)
{
	struct changer *changer = arg;
	char path[128];

	for (unsigned i = 0; !atomic_load(&changer->stop); i++) {
		snprintf(path, sizeof(path), "%s/u%u.user", changer->dir,
		    i % USERS);
		(void)utimensat(AT_FDCWD, path, NULL, 0);
		if (i % 20 == 0)
			(void)usleep(1000);
	}
	return NULL;
}

static void
changer_start(struct changer *changer, const char *dir)
{
	changer->dir = dir;
	atomic_init(&changer->stop, false);
	assert_int_equal(pthread_create(&changer->thread, NULL,
			     change_all_the_time, changer),
	    0);
}

static void
changer_stop(struct changer *changer)
{
	atomic_store(&changer->stop, true);
	assert_int_equal(pthread_join(changer->thread, NULL), 0);
}

static void
write_users(struct fixture *fx)
{
	char name[32], json[64];

	for (int i = 0; i < USERS; i++) {
		snprintf(name, sizeof(name), "u%d.user", i);
		snprintf(json, sizeof(json),
		    "{\"userName\":\"u%d\",\"uid\":%d}", i, 71000 + i);
		write_file(fx->dir, name, json);
	}
}

static void
a_directory_that_changes_all_the_time_leaves_time_for_others(void **state)
{
	struct fixture *fx = *state;
	struct changer changer;

	write_users(fx);
	begin(fx);
	changer_start(&changer, fx->dir);
	for (int i = 0; i < 100 && fx->scans < 5; i++)
		run_for(fx, S / 5);
	/* and one who comes meanwhile is found */
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	(void)wait_for_user(fx, "bob");
	changer_stop(&changer);
	assert_true(fx->scans >= 5);
	assert_true(fx->publications >= 2);
}

static void
one_changed_file_is_no_scan_and_waits_for_none(void **state)
{
	struct fixture *fx = *state;
	struct source_clock *clock;

	begin(fx);
	clock = fx->users->sources[0]->clock;
	/* as if the scan had taken long */
	clock->rest_us = stamp_monotonic_us() + 3600 * S;
	fx->rest_us = clock->rest_us;
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	(void)wait_for_user(fx, "bob");
	assert_int_equal(fx->scans, 0);
}

/* ---- publications that fail ---- */

static void
a_failed_publication_is_tried_again_every_two_seconds(void **state)
{
	struct fixture *fx = *state;
	char away[96];
	int64_t ended_us;

	snprintf(away, sizeof(away), "%s/away", fx->root);
	begin(fx);
	assert_int_equal(rename(fx->state, away), 0);
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	wait_for_publications(fx, 1);
	error_has(fx, "No such file or directory");
	for (unsigned n = 2; n <= 3; n++) {
		ended_us = fx->ended_us;
		wait_for_publications(fx, n);
		assert_true(fx->ended_us - ended_us >= RETRY);
	}
	assert_true(exists(fx, "alice") && !exists(fx, "bob"));
	assert_int_equal(rename(away, fx->state), 0);
	assert_true(wait_for_user(fx, "bob") < 3 * RETRY);
	assert_int_equal(fx->publications, 4);
	assert_string_equal(fx->users->error, "");
	/* and then there is nothing more to do */
	run_for(fx, RETRY + S / 2);
	assert_int_equal(fx->publications, 4);
}

static void
changes_make_no_busy_loop_of_a_failed_publication(void **state)
{
	struct fixture *fx = *state;
	struct changer changer;
	char away[96];

	snprintf(away, sizeof(away), "%s/away", fx->root);
	write_users(fx);
	begin(fx);
	assert_int_equal(rename(fx->state, away), 0);
	changer_start(&changer, fx->dir);
	run_for(fx, S); /* each is looked at by see_publication() */
	changer_stop(&changer);
	assert_true(fx->publications > 0);
	error_has(fx, "No such file or directory");
	assert_int_equal(rename(away, fx->state), 0);
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	(void)wait_for_user(fx, "bob");
	assert_string_equal(fx->users->error, "");
}

/* Put a small file system on the state directory; false if we may not. */
static bool
mount_state(struct fixture *fx)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", fx->state, "tmpfs", 0, "size=256k,mode=755") != 0)
		return false;
	fx->mounted = true;
	return true;
}

static void
fill(const struct fixture *fx)
{
	static const char block[4096] = "x";
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/filler", fx->state);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		continue;
	assert_int_equal(close(fd), 0);
}

static void
make_room(const struct fixture *fx)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/filler", fx->state);
	assert_int_equal(unlink(path), 0);
}

/* The broker that starts now finds what is in force. */
static void
snapshot_on_disk_is_whole(const struct fixture *fx)
{
	struct zt_snapshot_file file;
	struct zt_snapshot snapshot;

	assert_int_equal(zt_snapshot_open(fx->users->paths.snapshot, &snapshot,
			     &file),
	    ZT_OK);
	assert_int_equal(zt_snapshot_intact(&snapshot), ZT_OK);
	assert_true(snapshot.info.generation == fx->users->generation);
	zt_snapshot_close(&snapshot);
}

/* Nobody comes or goes, and the next try is not before its time. */
static void
nothing_changes(struct fixture *fx, const char *error)
{
	const unsigned before = fx->publications;
	int64_t ended_us;

	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	wait_for_publications(fx, before + 1);
	error_has(fx, error);
	ended_us = fx->ended_us;
	wait_for_publications(fx, before + 2);
	error_has(fx, error);
	assert_true(fx->ended_us - ended_us >= RETRY);
	assert_true(exists(fx, "alice") && !exists(fx, "bob"));
	snapshot_on_disk_is_whole(fx);
}

static void
a_full_disk_is_waited_out(void **state)
{
	struct fixture *fx = *state;

	if (!mount_state(fx))
		skip();
	begin(fx);
	fill(fx);
	nothing_changes(fx, "No space left on device");
	make_room(fx);
	assert_true(wait_for_user(fx, "bob") < 3 * RETRY);
	assert_string_equal(fx->users->error, "");
	snapshot_on_disk_is_whole(fx);
}

static void
a_directory_that_cannot_be_written_is_waited_out(void **state)
{
	struct fixture *fx = *state;

	if (!mount_state(fx))
		skip();
	begin(fx);
	assert_int_equal(mount(NULL, fx->state, NULL,
			     MS_REMOUNT | MS_BIND | MS_RDONLY, NULL),
	    0);
	nothing_changes(fx, "Read-only file system");
	assert_int_equal(mount(NULL, fx->state, NULL, MS_REMOUNT | MS_BIND,
			     NULL),
	    0);
	assert_true(wait_for_user(fx, "bob") < 3 * RETRY);
	assert_string_equal(fx->users->error, "");
	snapshot_on_disk_is_whole(fx);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(
		    a_directory_that_changes_all_the_time_leaves_time_for_others),
		TEST(one_changed_file_is_no_scan_and_waits_for_none),
		TEST(a_failed_publication_is_tried_again_every_two_seconds),
		TEST(changes_make_no_busy_loop_of_a_failed_publication),
		TEST(a_full_disk_is_waited_out),
		TEST(a_directory_that_cannot_be_written_is_waited_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
