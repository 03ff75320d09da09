/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_WIRE_H
#define ZT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/rd.h"
#include "zt/text.h"

/*
 * The broker protocol: docs/PROTOCOL.broker is its text, this is its only
 * codec, used at both ends.  Decoded strings borrow from the message buffer.
 */
#define ZT_WIRE_VERSION 1

/* Limits, bytes unless said otherwise.  They stand in PROTOCOL.broker too. */
#define ZT_WIRE_MAX       65536 /* a whole message */
#define ZT_SERVICE_MAX    32    /* PAM service name */
#define ZT_USER_MAX       256   /* user name as claimed */
#define ZT_TTY_MAX        128   /* terminal as claimed */
#define ZT_RHOST_MAX      256   /* remote host as claimed */
#define ZT_CONNECTION_MAX 128   /* SSH_CONNECTION */
#define ZT_AUTH_INFO_MAX  60000 /* SSH_AUTH_INFO_0 */
#define ZT_CREDENTIAL_MAX 60000 /* certificate, base64 */
#define ZT_ID_MAX         36    /* decision id, a UUID in text */
#define ZT_REASON_MAX     64    /* reason code */
#define ZT_TEXT_MAX       1024  /* text shown to the user */
#define ZT_PRINCIPAL_MAX  256   /* one principal */
#define ZT_PRINCIPALS_MAX 128   /* principals in a reply, count */
#define ZT_GECOS_MAX      256   /* real name */
#define ZT_PATH_MAX       256   /* home directory, shell */
#define ZT_MEMBERS_MAX    1500  /* members of a group, count */
#define ZT_GIDS_MAX       8192  /* groups of a user, count */
#define ZT_COMMAND_MAX    32    /* control command */
#define ZT_ARGUMENT_MAX   256   /* control argument */
#define ZT_JSON_MAX       65000 /* control answer */
#define ZT_SCOPE_MAX      64    /* services, exemptions; count each */
#define ZT_EXEMPT_MAX     (ZT_SERVICE_MAX + 1 + ZT_USER_MAX)

enum zt_wire_type {
	ZT_WIRE_PAM_REQUEST = 1,
	ZT_WIRE_PAM_REPLY = 2,
	ZT_WIRE_PRINCIPALS_REQUEST = 3,
	ZT_WIRE_PRINCIPALS_REPLY = 4,
	ZT_WIRE_NSS_REQUEST = 5,
	ZT_WIRE_NSS_USER = 6,
	ZT_WIRE_NSS_GROUP = 7,
	ZT_WIRE_NSS_GIDS = 8,
	ZT_WIRE_NSS_ABSENT = 9,
	ZT_WIRE_CTL_REQUEST = 10,
	ZT_WIRE_CTL_REPLY = 11,
	ZT_WIRE_SCOPE = 12,
	ZT_WIRE_ERROR = 255,
};

/* Which PAM entry point asks. */
enum zt_phase {
	ZT_PHASE_AUTH = 1,
	ZT_PHASE_ACCOUNT = 2,
	ZT_PHASE_SESSION_OPEN = 3,
	ZT_PHASE_SESSION_CLOSE = 4,
};

/* The broker's word on an attempt.  Zero is none of them, on purpose. */
enum zt_verdict {
	ZT_VERDICT_DENY = 1,
	ZT_VERDICT_PERMIT = 2,
	ZT_VERDICT_IGNORE = 3,  /* out of scope or exempt: zt has no say */
	ZT_VERDICT_UNAVAIL = 4, /* no decision could be had: not a permit */
};

struct zt_pam_request {
	enum zt_phase phase;
	struct zt_str service;
	struct zt_str user;       /* PAM_USER */
	struct zt_str tty;        /* PAM_TTY: a claim, for the record only */
	struct zt_str rhost;      /* PAM_RHOST: a claim, for the record only */
	struct zt_str connection; /* SSH_CONNECTION of the PAM environment */
	struct zt_str auth_info;  /* SSH_AUTH_INFO_0 of the PAM environment */
};

struct zt_pam_reply {
	enum zt_verdict verdict;
	struct zt_str id;     /* decision id; empty if there is no record */
	struct zt_str reason; /* code, for syslog */
	struct zt_str text;   /* one escaped line for the user; may be empty */
};

struct zt_principals_request {
	struct zt_str account;    /* sshd's %u */
	struct zt_str credential; /* sshd's %k: the certificate, base64 */
};

struct zt_principals_reply {
	uint16_t n;
	struct zt_str principals[ZT_PRINCIPALS_MAX];
};

