#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: sshd itself and zt judge certificates alike.  A stock sshd trusts
# the same CAs; each certificate is used for a real login, from several
# addresses, and zt is asked about it.  What sshd refuses zt must refuse;
# where zt alone refuses, the table says so.
set -u
if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: a private network and mounts for sshd"
	exit 0
fi
if [ -z "${CERT_INSIDE-}" ]; then
	exec env CERT_INSIDE=1 unshare --mount --net --pid --fork \
	    --kill-child --mount-proc --propagation private "$0" "$@"
fi
ZT_CERT=$(realpath "${B:-build}")/tests/lib/zt-cert
mount -t tmpfs none /run || exit 1
mkdir -p /run/sshd /run/cert
ip link set lo up && ip addr add 2001:db8::5/128 dev lo || exit 1
cd /run/cert || exit 1
N=0
RC=0

keygen() # NAME OPTION...
{
	name=$1
	shift
	ssh-keygen -q -N '' -C '' -f "$name" "$@"
}

make_keys()
{
	for prefix in "" ca-; do
		keygen ${prefix}ed25519 -t ed25519
		keygen ${prefix}p256 -t ecdsa -b 256
		keygen ${prefix}p384 -t ecdsa -b 384
		keygen ${prefix}p521 -t ecdsa -b 521
		keygen ${prefix}rsa -t rsa -b 2048
	done
	cat ca-*.pub >cas
	keygen foreign -t ed25519
	keygen host -t ed25519
}

# PAM's account phase replaces sshd's own look for a locked password; here it
# lets everybody in, so that the certificate alone decides.
start_sshd()
{
	cat >pam <<-EOF
		auth required pam_deny.so
		account required pam_permit.so
		session required pam_permit.so
	EOF
	mount --bind pam /etc/pam.d/sshd || exit 1
	cat >sshd_config <<-EOF
		Port 22
		HostKey /run/cert/host
		TrustedUserCAKeys /run/cert/cas
		AuthorizedKeysFile none
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin yes
		UsePAM yes
		PidFile none
		MaxStartups 100
	EOF
	/usr/sbin/sshd -f /run/cert/sshd_config -E /run/cert/sshd.log || exit 1
	i=0
	until ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null | grep -q . ||
	    [ $i -eq 50 ]; do
		i=$((i + 1))
		sleep 0.1
	done
}

sshd_says() # KEY ADDRESS
{
	case $2 in
	*:*) host=::1 ;;
	*) host=127.0.0.1 ;;
	esac
	if ssh -F none -b "$2" -i "$1" -o CertificateFile="$1-cert.pub" \
	    -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none \
	    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
	    -o LogLevel=ERROR -o ConnectTimeout=10 \
	    root@$host echo inside </dev/null 2>/dev/null | grep -q inside; then
		echo permit
	else
		echo refuse
	fi
}

# Sign KEY.pub by CA with the options, then compare the verdicts on a login
# from ADDRESS.
#
# SSHD   permit or refuse: what sshd must say
# ZT     ok, or the code of the reason
judge() # SSHD ZT ADDRESS KEY CA OPTION...
{
	sshd=$1 zt=$2 address=$3 key=$4 ca=$5
	shift 5
	ssh-keygen -q -s "$ca" -I id "$@" "$key.pub" || exit 1
	got_sshd=$(sshd_says "$key" "$address")
	got_zt=$("$ZT_CERT" check -i "$address" cas "$key-cert.pub" |
	    cut -d' ' -f2)
	N=$((N + 1))
	name="$key by $ca from $address, $*: sshd $sshd, zt $zt"
	if [ "$got_sshd" = "$sshd" ] && [ "$got_zt" = "$zt" ]; then
		echo "ok $N - $name"
	else
		echo "not ok $N - $name"
		echo "# sshd: $got_sshd, zt: $got_zt"
		RC=1
	fi
}

each_type()
{
	for key in ed25519 p256 p384 p521 rsa; do
		judge permit ok 127.0.0.1 $key ca-ed25519 -n root -V +1h
		judge permit ok 127.0.0.1 ed25519 "ca-$key" -n root -V +1h
	done
	judge permit ok 127.0.0.1 ed25519 ca-rsa -t rsa-sha2-256 -n root -V +1h
	judge refuse credential.signature 127.0.0.1 \
	    ed25519 ca-rsa -t ssh-rsa -n root -V +1h
}

each_defect()
{
	lo=127.0.0.1
	judge refuse credential.ca $lo ed25519 foreign -n root -V +1h
	judge refuse credential.type $lo ed25519 ca-p256 -h -n root -V +1h
	judge refuse credential.expired $lo ed25519 ca-p256 -n root -V -2h:-1h
	judge refuse credential.not_yet_valid $lo \
	    ed25519 ca-p256 -n root -V +1h:+2h
	judge refuse credential.principals $lo ed25519 ca-p256 -V +1h
	judge refuse credential.principals $lo ed25519 ca-p256 -n '*' -V +1h
	judge refuse credential.critical_option $lo ed25519 ca-p256 \
	    -n root -V +1h -O critical:x@example.com=1
	judge refuse credential.critical_option $lo ed25519 ca-p256 \
	    -n root -V +1h -O critical:source-address=127.0.0.1/8
	judge refuse credential.critical_option $lo ed25519 ca-p256 \
	    -n root -V +1h -O critical:source-address='!10.0.0.1'
	judge refuse credential.critical_option $lo ed25519 ca-p256 \
	    -n root -V +1h -O critical:force-command
	judge permit ok $lo ed25519 ca-p256 -n root,ops -V +1h \
	    -O force-command='echo inside' -O extension:x@example.com=1
	# zt alone refuses: lives too long; a name that some take for all names
	judge permit credential.lifetime $lo ed25519 ca-p256 -n root -V +2d
	judge permit credential.lifetime $lo ed25519 ca-p256 -n root
	judge permit credential.principals $lo \
	    ed25519 ca-p256 -n 'root,*' -V +1h
}

from() # SSHD ZT ADDRESS LIST
{
	judge "$1" "$2" "$3" ed25519 ca-ed25519 -n root -V +1h \
	    -O "source-address=$4"
}

each_address()
{
	elsewhere=credential.source_address
	from permit ok 127.0.0.1 127.0.0.1
	from permit ok 127.0.0.2 127.0.0.0/8
	from permit ok 127.0.0.2 127.0.0.2/31
	from refuse $elsewhere 127.0.0.1 127.0.0.2/31
	from refuse $elsewhere 127.0.0.1 10.0.0.0/8
	from permit ok 127.0.0.1 10.0.0.0/8,127.0.0.1,::1
	from permit ok 127.0.0.1 0.0.0.0/0
	from refuse $elsewhere ::1 0.0.0.0/0
	from permit ok ::1 ::1
	from permit ok 2001:db8::5 10.0.0.0/8,2001:db8::/32
	from permit ok 2001:db8::5 2001:db8::4/127
	from refuse $elsewhere 2001:db8::5 2001:db8::4
	from refuse $elsewhere 127.0.0.1 ::/0
	from refuse $elsewhere 127.0.0.1 ::ffff:127.0.0.1
}

make_keys
start_sshd
each_type
each_defect
each_address
echo "1..$N"
exit $RC
