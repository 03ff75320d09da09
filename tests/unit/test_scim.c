/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "zt/auto.h"
#include "zt/scim.h"

#define LIST \
	"\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"]"

static const struct zt_scim_map defaults = { .name = NULL };

static struct zt_scim_list
list_of(const char *json)
{
	struct zt_scim_list list = { .n = 0 };
	const char *why = "";

	if (zt_scim_list_parse(zt_str(json), &list, &why) != ZT_OK)
		fail_msg("%s: %s", json, why);
	return list;
}

/* ---- answers ---- */

static void
a_list_is_decoded(void **state)
{
	struct zt_scim_list list =
	    list_of("{" LIST
		    ",\"totalResults\":7,\"startIndex\":3,\"itemsPerPage\":2,"
		    "\"nextCursor\":\"abc\",\"Resources\":[{},{}]}");

	(void)state;
	assert_int_equal(list.total, 7);
	assert_int_equal(list.start, 3);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.next_cursor, "abc");
	zt_scim_list_clear(&list);
	list = list_of("{" LIST ",\"totalResults\":0,\"Resources\":null}");
	assert_int_equal(list.n, 0);
	assert_int_equal(list.start, -1);
	assert_null(list.next_cursor);
	zt_scim_list_clear(&list);
}

static void
what_is_no_list_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *json, *why;
	} rows[] = {
		{ "", "no JSON object" },
		{ "[]", "no JSON object" },
		{ "{\"totalResults\":0}", "no ListResponse" },
		{ "<html>", "no JSON object" },
		{ "{" LIST "," LIST "}", "no JSON object" },
		{ "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:"
		  "Error\"]}",
		    "no ListResponse" },
		{ "{" LIST ",\"Resources\":{}}", "no array" },
		{ "{" LIST ",\"totalResults\":\"1\"}", "no count" },
		{ "{" LIST ",\"totalResults\":-1}", "no count" },
		{ "{" LIST ",\"totalResults\":99999999999}", "no count" },
		{ "{" LIST ",\"startIndex\":1.5}", "no count" },
		{ "{" LIST ",\"itemsPerPage\":true}", "no count" },
		{ "{" LIST ",\"nextCursor\":7}", "nextCursor" },
		{ "{" LIST ",\"nextCursor\":\"\"}", "nextCursor" },
		{ "{" LIST ",\"nextCursor\":\"a b\"}", "nextCursor" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct zt_scim_list list;
		const char *why = NULL;

		assert_int_equal(zt_scim_list_parse(zt_str(rows[i].json), &list,
				     &why),
		    ZT_ERR_MALFORMED);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].json, why);
	}
}

static void
an_error_is_decoded_and_escaped(void **state)
{
	struct zt_scim_error error;

	(void)state;
	zt_scim_error_parse(
	    zt_str("{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:"
		   "Error\"],\"status\":\"400\",\"scimType\":\"invalidFilter\","
		   "\"detail\":\"no\\u001b[31m\"}"),
	    &error);
	assert_string_equal(error.type, "invalidFilter");
	assert_string_equal(error.detail, "no\\x1b[31m");
	zt_scim_error_parse(zt_str("{\"detail\":\"x\"}"), &error);
	assert_string_equal(error.detail, "");
}

static void
a_service_says_what_it_offers(void **state)
{
	struct zt_scim_service service;

	(void)state;
	zt_scim_service_parse(
	    zt_str("{\"pagination\":{\"cursor\":true,\"index\":true},"
		   "\"filter\":{\"supported\":false}}"),
	    &service);
	assert_true(service.cursor && service.no_filter);
	zt_scim_service_parse(zt_str("{}"), &service);
	assert_false(service.cursor || service.no_filter);
	zt_scim_service_parse(zt_str("<html>"), &service);
	assert_false(service.cursor || service.no_filter);
}

