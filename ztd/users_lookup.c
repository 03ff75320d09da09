/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../common/identity/hash.h"
#include "source_scim.h"
#include "stamp.h"
#include "users_state.h"

/*
 * Users who are newer than the last sync: the sources with lookup = yes are
 * asked for one at the moment somebody looks for that name, one after the
 * other until one has it.  Anybody may look, and make up names: who does not
 * exist is remembered, one name is asked about at a time, and few in a minute.
 * Root, whose sshd waits, has questions of its own, and is not kept waiting by
 * a stranger's.
 *
 * No such user is said only if every source says so; who hears that nobody can
 * tell may ask again.
 */

#define TIMEOUT_MS    180               /* all; the NSS module waits 250 ms */
#define GONE_US       INT64_C(30000000) /* how long nobody stays nobody */
#define TOKENS_MAX    10                /* questions at once ... */
#define TOKEN_US      INT64_C(1000000)  /* ... and then one in so long */
#define WAITERS_SPARE 4                 /* for root */

/* The places are not to be foreseen, or a stranger could push a name out. */
static struct users_gone *
gone_slot(struct users_lookup *lookup, const char *name)
{
	while (lookup->seed == 0)
		lookup->seed = hash_seed();
	return &lookup->gone[hash_text(lookup->seed, name) % USERS_GONE_MAX];
}

static bool
is_gone(struct users_lookup *lookup, const char *name, int64_t now_us)
{
	const struct users_gone *gone = gone_slot(lookup, name);

	return now_us < gone->until_us && strcmp(name, gone->name) == 0;
}

static void
gone_remember(struct users_lookup *lookup)
{
	struct users_gone *gone = gone_slot(lookup, lookup->name);

	strcpy(gone->name, lookup->name);
	gone->until_us = stamp_monotonic_us() + GONE_US;
}

/* Is a question left in the bucket?  It is taken once it was asked. */
static bool
token_is_left(int64_t *spent_us, int64_t now_us)
{
	const int64_t full_us = TOKENS_MAX * TOKEN_US;

	if (now_us - *spent_us > full_us)
		*spent_us = now_us - full_us;
	return now_us - *spent_us >= TOKEN_US;
}

/* Tell all who wait. */
static void
end(struct users *users, enum zt_err err)
{
	struct users_lookup *lookup = &users->lookup;
	struct users_waiter waiters[USERS_WAITERS_MAX];
	const size_t n = lookup->n_waiters;

	memcpy(waiters, lookup->waiters, sizeof(waiters));
	lookup->n_waiters = 0;
	lookup->timer = sd_event_source_disable_unref(lookup->timer);
	for (size_t i = 0; i < n; i++)
		waiters[i].done(waiters[i].arg, err);
}

