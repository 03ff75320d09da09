/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../ztd/userdb.h"
#include "../lib/sample_users.h"
#include "zt/auto.h"

#define GET_USER    "io.systemd.UserDatabase.GetUserRecord"
#define GET_GROUP   "io.systemd.UserDatabase.GetGroupRecord"
#define GET_MEMBERS "io.systemd.UserDatabase.GetMemberships"
#define OURS        "\"service\":\"io.zt.ztd\""
#define STRANGER    65534

struct fixture {
	char root[64], snapshot[96], socket[96];
	struct userdb_options options;
	sd_event *event;
	struct userdb *userdb;
};

static void
sample(struct fixture *fx, size_t others, bool enumerate)
{
	const struct sample_users want = { .others = others,
		.enumerate = enumerate };

	assert_int_equal(sample_users_write(fx->snapshot, &want), 0);
}

static int
setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));
	char path[96];
	FILE *f;

	strcpy(fx->root, "/tmp/zt-userdb-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	assert_int_equal(chmod(fx->root, 0755), 0);
	snprintf(fx->snapshot, sizeof(fx->snapshot), "%s/s", fx->root);
	snprintf(fx->socket, sizeof(fx->socket), "%s/socket", fx->root);
	snprintf(path, sizeof(path), "%s/group", fx->root);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("root:x:0:\nvideo:x:44:\ndocker:x:998:alice\n", f);
	assert_int_equal(fclose(f), 0);
	fx->options = (struct userdb_options){
		.source = { .snapshot = fx->snapshot,
		    .etc = fx->root,
		    .privileged = sample_privileged },
		.max_connections = 8,
		.max_connections_per_uid = 4,
		.idle_ms = 5000,
		.stall_ms = 5000,
	};
	sample(fx, 0, false);
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	userdb_free(fx->userdb);
	sd_event_unref(fx->event);
	snprintf(command, sizeof(command), "rm -rf '%s'", fx->root);
	assert_int_equal(system(command), 0);
	free(fx);
	return 0;
}

/* ---- queries ---- */

static struct userdb_query *
begin(struct fixture *fx, uid_t caller, const char *json)
{
	struct userdb_query *query = NULL;
	struct varlink_call call;

	assert_int_equal(varlink_call_parse(zt_str(json), &call), ZT_OK);
	assert_int_equal(userdb_query_new(&fx->options.source, &call, caller,
			     &query),
	    ZT_OK);
	varlink_call_clear(&call);
	return query;
}

/* All replies to a call, in an array. */
static json_t *
ask_as(struct fixture *fx, uid_t caller, const char *json)
{
	struct userdb_query *query = begin(fx, caller, json);
	json_t *replies = json_array();
	enum zt_err err;
	char *text;
	size_t len;

	while ((err = userdb_query_next(query, &text, &len)) == ZT_OK) {
		json_t *reply;

		if (text == NULL)
			continue;
		assert_int_equal(len, strlen(text) + 1);
		reply = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(reply);
		json_array_append_new(replies, reply);
		free(text);
	}
	assert_int_equal(err, ZT_ERR_NOTFOUND);
	assert_int_equal(userdb_query_next(query, &text, &len),
	    ZT_ERR_NOTFOUND);
	userdb_query_free(query);
	return replies;
}

#define CALL(method, parameters) \
	"{\"method\":\"" method "\",\"parameters\":{" parameters "}}"
#define CALL_MORE(method, parameters)                            \
	"{\"method\":\"" method "\",\"parameters\":{" parameters \
	"},\"more\":true}"

/* The replies to a call are these, whatever the order of keys. */
static void
answers_as(struct fixture *fx, uid_t caller, const char *call,
    const char *expected_text)
{
	json_t *replies = ask_as(fx, caller, call);
	json_t *expected = json_loads(expected_text, 0, NULL);

	assert_non_null(expected);
	if (!json_equal(replies, expected))
		fail_msg("%s\ngives %s\nnot   %s", call,
		    json_dumps(replies, JSON_COMPACT), expected_text);
	json_decref(replies);
	json_decref(expected);
}

static void
answers(struct fixture *fx, const char *call, const char *expected)
{
	answers_as(fx, STRANGER, call, expected);
}

/* The only reply is this error. */
static void
fails(struct fixture *fx, const char *call, const char *error)
{
	json_t *replies = ask_as(fx, STRANGER, call);
	const char *got =
	    json_string_value(json_object_get(json_array_get(replies, 0),
		"error"));

	if (json_array_size(replies) != 1 || got == NULL ||
	    strcmp(strrchr(got, '.') + 1, error) != 0)
		fail_msg("%s\ngives %s", call,
		    json_dumps(replies, JSON_COMPACT));
	json_decref(replies);
}

#define ALICE                                                     \
	"\"userName\":\"alice\",\"uid\":70001,\"gid\":70001,"     \
	"\"realName\":\"Sample \\u00c4 User\",\"homeDirectory\":" \
	"\"/home/alice\",\"shell\":\"/bin/sh\",\"disposition\":\"regular\"," OURS
