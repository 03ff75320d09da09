/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against real endpoints: zt-pdp as a child, once per way to fail
 * at connecting, and by its table once per way to answer.
 */
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../ztd/pdp.h"
#include "zt/auto.h"

#define ID          "6f1c1b9e-0f0c-4d7a-9b1e-2a7f0f6f2f10"
#define PATH        "/access/v1/evaluation"
#define TIMEOUT_MS  1200
#define SLACK_MS    600 /* a busy machine, sanitizers */
#define SERVERS_MAX 8
#define ARGS_MAX    24

/* ---- files and children ---- */

static char dir[] = "/tmp/zt-test-pdp-XXXXXX";
static char program[4096]; /* zt-pdp, beside this program */
static sd_event *event;

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

static char *
path_of(const char *name)
{
	static char paths[16][256]; /* enough for one call's arguments */
	static size_t next;
	char *path = paths[next++ % 16];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void
file_put(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static size_t
file_lines(const char *name)
{
	FILE *f = fopen(path_of(name), "re");
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

static struct server {
	pid_t pid;
	unsigned port;
	char url[128];
} servers[SERVERS_MAX];
static size_t n_servers;

static unsigned
port_wait(void)
{
	unsigned port = 0;

	for (int i = 0; i < 1000 && port == 0; i++) {
		FILE *f = fopen(path_of("port"), "re");

		if (f != NULL) {
			if (fscanf(f, "%u", &port) != 1)
				port = 0;
			(void)fclose(f);
		}
		(void)usleep(10000);
	}
	(void)unlink(path_of("port"));
	return port;
}

/* Run zt-pdp with a certificate and more options, ended by NULL. */
static struct server *
server_start(const char *cert, ...)
{
	struct server *s = &servers[n_servers];
	char key[64], pem[64];
	const char *argv[ARGS_MAX] = { program, "--port-file", path_of("port"),
		"--table", path_of("table") };
	size_t n = 5;
	va_list more;

	assert_true(n_servers < SERVERS_MAX);
	(void)snprintf(key, sizeof(key), "%s.key", cert);
	(void)snprintf(pem, sizeof(pem), "%s.pem", cert);
	argv[n++] = "--cert";
	argv[n++] = path_of(pem);
	argv[n++] = "--key";
	argv[n++] = path_of(key);
	va_start(more, cert);
	while (n < ARGS_MAX - 1 &&
	    (argv[n] = va_arg(more, const char *)) != NULL)
		n++;
	va_end(more);
	s->pid = fork();
	if (s->pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)execv(program, (char **)(uintptr_t)argv);
		_exit(127);
	}
	n_servers++;
	s->port = port_wait();
	assert_int_not_equal(s->port, 0);
	(void)snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u" PATH,
	    s->port);
	return s;
}

static void
server_stop(struct server *s)
{
	if (s->pid <= 0)
		return;
	assert_int_equal(kill(s->pid, SIGTERM), 0);
	(void)child_wait(s->pid);
	s->pid = 0;
}

/* A socket that accepts connections only in the kernel, or none at all. */
static char *
deaf_url(bool listening, int *fd_out)
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

struct outcome {
	unsigned calls;
	struct zt_answer answer; /* its texts stay with the client */
	char endpoint[128], notice[64], reason_user[64];
	int elapsed_ms;
};

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

static void
on_done(void *arg, struct zt_answer *answer)
{
	struct outcome *o = arg;

	o->calls++;
	o->answer = *answer;
	text_keep(o->endpoint, sizeof(o->endpoint), answer->endpoint);
	text_keep(o->notice, sizeof(o->notice), answer->notice);
	text_keep(o->reason_user, sizeof(o->reason_user), answer->reason_user);
}

static char *words[4];

static struct conf
conf_of(size_t n, ...)
{
	struct conf conf = { 0 };
	va_list urls;

	va_start(urls, n);
	for (size_t i = 0; i < n; i++)
		words[i] = va_arg(urls, char *);
	va_end(urls);
	conf.pdp.urls = (struct conf_list){ words, n };
	conf.pdp.timeout_ms = TIMEOUT_MS;
	conf.pdp.ca_file = path_of("ca.pem");
	return conf;
}

static struct pdp *
client(const struct conf *conf)
{
	struct pdp *pdp = NULL;

	assert_int_equal(pdp_new(event, conf, &pdp), ZT_OK);
	return pdp;
}

static const char *
body_of(const char *subject)
{
	static char body[512];

	(void)snprintf(body, sizeof(body),
	    "{\"subject\":{\"type\":\"user\",\"id\":\"%s\"},"
	    "\"action\":{\"name\":\"ssh_login\"},"
	    "\"resource\":{\"type\":\"host\",\"id\":\"h\"},\"context\":{}}",
	    subject);
	return body;
}

static void
run_until(const unsigned *calls, unsigned n)
{
	int64_t end = now_ms() + 20000;

	while (*calls < n && now_ms() < end)
		assert_true(sd_event_run(event, 100000) >= 0);
	assert_int_equal(*calls, n);
}

/* Ask; the subject names the line of the table, see tables() below. */
static struct outcome
ask(struct pdp *pdp, const char *subject)
{
	struct outcome o = { 0 };
	int64_t start = now_ms();

	assert_int_equal(pdp_ask(pdp, ID, body_of(subject), on_done, &o),
	    ZT_OK);
	assert_int_equal(o.calls, 0); /* later, never at once */
	assert_int_equal(pdp_pending(pdp), 1);
	run_until(&o.calls, 1);
	assert_int_equal(pdp_pending(pdp), 0);
	o.elapsed_ms = (int)(now_ms() - start);
	assert_true(o.elapsed_ms < TIMEOUT_MS + SLACK_MS);
	return o;
}

static struct outcome
ask_once(const struct conf *conf, const char *subject)
{
	struct pdp *pdp = client(conf);
	struct outcome o = ask(pdp, subject);

	pdp_free(pdp);
	return o;
}

static void
assert_none(const struct outcome *o, enum zt_reason reason)
{
	if (o->answer.kind != ZT_ANSWER_NONE || o->answer.reason != reason)
		fail_msg("kind %d, %s, not %s", (int)o->answer.kind,
		    zt_reason_code(o->answer.reason), zt_reason_code(reason));
}

static void
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
	FILE *f = fopen(path_of("table"), "we");

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

static struct server *main_server;

static int
begin(void **state)
{
	char *end;

	(void)state;
	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 64) >
	    0);
	end = strstr(program, "/unit/test_pdp");
	assert_non_null(end);
	(void)strcpy(end, "/lib/zt-pdp");
	assert_non_null(mkdtemp(dir));
	shell(make_certificates, dir);
	table_write();
	assert_true(sd_event_new(&event) >= 0);
	main_server =
	    server_start("server", "--log", path_of("main.log"), NULL);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_servers; i++)
		server_stop(&servers[i]);
	sd_event_unref(event);
	shell("rm -rf -- \"$1\"", dir);
	return 0;
}