static void
a_time_is_read_in_any_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2000-02-29T12:00:00Z", 951825600000000 },
		{ "2026-11-23T13:30:00.12Z", 1795440600120000 },
		{ "2026-11-23T13:30:00.123456789Z", 1795440600123456 },
		{ "2026-11-23T15:30:00+02:00", 1795440600000000 },
		{ "2026-11-23T08:00:00-05:30", 1795440600000000 },
		{ "2026-11-23T13:30:00", 1795440600000000 },
		{ "1969-12-31T23:59:59Z", -1000000 },
	};
	static const char *const bad[] = { "", "2026-11-23",
		"2026-11-23T13:30Z", "2026-11-23T13:30:00.Z",
		"2026-13-23T13:30:00Z", "2026-11-23T13:30:00Zx",
		"2026-11-23 13:30:00Z", "2026-11-23T13:30:00+0200",
		"20261-11-23T13:30:00Z", "0000-01-01T00:00:00Z", "now" };
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(zt_scim_time(zt_str(rows[i].text), &us),
		    ZT_OK);
		assert_int_equal(us, rows[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (zt_scim_time(zt_str(bad[i]), &us) != ZT_ERR_MALFORMED)
			fail_msg("%s", bad[i]);
}

/* ---- resources ---- */

static enum zt_err
resource(enum zt_scim_kind kind, const struct zt_scim_map *map,
    const char *json, struct zt_scim_resource *out, const char **why)
{
	json_auto_t *root = json_loads(json, 0, NULL);

	assert_non_null(root);
	return zt_scim_resource_parse(root, kind, map, out, why);
}

static void
assert_record(enum zt_scim_kind kind, const struct zt_scim_map *map,
    const char *json, const char *record)
{
	struct zt_scim_resource out;
	const char *why = "";

	if (resource(kind, map, json, &out, &why) != ZT_OK)
		fail_msg("%s: %s", json, why);
	assert_string_equal(out.record, record);
	free(out.record);
}

static void
a_user_becomes_a_record(void **state)
{
	static const struct zt_scim_map other = {
		.name = "urn:example:2.0:User:login",
		.uid = "urn:ietf:params:scim:schemas:core:2.0:User:number",
		.gecos = "name.formatted",
		.home = "URN:example:2.0:user:HOME",
	};

	(void)state;
	assert_record(ZT_SCIM_USER, &defaults,
	    "{\"id\":\"1\",\"userName\":\"ann\",\"displayName\":\"Ann\","
	    "\"active\":true,\"emails\":[],\"" ZT_SCIM_POSIX_USER
	    "\":{\"uidNumber\":70001,\"gidNumber\":70002,\"homeDirectory\":"
	    "\"/home/ann\",\"loginShell\":\"/bin/sh\",\"gecos\":\"A.\"}}",
	    "{\"uuid\":\"1\",\"userName\":\"ann\",\"uid\":70001,\"gid\":70002,"
	    "\"realName\":\"A.\",\"homeDirectory\":\"/home/ann\","
	    "\"shell\":\"/bin/sh\"}");
	assert_record(ZT_SCIM_USER, &defaults,
	    "{\"ID\":\"1\",\"username\":\"bob\",\"displayName\":\"B:b\","
	    "\"active\":false,\"nickName\":null}",
	    "{\"uuid\":\"1\",\"userName\":\"bob\",\"locked\":true}");
	assert_record(ZT_SCIM_USER, &defaults,
	    "{\"id\":\"1\",\"userName\":\"bob\",\"displayName\":\"Bob\",\"active\":null,\"" ZT_SCIM_POSIX_USER
	    "\":null}",
	    "{\"uuid\":\"1\",\"userName\":\"bob\",\"realName\":\"Bob\"}");
	assert_record(ZT_SCIM_USER, &other,
	    "{\"id\":\"1\",\"userName\":\"x\",\"number\":70003,"
	    "\"name\":{\"formatted\":\"Cy\"},\"urn:example:2.0:User\":"
	    "{\"login\":\"cy\",\"home\":\"/h/cy\"}}",
	    "{\"uuid\":\"1\",\"userName\":\"cy\",\"uid\":70003,"
	    "\"realName\":\"Cy\",\"homeDirectory\":\"/h/cy\"}");
	/* of whatever type: the rules of records will say so */
	assert_record(ZT_SCIM_USER, &defaults,
	    "{\"id\":\"1\",\"userName\":[\"a\"],\"active\":\"False\"}",
	    "{\"uuid\":\"1\",\"userName\":[\"a\"],\"locked\":\"False\"}");
}

static void
a_group_becomes_a_record_of_ids(void **state)
{
	(void)state;
	assert_record(ZT_SCIM_GROUP, &defaults,
	    "{\"id\":\"g\",\"displayName\":\"ops\",\"members\":["
	    "{\"value\":\"1\",\"type\":\"User\"},{\"value\":\"2\"},"
	    "{\"value\":\"h\",\"type\":\"Group\"}],\"" ZT_SCIM_POSIX_GROUP
	    "\":{\"gidNumber\":70100}}",
	    "{\"uuid\":\"g\",\"groupName\":\"ops\",\"gid\":70100,"
	    "\"members\":[\"1\",\"2\"],\"nested\":true}");
	assert_record(ZT_SCIM_GROUP, &defaults,
	    "{\"id\":\"g\",\"displayName\":\"ops\",\"members\":[7]}",
	    "{\"uuid\":\"g\",\"groupName\":\"ops\",\"members\":[false]}");
	assert_record(ZT_SCIM_GROUP, &defaults,
	    "{\"id\":\"g\",\"displayName\":\"ops\",\"members\":{}}",
	    "{\"uuid\":\"g\",\"groupName\":\"ops\",\"members\":{}}");
}

static void
a_user_of_absurd_length_is_one_without_a_name(void **state)
{
	zt_auto_free char *json = NULL;

	(void)state;
	assert_true(asprintf(&json, "{\"id\":\"1\",\"userName\":\"%0*d\"}",
			ZT_RECORD_FILE_MAX, 1) > 0);
	assert_record(ZT_SCIM_USER, &defaults, json, "{\"uuid\":\"1\"}");
}

static void
what_is_not_the_resource_asked_for_is_refused(void **state)
{
	static const struct {
		const char *json, *why;
	} rows[] = {
		{ "[]", "no JSON object" },
		{ "{\"userName\":\"a\"}", "no id" },
		{ "{\"id\":\"\"}", "no id" },
		{ "{\"id\":7}", "no id" },
		{ "{\"id\":\"a b\"}", "no id" },
		{ "{\"id\":\"a\\u00e9\"}", "no id" },
		{ "{\"id\":\"1\",\"Id\":\"2\"}", "twice" },
		{ "{\"id\":\"1\",\"userName\":\"a\",\"USERNAME\":\"b\"}",
		    "twice" },
		{ "{\"id\":\"1\",\"meta\":{\"resourceType\":\"Group\"}}",
		    "another kind" },
		{ "{\"id\":\"1\",\"meta\":{\"resourceType\":1}}",
		    "another kind" },
		{ "{\"id\":\"1\",\"schemas\":[\"urn:ietf:params:scim:schemas:"
		  "core:2.0:Group\"]}",
		    "another kind" },
		{ "{\"id\":\"1\",\"schemas\":[]}", "another kind" },
		{ "{\"id\":\"1\",\"meta\":{\"lastModified\":\"soon\"}}",
		    "lastModified" },
		{ "{\"id\":\"1\",\"meta\":{\"lastModified\":1}}",
		    "lastModified" },
	};
	struct zt_scim_resource out;
	char longest[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;

		assert_int_equal(resource(ZT_SCIM_USER, &defaults, rows[i].json,
				     &out, &why),
		    ZT_ERR_MALFORMED);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].json, why);
	}
	for (int n = ZT_IMMUTABLE_ID_MAX; n <= ZT_IMMUTABLE_ID_MAX + 1; n++) {
		const char *why = NULL;

		(void)snprintf(longest, sizeof(longest), "{\"id\":\"%0*d\"}", n,
		    1);
		if (n > ZT_IMMUTABLE_ID_MAX)
			assert_int_equal(resource(ZT_SCIM_USER, &defaults,
					     longest, &out, &why),
			    ZT_ERR_MALFORMED);
		else
			assert_record(ZT_SCIM_USER, &defaults, longest,
			    strcat(strcpy((char[200]){ 0 }, "{\"uuid"),
				longest + 4));
	}
}

