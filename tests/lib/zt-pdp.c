/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zt-pdp: a small AuthZEN decision endpoint for the demo and the tests.
 *
 * It listens on loopback only, answers POST /access/v1/evaluation from a
 * table (pdp/table.h), honestly or not (pdp/reply.h), refuses requests that
 * are no sound AuthZEN, and ends with its parent.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pdp/reply.h"
#include "pdp/table.h"
#include "zt/auto.h"

#define EVALUATION_PATH "/access/v1/evaluation"
#define REQUEST_MAX     (1 << 20) /* body, bytes */
#define FILE_MAX        (1 << 20) /* certificates, keys, tokens; bytes */
#define HANG_S          600
#define BACKLOG         1024
#define BIG_HEADERS     64 /* of 1 KiB each */

static const char usage[] =
    "usage: zt-pdp --cert PEM --key PEM [--client-ca PEM] [--port N]\n"
    "              [--port-file FILE] [--token-file FILE] [--table FILE]\n"
    "              [--log FILE] [--unix PATH] [--plain]\n"
    "  --port 0 (default) takes a free port, --port-file receives it\n"
    "  --plain speaks HTTP without TLS; --unix does so on a socket, too\n";

static struct {
	const char *cert, *key, *client_ca; /* files */
	const char *port_file, *token_file, *table, *log, *unix_path;
	unsigned port;
	bool plain;
} options;

/* One HTTP request while its body comes in. */
struct exchange {
	char *body;
	size_t len;
};

/* A body that leaves otherwise than at once. */
struct stream {
	enum reply_manner manner;
	char *body;
	size_t len;
};

static void
sleep_ms(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) != 0)
		continue;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* The whole file as text; NULL if that fails. */
static char *
file_text(const char *path)
{
	zt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t n;

	if (fd < 0 || (text = malloc(FILE_MAX + 1)) == NULL)
		return NULL;
	if ((n = read(fd, text, FILE_MAX)) < 0)
		n = 0;
	text[n] = '\0';
	return text;
}

/* ---- is it sound? ---- */

static bool
is_text(const json_t *value)
{
	return json_string_length(value) > 0;
}

static bool
has_null(json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	json_object_foreach(value, key, item) if (has_null(item)) return true;
	json_array_foreach(value, i, item) if (has_null(item)) return true;
	return json_is_null(value);
}

/* An entity of AuthZEN: texts of these names, and properties if any. */
static bool
entity_ok(const json_t *entity, const char *first, const char *second)
{
	json_t *properties = json_object_get(entity, "properties");

	return is_text(json_object_get(entity, first)) &&
	    (second == NULL || is_text(json_object_get(entity, second))) &&
	    (properties == NULL || json_is_object(properties));
}

/* Returns what is wrong with a request, or NULL. */
static const char *
request_fault(json_t *root)
{
	if (root == NULL)
		return "not JSON";
	if (!entity_ok(json_object_get(root, "subject"), "type", "id"))
		return "subject";
	if (!entity_ok(json_object_get(root, "action"), "name", NULL))
		return "action";
	if (!entity_ok(json_object_get(root, "resource"), "type", "id"))
		return "resource";
	if (!json_is_object(json_object_get(root, "context")))
		return "context";
	if (json_object_size(root) != 4)
		return "unknown member";
	if (has_null(root))
		return "null";
	return NULL;
}

/* ---- may it ask? ---- */

static bool
client_known(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;
	unsigned status = 1;

	if (options.client_ca == NULL)
		return true;
	info = MHD_get_connection_info(connection,
	    MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info != NULL &&
	    gnutls_certificate_verify_peers2(info->tls_session, &status) ==
	    GNUTLS_E_SUCCESS &&
	    status == 0;
}

/* The token is read for each request, so that a test may change it. */
static bool
token_known(struct MHD_Connection *connection)
{
	const char *sent;
	zt_auto_free char *token = NULL, *expected = NULL;

	if (options.token_file == NULL)
		return true;
	if ((token = file_text(options.token_file)) == NULL)
		return false;
	token[strcspn(token, "\r\n")] = '\0';
	if (asprintf(&expected, "Bearer %s", token) < 0)
		return false;
	sent = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
	    "Authorization");
	return sent != NULL && strcmp(sent, expected) == 0;
}

/* ---- answering ---- */

static const char *
request_id(struct MHD_Connection *connection)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
	    "X-Request-ID");
}

/* Refuse, and say why to whoever runs the test. */
static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	char body[256];

	(void)fprintf(stderr, "zt-pdp: %u: %s\n", status, why);
	(void)snprintf(body, sizeof(body), "{\"error\":\"%s\"}\n", why);
	response = MHD_create_response_from_buffer(strlen(body), body,
	    MHD_RESPMEM_MUST_COPY);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* libmicrohttpd wants the next bytes; it waits on this connection's thread. */
