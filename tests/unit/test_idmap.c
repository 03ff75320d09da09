/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zt/idmap.h"

#define MIN ZT_ID_MIN_DEFAULT
#define MAX ZT_ID_MAX_DEFAULT

struct fixture {
	char root[64], path[80];
	struct zt_idmap *map;
};

static int
setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	strcpy(fx->root, "/tmp/zt-idmap-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	snprintf(fx->path, sizeof(fx->path), "%s/users.ids", fx->root);
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fx = *state;

	zt_idmap_free(fx->map);
	(void)unlink(fx->path);
	assert_int_equal(rmdir(fx->root), 0);
	free(fx);
	return 0;
}

static void
write_bytes(const struct fixture *fx, const char *text, size_t len)
{
	FILE *f = fopen(fx->path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
	assert_int_equal(chmod(fx->path, 0640), 0);
}

static void
write_file(const struct fixture *fx, const char *text)
{
	write_bytes(fx, text, strlen(text));
}

static void
file_is(const struct fixture *fx, const char *want)
{
	char got[4096] = "";
	FILE *f = fopen(fx->path, "re");
	size_t len;

	assert_non_null(f);
	len = fread(got, 1, sizeof(got) - 1, f);
	got[len] = '\0';
	fclose(f);
	assert_int_equal(len, strlen(want));
	assert_string_equal(got, want);
}

static void
load_with(struct fixture *fx, const struct zt_id_override *overrides, size_t n)
{
	unsigned line = 0;

	zt_idmap_free(fx->map);
	fx->map = NULL;
	if (zt_idmap_load(fx->path, overrides, n, &line, &fx->map) != ZT_OK)
		fail_msg("line %u", line);
}

static void
load(struct fixture *fx)
{
	load_with(fx, NULL, 0);
}

static struct zt_id_claim
claim(struct fixture *fx, bool is_group, const char *source, const char *who,
    uint32_t id)
{
	struct zt_id_claim c = { .is_group = is_group,
		.source = source,
		.immutable_id = who,
		.id = id };

	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, &c, 1), ZT_OK);
	return c;
}

/* A user's claim that is met with this id. */
static void
gets(struct fixture *fx, const char *who, uint32_t id, uint32_t want)
{
	const struct zt_id_claim c = claim(fx, false, "hr", who, id);

	if (c.err != ZT_OK)
		fail_msg("%s: %s", who, c.why);
	assert_int_equal(c.id, want);
}

static void
is_denied(const struct zt_id_claim *c, const char *word)
{
	assert_int_equal(c->err, ZT_ERR_DENIED);
	if (strstr(c->why, word) == NULL)
		fail_msg("\"%s\" is not about \"%s\"", c->why, word);
}

static void
denied(struct fixture *fx, const char *who, uint32_t id, const char *word)
{
	const struct zt_id_claim c = claim(fx, false, "hr", who, id);

	is_denied(&c, word);
	assert_true(c.holder == ZT_ID_HOLDER_NONE);
}

/* As computed by hand: docs/PROTOCOL.ids. */
static void
the_worked_example_holds(void **state)
{
	static const char uuid[] = "2819c223-7f76-453a-919d-413861904646";

	(void)state;
	assert_int_equal(zt_id_derive(false, "corp", uuid, MIN, MAX),
	    2035860369);
	assert_int_equal(zt_id_derive(true, "corp", uuid, MIN, MAX),
	    2146302010);
	assert_int_equal(zt_id_derive(false, "corp", uuid, 70000, 70000),
	    70000);
	assert_int_equal(zt_id_derive(false, "corp", uuid, 2, 1), 0);
}

