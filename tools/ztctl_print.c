/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/text.h"
#include "ztctl.h"
#include "ztctl_print.h"

#define LABEL_WIDTH 12
#define KEY_MAX     64 /* one step of a path, bytes with NUL */

/* The exit of every failed allocation: nothing sensible can be shown. */
static void *
need(void *p)
{
	if (p == NULL) {
		(void)fputs("ztctl: out of memory\n", stderr);
		exit(ZTCTL_SYSTEM);
	}
	return p;
}

static char *__attribute__((__format__(__printf__, 1, 0)))
formatted(const char *format, va_list ap)
{
	zt_auto_free char *raw = NULL;

	if (vasprintf(&raw, format, ap) < 0)
		raw = need(NULL);
	return print_escaped(zt_str(raw));
}

void
print_field(const char *label, const char *format, ...)
{
	zt_auto_free char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = formatted(format, ap);
	va_end(ap);
	(void)printf("%-*s %s\n", LABEL_WIDTH, label, text);
}

void
print_failure(const char *format, ...)
{
	zt_auto_free char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = formatted(format, ap);
	va_end(ap);
	(void)fprintf(stderr, "ztctl: %s\n", text);
}

/* ASCII, and jansson has escaped all controls but DEL */
static void
put_json(const json_t *json, size_t flags)
{
	zt_auto_free char *text =
	    need(json_dumps(json, flags | JSON_ENSURE_ASCII));

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\x7f')
			(void)fputs("\\u007f", stdout);
		else
			(void)putchar(*p);
	}
}

void
print_json(const json_t *json)
{
	put_json(json, JSON_INDENT(2));
	(void)putchar('\n');
}

void
print_json_item(const json_t *json, size_t i)
{
	(void)fputs(i == 0 ? "\n    " : ",\n    ", stdout);
	put_json(json, 0);
}

char *
print_escaped(struct zt_str s)
{
	const size_t cap = s.len * ZT_ESCAPE_GROWTH + 1;
	char *out = need(malloc(cap));

	(void)zt_escape(out, cap, s);
	return out;
}

json_t *
print_json_text(struct zt_str s)
{
	zt_auto_free char *safe = NULL;
	json_t *text = json_stringn(s.p, s.len);

	if (text == NULL) { /* it is not UTF-8 */
		safe = print_escaped(s);
		text = need(json_string(safe));
	}
	return text;
}

void
print_table_add(struct print_table *table, const char *cell)
{
	table->cells = need(reallocarray(table->cells, table->n + 1,
	    sizeof(table->cells[0])));
	table->cells[table->n++] =
	    print_escaped(zt_str(cell == NULL ? "-" : cell));
}

void
print_table_end(struct print_table *table)
{
	size_t width[PRINT_COLUMNS_MAX] = { 0 };
	size_t columns = table->columns;

	for (size_t i = 0; i < table->n; i++)
		if (strlen(table->cells[i]) > width[i % columns])
			width[i % columns] = strlen(table->cells[i]);
	for (size_t i = 0; i < table->n; i++) {
		if (i % columns + 1 < columns)
			(void)printf("%-*s  ", (int)width[i % columns],
			    table->cells[i]);
		else
			(void)printf("%s\n", table->cells[i]);
		free(table->cells[i]);
	}
	free(table->cells);
	*table = (struct print_table){ .columns = columns };
}

const char *
print_age(int64_t s, char buf[PRINT_AGE_MAX])
{
	const int64_t min = s / 60, h = min / 60, d = h / 24;

	if (s < 60)
		(void)snprintf(buf, PRINT_AGE_MAX, "%" PRId64 " s", s);
	else if (min < 60)
		(void)snprintf(buf, PRINT_AGE_MAX, "%" PRId64 " min", min);
	else if (h < 24)
		(void)snprintf(buf, PRINT_AGE_MAX,
		    "%" PRId64 " h %" PRId64 " min", h, min % 60);
	else
		(void)snprintf(buf, PRINT_AGE_MAX,
		    "%" PRId64 " d %" PRId64 " h", d, h % 24);
	return buf;
}

json_t *
json_at(const json_t *root, const char *path)
{
	json_t *at = NULL;
	char key[KEY_MAX];

	for (;;) {
		size_t len = strcspn(path, ".");

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		at = json_object_get(root, key);
		if (at == NULL || path[len] == '\0')
			return at;
		root = at;
		path += len + 1;
	}
}

const char *
json_str(const json_t *root, const char *path)
{
	return json_string_value(json_at(root, path));
}

int64_t
json_num(const json_t *root, const char *path)
{
	return json_integer_value(json_at(root, path));
}
