/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../tools/ztctl_bundle.h"

/* make, sign and check, with the real ssh-keygen on the other side. */

static char dir[] = "/tmp/zt-test-bundle-XXXXXX";
static char home[4096];
static char said[16384]; /* by the last command, on both outputs */

__attribute__((__format__(__printf__, 1, 2))) static int
shell(const char *format, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	return system(command);
}

static void
said_read(void)
{
	FILE *f = fopen("said", "re");

	assert_non_null(f);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	(void)fclose(f);
}

/* Run a command line, split at blanks, with its outputs kept. */
static enum ztctl_status
run(const char *line)
{
	char text[1024], *argv[32], *save = NULL;
	int argc = 0, out = dup(1), err = dup(2);
	int fd = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	enum ztctl_status status;

	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *p = strtok_r(text, " ", &save); p != NULL;
	     p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	argv[argc] = NULL;
	(void)fflush(NULL);
	assert_true(dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
	status = ztctl_bundle(argc, argv);
	(void)fflush(NULL);
	assert_true(dup2(out, 1) == 1 && dup2(err, 2) == 2);
	(void)close(fd);
	(void)close(out);
	(void)close(err);
	said_read();
	return status;
}

static void
assert_says(const char *part)
{
	if (strstr(said, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", said, part);
}

static int
fresh(void **state)
{
	(void)state;
	return shell(
	    "rm -rf d out* old* sig body; mkdir d && cd d && "
	    "echo '{\"userName\":\"bob\",\n \"uid\":70002}' >bob.user && "
	    "echo '{\"userName\":\"alice\",\"uid\":70001}' >alice.user && "
	    "echo '{\"groupName\":\"crew\",\"gid\":70010}' >crew.group && "
	    "echo nonsense >README");
}

static void
what_is_made_and_signed_is_found_right(void **state)
{
	(void)state;
	assert_int_equal(run("make d -o out1 --version 7 --days 30"), ZTCTL_OK);
	assert_says("users");
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(run("check out2 --signers key.pub"), ZTCTL_OK);
	assert_says("7");
	/* one record on each line, in the order of the files' names */
	assert_int_equal(
	    shell("sed 1,/^-----END/d out2 >body; cmp body out1 && "
		  "test $(wc -l <out1) = 4 && "
		  "sed -n 2p out1 | grep -q alice && "
		  "sed -n 4p out1 | grep -q crew"),
	    0);
	/* the same again, but for when */
	assert_int_equal(run("make d -o out3 --version 7 --days 30"), ZTCTL_OK);
	assert_int_equal(shell("tail -n 3 out1 >old1; tail -n 3 out3 | "
			       "cmp - old1"),
	    0);
}

/* The days after which a document expires. */
static double
days_of(const char *path)
{
	FILE *f = fopen(path, "re");
	long long issued = 0, expires = 0;
	char head[256];

	assert_non_null(f);
	assert_non_null(fgets(head, sizeof(head), f));
	(void)fclose(f);
	assert_int_equal(sscanf(head,
			     "{\"zt-users\":1,\"version\":%*d,\"issued\":%lld,"
			     "\"expires\":%lld}",
			     &issued, &expires),
	    2);
	return (double)(expires - issued) / 86400;
}

static void
what_is_made_expires_and_what_does_not_is_told(void **state)
{
	(void)state;
	assert_int_equal(run("make d -o out1"), ZTCTL_OK);
	assert_true(days_of("out1") == 7);
	assert_says("expires");
	assert_int_equal(run("make d -o out1 --days 30"), ZTCTL_OK);
	assert_true(days_of("out1") == 30);
	assert_int_equal(run("make d -o out2 --previous out1"), ZTCTL_OK);
	assert_true(days_of("out2") == 7);
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(run("check out2 --signers key.pub"), ZTCTL_OK);
	assert_null(strstr(said, "never"));
	assert_int_equal(
	    shell("printf '{\"zt-users\":1,\"version\":1,\"issued\":1}\\n"
		  "{\"userName\":\"eve\",\"uid\":70003}\\n' >out1"),
	    0);
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(run("check out2 --signers key.pub"), ZTCTL_OK);
	assert_says("it never expires");
}

static void
what_is_written_is_of_the_usual_mode(void **state)
{
	const mode_t umask_kept = umask(027);
	struct stat st;

	(void)state;
	assert_int_equal(run("make d -o out1"), ZTCTL_OK);
	assert_int_equal(stat("out1", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(umask(umask_kept), 027);
	assert_int_equal(run("sign out1 -k key -o d/none/out2"), ZTCTL_SYSTEM);
	assert_says("d/none/out2: No such file");
	assert_int_equal(shell("test -z \"$(ls | grep new)\""), 0);
}

static void
what_cannot_be_written_whole_leaves_what_was_there(void **state)
{
	const struct rlimit little = { 1024, RLIM_INFINITY };
	struct rlimit kept;

	(void)state;
	assert_int_equal(
	    shell("for i in $(seq 50); do echo "
		  "\"{\\\"userName\\\":\\\"u$i\\\",\\\"uid\\\":$((70100 "
		  "+ $i))}\" >d/u$i.user; done; echo old >out1"),
	    0);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(run("make d -o out1"), ZTCTL_SYSTEM);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
	assert_says("out1: File too large");
	assert_int_equal(shell("grep -qx old out1 && test ! -e out1.new"), 0);
}

static void
ssh_keygen_verifies_what_we_sign_and_we_what_it_signs(void **state)
{
	(void)state;
	assert_int_equal(run("make d -o out1"), ZTCTL_OK);
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(
	    shell("sed '/^-----END/q' out2 >sig; sed 1,/^-----END/d out2 >body;"
		  "{ printf 'me '; cat key.pub; } >allowed; "
		  "ssh-keygen -q -Y verify -f allowed -I me -n users@zt "
		  "-s sig <body >log 2>&1"),
	    0);
	assert_int_equal(shell("ssh-keygen -q -Y sign -n users@zt -f key <out1 "
			       ">sig 2>log && cat sig out1 >out3"),
	    0);
	assert_int_equal(run("check out3 --signers key.pub"), ZTCTL_OK);
	assert_int_equal(shell("ssh-keygen -q -Y sign -n file -f key <out1 "
			       ">sig 2>log && cat sig out1 >out3"),
	    0);
	assert_int_equal(run("check out3 --signers key.pub"), ZTCTL_FAILED);
	assert_says("namespace");
}

static void
signing_again_replaces_the_signature(void **state)
{
	(void)state;
	assert_int_equal(run("make d -o out1"), ZTCTL_OK);
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(run("sign out2 -k other -o out2"), ZTCTL_OK);
	assert_int_equal(run("check out2 --signers other.pub"), ZTCTL_OK);
	assert_int_equal(run("check out2 --signers key.pub"), ZTCTL_FAILED);
	assert_says("not among the signers");
	assert_int_equal(run("sign d/README -k key -o out4"), ZTCTL_FAILED);
	assert_int_equal(run("sign out1 -k none -o out4"), ZTCTL_FAILED);
	assert_int_not_equal(access("out4", F_OK), 0);
}

static void
a_version_follows_the_previous_one(void **state)
{
	(void)state;
	assert_int_equal(run("make d -o out1 --version 41"), ZTCTL_OK);
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(run("make d -o out3 --previous out2"), ZTCTL_OK);
	assert_int_equal(shell("grep -q '\"version\":42,' out3"), 0);
	assert_int_equal(run("make d -o out4 --previous out3"), ZTCTL_OK);
	assert_int_equal(shell("grep -q '\"version\":43,' out4"), 0);
	assert_int_equal(run("make d -o out5 --previous none"), ZTCTL_SYSTEM);
	assert_int_equal(run("make d -o out5 --previous d/README"),
	    ZTCTL_FAILED);
}

static void
a_record_that_hosts_would_refuse_is_named_and_nothing_written(void **state)
{
	(void)state;
	assert_int_equal(
	    shell(
		"echo '{\"userName\":\"-x\"}' >d/x.user; echo '{' >d/y.group"),
	    0);
	assert_int_equal(run("make d -o out1"), ZTCTL_FAILED);
	assert_says("d/x.user: ");
	assert_says("d/y.group: ");
	assert_int_not_equal(access("out1", F_OK), 0);
	assert_int_equal(shell("rm d/x.user d/y.group; cp d/bob.user d/c.user"),
	    0);
	assert_int_equal(run("make d -o out1"), ZTCTL_FAILED);
	assert_says("user/bob"); /* twice */
	assert_int_not_equal(access("out1", F_OK), 0);
	/* and check tells of one that others made */
	assert_int_equal(
	    shell("printf '{\"zt-users\":1,\"version\":1,\"issued\":1}\\n"
		  "{\"userName\":\"eve\",\"uid\":-1}\\n' >out1"),
	    0);
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(run("check out2 --signers key.pub"), ZTCTL_FAILED);
	assert_says("user/eve is refused: ");
	assert_int_equal(
	    shell("printf '{\"zt-users\":1,\"version\":1,\"issued\":1,"
		  "\"expires\":2}\\n' >out1"),
	    0);
	assert_int_equal(run("sign out1 -k key -o out2"), ZTCTL_OK);
	assert_int_equal(run("check out2 --signers key.pub"), ZTCTL_FAILED);
	assert_says("expired");
}

static void
a_line_that_makes_no_sense_is_told_the_usage(void **state)
{
	static const char *const lines[] = { "make", "make d", "make -o out1",
		"make d -o out1 --version 0", "make d -o out1 --version 1x",
		"make d -o out1 --version 1 --previous out1",
		"make d -o out1 --days 0", "make d e -o out1",
		"make d -o out1 --bogus", "make d -o out1 -k key", "sign out1",
		"sign out1 -k key", "sign out1 -o out2",
		"sign out1 -k key -o out2 --version 1", "check out1",
		"check out1 --signers key.pub -o out2", "other d -o out1" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (run(lines[i]) != ZTCTL_USAGE)
			fail_msg("%s", lines[i]);
		assert_says("usage: ");
	}
	assert_int_not_equal(access("out1", F_OK), 0);
}

static int
begin(void **state)
{
	(void)state;
	if (getcwd(home, sizeof(home)) == NULL || mkdtemp(dir) == NULL ||
	    chdir(dir) != 0)
		return 1;
	return shell("for k in key other; do ssh-keygen -q -t ed25519 -N '' "
		     "-f $k; done");
}

static int
end(void **state)
{
	(void)state;
	return chdir(home) != 0 || shell("rm -rf %s", dir) != 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_made_and_signed_is_found_right,
		    fresh),
		cmocka_unit_test_setup(
		    what_is_made_expires_and_what_does_not_is_told, fresh),
		cmocka_unit_test_setup(what_is_written_is_of_the_usual_mode,
		    fresh),
		cmocka_unit_test_setup(
		    what_cannot_be_written_whole_leaves_what_was_there, fresh),
		cmocka_unit_test_setup(
		    ssh_keygen_verifies_what_we_sign_and_we_what_it_signs,
		    fresh),
		cmocka_unit_test_setup(signing_again_replaces_the_signature,
		    fresh),
		cmocka_unit_test_setup(a_version_follows_the_previous_one,
		    fresh),
		cmocka_unit_test_setup(
		    a_record_that_hosts_would_refuse_is_named_and_nothing_written,
		    fresh),
		cmocka_unit_test_setup(
		    a_line_that_makes_no_sense_is_told_the_usage, fresh),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
