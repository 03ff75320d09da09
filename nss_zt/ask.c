/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "zt/client.h"
#include "zt/passwd.h"

#include "ask.h"
#include "map.h"

#define ASK_TIMEOUT_MS  250
#define ASK_REQUEST_MAX 64 /* bytes; an NSS_REQUEST takes 41 at most */

static bool
is_enumeration(enum zt_nss_op op)
{
	return op == ZT_NSS_USER_AT || op == ZT_NSS_GROUP_AT;
}

/* A thread that is cancelled waits for the answer first, or what it holds
 * here would be lost: 250 ms at most. */
static enum zt_err
exchange(const void *req, size_t len, void *reply, size_t cap, size_t *len_out)
{
	int state, ignored;
	enum zt_err err;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	err = zt_client_call(path_socket(), ASK_TIMEOUT_MS, req, len, reply,
	    cap, len_out);
	(void)pthread_setcancelstate(state, &ignored);
	return err;
}

/* Exchange the messages.  ZT_OK: some message but ABSENT stands in buf. */
static enum zt_err
ask(const struct zt_nss_request *req, void *buf, size_t cap, size_t *len_out)
{
	uint8_t msg[ASK_REQUEST_MAX];
	struct zt_nss_absent absent;
	enum zt_wire_type type;
	enum zt_err err;
	size_t len;

	if (is_enumeration(req->op) && req->id >= ASK_ENTRIES_MAX)
		return ZT_ERR_NOTFOUND;
	if ((err = zt_nss_request_encode(req, msg, sizeof(msg), &len)) != ZT_OK)
		return err;
	if ((err = exchange(msg, len, buf, cap, len_out)) != ZT_OK)
		return err;
	if ((err = zt_wire_type(buf, *len_out, &type)) != ZT_OK)
		return err;
	if (type != ZT_WIRE_NSS_ABSENT)
		return ZT_OK;
	if ((err = zt_nss_absent_decode(buf, *len_out, &absent)) != ZT_OK)
		return err;
	return absent.definitive ? ZT_ERR_NOTFOUND : ZT_ERR_UNAVAIL;
}

static bool
same_text(struct zt_str a, struct zt_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* The rules of the snapshot's reader hold for the broker's word as well. */
static bool
id_served(uint32_t id)
{
	return id >= ZT_SNAPSHOT_ID_FLOOR && zt_id_valid(id);
}

static bool
name_served(struct zt_str name)
{
	return zt_name_valid(name) && !zt_str_is(name, "root");
}

/* Does an entry of this name, id and next cursor answer the question? */
static bool
answers(const struct zt_nss_request *req, struct zt_str name, uint32_t id,
    uint32_t next)
{
	if (!name_served(name) || !id_served(id))
		return false;
	switch (req->op) {
	case ZT_NSS_USER_BY_NAME:
	case ZT_NSS_GROUP_BY_NAME:
		return same_text(name, req->name) && next == 0;
	case ZT_NSS_USER_BY_UID:
	case ZT_NSS_GROUP_BY_GID:
		return id == req->id && next == 0;
	case ZT_NSS_USER_AT:
	case ZT_NSS_GROUP_AT:
		return next > req->id; /* or getpwent would never end */
	case ZT_NSS_GIDS_OF_USER:
		break;
	}
	return false;
}

enum zt_err
ask_user(const struct zt_nss_request *req, struct zt_nss_user *out, void *buf,
    size_t cap)
{
	struct zt_nss_user user;
	enum zt_err err;
	size_t len;

	if ((err = ask(req, buf, cap, &len)) != ZT_OK)
		return err;
	if ((err = zt_nss_user_decode(buf, len, &user)) != ZT_OK)
		return err;
	if (!answers(req, user.name, user.uid, user.next) ||
	    !id_served(user.gid) || !zt_field_valid(user.gecos) ||
	    !zt_path_valid(user.home) || !zt_path_valid(user.shell))
		return ZT_ERR_MALFORMED;
	*out = user;
	return ZT_OK;
}

/* *out is the caller's scratch: too large to decode into a copy here. */
enum zt_err
ask_group(const struct zt_nss_request *req, struct zt_nss_group *out, void *buf,
    size_t cap)
{
	enum zt_err err;
	size_t len;

	if ((err = ask(req, buf, cap, &len)) != ZT_OK)
		return err;
	if ((err = zt_nss_group_decode(buf, len, out)) != ZT_OK)
		return err;
	/* no word of the protocol says that the administrator allows it */
	if (!answers(req, out->name, out->gid, out->next) ||
	    zt_group_privileged(out->name))
		return ZT_ERR_MALFORMED;
	for (uint16_t i = 0; i < out->n_members; i++)
		if (!name_served(out->members[i]))
			return ZT_ERR_MALFORMED;
	return ZT_OK;
}

enum zt_err
ask_gids(const struct zt_nss_request *req, struct zt_nss_gids *out, void *buf,
    size_t cap)
{
	enum zt_err err;
	size_t len;

	if ((err = ask(req, buf, cap, &len)) != ZT_OK)
		return err;
	if ((err = zt_nss_gids_decode(buf, len, out)) != ZT_OK)
		return err;
	/* not held against the floor: local groups may be allowed */
	for (uint16_t i = 0; i < out->n; i++)
		if (!zt_id_valid(out->gids[i]))
			return ZT_ERR_MALFORMED;
	return ZT_OK;
}
