/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/auto.h"
#include "zt/cert.h"
#include "zt/text.h"

#include "fuzz_cert_cas.h"

#define CHECK(what) ((what) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	CHECK(zt_cert_check_source(cert, "") == ZT_REASON_NONE ||
	    zt_cert_critical(cert, "source-address") != NULL);
	zt_cert_free(cert);
	return 0;
}
