#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# make bench-nss: what a lookup of a user costs, of libnss_zt and of others, as
# ratios to a module that does nothing, in turns, in a Debian 12 root of its
# own.  Missing a goal is no failure; a wrong or missing answer is.
#
#   BENCH_NSS_SIZES  numbers of users (100 10000 100000 1000000)
#   BENCH_NSS_PEERS  beside zt and the floors (files-zt files nscd cache
#                    sssd oslogin)
#   BENCH_NSS_FILL   most users that sssd is filled with (10000)
#
# docs/BENCH.md says what is measured.  All processes end with the namespaces.
# shellcheck disable=SC2154 # dir, root and src are debian12.sh's
set -u
. "${0%/*}/../lib/debian12.sh"
include=nscd,libnss-cache,sssd-common,sssd-proxy,libnss-sss,strace
include=$include,google-compute-engine-oslogin

SIZES=${BENCH_NSS_SIZES-100 10000 100000 1000000}
PEERS=${BENCH_NSS_PEERS-files-zt files nscd cache sssd oslogin}
FILL=${BENCH_NSS_FILL-10000}
FEW=1000	# others, and groups of users, that nscd and sssd are filled with
WRONG=0

# --- Outside

begin()
{
	[ "$(id -u)" -eq 0 ] || bail "bench-nss needs root: debootstrap, mounts"
	command -v debootstrap >/dev/null || bail "bench-nss needs debootstrap"
	cd "$src" || bail "$src"
	mkdir -p "${B:=build}/bench-nss/mnt"
	dir=$(realpath "$B/bench-nss")
	[ -d "$dir/root" ] || root_make
	BENCH_NSS_SIZES=$SIZES BENCH_NSS_PEERS=$PEERS BENCH_NSS_FILL=$FILL \
	    exec setpriv --pdeathsig KILL unshare --mount --net --pid --fork \
	    --kill-child --propagation private "$self" \
	    --inside "$dir" "$(realpath "$B")"
}

# --- The root

enter()
{
	mount -t tmpfs -o mode=755 bench "$dir/mnt" || bail "mount"
	cd "$dir/mnt" || bail "$dir/mnt"
	mkdir up work root
	mount -t overlay -o "lowerdir=$dir/root,upperdir=up,workdir=work" \
	    bench root || bail "overlay"
	root=$dir/mnt/root
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=755 run "$root/run"
	# what a lookup opens lies on no overlay: no host has it there
	mkdir -p "$root/bench" "$root/var/lib/ztd"
	for d in bench var/lib/ztd var/lib/sss/mc; do
		mount -t tmpfs -o mode=755 data "$root/$d"
	done
	mkdir -p "$root/bench/bin" "$root/bench/sys" "$root/run/nscd"
	install -d "$root/var/cache/nscd"
	R=$dir/result
	mkdir -p "$R"
	programs_copy
	conf_write
	systems_write
}

programs_copy()
{
	cp "$build"/tests/bench/nss/zt-bench-nss \
	    "$build"/tests/bench/nss/zt-bench-users \
	    "$build"/tests/bench/nss/zt-bench-fresh "$root/bench/bin/"
	cp "$build"/libnss_zt.so.2 "$build"/tests/bench/nss/libnss_*.so.2 \
	    "$root/usr/lib/" || bail "not built"
	in_root ldconfig
	for f in passwd.cache passwd.cache.ixname passwd.cache.ixuid \
	    group.cache group.cache.ixname group.cache.ixgid; do
		ln -s /bench/data/$f "$root/etc/$f"
	done
	ln -s /bench/data/passwd.cache "$root/etc/oslogin_passwd.cache"
	ln -s /bench/data/group.cache "$root/etc/oslogin_group.cache"
}

# Nothing in a cache may end, or be looked after, while it is measured.
conf_write()
{
	for db in passwd group; do
		printf '%s\n' "enable-cache $db yes" \
		    "positive-time-to-live $db 86400" \
		    "negative-time-to-live $db 86400" \
		    "suggested-size $db 100003" "check-files $db no" \
		    "persistent $db no" "shared $db yes" \
		    "max-db-size $db 1073741824"
	done >"$root/etc/nscd.conf"
	cat >"$root/etc/sssd/sssd.conf" <<-END
	[sssd]
	services = nss
	domains = bench
	[nss]
	memcache_timeout = 86400
	memcache_size_passwd = 256
	memcache_size_group = 256
	memcache_size_initgroups = 256
	entry_negative_timeout = 86400
	entry_cache_nowait_percentage = 0
	[domain/bench]
	id_provider = proxy
	proxy_lib_name = zt
	auth_provider = none
	access_provider = permit
	entry_cache_timeout = 86400
	END
	chmod 600 "$root/etc/sssd/sssd.conf"
}

