/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zt/identity.h"
#include "zt/idmap.h"
#include "zt/local.h"
#include "zt/snapshot.h"

/* Two sources, "hr" before "lab", and an etc; all fresh for each test. */
struct fixture {
	char root[64], etc[80];
	struct zt_identity_rules rules;
	struct zt_merge_source sources[2];
	struct zt_set *sets[2];
	struct zt_local *local;
	struct zt_idmap *ids;
	struct zt_directory *d;
};

static void
write_etc(const struct fixture *fx, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fx->etc, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
load_local(struct fixture *fx)
{
	zt_local_free(fx->local);
	fx->local = NULL;
	assert_int_equal(zt_local_load(fx->etc, &fx->local), ZT_OK);
}

static void
forget_records(struct fixture *fx)
{
	zt_directory_free(fx->d);
	fx->d = NULL;
	for (int i = 0; i < 2; i++) {
		zt_set_free(fx->sets[i]);
		assert_int_equal(zt_set_new(&fx->sets[i]), ZT_OK);
		fx->sources[i].set = fx->sets[i];
		assert_int_equal(zt_set_seal(fx->sets[i]), ZT_OK);
	}
}

static void
new_ids(struct fixture *fx, const struct zt_id_override *overrides, size_t n)
{
	unsigned line;

	zt_idmap_free(fx->ids);
	assert_int_equal(zt_idmap_load(NULL, overrides, n, &line, &fx->ids),
	    ZT_OK);
}

static int
setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	strcpy(fx->root, "/tmp/zt-merge-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	snprintf(fx->etc, sizeof(fx->etc), "%s/etc", fx->root);
	assert_int_equal(mkdir(fx->etc, 0755), 0);
	write_etc(fx, "passwd",
	    "root:x:0:0:root:/root:/bin/bash\nbroken line\n"
	    "local:x:70050:70050::/home/local:/bin/sh\n");
	write_etc(fx, "group",
	    "root:x:0:\nusers:x:100:\ndocker:x:998:\nteam:x:5000:\n"
	    "crew:x:5000:\nlocal:x:70050:\n");
	write_etc(fx, "subuid", "local:100000:65536\n");
	write_etc(fx, "subgid", "local:200000:65536\nbad\n");
	load_local(fx);
	fx->rules.id_min = 65536;
	fx->rules.id_max = 524287;
	fx->sources[0].name = "hr";
	fx->sources[1].name = "lab";
	forget_records(fx);
	new_ids(fx, NULL, 0);
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	zt_directory_free(fx->d);
	zt_set_free(fx->sets[0]);
	zt_set_free(fx->sets[1]);
	zt_local_free(fx->local);
	zt_idmap_free(fx->ids);
	snprintf(command, sizeof(command), "rm -rf '%s'", fx->root);
	assert_int_equal(system(command), 0);
	free(fx);
	return 0;
}

/* Put a record into a source; which it is shows by its first field. */
static void
put_in(struct fixture *fx, int source, const char *key, const char *json)
{
	struct zt_set *set = fx->sets[source];
	struct zt_group *group = NULL;
	struct zt_user *user = NULL;
	const char *why = "";

	zt_directory_free(fx->d); /* it borrows */
	fx->d = NULL;
	if (zt_user_parse(zt_str(json), &user, &why) == ZT_OK)
		assert_int_equal(zt_set_put_user(set, key, user), ZT_OK);
	else if (zt_group_parse(zt_str(json), &group, &why) == ZT_OK)
		assert_int_equal(zt_set_put_group(set, key, group), ZT_OK);
	else
		fail_msg("%s: %s", json, why);
}

static void
put(struct fixture *fx, const char *key, const char *json)
{
	put_in(fx, 0, key, json);
}

static void
merge(struct fixture *fx)
{
	zt_directory_free(fx->d);
	fx->d = NULL;
	assert_int_equal(zt_merge(fx->sources, 2, &fx->rules, fx->local,
			     fx->ids, &fx->d),
	    ZT_OK);
}

static void
accepted(struct fixture *fx)
{
	merge(fx);
	if (fx->d->n_refusals > 0)
		fail_msg("%s: %s", fx->d->refusals[0].key,
		    fx->d->refusals[0].why);
}

/* The i-th refusal is of this record, for a reason with this word in it. */
static void
refusal_is(const struct fixture *fx, size_t i, const char *key,
    const char *word)
{
	assert_true(i < fx->d->n_refusals);
	assert_string_equal(fx->d->refusals[i].key, key);
	if (strstr(fx->d->refusals[i].why, word) == NULL)
		fail_msg("\"%s\" is not about \"%s\"", fx->d->refusals[i].why,
		    word);
}

/* Exactly this record is refused. */
static void
refused(struct fixture *fx, const char *key, const char *word)
{
	merge(fx);
	refusal_is(fx, 0, key, word);
	assert_int_equal(fx->d->n_refusals, 1);
}

static const struct zt_directory_user *
user(const struct fixture *fx, const char *name)
{
	for (size_t i = 0; i < fx->d->n_users; i++)
		if (strcmp(fx->d->users[i].record->name, name) == 0)
			return &fx->d->users[i];
	return NULL;
}

static const struct zt_directory_group *
group(const struct fixture *fx, const char *name)
{
	for (size_t i = 0; i < fx->d->n_groups; i++)
		if (strcmp(fx->d->groups[i].record->name, name) == 0)
			return &fx->d->groups[i];
	return NULL;
}

static void
gids_are(const struct fixture *fx, const char *name, const char *want)
{
	const struct zt_directory_user *u = user(fx, name);
	char got[256] = "";

	assert_non_null(u);
	for (uint32_t i = 0; i < u->n_gids; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u",
		    i > 0 ? " " : "", u->gids[i]);
	assert_string_equal(got, want);
}

static void
members_are(const struct fixture *fx, const char *name, const char *want)
{
	const struct zt_directory_group *g = group(fx, name);
	char got[256] = "";

	assert_non_null(g);
	for (uint32_t i = 0; i < g->n_members; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
		    i > 0 ? " " : "", fx->d->users[g->members[i]].record->name);
	assert_string_equal(got, want);
}

static void
users_and_groups_stand_in_the_order_of_sources_and_keys(void **state)
{
	struct fixture *fx = *state;

	put(fx, "b", "{\"userName\":\"bob\",\"uid\":70001}");
	put(fx, "a", "{\"userName\":\"alice\",\"uid\":70002}");
	put(fx, "g", "{\"groupName\":\"pay\",\"gid\":70003}");
	put_in(fx, 1, "0", "{\"userName\":\"zoe\",\"uid\":70004}");
	accepted(fx);
	assert_int_equal(fx->d->n_users, 3);
	assert_int_equal(fx->d->n_groups, 1);
	assert_string_equal(fx->d->users[0].record->name, "alice");
	assert_string_equal(fx->d->users[1].record->name, "bob");
	assert_string_equal(fx->d->users[2].record->name, "zoe");
	assert_int_equal(fx->d->users[0].uid, 70002);
	assert_int_equal(fx->d->users[0].gid, 70002);
	assert_int_equal(fx->d->users[1].source, 0);
	assert_int_equal(fx->d->users[2].source, 1);
	assert_int_equal(fx->d->groups[0].gid, 70003);
	assert_false(fx->d->groups[0].allowed);
}

static void
nothing_merges_into_nothing(void **state)
{
	struct fixture *fx = *state;

	fx->sources[1].set = NULL;
	accepted(fx);
	assert_int_equal(fx->d->n_users + fx->d->n_groups, 0);
	zt_directory_free(NULL);
}

static void
what_a_source_refused_is_listed(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(zt_set_put_refused(fx->sets[1], "k", "nam", "because"),
	    ZT_OK);
	refused(fx, "k", "because");
	assert_string_equal(fx->d->refusals[0].name, "nam");
	assert_int_equal(fx->d->refusals[0].source, 1);
	assert_false(fx->d->refusals[0].is_group);
}

static void
a_record_that_breaks_a_rule_is_refused(void **state)
{
	static const struct {
		const char *json, *word;
	} rows[] = {
		{ "{\"userName\":\"local\",\"uid\":70001}", "name" },
		{ "{\"userName\":\"root\",\"uid\":70001}", "name" },
		{ "{\"userName\":\"x\",\"uid\":70050,\"gid\":70051}", "uid" },
		{ "{\"userName\":\"x\",\"uid\":70051,\"gid\":70050}", "gid" },
		{ "{\"userName\":\"x\",\"uid\":100000,\"gid\":70051}",
		    "subuid" },
		{ "{\"userName\":\"x\",\"uid\":165535,\"gid\":70051}",
		    "subuid" },
		{ "{\"userName\":\"x\",\"uid\":70051,\"gid\":200000}",
		    "subgid" },
		{ "{\"userName\":\"x\",\"uid\":200000}", "subgid" },
		{ "{\"userName\":\"x\",\"uid\":200000,\"uuid\":\"i\"}",
		    "subgid" },
		{ "{\"userName\":\"x\",\"uid\":100000,\"uuid\":\"i\","
		  "\"gid\":70001}",
		    "subuid" },
		{ "{\"groupName\":\"team\",\"gid\":70001}", "name" },
		{ "{\"groupName\":\"x\",\"gid\":70050}", "gid" },
		{ "{\"groupName\":\"x\",\"gid\":265535}", "subgid" },
		{ "{\"groupName\":\"x\",\"gid\":265535,\"uuid\":\"i\"}",
		    "subgid" },
		{ "{\"userName\":\"x\",\"uid\":1000,\"gid\":70000}",
		    "outside" },
		{ "{\"userName\":\"x\",\"uid\":1000,\"uuid\":\"i\"}",
		    "outside" },
		{ "{\"userName\":\"x\",\"uid\":524288,\"gid\":70000}",
		    "outside" },
		{ "{\"userName\":\"x\",\"uid\":70000,\"gid\":27}", "outside" },
		{ "{\"groupName\":\"g\",\"gid\":27}", "outside" },
	};
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		new_ids(fx, NULL, 0);
		put(fx, "x", rows[i].json);
		refused(fx, "x", rows[i].word);
		assert_int_equal(fx->d->n_users + fx->d->n_groups, 0);
		assert_true(fx->d->refusals[0].is_group ==
		    (strstr(rows[i].json, "groupName") != NULL));
	}
	put(fx, "x", "{\"userName\":\"x\",\"uid\":165536}");
	put(fx, "y", "{\"userName\":\"y\",\"uid\":524287}");
	put(fx, "g", "{\"groupName\":\"g\",\"gid\":65536}");
	accepted(fx);
}

