/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_NSS_H
#define ZTD_NSS_H

#include "broker.h"

/* Serve a request of libnss_zt: anyone may ask.  arg is the broker. */
server_handler nss_serve;

#endif /* ZTD_NSS_H */
