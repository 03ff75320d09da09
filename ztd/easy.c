/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "easy.h"
#include "zt/auto.h"

#define BODY_FIRST 1024 /* first allocation for an answer, bytes */

/* HTTPS alone, and plain HTTP where the socket never leaves the host. */
static CURLcode
set_protocols(CURL *easy, bool local)
{
	CURLcode rc = CURLE_OK;

#if LIBCURL_VERSION_NUM >= 0x075500
	EASY_SET(rc, easy, CURLOPT_PROTOCOLS_STR,
	    local ? "https,http" : "https");
#else
	EASY_SET(rc, easy, CURLOPT_PROTOCOLS,
	    (long)(CURLPROTO_HTTPS | (local ? CURLPROTO_HTTP : 0)));
#endif
	return rc;
}

static CURLcode
set_tls(CURL *easy, const struct easy_route *route)
{
	CURLcode rc = CURLE_OK;

	EASY_SET(rc, easy, CURLOPT_SSL_VERIFYPEER, 1L);
	EASY_SET(rc, easy, CURLOPT_SSL_VERIFYHOST, 2L);
	EASY_SET(rc, easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* no directory of CAs: it would add to the pinned one, and keep
	 * libcurl from caching the parsed file */
	EASY_SET(rc, easy, CURLOPT_CAPATH, NULL);
	if (route->ca_file != NULL)
		EASY_SET(rc, easy, CURLOPT_CAINFO, route->ca_file);
#if LIBCURL_VERSION_NUM >= 0x075700
	EASY_SET(rc, easy, CURLOPT_CA_CACHE_TIMEOUT, 3600L);
#endif
	if (route->client_cert_file != NULL) {
		EASY_SET(rc, easy, CURLOPT_SSLCERT, route->client_cert_file);
		EASY_SET(rc, easy, CURLOPT_SSLKEY, route->client_key_file);
	}
	return rc;
}

/* Nothing from the environment or the user's files, nowhere but there. */
static CURLcode
set_route(CURL *easy, const struct easy_route *route)
{
	CURLcode rc = set_protocols(easy, route->unix_socket != NULL);

	EASY_SET(rc, easy, CURLOPT_URL, route->url);
	if (route->unix_socket != NULL)
		EASY_SET(rc, easy, CURLOPT_UNIX_SOCKET_PATH,
		    route->unix_socket);
	EASY_SET(rc, easy, CURLOPT_PROXY, "");
	EASY_SET(rc, easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	EASY_SET(rc, easy, CURLOPT_FOLLOWLOCATION, 0L);
	EASY_SET(rc, easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	EASY_SET(rc, easy, CURLOPT_TCP_NODELAY, 1L);
	EASY_SET(rc, easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* no SIGALRM: names are resolved by libcurl's own thread or c-ares */
	EASY_SET(rc, easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* giving up does not wait for that thread; before 7.87 a name server
	 * that hangs does hold the loop: use an address or /etc/hosts there */
	EASY_SET(rc, easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	return rc;
}

/* No cookies, no cache, no content encoding: libcurl has them off. */
static CURLcode
set_http(CURL *easy)
{
	CURLcode rc = CURLE_OK;

	EASY_SET(rc, easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	EASY_SET(rc, easy, CURLOPT_HTTP09_ALLOWED, 0L);
	EASY_SET(rc, easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	EASY_SET(rc, easy, CURLOPT_USERAGENT, "zt/" ZT_VERSION);
	return rc;
}

CURLcode
easy_set(CURL *easy, const struct easy_route *route)
{
	CURLcode rc = set_route(easy, route);

	if (rc == CURLE_OK)
		rc = set_tls(easy, route);
	if (rc == CURLE_OK)
		rc = set_http(easy);
	return rc;
}

enum zt_err
easy_err(CURLcode rc)
{
	if (rc == CURLE_OUT_OF_MEMORY)
		return ZT_ERR_NOMEM;
	return rc == CURLE_OK ? ZT_OK : ZT_ERR_INVAL;
}

bool
easy_header_add(struct curl_slist **list, const char *name, const char *value)
{
	zt_auto_wipe char *line = NULL;
	struct curl_slist *longer;

	if (asprintf(&line, "%s%s", name, value) < 0) {
		line = NULL;
		return false;
	}
	if ((longer = curl_slist_append(*list, line)) == NULL)
		return false;
	*list = longer;
	return true;
}

void
easy_headers_free(struct curl_slist *list)
{
	for (struct curl_slist *h = list; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(list);
}

int
easy_status(CURL *easy)
{
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

bool
easy_header_is(const char *line, size_t n, const char *name,
    const char **value_out, size_t *len_out)
{
	size_t len = strlen(name);

	if (n < len || strncasecmp(line, name, len) != 0)
		return false;
	line += len;
	n -= len;
	while (n > 0 && strchr(" \t\r\n", line[n - 1]) != NULL)
		n--;
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	*value_out = line;
	*len_out = n;
	return true;
}

bool
easy_body_add(struct easy_body *body, const char *data, size_t n)
{
	size_t cap = body->cap == 0 ? BODY_FIRST : body->cap;
	char *grown;

	if (n == 0)
		return true;
	if (n > body->max - body->len) {
		body->too_big = true;
		return false;
	}
	while (cap <= body->len + n)
		cap *= 2;
	if (cap > body->cap) {
		if ((grown = realloc(body->p, cap)) == NULL)
			return false;
		body->p = grown;
		body->cap = cap;
	}
	memcpy(body->p + body->len, data, n);
	body->len += n;
	body->p[body->len] = '\0';
	return true;
}

size_t
easy_on_body(char *data, size_t size, size_t n, void *body)
{
	n *= size;
	/* anything but n ends the transfer */
	if (!easy_body_add(body, data, n))
		return n == 0 ? 1 : 0;
	return n;
}