static void
a_root_equivalent_group_is_refused_unless_allowed(void **state)
{
	static const char *const names[] = { "root", "sudo", "wheel", "adm",
		"disk", "docker", "lxd", "shadow", "users" };
	static const char *const allow[] = { "docker", "users", "root",
		"wheel" };
	struct fixture *fx = *state;
	char json[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(json, sizeof(json),
		    "{\"userName\":\"x\",\"uid\":70001,\"memberOf\":[\"team\","
		    "\"%s\"]}",
		    names[i]);
		put(fx, "x", json);
		refused(fx, "x", "group");
	}
	put(fx, "x",
	    "{\"userName\":\"x\",\"uid\":70001,\"memberOf\":[\"docker\","
	    "\"users\"]}");
	put(fx, "g", "{\"groupName\":\"sudo\",\"gid\":70002}");
	fx->rules.allow_groups = allow;
	fx->rules.n_allow_groups = 4;
	refused(fx, "g", "allow_groups");
	put(fx, "g", "{\"groupName\":\"wheel\",\"gid\":70002}");
	accepted(fx);
	gids_are(fx, "x", "100 998");
	assert_int_equal(fx->d->n_allowed_gids, 2);
	assert_int_equal(fx->d->allowed_gids[0], 100);
	assert_int_equal(fx->d->allowed_gids[1], 998);
	assert_true(group(fx, "wheel")->allowed);
	put(fx, "x",
	    "{\"userName\":\"x\",\"uid\":70001,\"memberOf\":[\"root\"]}");
	refused(fx, "x", "never"); /* gid 0 whatever is allowed */
	assert_int_equal(fx->d->n_allowed_gids, 0);
}

