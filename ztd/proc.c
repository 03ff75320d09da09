/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"
#include "zt/auto.h"

#define PROC_FILE_MAX 4096 /* all of stat, all that matters of status */

/* Read a small file of /proc/PID whole into buf, NUL-terminated. */
static enum zt_err
file_read(pid_t pid, const char *name, char buf[PROC_FILE_MAX])
{
	zt_auto_close int fd = -1;
	char path[64];
	size_t len = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return ZT_ERR_NOTFOUND;
	while ((n = read(fd, buf + len, PROC_FILE_MAX - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return ZT_ERR_NOTFOUND; /* ESRCH: it ended meanwhile */
	buf[len] = '\0';
	return len == 0 ? ZT_ERR_NOTFOUND : ZT_OK;
}

enum zt_err
proc_parse_stat(const char *text, struct proc_info *out)
{
	/* the command name may hold anything, so count from its last ')' */
	const char *rest = strrchr(text, ')');
	int pid, ppid;
	uint64_t start;

	if (rest == NULL || sscanf(text, "%d (", &pid) != 1)
		return ZT_ERR_MALFORMED;
	/* fields 3 (state), 4 (ppid) ... 22 (starttime) */
	if (sscanf(rest,
		") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
		"%*d %*d %*d %*d %" SCNu64,
		&ppid, &start) != 2)
		return ZT_ERR_MALFORMED;
	if (pid <= 0 || ppid < 0)
		return ZT_ERR_MALFORMED;
	out->id = (struct proc_id){ .pid = pid, .start = start };
	out->ppid = ppid;
	return ZT_OK;
}

enum zt_err
proc_read(pid_t pid, struct proc_info *out)
{
	char buf[PROC_FILE_MAX];
	enum zt_err err;

	if (pid <= 0)
		return ZT_ERR_NOTFOUND; /* in another pid namespace */
	if ((err = file_read(pid, "stat", buf)) != ZT_OK)
		return err;
	return proc_parse_stat(buf, out);
}

static bool
same_process(const struct proc_id *a, const struct proc_id *b)
{
	return a->pid == b->pid && a->start == b->start;
}

enum zt_err
proc_ruid(const struct proc_id *id, uid_t *out)
{
	char buf[PROC_FILE_MAX];
	struct proc_info info;
	const char *line;
	unsigned ruid;
	enum zt_err err;

	if ((err = file_read(id->pid, "status", buf)) != ZT_OK ||
	    (err = proc_read(id->pid, &info)) != ZT_OK)
		return err;
	if (!same_process(&info.id, id))
		return ZT_ERR_NOTFOUND;
	if ((line = strstr(buf, "\nUid:")) == NULL ||
	    sscanf(line, "\nUid: %u", &ruid) != 1)
		return ZT_ERR_MALFORMED;
	*out = ruid;
	return ZT_OK;
}

uint32_t
proc_audit_session(pid_t pid)
{
	char buf[PROC_FILE_MAX];
	uint32_t id;

	if (file_read(pid, "sessionid", buf) != ZT_OK ||
	    sscanf(buf, "%" SCNu32, &id) != 1)
		return PROC_NO_SESSION;
	return id;
}

enum zt_err
proc_parent(const struct proc_info *child, struct proc_info *out)
{
	struct proc_info parent, after;
	enum zt_err err;

	/* a child that still has this parent had it while it was read */
	if ((err = proc_read(child->ppid, &parent)) != ZT_OK ||
	    (err = proc_read(child->id.pid, &after)) != ZT_OK)
		return err;
	if (!same_process(&after.id, &child->id) || after.ppid != child->ppid)
		return ZT_ERR_NOTFOUND;
	*out = parent;
	return ZT_OK;
}

enum zt_err
proc_open(const struct proc_id *id, int *fd_out)
{
	zt_auto_close int fd = (int)syscall(SYS_pidfd_open, id->pid, 0);
	struct proc_info info;

	if (fd < 0)
		return errno == ESRCH ? ZT_ERR_NOTFOUND : ZT_ERR_SYS;
	/* the pidfd names whoever has the pid now: is it still the same? */
	if (proc_read(id->pid, &info) != ZT_OK || !same_process(&info.id, id))
		return ZT_ERR_NOTFOUND;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}
