#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds below corpus/: small rpm databases that hold the same three headers.

Written from the formats, not by rpm, so that Berkeley DB and NDB, which Debian's rpm can't write,
are there too, and so that each seed is a few KB. tests/unit/catalog/test_rpm.c knows what is in them.

    fuzz/rpm/make_seeds.py fuzz/rpm/corpus
"""
import os, sqlite3, struct, sys, zlib

INT32, STRING, BIN, ARRAY, I18N = 4, 6, 7, 8, 9


def header(tags):
    """tags: (number, type, value), in the order they are laid down."""
    index, data = b'', b''
    for tag, kind, value in tags:
        if kind == INT32:
            data += b'\0' * (-len(data) % 4)
            body, count = struct.pack('>%dI' % len(value), *value), len(value)
        elif kind == ARRAY:
            body, count = b''.join(v.encode() + b'\0' for v in value), len(value)
        elif kind == BIN:
            body, count = value, len(value)
        else:
            body, count = value.encode() + b'\0', 1
        index += struct.pack('>IIII', tag, kind, len(data), count)
        data += body
    return struct.pack('>II', len(tags), len(data)) + index + data


ALPHA = header([
    (63, BIN, b'\0\0\0\x3f\0\0\0\x07\xff\xff\xff\x10\0\0\0\x10'),
    (1000, STRING, 'alpha'), (1001, STRING, '1.2~rc1'), (1002, STRING, '3.el9'), (1003, INT32, [2]),
    (1004, I18N, 'the first'), (1011, STRING, 'Test House'), (1014, STRING, 'MIT'),
    (1022, STRING, 'x86_64'), (1044, STRING, 'alpha-src-1.2~rc1-3.el9.src.rpm'),
    (1116, INT32, [0, 1, 1, 0]), (1117, ARRAY, ['one', 'two', 'three', 'four']),
    (1118, ARRAY, ['/usr/bin/', '/usr/share/alpha/']),
    (5096, STRING, 'stream:1:20:abc:x86_64'), (1005, STRING, 'filler ' * 160)])
BETA = header([
    (1000, STRING, 'beta'), (1001, STRING, '7'), (1002, STRING, '1'), (1022, STRING, 'noarch'),
    (1027, ARRAY, ['/etc/beta.conf', '/etc/beta.d/x'])])
KEY = header([(1000, STRING, 'gpg-pubkey'), (1001, STRING, '1'), (1002, STRING, '1')])
HEADERS = [ALPHA, BETA, KEY]


def bdb(end, page=512):
    """A hash with two buckets; alpha does not fit a page and goes to overflow pages."""
    n = [3]  # pages so far: meta and the two buckets
    overflow = []

    def chain(data):
        first, room = n[0], page - 26
        parts = [data[i:i + room] for i in range(0, len(data), room)]
        for i, part in enumerate(parts):
            last = i + 1 == len(parts)
            p = struct.pack(end + 'QIIIHHBB', 0, n[0], n[0] - 1 if i else 0, 0 if last else n[0] + 1,
                            1, len(part), 0, 7)
            overflow.append(p.ljust(26, b'\0') + part.ljust(room, b'\0'))
            n[0] += 1
        return b'\3\0\0\0' + struct.pack(end + 'II', first, len(data))

    def bucket(number, pairs):
        items, index, at, body = [x for p in pairs for x in p], b'', page, b''
        for x in items:
            at -= len(x)
            body = x + body
            index += struct.pack(end + 'H', at)
        p = struct.pack(end + 'QIIIHHBB', 0, number, 0, 0, len(items), at, 0, 13) + index
        return p.ljust(page - len(body), b'\0') + body

    key = lambda i: b'\1' + struct.pack(end + 'I', i)
    small = lambda data: b'\1' + data
    one = bucket(1, [(key(0), b'\1' + struct.pack(end + 'I', 3)), (key(1), chain(ALPHA))])
    two = bucket(2, [(key(2), small(BETA)), (key(3), small(KEY))])
    pages = [one, two] + overflow
    meta = struct.pack(end + 'QIIIIBBBBIIIIII', 0, 0, 0x61561, 9, page, 0, 8, 0, 0, 0, len(pages), 0, 0, 4, 0)
    meta = meta.ljust(72, b'\0') + struct.pack(end + 'IIIIII', 1, 1, 0, 0, 4, 0x5e688dd1)
    return meta.ljust(page, b'\0') + b''.join(pages)


def ndb():
    slots = b'RpmP' + struct.pack('<IIII', 0, 3, 1, 4) + b'\0' * 12
    blobs, at = b'', 4096 // 16
    for i, h in enumerate(HEADERS, 1):
        blocks = (16 + len(h) + 12 + 15) // 16
        body = b'BlbS' + struct.pack('<III', i, i, len(h)) + h
        body = body.ljust(blocks * 16 - 12, b'\0')
        blobs += body + struct.pack('<II', zlib.adler32(body), len(h)) + b'BlbE'
        slots += b'Slot' + struct.pack('<III', i, at, blocks)
        at += blocks
    free = b'Slot' + b'\0' * 12
    return slots + free * ((4096 - len(slots)) // 16) + blobs


def sqlite(path, page=512):
    if os.path.exists(path):
        os.unlink(path)
    db = sqlite3.connect(path)
    db.execute('PRAGMA page_size=%d' % page)
    db.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    db.execute("CREATE TABLE 'Name' (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
    for h in HEADERS:
        db.execute('INSERT INTO Packages(blob) VALUES (?)', (h,))
    db.commit()
    db.close()


def put(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)


if __name__ == '__main__':
    top = sys.argv[1]
    put(top + '/rpm_header', 'alpha', ALPHA)
    put(top + '/rpm_header', 'beta', BETA)
    put(top + '/rpm_db', 'bdb-le', bdb('<'))
    put(top + '/rpm_db', 'bdb-be', bdb('>'))
    put(top + '/rpm_db', 'ndb', ndb())
    sqlite(top + '/rpm_db/sqlite')
