/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "zt/auto.h"

#define ACCEPT_AT_ONCE  16  /* connections per wake-up, so that all get turns */
#define REST_MS         100 /* for others to give descriptors back */
#define PEER_GROUPS_MAX 256 /* supplementary groups looked at */

struct conn {
	TAILQ_ENTRY(conn) entry;
	struct listener *listener; /* borrowed */
	struct ucred peer;
	int fd;                 /* owned */
	sd_event_source *io;    /* owned; NULL once the request is read */
	sd_event_source *timer; /* owned; likewise */
};

struct listener {
	struct server *server; /* borrowed */
	enum server_socket socket;
	int fd;                /* owned */
	sd_event_source *io;   /* owned */
	sd_event_source *rest; /* owned; see listener_rest() */
	TAILQ_HEAD(, conn) conns;
	unsigned open;
	uint64_t served, refused, malformed;
};

struct server {
	sd_event *event; /* borrowed */
	struct server_options options;
	struct listener listeners[SERVER_SOCKETS];
	uint8_t buf[ZT_WIRE_MAX + 1]; /* one request at a time */
};

const char *
server_socket_name(enum server_socket socket)
{
	switch (socket) {
	case SERVER_PAM:
		return "pam";
	case SERVER_PRINCIPALS:
		return "principals";
	case SERVER_CTL:
		return "ctl";
	case SERVER_NSS:
		return "nss";
	case SERVER_SOCKETS:
		break;
	}
	return "";
}

/* A login's requests, root's lookups among them, go before a stranger's. */
static int64_t
priority(const struct conn *conn)
{
	return conn->peer.uid != 0 && conn->listener->socket == SERVER_NSS
	    ? SD_EVENT_PRIORITY_IDLE
	    : SD_EVENT_PRIORITY_NORMAL;
}

static void
conn_free(struct conn *conn)
{
	TAILQ_REMOVE(&conn->listener->conns, conn, entry);
	conn->listener->open--;
	(void)sd_event_source_disable_unref(conn->io);
	(void)sd_event_source_disable_unref(conn->timer);
	(void)close(conn->fd);
	free(conn);
}

pid_t
conn_pid(const struct conn *conn)
{
	return conn->peer.pid;
}

uid_t
conn_uid(const struct conn *conn)
{
	return conn->peer.uid;
}

bool
conn_gone(const struct conn *conn)
{
	struct pollfd pfd = { .fd = conn->fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) > 0;
}

