/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "snapshot_image.h"
#include "zt/auto.h"
#include "zt/snapshot_format.h"
#include "zt/text.h"

#define SEEDS_MAX  16 /* tried before the names are given up, count */
#define LINE_UNITS (ZT_SNAPSHOT_LINE / ZT_SNAPSHOT_UNIT)

/* While it is made. */
struct make {
	const struct zt_directory *directory;
	struct zt_snapshot_header *header; /* at the begin of bytes */
	uint8_t *bytes;
	uint32_t *user_refs, *group_refs; /* where each record begins */
};

/* The lengths of the sections while they are added up, bytes. */
struct sizes {
	uint64_t section[ZT_SNAPSHOT_SECTIONS];
};

static bool
text_fits(const char *text, size_t max, uint16_t *len_out)
{
	const size_t len = strlen(text);

	*len_out = (uint16_t)len;
	return len <= max;
}

static bool
has_validity(const struct zt_user *user)
{
	return user->not_before_us != 0 || user->not_after_us != UINT64_MAX;
}

/* All of a user's head but where the gids stand. */
static enum zt_err
user_head(const struct zt_directory_user *user,
    struct zt_snapshot_user_head *out)
{
	const struct zt_user *record = user->record;
	uint16_t name_len;

	*out = (struct zt_snapshot_user_head){ .uid = user->uid,
		.gid = user->gid,
		.n_gids = user->n_gids,
		.source = user->source };
	if (!text_fits(record->name, ZT_NAME_MAX, &name_len) ||
	    !text_fits(record->gecos, ZT_GECOS_MAX, &out->gecos_len) ||
	    !text_fits(record->home, ZT_PATH_MAX, &out->home_len) ||
	    !text_fits(record->shell, ZT_PATH_MAX, &out->shell_len))
		return ZT_ERR_TOOBIG;
	out->name_len = (uint8_t)name_len;
	if (record->locked)
		out->flags |= ZT_SNAPSHOT_LOCKED;
	if (user->private_group)
		out->flags |= ZT_SNAPSHOT_PRIVATE_GROUP;
	if (has_validity(record))
		out->flags |= ZT_SNAPSHOT_VALIDITY;
	return ZT_OK;
}

static enum zt_err
group_head(const struct zt_directory_group *group,
    struct zt_snapshot_group_head *out)
{
	uint16_t name_len;

	*out = (struct zt_snapshot_group_head){ .gid = group->gid,
		.n_members = group->n_members,
		.source = group->source,
		.flags = group->allowed ? ZT_SNAPSHOT_ALLOWED : 0 };
	if (!text_fits(group->record->name, ZT_NAME_MAX, &name_len))
		return ZT_ERR_TOOBIG;
	out->name_len = (uint8_t)name_len;
	return ZT_OK;
}

/* Half of the slots stay empty, so that a miss is short. */
static uint64_t
index_size(size_t n)
{
	return (uint64_t)n * 2 * sizeof(struct zt_snapshot_slot);
}

static enum zt_err
measure(const struct zt_directory *directory, struct sizes *out)
{
	struct zt_snapshot_group_head group;
	struct zt_snapshot_user_head user;
	struct sizes sizes = { 0 };
	uint64_t *section = sizes.section;
	enum zt_err err;

	for (size_t i = 0; i < directory->n_users; i++) {
		if ((err = user_head(&directory->users[i], &user)) != ZT_OK)
			return err;
		section[ZT_SNAPSHOT_USERS] += zt_snapshot_user_len(&user);
		section[ZT_SNAPSHOT_GIDS] += user.n_gids * sizeof(uint32_t);
	}
	for (size_t i = 0; i < directory->n_groups; i++) {
		if ((err = group_head(&directory->groups[i], &group)) != ZT_OK)
			return err;
		section[ZT_SNAPSHOT_GROUPS] += zt_snapshot_group_len(&group);
		section[ZT_SNAPSHOT_MEMBERS] +=
		    group.n_members * sizeof(uint32_t);
	}
	section[ZT_SNAPSHOT_USER_NAMES] = index_size(directory->n_users);
	section[ZT_SNAPSHOT_USER_IDS] = index_size(directory->n_users);
	section[ZT_SNAPSHOT_GROUP_NAMES] = index_size(directory->n_groups);
	section[ZT_SNAPSHOT_GROUP_IDS] = index_size(directory->n_groups);
	*out = sizes;
	return ZT_OK;
}

