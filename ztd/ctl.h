/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_CTL_H
#define ZTD_CTL_H

#include "broker.h"

/* Serve a request of ztctl: status, sessions, check.  arg is the broker. */
server_handler ctl_serve;

#endif /* ZTD_CTL_H */
