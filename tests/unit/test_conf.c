/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../ztd/conf_key.h"
#include "zt/auto.h"

#define LEAST                                                     \
	"[pdp]\nurl = https://pdp.example/access/v1/evaluation\n" \
	"[credential]\nca_file = /etc/ztd/user-ca.pub\n"
#define LEAST_LINES 4
#define MAN_PAGE    "docs/man/ztd.conf.5"
#define SAMPLE      "packaging/ztd.conf"
#define FILE_MAX    65536

static void
freep(struct conf **conf)
{
	conf_free(*conf);
}
#define auto_conf zt_auto(freep)

static struct conf *
parsed(const char *text)
{
	char error[CONF_ERROR_MAX] = "";
	struct conf *conf = NULL;

	if (conf_parse(text, "f", &conf, error) != ZT_OK)
		fail_msg("%s", error);
	return conf;
}

/* LEAST and more. */
static struct conf *
parsed_with(const char *more)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), LEAST "%s", more);
	return parsed(text);
}

static void
refused_at(const char *text, unsigned line, const char *what)
{
	char error[CONF_ERROR_MAX] = "", place[32];
	struct conf *conf = NULL;
	enum zt_err err = conf_parse(text, "f", &conf, error);

	(void)snprintf(place, sizeof(place), "f:%u: ", line);
	if (err != ZT_ERR_MALFORMED || conf != NULL)
		fail_msg("not refused: %s", text);
	if (strncmp(error, place, strlen(place)) != 0 ||
	    strstr(error, what) == NULL)
		fail_msg("\"%s\": want %s...%s", error, place, what);
	assert_null(strchr(error, '\n'));
}

/* more stands from line 1 after LEAST. */
static void
refused(const char *more, unsigned line, const char *what)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), LEAST "%s", more);
	refused_at(text, LEAST_LINES + line, what);
}

static void
the_least_file_gets_every_default(void **state)
{
	auto_conf struct conf *c = parsed(LEAST);

	(void)state;
	assert_int_equal(c->pdp.urls.n, 1);
	assert_null(c->pdp.unix_socket);
	assert_int_equal(c->pdp.timeout_ms, 3000);
	assert_false(c->pdp.mirror_context);
	assert_int_equal(c->credential.max_lifetime_s, 86400);
	assert_int_equal(c->credential.clock_skew_s, 30);
	assert_true(c->credential.required);
	assert_int_equal(c->scope.services.n, 6);
	assert_string_equal(c->scope.services.words[2], "sudo-i");
	assert_int_equal(c->scope.exempt_users.n, 1);
	assert_string_equal(c->scope.exempt_users.words[0], "login:root");
	assert_true(c->pam.auth_refuse);
	assert_string_equal(c->identity.users_dir, "/etc/ztd/users.d");
	assert_int_equal(c->identity.id_min, 2013265920);
	assert_int_equal(c->identity.id_max, 2147352575);
	assert_int_equal(c->identity.allow_groups.n, 0);
	assert_false(c->identity.enumerate);
	assert_string_equal(c->log.file, "/var/log/ztd/decisions.jsonl");
	assert_null(c->host.id);
	assert_int_equal(c->broker.max_requests, 2000);
	assert_int_equal(c->broker.max_connections, 2000);
	assert_int_equal(c->broker.max_connections_per_uid, 128);
	assert_int_equal(c->broker.stop_timeout_ms, 5000);
	assert_int_equal(c->broker.denial_window_s, 900);
}

