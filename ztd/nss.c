/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "nss.h"

/* A request that waits for a source. */
struct wait {
	struct broker *broker; /* borrowed */
	struct conn *conn;     /* borrowed */
	struct zt_nss_request request;
	char name[ZT_NAME_MAX]; /* of request, not terminated */
};

static void
answer(struct broker *broker, struct conn *conn,
    const struct zt_nss_request *request)
{
	static uint8_t buf[ZT_WIRE_MAX]; /* too big for the stack */
	size_t len;

	if (users_answer(broker->users, request, buf, sizeof(buf), &len) !=
	    ZT_OK)
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
	else
		conn_reply(conn, buf, len);
}

static void
on_found(void *arg, bool found)
{
	struct wait *wait = arg;

	(void)found; /* the snapshot tells, as it does everybody */
	answer(wait->broker, wait->conn, &wait->request);
	free(wait);
}

/* Ask a source about a user who is not known yet.  False: answer now. */
static bool
wait_for_source(struct broker *broker, struct conn *conn,
    const struct zt_nss_request *request)
{
	struct wait *wait;

	if (request->op != ZT_NSS_USER_BY_NAME &&
	    request->op != ZT_NSS_GIDS_OF_USER)
		return false;
	if (!zt_name_valid(request->name) ||
	    (wait = calloc(1, sizeof(*wait))) == NULL)
		return false;
	wait->broker = broker;
	wait->conn = conn;
	wait->request = *request;
	memcpy(wait->name, request->name.p, request->name.len);
	wait->request.name.p = wait->name;
	if (users_lookup(broker->users, wait->request.name, on_found, wait))
		return true;
	free(wait);
	return false;
}

void
nss_serve(void *arg, struct conn *conn, const void *msg, size_t len)
{
	struct broker *broker = arg;
	struct zt_nss_request request;

	if (zt_nss_request_decode(msg, len, &request) != ZT_OK)
		conn_error(conn, ZT_WIRE_ERROR_MALFORMED);
	else if (!wait_for_source(broker, conn, &request))
		answer(broker, conn, &request);
}
