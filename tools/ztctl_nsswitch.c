/* SPDX-License-Identifier: Apache-2.0 */
/* Whether nsswitch.conf lets zt answer for users and groups. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "zt/auto.h"
#include "ztctl_gather.h"
#include "ztctl_nsswitch.h"

/* A place in the text of a line. */
struct cursor {
	const char *p;
};

static void
skip_blanks(struct cursor *c)
{
	while (isspace((unsigned char)*c->p))
		c->p++;
}

/* A run of bytes that are none of the blanks and of stop. */
static size_t
word_len(const char *p, const char *stop)
{
	size_t len = 0;

	while (p[len] != '\0' && !isspace((unsigned char)p[len]) &&
	    strchr(stop, p[len]) == NULL)
		len++;
	return len;
}

/* The index of the word at the cursor in a list, and move past it; -1. */
static int
word_index(struct cursor *c, const char *const *list, size_t n)
{
	const size_t len = word_len(c->p, "[]=");

	for (size_t i = 0; i < n; i++) {
		if (strlen(list[i]) == len &&
		    strncasecmp(c->p, list[i], len) == 0) {
			c->p += len;
			return (int)i;
		}
	}
	return -1;
}

/* STATUS=ACTION or !STATUS=ACTION; false if it is neither. */
static bool
parse_action(struct cursor *c, struct nss_service *service)
{
	static const char *const answers[] = { "success", "notfound", "unavail",
		"tryagain" };
	static const char *const actions[] = { "continue", "return", "merge" };
	const bool all_but = *c->p == '!';
	int answer, action;

	if (all_but)
		c->p++;
	answer = word_index(c, answers, NSS_ANSWERS);
	skip_blanks(c);
	if (answer < 0 || *c->p++ != '=')
		return false;
	skip_blanks(c);
	action = word_index(c, actions, 3);
	for (int i = 0; action >= 0 && i < (int)NSS_ANSWERS; i++)
		if ((i == answer) != all_but)
			service->action[i] = (enum nss_action)action;
	return action >= 0;
}

/* [STATUS=ACTION ...], which is about the service before it. */
static bool
parse_actions(struct cursor *c, struct nss_service *service)
{
	c->p++;
	skip_blanks(c);
	while (*c->p != ']') {
		if (!parse_action(c, service))
			return false;
		skip_blanks(c);
	}
	c->p++;
	return true;
}

static enum zt_err
parse_services(const char *text, struct nss_line *line)
{
	struct cursor c = { text };
	size_t len;

	line->n = 0;
	for (skip_blanks(&c); *c.p != '\0'; skip_blanks(&c)) {
		struct nss_service *s = &line->services[line->n];

		if (*c.p == '[') {
			if (line->n == 0 || !parse_actions(&c, s - 1))
				return ZT_ERR_MALFORMED;
			continue;
		}
		len = word_len(c.p, "[");
		if (line->n == NSS_SERVICES_MAX || len >= sizeof(s->name))
			return ZT_ERR_TOOBIG;
		*s = (struct nss_service){ .action = { NSS_RETURN } };
		memcpy(s->name, c.p, len);
		c.p += len;
		line->n++;
	}
	return ZT_OK;
}

/* What follows "database:" in a line, or NULL if it is of another. */
static const char *
line_of(const char *line, const char *database)
{
	const size_t len = strlen(database);

	line += strspn(line, " \t");
	if (strncmp(line, database, len) != 0)
		return NULL;
	line += len;
	line += strspn(line, " \t");
	return *line == ':' ? line + 1 : NULL;
}

enum zt_err
nss_line_parse(const char *text, const char *database, struct nss_line *out)
{
	zt_auto_free char *copy = strdup(text);
	struct nss_line line = { .n = 0 };
	enum zt_err err = ZT_OK;
	char *save = NULL;

	if (copy == NULL)
		return ZT_ERR_NOMEM;
	for (char *s = strtok_r(copy, "\n", &save); s != NULL;
	     s = strtok_r(NULL, "\n", &save)) {
		const char *services;

		s[strcspn(s, "#")] = '\0';
		services = line_of(s, database);
		if (services == NULL)
			continue;
		line.lines++;
		if ((err = parse_services(services, &line)) != ZT_OK)
			return err;
	}
	*out = line;
	return ZT_OK;
}

