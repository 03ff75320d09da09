/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity sources: where users come from, and what is wrong there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ztctl_broker.h"
#include "ztctl_identity.h"
#include "ztctl_print.h"
#include "ztctl_shape.h"

#define TIMEOUT_MS 5000

static const char source_shape[] =
    "name:s type:s state:s synced:s? age_s:n? stale:b users:n groups:n "
    "refused:n error:s? warning:s? next_s:n? progress:o? held:o?";

enum ztctl_status
identity_bad_answer(const char *socket)
{
	print_failure("%s: its answer is of no use: are ztd and ztctl of one "
		      "version?",
	    socket);
	return ZTCTL_PROTOCOL;
}

enum ztctl_status
identity_ask(const char *socket, const char *command, const char *shape,
    json_t **out)
{
	json_t *answer;
	enum ztctl_status status =
	    broker_ask_or_say(socket, command, TIMEOUT_MS, &answer);

	if (status != ZTCTL_OK)
		return status;
	if (!json_fits(answer, shape)) {
		json_decref(answer);
		return identity_bad_answer(socket);
	}
	*out = answer;
	return ZTCTL_OK;
}

static bool
is_state(const char *state)
{
	static const char *const states[] = { "ok", "never", "failed", "held",
		"syncing" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

static bool
source_fits(const json_t *source)
{
	const json_t *progress = json_at(source, "progress");
	const json_t *held = json_at(source, "held");

	return json_fits(source, source_shape) &&
	    is_state(json_str(source, "state")) &&
	    (!json_is_object(progress) ||
		json_fits(progress, "done:n total:n?")) &&
	    (!json_is_object(held) ||
		json_fits(held, "why:s users_before:n users_after:n"));
}

static bool
answer_fits(const json_t *answer)
{
	const json_t *snapshot = json_at(answer, "snapshot");
	const json_t *s;
	size_t i;

	json_array_foreach(json_at(answer, "sources"), i, s)
	{
		if (!source_fits(s))
			return false;
	}
	return json_is_null(snapshot) ||
	    json_fits(snapshot,
		"generation:n created:s? users:n groups:n complete:b bytes:n "
		"file:s");
}

enum ztctl_status
identity_ask_sources(const char *socket, json_t **out)
{
	json_t *answer;
	enum ztctl_status status = identity_ask(socket, "identity-sources",
	    "sources:a snapshot:o? error:s?", &answer);

	if (status != ZTCTL_OK)
		return status;
	if (!answer_fits(answer)) {
		json_decref(answer);
		return identity_bad_answer(socket);
	}
	*out = answer;
	return ZTCTL_OK;
}

const json_t *
identity_source(const json_t *answer, const char *name)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_at(answer, "sources"), i, s)
	{
		if (strcmp(json_str(s, "name"), name) == 0)
			return s;
	}
	return NULL;
}

static bool
is_in(const json_t *source, const char *state)
{
	return strcmp(json_str(source, "state"), state) == 0;
}

/* "2 h 5 min ago", or "never" */
static const char *
synced_words(const json_t *source, char buf[PRINT_AGE_MAX + 8])
{
	char age[PRINT_AGE_MAX];

	if (!json_is_integer(json_at(source, "age_s")))
		return "never";
	(void)snprintf(buf, PRINT_AGE_MAX + 8, "%s ago",
	    print_age(json_num(source, "age_s"), age));
	return buf;
}

/* What a failed sync says; its users go on from the last good one. */
static void
trouble_error(const json_t *source, struct identity_trouble *out)
{
	char age[PRINT_AGE_MAX + 8];
	const char *error = json_str(source, "error");

	(void)snprintf(out->why, sizeof(out->why),
	    "%s; synced %s, its users are those of that time",
	    error == NULL ? "the sync failed" : error,
	    synced_words(source, age));
	out->remedy = "correct that, then ztctl identity sync";
}

static void
trouble_held(const json_t *source, struct identity_trouble *out)
{
	const char *why = json_str(source, "held.why");

	(void)snprintf(out->why, sizeof(out->why),
	    "held back, not in force: %s (%" PRId64 " users, then %" PRId64 ")",
	    why == NULL ? "" : why, json_num(source, "held.users_before"),
	    json_num(source, "held.users_after"));
	out->remedy = "if the source is right: ztctl identity apply --force";
}

