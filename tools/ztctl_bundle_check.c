/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity bundle check: what a host would say to a document. */
#include <inttypes.h>
#include <stdint.h>
#include <time.h>

#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/cert.h"
#include "zt/text.h"
#include "zt/time.h"
#include "ztctl_bundle_text.h"
#include "ztctl_print.h"

#define SIGNERS_MAX 65536 /* the file, bytes */

static void
setp_free(struct zt_set **set)
{
	zt_set_free(*set);
}

static void
casp_free(struct zt_ca_set **cas)
{
	zt_ca_set_free(*cas);
}

/* Say what was refused.  Returns how many. */
static size_t
refused_print(const struct zt_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < zt_set_count(set); i++) {
		const struct zt_set_record *r = zt_set_at(set, i);

		if (r->why == NULL)
			continue;
		n++;
		print_failure("%s is refused: %s", r->key, r->why);
	}
	return n;
}

static void
when_print(const char *label, int64_t time_s)
{
	char text[ZT_TIME_MAX];

	if (time_s == INT64_MAX)
		print_field(label, "never");
	else if (zt_time_s((uint64_t)time_s, text) == ZT_OK)
		print_field(label, "%s", text);
	else
		print_field(label, "%" PRId64 " s since 1970", time_s);
}

enum ztctl_status
bundle_records_check(const char *path, struct zt_bundle *bundle)
{
	zt_auto(setp_free) struct zt_set *set = NULL;
	size_t refused, users, count;
	enum zt_err err;

	if ((err = zt_set_new(&set)) != ZT_OK ||
	    (err = zt_bundle_read(bundle, SIZE_MAX, set)) != ZT_OK ||
	    (err = zt_set_seal(set)) != ZT_OK)
		return bundle_fail(path, err, zt_strerror(err));
	refused = refused_print(set);
	users = zt_set_users(set);
	count = zt_set_count(set);
	print_field("version", "%" PRId64, bundle->head.version);
	print_field("users", "%zu", users);
	print_field("groups", "%zu", count - users - refused);
	print_field("refused", "%zu", refused);
	when_print("issued", bundle->head.issued_s);
	when_print("expires", bundle->head.expires_s);
	return refused == 0 ? ZTCTL_OK : ZTCTL_FAILED;
}

static enum ztctl_status
signers_load(const char *path, struct zt_ca_set **out)
{
	zt_auto(text_clear) struct text text = { 0 };
	enum ztctl_status status = bundle_file_read(path, SIGNERS_MAX, &text);
	unsigned line = 0;
	enum zt_err err;

	if (status != ZTCTL_OK)
		return status;
	if ((err = zt_ca_set_parse(text_str(&text), out, &line)) != ZT_OK) {
		print_failure("line %u: one public key is to stand on each "
			      "line",
		    line);
		return bundle_fail(path, err, zt_strerror(err));
	}
	return ZTCTL_OK;
}

enum ztctl_status
bundle_check(const struct bundle_options *o)
{
	zt_auto(text_clear) struct text text = { 0 };
	zt_auto(casp_free) struct zt_ca_set *signers = NULL;
	enum ztctl_status status;
	struct zt_bundle bundle;
	const char *why;
	enum zt_err err;

	if ((status = signers_load(o->signers, &signers)) != ZTCTL_OK ||
	    (status = bundle_file_read(o->operand, ZT_BUNDLE_MAX, &text)) !=
		ZTCTL_OK)
		return status;
	err = zt_bundle_open(text_str(&text), signers, &bundle, &why);
	if (err != ZT_OK)
		return bundle_fail(o->operand, err, why);
	status = bundle_records_check(o->operand, &bundle);
	if (bundle.head.expires_s == INT64_MAX)
		print_failure("it never expires: nobody will notice should the "
			      "server hold the next one back; make it anew");
	err = zt_bundle_follows(&bundle.head, 0, false, (int64_t)time(NULL),
	    &why);
	return err != ZT_OK ? bundle_fail(o->operand, err, why) : status;
}
