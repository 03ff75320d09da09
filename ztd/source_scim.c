/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scim_sync.h"
#include "stamp.h"
#include "zt/time.h"

/*
 * A SCIM 2.0 service.  A full sync asks for all users, then all groups, page
 * by page; in between, syncs ask for what was modified, and put that over what
 * is known.  Deletions are seen by full syncs alone.
 *
 * Nothing is applied before the last page has come and every page has held:
 * zt/scim.h.
 */

static bool
full_is_due(const struct scim *scim)
{
	const int64_t age_ms = stamp_now_ms() - scim->mark.full_ms;
	const int64_t interval_ms =
	    (int64_t)scim->source->conf->full_interval_s * 1000;

	return scim->all == NULL || scim->no_filter || !scim->mark.dated ||
	    scim->mark.newest_us < SCIM_OVERLAP_MS * 1000 || age_ms < 0 ||
	    age_ms >= interval_ms;
}

/* The same words each time, or each would be logged. */
static void
fail_waiting(const struct scim *scim)
{
	char until[ZT_TIME_MAX];

	if (zt_time_ms(scim->wait_until_wall_ms, until) != ZT_OK)
		(void)strcpy(until, "later");
	source_fail(scim->source, "the service asked to be left alone until %s",
	    until);
}

static void
scim_begin(struct source *s)
{
	struct scim *scim = s->priv;
	const int64_t now_ms = stamp_boottime_ms();
	bool full;

	if (now_ms < scim->wait_until_ms) {
		fail_waiting(scim);
		return;
	}
	scim_lookup_end(scim, ZT_ERR_UNAVAIL);
	scim->sync = (struct scim_sync){ .phase = SCIM_NONE,
		.began_ms = stamp_now_ms(),
		.began_boot_ms = now_ms };
	full = full_is_due(scim);
	if (full)
		scim->service_known = false; /* it may have learnt */
	scim_sync_begin(scim, full);
}

static const char *
text_or(const char *text)
{
	return text == NULL ? "-" : text;
}

/* All that decides who is asked for, and what becomes of the answer. */
static char *
config_text(const struct conf_source *c)
{
	char *text;

	return asprintf(&text, "%s %s %s %s %s %s %s %s %s %s %s", c->url,
		   text_or(c->user_filter), text_or(c->group_filter),
		   text_or(c->attr_name), text_or(c->attr_uid),
		   text_or(c->attr_gid), text_or(c->attr_gecos),
		   text_or(c->attr_home), text_or(c->attr_shell),
		   text_or(c->attr_group_name), text_or(c->attr_group_gid)) < 0
	    ? NULL
	    : text;
}

static enum zt_err
scim_create(struct source *s)
{
	const struct conf_source *c = s->conf;
	struct scim *scim = calloc(1, sizeof(*scim));
	enum zt_err err;

	if (scim == NULL)
		return ZT_ERR_NOMEM;
	s->priv = scim; /* from here on destroy() frees it */
	scim->source = s;
	scim->write_whole = true;
	scim->map = (struct zt_scim_map){
		.name = c->attr_name,
		.uid = c->attr_uid,
		.gid = c->attr_gid,
		.gecos = c->attr_gecos,
		.home = c->attr_home,
		.shell = c->attr_shell,
		.group_name = c->attr_group_name,
		.group_gid = c->attr_group_gid,
	};
	if ((scim->config = config_text(c)) == NULL)
		return ZT_ERR_NOMEM;
	if ((err = scim_token_new(c, s->fetcher, &scim->token)) != ZT_OK)
		return err;
	return scim_build_restore(scim);
}

static void
scim_destroy(struct source *s)
{
	struct scim *scim = s->priv;

	if (scim == NULL)
		return;
	if (scim->token != NULL) {
		scim_sync_clear(scim);
		scim_lookup_clear(scim);
	}
	scim_token_free(scim->token);
	zt_scim_catalog_free(scim->all);
	zt_scim_catalog_free(scim->unwritten);
	free(scim->config);
	free(scim);
	s->priv = NULL;
}

const struct source_type source_scim = {
	.name = "scim",
	.remote = true,
	.create = scim_create,
	.sync = scim_begin,
	.in_force = scim_in_force,
	.destroy = scim_destroy,
};
