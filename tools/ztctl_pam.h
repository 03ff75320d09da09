/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_PAM_H
#define ZTCTL_PAM_H

#include <stdbool.h>
#include <stddef.h>

#include "zt/err.h"

/* Limits of what is read; a stack beyond them is reported, not guessed at. */
#define PAM_LINES_MAX 512 /* modules in a stack, count */
#define PAM_DEPTH_MAX 16  /* files within files, count */

/* How long pam_zt.so waits if its line does not say: pam_zt(8). */
#define PAM_ZT_TIMEOUT_MS 5000

/* One module of a stack, or the line that opens a substack. */
struct pam_entry {
	int level;     /* depth of substacks */
	bool is_zt;    /* it is pam_zt.so */
	bool is_env;   /* it is pam_env.so */
	bool optional; /* a leading '-': skipped without a word if missing */
	bool enforces; /* a failure of it makes the stack fail */
	bool ends;     /* it can end its (sub)stack with success */
	bool resets;   /* it can make the stack forget failures */
	unsigned jump; /* modules that it can jump over, at most */
	unsigned timeout_ms; /* of pam_zt.so, for the broker; else 0 */
	char *where;         /* owned; "file:line" */
	char *text;          /* owned; control and module */
};

/* The modules of one phase of a service, in order, files included. */
struct pam_stack {
	struct pam_entry entries[PAM_LINES_MAX];
	size_t n;
};

/*
 * Read a service's stack as libpam does.
 *
 * dirs	     NULL-terminated; the first that has the service's file counts
 * type	     "account", "session" ...
 * out	     cleared first; free with pam_stack_clear(), also on failure
 *
 * Errors: ZT_ERR_NOTFOUND if a file is missing, ZT_ERR_TOOBIG beyond a limit,
 * ZT_ERR_MALFORMED, ZT_ERR_SYS, ZT_ERR_NOMEM.
 * Source: pam.conf(5).
 */
ZT_MUST_USE enum zt_err pam_stack_read(const char *const dirs[],
    const char *service, const char *type, struct pam_stack *out);
void pam_stack_clear(struct pam_stack *stack);

/* The index of the first pam_zt.so, or stack->n. */
size_t pam_stack_zt(const struct pam_stack *stack);

/* Can the entry at i keep the one at zt, further down, from being asked? */
bool pam_stack_skips(const struct pam_stack *stack, size_t i, size_t zt);

#endif /* ZTCTL_PAM_H */
