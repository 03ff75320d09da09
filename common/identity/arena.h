/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_ARENA_H
#define ZT_ARENA_H

#include <stddef.h>

/* Memory that is freed all at once.  A zeroed arena is an empty one. */
struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* owned; the newest first */
	char *next;                 /* free bytes of the newest */
	size_t left;
};

/* n * size bytes, zeroed, aligned for anything; NULL if there are none. */
void *arena_array(struct arena *arena, size_t n, size_t size);

/* A copy of a text, or printf(3) into the arena; NULL if there is no room. */
char *arena_copy(struct arena *arena, const char *s);
__attribute__((__format__(__printf__, 2, 3))) char *
arena_print(struct arena *arena, const char *format, ...);

void arena_clear(struct arena *arena);

#endif /* ZT_ARENA_H */
