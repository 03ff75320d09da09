/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "userdb.h"
#include "zt/auto.h"
#include "zt/text.h"

#define ACCEPT_AT_ONCE 16  /* connections per wake-up */
#define STEPS_AT_ONCE  256 /* of a search per wake-up, so that all get turns */
#define OUT_ENOUGH     16384 /* bytes; no reply is added to as many */
#define IN_FIRST       1024  /* bytes; a lookup is about 150 */
#define REST_MS        100   /* for others to give descriptors back */

/* Bytes that wait, to be read or to be sent. */
struct buffer {
	char *p; /* owned */
	size_t len, cap;
};

struct client {
	TAILQ_ENTRY(client) entry;
	struct userdb *userdb; /* borrowed */
	uid_t uid;
	int fd;                 /* owned */
	sd_event_source *io;    /* owned */
	sd_event_source *timer; /* owned */
	struct buffer in, out;
	size_t seen;                /* bytes of in that hold no NUL */
	size_t sent;                /* bytes of out */
	struct userdb_query *query; /* owned; being answered, or NULL */
};

struct userdb {
	sd_event *event; /* borrowed */
	struct userdb_options options;
	int fd;                /* owned */
	sd_event_source *io;   /* owned */
	sd_event_source *rest; /* owned; see userdb_rest() */
	TAILQ_HEAD(, client) clients;
	unsigned open;
	uint64_t served, refused, malformed;
};

/* ---- buffers ---- */

static enum zt_err
buffer_room(struct buffer *buffer, size_t more, size_t max)
{
	const size_t want = buffer->len + more;
	size_t cap = buffer->cap;
	char *p;

	if (want > max)
		return ZT_ERR_TOOBIG;
	if (want <= cap)
		return ZT_OK;
	while (cap < want)
		cap = cap == 0 ? IN_FIRST : cap * 2;
	if (cap > max)
		cap = max;
	if ((p = realloc(buffer->p, cap)) == NULL)
		return ZT_ERR_NOMEM;
	buffer->p = p;
	buffer->cap = cap;
	return ZT_OK;
}

static enum zt_err
buffer_add(struct buffer *buffer, const char *bytes, size_t len)
{
	const size_t max = OUT_ENOUGH + VARLINK_REPLY_MAX;
	enum zt_err err = buffer_room(buffer, len, max);

	if (err != ZT_OK)
		return err;
	memcpy(buffer->p + buffer->len, bytes, len);
	buffer->len += len;
	return ZT_OK;
}

static void
buffer_drop(struct buffer *buffer, size_t len)
{
	buffer->len -= len;
	memmove(buffer->p, buffer->p + len, buffer->len);
}

static void
buffer_free(struct buffer *buffer)
{
	free(buffer->p);
	*buffer = (struct buffer){ 0 };
}

/* ---- clients ---- */

static void
client_free(struct client *client)
{
	TAILQ_REMOVE(&client->userdb->clients, client, entry);
	client->userdb->open--;
	(void)sd_event_source_disable_unref(client->io);
	(void)sd_event_source_disable_unref(client->timer);
	userdb_query_free(client->query);
	buffer_free(&client->in);
	buffer_free(&client->out);
	(void)close(client->fd);
	free(client);
}

/* Is there something to be done without waiting for the client? */
static bool
client_busy(const struct client *client)
{
	return client->query != NULL || client->out.len > 0 ||
	    client->in.len > client->seen;
}

/* It has done its part, or waits for ours: the time for the next begins. */
static void
client_alive(struct client *client)
{
	const struct userdb_options *options = &client->userdb->options;
	const unsigned ms =
	    client_busy(client) ? options->stall_ms : options->idle_ms;

	(void)sd_event_source_set_time_relative(client->timer,
	    ms * UINT64_C(1000));
}

/* The next call, if all of it is here; query stays NULL if it is not. */
static enum zt_err
client_begin(struct client *client)
{
	struct userdb *userdb = client->userdb;
	struct buffer *in = &client->in;
	struct varlink_call call;
	enum zt_err err;
	size_t len;

	err = varlink_frame(in->p, in->len, client->seen, &len);
	if (err == ZT_ERR_TRUNCATED) {
		client->seen = in->len;
		return ZT_OK;
	}
	client->seen = 0;
	if (err == ZT_OK)
		err = varlink_call_parse((struct zt_str){ in->p, len }, &call);
	if (err != ZT_OK) {
		userdb->malformed++;
		return err;
	}
	buffer_drop(in, len + 1);
	userdb->served++;
	if (!call.oneway) /* else nobody hears what is found */
		err = userdb_query_new(&userdb->options.source, &call,
		    client->uid, &client->query);
	varlink_call_clear(&call);
	client_alive(client);
	return err;
}

