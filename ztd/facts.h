/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_FACTS_H
#define ZTD_FACTS_H

#include "broker.h"
#include "proc.h"
#include "zt/attempt.h"
#include "zt/wire.h"

/*
 * Begin an attempt: a fresh id, the time, the host, service and account.
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS (no randomness); out is cleared then.
 */
ZT_MUST_USE enum zt_err
facts_begin(struct broker *broker, struct zt_str service, struct zt_str account,
    enum zt_stage stage, struct zt_attempt *out);

/* Add what a PAM request claims: terminal, remote host, and for sshd the
 * addresses of SSH_CONNECTION. */
ZT_MUST_USE enum zt_err
facts_claims(struct zt_attempt *attempt, const struct zt_pam_request *request);

/*
 * Add who acts: for sudo and su the real uid's name and groups, else the
 * account's; and whether the account exists.
 *
 * locked_out	true if the account's record is locked or not valid now
 *
 * Errors: as users_account().
 */
ZT_MUST_USE enum zt_err facts_account(struct broker *broker,
    struct zt_attempt *attempt, uid_t ruid, bool *locked_out);

/* Add what is known from the login that attempt belongs to: certificate,
 * addresses, session. */
ZT_MUST_USE enum zt_err
facts_login(struct zt_attempt *attempt, const struct login *login);

/*
 * Check a certificate under the configuration in force: completely, or only
 * its times if it was checked under this configuration before.
 *
 * checked  broker->generation of the complete check that it passed, or 0
 *
 * Returns as zt_cert_check().
 */
ZT_MUST_USE enum zt_reason facts_cert_check(const struct broker *broker,
    const struct zt_cert *cert, uint64_t checked, int64_t now_ms);

/*
 * Which of a certificate's principals may log in as account: those that a
 * rule of [principals] for the account or one of its groups lists; where no
 * rule speaks of it, the account's own name.
 *
 * out	     borrowed from cert, at most cap
 * Returns how many there are.
 */
size_t facts_principals(const struct conf *conf, const struct zt_cert *cert,
    const char *account, char *const *groups, size_t n_groups, const char **out,
    size_t cap);

#endif /* ZTD_FACTS_H */