/* ---- decisions ---- */

static void
a_permit_and_a_deny_come_with_their_texts(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	struct pdp *pdp = client(&conf);
	struct outcome o = ask(pdp, "alice");

	(void)state;
	assert_permit(&o, 1);
	assert_string_equal(o.notice, "good morning");
	assert_string_equal(o.endpoint, main_server->url);
	assert_int_equal(o.answer.http_status, 200);
	o = ask(pdp, "bob");
	assert_int_equal(o.answer.kind, ZT_ANSWER_DENY);
	assert_string_equal(o.reason_user, "on leave");
	assert_int_equal(o.answer.attempts, 1);
	o = ask(pdp, "obliged");
	assert_int_equal(o.answer.kind, ZT_ANSWER_DENY);
	assert_int_equal(o.answer.reason, ZT_REASON_POLICY_OBLIGATION);
	o = ask(pdp, "slow");
	assert_permit(&o, 1);
	assert_true(o.answer.latency_ms >= 900);
	pdp_free(pdp);
}

static void
an_answer_that_is_no_decision_is_a_protocol_error(void **state)
{
	static const char *const subjects[] = { "garbage", "empty",
		"nodecision", "stringdecision", "numberdecision",
		"nulldecision", "dupkey", "twodecisions", "trailing", "array",
		"cut", "badcontext", "badutf8", "deep", "big", "endless",
		"headers", "wrongid", "201", "204", "418" };
	struct conf conf = conf_of(1, main_server->url);
	struct pdp *pdp = client(&conf);

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		struct outcome o = ask(pdp, subjects[i]);

		if (o.answer.reason != ZT_REASON_PDP_PROTOCOL)
			fail_msg("%s: %s", subjects[i],
			    zt_reason_code(o.answer.reason));
		assert_none(&o, ZT_REASON_PDP_PROTOCOL);
		assert_int_equal(o.answer.attempts, 1);
	}
	pdp_free(pdp);
}

