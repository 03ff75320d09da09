/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_BROKER_H
#define ZTCTL_BROKER_H

#include <jansson.h>

#include "zt/err.h"
#include "ztctl.h"

/*
 * Ask the broker for all pages of a command's answer.
 *
 * command     one word, or a word, one blank and its argument
 * timeout_ms  for each page
 * out	       owned; an object, whose arrays hold the items of all pages
 * error_out   owned; on failure, the broker's own words, or NULL
 *
 * Errors: those of zt_client_call(); ZT_ERR_DENIED if the broker answered
 * with an error; ZT_ERR_MALFORMED for anything else it should not say.
 */
ZT_MUST_USE enum zt_err broker_ask(const char *socket, const char *command,
    unsigned timeout_ms, json_t **out, char **error_out);

/* As above; a failure is printed and turned into an exit status. */
enum ztctl_status broker_ask_or_say(const char *socket, const char *command,
    unsigned timeout_ms, json_t **out);

#endif /* ZTCTL_BROKER_H */
