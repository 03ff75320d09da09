/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "bearer.h"
#include "bundle_state.h"
#include "fetch.h"
#include "say.h"
#include "source.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/file.h"
#include "zt/text.h"

/*
 * All users and groups in one signed document at a URL.  Its signature is
 * verified before anything else in it is read; the version of the last one
 * accepted is the least that is accepted next, over restarts too.
 */

#define BATCH       1000  /* records between two looks at other events */
#define SIGNERS_MAX 65536 /* the file, bytes */
#define DIGEST_LEN  32    /* SHA-256 */

/* A document, verified. */
struct document {
	char *text; /* owned */
	size_t len;
	struct zt_bundle bundle;    /* borrows from text */
	uint8_t digest[DIGEST_LEN]; /* of what was signed */
	char etag[FETCH_ETAG_MAX];
};

/* A document as the state file has it: nobody vouches for it. */
struct kept {
	char *text; /* owned; NULL: there is none */
	size_t len;
	int64_t synced_ms;
	char etag[FETCH_ETAG_MAX];
};

struct bundle {
	struct source *source;
	struct fetch *fetch;   /* NULL: none under way */
	struct bearer *bearer; /* owned; NULL: none is configured */
	char *signers;         /* owned; the file as this sync reads it */
	/* the last document accepted; version 0: none */
	struct zt_bundle_head last;
	bool last_known; /* the state file said so, or there is none */
	uint8_t digest[DIGEST_LEN];
	bool digest_known; /* not if it came damaged from disk, or its signer
			      is none any more */
	char etag[FETCH_ETAG_MAX];
	char *last_signers; /* owned; who vouched for it; NULL: nobody yet */
	/* its set, to be compared alone; NULL: of one before it, which is what
	 * a restart began with */
	const struct zt_set *last_set;
	/* the one being read */
	struct document doc;
	struct zt_set *set; /* owned */
	size_t total;       /* lines in it */
	sd_event_source *work;
};

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
document_clear(struct document *doc)
{
	free(doc->text);
	*doc = (struct document){ 0 };
}

static void
kept_clear(struct kept *kept)
{
	free(kept->text);
}

/* ---- verifying ---- */

/*
 * Verify a document against the signers, and begin to read it.
 *
 * text  taken over on success
 */
static enum zt_err
document_open(struct document *doc, char *text, size_t len,
    const char *signers_text, const char **why_out)
{
	zt_auto(casp_free) struct zt_ca_set *signers = NULL;
	struct document d = { .text = text, .len = len };
	unsigned line;
	enum zt_err err;

	*why_out = "no keys of signers";
	err = zt_ca_set_parse(zt_str(signers_text), &signers, &line);
	if (err != ZT_OK)
		return err;
	err = zt_bundle_open((struct zt_str){ text, len }, signers, &d.bundle,
	    why_out);
	if (err != ZT_OK)
		return err;
	*doc = d;
	return ZT_OK;
}

/* A digest of what was signed: the signature may be made anew. */
static enum zt_err
document_digest(const char *text, size_t len, uint8_t out[DIGEST_LEN])
{
	struct zt_str signature, message;
	enum zt_err err;

	err = zt_sshsig_cut((struct zt_str){ text, len }, &signature, &message);
	if (err != ZT_OK)
		return err;
	if (EVP_Digest(message.p, message.len, out, NULL, EVP_sha256(), NULL) !=
	    1)
		return ZT_ERR_NOMEM;
	return ZT_OK;
}

/* ---- what is remembered ---- */

static enum zt_err
signers_load(const struct bundle *b, char **out, size_t *len_out)
{
	struct stat st;

	return zt_file_read(b->source->conf->signers_file, 0, SIGNERS_MAX, out,
	    len_out, &st);
}

/* Its version counts even if its signer is none any more. */
static enum zt_err
remember(struct bundle *b, const char *text, size_t len)
{
	struct zt_str signature, message;
	struct zt_bundle bundle;
	const char *why;
	enum zt_err err;

	err = zt_sshsig_cut((struct zt_str){ text, len }, &signature, &message);
	if (err != ZT_OK ||
	    (err = zt_bundle_begin(message, &bundle, &why)) != ZT_OK ||
	    (err = document_digest(text, len, b->digest)) != ZT_OK)
		return err;
	b->last = bundle.head;
	return ZT_OK;
}

