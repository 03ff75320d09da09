/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LIB_PDP_TABLE_H
#define TESTS_LIB_PDP_TABLE_H

#include <jansson.h>
#include <stddef.h>

#include "zt/err.h"

#define TABLE_LINE_MAX  4096 /* bytes with NUL */
#define TABLE_WORDS_MAX 64   /* in a line, count */

/*
 * The answer that a policy table has for a request.
 *
 * The table is text, read anew for each request; the first line that matches
 * is the answer, and no line is a deny:
 *
 *   # subject           action     account  conditions => answer
 *   alice@example.com   *          alice    => permit notice="Hello Alice"
 *   bob@example.com     *          *        => deny reason="on leave"
 *   *                   ssh_login  *        context.source_ip!=10.0.0.9 => deny
 *
 * Subject (subject.id), action (action.name) and account
 * (resource.properties.account) are "*" or compared whole.  A condition is
 * path=text or path!=text: the path leads by dots from the request's top, a
 * number or boolean compares as JSON writes it, an array equals the text if
 * one of its elements does, and what is absent equals nothing.  A word with
 * blanks in it stands in quotes, or its value does; \" and \\ escape there.
 */
struct table_answer {
	char line[TABLE_LINE_MAX];
	char *words[TABLE_WORDS_MAX]; /* into line: the answer, its options */
	size_t n;                     /* 0: no line matched */
	unsigned line_no;             /* 0: likewise; else also on failure */
};

/* Errors: ZT_ERR_SYS, ZT_ERR_MALFORMED or _TOOBIG at line_no. */
ZT_MUST_USE enum zt_err
table_ask(const char *path, const json_t *request, struct table_answer *out);

/* The value of option key of the answer, or NULL. */
const char *table_option(const struct table_answer *answer, const char *key);

#endif /* TESTS_LIB_PDP_TABLE_H */
