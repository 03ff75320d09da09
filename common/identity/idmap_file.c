/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "idtable.h"
#include "zt/auto.h"
#include "zt/file.h"
#include "zt/identity.h"
#include "zt/passwd.h"

/* The file: docs/PROTOCOL.ids. */

#define HEADER     "zt-ids 1\n"
#define HEADER_LEN (sizeof(HEADER) - 1)
#define LINE_MAX_BYTES                                       \
	(sizeof("group 4294967295  \n") + ZT_ID_SOURCE_MAX + \
	    ZT_IMMUTABLE_ID_MAX)

/* Could anybody but root, ourselves and the directory's owner write this? */
static bool
others_can_write(const char *path, const struct stat *st)
{
	zt_auto_free char *dir = strdup(path);
	struct stat dir_st;
	char *slash;

	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return true;
	if (st->st_uid == 0 || st->st_uid == geteuid())
		return false;
	if (dir == NULL || (slash = strrchr(dir, '/')) == NULL)
		return true;
	slash[1] = '\0';
	return stat(dir, &dir_st) != 0 || dir_st.st_uid != st->st_uid;
}

/* Read the file; one that does not exist is of no bytes. */
static enum zt_err
read_file(struct zt_idmap *map, size_t *len_out)
{
	zt_auto_close int fd = open(map->path,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	size_t len = 0, size;
	struct stat st;
	ssize_t n;

	*len_out = 0;
	if (fd < 0 && errno == ENOENT)
		return ZT_OK;
	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode) || others_can_write(map->path, &st))
		return ZT_ERR_DENIED;
	if (st.st_size > ZT_IDMAP_BYTES_MAX)
		return ZT_ERR_TOOBIG;
	size = map->file_size = (size_t)st.st_size;
	if ((map->text = malloc(size + 1)) == NULL)
		return ZT_ERR_NOMEM;
	while (len < size && (n = read(fd, map->text + len, size - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ZT_ERR_SYS;
		len += (size_t)n;
	}
	map->text[len] = '\0';
	*len_out = len;
	return ZT_OK;
}

/* Cut the next word off *at; NULL if it is empty or the line has no more. */
static char *
next_word(char **at, char end)
{
	char *const word = *at;
	char *const stop = strchr(word, end);

	if (stop == NULL || stop == word)
		return NULL;
	*stop = '\0';
	*at = stop + 1;
	return word;
}

/* An id in decimal, as it is written; 0 if it is not. */
static uint32_t
read_id(const char *word)
{
	uint64_t id = 0;

	if (word[0] == '0' || strlen(word) > 10)
		return 0;
	for (; *word != '\0'; word++) {
		if (*word < '0' || *word > '9')
			return 0;
		id = 10 * id + (uint64_t)(*word - '0');
	}
	return id <= UINT32_MAX && zt_id_valid((uint32_t)id) ? (uint32_t)id : 0;
}

/* Take a line over; false if it is none of ours.  line ends with a NUL. */
static bool
read_line(struct zt_idmap *map, char *line)
{
	const char *kind = next_word(&line, ' '),
		   *number = kind == NULL ? NULL : next_word(&line, ' '),
		   *source = number == NULL ? NULL : next_word(&line, ' ');
	const uint32_t id = source == NULL ? 0 : read_id(number);
	bool is_group;

	if (id == 0 || !idtable_texts_valid(source, line))
		return false;
	is_group = strcmp(kind, "group") == 0;
	if (!is_group && strcmp(kind, "user") != 0)
		return false;
	if (idtable_owner(map, is_group, id) != IDTABLE_NONE)
		return false; /* two owners */
	idtable_bind(map, id,
	    idtable_subject(map, idtable_hash(map, is_group, source, line),
		is_group, source, line, false));
	return true;
}

static size_t
count_lines(const char *text, size_t len)
{
	const char *p = text, *const end = text + len;
	size_t n = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n++;
		p++;
	}
	return n;
}

/* Is this what a crash can leave of a line: a part of it, then zeros where the
 * file had grown and its data had not come? */
