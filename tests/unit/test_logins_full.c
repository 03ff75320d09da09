/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of logins at its cap.  A real one would need as many living
 * processes: it is compiled here again, with a smaller cap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../ztd/logins.h"
#undef LOGINS_MAX
#define LOGINS_MAX 4
#include "../../ztd/logins.c"

static struct {
	char dir[32];
	sd_event *event;
	struct logins *logins;
	unsigned gone;
	pid_t pids[LOGINS_MAX + 1];
	struct proc_id procs[LOGINS_MAX + 1];
} host;

static void
on_gone(void *arg, struct login *login)
{
	(void)arg;
	(void)login;
	host.gone++;
}

static pid_t
sleeper(struct proc_id *proc)
{
	const pid_t self = getpid();
	struct proc_info info;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == self) /* else it ended before that */
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

static enum zt_err
table_open(void)
{
	return logins_new(host.event, host.dir, on_gone, NULL, &host.logins);
}

/* A table that is full, and one process more than it holds. */
static int
set_up(void **state)
{
	struct login *login;

	(void)state;
	host.gone = 0;
	(void)strcpy(host.dir, "/tmp/zt-logins.XXXXXX");
	if (mkdtemp(host.dir) == NULL || sd_event_new(&host.event) < 0 ||
	    table_open() != ZT_OK)
		return -1;
	for (size_t i = 0; i <= LOGINS_MAX; i++)
		host.pids[i] = sleeper(&host.procs[i]);
	for (size_t i = 0; i < LOGINS_MAX; i++)
		if (logins_get(host.logins, &host.procs[i], &login) != ZT_OK)
			return -1;
	return 0;
}

static int
tear_down(void **state)
{
	zt_auto_free char *command = NULL;

	(void)state;
	for (size_t i = 0; i <= LOGINS_MAX; i++)
		if (host.pids[i] > 0)
			end(host.pids[i]);
	logins_free(host.logins);
	(void)sd_event_unref(host.event);
	if (asprintf(&command, "rm -rf '%s'", host.dir) < 0)
		return -1;
	return system(command);
}

static const struct proc_id *const one_more = &host.procs[LOGINS_MAX];

static void
the_next_process_is_refused_and_none_is_forgotten_for_it(void **state)
{
	struct login *login = NULL;

	(void)state;
	assert_int_equal(logins_get(host.logins, one_more, &login),
	    ZT_ERR_TOOBIG);
	assert_null(login);
	assert_null(logins_find(host.logins, one_more));
	for (size_t i = 0; i < LOGINS_MAX; i++)
		assert_non_null(logins_find(host.logins, &host.procs[i]));
	assert_int_equal(logins_count(host.logins, LOGIN_OFFERED), LOGINS_MAX);
}

static void
those_in_it_go_on(void **state)
{
	struct login *first = logins_find(host.logins, &host.procs[0]), *again;

	(void)state;
	assert_int_equal(logins_get(host.logins, &host.procs[0], &again),
	    ZT_OK);
	assert_ptr_equal(first, again);
	first->service = strdup("sshd");
	first->account = strdup("alice");
	first->is_session = true;
	assert_int_equal(logins_open(first), ZT_OK);
	assert_int_equal(logins_count(host.logins, LOGIN_OPEN), 1);
}

static void
one_that_ends_makes_room_for_one(void **state)
{
	struct login *login;
	struct proc_id late;
	pid_t pid;

	(void)state;
	end(host.pids[1]);
	host.pids[1] = 0;
	assert_true(sd_event_run(host.event, 5000000) > 0);
	assert_int_equal(host.gone, 1);
	assert_int_equal(logins_get(host.logins, one_more, &login), ZT_OK);
	pid = sleeper(&late);
	assert_int_equal(logins_get(host.logins, &late, &login), ZT_ERR_TOOBIG);
	end(pid);
}

static void
one_that_is_forgotten_makes_room_for_one(void **state)
{
	struct login *login;

	(void)state;
	logins_remove(logins_find(host.logins, &host.procs[2]));
	assert_int_equal(logins_get(host.logins, one_more, &login), ZT_OK);
}

static void
a_process_that_cannot_be_watched_takes_no_room(void **state)
{
	struct proc_id other = host.procs[0];
	struct login *login;

	(void)state;
	logins_remove(logins_find(host.logins, &host.procs[0]));
	other.start++;
	for (size_t i = 0; i < LOGINS_MAX; i++)
		assert_int_equal(logins_get(host.logins, &other, &login),
		    ZT_ERR_NOTFOUND);
	assert_int_equal(logins_get(host.logins, one_more, &login), ZT_OK);
}

/* As many open sessions as there is room for come back from their files. */
static void
a_full_table_of_sessions_survives_a_restart(void **state)
{
	struct login *login;

	(void)state;
	for (size_t i = 0; i < LOGINS_MAX; i++) {
		login = logins_find(host.logins, &host.procs[i]);
		(void)strcpy(login->id, "11111111-2222-4333-8444-555555555555");
		login->service = strdup("sshd");
		login->account = strdup("alice");
		login->is_session = true;
		assert_int_equal(logins_open(login), ZT_OK);
	}
	logins_free(host.logins);
	assert_int_equal(table_open(), ZT_OK);
	assert_int_equal(logins_count(host.logins, LOGIN_OPEN), LOGINS_MAX);
	assert_int_equal(logins_get(host.logins, one_more, &login),
	    ZT_ERR_TOOBIG);
	assert_int_equal(host.gone, 0);
}

int
main(void)
{
#define FULL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FULL_TEST(
		    the_next_process_is_refused_and_none_is_forgotten_for_it),
		FULL_TEST(those_in_it_go_on),
		FULL_TEST(one_that_ends_makes_room_for_one),
		FULL_TEST(one_that_is_forgotten_makes_room_for_one),
		FULL_TEST(a_process_that_cannot_be_watched_takes_no_room),
		FULL_TEST(a_full_table_of_sessions_survives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
