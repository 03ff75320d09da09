/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity bundle: its command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztctl_bundle.h"
#include "ztctl_bundle_text.h"

#define DAYS_MAX 36500

static const char usage[] =
    "usage: ztctl identity bundle make DIR -o FILE\n"
    "           [--version N | --previous FILE] [--days N]\n"
    "       ztctl identity bundle sign FILE -k KEY -o FILE\n"
    "       ztctl identity bundle check FILE --signers FILE\n"
    "  --days N   hosts refuse it N days from now (7)\n";

static enum ztctl_status
usage_fail(void)
{
	(void)fputs(usage, stderr);
	return ZTCTL_USAGE;
}

/* A whole number from 1 to max, or 0. */
static int64_t
number(const char *text, int64_t max)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' &&
		n >= 1 && n <= max
	    ? (int64_t)n
	    : 0;
}

static bool
option_take(struct bundle_options *o, int c)
{
	const char **const texts[] = { ['o'] = &o->out,
		['k'] = &o->key,
		['s'] = &o->signers,
		['p'] = &o->previous };

	if (c == 'v')
		o->version = number(optarg, ZT_BUNDLE_VERSION_MAX);
	else if (c == 'd')
		o->days = number(optarg, DAYS_MAX);
	else if (c != '?')
		*texts[c] = optarg;
	return c != '?' && (c != 'v' || o->version != 0) &&
	    (c != 'd' || o->days != 0);
}

static bool
options_read(int argc, char **argv, struct bundle_options *o)
{
	static const struct option names[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "key", required_argument, NULL, 'k' },
		{ "signers", required_argument, NULL, 's' },
		{ "previous", required_argument, NULL, 'p' },
		{ "version", required_argument, NULL, 'v' },
		{ "days", required_argument, NULL, 'd' },
		{ 0 },
	};
	int c;

	optind = 0; /* another command line than the last */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "o:k:s:", names, NULL)) != -1)
		if (!option_take(o, c))
			return false;
	if (optind != argc - 1)
		return false;
	o->operand = argv[optind];
	return true;
}

enum ztctl_status
ztctl_bundle(int argc, char **argv)
{
	struct bundle_options o = { 0 };
	bool from_make, from_sign;

	if (argc < 2 || !options_read(argc, argv, &o))
		return usage_fail();
	from_make = o.version != 0 || o.previous != NULL || o.days != 0;
	from_sign = o.key != NULL;
	if (strcmp(argv[0], "make") == 0 && o.out != NULL && !from_sign &&
	    o.signers == NULL && (o.version == 0 || o.previous == NULL))
		return bundle_make(&o);
	if (strcmp(argv[0], "sign") == 0 && o.out != NULL && from_sign &&
	    o.signers == NULL && !from_make)
		return bundle_sign(&o);
	if (strcmp(argv[0], "check") == 0 && o.signers != NULL &&
	    o.out == NULL && !from_sign && !from_make)
		return bundle_check(&o);
	return usage_fail();
}
