/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NSS_LOOKUP_H
#define TEST_NSS_LOOKUP_H

#include "fake.h"

/* What tests of the lookups share, wherever the answers come from. */
#define SWEEP_MAX 4096 /* bytes of the caller's buffer */
#define CANARY    16
#define SENTINEL  12345 /* in errno and *errnop, to see whether it is touched */
#define POISON    0x5a

#define UID     70001
#define GID     70002
#define MEMBERS 40
#define ID_MIN  65536 /* of the snapshots */
#define ID_MAX  524287

/* Every lookup; they are all put to the same tests. */
enum entry { PWNAM, PWUID, PWENT, GRNAM, GRGID, GRENT, ENTRIES };

union result {
	struct passwd pwd;
	struct group grp;
	uint8_t raw[sizeof(struct passwd) + sizeof(struct group)];
};

bool is_user(enum entry e);
bool is_enumeration(enum entry e);

/* Look up alice, or staff1, her group of MEMBERS members. */
enum nss_status
invoke(enum entry e, union result *r, char *buf, size_t len, int *errnop);

/* The same with everything poisoned; a failure must leave it so. */
enum nss_status
call(enum entry e, union result *r, char *buf, size_t len, int *errnop);

/* One call with a buffer that suffices, and what must come of it. */
void fails_with(enum entry e, enum nss_status status, int want_errno);
void succeeds(enum entry e);

/* Must a result be alice or staff1, within the buffer? */
void result_is_right(enum entry e, const union result *r, const char *buf,
    size_t len);

/* Every length of a buffer at one alignment; returns the least that fits. */
size_t sweep(enum entry e, size_t align);

/* The least that can fit. */
size_t lookup_size(enum entry e, size_t align);

const char *member_name(size_t i); /* i < MEMBERS */
void rewind_all(void);

/* Run fn in a child; it returns 0 for success. */
void in_child(int (*fn)(void));

/* Make the broker's next reply a good answer to the entry; with a broker that
 * is started anew. */
void good_reply(enum entry e);
void start_with(enum entry e);

int count_fds(void);

#endif /* TEST_NSS_LOOKUP_H */
