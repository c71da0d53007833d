#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program with a parser that has been taken over (-Dhostile=true): images whose file
# etc/lazaret-attack says what to try. Whatever it does, the layer is named, the answer is incomplete,
# the other layers are reported, and nothing outside has changed. Then the wall's own tests, without
# the sanitizers that some of its limits can't be tried under.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs python3 jq meson ninja umoci

run meson setup "$tmp/build" "$LZ_SOURCE" -Dhostile=true -Dbuildtype=release
exits 0 "a build with the hostile parser is set up"
run ninja -C "$tmp/build" lazaret tests/test_jail
exits 0 "and made"
"$LAZARET" list catalogers | grep -q hostile && not_ok "no other build has it" || ok "no other build has it"

mkdir -p "$tmp/good/etc" "$tmp/good/var/lib/dpkg" "$tmp/bad/etc"
printf 'ID=debian\nVERSION_ID="12"\n' >"$tmp/good/etc/os-release"
printf 'Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n' >"$tmp/good/var/lib/dpkg/status"
umoci init --layout "$tmp/oci" && umoci new --image "$tmp/oci:x" &&
	umoci insert --rootless --image "$tmp/oci:x" "$tmp/good" / >"$tmp/.umoci" 2>&1
for attack in open create connect exec fork ptrace peek kill code prctl huge tiny garbage cut crash flood; do
	rm -rf "$tmp/try" && cp -r "$tmp/oci" "$tmp/try"
	echo $attack >"$tmp/bad/etc/lazaret-attack"
	umoci insert --rootless --image "$tmp/try:x" "$tmp/bad" / >"$tmp/.umoci" 2>&1
	run timeout 60 "$tmp/build/lazaret" scan --no-db --packages --format json "oci:$tmp/try"
	exits 3 "$attack: exit 3"
	is "$(jq -r '[.complete, (.packages | map(.name) | join(" ")), (.errors | length > 0), (.errors[0].layer | . != null)] | map(tostring) | join(" ")' "$out")" \
		"false a true true" "$attack: incomplete, the layer is named, the other layer is reported"
done
run env LZ_SOURCE="$LZ_SOURCE" "$tmp/build/tests/test_jail"
exits 0 "the wall's own tests hold in a release build"
says_not "$err" 'SKIPPED' "and none was skipped"
done_testing
