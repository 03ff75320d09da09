/* SPDX-License-Identifier: Apache-2.0 */
/* zt-bench-fresh NAME: succeeds if there is such a user; nothing else. */
#include <pwd.h>
#include <stddef.h>

int
main(int argc, char **argv)
{
	return argc != 2 || getpwnam(argv[1]) == NULL;
}