#define BOB                                                                     \
	"{\"userName\":\"bob\",\"uid\":70002,\"gid\":70100,\"locked\":true,"    \
	"\"notBeforeUSec\":5,\"notAfterUSec\":6,\"homeDirectory\":"             \
	"\"/home/bob\",\"shell\":\"/bin/sh\",\"disposition\":\"regular\"," OURS \
	"}"
#define GROUP(name, gid)                           \
	"{\"groupName\":\"" name "\",\"gid\":" gid \
	",\"disposition\":\"regular\"," OURS "}"
#define RECORD(record, incomplete) \
	"{\"parameters\":{\"record\":" record ",\"incomplete\":" incomplete "}}"
#define MEMBER(user, group)                           \
	"{\"parameters\":{\"userName\":\"" user "\"," \
	"\"groupName\":\"" group "\"}}"
#define MEMBER_MORE(user, group)                      \
	"{\"parameters\":{\"userName\":\"" user "\"," \
	"\"groupName\":\"" group "\"},\"continues\":true}"

static void
a_user_is_found_by_name_and_by_uid(void **state)
{
	struct fixture *fx = *state;
	const char *bob = "[" RECORD(BOB, "false") "]";

	answers(fx, CALL(GET_USER, "\"userName\":\"bob\"," OURS), bob);
	answers(fx, CALL(GET_USER, "\"uid\":70002," OURS), bob);
	answers(fx, CALL(GET_USER, "\"uid\":70002,\"userName\":\"bob\"," OURS),
	    bob);
	answers(fx, CALL_MORE(GET_USER, "\"uid\":70002," OURS), bob);
	answers(fx,
	    CALL(GET_USER,
		"\"uid\":70002,\"userName\":null,"
		"\"uidMin\":null,\"fuzzyNames\":null," OURS),
	    bob);
}

static void
name_and_uid_of_two_users_are_a_conflict(void **state)
{
	struct fixture *fx = *state;

	fails(fx, CALL(GET_USER, "\"uid\":70002,\"userName\":\"alice\"," OURS),
	    "ConflictingRecordFound");
	fails(fx, CALL(GET_USER, "\"uid\":79999,\"userName\":\"alice\"," OURS),
	    "ConflictingRecordFound");
	fails(fx, CALL(GET_USER, "\"uid\":0,\"userName\":\"alice\"," OURS),
	    "ConflictingRecordFound");
	fails(fx, CALL(GET_USER, "\"uid\":70002,\"userName\":\"eve\"," OURS),
	    "ConflictingRecordFound");
	fails(fx, CALL(GET_USER, "\"uid\":79999,\"userName\":\"eve\"," OURS),
	    "NoRecordFound");
}

static void
the_privileged_section_is_for_root_and_the_user(void **state)
{
	struct fixture *fx = *state;
	const char *by_name = CALL(GET_USER, "\"userName\":\"alice\"," OURS);
	const char *by_uid = CALL(GET_USER, "\"uid\":70001," OURS);
	const char *whole =
	    "[" RECORD("{" ALICE
		       ",\"privileged\":{\"hashedPassword\":[\"!sample\"]}}",
		"false") "]";
	const char *part = "[" RECORD("{" ALICE "}", "true") "]";

	answers_as(fx, 0, by_name, whole);
	answers_as(fx, 0, by_uid, whole);
	answers_as(fx, SAMPLE_ALICE, by_name, whole);
	answers_as(fx, SAMPLE_BOB, by_name, part);
	answers_as(fx, SAMPLE_BOB, by_uid, part);
	answers_as(fx, STRANGER, by_name, part);
	answers_as(fx, (uid_t)-1, by_name, part);
}

static void
a_section_that_is_no_object_is_left_out(void **state)
{
	struct fixture *fx = *state;
	json_t *replies =
	    ask_as(fx, 0, CALL(GET_USER, "\"userName\":\"carol\"," OURS));
	const json_t *parameters =
	    json_object_get(json_array_get(replies, 0), "parameters");

	assert_true(json_is_true(json_object_get(parameters, "incomplete")));
	assert_null(json_object_get(json_object_get(parameters, "record"),
	    "privileged"));
	json_decref(replies);
}

static void
who_is_not_in_the_snapshot_is_not_found(void **state)
{
	static const char *const rows[] = { "\"userName\":\"eve\"",
		"\"userName\":\"\"", "\"userName\":\"root\"",
		"\"userName\":\"Alice\"", "\"userName\":\"alice:\"",
		"\"userName\":\"-x\"", "\"uid\":0", "\"uid\":65534",
		"\"uid\":65535", "\"uid\":4294967295", "\"uid\":79999" };
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char call[256];

		snprintf(call, sizeof(call),
		    "{\"method\":\"" GET_USER "\",\"parameters\":{%s," OURS
		    "}}",
		    rows[i]);
		fails(fx, call, "NoRecordFound");
	}
}

