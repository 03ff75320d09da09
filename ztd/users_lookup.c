/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "source_scim.h"
#include "stamp.h"
#include "users_state.h"

/*
 * Users who are newer than the last sync: the sources with lookup = yes are
 * asked for one at the moment somebody looks for that name, one after the
 * other until one has it.  Anybody may look, and make up names: who does not
 * exist is remembered, one name is asked about at a time, and few in a minute.
 */

#define TIMEOUT_MS 180               /* all; the NSS module waits 250 ms */
#define GONE_US    INT64_C(30000000) /* how long nobody stays nobody */
#define TOKENS_MAX 10                /* questions at once ... */
#define TOKEN_US   INT64_C(1000000)  /* ... and then one in so long */

static struct users_gone *
gone_slot(struct users_lookup *lookup, struct zt_str name)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < name.len; i++)
		hash = hash * 31 + (uint8_t)name.p[i];
	return &lookup->gone[hash % USERS_GONE_MAX];
}

static bool
is_gone(struct users_lookup *lookup, struct zt_str name, int64_t now_us)
{
	const struct users_gone *gone = gone_slot(lookup, name);

	return now_us < gone->until_us && zt_str_is(name, gone->name);
}

/* Is a question left in the bucket?  It is taken once it was asked. */
static bool
token_is_left(struct users_lookup *lookup, int64_t now_us)
{
	const int64_t full_us = TOKENS_MAX * TOKEN_US;

	if (now_us - lookup->spent_us > full_us)
		lookup->spent_us = now_us - full_us;
	return now_us - lookup->spent_us >= TOKEN_US;
}

static void
end(struct users *users, bool found)
{
	struct users_lookup *lookup = &users->lookup;
	users_found *done = lookup->done;

	lookup->done = NULL;
	if (done != NULL)
		done(lookup->arg, found);
}

static void on_found(void *arg, enum zt_err err);

/* Ask the next source that can be asked.  False: there is none. */
static bool
ask_next(struct users *users)
{
	struct users_lookup *lookup = &users->lookup;

	while (lookup->next < users->n_sources) {
		const int64_t left_ms =
		    (lookup->until_us - stamp_monotonic_us()) / 1000;
		struct source *s = users->sources[lookup->next++];

		if (!s->conf->lookup)
			continue;
		if (left_ms > 0 &&
		    source_scim_lookup(s, zt_str(lookup->name),
			(unsigned)left_ms, on_found, users) == ZT_OK)
			return true;
		lookup->unsure = true;
	}
	return false;
}

/* A source has found the user: put in force what it found. */
static enum zt_err
found(struct users *users)
{
	struct zt_snapshot_user user;

	users_publish(users); /* before who asked is told */
	if (users->error[0] != '\0')
		return ZT_ERR_UNAVAIL;
	return zt_snapshot_user(&users->snapshot, zt_str(users->lookup.name),
	    &user); /* the merge may have refused it */
}

/* A source has answered. */
static void
on_found(void *arg, enum zt_err err)
{
	struct users *users = arg;
	struct users_lookup *lookup = &users->lookup;
	struct users_gone *gone = gone_slot(lookup, zt_str(lookup->name));

	if (err == ZT_OK && (err = found(users)) == ZT_OK) {
		end(users, true);
		return;
	}
	if (err != ZT_ERR_NOTFOUND && err != ZT_ERR_DENIED)
		lookup->unsure = true;
	if (ask_next(users))
		return;
	if (!lookup->unsure) {
		strcpy(gone->name, lookup->name);
		gone->until_us = stamp_monotonic_us() + GONE_US;
	}
	end(users, false);
}

/* Who is in the snapshot is known, and who is local is not for a source to
 * give: initgroups(3) asks about root, too. */
static bool
is_known(const struct users *users, struct zt_str name)
{
	struct zt_snapshot_user user;

	return !users->mapped || users->local == NULL ||
	    zt_snapshot_user(&users->snapshot, name, &user) !=
	    ZT_ERR_NOTFOUND ||
	    zt_local_has_user(users->local, users->lookup.name);
}

bool
users_lookup(struct users *users, struct zt_str name, users_found *done,
    void *arg)
{
	struct users_lookup *lookup = &users->lookup;
	const int64_t now_us = stamp_monotonic_us();

	if (lookup->done != NULL ||
	    zt_str_copy(lookup->name, sizeof(lookup->name), name) != ZT_OK ||
	    is_known(users, name) || is_gone(lookup, name, now_us) ||
	    !token_is_left(lookup, now_us))
		return false;
	lookup->done = done;
	lookup->arg = arg;
	lookup->next = 0;
	lookup->unsure = false;
	lookup->until_us = now_us + TIMEOUT_MS * INT64_C(1000);
	if (!ask_next(users)) {
		lookup->done = NULL;
		return false;
	}
	lookup->spent_us += TOKEN_US;
	return true;
}

void
users_settle(struct users *users)
{
	if (users != NULL)
		end(users, false);
}