static void
what_is_asked_for_follows_the_map(void **state)
{
	static const struct zt_scim_map map = { .name = "nickName",
		.gecos = "title",
		.group_gid = "urn:x:Group:n" };
	const char *out[ZT_SCIM_ATTRIBUTES_MAX];
	size_t n;

	(void)state;
	n = zt_scim_attributes(&map, ZT_SCIM_USER, out);
	assert_int_equal(n, 9);
	assert_string_equal(out[0], "id");
	assert_string_equal(out[3], "nickName");
	assert_string_equal(out[4], ZT_SCIM_POSIX_USER ":uidNumber");
	assert_string_equal(out[6], "title");
	n = zt_scim_attributes(&map, ZT_SCIM_GROUP, out);
	assert_int_equal(n, 5);
	assert_string_equal(out[4], "urn:x:Group:n");
}

/* ---- paging ---- */

/* One answer: total, startIndex, resources, cursor; -1 or NULL: none. */
struct page {
	int64_t total, start;
	size_t n;
	const char *cursor;
	enum zt_scim_step step;
	const char *why;   /* part of it */
	const char *query; /* of the page after, or NULL */
};

static void
pages_check(bool by_cursor, const struct page *pages, size_t n)
{
	struct zt_scim_pager pager;
	char query[ZT_SCIM_PAGER_MAX];

	zt_scim_pager_init(&pager, 2, by_cursor);
	for (size_t i = 0; i < n; i++) {
		const struct zt_scim_list list = { .total = pages[i].total,
			.start = pages[i].start,
			.n = pages[i].n,
			.next_cursor = pages[i].cursor };
		const char *why = "";

		assert_int_equal(zt_scim_pager_take(&pager, &list, &why),
		    pages[i].step);
		if (pages[i].why != NULL && strstr(why, pages[i].why) == NULL)
			fail_msg("page %zu: %s", i, why);
		zt_scim_pager_query(&pager, query);
		if (pages[i].query != NULL)
			assert_string_equal(query, pages[i].query);
	}
}

