/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_TOOL_H
#define TEST_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

#include "peer.h"

/* Running the built ztctl, in a directory of files made for it. */

extern char *tool_output; /* of the last run, standard error included */
extern char tool_dir[64]; /* the directory, mode 0755 */

/* Find the built program.  A group's setup. */
int tool_find(void **state);

/* A file of the build, below $ZT_BUILD. */
void tool_built(const char *name, char out[4096]);

/* Make and remove the directory, and all that is in it.  A test's setup and
 * teardown. */
int tool_setup(void **state);
int tool_teardown(void **state);

/* Write a file below the directory, and the directories it is in. */
void tool_put(const char *path, const char *text);
void tool_chmod(const char *path, mode_t mode);

/* Run ztctl with a command line, as a shell reads it; the exit status. */
int
tool_run(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* Run a shell's command line, in which "$0" is ztctl; the exit status. */
int tool_run_shell(const char *format, ...)
    __attribute__((__format__(__printf__, 1, 2)));

/* The JSON that it prints, alone on its standard output; json_decref() it. */
json_t *tool_run_json(int status, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

void tool_says(const char *text);
void tool_says_not(const char *text);

/* What a broker answers to a command. */
struct tool_answer {
	const char *command;
	const char *argument; /* NULL: to any */
	const char *json;
	unsigned times; /* then the next one of that command; 0: always */
	bool error;
};

struct tool_script {
	const struct tool_answer *answers;
	size_t n;
};

/* Plays the control socket; arg is a struct tool_script.  What is not in it is
 * answered as a broker does that knows no such command. */
void tool_broker(int fd, const void *arg);

/*
 * Write a snapshot below the directory: these users, and the group payments
 * (70100), whose one member is the first of them; that one is in the local
 * group 4 as well.  A user without gid has a private group.
 */
struct zt_user;
void tool_snapshot(const char *path, const struct zt_user *users, size_t n);

#endif /* TEST_TOOL_H */
