/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity sync, apply: what an administrator can hurry or force. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zt/text.h"
#include "ztctl_identity.h"
#include "ztctl_print.h"
#include "ztctl_shape.h"

#define POLL_MS   200
#define BAR_WIDTH 30

/* Waiting for the sources that were started. */
struct wait {
	const struct ztctl_options *options; /* borrowed */
	const json_t *started;               /* borrowed; their names */
	sigset_t signals; /* that end the waiting, and nothing else */
	int64_t deadline_ms;
	bool bar;
	json_t *answer; /* owned; the last of identity-sources */
	bool interrupted, timed_out;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A list of texts, and nothing else. */
static bool
is_names(const json_t *list)
{
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name)
	{
		if (!json_is_string(name))
			return false;
	}
	return json_is_array(list);
}

/* Start, and get the names of what was started. */
static enum ztctl_status
ask_sync(const struct ztctl_options *options, const char *command, json_t **out)
{
	enum ztctl_status status =
	    identity_ask(options->socket, command, "started:a", out);

	if (status == ZTCTL_OK && !is_names(json_at(*out, "started"))) {
		json_decref(*out);
		return identity_bad_answer(options->socket);
	}
	return status;
}

/* Add up how far the started sources are; false if no total is known. */
static bool
progress_sum(const struct wait *w, int64_t *done, int64_t *total)
{
	const json_t *name, *s;
	bool known = true;
	size_t i;

	*done = *total = 0;
	json_array_foreach(w->started, i, name)
	{
		s = identity_source(w->answer, json_string_value(name));
		if (!json_is_object(json_at(s, "progress")))
			continue;
		*done += json_num(s, "progress.done");
		*total += json_num(s, "progress.total");
		known = known && json_num(s, "progress.total") > 0;
	}
	return known && *total > 0;
}

/* "[######    ]  60%  600 of 1000 records" */
static void
draw(const struct wait *w, size_t busy)
{
	int64_t done, total;

	if (progress_sum(w, &done, &total)) {
		const int64_t share = done < total ? done : total;
		const int filled = (int)(share * BAR_WIDTH / total);

		(void)fprintf(stderr,
		    "\r[%.*s%*s] %3" PRId64 "%%  %" PRId64 " of %" PRId64
		    " records, %zu syncing\033[K",
		    filled, "##############################",
		    BAR_WIDTH - filled, "", share * 100 / total, done, total,
		    busy);
	} else {
		(void)fprintf(stderr,
		    "\r%" PRId64 " records, %zu syncing\033[K", done, busy);
	}
	(void)fflush(stderr);
}

/* How many of the started sources are not done. */
static size_t
count_busy(const struct wait *w)
{
	const json_t *name, *s;
	size_t busy = 0, i;

	json_array_foreach(w->started, i, name)
	{
		s = identity_source(w->answer, json_string_value(name));
		if (s != NULL && strcmp(json_str(s, "state"), "syncing") == 0)
			busy++;
	}
	return busy;
}

/* Sleep until the next question; false if there is to be none. */
static bool
wait_sleep(struct wait *w)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };

	if (now_ms() >= w->deadline_ms) {
		w->timed_out = true;
		return false;
	}
	if (sigtimedwait(&w->signals, NULL, &pause) == SIGINT) {
		w->interrupted = true;
		return false;
	}
	return true;
}

static enum ztctl_status
wait_until_done(struct wait *w)
{
	enum ztctl_status status;
	size_t busy;

	do {
		json_decref(w->answer);
		w->answer = NULL;
		status = identity_ask_sources(w->options->socket, &w->answer);
		if (status != ZTCTL_OK)
			break;
		busy = count_busy(w);
		if (w->bar)
			draw(w, busy);
	} while (busy > 0 && wait_sleep(w));
	if (w->bar)
		(void)fputs("\r\033[K", stderr);
	return status;
}

/*
 * ^C is waited for, not caught: what the broker does goes on, and that shall
 * be said.  Whoever starts us with ^C ignored keeps it so.
 */
static void
wait_init(struct wait *w, const struct ztctl_options *options,
    const json_t *started)
{
	struct sigaction action;

	*w = (struct wait){
		.options = options,
		.started = started,
		.deadline_ms = now_ms() + (int64_t)options->timeout_s * 1000,
		.bar = !options->json && isatty(STDERR_FILENO) == 1,
	};
	(void)sigemptyset(&w->signals);
	if (sigaction(SIGINT, NULL, &action) == 0 &&
	    action.sa_handler != SIG_IGN)
		(void)sigaddset(&w->signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &w->signals, NULL);
}

static bool
is_fine(const json_t *source)
{
	return source != NULL && strcmp(json_str(source, "state"), "ok") == 0;
}

static void
say_source(const char *name, const json_t *s)
{
	struct identity_trouble trouble;

	if (s == NULL) {
		print_field(name, "FAILED: it is no longer configured");
	} else if (is_fine(s)) {
		print_field(name,
		    "ok: %" PRId64 " users, %" PRId64 " groups, %" PRId64
		    " refused",
		    json_num(s, "users"), json_num(s, "groups"),
		    json_num(s, "refused"));
	} else if (identity_trouble(s, &trouble)) {
		print_field(name, "FAILED: %s", trouble.why);
		print_field("", "next: %s", trouble.remedy);
	} else {
		print_field(name, "still syncing");
	}
}

static json_t *
outcome_json(const struct wait *w)
{
	json_t *sources = json_array();
	const json_t *name, *s;
	size_t i;

	json_array_foreach(w->started, i, name)
	{
		s = identity_source(w->answer, json_string_value(name));
		if (s != NULL)
			(void)json_array_append(sources,
			    (json_t *)(uintptr_t)s);
	}
	return json_pack("{s:O, s:o, s:b, s:b}", "started", w->started,
	    "sources", sources, "interrupted", (int)w->interrupted, "timed_out",
	    (int)w->timed_out);
}

