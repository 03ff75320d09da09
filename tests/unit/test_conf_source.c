/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../ztd/conf_key.h"
#include "zt/auto.h"

/* [source NAME] sections and the order of sources. */

#define LEAST "[pdp]\nurl = https://a/\n[credential]\nca_file = /ca\n"
#define BUNDLE(name)                                            \
	"[source " name "]\ntype = bundle\nurl = https://b/u\n" \
	"signers_file = /s\n"
#define SCIM(name) "[source " name "]\ntype = scim\nurl = https://s/v2\n"

static struct conf *
parsed(const char *more)
{
	char text[4096], error[CONF_ERROR_MAX] = "";
	struct conf *conf = NULL;

	(void)snprintf(text, sizeof(text), "%s%s", LEAST, more);
	if (conf_parse(text, "conf", &conf, error) != ZT_OK)
		fail_msg("%s", error);
	return conf;
}

/* more is refused in its line (LEAST has 4), for what the error says. */
static void
refused(const char *more, unsigned line, const char *says)
{
	char text[4096], error[CONF_ERROR_MAX] = "", at[32];
	struct conf *conf = NULL;

	(void)snprintf(text, sizeof(text), "%s%s", LEAST, more);
	(void)snprintf(at, sizeof(at), "conf:%u:", 4 + line);
	assert_int_equal(conf_parse(text, "conf", &conf, error),
	    ZT_ERR_MALFORMED);
	assert_null(conf);
	if (strncmp(error, at, strlen(at)) != 0 || strstr(error, says) == NULL)
		fail_msg("want %s ... %s, got %s", at, says, error);
}

static void
without_sections_the_directory_is_the_only_source(void **state)
{
	zt_auto(conf_freep) struct conf *c = parsed("");

	(void)state;
	assert_int_equal(c->n_sources, 1);
	assert_string_equal(c->sources[0].name, "files");
	assert_string_equal(c->sources[0].type, "files");
	assert_string_equal(c->sources[0].dir, "/etc/ztd/users.d");
	assert_int_equal(c->identity.max_loss_percent, 20);
	assert_int_equal(c->identity.stale_after_s, 86400);
}

static void
every_key_is_stored(void **state)
{
	zt_auto(conf_freep) struct conf *c = parsed(
	    "[identity]\nid_overrides = hr/a:b/c:70001\n  corp/x:70002\n"
	    "max_loss_percent = 0\nstale_after = 1m\n" BUNDLE(
		"corp") "ca_file = /ca2\nbearer_file = /t\ninterval = 5s\n"
			"timeout_ms = 100\n" SCIM(
			    "hr") "token_url = https://t/\nclient_id = a b\n"
				  "client_secret_file = /c\ntoken_scope = x y\n"
				  "user_filter = userType eq \"Employee\"\ngroup_filter = g pr\n"
				  "attr_name = a1\nattr_uid = urn:x:User:uid\nattr_gid = a3\n"
				  "attr_gecos = a4\nattr_home = a5\nattr_shell = a6\n"
				  "attr_group_name = a7\nattr_group_gid = a8\npage_size = 7\n"
				  "full_interval = 2h\nlookup = yes\n");
	const struct conf_source *corp = &c->sources[1], *hr = &c->sources[2];

	(void)state;
	assert_int_equal(c->n_sources, 3);
	assert_string_equal(c->identity.id_overrides.words[0],
	    "hr/a:b/c:70001");
	assert_string_equal(corp->name, "corp");
	assert_string_equal(corp->url, "https://b/u");
	assert_string_equal(corp->signers_file, "/s");
	assert_string_equal(corp->ca_file, "/ca2");
	assert_string_equal(corp->bearer_file, "/t");
	assert_int_equal(corp->interval_s, 5);
	assert_int_equal(corp->timeout_ms, 100);
	assert_string_equal(hr->token_url, "https://t/");
	assert_string_equal(hr->client_id, "a b");
	assert_string_equal(hr->client_secret_file, "/c");
	assert_string_equal(hr->token_scope, "x y");
	assert_string_equal(hr->user_filter, "userType eq \"Employee\"");
	assert_string_equal(hr->group_filter, "g pr");
	assert_string_equal(hr->attr_name, "a1");
	assert_string_equal(hr->attr_uid, "urn:x:User:uid");
	assert_string_equal(hr->attr_gid, "a3");
	assert_string_equal(hr->attr_gecos, "a4");
	assert_string_equal(hr->attr_home, "a5");
	assert_string_equal(hr->attr_shell, "a6");
	assert_string_equal(hr->attr_group_name, "a7");
	assert_string_equal(hr->attr_group_gid, "a8");
	assert_int_equal(hr->page_size, 7);
	assert_int_equal(hr->full_interval_s, 7200);
	assert_true(hr->lookup);
	/* and what was not given has its default */
	assert_int_equal(hr->interval_s, 300);
	assert_int_equal(hr->timeout_ms, 30000);
	assert_int_equal(corp->page_size, 200);
	assert_int_equal(corp->full_interval_s, 3600);
	assert_false(corp->lookup);
}

