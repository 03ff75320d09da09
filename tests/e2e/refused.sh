#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: a broker that cannot see who asks, or that is asked by too many at
# once, refuses, says why and records it; and is well again after that.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_all
conf_set 'service login' credential.required no
restart_ztd

INNER="echo in\"\"side; : >$MARK_DIR/ran; id -un"
PAM="timeout -k 5 60 /mnt/build/tests/lib/zt-pam"

# told CODE WORDS: the last attempt was refused by zt with these words, and its
# record is an error, not a denial, with this reason
told()
{
	[ $STATUS -ne 0 ] && grep -q "zt: .*$2" $T/out $T/err &&
	    record "$(decision_id)" | jq -e ".status_code == \"$1\" and
	        (.metadata.event_code | contains(\".error.\"))"
}

# proc_is BOOLEAN: does ztctl check find /proc in order?
proc_is()
{
	ztctl check --json | jq -e ".checks[] | select(.name == \"proc\") |
	    .ok == $1"
}

# --- the broker does not see who asks
check "control: /proc is in order" proc_is true
attempt $PAM login dave account
check "control: dave may" test $STATUS = 0
mount -o remount,hidepid=2 /proc
attempt $PAM login dave account
check "hidden /proc: an attempt is refused as error.proc" \
    told error.proc 'could not be identified'
expect_out "hidden /proc: a certificate does not get in either" \
    record:error.proc alice
attempt setpriv --reuid 0 sudo -n sh -c "$INNER"
judge_allowed "hidden /proc: root's own sudo goes on" root
attempt su root -c "$INNER"
judge_allowed "hidden /proc: root's own su goes on" root
check "hidden /proc: ztctl check says so" proc_is false
mount -o remount,hidepid=0 /proc
attempt $PAM login dave account
check "visible /proc: dave may again" test $STATUS = 0
expect_in "visible /proc: alice too" alice

# --- more at once than broker.max_requests
conf_set broker max_requests 1
pdp_answer permit delay_ms=1500
restart_ztd
$PAM login dave account >$T/first 2>&1 &
first=$!
wait_for 5 sh -c "ztctl status --json | jq -e '.requests == 1'"
attempt $PAM login dave account
check "one too many: refused as error.overload" \
    told error.overload 'too many attempts at once'
wait $first
check "one too many: who was there before is let in" test $? = 0
pdp_default
attempt $PAM login dave account
check "alone again: dave may" test $STATUS = 0
