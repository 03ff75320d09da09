/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "facts.h"
#include "stamp.h"
#include "zt/auto.h"

/* strndup of a borrowed text; the empty text gives NULL: nothing was said */
static enum zt_err
dup_str(struct zt_str s, char **out)
{
	if (s.len == 0)
		return ZT_OK;
	*out = strndup(s.p, s.len);
	return *out == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

static enum zt_err
dup_text(const char *s, char **out)
{
	return dup_str(zt_str(s), out);
}

enum zt_err
facts_begin(struct broker *broker, struct zt_str service, struct zt_str account,
    enum zt_stage stage, struct zt_attempt *out)
{
	sd_id128_t id;

	*out = (struct zt_attempt){ .stage = stage, .host = &broker->host };
	if (sd_id128_randomize(&id) < 0)
		return ZT_ERR_SYS;
	(void)sd_id128_to_uuid_string(id, out->id);
	out->time_ms = stamp_now_ms();
	out->boottime_ms = stamp_boottime_ms();
	out->clock_synchronized = stamp_clock_synchronized();
	out->service = strndup(service.p, service.len);
	out->account = strndup(account.p, account.len);
	if (out->service == NULL || out->account == NULL) {
		zt_attempt_clear(out);
		return ZT_ERR_NOMEM;
	}
	out->action = zt_action_of_service(out->service);
	return ZT_OK;
}

/* A numeric address, perhaps with an IPv6 zone. */
static bool
is_address(const char *text)
{
	char plain[INET6_ADDRSTRLEN];
	uint8_t addr[sizeof(struct in6_addr)];
	size_t len = strcspn(text, "%");

	if (len >= sizeof(plain))
		return false;
	memcpy(plain, text, len);
	plain[len] = '\0';
	return inet_pton(AF_INET, plain, addr) == 1 ||
	    inet_pton(AF_INET6, plain, addr) == 1;
}

/*
 * SSH_CONNECTION: "client-address client-port server-address server-port".
 * What is not of that form leaves the addresses unknown.
 */
static enum zt_err
connection_parse(struct zt_attempt *attempt, struct zt_str text)
{
	char line[ZT_CONNECTION_MAX + 1], client[65], server[65], more;
	unsigned client_port, server_port;

	if (zt_str_copy(line, sizeof(line), text) != ZT_OK ||
	    sscanf(line, "%64s %5u %64s %5u %c", client, &client_port, server,
		&server_port, &more) != 4 ||
	    client_port > UINT16_MAX || server_port > UINT16_MAX ||
	    !is_address(client) || !is_address(server))
		return ZT_OK;
	attempt->source_ip = strdup(client);
	attempt->server_ip = strdup(server);
	attempt->source_port = (uint16_t)client_port;
	attempt->server_port = (uint16_t)server_port;
	return attempt->source_ip == NULL || attempt->server_ip == NULL
	    ? ZT_ERR_NOMEM
	    : ZT_OK;
}

enum zt_err
facts_claims(struct zt_attempt *attempt, const struct zt_pam_request *request)
{
	enum zt_err err;

	if ((err = dup_str(request->tty, &attempt->tty)) != ZT_OK)
		return err;
	if ((err = dup_str(request->rhost, &attempt->rhost)) != ZT_OK)
		return err;
	/* in the session phase ~/.pam_environment may have changed it */
	if (attempt->action != ZT_ACTION_SSH_LOGIN ||
	    (attempt->stage != ZT_STAGE_AUTH &&
		attempt->stage != ZT_STAGE_ACCOUNT))
		return ZT_OK;
	return connection_parse(attempt, request->connection);
}

static bool
is_locked_out(const struct users_account *account, int64_t now_ms)
{
	const uint64_t now_us = (uint64_t)now_ms * 1000;

	return account->locked || now_us < account->not_before_us ||
	    now_us > account->not_after_us;
}

/* Take over what is known of an account that exists. */
static void
take_account(struct zt_attempt *attempt, struct users_account *account)
{
	attempt->has_uid = true;
	attempt->uid = account->uid;
	attempt->n_groups = account->n_groups;
	attempt->groups = zt_take(account->groups);
	account->n_groups = 0;
	attempt->identity_source = zt_take(account->source);
	attempt->identity_age_s = account->source_age_s;
	attempt->identity_stale = account->source_stale;
}

/* The acting user of sudo and su is whoever runs it. */
static enum zt_err
actor_add(struct broker *broker, struct zt_attempt *attempt, uid_t ruid)
{
	struct users_account account = { 0 };
	enum zt_err err;

	if (ruid == PROC_NO_UID)
		return ZT_OK;
	attempt->has_uid = true;
	attempt->uid = ruid;
	err = users_name_of(broker->users, ruid, &attempt->unix_user);
	if (err == ZT_ERR_NOTFOUND)
		return ZT_OK; /* an account of another NSS source */
	if (err == ZT_OK)
		err =
		    users_account(broker->users, attempt->unix_user, &account);
	if (err != ZT_OK)
		return err;
	if (account.exists)
		take_account(attempt, &account);
	users_account_clear(&account);
	return ZT_OK;
}

enum zt_err
facts_account(struct broker *broker, struct zt_attempt *attempt, uid_t ruid,
    bool *locked_out)
{
	struct users_account account = { 0 };
	enum zt_err err;

	err = users_account(broker->users, attempt->account, &account);
	if (err != ZT_OK)
		return err;
	attempt->account_known = account.exists;
	*locked_out =
	    account.exists && is_locked_out(&account, attempt->time_ms);
	if (zt_action_switches_user(attempt->action)) {
		err = actor_add(broker, attempt, ruid);
	} else if (account.exists) {
		take_account(attempt, &account);
		err = dup_text(attempt->account, &attempt->unix_user);
	}
	users_account_clear(&account);
	return err;
}

static enum zt_err
cert_copy(const struct zt_cert *cert, struct zt_cert **out)
{
	return zt_cert_parse(cert->blob, cert->blob_len, out);
}

enum zt_reason
facts_cert_check(const struct broker *broker, const struct zt_cert *cert,
    uint64_t checked, int64_t now_ms)
{
	const struct conf *conf = broker->conf;
	const struct zt_cert_policy policy = { .cas = conf->credential.cas,
		.max_lifetime_s = conf->credential.max_lifetime_s,
		.clock_skew_s = conf->credential.clock_skew_s };
	const uint64_t now_s = (uint64_t)now_ms / 1000;

	if (checked == broker->generation)
		return zt_cert_check_time(cert, &policy, now_s);
	return zt_cert_check(cert, &policy, now_s);
}

enum zt_err
facts_login(struct zt_attempt *attempt, const struct login *login)
{
	enum zt_err err = ZT_OK;

	if (login->cert != NULL)
		err = cert_copy(login->cert, &attempt->cert);
	if (err == ZT_OK && attempt->source_ip == NULL) {
		err = dup_text(login->source_ip, &attempt->source_ip);
		attempt->source_port = login->source_port;
	}
	if (err == ZT_OK && attempt->server_ip == NULL) {
		err = dup_text(login->server_ip, &attempt->server_ip);
		attempt->server_port = login->server_port;
	}
	if (err == ZT_OK && login->state != LOGIN_OFFERED) {
		err =
		    dup_text(login->is_session ? login->id : login->session_id,
			&attempt->session_id);
		if (err == ZT_OK)
			err =
			    dup_text(login->account, &attempt->session_account);
	}
	if (!attempt->has_uid) {
		attempt->has_uid = login->has_uid;
		attempt->uid = login->uid;
	}
	if (login->audit_session != PROC_NO_SESSION) {
		attempt->has_audit_session = true;
		attempt->audit_session = login->audit_session;
	}
	return err;
}

static bool
rule_applies(const struct conf_principals *rule, const char *account,
    char *const *groups, size_t n_groups)
{
	if (!rule->is_group)
		return strcmp(rule->name, account) == 0;
	for (size_t i = 0; i < n_groups; i++)
		if (strcmp(rule->name, groups[i]) == 0)
			return true;
	return false;
}

static bool
rule_lists(const struct conf_principals *rule, const char *principal)
{
	for (size_t i = 0; i < rule->principals.n; i++)
		if (strcmp(rule->principals.words[i], principal) == 0)
			return true;
	return false;
}

static bool
principal_allowed(const struct conf *conf, const char *principal,
    const char *account, char *const *groups, size_t n_groups)
{
	bool any = false;

	for (size_t i = 0; i < conf->n_principals; i++) {
		const struct conf_principals *rule = &conf->principals[i];

		if (!rule_applies(rule, account, groups, n_groups))
			continue;
		any = true;
		if (rule_lists(rule, principal))
			return true;
	}
	return !any && strcmp(principal, account) == 0;
}

size_t
facts_principals(const struct conf *conf, const struct zt_cert *cert,
    const char *account, char *const *groups, size_t n_groups, const char **out,
    size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < cert->n_principals; i++) {
		if (!principal_allowed(conf, cert->principals[i], account,
			groups, n_groups))
			continue;
		if (n < cap)
			out[n] = cert->principals[i];
		n++;
	}
	return n;
}
