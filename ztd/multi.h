/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_MULTI_H
#define ZTD_MULTI_H

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "zt/err.h"

/*
 * libcurl's multi interface driven by an sd-event loop: it watches the
 * sockets and keeps the timer that libcurl asks for.  Connections stay open
 * between transfers and are shared by all of one object.
 */
struct multi;

#define MULTI_HOST_CONNECTIONS_MAX 32 /* to one endpoint, count */
#define MULTI_CONNECTIONS_MAX      64 /* kept open, count */

/* A transfer ended; the easy handle is no longer part of multi. */
typedef void multi_done(void *arg, CURL *easy, CURLcode code);

/*
 * event  borrowed, must outlive the object
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_INVAL (libcurl refuses a setting).
 */
ZT_MUST_USE enum zt_err
multi_new(sd_event *event, multi_done *done, struct multi **out);

/*
 * Start a transfer; done(arg) is called once from the event loop, unless it
 * is removed before.  arg is kept as CURLOPT_PRIVATE.
 */
ZT_MUST_USE enum zt_err multi_add(struct multi *m, CURL *easy, void *arg);
void multi_remove(struct multi *m, CURL *easy);

/* Close all connections.  May be called from done. */
void multi_free(struct multi *m);

#endif /* ZTD_MULTI_H */
