#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Build and run the end-to-end tests in a Debian 13 root (OpenSSH 10, sudo
# 1.9.16), as make check-debian13 does.
#
#   tests/debian13.sh DIR
#
# DIR  where the root is kept; made by debootstrap if it is not there.  Packages
#      come from the mirror that this machine's own apt uses.
#
# Runs in a mount namespace of its own: the root is the lower layer of an
# overlay and stays as debootstrap left it; the source tree is seen at /zt, and
# is built into DIR/build.
set -eu

suite=trixie
self=$(realpath "$0")
src=${self%/tests/*}

die()
{
	echo "debian13: $*" >&2
	exit 1
}

# The site of this machine's main Debian archive.
mirror()
{
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
	    'Origin: Debian' 'Component: main' 'Identifier: Packages' |
	    grep -v security | head -n 1
}

# packages_add ROOT: by apt, for debootstrap does not know what some of them
# need before they are unpacked; nothing is started
packages_add()
{
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2046 # words
	DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get -q=2 -y \
	    -o Dpkg::Use-Pty=0 --no-install-recommends install \
	    $("$src/scripts/setup-deps" -n build check)
}

root_make()
{
	site=$(mirror)
	if [ -z "$site" ]; then
		apt-get -q=2 update
		site=$(mirror)
	fi
	[ -n "$site" ] || die "apt knows no Debian archive on this machine"
	echo "debian13: making a root in $dir (once; some minutes)"
	rm -rf "$dir/root.new"
	{
		debootstrap --variant=minbase $suite "$dir/root.new" "$site" &&
		    packages_add "$dir/root.new"
	} >"$dir/debootstrap.log" 2>&1 || {
		tail -n 20 "$dir/debootstrap.log" >&2
		die "no root: see $dir/debootstrap.log"
	}
	rm -rf "$dir"/root.new/var/cache/apt/archives/*.deb "$dir/root"
	mv "$dir/root.new" "$dir/root"
}

# In the namespace.
enter()
{
	mount -t tmpfs -o mode=755 debian13 "$dir/mnt"
	cd "$dir/mnt"
	mkdir up work root
	mount -t overlay -o "lowerdir=$dir/root,upperdir=up,workdir=work" \
	    debian13 root
	cd root
	mkdir -p zt build
	mount --bind "$src" zt
	mount --bind "$dir/build" build
	mount -t proc proc proc
	mount --rbind /dev dev
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	    LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" V="${V-}" \
	    chroot . make --no-print-directory -C /zt -j 2 B=/build \
	    E2E_LABEL="end to end on Debian $(cat etc/debian_version)" \
	    check-e2e
}

if [ "${1-}" = --inside ]; then
	dir=$2
	enter
fi
[ $# -eq 1 ] || die "usage: tests/debian13.sh DIR"
if [ "$(id -u)" -ne 0 ]; then
	echo "debian13: needs root: debootstrap, mounts, chroot"
	exit 0
fi
mkdir -p "$1/build" "$1/mnt"
dir=$(realpath "$1")
[ -d "$dir/root" ] || root_make
exec unshare --mount --propagation private "$self" --inside "$dir"
