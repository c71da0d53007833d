#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gen.py CASE DIR: makes what the benchmarks read. Same bytes each time; reused when complete.

  large       OCI layout: 2 GiB in 6 gzip layers, 60,000 files, 400 dpkg packages
  memory      the same at 10 GiB
  dominating  OCI layout: one layer of 5 GB, two small ones
  empty       OCI layout: 3,000,000 empty files in one layer
  dir         a root file system of 8 GB and 60,000 files on disk (sparse), 430 packages

Content is cut from three pools that compress as real images do: words (to 24 %), machine code (to
41 %), noise (not at all); in this mixture a layer packs to 35-40 %. Layers are deflated a
megabyte at a time on all processors and joined to one ordinary gzip member, as pigz does.
"""
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import struct
import sys
import zlib

MIB = 1 << 20
POOL = 16 * MIB
PIECE = MIB


def words_pool(rng):
    """Text: words and set phrases, as often as their rank says."""
    letters = "etaoinshrdlucmfwypvbgk"
    terms = ["".join(rng.choices(letters, range(22, 0, -1), k=rng.randint(2, 11)))
             for _ in range(3000)]
    terms += [" ".join(rng.choices(terms, k=rng.randint(2, 6))) for _ in range(1500)]
    rng.shuffle(terms)
    weights = [1 / (i + 3) ** 1.1 for i in range(len(terms))]
    page = bytearray(" ".join(rng.choices(terms, weights, k=900000)).encode())
    for i in range(70, len(page), 70):
        page[i] = 10
    return (bytes(page) * (POOL // len(page) + 1))[:POOL]


def code_pool(rng):
    """Instructions: an opcode that repeats, a register byte, an operand that is often small."""
    opcodes = [rng.randbytes(rng.choice((2, 3, 3, 4, 5, 6, 7))) for _ in range(160)]
    weights = [1 / (i + 2) for i in range(len(opcodes))]
    out = bytearray()
    for op in rng.choices(opcodes, weights, k=POOL // 5):
        out += op
        kind = rng.random()
        if kind < 0.4:
            out.append(rng.getrandbits(4) << 3)
        elif kind < 0.6:
            out += struct.pack("<i", rng.randint(-300, 300) * 4)
        elif kind < 0.65:
            out += rng.randbytes(3)
        elif kind < 0.7:
            out += bytes(8)
    return (bytes(out) * (POOL // len(out) + 1))[:POOL]


class Pools:
    def __init__(self):
        rng = random.Random(1)
        self.pools = (words_pool(rng), code_pool(rng), rng.randbytes(POOL))

    def cut(self, rng, size):
        """Pieces of `size` bytes in all, from one pool: a file is of one kind."""
        pool = self.pools[rng.choices((0, 1, 2), (50, 41, 9))[0]]
        while size:
            part = min(size, POOL // 2)
            at = rng.randrange(0, POOL - part)
            yield pool[at:at + part]
            size -= part


def squeeze(piece, level):
    """Raw deflate of one piece that ends on a byte, so that pieces can be joined."""
    c = zlib.compressobj(level, zlib.DEFLATED, -15)
    return c.compress(piece) + c.flush(zlib.Z_SYNC_FLUSH)


class Layer:
    """A gzip-packed tar on its way to a blob."""

    def __init__(self, folder, workers, level=6):
        self.folder, self.workers, self.level = folder, workers, level
        self.path = os.path.join(folder, f"layer.{os.getpid()}")
        self.file = open(self.path, "wb")
        self.packed, self.unpacked = hashlib.sha256(), hashlib.sha256()
        self.crc, self.size, self.packed_size = 0, 0, 0
        self.queue, self.waiting = bytearray(), []
        self.put(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")

    def put(self, data):
        self.packed.update(data)
        self.packed_size += len(data)
        self.file.write(data)

    def flush(self, least):
        while len(self.queue) >= PIECE or (least and self.queue):
            piece = bytes(self.queue[:PIECE])
            del self.queue[:PIECE]
            self.unpacked.update(piece)
            self.crc = zlib.crc32(piece, self.crc)
            self.size += len(piece)
            self.waiting.append(self.workers.apply_async(squeeze, (piece, self.level)))
            while len(self.waiting) > (0 if least else 16):
                self.put(self.waiting.pop(0).get())

    def write(self, data):
        self.queue += data
        if len(self.queue) >= 4 * PIECE:
            self.flush(False)

    def file_entry(self, name, pieces, size, mode=0o644, kind=b"0"):
        self.write(header(name, size, mode, kind))
        for piece in pieces:
            self.write(piece)
        self.write(bytes(-size % 512))

    def text(self, name, data):
        self.file_entry(name, [data], len(data))

    def done(self):
        self.write(bytes(1024))
        self.flush(True)
        self.put(b"\x03\0" + struct.pack("<II", self.crc, self.size & 0xffffffff))
        self.file.close()
        digest = self.packed.hexdigest()
        os.rename(self.path, os.path.join(self.folder, "blobs", "sha256", digest))
        return {"digest": "sha256:" + digest, "size": self.packed_size,
                "diff_id": "sha256:" + self.unpacked.hexdigest(), "unpacked": self.size}


def header(name, size, mode=0o644, kind=b"0"):
    raw = bytearray(512)
    name = name.encode()
    if len(name) > 100:
        cut = name.rindex(b"/", 0, 155)
        raw[345:345 + cut] = name[:cut]
        name = name[cut + 1:]
    raw[0:len(name)] = name
    raw[100:108] = b"%07o\0" % mode
    raw[108:124] = b"0000000\0" * 2
    raw[124:136] = b"%011o\0" % size
    raw[136:148] = b"14162200000\0"
    raw[148:156] = b" " * 8
    raw[156:157] = kind
    raw[257:265] = b"ustar\00000"
    raw[148:155] = b"%06o\0" % sum(raw)
    return bytes(raw)


# ---- a Debian 11 system -----------------------------------------------------------------------

KNOWN = [("libssl1.1", "openssl", "1.1.1k-1"), ("zlib1g", "zlib", "1:1.2.11.dfsg-2"),
         ("sudo", "", "1.9.5p2-3"), ("libc6", "glibc", "2.31-13"), ("curl", "", "7.74.0-1.3")]
OS_RELEASE = b'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\nVERSION_ID="11"\nID=debian\n'


def package(i):
    if i < len(KNOWN):
        return KNOWN[i]
    return (f"libexample{i}", f"example{i // 3}" if i % 2 else "", f"{i % 5}.{i % 17}.{i % 7}-{i % 4 + 1}")


def stanza(i):
    name, source, version = package(i)
    rng = random.Random(i)
    depends = ", ".join(f"{package(rng.randrange(400))[0]} (>= {rng.randrange(9)}.{rng.randrange(9)})"
                        for _ in range(rng.randint(2, 14)))
    text = "\n".join(" " + "".join(rng.choices("abcdefghij klmnop qrstuv ", k=72))
                     for _ in range(rng.randint(3, 12)))
    return (f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: libs\n"
            f"Installed-Size: {rng.randrange(9000)}\nMaintainer: Example <example@example.org>\n"
            f"Architecture: amd64\nMulti-Arch: same\n" + (f"Source: {source}\n" if source else "") +
            f"Version: {version}\nDepends: {depends}\nDescription: example package {i}\n{text}\n"
            f"Homepage: https://example.org/{i}\n\n").encode()


def owner_list(i, files):
    return ("/.\n/usr\n" + "".join(f"/{f}\n" for f in files)).encode()


def file_names(first, count):
    return [f"usr/lib/example{n // 150}/part{n // 12 % 40}/file{n}.so" for n in range(first, first + count)]


def sizes(rng, count, total):
    """`count` sizes that add up to `total`, spread as in real images: most small, a few huge."""
    raw = [rng.lognormvariate(8.6, 1.9) for _ in range(count)]
    scale = total / sum(raw)
    out = [int(r * scale) for r in raw]
    out[out.index(max(out))] += total - sum(out)
    return out


def fill(layer, pools, seed, first, count, total):
    rng = random.Random(seed)
    for name, size in zip(file_names(first, count), sizes(rng, count, total)):
        layer.file_entry(name, pools.cut(rng, size), size)


def system(layer, packages, first_file, per_package, since=0):
    """The package database as it is after this layer, and the lists of what is new."""
    if not since:
        layer.text("etc/os-release", OS_RELEASE)
        layer.text("etc/debian_version", b"11.0\n")
    layer.text("var/lib/dpkg/status", b"".join(stanza(i) for i in range(packages)))
    for i in range(since, packages):
        files = file_names(first_file + (i - since) * per_package, per_package)
        layer.text(f"var/lib/dpkg/info/{package(i)[0]}.list", owner_list(i, files))


# ---- cases ------------------------------------------------------------------------------------

def finish(folder, layers):
    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(folder, "blobs", "sha256", digest), "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}
    config = blob(json.dumps({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [x["diff_id"] for x in layers]},
        "history": [{"created_by": f"RUN step {n}"} for n in range(len(layers))]}).encode())
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": x["digest"], "size": x["size"]} for x in layers]}).encode())
    with open(os.path.join(folder, "index.json"), "w", encoding="utf-8") as f:
        json.dump({"schemaVersion": 2, "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
             "platform": {"architecture": "amd64", "os": "linux"}}]}, f)
    with open(os.path.join(folder, "oci-layout"), "w", encoding="utf-8") as f:
        f.write('{"imageLayoutVersion": "1.0.0"}')
    packed, unpacked = sum(x["size"] for x in layers), sum(x["unpacked"] for x in layers)
    print(f"{folder}: {len(layers)} layers, {unpacked / MIB:.0f} MiB unpacked, packed to "
          f"{100 * packed / unpacked:.1f} %", file=sys.stderr)


def large(folder, workers, total=2048 * MIB, layers=6, files=60000, level=6):
    """Three layers with package databases, the others with an application's files."""
    pools, made = Pools(), []
    per, extra = files // layers - 140, 20
    for n in range(layers):
        layer = Layer(folder, workers, level)
        first = n * (files // layers)
        if n < 3:
            steps = (0, 130, 280, 400)
            system(layer, steps[n + 1], first, extra, steps[n])
        fill(layer, pools, n + 100, first, per, total // layers - 6 * MIB)
        made.append(layer.done())
    finish(folder, made)


def memory(folder, workers):
    large(folder, workers, 10240 * MIB, level=3)


def dominating(folder, workers):
    pools, made = Pools(), []
    for n, (total, files) in enumerate(((60 * MIB, 2000), (5_000_000_000, 20000), (20 * MIB, 500))):
        layer = Layer(folder, workers, 3)
        if n == 0:
            system(layer, 400, 0, 4)
        fill(layer, pools, n + 200, n * 20000, files, total)
        made.append(layer.done())
    finish(folder, made)


def empty(folder, workers):
    layer = Layer(folder, workers)
    system(layer, 400, 0, 4)
    blank = bytearray(header("", 0))
    blank[148:156] = b" " * 8
    base = sum(blank)
    for n in range(3_000_000):
        name = b"srv/many/d%04d/e%02d/f%07d" % (n // 3000, n // 100 % 30, n)
        raw = blank[:]
        raw[0:len(name)] = name
        raw[148:156] = b"%06o\0 " % (base + sum(name))
        layer.write(raw)
    finish(folder, [layer.done()])


def tree(folder, _):
    """Sparse files: a scan that opens them anyway would still pay for reading zeros."""
    rng = random.Random(300)
    os.makedirs(os.path.join(folder, "etc"))
    info = os.path.join(folder, "var/lib/dpkg/info")
    os.makedirs(info)
    with open(os.path.join(folder, "etc/os-release"), "wb") as f:
        f.write(OS_RELEASE)
    with open(os.path.join(folder, "var/lib/dpkg/status"), "wb") as f:
        f.write(b"".join(stanza(i) for i in range(430)))
    names = file_names(0, 60000)
    for i in range(430):
        with open(os.path.join(info, package(i)[0] + ".list"), "wb") as f:
            f.write(owner_list(i, names[i * 135:(i + 1) * 135]))
    for name, size in zip(names, sizes(rng, len(names), 8_000_000_000)):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.truncate(fd, size)
        os.close(fd)


CASES = {"large": large, "memory": memory, "dominating": dominating, "empty": empty, "dir": tree}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CASES:
        sys.exit(f"usage: gen.py {'|'.join(CASES)} DIR")
    case, folder = sys.argv[1:]
    stamp = folder + ".made"
    with open(__file__, "rb") as f:
        recipe = hashlib.sha256(f.read()).hexdigest()
    if os.path.isdir(folder) and os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as f:
            if f.read() == recipe:
                return
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder if case == "dir" else os.path.join(folder, "blobs", "sha256"))
    with multiprocessing.Pool() as workers:
        CASES[case](folder, workers)
    with open(stamp, "w", encoding="utf-8") as f:
        f.write(recipe)


if __name__ == "__main__":
    main()
