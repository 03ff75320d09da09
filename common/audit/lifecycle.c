/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "ocsf.h"
#include "zt/record.h"

/* The arguments of zt_record_lifecycle(), for zt_ocsf_format(). */
struct lifecycle_event {
	enum zt_lifecycle what;
	const struct zt_host *host;
	const char *detail;
	uint64_t sequence;
	struct timespec time, boottime;
};

struct lifecycle_row {
	struct zt_ocsf_enum activity, severity, status;
	const char *event_code;
};

static const struct lifecycle_row *
lifecycle_row(enum zt_lifecycle what)
{
	static const struct lifecycle_row rows[] = {
		[ZT_LIFECYCLE_START] = { { 3, "Start" }, { 1, "Informational" },
		    { 1, "Success" }, "zt.start" },
		[ZT_LIFECYCLE_STOP] = { { 4, "Stop" }, { 1, "Informational" },
		    { 1, "Success" }, "zt.stop" },
		[ZT_LIFECYCLE_RELOAD] = { { 99, "Reload" },
		    { 1, "Informational" }, { 1, "Success" }, "zt.reload" },
		[ZT_LIFECYCLE_RELOAD_FAILED] = { { 99, "Reload" },
		    { 3, "Medium" }, { 2, "Failure" }, "zt.reload_failed" },
		[ZT_LIFECYCLE_RECOVERED] = { { 99, "Recover" }, { 3, "Medium" },
		    { 1, "Success" }, "zt.log_recovered" },
		[ZT_LIFECYCLE_SUPPRESSED] = { { 99, "Suppress" }, { 4, "High" },
		    { 2, "Failure" }, "zt.log_suppressed" },
	};

	return &rows[what];
}

static int64_t
timespec_ms(struct timespec ts)
{
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
build_lifecycle(struct zt_ocsf *event, const void *arg)
{
	static const struct zt_ocsf_class class = { 6, 6002,
		"Application Lifecycle" };
	const struct lifecycle_event *in = arg;
	const struct lifecycle_row *row = lifecycle_row(in->what);
	json_t *root = event->root, *obj;

	zt_ocsf_time(event, root, "time", timespec_ms(in->time));
	zt_ocsf_metadata(event, NULL, row->event_code, in->sequence);
	zt_ocsf_class(event, &class, row->activity);
	zt_ocsf_enum(event, root, "severity", row->severity);
	zt_ocsf_enum(event, root, "status", row->status);
	zt_ocsf_text(event, root, "status_detail", in->detail);
	obj = zt_ocsf_object(event, root, "app");
	zt_ocsf_word(event, obj, "name", "ztd");
	zt_ocsf_word(event, obj, "vendor_name", "zt");
	zt_ocsf_word(event, obj, "version", ZT_VERSION);
	zt_ocsf_device(event, in->host);
	obj = zt_ocsf_object(event, root, "unmapped");
	zt_ocsf_int(event, obj, "boottime_ms", timespec_ms(in->boottime));
}

enum zt_err
zt_record_lifecycle(enum zt_lifecycle what, const struct zt_host *host,
    const char *detail, uint64_t sequence, char **line_out, size_t *len_out)
{
	struct lifecycle_event in = { .what = what,
		.host = host,
		.detail = detail,
		.sequence = sequence };

	if (clock_gettime(CLOCK_REALTIME, &in.time) != 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &in.boottime) != 0)
		return ZT_ERR_SYS;
	return zt_ocsf_format(build_lifecycle, &in, ZT_RECORD_MAX, line_out,
	    len_out);
}
