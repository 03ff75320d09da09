#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: the service manager hears what the broker is doing, and a sign of
# life from its loop in time for as long as that turns, whatever others keep
# it waiting for; none while it is stuck, though the process lives.
. "${0%/*}/lib.sh"
e2e_begin "$@"

WATCHDOG_MS=2000
NOTES=$T/log/notify.log

now_ms()
{
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

# said FROM_MS TEXT: a message since then has this in it
said()
{
	awk -v from="$1" -v text="$2" '
	$1 >= from && index($0, text) { found = 1 }
	END { exit !found }' $NOTES
}

# widest FROM_MS: the longest silence between signs of life until now, ms
widest()
{
	awk -v from="$1" -v end="$(now_ms)" '
	function gap(now) { if (now - last > most) most = now - last }
	BEGIN { last = from }
	/WATCHDOG=1/ && $1 >= from { gap($1); last = $1 }
	END { gap(end); print most + 0 }' $NOTES
}

# check_alive NAME FROM_MS: never so silent that it would have been ended
check_alive()
{
	alive_ms=$(widest "$2")
	echo "# $1: silent for $alive_ms ms at most"
	check "$1" test "$alive_ms" -lt $WATCHDOG_MS
}

# start_watched [VARIABLE=VALUE...]: ztd as a service manager starts it
start_watched()
{
	watched_from=$(now_ms)
	# shellcheck disable=SC2163
	export NOTIFY_SOCKET=$T/notify WATCHDOG_USEC=${WATCHDOG_MS}000 "$@"
	start_ztd
	unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID
}

start_pdp
start_sshd
spawn notify /mnt/build/tests/lib/zt-notify $T/notify
wait_for 5 test -S $T/notify
conf_set pdp timeout_ms 4000
start_watched
check "READY once it serves" wait_for 5 said "$watched_from" READY=1
expect_in "and it does" alice

# --- as it should be
from=$(now_ms)
sleep 5
check_alive "idle: signs of life in time" "$from"
from=$(now_ms)
pdp_answer hang
expect_out "control: the endpoint hangs" error.pdp_timeout alice
check_alive "endpoint hangs: signs of life in time" "$from"
pdp_default
spawn idle setpriv --reuid 65534 --regid 65534 --clear-groups \
    /mnt/build/tests/lib/zt-idle /run/ztd/nss 1000 4
from=$(now_ms)
while running idle; do
	login alice
done
check_alive "logins beside idle connections: signs of life in time" "$from"

from=$(now_ms)
kill -HUP "$(pid_of ztd)"
check "RELOADING with its time at SIGHUP" \
    wait_for 5 said "$from" 'RELOADING=1 MONOTONIC_USEC='
reloaded()
{
	sed -n '/RELOADING=1/,$p' $NOTES | grep -q 'READY=1$'
}
check "and READY after it" wait_for 5 reloaded

# --- stuck: a file that the loop opens does not open.  The rest lives: the
# log's writer is a thread, and the kernel takes connections.
stop ztd
check "STOPPING at SIGTERM" said "$from" STOPPING=1
start_watched
rm /etc/ztd/pdp-ca.pem
mkfifo -m 644 /etc/ztd/pdp-ca.pem
spawn stuck $LIMIT ssh -i /root/.ssh/alice alice@pay-db-1 true
stuck()
{
	! timeout 0.5 ztctl status
}
check "control: stuck" wait_for 10 stuck
from=$(now_ms)
sleep 5
check "stuck: no sign of life" test "$(widest "$from")" -ge 4500
check "stuck: the process lives" running ztd
cat $T/tls/ca.pem >/etc/ztd/pdp-ca.pem
rm /etc/ztd/pdp-ca.pem
cp $T/tls/ca.pem /etc/ztd/pdp-ca.pem
check "stuck no more: signs of life again" \
    wait_for 5 said "$(now_ms)" WATCHDOG=1
expect_in "and logins" alice
stop stuck

# --- it does not come up: not one word of READY
stop ztd
mv $LOG $T/log.away
ln -s $T/log.away $LOG
from=$(now_ms)
check "its log is not to be trusted: not started" \
    sh -c "! NOTIFY_SOCKET=$T/notify timeout 10 ztd"
check "and not READY" sh -c "sleep 0.5; ! tail -n 1 $NOTES | grep READY"
mv $T/log.away $LOG

# --- not watched
start_watched WATCHDOG_PID=1
sleep 2.5
check "another process is watched: no sign of life from this one" \
    sh -c "! tail -n +$(grep -n 'STOPPING=1' $NOTES | tail -n 1 |
	cut -d : -f 1) $NOTES | grep -q WATCHDOG=1"
check "but READY" said "$watched_from" READY=1