static void
each_status_has_its_reason(void **state)
{
	static const struct {
		const char *subject;
		enum zt_reason reason;
	} rows[] = {
		{ "301", ZT_REASON_PDP_URL },
		{ "307", ZT_REASON_PDP_URL },
		{ "400", ZT_REASON_PDP_REQUEST },
		{ "401", ZT_REASON_PDP_AUTH },
		{ "403", ZT_REASON_PDP_AUTH },
		{ "404", ZT_REASON_PDP_URL },
		{ "405", ZT_REASON_PDP_URL },
		{ "408", ZT_REASON_PDP_BUSY },
		{ "425", ZT_REASON_PDP_BUSY },
		{ "429", ZT_REASON_PDP_BUSY },
		{ "500", ZT_REASON_PDP_BUSY },
		{ "501", ZT_REASON_PDP_URL },
		{ "503", ZT_REASON_PDP_BUSY },
	};
	struct conf conf = conf_of(1, main_server->url);
	struct pdp *pdp = client(&conf);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome o = ask(pdp, rows[i].subject);

		assert_none(&o, rows[i].reason);
		assert_int_equal(o.answer.http_status, atoi(rows[i].subject));
		/* one endpoint: what it said is not asked again */
		assert_int_equal(o.answer.attempts, 1);
	}
	pdp_free(pdp);
}

static void
a_redirect_is_not_followed(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	size_t before = file_lines("main.log");
	struct outcome o = ask_once(&conf, "redirect");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_URL);
	assert_int_equal(o.answer.http_status, 302);
	assert_int_equal(file_lines("main.log"), before + 1);
}

static void
an_endpoint_that_hangs_or_drips_is_left_at_the_deadline(void **state)
{
	static const char *const subjects[] = { "hang", "drip" };
	struct conf conf = conf_of(1, main_server->url);
	int fd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct outcome o = ask_once(&conf, subjects[i]);

		assert_none(&o, ZT_REASON_PDP_TIMEOUT);
		assert_true(o.elapsed_ms >= TIMEOUT_MS - 10);
	}
	words[0] = deaf_url(true, &fd); /* hangs before TLS */
	{
		struct outcome o = ask_once(&conf, "alice");

		assert_none(&o, ZT_REASON_PDP_TIMEOUT);
	}
	(void)close(fd);
}

static void
a_connection_that_ends_early_is_no_answer(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	struct outcome o = ask_once(&conf, "close");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
	o = ask_once(&conf, "truncate");
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
}

/* ---- reaching the endpoint, and no other ---- */

static void
a_refused_connection_is_unreachable(void **state)
{
	int fd;
	struct conf conf = conf_of(1, deaf_url(false, &fd));
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
	assert_int_equal(o.answer.http_status, 0);
	assert_null(o.answer.endpoint);
	(void)close(fd);
}

static void
a_name_that_does_not_resolve_is_unreachable(void **state)
{
	char url[] = "https://zt-no-such-host.invalid" PATH;
	struct conf conf = conf_of(1, url);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_int_equal(o.answer.kind, ZT_ANSWER_NONE);
	assert_true(o.answer.reason == ZT_REASON_PDP_UNREACHABLE ||
	    o.answer.reason == ZT_REASON_PDP_TIMEOUT);
}

static void
assert_tls_failure(const char *cert)
{
	struct server *s =
	    server_start(cert, "--log", path_of("tls.log"), NULL);
	struct conf conf = conf_of(1, s->url);
	struct outcome o = ask_once(&conf, "alice");

	assert_none(&o, ZT_REASON_PDP_TLS);
	assert_int_equal(file_lines("tls.log"), 0); /* nothing was told */
	server_stop(s);
	n_servers--;
}

