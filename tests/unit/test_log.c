/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "zt/auto.h"
#include "zt/log.h"

#define WAIT_MS 10000 /* a test's patience */

/*
 * The disk, as far as the log can tell: this definition comes before libc's.
 * A held disk lets nobody through until disk_release().
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held;
	int fail;         /* errno to fail with, or 0 */
	unsigned waiting; /* calls that are held up */
	unsigned calls;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

int
fdatasync(int fd)
{
	int error;

	(void)pthread_mutex_lock(&disk.lock);
	disk.calls++;
	disk.waiting++;
	(void)pthread_cond_broadcast(&disk.changed);
	while (disk.held)
		(void)pthread_cond_wait(&disk.changed, &disk.lock);
	disk.waiting--;
	error = disk.fail;
	(void)pthread_mutex_unlock(&disk.lock);
	if (error != 0) {
		errno = error;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void
disk_hold(void)
{
	(void)pthread_mutex_lock(&disk.lock);
	disk.held = true;
	(void)pthread_mutex_unlock(&disk.lock);
}

/* Let everybody through; from now on calls fail with error, or succeed. */
static void
disk_release(int error)
{
	(void)pthread_mutex_lock(&disk.lock);
	disk.held = false;
	disk.fail = error;
	(void)pthread_cond_broadcast(&disk.changed);
	(void)pthread_mutex_unlock(&disk.lock);
}

/* Until somebody is inside fdatasync(). */
static void
disk_await(void)
{
	unsigned waiting = 0;

	for (int ms = 0; waiting == 0 && ms < WAIT_MS; ms++) {
		(void)usleep(1000);
		(void)pthread_mutex_lock(&disk.lock);
		waiting = disk.waiting;
		(void)pthread_mutex_unlock(&disk.lock);
	}
	assert_int_equal(waiting, 1);
}

/* A directory of the test's own and a log in it. */
struct fixture {
	char dir[64];
	char path[96];
	struct zt_log *log;
	bool torn;
};

/* What done() was told. */
struct tally {
	unsigned durable, failed;
};

static void
count_done(void *arg, bool durable)
{
	struct tally *tally = arg;

	if (durable)
		tally->durable++;
	else
		tally->failed++;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/zt-test-log.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/log", f->dir);
	disk_release(0);
	disk.calls = 0;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	DIR *dir = opendir(f->dir);
	struct dirent *entry;

	disk_release(0);
	zt_log_close(f->log);
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void
open_log(struct fixture *f)
{
	assert_int_equal(zt_log_open(f->path, &f->torn, &f->log), ZT_OK);
}

static void
close_log(struct fixture *f)
{
	zt_log_close(f->log);
	f->log = NULL;
}

static enum zt_err
submit(struct fixture *f, const char *text, struct tally *tally)
{
	char *line = strdup(text);

	assert_non_null(line);
	return zt_log_submit(f->log, line, strlen(text), count_done, tally);
}

static bool
readable(const struct zt_log *log, int ms)
{
	struct pollfd pfd = { .fd = zt_log_fd(log), .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

/* Dispatch until n lines have been told their fate. */
static void
dispatch_all(struct fixture *f, const struct tally *tally, unsigned n)
{
	while (tally->durable + tally->failed < n) {
		assert_true(readable(f->log, WAIT_MS));
		zt_log_dispatch(f->log);
	}
	assert_int_equal(tally->durable + tally->failed, n);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
assert_file(const char *path, const char *want)
{
	char have[256] = "";
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(have, 1, sizeof(have) - 1, file);
	have[n] = '\0';
	(void)fclose(file);
	assert_string_equal(have, want);
}

/* The one file in the directory whose name starts so; "" if there is none. */
static void
find_file(const struct fixture *f, const char *prefix, char path[384])
{
	DIR *dir = opendir(f->dir);
	struct dirent *entry;

	path[0] = '\0';
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			assert_string_equal(path, "");
			(void)snprintf(path, 384, "%s/%s", f->dir,
			    entry->d_name);
		}
	(void)closedir(dir);
}

static void
a_submitted_line_is_in_the_file_when_done_is_called(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };

	open_log(f);
	assert_false(f->torn);
	assert_int_equal(zt_log_next(f->log), 0);
	assert_int_equal(submit(f, "one", &tally), ZT_OK);
	assert_int_equal(zt_log_next(f->log), 1);
	dispatch_all(f, &tally, 1);
	assert_int_equal(tally.durable, 1);
	assert_file(f->path, "one\n");
}

static void
no_line_is_done_before_fdatasync_has_returned(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };

	open_log(f);
	disk_hold();
	assert_int_equal(submit(f, "one", &tally), ZT_OK);
	disk_await();
	assert_file(f->path, "one\n"); /* written, not yet durable */
	assert_false(readable(f->log, 50));
	zt_log_dispatch(f->log);
	assert_int_equal(tally.durable + tally.failed, 0);
	disk_release(0);
	dispatch_all(f, &tally, 1);
	assert_int_equal(tally.durable, 1);
}

static void
what_waits_during_a_commit_is_one_more_commit(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };
	struct zt_log_stats stats;

	open_log(f);
	disk_hold();
	assert_int_equal(submit(f, "first", &tally), ZT_OK);
	disk_await();
	for (int i = 0; i < 64; i++)
		assert_int_equal(submit(f, "next", &tally), ZT_OK);
	disk_release(0);
	dispatch_all(f, &tally, 65);
	zt_log_stats(f->log, &stats);
	assert_int_equal(stats.lines, 65);
	assert_int_equal(stats.commits, 2);
	assert_int_equal(disk.calls, 2);
	assert_int_equal(stats.next, 65);
}

static void
order_and_content_survive_many_batches(void **state)
{
	enum { N = 20000 };
	struct fixture *f = *state;
	struct tally tally = { 0 };
	zt_auto_free char *line = NULL;
	size_t cap = 0;
	char text[32];
	FILE *file;

	open_log(f);
	for (unsigned i = 0; i < N; i++) {
		enum zt_err err;

		(void)snprintf(text, sizeof(text), "line %u", i);
		while ((err = submit(f, text, &tally)) == ZT_ERR_TOOBIG) {
			assert_true(readable(f->log, WAIT_MS));
			zt_log_dispatch(f->log);
		}
		assert_int_equal(err, ZT_OK);
	}
	dispatch_all(f, &tally, N);
	assert_int_equal(tally.durable, N);
	file = fopen(f->path, "r");
	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(text, sizeof(text), "line %u\n", i);
		assert_true(getline(&line, &cap, file) > 0);
		assert_string_equal(line, text);
	}
	assert_true(getline(&line, &cap, file) < 0);
	(void)fclose(file);
}

static void
a_failed_flush_fails_its_batch_and_all_that_wait(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };
	struct zt_log_stats stats;

	open_log(f);
	disk_hold();
	assert_int_equal(submit(f, "one", &tally), ZT_OK);
	disk_await();
	assert_int_equal(submit(f, "two", &tally), ZT_OK);
	disk_release(EIO);
	dispatch_all(f, &tally, 2);
	assert_int_equal(tally.failed, 2);
	zt_log_stats(f->log, &stats);
	assert_true(stats.failed);
	assert_int_equal(stats.failed_errno, EIO);
	assert_int_equal(stats.lines, 0);
	assert_int_equal(stats.failures, 2);
	/* never retried, though the disk would work again */
	disk_release(0);
	assert_int_equal(submit(f, "three", &tally), ZT_ERR_UNAVAIL);
	assert_int_equal(disk.calls, 1);
	assert_file(f->path, "one\n");
}

