/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scim_url.h"
#include "zt/auto.h"
#include "zt/time.h"

/* The base without the '/' at its end. */
static int
base_len(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return (int)len;
}

static const char *
filter_of(const struct scim_url *url)
{
	return url->kind == ZT_SCIM_USER ? url->conf->user_filter
					 : url->conf->group_filter;
}

/* What this query asks beyond the configuration; "" if nothing. */
static enum zt_err
condition_make(const struct scim_url *url, char **out)
{
	char time[ZT_TIME_MAX];
	enum zt_err err;
	int len;

	if (url->name != NULL) {
		/* a valid name needs no escape */
		len = asprintf(out, "%s eq \"%s\"", zt_scim_name_path(url->map),
		    url->name);
	} else if (url->after_ms != ZT_SCIM_NEVER) {
		if ((err = zt_time_ms(url->after_ms, time)) != ZT_OK)
			return err;
		len = asprintf(out, "meta.lastModified gt \"%s\"", time);
	} else {
		len = asprintf(out, "%s", "");
	}
	if (len < 0)
		*out = NULL;
	return len < 0 ? ZT_ERR_NOMEM : ZT_OK;
}

/* The filter of the configuration, and that; "" if there is none. */
static enum zt_err
filter_make(const struct scim_url *url, char **out)
{
	const char *filter = filter_of(url);
	zt_auto_free char *condition = NULL;
	enum zt_err err = condition_make(url, &condition);
	int len;

	if (err != ZT_OK)
		return err;
	if (filter == NULL)
		len = asprintf(out, "%s", condition);
	else if (condition[0] == '\0')
		len = asprintf(out, "%s", filter);
	else
		len = asprintf(out, "(%s) and %s", filter, condition);
	if (len < 0)
		*out = NULL;
	return len < 0 ? ZT_ERR_NOMEM : ZT_OK;
}

/* Write text percent-encoded. */
static bool
put_encoded(FILE *f, const char *text)
{
	zt_auto_free char *encoded = malloc(3 * strlen(text) + 1);

	if (encoded == NULL)
		return false;
	zt_scim_encode(encoded, text);
	return fputs(encoded, f) >= 0;
}

static bool
put_attributes(FILE *f, const struct scim_url *url)
{
	const char *names[ZT_SCIM_ATTRIBUTES_MAX];
	const size_t n = zt_scim_attributes(url->map, url->kind, names);

	if (url->all_attributes)
		return true;
	for (size_t i = 0; i < n; i++)
		if (fputs(i == 0 ? "attributes=" : ",", f) < 0 ||
		    !put_encoded(f, names[i]))
			return false;
	return fputc('&', f) != EOF;
}

static bool
put_page(FILE *f, const struct scim_url *url, const char *filter)
{
	char page[ZT_SCIM_PAGER_MAX];

	zt_scim_pager_query(url->pager, page);
	return fprintf(f, "%.*s/%s?", base_len(url->conf->url), url->conf->url,
		   zt_scim_endpoint(url->kind)) > 0 &&
	    put_attributes(f, url) &&
	    (filter[0] == '\0' ||
		(fputs("filter=", f) >= 0 && put_encoded(f, filter) &&
		    fputc('&', f) != EOF)) &&
	    fputs(page, f) >= 0;
}

enum zt_err
scim_url_page(const struct scim_url *url, char **out)
{
	zt_auto_free char *filter = NULL;
	zt_auto_free char *text = NULL;
	size_t len = 0;
	enum zt_err err = filter_make(url, &filter);
	FILE *f;
	bool ok;

	if (err != ZT_OK)
		return err;
	if ((f = open_memstream(&text, &len)) == NULL)
		return ZT_ERR_NOMEM;
	ok = put_page(f, url, filter);
	if (fclose(f) != 0 || !ok)
		return ZT_ERR_NOMEM;
	*out = zt_take(text);
	return ZT_OK;
}

enum zt_err
scim_url_service(const struct conf_source *conf, char **out)
{
	char *text;

	if (asprintf(&text, "%.*s/ServiceProviderConfig", base_len(conf->url),
		conf->url) < 0)
		return ZT_ERR_NOMEM;
	*out = text;
	return ZT_OK;
}
