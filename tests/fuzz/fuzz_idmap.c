/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "zt/idmap.h"

#define CHECK(what) ((what) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_denied(struct zt_idmap *map, bool is_group, const char *who, uint32_t id)
{
	struct zt_id_claim c = { .is_group = is_group,
		.source = "s",
		.immutable_id = who,
		.id = id };

	CHECK(zt_idmap_claim(map, 1, UINT32_MAX, &c, 1) == ZT_OK);
	return c.err == ZT_ERR_DENIED;
}

/*
 * What is loaded and added to loads again; each id of the file has one owner
 * of a kind, and no newcomer of that kind gets it: one without an immutable id,
 * for whoever has one may stand in the file.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/dev/shm/zt-fuzz-XXXXXX";
	struct zt_idmap *map = NULL, *again = NULL;
	const int fd = mkostemp(path, O_CLOEXEC);
	unsigned line;

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (zt_idmap_load(path, NULL, 0, &line, &map) == ZT_OK) {
		const bool denied = is_denied(map, false, "new", 70001);

		CHECK(denied || zt_idmap_taken(map, 70001));
		CHECK(zt_idmap_commit(map) == ZT_OK);
		CHECK(zt_idmap_load(path, NULL, 0, &line, &again) == ZT_OK);
		for (uint32_t id = 70000; id < 70010; id++) {
			CHECK(zt_idmap_taken(map, id) ==
			    zt_idmap_taken(again, id));
			CHECK(zt_idmap_taken(map, id) ==
			    (is_denied(again, false, "", id) ||
				is_denied(again, true, "", id)));
		}
		CHECK(is_denied(again, false, "new", 70001) == denied);
	}
	zt_idmap_free(map);
	zt_idmap_free(again);
	close(fd);
	unlink(path);
	return 0;
}
