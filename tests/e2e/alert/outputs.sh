#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Alerts on standard output and in files, from the hit to what a reader finds.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs jq
emit=$LZ_BUILD/tests/e2e/alert/alert_emit
[ -x "$emit" ] || skip_all "alert_emit is not built"
TZ=UTC
export TZ

alert() { # NAME PRIORITY REPEAT: one hit, or more
	printf '{"rule": "r", "priority": %s, "output": "%s runs", "time_ns": 1795429230000000001, "repeat": %s, "fields": {"evt.time": 1795429230000000001, "proc.name": "%s", "fd.name": null, "container.privileged": true}, "tags": ["a", "b"], "lineage": [{"pid": 51, "name": "%s", "exe": "/bin/%s", "cmdline": "%s"}, {"pid": 40, "name": "bash", "exe": "/bin/bash", "cmdline": "bash"}], "container": {"id": "0123456789abcdef", "name": "web", "image": "shop:1", "digest": "sha256:aa"}}\n' "$2" "$1" "$3" "$1" "$1" "$1" "$1"
}

# --- people
{ alert nc 4 17; alert ls 2 1; } >"$tmp/in"
run "$emit" - <"$tmp/in"
exits 0 "two facts"
cat >"$tmp/want" <<'END'
10:20:30.000000001: Warning nc runs (container web, image shop:1)
    bash(40) > nc(51)
10:20:30.000000010: Warning nc runs (container web, image shop:1)
    bash(40) > nc(51); ×9 in 1 ms; 10 in all
10:20:30.000000001: Critical ls runs (container web, image shop:1)
    bash(40) > ls(51)
10:20:30.000000017: Warning nc runs (container web, image shop:1)
    bash(40) > nc(51); ×7 in 1 ms; 17 in all
END
is "$(diff "$tmp/want" "$out")" "" "two facts: the first at once, the tenth, and the rest at the end"
is "$(cat "$err")" "- sent 4 waiting 0 dropped 0 notices 0" "two facts: all accounted for"

run "$emit" --window 100 - <<END
$(alert nc 4 3)
{"sleep_ms": 300}
$(alert nc 4 1)
END
is "$(grep -c runs "$out")" 3 "a window ends: what was counted, then at once again"

# --- programs
run "$emit" --json "file:$tmp/alerts.json" <"$tmp/in"
exits 0 "JSON into a file"
is "$(jq -s 'map(.count + .more) | add' "$tmp/alerts.json")" 18 "JSON: the counts add up to the hits"
is "$(jq -r 'select(.rule == "r") | .fingerprint' "$tmp/alerts.json" | sort -u | wc -l | tr -d ' ')" 2 "JSON: two facts have two fingerprints"
is "$(jq -s -r '.[0] | [.time, .priority, .hostname, .output, .output_fields["proc.name"], (.output_fields["evt.time"] | type)] | join("|")' "$tmp/alerts.json")" \
	'2026-11-23T10:20:30.000000001Z|Warning|testhost|10:20:30.000000001: Warning nc runs|nc|number' "JSON: as Falco has it"

# What strangers write, a loss, and an output that lost alerts: all of it follows the schema.
{
	printf '{"rule": "r\\u001b", "priority": 0, "output": "a\\u001b[2J\\nb", "time_ns": 1, "fields": {"proc.cmdline": "\\u0007\\u009b\\u202e\\\\\\""}, "lost": 3, "lost_kinds": "open", "known": true}\n'
	printf '{}\n'
	printf '{"rule": "long", "output": "%s"}\n' "$(head -c 100000 /dev/zero | tr '\0' x)"
} >"$tmp/rude"
run "$emit" --json - <"$tmp/rude"
exits 0 "rude alerts"
cat "$out" >>"$tmp/alerts.json"
is "$(tr -d '\033\007' <"$out" | wc -c)" "$(wc -c <"$out")" "rude alerts: no control byte"
is "$(jq -s -r '.[0].output_fields["proc.cmdline"] | @json' "$out")" "$(jq -n -r '"\u0007\u009b\u202e\\\"" | @json')" "rude alerts: no byte is lost either"
is "$(jq -s -r '.[2].cut' "$out")" true "rude alerts: what was cut says so"
{ alert big 4 3000; } | run "$emit" --no-group --queue 30000 "unix:$tmp/nobody" --flush 1
says "$err" "unix:$tmp/nobody sent 0 waiting [0-9]+ dropped [1-9][0-9]+ .*No such file" "nobody listens: bounded and counted"
mkfifo "$tmp/slow"
{ sleep 1; cat; } <"$tmp/slow" >"$tmp/late.json" &
reader=$!
{ alert big 4 3000; } | "$emit" --no-group --json --queue 30000 - 2>"$err" >"$tmp/slow"
wait $reader
lost=$(sed -n 's/.*dropped \([0-9]*\).*/\1/p' "$err")
holds "a slow reader: some were lost" test "$lost" -gt 1000
is "$(jq -s 'map(select(.source == "lazaret") | .output_fields["lazaret.alerts_lost"]) | add' "$tmp/late.json")" "$lost" "a slow reader: told of each"
is "$(($(jq -s 'map(select(.source == "syscall")) | length' "$tmp/late.json") + lost))" 3000 "a slow reader: they add up"
cat "$tmp/late.json" >>"$tmp/alerts.json"
if python3 -c 'import jsonschema' 2>/dev/null; then
	holds "every line is as its schema says" python3 -c 'import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
v = jsonschema.Draft202012Validator(schema)
n = 0
for line in open(sys.argv[2]):
    v.validate(json.loads(line)); n += 1
assert n > 10, n' "$LZ_SOURCE/data/schema/alert.schema.json" "$tmp/alerts.json"
else
	skip "every line is as its schema says" "python3-jsonschema is not installed"
fi

# --- the end of a reader, and mistakes
alert nc 4 100000 >"$tmp/many"
"$emit" --no-group - <"$tmp/many" 2>"$err" | head -n 1 >"$out"
is "$(cat "$out")" "10:20:30.000000001: Warning nc runs (container web, image shop:1)" "head -n 1: a line"
says "$err" '^- sent [0-9]+ waiting 0 dropped [0-9]+ .*ended' "head -n 1: ends by itself"
run "$emit" "file:$tmp/absent/alerts" </dev/null
exits 3 "a folder that is not there"
says "$err" 'absent/alerts: No such file' "a folder that is not there: named"
run "$emit" syslog:facility=local9 </dev/null
exits 2 "no such facility"

# --- rotation by somebody else
run "$emit" --no-group "file:$tmp/log" <<END
$(alert one 4 1)
{"sleep_ms": 200}
END
mv "$tmp/log" "$tmp/log.old"
run "$emit" --no-group "file:$tmp/log,size=300,keep=3" <<END
$(alert two 4 8)
END
is "$(cat "$tmp/log" "$tmp"/log.[0-9] | grep -c 'two runs')" 8 "rotation: nothing is missing"
holds "rotation: as often as it must" test -s "$tmp/log.2"
is "$(find "$tmp" -name 'log*' -size +300c | wc -l | tr -d ' ')" 0 "rotation: no file is larger than was asked for"
done_testing
