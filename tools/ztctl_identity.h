/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_IDENTITY_H
#define ZTCTL_IDENTITY_H

#include <stdint.h>

#include <jansson.h>

#include "zt/snapshot.h"
#include "ztctl.h"
#include "ztctl_finding.h"

/*
 * Map the snapshot; a failure is printed with its remedy.  Close it with
 * zt_snapshot_close() if ZTCTL_OK is returned.
 */
enum ztctl_status
identity_open(const struct ztctl_options *options, struct zt_snapshot *out);

/* Why the snapshot at path cannot be used, and what to do. */
const char *identity_open_why(const char *path, enum zt_err err);
const char *identity_open_remedy(enum zt_err err);

/* "active", "locked", "not yet valid", "expired": as the broker decides it. */
const char *
identity_state(const struct zt_snapshot_user *user, uint64_t now_us);

uint64_t identity_now_us(void);

/* Generation, age and size of what is mapped; owned. */
json_t *identity_snapshot_json(const struct zt_snapshot *s);

/*
 * Ask the broker for its sources, or for anything else about users.  A failure
 * is printed.
 *
 * out	owned; of the right shape
 */
enum ztctl_status identity_ask_sources(const char *socket, json_t **out);
enum ztctl_status identity_ask(const char *socket, const char *command,
    const char *shape, json_t **out);

/* The answer is of no use: say so. */
enum ztctl_status identity_bad_answer(const char *socket);

/* A source of the answer, by its name; NULL if there is none. */
const json_t *identity_source(const json_t *answer, const char *name);

/*
 * What is wrong with a source: an explanation and its remedy, as one line
 * each.  Returns false, nothing written, if it is in order.
 */
#define IDENTITY_WHY_MAX 512
struct identity_trouble {
	bool stale_only; /* its users are served, and old */
	char why[IDENTITY_WHY_MAX];
	const char *remedy; /* static */
};
bool identity_trouble(const json_t *source, struct identity_trouble *out);

/*
 * Findings about the snapshot: can it be mapped, is it whole?  Returns true if
 * it is mapped: close it with zt_snapshot_close().
 */
bool check_snapshot(json_t *list, const char *path, struct zt_snapshot *out);

/*
 * Findings about the sources, as the broker tells of them.
 *
 * silent  how bad it is if it does not
 * s	   what is mapped; NULL if nothing is
 *
 * Returns ZTCTL_OK if there was an answer, good or bad.
 */
enum ztctl_status check_sources(json_t *list, const char *socket,
    enum finding_grade silent, const struct zt_snapshot *s);

#endif /* ZTCTL_IDENTITY_H */