static void
a_wrong_name_in_the_certificate_is_a_tls_error(void **state)
{
	(void)state;
	assert_tls_failure("other");
}

static void
an_expired_certificate_is_a_tls_error(void **state)
{
	(void)state;
	assert_tls_failure("expired");
}

static void
an_unknown_authority_is_a_tls_error(void **state)
{
	(void)state;
	assert_tls_failure("unknown");
}

static void
plain_http_behind_an_https_url_is_a_tls_error(void **state)
{
	struct server *s = server_start("server", "--plain", "--log",
	    path_of("plain.log"), NULL);
	struct conf conf = conf_of(1, s->url);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_TLS);
	/* and an http URL is refused without a Unix socket */
	memmove(s->url + 4, s->url + 5, strlen(s->url + 5) + 1);
	o = ask_once(&conf, "alice");
	assert_int_equal(o.answer.kind, ZT_ANSWER_NONE);
	assert_int_equal(file_lines("plain.log"), 0);
	server_stop(s);
	n_servers--;
}

static void
a_pinned_authority_that_cannot_be_read_is_a_tls_error(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	struct outcome o;

	(void)state;
	conf.pdp.ca_file = path_of("no-such.pem");
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_TLS);
}

static void
a_proxy_in_the_environment_is_ignored(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	struct outcome o;

	(void)state;
	(void)setenv("https_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	o = ask_once(&conf, "alice");
	(void)unsetenv("https_proxy");
	(void)unsetenv("ALL_PROXY");
	assert_permit(&o, 1);
}

static void
a_unix_socket_is_spoken_to_in_plain_http(void **state)
{
	struct server *s =
	    server_start("server", "--unix", path_of("socket"), NULL);
	char url[] = "http://localhost" PATH;
	struct conf conf = conf_of(1, url);
	struct outcome o;

	(void)state;
	conf.pdp.unix_socket = path_of("socket");
	o = ask_once(&conf, "alice");
	assert_permit(&o, 1);
	server_stop(s);
	n_servers--;
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
}

/* ---- who we are to the endpoint ---- */

static void
a_client_certificate_is_shown_where_one_is_configured(void **state)
{
	struct server *s =
	    server_start("server", "--client-ca", path_of("ca.pem"), NULL);
	struct conf conf = conf_of(1, s->url);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_AUTH);
	conf.pdp.client_cert_file = path_of("client.pem");
	conf.pdp.client_key_file = path_of("client.key");
	o = ask_once(&conf, "alice");
	assert_permit(&o, 1);
	conf.pdp.client_cert_file = path_of("stranger.pem");
	conf.pdp.client_key_file = path_of("stranger.key");
	o = ask_once(&conf, "alice");
	assert_int_equal(o.answer.kind, ZT_ANSWER_NONE);
	conf.pdp.client_key_file = path_of("no-such.key");
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_TLS);
	server_stop(s);
	n_servers--;
}

static void
a_renewed_token_is_used_and_a_stale_one_is_read_again(void **state)
{
	struct server *s =
	    server_start("server", "--token-file", path_of("expected"), NULL);
	struct conf conf = conf_of(1, s->url);
	struct pdp *pdp;
	struct outcome o;
	struct stat st;

	(void)state;
	file_put("expected", "token-1\n");
	file_put("bearer", "token-1\n");
	conf.pdp.bearer_file = path_of("bearer");
	pdp = client(&conf);
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	/* renewed in time: seen by its inode, size or time */
	file_put("expected", "token-22\n");
	file_put("bearer", "token-22\n");
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	/* renewed, and the file looks the same: refused once, read again */
	assert_int_equal(stat(conf.pdp.bearer_file, &st), 0);
	file_put("expected", "token-33\n");
	file_put("bearer", "token-33\n");
	assert_int_equal(utimensat(AT_FDCWD, conf.pdp.bearer_file,
			     (struct timespec[]){ st.st_atim, st.st_mtim }, 0),
	    0);
	o = ask(pdp, "alice");
	assert_permit(&o, 2);
	/* not renewed: asked once */
	file_put("expected", "token-44\n");
	o = ask(pdp, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
	assert_int_equal(o.answer.attempts, 1);
	pdp_free(pdp);
	server_stop(s);
	n_servers--;
}

static void
a_bad_token_file_ends_the_question_without_a_request(void **state)
{
	static const char *const texts[] = { "", "\n", "two words", "a\nb",
		"caf\xc3\xa9", "a\x1b" };
	zt_auto_free char *big = calloc(1, 16386);
	struct conf conf = conf_of(1, main_server->url);
	struct outcome o;

	(void)state;
	conf.pdp.bearer_file = path_of("bad");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_put("bad", texts[i]);
		o = ask_once(&conf, "alice");
		assert_none(&o, ZT_REASON_PDP_AUTH);
		assert_int_equal(o.answer.attempts, 0);
	}
	assert_non_null(big);
	memset(big, 'a', 16385);
	file_put("bad", big);
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
	conf.pdp.bearer_file = path_of("no-such");
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
	conf.pdp.bearer_file = dir;
	o = ask_once(&conf, "alice");
	assert_none(&o, ZT_REASON_PDP_AUTH);
}

