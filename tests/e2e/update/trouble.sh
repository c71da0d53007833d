#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# db update against a server that nginx can't play: cutting bodies short, telling clients to wait,
# lying about ranges, sending them round in circles. And db export, import.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs python3 openssl

cat >"$tmp/server.py" <<'P'
import http.server, os, sys
KEV = b'{"title": "t", "catalogVersion": "1", "dateReleased": "2025-01-01T00:00:00.0Z", "count": 1, "vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}]}'
seen = {}
log = open(sys.argv[1], 'a', buffering=1)
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def send(self, status, body, length=None, **headers):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        for k, v in headers.items(): self.send_header(k.replace('_', '-'), v)
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length != len(body): self.close_connection = True
    def do_GET(self):
        kind = self.path.split('/')[1]
        n = seen[kind] = seen.get(kind, 0) + 1
        log.write('%s %s\n' % (self.path, self.headers.get('Range', '-')))
        if kind == 'cut': # always half of what is promised, and no range is known
            self.send(200, KEV[:60], len(KEV))
        elif kind == 'mend': # cut once; then the rest is given
            r = self.headers.get('Range')
            if r:
                at = int(r[6:-1])
                self.send(206, KEV[at:], Content_Range='bytes %d-%d/%d' % (at, len(KEV) - 1, len(KEV)), ETag='"a"')
            else: self.send(200, KEV[:60], len(KEV), ETag='"a"')
        elif kind == 'liar': # another part than was asked for
            if self.headers.get('Range'):
                self.send(206, KEV[5:], Content_Range='bytes 5-%d/%d' % (len(KEV) - 1, len(KEV)), ETag='"a"')
            else: self.send(200, KEV[:60], len(KEV), ETag='"a"')
        elif kind == 'wait': # come back in a second
            if n == 1: self.send(429, b'slow down', Retry_After='1')
            else: self.send(200, KEV)
        elif kind == 'later': self.send(503, b'', Retry_After='86400')
        elif kind == 'twice': # 500, 502, then well
            if n < 3: self.send(500 if n == 1 else 502, b'oops')
            else: self.send(200, KEV)
        elif kind == 'round':
            self.send(302, b'', Location=self.path)
        elif kind == 'file':
            self.send(302, b'', Location='file:///etc/passwd')
        elif kind == 'empty': self.send(200, b'')
        elif kind == 'endless': # no length, no end
            self.send_response(200); self.send_header('Connection', 'close'); self.end_headers()
            try:
                while True: self.wfile.write(b' ' * 65536)
            except OSError: pass
            self.close_connection = True
        elif kind == 'silent':
            import time
            self.send_response(200); self.send_header('Content-Length', '1000'); self.end_headers()
            time.sleep(8); self.close_connection = True
        elif kind == 'headers': # a header of 1 MB
            self.send(200, KEV, ETag='"' + 'x' * 1000000 + '"')
        elif kind == 'split': # a tag that would add a header to our next request
            self.send(200, KEV, ETag='"a" \x01')
        else: self.send(404, b'')
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)
open(sys.argv[2], 'w').write(str(s.server_address[1]))
s.serve_forever()
P
python3 "$tmp/server.py" "$tmp/log" "$tmp/port" 2>"$tmp/server.err" &
server=$!
at_exit "kill $server"
for i in 1 2 3 4 5 6 7 8 9 10; do [ -s "$tmp/port" ] && break; sleep 0.2; done
port=$(cat "$tmp/port")
update() { # kind, options
	kind=$1
	shift
	rm -rf "$tmp/cache"
	: >"$tmp/log"
	run timeout 60 "$LAZARET" db update --mirror "http://127.0.0.1:$port/$kind" --feeds kev --cache "$tmp/cache" --db "$tmp/l.vdb" --timeout 2 "$@"
}
tried() { wc -l <"$tmp/log" | tr -d ' '; }

