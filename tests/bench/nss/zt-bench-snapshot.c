/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write a snapshot of the users of make bench-nss.
 *
 *   zt-bench-snapshot N PATH [teams]
 *
 * Prints "<ms> <bytes>": how long zt_snapshot_write() took, and the length of
 * the file.  Without teams there are no groups but the private ones.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../sample.h"
#include "people.h"
#include "zt/identity.h"

#define MEMBERS(n) ((n)*PEOPLE_TEAMS_EACH)

struct texts {
	struct person p;
	struct person_texts t;
};

/* All of it in a few arrays, freed by the end of the process. */
struct people {
	struct zt_user *records;
	struct texts *texts;
	struct zt_group *teams;
	char (*team_names)[PERSON_NAME_LEN];
	uint32_t *gids, *members;
	struct zt_directory directory;
};

static void *
array(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		err(1, "memory");
	return p;
}

static void
user_fill(struct people *all, size_t i, size_t n_teams)
{
	struct zt_directory_user *user = &all->directory.users[i];
	struct zt_user *record = &all->records[i];
	struct texts *t = &all->texts[i];
	uint32_t *gids = &all->gids[i * PEOPLE_TEAMS_EACH], gid;
	size_t at;

	person_get(i, &t->p);
	person_texts(&t->p, &t->t);
	record->name = t->p.name;
	record->id = t->p.name;
	record->gecos = t->t.gecos;
	record->home = t->t.home;
	record->shell = PEOPLE_SHELL;
	record->privileged = "";
	record->not_after_us = UINT64_MAX;
	user->record = record;
	user->uid = user->gid = t->p.uid;
	user->private_group = true;
	if (n_teams == 0)
		return;
	user->gids = gids;
	user->n_gids = PEOPLE_TEAMS_EACH;
	for (size_t k = 0; k < PEOPLE_TEAMS_EACH; k++) {
		gid = PEOPLE_TEAM_ID + (uint32_t)person_team(i, k, n_teams);
		for (at = k; at > 0 && gids[at - 1] > gid; at--)
			gids[at] = gids[at - 1];
		gids[at] = gid;
	}
}

static uint32_t *
team_fill(struct people *all, size_t i, size_t n_teams, uint32_t *members)
{
	struct zt_directory_group *team = &all->directory.groups[i];
	const size_t end = MEMBERS(all->directory.n_users);

	team_name(i, all->team_names[i]);
	all->teams[i].name = all->teams[i].id = all->team_names[i];
	team->record = &all->teams[i];
	team->gid = PEOPLE_TEAM_ID + (uint32_t)i;
	team->members = members;
	for (size_t at = i; at < end;
	     at += n_teams, members++, team->n_members++)
		*members = (uint32_t)(at / PEOPLE_TEAMS_EACH);
	return members;
}

static void
people_make(struct people *all, size_t n, size_t n_teams)
{
	struct zt_directory *d = &all->directory;
	uint32_t *members;

	all->records = array(n, sizeof(*all->records));
	all->texts = array(n, sizeof(*all->texts));
	all->gids = array(MEMBERS(n), sizeof(*all->gids));
	all->members = members = array(MEMBERS(n), sizeof(*all->members));
	all->teams = array(n_teams + 1, sizeof(*all->teams));
	all->team_names = array(n_teams + 1, sizeof(*all->team_names));
	d->users = array(n, sizeof(*d->users));
	d->n_users = n;
	d->groups = array(n_teams + 1, sizeof(*d->groups));
	d->n_groups = n_teams;
	for (size_t i = 0; i < n; i++)
		user_fill(all, i, n_teams);
	for (size_t i = 0; i < n_teams; i++)
		members = team_fill(all, i, n_teams, members);
}

int
main(int argc, char **argv)
{
	static const char *const source = "bench";
	struct zt_snapshot_meta meta = {
		.generation = 1,
		.created_ms = 1700000000000,
		.id_min = PEOPLE_ID_MIN,
		.id_max = PEOPLE_ID_MAX,
		.complete = true,
		.sources = &source,
		.n_sources = 1,
	};
	static struct people all;
	struct stat st;
	size_t n;
	double start;
	enum zt_err e;

	if (argc < 3)
		errx(2, "usage: zt-bench-snapshot N PATH [teams]");
	(void)umask(022);
	n = sample_count(argv[1], PEOPLE_MAX);
	people_make(&all, n, argc > 3 ? people_teams(n) : 0);
	start = sample_now_us();
	e = zt_snapshot_write(argv[2], &all.directory, &meta);
	if (e != ZT_OK || stat(argv[2], &st) != 0)
		err(1, "%s: error %d", argv[2], (int)e);
	(void)printf("%.1f %lld\n", (sample_now_us() - start) / 1e3,
	    (long long)st.st_size);
	return 0;
}
