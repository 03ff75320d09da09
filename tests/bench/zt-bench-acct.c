/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time one account decision beside its floors and a peer, interleaved.
 *
 *   zt-bench-acct ROUNDS BATCH URL CA BODY DIR KIND...
 *
 * URL   the decision endpoint; CA its authority (PEM)
 * BODY  a file: the request that the broker sends
 * DIR   of PAM services: "login" has pam_zt.so alone, "none" pam_permit.so;
 *	 lines for the sync kind are written to DIR/sync
 * KIND  echo    a Unix socket, one connection for each message
 *       https   the same request on a connection that is kept
 *       sync    write and fdatasync of a line as long as a record
 *       call    the broker's decision, as pam_zt.so asks for it
 *       module  pam_start, pam_acct_mgmt and pam_end with pam_zt.so
 *       none    the same with pam_permit.so
 *       peer    what a module with libcurl in it does: connect, TLS, request
 *
 * Prints "KIND <median> <90 %>", in microseconds, for each; fails if an
 * answer is not the permit it must be.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample.h"
#include "zt/auto.h"
#include "zt/client.h"
#include "zt/wire.h"

#define USER       "dave" /* whom the endpoint permits */
#define SERVICE    "login"
#define TIMEOUT_MS 10000
#define LINE_LEN   2048
#define BODY_MAX   16384
#define N_KINDS    7

static struct {
	const char *url, *ca, *dir;
	char body[BODY_MAX + 1];
	struct sockaddr_un echo;
	pid_t echo_pid;
	int sync_fd;
	CURL *warm;
	struct curl_slist *headers;
} bench = { .echo = { .sun_family = AF_UNIX }, .sync_fd = -1 };

/* ---- floors ---- */

/* Answer every connection with what it sends, until killed. */
static void
echo_serve(int fd)
{
	char buf[4096];

	for (;;) {
		zt_auto_close int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n = recv(peer, buf, sizeof(buf), 0);

		if (n > 0)
			(void)send(peer, buf, (size_t)n, MSG_NOSIGNAL);
	}
}

static bool
echo_start(void)
{
	zt_auto_close int fd = -1;

	(void)snprintf(bench.echo.sun_path, sizeof(bench.echo.sun_path),
	    "%s/echo", bench.dir);
	(void)unlink(bench.echo.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&bench.echo,
		sizeof(bench.echo)) != 0 ||
	    listen(fd, 16) != 0 || (bench.echo_pid = fork()) < 0)
		return false;
	if (bench.echo_pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		echo_serve(fd);
	}
	return true;
}

static void
echo_stop(void)
{
	if (bench.echo_pid <= 0)
		return;
	(void)kill(bench.echo_pid, SIGKILL);
	(void)waitpid(bench.echo_pid, NULL, 0);
}

static bool
run_echo(void)
{
	zt_auto_close int fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char buf[64] = "echo";

	return fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&bench.echo,
		sizeof(bench.echo)) == 0 &&
	    send(fd, buf, sizeof(buf), MSG_NOSIGNAL) == sizeof(buf) &&
	    recv(fd, buf, sizeof(buf), 0) == sizeof(buf);
}

static bool
run_sync(void)
{
	static char line[LINE_LEN];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	return write(bench.sync_fd, line, sizeof(line)) == sizeof(line) &&
	    fdatasync(bench.sync_fd) == 0;
}

static size_t
on_answer(char *data, size_t size, size_t n, void *arg)
{
	static const char permit[] = "{\"decision\":true";
	bool *permitted = arg;

	*permitted = size * n >= sizeof(permit) - 1 &&
	    memcmp(data, permit, sizeof(permit) - 1) == 0;
	return size * n;
}

static CURL *
easy_new(void)
{
	CURL *easy = curl_easy_init();

	(void)curl_easy_setopt(easy, CURLOPT_URL, bench.url);
	(void)curl_easy_setopt(easy, CURLOPT_CAINFO, bench.ca);
	(void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, bench.headers);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bench.body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	return easy;
}

static bool
easy_ask(CURL *easy)
{
	bool permitted = false;

	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &permitted);
	return curl_easy_perform(easy) == CURLE_OK && permitted;
}

static bool
run_https(void)
{
	return easy_ask(bench.warm);
}

static bool
run_peer(void)
{
	CURL *easy = easy_new();
	bool permitted = easy_ask(easy);

	curl_easy_cleanup(easy);
	return permitted;
}

