/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "decision.h"
#include "zt/auto.h"
#include "zt/client.h"

/* The longest PAM_REPLY; whatever is longer cannot be one. */
#define REPLY_MAX (3 + 2 + ZT_ID_MAX + 2 + ZT_REASON_MAX + 2 + ZT_TEXT_MAX)

static void
decision_take(struct zt_decision *out, const struct zt_pam_reply *reply)
{
	memset(out, 0, sizeof(*out));
	out->verdict = reply->verdict;
	out->answered = true;
	(void)zt_escape(out->id, sizeof(out->id), reply->id);
	(void)zt_escape(out->reason, sizeof(out->reason), reply->reason);
	/* the broker has escaped it; whoever has not gets it done here */
	if (!zt_text_clean(reply->text) ||
	    zt_str_copy(out->text, sizeof(out->text), reply->text) != ZT_OK)
		(void)zt_escape(out->text, sizeof(out->text), reply->text);
}

void
zt_decision_make(struct zt_decision *out, enum zt_verdict verdict,
    const char *code, const char *text)
{
	memset(out, 0, sizeof(*out));
	out->verdict = verdict;
	(void)snprintf(out->reason, sizeof(out->reason), "%s", code);
	(void)snprintf(out->text, sizeof(out->text), "%s (%s)", text, code);
}

void
zt_decision_make_trouble(struct zt_decision *out, enum zt_err err)
{
	const char *code = "error.broker";
	const char *text = "the zt broker does not answer";

	switch (err) {
	case ZT_ERR_TIMEOUT:
		code = "error.broker_timeout";
		text = "the zt broker does not answer in time";
		break;
	case ZT_ERR_IMPOSTOR:
		code = "error.broker_impostor";
		text = "the zt broker's socket is not to be trusted";
		break;
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_TOOBIG:
	case ZT_ERR_VERSION:
		code = "error.broker_reply";
		text = "the zt broker's answer cannot be understood";
		break;
	case ZT_OK:
	case ZT_ERR_NOMEM:
	case ZT_ERR_SYS:
	case ZT_ERR_INVAL:
	case ZT_ERR_NOTFOUND:
	case ZT_ERR_DENIED:
	case ZT_ERR_UNAVAIL:
		break;
	}
	zt_decision_make(out, ZT_VERDICT_UNAVAIL, code, text);
}

enum zt_err
zt_decision_ask(const struct zt_pam_request *request, const char *path,
    unsigned timeout_ms, struct zt_decision *out)
{
	zt_auto_free uint8_t *buf = malloc(ZT_WIRE_MAX);
	uint8_t reply_buf[REPLY_MAX];
	struct zt_pam_reply reply;
	size_t len, reply_len;
	enum zt_err err;

	if (buf == NULL)
		return ZT_ERR_NOMEM;
	if (zt_pam_request_encode(request, buf, ZT_WIRE_MAX, &len) != ZT_OK) {
		zt_decision_make(out, ZT_VERDICT_DENY, "error.request",
		    "a value of this login is too long");
		return ZT_OK;
	}
	if ((err = zt_client_call(path, timeout_ms, buf, len, reply_buf,
		 sizeof(reply_buf), &reply_len)) != ZT_OK)
		return err;
	if ((err = zt_pam_reply_decode(reply_buf, reply_len, &reply)) != ZT_OK)
		return err;
	decision_take(out, &reply);
	return ZT_OK;
}
