/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/err.h"

const char *
zt_strerror(enum zt_err err)
{
	switch (err) {
	case ZT_OK:
		return "success";
	case ZT_ERR_NOMEM:
		return "out of memory";
	case ZT_ERR_SYS:
		return "system error";
	case ZT_ERR_INVAL:
		return "invalid argument";
	case ZT_ERR_TRUNCATED:
		return "truncated message";
	case ZT_ERR_MALFORMED:
		return "malformed message";
	case ZT_ERR_TRAILING:
		return "trailing data";
	case ZT_ERR_TOOBIG:
		return "length over limit";
	case ZT_ERR_VERSION:
		return "protocol version mismatch";
	case ZT_ERR_NOTFOUND:
		return "not found";
	case ZT_ERR_DENIED:
		return "denied";
	case ZT_ERR_UNAVAIL:
		return "broker unavailable";
	case ZT_ERR_TIMEOUT:
		return "timed out";
	case ZT_ERR_IMPOSTOR:
		return "socket not served by the broker";
	}
	return "unknown error";
}
