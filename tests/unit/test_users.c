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
#include <time.h>
#include <unistd.h>

#include "../../ztd/users.h"

#define ALICE                                                                  \
	"{\"userName\":\"alice\",\"uid\":70001,\"gid\":70010,\"locked\":true," \
	"\"notBeforeUSec\":5,\"notAfterUSec\":6,\"memberOf\":[\"pay\",\"team\"]}"

struct fixture {
	char root[64], dir[80], etc[80], state[80];
	char name[8]; /* of the source, and its type */
	struct conf conf;
	sd_event *event;
	struct users *users;
};

/* Put a file in place at once, as an administrator should. */
static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[256], temp[264];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(temp, sizeof(temp), "%s.new", path);
	f = fopen(temp, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(temp, 0644), 0);
	assert_int_equal(rename(temp, path), 0);
}

static void
remove_file(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static char team[] = "team";
static char *allowed[] = { team };

static int
setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	strcpy(fx->name, "files");
	strcpy(fx->root, "/tmp/zt-users-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	snprintf(fx->dir, sizeof(fx->dir), "%s/users.d", fx->root);
	snprintf(fx->etc, sizeof(fx->etc), "%s/etc", fx->root);
	snprintf(fx->state, sizeof(fx->state), "%s/state", fx->root);
	assert_int_equal(mkdir(fx->dir, 0755), 0);
	assert_int_equal(mkdir(fx->etc, 0755), 0);
	assert_int_equal(mkdir(fx->state, 0755), 0);
	write_file(fx->etc, "passwd",
	    "root:x:0:0:root:/root:/bin/bash\n"
	    "carol:x:1000:1000::/home/carol:/bin/sh\n");
	write_file(fx->etc, "group",
	    "root:x:0:\ncarol:x:1000:\nteam:x:5000:\n"
	    "video:x:44:carol,alice\n");
	write_file(fx->dir, "alice.user", ALICE);
	write_file(fx->dir, "pay.group",
	    "{\"groupName\":\"pay\",\"gid\":70011}");
	write_file(fx->dir, "alice.group",
	    "{\"groupName\":\"alice\",\"gid\":70010}");
	fx->conf.sources[0] = (struct conf_source){
		.name = fx->name, .type = fx->name, .dir = fx->dir
	};
	fx->conf.n_sources = 1;
	fx->conf.identity.max_loss_percent = 20;
	fx->conf.identity.stale_after_s = 60;
	fx->conf.identity.id_min = 65536;
	fx->conf.identity.id_max = 524287;
	fx->conf.identity.allow_groups =
	    (struct conf_list){ .words = allowed, .n = 1 };
	assert_true(sd_event_new(&fx->event) >= 0);
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	users_free(fx->users);
	sd_event_unref(fx->event);
	snprintf(command, sizeof(command), "rm -rf '%s'", fx->root);
	assert_int_equal(system(command), 0);
	free(fx);
	return 0;
}

static void
begin(struct fixture *fx)
{
	assert_int_equal(users_new(fx->event, &fx->conf, fx->etc, fx->state,
			     &fx->users),
	    ZT_OK);
	users_begin(fx->users);
}

static struct zt_nss_request
request(enum zt_nss_op op, const char *name, uint32_t id)
{
	return (struct zt_nss_request){
		.op = op, .name = zt_str(name), .id = id
	};
}

/* Ask; the reply stands in a buffer that lasts until the next question. */
static uint8_t reply[ZT_WIRE_MAX];
static size_t reply_len;

static enum zt_wire_type
ask(struct fixture *fx, enum zt_nss_op op, const char *name, uint32_t id)
{
	struct zt_nss_request req = request(op, name, id);
	enum zt_wire_type type;

	assert_int_equal(users_answer(fx->users, &req, reply, sizeof(reply),
			     &reply_len),
	    ZT_OK);
	assert_int_equal(zt_wire_type(reply, reply_len, &type), ZT_OK);
	return type;
}

static struct zt_nss_user
user_of_reply(void)
{
	struct zt_nss_user user;

	assert_int_equal(zt_nss_user_decode(reply, reply_len, &user), ZT_OK);
	return user;
}

static struct zt_nss_group *
group_of_reply(void)
{
	static struct zt_nss_group group;

	assert_int_equal(zt_nss_group_decode(reply, reply_len, &group), ZT_OK);
	return &group;
}

static void
absent(struct fixture *fx, enum zt_nss_op op, const char *name, uint32_t id,
    bool definitive)
{
	struct zt_nss_absent m;

	assert_int_equal(ask(fx, op, name, id), ZT_WIRE_NSS_ABSENT);
	assert_int_equal(zt_nss_absent_decode(reply, reply_len, &m), ZT_OK);
	assert_int_equal(m.definitive, definitive);
}

/* Run the loop until the user is there, or is not, or 5 s have gone. */
static bool
wait_for(struct fixture *fx, const char *name, bool there)
{
	const time_t end = time(NULL) + 5;
	const struct zt_snapshot *snapshot;
	struct zt_snapshot_user user;
	bool found;

	do {
		assert_true(sd_event_run(fx->event, 20000) >= 0);
		snapshot = users_snapshot(fx->users);
		found = snapshot != NULL &&
		    zt_snapshot_user(snapshot, zt_str(name), &user) == ZT_OK;
	} while (found != there && time(NULL) < end);
	return found == there;
}

static void
run_for_600_ms(struct fixture *fx)
{
	uint64_t now, end;

	assert_true(sd_event_now(fx->event, CLOCK_MONOTONIC, &end) >= 0);
	end += 600000;
	do {
		assert_true(sd_event_run(fx->event, 20000) >= 0);
		assert_true(sd_event_now(fx->event, CLOCK_MONOTONIC, &now) >=
		    0);
	} while (now < end);
}

/* The text at key of users_status(); "null" for null. */
static void
status_is(struct fixture *fx, const char *key, const char *want)
{
	json_t *status = users_status(fx->users);
	char *text = json_dumps(json_object_get(status, key),
	    JSON_ENCODE_ANY | JSON_COMPACT);

	assert_string_equal(text, want);
	free(text);
	json_decref(status);
}

static void
status_has(struct fixture *fx, const char *key, const char *want)
{
	json_t *status = users_status(fx->users);
	const char *text = json_string_value(json_object_get(status, key));

	assert_non_null(text);
	if (strstr(text, want) == NULL)
		fail_msg("%s: want %s, got %s", key, want, text);
	json_decref(status);
}

/* Member key of the only source's status. */
static void
source_is(struct fixture *fx, const char *key, const char *want)
{
	json_t *status = users_sources_json(fx->users);
	char *text =
	    json_dumps(json_object_get(json_array_get(json_object_get(status,
							  "sources"),
					   0),
			   key),
		JSON_ENCODE_ANY | JSON_COMPACT);

	assert_string_equal(text, want);
	free(text);
	json_decref(status);
}

static void
every_question_has_its_answer(void **state)
{
	struct fixture *fx = *state;
	static struct zt_nss_gids gids;

	begin(fx);
	assert_int_equal(ask(fx, ZT_NSS_USER_BY_NAME, "alice", 0),
	    ZT_WIRE_NSS_USER);
	assert_int_equal(user_of_reply().uid, 70001);
	assert_int_equal(user_of_reply().gid, 70010);
	assert_int_equal(user_of_reply().next, 0);
	assert_true(zt_str_is(user_of_reply().home, "/home/alice"));
	assert_true(zt_str_is(user_of_reply().shell, "/bin/bash"));
	assert_int_equal(ask(fx, ZT_NSS_USER_BY_UID, "", 70001),
	    ZT_WIRE_NSS_USER);
	assert_true(zt_str_is(user_of_reply().name, "alice"));
	assert_int_equal(ask(fx, ZT_NSS_GROUP_BY_NAME, "pay", 0),
	    ZT_WIRE_NSS_GROUP);
	assert_int_equal(group_of_reply()->gid, 70011);
	assert_int_equal(group_of_reply()->n_members, 1);
	assert_true(zt_str_is(group_of_reply()->members[0], "alice"));
	assert_int_equal(ask(fx, ZT_NSS_GROUP_BY_GID, "", 70011),
	    ZT_WIRE_NSS_GROUP);
	assert_true(zt_str_is(group_of_reply()->name, "pay"));
	assert_int_equal(ask(fx, ZT_NSS_GIDS_OF_USER, "alice", 0),
	    ZT_WIRE_NSS_GIDS);
	assert_int_equal(zt_nss_gids_decode(reply, reply_len, &gids), ZT_OK);
	assert_int_equal(gids.n, 2);
	assert_int_equal(gids.gids[0], 5000);
	assert_int_equal(gids.gids[1], 70011);
}

static void
what_is_not_there_is_definitely_absent(void **state)
{
	struct fixture *fx = *state;

	begin(fx);
	absent(fx, ZT_NSS_USER_BY_NAME, "root", 0, true);
	absent(fx, ZT_NSS_USER_BY_NAME, "pay", 0, true);
	absent(fx, ZT_NSS_USER_BY_NAME, "", 0, true);
	absent(fx, ZT_NSS_USER_BY_UID, "", 70011, true);
	absent(fx, ZT_NSS_GROUP_BY_NAME, "team", 0, true);
	absent(fx, ZT_NSS_GROUP_BY_GID, "", 0, true);
	absent(fx, ZT_NSS_GIDS_OF_USER, "carol", 0, true);
}

static void
enumeration_finds_nothing_unless_it_is_on(void **state)
{
	struct fixture *fx = *state;

	uint32_t next;

	begin(fx);
	absent(fx, ZT_NSS_USER_AT, "", 0, true);
	absent(fx, ZT_NSS_GROUP_AT, "", 0, true);
	fx->conf.identity.enumerate = true;
	assert_int_equal(ask(fx, ZT_NSS_USER_AT, "", 0), ZT_WIRE_NSS_USER);
	next = user_of_reply().next;
	assert_true(next > 0);
	absent(fx, ZT_NSS_USER_AT, "", next, true);
	absent(fx, ZT_NSS_USER_AT, "", UINT32_MAX, true);
	assert_int_equal(ask(fx, ZT_NSS_GROUP_AT, "", 0), ZT_WIRE_NSS_GROUP);
	next = group_of_reply()->next;
	assert_int_equal(ask(fx, ZT_NSS_GROUP_AT, "", next), ZT_WIRE_NSS_GROUP);
	assert_true(group_of_reply()->next > next);
	absent(fx, ZT_NSS_GROUP_AT, "", group_of_reply()->next, true);
}

static void
a_reply_that_does_not_fit_is_an_error(void **state)
{
	struct zt_nss_request req = request(ZT_NSS_USER_BY_NAME, "alice", 0);
	struct fixture *fx = *state;
	size_t len = 77;

	begin(fx);
	assert_int_equal(users_answer(fx->users, &req, reply, 20, &len),
	    ZT_ERR_TOOBIG);
	assert_int_equal(len, 77);
}

static void
a_huge_group_is_cut_at_the_wire_s_limit(void **state)
{
	struct fixture *fx = *state;
	char name[32], json[96];

	for (int i = 0; i < ZT_MEMBERS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "u%d.user", i);
		snprintf(json, sizeof(json),
		    "{\"userName\":\"u%d\",\"uid\":%d,\"memberOf\":[\"pay\"]}",
		    i, 71000 + i);
		write_file(fx->dir, name, json);
	}
	begin(fx);
	assert_int_equal(ask(fx, ZT_NSS_GROUP_BY_NAME, "pay", 0),
	    ZT_WIRE_NSS_GROUP);
	assert_int_equal(group_of_reply()->n_members, ZT_MEMBERS_MAX);
	assert_int_equal(ask(fx, ZT_NSS_GIDS_OF_USER, "u1504", 0),
	    ZT_WIRE_NSS_GIDS);
}

