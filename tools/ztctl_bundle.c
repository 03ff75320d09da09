/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/cert.h"
#include "zt/json.h"
#include "zt/text.h"
#include "zt/time.h"
#include "ztctl_bundle.h"
#include "ztctl_print.h"

#define SIGNERS_MAX 65536 /* the file, bytes */
#define DAY_S       86400
#define DAYS_MAX    36500

extern char **environ;

static const char usage[] =
    "usage: ztctl identity bundle make DIR -o FILE\n"
    "           [--version N | --previous FILE] [--days N]\n"
    "       ztctl identity bundle sign FILE -k KEY -o FILE\n"
    "       ztctl identity bundle check FILE --signers FILE\n";

struct bundle_options {
	const char *operand, *out, *key, *signers, *previous; /* or NULL */
	int64_t version;                                      /* 0: not given */
	int64_t days; /* 0: it never expires */
};

/* A text in memory. */
struct text {
	char *p; /* owned, NUL-terminated */
	size_t len;
};

static void
text_clear(struct text *text)
{
	free(text->p);
}

static struct zt_str
text_str(const struct text *text)
{
	return (struct zt_str){ text->p, text->len };
}

static void
setp_free(struct zt_set **set)
{
	zt_set_free(*set);
}

static void
casp_free(struct zt_ca_set **cas)
{
	zt_ca_set_free(*cas);
}

static void
filep_close(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

/* ---- files ---- */

static enum ztctl_status
fail_file(const char *path, const char *why)
{
	zt_auto_free char *shown = print_escaped(zt_str(path));

	print_failure("%s: %s", shown, why);
	return ZTCTL_SYSTEM;
}

static enum ztctl_status
fail_errno(const char *path)
{
	return fail_file(path, strerror(errno));
}

/* Read what fd has from its start. */
static enum ztctl_status
fd_read(int fd, const char *path, size_t max, struct text *out)
{
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return fail_errno(path);
	if (!S_ISREG(st.st_mode))
		return fail_file(path, "no regular file");
	if ((uint64_t)st.st_size > max)
		return fail_file(path, "too large");
	if ((out->p = malloc((size_t)st.st_size + 1)) == NULL)
		return fail_errno(path);
	while (len < (size_t)st.st_size &&
	    (n = pread(fd, out->p + len, (size_t)st.st_size - len,
		 (off_t)len)) != 0) {
		if (n < 0)
			return fail_errno(path);
		len += (size_t)n;
	}
	out->p[len] = '\0';
	out->len = len;
	return ZTCTL_OK;
}

static enum ztctl_status
file_read(const char *path, size_t max, struct text *out)
{
	zt_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? fail_errno(path) : fd_read(fd, path, max, out);
}

/* Two texts, one behind the other, in place of a file or not at all. */
static enum ztctl_status
file_write(const char *path, struct zt_str first, struct zt_str second)
{
	zt_auto_free char *temp = NULL;
	zt_auto(filep_close) FILE *f = NULL;

	if (asprintf(&temp, "%s.new", path) < 0) {
		temp = NULL;
		return fail_errno(path);
	}
	if ((f = fopen(temp, "we")) == NULL)
		return fail_errno(temp);
	if (fwrite(first.p, 1, first.len, f) != first.len ||
	    fwrite(second.p, 1, second.len, f) != second.len ||
	    fflush(f) != 0 || fsync(fileno(f)) != 0 ||
	    rename(temp, path) != 0) {
		(void)fail_errno(path);
		(void)unlink(temp);
		return ZTCTL_SYSTEM;
	}
	return ZTCTL_OK;
}

/* ---- make ---- */

static bool
has_suffix(const char *name, const char *suffix)
{
	const size_t len = strlen(name), slen = strlen(suffix);

	return len > slen && strcmp(name + len - slen, suffix) == 0;
}

static int
is_record(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	    (has_suffix(entry->d_name, ".user") ||
		has_suffix(entry->d_name, ".group"));
}

/* The same order in every locale. */
static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What is wrong with a record's text, or NULL. */
static const char *
record_fault(const char *name, struct zt_str json)
{
	zt_auto_free struct zt_user *user = NULL;
	zt_auto_free struct zt_group *group = NULL;
	const char *why = zt_strerror(ZT_ERR_NOMEM);
	enum zt_err err = has_suffix(name, ".user")
	    ? zt_user_parse(json, &user, &why)
	    : zt_group_parse(json, &group, &why);

	return err == ZT_OK ? NULL : why;
}

/* Add a record's file as one line. */
static enum ztctl_status
record_add(FILE *out, const char *dir, const char *name)
{
	zt_auto(text_clear) struct text text = { 0 };
	zt_auto_free char *path = NULL;
	zt_auto_free char *line = NULL;
	json_auto_t *root = NULL;
	enum ztctl_status status;
	const char *why;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return fail_errno(dir);
	}
	status = file_read(path, ZT_RECORD_FILE_MAX, &text);
	if (status != ZTCTL_OK)
		return status;
	if ((why = record_fault(name, text_str(&text))) != NULL) {
		(void)fail_file(path, why);
		return ZTCTL_FAILED;
	}
	root = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL ||
	    zt_json_print(root, ZT_BUNDLE_LINE_MAX, &line, NULL) != ZT_OK)
		return fail_file(path, "it cannot be printed on one line");
	return fprintf(out, "%s\n", line) < 0 ? fail_errno(path) : ZTCTL_OK;
}

