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
	char root[64], dir[80], etc[80];
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

static int
setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	strcpy(fx->root, "/tmp/zt-users-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	snprintf(fx->dir, sizeof(fx->dir), "%s/users.d", fx->root);
	snprintf(fx->etc, sizeof(fx->etc), "%s/etc", fx->root);
	assert_int_equal(mkdir(fx->dir, 0755), 0);
	assert_int_equal(mkdir(fx->etc, 0755), 0);
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
	fx->conf.identity.users_dir = fx->dir;
	fx->conf.identity.id_min = 65536;
	fx->conf.identity.id_max = 524287;
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
	assert_int_equal(users_new(fx->event, &fx->conf, fx->etc, &fx->users),
	    ZT_OK);
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
	const struct zt_olddirectory *directory;
	bool found;

	do {
		assert_true(sd_event_run(fx->event, 20000) >= 0);
		directory = users_directory(fx->users);
		found = directory != NULL &&
		    zt_olddirectory_user(directory, zt_str(name)) != NULL;
	} while (found != there && time(NULL) < end);
	return found == there;
}

static void
run_for_600_ms(struct fixture *fx)
{
	for (int i = 0; i < 30; i++)
		assert_true(sd_event_run(fx->event, 20000) >= 0);
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

	begin(fx);
	absent(fx, ZT_NSS_USER_AT, "", 0, true);
	absent(fx, ZT_NSS_GROUP_AT, "", 0, true);
	fx->conf.identity.enumerate = true;
	assert_int_equal(ask(fx, ZT_NSS_USER_AT, "", 0), ZT_WIRE_NSS_USER);
	assert_int_equal(user_of_reply().next, 1);
	absent(fx, ZT_NSS_USER_AT, "", 1, true);
	absent(fx, ZT_NSS_USER_AT, "", UINT32_MAX, true);
	assert_int_equal(ask(fx, ZT_NSS_GROUP_AT, "", 1), ZT_WIRE_NSS_GROUP);
	assert_int_equal(group_of_reply()->next, 2);
	absent(fx, ZT_NSS_GROUP_AT, "", 2, true);
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
a_failed_load_keeps_the_old_and_makes_absence_uncertain(void **state)
{
	struct fixture *fx = *state;

	begin(fx);
	status_is(fx, "error", "null");
	assert_int_equal(chmod(fx->dir, 0777), 0);
	run_for_600_ms(fx);
	assert_int_equal(ask(fx, ZT_NSS_USER_BY_NAME, "alice", 0),
	    ZT_WIRE_NSS_USER);
	absent(fx, ZT_NSS_USER_BY_NAME, "bob", 0, false);
	status_is(fx, "users", "1");
	status_is(fx, "error",
	    "\"others than root can write to identity.users_dir\"");
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
	fx->conf.identity.users_dir = late;
	begin(fx);
	assert_null(users_directory(fx->users));
	absent(fx, ZT_NSS_USER_BY_NAME, "alice", 0, false);
	status_is(fx, "loaded", "null");
	status_is(fx, "error", "\"No such file or directory\"");
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
	absent(fx, ZT_NSS_USER_BY_NAME, "bob", 0, false);
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
		TEST(a_failed_load_keeps_the_old_and_makes_absence_uncertain),
		TEST(a_directory_that_appears_later_is_found),
		TEST(a_directory_that_is_replaced_is_followed),
		TEST(an_account_of_the_records_is_told_whole),
		TEST(a_local_account_is_told_from_the_files),
		TEST(an_unreadable_local_file_is_no_answer),
		TEST(a_uid_has_the_name_of_its_record_or_file),
		TEST(the_status_counts_and_names_the_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
