/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_BUNDLE_TEXT_H
#define ZTCTL_BUNDLE_TEXT_H

#include <stddef.h>

#include "zt/bundle.h"
#include "ztctl.h"

/* What make, sign and check of ztctl identity bundle share. */

struct bundle_options {
	const char *operand, *out, *key, *signers, *previous; /* or NULL */
	int64_t version;                                      /* 0: not given */
	int64_t days;                                         /* likewise */
};

enum ztctl_status bundle_make(const struct bundle_options *o);
enum ztctl_status bundle_sign(const struct bundle_options *o);
enum ztctl_status bundle_check(const struct bundle_options *o);

/* Read all records, say which are refused and how many there are. */
enum ztctl_status
bundle_records_check(const char *path, struct zt_bundle *bundle);

/* A text in memory. */
struct text {
	char *p; /* owned, NUL-terminated */
	size_t len;
};

void text_clear(struct text *text);
struct zt_str text_str(const struct text *text);

/*
 * Read what a regular file has from its start, into an empty text.
 *
 * path  what to call it
 * max	 longest, bytes
 *
 * What is wrong was said unless ZTCTL_OK is returned; so below.
 */
enum ztctl_status
text_read(int fd, const char *path, size_t max, struct text *out);
enum ztctl_status
bundle_file_read(const char *path, size_t max, struct text *out);

/* Two texts, one behind the other, in place of a file or not at all. */
enum ztctl_status
bundle_file_write(const char *path, struct zt_str first, struct zt_str second);

/* What was signed; all of it if nothing is. */
struct zt_str bundle_message(const struct text *document);

/* Say what is wrong with a file; ZTCTL_SYSTEM. */
enum ztctl_status bundle_fail_file(const char *path, const char *why);
enum ztctl_status bundle_fail_errno(const char *path);

/* The same of a bundle; ZTCTL_FAILED, if it was not our memory. */
enum ztctl_status
bundle_fail(const char *path, enum zt_err err, const char *why);

#endif /* ZTCTL_BUNDLE_TEXT_H */
