/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_PROC_H
#define ZTD_PROC_H

#include <stdint.h>
#include <sys/types.h>

#include "zt/err.h"

#define PROC_NO_SESSION UINT32_MAX /* the kernel's "no audit session" */
#define PROC_NO_UID     ((uid_t)-1)

/* A process, told apart from a later one that got the same pid. */
struct proc_id {
	pid_t pid;
	uint64_t start; /* start time in clock ticks since boot */
};

/* What /proc/PID/stat says. */
struct proc_info {
	struct proc_id id;
	pid_t ppid;
};

/*
 * Read the facts about a live process.
 *
 * Errors: ZT_ERR_NOTFOUND if there is no such process or /proc hides it,
 * ZT_ERR_MALFORMED if the kernel's text is not understood.
 * Blocking: never.  Source: proc(5).
 */
ZT_MUST_USE enum zt_err proc_read(pid_t pid, struct proc_info *out);

/* Parse one line of /proc/PID/stat.  Pure. */
ZT_MUST_USE enum zt_err
proc_parse_stat(const char *text, struct proc_info *out);

/*
 * The real uid of exactly the process id; sshd changes its effective one now
 * and then.  Errors: as proc_read().
 */
ZT_MUST_USE enum zt_err proc_ruid(const struct proc_id *id, uid_t *out);

/* Audit session id of a process; PROC_NO_SESSION if it has none. */
uint32_t proc_audit_session(pid_t pid);

/*
 * The parent of exactly the process child, both alive while they were read.
 *
 * child  as proc_read() or proc_parent() gave it
 *
 * Errors: ZT_ERR_NOTFOUND also if child is gone or was given to another
 * parent meanwhile.
 */
ZT_MUST_USE enum zt_err
proc_parent(const struct proc_info *child, struct proc_info *out);

/*
 * Open a pidfd for exactly the process id, close-on-exec.
 *
 * Errors: ZT_ERR_NOTFOUND if it is gone, ZT_ERR_SYS.
 */
ZT_MUST_USE enum zt_err proc_open(const struct proc_id *id, int *fd_out);

#endif /* ZTD_PROC_H */
