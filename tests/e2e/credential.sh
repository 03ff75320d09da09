#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: only a complete, valid, short-lived certificate of a known CA for
# the account lets anybody in, of every key type; it is the certificate whose
# key signed that is decided on, whatever else was offered before it.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_all

# --- defects; sshd asks zt for the principals first, so there is a record
expect_in "control: alice's certificate is good" alice

KEY=alice expect_out "another account: alice's certificate for bob" \
    record:credential.account bob
KEY=alice expect_out "an unknown account" - nosuch

# made ARGUMENTS...: alice's key with a certificate made so
made()
{
	rm -f /root/.ssh/alice-made*
	cp /root/.ssh/alice /root/.ssh/alice-made
	cp /root/.ssh/alice.pub /root/.ssh/alice-made.pub
	cert alice-made "$@"
}

# defect NAME CODE ARGUMENTS...: such a certificate is refused
defect()
{
	defect_name=$1 defect_code=$2
	shift 2
	made "$@"
	KEY=alice-made expect_out "$defect_name" "$defect_code" alice
}

defect "expired" record:credential.expired -V -2h:-1h
defect "not yet valid" record:credential.not_yet_valid -V +1h:+2h
defect "valid for too long" record:credential.lifetime -V -1m:+52w
defect "valid for ever" record:credential.lifetime -V always:forever
defect "no principals" record:credential.principals -n NONE
defect "the principal *" record:credential.principals -n '*'
defect "for another principal only" record:credential.account -n bob
# ssh offers no host certificate, so zt-principals is run as sshd runs it
made -h
BEFORE=$(records)
check "a host certificate: no principal is good" test -z \
    "$(setpriv --reuid ztd --regid ztd --clear-groups \
    /usr/libexec/zt/zt-principals alice \
    "$(cut -d ' ' -f 2 /root/.ssh/alice-made-cert.pub)")"
check "a host certificate: and the record says why" \
    wait_for 5 recorded_since "$BEFORE" credential.type
defect "an unknown critical option" record:credential.critical_option \
    -O critical:nobody@example.com=1
defect "source-address: elsewhere" - -O source-address=127.0.0.2/32
KEY=alice-made expect_in "source-address: from there" alice -b 127.0.0.2

made -O "force-command=$REMOTE"
KEY=alice-made REMOTE_CMD='echo not run' \
    expect_in "force-command: permitted, and it is what runs" alice

CA=foreign defect "a CA that nobody trusts" - -n alice
cat $T/ca/foreign.pub >>/etc/ztd/sshd-ca.pub
cat $T/ca/user.pub >>/etc/ztd/sshd-ca.pub
sed -i 's/user-ca.pub/sshd-ca.pub/' /etc/ssh/sshd_config.d/00-zt.conf
stop sshd
start_sshd
CA=foreign defect "a CA that sshd trusts and zt does not" \
    record:credential.ca -n alice

# --- every key type, as subject and as CA
for t in rsa:3072 ecdsa:256 ecdsa:384 ecdsa:521 ed25519:256; do
	k=alice-${t%:*}${t#*:}
	key "$k" -t "${t%:*}" -b "${t#*:}"
	cert "$k"
	KEY=$k expect_in "a certificate for an ${t%:*} key of ${t#*:} bits" alice
	ssh-keygen -q -t "${t%:*}" -b "${t#*:}" -N '' -f "$T/ca/$k"
	cat "$T/ca/$k.pub" >>/etc/ztd/user-ca.pub
	cat "$T/ca/$k.pub" >>/etc/ztd/sshd-ca.pub
done
restart_ztd
for t in rsa3072 ecdsa256 ecdsa384 ecdsa521 ed25519256; do
	CA=alice-$t made
	KEY=alice-made expect_in "a certificate signed by an $t CA" alice
done

# --- which of several certificates counts
#
# Two people share the account "shared": alice, who may, and bob, who may not.
user_record shared 70020
for u in alice bob; do
	cp /root/.ssh/$u /root/.ssh/$u-shared
	cp /root/.ssh/$u.pub /root/.ssh/$u-shared.pub
	cert $u-shared -n shared
	# the same without the private key, as a thief of certificates has it
	cp /root/.ssh/$u-shared.pub /root/.ssh/$u-public
	cp /root/.ssh/$u-shared-cert.pub /root/.ssh/$u-public-cert.pub
done

# stolen NAME OWN: ssh options to offer NAME's certificate, without its key,
# before that of OWN, or before the plain key OWN
stolen()
{
	echo "-o CertificateFile=/root/.ssh/$1-public-cert.pub \
	    -i /root/.ssh/$2 $([ ! -e "/root/.ssh/$2-cert.pub" ] ||
	    echo "-o CertificateFile=/root/.ssh/$2-cert.pub")"
}