/* ---- more endpoints ---- */

static void
an_unavailable_endpoint_is_followed_by_the_next(void **state)
{
	struct server *second =
	    server_start("server", "--table", path_of("second"), NULL);
	struct conf conf = conf_of(2, main_server->url, second->url);
	static const char *const subjects[] = { "close", "503", "429", "hang",
		"drip" };

	(void)state;
	file_put("second", "* * * => permit\n");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		struct outcome o = ask_once(&conf, subjects[i]);

		assert_permit(&o, 2);
		assert_string_equal(o.endpoint, second->url);
	}
	server_stop(second);
	n_servers--;
}

static void
a_decision_or_a_wrong_answer_is_not_asked_elsewhere(void **state)
{
	struct server *second =
	    server_start("server", "--table", path_of("second"), NULL);
	struct conf conf = conf_of(2, main_server->url, second->url);
	static const char *const subjects[] = { "bob", "obliged", "garbage",
		"400", "403", "404", "301", "wrongid", "twodecisions" };

	(void)state;
	file_put("second", "* * * => permit\n");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		struct outcome o = ask_once(&conf, subjects[i]);

		assert_int_not_equal(o.answer.kind, ZT_ANSWER_PERMIT);
		assert_int_equal(o.answer.attempts, 1);
	}
	server_stop(second);
	n_servers--;
}

static void
no_more_than_two_endpoints_are_asked(void **state)
{
	int fd1, fd2;
	struct conf conf = conf_of(3, strdup(deaf_url(false, &fd1)),
	    strdup(deaf_url(false, &fd2)), main_server->url);
	struct pdp *pdp = client(&conf);
	struct outcome o = ask(pdp, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_UNREACHABLE);
	assert_int_equal(o.answer.attempts, 2);
	/* those two have failed lately: the third comes first now */
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	pdp_free(pdp);
	free(words[0]);
	free(words[1]);
	(void)close(fd1);
	(void)close(fd2);
}

static void
a_hanging_endpoint_leaves_half_of_the_time_and_is_then_avoided(void **state)
{
	int fd;
	struct conf conf = conf_of(2, deaf_url(true, &fd), main_server->url);
	struct pdp *pdp = client(&conf);
	struct outcome o = ask(pdp, "alice");

	(void)state;
	assert_permit(&o, 2);
	assert_true(o.elapsed_ms >= TIMEOUT_MS / 2 - 10);
	assert_true(o.elapsed_ms < TIMEOUT_MS);
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	assert_true(o.elapsed_ms < TIMEOUT_MS / 2);
	pdp_free(pdp);
	(void)close(fd);
}

static void
two_hanging_endpoints_share_one_deadline(void **state)
{
	int fd;
	char *deaf = deaf_url(true, &fd);
	struct conf conf = conf_of(2, deaf, deaf);
	struct outcome o = ask_once(&conf, "alice");

	(void)state;
	assert_none(&o, ZT_REASON_PDP_TIMEOUT);
	assert_int_equal(o.answer.attempts, 2);
	assert_true(o.elapsed_ms >= TIMEOUT_MS - 10);
	(void)close(fd);
}

/* ---- many questions, connections, lives ---- */

