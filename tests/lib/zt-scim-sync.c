/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zt-scim-sync: one sync of a SCIM source as the broker makes it, and what it
 * brought, for the interop tests.
 *
 * What it remembers in DIR the next run goes on from.  The first line of its
 * output is "done", "same" or "fail WHY"; then each record of the set that is
 * in force, sorted.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../ztd/fetch.h"
#include "../../ztd/source_clock.h"

#define DEADLINE_US (120 * UINT64_C(1000000))

static const char usage[] =
    "usage: zt-scim-sync --url URL --state DIR [--ca PEM]\n"
    "              [--bearer-file FILE] [--token-url URL --client-id ID\n"
    "              --secret-file FILE] [--page-size N] [--timeout-ms N]\n"
    "              [--full-interval S] [--user-filter F] [--attr-name PATH]\n";

static char name[] = "scim", type[] = "scim";
static struct conf_source conf = { .name = name,
	.type = type,
	.interval_s = 300,
	.timeout_ms = 30000,
	.page_size = 200,
	.full_interval_s = 3600 };
static const char *state_dir;
static struct zt_set *before; /* for its address alone */

static void
options_read(int argc, char **argv)
{
	static const struct option names[] = {
		{ "url", required_argument, NULL, 'u' },
		{ "ca", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "bearer-file", required_argument, NULL, 'b' },
		{ "token-url", required_argument, NULL, 't' },
		{ "client-id", required_argument, NULL, 'i' },
		{ "secret-file", required_argument, NULL, 'S' },
		{ "page-size", required_argument, NULL, 'p' },
		{ "timeout-ms", required_argument, NULL, 'T' },
		{ "full-interval", required_argument, NULL, 'f' },
		{ "user-filter", required_argument, NULL, 'F' },
		{ "attr-name", required_argument, NULL, 'n' },
		{ 0 },
	};
	char *state = NULL;
	char **texts[] = { ['u'] = &conf.url,
		['c'] = &conf.ca_file,
		['s'] = &state,
		['b'] = &conf.bearer_file,
		['t'] = &conf.token_url,
		['i'] = &conf.client_id,
		['S'] = &conf.client_secret_file,
		['F'] = &conf.user_filter,
		['n'] = &conf.attr_name };
	unsigned *numbers[] = { ['p'] = &conf.page_size,
		['T'] = &conf.timeout_ms,
		['f'] = &conf.full_interval_s };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'p' || c == 'T' || c == 'f')
			*numbers[c] = (unsigned)strtoul(optarg, NULL, 10);
		else if (c != '?' && texts[c] != NULL)
			*texts[c] = optarg;
		else
			exit((fputs(usage, stderr), 2));
	}
	state_dir = state;
	if (optind != argc || conf.url == NULL || state_dir == NULL)
		exit((fputs(usage, stderr), 2));
}

static void
print_user(const char *key, const struct zt_user *user)
{
	(void)printf("user %s %s %u %u \"%s\" %s %s%s\n", key, user->name,
	    user->uid, user->gid, user->gecos, user->home, user->shell,
	    user->locked ? " locked" : "");
}

static void
print_group(const char *key, const struct zt_group *group)
{
	(void)printf("group %s %s %u", key, group->name, group->gid);
	for (size_t i = 0; i < group->n_members; i++)
		(void)printf(" %s", group->members[i]);
	(void)puts("");
}

static void
print_set(const struct zt_set *set)
{
	for (size_t i = 0; set != NULL && i < zt_set_count(set); i++) {
		const struct zt_set_record *record = zt_set_at(set, i);

		if (record->user != NULL)
			print_user(record->key, record->user);
		else if (record->group != NULL)
			print_group(record->key, record->group);
		else
			(void)printf("refused %s %s: %s\n", record->key,
			    record->name == NULL ? "-" : record->name,
			    record->why);
	}
}

/* The sync has ended, in one way or another. */
static void
on_changed(void *arg, struct source *s)
{
	if (s->clock->error[0] != '\0')
		(void)printf("fail %s\n", s->clock->error);
	else
		(void)puts(source_set(s) == before ? "same" : "done");
	source_published(s, 0, 0);
	print_set(source_set(s));
	(void)sd_event_exit(arg, s->clock->error[0] != '\0');
}

static int
on_deadline(sd_event_source *timer, uint64_t usec, void *arg)
{
	(void)timer;
	(void)usec;
	(void)puts("fail no end of the sync");
	return sd_event_exit(arg, 3);
}

int
main(int argc, char **argv)
{
	struct source_options options = { .changed = on_changed,
		.max_loss_percent = 100,
		.stale_after_s = 3600 };
	struct source *source = NULL;
	sd_event *event = NULL;
	int status = 2;

	options_read(argc, argv);
	(void)mkdir(state_dir, 0700);
	if (sd_event_new(&event) < 0 ||
	    fetcher_new(event, &options.fetcher) != ZT_OK ||
	    sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC,
		DEADLINE_US, 0, on_deadline, event) < 0)
		return 2;
	options.event = event;
	options.arg = event;
	options.state_dir = state_dir;
	if (source_new(&conf, &options, &source) == ZT_OK) {
		before = source_set(source);
		source_sync(source);
		status = sd_event_loop(event);
	}
	source_free(source);
	fetcher_free(options.fetcher);
	(void)sd_event_unref(event);
	return status;
}
