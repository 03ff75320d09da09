/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "userdb_query.h"

static const char user_database[] =
    "# Users and groups of this host's identity sources\n"
    "interface io.systemd.UserDatabase\n"
    "\n"
    "method GetUserRecord(uid: ?int, userName: ?string,\n"
    "  fuzzyNames: ?[]string, dispositionMask: ?[]string,\n"
    "  uidMin: ?int, uidMax: ?int, service: string)\n"
    "  -> (record: object, incomplete: bool)\n"
    "\n"
    "method GetGroupRecord(gid: ?int, groupName: ?string,\n"
    "  fuzzyNames: ?[]string, dispositionMask: ?[]string,\n"
    "  gidMin: ?int, gidMax: ?int, service: string)\n"
    "  -> (record: object, incomplete: bool)\n"
    "\n"
    "method GetMemberships(userName: ?string, groupName: ?string,\n"
    "  service: string) -> (userName: string, groupName: string)\n"
    "\n"
    "error NoRecordFound()\n"
    "error BadService()\n"
    "error ServiceNotAvailable()\n"
    "error ConflictingRecordFound()\n"
    "error NonMatchingRecordFound()\n"
    "error EnumerationNotSupported()\n";

static const char varlink_service[] =
    "interface org.varlink.service\n"
    "\n"
    "method GetInfo() -> (vendor: string, product: string,\n"
    "  version: string, url: string, interfaces: []string)\n"
    "\n"
    "method GetInterfaceDescription(interface: string)\n"
    "  -> (description: string)\n"
    "\n"
    "error InterfaceNotFound(interface: string)\n"
    "error MethodNotFound(method: string)\n"
    "error InvalidParameter(parameter: string)\n"
    "error ExpectedMore()\n";

json_t *
userdb_info(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "zt",
	    "product", "ztd", "version", ZT_VERSION, "url", "", "interfaces",
	    "io.systemd.UserDatabase", "org.varlink.service");
}

const char *
userdb_interface(const char *name)
{
	if (strcmp(name, "io.systemd.UserDatabase") == 0)
		return user_database;
	if (strcmp(name, "org.varlink.service") == 0)
		return varlink_service;
	return NULL;
}
