/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/oldidentity.h"
#include "zt/passwd.h"
#include "zt/wire.h"

/*
 * JSON User and Group Records: the fields that zt serves.  Others are
 * ignored, as the specification asks, but for the ones that would change or
 * vouch for what stands here: see refused_sections.
 */

#define DEFAULT_HOME_PREFIX "/home/"
#define DEFAULT_SHELL       "/bin/bash" /* as systemd's for regular users */

/*
 * A record being read.  As with struct zt_rd the first failure sticks, later
 * getters return nothing, and record_end() reports it.
 */
struct record {
	const json_t *root;
	enum zt_err err;
	const char *why;
};

/* Field rules: name of the field, what its text must be. */
struct text_rule {
	const char *key;
	bool (*valid)(struct zt_str s);
	size_t max; /* bytes */
	const char *why;
};

static const struct text_rule rule_user_name = { "userName", zt_name_valid,
	ZT_NAME_MAX, "userName is missing or no valid name" };
static const struct text_rule rule_group_name = { "groupName", zt_name_valid,
	ZT_NAME_MAX, "groupName is missing or no valid name" };
static const struct text_rule rule_gecos = { "realName", zt_field_valid,
	ZT_GECOS_MAX,
	"realName holds ':' or a control character, or is "
	"over 256 bytes" };
static const struct text_rule rule_home = { "homeDirectory", zt_path_valid,
	ZT_PATH_MAX,
	"homeDirectory is no plain absolute path of at most "
	"256 bytes" };
static const struct text_rule rule_shell = { "shell", zt_path_valid,
	ZT_PATH_MAX, "shell is no plain absolute path of at most 256 bytes" };

static void
record_fail(struct record *rec, enum zt_err err, const char *why)
{
	if (rec->err != ZT_OK)
		return;
	rec->err = err;
	rec->why = why;
}

static const json_t *
record_get(const struct record *rec, const char *key)
{
	return rec->err == ZT_OK ? json_object_get(rec->root, key) : NULL;
}

static char *
record_copy(struct record *rec, const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		record_fail(rec, ZT_ERR_NOMEM, NULL);
	return copy;
}

static bool
text_is_valid(const json_t *value, const struct text_rule *rule)
{
	const struct zt_str s = { json_string_value(value),
		json_string_length(value) };

	return s.p != NULL && s.len <= rule->max && rule->valid(s);
}

/* A text by its rule; fallback where it is absent, NULL if it must be there. */
static char *
record_text(struct record *rec, const struct text_rule *rule,
    const char *fallback)
{
	const json_t *value = record_get(rec, rule->key);

	if (value == NULL && fallback != NULL)
		return record_copy(rec, fallback);
	if (!text_is_valid(value, rule)) {
		record_fail(rec, ZT_ERR_MALFORMED, rule->why);
		return NULL;
	}
	return record_copy(rec, json_string_value(value));
}

/* A uid or gid; fallback where it is absent, 0 if it must be there. */
static uint32_t
record_id(struct record *rec, const char *key, uint32_t fallback,
    const char *why)
{
	const json_t *value = record_get(rec, key);
	json_int_t id = value == NULL ? fallback : json_integer_value(value);

	if (id <= 0 || id > UINT32_MAX || !zt_id_valid((uint32_t)id)) {
		record_fail(rec, ZT_ERR_MALFORMED, why);
		return 0;
	}
	return (uint32_t)id;
}

static uint64_t
record_usec(struct record *rec, const char *key, uint64_t fallback,
    const char *why)
{
	const json_t *value = record_get(rec, key);

	if (value == NULL)
		return fallback;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		record_fail(rec, ZT_ERR_MALFORMED, why);
	return (uint64_t)json_integer_value(value);
}

static bool
record_flag(struct record *rec, const char *key, const char *why)
{
	const json_t *value = record_get(rec, key);

	if (value != NULL && !json_is_boolean(value))
		record_fail(rec, ZT_ERR_MALFORMED, why);
	return json_is_true(value);
}

/* An array of names; what is read so far is the caller's to free. */
static char **
record_names(struct record *rec, const char *key, size_t max, size_t *n_out,
    const char *why)
{
	const json_t *value = record_get(rec, key);
	const size_t n = json_array_size(value);
	const struct text_rule rule = { key, zt_name_valid, ZT_NAME_MAX, why };
	char **names;

	*n_out = 0;
	if (value != NULL && (!json_is_array(value) || n > max))
		record_fail(rec, ZT_ERR_MALFORMED, why);
	if (n == 0 || rec->err != ZT_OK)
		return NULL;
	names = calloc(n, sizeof(*names));
	if (names == NULL)
		record_fail(rec, ZT_ERR_NOMEM, NULL);
	for (size_t i = 0; i < n && rec->err == ZT_OK; i++) {
		const json_t *item = json_array_get(value, i);

		if (!text_is_valid(item, &rule))
			record_fail(rec, ZT_ERR_MALFORMED, why);
		else if ((names[i] = record_copy(rec,
			      json_string_value(item))) != NULL)
			*n_out = i + 1;
	}
	return names;
}

