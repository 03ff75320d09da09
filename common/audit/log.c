/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "log_file.h"
#include "zt/auto.h"
#include "zt/log.h"

#define BATCH_MAX 512 /* lines in one write; two iovecs each, see IOV_MAX */

/* A line on its way; text is owned until the line is settled. */
struct slot {
	char *text;
	size_t len;
	zt_log_done *done;
	void *arg;
	bool durable;
};

/*
 * The lines live in one ring and move through it in order: submitted, then
 * settled by the writer (written and flushed, or failed), then dispatched to
 * their owner.  The counters only grow; a slot is ring[counter % size].
 *
 * lock guards everything but: fd and a submitted slot's text while the writer
 * settles it, and next, which belongs to the submitting thread.
 */
struct zt_log {
	char *path;
	int fd; /* locked; changed only while the writer is idle */
	int event_fd;
	uint64_t next;
	pthread_t writer;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* the writer's */
	bool stop;
	uint64_t submitted, settled, dispatched;
	struct zt_log_stats stats; /* next unused here */
	struct slot ring[ZT_LOG_QUEUE_MAX];
};

static struct slot *
slot_at(struct zt_log *log, uint64_t counter)
{
	return &log->ring[counter % ZT_LOG_QUEUE_MAX];
}

/* The writer */

/*
 * Write n lines from counter first on, in one call, and flush them.  Never
 * tried twice: after a failure the kernel may have dropped what it could not
 * write, and a second fdatasync(2) would call that success.
 */
static bool
batch_write(struct zt_log *log, uint64_t first, size_t n)
{
	static char lf[] = "\n";
	struct iovec iov[2 * BATCH_MAX];
	size_t total = 0;
	ssize_t written;

	for (size_t i = 0; i < n; i++) {
		struct slot *slot = slot_at(log, first + i);

		iov[2 * i] = (struct iovec){ slot->text, slot->len };
		iov[2 * i + 1] = (struct iovec){ lf, 1 };
		total += slot->len + 1;
	}
	written = writev(log->fd, iov, (int)(2 * n));
	if (written < 0)
		return false;
	if ((size_t)written != total) {
		errno = ENOSPC; /* what cuts a write to a file short */
		return false;
	}
	return fdatasync(log->fd) == 0;
}

/* The fate of n lines is known.  Called with the lock held. */
static void
settle(struct zt_log *log, size_t n, bool durable)
{
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = slot_at(log, log->settled + i);

		free(zt_take(slot->text));
		slot->durable = durable;
	}
	log->settled += n;
	if (durable)
		log->stats.lines += n;
	else
		log->stats.failures += n;
}

/* Wake the loop.  Called without the lock, which is what it wants first. */
static void
announce(struct zt_log *log)
{
	const uint64_t one = 1;

	/* cannot fail but for a full counter, and then it is readable */
	if (write(log->event_fd, &one, sizeof(one)) < 0)
		return;
}

/* Write one batch, n > 0.  Called with the lock held, releases it for I/O. */
static void
commit(struct zt_log *log, size_t n)
{
	uint64_t first = log->settled;
	bool durable;
	int error;

	(void)pthread_mutex_unlock(&log->lock);
	durable = batch_write(log, first, n);
	error = errno;
	(void)pthread_mutex_lock(&log->lock);
	if (durable) {
		log->stats.commits++;
	} else {
		log->stats.failed = true;
		log->stats.failed_errno = error;
	}
	settle(log, n, durable);
}

