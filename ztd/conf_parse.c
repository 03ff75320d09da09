/* SPDX-License-Identifier: Apache-2.0 */
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_key.h"
#include "zt/auto.h"
#include "zt/text.h"

#define QUOTE_MAX   128 /* of the file, in an explanation; bytes with NUL */
#define BLANKS      " \t"
#define SERVICE     "service " /* a section's name begins so */
#define SERVICE_LEN (sizeof(SERVICE) - 1)
#define SOURCE      "source " /* or so */
#define SOURCE_LEN  (sizeof(SOURCE) - 1)

#define MEMBER(member)                           \
	.offset = offsetof(struct conf, member), \
	.size = sizeof(((struct conf *)NULL)->member)

#define USE_PATH "use an absolute path"
#define USE_BOOL "use yes or no"

const struct conf_key conf_keys[CONF_KEYS] = {
	[CONF_PDP_URL] = { "pdp", "url", CONF_KIND_LIST, MEMBER(pdp.urls),
	    .valid = conf_valid_url, .required = true, .nonempty = true,
	    .use = "use https://host/path, each once, without user or '#'" },
	[CONF_PDP_UNIX_SOCKET] = { "pdp", "unix_socket", CONF_KIND_TEXT,
	    MEMBER(pdp.unix_socket), .valid = conf_valid_socket_path,
	    .use = "use an absolute path of at most 107 bytes" },
	[CONF_PDP_TIMEOUT_MS] = { "pdp", "timeout_ms", CONF_KIND_NUMBER,
	    MEMBER(pdp.timeout_ms), .def = "3000", .min = "100",
	    .max = "30000" },
	[CONF_PDP_CA_FILE] = { "pdp", "ca_file", CONF_KIND_TEXT,
	    MEMBER(pdp.ca_file), .valid = conf_valid_path, .use = USE_PATH },
	[CONF_PDP_CLIENT_CERT_FILE] = { "pdp", "client_cert_file",
	    CONF_KIND_TEXT, MEMBER(pdp.client_cert_file),
	    .valid = conf_valid_path, .use = USE_PATH },
	[CONF_PDP_CLIENT_KEY_FILE] = { "pdp", "client_key_file", CONF_KIND_TEXT,
	    MEMBER(pdp.client_key_file), .valid = conf_valid_path,
	    .use = USE_PATH },
	[CONF_PDP_BEARER_FILE] = { "pdp", "bearer_file", CONF_KIND_TEXT,
	    MEMBER(pdp.bearer_file), .valid = conf_valid_path,
	    .use = USE_PATH },
	[CONF_PDP_MIRROR_CONTEXT] = { "pdp", "mirror_context", CONF_KIND_BOOL,
	    MEMBER(pdp.mirror_context), .def = "no", .use = USE_BOOL },

	[CONF_CREDENTIAL_CA_FILE] = { "credential", "ca_file", CONF_KIND_TEXT,
	    MEMBER(credential.ca_file), .valid = conf_valid_path,
	    .required = true, .use = USE_PATH },
	[CONF_CREDENTIAL_MAX_LIFETIME] = { "credential", "max_lifetime",
	    CONF_KIND_DURATION, MEMBER(credential.max_lifetime_s), .scale = 1,
	    .def = "24h", .min = "1m", .max = "90d" },
	[CONF_CREDENTIAL_CLOCK_SKEW] = { "credential", "clock_skew",
	    CONF_KIND_DURATION, MEMBER(credential.clock_skew_s), .scale = 1,
	    .def = "30s", .min = "0s", .max = "10m" },
	[CONF_CREDENTIAL_REQUIRED] = { "credential", "required", CONF_KIND_BOOL,
	    MEMBER(credential.required), .def = "yes", .use = USE_BOOL },

	[CONF_SCOPE_SERVICES] = { "scope", "services", CONF_KIND_LIST,
	    MEMBER(scope.services), .def = "sshd sudo sudo-i su su-l login",
	    .valid = conf_valid_service, .nonempty = true,
	    .use = "use names of PAM services, each once" },
	[CONF_SCOPE_EXEMPT_USERS] = { "scope", "exempt_users", CONF_KIND_LIST,
	    MEMBER(scope.exempt_users), .def = "login:root",
	    .valid = conf_valid_exemption,
	    .use = "use words \"user\" or \"service:user\", each once" },

	[CONF_PAM_AUTH] = { "pam", "auth", CONF_KIND_REFUSE,
	    MEMBER(pam.auth_refuse), .def = "refuse",
	    .use = "use refuse or ignore" },

	[CONF_IDENTITY_USERS_DIR] = { "identity", "users_dir", CONF_KIND_TEXT,
	    MEMBER(identity.users_dir), .def = "/etc/ztd/users.d",
	    .valid = conf_valid_path, .use = USE_PATH },
	[CONF_IDENTITY_SOURCES] = { "identity", "sources", CONF_KIND_LIST,
	    MEMBER(identity.order), .def = "", .valid = conf_valid_name,
	    .use = "name each [source] once, and files for users_dir" },
	[CONF_IDENTITY_ID_RANGE] = { "identity", "id_range", CONF_KIND_RANGE,
	    MEMBER(identity.id_min), .def = "2013265920-2147352575",
	    .min = "1000", .max = "4294967293",
	    .use = "use FIRST-LAST within 1000 to 4294967293" },
	[CONF_IDENTITY_ALLOW_GROUPS] = { "identity", "allow_groups",
	    CONF_KIND_LIST, MEMBER(identity.allow_groups), .def = "",
	    .valid = conf_valid_name, .use = "use group names, each once" },
	[CONF_IDENTITY_ID_OVERRIDES] = { "identity", "id_overrides",
	    CONF_KIND_LIST, MEMBER(identity.id_overrides), .def = "",
	    .valid = conf_valid_override,
	    .use = "use words SOURCE/IMMUTABLE-ID:ID, each once" },
	[CONF_IDENTITY_MAX_LOSS] = { "identity", "max_loss_percent",
	    CONF_KIND_NUMBER, MEMBER(identity.max_loss_percent), .def = "20",
	    .min = "0", .max = "100" },
	[CONF_IDENTITY_STALE_AFTER] = { "identity", "stale_after",
	    CONF_KIND_DURATION, MEMBER(identity.stale_after_s), .scale = 1,
	    .def = "24h", .min = "1m", .max = "90d" },
	[CONF_IDENTITY_ENUMERATE] = { "identity", "enumerate", CONF_KIND_BOOL,
	    MEMBER(identity.enumerate), .def = "no", .use = USE_BOOL },

	[CONF_LOG_FILE] = { "log", "file", CONF_KIND_TEXT, MEMBER(log.file),
	    .def = "/var/log/ztd/decisions.jsonl", .valid = conf_valid_path,
	    .use = USE_PATH },

	[CONF_HOST_ID] = { "host", "id", CONF_KIND_TEXT, MEMBER(host.id),
	    .valid = conf_valid_id,
	    .use = "use at most 255 letters, digits and -._:/@+=" },

	[CONF_BROKER_MAX_REQUESTS] = { "broker", "max_requests",
	    CONF_KIND_NUMBER, MEMBER(broker.max_requests), .def = "2000",
	    .min = "1", .max = "8000" },
	[CONF_BROKER_MAX_CONNECTIONS] = { "broker", "max_connections",
	    CONF_KIND_NUMBER, MEMBER(broker.max_connections), .def = "2000",
	    .min = "1", .max = "8000" },
	[CONF_BROKER_MAX_CONNECTIONS_PER_UID] = { "broker",
	    "max_connections_per_uid", CONF_KIND_NUMBER,
	    MEMBER(broker.max_connections_per_uid), .def = "128", .min = "1",
	    .max = "8000" },
	[CONF_BROKER_STOP_TIMEOUT] = { "broker", "stop_timeout",
	    CONF_KIND_DURATION, MEMBER(broker.stop_timeout_ms), .scale = 1000,
	    .def = "5s", .min = "0s", .max = "60s" },
	[CONF_BROKER_DENIAL_WINDOW] = { "broker", "denial_window",
	    CONF_KIND_DURATION, MEMBER(broker.denial_window_s), .scale = 1,
	    .def = "15m", .min = "1s", .max = "1d" },
};

