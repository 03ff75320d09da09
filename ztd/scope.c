/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "scope.h"
#include "zt/attempt.h"
#include "zt/file.h"
#include "zt/text.h"
#include "zt/wire.h"

static bool
list_has(const struct conf_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->words[i], word) == 0)
			return true;
	return false;
}

/* An exemption is "user", for every service, or "service:user". */
static bool
is_exempt(const struct conf_list *list, const char *service, const char *user)
{
	const size_t len = strlen(service);

	if (strchr(user, ':') != NULL)
		return false; /* "login:root" is an exemption, not a user */
	if (list_has(list, user))
		return true;
	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->words[i], service, len) == 0 &&
		    list->words[i][len] == ':' &&
		    strcmp(list->words[i] + len + 1, user) == 0)
			return true;
	return false;
}

enum zt_reason
scope_check(const struct conf *conf, const char *service, const char *who,
    uid_t ruid)
{
	if (!list_has(&conf->scope.services, service))
		return ZT_REASON_SCOPE_SERVICE;
	if (ruid == 0 && zt_action_switches_user(zt_action_of_service(service)))
		return ZT_REASON_SCOPE_ROOT;
	if (who != NULL && is_exempt(&conf->scope.exempt_users, service, who))
		return ZT_REASON_SCOPE_EXEMPT;
	return ZT_REASON_NONE;
}

static enum zt_err
list_copy(const struct conf_list *list, struct zt_str out[ZT_SCOPE_MAX],
    uint16_t *n_out)
{
	if (list->n > ZT_SCOPE_MAX)
		return ZT_ERR_TOOBIG;
	for (size_t i = 0; i < list->n; i++)
		out[i] = zt_str(list->words[i]);
	*n_out = (uint16_t)list->n;
	return ZT_OK;
}

enum zt_err
scope_save(const struct conf *conf, const char *path)
{
	static uint8_t buf[ZT_WIRE_MAX]; /* too big for the stack */
	struct zt_scope scope = { 0 };
	enum zt_err err;
	size_t len;

	err =
	    list_copy(&conf->scope.services, scope.services, &scope.n_services);
	if (err != ZT_OK)
		return err;
	err =
	    list_copy(&conf->scope.exempt_users, scope.exempt, &scope.n_exempt);
	if (err != ZT_OK)
		return err;
	err = zt_scope_encode(&scope, buf, sizeof(buf), &len);
	if (err != ZT_OK)
		return err;
	return zt_file_replace(path, buf, len, 0644);
}
