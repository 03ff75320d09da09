#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# First process of a guest that tests/e2e/units.sh boots: lays out what systemd
# expects and becomes it.
#
#   boot.sh ROOT
set -eu

cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sys sys
mount -t tmpfs -o mode=755 dev dev
for d in null zero full random urandom tty; do
	: >dev/$d
	mount --bind /dev/$d dev/$d
done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 pts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o mode=755 run run
mkdir run/sshd
mount -t tmpfs cgroup sys/fs/cgroup
mount -t cgroup2 cgroup sys/fs/cgroup
ip link set lo up
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot . /lib/systemd/systemd --log-target=console --show-status=0
