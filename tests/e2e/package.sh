#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: the Debian package installs on a clean Debian 12 and by that enables
# nothing; what it offers refuses when it is enabled and no broker runs, also
# for an expired password; before it is removed it takes itself out of every
# stack, and people can log in as before.
set -u

# shellcheck source=tests/lib/debian12.sh
. "${0%/*}/../lib/debian12.sh"
debian12_begin "$@"
: "${root:?}" "${src:?}"

# --- Checks -------------------------------------------------------------

refused()
{
	! "$@"
}

# says WORDS COMMAND...: COMMAND fails and says so
says()
{
	says_what=$1
	shift
	! "$@" >said 2>&1 || return 1
	cat said
	grep -qF -- "$says_what" said
}

# Everything that decides who may log in.
snapshot()
{
	rm -rf "$1"
	mkdir "$1"
	cp -a "$root/etc/pam.d" "$root/etc/nsswitch.conf" "$root/etc/ssh" "$1"
	mkdir "$1/systemd"
	(cd "$root/etc/systemd/system" && ls -R) 2>/dev/null |
	    grep ztd >"$1/systemd/units"
	(cd "$1" && find . ! -type d -printf '%p %m %U %G\n' | sort) >"$1.modes"
}

unchanged_since()
{
	snapshot now
	diff -r --no-dereference "$1" now && diff "$1.modes" now.modes
}

has_mode()
{
	[ "$(in_root stat -c '%a %U %G' "$1")" = "$2" ]
}

enabled_nowhere()
{
	! grep -rn 'pam_zt\.so' "$root/etc/pam.d" | grep -v '[0-9]:#' |
	    grep -v pam_exec &&
	    ! grep -w zt "$root/etc/nsswitch.conf" &&
	    ! grep -rn 'zt-principals' "$root/etc/ssh" | grep -v '[0-9]:#' &&
	    [ ! -e "$root/etc/ssh/sshd_config.d/00-zt.conf" ]
}

manuals_there()
{
	for m in "$src"/docs/man/*; do
		[ -s "$root/usr/share/man/man${m##*.}/${m##*/}.gz" ] || return 1
	done
}

# account SERVICE: may dave, by the account stack of SERVICE?
account()
{
	in_root pamtester "$1" dave acct_mgmt
}

# password SERVICE PASSWORD
password()
{
	echo "$2" | in_root pamtester "$1" dave authenticate
}

root_switches_user()
{
	in_root su -s /bin/sh nobody -c true
}

# line FILE TEXT: TEXT is a line of FILE
line()
{
	grep -qxF -- "$(printf %b "$2")" "$root$1" || {
		cat "$root$1"
		false
	}
}

# --- Installed ----------------------------------------------------------

installed()
{
	check "the package installs, dependencies from the archive" \
	    apt install /root/zt.deb
	check "installing it changes no stack, no sshd, no unit" \
	    unchanged_since clean
	in_root pam-auth-update --package
	check "nor does the next package that refreshes the stacks" \
	    unchanged_since clean
	check "user and groups exist" in_root getent passwd ztd
	check "group zt-admin exists" in_root getent group zt-admin
	check "the configuration is root's, the broker reads it" \
	    has_mode /etc/ztd/ztd.conf '640 root ztd'
	check "the decision log is for zt-admin" \
	    has_mode /var/log/ztd '2750 ztd zt-admin'
	check "the sockets' directory is root's" has_mode /run/ztd '755 root root'
	check "the sessions are the broker's" \
	    has_mode /run/ztd/sessions '700 ztd ztd'
	check "the sample lacks a CA, and --check-config says so" \
	    says '[credential] ca_file' in_root ztd --check-config
	in_root ssh-keygen -q -t ed25519 -N '' -f /root/ca
	cp "$root/root/ca.pub" "$root/etc/ztd/user-ca.pub"
	check "with a CA it is accepted" in_root ztd --check-config
	check "every manual page is there" manuals_there
	check "everybody logs in as before" account sshd
}

# --- Enabled ------------------------------------------------------------