/*
 * Sections that would override fields for this host, or claim a proof that
 * nobody checks here, or must not lie in a file at all.  Ignoring them would
 * serve another user than the record means.  "privileged" (password hashes,
 * SSH keys) and "status" grant and change nothing here, and are ignored.
 */
static const struct {
	const char *key, *why;
} refused_sections[] = {
	{ "perMachine", "perMachine is not supported" },
	{ "binding", "binding is not supported" },
	{ "signature", "signature is not verified here: remove it" },
	{ "secret", "secret must not be in a stored record" },
};

static void
record_check(struct record *rec)
{
	const json_t *disposition = record_get(rec, "disposition");
	const char *text = json_string_value(disposition);

	for (size_t i = 0;
	     i < sizeof(refused_sections) / sizeof(refused_sections[0]); i++)
		if (record_get(rec, refused_sections[i].key) != NULL)
			record_fail(rec, ZT_ERR_MALFORMED,
			    refused_sections[i].why);
	if (disposition != NULL &&
	    (text == NULL || strcmp(text, "regular") != 0))
		record_fail(rec, ZT_ERR_MALFORMED,
		    "disposition is not regular");
}

/* Begin reading; the tree is the caller's to release in any case. */
static json_t *
record_begin(struct record *rec, struct zt_str json)
{
	json_t *root = NULL;

	*rec = (struct record){ .err = ZT_OK };
	if (json.len <= ZT_RECORD_FILE_MAX)
		root =
		    json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
	rec->root = root;
	if (!json_is_object(root))
		record_fail(rec, ZT_ERR_MALFORMED,
		    "not one JSON object of at most 65536 bytes, no key twice");
	record_check(rec);
	return root;
}

static enum zt_err
record_end(const struct record *rec, const char **why_out)
{
	if (rec->err == ZT_ERR_MALFORMED)
		*why_out = rec->why;
	return rec->err;
}

static void
names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void
zt_olduser_free(struct zt_olduser *user)
{
	if (user == NULL)
		return;
	names_free(user->member_of, user->n_member_of);
	free(user->name);
	free(user->gecos);
	free(user->home);
	free(user->shell);
	free(user);
}

void
zt_oldgroup_free(struct zt_oldgroup *group)
{
	if (group == NULL)
		return;
	names_free(group->members, group->n_members);
	free(group->name);
	free(group);
}

static void
user_freep(struct zt_olduser **user)
{
	zt_olduser_free(*user);
}

static void
group_freep(struct zt_oldgroup **group)
{
	zt_oldgroup_free(*group);
}

static void
read_user(struct record *rec, struct zt_olduser *user)
{
	char home[sizeof(DEFAULT_HOME_PREFIX) + ZT_NAME_MAX];

	user->name = record_text(rec, &rule_user_name, NULL);
	user->uid = record_id(rec, "uid", 0,
	    "uid is missing or no number that can be a user's");
	user->gid = record_id(rec, "gid", user->uid,
	    "gid is no number that can be a group's");
	user->gecos = record_text(rec, &rule_gecos, "");
	strcpy(home, DEFAULT_HOME_PREFIX);
	if (user->name != NULL) /* of at most ZT_NAME_MAX bytes */
		strcat(home, user->name);
	user->home = record_text(rec, &rule_home, home);
	user->shell = record_text(rec, &rule_shell, DEFAULT_SHELL);
	user->member_of = record_names(rec, "memberOf", ZT_GROUPS_PER_USER_MAX,
	    &user->n_member_of,
	    "memberOf is no array of at most 8192 valid names");
	user->locked = record_flag(rec, "locked", "locked is no boolean");
	user->not_before_us = record_usec(rec, "notBeforeUSec", 0,
	    "notBeforeUSec is no number of microseconds");
	user->not_after_us = record_usec(rec, "notAfterUSec", UINT64_MAX,
	    "notAfterUSec is no number of microseconds");
}

enum zt_err
zt_olduser_parse(struct zt_str json, struct zt_olduser **out, const char **why_out)
{
	zt_auto(user_freep) struct zt_olduser *user = calloc(1, sizeof(*user));
	struct record rec;
	json_auto_t *root = record_begin(&rec, json);
	enum zt_err err;

	(void)root;
	if (user == NULL)
		return ZT_ERR_NOMEM;
	read_user(&rec, user);
	if ((err = record_end(&rec, why_out)) != ZT_OK)
		return err;
	*out = zt_take(user);
	return ZT_OK;
}

enum zt_err
zt_oldgroup_parse(struct zt_str json, struct zt_oldgroup **out, const char **why_out)
{
	zt_auto(group_freep) struct zt_oldgroup *group = calloc(1, sizeof(*group));
	struct record rec;
	json_auto_t *root = record_begin(&rec, json);
	enum zt_err err;

	(void)root;
	if (group == NULL)
		return ZT_ERR_NOMEM;
	group->name = record_text(&rec, &rule_group_name, NULL);
	group->gid = record_id(&rec, "gid", 0,
	    "gid is missing or no number that can be a group's");
	group->members = record_names(&rec, "members", ZT_USERS_MAX,
	    &group->n_members, "members is no array of valid names");
	if ((err = record_end(&rec, why_out)) != ZT_OK)
		return err;
	*out = zt_take(group);
	return ZT_OK;
}