static void
without_certainty_nothing_is_told(void **state)
{
	const struct sample_users partial = { .incomplete = true };
	struct fixture *fx = *state;

	assert_int_equal(sample_users_write(fx->snapshot, &partial), 0);
	fails(fx, CALL(GET_USER, "\"userName\":\"eve\"," OURS),
	    "ServiceNotAvailable");
	fails(fx, CALL(GET_GROUP, "\"gid\":79999," OURS),
	    "ServiceNotAvailable");
	answers(fx, CALL(GET_USER, "\"userName\":\"bob\"," OURS),
	    "[" RECORD(BOB, "false") "]");
	assert_int_equal(unlink(fx->snapshot), 0);
	fails(fx, CALL(GET_USER, "\"userName\":\"bob\"," OURS),
	    "ServiceNotAvailable");
	fails(fx, CALL_MORE(GET_MEMBERS, "\"userName\":\"alice\"," OURS),
	    "ServiceNotAvailable");
}

static void
a_group_is_found_by_name_and_by_gid(void **state)
{
	struct fixture *fx = *state;
	const char *payments =
	    "[" RECORD(GROUP("payments", "70100"), "false") "]";
	const char *own = "[" RECORD(GROUP("alice", "70001"), "false") "]";

	answers(fx, CALL(GET_GROUP, "\"groupName\":\"payments\"," OURS),
	    payments);
	answers(fx, CALL(GET_GROUP, "\"gid\":70100," OURS), payments);
	answers(fx, CALL(GET_GROUP, "\"groupName\":\"alice\"," OURS), own);
	answers(fx, CALL(GET_GROUP, "\"gid\":70001," OURS), own);
	answers(fx,
	    CALL(GET_GROUP, "\"gid\":70001,\"groupName\":\"alice\"," OURS),
	    own);
	fails(fx, CALL(GET_GROUP, "\"gid\":70001,\"groupName\":\"ops\"," OURS),
	    "ConflictingRecordFound");
	fails(fx, CALL(GET_GROUP, "\"gid\":70001,\"groupName\":\"none\"," OURS),
	    "ConflictingRecordFound");
	fails(fx, CALL(GET_GROUP, "\"groupName\":\"bob\"," OURS),
	    "NoRecordFound");
	/* they are not ours */
	fails(fx, CALL(GET_GROUP, "\"groupName\":\"video\"," OURS),
	    "NoRecordFound");
	fails(fx, CALL(GET_GROUP, "\"gid\":44," OURS), "NoRecordFound");
	fails(fx, CALL(GET_GROUP, "\"gid\":0," OURS), "NoRecordFound");
}

static void
the_groups_of_a_user_are_told(void **state)
{
	struct fixture *fx = *state;

	answers(fx, CALL_MORE(GET_MEMBERS, "\"userName\":\"alice\"," OURS),
	    "[" MEMBER_MORE("alice", "video") "," MEMBER("alice",
		"payments") "]");
	fails(fx, CALL_MORE(GET_MEMBERS, "\"userName\":\"bob\"," OURS),
	    "NoRecordFound");
	fails(fx, CALL_MORE(GET_MEMBERS, "\"userName\":\"eve\"," OURS),
	    "NoRecordFound");
	fails(fx, CALL(GET_MEMBERS, "\"userName\":\"alice\"," OURS),
	    "ExpectedMore");
}

static void
the_members_of_a_group_are_told(void **state)
{
	struct fixture *fx = *state;

	answers(fx, CALL_MORE(GET_MEMBERS, "\"groupName\":\"payments\"," OURS),
	    "[" MEMBER_MORE("alice", "payments") "," MEMBER("carol",
		"payments") "]");
	answers(fx, CALL_MORE(GET_MEMBERS, "\"groupName\":\"video\"," OURS),
	    "[" MEMBER("alice", "video") "]");
	fails(fx, CALL_MORE(GET_MEMBERS, "\"groupName\":\"docker\"," OURS),
	    "NoRecordFound");
	fails(fx, CALL_MORE(GET_MEMBERS, "\"groupName\":\"alice\"," OURS),
	    "NoRecordFound");
	fails(fx, CALL_MORE(GET_MEMBERS, "\"groupName\":\"none\"," OURS),
	    "NoRecordFound");
	fails(fx, CALL(GET_MEMBERS, "\"groupName\":\"payments\"," OURS),
	    "ExpectedMore");
}

/* Libraries ask for those of any local group: that must not cost a search. */
static void
a_group_that_is_not_allowed_is_not_searched_for(void **state)
{
	struct fixture *fx = *state;
	struct userdb_query *query = begin(fx, STRANGER,
	    CALL_MORE(GET_MEMBERS, "\"groupName\":\"docker\"," OURS));
	char *text = NULL;
	size_t len;

	assert_int_equal(userdb_query_next(query, &text, &len), ZT_OK);
	assert_non_null(text);
	assert_non_null(strstr(text, "NoRecordFound"));
	free(text);
	userdb_query_free(query);
}

