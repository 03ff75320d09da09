/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lookup.h"
#include "shot.h"
#include "zt/auto.h"
#include "zt/identity.h"
#include "zt/snapshot_format.h"

#define NEW_FILE ZT_SNAPSHOT_FILE ".new"

#define MUST(what) ((what) ? (void)0 : die(#what))

static void
die(const char *what)
{
	perror(what);
	abort();
}

static struct zt_directory_user *
users_of(const struct shot *shot, struct zt_user *records)
{
	struct zt_directory_user *users =
	    calloc(shot->n_users + 1, sizeof(*users));

	for (size_t i = 0; i < shot->n_users; i++) {
		const struct shot_user *u = &shot->users[i];

		records[i] = (struct zt_user){ .name = u->name,
			.id = "",
			.gecos = u->gecos,
			.home = u->home,
			.shell = u->shell,
			.not_after_us = UINT64_MAX,
			.privileged = "" };
		users[i] = (struct zt_directory_user){ .record = &records[i],
			.uid = u->uid,
			.gid = u->gid,
			.private_group = u->private_group,
			.n_gids = u->n_gids,
			.gids = u->gids };
	}
	return users;
}

static struct zt_directory_group *
groups_of(const struct shot *shot, struct zt_group *records)
{
	struct zt_directory_group *groups =
	    calloc(shot->n_groups + 1, sizeof(*groups));

	for (size_t i = 0; i < shot->n_groups; i++) {
		const struct shot_group *g = &shot->groups[i];

		records[i] = (struct zt_group){ .name = g->name, .id = "" };
		groups[i] = (struct zt_directory_group){ .record = &records[i],
			.gid = g->gid,
			.n_members = g->n_members,
			.members = g->members };
	}
	return groups;
}

void
shot_write(const struct shot *shot)
{
	static const char *const sources[] = { "test" };
	const struct zt_snapshot_meta meta = { .generation = shot->generation,
		.id_min = shot->id_min,
		.id_max = shot->id_max,
		.complete = !shot->incomplete,
		.enumerate = shot->enumerate,
		.sources = sources,
		.n_sources = 1 };
	zt_auto_free struct zt_user *user_records =
	    calloc(shot->n_users + 1, sizeof(*user_records));
	zt_auto_free struct zt_group *group_records =
	    calloc(shot->n_groups + 1, sizeof(*group_records));
	zt_auto_free struct zt_directory_user *users =
	    users_of(shot, user_records);
	zt_auto_free struct zt_directory_group *groups =
	    groups_of(shot, group_records);
	zt_auto_free uint32_t *allowed =
	    calloc(shot->n_allowed + 1, sizeof(*allowed));
	const struct zt_directory directory = { .users = users,
		.groups = groups,
		.n_users = shot->n_users,
		.n_groups = shot->n_groups,
		.allowed_gids = allowed,
		.n_allowed_gids = shot->n_allowed };

	if (shot->n_allowed > 0)
		memcpy(allowed, shot->allowed,
		    shot->n_allowed * sizeof(*allowed));
	MUST(zt_snapshot_write(ZT_SNAPSHOT_FILE, &directory, &meta) == ZT_OK);
}

uint8_t *
shot_read(size_t *len_out)
{
	zt_auto_close int fd = open(ZT_SNAPSHOT_FILE, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *bytes;

	MUST(fd >= 0 && fstat(fd, &st) == 0);
	bytes = malloc((size_t)st.st_size);
	MUST(read(fd, bytes, (size_t)st.st_size) == st.st_size);
	*len_out = (size_t)st.st_size;
	return bytes;
}

void
shot_mark(void)
{
	const off_t at = offsetof(struct zt_snapshot_header, superseded);
	zt_auto_close int fd = open(ZT_SNAPSHOT_FILE, O_WRONLY | O_CLOEXEC);
	const uint32_t one = 1;

	if (fd >= 0)
		MUST(pwrite(fd, &one, sizeof(one), at) == sizeof(one));
}

void
shot_remove(void)
{
	shot_mark();
	(void)unlink(ZT_SNAPSHOT_FILE);
}

static void
header_mend(uint8_t *bytes, size_t len)
{
	struct zt_snapshot_header h;

	if (len < sizeof(h))
		return;
	memcpy(&h, bytes, sizeof(h));
	h.checksum = 0;
	h.checksum = zt_snapshot_header_checksum(&h);
	memcpy(bytes, &h, sizeof(h));
}

void
shot_put(uint8_t *bytes, size_t len, bool mend)
{
	zt_auto_close int fd =
	    open(NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (mend)
		header_mend(bytes, len);
	MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	shot_mark();
	MUST(rename(NEW_FILE, ZT_SNAPSHOT_FILE) == 0);
}

void
shot_alice(bool alone, bool incomplete)
{
	struct shot_user users[1 + MEMBERS] = { { .name = "alice",
	    .uid = UID,
	    .gid = GID,
	    .gecos = "Alice A.",
	    .home = "/home/alice",
	    .shell = "/bin/bash" } };
	uint32_t members[MEMBERS];
	const struct shot_group staff1 = { "staff1", GID, members, MEMBERS };
	const struct shot shot = { .users = users,
		.n_users = alone ? 1 : 1 + MEMBERS,
		.groups = &staff1,
		.n_groups = alone ? 0 : 1,
		.id_min = ID_MIN,
		.id_max = ID_MAX,
		.incomplete = incomplete,
		.enumerate = true };

	for (uint32_t i = 0; i < MEMBERS; i++) {
		users[1 + i] = users[0];
		users[1 + i].name = member_name(i);
		users[1 + i].uid = UID + 100 + i;
		users[1 + i].gecos = "";
		members[i] = 1 + i;
	}
	shot_write(&shot);
}