void
conn_reply(struct conn *conn, const void *msg, size_t len)
{
	/* one packet into an empty buffer: it goes at once or never */
	(void)send(conn->fd, msg, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	conn_free(conn);
}

void
conn_error(struct conn *conn, enum zt_wire_error error)
{
	uint8_t buf[8];
	size_t len = zt_wire_error_encode(error, buf, sizeof(buf));

	if (error == ZT_WIRE_ERROR_MALFORMED)
		conn->listener->malformed++;
	conn_reply(conn, buf, len);
}

static int
on_timeout(sd_event_source *source, uint64_t usec, void *arg)
{
	struct conn *conn = arg;

	(void)source;
	(void)usec;
	conn->listener->refused++;
	conn_free(conn);
	return 0;
}

/* The request is here, or the peer is gone. */
static int
on_request(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct conn *conn = arg;
	struct listener *listener = conn->listener;
	struct server *server = listener->server;
	ssize_t n;

	(void)source;
	(void)events;
	n = recv(fd, server->buf, sizeof(server->buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	conn->io = sd_event_source_disable_unref(conn->io);
	conn->timer = sd_event_source_disable_unref(conn->timer);
	if (n <= 0) {
		conn_free(conn);
		return 0;
	}
	if (n > ZT_WIRE_MAX) {
		conn_error(conn, ZT_WIRE_ERROR_MALFORMED);
		return 0;
	}
	listener->served++;
	server->options.handlers[listener->socket](server->options.arg, conn,
	    server->buf, (size_t)n);
	return 0;
}

static bool
peer_in_group(int fd, const struct ucred *peer, gid_t gid)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (peer->gid == gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool
peer_may_speak(const struct listener *listener, int fd,
    const struct ucred *peer)
{
	const struct server_options *options = &listener->server->options;

	if (peer->uid == 0)
		return true;
	switch (listener->socket) {
	case SERVER_PAM:
		return false;
	case SERVER_PRINCIPALS:
		return peer->uid == options->broker_uid;
	case SERVER_CTL:
		return peer_in_group(fd, peer, options->admin_gid);
	case SERVER_NSS:
		return true;
	case SERVER_SOCKETS:
		break;
	}
	return false;
}

/* Root's lookups are never refused: sshd's are among them. */
static bool
peer_has_room(const struct listener *listener, const struct ucred *peer)
{
	const struct server_options *options = &listener->server->options;
	const struct conn *conn;
	unsigned own = 0, others = 0;

	if (listener->socket != SERVER_NSS || peer->uid == 0)
		return true;
	TAILQ_FOREACH(conn, &listener->conns, entry) {
		own += conn->peer.uid == peer->uid;
		others += conn->peer.uid != 0;
	}
	return own < options->max_connections_per_uid &&
	    others < options->max_connections;
}

/* Tell a peer that it is not served, and let it go. */
static void
refuse(struct listener *listener, int fd, enum zt_wire_error error)
{
	uint8_t buf[8];
	size_t len = zt_wire_error_encode(error, buf, sizeof(buf));

	listener->refused++;
	(void)send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static enum zt_err
conn_watch(struct conn *conn)
{
	struct server *server = conn->listener->server;
	const uint64_t usec = SERVER_REQUEST_MS * UINT64_C(1000);

	if (sd_event_add_io(server->event, &conn->io, conn->fd, EPOLLIN,
		on_request, conn) < 0 ||
	    sd_event_source_set_priority(conn->io, priority(conn)) < 0 ||
	    sd_event_add_time_relative(server->event, &conn->timer,
		CLOCK_MONOTONIC, usec, 0, on_timeout, conn) < 0)
		return ZT_ERR_NOMEM;
	return ZT_OK;
}

static void
conn_begin(struct listener *listener, int fd_taken)
{
	zt_auto_close int fd = fd_taken;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct conn *conn;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    !peer_may_speak(listener, fd, &peer)) {
		refuse(listener, fd, ZT_WIRE_ERROR_REFUSED);
		return;
	}
	if (!peer_has_room(listener, &peer) ||
	    (conn = calloc(1, sizeof(*conn))) == NULL) {
		refuse(listener, fd, ZT_WIRE_ERROR_BUSY);
		return;
	}
	conn->listener = listener;
	conn->peer = peer;
	conn->fd = zt_take_fd(fd);
	TAILQ_INSERT_TAIL(&listener->conns, conn, entry);
	listener->open++;
	if (conn_watch(conn) != ZT_OK)
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
}

static int
on_rested(sd_event_source *source, uint64_t usec, void *arg)
{
	struct listener *listener = arg;

	(void)source;
	(void)usec;
	listener->rest = sd_event_source_disable_unref(listener->rest);
	return sd_event_source_set_enabled(listener->io, SD_EVENT_ON);
}

/* Out of descriptors: the connection still waits, do not spin on it. */
static void
listener_rest(struct listener *listener)
{
	const uint64_t usec = REST_MS * UINT64_C(1000);

	if (sd_event_add_time_relative(listener->server->event, &listener->rest,
		CLOCK_MONOTONIC, usec, 0, on_rested, listener) >= 0)
		(void)sd_event_source_set_enabled(listener->io, SD_EVENT_OFF);
}

static int
on_connection(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct listener *listener = arg;

	(void)source;
	(void)events;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (peer < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED &&
			    errno != EINTR)
				listener_rest(listener);
			break;
		}
		conn_begin(listener, peer);
	}
	return 0;
}

static enum zt_err
listener_start(struct listener *listener)
{
	return sd_event_add_io(listener->server->event, &listener->io,
		   listener->fd, EPOLLIN, on_connection, listener) < 0
	    ? ZT_ERR_NOMEM
	    : ZT_OK;
}

enum zt_err
server_new(sd_event *event, const struct server_options *options,
    struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));
	enum zt_err err = ZT_OK;

	if (server == NULL)
		return ZT_ERR_NOMEM;
	server->event = event;
	server->options = *options;
	for (int i = 0; i < SERVER_SOCKETS; i++) {
		struct listener *listener = &server->listeners[i];

		listener->server = server;
		listener->socket = (enum server_socket)i;
		listener->fd = options->fds[i];
		TAILQ_INIT(&listener->conns);
	}
	for (int i = 0; i < SERVER_SOCKETS && err == ZT_OK; i++)
		err = listener_start(&server->listeners[i]);
	if (err != ZT_OK) {
		server_free(server);
		return err;
	}
	*out = server;
	return ZT_OK;
}

void
server_stop(struct server *server)
{
	for (int i = 0; i < SERVER_SOCKETS; i++) {
		struct listener *listener = &server->listeners[i];

		listener->io = sd_event_source_disable_unref(listener->io);
		listener->rest = sd_event_source_disable_unref(listener->rest);
	}
}

void
server_set_limits(struct server *server, unsigned max_connections,
    unsigned max_connections_per_uid)
{
	server->options.max_connections = max_connections;
	server->options.max_connections_per_uid = max_connections_per_uid;
}

json_t *
server_status(const struct server *server)
{
	json_t *list = json_array();

	for (int i = 0; i < SERVER_SOCKETS; i++) {
		const struct listener *l = &server->listeners[i];

		(void)json_array_append_new(list,
		    json_pack("{s:s, s:i, s:I, s:I, s:I}", "name",
			server_socket_name(l->socket), "open", (int)l->open,
			"served", (json_int_t)l->served, "refused",
			(json_int_t)l->refused, "malformed",
			(json_int_t)l->malformed));
	}
	return list;
}

void
server_free(struct server *server)
{
	if (server == NULL)
		return;
	server_stop(server);
	for (int i = 0; i < SERVER_SOCKETS; i++) {
		struct listener *listener = &server->listeners[i];
		struct conn *conn;

		while ((conn = TAILQ_FIRST(&listener->conns)) != NULL)
			conn_free(conn);
		(void)close(listener->fd);
	}
	free(server);
}
