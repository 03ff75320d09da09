/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SCIM source against a service that is part of the test: fetch_start()
 * and what source.c does are played here, so that each answer is a line.
 * tests/interop/scim.sh has the real service and the network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../ztd/fetch.h"
#include "../../ztd/source.h"
#include "../../ztd/source_scim.h"
#include "../../ztd/stamp.h"
#include "zt/auto.h"
#include "zt/scim.h"

#define BASE     "https://scim.example/v2"
#define MESSAGES "urn:ietf:params:scim:api:messages:2.0:"
#define URLS_MAX 65536

/* ---- the service ---- */

static struct {
	json_t *resources[ZT_SCIM_KINDS];
	bool cursor; /* pages by cursor, and says so */
	/* if it returns true it has answered */
	bool (*quirk)(const char *url, struct fetch_answer *answer);
	unsigned asked;      /* pages, so far */
	const char *hangs;   /* in a URL: no answer before last is let go */
	struct fetch *last;  /* begun */
	unsigned open;       /* begun, and neither done nor cancelled */
	char urls[URLS_MAX]; /* each with a newline */
	char *body;          /* of the answer being made, owned */
} service;

static void
body_set(struct fetch_answer *answer, json_t *root)
{
	free(service.body);
	service.body = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	assert_non_null(service.body);
	answer->body = service.body;
	answer->len = strlen(service.body);
}

static void
answer_error(struct fetch_answer *answer, int status, const char *type)
{
	answer->status = status;
	body_set(answer,
	    json_pack("{s:[s], s:s, s:s*}", "schemas", MESSAGES "Error",
		"detail", "so it is", "scimType", type));
}

/* A number in a query; fallback if it is not there. */
static unsigned
number(const char *url, const char *key, unsigned fallback)
{
	const char *p = strstr(url, key);

	return p == NULL ? fallback : (unsigned)atoi(p + strlen(key));
}

/* What the filter leaves; the test's times compare as texts. */
static json_t *
filtered(const json_t *all, const char *url)
{
	static const char gt[] = "meta.lastModified%20gt%20%22";
	const char *filter = strstr(url, gt);
	json_t *some = json_array();
	char after[32] = "";

	if (filter != NULL)
		(void)snprintf(after, sizeof(after), "%.13s:%.2s:%.7s",
		    filter + strlen(gt), filter + strlen(gt) + 16,
		    filter + strlen(gt) + 21);
	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *r = json_array_get(all, i);
		const char *modified =
		    json_string_value(json_object_get(json_object_get(r,
							  "meta"),
			"lastModified"));

		if (modified == NULL || strcmp(modified, after) > 0)
			assert_int_equal(json_array_append(some, r), 0);
	}
	return some;
}

static void
answer_page(const char *url, const json_t *all, struct fetch_answer *answer)
{
	const bool cursor = strstr(url, "cursor=") != NULL;
	const size_t from =
	    cursor ? number(url, "cursor=c", 0) : number(url, "Index=", 1) - 1;
	const size_t count = number(url, "count=", 100);
	json_auto_t *some = filtered(all, url);
	const size_t n = json_array_size(some);
	json_t *page = json_array();
	json_t *root = json_pack("{s:[s], s:I, s:I}", "schemas",
	    MESSAGES "ListResponse", "totalResults", (json_int_t)n,
	    "itemsPerPage", (json_int_t)count);
	char next[16];

	for (size_t i = from; i < n && i < from + count; i++)
		(void)json_array_append(page, json_array_get(some, i));
	(void)json_object_set_new(root, "Resources", page);
	(void)snprintf(next, sizeof(next), "c%zu", from + count);
	if (!cursor)
		(void)json_object_set_new(root, "startIndex",
		    json_integer((json_int_t)from + 1));
	else if (from + count < n)
		(void)json_object_set_new(root, "nextCursor",
		    json_string(next));
	body_set(answer, root);
}

static void
service_answer(const char *url, struct fetch_answer *answer)
{
	const bool is_user = strstr(url, BASE "/Users?") != NULL;

	if (strcmp(url, BASE "/ServiceProviderConfig") == 0) {
		body_set(answer,
		    json_pack("{s:{s:b}}", "pagination", "cursor",
			(int)service.cursor));
		return;
	}
	assert_true(is_user || strstr(url, BASE "/Groups?") != NULL);
	service.asked++;
	answer_page(url,
	    service.resources[is_user ? ZT_SCIM_USER : ZT_SCIM_GROUP], answer);
}

/* ---- what fetch.c is, here ---- */

struct fetch {
	fetch_done *done;
	void *arg;
	struct fetch_answer answer;
	char *body; /* owned; of answer */
	sd_event_source *later;
};

static const char *secret; /* must not be in what jansson frees, or NULL */
static bool watching;      /* from here on */

static void *
watched_alloc(size_t n)
{
	return calloc(1, n);
}

static void
watched_free(void *p)
{
	if (watching && secret != NULL && p != NULL &&
	    malloc_usable_size(p) > strlen(secret))
		assert_true(strcmp(p, secret) != 0);
	free(p);
}

static sd_event *event;
static char bearer[64]; /* sent last */

static int
on_later(sd_event_source *later, void *arg)
{
	zt_auto_free struct fetch *f = arg;

	(void)sd_event_source_disable_unref(later);
	service.open--;
	watching = true;
	f->done(f->arg, &f->answer);
	watching = false;
	free(f->body);
	return 0;
}

enum zt_err
fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
    fetch_done *done, void *arg, struct fetch **out)
{
	struct fetch *f = calloc(1, sizeof(*f));

	(void)fetcher;
	assert_non_null(f);
	f->done = done;
	f->arg = arg;
	f->answer = (struct fetch_answer){ .status = 200,
		.body = "",
		.type = "application/scim+json",
		.etag = "",
		.error = "" };
	assert_true(strlen(service.urls) + strlen(request->url) + 2 < URLS_MAX);
	(void)strcat(strcat(service.urls, request->url), "\n");
	(void)snprintf(bearer, sizeof(bearer), "%s",
	    request->bearer == NULL ? "" : request->bearer);
	if (service.quirk == NULL || !service.quirk(request->url, &f->answer))
		service_answer(request->url, &f->answer);
	f->body = zt_take(service.body);
	assert_true(sd_event_add_defer(event, &f->later, on_later, f) >= 0);
	if (service.hangs != NULL &&
	    strstr(request->url, service.hangs) != NULL)
		assert_true(sd_event_source_set_enabled(f->later,
				SD_EVENT_OFF) >= 0);
	service.last = f;
	service.open++;
	*out = f;
	return ZT_OK;
}