/* A parse under way.  The first failure sticks and ends it. */
struct parse {
	const char *name; /* of the file, for explanations */
	const char *text; /* not read yet */
	bool has_value;   /* the section has a value that could go on */
	bool goes_on;     /* this line is indented: it continues the value */
	struct conf *conf;
	struct conf_lines lines;
	enum zt_err err;
	char *error;
};

void
conf_explain(char error[CONF_ERROR_MAX], const char *name, unsigned line,
    const char *remedy, const char *format, ...)
{
	char what[CONF_ERROR_MAX / 2];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	(void)snprintf(error, CONF_ERROR_MAX, "%s:%u: %s: %s", name, line, what,
	    remedy);
}

/* Refuse the file for what stands in its current line. */
static void
refuse(struct parse *parse, const char *what, const char *quote,
    const char *remedy)
{
	char shown[QUOTE_MAX];

	if (parse->err != ZT_OK)
		return;
	(void)zt_escape(shown, sizeof(shown), zt_str(quote));
	conf_explain(parse->error, parse->name, parse->lines.last, remedy,
	    "%s \"%s\"", what, shown);
	parse->err = ZT_ERR_MALFORMED;
}

/* Refuse the file for key, said (or not said) in line. */
static void
refuse_key(struct parse *parse, enum conf_key_id id, unsigned line,
    const char *what, const char *remedy)
{
	if (parse->err != ZT_OK)
		return;
	conf_explain(parse->error, parse->name, line, remedy, "[%s] %s %s",
	    conf_keys[id].section, conf_keys[id].name, what);
	parse->err = ZT_ERR_MALFORMED;
}

