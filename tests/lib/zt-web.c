/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zt-web: a small HTTPS server for the tests of whoever fetches.
 *
 * It listens on loopback only, serves the files of a directory with an ETag
 * each, misbehaves under some paths (see serve()), and ends with its parent.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zt/auto.h"

#define FILE_MAX    (1 << 30) /* bytes */
#define BODY_MAX    65536     /* of a request, bytes */
#define BIG_HEADERS 64        /* of 1 KiB each */
#define DRIP_MS     100       /* from byte to byte */
#define HANG_S      600

static const char usage[] =
    "usage: zt-web --cert PEM --key PEM --dir DIR --port-file FILE\n"
    "              [--log FILE]\n";

static struct {
	const char *cert, *key, *dir, *port_file, *log;
} options;

/* A request's body while it comes in. */
struct exchange {
	char body[BODY_MAX];
	size_t len;
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
sleep_ms(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) != 0)
		continue;
}

/* The whole file, with a NUL behind it; NULL if that fails. */
static char *
file_read(const char *path, size_t *len_out)
{
	zt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > FILE_MAX ||
	    (text = malloc((size_t)st.st_size + 1)) == NULL)
		return NULL;
	while (len < (size_t)st.st_size &&
	    (n = read(fd, text + len, (size_t)st.st_size - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	*len_out = len;
	return text;
}

/* ---- answers ---- */

static enum MHD_Result
respond(struct MHD_Connection *connection, unsigned status,
    struct MHD_Response *response)
{
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static struct MHD_Response *
text_response(const char *text)
{
	return MHD_create_response_from_buffer(strlen(text),
	    (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status)
{
	return respond(connection, status, text_response("refused\n"));
}

static const char *
header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The file's content decides (FNV-1a): a test may rewrite it in a blink. */
static void
etag_make(const char *data, size_t len, char out[32])
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3;
	(void)snprintf(out, 32, "\"%016llx\"", (unsigned long long)hash);
}

static enum MHD_Result
file_serve(struct MHD_Connection *connection, const char *name)
{
	const char *known = header(connection, "If-None-Match");
	struct MHD_Response *response;
	char path[4096], etag[32];
	char *data;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", options.dir, name);
	if (strchr(name, '/') != NULL || name[0] == '.' ||
	    (data = file_read(path, &len)) == NULL)
		return refuse(connection, MHD_HTTP_NOT_FOUND);
	etag_make(data, len, etag);
	if (known != NULL && strcmp(known, etag) == 0) {
		free(data);
		return respond(connection, MHD_HTTP_NOT_MODIFIED,
		    text_response(""));
	}
	response =
	    MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	(void)MHD_add_response_header(response, "ETag", etag);
	(void)MHD_add_response_header(response, "Content-Type",
	    "Application/X-Zt-Test; charset=utf-8");
	return respond(connection, MHD_HTTP_OK, response);
}

static ssize_t
drip(void *arg, uint64_t pos, char *buf, size_t max)
{
	(void)arg;
	(void)pos;
	(void)max;
	sleep_ms(DRIP_MS);
	buf[0] = 'a';
	return 1;
}

static ssize_t
flood(void *arg, uint64_t pos, char *buf, size_t max)
{
	(void)arg;
	(void)pos;
	memset(buf, 'a', max);
	return (ssize_t)max;
}

static ssize_t
truncate_body(void *arg, uint64_t pos, char *buf, size_t max)
{
	(void)arg;
	(void)max;
	if (pos > 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	buf[0] = 'a';
	return 1;
}

static enum MHD_Result
stream_serve(struct MHD_Connection *connection,
    MHD_ContentReaderCallback reader, uint64_t size)
{
	return respond(connection, MHD_HTTP_OK,
	    MHD_create_response_from_callback(size, 4096, reader, NULL, NULL));
}

static enum MHD_Result
headers_serve(struct MHD_Connection *connection)
{
	struct MHD_Response *response = text_response("long");
	char name[32], value[1024];

	memset(value, 'a', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	for (unsigned i = 0; i < BIG_HEADERS; i++) {
		(void)snprintf(name, sizeof(name), "X-Filler-%u", i);
		(void)MHD_add_response_header(response, name, value);
	}
	return respond(connection, MHD_HTTP_OK, response);
}

/* An answer with one header of its own. */
static enum MHD_Result
marked_serve(struct MHD_Connection *connection, unsigned status,
    const char *name, const char *value)
{
	struct MHD_Response *response = text_response("marked");

	(void)MHD_add_response_header(response, name, value);
	return respond(connection, status, response);
}

/* What was asked. */
static enum MHD_Result
echo_serve(struct MHD_Connection *connection, const char *method,
    const struct exchange *x)
{
	static const char *const names[] = { "Authorization", "Content-Type",
		"Accept", "If-None-Match", "Expect", "Accept-Encoding",
		"Cookie" };
	zt_auto_free char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return MHD_NO;
	(void)fprintf(f, "%s\n", method);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (header(connection, names[i]) != NULL)
			(void)fprintf(f, "%s: %s\n", names[i],
			    header(connection, names[i]));
	(void)fprintf(f, "\n%.*s", (int)x->len, x->body);
	(void)fclose(f);
	return respond(connection, MHD_HTTP_OK, text_response(text));
}

/* One line in one write: threads do not mix. */
static void
request_log(const char *method, const char *url)
{
	zt_auto_close int fd = -1;
	zt_auto_free char *line = NULL;
	int len;

	if (options.log == NULL)
		return;
	fd = open(options.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if ((len = asprintf(&line, "%s %s\n", method, url)) < 0 || fd < 0 ||
	    write(fd, line, (size_t)len) != len)
		die(options.log);
}

static enum MHD_Result
serve(struct MHD_Connection *connection, const char *url, const char *method,
    const struct exchange *x)
{
	request_log(method, url);
	if (strncmp(url, "/status/", 8) == 0)
		return refuse(connection, (unsigned)atoi(url + 8));
	if (strcmp(url, "/echo") == 0)
		return echo_serve(connection, method, x);
	if (strcmp(url, "/hang") == 0)
		sleep_ms(HANG_S * 1000);
	if (strcmp(url, "/hang") == 0 || strcmp(url, "/close") == 0)
		return MHD_NO;
	if (strcmp(url, "/drip") == 0)
		return stream_serve(connection, drip, 1000);
	if (strcmp(url, "/flood") == 0)
		return stream_serve(connection, flood, MHD_SIZE_UNKNOWN);
	if (strcmp(url, "/truncate") == 0)
		return stream_serve(connection, truncate_body, 10);
	if (strcmp(url, "/headers") == 0)
		return headers_serve(connection);
	if (strcmp(url, "/redirect") == 0)
		return marked_serve(connection, MHD_HTTP_FOUND, "Location",
		    "/echo");
	if (strcmp(url, "/gzip") == 0) /* which the body is not */
		return marked_serve(connection, MHD_HTTP_OK, "Content-Encoding",
		    "gzip");
	if (strcmp(url, "/cookie") == 0)
		return marked_serve(connection, MHD_HTTP_OK, "Set-Cookie",
		    "a=b; Path=/");
	return file_serve(connection, url + 1);
}

/* Called by libmicrohttpd: with the headers, with data, with its end. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *n,
    void **state)
{
	struct exchange *x = *state;

	(void)arg;
	(void)version;
	if (x == NULL) {
		*state = calloc(1, sizeof(*x));
		return *state == NULL ? MHD_NO : MHD_YES;
	}
	if (*n == 0)
		return serve(connection, url, method, x);
	if (*n > BODY_MAX - x->len)
		return MHD_NO;
	memcpy(x->body + x->len, data, *n);
	x->len += *n;
	*n = 0;
	return MHD_YES;
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	free(*state);
	*state = NULL;
}

/* ---- starting ---- */

static int
listen_tcp(unsigned *port_out)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		die("zt-web: listen");
	*port_out = ntohs(sin.sin_port);
	return fd;
}

static void
start(int fd)
{
	const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD |
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_TLS;
	size_t len;

	if (MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)(1 << 18), MHD_OPTION_HTTPS_MEM_CERT,
		file_read(options.cert, &len), MHD_OPTION_HTTPS_MEM_KEY,
		file_read(options.key, &len), MHD_OPTION_END) == NULL)
		die("zt-web: start");
}

/* Written whole or not at all: whoever waits for the file can read it. */
static void
port_file_write(unsigned port)
{
	zt_auto_free char *temp = NULL;
	FILE *f = NULL;

	if (asprintf(&temp, "%s.new", options.port_file) < 0 ||
	    (f = fopen(temp, "we")) == NULL)
		die(options.port_file);
	(void)fprintf(f, "%u\n", port);
	if (fclose(f) != 0 || rename(temp, options.port_file) != 0)
		die(options.port_file);
}

static void
options_read(int argc, char **argv)
{
	static const struct option names[] = {
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "dir", required_argument, NULL, 'd' },
		{ "port-file", required_argument, NULL, 'P' },
		{ "log", required_argument, NULL, 'l' },
		{ 0 },
	};
	const char **texts[] = { ['c'] = &options.cert,
		['k'] = &options.key,
		['d'] = &options.dir,
		['P'] = &options.port_file,
		['l'] = &options.log };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) > 0 && c != '?')
		*texts[c] = optarg;
	if (c > 0 || optind != argc || options.cert == NULL ||
	    options.key == NULL || options.dir == NULL ||
	    options.port_file == NULL) {
		(void)fputs(usage, stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	pid_t parent = getppid();
	sigset_t signals;
	unsigned port;
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
	start(listen_tcp(&port));
	port_file_write(port);
	(void)sigwait(&signals, &sig);
	_exit(0); /* without waiting for connections that hang */
}