static void
every_key_is_stored_where_it_belongs(void **state)
{
	auto_conf struct conf *c = parsed(
	    "[pdp]\nurl = http://a.example/x, https://b.example:8443/y?z=1\n"
	    "unix_socket = /run/pdp.sock\ntimeout_ms = 100\nca_file = /p/ca\n"
	    "client_cert_file = /p/c\nclient_key_file = /p/k\n"
	    "bearer_file = /p/b\nmirror_context = yes\n"
	    "[credential]\nca_file = /u/ca\nmax_lifetime = 8h\n"
	    "clock_skew = 0s\nrequired = no\n"
	    "[scope]\nservices = sshd\n  sudo, login\nexempt_users =\n"
	    "[pam]\nauth = ignore\n"
	    "[identity]\nusers_dir = /u/d\nid_range = 1000-4294967293\n"
	    "allow_groups = adm docker\nenumerate = yes\n"
	    "[log]\nfile = /l\n[host]\nid = i-0abc/eu:1\n"
	    "[broker]\nmax_requests = 8000\nmax_connections = 7\n"
	    "max_connections_per_uid = 7\nstop_timeout = 1m\n"
	    "denial_window = 1d\n");

	(void)state;
	assert_string_equal(c->pdp.urls.words[1],
	    "https://b.example:8443/y?z=1");
	assert_string_equal(c->pdp.unix_socket, "/run/pdp.sock");
	assert_int_equal(c->pdp.timeout_ms, 100);
	assert_string_equal(c->pdp.ca_file, "/p/ca");
	assert_string_equal(c->pdp.client_cert_file, "/p/c");
	assert_string_equal(c->pdp.client_key_file, "/p/k");
	assert_string_equal(c->pdp.bearer_file, "/p/b");
	assert_true(c->pdp.mirror_context);
	assert_string_equal(c->credential.ca_file, "/u/ca");
	assert_int_equal(c->credential.max_lifetime_s, 8 * 3600);
	assert_int_equal(c->credential.clock_skew_s, 0);
	assert_false(c->credential.required);
	assert_int_equal(c->scope.services.n, 3);
	assert_string_equal(c->scope.services.words[2], "login");
	assert_int_equal(c->scope.exempt_users.n, 0);
	assert_false(c->pam.auth_refuse);
	assert_string_equal(c->identity.users_dir, "/u/d");
	assert_int_equal(c->identity.id_min, 1000);
	assert_int_equal(c->identity.id_max, 4294967293u);
	assert_string_equal(c->identity.allow_groups.words[1], "docker");
	assert_true(c->identity.enumerate);
	assert_string_equal(c->log.file, "/l");
	assert_string_equal(c->host.id, "i-0abc/eu:1");
	assert_int_equal(c->broker.max_requests, 8000);
	assert_int_equal(c->broker.max_connections, 7);
	assert_int_equal(c->broker.max_connections_per_uid, 7);
	assert_int_equal(c->broker.stop_timeout_ms, 60000);
	assert_int_equal(c->broker.denial_window_s, 86400);
}

static void
a_service_may_say_for_itself_whether_it_needs_a_credential(void **state)
{
	auto_conf struct conf *c =
	    parsed_with("[service login]\ncredential.required = no\n"
			"[service sudo]\ncredential.required = yes\n");

	(void)state;
	assert_false(conf_credential_required(c, "login"));
	assert_true(conf_credential_required(c, "sudo"));
	assert_true(conf_credential_required(c, "sshd"));
	refused("[service login]\ncredential.required = maybe\n", 2,
	    "use yes or no");
	refused("[service login]\nrequired = no\n", 2, "unknown key");
	refused("[service login]\ncredential.required = no\n"
		"credential.required = yes\n",
	    3, "given twice");
	refused("[service cron]\ncredential.required = no\n", 2,
	    "not in scope");
	refused("[service]\n", 1, "unknown section");
	refused("[service a b]\n", 1, "unknown section");
}

static void
principals_are_rules_per_account_and_group(void **state)
{
	auto_conf struct conf *c =
	    parsed_with("[principals]\naccount deploy = ci, ops@example\n"
			"group admins = root-ops\n  second\n"
			"group deploy = x\n");

	(void)state;
	assert_int_equal(c->n_principals, 3);
	assert_false(c->principals[0].is_group);
	assert_string_equal(c->principals[0].name, "deploy");
	assert_int_equal(c->principals[0].principals.n, 2);
	assert_string_equal(c->principals[0].principals.words[1],
	    "ops@example");
	assert_true(c->principals[1].is_group);
	assert_string_equal(c->principals[1].principals.words[1], "second");
	refused("[principals]\naccount a = x\naccount a = y\n", 3, "twice");
	refused("[principals]\naccount a = x, x\n", 2, "cannot use");
	refused("[principals]\naccount a = *\n", 2, "cannot use");
	refused("[principals]\naccount a =\n", 2, "no principal");
	refused("[principals]\naccount = x\n", 2, "unknown key");
	refused("[principals]\naccounta = x\n", 2, "unknown key");
	refused("[principals]\naccount 0a = x\n", 2, "unknown key");
	refused("[principals]\naccount a b = x\n", 2, "unknown key");
	refused("[principals]\nhost a = x\n", 2, "unknown key");
}

