# SPDX-License-Identifier: Apache-2.0
# Everything said of a container is compared with what a real Docker says of it: a daemon of our own,
# with its own folders and socket, so that none that runs here is touched.
. "$LZ_SOURCE/tests/e2e/lib.sh"
needs dockerd docker busybox jq
[ "$(id -u)" = 0 ] || skip_all "dockerd needs root"

SHOW=$LZ_BUILD/tests/e2e/container/container_show
[ -x "$SHOW" ] || skip_all "container_show is not built"
root=$tmp/root sock=$tmp/d.sock
DOCKER_HOST=unix://$sock
export DOCKER_HOST

# "--privileged" asks for every capability. Where root itself lacks some, as in a container, the
# runtime would refuse: what it can't give is left out of what it is told, and of nothing else.
cat >"$tmp/runtime" <<'END'
#!/bin/sh
for word in "$@"; do
	[ "${before:-}" = --bundle ] && bundle=$word
	before=$word
done
if [ -n "${bundle:-}" ]; then
	bound=$((0x$(sed -n 's/^CapBnd:[^0-9a-f]*//p' /proc/self/status)))
	have='' bit=0
	for name in CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP \
		LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER \
		SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE \
		SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP \
		MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF \
		CHECKPOINT_RESTORE; do
		[ $((bound >> bit & 1)) = 0 ] || have="$have CAP_$name"
		bit=$((bit + 1))
	done
	jq --arg have "$have" '($have | split(" ")) as $h |
		(.process.capabilities[]? // empty) |= map(select(IN($h[])))' \
		"$bundle/config.json" >"$bundle/trimmed" && mv "$bundle/trimmed" "$bundle/config.json"
fi
exec runc "$@"
END
chmod +x "$tmp/runtime"
setsid dockerd --add-runtime "trimmed=$tmp/runtime" --default-runtime trimmed --storage-driver=overlay2 --data-root "$root" --exec-root "$tmp/exec" \
	--pidfile "$tmp/pid" -H "$DOCKER_HOST" --bridge=none --iptables=false --ip-forward=false \
	--ip-masq=false >"$tmp/log" 2>&1 &
daemon=$!

# The daemon first, then what it mounted; it needs a moment to end its own containerd.
stop_daemon() {
	docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1
	docker network rm boxnet >/dev/null 2>&1
	kill "$daemon" 2>/dev/null
	for _ in $(seq 50); do
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.1
	done
	grep -o "$tmp/[^ ]*" /proc/mounts | sort -r | xargs -r umount 2>/dev/null
}
at_exit stop_daemon

for _ in $(seq 100); do
	docker info >/dev/null 2>&1 && break
	kill -0 "$daemon" 2>/dev/null || break
	sleep 0.1
done
docker info >/dev/null 2>&1 || skip_all "dockerd can't start here: $(tail -n 1 "$tmp/log")"

mkdir -p "$tmp/image/bin" "$tmp/image/proc" "$tmp/image/sys" "$tmp/image/data" "$tmp/shared"
cp "$(command -v busybox)" "$tmp/image/bin/busybox"
ln -s busybox "$tmp/image/bin/sh"
ln -s busybox "$tmp/image/bin/sleep"
tar -C "$tmp/image" -c . | docker import - team/box:1.2 >/dev/null || skip_all "no docker import"

docker run -d --privileged --net=none --name first -v "$tmp/shared:/data:ro" -v named:/vol \
	--label team=a --label 'odd=x "y" ä' --health-cmd 'sleep 0' --health-interval 1h \
	--pid=host team/box:1.2 /bin/sleep 1000 >/dev/null 2>"$tmp/run.err"
id=$(docker ps -q --no-trunc)
[ -n "$id" ] || skip_all "containers can't run here: $(tail -n 1 "$tmp/run.err")"
docker run -d --net=host --ipc=host --name second "$(docker image inspect -f '{{.Id}}' team/box:1.2)" \
	/bin/sleep 1000 >/dev/null
id2=$(docker inspect -f '{{.Id}}' second)

# cgroup_of ID: the path of its first process, as the kernel tells it.
cgroup_of() {
	sed -n 's/^[0-9]*:[^:]*://p' "/proc/$(docker inspect -f '{{.State.Pid}}' "$1")/cgroup" |
		grep -m1 "$1"
}
path=$(cgroup_of "$id")
path2=$(cgroup_of "$id2")
holds "the kernel names a group of it" test -n "$path"

# one SOURCE ROOT SOCKET PATH: one answer into $tmp/SOURCE.json
one() { printf '%s\n' "$4" | "$SHOW" "$2" "$3" >"$tmp/$1.json"; }

# What Docker says, in our words. Its files keep mounts as a map, so their order is not compared.
expected() {
	docker inspect "$1" | jq -S '.[0] | {
		id: .Id[:12], full_id: .Id, name: .Name[1:], image: .Config.Image,
		image_id: (.Image | ltrimstr("sha256:")), image_repository: "team/box", image_tag: "1.2",
		type: "docker", privileged: .HostConfig.Privileged, pid: .State.Pid,
		host_pid: (.HostConfig.PidMode == "host"), host_ipc: (.HostConfig.IpcMode == "host"),
		host_network: (.HostConfig.NetworkMode == "host"),
		ip: ([.NetworkSettings.IPAddress, .NetworkSettings.Networks[].IPAddress] |
			map(select(. != "")) | first // ""), labels: (.Config.Labels // {}),
		healthcheck: (if .Config.Healthcheck then
			"/bin/sh -c " + .Config.Healthcheck.Test[1] else "" end),
		upper: .GraphDriver.Data.UpperDir,
		created: .Created, started: .State.StartedAt,
		mounts: [.Mounts[] | {source: .Source, dest: .Destination, mode: .Mode, rdwr: .RW,
			propagation: .Propagation}] | sort_by(.dest)}'
}

ours() {
	jq -S '{id, full_id, name, image, image_id, image_repository, image_tag, type, privileged, pid,
		host_pid, host_ipc, host_network, ip, labels, healthcheck, upper,
		created: .created_text, started: .started_text, mounts: (.mounts | sort_by(.dest))}' "$1"
}