static void
no_memory(struct parse *parse)
{
	if (parse->err != ZT_OK)
		return;
	conf_explain(parse->error, parse->name, parse->lines.last,
	    "free some and try again", "out of memory");
	parse->err = ZT_ERR_NOMEM;
}

/* Values */

/* Put a value into the object of the key's section. */
static void
key_set(struct parse *parse, const struct conf_key *key, void *object,
    const char *text)
{
	char bad[CONF_LINE_MAX + 1], what[QUOTE_MAX], use[QUOTE_MAX];
	enum zt_err err = conf_store(key, text, object, bad);

	if (err == ZT_OK)
		return;
	if (err == ZT_ERR_NOMEM) {
		no_memory(parse);
		return;
	}
	(void)snprintf(use, sizeof(use), "use %s to %s",
	    key->min == NULL ? "" : key->min, key->max == NULL ? "" : key->max);
	(void)snprintf(what, sizeof(what), "[%s] %s: cannot use", key->section,
	    key->name);
	refuse(parse, what, bad, key->use == NULL ? use : key->use);
}

/* Sections and keys, as libinih hands them over */

static void
on_key(struct parse *parse, const char *section, const char *name,
    const char *text)
{
	enum conf_key_id id = 0;

	while (id < CONF_KEYS &&
	    (strcmp(conf_keys[id].section, section) != 0 ||
		strcmp(conf_keys[id].name, name) != 0))
		id++;
	if (id == CONF_KEYS)
		refuse(parse, "unknown key", name,
		    "correct it; ztd.conf(5) lists the keys of a section");
	else if (parse->goes_on && conf_keys[id].kind != CONF_KIND_LIST)
		refuse_key(parse, id, parse->lines.last,
		    "goes on in an indented line",
		    "write the value in one line, and keys without indent");
	else if (!parse->goes_on && parse->lines.key[id] != 0)
		refuse_key(parse, id, parse->lines.last, "is given twice",
		    "remove one; a list goes on in indented lines");
	else
		key_set(parse, &conf_keys[id], parse->conf, text);
	if (id < CONF_KEYS && !parse->goes_on)
		parse->lines.key[id] = parse->lines.last;
}

