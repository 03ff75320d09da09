/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PEOPLE_H
#define BENCH_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The users that make bench-nss looks up, by number: the same for every
 * system that it compares.  User i has a private group, and is in
 * PEOPLE_TEAMS_EACH teams of about 100 users.
 */
#define PEOPLE_MAX        1000000 /* count */
#define PEOPLE_ID_MIN     2013265920U
#define PEOPLE_ID_MAX     2147352575U
#define PEOPLE_TEAM_ID    (PEOPLE_ID_MIN + 10000000U)
#define PEOPLE_ID_GONE    (PEOPLE_ID_MIN + 20000000U)
#define PEOPLE_SHELL      "/bin/bash"
#define PEOPLE_TEAMS_EACH 4

#define PERSON_NAME_LEN 12 /* with its end */

struct person {
	char name[PERSON_NAME_LEN];
	uint32_t uid; /* and gid */
};

/* User i, or one like it who does not exist anywhere. */
void person_get(size_t i, struct person *out);
void person_gone(size_t i, struct person *out);

/* The other fields of a user. */
struct person_texts {
	char gecos[16], home[24];
};
void person_texts(const struct person *p, struct person_texts *out);

/* The name of team i. */
void team_name(size_t i, char out[PERSON_NAME_LEN]);

size_t people_teams(size_t n_people);

/* The k-th team of user i, k < PEOPLE_TEAMS_EACH. */
size_t person_team(size_t i, size_t k, size_t n_teams);

/* The next random number; state is any but 0. */
uint64_t people_random(uint64_t *state);

#endif /* BENCH_PEOPLE_H */