#define PAGES(by_cursor, ...)                                        \
	do {                                                         \
		static const struct page pages_[] = { __VA_ARGS__ }; \
		pages_check(by_cursor, pages_,                       \
		    sizeof(pages_) / sizeof(pages_[0]));             \
	} while (0)

static void
pages_by_index_go_on_until_all_have_come(void **state)
{
	(void)state;
	PAGES(false, { 0, 1, 0, NULL, ZT_SCIM_LAST, NULL, NULL });
	PAGES(false, { 0, 0, 0, NULL, ZT_SCIM_LAST, NULL, NULL });
	PAGES(false, { 2, -1, 2, NULL, ZT_SCIM_LAST, NULL, NULL });
	PAGES(false,
	    { 5, 1, 2, NULL, ZT_SCIM_MORE, NULL, "startIndex=3&count=2" },
	    { 5, 3, 1, NULL, ZT_SCIM_MORE, NULL, "startIndex=4&count=2" },
	    { 5, -1, 2, NULL, ZT_SCIM_LAST, NULL, NULL });
	/* one that knows no paging sends all at once */
	PAGES(false, { 9, 1, 9, NULL, ZT_SCIM_LAST, NULL, NULL });
}

static void
pages_by_cursor_go_on_until_there_is_none(void **state)
{
	(void)state;
	PAGES(true,
	    { 3, -1, 2, "a/+", ZT_SCIM_MORE, NULL, "count=2&cursor=a%2F%2B" },
	    { 3, -1, 1, NULL, ZT_SCIM_LAST, NULL, NULL });
	PAGES(true, { -1, -1, 2, "a", ZT_SCIM_MORE, NULL, NULL },
	    { -1, -1, 2, NULL, ZT_SCIM_LAST, NULL, NULL });
	/* not asked for (RFC 9865 s2.3) */
	PAGES(false, { -1, -1, 2, "a", ZT_SCIM_MORE, NULL, "count=2&cursor=a" },
	    { -1, -1, 1, NULL, ZT_SCIM_LAST, NULL, NULL });
	PAGES(true, { -1, -1, 0, NULL, ZT_SCIM_LAST, NULL, NULL });
	PAGES(true, { 4, -1, 2, "a", ZT_SCIM_MORE, NULL, NULL },
	    { -1, -1, 2, NULL, ZT_SCIM_LAST, NULL, NULL });
}

