/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zt/oldidentity.h"

/* A directory of records and an etc of its own, both fresh for each test. */
struct fixture {
	char root[64], users[80], etc[80];
	struct zt_oldrules rules;
	struct zt_olddirectory *directory;
};

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

static int
setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	strcpy(fx->root, "/tmp/zt-identity-XXXXXX");
	assert_non_null(mkdtemp(fx->root));
	snprintf(fx->users, sizeof(fx->users), "%s/users.d", fx->root);
	snprintf(fx->etc, sizeof(fx->etc), "%s/etc", fx->root);
	assert_int_equal(mkdir(fx->users, 0755), 0);
	assert_int_equal(mkdir(fx->etc, 0755), 0);
	write_file(fx->etc, "passwd",
	    "root:x:0:0:root:/root:/bin/bash\nbroken line\n"
	    "local:x:70050:70050::/home/local:/bin/sh\n");
	write_file(fx->etc, "group",
	    "root:x:0:\nusers:x:100:\ndocker:x:998:\nteam:x:5000:\n"
	    "local:x:70050:\n");
	write_file(fx->etc, "subuid", "local:100000:65536\n");
	write_file(fx->etc, "subgid", "local:200000:65536\nbad\n");
	fx->rules.id_min = 65536;
	fx->rules.id_max = 524287;
	fx->rules.etc = fx->etc;
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	zt_olddirectory_free(fx->directory);
	snprintf(command, sizeof(command), "rm -rf '%s'", fx->root);
	assert_int_equal(system(command), 0);
	free(fx);
	return 0;
}

static void
put(struct fixture *fx, const char *name, const char *text)
{
	write_file(fx->users, name, text);
}

static void
load(struct fixture *fx)
{
	zt_olddirectory_free(fx->directory);
	fx->directory = NULL;
	assert_int_equal(zt_olddirectory_load(fx->users, &fx->rules,
			     &fx->directory),
	    ZT_OK);
}

/* Exactly this file was refused, for a reason with this word in it. */
static void
refused(struct fixture *fx, const char *file, const char *word)
{
	const struct zt_oldrefusal *r;
	size_t n;

	load(fx);
	r = zt_olddirectory_refusals(fx->directory, &n);
	assert_int_equal(n, 1);
	assert_string_equal(r[0].file, file);
	if (strstr(r[0].why, word) == NULL)
		fail_msg("\"%s\" is not about \"%s\"", r[0].why, word);
}

static void
accepted(struct fixture *fx)
{
	size_t n;

	load(fx);
	(void)zt_olddirectory_refusals(fx->directory, &n);
	assert_int_equal(n, 0);
}

static enum zt_err
parse_user(const char *json, struct zt_olduser **out)
{
	const char *why = NULL;
	enum zt_err err = zt_olduser_parse(zt_str(json), out, &why);

	if (err == ZT_ERR_MALFORMED)
		assert_non_null(why);
	return err;
}

static void
a_full_user_record_is_read(void **state)
{
	struct zt_olduser *u = NULL;

	(void)state;
	assert_int_equal(
	    parse_user("{\"userName\":\"alice\",\"uid\":70001,\"gid\":70002,"
		       "\"realName\":\"Alice \xc3\x84\",\"homeDirectory\":"
		       "\"/srv/alice\",\"shell\":\"/bin/zsh\",\"memberOf\":"
		       "[\"a\",\"b\"],\"disposition\":\"regular\",\"locked\":"
		       "true,\"notBeforeUSec\":5,\"notAfterUSec\":"
		       "1800000000000000,\"unknown\":{\"x\":[1]},"
		       "\"privileged\":{\"hashedPassword\":[\"x\"]}}",
		&u),
	    ZT_OK);
	assert_string_equal(u->name, "alice");
	assert_int_equal(u->uid, 70001);
	assert_int_equal(u->gid, 70002);
	assert_string_equal(u->gecos, "Alice \xc3\x84");
	assert_string_equal(u->home, "/srv/alice");
	assert_string_equal(u->shell, "/bin/zsh");
	assert_int_equal(u->n_member_of, 2);
	assert_string_equal(u->member_of[1], "b");
	assert_true(u->locked);
	assert_true(u->not_before_us == 5);
	assert_true(u->not_after_us == 1800000000000000);
	zt_olduser_free(u);
}

