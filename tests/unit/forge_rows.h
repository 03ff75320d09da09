/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_TEST_FORGE_ROWS_H
#define ZT_TEST_FORGE_ROWS_H

/*
 * Tables of certificates with one change each, all properly signed.  A row
 * also says whether ssh-keygen -L reads it, and ssh-keygen is asked: what it
 * refuses we refuse, and where we are stricter the table shows it.
 */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forge.h"

enum { CA_ED25519, CA_P256, CA_P384, CA_P521, CA_RSA, N_CAS };

static struct keypair cas[N_CAS];
static struct keypair foreign;
static struct keypair small_rsa;
static struct zt_ca_set *ca_set;
static struct zt_cert_policy policy = { .max_lifetime_s = 86400 };
static struct forge forge; /* too large for the stack */
static struct buf blob;

struct row {
	const char *name;
	void (*change)(struct forge *);
	enum zt_reason reason;
	bool keygen_reads;
};

#define READS   true
#define REFUSES false
#define ROW(change, reason, keygen)                         \
	{                                                   \
#change, change, ZT_REASON_##reason, keygen \
	}
#define GOOD(change)           ROW(change, NONE, READS)
#define BAD(change)            ROW(change, CREDENTIAL_MALFORMED, REFUSES)
#define STRICTER(change)       ROW(change, CREDENTIAL_MALFORMED, READS)
#define DENIED(change, reason) ROW(change, CREDENTIAL_##reason, READS)
#define BAD_SIG(change)        ROW(change, CREDENTIAL_SIGNATURE, REFUSES)

static inline int
rows_setup(void **state)
{
	static const char *const names[N_CAS] = { "ssh-ed25519",
		"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp521", "ssh-rsa" };

	(void)state;
	for (size_t i = 0; i < N_CAS; i++)
		keypair_init(&cas[i], names[i], 2048);
	keypair_init(&foreign, "ssh-ed25519", 0);
	keypair_init(&small_rsa, "ssh-rsa", 1024);
	ca_set = ca_set_of(cas, N_CAS);
	policy.cas = ca_set;
	return 0;
}

static inline int
rows_teardown(void **state)
{
	(void)state;
	zt_ca_set_free(ca_set);
	for (size_t i = 0; i < N_CAS; i++)
		keypair_clear(&cas[i]);
	keypair_clear(&foreign);
	keypair_clear(&small_rsa);
	return 0;
}

static inline void
row_build(const struct row *row)
{
	forge_init(&forge, &cas[CA_ED25519]);
	row->change(&forge);
	forge_build(&forge, &blob);
}

/* The certificate that every row changes is good. */
static inline void
assert_base_is_good(void)
{
	forge_init(&forge, &cas[CA_ED25519]);
	forge_build(&forge, &blob);
	assert_int_equal(judge(&blob, &policy), ZT_REASON_NONE);
}

/* Every row is judged as it says. */
static inline void
assert_rows_judged(const struct row *rows, size_t n)
{
	enum zt_reason reason;
	bool failed = false;

	for (size_t i = 0; i < n; i++) {
		row_build(&rows[i]);
		reason = judge(&blob, &policy);
		if (reason == rows[i].reason)
			continue;
		failed = true;
		print_error("%s: \"%s\", not \"%s\"\n", rows[i].name,
		    zt_reason_code(reason), zt_reason_code(rows[i].reason));
	}
	assert_false(failed);
}

/* True if ssh-keygen -L reads the certificate in this file. */
static inline bool
keygen_reads(const char *path)
{
	char command[256];
	int status;

	(void)snprintf(command, sizeof(command),
	    "ssh-keygen -L -f %s >/dev/null 2>&1", path);
	status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

/* ssh-keygen agrees, or refuses less than we do: as every row says. */
static inline void
assert_rows_compared(const struct row *rows, size_t n)
{
	char dir[] = "/tmp/zt-test-XXXXXX";
	char path[sizeof(dir) + sizeof("/cert")];
	static struct buf text;
	bool failed = false;
	int fd;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/cert", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++) {
		assert_true(rows[i].keygen_reads ||
		    rows[i].reason != ZT_REASON_NONE);
		row_build(&rows[i]);
		text.len = 0;
		put_line(&text, forge.name, &blob);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, text.p, text.len, 0),
		    (ssize_t)text.len);
		if (keygen_reads(path) == rows[i].keygen_reads)
			continue;
		failed = true;
		print_error("%s: ssh-keygen %s it\n", rows[i].name,
		    rows[i].keygen_reads ? "refuses" : "reads");
	}
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
	assert_false(failed);
}

#endif /* ZT_TEST_FORGE_ROWS_H */