static void
what_is_committed_is_there_after_a_load(void **state)
{
	struct fixture *fx = *state;
	const uint32_t derived = zt_id_derive(false, "hr", "i", MIN, MAX);
	struct zt_id_claim c;
	struct stat st;
	char want[256];

	load(fx);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	assert_int_equal(access(fx->path, F_OK), -1); /* nothing to keep */
	gets(fx, "i", 0, derived);
	gets(fx, "j", MIN + 7, MIN + 7);
	c = claim(fx, true, "hr", "i", MIN + 9);
	assert_int_equal(c.err, ZT_OK);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	snprintf(want, sizeof(want),
	    "zt-ids 1\nuser %u hr i\nuser %u hr j\ngroup %u hr i\n", derived,
	    MIN + 7, MIN + 9);
	file_is(fx, want);
	assert_int_equal(stat(fx->path, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0);
	load(fx);
	assert_true(zt_idmap_taken(fx->map, derived));
	assert_true(zt_idmap_taken(fx->map, MIN + 9));
	assert_false(zt_idmap_taken(fx->map, MIN + 8));
	gets(fx, "j", 0, MIN + 7); /* remembered, though not given */
	gets(fx, "j", MIN + 7, MIN + 7);
	gets(fx, "i", 0, derived);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	file_is(fx, want); /* nothing new */
}

static void
an_id_is_never_given_to_another(void **state)
{
	struct fixture *fx = *state;
	struct zt_id_claim c;

	write_file(fx, "zt-ids 1\nuser 2013265930 hr i\n");
	load(fx);
	denied(fx, "j", 2013265930, "another's");
	c = claim(fx, false, "lab", "i", 2013265930);
	is_denied(&c, "another's");
	denied(fx, "", 2013265930, "another's");
	gets(fx, "i", 2013265930, 2013265930);
	write_file(fx, "zt-ids 1\ngroup 2013265930 hr i\n");
	load(fx);
	c = claim(fx, true, "hr", "j", 2013265930);
	is_denied(&c, "another's");
	c = claim(fx, true, "hr", "", 2013265930);
	is_denied(&c, "another's");
}

/* A group's claim that is met with this id. */
static void
group_gets(struct fixture *fx, const char *who, uint32_t id, uint32_t want)
{
	const struct zt_id_claim c = claim(fx, true, "hr", who, id);

	if (c.err != ZT_OK)
		fail_msg("group %s: %s", who, c.why);
	assert_int_equal(c.id, want);
}

static void
one_number_may_be_given_to_a_user_and_a_group(void **state)
{
	static const char both[] = "zt-ids 1\nuser 2013265930 hr i\n"
				   "group 2013265930 hr g\n";
	struct zt_id_claim c[2] = {
		{ .source = "hr", .immutable_id = "i", .id = 2013265930 },
		{ .is_group = true,
		    .source = "hr",
		    .immutable_id = "g",
		    .id = 2013265930 },
	};
	struct fixture *fx = *state;

	load(fx);
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, 2), ZT_OK);
	assert_int_equal(c[0].err, ZT_OK);
	assert_int_equal(c[1].err, ZT_OK);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	file_is(fx, both);
	for (int turn = 0; turn < 2; turn++) {
		denied(fx, "g", 2013265930, "another's"); /* as a user */
		c[0] = claim(fx, true, "hr", "i", 2013265930);
		is_denied(&c[0], "another's");
		gets(fx, "i", 0, 2013265930);
		group_gets(fx, "g", 0, 2013265930);
		load(fx);
	}
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	file_is(fx, both);
	/* one after the other, and back */
	write_file(fx, "zt-ids 1\nuser 2013265930 hr i\n");
	load(fx);
	group_gets(fx, "g", 2013265930, 2013265930);
	zt_idmap_rollback(fx->map);
	group_gets(fx, "h", 2013265930, 2013265930);
	zt_idmap_rollback(fx->map);
	denied(fx, "j", 2013265930, "another's");
	write_file(fx, "zt-ids 1\ngroup 2013265930 hr g\n");
	load(fx);
	gets(fx, "", 2013265930, 2013265930);
	gets(fx, "i", 2013265930, 2013265930);
	assert_true(zt_idmap_taken(fx->map, 2013265930));
}

