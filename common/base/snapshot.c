/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zt/passwd.h"
#include "zt/snapshot_format.h"
#include "zt/text.h"

static const uint8_t *
unit_at(const struct zt_snapshot *s, uint32_t unit)
{
	return s->base + (size_t)unit * ZT_SNAPSHOT_UNIT;
}

static size_t
area_bytes(const struct zt_snapshot_area *area)
{
	return (size_t)area->len * ZT_SNAPSHOT_UNIT;
}

/* Does a list of n, of which this is the first, fit into an area of lists? */
static bool
list_fits(const struct zt_snapshot_area *area, uint32_t first, uint32_t n)
{
	return (uint64_t)first + n <= area_bytes(area) / sizeof(uint32_t);
}

static uint32_t
list_get(const struct zt_snapshot *s, const struct zt_snapshot_area *area,
    uint64_t i)
{
	uint32_t v;

	memcpy(&v, unit_at(s, area->offset) + i * sizeof(v), sizeof(v));
	return v;
}

/*
 * The rules.  They are those of zt/text.h and zt/passwd.h, in the form that
 * is cheap enough for each lookup; a test holds the two against each other.
 */

static bool
name_served(struct zt_str name)
{
	return zt_name_valid(name) &&
	    (name.len != 4 || memcmp(name.p, "root", 4) != 0);
}

/*
 * A user's four texts lie behind one another, each with its NUL: they are
 * looked at as one, in blocks.
 */
#define TEXTS 4

typedef uint8_t block __attribute__((__vector_size__(16)));

/* What was seen in each of the places of a block. */
struct scan {
	block controls; /* how many */
	block colons;   /* not 0 if there was one */
	block dots;     /* not 0 if there were two in a row */
};

static block
block_load(const uint8_t *p)
{
	block b;

	memcpy(&b, p, sizeof(b));
	return b;
}

/* Look at b, and at the block that begins one byte before it. */
static void
scan_block(struct scan *scan, block b, block before)
{
	/* what is true of a place is -1 there */
	scan->controls -= (block)((b < ' ') | (b == 0x7f));
	scan->colons |= (block)(b == ':');
	scan->dots |= (block)((b == '.') & (before == '.'));
}

/*
 * Bytes p to end: the texts of a record.  They are no less than 9, and behind
 * a head, so that a block that ends with them begins within the record.
 */
static struct scan
texts_scan(const uint8_t *p, const uint8_t *end)
{
	static const block place = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15 };
	const uint8_t *last = end - sizeof(block);
	struct scan scan = { 0 };
	block seen;

	for (; p < last; p += sizeof(block))
		scan_block(&scan, block_load(p), block_load(p - 1));
	/* places that it shares with the block before do not count again */
	seen = (block)(place < (uint8_t)(p - last));
	scan_block(&scan, block_load(last) | seen, block_load(last - 1));
	return scan;
}

static bool
block_any(block b)
{
	uint64_t half[2];

	memcpy(half, &b, sizeof(half));
	return (half[0] | half[1]) != 0;
}

/* The sum of all places; each is at most 127. */
static uint64_t
block_sum(block b)
{
	const uint64_t even = 0x00ff00ff00ff00ffU, sum = 0x0001000100010001U;
	uint64_t half[2], both;

	memcpy(half, &b, sizeof(half));
	both = half[0] + half[1];
	return ((both & even) + (both >> 8 & even)) * sum >> 48;
}

static bool
path_begins(struct zt_str s)
{
	return s.len >= 2 && s.len <= ZT_PATH_MAX && s.p[0] == '/';
}

/*
 * The records.  Each is held against all rules whenever it is looked at.
 */

/* Take len bytes and a NUL from p on; the caller has checked the bounds. */
static bool
text_take(const uint8_t **p, size_t len, struct zt_str *out)
{
	*out = (struct zt_str){ (const char *)*p, len };
	*p += len + 1;
	return out->p[len] == '\0';
}

/* Do they end where their lengths say, and may they be as long? */
static bool
user_texts_end(const uint8_t **p, const struct zt_snapshot_user_head *head,
    struct zt_snapshot_user *out)
{
	return text_take(p, head->name_len, &out->name) &&
	    text_take(p, head->gecos_len, &out->gecos) &&
	    text_take(p, head->home_len, &out->home) &&
	    text_take(p, head->shell_len, &out->shell) &&
	    out->gecos.len <= ZT_GECOS_MAX && path_begins(out->home) &&
	    path_begins(out->shell) && name_served(out->name);
}

