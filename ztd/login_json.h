/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_LOGIN_JSON_H
#define ZTD_LOGIN_JSON_H

#include <jansson.h>

#include "logins.h"

/*
 * What the file of an open session keeps; the certificate in base64, as sshd
 * gave it.  Owned by the caller; NULL if memory is out.
 */
json_t *login_to_json(const struct login *login);

/* Fill an empty entry from its file; false if the file is not ours. */
bool login_from_json(struct login *login, const json_t *obj);

/* An open session as ztctl shows it; owned by the caller, NULL likewise. */
json_t *login_describe(const struct login *login);

#endif /* ZTD_LOGIN_JSON_H */
