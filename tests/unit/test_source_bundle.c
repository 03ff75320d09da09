/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../ztd/fetch.h"
#include "../../ztd/source_clock.h"
#include "endpoint.h"
#include "zt/bundle.h"

/*
 * A bundle signed by the real ssh-keygen, fetched from a real server, by a
 * source with its real clock.
 */

static struct endpoint *web;
static struct fetcher *fetcher;
static struct conf_source conf;
static unsigned changes;

__attribute__((__format__(__printf__, 1, 2))) static void
shell(const char *format, ...)
{
	char line[1024], command[2048];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	(void)snprintf(command, sizeof(command), "cd %s && { %s; } >>log 2>&1",
	    endpoint_dir, line);
	if (system(command) != 0)
		fail_msg("%s", line);
}

/* Publish a head and records, signed with a key for a namespace. */
static void
publish_as(const char *key, const char *space, const char *head,
    const char *records)
{
	FILE *f = fopen(endpoint_path("body"), "we");

	assert_non_null(f);
	(void)fprintf(f, "{\"zt-users\":1,\"issued\":1700000000,%s}\n%s", head,
	    records);
	assert_int_equal(fclose(f), 0);
	shell("ssh-keygen -q -Y sign -n %s -f %s <body >sig && "
	      "cat sig body >new && mv new users",
	    space, key);
}

static void
publish(const char *head, const char *records)
{
	publish_as("key", "users@zt", head, records);
}

static void
on_changed(void *arg, struct source *s)
{
	(void)arg;
	(void)s;
	changes++;
}

static struct source *
source(void)
{
	const struct source_options options = { .event = asker_event,
		.fetcher = fetcher,
		.state_dir = endpoint_dir,
		.max_loss_percent = 100,
		.stale_after_s = 3600,
		.changed = on_changed };
	struct source *s = NULL;

	assert_int_equal(source_new(&conf, &options, &s), ZT_OK);
	return s;
}

/* One sync.  Returns its error, "" if it went well. */
static const char *
synced(struct source *s)
{
	changes = 0;
	source_sync(s);
	/* a file that cannot be read fails at once */
	asker_run(&changes, 1);
	assert_false(s->clock->syncing);
	return s->clock->error;
}

static void
assert_error(const char *error, const char *part)
{
	if (strstr(error, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error, part);
}

static size_t
requests(const char *what)
{
	FILE *f = fopen(endpoint_path("web.log"), "re");
	char line[256];
	size_t n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, what) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return n;
}

#define ALICE "{\"userName\":\"alice\",\"uid\":70001}\n"
#define BOB   "{\"userName\":\"bob\",\"uid\":70002}\n"
#define STAFF "{\"groupName\":\"staff-x\",\"gid\":70010}\n"

static void
url_set(const char *path)
{
	free(conf.url);
	assert_true(asprintf(&conf.url, "%s%s", web->url, path) > 0);
}

/* Each test begins without a state, with version 5 published. */
static int
fresh(void **state)
{
	(void)state;
	shell("rm -rf src src.etag src.before kept; cp key.pub signers");
	conf = (struct conf_source){ .name = (char *)(uintptr_t) "src",
		.type = (char *)(uintptr_t) "bundle",
		.interval_s = 3600,
		.timeout_ms = 5000 };
	url_set("/users");
	conf.ca_file = strdup(endpoint_path("ca.pem"));
	conf.signers_file = strdup(endpoint_path("signers"));
	publish("\"version\":5", ALICE STAFF);
	return 0;
}

static int
after(void **state)
{
	(void)state;
	free(conf.url);
	free(conf.ca_file);
	free(conf.signers_file);
	free(conf.bearer_file);
	return 0;
}