static void
pages_that_lie_end_the_query(void **state)
{
	(void)state;
	PAGES(false, { -1, 1, 2, NULL, ZT_SCIM_BROKEN, "missing", NULL });
	PAGES(false, { 3, 1, 0, NULL, ZT_SCIM_BROKEN, "empty", NULL });
	PAGES(false, { 1, 1, 2, NULL, ZT_SCIM_BROKEN, "more res", NULL });
	PAGES(false, { 5, 2, 2, NULL, ZT_SCIM_BROKEN, "startIndex", NULL });
	PAGES(false, { 5, 1, 2, NULL, ZT_SCIM_MORE, NULL, NULL },
	    { 5, 1, 2, NULL, ZT_SCIM_BROKEN, "startIndex", NULL });
	PAGES(false, { 5, 1, 2, NULL, ZT_SCIM_MORE, NULL, NULL },
	    { 5, 3, 0, NULL, ZT_SCIM_BROKEN, "empty", NULL });
	PAGES(false, { 5, 1, 2, NULL, ZT_SCIM_MORE, NULL, NULL },
	    { 5, 3, 1, "c", ZT_SCIM_BROKEN, "midst", NULL });
	PAGES(true, { 5, -1, 2, NULL, ZT_SCIM_BROKEN, "last page", NULL });
	PAGES(true, { -1, -1, 0, "a", ZT_SCIM_BROKEN, "empty", NULL });
	PAGES(true, { 9, -1, 2, "a", ZT_SCIM_MORE, NULL, NULL },
	    { 9, -1, 2, "a", ZT_SCIM_BROKEN, "the page itself", NULL });
	PAGES(true, { 3, -1, 2, "a", ZT_SCIM_MORE, NULL, NULL },
	    { 3, -1, 2, "b", ZT_SCIM_BROKEN, "more res", NULL });
}

static void
a_total_that_changes_is_told_apart(void **state)
{
	(void)state;
	PAGES(false, { 5, 1, 2, NULL, ZT_SCIM_MORE, NULL, NULL },
	    { 4, 3, 2, NULL, ZT_SCIM_CHANGED, "changed", NULL });
	PAGES(false, { 5, 1, 2, NULL, ZT_SCIM_MORE, NULL, NULL },
	    { 6, 3, 2, NULL, ZT_SCIM_CHANGED, "changed", NULL });
	PAGES(true, { 5, -1, 2, "a", ZT_SCIM_MORE, NULL, NULL },
	    { 6, -1, 2, "b", ZT_SCIM_CHANGED, "changed", NULL });
}

static void
pages_without_end_come_to_one(void **state)
{
	struct zt_scim_pager pager;
	enum zt_scim_step step = ZT_SCIM_MORE;
	const char *why = "";
	char cursor[16];
	int n = 0;

	(void)state;
	zt_scim_pager_init(&pager, 1, true);
	while (step == ZT_SCIM_MORE) {
		const struct zt_scim_list list = {
			.total = -1, .start = -1, .n = 1, .next_cursor = cursor
		};

		(void)snprintf(cursor, sizeof(cursor), "%d", ++n);
		step = zt_scim_pager_take(&pager, &list, &why);
	}
	assert_int_equal(step, ZT_SCIM_BROKEN);
	assert_int_equal(n, ZT_SCIM_PAGES_MAX + 1);
}

/* ---- catalog ---- */