static void
one_membership_is_tested(void **state)
{
	struct fixture *fx = *state;

#define PAIR(user, group)                \
	CALL(GET_MEMBERS,                \
	    "\"userName\":\"" user "\"," \
	    "\"groupName\":\"" group "\"," OURS)
	answers(fx, PAIR("carol", "ops"), "[" MEMBER("carol", "ops") "]");
	answers(fx, PAIR("alice", "video"), "[" MEMBER("alice", "video") "]");
	fails(fx, PAIR("carol", "video"), "NoRecordFound");
	fails(fx, PAIR("alice", "ops"), "NoRecordFound");
	fails(fx, PAIR("alice", "docker"), "NoRecordFound");
	fails(fx, PAIR("alice", "alice"), "NoRecordFound");
	fails(fx, PAIR("eve", "ops"), "NoRecordFound");
}

static void
a_local_group_that_cannot_be_read_is_not_passed_over(void **state)
{
	struct fixture *fx = *state;

	fx->options.source.etc = "/nonexistent";
	fails(fx, CALL_MORE(GET_MEMBERS, "\"userName\":\"alice\"," OURS),
	    "ServiceNotAvailable");
	fails(fx, CALL_MORE(GET_MEMBERS, "\"groupName\":\"video\"," OURS),
	    "ServiceNotAvailable");
}

static void
a_local_group_without_a_name_is_left_out(void **state)
{
	struct fixture *fx = *state;
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/group", fx->root);
	f = fopen(path, "we");
	fputs("root:x:0:\n", f);
	assert_int_equal(fclose(f), 0);
	answers(fx, CALL_MORE(GET_MEMBERS, "\"userName\":\"alice\"," OURS),
	    "[" MEMBER("alice", "payments") "]");
}

static void
enumeration_is_only_for_who_configured_it(void **state)
{
	struct fixture *fx = *state;

	fails(fx, CALL_MORE(GET_USER, OURS), "EnumerationNotSupported");
	fails(fx, CALL_MORE(GET_GROUP, OURS), "EnumerationNotSupported");
	fails(fx, CALL_MORE(GET_MEMBERS, OURS), "EnumerationNotSupported");
	fails(fx, CALL_MORE(GET_USER, "\"uidMin\":1," OURS),
	    "EnumerationNotSupported");
	sample(fx, 0, true);
	fails(fx, CALL(GET_USER, OURS), "ExpectedMore");
	fails(fx, CALL(GET_GROUP, OURS), "ExpectedMore");
	fails(fx, CALL(GET_MEMBERS, OURS), "ExpectedMore");
}

/* Counts the replies; the last one alone is not to be continued. */
static size_t
count(struct fixture *fx, const char *call)
{
	json_t *replies = ask_as(fx, STRANGER, call);
	const size_t n = json_array_size(replies);

	for (size_t i = 0; i < n; i++) {
		const json_t *reply = json_array_get(replies, i);

		assert_null(json_object_get(reply, "error"));
		assert_int_equal(json_is_true(json_object_get(reply,
				     "continues")),
		    i < n - 1);
	}
	json_decref(replies);
	return n;
}

static void
everything_is_enumerated(void **state)
{
	struct fixture *fx = *state;

	sample(fx, 1000, true);
	assert_int_equal(count(fx, CALL_MORE(GET_USER, OURS)), 1003);
	/* payments, ops and everybody's own but bob's */
	assert_int_equal(count(fx, CALL_MORE(GET_GROUP, OURS)), 1004);
	assert_int_equal(count(fx, CALL_MORE(GET_MEMBERS, OURS)), 1004);
	assert_int_equal(count(fx,
			     CALL_MORE(GET_MEMBERS,
				 "\"groupName\":\"payments\"," OURS)),
	    1002);
	assert_int_equal(count(fx,
			     CALL_MORE(GET_USER, "\"uidMin\":70002," OURS)),
	    1002);
	assert_int_equal(count(fx,
			     CALL_MORE(GET_USER, "\"uidMax\":70002," OURS)),
	    2);
	assert_int_equal(count(fx,
			     CALL_MORE(GET_GROUP, "\"gidMax\":70100," OURS)),
	    3);
	assert_int_equal(count(fx,
			     CALL_MORE(GET_USER,
				 "\"fuzzyNames\":[\"zz\",\"ARO\"]," OURS)),
	    1);
	assert_int_equal(count(fx,
			     CALL_MORE(GET_USER,
				 "\"fuzzyNames\":[\"sample\"]," OURS)),
	    1002);
	fails(fx, CALL_MORE(GET_USER, "\"dispositionMask\":[\"system\"]," OURS),
	    "NoRecordFound");
}

static void
an_enumeration_is_of_one_moment(void **state)
{
	struct fixture *fx = *state;
	struct userdb_query *query;
	size_t n = 0, len;
	char *text;

	sample(fx, 100, true);
	query = begin(fx, STRANGER, CALL_MORE(GET_USER, OURS));
	while (userdb_query_next(query, &text, &len) == ZT_OK) {
		n += text != NULL;
		free(text);
		if (n == 50)
			sample(fx, 0, false);
	}
	userdb_query_free(query);
	assert_int_equal(n, 103);
}

