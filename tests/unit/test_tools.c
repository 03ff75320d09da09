/* SPDX-License-Identifier: Apache-2.0 */
/* The built zt-principals and ztctl, run against a process that plays ztd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/ztctl_gather.h"
#include "peer.h"
#include "zt/wire.h"

static char principals_program[4096];
static char ztctl_program[4096];
static char *output; /* of the last run */

static int
find_programs(void **state)
{
	const char *build = getenv("ZT_BUILD");
	char dir[2048];

	(void)state;
	if (build == NULL)
		build = "build";
	if (build[0] == '/')
		(void)snprintf(dir, sizeof(dir), "%s", build);
	else if (getcwd(dir, sizeof(dir) / 2) != NULL)
		(void)snprintf(dir + strlen(dir), sizeof(dir) / 2, "/%s",
		    build);
	(void)snprintf(principals_program, sizeof(principals_program),
	    "%s/tools/zt-principals", dir);
	(void)snprintf(ztctl_program, sizeof(ztctl_program), "%s/tools/ztctl",
	    dir);
	return access(principals_program, X_OK) != 0 ||
		access(ztctl_program, X_OK) != 0
	    ? -1
	    : 0;
}

static int
drop_output(void **state)
{
	(void)state;
	free(output);
	output = NULL;
	return 0;
}

/* Run a program by the shell, so that one of its outputs can be chosen. */
static int
run(const char *command, const char *program, const char *a, const char *b,
    const char *c)
{
	const char *const argv[] = { "/bin/sh", "-c", command, program, a, b, c,
		NULL };
	int status = -1;

	(void)drop_output(NULL);
	assert_int_equal(gather_program(argv, &output, &status), ZT_OK);
	return status;
}

static int
principals(const char *path)
{
	return run("exec \"$0\" --socket \"$1\" alice AAAA 2>/dev/null",
	    principals_program, path, NULL, NULL);
}

static int
ztctl(const char *path, const char *command, const char *option)
{
	return run("exec \"$0\" --socket \"$1\" $2 $3", ztctl_program, path,
	    command, option);
}

static void
assert_says(const char *text)
{
	if (strstr(output, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, output);
}

static struct peer_answer
principals_answer(const struct zt_principals_reply *m)
{
	static uint8_t buf[ZT_WIRE_MAX];
	struct peer_answer answer = { .bytes = buf };

	assert_int_equal(zt_principals_reply_encode(m, buf, sizeof(buf),
			     &answer.len),
	    ZT_OK);
	return answer;
}

static void
principals_are_printed_one_per_line(void **state)
{
	const struct zt_principals_reply m = { .n = 2,
		.principals = { zt_str("alice"), zt_str("payments") } };
	const struct peer_answer answer = principals_answer(&m);
	struct peer peer;

	(void)state;
	peer_start(&peer, 8, 0, peer_replies, &answer);
	assert_int_equal(principals(peer.path), 0);
	assert_string_equal(output, "alice\npayments\n");
	peer_stop(&peer);
}

static void
the_longest_list_of_principals_is_printed_whole(void **state)
{
	static char name[ZT_PRINCIPAL_MAX];
	struct zt_principals_reply m = { .n = ZT_PRINCIPALS_MAX };
	struct peer_answer answer;
	struct peer peer;

	(void)state;
	memset(name, 'p', sizeof(name));
	for (size_t i = 0; i < ZT_PRINCIPALS_MAX; i++)
		m.principals[i] = (struct zt_str){ name, sizeof(name) };
	answer = principals_answer(&m);
	peer_start(&peer, 8, 0, peer_replies, &answer);
	assert_int_equal(principals(peer.path), 0);
	assert_int_equal(strlen(output),
	    ZT_PRINCIPALS_MAX * (ZT_PRINCIPAL_MAX + 1));
	peer_stop(&peer);
}

static void
no_principals_are_an_answer_too(void **state)
{
	const struct zt_principals_reply m = { .n = 0 };
	const struct peer_answer answer = principals_answer(&m);
	struct peer peer;

	(void)state;
	peer_start(&peer, 8, 0, peer_replies, &answer);
	assert_int_equal(principals(peer.path), 0);
	assert_string_equal(output, "");
	peer_stop(&peer);
}

static void
a_principal_that_sshd_would_misread_voids_the_answer(void **state)
{
	static const char *const bad[] = { "", "root#x", "no-pty root", "a\nb",
		"a\tb", "\x7f", "a\rb" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct zt_principals_reply m = { .n = 2,
			.principals = { zt_str("alice"), zt_str(bad[i]) } };
		const struct peer_answer answer = principals_answer(&m);
		struct peer peer;

		peer_start(&peer, 8, 0, peer_replies, &answer);
		assert_int_equal(principals(peer.path), 4);
		assert_string_equal(output, "");
		peer_stop(&peer);
	}
}

static void
any_other_answer_prints_no_principal(void **state)
{
	static const struct {
		struct peer_answer answer;
		int status;
	} rows[] = {
		{ { "\x01\xff\x03", 3 }, 3 },             /* ERROR busy */
		{ { "\x02\x04\x00\x00", 4 }, 4 },         /* version 2 */
		{ { "\x01\x04\x00\x01", 4 }, 4 },         /* truncated */
		{ { "\x01\x04\x00\x00x", 5 }, 4 },        /* trailing */
		{ { "\x01\x02\x02\0\0\0\0\0\0", 9 }, 4 }, /* another reply */
		{ { "", 0 }, 3 },
	};
	struct peer peer;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		peer_start(&peer, 8, 0, peer_replies, &rows[i].answer);
		assert_int_equal(principals(peer.path), rows[i].status);
		assert_string_equal(output, "");
		peer_stop(&peer);
	}
	peer_absent(&peer);
	assert_int_equal(principals(peer.path), 3);
	assert_string_equal(output, "");
	peer_stop(&peer);
}

