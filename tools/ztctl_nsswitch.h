/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_NSSWITCH_H
#define ZTCTL_NSSWITCH_H

#include <stdbool.h>
#include <stddef.h>

#include "zt/err.h"
#include "ztctl_finding.h"

#define NSS_SERVICES_MAX 16 /* of a line that is looked at */
#define NSS_SERVICE_MAX  32 /* a service's name, bytes with NUL */

/* What a service answers, and what libc does then. */
enum nss_answer {
	NSS_SUCCESS = 0,
	NSS_NOTFOUND,
	NSS_UNAVAIL,
	NSS_TRYAGAIN,
	NSS_ANSWERS
};
enum nss_action { NSS_CONTINUE = 0, NSS_RETURN, NSS_MERGE };

struct nss_service {
	char name[NSS_SERVICE_MAX];
	enum nss_action action[NSS_ANSWERS];
};

/* A database's line of nsswitch.conf: the last one, as libc reads it. */
struct nss_line {
	struct nss_service services[NSS_SERVICES_MAX];
	size_t n;
	size_t lines; /* of this database in the file; 0: it has none */
};

/*
 * Understand the line of a database.  Pure.
 *
 * Returns ZT_OK, also if there is none; ZT_ERR_MALFORMED if libc would not
 * understand it; ZT_ERR_TOOBIG.
 * Source: nsswitch.conf(5).
 */
ZT_MUST_USE enum zt_err
nss_line_parse(const char *text, const char *database, struct nss_line *out);

/* The same from etc/nsswitch.conf.  Errors: of gather_file() as well. */
ZT_MUST_USE enum zt_err
nss_line_read(const char *etc, const char *database, struct nss_line *out);

/* Where a service stands first in the line; n if it does not. */
size_t nss_line_find(const struct nss_line *line, const char *service);

/* What is wrong with a line. */
struct nss_fault {
	enum finding_grade grade;
	const char *text;   /* static */
	const char *remedy; /* static */
};

/*
 * The i-th fault of a database's line, in order of weight.
 *
 * Returns false, *out untouched, past the last.
 */
bool nss_line_fault(const struct nss_line *line, const char *database, size_t i,
    struct nss_fault *out);

#endif /* ZTCTL_NSSWITCH_H */
