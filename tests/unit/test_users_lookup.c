/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asked about whom, and how often: the SCIM sources and the clock are
 * played here.  tests/e2e/scim.sh has the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../common/identity/hash.h"
#include "../../ztd/source_scim.h"
#include "../../ztd/stamp.h"
#include "../../ztd/users_state.h"
#include "zt/auto.h"

#define SECOND_US INT64_C(1000000)
#define BURST     10 /* questions at once */
#define GONE_S    30 /* how long nobody stays nobody */
#define ALL_MS    180
#define SOURCES   2
#define WAITERS   16
#define SPARE     4    /* of them for root */
#define STRANGER  1000 /* a uid */

struct fixture {
	char root[64], etc[80], state[80];
	struct conf conf;
	sd_event *event;
	struct users *users;
	unsigned calls;  /* of done */
	enum zt_err err; /* as the last said */
	bool in_map;     /* and what the snapshot said then */
	const char *name;
};

/* ---- the clock, as stamp.c has it ---- */

static int64_t clock_us;

int64_t
stamp_now_ms(void)
{
	return clock_us / 1000;
}

int64_t
stamp_boottime_ms(void)
{
	return clock_us / 1000;
}

int64_t
stamp_monotonic_us(void)
{
	return clock_us;
}

bool
stamp_clock_synchronized(void)
{
	return true;
}

/* ---- the sources, as source_scim.c has them ---- */

static struct asked {
	struct source *source;
	unsigned n; /* questions, so far */
	char name[ZT_NAME_MAX + 1];
	unsigned timeout_ms;
	bool busy;               /* refuses to be asked */
	source_scim_found *done; /* NULL: it is not being asked */
	void *arg;
} asked[SOURCES];

static struct asked *
asked_of(const struct source *s)
{
	return &asked[s->conf->name[0] - 'a'];
}

static void
person_put(struct source *s, struct zt_set *set, const char *name, unsigned uid)
{
	char text[128], key[64];
	struct zt_user *user;
	const char *why;

	(void)snprintf(text, sizeof(text),
	    "{\"userName\":\"%s\",\"uid\":%u,\"uuid\":\"%s\"}", name, uid,
	    name);
	(void)snprintf(key, sizeof(key), "Users/%s-%s", s->conf->name, name);
	assert_int_equal(zt_user_parse(zt_str(text), &user, &why), ZT_OK);
	assert_int_equal(zt_set_put_user(set, key, user), ZT_OK);
}

static enum zt_err
fake_create(struct source *s)
{
	struct zt_set *set;

	asked_of(s)->source = s;
	assert_int_equal(zt_set_new(&set), ZT_OK);
	person_put(s, set, s->conf->name, 70000u + (uint8_t)s->conf->name[0]);
	assert_int_equal(zt_set_seal(set), ZT_OK);
	source_restore(s, set, 1);
	return ZT_OK;
}

static void
fake_sync(struct source *s)
{
	(void)s;
}

const struct source_type source_scim = {
	.name = "scim",
	.remote = true,
	.create = fake_create,
	.sync = fake_sync,
	.destroy = fake_sync,
};

enum zt_err
source_scim_lookup(struct source *s, struct zt_str name, unsigned timeout_ms,
    source_scim_found *done, void *arg)
{
	struct asked *a = asked_of(s);

	if (a->busy)
		return ZT_ERR_UNAVAIL;
	assert_null(a->done);
	a->n++;
	a->timeout_ms = timeout_ms;
	a->done = done;
	a->arg = arg;
	return zt_str_copy(a->name, sizeof(a->name), name);
}

void
source_scim_lookup_cancel(struct source *s)
{
	assert_non_null(asked_of(s)->done);
	asked_of(s)->done = NULL;
}

/* Source i answers what it was asked last. */
static void
answer(unsigned i, enum zt_err err)
{
	source_scim_found *done = zt_take(asked[i].done);

	assert_non_null(done);
	done(asked[i].arg, err);
}

/* It has this person, and says so. */
static void
answer_person(unsigned i, unsigned uid)
{
	person_put(asked[i].source, source_set(asked[i].source), asked[i].name,
	    uid);
	source_touched(asked[i].source);
	answer(i, ZT_OK);
}