static void
a_silent_broker_ends_zt_principals_after_two_seconds(void **state)
{
	struct peer peer;
	long start = peer_now_ms();

	(void)state;
	peer_start(&peer, 8, 0, peer_is_silent, NULL);
	assert_int_equal(principals(peer.path), 3);
	assert_in_range(peer_now_ms() - start, 1900, 3500);
	peer_stop(&peer);
}

static void
an_account_named_like_an_option_is_an_account(void **state)
{
	(void)state;
	assert_int_equal(run("exec \"$0\" --help AAAA 2>/dev/null",
			     principals_program, NULL, NULL, NULL),
	    3); /* no broker: not the usage, which sshd would read */
	assert_string_equal(output, "");
	assert_int_equal(run("exec \"$0\" --help", principals_program, NULL,
			     NULL, NULL),
	    0);
	assert_says("usage: zt-principals");
	assert_int_equal(run("exec \"$0\" --version", principals_program, NULL,
			     NULL, NULL),
	    0);
	assert_says("zt-principals " ZT_VERSION);
	assert_int_equal(run("exec \"$0\" -x", principals_program, NULL, NULL,
			     NULL),
	    2);
}

static void
a_full_disk_is_a_system_error(void **state)
{
	const struct zt_principals_reply m = { .n = 1,
		.principals = { zt_str("alice") } };
	const struct peer_answer answer = principals_answer(&m);
	struct peer peer;

	(void)state;
	peer_start(&peer, 8, 0, peer_replies, &answer);
	assert_int_equal(run("exec \"$0\" --socket \"$1\" a b >/dev/full",
			     principals_program, peer.path, NULL, NULL),
	    1);
	assert_says("system error");
	assert_int_equal(run("exec \"$0\" --socket \"$1\" a b >&- 2>&-",
			     principals_program, peer.path, NULL, NULL),
	    1);
	peer_stop(&peer);
}

static struct peer_answer
ctl_answer(bool ok, uint32_t next, const char *json)
{
	static uint8_t buf[ZT_WIRE_MAX];
	const struct zt_ctl_reply m = { ok, next, zt_str(json) };
	struct peer_answer answer = { .bytes = buf };

	assert_int_equal(zt_ctl_reply_encode(&m, buf, sizeof(buf), &answer.len),
	    ZT_OK);
	return answer;
}

/* Run ztctl against a broker that gives one answer to everything. */
static int
ztctl_hears(struct peer_answer answer, const char *command, const char *option)
{
	struct peer peer;
	int status;

	peer_start(&peer, 8, 0, peer_replies, &answer);
	status = ztctl(peer.path, command, option);
	peer_stop(&peer);
	return status;
}