/* All faults are told, not the first alone. */
static enum ztctl_status
records_add(FILE *out, const char *dir)
{
	enum ztctl_status status = ZTCTL_OK, one;
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_record, compare_names);

	if (n < 0)
		return fail_errno(dir);
	for (int i = 0; i < n; i++) {
		one = record_add(out, dir, entries[i]->d_name);
		if (one != ZTCTL_OK)
			status = one;
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* What was signed; all of it if nothing is. */
static struct zt_str
message_of(const struct text *document)
{
	struct zt_str signature, message = text_str(document);

	if (zt_sshsig_cut(message, &signature, &message) != ZT_OK)
		return text_str(document);
	return message;
}

static enum ztctl_status
version_next(const struct bundle_options *o, int64_t now_s, int64_t *out)
{
	zt_auto(text_clear) struct text previous = { 0 };
	enum ztctl_status status;
	struct zt_bundle bundle;
	const char *why;

	*out = o->version != 0 ? o->version : now_s;
	if (o->previous == NULL)
		return ZTCTL_OK;
	status = file_read(o->previous, ZT_BUNDLE_MAX, &previous);
	if (status != ZTCTL_OK)
		return status;
	if (zt_bundle_begin(message_of(&previous), &bundle, &why) != ZT_OK) {
		(void)fail_file(o->previous, why);
		return ZTCTL_FAILED;
	}
	*out = bundle.head.version + 1;
	return ZTCTL_OK;
}

static enum ztctl_status
head_add(FILE *out, const struct bundle_options *o)
{
	const int64_t now_s = (int64_t)time(NULL);
	enum ztctl_status status;
	int64_t version;

	if ((status = version_next(o, now_s, &version)) != ZTCTL_OK)
		return status;
	(void)fprintf(out,
	    "{\"zt-users\":%d,\"version\":%" PRId64 ",\"issued\":%" PRId64,
	    ZT_BUNDLE_FORMAT, version, now_s);
	if (o->days != 0)
		(void)fprintf(out, ",\"expires\":%" PRId64,
		    now_s + o->days * DAY_S);
	(void)fputs("}\n", out);
	return ZTCTL_OK;
}

/* ---- reading one ---- */

/* Say what was refused.  Returns how many. */
static size_t
refused_print(const struct zt_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < zt_set_count(set); i++) {
		const struct zt_set_record *r = zt_set_at(set, i);

		if (r->why == NULL)
			continue;
		n++;
		print_failure("%s is refused: %s", r->key, r->why);
	}
	return n;
}

static enum ztctl_status
fail_bundle(const char *path, enum zt_err err, const char *why)
{
	(void)fail_file(path, why);
	return err == ZT_ERR_NOMEM ? ZTCTL_SYSTEM : ZTCTL_FAILED;
}

