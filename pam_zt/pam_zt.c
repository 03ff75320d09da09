/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <string.h>
#include <syslog.h>

#include "decision.h"
#include "fallback.h"
#include "options.h"
#include "zt/auto.h"

/*
 * The entry points.  Each gathers what PAM knows, asks the broker, and turns
 * its word into a PAM code; what goes wrong on the way is never a permit.
 * Only this file logs, speaks to the user and knows PAM codes.
 */

#define ZT_EXPORT __attribute__((__visibility__("default")))

#define ROOT_TELL_MS 300 /* root's own sudo waits no longer for the record */
#define DATA_NAME    "pam_zt.decided"

/* One call of an entry point. */
struct call {
	pam_handle_t *pamh;
	enum zt_phase phase;
	int flags;
	struct zt_options options;
	struct zt_pam_request request; /* text borrowed from pamh */
};

/* What the account phase decided on; kept in the handle until pam_end(3). */
struct decided {
	char user[ZT_USER_MAX + 1];
	char id[ZT_ID_MAX + 1];
	bool ignored; /* zt had no say */
};

static struct zt_str
item_get(const pam_handle_t *pamh, int type)
{
	const void *item = NULL;

	if (pam_get_item(pamh, type, &item) != PAM_SUCCESS)
		item = NULL;
	return zt_str(item);
}

static bool
service_is_sudo(struct zt_str service)
{
	return zt_str_is(service, "sudo") || zt_str_is(service, "sudo-i");
}

/* Services that root itself uses, as scripts and package hooks do. */
static bool
service_is_roots(struct zt_str service)
{
	return service_is_sudo(service) || zt_str_is(service, "su") ||
	    zt_str_is(service, "su-l");
}

/*
 * A daemon that runs as root for everybody: under the name of sudo or su
 * every login would pass for root's own.
 */
static bool
rename_is_unsafe(struct zt_str from, struct zt_str to)
{
	return service_is_roots(to) && !service_is_roots(from);
}

static enum zt_err
options_get(struct call *call, int argc, const char **argv)
{
	struct zt_str service = item_get(call->pamh, PAM_SERVICE);
	char arg[ZT_REASON_MAX + 1];
	const char *bad = "";

	if (zt_options_parse(argc, argv, &call->options, &bad) != ZT_OK) {
		(void)zt_escape(arg, sizeof(arg), zt_str(bad));
		pam_syslog(call->pamh, LOG_ERR,
		    "unknown or malformed option: %s", arg);
		return ZT_ERR_INVAL;
	}
	if (call->options.service != NULL &&
	    rename_is_unsafe(service, zt_str(call->options.service))) {
		pam_syslog(call->pamh, LOG_ERR,
		    "only sudo and su can have service= of sudo or su");
		return ZT_ERR_INVAL;
	}
	return ZT_OK;
}

/* The items are read anew in every phase: other modules may change them. */
static void
request_fill(struct call *call)
{
	pam_handle_t *pamh = call->pamh;
	struct zt_pam_request *request = &call->request;

	request->phase = call->phase;
	request->service = call->options.service != NULL
	    ? zt_str(call->options.service)
	    : item_get(pamh, PAM_SERVICE);
	request->user = item_get(pamh, PAM_USER);
	request->tty = item_get(pamh, PAM_TTY);
	request->rhost = item_get(pamh, PAM_RHOST);
	/* of the PAM environment, which sshd fills; never the process's own */
	request->connection = zt_str(pam_getenv(pamh, "SSH_CONNECTION"));
	request->auth_info = zt_str(pam_getenv(pamh, "SSH_AUTH_INFO_0"));
}

static void
decided_free(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	free(data);
}

static const struct decided *
decided_get(const struct call *call)
{
	const void *data = NULL;

	if (pam_get_data(call->pamh, DATA_NAME, &data) != PAM_SUCCESS)
		return NULL;
	return data;
}

/* A new account phase begins: what an older one decided is void. */
static void
decided_forget(const struct call *call)
{
	(void)pam_set_data(call->pamh, DATA_NAME, NULL, NULL);
}

static enum zt_err
decided_keep(const struct call *call, const struct zt_decision *decision)
{
	zt_auto_free struct decided *decided = calloc(1, sizeof(*decided));
	enum zt_err err;

	if (decided == NULL)
		return ZT_ERR_NOMEM;
	if ((err = zt_str_copy(decided->user, sizeof(decided->user),
		 call->request.user)) != ZT_OK)
		return err;
	memcpy(decided->id, decision->id, sizeof(decided->id));
	decided->ignored = decision->verdict == ZT_VERDICT_IGNORE;
	if (pam_set_data(call->pamh, DATA_NAME, decided, decided_free) !=
	    PAM_SUCCESS)
		return ZT_ERR_NOMEM;
	(void)zt_take(decided);
	return ZT_OK;
}

/*
 * Is a session opened for somebody else than was decided on?  sudo names the
 * invoking user in the account phase and the target user in the session, by
 * itself, so there it says nothing.
 */