/* Put the sections one behind the other; how long is the file then? */
static enum zt_err
place_sections(const struct sizes *sizes, struct zt_snapshot_header *header)
{
	uint64_t end = sizeof(*header) / ZT_SNAPSHOT_UNIT;
	uint64_t lines;

	for (size_t i = 0; i < ZT_SNAPSHOT_SECTIONS; i++) {
		lines = (sizes->section[i] + ZT_SNAPSHOT_LINE - 1) /
		    ZT_SNAPSHOT_LINE;
		header->sections[i].offset = (uint32_t)end;
		header->sections[i].len = (uint32_t)(lines * LINE_UNITS);
		end += lines * LINE_UNITS;
		if (end > UINT32_MAX)
			return ZT_ERR_TOOBIG;
	}
	/* the lists are counted in 32 bits */
	if (sizes->section[ZT_SNAPSHOT_GIDS] / sizeof(uint32_t) > UINT32_MAX ||
	    sizes->section[ZT_SNAPSHOT_MEMBERS] / sizeof(uint32_t) > UINT32_MAX)
		return ZT_ERR_TOOBIG;
	header->file_len = end * ZT_SNAPSHOT_UNIT;
	return ZT_OK;
}

static enum zt_err
header_sources(const struct zt_snapshot_meta *meta,
    struct zt_snapshot_header *header)
{
	if (meta->n_sources > ZT_SNAPSHOT_SOURCES_MAX)
		return ZT_ERR_TOOBIG;
	header->n_sources = (uint32_t)meta->n_sources;
	for (size_t i = 0; i < meta->n_sources; i++) {
		const struct zt_str name = zt_str(meta->sources[i]);

		if (!zt_name_valid(name) ||
		    zt_str_copy(header->sources[i], ZT_SNAPSHOT_SOURCE_LEN,
			name) != ZT_OK)
			return ZT_ERR_INVAL;
	}
	return ZT_OK;
}

static enum zt_err
header_make(const struct zt_directory *directory,
    const struct zt_snapshot_meta *meta, struct zt_snapshot_header *header)
{
	if (directory->n_allowed_gids > ZT_SNAPSHOT_ALLOWED_MAX)
		return ZT_ERR_TOOBIG;
	memcpy(header->magic, ZT_SNAPSHOT_MAGIC, sizeof(header->magic));
	header->version = ZT_SNAPSHOT_VERSION;
	header->header_len = sizeof(*header);
	header->generation = meta->generation;
	header->created_ms = meta->created_ms;
	header->id_min = meta->id_min;
	header->id_max = meta->id_max;
	header->flags = (meta->complete ? ZT_SNAPSHOT_COMPLETE : 0) |
	    (meta->enumerate ? ZT_SNAPSHOT_ENUMERATE : 0);
	header->n_users = (uint32_t)directory->n_users;
	header->n_groups = (uint32_t)directory->n_groups;
	header->n_allowed = (uint32_t)directory->n_allowed_gids;
	for (size_t i = 0; i < directory->n_allowed_gids; i++)
		header->allowed[i] = directory->allowed_gids[i];
	return header_sources(meta, header);
}

static uint32_t
section_offset(const struct make *make, enum zt_snapshot_section_id id)
{
	return make->header->sections[id].offset;
}

static uint8_t *
unit_at(const struct make *make, uint32_t unit)
{
	return make->bytes + (size_t)unit * ZT_SNAPSHOT_UNIT;
}

static uint8_t *
put(uint8_t *p, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(p, bytes, len);
	return p + len;
}

static void
user_put(uint8_t *p, const struct zt_user *record,
    const struct zt_snapshot_user_head *head)
{
	const struct zt_snapshot_validity validity = { record->not_before_us,
		record->not_after_us };

	p = put(p, head, sizeof(*head));
	if ((head->flags & ZT_SNAPSHOT_VALIDITY) != 0)
		p = put(p, &validity, sizeof(validity));
	p = put(p, record->name, head->name_len + 1U);
	p = put(p, record->gecos, head->gecos_len + 1U);
	p = put(p, record->home, head->home_len + 1U);
	(void)put(p, record->shell, head->shell_len + 1U);
}

static enum zt_err
users_fill(struct make *make)
{
	uint8_t *gids = unit_at(make, section_offset(make, ZT_SNAPSHOT_GIDS));
	uint32_t ref = section_offset(make, ZT_SNAPSHOT_USERS);
	struct zt_snapshot_user_head head;
	uint32_t first = 0;
	enum zt_err err;

	for (size_t i = 0; i < make->directory->n_users; i++) {
		const struct zt_directory_user *user =
		    &make->directory->users[i];

		if ((err = user_head(user, &head)) != ZT_OK)
			return err;
		head.gids = first;
		first += head.n_gids;
		gids = put(gids, user->gids, head.n_gids * sizeof(uint32_t));
		user_put(unit_at(make, ref), user->record, &head);
		make->user_refs[i] = ref;
		ref +=
		    (uint32_t)(zt_snapshot_user_len(&head) / ZT_SNAPSHOT_UNIT);
	}
	return ZT_OK;
}

