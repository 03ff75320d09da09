/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fallback.h"
#include "zt/auto.h"
#include "zt/client.h"
#include "zt/wire.h"

static const char *const default_services[] = { "sshd", "sudo", "sudo-i", "su",
	"su-l", "login" };
static const char *const default_exempt[] = { "login:root" };

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
_Static_assert(N_ELEMENTS(default_services) <= ZT_SCOPE_MAX, "fits a scope");
_Static_assert(N_ELEMENTS(default_exempt) <= ZT_SCOPE_MAX, "fits a scope");

static void
scope_default(struct zt_scope *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < N_ELEMENTS(default_services); i++)
		out->services[out->n_services++] = zt_str(default_services[i]);
	for (size_t i = 0; i < N_ELEMENTS(default_exempt); i++)
		out->exempt[out->n_exempt++] = zt_str(default_exempt[i]);
}

static bool
str_equal(struct zt_str a, struct zt_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/*
 * Does an exemption, "user" or "service:user", cover this attempt?  A colon
 * always splits: else whoever calls himself "login:root" were exempt.  It
 * covers nobody without a name.
 */
static bool
exempt_covers(struct zt_str exempt, struct zt_str service, struct zt_str user)
{
	const char *colon = memchr(exempt.p, ':', exempt.len);
	struct zt_str head, tail;

	if (user.len == 0)
		return false;
	if (colon == NULL)
		return str_equal(exempt, user);
	head.p = exempt.p;
	head.len = (size_t)(colon - exempt.p);
	tail.p = colon + 1;
	tail.len = exempt.len - head.len - 1;
	return str_equal(head, service) && str_equal(tail, user);
}

static bool
scope_ignores(const struct zt_scope *scope, struct zt_str service,
    struct zt_str user)
{
	bool enforced = false;

	for (uint16_t i = 0; i < scope->n_services; i++)
		enforced = enforced || str_equal(scope->services[i], service);
	if (!enforced)
		return true;
	for (uint16_t i = 0; i < scope->n_exempt; i++)
		if (exempt_covers(scope->exempt[i], service, user))
			return true;
	return false;
}

/* May only root, or the user root gave the directory to, have written it? */
static bool
file_is_trusted(const struct stat *dir, const struct stat *file)
{
	const mode_t others = S_IWGRP | S_IWOTH;

	return S_ISREG(file->st_mode) && (file->st_mode & others) == 0 &&
	    (dir->st_mode & others) == 0 &&
	    (file->st_uid == 0 || file->st_uid == dir->st_uid);
}

static enum zt_err
file_open(const char *path, int *fd_out)
{
	zt_auto_free char *dir = strdup(path);
	zt_auto_close int dir_fd = -1, fd = -1;
	struct stat dir_st, st;
	char *slash;

	if (dir == NULL)
		return ZT_ERR_NOMEM;
	if ((slash = strrchr(dir, '/')) == NULL)
		return ZT_ERR_INVAL;
	*slash = '\0';
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return ZT_ERR_SYS;
	/* not blocking: somebody may have put a FIFO there */
	fd = openat(dir_fd, slash + 1,
	    O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(dir_fd, &dir_st) != 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!file_is_trusted(&dir_st, &st))
		return ZT_ERR_DENIED;
	if (st.st_size > ZT_WIRE_MAX)
		return ZT_ERR_TOOBIG;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/* Read to the end of the file, at most cap bytes. */
static enum zt_err
file_read(int fd, uint8_t *buf, size_t cap, size_t *len_out)
{
	size_t len = 0;
	ssize_t n;

	while (len < cap && (n = read(fd, buf + len, cap - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return ZT_ERR_SYS;
		if (n > 0)
			len += (size_t)n;
	}
	*len_out = len;
	return ZT_OK;
}

/* Load the scope that ztd wrote; *out borrows from buf[0..cap). */
static enum zt_err
scope_load(const char *path, uint8_t *buf, size_t cap, struct zt_scope *out)
{
	zt_auto_close int fd = -1;
	enum zt_err err;
	size_t len;

	if ((err = file_open(path, &fd)) != ZT_OK)
		return err;
	if ((err = file_read(fd, buf, cap, &len)) != ZT_OK)
		return err;
	return zt_scope_decode(buf, len, out);
}

bool
zt_fallback_ignores(struct zt_str service, struct zt_str user)
{
	zt_auto_free uint8_t *buf = malloc(ZT_WIRE_MAX);
	struct zt_scope scope;

	if (buf == NULL ||
	    scope_load(ZT_SCOPE_FILE, buf, ZT_WIRE_MAX, &scope) != ZT_OK)
		scope_default(&scope);
	return scope_ignores(&scope, service, user);
}
