#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of corpus/sensor_record and corpus/recording: a real watch over a few deeds, of
whose recording the smallest chunk of each kind (and of each system call) is cut out.

    fuzz/sensor/make_seeds.py PROGRAM fuzz/sensor/corpus

PROGRAM is a built lazaret. Needs root, and zstd(1)."""
import os, struct, subprocess, sys, tempfile, time

RULE = """- rule: All
  desc: d
  condition: evt.type exists and proc.name = nothing and proc.cwd = x and proc.env = x
  output: o
  priority: INFO
- rule: Names
  desc: d
  condition: evt.type in (%s) and proc.name = nothing
  output: o
  priority: INFO
"""
CALLS = """open openat openat2 creat rename renameat2 unlink unlinkat rmdir mkdir mknod link symlink
symlinkat chmod fchmod chown fchown chdir fchdir chroot mount umount2 dup dup2 dup3 memfd_create socket
connect bind listen accept accept4 sendto sendmsg recvfrom recvmsg setuid setgid setresuid capset setsid setns
unshare prctl ptrace kill bpf userfaultfd keyctl perf_event_open execve execveat clone fork vfork procexit dns
flow capability cgroup""".split()

DEEDS = r"""
import os, socket, ctypes, time
d = os.environ["WHERE"]
os.chdir(d)
f = os.open("a", os.O_CREAT | os.O_RDWR, 0o4755)
os.fchmod(f, 0o600); os.chmod("a", 0o755); os.chown("a", 1, 1); os.fchown(f, 0, 0)
os.symlink("../x", "l"); os.link("a", "b"); os.rename("b", "c"); os.unlink("c"); os.mkdir("m"); os.rmdir("m")
os.dup(f); os.dup2(f, 1000); os.mkfifo("p")
try: os.open("no/such", os.O_RDONLY)
except OSError: pass
dirfd = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
os.open("a", os.O_RDONLY, dir_fd=dirfd); os.fchdir(dirfd); os.unlink("a", dir_fd=dirfd)
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(1)
c = socket.socket(); c.connect(s.getsockname()); a, _ = s.accept(); c.send(b"hello"); a.recv(9)
c.close(); a.close()
six = socket.socket(socket.AF_INET6)
try: six.connect(("::1", 1))
except OSError: pass
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"x", ("127.0.0.1", 9))
u.sendto(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01", ("127.0.0.1", 53))
x = socket.socket(socket.AF_UNIX); x.bind("\0lz-seed"); x.listen(1)
y = socket.socket(socket.AF_UNIX); y.connect("\0lz-seed")
y.sendmsg([b"z"])
n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); n.bind((0, 0))
lib = ctypes.CDLL(None, use_errno=True)
m = lib.memfd_create(b"seed", 0)
lib.prctl(38, 1, 0, 0, 0); lib.ptrace(16, 1, 0, 0); lib.unshare(0x4000000); lib.syscall(321, 5, 0, 0)
lib.umount2(b"/no/such", 0); lib.mount(b"none", b"/no/such", b"tmpfs", 1, 0)
lib.setsid(); os.setuid(os.getuid()); os.setgid(os.getgid())
try: os.execve(m, ["x"], {})
except OSError: pass
"""


def chunks(path):
    """Type and bytes of each chunk, as the head of src/watch/recording.h has it."""
    plain = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    at = 8
    while at + 5 <= len(plain):
        kind, n = plain[at], struct.unpack_from("<I", plain, at + 1)[0]
        yield chr(kind), plain[at + 5:at + 5 + n]
        at += 5 + n


def record(program, tmp):
    rules, out = os.path.join(tmp, "r.yaml"), os.path.join(tmp, "events")
    with open(rules, "w", encoding="ascii") as f:
        f.write(RULE % ", ".join(CALLS))
    watch = subprocess.Popen([program, "watch", "--rules", rules, "--record", out], stderr=subprocess.PIPE, text=True)
    while not watch.stderr.readline().startswith("lazaret: watching"):
        if watch.poll() is not None:
            sys.exit("the watch does not start")
    env = dict(os.environ, WHERE=tempfile.mkdtemp(dir=tmp), SEED="1")
    subprocess.run([sys.executable, "-c", DEEDS], env=env, check=False)
    subprocess.run(["/bin/sh", "-c", "exec -a other true; id; ls | cat >/dev/null"], env=env, check=False)
    group = "/sys/fs/cgroup/pids" if os.path.isdir("/sys/fs/cgroup/pids") else "/sys/fs/cgroup"
    os.makedirs(f"{group}/docker/{'5eed' * 16}")
    os.rmdir(f"{group}/docker/{'5eed' * 16}")
    time.sleep(1.5)
    watch.terminate()
    watch.wait()
    return out


def main(program, corpus):
    best = {}
    with tempfile.TemporaryDirectory() as tmp:
        out = record(program, tmp)
        for kind, data in chunks(out):
            if kind == "E":
                _, what, nr = struct.unpack_from("<IHH", data)
                ret = struct.unpack_from("<q", data, 16)[0]
                key = f"event-{what}-{nr if what == 1 else 0}-{'bad' if ret < 0 else 'good'}"
            else:
                key = f"chunk-{kind}"
            if len(data) < 2000 and (key not in best or len(best[key][1]) > len(data) > 0):
                best[key] = (kind, data)
    for folder in ("sensor_record", "recording"):
        os.makedirs(os.path.join(corpus, folder), exist_ok=True)
    everything = b""
    for key, (kind, data) in sorted(best.items()):
        seed = kind.encode() + struct.pack("<H", len(data)) + data
        with open(os.path.join(corpus, "sensor_record", key), "wb") as f:
            f.write(seed)
        if len(everything) < 3000:
            everything += seed
    with open(os.path.join(corpus, "sensor_record", "several"), "wb") as f:
        f.write(everything)
    head = b"LZREC\0\1\0"
    plain = head + b"".join(k.encode() + struct.pack("<I", len(d)) + d for k, d in list(best.values())[:6])
    for name, data in (("plain", plain), ("empty", head), ("other_version", b"LZREC\0\2\0")):
        with open(os.path.join(corpus, "recording", name), "wb") as f:
            f.write(data)
    packed = subprocess.run(["zstd", "-qc", "--check"], input=plain, stdout=subprocess.PIPE, check=True).stdout
    with open(os.path.join(corpus, "recording", "packed"), "wb") as f:
        f.write(packed)
    print(len(best), "kinds")


if __name__ == "__main__":
    main(*sys.argv[1:3])
