/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long until a changed record is seen.
 *
 *   zt-bench-change DIR N make
 *	N records in DIR, of the users of make bench-nss.
 *   zt-bench-change DIR N ROUNDS
 *	Replace the record of a random user, ROUNDS times, and look him up
 *	until he has changed.  Prints the median and the longest, in ms.
 */
#include <err.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sample.h"
#include "people.h"

#define LIMIT_US 10e6
#define PAUSE_US 200
#define NEW_FILE ".new"

static void
record_write(size_t i, unsigned version)
{
	struct person p;
	char path[32];
	FILE *f = fopen(NEW_FILE, "we");

	if (f == NULL)
		err(1, "%s", NEW_FILE);
	person_get(i, &p);
	(void)fprintf(f,
	    "{\"userName\":\"%s\",\"uid\":%u,\"gid\":%u,"
	    "\"realName\":\"Version %u\",\"homeDirectory\":\"/home/%s\","
	    "\"shell\":\"%s\"}\n",
	    p.name, p.uid, p.uid, version, p.name, PEOPLE_SHELL);
	(void)snprintf(path, sizeof(path), "%s.user", p.name);
	if (fclose(f) != 0 || rename(NEW_FILE, path) != 0)
		err(1, "%s", path);
}

static bool
seen(const char *name, unsigned version)
{
	char want[32], buf[1024];
	struct passwd pw, *found = NULL;

	(void)snprintf(want, sizeof(want), "Version %u", version);
	if (getpwnam_r(name, &pw, buf, sizeof(buf), &found) != 0 ||
	    found == NULL)
		errx(1, "%s is gone", name);
	return strcmp(pw.pw_gecos, want) == 0;
}

static double
change(size_t i, unsigned version)
{
	struct person p;
	double start;

	person_get(i, &p);
	if (seen(p.name, version))
		errx(1, "%s had that already", p.name);
	record_write(i, version);
	start = sample_now_us();
	while (!seen(p.name, version)) {
		if (sample_now_us() - start > LIMIT_US)
			errx(1, "%s does not change", p.name);
		(void)usleep(PAUSE_US);
	}
	return sample_now_us() - start;
}

int
main(int argc, char **argv)
{
	static struct sample s;
	uint64_t state = 1;
	size_t n, rounds;

	if (argc != 4)
		errx(2, "usage: zt-bench-change DIR N make|ROUNDS");
	n = sample_count(argv[2], PEOPLE_MAX);
	if (chdir(argv[1]) != 0)
		err(1, "%s", argv[1]);
	if (strcmp(argv[3], "make") == 0) {
		for (size_t i = 0; i < n; i++)
			record_write(i, 0);
		return 0;
	}
	rounds = sample_count(argv[3], 1000);
	for (unsigned r = 1; r <= rounds; r++) {
		sample_add(&s, change(people_random(&state) % n, r) / 1e3);
		(void)usleep(500000);
	}
	(void)printf("%.1f %.1f\n", sample_quantile(&s, 0.5),
	    sample_quantile(&s, 1));
	return 0;
}
