/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../ztd/conf_key.h"
#include "zt/auto.h"

#define CHECK(what) ((what) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted is complete and in bounds; what is not says one line why. */
static void
check(const struct conf *c)
{
	CHECK(c->pdp.urls.n >= 1 && c->pdp.urls.n <= CONF_URLS_MAX);
	CHECK(c->pdp.timeout_ms >= 100 && c->pdp.timeout_ms <= 30000);
	CHECK(c->credential.ca_file != NULL && c->credential.cas == NULL);
	CHECK(c->credential.max_lifetime_s >= 60);
	CHECK(c->scope.services.n >= 1 && c->scope.services.n <= CONF_LIST_MAX);
	CHECK(c->identity.id_min >= 1000);
	CHECK(c->identity.id_min <= c->identity.id_max);
	CHECK(c->broker.max_requests >= 1 && c->log.file[0] == '/');
	for (size_t i = 0; i < c->n_principals; i++)
		CHECK(c->principals[i].principals.n >= 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONF_ERROR_MAX] = "";
	zt_auto(conf_freep) struct conf *conf = NULL;
	zt_auto_free char *text = strndup((const char *)data, size);

	if (text == NULL)
		return 0;
	if (conf_parse(text, "f", &conf, error) == ZT_OK)
		check(conf);
	else
		CHECK(conf == NULL && strncmp(error, "f:", 2) == 0 &&
		    strchr(error, '\n') == NULL);
	return 0;
}
