#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: an end-to-end script leaves nothing behind on the machine, also when
# it fails or is killed: no mount, no process, no file, no change.

# The victim: a script that starts everything and then ends as it is told.
if [ "${1-}" = --victim ]; then
	. "${0%/*}/lib.sh"
	e2e_begin "$@"
	start_all
	login alice
	touch /etc/left /usr/left /home/left /root/.ssh/left /run/left
	: >"/mnt/build/e2e/ready.$2"
	case $2 in
	ends) exit 0 ;;
	fails) exit 1 ;;
	esac
	sleep 60
	exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: mounts, sshd, users"
	exit 0
fi
N=0
FAILED=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# Everything of the machine that a script could have touched.
snapshot()
{
	{
		cat /proc/self/mounts
		ls -lR --time-style=full-iso /etc /home /root/.ssh
		ls -ld --time-style=full-iso /usr/sbin/ztd /usr/bin/ztctl \
		    /usr/libexec/zt /usr/lib/*/security/pam_zt.so \
		    /usr/lib/*/libnss_zt.so.2 /run/ztd /run/sshd /run/e2e \
		    /var/lib/ztd /var/log/ztd /mnt/* /usr /usr/* /var/*
		hostname
	} 2>&1
}

# Processes of the namespaces; every one has this word in its environment.
left()
{
	grep -lz "^E2E_TAG=$1$" /proc/[0-9]*/environ 2>/dev/null | wc -l
}

# unchanged NAME TAG
unchanged()
{
	N=$((N + 1))
	snapshot >"$work/after"
	sleep 0.2
	if cmp -s "$work/before" "$work/after" && [ "$(left "$2")" -eq 0 ]; then
		echo "ok $N - $1"
		return
	fi
	echo "not ok $N - $1 ($(left "$2") processes left)"
	diff "$work/before" "$work/after" | head -20 | sed 's/^/# /'
	FAILED=1
}

# run HOW: the script in the background; wait until it has started everything
run()
{
	rm -f "$ready.$1"
	# a shell's background jobs ignore SIGINT, for ever unless told here
	E2E_TAG=$1 env --default-signal=INT "$0" --victim "$1" >"$work/out" 2>&1 &
	victim=$!
	i=0
	while [ ! -e "$ready.$1" ] && [ $i -lt 200 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	rm -f "$ready.$1"
}

ready=$(realpath "${B:-build}")/e2e/ready
mkdir -p "${ready%/*}"
snapshot >"$work/before"
for how in ends fails; do
	run $how
	wait $victim
	unchanged "a script that $how leaves nothing" $how
done
for sig in TERM INT KILL; do
	run $sig
	kill -$sig $victim
	wait $victim 2>/dev/null
	sleep 0.5
	unchanged "a script killed by SIG$sig leaves nothing" $sig
done
echo "1..$N"
exit $FAILED
