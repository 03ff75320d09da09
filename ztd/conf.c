/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "conf_key.h"
#include "zt/auto.h"
#include "zt/text.h"

/* A file that the configuration names. */
struct conf_named {
	const char *section, *key;
	unsigned line;
	const char *path; /* NULL: not given */
	bool secret;      /* not readable by the world */
};

static void
free_lists(struct conf *conf)
{
	conf_list_clear(&conf->pdp.urls);
	conf_list_clear(&conf->scope.services);
	conf_list_clear(&conf->scope.exempt_users);
	conf_list_clear(&conf->identity.allow_groups);
	conf_list_clear(&conf->identity.order);
	conf_list_clear(&conf->identity.id_overrides);
	for (size_t i = 0; i < conf->n_sources; i++)
		conf_source_clear(&conf->sources[i]);
	for (size_t i = 0; i < conf->n_services; i++)
		free(conf->services[i].name);
	for (size_t i = 0; i < conf->n_principals; i++) {
		free(conf->principals[i].name);
		conf_list_clear(&conf->principals[i].principals);
	}
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	free_lists(conf);
	free(conf->pdp.unix_socket);
	free(conf->pdp.ca_file);
	free(conf->pdp.client_cert_file);
	free(conf->pdp.client_key_file);
	free(conf->pdp.bearer_file);
	free(conf->credential.ca_file);
	zt_ca_set_free(conf->credential.cas);
	free(conf->identity.users_dir);
	free(conf->log.file);
	free(conf->host.id);
	free(conf);
}

bool
conf_credential_required(const struct conf *conf, const char *service)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (strcmp(conf->services[i].name, service) == 0)
			return conf->services[i].credential_required;
	return conf->credential.required;
}

/* The remedy if whoever wrote or reads the file may be a stranger, or NULL. */
static const char *
file_distrust(const struct stat *st, bool secret)
{
	if (!S_ISREG(st->st_mode))
		return "name a regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "chown it to root";
	if ((st->st_mode & S_IWOTH) != 0)
		return "chmod o-w";
	if ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0)
		return "chmod g-w";
	if (secret && (st->st_mode & S_IROTH) != 0)
		return "chmod o-rwx";
	return NULL;
}

/*
 * Open a file for reading and check its owner and mode.
 *
 * remedy_out  set on ZT_ERR_DENIED
 * Errors: ZT_ERR_SYS with errno, ZT_ERR_DENIED.
 */
static enum zt_err
file_open(const char *path, bool secret, int *fd_out, const char **remedy_out)
{
	/* O_NONBLOCK: do not wait for the writer of a FIFO */
	zt_auto_close int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *remedy;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return ZT_ERR_SYS;
	if ((remedy = file_distrust(&st, secret)) != NULL) {
		*remedy_out = remedy;
		return ZT_ERR_DENIED;
	}
	*fd_out = zt_take_fd(fd);
	return ZT_OK;
}

/* Read to the end of fd, at most CONF_TEXT_MAX bytes, none of them NUL. */
static enum zt_err
file_read(int fd, char **out)
{
	zt_auto_free char *text = malloc(CONF_TEXT_MAX + 2);
	size_t len = 0;
	ssize_t n = 1;

	if (text == NULL)
		return ZT_ERR_NOMEM;
	while (n != 0 && len <= CONF_TEXT_MAX) {
		n = read(fd, text + len, CONF_TEXT_MAX + 1 - len);
		if (n < 0 && errno != EINTR)
			return ZT_ERR_SYS;
		len += n > 0 ? (size_t)n : 0;
	}
	if (len > CONF_TEXT_MAX)
		return ZT_ERR_TOOBIG;
	if (memchr(text, '\0', len) != NULL)
		return ZT_ERR_MALFORMED;
	text[len] = '\0';
	*out = zt_take(text);
	return ZT_OK;
}

/*
 * Say in error why a file was refused.
 *
 * where, line  the place that names it, or the file itself
 * what         the key and the path, or "this file"
 *
 * Returns the failure that conf_load() reports for it.
 */
static enum zt_err
explain_file(char error[CONF_ERROR_MAX], const char *where, unsigned line,
    const char *what, enum zt_err err, const char *remedy)
{
	if (err == ZT_ERR_DENIED) {
		conf_explain(error, where, line, remedy,
		    "%s: untrusted owner, mode or type", what);
		return err;
	}
	if (err == ZT_ERR_SYS) {
		conf_explain(error, where, line,
		    "make it a file that the broker can read", "%s: %s", what,
		    strerrordesc_np(errno));
		return err;
	}
	if (err == ZT_ERR_NOMEM) {
		conf_explain(error, where, line, "free some and try again",
		    "%s: out of memory", what);
		return err;
	}
	conf_explain(error, where, line,
	    "use a text of at most 262144 bytes without NUL", "%s: no text",
	    what);
	return ZT_ERR_MALFORMED;
}

