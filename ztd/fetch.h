/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_FETCH_H
#define ZTD_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "zt/err.h"

/* HTTPS exchanges of the identity sources, on one libcurl multi handle. */
struct fetcher;
struct fetch;

#define FETCH_ETAG_MAX  256 /* bytes with NUL */
#define FETCH_ERROR_MAX 256

/* What to ask; all borrowed until fetch_start() returns. */
struct fetch_request {
	const char *url;             /* https:// */
	const char *body;            /* POST it; NULL: GET */
	const char *type;            /* Content-Type of body */
	const char *accept;          /* media type, or NULL */
	const char *bearer;          /* token, or NULL */
	const char *user, *password; /* HTTP Basic, or NULL */
	const char *etag;            /* If-None-Match, or NULL or "" */
	const char *ca_file;         /* PEM; NULL: the system's */
	unsigned timeout_ms;         /* the whole exchange */
	size_t body_max;             /* of the answer, bytes */
};

/* What came; all borrowed until done returns. */
struct fetch_answer {
	int status;       /* HTTP status; 0: no answer, and error says why */
	const char *body; /* NUL-terminated beyond len */
	size_t len;
	const char *type;  /* Content-Type without parameters, "" if none */
	const char *etag;  /* "" if none, or longer than FETCH_ETAG_MAX */
	const char *error; /* for the administrator; "" if status is not 0 */
	unsigned retry_after_s; /* Retry-After; 0: not given */
};

typedef void fetch_done(void *arg, const struct fetch_answer *answer);

ZT_MUST_USE enum zt_err fetcher_new(sd_event *event, struct fetcher **out);
void fetcher_free(struct fetcher *fetcher); /* ends all without a word */

/*
 * Begin an exchange: certificate and host name checked, TLS 1.2 or later, no
 * redirect, no proxy, nothing from the environment, no content encoding.
 * done is called once from the event loop, unless it is cancelled before; in
 * done the fetch is over already.
 *
 * out  for fetch_cancel(); not owned
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_INVAL.
 */
ZT_MUST_USE enum zt_err
fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
    fetch_done *done, void *arg, struct fetch **out);
void fetch_cancel(struct fetch *fetch);

#endif /* ZTD_FETCH_H */
