/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_CONF_KEY_H
#define ZTD_CONF_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"

/* Inside of the configuration: conf.c, conf_parse.c, conf_value.c, tests. */

#define CONF_TEXT_MAX  262144 /* the whole file, bytes */
#define CONF_LINE_MAX  190    /* a line, bytes; libinih's buffer is 200 */
#define CONF_VALUE_MAX 256    /* host.id, a path; bytes */
#define CONF_URLS_MAX  8      /* decision endpoints, count */

/* The keys of fixed name, in the order of ztd.conf(5). */
enum conf_key_id {
	CONF_PDP_URL,
	CONF_PDP_UNIX_SOCKET,
	CONF_PDP_TIMEOUT_MS,
	CONF_PDP_CA_FILE,
	CONF_PDP_CLIENT_CERT_FILE,
	CONF_PDP_CLIENT_KEY_FILE,
	CONF_PDP_BEARER_FILE,
	CONF_PDP_MIRROR_CONTEXT,
	CONF_CREDENTIAL_CA_FILE,
	CONF_CREDENTIAL_MAX_LIFETIME,
	CONF_CREDENTIAL_CLOCK_SKEW,
	CONF_CREDENTIAL_REQUIRED,
	CONF_SCOPE_SERVICES,
	CONF_SCOPE_EXEMPT_USERS,
	CONF_PAM_AUTH,
	CONF_IDENTITY_USERS_DIR,
	CONF_IDENTITY_SOURCES,
	CONF_IDENTITY_ID_RANGE,
	CONF_IDENTITY_ALLOW_GROUPS,
	CONF_IDENTITY_ID_OVERRIDES,
	CONF_IDENTITY_MAX_LOSS,
	CONF_IDENTITY_STALE_AFTER,
	CONF_IDENTITY_ENUMERATE,
	CONF_LOG_FILE,
	CONF_HOST_ID,
	CONF_BROKER_MAX_REQUESTS,
	CONF_BROKER_MAX_CONNECTIONS,
	CONF_BROKER_MAX_CONNECTIONS_PER_UID,
	CONF_BROKER_STOP_TIMEOUT,
	CONF_BROKER_DENIAL_WINDOW,
	CONF_KEYS /* count */
};

enum conf_kind {
	CONF_KIND_NUMBER,   /* decimal */
	CONF_KIND_DURATION, /* decimal and one of s, m, h, d */
	CONF_KIND_BOOL,     /* yes, no */
	CONF_KIND_REFUSE,   /* refuse (true), ignore (false) */
	CONF_KIND_TEXT,     /* one word that satisfies .valid */
	CONF_KIND_LIST,     /* words that each satisfy .valid */
	CONF_KIND_RANGE,    /* two numbers joined by '-', the ends included */
};

typedef bool conf_valid(const char *word);

/* What a key is; all text is static. */
struct conf_key {
	const char *section, *name;
	enum conf_kind kind;
	size_t offset, size;   /* of the member of struct conf, or that of the
				  section */
	uint64_t scale;        /* of a duration: units per second, 1 or 1000 */
	const char *def;       /* default; NULL if there is none */
	const char *min, *max; /* written as in the file */
	conf_valid *valid;
	bool required;   /* must be given */
	bool nonempty;   /* of a list: at least one word */
	const char *use; /* what to write; NULL: min to max */
};

/* For zt_auto(). */
static inline void
conf_freep(struct conf **conf)
{
	conf_free(*conf);
}

extern const struct conf_key conf_keys[CONF_KEYS];

/* The keys of [source NAME], n of them, in the order of ztd.conf(5). */
extern const struct conf_key conf_source_keys[];
extern const size_t conf_source_n_keys;

const struct conf_key *conf_source_key(const char *name);

/* Note that a key is given; false if it was before. */
bool conf_source_first(struct conf_source *source, const struct conf_key *key);

/*
 * Give a [source] its defaults.  False, with what is wrong (before the
 * section's name) and the remedy, of at most 128 bytes each, if its type
 * lacks a key, or has one that means nothing to it.
 */
ZT_MUST_USE bool
conf_source_complete(struct conf_source *source, char *what, char *use);

/*
 * Put the sources into the order of identity.sources; where that is not
 * given, files first and then as they stand in the file.
 *
 * Errors: ZT_ERR_NOTFOUND (word *bad_out of the list names none),
 * ZT_ERR_MALFORMED (source *bad_out is not in the list), ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err conf_sources_order(struct conf *conf, size_t *bad_out);
void conf_source_clear(struct conf_source *source);

/*
 * Put the value of key into object, the struct that its section fills.
 *
 * bad_out  on ZT_ERR_MALFORMED, the word of text that is wrong
 * Errors: ZT_ERR_MALFORMED, ZT_ERR_TOOBIG, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err conf_store(const struct conf_key *key, const char *text,
    void *object, char bad_out[CONF_LINE_MAX + 1]);

/* Where what was said, so that later checks can point at it. */
struct conf_lines {
	unsigned key[CONF_KEYS]; /* 0: not given */
	unsigned service[CONF_SERVICES_MAX];
	unsigned last;
};

/* As conf_parse(), and tells the lines. */
ZT_MUST_USE enum zt_err
conf_parse_lines(const char *text, const char *name, struct conf **out,
    struct conf_lines *lines_out, char error[CONF_ERROR_MAX]);

/*
 * Write the one line "name:line: what: remedy" into error.  Outside bytes in
 * what and remedy must have been escaped.
 */
__attribute__((__format__(__printf__, 5, 6))) void
conf_explain(char error[CONF_ERROR_MAX], const char *name, unsigned line,
    const char *remedy, const char *format, ...);

/* Strict values; *out untouched and false unless text is exactly one. */
ZT_MUST_USE bool conf_number(const char *text, uint64_t *out);
ZT_MUST_USE bool conf_duration(const char *text, uint64_t *seconds_out);
ZT_MUST_USE bool
conf_choice(const char *text, const char *yes, const char *no, bool *out);
ZT_MUST_USE bool
conf_range(const char *text, uint64_t *first_out, uint64_t *last_out);

/* Words a list or text may hold. */
bool conf_valid_url(const char *word);
bool conf_valid_path(const char *word);
bool conf_valid_socket_path(const char *word);
bool conf_valid_id(const char *word);
bool conf_valid_service(const char *word);
bool conf_valid_name(const char *word);
bool conf_valid_exemption(const char *word);
bool conf_valid_principal(const char *word);
bool conf_valid_https(const char *word);
bool conf_valid_override(const char *word);
bool conf_valid_type(const char *word);
bool conf_valid_words(const char *text); /* printable, spaces between */

/*
 * Append the words of text, separated by blanks or commas, to list.
 *
 * Returns ZT_ERR_MALFORMED (a word is not valid, or given twice; copied to
 * word_out), ZT_ERR_TOOBIG over CONF_LIST_MAX words, ZT_ERR_NOMEM.  What was
 * appended before stays.
 */
ZT_MUST_USE enum zt_err conf_list_append(struct conf_list *list,
    const char *text, conf_valid *valid, char word_out[CONF_LINE_MAX + 1]);
void conf_list_clear(struct conf_list *list);
bool conf_list_has(const struct conf_list *list, const char *word);

#endif /* ZTD_CONF_KEY_H */
