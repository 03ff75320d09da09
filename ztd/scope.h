/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SCOPE_H
#define ZTD_SCOPE_H

#include <sys/types.h>

#include "conf.h"
#include "zt/err.h"
#include "zt/reason.h"

/*
 * Does zt have a say in this attempt?
 *
 * who   whom an exemption must name: for sudo and su the invoking user, for
 *	 all else the account; NULL: nobody is exempt
 * ruid  real uid of the asking process; PROC_NO_UID if unknown
 *
 * Returns ZT_REASON_NONE if it has; ZT_REASON_SCOPE_SERVICE for a service
 * not listed, ZT_REASON_SCOPE_ROOT for root's own sudo and su,
 * ZT_REASON_SCOPE_EXEMPT for an exempt user.
 */
enum zt_reason scope_check(const struct conf *conf, const char *service,
    const char *who, uid_t ruid);

/*
 * Keep the scope on disk for the modules while no broker answers: whole and
 * flushed, by zt_file_replace().
 *
 * Errors: ZT_ERR_SYS, ZT_ERR_TOOBIG.
 */
ZT_MUST_USE enum zt_err scope_save(const struct conf *conf, const char *path);

#endif /* ZTD_SCOPE_H */
