/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../tools/ztctl_gather.h"
#include "tool.h"
#include "zt/identity.h"
#include "zt/wire.h"

#define COMMAND_LEN 8192
#define ANSWERS_MAX 16

char *tool_output;
char tool_dir[64];
static char program[4096];

void
tool_built(const char *name, char out[4096])
{
	const char *build = getenv("ZT_BUILD");
	char here[2048] = "";

	if (build == NULL)
		build = "build";
	if (build[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		here[0] = '\0';
	(void)snprintf(out, 4096, "%s%s%.1000s/%.1000s", here,
	    here[0] == '\0' ? "" : "/", build, name);
}

int
tool_find(void **state)
{
	(void)state;
	tool_built("tools/ztctl", program);
	return access(program, X_OK) != 0 ? -1 : 0;
}

int
tool_setup(void **state)
{
	(void)state;
	(void)strcpy(tool_dir, "/tmp/zt-test-XXXXXX");
	return mkdtemp(tool_dir) == NULL || chmod(tool_dir, 0755) != 0 ? -1 : 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
tool_teardown(void **state)
{
	(void)state;
	free(tool_output);
	tool_output = NULL;
	return nftw(tool_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
tool_put(const char *path, const char *text)
{
	char full[4096];
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s/%s", tool_dir, path);
	for (char *p = full + strlen(tool_dir) + 1;
	     (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		(void)mkdir(full, 0755);
		(void)chmod(full, 0755); /* whatever the umask is */
	}
	f = fopen(full, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(full, 0644), 0);
}

void
tool_chmod(const char *path, mode_t mode)
{
	char full[4096];

	(void)snprintf(full, sizeof(full), "%s/%s", tool_dir, path);
	assert_int_equal(chmod(full, mode), 0);
}

static int __attribute__((__format__(__printf__, 3, 0)))
run(const char *begin, const char *end, const char *format, va_list ap)
{
	char command[COMMAND_LEN];
	const char *const argv[] = { "/bin/sh", "-c", command, program, NULL };
	int status = -1;
	size_t len = strlen(begin);

	(void)strcpy(command, begin);
	(void)vsnprintf(command + len, sizeof(command) - len - 32, format, ap);
	(void)strcat(command, end);
	free(tool_output);
	tool_output = NULL;
	assert_int_equal(gather_program(argv, &tool_output, &status), ZT_OK);
	return status;
}

int
tool_run(const char *format, ...)
{
	va_list ap;
	int status;

	va_start(ap, format);
	status = run("\"$0\" ", "", format, ap);
	va_end(ap);
	return status;
}

int
tool_run_shell(const char *format, ...)
{
	va_list ap;
	int status;

	va_start(ap, format);
	status = run("", "", format, ap);
	va_end(ap);
	return status;
}

json_t *
tool_run_json(int status, const char *format, ...)
{
	json_t *json;
	va_list ap;

	va_start(ap, format);
	assert_int_equal(run("\"$0\" ", " 2>/dev/null", format, ap), status);
	va_end(ap);
	json = json_loads(tool_output, JSON_REJECT_DUPLICATES, NULL);
	if (json == NULL)
		fail_msg("not JSON: %s", tool_output);
	return json;
}

void
tool_says(const char *text)
{
	if (strstr(tool_output, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, tool_output);
}

void
tool_says_not(const char *text)
{
	if (strstr(tool_output, text) != NULL)
		fail_msg("\"%s\" is in: %s", text, tool_output);
}

static const struct tool_answer *
answer_find(const struct tool_script *script,
    const struct zt_ctl_request *request, unsigned used[ANSWERS_MAX])
{
	for (size_t i = 0; i < script->n && i < ANSWERS_MAX; i++) {
		const struct tool_answer *a = &script->answers[i];

		if (!zt_str_is(request->command, a->command) ||
		    (a->argument != NULL &&
			!zt_str_is(request->argument, a->argument)) ||
		    (a->times != 0 && used[i] == a->times))
			continue;
		used[i]++;
		return a;
	}
	return NULL;
}

void
tool_broker(int fd, const void *arg)
{
	static const struct tool_answer unknown = { "", NULL,
		"{\"error\":\"no such command\"}", 0, true };
	static uint8_t buf[ZT_WIRE_MAX];
	unsigned used[ANSWERS_MAX] = { 0 };

	for (;;) {
		int conn = accept(fd, NULL, NULL);
		ssize_t n = recv(conn, buf, sizeof(buf), 0);
		const struct tool_answer *a;
		struct zt_ctl_request request;
		size_t len;

		if (n < 0 ||
		    zt_ctl_request_decode(buf, (size_t)n, &request) != ZT_OK)
			_exit(1);
		a = answer_find(arg, &request, used);
		if (a == NULL)
			a = &unknown;
		if (zt_ctl_reply_encode(&(struct zt_ctl_reply){ !a->error, 0,
					    zt_str(a->json) },
			buf, sizeof(buf), &len) != ZT_OK)
			_exit(1);
		(void)send(conn, buf, len, MSG_NOSIGNAL);
		(void)close(conn);
	}
}

void
tool_snapshot(const char *path, const struct zt_user *users, size_t n)
{
	static const char *const sources[] = { "staff", "ldap" };
	static const uint32_t gids[] = { 4, 70100 }, first[] = { 0 };
	static const struct zt_group payments = { .name = "payments",
		.id = "g1" };
	uint32_t allowed[] = { 4 };
	struct zt_directory_user u[8] = { 0 };
	struct zt_directory_group g = { .record = &payments,
		.gid = 70100,
		.n_members = 1,
		.members = first };
	const struct zt_directory directory = { .users = u,
		.n_users = n,
		.groups = &g,
		.n_groups = 1,
		.allowed_gids = allowed,
		.n_allowed_gids = 1 };
	const struct zt_snapshot_meta meta = { .generation = 7,
		.created_ms = (int64_t)time(NULL) * 1000 - 120000,
		.id_min = 65536,
		.id_max = 99999,
		.complete = true,
		.sources = sources,
		.n_sources = 2 };
	char full[4096];

	assert_in_range(n, 1, 8);
	for (size_t i = 0; i < n; i++) {
		u[i].record = &users[i];
		u[i].uid = users[i].uid;
		u[i].private_group = users[i].gid == 0;
		u[i].gid = users[i].gid == 0 ? users[i].uid : users[i].gid;
		u[i].source = (uint8_t)(i % 2);
	}
	u[0].gids = gids;
	u[0].n_gids = 2;
	(void)snprintf(full, sizeof(full), "%s/%s", tool_dir, path);
	assert_int_equal(zt_snapshot_write(full, &directory, &meta), ZT_OK);
}
