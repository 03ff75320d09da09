/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "zt/auto.h"
#include "zt/file.h"

#define PATH  "state"
#define OLD   "what stood there"
#define NEW   "what comes"
#define SIZE  64
#define OTHER 1234 /* a uid that is neither root's nor ours */

static char dir[] = "/tmp/zt-test-file-XXXXXX";
static char home[4096];

/* What was asked of the disk, in this order: 'f' file flushed, 'r' renamed, 'd'
 * directory flushed; and what of that fails. */
static char asked[8];
static char fails;

static bool
ask(char what)
{
	const size_t n = strlen(asked);

	if (n < sizeof(asked) - 1)
		asked[n] = what;
	if (what == fails)
		errno = EIO;
	return what != fails;
}

/* In the place of libc's. */
int
fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	return ask(S_ISDIR(st.st_mode) ? 'd' : 'f') ? 0 : -1;
}

int
rename(const char *from, const char *to)
{
	return ask('r') ? renameat(AT_FDCWD, from, AT_FDCWD, to) : -1;
}

static enum zt_err
replace(const char *path, const char *text)
{
	return zt_file_replace(path, text, strlen(text), 0640);
}

/* The file's text, or NULL. */
static char *
text_at(const char *path, int flags)
{
	struct stat st;
	char *text;
	size_t len;

	if (zt_file_read(path, flags, SIZE, &text, &len, &st) != ZT_OK)
		return NULL;
	assert_int_equal(len, strlen(text));
	assert_int_equal(len, st.st_size);
	return text;
}

static void
assert_text(const char *path, const char *text)
{
	zt_auto_free char *found = text_at(path, O_NOFOLLOW);

	assert_non_null(found);
	assert_string_equal(found, text);
}