static void
status_shows_what_the_broker_says(void **state)
{
	static const char json[] =
	    "{\"version\":\"9.8.7\",\"pid\":42,\"uptime_s\":90061,"
	    "\"endpoints\":[{\"url\":\"https://pdp.example/\","
	    "\"healthy\":false,\"failures\":3,"
	    "\"last_error\":\"error.pdp_timeout\"}],"
	    "\"log\":{\"failed\":true,\"error\":\"No space\"},"
	    "\"config\":{\"reload_error\":\"ztd.conf:3: no\"},"
	    "\"identity\":{\"refused\":[{\"file\":\"torn.user\","
	    "\"why\":\"bad\"}]},\"counters\":{\"permits\":7},"
	    "\"clock_synchronized\":false}";

	(void)state;
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, json), "status", ""),
	    0);
	assert_says("zt 9.8.7, pid 42, up 1 d 1 h");
	assert_says("https://pdp.example/  UNHEALTHY");
	assert_says("error.pdp_timeout: the decision endpoint did not answer");
	assert_says("FAILED: No space");
	assert_says("NOT RELOADED: ztd.conf:3: no");
	assert_says("REFUSED torn.user: bad");
	assert_says("NOT SYNCHRONIZED");
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, json), "status",
			     "--json"),
	    0);
	assert_says("\"version\": \"9.8.7\"");
}

static void
status_bears_an_answer_without_members(void **state)
{
	(void)state;
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, "{}"), "status", ""),
	    0);
	assert_int_equal(ztctl_hears(ctl_answer(true, 0,
					 "{\"endpoints\":7,\"log\":[],"
					 "\"config\":null,\"pid\":\"x\"}"),
			     "status", ""),
	    0);
}

static void
what_strangers_wrote_is_escaped(void **state)
{
	static const char json[] =
	    "{\"sessions\":[{\"id\":\"12345678-1\",\"account\":"
	    "\"\\u001b]52;c;eA==\\u0007\",\"subject\":\"\\u202eecila\"}]}";

	(void)state;
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, json), "sessions", ""),
	    0);
	assert_says("12345678  ");
	assert_says("\\x1b]52;c;eA==\\x07");
	assert_says("\\xe2\\x80\\xaeecila");
	assert_null(strchr(output, '\x1b'));
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, json), "sessions",
			     "--json"),
	    0);
	assert_null(strchr(output, '\x1b'));
	assert_says("\\u202Eecila");
}

/* Three pages, one session each; the cursor tells which. */
static void
peer_pages(int fd, const void *arg)
{
	static uint8_t buf[ZT_WIRE_MAX];

	(void)arg;
	for (;;) {
		int conn = accept(fd, NULL, NULL);
		ssize_t n = recv(conn, buf, sizeof(buf), 0);
		struct zt_ctl_request request;
		struct zt_ctl_reply reply = { .ok = true };
		char json[64];
		size_t len;

		if (n < 0 ||
		    zt_ctl_request_decode(buf, (size_t)n, &request) != ZT_OK)
			_exit(1);
		(void)snprintf(json, sizeof(json),
		    "{\"sessions\":[{\"id\":\"page%u\"}]}", request.cursor);
		reply.json = zt_str(json);
		reply.next = request.cursor < 2 ? request.cursor + 1 : 0;
		if (zt_ctl_reply_encode(&reply, buf, sizeof(buf), &len) !=
		    ZT_OK)
			_exit(1);
		(void)send(conn, buf, len, MSG_NOSIGNAL);
		(void)close(conn);
	}
}

static void
all_pages_are_fetched(void **state)
{
	struct peer peer;

	(void)state;
	peer_start(&peer, 8, 0, peer_pages, NULL);
	assert_int_equal(ztctl(peer.path, "sessions", ""), 0);
	assert_says("page0");
	assert_says("page1");
	assert_says("page2");
	peer_stop(&peer);
}

static void
pages_that_never_end_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ztctl_hears(ctl_answer(true, 7, "{\"sessions\":[]}"),
			     "sessions", ""),
	    4);
	assert_says("malformed"); /* at the second page, not at a limit */
}

static void
failures_have_their_exit_status(void **state)
{
	const struct peer_answer busy = { "\x01\xff\x03", 3 };
	const struct peer_answer version = { "\x02\x0b\x01", 3 };
	struct peer peer;

	(void)state;
	assert_int_equal(ztctl_hears(ctl_answer(false, 0,
					 "{\"error\":\"no \\u001b way\"}"),
			     "status", ""),
	    4);
	assert_says("no \\x1b way");
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, "[]"), "status", ""),
	    4);
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, "{"), "status", ""),
	    4);
	assert_int_equal(ztctl_hears(busy, "status", ""), 3);
	assert_int_equal(ztctl_hears(version, "status", ""), 4);
	peer_absent(&peer);
	assert_int_equal(ztctl(peer.path, "status", ""), 3);
	assert_says("is ztd running");
	assert_int_equal(ztctl(peer.path, "", ""), 2);
	assert_int_equal(ztctl(peer.path, "nonsense", ""), 2);
	assert_int_equal(ztctl(peer.path, "status", "extra"), 2);
	assert_int_equal(ztctl(peer.path, "explain", ""), 2);
	assert_int_equal(ztctl(peer.path, "status", "--nonsense"), 2);
	assert_int_equal(ztctl(peer.path, "--version", ""), 0);
	assert_int_equal(ztctl("rel", "status", ""), 2);
	peer_stop(&peer);
}