static void
what_is_unknown_is_refused(void **state)
{
	(void)state;
	refused("[borker]\n", 1, "unknown section \"borker\"");
	refused("[broker]\nmax_request = 1\n", 2, "unknown key");
	refused("[broker]\nMAX_REQUESTS = 1\n", 2, "unknown key");
	refused("[Broker]\n", 1, "unknown section");
	refused("[]\n", 1, "unknown section");
	refused_at("max_requests = 1\n" LEAST, 1, "unknown key");
}

static void
a_key_given_twice_is_refused(void **state)
{
	(void)state;
	refused("[host]\nid = a\nid = b\n", 3, "twice");
	refused("[host]\nid = a\n[log]\nfile = /x\n[host]\nid = a\n", 6,
	    "twice");
	refused("[pdp]\nurl = https://b/\n", 2, "twice");
	refused("[scope]\nservices = sshd sshd\n", 2, "cannot use");
	refused("[scope]\nservices = sshd\n  sshd\n", 3, "cannot use");
}

static void
a_required_key_missing_is_refused(void **state)
{
	(void)state;
	refused_at("", 0, "[pdp] url is missing");
	refused_at("[pdp]\nurl = https://a/\n\n", 3,
	    "[credential] ca_file is missing");
	refused_at("[credential]\nca_file = /x\n", 2, "[pdp] url is missing");
	refused_at("[pdp]\nurl =\n[credential]\nca_file = /x\n", 2, "is empty");
	refused("[scope]\nservices = ,\n", 2, "is empty");
}

/* min and max of every number are taken, what is just beyond is not. */
static void
every_number_is_bounded(void **state)
{
	const struct conf_key *key;
	char more[256];
	uint64_t v = 0;

	(void)state;
	for (size_t i = 0; i < CONF_KEYS; i++) {
		key = &conf_keys[i];
		if (key->min == NULL || key->kind == CONF_KIND_RANGE)
			continue;
		const char *ends[] = { key->min, key->max };
		for (size_t e = 0; e < 2; e++) {
			bool unit = key->kind == CONF_KIND_DURATION;
			(void)snprintf(more, sizeof(more), "[%s]\n%s = %s\n%s",
			    key->section, key->name, ends[e],
			    i == CONF_BROKER_MAX_CONNECTIONS_PER_UID
				? "max_connections = 8000\n"
				: i == CONF_BROKER_MAX_CONNECTIONS
				? "max_connections_per_uid = 1\n"
				: "");
			conf_free(parsed_with(more));
			assert_true(unit ? conf_duration(ends[e], &v)
					 : conf_number(ends[e], &v));
			if (e == 0 && v == 0)
				continue;
			(void)snprintf(more, sizeof(more),
			    "[%s]\n%s = %llu%s\n", key->section, key->name,
			    (unsigned long long)(e == 0 ? v - 1 : v + 1),
			    unit ? "s" : "");
			refused(more, 2, key->max);
		}
	}
}

