/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "table.h"
#include "zt/auto.h"

#define N_COLUMNS 3 /* subject, action, account */

static void
closep(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Unquote one word in place; returns where it ends, or NULL in a quote. */
static char *
word_end(char *p)
{
	char *to = p;
	bool quoted = false;

	for (; *p != '\0' && (quoted || !is_blank(*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		*to++ = *p;
	}
	if (quoted)
		return NULL;
	p = *p == '\0' ? p : p + 1; /* before *to = '\0' hides the end */
	*to = '\0';
	return p;
}

/* Split the line into words; a word that begins with '#' ends it. */
static enum zt_err
line_split(struct table_answer *t)
{
	char *p = t->line;

	t->n = 0;
	for (;;) {
		while (is_blank(*p))
			p++;
		if (*p == '\0' || *p == '#')
			return ZT_OK;
		if (t->n == TABLE_WORDS_MAX)
			return ZT_ERR_TOOBIG;
		t->words[t->n++] = p;
		if ((p = word_end(p)) == NULL)
			return ZT_ERR_MALFORMED;
	}
}

static bool
value_is(const json_t *value, const char *text)
{
	char number[32];
	const json_t *item;
	size_t i;

	if (json_is_string(value))
		return strcmp(json_string_value(value), text) == 0;
	if (json_is_boolean(value))
		return strcmp(json_is_true(value) ? "true" : "false", text) ==
		    0;
	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(value));
		return strcmp(number, text) == 0;
	}
	json_array_foreach(value, i,
	    item) if (!json_is_array(item) && value_is(item, text)) return true;
	return false;
}

/* Follow path from the top of the request. */
static const json_t *
value_at(const json_t *value, const char *path, size_t len)
{
	const char *dot;
	char key[256];
	size_t n;

	while (value != NULL && len > 0) {
		dot = memchr(path, '.', len);
		n = dot == NULL ? len : (size_t)(dot - path);
		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		value = json_object_get(value, key);
		n = dot == NULL ? n : n + 1;
		path += n;
		len -= n;
	}
	return value;
}

static enum zt_err
condition_holds(const char *word, const json_t *request, bool *holds)
{
	const char *equal = strchr(word, '=');
	size_t len;
	bool negated;

	if (equal == NULL || equal == word)
		return ZT_ERR_MALFORMED;
	negated = equal[-1] == '!';
	len = (size_t)(equal - word) - (negated ? 1 : 0);
	*holds = value_is(value_at(request, word, len), equal + 1) != negated;
	return ZT_OK;
}

static bool
column_holds(const char *word, const json_t *request, const char *path)
{
	return strcmp(word, "*") == 0 ||
	    value_is(value_at(request, path, strlen(path)), word);
}

/* Does the line match?  On ZT_OK and true its answer's words remain. */
static enum zt_err
line_match(struct table_answer *t, const json_t *request, bool *match)
{
	static const char *const paths[N_COLUMNS] = { "subject.id",
		"action.name", "resource.properties.account" };
	enum zt_err err;
	size_t arrow = 0;
	bool holds;

	while (arrow < t->n && strcmp(t->words[arrow], "=>") != 0)
		arrow++;
	if (arrow < N_COLUMNS || arrow + 1 >= t->n)
		return ZT_ERR_MALFORMED;
	*match = true;
	for (size_t i = 0; i < arrow; i++) {
		if (i < N_COLUMNS)
			holds = column_holds(t->words[i], request, paths[i]);
		else if ((err = condition_holds(t->words[i], request,
			      &holds)) != ZT_OK)
			return err;
		*match = *match && holds;
	}
	t->n -= arrow + 1;
	memmove(t->words, t->words + arrow + 1, t->n * sizeof(t->words[0]));
	return ZT_OK;
}

enum zt_err
table_ask(const char *path, const json_t *request, struct table_answer *out)
{
	zt_auto(closep) FILE *f = fopen(path, "re");
	struct table_answer *t = out;
	bool match = false;
	enum zt_err err;

	t->n = 0;
	t->line_no = 0;
	if (f == NULL)
		return ZT_ERR_SYS;
	while (fgets(t->line, sizeof(t->line), f) != NULL) {
		t->line_no++;
		if (strlen(t->line) == sizeof(t->line) - 1)
			return ZT_ERR_TOOBIG;
		if ((err = line_split(t)) != ZT_OK)
			return err;
		if (t->n == 0)
			continue;
		if ((err = line_match(t, request, &match)) != ZT_OK)
			return err;
		if (match)
			return ZT_OK;
	}
	t->n = 0;
	t->line_no = 0;
	return ferror(f) ? ZT_ERR_SYS : ZT_OK;
}

const char *
table_option(const struct table_answer *answer, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 1; i < answer->n; i++)
		if (strncmp(answer->words[i], key, len) == 0 &&
		    answer->words[i][len] == '=')
			return answer->words[i] + len + 1;
	return NULL;
}
