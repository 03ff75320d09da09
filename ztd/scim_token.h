/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SCIM_TOKEN_H
#define ZTD_SCIM_TOKEN_H

#include "conf.h"
#include "fetch.h"

/*
 * The bearer token of a SCIM source: from its file, or by OAuth 2.0 client
 * credentials (RFC 6749 s4.4), or none.
 */
struct scim_token;

/*
 * token  NULL if there is none to send, or if why is not NULL; borrowed until
 *	  the callback returns
 * why    what is wrong, for the administrator; NULL: nothing
 */
typedef void scim_token_done(void *arg, const char *token, const char *why);

/* conf, fetcher  borrowed.  Errors: ZT_ERR_NOMEM. */
ZT_MUST_USE enum zt_err scim_token_new(const struct conf_source *conf,
    struct fetcher *fetcher, struct scim_token **out);
void scim_token_free(struct scim_token *t); /* gives up without a word */

/*
 * Get the token: done is called once, perhaps at once.  One at a time.  Who
 * cancels is not told; what is under way goes on, for the next: the time of
 * one who gave up may be too short for it.
 */
void scim_token_get(struct scim_token *t, scim_token_done *done, void *arg);
void scim_token_cancel(struct scim_token *t);

/* It was refused: is there hope for another? */
bool scim_token_renew(struct scim_token *t);

#endif /* ZTD_SCIM_TOKEN_H */
