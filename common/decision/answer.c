/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/decision.h"
#include "zt/text.h"

void
zt_answer_clear(struct zt_answer *answer)
{
	free(answer->reason_user);
	free(answer->reason_admin);
	free(answer->notice);
	free(answer->policy);
	free(answer->endpoint);
	*answer = (struct zt_answer){ 0 };
}

/* What an HTTP status says; ZT_REASON_NONE for the one that has a decision. */
static enum zt_reason
status_reason(int status)
{
	switch (status) {
	case 200:
		return ZT_REASON_NONE;
	case 400:
		return ZT_REASON_PDP_REQUEST;
	case 401:
	case 403:
		return ZT_REASON_PDP_AUTH;
	case 404:
	case 405:
	case 501:
		return ZT_REASON_PDP_URL;
	case 408:
	case 425:
	case 429:
		return ZT_REASON_PDP_BUSY;
	}
	if (status >= 300 && status <= 399)
		return ZT_REASON_PDP_URL;
	if (status >= 500 && status <= 599)
		return ZT_REASON_PDP_BUSY;
	return ZT_REASON_PDP_PROTOCOL;
}

/* Does nesting stay within the limit?  Asked before the parser recurses. */
static bool
depth_ok(const char *body, size_t len)
{
	bool in_string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = body[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > ZT_ANSWER_DEPTH_MAX)
			return false;
	}
	return true;
}

/* Parse strictly; *root_out is NULL if the body is no proper JSON. */
static enum zt_err
body_parse(const char *body, size_t len, json_t **root_out)
{
	json_error_t error;
	json_t *root = NULL;

	if (len <= ZT_ANSWER_MAX && depth_ok(body, len)) {
		root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
		if (root == NULL &&
		    json_error_code(&error) == json_error_out_of_memory)
			return ZT_ERR_NOMEM;
	}
	*root_out = root;
	return ZT_OK;
}

/* A string with something in it? */
static bool
is_text(const json_t *value)
{
	return json_string_length(value) > 0;
}

static bool
text_is(const json_t *value, const char *lit)
{
	return json_is_string(value) &&
	    strcmp(json_string_value(value), lit) == 0;
}

/* Of a map from language or code to text: "en", else the first by name. */
static const json_t *
map_text(const json_t *map)
{
	const json_t *best = json_object_get(map, "en"), *value;
	const char *best_key = NULL, *key;

	if (is_text(best))
		return best;
	best = NULL;
	/* jansson's iterator wants the map writable, and only reads it */
	json_object_foreach((json_t *)(uintptr_t)map, key, value)
	{
		if (!is_text(value))
			continue;
		if (best_key == NULL || strcmp(key, best_key) < 0) {
			best_key = key;
			best = value;
		}
	}
	return best;
}

/* The text of a reason: a string, a map of them, or an array of these. */
static const json_t *
reason_text(const json_t *reason)
{
	const json_t *text = NULL, *item;
	size_t i;

	if (json_is_string(reason))
		return is_text(reason) ? reason : NULL;
	if (json_is_object(reason))
		return map_text(reason);
	json_array_foreach(reason, i, item)
	{
		if (json_is_object(item))
			text = map_text(item);
		else if (is_text(item))
			text = item;
		if (text != NULL)
			return text;
	}
	return NULL;
}

/* Copy text, escaped and cut to max bytes; *out stays NULL without text. */
static enum zt_err
text_take(const json_t *text, size_t max, char **out)
{
	char *copy;

	if (text == NULL)
		return ZT_OK;
	if ((copy = malloc(max + 1)) == NULL)
		return ZT_ERR_NOMEM;
	(void)zt_escape(copy, max + 1,
	    (struct zt_str){
		json_string_value(text), json_string_length(text) });
	*out = copy;
	return ZT_OK;
}

static const json_t *
policy_text(const json_t *context)
{
	static const char *const keys[] = { "policy", "policy_id",
		"policy_version" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(context, keys[i]);

		if (is_text(value))
			return value;
	}
	return NULL;
}

/* What the endpoint says beside its decision; nothing here changes it. */
static enum zt_err
texts_take(struct zt_answer *answer, const json_t *context)
{
	const json_t *user, *admin;
	enum zt_err err;

	user = reason_text(json_object_get(context, "reason_user"));
	if (user == NULL)
		user = reason_text(json_object_get(context, "reason"));
	admin = reason_text(json_object_get(context, "reason_admin"));
	err = text_take(user, ZT_ANSWER_REASON_MAX, &answer->reason_user);
	if (err != ZT_OK)
		return err;
	err = text_take(admin, ZT_ANSWER_REASON_MAX, &answer->reason_admin);
	if (err != ZT_OK)
		return err;
	return text_take(policy_text(context), ZT_ANSWER_POLICY_MAX,
	    &answer->policy);
}

/*
 * Is every property of an obligation of ours one that this version meets?
 * The only place that knows their names.
 */
