/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>

#include "users_state.h"
#include "zt/auto.h"
#include "zt/time.h"

#define DEBOUNCE_MS 50   /* changes come in bursts */
#define RETRY_MS    2000 /* after a load that failed */
#define ETC_DEFAULT "/etc"

/* What a changed record, or a change of the directory itself, looks like. */
#define WATCH_MASK                                                  \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | \
	    IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | \
	    IN_ONLYDIR)
#define WATCH_LOST (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)

enum zt_err
users_local_only(void)
{
	static const char *const databases[] = { "passwd", "group",
		"initgroups", "shadow", "gshadow" };

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		if (__nss_configure_lookup(databases[i], "files") != 0)
			return ZT_ERR_SYS;
	return ZT_OK;
}

/* Load afresh; what was loaded before stays if that fails. */
static enum zt_err
load(struct users *users)
{
	const struct conf *conf = users->conf;
	const struct zt_oldrules rules = {
		.id_min = conf->identity.id_min,
		.id_max = conf->identity.id_max,
		.allow_groups =
		    (const char *const *)conf->identity.allow_groups.words,
		.n_allow_groups = conf->identity.allow_groups.n,
		.etc = users->etc,
	};
	struct zt_olddirectory *directory;
	struct timespec now;
	enum zt_err err;

	err = zt_olddirectory_load(conf->identity.users_dir, &rules, &directory);
	if (err != ZT_OK)
		return err;
	zt_olddirectory_free(users->directory);
	users->directory = directory;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	users->loaded_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	return ZT_OK;
}

static int on_change(sd_event_source *source, const struct inotify_event *event,
    void *arg);

static bool
is_account_file(const char *name)
{
	return strcmp(name, "passwd") == 0 || strcmp(name, "group") == 0 ||
	    strcmp(name, "subuid") == 0 || strcmp(name, "subgid") == 0;
}

/* Arm the one timer, unless it is. */
static int
arm(struct users *users, unsigned ms)
{
	int enabled, r;

	if ((r = sd_event_source_get_enabled(users->timer, &enabled)) < 0)
		return r;
	if (enabled != SD_EVENT_OFF)
		return 0;
	r = sd_event_source_set_time_relative(users->timer,
	    (uint64_t)ms * 1000);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(users->timer, SD_EVENT_ONESHOT);
}

/* Begin to watch what is not watched; a missing directory is tried later. */
static void
watch(struct users *users)
{
	if (users->watch_dir == NULL)
		(void)sd_event_add_inotify(users->event, &users->watch_dir,
		    users->conf->identity.users_dir, WATCH_MASK, on_change,
		    users);
	if (users->watch_etc == NULL)
		(void)sd_event_add_inotify(users->event, &users->watch_etc,
		    users->etc, WATCH_MASK, on_change, users);
}

/* Watch first, then load: a change in between is not missed. */
static void
reload(struct users *users)
{
	watch(users);
	users->err = load(users);
	users->err_errno = errno;
	if (users->err != ZT_OK || users->watch_dir == NULL ||
	    users->watch_etc == NULL)
		(void)arm(users, RETRY_MS);
}

static int
on_change(sd_event_source *source, const struct inotify_event *event, void *arg)
{
	struct users *users = arg;

	if (source == users->watch_etc && event->len > 0 &&
	    !is_account_file(event->name))
		return 0;
	if ((event->mask & WATCH_LOST) != 0) {
		if (source == users->watch_dir)
			users->watch_dir = NULL;
		if (source == users->watch_etc)
			users->watch_etc = NULL;
		(void)sd_event_source_disable_unref(source);
	}
	if (users->soon)
		return 0; /* not later for every further change */
	users->soon = true;
	(void)sd_event_source_set_enabled(users->timer, SD_EVENT_OFF);
	return arm(users, DEBOUNCE_MS);
}

static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct users *users = arg;

	(void)source;
	(void)usec;
	users->soon = false;
	reload(users);
	return 0;
}

static void
usersp_free(struct users **users)
{
	users_free(*users);
}

enum zt_err
users_new(sd_event *event, const struct conf *conf, const char *etc,
    struct users **out)
{
	zt_auto(usersp_free) struct users *users = calloc(1, sizeof(*users));

	if (users == NULL)
		return ZT_ERR_NOMEM;
	users->event = event;
	users->conf = conf;
	users->etc = strdup(etc != NULL ? etc : ETC_DEFAULT);
	if (users->etc == NULL)
		return ZT_ERR_NOMEM;
	if (sd_event_add_time_relative(event, &users->timer, CLOCK_MONOTONIC, 0,
		1, on_timer, users) < 0 ||
	    sd_event_source_set_enabled(users->timer, SD_EVENT_OFF) < 0)
		return ZT_ERR_SYS;
	reload(users);
	*out = zt_take(users);
	return ZT_OK;
}

void
users_free(struct users *users)
{
	if (users == NULL)
		return;
	(void)sd_event_source_disable_unref(users->watch_dir);
	(void)sd_event_source_disable_unref(users->watch_etc);
	(void)sd_event_source_disable_unref(users->timer);
	zt_olddirectory_free(users->directory);
	free(users->etc);
	free(users);
}

const struct zt_olddirectory *
users_directory(const struct users *users)
{
	return users->directory;
}

static size_t
count_users(const struct zt_olddirectory *directory)
{
	size_t n = 0;

	while (directory != NULL && zt_olddirectory_user_at(directory, n) != NULL)
		n++;
	return n;
}

static size_t
count_groups(const struct zt_olddirectory *directory)
{
	size_t n = 0;

	while (directory != NULL && zt_olddirectory_group_at(directory, n) != NULL)
		n++;
	return n;
}

/* The first refusals; file names are anything, so they are escaped. */
static json_t *
refusals_status(const struct zt_oldrefusal *refusals, size_t n)
{
	json_t *list = json_array();
	char file[256 * ZT_ESCAPE_GROWTH]; /* NAME_MAX is 255 */

	for (size_t i = 0; i < n && i < USERS_STATUS_REFUSED_MAX; i++) {
		(void)zt_escape(file, sizeof(file), zt_str(refusals[i].file));
		(void)json_array_append_new(list,
		    json_pack("{s:s, s:s}", "file", file, "why",
			refusals[i].why));
	}
	return list;
}

/* Why the last load failed; NULL if it did not. */
static const char *
load_error(const struct users *users)
{
	if (users->err == ZT_OK)
		return NULL;
	if (users->err == ZT_ERR_SYS)
		return strerrordesc_np(users->err_errno);
	if (users->err == ZT_ERR_DENIED)
		return "others than root can write to identity.users_dir";
	if (users->err == ZT_ERR_TOOBIG)
		return "identity.users_dir or a local account file is too large";
	return zt_strerror(users->err);
}

json_t *
users_status(const struct users *users)
{
	const struct zt_oldrefusal *refusals = NULL;
	const char *loaded = NULL;
	char text[ZT_TIME_MAX];
	size_t n = 0;

	if (users->directory != NULL) {
		refusals = zt_olddirectory_refusals(users->directory, &n);
		if (zt_time_ms(users->loaded_ms, text) == ZT_OK)
			loaded = text;
	}
	return json_pack("{s:I, s:I, s:o, s:I, s:s?, s:s?}", "users",
	    (json_int_t)count_users(users->directory), "groups",
	    (json_int_t)count_groups(users->directory), "refused",
	    refusals_status(refusals, n), "refused_total", (json_int_t)n,
	    "loaded", loaded, "error", load_error(users));
}
