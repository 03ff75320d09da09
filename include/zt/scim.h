/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SCIM_H
#define ZT_SCIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/identity.h"
#include "zt/rd.h"

/*
 * Users and groups from a SCIM 2.0 service: its answers, what of them
 * becomes a record, and whether all of them came.  Pure: no descriptor, no
 * clock.  The service is not believed: an answer that does not fit what was
 * asked makes the sync fail, for half the users must not pass for all.
 * Source: RFC 7643, RFC 7644 s3.4.2 and s3.12, RFC 9865.
 */
#define ZT_SCIM_ANSWER_MAX  (32 << 20) /* of one exchange, bytes */
#define ZT_SCIM_PAGES_MAX   100000     /* of one query, count */
#define ZT_SCIM_CURSOR_MAX  1024       /* bytes */
#define ZT_SCIM_TYPE_MAX    32         /* scimType, bytes with NUL */
#define ZT_SCIM_DETAIL_MAX  160        /* of an error, bytes with NUL */
#define ZT_SCIM_PAGER_MAX   (3 * ZT_SCIM_CURSOR_MAX + 64) /* with NUL */
#define ZT_SCIM_CATALOG_MAX (1 << 30) /* a catalog in memory, bytes */
#define ZT_SCIM_KEY_MAX     (ZT_IMMUTABLE_ID_MAX + 16) /* with NUL */
#define ZT_SCIM_NEVER       INT64_MIN /* a time that was not given */

#define ZT_SCIM_POSIX_USER \
	"urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:User"
#define ZT_SCIM_POSIX_GROUP \
	"urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:Group"

enum zt_scim_kind {
	ZT_SCIM_USER,
	ZT_SCIM_GROUP,
};
#define ZT_SCIM_KINDS 2

/* "Users" or "Groups": the endpoint, and how a record's key begins. */
const char *zt_scim_endpoint(enum zt_scim_kind kind);

/* ---- answers ---- */

/* A ListResponse.  All borrowed from root. */
struct zt_scim_list {
	struct json_t *root;            /* owned */
	const struct json_t *resources; /* array; NULL if there is none */
	size_t n;
	int64_t total, start;    /* totalResults, startIndex; -1: not given */
	const char *next_cursor; /* NULL: none */
};

/*
 * Decode a ListResponse.
 *
 * Returns ZT_OK and fills *out (zt_scim_list_clear() it); ZT_ERR_MALFORMED
 * with a static explanation; ZT_ERR_TOOBIG likewise.
 */
ZT_MUST_USE enum zt_err zt_scim_list_parse(struct zt_str body,
    struct zt_scim_list *out, const char **why_out);
void zt_scim_list_clear(struct zt_scim_list *list);

/* An error of the service; texts "" if not given, escaped for a terminal. */
struct zt_scim_error {
	char type[ZT_SCIM_TYPE_MAX];
	char detail[ZT_SCIM_DETAIL_MAX];
};

/* Decode what may be an error's body. */
void zt_scim_error_parse(struct zt_str body, struct zt_scim_error *out);

/* What a ServiceProviderConfig says; the defaults if it is none. */
struct zt_scim_service {
	bool cursor;    /* pages by cursor; false */
	bool no_filter; /* says that it cannot filter; false */
};

void zt_scim_service_parse(struct zt_str body, struct zt_scim_service *out);

/*
 * Microseconds since the epoch of an xsd:dateTime; one without an offset is
 * taken for UTC.  Errors: ZT_ERR_MALFORMED.
 */
ZT_MUST_USE enum zt_err zt_scim_time(struct zt_str text, int64_t *us_out);

/* Percent-encode all but RFC 3986's unreserved characters; dst has room for
 * 3 bytes for each of src, and NUL. */
void zt_scim_encode(char *dst, const char *src);

/* ---- resources ---- */

/*
 * Where in a resource what stands: "userName", "name.formatted" or
 * "urn:...:User:uidNumber".  NULL: the default, which is Oracle's posix
 * extension, and userName and displayName of the core schema.  Borrowed.
 */
struct zt_scim_map {
	const char *name, *uid, *gid, *gecos, *home, *shell; /* users */
	const char *group_name, *group_gid;
};

#define ZT_SCIM_ATTRIBUTES_MAX 16

/* The attributes to ask for, borrowed from map and static; their number. */
size_t zt_scim_attributes(const struct zt_scim_map *map, enum zt_scim_kind kind,
    const char *out[ZT_SCIM_ATTRIBUTES_MAX]);

/* Where a user's name stands. */
const char *zt_scim_name_path(const struct zt_scim_map *map);

/* A resource, as a record in the form that a catalog keeps. */
struct zt_scim_resource {
	char id[ZT_IMMUTABLE_ID_MAX + 1];
	int64_t modified_us; /* meta.lastModified, or ZT_SCIM_NEVER */
	char *record;        /* owned */
};

