/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec against a second description of every message, written from
 * docs/PROTOCOL.broker: messages are built here byte by byte, at every limit
 * and beyond it, and must decode, encode and be refused accordingly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "zt/wire.h"

#define FIELDS_MAX 8
#define POISON     0xa5

enum kind { END, CHOICE, BOOL, U32, STR, LIST, NUMBERS };

/* One field; at and n_at are offsets into the decoded struct. */
struct field {
	enum kind kind;
	size_t at;
	size_t n_at;     /* LIST, NUMBERS: of the count */
	unsigned first;  /* CHOICE: least value; LIST, NUMBERS: most items */
	unsigned last;   /* CHOICE: greatest value; STR, LIST: most bytes */
	bool fixed_zero; /* U32: must be 0 in the messages built here */
};

struct message {
	const char *name;
	uint8_t type;
	size_t size;
	enum zt_err (*encode)(const void *m, void *buf, size_t cap,
	    size_t *len_out);
	enum zt_err (*decode)(const void *buf, size_t len, void *out);
	struct field fields[FIELDS_MAX];
};

#define CODEC(name)                                                            \
	static enum zt_err encode_##name(const void *m, void *buf, size_t cap, \
	    size_t *len_out)                                                   \
	{                                                                      \
		return zt_##name##_encode(m, buf, cap, len_out);               \
	}                                                                      \
	static enum zt_err decode_##name(const void *buf, size_t len,          \
	    void *out)                                                         \
	{                                                                      \
		return zt_##name##_decode(buf, len, out);                      \
	}
CODEC(pam_request)
CODEC(pam_reply)
CODEC(principals_request)
CODEC(principals_reply)
CODEC(nss_request)
CODEC(nss_user)
CODEC(nss_group)
CODEC(nss_gids)
CODEC(nss_absent)
CODEC(ctl_request)
CODEC(ctl_reply)
CODEC(scope)

#define AT(name, member) offsetof(struct zt_##name, member)
#define HEAD(name, type) \
#name, type, sizeof(struct zt_##name), encode_##name, decode_##name

static const struct message messages[] = {
	{ HEAD(pam_request, 1),
	    { { CHOICE, AT(pam_request, phase), 0, 1, 4, 0 },
		{ STR, AT(pam_request, service), 0, 0, 32, 0 },
		{ STR, AT(pam_request, user), 0, 0, 256, 0 },
		{ STR, AT(pam_request, tty), 0, 0, 128, 0 },
		{ STR, AT(pam_request, rhost), 0, 0, 256, 0 },
		{ STR, AT(pam_request, connection), 0, 0, 128, 0 },
		{ STR, AT(pam_request, auth_info), 0, 0, 60000, 0 } } },
	{ HEAD(pam_reply, 2),
	    { { CHOICE, AT(pam_reply, verdict), 0, 1, 4, 0 },
		{ STR, AT(pam_reply, id), 0, 0, 36, 0 },
		{ STR, AT(pam_reply, reason), 0, 0, 64, 0 },
		{ STR, AT(pam_reply, text), 0, 0, 1024, 0 } } },
	{ HEAD(principals_request, 3),
	    { { STR, AT(principals_request, account), 0, 0, 256, 0 },
		{ STR, AT(principals_request, credential), 0, 0, 60000, 0 } } },
	{ HEAD(principals_reply, 4),
	    { { LIST, AT(principals_reply, principals), AT(principals_reply, n),
		128, 256, 0 } } },
	{ HEAD(nss_request, 5), /* built by name: then id is 0 */
	    { { CHOICE, AT(nss_request, op), 0, 1, 7, 0 },
		{ STR, AT(nss_request, name), 0, 0, 32, 0 },
		{ U32, AT(nss_request, id), 0, 0, 0, true } } },
	{ HEAD(nss_user, 6),
	    { { U32, AT(nss_user, next), 0, 0, 0, 0 },
		{ U32, AT(nss_user, uid), 0, 0, 0, 0 },
		{ U32, AT(nss_user, gid), 0, 0, 0, 0 },
		{ STR, AT(nss_user, name), 0, 0, 32, 0 },
		{ STR, AT(nss_user, gecos), 0, 0, 256, 0 },
		{ STR, AT(nss_user, home), 0, 0, 256, 0 },
		{ STR, AT(nss_user, shell), 0, 0, 256, 0 } } },
	{ HEAD(nss_group, 7),
	    { { U32, AT(nss_group, next), 0, 0, 0, 0 },
		{ U32, AT(nss_group, gid), 0, 0, 0, 0 },
		{ STR, AT(nss_group, name), 0, 0, 32, 0 },
		{ LIST, AT(nss_group, members), AT(nss_group, n_members), 1500,
		    32, 0 } } },
	{ HEAD(nss_gids, 8),
	    { { NUMBERS, AT(nss_gids, gids), AT(nss_gids, n), 8192, 0, 0 } } },
	{ HEAD(nss_absent, 9),
	    { { BOOL, AT(nss_absent, definitive), 0, 0, 1, 0 } } },
	{ HEAD(ctl_request, 10),
	    { { STR, AT(ctl_request, command), 0, 0, 32, 0 },
		{ STR, AT(ctl_request, argument), 0, 0, 256, 0 },
		{ U32, AT(ctl_request, cursor), 0, 0, 0, 0 } } },
	{ HEAD(ctl_reply, 11),
	    { { BOOL, AT(ctl_reply, ok), 0, 0, 1, 0 },
		{ U32, AT(ctl_reply, next), 0, 0, 0, 0 },
		{ STR, AT(ctl_reply, json), 0, 0, 65000, 0 } } },
	{ HEAD(scope, 12),
	    { { LIST, AT(scope, services), AT(scope, n_services), 64, 32, 0 },
		{ LIST, AT(scope, exempt), AT(scope, n_exempt), 64, 289,
		    0 } } },
};

