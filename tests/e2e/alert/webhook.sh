#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A webhook's receiver as it is in life: away, overloaded, fussy, slow, with another token today.
# Every alert arrives, in order, or is accounted for.
. "${LZ_SOURCE:?}/tests/e2e/lib.sh"
needs python3 jq openssl
emit=$LZ_BUILD/tests/e2e/alert/alert_emit
[ -x "$emit" ] || skip_all "alert_emit is not built"

cat >"$tmp/server.py" <<'P'
import http.server, json, ssl, sys, time
# server.py LOG PORTFILE [PORT [CERT KEY]]: keeps what it accepted in LOG, and asks in LOG.asked
log = open(sys.argv[1], 'a', buffering=1)
asked = open(sys.argv[1] + '.asked', 'a', buffering=1)
seen = {}
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        for k, v in headers.items(): self.send_header(k.replace('_', '-'), v)
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        kind = self.path.split('/')[1]
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        n = seen[kind] = seen.get(kind, 0) + 1
        lines = body.splitlines()
        asked.write('%s %d %s %s %.3f\n' % (kind, len(lines), self.headers['Content-Type'], self.headers.get('Authorization', '-'), time.time()))
        if kind == 'wait' and n == 1: return self.answer(429, b'slow down', Retry_After='1')
        if kind == 'twice' and n < 3: return self.answer(500 if n == 1 else 503)
        if kind == 'token' and self.headers.get('Authorization') != 'Bearer right': return self.answer(401)
        if kind == 'fussy' and 'bad runs' in body: return self.answer(400, b'no')
        if kind == 'small' and len(lines) > 1: return self.answer(413)
        if kind == 'moved': return self.answer(302, b'', Location='/ok')
        if kind == 'slow': time.sleep(0.5)
        if kind == 'never': time.sleep(30)
        if kind == 'cut' and n == 1: # taken, but the answer never comes
            self.close_connection = True
            return
        for line in lines: log.write(json.dumps(json.loads(line)) + '\n')
        if kind == 'endless':
            self.send_response(200); self.send_header('Connection', 'close'); self.end_headers()
            try:
                while True: self.wfile.write(b' ' * 65536)
            except OSError: pass
            self.close_connection = True
            return
        self.answer(200, b'ok')
s = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[3]) if len(sys.argv) > 3 else 0), H)
if len(sys.argv) > 4:
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(sys.argv[4], sys.argv[5])
    s.socket = c.wrap_socket(s.socket, server_side=True)
open(sys.argv[2], 'w').write(str(s.server_address[1]))
s.serve_forever()
P
server=
stop_server() { [ -z "$server" ] || { kill "$server"; wait "$server" 2>/dev/null; }; server=; }
at_exit stop_server
start_server() { # [PORT [CERT KEY]]
	rm -f "$tmp/port"
	python3 "$tmp/server.py" "$tmp/log" "$tmp/port" "$@" 2>"$tmp/server.err" &
	server=$!
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s "$tmp/port" ] && break; sleep 0.2; done
	port=$(cat "$tmp/port")
}
alerts() { # NAME...: one alert each
	for name in "$@"; do
		printf '{"rule": "r", "priority": 4, "output": "%s runs", "time_ns": 1795429230000000001}\n' "$name"
	done
}
hook() { # KIND[#OPTIONS], emit's options; alerts on standard input
	kind=$1
	shift
	: >"$tmp/log"
	: >"$tmp/log.asked"
	run timeout 60 "$emit" --no-group --spool "$tmp/spool" --flush 20000 "$@" "http://127.0.0.1:$port/$kind"
}
got() { jq -r 'select(.source == "syscall") | .output | sub("^[^ ]* "; "") | sub("^Warning "; "") | sub(" runs"; "")' "$tmp/log" | tr '\n' ' '; }
tried() { wc -l <"$tmp/log.asked" | tr -d ' '; }

