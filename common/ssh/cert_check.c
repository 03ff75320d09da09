/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/cert.h"
#include "zt/text.h"

#include "ca_set.h"
#include "sig.h"
#include "source.h"

#define TYPE_USER 1

/* The signature is verified with the set's key, never with the message's. */
static enum zt_reason
check_signature(const struct zt_cert *cert, const struct zt_ca_set *cas)
{
	struct zt_bytes sig = { cert->signature, cert->signature_len };
	struct zt_bytes data = { cert->blob, cert->signed_len };
	const struct zt_ca *ca;

	ca = zt_ca_set_find(cas,
	    (struct zt_bytes){ cert->ca_key, cert->ca_key_len });
	if (ca == NULL)
		return ZT_REASON_CREDENTIAL_CA;
	switch (zt_sig_verify(ca->type, ca->pkey, sig, data)) {
	case ZT_OK:
		return ZT_REASON_NONE;
	case ZT_ERR_DENIED:
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_TOOBIG:
		return ZT_REASON_CREDENTIAL_SIGNATURE;
	case ZT_ERR_NOMEM:
	case ZT_ERR_SYS:
	case ZT_ERR_INVAL:
	case ZT_ERR_VERSION:
	case ZT_ERR_NOTFOUND:
	case ZT_ERR_UNAVAIL:
	case ZT_ERR_TIMEOUT:
	case ZT_ERR_IMPOSTOR:
		break;
	}
	return ZT_REASON_INTERNAL;
}

/*
 * No principals would mean every user, and "*" does to some tools: neither
 * is what a login certificate may say.
 */
static enum zt_reason
check_principals(const struct zt_cert *cert)
{
	if (cert->n_principals == 0)
		return ZT_REASON_CREDENTIAL_PRINCIPALS;
	for (size_t i = 0; i < cert->n_principals; i++)
		if (cert->principals[i][0] == '\0' ||
		    strcmp(cert->principals[i], "*") == 0)
			return ZT_REASON_CREDENTIAL_PRINCIPALS;
	return ZT_REASON_NONE;
}

static bool
critical_valid(const struct zt_cert_option *option)
{
	if (strcmp(option->name, "force-command") == 0)
		return !option->flag;
	if (strcmp(option->name, "source-address") == 0)
		return zt_source_match(option->value, NULL) == ZT_OK;
	if (strcmp(option->name, "verify-required") == 0)
		return option->flag;
	return false;
}

static bool
options_unique(const struct zt_cert_option *options, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(options[i].name, options[j].name) == 0)
				return false;
	return true;
}

/*
 * PROTOCOL.certkeys also wants options in lexical order; like sshd we do not
 * insist, since the order changes nothing once none comes twice.
 */
static enum zt_reason
check_options(const struct zt_cert *cert)
{
	for (size_t i = 0; i < cert->n_critical; i++)
		if (!critical_valid(&cert->critical[i]))
			return ZT_REASON_CREDENTIAL_OPTION;
	if (!options_unique(cert->critical, cert->n_critical))
		return ZT_REASON_CREDENTIAL_OPTION;
	if (!options_unique(cert->extensions, cert->n_extensions))
		return ZT_REASON_CREDENTIAL_MALFORMED;
	return ZT_REASON_NONE;
}

/* Differences only of what is known to be the greater: nothing can wrap. */
enum zt_reason
zt_cert_check_time(const struct zt_cert *cert,
    const struct zt_cert_policy *policy, uint64_t now_s)
{
	uint64_t after = cert->valid_after, before = cert->valid_before;

	if (after >= before)
		return ZT_REASON_CREDENTIAL_MALFORMED;
	if (before == UINT64_MAX || before - after > policy->max_lifetime_s)
		return ZT_REASON_CREDENTIAL_LIFETIME;
	if (now_s < after && after - now_s > policy->clock_skew_s)
		return ZT_REASON_CREDENTIAL_NOT_YET_VALID;
	if (now_s >= before && now_s - before >= policy->clock_skew_s)
		return ZT_REASON_CREDENTIAL_EXPIRED;
	return ZT_REASON_NONE;
}

enum zt_reason
zt_cert_check(const struct zt_cert *cert, const struct zt_cert_policy *policy,
    uint64_t now_s)
{
	enum zt_reason reason;

	if (cert->type != TYPE_USER)
		return ZT_REASON_CREDENTIAL_TYPE;
	reason = check_signature(cert, policy->cas);
	if (reason != ZT_REASON_NONE)
		return reason;
	/* the key id names the subject: nobody, or another's twin, is none */
	if (cert->key_id[0] == '\0' || !zt_text_clean(zt_str(cert->key_id)))
		return ZT_REASON_CREDENTIAL_MALFORMED;
	if ((reason = check_principals(cert)) != ZT_REASON_NONE)
		return reason;
	if ((reason = check_options(cert)) != ZT_REASON_NONE)
		return reason;
	return zt_cert_check_time(cert, policy, now_s);
}

enum zt_reason
zt_cert_check_source(const struct zt_cert *cert, const char *ip)
{
	const char *list = zt_cert_critical(cert, "source-address");

	if (list == NULL)
		return ZT_REASON_NONE;
	if (ip == NULL || zt_source_match(list, ip) != ZT_OK)
		return ZT_REASON_CREDENTIAL_SOURCE;
	return ZT_REASON_NONE;
}
