/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_LOGINS_H
#define ZTD_LOGINS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "proc.h"
#include "zt/cert.h"
#include "zt/err.h"

#define LOGINS_MAX 16384 /* processes remembered at once, count */

/* How far a process has come. */
enum login_state {
	LOGIN_OFFERED = 1, /* sshd was offered a certificate */
	LOGIN_DECIDED,     /* the account phase was permitted */
	LOGIN_OPEN,        /* its session is registered */
};

/*
 * What the broker remembers of one process that lets somebody in: an sshd
 * between the offer of a certificate and the end of the connection, or a
 * sudo, su or login while it runs.  Text members are owned, NULL if unknown.
 */
struct login {
	struct login *next; /* in its bucket */
	struct logins *logins;
	struct proc_id proc;
	enum login_state state;
	int pidfd;            /* owned; readable once the process is gone */
	sd_event_source *io;  /* owned; watches pidfd */
	struct zt_cert *cert; /* owned; the last one offered, or NULL */
	uint64_t
	    checked; /* configuration that cert was checked under; 0 none */
	uint64_t refused_digest; /* of the last certificate refused, or 0 */

	/* from the decision on */
	char id[37]; /* decision id; the session's id */
	char *service, *account;
	bool has_uid;
	uint32_t uid; /* of account */
	char *source_ip, *server_ip;
	uint16_t source_port, server_port;
	bool is_session;  /* false for sudo and su: they run in another's */
	char *session_id; /* for sudo and su: the login they run in */
	uint32_t audit_session; /* PROC_NO_SESSION until the kernel says */
	int64_t opened_ms;      /* wall clock; 0 until open */
};

struct logins;

/* A process ended; login is freed after the call. */
typedef void logins_gone(void *arg, struct login *login);

/*
 * Create the table and load the sessions kept in dir by an earlier broker.
 * Those whose process is gone are handed to gone() as well.
 *
 * dir  where open sessions are kept, one file each; exists, is the broker's
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS if dir cannot be read.
 */
ZT_MUST_USE enum zt_err logins_new(sd_event *event, const char *dir,
    logins_gone *gone, void *arg, struct logins **out);

/* Free the table; files of open sessions stay. */
void logins_free(struct logins *logins);

/* The entry of a process, or NULL; borrowed. */
struct login *
logins_find(const struct logins *logins, const struct proc_id *proc);

/*
 * The entry of a process, made if there is none.
 *
 * Errors: ZT_ERR_TOOBIG beyond LOGINS_MAX, ZT_ERR_NOTFOUND if the process is
 * gone, ZT_ERR_NOMEM, ZT_ERR_SYS.
 */
ZT_MUST_USE enum zt_err logins_get(struct logins *logins,
    const struct proc_id *proc, struct login **out);

/*
 * The open session that a process runs in: the nearest among its parents,
 * unless the kernel has begun another login since; else the only one with its
 * audit session id and user (tmux, nohup: detached from their sshd); NULL if
 * there is none.  Borrowed.
 *
 * ruid  real uid of asker
 */
struct login *logins_session_of(struct logins *logins,
    const struct proc_info *asker, uid_t ruid);

/*
 * The audit session of a login, PROC_NO_SESSION if the kernel knows none yet:
 * pam_loginuid may run after us, so it is asked until it does.
 */
uint32_t logins_audit_session(struct login *login);

/*
 * Mark a session open and keep it on disk.
 *
 * Errors: ZT_ERR_SYS if it cannot be kept; then it is not open.
 */
ZT_MUST_USE enum zt_err logins_open(struct login *login);

/* Forget an entry and its file, and free it. */
void logins_remove(struct login *login);

/* Entries in a state; of those that are open, sessions only. */
size_t logins_count(const struct logins *logins, enum login_state state);

/*
 * A page of open sessions for ztctl sessions, in no order.
 *
 * cursor  0 first; *next_out is the cursor of the next page, 0 at the end
 */
json_t *
logins_list(const struct logins *logins, uint32_t cursor, uint32_t *next_out);

#endif /* ZTD_LOGINS_H */
