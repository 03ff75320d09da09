/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PAM_HARNESS_H
#define TESTS_PAM_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>
#include <security/pam_appl.h>

#include "zt/wire.h"

/*
 * Runs the built pam_zt.so through libpam against a broker that does what a
 * test wants.  Every code of the module reaches the test as it is.
 */

/* From the module's entry points to their numbers. */
enum hook {
	HOOK_AUTH,
	HOOK_ACCOUNT,
	HOOK_OPEN,
	HOOK_CLOSE,
	HOOK_SETCRED,
	HOOK_CHAUTHTOK,
	N_HOOKS,
};

#define N_ASKING (HOOK_CLOSE + 1) /* hooks that ask the broker */

const char *hook_name(enum hook hook);

/* Make a scratch directory, private mounts if possible; remove it again. */
int harness_setup(void **state);
int harness_teardown(void **state);

/* After each test, passed or failed: no broker runs, uids are as before. */
int harness_test_end(void **state);
#define TEST(f) cmocka_unit_test_teardown(f, harness_test_end)

/* Paths below the scratch directory, static. */
const char *harness_dir(void);
const char *harness_module(void); /* absolute path of pam_zt.so */
const char *harness_socket(void);

/* True if /var/lib is an empty file system that only this process sees. */
bool harness_has_private_var(void);

/* Start a handle; options are the module's, behind broker=<the fake>. */
pam_handle_t *
handle_start(const char *service, const char *user, const char *options);
int handle_call(pam_handle_t *pamh, enum hook hook, int flags);
void handle_end(pam_handle_t *pamh);

/* Start, call one hook, end. */
int hook_run(enum hook hook, const char *service, const char *user,
    const char *options, int flags);

/* How the conversation behaves. */
enum converse {
	CONVERSE_LISTENS, /* keeps what it is told */
	CONVERSE_ANSWERS, /* and answers with an allocated text */
	CONVERSE_FAILS,
	CONVERSE_ABSENT,
};

extern enum converse harness_converse;

/* What was said to the user and written to syslog since forget(). */
struct said {
	int style; /* PAM_ERROR_MSG ...; priority of a log line */
	char text[2048];
};

#define SAID_MAX 16
extern struct said said[SAID_MAX], logged[SAID_MAX];
extern int n_said, n_logged;
void forget(void);

/* What the fake broker does with a request. */
enum fake_act {
	FAKE_REPLIES,  /* with the bytes given, after delay_ms */
	FAKE_HANGS_UP, /* without a word */
	FAKE_IS_SILENT,
};

struct fake {
	enum fake_act act;
	uint8_t reply[ZT_WIRE_MAX];
	size_t reply_len;
	int delay_ms;
};

/* Serve every request as *fake says (copied) until fake_stop(). */
void fake_start(const struct fake *fake);
void fake_stop(void);

/* Serve this reply; reason and id are fixed. */
void fake_start_verdict(enum zt_verdict verdict, const char *text);

#define FAKE_ID     "0f8a1b2c-3d4e-4f60-8172-93a4b5c6d7e8"
#define FAKE_REASON "policy.test"

/* Requests seen since fake_start(), and the last one, decoded. */
int fake_n_requests(void);
const struct zt_pam_request *fake_request(void);

/* As fake_start_verdict(PERMIT), in a process of this uid; end it again. */
void fake_fork_as(uid_t uid);
void fake_reap(void);

/* Encode a reply into fake. */
void fake_set_reply(struct fake *fake, enum zt_verdict verdict, const char *id,
    const char *reason, const char *text);

/* Run as setuid programs do: real uid of a stranger, effective uid kept. */
void real_uid_lower(void);
void real_uid_restore(void);

#endif /* TESTS_PAM_HARNESS_H */