/* Members as refs of their records. */
static enum zt_err
members_fill(const struct make *make, const struct zt_directory_group *group,
    uint8_t **members)
{
	for (uint32_t i = 0; i < group->n_members; i++) {
		if (group->members[i] >= make->directory->n_users)
			return ZT_ERR_INVAL;
		*members = put(*members, &make->user_refs[group->members[i]],
		    sizeof(uint32_t));
	}
	return ZT_OK;
}

static enum zt_err
groups_fill(struct make *make)
{
	uint8_t *members =
	    unit_at(make, section_offset(make, ZT_SNAPSHOT_MEMBERS));
	uint32_t ref = section_offset(make, ZT_SNAPSHOT_GROUPS);
	struct zt_snapshot_group_head head;
	uint32_t first = 0;
	enum zt_err err;

	for (size_t i = 0; i < make->directory->n_groups; i++) {
		const struct zt_directory_group *group =
		    &make->directory->groups[i];

		if ((err = group_head(group, &head)) != ZT_OK ||
		    (err = members_fill(make, group, &members)) != ZT_OK)
			return err;
		head.members = first;
		first += head.n_members;
		(void)put(put(unit_at(make, ref), &head, sizeof(head)),
		    group->record->name, head.name_len + 1U);
		make->group_refs[i] = ref;
		ref +=
		    (uint32_t)(zt_snapshot_group_len(&head) / ZT_SNAPSHOT_UNIT);
	}
	return ZT_OK;
}

/* An index while it is filled. */
struct index {
	struct zt_snapshot_slot *slots;
	uint32_t n;
	uint32_t seed;
	bool ids; /* else names */
	const struct make *make;
};

/* The name that follows the head of a record of either kind. */
static const char *
name_at(const struct make *make, uint32_t ref)
{
	const uint8_t *p = unit_at(make, ref);
	struct zt_snapshot_user_head head;

	if (ref >= section_offset(make, ZT_SNAPSHOT_GROUPS))
		return (const char *)p + sizeof(struct zt_snapshot_group_head);
	memcpy(&head, p, sizeof(head));
	return (const char *)p + zt_snapshot_user_head_len(&head);
}

/* Of two with one tag: are they one name, or one id? */
static bool
is_twice(const struct index *index, uint32_t ref, uint32_t other)
{
	return index->ids ||
	    strcmp(name_at(index->make, ref), name_at(index->make, other)) == 0;
}

static uint32_t
slot_home(const struct index *index, uint32_t tag)
{
	return zt_snapshot_home(index->ids
		? zt_snapshot_hash_id(tag, index->seed)
		: tag,
	    index->n);
}

/* How far is slot at from home, going round? */
static uint32_t
distance(const struct index *index, uint32_t home, uint32_t at)
{
	return at >= home ? at - home : at + index->n - home;
}

/*
 * Put one in.  Who is nearer to its home gives way to who is farther, so that
 * the farthest is not far.  ZT_ERR_TOOBIG: it would be with this seed.
 */
static enum zt_err
index_put(struct index *index, struct zt_snapshot_slot in)
{
	uint32_t at = slot_home(index, in.tag);
	struct zt_snapshot_slot here;
	uint32_t theirs;

	for (uint32_t ours = 0; ours < ZT_SNAPSHOT_PROBE_MAX; ours++) {
		here = index->slots[at];
		if (here.ref == 0) {
			index->slots[at] = in;
			return ZT_OK;
		}
		if (here.tag == in.tag && is_twice(index, here.ref, in.ref))
			return ZT_ERR_INVAL;
		theirs = distance(index, slot_home(index, here.tag), at);
		if (theirs < ours) {
			index->slots[at] = in;
			in = here;
			ours = theirs;
		}
		at = at + 1 == index->n ? 0 : at + 1;
	}
	return ZT_ERR_TOOBIG;
}

/* Empty, with the seed of the header. */
static struct index
index_begin(const struct make *make, enum zt_snapshot_section_id id, bool ids)
{
	const struct zt_snapshot_section *section = &make->header->sections[id];
	void *slots = unit_at(make, section->offset);

	memset(slots, 0, (size_t)section->len * ZT_SNAPSHOT_UNIT);
	return (struct index){ slots, section->len, make->header->seed, ids,
		make };
}

