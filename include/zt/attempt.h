/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_ATTEMPT_H
#define ZT_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/cert.h"

/* What is attempted; AuthZEN's action. */
enum zt_action {
	ZT_ACTION_SSH_LOGIN = 1,
	ZT_ACTION_SUDO,
	ZT_ACTION_SU,
	ZT_ACTION_LOGIN, /* login(1) and every other service in scope */
};

/* Static name as sent to the decision endpoint: "ssh_login" ... */
const char *zt_action_name(enum zt_action action);

/* The action of a PAM service: sshd, sudo, sudo-i, su, su-l; else LOGIN. */
enum zt_action zt_action_of_service(const char *service);

/* Does it make somebody act as another user?  sudo and su. */
bool zt_action_switches_user(enum zt_action action);

/* At which point of the attempt; AUTH .. SESSION_CLOSE are PAM's phases. */
enum zt_stage {
	ZT_STAGE_CREDENTIAL = 1, /* refused when sshd asked for principals */
	ZT_STAGE_AUTH,
	ZT_STAGE_ACCOUNT,
	ZT_STAGE_SESSION_OPEN,
	ZT_STAGE_SESSION_CLOSE,
};

/* This host; borrowed by all attempts, lives as long as the broker. */
struct zt_host {
	char *id;       /* owned; instance or machine id */
	char *hostname; /* owned */
	char *boot_id;  /* owned; UUID of this boot */
};

/*
 * Everything known about one attempt: what the decision endpoint is asked
 * with and what the record says.  Text members are owned and NULL where
 * unknown, unless said otherwise.  All text is as it came from outside.
 */
struct zt_attempt {
	char id[37]; /* decision id: UUID, NUL-terminated */
	enum zt_action action;
	enum zt_stage stage;
	char *service;      /* PAM service; never NULL */
	char *account;      /* PAM_USER: the account asked for; never NULL */
	bool account_known; /* account exists: a name safe to log */

	/* who */
	struct zt_cert *cert; /* owned; NULL without a credential */
	char *unix_user;      /* name of uid; for sshd the account */
	bool has_uid;
	uint32_t uid;  /* who runs sudo/su; for sshd the account's */
	char **groups; /* of unix_user, names; owned */
	size_t n_groups;

	/* how fresh what is known of that user is */
	char *identity_source;  /* name; NULL if local or unknown */
	int64_t identity_age_s; /* since the source's last sync; -1: never */
	bool identity_stale;    /* for longer than the host allows */

	/* from where */
	char *source_ip; /* numeric */
	uint16_t source_port;
	char *server_ip;
	uint16_t server_port;
	char *tty;   /* claim */
	char *rhost; /* claim */

	/* in which session */
	char *session_id;      /* decision id of the login; NULL if none */
	char *session_account; /* account that login was for */
	bool has_audit_session;
	uint32_t audit_session; /* the kernel's */
	int32_t pid;            /* of the asking process */

	/* when */
	int64_t time_ms;     /* wall clock, since the epoch */
	int64_t boottime_ms; /* CLOCK_BOOTTIME */
	bool clock_synchronized;

	uint32_t recent_denials;    /* of this subject, see decision.window_s */
	const struct zt_host *host; /* borrowed; never NULL */
};

/* Free what attempt owns and clear it; attempt itself is the caller's. */
void zt_attempt_clear(struct zt_attempt *attempt);

/*
 * The subject's id: the certificate's key id, else the unix user, else the
 * account.  Borrowed from attempt; never NULL.
 */
const char *zt_attempt_subject(const struct zt_attempt *attempt);

/* "user" if a certificate says who it is, "local_account" if none does. */
const char *zt_attempt_subject_type(const struct zt_attempt *attempt);

#endif /* ZT_ATTEMPT_H */
