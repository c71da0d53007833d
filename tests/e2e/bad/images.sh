#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images made to harm: each must be named with what is wrong, exit 3, and never crash, hang or be taken for clean.
. "$LZ_SOURCE/tests/e2e/lib.sh"
needs python3 skopeo jq
cat >"$tmp/make.py" <<'PY'
import gzip, hashlib, io, json, os, sys, tarfile
out = sys.argv[1]
STATUS = b'Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n\n'
OS = b'ID=debian\nVERSION_ID="12"\n'
def tar(entries):
    b = io.BytesIO()
    t = tarfile.open(fileobj=b, mode='w', format=tarfile.PAX_FORMAT)
    for name, kind, data in entries:
        i = tarfile.TarInfo(name)
        if kind == 'file': i.size = len(data); t.addfile(i, io.BytesIO(data))
        else:
            i.type = {'link': tarfile.SYMTYPE, 'hard': tarfile.LNKTYPE, 'dir': tarfile.DIRTYPE}[kind]
            i.linkname = data or ''
            t.addfile(i)
    t.close()
    return b.getvalue()
GOOD = [('etc/os-release', 'file', OS), ('var/lib/dpkg/status', 'file', STATUS)]
def put(root, data):
    h = hashlib.sha256(data).hexdigest()
    os.makedirs(f'{root}/blobs/sha256', exist_ok=True)
    open(f'{root}/blobs/sha256/{h}', 'wb').write(data)
    return 'sha256:' + h
