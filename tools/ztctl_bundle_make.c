/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity bundle make: one document of a directory's records. */
#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/json.h"
#include "zt/text.h"
#include "ztctl_bundle_text.h"
#include "ztctl_print.h"

#define DAY_S        86400
#define DAYS_DEFAULT 7

static bool
has_suffix(const char *name, const char *suffix)
{
	const size_t len = strlen(name), slen = strlen(suffix);

	return len > slen && strcmp(name + len - slen, suffix) == 0;
}

static int
is_record(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	    (has_suffix(entry->d_name, ".user") ||
		has_suffix(entry->d_name, ".group"));
}

/* The same order in every locale. */
static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What is wrong with a record's text, or NULL. */
static const char *
record_fault(const char *name, struct zt_str json)
{
	zt_auto_free struct zt_user *user = NULL;
	zt_auto_free struct zt_group *group = NULL;
	const char *why = zt_strerror(ZT_ERR_NOMEM);
	enum zt_err err = has_suffix(name, ".user")
	    ? zt_user_parse(json, &user, &why)
	    : zt_group_parse(json, &group, &why);

	return err == ZT_OK ? NULL : why;
}

/* Add a record's file as one line. */
static enum ztctl_status
record_add(FILE *out, const char *dir, const char *name)
{
	zt_auto(text_clear) struct text text = { 0 };
	zt_auto_free char *path = NULL;
	zt_auto_free char *line = NULL;
	json_auto_t *root = NULL;
	enum ztctl_status status;
	const char *why;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return bundle_fail_errno(dir);
	}
	status = bundle_file_read(path, ZT_RECORD_FILE_MAX, &text);
	if (status != ZTCTL_OK)
		return status;
	if ((why = record_fault(name, text_str(&text))) != NULL) {
		(void)bundle_fail_file(path, why);
		return ZTCTL_FAILED;
	}
	root = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL ||
	    zt_json_print(root, ZT_BUNDLE_LINE_MAX, &line, NULL) != ZT_OK)
		return bundle_fail_file(path,
		    "it cannot be printed on one line");
	return fprintf(out, "%s\n", line) < 0 ? bundle_fail_errno(path)
					      : ZTCTL_OK;
}

/* All faults are told, not the first alone. */
static enum ztctl_status
records_add(FILE *out, const char *dir)
{
	enum ztctl_status status = ZTCTL_OK, one;
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_record, compare_names);

	if (n < 0)
		return bundle_fail_errno(dir);
	for (int i = 0; i < n; i++) {
		one = record_add(out, dir, entries[i]->d_name);
		if (one != ZTCTL_OK)
			status = one;
		free(entries[i]);
	}
	free(entries);
	return status;
}

static enum ztctl_status
version_next(const struct bundle_options *o, int64_t now_s, int64_t *out)
{
	zt_auto(text_clear) struct text previous = { 0 };
	enum ztctl_status status;
	struct zt_bundle bundle;
	const char *why;

	*out = o->version != 0 ? o->version : now_s;
	if (o->previous == NULL)
		return ZTCTL_OK;
	status = bundle_file_read(o->previous, ZT_BUNDLE_MAX, &previous);
	if (status != ZTCTL_OK)
		return status;
	if (zt_bundle_begin(bundle_message(&previous), &bundle, &why) !=
	    ZT_OK) {
		(void)bundle_fail_file(o->previous, why);
		return ZTCTL_FAILED;
	}
	*out = bundle.head.version + 1;
	return ZTCTL_OK;
}

/* It always expires: else whoever holds the server could hold the next one
 * back for good, and no host would notice. */
static enum ztctl_status
head_add(FILE *out, const struct bundle_options *o)
{
	const int64_t now_s = (int64_t)time(NULL);
	const int64_t days = o->days != 0 ? o->days : DAYS_DEFAULT;
	enum ztctl_status status;
	int64_t version;

	if ((status = version_next(o, now_s, &version)) != ZTCTL_OK)
		return status;
	(void)fprintf(out,
	    "{\"zt-users\":%d,\"version\":%" PRId64 ",\"issued\":%" PRId64
	    ",\"expires\":%" PRId64 "}\n",
	    ZT_BUNDLE_FORMAT, version, now_s, now_s + days * DAY_S);
	return ZTCTL_OK;
}

/* What make made must be what hosts read. */
static enum ztctl_status
made_check(const char *path, struct zt_str message)
{
	struct zt_bundle bundle;
	const char *why;
	enum zt_err err = zt_bundle_begin(message, &bundle, &why);

	if (err != ZT_OK)
		return bundle_fail(path, err, why);
	return bundle_records_check(path, &bundle);
}

enum ztctl_status
bundle_make(const struct bundle_options *o)
{
	zt_auto(text_clear) struct text made = { 0 };
	FILE *f = open_memstream(&made.p, &made.len);
	enum ztctl_status status;

	if (f == NULL)
		return bundle_fail_errno(o->out);
	if ((status = head_add(f, o)) == ZTCTL_OK)
		status = records_add(f, o->operand);
	if (fclose(f) != 0)
		return bundle_fail_errno(o->out);
	if (status != ZTCTL_OK ||
	    (status = made_check(o->out, text_str(&made))) != ZTCTL_OK) {
		print_failure("nothing was written");
		return status;
	}
	return bundle_file_write(o->out, text_str(&made), zt_str(""));
}
