/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/local.h"
#include "zt/range.h"
#include "zt/text.h"

#define LINE_BYTES 1024
#define NAME_BYTES 256 /* of an owner in a finding, escaped */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct lint {
	uint32_t id_min, id_max;
	const char *etc;
	zt_range_fn *fn;
	void *arg;
	/* the file that is being read */
	const char *file;
	size_t n; /* findings in it */
};

static const char remedy_move[] =
    "choose another identity.id_range; the default is free on most hosts";
static const char remedy_local[] =
    "remove it, or choose another identity.id_range: zt refuses these ids";
static const char remedy_defs[] =
    "choose another identity.id_range, or change login.defs";

/* Who else gives ids, on any host. */
static const struct {
	uint32_t first, last;
	bool fail;
	const char *what;
} ranges[] = {
	{ 0, 999, true, "system users and groups" },
	{ 1000, 60000, false, "this host's own users" },
	{ 60001, 60513, true, "systemd-homed's users" },
	{ 60514, 60577, true, "users that systemd binds into containers" },
	{ 61184, 65519, true, "systemd's dynamic users" },
	{ 65534, 65534, true, "nobody" },
	{ 65535, 65535, true, "\"no id\" of 16 bits" },
	{ 200000, 2000199999, false, "SSSD's default for mapped ids" },
	{ 524288, 1879048191, false, "systemd's containers" },
	{ 2147352576, 2147418111, true, "systemd's foreign ids" },
	{ 2147483648, UINT32_MAX, true,
	    "ids that some programs take for negative" },
};

/* The ids that first .. first + n - 1 and our range have in common. */
static bool
overlap(const struct lint *lint, uint64_t first, uint64_t n,
    struct zt_range_finding *out)
{
	const uint64_t last = n > UINT32_MAX ? UINT32_MAX : first + n - 1;

	if (n == 0 || first > lint->id_max || last < lint->id_min)
		return false;
	out->first = first < lint->id_min ? lint->id_min : (uint32_t)first;
	out->last = last > lint->id_max ? lint->id_max : (uint32_t)last;
	return true;
}

__attribute__((__format__(__printf__, 4, 5))) static void
report(const struct lint *lint, struct zt_range_finding *finding,
    const char *remedy, const char *format, ...)
{
	va_list ap;

	finding->remedy = remedy;
	va_start(ap, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, ap);
	va_end(ap);
	lint->fn(lint->arg, finding);
}

static void
lint_ranges(const struct lint *lint)
{
	for (size_t i = 0; i < COUNT(ranges); i++) {
		struct zt_range_finding finding = { .fail = ranges[i].fail };

		if (overlap(lint, ranges[i].first,
			(uint64_t)ranges[i].last - ranges[i].first + 1,
			&finding))
			report(lint, &finding, remedy_move,
			    "identity.id_range overlaps %" PRIu32 "-%" PRIu32
			    ": %s",
			    ranges[i].first, ranges[i].last, ranges[i].what);
	}
}

/* Report an entry of a file, or only count it. */
static void
lint_entry(struct lint *lint, const char *name, uint64_t first, uint64_t n)
{
	struct zt_range_finding finding = { .fail = false };
	char shown[NAME_BYTES];

	if (!overlap(lint, first, n, &finding))
		return;
	if (lint->n++ >= ZT_RANGE_EACH_MAX)
		return;
	(void)zt_escape(shown, sizeof(shown), zt_str(name));
	if (n == 1)
		report(lint, &finding, remedy_local,
		    "%s: %s has id %" PRIu64 ", which is in identity.id_range",
		    lint->file, shown, first);
	else
		report(lint, &finding, remedy_local,
		    "%s: %s has ids from %" PRIu64 " on, %" PRIu64
		    " of them, which overlap identity.id_range",
		    lint->file, shown, first, n);
}

static void
lint_begin(struct lint *lint, const char *file)
{
	lint->file = file;
	lint->n = 0;
}

static void
lint_end(const struct lint *lint)
{
	struct zt_range_finding finding = { .first = lint->id_min,
		.last = lint->id_max };

	if (lint->n > ZT_RANGE_EACH_MAX)
		report(lint, &finding, remedy_local,
		    "%s: %zu more entries are in identity.id_range", lint->file,
		    lint->n - ZT_RANGE_EACH_MAX);
}

static bool
lint_user(void *arg, const struct zt_local_user *user)
{
	lint_entry(arg, user->name, user->uid, 1);
	return true;
}

static bool
lint_group(void *arg, const char *name, uint32_t gid, char *const *members)
{
	(void)members;
	lint_entry(arg, name, gid, 1);
	return true;
}

static bool
lint_delegated(void *arg, const char *owner, uint32_t first, uint64_t n)
{
	lint_entry(arg, owner, first, n);
	return true;
}

