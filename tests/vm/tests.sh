# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# The sections of a guest; sourced by init.sh.
id=5f0c2a52b1d94e0fa3d8e2b7c6a90f1d5f0c2a52b1d94e0fa3d8e2b7c6a90f1d
group=/sys/fs/cgroup/system.slice/docker-$id.scope

# A container as an engine makes it: control group, namespaces, an overlay as its root.
make_box() {
	mkdir -p "$group" /tmp/upper /tmp/work /tmp/box /tmp/lower/bin /tmp/lower/etc /tmp/lower/opt
	mkdir -p /tmp/lower/tmp /tmp/lower/mnt /tmp/lower/proc /tmp/lower/dev/pts
	cp /bin/busybox /bin/act /tmp/lower/bin/
	ln -s busybox /tmp/lower/bin/sh
	ln -s busybox /tmp/lower/bin/mount
	ln -s busybox /tmp/lower/bin/true
	cp /bin/act /tmp/lower/bin/runc
	cp /etc/passwd /etc/group /etc/shadow /tmp/lower/etc/
	mount -t overlay -o lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work overlay /tmp/box
	cp /bin/act /tmp/box/opt/dropped
	: >/tmp/box/opt/bits
	mount -t proc proc /tmp/box/proc
	mount -t devpts pts /tmp/box/dev/pts
	ln -s pts/ptmx /tmp/box/dev/ptmx
	cp -a /dev/null /tmp/box/dev/null
}

host() { "$@"; }

box() {
	sh -c 'echo 0 >"$0/cgroup.procs" && exec unshare -m -p -f chroot /tmp/box "$@"' "$group" "$@"
}

wait_for() { # FILE PATTERN SECONDS
	n=$(($3 * 10))
	while [ $n -gt 0 ] && kill -0 "$pid" && ! grep -q "$2" "$1"; do
		sleep 0.1
		n=$((n - 1))
	done
	grep -q "$2" "$1"
}

start() { # ARGUMENTS: the sensor in the background; true once it says that it watches
	: >/tmp/alerts
	: >/tmp/said
	lazaret watch --format json "$@" >/tmp/alerts 2>/tmp/said &
	pid=$!
	wait_for /tmp/said watching 120
}

stop() {
	kill -TERM "$pid"
	wait "$pid"
}

section kernel uname -r
section 'programs fexit' guest programs fexit
section 'programs sys_exit' guest programs sys_exit
section doctor lazaret watch --doctor
echo 1 >/proc/sys/kernel/bpf_stats_enabled
section box make_box
section start start --group 0 --rules /rules
section listen act listen 80
section acts . /acts.sh
sleep 2
section 'idle fexit' guest idle 1000000
section stop stop
section alerts cat /tmp/alerts
section 'watch said' cat /tmp/said
section 'idle sys_exit' guest idle 1000000 sys_exit