static void
say_outcome(const struct wait *w)
{
	const json_t *name;
	json_t *json;
	size_t i;

	if (w->options->json) {
		json = outcome_json(w);
		print_json(json);
		json_decref(json);
		return;
	}
	if (json_array_size(w->started) == 0)
		print_field("sync", "there is no source to sync");
	json_array_foreach(w->started, i, name)
	    say_source(json_string_value(name),
		identity_source(w->answer, json_string_value(name)));
	if (json_str(w->answer, "error") != NULL)
		print_failure("%s", json_str(w->answer, "error"));
	if (w->interrupted)
		print_failure("no longer waiting; the sync goes on: see "
			      "ztctl identity sources");
	if (w->timed_out)
		print_failure("not done after %u s; the sync goes on: see "
			      "ztctl identity sources",
		    w->options->timeout_s);
}

static enum ztctl_status
outcome(const struct wait *w)
{
	const json_t *name;
	size_t i;

	if (w->interrupted)
		return ZTCTL_INTERRUPTED;
	if (json_str(w->answer, "error") != NULL)
		return ZTCTL_FAILED; /* programs see none of it */
	json_array_foreach(w->started, i, name)
	{
		if (!is_fine(identity_source(w->answer,
			json_string_value(name))))
			return ZTCTL_FAILED;
	}
	return ZTCTL_OK;
}

static enum ztctl_status
sync_wait(const struct ztctl_options *options, const json_t *started)
{
	enum ztctl_status status;
	struct wait w;

	wait_init(&w, options, started);
	status = wait_until_done(&w);
	if (status == ZTCTL_OK) {
		say_outcome(&w);
		status = outcome(&w);
	}
	json_decref(w.answer);
	return status;
}

enum ztctl_status
ztctl_identity_sync(const struct ztctl_options *options)
{
	const char *name = options->argument;
	char command[64] = "identity-sync";
	enum ztctl_status status;
	json_t *answer;

	if (name[0] != '\0' && !zt_name_valid(zt_str(name))) {
		print_failure("%s: not the name of a source", name);
		return ZTCTL_USAGE;
	}
	if (name[0] != '\0')
		(void)snprintf(command, sizeof(command), "identity-sync %s",
		    name);
	status = ask_sync(options, command, &answer);
	if (status != ZTCTL_OK)
		return status;
	status = sync_wait(options, json_at(answer, "started"));
	json_decref(answer);
	return status;
}

/* What is held back, of all sources; owned. */
static json_t *
held_json(const json_t *answer)
{
	json_t *list = json_array();
	const json_t *s;
	size_t i;

	json_array_foreach(json_at(answer, "sources"), i, s)
	{
		if (json_is_object(json_at(s, "held")))
			(void)json_array_append_new(list,
			    json_pack("{s:O, s:O}", "source",
				json_at(s, "name"), "held",
				json_at(s, "held")));
	}
	return list;
}

static void
show_held(const json_t *list)
{
	const json_t *h;
	size_t i;

	if (json_array_size(list) == 0)
		print_field("held", "nothing is held back");
	json_array_foreach(list, i, h)
	{
		const int64_t before = json_num(h, "held.users_before");
		const int64_t after = json_num(h, "held.users_after");

		print_field(json_str(h, "source"), "%s",
		    json_str(h, "held.why"));
		print_field("",
		    "in force %" PRId64 " users, then %" PRId64 ": %" PRId64
		    " would be lost",
		    before, after, before > after ? before - after : 0);
	}
	if (json_array_size(list) > 0)
		print_field("",
		    "next: if the source is right, ztctl "
		    "identity apply --force");
}

static enum ztctl_status
apply_show(const struct ztctl_options *options)
{
	json_t *answer, *list;
	enum ztctl_status status =
	    identity_ask_sources(options->socket, &answer);

	if (status != ZTCTL_OK)
		return status;
	list = held_json(answer);
	json_decref(answer);
	status = json_array_size(list) == 0 ? ZTCTL_OK : ZTCTL_FAILED;
	answer = json_pack("{s:o}", "held", list);
	if (options->json)
		print_json(answer);
	else
		show_held(list);
	json_decref(answer);
	return status;
}

/* The names of the sources, or how many they were. */
static void
show_applied(const json_t *applied)
{
	const json_t *name;
	size_t i;

	if (json_is_integer(applied) && json_integer_value(applied) > 0)
		print_field("applied", "%" JSON_INTEGER_FORMAT " sources",
		    json_integer_value(applied));
	else if (json_array_size(applied) == 0)
		print_field("applied", "nothing was held back");
	json_array_foreach(applied, i, name)
	    print_field(i == 0 ? "applied" : "", "%s", json_string_value(name));
}

static enum ztctl_status
apply_force(const struct ztctl_options *options)
{
	const json_t *applied;
	json_t *answer;
	enum ztctl_status status =
	    identity_ask(options->socket, "identity-apply", "", &answer);

	if (status != ZTCTL_OK)
		return status;
	applied = json_at(answer, "applied");
	if (!is_names(applied) && !json_fits(answer, "applied:n")) {
		json_decref(answer);
		return identity_bad_answer(options->socket);
	}
	if (options->json)
		print_json(answer);
	else
		show_applied(applied);
	json_decref(answer);
	return ZTCTL_OK;
}

enum ztctl_status
ztctl_identity_apply(const struct ztctl_options *options)
{
	return options->force ? apply_force(options) : apply_show(options);
}