/* Read what the last document was.  If there is none, any may be the first;
 * if there is one that says nothing, none may. */
static enum zt_err
recall(struct bundle *b, struct kept *kept)
{
	enum zt_err err = bundle_state_read(b->source->state_file, &kept->text,
	    &kept->len, &kept->synced_ms, kept->etag);

	if (err == ZT_OK)
		err = remember(b, kept->text, kept->len);
	else if (err == ZT_ERR_SYS && errno == ENOENT)
		err = ZT_OK;
	b->last_known = err == ZT_OK;
	return err;
}

static void
fail_unknown(struct bundle *b, enum zt_err err)
{
	source_fail(b->source,
	    "%s: %s: the version of the last bundle is not known, so none is "
	    "taken: mend the file, or remove it to take any version",
	    b->source->state_file,
	    err == ZT_ERR_SYS          ? strerror(errno)
		: err == ZT_ERR_DENIED ? "not a file of ztd's or root's alone"
		: err == ZT_ERR_NOMEM  ? zt_strerror(err)
				       : "no bundle");
}

/*
 * Is known which document was the last?  An administrator who removes the
 * state file wants it forgotten.
 */
static bool
last_known(struct bundle *b)
{
	zt_auto(kept_clear) struct kept kept = { 0 };
	enum zt_err err;

	if (b->last_known &&
	    (access(b->source->state_file, F_OK) == 0 || errno != ENOENT))
		return true;
	b->last = (struct zt_bundle_head){ 0 };
	b->digest_known = false;
	b->etag[0] = '\0';
	if ((err = recall(b, &kept)) != ZT_OK)
		fail_unknown(b, err);
	return err == ZT_OK;
}

/* Whoever holds the server could keep hosts at such a document for good. */
static void
endless_warn(struct bundle *b)
{
	source_warn(b->source,
	    b->last.expires_s != INT64_MAX
		? NULL
		: "its bundle never expires, so nobody will notice should the "
		  "server hold the next one back: make it anew with ztctl "
		  "identity bundle");
}

static enum zt_err
set_read(struct document *doc, struct zt_set **out)
{
	zt_auto(setp_free) struct zt_set *set = NULL;
	enum zt_err err;

	if ((err = zt_set_new(&set)) != ZT_OK ||
	    (err = zt_bundle_read(&doc->bundle, SIZE_MAX, set)) != ZT_OK ||
	    (err = zt_set_seal(set)) != ZT_OK)
		return err;
	*out = zt_take(set);
	return ZT_OK;
}

/*
 * The last document did not come into force before we ended: the one before it
 * goes on.  The last one's version still counts, and without its ETag it comes
 * again.
 */
static enum zt_err
fall_back(struct bundle *b, struct kept *kept)
{
	struct kept before = { 0 };
	enum zt_err err;

	err = bundle_state_read_kept(b->source->state_file, &before.text,
	    &before.len, &before.synced_ms);
	if (err == ZT_ERR_SYS && errno == ENOENT)
		return ZT_ERR_NOTFOUND;
	if (err != ZT_OK)
		return err;
	kept_clear(kept);
	*kept = before;
	return ZT_OK;
}

/* Errors: NOMEM alone; the first sync says what is wrong with the state, and
 * fetches what cannot be restored. */
