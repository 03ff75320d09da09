/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scim_sync.h"
#include "scim_url.h"
#include "source_scim.h"
#include "zt/auto.h"

#define ANSWER_MAX (1 << 20) /* one user, bytes */
#define COUNT      2         /* one too many tells that it is not the one */

/* One question, between two syncs. */
struct scim_lookup {
	char name[ZT_NAME_MAX + 1];
	unsigned timeout_ms;
	source_scim_found *done;
	void *arg;
	struct fetch *fetch; /* or NULL */
};

void
scim_lookup_clear(struct scim *scim)
{
	struct scim_lookup *lookup = zt_take(scim->lookup);

	if (lookup == NULL)
		return;
	scim_token_cancel(scim->token);
	fetch_cancel(lookup->fetch);
	free(lookup);
}

void
scim_lookup_end(struct scim *scim, enum zt_err err)
{
	struct scim_lookup *lookup = scim->lookup;
	source_scim_found *done;
	void *arg;

	if (lookup == NULL)
		return;
	done = lookup->done;
	arg = lookup->arg;
	scim_lookup_clear(scim);
	done(arg, err);
}

/* Is it the user who was asked for?  A service may not tell case apart. */
static bool
is_asked_for(const char *record, const char *name)
{
	json_auto_t *root = json_loads(record, JSON_REJECT_DUPLICATES, NULL);
	const char *said = json_string_value(json_object_get(root, "userName"));

	return said != NULL && strcmp(said, name) == 0;
}

/*
 * Is the record in the set in force already?  Then nothing has changed: it is
 * perhaps one that the merge refuses, whoever asks again.
 */
static bool
user_same(const struct scim *scim, const struct zt_set *set,
    const struct zt_scim_catalog *found)
{
	bool same = false;

	return scim->built == set &&
	    zt_scim_catalog_within(found, scim->all, &same) == ZT_OK && same;
}

/*
 * Into the set in force, and into what is remembered: a sync that asks for what
 * was modified need not bring the user, and a restart must not lose one who may
 * have logged in.  A full sync tells.
 */
static enum zt_err
user_apply(struct scim *scim, struct zt_set *set, struct zt_scim_catalog *found)
{
	zt_auto_free struct zt_scim_entry *entries = NULL;
	const struct zt_set_record *record;
	char key[ZT_SCIM_KEY_MAX];
	size_t n = 0;

	if (zt_scim_catalog_list(found, &entries, &n) != ZT_OK || n != 1)
		return ZT_ERR_UNAVAIL;
	if (!is_asked_for(entries[0].record, scim->lookup->name))
		return ZT_ERR_NOTFOUND;
	(void)snprintf(key, sizeof(key), "%s/%s",
	    zt_scim_endpoint(ZT_SCIM_USER), entries[0].id);
	if (!user_same(scim, set, found)) {
		if (zt_scim_entry_add(found, &entries[0], set) != ZT_OK ||
		    scim_build_add(scim, found) != ZT_OK)
			return ZT_ERR_UNAVAIL;
		source_touched(scim->source);
	}
	record = zt_set_find(set, key);
	return record != NULL && record->user != NULL ? ZT_OK : ZT_ERR_DENIED;
}

/* One resource, and no more that are kept back; or none. */
static enum zt_err
take_list(struct scim *scim, const struct zt_scim_list *list)
{
	struct zt_set *set = source_set(scim->source);
	struct zt_scim_query query = { .kind = ZT_SCIM_USER,
		.map = &scim->map,
		.after_us = ZT_SCIM_NEVER,
		.newest_us = ZT_SCIM_NEVER };
	const char *why = NULL;
	enum zt_err err;

	if (list->n == 0 && list->total == 0)
		return ZT_ERR_NOTFOUND;
	if (list->n != 1 || list->total > 1 || list->next_cursor != NULL ||
	    set == NULL || zt_scim_catalog_new(&query.into) != ZT_OK)
		return ZT_ERR_UNAVAIL;
	err = zt_scim_page_take(&query, list, &why);
	err = err == ZT_OK ? user_apply(scim, set, query.into) : ZT_ERR_UNAVAIL;
	zt_scim_catalog_free(query.into);
	return err;
}

static void
on_answer(void *arg, const struct fetch_answer *answer)
{
	struct scim *scim = arg;
	enum zt_err err = ZT_ERR_UNAVAIL;
	struct zt_scim_list list;
	const char *why = NULL;

	scim->lookup->fetch = NULL;
	if (answer->status ==
	    401) /* too late for this one, in time for the next */
		(void)scim_token_renew(scim->token);
	if (answer->status == 200 && scim_type_fits(answer->type) &&
	    zt_scim_list_parse((struct zt_str){ answer->body, answer->len },
		&list, &why) == ZT_OK) {
		err = take_list(scim, &list);
		zt_scim_list_clear(&list);
	}
	scim_lookup_end(scim, err);
}

static void
on_token(void *arg, const char *token, const char *why)
{
	struct scim *scim = arg;
	struct scim_lookup *lookup = scim->lookup;
	zt_auto_free char *text = NULL;
	struct zt_scim_pager pager;
	const struct scim_url url = { .conf = scim->source->conf,
		.map = &scim->map,
		.kind = ZT_SCIM_USER,
		.name = lookup->name,
		.after_ms = ZT_SCIM_NEVER,
		.all_attributes = scim->no_attributes,
		.pager = &pager };
	struct fetch_request request = {
		.accept = SCIM_ACCEPT,
		.bearer = token,
		.ca_file = scim->source->conf->ca_file,
		.timeout_ms = lookup->timeout_ms,
		.body_max = ANSWER_MAX,
	};

	zt_scim_pager_init(&pager, COUNT, false);
	if (why == NULL && scim_url_page(&url, &text) == ZT_OK) {
		request.url = text;
		if (fetch_start(scim->source->fetcher, &request, on_answer,
			scim, &lookup->fetch) == ZT_OK)
			return;
	}
	scim_lookup_end(scim, ZT_ERR_UNAVAIL);
}

enum zt_err
source_scim_lookup(struct source *s, struct zt_str name, unsigned timeout_ms,
    source_scim_found *done, void *arg)
{
	struct scim *scim = s->priv;
	struct scim_lookup *lookup;

	if (!zt_name_valid(name))
		return ZT_ERR_INVAL;
	if (scim->sync.phase != SCIM_NONE || scim->lookup != NULL ||
	    source_set(s) == NULL)
		return ZT_ERR_UNAVAIL;
	if ((lookup = calloc(1, sizeof(*lookup))) == NULL)
		return ZT_ERR_NOMEM;
	memcpy(lookup->name, name.p, name.len);
	lookup->timeout_ms = timeout_ms;
	lookup->done = done;
	lookup->arg = arg;
	scim->lookup = lookup;
	scim_token_get(scim->token, on_token, scim);
	return ZT_OK;
}

void
source_scim_lookup_cancel(struct source *s)
{
	scim_lookup_clear(s->priv);
}