static void
put(struct zt_scim_catalog *catalog, enum zt_scim_kind kind, const char *id,
    const char *record)
{
	char *copy = strdup(record);

	assert_non_null(copy);
	assert_int_equal(zt_scim_catalog_put(catalog, kind, id, copy), ZT_OK);
}

static struct zt_set *
set_of(struct zt_scim_catalog *catalog)
{
	zt_auto_free struct zt_scim_entry *entries = NULL;
	struct zt_set *set = NULL;
	size_t n = 0;

	assert_int_equal(zt_set_new(&set), ZT_OK);
	assert_int_equal(zt_scim_catalog_list(catalog, &entries, &n), ZT_OK);
	assert_int_equal(n,
	    zt_scim_catalog_count(catalog, ZT_SCIM_USER) +
		zt_scim_catalog_count(catalog, ZT_SCIM_GROUP));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(zt_scim_entry_add(catalog, &entries[i], set),
		    ZT_OK);
	assert_int_equal(zt_set_seal(set), ZT_OK);
	return set;
}

static void
assert_refused(const struct zt_set *set, const char *key, const char *why)
{
	const struct zt_set_record *record = zt_set_find(set, key);

	assert_non_null(record);
	assert_non_null(record->why);
	if (strstr(record->why, why) == NULL)
		fail_msg("%s: %s", key, record->why);
}

static void
a_catalog_becomes_a_set_with_names_for_members(void **state)
{
	struct zt_scim_catalog *catalog = NULL;
	struct zt_set *set;
	const struct zt_group *group;

	(void)state;
	assert_int_equal(zt_scim_catalog_new(&catalog), ZT_OK);
	put(catalog, ZT_SCIM_GROUP, "g",
	    "{\"uuid\":\"g\",\"groupName\":\"ops\",\"members\":"
	    "[\"2\",\"1\",\"none\",\"bad\",\"h\"]}");
	put(catalog, ZT_SCIM_GROUP, "h",
	    "{\"uuid\":\"h\",\"groupName\":\"dev\",\"members\":[false]}");
	put(catalog, ZT_SCIM_USER, "2",
	    "{\"uuid\":\"2\",\"userName\":\"bob\",\"locked\":true}");
	put(catalog, ZT_SCIM_USER, "1", "{\"uuid\":\"1\",\"userName\":\"x\"}");
	put(catalog, ZT_SCIM_USER, "1",
	    "{\"uuid\":\"1\",\"userName\":\"ann\",\"uid\":70001}");
	put(catalog, ZT_SCIM_USER, "bad",
	    "{\"uuid\":\"bad\",\"userName\":\"eve\",\"shell\":\"sh\"}");
	put(catalog, ZT_SCIM_USER, "mail",
	    "{\"uuid\":\"mail\",\"userName\":\"ann@example.com\"}");
	put(catalog, ZT_SCIM_USER, "text",
	    "{\"uuid\":\"text\",\"userName\":\"t\",\"locked\":\"False\"}");
	set = set_of(catalog);
	assert_int_equal(zt_set_users(set), 2);
	group = zt_set_find(set, "Groups/g")->group;
	assert_non_null(group);
	assert_string_equal(group->id, "g");
	assert_int_equal(group->n_members, 2);
	assert_string_equal(group->members[0], "bob");
	assert_string_equal(group->members[1], "ann");
	assert_string_equal(zt_set_find(set, "Users/1")->user->id, "1");
	assert_int_equal(zt_set_find(set, "Users/1")->user->uid, 70001);
	assert_true(zt_set_find(set, "Users/2")->user->locked);
	assert_refused(set, "Groups/g#nested", "are groups");
	assert_refused(set, "Groups/h", "members");
	assert_refused(set, "Users/bad", "shell");
	assert_refused(set, "Users/mail", "e-mail");
	assert_string_equal(zt_set_find(set, "Users/mail")->name,
	    "ann@example.com");
	assert_refused(set, "Users/text", "active");
	zt_set_free(set);
	zt_scim_catalog_free(catalog);
}

