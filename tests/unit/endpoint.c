/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "endpoint.h"

#define SERVERS_MAX 8
#define ARGS_MAX    24
#define URLS_MAX    4

/* ---- files and children ---- */

char endpoint_dir[] = "/tmp/zt-test-pdp-XXXXXX";
static char programs[4096]; /* where zt-pdp and zt-web are */
sd_event *asker_event;

static const char make_certificates[] =
    "set -e; cd \"$1\"; exec >openssl.log 2>&1\n"
    "ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
    "for ca in ca foreign; do\n"
    "  openssl req -x509 $ec -subj /CN=$ca -keyout $ca.key -out $ca.pem\n"
    "done\n"
    "issue() { # name ca days extension\n"
    "  openssl req $ec -subj /CN=$1 -keyout $1.key -out $1.csr\n"
    "  echo \"$4\" >$1.ext\n"
    "  openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key \\\n"
    "    -CAcreateserial -days $3 -extfile $1.ext -out $1.pem\n"
    "}\n"
    "here=subjectAltName=IP:127.0.0.1,DNS:localhost\n"
    "issue server ca 2 $here\n"
    "issue other ca 2 subjectAltName=DNS:elsewhere.example\n"
    "issue expired ca -1 $here\n"
    "issue unknown foreign 2 $here\n"
    "issue client ca 2 extendedKeyUsage=clientAuth\n"
    "issue stranger foreign 2 extendedKeyUsage=clientAuth\n";

char *
endpoint_path(const char *name)
{
	static char paths[16][256]; /* enough for one call's arguments */
	static size_t next;
	char *path = paths[next++ % 16];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", endpoint_dir, name);
	return path;
}

void
endpoint_file(const char *name, const char *text)
{
	FILE *f = fopen(endpoint_path(name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

size_t
endpoint_lines(const char *name)
{
	FILE *f = fopen(endpoint_path(name), "re");
	size_t n = 0;
	int c;

	if (f == NULL)
		return 0;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	(void)fclose(f);
	return n;
}

static int
child_wait(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
shell(const char *script, const char *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execlp("sh", "sh", "-c", script, "sh", arg, NULL);
		_exit(127);
	}
	assert_int_equal(child_wait(pid), 0);
}

static struct endpoint servers[SERVERS_MAX];

static unsigned
port_wait(void)
{
	unsigned port = 0;

	for (int i = 0; i < 1000 && port == 0; i++) {
		FILE *f = fopen(endpoint_path("port"), "re");

		if (f != NULL) {
			if (fscanf(f, "%u", &port) != 1)
				port = 0;
			(void)fclose(f);
		}
		(void)usleep(10000);
	}
	(void)unlink(endpoint_path("port"));
	return port;
}

static struct endpoint *
slot_free(void)
{
	for (size_t i = 0; i < SERVERS_MAX; i++)
		if (servers[i].pid == 0)
			return &servers[i];
	fail_msg("too many endpoints");
	return NULL;
}

/* Add a server's certificate to its arguments. */
static size_t
args_cert(const char **argv, size_t n, const char *cert)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s.pem", cert);
	argv[n++] = "--cert";
	argv[n++] = endpoint_path(name);
	(void)snprintf(name, sizeof(name), "%s.key", cert);
	argv[n++] = "--key";
	argv[n++] = endpoint_path(name);
	return n;
}

static struct endpoint *
server_run(const char **argv)
{
	struct endpoint *s = slot_free();
	char program[sizeof(programs) + 64];

	(void)snprintf(program, sizeof(program), "%s/%s", programs, argv[0]);
	s->pid = fork();
	if (s->pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)execv(program, (char **)(uintptr_t)argv);
		_exit(127);
	}
	s->port = port_wait();
	assert_int_not_equal(s->port, 0);
	return s;
}

/* Run zt-pdp with a certificate and more options, ended by NULL. */
struct endpoint *
endpoint_start(const char *cert, ...)
{
	const char *argv[ARGS_MAX] = { "zt-pdp", "--port-file",
		endpoint_path("port"), "--table", endpoint_path("table") };
	size_t n = args_cert(argv, 5, cert);
	struct endpoint *s;
	va_list more;

	va_start(more, cert);
	while (n < ARGS_MAX - 1 &&
	    (argv[n] = va_arg(more, const char *)) != NULL)
		n++;
	va_end(more);
	s = server_run(argv);
	(void)snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u" PATH,
	    s->port);
	return s;
}

struct endpoint *
endpoint_web(const char *cert)
{
	const char *argv[ARGS_MAX] = { "zt-web", "--port-file",
		endpoint_path("port"), "--dir", endpoint_dir, "--log",
		endpoint_path("web.log") };
	struct endpoint *s;

	(void)args_cert(argv, 7, cert);
	s = server_run(argv);
	(void)snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u", s->port);
	return s;
}

void
endpoint_stop(struct endpoint *s)
{
	if (s->pid <= 0)
		return;
	assert_int_equal(kill(s->pid, SIGTERM), 0);
	(void)child_wait(s->pid);
	s->pid = 0;
}

/* A socket that accepts connections only in the kernel, or none at all. */
char *
endpoint_deaf(bool listening, int *fd_out)
{
	static char url[128];
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	if (listening)
		assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u" PATH,
	    ntohs(sin.sin_port));
	*fd_out = fd;
	return url;
}

/* ---- asking ---- */

static int64_t
now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
text_keep(char *dst, size_t cap, const char *src)
{
	(void)snprintf(dst, cap, "%s", src == NULL ? "" : src);
}

