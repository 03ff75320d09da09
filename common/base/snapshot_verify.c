/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/passwd.h"
#include "zt/snapshot_format.h"

/*
 * Linear in the length of the file: each record is looked up by name and id,
 * which finds out about duplicates and about the indexes at once, and no two
 * records share a part of a list.
 */

static bool
checksums_good(const struct zt_snapshot *s, const struct zt_snapshot_header *h)
{
	for (size_t i = 0; i < ZT_SNAPSHOT_SECTIONS; i++) {
		const struct zt_snapshot_section *section = &h->sections[i];

		if (zt_snapshot_checksum(0,
			s->base + (size_t)section->offset * ZT_SNAPSHOT_UNIT,
			(size_t)section->len * ZT_SNAPSHOT_UNIT) !=
		    section->checksum)
			return false;
	}
	return true;
}

static bool
zeros(const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++)
		if (*p != 0)
			return false;
	return true;
}

static const uint8_t *
area_begin(const struct zt_snapshot *s, const struct zt_snapshot_area *area)
{
	return s->base + (size_t)area->offset * ZT_SNAPSHOT_UNIT;
}

static const uint8_t *
area_end(const struct zt_snapshot *s, const struct zt_snapshot_area *area)
{
	return area_begin(s, area) + (size_t)area->len * ZT_SNAPSHOT_UNIT;
}

/* As many slots in use as there are records; by their own lookups, each
 * record then has one, and no slot leads elsewhere. */
static bool
index_holds(const struct zt_snapshot *s, const struct zt_snapshot_area *index,
    uint32_t n)
{
	const uint8_t *p = area_begin(s, index);
	struct zt_snapshot_slot slot;
	uint32_t used = 0;

	for (uint32_t i = 0; i < index->len; i++) {
		memcpy(&slot, p + (size_t)i * sizeof(slot), sizeof(slot));
		if (slot.ref != 0)
			used++;
		else if (slot.tag != 0)
			return false;
	}
	return used == n;
}

/* A private group is told from the groups by name and gid. */
static bool
private_group_good(const struct zt_snapshot *s,
    const struct zt_snapshot_user *user)
{
	struct zt_snapshot_group by_name, by_gid;

	if (!user->private_group)
		return true;
	/* a group's name would have been found first, with its own gid */
	return zt_snapshot_group(s, user->name, &by_name) == ZT_OK &&
	    zt_snapshot_group_by_gid(s, user->gid, &by_gid) == ZT_OK &&
	    by_name.name.p == user->name.p && by_gid.name.p == user->name.p;
}

static bool
gids_good(const struct zt_snapshot *s, const struct zt_snapshot_user *user)
{
	uint32_t gid;

	for (uint32_t i = 0; i < user->n_gids; i++)
		if (zt_snapshot_gid(s, user, i, &gid) != ZT_OK)
			return false;
	return true;
}

/*
 * The user whose record begins at *p, whose gids begin at *gids; both move
 * past it.
 */
static bool
user_good(const struct zt_snapshot *s, const uint8_t **p, uint32_t *gids)
{
	const uint8_t *end = area_end(s, &s->users);
	struct zt_snapshot_user_head head;
	struct zt_snapshot_user user, same;
	const uint8_t *last;
	size_t len;

	if ((size_t)(end - *p) < sizeof(head))
		return false;
	memcpy(&head, *p, sizeof(head));
	len = zt_snapshot_user_len(&head);
	/* found by its uid: then all else was checked */
	if ((size_t)(end - *p) < len ||
	    zt_snapshot_user_by_uid(s, head.uid, &user) != ZT_OK ||
	    (const uint8_t *)user.name.p !=
		*p + zt_snapshot_user_head_len(&head))
		return false;
	if (zt_snapshot_user(s, user.name, &same) != ZT_OK ||
	    same.name.p != user.name.p)
		return false;
	last = (const uint8_t *)user.shell.p + user.shell.len;
	if (!zeros(last, *p + len) || user.gids != *gids ||
	    !gids_good(s, &user) || !private_group_good(s, &user))
		return false;
	*p += len;
	*gids += user.n_gids;
	return true;
}

