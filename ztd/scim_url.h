/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SCIM_URL_H
#define ZTD_SCIM_URL_H

#include "conf.h"
#include "zt/scim.h"

/* What a page's URL is made of. */
struct scim_url {
	const struct conf_source *conf;
	const struct zt_scim_map *map;
	enum zt_scim_kind kind;
	const char *name;    /* who is called so; NULL: anybody */
	int64_t after_ms;    /* modified later; ZT_SCIM_NEVER: whenever */
	bool all_attributes; /* rather than those that are needed */
	const struct zt_scim_pager *pager;
};

/* *out is owned.  Errors: ZT_ERR_NOMEM, ZT_ERR_INVAL (after_ms). */
ZT_MUST_USE enum zt_err scim_url_page(const struct scim_url *url, char **out);
ZT_MUST_USE enum zt_err
scim_url_service(const struct conf_source *conf, char **out);

#endif /* ZTD_SCIM_URL_H */
