/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_FEED_H
#define ZTD_FEED_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "zt/log.h"
#include "zt/record.h"

/*
 * The broker's end of the decision log: numbers, formats and submits records
 * and hears of their fate on the event loop.
 */
struct feed;

/*
 * Open the log at path.
 *
 * event, host	borrowed, must outlive the feed
 *
 * Errors: as zt_log_open(), and ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err feed_new(sd_event *event, const char *path,
    const struct zt_host *host, struct feed **out);

/*
 * Record an attempt; done(arg, durable) is called exactly once, later, from
 * the event loop.  Where the record cannot even be queued, durable is false.
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_TOOBIG, ZT_ERR_UNAVAIL; then done is not called.
 */
ZT_MUST_USE enum zt_err
feed_attempt(struct feed *feed, const struct zt_attempt *attempt,
    const struct zt_outcome *outcome, zt_log_done *done, void *arg);

/* Record what the broker itself did; a failure is said, not returned. */
void
feed_lifecycle(struct feed *feed, enum zt_lifecycle what, const char *detail);

/* Is the log able to take records? */
bool feed_works(struct feed *feed);

/* For ztctl status. */
json_t *feed_status(struct feed *feed);

/* Flush what waits and close. */
void feed_free(struct feed *feed);

#endif /* ZTD_FEED_H */
