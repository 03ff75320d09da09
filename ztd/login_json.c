/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "login_json.h"
#include "zt/auto.h"
#include "zt/text.h"
#include "zt/time.h"

/* Set a member of obj, or leave it out if there is nothing to say. */
static void
set_text(json_t *obj, const char *key, const char *value)
{
	if (value != NULL)
		(void)json_object_set_new(obj, key, json_string(value));
}

static void
set_number(json_t *obj, const char *key, uint64_t value)
{
	(void)json_object_set_new(obj, key, json_integer((json_int_t)value));
}

static void
set_time(json_t *obj, const char *key, int64_t time_ms)
{
	char text[ZT_TIME_MAX];

	if (zt_time_ms(time_ms, text) == ZT_OK)
		set_text(obj, key, text);
}

json_t *
login_to_json(const struct login *login)
{
	json_t *obj = json_object();
	zt_auto_free char *cert = NULL;

	set_number(obj, "pid", (uint64_t)login->proc.pid);
	set_number(obj, "start", login->proc.start);
	set_text(obj, "id", login->id);
	set_text(obj, "service", login->service);
	set_text(obj, "account", login->account);
	if (login->has_uid)
		set_number(obj, "uid", login->uid);
	set_text(obj, "source_ip", login->source_ip);
	set_text(obj, "server_ip", login->server_ip);
	set_text(obj, "session_id", login->session_id);
	set_number(obj, "source_port", login->source_port);
	set_number(obj, "server_port", login->server_port);
	set_number(obj, "opened_ms", (uint64_t)login->opened_ms);
	(void)json_object_set_new(obj, "is_session",
	    json_boolean(login->is_session));
	if (login->cert != NULL) {
		size_t len = login->cert->blob_len;

		cert = malloc(4 * ((len + 2) / 3) + 1);
		if (cert == NULL) {
			json_decref(obj);
			return NULL;
		}
		(void)EVP_EncodeBlock((uint8_t *)cert, login->cert->blob,
		    (int)len);
		set_text(obj, "cert", cert);
	}
	return obj;
}

static char *
get_text(const json_t *obj, const char *key)
{
	const char *value = json_string_value(json_object_get(obj, key));

	return value == NULL ? NULL : strdup(value);
}

static uint64_t
get_number(const json_t *obj, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(obj, key));
}

bool
login_from_json(struct login *login, const json_t *obj)
{
	const char *id = json_string_value(json_object_get(obj, "id"));
	const char *cert = json_string_value(json_object_get(obj, "cert"));

	if (id == NULL || strlen(id) != sizeof(login->id) - 1)
		return false;
	if (cert != NULL &&
	    zt_cert_parse_base64(zt_str(cert), &login->cert) != ZT_OK)
		return false;
	memcpy(login->id, id, sizeof(login->id));
	login->proc = (struct proc_id){ .pid = (pid_t)get_number(obj, "pid"),
		.start = get_number(obj, "start") };
	login->service = get_text(obj, "service");
	login->account = get_text(obj, "account");
	login->has_uid = json_object_get(obj, "uid") != NULL;
	login->uid = (uint32_t)get_number(obj, "uid");
	login->source_ip = get_text(obj, "source_ip");
	login->server_ip = get_text(obj, "server_ip");
	login->session_id = get_text(obj, "session_id");
	login->source_port = (uint16_t)get_number(obj, "source_port");
	login->server_port = (uint16_t)get_number(obj, "server_port");
	login->opened_ms = (int64_t)get_number(obj, "opened_ms");
	login->is_session = json_is_true(json_object_get(obj, "is_session"));
	login->audit_session = PROC_NO_SESSION;
	login->state = LOGIN_OPEN;
	return login->service != NULL && login->account != NULL;
}

json_t *
login_describe(const struct login *login)
{
	json_t *obj = json_object();

	set_text(obj, "id", login->id);
	set_text(obj, "service", login->service);
	set_text(obj, "account", login->account);
	set_text(obj, "source_ip", login->source_ip);
	if (login->source_port != 0)
		set_number(obj, "source_port", login->source_port);
	set_number(obj, "pid", (uint64_t)login->proc.pid);
	if (login->audit_session != PROC_NO_SESSION)
		set_number(obj, "audit_session", login->audit_session);
	set_time(obj, "opened", login->opened_ms);
	if (login->cert != NULL) {
		char serial[24];

		(void)snprintf(serial, sizeof(serial), "%" PRIu64,
		    login->cert->serial);
		set_text(obj, "subject", login->cert->key_id);
		set_text(obj, "serial", serial);
		set_text(obj, "fingerprint", login->cert->fingerprint);
		if (login->cert->valid_before <= INT64_MAX / 1000)
			set_time(obj, "expires",
			    (int64_t)login->cert->valid_before * 1000);
	}
	return obj;
}
