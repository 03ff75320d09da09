/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot_sample.h"
#include "snapshot_seal.h"
#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/text.h"

static const uint32_t alice_gids[] = { 27, 71000 };
static const uint32_t bob_gids[] = { 71001 };
static const uint32_t team_members[] = { 0, 1, 2 };
static const uint32_t docker_members[] = { 1 };
static const char *const source_names[] = { "files", "corp" };

static const struct zt_user users[SAMPLE_USERS] = {
	{ .name = "alice",
	    .gecos = "Alice \xc3\x89.",
	    .home = "/home/alice",
	    .shell = "/bin/bash",
	    .not_after_us = UINT64_MAX },
	{ .name = "bob",
	    .gecos = "",
	    .home = "/home/b.o.b",
	    .shell = "/bin/sh",
	    .locked = true,
	    .not_before_us = 5,
	    .not_after_us = 6 },
	{ .name = "carol",
	    .gecos = "C",
	    .home = "/srv/carol-with-a-longer-name",
	    .shell = "/usr/bin/zsh",
	    .not_after_us = UINT64_MAX },
};

static const struct zt_group groups[SAMPLE_GROUPS] = { { .name = "team" },
	{ .name = "docker" }, { .name = "nobody_in" } };

void
sample_init(struct sample *s)
{
	*s = (struct sample){
		.directory_users = { { NULL, 70001, 70001, true, 0, 2,
					 alice_gids },
		    { NULL, 70002, 71000, false, 1, 1, bob_gids },
		    { NULL, 70003, 70003, true, 1, 0, NULL } },
		.directory_groups = { { NULL, 71000, false, 0, 3,
					  team_members },
		    { NULL, 71001, true, 1, 1, docker_members },
		    { NULL, 71002, false, 1, 0, NULL } },
		.allowed = { 27 },
		.directory = { .n_users = SAMPLE_USERS,
		    .n_groups = SAMPLE_GROUPS,
		    .n_allowed_gids = 1 },
		.meta = { .generation = 7,
		    .created_ms = 1700000000123,
		    .id_min = SAMPLE_ID_MIN,
		    .id_max = SAMPLE_ID_MAX,
		    .complete = true,
		    .sources = source_names,
		    .n_sources = 2 },
	};
	memcpy(s->users, users, sizeof(users));
	memcpy(s->groups, groups, sizeof(groups));
	for (size_t i = 0; i < SAMPLE_USERS; i++)
		s->directory_users[i].record = &s->users[i];
	for (size_t i = 0; i < SAMPLE_GROUPS; i++)
		s->directory_groups[i].record = &s->groups[i];
	s->directory.users = s->directory_users;
	s->directory.groups = s->directory_groups;
	s->directory.allowed_gids = s->allowed;
}

void
sandbox_make(struct sandbox *box)
{
	strcpy(box->dir, "/tmp/zt-snapshot-XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	(void)snprintf(box->path, sizeof(box->path), "%s/users.snapshot",
	    box->dir);
}

void
sandbox_remove(const struct sandbox *box)
{
	DIR *dir = opendir(box->dir);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	assert_int_equal(rmdir(box->dir), 0);
}

