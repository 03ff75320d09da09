/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_DOCTOR_H
#define ZTCTL_DOCTOR_H

#include <limits.h>

#include <jansson.h>

#include "zt/snapshot.h"
#include "ztctl.h"

#define DOCTOR_SHOWN_MAX 10 /* findings of one kind; the rest is counted */

/* The file at path, an absolute one, below the root that is looked at. */
void doctor_path(const struct ztctl_options *options, const char *path,
    char out[PATH_MAX]);

/* The parts of ztctl doctor nss.  s is mapped. */
void doctor_module(json_t *list, const struct ztctl_options *options);
void doctor_caches(json_t *list, const struct ztctl_options *options);
void doctor_local(json_t *list, const struct ztctl_options *options,
    const struct zt_snapshot *s);
/* Does the range that s was made for get in the way of anything else? */
void check_range(json_t *list, const char *etc, const struct zt_snapshot *s);
void doctor_paths(json_t *list, const struct ztctl_options *options,
    const struct zt_snapshot *s);

#endif /* ZTCTL_DOCTOR_H */