static void
a_record_that_the_filter_refuses_does_not_match(void **state)
{
	static const char *const rows[] = { "\"uidMin\":70003",
		"\"uidMax\":70001", "\"fuzzyNames\":[]",
		"\"fuzzyNames\":[\"alice\"]", "\"dispositionMask\":[]",
		"\"dispositionMask\":[\"system\",\"reg\"]" };
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char call[256];

		snprintf(call, sizeof(call),
		    "{\"method\":\"" GET_USER
		    "\",\"parameters\":{\"userName\":\"bob\",%s," OURS "}}",
		    rows[i]);
		fails(fx, call, "NonMatchingRecordFound");
	}
	fails(fx, CALL(GET_GROUP, "\"gid\":70100,\"gidMin\":70101," OURS),
	    "NonMatchingRecordFound");
	answers(fx,
	    CALL(GET_USER,
		"\"uid\":70002,\"uidMin\":70002,"
		"\"uidMax\":70002,\"fuzzyNames\":[\"OB\"],"
		"\"dispositionMask\":[\"x\",\"regular\"]," OURS),
	    "[" RECORD(BOB, "false") "]");
}

static void
a_parameter_that_is_not_understood_is_named(void **state)
{
	static const char *const rows[][2] = {
		{ "\"uid\":\"70001\"", "uid" },
		{ "\"uid\":-1", "uid" },
		{ "\"uid\":4294967296", "uid" },
		{ "\"uid\":1.5", "uid" },
		{ "\"uidMin\":true", "uidMin" },
		{ "\"userName\":7", "userName" },
		{ "\"fuzzyNames\":\"x\"", "fuzzyNames" },
		{ "\"fuzzyNames\":[1]", "fuzzyNames" },
		{ "\"dispositionMask\":{}", "dispositionMask" },
		{ "\"gid\":1", "gid" },
		{ "\"uuid\":\"x\"", "uuid" },
		{ "\"later\":null", "later" },
	};
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char call[256], expected[256];

		snprintf(call, sizeof(call),
		    "{\"method\":\"" GET_USER "\",\"parameters\":{%s," OURS
		    "}}",
		    rows[i][0]);
		snprintf(expected, sizeof(expected),
		    "[{\"error\":\"org.varlink.service.InvalidParameter\","
		    "\"parameters\":{\"parameter\":\"%s\"}}]",
		    rows[i][1]);
		answers(fx, call, expected);
	}
}

/* Each word is held against each user: one call must not hold the broker. */
static void
a_filter_of_many_words_is_refused(void **state)
{
	struct fixture *fx = *state;

	for (int n = 64; n <= 65; n++) {
		char words[65 * 4] = "", call[512];

		for (int i = 0; i < n; i++)
			strcat(words, i == 0 ? "\"a\"" : ",\"a\"");
		snprintf(call, sizeof(call),
		    "{\"method\":\"" GET_USER "\",\"parameters\":{"
		    "\"userName\":\"nobody-here\",\"fuzzyNames\":[%s]," OURS
		    "}}",
		    words);
		if (n == 64)
			fails(fx, call, "NoRecordFound");
		else
			answers(fx, call,
			    "[{\"error\":"
			    "\"org.varlink.service.InvalidParameter\","
			    "\"parameters\":{\"parameter\":"
			    "\"fuzzyNames\"}}]");
	}
}

static void
another_service_is_not_answered_for(void **state)
{
	struct fixture *fx = *state;

	fails(fx, "{\"method\":\"" GET_USER "\"}", "BadService");
	fails(fx, CALL(GET_USER, ""), "BadService");
	fails(fx, CALL(GET_USER, "\"uid\":70001"), "BadService");
	fails(fx, CALL(GET_USER, "\"uid\":70001,\"service\":null"),
	    "BadService");
	fails(fx, CALL(GET_GROUP, "\"gid\":70100,\"service\":\"io.zt\""),
	    "BadService");
	fails(fx,
	    CALL_MORE(GET_MEMBERS,
		"\"userName\":\"alice\",\"service\":\"io.systemd.Home\""),
	    "BadService");
}

static void
the_service_describes_itself(void **state)
{
	struct fixture *fx = *state;
	json_t *replies;
	const char *text;

	answers(fx, CALL("org.varlink.service.GetInfo", ""),
	    "[{\"parameters\":{\"vendor\":\"zt\",\"product\":\"ztd\","
	    "\"version\":\"" ZT_VERSION "\",\"url\":\"\",\"interfaces\":["
	    "\"io.systemd.UserDatabase\",\"org.varlink.service\"]}}]");
	fails(fx, CALL("org.varlink.service.GetInfo", "\"x\":1"),
	    "InvalidParameter");
	replies = ask_as(fx, STRANGER,
	    CALL("org.varlink.service.GetInterfaceDescription",
		"\"interface\":\"io.systemd.UserDatabase\""));
	text = json_string_value(json_object_get(
	    json_object_get(json_array_get(replies, 0), "parameters"),
	    "description"));
	assert_non_null(text);
	assert_non_null(strstr(text, "\nmethod GetMemberships("));
	json_decref(replies);
	fails(fx,
	    CALL("org.varlink.service.GetInterfaceDescription",
		"\"interface\":\"io.systemd.Home\""),
	    "InterfaceNotFound");
	fails(fx, CALL("org.varlink.service.GetInterfaceDescription", ""),
	    "InvalidParameter");
	fails(fx, CALL("io.systemd.UserDatabase.GetAnything", OURS),
	    "MethodNotFound");
	fails(fx, CALL("io.systemd.Home.GetUserRecord", OURS),
	    "MethodNotFound");
}

