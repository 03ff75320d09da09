/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a merge takes: zt-bench-merge USERS GROUPS given|derived
 *
 * Keeps its ids in ./bench.ids meanwhile.  Each user is in three groups by memberOf and in three by the groups'
 * members.  Prints the first merge, the commit of the ids, and the best of
 * several merges that find all ids known; milliseconds, and ns per user.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zt/identity.h"
#include "zt/idmap.h"
#include "zt/local.h"

#define ROUNDS 7
#define ID_MIN ZT_ID_MIN_DEFAULT

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
must(enum zt_err err)
{
	if (err == ZT_OK)
		return;
	fprintf(stderr, "%s\n", zt_strerror(err));
	exit(1);
}

/* Immutable ids as a server makes them, keys in their order. */
static void
make_id(char *id, size_t cap, unsigned i)
{
	const unsigned a = i * 2654435761U, b = a ^ 0x5bd1e995;

	snprintf(id, cap, "%08x-%04x-4%03x-9%03x-%08x%04x", a, b >> 16,
	    b & 0xfff, a & 0xfff, b, i & 0xffff);
}

static void
put_user(struct zt_set *set, unsigned i, unsigned groups, bool given)
{
	struct zt_user *user = NULL;
	char id[64], name[32];
	const char *why;
	json_t *root;

	make_id(id, sizeof(id), i);
	snprintf(name, sizeof(name), "user%u", i);
	root = json_pack("{s:s, s:s, s:s, s:[]}", "userName", name, "uuid", id,
	    "realName", "A. N. Example", "memberOf");
	for (unsigned g = 0; g < 3; g++) {
		snprintf(name, sizeof(name), "group%u", (i + g * 7) % groups);
		json_array_append_new(json_object_get(root, "memberOf"),
		    json_string(name));
	}
	if (given) {
		json_object_del(root, "uuid");
		json_object_set_new(root, "uid", json_integer(ID_MIN + i));
	}
	must(zt_user_from_json(root, &user, &why));
	json_decref(root);
	must(zt_set_put_user(set, id, user));
}

static void
put_group(struct zt_set *set, unsigned g, unsigned users, unsigned groups)
{
	json_t *root, *members = json_array();
	struct zt_group *group = NULL;
	char name[32], id[64];
	const char *why;

	for (unsigned i = g; i < 3 * users; i += groups) {
		snprintf(name, sizeof(name), "user%u", i % users);
		json_array_append_new(members, json_string(name));
	}
	make_id(id, sizeof(id), ~g);
	snprintf(name, sizeof(name), "group%u", g);
	root = json_pack("{s:s, s:s, s:o}", "groupName", name, "uuid", id,
	    "members", members);
	must(zt_group_from_json(root, &group, &why));
	json_decref(root);
	must(zt_set_put_group(set, id, group));
}

int
main(int argc, char **argv)
{
	const unsigned users = argc > 1 ? (unsigned)atoi(argv[1]) : 100000,
		       groups = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
	const bool given = argc > 3 && strcmp(argv[3], "given") == 0;
	const struct zt_identity_rules rules = { .id_min = ID_MIN,
		.id_max = ZT_ID_MAX_DEFAULT };
	struct zt_merge_source source = { .name = "corp" };
	struct zt_directory *directory = NULL;
	struct zt_local *local = NULL;
	struct zt_idmap *ids = NULL;
	struct zt_set *set = NULL;
	double t, best = 1e9;
	unsigned line;

	must(zt_local_load("/etc", &local));
	must(zt_idmap_load("bench.ids", NULL, 0, &line, &ids));
	must(zt_set_new(&set));
	for (unsigned i = 0; i < users; i++)
		put_user(set, i, groups, given);
	for (unsigned g = 0; g < groups; g++)
		put_group(set, g, users, groups);
	t = now_ms();
	must(zt_set_seal(set));
	printf("seal   %8.1f ms\n", now_ms() - t);
	source.set = set;
	for (int round = 0; round <= ROUNDS; round++) {
		zt_directory_free(directory);
		t = now_ms();
		must(zt_merge(&source, 1, &rules, local, ids, &directory));
		t = now_ms() - t;
		if (round == 0)
			printf("first  %8.1f ms\n", t);
		else if (t < best)
			best = t;
		if (round > 0)
			continue;
		t = now_ms();
		must(zt_idmap_commit(ids));
		printf("commit %8.1f ms\n", now_ms() - t);
	}
	printf("merge  %8.1f ms  %6.0f ns per user\n", best,
	    best * 1e6 / users);
	printf("users %zu groups %zu refusals %zu gids of the first %u\n",
	    directory->n_users, directory->n_groups, directory->n_refusals,
	    directory->users[0].n_gids);
	zt_directory_free(directory);
	zt_idmap_free(ids);
	t = now_ms();
	must(zt_idmap_load("bench.ids", NULL, 0, &line, &ids));
	printf("load   %8.1f ms\n", now_ms() - t);
	remove("bench.ids");
	zt_idmap_free(ids);
	zt_set_free(set);
	zt_local_free(local);
	return 0;
}
