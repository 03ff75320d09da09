#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: zt reads certificates as OpenSSH does.  For certificates of every
# subject type by every type of CA, what zt decodes is printed in the format
# of ssh-keygen -L and must be equal to it, byte for byte.  For thousands of
# damaged ones, what ssh-keygen refuses to read zt refuses too.
set -u
ZT_CERT=$(realpath "${B:-build}")/tests/lib/zt-cert
DIR=$(mktemp -d) || exit 1
trap 'rm -rf "$DIR"' EXIT
cd "$DIR" || exit 1
TZ=UTC
export TZ

N=0
RC=0
SUBJECTS="ed25519 p256 p384 p521 rsa sk-ed25519 sk-p256"

result() # STATUS NAME
{
	N=$((N + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $N - $2"
	else
		echo "not ok $N - $2"
		RC=1
	fi
}

keygen() # NAME OPTION...
{
	name=$1
	shift
	ssh-keygen -q -N '' -C '' -f "$name" "$@"
}

# shellcheck disable=SC2059
u32() # NUMBER: four bytes, big-endian
{
	printf "\\000\\000\\$(printf %03o $(($1 / 256)))\\$(printf %03o $(($1 % 256)))"
}

string() # TEXT
{
	u32 ${#1}
	printf %s "$1"
}

# A hardware key's public half, from a plain key's: another name before its
# fields, the application after them.
hardware_key() # PLAIN TYPE OUT
{
	plain=$(cut -d' ' -f1 "$1.pub")
	{
		string "$2"
		cut -d' ' -f2 "$1.pub" | base64 -d |
		    tail -c +$((4 + ${#plain} + 1))
		string ssh:
	} | base64 -w0 | sed "s/^/$2 /" >"$3.pub"
	echo >>"$3.pub"
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
	hardware_key ed25519 sk-ssh-ed25519@openssh.com sk-ed25519
	hardware_key p256 sk-ecdsa-sha2-nistp256@openssh.com sk-p256
	cat ca-*.pub >cas
}

sign() # CA OPTION... SUBJECT: adds the certificate to ./certs
{
	ca=$1
	shift
	for subject; do :; done
	ssh-keygen -q -s "$ca" "$@" 2>/dev/null || return 1
	cat "${subject%.pub}-cert.pub" >>certs
}

# Both programs read ./certs; they must say the same of every line.
same_fields() # NAME
{
	ssh-keygen -L -f certs >theirs 2>theirs.err
	"$ZT_CERT" show certs >ours 2>ours.err
	cmp -s theirs ours && [ -s ours ] && [ ! -s ours.err ] &&
	    [ "$(grep -c Type: ours)" -eq "$(grep -c . certs)" ]
	status=$?
	[ $status -eq 0 ] || diff theirs ours | sed 's/^/# /'
	result $status "$1"
}

same_for_each_type()
{
	for signer in ca-ed25519:ssh-ed25519 ca-p256:ecdsa-sha2-nistp256 \
	    ca-p384:ecdsa-sha2-nistp384 ca-p521:ecdsa-sha2-nistp521 \
	    ca-rsa:rsa-sha2-256 ca-rsa:rsa-sha2-512; do
		: >certs
		for s in $SUBJECTS; do
			sign "${signer%:*}" -t "${signer#*:}" -z 4711 \
			    -I "alice@example.com" -n alice,ops -V -1m:+1h "$s.pub"
		done
		same_fields "fields of all subject types by ${signer#*:}"
		"$ZT_CERT" check cas certs >verdicts &&
		    [ "$(grep -c ' ok$' verdicts)" -eq 7 ]
		result $? "all subject types by ${signer#*:} are good"
	done
}

same_for_each_field()
{
	: >certs
	sign ca-p256 -I "" -z 0 -n "" p256.pub
	sign ca-p256 -I 'a "quoted" \ id' -z 18446744073709551615 p256.pub
	sign ca-p256 -I "$(printf 'm\303\274ller')" -n a,b,c,d,e,f p256.pub
	sign ca-p256 -I id -h -n host.example.com -V +1d p256.pub
	same_fields "serial, key id and principals"
	: >certs
	sign ca-p256 -I id -n alice p256.pub
	sign ca-p256 -I id -n alice -V always:20300102030405Z p256.pub
	sign ca-p256 -I id -n alice -V 20200102030405Z:forever p256.pub
	sign ca-p256 -I id -n alice -V 20200102030405Z:20991231235959Z p256.pub
	same_fields "validity"
	: >certs
	sign ca-p256 -I id -n alice -O clear p256.pub
	sign ca-p256 -I id -n alice -O force-command='/bin/echo "a, b"' \
	    -O source-address=10.0.0.0/8,192.0.2.1,2001:db8::/32 \
	    -O verify-required p256.pub
	sign ca-p256 -I id -n alice -O critical:a@example.com=value \
	    -O critical:b@example.com p256.pub
	sign ca-p256 -I id -n alice -O extension:a@example.com=value \
	    -O extension:b@example.com -O extension:c@example.com= \
	    -O no-touch-required p256.pub
	same_fields "critical options and extensions"
}

# Lines of ./mutants that a program refused, sorted.
mutants_refused() # SUBJECT CA
{
	"$ZT_CERT" mutate "$1-cert.pub" >mutants
	ssh-keygen -L -f mutants 2>&1 >/dev/null |
	    sed -n 's/^mutants:\([0-9]*\)[: ].*/\1/p' | sort -u >theirs
	"$ZT_CERT" check "$2.pub" mutants |
	    sed -n '/ ok$/!s/ .*//p' | sort -u >ours
}

# Each mutant has a wrong signature at least: neither may read one.
mutants() # SUBJECT CA
{
	ssh-keygen -q -s "$2" -I id -n alice,ops -V -1m:+1h \
	    -O source-address=10.0.0.0/8 "$1.pub"
	mutants_refused "$1" "$2"
	[ -s theirs ] && [ -z "$(comm -23 theirs ours)" ]
	result $? "what ssh-keygen refuses of $1 by $2, zt refuses"
	[ "$(grep -c . ours)" -eq "$(grep -c . mutants)" ]
	result $? "none of $(grep -c . mutants) damaged $1 by $2 is good"
}

command -v ssh-keygen >/dev/null || {
	echo "1..0 # SKIP ssh-keygen is not installed"
	exit 0
}
make_keys
same_for_each_type
same_for_each_field
mutants ed25519 ca-ed25519
mutants p256 ca-p384
mutants rsa ca-p521
mutants sk-ed25519 ca-rsa
mutants sk-p256 ca-p256
echo "1..$N"
exit $RC
