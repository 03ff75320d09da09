/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SERVER_H
#define ZTD_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "zt/err.h"
#include "zt/wire.h"

#define SERVER_REQUEST_MS 1000 /* for a client to send its request */
#define SERVER_BACKLOG    4096 /* connections the kernel holds */

/* The sockets. */
enum server_socket {
	SERVER_PAM,
	SERVER_PRINCIPALS,
	SERVER_CTL,
	SERVER_NSS,
	SERVER_SOCKETS, /* how many */
};

/* Name of a socket, as in its path and in FileDescriptorName=. */
const char *server_socket_name(enum server_socket socket);

struct server;
struct conn; /* one connection: one request, one reply */

/*
 * Serve one request.  msg is borrowed for the call.  The handler replies now
 * or keeps conn and replies later, exactly once either way, with
 * conn_reply() or conn_error().
 */
typedef void
server_handler(void *arg, struct conn *conn, const void *msg, size_t len);

struct server_options {
	int fds[SERVER_SOCKETS]; /* listening; owned by the server */
	server_handler *handlers[SERVER_SOCKETS];
	void *arg;
	uid_t broker_uid;         /* may speak to principals, besides root */
	gid_t admin_gid;          /* may speak to ctl, besides root */
	unsigned max_connections; /* on nss, root's not counted */
	unsigned max_connections_per_uid; /* on nss, root's not counted */
};

/*
 * Serve four SOCK_SEQPACKET sockets on the event loop.  The kernel is asked
 * who a peer is before its request is read; whoever may not speak to a socket
 * gets ERROR.  A peer that sends nothing within SERVER_REQUEST_MS, or sends
 * what is no message, is let go and counted.  A stranger's lookups wait until
 * nothing else does.
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS.
 */
ZT_MUST_USE enum zt_err server_new(sd_event *event,
    const struct server_options *options, struct server **out);

/* Accept nothing more; connections being served go on. */
void server_stop(struct server *server);

/* Change the limits, after a reload. */
void server_set_limits(struct server *server, unsigned max_connections,
    unsigned max_connections_per_uid);

/* For ztctl status: [{"name","open","served","refused","malformed"}]. */
json_t *server_status(const struct server *server);

/* Close everything. */
void server_free(struct server *server);

/* Has the peer given up on its reply? */
bool conn_gone(const struct conn *conn);

/* Who is at the other end, from the kernel. */
pid_t conn_pid(const struct conn *conn);
uid_t conn_uid(const struct conn *conn);

/* Send the reply and close.  A peer that is gone is no error. */
void conn_reply(struct conn *conn, const void *msg, size_t len);

/* Send ERROR and close. */
void conn_error(struct conn *conn, enum zt_wire_error error);

#endif /* ZTD_SERVER_H */
