/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ocsf.h"
#include "zt/auto.h"
#include "zt/json.h"
#include "zt/text.h"

#define OCSF_VERSION "1.8.0"
#define KEY_MAX      48              /* a member's name with NUL */
#define YEAR_9999_MS 253402300799999 /* last instant of 4-digit years */
#define DT_MAX       sizeof("9999-12-31T23:59:59.999Z")

void
zt_ocsf_put(struct zt_ocsf *event, json_t *obj, const char *key, json_t *value)
{
	if (json_object_set_new(obj, key, value) != 0)
		event->failed = true;
}

json_t *
zt_ocsf_object(struct zt_ocsf *event, json_t *obj, const char *key)
{
	zt_ocsf_put(event, obj, key, json_object());
	return json_object_get(obj, key);
}

void
zt_ocsf_put_filled(struct zt_ocsf *event, json_t *obj, const char *key,
    json_t *value)
{
	if (value != NULL && json_object_size(value) == 0)
		json_decref(value);
	else
		zt_ocsf_put(event, obj, key, value);
}

void
zt_ocsf_int(struct zt_ocsf *event, json_t *obj, const char *key, int64_t value)
{
	zt_ocsf_put(event, obj, key, json_integer(value));
}

void
zt_ocsf_bool(struct zt_ocsf *event, json_t *obj, const char *key, bool value)
{
	zt_ocsf_put(event, obj, key, json_boolean(value));
}

void
zt_ocsf_word(struct zt_ocsf *event, json_t *obj, const char *key,
    const char *word)
{
	zt_ocsf_put(event, obj, key, json_string(word));
}

/* A text from outside as a JSON string. */
static json_t *
text_json(struct zt_ocsf *event, const char *text)
{
	size_t cap = strlen(text) * ZT_ESCAPE_GROWTH + 1;
	zt_auto_free char *buf = malloc(cap);

	if (buf == NULL)
		return NULL;
	if (zt_escape(buf, cap, zt_str(text)) > event->text_max) {
		(void)zt_escape(buf, event->text_max + 1, zt_str(text));
		event->cut = true;
	}
	return json_string(buf);
}

void
zt_ocsf_text(struct zt_ocsf *event, json_t *obj, const char *key,
    const char *text)
{
	if (text != NULL)
		zt_ocsf_put(event, obj, key, text_json(event, text));
}

void
zt_ocsf_escaped(struct zt_ocsf *event, json_t *obj, const char *key,
    const char *text)
{
	if (text != NULL && strlen(text) <= event->text_max &&
	    zt_text_clean(zt_str(text)))
		zt_ocsf_word(event, obj, key, text);
	else
		zt_ocsf_text(event, obj, key, text);
}

void
zt_ocsf_texts(struct zt_ocsf *event, json_t *obj, const char *key,
    char *const *texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, text_json(event, texts[i])) !=
		    0)
			event->failed = true;
	zt_ocsf_put(event, obj, key, list);
}

void
zt_ocsf_enum(struct zt_ocsf *event, json_t *obj, const char *key,
    struct zt_ocsf_enum value)
{
	char key_id[KEY_MAX];

	(void)snprintf(key_id, sizeof(key_id), "%s_id", key);
	zt_ocsf_int(event, obj, key_id, value.id);
	zt_ocsf_word(event, obj, key, value.caption);
}

void
zt_ocsf_time(struct zt_ocsf *event, json_t *obj, const char *key, int64_t ms)
{
	char key_dt[KEY_MAX], date[DT_MAX], dt[DT_MAX + 8];
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (ms < 0 || ms > YEAR_9999_MS || gmtime_r(&s, &tm) == NULL)
		return;
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(dt, sizeof(dt), "%s.%03dZ", date, (int)(ms % 1000));
	(void)snprintf(key_dt, sizeof(key_dt), "%s_dt", key);
	zt_ocsf_int(event, obj, key, ms);
	zt_ocsf_word(event, obj, key_dt, dt);
}

void
zt_ocsf_class(struct zt_ocsf *event, const struct zt_ocsf_class *class,
    struct zt_ocsf_enum activity)
{
	json_t *root = event->root;
	char type_name[128];

	(void)snprintf(type_name, sizeof(type_name), "%s: %s",
	    class->class_name, activity.caption);
	zt_ocsf_int(event, root, "category_uid", class->category_uid);
	zt_ocsf_int(event, root, "class_uid", class->class_uid);
	zt_ocsf_word(event, root, "class_name", class->class_name);
	zt_ocsf_int(event, root, "activity_id", activity.id);
	zt_ocsf_word(event, root, "activity_name", activity.caption);
	zt_ocsf_int(event, root, "type_uid",
	    (int64_t) class->class_uid * 100 + activity.id);
	zt_ocsf_word(event, root, "type_name", type_name);
}

void
zt_ocsf_metadata(struct zt_ocsf *event, const char *uid, const char *event_code,
    uint64_t sequence)
{
	/* whose members beyond the class itself appear: their names in OCSF */
	static const char *const profiles[] = { "datetime", "host",
		"security_control" };
	json_t *metadata = zt_ocsf_object(event, event->root, "metadata");
	json_t *product, *list = json_array();

	event->metadata = metadata;
	zt_ocsf_word(event, metadata, "version", OCSF_VERSION);
	product = zt_ocsf_object(event, metadata, "product");
	zt_ocsf_word(event, product, "name", "zt");
	zt_ocsf_word(event, product, "vendor_name", "zt");
	zt_ocsf_word(event, product, "version", ZT_VERSION);
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (json_array_append_new(list, json_string(profiles[i])) != 0)
			event->failed = true;
	zt_ocsf_put(event, metadata, "profiles", list);
	zt_ocsf_int(event, metadata, "sequence", (int64_t)sequence);
	zt_ocsf_text(event, metadata, "uid", uid);
	zt_ocsf_word(event, metadata, "event_code", event_code);
}

void
zt_ocsf_device(struct zt_ocsf *event, const struct zt_host *host)
{
	static const struct zt_ocsf_enum server = { 1, "Server" };
	json_t *device = zt_ocsf_object(event, event->root, "device");

	zt_ocsf_enum(event, device, "type", server);
	zt_ocsf_text(event, device, "uid", host->id);
	zt_ocsf_text(event, device, "hostname", host->hostname);
	zt_ocsf_text(event, device, "boot_uid", host->boot_id);
}

/* One try with texts of at most text_max. */
static enum zt_err
try_format(zt_ocsf_build *build, const void *arg, size_t text_max, size_t max,
    char **line_out, size_t *len_out)
{
	struct zt_ocsf event = { .root = json_object(), .text_max = text_max };
	enum zt_err err = ZT_ERR_NOMEM;

	build(&event, arg);
	if (event.cut)
		zt_ocsf_bool(&event, event.metadata, "is_truncated", true);
	if (!event.failed)
		err = zt_json_print(event.root, max, line_out, len_out);
	json_decref(event.root);
	return err;
}

enum zt_err
zt_ocsf_format(zt_ocsf_build *build, const void *arg, size_t max,
    char **line_out, size_t *len_out)
{
	enum zt_err err = ZT_ERR_TOOBIG;

	for (size_t text_max = max; err == ZT_ERR_TOOBIG && text_max > 0;
	     text_max /= 2)
		err = try_format(build, arg, text_max, max, line_out, len_out);
	return err;
}
