/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/identity.h"
#include "zt/json.h"
#include "zt/passwd.h"
#include "zt/wire.h"

/*
 * JSON User and Group Records: the fields that zt serves.  Others are
 * ignored, as the specification asks, but for the ones that would change or
 * vouch for what stands here: see refused_sections.
 */

#define DEFAULT_HOME_PREFIX "/home/"
#define DEFAULT_SHELL       "/bin/bash" /* as systemd's for regular users */
#define PRIVILEGED_MAX      16384       /* bytes, printed compactly */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A record being read.  As with struct zt_rd the first failure sticks, later
 * getters return nothing of use, and the end reports it.  What they return is
 * borrowed from the tree; bytes is what a copy of it all takes.
 */
struct record {
	const json_t *root;
	size_t bytes;
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

static bool
id_text_valid(struct zt_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.len > 0;
}

static const struct text_rule rule_user_name = { "userName", zt_name_valid,
	ZT_NAME_MAX, "userName is missing or no valid name" };
static const struct text_rule rule_group_name = { "groupName", zt_name_valid,
	ZT_NAME_MAX, "groupName is missing or no valid name" };
static const struct text_rule rule_id = { "uuid", id_text_valid,
	ZT_IMMUTABLE_ID_MAX,
	"uuid is no text of 1 to 128 printable ASCII "
	"characters without space" };
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

/* Count a text that will be copied. */
static const char *
record_keep(struct record *rec, const char *s)
{
	rec->bytes += strlen(s) + 1;
	return s;
}

static bool
text_is_valid(const json_t *value, const struct text_rule *rule)
{
	const struct zt_str s = { json_string_value(value),
		json_string_length(value) };

	return s.p != NULL && s.len <= rule->max && rule->valid(s);
}

/* A text by its rule; fallback where it is absent, NULL if it must be there. */
static const char *
record_text(struct record *rec, const struct text_rule *rule,
    const char *fallback)
{
	const json_t *value = record_get(rec, rule->key);

	if (value == NULL && fallback != NULL)
		return record_keep(rec, fallback);
	if (!text_is_valid(value, rule)) {
		record_fail(rec, ZT_ERR_MALFORMED, rule->why);
		return "";
	}
	return record_keep(rec, json_string_value(value));
}

/* A uid or gid; 0 where it is absent. */
static uint32_t
record_id(struct record *rec, const char *key, const char *why)
{
	const json_t *value = record_get(rec, key);
	const json_int_t id = json_integer_value(value);

	if (value == NULL)
		return 0;
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

/* An array of names: checked and counted; NULL if it is absent. */
static const json_t *
record_names(struct record *rec, const char *key, size_t max, const char *why)
{
	const json_t *value = record_get(rec, key);
	const size_t n = json_array_size(value);
	const struct text_rule rule = { key, zt_name_valid, ZT_NAME_MAX, why };

	if (value != NULL && (!json_is_array(value) || n > max))
		record_fail(rec, ZT_ERR_MALFORMED, why);
	for (size_t i = 0; i < n && rec->err == ZT_OK; i++) {
		const json_t *item = json_array_get(value, i);

		if (!text_is_valid(item, &rule))
			record_fail(rec, ZT_ERR_MALFORMED, why);
		else
			(void)record_keep(rec, json_string_value(item));
		rec->bytes += sizeof(char *);
	}
	return value;
}

/*
 * Directories that are not a person's home, and nothing below them either:
 * files that a login writes there are the system's.
 */
static const char *const system_trees[] = { "/bin", "/boot", "/dev", "/etc",
	"/lib", "/lib32", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys",
	"/usr", "/var/lib/ztd", "/var/log", "/var/run", "/var/spool" };

/* Below these a home may be, but not there. */
static const char *const system_places[] = { "/home", "/media", "/mnt", "/opt",
	"/srv", "/tmp", "/var", "/var/cache", "/var/lib", "/var/tmp" };

/* Step over slashes and "." components. */
static const char *
skip_empty(const char *path)
{
	for (;;)
		if (path[0] == '/')
			path++;
		else if (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
			path++;
		else
			return path;
}

/* What follows dir in path, "" if it is dir; NULL if path is elsewhere. */
static const char *
path_below(const char *path, const char *dir)
{
	for (;;) {
		size_t len;

		path = skip_empty(path);
		dir = skip_empty(dir);
		len = strcspn(dir, "/");
		if (len == 0)
			return path;
		if (strcspn(path, "/") != len || memcmp(path, dir, len) != 0)
			return NULL;
		path += len;
		dir += len;
	}
}

static bool
home_is_system(const char *home)
{
	const char *rest;

	if (path_below(home, "/")[0] == '\0')
		return true;
	for (size_t i = 0; i < COUNT(system_trees); i++)
		if (path_below(home, system_trees[i]) != NULL)
			return true;
	for (size_t i = 0; i < COUNT(system_places); i++)
		if ((rest = path_below(home, system_places[i])) != NULL &&
		    rest[0] == '\0')
			return true;
	return false;
}

static const char *
record_home(struct record *rec, const char *fallback)
{
	const char *home = record_text(rec, &rule_home, fallback);

	if (rec->err == ZT_OK && home_is_system(home))
		record_fail(rec, ZT_ERR_MALFORMED,
		    "homeDirectory is a directory of the system");
	return home;
}

/* The section "privileged", printed; owned by the caller, secret. */
static char *
record_privileged(struct record *rec)
{
	const json_t *value = record_get(rec, "privileged");
	enum zt_err err = ZT_ERR_TOOBIG;
	char *text = NULL;

	if (value == NULL)
		return NULL;
	if (json_is_object(value))
		err = zt_json_print(value, PRIVILEGED_MAX, &text, NULL);
	if (err == ZT_ERR_TOOBIG)
		record_fail(rec, ZT_ERR_MALFORMED,
		    "privileged is no object of at most 16384 bytes");
	else if (err != ZT_OK)
		record_fail(rec, err, NULL);
	return text;
}

/*
 * Sections that would override fields for this host, or claim a proof that
 * nobody checks here, or must not lie in a file at all.  Ignoring them would
 * serve another user than the record means.  "status" grants and changes
 * nothing here, and is ignored.
 */
static const struct {
	const char *key, *why;
} refused_sections[] = {
	{ "perMachine", "perMachine is not supported" },
	{ "binding", "binding is not supported" },
	{ "signature", "signature is not verified here: remove it" },
	{ "secret", "secret must not be in a stored record" },
};

/* Begin reading a tree. */
static struct record
record_begin(const json_t *root, size_t bytes)
{
	struct record rec = { .root = root, .bytes = bytes };
	const json_t *disposition;
	const char *text;

	if (!json_is_object(root))
		record_fail(&rec, ZT_ERR_MALFORMED, "not a JSON object");
	for (size_t i = 0; i < COUNT(refused_sections); i++)
		if (record_get(&rec, refused_sections[i].key) != NULL)
			record_fail(&rec, ZT_ERR_MALFORMED,
			    refused_sections[i].why);
	disposition = record_get(&rec, "disposition");
	text = json_string_value(disposition);
	if (disposition != NULL &&
	    (text == NULL || strcmp(text, "regular") != 0))
		record_fail(&rec, ZT_ERR_MALFORMED,
		    "disposition is not regular");
	return rec;
}

static enum zt_err
record_end(const struct record *rec, const char **why_out)
{
	if (rec->err == ZT_ERR_MALFORMED)
		*why_out = rec->why;
	return rec->err;
}

/* Copy a text to *room and move on. */
static const char *
pack_text(char **room, const char *s)
{
	const size_t size = strlen(s) + 1;
	char *copy = memcpy(*room, s, size);

	*room += size;
	return copy;
}

/* Copy names to *room, their texts to *texts. */
static const char *const *
pack_names(const char ***room, char **texts, const json_t *names)
{
	const char **const copy = *room;

	for (size_t i = 0; i < json_array_size(names); i++)
		*(*room)++ = pack_text(texts,
		    json_string_value(json_array_get(names, i)));
	return copy;
}

/* Texts follow the pointers, which follow the struct. */
static enum zt_err
pack_user(const struct record *rec, const struct zt_user *from,
    const json_t *member_of, struct zt_user **out)
{
	struct zt_user *user = malloc(rec->bytes);
	const char **names;
	char *room;

	if (user == NULL)
		return ZT_ERR_NOMEM;
	*user = *from;
	names = (const char **)(user + 1);
	room = (char *)(names + from->n_member_of);
	user->name = pack_text(&room, from->name);
	user->member_of = pack_names(&names, &room, member_of);
	user->id = pack_text(&room, from->id);
	user->gecos = pack_text(&room, from->gecos);
	user->home = pack_text(&room, from->home);
	user->shell = pack_text(&room, from->shell);
	user->privileged = pack_text(&room, from->privileged);
	*out = user;
	return ZT_OK;
}

static void
read_login_limits(struct record *rec, struct zt_user *user)
{
	user->locked = record_flag(rec, "locked", "locked is no boolean");
	user->not_before_us = record_usec(rec, "notBeforeUSec", 0,
	    "notBeforeUSec is no number of microseconds");
	user->not_after_us = record_usec(rec, "notAfterUSec", UINT64_MAX,
	    "notAfterUSec is no number of microseconds");
}

enum zt_err
zt_user_from_json(const json_t *root, struct zt_user **out,
    const char **why_out)
{
	char home[sizeof(DEFAULT_HOME_PREFIX) + ZT_NAME_MAX];
	struct record rec = record_begin(root, sizeof(struct zt_user));
	zt_auto_wipe char *privileged = NULL;
	struct zt_user user = { .name = NULL };
	const json_t *member_of;
	enum zt_err err;

	user.name = record_text(&rec, &rule_user_name, NULL);
	user.id = record_text(&rec, &rule_id, "");
	user.uid =
	    record_id(&rec, "uid", "uid is no number that can be a user's");
	user.gid =
	    record_id(&rec, "gid", "gid is no number that can be a group's");
	if (user.uid == 0 && user.id[0] == '\0')
		record_fail(&rec, ZT_ERR_MALFORMED,
		    "neither uid, nor uuid to derive it from");
	user.gecos = record_text(&rec, &rule_gecos, "");
	strcpy(home, DEFAULT_HOME_PREFIX);
	strcat(home, user.name); /* of at most ZT_NAME_MAX bytes */
	user.home = record_home(&rec, home);
	user.shell = record_text(&rec, &rule_shell, DEFAULT_SHELL);
	member_of = record_names(&rec, "memberOf", ZT_GROUPS_PER_USER_MAX,
	    "memberOf is no array of at most 8192 valid names");
	user.n_member_of = json_array_size(member_of);
	read_login_limits(&rec, &user);
	privileged = record_privileged(&rec);
	user.privileged =
	    record_keep(&rec, privileged == NULL ? "" : privileged);
	if ((err = record_end(&rec, why_out)) != ZT_OK)
		return err;
	return pack_user(&rec, &user, member_of, out);
}

enum zt_err
zt_group_from_json(const json_t *root, struct zt_group **out,
    const char **why_out)
{
	struct record rec = record_begin(root, sizeof(struct zt_group));
	const char *name = record_text(&rec, &rule_group_name, NULL);
	const char *id = record_text(&rec, &rule_id, "");
	const uint32_t gid =
	    record_id(&rec, "gid", "gid is no number that can be a group's");
	const json_t *members = record_names(&rec, "members", ZT_SET_MAX,
	    "members is no array of valid names");
	struct zt_group *group;
	const char **names;
	enum zt_err err;
	char *room;

	if (gid == 0 && id[0] == '\0')
		record_fail(&rec, ZT_ERR_MALFORMED,
		    "neither gid, nor uuid to derive it from");
	if ((err = record_end(&rec, why_out)) != ZT_OK)
		return err;
	if ((group = malloc(rec.bytes)) == NULL)
		return ZT_ERR_NOMEM;
	group->gid = gid;
	group->n_members = json_array_size(members);
	names = (const char **)(group + 1);
	room = (char *)(names + group->n_members);
	group->name = pack_text(&room, name);
	group->id = pack_text(&room, id);
	group->members = pack_names(&names, &room, members);
	*out = group;
	return ZT_OK;
}

/* Read the text of one record; NULL if it is none. */
static json_t *
record_load(struct zt_str json)
{
	if (json.len > ZT_RECORD_FILE_MAX)
		return NULL;
	return json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
}

static const char not_one_object[] =
    "not one JSON object of at most 65536 bytes, no key twice";

enum zt_err
zt_user_parse(struct zt_str json, struct zt_user **out, const char **why_out)
{
	json_auto_t *root = record_load(json);

	if (!json_is_object(root)) {
		*why_out = not_one_object;
		return ZT_ERR_MALFORMED;
	}
	return zt_user_from_json(root, out, why_out);
}

enum zt_err
zt_group_parse(struct zt_str json, struct zt_group **out, const char **why_out)
{
	json_auto_t *root = record_load(json);

	if (!json_is_object(root)) {
		*why_out = not_one_object;
		return ZT_ERR_MALFORMED;
	}
	return zt_group_from_json(root, out, why_out);
}
