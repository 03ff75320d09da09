/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "options.h"
#include "zt/client.h"
#include "zt/wire.h"

/* The value if arg is "key=value", else NULL; key ends in '='. */
static const char *
value_of(const char *arg, const char *key)
{
	size_t len = strlen(key);

	return strncmp(arg, key, len) == 0 ? arg + len : NULL;
}

static enum zt_err
path_parse(const char *value, const char **out)
{
	if (value[0] != '/' ||
	    strlen(value) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return ZT_ERR_INVAL;
	*out = value;
	return ZT_OK;
}

static enum zt_err
service_parse(const char *value, const char **out)
{
	if (value[0] == '\0' || strlen(value) > ZT_SERVICE_MAX)
		return ZT_ERR_INVAL;
	*out = value;
	return ZT_OK;
}

/* Digits only: strtoul() would take a sign and spaces. */
static enum zt_err
timeout_parse(const char *value, unsigned *out)
{
	unsigned ms = 0;

	for (const char *p = value; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return ZT_ERR_INVAL;
		ms = ms * 10 + (unsigned)(*p - '0');
		if (ms > ZT_TIMEOUT_MAX_MS)
			return ZT_ERR_INVAL;
	}
	if (ms < ZT_TIMEOUT_MIN_MS)
		return ZT_ERR_INVAL;
	*out = ms;
	return ZT_OK;
}

static enum zt_err
option_parse(const char *arg, struct zt_options *options)
{
	const char *value;

	if (strcmp(arg, "quiet") == 0) {
		options->quiet = true;
		return ZT_OK;
	}
	if ((value = value_of(arg, "broker=")) != NULL)
		return path_parse(value, &options->broker);
	if ((value = value_of(arg, "service=")) != NULL)
		return service_parse(value, &options->service);
	if ((value = value_of(arg, "timeout_ms=")) != NULL)
		return timeout_parse(value, &options->timeout_ms);
	return ZT_ERR_INVAL;
}

enum zt_err
zt_options_parse(int argc, const char **argv, struct zt_options *out,
    const char **bad_out)
{
	struct zt_options options = {
		.broker = ZT_SOCKET_PAM,
		.timeout_ms = ZT_TIMEOUT_DEFAULT_MS,
	};

	for (int i = 0; i < argc; i++) {
		if (option_parse(argv[i], &options) != ZT_OK) {
			*bad_out = argv[i];
			return ZT_ERR_INVAL;
		}
	}
	*out = options;
	return ZT_OK;
}