#define N_MESSAGES (sizeof(messages) / sizeof(messages[0]))
#define EACH_MESSAGE(m) \
	for (const struct message *m = messages; m < messages + N_MESSAGES; m++)
#define EACH_FIELD(f, m) \
	for (const struct field *f = (m)->fields; f->kind != END; f++)

/* What to do differently in one field of a message that is built. */
enum change {
	NOTHING,
	ONE_LONGER, /* STR: a byte over the limit; LIST: its first item */
	ONE_MORE,   /* LIST, NUMBERS: an item over the limit */
	WITH_NUL,   /* STR, LIST: the last byte is NUL */
	VALUE,      /* CHOICE, BOOL: the value given */
};

struct plan {
	bool full; /* each field at its limit; else small */
	const struct field *field;
	enum change change;
	uint8_t value;
};

static uint8_t built[3 * ZT_WIRE_MAX];
static size_t built_len;
static union {
	uint8_t bytes[sizeof(struct zt_nss_gids)];
	max_align_t align;
} decoded;

static void
put(uint64_t v, size_t size)
{
	for (size_t i = size; i > 0; i--)
		built[built_len++] = (uint8_t)(v >> (8 * (i - 1)));
}

static void
put_str(size_t len, bool nul)
{
	put(len, 2);
	for (size_t i = 0; i < len; i++)
		put('a' + i % 26, 1);
	if (nul)
		built[built_len - 1] = 0;
}

static void
put_field(const struct field *f, const struct plan *plan)
{
	enum change change = plan->field == f ? plan->change : NOTHING;
	size_t n = plan->full ? f->first : 2;
	size_t len = plan->full ? f->last : 3;

	if (change == ONE_MORE)
		n = f->first + 1;
	if (change == ONE_LONGER)
		len = f->last + 1;
	if (f->kind == CHOICE || f->kind == BOOL)
		put(change == VALUE ? plan->value : f->first, 1);
	else if (f->kind == U32)
		put(f->fixed_zero ? 0 : 0xfffefdfcu, 4);
	else if (f->kind == STR)
		put_str(len, change == WITH_NUL);
	else
		put(n, 2);
	for (size_t i = 0; i < n && f->kind == NUMBERS; i++)
		put(0x80000000u + i, 4);
	for (size_t i = 0; i < n && f->kind == LIST; i++)
		put_str(i == 0 || change != ONE_LONGER ? len : f->last,
		    change == WITH_NUL && i == n - 1);
}

static void
build(const struct message *m, const struct plan *plan)
{
	built_len = 0;
	put(1, 1);
	put(m->type, 1);
	EACH_FIELD(f, m)
	put_field(f, plan);
}

