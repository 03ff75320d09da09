/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "zt/sshsig.h"
#include "zt/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The signer of corpus/sshsig/; its private key is gone. */
static const char signer[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH68Mrig1oCtvQg7aiHKwnUoxpB6LfKM1fQKBG6EqQSq\n";

/*
 * A document is a signature and a message, in that order and nothing lost;
 * and the only message that may verify is the one that was signed.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zt_ca_set *signers;
	const struct zt_str document = { (const char *)data, size };
	struct zt_str armor, message;
	const char *why = NULL;
	unsigned line;

	if (signers == NULL &&
	    zt_ca_set_parse(zt_str(signer), &signers, &line) != ZT_OK)
		abort();
	if (zt_sshsig_cut(document, &armor, &message) != ZT_OK)
		return 0;
	if (armor.p != document.p || message.p != armor.p + armor.len ||
	    armor.len + message.len != size)
		abort();
	if ((zt_sshsig_verify(armor, message, "users@zt", signers, &why) ==
		ZT_OK) != (why == NULL))
		abort();
	if (why == NULL && !zt_str_is(message, "hello\n"))
		abort();
	return 0;
}
