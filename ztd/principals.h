/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_PRINCIPALS_H
#define ZTD_PRINCIPALS_H

#include "broker.h"

/*
 * Serve a request of zt-principals: check the certificate that sshd was
 * offered, remember it for that sshd process (the last one wins) and answer
 * which of its principals may log in as the account.  The client has proven
 * nothing yet, so no endpoint is asked, and what it can cause is bounded: one
 * check, one entry per process, one record per refused certificate and
 * process, CREDENTIAL_RECORDS_PER_S records in all.  arg is the broker.
 */
server_handler principals_serve;

/* Record how many records were suppressed since the last call, if any. */
void principals_flush(struct broker *broker);

#define CREDENTIAL_RECORDS_PER_S 50
#define CREDENTIAL_RECORDS_BURST 200

#endif /* ZTD_PRINCIPALS_H */