static void
a_derived_id_is_free_in_both_kinds(void **state)
{
	const uint32_t uid = zt_id_derive(false, "hr", "i", MIN, MAX),
		       gid = zt_id_derive(true, "hr", "i", MIN, MAX);
	struct fixture *fx = *state;
	struct zt_id_claim c[3];
	char text[128];

	snprintf(text, sizeof(text), "zt-ids 1\ngroup %u hr g\nuser %u hr j\n",
	    uid, gid);
	write_file(fx, text);
	load(fx);
	denied(fx, "i", 0, "another's");
	c[0] = claim(fx, true, "hr", "i", 0);
	is_denied(&c[0], "another's");
	gets(fx, "i", uid, uid); /* given */
	group_gets(fx, "i", gid, gid);
	/* who has it is said, if he is here */
	zt_idmap_rollback(fx->map);
	c[0] = (struct zt_id_claim){ .source = "hr", .immutable_id = "i" };
	c[1] = (struct zt_id_claim){
		.is_group = true, .source = "hr", .immutable_id = "g"
	};
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, 2), ZT_OK);
	is_denied(&c[0], "another's");
	assert_int_equal(c[0].holder, 1);
	assert_int_equal(c[1].err, ZT_OK);
}

/* A derived id is refused beside one that is given; that one only to a record
 * of its own kind. */
static void
a_new_derived_id_that_is_given_as_well_is_refused(void **state)
{
	struct fixture *fx = *state;

	for (int turn = 0; turn < 8; turn++) {
		const bool group = turn & 1, known = turn & 4;
		const size_t derived = turn & 2 ? 1 : 0, given = !derived;
		const uint32_t id = zt_id_derive(group, "hr", "i", MIN, MAX);
		struct zt_id_claim c[3] = { 0 };

		(void)unlink(fx->path);
		load(fx);
		c[derived] = (struct zt_id_claim){
			.is_group = group, .source = "hr", .immutable_id = "i"
		};
		c[given] = (struct zt_id_claim){ .is_group = !group,
			.source = "hr",
			.immutable_id = turn & 2 ? "" : "j",
			.id = id };
		c[2] = (struct zt_id_claim){ .is_group = group,
			.source = "hr",
			.immutable_id = "k",
			.id = id };
		if (known)
			(void)claim(fx, group, "hr", "i", 0);
		assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, 3),
		    ZT_OK);
		assert_int_equal(c[given].err, ZT_OK);
		is_denied(&c[2], known ? "another's" : "id_overrides");
		if (known) {
			assert_int_equal(c[derived].err, ZT_OK);
			assert_int_equal(c[2].holder, derived);
			continue;
		}
		is_denied(&c[derived], "id_overrides");
		zt_idmap_rollback(fx->map);
		c[derived].id = 0;
		assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, 2),
		    ZT_OK);
		is_denied(&c[derived], "id_overrides");
		assert_int_equal(c[given].err, ZT_OK);
	}
}

static void
a_user_and_a_group_that_derive_one_id_are_refused(void **state)
{
	struct fixture *fx = *state;
	struct zt_id_claim c[2];
	char who[16];
	uint32_t id;
	int i = 0;

	do {
		snprintf(who, sizeof(who), "w%d", i++);
		id = zt_id_derive(false, "hr", who, MIN, MIN + 7);
	} while (zt_id_derive(true, "hr", who, MIN, MIN + 7) != id);
	load(fx);
	for (int group = 0; group < 2; group++)
		c[group] = (struct zt_id_claim){
			.is_group = group, .source = "hr", .immutable_id = who
		};
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MIN + 7, c, 2), ZT_OK);
	is_denied(&c[0], "id_overrides");
	is_denied(&c[1], "id_overrides");
}

static void
several_ids_of_one_stay_its_own(void **state)
{
	struct fixture *fx = *state;
	const uint32_t derived = zt_id_derive(false, "hr", "i", MIN, MAX);

	load(fx);
	gets(fx, "i", MIN + 1, MIN + 1);
	gets(fx, "i", MIN + 2, MIN + 2);
	gets(fx, "i", 0, MIN + 2); /* the last */
	gets(fx, "i", MIN + 1, MIN + 1);
	gets(fx, "i", derived, derived);
	gets(fx, "i", MIN + 3, MIN + 3);
	gets(fx, "i", 0, derived); /* the derived one */
	denied(fx, "j", MIN + 1, "another's");
	denied(fx, "j", MIN + 3, "another's");
}