void
fetch_cancel(struct fetch *f)
{
	if (f == NULL)
		return;
	(void)sd_event_source_disable_unref(f->later);
	service.open--;
	free(f->body);
	free(f);
}

/* ---- what source.c is, here ---- */

static struct {
	struct zt_set *set;  /* in force */
	struct zt_set *held; /* waits for an administrator */
	bool hold;           /* what comes is not put in force */
	unsigned done, same, failed, touched;
	char why[SOURCE_WHY_MAX];
	int64_t restored_ms;
} outcome;

void
source_done(struct source *s, struct zt_set *set)
{
	outcome.done++;
	if (outcome.hold) {
		zt_set_free(outcome.held);
		outcome.held = set;
		return;
	}
	if (set != outcome.set)
		zt_set_free(outcome.set);
	outcome.set = set;
	source_scim.in_force(s);
}

const struct zt_set *
source_in_force(const struct source *s)
{
	(void)s;
	return outcome.set;
}

struct zt_set *
source_set(const struct source *s)
{
	(void)s;
	return outcome.set;
}

void
source_same(struct source *s)
{
	(void)s;
	outcome.same++;
}

void
source_fail(struct source *s, const char *why, ...)
{
	va_list ap;

	(void)s;
	va_start(ap, why);
	(void)vsnprintf(outcome.why, sizeof(outcome.why), why, ap);
	va_end(ap);
	outcome.failed++;
}

void
source_touched(struct source *s)
{
	(void)s;
	outcome.touched++;
}

void
source_progress(struct source *s, size_t done, size_t total)
{
	(void)s;
	assert_true(total == 0 || done <= total);
}

void
source_restore(struct source *s, struct zt_set *set, int64_t synced_ms)
{
	(void)s;
	zt_set_free(outcome.set);
	outcome.set = set;
	outcome.restored_ms = synced_ms;
}

void
source_hurry(struct source *s, bool whole)
{
	(void)s;
	(void)whole;
}

/* ---- a source ---- */

static char dir[] = "/tmp/zt-test-scim-XXXXXX";
static char state_file[64], token_file[64], url[] = BASE "/";
static struct conf_source conf;
static struct source source;

static void
source_open(void)
{
	source = (struct source){ .type = &source_scim,
		.conf = &conf,
		.event = event,
		.state_file = state_file };
	assert_int_equal(source_scim.create(&source), ZT_OK);
}

static void
source_close(void)
{
	source_scim.destroy(&source);
	assert_int_equal(service.open, 0);
	zt_set_free(outcome.set);
	zt_set_free(outcome.held);
	outcome.set = outcome.held = NULL;
}

/* One sync to its end; how many ends it had is checked. */
static void
sync_run(void)
{
	const unsigned before = outcome.done + outcome.same + outcome.failed;

	service.urls[0] = '\0';
	service.asked = 0;
	outcome.why[0] = '\0';
	source_scim.sync(&source);
	for (int i = 0; i < 5000000 &&
	     outcome.done + outcome.same + outcome.failed == before;
	     i++)
		assert_true(sd_event_run(event, 0) >= 0);
	while (sd_event_run(event, 0) > 0)
		continue;
	assert_int_equal(outcome.done + outcome.same + outcome.failed,
	    before + 1);
}

static void
sync_good(void)
{
	const unsigned before = outcome.failed;

	sync_run();
	if (outcome.failed != before)
		fail_msg("%s", outcome.why);
}

/* It fails for this reason, and what was there stays. */
static void
sync_bad(const char *why)
{
	const unsigned before = outcome.failed;
	const struct zt_set *set = outcome.set;
	const size_t n = set == NULL ? 0 : zt_set_users(set);

	sync_run();
	assert_int_equal(outcome.failed, before + 1);
	if (strstr(outcome.why, why) == NULL)
		fail_msg("\"%s\", not \"%s\"", outcome.why, why);
	assert_ptr_equal(outcome.set, set);
	assert_int_equal(set == NULL ? 0 : zt_set_users(set), n);
}

/* ---- people ---- */

static void
user_put(unsigned n, const char *name, unsigned second)
{
	char id[16], modified[40];
	json_t *users = service.resources[ZT_SCIM_USER], *user;

	(void)snprintf(id, sizeof(id), "u%04u", n);
	(void)snprintf(modified, sizeof(modified),
	    "2026-01-01T%02u:%02u:%02u.000Z", second / 3600, second / 60 % 60,
	    second % 60);
	user = json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", id, "userName", name,
	    "meta", "resourceType", "User", "lastModified", modified);
	for (size_t i = 0; i < json_array_size(users); i++)
		if (strcmp(json_string_value(
			       json_object_get(json_array_get(users, i), "id")),
			id) == 0) {
			assert_int_equal(json_array_set_new(users, i, user), 0);
			return;
		}
	assert_int_equal(json_array_append_new(users, user), 0);
}

/* n users p0..., and one group of the first two. */
static void
people_make(unsigned n)
{
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		user_put(i, name, i);
	}
	assert_int_equal(json_array_append_new(service.resources[ZT_SCIM_GROUP],
			     json_pack("{s:s, s:s, s:[{s:s}, {s:s}], s:{s:s}}",
				 "id", "g", "displayName", "ops", "members",
				 "value", "u0000", "value", "u0001", "meta",
				 "lastModified", "2026-01-01T00:00:00Z")),
	    0);
}