/* Read all records, say which are refused and how many there are. */
static enum ztctl_status
records_check(const char *path, struct zt_bundle *bundle)
{
	zt_auto(setp_free) struct zt_set *set = NULL;
	size_t refused, users, count;
	enum zt_err err;

	if ((err = zt_set_new(&set)) != ZT_OK ||
	    (err = zt_bundle_read(bundle, SIZE_MAX, set)) != ZT_OK ||
	    (err = zt_set_seal(set)) != ZT_OK)
		return fail_bundle(path, err, zt_strerror(err));
	refused = refused_print(set);
	users = zt_set_users(set);
	count = zt_set_count(set);
	print_field("version", "%" PRId64, bundle->head.version);
	print_field("users", "%zu", users);
	print_field("groups", "%zu", count - users - refused);
	print_field("refused", "%zu", refused);
	return refused == 0 ? ZTCTL_OK : ZTCTL_FAILED;
}

/* What make made must be what hosts read. */
static enum ztctl_status
made_check(const char *path, struct zt_str message)
{
	struct zt_bundle bundle;
	const char *why;
	enum zt_err err = zt_bundle_begin(message, &bundle, &why);

	if (err != ZT_OK)
		return fail_bundle(path, err, why);
	return records_check(path, &bundle);
}

static enum ztctl_status
bundle_make(const struct bundle_options *o)
{
	zt_auto(text_clear) struct text made = { 0 };
	FILE *f = open_memstream(&made.p, &made.len);
	enum ztctl_status status;

	if (f == NULL)
		return fail_errno(o->out);
	if ((status = head_add(f, o)) == ZTCTL_OK)
		status = records_add(f, o->operand);
	if (fclose(f) != 0)
		return fail_errno(o->out);
	if (status != ZTCTL_OK ||
	    (status = made_check(o->out, text_str(&made))) != ZTCTL_OK) {
		print_failure("nothing was written");
		return status;
	}
	return file_write(o->out, text_str(&made), zt_str(""));
}

static void
when_print(const char *label, int64_t time_s)
{
	char text[ZT_TIME_MAX];

	if (time_s == INT64_MAX)
		print_field(label, "never");
	else if (zt_time_s((uint64_t)time_s, text) == ZT_OK)
		print_field(label, "%s", text);
	else
		print_field(label, "%" PRId64 " s since 1970", time_s);
}

static enum ztctl_status
signers_load(const char *path, struct zt_ca_set **out)
{
	zt_auto(text_clear) struct text text = { 0 };
	enum ztctl_status status = file_read(path, SIGNERS_MAX, &text);
	unsigned line = 0;
	enum zt_err err;

	if (status != ZTCTL_OK)
		return status;
	if ((err = zt_ca_set_parse(text_str(&text), out, &line)) != ZT_OK) {
		print_failure("line %u: one public key is to stand on each "
			      "line",
		    line);
		return fail_bundle(path, err, zt_strerror(err));
	}
	return ZTCTL_OK;
}

static enum ztctl_status
bundle_check(const struct bundle_options *o)
{
	zt_auto(text_clear) struct text text = { 0 };
	zt_auto(casp_free) struct zt_ca_set *signers = NULL;
	enum ztctl_status status;
	struct zt_bundle bundle;
	const char *why;
	enum zt_err err;

	if ((status = signers_load(o->signers, &signers)) != ZTCTL_OK ||
	    (status = file_read(o->operand, ZT_BUNDLE_MAX, &text)) != ZTCTL_OK)
		return status;
	err = zt_bundle_open(text_str(&text), signers, &bundle, &why);
	if (err != ZT_OK)
		return fail_bundle(o->operand, err, why);
	status = records_check(o->operand, &bundle);
	when_print("issued", bundle.head.issued_s);
	when_print("expires", bundle.head.expires_s);
	err = zt_bundle_follows(&bundle.head, 0, false, (int64_t)time(NULL),
	    &why);
	return err != ZT_OK ? fail_bundle(o->operand, err, why) : status;
}

/* ---- sign ---- */

