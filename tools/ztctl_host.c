/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of ztd's configuration and of sshd's. */
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "ztctl_finding.h"
#include "ztctl_gather.h"

#define ZTD       "/usr/sbin/ztd"
#define SSHD      "/usr/sbin/sshd"
#define VALUE_MAX 1024

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
