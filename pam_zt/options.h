/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAM_ZT_OPTIONS_H
#define PAM_ZT_OPTIONS_H

#include <stdbool.h>

#include "zt/err.h"

#define ZT_TIMEOUT_MIN_MS     100
#define ZT_TIMEOUT_MAX_MS     60000
#define ZT_TIMEOUT_DEFAULT_MS 5000

/* The module's arguments; text is borrowed from argv. */
struct zt_options {
	const char *broker;  /* absolute path of the broker's socket */
	const char *service; /* in place of PAM_SERVICE; NULL: PAM_SERVICE */
	unsigned timeout_ms; /* for one question to the broker */
	bool quiet;          /* say nothing to the user */
};

/*
 * Understand the arguments of a line in a PAM stack.
 *
 * bad_out  the argument that is to blame, borrowed from argv
 *
 * Returns ZT_OK and *out; or ZT_ERR_INVAL and *bad_out for an argument that
 * is unknown or whose value is outside its range.  Of an argument given
 * twice the last counts.
 * Blocking: never.  Thread-safe: yes.  Source: pam_zt(8).
 */
ZT_MUST_USE enum zt_err zt_options_parse(int argc, const char **argv,
    struct zt_options *out, const char **bad_out);

#endif /* PAM_ZT_OPTIONS_H */