/* Is there a user whose record begins where this member says? */
static bool
member_good(const struct zt_snapshot *s, const struct zt_snapshot_group *group,
    uint32_t i)
{
	const size_t at = ((size_t)group->members + i) * sizeof(uint32_t);
	struct zt_snapshot_user_head head;
	struct zt_snapshot_user user;
	struct zt_str name;
	const uint8_t *p;
	uint32_t ref;

	if (zt_snapshot_member(s, group, i, &name) != ZT_OK ||
	    zt_snapshot_user(s, name, &user) != ZT_OK || user.name.p != name.p)
		return false;
	memcpy(&ref, area_begin(s, &s->members) + at, sizeof(ref));
	p = s->base + (size_t)ref * ZT_SNAPSHOT_UNIT;
	memcpy(&head, p, sizeof(head));
	return p + zt_snapshot_user_head_len(&head) == (const uint8_t *)name.p;
}

static bool
members_good(const struct zt_snapshot *s, const struct zt_snapshot_group *group)
{
	for (uint32_t i = 0; i < group->n_members; i++)
		if (!member_good(s, group, i))
			return false;
	return true;
}

static bool
group_good(const struct zt_snapshot *s, const uint8_t **p, uint32_t *members)
{
	const uint8_t *end = area_end(s, &s->groups);
	struct zt_snapshot_group_head head;
	struct zt_snapshot_group group, same;
	const uint8_t *last;
	size_t len;

	if ((size_t)(end - *p) < sizeof(head))
		return false;
	memcpy(&head, *p, sizeof(head));
	len = zt_snapshot_group_len(&head);
	if ((size_t)(end - *p) < len ||
	    zt_snapshot_group_by_gid(s, head.gid, &group) != ZT_OK ||
	    (const uint8_t *)group.name.p != *p + sizeof(head))
		return false;
	if (zt_snapshot_group(s, group.name, &same) != ZT_OK ||
	    same.name.p != group.name.p)
		return false;
	last = (const uint8_t *)group.name.p + group.name.len;
	if (!zeros(last, *p + len) || group.members != *members ||
	    !members_good(s, &group))
		return false;
	*p += len;
	*members += group.n_members;
	return true;
}

/* Nothing but zeros after the last of n entries of an area of lists? */
static bool
list_ends(const struct zt_snapshot *s, const struct zt_snapshot_area *area,
    uint32_t n)
{
	return zeros(area_begin(s, area) + (size_t)n * sizeof(uint32_t),
	    area_end(s, area));
}

static bool
users_good(const struct zt_snapshot *s)
{
	const uint8_t *p = area_begin(s, &s->users);
	uint32_t gids = 0;

	for (uint32_t i = 0; i < s->info.users; i++)
		if (!user_good(s, &p, &gids))
			return false;
	return zeros(p, area_end(s, &s->users)) &&
	    list_ends(s, &s->gids, gids) &&
	    index_holds(s, &s->user_names, s->info.users) &&
	    index_holds(s, &s->user_ids, s->info.users);
}

static bool
groups_good(const struct zt_snapshot *s)
{
	const uint8_t *p = area_begin(s, &s->groups);
	uint32_t members = 0;

	for (uint32_t i = 0; i < s->info.groups; i++)
		if (!group_good(s, &p, &members))
			return false;
	return zeros(p, area_end(s, &s->groups)) &&
	    list_ends(s, &s->members, members) &&
	    index_holds(s, &s->group_names, s->info.groups) &&
	    index_holds(s, &s->group_ids, s->info.groups);
}

enum zt_err
zt_snapshot_intact(const struct zt_snapshot *s)
{
	struct zt_snapshot_header header;
	struct zt_snapshot again;

	/* the header was checked by zt_snapshot_init(), but it may be another
	   by now */
	if (zt_snapshot_init(s->base, s->len, &again) != ZT_OK)
		return ZT_ERR_MALFORMED;
	memcpy(&header, s->base, sizeof(header));
	return checksums_good(s, &header) ? ZT_OK : ZT_ERR_MALFORMED;
}

enum zt_err
zt_snapshot_verify(const struct zt_snapshot *s)
{
	if (zt_snapshot_intact(s) != ZT_OK || !users_good(s) || !groups_good(s))
		return ZT_ERR_MALFORMED;
	return ZT_OK;
}
