/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a snapshot of N users cost, to make and to ask?
 *
 *   zt-bench-reader FILE N [ROUNDS]
 *
 * FILE is replaced.  Prints "<what> <value> <unit>" lines: the seconds of a
 * write, the file's bytes for each user, the seconds to check every byte of
 * it, and the nanoseconds of a lookup, the fastest of ROUNDS (5): of a few
 * users over and over (hot), of all of them in no order (cold), of nobody.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../sample.h"
#include "zt/identity.h"
#include "zt/idmap.h"
#include "zt/snapshot.h"
#include "zt/text.h"

#define USERS_MAX   20000000
#define ROUNDS_MAX  1000
#define LOOKUPS     1000000
#define HOT_USERS   64
#define TEXTS_BYTES 64   /* of one user */
#define STRIDE      7919 /* a prime: the order in which all are asked */

struct users {
	struct zt_directory_user *v;
	struct zt_user *records;
	char (*texts)[TEXTS_BYTES];
	size_t n;
};

static void
check(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "zt-bench-reader: %s\n", what);
	exit(1);
}

static void
user_make(struct users *all, size_t i)
{
	struct zt_user *record = &all->records[i];
	char *p = all->texts[i];
	const uint32_t id = ZT_ID_MIN_DEFAULT + (uint32_t)i;
	int n;

	n = snprintf(p, TEXTS_BYTES, "user%zu%cUser %zu%c/home/user%zu", i, 0,
	    i, 0, i);
	check(n > 0 && n < TEXTS_BYTES, "a text is too long");
	*record = (struct zt_user){ .name = p,
		.id = "",
		.uid = id,
		.gecos = p + strlen(p) + 1,
		.shell = "/bin/bash",
		.not_after_us = UINT64_MAX,
		.privileged = "" };
	record->home = record->gecos + strlen(record->gecos) + 1;
	all->v[i] = (struct zt_directory_user){
		.record = record, .uid = id, .gid = id, .private_group = true
	};
}

static struct users
users_make(size_t n)
{
	struct users all = { calloc(n, sizeof(*all.v)),
		calloc(n, sizeof(*all.records)), calloc(n, TEXTS_BYTES), n };

	check(all.v != NULL && all.records != NULL && all.texts != NULL,
	    "no memory");
	for (size_t i = 0; i < n; i++)
		user_make(&all, i);
	return all;
}

static double
write_us(const char *path, const struct users *all, uint64_t generation)
{
	static const char *const sources[] = { "bench" };
	const struct zt_directory directory = { .users = all->v,
		.n_users = all->n };
	const struct zt_snapshot_meta meta = { .generation = generation,
		.id_min = ZT_ID_MIN_DEFAULT,
		.id_max = ZT_ID_MAX_DEFAULT,
		.complete = true,
		.sources = sources,
		.n_sources = 1 };
	const double begin = sample_now_us();

	check(zt_snapshot_write(path, &directory, &meta) == ZT_OK,
	    "cannot write");
	return sample_now_us() - begin;
}

static double
verify_us(const struct zt_snapshot *s)
{
	const double begin = sample_now_us();

	check(zt_snapshot_verify(s) == ZT_OK, "it does not verify");
	return sample_now_us() - begin;
}

/* Of which user is the i-th question? */
static size_t
turn(size_t i, size_t among)
{
	return i * STRIDE % among;
}

static void
by_name(const struct zt_snapshot *s, const struct users *all, size_t among)
{
	struct zt_snapshot_user user;
	size_t who;

	for (size_t i = 0; i < LOOKUPS; i++) {
		who = turn(i, among);
		check(zt_snapshot_user(s, zt_str(all->v[who].record->name),
			  &user) == ZT_OK &&
			user.uid == all->v[who].uid,
		    "a user is not found");
	}
}

static void
by_uid(const struct zt_snapshot *s, const struct users *all, size_t among)
{
	struct zt_snapshot_user user;
	size_t who;

	for (size_t i = 0; i < LOOKUPS; i++) {
		who = turn(i, among);
		check(zt_snapshot_user_by_uid(s, all->v[who].uid, &user) ==
			    ZT_OK &&
			user.uid == all->v[who].uid,
		    "a uid is not found");
	}
}

static void
by_gid(const struct zt_snapshot *s, const struct users *all, size_t among)
{
	struct zt_snapshot_group group;

	for (size_t i = 0; i < LOOKUPS; i++)
		check(zt_snapshot_group_by_gid(s, all->v[turn(i, among)].gid,
			  &group) == ZT_OK,
		    "a group is not found");
}

/* Their gecos: nobody is named so. */
static void
nobody(const struct zt_snapshot *s, const struct users *all, size_t among)
{
	struct zt_snapshot_user user;

	for (size_t i = 0; i < LOOKUPS; i++)
		check(zt_snapshot_user(s,
			  zt_str(all->v[turn(i, among)].record->gecos),
			  &user) == ZT_ERR_NOTFOUND,
		    "nobody is found");
}

static void
lookups(const struct zt_snapshot *s, const struct users *all, size_t rounds)
{
	static const struct {
		const char *what;
		void (*ask)(const struct zt_snapshot *, const struct users *,
		    size_t);
	} kinds[] = { { "name", by_name }, { "uid", by_uid }, { "gid", by_gid },
		{ "nobody", nobody } };
	const size_t hot = all->n < HOT_USERS ? all->n : HOT_USERS;
	double begin, us, best[2];

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		best[0] = best[1] = 0;
		for (size_t i = 0; i < 2 * rounds; i++) {
			begin = sample_now_us();
			kinds[k].ask(s, all, i % 2 == 0 ? hot : all->n);
			us = sample_now_us() - begin;
			if (best[i % 2] == 0 || us < best[i % 2])
				best[i % 2] = us;
		}
		(void)printf("%s-hot %.1f ns\n%s-cold %.1f ns\n", kinds[k].what,
		    best[0] * 1000 / LOOKUPS, kinds[k].what,
		    best[1] * 1000 / LOOKUPS);
	}
}

int
main(int argc, char **argv)
{
	struct zt_snapshot_file file;
	struct zt_snapshot s;
	struct users all;
	struct stat st;
	size_t rounds;

	if (argc < 3 || argc > 4)
		return 2;
	rounds = argc > 3 ? sample_count(argv[3], ROUNDS_MAX) : 5;
	all = users_make(sample_count(argv[2], USERS_MAX));
	(void)printf("write %.3f s\n", write_us(argv[1], &all, 1) / 1e6);
	check(stat(argv[1], &st) == 0, "no file");
	(void)printf("file %.1f bytes/user\n",
	    (double)st.st_size / (double)all.n);
	check(zt_snapshot_open(argv[1], &s, &file) == ZT_OK, "cannot open");
	(void)printf("verify %.3f s\n", verify_us(&s) / 1e6);
	lookups(&s, &all, rounds);
	zt_snapshot_close(&s);
	free(all.v);
	free(all.records);
	free(all.texts);
	return 0;
}
