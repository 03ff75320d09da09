# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# A clean Debian 12 and the built package, for the scripts that install it.
# A script sources this file, calls debian12_begin "$@", and is run again in a
# mount namespace of its own, where $root is an overlay over the Debian root and
# $root/root/zt.deb the package.
#
#   B=dir     build directory (build); the Debian root is kept in B/debian12
#   ZT_DEB=f  test this package instead of building one
#
# Debian packages come from the mirror that this machine's own apt uses.

self=$(realpath "$0")
src=${self%/tests/*}
suite=bookworm
include=openssh-server,pamtester,sudo
N=0
FAILED=0

bail()
{
	echo "Bail out! $*"
	exit 1
}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

debian12_begin()
{
	if [ "${1-}" = --inside ]; then
		dir=$2 deb=$3
		root_enter
		return
	fi
	[ "$(id -u)" -eq 0 ] || skip_all "needs root: debootstrap, mounts"
	command -v debootstrap >/dev/null || skip_all "needs debootstrap"
	command -v dh >/dev/null || skip_all "needs debhelper"
	cd "$src" || bail "$src"
	B=${B:-build}
	mkdir -p "$B/debian12/mnt" "$B/debian12/archives/partial"
	dir=$(realpath "$B/debian12")
	[ -n "${ZT_DEB-}" ] || deb_make
	deb=$(realpath "$ZT_DEB") || bail "no package"
	[ -d "$dir/root" ] || root_make
	exec unshare --mount --propagation private "$self" \
	    --inside "$dir" "$deb"
}

# Builds the package unless the one there is newer than all it is made of.
deb_make()
{
	ZT_DEB=$(find "$B/deb" -maxdepth 1 -name 'zt_*.deb' 2>/dev/null)
	if [ -n "$ZT_DEB" ] && [ -z "$(find . -path './build*' -prune -o \
	    -path ./.git -prune -o -path ./tests -prune -o \
	    -newer "$ZT_DEB" -print -quit)" ]; then
		return
	fi
	make B="$B" deb >"$dir/deb.log" 2>&1 || {
		tail -n 20 "$dir/deb.log" | sed 's/^/# /'
		bail "make deb failed: see $dir/deb.log"
	}
	ZT_DEB=$(find "$B/deb" -maxdepth 1 -name 'zt_*.deb')
}

# The site of this machine's main Debian archive.
mirror()
{
	# shellcheck disable=SC2016 # apt fills it in
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
	    'Origin: Debian' 'Component: main' 'Identifier: Packages' |
	    grep -v security | head -n 1
}

root_make()
{
	site=$(mirror)
	if [ -z "$site" ]; then
		apt-get -q=2 update
		site=$(mirror)
	fi
	[ -n "$site" ] || bail "apt knows no Debian archive on this machine"
	echo "# making a Debian 12 root in $dir (once)"
	rm -rf "$dir/root.new"
	debootstrap --variant=minbase --include="$include" \
	    $suite "$dir/root.new" "$site" >"$dir/debootstrap.log" 2>&1 || {
		tail -n 20 "$dir/debootstrap.log" | sed 's/^/# /'
		bail "debootstrap failed: see $dir/debootstrap.log"
	}
	mv "$dir/root.new" "$dir/root"
}

# Mounts end with the namespace.
root_enter()
{
	mount -t tmpfs -o mode=755 package "$dir/mnt" || bail "mount"
	cd "$dir/mnt" || bail "$dir/mnt"
	mkdir up work root
	mount -t overlay -o "lowerdir=$dir/root,upperdir=up,workdir=work" \
	    package root || bail "overlay"
	root=$dir/mnt/root
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=755 run "$root/run"
	# packages are fetched once
	mount --bind "$dir/archives" "$root/var/cache/apt/archives"
	cp "$deb" "$root/root/zt.deb"
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
	apt update >/dev/null 2>&1 || bail "apt-get update"
}

in_root()
{
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
	    DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

apt()
{
	in_root apt-get -q -y -o Acquire::Check-Date=false \
	    -o Acquire::Check-Valid-Until=false -o Dpkg::Use-Pty=0 \
	    --no-install-recommends "$@"
}

# check NAME COMMAND...: passes if COMMAND succeeds
check()
{
	N=$((N + 1))
	check_name=$1
	shift
	"$@" >out 2>&1
	check_status=$?
	if [ $check_status -eq 0 ]; then
		echo "ok $N - $check_name"
	else
		FAILED=$((FAILED + 1))
		echo "not ok $N - $check_name (status $check_status: $*)"
		tail -n 40 out | sed 's/^/# /'
	fi
}

# Ends the script.
debian12_end()
{
	echo "1..$N"
	[ $FAILED -eq 0 ]
	exit
}
