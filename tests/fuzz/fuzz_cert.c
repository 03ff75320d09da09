/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/auto.h"
#include "zt/cert.h"
#include "zt/text.h"

#define CHECK(what) ((what) ? (void)0 : abort())
#define NOW         1900000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The CAs of the corpus, whose private keys are gone: all that they signed
 * had expired long before NOW, so nothing may ever be good.
 */
static const char ca_text[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx4ozeogfNwyt1HWjKNmvrx81GAxv"
    "rBiSS0ELqe8La+\n"
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNT"
    "YAAABBBB+HUu0cTruc2ImESt5xg8jKCWBueNfLQMZr6S1Dap9mV/qb1QDiTUvI/XO9"
    "Xub7nq57/gyrzLM+PxSy8dnp4QY=\n"
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1Mj"
    "EAAACFBAEkRpDJz4Lzg8DyDfH2Gu3HX/0YBy7MS0X4pemYpTAS84Hbhjk8gl+H3CRL"
    "0rGsUCYcXUjGW45S9i9yUkAUwGDsdAFOMf9eH0hYGsdn5wE9T/gNVMAMW9a8hJB8fc"
    "jDCFJLNMsGgb6Y4f9GG3HAGPSH2p3q+tqFn33Gro+1LAtQXXGoBg==\n"
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDU2U8cZPUVbHis0hXivdPVdv16lQ"
    "1DdHbPR11ieYKGJ9Sq3kdt/wzB0lPke4YqKzif04XCrSk+8Hd8dZOWP174NoBMjFSW"
    "q/i9Z/v2aHP1OiIreOflKX0CPkCFe9oltD6zSKNYs/pym/LkZQm7/Mm2WqY1xsToOg"
    "GtQzLRotOjpyPoVLgcnKUNbpmX/4mPJC6vYaOmsT72TJ6Dy/xAanPumiPaQmNnU1p/"
    "A2HK4FjMkg4F/KuX24Q9QMur+5hab9qknYCxaGVzArNIS4cAeSJmyYFVcXuLelN73E"
    "6ksGRmp9jppyrJryLes708meYIv+ZDWmIBuqiPxaRaI3wORxEX\n";

static void
check_fields(const struct zt_cert *c, const uint8_t *data, size_t size)
{
	CHECK(c->blob_len == size && memcmp(c->blob, data, size) == 0);
	CHECK(c->signed_len < size && c->signature_len < size - c->signed_len);
	CHECK(c->type == 1 || c->type == 2);
	CHECK(c->n_principals <= ZT_CERT_PRINCIPALS_MAX);
	CHECK(c->n_critical <= ZT_CERT_OPTIONS_MAX);
	CHECK(c->n_extensions <= ZT_CERT_OPTIONS_MAX);
	CHECK(strlen(c->fingerprint) == ZT_FINGERPRINT_LEN);
	CHECK(strlen(c->ca_fingerprint) == ZT_FINGERPRINT_LEN);
	for (size_t i = 0; i < c->n_critical; i++)
		CHECK(zt_cert_critical(c, c->critical[i].name) != NULL);
}

/* What parses keeps its bytes and its limits, and is never good. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zt_cert_policy policy = { .max_lifetime_s = UINT64_MAX };
	struct zt_ca_set *cas;
	struct zt_cert *cert = NULL;
	unsigned line;

	if (policy.cas == NULL) {
		CHECK(zt_ca_set_parse(zt_str(ca_text), &cas, &line) == ZT_OK);
		policy.cas = cas;
	}
	if (zt_cert_parse(data, size, &cert) != ZT_OK) {
		CHECK(cert == NULL);
		return 0;
	}
	check_fields(cert, data, size);
	CHECK(zt_cert_check(cert, &policy, NOW) != ZT_REASON_NONE);
	(void)zt_cert_check_source(cert, "192.0.2.1");
	zt_cert_free(cert);
	return 0;
}