static void
a_value_is_written_in_exactly_one_way(void **state)
{
	static const char *const bad[] = {
		"[pdp]\ntimeout_ms = 3s",
		"[pdp]\ntimeout_ms = 3000ms",
		"[pdp]\ntimeout_ms = +3000",
		"[pdp]\ntimeout_ms = -1",
		"[pdp]\ntimeout_ms = 0x100",
		"[pdp]\ntimeout_ms = 03000",
		"[pdp]\ntimeout_ms = 3 000",
		"[pdp]\ntimeout_ms =",
		"[pdp]\ntimeout_ms = 18446744073709554616",
		"[credential]\nmax_lifetime = 24",
		"[credential]\nmax_lifetime = 1h30m",
		"[credential]\nmax_lifetime = 24 h",
		"[credential]\nmax_lifetime = h",
		"[credential]\nmax_lifetime = 1.5h",
		"[credential]\nmax_lifetime = 24H",
		"[credential]\nmax_lifetime = 1000ms",
		"[credential]\nmax_lifetime = forever",
		"[credential]\nmax_lifetime = 99999999999999999999d",
		"[credential]\nrequired = true",
		"[credential]\nrequired = 1",
		"[credential]\nrequired = YES",
		"[credential]\nrequired =",
		"[pam]\nauth = permit",
		"[pam]\nauth =",
		"[identity]\nid_range = 65536",
		"[identity]\nid_range = 999-2000",
		"[identity]\nid_range = 2000-1000",
		"[identity]\nid_range = 1000-4294967294",
		"[identity]\nid_range = 1000 - 2000",
		"[identity]\nid_range = 1000-",
		"[identity]\nallow_groups = a:b",
		"[identity]\nusers_dir = etc/ztd",
		"[identity]\nusers_dir = /",
		"[identity]\nusers_dir = /a b",
		"[log]\nfile =",
		"[log]\nfile = \"/x\"",
		"[host]\nid =",
		"[host]\nid = a b",
		"[scope]\nexempt_users = sshd:",
		"[scope]\nexempt_users = :root",
		"[scope]\nexempt_users = a:b:c",
		"[scope]\nexempt_users = 0",
		"[scope]\nexempt_users = *",
		"[scope]\nservices = a/b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], 2, "cannot use");
}

static void
an_endpoint_is_https_or_behind_a_unix_socket(void **state)
{
	static const char *const bad[] = { "http:/a", "ftp://a/", "a.example",
		"https://", "https:///x", "https://u:p@a/", "https://a/#x",
		"HTTPS://a/", "https://a/\"", "file:///etc/passwd",
		"https://a/ https://a/" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "[pdp]\nurl = %s\n", bad[i]);
		refused_at(text, 2, "cannot use");
	}
	refused_at("[pdp]\nurl = http://a/\n[credential]\nca_file = /x\n", 2,
	    "http:// over the network");
	refused("[pdp]\nunix_socket = relative\n", 2, "cannot use");
	refused("[pdp]\nclient_cert_file = /c\n", 2, "stands alone");
	refused("[pdp]\nclient_key_file = /k\n", 2, "stands alone");
	refused_at("[pdp]\nurl = https://1 https://2 https://3 https://4\n"
		   "  https://5 https://6 https://7 https://8 https://9\n"
		   "[credential]\nca_file = /x\n",
	    2, "too many endpoints");
}

static void
what_the_ini_library_lets_pass_is_refused(void **state)
{
	(void)state;
	refused("[host] id = a\n", 1, "not a section");
	refused("[host\n", 1, "not a section");
	refused("[host];\n", 1, "not a section");
	refused("[host]\nid: a\n", 2, "not understood");
	refused("[host]\nid\n", 2, "not understood");
	refused("[log]\nfile = /x ; where\n", 2, "comment behind");
	refused("[log]\nfile = /x # where\n", 2, "comment behind");
	refused("[log]\n  file = /x\n", 2, "indented line");
	refused("[scope]\n  sshd\n", 2, "indented line \"sshd\"");
	refused("[scope]\nservices = sshd\n  exempt_users = x\n", 3,
	    "indented line");
	refused("[scope]\nservices = sshd\n  [pam]\n", 3, "cannot use");
	refused("[log]\nfile = /x\n  y\n", 3, "goes on");
	refused("[service sshd]\ncredential.required = no\n  yes\n", 3,
	    "cannot use");
	refused("[log]\r\nfile = /x\r\n", 1, "control character");
	refused("[log]\nfile = /x\x1b[2J\n", 2, "control character");
}

static void
a_long_line_is_an_error_and_a_long_comment_is_not(void **state)
{
	char more[1024] = "[log]\nfile = /";
	size_t start = strlen("[log]\n"), len = strlen(more);

	(void)state;
	for (; len - start < CONF_LINE_MAX; len++)
		more[len] = 'a';
	more[len] = '\0';
	conf_free(parsed_with(more));
	more[len] = 'a';
	more[len + 1] = '\0';
	refused(more, 2, "too long a line");
	memset(more, 'a', 1000);
	more[0] = '#';
	memcpy(more + 1000, "\n", 2);
	conf_free(parsed_with(more));
	more[0] = ' ';
	more[1] = ';';
	conf_free(parsed_with(more));
}

static void
an_explanation_shows_nothing_raw(void **state)
{
	char error[CONF_ERROR_MAX];
	struct conf *conf = NULL;

	(void)state;
	assert_int_equal(conf_parse("[pdp]\n\xe2\x80\xae"
				    "x = 1\n",
			     "f", &conf, error),
	    ZT_ERR_MALFORMED);
	assert_non_null(strstr(error, "\\xe2\\x80\\xae"));
	assert_null(strstr(error, "\xe2\x80\xae"));
}

