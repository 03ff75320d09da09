#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: programs that know nothing of zt see its users and groups: id, ls,
# find, ps, su, sudo, cron, tar, nscd, a static binary, a chroot and
# containers; all but sudo's decision without a broker that runs.
. "${0%/*}/lib.sh"
e2e_begin "$@"

# few is in 63 groups, many in 300
LIST=
for n in $(seq 300); do
	group_record "g$n" $((80000 + n))
	LIST="$LIST${LIST:+,}\"g$n\""
	[ "$n" -ne 63 ] || user_record few 70020 "$LIST"
done
user_record many 70021 "$LIST"
start_pdp
start_ztd

[ -e /var/run ] || ln -s /run /var/run
mkdir -p /var/spool/cron/crontabs

# cron looks at its tables once in a minute: it begins now, and is asked last
echo '* * * * * alice id >/tmp/cron-ran 2>&1' >/etc/cron.d/zt
chmod 644 /etc/cron.d/zt
spawn cron cron -f

stop ztd
mkdir /tmp/owned
touch /tmp/owned/hers
chown alice:payments /tmp/owned/hers
check "chown by name, ls -l shows the names" \
    sh -c "ls -l /tmp/owned/hers | grep -q ' alice  *payments '"
check "find -user and -group" test "$(find /tmp/owned -user alice -group payments)" \
    = /tmp/owned/hers
check "find -nouser finds nothing of hers" \
    sh -c '! find /tmp/owned -nouser | grep -q hers'
check "stat and tar name the owner" sh -c \
    'test "$(stat -c %U:%G /tmp/owned/hers)" = alice:payments &&
    tar -C /tmp -cf /tmp/a.tar owned && tar -tvf /tmp/a.tar | grep -q alice/payments'
setpriv --reuid 70001 --regid 70001 --clear-groups sleep 60 &
SLEEPER=$!
check "ps shows her process under her name" \
    sh -c "ps -o user= -p $SLEEPER | grep -qx alice"
check "ps -u and pgrep -u find it" \
    sh -c "ps -u alice -o pid= | grep -qw $SLEEPER && pgrep -u alice | grep -qx $SLEEPER"
kill $SLEEPER
check "su makes root her, with all her groups" \
    sh -c 'su -s /bin/sh alice -c "id -un; id -Gn" | tr "\n" " " |
    grep -q "^alice alice payments"'
check "setpriv --init-groups by name" sh -c \
    'test "$(setpriv --reuid alice --regid alice --init-groups id -Gn)" = "alice payments"'
check "install -o, runuser" sh -c \
    'install -o alice -g payments /dev/null /tmp/owned/two &&
    test "$(runuser -u alice -- stat -c %U /tmp/owned/two)" = alice'
check "a shell expands ~alice" test "$(bash -c 'echo ~alice')" = /home/alice

# --- a static binary loads the module with a libc of its own
cat >$T/who.c <<'END'
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
int
main(int argc, char **argv)
{
	struct passwd *pwd;
	for (int i = 0; i < 1000; i++)
		if (argc < 2 || (pwd = getpwnam(argv[1])) == NULL)
			return 1;
	printf("%u\n", (unsigned)pwd->pw_uid);
	return 0;
}
END
cc -w -static -o /tmp/who $T/who.c 2>$T/cc.log
check "a static binary" test "$(/tmp/who alice)" = 70001
check "a static binary: nobody" sh -c '! /tmp/who nosuch'

# Its array of groups is of its own malloc: ours may fill it, not let it grow.
cat >$T/groups.c <<'END'
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* USER ROOM: how many groups does getgrouplist find; initgroups, without ROOM */
int
main(int argc, char **argv)
{
	static gid_t gids[1000];
	int n = argc < 3 ? 0 : atoi(argv[2]);
	if (n > 0)
		getgrouplist(argv[1], 70020, gids, &n);
	else if (initgroups(argv[1], 70020) == 0)
		n = getgroups(1000, gids);
	printf("%d\n", n);
	return 0;
}
END
cc -w -static -o /tmp/groups $T/groups.c 2>$T/cc.log
cc -w -o /tmp/groups-dynamic $T/groups.c 2>$T/cc.log
LOADER=$(ldd /tmp/groups-dynamic | sed -n 's/^[ \t]*\(\/[^ ]*ld-[^ ]*\).*/\1/p')
# groups N COMMAND...: COMMAND finds N groups, the primary one among them
groups()
{
	groups_n=$1
	shift
	test "$("$@")" = "$groups_n"
}
check "a static binary: 300 groups, with room" groups 301 /tmp/groups many 1000
check "a static binary: 63 groups, without" groups 1 /tmp/groups few 63
check "a static binary: initgroups with 63" groups 64 /tmp/groups few
check "a static binary: initgroups with 300" groups 1 /tmp/groups many
check "any other: 300 groups, without room" \
    groups 301 /tmp/groups-dynamic many 10
