#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Root file systems and archives with traps: what is no file is not opened, nothing outside is read,
# what may not be read is said; and whichever bit of an archive is turned, packages do not get lost
# without a word.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs python3 jq

STATUS='Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n'
root() { # name: a sound root file system
	mkdir -p "$tmp/$1/etc" "$tmp/$1/var/lib/dpkg"
	printf 'ID=debian\nVERSION_ID="12"\n' >"$tmp/$1/etc/os-release"
	printf "$STATUS" >"$tmp/$1/var/lib/dpkg/status"
}
scan() { run timeout 60 "$LAZARET" scan --no-db --packages --format json "$@"; }
message() { jq -r '.errors[] | [.path, .message] | join(" ")' "$out" >"$tmp/message"; cat "$err" >>"$tmp/message"; }
trap_() { # name, what is said
	scan "dir:$tmp/$1"
	exits 3 "$1: exit 3, at once"
	message
	says "$tmp/message" "$2" "$1: named"
}

root fifo && rm "$tmp/fifo/var/lib/dpkg/status" && mkfifo "$tmp/fifo/var/lib/dpkg/status"
trap_ fifo 'var/lib/dpkg/status.*(FIFO|neither|not a)'
root socket && rm "$tmp/socket/var/lib/dpkg/status"
python3 -c 'import socket, sys, os; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind("status")' "$tmp/socket/var/lib/dpkg"
trap_ socket 'var/lib/dpkg/status'
if [ "$(id -u)" = 0 ]; then
	root device && rm "$tmp/device/var/lib/dpkg/status" && mknod "$tmp/device/var/lib/dpkg/status" c 1 5 2>/dev/null &&
		trap_ device 'var/lib/dpkg/status' || skip "device" "no device can be made here"
fi
root folder && rm "$tmp/folder/var/lib/dpkg/status" && mkdir "$tmp/folder/var/lib/dpkg/status"
trap_ folder 'no package database|var/lib/dpkg/status'

# links that lead outside lead nowhere, or to the same path inside
printf "$STATUS" | sed 's/: a/: secret/' >"$tmp/outside"
root leave && rm "$tmp/leave/var/lib/dpkg/status" && ln -s "$tmp/outside" "$tmp/leave/var/lib/dpkg/status"
scan "dir:$tmp/leave"
says_not "$out" secret "an absolute link: nothing outside is read"
root climb && rm "$tmp/climb/var/lib/dpkg/status" && ln -s ../../../../../../../../../..$tmp/outside "$tmp/climb/var/lib/dpkg/status"
scan "dir:$tmp/climb"
says_not "$out" secret "a link that climbs: nothing outside is read"
root inside && mkdir -p "$tmp/inside/srv" && mv "$tmp/inside/var/lib/dpkg/status" "$tmp/inside/srv/status" && ln -s /srv/status "$tmp/inside/var/lib/dpkg/status"
scan "dir:$tmp/inside"
exits 0 "an absolute link inside: complete"
is "$(jq -r '.packages[].name' "$out")" a "an absolute link inside: followed from the root given"
root round && rm "$tmp/round/var/lib/dpkg/status" && ln -s status "$tmp/round/var/lib/dpkg/status"
trap_ round 'var/lib/dpkg/status.*(links|circle|symbolic)'

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$tmp"
	root closed && chmod 000 "$tmp/closed/var/lib/dpkg/status"
	run setpriv --reuid=65534 --regid=65534 --clear-groups timeout 60 "$LAZARET" scan --no-db --packages --format json "dir:$tmp/closed"
	exits 3 "a file that may not be read: exit 3"
	message
	says "$tmp/message" 'var/lib/dpkg/status.*[Pp]ermission' "a file that may not be read: named"
	root shut && chmod 000 "$tmp/shut/var/lib/dpkg"
	run setpriv --reuid=65534 --regid=65534 --clear-groups timeout 60 "$LAZARET" scan --no-db --packages --format json "dir:$tmp/shut"
	exits 3 "a folder that may not be read: exit 3"
	message
	says "$tmp/message" 'var/lib/dpkg.*[Pp]ermission' "a folder that may not be read: named"
	root free
	run setpriv --reuid=65534 --regid=65534 --clear-groups timeout 60 "$LAZARET" scan --no-db --packages --format json "dir:$tmp/free"
	exits 0 "no root is needed for what may be read"
else
	skip "no permission" "needs root and setpriv"
fi

# --- documents of an image
cat >"$tmp/docs.py" <<'P'
import io, json, sys, tarfile
out = sys.argv[1]
def archive(name, manifest, config=b'{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}', more=()):
    t = tarfile.open(f'{out}/{name}.tar', 'w')
    for path, data in [('manifest.json', manifest), ('c.json', config), *more]:
        i = tarfile.TarInfo(path); i.size = len(data); t.addfile(i, io.BytesIO(data))
    t.close()
