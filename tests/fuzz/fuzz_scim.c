/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "zt/auto.h"
#include "zt/scim.h"

#define CHECK(what) ((what) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever one answer brings: what is counted came, under an id of its own,
 * and each resource becomes one record of the set, valid or refused. */
static void
check(enum zt_scim_kind kind, const struct zt_scim_list *list)
{
	static const struct zt_scim_map map = { .gecos = "name.formatted" };
	struct zt_scim_query query = { .kind = kind,
		.map = &map,
		.after_us = ZT_SCIM_NEVER,
		.newest_us = ZT_SCIM_NEVER };
	zt_auto_free struct zt_scim_entry *entries = NULL;
	struct zt_set *set = NULL;
	const char *why = NULL;
	size_t n = 0;

	CHECK(zt_scim_catalog_new(&query.into) == ZT_OK);
	CHECK(zt_set_new(&set) == ZT_OK);
	if (zt_scim_page_take(&query, list, &why) == ZT_OK)
		CHECK(zt_scim_catalog_count(query.into, kind) == list->n);
	else
		CHECK(why != NULL);
	CHECK(zt_scim_catalog_list(query.into, &entries, &n) == ZT_OK);
	for (size_t i = 0; i < n; i++)
		CHECK(zt_scim_entry_add(query.into, &entries[i], set) == ZT_OK);
	CHECK(zt_set_seal(set) == ZT_OK && zt_set_count(set) >= n);
	for (size_t i = 0; i < zt_set_count(set); i++) {
		const struct zt_set_record *rec = zt_set_at(set, i);

		CHECK((rec->user != NULL) + (rec->group != NULL) +
			(rec->why != NULL) ==
		    1);
		if (rec->user != NULL)
			CHECK(zt_name_valid(zt_str(rec->user->name)));
	}
	zt_set_free(set);
	zt_scim_catalog_free(query.into);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct zt_str body = { (const char *)data, size };
	struct zt_scim_list list;
	const char *why = NULL;
	int64_t us;

	(void)!zt_scim_time(body, &us);
	if (zt_scim_list_parse(body, &list, &why) != ZT_OK) {
		CHECK(why != NULL);
		return 0;
	}
	check(ZT_SCIM_USER, &list);
	check(ZT_SCIM_GROUP, &list);
	zt_scim_list_clear(&list);
	return 0;
}