static bool
user_texts(const uint8_t *p, const struct zt_snapshot_user_head *head,
    struct zt_snapshot_user *out)
{
	const uint8_t *end = p;
	struct scan scan;

	if (!user_texts_end(&end, head, out))
		return false;
	scan = texts_scan(p, end);
	if (block_sum(scan.controls) != TEXTS || block_any(scan.colons))
		return false;
	return !block_any(scan.dots) ||
	    (zt_path_valid(out->home) && zt_path_valid(out->shell));
}

static bool
user_numbers(const struct zt_snapshot *s,
    const struct zt_snapshot_user_head *head, struct zt_snapshot_user *out)
{
	out->uid = head->uid;
	out->gid = head->gid;
	out->locked = (head->flags & ZT_SNAPSHOT_LOCKED) != 0;
	out->private_group = (head->flags & ZT_SNAPSHOT_PRIVATE_GROUP) != 0;
	out->source = head->source;
	out->n_gids = head->n_gids;
	out->gids = head->gids;
	return zt_snapshot_id_served(s, head->uid) &&
	    zt_snapshot_id_served(s, head->gid) &&
	    (!out->private_group || head->gid == head->uid) &&
	    list_fits(&s->gids, head->gids, head->n_gids) &&
	    head->source < ZT_SNAPSHOT_SOURCES_MAX &&
	    (head->flags & ~(uint32_t)ZT_SNAPSHOT_USER_FLAGS) == 0;
}

enum zt_err
zt_snapshot_user_take(const struct zt_snapshot *s, const uint8_t *p, size_t len,
    struct zt_snapshot_user *out)
{
	struct zt_snapshot_validity validity = { 0, UINT64_MAX };
	struct zt_snapshot_user_head head;

	if (len < sizeof(head))
		return ZT_ERR_MALFORMED;
	memcpy(&head, p, sizeof(head));
	if (len < zt_snapshot_user_len(&head))
		return ZT_ERR_MALFORMED;
	if ((head.flags & ZT_SNAPSHOT_VALIDITY) != 0)
		memcpy(&validity, p + sizeof(head), sizeof(validity));
	out->not_before_us = validity.not_before_us;
	out->not_after_us = validity.not_after_us;
	p += zt_snapshot_user_head_len(&head);
	if (!user_numbers(s, &head, out) || !user_texts(p, &head, out))
		return ZT_ERR_MALFORMED;
	return ZT_OK;
}

/* The record of a user at the unit ref.  *out is filled on failure too. */
static enum zt_err
user_at(const struct zt_snapshot *s, uint32_t ref, struct zt_snapshot_user *out)
{
	const size_t left = zt_snapshot_left(&s->users, ref);

	if (left == 0)
		return ZT_ERR_MALFORMED;
	return zt_snapshot_user_take(s, unit_at(s, ref), left, out);
}

static enum zt_err
group_at(const struct zt_snapshot *s, uint32_t ref,
    struct zt_snapshot_group *out)
{
	struct zt_snapshot_group_head head;
	const size_t left = zt_snapshot_left(&s->groups, ref);
	const uint8_t *p;

	if (left < sizeof(head))
		return ZT_ERR_MALFORMED;
	p = unit_at(s, ref);
	memcpy(&head, p, sizeof(head));
	if (left < zt_snapshot_group_len(&head))
		return ZT_ERR_MALFORMED;
	p += sizeof(head);
	if (!text_take(&p, head.name_len, &out->name) ||
	    !name_served(out->name) || !zt_snapshot_id_served(s, head.gid) ||
	    !list_fits(&s->members, head.members, head.n_members) ||
	    head.source >= ZT_SNAPSHOT_SOURCES_MAX ||
	    (head.flags & ~ZT_SNAPSHOT_GROUP_FLAGS) != 0)
		return ZT_ERR_MALFORMED;
	if ((head.flags & ZT_SNAPSHOT_ALLOWED) == 0 &&
	    zt_group_privileged(out->name))
		return ZT_ERR_MALFORMED;
	out->gid = head.gid;
	out->source = head.source;
	out->n_members = head.n_members;
	out->members = head.members;
	return ZT_OK;
}

/* The group that a user is by itself. */
static enum zt_err
private_group(const struct zt_snapshot_user *user,
    struct zt_snapshot_group *out)
{
	if (!user->private_group)
		return ZT_ERR_NOTFOUND;
	if (zt_group_privileged(user->name))
		return ZT_ERR_MALFORMED;
	*out = (struct zt_snapshot_group){
		.name = user->name, .gid = user->gid, .source = user->source
	};
	return ZT_OK;
}

/*
 * The indexes.  A search ends at an empty slot, or after as many as the
 * writer goes at most, so that no file makes it long.
 */

