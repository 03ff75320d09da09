/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bearer.h"
#include "zt/auto.h"

struct bearer {
	const char *path; /* borrowed */
	char *token;      /* owned, wiped; NULL if there is none */
	struct stat seen; /* the file token came from */
};

enum zt_err
bearer_new(const char *path, struct bearer **out)
{
	struct bearer *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return ZT_ERR_NOMEM;
	b->path = path;
	*out = b;
	return ZT_OK;
}

static void
token_drop(struct bearer *b)
{
	zt_wipep(&b->token);
	b->token = NULL;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* End the text before its trailing blanks; false if others are in it. */
static bool
token_trim(char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0;
}

/* Read all of fd; buf has room for BEARER_MAX + 1 and is zeroed. */
static enum zt_err
token_read(int fd, char *buf, size_t *len_out)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len <= BEARER_MAX) {
		n = read(fd, buf + len, BEARER_MAX + 1 - len);
		if (n < 0)
			return ZT_ERR_SYS;
		len += (size_t)n;
	}
	if (len > BEARER_MAX)
		return ZT_ERR_TOOBIG;
	*len_out = len;
	return ZT_OK;
}

static enum zt_err
token_load(struct bearer *b)
{
	char buf[BEARER_MAX + 1] = { 0 };
	zt_auto_close int fd = -1;
	struct stat st;
	enum zt_err err;
	size_t len = 0;

	token_drop(b);
	/* nonblocking: a FIFO put there must not hold the broker */
	fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode))
		return ZT_ERR_MALFORMED;
	err = token_read(fd, buf, &len);
	if (err == ZT_OK && !token_trim(buf, len))
		err = ZT_ERR_MALFORMED;
	if (err == ZT_OK && (b->token = strdup(buf)) == NULL)
		err = ZT_ERR_NOMEM;
	explicit_bzero(buf, sizeof(buf));
	b->seen = st;
	return err;
}

enum zt_err
bearer_get(struct bearer *b, const char **token_out)
{
	struct stat st;
	enum zt_err err;

	if (b->token == NULL || stat(b->path, &st) < 0 ||
	    !same_file(&st, &b->seen))
		if ((err = token_load(b)) != ZT_OK)
			return err;
	*token_out = b->token;
	return ZT_OK;
}

bool
bearer_renew(struct bearer *b)
{
	zt_auto_wipe char *old = zt_take(b->token);

	if (token_load(b) != ZT_OK)
		return false;
	return old == NULL || strcmp(old, b->token) != 0;
}

void
bearer_free(struct bearer *b)
{
	if (b == NULL)
		return;
	token_drop(b);
	free(b);
}
