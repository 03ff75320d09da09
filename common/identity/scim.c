/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "zt/scim.h"

#define MESSAGES      "urn:ietf:params:scim:api:messages:2.0:"
#define SCHEMA_LIST   MESSAGES "ListResponse"
#define SCHEMA_ERROR  MESSAGES "Error"
#define TOTAL_MAX     INT32_MAX /* totalResults, startIndex */
#define FRACTION_UNIT 100000    /* of the first digit after the point, us */

const char *
zt_scim_endpoint(enum zt_scim_kind kind)
{
	return kind == ZT_SCIM_USER ? "Users" : "Groups";
}

static json_t *
body_load(struct zt_str body)
{
	if (body.len > ZT_SCIM_ANSWER_MAX)
		return NULL;
	return json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
}

/* Is it a message of this schema? */
static bool
has_schema(const json_t *root, const char *schema)
{
	const json_t *schemas = json_object_get(root, "schemas");

	for (size_t i = 0; i < json_array_size(schemas); i++) {
		const char *s = json_string_value(json_array_get(schemas, i));

		if (s != NULL && strcasecmp(s, schema) == 0)
			return true;
	}
	return false;
}

/* A number of things; -1 if it is not there.  False if it is none. */
static bool
count_get(const json_t *root, const char *key, int64_t *out)
{
	const json_t *value = json_object_get(root, key);

	*out = json_is_integer(value) ? json_integer_value(value) : -1;
	return value == NULL || json_is_null(value) ||
	    (json_is_integer(value) && *out >= 0 && *out <= TOTAL_MAX);
}

static bool
cursor_valid(const char *cursor)
{
	const size_t len = strlen(cursor);

	for (size_t i = 0; i < len; i++)
		if (cursor[i] <= ' ' || cursor[i] > '~')
			return false;
	return len > 0 && len <= ZT_SCIM_CURSOR_MAX;
}

/* Fills all but root; what is wrong, or NULL. */
static const char *
list_read(const json_t *root, struct zt_scim_list *list)
{
	const json_t *cursor = json_object_get(root, "nextCursor");
	int64_t per_page;

	if (!json_is_object(root))
		return "the answer is no JSON object, or too long";
	if (!has_schema(root, SCHEMA_LIST))
		return "the answer is no ListResponse";
	list->resources = json_object_get(root, "Resources");
	if (json_is_null(list->resources))
		list->resources = NULL;
	if (list->resources != NULL && !json_is_array(list->resources))
		return "Resources is no array";
	list->n = json_array_size(list->resources);
	if (!count_get(root, "totalResults", &list->total) ||
	    !count_get(root, "startIndex", &list->start) ||
	    !count_get(root, "itemsPerPage", &per_page))
		return "totalResults, startIndex or itemsPerPage is no count";
	if (cursor == NULL || json_is_null(cursor))
		return NULL;
	list->next_cursor = json_string_value(cursor);
	if (list->next_cursor == NULL || !cursor_valid(list->next_cursor))
		return "nextCursor is no printable text of at most 1024 bytes";
	return NULL;
}

enum zt_err
zt_scim_list_parse(struct zt_str body, struct zt_scim_list *out,
    const char **why_out)
{
	struct zt_scim_list list = { .root = body_load(body) };
	const char *why = list_read(list.root, &list);

	if (why != NULL) {
		zt_scim_list_clear(&list);
		*why_out = why;
		return ZT_ERR_MALFORMED;
	}
	*out = list;
	return ZT_OK;
}

void
zt_scim_list_clear(struct zt_scim_list *list)
{
	json_decref(list->root);
	*list = (struct zt_scim_list){ .total = -1, .start = -1 };
}

/* Escaped; "" if it is no text. */
static void
text_get(const json_t *root, const char *key, char *dst, size_t cap)
{
	const json_t *value = json_object_get(root, key);
	const struct zt_str s = { json_string_value(value),
		json_string_length(value) };

	dst[0] = '\0';
	if (s.p != NULL)
		(void)zt_escape(dst, cap, s);
}

