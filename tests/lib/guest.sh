#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What tests/e2e/units.sh runs in its guest, as a service of the guest's
# systemd.  Each check is a line in /root/result; the last line is "end".
# shellcheck disable=SC2086 # $ALL and $SOCKETS are lists
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
export DEBIAN_FRONTEND=noninteractive
exec </dev/null >/root/result 2>/root/log
ALL="ztd.service ztd-pam.socket ztd-principals.socket ztd-nss.socket ztd-ctl.socket"
SOCKETS=${ALL#* }

check()
{
	check_name=$1
	shift
	if "$@" >/root/out 2>&1; then
		echo "ok - $check_name"
	else
		echo "not ok - $check_name ($*)"
		tail -n 15 /root/out | sed 's/^/# /'
	fi
}

refused()
{
	! "$@"
}

# soon COMMAND...: it succeeds within ten seconds
soon()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! "$@" || return 0
		sleep 1
	done
	return 1
}

# active UNIT...: all of them
active()
{
	for u in "$@"; do
		systemctl is-active "$u" || return 1
	done
}

# quiet UNIT...: none of them runs or will at the next boot
quiet()
{
	! systemctl is-active "$@" && ! systemctl is-enabled "$@"
}

# The broker answers: a denial, for there is no certificate, with an id.
answers()
{
	timeout 20 pamtester sshd dave acct_mgmt 2>&1 | tee /root/said
	grep -q '(decision ' /root/said
}

no_answer()
{
	! timeout 20 pamtester sshd dave acct_mgmt >/root/said 2>&1 &&
	    ! grep -q '(decision ' /root/said
}

# Thirty at once, and nobody gets in.
rush()
{
	for _ in $(seq 30); do
		timeout 20 pamtester sshd dave acct_mgmt >/dev/null 2>&1 &&
		    echo >/root/let-in &
	done
	wait
	[ ! -e /root/let-in ]
}

recorded()
{
	id=$(sed -n 's/.*(decision \([0-9a-f-]*\)).*/\1/p' /root/said)
	[ -n "$id" ] && grep -F "$id" /var/log/ztd/decisions.jsonl
}

broker()
{
	systemctl show -p MainPID --value ztd
}

stat_is()
{
	[ "$(stat -c '%a %U %G' "$1")" = "$2" ]
}

confined()
{
	cat "/proc/$(broker)/status"
	grep -qE '^CapBnd:.0{16}$' "/proc/$(broker)/status" &&
	    grep -qE '^CapEff:.0{16}$' "/proc/$(broker)/status" &&
	    grep -qE '^NoNewPrivs:.1$' "/proc/$(broker)/status" &&
	    grep -qE '^Seccomp:.2$' "/proc/$(broker)/status" &&
	    [ "$(stat -c %U "/proc/$(broker)")" = ztd ]
}

sockets()
{
	stat -c '%i %n' /run/ztd/pam /run/ztd/nss /run/ztd/ctl \
	    /run/ztd/principals
}

same_sockets()
{
	[ "$(sockets)" = "$before" ]
}

check "installed, no unit is enabled or runs" quiet $ALL
systemctl enable --now ztd.service
check "enabling the service brings its sockets" active $ALL
check "pam is for root" stat_is /run/ztd/pam '600 root root'
check "principals is for the broker" stat_is /run/ztd/principals '600 ztd ztd'
check "nss is for all" stat_is /run/ztd/nss '666 root root'
check "ctl is for the administrators" stat_is /run/ztd/ctl '660 root zt-admin'
check "their directory is root's" stat_is /run/ztd '755 root root'
check "the broker has no capability and cannot get any" confined
check "it may open 20000 files" \
    grep -q 'open files  *20000 ' "/proc/$(broker)/limits"

pam-auth-update --enable zt
check "it answers" answers
check "and answers again" answers
check "it can write the log" recorded
check "it may read the clock" sh -c \
    'systemctl show -p SystemCallFilter ztd | grep -qw clock_adjtime'
sed -i 's/^passwd:.*/passwd: files zt/' /etc/nsswitch.conf
systemctl reload ztd
check "it serves a user" soon getent passwd zoe
check "a ztd by hand beside it refuses to start" sh -c '! timeout 5 ztd'
check "and leaves it its sockets" answers

before=$(sockets)
sed -i 's/^url/xurl/' /etc/ztd/ztd.conf
systemctl reload ztd
sleep 1
check "reloading a bad configuration leaves it running" answers
systemctl restart ztd
check "starting with one fails" refused active ztd.service
check "nobody is let in meanwhile" no_answer
check "nor in a rush" rush
check "the sockets survive any number of attempts" active $SOCKETS
sed -i 's/^xurl/url/' /etc/ztd/ztd.conf
check "mended, it comes back by itself" soon answers
kill -KILL "$(broker)"
check "killed, it comes back by itself" soon answers
systemctl stop ztd.service
check "stopped, a request wakes it" soon answers

old=$(broker)
check "an upgrade works" timeout 60 apt-get -y install --reinstall /root/zt.deb
check "the new broker runs" [ "$(broker)" != "$old" ]
check "and answers" answers
check "the sockets were there all the time" same_sockets

check "it is removed" timeout 100 apt-get -y remove zt
check "nothing of it runs" refused pgrep -u ztd
check "no unit is left" refused systemctl cat ztd.service
check "no link is left" refused \
    sh -c 'ls -l /etc/systemd/system/*.wants | grep ztd'
check "sshd's stack permits" pamtester sshd dave acct_mgmt
echo end
journalctl --no-pager -u 'ztd*' >&2