# What is different for each: /bench/sys/SYSTEM is bound over /etc.
system_write()
{
	mkdir -p "$root/bench/sys/$1"
	printf '%s: %s\n' passwd "$2" group "$2" \
	    >"$root/bench/sys/$1/nsswitch.conf"
}

# nscd's own lookups are not those of its clients, who know nothing else.
systems_write()
{
	for s in null bare zt files cache; do
		system_write $s $s
	done
	system_write files-zt 'files zt'
	system_write sssd sss
	system_write oslogin cache_oslogin
	system_write nscd null-but-nscd
	system_write nscd-server zt
	system_write sssd-server files
	cat >"$root/bench/enter" <<-'END'
	#!/bin/sh
	# enter SYSTEM COMMAND...
	exec unshare --mount /bench/bind "$@"
	END
	cat >"$root/bench/bind" <<-'END'
	#!/bin/sh
	for f in /bench/sys/$1/*; do
		mount --bind "$f" "/etc/${f##*/}" || exit 1
	done
	case $1 in
	nscd*) ;;
	*) mount -t tmpfs none /run/nscd || exit 1 ;;
	esac
	shift
	exec "$@"
	END
	chmod 755 "$root/bench/enter" "$root/bench/bind"
}

# --- One size

data_make()
{
	rm -rf "$root/bench/data"
	mkdir "$root/bench/data"
	in_root /bench/bin/zt-bench-users "$1" /bench/data || bail "users"
	for f in passwd group; do
		cat "$dir/root/etc/$f" "$root/bench/data/$f.cache" \
		    >"$root/bench/sys/files/$f"
	done
	"$build/tests/bench/nss/zt-bench-snapshot" "$1" \
	    "$root/var/lib/ztd/users.snapshot" teams >"$R/$1.write-teams" ||
	    bail "no snapshot"
}

# start NAME COMMAND...: in the background, until stop NAME
start()
{
	start_name=$1
	shift
	in_root "$@" >"$R/$start_name.log" 2>&1 </dev/null &
	eval "pid_$start_name=$!"
}

stop()
{
	eval "stop_pid=\${pid_$1-}"
	[ -n "$stop_pid" ] || return 0
	kill "$stop_pid" 2>/dev/null
	wait "$stop_pid" 2>/dev/null
	eval "pid_$1="
}

# up SYSTEM: it answers for the first user, within ten seconds
up()
{
	for try in $(seq 100); do
		in_root /bench/enter "$1" getent passwd user0000000 \
		    >/dev/null 2>&1 && return
		sleep 0.1
	done
	WRONG=$((WRONG + 1))
	echo "bench-nss: $1 does not come up (try $try)"
	tail -n 5 "$R/$1.log"
	return 1
}

# peer NAME N: make it ready; prints what zt-bench-nss is to be told of it
peer_start()
{
	case $1 in
	nscd) start nscd /bench/enter nscd-server nscd --foreground ;;
	sssd)
		find "$root/var/lib/sss/db" "$root/var/lib/sss/mc" \
		    -type f -delete
		start sssd /bench/enter sssd-server /usr/sbin/sssd -i --logger=stderr
		;;
	esac
	up "$1"
}

peers_start()
{
	systems="null bare zt"
	for p in $PEERS; do
		spec=$p
		case $p in
		nscd | sssd)
			few=$FEW
			[ "$1" -ge "$few" ] || few=$1
			if [ $p = sssd ] && [ "$1" -gt "$FILL" ]; then
				echo "  $p: not filled with more than $FILL"
				continue
			fi
			spec=$p:$1:$few
			;;
		esac
		peer_start "$p" && systems="$systems $spec"
	done
}

