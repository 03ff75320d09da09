/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "multi.h"
#include "stamp.h"
#include "zt/auto.h"

/* sd-event may fire this much late to bundle wakeups; 0 means 250 ms */
#define TIMER_ACCURACY_US 1

struct multi {
	sd_event *event; /* borrowed */
	CURLM *curlm;
	sd_event_source *timer;
	sd_event_source *soon; /* for a timeout of 0 */
	multi_done *done;
	bool busy; /* inside dispatch */
	bool dead; /* free at its end */
};

static uint64_t
now_us(void)
{
	return (uint64_t)stamp_monotonic_us();
}

static void
multi_destroy(struct multi *m)
{
	/* calls on_socket and on_timer for the last time */
	(void)curl_multi_cleanup(m->curlm);
	sd_event_source_disable_unref(m->timer);
	sd_event_source_disable_unref(m->soon);
	free(m);
	curl_global_cleanup(); /* counted: the last one counts */
}

/* Hand out what has ended.  done may add, remove and free. */
static void
multi_harvest(struct multi *m)
{
	CURLMsg *msg;
	int left;

	while (!m->dead &&
	    (msg = curl_multi_info_read(m->curlm, &left)) != NULL) {
		CURL *easy = msg->easy_handle;
		CURLcode code = msg->data.result; /* msg dies with removal */
		void *arg = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &arg);
		(void)curl_multi_remove_handle(m->curlm, easy);
		m->done(arg, easy, code);
	}
}

static void
multi_dispatch(struct multi *m, curl_socket_t fd, int what)
{
	int running;

	m->busy = true;
	(void)curl_multi_socket_action(m->curlm, fd, what, &running);
	multi_harvest(m);
	m->busy = false;
	if (m->dead)
		multi_destroy(m);
}

static int
on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	int what = 0;

	(void)source;
	if ((revents & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0)
		what |= CURL_CSELECT_IN;
	if ((revents & EPOLLOUT) != 0)
		what |= CURL_CSELECT_OUT;
	if ((revents & EPOLLERR) != 0)
		what |= CURL_CSELECT_ERR;
	multi_dispatch(arg, fd, what);
	return 0;
}

static int
on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	multi_dispatch(arg, CURL_SOCKET_TIMEOUT, 0);
	return 0;
}

static int
on_soon(sd_event_source *source, void *arg)
{
	(void)source;
	multi_dispatch(arg, CURL_SOCKET_TIMEOUT, 0);
	return 0;
}

/* libcurl's CURLMOPT_SOCKETFUNCTION; watch is what we assigned to fd. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watch)
{
	struct multi *m = arg;
	sd_event_source *source = watch;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		(void)curl_multi_assign(m->curlm, fd, NULL);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		events |= EPOLLIN;
	if ((what & CURL_POLL_OUT) != 0)
		events |= EPOLLOUT;
	if (source != NULL)
		return sd_event_source_set_io_events(source, events) < 0 ? -1
									 : 0;
	if (sd_event_add_io(m->event, &source, fd, events, on_io, m) < 0)
		return -1;
	(void)curl_multi_assign(m->curlm, fd, source);
	return 0;
}

/*
 * libcurl's CURLMOPT_TIMERFUNCTION.  It must not be called back from here,
 * not even for 0: the loop does it, at once and without a clock, for every
 * request begins with that.
 */
static int
on_timer(CURLM *curlm, long timeout_ms, void *arg)
{
	struct multi *m = arg;
	const int timer = timeout_ms > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF;
	const int soon = timeout_ms == 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF;

	(void)curlm;
	if (timeout_ms > 0 &&
	    sd_event_source_set_time(m->timer,
		now_us() + (uint64_t)timeout_ms * 1000) < 0)
		return -1;
	if (sd_event_source_set_enabled(m->timer, timer) < 0 ||
	    sd_event_source_set_enabled(m->soon, soon) < 0)
		return -1;
	return 0;
}

static enum zt_err
multi_set(struct multi *m)
{
	bool ok = curl_multi_setopt(m->curlm, CURLMOPT_SOCKETFUNCTION,
		      on_socket) == CURLM_OK &&
	    curl_multi_setopt(m->curlm, CURLMOPT_SOCKETDATA, m) == CURLM_OK &&
	    curl_multi_setopt(m->curlm, CURLMOPT_TIMERFUNCTION, on_timer) ==
		CURLM_OK &&
	    curl_multi_setopt(m->curlm, CURLMOPT_TIMERDATA, m) == CURLM_OK &&
	    curl_multi_setopt(m->curlm, CURLMOPT_MAX_HOST_CONNECTIONS,
		(long)MULTI_HOST_CONNECTIONS_MAX) == CURLM_OK &&
	    curl_multi_setopt(m->curlm, CURLMOPT_MAXCONNECTS,
		(long)MULTI_CONNECTIONS_MAX) == CURLM_OK;

	return ok ? ZT_OK : ZT_ERR_INVAL;
}

enum zt_err
multi_new(sd_event *event, multi_done *done, struct multi **out)
{
	struct multi *m;
	enum zt_err err = ZT_ERR_NOMEM;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ZT_ERR_NOMEM;
	if ((m = calloc(1, sizeof(*m))) == NULL) {
		curl_global_cleanup();
		return ZT_ERR_NOMEM;
	}
	m->event = event;
	m->done = done;
	m->curlm = curl_multi_init();
	if (m->curlm != NULL &&
	    sd_event_add_time(event, &m->timer, CLOCK_MONOTONIC, 0,
		TIMER_ACCURACY_US, on_time, m) >= 0 &&
	    sd_event_source_set_enabled(m->timer, SD_EVENT_OFF) >= 0 &&
	    sd_event_add_defer(event, &m->soon, on_soon, m) >= 0 &&
	    sd_event_source_set_enabled(m->soon, SD_EVENT_OFF) >= 0)
		err = multi_set(m);
	if (err != ZT_OK) {
		multi_destroy(m);
		return err;
	}
	*out = m;
	return ZT_OK;
}

enum zt_err
multi_add(struct multi *m, CURL *easy, void *arg)
{
	if (curl_easy_setopt(easy, CURLOPT_PRIVATE, arg) != CURLE_OK ||
	    curl_multi_add_handle(m->curlm, easy) != CURLM_OK)
		return ZT_ERR_NOMEM;
	return ZT_OK;
}

void
multi_remove(struct multi *m, CURL *easy)
{
	(void)curl_multi_remove_handle(m->curlm, easy);
}

void
multi_free(struct multi *m)
{
	if (m == NULL)
		return;
	m->dead = true;
	if (!m->busy)
		multi_destroy(m);
}
