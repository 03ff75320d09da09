/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_state.h"
#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/file.h"

#define ETAG   ".etag"
#define BEFORE ".before"

static char *
beside(const char *path, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

static enum zt_err
document_read(const char *path, char **text_out, size_t *len_out,
    int64_t *synced_ms_out)
{
	struct stat st;
	enum zt_err err;

	err = zt_file_read(path, O_NOFOLLOW, ZT_BUNDLE_MAX, text_out, len_out,
	    &st);
	if (err == ZT_OK)
		*synced_ms_out = (int64_t)st.st_mtim.tv_sec * 1000 +
		    st.st_mtim.tv_nsec / 1000000;
	return err;
}

enum zt_err
bundle_state_read(const char *path, char **text_out, size_t *len_out,
    int64_t *synced_ms_out, char etag[FETCH_ETAG_MAX])
{
	zt_auto_free char *name = beside(path, ETAG);
	zt_auto_free char *kept = NULL;
	struct stat st;
	size_t len;

	etag[0] = '\0';
	if (name == NULL)
		return ZT_ERR_NOMEM;
	if (zt_file_read(name, O_NOFOLLOW, FETCH_ETAG_MAX - 1, &kept, &len,
		&st) == ZT_OK)
		memcpy(etag, kept, len + 1);
	return document_read(path, text_out, len_out, synced_ms_out);
}

/*
 * The document first: should we die in between, an old ETag fetches it once
 * more, while a new one would keep the old document for good.
 */
enum zt_err
bundle_state_write(const char *path, const char *text, size_t len,
    const char *etag)
{
	zt_auto_free char *name = beside(path, ETAG);
	enum zt_err err;

	if (name == NULL)
		return ZT_ERR_NOMEM;
	if ((err = zt_file_replace(path, text, len, 0600)) != ZT_OK)
		return err;
	return zt_file_replace(name, etag, strlen(etag), 0600);
}

/* A link: the document keeps its name until another takes it. */
enum zt_err
bundle_state_keep(const char *path)
{
	zt_auto_free char *name = beside(path, BEFORE);

	if (name == NULL)
		return ZT_ERR_NOMEM;
	if (link(path, name) == 0 || errno == EEXIST)
		return ZT_OK;
	/* nothing is in force: what is there is of another time */
	if (errno == ENOENT && (unlink(name) == 0 || errno == ENOENT))
		return ZT_OK;
	return ZT_ERR_SYS;
}

enum zt_err
bundle_state_read_kept(const char *path, char **text_out, size_t *len_out,
    int64_t *synced_ms_out)
{
	zt_auto_free char *name = beside(path, BEFORE);

	if (name == NULL)
		return ZT_ERR_NOMEM;
	return document_read(name, text_out, len_out, synced_ms_out);
}

void
bundle_state_settle(const char *path)
{
	zt_auto_free char *name = beside(path, BEFORE);

	if (name != NULL)
		(void)unlink(name);
}

void
bundle_state_touch(const char *path)
{
	(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}
