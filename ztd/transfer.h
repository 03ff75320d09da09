/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_TRANSFER_H
#define ZTD_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf.h"
#include "easy.h"
#include "zt/err.h"
#include "zt/reason.h"

#define TRANSFER_ID_MAX 64 /* echoed X-Request-ID, bytes with NUL */

/* What goes to which endpoint; all borrowed for the transfer's life. */
struct transfer_request {
	const char *url;
	const char *request_id;
	const char *body;  /* JSON text */
	const char *token; /* bearer, copied; or NULL */
};

/*
 * One HTTP exchange with one endpoint: a libcurl easy handle with every
 * setting that security needs, and what came back, within bounds.
 */
struct transfer {
	const char *request_id; /* borrowed */
	CURL *easy;
	struct curl_slist *headers; /* wiped: the bearer is in it */
	char error[CURL_ERROR_SIZE];
	struct easy_body body;
	size_t headers_len;
	char echoed[TRANSFER_ID_MAX]; /* "" if nothing was */
};

/*
 * Prepare an exchange; *t is all zero.
 *
 * Errors: ZT_ERR_NOMEM; ZT_ERR_INVAL if libcurl refuses a setting.  *t may
 * be cleared in any case.
 */
ZT_MUST_USE enum zt_err transfer_init(struct transfer *t,
    const struct conf *conf, const struct transfer_request *request);

/* Wipe and free what t owns; its handle is part of no multi handle. */
void transfer_clear(struct transfer *t);

/* HTTP status, or 0 if none came. */
int transfer_status(const struct transfer *t);

/* What went wrong, if libcurl ended with code, not CURLE_OK. */
enum zt_reason transfer_reason(const struct transfer *t, CURLcode code);

#endif /* ZTD_TRANSFER_H */
