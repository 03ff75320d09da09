/* SPDX-License-Identifier: Apache-2.0 */
#include "zt/client.h"

#include "map.h"

const char *
path_snapshot(void)
{
	return ZT_SNAPSHOT_FILE;
}

const char *
path_socket(void)
{
	return ZT_SOCKET_NSS;
}