/* Decode what was built; on failure the output must be untouched. */
static enum zt_err
decode(const struct message *m, size_t len)
{
	enum zt_err err;

	memset(decoded.bytes, POISON, sizeof(decoded.bytes));
	err = m->decode(built, len, decoded.bytes);
	for (size_t i = 0; err != ZT_OK && i < m->size; i++)
		if (decoded.bytes[i] != POISON)
			fail_msg("%s: output touched at %zu", m->name, i);
	return err;
}

static void
assert_decodes_to(const struct message *m, enum zt_err want)
{
	enum zt_err got = decode(m, built_len);

	if (got != want)
		fail_msg("%s: %s, not %s", m->name, zt_strerror(got),
		    zt_strerror(want));
}

static void
assert_encodes_to(const struct message *m, enum zt_err want)
{
	static uint8_t buf[ZT_WIRE_MAX];
	size_t len = 77;
	enum zt_err got = m->encode(decoded.bytes, buf, sizeof(buf), &len);

	if (got != want)
		fail_msg("%s: %s, not %s", m->name, zt_strerror(got),
		    zt_strerror(want));
	assert_true(got == ZT_OK || len == 77);
}

static void
assert_same_bytes_again(const struct message *m)
{
	static uint8_t again[ZT_WIRE_MAX];
	size_t len = 0;

	assert_int_equal(m->encode(decoded.bytes, again, sizeof(again), &len),
	    ZT_OK);
	assert_int_equal(len, built_len);
	assert_memory_equal(again, built, len);
}

static void
every_message_round_trips_small_and_at_its_limits(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		for (int full = 0; full < 2; full++) {
			build(m, &(struct plan){ .full = full == 1 });
			assert_true(built_len <= ZT_WIRE_MAX);
			assert_decodes_to(m, ZT_OK);
			assert_same_bytes_again(m);
		}
	}
}

static void
every_truncation_is_refused(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		build(m, &(struct plan){ .full = false });
		for (size_t len = 0; len < built_len; len++)
			assert_int_equal(decode(m, len), ZT_ERR_TRUNCATED);
		build(m, &(struct plan){ .full = true });
		for (size_t cut = 1; cut <= 100 && cut <= built_len; cut++)
			assert_int_equal(decode(m, built_len - cut),
			    ZT_ERR_TRUNCATED);
	}
}

static void
a_trailing_byte_is_refused(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		build(m, &(struct plan){ .full = false });
		put(0, 1);
		assert_decodes_to(m, ZT_ERR_TRAILING);
	}
}

static void
one_over_any_limit_is_refused(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		EACH_FIELD(f, m)
		{
			struct plan plan = { .field = f, .change = ONE_LONGER };

			if (f->kind == STR || f->kind == LIST) {
				build(m, &plan);
				assert_decodes_to(m, ZT_ERR_TOOBIG);
			}
			plan.change = ONE_MORE;
			if (f->kind == NUMBERS || f->kind == LIST) {
				build(m, &plan);
				assert_decodes_to(m, ZT_ERR_TOOBIG);
			}
		}
	}
}

static void
a_nul_in_any_text_is_refused(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		EACH_FIELD(f, m)
		{
			struct plan plan = { .field = f, .change = WITH_NUL };

			if (f->kind != STR && f->kind != LIST)
				continue;
			build(m, &plan);
			assert_decodes_to(m, ZT_ERR_MALFORMED);
		}
	}
}

static void
every_unknown_value_is_refused(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		EACH_FIELD(f, m)
		{
			struct plan plan = { .field = f, .change = VALUE };

			if (f->kind != CHOICE && f->kind != BOOL)
				continue;
			for (unsigned v = 0; v < 256; v++) {
				plan.value = (uint8_t)v;
				build(m, &plan);
				if (v < f->first || v > f->last)
					assert_decodes_to(m, ZT_ERR_MALFORMED);
				else if (m->type != ZT_WIRE_NSS_REQUEST)
					assert_decodes_to(m, ZT_OK);
			}
		}
	}
}