/* One step of the answer. */
static enum zt_err
client_answer(struct client *client)
{
	zt_auto_free char *text = NULL;
	enum zt_err err;
	size_t len;

	err = userdb_query_next(client->query, &text, &len);
	if (err == ZT_ERR_NOTFOUND) {
		userdb_query_free(zt_take(client->query));
		return ZT_OK;
	}
	if (err != ZT_OK || text == NULL)
		return err;
	return buffer_add(&client->out, text, len);
}

static enum zt_err
client_send(struct client *client)
{
	struct buffer *out = &client->out;
	ssize_t n;

	n = send(client->fd, out->p + client->sent, out->len - client->sent,
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ZT_OK : ZT_ERR_SYS;
	client->sent += (size_t)n;
	if (client->sent == out->len)
		out->len = client->sent = 0;
	client_alive(client);
	return ZT_OK;
}

static enum zt_err
client_receive(struct client *client)
{
	struct buffer *in = &client->in;
	enum zt_err err;
	ssize_t n;

	/* a full buffer without an end is too long a call */
	if (in->len == in->cap &&
	    (err = buffer_room(in, in->cap == 0 ? IN_FIRST : 1,
		 VARLINK_CALL_MAX)) != ZT_OK)
		return err;
	n = recv(client->fd, in->p + in->len, in->cap - in->len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ZT_OK : ZT_ERR_SYS;
	if (n == 0)
		return ZT_ERR_UNAVAIL; /* it has left */
	in->len += (size_t)n;
	return ZT_OK;
}

/*
 * Answer what was asked, in the order of asking.  Nothing more is read while
 * an answer is under way, and no answer goes on while much of it waits to be
 * sent.
 */
static enum zt_err
client_work(struct client *client)
{
	enum zt_err err = ZT_OK;

	for (int i = 0; i < STEPS_AT_ONCE && client_busy(client); i++) {
		if (client->out.len >= OUT_ENOUGH ||
		    (client->query == NULL && client->out.len > 0)) {
			err = client_send(client);
			if (client->out.len > 0)
				break;
		} else if (client->query != NULL) {
			err = client_answer(client);
		} else {
			err = client_begin(client);
		}
		if (err != ZT_OK)
			return err;
	}
	return err;
}

static int
on_io(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct client *client = arg;
	enum zt_err err = ZT_OK;

	(void)fd;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		err = ZT_ERR_UNAVAIL;
	else if ((events & EPOLLIN) != 0)
		err = client_receive(client);
	if (err == ZT_OK)
		err = client_work(client);
	if (err != ZT_OK) {
		client_free(client);
		return 0;
	}
	if (client->query != NULL)
		client_alive(client); /* a search may be long */
	(void)sd_event_source_set_io_events(source,
	    client_busy(client) ? EPOLLOUT : EPOLLIN);
	return 0;
}

static int
on_timeout(sd_event_source *source, uint64_t usec, void *arg)
{
	struct client *client = arg;

	(void)source;
	(void)usec;
	client->userdb->refused++;
	client_free(client);
	return 0;
}

static enum zt_err
client_watch(struct client *client)
{
	sd_event *event = client->userdb->event;
	const uint64_t usec = client->userdb->options.idle_ms * UINT64_C(1000);
	const int64_t priority = client->uid == 0 ? SD_EVENT_PRIORITY_NORMAL
						  : SD_EVENT_PRIORITY_IDLE;

	if (sd_event_add_io(event, &client->io, client->fd, EPOLLIN, on_io,
		client) < 0 ||
	    sd_event_source_set_priority(client->io, priority) < 0 ||
	    sd_event_add_time_relative(event, &client->timer, CLOCK_MONOTONIC,
		usec, 0, on_timeout, client) < 0)
		return ZT_ERR_NOMEM;
	return ZT_OK;
}

/* ---- the socket ---- */

/* Root's lookups are never refused: a login's are among them. */
static bool
has_room(const struct userdb *userdb, uid_t uid)
{
	const struct client *client;
	unsigned own = 0, others = 0;

	if (uid == 0)
		return true;
	TAILQ_FOREACH(client, &userdb->clients, entry) {
		own += client->uid == uid;
		others += client->uid != 0;
	}
	return own < userdb->options.max_connections_per_uid &&
	    others < userdb->options.max_connections;
}

static void
client_new(struct userdb *userdb, int fd_taken)
{
	zt_auto_close int fd = fd_taken;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct client *client;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    !has_room(userdb, peer.uid) ||
	    (client = calloc(1, sizeof(*client))) == NULL) {
		userdb->refused++;
		return;
	}
	client->userdb = userdb;
	client->uid = peer.uid;
	client->fd = zt_take_fd(fd);
	TAILQ_INSERT_TAIL(&userdb->clients, client, entry);
	userdb->open++;
	if (client_watch(client) != ZT_OK)
		client_free(client);
}

static int
on_rested(sd_event_source *source, uint64_t usec, void *arg)
{
	struct userdb *userdb = arg;

	(void)source;
	(void)usec;
	userdb->rest = sd_event_source_disable_unref(userdb->rest);
	return sd_event_source_set_enabled(userdb->io, SD_EVENT_ON);
}

/* Out of descriptors: the connection still waits, do not spin on it. */
static void
userdb_rest(struct userdb *userdb)
{
	const uint64_t usec = REST_MS * UINT64_C(1000);

	if (sd_event_add_time_relative(userdb->event, &userdb->rest,
		CLOCK_MONOTONIC, usec, 0, on_rested, userdb) >= 0)
		(void)sd_event_source_set_enabled(userdb->io, SD_EVENT_OFF);
}

static int
on_connection(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct userdb *userdb = arg;

	(void)source;
	(void)events;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (peer < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED &&
			    errno != EINTR)
				userdb_rest(userdb);
			break;
		}
		client_new(userdb, peer);
	}
	return 0;
}

