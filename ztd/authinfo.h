/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_AUTHINFO_H
#define ZTD_AUTHINFO_H

#include <stdbool.h>

#include "zt/cert.h"
#include "zt/rd.h"

/*
 * Does sshd's SSH_AUTH_INFO_0 agree with the credential decided on?
 *
 * auth_info  lines "publickey TYPE BASE64" and other methods, as sshd wrote
 *	      them
 * cert	      NULL if there was none
 *
 * True if a publickey line carries exactly cert; without a cert, if no line
 * carries a certificate.  Pure.  Source: OpenSSH auth2.c, ExposeAuthInfo in
 * sshd_config(5).
 */
bool authinfo_matches(struct zt_str auth_info, const struct zt_cert *cert);

#endif /* ZTD_AUTHINFO_H */
