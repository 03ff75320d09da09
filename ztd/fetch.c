/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "easy.h"
#include "fetch.h"
#include "multi.h"
#include "zt/auto.h"
#include "zt/text.h"

#define TYPE_MAX 128 /* a Content-Type, bytes with NUL */

struct fetcher {
	struct multi *multi;
	struct fetch *first; /* under way */
};

/* One exchange. */
struct fetch {
	struct fetcher *fetcher; /* borrowed; NULL once it is over */
	struct fetch *prev, *next;
	fetch_done *done;
	void *arg;
	CURL *easy;
	struct curl_slist *headers; /* wiped: the bearer is in it */
	char *sent;                 /* owned, wiped; NULL: a GET */
	unsigned timeout_ms;
	struct easy_body body;
	size_t headers_len;
	bool headers_too_big;
	char type[TYPE_MAX], etag[FETCH_ETAG_MAX];
	char error[CURL_ERROR_SIZE];
};

/* Wipe and free; the handle is part of no multi handle. */
static void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->easy);
	easy_headers_free(f->headers);
	/* what answers a POST may be a token */
	if (f->sent != NULL && f->body.len > 0)
		explicit_bzero(f->body.p, f->body.len);
	free(f->body.p);
	zt_wipep(&f->sent);
	free(f);
}

static void
fetch_freep(struct fetch **f)
{
	fetch_free(*f);
}

static void
fetch_link(struct fetcher *fetcher, struct fetch *f)
{
	f->fetcher = fetcher;
	f->next = fetcher->first;
	if (f->next != NULL)
		f->next->prev = f;
	fetcher->first = f;
}

static void
fetch_unlink(struct fetch *f)
{
	if (f->prev != NULL)
		f->prev->next = f->next;
	else
		f->fetcher->first = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	f->fetcher = NULL;
}

/* ---- what comes ---- */

/* Keep a header's value if it fits and is printable; else it is none. */
static void
value_keep(char *dst, size_t cap, const char *value, size_t len)
{
	dst[0] = '\0';
	if (len >= cap)
		return;
	for (size_t i = 0; i < len; i++)
		if (value[i] < 0x20 || value[i] > 0x7e)
			return;
	memcpy(dst, value, len);
	dst[len] = '\0';
}

/* libcurl's CURLOPT_HEADERFUNCTION: one header line, or the status line. */
static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	const char *value;
	size_t len;

	n *= size;
	if (n > EASY_HEADERS_MAX - f->headers_len) {
		f->headers_too_big = true;
		return n == 0 ? 1 : 0;
	}
	f->headers_len += n;
	if (f->body.len > 0)
		return n; /* a trailer */
	if (n >= 5 && strncmp(line, "HTTP/", 5) == 0)
		f->type[0] = f->etag[0] = '\0'; /* after a 1xx: again */
	if (easy_header_is(line, n, "ETag:", &value, &len))
		value_keep(f->etag, sizeof(f->etag), value, len);
	if (easy_header_is(line, n, "Content-Type:", &value, &len))
		value_keep(f->type, sizeof(f->type), value, len);
	return n;
}

/* Cut the parameters off, make the rest lower case. */
static void
type_trim(char *type)
{
	type[strcspn(type, "; \t")] = '\0';
	for (char *p = type; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

/* Why there is no answer, for the administrator. */
static void
error_say(const struct fetch *f, CURLcode code, char out[FETCH_ERROR_MAX])
{
	if (f->body.too_big || code == CURLE_FILESIZE_EXCEEDED)
		(void)snprintf(out, FETCH_ERROR_MAX,
		    "the answer is larger than %zu bytes", f->body.max);
	else if (f->headers_too_big)
		(void)snprintf(out, FETCH_ERROR_MAX,
		    "the header of the answer is larger than %d bytes",
		    EASY_HEADERS_MAX);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		(void)snprintf(out, FETCH_ERROR_MAX,
		    "no complete answer within %u ms", f->timeout_ms);
	else /* may quote the server */
		(void)zt_escape(out, FETCH_ERROR_MAX,
		    zt_str(f->error[0] != '\0' ? f->error
					       : curl_easy_strerror(code)));
}

/* What Retry-After says, in either of its forms. */
static unsigned
retry_after(const struct fetch *f)
{
	curl_off_t s = 0;

	if (curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &s) != CURLE_OK)
		return 0;
	return s < 0 ? 0 : s > INT32_MAX ? INT32_MAX : (unsigned)s;
}

/* libcurl has ended a transfer. */
static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	zt_auto(fetch_freep) struct fetch *f = arg;
	char error[FETCH_ERROR_MAX] = "";
	struct fetch_answer answer = {
		.body = "", .type = f->type, .etag = f->etag, .error = error
	};

	fetch_unlink(f);
	if (code == CURLE_OK)
		answer.status = easy_status(easy);
	answer.retry_after_s = retry_after(f);
	if (answer.status == 0) {
		error_say(f, code, error);
		f->type[0] = f->etag[0] = '\0';
	} else if (f->body.len > 0) {
		answer.body = f->body.p;
		answer.len = f->body.len;
	}
	type_trim(f->type);
	f->done(f->arg, &answer); /* may free the fetcher */
}