static void
the_order_is_that_of_the_file_or_of_the_list(void **state)
{
	zt_auto(conf_freep) struct conf *as_it_stands =
	    parsed(BUNDLE("b") BUNDLE("a"));
	zt_auto(conf_freep) struct conf *listed =
	    parsed("[identity]\nsources = a files b\n" BUNDLE("b") BUNDLE("a"));
	zt_auto(conf_freep) struct conf *alone =
	    parsed("[identity]\nsources = a\n" BUNDLE("a"));

	(void)state;
	assert_string_equal(as_it_stands->sources[0].name, "files");
	assert_string_equal(as_it_stands->sources[1].name, "b");
	assert_string_equal(as_it_stands->sources[2].name, "a");
	assert_string_equal(listed->sources[0].name, "a");
	assert_string_equal(listed->sources[1].name, "files");
	assert_string_equal(listed->sources[2].name, "b");
	assert_int_equal(alone->n_sources, 1);
}

static void
what_a_source_lacks_or_cannot_use_is_refused(void **state)
{
	(void)state;
	refused("[source x]\nurl = https://b/\n", 2, "type is missing");
	refused("[source x]\ntype = ldap\n", 2, "cannot use");
	refused("[source x]\ntype = bundle\nurl = https://b/\n", 2,
	    "signers_file is missing");
	refused("[source x]\ntype = files\n", 2, "dir is missing");
	refused("[source x]\ntype = files\ndir = /d\nurl = https://b/\n", 2,
	    "url means nothing");
	refused(BUNDLE("x") "lookup = yes\n", 2, "lookup means nothing");
	refused(SCIM("x"), 2, "no way to authenticate");
	refused(SCIM("x") "bearer_file = /t\nclient_id = c\n", 2,
	    "no way to authenticate");
	refused(SCIM("x") "token_url = https://t/\nclient_id = c\n", 2,
	    "no way to authenticate");
	refused("[source files]\ntype = files\ndir = /d\n", 2, "name is taken");
	refused("[source x.etag]\ntype = files\ndir = /d\n", 2, "a dot");
	refused("[source x]\ntype = bundle\nurl = http://b/\n", 3,
	    "cannot use");
	refused(BUNDLE("x") "nonsense = 1\n", 5, "unknown key");
	refused(BUNDLE("x") "url = https://c/\n", 5, "given twice");
	refused(BUNDLE("x") "interval = 5s\n  6s\n", 6, "indented");
	refused("[source a:b]\ntype = bundle\n", 1, "unknown section");
	refused("[identity]\nsources = y\n" BUNDLE("x"), 2,
	    "there is no [source]");
	refused("[identity]\nsources = files\n" BUNDLE("x"), 4,
	    "not in [identity] sources");
	refused("[identity]\nid_overrides = corp/:70001\n", 2, "cannot use");
	refused("[identity]\nid_overrides = corp/a:999\n", 2, "cannot use");
	refused("[identity]\nid_overrides = corp:70001\n", 2, "cannot use");
}

static void
there_are_at_most_fifteen_sections(void **state)
{
	char text[4096] = "";
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < 15; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "[source s%u]\ntype = files\ndir = /d\n", i);
	conf_free(parsed(text));
	(void)snprintf(text + len, sizeof(text) - len,
	    "[source one-more]\ntype = files\ndir = /d\n");
	refused(text, 47, "too many sections");
}

/* ztd.conf(5) names each key, its default and its range. */
static void
the_manual_names_every_key(void **state)
{
	char manual[65536], want[256];
	FILE *f = fopen("docs/man/ztd.conf.5", "re");
	const char *section, *about;
	size_t len;

	(void)state;
	assert_non_null(f);
	len = fread(manual, 1, sizeof(manual) - 1, f);
	manual[len] = '\0';
	assert_int_equal(fclose(f), 0);
	section = strstr(manual, ".Ss Section source NAME");
	assert_non_null(section);
	for (size_t i = 0; i < conf_source_n_keys; i++) {
		const struct conf_key *key = &conf_source_keys[i];
		const char *const says[] = { key->def, key->min, key->max };

		(void)snprintf(want, sizeof(want), " %s", key->name);
		if ((about = strstr(section, want)) == NULL)
			fail_msg("the manual lacks %s", key->name);
		for (size_t j = 0; j < 3; j++) {
			(void)snprintf(want, sizeof(want), ".Ql %s",
			    says[j] == NULL ? "" : says[j]);
			if (strstr(about, want) == NULL)
				fail_msg("the manual lacks %s of %s", want,
				    key->name);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    without_sections_the_directory_is_the_only_source),
		cmocka_unit_test(every_key_is_stored),
		cmocka_unit_test(the_order_is_that_of_the_file_or_of_the_list),
		cmocka_unit_test(what_a_source_lacks_or_cannot_use_is_refused),
		cmocka_unit_test(there_are_at_most_fifteen_sections),
		cmocka_unit_test(the_manual_names_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