static ssize_t
stream_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = arg;
	size_t n;

	if (s->manner == REPLY_DRIP) {
		sleep_ms(REPLY_DRIP_MS);
		max = 1;
	}
	if (pos < s->len) {
		n = s->len - pos < max ? s->len - pos : max;
		memcpy(buf, s->body + pos, n);
		return (ssize_t)n;
	}
	if (s->manner == REPLY_ENDLESS) {
		memset(buf, 'a', max);
		return (ssize_t)max;
	}
	return s->manner == REPLY_TRUNCATE ? MHD_CONTENT_READER_END_WITH_ERROR
					   : MHD_CONTENT_READER_END_OF_STREAM;
}

static void
stream_free(void *arg)
{
	struct stream *s = arg;

	free(s->body);
	free(s);
}

static struct MHD_Response *
stream_response(const struct reply *reply)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct MHD_Response *response;
	uint64_t size = MHD_SIZE_UNKNOWN;

	if (s == NULL || (s->body = strdup(reply->body)) == NULL)
		die("zt-pdp");
	s->manner = reply->manner;
	s->len = strlen(s->body);
	if (s->manner == REPLY_TRUNCATE) {
		size = s->len; /* promised, and only half of it sent */
		s->len /= 2;
	}
	response = MHD_create_response_from_callback(size, 4096, stream_read, s,
	    stream_free);
	if (response == NULL)
		die("zt-pdp: response");
	return response;
}

static void
add_headers(struct MHD_Response *response, const struct reply *reply,
    const char *id)
{
	char name[32], value[1024];

	(void)MHD_add_response_header(response, "Content-Type",
	    "application/json");
	(void)MHD_add_response_header(response, "X-Request-ID",
	    reply->wrong_id ? "00000000-0000-4000-8000-000000000000" : id);
	if (reply->redirect)
		(void)MHD_add_response_header(response, "Location",
		    EVALUATION_PATH);
	memset(value, 'a', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	for (unsigned i = 0; reply->big_headers && i < BIG_HEADERS; i++) {
		(void)snprintf(name, sizeof(name), "X-Filler-%u", i);
		(void)MHD_add_response_header(response, name, value);
	}
}

static enum MHD_Result
reply_send(struct MHD_Connection *connection, const struct reply *reply)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	sleep_ms(reply->delay_ms);
	if (reply->manner == REPLY_HANG)
		sleep_ms(HANG_S * 1000);
	if (reply->manner == REPLY_HANG || reply->manner == REPLY_CLOSE)
		return MHD_NO; /* closes the connection */
	if (reply->manner == REPLY_WHOLE)
		response = MHD_create_response_from_buffer(strlen(reply->body),
		    reply->body, MHD_RESPMEM_MUST_COPY);
	else
		response = stream_response(reply);
	add_headers(response, reply, request_id(connection));
	result =
	    MHD_queue_response(connection, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Append the request as one line, in one write: threads do not mix. */
static void
request_log(const json_t *root)
{
	zt_auto_close int fd = -1;
	zt_auto_free char *text = NULL, *line = NULL;
	int len;

	if (options.log == NULL)
		return;
	fd = open(options.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	text = json_dumps(root, JSON_COMPACT);
	if (text == NULL || (len = asprintf(&line, "%s\n", text)) < 0)
		die("zt-pdp");
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		die(options.log);
}

static enum MHD_Result
evaluate(struct MHD_Connection *connection, const json_t *root)
{
	zt_auto(reply_clear) struct reply reply = { 0 };
	struct table_answer answer = { .n = 0 };
	char why[128];
	enum zt_err err = ZT_OK;

	request_log(root);
	if (options.table != NULL)
		err = table_ask(options.table, root, &answer);
	if (err != ZT_OK || !reply_make(&answer, &reply)) {
		(void)snprintf(why, sizeof(why), "table, line %u: %s",
		    answer.line_no,
		    err == ZT_OK ? "no such answer" : zt_strerror(err));
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, why);
	}
	return reply_send(connection, &reply);
}

/* A whole request is there. */
static enum MHD_Result
serve(struct MHD_Connection *connection, const char *url, const char *method,
    const struct exchange *x)
{
	const char *type = MHD_lookup_connection_value(connection,
	    MHD_HEADER_KIND, "Content-Type");
	json_auto_t *root = NULL;
	const char *fault;

	if (strcmp(url, EVALUATION_PATH) != 0)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "no such path");
	if (strcmp(method, "POST") != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
		    "not POST");
	if (!client_known(connection))
		return refuse(connection, MHD_HTTP_UNAUTHORIZED,
		    "no certificate of a known client");
	if (!token_known(connection))
		return refuse(connection, MHD_HTTP_UNAUTHORIZED,
		    "no such token");
	if (type == NULL || strcmp(type, "application/json") != 0)
		return refuse(connection, MHD_HTTP_BAD_REQUEST, "Content-Type");
	if (request_id(connection) == NULL)
		return refuse(connection, MHD_HTTP_BAD_REQUEST,
		    "no X-Request-ID");
	root = json_loadb(x->body == NULL ? "" : x->body, x->len,
	    JSON_REJECT_DUPLICATES, NULL);
	if ((fault = request_fault(root)) != NULL)
		return refuse(connection, MHD_HTTP_BAD_REQUEST, fault);
	return evaluate(connection, root);
}

static enum MHD_Result
body_add(struct exchange *x, const char *data, size_t n)
{
	char *grown;

	if (n > REQUEST_MAX - x->len ||
	    (grown = realloc(x->body, x->len + n)) == NULL)
		return MHD_NO;
	memcpy(grown + x->len, data, n);
	x->body = grown;
	x->len += n;
	return MHD_YES;
}

/* Called by libmicrohttpd: with the headers, with data, with its end. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *n,
    void **state)
{
	enum MHD_Result result;

	(void)arg;
	(void)version;
	if (*state == NULL) {
		*state = calloc(1, sizeof(struct exchange));
		return *state == NULL ? MHD_NO : MHD_YES;
	}
	if (*n > 0) {
		result = body_add(*state, data, *n);
		*n = 0;
		return result;
	}
	return serve(connection, url, method, *state);
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;

	(void)arg;
	(void)connection;
	(void)code;
	if (x != NULL)
		free(x->body);
	free(x);
	*state = NULL;
}

/* ---- starting ---- */

static int
listen_tcp(void)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		die("zt-pdp: listen");
	options.port = ntohs(sin.sin_port);
	return fd;
}

