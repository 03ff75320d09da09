/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl doctor nss, run on hosts made here; and the lines of nsswitch.conf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/ztctl_nsswitch.h"
#include "tool.h"
#include "zt/identity.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define SNAPSHOT "var/lib/ztd/users.snapshot"

static const struct zt_user people[] = {
	{ .name = "alice",
	    .id = "1",
	    .uid = 70001,
	    .gecos = "",
	    .home = "/home/alice",
	    .shell = "/bin/sh",
	    .not_after_us = UINT64_MAX },
	{ .name = "ci",
	    .id = "2",
	    .uid = 70002,
	    .gecos = "",
	    .home = "/home/ci",
	    .shell = "/usr/sbin/nologin",
	    .not_after_us = UINT64_MAX },
};

static const char sources[] =
    "{\"sources\":[{\"name\":\"staff\",\"type\":\"files\",\"state\":\"ok\","
    "\"synced\":\"2026-11-23T13:30:00Z\",\"age_s\":3,\"stale\":false,"
    "\"users\":2,\"groups\":1,\"refused\":0,\"error\":null,\"next_s\":null,"
    "\"progress\":null,\"held\":null}],\"snapshot\":null}";
static const char stale[] =
    "{\"sources\":[{\"name\":\"staff\",\"type\":\"files\",\"state\":\"ok\","
    "\"synced\":\"2026-11-23T13:30:00Z\",\"age_s\":90000,\"stale\":true,"
    "\"users\":2,\"groups\":1,\"refused\":0,\"error\":null,\"next_s\":null,"
    "\"progress\":null,\"held\":null}],\"snapshot\":{\"generation\":9,"
    "\"created\":null,\"users\":2,\"groups\":1,\"complete\":true,"
    "\"bytes\":1,\"file\":\"x\"}}";

/* Copy a file of the build into the host. */
static void
copy_built(const char *name, const char *to)
{
	char from[4096];

	tool_built(name, from);
	tool_put(to, "");
	assert_int_equal(tool_run_shell("cat '%s' >%s/%s", from, tool_dir, to),
	    0);
}

/* A host on which nothing is wrong. */
static int
setup(void **state)
{
	if (tool_setup(state) != 0)
		return -1;
	tool_put("etc/nsswitch.conf", "passwd: files zt\ngroup: files zt\n");
	tool_put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
	tool_put("etc/group", "root:x:0:\nadm:x:4:\n");
	tool_put("etc/shells", "# shells\n/bin/sh\n");
	tool_put("bin/sh", "");
	tool_chmod("bin/sh", 0755);
	tool_put("usr/sbin/nologin", "");
	tool_chmod("usr/sbin/nologin", 0755);
	tool_put("home/alice/x", "");
	tool_put("run/ztd/x", "");
	tool_put("var/lib/ztd/x", "");
	tool_snapshot(SNAPSHOT, people, N(people));
	copy_built("libnss_zt.so.2", "usr/lib64/libnss_zt.so.2");
	return 0;
}

/* Examine the host; the two sockets are played, that of NSS with an answer
 * and a mode. */
static int
examine_nss(const char *answer, const char *option,
    const struct peer_answer *nss_answer, mode_t mode)
{
	const struct tool_answer a = { "identity-sources", NULL, answer, 0,
		false };
	const struct tool_script script = { &a, 1 };
	struct peer ctl, nss;
	char socket[128];
	int status;

	peer_start(&ctl, 8, 0, tool_broker, &script);
	peer_start(&nss, 8, 0, peer_replies, nss_answer);
	assert_int_equal(chmod(nss.path, mode), 0);
	(void)snprintf(socket, sizeof(socket), "%s/run/ztd/nss", tool_dir);
	(void)unlink(socket);
	assert_int_equal(symlink(nss.path, socket), 0);
	status = tool_run("--root %s --socket %s doctor nss %s", tool_dir,
	    ctl.path, option);
	peer_stop(&ctl);
	peer_stop(&nss);
	return status;
}

static int
examine(const char *answer, const char *option)
{
	static const struct peer_answer absent = { "\x01\x09\x01", 3 };

	return examine_nss(answer, option, &absent, 0666);
}