static enum zt_err
read_checked(const char *path, char **out, const char **remedy_out)
{
	zt_auto_close int fd = -1;
	enum zt_err err;

	if ((err = file_open(path, false, &fd, remedy_out)) != ZT_OK)
		return err;
	return file_read(fd, out);
}

/* As explain_file(), for a file that is named in the file where. */
static enum zt_err
explain_named(char error[CONF_ERROR_MAX], const char *where,
    const struct conf_named *named, enum zt_err err, const char *remedy)
{
	char what[CONF_VALUE_MAX];

	(void)snprintf(what, sizeof(what), "[%s] %s = %s", named->section,
	    named->key, named->path);
	return explain_file(error, where, named->line, what, err, remedy);
}

/* Files that others read later: they must be there and trustworthy. */
static enum zt_err
check_named(const struct conf_named *files, size_t n, const char *name,
    char error[CONF_ERROR_MAX])
{
	const char *remedy = "";
	enum zt_err err;

	for (size_t i = 0; i < n; i++) {
		zt_auto_close int fd = -1;

		if (files[i].path == NULL)
			continue;
		err = file_open(files[i].path, files[i].secret, &fd, &remedy);
		if (err != ZT_OK)
			return explain_named(error, name, &files[i], err,
			    remedy);
	}
	return ZT_OK;
}

static struct conf_named
named_by(const struct conf_lines *lines, enum conf_key_id id, const char *path,
    bool secret)
{
	return (struct conf_named){ conf_keys[id].section, conf_keys[id].name,
		lines->key[id], path, secret };
}

static enum zt_err
check_files(const struct conf *conf, const struct conf_lines *lines,
    const char *name, char error[CONF_ERROR_MAX])
{
	const struct conf_named files[] = {
		named_by(lines, CONF_PDP_CA_FILE, conf->pdp.ca_file, false),
		named_by(lines, CONF_PDP_CLIENT_CERT_FILE,
		    conf->pdp.client_cert_file, false),
		named_by(lines, CONF_PDP_CLIENT_KEY_FILE,
		    conf->pdp.client_key_file, true),
		named_by(lines, CONF_PDP_BEARER_FILE, conf->pdp.bearer_file,
		    true),
	};
	enum zt_err err;

	err = check_named(files, sizeof(files) / sizeof(files[0]), name, error);
	for (size_t i = 0; i < conf->n_sources && err == ZT_OK; i++) {
		const struct conf_source *s = &conf->sources[i];
		const struct conf_named named[] = {
			{ s->name, "ca_file", s->line, s->ca_file, false },
			{ s->name, "signers_file", s->line, s->signers_file,
			    false },
			{ s->name, "bearer_file", s->line, s->bearer_file,
			    true },
			{ s->name, "client_secret_file", s->line,
			    s->client_secret_file, true },
		};

		err = check_named(named, sizeof(named) / sizeof(named[0]), name,
		    error);
	}
	return err;
}

static enum zt_err
load_cas(struct conf *conf, const struct conf_lines *lines, const char *name,
    char error[CONF_ERROR_MAX])
{
	const struct conf_named named = named_by(lines, CONF_CREDENTIAL_CA_FILE,
	    conf->credential.ca_file, false);
	const char *path = named.path, *remedy = "";
	zt_auto_free char *text = NULL;
	unsigned ca_line = 0;
	enum zt_err err;

	if ((err = read_checked(path, &text, &remedy)) != ZT_OK)
		return explain_named(error, name, &named, err, remedy);
	err = zt_ca_set_parse(zt_str(text), &conf->credential.cas, &ca_line);
	if (err == ZT_OK)
		return ZT_OK;
	conf_explain(error, path, ca_line,
	    "put each CA's public key (ed25519, ecdsa, or rsa of 2048 bits "
	    "or more) in a line",
	    "%s",
	    err == ZT_ERR_NOTFOUND ? "no CA public key"
				   : "not a CA public key");
	return err == ZT_ERR_NOMEM ? err : ZT_ERR_MALFORMED;
}

enum zt_err
conf_load(const char *path, struct conf **out, char error[CONF_ERROR_MAX])
{
	zt_auto(conf_freep) struct conf *conf = NULL;
	zt_auto_free char *text = NULL;
	struct conf_lines lines;
	struct timespec now;
	const char *remedy = "";
	enum zt_err err;

	if ((err = read_checked(path, &text, &remedy)) != ZT_OK)
		return explain_file(error, path, 0, "this file", err, remedy);
	err = conf_parse_lines(text, path, &conf, &lines, error);
	if (err != ZT_OK)
		return err;
	if ((err = load_cas(conf, &lines, path, error)) != ZT_OK)
		return err;
	if ((err = check_files(conf, &lines, path, error)) != ZT_OK)
		return err;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return explain_file(error, path, 0, "clock", ZT_ERR_SYS, "");
	conf->loaded_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	*out = zt_take(conf);
	return ZT_OK;
}