update twice
exits 0 "500, 502, then well: exit 0"
is "$(tried)" 3 "500, 502, then well: the third try is the one"
update wait
exits 0 "429 with Retry-After: exit 0"
is "$(tried)" 2 "429 with Retry-After: comes back once"
update later
exits 3 "503 until tomorrow: exit 3"
is "$(tried)" 1 "503 until tomorrow: is not waited for"
says "$err" 'come back in 86400 s' "503 until tomorrow: says when to come back"
update cut --retries 2
exits 3 "a body cut short for ever: exit 3"
is "$(tried)" 3 "a body cut short for ever: tried as often as --retries says"
says "$err" 'kev: ' "a body cut short for ever: the feed is named"
update mend
exits 0 "a body cut short once: exit 0"
is "$(sed -n 2p "$tmp/log" | cut -d' ' -f2)" 'bytes=60-' "a body cut short once: the rest is asked for"
before=$(sha256sum <"$tmp/l.vdb")
update liar
exits 3 "another part than was asked for: exit 3"
says "$err" 'another part of the file' "another part than was asked for: says so"
update round
exits 3 "redirects in a circle: exit 3"
holds "redirects in a circle: few are followed" test "$(tried)" -le 6
update file
exits 3 "a redirect to a local file: exit 3"
holds "a redirect to a local file: nothing of it is kept" test ! -e "$tmp/cache/feeds/kev/known_exploited_vulnerabilities.json"
update empty
exits 3 "an empty file: exit 3"
says "$err" 'empty file' "an empty file: says so"
update endless --limit feed_bytes=8M
exits 3 "a body without end: exit 3"
says "$err" 'feed_bytes' "a body without end: the limit is named"
update silent --retries 0
exits 3 "a server that falls silent: exit 3"
says "$err" 'kev: .*(slow|time)' "a server that falls silent: says so"
update headers --retries 0
holds "a header of a megabyte: no crash" test "$status" -le 3
is "$(sha256sum <"$tmp/l.vdb")" "$before" "the database is that of the last good update"
update split
exits 0 "a tag with control characters: the feed is taken"
run timeout 60 "$LAZARET" db update --mirror "http://127.0.0.1:$port/split" --feeds kev --cache "$tmp/cache" --db "$tmp/l.vdb"
exits 0 "a tag with control characters: asked for anew next time"

# --- export and import
openssl genpkey -algorithm ed25519 -out "$tmp/key" 2>/dev/null
openssl pkey -in "$tmp/key" -pubout -out "$tmp/pub"
openssl genpkey -algorithm ed25519 -out "$tmp/key2" 2>/dev/null
openssl pkey -in "$tmp/key2" -pubout -out "$tmp/pub2"
mkdir -p "$tmp/feeds/kev"
printf '{"vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}], "dateReleased": "2025-01-01T00:00:00Z", "count": 1}' >"$tmp/feeds/kev/known_exploited_vulnerabilities.json"
run lazaret db build --from "$tmp/feeds" -o "$tmp/signed.vdb" --sign-key "$tmp/key"
exits 0 "a signed database"
run lazaret db export --db "$tmp/signed.vdb" -o "$tmp/out.vdb"
exits 0 "export"
is "$(sha256sum <"$tmp/out.vdb")" "$(sha256sum <"$tmp/signed.vdb")" "export: the same bytes"
run lazaret db import "$tmp/out.vdb" --db "$tmp/new/place/l.vdb" --verify-key "$tmp/pub"
exits 0 "import into a folder that is not there yet"
was=$(sha256sum <"$tmp/new/place/l.vdb")
run lazaret db import "$tmp/out.vdb" --db "$tmp/new/place/l.vdb" --verify-key "$tmp/pub2"
exits 3 "import, signed by somebody else: exit 3"
says "$err" 'nothing was changed.*sign' "import, signed by somebody else: says so"
run lazaret db import "$tmp/l.vdb" --db "$tmp/new/place/l.vdb" --verify-key "$tmp/pub"
exits 3 "import, not signed where a signature is wanted: exit 3"
bad=0 size=$(stat -c %s "$tmp/out.vdb")
for at in 0 9 20 40 100 200 300 500 $((size / 2)) $((size - 70)) $((size - 1)); do
	cp "$tmp/out.vdb" "$tmp/damaged.vdb"
	python3 -c "import sys; f = open('$tmp/damaged.vdb', 'r+b'); f.seek($at); c = f.read(1); f.seek($at); f.write(bytes([c[0] ^ 0x41]))"
	"$LAZARET" db import "$tmp/damaged.vdb" --db "$tmp/new/place/l.vdb" --verify-key "$tmp/pub" 2>/dev/null && bad=$((bad + 1))
done
is $bad 0 "import of a database with one byte changed, at eleven places: refused"
head -c $((size / 2)) "$tmp/out.vdb" >"$tmp/damaged.vdb"
run lazaret db import "$tmp/damaged.vdb" --db "$tmp/new/place/l.vdb"
exits 3 "import of half a database: exit 3"
run lazaret db import /dev/null --db "$tmp/new/place/l.vdb"
exits 3 "import of a device: exit 3"
run lazaret db import "$tmp/absent.vdb" --db "$tmp/new/place/l.vdb"
exits 3 "import of nothing: exit 3"
is "$(sha256sum <"$tmp/new/place/l.vdb")" "$was" "after all that: the database is as it was"
is "$(ls "$tmp/new/place")" "l.vdb" "and nothing lies beside it"
run lazaret db import --db "$tmp/l.vdb"
exits 2 "import without a file: exit 2"
run lazaret db export --db "$tmp/l.vdb"
exits 2 "export without a file: exit 2"
done_testing
