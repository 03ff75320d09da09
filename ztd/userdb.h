/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_USERDB_H
#define ZTD_USERDB_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "userdb_query.h"
#include "zt/client.h"

/*
 * zt's users and groups for systemd: io.systemd.UserDatabase over Varlink, as
 * userdbctl(1), systemd-userdbd and nss-systemd(8) ask for it.
 *
 * The socket is the broker's own, in a directory of its own, and systemd's
 * directory has a symbolic link to it.  systemd does not hold it for us: who
 * asks nss-systemd for a name that does not exist waits for every socket
 * there, and while no broker runs, at boot above all, nobody must.
 */
#define USERDB_DIR      ZT_RUN_DIR "/userdb" /* the broker's */
#define USERDB_SOCKET   USERDB_DIR "/" USERDB_SERVICE
#define USERDB_LINK_DIR "/run/systemd/userdb"
#define USERDB_LINK     USERDB_LINK_DIR "/" USERDB_SERVICE

#define USERDB_IDLE_MS  10000 /* for the next call to come, whole */
#define USERDB_STALL_MS 30000 /* for a caller to read some of a reply */
#define USERDB_BACKLOG  256   /* connections the kernel holds */

struct userdb;

struct userdb_options {
	struct userdb_source source;      /* texts borrowed */
	unsigned max_connections;         /* root's not counted */
	unsigned max_connections_per_uid; /* root's not counted */
	unsigned idle_ms, stall_ms;
};

/*
 * Listen at a path: 0666, whatever the umask; a socket that is left there
 * is replaced.
 *
 * Errors: ZT_ERR_SYS with errno; ZT_ERR_TOOBIG for the path.
 */
ZT_MUST_USE enum zt_err userdb_listen(const char *path, int *fd_out);

/*
 * Serve a listening stream socket on the event loop: everybody may ask.  A
 * caller that sends nothing, takes nothing or sends what is no call is let go.
 * What is sent waits for who reads: no more than one long reply, or a few
 * short ones, is kept for a caller.  A stranger's calls wait until nothing
 * else does.
 *
 * fd  taken over, also on failure
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS.
 */
ZT_MUST_USE enum zt_err userdb_new(sd_event *event,
    const struct userdb_options *options, int fd, struct userdb **out);

/* Close everything. */
void userdb_free(struct userdb *userdb);

/* Change the limits, after a reload. */
void userdb_set_limits(struct userdb *userdb, unsigned max_connections,
    unsigned max_connections_per_uid);

/* For ztctl status: {"name","open","served","refused","malformed"}, as each
 * of server_status(). */
json_t *userdb_status(const struct userdb *userdb);

#endif /* ZTD_USERDB_H */
