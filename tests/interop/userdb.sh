#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: systemd's own programs take what zt serves as io.systemd.UserDatabase
# for users and groups: userdbctl, nss-systemd in glibc, and both through
# systemd-userdbd; a user's privileged section is for root and that user alone;
# nobody is enumerated unless it is configured; without a broker nobody waits.
#
# In mounts of its own: /run is empty, local accounts are this test's.  systemd
# is not running.
set -u

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: mounts, other users"
	exit 0
fi
if [ -z "${USERDB_INSIDE-}" ]; then
	USERDB_PROGRAM=$(realpath "${ZT_BUILD:-${B:-build}}")/tests/lib/zt-userdb
	USERDB_INSIDE=1
	export USERDB_PROGRAM USERDB_INSIDE
	exec unshare --mount --pid --fork --kill-child --mount-proc \
	    --propagation private "$0" "$@"
fi

T=/run/userdb-test
SNAPSHOT=/run/ztd/users.snapshot
SOCKET=/run/ztd/userdb/io.zt.ztd
N=0
RC=0
SERVER=

result() # STATUS NAME
{
	N=$((N + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $N - $2"
	else
		echo "not ok $N - $2"
		sed 's/^/# /' $T/out $T/err
		RC=1
	fi
}

# check NAME COMMAND...: the command succeeds.
check()
{
	name=$1
	shift
	timeout 20 "$@" >$T/out 2>$T/err
	result $? "$name"
}

# refused STATUS NAME COMMAND...: the command exits with STATUS.
refused()
{
	want=$1
	name=$2
	shift 2
	timeout 20 "$@" >$T/out 2>$T/err
	[ $? -eq "$want" ]
	result $? "$name"
}

# prints TEXT NAME COMMAND...: its whole output is TEXT.
prints()
{
	want=$1
	name=$2
	shift 2
	timeout 20 "$@" >$T/out 2>$T/err
	[ "$(cat $T/out)" = "$want" ]
	result $? "$name"
}

# record FILTER NAME COMMAND...: jq's FILTER holds for the JSON it prints.
record()
{
	filter=$1
	name=$2
	shift 2
	timeout 20 "$@" >$T/out 2>$T/err
	jq -e "$filter" $T/out >$T/jq 2>&1
	result $? "$name"
}

as() # UID COMMAND...
{
	as_uid=$1
	shift
	setpriv --reuid "$as_uid" --regid "$as_uid" --clear-groups "$@"
}

# check and its like run programs, not functions.
ask_as() # UID: sets ASK
{
	ASK="setpriv --reuid $1 --regid $1 --clear-groups userdbctl -j"
}

host_make()
{
	mount -t tmpfs -o mode=755 run /run
	mkdir -p $T /run/systemd/userdb /run/ztd
	cat >$T/passwd <<-END
	root:x:0:0:root:/root:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
	END
	printf '%s\n' root:x:0: video:x:44: docker:x:998: nogroup:x:65534: \
	    >$T/group
	printf '%s\n' 'root:*:19000:0:99999:7:::' >$T/shadow
	printf '%s\n' 'passwd: files systemd' 'group: files [SUCCESS=merge] systemd' \
	    'shadow: files systemd' 'gshadow: files systemd' \
	    'initgroups: files [SUCCESS=continue] systemd' >$T/nsswitch.conf
	for file in passwd group shadow nsswitch.conf; do
		mount --bind "$T/$file" "/etc/$file" || exit 2
	done
	install -d -o 65534 -g 65534 /run/ztd /run/ztd/userdb
	ln -s $SOCKET /run/systemd/userdb/io.zt.ztd
}

# The server has no privilege, as the broker.
server_start() # [enumerate]
{
	mkfifo $T/ready
	as 65534 "$USERDB_PROGRAM" $SNAPSHOT $SOCKET "$@" >$T/ready &
	SERVER=$!
	read -r _ <$T/ready || {
		echo "Bail out! the server does not start"
		exit 2
	}
	rm $T/ready
}

server_stop()
{
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
}

# --- With systemd's clients alone ------------------------------------------

users()
{
	record '.userName == "alice" and .uid == 70001 and .gid == 70001 and
	    .realName == "Sample Ä User" and .homeDirectory == "/home/alice" and
	    .shell == "/bin/sh" and .disposition == "regular" and
	    .service == "io.zt.ztd"' \
	    "$1: userdbctl shows a user by name" userdbctl -j user alice
	record '.userName == "bob" and .gid == 70100 and .locked == true and
	    .notBeforeUSec == 5 and .notAfterUSec == 6' \
	    "$1: userdbctl shows a user by uid" userdbctl -j user 70002
	refused 1 "$1: userdbctl knows no other user" userdbctl -j user eve
	check "$1: userdbctl explains a user" userdbctl user alice
	grep -q 'User name: alice' $T/out
	result $? "$1: userdbctl's words for people name her"
	record '.groupName == "payments" and .gid == 70100 and
	    .service == "io.zt.ztd"' \
	    "$1: userdbctl shows a group" userdbctl -j group payments
	record '.groupName == "alice" and .gid == 70001' \
	    "$1: userdbctl shows a private group by gid" \
	    userdbctl -j group 70001
	refused 1 "$1: userdbctl knows no other group" userdbctl -j group none
}

memberships()
{
	prints "$(printf 'alice payments\nalice video')" \
	    "$1: userdbctl tells the groups of a user, local ones too" \
	    sh -c 'userdbctl --no-legend --output=classic groups-of-user alice |
		tr -s " :" " " | sort'
	prints "$(printf 'alice payments\ncarol payments')" \
	    "$1: userdbctl tells the members of a group" \
	    sh -c 'userdbctl --no-legend --output=classic \
		users-in-group payments | tr -s " :" " " | sort'
	prints 'alice video' "$1: userdbctl tells the members of a local group" \
	    sh -c 'userdbctl --no-legend --output=classic users-in-group video |
		tr -s " :" " "'
}

# shellcheck disable=SC2086
privileged()
{
	record '.privileged.hashedPassword == ["!sample"]' \
	    "$1: root sees the privileged section" userdbctl -j user alice
	ask_as 70001
	record '.privileged.hashedPassword == ["!sample"]' \
	    "$1: so does the user" $ASK user alice
	ask_as 70002
	record '.userName == "alice" and (has("privileged") | not)' \
	    "$1: another user does not" $ASK user alice
	! grep -q sample $T/out
	result $? "$1: not a byte of it"
}

# --- Through glibc ----------------------------------------------------------

nss()
{
	prints 'alice:x:70001:70001:Sample Ä User:/home/alice:/bin/sh' \
	    "$1: getpwnam" getent -s systemd passwd alice
	prints 'bob:x:70002:70100:bob:/home/bob:/bin/sh' \
	    "$1: getpwuid" getent -s systemd passwd 70002
	refused 2 "$1: getpwnam of nobody" getent passwd eve
	refused 2 "$1: getpwuid of nobody" getent passwd 70999
	prints 'payments:x:70100:alice,carol' \
	    "$1: getgrnam" getent -s systemd group payments
	prints 'ops:x:70101:carol' "$1: getgrgid" getent group 70101
	prints 'alice:x:70001:' "$1: getgrnam of a private group" \
	    getent group alice
	refused 2 "$1: getgrnam of nothing" getent group none
	prints '44 70100' "$1: initgroups" sh -c \
	    'getent initgroups alice | tr -s " " "\n" |
		tail -n +2 | sort -n | xargs'
	prints 'uid=70001(alice) gid=70001(alice) groups=70001(alice),44(video),70100(payments)' \
	    "$1: id" id alice
	prints 'video:x:44:alice' "$1: members are merged into a local group" \
	    getent group video
}

shadow()
{
	prints '!sample' "$1: root's getspnam" sh -c \
	    'getent -s systemd shadow alice | cut -d: -f2'
	timeout 20 setpriv --reuid 70002 --clear-groups \
	    getent -s systemd shadow alice >$T/out 2>$T/err
	! grep -q sample $T/out
	result $? "$1: another's getspnam tells no password"
}

nobody_is_listed()
{
	timeout 20 getent passwd >$T/out 2>$T/err
	! grep -q alice $T/out
	result $? "$1: getpwent does not list users"
	timeout 20 userdbctl --no-pager user >$T/out 2>$T/err
	! grep -q alice $T/out
	result $? "$1: userdbctl does not"
}

everybody_is_listed()
{
	prints 'alice bob carol' "$1: getpwent lists users" sh -c \
	    'getent passwd | grep /home/ | cut -d: -f1 | sort | xargs'
	prints 'alice carol ops payments' "$1: getgrent lists groups" sh -c \
	    'getent group | cut -d: -f1 | grep -E "^(alice|bob|carol|ops|payments)$" |
		sort | xargs'
	prints 'alice bob carol' "$1: userdbctl lists users" sh -c \
	    'userdbctl -j user | jq -r "select(.service == \"io.zt.ztd\").userName" |
		sort | xargs'
	prints 4 "$1: userdbctl lists memberships" sh -c \
	    'userdbctl --no-legend --output=classic users-in-group |
		grep -cE "^(alice|carol)"'
}

# Time that a lookup of nobody takes, in ms.
absent()
{
	start=$(date +%s%N)
	timeout 20 getent passwd eve >$T/out 2>$T/err
	status=$?
	took=$((($(date +%s%N) - start) / 1000000))
	echo "# $took ms" >>$T/err
	[ $status -eq 2 ] && [ $took -lt 1000 ]
	result $? "$1: nobody waits for it"
}

# What varlinkctl(1) asks first; by hand, for it is not everywhere.
introspection()
{
	python3 - $SOCKET >$T/out 2>$T/err <<-'END'
	import json, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.sendall(b'{"method":"org.varlink.service.GetInfo"}\0')
	text = b""
	while not text.endswith(b"\0"):
	    text += s.recv(4096)
	print(*json.loads(text[:-1])["parameters"]["interfaces"])
	END
	grep -qx 'io.systemd.UserDatabase org.varlink.service' $T/out
	result $? "the service tells its interfaces"
}

# systemd-userdbd, which asks all services for others.
multiplexer_start()
{
	SYSTEMD_LOG_LEVEL=err /lib/systemd/systemd-userdbd >$T/userdbd 2>&1 &
	MULTIPLEXER=$!
	for _ in $(seq 100); do
		[ ! -S /run/systemd/userdb/io.systemd.Multiplexer ] || return 0
		sleep 0.1
	done
	return 1
}

host_make
absent "before the broker"
server_start
users direct
memberships direct
privileged direct
nss direct
shadow direct
nobody_is_listed direct
introspection
server_stop
absent "after the broker"
rm $SOCKET
absent "without its socket"
server_start enumerate
everybody_is_listed direct
multiplexer_start
result $? "systemd-userdbd starts"
users multiplexer
memberships multiplexer
privileged multiplexer
nss multiplexer
kill "$MULTIPLEXER"
echo "1..$N"
exit $RC