# Without a broker nothing in scope is permitted, and all else works.
enabled()
{
	check "the profile enables it" in_root pam-auth-update --enable zt
	check "sshd is refused without a broker" refused account sshd
	in_root chage -d 0 dave
	check "an expired password is no way around it" \
	    refused says 'no longer valid; new one required' account sshd
	check "and is refused" refused account sshd
	in_root chage -d 2020-01-01 dave
	check "a service out of scope is left alone" account other
	check "root's su works" root_switches_user
}

by_hand()
{
	mkdir -p "$root/etc/security/zt"
	# a local change, for which pam-auth-update leaves the file alone
	sed -i '/here are the per-package modules/a account optional pam_permit.so' \
	    "$root/etc/pam.d/common-account"
	cat >"$root/etc/pam.d/jump" <<-'END'
	auth	[success=2 default=ignore]	pam_zt.so
	auth	[success=1 default=ignore]	pam_unix.so
	auth	requisite	pam_deny.so
	auth	required	pam_permit.so
	account	[success=2 default=ignore]	pam_localuser.so
	# pam_zt.so is asked here
	account	[success=1 default=ignore]	pam_zt.so quiet # why not
	account	requisite	pam_deny.so
	account	required	pam_permit.so
	END
	cat >"$root/etc/pam.d/only" <<-'END'
	auth required pam_permit.so
	account required \
	    /lib/security/pam_zt.so \
	    quiet
	-session optional pam_zt.so
	END
	cat >"$root/etc/pam.d/auth" <<-'END'
	auth	sufficient	pam_zt.so
	auth	required	pam_unix.so
	account	required	pam_exec.so quiet /bin/true pam_zt.so
	END
	sed -i '/@include common-account/i account required pam_zt.so' \
	    "$root/etc/pam.d/sshd"
	ln -s ../security/zt/linked "$root/etc/pam.d/linked"
	printf 'account\trequired\tpam_zt.so\n' >"$root/etc/security/zt/linked"
	chmod 600 "$root/etc/security/zt/linked"
	sed -i -e 's/^passwd:.*/passwd: files zt [NOTFOUND=return] systemd # x/' \
	    -e 's/^group:.*/group: files [SUCCESS=merge] zt/' \
	    -e '$a initgroups: zt' "$root/etc/nsswitch.conf"
	cp "$root/usr/share/doc/zt/examples/00-zt.conf" \
	    "$root/etc/ssh/sshd_config.d/00-zt.conf"
	cat >>"$root/etc/ssh/sshd_config" <<-'END'
	Match User dave
		AuthorizedPrincipalsCommand /usr/libexec/zt/zt-principals %u %k
		AuthorizedPrincipalsCommandUser ztd
	END
}

upgraded()
{
	snapshot hand
	check "sshd takes the sample drop-in" in_root /usr/sbin/sshd -t
	check "an upgrade works" apt install --reinstall /root/zt.deb
	check "an upgrade leaves every stack alone" unchanged_since hand
}

# --- Removed ------------------------------------------------------------

# A stack that cannot be changed must not lose its module.
kept()
{
	mount --bind "$root/etc/pam.d" "$root/etc/pam.d"
	mount -o remount,bind,ro "$root/etc/pam.d"
	check "where a stack cannot be changed, removal fails" \
	    refused apt remove zt
	umount "$root/etc/pam.d"
	check "and the module stays" \
	    in_root sh -c 'dpkg -L zt | grep pam_zt.so | xargs test -e'
	in_root dpkg --configure -a >/dev/null 2>&1
}

removed()
{
	printf '{}\n' >"$root/var/log/ztd/decisions.jsonl"
	check "the package is removed" apt remove zt
	check "no stack names it" enabled_nowhere
	check "its files are gone" \
	    in_root sh -c '! ls /lib/*/security/pam_zt.so /usr/sbin/ztd'
	check "sshd takes its configuration" in_root /usr/sbin/sshd -t
	check "what stood there is kept" \
	    in_root sh -c 'grep -rq "pam_zt.so" /var/backups/zt-*/etc/pam.d'
	check "sshd's stack permits" account sshd
	check "root's su works" root_switches_user
	check "a jump over it lands where it did" account jump
	check "its own jump does, too" line /etc/pam.d/jump \
	    'account\t[success=1 default=ignore]\tpam_permit.so'
	check "the right password is accepted" password jump dave-password
	check "a wrong one is not" refused password jump wrong
	check "sufficient in auth opens nothing" refused password auth wrong
	check "an argument that looks like it is left alone" \
	    line /etc/pam.d/auth \
	    'account\trequired\tpam_exec.so quiet /bin/true pam_zt.so'
	check "a stack that had nothing else permits" account only
	check "a link stays one" [ -L "$root/etc/pam.d/linked" ]
	check "modes stay" [ "$(stat -c %a "$root/etc/security/zt/linked")" = 600 ]
	check "passwd: an action goes with its service" \
	    line /etc/nsswitch.conf 'passwd: files systemd # x'
	check "group: an action before nothing goes" \
	    line /etc/nsswitch.conf 'group: files'
	check "a database left empty falls back to files" \
	    line /etc/nsswitch.conf 'initgroups: files'
	check "users are found" in_root getent passwd dave
}

