/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the snapshot of the name service module, as they are and with
 * the header's checksum made right.  Property: whoever its entry points hand
 * out may exist, and is who was asked for.
 */
#include <string.h>

#include "../../nss_zt/nss_zt.h"
#include "../nss/path.h"
#include "fuzz_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ENTRIES 16 /* of an enumeration, looked at */
#define FOUND   NSS_STATUS_SUCCESS

static char buf[1 << 17], again[1 << 17];
static int err;

static void
found_user(const struct passwd *pwd)
{
	check_user(&(struct zt_snapshot_user){ zt_str(pwd->pw_name),
	    zt_str(pwd->pw_gecos), zt_str(pwd->pw_dir), zt_str(pwd->pw_shell),
	    pwd->pw_uid, pwd->pw_gid });
}

static void
found_group(const struct group *grp)
{
	check_id(grp->gr_gid);
	check_name(zt_str(grp->gr_name));
	for (char **m = grp->gr_mem; *m != NULL; m++)
		CHECK(zt_name_valid(zt_str(*m)));
}

static void
ask_gids(const char *name)
{
	long n = 0, size = 1;
	gid_t *gids = malloc(sizeof(*gids));

	if (_nss_zt_initgroups_dyn(name, 0, &n, &size, &gids, 70000, &err) ==
	    FOUND)
		for (long i = 0; i < n; i++)
			CHECK(zt_id_valid(gids[i]) &&
			    (i == 0 || gids[i] > gids[i - 1]));
	free(gids);
}

/* Read in places it says the same, which is what a first lookup does. */
static void
read_user(const char *name, bool by_name, uid_t uid, bool by_uid)
{
	struct zt_snapshot_read r;
	struct zt_snapshot_user user;

	if (zt_snapshot_read_open(test_path, &r) != ZT_OK) {
		CHECK(!by_name && !by_uid);
		return;
	}
	CHECK((zt_snapshot_read_user(&r, zt_str(name), &user) == ZT_OK) ==
	    by_name);
	CHECK((zt_snapshot_read_user_by_uid(&r, uid, &user) == ZT_OK) ==
	    by_uid);
	zt_snapshot_read_close(&r);
}

static void
ask_user(const char *name, uid_t uid)
{
	struct passwd pwd;
	bool by_name, by_uid;

	by_name =
	    _nss_zt_getpwnam_r(name, &pwd, again, sizeof(again), &err) == FOUND;
	if (by_name) {
		found_user(&pwd);
		CHECK(strcmp(pwd.pw_name, name) == 0);
	}
	by_uid =
	    _nss_zt_getpwuid_r(uid, &pwd, again, sizeof(again), &err) == FOUND;
	if (by_uid) {
		found_user(&pwd);
		CHECK(pwd.pw_uid == uid);
	}
	read_user(name, by_name, uid, by_uid);
	ask_gids(name);
}

static void
ask_group(const char *name, gid_t gid)
{
	struct group grp;

	if (_nss_zt_getgrnam_r(name, &grp, again, sizeof(again), &err) ==
	    FOUND) {
		found_group(&grp);
		CHECK(strcmp(grp.gr_name, name) == 0);
	}
	if (_nss_zt_getgrgid_r(gid, &grp, again, sizeof(again), &err) ==
	    FOUND) {
		found_group(&grp);
		CHECK(grp.gr_gid == gid);
	}
}

static void
ask_all(void)
{
	struct passwd pwd;
	struct group grp;

	ask_user("alice", 70001);
	ask_group("team", 71000);
	(void)_nss_zt_setpwent(0);
	(void)_nss_zt_setgrent(0);
	for (int i = 0; i < ENTRIES &&
	     _nss_zt_getpwent_r(&pwd, buf, sizeof(buf), &err) == FOUND;
	     i++) {
		found_user(&pwd);
		ask_user(pwd.pw_name, pwd.pw_uid);
	}
	for (int i = 0; i < ENTRIES &&
	     _nss_zt_getgrent_r(&grp, buf, sizeof(buf), &err) == FOUND;
	     i++) {
		found_group(&grp);
		ask_group(grp.gr_name, grp.gr_gid);
	}
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