/* ---- the host ---- */

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	static char names[SOURCES][2] = { "a", "b" }, type[] = "scim";
	struct fixture *fx = calloc(1, sizeof(*fx));

	memset(asked, 0, sizeof(asked));
	clock_us = 1000 * SECOND_US;
	strcpy(fx->root, "/tmp/zt-lookup-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	(void)snprintf(fx->etc, sizeof(fx->etc), "%s/etc", fx->root);
	(void)snprintf(fx->state, sizeof(fx->state), "%s/state", fx->root);
	assert_int_equal(mkdir(fx->etc, 0755), 0);
	assert_int_equal(mkdir(fx->state, 0755), 0);
	write_file(fx->etc, "passwd", "local:x:0:0:root:/root:/bin/sh\n");
	write_file(fx->etc, "group", "root:x:0:\n");
	for (size_t i = 0; i < SOURCES; i++)
		fx->conf.sources[i] = (struct conf_source){
			.name = names[i], .type = type, .lookup = true
		};
	fx->conf.n_sources = 1;
	fx->conf.identity.max_loss_percent = 20;
	fx->conf.identity.id_min = 65536;
	fx->conf.identity.id_max = 524287;
	assert_true(sd_event_new(&fx->event) >= 0);
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	zt_auto_free struct fixture *fx = *state;
	char command[128];

	users_free(fx->users);
	sd_event_unref(fx->event);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", fx->root);
	assert_int_equal(system(command), 0);
	return 0;
}

static struct fixture *
begin(void **state, size_t sources)
{
	struct fixture *fx = *state;

	fx->conf.n_sources = sources;
	assert_int_equal(users_new(fx->event, &fx->conf, fx->etc, fx->state,
			     &fx->users),
	    ZT_OK);
	users_begin(fx->users);
	return fx;
}

static void
on_done(void *arg, enum zt_err err)
{
	struct fixture *fx = arg;
	struct zt_snapshot_user user;

	fx->calls++;
	fx->err = err;
	fx->in_map = zt_snapshot_user(users_snapshot(fx->users),
			 zt_str(fx->name), &user) == ZT_OK;
}

static enum zt_err
lookup_as(struct fixture *fx, uid_t uid, const char *name)
{
	fx->name = name;
	return users_lookup(fx->users, zt_str(name), uid, on_done, fx);
}

static enum zt_err
lookup(struct fixture *fx, const char *name)
{
	return lookup_as(fx, STRANGER, name);
}

/* A source is asked about it; or the snapshot tells; or nobody can tell. */
#define assert_asked(fx, name) assert_int_equal(lookup(fx, name), ZT_OK)
#define assert_told(fx, name) \
	assert_int_equal(lookup(fx, name), ZT_ERR_NOTFOUND)
#define assert_unsure(fx, name) \
	assert_int_equal(lookup(fx, name), ZT_ERR_UNAVAIL)

/* This was the answer, to so many. */
#define assert_ended(fx, n, e)                    \
	do {                                      \
		assert_int_equal((fx)->calls, n); \
		assert_int_equal((fx)->err, e);   \
	} while (0)

#define assert_in(fx)                               \
	do {                                        \
		assert_int_equal((fx)->err, ZT_OK); \
		assert_true((fx)->in_map);          \
	} while (0)

/* It was asked about, and the only source has no such user. */
static void
assert_nobody(struct fixture *fx, const char *name)
{
	assert_asked(fx, name);
	answer(0, ZT_ERR_NOTFOUND);
	assert_int_equal(fx->err, ZT_ERR_NOTFOUND);
}

/* ---- tests ---- */

static void
who_is_found_is_in_the_snapshot_first(void **state)
{
	struct fixture *fx = begin(state, 1);

	assert_asked(fx, "new");
	assert_string_equal(asked[0].name, "new");
	assert_int_equal(asked[0].timeout_ms, ALL_MS);
	assert_int_equal(fx->calls, 0);
	answer_person(0, 70001);
	assert_int_equal(fx->calls, 1);
	assert_in(fx);
	assert_told(fx, "new");
	assert_int_equal(asked[0].n, 1);
}

