/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/decision.h"
#include "zt/json.h"
#include "zt/text.h"
#include "zt/time.h"

/*
 * jansson's setters refuse a NULL object, key or value and release the value
 * all the same.  So a failed allocation anywhere ends in a setter that fails,
 * and this is the one place that notices.
 */
struct builder {
	bool failed;
};

static void
put(struct builder *b, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		b->failed = true;
}

/* Outside text escaped as a whole; owned; NULL without memory. */
static char *
escaped(const char *s)
{
	size_t cap = strlen(s) * ZT_ESCAPE_GROWTH + 1;
	char *text = malloc(cap);

	if (text != NULL)
		(void)zt_escape(text, cap, zt_str(s));
	return text;
}

/* JSON can only carry UTF-8: what is not is escaped, never dropped. */
static json_t *
text_new(const char *s)
{
	zt_auto_free char *safe = NULL;
	json_t *json = json_string(s);

	if (json != NULL || s == NULL)
		return json;
	safe = escaped(s);
	return json_string(safe);
}

/* Put text, unless it is not known. */
static void
put_text(struct builder *b, json_t *object, const char *key, const char *s)
{
	if (s != NULL)
		put(b, object, key, text_new(s));
}

/* Put text under a key that comes from outside, too. */
static void
put_named(struct builder *b, json_t *object, const char *name, const char *s)
{
	zt_auto_free char *safe = NULL;
	json_t *key = json_string(name);

	if (key == NULL) {
		safe = escaped(name);
		name = safe;
	}
	json_decref(key);
	put(b, object, name, text_new(s));
}

static void
put_texts(struct builder *b, json_t *object, const char *key,
    char *const *texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, text_new(texts[i])) != 0)
			b->failed = true;
	put(b, object, key, list);
}

/* Put a time in whole seconds; a time beyond the year 9999 is no limit. */
static void
put_time(struct builder *b, json_t *object, const char *key, uint64_t time_s)
{
	char text[ZT_TIME_MAX];

	if (zt_time_s(time_s, text) == ZT_OK)
		put_text(b, object, key, text);
}

static void
put_options(struct builder *b, json_t *object, const char *key,
    const struct zt_cert_option *options, size_t n)
{
	json_t *map = json_object();

	for (size_t i = 0; i < n; i++)
		put_named(b, map, options[i].name, options[i].value);
	put(b, object, key, map);
}

/* Seconds since the certificate became valid; 0 within the clock's skew. */
static json_int_t
cert_age(const struct zt_cert *cert, int64_t time_ms)
{
	uint64_t now_s = time_ms < 0 ? 0 : (uint64_t)time_ms / 1000;

	return now_s < cert->valid_after
	    ? 0
	    : (json_int_t)(now_s - cert->valid_after);
}

/* A serial may exceed 2^53, the largest number every JSON reader keeps. */
static void
put_serial(struct builder *b, json_t *object, uint64_t serial)
{
	put(b, object, "serial",
	    json_sprintf("%llu", (unsigned long long)serial));
}

static json_t *
credential_new(struct builder *b, const struct zt_attempt *attempt)
{
	const struct zt_cert *cert = attempt->cert;
	json_t *c = json_object();

	put_text(b, c, "type", "ssh-cert");
	put_text(b, c, "key_id", cert->key_id);
	put_serial(b, c, cert->serial);
	put_texts(b, c, "principals", cert->principals, cert->n_principals);
	put_text(b, c, "fingerprint", cert->fingerprint);
	put_text(b, c, "ca_fingerprint", cert->ca_fingerprint);
	put_time(b, c, "valid_after", cert->valid_after);
	put_time(b, c, "valid_before", cert->valid_before);
	put(b, c, "age_s", json_integer(cert_age(cert, attempt->time_ms)));
	put_text(b, c, "key_type", cert->key_type);
	put(b, c, "hardware_key", json_boolean(cert->hardware_key));
	put_options(b, c, "extensions", cert->extensions, cert->n_extensions);
	put_options(b, c, "critical_options", cert->critical, cert->n_critical);
	return c;
}