static bool
is_torn(const char *text, size_t len)
{
	const size_t part = strnlen(text, len);

	for (size_t i = part; i < len; i++)
		if (text[i] != '\0')
			return false;
	return part < LINE_MAX_BYTES;
}

static bool
read_header(const char *text, size_t len)
{
	return len >= HEADER_LEN && memcmp(text, HEADER, HEADER_LEN) == 0;
}

/* The lines after the header. */
static enum zt_err
read_lines(struct zt_idmap *map, size_t len, unsigned *line_out)
{
	unsigned number = 2;
	size_t at = HEADER_LEN;

	while (at < len) {
		char *const line = map->text + at;
		char *const end = memchr(line, '\n', len - at);

		*line_out = number++;
		if (end == NULL)
			return is_torn(line, len - at) ? ZT_OK
						       : ZT_ERR_MALFORMED;
		*end = '\0';
		if (strlen(line) != (size_t)(end - line) ||
		    !read_line(map, line))
			return ZT_ERR_MALFORMED;
		at = map->file_len = (size_t)(end + 1 - map->text);
	}
	return ZT_OK;
}

static enum zt_err
read_map(struct zt_idmap *map, unsigned *line_out)
{
	enum zt_err err;
	size_t len;

	if ((err = read_file(map, &len)) != ZT_OK)
		return err;
	*line_out = 1;
	if (len == 0)
		return ZT_OK;
	if (!read_header(map->text, len)) {
		/* the header itself may be torn */
		const size_t part = strnlen(map->text, len);

		return part < HEADER_LEN &&
			memcmp(map->text, HEADER, part) == 0 &&
			is_torn(map->text, len)
		    ? ZT_OK
		    : ZT_ERR_MALFORMED;
	}
	map->file_len = HEADER_LEN;
	err = idtable_reserve(map, count_lines(map->text, len));
	if (err == ZT_OK)
		err = read_lines(map, len, line_out);
	map->n_committed = map->n_lines;
	return err;
}

/* An override is of the user and of the group with that immutable id. */
static enum zt_err
take_override(struct zt_idmap *map, const struct zt_id_override *o)
{
	struct zt_id_override *copy = &map->overrides[map->n_overrides];

	*copy = (struct zt_id_override){
		.source = arena_copy(&map->texts, o->source),
		.immutable_id = arena_copy(&map->texts, o->immutable_id),
		.id = o->id,
	};
	if (copy->source == NULL || copy->immutable_id == NULL)
		return ZT_ERR_NOMEM;
	for (int is_group = 0; is_group < 2; is_group++) {
		const uint32_t at = idtable_subject(map,
		    idtable_hash(map, is_group, copy->source,
			copy->immutable_id),
		    is_group, copy->source, copy->immutable_id, false);

		map->subjects[at].override = o->id;
	}
	map->n_overrides++;
	return ZT_OK;
}

static enum zt_err
take_overrides(struct zt_idmap *map, const struct zt_id_override *overrides,
    size_t n)
{
	enum zt_err err;

	map->overrides = calloc(n + 1, sizeof(*map->overrides));
	if (map->overrides == NULL)
		return ZT_ERR_NOMEM;
	if ((err = idtable_reserve(map, 2 * n)) != ZT_OK)
		return err;
	for (size_t i = 0; i < n; i++)
		if ((err = take_override(map, &overrides[i])) != ZT_OK)
			return err;
	return ZT_OK;
}

static void
mapp_free(struct zt_idmap **map)
{
	zt_idmap_free(*map);
}

