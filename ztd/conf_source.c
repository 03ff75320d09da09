/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_key.h"
#include "zt/text.h"

#define TEXT_MAX 128     /* see conf_source_complete() */
#define FILES    "files" /* the source that identity.users_dir is */

#define MEMBER(member)                                  \
	.offset = offsetof(struct conf_source, member), \
	.size = sizeof(((struct conf_source *)NULL)->member)
#define TEXT(name, member, check, advice)                       \
	{                                                       \
		"source", name, CONF_KIND_TEXT, MEMBER(member), \
		    .valid = check, .use = advice               \
	}
#define PATH(name, member) \
	TEXT(name, member, conf_valid_path, "use an absolute path")
#define ATTRIBUTE(name, member)                       \
	TEXT(name, member, conf_valid_attribute,      \
	    "use an attribute path such as userName " \
	    "or urn:...:User:uidNumber")

/* RFC 7644 s3.10, without a value filter. */
static bool
conf_valid_attribute(const char *word)
{
	return conf_valid_id(word) && strchr(word, '@') == NULL;
}

const struct conf_key conf_source_keys[] = {
	TEXT("type", type, conf_valid_type, "use files, bundle or scim"),
	PATH("dir", dir),
	TEXT("url", url, conf_valid_https, "use https://host/path"),
	PATH("ca_file", ca_file),
	{ "source", "interval", CONF_KIND_DURATION, MEMBER(interval_s),
	    .scale = 1, .def = "5m", .min = "5s", .max = "1d" },
	{ "source", "timeout_ms", CONF_KIND_NUMBER, MEMBER(timeout_ms),
	    .def = "30000", .min = "100", .max = "600000" },
	PATH("signers_file", signers_file),
	PATH("bearer_file", bearer_file),
	TEXT("token_url", token_url, conf_valid_https, "use https://host/path"),
	TEXT("client_id", client_id, conf_valid_words, "use printable text"),
	PATH("client_secret_file", client_secret_file),
	TEXT("token_scope", token_scope, conf_valid_words,
	    "use printable text"),
	TEXT("user_filter", user_filter, conf_valid_words,
	    "use a SCIM filter of printable text"),
	TEXT("group_filter", group_filter, conf_valid_words,
	    "use a SCIM filter of printable text"),
	ATTRIBUTE("attr_name", attr_name),
	ATTRIBUTE("attr_uid", attr_uid),
	ATTRIBUTE("attr_gid", attr_gid),
	ATTRIBUTE("attr_gecos", attr_gecos),
	ATTRIBUTE("attr_home", attr_home),
	ATTRIBUTE("attr_shell", attr_shell),
	ATTRIBUTE("attr_group_name", attr_group_name),
	ATTRIBUTE("attr_group_gid", attr_group_gid),
	{ "source", "page_size", CONF_KIND_NUMBER, MEMBER(page_size),
	    .def = "200", .min = "1", .max = "10000" },
	{ "source", "full_interval", CONF_KIND_DURATION,
	    MEMBER(full_interval_s), .scale = 1, .def = "1h", .min = "5s",
	    .max = "30d" },
	{ "source", "lookup", CONF_KIND_BOOL, MEMBER(lookup), .def = "no",
	    .use = "use yes or no" },
};
const size_t conf_source_n_keys =
    sizeof(conf_source_keys) / sizeof(conf_source_keys[0]);

/* Which keys mean something to which type, besides type. */
static const struct {
	const char *type;
	const char *required; /* names between spaces */
	const char *allowed;
} types[] = {
	{ "files", " dir ", " dir " },
	{ "bundle", " url signers_file ",
	    " url signers_file ca_file bearer_file interval timeout_ms " },
	{ "scim", " url ",
	    " url ca_file bearer_file token_url client_id client_secret_file "
	    "token_scope user_filter group_filter attr_name attr_uid attr_gid "
	    "attr_gecos attr_home attr_shell attr_group_name attr_group_gid "
	    "page_size interval full_interval timeout_ms lookup " },
};

const struct conf_key *
conf_source_key(const char *name)
{
	for (size_t i = 0; i < conf_source_n_keys; i++)
		if (strcmp(conf_source_keys[i].name, name) == 0)
			return &conf_source_keys[i];
	return NULL;
}

static uint32_t
bit_of(const struct conf_key *key)
{
	return UINT32_C(1) << (key - conf_source_keys);
}

bool
conf_source_first(struct conf_source *source, const struct conf_key *key)
{
	const bool first = (source->given & bit_of(key)) == 0;

	source->given |= bit_of(key);
	return first;
}

static bool
is_one_of(const char *names, const char *name)
{
	const size_t len = strlen(name);
	const char *p = names;

	while ((p = strstr(p, name)) != NULL) {
		if (p[-1] == ' ' && p[len] == ' ')
			return true;
		p += len;
	}
	return false;
}

