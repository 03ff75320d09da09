/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call PAM as a service would: for services that the tests do not run.
 *
 *   zt-pam SERVICE USER PHASE...
 *
 * PHASE  auth, account, open, close, cred (establish)
 *
 * Prints "PHASE: <number> <text>" for each, and what modules say to the user
 * as "says: <text>".  Prompts are not answered.  Ends at the first phase that
 * fails, with status 1; 2 for wrong usage.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"

struct phase {
	const char *name;
	int (*call)(pam_handle_t *pamh, int flags);
	int flags;
};

static const struct phase phases[] = {
	{ "auth", pam_authenticate, 0 },
	{ "account", pam_acct_mgmt, 0 },
	{ "cred", pam_setcred, PAM_ESTABLISH_CRED },
	{ "open", pam_open_session, 0 },
	{ "close", pam_close_session, 0 },
};

#define N_PHASES (sizeof(phases) / sizeof(phases[0]))

static int
converse(int n, const struct pam_message **msg, struct pam_response **resp,
    void *arg)
{
	zt_auto_free struct pam_response *r = NULL;

	(void)arg;
	for (int i = 0; i < n; i++) {
		if (msg[i]->msg_style != PAM_TEXT_INFO &&
		    msg[i]->msg_style != PAM_ERROR_MSG)
			return PAM_CONV_ERR;
		(void)printf("says: %s\n", msg[i]->msg);
	}
	if ((r = calloc((size_t)n, sizeof(*r))) == NULL)
		return PAM_BUF_ERR;
	*resp = zt_take(r);
	return PAM_SUCCESS;
}

static const struct phase *
phase_find(const char *name)
{
	for (size_t i = 0; i < N_PHASES; i++)
		if (strcmp(phases[i].name, name) == 0)
			return &phases[i];
	return NULL;
}

static int
run(pam_handle_t *pamh, char **names)
{
	int rc = PAM_SUCCESS;

	for (; *names != NULL && rc == PAM_SUCCESS; names++) {
		const struct phase *phase = phase_find(*names);

		rc = phase->call(pamh, phase->flags);
		(void)printf("%s: %d %s\n", *names, rc, pam_strerror(pamh, rc));
	}
	return rc;
}

int
main(int argc, char **argv)
{
	const struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;
	int rc;

	for (int i = 3; i < argc; i++)
		if (phase_find(argv[i]) == NULL)
			argc = 0;
	if (argc < 4) {
		(void)fprintf(stderr, "usage: zt-pam SERVICE USER PHASE...\n");
		return 2;
	}
	if (pam_start(argv[1], argv[2], &conv, &pamh) != PAM_SUCCESS)
		return 2;
	rc = run(pamh, argv + 3);
	(void)pam_end(pamh, rc);
	return rc == PAM_SUCCESS ? 0 : 1;
}
