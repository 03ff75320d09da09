/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSHSIG_H
#define ZT_SSHSIG_H

#include "zt/cert.h"
#include "zt/err.h"
#include "zt/rd.h"

/* Signatures over files, as "ssh-keygen -Y sign" makes them. */

#define ZT_SSHSIG_MAX      16384 /* armored, bytes */
#define ZT_SSHSIG_BLOB_MAX 12288 /* decoded, bytes */
#define ZT_SSHSIG_NAME_MAX 255   /* namespace, bytes */

/*
 * Cut an armored signature off the front of a document.
 *
 * signature_out  the armor, from its first line to the end of its last
 * message_out	  every byte behind that line; may be empty
 *
 * Both borrow from document.
 *
 * Returns ZT_OK; ZT_ERR_MALFORMED if no armored signature stands in front, or
 * it is longer than ZT_SSHSIG_MAX.
 */
ZT_MUST_USE enum zt_err zt_sshsig_cut(struct zt_str document,
    struct zt_str *signature_out, struct zt_str *message_out);

/*
 * Verify an armored signature over a message.
 *
 * space    the namespace it must be made for
 * signers  public keys that may have made it
 * why_out  static; on failure, what is wrong
 *
 * Returns ZT_OK if and only if one of the signers signed exactly this message
 * for this namespace; ZT_ERR_DENIED (another namespace, key or message, an
 * algorithm that is not allowed: SHA-1, hardware keys), ZT_ERR_VERSION,
 * ZT_ERR_MALFORMED, ZT_ERR_NOMEM.
 * Blocking: never; hashes the message.  Thread-safe: yes.
 * Source: OpenSSH PROTOCOL.sshsig.
 */
ZT_MUST_USE enum zt_err
zt_sshsig_verify(struct zt_str signature, struct zt_str message,
    const char *space, const struct zt_ca_set *signers, const char **why_out);

#endif /* ZT_SSHSIG_H */
