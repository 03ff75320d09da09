/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ztctl_shape.h"

#define MEMBER_MAX 32               /* a member's name, bytes with NUL */
#define NUMBER_MAX 1000000000000000 /* so that a few can be summed up */

static bool
type_fits(const json_t *value, char type)
{
	switch (type) {
	case 's':
		return json_is_string(value);
	case 'n':
		return json_is_integer(value) &&
		    json_integer_value(value) >= 0 &&
		    json_integer_value(value) <= NUMBER_MAX;
	case 'b':
		return json_is_boolean(value);
	case 'o':
		return json_is_object(value);
	case 'a':
		return json_is_array(value);
	default:
		return false;
	}
}

static bool
is_absent(const json_t *value)
{
	return value == NULL || json_is_null(value);
}

bool
json_fits(const json_t *object, const char *shape)
{
	char member[MEMBER_MAX];

	if (!json_is_object(object))
		return false;
	while (*shape != '\0') {
		const size_t len = strcspn(shape, ":");
		const char *type = shape + len + 1;
		const json_t *value;

		if (shape[len] == '\0' || len >= sizeof(member))
			return false;
		memcpy(member, shape, len);
		member[len] = '\0';
		value = json_object_get(object, member);
		if (!(type[1] == '?' && is_absent(value)) &&
		    !type_fits(value, type[0]))
			return false;
		shape = type + 1 + (type[1] == '?');
		shape += strspn(shape, " ");
	}
	return true;
}

bool
json_all_fit(const json_t *array, const char *shape)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		if (!json_fits(item, shape))
			return false;
	}
	return json_is_array(array);
}