static void
a_changed_record_is_served_soon(void **state)
{
	struct fixture *fx = *state;

	begin(fx);
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	assert_true(wait_for(fx, "bob", true));
	remove_file(fx->dir, "bob.user");
	assert_true(wait_for(fx, "bob", false));
	assert_true(wait_for(fx, "alice", true));
}

static void
a_user_who_became_local_is_no_longer_served(void **state)
{
	struct fixture *fx = *state;

	begin(fx);
	write_file(fx->etc, "passwd", "alice:x:1001:1001::/:/bin/sh\n");
	assert_true(wait_for(fx, "alice", false));
}

static void
a_failed_sync_keeps_what_is_known(void **state)
{
	struct fixture *fx = *state;

	begin(fx);
	status_is(fx, "error", "null");
	assert_int_equal(chmod(fx->dir, 0777), 0);
	run_for_600_ms(fx);
	assert_int_equal(ask(fx, ZT_NSS_USER_BY_NAME, "alice", 0),
	    ZT_WIRE_NSS_USER);
	absent(fx, ZT_NSS_USER_BY_NAME, "bob", 0, true);
	status_is(fx, "users", "1");
	status_has(fx, "error", "others than root can write to it");
	assert_int_equal(chmod(fx->dir, 0755), 0);
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	assert_true(wait_for(fx, "bob", true));
	absent(fx, ZT_NSS_USER_BY_NAME, "eve", 0, true);
}

