/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "zt/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read a bundle by n records at a time. */
static struct zt_set *
set_read(struct zt_bundle bundle, size_t n)
{
	struct zt_set *set;

	if (zt_set_new(&set) != ZT_OK)
		abort();
	while (bundle.rest.len > 0)
		if (zt_bundle_read(&bundle, n, set) != ZT_OK)
			abort();
	if (zt_set_seal(set) != ZT_OK)
		abort();
	return set;
}

/* However it is read, each line is one record under a key of its own. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zt_bundle bundle;
	const char *why;
	struct zt_set *whole, *single;
	size_t lines = 0;

	if (zt_bundle_begin((struct zt_str){ (const char *)data, size },
		&bundle, &why) != ZT_OK)
		return 0;
	whole = set_read(bundle, SIZE_MAX);
	single = set_read(bundle, 1);
	for (size_t i = 0; i < bundle.rest.len; i++)
		lines += bundle.rest.p[i] == '\n' || i + 1 == bundle.rest.len;
	if (zt_set_count(whole) != lines || zt_set_count(single) != lines)
		abort();
	for (size_t i = 0; i < lines; i++)
		if (strcmp(zt_set_at(whole, i)->key,
			zt_set_at(single, i)->key) != 0 ||
		    zt_set_find(whole, zt_set_at(whole, i)->key) !=
			zt_set_at(whole, i))
			abort();
	zt_set_free(whole);
	zt_set_free(single);
	return 0;
}
