/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_FINDING_H
#define ZTCTL_FINDING_H

#include <jansson.h>

#include "ztctl.h"

enum finding_grade { FINDING_OK = 0, FINDING_WARN, FINDING_FAIL };

/*
 * Add what a check found to the list.
 *
 * name	   what was looked at, a word
 * remedy  the next step; NULL if there is none to take
 * format  what was found, one line
 */
void finding_add(json_t *list, enum finding_grade grade, const char *name,
    const char *remedy, const char *format, ...)
    __attribute__((__format__(__printf__, 5, 6)));

/*
 * Print the findings, and free them.  Returns ZTCTL_FAILED if one of them is a
 * failure.
 */
enum ztctl_status findings_end(json_t *list, bool json);

/*
 * The checks that need no broker; config is ztd's file, or NULL, and status
 * what the broker says of itself, or NULL.
 */
void check_config(json_t *list, const char *config);
void check_sshd(json_t *list, const struct ztctl_options *options);
void check_pam(json_t *list, const char *etc, const json_t *status);

/* worst: how bad a fault is that keeps zt from being asked. */
void check_nsswitch(json_t *list, const char *etc, enum finding_grade worst);

#endif /* ZTCTL_FINDING_H */