static void
a_directory_that_appears_later_is_found(void **state)
{
	struct users_account account;
	struct fixture *fx = *state;
	char *name = NULL, late[96];

	snprintf(late, sizeof(late), "%s/late", fx->root);
	fx->conf.sources[0].dir = late;
	begin(fx);
	assert_null(users_snapshot(fx->users));
	absent(fx, ZT_NSS_USER_BY_NAME, "alice", 0, false);
	status_is(fx, "loaded", "null");
	status_has(fx, "error", "No such file or directory");
	assert_int_equal(users_account(fx->users, "alice", &account),
	    ZT_ERR_UNAVAIL);
	assert_int_equal(users_name_of(fx->users, 70001, &name),
	    ZT_ERR_UNAVAIL);
	assert_int_equal(users_account(fx->users, "carol", &account), ZT_OK);
	assert_true(account.exists);
	users_account_clear(&account);
	assert_int_equal(rename(fx->dir, late), 0);
	assert_true(wait_for(fx, "alice", true));
}

static void
a_directory_that_is_replaced_is_followed(void **state)
{
	struct fixture *fx = *state;
	char away[96];

	snprintf(away, sizeof(away), "%s/away", fx->root);
	begin(fx);
	assert_int_equal(rename(fx->dir, away), 0);
	run_for_600_ms(fx);
	assert_true(wait_for(fx, "alice", true));
	absent(fx, ZT_NSS_USER_BY_NAME, "bob", 0, true);
	assert_int_equal(mkdir(fx->dir, 0755), 0);
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	assert_true(wait_for(fx, "bob", true));
	remove_file(fx->dir, "bob.user");
	assert_true(wait_for(fx, "bob", false));
}