bool
identity_trouble(const json_t *source, struct identity_trouble *out)
{
	char age[PRINT_AGE_MAX + 8];

	out->stale_only = false;
	if (is_in(source, "failed")) {
		trouble_error(source, out);
	} else if (is_in(source, "held")) {
		trouble_held(source, out);
	} else if (is_in(source, "never")) {
		(void)snprintf(out->why, sizeof(out->why),
		    "never synced%s%s: it has no users yet",
		    json_str(source, "error") == NULL ? "" : ": ",
		    json_str(source, "error") == NULL
			? ""
			: json_str(source, "error"));
		out->remedy = "ztctl identity sync";
	} else if (json_is_true(json_at(source, "stale"))) {
		out->stale_only = true;
		(void)snprintf(out->why, sizeof(out->why), "stale: synced %s",
		    synced_words(source, age));
		out->remedy = "ztctl identity sync; if that does not help, "
			      "see the broker's journal: journalctl -u ztd";
	} else {
		return false;
	}
	return true;
}

static const char *
number(const json_t *source, const char *member, char buf[24])
{
	(void)snprintf(buf, 24, "%" PRId64, json_num(source, member));
	return buf;
}

static void
add_source(struct print_table *table, const json_t *s)
{
	char text[PRINT_AGE_MAX + 8], state[32], n[24];
	const bool stale = json_is_true(json_at(s, "stale"));

	print_table_add(table, json_str(s, "name"));
	print_table_add(table, json_str(s, "type"));
	(void)snprintf(state, sizeof(state), "%s%s",
	    is_in(s, "failed")     ? "FAILED"
		: is_in(s, "held") ? "HELD"
				   : json_str(s, "state"),
	    stale ? ", STALE" : "");
	print_table_add(table, state);
	print_table_add(table, number(s, "users", n));
	print_table_add(table, number(s, "groups", n));
	print_table_add(table, number(s, "refused", n));
	print_table_add(table, synced_words(s, text));
	print_table_add(table,
	    json_is_integer(json_at(s, "next_s"))
		? print_age(json_num(s, "next_s"), text)
		: NULL);
}

static void
show_troubles(const json_t *answer)
{
	struct identity_trouble trouble;
	const json_t *s;
	size_t i;

	json_array_foreach(json_at(answer, "sources"), i, s)
	{
		if (json_str(s, "warning") != NULL)
			print_field(json_str(s, "name"), "%s",
			    json_str(s, "warning"));
		if (!identity_trouble(s, &trouble))
			continue;
		print_field(json_str(s, "name"), "%s", trouble.why);
		print_field("", "next: %s", trouble.remedy);
	}
}

static void
show_snapshot(const json_t *answer)
{
	const char *created = json_str(answer, "snapshot.created");

	if (json_str(answer, "error") != NULL)
		print_field("broker", "FAILED: %s", json_str(answer, "error"));
	if (!json_is_object(json_at(answer, "snapshot"))) {
		print_field("snapshot", "none has been written yet");
		return;
	}
	print_field("snapshot",
	    "generation %" PRId64 " of %s, %" PRId64 " users, %" PRId64
	    " groups%s",
	    json_num(answer, "snapshot.generation"),
	    created == NULL ? "(unknown)" : created,
	    json_num(answer, "snapshot.users"),
	    json_num(answer, "snapshot.groups"),
	    json_is_true(json_at(answer, "snapshot.complete"))
		? ""
		: "; not complete: who is not in it is asked for");
	print_field("", "%s, %" PRId64 " bytes",
	    json_str(answer, "snapshot.file"),
	    json_num(answer, "snapshot.bytes"));
}

static void
show_sources(const json_t *answer)
{
	static const char *const head[] = { "SOURCE", "TYPE", "STATE", "USERS",
		"GROUPS", "REFUSED", "SYNCED", "NEXT IN" };
	struct print_table table = { .columns = 8 };
	const json_t *s;
	size_t i;

	for (i = 0; i < table.columns; i++)
		print_table_add(&table, head[i]);
	json_array_foreach(json_at(answer, "sources"), i, s)
	    add_source(&table, s);
	print_table_end(&table);
	show_snapshot(answer);
	show_troubles(answer);
}

enum ztctl_status
ztctl_identity_sources(const struct ztctl_options *options)
{
	json_t *answer;
	enum ztctl_status status =
	    identity_ask_sources(options->socket, &answer);

	if (status != ZTCTL_OK)
		return status;
	if (options->json)
		print_json(answer);
	else
		show_sources(answer);
	json_decref(answer);
	return ZTCTL_OK;
}
