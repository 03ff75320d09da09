/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "idtable.h"
#include "zt/auto.h"
#include "zt/idmap.h"
#include "zt/passwd.h"

/*
 * Claims.  First all subjects, for one that claims twice gets nothing; then
 * what each wants; then, with all of that known, who gets it.
 */

#define AHEAD 32 /* claims whose subjects are fetched at once */

/* What a claim wants. */
struct want {
	uint32_t subject; /* index; IDTABLE_NONE: of no immutable id */
	uint32_t id;      /* 0: settled */
	bool derived;
	bool known; /* it has it already */
};

/* All claims for one id that is new to them. */
struct pending {
	uint32_t id; /* 0: a free slot */
	uint32_t n;
	/* users and groups */
	bool derived[2];   /* by one of them */
	uint32_t first[2]; /* claim's index + 1; 0: none */
};

struct claims {
	struct zt_idmap *map;
	uint32_t id_min, id_max;
	struct zt_id_claim *v;
	size_t n;
	struct want *wants;      /* owned; one for each */
	struct pending *pending; /* owned; hash_slots(n) */
	size_t mask;
};

static void
deny(struct zt_id_claim *claim, const char *why, size_t holder)
{
	claim->err = ZT_ERR_DENIED;
	claim->why = why;
	claim->holder = holder;
}

/* Find or make the subject of a claim, and mark one that comes twice. */
static enum zt_err
find_subject(struct claims *c, size_t i, uint32_t hash)
{
	const struct zt_id_claim *claim = &c->v[i];
	struct id_subject *subject;
	uint32_t at;

	c->wants[i].subject = IDTABLE_NONE;
	if (claim->immutable_id[0] == '\0')
		return ZT_OK;
	at = idtable_subject(c->map, hash, claim->is_group, claim->source,
	    claim->immutable_id, true);
	if (at == IDTABLE_NONE)
		return ZT_ERR_NOMEM;
	subject = &c->map->subjects[at];
	subject->repeated = subject->round == c->map->round;
	subject->round = c->map->round;
	subject->claim = (uint32_t)i;
	c->wants[i].subject = at;
	return ZT_OK;
}

/* The same for a block; the processor fetches all of it side by side. */
static enum zt_err
find_subjects(struct claims *c, size_t from, size_t end)
{
	uint32_t hashes[AHEAD];
	enum zt_err err = ZT_OK;

	for (size_t i = from; i < end; i++)
		__builtin_prefetch(c->v[i].immutable_id);
	for (size_t i = from; i < end; i++) {
		hashes[i - from] = idtable_hash(c->map, c->v[i].is_group,
		    c->v[i].source, c->v[i].immutable_id);
		idtable_prefetch(c->map, hashes[i - from], 0);
	}
	for (int hop = 1; hop <= 2; hop++)
		for (size_t i = from; i < end; i++)
			idtable_prefetch(c->map, hashes[i - from], hop);
	for (size_t i = from; i < end && err == ZT_OK; i++)
		err = find_subject(c, i, hashes[i - from]);
	return err;
}

/* The id remembered for a subject: the derived one, or else the last. */
static uint32_t
remembered_id(const struct claims *c, const struct id_subject *subject)
{
	const struct id_line *const last = &c->map->lines[subject->last];
	const struct id_line *line = last;
	uint32_t derived;

	if (last->before == IDTABLE_NONE)
		return last->id;
	derived = idtable_derive(c->map->sha256, subject, c->id_min, c->id_max);
	while (line->id != derived && line->before != IDTABLE_NONE)
		line = &c->map->lines[line->before];
	return line->id == derived ? derived : last->id;
}

static void
choose_id(const struct claims *c, const struct zt_id_claim *claim,
    struct want *want)
{
	const struct id_subject *subject = want->subject == IDTABLE_NONE
	    ? NULL
	    : &c->map->subjects[want->subject];

	if (subject != NULL && subject->override != 0) {
		want->id = subject->override;
	} else if (claim->id != 0 || subject == NULL) {
		want->id = claim->id;
	} else if (subject->last != IDTABLE_NONE) {
		want->id = remembered_id(c, subject);
		want->known = true;
	} else {
		want->id = idtable_derive(c->map->sha256, subject, c->id_min,
		    c->id_max);
		want->derived = true;
	}
}

/* Does an override give the id to anybody but this claim's subject? */
static bool
is_reserved(const struct zt_idmap *map, uint32_t id,
    const struct zt_id_claim *claim)
{
	for (size_t i = 0; i < map->n_overrides; i++) {
		const struct zt_id_override *o = &map->overrides[i];

		if (o->id == id &&
		    (claim == NULL ||
			strcmp(o->immutable_id, claim->immutable_id) != 0 ||
			strcmp(o->source, claim->source) != 0))
			return true;
	}
	return false;
}

/* Is there a reason against a line of the file for it? */
static const char *
new_id_fault(const struct claims *c, const struct zt_id_claim *claim,
    const struct want *want)
{
	if (is_reserved(c->map, want->id, claim))
		return "its id is another's in identity.id_overrides";
	if (want->subject != IDTABLE_NONE &&
	    !idtable_texts_valid(claim->source, claim->immutable_id))
		return "its immutable id is no text of 1 to 128 printable "
		       "ASCII characters without space";
	return NULL;
}

/* Is there a reason against the id that has nothing to do with new ones? */
static const char *
id_fault(const struct claims *c, const struct zt_id_claim *claim,
    struct want *want, size_t *holder)
{
	const struct id_subject *owner;
	uint32_t at;