static void
reopen_starts_a_new_file_and_keeps_the_broken_one(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };
	struct zt_log_stats stats;
	char broken[384];

	open_log(f);
	assert_int_equal(zt_log_reopen(f->log), ZT_ERR_INVAL);
	disk_release(EIO);
	assert_int_equal(submit(f, "lost", &tally), ZT_OK);
	dispatch_all(f, &tally, 1);
	disk_release(0);
	assert_int_equal(zt_log_reopen(f->log), ZT_OK);
	assert_int_equal(zt_log_next(f->log), 0);
	assert_int_equal(submit(f, "kept", &tally), ZT_OK);
	dispatch_all(f, &tally, 2);
	assert_int_equal(tally.durable, 1);
	find_file(f, "log.failed.", broken);
	assert_file(broken, "lost\n");
	assert_file(f->path, "kept\n");
	zt_log_stats(f->log, &stats);
	assert_false(stats.failed);
	assert_int_equal(stats.next, 1);
}

static void
reopen_works_after_somebody_removed_the_file(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };

	open_log(f);
	disk_release(EIO);
	assert_int_equal(submit(f, "lost", &tally), ZT_OK);
	dispatch_all(f, &tally, 1);
	disk_release(0);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(zt_log_reopen(f->log), ZT_OK);
	assert_int_equal(submit(f, "kept", &tally), ZT_OK);
	dispatch_all(f, &tally, 2);
	assert_file(f->path, "kept\n");
}

