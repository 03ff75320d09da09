/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/wire.h"
#include "zt/wr.h"

/*
 * Every message is a header (version, type) and its fields in the order of
 * docs/PROTOCOL.broker.  An encoder and its decoder stand side by side and
 * name the same fields with the same limits.
 */

static void
put_header(struct zt_wr *wr, void *buf, size_t cap, enum zt_wire_type type)
{
	zt_wr_init(wr, buf, cap < ZT_WIRE_MAX ? cap : ZT_WIRE_MAX);
	zt_wr_u8(wr, ZT_WIRE_VERSION);
	zt_wr_u8(wr, (uint8_t)type);
}

static bool
type_is_known(uint8_t type)
{
	return (type >= ZT_WIRE_PAM_REQUEST && type <= ZT_WIRE_SCOPE) ||
	    type == ZT_WIRE_ERROR;
}

/* Read the header; rd fails unless the message is of the wanted type. */
static void
get_header(struct zt_rd *rd, const void *buf, size_t len,
    enum zt_wire_type want)
{
	enum zt_wire_type type = ZT_WIRE_ERROR;
	enum zt_err err = zt_wire_type(buf, len, &type);

	zt_rd_init(rd, buf, len);
	(void)zt_rd_u16(rd);
	if (err != ZT_OK)
		zt_rd_fail(rd, err);
	else if (len > ZT_WIRE_MAX)
		zt_rd_fail(rd, ZT_ERR_TOOBIG);
	else if (type == ZT_WIRE_ERROR)
		zt_rd_fail(rd, ZT_ERR_UNAVAIL);
	else if (type != want)
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
}

/* Read a byte that must lie in [first, last]; the enums have no holes. */
static uint8_t
get_choice(struct zt_rd *rd, uint8_t first, uint8_t last)
{
	uint8_t v = zt_rd_u8(rd);

	if (v < first || v > last)
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
	return v;
}

/* Is v one of [first, last]?  It may come from a caller: any int. */
static bool
is_choice(int v, int first, int last)
{
	return v >= first && v <= last;
}

/* Read a count of at most max. */
static uint16_t
get_count(struct zt_rd *rd, uint16_t max)
{
	uint16_t n = zt_rd_u16(rd);

	if (n <= max)
		return n;
	zt_rd_fail(rd, ZT_ERR_TOOBIG);
	return 0;
}

static void
put_list(struct zt_wr *wr, const struct zt_str *list, uint16_t n, size_t max)
{
	zt_wr_u16(wr, n);
	for (uint16_t i = 0; i < n; i++)
		zt_wr_str16(wr, list[i], max);
}

static uint16_t
get_list(struct zt_rd *rd, struct zt_str *list, uint16_t n_max, size_t max)
{
	uint16_t n = get_count(rd, n_max);

	for (uint16_t i = 0; i < n; i++)
		list[i] = zt_rd_str16(rd, max);
	return n;
}

enum zt_err
zt_wire_type(const void *buf, size_t len, enum zt_wire_type *out)
{
	struct zt_rd rd;
	uint8_t version, type;

	zt_rd_init(&rd, buf, len);
	version = zt_rd_u8(&rd);
	type = zt_rd_u8(&rd);
	if (rd.err != ZT_OK)
		return rd.err;
	if (version != ZT_WIRE_VERSION)
		return ZT_ERR_VERSION;
	if (!type_is_known(type))
		return ZT_ERR_MALFORMED;
	*out = (enum zt_wire_type)type;
	return ZT_OK;
}

size_t
zt_wire_error_encode(enum zt_wire_error error, void *buf, size_t cap)
{
	struct zt_wr wr;
	size_t len = 0;

	put_header(&wr, buf, cap, ZT_WIRE_ERROR);
	zt_wr_u8(&wr, (uint8_t)error);
	return zt_wr_end(&wr, &len) == ZT_OK ? len : 0;
}

