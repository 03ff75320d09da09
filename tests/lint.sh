#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Everything about the source that a program can judge without running it.
#
#   tests/lint.sh [BUILD]    BUILD: a plain build, for the boundaries (build)
#
# Says what it looks at; a tool that is not installed is skipped, and said so.
# Exits 1 if anything was found.
#
# cppcheck and not clang-tidy: on this code both find the same, and cppcheck
# takes seconds.  It does not know cleanup attributes (zt/auto.h), hence no
# leak checks here; make asan finds leaks.
# shellcheck disable=SC2317 # functions are called by name
set -u
cd "$(dirname "$0")/.." || exit 2
B=${1:-build}
failed=0
sources=$(find common include pam_zt nss_zt ztd tools tests -name '*.[ch]' |
    sort)

# look NAME TOOL COMMAND...: run it; anything it finds is a failure.
look()
{
	name=$1 tool=$2
	shift 2
	if ! command -v "$tool" >/dev/null; then
		echo "skip  $name: $tool is not installed"
		return
	fi
	if found=$("$@" 2>&1) && [ -z "$found" ]; then
		echo "ok    $name"
	else
		echo "FAIL  $name"
		printf '%s\n' "$found" | sed 's/^/      /'
		failed=1
	fi
}

formatted()
{
	# shellcheck disable=SC2086
	clang-format --dry-run -Werror $sources
}

checked()
{
	cppcheck --quiet --error-exitcode=1 -j2 --inline-suppr \
	    --enable=warning,performance --std=c11 \
	    --include=tests/cppcheck.h \
	    --suppress=memleak --suppress=resourceLeak \
	    -D_GNU_SOURCE -D'ZT_VERSION="0"' \
	    -Iinclude -I. common pam_zt nss_zt ztd tools
}

manuals()
{
	mandoc -T lint -W warning docs/man/*
}

scripts()
{
	files=$(grep -rlE '^#!/bin/(ba)?sh|^# shellcheck shell=' tests scripts \
	    packaging .ci 2>/dev/null)
	# SC2120: functions of a library that some scripts give arguments
	# shellcheck disable=SC2086
	shellcheck -S warning -e SC2120 $files
}

tabs()
{
	# shellcheck disable=SC2086
	grep -nE '[[:blank:]]+$' $sources Makefile ./*.mk ./*/*.mk && return 1
	# shellcheck disable=SC2086
	grep -L 'SPDX-License-Identifier: Apache-2.0' $sources
}

boundaries()
{
	tests/check_boundaries.sh "$B" | grep -vE '^ok |^1\.\.'
	[ "$(tests/check_boundaries.sh "$B" | grep -c '^not ok')" -eq 0 ]
}

look format clang-format formatted
look 'blanks and licences' grep tabs
look cppcheck cppcheck checked
look 'man pages' mandoc manuals
look 'shell scripts' shellcheck scripts
look boundaries readelf boundaries
exit "$failed"
