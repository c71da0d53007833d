#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# db update against a real nginx on loopback: what is asked for, how often, and what is left when
# the server or this machine fails.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs nginx python3 jq zip
PATH=$PATH:/usr/sbin

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$tmp/www/debian" "$tmp/www/kev" "$tmp/www/osv" "$tmp/www/alpine/v3.18" "$tmp/log"
chmod 755 "$tmp"
cat >"$tmp/nginx.conf" <<C
worker_processes 1; daemon on; pid $tmp/nginx.pid; error_log $tmp/log/error.log;
events { worker_connections 64; }
http {
	log_format line '\$uri \$status "\$http_range" "\$http_if_none_match" \$body_bytes_sent';
	access_log $tmp/log/access.log line;
	client_body_temp_path $tmp/log; proxy_temp_path $tmp/log; fastcgi_temp_path $tmp/log;
	uwsgi_temp_path $tmp/log; scgi_temp_path $tmp/log;
	server { listen 127.0.0.1:$port; root $tmp/www; include $tmp/rule*.conf; }
}
C
: >"$tmp/rule.conf"
nginx -c "$tmp/nginx.conf" -p "$tmp" 2>"$tmp/log/start" || skip_all "nginx does not start: $(cat "$tmp/log/start")"
at_exit 'kill "$(cat "$tmp/nginx.pid")"'
rule() { # what the server does from now on
	printf '%s\n' "$1" >"$tmp/rule.conf"
	kill -HUP "$(cat "$tmp/nginx.pid")"
	sleep 0.4
	: >"$tmp/log/access.log"
}
asked() { wc -l <"$tmp/log/access.log" | tr -d ' '; }
answers() { cut -d' ' -f2 "$tmp/log/access.log" | sort | uniq -c | sed 's/^ *//' | paste -sd, -; }