# within SECONDS COMMAND...: COMMAND comes true
within()
{
	within_left=$(($1 * 10))
	shift
	until "$@"; do
		within_left=$((within_left - 1))
		[ $within_left -gt 0 ] || return 1
		sleep 0.1
	done
}

ALICE=2013265921 # within the default identity.id_range

# The broker writes a snapshot with alice in it, and ends.
snapshot_make()
{
	mkdir -p "$root/etc/ztd/users.d"
	echo '{"userName":"alice","uid":'$ALICE'}' \
	    >"$root/etc/ztd/users.d/alice.user"
	echo '{"groupName":"alice","gid":'$ALICE'}' \
	    >"$root/etc/ztd/users.d/alice.group"
	in_root chown ztd:zt-admin /var/log/ztd/decisions.jsonl
	in_root sh -c 'echo $$ >/root/ztd.pid; exec ztd' >ztd.log 2>&1 &
	within 10 grep -qs alice "$root/var/lib/ztd/users.snapshot" ||
	    cat ztd.log
	kill "$(cat "$root/root/ztd.pid")"
	wait $!
	grep -q alice "$root/var/lib/ztd/users.snapshot"
}

# A daemon that goes on asking zt, for its /etc is another: it says whom it
# sees.  It ends with the file /root/run.
daemon_start()
{
	cp -a "$root/etc" "$root/root/etc"
	echo 'passwd: files zt' >"$root/root/etc/nsswitch.conf"
	: >"$root/root/run"
	cat >"$root/root/daemon.pl" <<-'END'
	for (my $i = 0; $i < 3000 && -e '/root/run'; $i++) {
		my $uid = getpwnam('alice') // 'nobody';
		open(my $f, '>', '/root/says.new');
		print $f "$uid\n";
		close($f);
		rename('/root/says.new', '/root/says');
		select(undef, undef, undef, 0.1);
	}
	END
	in_root unshare -m sh -c 'mount --bind /root/etc /etc &&
	    exec perl /root/daemon.pl' &
	daemon=$!
}

daemon_says()
{
	[ "$(cat "$root/root/says" 2>/dev/null)" = "$1" ]
}

purged()
{
	snapshot removed
	check "it installs again" apt install /root/zt.deb
	check "and enables nothing" unchanged_since removed
	check "the broker writes a snapshot" snapshot_make
	daemon_start
	check "a daemon has it mapped" within 10 daemon_says $ALICE
	check "purge works" apt purge zt
	check "the snapshot is gone" [ ! -e "$root/var/lib/ztd/users.snapshot" ]
	check "the daemon sees her no longer" within 5 daemon_says nobody
	rm -f "$root/root/run"
	wait $daemon
	check "users that the administrator wrote are kept" \
	    [ -e "$root/etc/ztd/users.d/alice.user" ]
	check "the configuration is gone" [ ! -e "$root/etc/ztd/ztd.conf" ]
	check "what the administrator put there is kept" \
	    [ -e "$root/etc/ztd/user-ca.pub" ]
	check "the decision log is kept" \
	    [ -s "$root/var/log/ztd/decisions.jsonl" ]
}

mkdir -p "$root/run/sshd"
in_root useradd dave
echo dave:dave-password | in_root chpasswd
printf '%s\n' '@include common-account' >"$root/etc/pam.d/other"
snapshot clean
installed
enabled
by_hand
upgraded
kept
removed
purged
debian12_end
