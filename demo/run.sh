#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh LAZARET DIR: the main job from nothing, as a user would type it. Needs no network.
set -eu
lazaret=$1 dir=$2
here=$(dirname "$0")
mkdir -p "$dir"

shown() {
	printf '\n$ %s\n' "$*"
	"$@"
}

echo "A vulnerability database from data/starter, an image that was built in 2021, and a scan."
shown "$lazaret" db build --from data/starter -o "$dir/starter.vdb"
shown sh "$here/make-image.sh" "$dir/image"
# The starter database is old by design, hence --allow-stale. What a scan finds is no failure of
# the demonstration; what it could not read would be.
status=0
shown "$lazaret" scan --db "$dir/starter.vdb" --allow-stale "oci:$dir/image" || status=$?
[ "$status" -le 1 ] || exit "$status"
printf '\nNext, an image of yours: docker save IMAGE | %s scan --db %s --allow-stale -\n' \
	"$lazaret" "$dir/starter.vdb"
