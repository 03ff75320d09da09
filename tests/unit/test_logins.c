/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ztd/authinfo.h"
#include "../../ztd/logins.h"
#include "zt/auto.h"
#include "zt/text.h"

static const char id[] = "11111111-2222-4333-8444-555555555555";

static struct {
	char dir[32];
	sd_event *event;
	struct logins *logins;
	unsigned gone;
	char gone_account[32];
} host;

static void
on_gone(void *arg, struct login *login)
{
	(void)arg;
	host.gone++;
	(void)snprintf(host.gone_account, sizeof(host.gone_account), "%s",
	    login->account == NULL ? "" : login->account);
}

static int
set_up(void **state)
{
	(void)state;
	host.gone = 0;
	(void)strcpy(host.dir, "/tmp/zt-logins.XXXXXX");
	if (mkdtemp(host.dir) == NULL || sd_event_new(&host.event) < 0)
		return -1;
	return logins_new(host.event, host.dir, on_gone, NULL, &host.logins) ==
		ZT_OK
	    ? 0
	    : -1;
}

static int
tear_down(void **state)
{
	zt_auto_free char *command = NULL;

	(void)state;
	logins_free(host.logins);
	(void)sd_event_unref(host.event);
	if (asprintf(&command, "rm -rf '%s'", host.dir) < 0)
		return -1;
	return system(command);
}

static pid_t
sleeper(struct proc_id *proc)
{
	struct proc_info info;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(proc_read(pid, &info), ZT_OK);
	*proc = info.id;
	return pid;
}

static void
end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* An open session of a process for account alice. */
static struct login *
session(const struct proc_id *proc)
{
	struct login *login;

	assert_int_equal(logins_get(host.logins, proc, &login), ZT_OK);
	memcpy(login->id, id, sizeof(id));
	login->service = strdup("sshd");
	login->account = strdup("alice");
	login->source_ip = strdup("198.51.100.7");
	login->source_port = 40112;
	login->is_session = true;
	assert_int_equal(logins_open(login), ZT_OK);
	return login;
}

static void
an_entry_is_made_once_and_dropped_when_its_process_is_gone(void **state)
{
	struct login *first, *again;
	struct proc_id proc;
	pid_t pid = sleeper(&proc);

	(void)state;
	assert_null(logins_find(host.logins, &proc));
	assert_int_equal(logins_get(host.logins, &proc, &first), ZT_OK);
	assert_int_equal(logins_get(host.logins, &proc, &again), ZT_OK);
	assert_ptr_equal(first, again);
	assert_int_equal(logins_count(host.logins, LOGIN_OFFERED), 1);
	end(pid);
	assert_true(sd_event_run(host.event, 5000000) > 0);
	assert_int_equal(host.gone, 1);
	assert_null(logins_find(host.logins, &proc));
	assert_int_equal(logins_count(host.logins, LOGIN_OFFERED), 0);
}

static void
an_entry_is_not_made_for_a_process_that_is_gone(void **state)
{
	struct login *login = NULL;
	struct proc_id proc;
	pid_t pid = sleeper(&proc);

	(void)state;
	end(pid);
	assert_int_equal(logins_get(host.logins, &proc, &login),
	    ZT_ERR_NOTFOUND);
	assert_null(login);
}

static void
a_reused_pid_is_another_process(void **state)
{
	struct proc_id proc, other;
	pid_t pid = sleeper(&proc);

	(void)state;
	(void)session(&proc);
	other = proc;
	other.start++;
	assert_null(logins_find(host.logins, &other));
	end(pid);
}

static void
open_sessions_survive_a_restart(void **state)
{
	struct login *login;
	struct proc_id proc;
	pid_t pid = sleeper(&proc);

	(void)state;
	(void)session(&proc);
	logins_free(host.logins);
	assert_int_equal(logins_new(host.event, host.dir, on_gone, NULL,
			     &host.logins),
	    ZT_OK);
	login = logins_find(host.logins, &proc);
	assert_non_null(login);
	assert_int_equal(login->state, LOGIN_OPEN);
	assert_string_equal(login->id, id);
	assert_string_equal(login->account, "alice");
	assert_string_equal(login->source_ip, "198.51.100.7");
	assert_int_equal(login->source_port, 40112);
	assert_true(login->is_session);
	/* and are still watched */
	end(pid);
	assert_true(sd_event_run(host.event, 5000000) > 0);
	assert_int_equal(host.gone, 1);
	assert_string_equal(host.gone_account, "alice");
}

