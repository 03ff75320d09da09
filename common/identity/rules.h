/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_RULES_H
#define ZT_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "zt/identity.h"
#include "zt/local.h"

/*
 * What a record must satisfy on this host.  Each returns NULL if it does, or
 * a static explanation why not.
 */
struct rules {
	const struct zt_identity_rules *conf;
	const struct zt_local *local;
};

/* Is the group in identity.allow_groups? */
bool rules_allow(const struct rules *rules, const char *group);

/* May a record name this group? */
const char *rules_group_name_fault(const struct rules *rules, const char *name);

/*
 * May a record have the id that it was given by the map of ids?
 *
 * has_gid  it is a user with a gid beside
 */
const char *rules_id_fault(const struct rules *rules, bool is_user,
    bool has_gid, uint32_t id);

/*
 * All the rest, but for names of groups, and for the id of a record that has
 * an immutable id: an override may change that.
 */
const char *
rules_user_fault(const struct rules *rules, const struct zt_user *user);
const char *
rules_group_fault(const struct rules *rules, const struct zt_group *group);

#endif /* ZT_RULES_H */