/* The source that is being asked. */
static struct source *
asked(const struct users *users)
{
	return users->sources[users->lookup.next - 1];
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

/* May a publication be now, or is it planned for a time that is too late for
 * this answer, because the last one took so long? */
static bool
is_due(const struct users *users)
{
	uint64_t at = 0;

	(void)sd_event_source_get_time(users->timer, &at);
	return at <= (uint64_t)users->lookup.until_us;
}

/*
 * Put in force what was found.  What the source has brought before, and the
 * merge has refused, is not merged again: that takes long, and anybody can ask.
 */
static enum zt_err
publish(struct users *users)
{
	if (!asked(users)->clock->unpublished)
		return users->error[0] == '\0' ? ZT_OK : ZT_ERR_UNAVAIL;
	if (!is_due(users))
		return ZT_ERR_UNAVAIL;
	users_publish(users);
	if (users->error[0] != '\0')
		return ZT_ERR_UNAVAIL;
	/* nothing is left of what was planned for it */
	if (users->watch_etc != NULL)
		(void)sd_event_source_set_enabled(users->timer, SD_EVENT_OFF);
	return ZT_OK;
}

/* A source has found the user: is he in the snapshot? */
static enum zt_err
found(struct users *users)
{
	struct zt_snapshot_user user;
	enum zt_err err = publish(users); /* before who asked is told */

	if (err != ZT_OK)
		return err;
	return zt_snapshot_user(&users->snapshot, zt_str(users->lookup.name),
	    &user); /* the merge may have refused it */
}

/* A source has answered. */
static void
on_found(void *arg, enum zt_err err)
{
	struct users *users = arg;
	struct users_lookup *lookup = &users->lookup;

	if (err == ZT_OK && (err = found(users)) == ZT_OK) {
		end(users, ZT_OK);
		return;
	}
	if (err != ZT_ERR_NOTFOUND && err != ZT_ERR_DENIED)
		lookup->unsure = true;
	if (ask_next(users))
		return;
	if (!lookup->unsure)
		gone_remember(lookup);
	end(users, lookup->unsure ? ZT_ERR_UNAVAIL : ZT_ERR_NOTFOUND);
}

void
users_settle(struct users *users)
{
	if (users == NULL || users->lookup.n_waiters == 0)
		return;
	source_scim_lookup_cancel(asked(users));
	end(users, ZT_ERR_UNAVAIL);
}

/* Whatever the sources do, a token's fetch included: time is up. */
static int
on_timer(sd_event_source *timer, uint64_t usec, void *arg)
{
	(void)timer;
	(void)usec;
	users_settle(arg);
	return 0;
}

static bool
any_source(const struct users *users)
{
	bool any = false;

	for (size_t i = 0; i < users->n_sources; i++)
		any = any || users->sources[i]->conf->lookup;
	return any;
}

/*
 * May the sources be asked about this name?  Who is in the snapshot is known,
 * and who is local is not for a source to give: initgroups(3) asks about root,
 * too.
 */
static enum zt_err
check_name(struct users *users, const char *name)
{
	struct zt_snapshot_user user;

	if (!users->mapped || !any_source(users) ||
	    zt_snapshot_user(&users->snapshot, zt_str(name), &user) !=
		ZT_ERR_NOTFOUND)
		return ZT_ERR_NOTFOUND;
	if (users->local == NULL)
		return ZT_ERR_UNAVAIL;
	return zt_local_has_user(users->local, name) ||
		is_gone(&users->lookup, name, stamp_monotonic_us())
	    ? ZT_ERR_NOTFOUND
	    : ZT_OK;
}

/* Wait for the answer that is under way. */
static enum zt_err
join(struct users_lookup *lookup, uid_t uid, const struct users_waiter *waiter)
{
	const size_t spare = uid == 0 ? 0 : WAITERS_SPARE;

	if (lookup->n_waiters + spare >= USERS_WAITERS_MAX)
		return ZT_ERR_UNAVAIL;
	lookup->waiters[lookup->n_waiters++] = *waiter;
	lookup->for_root = lookup->for_root || uid == 0;
	return ZT_OK;
}

/* Ask about lookup->name. */
static enum zt_err
begin(struct users *users, int64_t now_us)
{
	struct users_lookup *lookup = &users->lookup;

	lookup->next = 0;
	lookup->unsure = false;
	lookup->until_us = now_us + TIMEOUT_MS * INT64_C(1000);
	if (sd_event_add_time_relative(users->event, &lookup->timer,
		CLOCK_MONOTONIC, TIMEOUT_MS * UINT64_C(1000), 1, on_timer,
		users) < 0)
		return ZT_ERR_UNAVAIL;
	if (ask_next(users))
		return ZT_OK;
	lookup->timer = sd_event_source_disable_unref(lookup->timer);
	return ZT_ERR_UNAVAIL;
}

enum zt_err
users_lookup(struct users *users, struct zt_str name, uid_t uid,
    users_found *done, void *arg)
{
	struct users_lookup *lookup = &users->lookup;
	int64_t *spent_us = &lookup->spent_us[uid != 0];
	const struct users_waiter waiter = { done, arg };
	const int64_t now_us = stamp_monotonic_us();
	char text[ZT_NAME_MAX + 1];
	enum zt_err err;

	if (zt_str_copy(text, sizeof(text), name) != ZT_OK)
		return ZT_ERR_NOTFOUND;
	if ((err = check_name(users, text)) != ZT_OK)
		return err;
	if (lookup->n_waiters > 0 && strcmp(text, lookup->name) == 0)
		return join(lookup, uid, &waiter);
	if (!token_is_left(spent_us, now_us) ||
	    (lookup->n_waiters > 0 && (uid != 0 || lookup->for_root)))
		return ZT_ERR_UNAVAIL;
	users_settle(users); /* a stranger's makes way */
	strcpy(lookup->name, text);
	lookup->waiters[0] = waiter;
	lookup->n_waiters = 1;
	lookup->for_root = uid == 0;
	if ((err = begin(users, now_us)) == ZT_OK)
		*spent_us += TOKEN_US;
	else
		lookup->n_waiters = 0;
	return err;
}