static enum zt_err
restore(struct bundle *b)
{
	struct source *s = b->source;
	zt_auto(kept_clear) struct kept kept = { 0 };
	zt_auto_free char *signers = NULL;
	zt_auto(document_clear) struct document doc = { 0 };
	struct zt_set *set;
	const char *why;
	enum zt_err err, older;
	size_t len;

	if ((err = recall(b, &kept)) != ZT_OK || kept.text == NULL ||
	    (err = signers_load(b, &signers, &len)) != ZT_OK)
		return err == ZT_ERR_NOMEM ? err : ZT_OK;
	older = fall_back(b, &kept);
	if (older != ZT_OK && older != ZT_ERR_NOTFOUND)
		return older == ZT_ERR_NOMEM ? older : ZT_OK;
	if (document_open(&doc, kept.text, kept.len, signers, &why) != ZT_OK) {
		say(LOG_WARNING, "source %s: %s%s is not restored: %s",
		    s->conf->name, s->state_file,
		    older == ZT_OK ? ".before" : "", why);
		return ZT_OK;
	}
	kept.text = NULL;
	if ((err = set_read(&doc, &set)) != ZT_OK)
		return err == ZT_ERR_NOMEM ? err : ZT_OK;
	memcpy(b->etag, kept.etag, sizeof(b->etag));
	b->digest_known = true;
	b->last_signers = zt_take(signers);
	b->last_set = older == ZT_OK ? NULL : set;
	endless_warn(b);
	source_restore(s, set, kept.synced_ms);
	return ZT_OK;
}

/* The document being read is the last one from now on. */
static enum zt_err
accept_document(struct bundle *b)
{
	struct document *doc = &b->doc;
	enum zt_err err;

	err = bundle_state_write(b->source->state_file, doc->text, doc->len,
	    doc->etag);
	if (err != ZT_OK)
		return err;
	b->last = doc->bundle.head;
	endless_warn(b);
	memcpy(b->digest, doc->digest, sizeof(b->digest));
	b->digest_known = true;
	memcpy(b->etag, doc->etag, sizeof(b->etag));
	free(b->last_signers);
	b->last_signers = zt_take(b->signers);
	document_clear(doc);
	return ZT_OK;
}

/* ---- reading ---- */

static void
fail_write(struct bundle *b, enum zt_err err)
{
	source_fail(b->source, "%s: %s: make room there", b->source->state_file,
	    err == ZT_ERR_SYS ? strerror(errno) : zt_strerror(err));
}

static void
fail_read(struct bundle *b, enum zt_err err)
{
	document_clear(&b->doc);
	if (err == ZT_ERR_TOOBIG)
		source_fail(b->source,
		    "%s: more than %d records: split it over two sources",
		    b->source->conf->url, ZT_SET_MAX);
	else
		source_fail(b->source, "%s: %s", b->source->conf->url,
		    zt_strerror(err));
}

static void
read_end(struct bundle *b)
{
	enum zt_err err;

	if ((err = zt_set_seal(b->set)) != ZT_OK) {
		fail_read(b, err);
		return;
	}
	if ((err = bundle_state_keep(b->source->state_file)) != ZT_OK ||
	    (err = accept_document(b)) != ZT_OK) {
		fail_write(b, err);
		return;
	}
	b->last_set = b->set;
	source_done(b->source, zt_take(b->set));
}

static void
bundle_in_force(struct source *s)
{
	const struct bundle *b = s->priv;

	if (source_in_force(s) == b->last_set)
		bundle_state_settle(s->state_file);
}

/* Some records, then whoever else has waited. */
static int
on_work(sd_event_source *work, void *arg)
{
	struct bundle *b = arg;
	struct zt_bundle *bundle = &b->doc.bundle;
	enum zt_err err = zt_bundle_read(bundle, BATCH, b->set);

	source_progress(b->source, bundle->line - 1, b->total);
	if (err != ZT_OK)
		fail_read(b, err);
	else if (bundle->rest.len == 0)
		read_end(b);
	else
		(void)sd_event_source_set_enabled(work, SD_EVENT_ONESHOT);
	return 0;
}

static void
read_begin(struct bundle *b)
{
	struct zt_str rest = b->doc.bundle.rest;
	const char *end;
	enum zt_err err;

	zt_set_free(b->set);
	b->set = NULL;
	if ((err = zt_set_new(&b->set)) != ZT_OK) {
		fail_read(b, err);
		return;
	}
	for (b->total = 0;
	     rest.len > 0 && (end = memchr(rest.p, '\n', rest.len)) != NULL;
	     b->total++) {
		rest.len -= (size_t)(end + 1 - rest.p);
		rest.p = end + 1;
	}
	(void)sd_event_source_set_enabled(b->work, SD_EVENT_ONESHOT);
}

