#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: every sudo and su is decided anew, for the person who logged in and
# with the certificate of that login; a login is no right to sudo; root's own
# sudo and su depend on nothing.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_all

# What runs with another's rights, and leaves the marks of having run.
INNER="echo in\"\"side; : >$MARK_DIR/ran; id -un"

# sudo_in NAME USER COMMAND; sudo_out NAME CODE USER COMMAND
sudo_in()
{
	REMOTE_CMD="$3 '$INNER'" AS=${AS-root} expect_in "$1" "$2"
}
sudo_out()
{
	REMOTE_CMD="$4 '$INNER'" expect_out "$1" "$2" "$3"
}

# --- in
sudo_in "sudo -n, NOPASSWD" alice "sudo -n sh -c"
check "the record is about sudo, in the session of the login" jq -es '
	[.[] | select(.metadata.event_code | test("\\.allow\\."))] as $all |
	($all | map(select(.metadata.event_code |
	    startswith("ssh.login")))[0].metadata.uid) as $login |
	$all | map(select(.metadata.event_code |
	    startswith("sudo.login")))[0].session.uid == $login' $LOG
sudo_in "sudo -i is the service sudo-i, and decided too" alice \
    "sudo -n -i sh -c"
check "its record says so" sh -c "tail -n 3 $LOG | grep -q sudo-i"
AS=bob sudo_in "sudo -u another user" alice "sudo -n -u bob sh -c"
sudo_in "sudo with a password" dave \
    "echo dave-password | sudo -S -p '' sh -c"
sudo_out "sudo with a wrong password" - dave \
    "echo wrong | sudo -S -p '' sh -c"
AS=dave sudo_in "su with a password" alice \
    "echo dave-password | su dave -c"
AS=dave sudo_in "su - with a password" alice \
    "echo dave-password | su - dave -c"
AS=dave sudo_in "su by root within sudo is root's own" alice \
    "sudo -n su dave -c"
check "and recorded as exempt" wait_for 3 recorded_since "$BEFORE" scope.root
sudo_in "sudo from an odd environment" alice "exec 3<&- 4<&-; umask 777; \
    ulimit -n 12; LD_PRELOAD= https_proxy=http://127.0.0.1:1 \
    SSH_CONNECTION='9.9.9.9 1 9.9.9.9 2' SSH_AUTH_INFO_0=x sudo -n sh -c"
check "the environment was not believed" sh -c "! grep -qF 9.9.9.9 $LOG"

# --- out
expect_in "carol may log in" carol
sudo_out "but not sudo" policy.deny carol "sudo -n sh -c"
check "the endpoint's reason is shown" grep -q 'zt: .*sudo needs' $T/err
sudo_out "nor sudo -i" policy.deny carol "sudo -n -i sh -c"
sudo_out "nor sudo -u" policy.deny carol "sudo -n -u bob sh -c"
sudo_out "nor sudo -v" policy.deny carol "sudo -n -v &&"
sudo_out "nor sudo -l" policy.deny carol "sudo -n -l &&"
sudo_out "nor su, with the right password" policy.deny carol \
    "echo dave-password | su dave -c"
sudo_out "nor in a new session of the kernel's" policy.deny carol \
    "setsid -w sudo -n sh -c"
sudo_out "in a terminal" policy.deny carol "script -qec 'sudo -n id -un' \
    /dev/null; exit 1; sh -c"

# --- a sudo without a login
attempt $LIMIT setpriv --reuid 70001 --regid 70001 --init-groups \
    sudo -n sh -c "$INNER"
judge_refused "a user without a session" session.none
cat >/etc/cron.sh <<-END
	#!/bin/sh
	sudo -n sh -c '$INNER' 2>$T/log/left.log
	echo \$? >$T/pdp/left
