#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rpm databases against rpm itself: packages made by rpmbuild, installed by rpm into a database of
# their own, then many rows in every page size SQLite knows. What `rpm -qa` says of the same
# database is the truth.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs rpm rpmbuild python3 jq

mkdir -p "$tmp/t/SPECS"
cat >"$tmp/t/SPECS/a.spec" <<'S'
Name: alpha
Version: 1.2.3
Release: 4.el9
Epoch: 2
Summary: a package
License: MIT and BSD
Vendor: Test House
BuildArch: noarch
ModularityLabel: nodejs:18:820220:abcd:x86_64
%description
a package
%package -n a-package-with-quite-a-long-name-and+odd.letters
Summary: another
Version: 0.0~rc1^git7
Epoch: 0
%description -n a-package-with-quite-a-long-name-and+odd.letters
another
%install
mkdir -p %{buildroot}/usr/share/alpha/deep/er %{buildroot}/etc
for i in $(seq 1 300); do echo $i >%{buildroot}/usr/share/alpha/deep/er/file-$i; done
echo x >%{buildroot}/etc/alpha.conf
%files
/usr/share/alpha
%files -n a-package-with-quite-a-long-name-and+odd.letters
/etc/alpha.conf
S
root=$tmp/sys db=$tmp/sys/usr/lib/sysimage/rpm
mkdir -p "$db" "$root/etc"
printf 'ID=fedora\nVERSION_ID=40\n' >"$root/etc/os-release"
run rpmbuild --quiet --define "_topdir $tmp/t" -bb "$tmp/t/SPECS/a.spec"
exits 0 "rpmbuild makes the packages"
run rpm --dbpath "$db" --justdb --nodeps --nosignature -i "$tmp"/t/RPMS/noarch/*.rpm
exits 0 "rpm installs them into a database of their own"

FORMAT='%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM} %{VENDOR} %{MODULARITYLABEL}\n'
truth() { rpm --dbpath "$1" -qa --qf "$FORMAT" | grep -v '^gpg-pubkey' | sed 's/ 0:/ /' | sort; }
answer() {
	run "$LAZARET" scan --no-db --packages --files --format json "dir:$1"
	jq -r '.packages[] | "\(.name) \(.version) \(.arch) \(.source_rpm // .source) \(.vendor) \(.module)"' "$out" | sort
}

answer "$root" >"$tmp/have"
exits 0 "a database that rpm made: complete"
truth "$db" | sed -E 's/ (alpha)-1.2.3-4.el9.src.rpm / \1 /' >"$tmp/want"
is "$(cat "$tmp/have")" "$(cat "$tmp/want")" "packages, epochs, vendors and modules are those of rpm -qa"
rpm --dbpath "$db" -ql alpha | sed 's|^/||' | sort >"$tmp/want"
jq -r '.packages[] | select(.name == "alpha") | .files[]' "$out" | sort >"$tmp/have"
is "$(cat "$tmp/have")" "$(cat "$tmp/want")" "the files are those of rpm -ql"

# Rows by the thousand: a tree of several levels, rows with and without overflow pages.
cat >"$tmp/many.py" <<'P'
import shutil, sqlite3, sys
src, dst, size, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
shutil.copy(src, dst)
db = sqlite3.connect(dst)
db.execute('PRAGMA journal_mode=DELETE')
db.execute('PRAGMA page_size=%d' % size)
blobs = [r[0] for r in db.execute('SELECT blob FROM Packages ORDER BY length(blob)')]
for i in range(count):
    blob = blobs[i % len(blobs)] if i % 40 == 0 else blobs[0]
    # same length, so that the header's offsets stay true; strings of a header end with a zero
    blob = blob.replace(b'with-quite', b'%010d' % i).replace(b'\0alpha\0', b'\0a%04d\0' % i)
    db.execute('INSERT INTO Packages(blob) VALUES (?)', (blob,))
    if i % 3 == 0:
        db.execute('DELETE FROM Packages WHERE hnum=?', (i // 2,))
db.commit()
db.execute('VACUUM')
P
for size in 512 1024 4096 16384 65536; do
	rm -rf "$tmp/many"
	mkdir -p "$tmp/many/var/lib/rpm" "$tmp/many/etc" "$tmp/copy"
	cp "$root/etc/os-release" "$tmp/many/etc/"
	python3 "$tmp/many.py" "$db/rpmdb.sqlite" "$tmp/many/var/lib/rpm/rpmdb.sqlite" $size 2000
	rm -rf "$tmp/copy" && cp -r "$tmp/many/var/lib/rpm" "$tmp/copy"
	rpm --dbpath "$tmp/copy" --nodigest --nosignature -qa --qf '%{NAME} %{VERSION}\n' 2>/dev/null | sort >"$tmp/want"
	answer "$tmp/many" >/dev/null
	exits 0 "pages of $size bytes: complete"
	jq -r '.packages[] | "\(.name) \(.version)"' "$out" | sed 's/ [0-9]*:/ /; s/-[^-]*$//' | sort >"$tmp/have"
	if [ "$(wc -l <"$tmp/want")" -gt 1300 ] && cmp -s "$tmp/have" "$tmp/want"; then
		ok "pages of $size bytes: the $(wc -l <"$tmp/want") packages of rpm -qa"
	else
		not_ok "pages of $size bytes: the packages of rpm -qa"
		diff "$tmp/have" "$tmp/want" | head -n 5 | sed 's/^/#   /'
	fi
done

# In an image, behind the wall: the same answer as from the directory.
if command -v umoci >/dev/null; then
	umoci init --layout "$tmp/oci" && umoci new --image "$tmp/oci:x" &&
		umoci insert --rootless --image "$tmp/oci:x" "$root" / >"$tmp/.umoci" 2>&1
	run "$LAZARET" scan --no-db --packages --format json "oci:$tmp/oci"
	exits 0 "in an OCI image: complete"
	jq -r '.packages[].name' "$out" | sort >"$tmp/have"
	is "$(cat "$tmp/have")" "$(rpm --dbpath "$db" -qa --qf '%{NAME}\n' | sort)" "in an OCI image: the same packages"
else
	skip "in an OCI image" "umoci is not installed"
fi

# A log that SQLite has not brought into the database.
printf '7\177\006\202' >"$db/rpmdb.sqlite-wal"
run "$LAZARET" scan --no-db "dir:$root"
exits 3 "a log with changes beside the database: incomplete"
says "$out" 'usr/lib/sysimage/rpm/rpmdb.sqlite-wal.*newest changes' "and it is named"
done_testing