def layout(name, layers, tweak=None, media='application/vnd.oci.image.layer.v1.tar+gzip'):
    root = f'{out}/{name}'
    os.makedirs(root)
    rows, ids = [], []
    for plain in layers:
        packed = gzip.compress(plain, 6, mtime=0)
        rows.append({'mediaType': media, 'digest': put(root, packed), 'size': len(packed)})
        ids.append('sha256:' + hashlib.sha256(plain).hexdigest())
    parts = {'rows': rows, 'ids': ids, 'root': root}
    if tweak: tweak(parts)
    config = json.dumps({'os': 'linux', 'architecture': 'amd64', 'rootfs': {'type': 'layers', 'diff_ids': ids}}).encode()
    manifest = json.dumps({'schemaVersion': 2, 'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'digest': put(root, config), 'size': len(config)}, 'layers': rows}).encode()
    row = {'mediaType': 'application/vnd.oci.image.manifest.v1+json', 'digest': put(root, manifest), 'size': len(manifest)}
    index = parts.get('index', json.dumps({'schemaVersion': 2, 'manifests': [row]}))
    open(f'{root}/index.json', 'w').write(index)
    open(f'{root}/oci-layout', 'w').write('{"imageLayoutVersion":"1.0.0"}')
def blob(p, i): return p['root'] + '/blobs/sha256/' + p['rows'][i]['digest'][7:]
def truncate(p):
    f = blob(p, 1); d = open(f, 'rb').read(); open(f, 'wb').write(d[:len(d) // 2])
def flip(p):
    f = blob(p, 1); d = bytearray(open(f, 'rb').read()); d[len(d) // 2] ^= 1; open(f, 'wb').write(d)
def missing(p): os.unlink(blob(p, 1))
def diffid(p): p['ids'][1] = 'sha256:' + '0' * 64
def size(p): p['rows'][1]['size'] += 1
FILL = [('fill', 'file', os.urandom(20000))]
two = [tar(GOOD), tar(FILL)]
layout('good', two)
layout('truncated', two, truncate)
layout('flipped', two, flip)
layout('missing', two, missing)
layout('diffid', two, diffid)
layout('size', two, size)
layout('foreign', two, media='application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')
layout('encrypted', two, media='application/vnd.oci.image.layer.v1.tar+gzip+encrypted')
layout('bomb', [two[0], bytes(40 << 20)])
layout('dotdot', [two[0], tar([('../../etc/passwd', 'file', b'x')])])
layout('longpath', [two[0], tar([('a' * 100000, 'file', b'x')])])
layout('deep', [tar(GOOD), tar([('/'.join(['d'] * 10000) + '/f', 'file', b'x')])])
layout('circle', [tar([('etc/os-release', 'file', OS), ('var', 'link', 'rav'), ('rav', 'link', 'var')])])
layout('hugeline', [tar([('etc/os-release', 'file', OS), ('var/lib/dpkg/status', 'file', STATUS + b'Package: ' + b'x' * (30 << 20) + b'\nVersion: 1\n\n' + STATUS.replace(b': a', b': b'))])])
layout('nopackage', [tar([('etc/os-release', 'file', OS)])])
layout('noversion', [tar([('etc/os-release', 'file', OS), ('var/lib/dpkg/status', 'file', STATUS + b'Package: z\n\n')])])
layout('garbage', [tar(GOOD), os.urandom(4096)])
layout('twice', two, lambda p: p.__setitem__('index', '{"manifests":[],"manifests":[]}'))
layout('nested', two, lambda p: p.__setitem__('index', '[' * 100000))
layout('latin1', two, lambda p: p.__setitem__('index', '{"manifests":[{"x":"\udcff"}]}') if False else None)
# links and whiteouts that a reader must follow to see the truth
layout('moved', [tar([('data', 'dir', None), ('var', 'link', 'data/var'), ('data/var/lib/dpkg/status', 'file', STATUS), ('etc/os-release', 'file', OS)])])
layout('odd', [tar([('etc/os-release', 'file', OS), ('var/lib/dpkg/status', 'link', '/srv/x/y'), ('srv/x/y', 'file', STATUS)])])
layout('hard', [tar([('etc/os-release', 'file', OS), ('srv/x/y', 'file', STATUS), ('var/lib/dpkg/status', 'hard', 'srv/x/y')])])
layout('whiteout', [tar(GOOD), tar([('var/lib/dpkg/.wh.status', 'file', b''), ('var/lib/dpkg/status.d/b', 'file', STATUS.replace(b': a', b': b'))])])
layout('opaque', [tar(GOOD + [('var/lib/dpkg/status.d/c', 'file', STATUS.replace(b': a', b': c'))]), tar([('var/lib/dpkg/.wh..wh..opq', 'file', b''), ('var/lib/dpkg/status', 'file', STATUS.replace(b': a', b': d'))])])
layout('upper', [tar(GOOD), tar([('var/lib/dpkg/status', 'file', STATUS + STATUS.replace(b': a', b': e'))])])
# rpm databases made wrong: counts, offsets, chains and trees in a loop, a checksum, a cut
SEEDS = os.environ['LZ_SOURCE'] + '/fuzz/rpm/corpus/rpm_db/'
def rpmdb(name, seed, at, new, place='var/lib/rpm/Packages'):
    d = bytearray(open(SEEDS + seed, 'rb').read())
    d[at:at + len(new)] = new
    layout(name, [tar(GOOD), tar([(place, 'file', bytes(d))])])
rpmdb('rpm-loop', 'bdb-le', 3 * 512 + 16, b'\3\0\0\0')
rpmdb('rpm-count', 'bdb-le', 512 + 20, b'\xff\xff')
rpmdb('rpm-offset', 'bdb-be', 1024 + 28, b'\xff\xff')
rpmdb('rpm-slot', 'ndb', 32 + 8, b'\xff\xff\xff\xff', 'usr/lib/sysimage/rpm/Packages.db')
rpmdb('rpm-sum', 'ndb', 4096 + 500, b'!', 'usr/lib/sysimage/rpm/Packages.db')
rpmdb('rpm-tree', 'sqlite', 512, b'\5', 'usr/share/rpm/rpmdb.sqlite')
rpmdb('rpm-good', 'sqlite', 0, b'S', 'usr/share/rpm/rpmdb.sqlite')
layout('rpm-cut', [tar(GOOD), tar([('var/lib/rpm/rpmdb.sqlite', 'file', open(SEEDS + 'sqlite', 'rb').read()[:1500])])])
layout('rpm-none', [tar(GOOD), tar([('usr/lib/sysimage/rpm/rpmdb.sqlite', 'file', b'something else')])])
layout('pacman', [tar(GOOD), tar([('var/lib/pacman/local/x-1-1/desc', 'file', b'%NAME%\nx\n')])])
layout('self', two)
root = out + '/self'
# an index can't hold its own digest, but a chain of indexes can be made endless for any reader that does not count
prev = json.loads(open(root + '/index.json').read())['manifests'][0]
for _ in range(30):
    d = json.dumps({'schemaVersion': 2, 'manifests': [prev]}).encode()
    prev = {'mediaType': 'application/vnd.oci.image.index.v1+json', 'digest': put(root, d), 'size': len(d)}
open(root + '/index.json', 'w').write(json.dumps({'schemaVersion': 2, 'manifests': [prev]}))
PY
mkdir "$tmp/i" && python3 "$tmp/make.py" "$tmp/i" || not_ok "images are made"

scan() { run timeout 60 "$LAZARET" scan --no-db --format json --packages "oci:$tmp/i/$1"; }
names() { jq -r '[.packages[].name] | sort | join(" ")' "$out"; }
message() { jq -r '.errors[] | [.layer, .path, .message] | join(" ")' "$out" | cat - "$err" >"$tmp/message"; }
bad() { # image, what its error must say, packages that are still reported
	scan "$1"
	exits 3 "$1: exit 3"
	message
	says "$tmp/message" "$2" "$1: says what is wrong"
	[ $# -lt 3 ] || is "$(names)" "$3" "$1: everything else is still reported"
}
fine() {
	scan "$1"
	exits 0 "$1: exit 0"
	is "$(names)" "$2" "$1: packages"
}

fine good a
bad truncated 'blobs/sha256/[0-9a-f]{64}.*ends early at packed byte' a
bad flipped 'blobs/sha256/[0-9a-f]{64}' a
bad missing 'No such file' a
bad diffid 'unpacks to digest' a
bad size 'its descriptor says' a
bad foreign 'foreign layer' ''
bad encrypted 'encrypted layer' ''
bad dotdot 'leaves the image' a
bad longpath 'limit (path|pax)_bytes' a
fine deep a
bad circle 'circle'
bad hugeline 'limit line_bytes'
bad nopackage 'no package database'
bad noversion 'without a version' a
bad garbage 'tar|checksum' a
bad twice 'duplicate'
bad nested 'json_depth|nests deeper|index.json'
bad rpm-loop 'var/lib/rpm/Packages .*overflow pages in a loop' 'a beta'
bad rpm-count 'var/lib/rpm/Packages .*page 1 claims 65535 entries' 'a beta'
bad rpm-offset 'var/lib/rpm/Packages .*page 2: entry 1 is said to be at 65535' 'a alpha'
bad rpm-slot 'usr/lib/sysimage/rpm/Packages.db .*its slot points outside' 'a beta'
bad rpm-sum 'usr/lib/sysimage/rpm/Packages.db .*its checksum is wrong' 'a beta'
bad rpm-tree 'usr/share/rpm/rpmdb.sqlite ' a
bad rpm-cut 'var/lib/rpm/rpmdb.sqlite .*should have 7 pages, but ends after 2' 'a beta'
bad rpm-none 'usr/lib/sysimage/rpm/rpmdb.sqlite .*no rpm database' a
fine rpm-good 'a alpha beta'
bad pacman 'var/lib/pacman/local/x-1-1/desc package without a %VERSION%' a
bad self 'nest too deep'
run timeout 60 "$LAZARET" scan --no-db --limit layer_bytes=16M "oci:$tmp/i/bomb"
exits 3 "bomb by size: exit 3"
says "$out" 'limit layer_bytes' "bomb by size: named"
run timeout 60 "$LAZARET" scan --no-db --limit layer_ratio=100 "oci:$tmp/i/bomb"
exits 3 "bomb by ratio: exit 3"
says "$out" 'limit layer_ratio' "bomb by ratio: named"

fine moved a
fine odd a
fine hard a
fine whiteout b
fine opaque d
fine upper 'a e'
is "$(jq -r '.packages | map(.layer) | unique | length' "$out")" 2 "packages know the layer that brought them"
tar -C "$tmp/i/odd" -cf "$tmp/odd.tar" .
run sh -c "cat '$tmp/odd.tar' | '$LAZARET' scan --no-db -"
exits 3 "a link to bytes that have passed in a pipe: exit 3"
says "$out" 'scan the image from a file' "and what to do"
head -c 5000 "$tmp/odd.tar" >"$tmp/torn.tar"
run "$LAZARET" scan --no-db "$tmp/torn.tar"
exits 3 "a torn archive: exit 3"
run "$LAZARET" scan --no-db /dev/null
exits 3 "nothing at all: exit 3"
run "$LAZARET" scan --no-db
exits 2 "no target: exit 2"
run "$LAZARET" scan --no-such-option x
exits 2 "unknown option: exit 2"
run "$LAZARET" scan --no-db nothing.tar
exits 3 "no such file: exit 3"
done_testing