enum zt_nss_op {
	ZT_NSS_USER_BY_NAME = 1,
	ZT_NSS_USER_BY_UID = 2,
	ZT_NSS_GROUP_BY_NAME = 3,
	ZT_NSS_GROUP_BY_GID = 4,
	ZT_NSS_GIDS_OF_USER = 5, /* by name */
	ZT_NSS_USER_AT = 6,      /* enumeration; id is the cursor, from 0 */
	ZT_NSS_GROUP_AT = 7,
};

struct zt_nss_request {
	enum zt_nss_op op;
	struct zt_str name; /* empty unless op goes by name */
	uint32_t id;        /* uid, gid or cursor; 0 unless op uses it */
};

struct zt_nss_user {
	uint32_t next; /* enumeration: cursor of the next user; else 0 */
	uint32_t uid, gid;
	struct zt_str name, gecos, home, shell;
};

struct zt_nss_group {
	uint32_t next;
	uint32_t gid;
	struct zt_str name;
	uint16_t n_members;
	struct zt_str members[ZT_MEMBERS_MAX];
};

struct zt_nss_gids {
	uint16_t n;
	uint32_t gids[ZT_GIDS_MAX];
};

struct zt_nss_absent {
	bool definitive; /* true: no such entry.  false: cannot tell now */
};

struct zt_ctl_request {
	struct zt_str command;
	struct zt_str argument;
	uint32_t cursor; /* 0 first; then ctl_reply.next of the page before */
};

struct zt_ctl_reply {
	bool ok;            /* false: json holds {"error":"..."} */
	uint32_t next;      /* cursor of the next page; 0 if this is the last */
	struct zt_str json; /* one JSON object */
};

/* What zt enforces, kept on disk for the modules while no broker answers. */
struct zt_scope {
	uint16_t n_services;
	struct zt_str services[ZT_SCOPE_MAX];
	uint16_t n_exempt;
	struct zt_str exempt[ZT_SCOPE_MAX]; /* "user" or "service:user" */
};

/* Why the broker does not serve a request. */
enum zt_wire_error {
	ZT_WIRE_ERROR_VERSION = 1,   /* it speaks another version */
	ZT_WIRE_ERROR_MALFORMED = 2, /* it could not decode the request */
	ZT_WIRE_ERROR_BUSY = 3,      /* a limit is reached */
	ZT_WIRE_ERROR_REFUSED = 4,   /* not on this socket, or not from you */
};

/*
 * Read the type of a message, so that the receiver can choose its decoder.
 *
 * Returns ZT_ERR_TRUNCATED for less than a header, ZT_ERR_VERSION if the
 * version is not ours, ZT_ERR_MALFORMED for an unknown type; *out untouched.
 */
ZT_MUST_USE enum zt_err
zt_wire_type(const void *buf, size_t len, enum zt_wire_type *out);

/*
 * The codec, one pair per message.
 *
 * encode   writes *m into buf[0..cap) and its length into *len_out;
 *	    ZT_ERR_TOOBIG if a field exceeds its limit or the buffer,
 *	    ZT_ERR_INVAL if a field holds a value the protocol does not know
 * decode   reads exactly buf[0..len) into *out, untouched on failure;
 *	    any deviation from PROTOCOL.broker is an error
 *
 * Where a decoder meets ZT_WIRE_ERROR instead of the message it wants, it
 * returns ZT_ERR_UNAVAIL: the broker answered, and it did not serve us.
 *
 * Blocking: never.  Thread-safe: yes.  Source: docs/PROTOCOL.broker.
 */
#define ZT_WIRE_CODEC(name)                                                   \
	ZT_MUST_USE enum zt_err zt_##name##_encode(const struct zt_##name *m, \
	    void *buf, size_t cap, size_t *len_out);                          \
	ZT_MUST_USE enum zt_err zt_##name##_decode(const void *buf,           \
	    size_t len, struct zt_##name *out)

ZT_WIRE_CODEC(pam_request);
ZT_WIRE_CODEC(pam_reply);
ZT_WIRE_CODEC(principals_request);
ZT_WIRE_CODEC(principals_reply);
ZT_WIRE_CODEC(nss_request);
ZT_WIRE_CODEC(nss_user);
ZT_WIRE_CODEC(nss_group);
ZT_WIRE_CODEC(nss_gids);
ZT_WIRE_CODEC(nss_absent);
ZT_WIRE_CODEC(ctl_request);
ZT_WIRE_CODEC(ctl_reply);
ZT_WIRE_CODEC(scope);

#undef ZT_WIRE_CODEC

/* Write the error message (broker only); never fails: cap is at least 3. */
size_t zt_wire_error_encode(enum zt_wire_error error, void *buf, size_t cap);

#endif /* ZT_WIRE_H */