static void
a_short_user_record_gets_defaults(void **state)
{
	struct zt_olduser *u = NULL;

	(void)state;
	assert_int_equal(parse_user("{\"userName\":\"bob\",\"uid\":70003}", &u),
	    ZT_OK);
	assert_int_equal(u->gid, 70003);
	assert_string_equal(u->gecos, "");
	assert_string_equal(u->home, "/home/bob");
	assert_string_equal(u->shell, "/bin/bash");
	assert_int_equal(u->n_member_of, 0);
	assert_false(u->locked);
	assert_true(u->not_before_us == 0 && u->not_after_us == UINT64_MAX);
	zt_olduser_free(u);
	zt_olduser_free(NULL);
}

static void
a_bad_user_record_is_refused_and_leaves_the_output_alone(void **state)
{
	static const char *const bad[] = { "", "null", "[]", "{", "{}x",
		"{\"uid\":70001}", "{\"userName\":\"a\"}",
		"{\"userName\":\"a\",\"userName\":\"b\",\"uid\":70001}",
		"{\"userName\":\"\",\"uid\":70001}",
		"{\"userName\":\"-a\",\"uid\":70001}",
		"{\"userName\":\"a:b\",\"uid\":70001}",
		"{\"userName\":\"a\\u0000b\",\"uid\":70001}",
		"{\"userName\":1,\"uid\":70001}",
		"{\"userName\":\"a23456789012345678901234567890123\","
		"\"uid\":70001}",
		"{\"userName\":\"a\",\"uid\":\"70001\"}",
		"{\"userName\":\"a\",\"uid\":70001.0}",
		"{\"userName\":\"a\",\"uid\":0}",
		"{\"userName\":\"a\",\"uid\":-1}",
		"{\"userName\":\"a\",\"uid\":65535}",
		"{\"userName\":\"a\",\"uid\":4294967294}",
		"{\"userName\":\"a\",\"uid\":4294967295}",
		"{\"userName\":\"a\",\"uid\":4295037297}",
		"{\"userName\":\"a\",\"uid\":99999999999999999999}",
		"{\"userName\":\"a\",\"uid\":null}" };
	struct zt_olduser *const poison = (struct zt_olduser *)&errno;
	struct zt_olduser *u = poison;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse_user(bad[i], &u) != ZT_ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
		assert_ptr_equal(u, poison);
	}
}

/* One more field in a good record. */
static enum zt_err
user_with(const char *field)
{
	struct zt_olduser *u = NULL;
	char json[512];
	enum zt_err err;

	snprintf(json, sizeof(json), "{\"userName\":\"a\",\"uid\":70001,%s}",
	    field);
	err = parse_user(json, &u);
	zt_olduser_free(u);
	return err;
}