enum zt_err
userdb_listen(const char *path, int *fd_out)
{
	zt_auto_close int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (fd < 0)
		return ZT_ERR_SYS;
	if (zt_str_copy(sun.sun_path, sizeof(sun.sun_path), zt_str(path)) !=
	    ZT_OK)
		return ZT_ERR_TOOBIG;
	(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    chmod(path, 0666) != 0 || listen(fd, USERDB_BACKLOG) != 0)
		return ZT_ERR_SYS;
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

enum zt_err
userdb_new(sd_event *event, const struct userdb_options *options, int fd,
    struct userdb **out)
{
	struct userdb *userdb = calloc(1, sizeof(*userdb));

	if (userdb == NULL) {
		(void)close(fd);
		return ZT_ERR_NOMEM;
	}
	userdb->event = event;
	userdb->options = *options;
	userdb->fd = fd;
	TAILQ_INIT(&userdb->clients);
	if (sd_event_add_io(event, &userdb->io, fd, EPOLLIN, on_connection,
		userdb) < 0) {
		userdb_free(userdb);
		return ZT_ERR_NOMEM;
	}
	*out = userdb;
	return ZT_OK;
}

void
userdb_free(struct userdb *userdb)
{
	struct client *client;

	if (userdb == NULL)
		return;
	while ((client = TAILQ_FIRST(&userdb->clients)) != NULL)
		client_free(client);
	(void)sd_event_source_disable_unref(userdb->io);
	(void)sd_event_source_disable_unref(userdb->rest);
	(void)close(userdb->fd);
	free(userdb);
}

void
userdb_set_limits(struct userdb *userdb, unsigned max_connections,
    unsigned max_connections_per_uid)
{
	userdb->options.max_connections = max_connections;
	userdb->options.max_connections_per_uid = max_connections_per_uid;
}

json_t *
userdb_status(const struct userdb *userdb)
{
	return json_pack("{s:s, s:i, s:I, s:I, s:I}", "name", "userdb", "open",
	    (int)userdb->open, "served", (json_int_t)userdb->served, "refused",
	    (json_int_t)userdb->refused, "malformed",
	    (json_int_t)userdb->malformed);
}