static void
a_short_write_is_a_failure_and_is_not_completed(void **state)
{
	const struct rlimit small = { 8, RLIM_INFINITY };
	struct fixture *f = *state;
	struct tally tally = { 0 };
	struct zt_log_stats stats;
	struct rlimit saved;

	(void)signal(SIGXFSZ, SIG_IGN);
	open_log(f);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(submit(f, "0123456789", &tally), ZT_OK);
	dispatch_all(f, &tally, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	assert_int_equal(tally.failed, 1);
	assert_int_equal(submit(f, "next", &tally), ZT_ERR_UNAVAIL);
	zt_log_stats(f->log, &stats);
	assert_true(stats.failed);
	assert_int_equal(disk.calls, 0);
	assert_file(f->path, "01234567");
}

static void
fill_disk(struct fixture *f)
{
	char *line = malloc(16000);
	char broken[384];
	struct tally tally = { 0 };
	unsigned n = 0;

	assert_non_null(line);
	(void)memset(line, 'x', 15999);
	line[15999] = '\0';
	open_log(f);
	while (submit(f, line, &tally) == ZT_OK && n < 1000)
		dispatch_all(f, &tally, ++n);
	assert_int_equal(tally.failed, 1);
	assert_true(tally.durable > 0 && n < 1000);
	/* still full: found out before anything moves, nothing left behind */
	assert_int_equal(zt_log_reopen(f->log), ZT_ERR_SYS);
	assert_int_equal(errno, ENOSPC);
	find_file(f, "log.failed.", broken);
	assert_string_equal(broken, "");
	assert_int_equal(submit(f, "more", &tally), ZT_ERR_UNAVAIL);
	/* somebody makes room */
	assert_int_equal(unlink(f->path), 0);
	close_log(f);
	open_log(f);
	assert_int_equal(submit(f, "more", &tally), ZT_OK);
	dispatch_all(f, &tally, ++n);
	assert_int_equal(tally.failed, 1);
	close_log(f);
	free(line);
}

/*
 * Run it in a child, with a file system of 256 kB of its own on the fixture's
 * directory.
 */
static void
on_small_disk(struct fixture *f, void (*run)(struct fixture *f))
{
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("tmpfs", f->dir, "tmpfs", 0, "size=256k") != 0)
			_exit(77);
		run(f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
on_a_full_disk_nothing_is_durable_until_there_is_room(void **state)
{
	on_small_disk(*state, fill_disk);
}

/* Append blocks of c, n at most; how many the disk took. */
static unsigned
append(const char *path, char c, unsigned n)
{
	zt_auto_close int fd = -1;
	unsigned taken = 0;
	char block[4096];

	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	(void)memset(block, c, sizeof(block));
	while (taken < n && write(fd, block, sizeof(block)) == sizeof(block))
		taken++;
	return taken;
}

static off_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* What a broker that died at a full disk finds when it is started again. */
static void
open_torn(struct fixture *f)
{
	char filler[128], torn[384];

	(void)snprintf(filler, sizeof(filler), "%s/filler", f->dir);
	write_file(f->path, "one\ntwo\n");
	assert_int_equal(append(f->path, 't', 10), 10);
	assert_true(append(filler, 'x', 1000) < 1000);
	/* some room, for a piece of the line; then none at all */
	assert_int_equal(truncate(filler, size_of(filler) - 8192), 0);
	for (int i = 0; i < 5; i++) {
		errno = 0;
		assert_int_equal(zt_log_open(f->path, &f->torn, &f->log),
		    ZT_ERR_SYS);
		assert_int_equal(errno, ENOSPC);
		assert_null(f->log);
		find_file(f, "log.torn.", torn);
		assert_string_equal(torn, "");
		assert_int_equal(size_of(f->path), 8 + 10 * 4096);
		if (i == 2)
			assert_true(append(filler, 'x', 1000) < 1000);
	}
	assert_int_equal(unlink(filler), 0);
	open_log(f);
	assert_true(f->torn);
	assert_int_equal(zt_log_next(f->log), 2);
	find_file(f, "log.torn.", torn);
	assert_int_equal(size_of(torn), 10 * 4096);
	assert_file(f->path, "one\ntwo\n");
	close_log(f);
}

static void
a_torn_line_without_room_beside_stays_and_leaves_nothing_behind(void **state)
{
	on_small_disk(*state, open_torn);
}

static void
a_second_broker_is_refused(void **state)
{
	struct fixture *f = *state;
	struct zt_log *second = NULL;
	int status = 0;
	bool torn;
	pid_t pid;

	open_log(f);
	assert_int_equal(zt_log_open(f->path, &torn, &second), ZT_ERR_UNAVAIL);
	pid = fork();
	if (pid == 0)
		_exit((int)zt_log_open(f->path, &torn, &second));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), ZT_ERR_UNAVAIL);
	close_log(f);
	open_log(f);
}

