/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lookup.h"

bool
is_user(enum entry e)
{
	return e <= PWENT;
}

bool
is_enumeration(enum entry e)
{
	return e == PWENT || e == GRENT;
}

enum nss_status
invoke(enum entry e, union result *r, char *buf, size_t len, int *errnop)
{
	switch (e) {
	case PWNAM:
		return module.getpwnam_r("alice", &r->pwd, buf, len, errnop);
	case PWUID:
		return module.getpwuid_r(UID, &r->pwd, buf, len, errnop);
	case PWENT:
		return module.getpwent_r(&r->pwd, buf, len, errnop);
	case GRNAM:
		return module.getgrnam_r("staff1", &r->grp, buf, len, errnop);
	case GRGID:
		return module.getgrgid_r(GID, &r->grp, buf, len, errnop);
	case GRENT:
		return module.getgrent_r(&r->grp, buf, len, errnop);
	case ENTRIES:
		break;
	}
	fail();
	return NSS_STATUS_UNAVAIL;
}

void
rewind_all(void)
{
	assert_int_equal(module.setpwent(0), NSS_STATUS_SUCCESS);
	assert_int_equal(module.setgrent(0), NSS_STATUS_SUCCESS);
}

const char *
member_name(size_t i)
{
	static char names[MEMBERS][16];

	snprintf(names[i], sizeof(names[i]), "member%zu", i);
	return names[i];
}

static bool
is_poison(const union result *r)
{
	for (size_t i = 0; i < sizeof(r->raw); i++)
		if (r->raw[i] != POISON)
			return false;
	return true;
}

enum nss_status
call(enum entry e, union result *r, char *buf, size_t len, int *errnop)
{
	enum nss_status status;

	memset(r, POISON, sizeof(*r));
	*errnop = SENTINEL;
	errno = SENTINEL;
	status = invoke(e, r, buf, len, errnop);
	assert_int_equal(errno, SENTINEL);
	if (status == NSS_STATUS_SUCCESS)
		assert_int_equal(*errnop, SENTINEL);
	else
		assert_true(is_poison(r));
	return status;
}

void
fails_with(enum entry e, enum nss_status status, int want_errno)
{
	union result r;
	char buf[SWEEP_MAX];
	int err;

	assert_int_equal(call(e, &r, buf, sizeof(buf), &err), status);
	assert_int_equal(err, want_errno);
}

void
succeeds(enum entry e)
{
	union result r;
	char buf[SWEEP_MAX];
	int err;

	rewind_all();
	assert_int_equal(call(e, &r, buf, sizeof(buf), &err),
	    NSS_STATUS_SUCCESS);
}

static void
inside(const char *s, const char *want, const char *buf, size_t len)
{
	assert_true(s >= buf && s + strlen(want) + 1 <= buf + len);
	assert_string_equal(s, want);
}

void
result_is_right(enum entry e, const union result *r, const char *buf,
    size_t len)
{
	if (is_user(e)) {
		inside(r->pwd.pw_name, "alice", buf, len);
		inside(r->pwd.pw_passwd, "*", buf, len);
		inside(r->pwd.pw_gecos, "Alice A.", buf, len);
		inside(r->pwd.pw_dir, "/home/alice", buf, len);
		inside(r->pwd.pw_shell, "/bin/bash", buf, len);
		assert_int_equal(r->pwd.pw_uid, UID);
		assert_int_equal(r->pwd.pw_gid, GID);
		return;
	}
	inside(r->grp.gr_name, "staff1", buf, len);
	inside(r->grp.gr_passwd, "*", buf, len);
	assert_int_equal(r->grp.gr_gid, GID);
	assert_int_equal((uintptr_t)r->grp.gr_mem % sizeof(char *), 0);
	assert_true((char *)r->grp.gr_mem >= buf);
	assert_true((char *)(r->grp.gr_mem + MEMBERS + 1) <= buf + len);
	for (size_t i = 0; i < MEMBERS; i++)
		inside(r->grp.gr_mem[i], member_name(i), buf, len);
	assert_null(r->grp.gr_mem[MEMBERS]);
}

size_t
sweep(enum entry e, size_t align)
{
	static char area[SWEEP_MAX + 64 + CANARY] __attribute__((aligned(64)));
	char *buf = area + align;
	size_t least = SIZE_MAX;
	union result r;
	int err;

	for (size_t len = 0; len <= SWEEP_MAX; len += fake_brief() ? 13 : 1) {
		enum nss_status status;

		memset(area, 0xa5, sizeof(area));
		rewind_all();
		status = call(e, &r, buf, len, &err);
		for (size_t i = 0; i < CANARY; i++)
			assert_int_equal((uint8_t)buf[len + i], 0xa5);
		for (size_t i = 0; i < align; i++)
			assert_int_equal((uint8_t)area[i], 0xa5);
		if (status == NSS_STATUS_SUCCESS) {
			least = least == SIZE_MAX ? len : least;
			result_is_right(e, &r, buf, len);
			continue;
		}
		assert_int_equal(status, NSS_STATUS_TRYAGAIN);
		assert_int_equal(err, ERANGE);
		assert_int_equal(least, SIZE_MAX); /* fits once, fits ever */
	}
	return least;
}

int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

void
in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

size_t
lookup_size(enum entry e, size_t align)
{
	if (is_user(e))
		return sizeof("alice*Alice A./home/alice/bin/bash") + 4;
	return (8 - align) % 8 + (MEMBERS + 1) * sizeof(char *) +
	    sizeof("staff1*") + 1 + 10 * 8 + 30 * 9;
}

void
good_reply(enum entry e)
{
	const char *members[MEMBERS];

	for (size_t i = 0; i < MEMBERS; i++)
		members[i] = member_name(i);
	if (is_user(e))
		fake_user(is_enumeration(e) ? 1 : 0, UID, GID, "alice",
		    "Alice A.", "/home/alice", "/bin/bash");
	else
		fake_group(is_enumeration(e) ? 1 : 0, GID, "staff1", MEMBERS,
		    members);
}

void
start_with(enum entry e)
{
	fake_start(0);
	good_reply(e);
	rewind_all();
}
