/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LIB_PDP_REPLY_H
#define TESTS_LIB_PDP_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "table.h"

#define REPLY_DRIP_MS 100 /* from byte to byte */

/* How the bytes leave. */
enum reply_manner {
	REPLY_WHOLE,    /* as a proper answer does */
	REPLY_DRIP,     /* a byte now and then */
	REPLY_ENDLESS,  /* and never ends */
	REPLY_TRUNCATE, /* the connection ends before the body does */
	REPLY_CLOSE,    /* no byte, the connection ends */
	REPLY_HANG,     /* no byte, nothing happens */
};

struct reply {
	enum reply_manner manner;
	int status;
	char *body;    /* owned */
	bool wrong_id; /* echo an X-Request-ID that was not sent */
	bool redirect; /* point elsewhere */
	bool big_headers;
	unsigned delay_ms; /* before it leaves */
};

/*
 * The answers of a table, the honest first:
 *
 *   permit [notice=TEXT] [obligation=TYPE] [reason=TEXT] [policy=TEXT]
 *   deny [reason=TEXT] [reason_admin=TEXT] [policy=TEXT]
 *   raw body=TEXT [code=NNN]   exactly this body
 *   status code=NNN            that status, and a body that permits
 *
 * and those that no client may take for a permit:
 *
 *   hang drip endless truncate close    see enum reply_manner
 *   redirect                            302, with a permit as its body
 *   wrongid                             a permit for somebody else's request
 *   headers                             a permit behind 64 KiB of headers
 *   garbage empty nodecision stringdecision numberdecision nulldecision
 *   dupkey twodecisions trailing array cut badcontext badutf8 deep big
 *
 * delay_ms=N delays any of them.
 *
 * Returns false if the answer is none of these, or without memory.
 */
bool reply_make(const struct table_answer *answer, struct reply *out);
void reply_clear(struct reply *reply);

#endif /* TESTS_LIB_PDP_REPLY_H */
