/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle_state.h"
#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/file.h"

static char *
etag_path(const char *path)
{
	char *name;

	return asprintf(&name, "%s.etag", path) < 0 ? NULL : name;
}

enum zt_err
bundle_state_read(const char *path, char **text_out, size_t *len_out,
    int64_t *synced_ms_out, char etag[FETCH_ETAG_MAX])
{
	zt_auto_free char *name = etag_path(path);
	zt_auto_free char *kept = NULL;
	struct stat st;
	enum zt_err err;
	size_t len;

	etag[0] = '\0';
	if (name == NULL)
		return ZT_ERR_NOMEM;
	if (zt_file_read(name, O_NOFOLLOW, FETCH_ETAG_MAX - 1, &kept, &len,
		&st) == ZT_OK)
		memcpy(etag, kept, len + 1);
	err = zt_file_read(path, O_NOFOLLOW, ZT_BUNDLE_MAX, text_out, len_out,
	    &st);
	if (err == ZT_OK)
		*synced_ms_out = (int64_t)st.st_mtim.tv_sec * 1000 +
		    st.st_mtim.tv_nsec / 1000000;
	return err;
}

/*
 * The document first: should we die in between, an old ETag fetches it once
 * more, while a new one would keep the old document for good.
 */
enum zt_err
bundle_state_write(const char *path, const char *text, size_t len,
    const char *etag)
{
	zt_auto_free char *name = etag_path(path);
	enum zt_err err;

	if (name == NULL)
		return ZT_ERR_NOMEM;
	if ((err = zt_file_replace(path, text, len, 0600)) != ZT_OK)
		return err;
	return zt_file_replace(name, etag, strlen(etag), 0600);
}

void
bundle_state_touch(const char *path)
{
	(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}
