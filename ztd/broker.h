/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_BROKER_H
#define ZTD_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "conf.h"
#include "denials.h"
#include "feed.h"
#include "logins.h"
#include "pdp.h"
#include "server.h"
#include "userdb.h"
#include "users.h"
#include "zt/attempt.h"

/* What ztctl status counts, since the broker started: decisions, not the
 * opening and closing of sessions. */
struct counters {
	uint64_t permits, denies, unavailable, exempt;
	uint64_t credentials_accepted, credentials_refused;
	uint64_t records_suppressed;
};

/* A token bucket, see principals.c; all zero is empty. */
struct tokens {
	int64_t level;       /* millionths of a record */
	int64_t us;          /* when level was true; monotonic clock */
	unsigned suppressed; /* since the last record of them */
};

/* The broker: one of each.  All members are owned unless said otherwise. */
struct broker {
	sd_event *event;
	const char *conf_file; /* borrowed, from argv */
	struct conf *conf;
	uint64_t generation; /* counts configurations put in force, from 1 */
	char *reload_error;  /* why the last reload failed, or NULL */
	struct pdp *pdp;
	struct retired *retired; /* clients of earlier configurations */
	struct users *users;
	struct logins *logins;
	struct feed *feed;
	struct server *server;
	struct userdb *userdb; /* NULL if it could not be served */
	struct denials denials;
	struct zt_host host;
	struct counters counters;
	struct tokens tokens;
	unsigned in_flight; /* attempts being decided */
	bool stopping;
	int64_t stop_by_us; /* monotonic clock; once stopping */
	int64_t started_ms;
};

/*
 * Put another configuration in force: a new endpoint client, users, limits
 * and scope.  On failure the old one stays, whole.
 *
 * conf   taken over on success
 * error  says why on failure
 */
ZT_MUST_USE enum zt_err broker_configure(struct broker *broker,
    struct conf *conf, char error[CONF_ERROR_MAX]);

/* Read the configuration file again: SIGHUP. */
void broker_reload(struct broker *broker);

/* Free endpoint clients of earlier configurations that are done. */
void broker_reap(struct broker *broker);

/*
 * Free all of it, in the order that lets attempts in flight end: refused,
 * recorded and answered.
 */
void broker_free(struct broker *broker);

#endif /* ZTD_BROKER_H */
