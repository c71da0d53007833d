#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a user gets: the table, the JSON against its schema, the exit codes, policy options, and
# streams that end early. The root file system and its advisories are made here, so that each
# finding is known beforehand.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs python3 jq
python3 -c 'import jsonschema' 2>/dev/null || skip_all "python3-jsonschema is not installed (./dev setup)"

mkdir -p "$tmp/r/etc" "$tmp/r/var/lib/dpkg" "$tmp/f/osv" "$tmp/f/kev" "$tmp/f/epss"
printf 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n' >"$tmp/r/etc/os-release"
for p in alpha:1.0-1 beta:2:3.1-2 gamma:7 'delta:1'; do
	printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n' "${p%%:*}" "${p#*:}"
done >"$tmp/r/var/lib/dpkg/status"
cat >"$tmp/make.py" <<'P'
import json, sys
def rec(id, name, events, title, vector=None, aliases=(), **more):
    d = {'id': id, 'modified': '2025-01-01T00:00:00Z', 'summary': title, 'aliases': list(aliases), 'references': [{'type': 'WEB', 'url': 'https://example.org/' + id}],
         'affected': [{'package': {'ecosystem': 'Debian:12', 'name': name}, 'ranges': [{'type': 'ECOSYSTEM', 'events': events}]}]}
    if vector: d['severity'] = [{'type': 'CVSS_V3', 'score': vector}]
    d.update(more)
    json.dump(d, open('%s/osv/%s.json' % (sys.argv[1], id), 'w'))
