#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: every way into a stock sshd with a certificate is decided, and works
# when it is permitted: shell, exec, sftp, scp, forwarding, shared connections.
# The same ways are closed to a user who is denied, who is told why, also by
# clients in batch mode.  A user who exists only in users.d is a whole user.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_all

# --- in
expect_in "exec: a command runs" alice
check "the record says who, from where, with which certificate" jq -es '
	map(select(.metadata.event_code | startswith("ssh.login.allow")))[0] |
	.user.name == "alice" and .src_endpoint.ip == "127.0.0.1" and
	.certificate != null and .status_id == 1' $LOG
check "the home directory was made" test -d /home/alice
check "it is the user's own" test "$(stat -c %U:%a /home/alice)" = alice:700

REMOTE_CMD='id -Gn | grep -qw payments && echo in""side; id -un' \
    expect_in "groups: the session has the user's groups" alice

printf 'echo in""side\nid -un\ntty\nexit\n' >$T/shell
attempt_shell()
{
	attempt $LIMIT sh -c "ssh -tt -i /root/.ssh/$1 -o IdentitiesOnly=yes \
	    $1@pay-db-1 <$T/shell"
}
attempt_shell alice
check "shell: a terminal session works" grep -q '/dev/pts/[0-9]' $T/out

attempt_shell erin
check "notice: a permit's notice is shown in a shell" \
    grep -q 'zt: .*maintenance tonight' $T/out $T/err
login erin
check "notice: and with a command" grep -q 'zt: .*maintenance tonight' $T/err

echo hello >$T/file
sftp_put()
{
	echo "put $T/file got" | $LIMIT sftp -b - -i "/root/.ssh/$1" \
	    -o IdentitiesOnly=yes "$1@pay-db-1"
}
check "sftp: a file is sent" sftp_put alice
check "sftp: it arrived" cmp $T/file /home/alice/got
scp_put()
{
	$LIMIT scp $2 -i "/root/.ssh/$1" -o IdentitiesOnly=yes $T/file \
	    "$1@pay-db-1:got2"
}
check "scp: a file is sent" scp_put alice ''
check "scp -O: a file is sent the old way" scp_put alice -O
check "scp: it arrived" cmp $T/file /home/alice/got2

# forward USER: is a connection carried through a forwarding of USER's?
forward()
{
	ssh -N -L 127.0.0.1:2022:127.0.0.1:$SSH_PORT -i "/root/.ssh/$1" \
	    -o IdentitiesOnly=yes -o ExitOnForwardFailure=yes \
	    "$1@pay-db-1" >$T/log/forward.log 2>&1 </dev/null &
	forward_pid=$!
	wait_for 5 sh -c "ssh-keyscan -p 2022 127.0.0.1 2>/dev/null |
	    grep -q ssh-ed25519 || ! kill -0 $forward_pid"
	kill -0 $forward_pid 2>/dev/null
	forward_status=$?
	kill $forward_pid 2>/dev/null
	wait $forward_pid 2>/dev/null
	return $forward_status
}
check "-N: a forwarding without a command works" forward alice

# --- a shared connection is one attempt
MUX="-o ControlPath=$T/mux -o ControlMaster=auto -o ControlPersist=yes"
before=$(records)
for i in 1 2 3; do
	# shellcheck disable=SC2086
	expect_in "ControlMaster: session $i" alice $MUX
done
decisions()
{
	tail -n "+$((before + 1))" $LOG |
	    jq -r .metadata.event_code | grep -c '^ssh\.login\.'
}
check "ControlMaster: three sessions, one decision" \
    test "$(decisions)" = 1
check "sessions: ztctl lists the open one" \
    sh -c "ztctl sessions | grep -q alice"
ssh -O exit -o ControlPath=$T/mux alice@pay-db-1 2>/dev/null
check "sessions: its end is recorded" \
    wait_for 5 recorded_since "$before" session.closed
check "sessions: ztctl lists it no longer" \
    wait_for 5 sh -c "! ztctl sessions | grep -q alice"

# --- out
expect_out "denied: exec" policy.deny bob
check "denied: the endpoint's reason is shown, in batch mode" \
    grep -q 'zt: access denied: .*on leave' $T/err
check "denied: ztctl explain tells the same" \
    sh -c "ztctl explain $(decision_id) | grep -q 'on leave'"
attempt_shell bob
judge_refused "denied: shell" policy.deny
attempt sftp_put bob
judge_refused "denied: sftp" policy.deny
attempt scp_put bob ''
judge_refused "denied: scp" policy.deny
check "denied: nothing arrived, not even a home directory" \
    test ! -e /home/bob
if forward bob; then
	fail "denied: -N forwarding: ALLOWED"
else
	pass "denied: -N forwarding"
fi
# shellcheck disable=SC2086
expect_out "denied: ControlMaster" policy.deny bob $MUX
expect_out "denied: with -T and -n" policy.deny bob -T -n
expect_out "denied: subsystem" policy.deny bob -s

# --- an account that only /etc/passwd knows
expect_in "a local user with a certificate is decided alike" dave