static struct conf_service *
service_find(struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (strcmp(conf->services[i].name, name) == 0)
			return &conf->services[i];
	return NULL;
}

static void
on_service(struct parse *parse, const char *service, const char *name,
    const char *text)
{
	struct conf *conf = parse->conf;
	struct conf_service *new = &conf->services[conf->n_services];
	bool required;

	if (strcmp(name, "credential.required") != 0)
		refuse(parse, "unknown key", name,
		    "a [service] has the key credential.required");
	else if (parse->goes_on || !conf_choice(text, "yes", "no", &required))
		refuse(parse, "credential.required: cannot use", text,
		    USE_BOOL);
	else if (service_find(conf, service) != NULL)
		refuse(parse, "credential.required is given twice for", service,
		    "remove one");
	else if (conf->n_services == CONF_SERVICES_MAX)
		refuse(parse, "too many sections:", service,
		    "keep 32 [service] sections at most");
	else if ((new->name = strdup(service)) == NULL)
		no_memory(parse);
	else {
		new->credential_required = required;
		parse->lines.service[conf->n_services++] = parse->lines.last;
	}
}

/* The section's object: that of its name, or a new one; NULL if refused. */
static struct conf_source *
source_object(struct parse *parse, const char *name)
{
	struct conf *conf = parse->conf;
	struct conf_source *new = &conf->sources[conf->n_sources];

	for (size_t i = 0; i < conf->n_sources; i++)
		if (strcmp(conf->sources[i].name, name) == 0)
			return &conf->sources[i];
	if (conf->n_sources == CONF_SOURCES_MAX - 1) { /* and files */
		refuse(parse, "too many sections:", name,
		    "keep 15 [source] sections at most");
		return NULL;
	}
	if ((new->name = strdup(name)) == NULL) {
		no_memory(parse);
		return NULL;
	}
	new->line = parse->lines.last;
	conf->n_sources++;
	return new;
}

static void
on_source(struct parse *parse, const char *section, const char *name,
    const char *text)
{
	struct conf_source *source = source_object(parse, section);
	const struct conf_key *key = conf_source_key(name);

	if (source == NULL)
		return;
	if (key == NULL)
		refuse(parse, "unknown key", name,
		    "correct it; ztd.conf(5) lists the keys of a [source]");
	else if (parse->goes_on)
		refuse(parse, "goes on in an indented line:", name,
		    "write the value in one line, and keys without indent");
	else if (!conf_source_first(source, key))
		refuse(parse, "given twice:", name, "remove one");
	else
		key_set(parse, key, source, text);
}

/* "account NAME" or "group NAME"; returns NAME, or NULL. */
static const char *
rule_name(const char *text, bool *is_group_out)
{
	bool is_group = strncmp(text, "group", 5) == 0;
	size_t len = is_group ? 5 : 7, blanks;

	if (!is_group && strncmp(text, "account", 7) != 0)
		return NULL;
	if ((blanks = strspn(text + len, BLANKS)) == 0 ||
	    !conf_valid_name(text + len + blanks))
		return NULL;
	*is_group_out = is_group;
	return text + len + blanks;
}

static bool
rule_exists(const struct conf *conf, bool is_group, const char *name)
{
	for (size_t i = 0; i < conf->n_principals; i++)
		if (conf->principals[i].is_group == is_group &&
		    strcmp(conf->principals[i].name, name) == 0)
			return true;
	return false;
}