static enum zt_err
users_index(const struct make *make)
{
	struct index names = index_begin(make, ZT_SNAPSHOT_USER_NAMES, false);
	struct index ids = index_begin(make, ZT_SNAPSHOT_USER_IDS, true);
	struct zt_snapshot_slot slot;
	enum zt_err err;

	for (size_t i = 0; i < make->directory->n_users; i++) {
		const struct zt_directory_user *user =
		    &make->directory->users[i];

		slot.ref = make->user_refs[i];
		slot.tag = zt_snapshot_hash_name(zt_str(user->record->name),
		    names.seed);
		if ((err = index_put(&names, slot)) != ZT_OK)
			return err;
		slot.tag = user->uid;
		if ((err = index_put(&ids, slot)) != ZT_OK)
			return err;
	}
	return ZT_OK;
}

static enum zt_err
groups_index(const struct make *make)
{
	struct index names = index_begin(make, ZT_SNAPSHOT_GROUP_NAMES, false);
	struct index ids = index_begin(make, ZT_SNAPSHOT_GROUP_IDS, true);
	struct zt_snapshot_slot slot;
	enum zt_err err;

	for (size_t i = 0; i < make->directory->n_groups; i++) {
		const struct zt_directory_group *group =
		    &make->directory->groups[i];

		slot.ref = make->group_refs[i];
		slot.tag = zt_snapshot_hash_name(zt_str(group->record->name),
		    names.seed);
		if ((err = index_put(&names, slot)) != ZT_OK)
			return err;
		slot.tag = group->gid;
		if ((err = index_put(&ids, slot)) != ZT_OK)
			return err;
	}
	return ZT_OK;
}

/* Try seeds until nobody is too far from home. */
static enum zt_err
indexes_fill(struct make *make)
{
	enum zt_err err = ZT_ERR_TOOBIG;

	for (uint32_t i = 0; i < SEEDS_MAX && err == ZT_ERR_TOOBIG; i++) {
		make->header->seed =
		    zt_snapshot_seed(make->header->generation, i);
		if ((err = users_index(make)) == ZT_OK)
			err = groups_index(make);
	}
	return err;
}

static void
checksums_fill(const struct make *make)
{
	struct zt_snapshot_header *header = make->header;

	for (size_t i = 0; i < ZT_SNAPSHOT_SECTIONS; i++) {
		struct zt_snapshot_section *section = &header->sections[i];

		section->checksum =
		    zt_snapshot_checksum(0, unit_at(make, section->offset),
			(size_t)section->len * ZT_SNAPSHOT_UNIT);
	}
	header->checksum = zt_snapshot_header_checksum(header);
}

static enum zt_err
fill(struct make *make)
{
	enum zt_err err;

	if ((err = users_fill(make)) != ZT_OK ||
	    (err = groups_fill(make)) != ZT_OK ||
	    (err = indexes_fill(make)) != ZT_OK)
		return err;
	checksums_fill(make);
	return ZT_OK;
}

enum zt_err
snapshot_image_make(const struct zt_directory *directory,
    const struct zt_snapshot_meta *meta, struct snapshot_image *out)
{
	struct zt_snapshot_header header = { 0 };
	zt_auto_free uint32_t *user_refs = NULL;
	zt_auto_free uint32_t *group_refs = NULL;
	zt_auto_free void *bytes = NULL;
	struct sizes sizes;
	struct make make;
	enum zt_err err;

	if ((err = measure(directory, &sizes)) != ZT_OK ||
	    (err = place_sections(&sizes, &header)) != ZT_OK ||
	    (err = header_make(directory, meta, &header)) != ZT_OK)
		return err;
	if (header.file_len > SIZE_MAX)
		return ZT_ERR_TOOBIG;
	bytes = calloc(1, (size_t)header.file_len);
	user_refs = calloc(directory->n_users + 1, sizeof(*user_refs));
	group_refs = calloc(directory->n_groups + 1, sizeof(*group_refs));
	if (bytes == NULL || user_refs == NULL || group_refs == NULL)
		return ZT_ERR_NOMEM;
	memcpy(bytes, &header, sizeof(header));
	make = (struct make){ directory, bytes, bytes, user_refs, group_refs };
	if ((err = fill(&make)) != ZT_OK)
		return err;
	*out = (struct snapshot_image){ zt_take(bytes), header.file_len };
	return ZT_OK;
}