static void
who_is_known_is_not_asked_about(void **state)
{
	char longest[ZT_NAME_MAX + 2];
	struct fixture *fx = begin(state, 1);

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_told(fx, "a");
	assert_told(fx, "local");
	assert_told(fx, longest);
	assert_int_equal(asked[0].n, 0);
}

static void
a_source_without_lookup_is_not_asked(void **state)
{
	struct fixture *fx = *state;

	fx->conf.sources[0].lookup = false;
	begin(state, 1);
	assert_told(fx, "new");
	assert_int_equal(asked[0].n, 0);
}

static void
nobody_is_remembered_for_a_while(void **state)
{
	static const enum zt_err sure[] = { ZT_ERR_NOTFOUND, ZT_ERR_DENIED };
	struct fixture *fx = begin(state, 1);

	for (size_t i = 0; i < 2; i++) {
		assert_asked(fx, "ghost");
		answer(0, sure[i]);
		assert_int_equal(fx->err, ZT_ERR_NOTFOUND);
		clock_us += GONE_S * SECOND_US - 1;
		assert_told(fx, "ghost");
		assert_nobody(fx, "other");
		clock_us++;
	}
	assert_nobody(fx, "ghost");
	assert_int_equal(asked[0].n, 5);
	assert_int_equal(fx->calls, 5);
}

/* Two names of one place in the table. */
static void
nobody_is_mistaken_for_another(void **state)
{
	struct fixture *fx = begin(state, 1);
	uint32_t place;
	char name[16];

	assert_nobody(fx, "Aa");
	place = hash_text(fx->users->lookup.seed, "Aa") % USERS_GONE_MAX;
	for (unsigned i = 0;; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		if (hash_text(fx->users->lookup.seed, name) % USERS_GONE_MAX ==
		    place)
			break;
	}
	assert_nobody(fx, name);
	assert_nobody(fx, "Aa"); /* it has been forgotten for the other */
	assert_told(fx, "Aa");
}

/* Names that a hash without a secret, h * 31 + c, puts into one place: they
 * all push each other out only by a chance of 256^-8. */
static void
nobody_is_forgotten_for_names_that_were_chosen(void **state)
{
	static const char *const names[] = { "AaAaAa", "AaAaBB", "AaBBAa",
		"AaBBBB", "BBAaAa", "BBAaBB", "BBBBAa", "BBBBBB", "AaAaC#" };
	struct fixture *fx = begin(state, 1);
	unsigned known = 0;

	for (size_t i = 0; i < 9; i++)
		assert_nobody(fx, names[i]);
	for (size_t i = 0; i < 8; i++) {
		clock_us += SECOND_US;
		if (lookup(fx, names[i]) == ZT_OK)
			answer(0, ZT_ERR_NOTFOUND);
		else
			known++;
	}
	assert_true(known > 0);
}

static void
who_could_not_be_published_is_not_remembered(void **state)
{
	struct fixture *fx = begin(state, 1);
	char away[96];

	(void)snprintf(away, sizeof(away), "%s.away", fx->state);
	assert_asked(fx, "new");
	assert_int_equal(rename(fx->state, away), 0);
	answer_person(0, 70001);
	assert_ended(fx, 1, ZT_ERR_UNAVAIL);
	assert_false(fx->in_map);
	assert_int_equal(rename(away, fx->state), 0);
	assert_asked(fx, "new");
	answer(0, ZT_OK); /* it was no news: that is not published yet */
	assert_ended(fx, 2, ZT_ERR_UNAVAIL);
	assert_asked(fx, "new");
	answer_person(0, 70001);
	assert_in(fx);
}

static void
no_answer_is_not_remembered(void **state)
{
	struct fixture *fx = begin(state, 1);

	for (unsigned i = 1; i < 4; i++) {
		assert_asked(fx, "slow");
		answer(0, ZT_ERR_UNAVAIL);
		assert_ended(fx, i, ZT_ERR_UNAVAIL);
		assert_int_equal(asked[0].n, i);
	}
}

