/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.systemd.UserDatabase alone, without a broker around it, for the users of
 * sample_users.h.
 *
 *   zt-userdb SNAPSHOT SOCKET [enumerate]
 *
 * Writes the snapshot, listens, says "ready" and serves until it is killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ztd/userdb.h"
#include "sample_users.h"

static struct userdb *
serve(sd_event *event, const char *snapshot, const char *path)
{
	const struct userdb_options options = {
		.source = { .snapshot = snapshot,
		    .etc = "/etc",
		    .privileged = sample_privileged },
		.max_connections = 64,
		.max_connections_per_uid = 16,
		.idle_ms = USERDB_IDLE_MS,
		.stall_ms = USERDB_STALL_MS,
	};
	struct userdb *userdb = NULL;
	int fd;

	if (userdb_listen(path, &fd) != ZT_OK ||
	    userdb_new(event, &options, fd, &userdb) != ZT_OK)
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return userdb;
}

int
main(int argc, char **argv)
{
	struct sample_users sample = { .enumerate = argc == 4 };
	struct userdb *userdb;
	sd_event *event = NULL;
	int rc = -1;

	if (argc < 3 || argc > 4) {
		(void)fputs("usage: zt-userdb SNAPSHOT SOCKET [enumerate]\n",
		    stderr);
		return 2;
	}
	if (sample_users_write(argv[1], &sample) != 0 ||
	    sd_event_new(&event) < 0 ||
	    (userdb = serve(event, argv[1], argv[2])) == NULL)
		return EXIT_FAILURE;
	(void)puts("ready");
	(void)fflush(stdout);
	rc = sd_event_loop(event);
	userdb_free(userdb);
	sd_event_unref(event);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
