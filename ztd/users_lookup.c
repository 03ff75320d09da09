/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "source_scim.h"
#include "stamp.h"
#include "users_state.h"

/*
 * Users who are newer than the last sync: a source with lookup = yes is asked
 * for one at the moment somebody looks for that name.  Anybody may do so, and
 * make up names: what does not exist is remembered, one question is under way
 * at a time, and there are few in a minute.
 */

#define TIMEOUT_MS 180               /* the NSS module waits for 250 ms */
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

/* One question is taken out of the bucket, if there is one. */
static bool
token_take(struct users_lookup *lookup, int64_t now_us)
{
	const int64_t full_us = TOKENS_MAX * TOKEN_US;

	if (now_us - lookup->spent_us > full_us)
		lookup->spent_us = now_us - full_us;
	if (now_us - lookup->spent_us < TOKEN_US)
		return false;
	lookup->spent_us += TOKEN_US;
	return true;
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

/* The source has answered. */
static void
on_found(void *arg, enum zt_err err)
{
	struct users *users = arg;
	const struct zt_str name = zt_str(users->lookup.name);
	struct users_gone *gone = gone_slot(&users->lookup, name);

	if (err == ZT_OK)
		users_publish(users); /* before who asked is told */
	else if (err == ZT_ERR_NOTFOUND || err == ZT_ERR_DENIED) {
		strcpy(gone->name, users->lookup.name);
		gone->until_us = stamp_monotonic_us() + GONE_US;
	}
	end(users, err == ZT_OK);
}

bool
users_lookup(struct users *users, struct zt_str name, users_found *done,
    void *arg)
{
	struct users_lookup *lookup = &users->lookup;
	const int64_t now_us = stamp_monotonic_us();
	struct zt_snapshot_user user;

	if (lookup->done != NULL || !users->mapped ||
	    zt_str_copy(lookup->name, sizeof(lookup->name), name) != ZT_OK ||
	    zt_snapshot_user(&users->snapshot, name, &user) !=
		ZT_ERR_NOTFOUND ||
	    is_gone(lookup, name, now_us))
		return false;
	for (size_t i = 0; i < users->n_sources; i++) {
		if (!users->sources[i]->conf->lookup)
			continue;
		if (!token_take(lookup, now_us))
			return false;
		lookup->done = done;
		lookup->arg = arg;
		if (source_scim_lookup(users->sources[i], name, TIMEOUT_MS,
			on_found, users) == ZT_OK)
			return true;
		lookup->done = NULL;
	}
	return false;
}

void
users_settle(struct users *users)
{
	if (users != NULL)
		end(users, false);
}
