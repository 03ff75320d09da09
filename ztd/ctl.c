/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "facts.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/json.h"
#include "zt/time.h"

/* Answer with obj (taken over; NULL: out of memory). */
static void
answer(struct conn *conn, bool ok, uint32_t next, json_t *obj)
{
	static uint8_t buf[ZT_WIRE_MAX]; /* too big for the stack */
	zt_auto_free char *json = NULL;
	const bool printed = obj != NULL &&
	    zt_json_print(obj, ZT_JSON_MAX, &json, NULL) == ZT_OK;
	const struct zt_ctl_reply m = {
		.ok = ok,
		.next = next,
		.json = zt_str(json),
	};
	size_t len;

	json_decref(obj);
	if (printed && zt_ctl_reply_encode(&m, buf, sizeof(buf), &len) == ZT_OK)
		conn_reply(conn, buf, len);
	else
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
}

static void
fail(struct conn *conn, const char *error)
{
	answer(conn, false, 0, json_pack("{s:s}", "error", error));
}

static json_t *
counters_json(const struct counters *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "permits",
	    (json_int_t)c->permits, "denies", (json_int_t)c->denies,
	    "unavailable", (json_int_t)c->unavailable, "exempt",
	    (json_int_t)c->exempt, "credentials_accepted",
	    (json_int_t)c->credentials_accepted, "credentials_refused",
	    (json_int_t)c->credentials_refused, "records_suppressed",
	    (json_int_t)c->records_suppressed);
}

static json_t *
conf_json(const struct broker *broker)
{
	char loaded[ZT_TIME_MAX];
	const bool known = zt_time_ms(broker->conf->loaded_ms, loaded) == ZT_OK;

	return json_pack("{s:s, s:s?, s:I, s:s?}", "file", broker->conf_file,
	    "loaded", known ? loaded : NULL, "age_s",
	    (json_int_t)((stamp_now_ms() - broker->conf->loaded_ms) / 1000),
	    "reload_error", broker->reload_error);
}

static json_t *
services_json(const struct conf *conf)
{
	json_t *list = json_array();

	for (size_t i = 0; i < conf->scope.services.n; i++)
		(void)json_array_append_new(list,
		    json_string(conf->scope.services.words[i]));
	return list;
}

static json_t *
sockets_json(const struct broker *broker)
{
	json_t *list = server_status(broker->server);

	if (broker->userdb != NULL)
		(void)json_array_append_new(list,
		    userdb_status(broker->userdb));
	return list;
}

static void
serve_status(struct broker *broker, struct conn *conn)
{
	json_t *obj = json_pack(
	    "{s:s, s:i, s:I, s:{s:s, s:s}, s:o, s:o, s:o, s:I, s:I, s:i, "
	    "s:o, s:o, s:o, s:b, s:i, s:o}",
	    "version", ZT_VERSION, "pid", (int)getpid(), "uptime_s",
	    (json_int_t)((stamp_now_ms() - broker->started_ms) / 1000), "host",
	    "id", broker->host.id, "hostname", broker->host.hostname, "config",
	    conf_json(broker), "endpoints", pdp_status(broker->pdp), "sockets",
	    sockets_json(broker), "sessions",
	    (json_int_t)logins_count(broker->logins, LOGIN_OPEN), "credentials",
	    (json_int_t)logins_count(broker->logins, LOGIN_OFFERED), "requests",
	    (int)broker->in_flight, "log", feed_status(broker->feed),
	    "identity", users_status(broker->users), "counters",
	    counters_json(&broker->counters), "clock_synchronized",
	    (int)stamp_clock_synchronized(), "pdp_timeout_ms",
	    (int)broker->conf->pdp.timeout_ms, "services",
	    services_json(broker->conf));

	answer(conn, true, 0, obj);
}

static void
serve_sessions(struct broker *broker, struct conn *conn, uint32_t cursor)
{
	uint32_t next;
	json_t *list = logins_list(broker->logins, cursor, &next);

	answer(conn, true, next, json_pack("{s:o}", "sessions", list));
}

/* The broker's own checks, the last of which waits for the endpoint. */
struct check {
	struct broker *broker; /* borrowed */
	struct conn *conn;     /* borrowed */
	json_t *list;          /* owned */
};

static void
check_add(json_t *list, const char *name, bool ok, const char *detail,
    const char *remedy)
{
	(void)json_array_append_new(list,
	    json_pack("{s:s, s:b, s:s?, s:s?}", "name", name, "ok", (int)ok,
		"detail", detail, "remedy", ok ? NULL : remedy));
}

/* Is every source of users heard of, and nothing held back? */
static void
check_sources(struct broker *broker, json_t *list)
{
	zt_auto_free char *trouble = users_trouble(broker->users);

	check_add(list, "sources of users", trouble == NULL,
	    trouble == NULL ? "heard of" : trouble,
	    "see ztctl identity sources");
}

