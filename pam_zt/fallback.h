/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAM_ZT_FALLBACK_H
#define PAM_ZT_FALLBACK_H

#include <stdbool.h>

#include "zt/rd.h"

/*
 * Tell without a broker whether zt has no say: service is not enforced, or
 * user is exempt from it.
 *
 * user  whom an exemption must name: with sudo and su the one who invokes
 *	 them; empty if not known, and then not exempt
 *
 * Goes by the scope that ztd left on disk (ZT_SCOPE_FILE).  Where that file
 * is missing, damaged, or such that somebody other than root or ztd may have
 * written it, by what is compiled in: sshd, sudo, sudo-i, su, su-l and login
 * are enforced, and root on the console is exempt.
 *
 * Blocking: reads one local file.  Thread-safe: yes.
 */
bool zt_fallback_ignores(struct zt_str service, struct zt_str user);

#endif /* PAM_ZT_FALLBACK_H */