static bool
in_group(const struct users_account *account, const char *name)
{
	int n = 0;

	for (size_t i = 0; i < account->n_groups; i++)
		n += strcmp(account->groups[i], name) == 0;
	assert_in_range(n, 0, 1);
	return n == 1;
}

static void
an_account_of_the_records_is_told_whole(void **state)
{
	struct users_account a;
	struct fixture *fx = *state;

	begin(fx);
	assert_int_equal(users_account(fx->users, "alice", &a), ZT_OK);
	assert_true(a.exists && !a.local && a.locked);
	assert_int_equal(a.uid, 70001);
	assert_int_equal(a.gid, 70010);
	assert_true(a.not_before_us == 5 && a.not_after_us == 6);
	assert_int_equal(a.n_groups, 4);
	assert_true(in_group(&a, "alice") && in_group(&a, "pay"));
	assert_true(in_group(&a, "team") && in_group(&a, "video"));
	users_account_clear(&a);
	users_account_clear(&a);
}

static void
a_local_account_is_told_from_the_files(void **state)
{
	struct users_account a;
	struct fixture *fx = *state;

	begin(fx);
	assert_int_equal(users_account(fx->users, "carol", &a), ZT_OK);
	assert_true(a.exists && a.local && !a.locked);
	assert_int_equal(a.uid, 1000);
	assert_int_equal(a.n_groups, 2);
	assert_true(in_group(&a, "carol") && in_group(&a, "video"));
	assert_true(a.not_before_us == 0 && a.not_after_us == UINT64_MAX);
	users_account_clear(&a);
	assert_int_equal(users_account(fx->users, "nobody1", &a), ZT_OK);
	assert_false(a.exists);
	assert_int_equal(users_account(fx->users, "", &a), ZT_OK);
	assert_false(a.exists);
	users_account_clear(&a);
}

