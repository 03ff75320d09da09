#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The boundaries between the parts, kept: what each directory may include and
# call, what each output links and exports, how it is hardened.
#
#   tests/check_boundaries.sh [BUILD]    BUILD: a plain build (build)
#
# Output is TAP.
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 2
B=${1:-build}
n=0
failed=0

# result TEXT EVIDENCE: passes if there is no evidence against it.
result()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# A check of nothing proves nothing.
missing()
{
	[ -e "$1" ] || echo "$1 is not built"
}

# no_include DIR REGEX: no file in DIR includes a header that matches.
no_include()
{
	[ -d "$1" ] || return 0
	result "$1 includes only what it may" "$(find "$1" -name '*.[ch]' \
	    -exec grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" \
	    {} +)"
}

# no_call DIR NAMES [BUT]: no object of DIR needs one of these functions, by its
# own name or by the one that _FORTIFY_SOURCE gives it, but for BUT.
no_call()
{
	[ -d "$1" ] || return 0
	objects=$(find "$B/$1" -name '*.o' 2>/dev/null)
	if [ -z "$objects" ]; then
		result "$1 calls only what it may" "$B/$1: no objects"
		return
	fi
	# shellcheck disable=SC2086
	result "$1 calls only what it may" "$(nm -A -u $objects |
	    grep -E " U (__|__isoc99_)?($2)(_chk)?(@.*)?\$" |
	    grep -vE " U (${3:-})\$")"
}

# no_state DIR [NAMES]: no object of DIR has writable data, which outlives a
# call, but for these.
no_state()
{
	[ -d "$1" ] || return 0
	result "$1 has no mutable globals${2:+ but $2}" "$(
	    find "$B/$1" -name '*.o' -exec objdump -t {} + |
	    awk -v allowed="^(${2:-$})\$" '
		/ O (\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ &&
		! / O \.data\.rel\.ro/ && $NF !~ allowed')"
}

# links OUTPUT LIBRARIES: OUTPUT needs no library but these.
links()
{
	result "$1 links only: $2" "$(missing "$B/$1"
	    readelf -d "$B/$1" 2>/dev/null |
	    sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
	    while read -r lib; do
		    case " $2 " in
		    *" ${lib%%.so*} "*) ;;
		    *) echo "$lib" ;;
		    esac
	    done)"
}

# exports OUTPUT SCRIPT: OUTPUT exports exactly what SCRIPT names.
exports()
{
	want=$(sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$2" | sort)
	got=$(nm -D --defined-only "$B/$1" | awk '{ print $3 }' | sort)
	result "$1 exports exactly what $2 names" "$(missing "$B/$1"
	    [ -n "$want" ] || echo "$2 names nothing"
	    [ "$want" = "$got" ] || printf 'script: %s\noutput: %s\n' \
		"$(echo "$want" | tr '\n' ' ')" "$(echo "$got" | tr '\n' ' ')")"
}

# hardened OUTPUT: read-only relocations, bound at start, no executable stack,
# position independent, no directory to look for libraries in.
hardened()
{
	dynamic=$(readelf -dW "$B/$1" 2>/dev/null)
	segments=$(readelf -lW "$B/$1" 2>/dev/null)
	result "$1 is hardened" "$(missing "$B/$1"
	    echo "$dynamic" | grep -q 'BIND_NOW\|NOW' || echo "not bound at start"
	    echo "$dynamic" | grep -E 'RPATH|RUNPATH|TEXTREL'
	    echo "$segments" | grep -q GNU_RELRO || echo "no RELRO"
	    echo "$segments" | grep -q 'GNU_STACK.* RW ' || echo "stack: $(
		echo "$segments" | grep GNU_STACK)"
	    readelf -h "$B/$1" | grep -q 'DYN' || echo "not PIE")"
}

heavy='openssl/|curl/|jansson|systemd/|ini\.h|microhttpd'
host='security/|nss\.h'
end='exit|_exit|_Exit|abort|quick_exit|fork|vfork|system|popen|posix_spawnp?|exec[lv]p?e?'
speak='printf|fprintf|vprintf|vfprintf|dprintf|vdprintf|puts|fputs|putchar|perror|syslog|vsyslog|openlog'
environment='getenv|secure_getenv|setenv|putenv|unsetenv|clearenv'
users='get(pw|gr)(nam|uid|gid|ent)(_r)?|getgrouplist|initgroups'
process='chdir|fchdir|umask|signal|sigaction|sigprocmask|alarm|setitimer|pthread_[a-z_]*'

no_include common/base "$heavy|$host|syslog\\.h|pthread\\.h"
no_call common/base "$end|$speak|$environment|$users|$process"
no_state common/base
for dir in ssh decision policy identity audit net; do
	no_include "common/$dir" "$host|syslog\\.h|systemd/"
	no_call "common/$dir" "$end|$speak|$environment|$users"
done
no_include nss_zt "$heavy|security/|syslog\\.h"
# a cancelled thread must not leave a descriptor behind
no_call nss_zt "$end|$speak|$environment|$users|$process" pthread_setcancelstate
# getpwent(3) goes on where it was, libc holds its lock around each call; the
# rest is the mapped snapshot and who uses it
no_state nss_zt 'user_cursor|group_cursor|current|retired|asked|slots'
no_include pam_zt "$heavy|nss\\.h|pthread\\.h"
no_call pam_zt "$end|printf|puts|$environment|$process"
no_state pam_zt
no_include sudo_zt "$heavy|$host|pthread\\.h"
no_include ztd 'security/|\.\./tools'
no_include tools 'security/|.*ztd/'

links pam_zt.so 'libpam libc'
links libnss_zt.so.2 'libc'
links tools/zt-principals 'libc'
links tools/ztctl 'libcrypto libjansson libc'
links ztd/ztd 'libcrypto libcurl libjansson libsystemd libinih libc libm libpthread'
exports pam_zt.so pam_zt/pam_zt.map
exports libnss_zt.so.2 nss_zt/nss_zt.map
result "libnss_zt.so.2 is never unloaded" "$(
    readelf -dW "$B/libnss_zt.so.2" 2>&1 | grep -q NODELETE || echo "no NODELETE")"
# one more for each in every process that looks a user up
result "libnss_zt.so.2 is two mappings" "$(loads=0
    readelf -lW "$B/libnss_zt.so.2" 2>&1 | while read -r type _ at _ len all _; do
	    [ "$type" = LOAD ] || continue
	    loads=$((loads + 1))
	    [ $loads -le 2 ] || echo "$loads of the file"
	    [ $(((at + len - 1) / 4096)) -eq $(((at + all - 1) / 4096)) ] ||
		echo "one for what is not in the file"
    done)"
for output in pam_zt.so libnss_zt.so.2 tools/zt-principals tools/ztctl ztd/ztd; do
	hardened "$output"
done

# The project speaks of itself alone.
result "no path of a developer's machine is in the tree" "$(
    grep -rnE '/home/[a-z]+/(src|git|work)/' \
    common include pam_zt nss_zt ztd tools docs packaging Makefile flags.mk |
    head -5)"

echo "1..$n"
[ "$failed" -eq 0 ]
