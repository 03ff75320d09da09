/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "transfer.h"
#include "zt/auto.h"
#include "zt/decision.h"

#define BODY_FIRST 1024 /* first allocation for an answer, bytes */

/* More options while none was refused. */
#define SET(rc, easy, option, value)                                        \
	do {                                                                \
		if ((rc) == CURLE_OK)                                       \
			(rc) = curl_easy_setopt((easy), (option), (value)); \
	} while (0)

/* libcurl's CURLOPT_WRITEFUNCTION; anything but n ends the transfer. */
static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t cap = t->cap == 0 ? BODY_FIRST : t->cap;
	char *grown;

	n *= size;
	if (n > ZT_ANSWER_MAX - t->len)
		return n == 0 ? 1 : 0;
	while (cap < t->len + n)
		cap *= 2;
	if (cap > t->cap) {
		if ((grown = realloc(t->body, cap)) == NULL)
			return n == 0 ? 1 : 0;
		t->body = grown;
		t->cap = cap;
	}
	memcpy(t->body + t->len, data, n);
	t->len += n;
	return n;
}

/* Keep what is echoed as our id; what differs from it is kept for good. */
static void
echo_take(struct transfer *t, const char *value, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", value[len - 1]) != NULL)
		len--;
	while (len > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	if (t->echoed[0] != '\0' && strcmp(t->echoed, t->request_id) != 0)
		return;
	/* too long or empty cannot be ours: any other text says so */
	if (len == 0 || len >= sizeof(t->echoed))
		(void)snprintf(t->echoed, sizeof(t->echoed), "?");
	else
		(void)snprintf(t->echoed, sizeof(t->echoed), "%.*s", (int)len,
		    value);
}

/* libcurl's CURLOPT_HEADERFUNCTION: one header line, or the status line. */
static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	static const char name[] = "X-Request-ID:";
	struct transfer *t = arg;

	n *= size;
	if (n > TRANSFER_HEADERS_MAX - t->headers_len)
		return n == 0 ? 1 : 0;
	t->headers_len += n;
	if (n >= 5 && strncmp(line, "HTTP/", 5) == 0)
		t->echoed[0] = '\0'; /* after a 1xx the real answer begins */
	if (n >= sizeof(name) - 1 &&
	    strncasecmp(line, name, sizeof(name) - 1) == 0)
		echo_take(t, line + sizeof(name) - 1, n - (sizeof(name) - 1));
	return n;
}

static bool
header_add(struct transfer *t, const char *name, const char *value)
{
	zt_auto_wipe char *line = NULL;
	struct curl_slist *list;

	if (asprintf(&line, "%s%s", name, value) < 0) {
		line = NULL;
		return false;
	}
	if ((list = curl_slist_append(t->headers, line)) == NULL)
		return false;
	t->headers = list;
	return true;
}

static bool
headers_add(struct transfer *t, const struct transfer_request *request)
{
	return header_add(t, "Content-Type: ", "application/json") &&
	    header_add(t, "Accept: ", "application/json") &&
	    header_add(t, "Expect:", "") && /* no wait for 100 Continue */
	    header_add(t, "X-Request-ID: ", request->request_id) &&
	    (request->token == NULL ||
		header_add(t, "Authorization: Bearer ", request->token));
}

/* HTTPS alone, and plain HTTP where the socket never leaves the host. */
static CURLcode
set_protocols(CURL *easy, bool local)
{
	CURLcode rc = CURLE_OK;

#if LIBCURL_VERSION_NUM >= 0x075500
	SET(rc, easy, CURLOPT_PROTOCOLS_STR, local ? "https,http" : "https");
#else
	SET(rc, easy, CURLOPT_PROTOCOLS,
	    (long)(CURLPROTO_HTTPS | (local ? CURLPROTO_HTTP : 0)));
#endif
	return rc;
}

