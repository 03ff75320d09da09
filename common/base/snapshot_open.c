/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/snapshot_format.h"
#include "zt/text.h"

#define FD_LEAST 3 /* the host program may have closed its stdio */
#define PATH_LEN 4096

static bool
bytes_zero(const uint8_t *p, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

/* Is this header whole, and of this version? */
static enum zt_err
header_check(const struct zt_snapshot_header *h)
{
	struct zt_snapshot_header bare = *h;

	if (memcmp(h->magic, ZT_SNAPSHOT_MAGIC, sizeof(h->magic)) != 0)
		return ZT_ERR_MALFORMED;
	if (h->version != ZT_SNAPSHOT_VERSION)
		return ZT_ERR_VERSION;
	bare.checksum = 0;
	if (h->header_len != sizeof(*h) ||
	    h->checksum != zt_snapshot_header_checksum(&bare))
		return ZT_ERR_MALFORMED;
	if (!bytes_zero(h->reserved, sizeof(h->reserved)) ||
	    !bytes_zero(h->reserved_line, sizeof(h->reserved_line)))
		return ZT_ERR_MALFORMED;
	return ZT_OK;
}

/* Do the sections follow one another, up to the end of the file? */
static bool
sections_check(const struct zt_snapshot_header *h)
{
	const uint32_t line = ZT_SNAPSHOT_LINE / ZT_SNAPSHOT_UNIT;
	uint64_t end = sizeof(*h) / ZT_SNAPSHOT_UNIT;

	for (size_t i = 0; i < ZT_SNAPSHOT_SECTIONS; i++) {
		const struct zt_snapshot_section *section = &h->sections[i];

		if (section->offset != end || section->len % line != 0)
			return false;
		end += section->len;
	}
	return end <= UINT32_MAX && end * ZT_SNAPSHOT_UNIT == h->file_len;
}

static bool
lists_check(const struct zt_snapshot_header *h)
{
	if (h->n_sources > ZT_SNAPSHOT_SOURCES_MAX ||
	    h->n_allowed > ZT_SNAPSHOT_ALLOWED_MAX)
		return false;
	for (uint32_t i = 0; i < h->n_allowed; i++)
		if (!zt_id_valid(h->allowed[i]) ||
		    (i > 0 && h->allowed[i] <= h->allowed[i - 1]))
			return false;
	for (uint32_t i = 0; i < h->n_sources; i++)
		if (memchr(h->sources[i], '\0', sizeof(h->sources[i])) ==
			NULL ||
		    !zt_name_valid(zt_str(h->sources[i])))
			return false;
	return true;
}

static struct zt_snapshot_area
area_of(const struct zt_snapshot_header *h, enum zt_snapshot_section_id id)
{
	return (struct zt_snapshot_area){ h->sections[id].offset,
		h->sections[id].len };
}

static struct zt_snapshot
snapshot_of(const struct zt_snapshot_header *h, const uint8_t *base)
{
	return (struct zt_snapshot){
		.base = base,
		.len = h->file_len,
		.info = { .generation = h->generation,
		    .created_ms = h->created_ms,
		    .users = h->n_users,
		    .groups = h->n_groups,
		    .id_min = h->id_min,
		    .id_max = h->id_max,
		    .complete = (h->flags & ZT_SNAPSHOT_COMPLETE) != 0,
		    .enumerate = (h->flags & ZT_SNAPSHOT_ENUMERATE) != 0 },
		.seed = h->seed,
		.n_sources = h->n_sources,
		.n_allowed = h->n_allowed,
		.user_names = area_of(h, ZT_SNAPSHOT_USER_NAMES),
		.user_ids = area_of(h, ZT_SNAPSHOT_USER_IDS),
		.group_names = area_of(h, ZT_SNAPSHOT_GROUP_NAMES),
		.group_ids = area_of(h, ZT_SNAPSHOT_GROUP_IDS),
		.users = area_of(h, ZT_SNAPSHOT_USERS),
		.groups = area_of(h, ZT_SNAPSHOT_GROUPS),
		.gids = area_of(h, ZT_SNAPSHOT_GIDS),
		.members = area_of(h, ZT_SNAPSHOT_MEMBERS),
	};
}

/* Understand the header h of what is, or will be, mapped at base. */
static enum zt_err
header_take(const struct zt_snapshot_header *h, const uint8_t *base, size_t len,
    struct zt_snapshot *out)
{
	enum zt_err err;

	if ((err = header_check(h)) != ZT_OK)
		return err;
	if (h->file_len != len)
		return h->file_len > len ? ZT_ERR_TRUNCATED : ZT_ERR_TRAILING;
	if ((h->flags &
		~(uint32_t)(ZT_SNAPSHOT_COMPLETE | ZT_SNAPSHOT_ENUMERATE)) !=
		0 ||
	    !sections_check(h) || !lists_check(h))
		return ZT_ERR_MALFORMED;
	*out = snapshot_of(h, base);
	return ZT_OK;
}

enum zt_err
zt_snapshot_init(const void *base, size_t len, struct zt_snapshot *out)
{
	struct zt_snapshot_header h;

	if ((uintptr_t)base % ZT_SNAPSHOT_UNIT != 0)
		return ZT_ERR_INVAL;
	if (len < sizeof(h))
		return ZT_ERR_TRUNCATED;
	memcpy(&h, base, sizeof(h));
	return header_take(&h, base, len, out);
}

bool
zt_snapshot_superseded(const struct zt_snapshot *s)
{
	const void *p =
	    s->base + offsetof(struct zt_snapshot_header, superseded);
	const uint32_t *word = p;

	return __atomic_load_n(word, __ATOMIC_ACQUIRE) != 0;
}

struct zt_str
zt_snapshot_source(const struct zt_snapshot *s, uint8_t source)
{
	const size_t at = offsetof(struct zt_snapshot_header, sources) +
	    (size_t)source * ZT_SNAPSHOT_SOURCE_LEN;
	const char *name = (const char *)s->base + at;

	if (source >= s->n_sources)
		return zt_str("");
	/* it ended when it was mapped; the owner of the file may write to it */
	return (struct zt_str){ name, strnlen(name, ZT_SNAPSHOT_SOURCE_LEN) };
}

/*
 * open(2) and close(2) as libc offers them are cancellation points: a thread
 * that is cancelled there would leave a descriptor in somebody's process.
 * syscall(2) is none.
 */
static int
file_open(const char *path)
{
	/* not by a link: the rules are about the directory it stands in;
	   nonblock: a FIFO must not hold us */
	const int flags =
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	const int low = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
	int fd;

	if (low < 0 || low >= FD_LEAST)
		return low;
	fd = fcntl(low, F_DUPFD_CLOEXEC, FD_LEAST);
	if (fd < 0 && errno == EINVAL)
		errno = EMFILE; /* the limit is below FD_LEAST */
	(void)syscall(SYS_close, low);
	return fd;
}

void
zt_snapshot_fd_close(const int *fd)
{
	if (*fd >= 0)
		(void)syscall(SYS_close, *fd);
}

/* The directory that path stands in. */
static enum zt_err
parent_stat(const char *path, struct stat *st_out)
{
	char dir[PATH_LEN];
	char *slash;

	if (zt_str_copy(dir, sizeof(dir), zt_str(path)) != ZT_OK)
		return ZT_ERR_INVAL;
	if ((slash = strrchr(dir, '/')) == NULL)
		return ZT_ERR_INVAL;
	slash[slash == dir ? 1 : 0] = '\0';
	return stat(dir, st_out) == 0 ? ZT_OK : ZT_ERR_SYS;
}

/* Could only root, or whom root gave the directory, have put it there? */
static enum zt_err
owner_check(const char *path, const struct stat *st)
{
	const mode_t others = S_IWGRP | S_IWOTH;
	struct stat dir;
	enum zt_err err;

	if (!S_ISREG(st->st_mode) || (st->st_mode & others) != 0)
		return ZT_ERR_IMPOSTOR;
	if ((err = parent_stat(path, &dir)) != ZT_OK)
		return err;
	if ((dir.st_mode & others) != 0)
		return ZT_ERR_IMPOSTOR;
	if (st->st_uid != 0 && st->st_uid != dir.st_uid && dir.st_uid != 0)
		return ZT_ERR_IMPOSTOR;
	return ZT_OK;
}

/* What a failure to open or map it means: a limit says nothing of the file. */
static enum zt_err
open_error(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return ZT_ERR_UNAVAIL;
	case ELOOP:
	case ENXIO:
		return ZT_ERR_IMPOSTOR;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
		return ZT_ERR_NOMEM;
	default:
		return ZT_ERR_SYS;
	}
}