static void
an_unreadable_local_file_is_no_answer(void **state)
{
	struct users_account a = { .uid = 77 };
	struct fixture *fx = *state;
	char *name = NULL;

	begin(fx);
	remove_file(fx->etc, "group");
	assert_int_equal(users_account(fx->users, "alice", &a), ZT_ERR_SYS);
	assert_int_equal(users_account(fx->users, "carol", &a), ZT_ERR_SYS);
	remove_file(fx->etc, "passwd");
	assert_int_equal(users_account(fx->users, "eve", &a), ZT_ERR_SYS);
	assert_int_equal(users_name_of(fx->users, 1000, &name), ZT_ERR_SYS);
	assert_int_equal(a.uid, 77);
	assert_null(name);
}

static void
a_uid_has_the_name_of_its_record_or_file(void **state)
{
	struct fixture *fx = *state;
	char *name = NULL;

	begin(fx);
	assert_int_equal(users_name_of(fx->users, 70001, &name), ZT_OK);
	assert_string_equal(name, "alice");
	free(name);
	assert_int_equal(users_name_of(fx->users, 0, &name), ZT_OK);
	assert_string_equal(name, "root");
	free(name);
	name = NULL;
	assert_int_equal(users_name_of(fx->users, 4711, &name),
	    ZT_ERR_NOTFOUND);
	assert_null(name);
}

static void
the_status_counts_and_names_the_refused(void **state)
{
	struct fixture *fx = *state;

	write_file(fx->dir, "bad\033\377.user", "{}");
	begin(fx);
	status_is(fx, "users", "1");
	status_is(fx, "groups", "2");
	status_is(fx, "refused_total", "1");
	status_is(fx, "refused",
	    "[{\"file\":\"bad\\\\x1b\\\\xff.user\",\"why\":"
	    "\"userName is missing or no valid name\"}]");
}

/* u0 to u(n-1). */
static void
write_users_from(struct fixture *fx, int n, int uid)
{
	char name[32], json[64];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "u%d.user", i);
		snprintf(json, sizeof(json),
		    "{\"userName\":\"u%d\",\"uid\":%d}", i, uid + i);
		write_file(fx->dir, name, json);
	}
}

static void
write_users(struct fixture *fx, int n)
{
	write_users_from(fx, n, 71000);
}

static void
remove_users(struct fixture *fx, int from, int to)
{
	char name[32];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "u%d.user", i);
		remove_file(fx->dir, name);
	}
}

static void
applied_is(struct fixture *fx, const char *want)
{
	json_t *applied = users_apply(fx->users);
	char *text = json_dumps(applied, JSON_COMPACT);

	assert_string_equal(text, want);
	free(text);
	json_decref(applied);
}

static void
a_sudden_loss_waits_for_an_administrator(void **state)
{
	struct fixture *fx = *state;

	write_users(fx, 60); /* and alice */
	begin(fx);
	remove_users(fx, 0, 45);
	run_for_600_ms(fx);
	source_is(fx, "state", "\"held\"");
	/* the first few of them, seen on their own, may have gone */
	assert_in_range(users_snapshot(fx->users)->info.users, 49, 61);
	assert_true(wait_for(fx, "u44", true));
	/* one file more does not make up for it */
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	run_for_600_ms(fx);
	source_is(fx, "state", "\"held\"");
	assert_true(wait_for(fx, "u44", true));
	/* it is held against the records, so a restart changes nothing */
	users_free(fx->users);
	begin(fx);
	source_is(fx, "state", "\"held\"");
	assert_true(wait_for(fx, "u44", true));
	applied_is(fx, "[\"files\"]");
	assert_true(wait_for(fx, "u44", false));
	assert_true(wait_for(fx, "u59", true));
	source_is(fx, "held", "null");
	applied_is(fx, "[]");
}

/* As a template that came out empty does it, host management file by file. */
static void
users_spoilt_one_by_one_count_as_gone(void **state)
{
	struct fixture *fx = *state;
	char name[32];

	write_users(fx, 60); /* and alice: a fifth is 12 */
	begin(fx);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "u%d.user", i);
		write_file(fx->dir, name, "");
		name[strlen(name) - strlen(".user")] = '\0';
		assert_true(wait_for(fx, name, false));
	}
	source_is(fx, "state", "\"ok\"");
	write_file(fx->dir, "u12.user", "");
	run_for_600_ms(fx);
	source_is(fx, "state", "\"held\"");
	assert_true(wait_for(fx, "u12", true));
	applied_is(fx, "[\"files\"]");
	assert_true(wait_for(fx, "u12", false));
}

