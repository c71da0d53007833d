#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The two Alpine images against an independent calculation from their package database and secdb; every way to name the
# same image must give the same answer.
. "$LZ_SOURCE/tests/e2e/lib.sh"
needs jq python3 skopeo
[ -d "$LZ_SHARED/images" ] || skip_all "no shared test data at $LZ_SHARED"
images=$LZ_SHARED/images
db=$tmp/l.vdb

run lazaret db build --from "$LZ_SHARED/feeds" -o "$db"
exits 0 "the shared feeds build"
cp "$db" "$tmp/again.vdb" && run lazaret db build --from "$LZ_SHARED/feeds" -o "$db"
holds "the same feeds give the same bytes" cmp -s "$db" "$tmp/again.vdb"

# Without a line of ours: installed and secdb say what is to be found. A version is older when apk's order says so; for these
# two images comparing the number lists is enough, and any odd version stops the calculation.
cat >"$tmp/expect.py" <<'PY'
import json, re, sys, tarfile
archive, feed = sys.argv[1], sys.argv[2]
def key(v):
    m = re.fullmatch(r'([0-9.]+)([a-z]?)((?:_p\d*)?)-r(\d+)', v)
    if not m: sys.exit('odd version ' + v)
    return ([int(x) for x in m[1].split('.')], m[2], m[3], int(m[4]))
outer = tarfile.open(archive)
layer = next(m for m in outer if m.name.endswith('layer.tar'))
inner = tarfile.open(fileobj=outer.extractfile(layer))
text = inner.extractfile('lib/apk/db/installed').read().decode()
fixes = {}
for repo in 'main', 'community':
    for p in json.load(open(f'{feed}/{repo}.json'))['packages']:
        fixes.setdefault(p['pkg']['name'], []).append(p['pkg']['secfixes'])
found = set()
for record in text.strip().split('\n\n'):
    f = dict(l.split(':', 1) for l in record.split('\n') if l[1] == ':')
    for sec in fixes.get(f.get('o', f['P']), []):
        for version, ids in sec.items():
            if version != '0' and key(f['V']) < key(version):
                for i in ids:
                    for word in re.findall(r'CVE-\d+-\d+', i):
                        found.add((word, f['P'], version))
for row in sorted(found): print(*row)
PY

answer() { jq -r '.findings[] | [.id, .package.name, .fixed_version] | join(" ")' "$1" | sort; }
for release in 3.9 3.10; do
	python3 "$tmp/expect.py" "$images/alpine-$release.tar.gz" "$LZ_SHARED/feeds/alpine/v$release" >"$tmp/expect.$release" ||
		not_ok "independent calculation for $release"
	run lazaret scan --db "$db" --format json "archive:$images/alpine-$release.tar.gz"
	exits 0 "alpine $release scans"
	cp "$out" "$tmp/$release.json"
	answer "$tmp/$release.json" >"$tmp/got.$release"
	holds "alpine $release: findings agree with the independent calculation" cmp -s "$tmp/expect.$release" "$tmp/got.$release"
	is "$(jq .complete "$tmp/$release.json")" true "alpine $release is complete"
done
is "$(jq '[.findings[].id] | unique | length' "$tmp/3.9.json")" 4 "alpine 3.9 has four vulnerabilities"
is "$(jq '.findings | length' "$tmp/3.10.json")" 0 "alpine 3.10 has none"
is "$(jq -r '.target.os.id + .target.os.version' "$tmp/3.9.json")" "alpine3.9.4" "the release is told"

cat >"$tmp/valid.py" <<'PY'
import json, sys, jsonschema
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))
PY
run lazaret scan --db "$db" --format json --packages --files --ignore CVE-2019-14697:tested "$images/alpine-3.9.tar.gz"
exits 0 "with packages, files and a suppressed vulnerability"
cp "$out" "$tmp/full.json"
holds "the answer follows its schema" python3 "$tmp/valid.py" "$LZ_SOURCE/data/schema/scan.schema.json" "$tmp/full.json"
is "$(jq .summary.suppressed "$tmp/full.json")" 2 "suppressed findings are counted"
is "$(jq '.packages | length' "$tmp/full.json")" 14 "all packages are listed"
is "$(jq '.packages[] | select(.name == "musl") | .files | sort | join(" ")' "$tmp/full.json")" \
	'"lib/ld-musl-x86_64.so.1 lib/libc.musl-x86_64.so.1"' "files know their package"
is "$(jq -r .target.recognised "$tmp/full.json")" true "a bare path is recognised, and said so"

# The same image by other ways.
gzip -dc "$images/alpine-3.9.tar.gz" >"$tmp/plain.tar"
same() {
	name=$1
	shift
	run "$@"
	exits 0 "$name scans"
	answer "$out" >"$tmp/other"
	holds "$name: the same findings" cmp -s "$tmp/got.3.9" "$tmp/other"
}
same "plain tar" lazaret scan --db "$db" --format json "archive:$tmp/plain.tar"
same "standard input" sh -c "cat '$tmp/plain.tar' | '$LAZARET' scan --db '$db' --format json -"
same "packed standard input" sh -c "cat '$images/alpine-3.9.tar.gz' | '$LAZARET' scan --db '$db' --format json -"
zstd -q "$tmp/plain.tar" -o "$tmp/plain.tar.zst" && same "zstd" lazaret scan --db "$db" --format json "$tmp/plain.tar.zst"
xz -0k "$tmp/plain.tar" && same "xz" lazaret scan --db "$db" --format json "$tmp/plain.tar.xz"
skopeo copy -q --insecure-policy "docker-archive:$tmp/plain.tar" "oci:$tmp/layout:a" >/dev/null 2>"$tmp/skopeo" || say "$(cat "$tmp/skopeo")"
same "OCI layout" lazaret scan --db "$db" --format json "oci:$tmp/layout"
tar -C "$tmp/layout" -cf "$tmp/layout.tar" . && same "OCI layout as tar" lazaret scan --db "$db" --format json "$tmp/layout.tar"
mkdir "$tmp/root" && tar -xOf "$tmp/plain.tar" --wildcards '*/layer.tar' | tar -C "$tmp/root" -xf - lib etc usr
same "root file system" lazaret scan --db "$db" --format json "dir:$tmp/root"

run lazaret scan --db "$db" --fail-on low "$images/alpine-3.9.tar.gz"
exits 0 "unknown severity is below low"
run lazaret scan --db "$db" --fail-on unknown "$images/alpine-3.9.tar.gz"
exits 1 "--fail-on denies"
run lazaret scan --db "$db" --allow-stale dir:/
[ "$(. /etc/os-release && echo "$ID")" != debian ] || exits 4 "no feed for this distribution is exit 4"
run lazaret scan --db "$tmp/none.vdb" "$images/alpine-3.9.tar.gz"
exits 4 "no database is exit 4"
done_testing