static void
the_first_to_hold_a_name_or_id_keeps_it(void **state)
{
	struct fixture *fx = *state;

	put(fx, "b", "{\"userName\":\"x\",\"uid\":70001}");
	put_in(fx, 1, "a", "{\"userName\":\"x\",\"uid\":70002}");
	refused(fx, "a", "name is held by record b of source hr");
	assert_int_equal(user(fx, "x")->uid, 70001);
	put_in(fx, 1, "a", "{\"userName\":\"y\",\"uid\":70001}");
	refused(fx, "a", "id is held by record b of source hr");
	put_in(fx, 1, "a", "{\"userName\":\"y\",\"uid\":70001,\"uuid\":\"y\"}");
	refused(fx, "a", "id is held by record b of source hr");
	put_in(fx, 1, "a", "{\"userName\":\"y\",\"uid\":70002}");
	put(fx, "c", "{\"userName\":\"c\",\"uid\":70001}");
	refused(fx, "c", "id is held by record b");
	put(fx, "b", "{\"userName\":\"x\",\"uid\":70001,\"gid\":70001}");
	put(fx, "c", "{\"groupName\":\"y\",\"gid\":70001}");
	accepted(fx); /* users and groups are apart */
	put(fx, "d", "{\"groupName\":\"z\",\"gid\":70001}");
	refused(fx, "d", "id is held by record c");
	put(fx, "d", "{\"groupName\":\"y\",\"gid\":70007}");
	refused(fx, "d", "name is held by record c");
	put(fx, "d", "{\"groupName\":\"z\",\"gid\":70007}");
	put_in(fx, 1, "a",
	    "{\"userName\":\"y\",\"uid\":70007,\"gid\":70001,\"uuid\":\"y\"}");
	accepted(fx);
	assert_int_equal(user(fx, "y")->uid, 70007);
	put_in(fx, 1, "e",
	    "{\"groupName\":\"e\",\"gid\":70007,\"uuid\":\"y\"}");
	refused(fx, "e", "id is held by record d");
}

