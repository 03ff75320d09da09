/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows and judges certificates, for comparison with OpenSSH's programs.
 *
 *	zt-cert show FILE		as ssh-keygen -L -f FILE does
 *	zt-cert check [-i IP] [-m SECONDS] [-t NOW] CAFILE FILE
 *					"LINE CODE" for each line, "ok" if good
 *	zt-cert mutate FILE		every truncation of the first line's
 *					certificate, and two flips of each byte
 *
 * FILE holds a certificate in every line.  Exits 1 if one was refused.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "zt/auto.h"
#include "zt/cert.h"
#include "zt/text.h"

#define INDENT   "        "
#define FILE_MAX (8u << 20)

struct args {
	const char *ip;
	uint64_t max_lifetime_s;
	uint64_t now_s;
	const char *ca_path;
	const char *path;
};

static char *
file_read(const char *path)
{
	char *buf = malloc(FILE_MAX);
	FILE *f = fopen(path, "re");
	size_t n;

	if (buf == NULL || f == NULL) {
		perror(path);
		exit(2);
	}
	n = fread(buf, 1, FILE_MAX - 1, f);
	buf[n] = '\0';
	(void)fclose(f);
	return buf;
}

/* The second word of a line of text. */
static struct zt_str
line_base64(const char *line)
{
	const char *p = line + strcspn(line, " \n");

	p += strspn(p, " ");
	return (struct zt_str){ p, strcspn(p, " \n") };
}

static const char *
line_next(const char *line)
{
	line += strcspn(line, "\n");
	return *line == '\n' ? line + 1 : line;
}

static const char *
short_name(const char *type)
{
	return strncmp(type, "sk-ssh", 6) == 0 ? "ED25519-SK"
	    : strncmp(type, "sk-ec", 5) == 0   ? "ECDSA-SK"
	    : strncmp(type, "ssh-ed", 6) == 0  ? "ED25519"
	    : strncmp(type, "ecdsa", 5) == 0   ? "ECDSA"
					       : "RSA";
}

/* The leading string of an encoded key or signature. */
static struct zt_str
encoded_name(const uint8_t *blob, size_t len)
{
	struct zt_rd rd;

	zt_rd_init(&rd, blob, len);
	return zt_rd_str32(&rd, 64);
}

static void
show_head(const struct zt_cert *c)
{
	struct zt_str name = encoded_name(c->blob, c->blob_len);
	struct zt_str ca = encoded_name(c->ca_key, c->ca_key_len);
	struct zt_str sig = encoded_name(c->signature, c->signature_len);

	printf(INDENT "Type: %.*s %s certificate\n", (int)name.len, name.p,
	    c->type == 1 ? "user" : "host");
	printf(INDENT "Public key: %s-CERT %s\n", short_name(c->key_type),
	    c->fingerprint);
	printf(INDENT "Signing CA: %s %s (using %.*s)\n", short_name(ca.p),
	    c->ca_fingerprint, (int)sig.len, sig.p);
	printf(INDENT "Key ID: \"%s\"\n", c->key_id);
	printf(INDENT "Serial: %" PRIu64 "\n", c->serial);
}

static void
show_time(const char *label, uint64_t t)
{
	time_t tt = (time_t)(t > INT64_MAX ? INT64_MAX : t);
	struct tm tm;
	char text[64];

	if (localtime_r(&tt, &tm) == NULL)
		(void)strcpy(text, "UNKNOWN-TIME");
	else
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	printf(" %s %s", label, text);
}

static void
show_validity(const struct zt_cert *c)
{
	printf(INDENT "Valid:");
	if (c->valid_after == 0 && c->valid_before == UINT64_MAX)
		printf(" forever");
	else if (c->valid_after == 0)
		show_time("before", c->valid_before);
	else
		show_time(c->valid_before == UINT64_MAX ? "after" : "from",
		    c->valid_after);
	if (c->valid_after != 0 && c->valid_before != UINT64_MAX)
		show_time("to", c->valid_before);
	printf("\n");
}

static bool
is_flag_name(const char *name)
{
	static const char *const flags[] = { "permit-X11-forwarding",
		"permit-agent-forwarding", "permit-port-forwarding",
		"permit-pty", "permit-user-rc", "no-touch-required",
		"verify-required" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(flags[i], name) == 0)
			return true;
	return false;
}

static void
show_option(const struct zt_cert_option *o, bool critical)
{
	size_t len = strlen(o->value);

	printf(INDENT INDENT "%s", o->name);
	if (critical &&
	    (strcmp(o->name, "force-command") == 0 ||
		strcmp(o->name, "source-address") == 0))
		printf(" %s", o->value);
	else if (!o->flag) {
		printf(" UNKNOWN OPTION: %08zx", len);
		for (size_t i = 0; i < len; i++)
			printf("%02x", (unsigned char)o->value[i]);
		printf(" (len %zu)", len + 4);
	} else if (!is_flag_name(o->name))
		printf(" UNKNOWN FLAG OPTION");
	printf("\n");
}

static void
show_options(const char *label, const struct zt_cert_option *o, size_t n,
    bool critical)
{
	printf(INDENT "%s: %s\n", label, n == 0 ? "(none)" : "");
	for (size_t i = 0; i < n; i++)
		show_option(&o[i], critical);
}

