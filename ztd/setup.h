/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SETUP_H
#define ZTD_SETUP_H

#include <sys/types.h>

#include "conf.h"
#include "server.h"
#include "zt/attempt.h"
#include "zt/client.h"

#define SETUP_USER         "ztd"
#define SETUP_ADMIN_GROUP  "zt-admin"
#define SETUP_SESSIONS_DIR ZT_RUN_DIR "/sessions"
#define SETUP_NICE         (-10) /* the unit says the same */
#define SETUP_STATE_DIR    "/var/lib/ztd"

/* Whom the broker runs as and who administers it. */
struct setup_ids {
	uid_t uid;
	gid_t gid;
	gid_t admin_gid; /* gid if there is no admin group */
};

/*
 * Find user ztd and group zt-admin in the local files.
 *
 * Says why and returns ZT_ERR_NOTFOUND if the user does not exist.
 */
ZT_MUST_USE enum zt_err setup_ids_find(struct setup_ids *out);

/*
 * Take the sockets that systemd passed (by FileDescriptorName=).
 *
 * Returns ZT_ERR_NOTFOUND if none was passed; ZT_ERR_INVAL, said, if they
 * are not exactly ours.
 */
ZT_MUST_USE enum zt_err setup_sockets_take(int fds[SERVER_SOCKETS]);

/*
 * Started by hand as root: make the directories, bind the sockets with their
 * owners and modes, refuse to run beside another broker.
 *
 * log_file  its directory is made if it is missing
 *
 * Says why and returns ZT_ERR_SYS or ZT_ERR_UNAVAIL (another broker runs).
 */
ZT_MUST_USE enum zt_err setup_sockets_bind(const struct setup_ids *ids,
    const char *log_file, int fds[SERVER_SOCKETS]);

/*
 * Become user ztd for good: no supplementary group, no capability, no new
 * privileges.  Says why on failure.
 */
ZT_MUST_USE enum zt_err setup_drop(const struct setup_ids *ids);

/* Raise the priority, and the limit of open descriptors to the hard one. */
void setup_limits(void);

/* Keep nothing of the environment but systemd's own variables. */
ZT_MUST_USE enum zt_err setup_environment(void);

/* Fill host from the configuration, /etc/machine-id and the kernel. */
ZT_MUST_USE enum zt_err
setup_host(const struct conf *conf, struct zt_host *out);

#endif /* ZTD_SETUP_H */