static void
too_many_of_anything_is_refused(void **state)
{
	char text[20000];
	size_t len, i;

	(void)state;
	len = (size_t)snprintf(text, sizeof(text), LEAST "[principals]\n");
	for (i = 0; i <= CONF_RULES_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "group g%zu = x\n", i);
	refused_at(text, (unsigned)(LEAST_LINES + 1 + i), "too many lines");
	len = (size_t)snprintf(text, sizeof(text), LEAST "[scope]\nservices =");
	for (i = 0; i <= CONF_LIST_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "\n  s%zu", i);
	refused_at(text, (unsigned)(LEAST_LINES + 1 + i + 1), "cannot use");
	len = (size_t)snprintf(text, sizeof(text), "%s", LEAST);
	for (i = 0; i <= CONF_SERVICES_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "[service s%zu]\ncredential.required = no\n", i);
	refused_at(text, (unsigned)(LEAST_LINES + 2 * i), "too many sections");
	refused("[broker]\nmax_connections = 5\n", 2,
	    "is over max_connections");
}

/* Files */

struct dir {
	char path[64];
	char conf[96], ca[96], key[96];
};

static void
write_file(const char *path, const char *text, size_t len, mode_t mode)
{
	zt_auto_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void
write_conf(const struct dir *dir, const char *more)
{
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "[credential]\nca_file = %s\n[pdp]\nurl = https://pdp.example/\n%s",
	    dir->ca, more);

	write_file(dir->conf, text, (size_t)len, 0640);
}

static int
make_dir(void **state)
{
	static const char ca[] =
	    "# the CA\n\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8YYdW653tLTWkXR8xQ"
	    "lhbFDcB96ivLjTBkXvrbgCXU ca\n";
	struct dir *dir = calloc(1, sizeof(*dir));

	if (dir == NULL)
		return -1;
	(void)snprintf(dir->path, sizeof(dir->path), "/tmp/test_conf.XXXXXX");
	if (mkdtemp(dir->path) == NULL)
		return -1;
	(void)snprintf(dir->conf, sizeof(dir->conf), "%s/ztd.conf", dir->path);
	(void)snprintf(dir->ca, sizeof(dir->ca), "%s/ca.pub", dir->path);
	(void)snprintf(dir->key, sizeof(dir->key), "%s/key", dir->path);
	write_file(dir->ca, ca, sizeof(ca) - 1, 0644);
	write_file(dir->key, "k\n", 2, 0600);
	write_conf(dir, "");
	*state = dir;
	return 0;
}

static int
remove_dir(void **state)
{
	struct dir *dir = *state;

	(void)unlink(dir->conf);
	(void)unlink(dir->ca);
	(void)unlink(dir->key);
	(void)rmdir(dir->path);
	free(dir);
	return 0;
}

static void
loads(const struct dir *dir)
{
	char error[CONF_ERROR_MAX] = "";
	struct conf *conf = NULL;

	if (conf_load(dir->conf, &conf, error) != ZT_OK)
		fail_msg("%s", error);
	conf_free(conf);
}

/* what: the explanation begins with it (after the directory), and holds says */
static void
load_refused(const struct dir *dir, enum zt_err want, const char *place,
    const char *says)
{
	char error[CONF_ERROR_MAX] = "", begin[128];
	struct conf *conf = NULL;

	assert_int_equal(conf_load(dir->conf, &conf, error), want);
	assert_null(conf);
	(void)snprintf(begin, sizeof(begin), "%s/%s: ", dir->path, place);
	if (strncmp(error, begin, strlen(begin)) != 0 ||
	    strstr(error, says) == NULL)
		fail_msg("\"%s\": want %s...%s", error, begin, says);
}

static void
a_good_file_loads_with_its_cas(void **state)
{
	const struct dir *dir = *state;
	char error[CONF_ERROR_MAX];
	auto_conf struct conf *conf = NULL;

	assert_int_equal(conf_load(dir->conf, &conf, error), ZT_OK);
	assert_int_equal(zt_ca_set_count(conf->credential.cas), 1);
	assert_true(conf->loaded_ms > 1500000000000);
}