same() {
	expected "$1" >"$tmp/want"
	ours "$tmp/$2.json" >"$tmp/got"
	holds "$3" diff "$tmp/want" "$tmp/got"
	is "$(jq -r '[.complete, .cut, .why_not] | join(" ")' "$tmp/$2.json")" "true false " "$3: complete"
}

one files "$root" - "$path"
same "$id" files "from files alone, all is as docker inspect says"
one files2 "$root" - "$path2"
same "$id2" files2 "an image asked for by its id, the host's network and IPC"
printf 'wait %s\n' "$path" | "$SHOW" - "$sock" >"$tmp/socket.json"
same "$id" socket "from the socket alone, all is as docker inspect says"
printf 'wait %s\n' "$path2" | "$SHOW" - "$sock" >"$tmp/socket2.json"
same "$id2" socket2 "an image asked for by its id, from the socket"
holds "a nested group belongs to the container" sh -c "printf '%s/system.slice/x.service\n' '$path' |
	'$SHOW' '$root' - | jq -e '.name == \"first\"'"
is "$(echo /system.slice/docker.service | "$SHOW" "$root" - | jq -r .id)" host "the daemon is the host's"
say "from files: $(jq .us "$tmp/files.json") us the first time, $(jq .bytes "$tmp/files.json") bytes"
holds "a look at files takes less than 20 ms" jq -e '.us < 20000' "$tmp/files.json"

# --- Docker's own containerd below it, whose state files are those of any containerd