/* A file without a name that holds a text; -1 if that fails. */
static int
memory_file(struct zt_str text)
{
	zt_auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	while (fd >= 0 && done < text.len) {
		n = pwrite(fd, text.p + done, text.len - done, (off_t)done);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return zt_take_fd(fd);
}

/* Run ssh-keygen from fd to fd: it knows agents, tokens and passphrases. */
static int
keygen_run(const char *key, int in, int out)
{
	const char *const argv[] = { "ssh-keygen", "-q", "-Y", "sign", "-n",
		ZT_BUNDLE_NAMESPACE, "-f", key, NULL };
	posix_spawn_file_actions_t actions;
	int status = -1, rc;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	rc = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out,
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnp(&pid, argv[0], &actions, NULL,
		    (char **)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc != 0) {
		print_failure("ssh-keygen: %s", strerror(rc));
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static enum ztctl_status
message_sign(const char *key, struct zt_str message, struct text *out)
{
	zt_auto_close int in = memory_file(message),
			  from = memory_file(zt_str(""));
	struct zt_str signature, rest;

	if (in < 0 || from < 0)
		return fail_errno(key);
	if (keygen_run(key, in, from) != 0) {
		(void)fail_file(key, "ssh-keygen did not sign with it");
		return ZTCTL_FAILED;
	}
	if (fd_read(from, key, ZT_SSHSIG_MAX, out) != ZTCTL_OK)
		return ZTCTL_SYSTEM;
	if (zt_sshsig_cut(text_str(out), &signature, &rest) != ZT_OK ||
	    rest.len != 0)
		return fail_file(key, "ssh-keygen printed no SSH signature");
	return ZTCTL_OK;
}

static enum ztctl_status
bundle_sign(const struct bundle_options *o)
{
	zt_auto(text_clear) struct text document = { 0 };
	zt_auto(text_clear) struct text signature = { 0 };
	enum ztctl_status status;
	struct zt_bundle bundle;
	struct zt_str message;
	const char *why;
	enum zt_err err;

	status = file_read(o->operand, ZT_BUNDLE_MAX, &document);
	if (status != ZTCTL_OK)
		return status;
	message = message_of(&document); /* a signature is replaced */
	if ((err = zt_bundle_begin(message, &bundle, &why)) != ZT_OK)
		return fail_bundle(o->operand, err, why);
	status = message_sign(o->key, message, &signature);
	return status != ZTCTL_OK
	    ? status
	    : file_write(o->out, text_str(&signature), message);
}

/* ---- the command line ---- */

static enum ztctl_status
usage_fail(void)
{
	(void)fputs(usage, stderr);
	return ZTCTL_USAGE;
}

/* A whole number from 1 to max, or 0. */
static int64_t
number(const char *text, int64_t max)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' &&
		n >= 1 && n <= max
	    ? (int64_t)n
	    : 0;
}

static bool
option_take(struct bundle_options *o, int c)
{
	const char **const texts[] = { ['o'] = &o->out,
		['k'] = &o->key,
		['s'] = &o->signers,
		['p'] = &o->previous };

	if (c == 'v')
		o->version = number(optarg, ZT_BUNDLE_VERSION_MAX);
	else if (c == 'd')
		o->days = number(optarg, DAYS_MAX);
	else if (c != '?')
		*texts[c] = optarg;
	return c != '?' && (c != 'v' || o->version != 0) &&
	    (c != 'd' || o->days != 0);
}

static bool
options_read(int argc, char **argv, struct bundle_options *o)
{
	static const struct option names[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "key", required_argument, NULL, 'k' },
		{ "signers", required_argument, NULL, 's' },
		{ "previous", required_argument, NULL, 'p' },
		{ "version", required_argument, NULL, 'v' },
		{ "days", required_argument, NULL, 'd' },
		{ 0 },
	};
	int c;

	optind = 0; /* another command line than the last */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "o:k:s:", names, NULL)) != -1)
		if (!option_take(o, c))
			return false;
	if (optind != argc - 1)
		return false;
	o->operand = argv[optind];
	return true;
}

enum ztctl_status
ztctl_bundle(int argc, char **argv)
{
	struct bundle_options o = { 0 };
	bool from_make, from_sign;

	if (argc < 2 || !options_read(argc, argv, &o))
		return usage_fail();
	from_make = o.version != 0 || o.previous != NULL || o.days != 0;
	from_sign = o.key != NULL;
	if (strcmp(argv[0], "make") == 0 && o.out != NULL && !from_sign &&
	    o.signers == NULL && (o.version == 0 || o.previous == NULL))
		return bundle_make(&o);
	if (strcmp(argv[0], "sign") == 0 && o.out != NULL && from_sign &&
	    o.signers == NULL && !from_make)
		return bundle_sign(&o);
	if (strcmp(argv[0], "check") == 0 && o.signers != NULL &&
	    o.out == NULL && !from_sign && !from_make)
		return bundle_check(&o);
	return usage_fail();
}
