/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../nss_zt/map.h"
#include "path.h"
#include "zt/auto.h"
#include "zt/snapshot_format.h"

#define FILE_NAME "/users.snapshot"

char test_path[64];

static void
must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

void
test_path_make(void)
{
	char dir[] = "/tmp/zt-nss.XXXXXX";

	must(mkdtemp(dir) != NULL, dir);
	(void)snprintf(test_path, sizeof(test_path), "%s" FILE_NAME, dir);
}

void
test_path_remove(void)
{
	(void)unlink(test_path);
	*strrchr(test_path, '/') = '\0';
	(void)rmdir(test_path);
}

static void
header_mend(int fd)
{
	struct zt_snapshot_header h;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return;
	h.checksum = 0;
	h.checksum = zt_snapshot_header_checksum(&h);
	must(pwrite(fd, &h, sizeof(h), 0) == sizeof(h), "pwrite");
}

void
test_path_put(const void *bytes, size_t len, bool mend)
{
	const off_t at = offsetof(struct zt_snapshot_header, superseded);
	const uint32_t one = 1;
	zt_auto_close int old = open(test_path, O_WRONLY | O_CLOEXEC);
	zt_auto_close int fd = -1;

	if (old >= 0)
		must(pwrite(old, &one, sizeof(one), at) == sizeof(one), "mark");
	(void)unlink(test_path);
	fd = open(test_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len, test_path);
	if (mend)
		header_mend(fd);
}

const char *
path_snapshot(void)
{
	return test_path;
}

const char *
path_socket(void)
{
	return "/nonexistent/nss";
}
