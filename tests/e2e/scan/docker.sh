#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images as a running Docker engine saves them and as skopeo copies them: every form of the same
# image gives the same packages, each from the layer, and the line of history, that brought it.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs dockerd docker skopeo jq xz zstd
[ "$(id -u)" = 0 ] || skip_all "a Docker engine needs root"

mkdir "$tmp/d"
setsid dockerd --host "unix://$tmp/d/sock" --data-root "$tmp/d/data" --exec-root "$tmp/d/exec" \
	--pidfile "$tmp/d/pid" --bridge=none --iptables=false --ip6tables=false \
	--storage-driver vfs >"$tmp/d/log" 2>&1 &
dockerd=$!
at_exit 'kill $dockerd; wait $dockerd 2>/dev/null'
DOCKER_HOST=unix://$tmp/d/sock DOCKER_BUILDKIT=0 DOCKER_CONFIG=$tmp/d
export DOCKER_HOST DOCKER_BUILDKIT DOCKER_CONFIG
for i in $(seq 60); do
	docker version >/dev/null 2>&1 && break
	kill -0 $dockerd 2>/dev/null || break
	sleep 0.5
done
docker version >/dev/null 2>&1 || skip_all "no Docker engine can be started here: $(tail -n 1 "$tmp/d/log")"