/* ---- the socket ---- */

static void
serve(struct fixture *fx)
{
	int fd;

	assert_true(sd_event_new(&fx->event) >= 0);
	assert_int_equal(userdb_listen(fx->socket, &fd), ZT_OK);
	assert_int_equal(userdb_new(fx->event, &fx->options, fd, &fx->userdb),
	    ZT_OK);
}

static int
dial(struct fixture *fx)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", fx->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* As another than root; root's connections have no limit. */
static int
dial_as_stranger(struct fixture *fx)
{
	const bool root = geteuid() == 0;
	int fd;

	assert_true(!root || seteuid(STRANGER) == 0);
	fd = dial(fx);
	assert_true(!root || seteuid(0) == 0);
	return fd;
}

static void
put(int fd, const char *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT),
	    len);
}

/* Let the server do what it can, without waiting. */
static void
spin(struct fixture *fx)
{
	while (sd_event_run(fx->event, 0) > 0)
		;
}

static void
spin_for(struct fixture *fx, int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 5)
		(void)sd_event_run(fx->event, 5000);
	spin(fx);
}

/* What has arrived: len 0 if the server has closed, -1 if nothing has. */
static ssize_t
take(struct fixture *fx, int fd, char *buf, size_t cap)
{
	spin(fx);
	return recv(fd, buf, cap, MSG_DONTWAIT);
}