/* Start the rule that text names. */
static void
rule_begin(struct parse *parse, const char *text)
{
	struct conf *conf = parse->conf;
	struct conf_principals *new = &conf->principals[conf->n_principals];
	bool is_group = false;
	const char *name = rule_name(text, &is_group);

	if (name == NULL)
		refuse(parse, "unknown key", text,
		    "use \"account NAME\" or \"group NAME\"");
	else if (rule_exists(conf, is_group, name))
		refuse(parse, "given twice:", text,
		    "remove one; a list goes on in indented lines");
	else if (conf->n_principals == CONF_RULES_MAX)
		refuse(parse, "too many lines:", text,
		    "keep 256 lines in [principals] at most");
	else if ((new->name = strdup(name)) == NULL)
		no_memory(parse);
	else {
		new->is_group = is_group;
		conf->n_principals++;
	}
}

static void
on_rule(struct parse *parse, const char *name, const char *text)
{
	struct conf_list *list;
	char bad[CONF_LINE_MAX + 1] = "";
	enum zt_err err;

	if (!parse->goes_on)
		rule_begin(parse, name);
	if (parse->err != ZT_OK)
		return;
	list =
	    &parse->conf->principals[parse->conf->n_principals - 1].principals;
	err = conf_list_append(list, text, conf_valid_principal, bad);
	if (err == ZT_ERR_NOMEM)
		no_memory(parse);
	else if (err != ZT_OK)
		refuse(parse, "cannot use principal", bad,
		    "name each once, 64 at most, without patterns or quotes");
	else if (list->n == 0)
		refuse(parse, "no principal for", name,
		    "name one, or remove the line");
}

/* ini_handler */
static int
on_value(void *arg, const char *section, const char *name, const char *text)
{
	struct parse *parse = arg;

	if (parse->err != ZT_OK)
		return 0;
	if (strcmp(section, "principals") == 0)
		on_rule(parse, name, text);
	else if (strncmp(section, SERVICE, SERVICE_LEN) == 0)
		on_service(parse, section + SERVICE_LEN, name, text);
	else if (strncmp(section, SOURCE, SOURCE_LEN) == 0)
		on_source(parse, section + SOURCE_LEN, name, text);
	else
		on_key(parse, section, name, text);
	return parse->err == ZT_OK;
}

/* Lines, before libinih sees them: it lets pass what we refuse */

static bool
section_known(const char *name)
{
	if (strcmp(name, "principals") == 0)
		return true;
	if (strncmp(name, SERVICE, SERVICE_LEN) == 0)
		return conf_valid_service(name + SERVICE_LEN);
	if (strncmp(name, SOURCE, SOURCE_LEN) == 0)
		return conf_valid_name(name + SOURCE_LEN);
	for (size_t i = 0; i < CONF_KEYS; i++)
		if (strcmp(conf_keys[i].section, name) == 0)
			return true;
	return false;
}

/* libinih ignores what follows ']', and a section without keys. */
static void
check_section(struct parse *parse, const char *line)
{
	char name[CONF_LINE_MAX + 1];
	size_t len = strlen(line);

	while (strchr(BLANKS, line[len - 1]) != NULL)
		len--;
	memcpy(name, line + 1, len - 1);
	name[len - 1] = '\0';
	if (len < 2 || line[len - 1] != ']') {
		refuse(parse, "not a section", line,
		    "write [name] and nothing behind it");
		return;
	}
	name[len - 2] = '\0';
	if (!section_known(name))
		refuse(parse, "unknown section", name,
		    "correct it; ztd.conf(5) lists the sections");
	parse->has_value = false;
}

/* libinih takes an indented "key = value" for more of the value before. */
static void
check_indented(struct parse *parse, const char *line)
{
	if (!parse->has_value || strchr(line, '=') != NULL)
		refuse(parse, "indented line", line + strspn(line, BLANKS),
		    "write keys and sections without indent");
	parse->goes_on = true;
}

