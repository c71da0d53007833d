#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make-image.sh DIR: assembles a small image in DIR as an OCI layout, with nothing but coreutils, awk, tar
# and gzip. It looks to a scanner like a shop that was built on Debian 11 in September 2021 and
# never again: three layers, each with the package database as it was after that step.
#
#   layer 1   ADD rootfs            etc/os-release, var/lib/dpkg/status of the base system
#   layer 2   RUN apt-get install   more packages; an older tool is removed again (config stays)
#   layer 3   COPY shop             the shop's own packages; the documentation is whited out
set -eu
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || {
	echo "usage: make-image.sh DIR" >&2
	exit 2
}
out=$1
rm -rf "$out"
mkdir -p "$out/blobs/sha256"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) arch=$(dpkg --print-architecture) ;;
esac
created=2021-09-20T08:00:00Z

# stanzas TABLE...: a package database from tables of package, version, source.
stanzas() {
	cat "$@" | awk -v arch="$arch" '
	/^#/ || NF < 3 { next }
	{
		source = ""
		if ($3 != "-") {
			source = "Source: " $3 "\n"
			sub(/\(/, " (", source)
		}
		printf "Package: %s\nStatus: install ok installed\nPriority: optional\nSection: misc\n", $1
		printf "Maintainer: Debian Developers <devel@example.org>\nArchitecture: %s\n%s", arch, source
		printf "Version: %s\nDescription: %s, part of the demonstration image\n", $2, $1
		printf " Only its entry in the package database is real.\n\n"
	}'
}

# owned ROOT TABLE: the list of files of each package, as dpkg keeps it.
owned() {
	mkdir -p "$1/var/lib/dpkg/info"
	sed -n 's/^\([a-z][^ ]*\) .*/\1/p' "$2" | while read -r package; do
		mkdir -p "$1/usr/share/doc/$package"
		echo "$package" >"$1/usr/share/doc/$package/copyright"
		printf '/.\n/usr\n/usr/share\n/usr/share/doc\n/usr/share/doc/%s\n/usr/share/doc/%s/copyright\n' \
			"$package" "$package" >"$1/var/lib/dpkg/info/$package.list"
	done
}

# blob FILE: keeps FILE under its digest; leaves digest and size.
blob() {
	digest=$(sha256sum "$1" | cut -d ' ' -f 1) size=$(stat -c %s "$1")
	mv "$1" "$out/blobs/sha256/$digest"
}

layers='' diff_ids=''
layer() { # ROOT: packs a folder as the next layer
	tar -C "$1" --sort=name --mtime="$created" --owner=0 --group=0 --numeric-owner \
		--format=gnu -cf "$work/layer.tar" .
	diff_ids="$diff_ids${diff_ids:+, }\"sha256:$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)\""
	gzip -n -6 "$work/layer.tar"
	blob "$work/layer.tar.gz"
	layers="$layers${layers:+, }{\"mediaType\": \"application/vnd.oci.image.layer.v1.tar+gzip\",
		\"digest\": \"sha256:$digest\", \"size\": $size}"
}

base=$work/base
mkdir -p "$base/etc" "$base/usr/lib" "$base/bin" "$base/tmp" "$base/usr/share/doc/shop"
cat >"$base/usr/lib/os-release" <<-'END'
	PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"
	NAME="Debian GNU/Linux"
	VERSION_ID="11"
	VERSION="11 (bullseye)"
	VERSION_CODENAME=bullseye
	ID=debian
END
ln -s ../usr/lib/os-release "$base/etc/os-release"
echo 11.0 >"$base/etc/debian_version"
echo 'How to run the shop' >"$base/usr/share/doc/shop/README"
owned "$base" "$here/base.txt"
stanzas "$here/base.txt" >"$base/var/lib/dpkg/status"
layer "$base"

tools=$work/tools
mkdir -p "$tools"
owned "$tools" "$here/tools.txt"
{
	stanzas "$here/base.txt" "$here/tools.txt"
	printf 'Package: exim4-daemon-light\nStatus: deinstall ok config-files\nPriority: standard\n'
	printf 'Section: mail\nArchitecture: %s\nSource: exim4\nVersion: 4.94.2-7\n\n' "$arch"
} >"$tools/var/lib/dpkg/status"
layer "$tools"

shop=$work/shop
mkdir -p "$shop/usr/share/doc/shop" "$shop/srv/shop"
owned "$shop" "$here/shop.txt"
{
	cat "$tools/var/lib/dpkg/status"
	stanzas "$here/shop.txt"
} >"$shop/var/lib/dpkg/status"
: >"$shop/usr/share/doc/shop/.wh.README"
echo 'port = 8080' >"$shop/srv/shop/shop.conf"
layer "$shop"

cat >"$work/config" <<END
{"architecture": "$arch", "os": "linux", "created": "$created",
"config": {"Cmd": ["/srv/shop/start"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
"rootfs": {"type": "layers", "diff_ids": [$diff_ids]},
"history": [
{"created": "$created", "created_by": "ADD debian-11-rootfs.tar / "},
{"created": "$created", "created_by": "ENV PATH=/usr/local/bin:/usr/bin:/bin", "empty_layer": true},
{"created": "$created", "created_by": "RUN apt-get install -y curl git sudo policykit-1"},
{"created": "$created", "created_by": "COPY shop / # the shop, with Redis, Apache and Log4j"},
{"created": "$created", "created_by": "CMD [\"/srv/shop/start\"]", "empty_layer": true}]}
END
blob "$work/config"
cat >"$work/manifest" <<END
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
"config": {"mediaType": "application/vnd.oci.image.config.v1+json",
	"digest": "sha256:$digest", "size": $size},
"layers": [$layers]}
END
blob "$work/manifest"
cat >"$out/index.json" <<END
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
"manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json",
	"digest": "sha256:$digest", "size": $size,
	"platform": {"architecture": "$arch", "os": "linux"},
	"annotations": {"org.opencontainers.image.ref.name": "example/shop:2021.9"}}]}
END
printf '{"imageLayoutVersion": "1.0.0"}\n' >"$out/oci-layout"