static void
an_id_outside_the_range_is_refused(void **state)
{
	static const struct zt_id_override override = { "hr", "o", 70000 };
	struct fixture *fx = *state;

	write_file(fx, "zt-ids 1\nuser 70001 hr i\n");
	load_with(fx, &override, 1);
	denied(fx, "i", 0, "outside");
	denied(fx, "j", MAX + 1, "outside");
	denied(fx, "j", MIN - 1, "outside");
	denied(fx, "o", 0, "outside");
	denied(fx, "", 0, "outside");
	gets(fx, "j", MIN, MIN);
	gets(fx, "k", MAX, MAX);
}

/* Two immutable ids that derive one id, found in a narrow range. */
static void
new_ones_that_derive_one_id_are_all_refused(void **state)
{
	struct fixture *fx = *state;
	struct zt_id_claim c[3] = { 0 };
	uint32_t at[8] = { 0 };
	char who[64][16];
	int a = -1, b = -1;

	for (int i = 0; i < 64 && b < 0; i++) {
		uint32_t id;

		snprintf(who[i], sizeof(who[i]), "w%d", i);
		id = zt_id_derive(false, "hr", who[i], MIN, MIN + 7) - MIN;
		if (at[id] != 0) {
			a = (int)at[id] - 1;
			b = i;
		}
		at[id] = (uint32_t)i + 1;
	}
	assert_true(b > 0);
	for (int turn = 0; turn < 2; turn++) {
		load(fx);
		c[0] = (struct zt_id_claim){ .source = "hr",
			.immutable_id = who[turn ? a : b] };
		c[1] = (struct zt_id_claim){ .source = "hr",
			.immutable_id = who[turn ? b : a] };
		assert_int_equal(zt_idmap_claim(fx->map, MIN, MIN + 7, c, 2),
		    ZT_OK);
		is_denied(&c[0], "id_overrides");
		is_denied(&c[1], "id_overrides");
	}
	/* a given one that is also derived refuses both, in either order */
	c[1].immutable_id = "";
	c[1].id = zt_id_derive(false, "hr", who[a], MIN, MIN + 7);
	c[0].immutable_id = who[a];
	c[0].id = 0;
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MIN + 7, c, 2), ZT_OK);
	is_denied(&c[0], "id_overrides");
	is_denied(&c[1], "id_overrides");
	/* the known one keeps it */
	c[0].immutable_id = who[a];
	c[0].id = 0;
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MIN + 7, c, 1), ZT_OK);
	assert_int_equal(c[0].err, ZT_OK);
	c[0].id = c[1].id = 0;
	c[1].immutable_id = who[b];
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MIN + 7, c, 2), ZT_OK);
	assert_int_equal(c[0].err, ZT_OK);
	is_denied(&c[1], "another's");
	assert_int_equal(c[1].holder, 0);
}

static void
of_ids_that_are_given_the_first_claim_holds(void **state)
{
	struct zt_id_claim c[4] = {
		{ .source = "hr", .immutable_id = "i", .id = MIN },
		{ .source = "lab", .immutable_id = "j", .id = MIN },
		{ .source = "lab", .immutable_id = "", .id = MIN },
		{ .is_group = true,
		    .source = "hr",
		    .immutable_id = "",
		    .id = MIN },
	};
	struct fixture *fx = *state;

	load(fx);
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, 4), ZT_OK);
	assert_int_equal(c[0].err, ZT_OK);
	for (int i = 1; i < 3; i++) {
		is_denied(&c[i], "before it");
		assert_int_equal(c[i].holder, 0);
	}
	assert_int_equal(c[3].err, ZT_OK);
	zt_idmap_rollback(fx->map);
	/* those without immutable id leave no trace */
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c + 2, 2), ZT_OK);
	assert_int_equal(c[2].err, ZT_OK);
	assert_int_equal(c[3].err, ZT_OK);
	assert_false(zt_idmap_taken(fx->map, MIN));
	c[1].is_group = true;
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c + 1, 3), ZT_OK);
	assert_int_equal(c[1].err, ZT_OK);
	assert_int_equal(c[2].err, ZT_OK);
	is_denied(&c[3], "before it");
	assert_int_equal(c[3].holder, 0);
}