start_server
alerts a b c >"$tmp/abc"
hook ok <"$tmp/abc"
exits 0 "a receiver that is well"
is "$(got)" "a b c " "a receiver that is well: each alert, in order"
is "$(cut -d' ' -f2,3 "$tmp/log.asked" | sort -u)" "1 application/json" "a receiver that is well: one object a request"
says "$err" "^http://127.0.0.1:$port/ok sent 3 waiting 0 dropped 0 notices 0$" "a receiver that is well: accounted for"
is "$(find "$tmp/spool" -name '*.ndjson' | wc -l | tr -d ' ')" 0 "a receiver that is well: nothing stays on disk"
is "$(stat -c %a "$tmp/spool"/*)" 700 "the spool is ours alone"
seq -f 'n%g' 1 50 >"$tmp/names"
# shellcheck disable=SC2046 # a list of words is meant
alerts $(cat "$tmp/names") >"$tmp/fifty"
hook "ok#batch=20" <"$tmp/fifty"
is "$(got)" "$(tr '\n' ' ' <"$tmp/names")" "batches: each alert, in order"
says "$tmp/log.asked" '^ok [0-9]+ application/x-ndjson' "batches: lines of JSON"
holds "batches: few requests" test "$(tried)" -lt 20
hook wait <"$tmp/abc"
is "$(got)" "a b c " "429 with Retry-After: all arrive"
holds "429 with Retry-After: not before its time" python3 -c 'import sys
t = [float(l.split()[-1]) for l in open(sys.argv[1])]
assert len(t) == 4 and t[1] - t[0] >= 1, t' "$tmp/log.asked"
hook twice <"$tmp/abc"
is "$(got)" "a b c " "500, 503, then well: all arrive"
is "$(tried)" 5 "500, 503, then well: the third try is the one"
says "$err" 'last .*answered 503' "500, 503, then well: the last trouble is told"
alerts a bad c >"$tmp/bad"
hook fussy <"$tmp/bad"
is "$(got)" "a c " "one alert is refused: the others arrive"
says "$err" 'sent 3 waiting 0 dropped 1 notices 1 .*answered 400' "one alert is refused: counted, and told"
alerts a b bad d e >"$tmp/bad"
hook "fussy#batch=10" <"$tmp/bad"
is "$(got)" "a b d e " "one of a batch is refused: the others arrive"
hook "small#batch=10" <"$tmp/abc"
is "$(got)" "a b c " "413: the batch is split"
hook cut <"$tmp/abc"
is "$(got)" "a b c " "an answer that never comes: tried again"
hook endless <"$tmp/abc"
is "$(got)" "a b c " "an answer without end: is not listened to"
hook moved --flush 1000 <"$tmp/abc"
is "$(got)" "" "a redirect is not followed"
says "$err" 'sent 0 waiting 3 dropped 0 .*answered 302' "a redirect: said"

# --- a token
printf 'Authorization: Bearer wrong\n' >"$tmp/token"
{ cat "$tmp/abc"; echo '{"sleep_ms": 500}'; } >"$tmp/slowly"
(sleep 0.7; printf '# \nX-Other: 1\nAuthorization: Bearer right\n' | sed 1d >"$tmp/token") &
hook token --header "$tmp/token" <"$tmp/slowly"
is "$(got)" "a b c " "a new token is read when the old one no longer does"
says "$tmp/log.asked" 'Bearer wrong' "a new token: the old one was tried"
says_not "$err" 'Bearer|wrong|right' "a new token: is in no message"
printf 'justatoken\n' >"$tmp/token"
hook ok --header "$tmp/token" </dev/null
says "$err" 'token, line 1: expected a header' "a file that holds no header: said"
says_not "$err" justatoken "a file that holds no header: not shown"

# --- away
stop_server
: >"$tmp/log"
hook "ok#batch=100" --flush 300 <"$tmp/abc"
says "$err" 'sent 0 waiting 3 dropped 0' "nobody is there: kept"
alerts d >"$tmp/d"
hook "ok#batch=100" --flush 300 <"$tmp/d"
says "$err" 'sent 0 waiting 4 dropped 0' "nobody is there, another run: kept with the others"
start_server "$port"
hook "ok#batch=100" </dev/null
is "$(got)" "a b c d " "he is back: all arrive, in order"
says "$err" 'sent 4 waiting 0' "he is back: accounted for"

