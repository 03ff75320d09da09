/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scim_state.h"
#include "zt/auto.h"
#include "zt/file.h"

#define STATE_MAX ((size_t)2 << 30) /* else all is read anew */
#define FORMAT    1
#define USER      "{\"user\":"
#define GROUP     "{\"group\":"
#define LINE_END  "}\n"

static void
filep_close(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

/* fd is taken over, also on failure. */
static FILE *
file_stream(int fd, const char *mode)
{
	FILE *f = fdopen(fd, mode);

	if (f == NULL)
		(void)close(fd);
	return f;
}

/* ---- reading ---- */

struct loading {
	struct zt_scim_catalog *all;  /* up to the last mark */
	struct zt_scim_catalog *more; /* since */
	struct scim_mark mark;
};

/* What is between { "user": and the closing brace; NULL if it is not that. */
static char *
inner(const char *line, size_t len, const char *prefix)
{
	const size_t head = strlen(prefix), tail = strlen(LINE_END);

	if (len <= head + tail || strncmp(line, prefix, head) != 0 ||
	    strcmp(line + len - tail, LINE_END) != 0)
		return NULL;
	return strndup(line + head, len - head - tail);
}

static enum zt_err
load_resource(struct zt_scim_catalog *into, enum zt_scim_kind kind,
    char *record)
{
	zt_auto_free char *text = record;
	json_auto_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *id = json_string_value(json_object_get(root, "uuid"));
	enum zt_err err;

	if (id == NULL || id[0] == '\0' || strlen(id) > ZT_IMMUTABLE_ID_MAX)
		return ZT_ERR_MALFORMED;
	err = zt_scim_catalog_put(into, kind, id, text);
	if (err == ZT_OK)
		(void)zt_take(text);
	return err;
}

static enum zt_err
load_mark(struct loading *l, const char *line)
{
	json_auto_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	struct zt_scim_catalog *empty = NULL;
	json_int_t newest, full;
	enum zt_err err;
	int dated, plain;

	if (json_unpack(root, "{s:I, s:I, s:b, s:b}", "newest_us", &newest,
		"full_ms", &full, "dated", &dated, "plain", &plain) != 0)
		return ZT_ERR_MALFORMED;
	if ((err = zt_scim_catalog_new(&empty)) != ZT_OK)
		return err;
	if (l->all == NULL)
		l->all = zt_take(l->more);
	else
		err = zt_scim_catalog_merge(l->all, l->more);
	zt_scim_catalog_free(l->more);
	l->more = empty;
	l->mark = (struct scim_mark){ newest, full, dated, plain };
	return err;
}

static enum zt_err
load_line(struct loading *l, const char *line, size_t len)
{
	char *record;

	if (len != strlen(line))
		return ZT_ERR_MALFORMED;
	if ((record = inner(line, len, USER)) != NULL)
		return load_resource(l->more, ZT_SCIM_USER, record);
	if ((record = inner(line, len, GROUP)) != NULL)
		return load_resource(l->more, ZT_SCIM_GROUP, record);
	return load_mark(l, line);
}

static bool
header_fits(const char *line, const char *config)
{
	json_auto_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	const char *said = json_string_value(json_object_get(root, "config"));

	return json_integer_value(json_object_get(root, "zt-scim")) == FORMAT &&
	    said != NULL && strcmp(said, config) == 0;
}

/* Read lines as long as they are good: a mark has made them whole. */
static enum zt_err
load_lines(struct loading *l, FILE *f, const char *config)
{
	zt_auto_free char *line = NULL;
	size_t cap = 0;
	ssize_t len = getline(&line, &cap, f);
	enum zt_err err = zt_scim_catalog_new(&l->more);

	if (len <= 0 || !header_fits(line, config))
		return ZT_ERR_NOTFOUND;
	while (err == ZT_OK && (len = getline(&line, &cap, f)) > 0)
		err = load_line(l, line, (size_t)len);
	return err == ZT_ERR_NOMEM ? err : ZT_OK;
}

enum zt_err
scim_state_load(const char *path, const char *config,
    struct zt_scim_catalog **out, struct scim_mark *mark_out,
    int64_t *synced_ms_out)
{
	zt_auto(filep_close) FILE *f = NULL;
	struct loading l = { .all = NULL };
	struct stat st;
	enum zt_err err;
	int fd;

	if (zt_file_open(path, O_NOFOLLOW, STATE_MAX, &fd, &st) != ZT_OK ||
	    (f = file_stream(fd, "r")) == NULL)
		return ZT_ERR_NOTFOUND;
	err = load_lines(&l, f, config);
	zt_scim_catalog_free(l.more);
	if (err == ZT_OK && l.all == NULL)
		err = ZT_ERR_NOTFOUND;
	if (err != ZT_OK) {
		zt_scim_catalog_free(l.all);
		return err;
	}
	*out = l.all;
	*mark_out = l.mark;
	*synced_ms_out =
	    (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return ZT_OK;
}

/* ---- writing ---- */

static bool
write_header(FILE *f, const char *config)
{
	json_auto_t *root =
	    json_pack("{s:i, s:s}", "zt-scim", FORMAT, "config", config);

	return root != NULL && json_dumpf(root, f, JSON_COMPACT) == 0 &&
	    fputc('\n', f) != EOF;
}

static bool
write_entries(FILE *f, const struct zt_scim_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fprintf(f, "%s%s" LINE_END,
			entries[i].kind == ZT_SCIM_USER ? USER : GROUP,
			entries[i].record) < 0)
			return false;
	return true;
}

static bool
write_mark(FILE *f, const struct scim_mark *mark)
{
	return fprintf(f,
		   "{\"newest_us\":%lld,\"full_ms\":%lld,\"dated\":%s,"
		   "\"plain\":%s}\n",
		   (long long)mark->newest_us, (long long)mark->full_ms,
		   mark->dated ? "true" : "false",
		   mark->plain ? "true" : "false") > 0;
}

static enum zt_err
append_begin(const char *path, int *fd_out)
{
	*fd_out = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	return *fd_out < 0 ? ZT_ERR_SYS : ZT_OK;
}

/* config  NULL: no header, for it is appended */
static bool
write_all(FILE *f, const char *config, const struct zt_scim_entry *entries,
    size_t n, const struct scim_mark *mark)
{
	return (config == NULL || write_header(f, config)) &&
	    write_entries(f, entries, n) && write_mark(f, mark) &&
	    fflush(f) == 0;
}

enum zt_err
scim_state_write(const char *path, const char *config,
    const struct zt_scim_catalog *catalog, const struct scim_mark *mark)
{
	const bool append = config == NULL;
	zt_auto_free struct zt_scim_entry *entries = NULL;
	zt_auto(filep_close) FILE *f = NULL;
	enum zt_err err;
	size_t n = 0;
	int fd;

	if (zt_scim_catalog_list(catalog, &entries, &n) != ZT_OK)
		return ZT_ERR_NOMEM;
	err = append ? append_begin(path, &fd) : zt_file_begin(path, 0600, &fd);
	if (err != ZT_OK)
		return err;
	if ((f = file_stream(fd, "w")) == NULL ||
	    !write_all(f, config, entries, n, mark)) {
		if (!append)
			zt_file_drop(path);
		return ZT_ERR_SYS;
	}
	if (append)
		return fsync(fd) == 0 ? ZT_OK : ZT_ERR_SYS;
	return zt_file_end(path, fd);
}

void
scim_state_touch(const char *path)
{
	(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

enum zt_err
scim_state_add(const char *path, const struct zt_scim_catalog *catalog,
    const struct scim_mark *mark)
{
	struct stat st;
	enum zt_err err;

	if (stat(path, &st) != 0)
		return ZT_ERR_SYS;
	err = scim_state_write(path, NULL, catalog, mark);
	if (err == ZT_OK)
		(void)utimensat(AT_FDCWD, path,
		    (struct timespec[]){ st.st_atim, st.st_mtim }, 0);
	return err;
}