static int
setup(void **state)
{
	(void)state;
	assert_true(sd_event_new(&event) >= 0);
	service.resources[ZT_SCIM_USER] = json_array();
	service.resources[ZT_SCIM_GROUP] = json_array();
	service.cursor = false;
	service.quirk = NULL;
	service.hangs = NULL;
	memset(&outcome, 0, sizeof(outcome));
	conf = (struct conf_source){ .name = (char *)(uintptr_t) "s",
		.url = url,
		.page_size = 3,
		.timeout_ms = 1000,
		.interval_s = 300,
		.full_interval_s = 3600 };
	(void)unlink(state_file);
	source_open();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	source_close();
	(void)sd_event_unref(event);
	json_decref(service.resources[ZT_SCIM_USER]);
	json_decref(service.resources[ZT_SCIM_GROUP]);
	free(service.body);
	service.body = NULL;
	return 0;
}

static void
assert_users(size_t n)
{
	assert_non_null(outcome.set);
	assert_int_equal(zt_set_users(outcome.set), n);
}

static const char *
name_of(const char *key)
{
	const struct zt_set_record *record = zt_set_find(outcome.set, key);

	return record == NULL || record->user == NULL ? NULL
						      : record->user->name;
}

/* ---- tests ---- */

static void
all_pages_become_one_set(void **state)
{
	(void)state;
	for (int cursor = 0; cursor < 2; cursor++) {
		static const unsigned sizes[] = { 1, 2, 7, 100 };

		service.cursor = cursor;
		for (size_t i = 0; i < 4; i++) {
			(void)teardown(state);
			(void)setup(state);
			service.cursor = cursor;
			people_make(10);
			conf.page_size = sizes[i];
			sync_good();
			assert_users(10);
			assert_string_equal(name_of("Users/u0009"), "p9");
			assert_int_equal(zt_set_find(outcome.set, "Groups/g")
					     ->group->n_members,
			    2);
			assert_int_equal(service.asked,
			    (10 + sizes[i] - 1) / sizes[i] + 1);
			assert_int_equal(strstr(service.urls, "cursor=") !=
				NULL,
			    cursor);
			assert_int_equal(strstr(service.urls, "startIndex=") !=
				NULL,
			    !cursor);
		}
	}
}

static void
an_empty_service_is_an_empty_set(void **state)
{
	(void)state;
	sync_good();
	assert_users(0);
}

static void
the_query_names_filter_and_attributes(void **state)
{
	static char filter[] = "active eq true";
	static char name[] = "urn:x:2.0:User:login";

	(void)state;
	conf.user_filter = filter;
	conf.attr_name = name;
	source_close();
	source_open();
	sync_good();
	assert_non_null(strstr(service.urls,
	    BASE "/Users?attributes=id,meta,active,urn%3Ax%3A2.0%3AUser%3A"
		 "login,displayName,"));
	assert_non_null(strstr(service.urls,
	    "&filter=active%20eq%20true&startIndex=1&"));
	assert_non_null(strstr(service.urls,
	    BASE "/Groups?attributes=id,meta,displayName,members,"));
}

static void
a_later_sync_asks_for_what_was_modified(void **state)
{
	static char filter[] = "active eq true";

	(void)state;
	conf.user_filter = filter;
	people_make(20);
	sync_good();
	assert_users(20);
	sync_good();
	assert_int_equal(outcome.same, 1);
	assert_int_equal(service.asked, 3); /* the last 5 s, and groups */
	assert_null(strstr(service.urls, "ServiceProviderConfig"));
	assert_non_null(strstr(service.urls,
	    "filter=%28active%20eq%20true%29%20and%20meta.lastModified%20gt"
	    "%20%222026-01-01T00%3A00%3A14.000Z%22&"));
	user_put(3, "renamed", 100);
	user_put(20, "new", 101);
	sync_good();
	assert_int_equal(outcome.done, 2);
	assert_users(21);
	assert_string_equal(name_of("Users/u0003"), "renamed");
	assert_string_equal(name_of("Users/u0020"), "new");
	assert_string_equal(name_of("Users/u0000"), "p0");
	user_put(1, "other", 102); /* a member of the group */
	sync_good();
	assert_string_equal(zt_set_find(outcome.set, "Groups/g")
				->group->members[1],
	    "other");
}

static void
a_deletion_is_seen_by_the_full_sync(void **state)
{
	(void)state;
	people_make(20);
	sync_good();
	(void)json_array_remove(service.resources[ZT_SCIM_USER], 2);
	sync_good();
	assert_users(20);
	conf.full_interval_s = 0;
	sync_good();
	assert_users(19);
	assert_null(zt_set_find(outcome.set, "Users/u0002"));
	sync_good();
	assert_int_equal(outcome.same, 2);
}

static void
undated_or_future_resources_hide_no_change(void **state)
{
	(void)state;
	people_make(6);
	user_put(7, "future", 0);
	(void)json_object_set_new(
	    json_object_get(json_array_get(service.resources[ZT_SCIM_USER], 6),
		"meta"),
	    "lastModified", json_string("2199-01-01T00:00:00.000Z"));
	sync_good();
	sync_good();
	assert_null(strstr(service.urls, "2198"));
	assert_null(strstr(service.urls, "2199"));
	(void)json_object_del(json_array_get(service.resources[ZT_SCIM_USER],
				  6),
	    "meta");
	conf.full_interval_s = 0;
	sync_good();
	conf.full_interval_s = 3600;
	sync_good();
	assert_null(strstr(service.urls, "filter="));
}

static bool
refuse_filter(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "filter=") == NULL)
		return false;
	answer_error(answer, 400, "invalidFilter");
	return true;
}

static bool
ignore_filter(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "filter=") == NULL)
		return false;
	answer_page(strstr(asked, "startIndex="),
	    service.resources[strstr(asked, "/Users?") == NULL], answer);
	return true;
}

static void
a_service_that_cannot_filter_is_asked_for_all(void **state)
{
	bool (*const quirks[])(const char *,
	    struct fetch_answer *) = { refuse_filter, ignore_filter };

	for (size_t i = 0; i < 2; i++) {
		(void)teardown(state);
		(void)setup(state);
		people_make(20);
		service.quirk = quirks[i];
		sync_good();
		user_put(3, "renamed", 100);
		sync_good(); /* asks for what was modified, then for all */
		assert_non_null(strstr(service.urls, "filter="));
		assert_string_equal(name_of("Users/u0003"), "renamed");
		sync_good();
		assert_null(strstr(service.urls, "filter="));
	}
}

