/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "zt/auto.h"
#include "zt/record.h"
#include "ztctl_log.h"

#define BLOCK 65536

/*
 * buf[0..len) is the stretch of the file that is not yet handed out: a block
 * and, behind it, the start of a line whose rest was in the block after it.
 */
struct back {
	int fd;
	off_t offset; /* of buf[0] in the file */
	size_t len;
	bool overlong; /* buf ends inside a line that is passed over */
	char buf[BLOCK + ZT_RECORD_MAX];
};

static enum zt_err
read_exactly(int fd, char *buf, size_t len, off_t offset)
{
	while (len > 0) {
		ssize_t n = pread(fd, buf, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ESTALE; /* cut while we read it */
		if (n <= 0)
			return ZT_ERR_SYS;
		buf += n;
		len -= (size_t)n;
		offset += n;
	}
	return ZT_OK;
}

/* Put the block before buf[0] in front of what buf holds. */
static enum zt_err
back_fill(struct back *b)
{
	size_t n = b->offset < BLOCK ? (size_t)b->offset : BLOCK;

	memmove(b->buf + n, b->buf, b->len);
	b->offset -= (off_t)n;
	b->len += n;
	return read_exactly(b->fd, b->buf, n, b->offset);
}

/* Hand out the line that begins at start and ends where buf does. */
static bool
back_emit(struct back *b, size_t start, log_line_fn *fn, void *arg)
{
	bool go_on = true;

	if (!b->overlong && b->len > start && b->len - start <= ZT_RECORD_MAX)
		go_on = fn(arg, b->buf + start, b->len - start);
	b->overlong = false;
	b->len = start;
	return go_on;
}

/* Hand out every line whose beginning is in buf; false to stop. */
static bool
back_lines(struct back *b, log_line_fn *fn, void *arg)
{
	const char *lf;

	while ((lf = memrchr(b->buf, '\n', b->len)) != NULL) {
		if (!back_emit(b, (size_t)(lf - b->buf) + 1, fn, arg))
			return false;
		b->len--; /* the LF itself */
	}
	if (b->offset == 0)
		return back_emit(b, 0, fn, arg);
	if (b->len > ZT_RECORD_MAX) {
		b->overlong = true;
		b->len = 0;
	}
	return true;
}

static enum zt_err
open_regular(const char *path, int *fd_out, off_t *size_out)
{
	zt_auto_close int fd = -1;
	struct stat st;

	/* O_NONBLOCK: a FIFO must not hang us */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode))
		return ZT_ERR_INVAL;
	*size_out = st.st_size;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

enum zt_err
log_read_backwards(const char *path, log_line_fn *fn, void *arg)
{
	static struct back b; /* too big for the stack */
	zt_auto_close int fd = -1;
	enum zt_err err;

	b.len = 0;
	b.overlong = false;
	if ((err = open_regular(path, &fd, &b.offset)) != ZT_OK)
		return err;
	b.fd = fd;
	while (b.offset > 0) {
		if ((err = back_fill(&b)) != ZT_OK)
			return err;
		if (!back_lines(&b, fn, arg))
			break;
	}
	return ZT_OK;
}
