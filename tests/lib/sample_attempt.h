/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAMPLE_ATTEMPT_H
#define SAMPLE_ATTEMPT_H

#include "zt/record.h"

/* Attempts with every member filled, for tests; nothing in them is owned. */

#define SAMPLE_TEXT(literal) ((char[]){ literal })

static struct zt_host sample_host = {
	.id = SAMPLE_TEXT("i-0abc123"),
	.hostname = SAMPLE_TEXT("pay-db-1"),
	.boot_id = SAMPLE_TEXT("6f3a2b1c-0d4e-4f5a-8b6c-7d8e9f0a1b2c"),
};

static char *sample_principals[] = { SAMPLE_TEXT("alice"),
	SAMPLE_TEXT("payments") };

static struct zt_cert sample_cert = {
	.key_type = "ssh-ed25519",
	.hardware_key = false,
	.fingerprint = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	.serial = UINT64_MAX,
	.type = 1,
	.key_id = SAMPLE_TEXT("alice@example.com"),
	.principals = sample_principals,
	.n_principals = 2,
	.valid_after = 1795440600,  /* 2026-11-23T13:30:00Z */
	.valid_before = 1795444200, /* an hour later */
	.ca_fingerprint = "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
};

static struct zt_answer sample_answer = {
	.kind = ZT_ANSWER_PERMIT,
	.reason = ZT_REASON_POLICY_PERMIT,
	.reason_admin = SAMPLE_TEXT("rule 7: payments on call"),
	.notice = SAMPLE_TEXT("recorded session"),
	.policy = SAMPLE_TEXT("ssh@v3"),
	.endpoint = SAMPLE_TEXT("https://pdp.example/access/v1/evaluation"),
	.http_status = 200,
	.attempts = 1,
	.latency_ms = 12,
};

/* alice's login on sshd with her certificate. */
static const struct zt_attempt sample_login = {
	.id = "0d0e4a5c-1111-4222-8333-444455556666",
	.action = ZT_ACTION_SSH_LOGIN,
	.stage = ZT_STAGE_ACCOUNT,
	.service = SAMPLE_TEXT("sshd"),
	.account = SAMPLE_TEXT("alice"),
	.account_known = true,
	.cert = &sample_cert,
	.unix_user = SAMPLE_TEXT("alice"),
	.has_uid = true,
	.uid = 70001,
	.source_ip = SAMPLE_TEXT("198.51.100.7"),
	.source_port = 40112,
	.server_ip = SAMPLE_TEXT("10.0.0.4"),
	.server_port = 22,
	.tty = SAMPLE_TEXT("ssh"),
	.rhost = SAMPLE_TEXT("198.51.100.7"),
	.has_audit_session = true,
	.audit_session = 42,
	.pid = 4711,
	.time_ms = 1795440912345, /* 2026-11-23T13:35:12.345Z */
	.boottime_ms = 86400123,
	.clock_synchronized = true,
	.recent_denials = 0,
	.host = &sample_host,
};

/* Its end. */
static const struct zt_outcome sample_permit = {
	.verdict = ZT_VERDICT_PERMIT,
	.reason = ZT_REASON_POLICY_PERMIT,
	.answer = &sample_answer,
	.duration_us = 12789,
};

#endif /* SAMPLE_ATTEMPT_H */
