/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity check: the snapshot, the sources, and whom they lost. */
#include <inttypes.h>
#include <string.h>

#include "ztctl_broker.h"
#include "ztctl_doctor.h"
#include "ztctl_finding.h"
#include "ztctl_identity.h"
#include "ztctl_print.h"
#include "ztctl_shape.h"

static void
check_mapped(json_t *list, const char *path, const struct zt_snapshot *s)
{
	const json_int_t now_ms = (json_int_t)(identity_now_us() / 1000);
	char age[PRINT_AGE_MAX];

	if (zt_snapshot_verify(s) != ZT_OK)
		finding_add(list, FINDING_FAIL, "snapshot",
		    identity_open_remedy(ZT_ERR_MALFORMED), "%s: %s", path,
		    identity_open_why(path, ZT_ERR_MALFORMED));
	else if (s->info.created_ms > now_ms + 1000)
		finding_add(list, FINDING_WARN, "snapshot",
		    "correct the clock: chronyc tracking",
		    "%s was written in the future", path);
	else
		finding_add(list, FINDING_OK, "snapshot", NULL,
		    "whole: %" PRIu32 " users, %" PRIu32 " groups, generation "
		    "%" PRIu64 ", written %s ago",
		    s->info.users, s->info.groups, s->info.generation,
		    print_age((now_ms - s->info.created_ms) / 1000, age));
	if (zt_snapshot_superseded(s))
		finding_add(list, FINDING_WARN, "snapshot",
		    "restart the broker: systemctl restart ztd",
		    "marked superseded, yet in place: the broker ended while "
		    "it wrote the next; each lookup looks for it anew");
}

bool
check_snapshot(json_t *list, const char *path, struct zt_snapshot *out)
{
	struct zt_snapshot_file file;
	enum zt_err err = zt_snapshot_open(path, out, &file);

	if (err != ZT_OK)
		finding_add(list, FINDING_FAIL, "snapshot",
		    identity_open_remedy(err), "%s: %s", path,
		    identity_open_why(path, err));
	else
		check_mapped(list, path, out);
	return err == ZT_OK;
}

static void
check_source(json_t *list, const json_t *s)
{
	struct identity_trouble trouble;
	const char *name = json_str(s, "name");
	char age[PRINT_AGE_MAX];

	if (json_str(s, "warning") != NULL)
		finding_add(list, FINDING_WARN, "source",
		    "correct that at the source, then ztctl identity sync",
		    "%s: %s", name, json_str(s, "warning"));
	if (identity_trouble(s, &trouble))
		finding_add(list, FINDING_FAIL, "source", trouble.remedy,
		    "%s: %s", name, trouble.why);
	else if (!json_is_integer(json_at(s, "age_s")))
		finding_add(list, FINDING_OK, "source", NULL,
		    "%s: syncing for the first time", name);
	else
		finding_add(list, FINDING_OK, "source", NULL,
		    "%s: %" PRId64 " users, %" PRId64 " groups, synced %s ago",
		    name, json_num(s, "users"), json_num(s, "groups"),
		    print_age(json_num(s, "age_s"), age));
}

/* s: what is mapped; NULL if nothing can be. */
static void
check_generation(json_t *list, const json_t *answer,
    const struct zt_snapshot *s)
{
	const json_int_t generation = json_num(answer, "snapshot.generation");

	if (s == NULL || !json_is_object(json_at(answer, "snapshot")) ||
	    s->info.generation == (uint64_t)generation)
		return;
	finding_add(list, FINDING_WARN, "snapshot",
	    "ask again; if it stays so, restart the broker: systemctl "
	    "restart ztd",
	    "generation %" PRIu64 " is on disk, the broker has %" PRId64,
	    s->info.generation, (int64_t)generation);
}

enum ztctl_status
check_sources(json_t *list, const char *socket, enum finding_grade silent,
    const struct zt_snapshot *s)
{
	enum ztctl_status status;
	json_t *answer;
	const json_t *source;
	size_t i;

	status = identity_ask_sources(socket, &answer);
	if (status != ZTCTL_OK) {
		finding_add(list, silent, "broker",
		    "start it (systemctl start ztd); ask as root or as a "
		    "member of zt-admin",
		    "does not say where users come from");
		return status;
	}
	json_array_foreach(json_at(answer, "sources"), i, source)
	    check_source(list, source);
	if (i == 0)
		finding_add(list, FINDING_WARN, "source",
		    "add a [source] section to ztd.conf",
		    "none is configured: there are no users but local ones");
	if (json_str(answer, "error") != NULL)
		finding_add(list, FINDING_FAIL, "broker",
		    "correct that, then ztctl identity sync", "%s",
		    json_str(answer, "error"));
	check_generation(list, answer, s);
	json_decref(answer);
	return ZTCTL_OK;
}

static enum ztctl_status
check_refused(json_t *list, const char *socket)
{
	static const char shape[] = "source:s record:s name:s? kind:s why:s";
	enum ztctl_status status;
	json_t *answer;
	const json_t *r;
	size_t i;

	status = identity_ask(socket, "identity-refused", "refused:a", &answer);
	if (status != ZTCTL_OK)
		return status;
	if (!json_all_fit(json_at(answer, "refused"), shape)) {
		json_decref(answer);
		return identity_bad_answer(socket);
	}
	json_array_foreach(json_at(answer, "refused"), i, r)
	{
		const char *name = json_str(r, "name");

		finding_add(list, FINDING_WARN, "refused",
		    "correct the record at its source", "%s %s of %s%s%s: %s",
		    json_str(r, "kind"), json_str(r, "record"),
		    json_str(r, "source"), name == NULL ? "" : ", named ",
		    name == NULL ? "" : name, json_str(r, "why"));
	}
	json_decref(answer);
	return ZTCTL_OK;
}

enum ztctl_status
ztctl_identity_check(const struct ztctl_options *options)
{
	json_t *list = json_array();
	enum ztctl_status asked, found;
	struct zt_snapshot s;
	bool mapped = check_snapshot(list, options->snapshot, &s);

	asked = check_sources(list, options->socket, FINDING_FAIL,
	    mapped ? &s : NULL);
	if (asked == ZTCTL_OK)
		asked = check_refused(list, options->socket);
	if (mapped) {
		check_range(list, options->etc, &s);
		zt_snapshot_close(&s);
	}
	found = findings_end(list, options->json);
	return asked != ZTCTL_OK ? asked : found;
}