enum zt_err
nss_line_read(const char *etc, const char *database, struct nss_line *out)
{
	zt_auto_free char *text = NULL;
	char path[PATH_MAX];
	enum zt_err err;

	(void)snprintf(path, sizeof(path), "%s/nsswitch.conf", etc);
	if ((err = gather_file(path, &text)) != ZT_OK)
		return err;
	return nss_line_parse(text, database, out);
}

size_t
nss_line_find(const struct nss_line *line, const char *service)
{
	size_t i = 0;

	while (i < line->n && strcmp(line->services[i].name, service) != 0)
		i++;
	return i;
}

/* Does any service before zt end the search at this answer? */
static bool
acts_before_zt(const struct nss_line *line, enum nss_answer answer,
    enum nss_action action)
{
	const size_t zt = nss_line_find(line, "zt");

	for (size_t i = 0; i < zt; i++)
		if (line->services[i].action[answer] == action)
			return true;
	return false;
}

static bool
is_missing(const struct nss_line *line, const char *database)
{
	(void)database;
	return nss_line_find(line, "zt") == line->n;
}

static bool
is_before_files(const struct nss_line *line, const char *database)
{
	const size_t zt = nss_line_find(line, "zt");

	(void)database;
	return zt < line->n && nss_line_find(line, "files") > zt &&
	    nss_line_find(line, "compat") > zt;
}

static bool
is_cut_off(const struct nss_line *line, const char *database)
{
	return !is_missing(line, database) &&
	    acts_before_zt(line, NSS_NOTFOUND, NSS_RETURN);
}

/* Only with an initgroups line does libc stop at who knows the user. */
static bool
is_cut_off_by_success(const struct nss_line *line, const char *database)
{
	return strcmp(database, "initgroups") == 0 &&
	    !is_missing(line, database) &&
	    acts_before_zt(line, NSS_SUCCESS, NSS_RETURN);
}

static bool
is_looked_past(const struct nss_line *line, const char *database)
{
	return strcmp(database, "initgroups") != 0 &&
	    !is_missing(line, database) &&
	    acts_before_zt(line, NSS_SUCCESS, NSS_CONTINUE);
}

/* libc can merge groups, and nothing else. */
static bool
is_merged(const struct nss_line *line, const char *database)
{
	return strcmp(database, "passwd") == 0 && !is_missing(line, database) &&
	    acts_before_zt(line, NSS_SUCCESS, NSS_MERGE);
}

static bool
is_cut_off_by_trouble(const struct nss_line *line, const char *database)
{
	return !is_missing(line, database) &&
	    (acts_before_zt(line, NSS_UNAVAIL, NSS_RETURN) ||
		acts_before_zt(line, NSS_TRYAGAIN, NSS_RETURN));
}

static bool
is_twice(const struct nss_line *line, const char *database)
{
	size_t n = 0;

	(void)database;
	for (size_t i = 0; i < line->n; i++)
		n += strcmp(line->services[i].name, "zt") == 0;
	return n > 1;
}

static bool
is_after_systemd(const struct nss_line *line, const char *database)
{
	const size_t zt = nss_line_find(line, "zt");

	(void)database;
	return zt < line->n && nss_line_find(line, "systemd") < zt;
}

static bool
is_compat(const struct nss_line *line, const char *database)
{
	(void)database;
	return nss_line_find(line, "compat") < line->n;
}

static bool
is_written_twice(const struct nss_line *line, const char *database)
{
	(void)database;
	return line->lines > 1;
}