static void
a_kept_connection_that_died_is_replaced(void **state)
{
	struct server *s = server_start("server", NULL);
	struct conf conf = conf_of(1, s->url);
	struct pdp *pdp = client(&conf);
	struct outcome o = ask(pdp, "alice");
	char port[16];

	(void)state;
	assert_permit(&o, 1);
	(void)snprintf(port, sizeof(port), "%u", s->port);
	server_stop(s);
	n_servers--;
	s = server_start("server", "--port", port, NULL);
	o = ask(pdp, "alice");
	assert_permit(&o, 1);
	pdp_free(pdp);
	server_stop(s);
	n_servers--;
}

#define MANY 300

struct member {
	struct crowd *crowd;
	enum zt_answer_kind expected;
};

struct crowd {
	struct member members[MANY];
	unsigned calls, wrong;
};

static void
on_member(void *arg, struct zt_answer *answer)
{
	struct member *member = arg;

	member->crowd->calls++;
	if (answer->kind != member->expected)
		member->crowd->wrong++;
}

static void
many_at_once_get_each_their_own_answer(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	struct pdp *pdp = client(&conf);
	struct crowd crowd = { .calls = 0 };

	(void)state;
	conf.pdp.timeout_ms = 10000;
	for (size_t i = 0; i < MANY; i++) {
		char id[37];

		(void)snprintf(id, sizeof(id), "6f1c1b9e-0f0c-4d7a-9b1e-%012zu",
		    i);
		crowd.members[i].crowd = &crowd;
		crowd.members[i].expected =
		    i % 3 == 0 ? ZT_ANSWER_DENY : ZT_ANSWER_PERMIT;
		assert_int_equal(pdp_ask(pdp, id,
				     body_of(i % 3 == 0 ? "bob" : "alice"),
				     on_member, &crowd.members[i]),
		    ZT_OK);
	}
	assert_int_equal(pdp_pending(pdp), MANY);
	run_until(&crowd.calls, MANY);
	assert_int_equal(crowd.wrong, 0);
	pdp_free(pdp);
}

static void
stopping_ends_what_is_in_flight_and_says_so(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	struct pdp *pdp = client(&conf);
	struct outcome o[3] = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pdp_ask(pdp, ID, body_of("hang"), on_done,
				     &o[i]),
		    ZT_OK);
	assert_true(sd_event_run(event, 100000) >= 0);
	pdp_free(pdp);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(o[i].calls, 1);
		assert_none(&o[i], ZT_REASON_STOPPING);
	}
	pdp_free(NULL);
}

struct last {
	struct pdp *pdp;
	unsigned calls;
};

static void
on_last(void *arg, struct zt_answer *answer)
{
	struct last *last = arg;

	(void)answer;
	assert_int_equal(pdp_pending(last->pdp), 0);
	pdp_free(last->pdp);
	last->calls++;
}

static void
a_client_may_be_freed_by_its_last_answer(void **state)
{
	static const char *const subjects[] = { "alice", "hang" };
	struct conf conf = conf_of(1, main_server->url);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct last last = { .pdp = client(&conf) };

		assert_int_equal(pdp_ask(last.pdp, ID, body_of(subjects[i]),
				     on_last, &last),
		    ZT_OK);
		run_until(&last.calls, 1);
	}
}

static void
on_first(void *arg, struct zt_answer *answer)
{
	struct last *last = arg;

	assert_int_equal(answer->kind, ZT_ANSWER_PERMIT);
	if (++last->calls == 1)
		assert_int_equal(pdp_ask(last->pdp, ID, body_of("alice"),
				     on_first, last),
		    ZT_OK);
}

static void
an_answer_may_lead_to_the_next_question(void **state)
{
	struct conf conf = conf_of(1, main_server->url);
	struct last last = { .pdp = client(&conf) };

	(void)state;
	assert_int_equal(pdp_ask(last.pdp, ID, body_of("alice"), on_first,
			     &last),
	    ZT_OK);
	run_until(&last.calls, 2);
	pdp_free(last.pdp);
}

