/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reply.h"
#include "zt/auto.h"
#include "zt/decision.h"

#define DRIP_BLANKS 6000 /* ten minutes of them before the permit */

static const char permit_text[] = "{\"decision\":true}";

/* Bodies that are wrong in one way each. */
static const struct {
	const char *word;
	const char *body;
} wrong[] = {
	{ "garbage", "\x8f\x01<html>decision: true</html>" },
	{ "empty", "" },
	{ "nodecision", "{\"context\":{\"decision\":true}}" },
	{ "stringdecision", "{\"decision\":\"true\"}" },
	{ "numberdecision", "{\"decision\":1}" },
	{ "nulldecision", "{\"decision\":null}" },
	{ "dupkey", "{\"decision\":true,\"context\":{\"a\":1,\"a\":2}}" },
	{ "twodecisions", "{\"decision\":false,\"decision\":true}" },
	{ "trailing", "{\"decision\":true}{\"decision\":true}" },
	{ "array", "[{\"decision\":true}]" },
	{ "cut", "{\"decision\":true,\"context\":{" },
	{ "badcontext", "{\"decision\":true,\"context\":[]}" },
	{ "badutf8", "{\"decision\":true,\"context\":{\"reason\":\"\xff\"}}" },
};

/* Proper answers that leave in an improper way. */
static const struct {
	const char *word;
	struct reply reply;
} manners[] = {
	{ "hang", { .manner = REPLY_HANG } },
	{ "drip", { .manner = REPLY_DRIP } },
	{ "endless", { .manner = REPLY_ENDLESS } },
	{ "truncate", { .manner = REPLY_TRUNCATE } },
	{ "close", { .manner = REPLY_CLOSE } },
	{ "redirect", { .status = 302, .redirect = true } },
	{ "wrongid", { .wrong_id = true } },
	{ "headers", { .big_headers = true } },
};

static json_t *
obligation_new(const char *type, const char *notice)
{
	if (notice != NULL)
		return json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", "notice-1",
		    "type", "custom", "properties", "vendor", "zt", "notice",
		    notice);
	return json_pack("{s:s, s:s, s:{}}", "id", "other-1", "type", type,
	    "properties");
}

/* An honest answer in AuthZEN's form. */
static char *
honest_text(const struct table_answer *answer, bool decision)
{
	static const char *const keys[] = { "reason", "reason_admin",
		"policy" };
	const char *notice = table_option(answer, "notice");
	const char *obligation = table_option(answer, "obligation");
	json_auto_t *root = json_pack("{s:b, s:{s:[]}}", "decision", decision,
	    "context", "obligations");
	json_t *context = json_object_get(root, "context");
	json_t *list = json_object_get(context, "obligations");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *text = table_option(answer, keys[i]);

		if (text == NULL)
			continue;
		/* AuthZEN's name for what may be shown to the user */
		(void)json_object_set_new(context,
		    i == 0 ? "reason_user" : keys[i], json_string(text));
	}
	if (notice != NULL)
		(void)json_array_append_new(list, obligation_new("", notice));
	if (obligation != NULL)
		(void)json_array_append_new(list,
		    obligation_new(obligation, NULL));
	if (json_array_size(list) == 0)
		(void)json_object_del(context, "obligations");
	return root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
}

/* A permit with an extra of n bytes, or nested n deep. */
static char *
padded_text(size_t n, char open, char close)
{
	static const char head[] = "{\"decision\":true,\"context\":{\"x\":";
	size_t len = sizeof(head) - 1;
	char *text = malloc(len + 2 * n + 3);

	if (text == NULL)
		return NULL;
	memcpy(text, head, len);
	memset(text + len, open, n);
	memset(text + len + n, close, n);
	if (open == 'a')
		text[len] = text[len + 2 * n - 1] = '"';
	memcpy(text + len + 2 * n, "}}", 3);
	return text;
}

/* The permit of a manner, behind blanks so that dripping takes its time. */
static char *
manner_text(enum reply_manner manner)
{
	char *text = NULL;

	if (manner == REPLY_ENDLESS)
		return strdup("{\"decision\":true,\"context\":{\"x\":\"");
	if (manner != REPLY_DRIP)
		return strdup(permit_text);
	if (asprintf(&text, "%*s", DRIP_BLANKS, permit_text) < 0)
		return NULL;
	return text;
}

static unsigned
number_of(const struct table_answer *answer, const char *key,
    unsigned otherwise)
{
	const char *text = table_option(answer, key);

	return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

/* The answers whose whole point is their body; NULL if it is none. */
static char *
body_of(const struct table_answer *answer, const char *word)
{
	const char *raw = table_option(answer, "body");

	if (strcmp(word, "permit") == 0 || strcmp(word, "deny") == 0)
		return honest_text(answer, strcmp(word, "permit") == 0);
	if (strcmp(word, "raw") == 0 && raw != NULL)
		return strdup(raw);
	if (strcmp(word, "status") == 0)
		return strdup(permit_text);
	if (strcmp(word, "deep") == 0)
		return padded_text(ZT_ANSWER_DEPTH_MAX, '[', ']');
	if (strcmp(word, "big") == 0)
		return padded_text(ZT_ANSWER_MAX, 'a', 'a');
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (strcmp(word, wrong[i].word) == 0)
			return strdup(wrong[i].body);
	return NULL;
}

bool
reply_make(const struct table_answer *answer, struct reply *out)
{
	const char *word = answer->n == 0 ? "deny" : answer->words[0];
	struct reply reply = { .body = body_of(answer, word) };

	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		if (reply.body != NULL || strcmp(word, manners[i].word) != 0)
			continue;
		reply = manners[i].reply;
		reply.body = manner_text(reply.manner);
	}
	if (reply.body == NULL)
		return false;
	if (reply.status == 0)
		reply.status = (int)number_of(answer, "code", 200);
	reply.delay_ms = number_of(answer, "delay_ms", 0);
	*out = reply;
	return true;
}

void
reply_clear(struct reply *reply)
{
	free(reply->body);
	*reply = (struct reply){ 0 };
}
