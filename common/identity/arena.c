/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define CHUNK_BYTES 65536
#define TEXT_BYTES  512 /* of arena_print(); what is longer is cut */

struct arena_chunk {
	struct arena_chunk *older;
	max_align_t room[];
};

/* A chunk of at least size bytes, zeroed by calloc(3): large ones are fresh
 * pages, which cost nothing until they are used. */
static char *
chunk_add(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (chunk == NULL)
		return NULL;
	chunk->older = arena->chunks;
	arena->chunks = chunk;
	return (char *)chunk->room;
}

static char *
arena_take(struct arena *arena, size_t size, size_t align)
{
	const size_t pad = -(uintptr_t)arena->next & (align - 1);
	char *p;

	if (size >= CHUNK_BYTES)
		return chunk_add(arena, size);
	if (pad + size > arena->left) {
		if ((p = chunk_add(arena, CHUNK_BYTES)) == NULL)
			return NULL;
		arena->next = p + size;
		arena->left = CHUNK_BYTES - size;
		return p;
	}
	p = arena->next + pad;
	arena->next = p + size;
	arena->left -= pad + size;
	return p;
}

void *
arena_array(struct arena *arena, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    bytes > SIZE_MAX - sizeof(struct arena_chunk))
		return NULL;
	return arena_take(arena, bytes, _Alignof(max_align_t));
}

char *
arena_copy(struct arena *arena, const char *s)
{
	const size_t size = strlen(s) + 1;
	char *p = arena_take(arena, size, 1);

	return p == NULL ? NULL : memcpy(p, s, size);
}

char *
arena_print(struct arena *arena, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return arena_copy(arena, text);
}

void
arena_clear(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk != NULL) {
		struct arena_chunk *const older = chunk->older;

		free(chunk);
		chunk = older;
	}
	*arena = (struct arena){ .chunks = NULL };
}
