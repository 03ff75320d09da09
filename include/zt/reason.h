/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_REASON_H
#define ZT_REASON_H

#include "zt/rd.h"

/*
 * Why an attempt ended as it did.  Each has one stable code, which stands in
 * the record, in syslog and in the user's line; docs/REASONS.md lists them.
 * X(identifier, code, what the user is told, what to do next)
 */
#define ZT_REASONS(X)                                                           \
	/* permits */                                                           \
	X(POLICY_PERMIT, "policy.permit", "access permitted",                   \
	    "nothing: the decision endpoint permitted this attempt")            \
	X(SESSION_OPENED, "session.opened", "session opened",                   \
	    "nothing: the session of a permitted login began")                  \
	X(SESSION_CLOSED, "session.closed", "session closed",                   \
	    "nothing: the session ended")                                       \
	/* zt has no say */                                                     \
	X(SCOPE_SERVICE, "scope.service", "service out of scope",               \
	    "list the service in scope.services of ztd.conf to enforce it")     \
	X(SCOPE_EXEMPT, "scope.exempt", "user is exempt",                       \
	    "remove the user from scope.exempt_users of ztd.conf to enforce")   \
	X(SCOPE_ROOT, "scope.root", "invoked by root",                          \
	    "nothing: root's own sudo and su are never decided remotely")       \
	X(SCOPE_AUTH, "scope.auth", "authentication is left to others",         \
	    "set pam.auth = refuse in ztd.conf to refuse instead")              \
	/* denials: the policy */                                               \
	X(POLICY_DENY, "policy.deny", "denied by policy",                       \
	    "ask the owner of the access policy; the decision id finds the "    \
	    "endpoint's own log entry")                                         \
	X(POLICY_OBLIGATION, "policy.obligation",                               \
	    "the policy demands what this host cannot do",                      \
	    "the endpoint permits with an obligation that this version does "   \
	    "not know; remove it from the policy, or upgrade zt")               \
	X(AUTH_REFUSED, "auth.refused", "zt does not authenticate here",        \
	    "remove pam_zt.so from the auth phase, not from account and "       \
	    "session; or set pam.auth = ignore in ztd.conf")                    \
	/* denials: the credential */                                           \
	X(CREDENTIAL_NONE, "credential.none",                                   \
	    "a login certificate is required",                                  \
	    "log in with an SSH certificate; for services without one set "     \
	    "credential.required = no in a [service NAME] section")             \
	X(CREDENTIAL_MALFORMED, "credential.malformed",                         \
	    "the certificate cannot be read",                                   \
	    "have a new certificate issued; inspect this one with "             \
	    "ssh-keygen -L")                                                    \
	X(CREDENTIAL_TYPE, "credential.type",                                   \
	    "not a user certificate of a supported type",                       \
	    "issue a user certificate (ssh-keygen without -h) for an "          \
	    "ed25519, ecdsa, rsa or sk key")                                    \
	X(CREDENTIAL_CA, "credential.ca",                                       \
	    "the certificate is from an unknown authority",                     \
	    "add the CA's public key to credential.ca_file of ztd.conf if it "  \
	    "is yours")                                                         \
	X(CREDENTIAL_SIGNATURE, "credential.signature",                         \
	    "the certificate's signature is wrong",                             \
	    "treat it as a forgery; an RSA CA must sign with rsa-sha2-256 or "  \
	    "rsa-sha2-512")                                                     \
	X(CREDENTIAL_NOT_YET_VALID, "credential.not_yet_valid",                 \
	    "the certificate is not valid yet",                                 \
	    "compare the clocks of this host and of the issuer")                \
	X(CREDENTIAL_EXPIRED, "credential.expired",                             \
	    "the certificate has expired",                                      \
	    "get a fresh certificate and log in again")                         \
	X(CREDENTIAL_LIFETIME, "credential.lifetime",                           \
	    "the certificate is valid for too long",                            \
	    "issue certificates no longer valid than credential.max_lifetime")  \
	X(CREDENTIAL_PRINCIPALS, "credential.principals",                       \
	    "the certificate names no usable principal",                        \
	    "issue it with at least one principal (-n), none empty or \"*\"")   \
	X(CREDENTIAL_OPTION, "credential.critical_option",                      \
	    "the certificate has an unknown critical option",                   \
	    "only source-address, force-command and verify-required are "       \
	    "known")                                                            \
	X(CREDENTIAL_SOURCE, "credential.source_address",                       \
	    "the certificate is not valid from this address",                   \
	    "log in from an address in the certificate's source-address")       \
	X(CREDENTIAL_ACCOUNT, "credential.account",                             \
	    "the certificate is not for this account",                          \
	    "issue it with a principal that may log in as the account; see "    \
	    "[principals] in ztd.conf(5)")                                      \
	X(CREDENTIAL_MISMATCH, "credential.mismatch",                           \
	    "another credential was used than was decided on",                  \
	    "offer one certificate only (ssh -o IdentitiesOnly=yes)")           \
	/* denials: the session and the account */                              \
	X(SESSION_NONE, "session.none", "no live zt session",                   \
	    "log in again: this shell does not descend from a live login; for " \
	    "accounts without one set credential.required = no for the "        \
	    "service")                                                          \
	X(SESSION_UNDECIDED, "session.undecided",                               \
	    "the session was not decided",                                      \
	    "enable pam_zt.so in the account phase of this service too")        \
	X(ACCOUNT_INVALID, "account.invalid", "no such account",                \
	    "see ztctl check; a user exists if a record in users.d or a "       \
	    "local file says so")                                               \
	X(ACCOUNT_LOCKED, "account.locked", "the account is locked",            \
	    "its record in users.d is locked, not valid yet or not any more")   \
	/* no decision could be had */                                          \
	X(PDP_UNREACHABLE, "error.pdp_unreachable",                             \
	    "the decision endpoint is unreachable",                             \
	    "check the endpoint and the network: ztctl check")                  \
	X(PDP_TIMEOUT, "error.pdp_timeout",                                     \
	    "the decision endpoint did not answer in time",                     \
	    "check the endpoint's load; pdp.timeout_ms bounds the wait")        \
	X(PDP_TLS, "error.pdp_tls",                                             \
	    "the decision endpoint's identity could not be proven",             \
	    "check the endpoint's certificate, its name and pdp.ca_file: "      \
	    "ztctl check")                                                      \
	X(PDP_BUSY, "error.pdp_busy", "the decision endpoint is overloaded",    \
	    "check the endpoint: it answered 408, 425, 429 or 5xx")             \
	X(PDP_PROTOCOL, "error.pdp_protocol",                                   \
	    "the decision endpoint answered nonsense",                          \
	    "check that pdp.url is an AuthZEN evaluation endpoint")             \
	X(PDP_REQUEST, "error.pdp_request",                                     \
	    "the decision endpoint refused the question",                       \
	    "the endpoint answered 400: compare its schema with "               \
	    "docs/DECISION.md; some need pdp.mirror_context = yes")             \
	X(PDP_AUTH, "error.pdp_auth",                                           \
	    "this host is not authorized at the decision endpoint",             \
	    "renew the bearer token or the client certificate of this host")    \
	X(PDP_URL, "error.pdp_url", "the decision endpoint's URL is wrong",     \
	    "the endpoint answered 3xx, 404, 405 or 501: correct pdp.url")      \
	X(LOG_FAILED, "error.log", "the decision could not be recorded",        \
	    "free space or repair the file system of log.file; nothing is "     \
	    "permitted without its record")                                     \
	X(PROC_FAILED, "error.proc",                                            \
	    "the requesting process could not be identified",                   \
	    "ztd must see /proc of other users (hidepid=0): ztctl check")       \
	X(OVERLOAD, "error.overload", "too many attempts at once",              \
	    "try again; broker.max_requests bounds the attempts in flight")     \
	X(ABANDONED, "error.abandoned", "nobody waited for the decision",       \
	    "timeout_ms of pam_zt.so must exceed pdp.timeout_ms: ztctl check")  \
	X(STOPPING, "error.stopping", "the broker is stopping",                 \
	    "try again in a moment")                                            \
	X(INTERNAL, "error.internal", "internal error",                         \
	    "see the broker's journal at the time of the record")

enum zt_reason {
	ZT_REASON_NONE = 0, /* nothing is wrong, or not decided yet */
#define ZT_REASON_ENUM_(id, code, text, next) ZT_REASON_##id,
	ZT_REASONS(ZT_REASON_ENUM_)
#undef ZT_REASON_ENUM_
};

/* Static strings, never NULL; "" for ZT_REASON_NONE or an unknown value. */
const char *zt_reason_code(enum zt_reason reason);
const char *zt_reason_text(enum zt_reason reason); /* for the user */
const char *zt_reason_next(enum zt_reason reason); /* for the administrator */

/* The reason with this code, or ZT_REASON_NONE. */
enum zt_reason zt_reason_from_code(const char *code);

#endif /* ZT_REASON_H */
