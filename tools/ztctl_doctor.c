/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl doctor nss: what keeps zt's users from being seen, or seen right. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "zt/client.h"
#include "zt/wire.h"
#include "ztctl_doctor.h"
#include "ztctl_finding.h"
#include "ztctl_identity.h"

#define NSS_MS 1000

void
doctor_path(const struct ztctl_options *options, const char *path,
    char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s%s", options->root, path);
}

/* Every process must get to the snapshot and read it, whoever it is. */
static void
check_reach(json_t *list, const char *snapshot)
{
	char path[PATH_MAX];
	struct stat st;
	char *slash;

	(void)snprintf(path, sizeof(path), "%s", snapshot);
	if (stat(path, &st) != 0)
		return; /* said already */
	if ((st.st_mode & S_IROTH) == 0)
		finding_add(list, FINDING_FAIL, "snapshot",
		    "make it readable for all: chmod 0644",
		    "%s: others cannot read it (mode %04o)", path,
		    (unsigned)st.st_mode & 07777);
	while ((slash = strrchr(path, '/')) != NULL && slash != path) {
		*slash = '\0';
		if (stat(path, &st) == 0 && (st.st_mode & S_IXOTH) == 0)
			finding_add(list, FINDING_FAIL, "snapshot",
			    "make the directory accessible: chmod 0755",
			    "%s: others cannot enter it (mode %04o)", path,
			    (unsigned)st.st_mode & 07777);
	}
}

/* Ask as the module does, for somebody who does not exist. */
static enum zt_err
ask_nss(const char *path)
{
	static uint8_t reply[ZT_WIRE_MAX];
	const struct zt_nss_request request = {
		.op = ZT_NSS_USER_BY_NAME,
		.name = zt_str("zt-doctor"),
	};
	struct zt_nss_absent absent;
	struct zt_nss_user user;
	uint8_t buf[64];
	enum zt_err err;
	size_t len;

	err = zt_nss_request_encode(&request, buf, sizeof(buf), &len);
	if (err == ZT_OK)
		err = zt_client_call(path, NSS_MS, buf, len, reply,
		    sizeof(reply), &len);
	if (err != ZT_OK)
		return err;
	err = zt_nss_absent_decode(reply, len, &absent);
	return err == ZT_OK ? err : zt_nss_user_decode(reply, len, &user);
}

static void
check_socket(json_t *list, const struct ztctl_options *options)
{
	char path[PATH_MAX];
	struct stat st;
	enum zt_err err;

	doctor_path(options, ZT_SOCKET_NSS, path);
	err = ask_nss(path);
	if (err != ZT_OK)
		finding_add(list, FINDING_FAIL, "broker",
		    "start it (systemctl start ztd), or see its journal: "
		    "journalctl -u ztd",
		    "%s: %s: nobody learns of a change", path,
		    zt_strerror(err));
	else if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) == 0)
		finding_add(list, FINDING_FAIL, "broker",
		    "restart its sockets: systemctl restart ztd.socket",
		    "%s: others cannot ask (mode %04o)", path,
		    (unsigned)st.st_mode & 07777);
	else
		finding_add(list, FINDING_OK, "broker", NULL, "%s answers",
		    path);
}

enum ztctl_status
ztctl_doctor_nss(const struct ztctl_options *options)
{
	json_t *list = json_array();
	struct zt_snapshot s;
	bool mapped;

	check_nsswitch(list, options->etc, FINDING_FAIL);
	doctor_module(list, options);
	mapped = check_snapshot(list, options->snapshot, &s);
	check_reach(list, options->snapshot);
	check_socket(list, options);
	/* who may not ask learns nothing, and that is no failure */
	(void)check_sources(list, options->socket, FINDING_WARN,
	    mapped ? &s : NULL);
	doctor_caches(list, options);
	if (mapped) {
		doctor_local(list, options, &s);
		doctor_paths(list, options, &s);
		zt_snapshot_close(&s);
	}
	return findings_end(list, options->json);
}