static const struct {
	bool (*found)(const struct nss_line *line, const char *database);
	struct nss_fault fault;
} faults[] = {
	{ is_missing,
	    { FINDING_FAIL, "zt is not enabled",
		"write zt after files in nsswitch.conf, if users come "
		"from zt" } },
	{ is_before_files,
	    { FINDING_FAIL, "zt stands before files",
		"write zt after files: local accounts come first" } },
	{ is_cut_off,
	    { FINDING_FAIL,
		"an action before zt ends the search: zt is not asked for "
		"whom they do not know",
		"remove [NOTFOUND=return] before zt" } },
	{ is_cut_off_by_success,
	    { FINDING_FAIL,
		"a service before zt ends the search: a member of a local "
		"group gets no group of zt's",
		"write [SUCCESS=continue] before zt, or remove the line" } },
	{ is_merged,
	    { FINDING_FAIL,
		"[SUCCESS=merge] before zt: libc can merge groups only, and "
		"finds no local user any more",
		"remove [SUCCESS=merge] from that line" } },
	{ is_looked_past,
	    { FINDING_FAIL,
		"[SUCCESS=continue] before zt: what the services before it "
		"know is not found, or is zt's",
		"remove [SUCCESS=continue] from that line" } },
	{ is_cut_off_by_trouble,
	    { FINDING_WARN,
		"an action before zt ends the search while another service "
		"is in trouble",
		"remove [UNAVAIL=return] and [TRYAGAIN=return] before zt" } },
	{ is_twice,
	    { FINDING_WARN, "zt stands there twice: a miss costs double",
		"leave one of them" } },
	{ is_after_systemd,
	    { FINDING_WARN,
		"systemd stands before zt: it answers for zt's users, by way "
		"of the broker, at many times the cost",
		"write zt before systemd" } },
	{ is_compat,
	    { FINDING_WARN,
		"compat: lines that begin with + in local files can let "
		"others in before zt",
		"write files in its place" } },
	{ is_written_twice,
	    { FINDING_WARN,
		"there are several lines of it: libc takes the last, older "
		"ones the first",
		"leave one line" } },
};

bool
nss_line_fault(const struct nss_line *line, const char *database, size_t i,
    struct nss_fault *out)
{
	for (size_t k = 0; k < sizeof(faults) / sizeof(faults[0]); k++) {
		if (!faults[k].found(line, database) || i-- > 0)
			continue;
		*out = faults[k].fault;
		return true;
	}
	return false;
}

static void
check_line(json_t *list, const struct nss_line *line, const char *database,
    enum finding_grade worst)
{
	struct nss_fault fault;
	bool fine = true;

	for (size_t i = 0; nss_line_fault(line, database, i, &fault); i++) {
		fine = fine && fault.grade != FINDING_FAIL;
		finding_add(list,
		    fault.grade == FINDING_FAIL ? worst : fault.grade,
		    "nsswitch", fault.remedy, "%s: %s", database, fault.text);
	}
	if (fine)
		finding_add(list, FINDING_OK, "nsswitch", NULL,
		    "%s: zt is enabled", database);
}

static void
check_database(json_t *list, const char *etc, const char *database,
    enum finding_grade worst)
{
	const bool optional = strcmp(database, "initgroups") == 0;
	struct nss_line line;
	enum zt_err err = nss_line_read(etc, database, &line);

	if (err == ZT_ERR_MALFORMED || err == ZT_ERR_TOOBIG)
		finding_add(list, worst, "nsswitch",
		    "correct that line: see nsswitch.conf(5)",
		    "%s: %s/nsswitch.conf is not understood: %s", database, etc,
		    zt_strerror(err));
	else if (err != ZT_OK)
		finding_add(list, worst, "nsswitch", NULL,
		    "%s: %s/nsswitch.conf: %s", database, etc,
		    zt_strerror(err));
	else if (line.lines > 0 || !optional)
		check_line(list, &line, database, worst);
}

void
check_nsswitch(json_t *list, const char *etc, enum finding_grade worst)
{
	check_database(list, etc, "passwd", worst);
	check_database(list, etc, "group", worst);
	/* where there is no such line, libc uses the one of group */
	check_database(list, etc, "initgroups", worst);
}
