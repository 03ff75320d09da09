/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_ERR_H
#define ZT_ERR_H

#define ZT_MUST_USE __attribute__((__warn_unused_result__))

/*
 * Every fallible zt_ function returns one of these and nothing else: never
 * errno, -1, a PAM code or an NSS status.  ZT_OK is 0; all others are failures.
 */
enum zt_err {
	ZT_OK = 0,
	ZT_ERR_NOMEM,     /* allocation failed */
	ZT_ERR_SYS,       /* system call failed; errno is set */
	ZT_ERR_INVAL,     /* caller broke the contract */
	ZT_ERR_TRUNCATED, /* input ended inside a field */
	ZT_ERR_MALFORMED, /* input violates the grammar */
	ZT_ERR_TRAILING,  /* bytes left after the last field */
	ZT_ERR_TOOBIG,    /* a length exceeds its documented limit */
	ZT_ERR_VERSION,   /* the peer speaks another protocol version */
	ZT_ERR_NOTFOUND,  /* no such entry; a definitive answer */
	ZT_ERR_DENIED,    /* refused; a definitive answer */
	ZT_ERR_UNAVAIL,   /* peer unreachable; NOT a definitive answer */
	ZT_ERR_TIMEOUT,   /* deadline passed; NOT a definitive answer */
	ZT_ERR_IMPOSTOR,  /* whoever answers the socket is not the broker */
};

/* Static, NUL-terminated English text for err.  Never NULL; do not free. */
const char *zt_strerror(enum zt_err err);

#endif /* ZT_ERR_H */
