#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first process of a guest of `./dev vmtest`. What it finds goes to the second serial port, in
# sections that run.py reads: "[name", lines, "]name STATUS". Then the machine goes off.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ TERM=linux NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
hostname guest
[ ! -f /overlay.ko ] || insmod /overlay.ko
stty -F /dev/ttyS1 raw
exec 9>/dev/ttyS1

section() { # NAME COMMAND...: its output and status, on the second port
	name=$1
	shift
	printf '[%s\n' "$name" >&9
	"$@" >&9 2>&1
	printf ']%s %d\n' "$name" $? >&9
}

. /tests.sh
echo '.' >&9
poweroff -f