static bool
refuse_attributes(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "attributes=") == NULL)
		return false;
	answer_error(answer, 400, "invalidPath");
	return true;
}

static void
a_service_that_cannot_choose_attributes_sends_all(void **state)
{
	(void)state;
	people_make(5);
	service.quirk = refuse_attributes;
	sync_good();
	assert_users(5);
	conf.full_interval_s = 0;
	sync_good();
	assert_null(strstr(service.urls, "attributes="));
}

static bool
refuse_all(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "ServiceProviderConfig") != NULL)
		return false;
	answer_error(answer, 400, NULL);
	return true;
}

/* Who had a uid that is only sent when it is named would be without. */
static void
attributes_that_were_sent_are_asked_for_ever_after(void **state)
{
	(void)state;
	people_make(5);
	sync_good();
	service.quirk = refuse_attributes;
	conf.full_interval_s = 0;
	sync_bad("invalidPath");
	source_close();
	source_open();
	sync_bad("invalidPath");
	service.quirk = refuse_all;
	(void)unlink(state_file);
	source_close();
	source_open();
	sync_bad("HTTP 400");
	assert_null(strstr(strchr(service.urls, '?') + 1, "?attributes"));
	sync_bad("HTTP 400"); /* tries with them again */
	assert_non_null(strstr(service.urls, "?attributes"));
}

static void
a_service_without_attributes_stays_one(void **state)
{
	(void)state;
	people_make(5);
	service.quirk = refuse_attributes;
	sync_good();
	source_close();
	source_open();
	conf.full_interval_s = 0;
	sync_good();
	assert_null(strstr(service.urls, "attributes="));
}

static bool
service_hidden(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "ServiceProviderConfig") == NULL)
		return false;
	answer_error(answer, 404, NULL);
	return true;
}

static void
a_service_need_not_describe_itself(void **state)
{
	(void)state;
	people_make(5);
	service.quirk = service_hidden;
	sync_good();
	assert_users(5);
}

/* ---- answers that lie ---- */

static const char *answer_text; /* a whole answer, or */
static int answer_status;

static bool
say_text(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "/Groups?") == NULL)
		return false;
	answer->status = answer_status;
	answer->body = answer_text;
	answer->len = strlen(answer_text);
	return true;
}

#define LIST "{\"schemas\":[\"" MESSAGES "ListResponse\"],"

static void
an_answer_that_lies_changes_nothing(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "no JSON object" },
		{ "<html>Welcome</html>", "no JSON object" },
		{ "{\"Resources\":[]}", "no ListResponse" },
		{ LIST "\"Resources\":[]}", "totalResults is missing" },
		{ LIST "\"totalResults\":2}", "a page is empty" },
		{ LIST "\"totalResults\":2,\"Resources\":{}}", "no array" },
		{ LIST "\"totalResults\":1,\"startIndex\":4,"
		       "\"Resources\":[{\"id\":\"1\"}]}",
		    "startIndex" },
		{ LIST "\"totalResults\":1,\"Resources\":[{\"id\":\"1\"},"
		       "{\"id\":\"2\"}]}",
		    "more resources" },
		{ LIST "\"totalResults\":2,\"Resources\":[{\"id\":\"1\"},"
		       "{\"id\":\"1\"}]}",
		    "came twice" },
		{ LIST "\"totalResults\":9,\"Resources\":[{\"id\":\"1\"}]}",
		    "came twice" },
		{ LIST "\"totalResults\":9,\"startIndex\":1,\"Resources\":"
		       "[{\"id\":\"1\"}]}",
		    "startIndex" },
		{ LIST "\"totalResults\":1,\"Resources\":[{\"id\":\"1\","
		       "\"meta\":{\"resourceType\":\"User\"}}]}",
		    "another kind" },
		{ LIST "\"totalResults\":1,\"Resources\":[{\"id\":\"\"}]}",
		    "no id" },
		{ LIST "\"nextCursor\":\"a\",\"Resources\":[{\"id\":\"1\"}]}",
		    "the page itself" },
	};

	(void)state;
	people_make(4);
	sync_good();
	conf.full_interval_s = 0;
	answer_status = 200;
	service.quirk = say_text;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		user_put(0, i % 2 == 0 ? "x" : "y", 500); /* not applied */
		answer_text = rows[i].text;
		sync_bad(rows[i].why);
		assert_string_equal(name_of("Users/u0000"), "p0");
	}
	service.quirk = NULL;
	sync_good();
	assert_string_not_equal(name_of("Users/u0000"), "p0");
}

static void
each_status_has_its_advice(void **state)
{
	static const struct {
		int status;
		const char *why;
	} rows[] = {
		{ 301, "redirect" },
		{ 307, "redirect" },
		{ 400, "check the filters" },
		{ 401, "check bearer_file" },
		{ 403, "scopes" },
		{ 404, "check that url" },
		{ 429, "is busy" },
		{ 500, "has a fault" },
		{ 501, "has a fault" },
		{ 503, "is busy" },
	};

	(void)state;
	people_make(4);
	service.quirk = say_text;
	answer_text = "{\"schemas\":[\"" MESSAGES "Error\"],"
		      "\"detail\":\"see \\u001b]8\"}";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer_status = rows[i].status;
		sync_bad(rows[i].why);
		assert_non_null(strstr(outcome.why, ", see \\x1b]8:"));
		assert_null(outcome.set);
	}
}

static bool
expire_cursor(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "cursor=c") == NULL)
		return false;
	answer_error(answer, 400, "expiredCursor");
	return true;
}

static void
a_cursor_that_expires_fails_the_sync(void **state)
{
	(void)state;
	service.cursor = true;
	people_make(10);
	sync_good();
	service.quirk = expire_cursor;
	sync_bad("400 expiredCursor"); /* what was modified */
	conf.full_interval_s = 0;
	sync_bad("400 expiredCursor");
	service.quirk = NULL;
	conf.full_interval_s = 3600;
	user_put(3, "renamed", 100);
	sync_good(); /* the filter was not to blame */
	assert_non_null(strstr(service.urls, "filter="));
}

static unsigned flips; /* answers whose total is another */
static unsigned flip_id = 100;

