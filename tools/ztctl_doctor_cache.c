/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs that answer, or remember answers, before zt does. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "ztctl_doctor.h"
#include "ztctl_finding.h"
#include "ztctl_gather.h"
#include "ztctl_nsswitch.h"

#define COMM_MAX 32

/* What a pid file's process is called now; "" if there is none. */
static void
running(const struct ztctl_options *options, const char *pid_file,
    char out[COMM_MAX])
{
	zt_auto_free char *text = NULL;
	zt_auto_free char *comm = NULL;
	char path[PATH_MAX], proc[64];
	unsigned long pid;

	out[0] = '\0';
	doctor_path(options, pid_file, path);
	if (gather_file(path, &text) != ZT_OK ||
	    (pid = strtoul(text, NULL, 10)) == 0)
		return;
	(void)snprintf(proc, sizeof(proc), "/proc/%lu/comm", pid);
	doctor_path(options, proc, path);
	if (gather_file(path, &comm) != ZT_OK)
		return;
	(void)snprintf(out, COMM_MAX, "%.*s", (int)strcspn(comm, "\n"), comm);
}

/*
 * The value of "keyword database value" in nscd.conf; the last one counts.
 * Source: nscd.conf(5).
 */
static void
nscd_value(const char *text, const char *keyword, const char *database,
    char out[COMM_MAX])
{
	char k[COMM_MAX], d[COMM_MAX], v[COMM_MAX];

	while (text != NULL) {
		if (sscanf(text, " %31s %31s %31s", k, d, v) == 3 &&
		    strcmp(k, keyword) == 0 && strcmp(d, database) == 0)
			(void)snprintf(out, COMM_MAX, "%s", v);
		text = strchr(text, '\n');
		text = text == NULL ? NULL : text + 1;
	}
}

static void
check_nscd_database(json_t *list, const char *who, const char *text,
    const char *database)
{
	/* nscd's own defaults */
	char cached[COMM_MAX] = "no", positive[COMM_MAX] = "3600",
	     negative[COMM_MAX] = "20";

	if (strcmp(database, "group") == 0)
		(void)strcpy(negative, "60");
	nscd_value(text, "enable-cache", database, cached);
	nscd_value(text, "positive-time-to-live", database, positive);
	nscd_value(text, "negative-time-to-live", database, negative);
	if (strcmp(cached, "yes") == 0)
		finding_add(list, FINDING_WARN, "cache",
		    "write enable-cache no for it in nscd.conf: zt is a cache "
		    "itself",
		    "%s remembers %s: a change is seen up to %s s later, who "
		    "is new up to %s s later",
		    who, database, positive, negative);
	else
		finding_add(list, FINDING_OK, "cache", NULL,
		    "%s runs, and does not cache %s", who, database);
}

static void
check_nscd(json_t *list, const struct ztctl_options *options)
{
	zt_auto_free char *text = NULL;
	char path[PATH_MAX], who[COMM_MAX];

	running(options, "/run/nscd/nscd.pid", who);
	if (who[0] == '\0')
		running(options, "/var/run/nscd/nscd.pid", who);
	if (strcmp(who, "nscd") != 0 && strcmp(who, "unscd") != 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/nscd.conf", options->etc);
	if (gather_file(path, &text) != ZT_OK)
		text = strdup("");
	check_nscd_database(list, who, text, "passwd");
	check_nscd_database(list, who, text, "group");
}

/* Does sss stand before zt in a line of nsswitch.conf? */
static bool
sss_is_first(const char *etc, const char *database)
{
	struct nss_line line;

	if (nss_line_read(etc, database, &line) != ZT_OK)
		return false;
	return nss_line_find(&line, "sss") < nss_line_find(&line, "zt");
}

static void
check_sssd(json_t *list, const struct ztctl_options *options)
{
	static const char *const databases[] = { "passwd", "group",
		"initgroups" };
	char who[COMM_MAX];

	running(options, "/run/sssd.pid", who);
	if (who[0] == '\0')
		running(options, "/var/run/sssd.pid", who);
	if (strcmp(who, "sssd") != 0)
		return;
	for (size_t i = 0; i < 3; i++)
		if (sss_is_first(options->etc, databases[i]))
			finding_add(list, FINDING_WARN, "cache",
			    "write zt before sss, or take sss out",
			    "%s: sssd is asked before zt: whom both know is "
			    "sssd's, and each other lookup waits for it",
			    databases[i]);
	finding_add(list, FINDING_OK, "cache", NULL, "sssd runs beside zt");
}

void
doctor_caches(json_t *list, const struct ztctl_options *options)
{
	check_nscd(list, options);
	check_sssd(list, options);
}
