#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every kind of record that zt writes is valid by OCSF's own published JSON
# schemas, as Debian's python3-jsonschema reads them; and these checks can
# fail: records broken on purpose are rejected.
#
# Run from the project root; B is the build directory (default: build).
set -u

records=$(mktemp) || exit 1
trap 'rm -f "$records"' EXIT

"${B:-build}/tests/lib/zt-records" >"$records" || {
	echo "not ok 1 - records of every kind are printed"
	exit 1
}
# Debian's own Python, for Debian's package
/usr/bin/python3 tests/interop/ocsf_schema.py "$records"
