/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_CERT_H
#define ZT_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/rd.h"
#include "zt/reason.h"

#define ZT_CERT_MAX            45000 /* encoded certificate, bytes */
#define ZT_CERT_PRINCIPALS_MAX 128   /* count */
#define ZT_CERT_OPTIONS_MAX    32    /* critical options, extensions; each */
#define ZT_FINGERPRINT_LEN     50    /* "SHA256:" and 43 of base64 */

/* A critical option or an extension. */
struct zt_cert_option {
	char *name;  /* owned */
	char *value; /* owned; text of the value, "" for a flag */
	bool flag;   /* has no value, which is not the same as an empty one */
};

/*
 * A decoded OpenSSH user certificate (PROTOCOL.certkeys).  All members are
 * owned and never NULL unless said so; free with zt_cert_free().
 */
struct zt_cert {
	uint8_t *blob; /* the exact encoded bytes */
	size_t blob_len;
	const char *key_type; /* static; the plain type: "ssh-ed25519" ... */
	bool hardware_key;    /* an sk type */
	char fingerprint[ZT_FINGERPRINT_LEN + 1]; /* of the subject key, as
						     ssh-keygen -l prints */
	uint64_t serial;
	uint32_t type; /* 1 user, 2 host */
	char *key_id;
	char **principals;
	size_t n_principals;
	uint64_t valid_after;  /* seconds since the epoch, inclusive */
	uint64_t valid_before; /* exclusive; UINT64_MAX is "forever" */
	struct zt_cert_option *critical;
	size_t n_critical;
	struct zt_cert_option *extensions;
	size_t n_extensions;
	uint8_t *ca_key; /* encoded CA public key */
	size_t ca_key_len;
	char ca_fingerprint[ZT_FINGERPRINT_LEN + 1];
	size_t signed_len; /* the signature covers blob[0..signed_len) */
	uint8_t *signature;
	size_t signature_len;
};

/* The CAs whose certificates are accepted; opaque. */
struct zt_ca_set;

/* What a certificate is held against. */
struct zt_cert_policy {
	const struct zt_ca_set *cas; /* borrowed */
	uint64_t max_lifetime_s;     /* valid_before - valid_after at most */
	uint32_t clock_skew_s;       /* tolerated at both ends of validity */
};

/*
 * Decode a certificate.  Pure; proves nothing.
 *
 * blob, len  encoded certificate (what base64 decodes to), copied
 *
 * Returns ZT_OK and an owned *out; ZT_ERR_TRUNCATED, ZT_ERR_TRAILING,
 * ZT_ERR_TOOBIG or ZT_ERR_MALFORMED if the bytes are not exactly one
 * certificate of a known key type; ZT_ERR_NOMEM.
 * Blocking: never.  Thread-safe: yes.  Source: PROTOCOL.certkeys.
 */
ZT_MUST_USE enum zt_err
zt_cert_parse(const void *blob, size_t len, struct zt_cert **out);

/* As zt_cert_parse(), from base64 text without line breaks. */
ZT_MUST_USE enum zt_err
zt_cert_parse_base64(struct zt_str text, struct zt_cert **out);

void zt_cert_free(struct zt_cert *cert);

/*
 * Check a certificate completely: user type, CA in the set and not itself a
 * certificate, signature over the exact bytes with an allowed algorithm (no
 * SHA-1), principals (at least one, none empty, none "*"), critical options
 * (known, well-formed, none twice), extensions (none twice), lifetime, and
 * validity at now.  docs/PROTOCOL.certs has them in order.
 *
 * now_s  seconds since the epoch
 *
 * Returns ZT_REASON_NONE if and only if the certificate is good; else the
 * ZT_REASON_CREDENTIAL_... of the first check that failed, or
 * ZT_REASON_INTERNAL if a check could not be made.
 * Blocking: never (one public key operation).  Thread-safe: yes.
 */
ZT_MUST_USE enum zt_reason zt_cert_check(const struct zt_cert *cert,
    const struct zt_cert_policy *policy, uint64_t now_s);

/* Only the validity and lifetime part of zt_cert_check(). */
ZT_MUST_USE enum zt_reason zt_cert_check_time(const struct zt_cert *cert,
    const struct zt_cert_policy *policy, uint64_t now_s);

/*
 * Check a certificate's source-address option against the client's address.
 *
 * ip  numeric IPv4 or IPv6 address, NUL-terminated; v4-mapped counts as IPv4
 *
 * Returns ZT_REASON_NONE if there is no such option or ip lies in its list;
 * else ZT_REASON_CREDENTIAL_SOURCE (also for an address or list that does
 * not parse).
 */
ZT_MUST_USE enum zt_reason
zt_cert_check_source(const struct zt_cert *cert, const char *ip);

/* Value of a critical option, borrowed from cert, or NULL if it has none. */
const char *zt_cert_critical(const struct zt_cert *cert, const char *name);

/*
 * Read CA public keys: lines "type base64 comment" as in TrustedUserCAKeys;
 * empty lines and '#' comments are skipped.
 *
 * line_out  on failure, the number of the offending line (from 1), or 0
 *
 * Returns ZT_OK and an owned set of at least one CA; ZT_ERR_MALFORMED (a
 * line that is no plain public key, a certificate, an sk key or an RSA key
 * under 2048 bits), ZT_ERR_NOTFOUND if there is no key at all,
 * ZT_ERR_TOOBIG, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err
zt_ca_set_parse(struct zt_str text, struct zt_ca_set **out, unsigned *line_out);

void zt_ca_set_free(struct zt_ca_set *set);
size_t zt_ca_set_count(const struct zt_ca_set *set);

#endif /* ZT_CERT_H */
