/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_EASY_H
#define ZTD_EASY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "zt/err.h"

/*
 * What every HTTP exchange of the broker has in common: the settings of a
 * libcurl easy handle that security needs, its header lines, and a body that
 * stays within bounds.
 */

#define EASY_HEADERS_MAX 16384 /* of an answer, all together, bytes */

/* More options while none was refused. */
#define EASY_SET(rc, easy, option, value)                                   \
	do {                                                                \
		if ((rc) == CURLE_OK)                                       \
			(rc) = curl_easy_setopt((easy), (option), (value)); \
	} while (0)

/* Where an exchange goes and whom it believes; all borrowed, NULL if none. */
struct easy_route {
	const char *url;
	const char *unix_socket; /* path; then plain HTTP is allowed, too */
	const char *ca_file;     /* PEM; NULL: the system's */
	const char *client_cert_file, *client_key_file;
};

/*
 * HTTPS with certificate and host name checked, TLS 1.2 or later; no proxy,
 * redirect, content encoding, HTTP/0.9 or cookie, nothing from the environment
 * or the user's files, no signal.  url is copied.
 */
CURLcode easy_set(CURL *easy, const struct easy_route *route);

/* What libcurl says to a setting: ZT_OK, ZT_ERR_NOMEM, ZT_ERR_INVAL. */
ZT_MUST_USE enum zt_err easy_err(CURLcode rc);

/* Add the header line NAMEVALUE, e.g. "Accept: " and a type.  False: no
 * memory. */
bool
easy_header_add(struct curl_slist **list, const char *name, const char *value);

/* Wipe and free: a bearer may be among them. */
void easy_headers_free(struct curl_slist *list);

/* HTTP status, or 0 if none came. */
int easy_status(CURL *easy);

/* The value of a header line if it has that name ("ETag:"), without blanks
 * around it.  False if it has another. */
bool easy_header_is(const char *line, size_t n, const char *name,
    const char **value_out, size_t *len_out);

/* What came; all zero at first, but for max. */
struct easy_body {
	char *p; /* owned, len of cap bytes and a NUL; NULL if len is 0 */
	size_t len, cap;
	size_t max;   /* bytes */
	bool too_big; /* more came */
};

/* False: over the limit, or no memory; *body is as it was. */
bool easy_body_add(struct easy_body *body, const char *data, size_t n);

/* libcurl's CURLOPT_WRITEFUNCTION into a struct easy_body. */
size_t easy_on_body(char *data, size_t size, size_t n, void *body);

#endif /* ZTD_EASY_H */