static void
check_adds_its_own_findings_to_the_brokers(void **state)
{
	static const char json[] =
	    "{\"version\":\"" ZT_VERSION "\",\"checks\":[{\"name\":\"proc\","
	    "\"ok\":true,\"detail\":\"fine\"},{\"name\":\"clock\",\"ok\":false,"
	    "\"detail\":\"drifts\",\"remedy\":\"start it\"}]}";

	(void)state;
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, json), "check", ""),
	    1);
	assert_says("ok           proc          fine");
	assert_says("FAIL         clock         drifts");
	assert_says("next: start it");
	assert_says("sshd: zt is");
	assert_says("nsswitch");
	assert_int_equal(ztctl_hears(ctl_answer(true, 0, json), "check",
			     "--json"),
	    1);
	assert_says("\"grade\": \"fail\"");
}

static char etc[64]; /* what ztctl takes for /etc */

static void
etc_path(char path[128], const char *service)
{
	(void)snprintf(path, 128, "%s/pam.d/%s", etc, service);
}

static void
etc_put(const char *service, const char *text)
{
	char path[128];
	FILE *f;

	etc_path(path, service);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
etc_make(void **state)
{
	char path[128];

	(void)state;
	(void)strcpy(etc, "/tmp/zt-test-XXXXXX");
	if (mkdtemp(etc) == NULL)
		return -1;
	etc_path(path, "");
	return mkdir(path, 0700);
}

static int
etc_remove(void **state)
{
	static const char *const names[] = { "sshd", "sudo", "login", "other",
		"common", "gateway", "" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		etc_path(path, names[i]);
		(void)remove(path);
	}
	(void)rmdir(etc);
	return drop_output(state);
}

/* Check the stacks below etc, with this in the broker's status. */
static void
check_stacks(const char *members)
{
	char json[256];
	struct peer peer;
	struct peer_answer answer;

	(void)snprintf(json, sizeof(json), "{\"version\":\"" ZT_VERSION "\"%s}",
	    members);
	answer = ctl_answer(true, 0, json);
	peer_start(&peer, 8, 0, peer_replies, &answer);
	(void)run("\"$0\" --socket \"$1\" check --etc \"$2\" | "
		  "awk '/^[^ ]/ { mine = $2 == \"pam\" } mine'",
	    ztctl_program, peer.path, etc, NULL);
	peer_stop(&peer);
}

/* Check sshd's stack alone. */
static void
check_sshd_stack(const char *text)
{
	etc_put("sshd", text);
	check_stacks(",\"services\":[\"sshd\"]");
}

static void
assert_says_not(const char *text)
{
	if (strstr(output, text) != NULL)
		fail_msg("\"%s\" is in: %s", text, output);
}

#define SSHD_ACCOUNT "account required pam_zt.so\n"
#define SSHD_GOOD                                         \
	SSHD_ACCOUNT "session required pam_loginuid.so\n" \
		     "session required pam_zt.so\n"       \
		     "session required pam_env.so user_readenv=1\n"

static void
a_good_stack_of_sshd_has_nothing_said_against_it(void **state)
{
	(void)state;
	check_sshd_stack(SSHD_GOOD);
	assert_says("ok           pam           sshd: zt is enabled (sshd:1)");
	assert_says_not("FAIL");
	assert_says_not("warn");
}

static void
sshd_without_zt_in_its_session_fails_the_check(void **state)
{
	static const char fault[] =
	    "FAIL         pam           sshd: pam_zt.so is not in the session";

	(void)state;
	check_sshd_stack(SSHD_ACCOUNT "session required pam_env.so\n");
	assert_says(fault);
	assert_says("next: add \"session required pam_zt.so\"");
	etc_put("common", "session required pam_zt.so\n");
	check_sshd_stack(SSHD_ACCOUNT "@include common\n");
	assert_says_not(fault);
	check_sshd_stack(SSHD_ACCOUNT "account include common\n");
	assert_says(fault);
	/* of a service without a file libpam takes the one called other */
	etc_put("other", SSHD_ACCOUNT);
	check_stacks(",\"services\":[\"gateway\"]");
	assert_says("gateway: zt is enabled (other:1)");
	assert_says_not("FAIL");
}

static void
a_session_line_whose_refusal_is_lost_fails_the_check(void **state)
{
	(void)state;
	check_sshd_stack(SSHD_ACCOUNT "session optional pam_zt.so\n");
	assert_says("FAIL         pam           sshd: \"optional pam_zt.so\" "
		    "(sshd:2) does not enforce");
	check_sshd_stack(SSHD_ACCOUNT "session sufficient pam_permit.so\n"
				      "session required pam_zt.so\n");
	assert_says("warn         pam           sshd: \"sufficient "
		    "pam_permit.so\" (sshd:2) can keep");
}

static void
pam_env_before_zt_in_sshds_session_fails_the_check(void **state)
{
	static const char *const lines[] = {
		"session required pam_env.so\n",
		"session required pam_env.so user_readenv=1\n",
		"session substack common\n",
	};
	char text[256];

	(void)state;
	etc_put("common", "session optional pam_env.so\n");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    SSHD_ACCOUNT "%ssession required pam_zt.so\n", lines[i]);
		check_sshd_stack(text);
		assert_says("FAIL         pam           sshd: \"");
		assert_says("runs before pam_zt.so");
		assert_says("next: put pam_zt.so before that line");
	}
	/* only in the session phase, and only of sshd */
	check_sshd_stack("auth required pam_env.so\n" SSHD_GOOD);
	assert_says_not("FAIL");
	etc_put("sudo",
	    SSHD_ACCOUNT "session required pam_env.so\n"
			 "session required pam_zt.so\n");
	check_stacks(",\"services\":[\"sudo\"]");
	assert_says("sudo: zt is enabled");
	assert_says_not("FAIL");
}

