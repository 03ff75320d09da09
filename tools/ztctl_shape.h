/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTCTL_SHAPE_H
#define ZTCTL_SHAPE_H

#include <stdbool.h>

#include <jansson.h>

/*
 * Does an object have the members it should?  An answer of another shape is
 * of no use: what is absent must not be taken for zero, or for no.
 *
 * shape  "name:type" separated by blanks; the types are s text, n whole number
 *	  from 0 to 10^15, b boolean, o object, a array.  A '?' behind the type allows
 *	  null and absence.  Other members are left alone.
 */
bool json_fits(const json_t *object, const char *shape);

/* The same of each item of an array. */
bool json_all_fit(const json_t *array, const char *shape);

#endif /* ZTCTL_SHAPE_H */
