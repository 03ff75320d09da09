/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity why: why a user exists on this host, or does not. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zt/text.h"
#include "ztctl_identity.h"
#include "ztctl_nsswitch.h"
#include "ztctl_print.h"
#include "ztctl_shape.h"

static const char why_shape[] =
    "name:s exists:b local:b source:s? uid:n? gid:n? records:a";
static const char record_shape[] = "source:s record:s kind:s accepted:b why:s?";

/* What programs on this host go by. */
struct sight {
	enum zt_err snapshot; /* whether it can be used */
	char why[128];        /* not, if so */
	enum zt_err found;    /* the user in it */
	uint32_t uid, gid;
	const char *nss_fault; /* static; NULL: zt is asked */
	bool agrees;           /* the snapshot and the broker */
	bool visible;          /* getpwnam(3) finds the user */
};

static bool
is_true(const json_t *json, const char *member)
{
	return json_is_true(json_at(json, member));
}

static void
look_in_snapshot(const struct ztctl_options *options, struct sight *out)
{
	struct zt_snapshot_user user;
	struct zt_snapshot_file file;
	struct zt_snapshot s;

	out->snapshot = zt_snapshot_open(options->snapshot, &s, &file);
	if (out->snapshot != ZT_OK) {
		(void)snprintf(out->why, sizeof(out->why), "%s",
		    identity_open_why(options->snapshot, out->snapshot));
		return;
	}
	out->found = zt_snapshot_user(&s, zt_str(options->argument), &user);
	if (out->found == ZT_OK) {
		out->uid = user.uid;
		out->gid = user.gid;
	}
	zt_snapshot_close(&s);
}

/* The worst fault of the line of passwd, if it keeps zt from being asked. */
static const char *
look_at_nss(const struct ztctl_options *options)
{
	struct nss_fault fault;
	struct nss_line line;

	if (nss_line_read(options->etc, "passwd", &line) != ZT_OK)
		return "nsswitch.conf cannot be read";
	if (nss_line_fault(&line, "passwd", 0, &fault) &&
	    fault.grade == FINDING_FAIL)
		return fault.text;
	return NULL;
}

static void
look(const struct ztctl_options *options, const json_t *user, struct sight *out)
{
	const bool local = is_true(user, "local");
	const bool served = is_true(user, "exists") && !local;

	*out = (struct sight){ .found = ZT_ERR_UNAVAIL };
	look_in_snapshot(options, out);
	out->nss_fault = look_at_nss(options);
	out->agrees = out->snapshot == ZT_OK &&
	    (served ? out->found == ZT_OK &&
			out->uid == json_num(user, "uid") &&
			out->gid == json_num(user, "gid")
		    : out->found == ZT_ERR_NOTFOUND);
	out->visible =
	    local || (served && out->agrees && out->nss_fault == NULL);
}

static void
show_verdict(const json_t *user)
{
	const char *name = json_str(user, "name");
	const char *source = json_str(user, "source");

	if (is_true(user, "local"))
		print_field("user",
		    "%s is an account of this host (/etc/passwd): no source "
		    "has a say in it",
		    name);
	else if (is_true(user, "exists"))
		print_field("user",
		    "%s exists, uid %" PRId64 ", gid %" PRId64
		    ", from the source %s",
		    name, json_num(user, "uid"), json_num(user, "gid"),
		    source == NULL ? "(unknown)" : source);
	else
		print_field("user", "%s does not exist", name);
}

static void
show_records(const json_t *user)
{
	const json_t *r;
	size_t i;

	json_array_foreach(json_at(user, "records"), i, r)
	{
		const char *why = json_str(r, "why");
		const bool accepted = is_true(r, "accepted");

		print_field(i == 0 ? "records" : "", "%s %s of %s: %s%s%s",
		    json_str(r, "kind"), json_str(r, "record"),
		    json_str(r, "source"), accepted ? "in force" : "REFUSED",
		    why == NULL ? "" : ": ", why == NULL ? "" : why);
	}
	if (json_array_size(json_at(user, "records")) == 0)
		print_field("records", "no source has one of that name");
}

