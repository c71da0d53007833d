# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# For end-to-end tests in TAP: `. "$LZ_SOURCE/tests/e2e/lib.sh"` first, `done_testing` last.
#
#   lazaret ARG...            runs the built program
#   run COMMAND...            keeps what happens: $status, $out (a file), $err (a file)
#   ok NAME, not_ok NAME      one case, decided
#   is GOT WANT NAME          equal texts
#   exits CODE NAME           of the last run; tells its stderr when it is another
#   says FILE PATTERN NAME    the file holds a line that matches (grep -E)
#   says_not FILE PATTERN NAME
#   holds NAME COMMAND...     the command succeeds
#   skip NAME REASON          one case that can't be tried here
#   skip_all REASON           the whole file, before any case
#   needs COMMAND...          skip_all unless each is installed
#   shared PATH               prints the place of shared test data; fails where it is absent
#   at_exit COMMAND           runs at the end, however it comes; later ones first
#
# $tmp is an empty folder, removed at the end; LZ_KEEP=1 keeps it and says where it is.
set -u
: "${LZ_BUILD:?LZ_BUILD names the build directory; run by meson test, or set it}"
: "${LZ_SOURCE:=$(cd "$(dirname "$0")/../../.." && pwd)}"
: "${LZ_SHARED:=$LZ_SOURCE/../shared}"
LAZARET=$LZ_BUILD/lazaret
LC_ALL=C
export LC_ALL LZ_SOURCE LZ_SHARED LAZARET
tap_count=0 tap_bad=0 tap_exit=''
tmp=$(mktemp -d "${TMPDIR:-/tmp}/lazaret-e2e.XXXXXX") || exit 1
out=$tmp/.out err=$tmp/.err status=0

tap_cleanup() {
	eval "$tap_exit"
	if [ -n "${LZ_KEEP:-}" ]; then
		echo "# kept: $tmp"
	else
		chmod -R u+rwX "$tmp" 2>/dev/null
		rm -rf "$tmp"
	fi
}
trap tap_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

at_exit() { tap_exit="$*; $tap_exit"; }
say() { printf '%s\n' "$*" | sed 's/^/# /'; }
lazaret() { "$LAZARET" "$@"; }

ok() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s\n' $tap_count "$1"
}

not_ok() {
	tap_count=$((tap_count + 1)) tap_bad=$((tap_bad + 1))
	printf 'not ok %d - %s\n' $tap_count "$1"
}

skip() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' $tap_count "$1" "$2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

needs() {
	for tap_word in "$@"; do
		command -v "$tap_word" >/dev/null || skip_all "$tap_word is not installed (./dev setup)"
	done
}

shared() {
	[ -e "$LZ_SHARED/$1" ] && printf '%s\n' "$LZ_SHARED/$1"
}

run() {
	status=0
	"$@" >"$out" 2>"$err" || status=$?
}

is() {
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3"
		say "got:      $1"
		say "expected: $2"
	fi
}

exits() {
	if [ "$status" = "$1" ]; then
		ok "$2"
	else
		not_ok "$2"
		say "exit $status, expected $1; it said:"
		head -n 20 "$err" | sed 's/^/#   /'
	fi
}

says() {
	if grep -Eq -- "$2" "$1"; then
		ok "$3"
	else
		not_ok "$3"
		say "nothing matches: $2"
		head -n 20 "$1" | sed 's/^/#   /'
	fi
}

says_not() {
	if grep -Eq -- "$2" "$1"; then
		not_ok "$3"
		grep -En -- "$2" "$1" | head -n 5 | sed 's/^/#   /'
	else
		ok "$3"
	fi
}

holds() {
	tap_name=$1
	shift
	if "$@" >"$tmp/.holds" 2>&1; then
		ok "$tap_name"
	else
		not_ok "$tap_name"
		head -n 20 "$tmp/.holds" | sed 's/^/#   /'
	fi
}

done_testing() {
	echo "1..$tap_count"
	[ $tap_bad = 0 ]
	exit $?
}
