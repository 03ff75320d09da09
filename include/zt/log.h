/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_LOG_H
#define ZT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"

/*
 * The decision log: an append-only file of lines with one writer thread.
 * Whatever waits is written and flushed to disk as one batch (group commit);
 * a line's completion is reported only after fdatasync(2) has returned.
 */
struct zt_log;

#define ZT_LOG_QUEUE_MAX 8192 /* lines waiting, count */

struct zt_log_stats {
	uint64_t lines;    /* durable since start */
	uint64_t commits;  /* fdatasync calls that succeeded */
	uint64_t failures; /* lines that could not be made durable */
	uint64_t next;     /* sequence of the next line */
	bool failed;       /* broken until reopened: see zt_log_reopen() */
	int failed_errno;  /* why */
};

/*
 * Open, or create with mode 0640, the log at path and start its writer.
 *
 * path		absolute; its directory exists; the last component is no link
 * torn_out	true if a last line without LF (a crash) was found: it was
 *		moved to <path>.torn.<epoch ms>, and the log ends whole
 * out		owned; close with zt_log_close()
 *
 * The next sequence is the number of lines present.
 * Errors: ZT_ERR_SYS with errno, ZT_ERR_DENIED if path is a link, no regular
 * file or writable by its group or others, ZT_ERR_UNAVAIL if another process
 * has the log open (flock(2)), ZT_ERR_INVAL if path is relative, ZT_ERR_NOMEM.
 * Blocking: reads the file once.
 */
ZT_MUST_USE enum zt_err
zt_log_open(const char *path, bool *torn_out, struct zt_log **out);

/* Readable (poll) whenever completions wait; owned by log. */
int zt_log_fd(const struct zt_log *log);

/*
 * Reserve the sequence of the next line.  The caller formats the line with it
 * and submits it at once; only one thread does so.
 */
uint64_t zt_log_next(const struct zt_log *log);

typedef void zt_log_done(void *arg, bool durable);

/*
 * Queue one line (without LF; taken over, freed by log) and have done(arg,
 * durable) called from zt_log_dispatch() when its fate is known.  done may be
 * NULL.
 *
 * Returns ZT_OK, or ZT_ERR_TOOBIG if ZT_LOG_QUEUE_MAX lines wait (for the disk
 * or for zt_log_dispatch()), ZT_ERR_UNAVAIL if the log has failed, or
 * ZT_ERR_INVAL if the line is empty or holds an LF; then done is not called
 * and the line is freed all the same.
 * Blocking: never.
 */
ZT_MUST_USE enum zt_err zt_log_submit(struct zt_log *log, char *line,
    size_t len, zt_log_done *done, void *arg);

/*
 * Call done for every line whose fate is known, in the order of submission.
 * done may submit again.  Blocking: never.
 */
void zt_log_dispatch(struct zt_log *log);

/*
 * After a failed write or flush nothing more goes to that file, for its tail
 * is unknown: start a new one beside it, <path> moved to <path>.failed.<ms>.
 * The new file's first sequence is 0.  Called at most once a second while the
 * log has failed, by the thread that submits.
 *
 * Errors: ZT_ERR_INVAL if the log has not failed; ZT_ERR_SYS with errno (a full
 * disk: ENOSPC), ZT_ERR_NOMEM: then the log is as failed as before.
 * Blocking: flushes a file and its directory.
 */
ZT_MUST_USE enum zt_err zt_log_reopen(struct zt_log *log);

void zt_log_stats(struct zt_log *log, struct zt_log_stats *out);

/* Write what waits, stop the writer, close; done is called for all. */
void zt_log_close(struct zt_log *log);

#endif /* ZT_LOG_H */