static struct zt_snapshot_slot
slot_at(const struct zt_snapshot *s, const struct zt_snapshot_area *index,
    uint32_t i)
{
	struct zt_snapshot_slot slot;

	memcpy(&slot, unit_at(s, index->offset + i), sizeof(slot));
	return slot;
}

struct search {
	uint32_t tag;
	uint32_t slot; /* next to look at */
	uint32_t left; /* slots still to look at */
};

static struct search
search_begin(const struct zt_snapshot_area *index, uint32_t tag, uint32_t hash)
{
	const uint32_t max = ZT_SNAPSHOT_PROBE_MAX;

	return (struct search){ tag, zt_snapshot_home(hash, index->len),
		index->len < max ? index->len : max };
}

/* The next ref under this tag, or 0: the header is no record. */
static uint32_t
search_next(const struct zt_snapshot *s, const struct zt_snapshot_area *index,
    struct search *search)
{
	struct zt_snapshot_slot slot;

	for (; search->left > 0; search->left--) {
		slot = slot_at(s, index, search->slot);
		if (slot.ref == 0)
			return 0;
		if (++search->slot == index->len)
			search->slot = 0;
		if (slot.tag == search->tag) {
			search->left--;
			return slot.ref;
		}
	}
	return 0;
}

static bool
same(struct zt_str a, struct zt_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

enum zt_err
zt_snapshot_user(const struct zt_snapshot *s, struct zt_str name,
    struct zt_snapshot_user *out)
{
	struct search search;
	enum zt_err err;
	uint32_t hash, ref;

	if (name.len == 0 || name.len > ZT_NAME_MAX)
		return ZT_ERR_NOTFOUND;
	hash = zt_snapshot_hash_name(name, s->seed);
	search = search_begin(&s->user_names, hash, hash);
	while ((ref = search_next(s, &s->user_names, &search)) != 0) {
		if ((err = user_at(s, ref, out)) != ZT_OK)
			return err;
		if (same(out->name, name))
			return ZT_OK;
	}
	return ZT_ERR_NOTFOUND;
}

enum zt_err
zt_snapshot_user_by_uid(const struct zt_snapshot *s, uint32_t uid,
    struct zt_snapshot_user *out)
{
	struct search search;
	enum zt_err err;
	uint32_t ref;

	if (!zt_snapshot_id_served(s, uid))
		return ZT_ERR_NOTFOUND;
	search =
	    search_begin(&s->user_ids, uid, zt_snapshot_hash_id(uid, s->seed));
	if ((ref = search_next(s, &s->user_ids, &search)) == 0)
		return ZT_ERR_NOTFOUND;
	if ((err = user_at(s, ref, out)) != ZT_OK)
		return err;
	return out->uid == uid ? ZT_OK : ZT_ERR_MALFORMED;
}

static enum zt_err
named_group(const struct zt_snapshot *s, struct zt_str name,
    struct zt_snapshot_group *out)
{
	const uint32_t hash = zt_snapshot_hash_name(name, s->seed);
	struct search search = search_begin(&s->group_names, hash, hash);
	enum zt_err err;
	uint32_t ref;

	while ((ref = search_next(s, &s->group_names, &search)) != 0) {
		if ((err = group_at(s, ref, out)) != ZT_OK)
			return err;
		if (same(out->name, name))
			return ZT_OK;
	}
	return ZT_ERR_NOTFOUND;
}

enum zt_err
zt_snapshot_group(const struct zt_snapshot *s, struct zt_str name,
    struct zt_snapshot_group *out)
{
	struct zt_snapshot_user user;
	enum zt_err err;

	if (name.len == 0 || name.len > ZT_NAME_MAX)
		return ZT_ERR_NOTFOUND;
	if ((err = named_group(s, name, out)) != ZT_ERR_NOTFOUND)
		return err;
	if ((err = zt_snapshot_user(s, name, &user)) != ZT_OK)
		return err;
	return private_group(&user, out);
}

static enum zt_err
numbered_group(const struct zt_snapshot *s, uint32_t gid,
    struct zt_snapshot_group *out)
{
	struct search search =
	    search_begin(&s->group_ids, gid, zt_snapshot_hash_id(gid, s->seed));
	enum zt_err err;
	uint32_t ref;

	if ((ref = search_next(s, &s->group_ids, &search)) == 0)
		return ZT_ERR_NOTFOUND;
	if ((err = group_at(s, ref, out)) != ZT_OK)
		return err;
	return out->gid == gid ? ZT_OK : ZT_ERR_MALFORMED;
}

enum zt_err
zt_snapshot_group_by_gid(const struct zt_snapshot *s, uint32_t gid,
    struct zt_snapshot_group *out)
{
	struct zt_snapshot_user user;
	enum zt_err err;

	if (!zt_snapshot_id_served(s, gid))
		return ZT_ERR_NOTFOUND;
	if ((err = numbered_group(s, gid, out)) != ZT_ERR_NOTFOUND)
		return err;
	if ((err = zt_snapshot_user_by_uid(s, gid, &user)) != ZT_OK)
		return err;
	return private_group(&user, out);
}

/*
 * Enumeration goes by the slots of the name index, not by the records: a
 * cursor may come from anybody, and every slot is a place to begin.
 */

/* The first ref in the slots from *slot on; *slot moves past it. */
static uint32_t
slots_next(const struct zt_snapshot *s, const struct zt_snapshot_area *index,
    uint32_t *slot)
{
	uint32_t ref = 0;

	while (*slot < index->len && ref == 0)
		ref = slot_at(s, index, (*slot)++).ref;
	return ref;
}

enum zt_err
zt_snapshot_user_next(const struct zt_snapshot *s, uint32_t *cursor,
    struct zt_snapshot_user *out)
{
	struct zt_snapshot_user user;
	uint32_t slot = *cursor;
	const uint32_t ref = slots_next(s, &s->user_names, &slot);
	enum zt_err err;

	if (ref == 0)
		return ZT_ERR_NOTFOUND;
	if ((err = user_at(s, ref, &user)) != ZT_OK)
		return err;
	*cursor = slot;
	*out = user;
	return ZT_OK;
}

/* Past the slots of groups, the cursor counts those of users. */
static enum zt_err
private_group_next(const struct zt_snapshot *s, uint32_t *slot,
    struct zt_snapshot_group *out)
{
	struct zt_snapshot_user user;
	enum zt_err err;

	do {
		if ((err = zt_snapshot_user_next(s, slot, &user)) != ZT_OK)
			return err;
		err = private_group(&user, out);
	} while (err == ZT_ERR_NOTFOUND);
	return err;
}

enum zt_err
zt_snapshot_group_next(const struct zt_snapshot *s, uint32_t *cursor,
    struct zt_snapshot_group *out)
{
	struct zt_snapshot_group group;
	uint32_t slot = *cursor, user_slot;
	const uint32_t ref = slots_next(s, &s->group_names, &slot);
	enum zt_err err;

	if (ref != 0) {
		err = group_at(s, ref, &group);
		user_slot = 0;
	} else {
		user_slot = slot - s->group_names.len;
		err = private_group_next(s, &user_slot, &group);
		slot = s->group_names.len;
	}
	if (err != ZT_OK)
		return err;
	*cursor = slot + user_slot;
	*out = group;
	return ZT_OK;
}

bool
zt_snapshot_allowed(const struct zt_snapshot *s, uint32_t gid)
{
	const size_t at = offsetof(struct zt_snapshot_header, allowed);
	uint32_t allowed[ZT_SNAPSHOT_ALLOWED_MAX];

	memcpy(allowed, s->base + at, sizeof(allowed));
	for (uint32_t i = 0; i < s->n_allowed; i++)
		if (allowed[i] == gid)
			return zt_id_valid(gid);
	return false;
}

enum zt_err
zt_snapshot_gid(const struct zt_snapshot *s,
    const struct zt_snapshot_user *user, uint32_t i, uint32_t *gid_out)
{
	uint32_t gid;

	if (i >= user->n_gids)
		return ZT_ERR_INVAL;
	if (!list_fits(&s->gids, user->gids, user->n_gids))
		return ZT_ERR_MALFORMED;
	gid = list_get(s, &s->gids, (uint64_t)user->gids + i);
	if (!zt_snapshot_id_served(s, gid) && !zt_snapshot_allowed(s, gid))
		return ZT_ERR_MALFORMED;
	*gid_out = gid;
	return ZT_OK;
}

enum zt_err
zt_snapshot_member(const struct zt_snapshot *s,
    const struct zt_snapshot_group *group, uint32_t i, struct zt_str *out)
{
	struct zt_snapshot_user user;
	enum zt_err err;

	if (i >= group->n_members)
		return ZT_ERR_INVAL;
	if (!list_fits(&s->members, group->members, group->n_members))
		return ZT_ERR_MALFORMED;
	err = user_at(s, list_get(s, &s->members, (uint64_t)group->members + i),
	    &user);
	if (err != ZT_OK)
		return err;
	*out = user.name;
	return ZT_OK;
}
