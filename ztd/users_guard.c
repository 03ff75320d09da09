/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "say.h"
#include "users_state.h"
#include "zt/auto.h"
#include "zt/text.h"

/*
 * Nobody is wiped out by an outage.  Before a snapshot is written, who would
 * exist is compared with who does: by uid, after all rules, so that a source
 * whose records are all refused of a sudden is seen as well as one that is
 * empty.  A source that loses too many is held: its last set goes on.
 */

/* Room for n uids. */
static enum zt_err
reserve(struct users_in_force *in_force, size_t n)
{
	in_force->uids = calloc(n + 1, sizeof(*in_force->uids));
	return in_force->uids == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

enum zt_err
users_guard_begin(struct users *users)
{
	struct users_in_force *in_force = &users->in_force;
	const struct zt_snapshot *snapshot = &users->snapshot;
	struct zt_snapshot_user user;
	enum zt_err err;
	size_t n = 0;

	err = reserve(in_force, users->mapped ? snapshot->info.users : 0);
	if (err != ZT_OK)
		return err;
	for (size_t i = 0; i < users->conf->n_sources; i++) {
		const char *name = users->conf->sources[i].name;
		uint32_t cursor = 0;

		while (users->mapped && n < snapshot->info.users &&
		    zt_snapshot_user_next(snapshot, &cursor, &user) == ZT_OK)
			if (zt_str_is(zt_snapshot_source(snapshot, user.source),
				name))
				in_force->uids[n++] = user.uid;
		in_force->ends[i] = n;
	}
	return ZT_OK;
}

enum zt_err
users_guard_collect(const struct zt_directory *directory, size_t n_sources,
    struct users_in_force *out)
{
	enum zt_err err;
	size_t n = 0;

	if ((err = reserve(out, directory->n_users)) != ZT_OK)
		return err;
	for (size_t i = 0; i < n_sources; i++) {
		while (n < directory->n_users &&
		    directory->users[n].source == i) {
			out->uids[n] = directory->users[n].uid;
			n++;
		}
		out->ends[i] = n;
	}
	return ZT_OK;
}

size_t
users_in_force_count(const struct users_in_force *in_force, size_t source)
{
	return in_force->ends[source] -
	    (source == 0 ? 0 : in_force->ends[source - 1]);
}

/* The first record of a source that is refused, or NULL. */
static const struct zt_refusal *
first_refusal(const struct zt_directory *directory, size_t source)
{
	for (size_t i = 0; i < directory->n_refusals; i++)
		if (directory->refusals[i].source == source)
			return &directory->refusals[i];
	return NULL;
}

/* What happened, for the administrator, who sees records only of what is in
 * force. */
static void
explain(char why[SOURCE_WHY_MAX], const struct zt_directory *directory,
    size_t source, size_t lost)
{
	const struct zt_refusal *refusal = first_refusal(directory, source);
	char key[64 * ZT_ESCAPE_GROWTH];

	if (refusal == NULL) {
		(void)snprintf(why, SOURCE_WHY_MAX,
		    "%zu users are gone at once", lost);
		return;
	}
	(void)zt_escape(key, sizeof(key), zt_str(refusal->key));
	(void)snprintf(why, SOURCE_WHY_MAX,
	    "%zu users are gone at once (record %.64s: %.128s)", lost, key,
	    refusal->why);
}

enum zt_err
users_guard(struct users *users, const struct zt_directory *directory,
    const struct users_in_force *then, size_t *lost, bool *held)
{
	char why[SOURCE_WHY_MAX];
	enum zt_err err;

	*held = false;
	err = zt_directory_lost(directory, users->in_force.uids,
	    users->in_force.ends, users->n_sources, lost);
	for (size_t i = 0; i < users->n_sources && err == ZT_OK; i++) {
		struct source *s = users->sources[i];
		const size_t remain = users_in_force_count(then, i);

		if (users->forced)
			lost[i] = 0;
		if (!source_loses_too_many(s, lost[i], remain))
			continue;
		explain(why, directory, i, lost[i]);
		*held = source_hold(s, remain, why);
		if (*held)
			return ZT_OK;
		users_refuse(users,
		    "source %s: %s; nothing changes until they are back, or "
		    "until \"ztctl identity apply --force\"",
		    s->conf->name, why);
		return ZT_ERR_DENIED;
	}
	return err;
}
