/* SPDX-License-Identifier: Apache-2.0 */
#include "nss.h"

void
nss_serve(void *arg, struct conn *conn, const void *msg, size_t len)
{
	static uint8_t buf[ZT_WIRE_MAX]; /* too big for the stack */
	const struct broker *broker = arg;
	struct zt_nss_request request;
	size_t reply_len;

	if (zt_nss_request_decode(msg, len, &request) != ZT_OK)
		conn_error(conn, ZT_WIRE_ERROR_MALFORMED);
	else if (users_answer(broker->users, &request, buf, sizeof(buf),
		     &reply_len) != ZT_OK)
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
	else
		conn_reply(conn, buf, reply_len);
}
