/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/client.h"
#include "zt/wire.h"
#include "ztctl_broker.h"
#include "ztctl_print.h"

#define PAGES_MAX 4096 /* of one answer; a broker never needs as many */

static void
json_dropp(json_t **json)
{
	json_decref(*json);
}

/* Fetch one page; its JSON is owned by the caller. */
static enum zt_err
fetch(const char *socket, const struct zt_ctl_request *request,
    unsigned timeout_ms, struct zt_ctl_reply *reply, json_t **out)
{
	static uint8_t buf[ZT_WIRE_MAX]; /* the reply borrows from it */
	uint8_t req[ZT_COMMAND_MAX + ZT_ARGUMENT_MAX + 16];
	enum zt_err err;
	json_t *json;
	size_t len;

	err = zt_ctl_request_encode(request, req, sizeof(req), &len);
	if (err == ZT_OK)
		err = zt_client_call(socket, timeout_ms, req, len, buf,
		    sizeof(buf), &len);
	if (err == ZT_OK)
		err = zt_ctl_reply_decode(buf, len, reply);
	if (err != ZT_OK)
		return err;
	json = json_loadb(reply->json.p, reply->json.len,
	    JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(json)) {
		json_decref(json);
		return ZT_ERR_MALFORMED;
	}
	*out = json;
	return ZT_OK;
}

/* Add a page's members to all: arrays grow, everything else is replaced. */
static enum zt_err
merge(json_t *all, json_t *page)
{
	const char *key;
	json_t *value;

	json_object_foreach(page, key, value)
	{
		json_t *have = json_object_get(all, key);
		int rc;

		if (json_is_array(have) && json_is_array(value))
			rc = json_array_extend(have, value);
		else
			rc = json_object_set(all, key, value);
		if (rc != 0)
			return ZT_ERR_NOMEM;
	}
	return ZT_OK;
}

static enum zt_err
broker_error(const json_t *page, char **error_out)
{
	const char *error = json_str(page, "error");

	if (error != NULL)
		*error_out = strdup(error);
	return ZT_ERR_DENIED;
}

/* The word and, behind one blank, its argument. */
static struct zt_ctl_request
request_of(const char *command)
{
	const size_t len = strcspn(command, " ");
	const bool more = command[len] == ' ';

	return (struct zt_ctl_request){
		.command = { command, len },
		.argument = zt_str(more ? command + len + 1 : ""),
	};
}

enum zt_err
broker_ask(const char *socket, const char *command, unsigned timeout_ms,
    json_t **out, char **error_out)
{
	struct zt_ctl_request request = request_of(command);
	zt_auto(json_dropp) json_t *all = json_object();

	*error_out = NULL;
	for (int i = 0; i < PAGES_MAX; i++) {
		zt_auto(json_dropp) json_t *page = NULL;
		struct zt_ctl_reply reply;
		enum zt_err err;

		err = fetch(socket, &request, timeout_ms, &reply, &page);
		if (err == ZT_OK && !reply.ok)
			err = broker_error(page, error_out);
		if (err == ZT_OK)
			err = merge(all, page);
		if (err != ZT_OK)
			return err;
		if (reply.next == 0) {
			*out = zt_take(all);
			return ZT_OK;
		}
		if (reply.next <= request.cursor)
			return ZT_ERR_MALFORMED; /* it would never end */
		request.cursor = reply.next;
	}
	return ZT_ERR_TOOBIG;
}

static enum ztctl_status
status_of(enum zt_err err)
{
	switch (err) {
	case ZT_OK:
		return ZTCTL_OK;
	case ZT_ERR_UNAVAIL:
	case ZT_ERR_TIMEOUT:
	case ZT_ERR_IMPOSTOR:
		return ZTCTL_UNREACHABLE;
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_TOOBIG:
	case ZT_ERR_VERSION:
	case ZT_ERR_DENIED:
		return ZTCTL_PROTOCOL;
	case ZT_ERR_INVAL:
		return ZTCTL_USAGE; /* only a path can be wrong */
	case ZT_ERR_NOMEM:
	case ZT_ERR_SYS:
	case ZT_ERR_NOTFOUND:
		break;
	}
	return ZTCTL_SYSTEM;
}

enum ztctl_status
broker_ask_or_say(const char *socket, const char *command, unsigned timeout_ms,
    json_t **out)
{
	zt_auto_free char *error = NULL;
	enum zt_err err;

	err = broker_ask(socket, command, timeout_ms, out, &error);
	if (err == ZT_ERR_UNAVAIL && access(socket, R_OK | W_OK) != 0)
		print_failure("%s: %m: is ztd running, and are you root or in "
			      "the group zt-admin?",
		    socket);
	else if (err != ZT_OK)
		print_failure("%s: %s", socket,
		    error != NULL ? error : zt_strerror(err));
	return status_of(err);
}
