/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "zt/attempt.h"

const char *
zt_action_name(enum zt_action action)
{
	switch (action) {
	case ZT_ACTION_SSH_LOGIN:
		return "ssh_login";
	case ZT_ACTION_SUDO:
		return "sudo";
	case ZT_ACTION_SU:
		return "su";
	case ZT_ACTION_LOGIN:
		return "login";
	}
	return "unknown";
}

enum zt_action
zt_action_of_service(const char *service)
{
	if (strcmp(service, "sshd") == 0)
		return ZT_ACTION_SSH_LOGIN;
	if (strcmp(service, "sudo") == 0 || strcmp(service, "sudo-i") == 0)
		return ZT_ACTION_SUDO;
	if (strcmp(service, "su") == 0 || strcmp(service, "su-l") == 0)
		return ZT_ACTION_SU;
	return ZT_ACTION_LOGIN;
}

bool
zt_action_switches_user(enum zt_action action)
{
	return action == ZT_ACTION_SUDO || action == ZT_ACTION_SU;
}

void
zt_attempt_clear(struct zt_attempt *attempt)
{
	zt_cert_free(attempt->cert);
	for (size_t i = 0; i < attempt->n_groups; i++)
		free(attempt->groups[i]);
	free(attempt->groups);
	free(attempt->service);
	free(attempt->account);
	free(attempt->unix_user);
	free(attempt->identity_source);
	free(attempt->source_ip);
	free(attempt->server_ip);
	free(attempt->tty);
	free(attempt->rhost);
	free(attempt->session_id);
	free(attempt->session_account);
	*attempt = (struct zt_attempt){ 0 };
}

const char *
zt_attempt_subject(const struct zt_attempt *attempt)
{
	if (attempt->cert != NULL)
		return attempt->cert->key_id;
	if (attempt->unix_user != NULL)
		return attempt->unix_user;
	return attempt->account;
}

const char *
zt_attempt_subject_type(const struct zt_attempt *attempt)
{
	return attempt->cert != NULL ? "user" : "local_account";
}
