#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `./dev demo` shows is true: its findings agree with a calculation that shares no code with the
# program, and the demonstration ends well.
. "$LZ_SOURCE/tests/e2e/lib.sh"
needs python3 jq dpkg

cd "$LZ_SOURCE" || exit 1
run sh demo/run.sh "$LAZARET" "$tmp/demo"
exits 0 "the demonstration ends well"
says "$out" '^Next, ' "its last words say what to try next"
is "$(tail -n 1 "$out" | cut -d ' ' -f 1)" "Next," "and they are the last"

python3 tests/e2e/scan/demo_expected.py "$LZ_SOURCE" >"$tmp/expected"
run lazaret scan --db "$tmp/demo/starter.vdb" --allow-stale --format json "oci:$tmp/demo/image"
exits 0 "findings alone are no failure"
jq -r '.findings[] | [.id, .package.name, .fixed_version, (if .kev then "kev" else "-" end)] | join(" ")' \
	"$out" | sort >"$tmp/got"
is "$(grep -c . "$tmp/expected")" "$(grep -c . "$tmp/got")" "as many findings as expected"
holds "the same findings, fixes and known exploited ones" diff "$tmp/expected" "$tmp/got"
is "$(jq -r .complete "$out")" true "everything was read"
is "$(jq -r '.target.os | .id + " " + .version' "$out")" "debian 11" "the distribution"
is "$(jq -r '[.findings[].package.name] | index("exim4-daemon-light")' "$out")" null \
	"a package of which only configuration is left is not there"
done_testing