enum zt_err
zt_idmap_load(const char *path, const struct zt_id_override *overrides,
    size_t n, unsigned *line_out, struct zt_idmap **out)
{
	zt_auto(mapp_free) struct zt_idmap *map = calloc(1, sizeof(*map));
	unsigned line = 0;
	enum zt_err err;

	if (map == NULL)
		return ZT_ERR_NOMEM;
	map->seed = hash_seed();
	if (path != NULL && (map->path = strdup(path)) == NULL)
		return ZT_ERR_NOMEM;
	if ((map->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL)) == NULL)
		return ZT_ERR_NOMEM;
	if (path != NULL)
		err = read_map(map, &line);
	else
		err = ZT_OK;
	if (err == ZT_ERR_MALFORMED)
		*line_out = line;
	if (err == ZT_OK)
		err = take_overrides(map, overrides, n);
	if (err == ZT_OK)
		*out = zt_take(map);
	return err;
}

void
zt_idmap_free(struct zt_idmap *map)
{
	if (map == NULL)
		return;
	free(map->lines);
	free(map->subjects);
	free(map->by_id.v);
	free(map->by_subject.v);
	free(map->overrides);
	arena_clear(&map->texts);
	EVP_MD_free(map->sha256);
	free(map->path);
	free(map->text);
	free(map);
}

/* Print the header, if the file has none, and what is new. */
static enum zt_err
print_new(const struct zt_idmap *map, char **text_out, size_t *len_out)
{
	const size_t n = map->n_lines - map->n_committed;
	zt_auto_free char *text = NULL;
	size_t len = 0, size = HEADER_LEN + 1;

	for (size_t i = map->n_committed; i < map->n_lines; i++) {
		const struct id_subject *s =
		    &map->subjects[map->lines[i].subject];

		size += sizeof("group 4294967295  \n") + strlen(s->source) +
		    strlen(s->immutable_id);
	}
	if (n > 0 && size > ZT_IDMAP_BYTES_MAX - map->file_len) {
		errno = EFBIG;
		return ZT_ERR_SYS;
	}
	if ((text = malloc(size)) == NULL)
		return ZT_ERR_NOMEM;
	if (map->file_len == 0) {
		memcpy(text, HEADER, HEADER_LEN);
		len = HEADER_LEN;
	}
	for (size_t i = map->n_committed; i < map->n_lines; i++) {
		const struct id_subject *s =
		    &map->subjects[map->lines[i].subject];

		len += (size_t)snprintf(text + len, size - len,
		    "%s %" PRIu32 " %s %s\n", s->is_group ? "group" : "user",
		    map->lines[i].id, s->source, s->immutable_id);
	}
	*text_out = zt_take(text);
	*len_out = len;
	return ZT_OK;
}

/*
 * Write after the last good line; what a crash or a failed commit left there
 * is cut off first, and so written again in full before it is flushed.
 */
static enum zt_err
append(struct zt_idmap *map, const char *text, size_t len)
{
	zt_auto_close int fd = open(map->path,
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0640);
	struct stat st;
	enum zt_err err;

	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if (!S_ISREG(st.st_mode) ||
	    (!map->commit_failed && st.st_size != (off_t)map->file_size)) {
		errno = ESTALE; /* somebody else wrote to it */
		return ZT_ERR_SYS;
	}
	map->commit_failed = true;
	if (ftruncate(fd, (off_t)map->file_len) != 0 ||
	    lseek(fd, (off_t)map->file_len, SEEK_SET) < 0)
		return ZT_ERR_SYS;
	if ((err = zt_file_write(fd, text, len)) != ZT_OK)
		return err;
	if (fdatasync(fd) != 0)
		return ZT_ERR_SYS;
	if (map->file_len == 0 &&
	    (err = zt_file_flush_name(map->path)) != ZT_OK)
		return err;
	map->commit_failed = false;
	return ZT_OK;
}

enum zt_err
zt_idmap_commit(struct zt_idmap *map)
{
	zt_auto_free char *text = NULL;
	size_t len = 0;
	enum zt_err err;

	if (map->n_lines == map->n_committed)
		return ZT_OK;
	if (map->path != NULL) {
		if ((err = print_new(map, &text, &len)) != ZT_OK)
			return err;
		if ((err = append(map, text, len)) != ZT_OK)
			return err;
	}
	map->file_size = map->file_len += len;
	map->n_committed = map->n_lines;
	return ZT_OK;
}