static int
listen_unix(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(options.unix_path) >= sizeof(sun.sun_path)) {
		(void)fprintf(stderr, "zt-pdp: --unix: path too long\n");
		exit(2);
	}
	memcpy(sun.sun_path, options.unix_path, strlen(options.unix_path));
	(void)unlink(options.unix_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		die(options.unix_path);
	return fd;
}

/* A thread for each connection: one that hangs holds up no other. */
static void
serve_on(int fd, bool tls)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD |
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG |
	    (tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem items[8] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, 1 << 18, NULL },
	};
	size_t n = 3;

	if (tls) {
		items[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT,
			0, file_text(options.cert) };
		items[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY,
			0, file_text(options.key) };
	}
	if (tls && options.client_ca != NULL)
		items[n++] =
		    (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
			    file_text(options.client_ca) };
	items[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	if (MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL,
		MHD_OPTION_ARRAY, items, MHD_OPTION_END) == NULL)
		die("zt-pdp: start");
}

/* Written whole or not at all: whoever waits for the file can read it. */
static void
port_file_write(void)
{
	zt_auto_free char *temp = NULL;
	FILE *f = NULL;

	if (options.port_file == NULL)
		return;
	if (asprintf(&temp, "%s.new", options.port_file) < 0 ||
	    (f = fopen(temp, "we")) == NULL)
		die(options.port_file);
	(void)fprintf(f, "%u\n", options.port);
	if (fclose(f) != 0 || rename(temp, options.port_file) != 0)
		die(options.port_file);
}

static void
usage_exit(void)
{
	(void)fputs(usage, stderr);
	exit(2);
}

static void
options_read(int argc, char **argv)
{
	static const struct option names[] = {
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "client-ca", required_argument, NULL, 'C' },
		{ "port", required_argument, NULL, 'p' },
		{ "port-file", required_argument, NULL, 'P' },
		{ "token-file", required_argument, NULL, 't' },
		{ "table", required_argument, NULL, 'T' },
		{ "log", required_argument, NULL, 'l' },
		{ "unix", required_argument, NULL, 'u' },
		{ "plain", no_argument, NULL, 'n' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		const char **texts[] = { ['c'] = &options.cert,
			['k'] = &options.key,
			['C'] = &options.client_ca,
			['P'] = &options.port_file,
			['t'] = &options.token_file,
			['T'] = &options.table,
			['l'] = &options.log,
			['u'] = &options.unix_path };

		if (c == 'p')
			options.port = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'n')
			options.plain = true;
		else if (c != '?' && texts[c] != NULL)
			*texts[c] = optarg;
		else
			usage_exit();
	}
	if (optind != argc || options.port > 65535 ||
	    (!options.plain && (options.cert == NULL || options.key == NULL)))
		usage_exit();
}

int
main(int argc, char **argv)
{
	pid_t parent = getppid();
	sigset_t signals;
	int sig;

	options_read(argc, argv);
	/* never outlive the test, not even one that was killed meanwhile */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	serve_on(listen_tcp(), !options.plain);
	if (options.unix_path != NULL)
		serve_on(listen_unix(), false);
	(void)printf("zt-pdp: http%s://127.0.0.1:%u" EVALUATION_PATH "\n",
	    options.plain ? "" : "s", options.port);
	(void)fflush(stdout);
	port_file_write();
	(void)sigwait(&signals, &sig);
	_exit(0); /* without waiting for connections that hang */
}