static void
one_immutable_id_twice_gets_nothing(void **state)
{
	struct zt_id_claim c[3] = {
		{ .source = "hr", .immutable_id = "i", .id = MIN },
		{ .source = "hr", .immutable_id = "i", .id = MIN + 1 },
		{ .source = "hr", .immutable_id = "j", .id = MIN },
	};
	struct fixture *fx = *state;

	load(fx);
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, 3), ZT_OK);
	is_denied(&c[0], "same immutable id");
	is_denied(&c[1], "same immutable id");
	assert_int_equal(c[2].err, ZT_OK);
	gets(fx, "i", 0, zt_id_derive(false, "hr", "i", MIN, MAX));
}

static void
an_override_comes_first_and_is_kept_free(void **state)
{
	static const struct zt_id_override two[] = { { "hr", "i", MIN + 5 },
		{ "hr", "k", MIN + 6 } };
	struct fixture *fx = *state;
	struct zt_id_claim c;

	write_file(fx,
	    "zt-ids 1\nuser 2013265930 hr i\nuser 2013265926 hr z\n");
	load_with(fx, two, 2);
	assert_true(zt_idmap_taken(fx->map, MIN + 5));
	denied(fx, "j", MIN + 5, "id_overrides");
	c = claim(fx, true, "hr", "j", MIN + 5);
	is_denied(&c, "id_overrides"); /* of both kinds */
	gets(fx, "i", 0, MIN + 5);
	gets(fx, "i", 2013265930, MIN + 5);
	group_gets(fx, "i", 0, MIN + 5);
	denied(fx, "k", 0, "another's"); /* z had it */
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	load(fx);
	denied(fx, "j", MIN + 5, "another's");
	denied(fx, "j", 2013265930, "another's");
}

static void
rollback_forgets_what_is_not_committed(void **state)
{
	struct fixture *fx = *state;

	load(fx);
	gets(fx, "i", MIN, MIN);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	gets(fx, "i", MIN + 1, MIN + 1);
	gets(fx, "j", MIN + 2, MIN + 2);
	zt_idmap_rollback(fx->map);
	assert_true(zt_idmap_taken(fx->map, MIN));
	assert_false(zt_idmap_taken(fx->map, MIN + 1));
	gets(fx, "i", 0, MIN);
	gets(fx, "k", MIN + 2, MIN + 2);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	file_is(fx, "zt-ids 1\nuser 2013265920 hr i\nuser 2013265922 hr k\n");
}

/* In the place of libc's: the id map asks for its directory alone. */
static unsigned flushed;
static bool flush_fails;

int
fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	flushed++;
	return flush_fails ? -1 : 0;
}

static void
the_name_of_a_new_file_is_flushed(void **state)
{
	struct fixture *fx = *state;

	load(fx);
	gets(fx, "i", MIN, MIN);
	flushed = 0;
	flush_fails = true;
	assert_int_equal(zt_idmap_commit(fx->map), ZT_ERR_SYS);
	flush_fails = false;
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	assert_int_equal(flushed, 2);
	gets(fx, "j", MIN + 1, MIN + 1);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	assert_int_equal(flushed, 2);
	file_is(fx, "zt-ids 1\nuser 2013265920 hr i\nuser 2013265921 hr j\n");
}

static void
a_torn_end_is_dropped_and_overwritten(void **state)
{
	static const char *const torn[] = { "", "z", "zt-ids 1",
		"zt-ids 1\nuser 201326592",
		"zt-ids 1\nuser 2013265920 hr i\nx" };
	static const char zeros[100] = "zt-ids 1\nuser 2"; /* more to the end */
	struct fixture *fx = *state;

	for (size_t i = 0; i < 5; i++) {
		write_file(fx, torn[i]);
		load(fx);
		gets(fx, "i", MIN, MIN);
		gets(fx, "j", MIN + 1, MIN + 1);
		assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
		file_is(fx,
		    "zt-ids 1\nuser 2013265920 hr i\nuser 2013265921 hr j\n");
	}
	write_bytes(fx, zeros, sizeof(zeros));
	load(fx);
	gets(fx, "i", MIN, MIN);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	file_is(fx, "zt-ids 1\nuser 2013265920 hr i\n");
}

