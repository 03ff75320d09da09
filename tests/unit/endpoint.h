/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENDPOINT_H
#define TEST_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "../../ztd/pdp.h"

/*
 * Real decision endpoints (zt-pdp as a child, with certificates made for the
 * run) and a client that asks them.  All fail the running test if they cannot.
 */

#define ID         "6f1c1b9e-0f0c-4d7a-9b1e-2a7f0f6f2f10"
#define PATH       "/access/v1/evaluation"
#define TIMEOUT_MS 1200
#define SLACK_MS   600 /* a busy machine, sanitizers */

struct endpoint {
	pid_t pid; /* 0: none */
	unsigned port;
	char url[128];
};

/* What became of a question. */
struct outcome {
	unsigned calls;          /* of done, must be 1 */
	struct zt_answer answer; /* its texts are gone, but for these: */
	char endpoint[128], notice[64], reason_user[64];
	int elapsed_ms;
};

extern sd_event *asker_event;
extern char endpoint_dir[];
extern struct endpoint *endpoint_main; /* logs requests to main.log */

/*
 * Before and after all tests: certificates in endpoint_dir (server, other: a
 * wrong name, expired, unknown: of a foreign CA, client, stranger), a table,
 * endpoint_main.
 */
int endpoint_begin(void **state);
int endpoint_begin_bare(void **state); /* no table, no endpoint_main */
int endpoint_end(void **state);

/* A path in endpoint_dir; static, good for the next 15 calls. */
char *endpoint_path(const char *name);
void endpoint_file(const char *name, const char *text);
size_t endpoint_lines(const char *name); /* 0 if there is no such file */

/* Run zt-pdp with a certificate and more options, ended by NULL. */
struct endpoint *endpoint_start(const char *cert, ...);
void endpoint_stop(struct endpoint *e);

/* Run zt-web with a certificate: it serves the files in endpoint_dir, with
 * requests logged to web.log; url has no path. */
struct endpoint *endpoint_web(const char *cert);

/* URL of a socket that accepts only in the kernel, or nothing; static. */
char *endpoint_deaf(bool listening, int *fd_out);

/* A configuration with n URLs; one at a time. */
struct conf endpoint_conf(size_t n, ...);

struct pdp *asker_new(const struct conf *conf);

/* A request body; the table answers subject X with "X"; static. */
const char *asker_body(const char *subject);

/* Run the loop until *calls is n. */
void asker_run(const unsigned *calls, unsigned n);

/* Ask one question and wait, within the deadline. */
struct outcome ask(struct pdp *pdp, const char *subject);
struct outcome ask_once(const struct conf *conf, const char *subject);
pdp_done asker_done; /* fills a struct outcome */

void assert_none(const struct outcome *o, enum zt_reason reason);
void assert_permit(const struct outcome *o, int attempts);

#endif /* TEST_ENDPOINT_H */