/* Such as one whose id another has. */
static void
who_is_refused_is_remembered(void **state)
{
	struct fixture *fx = begin(state, 1);

	assert_asked(fx, "twin");
	answer_person(0, 70000 + 'a');
	assert_ended(fx, 1, ZT_ERR_NOTFOUND);
	assert_false(fx->in_map);
	assert_told(fx, "twin");
	assert_int_equal(asked[0].n, 1);
}

static uint64_t
generation(const struct fixture *fx)
{
	return users_snapshot(fx->users)->info.generation;
}

/* What was planned is due. */
static void
run(struct fixture *fx)
{
	while (sd_event_run(fx->event, 20000) > 0)
		continue;
}

static void
what_a_lookup_brings_is_published_once(void **state)
{
	struct fixture *fx = begin(state, SOURCES);
	uint64_t before;

	run(fx);
	before = generation(fx);
	assert_asked(fx, "new");
	answer_person(0, 70001);
	assert_in(fx);
	run(fx);
	assert_int_equal(generation(fx), before + 1);
	assert_asked(fx, "twin");
	answer_person(0, 70000 + 'a'); /* is refused */
	answer(1, ZT_ERR_UNAVAIL);
	assert_int_equal(generation(fx), before + 2);
	assert_asked(fx, "twin");
	answer(0, ZT_OK); /* as it was */
	answer(1, ZT_ERR_UNAVAIL);
	run(fx);
	assert_int_equal(generation(fx), before + 2);
}

/* Where that takes long, even new users are merged a few times in a minute. */
static void
a_publication_that_takes_long_is_not_at_once(void **state)
{
	struct fixture *fx = begin(state, 1);
	uint64_t before;

	run(fx);
	before = generation(fx);
	fx->users->took_us = SECOND_US;
	fx->users->ended_us = clock_us;
	assert_asked(fx, "new");
	answer_person(0, 70001);
	assert_ended(fx, 1, ZT_ERR_UNAVAIL);
	assert_int_equal(generation(fx), before);
	clock_us += 3 * SECOND_US;
	assert_asked(fx, "new"); /* not remembered */
	answer(0, ZT_OK);
	assert_in(fx);
}

static void
one_is_asked_about_at_a_time(void **state)
{
	struct fixture *fx = begin(state, 1);

	assert_asked(fx, "first");
	assert_unsure(fx, "second");
	assert_told(fx, "local");
	assert_told(fx, "a");
	fx->name = "first";
	answer_person(0, 70001);
	assert_in(fx);
	assert_int_equal(fx->calls, 1);
	assert_asked(fx, "second");
	assert_string_equal(asked[0].name, "second");
}

static void
one_answer_is_for_all_who_wait(void **state)
{
	struct fixture *fx = begin(state, 1);

	for (unsigned i = 0; i < WAITERS - SPARE; i++)
		assert_asked(fx, "new");
	assert_unsure(fx, "new");
	for (unsigned i = 0; i < SPARE; i++)
		assert_int_equal(lookup_as(fx, 0, "new"), ZT_OK);
	assert_int_equal(lookup_as(fx, 0, "new"), ZT_ERR_UNAVAIL);
	assert_int_equal(asked[0].n, 1);
	answer_person(0, 70001);
	assert_in(fx);
	assert_int_equal(fx->calls, WAITERS);
	assert_asked(fx, "newer");
	answer(0, ZT_ERR_NOTFOUND);
	assert_ended(fx, WAITERS + 1, ZT_ERR_NOTFOUND);
}

static void
a_strangers_question_makes_way_for_roots(void **state)
{
	struct fixture *fx = begin(state, 1);

	assert_asked(fx, "made-up");
	assert_int_equal(lookup_as(fx, 0, "new"), ZT_OK);
	assert_ended(fx, 1, ZT_ERR_UNAVAIL);
	assert_string_equal(asked[0].name, "new");
	assert_unsure(fx, "made-up");
	assert_int_equal(lookup_as(fx, 0, "other"), ZT_ERR_UNAVAIL);
	fx->name = "new";
	answer_person(0, 70001);
	assert_in(fx);
	/* one that root waits for, too, is root's */
	assert_asked(fx, "newer");
	assert_int_equal(lookup_as(fx, 0, "newer"), ZT_OK);
	assert_int_equal(lookup_as(fx, 0, "other"), ZT_ERR_UNAVAIL);
	answer(0, ZT_ERR_NOTFOUND);
	assert_ended(fx, 4, ZT_ERR_NOTFOUND);
}

