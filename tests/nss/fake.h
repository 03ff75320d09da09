/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NSS_FAKE_H
#define TEST_NSS_FAKE_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "zt/wire.h"

/*
 * A broker that says what it is told to, in a private mount namespace with a
 * /run and a /var/lib of its own, and the module under test.
 */
enum fake_mode {
	FAKE_CANNED = 0, /* reply with fake->reply, whatever is asked */
	FAKE_HANG,       /* read and say nothing */
	FAKE_CLOSE,      /* hang up without a reply */
	FAKE_COUNT,      /* users and groups 0 to fake->n - 1, by cursor */
};

/* Shared with the broker's process. */
struct fake {
	enum fake_mode mode;
	uint32_t n;
	unsigned requests; /* answered so far */
	size_t request_len;
	uint8_t request[256]; /* the last one */
	size_t len;
	uint8_t reply[ZT_WIRE_MAX + 64];
};

extern struct fake *fake;

/*
 * Enter the namespace and load the module from $ZT_BUILD.  Returns NULL, or
 * why the tests cannot run here: then they are to be skipped.
 */
const char *fake_setup(void);

/* Start the broker as uid; the one before is ended. */
void fake_start(uid_t uid);
void fake_stop(void);

/* Set the canned reply. */
void fake_user(uint32_t next, uint32_t uid, uint32_t gid, const char *name,
    const char *gecos, const char *home, const char *shell);
void fake_group(uint32_t next, uint32_t gid, const char *name, size_t n_members,
    const char *const *members);
void fake_gids(const uint32_t *gids, size_t n);
void fake_absent(bool definitive);

/* The entry points of the module. */
struct module {
	enum nss_status (*getpwnam_r)(const char *, struct passwd *, char *,
	    size_t, int *);
	enum nss_status (*getpwuid_r)(uid_t, struct passwd *, char *, size_t,
	    int *);
	enum nss_status (*setpwent)(int);
	enum nss_status (*getpwent_r)(struct passwd *, char *, size_t, int *);
	enum nss_status (*endpwent)(void);
	enum nss_status (*getgrnam_r)(const char *, struct group *, char *,
	    size_t, int *);
	enum nss_status (*getgrgid_r)(gid_t, struct group *, char *, size_t,
	    int *);
	enum nss_status (*setgrent)(int);
	enum nss_status (*getgrent_r)(struct group *, char *, size_t, int *);
	enum nss_status (*endgrent)(void);
	enum nss_status (*initgroups_dyn)(const char *, gid_t, long *, long *,
	    gid_t **, long, int *);
};

extern struct module module;

/* Is the environment's ZT_TEST_BRIEF set?  Then what takes long is sampled. */
bool fake_brief(void);

/* Its ZT_TEST_VALGRIND?  That has limits of its own on descriptors, slows all
 * down, and takes what a fork leaves of other threads for leaks. */
bool fake_valgrind(void);

/* Milliseconds on the monotonic clock. */
int64_t fake_now_ms(void);

#endif /* TEST_NSS_FAKE_H */
