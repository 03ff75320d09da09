/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_PAM_H
#define ZTD_PAM_H

#include "broker.h"

/*
 * Serve a request of pam_zt.so: decide, record, answer.  arg is the broker.
 * The answer leaves once the record is on disk.
 */
server_handler pam_serve;

/* Record the end of a session whose process went away unannounced. */
logins_gone pam_session_gone;

#endif /* ZTD_PAM_H */
