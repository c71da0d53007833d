#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verb table in all its forms: help, completion and manual pages name every verb and option; wrong
# words are answered with the right ones.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"

lazaret help >"$out"
verbs=$(sed -n 's/^  \([a-z]*\( [a-z]*\)\{0,1\}\)  .*/\1/p' "$out" | sed 's/ *$//')
[ "$(echo "$verbs" | wc -l)" -ge 11 ] && ok "help lists the verbs" || not_ok "help lists the verbs: $verbs"
options() { lazaret $1 --help | sed -n 's/^  \(-[a-z], \|    \)\(--[a-z-]*\).*/\2/p'; }

lazaret completion bash >"$tmp/bash" && lazaret completion zsh >"$tmp/zsh"
holds "the bash completion is bash" bash -n "$tmp/bash"
if command -v zsh >/dev/null; then
	holds "the zsh completion is zsh" zsh -n "$tmp/zsh"
else
	skip "the zsh completion is zsh" "zsh is not installed"
fi
missing=''
echo "$verbs" | while read -r verb; do
	page=$LZ_SOURCE/man/lazaret.1
	case $verb in scan) page=$LZ_SOURCE/man/lazaret-scan.1 ;; db*) page=$LZ_SOURCE/man/lazaret-db.1 ;; rules*) page=$LZ_SOURCE/man/lazaret-rules.1 ;; watch | top) page=$LZ_SOURCE/man/lazaret-$verb.1 ;; esac
	word=${verb##* }
	grep -q "$word" "$page" || echo "man: $verb"
	grep -q -- "$word" "$tmp/bash" || echo "bash: $verb"
	grep -q -- "$word" "$tmp/zsh" || echo "zsh: $verb"
	lazaret $verb --help | grep -q '^Examples:' || echo "help: $verb has no example"
	for option in $(options "$verb"); do
		plain=${option#-}
		grep -q -- "Fl $plain\b" "$page" || echo "man: $verb $option"
		grep -q -- "$option" "$tmp/bash" || echo "bash: $verb $option"
		grep -q -- "${option#--}" "$tmp/zsh" || echo "zsh: $verb $option"
	done
done >"$tmp/missing"
is "$(cat "$tmp/missing")" "" "every verb and option is in the manual and in both completions, with examples"

complete_() { # words typed so far; the last one is being completed
	bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
		f=$(complete -p lazaret | sed "s/.*-F \([^ ]*\).*/\1/"); $f; printf "%s\n" "${COMPREPLY[@]}"' bash "$tmp/bash" "$@" | sed 's/ *$//' | sort
}
is "$(complete_ lazaret sc)" "scan" "completion of a verb"
is "$(complete_ lazaret db ver)" "verify" "completion of a second word"
is "$(complete_ lazaret scan --form)" "--format" "completion of an option"
is "$(complete_ lazaret scan --format js)" "json" "completion of a value"

wrong() { # exit, pattern, words
	want=$1 pattern=$2
	shift 2
	run lazaret "$@"
	exits "$want" "lazaret $*: exit $want"
	[ -z "$pattern" ] || says "$err" "$pattern" "lazaret $*: says what is right"
}
wrong 2 'did you mean "scan"' scna x
wrong 2 'did you mean "db build"' db biuld
wrong 2 'lazaret help' frobnicate
wrong 2 'did you mean --format' scan --fromat json x
wrong 2 'did you mean --help' scan --hlep
wrong 2 'needs a value' scan --format
wrong 2 'takes no value' scan --no-db=yes x
wrong 2 'TARGET' scan
wrong 2 'json' scan --format yaml x
wrong 2 '' db query
wrong 2 '' db compare no-such-scheme
wrong 2 '' db build
wrong 2 '' completion fish
wrong 2 'severity|critical' scan --fail-on terrible x
wrong 2 'limits' scan --limit nonsense=1 x
wrong 2 '' ''
run lazaret --version
exits 0 "--version"
says "$out" '^lazaret [0-9]+\.[0-9]+\.[0-9]+$' "--version: one line"
run lazaret db --help
exits 0 "help of a group"
says "$out" 'db update' "help of a group: its verbs"
run lazaret
exits 2 "no word at all: exit 2"
says "$out" 'Usage' "no word at all: the overview"
printf '1.0~rc1 1.0\n1:1 2\n1.0 1.0\n' >"$tmp/versions"
run sh -c '"$LAZARET" db compare dpkg <"$1"' sh "$tmp/versions"
is "$(paste -sd' ' "$out")" "< > =" "db compare answers line by line"
run sh -c 'echo "a b c" | "$LAZARET" db compare dpkg'
holds "db compare: a line that is none is no answer" test "$status" -ne 0
if command -v mandoc >/dev/null; then
	for page in "$LZ_SOURCE"/man/*.1; do
		holds "$(basename "$page") is a page without faults" mandoc -Tlint -Wwarning "$page"
	done
else
	skip "manual pages" "mandoc is not installed"
fi
done_testing