static void
a_file_of_a_stranger_is_refused(void **state)
{
	const struct dir *dir = *state;

	assert_int_equal(chmod(dir->conf, 0646), 0);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:0", "chmod o-w");
	assert_int_equal(chmod(dir->conf, 0644), 0);
	loads(dir);
	if (geteuid() != 0)
		skip(); /* the rest gives files away */
	assert_int_equal(chown(dir->conf, 12345, 0), 0);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:0", "chown it to root");
	assert_int_equal(chown(dir->conf, 0, 12345), 0);
	assert_int_equal(chmod(dir->conf, 0660), 0);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:0", "chmod g-w");
	assert_int_equal(chown(dir->conf, 0, 0), 0);
	loads(dir);
}

static void
the_ca_file_is_held_to_the_same_rules(void **state)
{
	const struct dir *dir = *state;

	assert_int_equal(chmod(dir->ca, 0666), 0);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:2", "chmod o-w");
	write_file(dir->ca, "# none\n", 7, 0644);
	load_refused(dir, ZT_ERR_MALFORMED, "ca.pub:0", "no CA public key");
	write_file(dir->ca, "\nssh-ed25519 AAAA\n", 18, 0644);
	load_refused(dir, ZT_ERR_MALFORMED, "ca.pub:2", "not a CA public key");
	assert_int_equal(unlink(dir->ca), 0);
	load_refused(dir, ZT_ERR_SYS, "ztd.conf:2", "[credential] ca_file = ");
}

static void
a_secret_the_world_can_read_is_refused(void **state)
{
	const struct dir *dir = *state;
	char more[256];

	(void)snprintf(more, sizeof(more), "bearer_file = %s\n", dir->key);
	write_conf(dir, more);
	loads(dir);
	assert_int_equal(chmod(dir->key, 0644), 0);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:5", "chmod o-rwx");
	(void)snprintf(more, sizeof(more),
	    "client_cert_file = %s\nclient_key_file = %s\n", dir->ca, dir->key);
	write_conf(dir, more);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:6", "chmod o-rwx");
	assert_int_equal(chmod(dir->key, 0640), 0);
	loads(dir);
	assert_int_equal(unlink(dir->key), 0);
	load_refused(dir, ZT_ERR_SYS, "ztd.conf:6", "No such file");
}

static void
what_is_no_text_file_is_refused(void **state)
{
	const struct dir *dir = *state;
	zt_auto_free char *big = calloc(1, CONF_TEXT_MAX + 1);

	assert_non_null(big);
	write_file(dir->conf, "[pdp]\0\n", 7, 0600);
	load_refused(dir, ZT_ERR_MALFORMED, "ztd.conf:0", "no text");
	memset(big, '\n', CONF_TEXT_MAX + 1);
	write_file(dir->conf, big, CONF_TEXT_MAX + 1, 0600);
	load_refused(dir, ZT_ERR_MALFORMED, "ztd.conf:0", "no text");
	assert_int_equal(unlink(dir->conf), 0);
	load_refused(dir, ZT_ERR_SYS, "ztd.conf:0", "No such file");
	assert_int_equal(mkfifo(dir->conf, 0600), 0);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:0", "regular file");
	assert_int_equal(unlink(dir->conf), 0);
	assert_int_equal(mkdir(dir->conf, 0700), 0);
	load_refused(dir, ZT_ERR_DENIED, "ztd.conf:0", "regular file");
	assert_int_equal(rmdir(dir->conf), 0);
}

/* Documents */

static char *
read_document(const char *path)
{
	char *text = calloc(1, FILE_MAX);
	FILE *file = fopen(path, "re");

	assert_non_null(text);
	assert_non_null(file);
	assert_true(fread(text, 1, FILE_MAX - 1, file) > 0);
	(void)fclose(file);
	return text;
}

/* Copy the manual's words about key to about. */
static void
manual_about(const char *manual, const struct conf_key *key, char *about,
    size_t cap)
{
	const char *p, *next;
	char mark[64];
	size_t len;

	(void)snprintf(mark, sizeof(mark), ".Ss Section %s\n", key->section);
	if ((p = strstr(manual, mark)) == NULL)
		fail_msg("no section [%s]", key->section);
	(void)snprintf(mark, sizeof(mark), ".It Ic %s\n", key->name);
	if (p == NULL || (p = strstr(p, mark)) == NULL) {
		fail_msg("no key %s", key->name);
		return;
	}
	next = strstr(p + 1, "\n.It ");
	if (next == NULL || strstr(p, "\n.El") < next)
		next = strstr(p, "\n.El");
	len = (size_t)(next - p);
	assert_true(len < cap);
	memcpy(about, p, len);
	about[len] = '\0';
}

