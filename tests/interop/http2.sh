#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: a decision endpoint that speaks HTTP/2, on an implementation that
# nobody here wrote, decides real logins, many at once over one connection and
# none in another's place; and an answer that HTTP/2 did not bring to its end
# is none, whatever has come of it.
. "${0%/*}/../e2e/lib.sh"
e2e_begin "$@"
if ! command -v node >/dev/null; then
	echo "1..0 # SKIP node is not installed: make check installs it"
	trap - EXIT
	exit 0
fi

TIMEOUT_MS=1500
QUESTIONS=$T/log/questions.log

# h2_start NAME: tests/lib/h2/NAME.mjs takes the endpoint's place
h2_start()
{
	stop pdp
	: >$QUESTIONS
	spawn pdp node "/mnt/src/tests/lib/h2/$1.mjs" $PDP_PORT \
	    $T/tls/server.pem $T/tls/server.key $T/mode $QUESTIONS
	wait_for 20 listening $PDP_PORT || {
		sed 's/^/# pdp: /' $T/log/pdp.log | tail -20
		die "the HTTP/2 endpoint does not come up"
	}
}

mode()
{
	echo "$1" >$T/mode
}

# questions FILTER: what jq says of all of the log, which is one array
questions()
{
	jq -es "$1" $QUESTIONS
}

# --- an endpoint in good order
mode good
h2_start server
conf_set pdp timeout_ms $TIMEOUT_MS
start_ztd
start_sshd
expect_in "permitted over HTTP/2" alice
REMOTE_CMD="sudo -n sh -c 'echo in\"\"side; id -un'" \
    AS=root expect_in "sudo too" alice
expect_out "denied over HTTP/2" policy.deny bob
check "the user is told the endpoint's reason" grep -q 'not now' $T/err
check "it was HTTP/2" questions 'length == 4 and all(.protocol == "h2")'
check "all over one connection" questions 'all(.connection == 1)'

many()
{
	for i in $(seq 20); do
		for u in alice bob; do
			$LIMIT ssh -i /root/.ssh/$u -o IdentitiesOnly=yes \
			    $u@pay-db-1 id -un >$T/many.$u.$i 2>&1 &
			echo $!
		done
	done >$T/many.pids
	while read -r pid; do
		wait "$pid"
	done <$T/many.pids
}
mode slow
many
check "40 at once: the 20 who may are in" \
    test "$(cat $T/many.alice.* | grep -cx alice)" = 20
check "40 at once: the 20 others are told that they may not" \
    test "$(cat $T/many.bob.* | grep -c 'not now')" = 20
check "40 at once: nobody of them is in" \
    sh -c "! cat $T/many.bob.* | grep -qx bob"
check "40 at once: many questions were open on one connection" \
    questions 'map(.open) | max > 5'

mode drain
expect_in "GOAWAY in good order: what is on the connection is answered" alice
mode good
expect_in "GOAWAY in good order: the next asks on another" alice
check "it was another" \
    questions '.[-1].connection > .[-2].connection'
for m in hang hang-after-head hang-after-permit; do
	mode $m
	expect_out "$m" error.pdp_timeout alice
done
mode good
expect_in "well again" alice

# --- an endpoint that breaks off
# broken REASON MODE...: each a denial for this reason, after a question that
# was answered well on the same connection, or on a new one if that has ended
broken()
{
	broken_reason=$1
	shift
	for m in "$@"; do
		mode permit
		login alice
		[ $RAN = yes ] || fail "before $m: a permit"
		mode "$m"
		expect_out "$m" "$broken_reason" alice
		check "$m: was asked" grep -qx "$m" $QUESTIONS
	done
}
mode permit
h2_start rude
expect_in "control: permitted" alice
broken error.pdp_unreachable rst-at-once rst-clean-at-once rst-refused \
    rst-after-head rst-after-permit rst-cancel-after-permit rst-short \
    end-short goaway-at-once goaway-after-head goaway-after-permit \
    goaway-clean-after-permit goaway-disowns close-after-permit
broken error.pdp_protocol rst-clean-after-permit
broken error.pdp_timeout early-permit
broken error.pdp_unreachable early-permit-rst early-goaway
check "a stream that is refused is asked again, but not without end" \
    test "$(grep -cx rst-refused $QUESTIONS)" -le 6
mode permit
expect_in "control: permitted again" alice