/* Look for n people that nobody has heard of; how many were asked about? */
static unsigned
made_up_by(struct fixture *fx, uid_t uid, unsigned n)
{
	static unsigned serial;
	const unsigned before = asked[0].n;
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "m%u", serial++);
		if (lookup_as(fx, uid, name) == ZT_OK)
			answer(0, ZT_ERR_NOTFOUND);
	}
	return asked[0].n - before;
}

static unsigned
made_up(struct fixture *fx, unsigned n)
{
	return made_up_by(fx, STRANGER, n);
}

static void
strangers_leave_root_its_questions(void **state)
{
	struct fixture *fx = begin(state, 1);

	assert_int_equal(made_up(fx, 200), BURST);
	assert_int_equal(made_up_by(fx, STRANGER + 1, 200), 0);
	assert_unsure(fx, "new");
	assert_int_equal(made_up_by(fx, 0, 200), BURST);
	clock_us += SECOND_US;
	assert_int_equal(made_up_by(fx, 0, 200), 1);
	assert_int_equal(made_up(fx, 200), 1);
}

static void
made_up_names_are_asked_about_seldom(void **state)
{
	struct fixture *fx = begin(state, 1);

	assert_int_equal(made_up(fx, 200), BURST);
	clock_us += SECOND_US - 1;
	assert_int_equal(made_up(fx, 200), 0);
	clock_us += 1;
	assert_int_equal(made_up(fx, 200), 1);
	clock_us += 3 * SECOND_US;
	assert_int_equal(made_up(fx, 200), 3);
	clock_us += 1000 * SECOND_US;
	assert_int_equal(made_up(fx, 200), BURST);
}

static void
what_was_not_asked_costs_nothing(void **state)
{
	struct fixture *fx = begin(state, 1);

	asked[0].busy = true;
	assert_int_equal(made_up(fx, 200), 0);
	assert_int_equal(fx->calls, 0);
	for (unsigned i = 0; i < 200; i++)
		assert_told(fx, "local");
	asked[0].busy = false;
	assert_int_equal(made_up(fx, 200), BURST);
}

static void
the_next_source_is_asked_too(void **state)
{
	struct fixture *fx = begin(state, SOURCES);

	assert_asked(fx, "new");
	assert_int_equal(asked[1].n, 0);
	clock_us += 100000;
	answer(0, ZT_ERR_NOTFOUND);
	assert_int_equal(fx->calls, 0);
	assert_int_equal(asked[1].n, 1);
	assert_int_equal(asked[1].timeout_ms, ALL_MS - 100);
	answer_person(1, 70001);
	assert_in(fx);
	assert_int_equal(fx->calls, 1);
}

static void
nobody_is_who_no_source_has(void **state)
{
	struct fixture *fx = begin(state, SOURCES);

	assert_asked(fx, "ghost");
	answer(0, ZT_ERR_NOTFOUND);
	answer(1, ZT_ERR_NOTFOUND);
	assert_ended(fx, 1, ZT_ERR_NOTFOUND);
	assert_told(fx, "ghost");
}

/* One source has nobody of that name, the other did not say. */
static void
silence_of_one_source_is_not_remembered(void **state)
{
	struct fixture *fx = begin(state, SOURCES);

	assert_asked(fx, "half");
	answer(0, ZT_ERR_UNAVAIL);
	answer(1, ZT_ERR_NOTFOUND);
	assert_ended(fx, 1, ZT_ERR_UNAVAIL);
	asked[0].busy = true;
	assert_asked(fx, "half");
	answer(1, ZT_ERR_NOTFOUND);
	assert_ended(fx, 2, ZT_ERR_UNAVAIL);
	asked[1].busy = true;
	assert_unsure(fx, "half");
	asked[0].busy = asked[1].busy = false;
	assert_asked(fx, "half");
	clock_us += ALL_MS * 1000;
	answer(0, ZT_ERR_NOTFOUND); /* no time is left for the other */
	assert_int_equal(asked[1].n, 2);
	assert_ended(fx, 3, ZT_ERR_UNAVAIL);
	assert_asked(fx, "half");
	answer(0, ZT_ERR_NOTFOUND);
	answer(1, ZT_ERR_NOTFOUND);
	assert_ended(fx, 4, ZT_ERR_NOTFOUND);
	assert_told(fx, "half");
}

