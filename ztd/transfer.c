/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer.h"
#include "zt/decision.h"

/* Keep what is echoed as our id; what differs from it is kept for good. */
static void
echo_take(struct transfer *t, const char *value, size_t len)
{
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
	struct transfer *t = arg;
	const char *value;
	size_t len;

	n *= size;
	if (n > EASY_HEADERS_MAX - t->headers_len)
		return n == 0 ? 1 : 0;
	t->headers_len += n;
	if (n >= 5 && strncmp(line, "HTTP/", 5) == 0)
		t->echoed[0] = '\0'; /* after a 1xx the real answer begins */
	if (easy_header_is(line, n, "X-Request-ID:", &value, &len))
		echo_take(t, value, len);
	return n;
}

static bool
headers_add(struct transfer *t, const struct transfer_request *request)
{
	struct curl_slist **list = &t->headers;

	return easy_header_add(list, "Content-Type: ", "application/json") &&
	    easy_header_add(list, "Accept: ", "application/json") &&
	    easy_header_add(list, "Expect:", "") && /* no 100 Continue */
	    easy_header_add(list, "X-Request-ID: ", request->request_id) &&
	    (request->token == NULL ||
		easy_header_add(list, "Authorization: Bearer ",
		    request->token));
}

static CURLcode
set_exchange(CURL *easy, struct transfer *t, const char *body)
{
	CURLcode rc = CURLE_OK;

	EASY_SET(rc, easy, CURLOPT_HTTPHEADER, t->headers);
	EASY_SET(rc, easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)strlen(body));
	EASY_SET(rc, easy, CURLOPT_POSTFIELDS, body);
	EASY_SET(rc, easy, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)ZT_ANSWER_MAX);
	EASY_SET(rc, easy, CURLOPT_WRITEFUNCTION, easy_on_body);
	EASY_SET(rc, easy, CURLOPT_WRITEDATA, &t->body);
	EASY_SET(rc, easy, CURLOPT_HEADERFUNCTION, on_header);
	EASY_SET(rc, easy, CURLOPT_HEADERDATA, t);
	EASY_SET(rc, easy, CURLOPT_ERRORBUFFER, t->error);
	return rc;
}

enum zt_err
transfer_init(struct transfer *t, const struct conf *conf,
    const struct transfer_request *request)
{
	const struct easy_route route = {
		.url = request->url,
		.unix_socket = conf->pdp.unix_socket,
		.ca_file = conf->pdp.ca_file,
		.client_cert_file = conf->pdp.client_cert_file,
		.client_key_file = conf->pdp.client_key_file,
	};
	CURLcode rc;

	t->request_id = request->request_id;
	t->body.max = ZT_ANSWER_MAX;
	if ((t->easy = curl_easy_init()) == NULL || !headers_add(t, request))
		return ZT_ERR_NOMEM;
	rc = easy_set(t->easy, &route);
	if (rc == CURLE_OK)
		rc = set_exchange(t->easy, t, request->body);
	return easy_err(rc);
}

void
transfer_clear(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	easy_headers_free(t->headers);
	free(t->body.p);
	*t = (struct transfer){ 0 };
}

int
transfer_status(const struct transfer *t)
{
	return easy_status(t->easy);
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