# Killed while he is slow: what he has not had comes with the next run. One may come twice.
: >"$tmp/log"
mkfifo "$tmp/feed"
"$emit" --no-group --spool "$tmp/killed" "http://127.0.0.1:$port/slow" <"$tmp/feed" 2>/dev/null &
victim=$!
exec 3>"$tmp/feed"
cat "$tmp/fifty" >&3
sleep 2
kill -9 $victim
wait $victim 2>/dev/null
exec 3>&-
had=$(wc -l <"$tmp/log" | tr -d ' ')
holds "killed: some had arrived, some had not" test "$had" -gt 0 -a "$had" -lt 50
last=$(find "$tmp/killed" -name '*.ndjson' -size +0 | sort | tail -n 1)
printf '{"torn": "li' >>"$last"
run timeout 60 "$emit" --no-group --spool "$tmp/killed" --flush 40000 "http://127.0.0.1:$port/slow#batch=50" </dev/null
is "$(got | tr ' ' '\n' | sed '/^$/d' | sort -u | wc -l | tr -d ' ')" 50 "killed: the next run brings the rest"
holds "killed: at most one came twice" test "$(got | wc -w)" -le 51
says "$err" 'waiting 0 dropped 1 ' "killed: the torn line is counted"
says "$tmp/log" '1 alert was lost on the way to this output: .* a crash had torn' "killed: the torn line is told"

# Never an answer, and we have to go.
: >"$tmp/log"
before=$(date +%s)
run timeout 60 "$emit" --no-group --spool "$tmp/spool" --flush 100 "http://127.0.0.1:$port/never" <"$tmp/abc"
holds "no answer: we go when we must" test $(($(date +%s) - before)) -le 5
says "$err" 'waiting 3' "no answer: they wait on disk"

# A small spool: the oldest go, all are accounted for, and the receiver is told.
stop_server
python3 -c 'for i in range(4000): print("{\"rule\": \"r\", \"output\": \"n%d %s\", \"time_ns\": 1}" % (i, "x" * 1000))' >"$tmp/flood"
run timeout 60 "$emit" --no-group --spool "$tmp/small" --spool-bytes 2097152 --flush 500 "http://127.0.0.1:$port/ok#batch=100" <"$tmp/flood"
exits 0 "a small spool"
holds "a small spool: is no larger" test "$(du -sk "$tmp/small" | cut -f1)" -le 2300
holds "a small spool: none is missing from the count" python3 -c 'import re, sys
m = re.search(r"sent (\d+) waiting (\d+) dropped (\d+) notices (\d+)", open(sys.argv[1]).read())
s, w, d, n = map(int, m.groups())
assert s == 0 and w > 100 and d > 1000 and w + d == 4000 + n, m.group(0)' "$err"
: >"$tmp/log"
start_server "$port"
run timeout 60 "$emit" --no-group --spool "$tmp/small" --spool-bytes 2097152 --flush 20000 "http://127.0.0.1:$port/ok#batch=100" </dev/null
is "$(tail -n 1 "$tmp/log" | jq -r '.output | test("lost on the way|n3999")')" true "a small spool: the youngest arrive"
says "$tmp/log" 'alerts were lost on the way to this output: .*the oldest had to go' "a small spool: the receiver is told"
stop_server

# --- TLS
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key" -out "$tmp/cert" -days 2 -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 2>/dev/null
start_server 0 "$tmp/cert" "$tmp/key"
: >"$tmp/log"
run timeout 60 "$emit" --no-group --spool "$tmp/tls" --flush 500 "https://127.0.0.1:$port/ok" <"$tmp/abc"
is "$(got)" "" "an unknown certificate: nothing is sent"
says "$err" 'waiting 3 .*certificate' "an unknown certificate: said"
run timeout 60 "$emit" --no-group --spool "$tmp/tls" --ca "$tmp/cert" --flush 20000 "https://127.0.0.1:$port/ok" </dev/null
is "$(got)" "a b c " "a trusted certificate: all arrive"
done_testing