static void
a_bad_field_refuses_the_user(void **state)
{
	static const char *const bad[] = { "\"gid\":0", "\"gid\":\"x\"",
		"\"gid\":65535", "\"realName\":\"a:b\"", "\"realName\":\"\\n\"",
		"\"realName\":7", "\"homeDirectory\":\"\"",
		"\"homeDirectory\":\"/\"", "\"homeDirectory\":\"home\"",
		"\"homeDirectory\":\"/a:b\"", "\"homeDirectory\":\"/a\\u001b\"",
		"\"homeDirectory\":\"/a/../b\"", "\"homeDirectory\":\"/a/..\"",
		"\"shell\":\"sh\"", "\"shell\":\"/bin/sh\\n\"",
		"\"memberOf\":\"a\"", "\"memberOf\":[1]",
		"\"memberOf\":[\"a b\"]", "\"memberOf\":[\"a\",\"\"]",
		"\"disposition\":\"system\"", "\"disposition\":1",
		"\"locked\":1", "\"locked\":\"yes\"", "\"notBeforeUSec\":-1",
		"\"notAfterUSec\":\"x\"", "\"perMachine\":[]",
		"\"signature\":[]", "\"secret\":{}", "\"binding\":{}" };
	static const char *const good[] = { "\"gid\":70002",
		"\"realName\":\"\"", "\"homeDirectory\":\"/a..b/c\"",
		"\"memberOf\":[]", "\"disposition\":\"regular\"",
		"\"locked\":false", "\"status\":{}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (user_with(bad[i]) != ZT_ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (user_with(good[i]) != ZT_OK)
			fail_msg("refused: %s", good[i]);
}

static void
a_path_over_256_bytes_is_refused(void **state)
{
	char field[400];
	int n;

	(void)state;
	n = snprintf(field, sizeof(field), "\"shell\":\"/%0255d\"", 0);
	assert_int_equal(n, 256 + 10);
	assert_int_equal(user_with(field), ZT_OK);
	snprintf(field, sizeof(field), "\"shell\":\"/%0256d\"", 0);
	assert_int_equal(user_with(field), ZT_ERR_MALFORMED);
}

static void
every_prefix_of_a_record_is_malformed(void **state)
{
	static const char json[] =
	    "{\"userName\":\"a\",\"uid\":70001,\"memberOf\":[\"x\"]}";
	struct zt_olduser *u = NULL;
	const char *why;

	(void)state;
	for (size_t len = 0; len < sizeof(json) - 1; len++)
		assert_int_equal(zt_olduser_parse((struct zt_str){ json, len }, &u,
				     &why),
		    ZT_ERR_MALFORMED);
	assert_null(u);
}

static void
a_group_record_is_read_or_refused(void **state)
{
	static const char *const bad[] = { "{\"groupName\":\"g\"}",
		"{\"gid\":70001}", "{\"groupName\":\"g:\",\"gid\":70001}",
		"{\"groupName\":\"g\",\"gid\":0}",
		"{\"groupName\":\"g\",\"gid\":70001,\"members\":[\"a,b\"]}",
		"{\"groupName\":\"g\",\"gid\":70001,\"members\":{}}",
		"{\"groupName\":\"g\",\"gid\":70001,\"perMachine\":[]}" };
	struct zt_oldgroup *g = NULL;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(zt_oldgroup_parse(zt_str(bad[i]), &g, &why),
		    ZT_ERR_MALFORMED);
	assert_null(g);
	assert_int_equal(
	    zt_oldgroup_parse(zt_str("{\"groupName\":\"g\",\"gid\":70001,"
				  "\"members\":[\"a\",\"b\"]}"),
		&g, &why),
	    ZT_OK);
	assert_string_equal(g->name, "g");
	assert_int_equal(g->gid, 70001);
	assert_int_equal(g->n_members, 2);
	zt_oldgroup_free(g);
}

static void
a_directory_serves_by_name_by_id_and_in_order(void **state)
{
	struct fixture *fx = *state;

	put(fx, "b.user", "{\"userName\":\"bob\",\"uid\":70001}");
	put(fx, "a.user", "{\"userName\":\"alice\",\"uid\":70002}");
	put(fx, "g.group", "{\"groupName\":\"pay\",\"gid\":70003}");
	put(fx, "README", "not a record");
	put(fx, ".hidden.user", "not a record");
	put(fx, "a.user.bak", "not a record");
	accepted(fx);
	assert_int_equal(zt_olddirectory_user(fx->directory, zt_str("bob"))->uid,
	    70001);
	assert_string_equal(zt_olddirectory_user_by_uid(fx->directory, 70002)
				->name,
	    "alice");
	assert_null(zt_olddirectory_user(fx->directory, zt_str("bo")));
	assert_null(zt_olddirectory_user(fx->directory, zt_str("bobb")));
	assert_null(zt_olddirectory_user_by_uid(fx->directory, 70003));
	assert_int_equal(zt_olddirectory_group(fx->directory, zt_str("pay"))->gid,
	    70003);
	assert_string_equal(zt_olddirectory_group_by_gid(fx->directory, 70003)
				->name,
	    "pay");
	assert_null(zt_olddirectory_group(fx->directory, zt_str("root")));
	assert_string_equal(zt_olddirectory_user_at(fx->directory, 0)->name,
	    "alice");
	assert_string_equal(zt_olddirectory_user_at(fx->directory, 1)->name,
	    "bob");
	assert_null(zt_olddirectory_user_at(fx->directory, 2));
	assert_null(zt_olddirectory_group_at(fx->directory, 1));
}

static void
an_empty_directory_is_served(void **state)
{
	struct fixture *fx = *state;

	accepted(fx);
	assert_null(zt_olddirectory_user(fx->directory, zt_str("a")));
	assert_null(zt_olddirectory_user_by_uid(fx->directory, 1));
	assert_null(zt_olddirectory_user_at(fx->directory, 0));
}

static void
a_local_name_or_id_is_refused(void **state)
{
	static const struct {
		const char *file, *json, *word;
	} rows[] = {
		{ "x.user", "{\"userName\":\"local\",\"uid\":70001}", "name" },
		{ "x.user", "{\"userName\":\"root\",\"uid\":70001}", "name" },
		{ "x.user", "{\"userName\":\"x\",\"uid\":70050,\"gid\":70051}",
		    "uid" },
		{ "x.user", "{\"userName\":\"x\",\"uid\":70051,\"gid\":70050}",
		    "gid" },
		{ "x.user", "{\"userName\":\"x\",\"uid\":100000,\"gid\":70051}",
		    "subuid" },
		{ "x.user", "{\"userName\":\"x\",\"uid\":165535,\"gid\":70051}",
		    "subuid" },
		{ "x.user", "{\"userName\":\"x\",\"uid\":70051,\"gid\":200000}",
		    "subgid" },
		{ "x.group", "{\"groupName\":\"team\",\"gid\":70001}", "name" },
		{ "x.group", "{\"groupName\":\"x\",\"gid\":70050}", "gid" },
		{ "x.group", "{\"groupName\":\"x\",\"gid\":265535}", "subgid" },
	};
	struct fixture *fx = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(fx, rows[i].file, rows[i].json);
		refused(fx, rows[i].file, rows[i].word);
		assert_null(zt_olddirectory_user_at(fx->directory, 0));
		assert_null(zt_olddirectory_group_at(fx->directory, 0));
		snprintf(path, sizeof(path), "%s/%s", fx->users, rows[i].file);
		assert_int_equal(unlink(path), 0);
	}
	put(fx, "x.user", "{\"userName\":\"x\",\"uid\":165536}");
	accepted(fx);
}

