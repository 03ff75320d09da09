/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_CONF_H
#define ZTD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/cert.h"
#include "zt/err.h"

#define CONF_FILE         "/etc/ztd/ztd.conf"
#define CONF_ERROR_MAX    512 /* an explanation, bytes with NUL */
#define CONF_LIST_MAX     64  /* words in a list, count */
#define CONF_SERVICES_MAX 32  /* [service NAME] sections, count */
#define CONF_RULES_MAX    256 /* lines in [principals], count */
#define CONF_SOURCES_MAX  16  /* [source NAME] sections, count */

/* A list of words. */
struct conf_list {
	char **words; /* owned, n of them */
	size_t n;
};

/* [service NAME] */
struct conf_service {
	char *name;
	bool credential_required;
};

/* [source NAME]: where users come from.  Texts are owned, NULL if not given. */
struct conf_source {
	char *name;
	char *type;    /* "files", "bundle", "scim" */
	char *dir;     /* files */
	char *url;     /* bundle: the document; scim: the service's base */
	char *ca_file; /* PEM; NULL: the system's */
	unsigned interval_s;
	unsigned timeout_ms; /* one exchange */
	char *signers_file;  /* bundle: public keys, one per line */
	/* scim */
	char *bearer_file;
	char *token_url, *client_id, *client_secret_file, *token_scope;
	char *user_filter, *group_filter; /* SCIM filters; NULL: all */
	char *attr_name, *attr_uid, *attr_gid, *attr_gecos, *attr_home,
	    *attr_shell, *attr_group_name, *attr_group_gid; /* paths */
	unsigned page_size;
	unsigned full_interval_s; /* in between: what was modified */
	bool lookup;    /* ask for a user who is not in the snapshot */
	uint32_t given; /* keys: bits in the order of conf_source_keys */
	unsigned line;  /* of its first key */
};

/* A line of [principals]: who may log in as an account or group member. */
struct conf_principals {
	bool is_group; /* "group NAME = ..."; else "account NAME = ..." */
	char *name;
	struct conf_list principals;
};

/*
 * The configuration, complete and checked.  Immutable once loaded; one object
 * per load, so that a reload never mixes two.  Every key with its default and
 * unit stands in ztd.conf(5).
 */
struct conf {
	struct {
		struct conf_list urls; /* https://..., or http://... with
					  unix_socket; at least one */
		char *unix_socket;     /* path; NULL if none */
		unsigned timeout_ms;   /* all attempts together */
		char *ca_file;         /* PEM; NULL: the system's */
		char *client_cert_file, *client_key_file; /* both or none */
		char *bearer_file;                        /* or NULL */
		bool mirror_context;
	} pdp;
	struct {
		char *ca_file;         /* user CA public keys */
		struct zt_ca_set *cas; /* parsed from it */
		uint64_t max_lifetime_s;
		uint32_t clock_skew_s;
		bool required; /* unless a [service] says otherwise */
	} credential;
	struct {
		struct conf_list services;
		struct conf_list exempt_users; /* "user" or "service:user" */
	} scope;
	struct {
		bool auth_refuse; /* pam.auth = refuse (default) | ignore */
	} pam;
	struct {
		char *users_dir;
		struct conf_list order; /* as given; see sources below */
		uint32_t id_min, id_max;
		struct conf_list allow_groups;
		struct conf_list id_overrides; /* "source/immutable-id:id" */
		unsigned max_loss_percent; /* of a source's users, at once */
		unsigned stale_after_s;    /* since a source's last sync */
		bool enumerate;
	} identity;
	struct {
		char *file; /* decision log */
	} log;
	struct {
		char *id; /* NULL: /etc/machine-id */
	} host;
	struct {
		unsigned max_requests;    /* PAM attempts in flight */
		unsigned max_connections; /* nss, all peers together */
		unsigned max_connections_per_uid;
		unsigned stop_timeout_ms;
		unsigned denial_window_s; /* for context.recent_denials */
	} broker;
	struct conf_service services[CONF_SERVICES_MAX];
	size_t n_services;
	/* in the order of precedence; "files" (users_dir) is one of them */
	struct conf_source sources[CONF_SOURCES_MAX];
	size_t n_sources;
	struct conf_principals principals[CONF_RULES_MAX];
	size_t n_principals;
	int64_t loaded_ms; /* wall clock of this load */
};

/*
 * Load and check the configuration.
 *
 * path	  absolute
 * out	  owned; free with conf_free()
 * error  receives, on failure, one line "file:line: what is wrong: remedy"
 *
 * Refused: unknown section or key, key given twice, missing required key,
 * value out of range, a file (this one, or one it names that must be private)
 * that is world-writable, of another owner than root or the broker, or
 * unreadable.  Nothing is ever half loaded.
 *
 * Returns ZT_OK, ZT_ERR_MALFORMED, ZT_ERR_DENIED (owner or mode), ZT_ERR_SYS,
 * ZT_ERR_NOMEM.
 * Blocking: reads files.
 */
ZT_MUST_USE enum zt_err
conf_load(const char *path, struct conf **out, char error[CONF_ERROR_MAX]);

/*
 * The pure part of conf_load(): text to a configuration without files opened
 * and required files checked.  For the fuzzer and --check-config's tests.
 */
ZT_MUST_USE enum zt_err conf_parse(const char *text, const char *name,
    struct conf **out, char error[CONF_ERROR_MAX]);

void conf_free(struct conf *conf);

/* Is a credential required for this service? */
bool conf_credential_required(const struct conf *conf, const char *service);

#endif /* ZTD_CONF_H */