/* ---- zt ---- */

static bool
run_call(void)
{
	const struct zt_pam_request request = { .phase = ZT_PHASE_ACCOUNT,
		.service = zt_str(SERVICE),
		.user = zt_str(USER) };
	uint8_t buf[4096];
	struct zt_pam_reply reply;
	size_t len;

	return zt_pam_request_encode(&request, buf, sizeof(buf), &len) ==
	    ZT_OK &&
	    zt_client_call(ZT_SOCKET_PAM, TIMEOUT_MS, buf, len, buf,
		sizeof(buf), &len) == ZT_OK &&
	    zt_pam_reply_decode(buf, len, &reply) == ZT_OK &&
	    reply.verdict == ZT_VERDICT_PERMIT;
}

static int
converse(int n, const struct pam_message **msg, struct pam_response **resp,
    void *arg)
{
	(void)n;
	(void)msg;
	(void)resp;
	(void)arg;
	return PAM_CONV_ERR;
}

static bool
run_pam(const char *service)
{
	static const struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;
	int rc;

	if (pam_start_confdir(service, USER, &conv, bench.dir, &pamh) !=
	    PAM_SUCCESS)
		return false;
	rc = pam_acct_mgmt(pamh, 0);
	(void)pam_end(pamh, rc);
	return rc == PAM_SUCCESS;
}

static bool
run_module(void)
{
	return run_pam(SERVICE);
}

static bool
run_none(void)
{
	return run_pam("none");
}

/* ---- all of them ---- */

static struct kind {
	const char *name;
	bool (*run)(void);
	bool chosen;
	struct sample us;
} kinds[N_KINDS] = {
	{ .name = "echo", .run = run_echo },
	{ .name = "https", .run = run_https },
	{ .name = "sync", .run = run_sync },
	{ .name = "call", .run = run_call },
	{ .name = "module", .run = run_module },
	{ .name = "none", .run = run_none },
	{ .name = "peer", .run = run_peer },
};

static bool
kind_choose(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].chosen = true;
	return false;
}

static bool
kind_run(struct kind *kind, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double from = sample_now_us();

		if (!kind->run()) {
			(void)fprintf(stderr, "bench: %s: wrong answer\n",
			    kind->name);
			return false;
		}
		sample_add(&kind->us, sample_now_us() - from);
	}
	return true;
}

/* One round; the first of all only warms up. */
static bool
round_run(size_t n, bool counts)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (kinds[i].chosen && !kind_run(&kinds[i], n))
			return false;
		if (!counts)
			kinds[i].us.n = 0;
	}
	return true;
}

static bool
prepare(const char *body_file)
{
	zt_auto_close int fd = open(body_file, O_RDONLY | O_CLOEXEC);
	char path[4096];

	if (fd < 0 || read(fd, bench.body, BODY_MAX) <= 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/sync", bench.dir);
	bench.sync_fd =
	    open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (bench.sync_fd < 0 || !echo_start() ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	bench.headers =
	    curl_slist_append(bench.headers, "Content-Type: application/json");
	bench.headers =
	    curl_slist_append(bench.headers, "X-Request-ID: zt-bench");
	bench.headers = curl_slist_append(bench.headers, "Expect:");
	bench.warm = easy_new();
	return bench.warm != NULL;
}

int
main(int argc, char **argv)
{
	size_t rounds, batch;
	bool ok;

	if (argc < 8)
		return 2;
	rounds = sample_count(argv[1], 1000);
	batch = sample_count(argv[2], 1000);
	bench.url = argv[3];
	bench.ca = argv[4];
	bench.dir = argv[6];
	for (int i = 7; i < argc; i++)
		if (!kind_choose(argv[i]))
			return 2;
	if (!prepare(argv[5])) {
		perror("bench: prepare");
		return 1;
	}
	ok = round_run(batch, false);
	for (size_t i = 0; i < rounds && ok; i++)
		ok = round_run(batch, true);
	echo_stop();
	for (size_t i = 0; i < N_KINDS && ok; i++)
		if (kinds[i].chosen)
			(void)printf("%s %.1f %.1f\n", kinds[i].name,
			    sample_quantile(&kinds[i].us, 0.5),
			    sample_quantile(&kinds[i].us, 0.9));
	return ok ? 0 : 1;
}
