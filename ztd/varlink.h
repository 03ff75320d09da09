/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_VARLINK_H
#define ZTD_VARLINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "zt/err.h"
#include "zt/rd.h"

/*
 * Varlink's messages: JSON objects, each ended by a NUL, on a stream.  Pure:
 * bytes in, bytes out.
 * Source: https://varlink.org/Method-Call
 */
#define VARLINK_CALL_MAX   65536  /* bytes, the NUL included */
#define VARLINK_REPLY_MAX  131072 /* likewise */
#define VARLINK_METHOD_MAX 255    /* bytes */

/* Errors of every service. */
#define VARLINK_METHOD_NOT_FOUND    "org.varlink.service.MethodNotFound"
#define VARLINK_INTERFACE_NOT_FOUND "org.varlink.service.InterfaceNotFound"
#define VARLINK_INVALID_PARAMETER   "org.varlink.service.InvalidParameter"
#define VARLINK_EXPECTED_MORE       "org.varlink.service.ExpectedMore"

struct varlink_call {
	json_t *root;       /* owned */
	const char *method; /* borrowed from root, as "interface.Method" */
	json_t *parameters; /* borrowed from root: an object; NULL if none */
	bool more;          /* the caller takes many replies */
	bool oneway;        /* the caller takes none */
};

/*
 * Find the end of the first message in buf[0..len).
 *
 * seen	    how many bytes at its beginning are known to hold no NUL
 * len_out  length of the message without its NUL
 *
 * Errors: ZT_ERR_TRUNCATED: more bytes are needed; ZT_ERR_TOOBIG over
 * VARLINK_CALL_MAX.
 */
ZT_MUST_USE enum zt_err
varlink_frame(const char *buf, size_t len, size_t seen, size_t *len_out);

/*
 * Understand a call.  Clear it with varlink_call_clear().
 *
 * Errors: ZT_ERR_MALFORMED, for an unknown key too; ZT_ERR_TOOBIG.
 */
ZT_MUST_USE enum zt_err
varlink_call_parse(struct zt_str message, struct varlink_call *out);
void varlink_call_clear(struct varlink_call *call);

/*
 * Print a reply, NUL and all.
 *
 * parameters  an object, taken over also on failure; NULL gives ZT_ERR_NOMEM
 * continues   more replies follow
 * len_out     bytes of *out, the NUL included
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_TOOBIG over VARLINK_REPLY_MAX.
 */
ZT_MUST_USE enum zt_err
varlink_reply(json_t *parameters, bool continues, char **out, size_t *len_out);

/*
 * Print an error in a reply's place.
 *
 * error  its qualified name
 */
ZT_MUST_USE enum zt_err varlink_error(const char *error, json_t *parameters,
    char **out, size_t *len_out);

#endif /* ZTD_VARLINK_H */
