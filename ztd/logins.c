/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "login_json.h"
#include "logins.h"
#include "say.h"
#include "stamp.h"
#include "zt/auto.h"

#define BUCKETS       4096  /* a power of two */
#define PARENTS_MAX   64    /* processes between a sudo and its sshd */
#define PAGE_MAX      32768 /* an answer ends after this, bytes */
#define FILE_NAME_MAX 64

struct logins {
	sd_event *event; /* borrowed */
	char *dir;
	logins_gone *gone;
	void *arg;
	struct login *buckets[BUCKETS];
	size_t n;
};

static struct login **
bucket(struct logins *logins, pid_t pid)
{
	return &logins->buckets[(uint32_t)pid % BUCKETS];
}

static bool
same(const struct proc_id *a, const struct proc_id *b)
{
	return a->pid == b->pid && a->start == b->start;
}

static void
file_name(const struct login *login, char name[FILE_NAME_MAX])
{
	(void)snprintf(name, FILE_NAME_MAX, "%d-%" PRIu64, (int)login->proc.pid,
	    login->proc.start);
}

static void
login_free(struct login *login)
{
	(void)sd_event_source_disable_unref(login->io);
	if (login->pidfd >= 0)
		(void)close(login->pidfd);
	zt_cert_free(login->cert);
	free(login->service);
	free(login->account);
	free(login->source_ip);
	free(login->server_ip);
	free(login->session_id);
	free(login);
}

static void
unlink_from_bucket(struct login *login)
{
	struct login **p = bucket(login->logins, login->proc.pid);

	while (*p != login)
		p = &(*p)->next;
	*p = login->next;
	login->logins->n--;
}

static void
file_remove(const struct login *login)
{
	zt_auto_free char *path = NULL;
	char name[FILE_NAME_MAX];

	file_name(login, name);
	if (asprintf(&path, "%s/%s", login->logins->dir, name) < 0) {
		path = NULL;
		return;
	}
	(void)unlink(path);
}

void
logins_remove(struct login *login)
{
	if (login->opened_ms != 0)
		file_remove(login);
	unlink_from_bucket(login);
	login_free(login);
}

static int
on_process_gone(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct login *login = arg;
	struct logins *logins = login->logins;

	(void)source;
	(void)fd;
	(void)events;
	logins->gone(logins->arg, login);
	logins_remove(login);
	return 0;
}

struct login *
logins_find(const struct logins *logins, const struct proc_id *proc)
{
	struct login *login = logins->buckets[(uint32_t)proc->pid % BUCKETS];

	while (login != NULL && !same(&login->proc, proc))
		login = login->next;
	return login;
}

/* Make an entry for a live process and watch it. */
static enum zt_err
login_new(struct logins *logins, const struct proc_id *proc, struct login **out)
{
	struct login *login = calloc(1, sizeof(*login));
	enum zt_err err;

	if (login == NULL)
		return ZT_ERR_NOMEM;
	login->logins = logins;
	login->proc = *proc;
	login->state = LOGIN_OFFERED;
	login->audit_session = PROC_NO_SESSION;
	login->pidfd = -1;
	err = proc_open(proc, &login->pidfd);
	if (err == ZT_OK &&
	    sd_event_add_io(logins->event, &login->io, login->pidfd, EPOLLIN,
		on_process_gone, login) < 0)
		err = ZT_ERR_NOMEM;
	if (err != ZT_OK) {
		login_free(login);
		return err;
	}
	*out = login;
	return ZT_OK;
}

static void
insert(struct login *login)
{
	struct login **p = bucket(login->logins, login->proc.pid);

	login->next = *p;
	*p = login;
	login->logins->n++;
}

enum zt_err
logins_get(struct logins *logins, const struct proc_id *proc,
    struct login **out)
{
	struct login *login = logins_find(logins, proc);
	enum zt_err err;

	if (login == NULL) {
		if (logins->n >= LOGINS_MAX)
			return ZT_ERR_TOOBIG;
		if ((err = login_new(logins, proc, &login)) != ZT_OK)
			return err;
		insert(login);
	}
	*out = login;
	return ZT_OK;
}

uint32_t
logins_audit_session(struct login *login)
{
	struct proc_info info;
	uint32_t id;

	if (login->audit_session != PROC_NO_SESSION)
		return login->audit_session;
	id = proc_audit_session(login->proc.pid);
	/* still of this process, not of a later one with its pid? */
	if (proc_read(login->proc.pid, &info) != ZT_OK ||
	    !same(&info.id, &login->proc))
		return PROC_NO_SESSION;
	return login->audit_session = id;
}

static bool
is_open_session(const struct login *login)
{
	return login->state == LOGIN_OPEN && login->is_session;
}

/*
 * The session that a process was detached from (tmux, nohup).  A login
 * without pam_loginuid inherits the audit session of whoever started sshd,
 * and a daemon started in a session keeps its id: so it proves something only
 * if one session alone has it, and the process is of that session's user.
 */
static struct login *
by_audit_session(struct logins *logins, const struct proc_info *asker,
    uid_t ruid)
{
	const uint32_t id = proc_audit_session(asker->id.pid);
	struct login *found = NULL;

	if (id == PROC_NO_SESSION)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct login *l = logins->buckets[i]; l != NULL;
		     l = l->next) {
			if (!is_open_session(l) ||
			    logins_audit_session(l) != id)
				continue;
			if (found != NULL)
				return NULL;
			found = l;
		}
	if (found == NULL || !found->has_uid || found->uid != ruid)
		return NULL;
	return found;
}