peers_stop()
{
	stop nscd
	stop sssd
	# what sssd started ends by itself
	in_root sh -c 'for p in /proc/[0-9]*; do
		read -r c <$p/comm && case $c in
		nscd | sssd*) kill -KILL "${p#/proc/}" ;; esac; done' 2>/dev/null
	rm -f "$root"/run/nscd/* "$root"/run/sssd.pid
}

# Names for all owners, not numbers: each system alike.
ls_check()
{
	want=1000
	for s in $systems; do
		s=${s%%:*}
		[ "$s" != null ] || continue
		[ "$1" -lt 1000000 ] || case $s in files | oslogin) continue ;; esac
		got=$(in_root /bench/enter "$s" ls -l /bench/data/owners |
		    grep -c ' user[0-9]* *user[0-9]* ')
		[ "$got" -eq $want ] || {
			WRONG=$((WRONG + 1))
			echo "bench-nss: $s: ls names $got owners of $want"
		}
	done
}

# kB that a process has of its own after lookups, beside the null module
memory_run()
{
	printf '  %-12s' 'memory, kB'
	null=$(memory_of null "$1")
	for s in $systems; do
		printf ' %16s' $(($(memory_of "${s%%:*}" "$1") - null))
	done
	echo
	more=$(($(memory_of zt "$1") - null))
	goal "private memory at most 50 kB over null: $more" $more 50
}

memory_of()
{
	in_root /bench/enter "$1" /bench/bin/zt-bench-nss memory "$2"
}

# System calls in 1,000 lookups: each count is done twice.
calls_of()
{
	for count in 500 1000; do
		in_root /bench/enter "$1" strace -c -S name -U calls,name \
		    -o /bench/calls /bench/bin/zt-bench-nss calls "$2" "$3" \
		    $count
		awk '$2 == "total" { print $1 }' "$root/bench/calls"
	done | { read -r few && read -r more && echo $((more - few)); }
}

calls_run()
{
	for op in name uid gid groups name-gone uid-gone; do
		null=$(calls_of null $op "$1") calls=$(calls_of zt $op "$1")
		goal "system calls in 1000 lookups of $op, $calls: none over \
null's $null" "$calls" "$null"
	done
}

# goal TEXT VALUE MOST
goal()
{
	if [ "${2:-1}" -le "${3:-0}" ]; then
		echo "  goal: $1: met"
	else
		echo "  goal: $1: MISSED"
	fi
}

size_run()
{
	printf '\n%s users; ratio to the null module, and what that was\n' "$1"
	data_make "$1"
	peers_start "$1"
	ls_check "$1"
	# shellcheck disable=SC2086 # a list
	in_root /bench/bin/zt-bench-nss turns /bench/enter "$1" $systems \
	    >"$R/$1.turns" 2>"$R/$1.err" || {
		WRONG=$((WRONG + 1))
		echo "bench-nss: zt: WRONG OR MISSING"
		cat "$R/$1.err"
	}
	awk -v n="$1" -f "$src/tests/bench/nss/report.awk" "$R/$1.turns"
	memory_run "$1"
	calls_run "$1"
	peers_stop
}

# Flat: the least and the most users.
groups_goal()
{
	set -- $SIZES
	[ $# -gt 1 ] || return 0
	for last; do :; done
	awk -v most=1.2 -v a="$1" -v b="$last" '
	    $1 == "groups" && $2 == 1 && $3 == "zt" { v[++n] = $5 }
	    END { printf "  goal: groups of %d users to those of %d at most " \
		"%.2f: %.2f: %s\n", b, a, most, v[2] / v[1],
		v[2] <= most * v[1] ? "met" : "MISSED" }' \
	    "$R/$1.turns" "$R/$last.turns"
}

# On a disk, for it is flushed; each time in place of one that is there.
writer_run()
{
	printf '\nwriting a snapshot of 1000000 users without teams\n'
	for _ in 1 2 3 4 5; do
		"$build/tests/bench/nss/zt-bench-snapshot" 1000000 \
		    "$R/users.snapshot" || exit 1
	done | sort -n | awk -v n=1000000 'NR == 3 {
		printf "  %d ms, %.1f bytes/user\n", $1, $2 / n
		printf "  goal: in 1 s: %s\n", $1 < 1e3 ? "met" : "MISSED"
		printf "  goal: at most 130 bytes/user: %s\n",
		    $2 <= 130 * n ? "met" : "MISSED" }'
	rm -f "$R/users.snapshot"
}

if [ "${1-}" = --inside ]; then
	dir=$2 build=$3
	enter
	for n in $SIZES; do
		size_run "$n"
	done
	echo
	groups_goal
	writer_run
	[ $WRONG -eq 0 ] || exit 1
	exit 0
fi
begin