static void
a_second_broker_is_refused_after_a_reopen_too(void **state)
{
	struct fixture *f = *state;
	struct zt_log *second = NULL;
	struct tally tally = { 0 };
	bool torn;

	open_log(f);
	disk_release(EIO);
	assert_int_equal(submit(f, "lost", &tally), ZT_OK);
	dispatch_all(f, &tally, 1);
	disk_release(0);
	assert_int_equal(zt_log_reopen(f->log), ZT_OK);
	assert_int_equal(zt_log_open(f->path, &torn, &second), ZT_ERR_UNAVAIL);
}

static void
a_torn_last_line_is_set_aside(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };
	char torn[384];

	write_file(f->path, "one\ntwo\ntor");
	open_log(f);
	assert_true(f->torn);
	assert_int_equal(zt_log_next(f->log), 2);
	find_file(f, "log.torn.", torn);
	assert_file(torn, "tor");
	assert_int_equal(submit(f, "three", &tally), ZT_OK);
	dispatch_all(f, &tally, 1);
	assert_file(f->path, "one\ntwo\nthree\n");
}

static void
a_torn_only_line_and_an_empty_file_leave_nothing_to_count(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "tor");
	open_log(f);
	assert_true(f->torn);
	assert_int_equal(zt_log_next(f->log), 0);
	close_log(f);
	open_log(f);
	assert_false(f->torn);
	assert_int_equal(zt_log_next(f->log), 0);
}

static void
the_sequence_goes_on_in_an_existing_file(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };

	open_log(f);
	assert_int_equal(submit(f, "one", &tally), ZT_OK);
	assert_int_equal(submit(f, "two", &tally), ZT_OK);
	close_log(f);
	assert_int_equal(tally.durable, 2);
	open_log(f);
	assert_int_equal(zt_log_next(f->log), 2);
}

static void
close_writes_what_waits_and_tells_everybody(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };

	open_log(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(submit(f, "x", &tally), ZT_OK);
	close_log(f);
	assert_int_equal(tally.durable, 3);
	assert_file(f->path, "x\nx\nx\n");
}

static void *
release_failing(void *arg)
{
	(void)arg;
	(void)usleep(50000);
	disk_release(EIO);
	return NULL;
}

static void
close_tells_everybody_also_of_a_failure(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };
	pthread_t thread;

	open_log(f);
	disk_hold();
	assert_int_equal(submit(f, "one", &tally), ZT_OK);
	disk_await();
	assert_int_equal(submit(f, "two", &tally), ZT_OK);
	assert_int_equal(pthread_create(&thread, NULL, release_failing, NULL),
	    0);
	close_log(f);
	(void)pthread_join(thread, NULL);
	assert_int_equal(tally.failed, 2);
}

static void
a_full_queue_refuses_the_next_line(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };

	open_log(f);
	disk_hold();
	for (int i = 0; i < ZT_LOG_QUEUE_MAX; i++)
		assert_int_equal(submit(f, "x", &tally), ZT_OK);
	assert_int_equal(submit(f, "x", &tally), ZT_ERR_TOOBIG);
	assert_int_equal(zt_log_next(f->log), ZT_LOG_QUEUE_MAX);
	disk_release(0);
	dispatch_all(f, &tally, ZT_LOG_QUEUE_MAX);
	assert_int_equal(submit(f, "x", &tally), ZT_OK);
	dispatch_all(f, &tally, ZT_LOG_QUEUE_MAX + 1);
}

static void
a_line_that_would_be_two_or_none_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };

	open_log(f);
	assert_int_equal(submit(f, "a\nb", &tally), ZT_ERR_INVAL);
	assert_int_equal(submit(f, "", &tally), ZT_ERR_INVAL);
	assert_int_equal(zt_log_next(f->log), 0);
}

struct again {
	struct fixture *f;
	struct tally tally;
	int left;
};

static void
submit_again(void *arg, bool durable)
{
	struct again *again = arg;

	count_done(&again->tally, durable);
	if (again->left-- > 0)
		assert_int_equal(zt_log_submit(again->f->log, strdup("again"),
				     5, submit_again, again),
		    ZT_OK);
}

static void
done_may_submit_again(void **state)
{
	struct fixture *f = *state;
	struct again again = { .f = f, .left = 3 };

	open_log(f);
	submit_again(&again, true);
	dispatch_all(f, &again.tally, 4);
	assert_file(f->path, "again\nagain\nagain\n");
}