static bool
properties_met(const json_t *properties, const json_t **notice)
{
	const char *key;
	const json_t *value;

	json_object_foreach((json_t *)(uintptr_t)properties, key, value)
	{
		if (strcmp(key, "vendor") == 0)
			continue;
		if (strcmp(key, "notice") == 0 && is_text(value) &&
		    *notice == NULL)
			*notice = value;
		else if (strcmp(key, "cache_s") != 0 ||
		    !json_is_integer(value) || json_integer_value(value) < 0)
			return false;
	}
	return json_object_size(properties) > 1;
}

static bool
obligation_met(const json_t *obligation, const json_t **notice)
{
	const json_t *properties = json_object_get(obligation, "properties");

	return json_object_size(obligation) == 3 &&
	    is_text(json_object_get(obligation, "id")) &&
	    text_is(json_object_get(obligation, "type"), "custom") &&
	    json_is_object(properties) &&
	    text_is(json_object_get(properties, "vendor"), "zt") &&
	    properties_met(properties, notice);
}

/*
 * Can everything be met that a permit obliges us to?  *unmet is then the
 * obligation that cannot.
 */
static bool
obligations_met(const json_t *list, const json_t **notice, const json_t **unmet)
{
	const json_t *obligation;
	size_t i;

	*unmet = NULL;
	if (list == NULL)
		return true;
	if (!json_is_array(list) || json_array_size(list) > ZT_OBLIGATIONS_MAX)
		return false;
	json_array_foreach(list, i, obligation)
	{
		if (!obligation_met(obligation, notice)) {
			*unmet = obligation;
			return false;
		}
	}
	return true;
}

static const char *
text_or_none(const json_t *value)
{
	return is_text(value) ? json_string_value(value) : "(none)";
}

/* Turn a permit with an unmet obligation into a denial that names it. */
static enum zt_err
obligation_deny(struct zt_answer *answer, const json_t *unmet)
{
	char raw[ZT_ANSWER_REASON_MAX + 1];
	char *admin;

	answer->kind = ZT_ANSWER_DENY;
	answer->reason = ZT_REASON_POLICY_OBLIGATION;
	/* why access was permitted would mislead whoever is refused */
	free(zt_take(answer->reason_user));
	if (answer->reason_admin != NULL)
		return ZT_OK;
	(void)snprintf(raw, sizeof(raw),
	    "obligation not met: type %.100s id %.100s",
	    text_or_none(json_object_get(unmet, "type")),
	    text_or_none(json_object_get(unmet, "id")));
	if ((admin = malloc(ZT_ANSWER_REASON_MAX + 1)) == NULL)
		return ZT_ERR_NOMEM;
	(void)zt_escape(admin, ZT_ANSWER_REASON_MAX + 1, zt_str(raw));
	answer->reason_admin = admin;
	return ZT_OK;
}

/* The one place that says permit. */
static enum zt_err
permit(struct zt_answer *answer, const json_t *context)
{
	const json_t *list = json_object_get(context, "obligations");
	const json_t *notice = NULL, *unmet;

	if (!obligations_met(list, &notice, &unmet))
		return obligation_deny(answer, unmet);
	answer->kind = ZT_ANSWER_PERMIT;
	answer->reason = ZT_REASON_POLICY_PERMIT;
	return text_take(notice, ZT_ANSWER_NOTICE_MAX, &answer->notice);
}

/* Understand the body of a 200. */
static enum zt_err
decision_read(struct zt_answer *answer, const json_t *root)
{
	const json_t *decision = json_object_get(root, "decision");
	const json_t *context = json_object_get(root, "context");
	enum zt_err err;

	answer->reason = ZT_REASON_PDP_PROTOCOL;
	if (!json_is_boolean(decision))
		return ZT_OK;
	if (context != NULL && !json_is_null(context) &&
	    !json_is_object(context))
		return ZT_OK;
	if ((err = texts_take(answer, context)) != ZT_OK)
		return err;
	if (json_is_true(decision))
		return permit(answer, context);
	answer->kind = ZT_ANSWER_DENY;
	answer->reason = ZT_REASON_POLICY_DENY;
	return ZT_OK;
}

static void
answer_publish(struct zt_answer *out, struct zt_answer *answer)
{
	out->kind = answer->kind;
	out->reason = answer->reason;
	out->reason_user = zt_take(answer->reason_user);
	out->reason_admin = zt_take(answer->reason_admin);
	out->notice = zt_take(answer->notice);
	out->policy = zt_take(answer->policy);
}

enum zt_err
zt_authzen_answer(int status, const char *body, size_t len,
    const char *request_id, const char *echoed_id, struct zt_answer *out)
{
	zt_auto(zt_answer_clear) struct zt_answer answer = { 0 };
	json_auto_t *root = NULL;
	enum zt_err err;

	answer.reason = status_reason(status);
	/* only then: what a proxy says of its own accord has its own id */
	if (answer.reason == ZT_REASON_NONE && echoed_id != NULL &&
	    strcmp(echoed_id, request_id) != 0)
		answer.reason = ZT_REASON_PDP_PROTOCOL;
	if (answer.reason == ZT_REASON_NONE) {
		if ((err = body_parse(body, len, &root)) != ZT_OK)
			return err;
		if ((err = decision_read(&answer, root)) != ZT_OK)
			return err;
	}
	answer_publish(out, &answer);
	return ZT_OK;
}
