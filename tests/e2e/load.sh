#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: under load every attempt is answered and none wrongly, and a
# stranger who holds a thousand connections delays no login.
. "${0%/*}/lib.sh"
e2e_begin "$@"
start_all

# many N PARALLEL COMMAND: run COMMAND, a text in which $i is 1 to N, that many
# at a time; what it says, and its status, go to $T/many/$i
many()
{
	rm -rf $T/many
	mkdir -p $T/many
	cat >$T/nth <<-END
	i=\$1
	exec >$T/many/\$i 2>&1 </dev/null
	user=alice
	[ \$((i % 2)) -eq 1 ] || user=bob
	$3
	echo "status \$?"
	END
	seq "$1" | xargs -P "$2" -n 1 sh $T/nth
	# for a failure's diagnosis: what was said, and how often
	cat $T/many/* | sed 's/(decision .*//' | sort | uniq -c >$T/out
}

# Odd ones are alice's, who may, even ones bob's, who may not.
LOGIN='timeout -k 5 60 ssh -i /root/.ssh/$user -o IdentitiesOnly=yes \
    -o ConnectTimeout=50 $user@pay-db-1 "echo in'"''"'side"'
ACCOUNT='[ $user = bob ] || user=dave
    timeout -k 5 60 /mnt/build/tests/lib/zt-pam login $user account'

# count PATTERN odd|even: files of such logins that have a line PATTERN
count()
{
	count_n=0
	for f in $T/many/*; do
		case $2,$((${f##*/} % 2)) in
		odd,1 | even,0)
			! grep -qx "$1" "$f" || count_n=$((count_n + 1))
			;;
		esac
	done
	echo $count_n
}

ATTEMPTS=240
PARALLEL=60
before=$(records)
many $ATTEMPTS $PARALLEL "$LOGIN"
check "$ATTEMPTS logins, $PARALLEL at once: everyone who may is in" \
    test "$(count inside odd),$(count 'status 0' odd)" = \
    $((ATTEMPTS / 2)),$((ATTEMPTS / 2))
check "$ATTEMPTS logins, $PARALLEL at once: nobody who may not is" \
    test "$(count inside even)" = 0
check "$ATTEMPTS logins, $PARALLEL at once: all of them were told why" \
    test "$(count 'zt: access denied: .*on leave.*' even)" = $((ATTEMPTS / 2))
logins_recorded()
{
	tail -n "+$((before + 1))" $LOG |
	    jq -r .metadata.event_code | grep -c "^ssh\.login\.$1\."
}
check "one record for each who may" \
    test "$(logins_recorded allow)" = $((ATTEMPTS / 2))
check "one record for each who may not" \
    test "$(logins_recorded deny)" = $((ATTEMPTS / 2))
check "all records are whole lines of JSON" jq -e . $LOG
check "no session is left over" \
    wait_for 10 sh -c '! ztctl sessions | grep -q alice'

# --- attempts without sshd between, all at once
conf_set 'service login' credential.required no
restart_ztd
many 1000 1000 "$ACCOUNT"
check "1000 attempts at once: everyone who may is in" \
    test "$(count 'status 0' odd)" = 500
check "1000 attempts at once: nobody who may not is" \
    test "$(count 'status 0' even)" = 0
check "1000 attempts at once: all of them were told why" \
    test "$(count 'says: zt: access denied: .*on leave.*' even)" = 500

# --- strangers
idle()
{
	spawn "idle$1" setpriv --reuid "$1" --regid 65534 --clear-groups \
	    /mnt/build/tests/lib/zt-idle /run/ztd/nss "$2" 20
}
slowest()
{
	slowest_ms=0
	for _ in 1 2 3 4 5 6 7 8; do
		from=$(date +%s%N)
		login alice
		ms=$((($(date +%s%N) - from) / 1000000))
		[ $STATUS -eq 0 ] && [ $RAN = yes ] || ms=99999
		[ $ms -le $slowest_ms ] || slowest_ms=$ms
	done
	echo $slowest_ms
}
quiet_ms=$(slowest)
idle 65534 1000
for uid in 2001 2002 2003 2004 2005 2006 2007 2008; do
	idle $uid 125
done
sleep 0.5
busy_ms=$(slowest)
echo "# slowest of 8 logins: $quiet_ms ms alone, $busy_ms ms beside" \
    "2000 idle connections"
check "idle connections: logins go on" test "$busy_ms" -lt 99999
check "idle connections: at the speed they had" \
    test "$busy_ms" -le $((quiet_ms * 2 + 500))
check "idle connections: root's lookups go on" getent passwd alice
for name in 65534 2001 2002 2003 2004 2005 2006 2007 2008; do
	stop "idle$name"
done
check "idle connections: others' lookups go on afterwards" \
    setpriv --reuid 2001 --regid 65534 --clear-groups getent passwd alice
check "the broker lives" ztctl status
rss_kb()
{
	awk '/^VmRSS:/ { print $2 }' "/proc/$(pid_of ztd)/status"
}
echo "# ztd: $(rss_kb) kB resident"
