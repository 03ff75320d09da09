/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does pam_zt.so bring into a process?
 *
 *   zt-bench-map DIR
 *
 * DIR has the PAM services "none" (pam_permit.so) and "login" (pam_zt.so).
 * Prints "<file> <kB mapped> <kB resident>" for each file that is mapped after
 * an account phase of "login" and was not after one of "none".
 */
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"

#define FILES_MAX 128
#define PATH_LEN  256

struct mapping {
	char path[PATH_LEN];
	unsigned long size_kb, rss_kb;
};

struct mappings {
	struct mapping v[FILES_MAX];
	size_t n;
};

static struct mapping *
mapping_get(struct mappings *all, const char *path)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].path, path) == 0)
			return &all->v[i];
	if (all->n == FILES_MAX)
		exit(1);
	(void)snprintf(all->v[all->n].path, PATH_LEN, "%s", path);
	return &all->v[all->n++];
}

/* Add up /proc/self/smaps by file. */
static void
mappings_read(struct mappings *out)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	struct mapping *m = NULL;
	char line[1024], perms[8], path[PATH_LEN];
	unsigned long kb;
	int n;

	if (f == NULL)
		exit(1);
	while (fgets(line, sizeof(line), f) != NULL) {
		n = sscanf(line, "%*x-%*x %7s %*s %*s %*u %255s", perms, path);
		if (n >= 1)
			m = n == 2 && path[0] == '/' ? mapping_get(out, path)
						     : NULL;
		else if (m != NULL && sscanf(line, "Size: %lu", &kb) == 1)
			m->size_kb += kb;
		else if (m != NULL && sscanf(line, "Rss: %lu", &kb) == 1)
			m->rss_kb += kb;
	}
	(void)fclose(f);
}

static int
converse(int n, const struct pam_message **msg, struct pam_response **resp,
    void *arg)
{
	(void)n;
	(void)msg;
	(void)resp;
	(void)arg;
	return PAM_CONV_ERR;
}

/* Modules stay loaded until pam_end(3), which is left to the process's end. */
static bool
account(const char *dir, const char *service)
{
	static const struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;

	return pam_start_confdir(service, "dave", &conv, dir, &pamh) ==
	    PAM_SUCCESS &&
	    pam_acct_mgmt(pamh, 0) == PAM_SUCCESS;
}

int
main(int argc, char **argv)
{
	static struct mappings before, after;
	size_t n;

	if (argc != 2 || !account(argv[1], "none"))
		return 2;
	mappings_read(&before);
	if (!account(argv[1], "login"))
		return 1;
	mappings_read(&after);
	n = before.n;
	for (size_t i = 0; i < after.n; i++) {
		const struct mapping *m = &after.v[i];

		(void)mapping_get(&before, m->path);
		if (before.n == n)
			continue;
		n = before.n;
		(void)printf("%s %lu %lu\n", m->path, m->size_kb, m->rss_kb);
	}
	return 0;
}
