/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_USERS_STATE_H
#define ZTD_USERS_STATE_H

#include "users.h"

/* What users.c keeps, for the files that answer from it. */
struct users {
	sd_event *event;                /* borrowed */
	const struct conf *conf;        /* borrowed */
	char *etc;                      /* owned */
	struct zt_olddirectory *directory; /* owned; NULL if never loaded */
	int64_t loaded_ms;              /* wall clock; of directory */
	enum zt_err err;                /* how the last load ended */
	int err_errno;                  /* its errno if ZT_ERR_SYS */
	sd_event_source *watch_dir;     /* owned; NULL while there is none */
	sd_event_source *watch_etc;
	sd_event_source *timer; /* owned; one-shot */
	bool soon;              /* timer waits for a burst to end */
};

#endif /* ZTD_USERS_STATE_H */