M = '[{"Config": "c.json", "RepoTags": ["x:1"], "Layers": []}]'
archive('utf8', M.replace('x:1', 'x\udcff').encode('utf-8', 'surrogateescape'))
archive('twicekey', b'[{"Config": "c.json", "Config": "d.json", "Layers": []}]')
archive('deepdoc', b'[' * 100000)
archive('types', b'[{"Config": 7, "Layers": {"a": 1}}]')
archive('missinglayer', b'[{"Config": "c.json", "Layers": ["gone/layer.tar"]}]', b'{"rootfs": {"diff_ids": ["sha256:%s"]}}' % (b'0' * 64))
archive('climb', b'[{"Config": "../../etc/passwd", "Layers": []}]')
archive('many', json.dumps([{'Config': 'c.json', 'RepoTags': ['x:%d' % i], 'Layers': []} for i in range(20000)]).encode())
# links among members that lead round in a circle
t = tarfile.open(f'{out}/loop.tar', 'w')
for a, b in (('manifest.json', 'b.json'), ('b.json', 'manifest.json')):
    i = tarfile.TarInfo(a); i.type = tarfile.SYMTYPE; i.linkname = b; t.addfile(i)
t.close()
P
python3 "$tmp/docs.py" "$tmp"
doc() {
	scan "archive:$tmp/$1.tar"
	holds "$1: no answer (exit $status)" test "$status" = 3 -o "$status" = 2
	cat "$out" >>"$err"
	says "$err" "$2" "$1: named"
}
doc utf8 'manifest.json.*(UTF-8|decode)'
doc twicekey 'manifest.json.*duplicate'
doc deepdoc 'manifest.json.*(deep|nest|depth)'
doc types 'manifest.json'
doc missinglayer 'gone/layer.tar'
doc climb 'passwd|Config|config'
doc many 'several images|--image|too many|limit'
doc loop 'manifest.json|link|image'

# --- every 97th bit of an archive turned: the whole answer, or a word about what is missing
mkdir "$tmp/bits"
root src
tar -C "$tmp/src" --owner=0 --group=0 --mtime=@0 -cf "$tmp/bits/layer.tar" etc var
python3 - "$tmp/bits" <<'P'
import gzip, hashlib, io, json, sys, tarfile
root = sys.argv[1]
raw = open(root + '/layer.tar', 'rb').read()
config = json.dumps({'os': 'linux', 'architecture': 'amd64', 'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + hashlib.sha256(raw).hexdigest()]}}).encode()
name = hashlib.sha256(config).hexdigest() + '.json'
t = tarfile.open(root + '/image.tar', 'w')
for path, data in ((name, config), ('l/layer.tar', gzip.compress(raw, mtime=0)), ('manifest.json', json.dumps([{'Config': name, 'RepoTags': ['x:1'], 'Layers': ['l/layer.tar']}]).encode())):
    i = tarfile.TarInfo(path); i.size = len(data); t.addfile(i, io.BytesIO(data))
t.close()
P
cat >"$tmp/turn.py" <<'P'
import json, os, subprocess, sys
lazaret, image = sys.argv[1:]
data = open(image, 'rb').read()
def scan(b):
    open(image + '.bad', 'wb').write(b)
    p = subprocess.run([lazaret, 'scan', '--no-db', '--packages', '--format', 'json', 'archive:' + image + '.bad'], capture_output=True, timeout=60)
    try: names = [x['name'] for x in json.loads(p.stdout)['packages']]
    except (ValueError, KeyError, TypeError): names = None
    return p.returncode, names
assert scan(data) == (0, ['a']), scan(data)
bad = whole = 0
for bit in range(0, min(len(data), 10240) * 8, 97):
    b = bytearray(data); b[bit // 8] ^= 1 << bit % 8
    code, names = scan(bytes(b))
    if code not in (0, 2, 3) or (code == 0 and names != ['a']):
        bad += 1; print('bit %d: exit %d, %s' % (bit, code, names))
    whole += code == 0
print('%d wrong, %d without effect' % (bad, whole))
sys.exit(bad != 0)
P
holds "every 97th bit turned: the whole answer, or a word about what is missing" python3 "$tmp/turn.py" "$LAZARET" "$tmp/bits/image.tar"

# --- the user's own hand
mkfifo "$tmp/slow"
(exec 3>"$tmp/slow"; sleep 20) &
holder=$!
at_exit "kill $holder"
run timeout -s INT 1 "$LAZARET" scan --no-db --format json -o "$tmp/answer.json" - <"$tmp/slow"
holds "Ctrl-C: ends soon, with an error (exit $status)" test "$status" -ne 0
holds "Ctrl-C: no half answer is left" test ! -s "$tmp/answer.json"
done_testing
