#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# make bench-change: one of many records is replaced; how long until a process
# that has the snapshot mapped sees it?  The real broker, on a host of its own
# (see e2e/lib.sh).  Missing the goal is no failure; not to see it is.
#
#   BENCH_CHANGE_USERS=n  users (100000)
if [ "$(id -u)" -ne 0 ]; then
	echo "bench-change: needs root, for a mount namespace of its own"
	exit 1
fi
. "${0%/*}/../e2e/lib.sh"
e2e_begin "${BENCH_CHANGE_USERS-100000}"
users=$1
BIN=/mnt/build/tests/bench/nss
DIR=/etc/ztd/users.d

trap 'stop ztd; cp $T/log/ztd.log "/mnt/build/change.log" 2>/dev/null' EXIT
conf_set identity id_range 2013265920-2147352575
printf 'passwd: files zt\ngroup: files zt\n' >/etc/nsswitch.conf
rm -f $DIR/*
$BIN/zt-bench-change $DIR "$users" make || exit 1
spawn ztd /usr/sbin/ztd
last=$(printf 'user%07d' $((users - 1)))
before=$(date +%s%N)
wait_for 120 getent passwd "$last" || {
	tail -n 10 $T/log/ztd.log
	echo "bench-change: ztd does not come up with $users users"
	exit 1
}
echo "$users users: the first snapshot took $((($(date +%s%N) - before) / 1000000)) ms"
sleep 2
# shellcheck disable=SC2046 # two words
set -- $(timeout 200 $BIN/zt-bench-change $DIR "$users" 10)
[ $# -eq 2 ] || {
	tail -n 10 $T/log/ztd.log
	exit 1
}
echo "one user changed: seen after $1 ms (median of 10), $2 ms at most"
awk -v ms="$1" 'BEGIN { printf "  goal: in 50 ms: %s\n",
    ms < 50 ? "met" : "MISSED" }'
