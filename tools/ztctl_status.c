/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl status, ztctl sessions: the broker's answers for people. */
#include <inttypes.h>

#include "zt/client.h"
#include "zt/reason.h"
#include "ztctl.h"
#include "ztctl_broker.h"
#include "ztctl_print.h"

#define TIMEOUT_MS  3000
#define ID_SHOWN    8 /* of a decision id: enough for ztctl explain */
#define ADDRESS_MAX 128

/* s, or what stands for a text that is absent */
static const char *
or_dash(const char *s)
{
	return s == NULL ? "-" : s;
}

static void
show_broker(const json_t *status)
{
	char age[PRINT_AGE_MAX];

	print_field("broker", "zt %s, pid %" PRId64 ", up %s",
	    or_dash(json_str(status, "version")), json_num(status, "pid"),
	    print_age(json_num(status, "uptime_s"), age));
	print_field("host", "%s (%s)",
	    or_dash(json_str(status, "host.hostname")),
	    or_dash(json_str(status, "host.id")));
	print_field("config", "%s, loaded %s ago",
	    or_dash(json_str(status, "config.file")),
	    print_age(json_num(status, "config.age_s"), age));
	if (json_str(status, "config.reload_error") != NULL)
		print_field("", "NOT RELOADED: %s",
		    json_str(status, "config.reload_error"));
	print_field("now",
	    "%" PRId64 " sessions, %" PRId64 " requests in flight, %" PRId64
	    " offered certificates",
	    json_num(status, "sessions"), json_num(status, "requests"),
	    json_num(status, "credentials"));
	print_field("clock", "%s",
	    json_is_false(json_at(status, "clock_synchronized"))
		? "NOT SYNCHRONIZED"
		: "synchronized");
}

static void
show_log(const json_t *status)
{
	print_field("log", "%s", or_dash(json_str(status, "log.file")));
	print_field("",
	    "%" PRId64 " records written in %" PRId64 " commits, %" PRId64
	    " lost",
	    json_num(status, "log.lines"), json_num(status, "log.commits"),
	    json_num(status, "log.failures"));
	if (json_is_true(json_at(status, "log.failed")))
		print_field("", "FAILED: %s: nothing is permitted",
		    or_dash(json_str(status, "log.error")));
}

static void
show_identity(const json_t *status)
{
	const json_t *refused;
	size_t i;

	print_field("identity",
	    "%" PRId64 " users, %" PRId64 " groups, loaded %s",
	    json_num(status, "identity.users"),
	    json_num(status, "identity.groups"),
	    or_dash(json_str(status, "identity.loaded")));
	if (json_str(status, "identity.error") != NULL)
		print_field("", "FAILED: %s",
		    json_str(status, "identity.error"));
	json_array_foreach(json_at(status, "identity.refused"), i, refused)
	    print_field("", "REFUSED %s: %s",
		or_dash(json_str(refused, "file")),
		or_dash(json_str(refused, "why")));
}

/* An error is a reason code; say what it means. */
static void
show_endpoint(const json_t *e, const char *label)
{
	const char *error = json_str(e, "last_error");
	const char *text = "";

	if (error != NULL)
		text = zt_reason_text(zt_reason_from_code(error));
	print_field(label, "%s  %s", or_dash(json_str(e, "url")),
	    json_is_false(json_at(e, "healthy")) ? "UNHEALTHY" : "healthy");
	print_field("",
	    "%" PRId64 " requests: %" PRId64 " permits, %" PRId64
	    " denies, %" PRId64 " failures; last answer in %" PRId64 " ms",
	    json_num(e, "requests"), json_num(e, "permits"),
	    json_num(e, "denies"), json_num(e, "failures"),
	    json_num(e, "latency_ms_last"));
	if (error != NULL)
		print_field("", "last error %s%s%s, last good answer %s", error,
		    text[0] != '\0' ? ": " : "", text,
		    or_dash(json_str(e, "last_ok")));
}

static void
show_sockets(const json_t *status)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_at(status, "sockets"), i, s)
	    print_field(i == 0 ? "sockets" : "",
		"%-10s  %" PRId64 " open, %" PRId64 " served, %" PRId64
		" refused, %" PRId64 " malformed",
		or_dash(json_str(s, "name")), json_num(s, "open"),
		json_num(s, "served"), json_num(s, "refused"),
		json_num(s, "malformed"));
}

static void
show_counters(const json_t *status)
{
	const char *label = "counters";
	const char *key;
	json_t *value;

	json_object_foreach(json_at(status, "counters"), key, value)
	{
		print_field(label, "%-20s  %" JSON_INTEGER_FORMAT, key,
		    json_integer_value(value));
		label = "";
	}
}

enum ztctl_status
ztctl_show_status(const struct ztctl_options *options)
{
	enum ztctl_status rc;
	json_t *status;
	const json_t *e;
	size_t i;

	rc = broker_ask_or_say(options->socket, "status", TIMEOUT_MS, &status);
	if (rc != ZTCTL_OK)
		return rc;
	if (options->json) {
		print_json(status);
	} else {
		show_broker(status);
		json_array_foreach(json_at(status, "endpoints"), i, e)
		    show_endpoint(e, i == 0 ? "endpoints" : "");
		show_log(status);
		show_identity(status);
		show_sockets(status);
		show_counters(status);
	}
	json_decref(status);
	return ZTCTL_OK;
}

static void
add_session(struct print_table *table, const json_t *s)
{
	const char *ip = json_str(s, "source_ip");
	char id[ID_SHOWN + 1], from[ADDRESS_MAX];

	(void)snprintf(id, sizeof(id), "%s", or_dash(json_str(s, "id")));
	if (ip == NULL)
		(void)snprintf(from, sizeof(from), "-");
	else
		(void)snprintf(from, sizeof(from), "%s port %" PRId64, ip,
		    json_num(s, "source_port"));
	print_table_add(table, id);
	print_table_add(table, json_str(s, "service"));
	print_table_add(table, json_str(s, "account"));
	print_table_add(table, json_str(s, "subject"));
	print_table_add(table, from);
	print_table_add(table, json_str(s, "opened"));
	print_table_add(table, json_str(s, "expires"));
}

enum ztctl_status
ztctl_show_sessions(const struct ztctl_options *options)
{
	static const char *const head[] = { "DECISION", "SERVICE", "ACCOUNT",
		"SUBJECT", "FROM", "OPENED", "EXPIRES" };
	struct print_table table = { .columns = 7 };
	enum ztctl_status rc;
	const json_t *s;
	json_t *sessions;
	size_t i;

	rc = broker_ask_or_say(options->socket, "sessions", TIMEOUT_MS,
	    &sessions);
	if (rc != ZTCTL_OK)
		return rc;
	if (options->json) {
		print_json(sessions);
	} else {
		for (i = 0; i < table.columns; i++)
			print_table_add(&table, head[i]);
		json_array_foreach(json_at(sessions, "sessions"), i, s)
		    add_session(&table, s);
		print_table_end(&table);
	}
	json_decref(sessions);
	return ZTCTL_OK;
}
