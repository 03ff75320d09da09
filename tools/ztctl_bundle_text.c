/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the documents of ztctl identity bundle. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zt/auto.h"
#include "zt/file.h"
#include "zt/sshsig.h"
#include "zt/text.h"
#include "ztctl_bundle_text.h"
#include "ztctl_print.h"

void
text_clear(struct text *text)
{
	free(text->p);
}

struct zt_str
text_str(const struct text *text)
{
	return (struct zt_str){ text->p, text->len };
}

enum ztctl_status
bundle_fail_file(const char *path, const char *why)
{
	zt_auto_free char *shown = print_escaped(zt_str(path));

	print_failure("%s: %s", shown, why);
	return ZTCTL_SYSTEM;
}

enum ztctl_status
bundle_fail_errno(const char *path)
{
	return bundle_fail_file(path, strerror(errno));
}

enum ztctl_status
text_read(int fd, const char *path, size_t max, struct text *out)
{
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return bundle_fail_errno(path);
	if (!S_ISREG(st.st_mode))
		return bundle_fail_file(path, "no regular file");
	if ((uint64_t)st.st_size > max)
		return bundle_fail_file(path, "too large");
	if ((out->p = malloc((size_t)st.st_size + 1)) == NULL)
		return bundle_fail_errno(path);
	while (len < (size_t)st.st_size &&
	    (n = pread(fd, out->p + len, (size_t)st.st_size - len,
		 (off_t)len)) != 0) {
		if (n < 0)
			return bundle_fail_errno(path);
		len += (size_t)n;
	}
	out->p[len] = '\0';
	out->len = len;
	return ZTCTL_OK;
}

enum ztctl_status
bundle_file_read(const char *path, size_t max, struct text *out)
{
	zt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? bundle_fail_errno(path) : text_read(fd, path, max, out);
}

/* What an open(2) of ours would give a file. */
static mode_t
mode_usual(void)
{
	const mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

enum ztctl_status
bundle_file_write(const char *path, struct zt_str first, struct zt_str second)
{
	zt_auto_close int fd = -1;

	if (zt_file_begin(path, mode_usual(), &fd) != ZT_OK)
		return bundle_fail_errno(path);
	if (zt_file_write(fd, first.p, first.len) != ZT_OK ||
	    zt_file_write(fd, second.p, second.len) != ZT_OK) {
		(void)bundle_fail_errno(path);
		zt_file_drop(path);
		return ZTCTL_SYSTEM;
	}
	return zt_file_end(path, fd) != ZT_OK ? bundle_fail_errno(path)
					      : ZTCTL_OK;
}

struct zt_str
bundle_message(const struct text *document)
{
	struct zt_str signature, message = text_str(document);

	if (zt_sshsig_cut(message, &signature, &message) != ZT_OK)
		return text_str(document);
	return message;
}

enum ztctl_status
bundle_fail(const char *path, enum zt_err err, const char *why)
{
	(void)bundle_fail_file(path, why);
	return err == ZT_ERR_NOMEM ? ZTCTL_SYSTEM : ZTCTL_FAILED;
}