static void
an_id_out_of_range_is_refused(void **state)
{
	struct fixture *fx = *state;

	put(fx, "x.user", "{\"userName\":\"x\",\"uid\":1000,\"gid\":70000}");
	refused(fx, "x.user", "uid is outside");
	put(fx, "x.user", "{\"userName\":\"x\",\"uid\":524288,\"gid\":70000}");
	refused(fx, "x.user", "uid is outside");
	put(fx, "x.user", "{\"userName\":\"x\",\"uid\":70000,\"gid\":27}");
	refused(fx, "x.user", "gid is outside");
	put(fx, "x.user", "{\"userName\":\"x\",\"uid\":524287}");
	put(fx, "g.group", "{\"groupName\":\"g\",\"gid\":27}");
	refused(fx, "g.group", "gid is outside");
	put(fx, "g.group", "{\"groupName\":\"g\",\"gid\":65536}");
	accepted(fx);
}

static void
a_root_equivalent_group_is_refused_unless_allowed(void **state)
{
	static const char *const names[] = { "root", "sudo", "wheel", "adm",
		"disk", "docker", "lxd", "shadow", "users" };
	static const char *const allow[] = { "docker", "users", "root" };
	struct fixture *fx = *state;
	char json[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(json, sizeof(json),
		    "{\"userName\":\"x\",\"uid\":70001,\"memberOf\":[\"team\","
		    "\"%s\"]}",
		    names[i]);
		put(fx, "x.user", json);
		refused(fx, "x.user", "group");
	}
	put(fx, "x.user",
	    "{\"userName\":\"x\",\"uid\":70001,\"memberOf\":[\"docker\","
	    "\"users\"]}");
	put(fx, "g.group", "{\"groupName\":\"sudo\",\"gid\":70002}");
	fx->rules.allow_groups = allow;
	fx->rules.n_allow_groups = 3;
	refused(fx, "g.group", "allow_groups");
	put(fx, "g.group", "{\"groupName\":\"lab\",\"gid\":70002}");
	accepted(fx);
	put(fx, "x.user",
	    "{\"userName\":\"x\",\"uid\":70001,\"memberOf\":[\"root\"]}");
	refused(fx, "x.user", "never"); /* gid 0 whatever is allowed */
}