/* libinih takes ':' for '='. */
static void
check_value(struct parse *parse, const char *line)
{
	if (line[strcspn(line, ":=")] != '=')
		refuse(parse, "not understood:", line,
		    "write \"key = value\", [section] or a # comment");
	parse->has_value = true;
	parse->goes_on = false;
}

/* libinih drops what follows " ;", and keeps what follows " #". */
static bool
has_inline_comment(const char *line)
{
	for (; *line != '\0'; line++)
		if (strchr(BLANKS, *line) != NULL &&
		    (line[1] == ';' || line[1] == '#'))
			return true;
	return false;
}

static bool
has_control(const char *line)
{
	for (; *line != '\0'; line++)
		if ((*line > '\0' && *line < ' ' && *line != '\t') ||
		    *line == 0x7f)
			return true;
	return false;
}

static void
check_line(struct parse *parse, const char *line)
{
	if (has_control(line))
		refuse(parse, "control character in", line,
		    "remove it; lines end with LF alone");
	else if (has_inline_comment(line))
		refuse(parse, "comment behind a value:", line,
		    "give the comment a line of its own");
	else if (line[0] == '[')
		check_section(parse, line);
	else if (strchr(BLANKS, line[0]) != NULL)
		check_indented(parse, line);
	else
		check_value(parse, line);
}

/* ini_reader: the next line into buf, or NULL. */
static char *
read_line(char *buf, int num, void *arg)
{
	struct parse *parse = arg;
	const char *line = parse->text;
	size_t len = strcspn(line, "\n"), indent;

	if (parse->err != ZT_OK || *line == '\0' || num < 2)
		return NULL;
	parse->text += line[len] == '\0' ? len : len + 1;
	parse->lines.last++;
	indent = strspn(line, BLANKS);
	if (indent >= len || line[indent] == '#' || line[indent] == ';')
		len = 0; /* of no interest, however long */
	if (len > CONF_LINE_MAX || len > (size_t)num - 2) {
		refuse(parse, "too long a line:", line,
		    "190 bytes at most; a list goes on in indented lines");
		return NULL;
	}
	memcpy(buf, line, len);
	buf[len] = '\0';
	if (len > 0)
		check_line(parse, buf);
	buf[len] = '\n';
	buf[len + 1] = '\0';
	return parse->err == ZT_OK ? buf : NULL;
}

/* The whole */

static void
apply_defaults(struct parse *parse)
{
	for (enum conf_key_id id = 0; id < CONF_KEYS; id++) {
		if (parse->lines.key[id] != 0)
			continue;
		if (conf_keys[id].required)
			refuse_key(parse, id, parse->lines.last, "is missing",
			    "add it; it has no default");
		if (conf_keys[id].def != NULL)
			key_set(parse, &conf_keys[id], parse->conf,
			    conf_keys[id].def);
	}
}

static void
check_lists(struct parse *parse)
{
	const struct conf_list *list;

	for (enum conf_key_id id = 0; id < CONF_KEYS; id++) {
		if (!conf_keys[id].nonempty)
			continue;
		list = (const void *)((const char *)parse->conf +
		    conf_keys[id].offset);
		if (list->n == 0)
			refuse_key(parse, id, parse->lines.key[id], "is empty",
			    conf_keys[id].use);
	}
}

static void
check_pdp(struct parse *parse)
{
	const struct conf *conf = parse->conf;
	const unsigned *line = parse->lines.key;

	if (conf->pdp.urls.n > CONF_URLS_MAX)
		refuse_key(parse, CONF_PDP_URL, line[CONF_PDP_URL],
		    "has too many endpoints", "keep 8 at most");
	for (size_t i = 0; i < conf->pdp.urls.n; i++)
		if (conf->pdp.unix_socket == NULL &&
		    strncmp(conf->pdp.urls.words[i], "http://", 7) == 0)
			refuse_key(parse, CONF_PDP_URL, line[CONF_PDP_URL],
			    "is http:// over the network",
			    "use https://, or set unix_socket");
	if (conf->pdp.client_cert_file != NULL &&
	    conf->pdp.client_key_file == NULL)
		refuse_key(parse, CONF_PDP_CLIENT_CERT_FILE,
		    line[CONF_PDP_CLIENT_CERT_FILE], "stands alone",
		    "set client_key_file too");
	if (conf->pdp.client_key_file != NULL &&
	    conf->pdp.client_cert_file == NULL)
		refuse_key(parse, CONF_PDP_CLIENT_KEY_FILE,
		    line[CONF_PDP_CLIENT_KEY_FILE], "stands alone",
		    "set client_cert_file too");
}

