/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SAY_H
#define ZTD_SAY_H

#include <syslog.h>

/*
 * Say one line to the administrator: on stderr, which systemd carries into
 * the journal with its priority, and which is a terminal when run by hand.
 *
 * priority  LOG_ERR, LOG_WARNING, LOG_NOTICE or LOG_INFO
 *
 * Text from outside is passed through zt_escape() by the caller.
 */
__attribute__((__format__(__printf__, 2, 3))) void
say(int priority, const char *format, ...);

/* Call once, before the environment is cleared. */
void say_init(void);

#endif /* ZTD_SAY_H */