static void
a_signed_document_brings_users_and_groups(void **state)
{
	struct source *s = source();
	struct stat st;

	(void)state;
	publish("\"version\":5",
	    ALICE STAFF "{\"userName\":\"-x\"}\n"
			"{\"userName\":\"carl\",\"uid\":\"no\"}\nnonsense\n");
	assert_null(source_set(s));
	assert_string_equal(synced(s), "");
	assert_int_equal(zt_set_users(source_set(s)), 1);
	assert_int_equal(zt_set_count(source_set(s)), 5);
	assert_non_null(zt_set_find(source_set(s), "user/alice")->user);
	assert_non_null(zt_set_find(source_set(s), "group/staff-x")->group);
	assert_non_null(zt_set_find(source_set(s), "user/carl")->why);
	assert_string_equal(zt_set_find(source_set(s), "user/carl")->name,
	    "carl");
	assert_non_null(zt_set_find(source_set(s), "line/4")->why);
	assert_null(zt_set_find(source_set(s), "line/4")->name);
	assert_non_null(zt_set_find(source_set(s), "line/6")->why);
	assert_int_equal(stat(endpoint_path("src"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	source_free(s);
}

static void
what_has_not_changed_is_not_sent_again_and_counts_as_contact(void **state)
{
	struct source *s = source();
	const struct zt_set *set;
	struct stat before, now;

	(void)state;
	assert_string_equal(synced(s), "");
	set = source_set(s);
	assert_int_equal(stat(endpoint_path("src"), &before), 0);
	s->clock->synced_ms = 1;
	shell("touch -d @1 src");
	assert_string_equal(synced(s), "");
	assert_ptr_equal(source_set(s), set);
	assert_true(s->clock->synced_ms > 1);
	assert_int_equal(stat(endpoint_path("src"), &now), 0);
	assert_int_equal(now.st_ino, before.st_ino); /* not rewritten */
	assert_true(now.st_mtim.tv_sec >= before.st_mtim.tv_sec);
	publish("\"version\":6", ALICE BOB);
	assert_string_equal(synced(s), "");
	assert_int_equal(zt_set_users(source_set(s)), 2);
	source_free(s);
}

static void
a_lower_version_is_refused_over_a_restart_too(void **state)
{
	struct source *s = source();

	(void)state;
	assert_string_equal(synced(s), "");
	for (int restarted = 0; restarted < 2; restarted++) {
		publish("\"version\":4", BOB);
		assert_error(synced(s), "lower");
		assert_error(s->clock->error, "4 after 5");
		assert_error(s->clock->error, endpoint_path("src"));
		publish("\"version\":5", BOB);
		assert_error(synced(s), "other content");
		assert_non_null(zt_set_find(source_set(s), "user/alice"));
		source_free(s);
		s = source();
	}
	publish("\"version\":6", BOB);
	assert_string_equal(synced(s), "");
	assert_null(zt_set_find(source_set(s), "user/alice"));
	source_free(s);
}

static void
without_the_last_version_no_document_is_taken(void **state)
{
	static const struct {
		const char *command, *error;
	} damages[] = {
		{ ": >src", "no bundle" },
		{ "echo '{}' >src", "no bundle" },
		{ "head -c 50 kept >src", "no bundle" },
		{ "sed s/:1,/:9,/ kept >src", "no bundle" }, /* a later one's */
		{ "chmod 620 src", "not a file of ztd's or root's alone" },
		{ "test $(id -u) != 0 && chmod 602 src || chown 1234 src",
		    "not a file of ztd's or root's alone" },
		{ "rm src; mkdir src", "not a file" },
		{ "rm src; ln -s kept src", "symbolic" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct source *s = source();

		publish("\"version\":5", ALICE STAFF);
		assert_string_equal(synced(s), "");
		source_free(s);
		shell("cp -p src kept; %s", damages[i].command);
		s = source();
		publish("\"version\":4", BOB);
		assert_error(synced(s), damages[i].error);
		assert_error(s->clock->error, endpoint_path("src"));
		assert_error(s->clock->error, "remove it");
		publish("\"version\":6", BOB);
		assert_error(synced(s), damages[i].error);
		assert_null(source_set(s));
		/* and is not cut */
		assert_true(strlen(s->clock->error) < SOURCE_WHY_MAX - 1);
		/* mended, its version counts; removed, any may come */
		publish("\"version\":4", BOB);
		shell("rm -rf src; mv kept src");
		assert_error(synced(s), "4 after 5");
		shell("rm src");
		assert_string_equal(synced(s), "");
		assert_int_equal(access(endpoint_path("src"), F_OK), 0);
		publish("\"version\":3", BOB);
		assert_error(synced(s), "3 after 4");
		source_free(s);
		shell("rm src");
	}
}

static void
a_state_that_is_removed_is_forgotten_without_a_restart(void **state)
{
	struct source *s = source();

	(void)state;
	assert_string_equal(synced(s), "");
	shell("rm src");
	assert_string_equal(synced(s), ""); /* the same is kept again */
	assert_int_equal(access(endpoint_path("src"), F_OK), 0);
	assert_int_equal(zt_set_users(source_set(s)), 1);
	publish("\"version\":4", BOB);
	assert_error(synced(s), "4 after 5");
	shell("rm src");
	assert_string_equal(synced(s), "");
	assert_non_null(zt_set_find(source_set(s), "user/bob"));
	source_free(s);
}

static bool
there(const char *file)
{
	return access(endpoint_path(file), F_OK) == 0;
}

static bool
is_user(struct source *s, const char *key)
{
	return zt_set_find(source_set(s), key) != NULL;
}

/* Held back, or not published for another reason. */
static void
what_was_not_in_force_is_not_after_a_restart(void **state)
{
	struct source *s = source();

	(void)state;
	assert_string_equal(synced(s), "");
	assert_false(there("src.before"));
	source_published(s, 1, 0);
	publish("\"version\":6", BOB);
	assert_string_equal(synced(s), "");
	assert_true(is_user(s, "user/bob"));
	publish("\"version\":7", BOB STAFF); /* nor that */
	assert_string_equal(synced(s), "");
	for (int restarted = 0; restarted < 2; restarted++) {
		source_free(s);
		s = source();
		assert_true(is_user(s, "user/alice"));
		assert_false(is_user(s, "user/bob"));
		source_published(s, 1, 0);
		assert_true(there("src.before"));
		/* its version counts, and it comes again */
		publish("\"version\":6", ALICE BOB);
		assert_error(synced(s), "6 after 7");
		publish("\"version\":7", ALICE BOB);
		assert_error(synced(s), "other content");
		assert_true(is_user(s, "user/alice"));
		publish("\"version\":7", BOB STAFF);
		assert_string_equal(synced(s), "");
		assert_true(is_user(s, "user/bob"));
		assert_true(there("src.before"));
	}
	source_published(s, 1, 0);
	assert_false(there("src.before"));
	source_free(s);
	s = source();
	assert_true(is_user(s, "user/bob"));
	source_free(s);
}

static void
what_is_in_force_is_kept_once(void **state)
{
	struct source *s = source();

	(void)state;
	assert_string_equal(synced(s), "");
	source_published(s, 1, 0);
	publish("\"version\":5", ALICE STAFF); /* signed anew */
	assert_string_equal(synced(s), "");
	assert_false(there("src.before"));
	/* one of another time, when an administrator began anew */
	shell("cp src src.before; rm src");
	publish("\"version\":3", BOB);
	assert_string_equal(synced(s), "");
	assert_false(there("src.before"));
	source_free(s);
}

/* The one that was in force cannot be read: nobody takes its place before the
 * next sync. */
static void
what_was_in_force_may_be_damaged(void **state)
{
	static const char *const damages[] = { "echo nonsense >src.before",
		"chmod 666 src.before" };

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct source *s = source();

		publish("\"version\":5", ALICE STAFF);
		assert_string_equal(synced(s), "");
		source_published(s, 1, 0);
		publish("\"version\":6", BOB);
		assert_string_equal(synced(s), "");
		source_free(s);
		shell("%s", damages[i]);
		s = source();
		assert_null(source_set(s));
		publish("\"version\":5", ALICE STAFF);
		assert_error(synced(s), "5 after 6");
		publish("\"version\":6", BOB);
		assert_string_equal(synced(s), "");
		source_published(s, 1, 0);
		assert_false(there("src.before"));
		source_free(s);
		shell("rm src");
	}
}

/* What the broker says goes to a file; the descriptor puts that right. */
static int
stderr_keep(void)
{
	const int kept = dup(STDERR_FILENO);
	const int file = open(endpoint_path("stderr"),
	    O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);

	assert_true(kept >= 0 && file >= 0);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(file), 0);
	return kept;
}

/* How often was an endless document warned of since it was last asked? */
static size_t
warnings(void)
{
	char text[8192];
	const ssize_t len = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);
	size_t n = 0;

	assert_true(len >= 0);
	text[len] = '\0';
	for (const char *p = text; (p = strstr(p, "never expires")) != NULL;
	     p++)
		n++;
	assert_int_equal(ftruncate(STDERR_FILENO, 0), 0);
	return n;
}

/* Is it so for ztctl? */
static bool
is_listed(const struct source *s)
{
	json_auto_t *status = source_status(s);
	const char *warning =
	    json_string_value(json_object_get(status, "warning"));

	return warning != NULL && strstr(warning, "never expires") != NULL;
}

static void
a_document_that_never_expires_is_warned_of_once(void **state)
{
	const int kept = stderr_keep();
	struct source *s = source();
	bool listed[2];
	size_t said[5];

	(void)state;
	(void)synced(s);
	publish("\"version\":6", BOB);
	(void)synced(s);
	said[0] = warnings();
	listed[0] = is_listed(s);
	publish("\"version\":7,\"expires\":4000000000", BOB);
	(void)synced(s);
	said[1] = warnings();
	listed[1] = is_listed(s);
	source_free(s);
	s = source();
	said[2] = warnings();
	publish("\"version\":8", BOB);
	(void)synced(s);
	said[3] = warnings();
	source_free(s);
	s = source(); /* the restored one */
	said[4] = warnings();
	source_free(s);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	(void)close(kept);
	assert_true(listed[0]);
	assert_false(listed[1]);
	assert_int_equal(said[0], 1);
	assert_int_equal(said[1], 0);
	assert_int_equal(said[2], 0);
	assert_int_equal(said[3], 1);
	assert_int_equal(said[4], 1);
}

static void
the_last_good_document_is_there_after_a_restart(void **state)
{
	struct source *s = source();
	int64_t synced_ms;

	(void)state;
	assert_string_equal(synced(s), "");
	synced_ms = s->clock->synced_ms;
	source_free(s);
	shell("mv users away");
	s = source();
	assert_int_equal(zt_set_users(source_set(s)), 1);
	assert_in_range(s->clock->synced_ms, synced_ms - 2000, synced_ms);
	assert_error(synced(s), "HTTP 404");
	assert_int_equal(zt_set_users(source_set(s)), 1);
	shell("mv away users");
	assert_string_equal(synced(s), ""); /* 304: by the kept ETag */
	source_free(s);
	/* a damaged one is not believed */
	shell("sed -i s/alice/alixe/ src");
	s = source();
	assert_null(source_set(s));
	assert_string_equal(synced(s), "");
	assert_non_null(zt_set_find(source_set(s), "user/alice"));
	source_free(s);
}

static void
only_a_signer_is_believed_and_the_file_is_read_each_time(void **state)
{
	struct source *s = source();

	(void)state;
	publish_as("other", "users@zt", "\"version\":7", BOB);
	assert_error(synced(s), "not among the signers");
	assert_null(source_set(s));
	shell("cat key.pub other.pub >signers");
	assert_string_equal(synced(s), "");
	assert_non_null(zt_set_find(source_set(s), "user/bob"));
	shell("cp key.pub signers"); /* the document is the same: still */
	assert_error(synced(s), "not among the signers");
	assert_non_null(zt_set_find(source_set(s), "user/bob"));
	source_free(s);
	s = source(); /* its signer is none any more, its version counts */
	assert_null(source_set(s));
	publish("\"version\":6", ALICE);
	assert_error(synced(s), "lower");
	publish("\"version\":7", BOB); /* the same, signed anew */
	assert_string_equal(synced(s), "");
	assert_non_null(zt_set_find(source_set(s), "user/bob"));
	source_free(s);
}

static void
what_is_signed_for_something_else_or_not_at_all_is_refused(void **state)
{
	struct source *s = source();

	(void)state;
	publish_as("key", "file", "\"version\":7", BOB);
	assert_error(synced(s), "namespace");
	shell("cp body users");
	assert_error(synced(s), "no SSH signature");
	publish("\"version\":7", BOB);
	shell("echo '" ALICE "' >>users");
	assert_error(synced(s), "signature is wrong");
	shell("echo >users");
	assert_error(synced(s), "no SSH signature");
	publish("\"version\":0", BOB);
	assert_error(synced(s), "version");
	publish("\"version\":\"7\"", BOB);
	assert_error(synced(s), "version");
	publish("\"version\":7,\"version\":7", BOB);
	assert_error(synced(s), "head");
	assert_null(source_set(s));
	source_free(s);
}

static void
an_expired_document_is_refused_and_says_so_when_it_is_the_last(void **state)
{
	struct source *s = source();
	char head[64];

	(void)state;
	publish("\"version\":6,\"expires\":1700000001", BOB);
	assert_error(synced(s), "expired");
	assert_null(source_set(s));
	(void)snprintf(head, sizeof(head), "\"version\":7,\"expires\":%lld",
	    (long long)time(NULL) + 2);
	publish(head, BOB);
	assert_string_equal(synced(s), "");
	(void)sleep(3);
	assert_error(synced(s), "expired");               /* 304 */
	assert_int_equal(zt_set_users(source_set(s)), 1); /* go on */
	assert_false(source_stale(s));
	s->clock->synced_ms -= 3600000;
	assert_error(synced(s), "expired"); /* no contact, however often */
	assert_true(source_stale(s));
	source_free(s);
	s = source(); /* over a restart, too */
	assert_int_equal(zt_set_users(source_set(s)), 1);
	assert_error(synced(s), "expired");
	assert_int_equal(zt_set_users(source_set(s)), 1);
	source_free(s);
}

static void
each_failure_names_its_file_or_url_and_a_next_step(void **state)
{
	struct source *s = source();

	(void)state;
	shell("rm signers");
	assert_error(synced(s), "No such file");
	shell("echo nonsense >signers");
	assert_error(synced(s), "signers, line 1: ");
	shell("cp key.pub signers; chmod 666 signers");
	assert_error(synced(s), "others may write");
	shell("chmod 644 signers");
	url_set("/redirect");
	assert_error(synced(s), "no redirect is followed");
	url_set("/status/304"); /* unasked */
	assert_error(synced(s), "HTTP 304");
	url_set("/status/403");
	assert_error(synced(s), "set bearer_file");
	free(conf.url);
	conf.url = strdup("https://127.0.0.1:1/users");
	assert_error(synced(s), "check url, ca_file and server");
	source_free(s);
	conf.bearer_file = strdup(endpoint_path("token"));
	s = source();
	assert_error(synced(s), "put the token there");
	endpoint_file("token", "tok-SECRET");
	shell("chmod 600 token");
	url_set("/status/401");
	assert_error(synced(s), "renew bearer_file");
	assert_null(strstr(s->clock->error, "SECRET"));
	source_free(s);
}

static void
a_source_may_go_while_it_fetches_or_reads(void **state)
{
	struct source *s = source();
	char *records;

	(void)state;
	url_set("/hang");
	conf.timeout_ms = 200;
	changes = 0;
	source_sync(s);
	for (int i = 0; i < 10; i++)
		(void)sd_event_run(asker_event, 10000);
	source_free(s);
	for (int i = 0; i < 20; i++) /* past the timeout */
		(void)sd_event_run(asker_event, 20000);
	assert_int_equal(changes, 0);
	conf.timeout_ms = 5000;
	url_set("/users");
	records = calloc(5000, 64);
	for (size_t i = 0, n = 0; i < 5000; i++)
		n += (size_t)sprintf(records + n,
		    "{\"userName\":\"u%zu\",\"uid\":%zu}\n", i, 70000 + i);
	publish("\"version\":9", records);
	free(records);
	s = source();
	source_sync(s);
	while (s->clock->done == 0)
		assert_true(sd_event_run(asker_event, 100000) >= 0);
	assert_int_equal(s->clock->done, 1000);
	assert_int_equal(s->clock->total, 5000);
	source_free(s);
	s = source();
	assert_string_equal(synced(s), "");
	assert_int_equal(zt_set_users(source_set(s)), 5000);
	source_free(s);
}

static int
begin(void **state)
{
	(void)endpoint_begin_bare(state);
	web = endpoint_web("server");
	shell("for k in key other; do ssh-keygen -q -t ed25519 -N '' -f $k; "
	      "done");
	return fetcher_new(asker_event, &fetcher) != ZT_OK;
}

static int
end(void **state)
{
	assert_true(requests("/users") > 0);
	fetcher_free(fetcher);
	return endpoint_end(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, after)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_signed_document_brings_users_and_groups),
		TEST(
		    what_has_not_changed_is_not_sent_again_and_counts_as_contact),
		TEST(a_lower_version_is_refused_over_a_restart_too),
		TEST(without_the_last_version_no_document_is_taken),
		TEST(a_state_that_is_removed_is_forgotten_without_a_restart),
		TEST(a_document_that_never_expires_is_warned_of_once),
		TEST(what_was_in_force_may_be_damaged),
		TEST(what_is_in_force_is_kept_once),
		TEST(what_was_not_in_force_is_not_after_a_restart),
		TEST(the_last_good_document_is_there_after_a_restart),
		TEST(only_a_signer_is_believed_and_the_file_is_read_each_time),
		TEST(
		    what_is_signed_for_something_else_or_not_at_all_is_refused),
		TEST(
		    an_expired_document_is_refused_and_says_so_when_it_is_the_last),
		TEST(each_failure_names_its_file_or_url_and_a_next_step),
		TEST(a_source_may_go_while_it_fetches_or_reads),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