static void
assert_no_temporary(void)
{
	assert_int_equal(access(PATH ".new", F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

static int
clear(const char *what)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s%s", dir, what);
	return system(command);
}

static int
fresh(void **state)
{
	(void)state;
	if (clear("/*") != 0 || replace(PATH, OLD) != ZT_OK)
		return 1;
	memset(asked, 0, sizeof(asked));
	return 0;
}

static void
what_is_replaced_outlives_a_crash(void **state)
{
	(void)state;
	assert_int_equal(replace(PATH, NEW), ZT_OK);
	assert_string_equal(asked, "frd");
	for (const char *f = "fr"; *f != '\0'; f++) {
		fails = *f;
		memset(asked, 0, sizeof(asked));
		assert_int_equal(replace(PATH, OLD), ZT_ERR_SYS);
		assert_int_equal(errno, EIO);
		assert_text(PATH, NEW);
		assert_no_temporary();
	}
	fails = 'd'; /* it is in place, and that may not last */
	assert_int_equal(replace(PATH, OLD), ZT_ERR_SYS);
	assert_int_equal(errno, EIO);
	assert_text(PATH, OLD);
	fails = '\0';
	assert_int_equal(zt_file_flush_name("none/" PATH), ZT_ERR_SYS);
}

static void
what_is_replaced_is_new_whole_and_of_its_mode(void **state)
{
	const mode_t umask_kept = umask(077);
	struct stat before, now;
	int fd = open(PATH, O_RDONLY | O_CLOEXEC);
	char text[SIZE] = { 0 };

	(void)state;
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(zt_file_replace(PATH, NEW, strlen(NEW), 0644), ZT_OK);
	(void)umask(umask_kept);
	assert_text(PATH, NEW);
	assert_int_equal(stat(PATH, &now), 0);
	assert_int_equal(now.st_mode & 07777, 0644);
	assert_int_not_equal(now.st_ino, before.st_ino);
	/* who has the old one open has all of it */
	assert_int_equal(read(fd, text, sizeof(text)), strlen(OLD));
	(void)close(fd);
	assert_no_temporary();
	assert_int_equal(zt_file_replace(PATH, "", 0, 0600), ZT_OK);
	assert_text(PATH, "");
	assert_int_equal(replace("./" PATH, NEW), ZT_OK);
	assert_text(PATH, NEW);
}

static void
a_temporary_that_is_there_is_never_written_to(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(replace("precious", OLD), ZT_OK);
	assert_int_equal(symlink("precious", PATH ".new"), 0);
	assert_int_equal(replace(PATH, NEW), ZT_OK);
	assert_text("precious", OLD);
	assert_int_equal(link("precious", PATH ".new"), 0);
	assert_int_equal(replace(PATH, NEW), ZT_OK);
	assert_text("precious", OLD);
	assert_text(PATH, NEW);
	assert_int_equal(lstat(PATH, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	/* a link at the path itself is replaced, not followed */
	assert_int_equal(unlink(PATH), 0);
	assert_int_equal(symlink("precious", PATH), 0);
	assert_int_equal(replace(PATH, NEW), ZT_OK);
	assert_text("precious", OLD);
	assert_text(PATH, NEW);
}

static void
a_failure_leaves_the_old_file_and_nothing_behind(void **state)
{
	const struct rlimit none = { 4, RLIM_INFINITY };
	char path[PATH_MAX + 8];
	struct rlimit kept;

	(void)state;
	/* not all of it can be written */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(replace(PATH, NEW), ZT_ERR_SYS);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
	assert_text(PATH, OLD);
	assert_no_temporary();
	/* nor renamed */
	assert_int_equal(mkdir("directory", 0700), 0);
	assert_int_equal(replace("directory", NEW), ZT_ERR_SYS);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(access("directory.new", F_OK), -1);
	assert_int_equal(replace("none/" PATH, NEW), ZT_ERR_SYS);
	assert_int_equal(errno, ENOENT);
	memset(path, 'x', sizeof(path));
	path[PATH_MAX - 4] = '\0'; /* the temporary's name does not fit */
	assert_int_equal(replace(path, NEW), ZT_ERR_SYS);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void
by_parts_nothing_is_there_until_the_end(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(zt_file_begin(PATH, 0600, &fd), ZT_OK);
	assert_int_equal(zt_file_write(fd, NEW, 4), ZT_OK);
	assert_text(PATH, OLD);
	assert_int_equal(zt_file_write(fd, NEW + 4, strlen(NEW) - 4), ZT_OK);
	assert_int_equal(zt_file_end(PATH, fd), ZT_OK);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC); /* the caller's */
	(void)close(fd);
	assert_text(PATH, NEW);
	assert_int_equal(zt_file_begin(PATH, 0600, &fd), ZT_OK);
	errno = EDOM;
	zt_file_drop(PATH);
	zt_file_drop(PATH); /* there is none */
	assert_int_equal(errno, EDOM);
	(void)close(fd);
	assert_no_temporary();
	assert_text(PATH, NEW);
	/* one that cannot be flushed is dropped */
	assert_int_equal(zt_file_begin(PATH, 0600, &fd), ZT_OK);
	(void)close(fd);
	assert_int_equal(zt_file_end(PATH, -1), ZT_ERR_SYS);
	assert_int_equal(errno, EBADF);
	assert_no_temporary();
	assert_text(PATH, NEW);
}

static enum zt_err
read_err(const char *path, int flags, size_t max)
{
	zt_auto_free char *text = NULL;
	struct stat st;
	size_t len;

	return zt_file_read(path, flags, max, &text, &len, &st);
}

static void
what_others_could_have_written_is_not_read(void **state)
{
	(void)state;
	for (mode_t mode = 0600; mode <= 0677; mode++) {
		assert_int_equal(chmod(PATH, mode), 0);
		assert_int_equal(read_err(PATH, 0, SIZE),
		    (mode & 022) != 0 ? ZT_ERR_DENIED : ZT_OK);
	}
	assert_int_equal(chmod(PATH, 0600), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(PATH, OTHER, 0), 0);
	assert_int_equal(read_err(PATH, 0, SIZE), ZT_ERR_DENIED);
	/* to its owner it is fine, and so is root's */
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(seteuid(OTHER), 0);
	assert_int_equal(read_err(PATH, 0, SIZE), ZT_OK);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown(PATH, 0, 0), 0);
	assert_int_equal(chmod(PATH, 0644), 0);
	assert_int_equal(seteuid(OTHER), 0);
	assert_int_equal(read_err(PATH, 0, SIZE), ZT_OK);
	assert_int_equal(seteuid(0), 0);
}

static void
only_a_file_of_a_bounded_length_is_read_and_a_link_if_allowed(void **state)
{
	zt_auto_free char *text = NULL;

	(void)state;
	assert_int_equal(read_err(PATH, 0, strlen(OLD)), ZT_OK);
	assert_int_equal(read_err(PATH, 0, strlen(OLD) - 1), ZT_ERR_TOOBIG);
	assert_int_equal(read_err("none", 0, SIZE), ZT_ERR_SYS);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(read_err(".", 0, SIZE), ZT_ERR_DENIED);
	assert_int_equal(mkfifo("fifo", 0600), 0); /* nobody writes to it */
	(void)alarm(10);
	assert_int_equal(read_err("fifo", 0, SIZE), ZT_ERR_DENIED);
	(void)alarm(0);
	assert_int_equal(symlink(PATH, "link"), 0);
	assert_int_equal(read_err("link", O_NOFOLLOW, SIZE), ZT_ERR_SYS);
	assert_int_equal(errno, ELOOP);
	text = text_at("link", 0);
	assert_non_null(text);
	assert_string_equal(text, OLD);
}

static int
begin(void **state)
{
	(void)state;
	return getcwd(home, sizeof(home)) == NULL || mkdtemp(dir) == NULL ||
	    chdir(dir) != 0;
}

static int
end(void **state)
{
	(void)state;
	return chdir(home) != 0 || clear("") != 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    what_is_replaced_is_new_whole_and_of_its_mode, fresh),
		cmocka_unit_test_setup(what_is_replaced_outlives_a_crash,
		    fresh),
		cmocka_unit_test_setup(
		    a_temporary_that_is_there_is_never_written_to, fresh),
		cmocka_unit_test_setup(
		    a_failure_leaves_the_old_file_and_nothing_behind, fresh),
		cmocka_unit_test_setup(by_parts_nothing_is_there_until_the_end,
		    fresh),
		cmocka_unit_test_setup(
		    what_others_could_have_written_is_not_read, fresh),
		cmocka_unit_test_setup(
		    only_a_file_of_a_bounded_length_is_read_and_a_link_if_allowed,
		    fresh),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