/* As directories have it: alice, and her group of the same name and number. */
static void
a_user_and_a_group_may_have_one_number(void **state)
{
	struct fixture *fx = *state;

	put(fx, "a", "{\"userName\":\"alice\",\"uid\":70001,\"uuid\":\"i\"}");
	put(fx, "b",
	    "{\"userName\":\"bob\",\"uid\":70002,\"gid\":70003,"
	    "\"uuid\":\"j\"}");
	put(fx, "g", "{\"groupName\":\"alice\",\"gid\":70001,\"uuid\":\"k\"}");
	put(fx, "h", "{\"groupName\":\"ops\",\"gid\":70002,\"uuid\":\"l\"}");
	for (int turn = 0; turn < 2; turn++) {
		accepted(fx);
		assert_int_equal(user(fx, "alice")->gid, 70001);
		assert_false(user(fx, "alice")->private_group);
		assert_int_equal(user(fx, "bob")->gid, 70003);
		assert_int_equal(group(fx, "alice")->gid, 70001);
		assert_int_equal(group(fx, "ops")->gid, 70002);
		assert_int_equal(zt_idmap_commit(fx->ids), ZT_OK);
	}
	put(fx, "b", "{\"userName\":\"carl\",\"uid\":70001,\"uuid\":\"k\"}");
	refused(fx, "b", "id is held by record a");
}

static void
a_derived_id_is_the_same_whatever_else_comes(void **state)
{
	struct fixture *fx = *state;
	uint32_t want;

	fx->rules.id_min = 300000; /* clear of what is local */
	want = zt_id_derive(false, "hr", "i-1", 300000, fx->rules.id_max);

	put(fx, "a", "{\"userName\":\"alice\",\"uuid\":\"i-1\"}");
	put(fx, "g", "{\"groupName\":\"g\",\"uuid\":\"i-1\"}");
	accepted(fx);
	assert_int_equal(user(fx, "alice")->uid, want);
	assert_int_equal(user(fx, "alice")->gid, want);
	assert_true(user(fx, "alice")->private_group);
	assert_int_equal(group(fx, "g")->gid,
	    zt_id_derive(true, "hr", "i-1", fx->rules.id_min,
		fx->rules.id_max));
	assert_true(group(fx, "g")->gid != want);
	/* renamed, and with company */
	put(fx, "a", "{\"userName\":\"ally\",\"uuid\":\"i-1\"}");
	put(fx, "0", "{\"userName\":\"b\",\"uuid\":\"i-2\"}");
	accepted(fx);
	assert_int_equal(user(fx, "ally")->uid, want);
}

static void
one_immutable_id_in_two_records_refuses_both(void **state)
{
	struct fixture *fx = *state;

	put(fx, "a", "{\"userName\":\"a\",\"uuid\":\"i\"}");
	put(fx, "b", "{\"userName\":\"b\",\"uid\":70001,\"uuid\":\"i\"}");
	put(fx, "c", "{\"userName\":\"c\",\"uid\":70001}");
	put_in(fx, 1, "d", "{\"userName\":\"d\",\"uuid\":\"i\"}");
	merge(fx);
	assert_int_equal(fx->d->n_refusals, 2);
	refusal_is(fx, 0, "a", "same immutable id");
	refusal_is(fx, 1, "b", "same immutable id");
	assert_int_equal(fx->d->n_users, 2);
	assert_non_null(user(fx, "c")); /* whose id nobody else has */
	assert_non_null(user(fx, "d")); /* of another source */
}

static void
one_immutable_id_under_one_name_refuses_both(void **state)
{
	struct fixture *fx = *state;

	fx->rules.id_min = 300000; /* clear of what is local */
	put(fx, "a", "{\"userName\":\"a\",\"uuid\":\"i\"}");
	put(fx, "b", "{\"userName\":\"a\",\"uuid\":\"i\"}");
	put(fx, "g", "{\"groupName\":\"g\",\"uuid\":\"i\"}");
	put(fx, "h", "{\"groupName\":\"g\",\"uuid\":\"i\"}");
	merge(fx);
	assert_int_equal(fx->d->n_users + fx->d->n_groups, 0);
	assert_int_equal(fx->d->n_refusals, 4);
	/* in two sources it is a name held, as any other */
	forget_records(fx);
	put(fx, "a", "{\"userName\":\"a\",\"uuid\":\"i\"}");
	put_in(fx, 1, "b", "{\"userName\":\"a\",\"uuid\":\"i\"}");
	refused(fx, "b", "name is held");
}

static void
the_id_of_who_is_gone_is_not_given_to_another(void **state)
{
	struct fixture *fx = *state;

	put(fx, "a", "{\"userName\":\"a\",\"uid\":70001,\"uuid\":\"i\"}");
	accepted(fx);
	assert_int_equal(zt_idmap_commit(fx->ids), ZT_OK);
	forget_records(fx);
	accepted(fx);
	put(fx, "b", "{\"userName\":\"b\",\"uid\":70001,\"uuid\":\"j\"}");
	refused(fx, "b", "another's");
	put(fx, "b", "{\"userName\":\"b\",\"uid\":70001}");
	refused(fx, "b", "another's");
	put(fx, "b", "{\"userName\":\"b\",\"uuid\":\"i\"}");
	accepted(fx); /* the same person, by another name */
	assert_int_equal(user(fx, "b")->uid, 70001);
}