static json_t *
subject_properties_new(struct builder *b, const struct zt_attempt *attempt)
{
	json_t *p = json_object();

	if (attempt->cert != NULL)
		put(b, p, "credential", credential_new(b, attempt));
	if (attempt->groups != NULL)
		put_texts(b, p, "groups", attempt->groups, attempt->n_groups);
	put_text(b, p, "unix_user", attempt->unix_user);
	if (attempt->has_uid)
		put(b, p, "uid", json_integer(attempt->uid));
	return p;
}

static json_t *
action_properties_new(struct builder *b, const struct zt_attempt *attempt)
{
	json_t *p = json_object();

	put_text(b, p, "service", attempt->service);
	return p;
}

static json_t *
resource_new(struct builder *b, const struct zt_attempt *attempt)
{
	json_t *r = json_object(), *p = json_object();

	put_text(b, r, "type", "host");
	put_text(b, r, "id", attempt->host->id);
	put_text(b, p, "hostname", attempt->host->hostname);
	put_text(b, p, "account", attempt->account);
	put(b, r, "properties", p);
	return r;
}

/* Put an address with its port, unless it is not known. */
static void
put_address(struct builder *b, json_t *object, const char *key, const char *ip,
    const char *port_key, uint16_t port)
{
	if (ip == NULL)
		return;
	put_text(b, object, key, ip);
	if (port != 0)
		put(b, object, port_key, json_integer(port));
}

/* How old what is known of the user may be: an outage is not hidden. */
static void
put_identity(struct builder *b, json_t *context,
    const struct zt_attempt *attempt)
{
	json_t *identity;

	if (attempt->identity_source == NULL)
		return;
	identity = json_object();
	put_text(b, identity, "source", attempt->identity_source);
	if (attempt->identity_age_s >= 0)
		put(b, identity, "age_s",
		    json_integer((json_int_t)attempt->identity_age_s));
	put(b, identity, "stale", json_boolean(attempt->identity_stale));
	put(b, context, "identity", identity);
}

/* tty and rhost stay out: they are claims of the client, not evidence. */
static json_t *
context_new(struct builder *b, const struct zt_attempt *attempt)
{
	char time[ZT_TIME_MAX];
	json_t *c = json_object();

	if (zt_time_ms(attempt->time_ms, time) == ZT_OK)
		put_text(b, c, "time", time);
	put_address(b, c, "source_ip", attempt->source_ip, "source_port",
	    attempt->source_port);
	put_address(b, c, "server_ip", attempt->server_ip, "server_port",
	    attempt->server_port);
	put_text(b, c, "session_id", attempt->session_id);
	put_text(b, c, "session_account", attempt->session_account);
	put(b, c, "clock_synchronized",
	    json_boolean(attempt->clock_synchronized));
	put(b, c, "recent_denials", json_integer(attempt->recent_denials));
	put_identity(b, c, attempt);
	put_text(b, c, "agent", "zt/" ZT_VERSION);
	return c;
}

static json_t *
entity_new(struct builder *b, const char *key, const char *name)
{
	json_t *entity = json_object();

	put_text(b, entity, key, name);
	return entity;
}

static json_t *
request_new(struct builder *b, const struct zt_attempt *attempt, bool mirror)
{
	json_t *root = json_object();
	json_t *subject =
	    entity_new(b, "type", zt_attempt_subject_type(attempt));
	json_t *action = entity_new(b, "name", zt_action_name(attempt->action));
	json_t *properties = subject_properties_new(b, attempt);
	json_t *act = action_properties_new(b, attempt);
	json_t *context = context_new(b, attempt);

	if (mirror) {
		put(b, properties, "context", json_incref(context));
		put(b, properties, "action", json_incref(act));
	}
	put_text(b, subject, "id", zt_attempt_subject(attempt));
	put(b, subject, "properties", properties);
	put(b, action, "properties", act);
	put(b, root, "subject", subject);
	put(b, root, "action", action);
	put(b, root, "resource", resource_new(b, attempt));
	put(b, root, "context", context);
	return root;
}

enum zt_err
zt_authzen_request(const struct zt_attempt *attempt,
    const struct zt_authzen_options *options, char **json_out)
{
	struct builder b = { false };
	json_auto_t *root = request_new(&b, attempt, options->mirror_context);

	if (b.failed)
		return ZT_ERR_NOMEM;
	return zt_json_print(root, ZT_REQUEST_MAX, json_out, NULL);
}