/* The local files are being read again. */
static void
who_may_be_local_is_not_asked_about(void **state)
{
	struct fixture *fx = begin(state, 1);

	run(fx);
	zt_local_free(zt_take(fx->users->local));
	assert_unsure(fx, "new");
	assert_told(fx, "a");
	assert_int_equal(asked[0].n, 0);
}

/* By the real clock; a source may wait for a token first. */
static void
an_answer_comes_in_time_whatever_the_sources_do(void **state)
{
	struct fixture *fx = begin(state, SOURCES);
	uint64_t from, to;

	run(fx);
	for (unsigned i = 0; i < SOURCES; i++) {
		assert_true(sd_event_now(fx->event, CLOCK_MONOTONIC, &from) >=
		    0);
		assert_asked(fx, "slow");
		assert_asked(fx, "slow");
		if (i > 0)
			answer(0, ZT_ERR_NOTFOUND);
		for (int turn = 0; fx->calls == 2 * i && turn < 1000; turn++)
			(void)sd_event_run(fx->event, 10000);
		assert_true(sd_event_now(fx->event, CLOCK_MONOTONIC, &to) >= 0);
		assert_ended(fx, 2 * i + 2, ZT_ERR_UNAVAIL);
		assert_in_range(to - from, ALL_MS * 900, ALL_MS * 1000 + 50000);
		assert_null(asked[i].done); /* it need not go on */
	}
	assert_asked(fx, "slow"); /* not remembered, and well again */
	answer(0, ZT_ERR_NOTFOUND);
	answer(1, ZT_ERR_NOTFOUND);
	assert_ended(fx, 2 * SOURCES + 1, ZT_ERR_NOTFOUND);
}

static void
nobody_is_left_waiting(void **state)
{
	struct fixture *fx = begin(state, 1);

	users_settle(fx->users);
	users_settle(NULL);
	assert_int_equal(fx->calls, 0);
	assert_asked(fx, "new");
	users_settle(fx->users);
	users_settle(fx->users);
	assert_ended(fx, 1, ZT_ERR_UNAVAIL);
	assert_null(asked[0].done);
	assert_asked(fx, "newer");
	users_free(fx->users); /* who asks is told while it is there */
	fx->users = NULL;
	assert_ended(fx, 2, ZT_ERR_UNAVAIL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_found_is_in_the_snapshot_first),
		TEST(who_is_known_is_not_asked_about),
		TEST(a_source_without_lookup_is_not_asked),
		TEST(nobody_is_remembered_for_a_while),
		TEST(nobody_is_mistaken_for_another),
		TEST(nobody_is_forgotten_for_names_that_were_chosen),
		TEST(who_could_not_be_published_is_not_remembered),
		TEST(no_answer_is_not_remembered),
		TEST(who_is_refused_is_remembered),
		TEST(what_a_lookup_brings_is_published_once),
		TEST(a_publication_that_takes_long_is_not_at_once),
		TEST(one_is_asked_about_at_a_time),
		TEST(one_answer_is_for_all_who_wait),
		TEST(a_strangers_question_makes_way_for_roots),
		TEST(strangers_leave_root_its_questions),
		TEST(made_up_names_are_asked_about_seldom),
		TEST(what_was_not_asked_costs_nothing),
		TEST(the_next_source_is_asked_too),
		TEST(nobody_is_who_no_source_has),
		TEST(silence_of_one_source_is_not_remembered),
		TEST(who_may_be_local_is_not_asked_about),
		TEST(an_answer_comes_in_time_whatever_the_sources_do),
		TEST(nobody_is_left_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