/* Is each key there that must be, and none that means nothing? */
static bool
keys_fit(const struct conf_source *source, const char *required,
    const char *allowed, char *what, char *use)
{
	for (size_t i = 1; i < conf_source_n_keys; i++) {
		const struct conf_key *key = &conf_source_keys[i];
		const bool given = (source->given & bit_of(key)) != 0;

		if (!given && is_one_of(required, key->name)) {
			(void)snprintf(what, TEXT_MAX, "%s is missing in",
			    key->name);
			(void)snprintf(use, TEXT_MAX,
			    "a %s source cannot do without", source->type);
			return false;
		}
		if (given && !is_one_of(allowed, key->name)) {
			(void)snprintf(what, TEXT_MAX, "%s means nothing in",
			    key->name);
			(void)snprintf(use, TEXT_MAX,
			    "it is not for a %s source: remove it",
			    source->type);
			return false;
		}
	}
	return true;
}

/* A SCIM source has one way to prove who we are. */
static bool
authentication_fits(const struct conf_source *source, char *what, char *use)
{
	const bool grant = source->token_url != NULL;

	if (strcmp(source->type, "scim") != 0)
		return true;
	(void)snprintf(what, TEXT_MAX, "no way to authenticate in");
	(void)snprintf(use, TEXT_MAX,
	    "set bearer_file, or token_url, client_id and client_secret_file");
	if (grant)
		return source->bearer_file == NULL &&
		    source->client_id != NULL &&
		    source->client_secret_file != NULL;
	return source->bearer_file != NULL && source->client_id == NULL &&
	    source->client_secret_file == NULL;
}

/* Numbers and choices that were not given; they are within their limits. */
static bool
apply_defaults(struct conf_source *source, char *what, char *use)
{
	char bad[CONF_LINE_MAX + 1];

	for (size_t i = 0; i < conf_source_n_keys; i++) {
		const struct conf_key *key = &conf_source_keys[i];

		if (key->def == NULL || (source->given & bit_of(key)) != 0)
			continue;
		if (conf_store(key, key->def, source, bad) != ZT_OK) {
			(void)snprintf(what, TEXT_MAX, "no default for %s in",
			    key->name);
			(void)snprintf(use, TEXT_MAX, "set it");
			return false;
		}
	}
	return true;
}

bool
conf_source_complete(struct conf_source *source, char *what, char *use)
{
	if (source->type == NULL) {
		(void)snprintf(what, TEXT_MAX, "type is missing in");
		(void)snprintf(use, TEXT_MAX, "use files, bundle or scim");
		return false;
	}
	if (strcmp(source->name, FILES) == 0) {
		(void)snprintf(what, TEXT_MAX, "name is taken:");
		(void)snprintf(use, TEXT_MAX,
		    "files is identity.users_dir: choose another");
		return false;
	}
	/* "corp.etag" is what "corp" remembers */
	if (strchr(source->name, '.') != NULL) {
		(void)snprintf(what, TEXT_MAX, "a dot is in the name:");
		(void)snprintf(use, TEXT_MAX,
		    "choose one without: files of other sources have it");
		return false;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, source->type) == 0 &&
		    !keys_fit(source, types[i].required, types[i].allowed, what,
			use))
			return false;
	return authentication_fits(source, what, use) &&
	    apply_defaults(source, what, use);
}

/* Add the source that identity.users_dir is. */
static enum zt_err
add_files(struct conf *conf)
{
	struct conf_source *files = &conf->sources[conf->n_sources];

	files->name = strdup(FILES);
	files->type = strdup(FILES);
	files->dir = strdup(conf->identity.users_dir);
	conf->n_sources++;
	return files->name == NULL || files->type == NULL || files->dir == NULL
	    ? ZT_ERR_NOMEM
	    : ZT_OK;
}

/* Move source from to before source to. */
static void
move(struct conf *conf, size_t from, size_t to)
{
	const struct conf_source moved = conf->sources[from];

	memmove(&conf->sources[to + 1], &conf->sources[to],
	    (from - to) * sizeof(moved));
	conf->sources[to] = moved;
}

static size_t
find(const struct conf *conf, const char *name)
{
	size_t i = 0;

	while (i < conf->n_sources && strcmp(conf->sources[i].name, name) != 0)
		i++;
	return i;
}

enum zt_err
conf_sources_order(struct conf *conf, size_t *bad_out)
{
	const struct conf_list *order = &conf->identity.order;
	size_t from;
	enum zt_err err = ZT_OK;

	if (order->n == 0 || conf_list_has(order, FILES))
		err = add_files(conf);
	if (err != ZT_OK)
		return err;
	if (order->n == 0) {
		move(conf, conf->n_sources - 1, 0);
		return ZT_OK;
	}
	for (size_t i = 0; i < order->n; i++) {
		*bad_out = i;
		if ((from = find(conf, order->words[i])) == conf->n_sources)
			return ZT_ERR_NOTFOUND;
		move(conf, from, i);
	}
	*bad_out = order->n;
	return order->n == conf->n_sources ? ZT_OK : ZT_ERR_MALFORMED;
}

void
conf_source_clear(struct conf_source *source)
{
	free(source->name);
	for (size_t i = 0; i < conf_source_n_keys; i++) {
		const struct conf_key *key = &conf_source_keys[i];
		char **text = (char **)(void *)((char *)source + key->offset);

		if (key->kind == CONF_KIND_TEXT)
			free(*text);
	}
	*source = (struct conf_source){ 0 };
}