/*
 * Decode a resource of the kind that was asked for.  The record is not judged
 * yet: zt_scim_entry_add() does that, and refuses it alone.
 *
 * Errors: ZT_ERR_MALFORMED with a static explanation (no usable id, another
 * kind of resource, an attribute twice), ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_scim_resource_parse(const struct json_t *json,
    enum zt_scim_kind kind, const struct zt_scim_map *map,
    struct zt_scim_resource *out, const char **why_out);

/* ---- paging ---- */

/* One query over its pages.  Members are for zt_scim_pager_*() alone. */
struct zt_scim_pager {
	unsigned page_size, pages;
	bool by_cursor;
	int64_t total; /* -1: not known */
	size_t received;
	char cursor[ZT_SCIM_CURSOR_MAX + 1];
};

enum zt_scim_step {
	ZT_SCIM_MORE,    /* ask for the next page */
	ZT_SCIM_LAST,    /* all have come */
	ZT_SCIM_CHANGED, /* the total is another: begin anew */
	ZT_SCIM_BROKEN,  /* this query cannot be believed */
};

void zt_scim_pager_init(struct zt_scim_pager *pager, unsigned page_size,
    bool by_cursor);

/* The parameters of the next page: "startIndex=1&count=200". */
void zt_scim_pager_query(const struct zt_scim_pager *pager,
    char out[ZT_SCIM_PAGER_MAX]);

/* A page came.  why_out is filled (static) unless it is the last or not. */
ZT_MUST_USE enum zt_scim_step zt_scim_pager_take(struct zt_scim_pager *pager,
    const struct zt_scim_list *list, const char **why_out);

/* ---- the resources of a service ---- */

struct zt_scim_catalog;

ZT_MUST_USE enum zt_err zt_scim_catalog_new(struct zt_scim_catalog **out);
void zt_scim_catalog_free(struct zt_scim_catalog *catalog);

/* Let it take up so many bytes rather than ZT_SCIM_CATALOG_MAX. */
void zt_scim_catalog_limit(struct zt_scim_catalog *catalog, size_t bytes);

/* What ZT_ERR_TOOBIG of a catalog means, for the administrator. */
extern const char zt_scim_too_many[];

/*
 * Put a resource in, in place of the one with its id.
 *
 * record   the form of struct zt_scim_resource; taken over on success
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_TOOBIG over ZT_SET_MAX of a kind, or over
 * ZT_SCIM_CATALOG_MAX bytes in all (then it is as it was), ZT_ERR_MALFORMED if record is no JSON object.
 */
ZT_MUST_USE enum zt_err zt_scim_catalog_put(struct zt_scim_catalog *catalog,
    enum zt_scim_kind kind, const char *id, char *record);

/* Put all resources of another in.  Errors: as above; then some are in. */
ZT_MUST_USE enum zt_err zt_scim_catalog_merge(struct zt_scim_catalog *into,
    const struct zt_scim_catalog *from);

/* Is each resource of a in b, with the same record? */
ZT_MUST_USE enum zt_err zt_scim_catalog_within(const struct zt_scim_catalog *a,
    const struct zt_scim_catalog *b, bool *out);

/* The record, borrowed until it changes; NULL if there is none. */
const char *zt_scim_catalog_find(const struct zt_scim_catalog *catalog,
    enum zt_scim_kind kind, const char *id);
size_t zt_scim_catalog_count(const struct zt_scim_catalog *catalog,
    enum zt_scim_kind kind);

/* A resource in the catalog; borrowed until that changes. */
struct zt_scim_entry {
	enum zt_scim_kind kind;
	const char *id, *record;
	void *resource; /* for zt_scim_entry_add() */
};

/* All of them, users first, sorted by id.  *out is owned: free(3) it. */
ZT_MUST_USE enum zt_err
zt_scim_catalog_list(const struct zt_scim_catalog *catalog,
    struct zt_scim_entry **out, size_t *n_out);

/*
 * Put an entry into a set, under "Users/ID" or "Groups/ID": as a user or a
 * group, or refused with its reason.  Each user must have been put before
 * the first group is: members become names, and those who are not known, or
 * refused, are left out.  So are nested groups, which a refused record of its
 * own reports.  Of several users, or groups, with one name, each is refused:
 * to take one of them would be a guess.
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_TOOBIG.
 */
ZT_MUST_USE enum zt_err zt_scim_entry_add(struct zt_scim_catalog *catalog,
    const struct zt_scim_entry *entry, struct zt_set *set);

/* What a query asked for, and where its resources go. */
struct zt_scim_query {
	enum zt_scim_kind kind;
	const struct zt_scim_map *map;
	int64_t after_us; /* modified later than this; ZT_SCIM_NEVER: any */
	struct zt_scim_catalog *into; /* borrowed */
	int64_t newest_us;            /* result: the latest modification seen */
	bool undated;                 /* result: some resource had none */
};

/*
 * Put the resources of a page into query->into.
 *
 * Errors: ZT_ERR_MALFORMED: a resource that is none, or comes again;
 * ZT_ERR_DENIED: one that the filter excludes; ZT_ERR_NOMEM, ZT_ERR_TOOBIG.
 * why_out is filled (static) for all but ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_scim_page_take(struct zt_scim_query *query,
    const struct zt_scim_list *list, const char **why_out);

#endif /* ZT_SCIM_H */