static void
a_host_in_order_has_nothing_said_against_it(void **state)
{
	json_t *json, *f;
	size_t i;

	(void)state;
	assert_int_equal(examine(sources, ""), 0);
	tool_says_not("warn");
	tool_says_not("FAIL");
	tool_says("passwd: zt is enabled");
	tool_says("group: zt is enabled");
	tool_says("usr/lib64/libnss_zt.so.2 can be loaded");
	tool_says("whole: 2 users, 1 groups, generation 7");
	tool_says("run/ztd/nss answers");
	tool_says("staff: 2 users");
	tool_says("no name and no id of zt's is held locally");
	tool_says("all shells of zt's users can be used");
	tool_says("homes of zt's users can be made");
	assert_int_equal(examine(sources, "--json"), 0);
	json = json_loads(tool_output, 0, NULL);
	assert_non_null(json);
	json_array_foreach(json_object_get(json, "checks"), i, f)
	    assert_string_equal(json_string_value(json_object_get(f, "grade")),
		"ok");
	assert_true(i >= 9);
	json_decref(json);
}

static void
each_fault_is_found_and_has_a_remedy(void **state)
{
	static const struct {
		const char *path, *text;
		int status;
		const char *says;
	} rows[] = {
		{ "etc/nsswitch.conf", "passwd: files\ngroup: files zt\n", 1,
		    "FAIL         nsswitch      passwd: zt is not enabled" },
		{ "etc/nsswitch.conf",
		    "passwd: files zt\ngroup: files zt\n"
		    "initgroups: files zt\n",
		    1,
		    "FAIL         nsswitch      initgroups: a service before "
		    "zt ends the search" },
		{ "etc/nsswitch.conf", "passwd: files [\ngroup: files zt\n", 1,
		    "FAIL         nsswitch      passwd: " },
		{ "etc/passwd", "root:x:0:0:::\nalice:x:1001:1001:::\n", 1,
		    "FAIL         local         user alice is a local account" },
		{ "etc/passwd", "root:x:0:0:::\nbert:x:70002:100:::\n", 1,
		    "FAIL         local         uid 70002 of user ci is held" },
		{ "etc/passwd", "root:x:0:0:::\nbert:x:80000:100:::\n", 0,
		    "warn         range         passwd: bert has id 80000, "
		    "which is in identity.id_range" },
		{ "etc/subuid", "bert:70000:1000\n", 1,
		    "FAIL         local         uid 70001 of user alice is "
		    "held" },
		{ "etc/group", "root:x:0:\npayments:x:900:\n", 1,
		    "FAIL         local         group payments is a local "
		    "group too, gid 900" },
		{ "etc/group", "root:x:0:\nx:x:70100:\n", 1,
		    "FAIL         local         gid 70100 of group payments" },
		{ "etc/shells", "/bin/shell\n/bin/s\n", 0,
		    "warn         shell         /bin/sh of 1 users is not in "
		    "/etc/shells" },
		{ "usr/lib64/libnss_zt.so.2", "no library", 1,
		    "libnss_zt.so.2: file too short" },
		{ SNAPSHOT, "no snapshot", 1, "FAIL         snapshot" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_int_equal(setup(state), 0);
		tool_put(rows[i].path, rows[i].text);
		if (examine(sources, "") != rows[i].status)
			fail_msg("row %zu: %s", i, tool_output);
		tool_says(rows[i].says);
		tool_says("next: ");
		assert_int_equal(tool_teardown(state), 0);
	}
}

static void
what_is_missing_or_of_a_wrong_mode_is_found(void **state)
{
	static const struct {
		const char *path;
		mode_t mode; /* 0: removed */
		int status;
		const char *says;
	} rows[] = {
		{ "usr/lib64/libnss_zt.so.2", 0, 1,
		    "FAIL         module        libnss_zt.so.2 is not "
		    "installed" },
		{ "usr/lib64/libnss_zt.so.2", 0666, 1,
		    "others than root can write it" },
		{ SNAPSHOT, 0, 1, "there is no snapshot of users yet" },
		{ SNAPSHOT, 0600, 1, "others cannot read it (mode 0600)" },
		{ SNAPSHOT, 0646, 1, "others than its owner could have" },
		{ "var/lib/ztd", 0700, 1,
		    "others cannot enter it (mode 0700)" },
		{ "var/lib/ztd", 0777, 1, "others than its owner could have" },
		{ "bin/sh", 0, 0,
		    "warn         shell         /bin/sh of 1 users does not "
		    "exist" },
		{ "bin/sh", 0644, 0, "/bin/sh of 1 users is no program" },
		{ "home/alice/x", 0, 0, "homes of zt's users can be made" },
		{ "home", 0, 0,
		    "warn         home          /home, where the homes of 2 "
		    "users are, is no directory" },
		{ "etc/passwd", 0, 1, "FAIL         local" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_int_equal(setup(state), 0);
		if (rows[i].mode == 0)
			assert_int_equal(tool_run_shell("rm -r %s/%s", tool_dir,
					     rows[i].path),
			    0);
		else
			tool_chmod(rows[i].path, rows[i].mode);
		if (examine(sources, "") != rows[i].status)
			fail_msg("row %zu: %s", i, tool_output);
		tool_says(rows[i].says);
		assert_int_equal(tool_teardown(state), 0);
	}
}

/* Another library in the module's place. */
static void
a_module_without_its_entry_points_is_found(void **state)
{
	Dl_info other;

	(void)state;
	assert_int_not_equal(dladdr(dlsym(RTLD_DEFAULT,
					"_cmocka_run_group_tests"),
				 &other),
	    0);
	assert_int_equal(tool_run_shell("cat %s >%s/usr/lib64/libnss_zt.so.2",
			     other.dli_fname, tool_dir),
	    0);
	assert_int_equal(examine(sources, ""), 1);
	tool_says("_nss_zt_getpwnam_r is missing");
	tool_says("_nss_zt_initgroups_dyn is missing");
}

static void
a_broker_that_is_gone_or_stale_is_found(void **state)
{
	static const struct peer_answer absent = { "\x01\x09\x01", 3 };
	static const struct peer_answer busy = { "\x01\xff\x03", 3 };

	(void)state;
	assert_int_equal(tool_run("--root %s --socket %s/none doctor nss",
			     tool_dir, tool_dir),
	    1);
	tool_says("FAIL         broker");
	tool_says("nobody learns of a change");
	tool_says("warn         broker        does not say where users");
	assert_int_equal(examine_nss(sources, "", &busy, 0666), 1);
	tool_says("FAIL         broker");
	assert_int_equal(examine_nss(sources, "", &absent, 0600), 1);
	tool_says("others cannot ask (mode 0600)");
	assert_int_equal(examine(stale, ""), 1);
	tool_says("FAIL         source        staff: stale: synced 1 d 1 h");
	tool_says("generation 7 is on disk, the broker has 9");
}

static void
caches_in_front_are_found(void **state)
{
	(void)state;
	tool_put("run/nscd/nscd.pid", "4242\n");
	tool_put("proc/4242/comm", "bash\n");
	assert_int_equal(examine(sources, ""), 0);
	tool_says_not("cache"); /* the pid is somebody else's now */
	tool_put("proc/4242/comm", "nscd\n");
	tool_put("etc/nscd.conf",
	    "# enable-cache group yes\n"
	    "  enable-cache passwd yes\n"
	    "positive-time-to-live passwd 700\n"
	    "negative-time-to-live passwd 30\n"
	    "enable-cache group yes\nenable-cache group no\n");
	assert_int_equal(examine(sources, ""), 0);
	tool_says("warn         cache         nscd remembers passwd: a change "
		  "is seen up to 700 s later, who is new up to 30 s later");
	tool_says("ok           cache         nscd runs, and does not cache "
		  "group");
	tool_put("run/sssd.pid", "77");
	tool_put("proc/77/comm", "sssd\n");
	assert_int_equal(examine(sources, ""), 0);
	tool_says("ok           cache         sssd runs beside zt");
	tool_put("etc/nsswitch.conf",
	    "passwd: files sss zt\ngroup: files zt\n");
	assert_int_equal(examine(sources, ""), 0);
	tool_says("warn         cache         passwd: sssd is asked before zt");
	tool_says_not("group: sssd");
}

/* A few are shown, the rest is counted. */
static void
many_faults_of_one_kind_are_counted(void **state)
{
	char text[2048] = "root:x:0:0:::\n";

	(void)state;
	for (int i = 0; i < 25; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "u%d:x:%d:100:::\n", i, 80000 + i);
	tool_put("etc/passwd", text);
	assert_int_equal(examine(sources, ""), 0);
	tool_says("passwd: u7 has id");
	tool_says_not("passwd: u8 has id");
	tool_says("passwd: 17 more entries are in identity.id_range");
}

/* The faults of one line, as their first words. */
static void
lines_of_nsswitch_are_judged(void **state)
{
	static const struct {
		const char *database, *text;
		const char *faults[4];
	} rows[] = {
		{ "passwd", "passwd: files zt", { NULL } },
		{ "passwd", "\t passwd : files zt systemd # systemd zt",
		    { NULL } },
		{ "passwd", "#passwd: files zt", { "zt is not enabled" } },
		{ "passwd", "group: files zt", { "zt is not enabled" } },
		{ "passwd", "passwdx: files zt", { "zt is not enabled" } },
		{ "passwd", "passwd: files ztx", { "zt is not enabled" } },
		{ "passwd", "passwd: zt files", { "zt stands before files" } },
		{ "passwd", "passwd: zt", { "zt stands before files" } },
		{ "passwd", "passwd: files [NOTFOUND=return] zt",
		    { "an action before zt ends the search: zt is not" } },
		{ "passwd", "passwd:files[ notfound = RETURN ]zt",
		    { "an action before zt ends the search: zt is not" } },
		{ "passwd", "passwd: files [!SUCCESS=return] zt",
		    { "an action before zt ends the search: zt is not",
			"an action before zt ends the search while" } },
		{ "passwd", "passwd: files sss [!NOTFOUND=return] zt",
		    { "an action before zt ends the search while" } },
		{ "passwd", "passwd: files zt [NOTFOUND=return] sss",
		    { NULL } },
		{ "passwd", "passwd: files [UNAVAIL=return TRYAGAIN=return] zt",
		    { "an action before zt ends the search while" } },
		{ "passwd", "passwd: files [SUCCESS=merge] zt",
		    { "[SUCCESS=merge] before zt" } },
		{ "group", "group: files [SUCCESS=merge] zt", { NULL } },
		{ "group", "group: files [SUCCESS=continue] zt",
		    { "[SUCCESS=continue] before zt" } },
		{ "initgroups", "initgroups: files [SUCCESS=continue] zt",
		    { NULL } },
		{ "initgroups", "initgroups: files [SUCCESS=merge] zt",
		    { NULL } },
		{ "initgroups", "initgroups: zt files",
		    { "zt stands before files" } },
		{ "initgroups", "initgroups: files zt",
		    { "a service before zt ends the search" } },
		{ "passwd", "passwd: files zt zt",
		    { "zt stands there twice" } },
		{ "passwd", "passwd: files systemd zt",
		    { "systemd stands before zt" } },
		{ "passwd", "passwd: compat zt", { "compat: " } },
		{ "passwd", "passwd: files\npasswd: files zt",
		    { "there are several lines" } },
		{ "passwd", "passwd: files zt\npasswd: files",
		    { "zt is not enabled", "there are several lines" } },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct nss_fault fault;
		struct nss_line line;
		size_t k = 0;

		assert_int_equal(nss_line_parse(rows[i].text, rows[i].database,
				     &line),
		    ZT_OK);
		for (; nss_line_fault(&line, rows[i].database, k, &fault); k++)
			if (rows[i].faults[k] == NULL ||
			    strncmp(fault.text, rows[i].faults[k],
				strlen(rows[i].faults[k])) != 0)
				fail_msg("%s: %s", rows[i].text, fault.text);
		if (rows[i].faults[k] != NULL)
			fail_msg("%s: not %s", rows[i].text, rows[i].faults[k]);
	}
}

static void
lines_that_libc_does_not_understand_are_refused(void **state)
{
	static const char *const bad[] = { "passwd: [NOTFOUND=return] files zt",
		"passwd: files [NOTFOUND=return zt", "passwd: files [",
		"passwd: files [NOTFOUND=stop] zt",
		"passwd: files [FOUND=return] zt", "passwd: files [!] zt",
		"passwd: files [NOTFOUND return] zt", "passwd: files []] zt [",
		"passwd: files [NOTFOUND=", "passwd: files [=return]" };
	struct nss_line line;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		if (nss_line_parse(bad[i], "passwd", &line) != ZT_ERR_MALFORMED)
			fail_msg("%s", bad[i]);
	assert_int_equal(nss_line_parse("passwd: a a a a a a a a a a a a a a a "
					"a a",
			     "passwd", &line),
	    ZT_ERR_TOOBIG);
	assert_int_equal(
	    nss_line_parse("passwd: 12345678901234567890123456789012", "passwd",
		&line),
	    ZT_ERR_TOOBIG);
	assert_int_equal(nss_line_parse("", "passwd", &line), ZT_OK);
	assert_int_equal(line.lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tool_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_in_order_has_nothing_said_against_it),
		cmocka_unit_test(each_fault_is_found_and_has_a_remedy),
		cmocka_unit_test(what_is_missing_or_of_a_wrong_mode_is_found),
		TEST(a_module_without_its_entry_points_is_found),
		TEST(a_broker_that_is_gone_or_stale_is_found),
		TEST(caches_in_front_are_found),
		TEST(many_faults_of_one_kind_are_counted),
		cmocka_unit_test(lines_of_nsswitch_are_judged),
		cmocka_unit_test(
		    lines_that_libc_does_not_understand_are_refused),
	};

	return cmocka_run_group_tests(tests, tool_find, NULL);
}