static void
a_module_that_does_not_outwait_the_broker_is_warned_of(void **state)
{
	static const char fault[] =
	    "sshd: pam_zt.so (sshd:1) waits 5000 ms, but the broker waits ";

	(void)state;
	etc_put("sshd", SSHD_GOOD);
	check_stacks(",\"pdp_timeout_ms\":5000,\"services\":[\"sshd\"]");
	assert_says(fault);
	assert_says_not("FAIL");
	check_stacks(",\"pdp_timeout_ms\":4999,\"services\":[\"sshd\"]");
	assert_says("sshd: zt is enabled");
	assert_says_not(fault);
	check_stacks(",\"pdp_timeout_ms\":\"x\",\"services\":[\"sshd\"]");
	assert_says_not(fault);
	etc_put("sudo", "account requisite pam_zt.so quiet timeout_ms=300\n");
	check_stacks(",\"pdp_timeout_ms\":2000,\"services\":[\"sudo\"]");
	assert_says("sudo: pam_zt.so (sudo:1) waits 300 ms, but the broker "
		    "waits 2000 ms");
}

static void
the_stacks_looked_at_are_those_of_the_brokers_services(void **state)
{
	static const char *const names[] = {
		"sshd: ", "sudo: ", "sudo-i: ", "su: ", "su-l: ", "login: "
	};

	(void)state;
	etc_put("other", "account required pam_deny.so\n");
	etc_put("gateway", SSHD_ACCOUNT);
	check_stacks("");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_says(names[i]);
	assert_says_not("gateway");
	check_stacks(",\"services\":[\"gateway\",\"sudo\",7,\"../x\"]");
	assert_says("gateway: zt is enabled");
	assert_says("sudo: zt is not enabled");
	assert_says_not("sshd: ");
	assert_says_not("login: ");
	assert_says_not("../x");
	check_stacks(",\"services\":null");
	assert_says("login: ");
}