static void
anything_else_malformed_refuses_the_file(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{ "zt-ids 2\n", 1 },
		{ "garbage", 1 },
		{ "\n", 1 },
		{ "zt-ids 1\n\n", 2 },
		{ "zt-ids 1\nuser 70001 hr i\nuser 70001 hr j\n", 3 },
		{ "zt-ids 1\nuser 70001 hr i\nuser 70001 hr i\n", 3 },
		{ "zt-ids 1\ngroup 70001 hr i\ngroup 70001 hr j\n", 3 },
		{ "zt-ids 1\nuser 70001 hr i\ngroup 70001 hr j\n"
		  "user 70001 hr k\n",
		    4 },
		{ "zt-ids 1\nuser 70001 hr i\ngroup 70001 hr j\n"
		  "group 70001 hr k\n",
		    4 },
		{ "zt-ids 1\nhost 70001 hr i\n", 2 },
		{ "zt-ids 1\nuser 070001 hr i\n", 2 },
		{ "zt-ids 1\nuser 0 hr i\n", 2 },
		{ "zt-ids 1\nuser 65535 hr i\n", 2 },
		{ "zt-ids 1\nuser 4294967295 hr i\n", 2 },
		{ "zt-ids 1\nuser 4295037297 hr i\n", 2 },
		{ "zt-ids 1\nuser 99999999999 hr i\n", 2 },
		{ "zt-ids 1\nuser -70001 hr i\n", 2 },
		{ "zt-ids 1\nuser 7000x hr i\n", 2 },
		{ "zt-ids 1\nuser 70001 hr\n", 2 },
		{ "zt-ids 1\nuser 70001 hr \n", 2 },
		{ "zt-ids 1\nuser  70001 hr i\n", 2 },
		{ "zt-ids 1\nuser 70001 hr i \n", 2 },
		{ "zt-ids 1\nuser 70001 hr i\r\n", 2 },
		{ "zt-ids 1\nuser 70001 hr \xc3\xa4\n", 2 },
	};
	struct zt_idmap *const poison = (struct zt_idmap *)&errno;
	struct fixture *fx = *state;
	struct zt_idmap *map = poison;
	unsigned line = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file(fx, rows[i].text);
		if (zt_idmap_load(fx->path, NULL, 0, &line, &map) !=
		    ZT_ERR_MALFORMED)
			fail_msg("accepted: %s", rows[i].text);
		assert_int_equal(line, rows[i].line);
		assert_ptr_equal(map, poison);
	}
	write_bytes(fx, "zt-ids 1\nuser 70001 hr i\0\n", 26);
	assert_int_equal(zt_idmap_load(fx->path, NULL, 0, &line, &map),
	    ZT_ERR_MALFORMED);
}

static void
a_file_that_others_can_write_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct zt_idmap *map = NULL;
	unsigned line;

	write_file(fx, "zt-ids 1\n");
	assert_int_equal(chmod(fx->path, 0660), 0);
	assert_int_equal(zt_idmap_load(fx->path, NULL, 0, &line, &map),
	    ZT_ERR_DENIED);
	assert_int_equal(chmod(fx->path, 0642), 0);
	assert_int_equal(zt_idmap_load(fx->path, NULL, 0, &line, &map),
	    ZT_ERR_DENIED);
	assert_int_equal(chmod(fx->path, 0644), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(fx->path, 1234, 0), 0);
	assert_int_equal(zt_idmap_load(fx->path, NULL, 0, &line, &map),
	    ZT_ERR_DENIED);
	assert_int_equal(chown(fx->root, 1234, 0), 0);
	load(fx); /* it is the directory's owner's, as ztd's is */
	assert_int_equal(chown(fx->root, 0, 0), 0);
}

static void
a_file_that_somebody_else_changed_is_left_alone(void **state)
{
	struct fixture *fx = *state;

	load(fx);
	gets(fx, "i", MIN, MIN);
	write_file(fx, "zt-ids 1\nuser 70001 hr j\n");
	assert_int_equal(zt_idmap_commit(fx->map), ZT_ERR_SYS);
	assert_int_equal(errno, ESTALE);
	file_is(fx, "zt-ids 1\nuser 70001 hr j\n");
}