static void
assert_closed(struct fixture *fx, int fd)
{
	char c;
	ssize_t n = take(fx, fd, &c, 1);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

static void
assert_silent(struct fixture *fx, int fd)
{
	char c;

	assert_int_equal(take(fx, fd, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
assert_status(struct fixture *fx, const char *key, int n)
{
	json_t *status = userdb_status(fx->userdb);

	assert_int_equal(json_integer_value(json_object_get(status, key)), n);
	json_decref(status);
}

static const char three_calls[] = CALL(GET_USER,
    "\"uid\":70002," OURS) "\0" CALL_MORE(GET_MEMBERS,
    "\"userName\":\"alice\"," OURS) "\0" CALL(GET_GROUP, "\"gid\":79999," OURS);

/* Four messages in that order. */
static void
assert_three_answers(const char *buf, size_t len)
{
	static const char *const marks[] = { "\"bob\"", "\"video\"",
		"\"payments\"", "NoRecordFound" };
	const char *p = buf;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		assert_true(p < buf + len);
		assert_non_null(strstr(p, marks[i]));
		p += strlen(p) + 1;
	}
	assert_ptr_equal(p, buf + len);
}

static void
calls_are_answered_in_their_order(void **state)
{
	struct fixture *fx = *state;
	char buf[4096];
	ssize_t n;
	int fd;

	serve(fx);
	fd = dial(fx);
	put(fd, three_calls, sizeof(three_calls));
	n = take(fx, fd, buf, sizeof(buf));
	assert_true(n > 0);
	assert_three_answers(buf, (size_t)n);
	assert_silent(fx, fd);
	assert_status(fx, "served", 3);
	assert_status(fx, "open", 1);
	close(fd);
	spin(fx);
	assert_status(fx, "open", 0);
	assert_status(fx, "malformed", 0);
	assert_status(fx, "refused", 0);
}

static void
calls_may_come_byte_by_byte(void **state)
{
	struct fixture *fx = *state;
	char buf[4096];
	size_t len = 0;
	int fd;

	serve(fx);
	fd = dial(fx);
	for (size_t i = 0; i < sizeof(three_calls); i++) {
		ssize_t n;

		put(fd, three_calls + i, 1);
		n = take(fx, fd, buf + len, sizeof(buf) - len);
		len += n > 0 ? (size_t)n : 0;
	}
	assert_three_answers(buf, len);
	close(fd);
}

static void
who_has_no_more_to_ask_still_hears(void **state)
{
	struct fixture *fx = *state;
	char buf[4096];
	ssize_t n;
	int fd;

	serve(fx);
	fd = dial(fx);
	put(fd, three_calls, sizeof(three_calls));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	n = take(fx, fd, buf, sizeof(buf));
	assert_true(n > 0);
	assert_three_answers(buf, (size_t)n);
	assert_closed(fx, fd);
	assert_status(fx, "refused", 0); /* at once, not when time is up */
	close(fd);
}

static void
who_does_not_want_a_reply_gets_none(void **state)
{
	static const char calls[] =
	    "{\"method\":\"" GET_USER "\",\"oneway\":true,\"parameters\":{"
	    "\"uid\":70002," OURS "}}\0" CALL(GET_GROUP, "\"gid\":70100," OURS);
	struct fixture *fx = *state;
	char buf[4096];
	ssize_t n;
	int fd;

	serve(fx);
	fd = dial(fx);
	put(fd, calls, sizeof(calls));
	n = take(fx, fd, buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(strlen(buf) + 1, n);
	assert_non_null(strstr(buf, "payments"));
	close(fd);
}

static void
what_is_no_call_ends_that_connection_alone(void **state)
{
	static const char good[] = CALL(GET_GROUP, "\"gid\":70100," OURS);
	struct fixture *fx = *state;
	int bad_fd, good_fd;
	char buf[4096];
	ssize_t n;

	serve(fx);
	bad_fd = dial(fx);
	good_fd = dial(fx);
	put(good_fd, good, 10);
	/* what came before is answered */
	put(bad_fd, good, sizeof(good));
	put(bad_fd, "nonsense", 9);
	n = take(fx, bad_fd, buf, sizeof(buf));
	assert_int_equal(n, strlen(buf) + 1);
	assert_closed(fx, bad_fd);
	assert_status(fx, "malformed", 1);
	put(good_fd, good + 10, sizeof(good) - 10);
	assert_true(take(fx, good_fd, buf, sizeof(buf)) > 0);
	close(bad_fd);
	close(good_fd);
}

static void
a_call_without_an_end_is_cut_off(void **state)
{
	zt_auto_free char *text = malloc(VARLINK_CALL_MAX);
	struct fixture *fx = *state;
	size_t len = 0;
	ssize_t n;
	int fd;

	memset(text, ' ', VARLINK_CALL_MAX);
	serve(fx);
	fd = dial(fx);
	while (len < VARLINK_CALL_MAX - 1) {
		n = send(fd, text, VARLINK_CALL_MAX - 1 - len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		len += n > 0 ? (size_t)n : 0;
		spin(fx);
	}
	assert_silent(fx, fd);
	put(fd, text, 1);
	assert_closed(fx, fd);
	assert_status(fx, "malformed", 1);
	close(fd);
}

static void
who_asks_nothing_is_let_go(void **state)
{
	struct fixture *fx = *state;
	int silent, drips, asks;
	char buf[4096];

	fx->options.idle_ms = 200;
	serve(fx);
	silent = dial(fx);
	drips = dial(fx);
	asks = dial(fx);
	for (int i = 0; i < 8; i++) {
		(void)send(drips, " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		put(asks, CALL(GET_USER, "\"uid\":70002," OURS),
		    sizeof(CALL(GET_USER, "\"uid\":70002," OURS)));
		spin_for(fx, 50);
		assert_true(take(fx, asks, buf, sizeof(buf)) > 0);
	}
	assert_closed(fx, silent);
	assert_closed(fx, drips);
	assert_silent(fx, asks);
	assert_status(fx, "refused", 2);
	close(silent);
	close(drips);
	close(asks);
}

/* Read to the end of an enumeration; returns the number of replies. */
static size_t
drain(struct fixture *fx, int fd)
{
	static char buf[65536];
	size_t replies = 0;
	bool more = true;
	ssize_t n;

	while (more) {
		spin(fx);
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++) {
			replies += buf[i] == '\0';
			if (buf[i] == '\0' && i == n - 1 && i > 20)
				more = memmem(buf + i - 20, 20, "\"continues\"",
					   11) != NULL;
		}
	}
	return replies;
}

static const char all_users[] = CALL_MORE(GET_USER, OURS);

static void
an_enumeration_waits_for_who_reads(void **state)
{
	static const char one[] = CALL(GET_USER, "\"uid\":70002," OURS);
	struct fixture *fx = *state;
	char buf[4096];
	int slow, other;

	sample(fx, 5000, true);
	serve(fx);
	slow = dial(fx);
	put(slow, all_users, sizeof(all_users));
	put(slow, one, sizeof(one));
	spin(fx);
	spin(fx);
	/* nothing is to be done now but for others */
	assert_int_equal(sd_event_run(fx->event, 0), 0);
	other = dial(fx);
	put(other, one, sizeof(one));
	assert_true(take(fx, other, buf, sizeof(buf)) > 0);
	assert_int_equal(drain(fx, slow) +
		(size_t)(take(fx, slow, buf, sizeof(buf)) > 0),
	    5004);
	close(slow);
	close(other);
}

static void
who_does_not_read_is_let_go(void **state)
{
	struct fixture *fx = *state;
	int fd;

	sample(fx, 5000, true);
	fx->options.stall_ms = 100;
	serve(fx);
	fd = dial(fx);
	put(fd, all_users, sizeof(all_users));
	spin_for(fx, 50);
	assert_status(fx, "open", 1);
	spin_for(fx, 200);
	assert_status(fx, "open", 0);
	assert_status(fx, "refused", 1);
	close(fd);
}

static void
who_leaves_in_between_does_no_harm(void **state)
{
	struct fixture *fx = *state;
	int fd;

	sample(fx, 5000, true);
	serve(fx);
	fd = dial(fx);
	put(fd, all_users, sizeof(all_users));
	spin(fx);
	assert_status(fx, "open", 1);
	close(fd);
	spin(fx);
	assert_status(fx, "open", 0);
	fd = dial(fx);
	put(fd, all_users, sizeof(all_users));
	spin(fx);
	userdb_free(fx->userdb);
	fx->userdb = NULL;
	close(fd);
}

static void
strangers_have_limits_and_root_has_none(void **state)
{
	struct fixture *fx = *state;
	int fds[8];

	fx->options.max_connections = 6;
	serve(fx);
	for (size_t i = 0; i < 8; i++) {
		fds[i] = dial_as_stranger(fx);
		spin(fx);
	}
	for (size_t i = 0; i < 4; i++)
		assert_silent(fx, fds[i]);
	for (size_t i = 4; i < 8; i++)
		assert_closed(fx, fds[i]);
	assert_status(fx, "refused", 4);
	userdb_set_limits(fx->userdb, 4, 8);
	close(fds[7]);
	fds[7] = dial_as_stranger(fx);
	assert_closed(fx, fds[7]);
	userdb_set_limits(fx->userdb, 5, 8);
	close(fds[7]);
	fds[7] = dial_as_stranger(fx);
	assert_silent(fx, fds[7]);
	if (geteuid() == 0) {
		close(fds[6]);
		fds[6] = dial(fx);
		assert_silent(fx, fds[6]);
	}
	for (size_t i = 0; i < 8; i++)
		close(fds[i]);
}

static void
who_asks_is_known_from_the_kernel(void **state)
{
	static const char call[] = CALL(GET_USER, "\"uid\":70001," OURS);
	struct fixture *fx = *state;
	char buf[4096];
	int fd;

	serve(fx);
	fd = dial_as_stranger(fx);
	put(fd, call, sizeof(call));
	assert_true(take(fx, fd, buf, sizeof(buf)) > 0);
	assert_null(strstr(buf, "hashedPassword"));
	close(fd);
	if (geteuid() != 0)
		return;
	fd = dial(fx);
	put(fd, call, sizeof(call));
	assert_true(take(fx, fd, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "hashedPassword"));
	close(fd);
}

static void
the_socket_is_for_everybody(void **state)
{
	struct fixture *fx = *state;
	char path[200];
	struct stat st;
	int fd;

	(void)umask(077);
	serve(fx);
	(void)umask(022);
	assert_int_equal(stat(fx->socket, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0666);
	/* in place of what is left there */
	assert_int_equal(userdb_listen(fx->socket, &fd), ZT_OK);
	close(fd);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(userdb_listen(path, &fd), ZT_ERR_TOOBIG);
	assert_int_equal(userdb_listen("/nonexistent/socket", &fd), ZT_ERR_SYS);
	assert_int_equal(errno, ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_user_is_found_by_name_and_by_uid),
		TEST(name_and_uid_of_two_users_are_a_conflict),
		TEST(the_privileged_section_is_for_root_and_the_user),
		TEST(a_section_that_is_no_object_is_left_out),
		TEST(who_is_not_in_the_snapshot_is_not_found),
		TEST(without_certainty_nothing_is_told),
		TEST(a_group_is_found_by_name_and_by_gid),
		TEST(the_groups_of_a_user_are_told),
		TEST(the_members_of_a_group_are_told),
		TEST(a_group_that_is_not_allowed_is_not_searched_for),
		TEST(one_membership_is_tested),
		TEST(a_local_group_that_cannot_be_read_is_not_passed_over),
		TEST(a_local_group_without_a_name_is_left_out),
		TEST(enumeration_is_only_for_who_configured_it),
		TEST(everything_is_enumerated),
		TEST(an_enumeration_is_of_one_moment),
		TEST(a_record_that_the_filter_refuses_does_not_match),
		TEST(a_parameter_that_is_not_understood_is_named),
		TEST(a_filter_of_many_words_is_refused),
		TEST(another_service_is_not_answered_for),
		TEST(the_service_describes_itself),
		TEST(calls_are_answered_in_their_order),
		TEST(calls_may_come_byte_by_byte),
		TEST(who_has_no_more_to_ask_still_hears),
		TEST(who_does_not_want_a_reply_gets_none),
		TEST(what_is_no_call_ends_that_connection_alone),
		TEST(a_call_without_an_end_is_cut_off),
		TEST(who_asks_nothing_is_let_go),
		TEST(an_enumeration_waits_for_who_reads),
		TEST(who_does_not_read_is_let_go),
		TEST(who_leaves_in_between_does_no_harm),
		TEST(strangers_have_limits_and_root_has_none),
		TEST(who_asks_is_known_from_the_kernel),
		TEST(the_socket_is_for_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