static void
of_several_with_one_name_none_is_taken(void **state)
{
	struct zt_scim_catalog *catalog = NULL;
	struct zt_set *set;

	(void)state;
	assert_int_equal(zt_scim_catalog_new(&catalog), ZT_OK);
	put(catalog, ZT_SCIM_USER, "1", "{\"uuid\":\"1\",\"userName\":\"a\"}");
	put(catalog, ZT_SCIM_USER, "2", "{\"uuid\":\"2\",\"userName\":\"a\"}");
	put(catalog, ZT_SCIM_GROUP, "3",
	    "{\"uuid\":\"3\",\"groupName\":\"g\",\"members\":[\"1\"]}");
	put(catalog, ZT_SCIM_GROUP, "4",
	    "{\"uuid\":\"4\",\"groupName\":\"g\"}");
	put(catalog, ZT_SCIM_GROUP, "5",
	    "{\"uuid\":\"5\",\"groupName\":\"a\",\"members\":[\"1\"]}");
	set = set_of(catalog);
	assert_refused(set, "Users/1", "another user");
	assert_refused(set, "Users/2", "another user");
	assert_refused(set, "Groups/3", "another group");
	assert_refused(set, "Groups/4", "another group");
	assert_int_equal(zt_set_find(set, "Groups/5")->group->n_members, 0);
	zt_set_free(set);
	/* once one of them is renamed, both are there */
	put(catalog, ZT_SCIM_USER, "1", "{\"uuid\":\"1\",\"userName\":\"b\"}");
	set = set_of(catalog);
	assert_int_equal(zt_set_users(set), 2);
	assert_string_equal(zt_set_find(set, "Groups/5")->group->members[0],
	    "b");
	zt_set_free(set);
	zt_scim_catalog_free(catalog);
}

/* Nothing that does not fit changes what is there. */
static void
a_catalog_takes_up_no_more_than_it_may(void **state)
{
	static const char user[] = "{\"uuid\":\"1\",\"userName\":\"ann\"}";
	struct zt_scim_catalog *catalog = NULL, *more = NULL;
	char *big = NULL;

	(void)state;
	assert_true(asprintf(&big, "{\"uuid\":\"1\",\"x\":\"%05000d\"}", 1) >
	    5000);
	assert_int_equal(zt_scim_catalog_new(&catalog), ZT_OK);
	zt_scim_catalog_limit(catalog, 4999);
	put(catalog, ZT_SCIM_USER, "1", user);
	assert_int_equal(zt_scim_catalog_put(catalog, ZT_SCIM_USER, "1", big),
	    ZT_ERR_TOOBIG);
	assert_int_equal(zt_scim_catalog_put(catalog, ZT_SCIM_USER, "2", big),
	    ZT_ERR_TOOBIG);
	assert_string_equal(zt_scim_catalog_find(catalog, ZT_SCIM_USER, "1"),
	    user);
	assert_int_equal(zt_scim_catalog_count(catalog, ZT_SCIM_USER), 1);
	/* it is not what comes in the course of time that counts */
	for (unsigned i = 0; i < 1000; i++)
		put(catalog, ZT_SCIM_USER, "1", user);
	assert_int_equal(zt_scim_catalog_new(&more), ZT_OK);
	assert_int_equal(zt_scim_catalog_put(more, ZT_SCIM_GROUP, "1", big),
	    ZT_OK);
	assert_int_equal(zt_scim_catalog_merge(catalog, more), ZT_ERR_TOOBIG);
	zt_scim_catalog_limit(catalog, 5000 + 1000);
	assert_int_equal(zt_scim_catalog_merge(catalog, more), ZT_OK);
	zt_scim_catalog_free(more);
	zt_scim_catalog_free(catalog);
}

/* However small each is. */
static void
small_resources_count(void **state)
{
	struct zt_scim_catalog *catalog = NULL;
	unsigned n = 0;
	char id[16];

	(void)state;
	assert_int_equal(zt_scim_catalog_new(&catalog), ZT_OK);
	zt_scim_catalog_limit(catalog, 100000);
	for (enum zt_err err = ZT_OK; err == ZT_OK; n++) {
		char *record = strdup("{}");

		(void)snprintf(id, sizeof(id), "%u", n);
		err = zt_scim_catalog_put(catalog, ZT_SCIM_USER, id, record);
		if (err != ZT_OK)
			free(record);
	}
	assert_in_range(n, 400, 1000);
	zt_scim_catalog_free(catalog);
}

