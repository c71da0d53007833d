#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What can be judged without running the program. Every check runs; the last line says how many
# found something. Needs build/ to be prepared (for config.h).
set -u
cd "$(dirname "$0")/.."
bad=0

check() { # NAME COMMAND...: quiet when good, everything it said when bad
	name=$1
	shift
	if said=$("$@" 2>&1 </dev/null); then
		printf 'ok      %s%s\n' "$name" "${said:+: $said}"
	else
		printf 'FAILED  %s\n%s\n' "$name" "$said"
		bad=$((bad + 1))
	fi
}

files() {
	git -c safe.directory='*' ls-files -co --exclude-standard "$@" | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

layout() {
	finds=$(files '*.c' '*.h' | xargs clang-format --dry-run 2>&1 |
		sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: .*clang-format-violations.*/\1/p' | sort | uniq -c)
	[ -z "$finds" ] || ! echo "$finds"
}

# A header that leans on what its user included first breaks the next user.
headers() {
	status=0
	# The kernel's side is for another machine; event.h is for both.
	for header in $(files 'src/*.h' 'tests/*.h' ':!src/sensor/bpf/*.h') src/sensor/bpf/event.h; do
		printf '#include "%s"\n' "$header" |
			"$1" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -fsyntax-only \
				-Isrc -Ibuild -Itests -I. -x c - || status=1
	done
	return $status
}

scripts() {
	status=0
	for script in $(files '*.sh' dev); do
		dash -n "$script" && sh -n "$script" || status=1
	done
	for script in $(files .ci/run '*.bash'); do
		bash -n "$script" || status=1
	done
	return $status
}

manual() {
	status=0
	for page in $(files 'man/*.[1-9]'); do
		mandoc -Tlint -W warning "$page" || status=1
	done
	return $status
}

if ! git -c safe.directory='*' rev-parse >/dev/null; then
	echo "lint judges the files that git knows; this is no git checkout" >&2
	exit 1
fi
check 'layout (clang-format; ./dev format mends it)' layout
check 'headers compile alone, gcc' headers gcc
check 'headers compile alone, clang' headers clang
check 'scripts parse' scripts
check 'manual pages' manual
for rule in includes spdx hosts lengths packages strays; do
	check "$rule" python3 tools/lint.py "$rule"
done
[ ! -f tools/check_starter.py ] || check 'starter advisories' python3 tools/check_starter.py data/starter
if [ $bad != 0 ]; then
	echo "$bad checks found something"
	exit 1
fi
echo "lint: nothing found"
