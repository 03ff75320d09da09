/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_BUNDLE_H
#define ZTCTL_BUNDLE_H

#include "ztctl.h"

/*
 * ztctl identity bundle make|sign|check: the signed document from which hosts
 * take their users.
 *
 * argv  argv[0] is the word; options and operands follow
 */
enum ztctl_status ztctl_bundle(int argc, char **argv);

#endif /* ZTCTL_BUNDLE_H */
