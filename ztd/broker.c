/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"
#include "principals.h"
#include "say.h"
#include "scope.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/client.h"

/*
 * What an earlier configuration still serves: attempts in flight finish with
 * the endpoint client they began with.
 */
struct retired {
	struct retired *next;
	struct pdp *pdp;   /* owned */
	struct conf *conf; /* owned; pdp borrows it */
};

static void
retire(struct broker *broker)
{
	struct retired *retired = calloc(1, sizeof(*retired));

	if (retired == NULL) { /* end its attempts rather than lose track */
		pdp_free(broker->pdp);
		conf_free(broker->conf);
		return;
	}
	retired->pdp = broker->pdp;
	retired->conf = broker->conf;
	retired->next = broker->retired;
	broker->retired = retired;
}

void
broker_reap(struct broker *broker)
{
	struct retired **p = &broker->retired;

	while (*p != NULL) {
		struct retired *retired = *p;

		if (pdp_pending(retired->pdp) > 0) {
			p = &retired->next;
			continue;
		}
		*p = retired->next;
		pdp_free(retired->pdp);
		conf_free(retired->conf);
		free(retired);
	}
}

static enum zt_err
explain(enum zt_err err, const char *what, char error[CONF_ERROR_MAX])
{
	(void)snprintf(error, CONF_ERROR_MAX, "%s: %s", what, zt_strerror(err));
	return err;
}

enum zt_err
broker_configure(struct broker *broker, struct conf *conf,
    char error[CONF_ERROR_MAX])
{
	struct users *users;
	struct pdp *pdp;
	enum zt_err err;

	if ((err = pdp_new(broker->event, conf, &pdp)) != ZT_OK)
		return explain(err, "endpoint client", error);
	err = users_new(broker->event, conf, NULL, NULL, &users);
	if (err != ZT_OK) {
		pdp_free(pdp);
		return explain(err, "users", error);
	}
	if ((err = scope_save(conf, ZT_SCOPE_FILE)) != ZT_OK) {
		users_free(users);
		pdp_free(pdp);
		return explain(err, ZT_SCOPE_FILE, error);
	}
	if (broker->conf != NULL) {
		users_free(broker->users);
		retire(broker);
		server_set_limits(broker->server, conf->broker.max_connections,
		    conf->broker.max_connections_per_uid);
		if (broker->userdb != NULL)
			userdb_set_limits(broker->userdb,
			    conf->broker.max_connections,
			    conf->broker.max_connections_per_uid);
	}
	broker->conf = conf;
	broker->generation++;
	broker->pdp = pdp;
	broker->users = users;
	users_begin(users);
	return ZT_OK;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What a reload cannot change while the broker runs. */
static enum zt_err
check_unchanged(const struct broker *broker, const struct conf *conf,
    char error[CONF_ERROR_MAX])
{
	const char *key = NULL;

	if (!same_text(broker->conf->log.file, conf->log.file))
		key = "log.file";
	else if (!same_text(broker->conf->host.id, conf->host.id))
		key = "host.id";
	if (key == NULL)
		return ZT_OK;
	(void)snprintf(error, CONF_ERROR_MAX,
	    "%s: %s changed: restart ztd for that", broker->conf_file, key);
	return ZT_ERR_INVAL;
}

void
broker_reload(struct broker *broker)
{
	char error[CONF_ERROR_MAX] = "";
	struct conf *conf = NULL;
	enum zt_err err;

	broker_reap(broker);
	err = conf_load(broker->conf_file, &conf, error);
	if (err == ZT_OK)
		err = check_unchanged(broker, conf, error);
	if (err == ZT_OK)
		err = broker_configure(broker, conf, error);
	free(zt_take(broker->reload_error));
	if (err == ZT_OK) {
		say(LOG_NOTICE, "%s: in force", broker->conf_file);
		feed_lifecycle(broker->feed, ZT_LIFECYCLE_RELOAD, NULL);
		return;
	}
	conf_free(conf);
	say(LOG_ERR, "reload refused, the old configuration stays: %s", error);
	broker->reload_error = strdup(error);
	feed_lifecycle(broker->feed, ZT_LIFECYCLE_RELOAD_FAILED, error);
}

void
broker_free(struct broker *broker)
{
	pdp_free(broker->pdp);
	while (broker->retired != NULL) {
		struct retired *retired = broker->retired;

		broker->retired = retired->next;
		pdp_free(retired->pdp);
		conf_free(retired->conf);
		free(retired);
	}
	if (broker->feed != NULL) {
		principals_flush(broker);
		feed_lifecycle(broker->feed, ZT_LIFECYCLE_STOP, NULL);
	}
	feed_free(broker->feed);
	users_settle(broker->users);
	server_free(broker->server);
	if (broker->userdb != NULL)
		(void)unlink(USERDB_SOCKET); /* nobody is to wait there */
	userdb_free(broker->userdb);
	logins_free(broker->logins);
	users_free(broker->users);
	conf_free(broker->conf);
	free(broker->reload_error);
	free(broker->host.id);
	free(broker->host.hostname);
	free(broker->host.boot_id);
	(void)sd_event_unref(broker->event);
}
