/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnss_bare: the least that users in a mapped hash table can cost.  It
 * trusts its file, never looks again, checks nothing but the key.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bare.h"

#define EXPORT __attribute__((visibility("default")))

static const struct bare_header *_Atomic table;

static const struct bare_header *
table_open(void)
{
	struct stat st;
	void *base;
	int fd = open(BARE_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		abort();
	base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		abort();
	(void)close(fd);
	atomic_store(&table, base);
	return base;
}

static const struct bare_header *
table_get(void)
{
	const struct bare_header *t = atomic_load(&table);

	return t != NULL ? t : table_open();
}

static const uint32_t *
slots_of(const struct bare_header *t, unsigned which)
{
	return (const uint32_t *)(t + 1) + which * (t->mask + 1U);
}

static const struct bare_record *
record_at(const struct bare_header *t, uint32_t slot)
{
	return (const struct bare_record *)slots_of(t, 2) + slot - 1;
}

static const struct bare_record *
find_name(const char *name)
{
	const struct bare_header *t = table_get();
	const uint32_t *slots = slots_of(t, 0);
	char key[BARE_NAME_LEN] = { 0 };
	size_t len = strlen(name);
	uint32_t i;

	if (len >= sizeof(key))
		return NULL;
	memcpy(key, name, len);
	for (i = bare_hash_name(key); slots[i & t->mask] != 0; i++)
		if (memcmp(record_at(t, slots[i & t->mask])->name, key,
			sizeof(key)) == 0)
			return record_at(t, slots[i & t->mask]);
	return NULL;
}

static const struct bare_record *
find_uid(uint32_t uid)
{
	const struct bare_header *t = table_get();
	const uint32_t *slots = slots_of(t, 1);
	uint32_t i;

	for (i = bare_hash(uid); slots[i & t->mask] != 0; i++)
		if (record_at(t, slots[i & t->mask])->uid == uid)
			return record_at(t, slots[i & t->mask]);
	return NULL;
}

static enum nss_status
give_user(const struct bare_record *r, struct passwd *pw, char *buf, size_t len,
    int *errnop)
{
	struct bare_record *copy = (struct bare_record *)(void *)buf;

	*errnop = ENOENT;
	if (r == NULL)
		return NSS_STATUS_NOTFOUND;
	*errnop = ERANGE;
	if (len < sizeof(*r))
		return NSS_STATUS_TRYAGAIN;
	memcpy(buf, r, offsetof(struct bare_record, uid));
	pw->pw_name = copy->name;
	pw->pw_passwd = copy->name + PERSON_NAME_LEN - 1;
	pw->pw_uid = pw->pw_gid = r->uid;
	pw->pw_gecos = copy->gecos;
	pw->pw_dir = copy->home;
	pw->pw_shell = copy->shell;
	return NSS_STATUS_SUCCESS;
}

EXPORT enum nss_status _nss_bare_getpwnam_r(const char *name, struct passwd *pw,
    char *buf, size_t len, int *errnop);
enum nss_status
_nss_bare_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t len,
    int *errnop)
{
	return give_user(find_name(name), pw, buf, len, errnop);
}

EXPORT enum nss_status _nss_bare_getpwuid_r(uid_t uid, struct passwd *pw,
    char *buf, size_t len, int *errnop);
enum nss_status
_nss_bare_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t len,
    int *errnop)
{
	return give_user(find_uid(uid), pw, buf, len, errnop);
}

/* The private group. */
EXPORT enum nss_status _nss_bare_getgrgid_r(gid_t gid, struct group *gr,
    char *buf, size_t len, int *errnop);
enum nss_status
_nss_bare_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t len,
    int *errnop)
{
	struct {
		char *none;
		char name[BARE_NAME_LEN];
	} *copy = (void *)buf;
	const struct bare_record *r = find_uid(gid);

	*errnop = ENOENT;
	if (r == NULL)
		return NSS_STATUS_NOTFOUND;
	*errnop = ERANGE;
	if (len < sizeof(*copy))
		return NSS_STATUS_TRYAGAIN;
	copy->none = NULL;
	memcpy(copy->name, r->name, sizeof(copy->name));
	gr->gr_name = copy->name;
	gr->gr_passwd = copy->name + PERSON_NAME_LEN - 1;
	gr->gr_gid = gid;
	gr->gr_mem = &copy->none;
	return NSS_STATUS_SUCCESS;
}

EXPORT enum nss_status _nss_bare_initgroups_dyn(const char *name, gid_t skip,
    long *start, long *size, gid_t **groups, long limit, int *errnop);
enum nss_status
_nss_bare_initgroups_dyn(const char *name, gid_t skip, long *start, long *size,
    gid_t **groups, long limit, int *errnop)
{
	const struct bare_record *r = find_name(name);

	(void)skip;
	(void)limit;
	*errnop = ENOENT;
	if (r == NULL || *size - *start < PEOPLE_TEAMS_EACH)
		return NSS_STATUS_NOTFOUND;
	memcpy(*groups + *start, r->teams, sizeof(r->teams));
	*start += PEOPLE_TEAMS_EACH;
	return NSS_STATUS_SUCCESS;
}
