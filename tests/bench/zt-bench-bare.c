/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least an AuthorizedPrincipalsCommand can be: says who it is asked about.
 */
#include <stdio.h>

int
main(int argc, char **argv)
{
	return argc < 2 || puts(argv[1]) == EOF;
}
