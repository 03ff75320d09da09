/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSH_OSSL_H
#define ZT_SSH_OSSL_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "zt/auto.h"

/* Scope-owned OpenSSL objects: zt_auto(zt_pkeyp) EVP_PKEY *pkey = NULL; */
#define OSSL_FREEP_(name, type, fn)        \
	static inline void name(type **pp) \
	{                                  \
		fn(*pp);                   \
	}

OSSL_FREEP_(zt_bnp, BIGNUM, BN_free)
OSSL_FREEP_(zt_ec_groupp, EC_GROUP, EC_GROUP_free)
OSSL_FREEP_(zt_ec_pointp, EC_POINT, EC_POINT_free)
OSSL_FREEP_(zt_ecdsa_sigp, ECDSA_SIG, ECDSA_SIG_free)
OSSL_FREEP_(zt_md_ctxp, EVP_MD_CTX, EVP_MD_CTX_free)
OSSL_FREEP_(zt_paramp, OSSL_PARAM, OSSL_PARAM_free)
OSSL_FREEP_(zt_param_bldp, OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
OSSL_FREEP_(zt_pkeyp, EVP_PKEY, EVP_PKEY_free)
OSSL_FREEP_(zt_pkey_ctxp, EVP_PKEY_CTX, EVP_PKEY_CTX_free)

#undef OSSL_FREEP_

/*
 * A scope that leaves the thread's error queue as it was: other users of
 * OpenSSL in the process, TLS above all, read that queue.  An empty queue
 * cannot be marked, and is emptied again.  Do not nest.
 */
static inline int
zt_err_mark(void)
{
	return ERR_set_mark();
}

static inline void
zt_err_restore(const int *marked)
{
	(void)marked;
	(void)ERR_pop_to_mark();
}

#define zt_auto_err_queue                                   \
	zt_auto(zt_err_restore) __attribute__((__unused__)) \
	const int zt_err_marked_ = zt_err_mark()

#endif /* ZT_SSH_OSSL_H */
