/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"
#include "zt/auto.h"
#include "zt/identity.h"

static enum zt_err
collect(const struct zt_directory *directory, struct id_set *uids)
{
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < directory->n_users && err == ZT_OK; i++)
		err = id_set_add(uids, directory->users[i].uid);
	return err;
}

/* Are all there, in their order?  So it is if a user has changed or come. */
static bool
all_remain(const struct zt_directory *directory, const uint32_t *uids,
    size_t n_uids)
{
	size_t found = 0;

	for (size_t i = 0; i < directory->n_users && found < n_uids; i++)
		found += directory->users[i].uid == uids[found];
	return found == n_uids;
}

enum zt_err
zt_directory_lost(const struct zt_directory *directory, const uint32_t *uids,
    const size_t *ends, size_t n, size_t *lost)
{
	zt_auto(id_set_clear) struct id_set now = { .seed = hash_seed() };
	enum zt_err err;

	for (size_t list = 0; list < n; list++)
		lost[list] = 0;
	if (n == 0 || all_remain(directory, uids, ends[n - 1]))
		return ZT_OK;
	if ((err = collect(directory, &now)) != ZT_OK)
		return err;
	for (size_t list = 0, i = 0; list < n; list++)
		for (; i < ends[list]; i++)
			lost[list] += !id_set_has(&now, uids[i]);
	return ZT_OK;
}