static void
the_second_of_one_name_or_id_is_refused(void **state)
{
	struct fixture *fx = *state;

	put(fx, "a.user", "{\"userName\":\"x\",\"uid\":70001}");
	put(fx, "b.user", "{\"userName\":\"x\",\"uid\":70002}");
	refused(fx, "b.user", "name");
	put(fx, "b.user", "{\"userName\":\"y\",\"uid\":70001}");
	refused(fx, "b.user", "id");
	assert_string_equal(zt_olddirectory_user_by_uid(fx->directory, 70001)
				->name,
	    "x");
	assert_null(zt_olddirectory_user(fx->directory, zt_str("y")));
	put(fx, "b.user", "{\"userName\":\"y\",\"uid\":70002}");
	put(fx, "1.group", "{\"groupName\":\"x\",\"gid\":70001}");
	accepted(fx); /* users and groups are apart */
	put(fx, "2.group", "{\"groupName\":\"z\",\"gid\":70001}");
	refused(fx, "2.group", "id");
}

static void
a_file_that_others_can_write_is_refused(void **state)
{
	struct fixture *fx = *state;
	char path[128];

	put(fx, "x.user", "{\"userName\":\"x\",\"uid\":70001}");
	snprintf(path, sizeof(path), "%s/x.user", fx->users);
	accepted(fx);
	assert_int_equal(chmod(path, 0664), 0);
	refused(fx, "x.user", "write");
	assert_int_equal(chmod(path, 0646), 0);
	refused(fx, "x.user", "write");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	refused(fx, "x.user", "regular");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(fx, "x.user", "regular");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	refused(fx, "x.user", "regular");
}

static void
a_file_of_another_owner_is_refused(void **state)
{
	struct fixture *fx = *state;
	char path[128];

	if (geteuid() != 0)
		skip();
	put(fx, "x.user", "{\"userName\":\"x\",\"uid\":70001}");
	snprintf(path, sizeof(path), "%s/x.user", fx->users);
	assert_int_equal(chown(path, 1234, 0), 0);
	refused(fx, "x.user", "write");
	assert_int_equal(chown(fx->users, 1234, 0), 0);
	assert_int_equal(zt_olddirectory_load(fx->users, &fx->rules,
			     &fx->directory),
	    ZT_ERR_DENIED);
}

static void
a_file_over_64_kib_is_refused(void **state)
{
	struct fixture *fx = *state;
	char *text = malloc(ZT_RECORD_FILE_MAX + 2);

	memset(text, ' ', ZT_RECORD_FILE_MAX + 1);
	memcpy(text, "{\"userName\":\"x\",\"uid\":70001}", 28);
	text[ZT_RECORD_FILE_MAX] = '\0';
	put(fx, "x.user", text);
	accepted(fx);
	text[ZT_RECORD_FILE_MAX] = ' ';
	text[ZT_RECORD_FILE_MAX + 1] = '\0';
	put(fx, "x.user", text);
	refused(fx, "x.user", "65536");
	free(text);
}

static void
a_directory_that_cannot_be_trusted_is_not_loaded(void **state)
{
	struct fixture *fx = *state;
	struct zt_olddirectory *d = NULL;

	assert_int_equal(chmod(fx->users, 0777), 0);
	assert_int_equal(zt_olddirectory_load(fx->users, &fx->rules, &d),
	    ZT_ERR_DENIED);
	assert_int_equal(zt_olddirectory_load("/nonexistent", &fx->rules, &d),
	    ZT_ERR_SYS);
	assert_int_equal(chmod(fx->users, 0755), 0);
	fx->rules.etc = "/nonexistent";
	assert_int_equal(zt_olddirectory_load(fx->users, &fx->rules, &d),
	    ZT_ERR_SYS);
	assert_null(d);
}