static void
an_override_beats_what_the_source_says(void **state)
{
	static const struct zt_id_override override = { "hr", "i", 70009 };
	struct fixture *fx = *state;

	new_ids(fx, &override, 1);
	put(fx, "a", "{\"userName\":\"a\",\"uid\":70050,\"uuid\":\"i\"}");
	accepted(fx); /* 70050 is local */
	assert_int_equal(user(fx, "a")->uid, 70009);
	assert_int_equal(user(fx, "a")->gid, 70009);
}

static void
a_private_group_is_nobody_elses(void **state)
{
	struct fixture *fx = *state;

	write_etc(fx, "group", "root:x:0:\ndora:x:5000:\n");
	load_local(fx);
	put(fx, "a", "{\"userName\":\"anna\",\"uid\":70001}");
	put(fx, "b", "{\"userName\":\"bert\",\"uid\":70002,\"gid\":70002}");
	put(fx, "c", "{\"userName\":\"carl\",\"uid\":70003}");
	put(fx, "d", "{\"userName\":\"dora\",\"uid\":70004}");
	put(fx, "e", "{\"userName\":\"emil\",\"uid\":70005,\"gid\":70005}");
	put(fx, "f", "{\"userName\":\"fred\",\"uid\":70006,\"gid\":70013}");
	put_in(fx, 1, "1", "{\"groupName\":\"carl\",\"gid\":70010}");
	put_in(fx, 1, "2", "{\"groupName\":\"x\",\"gid\":70005}");
	accepted(fx);
	assert_true(user(fx, "anna")->private_group);
	assert_true(user(fx, "bert")->private_group);
	assert_false(user(fx, "carl")->private_group); /* name of a group */
	assert_false(user(fx, "dora")->private_group); /* of a local one */
	assert_false(user(fx, "emil")->private_group); /* gid of a group */
	assert_false(user(fx, "fred")->private_group);
	assert_int_equal(user(fx, "carl")->gid, 70003);
	assert_int_equal(user(fx, "emil")->gid, 70005);
	assert_int_equal(user(fx, "fred")->gid, 70013);
	put(fx, "f", "{\"userName\":\"fred\",\"uid\":70006,\"gid\":70001}");
	refused(fx, "f", "private group");
	assert_null(user(fx, "fred"));
	put(fx, "f", "{\"userName\":\"fred\",\"uid\":70006,\"gid\":70005}");
	accepted(fx);
}

static void
no_source_takes_a_user_from_one_before_it(void **state)
{
	struct fixture *fx = *state;

	put(fx, "a", "{\"userName\":\"anna\",\"uid\":70001}");
	put_in(fx, 1, "g", "{\"groupName\":\"payments\",\"gid\":70001}");
	refused(fx, "g", "the uid of a user of an earlier source");
	assert_true(user(fx, "anna")->private_group);
	/* and who names that gid is in nobody's private group */
	put_in(fx, 1, "c",
	    "{\"userName\":\"carl\",\"uid\":70003,\"gid\":70001}");
	merge(fx);
	assert_null(user(fx, "carl"));
	assert_true(user(fx, "anna")->private_group);
	put(fx, "g", "{\"groupName\":\"payments\",\"gid\":70001}");
	merge(fx);
	assert_null(user(fx, "anna")); /* of one source: say the gid */
}

