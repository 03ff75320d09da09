/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_H
#define ZTCTL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "zt/err.h"

#define ZTCTL_LOG_FILE "/var/log/ztd/decisions.jsonl"

/* Exit statuses; they stand in ztctl(1). */
enum ztctl_status {
	ZTCTL_OK = 0,
	ZTCTL_FAILED = 1, /* a check failed, or no such decision */
	ZTCTL_USAGE = 2,
	ZTCTL_UNREACHABLE = 3,   /* no broker answers */
	ZTCTL_PROTOCOL = 4,      /* the broker's answer is of no use */
	ZTCTL_SYSTEM = 5,        /* a file or the memory failed us */
	ZTCTL_INTERRUPTED = 130, /* ^C, as a shell says it */
};

/* The command line.  Members are borrowed from argv, never NULL. */
struct ztctl_options {
	const char *socket;
	const char *log;
	const char *etc;         /* where pam.d and nsswitch.conf are */
	const char *sshd_config; /* "": sshd's default */
	const char *root;        /* doctor: "", or where the host's / is */
	const char *snapshot;
	const char *argument; /* "" if there is none */
	unsigned timeout_s;   /* identity sync */
	bool json;
	bool groups; /* identity list */
	bool force;  /* identity apply */
};

/* The commands. */
enum ztctl_status ztctl_show_status(const struct ztctl_options *options);
enum ztctl_status ztctl_show_sessions(const struct ztctl_options *options);
enum ztctl_status ztctl_explain(const struct ztctl_options *options);
enum ztctl_status ztctl_check(const struct ztctl_options *options);
enum ztctl_status ztctl_identity_list(const struct ztctl_options *options);
enum ztctl_status ztctl_identity_show(const struct ztctl_options *options);
enum ztctl_status ztctl_identity_why(const struct ztctl_options *options);
enum ztctl_status ztctl_identity_sources(const struct ztctl_options *options);
enum ztctl_status ztctl_identity_sync(const struct ztctl_options *options);
enum ztctl_status ztctl_identity_check(const struct ztctl_options *options);
enum ztctl_status ztctl_identity_apply(const struct ztctl_options *options);
enum ztctl_status ztctl_doctor_nss(const struct ztctl_options *options);

#endif /* ZTCTL_H */
