/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of ztd's configuration, of sshd's and of nsswitch.conf. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "ztctl_finding.h"
#include "ztctl_gather.h"

#define ZTD       "/usr/sbin/ztd"
#define SSHD      "/usr/sbin/sshd"
#define VALUE_MAX 1024
#define PATH_LEN  4096

/* The last line of a program's output: what it has to say. */
static const char *
last_line(char *text)
{
	size_t len = strlen(text);
	char *lf;

	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	lf = strrchr(text, '\n');
	return lf == NULL ? text : lf + 1;
}

void
check_config(json_t *list, const char *config)
{
	const char *const argv[] = { ZTD, "--check-config",
		config == NULL ? NULL : "--config", config, NULL };
	zt_auto_free char *words = NULL;
	enum zt_err err;
	int status;

	err = gather_program(argv, &words, &status);
	if (err != ZT_OK)
		finding_add(list, FINDING_FAIL, "config",
		    "install zt completely", "%s: %s", ZTD, zt_strerror(err));
	else
		finding_add(list, status == 0 ? FINDING_OK : FINDING_FAIL,
		    "config",
		    status == 0 ? NULL
				: "correct the file, then "
				  "systemctl reload ztd",
		    "%s", last_line(words));
}

/*
 * The value of a keyword in the output of sshd -T, "" if it is not there.
 * Keywords are in lower case, one blank follows.
 */
static void
sshd_value(const char *text, const char *keyword, char out[VALUE_MAX])
{
	size_t len = strlen(keyword);
	const char *line = text;

	out[0] = '\0';
	while (line != NULL) {
		if (strncmp(line, keyword, len) == 0 && line[len] == ' ') {
			(void)snprintf(out, VALUE_MAX, "%.*s",
			    (int)strcspn(line + len + 1, "\n"), line + len + 1);
			return;
		}
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
}

static bool
is_set(const char *value)
{
	return value[0] != '\0' && strcmp(value, "none") != 0;
}

static void
check_sshd_command(json_t *list, const char *text)
{
	char command[VALUE_MAX], user[VALUE_MAX];

	sshd_value(text, "authorizedprincipalscommand", command);
	sshd_value(text, "authorizedprincipalscommanduser", user);
	if (strstr(command, "zt-principals") == NULL)
		finding_add(list, FINDING_FAIL, "sshd",
		    "set AuthorizedPrincipalsCommand "
		    "/usr/libexec/zt/zt-principals %u %k",
		    "AuthorizedPrincipalsCommand is \"%s\": certificates do "
		    "not reach the broker",
		    command);
	else if (strstr(command, " %u %k") == NULL)
		finding_add(list, FINDING_FAIL, "sshd",
		    "give zt-principals the arguments %u %k",
		    "AuthorizedPrincipalsCommand is \"%s\"", command);
	else if (strcmp(user, "ztd") != 0)
		finding_add(list,
		    strcmp(user, "root") == 0 ? FINDING_WARN : FINDING_FAIL,
		    "sshd", "set AuthorizedPrincipalsCommandUser ztd",
		    "AuthorizedPrincipalsCommandUser is \"%s\"", user);
	else
		finding_add(list, FINDING_OK, "sshd", NULL,
		    "hands certificates to the broker");
}

static void
check_sshd_text(json_t *list, const char *text)
{
	char value[VALUE_MAX];

	sshd_value(text, "usepam", value);
	if (strcmp(value, "yes") == 0)
		finding_add(list, FINDING_OK, "sshd", NULL, "UsePAM is yes");
	else
		finding_add(list, FINDING_FAIL, "sshd", "set UsePAM yes",
		    "UsePAM is \"%s\": logins are not decided", value);
	check_sshd_command(list, text);
	sshd_value(text, "trustedusercakeys", value);
	if (is_set(value))
		finding_add(list, FINDING_OK, "sshd", NULL,
		    "TrustedUserCAKeys is %s", value);
	else
		finding_add(list, FINDING_FAIL, "sshd",
		    "set TrustedUserCAKeys to the file of your user CA's keys",
		    "TrustedUserCAKeys is not set: certificates are refused");
	sshd_value(text, "authorizedprincipalsfile", value);
	if (is_set(value))
		finding_add(list, FINDING_FAIL, "sshd",
		    "set AuthorizedPrincipalsFile none",
		    "AuthorizedPrincipalsFile is %s: a certificate it accepts "
		    "does not reach the broker",
		    value);
}

void
check_sshd(json_t *list, const struct ztctl_options *options)
{
	bool own = options->sshd_config[0] != '\0';
	const char *const argv[] = { SSHD, "-T", own ? "-f" : NULL,
		options->sshd_config, NULL };
	zt_auto_free char *text = NULL;
	enum zt_err err;
	int status;

	err = gather_program(argv, &text, &status);
	if (err == ZT_ERR_NOTFOUND)
		finding_add(list, FINDING_WARN, "sshd", NULL,
		    "%s is not installed", SSHD);
	else if (err != ZT_OK)
		finding_add(list, FINDING_FAIL, "sshd", "run sshd -T", "%s: %s",
		    SSHD, zt_strerror(err));
	else if (status != 0)
		finding_add(list, FINDING_FAIL, "sshd",
		    "correct sshd's configuration; this check needs root",
		    "sshd -T: %s", last_line(text));
	else
		check_sshd_text(list, text);
}

/* The sources of a database of nsswitch.conf, cut in place; NULL if none. */
static char *
nss_sources(char *text, const char *database)
{
	size_t len = strlen(database);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (strncmp(line, database, len) == 0 &&
		    line[len + strspn(line + len, " \t")] == ':') {
			line[strcspn(line, "#")] = '\0';
			return strchr(line, ':') + 1;
		}
	}
	return NULL;
}