enum zt_err
zt_pam_request_encode(const struct zt_pam_request *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	if (!is_choice((int)m->phase, ZT_PHASE_AUTH, ZT_PHASE_SESSION_CLOSE))
		return ZT_ERR_INVAL;
	put_header(&wr, buf, cap, ZT_WIRE_PAM_REQUEST);
	zt_wr_u8(&wr, (uint8_t)m->phase);
	zt_wr_str16(&wr, m->service, ZT_SERVICE_MAX);
	zt_wr_str16(&wr, m->user, ZT_USER_MAX);
	zt_wr_str16(&wr, m->tty, ZT_TTY_MAX);
	zt_wr_str16(&wr, m->rhost, ZT_RHOST_MAX);
	zt_wr_str16(&wr, m->connection, ZT_CONNECTION_MAX);
	zt_wr_str16(&wr, m->auth_info, ZT_AUTH_INFO_MAX);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_pam_request_decode(const void *buf, size_t len, struct zt_pam_request *out)
{
	struct zt_pam_request m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_PAM_REQUEST);
	m.phase = get_choice(&rd, ZT_PHASE_AUTH, ZT_PHASE_SESSION_CLOSE);
	m.service = zt_rd_str16(&rd, ZT_SERVICE_MAX);
	m.user = zt_rd_str16(&rd, ZT_USER_MAX);
	m.tty = zt_rd_str16(&rd, ZT_TTY_MAX);
	m.rhost = zt_rd_str16(&rd, ZT_RHOST_MAX);
	m.connection = zt_rd_str16(&rd, ZT_CONNECTION_MAX);
	m.auth_info = zt_rd_str16(&rd, ZT_AUTH_INFO_MAX);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_pam_reply_encode(const struct zt_pam_reply *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	if (!is_choice((int)m->verdict, ZT_VERDICT_DENY, ZT_VERDICT_UNAVAIL))
		return ZT_ERR_INVAL;
	put_header(&wr, buf, cap, ZT_WIRE_PAM_REPLY);
	zt_wr_u8(&wr, (uint8_t)m->verdict);
	zt_wr_str16(&wr, m->id, ZT_ID_MAX);
	zt_wr_str16(&wr, m->reason, ZT_REASON_MAX);
	zt_wr_str16(&wr, m->text, ZT_TEXT_MAX);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_pam_reply_decode(const void *buf, size_t len, struct zt_pam_reply *out)
{
	struct zt_pam_reply m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_PAM_REPLY);
	m.verdict = get_choice(&rd, ZT_VERDICT_DENY, ZT_VERDICT_UNAVAIL);
	m.id = zt_rd_str16(&rd, ZT_ID_MAX);
	m.reason = zt_rd_str16(&rd, ZT_REASON_MAX);
	m.text = zt_rd_str16(&rd, ZT_TEXT_MAX);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_principals_request_encode(const struct zt_principals_request *m, void *buf,
    size_t cap, size_t *len_out)
{
	struct zt_wr wr;

	put_header(&wr, buf, cap, ZT_WIRE_PRINCIPALS_REQUEST);
	zt_wr_str16(&wr, m->account, ZT_USER_MAX);
	zt_wr_str16(&wr, m->credential, ZT_CREDENTIAL_MAX);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_principals_request_decode(const void *buf, size_t len,
    struct zt_principals_request *out)
{
	struct zt_principals_request m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_PRINCIPALS_REQUEST);
	m.account = zt_rd_str16(&rd, ZT_USER_MAX);
	m.credential = zt_rd_str16(&rd, ZT_CREDENTIAL_MAX);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_principals_reply_encode(const struct zt_principals_reply *m, void *buf,
    size_t cap, size_t *len_out)
{
	struct zt_wr wr;

	if (m->n > ZT_PRINCIPALS_MAX)
		return ZT_ERR_TOOBIG;
	put_header(&wr, buf, cap, ZT_WIRE_PRINCIPALS_REPLY);
	put_list(&wr, m->principals, m->n, ZT_PRINCIPAL_MAX);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_principals_reply_decode(const void *buf, size_t len,
    struct zt_principals_reply *out)
{
	struct zt_principals_reply m = { 0 };
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_PRINCIPALS_REPLY);
	m.n = get_list(&rd, m.principals, ZT_PRINCIPALS_MAX, ZT_PRINCIPAL_MAX);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

/* A lookup goes by name or by number; the other field is empty. */
static bool
nss_request_is_clean(const struct zt_nss_request *m)
{
	switch (m->op) {
	case ZT_NSS_USER_BY_NAME:
	case ZT_NSS_GROUP_BY_NAME:
	case ZT_NSS_GIDS_OF_USER:
		return m->id == 0;
	case ZT_NSS_USER_BY_UID:
	case ZT_NSS_GROUP_BY_GID:
	case ZT_NSS_USER_AT:
	case ZT_NSS_GROUP_AT:
		return m->name.len == 0;
	}
	return false;
}

enum zt_err
zt_nss_request_encode(const struct zt_nss_request *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	if (!nss_request_is_clean(m))
		return ZT_ERR_INVAL;
	put_header(&wr, buf, cap, ZT_WIRE_NSS_REQUEST);
	zt_wr_u8(&wr, (uint8_t)m->op);
	zt_wr_str16(&wr, m->name, ZT_NAME_MAX);
	zt_wr_u32(&wr, m->id);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_nss_request_decode(const void *buf, size_t len, struct zt_nss_request *out)
{
	struct zt_nss_request m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_NSS_REQUEST);
	m.op = get_choice(&rd, ZT_NSS_USER_BY_NAME, ZT_NSS_GROUP_AT);
	m.name = zt_rd_str16(&rd, ZT_NAME_MAX);
	m.id = zt_rd_u32(&rd);
	if (!nss_request_is_clean(&m))
		zt_rd_fail(&rd, ZT_ERR_MALFORMED);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_nss_user_encode(const struct zt_nss_user *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	put_header(&wr, buf, cap, ZT_WIRE_NSS_USER);
	zt_wr_u32(&wr, m->next);
	zt_wr_u32(&wr, m->uid);
	zt_wr_u32(&wr, m->gid);
	zt_wr_str16(&wr, m->name, ZT_NAME_MAX);
	zt_wr_str16(&wr, m->gecos, ZT_GECOS_MAX);
	zt_wr_str16(&wr, m->home, ZT_PATH_MAX);
	zt_wr_str16(&wr, m->shell, ZT_PATH_MAX);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_nss_user_decode(const void *buf, size_t len, struct zt_nss_user *out)
{
	struct zt_nss_user m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_NSS_USER);
	m.next = zt_rd_u32(&rd);
	m.uid = zt_rd_u32(&rd);
	m.gid = zt_rd_u32(&rd);
	m.name = zt_rd_str16(&rd, ZT_NAME_MAX);
	m.gecos = zt_rd_str16(&rd, ZT_GECOS_MAX);
	m.home = zt_rd_str16(&rd, ZT_PATH_MAX);
	m.shell = zt_rd_str16(&rd, ZT_PATH_MAX);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_nss_group_encode(const struct zt_nss_group *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	if (m->n_members > ZT_MEMBERS_MAX)
		return ZT_ERR_TOOBIG;
	put_header(&wr, buf, cap, ZT_WIRE_NSS_GROUP);
	zt_wr_u32(&wr, m->next);
	zt_wr_u32(&wr, m->gid);
	zt_wr_str16(&wr, m->name, ZT_NAME_MAX);
	put_list(&wr, m->members, m->n_members, ZT_NAME_MAX);
	return zt_wr_end(&wr, len_out);
}

/* Read a group into *out, or only check it if out is NULL. */
static enum zt_err
group_read(const void *buf, size_t len, struct zt_nss_group *out)
{
	struct zt_str name, member;
	struct zt_rd rd;
	uint32_t next, gid;
	uint16_t n;

	get_header(&rd, buf, len, ZT_WIRE_NSS_GROUP);
	next = zt_rd_u32(&rd);
	gid = zt_rd_u32(&rd);
	name = zt_rd_str16(&rd, ZT_NAME_MAX);
	n = get_count(&rd, ZT_MEMBERS_MAX);
	for (uint16_t i = 0; i < n; i++) {
		member = zt_rd_str16(&rd, ZT_NAME_MAX);
		if (out != NULL)
			out->members[i] = member;
	}
	if (out != NULL) {
		out->next = next;
		out->gid = gid;
		out->name = name;
		out->n_members = n;
	}
	return zt_rd_end(&rd);
}

/* Check first, then read: a copy is too big for the stack of a thread. */
enum zt_err
zt_nss_group_decode(const void *buf, size_t len, struct zt_nss_group *out)
{
	enum zt_err err;

	if ((err = group_read(buf, len, NULL)) != ZT_OK)
		return err;
	return group_read(buf, len, out);
}

enum zt_err
zt_nss_gids_encode(const struct zt_nss_gids *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	if (m->n > ZT_GIDS_MAX)
		return ZT_ERR_TOOBIG;
	put_header(&wr, buf, cap, ZT_WIRE_NSS_GIDS);
	zt_wr_u16(&wr, m->n);
	for (uint16_t i = 0; i < m->n; i++)
		zt_wr_u32(&wr, m->gids[i]);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_nss_gids_decode(const void *buf, size_t len, struct zt_nss_gids *out)
{
	struct zt_rd rd;
	uint16_t n;

	get_header(&rd, buf, len, ZT_WIRE_NSS_GIDS);
	n = get_count(&rd, ZT_GIDS_MAX);
	/* fixed-size items: one look at the length replaces a second pass */
	if (rd.err == ZT_OK && zt_rd_left(&rd) != (size_t)n * 4)
		zt_rd_fail(&rd,
		    zt_rd_left(&rd) < (size_t)n * 4 ? ZT_ERR_TRUNCATED
						    : ZT_ERR_TRAILING);
	if (rd.err != ZT_OK)
		return rd.err;
	out->n = n;
	for (uint16_t i = 0; i < n; i++)
		out->gids[i] = zt_rd_u32(&rd);
	return zt_rd_end(&rd);
}

enum zt_err
zt_nss_absent_encode(const struct zt_nss_absent *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	put_header(&wr, buf, cap, ZT_WIRE_NSS_ABSENT);
	zt_wr_u8(&wr, m->definitive ? 1 : 0);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_nss_absent_decode(const void *buf, size_t len, struct zt_nss_absent *out)
{
	struct zt_nss_absent m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_NSS_ABSENT);
	m.definitive = get_choice(&rd, 0, 1) == 1;
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_ctl_request_encode(const struct zt_ctl_request *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	put_header(&wr, buf, cap, ZT_WIRE_CTL_REQUEST);
	zt_wr_str16(&wr, m->command, ZT_COMMAND_MAX);
	zt_wr_str16(&wr, m->argument, ZT_ARGUMENT_MAX);
	zt_wr_u32(&wr, m->cursor);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_ctl_request_decode(const void *buf, size_t len, struct zt_ctl_request *out)
{
	struct zt_ctl_request m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_CTL_REQUEST);
	m.command = zt_rd_str16(&rd, ZT_COMMAND_MAX);
	m.argument = zt_rd_str16(&rd, ZT_ARGUMENT_MAX);
	m.cursor = zt_rd_u32(&rd);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_ctl_reply_encode(const struct zt_ctl_reply *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	put_header(&wr, buf, cap, ZT_WIRE_CTL_REPLY);
	zt_wr_u8(&wr, m->ok ? 1 : 0);
	zt_wr_u32(&wr, m->next);
	zt_wr_str16(&wr, m->json, ZT_JSON_MAX);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_ctl_reply_decode(const void *buf, size_t len, struct zt_ctl_reply *out)
{
	struct zt_ctl_reply m;
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_CTL_REPLY);
	m.ok = get_choice(&rd, 0, 1) == 1;
	m.next = zt_rd_u32(&rd);
	m.json = zt_rd_str16(&rd, ZT_JSON_MAX);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}

enum zt_err
zt_scope_encode(const struct zt_scope *m, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_wr wr;

	if (m->n_services > ZT_SCOPE_MAX || m->n_exempt > ZT_SCOPE_MAX)
		return ZT_ERR_TOOBIG;
	put_header(&wr, buf, cap, ZT_WIRE_SCOPE);
	put_list(&wr, m->services, m->n_services, ZT_SERVICE_MAX);
	put_list(&wr, m->exempt, m->n_exempt, ZT_EXEMPT_MAX);
	return zt_wr_end(&wr, len_out);
}

enum zt_err
zt_scope_decode(const void *buf, size_t len, struct zt_scope *out)
{
	struct zt_scope m = { 0 };
	struct zt_rd rd;
	enum zt_err err;

	get_header(&rd, buf, len, ZT_WIRE_SCOPE);
	m.n_services = get_list(&rd, m.services, ZT_SCOPE_MAX, ZT_SERVICE_MAX);
	m.n_exempt = get_list(&rd, m.exempt, ZT_SCOPE_MAX, ZT_EXEMPT_MAX);
	if ((err = zt_rd_end(&rd)) == ZT_OK)
		*out = m;
	return err;
}