/* ---- judging ---- */

static void
fail_follows(struct bundle *b, struct zt_bundle_head head, const char *why)
{
	const struct source *s = b->source;

	if (head.expires_s <= stamp_now_ms() / 1000)
		source_fail(b->source, "%s: %s: publish a new one",
		    s->conf->url, why);
	else
		source_fail(b->source,
		    "%s: %s (%" PRId64 " after %" PRId64 "): publish a higher "
		    "version, or remove %s if this one is meant",
		    s->conf->url, why, head.version, b->last.version,
		    s->state_file);
}

/* Verify what came; keep it in b->doc. */
static enum zt_err
document_take(struct bundle *b, const struct fetch_answer *answer,
    const char **why_out)
{
	zt_auto_free char *text = malloc(answer->len + 1);
	enum zt_err err;

	*why_out = zt_strerror(ZT_ERR_NOMEM);
	if (text == NULL)
		return ZT_ERR_NOMEM;
	memcpy(text, answer->body, answer->len + 1);
	document_clear(&b->doc);
	err = document_open(&b->doc, text, answer->len, b->signers, why_out);
	if (err != ZT_OK)
		return err;
	text = NULL;
	memcpy(b->doc.etag, answer->etag, strlen(answer->etag) + 1);
	return document_digest(b->doc.text, b->doc.len, b->doc.digest);
}

/* Do those who may sign vouch for the last document? */
static bool
signers_same(const struct bundle *b)
{
	return b->last_signers != NULL &&
	    strcmp(b->last_signers, b->signers) == 0;
}

/* The last document once more, perhaps signed anew. */
static void
on_known(struct bundle *b)
{
	enum zt_err err = ZT_OK;

	if (signers_same(b) && strcmp(b->doc.etag, b->etag) == 0)
		bundle_state_touch(b->source->state_file);
	else
		err = accept_document(b);
	document_clear(&b->doc);
	if (err != ZT_OK)
		fail_write(b, err);
	else
		source_same(b->source);
}

/* May what came follow the last one?  With the content of that unknown its
 * version may come again. */
static enum zt_err
document_judge(const struct bundle *b, bool same, const char **why_out)
{
	return zt_bundle_follows(&b->doc.bundle.head, b->last.version,
	    same || !b->digest_known, stamp_now_ms() / 1000, why_out);
}

static void
on_document(struct bundle *b, const struct fetch_answer *answer)
{
	const struct conf_source *conf = b->source->conf;
	struct zt_bundle_head head;
	const char *why;
	enum zt_err err;
	bool same;

	err = document_take(b, answer, &why);
	if (err == ZT_ERR_NOMEM) {
		fail_read(b, err);
		return;
	}
	if (err != ZT_OK) {
		source_fail(b->source,
		    "%s: %s: make and sign it with ztctl identity bundle, by "
		    "a key of %s",
		    conf->url, why, conf->signers_file);
		return;
	}
	head = b->doc.bundle.head;
	same = b->digest_known &&
	    memcmp(b->doc.digest, b->digest, sizeof(b->digest)) == 0;
	if (document_judge(b, same, &why) != ZT_OK) {
		document_clear(&b->doc);
		fail_follows(b, head, why);
		return;
	}
	if (!same || b->last_set == NULL)
		read_begin(b);
	else
		on_known(b);
}

static void
on_same(struct bundle *b)
{
	const char *why;

	if (zt_bundle_follows(&b->last, b->last.version, true,
		stamp_now_ms() / 1000, &why) != ZT_OK) {
		fail_follows(b, b->last, why);
		return;
	}
	bundle_state_touch(b->source->state_file);
	source_same(b->source);
}

/* What helps against a status. */
static const char *
status_help(const struct bundle *b, int status)
{
	if (status == 401 || status == 403)
		return b->bearer != NULL ? "renew bearer_file"
					 : "set bearer_file, or let it be read";
	if (status >= 300 && status < 400)
		return "no redirect is followed: set url to where it leads";
	if (status == 404 || status == 410)
		return "correct url, or publish the bundle there";
	return "see the server's log";
}

