#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: an attempt is held to whoever makes it, and to nobody else: an
# exemption covers the one who invokes sudo or su, never the target; a sudo is
# of the login that the kernel says it is of; what a user can write into the
# session's environment is not believed; a permit that nobody waits for is not
# recorded as one; a second ztd does not take the first one's sockets.
. "${0%/*}/lib.sh"
e2e_begin "$@"
conf_set scope exempt_users "login:root dave"
start_all

INNER="echo in\"\"side; : >$MARK_DIR/ran; id -un"

# --- exemptions
REMOTE_CMD="echo dave-password | su dave -c '$INNER'" \
    expect_out "su to an exempt user is not exempt" policy.deny carol
echo 'Defaults:carol targetpw' >>/etc/sudoers
REMOTE_CMD="echo dave-password | sudo -S -p '' -u dave sh -c '$INNER'" \
    expect_out "nor is sudo with targetpw" policy.deny carol
attempt $LIMIT setpriv --reuid 1000 --regid 1000 --clear-groups \
    sh -c "echo dave-password | sudo -S -p '' sh -c '$INNER'"
judge_allowed "the exempt user's own sudo is" root
check "and recorded as exempt" wait_for 3 recorded_since "$BEFORE" scope.exempt

# --- whose sudo
REMOTE_CMD="(setsid sh -c 'sleep 0.5; sudo -n sh -c \"$INNER\" \
    >/tmp/detached' </dev/null >/dev/null 2>&1 &); sleep 2; cat /tmp/detached" \
    AS=root expect_in "a process detached from its live session is of it" alice
REMOTE_CMD="sudo -n sh -c 'echo 70002 >/proc/self/loginuid &&
    exec setpriv --reuid 70002 --regid 70002 --clear-groups \
    sudo -n sh -c \"$INNER\"'" \
    expect_out "another login begun inside a session is not" session.none alice
check "(the login was begun)" sh -c "! grep -q 'loginuid:' $T/err"

# --- what is believed
mkdir -p /home/alice
cat >/home/alice/.pam_environment <<-'END'
	SSH_CONNECTION DEFAULT="9.9.9.9 1 9.9.9.9 2"
	SSH_AUTH_INFO_0 DEFAULT="publickey forged"
END
chown -R alice:alice /home/alice
expect_in "a login with a forged environment" alice
check "its end is recorded" \
    wait_for 5 recorded_since "$BEFORE" session.closed
check "with the addresses that sshd gave" sh -c "! grep -qF 9.9.9.9 $LOG"
rm /home/alice/.pam_environment

# --- a permit too late
sed -i 's/pam_zt.so$/pam_zt.so timeout_ms=500/' /etc/pam.d/sudo
pdp_table <<-'END'
	alice@example.com sudo * => permit delay_ms=1200
	* * * => permit
END
REMOTE_CMD="sudo -n sh -c '$INNER'; s=\$?; sleep 2; exit \$s" \
    expect_out "a permit after the module has given up" none alice
check "is recorded as what it was" \
    wait_for 5 recorded_since "$BEFORE" error.abandoned
sed -i 's/ timeout_ms=500//' /etc/pam.d/sudo
pdp_default

# --- two brokers
/usr/sbin/ztd >$T/out 2>$T/err
check "a second ztd does not start" test $? -eq 1
check "and says what to do" grep -q 'stop it first' $T/err
expect_in "the first serves on" alice