# offered NAME: the certificate was offered in the last attempt
offered()
{
	tail -n "+$((SSHD_BEFORE + 1))" $T/log/sshd.log |
	    grep 'publickey test pkalg [^ ]*-cert-v01@openssh.com' |
	    grep -qF "$(ssh-keygen -lf "/root/.ssh/$1.pub" | cut -d ' ' -f 2)"
}

# mark_offers: offers from here on count
mark_offers()
{
	SSHD_BEFORE=$(wc -l <$T/log/sshd.log)
}

# decided_on NAME: the last record of a decision is about NAME's certificate
decided_on()
{
	jq -e --arg id "$1@example.com" -s 'map(select(.metadata.event_code |
	    startswith("ssh.login")))[-1] | tostring | contains($id)' $LOG
}

wait_for 5 getent passwd shared >/dev/null

KEY=alice-shared expect_in "shared account: alice may" shared
KEY=bob-shared expect_out "shared account: bob may not" policy.deny shared

mark_offers
# shellcheck disable=SC2046
KEY=alice-public expect_out "a certificate without its key opens nothing" - \
    shared -o CertificateFile=/root/.ssh/alice-public-cert.pub
check "(it was offered)" offered alice
mark_offers
# shellcheck disable=SC2046
KEY=alice-public expect_out "alice's certificate first, then bob signs" \
    policy.deny shared $(stolen alice bob-shared)
check "(hers was offered)" offered alice
check "it was decided on bob" decided_on bob
mark_offers
# shellcheck disable=SC2046
KEY=bob-public expect_in "bob's certificate first, then alice signs" shared \
    $(stolen bob alice-shared)
check "(his was offered)" offered bob
check "it was decided on alice" decided_on alice
KEY=bob-shared expect_out "two keys: the first that works is used (bob)" \
    policy.deny shared -i /root/.ssh/alice-shared
KEY=alice-shared expect_in "two keys: the first that works is used (alice)" \
    shared -i /root/.ssh/bob-shared
KEY=bob expect_in "another account's certificate first, with its key" alice \
    -i /root/.ssh/alice

eval "$(ssh-agent -s)" >/dev/null
ssh-add -q /root/.ssh/bob-shared /root/.ssh/alice-shared 2>/dev/null
agent_login()
{
	attempt $LIMIT ssh -o IdentityFile=none shared@pay-db-1 \
	    "$REMOTE"
}
agent_login
judge_refused "agent: bob's key comes first and is decided on" policy.deny
ssh-add -q -D 2>/dev/null
ssh-add -q /root/.ssh/alice-shared /root/.ssh/bob-shared 2>/dev/null
agent_login
judge_allowed "agent: alice's key comes first and is decided on" shared
ssh-agent -k >/dev/null

# --- plain keys
key alice-plain
KEY=alice-plain expect_out "a plain key is no credential" - alice
sed -i '/^AuthorizedKeysFile/d' /etc/ssh/sshd_config.d/00-zt.conf
mkdir -p /home/alice/.ssh
cp /root/.ssh/alice-plain.pub /home/alice/.ssh/authorized_keys
chown -R alice:alice /home/alice/.ssh
stop sshd
start_sshd
KEY=alice-plain expect_out "not even where sshd takes it" credential.none alice
for f in alice-public alice-public-cert.pub; do
	rm /root/.ssh/$f
done
cp /root/.ssh/alice.pub /root/.ssh/alice-public
cp /root/.ssh/alice-cert.pub /root/.ssh/alice-public-cert.pub
mark_offers
# shellcheck disable=SC2046
KEY=alice-public expect_out \
    "nor after a certificate was offered without its key" \
    record:credential.mismatch alice $(stolen alice alice-plain)
check "(it was offered)" offered alice
# shellcheck disable=SC2046
$LIMIT ssh -N -i /root/.ssh/alice-public $(stolen alice alice-plain) \
    -o IdentitiesOnly=yes -o ExitOnForwardFailure=yes \
    -L 127.0.0.1:2023:127.0.0.1:$SSH_PORT alice@pay-db-1 >$T/out 2>$T/err &
thief_pid=$!
sleep 1
if ssh-keyscan -T 2 -p 2023 127.0.0.1 2>/dev/null | grep -q ssh-; then
	fail "nor for a forwarding: ALLOWED"
else
	pass "nor for a forwarding"
fi
kill $thief_pid 2>/dev/null
