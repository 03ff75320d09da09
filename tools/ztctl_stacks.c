/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the PAM stacks: is pam_zt.so asked, and does its answer count? */
#include <stdio.h>
#include <string.h>

#include "ztctl_finding.h"
#include "ztctl_pam.h"

#define PATH_LEN    4096
#define VENDOR_PAMD "/usr/lib/pam.d"
#define OTHER       "other" /* what libpam takes for a service without a file */

/* Where a service's stack is read from. */
struct source {
	json_t *list; /* of findings */
	const char *const *dirs;
	const char *service;
};

/* Put in place of the default; a stack that has zt in it passes or not. */
static void
check_placement(const struct source *source, const struct pam_stack *stack,
    size_t zt)
{
	const struct pam_entry *entry = &stack->entries[zt];

	for (size_t i = 0; i < zt; i++)
		if (pam_stack_skips(stack, i, zt))
			finding_add(source->list, FINDING_WARN, "pam",
			    "put pam_zt.so before that line",
			    "%s: \"%s\" (%s) can keep pam_zt.so from being "
			    "asked",
			    source->service, stack->entries[i].text,
			    stack->entries[i].where);
	for (size_t i = zt + 1; i < stack->n; i++)
		if (stack->entries[i].resets)
			finding_add(source->list, FINDING_WARN, "pam",
			    "write pam_zt.so as requisite",
			    "%s: \"%s\" (%s) can undo the answer of pam_zt.so",
			    source->service, stack->entries[i].text,
			    stack->entries[i].where);
	if (entry->optional)
		finding_add(source->list, FINDING_WARN, "pam",
		    "write \"account\" without '-'",
		    "%s: pam_zt.so (%s) is skipped without a word if its file "
		    "is missing",
		    source->service, entry->where);
}

/* sudo finds the login it belongs to only if sshd's session was registered. */
static void
check_session(const struct source *source)
{
	static struct pam_stack stack;
	enum zt_err err;

	err = pam_stack_read(source->dirs, source->service, "session", &stack);
	if (err == ZT_OK && pam_stack_zt(&stack) == stack.n)
		finding_add(source->list, FINDING_WARN, "pam",
		    "add \"session required pam_zt.so\" after pam_loginuid.so",
		    "%s: pam_zt.so is not in the session phase: sudo cannot "
		    "find the login it belongs to",
		    source->service);
	pam_stack_clear(&stack);
}

static void
check_stack(const struct source *source, const struct pam_stack *stack)
{
	bool is_sshd = strcmp(source->service, "sshd") == 0;
	size_t zt = pam_stack_zt(stack);

	if (zt == stack->n) {
		finding_add(source->list, is_sshd ? FINDING_FAIL : FINDING_WARN,
		    "pam",
		    "add \"account required pam_zt.so\" as its first account "
		    "line to decide it",
		    "%s: zt is not enabled", source->service);
		return;
	}
	if (!stack->entries[zt].enforces)
		finding_add(source->list, FINDING_FAIL, "pam",
		    "write it as required",
		    "%s: \"%s\" (%s) does not enforce: a denial is ignored",
		    source->service, stack->entries[zt].text,
		    stack->entries[zt].where);
	else
		finding_add(source->list, FINDING_OK, "pam", NULL,
		    "%s: zt is enabled (%s)", source->service,
		    stack->entries[zt].where);
	check_placement(source, stack, zt);
	if (is_sshd)
		check_session(source);
}

static void
check_service(const struct source *source)
{
	static struct pam_stack stack; /* too big for the stack */
	enum zt_err err;

	err = pam_stack_read(source->dirs, source->service, "account", &stack);
	if (err == ZT_ERR_NOTFOUND && stack.n == 0)
		err = pam_stack_read(source->dirs, OTHER, "account", &stack);
	if (err != ZT_OK)
		finding_add(source->list, FINDING_WARN, "pam",
		    "correct the files in pam.d", "%s: cannot be read: %s",
		    source->service, zt_strerror(err));
	else
		check_stack(source, &stack);
	pam_stack_clear(&stack);
}

void
check_pam(json_t *list, const char *etc)
{
	static const char *const services[] = { "sshd", "sudo", "sudo-i", "su",
		"su-l", "login" };
	char own[PATH_LEN];
	const char *const dirs[] = { own, VENDOR_PAMD, NULL };

	(void)snprintf(own, sizeof(own), "%s/pam.d", etc);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		check_service(&(struct source){ list, dirs, services[i] });
}
