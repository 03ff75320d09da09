/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/text.h"

#define KEY_MAX 48 /* "group/" and a name, or "line/" and a number; bytes */

/* Cut a line off *rest; its end is not part of it. */
static struct zt_str
line_cut(struct zt_str *rest)
{
	const char *end = memchr(rest->p, '\n', rest->len);
	struct zt_str line = { rest->p, rest->len };

	if (end != NULL)
		line.len = (size_t)(end - rest->p);
	rest->p += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	return line;
}

static json_t *
line_load(struct zt_str line)
{
	return json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
}

/* An integer of the head within 1..max; fallback if there is none. */
static int64_t
head_int(const json_t *root, const char *key, int64_t max, int64_t fallback)
{
	const json_t *value = json_object_get(root, key);
	const json_int_t n = json_integer_value(value);

	if (value == NULL)
		return fallback;
	return json_is_integer(value) && n >= 1 && n <= max ? (int64_t)n : 0;
}

static enum zt_err
head_parse(struct zt_str line, struct zt_bundle_head *out, const char **why_out)
{
	json_auto_t *root = NULL;
	struct zt_bundle_head head;
	int64_t format;

	*why_out = "the first line is no head of a bundle";
	if (line.len > ZT_BUNDLE_HEAD_MAX)
		return ZT_ERR_TOOBIG;
	if ((root = line_load(line)) == NULL)
		return ZT_ERR_MALFORMED;
	format = head_int(root, "zt-users", INT64_MAX, 0);
	if (format == 0)
		return ZT_ERR_MALFORMED;
	if (format != ZT_BUNDLE_FORMAT) {
		*why_out = "the bundle is of an unknown format";
		return ZT_ERR_VERSION;
	}
	head.version = head_int(root, "version", ZT_BUNDLE_VERSION_MAX, 0);
	head.issued_s = head_int(root, "issued", ZT_BUNDLE_VERSION_MAX, 0);
	head.expires_s =
	    head_int(root, "expires", ZT_BUNDLE_VERSION_MAX, INT64_MAX);
	if (head.version == 0 || head.issued_s == 0 || head.expires_s == 0) {
		*why_out = "version, issued or expires of the bundle is "
			   "missing or no whole number";
		return ZT_ERR_MALFORMED;
	}
	*out = head;
	return ZT_OK;
}

enum zt_err
zt_bundle_begin(struct zt_str message, struct zt_bundle *out,
    const char **why_out)
{
	struct zt_bundle bundle = { .rest = message };
	enum zt_err err;

	if (message.len > ZT_BUNDLE_MAX) {
		*why_out = "the bundle is too large";
		return ZT_ERR_TOOBIG;
	}
	err = head_parse(line_cut(&bundle.rest), &bundle.head, why_out);
	if (err != ZT_OK)
		return err;
	bundle.line = 1;
	*out = bundle;
	return ZT_OK;
}

enum zt_err
zt_bundle_open(struct zt_str document, const struct zt_ca_set *signers,
    struct zt_bundle *out, const char **why_out)
{
	struct zt_str signature, message;
	enum zt_err err;

	*why_out = "no SSH signature stands in front of it";
	if ((err = zt_sshsig_cut(document, &signature, &message)) != ZT_OK)
		return err;
	err = zt_sshsig_verify(signature, message, ZT_BUNDLE_NAMESPACE, signers,
	    why_out);
	return err != ZT_OK ? err : zt_bundle_begin(message, out, why_out);
}

/* ---- records ---- */

/* One record on its way into the set. */
struct entry {
	char key[KEY_MAX];
	const char *name; /* borrowed from the tree; NULL if it is none */
	bool is_group;
	const char *why; /* static; NULL while nothing is wrong */
};

static void
entry_name(struct entry *e, const json_t *root, size_t line)
{
	const json_t *user = json_object_get(root, "userName");
	const json_t *group = json_object_get(root, "groupName");
	const char *name = json_string_value(user != NULL ? user : group);

	e->is_group = user == NULL;
	if (e->why == NULL && (user == NULL) == (group == NULL))
		e->why = "neither a user nor a group: it has both or none of "
			 "userName and groupName";
	if (e->why == NULL && name != NULL && zt_name_valid(zt_str(name)))
		e->name = name;
	if (e->name != NULL)
		(void)snprintf(e->key, sizeof(e->key), "%s/%s",
		    e->is_group ? "group" : "user", e->name);
	else
		(void)snprintf(e->key, sizeof(e->key), "line/%zu", line);
}

static enum zt_err
put_user(struct entry *e, const json_t *root, struct zt_set *set)
{
	zt_auto_free struct zt_user *user = NULL;
	enum zt_err err = zt_user_from_json(root, &user, &e->why);

	if (err == ZT_OK && (err = zt_set_put_user(set, e->key, user)) == ZT_OK)
		user = NULL;
	return err;
}

static enum zt_err
put_group(struct entry *e, const json_t *root, struct zt_set *set)
{
	zt_auto_free struct zt_group *group = NULL;
	enum zt_err err = zt_group_from_json(root, &group, &e->why);

	if (err == ZT_OK &&
	    (err = zt_set_put_group(set, e->key, group)) == ZT_OK)
		group = NULL;
	return err;
}

static enum zt_err
record_read(struct zt_str line, size_t number, struct zt_set *set)
{
	json_auto_t *root = NULL;
	struct entry e = { 0 };
	enum zt_err err = ZT_ERR_MALFORMED;

	if (line.len > ZT_BUNDLE_LINE_MAX)
		e.why = "longer than a record may be";
	else if ((root = line_load(line)) == NULL || !json_is_object(root))
		e.why = "no JSON object, or a key stands in it twice";
	entry_name(&e, root, number);
	if (e.why == NULL)
		err = e.is_group ? put_group(&e, root, set)
				 : put_user(&e, root, set);
	if (err != ZT_ERR_MALFORMED)
		return err;
	return zt_set_put_refused(set, e.key, e.name, e.why);
}

enum zt_err
zt_bundle_read(struct zt_bundle *bundle, size_t n, struct zt_set *set)
{
	enum zt_err err;

	for (; n > 0 && bundle->rest.len > 0; n--) {
		err = record_read(line_cut(&bundle->rest), ++bundle->line, set);
		if (err != ZT_OK)
			return err;
	}
	return ZT_OK;
}

enum zt_err
zt_bundle_follows(const struct zt_bundle_head *head, int64_t last_version,
    bool same, int64_t now_s, const char **why_out)
{
	if (head->expires_s <= now_s)
		*why_out = "the bundle has expired";
	else if (head->version < last_version)
		*why_out = "the bundle's version is lower than the last one "
			   "accepted";
	else if (head->version == last_version && !same)
		*why_out = "the bundle has the version of the last one "
			   "accepted, with other content";
	else
		return ZT_OK;
	return ZT_ERR_DENIED;
}