static bool
flip_total(const char *asked, struct fetch_answer *answer)
{
	const char *page = strstr(asked, "/Users?");
	char name[16];

	if (page == NULL || number(asked, "Index=", 1) == 1 || flips == 0)
		return false;
	flips--;
	(void)snprintf(name, sizeof(name), "f%u", flip_id);
	user_put(flip_id++, name, 50);
	answer_page(page, service.resources[ZT_SCIM_USER], answer);
	return true;
}

static void
a_total_that_changes_is_read_anew_once(void **state)
{
	(void)state;
	people_make(7);
	service.quirk = flip_total;
	flips = 1;
	sync_good();
	assert_users(8);
	flips = 2;
	conf.full_interval_s = 0;
	sync_bad("totalResults changed");
}

static bool
type_html(const char *asked, struct fetch_answer *answer)
{
	(void)asked;
	answer->type = "text/html";
	return false;
}

static bool
no_answer(const char *asked, struct fetch_answer *answer)
{
	(void)asked;
	answer->status = 0;
	answer->error = "no complete answer within 1000 ms";
	return true;
}

static void
no_answer_and_no_scim_fail_the_sync(void **state)
{
	(void)state;
	service.quirk = type_html;
	sync_bad("Content-Type");
	service.quirk = no_answer;
	sync_bad("no complete answer within 1000 ms");
}

static bool
busy(const char *asked, struct fetch_answer *answer)
{
	(void)asked;
	answer->status = 429;
	answer->retry_after_s = 600;
	return true;
}

static void
retry_after_is_heeded(void **state)
{
	char first[SOURCE_WHY_MAX];

	(void)state;
	service.quirk = busy;
	sync_bad("is busy");
	service.quirk = NULL;
	sync_bad("left alone until 2");
	assert_string_equal(service.urls, "");
	/* the words stay, or they would be logged each time */
	(void)snprintf(first, sizeof(first), "%s", outcome.why);
	(void)usleep(1100000);
	sync_bad(first);
}

/* ---- tokens ---- */