/* Did the kernel begin another login between the session and the process? */
static bool
is_another_login(struct login *login, pid_t pid)
{
	const uint32_t own = proc_audit_session(pid);
	const uint32_t its = logins_audit_session(login);

	return own != PROC_NO_SESSION && its != PROC_NO_SESSION && own != its;
}

/* The nearest session among the parents. */
static struct login *
by_parents(struct logins *logins, const struct proc_info *asker)
{
	struct proc_info process = *asker, parent;

	for (int depth = 0; depth < PARENTS_MAX; depth++) {
		struct login *login;

		if (process.ppid <= 1 ||
		    proc_parent(&process, &parent) != ZT_OK)
			return NULL;
		login = logins_find(logins, &parent.id);
		if (login != NULL && is_open_session(login))
			return is_another_login(login, asker->id.pid) ? NULL
								      : login;
		process = parent;
	}
	return NULL;
}

struct login *
logins_session_of(struct logins *logins, const struct proc_info *asker,
    uid_t ruid)
{
	struct login *login = by_parents(logins, asker);

	return login != NULL ? login : by_audit_session(logins, asker, ruid);
}

size_t
logins_count(const struct logins *logins, enum login_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct login *l = logins->buckets[i]; l != NULL;
		     l = l->next)
			n += l->state == state &&
			    (state != LOGIN_OPEN || l->is_session);
	return n;
}

/* Write the session's file whole, or not at all. */
static enum zt_err
file_write(const struct login *login)
{
	zt_auto_free char *path = NULL, *temp = NULL;
	char name[FILE_NAME_MAX];
	json_t *obj = login_to_json(login);
	int rc;

	if (obj == NULL)
		return ZT_ERR_NOMEM;
	file_name(login, name);
	if (asprintf(&path, "%s/%s", login->logins->dir, name) < 0)
		path = NULL;
	if (asprintf(&temp, "%s/.%s", login->logins->dir, name) < 0)
		temp = NULL;
	if (path == NULL || temp == NULL) {
		json_decref(obj);
		return ZT_ERR_NOMEM;
	}
	rc = json_dump_file(obj, temp, JSON_COMPACT);
	json_decref(obj);
	if (rc != 0 || rename(temp, path) != 0) {
		(void)unlink(temp);
		return ZT_ERR_SYS;
	}
	return ZT_OK;
}

enum zt_err
logins_open(struct login *login)
{
	enum zt_err err;

	login->opened_ms = stamp_now_ms();
	if ((err = file_write(login)) != ZT_OK) {
		login->opened_ms = 0;
		return err;
	}
	login->state = LOGIN_OPEN;
	return ZT_OK;
}

/* Watch a restored session, or report that its process is gone. */
static void
login_resume(struct logins *logins, struct login *login)
{
	login->logins = logins;
	insert(login);
	if (proc_open(&login->proc, &login->pidfd) == ZT_OK &&
	    sd_event_add_io(logins->event, &login->io, login->pidfd, EPOLLIN,
		on_process_gone, login) >= 0)
		return;
	logins->gone(logins->arg, login);
	logins_remove(login);
}

static void
file_load(struct logins *logins, const char *name)
{
	zt_auto_free char *path = NULL;
	struct login *login;
	json_t *obj;

	if (asprintf(&path, "%s/%s", logins->dir, name) < 0) {
		path = NULL;
		return;
	}
	obj = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	login = calloc(1, sizeof(*login));
	if (login == NULL || obj == NULL || logins->n >= LOGINS_MAX) {
		free(login);
		login = NULL;
	} else {
		login->pidfd = -1;
		if (!login_from_json(login, obj)) {
			login_free(login);
			login = NULL;
		}
	}
	json_decref(obj);
	if (login != NULL) {
		login_resume(logins, login);
		return;
	}
	say(LOG_WARNING, "%s is no session of ours, removed", path);
	(void)unlink(path);
}

static enum zt_err
load_all(struct logins *logins)
{
	DIR *dir = opendir(logins->dir);
	struct dirent *entry;

	if (dir == NULL)
		return ZT_ERR_SYS;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			file_load(logins, entry->d_name);
	(void)closedir(dir);
	return ZT_OK;
}

enum zt_err
logins_new(sd_event *event, const char *dir, logins_gone *gone, void *arg,
    struct logins **out)
{
	struct logins *logins = calloc(1, sizeof(*logins));
	enum zt_err err;

	if (logins == NULL)
		return ZT_ERR_NOMEM;
	logins->event = event;
	logins->gone = gone;
	logins->arg = arg;
	if ((logins->dir = strdup(dir)) == NULL)
		err = ZT_ERR_NOMEM;
	else
		err = load_all(logins);
	if (err != ZT_OK) {
		logins_free(logins);
		return err;
	}
	*out = logins;
	return ZT_OK;
}

void
logins_free(struct logins *logins)
{
	if (logins == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (logins->buckets[i] != NULL) {
			struct login *login = logins->buckets[i];

			logins->buckets[i] = login->next;
			login_free(login);
		}
	free(logins->dir);
	free(logins);
}

json_t *
logins_list(const struct logins *logins, uint32_t cursor, uint32_t *next_out)
{
	json_t *list = json_array();
	uint32_t i = cursor;
	size_t len = 0;

	/* the cursor is a bucket: pages shift no entry past a reader */
	for (; i < BUCKETS && len < PAGE_MAX; i++)
		for (struct login *l = logins->buckets[i]; l != NULL;
		     l = l->next) {
			json_t *obj;

			if (!is_open_session(l))
				continue;
			(void)logins_audit_session(l);
			obj = login_describe(l);
			len += json_dumpb(obj, NULL, 0, JSON_COMPACT);
			(void)json_array_append_new(list, obj);
		}
	*next_out = i < BUCKETS ? i : 0;
	return list;
}