static void
a_session_that_ended_while_no_broker_ran_is_reported(void **state)
{
	struct proc_id proc;
	pid_t pid = sleeper(&proc);

	(void)state;
	(void)session(&proc);
	logins_free(host.logins);
	end(pid);
	assert_int_equal(logins_new(host.event, host.dir, on_gone, NULL,
			     &host.logins),
	    ZT_OK);
	assert_int_equal(host.gone, 1);
	assert_string_equal(host.gone_account, "alice");
	assert_int_equal(logins_count(host.logins, LOGIN_OPEN), 0);
}

static void
files_that_are_no_sessions_are_removed(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "{\"pid\":1}",
		"{\"pid\":1,\"start\":1,\"id\":\"x\",\"service\":\"sshd\","
		"\"account\":\"alice\"}" };
	zt_auto_free char *path = NULL;
	FILE *f;

	(void)state;
	assert_true(asprintf(&path, "%s/1-1", host.dir) > 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_true(fputs(bad[i], f) >= 0);
		assert_int_equal(fclose(f), 0);
		logins_free(host.logins);
		assert_int_equal(logins_new(host.event, host.dir, on_gone, NULL,
				     &host.logins),
		    ZT_OK);
		assert_int_equal(logins_count(host.logins, LOGIN_OPEN), 0);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static struct login *
session_of_self(void)
{
	struct proc_info own;

	if (proc_read(getpid(), &own) != ZT_OK)
		return NULL;
	return logins_session_of(host.logins, &own, getuid());
}

static void
a_session_is_found_from_its_descendants_only(void **state)
{
	struct proc_info own;
	struct proc_id other;
	struct login *login;
	pid_t pid = sleeper(&other), child;
	int status;

	(void)state;
	(void)session(&other);
	assert_int_equal(proc_read(getpid(), &own), ZT_OK);
	assert_null(session_of_self());
	login = session(&own.id);
	child = fork();
	if (child == 0)
		_exit(session_of_self() == login ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* a decision alone is no session */
	login->state = LOGIN_DECIDED;
	child = fork();
	if (child == 0)
		_exit(session_of_self() == NULL ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	login->state = LOGIN_OPEN;
	end(pid);
}

static void
auth_info_without_a_certificate_agrees_with_none(void **state)
{
	(void)state;
	assert_true(authinfo_matches(zt_str(""), NULL));
	assert_true(authinfo_matches(zt_str("password\n"), NULL));
	assert_true(authinfo_matches(
	    zt_str("publickey ssh-ed25519 AAAAC3NzaC1\n"), NULL));
	assert_false(authinfo_matches(
	    zt_str("publickey ssh-ed25519-cert-v01@openssh.com AAAA\n"), NULL));
}

static void
auth_info_without_the_certificate_disagrees_with_it(void **state)
{
	uint8_t blob[] = { 0, 0, 0, 1, 'x' };
	const struct zt_cert cert = { .blob = blob, .blob_len = sizeof(blob) };

	(void)state;
	assert_false(authinfo_matches(zt_str(""), &cert));
	assert_false(authinfo_matches(
	    zt_str("publickey ssh-ed25519 AAAAC3NzaC1\n"), &cert));
	assert_false(authinfo_matches(
	    zt_str("publickey ssh-ed25519-cert-v01@openssh.com AAAAAXg=\n"),
	    &cert));
}

int
main(void)
{
#define LOGINS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LOGINS_TEST(
		    an_entry_is_made_once_and_dropped_when_its_process_is_gone),
		LOGINS_TEST(an_entry_is_not_made_for_a_process_that_is_gone),
		LOGINS_TEST(a_reused_pid_is_another_process),
		LOGINS_TEST(open_sessions_survive_a_restart),
		LOGINS_TEST(
		    a_session_that_ended_while_no_broker_ran_is_reported),
		LOGINS_TEST(files_that_are_no_sessions_are_removed),
		LOGINS_TEST(a_session_is_found_from_its_descendants_only),
		cmocka_unit_test(
		    auth_info_without_a_certificate_agrees_with_none),
		cmocka_unit_test(
		    auth_info_without_the_certificate_disagrees_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