static enum zt_err
lint_files(struct lint *lint)
{
	enum zt_err err;

	lint_begin(lint, "passwd");
	if ((err = zt_local_users(lint->etc, lint_user, lint)) != ZT_OK)
		return err;
	lint_end(lint);
	lint_begin(lint, "group");
	if ((err = zt_local_groups(lint->etc, lint_group, lint)) != ZT_OK)
		return err;
	lint_end(lint);
	lint_begin(lint, "subuid");
	err = zt_local_ranges(lint->etc, "subuid", lint_delegated, lint);
	if (err != ZT_OK)
		return err;
	lint_end(lint);
	lint_begin(lint, "subgid");
	err = zt_local_ranges(lint->etc, "subgid", lint_delegated, lint);
	if (err == ZT_OK)
		lint_end(lint);
	return err;
}

/* Pairs of login.defs(5) that useradd(8) and the like give ids from. */
static const struct {
	const char *min, *max, *count; /* count: 0 turns it off; or NULL */
	uint32_t min_default, max_default;
	bool fail;
} pairs[] = {
	{ "SYS_UID_MIN", "SYS_UID_MAX", NULL, 101, 999, true },
	{ "SYS_GID_MIN", "SYS_GID_MAX", NULL, 101, 999, true },
	{ "UID_MIN", "UID_MAX", NULL, 1000, 60000, false },
	{ "GID_MIN", "GID_MAX", NULL, 1000, 60000, false },
	{ "SUB_UID_MIN", "SUB_UID_MAX", "SUB_UID_COUNT", 100000, 600100000,
	    false },
	{ "SUB_GID_MIN", "SUB_GID_MAX", "SUB_GID_COUNT", 100000, 600100000,
	    false },
};

/* What login.defs says. */
struct defs {
	uint64_t min, max, count;
};

/* A number as strtoul(3) reads it: octal and hexadecimal are allowed. */
static void
take_value(uint64_t *value, const char *key, const char *name, const char *text)
{
	char *end;
	unsigned long n;

	if (name == NULL || strcmp(key, name) != 0)
		return;
	n = strtoul(text, &end, 0);
	if (end != text && *end == '\0')
		*value = n;
}

static void
defs_line(const char *line, struct defs *defs)
{
	char key[64], text[64];

	if (sscanf(line, "%63s %63s", key, text) != 2)
		return;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		take_value(&defs[i].min, key, pairs[i].min, text);
		take_value(&defs[i].max, key, pairs[i].max, text);
		take_value(&defs[i].count, key, pairs[i].count, text);
	}
}

static enum zt_err
defs_read(const char *etc, struct defs *defs, bool *there)
{
	char path[4096], line[LINE_BYTES];
	enum zt_err err;
	FILE *f;

	if ((size_t)snprintf(path, sizeof(path), "%s/login.defs", etc) >=
	    sizeof(path))
		return ZT_ERR_TOOBIG;
	f = fopen(path, "re");
	*there = f != NULL;
	if (f == NULL)
		return errno == ENOENT ? ZT_OK : ZT_ERR_SYS;
	while (fgets(line, sizeof(line), f) != NULL)
		defs_line(line, defs);
	err = ferror(f) ? ZT_ERR_SYS : ZT_OK;
	(void)fclose(f);
	return err;
}

static enum zt_err
lint_defs(const struct lint *lint)
{
	struct defs defs[COUNT(pairs)];
	enum zt_err err;
	bool there;

	for (size_t i = 0; i < COUNT(pairs); i++)
		defs[i] = (struct defs){ pairs[i].min_default,
			pairs[i].max_default, 1 };
	if ((err = defs_read(lint->etc, defs, &there)) != ZT_OK || !there)
		return err;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct zt_range_finding finding = { .fail = pairs[i].fail };
		const struct defs *d = &defs[i];

		if (d->count != 0 && d->max >= d->min && d->max <= UINT32_MAX &&
		    overlap(lint, d->min, d->max - d->min + 1, &finding))
			report(lint, &finding, remedy_defs,
			    "identity.id_range overlaps %s-%s of login.defs, "
			    "%" PRIu64 "-%" PRIu64,
			    pairs[i].min, pairs[i].max, d->min, d->max);
	}
	return ZT_OK;
}

enum zt_err
zt_range_lint(const char *etc, uint32_t id_min, uint32_t id_max,
    zt_range_fn *fn, void *arg)
{
	struct lint lint = { .id_min = id_min,
		.id_max = id_max,
		.etc = etc,
		.fn = fn,
		.arg = arg };
	enum zt_err err;

	if (id_min > id_max)
		return ZT_ERR_INVAL;
	lint_ranges(&lint);
	if ((err = lint_defs(&lint)) != ZT_OK)
		return err;
	return lint_files(&lint);
}
