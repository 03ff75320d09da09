/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_FUZZ_SNAPSHOT_H
#define ZT_FUZZ_SNAPSHOT_H

#include <stdlib.h>

#include "zt/passwd.h"
#include "zt/snapshot.h"
#include "zt/text.h"

#define CHECK(good) ((good) ? (void)0 : abort())

/* Whom a snapshot may hand out, whatever stands in it. */
static inline void
check_id(uint32_t id)
{
	CHECK(zt_id_valid(id) && id >= ZT_SNAPSHOT_ID_FLOOR);
}

static inline void
check_name(struct zt_str name)
{
	CHECK(zt_name_valid(name) && !zt_str_is(name, "root"));
}

static inline void
check_user(const struct zt_snapshot_user *user)
{
	check_id(user->uid);
	check_id(user->gid);
	check_name(user->name);
	CHECK(zt_field_valid(user->gecos));
	CHECK(zt_path_valid(user->home) && zt_path_valid(user->shell));
}

#endif /* ZT_FUZZ_SNAPSHOT_H */