static bool
user_has_changed(const struct call *call, const struct decided *decided)
{
	return call->phase == ZT_PHASE_SESSION_OPEN && decided != NULL &&
	    !service_is_sudo(call->request.service) &&
	    !zt_str_is(call->request.user, decided->user);
}

/* Is this the session of a sudo whose account phase went before? */
static bool
is_sudo_session(const struct call *call, const struct decided *decided)
{
	return decided != NULL && service_is_sudo(call->request.service) &&
	    (call->phase == ZT_PHASE_SESSION_OPEN ||
		call->phase == ZT_PHASE_SESSION_CLOSE);
}

/*
 * Whom the scope is about: with sudo and su the one who invokes them.  That
 * is never PAM_USER, which is the target user with su, in sudo's session and
 * under its "targetpw", but PAM_RUSER: sudo(8) and su(1) set it from their
 * real uid.  Where it is missing nobody is exempt.
 */
static struct zt_str
scope_user(const struct call *call)
{
	return service_is_roots(call->request.service)
	    ? item_get(call->pamh, PAM_RUSER)
	    : call->request.user;
}

/* Root's own sudo or su: recorded if the broker can, never waited for. */
static void
root_tell(const struct call *call, struct zt_decision *out)
{
	struct zt_decision ignored;
	unsigned ms = call->options.timeout_ms;

	/* once per run is enough for the record */
	if (call->phase == ZT_PHASE_ACCOUNT &&
	    zt_decision_ask(&call->request, call->options.broker,
		ms < ROOT_TELL_MS ? ms : ROOT_TELL_MS, &ignored) != ZT_OK)
		pam_syslog(call->pamh, LOG_INFO,
		    "the broker could not record an invocation by root");
	zt_decision_make(out, ZT_VERDICT_IGNORE, "scope.root", "");
}

static void
broker_ask(const struct call *call, struct zt_decision *out)
{
	enum zt_err err;

	err = zt_decision_ask(&call->request, call->options.broker,
	    call->options.timeout_ms, out);
	if (err != ZT_OK &&
	    zt_fallback_ignores(call->request.service, scope_user(call)))
		zt_decision_make(out, ZT_VERDICT_IGNORE, "scope.fallback", "");
	else if (err != ZT_OK)
		zt_decision_make_trouble(out, err);
	else if (call->phase == ZT_PHASE_AUTH &&
	    out->verdict == ZT_VERDICT_PERMIT)
		zt_decision_make(out, ZT_VERDICT_DENY, "error.broker_reply",
		    "the zt broker cannot vouch for who this is");
}

/* Decide what needs no broker.  Returns false where it must be asked. */
static bool
decide_alone(const struct call *call, const struct decided *decided,
    struct zt_decision *out)
{
	if (call->request.service.len == 0 || call->request.user.len == 0) {
		zt_decision_make(out, ZT_VERDICT_DENY, "error.request",
		    "no user or service is named");
		return true;
	}
	if (getuid() == 0 && service_is_roots(call->request.service)) {
		root_tell(call, out);
		return true;
	}
	if (user_has_changed(call, decided)) {
		zt_decision_make(out, ZT_VERDICT_DENY, "session.user_changed",
		    "the user name changed after the decision");
		memcpy(out->id, decided->id, sizeof(out->id));
		return true;
	}
	/* the broker would see the target user and knows of no decision */
	if (is_sudo_session(call, decided) && decided->ignored) {
		zt_decision_make(out, ZT_VERDICT_IGNORE, "scope.account", "");
		return true;
	}
	return false;
}

static void
decide(struct call *call, int argc, const char **argv, struct zt_decision *out)
{
	const struct decided *decided;

	if (call->phase == ZT_PHASE_ACCOUNT)
		decided_forget(call);
	decided = decided_get(call);
	if (options_get(call, argc, argv) != ZT_OK) {
		zt_decision_make(out, ZT_VERDICT_DENY, "error.options",
		    "zt is misconfigured on this host");
		return;
	}
	request_fill(call);
	if (decide_alone(call, decided, out))
		return;
	broker_ask(call, out);
	if (call->phase == ZT_PHASE_ACCOUNT &&
	    (out->verdict == ZT_VERDICT_PERMIT ||
		out->verdict == ZT_VERDICT_IGNORE) &&
	    decided_keep(call, out) != ZT_OK)
		zt_decision_make(out, ZT_VERDICT_UNAVAIL, "error.memory",
		    "this host is out of memory");
}

static const char *
phase_name(enum zt_phase phase)
{
	switch (phase) {
	case ZT_PHASE_AUTH:
		return "auth";
	case ZT_PHASE_ACCOUNT:
		return "account";
	case ZT_PHASE_SESSION_OPEN:
		return "session open";
	case ZT_PHASE_SESSION_CLOSE:
		return "session close";
	}
	return "unknown phase";
}