static void
manual_says(const char *about, const struct conf_key *key, const char *before,
    const char *value)
{
	char want[256];

	(void)snprintf(want, sizeof(want), "%s\n.Ql %s", before, value);
	if (strstr(about, want) == NULL)
		fail_msg("%s: the manual does not say: %s", key->name, want);
}

static void
the_manual_names_every_key_with_its_default_and_range(void **state)
{
	zt_auto_free char *manual = read_document(MAN_PAGE);
	const struct conf_key *key;
	char about[4096];

	(void)state;
	for (size_t i = 0; i < CONF_KEYS; i++) {
		key = &conf_keys[i];
		manual_about(manual, key, about, sizeof(about));
		if (key->required)
			assert_non_null(strstr(about, "Required."));
		else if (key->def == NULL || *key->def == '\0')
			assert_non_null(strstr(about, "Default: none"));
		else
			manual_says(about, key, "Default:", key->def);
		if (key->min == NULL)
			continue;
		manual_says(about, key, "range", key->min);
		manual_says(about, key, "to", key->max);
	}
}

/* The sample, with its commented-out "#key = value" lines in force. */
static void
the_sample_is_valid_as_it_is_and_with_all_of_it_in_force(void **state)
{
	zt_auto_free char *text = read_document(SAMPLE);
	auto_conf struct conf *conf = parsed(text);
	auto_conf struct conf *all = NULL;

	(void)state;
	assert_string_equal(conf->credential.ca_file, "/etc/ztd/user-ca.pub");
	for (char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && line[1] != ' ' && line[1] != '\n')
			memmove(line, line + 1, strlen(line));
	}
	all = parsed(text);
	assert_int_equal(all->n_services, 1);
	assert_int_equal(all->n_principals, 2);
	assert_non_null(all->pdp.bearer_file);
}

/* As shipped, the sample says nothing but the defaults. */
static void
the_sample_names_every_key(void **state)
{
	zt_auto_free char *text = read_document(SAMPLE);
	char want[512];

	(void)state;
	for (size_t i = 0; i < CONF_KEYS; i++) {
		const char *def = conf_keys[i].def;

		(void)snprintf(want, sizeof(want), "%s%s =%s%s",
		    def == NULL ? "" : "\n#", conf_keys[i].name,
		    def == NULL || *def == '\0' ? "" : " ",
		    def == NULL ? "" : def);
		if (strstr(text, want) == NULL)
			fail_msg("the sample lacks: %s", want);
	}
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_file_gets_every_default),
		cmocka_unit_test(every_key_is_stored_where_it_belongs),
		cmocka_unit_test(
		    a_service_may_say_for_itself_whether_it_needs_a_credential),
		cmocka_unit_test(principals_are_rules_per_account_and_group),
		cmocka_unit_test(what_is_unknown_is_refused),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(a_required_key_missing_is_refused),
		cmocka_unit_test(every_number_is_bounded),
		cmocka_unit_test(a_value_is_written_in_exactly_one_way),
		cmocka_unit_test(an_endpoint_is_https_or_behind_a_unix_socket),
		cmocka_unit_test(what_the_ini_library_lets_pass_is_refused),
		cmocka_unit_test(
		    a_long_line_is_an_error_and_a_long_comment_is_not),
		cmocka_unit_test(an_explanation_shows_nothing_raw),
		cmocka_unit_test(too_many_of_anything_is_refused),
		FILE_TEST(a_good_file_loads_with_its_cas),
		FILE_TEST(a_file_of_a_stranger_is_refused),
		FILE_TEST(the_ca_file_is_held_to_the_same_rules),
		FILE_TEST(a_secret_the_world_can_read_is_refused),
		FILE_TEST(what_is_no_text_file_is_refused),
		cmocka_unit_test(
		    the_manual_names_every_key_with_its_default_and_range),
		cmocka_unit_test(
		    the_sample_is_valid_as_it_is_and_with_all_of_it_in_force),
		cmocka_unit_test(the_sample_names_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