static void
nobody_gets_into_a_group_by_the_number_of_his_uid(void **state)
{
	struct fixture *fx = *state;
	char json[128];
	uint32_t uid;

	put(fx, "a", "{\"userName\":\"anna\",\"uid\":70001}");
	put(fx, "b", "{\"userName\":\"bert\",\"uid\":70002}");
	put(fx, "c", "{\"userName\":\"carl\",\"uid\":70003}");
	put(fx, "g", "{\"groupName\":\"payments\",\"gid\":70001}");
	put_in(fx, 1, "h", "{\"groupName\":\"bert\",\"gid\":70002}");
	refused(fx, "a",
	    "it has no gid, and its uid is the gid of group payments");
	assert_null(user(fx, "anna"));
	assert_int_equal(user(fx, "bert")->gid, 70002); /* his own */
	assert_false(user(fx, "bert")->private_group);
	assert_true(user(fx, "carl")->private_group);
	members_are(fx, "payments", "");
	/* whatever group has the name */
	put(fx, "i", "{\"groupName\":\"anna\",\"gid\":70009}");
	refused(fx, "a", "group payments");
	put(fx, "g", "{\"groupName\":\"payments\",\"gid\":70008}");
	accepted(fx);
	assert_int_equal(user(fx, "anna")->gid, 70001); /* without a name */
	assert_false(user(fx, "anna")->private_group);
	/* unless the source says so */
	put(fx, "g", "{\"groupName\":\"payments\",\"gid\":70001}");
	put(fx, "a", "{\"userName\":\"anna\",\"uid\":70001,\"gid\":70001}");
	accepted(fx);
	assert_int_equal(user(fx, "anna")->gid, 70001);
	/* a group that is refused is none */
	put(fx, "a", "{\"userName\":\"anna\",\"uid\":70005}");
	put_in(fx, 1, "j", "{\"groupName\":\"bert\",\"gid\":70005}");
	refused(fx, "j", "name is held");
	assert_true(user(fx, "anna") != NULL);
	put_in(fx, 1, "j",
	    "{\"groupName\":\"ops\",\"gid\":70005,\"uuid\":\"i\"}");
	put_in(fx, 1, "k",
	    "{\"groupName\":\"anna\",\"gid\":70006,\"uuid\":\"i\"}");
	zt_set_remove(fx->sets[0], "i"); /* the other group anna */
	merge(fx);
	assert_int_equal(fx->d->n_refusals, 2);
	refusal_is(fx, 0, "j", "same immutable id");
	refusal_is(fx, 1, "k", "same immutable id");
	assert_true(user(fx, "anna")->private_group);
	/* a derived uid, which was there before the group */
	forget_records(fx);
	fx->rules.id_min = 300000; /* clear of what is local */
	put(fx, "a", "{\"userName\":\"anna\",\"uuid\":\"i\"}");
	accepted(fx);
	assert_true(user(fx, "anna")->private_group);
	uid = user(fx, "anna")->uid;
	snprintf(json, sizeof(json),
	    "{\"groupName\":\"payments\",\"gid\":%u,\"uuid\":\"g\"}", uid);
	put(fx, "g", json);
	refused(fx, "a", "its uid is the gid of group payments");
	/* and so is his private group refused to others no more */
	snprintf(json, sizeof(json),
	    "{\"userName\":\"fred\",\"uid\":300001,\"gid\":%u}", uid);
	put(fx, "f", json);
	refused(fx, "a", "group payments");
	assert_int_equal(user(fx, "fred")->gid, uid);
}

/* What was merged, written down, is a file that its readers accept. */
static void
snapshot_is_good(const struct fixture *fx)
{
	static const char *const names[] = { "hr", "lab" };
	const struct zt_snapshot_meta meta = { .generation = 1,
		.id_min = fx->rules.id_min,
		.id_max = fx->rules.id_max,
		.complete = true,
		.enumerate = true,
		.sources = names,
		.n_sources = 2 };
	struct zt_snapshot_file file;
	struct zt_snapshot s;
	char path[80];

	snprintf(path, sizeof(path), "%s/users.snapshot", fx->root);
	assert_int_equal(zt_snapshot_write(path, fx->d, &meta), ZT_OK);
	assert_int_equal(zt_snapshot_open(path, &s, &file), ZT_OK);
	assert_int_equal(zt_snapshot_verify(&s), ZT_OK);
	zt_snapshot_close(&s);
}

static void
a_private_group_does_not_make_root(void **state)
{
	static const char *const names[] = { "docker", "lxd", "operator",
		"admin" };
	struct fixture *fx = *state;
	char json[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fx->rules.n_allow_groups = 0;
		snprintf(json, sizeof(json),
		    "{\"userName\":\"%s\",\"uid\":70001}", names[i]);
		put(fx, "x", json);
		refused(fx, "x", "it has no gid");
		assert_int_equal(fx->d->n_users, 0);
		fx->rules.allow_groups = &names[i];
		fx->rules.n_allow_groups = 1;
		accepted(fx); /* its gid has no name all the same */
		assert_int_equal(fx->d->users[0].gid, 70001);
		assert_false(fx->d->users[0].private_group);
		snapshot_is_good(fx);
		fx->rules.n_allow_groups = 0;
		snprintf(json, sizeof(json),
		    "{\"userName\":\"%s\",\"uid\":70001,\"gid\":70001}",
		    names[i]);
		put(fx, "x", json);
		accepted(fx);
		assert_false(fx->d->users[0].private_group);
		snapshot_is_good(fx);
	}
	put(fx, "x", "{\"userName\":\"admin\",\"uid\":70001,\"gid\":70009}");
	put(fx, "y", "{\"userName\":\"anna\",\"uid\":70002}");
	accepted(fx);
	assert_true(user(fx, "anna")->private_group);
	snapshot_is_good(fx);
}