/* Read, not looked at where it is mapped: a page there, and those that the
 * kernel adds to it, cost several times as much in a process that looks once. */
static enum zt_err
header_read(int fd, struct zt_snapshot_header *out)
{
	const long n = syscall(SYS_read, fd, out, sizeof(*out));

	if (n < 0)
		return ZT_ERR_SYS;
	return (size_t)n == sizeof(*out) ? ZT_OK : ZT_ERR_TRUNCATED;
}

enum zt_err
zt_snapshot_fd_open(const char *path, struct zt_snapshot *out,
    struct zt_snapshot_file *file_out, int *fd_out)
{
	zt_auto(zt_snapshot_fd_close) int fd = file_open(path);
	struct zt_snapshot_header header;
	struct stat st;
	enum zt_err err;

	*fd_out = -1;
	if (fd < 0)
		return open_error();
	if (fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if ((err = owner_check(path, &st)) != ZT_OK ||
	    (err = header_read(fd, &header)) != ZT_OK ||
	    (err = header_take(&header, NULL, (size_t)st.st_size, out)) !=
		ZT_OK)
		return err;
	*file_out = (struct zt_snapshot_file){ st.st_dev, st.st_ino };
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

static enum zt_err
file_map(const char *path, struct zt_snapshot *out,
    struct zt_snapshot_file *file_out)
{
	zt_auto(zt_snapshot_fd_close) int fd = -1;
	struct zt_snapshot_file file;
	struct zt_snapshot s;
	enum zt_err err;
	void *base;

	if ((err = zt_snapshot_fd_open(path, &s, &file, &fd)) != ZT_OK)
		return err;
	/* shared: what the writer marks is seen */
	base = mmap(NULL, s.len, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return open_error();
	s.base = base;
	*out = s;
	*file_out = file;
	return ZT_OK;
}

enum zt_err
zt_snapshot_open(const char *path, struct zt_snapshot *out,
    struct zt_snapshot_file *file_out)
{
	const int saved_errno = errno;
	const enum zt_err err = file_map(path, out, file_out);

	errno = saved_errno;
	return err;
}

void
zt_snapshot_close(struct zt_snapshot *s)
{
	const int saved_errno = errno;
	union {
		const void *borrowed;
		void *owned;
	} map = { s->base };

	if (s->base != NULL)
		(void)munmap(map.owned, s->len);
	*s = (struct zt_snapshot){ 0 };
	errno = saved_errno;
}