/* ---- a page against its query ---- */

static enum zt_err
page(struct zt_scim_query *query, const char *resources, const char **why)
{
	zt_auto_free char *json = NULL;
	struct zt_scim_list list;
	enum zt_err err;

	assert_true(asprintf(&json, "{" LIST ",\"Resources\":[%s]}",
			resources) > 0);
	list = list_of(json);
	err = zt_scim_page_take(query, &list, why);
	zt_scim_list_clear(&list);
	return err;
}

#define DATED(id, time) \
	"{\"id\":\"" id "\",\"meta\":{\"lastModified\":\"" time "\"}}"

static void
a_page_is_held_against_its_query(void **state)
{
	struct zt_scim_query query = { .kind = ZT_SCIM_USER,
		.map = &defaults,
		.after_us = ZT_SCIM_NEVER,
		.newest_us = ZT_SCIM_NEVER };
	const char *why = "";

	(void)state;
	assert_int_equal(zt_scim_catalog_new(&query.into), ZT_OK);
	assert_int_equal(page(&query,
			     DATED("1", "1970-01-01T00:00:09Z") "," DATED("2",
				 "1970-01-01T00:00:02Z"),
			     &why),
	    ZT_OK);
	assert_int_equal(query.newest_us, 9000000);
	assert_false(query.undated);
	assert_int_equal(page(&query, "{\"id\":\"2\"}", &why),
	    ZT_ERR_MALFORMED);
	assert_non_null(strstr(why, "twice"));
	assert_true(query.undated);
	query.after_us = 9000000;
	assert_int_equal(page(&query, DATED("3", "1970-01-01T00:00:09.1Z"),
			     &why),
	    ZT_OK);
	assert_int_equal(page(&query, DATED("4", "1970-01-01T00:00:09Z"), &why),
	    ZT_ERR_DENIED);
	assert_int_equal(page(&query, "{\"id\":\"5\"}", &why), ZT_ERR_DENIED);
	zt_scim_catalog_limit(query.into, 0);
	assert_int_equal(page(&query, DATED("6", "1970-01-01T00:00:09.1Z"),
			     &why),
	    ZT_ERR_TOOBIG);
	assert_ptr_equal(why, zt_scim_too_many);
	assert_int_equal(zt_scim_catalog_count(query.into, ZT_SCIM_USER), 3);
	zt_scim_catalog_free(query.into);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_decoded),
		cmocka_unit_test(what_is_no_list_is_refused_with_its_reason),
		cmocka_unit_test(an_error_is_decoded_and_escaped),
		cmocka_unit_test(a_service_says_what_it_offers),
		cmocka_unit_test(a_time_is_read_in_any_offset),
		cmocka_unit_test(a_user_becomes_a_record),
		cmocka_unit_test(a_group_becomes_a_record_of_ids),
		cmocka_unit_test(a_user_of_absurd_length_is_one_without_a_name),
		cmocka_unit_test(what_is_not_the_resource_asked_for_is_refused),
		cmocka_unit_test(what_is_asked_for_follows_the_map),
		cmocka_unit_test(pages_by_index_go_on_until_all_have_come),
		cmocka_unit_test(pages_by_cursor_go_on_until_there_is_none),
		cmocka_unit_test(pages_that_lie_end_the_query),
		cmocka_unit_test(a_total_that_changes_is_told_apart),
		cmocka_unit_test(pages_without_end_come_to_one),
		cmocka_unit_test(
		    a_catalog_becomes_a_set_with_names_for_members),
		cmocka_unit_test(of_several_with_one_name_none_is_taken),
		cmocka_unit_test(a_catalog_takes_up_no_more_than_it_may),
		cmocka_unit_test(small_resources_count),
		cmocka_unit_test(a_page_is_held_against_its_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