void
asker_done(void *arg, struct zt_answer *answer)
{
	struct outcome *o = arg;

	o->calls++;
	o->answer = *answer;
	text_keep(o->endpoint, sizeof(o->endpoint), answer->endpoint);
	text_keep(o->notice, sizeof(o->notice), answer->notice);
	text_keep(o->reason_user, sizeof(o->reason_user), answer->reason_user);
}

static char *words[URLS_MAX];

struct conf
endpoint_conf(size_t n, ...)
{
	struct conf conf = { 0 };
	va_list urls;

	va_start(urls, n);
	for (size_t i = 0; i < n; i++)
		words[i] = va_arg(urls, char *);
	va_end(urls);
	conf.pdp.urls = (struct conf_list){ words, n };
	conf.pdp.timeout_ms = TIMEOUT_MS;
	conf.pdp.ca_file = endpoint_path("ca.pem");
	return conf;
}

struct pdp *
asker_new(const struct conf *conf)
{
	struct pdp *pdp = NULL;

	assert_int_equal(pdp_new(asker_event, conf, &pdp), ZT_OK);
	return pdp;
}

const char *
asker_body(const char *subject)
{
	static char body[512];

	(void)snprintf(body, sizeof(body),
	    "{\"subject\":{\"type\":\"user\",\"id\":\"%s\"},"
	    "\"action\":{\"name\":\"ssh_login\"},"
	    "\"resource\":{\"type\":\"host\",\"id\":\"h\"},\"context\":{}}",
	    subject);
	return body;
}

void
asker_run(const unsigned *calls, unsigned n)
{
	int64_t end = now_ms() + 20000;

	while (*calls < n && now_ms() < end)
		assert_true(sd_event_run(asker_event, 100000) >= 0);
	assert_int_equal(*calls, n);
}

/* Ask; the subject names the line of the table, see tables() below. */
struct outcome
ask(struct pdp *pdp, const char *subject)
{
	struct outcome o = { 0 };
	int64_t start = now_ms();

	assert_int_equal(pdp_ask(pdp, ID, asker_body(subject), asker_done, &o),
	    ZT_OK);
	assert_int_equal(o.calls, 0); /* later, never at once */
	assert_int_equal(pdp_pending(pdp), 1);
	asker_run(&o.calls, 1);
	assert_int_equal(pdp_pending(pdp), 0);
	o.elapsed_ms = (int)(now_ms() - start);
	assert_true(o.elapsed_ms < TIMEOUT_MS + SLACK_MS);
	return o;
}

struct outcome
ask_once(const struct conf *conf, const char *subject)
{
	struct pdp *pdp = asker_new(conf);
	struct outcome o = ask(pdp, subject);

	pdp_free(pdp);
	return o;
}

void
assert_none(const struct outcome *o, enum zt_reason reason)
{
	if (o->answer.kind != ZT_ANSWER_NONE || o->answer.reason != reason)
		fail_msg("kind %d, %s, not %s", (int)o->answer.kind,
		    zt_reason_code(o->answer.reason), zt_reason_code(reason));
}

void
assert_permit(const struct outcome *o, int attempts)
{
	if (o->answer.kind != ZT_ANSWER_PERMIT)
		fail_msg("no permit: %s", zt_reason_code(o->answer.reason));
	assert_int_equal(o->answer.attempts, attempts);
}

/* Each answer under a subject of its name. */
static void
table_write(void)
{
	static const char *const answers[] = { "hang", "drip", "endless",
		"truncate", "close", "redirect", "wrongid", "headers",
		"garbage", "empty", "nodecision", "stringdecision",
		"numberdecision", "nulldecision", "dupkey", "twodecisions",
		"trailing", "array", "cut", "badcontext", "badutf8", "deep",
		"big" };
	static const int codes[] = { 201, 204, 301, 307, 400, 401, 403, 404,
		405, 408, 418, 425, 429, 500, 501, 503 };
	FILE *f = fopen(endpoint_path("table"), "we");

	assert_non_null(f);
	(void)fputs("alice * * => permit notice=\"good morning\"\n"
		    "bob * * => deny reason=\"on leave\"\n"
		    "obliged * * => permit obligation=mfa\n"
		    "slow * * => permit delay_ms=900\n",
	    f);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		(void)fprintf(f, "%s * * => %s\n", answers[i], answers[i]);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		(void)fprintf(f, "%d * * => status code=%d\n", codes[i],
		    codes[i]);
	assert_int_equal(fclose(f), 0);
}

struct endpoint *endpoint_main;

int
endpoint_begin_bare(void **state)
{
	char *end;

	(void)state;
	assert_true(readlink("/proc/self/exe", programs,
			sizeof(programs) - 64) > 0);
	end = strstr(programs, "/unit/test_");
	assert_non_null(end);
	(void)strcpy(end, "/lib");
	assert_non_null(mkdtemp(endpoint_dir));
	shell(make_certificates, endpoint_dir);
	assert_true(sd_event_new(&asker_event) >= 0);
	return 0;
}

int
endpoint_begin(void **state)
{
	(void)endpoint_begin_bare(state);
	table_write();
	endpoint_main =
	    endpoint_start("server", "--log", endpoint_path("main.log"), NULL);
	return 0;
}

int
endpoint_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < SERVERS_MAX; i++)
		endpoint_stop(&servers[i]);
	sd_event_unref(asker_event);
	shell("rm -rf -- \"$1\"", endpoint_dir);
	return 0;
}