void
zt_scim_error_parse(struct zt_str body, struct zt_scim_error *out)
{
	json_auto_t *root = body_load(body);

	*out = (struct zt_scim_error){ .type = "" };
	if (!has_schema(root, SCHEMA_ERROR))
		return;
	text_get(root, "scimType", out->type, sizeof(out->type));
	text_get(root, "detail", out->detail, sizeof(out->detail));
}

void
zt_scim_service_parse(struct zt_str body, struct zt_scim_service *out)
{
	json_auto_t *root = body_load(body);
	const json_t *pagination = json_object_get(root, "pagination");
	const json_t *filter = json_object_get(root, "filter");

	out->cursor = json_is_true(json_object_get(pagination, "cursor"));
	out->no_filter = json_is_false(json_object_get(filter, "supported"));
}

void
zt_scim_encode(char *dst, const char *src)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *src != '\0'; src++) {
		const unsigned char c = (unsigned char)*src;

		if (strchr(plain, c) != NULL) {
			*dst++ = *src;
			continue;
		}
		*dst++ = '%';
		*dst++ = hex[c >> 4];
		*dst++ = hex[c & 15];
	}
	*dst = '\0';
}

/* ---- time ---- */

/* n digits; -1, and s empty, if they are not there. */
static int
digits(struct zt_str *s, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (i >= s->len || s->p[i] < '0' || s->p[i] > '9') {
			s->len = 0;
			return -1;
		}
		value = value * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->len -= n;
	return value;
}

static bool
sign(struct zt_str *s, char c)
{
	if (s->len == 0 || *s->p != c)
		return false;
	s->p++;
	s->len--;
	return true;
}

/* n digits after a sign. */
static int
part(struct zt_str *s, char c, size_t n)
{
	return sign(s, c) ? digits(s, n) : -1;
}

static int64_t
fraction_us(struct zt_str *s)
{
	int64_t us = 0, unit = FRACTION_UNIT;

	if (!sign(s, '.'))
		return 0;
	do {
		const int digit = digits(s, 1);

		if (digit < 0)
			return -1;
		us += digit * unit;
		unit /= 10;
	} while (s->len > 0 && s->p[0] >= '0' && s->p[0] <= '9');
	return us;
}

/* Minutes east of UTC; INT32_MIN if that is no offset. */
static int
offset_min(struct zt_str *s)
{
	const bool east = s->len > 0 && s->p[0] == '+';
	int hours, minutes;

	if (s->len == 0 || sign(s, 'Z') || sign(s, 'z'))
		return 0;
	hours = part(s, east ? '+' : '-', 2);
	minutes = part(s, ':', 2);
	if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
		return INT32_MIN;
	return (hours * 60 + minutes) * (east ? 1 : -1);
}

/* Days since the epoch: Howard Hinnant's days_from_civil, for years >= 1. */
static int64_t
days(int year, int month, int day)
{
	const int64_t y = month <= 2 ? year - 1 : year;
	const int64_t era = y / 400, in_era = y - era * 400;
	const int64_t in_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 +
	    in_year - 719468;
}

enum zt_err
zt_scim_time(struct zt_str text, int64_t *us_out)
{
	struct zt_str s = text;
	const int year = digits(&s, 4), month = part(&s, '-', 2);
	const int day = part(&s, '-', 2), hour = part(&s, 'T', 2);
	const int minute = part(&s, ':', 2), second = part(&s, ':', 2);
	const bool whole = second >= 0;
	const int64_t us = fraction_us(&s);
	const int offset = offset_min(&s);

	if (!whole || s.len > 0 || us < 0 || offset == INT32_MIN || year < 1 ||
	    month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 ||
	    minute > 59 || second > 60)
		return ZT_ERR_MALFORMED;
	*us_out =
	    (((days(year, month, day) * 24 + hour) * 60 + minute - offset) *
		    60 +
		second) *
		1000000 +
	    us;
	return ZT_OK;
}
