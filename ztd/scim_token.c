/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bearer.h"
#include "scim_token.h"
#include "source.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/scim.h"
#include "zt/text.h"

#define ANSWER_MAX     65536 /* of the token endpoint, bytes */
#define LIFE_DEFAULT_S 60    /* where expires_in is not said */
#define LIFE_MAX_S     86400
#define ERROR_MAX      80

struct scim_token {
	const struct conf_source *conf; /* borrowed */
	struct fetcher *fetcher;        /* borrowed */
	struct bearer *file;            /* bearer_file or the secret's */
	char *token;                    /* owned, wiped; client credentials */
	int64_t until_ms;               /* of boot time: token is good */
	struct fetch *fetch;            /* under way, or NULL */
	scim_token_done *done;          /* NULL: nobody waits */
	void *arg;
};

enum zt_err
scim_token_new(const struct conf_source *conf, struct fetcher *fetcher,
    struct scim_token **out)
{
	const char *path = conf->token_url != NULL ? conf->client_secret_file
						   : conf->bearer_file;
	zt_auto_free struct scim_token *t = calloc(1, sizeof(*t));
	enum zt_err err;

	if (t == NULL)
		return ZT_ERR_NOMEM;
	t->conf = conf;
	t->fetcher = fetcher;
	if (path != NULL && (err = bearer_new(path, &t->file)) != ZT_OK)
		return err;
	*out = zt_take(t);
	return ZT_OK;
}

static void
token_drop(struct scim_token *t)
{
	zt_wipep(&t->token);
	t->token = NULL;
}

void
scim_token_cancel(struct scim_token *t)
{
	t->done = NULL;
}

void
scim_token_free(struct scim_token *t)
{
	if (t == NULL)
		return;
	fetch_cancel(t->fetch);
	token_drop(t);
	bearer_free(t->file);
	free(t);
}

bool
scim_token_renew(struct scim_token *t)
{
	if (t->conf->token_url != NULL) {
		token_drop(t);
		return true;
	}
	return t->file != NULL && bearer_renew(t->file);
}

/* ---- client credentials ---- */

static bool
token_valid(const char *token)
{
	const size_t len = token == NULL ? 0 : strlen(token);

	for (size_t i = 0; i < len; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return false;
	return len > 0 && len <= BEARER_MAX;
}

/* How long to use it: a tenth less than it lives. */
static int64_t
life_ms(const json_t *root)
{
	const json_t *value = json_object_get(root, "expires_in");
	json_int_t s =
	    json_is_integer(value) ? json_integer_value(value) : LIFE_DEFAULT_S;

	if (s < 0)
		s = 0;
	if (s > LIFE_MAX_S)
		s = LIFE_MAX_S;
	return s * 900;
}

static const char *
token_keep(struct scim_token *t, const json_t *root)
{
	const char *type =
	    json_string_value(json_object_get(root, "token_type"));
	const char *token =
	    json_string_value(json_object_get(root, "access_token"));

	if (type == NULL || strcasecmp(type, "bearer") != 0 ||
	    !token_valid(token))
		return "token_url answers no bearer token: check that it is "
		       "the token endpoint";
	if ((t->token = strdup(token)) == NULL)
		return "out of memory";
	t->until_ms = stamp_boottime_ms() + life_ms(root);
	return NULL;
}

/* What the token endpoint refused (RFC 6749 s5.2). */
static void
say_refused(const struct fetch_answer *answer, const json_t *root,
    char why[SOURCE_WHY_MAX])
{
	const char *error = json_string_value(json_object_get(root, "error"));
	char text[ERROR_MAX];

	(void)zt_escape(text, sizeof(text), zt_str(error));
	if (answer->status == 0)
		(void)snprintf(why, SOURCE_WHY_MAX, "token_url: %s",
		    answer->error);
	else
		(void)snprintf(why, SOURCE_WHY_MAX,
		    "token_url answers HTTP %d%s%s: check client_id, "
		    "client_secret_file and token_scope",
		    answer->status, text[0] != '\0' ? " " : "", text);
}

/*
 * The token must not stay in freed memory.  fetch.c wipes the answer, this the
 * tree's copy; one that the parser made on the way is not to be had.
 */
static void
token_wipe(const json_t *root)
{
	const json_t *token = json_object_get(root, "access_token");

	if (json_is_string(token))
		explicit_bzero((void *)(uintptr_t)json_string_value(token),
		    json_string_length(token));
}

static void
on_token(void *arg, const struct fetch_answer *answer)
{
	struct scim_token *t = arg;
	scim_token_done *done = zt_take(t->done);
	char why[SOURCE_WHY_MAX] = "";
	json_auto_t *root =
	    json_loadb(answer->body, answer->len, JSON_REJECT_DUPLICATES, NULL);
	const char *fault = why;

	t->fetch = NULL;
	if (answer->status == 200)
		fault = token_keep(t, root);
	else
		say_refused(answer, root, why);
	token_wipe(root);
	if (done != NULL)
		done(t->arg, fault == NULL ? t->token : NULL, fault);
}

static char *
encoded(const char *text)
{
	char *out = malloc(3 * strlen(text) + 1);

	if (out != NULL)
		zt_scim_encode(out, text);
	return out;
}

/* RFC 6749 s2.3.1: id and secret are encoded before they are Basic.  libcurl
 * does not wipe its copies of them. */
static enum zt_err
token_ask(struct scim_token *t, const char *secret)
{
	const char *scope = t->conf->token_scope;
	zt_auto_free char *user = encoded(t->conf->client_id);
	zt_auto_wipe char *password = encoded(secret);
	zt_auto_free char *scope_text = encoded(scope == NULL ? "" : scope);
	zt_auto_free char *body = NULL;
	struct fetch_request request = {
		.url = t->conf->token_url,
		.type = "application/x-www-form-urlencoded",
		.accept = "application/json",
		.user = user,
		.password = password,
		.ca_file = t->conf->ca_file,
		.timeout_ms = t->conf->timeout_ms,
		.body_max = ANSWER_MAX,
	};

	if (user == NULL || password == NULL || scope_text == NULL ||
	    asprintf(&body, "grant_type=client_credentials%s%s",
		scope == NULL ? "" : "&scope=", scope_text) < 0) {
		body = NULL;
		return ZT_ERR_NOMEM;
	}
	request.body = body;
	return fetch_start(t->fetcher, &request, on_token, t, &t->fetch);
}

void
scim_token_get(struct scim_token *t, scim_token_done *done, void *arg)
{
	const bool by_client = t->conf->token_url != NULL;
	const char *text = NULL;
	char why[SOURCE_WHY_MAX];
	enum zt_err err;

	if (by_client && t->token != NULL &&
	    stamp_boottime_ms() < t->until_ms) {
		done(arg, t->token, NULL);
		return;
	}
	if (t->file != NULL && (err = bearer_get(t->file, &text)) != ZT_OK) {
		(void)snprintf(why, sizeof(why), "%s: %s",
		    by_client ? t->conf->client_secret_file
			      : t->conf->bearer_file,
		    zt_strerror(err));
		done(arg, NULL, why);
		return;
	}
	if (!by_client) {
		done(arg, text, NULL);
		return;
	}
	t->done = done;
	t->arg = arg;
	if (t->fetch != NULL) /* for somebody who gave up */
		return;
	token_drop(t);
	if ((err = token_ask(t, text)) != ZT_OK) {
		t->done = NULL;
		done(arg, NULL, zt_strerror(err));
	}
}
