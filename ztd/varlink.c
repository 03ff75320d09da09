/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "varlink.h"
#include "zt/json.h"

enum zt_err
varlink_frame(const char *buf, size_t len, size_t seen, size_t *len_out)
{
	const char *end = memchr(buf + seen, '\0', len - seen);
	const size_t n = end == NULL ? len : (size_t)(end - buf);

	if (n >= VARLINK_CALL_MAX)
		return ZT_ERR_TOOBIG;
	if (end == NULL)
		return ZT_ERR_TRUNCATED;
	*len_out = n;
	return ZT_OK;
}

/* "interface.Method": what the methods of any interface are made of. */
static bool
method_valid(const char *method)
{
	const size_t len = strlen(method);

	return len > 0 && len <= VARLINK_METHOD_MAX &&
	    strspn(method,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == len &&
	    strchr(method, '.') != NULL;
}

static bool
flag_read(const json_t *value, bool *out)
{
	*out = json_is_true(value);
	return json_is_boolean(value);
}

static bool
member_read(struct varlink_call *call, const char *key, json_t *value)
{
	bool upgrade = false;

	if (strcmp(key, "method") == 0) {
		call->method = json_string_value(value);
		return call->method != NULL && method_valid(call->method);
	}
	if (strcmp(key, "parameters") == 0) {
		call->parameters = json_is_object(value) ? value : NULL;
		return json_is_object(value) || json_is_null(value);
	}
	if (strcmp(key, "more") == 0)
		return flag_read(value, &call->more);
	if (strcmp(key, "oneway") == 0)
		return flag_read(value, &call->oneway);
	/* no method here speaks another protocol afterwards */
	return strcmp(key, "upgrade") == 0 && flag_read(value, &upgrade) &&
	    !upgrade;
}

enum zt_err
varlink_call_parse(struct zt_str message, struct varlink_call *out)
{
	struct varlink_call call = { 0 };
	bool ok = true;
	const char *key;
	json_t *value;

	if (message.len >= VARLINK_CALL_MAX)
		return ZT_ERR_TOOBIG;
	call.root =
	    json_loadb(message.p, message.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(call.root)) {
		varlink_call_clear(&call);
		return ZT_ERR_MALFORMED;
	}
	json_object_foreach(call.root, key, value) ok =
	    member_read(&call, key, value) && ok;
	if (!ok || call.method == NULL || (call.more && call.oneway)) {
		varlink_call_clear(&call);
		return ZT_ERR_MALFORMED;
	}
	*out = call;
	return ZT_OK;
}

void
varlink_call_clear(struct varlink_call *call)
{
	json_decref(call->root);
	*call = (struct varlink_call){ 0 };
}

/* root is taken over; its text and its NUL are what is sent. */
static enum zt_err
message_print(json_t *root, char **out, size_t *len_out)
{
	enum zt_err err = ZT_ERR_NOMEM;
	size_t len;

	if (root != NULL)
		err = zt_json_print(root, VARLINK_REPLY_MAX - 1, out, &len);
	json_decref(root);
	if (err == ZT_OK)
		*len_out = len + 1;
	return err;
}

enum zt_err
varlink_reply(json_t *parameters, bool continues, char **out, size_t *len_out)
{
	json_t *root = json_pack("{s:o}", "parameters", parameters);

	if (root != NULL && continues &&
	    json_object_set_new(root, "continues", json_true()) != 0) {
		json_decref(root);
		return ZT_ERR_NOMEM;
	}
	return message_print(root, out, len_out);
}

enum zt_err
varlink_error(const char *error, json_t *parameters, char **out,
    size_t *len_out)
{
	return message_print(json_pack("{s:s, s:o}", "error", error,
				 "parameters", parameters),
	    out, len_out);
}
