/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_PRINT_H
#define ZTCTL_PRINT_H

#include <stdint.h>

#include <jansson.h>

#include "zt/rd.h"

/*
 * Whatever is printed passes through zt_escape(): what a record or the broker
 * says may have come from a stranger.
 */

/* "label   text" on standard output; an empty label continues a label. */
void print_field(const char *label, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/* "ztctl: text" on standard error. */
void print_failure(const char *format, ...)
    __attribute__((__format__(__printf__, 1, 2)));

/* Indented JSON in ASCII on standard output. */
void print_json(const json_t *json);

/*
 * The i-th item of an array that is too long to have in memory, on one line;
 * whoever calls it prints what is around it.
 */
void print_json_item(const json_t *json, size_t i);

/* A text that is safe to print; owned, never NULL. */
char *print_escaped(struct zt_str s);

/* The same as JSON: as it is if it is UTF-8, else escaped.  Never NULL. */
json_t *print_json_text(struct zt_str s);

/* A table: columns are as wide as their widest cell.  n cells at a time. */
#define PRINT_COLUMNS_MAX 8
struct print_table {
	char **cells; /* owned; escaped */
	size_t n;
	size_t columns;
};
void print_table_add(struct print_table *table, const char *cell);
void print_table_end(struct print_table *table); /* prints and frees */

#define PRINT_AGE_MAX 48
/* "3 min", "2 h 5 min", "4 d 1 h" into buf; returns buf. */
const char *print_age(int64_t seconds, char buf[PRINT_AGE_MAX]);

/*
 * The member at a path like "a.b.c", or NULL.  The others give its value, or
 * NULL, or 0 where it is absent or of another type.
 */
json_t *json_at(const json_t *root, const char *path);
const char *json_str(const json_t *root, const char *path);
int64_t json_num(const json_t *root, const char *path);

#endif /* ZTCTL_PRINT_H */
