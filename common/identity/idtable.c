/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "idtable.h"
#include "zt/identity.h"

#define DERIVE_TAG "zt-id-v1"

static bool
word_valid(const char *s, size_t max)
{
	size_t len = 0;

	for (; s[len] != '\0'; len++)
		if (len == max || s[len] <= ' ' || s[len] > '~')
			return false;
	return len > 0;
}

bool
idtable_texts_valid(const char *source, const char *immutable_id)
{
	return word_valid(source, ZT_ID_SOURCE_MAX) &&
	    word_valid(immutable_id, ZT_IMMUTABLE_ID_MAX);
}

uint32_t
idtable_hash(const struct zt_idmap *map, bool is_group, const char *source,
    const char *immutable_id)
{
	const uint32_t h = hash_text(map->seed + is_group, source);

	return hash_text(map->seed ^ h, immutable_id);
}

static void
slots_add(struct id_slots *slots, uint32_t hash, uint32_t key, size_t index)
{
	size_t i = hash & (slots->n - 1);

	while (slots->v[i].index != 0)
		i = (i + 1) & (slots->n - 1);
	slots->v[i] = (struct id_slot){ key, (uint32_t)index + 1 };
}

/* Empty slots in place of the old; on failure those stay as they are. */
static enum zt_err
slots_resize(struct id_slots *slots, size_t n)
{
	struct id_slots fresh = { .n = hash_slots(n) };

	if ((fresh.v = calloc(fresh.n, sizeof(*fresh.v))) == NULL)
		return ZT_ERR_NOMEM;
	free(slots->v);
	*slots = fresh;
	return ZT_OK;
}

static void
index_lines(struct zt_idmap *map)
{
	for (size_t i = 0; i < map->n_lines; i++)
		slots_add(&map->by_id, hash_id(map->seed, map->lines[i].id),
		    map->lines[i].id, i);
}

static void
index_subjects(struct zt_idmap *map)
{
	for (size_t i = 0; i < map->n_subjects; i++)
		slots_add(&map->by_subject, map->subjects[i].hash,
		    map->subjects[i].hash, i);
}

/* Grow an array to at least n items, and its capacity by half at least. */
static enum zt_err
array_reserve(void *vp, size_t *cap, size_t n, size_t size)
{
	const size_t want = n > *cap + *cap / 2 ? n : *cap + *cap / 2;
	void *grown;

	if (n <= *cap)
		return ZT_OK;
	if (want >= IDTABLE_NONE)
		return ZT_ERR_NOMEM;
	if ((grown = reallocarray(*(void **)vp, want, size)) == NULL)
		return ZT_ERR_NOMEM;
	*(void **)vp = grown;
	*cap = want;
	return ZT_OK;
}

enum zt_err
idtable_reserve(struct zt_idmap *map, size_t n)
{
	const size_t lines = map->n_lines + n, subjects = map->n_subjects + n;
	enum zt_err err;

	err = array_reserve(&map->lines, &map->lines_cap, lines,
	    sizeof(*map->lines));
	if (err == ZT_OK)
		err = array_reserve(&map->subjects, &map->subjects_cap,
		    subjects, sizeof(*map->subjects));
	if (err == ZT_OK && 2 * lines > map->by_id.n) {
		if ((err = slots_resize(&map->by_id, lines)) == ZT_OK)
			index_lines(map);
	}
	if (err == ZT_OK && 2 * subjects > map->by_subject.n) {
		if ((err = slots_resize(&map->by_subject, subjects)) == ZT_OK)
			index_subjects(map);
	}
	return err;
}

static bool
subject_is(const struct id_subject *subject, bool is_group, const char *source,
    const char *immutable_id)
{
	return subject->is_group == is_group &&
	    strcmp(subject->immutable_id, immutable_id) == 0 &&
	    strcmp(subject->source, source) == 0;
}

static uint32_t
find_hashed(const struct zt_idmap *map, uint32_t hash, bool is_group,
    const char *source, const char *immutable_id)
{
	const size_t mask = map->by_subject.n - 1;
	const struct id_slot *slot;

	for (size_t i = hash & mask; map->by_subject.n > 0;
	     i = (i + 1) & mask) {
		slot = &map->by_subject.v[i];
		if (slot->index == 0)
			break;
		if (slot->key == hash &&
		    subject_is(&map->subjects[slot->index - 1], is_group,
			source, immutable_id))
			return slot->index - 1;
	}
	return IDTABLE_NONE;
}