stanza() { printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n' "$1" "$2"; }
mkdir "$tmp/c"
printf 'ID=debian\nVERSION_ID="12"\n' >"$tmp/c/os-release"
stanza base 1.0-1 >"$tmp/c/status1"
(cat "$tmp/c/status1" && stanza added 2:2.0-1 && stanza removed 3) >"$tmp/c/status2"
(cat "$tmp/c/status1" && stanza added 2:2.0-1) >"$tmp/c/status3"
cat >"$tmp/c/Dockerfile" <<'D'
FROM scratch
LABEL org.example.part=one
COPY os-release /etc/os-release
COPY status1 /var/lib/dpkg/status
ENV A=b
COPY status2 /var/lib/dpkg/status
COPY status3 /var/lib/dpkg/status
D
run docker build -q -t first:1.0 -t example.org/team/first:latest "$tmp/c"
exits 0 "the engine builds an image"
id=$(cat "$out")
printf 'FROM scratch\nCOPY os-release /etc/os-release\nCOPY status1 /var/lib/dpkg/status\n' >"$tmp/c/Dockerfile"
run docker build -q -t second:2 "$tmp/c"
exits 0 "and another"

docker save -o "$tmp/one.tar" first:1.0
docker save -o "$tmp/two.tar" first:1.0 second:2
gzip -k "$tmp/one.tar" && zstd -q "$tmp/one.tar" && xz -k -1 "$tmp/one.tar"

WANT='added 2:2.0-1 base 1.0-1'
packages() { jq -r '[.packages[] | "\(.name) \(.version)"] | sort | join(" ")' "$out"; }
same() { # name, arguments of scan
	name=$1
	shift
	run timeout 60 "$LAZARET" scan --no-db --packages --format json "$@"
	exits 0 "$name: complete"
	is "$(packages)" "$WANT" "$name: the packages of the image's last layer"
}
same "docker save" "archive:$tmp/one.tar"
is "$(jq -r '(.target.layers | map({(.digest): .created_by}) | add) as $line | .packages[] | "\(.name) \($line[.layer])"' "$out" | sed 's/ .*COPY.*in / /; s/ *$//' | sort | paste -sd, -)" \
	"added /var/lib/dpkg/status,base /var/lib/dpkg/status" "docker save: each package's layer has its line of history"
is "$(jq -r '[.packages[].layer] | unique | length' "$out")" 2 "docker save: each package is of the layer that brought it"
is "$(jq -r '.target.digest // .target.id' "$out")" "$id" "docker save: the image's identity is the engine's"
for form in gz zst xz; do same "docker save, $form" "archive:$tmp/one.tar.$form"; done
same "docker save, recognised by itself" "$tmp/one.tar"
run sh -c 'docker save first:1.0 | timeout 60 "$LAZARET" scan --no-db --packages --format json archive:-'
exits 0 "docker save into a pipe: complete"
is "$(packages)" "$WANT" "docker save into a pipe: the packages"

run "$LAZARET" scan --no-db "archive:$tmp/two.tar"
exits 2 "two images in one archive: one must be named"
says "$err" 'first:1.0' "two images in one archive: the first is listed"
says "$err" 'second:2' "two images in one archive: the second is listed"
same "two images, by name" --image first:1.0 "archive:$tmp/two.tar"
WANT='base 1.0-1'
same "two images, the other one" --image second:2 "archive:$tmp/two.tar"
run "$LAZARET" scan --no-db --image third:3 "archive:$tmp/two.tar"
exits 2 "a name that is not there: exit 2"
says "$err" 'third:3.*first:1.0|first:1.0' "a name that is not there: those there are listed"
WANT='added 2:2.0-1 base 1.0-1'

# As engines from 25 on save: an OCI layout with a manifest.json beside it.
run skopeo --tmpdir "$tmp" copy -q "docker-archive:$tmp/one.tar:first:1.0" "oci:$tmp/layout:first"
exits 0 "skopeo copies to an OCI layout"
same "OCI layout" "oci:$tmp/layout"
oci_digest=$(jq -r '.target.digest' "$out")
tar -C "$tmp/layout" -cf "$tmp/layout.tar" .
same "OCI layout as tar" "oci:$tmp/layout.tar"
is "$(jq -r '.target.digest' "$out")" "$oci_digest" "OCI layout as tar: the same identity"
run skopeo --tmpdir "$tmp" copy -q "docker-archive:$tmp/one.tar:first:1.0" "oci-archive:$tmp/archive.tar:first"
same "skopeo's OCI archive" "oci:$tmp/archive.tar"
run skopeo --tmpdir "$tmp" copy -q --dest-compress-format zstd "docker-archive:$tmp/one.tar:first:1.0" "oci:$tmp/zstd:first"
same "OCI layout with zstd layers" "oci:$tmp/zstd"
is "$(jq -r '[.layers[].mediaType] | unique | .[0]' "$tmp/zstd/blobs/sha256/$(jq -r '.manifests[0].digest' "$tmp/zstd/index.json" | cut -d: -f2)")" \
	application/vnd.oci.image.layer.v1.tar+zstd "(they are zstd)"
python3 - "$tmp/layout" "$tmp/both.tar" <<'P'
import json, os, subprocess, sys
root, out = sys.argv[1:]
m = json.load(open(root + '/index.json'))['manifests'][0]
d = json.load(open(root + '/blobs/sha256/' + m['digest'][7:]))
blob = lambda x: 'blobs/sha256/' + x['digest'][7:]
json.dump([{'Config': blob(d['config']), 'RepoTags': ['first:1.0'], 'Layers': [blob(x) for x in d['layers']]}], open(root + '/manifest.json', 'w'))
subprocess.check_call(['tar', '-C', root, '-cf', out, '.'])
P
same "a layout with a manifest.json beside it, as archive" "archive:$tmp/both.tar"
same "a layout with a manifest.json beside it, as layout" "oci:$tmp/both.tar"

# What findings are told apart by is the same in every form.
cat >"$tmp/kb.json" <<'J'
{"id": "CVE-2099-1", "modified": "2025-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Debian:12", "name": "added"},
 "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2:3"}]}]}]}
J
mkdir -p "$tmp/kb/osv" && mv "$tmp/kb.json" "$tmp/kb/osv/CVE-2099-1.json"
lazaret db build --from "$tmp/kb" -o "$tmp/kb.vdb" 2>"$err" || not_ok "a database"
for form in "archive:$tmp/one.tar" "archive:$tmp/one.tar.zst" "oci:$tmp/layout" "oci:$tmp/zstd"; do
	"$LAZARET" scan --db "$tmp/kb.vdb" --format json "$form" 2>"$err" | jq -r '.findings[] | "\(.id) \(.fingerprint)"'
done >"$tmp/prints"
is "$(wc -l <"$tmp/prints") $(sort -u "$tmp/prints" | wc -l)" "4 1" "a finding has one fingerprint in every form"
done_testing
