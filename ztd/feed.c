/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "feed.h"
#include "say.h"
#include "zt/auto.h"

#define REOPEN_US UINT64_C(1000000) /* between tries to start a new file */

struct feed {
	const struct zt_host *host; /* borrowed */
	char *path;
	struct zt_log *log;
	sd_event_source *io;
	sd_event_source *timer;
};

static int
on_completions(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct feed *feed = arg;

	(void)source;
	(void)fd;
	(void)events;
	zt_log_dispatch(feed->log);
	return 0;
}

/* While the log has failed, try a new file every second. */
static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct feed *feed = arg;
	struct zt_log_stats stats;

	(void)sd_event_source_set_time(source, usec + REOPEN_US);
	zt_log_stats(feed->log, &stats);
	if (!stats.failed)
		return 0;
	say(LOG_ERR, "%s: %s: nothing is permitted until it can be written",
	    feed->path, strerror(stats.failed_errno));
	if (zt_log_reopen(feed->log) == ZT_OK) {
		say(LOG_NOTICE, "%s: started anew", feed->path);
		feed_lifecycle(feed, ZT_LIFECYCLE_RECOVERED,
		    "the log failed and was started anew");
	}
	return 0;
}

static enum zt_err
feed_watch(struct feed *feed, sd_event *event)
{
	if (sd_event_add_io(event, &feed->io, zt_log_fd(feed->log), EPOLLIN,
		on_completions, feed) < 0 ||
	    sd_event_add_time_relative(event, &feed->timer, CLOCK_MONOTONIC,
		REOPEN_US, 0, on_timer, feed) < 0 ||
	    sd_event_source_set_enabled(feed->timer, SD_EVENT_ON) < 0)
		return ZT_ERR_NOMEM;
	return ZT_OK;
}

enum zt_err
feed_new(sd_event *event, const char *path, const struct zt_host *host,
    struct feed **out)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	bool torn = false;
	enum zt_err err;

	if (feed == NULL)
		return ZT_ERR_NOMEM;
	feed->host = host;
	feed->path = strdup(path);
	err = feed->path == NULL ? ZT_ERR_NOMEM
				 : zt_log_open(path, &torn, &feed->log);
	if (err == ZT_OK)
		err = feed_watch(feed, event);
	if (err != ZT_OK) {
		feed_free(feed);
		return err;
	}
	if (torn)
		feed_lifecycle(feed, ZT_LIFECYCLE_RECOVERED,
		    "the last line was torn and set aside");
	*out = feed;
	return ZT_OK;
}

enum zt_err
feed_attempt(struct feed *feed, const struct zt_attempt *attempt,
    const struct zt_outcome *outcome, zt_log_done *done, void *arg)
{
	char *line;
	size_t len;
	enum zt_err err;

	err = zt_record_attempt(attempt, outcome, zt_log_next(feed->log), &line,
	    &len);
	if (err != ZT_OK)
		return err;
	return zt_log_submit(feed->log, line, len, done, arg);
}

void
feed_lifecycle(struct feed *feed, enum zt_lifecycle what, const char *detail)
{
	char *line;
	size_t len;
	enum zt_err err;

	err = zt_record_lifecycle(what, feed->host, detail,
	    zt_log_next(feed->log), &line, &len);
	if (err == ZT_OK)
		err = zt_log_submit(feed->log, line, len, NULL, NULL);
	if (err != ZT_OK)
		say(LOG_ERR, "%s: lifecycle record lost: %s", feed->path,
		    zt_strerror(err));
}

bool
feed_works(struct feed *feed)
{
	struct zt_log_stats stats;

	zt_log_stats(feed->log, &stats);
	return !stats.failed;
}

json_t *
feed_status(struct feed *feed)
{
	struct zt_log_stats stats;

	zt_log_stats(feed->log, &stats);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:s?}", "file",
	    feed->path, "next", (json_int_t)stats.next, "lines",
	    (json_int_t)stats.lines, "commits", (json_int_t)stats.commits,
	    "failures", (json_int_t)stats.failures, "failed", (int)stats.failed,
	    "error", stats.failed ? strerror(stats.failed_errno) : NULL);
}

void
feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	(void)sd_event_source_disable_unref(feed->io);
	(void)sd_event_source_disable_unref(feed->timer);
	zt_log_close(feed->log);
	free(feed->path);
	free(feed);
}
