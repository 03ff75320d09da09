/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "say.h"
#include "source_clock.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/time.h"

#define JITTER_PERCENT 10   /* of the interval, either way */
#define HURRY_US       2000 /* changes come in bursts */
#define SHARE          4    /* changes keep a source busy one part in so many */
#define LOSS_WINDOW_US INT64_C(600000000) /* losses that add up */
#define RETRY_FIRST_S  2 /* after a failure; doubles up to the interval */

static const struct source_type *const types[] = { &source_files,
	&source_bundle, &source_scim };

static const struct source_type *
type_find(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i]->name, name) == 0)
			return types[i];
	return NULL;
}

/* Somewhere within the jitter around us. */
static uint64_t
jitter(uint64_t us)
{
	const uint64_t span = us / 100 * JITTER_PERCENT * 2 + 1;
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		return us;
	return us - span / 2 + random % span;
}

static void
plan(struct source *s, uint64_t us)
{
	struct source_clock *c = s->clock;

	c->next_us = stamp_monotonic_us() + (int64_t)us;
	(void)sd_event_source_set_time(c->timer, (uint64_t)c->next_us);
	(void)sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* A remote source is asked again after its interval, sooner if it failed. */
static void
plan_next(struct source *s)
{
	const unsigned failures = s->clock->failures;
	uint64_t wait_s = s->conf->interval_s;

	if (s->clock->again) {
		s->clock->again = false;
		plan(s, 0);
		return;
	}
	if (failures > 0 && failures < 16 &&
	    (uint64_t)RETRY_FIRST_S << (failures - 1) < wait_s)
		wait_s = (uint64_t)RETRY_FIRST_S << (failures - 1);
	if (!s->type->remote && failures == 0) {
		s->clock->next_us = 0; /* it is told of changes */
		return;
	}
	if (!s->type->remote && failures > 0)
		wait_s = RETRY_FIRST_S;
	plan(s, jitter(wait_s * 1000000));
}

static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct source *s = arg;

	(void)source;
	(void)usec;
	s->clock->next_us = 0;
	source_sync(s);
	return 0;
}

static void
sourcep_free(struct source **s)
{
	source_free(*s);
}

enum zt_err
source_new(const struct conf_source *conf, const struct source_options *options,
    struct source **out)
{
	zt_auto(sourcep_free) struct source *s = calloc(1, sizeof(*s));
	struct source_clock *c = calloc(1, sizeof(*c));
	enum zt_err err;

	if (s == NULL || c == NULL) {
		free(c);
		return ZT_ERR_NOMEM;
	}
	*c = (struct source_clock){ .changed = options->changed,
		.arg = options->arg,
		.max_loss_percent = options->max_loss_percent,
		.stale_after_s = options->stale_after_s };
	s->clock = c;
	s->conf = conf;
	s->event = options->event;
	s->fetcher = options->fetcher;
	if (asprintf(&s->state_file, "%s/%s", options->state_dir, conf->name) <
	    0) {
		s->state_file = NULL;
		return ZT_ERR_NOMEM;
	}
	if (sd_event_add_time(s->event, &c->timer, CLOCK_MONOTONIC, UINT64_MAX,
		1, on_timer, s) < 0 ||
	    sd_event_source_set_enabled(c->timer, SD_EVENT_OFF) < 0)
		return ZT_ERR_SYS;
	s->type = type_find(conf->type); /* from here on destroy() is due */
	if ((err = s->type->create(s)) != ZT_OK)
		return err;
	*out = zt_take(s);
	return ZT_OK;
}

void
source_free(struct source *s)
{
	if (s == NULL)
		return;
	if (s->type != NULL)
		s->type->destroy(s);
	if (s->clock != NULL) {
		(void)sd_event_source_disable_unref(s->clock->timer);
		zt_set_free(s->clock->set);
		zt_set_free(s->clock->next);
		zt_set_free(s->clock->held);
	}
	free(s->clock);
	free(s->state_file);
	free(s);
}

void
source_sync(struct source *s)
{
	struct source_clock *c = s->clock;

	if (c->syncing) {
		c->again = true;
		return;
	}
	c->syncing = true;
	c->began_us = stamp_monotonic_us();
	c->done = 0;
	c->total = 0;
	(void)sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	c->next_us = 0;
	s->type->sync(s);
}