static void
a_commit_that_fails_half_way_is_made_good_by_the_next(void **state)
{
	struct fixture *fx = *state;
	struct rlimit old, tiny;

	load(fx);
	gets(fx, "i", MIN, MIN);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	gets(fx, "j", MIN + 1, MIN + 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tiny = old;
	tiny.rlim_cur = 35; /* bytes: within the second line */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_ERR_SYS);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	file_is(fx, "zt-ids 1\nuser 2013265920 hr i\nuser 2013265921 hr j\n");
}

static void
an_immutable_id_that_cannot_stand_in_the_file_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct zt_id_claim c;
	char who[140];

	load(fx);
	denied(fx, "a b", 0, "printable");
	denied(fx, "a\n", MIN, "printable");
	memset(who, 'x', 129);
	who[129] = '\0';
	denied(fx, who, 0, "printable");
	c = claim(fx, false, "h r", "i", MIN);
	is_denied(&c, "printable");
	who[128] = '\0';
	gets(fx, who, MIN, MIN);
}

static void
without_a_path_nothing_is_kept(void **state)
{
	struct fixture *fx = *state;
	unsigned line;

	assert_int_equal(zt_idmap_load(NULL, NULL, 0, &line, &fx->map), ZT_OK);
	gets(fx, "i", MIN, MIN);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	zt_idmap_rollback(fx->map);
	assert_true(zt_idmap_taken(fx->map, MIN));
	zt_idmap_free(NULL);
}

static void
a_hundred_thousand_ids_come_back(void **state)
{
	enum { N = 100000 };
	struct zt_id_claim *c = calloc(N, sizeof(*c));
	char(*who)[16] = calloc(N, sizeof(*who));
	struct fixture *fx = *state;

	load(fx);
	for (uint32_t i = 0; i < N; i++) {
		snprintf(who[i], sizeof(who[i]), "w%u", i);
		c[i] = (struct zt_id_claim){
			.source = "hr", .immutable_id = who[i], .id = MIN + i
		};
	}
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, N), ZT_OK);
	assert_int_equal(zt_idmap_commit(fx->map), ZT_OK);
	load(fx);
	for (uint32_t i = 0; i < N; i++)
		c[i].id = 0;
	assert_int_equal(zt_idmap_claim(fx->map, MIN, MAX, c, N), ZT_OK);
	for (uint32_t i = 0; i < N; i++)
		if (c[i].err != ZT_OK || c[i].id != MIN + i)
			fail_msg("%u", i);
	free(c);
	free(who);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worked_example_holds),
		TEST(what_is_committed_is_there_after_a_load),
		TEST(an_id_is_never_given_to_another),
		TEST(one_number_may_be_given_to_a_user_and_a_group),
		TEST(a_derived_id_is_free_in_both_kinds),
		TEST(a_new_derived_id_that_is_given_as_well_is_refused),
		TEST(a_user_and_a_group_that_derive_one_id_are_refused),
		TEST(several_ids_of_one_stay_its_own),
		TEST(an_id_outside_the_range_is_refused),
		TEST(new_ones_that_derive_one_id_are_all_refused),
		TEST(of_ids_that_are_given_the_first_claim_holds),
		TEST(one_immutable_id_twice_gets_nothing),
		TEST(an_override_comes_first_and_is_kept_free),
		TEST(rollback_forgets_what_is_not_committed),
		TEST(the_name_of_a_new_file_is_flushed),
		TEST(a_torn_end_is_dropped_and_overwritten),
		TEST(anything_else_malformed_refuses_the_file),
		TEST(a_file_that_others_can_write_is_refused),
		TEST(a_file_that_somebody_else_changed_is_left_alone),
		TEST(a_commit_that_fails_half_way_is_made_good_by_the_next),
		TEST(an_immutable_id_that_cannot_stand_in_the_file_is_refused),
		TEST(without_a_path_nothing_is_kept),
		TEST(a_hundred_thousand_ids_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