static void
token_write(const char *text)
{
	FILE *f = fopen(token_file, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool
refuse_old(const char *asked, struct fetch_answer *answer)
{
	(void)asked;
	if (strcmp(bearer, "new") == 0)
		return false;
	answer->status = 401;
	return true;
}

static bool
renew_and_refuse(const char *asked, struct fetch_answer *answer)
{
	const bool refused = refuse_old(asked, answer);

	token_write("new\n");
	return refused;
}

static void
a_bearer_that_is_refused_is_read_again_once(void **state)
{
	(void)state;
	conf.bearer_file = token_file;
	source_close();
	source_open();
	(void)unlink(token_file);
	sync_bad(token_file);
	assert_string_equal(service.urls, "");
	token_write("old");
	service.quirk = refuse_old;
	sync_bad("HTTP 401");
	service.quirk = renew_and_refuse;
	sync_good();
	assert_string_equal(bearer, "new");
}

static unsigned tokens; /* given out */
static int token_status;

static bool
token_endpoint(const char *asked, struct fetch_answer *answer)
{
	if (strcmp(asked, "https://login.example/token") != 0)
		return refuse_old(asked, answer);
	tokens++;
	answer->status = token_status;
	body_set(answer,
	    token_status == 200
		? json_pack("{s:s, s:s, s:i}", "access_token",
		      tokens == 1 ? "old" : "new", "token_type", "Bearer",
		      "expires_in", 3600)
		: json_pack("{s:s}", "error", "invalid_client"));
	return true;
}

static void
client_credentials(void)
{
	static char token_url[] = "https://login.example/token";
	static char id[] = "id";

	conf.token_url = token_url;
	conf.client_id = id;
	conf.client_secret_file = token_file;
	token_write("secret");
	tokens = 0;
	token_status = 200;
	service.quirk = token_endpoint;
	source_close();
	source_open();
}

static void
a_token_of_client_credentials_is_kept_and_renewed(void **state)
{
	(void)state;
	people_make(4);
	client_credentials();
	sync_good(); /* "old" is refused, "new" is taken */
	assert_int_equal(tokens, 2);
	sync_good();
	assert_int_equal(tokens, 2);
	assert_string_equal(bearer, "new");
}

static void
a_token_is_not_left_in_memory(void **state)
{
	(void)state;
	client_credentials();
	tokens = 1;
	secret = "new";
	json_set_alloc_funcs(watched_alloc, watched_free);
	sync_good();
	json_set_alloc_funcs(malloc, free);
	secret = NULL;
	assert_string_equal(bearer, "new");
}

static bool
refuse_any_token(const char *asked, struct fetch_answer *answer)
{
	token_endpoint(asked, answer);
	if (strstr(asked, "/token") == NULL)
		answer->status = 401;
	return true;
}

static void
a_service_that_refuses_any_token_is_asked_twice(void **state)
{
	(void)state;
	client_credentials();
	service.quirk = refuse_any_token;
	sync_bad("HTTP 401");
	assert_int_equal(tokens, 2);
}

static void
a_token_that_cannot_be_had_fails_the_sync(void **state)
{
	(void)state;
	client_credentials();
	token_status = 401;
	sync_bad("token_url answers HTTP 401 invalid_client");
	token_status = 200;
	tokens = 0;
	sync_good();
	(void)unlink(token_file);
	source_close();
	source_open();
	sync_bad(token_file);
}

/* ---- state ---- */

static void
a_restart_has_the_last_good_users(void **state)
{
	struct stat st;

	(void)state;
	people_make(20);
	sync_good();
	user_put(3, "renamed", 100);
	sync_good(); /* appended */
	assert_int_equal(stat(state_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	source_close();
	source_open();
	assert_users(20);
	assert_string_equal(name_of("Users/u0003"), "renamed");
	assert_int_equal(zt_set_find(outcome.set, "Groups/g")->group->n_members,
	    2);
	assert_true(outcome.restored_ms > stamp_now_ms() - 60000);
	sync_good(); /* goes on where it was */
	assert_non_null(strstr(service.urls, "filter="));
	assert_int_equal(outcome.same, 1);
}

static void
state_of_another_configuration_is_left_alone(void **state)
{
	static char name[] = "nickName";

	(void)state;
	people_make(5);
	sync_good();
	source_close();
	conf.attr_name = name;
	source_open();
	assert_null(outcome.set);
	conf.attr_name = NULL;
	source_close();
	source_open();
	assert_users(5);
}

static void
what_a_crash_left_of_the_state_is_ignored(void **state)
{
	FILE *f;

	(void)state;
	people_make(5);
	sync_good();
	source_close();
	for (size_t i = 0; i < 3; i++) {
		static const char *const tails[] = {
			("{\"user\":{\"uuid\":\"u0001\",\"userName\":"
			 "\"gone\"}}\n"),
			"{\"user\":{\"uuid\":\"u0001\"", "garbage\n"
		};

		f = fopen(state_file, "ae");
		assert_non_null(f);
		(void)fputs(tails[i], f);
		assert_int_equal(fclose(f), 0);
		source_open();
		assert_users(5);
		assert_string_equal(name_of("Users/u0001"), "p1");
		source_close();
	}
	assert_int_equal(truncate(state_file, 200), 0);
	source_open();
	assert_null(outcome.set);
}

static void
a_state_that_cannot_be_written_leaves_the_old_one(void **state)
{
	const struct rlimit little = { 100, RLIM_INFINITY };
	struct rlimit kept;
	char temp[sizeof(state_file) + 4];

	(void)state;
	people_make(4);
	sync_good();
	source_close();
	source_open();
	conf.full_interval_s = 0; /* all of it anew */
	user_put(5, "more", 100);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	sync_good(); /* it goes on without */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
	assert_users(5);
	(void)snprintf(temp, sizeof(temp), "%s.new", state_file);
	assert_int_equal(access(temp, F_OK), -1);
	source_close();
	source_open();
	assert_users(4);
}

static void
a_state_that_others_could_write_is_made_anew(void **state)
{
	struct stat before, now;

	(void)state;
	people_make(4);
	sync_good();
	source_close();
	assert_int_equal(chmod(state_file, 0620), 0);
	assert_int_equal(stat(state_file, &before), 0);
	source_open();
	assert_null(outcome.set);
	sync_good();
	assert_users(4);
	assert_int_equal(stat(state_file, &now), 0);
	assert_int_equal(now.st_mode & 07777, 0600);
	assert_int_not_equal(now.st_ino, before.st_ino);
	source_close();
	source_open();
	assert_users(4);
}

static void
users_that_wait_for_an_administrator_are_not_restored(void **state)
{
	(void)state;
	people_make(20);
	sync_good();
	while (json_array_size(service.resources[ZT_SCIM_USER]) > 2)
		(void)json_array_remove(service.resources[ZT_SCIM_USER], 2);
	conf.full_interval_s = 0;
	outcome.hold = true;
	sync_good();
	sync_good();
	assert_int_equal(outcome.same, 1);
	source_close();
	source_open();
	assert_users(20);
	outcome.hold = false;
	sync_good();
	assert_users(2);
	source_close();
	source_open();
	assert_users(2);
}

static void
a_source_can_go_at_any_moment(void **state)
{
	(void)state;
	people_make(2000);
	conf.page_size = 700;
	for (int steps = 0; steps < 12; steps++) {
		source_scim.sync(&source);
		for (int i = 0; i < steps; i++)
			(void)sd_event_run(event, 0);
		source_close();
		(void)unlink(state_file);
		source_open();
	}
	sync_good();
	assert_users(2000);
}

/* ---- lookups ---- */

static json_t *found; /* owned; the answer's resources */
static int kept_back; /* of totalResults */
static const char *found_type;

static bool
answer_lookup(const char *asked, struct fetch_answer *answer)
{
	if (strstr(asked, "%20eq%20%22") == NULL)
		return false;
	answer->type = found_type;
	body_set(answer,
	    json_pack("{s:[s], s:i, s:O}", "schemas", MESSAGES "ListResponse",
		"totalResults", (int)json_array_size(found) + kept_back,
		"Resources", found));
	return true;
}

/* From here on nobody is found. */
static void
found_none(void)
{
	json_decref(found);
	found = json_array();
	kept_back = 0;
	found_type = "application/json";
	service.quirk = answer_lookup;
}

struct lookup {
	unsigned calls;
	enum zt_err err;
};

static void
on_found(void *arg, enum zt_err err)
{
	struct lookup *l = arg;

	l->calls++;
	l->err = err;
}

static enum zt_err
lookup(const char *name)
{
	struct lookup l = { .calls = 0 };

	service.urls[0] = '\0';
	assert_int_equal(source_scim_lookup(&source, zt_str(name), 250,
			     on_found, &l),
	    ZT_OK);
	for (int i = 0; i < 100 && l.calls == 0; i++)
		assert_true(sd_event_run(event, 0) >= 0);
	assert_int_equal(l.calls, 1);
	return l.err;
}

static void
found_add(const char *id, const char *name)
{
	assert_int_equal(json_array_append_new(found,
			     json_pack("{s:s, s:s}", "id", id, "userName",
				 name)),
	    0);
}

static void
a_user_of_today_is_looked_up(void **state)
{
	static char filter[] = "active eq true";

	(void)state;
	conf.user_filter = filter;
	people_make(5);
	sync_good();
	found_none();
	assert_int_equal(lookup("new"), ZT_ERR_NOTFOUND);
	assert_non_null(strstr(service.urls,
	    "&filter=%28active%20eq%20true%29%20and%20userName%20eq%20%22new"
	    "%22&startIndex=1&count=2\n"));
	assert_int_equal(outcome.touched, 0);
	found_add("u9", "new");
	assert_int_equal(lookup("new"), ZT_OK);
	assert_int_equal(outcome.touched, 1);
	assert_users(6);
	assert_string_equal(name_of("Users/u9"), "new");
	/* it need not have been modified since the last sync */
	sync_good();
	assert_users(6);
	sync_good(); /* groups have their members' names now */
	assert_int_equal(outcome.same, 1);
	conf.full_interval_s = 0;
	sync_good();
	assert_users(5);
}

static int64_t
state_mtime_ns(void)
{
	struct stat st;

	assert_int_equal(stat(state_file, &st), 0);
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static void
who_was_looked_up_is_there_after_a_restart(void **state)
{
	int64_t synced_ns;

	(void)state;
	people_make(5);
	sync_good();
	synced_ns = state_mtime_ns();
	for (int i = 0; i < 2; i++) {
		found_none();
		found_add(i == 0 ? "u8" : "u9", i == 0 ? "eight" : "nine");
		assert_int_equal(lookup(i == 0 ? "eight" : "nine"), ZT_OK);
	}
	source_close();
	source_open();
	assert_users(7);
	assert_string_equal(name_of("Users/u8"), "eight");
	assert_string_equal(name_of("Users/u9"), "nine");
	/* that was no sync: the age is as it was */
	assert_true(state_mtime_ns() == synced_ns);
	sync_good();
	assert_users(7);
}

static void
a_group_follows_a_member_who_was_looked_up(void **state)
{
	const struct zt_set_record *group;

	(void)state;
	people_make(5);
	sync_good();
	found_none();
	user_put(1, "renamed", 1);
	assert_int_equal(json_array_append(found,
			     json_array_get(service.resources[ZT_SCIM_USER],
				 1)),
	    0);
	assert_int_equal(lookup("renamed"), ZT_OK);
	assert_string_equal(name_of("Users/u0001"), "renamed");
	sync_good(); /* it brings what is known */
	group = zt_set_find(outcome.set, "Groups/g");
	assert_non_null(group);
	assert_string_equal(group->group->members[1], "renamed");
}

/* What is written then would be put in force by a restart. */
static void
a_lookup_writes_no_users_that_wait_for_an_administrator(void **state)
{
	struct stat before, after;

	(void)state;
	people_make(5);
	sync_good();
	assert_int_equal(stat(state_file, &before), 0);
	user_put(6, "held", 60);
	outcome.hold = true;
	sync_good();
	found_none();
	found_add("u9", "new");
	assert_int_equal(lookup("new"), ZT_OK);
	assert_int_equal(stat(state_file, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
}

static void
a_lookup_believes_no_answer_but_its_own(void **state)
{
	(void)state;
	people_make(5);
	sync_good();
	found_none();
	found_add("u9", "New");
	assert_int_equal(lookup("new"), ZT_ERR_NOTFOUND);
	found_add("u8", "new");
	assert_int_equal(lookup("new"), ZT_ERR_UNAVAIL);
	found_none();
	kept_back = 1;
	assert_int_equal(lookup("new"), ZT_ERR_UNAVAIL);
	found_add("u9", "new");
	assert_int_equal(lookup("new"), ZT_ERR_UNAVAIL);
	kept_back = 0;
	found_type = "text/html";
	assert_int_equal(lookup("new"), ZT_ERR_UNAVAIL);
	found_none();
	found_add("", "new");
	assert_int_equal(lookup("new"), ZT_ERR_UNAVAIL);
	found_none();
	(void)json_array_append_new(found,
	    json_pack("{s:s, s:s, s:s}", "id", "u7", "userName", "new",
		"active", "no"));
	assert_int_equal(lookup("new"), ZT_ERR_DENIED);
	service.quirk = no_answer;
	assert_int_equal(lookup("new"), ZT_ERR_UNAVAIL);
	assert_users(5);
}

/* Whoever asks again: nothing is to be published, or written. */
static void
a_lookup_that_brings_no_news_changes_nothing(void **state)
{
	struct stat before, after;

	(void)state;
	people_make(5);
	sync_good();
	assert_int_equal(stat(state_file, &before), 0);
	found_none();
	(void)json_array_append(found,
	    json_array_get(service.resources[ZT_SCIM_USER], 1));
	assert_int_equal(lookup("p1"), ZT_OK);
	assert_int_equal(outcome.touched, 0);
	assert_int_equal(stat(state_file, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	for (int i = 0; i < 2; i++) {
		found_none();
		found_add("u9", "new");
		assert_int_equal(lookup("new"), ZT_OK);
		assert_int_equal(outcome.touched, 1);
	}
	for (int i = 0; i < 2; i++) {
		found_none();
		(void)json_array_append_new(found,
		    json_pack("{s:s, s:s, s:s}", "id", "u7", "userName", "bad",
			"active", "no"));
		assert_int_equal(lookup("bad"), ZT_ERR_DENIED);
		assert_int_equal(outcome.touched, 2);
	}
	found_none();
	found_add("u7", "bad");
	assert_int_equal(lookup("bad"), ZT_OK);
	assert_int_equal(outcome.touched, 3);
	assert_users(7);
}

/* While a set waits for an administrator, what is known is not in force. */
static void
a_lookup_is_put_in_force_whatever_waits(void **state)
{
	(void)state;
	people_make(5);
	sync_good();
	user_put(1, "renamed", 60);
	outcome.hold = true;
	sync_good();
	found_none();
	(void)json_array_append(found,
	    json_array_get(service.resources[ZT_SCIM_USER], 1));
	assert_int_equal(lookup("renamed"), ZT_OK);
	assert_string_equal(name_of("Users/u0001"), "renamed");
	assert_int_equal(outcome.touched, 1);
	found_none();
	found_add("u9", "new");
	assert_int_equal(lookup("new"), ZT_OK);
	assert_users(6);
	/* and then into what has waited */
	zt_set_free(outcome.set);
	outcome.set = zt_take(outcome.held);
	assert_users(5);
	assert_int_equal(lookup("new"), ZT_OK);
	assert_users(6);
}

/* From now on what hung is answered. */
static void
let_go(void)
{
	service.hangs = NULL;
	assert_true(sd_event_source_set_enabled(service.last->later,
			SD_EVENT_ONESHOT) >= 0);
	while (sd_event_run(event, 0) > 0)
		continue;
}

static void
who_gives_up_a_lookup_hears_no_more_of_it(void **state)
{
	struct lookup l = { .calls = 0 };

	(void)state;
	people_make(5);
	sync_good();
	found_none();
	found_add("u9", "new");
	source_scim_lookup_cancel(&source); /* none is under way */
	assert_int_equal(source_scim_lookup(&source, zt_str("new"), 250,
			     on_found, &l),
	    ZT_OK);
	source_scim_lookup_cancel(&source);
	while (sd_event_run(event, 0) > 0)
		continue;
	assert_int_equal(l.calls, 0);
	assert_int_equal(lookup("new"), ZT_OK);
}

static bool
token_or_lookup(const char *asked, struct fetch_answer *answer)
{
	return token_endpoint(asked, answer) || answer_lookup(asked, answer);
}

/* Or none would be had where that takes longer than one may wait. */
static void
a_token_comes_for_the_next_who_needs_it(void **state)
{
	struct lookup l = { .calls = 0 };

	(void)state;
	people_make(5);
	client_credentials();
	sync_good();
	for (unsigned i = 0; i < 3; i++) {
		source_close(); /* and no token */
		source_open();
		found_none();
		service.quirk = token_or_lookup;
		service.hangs = "/token";
		tokens = 1;
		for (int n = 0; n < 2; n++) {
			source_scim_lookup_cancel(&source);
			assert_int_equal(source_scim_lookup(&source,
					     zt_str("new"), 180, on_found, &l),
			    ZT_OK);
		}
		source_scim_lookup_cancel(&source);
		if (i == 0) {
			let_go();
			assert_int_equal(lookup("new"), ZT_ERR_NOTFOUND);
		} else if (i == 1) {
			source_scim.sync(&source);
			let_go();
			assert_int_equal(outcome.same, 1);
		} /* or never */
		assert_int_equal(l.calls, 0);
		assert_int_equal(tokens, 2);
	}
}

static void
a_token_that_a_lookup_is_refused_with_is_not_used_again(void **state)
{
	(void)state;
	people_make(5);
	client_credentials();
	sync_good();
	source_close(); /* and no token */
	source_open();
	found_none();
	service.quirk = token_or_lookup;
	tokens = 0;
	assert_int_equal(lookup("new"), ZT_ERR_UNAVAIL); /* it was "old" */
	assert_int_equal(tokens, 1);
	assert_int_equal(lookup("new"), ZT_ERR_NOTFOUND);
	assert_int_equal(lookup("new"), ZT_ERR_NOTFOUND);
	assert_int_equal(tokens, 2);
}

static void
a_lookup_gives_way_to_a_sync(void **state)
{
	struct lookup l = { .calls = 0 };

	(void)state;
	people_make(5);
	found_none();
	found_add("u9", "a");
	assert_int_equal(source_scim_lookup(&source, zt_str("a"), 250, on_found,
			     &l),
	    ZT_ERR_UNAVAIL); /* no set yet */
	sync_good();
	assert_int_equal(source_scim_lookup(&source, zt_str("a b"), 250,
			     on_found, &l),
	    ZT_ERR_INVAL);
	assert_int_equal(source_scim_lookup(&source, zt_str("a"), 250, on_found,
			     &l),
	    ZT_OK);
	assert_int_equal(source_scim_lookup(&source, zt_str("b"), 250, on_found,
			     &l),
	    ZT_ERR_UNAVAIL);
	sync_good();
	assert_int_equal(l.calls, 1);
	assert_int_equal(l.err, ZT_ERR_UNAVAIL);
	assert_users(5);
	assert_int_equal(source_scim_lookup(&source, zt_str("a"), 250, on_found,
			     &l),
	    ZT_OK);
	source_close();
	source_open();
	assert_int_equal(l.calls, 1);
}

static int
begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(state_file, sizeof(state_file), "%s/state", dir);
	(void)snprintf(token_file, sizeof(token_file), "%s/token", dir);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	(void)unlink(state_file);
	(void)unlink(token_file);
	json_decref(found);
	return rmdir(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_pages_become_one_set),
		TEST(an_empty_service_is_an_empty_set),
		TEST(the_query_names_filter_and_attributes),
		TEST(a_later_sync_asks_for_what_was_modified),
		TEST(a_deletion_is_seen_by_the_full_sync),
		TEST(undated_or_future_resources_hide_no_change),
		TEST(a_service_that_cannot_filter_is_asked_for_all),
		TEST(a_service_that_cannot_choose_attributes_sends_all),
		TEST(attributes_that_were_sent_are_asked_for_ever_after),
		TEST(a_service_without_attributes_stays_one),
		TEST(a_service_need_not_describe_itself),
		TEST(an_answer_that_lies_changes_nothing),
		TEST(each_status_has_its_advice),
		TEST(a_total_that_changes_is_read_anew_once),
		TEST(no_answer_and_no_scim_fail_the_sync),
		TEST(retry_after_is_heeded),
		TEST(a_cursor_that_expires_fails_the_sync),
		TEST(a_service_that_refuses_any_token_is_asked_twice),
		TEST(a_bearer_that_is_refused_is_read_again_once),
		TEST(a_token_of_client_credentials_is_kept_and_renewed),
		TEST(a_token_that_cannot_be_had_fails_the_sync),
		TEST(a_token_is_not_left_in_memory),
		TEST(a_restart_has_the_last_good_users),
		TEST(state_of_another_configuration_is_left_alone),
		TEST(what_a_crash_left_of_the_state_is_ignored),
		TEST(a_state_that_cannot_be_written_leaves_the_old_one),
		TEST(a_state_that_others_could_write_is_made_anew),
		TEST(users_that_wait_for_an_administrator_are_not_restored),
		TEST(a_source_can_go_at_any_moment),
		TEST(a_user_of_today_is_looked_up),
		TEST(who_was_looked_up_is_there_after_a_restart),
		TEST(a_group_follows_a_member_who_was_looked_up),
		TEST(a_lookup_writes_no_users_that_wait_for_an_administrator),
		TEST(a_lookup_believes_no_answer_but_its_own),
		TEST(a_lookup_that_brings_no_news_changes_nothing),
		TEST(a_lookup_is_put_in_force_whatever_waits),
		TEST(who_gives_up_a_lookup_hears_no_more_of_it),
		TEST(a_token_comes_for_the_next_who_needs_it),
		TEST(a_token_that_a_lookup_is_refused_with_is_not_used_again),
		TEST(a_lookup_gives_way_to_a_sync),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
