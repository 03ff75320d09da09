#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Proves: under a real systemd the package's units run the broker confined and
# without capabilities; its sockets stay through failures, restarts and
# upgrades; a request wakes it; it goes without a trace.
#
# Boots systemd in a clean Debian 12, in namespaces of its own (processes,
# mounts, network, control groups).  See tests/lib/guest.sh for the checks.
set -u

# shellcheck source=tests/lib/debian12.sh
. "${0%/*}/../lib/debian12.sh"
debian12_begin "$@"

LIMIT=200 # seconds for the guest
: "${root:?}" "${src:?}"

guest_make()
{
	apt install systemd-sysv procps /root/zt.deb >apt.log 2>&1 || {
		tail -n 20 apt.log | sed 's/^/# /'
		bail "the package does not install"
	}
	in_root useradd dave
	in_root ssh-keygen -q -t ed25519 -N '' -f /root/ca
	cp "$root/root/ca.pub" "$root/etc/ztd/user-ca.pub"
	echo 00112233445566778899aabbccddeeff >"$root/etc/machine-id"
	echo '{"userName":"zoe","uid":2013300001,"realName":"Zoe",
	    "homeDirectory":"/home/zoe","shell":"/bin/sh"}' \
	    >"$root/etc/ztd/users.d/zoe.user"
	cp "$src/tests/lib/guest.sh" "$root/root/guest.sh"
	for u in ssh getty@tty1 systemd-udevd; do
		ln -sf /dev/null "$root/etc/systemd/system/$u.service"
	done
	cat >"$root/etc/systemd/system/guest.service" <<-'END'
	[Unit]
	After=basic.target
	[Service]
	Type=oneshot
	ExecStart=/bin/sh /root/guest.sh
	ExecStopPost=/bin/systemctl --no-block poweroff -f
	END
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	ln -s ../guest.service \
	    "$root/etc/systemd/system/multi-user.target.wants/guest.service"
	umount -l "$root/dev" "$root/proc" "$root/run"
}

# Its end, by whatever cause, ends all processes in it.
guest_boot()
{
	timeout -s KILL $LIMIT unshare --mount --pid --fork --kill-child \
	    --cgroup --net --uts --ipc --propagation private \
	    sh "$src/tests/lib/boot.sh" "$root" >boot.log 2>&1 </dev/null
}

guest_results()
{
	[ -e "$root/root/result" ] || {
		tail -n 20 boot.log | sed 's/^/# /'
		echo "1..0 # SKIP systemd does not boot here"
		exit 0
	}
	while IFS= read -r l; do
		case $l in
		ok*)
			N=$((N + 1))
			echo "ok $N${l#ok}"
			;;
		not\ ok*)
			N=$((N + 1))
			FAILED=$((FAILED + 1))
			echo "not ok $N${l#not ok}"
			;;
		end) ;;
		*) echo "$l" ;;
		esac
	done <"$root/root/result"
	check "the guest came to its end" grep -qx end "$root/root/result"
	[ "$FAILED" -eq 0 ] || sed 's/^/# /' "$root/root/log"
}

guest_make
guest_boot
guest_results
debian12_end
