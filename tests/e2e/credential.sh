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
defect "a host certificate" record:credential.type -h
defect "an unknown critical option" record:credential.critical_option \
    -O critical:nobody@example.com=1
defect "source-address: elsewhere" - -O source-address=127.0.0.2/32
KEY=alice-made expect_in "source-address: from there" alice -b 127.0.0.2

made -O "force-command=$REMOTE"
KEY=alice-made REMOTE_CMD='echo not run' \
    expect_in "force-command: permitted, and it is what runs" alice

CA=foreign defect "a CA that nobody trusts" - -n alice
cat $T/ca/foreign.pub >>/etc/ztd/user_ca.sshd.pub
cat $T/ca/user.pub >>/etc/ztd/user_ca.sshd.pub
sed -i 's/user_ca.pub/user_ca.sshd.pub/' /etc/ssh/sshd_config.d/00-zt.conf
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
	cat "$T/ca/$k.pub" >>/etc/ztd/user_ca.pub
	cat "$T/ca/$k.pub" >>/etc/ztd/user_ca.sshd.pub
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
	cp /root/.ssh/$u-shared.pub /root/.ssh/$u-public.pub
	cp /root/.ssh/$u-shared-cert.pub /root/.ssh/$u-public-cert.pub
done
wait_for 5 getent passwd shared >/dev/null

KEY=alice-shared expect_in "shared account: alice may" shared
KEY=bob-shared expect_out "shared account: bob may not" policy.deny shared

key_of_record()
{
	record "$(decision_id)" | grep -c "$1@example.com"
}

KEY=alice-public expect_out "a certificate without its key opens nothing" - \
    shared
KEY=alice-public expect_out "alice's certificate first, then bob signs" \
    policy.deny shared -i /root/.ssh/bob-shared
check "it was decided on bob" sh -c \
    "grep -F $(decision_id) $LOG | grep -q bob@example.com"
KEY=bob-public expect_in "bob's certificate first, then alice signs" shared \
    -i /root/.ssh/alice-shared
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
	attempt $LIMIT ssh -o IdentityFile=none "$@" shared@pay-db-1 \
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
sed -i '/AuthorizedKeysFile/d' /etc/ssh/sshd_config.d/00-zt.conf
mkdir -p /home/alice/.ssh
cp /root/.ssh/alice-plain.pub /home/alice/.ssh/authorized_keys
chown -R alice:alice /home/alice/.ssh
stop sshd
start_sshd
KEY=alice-plain expect_out "not even where sshd takes it" credential.none alice
cp /root/.ssh/alice.pub /root/.ssh/alice-thief.pub
cp /root/.ssh/alice-cert.pub /root/.ssh/alice-thief-cert.pub
KEY=alice-thief expect_out \
    "nor after a certificate was offered without its key" \
    record:credential.mismatch alice -i /root/.ssh/alice-plain
# shellcheck disable=SC2086
KEY=alice-thief login alice -i /root/.ssh/alice-plain -N -f \
    -o ExitOnForwardFailure=yes -L 127.0.0.1:2023:127.0.0.1:$SSH_PORT
sleep 0.5
if ssh-keyscan -p 2023 127.0.0.1 2>/dev/null | grep -q ssh-; then
	fail "nor for a forwarding: ALLOWED"
else
	pass "nor for a forwarding"
fi