static CURLcode
set_tls(CURL *easy, const struct conf *conf)
{
	CURLcode rc = CURLE_OK;

	SET(rc, easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(rc, easy, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(rc, easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* no directory of CAs: it would add to the pinned one, and keep
	 * libcurl from caching the parsed file */
	SET(rc, easy, CURLOPT_CAPATH, NULL);
	if (conf->pdp.ca_file != NULL)
		SET(rc, easy, CURLOPT_CAINFO, conf->pdp.ca_file);
#if LIBCURL_VERSION_NUM >= 0x075700
	SET(rc, easy, CURLOPT_CA_CACHE_TIMEOUT, 3600L);
#endif
	if (conf->pdp.client_cert_file != NULL) {
		SET(rc, easy, CURLOPT_SSLCERT, conf->pdp.client_cert_file);
		SET(rc, easy, CURLOPT_SSLKEY, conf->pdp.client_key_file);
	}
	return rc;
}

/* Nothing from the environment or the user's files, nowhere but there. */
static CURLcode
set_route(CURL *easy, const struct conf *conf, const char *url)
{
	CURLcode rc = set_protocols(easy, conf->pdp.unix_socket != NULL);

	SET(rc, easy, CURLOPT_URL, url);
	if (conf->pdp.unix_socket != NULL)
		SET(rc, easy, CURLOPT_UNIX_SOCKET_PATH, conf->pdp.unix_socket);
	SET(rc, easy, CURLOPT_PROXY, "");
	SET(rc, easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(rc, easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(rc, easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(rc, easy, CURLOPT_TCP_NODELAY, 1L);
	SET(rc, easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* no SIGALRM: names are resolved by libcurl's own thread or c-ares */
	SET(rc, easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* giving up does not wait for that thread; before 7.87 a name server
	 * that hangs does hold the loop: use an address or /etc/hosts there */
	SET(rc, easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	return rc;
}

/* No cookies, no cache, no content encoding: libcurl has them off. */
static CURLcode
set_http(CURL *easy, struct transfer *t, const char *body)
{
	CURLcode rc = CURLE_OK;

	SET(rc, easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(rc, easy, CURLOPT_HTTP09_ALLOWED, 0L);
	SET(rc, easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(rc, easy, CURLOPT_USERAGENT, "zt/" ZT_VERSION);
	SET(rc, easy, CURLOPT_HTTPHEADER, t->headers);
	SET(rc, easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	SET(rc, easy, CURLOPT_POSTFIELDS, body);
	SET(rc, easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ZT_ANSWER_MAX);
	SET(rc, easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(rc, easy, CURLOPT_WRITEDATA, t);
	SET(rc, easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(rc, easy, CURLOPT_HEADERDATA, t);
	SET(rc, easy, CURLOPT_ERRORBUFFER, t->error);
	return rc;
}

enum zt_err
transfer_init(struct transfer *t, const struct conf *conf,
    const struct transfer_request *request)
{
	CURLcode rc;

	t->request_id = request->request_id;
	if ((t->easy = curl_easy_init()) == NULL || !headers_add(t, request))
		return ZT_ERR_NOMEM;
	rc = set_route(t->easy, conf, request->url);
	if (rc == CURLE_OK)
		rc = set_tls(t->easy, conf);
	if (rc == CURLE_OK)
		rc = set_http(t->easy, t, request->body);
	if (rc == CURLE_OUT_OF_MEMORY)
		return ZT_ERR_NOMEM;
	return rc == CURLE_OK ? ZT_OK : ZT_ERR_INVAL;
}

void
transfer_clear(struct transfer *t)
{
	for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t->body);
	*t = (struct transfer){ 0 };
}

int
transfer_status(const struct transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

/* A TLS alert after the handshake: how TLS 1.3 refuses our certificate. */
static bool
is_tls_alert(const struct transfer *t, CURLcode code)
{
	return (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) &&
	    strstr(t->error, "alert") != NULL;
}

enum zt_reason
transfer_reason(const struct transfer *t, CURLcode code)
{
	static const struct {
		CURLcode code;
		enum zt_reason reason;
	} table[] = {
		{ CURLE_COULDNT_RESOLVE_HOST, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_COULDNT_CONNECT, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_SEND_ERROR, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_RECV_ERROR, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_GOT_NOTHING, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_PARTIAL_FILE, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_HTTP2, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_HTTP2_STREAM, ZT_REASON_PDP_UNREACHABLE },
		{ CURLE_OPERATION_TIMEDOUT, ZT_REASON_PDP_TIMEOUT },
		{ CURLE_SSL_CONNECT_ERROR, ZT_REASON_PDP_TLS },
		{ CURLE_PEER_FAILED_VERIFICATION, ZT_REASON_PDP_TLS },
		{ CURLE_SSL_CERTPROBLEM, ZT_REASON_PDP_TLS },
		{ CURLE_SSL_CIPHER, ZT_REASON_PDP_TLS },
		{ CURLE_SSL_CACERT_BADFILE, ZT_REASON_PDP_TLS },
		{ CURLE_SSL_ISSUER_ERROR, ZT_REASON_PDP_TLS },
#if LIBCURL_VERSION_NUM >= 0x074d00
		{ CURLE_SSL_CLIENTCERT, ZT_REASON_PDP_TLS },
#endif
		{ CURLE_URL_MALFORMAT, ZT_REASON_PDP_URL },
		{ CURLE_UNSUPPORTED_PROTOCOL, ZT_REASON_PDP_PROTOCOL },
		{ CURLE_WEIRD_SERVER_REPLY, ZT_REASON_PDP_PROTOCOL },
		{ CURLE_WRITE_ERROR, ZT_REASON_PDP_PROTOCOL },
		{ CURLE_FILESIZE_EXCEEDED, ZT_REASON_PDP_PROTOCOL },
		{ CURLE_BAD_CONTENT_ENCODING, ZT_REASON_PDP_PROTOCOL },
	};

	if (is_tls_alert(t, code))
		return ZT_REASON_PDP_TLS;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return table[i].reason;
	return ZT_REASON_INTERNAL;
}