/* What is wrong with zt's place among the sources; NULL if nothing is. */
static const char *
nss_fault(char *sources)
{
	bool files = false, ends = false;
	char *save = NULL;

	for (char *s = strtok_r(sources, " \t", &save); s != NULL;
	     s = strtok_r(NULL, " \t", &save)) {
		if (strcmp(s, "zt") == 0) {
			if (!files)
				return "zt stands before files";
			return ends ? "an action before zt ends the search"
				    : NULL;
		}
		if (strcmp(s, "files") == 0 || strcmp(s, "compat") == 0)
			files = true;
		for (char *c = s; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		if (strstr(s, "notfound=return") != NULL ||
		    strstr(s, "!success=return") != NULL)
			ends = true;
	}
	return "zt is not enabled";
}

static void
check_database(json_t *list, const char *path, const char *database,
    bool required)
{
	zt_auto_free char *text = NULL;
	const char *fault;
	char *sources;
	enum zt_err err = gather_file(path, &text);

	if (err != ZT_OK) {
		finding_add(list, FINDING_WARN, "nsswitch", NULL, "%s: %s",
		    path, zt_strerror(err));
		return;
	}
	sources = nss_sources(text, database);
	if (sources == NULL && !required)
		return;
	fault = sources == NULL ? "zt is not enabled" : nss_fault(sources);
	if (fault == NULL)
		finding_add(list, FINDING_OK, "nsswitch", NULL,
		    "%s: zt is enabled", database);
	else
		finding_add(list, FINDING_WARN, "nsswitch",
		    "write zt after files in nsswitch.conf, if users come "
		    "from zt",
		    "%s: %s", database, fault);
}

void
check_nsswitch(json_t *list, const char *etc)
{
	char path[PATH_LEN];

	(void)snprintf(path, sizeof(path), "%s/nsswitch.conf", etc);
	check_database(list, path, "passwd", true);
	check_database(list, path, "group", true);
	/* where there is no such line, libc uses the one of group */
	check_database(list, path, "initgroups", false);
}
