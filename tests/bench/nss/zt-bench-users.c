/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users of make bench-nss as each system wants them.
 *
 *   zt-bench-users N DIR
 *
 * Writes to DIR: passwd and group; for libnss-cache passwd.cache,
 * group.cache and their indexes, as nsscache does; for the bare table
 * bare.table; and a directory owners with OWNERS empty files of as many users,
 * if there are so many.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bare.h"
#include "people.h"

#define INDEX_LEN 32 /* of a line */
#define OWNERS    1000

static FILE *
file_new(const char *name)
{
	FILE *f = fopen(name, "we");

	if (f == NULL)
		err(1, "%s", name);
	return f;
}

static void
file_end(FILE *f)
{
	if (ferror(f) || fclose(f) != 0)
		err(1, "write");
}

/* A line of libnss-cache's index: key, offset, and zeros to a fixed length. */
static void
index_put(FILE *f, const char *key, long offset)
{
	char line[INDEX_LEN] = { 0 };

	(void)snprintf(line, sizeof(line), "%s%c%ld", key, '\0', offset);
	line[INDEX_LEN - 1] = '\n';
	(void)fwrite(line, sizeof(line), 1, f);
}

static void
index_put_id(FILE *f, uint32_t id, long offset)
{
	char key[11];

	(void)snprintf(key, sizeof(key), "%u", id);
	index_put(f, key, offset);
}

/* Names and numbers have one length each, so that theirs is the sorted
 * order. */
static void
passwd_write(size_t n)
{
	FILE *f = file_new("passwd.cache");
	FILE *names = file_new("passwd.cache.ixname");
	FILE *uids = file_new("passwd.cache.ixuid");
	struct person p;

	for (size_t i = 0; i < n; i++) {
		person_get(i, &p);
		index_put(names, p.name, ftell(f));
		index_put_id(uids, p.uid, ftell(f));
		(void)fprintf(f, "%s:x:%u:%u:User %s:/home/%s:%s\n", p.name,
		    p.uid, p.uid, p.name + 4, p.name, PEOPLE_SHELL);
	}
	file_end(f);
	file_end(names);
	file_end(uids);
}

static void
team_put(FILE *f, size_t team, size_t n)
{
	const size_t n_teams = people_teams(n);
	const char *comma = "";
	struct person p;

	team_name(team, p.name);
	(void)fprintf(f, "%s:x:%u:", p.name, PEOPLE_TEAM_ID + (uint32_t)team);
	for (size_t at = team; at < n * PEOPLE_TEAMS_EACH; at += n_teams) {
		person_get(at / PEOPLE_TEAMS_EACH, &p);
		(void)fprintf(f, "%s%s", comma, p.name);
		comma = ",";
	}
	(void)fputc('\n', f);
}

/* "team" sorts before "user", but its numbers after. */
static void
group_write(size_t n)
{
	FILE *f = file_new("group.cache");
	FILE *names = file_new("group.cache.ixname");
	FILE *gids = file_new("group.cache.ixgid");
	const size_t n_teams = people_teams(n);
	long *private = calloc(n, sizeof(*private));
	struct person p;

	if (private == NULL)
		err(1, "memory");
	for (size_t i = 0; i < n; i++) {
		person_get(i, &p);
		private[i] = ftell(f);
		index_put_id(gids, p.uid, private[i]);
		(void)fprintf(f, "%s:x:%u:\n", p.name, p.uid);
	}
	for (size_t i = 0; i < n_teams; i++) {
		team_name(i, p.name);
		index_put(names, p.name, ftell(f));
		index_put_id(gids, PEOPLE_TEAM_ID + (uint32_t)i, ftell(f));
		team_put(f, i, n);
	}
	for (size_t i = 0; i < n; i++) {
		person_get(i, &p);
		index_put(names, p.name, private[i]);
	}
	free(private);
	file_end(f);
	file_end(names);
	file_end(gids);
}

static void
record_fill(size_t i, size_t n, struct bare_record *r)
{
	struct person_texts texts;
	struct person p;

	person_get(i, &p);
	person_texts(&p, &texts);
	memset(r, 0, sizeof(*r));
	memcpy(r->name, p.name, sizeof(p.name));
	memcpy(r->gecos, texts.gecos, sizeof(texts.gecos));
	memcpy(r->home, texts.home, sizeof(texts.home));
	memcpy(r->shell, PEOPLE_SHELL, sizeof(PEOPLE_SHELL));
	r->uid = p.uid;
	for (size_t k = 0; k < PEOPLE_TEAMS_EACH; k++)
		r->teams[k] = PEOPLE_TEAM_ID +
		    (uint32_t)person_team(i, k, people_teams(n));
}

static void
slot_put(uint32_t *slots, uint32_t mask, uint32_t hash, size_t i)
{
	while (slots[hash & mask] != 0)
		hash++;
	slots[hash & mask] = (uint32_t)i + 1;
}

static void
bare_write(size_t n)
{
	FILE *f = file_new("bare.table");
	struct bare_header h = { .mask = 255, .n = (uint32_t)n };
	struct bare_record r;
	uint32_t *names, *uids;

	while (h.mask < 2 * n)
		h.mask = h.mask * 2 + 1;
	names = calloc(h.mask + 1U, sizeof(*names));
	uids = calloc(h.mask + 1U, sizeof(*uids));
	if (names == NULL || uids == NULL)
		err(1, "memory");
	for (size_t i = 0; i < n; i++) {
		record_fill(i, n, &r);
		slot_put(names, h.mask, bare_hash_name(r.name), i);
		slot_put(uids, h.mask, bare_hash(r.uid), i);
	}
	(void)fwrite(&h, sizeof(h), 1, f);
	(void)fwrite(names, sizeof(*names), h.mask + 1U, f);
	(void)fwrite(uids, sizeof(*uids), h.mask + 1U, f);
	for (size_t i = 0; i < n; i++) {
		record_fill(i, n, &r);
		(void)fwrite(&r, sizeof(r), 1, f);
	}
	free(names);
	free(uids);
	file_end(f);
}

static void
owners_make(size_t n)
{
	char path[32];
	struct person p;

	if (mkdir("owners", 0755) != 0)
		err(1, "owners");
	for (size_t i = 0; i < OWNERS; i++) {
		person_get(n < OWNERS ? i % n : i * (n / OWNERS), &p);
		(void)snprintf(path, sizeof(path), "owners/%u", (unsigned)i);
		file_end(file_new(path));
		if (chown(path, p.uid, p.uid) != 0)
			err(1, "%s", path);
	}
}

int
main(int argc, char **argv)
{
	size_t n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (n < 10 || n > PEOPLE_MAX)
		errx(2, "usage: zt-bench-users 10..%d DIR", PEOPLE_MAX);
	(void)umask(022);
	if (chdir(argv[2]) != 0)
		err(1, "%s", argv[2]);
	passwd_write(n);
	group_write(n);
	bare_write(n);
	owners_make(n);
	return 0;
}
