#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: users and groups come from scimmy, a SCIM service that nobody here
# wrote, exactly as it holds them, in pages of any size, with what changes and
# what is deleted; and of a service that misbehaves nothing is applied, for a
# reason that says how.
#
# Run from the project root; B is the build directory (default: build).
set -u

B=$(cd "${B:-${ZT_BUILD:-build}}" && pwd) || exit 2
lib=$PWD/tests/lib/scim
modules=$B/npm-scim
sync=$B/tests/lib/zt-scim-sync
if ! command -v node >/dev/null || [ ! -d "$modules/node_modules/scimmy" ]; then
	echo "1..0 # SKIP scimmy is not installed: make check installs it"
	exit 0
fi
tmp=$(mktemp -d) || exit 2
cd "$tmp" || exit 2
n=0
failed=0

# The services end with the pipe that is their standard input.
finish()
{
	exec 3>&- 4>&-
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

# check TEXT COMMAND...
check()
{
	text=$1
	shift
	n=$((n + 1))
	if "$@" >check.out 2>&1; then
		echo "ok $n - $text"
	else
		failed=$((failed + 1))
		echo "not ok $n - $text"
		head -n 12 check.out | cut -c 1-200 | sed 's/^/# /'
	fi
}

# port_of NAME: of a service that starts
port_of()
{
	for _ in $(seq 200); do
		[ ! -s "$1.port" ] || break
		sleep 0.1
	done
	cat "$1.port"
}

# --- The services ---------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 \
    -keyout key.pem -out cert.pem 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=other -days 2 -keyout other.key -out other.pem 2>/dev/null
echo secret-token >token
echo wrong-token >wrong
mkfifo real.in rude.in
node "$lib/server.mjs" "$modules" cert.pem key.pem token real.port \
    <real.in >real.log 2>&1 3>&- 4>&- &
exec 3>real.in
node "$lib/rude.mjs" cert.pem key.pem mode rude.port <rude.in \
    >rude.log 2>&1 3>&- 4>&- &
exec 4>rude.in
echo good >mode
URL=https://localhost:$(port_of real)/scim/v2
RUDE=https://localhost:$(port_of rude)/v2

client()
{
	NODE_EXTRA_CA_CERTS=cert.pem node "$lib/client.mjs" "$URL" token "$@"
}

# real_sync STATE [options]
real_sync()
{
	state=$1
	shift
	"$sync" --url "$URL" --ca cert.pem --bearer-file token \
	    --state "$state" "$@" 3>&- 4>&-
}

# is_whole STATE FIRST-LINE [options]: it ends so, and holds what they hold
is_whole()
{
	state=$1 first=$2
	shift 2
	real_sync "$state" "$@" >got 2>err
	[ "$(head -n 1 got)" = "$first" ] || {
		head -n 1 got
		cat err
		return 1
	}
	client show | sort >want || return 1
	tail -n +2 got | sort | diff want -
}

# --- What they hold -------------------------------------------------------

check "the service runs" [ -s real.port ]
client make 0 20 && client group ops 10 && client group dev 3
for size in 1 2 7 100; do
	check "20 users and 2 groups, $size at a time" \
	    is_whole "pages$size" "done" --page-size $size
done
check "nothing has changed" is_whole pages7 same --page-size 7
client set p3 displayName '"Renamed"'
client set p4 active true
client set p6 userName '"q6"'
client make 20 1
check "what was modified comes" is_whole pages7 "done" --page-size 7
check "a second time it is not news" is_whole pages7 same
client delete p5
check "what was deleted stays until all is read" real_sync pages7
check "  (it did)" [ "$(grep -c '^user.* p5 ' check.out)" = 1 ]
check "and is gone then" is_whole pages7 "done" --full-interval 0
check "as with a filter" real_sync few --user-filter 'userName sw "p1"'
check "  that the service heeds" [ "$(grep -c '^user' check.out)" = 11 ]
check "a user name from elsewhere" real_sync elsewhere \
    --attr-name displayName
check "  is refused where it is none" \
    [ "$(grep -c '^refused Users/' check.out)" -gt 15 ]
client make 21 979
check "999 users" is_whole big "done"
client make 1000 1
check "and one more" is_whole big "done"

# is_failure WHY [options]: of the real service
is_failure()
{
	why=$1
	shift
	real_sync big --full-interval 0 "$@" >got 2>&1
	grep -v '^ztd: ' got | head -n 1 | grep "^fail .*$why" >line || {
		head -n 1 got
		return 1
	}
	[ "$(grep -c '^user' got)" = 1000 ]
}
check "a wrong token fails, and what was there stays" is_failure \
    'HTTP 401.*bearer_file' --bearer-file wrong
check "a certificate of somebody else" is_failure \
    'certificate' --ca other.pem

# --- What misbehaves ------------------------------------------------------

# rude_sync MODE
rude_sync()
{
	echo "$1" >mode
	"$sync" --url "$RUDE" --ca cert.pem --state rude --page-size 3 \
	    --full-interval 0 --timeout-ms 2000 3>&- 4>&- 2>/dev/null
}

# is_refused MODE WHY: the sync fails for this reason; what was there stays
is_refused()
{
	rude_sync "$1" >got && return 1
	head -n 1 got
	head -n 1 got | grep -q "^fail .*$2" || return 1
	! LC_ALL=C grep -q '[[:cntrl:]]' got || return 1
	tail -n +2 got | diff before -
}

rude_sync good | tail -n +2 >before
check "the rude service is good first" [ "$(grep -c '^user' before)" = 3 ]
while read -r mode why; do
	check "$mode: $why" is_refused "$mode" "$why"
done <<END
repeat came twice
back startIndex is not what was asked for
endless totalResults changed
short empty before totalResults
more more resources came
duplicate came twice
loop came twice
same the page itself
group another kind
noid no id
object Resources is no array
nothing empty before totalResults
negative no count
array no JSON object
error no ListResponse
html Content-Type
type Content-Type
cut no JSON object
deep no JSON object
empty no JSON object
gzip no JSON object
huge larger than 33554432 bytes
redirect HTTP 302.*redirects are not followed
drip within 2000 ms
hang within 2000 ms
close Users: .*
401 HTTP 401, no .x1b.2J: check bearer_file
403 HTTP 403.*scopes
404 HTTP 404.*base of the SCIM service
429 HTTP 429.*is busy
500 HTTP 500.*has a fault
503 HTTP 503.*is busy
END
check "and good again" [ "$(rude_sync good | head -n 1)" = same ]

echo "1..$n"
[ $failed -eq 0 ]