cat >"$tmp/www/kev/known_exploited_vulnerabilities.json" <<'J'
{"title": "t", "catalogVersion": "2025.01.01", "dateReleased": "2025-01-01T00:00:00.0Z", "count": 1,
 "vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}]}
J
cat >"$tmp/www/debian/tracker.json" <<'J'
{"curl": {"CVE-2023-38545": {"description": "d", "scope": "remote", "releases": {"bookworm":
 {"status": "resolved", "repositories": {"bookworm": "7.88.1-10+deb12u4"}, "fixed_version": "7.88.1-10+deb12u4", "urgency": "high"}}}}}
J
cat >"$tmp/www/alpine/v3.18/main.json" <<'J'
{"distroversion": "v3.18", "reponame": "main", "packages": [{"pkg": {"name": "curl", "secfixes": {"8.4.0-r0": ["CVE-2023-38545"]}}}]}
J
cp "$tmp/www/alpine/v3.18/main.json" "$tmp/www/alpine/v3.18/community.json"
sed -i 's/main/community/; s/"packages": .*/"packages": []}/' "$tmp/www/alpine/v3.18/community.json"
printf '{"id": "GO-2099-0001", "modified": "2025-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Go", "name": "example.com/m"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.3"}]}]}]}' >"$tmp/GO-2099-0001.json"
(cd "$tmp" && zip -q "$tmp/www/osv/Go.zip" GO-2099-0001.json)

FEEDS=debian,alpine:v3.18,kev,osv:Go
update() { run timeout 120 "$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds "${WANT:-$FEEDS}" --cache "$tmp/cache" --db "$tmp/l.vdb" --timeout 3 "$@"; }
intact() { is "$(sha256sum <"$tmp/l.vdb")" "$before" "$1: the old database is intact"; }

update
exits 0 "first update"
is "$(asked) $(answers)" "5 5 200" "first update: each file is asked for once"
run lazaret db query --db "$tmp/l.vdb" CVE-2023-38545
says "$out" '8.4.0-r0' "what was fetched is in the database"
run lazaret db verify --db "$tmp/l.vdb"
exits 0 "the database is whole"

: >"$tmp/log/access.log"
update
exits 0 "second update"
is "$(answers)" "5 304" "second update: nothing has changed, nothing is sent"
: >"$tmp/log/access.log"
sleep 1
sed -i 's/8.4.0-r0/8.4.0-r1/' "$tmp/www/alpine/v3.18/main.json"
update
is "$(answers)" "1 200,4 304" "third update: only the file that changed is sent"
run lazaret db query --db "$tmp/l.vdb" CVE-2023-38545
says "$out" '8.4.0-r1' "third update: its new content is in the database"
before=$(sha256sum <"$tmp/l.vdb")

# --- a mirror that packs a feed, and unpacks it again
gzip "$tmp/www/debian/tracker.json"
update
exits 0 "a feed that is packed now"
is "$(ls "$tmp/cache/feeds/debian")" tracker.json.gz "a feed that is packed now: kept in that form only"
update
is "$(grep 'tracker.json.gz ' "$tmp/log/access.log" | tail -n 1 | cut -d' ' -f2)" 304 "a feed that is packed now: not sent again"
gunzip "$tmp/www/debian/tracker.json.gz"
update
exits 0 "a feed that is no longer packed"
is "$(ls "$tmp/cache/feeds/debian")" tracker.json "a feed that is no longer packed: kept in that form only"
before=$(sha256sum <"$tmp/l.vdb")

# --- servers in trouble
rule 'location /kev/ { return 500; }'
update --retries 1
exits 3 "500 for ever: exit 3"
says "$err" 'kev: .*answered 500' "500 for ever: the feed and the answer are named"
says "$err" 'stays as it was' "500 for ever: says that the old database stays"
is "$(grep -c ' 500 ' "$tmp/log/access.log")" 2 "500 for ever: tried as often as --retries says"
intact "500 for ever"
rule 'location /kev/ { return 403; }'
update --retries 5
exits 3 "403: exit 3"
is "$(grep -c ' 403 ' "$tmp/log/access.log")" 1 "403: not tried again"
intact "403"
rule 'location /kev/ { return 404; }'
update
exits 3 "404 of a feed asked for by name: exit 3"
says "$err" 'no longer has it \(404\)' "404: says so"
intact "404"
rule 'location /osv/ { return 200 "<html><body>Sign in</body></html>"; }'
rm -rf "$tmp/cache/state/osv"
update
exits 3 "a page in place of a feed: exit 3"
says "$err" 'osv/Go.zip' "a page in place of a feed: the feed is named"
intact "a page in place of a feed"
rule ''
update
exits 0 "after that: the feed is asked for anew, and is well"
before=$(sha256sum <"$tmp/l.vdb")

# --- a large file over a slow line, cut off in the middle: the rest is fetched, not the whole
python3 - "$tmp/www/debian/tracker.json" <<'P'
import json, sys
json.dump({'pkg%d' % i: {'CVE-2020-%d' % (10000 + i): {'releases': {'bookworm': {'status': 'resolved', 'repositories': {}, 'fixed_version': '1.%d' % i, 'urgency': 'low'}}}} for i in range(12000)}, open(sys.argv[1], 'w'))
P
size=$(stat -c %s "$tmp/www/debian/tracker.json")
rule 'location /debian/ { limit_rate 400k; }'
"$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds $FEEDS --cache "$tmp/cache" --db "$tmp/l.vdb" 2>"$err" &
pid=$!
sleep 1.2
kill -9 $pid
wait $pid 2>/dev/null
intact "killed during a download"
part=$(stat -c %s "$tmp/cache/state/debian/tracker.json.part" 2>/dev/null || echo 0)
[ "$part" -gt 1000 ] && [ "$part" -lt "$size" ] && ok "killed during a download: $part of $size bytes are kept" || not_ok "a part is kept ($part of $size)"
rule ''
update
exits 0 "the next update"
says "$tmp/log/access.log" "tracker.json 206 \"bytes=$part-\" .* $((size - part))\$" "the next update asks for the rest only"
is "$(sha256sum <"$tmp/cache/feeds/debian/tracker.json")" "$(sha256sum <"$tmp/www/debian/tracker.json")" "and what it puts together is the file"
is "$(find "$tmp/cache" -name '*.part*' -o -name '*.new')" "" "nothing temporary is left"
before=$(sha256sum <"$tmp/l.vdb")

# --- the part is of an older file: begin anew
sleep 1
head -c 5000 "$tmp/www/debian/tracker.json" >"$tmp/cache/state/debian/tracker.json.part"
printf 'url http://127.0.0.1:%s/debian/tracker.json\netag "not-this-one"\n' "$port" >"$tmp/cache/state/debian/tracker.json.part.meta"
: >"$tmp/log/access.log"
update
exits 0 "a part of an older file: exit 0"
says "$tmp/log/access.log" 'tracker.json 200 "bytes=5000-"' "a part of an older file: the server sends the whole"
is "$(sha256sum <"$tmp/cache/feeds/debian/tracker.json")" "$(sha256sum <"$tmp/www/debian/tracker.json")" "a part of an older file: what is kept is the file"

# --- killed at any moment
before=$(sha256sum <"$tmp/l.vdb")
bad=0
for ms in 05 10 15 20 25 30 35 40 45 50 55 60 70 80 90; do
	touch "$tmp/www/debian/tracker.json" # is sent again
	"$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds $FEEDS --cache "$tmp/cache" --db "$tmp/l.vdb" 2>"$err" &
	pid=$!
	sleep 0.$ms
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	"$LAZARET" db verify --db "$tmp/l.vdb" >/dev/null 2>&1 || bad=$((bad + 1))
done
is $bad 0 "killed at fifteen moments: the database verifies after each"
update
exits 0 "and the next update runs"
is "$(find "$tmp" -maxdepth 1 -name 'l.vdb.*'; find "$tmp/cache" -name '*.part*')" "" "and leaves nothing temporary"

# --- Ctrl-C
rule 'location /debian/ { limit_rate 50k; }'
touch "$tmp/www/debian/tracker.json"
before=$(sha256sum <"$tmp/l.vdb")
timeout -s INT 1 "$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds $FEEDS --cache "$tmp/cache" --db "$tmp/l.vdb" 2>"$err"
says "$err" 'stopped; what was fetched is kept' "Ctrl-C: says so"
intact "Ctrl-C"

# --- bounds
rule ''
head -c 200000 "$tmp/www/debian/tracker.json" >"$tmp/cache/state/debian/tracker.json.part"
printf 'url http://127.0.0.1:%s/debian/tracker.json\netag %s\n' "$port" "$(sed -n 's/^etag //p' "$tmp/cache/state/debian/tracker.json.meta")" >"$tmp/cache/state/debian/tracker.json.part.meta"
update --limit feed_bytes=100K
exits 3 "a part that is over a limit set since: exit 3"
says "$err" 'debian.*feed_bytes' "a part that is over a limit set since: names it"
touch "$tmp/www/debian/tracker.json"
update --limit feed_bytes=100K
exits 3 "a feed over its limit: exit 3"
says "$err" 'debian.*feed_bytes' "a feed over its limit: names it and the limit"
intact "a feed over its limit"
update
before=$(sha256sum <"$tmp/l.vdb")

# --- nobody there
run "$LAZARET" db update --mirror http://127.0.0.1:1 --feeds kev --cache "$tmp/none" --db "$tmp/none.vdb" --retries 1
exits 3 "no server: exit 3"
says "$err" 'kev: .*127.0.0.1:1/.*connect' "no server: says what could not be reached"
says "$err" 'none.vdb was not written' "no server: says that there is no database"
holds "no server: no database appears" test ! -e "$tmp/none.vdb"

# --- this machine in trouble
run flock "$tmp/cache/update.lock" "$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds kev --cache "$tmp/cache" --db "$tmp/l.vdb"
exits 3 "two at once: exit 3"
says "$err" 'in use by another update' "two at once: says so"
if [ "$(id -u)" = 0 ]; then
	mkdir "$tmp/small" && mount -t tmpfs -o size=300k none "$tmp/small" 2>/dev/null && {
		at_exit 'umount "$tmp/small"'
		run "$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds $FEEDS --cache "$tmp/small/cache" --db "$tmp/small/l.vdb"
		exits 3 "disk full during a download: exit 3"
		says "$err" 'No space left' "disk full during a download: says so"
		rm -rf "$tmp/small/cache"
		head -c 250000 /dev/zero >"$tmp/small/fill"
		cp "$tmp/l.vdb" "$tmp/small/l.vdb" 2>/dev/null
		run "$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds $FEEDS --cache "$tmp/cache" --db "$tmp/small/new.vdb"
		exits 3 "disk full while the database is put in place: exit 3"
		says "$err" 'No space left' "disk full while the database is put in place: says so"
		is "$(ls "$tmp/small" | grep new)" "" "disk full: nothing half-written"
	} || skip "disk full" "no tmpfs can be mounted here"
	if command -v setpriv >/dev/null; then
		mkdir -m 755 "$tmp/mine"
		run setpriv --reuid=65534 --regid=65534 --clear-groups "$LAZARET" db update --mirror "http://127.0.0.1:$port" --feeds kev --cache "$tmp/mine/c" --db "$tmp/mine/l.vdb"
		exits 3 "no permission: exit 3"
		says "$err" 'mine/c.*[Pp]ermission' "no permission: names the folder"
	fi
else
	skip "disk full" "needs root"
fi
intact "after all that"

# --- wrong words
run lazaret db update --feeds debian,nonsense --db "$tmp/l.vdb"
exits 2 "an unknown feed: exit 2"
says "$err" 'no feed is called "nonsense"; there are .*wolfi' "an unknown feed: names those there are"
run lazaret db update --mirror gopher://x --db "$tmp/l.vdb"
exits 2 "an unknown kind of mirror: exit 2"
run lazaret db update --retries many --db "$tmp/l.vdb"
exits 2 "a number that is none: exit 2"

# --- a folder as mirror
run "$LAZARET" db update --mirror "$tmp/www" --db "$tmp/folder.vdb"
exits 0 "a folder as mirror"
run lazaret db status --db "$tmp/folder.vdb"
says "$out" 'alpine:v3.18' "a folder as mirror: its feeds are there"
done_testing