/* A record of a refused login, in the form that ztd writes. */
static const char record[] =
    "{\"time_dt\":\"2026-11-23T13:35:12.345Z\",\"metadata\":{\"sequence\":7,"
    "\"uid\":\"%s\"},\"class_uid\":3002,\"action_id\":2,"
    "\"disposition_id\":%d,\"status_code\":\"%s\","
    "\"status_detail\":\"on leave \\u001b[2J\",\"user\":{\"name\":\"bob\"},"
    "\"actor\":{\"user\":{\"name\":\"bob@example.com\"}},"
    "\"src_endpoint\":{\"ip\":\"198.51.100.7\",\"port\":40112},"
    "\"dst_endpoint\":{\"ip\":\"10.0.0.4\",\"port\":22},"
    "\"device\":{\"hostname\":\"pay-db-1\"},\"service\":{\"name\":\"sshd\"},"
    "\"certificate\":{\"serial_number\":\"4711\"},\"duration\":15,"
    "\"unmapped\":{\"action\":\"ssh_login\",\"stage\":\"login\","
    "\"pdp\":{\"endpoint\":\"https://pdp.example/\",\"latency_ms\":12,"
    "\"reason_admin\":\"rule 7\"}}}\n";

static int
explain(const char *log, const char *id)
{
	return run("exec \"$0\" explain --log \"$1\" $2", ztctl_program, log,
	    id, NULL);
}

static void
explain_tells_a_record_in_words(void **state)
{
	char log[] = "/tmp/zt-test-XXXXXX";
	FILE *f = fdopen(mkstemp(log), "w");

	(void)state;
	assert_non_null(f);
	(void)fprintf(f, record, "0d0e4a5c-1111-4222-8333-444455556666", 2,
	    "policy.deny");
	(void)fprintf(f, record, "0d0e4a5c-2222-4222-8333-444455556666", 27,
	    "error.pdp_timeout");
	(void)fputs("{\"metadata\":{\"uid\":\"torn", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(explain(log, "0D0E4A5C-1111"), 0);
	assert_says("SSH login to account bob on pay-db-1 (PAM service sshd)");
	assert_says("who          bob@example.com");
	assert_says("198.51.100.7 port 40112, to 10.0.0.4 port 22");
	assert_says("serial 4711");
	assert_says("result       DENIED\n");
	assert_says("policy.deny: denied by policy");
	assert_says("told the user: on leave \\x1b[2J");
	assert_says("told administrators: rule 7");
	assert_says("https://pdp.example/ in 12 ms");
	assert_says("next         ask the owner of the access policy");
	assert_int_equal(explain(log, "0d0e4a5c-2222-4222-8333-444455556666"),
	    0);
	assert_says("REFUSED, for no decision could be had");
	assert_says("pdp.timeout_ms bounds the wait");
	assert_int_equal(explain(log, "0d0e4a5c"), 1);
	assert_says("0d0e4a5c could be 0d0e4a5c-1111-");
	assert_says("0d0e4a5c could be 0d0e4a5c-2222-");
	assert_int_equal(explain(log, "ffffffff"), 1);
	assert_says("no such decision");
	assert_int_equal(explain(log, "0d0e4a5"), 2);
	assert_int_equal(explain(log, "0d0e4a5cxx"), 2);
	assert_int_equal(explain("/nonexistent", "0d0e4a5c"), 5);
	(void)unlink(log);
}

#define TEST(name) cmocka_unit_test_teardown(name, drop_output)
#define ETC_TEST(name) \
	cmocka_unit_test_setup_teardown(name, etc_make, etc_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(principals_are_printed_one_per_line),
		TEST(the_longest_list_of_principals_is_printed_whole),
		TEST(no_principals_are_an_answer_too),
		TEST(a_principal_that_sshd_would_misread_voids_the_answer),
		TEST(any_other_answer_prints_no_principal),
		TEST(a_silent_broker_ends_zt_principals_after_two_seconds),
		TEST(an_account_named_like_an_option_is_an_account),
		TEST(a_full_disk_is_a_system_error),
		TEST(status_shows_what_the_broker_says),
		TEST(status_bears_an_answer_without_members),
		TEST(what_strangers_wrote_is_escaped),
		TEST(all_pages_are_fetched),
		TEST(pages_that_never_end_are_refused),
		TEST(failures_have_their_exit_status),
		TEST(explain_tells_a_record_in_words),
		TEST(check_adds_its_own_findings_to_the_brokers),
		ETC_TEST(a_good_stack_of_sshd_has_nothing_said_against_it),
		ETC_TEST(sshd_without_zt_in_its_session_fails_the_check),
		ETC_TEST(a_session_line_whose_refusal_is_lost_fails_the_check),
		ETC_TEST(pam_env_before_zt_in_sshds_session_fails_the_check),
		ETC_TEST(
		    a_module_that_does_not_outwait_the_broker_is_warned_of),
		ETC_TEST(
		    the_stacks_looked_at_are_those_of_the_brokers_services),
	};

	return cmocka_run_group_tests(tests, find_programs, NULL);
}
