/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_AUTO_H
#define ZT_AUTO_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Scope-owned resources.  A local declared with one of these is released on
 * every way out of its block, in reverse order of declaration.  It must be
 * initialised at its declaration.  Hand ownership out with zt_take().
 */
#define zt_auto(fn)   __attribute__((__cleanup__(fn)))
#define zt_auto_free  zt_auto(zt_freep)  /* free(3) */
#define zt_auto_wipe  zt_auto(zt_wipep)  /* explicit_bzero + free; C string */
#define zt_auto_close zt_auto(zt_closep) /* close(2) unless -1 */

/* Yield *p and leave NULL behind, so that the cleanup does nothing. */
#define zt_take(p)                            \
	({                                    \
		__typeof__(p) zt_take_ = (p); \
		(p) = NULL;                   \
		zt_take_;                     \
	})

/* Yield the descriptor and leave -1 behind. */
#define zt_take_fd(fd)             \
	({                         \
		int zt_fd_ = (fd); \
		(fd) = -1;         \
		zt_fd_;            \
	})

static inline void
zt_freep(void *pp)
{
	free(*(void **)pp);
}

static inline void
zt_wipep(char **sp)
{
	if (*sp != NULL)
		explicit_bzero(*sp, strlen(*sp));
	free(*sp);
}

static inline void
zt_closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#endif /* ZT_AUTO_H */
