/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnss_null: the least that any module can cost.  Whoever is asked for, it
 * is the same one; those who are named or numbered as gone do not exist.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>

#include "people.h"

#define EXPORT __attribute__((visibility("default")))

static enum nss_status
give_user(int gone, struct passwd *pw, int *errnop)
{
	static char name[] = "user0000000", none[] = "";

	if (gone) {
		*errnop = ENOENT;
		return NSS_STATUS_NOTFOUND;
	}
	pw->pw_name = name;
	pw->pw_uid = pw->pw_gid = PEOPLE_ID_MIN;
	pw->pw_passwd = pw->pw_gecos = pw->pw_dir = pw->pw_shell = none;
	return NSS_STATUS_SUCCESS;
}

EXPORT enum nss_status _nss_null_getpwnam_r(const char *name, struct passwd *pw,
    char *buf, size_t len, int *errnop);
enum nss_status
_nss_null_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t len,
    int *errnop)
{
	(void)buf;
	(void)len;
	return give_user(name[0] == 'g', pw, errnop);
}

EXPORT enum nss_status _nss_null_getpwuid_r(uid_t uid, struct passwd *pw,
    char *buf, size_t len, int *errnop);
enum nss_status
_nss_null_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t len,
    int *errnop)
{
	(void)buf;
	(void)len;
	return give_user(uid >= PEOPLE_ID_GONE, pw, errnop);
}

EXPORT enum nss_status _nss_null_getgrgid_r(gid_t gid, struct group *gr,
    char *buf, size_t len, int *errnop);
enum nss_status
_nss_null_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t len,
    int *errnop)
{
	static char name[] = "user0000000", none[] = "";
	static char *members[] = { NULL };

	(void)buf;
	(void)len;
	if (gid >= PEOPLE_ID_GONE) {
		*errnop = ENOENT;
		return NSS_STATUS_NOTFOUND;
	}
	gr->gr_name = name;
	gr->gr_passwd = none;
	gr->gr_gid = gid;
	gr->gr_mem = members;
	return NSS_STATUS_SUCCESS;
}

EXPORT enum nss_status _nss_null_initgroups_dyn(const char *name, gid_t skip,
    long *start, long *size, gid_t **groups, long limit, int *errnop);
enum nss_status
_nss_null_initgroups_dyn(const char *name, gid_t skip, long *start, long *size,
    gid_t **groups, long limit, int *errnop)
{
	(void)skip;
	(void)limit;
	*errnop = ENOENT;
	if (name[0] == 'g' || *size - *start < PEOPLE_TEAMS_EACH)
		return NSS_STATUS_NOTFOUND;
	for (unsigned k = 0; k < PEOPLE_TEAMS_EACH; k++)
		(*groups)[(*start)++] = PEOPLE_TEAM_ID + k;
	return NSS_STATUS_SUCCESS;
}