END
chmod 755 /etc/cron.sh
chmod 1777 $T/pdp $T/log
rm -f $MARK_DIR/*
REMOTE_CMD="setsid sh -c 'sleep 1; /etc/cron.sh' >/dev/null 2>&1 </dev/null &" \
    login alice
wait_for 10 test -s $T/pdp/left
cp $T/log/left.log $T/err
if [ ! -e $MARK_DIR/ran ] && grep -q 'zt: access denied' $T/err; then
	pass "a process that outlives its login"
else
	fail "a process that outlives its login (status $(cat $T/pdp/left))"
fi

# --- a certificate that expires while the session lives
cert alice -V -1m:+6s
MUX="-o ControlPath=$T/mux -o ControlMaster=auto -o ControlPersist=yes"
# shellcheck disable=SC2086
REMOTE_CMD="sudo -n sh -c '$INNER'" AS=root \
    expect_in "short certificate: sudo while it is valid" alice $MUX
sleep 6.5
# shellcheck disable=SC2086
expect_in "short certificate: the session goes on" alice $MUX
# shellcheck disable=SC2086
REMOTE_CMD="sudo -n sh -c '$INNER'" \
    expect_out "short certificate: sudo after its end" credential.expired \
    alice $MUX
expect_out "short certificate: no new login" record:credential.expired alice
ssh -O exit -o ControlPath=$T/mux alice@pay-db-1 2>/dev/null
cert alice

# --- root's own, with everything down
roots_own()
{
	check "$1: root's sudo" timeout 5 sudo -n true
	check "$1: root's sudo -u" timeout 5 sudo -n -u dave true
	check "$1: root's sudo -i" timeout 5 sudo -n -i true
	check "$1: root's su" timeout 5 su dave -c true
	check "$1: root's su -" timeout 5 su - dave -c true
}
roots_own "all up"
stop pdp
roots_own "endpoint down"
kill -STOP "$(pid_of ztd)"
roots_own "broker stopped"
kill -CONT "$(pid_of ztd)"
stop ztd
roots_own "broker down"
attempt $LIMIT setpriv --reuid 70001 --regid 70001 --clear-groups \
    sudo -n sh -c "$INNER"
judge_refused "all down: a user's sudo" -

# --- exempt is who invokes sudo or su, not the target that he names
cp /etc/sudoers $T/sudoers
cat >/etc/pam.d/hook <<-END
	account	optional	pam_exec.so quiet seteuid /etc/hook
END
cat >/etc/hook <<-END
	#!/bin/sh
	echo "\$PAM_SERVICE \$PAM_USER \${PAM_RUSER-}" >>$T/pdp/ruser
END
chmod 755 /etc/hook
for f in sudo su; do
	sed -i '1i @include hook' /etc/pam.d/$f
done
printf '%s\n' 'Defaults:judy targetpw' >>/etc/sudoers
# as_user UID COMMAND...: outside of every session
as_user()
{
	as_uid=$1
	shift
	attempt $LIMIT setpriv --reuid "$as_uid" --regid 1000 --clear-groups \
	    "$@"
}
# judge_exempt NAME: the last attempt ran
judge_exempt()
{
	if [ $STATUS -eq 0 ] && [ $RAN = yes ]; then
		pass "$1"
	else
		fail "$1 (status $STATUS, ran: $RAN)"
	fi
}
# exempt_dave WHEN: the same with and without a broker
exempt_dave()
{
	as_user 1000 sh -c "echo dave-password | sudo -S -p '' \
	    sh -c '$INNER'"
	judge_exempt "exempt, $1: his sudo"
	as_user 1000 sh -c "echo dave-password | su dave -c '$INNER'"
	judge_exempt "exempt, $1: his su"
	as_user 1001 sh -c "echo dave-password | su dave -c '$INNER'"
	judge_refused "exempt, $1: not another's su to him" "$2"
	as_user 1001 sudo -n -u dave sh -c "$INNER"
	judge_refused "exempt, $1: nor another's sudo by targetpw" "$2"
}
conf_set scope exempt_users 'login:root root dave'
start_ztd
exempt_dave "broker up" session.none
stop ztd
exempt_dave "broker down" none
check "sudo names who invokes it" grep -qx 'sudo dave judy' $T/pdp/ruser
check "su names who invokes it" grep -qx 'su dave judy' $T/pdp/ruser