/* Nobody has heard of the user: have they been heard of late? */
static void
show_synced(const json_t *answer)
{
	struct identity_trouble trouble;
	const json_t *sources = json_at(answer, "sources"), *s;
	char age[PRINT_AGE_MAX];
	size_t i;

	if (json_array_size(sources) == 0)
		print_field("sources", "none is configured");
	json_array_foreach(sources, i, s)
	{
		const char *label = i == 0 ? "sources" : "";

		if (identity_trouble(s, &trouble))
			print_field(label, "%s: %s", json_str(s, "name"),
			    trouble.why);
		else if (!json_is_integer(json_at(s, "age_s")))
			print_field(label, "%s: syncing for the first time",
			    json_str(s, "name"));
		else
			print_field(label, "%s: synced %s ago",
			    json_str(s, "name"),
			    print_age(json_num(s, "age_s"), age));
	}
}

static void
show_snapshot(const struct ztctl_options *options, const struct sight *sight)
{
	if (sight->snapshot != ZT_OK)
		print_field("snapshot", "NOT USABLE: %s: %s", options->snapshot,
		    sight->why);
	else if (sight->agrees)
		print_field("snapshot", "agrees with the broker");
	else if (sight->found == ZT_OK)
		print_field("snapshot",
		    "DISAGREES with the broker: it has the user, uid %" PRIu32
		    ", gid %" PRIu32,
		    sight->uid, sight->gid);
	else
		print_field("snapshot", "DISAGREES with the broker: %s",
		    sight->found == ZT_ERR_NOTFOUND
			? "it does not have the user"
			: "it is damaged where the user stands");
	if (sight->snapshot != ZT_OK || !sight->agrees)
		print_field("", "next: ztctl identity check");
}

static void
show_nss(const struct sight *sight)
{
	if (sight->nss_fault == NULL) {
		print_field("nss", "zt is asked (nsswitch.conf)");
		return;
	}
	print_field("nss", "NOT ASKED: %s", sight->nss_fault);
	print_field("", "next: ztctl doctor nss");
}

static void
show(const struct ztctl_options *options, const json_t *user,
    const json_t *sources, const struct sight *sight)
{
	show_verdict(user);
	show_records(user);
	if (json_array_size(json_at(user, "records")) == 0 &&
	    !is_true(user, "local"))
		show_synced(sources);
	show_snapshot(options, sight);
	show_nss(sight);
}

static json_t *
sight_json(const struct sight *sight)
{
	const bool found = sight->found == ZT_OK;

	return json_pack("{s:b, s:s?, s:b, s:o, s:o, s:b}", "usable",
	    sight->snapshot == ZT_OK, "why",
	    sight->snapshot == ZT_OK ? NULL : sight->why, "exists", (int)found,
	    "uid", found ? json_integer(sight->uid) : json_null(), "gid",
	    found ? json_integer(sight->gid) : json_null(), "agrees",
	    (int)sight->agrees);
}

static void
show_json(json_t *user, const json_t *sources, const struct sight *sight)
{
	json_t *json = json_pack("{s:O, s:O, s:o, s:{s:b, s:s?}, s:b}", "user",
	    user, "sources", json_at(sources, "sources"), "snapshot",
	    sight_json(sight), "nss", "asked", sight->nss_fault == NULL,
	    "fault", sight->nss_fault, "visible", (int)sight->visible);

	print_json(json);
	json_decref(json);
}

static enum ztctl_status
ask_why(const struct ztctl_options *options, json_t **out)
{
	enum ztctl_status status;
	char command[64];

	(void)snprintf(command, sizeof(command), "identity-why %s",
	    options->argument);
	status = identity_ask(options->socket, command, why_shape, out);
	if (status != ZTCTL_OK)
		return status;
	if (!json_all_fit(json_at(*out, "records"), record_shape) ||
	    strcmp(json_str(*out, "name"), options->argument) != 0) {
		json_decref(*out);
		return identity_bad_answer(options->socket);
	}
	return ZTCTL_OK;
}

enum ztctl_status
ztctl_identity_why(const struct ztctl_options *options)
{
	json_t *user, *sources;
	enum ztctl_status status;
	struct sight sight;

	if (!zt_name_valid(zt_str(options->argument))) {
		print_failure("%s: no user can have that name: 1 to %d of "
			      "A-Z a-z 0-9 . _ -, begun by a letter or _",
		    options->argument, ZT_NAME_MAX);
		return ZTCTL_FAILED;
	}
	if ((status = ask_why(options, &user)) != ZTCTL_OK)
		return status;
	status = identity_ask_sources(options->socket, &sources);
	if (status == ZTCTL_OK) {
		look(options, user, &sight);
		if (options->json)
			show_json(user, sources, &sight);
		else
			show(options, user, sources, &sight);
		status = sight.visible ? ZTCTL_OK : ZTCTL_FAILED;
		json_decref(sources);
	}
	json_decref(user);
	return status;
}