static void
files_of_one_burst_count_together(void **state)
{
	struct fixture *fx = *state;

	write_users(fx, 60); /* and alice: a fifth is 12 */
	begin(fx);
	remove_users(fx, 0, 8);
	assert_true(wait_for(fx, "u7", false));
	remove_users(fx, 8, 11);
	assert_true(wait_for(fx, "u10", false));
	source_is(fx, "state", "\"ok\"");
	remove_users(fx, 11, 19);
	run_for_600_ms(fx);
	source_is(fx, "state", "\"held\"");
	assert_true(wait_for(fx, "u18", true));
	status_is(fx, "error", "null");
}

static bool
state_has(const struct fixture *fx, const char *name, const char *text)
{
	char path[128], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fx->state, name);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, text) != NULL;
	fclose(f);
	return found;
}

/* A second source, whose users are others. */
static void
second_source(struct fixture *fx, char *dir)
{
	static char lab[] = "lab";

	assert_int_equal(mkdir(dir, 0755), 0);
	fx->conf.sources[1] = fx->conf.sources[0];
	fx->conf.sources[1].name = lab;
	fx->conf.sources[1].dir = dir;
	fx->conf.n_sources = 2;
}

/* As an attribute path that fits no longer does it. */
static void
users_who_would_all_be_refused_count_as_gone(void **state)
{
	struct fixture *fx = *state;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/lab.d", fx->root);
	second_source(fx, dir);
	write_users(fx, 30);
	begin(fx);
	write_file(fx->dir, "z.user", "{\"userName\":\"z\",\"uuid\":\"of-z\"}");
	write_users_from(fx, 30, 600000); /* outside id_range */
	run_for_600_ms(fx);
	source_is(fx, "state", "\"held\"");
	source_is(fx, "held",
	    "{\"why\":\"30 users are gone at once (record u0.user: its uid "
	    "is outside identity.id_range)\",\"users_before\":31,"
	    "\"users_after\":2}");
	/* which does not stop another source */
	write_file(dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	assert_true(wait_for(fx, "bob", true));
	assert_true(wait_for(fx, "u29", true));
	/* and no id of what is held is remembered */
	assert_false(state_has(fx, "users.ids", "of-z"));
	applied_is(fx, "[\"files\"]");
	assert_true(wait_for(fx, "u29", false));
	assert_true(wait_for(fx, "z", true));
	assert_true(wait_for(fx, "bob", true));
	assert_true(state_has(fx, "users.ids", "of-z"));
}

static void
users_whom_this_host_takes_away_count_as_gone(void **state)
{
	struct fixture *fx = *state;

	write_users(fx, 30);
	begin(fx);
	write_file(fx->etc, "subuid", "carol:71000:100\n");
	run_for_600_ms(fx);
	status_has(fx, "error", "30 users are gone at once (record u0.user");
	status_has(fx, "error", "apply --force");
	source_is(fx, "state", "\"held\"");
	assert_true(wait_for(fx, "u29", true));
	applied_is(fx, "[\"files\"]");
	assert_true(wait_for(fx, "u29", false));
	status_is(fx, "error", "null");
	source_is(fx, "state", "\"ok\"");
	/* what is forced is forced once */
	write_file(fx->etc, "subuid", "carol:71000:100\ncarol:70000:100\n");
	assert_true(wait_for(fx, "alice", false));
	write_file(fx->etc, "subuid", "");
	assert_true(wait_for(fx, "u29", true));
	write_file(fx->etc, "subuid", "carol:71000:100\n");
	run_for_600_ms(fx);
	assert_true(wait_for(fx, "u29", true));
	/* nor is it asked for any more, once it is not so */
	write_file(fx->etc, "subuid", "");
	run_for_600_ms(fx);
	applied_is(fx, "[]");
}

static void
users_exchanged_over_a_restart_count_as_gone(void **state)
{
	struct fixture *fx = *state;

	write_users(fx, 30);
	begin(fx);
	users_free(fx->users);
	write_users_from(fx, 30, 72000);
	begin(fx);
	source_is(fx, "state", "\"held\"");
	source_is(fx, "users", "31");
	status_has(fx, "error", "has not brought them again");
	assert_true(wait_for(fx, "u29", true));
	applied_is(fx, "[\"files\"]");
	run_for_600_ms(fx);
	status_is(fx, "error", "null");
	assert_int_equal(ask(fx, ZT_NSS_USER_BY_UID, "", 72029),
	    ZT_WIRE_NSS_USER);
	absent(fx, ZT_NSS_USER_BY_UID, "", 71029, true);
}

/* One that never answers again: its users stay until it is said. */
static void
a_silent_source_is_waited_for(void **state)
{
	struct fixture *fx = *state;
	char dir[128], away[128];

	snprintf(dir, sizeof(dir), "%s/lab.d", fx->root);
	snprintf(away, sizeof(away), "%s/away", fx->root);
	second_source(fx, dir);
	write_file(dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	begin(fx);
	users_free(fx->users);
	assert_int_equal(rename(dir, away), 0);
	begin(fx);
	write_file(fx->dir, "eve.user", "{\"userName\":\"eve\",\"uid\":70003}");
	run_for_600_ms(fx);
	status_has(fx, "error", "No such file");
	assert_true(wait_for(fx, "bob", true) && wait_for(fx, "eve", false));
	applied_is(fx, "[\"lab\"]");
	assert_true(wait_for(fx, "eve", true) && wait_for(fx, "bob", false));
	applied_is(fx, "[]");
}

static void
what_comes_back_needs_no_word(void **state)
{
	struct fixture *fx = *state;

	write_users(fx, 30);
	begin(fx);
	remove_users(fx, 0, 30);
	run_for_600_ms(fx);
	source_is(fx, "state", "\"held\"");
	write_users(fx, 30);
	run_for_600_ms(fx);
	source_is(fx, "state", "\"ok\"");
	status_is(fx, "users", "31");
}

static void
a_few_users_may_go_at_once(void **state)
{
	struct fixture *fx = *state;

	write_users(fx, 10);
	begin(fx);
	remove_users(fx, 0, 10);
	assert_true(wait_for(fx, "u9", false));
	source_is(fx, "held", "null");
}

/* Without its directory a source says nothing; it may not wipe anybody out. */
static void
after_a_restart_the_last_good_snapshot_goes_on(void **state)
{
	struct users_account account;
	struct fixture *fx = *state;
	char away[96];

	begin(fx);
	users_free(fx->users);
	fx->users = NULL;
	snprintf(away, sizeof(away), "%s/away", fx->root);
	assert_int_equal(rename(fx->dir, away), 0);
	begin(fx);
	run_for_600_ms(fx);
	assert_int_equal(ask(fx, ZT_NSS_USER_BY_NAME, "alice", 0),
	    ZT_WIRE_NSS_USER);
	absent(fx, ZT_NSS_USER_BY_NAME, "eve", 0, false);
	assert_int_equal(users_account(fx->users, "alice", &account), ZT_OK);
	assert_true(account.exists && account.source_stale);
	assert_string_equal(account.source, "files");
	assert_true(account.source_age_s == -1);
	users_account_clear(&account);
	source_is(fx, "stale", "true");
	source_is(fx, "users", "1");
	assert_int_equal(rename(away, fx->dir), 0);
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	assert_true(wait_for(fx, "bob", true));
	source_is(fx, "stale", "false");
	source_is(fx, "age_s", "0");
}

static void
a_damaged_snapshot_or_id_map_is_not_believed(void **state)
{
	struct fixture *fx = *state;

	begin(fx);
	users_free(fx->users);
	write_file(fx->state, "users.snapshot", "not a snapshot");
	begin(fx);
	assert_true(wait_for(fx, "alice", true));
	users_free(fx->users);
	write_file(fx->state, "users.ids", "nonsense\nnonsense\n");
	begin(fx);
	status_has(fx, "error", "users.ids:");
	assert_int_equal(ask(fx, ZT_NSS_USER_BY_NAME, "alice", 0),
	    ZT_WIRE_NSS_USER); /* of the snapshot before */
	write_file(fx->dir, "bob.user", "{\"userName\":\"bob\",\"uid\":70002}");
	run_for_600_ms(fx);
	absent(fx, ZT_NSS_USER_BY_NAME, "bob", 0, false);
}

static void
why_names_the_record_or_what_it_broke(void **state)
{
	struct fixture *fx = *state;
	json_t *why;

	write_file(fx->dir, "carol.user",
	    "{\"userName\":\"carol\",\"uid\":70003}");
	write_file(fx->dir, "dave.user", "{\"userName\":");
	begin(fx);
	why = users_why_json(fx->users, zt_str("alice"));
	assert_true(json_is_true(json_object_get(why, "exists")));
	assert_int_equal(json_integer_value(json_object_get(why, "uid")),
	    70001);
	assert_string_equal(json_string_value(json_object_get(why, "source")),
	    "files");
	json_decref(why);
	why = users_why_json(fx->users, zt_str("carol"));
	assert_true(json_is_false(json_object_get(why, "exists")));
	assert_true(json_is_true(json_object_get(why, "local")));
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(json_object_get(why, "records"),
				    0),
				"why")),
	    "its name is a local user's");
	json_decref(why);
	why = users_why_json(fx->users, zt_str("dave"));
	assert_int_equal(json_array_size(json_object_get(why, "records")), 1);
	json_decref(why);
	why = users_why_json(fx->users, zt_str("eve"));
	assert_int_equal(json_array_size(json_object_get(why, "records")), 0);
	json_decref(why);
}

