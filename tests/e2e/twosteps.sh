#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: where sshd demands a certificate and then a password through PAM
# (keyboard-interactive), whose PAM phases run in a child of the process that
# was offered the certificate, the login is decided on that certificate; and a
# keyboard-interactive login without one is refused.
. "${0%/*}/lib.sh"
e2e_begin "$@"

cat >>/etc/ssh/sshd_config.d/50-e2e.conf <<-END
	KbdInteractiveAuthentication yes
	AuthenticationMethods publickey,keyboard-interactive:pam
END
sed -i '/^KbdInteractiveAuthentication no/d' /etc/ssh/sshd_config \
    /etc/ssh/sshd_config.d/00-zt.conf
pdp_table <<-'END'
	dave@example.com  ssh_login  dave  => permit
	dave@example.com  sudo       dave  => permit
END
start_all

cat >$T/askpass <<-'END'
	#!/bin/sh
	echo dave-password
END
chmod 700 $T/askpass

# two_steps [ssh options]: dave's certificate, then dave's password
two_steps()
{
	export SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force
	attempt $LIMIT ssh -i /root/.ssh/dave -o IdentitiesOnly=yes \
	    -o BatchMode=no -o NumberOfPasswordPrompts=1 -o \
	    PreferredAuthentications=publickey,keyboard-interactive "$@" \
	    dave@pay-db-1 "${REMOTE_CMD:-$REMOTE}"
}

two_steps
judge_allowed "a certificate and a password: in" dave
check "it was decided on the certificate" grep -q '"key_id":"dave@example.com"' \
    $T/log/requests.log
check "its session is registered and recorded" \
    recorded_since "$BEFORE" session.opened
REMOTE_CMD="echo in''side; echo dave-password | sudo -S -p '' id -un" two_steps
judge_allowed "sudo in it finds the certificate" root

echo "* * * => deny reason=no" | pdp_table
two_steps
judge_refused "denied by policy" policy.deny

pdp_default
echo 'echo wrong' >>$T/askpass
sed -i '/dave-password/d' $T/askpass
two_steps
judge_refused "a certificate and a wrong password: out" -

sed -i '/^AuthenticationMethods/d' /etc/ssh/sshd_config.d/50-e2e.conf
echo 'AuthenticationMethods keyboard-interactive:pam' \
    >>/etc/ssh/sshd_config.d/50-e2e.conf
stop sshd
start_sshd
printf '#!/bin/sh\necho dave-password\n' >$T/askpass
two_steps -o PubkeyAuthentication=no
judge_refused "a password alone: no certificate, no login" credential.none
