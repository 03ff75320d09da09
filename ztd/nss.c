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

/* No such user is known, but somebody who may know did not say. */
static void
answer_unsure(struct conn *conn)
{
	const struct zt_nss_absent absent = { .definitive = false };
	uint8_t buf[16];
	size_t len;

	if (zt_nss_absent_encode(&absent, buf, sizeof(buf), &len) != ZT_OK)
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
	else
		conn_reply(conn, buf, len);
}

static void
on_found(void *arg, enum zt_err err)
{
	struct wait *wait = arg;

	if (err == ZT_ERR_UNAVAIL)
		answer_unsure(wait->conn);
	else /* the snapshot tells, as it does everybody */
		answer(wait->broker, wait->conn, &wait->request);
	free(wait);
}

/*
 * Ask a source about a user who is not known yet.  ZT_OK: on_found() answers;
 * ZT_ERR_NOTFOUND: the snapshot does; else nobody can tell.
 */
static enum zt_err
wait_for_source(struct broker *broker, struct conn *conn,
    const struct zt_nss_request *request)
{
	struct wait *wait;
	enum zt_err err;

	if ((request->op != ZT_NSS_USER_BY_NAME &&
		request->op != ZT_NSS_GIDS_OF_USER) ||
	    !zt_name_valid(request->name))
		return ZT_ERR_NOTFOUND;
	if ((wait = calloc(1, sizeof(*wait))) == NULL)
		return ZT_ERR_NOMEM;
	wait->broker = broker;
	wait->conn = conn;
	wait->request = *request;
	memcpy(wait->name, request->name.p, request->name.len);
	wait->request.name.p = wait->name;
	err = users_lookup(broker->users, wait->request.name, conn_uid(conn),
	    on_found, wait);
	if (err != ZT_OK)
		free(wait);
	return err;
}

void
nss_serve(void *arg, struct conn *conn, const void *msg, size_t len)
{
	struct broker *broker = arg;
	struct zt_nss_request request;
	enum zt_err err;

	if (zt_nss_request_decode(msg, len, &request) != ZT_OK) {
		conn_error(conn, ZT_WIRE_ERROR_MALFORMED);
		return;
	}
	err = wait_for_source(broker, conn, &request);
	if (err == ZT_ERR_NOTFOUND)
		answer(broker, conn, &request);
	else if (err != ZT_OK)
		answer_unsure(conn);
}
