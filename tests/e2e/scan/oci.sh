#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# OCI layouts: several platforms behind indexes within indexes, and layers that umoci packed from a
# file system that changed (whiteouts, opaque folders, links). umoci's own unpacking is the truth.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs umoci jq python3 dpkg-query

stanza() { printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\nMaintainer: x <x@y>\nDescription: z\n\n' "$1" "$2"; }
image=$tmp/oci:x
umoci init --layout "$tmp/oci" && umoci new --image "$image"
umoci unpack --rootless --image "$image" "$tmp/b" >"$tmp/.umoci" 2>&1
repack() { # one more layer of what has changed in the root file system
	umoci repack --image "$image" --history.created_by "$1" "$tmp/b" >"$tmp/.umoci" 2>&1 || cat "$tmp/.umoci"
	rm -rf "$tmp/b"
	umoci unpack --rootless --image "$image" "$tmp/b" >"$tmp/.umoci" 2>&1
}
root=$tmp/b/rootfs
mkdir -p "$root/etc" "$root/var/lib/dpkg/status.d" "$root/usr/lib"
printf 'ID=debian\nVERSION_ID="12"\n' >"$root/usr/lib/os-release"
ln -s ../usr/lib/os-release "$root/etc/os-release"
stanza first 1 >"$root/var/lib/dpkg/status"
stanza single 1 >"$root/var/lib/dpkg/status.d/single"
stanza other 1 >"$root/var/lib/dpkg/status.d/other"
repack one
check() { # umoci's unpacked tree and the layout give the same packages
	run "$LAZARET" scan --no-db --packages --format json "dir:$root"
	exits 0 "$1: the tree is read"
	jq -r '.packages[] | "\(.name) \(.version)"' "$out" | sort >"$tmp/tree"
	run "$LAZARET" scan --no-db --packages --format json "oci:$tmp/oci"
	exits 0 "$1: the image is read"
	jq -r '.packages[] | "\(.name) \(.version)"' "$out" | sort >"$tmp/image"
	is "$(cat "$tmp/image")" "$(cat "$tmp/tree")" "$1: the same packages"
	is "$(paste -sd, "$tmp/image")" "$2" "$1: those that are there"
	is "$(jq -r .target.os.version "$out")" 12 "$1: the distribution is known through its link"
}
check "one layer" "first 1,other 1,single 1"
rm "$root/var/lib/dpkg/status.d/other"
stanza second 2 >>"$root/var/lib/dpkg/status"
repack two
check "a file removed, a database changed" "first 1,second 2,single 1"
rm -r "$root/var/lib/dpkg/status.d"
repack three
check "a folder removed" "first 1,second 2"
mkdir "$root/var/lib/dpkg/status.d"
stanza third 3 >"$root/var/lib/dpkg/status.d/third"
repack four
check "the folder made anew" "first 1,second 2,third 3"
mv "$root/var/lib/dpkg" "$root/usr/lib/dpkg" && ln -s ../../usr/lib/dpkg "$root/var/lib/dpkg"
repack five
check "the database behind a link" "first 1,second 2,third 3"
rm "$root/var/lib/dpkg"
repack six
run "$LAZARET" scan --no-db --packages --format json "oci:$tmp/oci"
exits 3 "the link removed: a distribution without a package database is no whole answer"
is "$(jq -c '[(.packages | length), .errors[0].message]' "$out")" '[0,"a distribution is named here, but no package database was found"]' "the link removed: says so"
is "$(dpkg-query --admindir "$root/usr/lib/dpkg" -W -f '${Package} ' 2>/dev/null)" "first second " "(the database itself is sound)"

# --- platforms
mkdir "$tmp/p"
cat >"$tmp/p.py" <<'P'
import gzip, hashlib, io, json, os, sys, tarfile
root = sys.argv[1]
os.makedirs(root + '/blobs/sha256')
def put(data):
    h = hashlib.sha256(data).hexdigest()
    open(root + '/blobs/sha256/' + h, 'wb').write(data)
    return {'digest': 'sha256:' + h, 'size': len(data)}
IM = 'application/vnd.oci.image.'
def image(os_, arch, variant=None, docker=False):
    b = io.BytesIO()
    t = tarfile.open(fileobj=b, mode='w')
    name = 'pkg-%s-%s%s' % (os_, arch, variant or '')
    for path, text in (('etc/os-release', 'ID=debian\nVERSION_ID="12"\n'), ('var/lib/dpkg/status', 'Package: %s\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n' % name)):
        i = tarfile.TarInfo(path); i.size = len(text); t.addfile(i, io.BytesIO(text.encode()))
    t.close()
    raw = b.getvalue()
    layer = dict(put(gzip.compress(raw)), mediaType='application/vnd.docker.image.rootfs.diff.tar.gzip' if docker else IM + 'layer.v1.tar+gzip')
    conf = {'os': os_, 'architecture': arch, 'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + hashlib.sha256(raw).hexdigest()]}, 'history': [{'created_by': 'made'}]}
    if variant: conf['variant'] = variant
    config = dict(put(json.dumps(conf).encode()), mediaType='application/vnd.docker.container.image.v1+json' if docker else IM + 'config.v1+json')
    mt = 'application/vnd.docker.distribution.manifest.v2+json' if docker else IM + 'manifest.v1+json'
    d = dict(put(json.dumps({'schemaVersion': 2, 'mediaType': mt, 'config': config, 'layers': [layer]}).encode()), mediaType=mt, platform={'os': os_, 'architecture': arch})
    if variant: d['platform']['variant'] = variant
    return d
def index(manifests, docker=False):
    mt = 'application/vnd.docker.distribution.manifest.list.v2+json' if docker else IM + 'index.v1+json'
    return dict(put(json.dumps({'schemaVersion': 2, 'mediaType': mt, 'manifests': manifests}).encode()), mediaType=mt)
inner = index([image('linux', 'arm', 'v7'), image('linux', 'arm', 'v6'), image('linux', 'arm64', 'v8')])
other = index([image('linux', 'amd64', docker=True), image('windows', 'amd64')], docker=True)
top = index([inner, other, image('linux', 's390x')])
json.dump({'imageLayoutVersion': '1.0.0'}, open(root + '/oci-layout', 'w'))
json.dump({'schemaVersion': 2, 'manifests': [top]}, open(root + '/index.json', 'w'))
P
python3 "$tmp/p.py" "$tmp/p"
names() { jq -r "$1 | .packages[].name" "$out" | sort | paste -sd, -; }
host=$(dpkg --print-architecture)
run "$LAZARET" scan --no-db --packages --format json "oci:$tmp/p"
exits 0 "several platforms: that of this machine is taken"
case $host in arm64) want=pkg-linux-arm64v8 ;; *) want=pkg-linux-$host ;; esac
is "$(names .)" "$want" "several platforms: its packages"
for p in linux/arm/v7:armv7 linux/arm/v6:armv6 linux/arm64:arm64v8 linux/arm64/v8:arm64v8 linux/s390x:s390x; do
	run "$LAZARET" scan --no-db --packages --format json --platform "${p%:*}" "oci:$tmp/p"
	exits 0 "--platform ${p%:*}"
	is "$(names .)" "pkg-linux-${p#*:}" "--platform ${p%:*}: its packages"
done
run "$LAZARET" scan --no-db --packages --format json --platform windows/amd64 "oci:$tmp/p"
is "$(names .)" "pkg-windows-amd64" "--platform windows/amd64: its packages"
run "$LAZARET" scan --no-db --platform linux/riscv64 "oci:$tmp/p"
exits 3 "a platform that is not there: exit 3"
for p in linux/arm/v7 linux/arm64 linux/amd64 windows/amd64 linux/s390x; do
	says "$err" "$p" "a platform that is not there: $p is listed"
done
run "$LAZARET" scan --no-db --platform linux "oci:$tmp/p"
exits 2 "half a platform: exit 2"
run "$LAZARET" scan --no-db --packages --format json --all-platforms "oci:$tmp/p"
exits 0 "--all-platforms"
jq -r '.. | objects | select(has("purl")) | .name' "$out" | sort -u | paste -sd, - >"$tmp/all"
is "$(cat "$tmp/all")" "pkg-linux-amd64,pkg-linux-arm64v8,pkg-linux-armv6,pkg-linux-armv7,pkg-linux-s390x,pkg-windows-amd64" "--all-platforms: the packages of each"
done_testing