	if (want->id < c->id_min || want->id > c->id_max)
		return "its id is outside identity.id_range";
	if (!zt_id_valid(want->id))
		return "its id is never given";
	if (want->known)
		return NULL;
	at = idtable_owner(c->map, claim->is_group, want->id);
	want->known = at != IDTABLE_NONE && at == want->subject;
	if (want->known)
		return NULL;
	if (at == IDTABLE_NONE && want->derived)
		at = idtable_owner(c->map, !claim->is_group, want->id);
	if (at == IDTABLE_NONE)
		return new_id_fault(c, claim, want);
	owner = &c->map->subjects[at];
	if (owner->round == c->map->round)
		*holder = owner->claim;
	return "its id is, or was, another's, and is never given away";
}

static struct pending *
pending_find(const struct claims *c, uint32_t id)
{
	size_t i = hash_id(c->map->seed, id) & c->mask;

	while (c->pending[i].id != 0 && c->pending[i].id != id)
		i = (i + 1) & c->mask;
	return &c->pending[i];
}

static void
pending_add(const struct claims *c, size_t i)
{
	struct pending *p = pending_find(c, c->wants[i].id);
	const bool group = c->v[i].is_group;

	p->id = c->wants[i].id;
	p->n++;
	if (c->wants[i].derived)
		p->derived[group] = true;
	if (p->first[group] == 0)
		p->first[group] = (uint32_t)i + 1;
}

/* Fetch what choose_id() will read. */
static void
prefetch_want(const struct claims *c, size_t i)
{
	if (i < c->n && c->wants[i].subject != IDTABLE_NONE)
		__builtin_prefetch(&c->map->subjects[c->wants[i].subject]);
}

static void
want_ids(const struct claims *c)
{
	for (size_t i = 0; i < c->n; i++) {
		prefetch_want(c, i + AHEAD / 2);
		struct want *want = &c->wants[i];
		size_t holder = ZT_ID_HOLDER_NONE;
		const char *why = NULL;

		if (want->subject != IDTABLE_NONE &&
		    c->map->subjects[want->subject].repeated)
			why = "another record has the same immutable id";
		if (why == NULL) {
			choose_id(c, &c->v[i], want);
			why = id_fault(c, &c->v[i], want, &holder);
		}
		if (why != NULL) {
			deny(&c->v[i], why, holder);
			want->id = 0;
		} else if (!want->known) {
			pending_add(c, i);
		}
	}
}

/*
 * Of all that want a new id, may claim i have it?  A derived one must be
 * wanted by nobody else; one that is given is held against its kind alone.
 */
static bool
pending_won(const struct claims *c, size_t i)
{
	const struct pending *p = pending_find(c, c->wants[i].id);
	const bool group = c->v[i].is_group;
	const size_t first = p->first[group] - 1;

	if (p->n > 1 && (c->wants[i].derived || p->derived[group]))
		deny(&c->v[i],
		    "its id is that of another new one, and one of them is "
		    "derived: set identity.id_overrides",
		    ZT_ID_HOLDER_NONE);
	else if (first != i)
		deny(&c->v[i], "its id is held by a record before it", first);
	else
		return true;
	return false;
}

static void
settle(const struct claims *c, size_t i)
{
	const struct want *want = &c->wants[i];

	if (!want->known && !pending_won(c, i))
		return;
	c->v[i].id = want->id;
	c->v[i].err = ZT_OK;
	c->v[i].why = NULL;
	c->v[i].holder = ZT_ID_HOLDER_NONE;
	if (!want->known && want->subject != IDTABLE_NONE)
		idtable_bind(c->map, want->id, want->subject);
}

enum zt_err
zt_idmap_claim(struct zt_idmap *map, uint32_t id_min, uint32_t id_max,
    struct zt_id_claim *v, size_t n)
{
	const size_t slots = hash_slots(n);
	zt_auto_free struct want *wants = calloc(n + 1, sizeof(*wants));
	zt_auto_free struct pending *pending = calloc(slots, sizeof(*pending));
	struct claims c = { map, id_min, id_max, v, n, wants, pending,
		slots - 1 };
	enum zt_err err;

	if (wants == NULL || pending == NULL)
		return ZT_ERR_NOMEM;
	if ((err = idtable_reserve(map, n)) != ZT_OK)
		return err;
	map->round++;
	for (size_t i = 0; i < n && err == ZT_OK; i += AHEAD)
		err = find_subjects(&c, i, n - i < AHEAD ? n : i + AHEAD);
	if (err != ZT_OK)
		return err;
	want_ids(&c);
	for (size_t i = 0; i < n; i++)
		if (wants[i].id != 0)
			settle(&c, i);
	return ZT_OK;
}

bool
zt_idmap_taken(const struct zt_idmap *map, uint32_t id)
{
	return idtable_owner(map, false, id) != IDTABLE_NONE ||
	    idtable_owner(map, true, id) != IDTABLE_NONE ||
	    is_reserved(map, id, NULL);
}

void
zt_idmap_rollback(struct zt_idmap *map)
{
	if (map->n_lines > map->n_committed)
		idtable_truncate(map, map->n_committed);
}

uint32_t
zt_id_derive(bool is_group, const char *source, const char *immutable_id,
    uint32_t id_min, uint32_t id_max)
{
	const struct id_subject subject = { .source = source,
		.immutable_id = immutable_id,
		.is_group = is_group };
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	const uint32_t id = idtable_derive(sha256, &subject, id_min, id_max);

	EVP_MD_free(sha256);
	return id;
}
