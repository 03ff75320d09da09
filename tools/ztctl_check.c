/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl check: the broker's own checks, and those of the host around it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zt/auto.h"
#include "ztctl.h"
#include "ztctl_broker.h"
#include "ztctl_finding.h"
#include "ztctl_print.h"

#define STATUS_MS 3000
#define CHECK_MS  60000 /* the broker asks its endpoint, pdp.timeout_ms */

static const char *
grade_word(enum finding_grade grade)
{
	switch (grade) {
	case FINDING_OK:
		return "ok";
	case FINDING_WARN:
		return "warn";
	case FINDING_FAIL:
		break;
	}
	return "fail";
}

void
finding_add(json_t *list, enum finding_grade grade, const char *name,
    const char *remedy, const char *format, ...)
{
	zt_auto_free char *detail = NULL;
	json_t *finding;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&detail, format, ap);
	va_end(ap);
	if (n < 0)
		detail = NULL;
	finding = json_pack("{s:s, s:s, s:b, s:s*, s:s*}", "name", name,
	    "grade", grade_word(grade), "ok", grade != FINDING_FAIL, "detail",
	    detail, "remedy", remedy);
	if (finding == NULL && detail != NULL) /* a text that is not UTF-8 */
		finding = json_pack("{s:s, s:s, s:b, s:s*}", "name", name,
		    "grade", grade_word(grade), "ok", grade != FINDING_FAIL,
		    "remedy", remedy);
	(void)json_array_append_new(list, finding);
}

/* Take over the broker's answers. */
static void
check_broker(json_t *list, const struct ztctl_options *options)
{
	zt_auto_free char *error = NULL;
	json_t *answer;
	const json_t *c;
	enum zt_err err;
	size_t i;

	err = broker_ask(options->socket, "check", CHECK_MS, &answer, &error);
	if (err != ZT_OK) {
		finding_add(list, FINDING_FAIL, "broker",
		    "see the broker's journal: journalctl -u ztd", "%s",
		    error != NULL ? error : zt_strerror(err));
		return;
	}
	json_array_foreach(json_at(answer, "checks"), i, c)
	{
		const char *name = json_str(c, "name");
		const char *detail = json_str(c, "detail");

		finding_add(list,
		    json_is_true(json_at(c, "ok")) ? FINDING_OK : FINDING_FAIL,
		    name == NULL ? "broker" : name, json_str(c, "remedy"), "%s",
		    detail == NULL ? "" : detail);
	}
	json_decref(answer);
}

/* The broker's status, for what it goes by; NULL if it is silent. */
static json_t *
broker_status(json_t *list, const struct ztctl_options *options)
{
	zt_auto_free char *error = NULL;
	const char *version;
	json_t *status;
	enum zt_err err;

	err = broker_ask(options->socket, "status", STATUS_MS, &status, &error);
	if (err != ZT_OK) {
		finding_add(list, FINDING_FAIL, "broker",
		    "start it (systemctl start ztd); ask as root or as a "
		    "member of zt-admin",
		    "%s: %s", options->socket,
		    error != NULL ? error : zt_strerror(err));
		return NULL;
	}
	version = json_str(status, "version");
	if (version == NULL || strcmp(version, ZT_VERSION) != 0)
		finding_add(list, FINDING_WARN, "broker",
		    "restart it: systemctl restart ztd",
		    "runs version %s, installed is " ZT_VERSION,
		    version == NULL ? "(unknown)" : version);
	else
		finding_add(list, FINDING_OK, "broker", NULL,
		    "answers, version " ZT_VERSION);
	return status;
}

static void
print_findings(const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
	{
		const char *grade = json_str(f, "grade");
		const char *detail = json_str(f, "detail");
		const char *remedy = json_str(f, "remedy");

		print_field(strcmp(grade, "fail") == 0 ? "FAIL" : grade,
		    "%-13s %s", json_str(f, "name"),
		    detail == NULL ? "" : detail);
		if (remedy != NULL && strcmp(grade, "ok") != 0)
			print_field("", "%-13s next: %s", "", remedy);
	}
}

static bool
any_failed(const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i,
	    f) if (!json_is_true(json_at(f, "ok"))) return true;
	return false;
}

enum ztctl_status
findings_end(json_t *list, bool json)
{
	json_t *root = json_pack("{s:o}", "checks", list);
	enum ztctl_status rc =
	    root == NULL || any_failed(list) ? ZTCTL_FAILED : ZTCTL_OK;

	if (json)
		print_json(root);
	else
		print_findings(list);
	json_decref(root);
	return rc;
}

enum ztctl_status
ztctl_check(const struct ztctl_options *options)
{
	json_t *list = json_array();
	json_t *status = broker_status(list, options);
	enum ztctl_status rc;

	check_config(list, json_str(status, "config.file"));
	if (status != NULL)
		check_broker(list, options);
	check_sshd(list, options);
	check_pam(list, options->etc, status);
	check_nsswitch(list, options->etc, FINDING_WARN);
	rc = findings_end(list, options->json);
	if (status == NULL)
		rc = ZTCTL_UNREACHABLE;
	json_decref(status);
	return rc;
}
