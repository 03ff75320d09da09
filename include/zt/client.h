/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_CLIENT_H
#define ZT_CLIENT_H

#include <stddef.h>

#include "zt/err.h"

/* Where the broker listens unless told otherwise. */
#define ZT_RUN_DIR           "/run/ztd"
#define ZT_SOCKET_PAM        ZT_RUN_DIR "/pam"
#define ZT_SOCKET_PRINCIPALS ZT_RUN_DIR "/principals"
#define ZT_SOCKET_NSS        ZT_RUN_DIR "/nss"
#define ZT_SOCKET_CTL        ZT_RUN_DIR "/ctl"
#define ZT_SCOPE_FILE        "/var/lib/ztd/scope"

/*
 * Send one request to the broker and receive its one reply.
 *
 * path	       absolute path of a SOCK_SEQPACKET socket
 * timeout_ms  the whole call, on the monotonic clock
 * req, len    the encoded request, 1 to ZT_WIRE_MAX bytes
 * reply, cap  receives the reply; a longer one is ZT_ERR_TOOBIG
 * len_out     bytes received, at least 1
 *
 * The peer is believed only if the kernel says that it runs as root or as
 * the owner of the socket's directory, and that directory is not writable
 * by group or others: whoever could create it there is root.
 *
 * Returns ZT_ERR_UNAVAIL if nobody listens or the broker hangs up without a
 * reply, ZT_ERR_TIMEOUT, ZT_ERR_IMPOSTOR, ZT_ERR_TOOBIG, ZT_ERR_NOMEM if
 * there is no descriptor or no memory for a socket, ZT_ERR_SYS, or ZT_ERR_INVAL
 * for a path over 107 bytes.
 *
 * The descriptor is close-on-exec, never 0 to 2, and closed on return; no
 * signal is raised; errno is as before the call.
 * Blocking: up to timeout_ms.  Thread-safe: yes.
 * Source: unix(7), docs/PROTOCOL.broker.
 */
ZT_MUST_USE enum zt_err zt_client_call(const char *path, unsigned timeout_ms,
    const void *req, size_t len, void *reply, size_t cap, size_t *len_out);

#endif /* ZT_CLIENT_H */
