/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run a fuzz target over saved inputs: every file named in argv, and every
 * file in the directories named there.  A TAP test of one result.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "zt/auto.h"

#define INPUT_MAX (1u << 20) /* bytes; longer inputs are a mistake */
#define PATH_LEN  4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
filep(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

static void
dirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static int
replay_file(const char *path)
{
	zt_auto(filep) FILE *f = fopen(path, "re");
	zt_auto_free uint8_t *buf = malloc(INPUT_MAX + 1);
	zt_auto_free uint8_t *exact = NULL;
	size_t len;

	if (f == NULL || buf == NULL)
		return -1;
	len = fread(buf, 1, INPUT_MAX + 1, f);
	if (ferror(f) || len > INPUT_MAX)
		return -1;
	/* a heap block of the exact size: ASan sees a read past the end */
	if ((exact = malloc(len)) == NULL && len > 0)
		return -1;
	if (len > 0)
		memcpy(exact, buf, len);
	/* the last line of a crash names the input */
	(void)printf("# %s\n", path);
	(void)fflush(stdout);
	return LLVMFuzzerTestOneInput(exact, len) == 0 ? 0 : -1;
}

static int
replay(const char *path, unsigned *n)
{
	zt_auto(dirp) DIR *dir = opendir(path);
	struct dirent *entry;
	char child[PATH_LEN];

	if (dir == NULL) {
		if (replay_file(path) != 0)
			return -1;
		(*n)++;
		return 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path,
			entry->d_name) >= (int)sizeof(child) ||
		    replay(child, n) != 0)
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash == NULL ? argv[0] : slash + 1;
	unsigned n = 0;

	for (int i = 1; i < argc; i++) {
		if (replay(argv[i], &n) != 0) {
			(void)printf("not ok 1 - fuzz %s: %s\n", name, argv[i]);
			return 1;
		}
	}
	(void)printf("%s 1 - fuzz %s replays %u inputs\n",
	    n > 0 ? "ok" : "not ok", name, n);
	return n > 0 ? 0 : 1;
}
