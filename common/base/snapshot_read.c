/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zt/passwd.h"
#include "zt/snapshot_format.h"

static_assert(ZT_SNAPSHOT_USER_MAX ==
	sizeof(struct zt_snapshot_user_head) +
	    sizeof(struct zt_snapshot_validity) + ZT_NAME_MAX + ZT_GECOS_MAX +
	    2 * ZT_PATH_MAX + 4,
    "the longest record");
static_assert(ZT_SNAPSHOT_USER_MAX % ZT_SNAPSHOT_UNIT == 0, "whole units");

/* What a search may look at: n slots, from the one where it begins. */
struct slots {
	struct zt_snapshot_slot v[ZT_SNAPSHOT_PROBE_MAX];
	uint32_t n;
	uint32_t next; /* to look at */
};

/*
 * pread(2) as libc offers it is a cancellation point; syscall(2) is none.  In
 * which registers a 32-bit machine wants an offset of 64 bits differs, and
 * syscall(2) does not know: there it is two calls, and the first is none too.
 */
static long
read_at(int fd, void *buf, size_t len, uint64_t at)
{
	if (sizeof(long) == sizeof(at))
		return syscall(SYS_pread64, fd, buf, len, at);
	if (lseek64(fd, (off64_t)at, SEEK_SET) < 0)
		return -1;
	return syscall(SYS_read, fd, buf, len);
}

static enum zt_err
units_read(const struct zt_snapshot_read *r, void *buf, uint32_t unit,
    size_t len)
{
	const uint64_t at = (uint64_t)unit * ZT_SNAPSHOT_UNIT;
	const int saved_errno = errno;
	const long n = read_at(r->fd, buf, len, at);

	errno = saved_errno;
	if (n < 0)
		return ZT_ERR_SYS;
	return (size_t)n == len ? ZT_OK : ZT_ERR_TRUNCATED;
}

/* They may go on from the last slot of the index to its first. */
static enum zt_err
slots_read(const struct zt_snapshot_read *r,
    const struct zt_snapshot_area *index, uint32_t hash, struct slots *out)
{
	const uint32_t max = ZT_SNAPSHOT_PROBE_MAX;
	const uint32_t n = index->len < max ? index->len : max;
	const uint32_t home = zt_snapshot_home(hash, index->len);
	const uint32_t to_end = index->len - home;
	const uint32_t n_first = n < to_end ? n : to_end;
	enum zt_err err;

	err = units_read(r, out->v, index->offset + home,
	    n_first * sizeof(out->v[0]));
	if (err == ZT_OK && n_first < n)
		err = units_read(r, out->v + n_first, index->offset,
		    (n - n_first) * sizeof(out->v[0]));
	out->n = n;
	out->next = 0;
	return err;
}

/* The next ref under this tag, or 0: the header is no record. */
static uint32_t
slots_next(struct slots *slots, uint32_t tag)
{
	struct zt_snapshot_slot slot;

	while (slots->next < slots->n) {
		slot = slots->v[slots->next++];
		if (slot.ref == 0)
			return 0;
		if (slot.tag == tag)
			return slot.ref;
	}
	return 0;
}

static enum zt_err
user_read(struct zt_snapshot_read *r, uint32_t ref,
    struct zt_snapshot_user *out)
{
	const size_t left = zt_snapshot_left(&r->snapshot.users, ref);
	const size_t len = left < sizeof(r->record) ? left : sizeof(r->record);
	enum zt_err err;

	if ((err = units_read(r, r->record, ref, len)) != ZT_OK)
		return err;
	return zt_snapshot_user_take(&r->snapshot, (uint8_t *)r->record, len,
	    out);
}

enum zt_err
zt_snapshot_read_open(const char *path, struct zt_snapshot_read *out)
{
	const int saved_errno = errno;
	struct zt_snapshot_file file;
	const enum zt_err err =
	    zt_snapshot_fd_open(path, &out->snapshot, &file, &out->fd);

	errno = saved_errno;
	return err;
}

void
zt_snapshot_read_close(struct zt_snapshot_read *r)
{
	const int saved_errno = errno;

	zt_snapshot_fd_close(&r->fd);
	r->fd = -1;
	errno = saved_errno;
}

enum zt_err
zt_snapshot_read_user(struct zt_snapshot_read *r, struct zt_str name,
    struct zt_snapshot_user *out)
{
	struct slots slots;
	uint32_t hash, ref;
	enum zt_err err;

	if (name.len == 0 || name.len > ZT_NAME_MAX)
		return ZT_ERR_NOTFOUND;
	hash = zt_snapshot_hash_name(name, r->snapshot.seed);
	err = slots_read(r, &r->snapshot.user_names, hash, &slots);
	if (err != ZT_OK)
		return err;
	while ((ref = slots_next(&slots, hash)) != 0) {
		if ((err = user_read(r, ref, out)) != ZT_OK)
			return err;
		if (out->name.len == name.len &&
		    memcmp(out->name.p, name.p, name.len) == 0)
			return ZT_OK;
	}
	return ZT_ERR_NOTFOUND;
}

enum zt_err
zt_snapshot_read_user_by_uid(struct zt_snapshot_read *r, uint32_t uid,
    struct zt_snapshot_user *out)
{
	const uint32_t hash = zt_snapshot_hash_id(uid, r->snapshot.seed);
	struct slots slots;
	uint32_t ref;
	enum zt_err err;

	if (!zt_snapshot_id_served(&r->snapshot, uid))
		return ZT_ERR_NOTFOUND;
	err = slots_read(r, &r->snapshot.user_ids, hash, &slots);
	if (err != ZT_OK)
		return err;
	if ((ref = slots_next(&slots, uid)) == 0)
		return ZT_ERR_NOTFOUND;
	if ((err = user_read(r, ref, out)) != ZT_OK)
		return err;
	return out->uid == uid ? ZT_OK : ZT_ERR_MALFORMED;
}