static void
groups_come_from_memberof_and_members_alike(void **state)
{
	struct fixture *fx = *state;
	const struct zt_oldgroup *g;
	const struct zt_olduser *u;
	uint32_t gids[8] = { 0 };

	put(fx, "a.user",
	    "{\"userName\":\"alice\",\"uid\":70001,\"gid\":70010,\"memberOf\":"
	    "[\"team\",\"team\",\"pay\",\"pay\",\"nosuch\",\"own\"]}");
	put(fx, "b.user", "{\"userName\":\"bob\",\"uid\":70002}");
	put(fx, "own.group", "{\"groupName\":\"own\",\"gid\":70010}");
	put(fx, "pay.group",
	    "{\"groupName\":\"pay\",\"gid\":70011,\"members\":[\"root\",\"bob\","
	    "\"alice\",\"bob\",\"stranger\"]}");
	put(fx, "ops.group",
	    "{\"groupName\":\"ops\",\"gid\":70012,\"members\":[\"alice\"]}");
	accepted(fx);
	g = zt_olddirectory_group(fx->directory, zt_str("pay"));
	assert_int_equal(g->n_members, 2);
	assert_string_equal(g->members[0], "alice");
	assert_string_equal(g->members[1], "bob");
	u = zt_olddirectory_user(fx->directory, zt_str("alice"));
	assert_int_equal(zt_olddirectory_gids(fx->directory, u, gids, 8), 3);
	assert_int_equal(gids[0], 5000); /* local team */
	assert_int_equal(gids[1], 70011);
	assert_int_equal(gids[2], 70012);
	gids[1] = 7;
	assert_int_equal(zt_olddirectory_gids(fx->directory, u, gids, 1), 3);
	assert_int_equal(gids[1], 7);
	u = zt_olddirectory_user(fx->directory, zt_str("bob"));
	assert_int_equal(zt_olddirectory_gids(fx->directory, u, gids, 8), 1);
	assert_int_equal(gids[0], 70011);
}

static void
two_thousand_users_are_found(void **state)
{
	struct fixture *fx = *state;
	char name[32], json[96];

	put(fx, "all.group", "{\"groupName\":\"all\",\"gid\":70000}");
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "u%d.user", i);
		snprintf(json, sizeof(json),
		    "{\"userName\":\"u%d\",\"uid\":%d,\"memberOf\":[\"all\"]}",
		    i, 71000 + i);
		put(fx, name, json);
	}
	accepted(fx);
	for (int i = 0; i < 2000; i++) {
		const struct zt_olduser *u;

		snprintf(name, sizeof(name), "u%d", i);
		u = zt_olddirectory_user(fx->directory, zt_str(name));
		assert_int_equal(u->uid, 71000 + i);
		assert_ptr_equal(u,
		    zt_olddirectory_user_by_uid(fx->directory, u->uid));
	}
	assert_int_equal(zt_olddirectory_group_by_gid(fx->directory, 70000)
			     ->n_members,
	    2000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_user_record_is_read),
		cmocka_unit_test(a_short_user_record_gets_defaults),
		cmocka_unit_test(
		    a_bad_user_record_is_refused_and_leaves_the_output_alone),
		cmocka_unit_test(a_bad_field_refuses_the_user),
		cmocka_unit_test(a_path_over_256_bytes_is_refused),
		cmocka_unit_test(every_prefix_of_a_record_is_malformed),
		cmocka_unit_test(a_group_record_is_read_or_refused),
		TEST(a_directory_serves_by_name_by_id_and_in_order),
		TEST(an_empty_directory_is_served),
		TEST(a_local_name_or_id_is_refused),
		TEST(an_id_out_of_range_is_refused),
		TEST(a_root_equivalent_group_is_refused_unless_allowed),
		TEST(the_second_of_one_name_or_id_is_refused),
		TEST(a_file_that_others_can_write_is_refused),
		TEST(a_file_of_another_owner_is_refused),
		TEST(a_file_over_64_kib_is_refused),
		TEST(a_directory_that_cannot_be_trusted_is_not_loaded),
		TEST(groups_come_from_memberof_and_members_alike),
		TEST(two_thousand_users_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
