#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: the broker's manners. A good configuration takes effect by SIGHUP;
# SIGTERM finishes what is in flight; the auth phase refuses or ignores as
# configured; services may do without a credential; a break-glass account gets
# in whatever is down; a locked account does not; the records name who exists.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_all

# last CODE FILTER: the last record with this reason satisfies the jq FILTER
last()
{
	jq -es "map(select(.status_code == \"$1\"))[-1] | $2" $LOG
}

# --- SIGHUP
conf_set pdp timeout_ms 1234
kill -HUP "$(cat $T/pid/ztd)"
timeout_is() { [ "$(ztctl status --json | jq .pdp_timeout_ms)" = "$1" ]; }
check "a good configuration takes effect by SIGHUP" wait_for 5 timeout_is 1234
check "and is recorded" grep -q '"event_code":"zt.reload"' $LOG
expect_in "logins go on under it" alice
REMOTE_CMD="sudo -n id -un; echo in''side" \
    AS=root expect_in "and sudo too" alice

# --- the record of a session joins with the kernel's audit log
check "login, session and end name the audit session" sh -c "
    [ \"\$(jq -s 'map(select(.metadata.event_code == \"ssh.open.allow.session.opened\"
	and .session.uid_alt != null)) | length' $LOG)\" -gt 0 ] ||
    [ \"\$(cat /proc/self/sessionid)\" = 4294967295 ]"

# --- SIGTERM
pdp_answer permit delay_ms=700
login alice &
login_pid=$!
wait_for 5 sh -c "ztctl status --json | jq -e '.requests > 0'"
n=$(records)
stop ztd
wait $login_pid
check "SIGTERM: the decision in flight was finished and recorded" sh -c "
    tail -n +$((n + 1)) $LOG | grep -q policy.permit"
pdp_default
start_ztd

# --- the auth phase
sed -i '1i auth required pam_zt.so' /etc/pam.d/sudo
REMOTE_CMD="echo dave-password | sudo -S -p '' id" \
    expect_out "auth: refused unless configured otherwise" - dave
check "and recorded with the name of who exists" \
    last auth.refused '.user.name == "dave"'
conf_set pam auth ignore
restart_ztd
REMOTE_CMD="echo dave-password | sudo -S -p '' sh -c 'echo in\"\"side; id -un'" \
    AS=root expect_in "auth: ignored, the others decide" dave
sed -i 1d /etc/pam.d/sudo

# --- without a credential
conf_set "service sudo" credential.required no
restart_ztd
attempt $LIMIT setpriv --reuid 1000 --regid 1000 --clear-groups \
    sh -c "echo dave-password | sudo -S -p '' sh -c 'echo in\"\"side; id -un'"
judge_allowed "sudo without a session, where none is required" root
check "the endpoint was asked about a local account" sh -c "tail -n 1 \
    $T/log/requests.log | jq -e '.subject.type == \"local_account\" and
    .subject.id == \"dave\" and .subject.properties.credential == null'"
attempt /mnt/build/tests/lib/zt-pam login dave account
check "a console login without one is told the right thing" \
    grep -q 'a login certificate is required' $T/out

# --- break-glass, as the guide has it
key breakglass
echo 'breakglass:x:1009:1009:break-glass:/home/breakglass:/bin/sh' >>/etc/passwd
echo 'breakglass:x:1009:' >>/etc/group
echo 'breakglass:*:19000:0:99999:7:::' >>/etc/shadow
mkdir -p /home/breakglass
chown 1009:1009 /home/breakglass
cp /root/.ssh/breakglass.pub /etc/ssh/breakglass_keys
cat >>/etc/ssh/sshd_config.d/60-breakglass.conf <<-'END'
	Match User breakglass
	    AuthorizedKeysFile /etc/ssh/breakglass_keys
END
conf_set scope exempt_users "login:root sshd:breakglass sudo:breakglass"
stop sshd
start_sshd
restart_ztd
expect_in "the break-glass account gets in" breakglass
check "and is recorded as exempt" recorded_since "$BEFORE" scope.exempt
stop pdp
expect_in "with the endpoint down" breakglass
stop ztd
expect_in "with the broker down" breakglass
expect_out "nobody else does" - dave
start_pdp
start_ztd

# --- accounts and certificates
sed 's/"uid"/"locked":true,"uid"/' /etc/ztd/users.d/erin.user >$T/erin
cat $T/erin >/etc/ztd/users.d/erin.user
sleep 0.5
expect_out "a locked account stays out" account.locked erin
rm /root/.ssh/alice-cert.pub
ssh-keygen -q -s $T/ca/user -I '' -n alice -V -1m:+10m /root/.ssh/alice.pub
expect_out "a certificate that names nobody does not" \
    record:credential.malformed alice
