/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of ztctl identity share: the snapshot. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zt/time.h"
#include "ztctl_identity.h"
#include "ztctl_print.h"

uint64_t
identity_now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* zt_snapshot_open() leaves errno alone: ask again. */
static const char *
access_why(const char *path)
{
	return access(path, R_OK) == 0 ? "it cannot be mapped"
				       : strerror(errno);
}

const char *
identity_open_why(const char *path, enum zt_err err)
{
	switch (err) {
	case ZT_ERR_UNAVAIL:
	case ZT_ERR_NOTFOUND:
		return "there is no snapshot of users yet";
	case ZT_ERR_IMPOSTOR:
		return "others than its owner could have written it, or it is "
		       "no regular file";
	case ZT_ERR_VERSION:
		return "it is in the format of another version";
	case ZT_ERR_SYS:
		return access_why(path);
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TOOBIG:
		return "it is damaged";
	case ZT_OK:
	case ZT_ERR_NOMEM:
	case ZT_ERR_INVAL:
	case ZT_ERR_DENIED:
	case ZT_ERR_TIMEOUT:
		break;
	}
	return zt_strerror(err);
}

const char *
identity_open_remedy(enum zt_err err)
{
	switch (err) {
	case ZT_ERR_UNAVAIL:
	case ZT_ERR_NOTFOUND:
		return "start ztd, which writes it (systemctl start ztd), then "
		       "see ztctl identity sources";
	case ZT_ERR_IMPOSTOR:
		return "find out who wrote it; give it and its directory to "
		       "ztd, without group and others: chown ztd, chmod go-w";
	case ZT_ERR_VERSION:
		return "restart the broker, which writes it anew: systemctl "
		       "restart ztd";
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TOOBIG:
		return "restart the broker, which writes it anew (systemctl "
		       "restart ztd), and look for what damaged it";
	case ZT_OK:
	case ZT_ERR_NOMEM:
	case ZT_ERR_SYS:
	case ZT_ERR_INVAL:
	case ZT_ERR_DENIED:
	case ZT_ERR_TIMEOUT:
		break;
	}
	return "look at the file and at its directory";
}

enum ztctl_status
identity_open(const struct ztctl_options *options, struct zt_snapshot *out)
{
	struct zt_snapshot_file file;
	enum zt_err err = zt_snapshot_open(options->snapshot, out, &file);

	if (err == ZT_OK)
		return ZTCTL_OK;
	print_failure("%s: %s", options->snapshot,
	    identity_open_why(options->snapshot, err));
	print_failure("next: %s", identity_open_remedy(err));
	return ZTCTL_SYSTEM;
}

const char *
identity_state(const struct zt_snapshot_user *user, uint64_t now_us)
{
	if (user->locked)
		return "locked";
	if (now_us < user->not_before_us)
		return "not yet valid";
	if (now_us > user->not_after_us)
		return "expired";
	return "active";
}

json_t *
identity_snapshot_json(const struct zt_snapshot *s)
{
	const int64_t now_ms = (int64_t)(identity_now_us() / 1000);
	char created[ZT_TIME_MAX];
	const bool known = zt_time_ms(s->info.created_ms, created) == ZT_OK;

	return json_pack("{s:I, s:s?, s:I, s:I, s:I, s:b, s:I}", "generation",
	    (json_int_t)s->info.generation, "created", known ? created : NULL,
	    "age_s", (json_int_t)((now_ms - s->info.created_ms) / 1000),
	    "users", (json_int_t)s->info.users, "groups",
	    (json_int_t)s->info.groups, "complete", (int)s->info.complete,
	    "bytes", (json_int_t)s->len);
}