/* A section for a service that zt leaves alone would do nothing. */
static void
check_services(struct parse *parse)
{
	const struct conf *conf = parse->conf;

	for (size_t i = 0; i < conf->n_services; i++) {
		if (conf_list_has(&conf->scope.services,
			conf->services[i].name))
			continue;
		parse->lines.last = parse->lines.service[i];
		refuse(parse,
		    "[service] is not in scope:", conf->services[i].name,
		    "add it to [scope] services, or remove it");
	}
}

/* What each [source] lacks, and the order of all of them. */
static void
check_sources(struct parse *parse)
{
	struct conf *conf = parse->conf;
	char what[QUOTE_MAX], use[QUOTE_MAX];
	enum zt_err err;
	size_t bad;

	for (size_t i = 0; i < conf->n_sources; i++) {
		parse->lines.last = conf->sources[i].line;
		if (!conf_source_complete(&conf->sources[i], what, use))
			refuse(parse, what, conf->sources[i].name, use);
	}
	if (parse->err != ZT_OK)
		return;
	parse->lines.last = parse->lines.key[CONF_IDENTITY_SOURCES];
	err = conf_sources_order(conf, &bad);
	if (err == ZT_ERR_NOMEM) {
		no_memory(parse);
	} else if (err == ZT_ERR_NOTFOUND) {
		refuse(parse, "[identity] sources: there is no [source] named",
		    conf->identity.order.words[bad],
		    "add that section, or remove the name");
	} else if (err != ZT_OK) {
		parse->lines.last = conf->sources[bad].line;
		refuse(parse,
		    "not in [identity] sources:", conf->sources[bad].name,
		    "name it there, or remove the section");
	}
}

static void
check_limits(struct parse *parse)
{
	const struct conf *conf = parse->conf;
	enum conf_key_id id = CONF_BROKER_MAX_CONNECTIONS_PER_UID;

	if (conf->broker.max_connections_per_uid > conf->broker.max_connections)
		refuse_key(parse, id,
		    parse->lines.key[id] != 0
			? parse->lines.key[id]
			: parse->lines.key[CONF_BROKER_MAX_CONNECTIONS],
		    "is over max_connections", "lower it or raise that");
}

enum zt_err
conf_parse_lines(const char *text, const char *name, struct conf **out,
    struct conf_lines *lines_out, char error[CONF_ERROR_MAX])
{
	zt_auto(conf_freep) struct conf *conf = calloc(1, sizeof(*conf));
	struct parse parse = {
		.name = name, .text = text, .conf = conf, .error = error
	};

	if (conf == NULL) {
		no_memory(&parse);
		return parse.err;
	}
	if (ini_parse_stream(read_line, &parse, on_value, &parse) != 0)
		refuse(&parse, "not understood:", "",
		    "write \"key = value\", [section] or a # comment");
	apply_defaults(&parse);
	check_lists(&parse);
	check_pdp(&parse);
	check_services(&parse);
	check_sources(&parse);
	check_limits(&parse);
	if (parse.err != ZT_OK)
		return parse.err;
	*lines_out = parse.lines;
	*out = zt_take(conf);
	return ZT_OK;
}

enum zt_err
conf_parse(const char *text, const char *name, struct conf **out,
    char error[CONF_ERROR_MAX])
{
	struct conf_lines lines;

	return conf_parse_lines(text, name, out, &lines, error);
}