static void
privileged_sections_stay_out_of_the_snapshot(void **state)
{
	struct fixture *fx = *state;
	char path[128], text[65536];
	size_t len;
	FILE *f;

	write_file(fx->dir, "bob.user",
	    "{\"userName\":\"bob\",\"uid\":70002,\"privileged\":"
	    "{\"hashedPassword\":[\"$6$secret\"]}}");
	begin(fx);
	assert_string_equal(users_privileged(fx->users, zt_str("bob")),
	    "{\"hashedPassword\":[\"$6$secret\"]}");
	assert_null(users_privileged(fx->users, zt_str("alice")));
	assert_null(users_privileged(fx->users, zt_str("nobody")));
	snprintf(path, sizeof(path), "%s/users.snapshot", fx->state);
	f = fopen(path, "re");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text), f);
	assert_int_equal(fclose(f), 0);
	assert_true(len > 0 && len < sizeof(text));
	assert_null(memmem(text, len, "secret", 6));
	assert_non_null(memmem(text, len, "bob", 3));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_question_has_its_answer),
		TEST(what_is_not_there_is_definitely_absent),
		TEST(enumeration_finds_nothing_unless_it_is_on),
		TEST(a_reply_that_does_not_fit_is_an_error),
		TEST(a_huge_group_is_cut_at_the_wire_s_limit),
		TEST(a_changed_record_is_served_soon),
		TEST(a_user_who_became_local_is_no_longer_served),
		TEST(a_failed_sync_keeps_what_is_known),
		TEST(a_directory_that_appears_later_is_found),
		TEST(a_directory_that_is_replaced_is_followed),
		TEST(an_account_of_the_records_is_told_whole),
		TEST(a_local_account_is_told_from_the_files),
		TEST(an_unreadable_local_file_is_no_answer),
		TEST(a_uid_has_the_name_of_its_record_or_file),
		TEST(the_status_counts_and_names_the_refused),
		TEST(a_sudden_loss_waits_for_an_administrator),
		TEST(users_spoilt_one_by_one_count_as_gone),
		TEST(files_of_one_burst_count_together),
		TEST(users_who_would_all_be_refused_count_as_gone),
		TEST(users_whom_this_host_takes_away_count_as_gone),
		TEST(users_exchanged_over_a_restart_count_as_gone),
		TEST(a_silent_source_is_waited_for),
		TEST(what_comes_back_needs_no_word),
		TEST(a_few_users_may_go_at_once),
		TEST(after_a_restart_the_last_good_snapshot_goes_on),
		TEST(a_damaged_snapshot_or_id_map_is_not_believed),
		TEST(why_names_the_record_or_what_it_broke),
		TEST(privileged_sections_stay_out_of_the_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