static void
groups_come_from_memberof_and_members_alike(void **state)
{
	static const char *const allow[] = { "team", "crew" };
	struct fixture *fx = *state;

	fx->rules.allow_groups = allow;
	fx->rules.n_allow_groups = 2;
	put(fx, "a",
	    "{\"userName\":\"alice\",\"uid\":70001,\"gid\":70010,\"memberOf\":"
	    "[\"team\",\"crew\",\"team\",\"pay\",\"pay\",\"nosuch\",\"own\"]}");
	put(fx, "b", "{\"userName\":\"bob\",\"uid\":70002}");
	put(fx, "own", "{\"groupName\":\"own\",\"gid\":70010}");
	put_in(fx, 1, "pay",
	    "{\"groupName\":\"pay\",\"gid\":70014,\"members\":[\"root\","
	    "\"bob\",\"alice\",\"bob\",\"stranger\"]}");
	put(fx, "ops",
	    "{\"groupName\":\"ops\",\"gid\":70012,\"members\":[\"alice\"]}");
	accepted(fx);
	members_are(fx, "pay", "alice bob");
	members_are(fx, "own", "alice");
	gids_are(fx, "alice", "5000 70012 70014");
	gids_are(fx, "bob", "70014");
	assert_int_equal(fx->d->n_allowed_gids, 1);
	assert_int_equal(fx->d->allowed_gids[0], 5000);
	/* a refused group is no group, a refused user no member */
	put(fx, "pay2", "{\"groupName\":\"ops2\",\"gid\":70010}");
	put(fx, "b", "{\"userName\":\"bob\",\"uid\":70001}");
	merge(fx);
	assert_int_equal(fx->d->n_refusals, 2);
	members_are(fx, "pay", "alice");
}

/* Put a user with groups first .. first + n - 1 by members, all in source 1. */
static void
put_groups(struct fixture *fx, unsigned n, const char *members)
{
	char key[16], json[128];

	for (unsigned i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "g%05u", i);
		snprintf(json, sizeof(json),
		    "{\"groupName\":\"%s\",\"gid\":%u,\"members\":[%s]}", key,
		    300000 + i, members);
		put_in(fx, 1, key, json);
	}
}

static void
a_user_in_too_many_groups_is_refused_alone(void **state)
{
	struct fixture *fx = *state;

	put(fx, "a", "{\"userName\":\"a\",\"uid\":70001,\"gid\":300000}");
	put(fx, "b",
	    "{\"userName\":\"b\",\"uid\":70002,\"memberOf\":[\"g00001\"]}");
	put(fx, "c", "{\"userName\":\"c\",\"uid\":70003}");
	put_groups(fx, ZT_GROUPS_PER_USER_MAX + 1, "\"c\",\"a\",\"a\",\"c\"");
	refused(fx, "c", "8192"); /* of a's one is the primary */
	assert_int_equal(fx->d->n_users, 2);
	assert_int_equal(user(fx, "a")->n_gids, ZT_GROUPS_PER_USER_MAX);
	assert_int_equal(user(fx, "a")->gids[ZT_GROUPS_PER_USER_MAX - 1],
	    300000 + ZT_GROUPS_PER_USER_MAX);
	gids_are(fx, "b", "300001");
	members_are(fx, "g00000", "a");
	members_are(fx, "g00001", "a b");
	members_are(fx, "g08192", "a");
}

static void
a_local_group_is_left_out_unless_allowed(void **state)
{
	static const char *const allow[] = { "crew" };
	struct fixture *fx = *state;

	put(fx, "a",
	    "{\"userName\":\"a\",\"uid\":70001,\"memberOf\":[\"local\","
	    "\"team\"]}");
	put(fx, "b",
	    "{\"userName\":\"b\",\"uid\":70002,\"memberOf\":[\"team\"]}");
	merge(fx);
	assert_int_equal(fx->d->n_users, 2);
	gids_are(fx, "a", "");
	gids_are(fx, "b", "");
	assert_int_equal(fx->d->n_refusals, 2); /* once for each group */
	assert_string_equal(fx->d->refusals[0].why,
	    "local group local is left out: it is not in "
	    "identity.allow_groups");
	assert_string_equal(fx->d->refusals[1].key, "a");
	/* the name is allowed, not the gid, which team has as well */
	fx->rules.allow_groups = allow;
	fx->rules.n_allow_groups = 1;
	put(fx, "b",
	    "{\"userName\":\"b\",\"uid\":70002,\"memberOf\":[\"team\","
	    "\"crew\"]}");
	merge(fx);
	gids_are(fx, "a", "");
	gids_are(fx, "b", "5000");
	assert_int_equal(fx->d->n_allowed_gids, 1);
	snapshot_is_good(fx);
}