static void
every_other_type_and_version_is_refused(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		build(m, &(struct plan){ .full = false });
		for (unsigned v = 0; v < 256; v++) {
			built[1] = (uint8_t)v;
			assert_decodes_to(m,
			    v == m->type    ? ZT_OK
				: v == 255u ? ZT_ERR_UNAVAIL
					    : ZT_ERR_MALFORMED);
		}
		built[1] = m->type;
		for (unsigned v = 0; v < 256; v++) {
			built[0] = (uint8_t)v;
			assert_decodes_to(m, v == 1 ? ZT_OK : ZT_ERR_VERSION);
		}
	}
}

static void
a_message_over_64_kib_is_refused(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		build(m, &(struct plan){ .full = false });
		memset(built + built_len, 0, ZT_WIRE_MAX);
		built_len = ZT_WIRE_MAX + 1;
		assert_decodes_to(m, ZT_ERR_TOOBIG);
	}
}

static void
every_buffer_too_small_is_refused_by_the_encoder(void **state)
{
	uint8_t buf[128];
	size_t len = 77;

	(void)state;
	EACH_MESSAGE(m)
	{
		build(m, &(struct plan){ .full = false });
		assert_decodes_to(m, ZT_OK);
		assert_true(built_len < sizeof(buf));
		for (size_t cap = 0; cap < built_len; cap++) {
			memset(buf, POISON, sizeof(buf));
			assert_int_equal(m->encode(decoded.bytes, buf, cap,
					     &len),
			    ZT_ERR_TOOBIG);
			assert_int_equal(len, 77);
			for (size_t i = cap; i < sizeof(buf); i++)
				assert_int_equal(buf[i], POISON);
		}
	}
}

/* Decode a good small message, then spoil one field of the struct. */
static void *
spoil(const struct message *m, size_t at)
{
	build(m, &(struct plan){ .full = false });
	assert_decodes_to(m, ZT_OK);
	return decoded.bytes + at;
}

static void
the_encoder_refuses_text_over_a_limit_or_with_nul(void **state)
{
	static char big[70000];

	(void)state;
	memset(big, 'x', sizeof(big));
	EACH_MESSAGE(m)
	{
		EACH_FIELD(f, m)
		{
			if (f->kind != STR && f->kind != LIST)
				continue;
			*(struct zt_str *)spoil(m, f->at) =
			    (struct zt_str){ big, f->last + 1 };
			assert_encodes_to(m, ZT_ERR_TOOBIG);
			*(struct zt_str *)spoil(m, f->at) =
			    (struct zt_str){ "a\0b", 3 };
			assert_encodes_to(m, ZT_ERR_MALFORMED);
		}
	}
}

static void
the_encoder_refuses_a_count_over_its_limit(void **state)
{
	(void)state;
	EACH_MESSAGE(m)
	{
		EACH_FIELD(f, m)
		{
			if (f->kind != NUMBERS && f->kind != LIST)
				continue;
			*(uint16_t *)spoil(m, f->n_at) =
			    (uint16_t)(f->first + 1);
			assert_encodes_to(m, ZT_ERR_TOOBIG);
			*(uint16_t *)spoil(m, f->n_at) = UINT16_MAX;
			assert_encodes_to(m, ZT_ERR_TOOBIG);
		}
	}
}

static void
the_encoder_refuses_a_value_it_does_not_know(void **state)
{
	static const int wrong[] = { -1, 0, 8, 255, 256, 257, 0x10001 };

	(void)state;
	EACH_MESSAGE(m)
	{
		EACH_FIELD(f, m)
		{
			for (size_t i = 0; i < 7 && f->kind == CHOICE; i++) {
				memcpy(spoil(m, f->at), &wrong[i],
				    sizeof(wrong[i]));
				assert_encodes_to(m, ZT_ERR_INVAL);
			}
		}
	}
}

static void
an_nss_request_has_a_name_or_a_number(void **state)
{
	(void)state;
	for (int op = 1; op <= 7; op++) {
		bool by_name = op == 1 || op == 3 || op == 5;
		struct zt_nss_request m = { .op = (enum zt_nss_op)op,
			.name = zt_str("alice"),
			.id = 7 };
		struct zt_nss_request got;
		uint8_t buf[64];
		size_t len;

		assert_int_equal(zt_nss_request_encode(&m, buf, 64, &len),
		    ZT_ERR_INVAL);
		if (by_name)
			m.id = 0;
		else
			m.name = zt_str("");
		assert_int_equal(zt_nss_request_encode(&m, buf, 64, &len),
		    ZT_OK);
		assert_int_equal(zt_nss_request_decode(buf, len, &got), ZT_OK);
		assert_int_equal(got.op, m.op);
		assert_int_equal(got.id, m.id);
		buf[len - 1] = by_name ? 1 : buf[len - 1];
		buf[2] = by_name ? buf[2] : 1; /* now a name is wanted */
		assert_int_equal(zt_nss_request_decode(buf, len, &got),
		    ZT_ERR_MALFORMED);
	}
}