up = lambda v: [{'introduced': '0'}, {'fixed': v}]
HIGH, CRIT, LOW = ('CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 'CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N')
rec('CVE-2099-0001', 'alpha', up('1.0-2'), 'high, fixed', HIGH)
rec('CVE-2099-0002', 'alpha', [{'introduced': '0'}], 'critical, no fix', CRIT)
rec('CVE-2099-0003', 'beta', up('2:3.1-3'), 'low but exploited', LOW)
rec('CVE-2099-0004', 'beta', up('3.1-3'), 'not affected: the epoch is higher', CRIT)
rec('CVE-2099-0005', 'gamma', up('7'), 'fixed in what is installed', CRIT)
rec('GHSA-aaaa-bbbb-cccc', 'gamma', up('8'), 'evil \x1b[31m\u202e title\n second', HIGH, ['CVE-2099-0006'])
rec('DSA-1', 'gamma', up('8'), '', None, ['CVE-2099-0006'])
rec('CVE-2099-0007', 'delta', up('2'), 'withdrawn', CRIT, withdrawn='2025-01-02T00:00:00Z')
P
python3 "$tmp/make.py" "$tmp/f"
printf '{"vulnerabilities": [{"cveID": "CVE-2099-0003", "dateAdded": "2025-01-01"}], "dateReleased": "2025-01-01T00:00:00Z", "count": 1}' >"$tmp/f/kev/known_exploited_vulnerabilities.json"
printf '#model_version:v1,score_date:2025-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2099-0001,0.5,0.9\nCVE-2099-0006,0.7,0.95\n' >"$tmp/f/epss/scores.csv"
run lazaret db build --from "$tmp/f" -o "$tmp/l.vdb"
exits 0 "a database"
scan() { run "$LAZARET" scan --db "$tmp/l.vdb" "$@" "dir:$tmp/r"; }

# --- findings, in order of risk: exploited, then severity, then EPSS
scan --format json
exits 0 "findings alone deny nothing"
is "$(jq -r '[.findings[] | "\(.id) \(.package.name) \(.severity) \(.fixed_version)"] | join(", ")' "$out")" \
	"CVE-2099-0003 beta low 2:3.1-3, CVE-2099-0002 alpha critical null, CVE-2099-0006 gamma high 8, CVE-2099-0001 alpha high 1.0-2" \
	"the findings, by risk, one for each vulnerability"
is "$(jq -c '.findings[] | select(.id == "CVE-2099-0006") | [(.aliases | sort), .epss, .kev]' "$out")" '[["DSA-1","GHSA-aaaa-bbbb-cccc"],0.7,false]' "names of one vulnerability are one finding; EPSS by CVE"
is "$(jq -c '.findings[] | select(.id == "CVE-2099-0002") | [.cvss.score, .status]' "$out")" '[9.8,"affected"]' "the score is computed from the vector"
is "$(jq -c '.summary | [.total, .kev, .fixable, .by_severity.critical, .by_severity.high, .by_severity.low]' "$out")" '[4,1,3,1,2,1]' "the summary counts them"
jq -r '.findings[] | "\(.id) \(.package.name) \(.fingerprint)"' "$out" | sort >"$tmp/prints"
cp -r "$tmp/r" "$tmp/r2" && sed -i 's/Version: 1.0-1/Version: 1.0-1+b1/' "$tmp/r2/var/lib/dpkg/status"
"$LAZARET" scan --db "$tmp/l.vdb" --format json "dir:$tmp/r2" 2>/dev/null | jq -r '.findings[] | "\(.id) \(.package.name) \(.fingerprint)"' | sort >"$tmp/prints2"
is "$(cat "$tmp/prints2")" "$(cat "$tmp/prints")" "fingerprints outlive another place and a rebuilt package"

# --- Alpine's feed does not say how bad a vulnerability is: another feed's word on the same CVE serves
mkdir -p "$tmp/a/etc" "$tmp/a/lib/apk/db" "$tmp/f/alpine/v3.18"
printf 'ID=alpine\nVERSION_ID=3.18.4\n' >"$tmp/a/etc/os-release"
printf 'P:alpha\nV:1.0-r0\nA:x86_64\no:alpha\n\n' >"$tmp/a/lib/apk/db/installed"
printf '{"packages": [{"pkg": {"name": "alpha", "secfixes": {"1.0-r1": ["CVE-2099-0001"], "2": ["CVE-2099-0099"]}}}]}' >"$tmp/f/alpine/v3.18/main.json"
run lazaret db build --from "$tmp/f" -o "$tmp/l.vdb"
run "$LAZARET" scan --db "$tmp/l.vdb" --format json "dir:$tmp/a"
is "$(jq -c '[.findings[] | [.id, .severity, .severity_source, .cvss.score, .fixed_version]]' "$out")" \
	'[["CVE-2099-0001","high","osv",7.5,"1.0-r1"],["CVE-2099-0099","unknown",null,null,"2"]]' "severity is borrowed by CVE, the fix is not"

run lazaret db query --db "$tmp/l.vdb" CVE-2099-0006 --format json
is "$(jq -c '[.rows[] | [.id, .ecosystem, .package, .events[1].fixed, .epss]] | sort' "$out")" \
	'[["DSA-1","debian:12","gamma","8",0.7],["GHSA-aaaa-bbbb-cccc","debian:12","gamma","8",0.7]]' "db query in JSON, by alias"
run lazaret db query --db "$tmp/l.vdb" beta --format json
is "$(jq -c '[.rows[].id] | sort' "$out")" '["CVE-2099-0003","CVE-2099-0004"]' "db query in JSON, by package"
run lazaret db status --db "$tmp/l.vdb"
says "$out" 'kev .*1 records.*newest 2025-01-01, [0-9]+ days ago' "db status: count and age of each feed"

# --- JSON holds to its schema, whatever the answer
valid() { # name
	python3 - "$LZ_SOURCE/data/schema/scan.schema.json" "$out" >"$tmp/.valid" 2>&1 <<'P' && ok "$1: valid JSON of the schema" || { not_ok "$1: valid JSON of the schema"; tail -n 4 "$tmp/.valid" | sed 's/^/# /'; }
import json, sys, jsonschema
schema, doc = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(doc, schema, cls=jsonschema.Draft202012Validator)
P
}
scan --format json
valid "findings"
scan --format json --packages --files && valid "with packages and files"
mkdir -p "$tmp/empty"
run "$LAZARET" scan --no-db --format json --packages "dir:$tmp/empty"
valid "an empty folder"
cp -r "$tmp/r" "$tmp/broken" && printf 'garbage without a colon\n\n' >>"$tmp/broken/var/lib/dpkg/status"
run "$LAZARET" scan --db "$tmp/l.vdb" --format json "dir:$tmp/broken"
exits 3 "a damaged database: exit 3"
valid "incomplete"
is "$(jq -c '[.complete, (.findings | length), .errors[0].path]' "$out")" '[false,4,"var/lib/dpkg/status"]' "incomplete: says so, and still has the findings"
run "$LAZARET" scan --db "$tmp/l.vdb" --format json "dir:$tmp/r" "dir:$tmp/absent" "dir:$tmp/r2"
exits 3 "three targets, one absent: exit 3"
valid "several targets"

# --- policy
scan --fail-on critical
exits 1 "--fail-on critical: exit 1"
scan --fail-on critical --only-fixed
exits 0 "--fail-on critical --only-fixed: the critical one has no fix"
scan --fail-on high --only-fixed
exits 1 "--fail-on high --only-fixed: exit 1"
scan --fail-on critical --ignore CVE-2099-0002:no-such-use-here
exits 0 "--ignore: exit 0"
scan --format json --ignore CVE-2099-0002:no-such-use-here
is "$(jq -c '.findings[] | select(.id == "CVE-2099-0002") | [.suppressed.by, .suppressed.reason]' "$out")" '["--ignore","no-such-use-here"]' "--ignore: it stays visible, with its reason"
scan --ignore GHSA-aaaa-bbbb-cccc --fail-on high --only-fixed --ignore CVE-2099-0001
exits 0 "--ignore takes any name of a vulnerability"
scan --severity high --format json
is "$(jq -r '[.findings[].id] | sort | join(" ")' "$out")" "CVE-2099-0001 CVE-2099-0002 CVE-2099-0006" "--severity high: that and worse"

# --- knowledge
run env SOURCE_DATE_EPOCH=1735689600 "$LAZARET" db build --from "$tmp/f" -o "$tmp/old.vdb"
run "$LAZARET" scan --db "$tmp/old.vdb" "dir:$tmp/r"
exits 4 "an old database: exit 4"
says "$err" 'days old.*db update' "an old database: says how old and what to do"
run "$LAZARET" scan --db "$tmp/old.vdb" --allow-stale "dir:$tmp/r"
exits 0 "--allow-stale"
run "$LAZARET" scan --db "$tmp/old.vdb" --max-age 36500 "dir:$tmp/r"
exits 0 "--max-age"
run "$LAZARET" scan --db "$tmp/none.vdb" "dir:$tmp/r"
exits 4 "no database: exit 4"
says "$err" 'db update' "no database: says what to do"
sed -i 's/12/11/' "$tmp/r2/etc/os-release"
run "$LAZARET" scan --db "$tmp/l.vdb" "dir:$tmp/r2"
exits 4 "a distribution without a feed: exit 4, never an empty answer"
run sh -c '"$LAZARET" scan --db "$1" "dir:$2" 2>&1' sh "$tmp/l.vdb" "$tmp/r2"
says "$out" 'no feed for "debian:11"' "a distribution without a feed: says which"

# --- the table
scan
says "$out" 'KEV|exploited' "the table marks what is exploited"
says_not "$out" "$(printf '\033')" "a pipe gets no escape sequences, though a title has some"
says "$out" 'evil \\x1b' "they are shown as text"
holds "lines of the table are whole" sh -c '! grep -q "second$" "$1" || grep -q "evil.*second" "$1"' sh "$out"
run env -u NO_COLOR TERM=xterm script -qec "'$LAZARET' scan --db '$tmp/l.vdb' 'dir:$tmp/r'" /dev/null
says "$out" "$(printf '\033')\[" "a terminal gets colour"
run env NO_COLOR=1 script -qec "'$LAZARET' scan --db '$tmp/l.vdb' 'dir:$tmp/r'" /dev/null
says_not "$out" "$(printf '\033')\[[0-9;]*m" "NO_COLOR: none"

# --- streams that end
run sh -c '"$LAZARET" scan --db "$1" "dir:$2" >/dev/full' sh "$tmp/l.vdb" "$tmp/r"
exits 3 "a full output: exit 3"
says "$err" 'No space|write' "a full output: says so"
run sh -c '"$LAZARET" scan --db "$1" --format json --packages --files dir:/ | head -c 10 >/dev/null' sh "$tmp/l.vdb"
says_not "$err" 'crash|Sanitizer' "a reader that goes away: no crash"
done_testing
