#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# watch.sh LAZARET DIR: the run-time watch from nothing: a private Docker engine, a container of one
# program, three harmless acts, and what the sensor says of them. Root. All of it goes at the end.
set -eu
lazaret=$(realpath "$1") dir=$2
rules=$(realpath "$(dirname "$0")/../data/rules/runtime")

[ "$(id -u)" = 0 ] || {
	echo "The demonstration starts a container engine and kernel programs: run it as root (sudo ./dev demo watch)." >&2
	exit 3
}
rm -rf "$dir"
mkdir -p "$dir/image/bin" "$dir/image/etc" "$dir/image/root/.ssh" "$dir/image/root/.aws" "$dir/image/tmp"
dir=$(realpath "$dir")
engine= sensor=
export DOCKER_HOST="unix://$dir/docker.sock"

tidy() {
	status=$?
	trap - EXIT INT TERM
	[ -z "$sensor" ] || kill "$sensor" 2>/dev/null || :
	docker rm -f shop >/dev/null 2>&1 || :
	[ -z "$engine" ] || { kill "$engine" 2>/dev/null && wait "$engine" 2>/dev/null; } || :
	umount "$dir"/data/*/* 2>/dev/null || :
	rm -rf "$dir"
	exit $status
}
trap tidy EXIT
trap 'exit 130' INT TERM

wait_for() { # SECONDS COMMAND...
	left=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.1
	done
}

act() { # WORDS COMMAND: done in the container, as its owner would see it
	printf '\n%s\n  $ docker exec shop sh -c "%s"\n' "$1" "$2"
	docker exec shop sh -c "$2" >/dev/null
}

echo "A private Docker engine, and an image of one program."
dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" -H "$DOCKER_HOST" \
	--bridge=none --iptables=false --ip-masq=false >"$dir/engine.log" 2>&1 &
engine=$!
wait_for 30 docker version || {
	tail -n 5 "$dir/engine.log" >&2
	echo "The engine did not start; its last words are above." >&2
	exit 3
}
cp "$(command -v busybox)" "$dir/image/bin/busybox"
for name in sh cat cp nc sleep; do ln -s busybox "$dir/image/bin/$name"; done
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$dir/image/etc/passwd"
printf 'root:*:19000:0:99999:7:::\n' >"$dir/image/etc/shadow"
printf 'not a key\n' >"$dir/image/root/.ssh/id_ed25519"
printf '[default]\n' >"$dir/image/root/.aws/credentials"
printf 'machine none\n' >"$dir/image/root/.netrc"
tar -C "$dir/image" -c . | docker import - demo/shop:1.0 >/dev/null
docker run -d --name shop --network none demo/shop:1.0 sleep 600 >/dev/null

printf '\n$ lazaret watch --rules data/rules/runtime\n'
"$lazaret" watch --rules "$rules" --docker-socket "$dir/docker.sock" --docker-root "$dir/data" \
	>"$dir/alerts" 2>"$dir/words" &
sensor=$!
wait_for 20 grep -q '^lazaret: watching' "$dir/words" || {
	cat "$dir/words" >&2
	echo "The sensor did not start; \`lazaret watch --doctor\` says what this machine lets be seen." >&2
	exit 3
}
cat "$dir/words"

act "1. Credentials of several kinds are read at once." \
	"cat /etc/shadow /root/.ssh/id_ed25519 /root/.aws/credentials /root/.netrc"
act "2. A program that the image does not have is put there and run." "cp /bin/busybox /tmp/cat && /tmp/cat /etc/passwd"
act "3. A shell is put on a network connection (within the container)." \
	"(echo exit; sleep 1) | nc -l -p 4444 & sleep 0.5; nc 127.0.0.1 4444 -e sh -c 'exec sh 2>&1'"
sleep 1
kill "$sensor"
wait "$sensor" || :
sensor=

printf '\nWhat the sensor said:\n\n'
cat "$dir/alerts"
for rule in 'gathers credentials' 'no part of its image' 'talks to the network'; do
	grep -qi "$rule" "$dir/alerts" || missed="${missed:-}
  $rule"
done
[ -z "${missed:-}" ] || {
	echo "These were not reported:$missed" >&2
	exit 3
}
printf '\nAll three were seen. Next, this machine: lazaret watch --rules data/rules/runtime\n'