static void
a_line_without_done_is_written_as_well(void **state)
{
	struct fixture *f = *state;

	open_log(f);
	assert_int_equal(zt_log_submit(f->log, strdup("one"), 3, NULL, NULL),
	    ZT_OK);
	close_log(f);
	assert_file(f->path, "one\n");
}

static void
a_new_log_has_mode_0640_whatever_the_umask(void **state)
{
	struct fixture *f = *state;
	mode_t saved = umask(0);
	struct stat st;

	open_log(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	close_log(f);
	(void)unlink(f->path);
	(void)umask(0777);
	open_log(f);
	(void)umask(saved);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void
a_file_that_cannot_be_trusted_is_refused(void **state)
{
	struct fixture *f = *state;
	char other[128];

	(void)snprintf(other, sizeof(other), "%s/other", f->dir);
	write_file(other, "");
	assert_int_equal(symlink(other, f->path), 0);
	assert_int_equal(zt_log_open(f->path, &f->torn, &f->log),
	    ZT_ERR_DENIED);
	(void)unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(zt_log_open(f->path, &f->torn, &f->log),
	    ZT_ERR_DENIED);
	(void)unlink(f->path);
	assert_int_equal(zt_log_open(f->dir, &f->torn, &f->log), ZT_ERR_DENIED);
	assert_int_equal(chmod(other, 0602), 0);
	assert_int_equal(zt_log_open(other, &f->torn, &f->log), ZT_ERR_DENIED);
	assert_int_equal(chmod(other, 0620), 0);
	assert_int_equal(zt_log_open(other, &f->torn, &f->log), ZT_ERR_DENIED);
	assert_null(f->log);
}

static void
a_missing_directory_and_a_relative_path_are_errors(void **state)
{
	struct fixture *f = *state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/none/log", f->dir);
	assert_int_equal(zt_log_open(path, &f->torn, &f->log), ZT_ERR_SYS);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(zt_log_open("log", &f->torn, &f->log), ZT_ERR_INVAL);
}

/* The blocked signals of the one other thread, from the kernel. */
static uint64_t
other_thread_blocks(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	uint64_t blocked = 0;
	char line[256], path[300];

	while ((entry = readdir(dir)) != NULL) {
		FILE *file;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/status",
		    entry->d_name);
		file = fopen(path, "r");
		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
			if (strncmp(line, "SigBlk:", 7) == 0)
				blocked = strtoull(line + 7, NULL, 16);
		if (file != NULL)
			(void)fclose(file);
	}
	(void)closedir(dir);
	return blocked;
}

static void
the_writer_takes_no_signal(void **state)
{
	struct fixture *f = *state;
	struct tally tally = { 0 };
	const int signals[] = { SIGTERM, SIGHUP, SIGXFSZ, SIGPIPE, SIGCHLD };
	uint64_t blocked;

	open_log(f);
	disk_hold();
	assert_int_equal(submit(f, "one", &tally), ZT_OK);
	disk_await();
	blocked = other_thread_blocks();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_true((blocked >> (signals[i] - 1) & 1) == 1);
	disk_release(0);
	dispatch_all(f, &tally, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_submitted_line_is_in_the_file_when_done_is_called),
		TEST(no_line_is_done_before_fdatasync_has_returned),
		TEST(what_waits_during_a_commit_is_one_more_commit),
		TEST(order_and_content_survive_many_batches),
		TEST(a_failed_flush_fails_its_batch_and_all_that_wait),
		TEST(reopen_starts_a_new_file_and_keeps_the_broken_one),
		TEST(reopen_works_after_somebody_removed_the_file),
		TEST(a_short_write_is_a_failure_and_is_not_completed),
		TEST(on_a_full_disk_nothing_is_durable_until_there_is_room),
		TEST(a_second_broker_is_refused),
		TEST(a_second_broker_is_refused_after_a_reopen_too),
		TEST(a_torn_last_line_is_set_aside),
		TEST(
		    a_torn_line_without_room_beside_stays_and_leaves_nothing_behind),
		TEST(a_torn_only_line_and_an_empty_file_leave_nothing_to_count),
		TEST(the_sequence_goes_on_in_an_existing_file),
		TEST(close_writes_what_waits_and_tells_everybody),
		TEST(close_tells_everybody_also_of_a_failure),
		TEST(a_full_queue_refuses_the_next_line),
		TEST(a_line_that_would_be_two_or_none_is_refused),
		TEST(done_may_submit_again),
		TEST(a_line_without_done_is_written_as_well),
		TEST(a_new_log_has_mode_0640_whatever_the_umask),
		TEST(a_file_that_cannot_be_trusted_is_refused),
		TEST(a_missing_directory_and_a_relative_path_are_errors),
		TEST(the_writer_takes_no_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
