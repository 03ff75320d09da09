/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl explain: one record of the decision log in words. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/reason.h"
#include "zt/wire.h"
#include "ztctl.h"
#include "ztctl_log.h"
#include "ztctl_print.h"

#define ID_MIN      8 /* of a prefix, characters */
#define CLASS_LOGIN 3002
#define LIST_MAX    512 /* principals in a line, bytes */

struct search {
	char id[ZT_ID_MAX + 1]; /* lower case; whole, or a prefix */
	size_t len;
	json_t *found; /* owned; the record */
	bool many;     /* the prefix fits different ids */
};

static bool
search_init(struct search *search, const char *id)
{
	size_t len = strlen(id);

	*search = (struct search){ .len = len };
	if (len < ID_MIN || len > ZT_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isxdigit((unsigned char)id[i]) && id[i] != '-')
			return false;
		search->id[i] = (char)tolower((unsigned char)id[i]);
	}
	return true;
}

/* Keep the record; false once the search is over. */
static bool
search_keep(struct search *search, json_t *record, const char *uid)
{
	if (search->found == NULL) {
		search->found = json_incref(record);
	} else if (strcmp(uid, json_str(search->found, "metadata.uid")) != 0) {
		if (!search->many)
			print_failure("%s could be %s", search->id,
			    json_str(search->found, "metadata.uid"));
		print_failure("%s could be %s", search->id, uid);
		search->many = true;
	}
	return search->len < ZT_ID_MAX; /* a whole id is unique */
}

static bool
search_line(void *arg, const char *line, size_t len)
{
	struct search *search = arg;
	bool go_on = true;
	const char *uid;
	json_t *record;

	/* almost every line ends here, without being parsed */
	if (memmem(line, len, search->id, search->len) == NULL)
		return true;
	record = json_loadb(line, len, 0, NULL);
	uid = json_str(record, "metadata.uid");
	if (uid != NULL && strncmp(uid, search->id, search->len) == 0)
		go_on = search_keep(search, record, uid);
	json_decref(record);
	return go_on;
}

static const char *
or_unknown(const char *s)
{
	return s == NULL ? "(unknown)" : s;
}

static const char *
action_words(const json_t *r)
{
	const char *action = json_str(r, "unmapped.action");

	if (action == NULL)
		return "attempt";
	if (strcmp(action, "ssh_login") == 0)
		return "SSH login";
	if (strcmp(action, "login") == 0)
		return "login";
	return action; /* sudo, su */
}

static const char *
stage_words(const json_t *r)
{
	static const char *const words[][2] = {
		{ "credential", "certificate offered for " },
		{ "auth", "authentication for " },
		{ "open", "session opened by " },
		{ "close", "session closed of " },
	};
	const char *stage = json_str(r, "unmapped.stage");

	for (size_t i = 0; stage != NULL && i < 4; i++)
		if (strcmp(stage, words[i][0]) == 0)
			return words[i][1];
	return "";
}

static void
explain_attempt(const json_t *r)
{
	const char *account = json_str(r, "user.name");
	const char *subject = json_str(r, "actor.user.name");

	print_field("what", "%s%s to account %s on %s (PAM service %s)",
	    stage_words(r), action_words(r), or_unknown(account),
	    or_unknown(json_str(r, "device.hostname")),
	    or_unknown(json_str(r, "service.name")));
	print_field("who", "%s%s", or_unknown(subject),
	    json_at(r, "certificate") == NULL ? ", without a certificate" : "");
	if (json_is_false(json_at(r, "unmapped.account_known")))
		print_field("", "the account does not exist on this host");
	if (json_at(r, "src_endpoint") != NULL)
		print_field("from", "%s port %" PRId64 ", to %s port %" PRId64,
		    or_unknown(json_str(r, "src_endpoint.ip")),
		    json_num(r, "src_endpoint.port"),
		    or_unknown(json_str(r, "dst_endpoint.ip")),
		    json_num(r, "dst_endpoint.port"));
}

/* The texts of a list, separated by commas, as far as they fit. */
static void
join(const json_t *list, char out[LIST_MAX])
{
	const json_t *item;
	size_t i, len = 0;

	out[0] = '\0';
	json_array_foreach(list, i, item)
	{
		const char *s = or_unknown(json_string_value(item));

		if (len + strlen(s) + 3 > LIST_MAX)
			return;
		len += (size_t)snprintf(out + len, LIST_MAX - len, "%s%s",
		    i == 0 ? "" : ", ", s);
	}
}