void
source_hurry(struct source *s, bool whole)
{
	struct source_clock *c = s->clock;
	const int64_t now_us = stamp_monotonic_us();
	const int64_t from_us = whole ? c->rest_us : 0;
	int64_t at_us = now_us + HURRY_US;

	if (c->syncing) {
		c->again = true;
		return;
	}
	if (at_us < from_us)
		at_us = from_us;
	/* what is due stays so: changes without end must not put it off */
	if (c->next_us == 0 || c->next_us > at_us || c->next_us < from_us)
		plan(s, (uint64_t)(at_us - now_us));
}

void
source_progress(struct source *s, size_t done, size_t total)
{
	s->clock->done = done;
	s->clock->total = total;
}

/* The sync ended.  The rest after a long one outlasts short ones. */
static void
ended(struct source_clock *c)
{
	const int64_t now_us = stamp_monotonic_us();
	const int64_t rest_us = now_us + (SHARE - 1) * (now_us - c->began_us);

	c->syncing = false;
	if (rest_us > c->rest_us)
		c->rest_us = rest_us;
}

/* The sync ended well: contact was made. */
static void
contacted(struct source *s)
{
	struct source_clock *c = s->clock;

	if (c->error[0] != '\0')
		say(LOG_NOTICE, "source %s: works again", s->conf->name);
	ended(c);
	c->error[0] = '\0';
	c->failures = 0;
	c->was_stale = false;
	c->synced_ms = stamp_now_ms();
	plan_next(s);
}

/* Begin to count losses afresh, unless the window is still open. */
static void
window_begin(struct source_clock *c)
{
	const int64_t now_us = stamp_monotonic_us();

	if (c->window_us != 0 && now_us < c->window_us + LOSS_WINDOW_US)
		return;
	c->window_us = now_us;
	c->window_lost = 0;
	c->window_users = c->in_force;
}

/*
 * May so many more users go?  Up to the configured share of those who were
 * there when the window began, and a few in any case.
 */
static bool
may_lose(struct source_clock *c, size_t lost)
{
	window_begin(c);
	lost += c->window_lost;
	return lost <= SOURCE_LOSS_FLOOR ||
	    lost <= c->window_users * c->max_loss_percent / 100;
}

bool
source_lose(struct source *s, size_t n)
{
	if (!may_lose(s->clock, s->clock->asked + n))
		return false;
	s->clock->asked += n;
	return true;
}

bool
source_loses_too_many(struct source *s, size_t lost, size_t remain)
{
	if (lost == 0)
		return false;
	return (s->type->remote && remain == 0) || !may_lose(s->clock, lost);
}

bool
source_hold(struct source *s, size_t remain, const char *why)
{
	struct source_clock *c = s->clock;

	c->held_users = remain;
	(void)snprintf(c->held_why, sizeof(c->held_why), "%s", why);
	c->blocked = c->next == NULL;
	if (c->blocked)
		return false;
	zt_set_free(c->held);
	c->held = zt_take(c->next);
	say(LOG_ERR,
	    "source %s: %s; nothing of it changes until \"ztctl identity apply "
	    "--force\" says that this is meant",
	    s->conf->name, why);
	return true;
}

void
source_published(struct source *s, size_t users, size_t lost)
{
	struct source_clock *c = s->clock;

	const bool new = c->next != NULL;

	if (new) {
		zt_set_free(c->set);
		c->set = zt_take(c->next);
	}
	c->window_lost += lost;
	c->asked = 0;
	c->in_force = users;
	if (new && s->type->in_force != NULL)
		s->type->in_force(s);
}

/* What came last counts, not what was held before it. */
void
source_done(struct source *s, struct zt_set *set)
{
	struct source_clock *c = s->clock;

	contacted(s);
	zt_set_free(zt_take(c->held));
	if (set != c->set && set != c->next) {
		zt_set_free(c->next);
		c->next = set;
	}
	c->changed(c->arg, s);
}

void
source_touched(struct source *s)
{
	s->clock->changed(s->clock->arg, s);
}

void
source_same(struct source *s)
{
	contacted(s);
	s->clock->changed(s->clock->arg, s);
}