static void
show(const struct zt_cert *c)
{
	show_head(c);
	show_validity(c);
	printf(INDENT "Principals: %s\n", c->n_principals == 0 ? "(none)" : "");
	for (size_t i = 0; i < c->n_principals; i++)
		printf(INDENT INDENT "%s\n", c->principals[i]);
	show_options("Critical Options", c->critical, c->n_critical, true);
	show_options("Extensions", c->extensions, c->n_extensions, false);
}

static int
show_file(const char *path)
{
	zt_auto_free char *text = file_read(path);
	struct zt_cert *cert = NULL;
	unsigned n = 0;
	enum zt_err err;
	int rc = 0;

	for (const char *p = text; *p != '\0'; p = line_next(p)) {
		n++;
		err = zt_cert_parse_base64(line_base64(p), &cert);
		if (err != ZT_OK) {
			fprintf(stderr, "%s:%u: %s\n", path, n,
			    zt_strerror(err));
			rc = 1;
			continue;
		}
		if (n == 1)
			printf("%s:\n", path);
		else
			printf("%s:%u:\n", path, n);
		show(cert);
		zt_cert_free(cert);
	}
	return rc;
}

static struct zt_ca_set *
cas_read(const char *path)
{
	zt_auto_free char *text = file_read(path);
	struct zt_ca_set *cas = NULL;
	unsigned line;
	enum zt_err err;

	if ((err = zt_ca_set_parse(zt_str(text), &cas, &line)) != ZT_OK) {
		fprintf(stderr, "%s:%u: %s\n", path, line, zt_strerror(err));
		exit(2);
	}
	return cas;
}

static enum zt_reason
verdict(struct zt_str base64, const struct zt_cert_policy *policy,
    const struct args *args)
{
	struct zt_cert *cert = NULL;
	enum zt_reason reason;

	if (zt_cert_parse_base64(base64, &cert) != ZT_OK)
		return ZT_REASON_CREDENTIAL_MALFORMED;
	reason = zt_cert_check(cert, policy, args->now_s);
	if (reason == ZT_REASON_NONE && args->ip != NULL)
		reason = zt_cert_check_source(cert, args->ip);
	zt_cert_free(cert);
	return reason;
}

static int
check_file(const struct args *args)
{
	struct zt_ca_set *cas = cas_read(args->ca_path);
	zt_auto_free char *text = file_read(args->path);
	struct zt_cert_policy policy = { .cas = cas,
		.max_lifetime_s = args->max_lifetime_s };
	enum zt_reason reason;
	unsigned n = 0;
	int rc = 0;

	for (const char *p = text; *p != '\0'; p = line_next(p)) {
		reason = verdict(line_base64(p), &policy, args);
		printf("%u %s\n", ++n,
		    reason == ZT_REASON_NONE ? "ok" : zt_reason_code(reason));
		if (reason != ZT_REASON_NONE)
			rc = 1;
	}
	zt_ca_set_free(cas);
	return rc;
}

static void
put_line(struct zt_str type, const uint8_t *blob, size_t len)
{
	zt_auto_free uint8_t *base64 = malloc(2 * len + 8);

	if (base64 == NULL)
		exit(2);
	(void)EVP_EncodeBlock(base64, blob, (int)len);
	printf("%.*s %s\n", (int)type.len, type.p, (const char *)base64);
}

static int
mutate_file(const char *path)
{
	static const uint8_t flips[] = { 0x01, 0x80 };
	zt_auto_free char *text = file_read(path);
	struct zt_str type = { text, strcspn(text, " ") };
	struct zt_cert *cert = NULL;

	if (zt_cert_parse_base64(line_base64(text), &cert) != ZT_OK)
		return 2;
	for (size_t i = 1; i < cert->blob_len; i++)
		put_line(type, cert->blob, i);
	for (size_t i = 0; i < cert->blob_len; i++)
		for (size_t j = 0; j < sizeof(flips); j++) {
			cert->blob[i] ^= flips[j];
			put_line(type, cert->blob, cert->blob_len);
			cert->blob[i] ^= flips[j];
		}
	zt_cert_free(cert);
	return 0;
}

static int
usage(void)
{
	fprintf(stderr,
	    "usage: zt-cert show FILE | mutate FILE |\n"
	    "       check [-i IP] [-m SECONDS] [-t NOW] CAFILE FILE\n");
	return 2;
}

static int
check_main(int argc, char *argv[])
{
	struct args args = { .now_s = (uint64_t)time(NULL),
		.max_lifetime_s = 86400 };
	int opt;

	while ((opt = getopt(argc, argv, "i:m:t:")) != -1) {
		if (opt == 'i')
			args.ip = optarg;
		else if (opt == 'm')
			args.max_lifetime_s = strtoull(optarg, NULL, 10);
		else if (opt == 't')
			args.now_s = strtoull(optarg, NULL, 10);
		else
			return usage();
	}
	if (argc - optind != 2)
		return usage();
	args.ca_path = argv[optind];
	args.path = argv[optind + 1];
	return check_file(&args);
}

int
main(int argc, char *argv[])
{
	if (argc == 3 && strcmp(argv[1], "show") == 0)
		return show_file(argv[2]);
	if (argc == 3 && strcmp(argv[1], "mutate") == 0)
		return mutate_file(argv[2]);
	if (argc > 3 && strcmp(argv[1], "check") == 0)
		return check_main(argc - 1, argv + 1);
	return usage();
}