static void *
writer_main(void *arg)
{
	struct zt_log *log = arg;
	uint64_t waiting;

	(void)pthread_mutex_lock(&log->lock);
	for (;;) {
		waiting = log->submitted - log->settled;
		if (waiting == 0 && log->stop)
			break;
		if (waiting == 0) {
			(void)pthread_cond_wait(&log->wake, &log->lock);
			continue;
		}
		if (log->stats.failed)
			settle(log, waiting, false);
		else
			commit(log, waiting < BATCH_MAX ? waiting : BATCH_MAX);
		(void)pthread_mutex_unlock(&log->lock);
		announce(log);
		(void)pthread_mutex_lock(&log->lock);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return NULL;
}

/* Start the writer with all signals blocked: they are the loop's. */
static enum zt_err
writer_start(struct zt_log *log)
{
	sigset_t all, saved;
	int error;

	(void)sigfillset(&all);
	if ((error = pthread_sigmask(SIG_SETMASK, &all, &saved)) == 0) {
		error = pthread_create(&log->writer, NULL, writer_main, log);
		(void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
	}
	errno = error;
	return error == 0 ? ZT_OK : ZT_ERR_SYS;
}

/* The log */

static void
log_free(struct zt_log **logp)
{
	struct zt_log *log = *logp;

	if (log == NULL)
		return;
	if (log->fd >= 0)
		(void)close(log->fd);
	if (log->event_fd >= 0)
		(void)close(log->event_fd);
	free(log->path);
	free(log);
}

/* An empty log that log_free() can free, or NULL. */
static struct zt_log *
log_new(void)
{
	struct zt_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->fd = -1;
	log->event_fd = -1;
	log->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	log->wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	return log;
}

static enum zt_err
log_init(struct zt_log *log, const char *path)
{
	if ((log->path = strdup(path)) == NULL)
		return ZT_ERR_NOMEM;
	log->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return log->event_fd >= 0 ? ZT_OK : ZT_ERR_SYS;
}

enum zt_err
zt_log_open(const char *path, bool *torn_out, struct zt_log **out)
{
	zt_auto(log_free) struct zt_log *log = NULL;
	enum zt_err err;
	bool torn;

	if (path[0] != '/')
		return ZT_ERR_INVAL;
	if ((log = log_new()) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = log_init(log, path)) != ZT_OK)
		return err;
	if ((err = zt_log_file_open(path, &log->fd)) != ZT_OK)
		return err;
	err = zt_log_file_recover(path, log->fd, &log->next, &torn);
	if (err != ZT_OK || (err = writer_start(log)) != ZT_OK)
		return err;
	*torn_out = torn;
	*out = zt_take(log);
	return ZT_OK;
}

int
zt_log_fd(const struct zt_log *log)
{
	return log->event_fd;
}

uint64_t
zt_log_next(const struct zt_log *log)
{
	return log->next;
}

/* Put slot into the ring if there is room and the log is in order. */
static enum zt_err
slot_put(struct zt_log *log, const struct slot *slot)
{
	enum zt_err err = ZT_OK;

	(void)pthread_mutex_lock(&log->lock);
	if (log->stats.failed || log->stop)
		err = ZT_ERR_UNAVAIL;
	else if (log->submitted - log->dispatched >= ZT_LOG_QUEUE_MAX)
		err = ZT_ERR_TOOBIG;
	if (err == ZT_OK) {
		*slot_at(log, log->submitted++) = *slot;
		log->next++;
	}
	(void)pthread_mutex_unlock(&log->lock);
	/* now, for under the lock the writer would wake only to wait for it */
	if (err == ZT_OK)
		(void)pthread_cond_signal(&log->wake);
	return err;
}

enum zt_err
zt_log_submit(struct zt_log *log, char *line, size_t len, zt_log_done *done,
    void *arg)
{
	const struct slot slot = { line, len, done, arg, false };
	enum zt_err err = ZT_ERR_INVAL;

	/* a line in two would shift the sequence of all that follow */
	if (len > 0 && memchr(line, '\n', len) == NULL)
		err = slot_put(log, &slot);
	if (err != ZT_OK)
		free(line);
	return err;
}

/* Take the next line whose fate is known, below counter end, off the ring. */
static bool
slot_take(struct zt_log *log, uint64_t end, struct slot *out)
{
	bool taken;

	(void)pthread_mutex_lock(&log->lock);
	taken = log->dispatched < end;
	if (taken)
		*out = *slot_at(log, log->dispatched++);
	(void)pthread_mutex_unlock(&log->lock);
	return taken;
}

void
zt_log_dispatch(struct zt_log *log)
{
	struct slot slot;
	uint64_t end;

	/* before looking: what is settled after this is announced again */
	if (read(log->event_fd, &end, sizeof(end)) < 0 && errno != EAGAIN)
		return;
	(void)pthread_mutex_lock(&log->lock);
	end = log->settled; /* what done() submits waits for the next time */
	(void)pthread_mutex_unlock(&log->lock);
	while (slot_take(log, end, &slot))
		if (slot.done != NULL)
			slot.done(slot.arg, slot.durable);
}

/* The writer is idle for good until failed is false again. */
static void
log_restart(struct zt_log *log, int fd)
{
	(void)pthread_mutex_lock(&log->lock);
	settle(log, log->submitted - log->settled, false);
	(void)close(log->fd);
	log->fd = fd;
	log->next = 0;
	log->stats.failed = false;
	log->stats.failed_errno = 0;
	(void)pthread_mutex_unlock(&log->lock);
	announce(log);
}

static bool
log_failed(struct zt_log *log)
{
	bool failed;

	(void)pthread_mutex_lock(&log->lock);
	failed = log->stats.failed;
	(void)pthread_mutex_unlock(&log->lock);
	return failed;
}

enum zt_err
zt_log_reopen(struct zt_log *log)
{
	zt_auto_close int fd = -1;
	enum zt_err err;

	if (!log_failed(log))
		return ZT_ERR_INVAL;
	if ((err = zt_log_file_replace(log->path, &fd)) != ZT_OK)
		return err;
	log_restart(log, zt_take_fd(fd));
	return ZT_OK;
}

void
zt_log_stats(struct zt_log *log, struct zt_log_stats *out)
{
	(void)pthread_mutex_lock(&log->lock);
	*out = log->stats;
	out->next = log->next;
	(void)pthread_mutex_unlock(&log->lock);
}

void
zt_log_close(struct zt_log *log)
{
	if (log == NULL)
		return;
	(void)pthread_mutex_lock(&log->lock);
	log->stop = true;
	(void)pthread_cond_signal(&log->wake);
	(void)pthread_mutex_unlock(&log->lock);
	(void)pthread_join(log->writer, NULL);
	zt_log_dispatch(log);
	log_free(&log);
}
