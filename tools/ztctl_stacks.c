/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the PAM stacks: is pam_zt.so asked, and does its answer count? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ztctl_finding.h"
#include "ztctl_pam.h"
#include "ztctl_print.h"

#define PATH_LEN    4096
#define VENDOR_PAMD "/usr/lib/pam.d"
#define OTHER       "other" /* what libpam takes for a service without a file */

/* Whose stacks are looked at, and where they are read from. */
struct source {
	json_t *list; /* of findings */
	const char *const *dirs;
	const char *service;
	int64_t pdp_ms; /* how long the broker waits; 0 if not known */
};

/* One phase of the service, or of what libpam takes in its place. */
static enum zt_err
read_stack(const struct source *source, const char *type, struct pam_stack *out)
{
	enum zt_err err;

	err = pam_stack_read(source->dirs, source->service, type, out);
	if (err == ZT_ERR_NOTFOUND && out->n == 0)
		err = pam_stack_read(source->dirs, OTHER, type, out);
	if (err != ZT_OK)
		finding_add(source->list, FINDING_WARN, "pam",
		    "correct the files in pam.d",
		    "%s: the %s stack cannot be read: %s", source->service,
		    type, zt_strerror(err));
	return err;
}

/* Does a refusal by pam_zt.so count?  Says so if not. */
static bool
check_control(const struct source *source, const struct pam_entry *entry)
{
	if (!entry->enforces)
		finding_add(source->list, FINDING_FAIL, "pam",
		    "write it as required",
		    "%s: \"%s\" (%s) does not enforce: a denial is ignored",
		    source->service, entry->text, entry->where);
	return entry->enforces;
}

/* Whether the lines around pam_zt.so leave it its say. */
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
		    "write its type without '-'",
		    "%s: pam_zt.so (%s) is skipped without a word if its file "
		    "is missing",
		    source->service, entry->where);
}

/*
 * What sshd says about the authentication is in a variable of the PAM
 * environment, which pam_env fills too.
 */
static void
check_env(const struct source *source, const struct pam_stack *stack, size_t zt)
{
	for (size_t i = 0; i < zt; i++)
		if (stack->entries[i].is_env)
			finding_add(source->list, FINDING_FAIL, "pam",
			    "put pam_zt.so before that line",
			    "%s: \"%s\" (%s) runs before pam_zt.so: "
			    "~/.pam_environment could forge what sshd says of "
			    "the key that was used",
			    source->service, stack->entries[i].text,
			    stack->entries[i].where);
}

/* The account phase knows which certificate was offered, not which was used. */
static void
check_session(const struct source *source)
{
	static struct pam_stack stack;
	bool known = read_stack(source, "session", &stack) == ZT_OK;
	size_t zt = pam_stack_zt(&stack);

	if (known && zt == stack.n) {
		finding_add(source->list, FINDING_FAIL, "pam",
		    "add \"session required pam_zt.so\" after pam_loginuid.so "
		    "and before pam_env.so",
		    "%s: pam_zt.so is not in the session phase, which proves "
		    "that the certificate decided on was used: with any key "
		    "of the account, showing another's certificate is enough",
		    source->service);
	} else if (known) {
		(void)check_control(source, &stack.entries[zt]);
		check_placement(source, &stack, zt);
		check_env(source, &stack, zt);
	}
	pam_stack_clear(&stack);
}

/* The module must outwait the broker: else a slow endpoint seems a dead one. */
static void
check_timeout(const struct source *source, const struct pam_entry *entry)
{
	if (source->pdp_ms > 0 && entry->timeout_ms <= source->pdp_ms)
		finding_add(source->list, FINDING_WARN, "pam",
		    "give that line a timeout_ms greater than pdp.timeout_ms",
		    "%s: pam_zt.so (%s) waits %u ms, but the broker waits "
		    "%" PRId64 " ms for its endpoint",
		    source->service, entry->where, entry->timeout_ms,
		    source->pdp_ms);
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
	if (check_control(source, &stack->entries[zt])) {
		finding_add(source->list, FINDING_OK, "pam", NULL,
		    "%s: zt is enabled (%s)", source->service,
		    stack->entries[zt].where);
		check_timeout(source, &stack->entries[zt]);
	}
	check_placement(source, stack, zt);
	if (is_sshd)
		check_session(source);
}

static void
check_service(const struct source *source)
{
	static struct pam_stack stack; /* too big for the stack */

	if (read_stack(source, "account", &stack) == ZT_OK)
		check_stack(source, &stack);
	pam_stack_clear(&stack);
}

void
check_pam(json_t *list, const char *etc, const json_t *status)
{
	/* what is enforced unless configured otherwise: ztd.conf(5) */
	static const char *const defaults[] = { "sshd", "sudo", "sudo-i", "su",
		"su-l", "login" };
	const json_t *services = json_at(status, "services");
	char own[PATH_LEN];
	const char *const dirs[] = { own, VENDOR_PAMD, NULL };
	struct source source = { .list = list,
		.dirs = dirs,
		.pdp_ms = json_num(status, "pdp_timeout_ms") };
	const json_t *service;
	size_t i;

	(void)snprintf(own, sizeof(own), "%s/pam.d", etc);
	if (!json_is_array(services))
		for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
			source.service = defaults[i];
			check_service(&source);
		}
	json_array_foreach(services, i, service)
	{
		source.service = json_string_value(service);
		/* as libpam: a name, never a path */
		if (source.service != NULL &&
		    strchr(source.service, '/') == NULL)
			check_service(&source);
	}
}
