/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "people.h"

static void
name_put(const char *word, size_t i, char *out)
{
	memcpy(out, word, 4);
	for (size_t at = 10; at >= 4; at--, i /= 10)
		out[at] = (char)('0' + i % 10);
	out[11] = '\0';
}

void
person_get(size_t i, struct person *out)
{
	name_put("user", i, out->name);
	out->uid = PEOPLE_ID_MIN + (uint32_t)i;
}

void
person_gone(size_t i, struct person *out)
{
	name_put("gone", i, out->name);
	out->uid = PEOPLE_ID_GONE + (uint32_t)i;
}

void
person_texts(const struct person *p, struct person_texts *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->gecos, "User ", 5);
	memcpy(out->gecos + 5, p->name + 4, PERSON_NAME_LEN - 4);
	memcpy(out->home, "/home/", 6);
	memcpy(out->home + 6, p->name, PERSON_NAME_LEN);
}

void
team_name(size_t i, char out[PERSON_NAME_LEN])
{
	name_put("team", i, out);
}

size_t
people_teams(size_t n_people)
{
	return n_people < 250 ? 10 : n_people / 25;
}

size_t
person_team(size_t i, size_t k, size_t n_teams)
{
	return (i * PEOPLE_TEAMS_EACH + k) % n_teams;
}

/* xorshift64 */
uint64_t
people_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