static void
on_answer(void *arg, const struct fetch_answer *answer)
{
	struct bundle *b = arg;
	const char *url = b->source->conf->url;

	b->fetch = NULL;
	if (answer->status == 0)
		source_fail(b->source, "%s: %s: check url, ca_file and server",
		    url, answer->error);
	else if (answer->status == 200)
		on_document(b, answer);
	else if (answer->status == 304 && signers_same(b))
		on_same(b);
	else
		source_fail(b->source, "%s: HTTP %d: %s", url, answer->status,
		    status_help(b, answer->status));
}

/* ---- asking ---- */

/* Read who may sign; a rotation needs no restart. */
static bool
signers_read(struct bundle *b)
{
	const char *path = b->source->conf->signers_file;
	zt_auto(casp_free) struct zt_ca_set *signers = NULL;
	unsigned line = 0;
	enum zt_err err;
	size_t len;

	free(b->signers);
	b->signers = NULL;
	err = signers_load(b, &b->signers, &len);
	if (err == ZT_OK)
		err = zt_ca_set_parse((struct zt_str){ b->signers, len },
		    &signers, &line);
	if (err == ZT_OK)
		return true;
	source_fail(b->source,
	    "%s, line %u: %s: it needs the public keys that may sign, one on "
	    "each line",
	    path, line,
	    err == ZT_ERR_SYS          ? strerror(errno)
		: err == ZT_ERR_DENIED ? "others may write to it"
				       : zt_strerror(err));
	return false;
}

static void
bundle_sync(struct source *s)
{
	struct bundle *b = s->priv;
	struct fetch_request request = { .url = s->conf->url,
		.ca_file = s->conf->ca_file,
		.timeout_ms = s->conf->timeout_ms,
		.body_max = ZT_BUNDLE_MAX };
	enum zt_err err;

	if (!last_known(b) || !signers_read(b))
		return;
	/* a document that others vouched for is looked at again */
	request.etag = signers_same(b) ? b->etag : NULL;
	if (b->bearer != NULL &&
	    (err = bearer_get(b->bearer, &request.bearer)) != ZT_OK) {
		source_fail(s, "%s: %s: put the token there",
		    s->conf->bearer_file,
		    err == ZT_ERR_SYS ? strerror(errno) : zt_strerror(err));
		return;
	}
	err = fetch_start(s->fetcher, &request, on_answer, b, &b->fetch);
	if (err != ZT_OK)
		source_fail(s, "%s: %s: check url and ca_file", s->conf->url,
		    zt_strerror(err));
}

/* ---- life ---- */

static void
bundle_destroy(struct source *s)
{
	struct bundle *b = s->priv;

	if (b == NULL)
		return;
	s->priv = NULL;
	fetch_cancel(b->fetch);
	(void)sd_event_source_disable_unref(b->work);
	bearer_free(b->bearer);
	document_clear(&b->doc);
	zt_set_free(b->set);
	free(b->signers);
	free(b->last_signers);
	free(b);
}

static enum zt_err
bundle_create(struct source *s)
{
	struct bundle *b = calloc(1, sizeof(*b));
	enum zt_err err;

	if (b == NULL)
		return ZT_ERR_NOMEM;
	b->source = s;
	s->priv = b; /* destroy() frees it */
	if (s->conf->bearer_file != NULL &&
	    (err = bearer_new(s->conf->bearer_file, &b->bearer)) != ZT_OK)
		return err;
	if (sd_event_add_defer(s->event, &b->work, on_work, b) < 0 ||
	    sd_event_source_set_enabled(b->work, SD_EVENT_OFF) < 0 ||
	    sd_event_source_set_priority(b->work, SD_EVENT_PRIORITY_IDLE) < 0)
		return ZT_ERR_SYS;
	return restore(b);
}

const struct source_type source_bundle = { .name = "bundle",
	.remote = true,
	.create = bundle_create,
	.sync = bundle_sync,
	.in_force = bundle_in_force,
	.destroy = bundle_destroy };