static void
status_tells_how_each_endpoint_fares(void **state)
{
	int fd;
	struct conf conf = conf_of(2, main_server->url, deaf_url(false, &fd));
	struct pdp *pdp = client(&conf);
	json_auto_t *status = NULL;
	json_t *first, *second;

	(void)state;
	(void)ask(pdp, "alice");
	(void)ask(pdp, "bob");
	(void)ask(pdp, "503"); /* and then the second one, too */
	status = pdp_status(pdp);
	first = json_array_get(status, 0);
	second = json_array_get(status, 1);
	assert_int_equal(json_array_size(status), 2);
	assert_string_equal(json_string_value(json_object_get(first, "url")),
	    main_server->url);
	assert_true(json_is_false(json_object_get(first, "healthy")));
	assert_int_equal(json_integer_value(json_object_get(first, "requests")),
	    3);
	assert_int_equal(json_integer_value(json_object_get(first, "permits")),
	    1);
	assert_int_equal(json_integer_value(json_object_get(first, "denies")),
	    1);
	assert_int_equal(json_integer_value(json_object_get(first, "failures")),
	    1);
	assert_string_equal(json_string_value(json_object_get(first,
				"last_error")),
	    "error.pdp_busy");
	assert_int_equal(json_string_length(json_object_get(first, "last_ok")),
	    24);
	assert_string_equal(json_string_value(json_object_get(second,
				"last_error")),
	    "error.pdp_unreachable");
	assert_true(json_is_null(json_object_get(second, "last_ok")));
	pdp_free(pdp);
	(void)close(fd);
}

static void
no_endpoint_at_all_is_refused(void **state)
{
	struct conf conf = conf_of(0);
	struct pdp *pdp = NULL;

	(void)state;
	assert_int_equal(pdp_new(event, &conf, &pdp), ZT_ERR_INVAL);
	assert_null(pdp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_permit_and_a_deny_come_with_their_texts),
		cmocka_unit_test(
		    an_answer_that_is_no_decision_is_a_protocol_error),
		cmocka_unit_test(each_status_has_its_reason),
		cmocka_unit_test(a_redirect_is_not_followed),
		cmocka_unit_test(
		    an_endpoint_that_hangs_or_drips_is_left_at_the_deadline),
		cmocka_unit_test(a_connection_that_ends_early_is_no_answer),
		cmocka_unit_test(a_refused_connection_is_unreachable),
		cmocka_unit_test(a_name_that_does_not_resolve_is_unreachable),
		cmocka_unit_test(
		    a_wrong_name_in_the_certificate_is_a_tls_error),
		cmocka_unit_test(an_expired_certificate_is_a_tls_error),
		cmocka_unit_test(an_unknown_authority_is_a_tls_error),
		cmocka_unit_test(plain_http_behind_an_https_url_is_a_tls_error),
		cmocka_unit_test(
		    a_pinned_authority_that_cannot_be_read_is_a_tls_error),
		cmocka_unit_test(a_proxy_in_the_environment_is_ignored),
		cmocka_unit_test(a_unix_socket_is_spoken_to_in_plain_http),
		cmocka_unit_test(
		    a_client_certificate_is_shown_where_one_is_configured),
		cmocka_unit_test(
		    a_renewed_token_is_used_and_a_stale_one_is_read_again),
		cmocka_unit_test(
		    a_bad_token_file_ends_the_question_without_a_request),
		cmocka_unit_test(
		    an_unavailable_endpoint_is_followed_by_the_next),
		cmocka_unit_test(
		    a_decision_or_a_wrong_answer_is_not_asked_elsewhere),
		cmocka_unit_test(no_more_than_two_endpoints_are_asked),
		cmocka_unit_test(
		    a_hanging_endpoint_leaves_half_of_the_time_and_is_then_avoided),
		cmocka_unit_test(two_hanging_endpoints_share_one_deadline),
		cmocka_unit_test(a_kept_connection_that_died_is_replaced),
		cmocka_unit_test(many_at_once_get_each_their_own_answer),
		cmocka_unit_test(stopping_ends_what_is_in_flight_and_says_so),
		cmocka_unit_test(a_client_may_be_freed_by_its_last_answer),
		cmocka_unit_test(an_answer_may_lead_to_the_next_question),
		cmocka_unit_test(status_tells_how_each_endpoint_fares),
		cmocka_unit_test(no_endpoint_at_all_is_refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