check "any other: initgroups with 300" groups 301 /tmp/groups-dynamic many
check "any other: its loader run by name" \
    groups 301 "$LOADER" /tmp/groups-dynamic many

# --- chroot and containers: their own root, with the file in it or not
# root_make DIR: a root that holds getent, its libraries and ours
root_make()
{
	mkdir -p "$1/etc" "$1/var/lib/ztd" "$1/run" "$1/tmp"
	ldd "$(command -v getent)" "$(command -v id)" "$NSS_MODULE" |
	    sed -n 's/.*[ \t]\(\/[^ ]*\) (.*/\1/p' | sort -u >$T/libs
	for f in $(cat $T/libs) "$(command -v getent)" "$(command -v id)" \
	    "$NSS_MODULE"; do
		mkdir -p "$1${f%/*}"
		cp -L "$f" "$1$f"
	done
	printf 'passwd: files zt\ngroup: files zt\n' >"$1/etc/nsswitch.conf"
	echo 'root:x:0:0::/root:/bin/sh' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
}
NSS_MODULE=$(ls /usr/lib/*/libnss_zt.so.2 /usr/lib64/libnss_zt.so.2 2>/dev/null)
root_make $T/root
check "a chroot without the snapshot: unknown, at once" \
    sh -c "! timeout 0.5 chroot $T/root getent passwd alice"
cp /var/lib/ztd/users.snapshot $T/root/var/lib/ztd/
check "a chroot with a copy" \
    sh -c "chroot $T/root id alice | grep -q '70100(payments)'"
chmod g+w $T/root/var/lib/ztd/users.snapshot
check "but not with one that others can write" \
    sh -c "! chroot $T/root getent passwd alice"
rm $T/root/var/lib/ztd/users.snapshot

# contained MOUNTPOINT SOURCE COMMAND...: in a mount namespace of its own
contained()
{
		# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m sh -c 'at=$1 from=$2 root=$3; shift 5
	    mount --bind "$from" "$root$at" &&
	    mount -o remount,ro,bind "$root$at" && chroot "$root" "$@"' - \
	    "$1" "$2" $T/root "$@"
}
: >$T/root/var/lib/ztd/users.snapshot
check "a container with the file mounted into it" contained \
    /var/lib/ztd/users.snapshot /var/lib/ztd/users.snapshot getent passwd alice
rm $T/root/var/lib/ztd/users.snapshot
check "a container with the directory mounted into it" contained \
    /var/lib/ztd /var/lib/ztd getent passwd alice
if unshare -Ur true 2>/dev/null; then
	check "user namespace: the file's owner means nothing there" \
	    unshare -Ur getent passwd alice
else # the kernel makes none in a chroot
	skip "user namespace: the file's owner means nothing there" \
	    "no user namespace can be made here"
fi

start_ztd
user_record frank 70006 '"payments"'
wait_for 5 getent passwd frank >/dev/null
check "a container with the directory sees a new user" contained \
    /var/lib/ztd /var/lib/ztd getent passwd frank

# --- sudo asks; the names are the snapshot's
check "root's sudo -u to a user of zt" sh -c \
    'test "$(sudo -u alice id -un)" = alice'
check "sudo -g to a group of zt" sh -c \
    'test "$(sudo -u alice -g payments id -gn)" = payments'

# --- nscd in front: it answers, from what libnss_zt told it
if command -v nscd >/dev/null; then
	mkdir -p /run/nscd /var/cache/nscd
	cat >/etc/nscd.conf <<-END
	enable-cache		passwd	yes
	positive-time-to-live	passwd	600
	negative-time-to-live	passwd	20
	persistent		passwd	no
	enable-cache		group	yes
	persistent		group	no
	END
	spawn nscd nscd -F
	wait_for 5 test -S /run/nscd/socket
	check "through nscd" sh -c 'getent passwd alice && getent passwd alice && id -Gn alice | grep -qw payments'
	check "nscd did answer" sh -c "nscd -g |
	    sed -n '/^passwd cache/,/^group cache/p' |
	    grep -Eq '[1-9][0-9]* +cache hits on positive'"
	user_record gina 70012
	check "through nscd: a user it never heard of" \
	    wait_for 5 getent passwd gina
	rm /etc/ztd/users.d/gina.*
	nscd -i passwd
	check "through nscd: gone, once it is told" \
	    wait_for 5 sh -c '! getent passwd gina'
	stop nscd
else
	fail "nscd is not installed"
fi

check "cron ran her job as her, with her groups" \
    wait_for 70 grep -q 'uid=70001(alice).*70100(payments)' /tmp/cron-ran