static const char *
verdict_name(enum zt_verdict verdict, int *priority_out)
{
	switch (verdict) {
	case ZT_VERDICT_PERMIT:
		*priority_out = LOG_INFO;
		return "permitted";
	case ZT_VERDICT_IGNORE:
		*priority_out = LOG_DEBUG;
		return "ignored";
	case ZT_VERDICT_DENY:
		*priority_out = LOG_NOTICE;
		return "denied";
	case ZT_VERDICT_UNAVAIL:
		break;
	}
	*priority_out = LOG_ERR;
	return "not decided";
}

/* A name that is no account's may be a password typed at the wrong prompt. */
static bool
user_is_loggable(const struct zt_decision *decision)
{
	return decision->answered &&
	    (decision->verdict == ZT_VERDICT_PERMIT ||
		decision->verdict == ZT_VERDICT_DENY) &&
	    strcmp(decision->reason, "account.invalid") != 0;
}

/* The user's name stands last: what it contains can imitate no field. */
static void
decision_log(const struct call *call, const struct zt_decision *decision)
{
	char service[ZT_SERVICE_MAX + 1], user[ZT_USER_MAX + 1];
	bool has_user = user_is_loggable(decision);
	int priority;
	const char *verdict = verdict_name(decision->verdict, &priority);

	(void)zt_escape(service, sizeof(service), call->request.service);
	(void)zt_escape(user, sizeof(user), call->request.user);
	pam_syslog(call->pamh, priority,
	    "%s %s: reason=%s decision=%s service=%s%s%s",
	    phase_name(call->phase), verdict, decision->reason,
	    decision->id[0] != '\0' ? decision->id : "none", service,
	    has_user ? " user=" : "", has_user ? user : "");
}

/*
 * sudo asks for silence in its account phase, always, and the one line that
 * says why must be seen all the same.
 */
static bool
may_speak(const struct call *call)
{
	if (call->options.quiet || call->phase == ZT_PHASE_SESSION_CLOSE)
		return false;
	return call->phase == ZT_PHASE_ACCOUNT ||
	    ((unsigned)call->flags & PAM_SILENT) == 0;
}

/* A conversation that fails changes nothing about the decision. */
static void
decision_say(const struct call *call, const struct zt_decision *decision)
{
	bool has_id = decision->id[0] != '\0';

	if (!may_speak(call) || decision->verdict == ZT_VERDICT_IGNORE)
		return;
	if (decision->verdict != ZT_VERDICT_PERMIT)
		(void)pam_error(call->pamh, "zt: access denied: %s%s%s%s",
		    decision->text[0] != '\0' ? decision->text
					      : decision->reason,
		    has_id ? " (decision " : "", decision->id,
		    has_id ? ")" : "");
	else if (decision->text[0] != '\0')
		(void)pam_info(call->pamh, "zt: %s", decision->text);
}

static int
code_denied(enum zt_phase phase)
{
	switch (phase) {
	case ZT_PHASE_AUTH:
		return PAM_AUTH_ERR;
	case ZT_PHASE_SESSION_OPEN:
	case ZT_PHASE_SESSION_CLOSE:
		return PAM_SESSION_ERR;
	case ZT_PHASE_ACCOUNT:
		break;
	}
	return PAM_PERM_DENIED;
}

static int
code_unavailable(enum zt_phase phase)
{
	switch (phase) {
	case ZT_PHASE_SESSION_OPEN:
	case ZT_PHASE_SESSION_CLOSE:
		return PAM_SESSION_ERR;
	case ZT_PHASE_AUTH:
	case ZT_PHASE_ACCOUNT:
		break;
	}
	return PAM_AUTHINFO_UNAVAIL;
}

/* The one place that says PAM_SUCCESS. */
static int
code_of(enum zt_phase phase, enum zt_verdict verdict)
{
	switch (verdict) {
	case ZT_VERDICT_PERMIT:
		if (phase == ZT_PHASE_AUTH)
			break; /* nobody is authenticated here */
		return PAM_SUCCESS;
	case ZT_VERDICT_IGNORE:
		return PAM_IGNORE;
	case ZT_VERDICT_UNAVAIL:
		return code_unavailable(phase);
	case ZT_VERDICT_DENY:
		break;
	}
	return code_denied(phase);
}

static int
answer(pam_handle_t *pamh, enum zt_phase phase, int flags, int argc,
    const char **argv)
{
	struct call call = { .pamh = pamh, .phase = phase, .flags = flags };
	const int saved_errno = errno;
	struct zt_decision decision;

	decide(&call, argc, argv, &decision);
	decision_log(&call, &decision);
	decision_say(&call, &decision);
	errno = saved_errno;
	return code_of(phase, decision.verdict);
}

ZT_EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return answer(pamh, ZT_PHASE_AUTH, flags, argc, argv);
}

ZT_EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return answer(pamh, ZT_PHASE_ACCOUNT, flags, argc, argv);
}

ZT_EXPORT int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return answer(pamh, ZT_PHASE_SESSION_OPEN, flags, argc, argv);
}

ZT_EXPORT int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return answer(pamh, ZT_PHASE_SESSION_CLOSE, flags, argc, argv);
}

/* zt gives out no credentials and has no say on those of other modules. */
ZT_EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

/* zt knows no passwords. */
ZT_EXPORT int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}