state=$tmp/exec/containerd/daemon/io.containerd.runtime.v2.task
# oci NAME ID: from its state alone, what the specification says is as Docker says
oci() {
	printf '/default/%s\n' "$2" | "$SHOW" - - "$state" >"$tmp/oci.json"
	jq -S '{pid, upper, host_pid, host_network, host_ipc, privileged, type,
		mounts: [.mounts[] | select(.dest | test("^/(data|vol)$")) |
			{source, dest, rdwr, propagation}] | sort_by(.dest)}' "$tmp/oci.json" >"$tmp/got"
	docker inspect "$2" | jq -S '.[0] | {pid: .State.Pid, type: "containerd",
		upper: .GraphDriver.Data.UpperDir, privileged: .HostConfig.Privileged,
		host_pid: (.HostConfig.PidMode == "host"), host_ipc: (.HostConfig.IpcMode == "host"),
		host_network: (.HostConfig.NetworkMode == "host"),
		mounts: [.Mounts[] | {source: .Source, dest: .Destination, rdwr: .RW,
			propagation: .Propagation}] | sort_by(.dest)}' >"$tmp/want"
	holds "containerd's state, $1" diff "$tmp/want" "$tmp/got"
	is "$(jq -r .why_not "$tmp/oci.json")" \
		"containerd's state files hold neither name nor image" "$1: what it can't say"
}
oci "a privileged container" "$id"
oci "one in the host's network" "$id2"

# --- a network, where one may be made

name="an address and a published port, from files"
if docker network create --subnet 10.199.77.0/24 boxnet >/dev/null 2>"$tmp/net.err" &&
	docker run -d --net=boxnet -p 127.0.0.1::80 --name third team/box:1.2 /bin/sleep 1000 \
		>/dev/null 2>"$tmp/net.err"; then
	id3=$(docker inspect -f '{{.Id}}' third)
	path3=$(cgroup_of "$id3")
	one net "$root" - "$path3"
	same "$id3" net "$name"
	is "$(jq -r .ip "$tmp/net.json")" 10.199.77.2 "its address"
	docker rm -f third >/dev/null
	docker network rm boxnet >/dev/null
else
	skip "$name" "no network can be made here: $(tail -n 1 "$tmp/net.err")"
fi

# --- as time goes by: one program sees a new name and the end

mkfifo "$tmp/ask"
"$SHOW" "$root" "$sock" <"$tmp/ask" >"$tmp/live.json" &
live=$!
exec 9>"$tmp/ask"
# live_ask QUESTION: the answer to it is the last line of live.json
live_ask() {
	live_before=$(wc -l <"$tmp/live.json")
	printf '%s\n' "$1" >&9
	for _ in $(seq 100); do
		[ "$(wc -l <"$tmp/live.json")" -gt "$live_before" ] && break
		sleep 0.05
	done
	tail -n 1 "$tmp/live.json" >"$tmp/last.json"
}
live_ask "$path"
is "$(jq -r .name "$tmp/last.json")" first "before it is renamed"
sleep 0.3 # the event stream is there
docker rename first newname
for _ in $(seq 40); do
	live_ask "$path"
	[ "$(jq -r .name "$tmp/last.json")" = newname ] && break
	sleep 0.05
done
is "$(jq -r .name "$tmp/last.json")" newname "the event of a new name is heard"
docker kill newname >/dev/null
docker rm newname >/dev/null
live_ask "$path"
is "$(jq -r .name "$tmp/last.json")" newname "just after its end it is still known"
sleep 6
live_ask "$path"
is "$(jq -r '.name + "|" + (.complete | tostring)' "$tmp/last.json")" "|false" \
	"later it is forgotten, and its files are gone"
exec 9>&-
wait "$live"
is $? 0 "the program ends well"

# --- short lives: a cgroup seen at once, files or socket in time

docker run -d --rm --net=none --name short team/box:1.2 /bin/sleep 1 >/dev/null
short=$(cgroup_of "$(docker inspect -f '{{.Id}}' short)")
printf 'wait %s\n' "$short" | "$SHOW" "$root" "$sock" >"$tmp/short.json"
is "$(jq -r '[.name, .complete] | join(" ")' "$tmp/short.json")" "short true" "a short life is told"
done_testing
