#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# make bench: what zt costs, as ratios against floors and peers measured in
# the same run, on a host of its own (see e2e/lib.sh) that is gone afterwards.
# Missing a goal is no failure; a wrong or missing answer is.
#
#   bench.sh [PART...]   PART  acct, login, burst, idle or memory
if [ "$(id -u)" -ne 0 ]; then
	echo "bench: needs root, for a mount namespace with an sshd and users" \
	    "of its own; nothing outside it is touched: sudo make bench"
	exit 1
fi
. "${0%/*}/../e2e/lib.sh"
e2e_begin "$@"
trap 'bench_end $?' EXIT

BIN=/mnt/build/tests/bench
W=/mnt/build/bench-work	# on a disk, as the log of a real host
R=$T/results
CA=/etc/ztd/pdp-ca.pem
URL=https://localhost:$PDP_PORT/access/v1/evaluation
WRONG=0

bench_end()
{
	trap - EXIT
	mkdir -p "/mnt/build/e2e/$E2E_SELF"
	cp $T/log/*.log $R/* $W/*/log "/mnt/build/e2e/$E2E_SELF/" 2>/dev/null
	umount /var/log/ztd 2>/dev/null
	rm -rf $W
	if [ "$1" -ne 0 ]; then
		echo "bench: ended early, status $1; logs in e2e/$E2E_SELF of" \
		    "the build directory"
		tail -n 5 $T/log/*.log
		exit "$1"
	fi
	# without a number, exit in a trap forgets what the trap has found
	[ $WRONG -eq 0 ] || exit 1
	exit 0
}

# measure NAME SECONDS COMMAND...: its output is results file NAME
measure()
{
	measure_name=$1 measure_s=$2
	shift 2
	if ! timeout -k 5 "$measure_s" "$@" >"$R/$measure_name" \
	    2>"$T/log/$measure_name.log"; then
		WRONG=$((WRONG + 1))
		echo "bench: $measure_name: WRONG OR MISSING:"
		cat "$T/log/$measure_name.log" "$R/$measure_name"
	fi
}

# value FILE NAME [FIELD]: of the line that begins with NAME
value()
{
	awk -v name="$2" -v field="${3:-2}" \
	    '$1 == name { print $field; found = 1; exit }
	     END { if (!found) print 0 }' "$R/$1"
}

# calc EXPRESSION [FORMAT]
calc()
{
	awk "BEGIN { printf \"${2:-%.2f}\", ($1) }"
}

# ratio A B: A / B, or "-" if B is none
ratio()
{
	calc "($2) > 0 ? ($1) / ($2) : 0"
}

title()
{
	printf '\n%-45s %10s  %s\n' "$@"
}

line()
{
	printf '  %-43s %10s  %s\n' "$@"
}

# goal TEXT EXPRESSION
goal()
{
	if [ "$(calc "($2) ? 1 : 0" %d)" -eq 1 ]; then
		printf '  goal: %s: met\n' "$1"
	else
		printf '  goal: %s: MISSED\n' "$1"
	fi
}

# --- The host

prepare()
{
	rm -rf $W
	mkdir -p $W/log $W/pam $R
	chown ztd:ztd $W/log
	chmod 2750 $W/log
	mount --bind $W/log /var/log/ztd
	conf_set 'service login' credential.required no
	echo 'account required pam_zt.so' >$W/pam/login
	echo 'account required pam_permit.so' >$W/pam/none
	start_pdp
	start_ztd
	# the request that the broker sends, for others to send
	timeout 10 $BIN/zt-bench-map $W/pam >/dev/null ||
	    die "dave is not permitted"
	tail -n 1 $T/log/requests.log | tr -d '\n' >$T/body
}


# --- One account decision

bench_acct()
{
	measure acct 60 $BIN/zt-bench-acct 400 1 $URL $CA $T/body $W/pam \
	    echo https sync call module none peer
	measure hot 30 $BIN/zt-bench-acct 20 20 $URL $CA $T/body $W/pam \
	    echo https sync call
	a=$(value acct echo) b=$(value acct https) c=$(value acct sync)
	call=$(value acct call) module=$(value acct module)
	none=$(value acct none) peer=$(value acct peer)
	title "one account decision, each in turn (medians)" us "ratio"
	line "a  Unix socket echo, with connect" "$a" ""
	line "b  the same request, connection kept" "$b" ""
	line "c  write and fdatasync ($(stat -f -c %T $W/log)), 2 KiB" "$c" ""
	line "floor: a + b + c" "$(calc "$a + $b + $c" %.1f)" 1
	line "broker, first byte to answer" "$call" \
	    "$(ratio "$call" "$a + $b + $c") of the floor"
	line "  of it neither a, b nor c" \
	    "$(calc "$call - $a - $b - $c" %.1f)" ""
	line "PAM with pam_permit.so" "$none" ""
	line "PAM with pam_zt.so" "$module" \
	    "$(ratio "$module" "$call + $none") of broker + pam_permit"
	line "peer: libcurl in the process, TLS each time" "$peer" \
	    "$(ratio "$peer" "$call") of the broker"
	a_hot=$(value hot echo) b_hot=$(value hot https)
	c_hot=$(value hot sync) call_hot=$(value hot call)
	line "each repeated 20 times, caches hot: floor" \
	    "$(calc "$a_hot + $b_hot + $c_hot" %.1f)" 1
	line "each repeated 20 times, caches hot: broker" "$call_hot" \
	    "$(ratio "$call_hot" "$a_hot + $b_hot + $c_hot") of the floor"
	goal "broker at most a + b + c + 200 us" \
	    "$call <= $a + $b + $c + 200"
}

# --- One login

# setup NAME PORT PRINCIPALS-COMMAND: stock but for what is said
setup()
{
	mkdir -p "$W/$1"
	cat >"$W/$1/sshd_config" <<-END
	Port $2
	ListenAddress 127.0.0.1
	HostKey /etc/ssh/ssh_host_ed25519_key
	PidFile none
	KbdInteractiveAuthentication no
	PasswordAuthentication no
	AuthorizedKeysFile none
	UsePAM yes
	PrintMotd no
	TrustedUserCAKeys /etc/ztd/user-ca.pub
	END
	if [ -n "${3-}" ]; then
		printf '%s\n' "AuthorizedPrincipalsCommand $3" \
		    'AuthorizedPrincipalsCommandUser ztd' \
		    >>"$W/$1/sshd_config"
	fi
	cp /etc/pam.d/sshd "$W/$1/pam"
	cp /etc/nsswitch.conf "$W/$1/nsswitch.conf"
	if [ "$1" != zt ]; then
		sed -i /pam_zt/d "$W/$1/pam"
		sed -i 's/ zt$//' "$W/$1/nsswitch.conf"
	fi
}

bench_login()
{
	# sshd wants a path that only root can write to, up to /
	cp $BIN/zt-bench-bare /usr/libexec/zt/
	setup stock 2200
	setup floor 2201 '/usr/libexec/zt/zt-bench-bare %u %k'
	setup zt 2202 '/usr/libexec/zt/zt-principals %u %k'
	measure login 110 $BIN/zt-bench-login 100 3 75 "$(pid_of ztd)" \
	    /usr/sbin/sshd $W stock floor zt
	stock=$(value login stock) floor=$(value login floor)
	zt=$(value login zt)
	title "one login, $(value login rounds) rounds of 3 (medians)" \
	    "CPU us" "wall us   CPU, ratio in the same round"
	line "stock: certificate, no zt" "$stock" "$(value login stock 3)"
	line "floor: with a bare principals command" "$floor" \
	    "$(value login floor 3)     $(spread floor/stock) of stock"
	line "zt: complete" "$zt" \
	    "$(value login zt 3)     $(spread zt/stock) of stock"
	line "" "" "          $(spread zt/floor) of the floor"
	line "ztd itself" "$(value login broker)" ""
	line "zt and ztd" "$(calc "$zt + $(value login broker)" %.0f)" \
	    "          $(spread zt+broker/floor) of the floor"
	line "wall time, zt to floor" "" \
	    "$(ratio "$(value login zt 3)" "$(value login floor 3)")"
	goal_login "sshd with zt at most floor + 1 %, ztd not counted" zt/floor
	goal_login "the same with ztd counted" zt+broker/floor
}

# spread PAIR: the ratio, and how far its median may be off (95 %)
spread()
{
	calc "$(value login "$1")" %.3f
	calc "$(doubt "$1")" " +- %.3f"
}

# Two standard errors of the median of a normal distribution, by quartiles.
doubt()
{
	echo "2 * 1.2533 * ($(value login "$1" 4) - $(value login "$1" 3)) /
	    1.349 / sqrt($(value login rounds) + 0.001)" | tr -d '\n'
}

# goal_login TEXT PAIR: met or missed only if the doubt leaves no other word
goal_login()
{
	if [ "$(calc "$(value login rounds) < 4 ||
	    ($(value login "$2") - 1.01) ^ 2 < ($(doubt "$2")) ^ 2" %d)" \
	    -eq 1 ]; then
		printf '  goal: %s: too close or too noisy to tell\n' "$1"
	else
		goal "$1" "$(value login "$2") <= 1.01"
	fi
}

# --- Many at once

bench_burst()
{
	measure burst 60 $BIN/zt-bench-burst 1000 3
	title "1000 account decisions at once, 3 times" "" "ratio"
	line "asked, at once and one by one" "$(value burst asked)" ""
	line "permitted, denied, rightly" \
	    "$(value burst permitted)+$(value burst denied)" ""
	line "wrong" "$(value burst wrong)" ""
	line "missing" "$(value burst missing)" ""
	line "one by one, each second" "$(value burst sequential)" 1
	line "at once, each second" "$(value burst burst)" \
	    "$(ratio "$(value burst burst)" "$(value burst sequential)")"
	goal "all answered, none wrong" "$(value burst asked) > 0 &&
	    $(value burst wrong) + $(value burst missing) == 0"
}

# --- Strangers

IDLE_UIDS="2001 2002 2003 2004 2005 2006 2007 2008"

idle_start()
{
	for uid in $IDLE_UIDS; do
		spawn "idle$uid" setpriv --reuid "$uid" --regid 65534 \
		    --clear-groups /mnt/build/tests/lib/zt-idle /run/ztd/nss \
		    125 60
	done
	sleep 1
}

idle_stop()
{
	for uid in $IDLE_UIDS; do
		stop "idle$uid"
	done
	sleep 0.3
}

bench_idle()
{
	: >$R/quiet.all
	: >$R/idle.all
	: >$R/idle.open
	for _ in 1 2 3; do
		measure quiet 30 $BIN/zt-bench-acct 10 20 $URL $CA $T/body \
		    $W/pam call
		cat $R/quiet >>$R/quiet.all
		idle_start
		measure idle 30 $BIN/zt-bench-acct 10 20 $URL $CA $T/body \
		    $W/pam call
		cat $R/idle >>$R/idle.all
		idle_count >>$R/idle.open
		idle_stop
	done
	quiet=$(median quiet.all) idle=$(median idle.all)
	title "one account decision beside strangers" us ratio
	line "alone" "$quiet" 1
	line "beside 1000 idle and half-sent connections" \
	    "$idle" "$(ratio "$idle" "$quiet")"
	line "  of them open at one moment" \
	    "$(sort -n $R/idle.open | sed -n 2p)" ""
	line "alone, 90 %" "$(median quiet.all 3)" 1
	line "with them, 90 %" "$(median idle.all 3)" \
	    "$(ratio "$(median idle.all 3)" "$(median quiet.all 3)")"
}

# Connections that the broker holds on its public socket.
idle_count()
{
	ztctl status --json |
	    jq '[.sockets[] | select(.name == "nss").open] | add'
}

median()
{
	sort -n -k "${2:-2},${2:-2}" "$R/$1" | awk -v field="${2:-2}" \
	    '{ v[NR] = $field } END { print v[int((NR + 1) / 2)] }'
}

# --- Memory

status_kb()
{
	awk -v name="$1:" '$1 == name { print $2 }' \
	    "/proc/$(pid_of ztd)/status"
}

needed()
{
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | xargs
}

bench_memory()
{
	module=$(find /usr/lib -name pam_zt.so | head -n 1)
	measure map 10 $BIN/zt-bench-map $W/pam
	title "memory, after all of the above" kB ""
	line "ztd resident" "$(status_kb VmRSS)" \
	    "anonymous $(status_kb RssAnon), files $(status_kb RssFile)"
	line "ztd at its highest" "$(status_kb VmHWM)" ""
	goal "ztd under 12 MB resident" "$(status_kb VmRSS) < 12 * 1024"
	printf '\nwhat they bring along\n'
	line "pam_zt.so needs" "" "$(needed "$module")"
	line "zt-principals needs" "" \
	    "$(needed /usr/libexec/zt/zt-principals)"
	while read -r path size rss; do
		line "mapped with pam_zt.so, kB" "$size" \
		    "$rss resident: ${path##*/}"
	done <$R/map
	goal "pam_zt.so brings nothing but itself" \
	    "$(grep -vc '/pam_zt\.so ' $R/map) == 0 && $(wc -l <$R/map) == 1"
}

prepare
printf 'zt bench: %s CPUs, load %s at the start\n' "$(nproc)" \
    "$(cut -d ' ' -f 1 /proc/loadavg)"
echo "Read the ratios; the absolute figures are this machine's, now."
[ $# -gt 0 ] || set -- acct login burst idle memory
for part; do
	bench_"$part"
done
printf '\nload %s at the end; %s wrong or missing\n' \
    "$(cut -d ' ' -f 1 /proc/loadavg)" $WRONG