static void
explain_certificate(const json_t *r)
{
	const json_t *c = json_at(r, "certificate");
	const json_t *print = json_array_get(json_at(c, "fingerprints"), 0);
	char principals[LIST_MAX], age[PRINT_AGE_MAX];

	if (c == NULL)
		return;
	join(json_at(r, "unmapped.credential.principals"), principals);
	print_field("certificate", "key id %s, serial %s, principals %s",
	    or_unknown(json_str(c, "subject")),
	    or_unknown(json_str(c, "serial_number")), principals);
	print_field("", "valid %s to %s",
	    or_unknown(json_str(c, "created_time_dt")),
	    or_unknown(json_str(c, "expiration_time_dt")));
	if (json_at(r, "unmapped.credential.age_s") != NULL)
		print_field("", "%s old at that moment",
		    print_age(json_num(r, "unmapped.credential.age_s"), age));
	print_field("", "key %s %s",
	    or_unknown(json_str(r, "unmapped.credential.key_type")),
	    or_unknown(json_str(print, "value")));
	print_field("", "CA  %s", or_unknown(json_str(c, "issuer")));
}

static void
explain_session(const json_t *r)
{
	const char *session = json_str(r, "session.uid");
	const char *audit = json_str(r, "session.uid_alt");

	if (session != NULL)
		print_field("session", "of login decision %s", session);
	if (audit != NULL)
		print_field(session == NULL ? "session" : "",
		    "kernel audit session %s", audit);
}

static const char *
verdict_words(const json_t *r)
{
	switch (json_num(r, "action_id")) {
	case 1:
		return "ALLOWED";
	case 2:
		if (json_num(r, "disposition_id") == 27)
			return "REFUSED, for no decision could be had";
		return "DENIED";
	case 3:
		return "EXEMPT: zt had no say";
	default:
		return or_unknown(json_str(r, "action"));
	}
}

static void
explain_result(const json_t *r)
{
	const char *code = or_unknown(json_str(r, "status_code"));
	enum zt_reason reason = zt_reason_from_code(code);
	const char *told = json_str(r, "status_detail");
	const char *admin = json_str(r, "unmapped.pdp.reason_admin");

	print_field("result", "%s", verdict_words(r));
	print_field("why", "%s: %s", code,
	    reason == ZT_REASON_NONE ? "a reason this version does not know"
				     : zt_reason_text(reason));
	if (told != NULL && strcmp(told, zt_reason_text(reason)) != 0)
		print_field("", "told the user: %s", told);
	if (admin != NULL)
		print_field("", "told administrators: %s", admin);
	if (json_str(r, "policy.uid") != NULL)
		print_field("", "policy %s", json_str(r, "policy.uid"));
}

static void
explain_endpoint(const json_t *r)
{
	const json_t *pdp = json_at(r, "unmapped.pdp");

	if (pdp == NULL)
		print_field("decided by", "this host; no endpoint was asked");
	else
		print_field("decided by",
		    "%s in %" PRId64 " ms (HTTP status %" PRId64
		    ", requests: %" PRId64 ")",
		    or_unknown(json_str(pdp, "endpoint")),
		    json_num(pdp, "latency_ms"), json_num(pdp, "http_status"),
		    json_num(pdp, "attempts"));
	print_field("took", "%" PRId64 " ms in all", json_num(r, "duration"));
}

static void
explain_next(const json_t *r)
{
	const char *code = json_str(r, "status_code");
	enum zt_reason reason =
	    code == NULL ? ZT_REASON_NONE : zt_reason_from_code(code);

	if (reason != ZT_REASON_NONE)
		print_field("next", "%s", zt_reason_next(reason));
}

static void
explain(const json_t *r)
{
	print_field("decision", "%s, record %" PRId64,
	    or_unknown(json_str(r, "metadata.uid")),
	    json_num(r, "metadata.sequence"));
	print_field("time", "%s%s", or_unknown(json_str(r, "time_dt")),
	    json_is_false(json_at(r, "unmapped.clock_synchronized"))
		? " (the clock was not synchronized)"
		: "");
	if (json_num(r, "class_uid") != CLASS_LOGIN) {
		print_field("event", "%s",
		    or_unknown(json_str(r, "metadata.event_code")));
		return;
	}
	explain_attempt(r);
	explain_session(r);
	explain_certificate(r);
	explain_result(r);
	explain_endpoint(r);
	explain_next(r);
	if (json_is_true(json_at(r, "metadata.is_truncated")))
		print_field("note", "long texts of this record were cut");
}

enum ztctl_status
ztctl_explain(const struct ztctl_options *options)
{
	struct search search;
	enum ztctl_status status = ZTCTL_FAILED;
	enum zt_err err;

	if (!search_init(&search, options->argument)) {
		print_failure("%s: not a decision id, nor %d characters of one",
		    options->argument, ID_MIN);
		return ZTCTL_USAGE;
	}
	err = log_read_backwards(options->log, search_line, &search);
	if (err == ZT_ERR_SYS) {
		print_failure("%s: %m", options->log);
		status = ZTCTL_SYSTEM;
	} else if (err != ZT_OK) {
		print_failure("%s: not a regular file", options->log);
		status = ZTCTL_SYSTEM;
	} else if (search.found == NULL) {
		print_failure("%s: no such decision in %s", search.id,
		    options->log);
	} else if (!search.many) {
		if (options->json)
			print_json(search.found);
		else
			explain(search.found);
		status = ZTCTL_OK;
	}
	json_decref(search.found);
	return status;
}
