/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity, run on snapshots made here and against a process that plays
 * ztd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "zt/identity.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND   1000000ULL
#define SHELL    .shell = "/bin/sh"

static const struct zt_user people[] = {
	{ .name = "carol",
	    .id = "3",
	    .uid = 70003,
	    .gecos = "Carol \xc3\xa9",
	    .home = "/home/carol",
	    SHELL,
	    .not_after_us = UINT64_MAX },
	{ .name = "alice",
	    .id = "1",
	    .uid = 70001,
	    .gid = 70100,
	    .gecos = "",
	    .home = "/home/alice",
	    SHELL,
	    .not_after_us = UINT64_MAX,
	    .locked = true },
	{ .name = "bob",
	    .id = "2",
	    .uid = 70002,
	    .gecos = "",
	    .home = "/home/bob",
	    SHELL,
	    .not_after_us = 1000 * SECOND },
	{ .name = "dave",
	    .id = "4",
	    .uid = 70004,
	    .gecos = "",
	    .home = "/home/dave",
	    SHELL,
	    .not_before_us = 33000000000 * SECOND,
	    .not_after_us = UINT64_MAX },
};

/* A directory with a snapshot, and an /etc in which zt is enabled. */
static int
setup(void **state)
{
	if (tool_setup(state) != 0)
		return -1;
	tool_put("etc/group", "root:x:0:\nadm:x:4:syslog\n");
	tool_put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
	tool_put("etc/nsswitch.conf", "passwd: files zt\ngroup: files zt\n");
	tool_snapshot("snap", people, N(people));
	return 0;
}

static int
ztctl(const char *socket, const char *words)
{
	return tool_run("--snapshot %s/snap --etc %s/etc --socket %s %s",
	    tool_dir, tool_dir, socket, words);
}

static json_t *
ztctl_json(int status, const char *socket, const char *words)
{
	return tool_run_json(status,
	    "--json --snapshot %s/snap --etc %s/etc --socket %s %s", tool_dir,
	    tool_dir, socket, words);
}

static int
local(const char *words)
{
	return ztctl("/nonexistent/ctl", words);
}

/* Run against a broker with these answers. */
static int
heard(const struct tool_answer *answers, size_t n, const char *words)
{
	const struct tool_script script = { answers, n };
	struct peer peer;
	int status;

	peer_start(&peer, 8, 0, tool_broker, &script);
	status = ztctl(peer.path, words);
	peer_stop(&peer);
	return status;
}

static json_t *
heard_json(int status, const struct tool_answer *answers, size_t n,
    const char *words)
{
	const struct tool_script script = { answers, n };
	struct peer peer;
	json_t *json;

	peer_start(&peer, 8, 0, tool_broker, &script);
	json = ztctl_json(status, peer.path, words);
	peer_stop(&peer);
	return json;
}