static void
check_local(struct broker *broker, json_t *list)
{
	struct proc_info info;

	check_add(list, "configuration", broker->reload_error == NULL,
	    broker->reload_error == NULL ? "in force" : broker->reload_error,
	    "correct the file, then reload: kill -HUP, or systemctl reload "
	    "ztd");
	check_add(list, "proc", proc_read(1, &info) == ZT_OK,
	    "/proc of other users' processes",
	    "mount /proc without hidepid, and leave ProtectProc= unset");
	check_add(list, "log", feed_works(broker->feed), "decision log",
	    "free space or repair the file system; nothing is permitted until "
	    "then");
	check_sources(broker, list);
	check_add(list, "clock", stamp_clock_synchronized(),
	    "clock synchronization",
	    "start a time service: certificates are short-lived");
}

static void
on_answer(void *arg, struct zt_answer *a)
{
	struct check *check = arg;
	const bool ok = a->kind != ZT_ANSWER_NONE;

	check_add(check->list, "endpoint", ok,
	    ok ? "answered a real question" : zt_reason_text(a->reason),
	    zt_reason_next(a->reason));
	answer(check->conn, true, 0, json_pack("{s:o}", "checks", check->list));
	free(check);
}

/* Ask the endpoint about an attempt that nobody makes. */
static enum zt_err
check_endpoint(struct check *check)
{
	struct broker *broker = check->broker;
	const struct zt_authzen_options options = {
		.mirror_context = broker->conf->pdp.mirror_context
	};
	zt_auto(zt_attempt_clear) struct zt_attempt attempt = { 0 };
	zt_auto_free char *body = NULL;
	enum zt_err err;

	err = facts_begin(broker, zt_str("ztctl"), zt_str("zt-check"),
	    ZT_STAGE_ACCOUNT, &attempt);
	if (err == ZT_OK)
		err = zt_authzen_request(&attempt, &options, &body);
	if (err == ZT_OK)
		err = pdp_ask(broker->pdp, attempt.id, body, on_answer, check);
	return err;
}

static void
serve_check(struct broker *broker, struct conn *conn)
{
	struct check *check = calloc(1, sizeof(*check));

	if (check == NULL) {
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
		return;
	}
	check->broker = broker;
	check->conn = conn;
	check->list = json_array();
	check_local(broker, check->list);
	if (check_endpoint(check) == ZT_OK)
		return;
	json_decref(check->list);
	free(check);
	fail(conn, "out of memory");
}

/* ztctl identity sync: of one source, or of all. */
static void
serve_sync(struct broker *broker, struct conn *conn, struct zt_str name)
{
	const struct conf *conf = broker->conf;
	json_t *started;

	if (users_sync(broker->users, name) != ZT_OK) {
		fail(conn, "no such source: ztctl identity sources lists them");
		return;
	}
	started = json_array();
	for (size_t i = 0; i < conf->n_sources; i++)
		if (name.len == 0 || zt_str_is(name, conf->sources[i].name))
			(void)json_array_append_new(started,
			    json_string(conf->sources[i].name));
	answer(conn, true, 0, json_pack("{s:o}", "started", started));
}

/* The commands of ztctl identity.  False if this is none of them. */
static bool
serve_identity(struct broker *broker, struct conn *conn,
    const struct zt_ctl_request *request)
{
	const struct users *users = broker->users;
	uint32_t next = 0;
	json_t *obj;

	if (zt_str_is(request->command, "identity-sources")) {
		answer(conn, true, 0, users_sources_json(users));
	} else if (zt_str_is(request->command, "identity-refused")) {
		obj = users_refused_json(users, request->cursor, &next);
		answer(conn, true, next, obj);
	} else if (zt_str_is(request->command, "identity-why")) {
		if (zt_name_valid(request->argument))
			answer(conn, true, 0,
			    users_why_json(users, request->argument));
		else
			fail(conn, "no such name can be a user's");
	} else if (zt_str_is(request->command, "identity-sync")) {
		serve_sync(broker, conn, request->argument);
	} else if (zt_str_is(request->command, "identity-apply")) {
		answer(conn, true, 0,
		    json_pack("{s:o}", "applied", users_apply(broker->users)));
	} else {
		return false;
	}
	return true;
}

void
ctl_serve(void *arg, struct conn *conn, const void *msg, size_t len)
{
	struct broker *broker = arg;
	struct zt_ctl_request request;

	if (zt_ctl_request_decode(msg, len, &request) != ZT_OK)
		conn_error(conn, ZT_WIRE_ERROR_MALFORMED);
	else if (zt_str_is(request.command, "status"))
		serve_status(broker, conn);
	else if (zt_str_is(request.command, "sessions"))
		serve_sessions(broker, conn, request.cursor);
	else if (zt_str_is(request.command, "check"))
		serve_check(broker, conn);
	else if (!serve_identity(broker, conn, &request))
		fail(conn, "unknown command");
}
