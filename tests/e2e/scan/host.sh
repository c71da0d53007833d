#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dir:/ on this machine against dpkg-query: the same packages, the same versions, the same sources, the same files.
. "$LZ_SOURCE/tests/e2e/lib.sh"
needs jq dpkg-query
run lazaret scan --no-db --format json --files dir:/
exits 0 "this machine scans"
cp "$out" "$tmp/all.json"
jq -r '.packages[] | [.name, .version, .arch, .source, .source_version] | join(" ")' "$tmp/all.json" | sort >"$tmp/ours"
# shellcheck disable=SC2016
dpkg-query -W -f '${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n' |
	grep -vE '^(config-files|not-installed) ' | cut -d' ' -f2- | sort >"$tmp/theirs"
holds "the same packages as dpkg-query" cmp "$tmp/ours" "$tmp/theirs"
for package in bash coreutils libc6; do
	jq -r ".packages[] | select(.name == \"$package\" and .files != []) | .files[] | \"/\" + ." "$tmp/all.json" | sort -u >"$tmp/ours"
	dpkg-query -L "$package" | grep -vx '/\.' | grep '^/' | sort -u >"$tmp/theirs"
	holds "$package: the same files as dpkg-query" cmp "$tmp/ours" "$tmp/theirs"
done
done_testing
