/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NSS_ZT_H
#define NSS_ZT_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>

/*
 * The entry points that glibc looks for by name, and what they share.  Each
 * tells *errnop why it failed as glibc's manual asks: NOTFOUND and UNAVAIL
 * with ENOENT, TRYAGAIN with EAGAIN, or with ERANGE if and only if the
 * caller's buffer is too small.  errno is untouched on success, and what the
 * caller passed in is written on success only.
 */
#define NSS_PUBLIC __attribute__((__visibility__("default")))

NSS_PUBLIC enum nss_status _nss_zt_getpwnam_r(const char *name,
    struct passwd *pwd, char *buf, size_t buflen, int *errnop);
NSS_PUBLIC enum nss_status _nss_zt_getpwuid_r(uid_t uid, struct passwd *pwd,
    char *buf, size_t buflen, int *errnop);
NSS_PUBLIC enum nss_status _nss_zt_setpwent(int stayopen);
NSS_PUBLIC enum nss_status
_nss_zt_getpwent_r(struct passwd *pwd, char *buf, size_t buflen, int *errnop);
NSS_PUBLIC enum nss_status _nss_zt_endpwent(void);

NSS_PUBLIC enum nss_status _nss_zt_getgrnam_r(const char *name,
    struct group *grp, char *buf, size_t buflen, int *errnop);
NSS_PUBLIC enum nss_status _nss_zt_getgrgid_r(gid_t gid, struct group *grp,
    char *buf, size_t buflen, int *errnop);
NSS_PUBLIC enum nss_status _nss_zt_setgrent(int stayopen);
NSS_PUBLIC enum nss_status
_nss_zt_getgrent_r(struct group *grp, char *buf, size_t buflen, int *errnop);
NSS_PUBLIC enum nss_status _nss_zt_endgrent(void);

NSS_PUBLIC enum nss_status
_nss_zt_initgroups_dyn(const char *user, gid_t skip, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop);

#endif /* NSS_ZT_H */
