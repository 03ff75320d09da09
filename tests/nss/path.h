/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NSS_PATH_H
#define TEST_NSS_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * For tests that are linked with the module's objects, but path.o: where they
 * have their snapshot.  There is no broker.
 */
extern char test_path[64];

/* Make a directory for it, and set test_path to a file in there. */
void test_path_make(void);
void test_path_remove(void);

/* Put any bytes there, the ones before marked as superseded.  mend: with the
 * checksum of the header made right. */
void test_path_put(const void *bytes, size_t len, bool mend);

#endif /* TEST_NSS_PATH_H */