static void
all_groups_that_may_be_allowed_have_room(void **state)
{
	char etc[4096] = "root:x:0:\n", json[4096];
	static char names[ZT_SNAPSHOT_ALLOWED_MAX + 1][8];
	const char *allow[ZT_SNAPSHOT_ALLOWED_MAX + 1];
	struct fixture *fx = *state;
	size_t at = strlen(etc), len;

	len = (size_t)snprintf(json, sizeof(json),
	    "{\"userName\":\"a\",\"uid\":70001,\"memberOf\":[\"l0\"");
	for (unsigned i = 0; i <= ZT_SNAPSHOT_ALLOWED_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "l%u", i);
		allow[i] = names[i];
		at += (size_t)snprintf(etc + at, sizeof(etc) - at, "%s:x:%u:\n",
		    names[i], 5000 - i);
		len += (size_t)snprintf(json + len, sizeof(json) - len,
		    ",\"%s\"", names[i]);
	}
	snprintf(json + len, sizeof(json) - len, "]}");
	write_etc(fx, "group", etc);
	load_local(fx);
	put(fx, "a", json);
	fx->rules.allow_groups = allow;
	fx->rules.n_allow_groups = ZT_SNAPSHOT_ALLOWED_MAX;
	merge(fx);
	assert_int_equal(user(fx, "a")->n_gids, ZT_SNAPSHOT_ALLOWED_MAX);
	assert_int_equal(fx->d->n_allowed_gids, ZT_SNAPSHOT_ALLOWED_MAX);
	assert_int_equal(fx->d->allowed_gids[0], 4937);
	assert_int_equal(fx->d->allowed_gids[63], 5000);
	fx->rules.n_allow_groups++;
	zt_directory_free(fx->d);
	fx->d = NULL;
	assert_int_equal(zt_merge(fx->sources, 2, &fx->rules, fx->local,
			     fx->ids, &fx->d),
	    ZT_ERR_TOOBIG);
}

static void
sixty_thousand_users_are_merged(void **state)
{
	struct fixture *fx = *state;
	char key[32], json[128];

	fx->rules.id_min = ZT_ID_MIN_DEFAULT;
	fx->rules.id_max = ZT_ID_MAX_DEFAULT;
	for (unsigned i = 0; i < 60000; i++) {
		snprintf(key, sizeof(key), "u%05u", i);
		snprintf(json, sizeof(json),
		    "{\"userName\":\"%s\",\"uid\":%u,\"memberOf\":[\"all\"]}",
		    key, ZT_ID_MIN_DEFAULT + i);
		put(fx, key, json);
	}
	snprintf(json, sizeof(json), "{\"groupName\":\"all\",\"gid\":%u}",
	    ZT_ID_MAX_DEFAULT);
	put(fx, "all", json);
	accepted(fx);
	assert_int_equal(fx->d->n_users, 60000);
	assert_int_equal(group(fx, "all")->n_members, 60000);
	for (uint32_t i = 0; i < 60000; i++) {
		assert_int_equal(fx->d->users[i].uid, ZT_ID_MIN_DEFAULT + i);
		assert_int_equal(fx->d->users[i].n_gids, 1);
		assert_int_equal(fx->d->groups[0].members[i], i);
	}
}

static void
too_many_sources_are_too_many(void **state)
{
	struct zt_merge_source sources[ZT_SNAPSHOT_SOURCES_MAX + 1] = { 0 };
	struct fixture *fx = *state;

	for (size_t i = 0; i < ZT_SNAPSHOT_SOURCES_MAX + 1; i++)
		sources[i].name = "s";
	assert_int_equal(zt_merge(sources, ZT_SNAPSHOT_SOURCES_MAX + 1,
			     &fx->rules, fx->local, fx->ids, &fx->d),
	    ZT_ERR_TOOBIG);
	assert_null(fx->d);
	assert_int_equal(zt_merge(sources, ZT_SNAPSHOT_SOURCES_MAX, &fx->rules,
			     fx->local, fx->ids, &fx->d),
	    ZT_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(users_and_groups_stand_in_the_order_of_sources_and_keys),
		TEST(nothing_merges_into_nothing),
		TEST(what_a_source_refused_is_listed),
		TEST(a_record_that_breaks_a_rule_is_refused),
		TEST(a_root_equivalent_group_is_refused_unless_allowed),
		TEST(the_first_to_hold_a_name_or_id_keeps_it),
		TEST(a_user_and_a_group_may_have_one_number),
		TEST(a_derived_id_is_the_same_whatever_else_comes),
		TEST(one_immutable_id_in_two_records_refuses_both),
		TEST(one_immutable_id_under_one_name_refuses_both),
		TEST(the_id_of_who_is_gone_is_not_given_to_another),
		TEST(an_override_beats_what_the_source_says),
		TEST(a_private_group_is_nobody_elses),
		TEST(no_source_takes_a_user_from_one_before_it),
		TEST(nobody_gets_into_a_group_by_the_number_of_his_uid),
		TEST(a_private_group_does_not_make_root),
		TEST(groups_come_from_memberof_and_members_alike),
		TEST(a_user_in_too_many_groups_is_refused_alone),
		TEST(a_local_group_is_left_out_unless_allowed),
		TEST(all_groups_that_may_be_allowed_have_room),
		TEST(sixty_thousand_users_are_merged),
		TEST(too_many_sources_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