/* ---- what goes ---- */

/* May it stand in a header line? */
static bool
value_ok(const char *value)
{
	if (value == NULL)
		return true;
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return false;
	return true;
}

static bool
request_ok(const struct fetch_request *r)
{
	return r->url != NULL && r->timeout_ms > 0 && r->body_max > 0 &&
	    (r->bearer == NULL || r->user == NULL) &&
	    (r->user == NULL) == (r->password == NULL) && value_ok(r->type) &&
	    value_ok(r->accept) && value_ok(r->bearer) && value_ok(r->etag);
}

static bool
header_maybe(struct fetch *f, const char *name, const char *value)
{
	return value == NULL || value[0] == '\0' ||
	    easy_header_add(&f->headers, name, value);
}

static bool
headers_add(struct fetch *f, const struct fetch_request *r)
{
	return header_maybe(f, "Accept: ", r->accept) &&
	    header_maybe(f, "Content-Type: ", r->type) &&
	    header_maybe(f, "If-None-Match: ", r->etag) &&
	    header_maybe(f, "Authorization: Bearer ", r->bearer) &&
	    easy_header_add(&f->headers, "Expect:", ""); /* no 100 Continue */
}

static CURLcode
set_question(struct fetch *f, const struct fetch_request *r)
{
	CURLcode rc = CURLE_OK;

	EASY_SET(rc, f->easy, CURLOPT_HTTPHEADER, f->headers);
	EASY_SET(rc, f->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	if (r->user != NULL) {
		EASY_SET(rc, f->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		EASY_SET(rc, f->easy, CURLOPT_USERNAME, r->user);
		EASY_SET(rc, f->easy, CURLOPT_PASSWORD, r->password);
	}
	if (f->sent != NULL) {
		EASY_SET(rc, f->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)strlen(f->sent));
		EASY_SET(rc, f->easy, CURLOPT_POSTFIELDS, f->sent);
	}
	return rc;
}

static CURLcode
set_answer(struct fetch *f)
{
	CURLcode rc = CURLE_OK;

	EASY_SET(rc, f->easy, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)f->body.max);
	EASY_SET(rc, f->easy, CURLOPT_WRITEFUNCTION, easy_on_body);
	EASY_SET(rc, f->easy, CURLOPT_WRITEDATA, &f->body);
	EASY_SET(rc, f->easy, CURLOPT_HEADERFUNCTION, on_header);
	EASY_SET(rc, f->easy, CURLOPT_HEADERDATA, f);
	EASY_SET(rc, f->easy, CURLOPT_ERRORBUFFER, f->error);
	return rc;
}

/* What answers may be a token: it is not to be copied to where there is more
 * room, and stay where it was. */
static bool
set_sent(struct fetch *f, const char *body)
{
	f->sent = strdup(body);
	f->body.cap = f->body.max + 1;
	f->body.p = malloc(f->body.cap);
	return f->sent != NULL && f->body.p != NULL;
}

static enum zt_err
fetch_set(struct fetch *f, const struct fetch_request *r)
{
	const struct easy_route route = { .url = r->url,
		.ca_file = r->ca_file };
	CURLcode rc;

	if ((f->easy = curl_easy_init()) == NULL || !headers_add(f, r) ||
	    (r->body != NULL && !set_sent(f, r->body)))
		return ZT_ERR_NOMEM;
	rc = easy_set(f->easy, &route);
	if (rc == CURLE_OK)
		rc = set_question(f, r);
	if (rc == CURLE_OK)
		rc = set_answer(f);
	return easy_err(rc);
}

enum zt_err
fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
    fetch_done *done, void *arg, struct fetch **out)
{
	zt_auto(fetch_freep) struct fetch *f = NULL;
	enum zt_err err;

	if (!request_ok(request))
		return ZT_ERR_INVAL;
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return ZT_ERR_NOMEM;
	f->done = done;
	f->arg = arg;
	f->timeout_ms = request->timeout_ms;
	f->body.max = request->body_max;
	if ((err = fetch_set(f, request)) != ZT_OK ||
	    (err = multi_add(fetcher->multi, f->easy, f)) != ZT_OK)
		return err;
	fetch_link(fetcher, f);
	*out = zt_take(f);
	return ZT_OK;
}

void
fetch_cancel(struct fetch *f)
{
	if (f == NULL || f->fetcher == NULL)
		return;
	multi_remove(f->fetcher->multi, f->easy);
	fetch_unlink(f);
	fetch_free(f);
}

enum zt_err
fetcher_new(sd_event *event, struct fetcher **out)
{
	zt_auto_free struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
	enum zt_err err;

	if (fetcher == NULL)
		return ZT_ERR_NOMEM;
	if ((err = multi_new(event, on_done, &fetcher->multi)) != ZT_OK)
		return err;
	*out = zt_take(fetcher);
	return ZT_OK;
}

void
fetcher_free(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	while (fetcher->first != NULL)
		fetch_cancel(fetcher->first);
	multi_free(fetcher->multi);
	free(fetcher);
}