struct copy
copy_write(const struct zt_directory *directory,
    const struct zt_snapshot_meta *meta)
{
	zt_auto_close int fd = -1;
	struct copy copy;
	struct sandbox box;
	struct stat st;

	sandbox_make(&box);
	assert_int_equal(zt_snapshot_write(box.path, directory, meta), ZT_OK);
	fd = open(box.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	copy = (struct copy){ malloc((size_t)st.st_size), (size_t)st.st_size };
	assert_non_null(copy.bytes);
	assert_int_equal(read(fd, copy.bytes, copy.len), copy.len);
	sandbox_remove(&box);
	return copy;
}

struct copy
copy_sample(void)
{
	struct sample sample;

	sample_init(&sample);
	return copy_write(&sample.directory, &sample.meta);
}

struct zt_snapshot_header *
copy_header(struct copy *copy)
{
	void *p = copy->bytes;

	return p;
}

uint8_t *
copy_section(struct copy *copy, enum zt_snapshot_section_id id)
{
	return copy->bytes +
	    (size_t)copy_header(copy)->sections[id].offset * ZT_SNAPSHOT_UNIT;
}

uint8_t *
copy_user(struct copy *copy, const char *name)
{
	struct zt_snapshot s;
	struct zt_snapshot_user user;
	size_t head = sizeof(struct zt_snapshot_user_head);

	assert_int_equal(zt_snapshot_init(copy->bytes, copy->len, &s), ZT_OK);
	assert_int_equal(zt_snapshot_user(&s, zt_str(name), &user), ZT_OK);
	if (user.not_before_us != 0 || user.not_after_us != UINT64_MAX)
		head += sizeof(struct zt_snapshot_validity);
	return copy->bytes + ((const uint8_t *)user.name.p - copy->bytes) -
	    head;
}

uint8_t *
copy_group(struct copy *copy, const char *name)
{
	struct zt_snapshot s;
	struct zt_snapshot_group group;

	assert_int_equal(zt_snapshot_init(copy->bytes, copy->len, &s), ZT_OK);
	assert_int_equal(zt_snapshot_group(&s, zt_str(name), &group), ZT_OK);
	return copy->bytes + ((const uint8_t *)group.name.p - copy->bytes) -
	    sizeof(struct zt_snapshot_group_head);
}

void
copy_seal(struct copy *copy)
{
	snapshot_seal(copy_header(copy), copy->len);
}

static void
text_obeys(struct zt_str s, bool good)
{
	assert_true(good);
	assert_int_equal(s.p[s.len], '\0');
	assert_int_equal(strlen(s.p), s.len);
}

static void
id_obeys(const struct zt_snapshot *s, uint32_t id)
{
	assert_true(id >= s->info.id_min && id <= s->info.id_max);
	assert_true(id >= ZT_SNAPSHOT_ID_FLOOR && zt_id_valid(id));
}

static void
user_obeys(const struct zt_snapshot *s, const struct zt_snapshot_user *user)
{
	uint32_t gid = 0;

	text_obeys(user->name, zt_name_valid(user->name));
	text_obeys(user->gecos, zt_field_valid(user->gecos));
	text_obeys(user->home, zt_path_valid(user->home));
	text_obeys(user->shell, zt_path_valid(user->shell));
	assert_false(zt_str_is(user->name, "root"));
	id_obeys(s, user->uid);
	id_obeys(s, user->gid);
	for (uint32_t i = 0; i < user->n_gids; i++)
		if (zt_snapshot_gid(s, user, i, &gid) == ZT_OK && gid != 27)
			id_obeys(s, gid);
}

static void
group_obeys(const struct zt_snapshot *s, const struct zt_snapshot_group *group)
{
	struct zt_str name;

	text_obeys(group->name, zt_name_valid(group->name));
	id_obeys(s, group->gid);
	for (uint32_t i = 0; i < group->n_members; i++)
		if (zt_snapshot_member(s, group, i, &name) == ZT_OK)
			text_obeys(name, zt_name_valid(name));
}

static void
ask_names(const struct zt_snapshot *s, const char *name)
{
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;

	if (zt_snapshot_user(s, zt_str(name), &user) == ZT_OK) {
		user_obeys(s, &user);
		assert_true(zt_str_is(user.name, name));
	}
	if (zt_snapshot_group(s, zt_str(name), &group) == ZT_OK) {
		group_obeys(s, &group);
		assert_true(zt_str_is(group.name, name));
	}
}

static void
ask_id(const struct zt_snapshot *s, uint32_t id)
{
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;

	if (zt_snapshot_user_by_uid(s, id, &user) == ZT_OK) {
		user_obeys(s, &user);
		assert_int_equal(user.uid, id);
	}
	if (zt_snapshot_group_by_gid(s, id, &group) == ZT_OK) {
		group_obeys(s, &group);
		assert_int_equal(group.gid, id);
	}
}

static void
ask_all(const struct zt_snapshot *s)
{
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;
	uint32_t cursor = 0;

	while (zt_snapshot_user_next(s, &cursor, &user) == ZT_OK)
		user_obeys(s, &user);
	cursor = 0;
	while (zt_snapshot_group_next(s, &cursor, &group) == ZT_OK)
		group_obeys(s, &group);
}

void
copy_interrogate(const struct copy *copy)
{
	static const char *const names[] = { "alice", "bob", "carol", "team",
		"docker", "nobody_in", "root", "nobody", "" };
	static const uint32_t ids[] = { 0, 27, 70000, 70001, 70002, 70003,
		71000, 71001, 71002, 79999, 80000, UINT32_MAX };
	struct zt_snapshot s;

	if (zt_snapshot_init(copy->bytes, copy->len, &s) != ZT_OK)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ask_names(&s, names[i]);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		ask_id(&s, ids[i]);
	ask_all(&s);
}