void
source_fail(struct source *s, const char *why, ...)
{
	struct source_clock *c = s->clock;
	char error[SOURCE_WHY_MAX];
	va_list ap;

	va_start(ap, why);
	(void)vsnprintf(error, sizeof(error), why, ap);
	va_end(ap);
	if (strcmp(error, c->error) != 0)
		say(LOG_ERR, "source %s: %s", s->conf->name, error);
	(void)snprintf(c->error, sizeof(c->error), "%s", error);
	ended(c);
	c->failures++;
	if (source_stale(s) && !c->was_stale) {
		c->was_stale = true;
		say(LOG_ERR,
		    "source %s: no contact for %" PRId64 " s; its last good "
		    "users go on",
		    s->conf->name, source_age_s(s));
	}
	plan_next(s);
	c->changed(c->arg, s);
}

void
source_warn(struct source *s, const char *why)
{
	if (why != NULL && s->clock->warning == NULL)
		say(LOG_WARNING, "source %s: %s", s->conf->name, why);
	s->clock->warning = why;
}

void
source_restore(struct source *s, struct zt_set *set, int64_t synced_ms)
{
	s->clock->synced_ms = synced_ms;
	s->clock->next = set;
}

struct zt_set *
source_set(const struct source *s)
{
	return s->clock->next != NULL ? s->clock->next : s->clock->set;
}

const struct zt_set *
source_in_force(const struct source *s)
{
	return s->clock->set;
}

bool
source_apply(struct source *s)
{
	struct source_clock *c = s->clock;

	if (c->held == NULL)
		return false;
	zt_set_free(c->next);
	c->next = zt_take(c->held);
	return true;
}

int64_t
source_age_s(const struct source *s)
{
	const int64_t synced_ms = s->clock->synced_ms;
	int64_t age_ms;

	if (synced_ms == 0)
		return -1;
	if (!s->type->remote && s->clock->error[0] == '\0')
		return 0; /* it would have told us of a change */
	age_ms = stamp_now_ms() - synced_ms;
	return age_ms < 0 ? 0 : age_ms / 1000;
}

bool
source_stale(const struct source *s)
{
	const int64_t age_s = source_age_s(s);

	return age_s < 0 || age_s > (int64_t)s->clock->stale_after_s;
}

static const char *
state_name(const struct source_clock *c)
{
	if (c->syncing)
		return "syncing";
	if (c->held != NULL || c->blocked)
		return "held";
	if (c->error[0] != '\0')
		return "failed";
	return c->synced_ms == 0 ? "never" : "ok";
}

static size_t
count_kind(const struct zt_set *set, bool groups)
{
	size_t n = 0;

	for (size_t i = 0; set != NULL && i < zt_set_count(set); i++) {
		const struct zt_set_record *r = zt_set_at(set, i);

		n += groups ? r->group != NULL : r->why != NULL;
	}
	return n;
}

static json_t *
held_status(const struct source_clock *c)
{
	if (c->held == NULL && !c->blocked)
		return json_null();
	return json_pack("{s:s, s:I, s:I}", "why", c->held_why, "users_before",
	    (json_int_t)c->in_force, "users_after", (json_int_t)c->held_users);
}

static json_t *
number_or_null(bool known, int64_t n)
{
	return known ? json_integer((json_int_t)n) : json_null();
}

json_t *
source_status(const struct source *s)
{
	const struct source_clock *c = s->clock;
	const struct zt_set *set = source_set(s);
	const int64_t age_s = source_age_s(s);
	const int64_t wait_us = c->next_us - stamp_monotonic_us();
	const char *synced = NULL;
	char text[ZT_TIME_MAX];

	if (c->synced_ms != 0 && zt_time_ms(c->synced_ms, text) == ZT_OK)
		synced = text;
	return json_pack("{s:s, s:s, s:s, s:s?, s:o, s:b, s:I, s:I, s:I, s:s?, "
			 "s:s?, s:o, s:o, s:o}",
	    "name", s->conf->name, "type", s->type->name, "state",
	    state_name(c), "synced", synced, "age_s",
	    number_or_null(age_s >= 0, age_s), "stale", (int)source_stale(s),
	    "users",
	    (json_int_t)(set != NULL ? zt_set_users(set) : c->in_force),
	    "groups", (json_int_t)count_kind(set, true), "refused",
	    (json_int_t)count_kind(set, false), "error",
	    c->error[0] != '\0' ? c->error : NULL, "warning", c->warning,
	    "next_s",
	    number_or_null(c->next_us != 0,
		wait_us < 0 ? 0 : wait_us / 1000000),
	    "progress",
	    c->syncing ? json_pack("{s:I, s:I}", "done", (json_int_t)c->done,
			     "total", (json_int_t)c->total)
		       : json_null(),
	    "held", held_status(c));
}
