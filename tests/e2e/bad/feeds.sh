#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Feeds made to harm: each is named with what is wrong and where, nothing is written, the old database
# stays; what is merely of no use to us is counted and left out.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs python3 gzip

cat >"$tmp/make.py" <<'P'
import json, os, sys, zipfile
root = sys.argv[1]
REC = {'id': 'GO-2099-1', 'modified': '2025-01-01T00:00:00Z', 'affected': [{'package': {'ecosystem': 'Go', 'name': 'e.com/m'}, 'ranges': [{'type': 'SEMVER', 'events': [{'introduced': '0'}, {'fixed': '1.2.3'}]}]}]}
KEV = '{"title": "t", "dateReleased": "2025-01-01T00:00:00Z", "count": 1, "vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}]}'
def put(case, path, data):
    p = os.path.join(root, case, path)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    open(p, 'wb').write(data if isinstance(data, bytes) else data.encode())
    return p
def zipped(case, members, level=zipfile.ZIP_DEFLATED):
    p = put(case, 'osv/Go.zip', b'')
    with zipfile.ZipFile(p, 'w', level) as z:
        for name, data in members: z.writestr(zipfile.ZipInfo(name), data, level)
    return p
good = json.dumps(REC)
zipped('good', [('GO-2099-1.json', good)]); put('good', 'kev/known_exploited_vulnerabilities.json', KEV)
p = zipped('crc', [('GO-2099-1.json', good)], zipfile.ZIP_STORED)
d = bytearray(open(p, 'rb').read()); i = d.index(b'GO-2099-1"'); d[i] ^= 1; open(p, 'wb').write(d)
zipped('bomb', [('GO-%d.json' % i, b' ' * (60 << 20)) for i in range(3)])
p = zipped('cut', [('GO-2099-%d.json' % i, json.dumps(dict(REC, id='GO-2099-%d' % i))) for i in range(50)])
d = open(p, 'rb').read(); open(p, 'wb').write(d[:len(d) * 2 // 3])
zipped('large', [('GO-2099-%d.json' % i, json.dumps(dict(REC, id='GO-2099-%d' % i))) for i in range(200)])
put('nozip', 'osv/Go.zip', '<html>Sign in</html>')
zipped('schema', [('a.json', '{"name": "no OSV record"}'), ('b.json', '[1, 2]'), ('GO-2099-1.json', good)])
zipped('allschema', [('a.json', '{"name": "no OSV record"}'), ('b.json', '[1, 2]')])
zipped('ecosystem', [('X-1.json', json.dumps(dict(REC, id='X-1', affected=[{'package': {'ecosystem': 'Zweifel', 'name': 'x'}, 'versions': ['1']}]))), ('GO-2099-1.json', good)])
zipped('twice', [('a.json', good.replace('"id"', '"id": "A-1", "id"')), ('GO-2099-1.json', good)])
zipped('deep', [('a.json', '{"id": "A-1", "modified": "2025-01-01T00:00:00Z", "database_specific": ' + '[' * 5000 + ']' * 5000 + '}'), ('GO-2099-1.json', good)])
zipped('utf8', [('a.json', good.replace('GO-2099-1', 'A-1').encode().replace(b'e.com', b'e\xff\xfe.com')), ('GO-2099-1.json', good)])
put('tracker', 'debian/tracker.json', '{"curl": {"CVE-2023-1": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "1"}}}}, "x": [')
put('trackerdeep', 'debian/tracker.json', '{"curl": ' + '[' * 100000)
put('trackerlist', 'debian/tracker.json', '[]')
put('secdb', 'alpine/v3.18/main.json', '{"packages": "none"}')
put('secdbcut', 'alpine/v3.18/main.json', '{"packages": [{"pkg": {"name": "a", "secfixes": {"1": ["CVE-2020-1"]}}}, {"pkg"')
put('kev', 'kev/known_exploited_vulnerabilities.json', '{"vulnerabilities": {"a": 1}}')
put('kevempty', 'kev/known_exploited_vulnerabilities.json', '')
put('epss', 'epss/epss_scores-current.csv', '<html>\n<p>Sign in</p>\n')
put('gz', 'debian/tracker.json.gz', b'\x1f\x8b\x08\0\0\0\0\0\0\3garbage that does not inflate')
put('kevnone', 'kev/known_exploited_vulnerabilities.json', KEV.replace('[{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}]', '[]'))
put('epssnone', 'epss/epss_scores-current.csv', '#model_version:v1,score_date:2025-01-01T00:00:00+0000\ncve,epss,percentile\n')
put('nothing', 'README', 'no feed at all')
P
mkdir "$tmp/f" && python3 "$tmp/make.py" "$tmp/f" || not_ok "the feeds are made"
run lazaret db build --from "$tmp/f/good" -o "$tmp/l.vdb"
exits 0 "good feeds"
before=$(sha256sum <"$tmp/l.vdb")
bad() { # case, what must be said, options
	case=$1 want=$2
	shift 2
	run timeout 120 "$LAZARET" db build --from "$tmp/f/$case" -o "$tmp/l.vdb" "$@"
	exits 3 "$case: exit 3"
	says "$err" "$want" "$case: says what is wrong and where"
	is "$(sha256sum <"$tmp/l.vdb")" "$before" "$case: the old database is intact"
}
bad crc 'osv/Go.zip.*GO-2099-1.json.*(CRC|checksum)'
bad bomb 'osv/Go.zip.*(limit|--limit)'
bad cut 'osv/Go.zip'
bad nozip 'osv/Go.zip.*zip'
bad allschema 'osv/Go.zip'
bad tracker 'debian/tracker.json.*byte'
bad trackerdeep 'debian/tracker.json.*(deep|nest)'
bad trackerlist 'debian/tracker.json'
bad secdb 'alpine/v3.18/main.json'
bad secdbcut 'alpine/v3.18/main.json'
bad kev 'kev/known_exploited_vulnerabilities.json'
bad kevempty 'kev/known_exploited_vulnerabilities.json'
bad epss 'epss/epss_scores-current.csv'
bad kevnone 'known_exploited_vulnerabilities.json.*no (record|"vulnerabilities")'
bad epssnone 'epss_scores-current.csv.*no record'
bad gz 'debian/tracker.json.gz'
bad nothing 'no feed'
bad large 'osv/Go.zip.*feed_bytes' --limit feed_bytes=4K

leaves_out() { # case, what is said of the record left out
	run lazaret db build --from "$tmp/f/$1" -o "$tmp/x.vdb"
	exits 0 "$1: the other records are taken"
	says "$err" "left out.*$2" "$1: the one left out is counted and named"
	run lazaret db query --db "$tmp/x.vdb" GO-2099-1
	says "$out" 'e.com/m' "$1: what was sound is in the database"
}
leaves_out schema 'a.json'
leaves_out ecosystem 'Zweifel'
leaves_out twice 'a.json.*(twice|duplicate)'
leaves_out deep 'a.json.*(deep|nest)'
leaves_out utf8 'a.json.*decode byte 0xff'

run lazaret db build --from "$tmp/f/absent" -o "$tmp/l.vdb"
exits 3 "a folder that is not there: exit 3"
run lazaret db build --from "$tmp/f/good" -o "$tmp/no/such/place.vdb"
exits 3 "a place that is not there: exit 3"
says "$err" 'no/such/place.vdb' "a place that is not there: names it"
if [ "$(id -u)" = 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=16k none "$tmp/small" 2>/dev/null; then
	at_exit 'umount "$tmp/small"'
	cp "$tmp/l.vdb" "$tmp/small/l.vdb"
	head -c 12000 /dev/zero >"$tmp/small/fill" 2>/dev/null
	run lazaret db build --from "$tmp/f/good" -o "$tmp/small/l.vdb"
	exits 3 "disk full while the database is written: exit 3"
	says "$err" 'No space left' "disk full while the database is written: says so"
	is "$(sha256sum <"$tmp/small/l.vdb")" "$before" "disk full while the database is written: the old one is intact"
	is "$(ls "$tmp/small" | paste -sd, -)" "fill,l.vdb" "disk full while the database is written: nothing lies beside"
else
	skip "disk full" "no tmpfs can be mounted here"
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$tmp" "$tmp/f" "$tmp/f/good" && chmod 000 "$tmp/f/good/kev" && mkdir -m 777 "$tmp/free"
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$LAZARET" db build --from "$tmp/f/good" -o "$tmp/free/x.vdb"
	exits 3 "a folder that may not be read: exit 3"
	says "$err" 'kev.*[Pp]ermission' "a folder that may not be read: names it"
	holds "a folder that may not be read: nothing is written" test ! -e "$tmp/free/x.vdb"
fi
done_testing
