/* SPDX-License-Identifier: Apache-2.0 */
/* For cppcheck, which does not read the headers of libraries: their macros. */
#define json_array_foreach(array, i, value) \
	for (i = 0; (value = json_array_get(array, i)) != NULL; i++)
#define json_object_foreach(object, key, value) \
	for (key = ""; (value = json_object_get(object, key)) != NULL;)
#define TAILQ_HEAD(name, type)  \
	struct name {           \
		struct type *a; \
	}
#define TAILQ_ENTRY(type) struct type *
#define TAILQ_FOREACH(item, head, field) \
	for (item = (head)->a; item != NULL; item = item->field)