static void
fields_arrive_where_they_belong(void **state)
{
	static uint8_t buf[ZT_WIRE_MAX];
	const struct zt_pam_request sent = { .phase = ZT_PHASE_SESSION_OPEN,
		.service = zt_str("sshd"),
		.user = zt_str("alice"),
		.tty = zt_str("ssh"),
		.rhost = zt_str("client"),
		.connection = zt_str("192.0.2.1 1 192.0.2.2 22"),
		.auth_info = zt_str("publickey x") };
	struct zt_pam_request got;
	size_t len;

	(void)state;
	assert_int_equal(zt_pam_request_encode(&sent, buf, sizeof(buf), &len),
	    ZT_OK);
	assert_int_equal(zt_pam_request_decode(buf, len, &got), ZT_OK);
	assert_int_equal(got.phase, ZT_PHASE_SESSION_OPEN);
	assert_true(zt_str_is(got.service, "sshd"));
	assert_true(zt_str_is(got.user, "alice"));
	assert_true(zt_str_is(got.tty, "ssh"));
	assert_true(zt_str_is(got.rhost, "client"));
	assert_true(zt_str_is(got.connection, "192.0.2.1 1 192.0.2.2 22"));
	assert_true(zt_str_is(got.auth_info, "publickey x"));
}

static void
the_type_is_read_from_any_known_header(void **state)
{
	uint8_t head[2] = { 1, 0 };
	enum zt_wire_type type = ZT_WIRE_ERROR;

	(void)state;
	assert_int_equal(zt_wire_type(head, 0, &type), ZT_ERR_TRUNCATED);
	assert_int_equal(zt_wire_type(head, 1, &type), ZT_ERR_TRUNCATED);
	for (unsigned v = 0; v < 256; v++) {
		bool known = (v >= 1 && v <= 12) || v == 255;

		head[1] = (uint8_t)v;
		type = ZT_WIRE_SCOPE;
		assert_int_equal(zt_wire_type(head, 2, &type),
		    known ? ZT_OK : ZT_ERR_MALFORMED);
		assert_int_equal(type, known ? v : ZT_WIRE_SCOPE);
	}
	head[0] = 2;
	assert_int_equal(zt_wire_type(head, 2, &type), ZT_ERR_VERSION);
}

static void
an_error_message_is_three_bytes(void **state)
{
	uint8_t buf[8];

	(void)state;
	for (uint8_t e = 1; e <= 4; e++) {
		assert_int_equal(zt_wire_error_encode(e, buf, sizeof(buf)), 3);
		assert_int_equal(buf[0], 1);
		assert_int_equal(buf[1], 255);
		assert_int_equal(buf[2], e);
	}
	assert_int_equal(zt_wire_error_encode(1, buf, 2), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_message_round_trips_small_and_at_its_limits),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_trailing_byte_is_refused),
		cmocka_unit_test(one_over_any_limit_is_refused),
		cmocka_unit_test(a_nul_in_any_text_is_refused),
		cmocka_unit_test(every_unknown_value_is_refused),
		cmocka_unit_test(every_other_type_and_version_is_refused),
		cmocka_unit_test(a_message_over_64_kib_is_refused),
		cmocka_unit_test(
		    every_buffer_too_small_is_refused_by_the_encoder),
		cmocka_unit_test(
		    the_encoder_refuses_text_over_a_limit_or_with_nul),
		cmocka_unit_test(the_encoder_refuses_a_count_over_its_limit),
		cmocka_unit_test(the_encoder_refuses_a_value_it_does_not_know),
		cmocka_unit_test(an_nss_request_has_a_name_or_a_number),
		cmocka_unit_test(fields_arrive_where_they_belong),
		cmocka_unit_test(the_type_is_read_from_any_known_header),
		cmocka_unit_test(an_error_message_is_three_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
