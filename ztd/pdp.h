/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_PDP_H
#define ZTD_PDP_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "conf.h"
#include "zt/decision.h"

/*
 * The client side of the decision endpoints: HTTPS on the event loop, with
 * kept-alive connections, no thread and no cache.
 */
struct pdp;

typedef void pdp_done(void *arg, struct zt_answer *answer);

/*
 * Create a client for the endpoints of conf.
 *
 * event, conf	borrowed, must outlive the client; after a reload make a new
 *		client and free the old one once pdp_pending() is 0
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS, ZT_ERR_INVAL (libcurl refuses a setting).
 */
ZT_MUST_USE enum zt_err
pdp_new(sd_event *event, const struct conf *conf, struct pdp **out);

/*
 * Ask for one decision; done(arg, answer) is called exactly once, later, from
 * the event loop, within pdp.timeout_ms whatever happens.  answer is borrowed
 * for the call (done may take its members).
 *
 * request_id  UUID, copied; body  JSON text, copied
 *
 * Errors: ZT_ERR_NOMEM, then done is not called.
 */
ZT_MUST_USE enum zt_err pdp_ask(struct pdp *pdp, const char *request_id,
    const char *body, pdp_done *done, void *arg);

/* Requests in flight. */
size_t pdp_pending(const struct pdp *pdp);

/* Health of every endpoint, for ztctl status; a new reference, or NULL. */
json_t *pdp_status(const struct pdp *pdp);

/* End the client; requests in flight end as error.stopping, done is called. */
void pdp_free(struct pdp *pdp);

#endif /* ZTD_PDP_H */
