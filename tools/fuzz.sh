#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh BUILD SECONDS [NAME]: runs each libFuzzer target of BUILD (or the one named) for SECONDS,
# as many at a time as there are processors. What a target learns stays in BUILD/corpus/NAME; what
# breaks it stays in BUILD/crashes and is named. Exit 1 if anything broke.
set -eu
if [ "$1" = --one ]; then
	build=$2 seconds=$3 name=$4
	mkdir -p "$build/corpus/$name" "$build/fuzz-logs"
	log=$build/fuzz-logs/$name
	set -- "$build/corpus/$name"
	for seeds in fuzz/*/corpus/"$name"; do
		[ ! -d "$seeds" ] || set -- "$@" "$seeds"
	done
	if "$build/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
		-artifact_prefix="$build/crashes/$name-" -print_final_stats=1 "$@" \
		>"$log" 2>&1 </dev/null; then
		runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
		cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
		printf '%-20s %12s runs %8s edges\n' "$name" "${runs:-?}" "${cover:-?}"
	else
		printf '%-20s BROKEN, log: %s\n' "$name" "$log"
		grep -E 'ERROR: |SUMMARY: |runtime error|Test unit written|    #[0-4] ' "$log" | head -12
		exit 1
	fi
	exit 0
fi

build=$1 seconds=$2 only=${3:-}
case $seconds in
'' | *[!0-9]*)
	echo "usage: ./dev fuzz [SECONDS] [NAME]: '$seconds' is not a number of seconds" >&2
	exit 2
	;;
esac
names=
for program in "$build"/fuzz/fuzz_*; do
	if [ -f "$program" ] && [ -x "$program" ]; then
		name=${program##*/fuzz_}
		[ -z "$only" ] || [ "$only" = "$name" ] || continue
		names="$names $name"
	fi
done
if [ -z "$names" ]; then
	if [ -n "$only" ]; then
		echo "No fuzz target is called '$only'. There are:" >&2
		for program in "$build"/fuzz/fuzz_*; do
			[ ! -f "$program" ] || echo "  ${program##*/fuzz_}" >&2
		done
		exit 2
	fi
	echo "No fuzz targets yet."
	exit 0
fi
mkdir -p "$build/crashes"
status=0
# shellcheck disable=SC2086 # a list of words is meant
printf '%s\n' $names | xargs -P "$(nproc)" -I{} sh "$0" --one "$build" "$seconds" {} || status=1
if [ $status != 0 ]; then
	echo "Inputs that break a target (run it with the file's name to see it again):"
	find "$build/crashes" -type f | sort
fi
exit $status