static const char *
text_at(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void
users_are_listed_by_name_with_their_state(void **state)
{
	const char *alice, *bob, *carol, *dave;

	(void)state;
	assert_int_equal(local("identity list"), 0);
	tool_says("NAME   UID    GID    HOME         SHELL    SOURCE  STATE\n");
	tool_says(
	    "alice  70001  70100  /home/alice  /bin/sh  ldap    locked\n");
	tool_says(
	    "bob    70002  70002  /home/bob    /bin/sh  staff   expired\n");
	tool_says(
	    "carol  70003  70003  /home/carol  /bin/sh  staff   active\n");
	tool_says("ldap    not yet valid\n");
	alice = strstr(tool_output, "\nalice");
	bob = strstr(tool_output, "\nbob");
	carol = strstr(tool_output, "\ncarol");
	dave = strstr(tool_output, "\ndave");
	assert_true(alice < bob && bob < carol && carol < dave);
}

static void
groups_are_listed_private_ones_too(void **state)
{
	(void)state;
	assert_int_equal(local("identity list --groups"), 0);
	tool_says("GROUP     GID    MEMBERS  SOURCE\n");
	tool_says("payments  70100  1        staff\n");
	tool_says("bob       70002  0        staff\n");
	tool_says_not("alice");
}

static void
lists_are_json_too(void **state)
{
	json_t *json = ztctl_json(0, "/none", "identity list");
	json_t *users = json_object_get(json, "users");

	(void)state;
	assert_int_equal(json_array_size(users), 4);
	assert_string_equal(text_at(json_array_get(users, 0), "name"), "alice");
	assert_string_equal(text_at(json_array_get(users, 0), "state"),
	    "locked");
	assert_string_equal(text_at(json_array_get(users, 2), "gecos"),
	    "Carol \xc3\xa9");
	json_decref(json);
	json = ztctl_json(0, "/none", "identity list --groups");
	assert_int_equal(json_array_size(json_object_get(json, "groups")), 4);
	json_decref(json);
}

static void
a_user_is_shown_with_named_groups_and_validity(void **state)
{
	(void)state;
	assert_int_equal(local("identity show carol"), 0);
	tool_says("user         carol (uid 70003)\n");
	tool_says("group        carol (gid 70003)\n");
	tool_says("payments (gid 70100)\n");
	tool_says("adm (gid 4, local)\n");
	tool_says("name         Carol \xc3\xa9\n");
	tool_says("state        active\n");
	tool_says("generation 7, written 2 min ago");
	assert_int_equal(local("identity show bob"), 0);
	tool_says("state        expired\n");
	tool_says("not after 1970-01-01T00:16:40Z\n");
	tool_says_not("not before");
	assert_int_equal(local("identity show dave"), 0);
	tool_says("state        not yet valid\n");
	tool_says("not before 3015-");
	tool_says_not("not after");
	assert_int_equal(local("identity show alice"), 0);
	tool_says("group        payments (gid 70100)\n");
	tool_says("state        locked\n");
}

static void
a_shown_user_is_json_too(void **state)
{
	json_t *json = ztctl_json(0, "/none", "identity show carol");
	json_t *groups = json_object_get(json, "groups"), *g;
	bool adm = false, payments = false;
	size_t i;

	(void)state;
	assert_true(json_is_null(json_object_get(json, "not_after")));
	assert_int_equal(json_array_size(groups), 2);
	json_array_foreach(groups, i, g)
	{
		const bool is_local = json_is_true(json_object_get(g, "local"));

		adm |= is_local && strcmp(text_at(g, "name"), "adm") == 0;
		payments |=
		    !is_local && strcmp(text_at(g, "name"), "payments") == 0;
	}
	assert_true(adm && payments);
	json_decref(json);
}

static void
who_is_not_in_the_snapshot_is_not_shown(void **state)
{
	(void)state;
	assert_int_equal(local("identity show mallory"), 1);
	tool_says("no such user in the snapshot: ask ztctl identity why");
	assert_int_equal(local("identity show '\x1b[2J'"), 1);
	tool_says("\\x1b[2J");
}

static void
a_snapshot_that_cannot_be_used_says_why_and_what_to_do(void **state)
{
	(void)state;
	tool_chmod("snap", 0664);
	assert_int_equal(local("identity list"), 5);
	tool_says("others than its owner could have written it");
	tool_says("next: find out who wrote it");
	tool_put("snap", "zt-users, or not");
	assert_int_equal(local("identity show alice"), 5);
	tool_says("it is damaged");
	tool_says("next: restart the broker");
	assert_int_equal(tool_run("--snapshot %s/none identity list", tool_dir),
	    5);
	tool_says("there is no snapshot of users yet");
	tool_says("next: start ztd");
}

#define SOURCE(name, state, more)                                           \
	"{\"name\":\"" name "\",\"type\":\"scim\",\"state\":\"" state       \
	"\",\"synced\":\"2026-11-23T13:30:00Z\",\"age_s\":180,"             \
	"\"stale\":false,\"users\":4,\"groups\":1,\"refused\":2,"           \
	"\"error\":null,\"next_s\":60,\"progress\":null,\"held\":null" more \
	"}"
#define SNAPSHOT                                                               \
	",\"snapshot\":{\"generation\":7,\"created\":\"2026-11-23T13:30:00Z\"" \
	",\"users\":4,\"groups\":1,\"complete\":true,\"bytes\":4096,"          \
	"\"file\":\"/var/lib/ztd/users.snapshot\"}"
#define SOURCES(list) "{\"sources\":[" list "]" SNAPSHOT "}"

/* Members of an object that stand there twice: the last one must count, so
 * these are written whole. */
#define BAD_SOURCE(state, stale, error, held)                                    \
	"{\"name\":\"ldap\",\"type\":\"scim\",\"state\":\"" state                \
	"\",\"synced\":\"2026-11-23T13:30:00Z\",\"age_s\":7500,\"stale\":" stale \
	",\"users\":4,\"groups\":1,\"refused\":0,\"error\":" error               \
	",\"next_s\":null,\"progress\":null,\"held\":" held "}"

#define OK_SOURCE SOURCE("staff", "ok", "")
#define FAILED    BAD_SOURCE("failed", "true", "\"timed out\"", "null")
#define HELD                                                           \
	BAD_SOURCE("held", "false", "null",                            \
	    "{\"why\":\"it lost 90 % of its users\",\"users_before\":" \
	    "100,\"users_after\":10}")
#define STALE  BAD_SOURCE("ok", "true", "null", "null")
#define WARNED SOURCE("staff", "ok", ",\"warning\":\"it never expires\"")

static void
sources_are_shown_with_what_is_wrong(void **state)
{
	static const struct {
		const char *json;
		const char *says[4];
	} rows[] = {
		{ SOURCES(OK_SOURCE),
		    { "staff   scim  ok     4      1       2        3 min ago  "
		      "1 min\n",
			"generation 7 of 2026-11-23T13:30:00Z, 4 users" } },
		{ SOURCES(OK_SOURCE "," FAILED),
		    { "FAILED, STALE", "timed out; synced 2 h 5 min ago",
			"next: correct that" } },
		{ SOURCES(HELD),
		    { "HELD", "it lost 90 % of its users (100 users, then 10)",
			"next: if the source is right: ztctl identity apply "
			"--force" } },
		{ SOURCES(STALE),
		    { "ok, STALE", "stale: synced 2 h 5 min ago",
			"next: ztctl identity sync" } },
		{ SOURCES(WARNED), { "staff   scim  ok", "it never expires" } },
		{ "{\"sources\":[],\"snapshot\":null,\"error\":\"disk full\"}",
		    { "none has been written yet", "FAILED: disk full" } },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct tool_answer a = { "identity-sources", "",
			rows[i].json, 0, false };

		assert_int_equal(heard(&a, 1, "identity sources"), 0);
		for (size_t k = 0; k < 4 && rows[i].says[k] != NULL; k++)
			tool_says(rows[i].says[k]);
	}
}

/* Whatever is not of the agreed shape is no answer. */
static void
answers_of_another_shape_are_of_no_use(void **state)
{
	static const struct {
		const char *command, *json, *words;
	} rows[] = {
		{ "identity-sources", "{}", "identity sources" },
		{ "identity-sources", "{\"sources\":{}}", "identity sources" },
		{ "identity-sources", "{\"sources\":[7]}", "identity sources" },
		{ "identity-sources", "{\"sources\":[{\"name\":\"a\"}]}",
		    "identity sources" },
		{ "identity-sources", SOURCES(SOURCE("a", "dancing", "")),
		    "identity sources" },
		{ "identity-sources",
		    SOURCES(BAD_SOURCE("ok", "0", "null", "null")),
		    "identity sources" },
		{ "identity-sources",
		    SOURCES(BAD_SOURCE("ok", "true", "7", "null")),
		    "identity sources" },
		{ "identity-sources",
		    SOURCES(BAD_SOURCE("held", "true", "null",
			"{\"why\":\"x\",\"users_before\":-1,\"users_after\":0}")),
		    "identity apply" },
		{ "identity-sources", "{\"sources\":[],\"snapshot\":7}",
		    "identity check" },
		{ "identity-sources", "{\"sources\":[],\"snapshot\":{}}",
		    "identity check" },
		{ "identity-refused", "{\"refused\":[{\"source\":\"a\"}]}",
		    "identity check" },
		{ "identity-sync", "{\"started\":[7]}", "identity sync" },
		{ "identity-sync", "{\"started\":\"all\"}", "identity sync" },
		{ "identity-apply", "{}", "identity apply --force" },
		{ "identity-apply", "{\"applied\":-1}",
		    "identity apply --force" },
		{ "identity-apply", "{\"applied\":[1]}",
		    "identity apply --force" },
		{ "identity-why", "{\"name\":\"alice\"}",
		    "identity why alice" },
		{ "identity-why",
		    "{\"name\":\"bob\",\"exists\":false,"
		    "\"local\":false,\"records\":[]}",
		    "identity why alice" },
		{ "identity-why",
		    "{\"name\":\"alice\",\"exists\":false,"
		    "\"local\":false,\"records\":[7]}",
		    "identity why alice" },
		{ "identity-why",
		    "{\"name\":\"alice\",\"exists\":false,"
		    "\"local\":false,\"uid\":-1,\"records\":[]}",
		    "identity why alice" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct tool_answer a[] = {
			{ rows[i].command, NULL, rows[i].json, 0, false },
			{ "identity-sources", NULL, SOURCES(OK_SOURCE), 0,
			    false },
		};

		if (heard(a, 2, rows[i].words) != 4)
			fail_msg("row %zu: %s", i, tool_output);
		tool_says("its answer is of no use");
	}
}

static void
no_broker_is_its_own_exit_status(void **state)
{
	static const char *const words[] = { "identity sources",
		"identity why alice", "identity sync", "identity apply",
		"identity apply --force", "identity check" };

	(void)state;
	for (size_t i = 0; i < N(words); i++) {
		assert_int_equal(local(words[i]), 3);
		tool_says("is ztd running");
	}
}

#define WHY(name, more) "{\"name\":\"" name "\"," more "}"
#define CAROL                                                        \
	WHY("carol",                                                 \
	    "\"exists\":true,\"local\":false,\"source\":\"staff\","  \
	    "\"uid\":70003,\"gid\":70003,\"records\":[{\"source\":"  \
	    "\"staff\",\"record\":\"carol.user\",\"kind\":\"user\"," \
	    "\"accepted\":true,\"why\":null},{\"source\":\"ldap\","  \
	    "\"record\":\"9\",\"kind\":\"user\",\"accepted\":false," \
	    "\"why\":\"another record has the name\"}]")

static void
why_says_which_record_counts_and_which_was_refused(void **state)
{
	static const struct tool_answer a[] = {
		{ "identity-why", "carol", CAROL, 0, false },
		{ "identity-sources", NULL, SOURCES(OK_SOURCE), 0, false },
	};
	json_t *json;

	(void)state;
	assert_int_equal(heard(a, 2, "identity why carol"), 0);
	tool_says("carol exists, uid 70003, gid 70003, from the source staff");
	tool_says("user carol.user of staff: in force\n");
	tool_says("user 9 of ldap: REFUSED: another record has the name");
	tool_says("agrees with the broker");
	tool_says("zt is asked");
	json = heard_json(0, a, 2, "identity why carol");
	assert_true(json_is_true(json_object_get(json, "visible")));
	json_decref(json);
}

static void
why_says_what_keeps_an_existing_user_from_being_seen(void **state)
{
	static const struct tool_answer a[] = {
		{ "identity-why", "carol", CAROL, 0, false },
		{ "identity-sources", NULL, SOURCES(OK_SOURCE), 0, false },
	};
	struct zt_user other = people[0];

	(void)state;
	tool_put("etc/nsswitch.conf", "passwd: files\ngroup: files zt\n");
	assert_int_equal(heard(a, 2, "identity why carol"), 1);
	tool_says("NOT ASKED: zt is not enabled");
	tool_says("next: ztctl doctor nss");
	tool_put("etc/nsswitch.conf", "passwd: files zt\n");
	other.uid++;
	tool_snapshot("snap", &other, 1);
	assert_int_equal(heard(a, 2, "identity why carol"), 1);
	tool_says("DISAGREES with the broker: it has the user, uid 70004");
	other.gid = 70003; /* and now the uid alone is another */
	tool_snapshot("snap", &other, 1);
	assert_int_equal(heard(a, 2, "identity why carol"), 1);
	tool_says("DISAGREES with the broker: it has the user, uid 70004");
	tool_snapshot("snap", &people[1], 1);
	assert_int_equal(heard(a, 2, "identity why carol"), 1);
	tool_says("DISAGREES with the broker: it does not have the user");
	tool_chmod("snap", 0666);
	assert_int_equal(heard(a, 2, "identity why carol"), 1);
	tool_says("NOT USABLE");
}

static void
why_says_who_was_asked_about_somebody_unknown(void **state)
{
	static const struct tool_answer a[] = {
		{ "identity-why", "mallory",
		    WHY("mallory",
			"\"exists\":false,\"local\":false,\"source\":null,"
			"\"uid\":null,\"gid\":null,\"records\":[]"),
		    0, false },
		{ "identity-why", "root",
		    WHY("root",
			"\"exists\":false,\"local\":true,\"source\":null,"
			"\"uid\":null,\"gid\":null,\"records\":[]"),
		    0, false },
		{ "identity-sources", NULL, SOURCES(OK_SOURCE "," FAILED), 0,
		    false },
	};
	json_t *json;

	(void)state;
	assert_int_equal(heard(a, 3, "identity why mallory"), 1);
	tool_says("mallory does not exist");
	tool_says("no source has one of that name");
	tool_says("staff: synced 3 min ago");
	tool_says("ldap: timed out; synced 2 h 5 min ago");
	assert_int_equal(heard(a, 3, "identity why root"), 0);
	tool_says("root is an account of this host (/etc/passwd)");
	tool_says_not("synced");
	json = heard_json(1, a, 3, "identity why mallory");
	assert_true(json_is_false(json_object_get(json, "visible")));
	json_decref(json);
	assert_int_equal(heard(a, 3, "identity why 'Bob Smith'"), 1);
	tool_says("no user can have that name");
}

#define SYNCING                                                        \
	"{\"name\":\"staff\",\"type\":\"scim\",\"state\":\"syncing\"," \
	"\"synced\":null,\"age_s\":null,\"stale\":false,\"users\":0,"  \
	"\"groups\":0,\"refused\":0,\"error\":null,\"next_s\":null,"   \
	"\"progress\":{\"done\":5,\"total\":null},\"held\":null}"
#define STARTED(list) "{\"started\":[" list "]}"

static void
a_sync_is_waited_for_until_its_sources_are_done(void **state)
{
	static const struct tool_answer a[] = {
		{ "identity-sync", "", STARTED("\"staff\""), 0, false },
		{ "identity-sources", NULL, SOURCES(SYNCING), 2, false },
		/* ldap was not started: what is wrong with it is no matter */
		{ "identity-sources", NULL, SOURCES(OK_SOURCE "," FAILED), 0,
		    false },
	};
	long start = peer_now_ms();
	json_t *json;

	(void)state;
	assert_int_equal(heard(a, 3, "identity sync"), 0);
	assert_in_range(peer_now_ms() - start, 400, 3000);
	tool_says("staff        ok: 4 users, 1 groups, 2 refused");
	tool_says_not("ldap");
	tool_says_not("\r"); /* no bar where nobody watches */
	json = heard_json(0, a, 3, "identity sync");
	assert_int_equal(json_array_size(json_object_get(json, "sources")), 1);
	json_decref(json);
}

static void
a_sync_that_ends_badly_fails(void **state)
{
	static const struct {
		const char *sources;
		const char *says;
	} rows[] = {
		{ SOURCES(FAILED), "FAILED: timed out" },
		{ SOURCES(HELD), "FAILED: held back, not in force" },
		{ SOURCES(OK_SOURCE), "FAILED: it is no longer configured" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct tool_answer a[] = {
			{ "identity-sync", "ldap", STARTED("\"ldap\""), 0,
			    false },
			{ "identity-sources", NULL, rows[i].sources, 0, false },
		};

		assert_int_equal(heard(a, 2, "identity sync ldap"), 1);
		tool_says(rows[i].says);
	}
}

static void
an_unknown_source_is_the_brokers_error(void **state)
{
	static const struct tool_answer a = { "identity-sync", "nobody",
		"{\"error\":\"no such source\"}", 0, true };

	(void)state;
	assert_int_equal(heard(&a, 1, "identity sync nobody"), 4);
	tool_says("no such source");
	assert_int_equal(heard(&a, 1, "identity sync 'no body'"), 2);
	tool_says("not the name of a source");
}

static void
a_sync_that_takes_too_long_is_not_waited_for(void **state)
{
	static const struct tool_answer a[] = {
		{ "identity-sync", NULL, STARTED("\"staff\""), 0, false },
		{ "identity-sources", NULL, SOURCES(SYNCING), 0, false },
	};
	long start = peer_now_ms();

	(void)state;
	assert_int_equal(heard(a, 2, "identity sync --timeout 1"), 1);
	assert_in_range(peer_now_ms() - start, 900, 3000);
	tool_says("not done after 1 s; the sync goes on");
	tool_says("staff        still syncing");
}

static const struct tool_answer endless[] = {
	{ "identity-sync", NULL, STARTED("\"staff\""), 0, false },
	{ "identity-sources", NULL, SOURCES(SYNCING), 0, false },
};

static void
an_interrupt_ends_the_waiting_alone(void **state)
{
	const struct tool_script script = { endless, N(endless) };
	struct peer peer;
	int status;

	(void)state;
	peer_start(&peer, 8, 0, tool_broker, &script);
	status = tool_run_shell("timeout --preserve-status -s INT 0.6 \"$0\" "
				"--socket %s identity sync --timeout 9",
	    peer.path);
	peer_stop(&peer);
	assert_int_equal(status, 130);
	tool_says("no longer waiting; the sync goes on");
}

/* What ztctl writes to a terminal as its standard error. */
static void
run_watched(const struct tool_answer *answers, size_t n, char *out, size_t cap)
{
	const struct tool_script script = { answers, n };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct peer peer;
	ssize_t len;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	peer_start(&peer, 8, 0, tool_broker, &script);
	assert_int_equal(tool_run_shell("\"$0\" --socket %s identity sync 2>%s",
			     peer.path, ptsname(master)),
	    0);
	peer_stop(&peer);
	len = read(master, out, cap - 1);
	assert_true(len >= 0);
	out[len] = '\0';
	(void)close(slave);
	(void)close(master);
}

static void
a_sync_draws_how_far_it_is_on_a_terminal(void **state)
{
#define DONE(done, total)                                              \
	"{\"name\":\"staff\",\"type\":\"scim\",\"state\":\"syncing\"," \
	"\"synced\":null,\"age_s\":null,\"stale\":false,\"users\":0,"  \
	"\"groups\":0,\"refused\":0,\"error\":null,\"next_s\":null,"   \
	"\"progress\":{\"done\":" done ",\"total\":" total "},\"held\":null}"
	static const struct tool_answer a[] = {
		{ "identity-sync", NULL, STARTED("\"staff\""), 0, false },
		{ "identity-sources", NULL, SOURCES(DONE("40", "0")), 1,
		    false },
		{ "identity-sources", NULL, SOURCES(DONE("50", "200")), 1,
		    false },
		{ "identity-sources", NULL,
		    SOURCES(DONE("999999999999999", "3")), 1, false },
		{ "identity-sources", NULL, SOURCES(OK_SOURCE), 0, false },
	};
	char seen[4096];

	(void)state;
	run_watched(a, N(a), seen, sizeof(seen));
	assert_non_null(strstr(seen, "40 records, 1 syncing"));
	assert_non_null(strstr(seen,
	    "[#######                       ]  25%  50 of 200 records, 1"));
	assert_non_null(strstr(seen, "##########] 100%"));
	tool_says("staff        ok: 4 users");
}

static void
what_is_held_is_shown_before_it_is_forced(void **state)
{
	static const struct tool_answer a[] = {
		{ "identity-sources", NULL, SOURCES(OK_SOURCE "," HELD), 0,
		    false },
		{ "identity-apply", "", "{\"applied\":[\"ldap\"]}", 1, false },
		{ "identity-apply", "", "{\"applied\":[]}", 0, false },
	};
	static const struct tool_answer number = { "identity-apply", "",
		"{\"applied\":2}", 0, false };
	static const struct tool_answer none = { "identity-sources", NULL,
		SOURCES(OK_SOURCE), 0, false };
	json_t *json;

	(void)state;
	assert_int_equal(heard(a, 1, "identity apply"), 1);
	tool_says("ldap         it lost 90 % of its users");
	tool_says("in force 100 users, then 10: 90 would be lost");
	tool_says("next: if the source is right, ztctl identity apply --force");
	assert_int_equal(heard(a, 3, "identity apply --force"), 0);
	tool_says("applied      ldap");
	assert_int_equal(heard(a + 2, 1, "identity apply --force"), 0);
	tool_says("nothing was held back");
	assert_int_equal(heard(&number, 1, "identity apply --force"), 0);
	tool_says("applied      2 sources");
	assert_int_equal(heard(&none, 1, "identity apply"), 0);
	tool_says("nothing is held back");
	json = heard_json(1, a, 1, "identity apply");
	assert_int_equal(json_array_size(json_object_get(json, "held")), 1);
	json_decref(json);
}

static void
check_fails_for_sources_in_trouble_and_warns_of_refusals(void **state)
{
	static const char refused[] =
	    "{\"refused\":[{\"source\":\"staff\",\"record\":\"x.user\","
	    "\"name\":\"x\\u001b[\",\"kind\":\"user\",\"why\":\"uid is held "
	    "locally\"}]}";
	static const struct {
		const char *sources;
		int status;
		const char *says;
	} rows[] = {
		{ SOURCES(OK_SOURCE), 0, "ok           source        staff" },
		{ SOURCES(FAILED), 1,
		    "FAIL         source        ldap: timed" },
		{ SOURCES(HELD), 1, "FAIL         source        ldap: held" },
		{ SOURCES(STALE), 1, "FAIL         source        ldap: stale" },
		{ SOURCES(WARNED), 0,
		    "warn         source        staff: it never expires" },
		{ SOURCES(WARNED), 0, "ok           source        staff" },
		{ SOURCES(SYNCING), 0, "staff: syncing for the first time" },
	};
	json_t *json;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct tool_answer a[] = {
			{ "identity-sources", NULL, rows[i].sources, 0, false },
			{ "identity-refused", NULL, refused, 0, false },
		};

		if (heard(a, 2, "identity check") != rows[i].status)
			fail_msg("row %zu: %s", i, tool_output);
		tool_says(rows[i].says);
		tool_says("ok           snapshot      whole: 4 users");
		tool_says("warn         refused       user x.user of staff, "
			  "named x\\x1b[: uid is held locally");
		json = heard_json(rows[i].status, a, 2, "identity check");
		assert_true(json_is_array(json_object_get(json, "checks")));
		json_decref(json);
	}
}

/* One byte anywhere in the file: the checksums see it. */
static void
check_fails_for_a_damaged_snapshot(void **state)
{
	static const struct tool_answer a[] = {
		{ "identity-sources", NULL, SOURCES(OK_SOURCE), 0, false },
		{ "identity-refused", NULL, "{\"refused\":[]}", 0, false },
	};
	char path[128];
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/snap", tool_dir);
	f = fopen(path, "r+e");
	assert_non_null(f);
	assert_int_equal(fseek(f, -40, SEEK_END), 0);
	assert_int_equal(fputc(0x5a, f), 0x5a);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(heard(a, 2, "identity check"), 1);
	tool_says("FAIL         snapshot");
	tool_says("it is damaged");
}

static void
wrong_words_are_wrong_usage(void **state)
{
	static const char *const words[] = { "identity", "identity nonsense",
		"identity show", "identity show a b", "identity list x",
		"identity sync a b", "identity why", "doctor", "doctor pam",
		"identity sync --timeout 0", "identity sync --timeout 1x",
		"identity sync --timeout -1", "identity sync --timeout 99999",
		"identity bundle" };

	(void)state;
	for (size_t i = 0; i < N(words); i++)
		if (local(words[i]) != 2)
			fail_msg("%s: %s", words[i], tool_output);
	/* the bundle has a command line of its own */
	assert_int_equal(tool_run("identity bundle"), 2);
	tool_says("usage: ztctl identity bundle make");
	assert_int_equal(tool_run("identity bundle check %s/none --signers x",
			     tool_dir),
	    5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tool_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(users_are_listed_by_name_with_their_state),
		TEST(groups_are_listed_private_ones_too),
		TEST(lists_are_json_too),
		TEST(a_user_is_shown_with_named_groups_and_validity),
		TEST(a_shown_user_is_json_too),
		TEST(who_is_not_in_the_snapshot_is_not_shown),
		TEST(a_snapshot_that_cannot_be_used_says_why_and_what_to_do),
		TEST(sources_are_shown_with_what_is_wrong),
		TEST(answers_of_another_shape_are_of_no_use),
		TEST(no_broker_is_its_own_exit_status),
		TEST(why_says_which_record_counts_and_which_was_refused),
		TEST(why_says_what_keeps_an_existing_user_from_being_seen),
		TEST(why_says_who_was_asked_about_somebody_unknown),
		TEST(a_sync_is_waited_for_until_its_sources_are_done),
		TEST(a_sync_that_ends_badly_fails),
		TEST(an_unknown_source_is_the_brokers_error),
		TEST(a_sync_that_takes_too_long_is_not_waited_for),
		TEST(an_interrupt_ends_the_waiting_alone),
		TEST(a_sync_draws_how_far_it_is_on_a_terminal),
		TEST(what_is_held_is_shown_before_it_is_forced),
		TEST(check_fails_for_sources_in_trouble_and_warns_of_refusals),
		TEST(check_fails_for_a_damaged_snapshot),
		TEST(wrong_words_are_wrong_usage),
	};

	return cmocka_run_group_tests(tests, tool_find, NULL);
}