void
idtable_prefetch(const struct zt_idmap *map, uint32_t hash, int hop)
{
	const struct id_slot *slot =
	    &map->by_subject.v[hash & (map->by_subject.n - 1)];
	const struct id_subject *subject;

	if (hop == 0) {
		__builtin_prefetch(slot);
		return;
	}
	if (slot->index == 0)
		return;
	subject = &map->subjects[slot->index - 1];
	if (hop == 1)
		__builtin_prefetch(subject);
	else
		__builtin_prefetch(subject->immutable_id);
}

uint32_t
idtable_subject(struct zt_idmap *map, uint32_t hash, bool is_group,
    const char *source, const char *immutable_id, bool copy)
{
	const uint32_t found =
	    find_hashed(map, hash, is_group, source, immutable_id);

	if (found != IDTABLE_NONE)
		return found;
	if (copy) {
		source = arena_copy(&map->texts, source);
		immutable_id = arena_copy(&map->texts, immutable_id);
		if (source == NULL || immutable_id == NULL)
			return IDTABLE_NONE;
	}
	map->subjects[map->n_subjects] = (struct id_subject){
		.source = source,
		.immutable_id = immutable_id,
		.is_group = is_group,
		.hash = hash,
		.last = IDTABLE_NONE,
	};
	slots_add(&map->by_subject, hash, hash, map->n_subjects);
	return (uint32_t)map->n_subjects++;
}

uint32_t
idtable_owner(const struct zt_idmap *map, bool is_group, uint32_t id)
{
	const size_t mask = map->by_id.n - 1;
	const struct id_slot *slot;
	uint32_t subject;

	for (size_t i = hash_id(map->seed, id) & mask; map->by_id.n > 0;
	     i = (i + 1) & mask) {
		slot = &map->by_id.v[i & mask];
		if (slot->index == 0)
			break;
		if (slot->key != id)
			continue;
		subject = map->lines[slot->index - 1].subject;
		if (map->subjects[subject].is_group == is_group)
			return subject;
	}
	return IDTABLE_NONE;
}

void
idtable_bind(struct zt_idmap *map, uint32_t id, uint32_t subject)
{
	map->lines[map->n_lines] =
	    (struct id_line){ id, subject, map->subjects[subject].last };
	map->subjects[subject].last = (uint32_t)map->n_lines;
	slots_add(&map->by_id, hash_id(map->seed, id), id, map->n_lines);
	map->n_lines++;
}

void
idtable_truncate(struct zt_idmap *map, size_t n)
{
	while (map->n_lines > n) {
		const struct id_line *line = &map->lines[--map->n_lines];

		map->subjects[line->subject].last = line->before;
	}
	if (map->by_id.n > 0)
		memset(map->by_id.v, 0, map->by_id.n * sizeof(*map->by_id.v));
	index_lines(map);
}

uint32_t
idtable_derive(const EVP_MD *sha256, const struct id_subject *subject,
    uint32_t id_min, uint32_t id_max)
{
	const char *const parts[] = { DERIVE_TAG,
		subject->is_group ? "group" : "user", subject->source,
		subject->immutable_id };
	const uint64_t span = (uint64_t)id_max - id_min + 1;
	uint8_t digest[EVP_MAX_MD_SIZE];
	char text[ZT_ID_SOURCE_MAX + 256];
	uint64_t number = 0;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const size_t size = strlen(parts[i]) + 1;

		if (size > sizeof(text) - len)
			return 0;
		memcpy(text + len, parts[i], size);
		len += size;
	}
	if (id_max < id_min || sha256 == NULL || /* the last has no NUL */
	    EVP_Digest(text, len - 1, digest, NULL, sha256, NULL) != 1)
		return 0;
	for (size_t i = 0; i < sizeof(number); i++)
		number = number << 8 | digest[i];
	return id_min + (uint32_t)(number % span);
}
