/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_OCSF_H
#define ZT_OCSF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/attempt.h"
#include "zt/err.h"

/*
 * Builder of one OCSF event.  The putters add one member to obj; a failed
 * allocation sticks in event->failed, a shortened text in event->cut, and
 * zt_ocsf_format() looks at both once.  Keys keep the order of the calls.
 */
struct zt_ocsf {
	json_t *root;
	json_t *metadata; /* borrowed from root */
	size_t text_max;  /* longest text from outside, bytes */
	bool cut;
	bool failed;
};

/* An enumerated value of OCSF with its caption. */
struct zt_ocsf_enum {
	int id;
	const char *caption; /* static */
};

/* What every event says of itself. */
struct zt_ocsf_class {
	int category_uid;
	int class_uid;
	const char *class_name;
};

/* Add value (the reference is taken, NULL counts as a failure). */
void
zt_ocsf_put(struct zt_ocsf *event, json_t *obj, const char *key, json_t *value);

/* Add an empty object and return it, borrowed from obj; NULL on failure. */
json_t *zt_ocsf_object(struct zt_ocsf *event, json_t *obj, const char *key);

/* Add obj unless it is empty; the reference is taken. */
void zt_ocsf_put_filled(struct zt_ocsf *event, json_t *obj, const char *key,
    json_t *value);

void
zt_ocsf_int(struct zt_ocsf *event, json_t *obj, const char *key, int64_t value);
void
zt_ocsf_bool(struct zt_ocsf *event, json_t *obj, const char *key, bool value);

/* Text of our own: never cut, never escaped. */
void zt_ocsf_word(struct zt_ocsf *event, json_t *obj, const char *key,
    const char *word);

/* Text from outside: escaped, cut at text_max; NULL is left out. */
void zt_ocsf_text(struct zt_ocsf *event, json_t *obj, const char *key,
    const char *text);

/*
 * As zt_ocsf_text(), for what should have been through zt_escape() already: it
 * is only escaped (again) if it was not, or must be cut.
 */
void zt_ocsf_escaped(struct zt_ocsf *event, json_t *obj, const char *key,
    const char *text);

/* As zt_ocsf_text(), a list of n. */
void zt_ocsf_texts(struct zt_ocsf *event, json_t *obj, const char *key,
    char *const *texts, size_t n);

/* Add <key>_id and <key>. */
void zt_ocsf_enum(struct zt_ocsf *event, json_t *obj, const char *key,
    struct zt_ocsf_enum value);

/* Add <key> in ms and <key>_dt; neither before 1970 or after year 9999. */
void
zt_ocsf_time(struct zt_ocsf *event, json_t *obj, const char *key, int64_t ms);

/* Add category, class, activity and type. */
void zt_ocsf_class(struct zt_ocsf *event, const struct zt_ocsf_class *class,
    struct zt_ocsf_enum activity);

/* Add metadata; uid may be NULL. */
void zt_ocsf_metadata(struct zt_ocsf *event, const char *uid,
    const char *event_code, uint64_t sequence);

/* Add device: this host. */
void zt_ocsf_device(struct zt_ocsf *event, const struct zt_host *host);

typedef void zt_ocsf_build(struct zt_ocsf *event, const void *arg);

/*
 * Have build fill an event and print it as one line of at most max bytes.
 * A line too long is built again with ever shorter texts from outside, so
 * that the longest are cut first, and says metadata.is_truncated.
 *
 * Errors: ZT_ERR_NOMEM; ZT_ERR_TOOBIG if it is too long without any text.
 */
ZT_MUST_USE enum zt_err zt_ocsf_format(zt_ocsf_build *build, const void *arg,
    size_t max, char **line_out, size_t *len_out);

#endif /* ZT_OCSF_H */
