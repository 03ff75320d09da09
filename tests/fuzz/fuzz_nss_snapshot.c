/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the snapshot of the name service module, as they are and with
 * the header's checksum made right.  Property: whoever its entry points hand
 * out may exist, and is who was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "../../nss_zt/nss_zt.h"
#include "../nss/path.h"
#include "zt/passwd.h"
#include "zt/snapshot.h"
#include "zt/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(good) ((good) ? (void)0 : abort())
#define ENTRIES     16 /* of an enumeration, looked at */

static char buf[1 << 17], again[1 << 17];

static bool
id_right(uint32_t id)
{
	return zt_id_valid(id) && id >= ZT_SNAPSHOT_ID_FLOOR;
}

static void
check_user(const struct passwd *pwd)
{
	CHECK(id_right(pwd->pw_uid) && id_right(pwd->pw_gid));
	CHECK(zt_name_valid(zt_str(pwd->pw_name)));
	CHECK(strcmp(pwd->pw_name, "root") != 0);
	CHECK(zt_field_valid(zt_str(pwd->pw_gecos)));
	CHECK(zt_path_valid(zt_str(pwd->pw_dir)));
	CHECK(zt_path_valid(zt_str(pwd->pw_shell)));
}

static void
check_gids(const char *name)
{
	long n = 0, size = 1;
	gid_t *gids = malloc(sizeof(*gids));
	int err;

	if (_nss_zt_initgroups_dyn(name, 0, &n, &size, &gids, 70000, &err) ==
	    NSS_STATUS_SUCCESS)
		for (long i = 0; i < n; i++)
			CHECK(zt_id_valid(gids[i]) &&
			    (i == 0 || gids[i] > gids[i - 1]));
	free(gids);
}

static void
ask_user_again(const struct passwd *pwd)
{
	struct passwd same;
	int err;

	check_user(pwd);
	check_gids(pwd->pw_name);
	if (_nss_zt_getpwnam_r(pwd->pw_name, &same, again, sizeof(again),
		&err) == NSS_STATUS_SUCCESS) {
		check_user(&same);
		CHECK(strcmp(same.pw_name, pwd->pw_name) == 0);
	}
	if (_nss_zt_getpwuid_r(pwd->pw_uid, &same, again, sizeof(again),
		&err) == NSS_STATUS_SUCCESS) {
		check_user(&same);
		CHECK(same.pw_uid == pwd->pw_uid);
	}
}

static void
ask_group_again(const struct group *grp)
{
	struct group same;
	int err;

	CHECK(id_right(grp->gr_gid) && zt_name_valid(zt_str(grp->gr_name)));
	for (char **m = grp->gr_mem; *m != NULL; m++)
		CHECK(zt_name_valid(zt_str(*m)));
	if (_nss_zt_getgrnam_r(grp->gr_name, &same, again, sizeof(again),
		&err) == NSS_STATUS_SUCCESS)
		CHECK(strcmp(same.gr_name, grp->gr_name) == 0 &&
		    id_right(same.gr_gid));
	if (_nss_zt_getgrgid_r(grp->gr_gid, &same, again, sizeof(again),
		&err) == NSS_STATUS_SUCCESS)
		CHECK(same.gr_gid == grp->gr_gid);
}

static void
ask_all(void)
{
	struct passwd pwd;
	struct group grp;
	int err;

	(void)_nss_zt_setpwent(0);
	(void)_nss_zt_setgrent(0);
	for (int i = 0; i < ENTRIES &&
	     _nss_zt_getpwent_r(&pwd, buf, sizeof(buf), &err) ==
		 NSS_STATUS_SUCCESS;
	     i++)
		ask_user_again(&pwd);
	for (int i = 0; i < ENTRIES &&
	     _nss_zt_getgrent_r(&grp, buf, sizeof(buf), &err) ==
		 NSS_STATUS_SUCCESS;
	     i++)
		ask_group_again(&grp);
	if (_nss_zt_getpwnam_r("alice", &pwd, buf, sizeof(buf), &err) ==
	    NSS_STATUS_SUCCESS)
		ask_user_again(&pwd);
	if (_nss_zt_getgrnam_r("team", &grp, buf, sizeof(buf), &err) ==
	    NSS_STATUS_SUCCESS)
		ask_group_again(&grp);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (test_path[0] == '\0') {
		test_path_make();
		(void)atexit(test_path_remove);
	}
	for (int mend = 0; mend < 2; mend++) {
		test_path_put(data, len, mend != 0);
		ask_all();
	}
	return 0;
}
