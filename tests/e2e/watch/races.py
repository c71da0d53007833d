# SPDX-License-Identifier: Apache-2.0
"""Races and faults: `lazaret watch` under what an attacker, a busy machine or bad luck does to it. Every
deed is performed for real, with a mark of this run, and what the kernel did is compared with what the
sensor says. Needs root and kernel programs.

    races.py [REGEX]     only the cases whose names match

LZ_BUILD names the build. LZ_KEEP=1 keeps the folder with all that the sensors said."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from stage import Tap, Trouble, command  # noqa: E402

SOURCE = os.environ.get("LZ_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 3))
BUILD = os.environ.get("LZ_BUILD") or os.path.join(SOURCE, "build")
PROGRAM = os.path.join(BUILD, "lazaret")
RACER = os.path.join(BUILD, "tests", "e2e", "watch", "racer")
SHARED = os.environ.get("LZ_SHARED") or os.path.join(SOURCE, "..", "shared")
STOCK = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
ABSENT = 77
MEMORY_MAX = 48 << 20
SHOWN = ("%evt.type %fd.name %evt.rawres %proc.pid %proc.name %proc.pname %proc.exepath %container.id %container.name "
         "%fd.sip %fd.sport %proc.cmdline")


def rule(name, condition):
    return (f"- rule: {name}\n  desc: d\n  condition: {condition}\n  output: '{SHOWN}'\n  priority: INFO\n")


class Watch:
    """A sensor with its alerts as they come, and all that it said."""

    def __init__(self, lab, name, more=(), rules=None, form="json", program=(PROGRAM,)):
        self.lab, self.name = lab, name
        argv = [*program, "watch", "--format", form, "--group", "0", "--rules", rules or lab.rules,
                *(more if "--docker-root" in more else ["--docker-root", lab.docker, "--docker-socket", f"{lab.tmp}/no.sock", *more])]
        self.alerts, self.raw, self.words = [], [], []
        self.news = threading.Condition()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lab.at_exit.callback(self.stop)
        for target in (self.read_alerts, self.read_words):
            threading.Thread(target=target, daemon=True).start()
        with self.news:
            self.news.wait_for(lambda: any("watching:" in w or w == "(end)" for w in self.words), 30)
        if not any("watching:" in w for w in self.words):
            raise Trouble(f"the sensor does not start: {self.said()}")

    def read_alerts(self):
        for line in self.process.stdout:
            now = time.time_ns()
            try:
                alert = json.loads(line)
            except ValueError:
                alert = {}
            with self.news:
                self.raw.append(line)
                if "rule" in alert:
                    alert.update(alert["output_fields"], arrived=now)
                    self.alerts.append(alert)
                self.news.notify_all()

    def read_words(self):
        for line in self.process.stderr:
            with self.news:
                self.words.append(line.decode(errors="replace").rstrip())
                self.news.notify_all()
        with self.news:
            self.words.append("(end)")
            self.news.notify_all()

    def said(self):
        return "\n".join(self.words[-12:])

    def wait_words(self, pattern, seconds=10, since=0):
        def found():
            return next((w for w in self.words[since:] if re.search(pattern, w)), None)
        with self.news:
            self.news.wait_for(found, seconds)
            return found()

    def matching(self, test):
        with self.news:
            return [a for a in self.alerts if test(a)]

    def wait(self, test, count=1, seconds=5):
        """Alerts that pass, as soon as there are so many; what there is when time is up."""
        at, found, end = 0, [], time.monotonic() + seconds
        while len(found) < count:
            with self.news:
                if at == len(self.alerts):
                    self.news.wait(max(0.0, end - time.monotonic()))
                new, at = self.alerts[at:], len(self.alerts)
            found += [a for a in new if test(a)]
            if not new and time.monotonic() >= end:
                break
        return found

    def stats(self):
        """The latest figures."""
        with self.news:
            for word in reversed(self.words):
                if word.startswith('{"stats"'):
                    return json.loads(word)["stats"]
        return {}

    def resident(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if os.environ.get("LZ_KEEP"):
            with open(f"{self.lab.tmp}/{self.name}.said", "ab") as f:
                f.write(b"".join(self.raw) + "\n".join(self.words).encode())
        return status

    def ends_well(self):
        """With 0; with 3 where it says that this program read its alerts too slowly."""
        status = self.stop()
        slow = self.wait_words("output -: .* did not get through: it did not keep up", 0)
        return status == (3 if slow else 0)


class Lab:
    """A folder of this run: what lies below hot/ is told, what lies below cold/ is not."""

    def __init__(self, tmp, at_exit):
        self.tmp, self.at_exit = tmp, at_exit
        self.mark = os.path.basename(tmp)
        self.hot, self.cold, self.docker = f"{tmp}/hot", f"{tmp}/cld", f"{tmp}/docker"
        for folder in (self.hot, self.cold, f"{self.docker}/containers", f"{tmp}/rules"):
            os.makedirs(folder)
        for name in (f"{self.hot}/f", f"{self.cold}/f"):
            open(name, "w", encoding="ascii").close()
        self.tool = f"{self.hot}/tool"
        shutil.copy(shutil.which("true"), self.tool)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.rules = f"{tmp}/rules"
        self.write_rules("10.yaml", rule("Touched", f"evt.type in (open, openat, openat2, creat) and fd.name contains {self.mark}/hot")
                         + rule("Swung", f"evt.type in (open, openat) and fd.name contains {self.mark}/hox and evt.rawres >= 0")
                         + rule("Own", f"evt.type in (open, openat) and fd.name = /proc/self/exe and proc.cmdline contains {self.mark}")
                         + rule("Bottom", "evt.type in (open, openat) and fd.name endswith lzrace-bottom")
                         + rule("Ran", f"evt.type in (execve, execveat) and (proc.cmdline contains {self.mark} or proc.exepath contains {self.mark})")
                         + rule("Sent", f"evt.type = sendmsg and evt.buffer contains {self.mark}")
                         + rule("Connected", f"evt.type = connect and fd.sport = {self.port}")
                         + rule("Rang", f"evt.type = io_uring and proc.cmdline contains {self.mark}"))
        v1 = "/sys/fs/cgroup/pids"
        self.groups = v1 if os.path.isdir(v1) else "/sys/fs/cgroup"
        self.docker_group = f"{self.groups}/docker"
        if not os.path.isdir(self.docker_group):
            os.mkdir(self.docker_group)
            at_exit.callback(remove_folder, self.docker_group)

    def write_rules(self, name, text):
        """As a user's editor does: a new file in place of the old."""
        with open(f"{self.tmp}/new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(f"{self.tmp}/new", f"{self.rules}/{name}")

    def racer(self, *words, ok=(0,), **more):
        """Its output; None where this kernel has no such thing."""
        argv = [RACER, *map(str, words)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False, **more)
        if done.returncode == ABSENT:
            return None
        if done.returncode not in ok:
            raise Trouble(f"{words[:2]}: {done.returncode} {done.stderr.strip()}")
        return done.stdout.strip()


def remove_folder(path):
    with contextlib.suppress(OSError):
        os.rmdir(path)


def is_touched(path, pid=None):
    return lambda a: a["rule"] == "Touched" and a["fd.name"] == path and pid in (None, a["proc.pid"])


def touch(path, **more):
    """Opens it in a process of its own, whose number comes back."""
    child = subprocess.Popen(["/bin/sh", "-c", 'exec 3<"$1"', "sh", path], stderr=subprocess.DEVNULL, **more)
    child.wait()
    return child.pid


CASES = []


def case(test):
    CASES.append(test)
    return test


# ---- who it was ----


@case
def pid_reuse(lab, tap, main):
    pid = lab.racer("reuse", 30, lab.tool, lab.mark)
    if pid is None:
        return tap.note("skipped: no process can be given a number here")
    found = main.wait(lambda a: a["rule"] == "Ran" and a["proc.cmdline"].startswith(f"tool {lab.mark} turn-"), 30)
    turns = [a["proc.cmdline"].rsplit("-", 1)[1] for a in found]
    tap.case(turns == [str(i) for i in range(30)], "thirty processes of one number: each is told with its own arguments")
    tap.case(all(a["proc.pid"] == int(pid.split()[0]) and a["proc.exepath"] == lab.tool for a in found),
             "thirty processes of one number: number and path")
    return None


@case
def other_thread(lab, tap, main):
    pid = int(lab.racer("thread", lab.tool, lab.mark, "by-thread"))
    found = main.wait(lambda a: a["rule"] == "Ran" and "by-thread" in a["proc.cmdline"] and a["proc.exepath"] == lab.tool)
    tap.case(len(found) == 1, "exec by a thread that is not the first: told once")
    tap.case(bool(found) and found[0]["proc.pid"] == pid and found[0]["proc.name"] == "tool"
             and found[0]["proc.cmdline"] == f"tool {lab.mark} by-thread", "exec by a thread that is not the first: who")


@case
def hostile_names(lab, tap, main):
    lines = Watch(lab, "lines", form="text")
    names = {b"\x1b]0;evil\x07": "escape", b"new\nline\r": "line", b"\xff\xfe\x80": "utf8", b"%s%n$(x)": "format",
             '"},{"rule":"x'.encode(): "json"}
    for name, word in names.items():
        path = os.path.join(lab.cold.encode(), name)
        os.link(lab.tool, path)
        subprocess.run([path, f"{lab.mark}-{word}"], check=False)
    for word in names.values():
        found = main.wait(lambda a, w=word: a["rule"] == "Ran" and a["proc.cmdline"].endswith(f"-{w}"))
        tap.case(len(found) == 1, f"hostile process name ({word}): told")
    with lines.news:
        lines.news.wait_for(lambda: sum(lab.mark.encode() in line for line in lines.raw) >= len(names), 5)
    lines.stop()
    raw = [line for line in lines.raw if lab.mark.encode() in line]
    tap.case(len(raw) >= len(names) and all(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", line) for line in raw)
             and all(line.decode(errors="replace").encode() == line for line in raw), "hostile process names: harmless as lines for people")
    raw = [line for line in main.raw if lab.mark.encode() in line]
    tap.case(all(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", line) for line in raw), "hostile process names: no control bytes in output")
    tap.case(all(line.decode(errors="replace").encode() == line for line in raw), "hostile process names: good UTF-8")
    tap.case(all(line.count(b"\n") == 1 and line.startswith(b"{") for line in raw), "hostile process names: a line each")


@case
def long_arguments(lab, tap, main):
    subprocess.run([lab.tool, lab.mark, "first", "x" * (127 * 1024)], check=True)
    subprocess.run([lab.tool, lab.mark, "many", *["y" * 9] * 10000], check=True)
    for word in ("first", "many"):
        found = main.wait(lambda a, w=word: a["rule"] == "Ran" and a["proc.cmdline"].startswith(f"tool {lab.mark} {w} "))
        tap.case(len(found) == 1 and len(found[0]["proc.cmdline"]) >= 4000, f"128 KiB of arguments ({word}): 4 KB of them are told")
    # What a rule looks for may lie behind what is kept: the program's own path is known all the same.
    subprocess.run([lab.tool, "z" * 5000, "behind"], check=True)
    found = main.wait(lambda a: a["rule"] == "Ran" and a["proc.cmdline"].startswith("tool zzz"))
    tap.case(len(found) == 1 and found[0]["proc.exepath"] == lab.tool, "arguments that are cut: the program is known")


@case
def short_32_bit_calls(lab, tap, main):
    if lab.racer("compat", f"{lab.hot}/f", lab.port, lab.tool, lab.mark, "by-compat") is None:
        return tap.note("skipped: no 32-bit calls here")
    found = main.wait(lambda a: a["rule"] == "Ran" and "by-compat" in a["proc.cmdline"] and a["proc.name"] == "tool")
    tap.case(len(found) == 1, "32-bit execve: told")
    pid = found[0]["proc.pid"] if found else 0
    tap.case(len(main.wait(is_touched(f"{lab.hot}/f", pid))) == 1, "32-bit openat: told")
    found = main.wait(lambda a: a["rule"] == "Connected" and a["proc.pid"] == pid)
    tap.case(len(found) == 1 and found[0]["fd.sip"] == "127.0.0.1", "32-bit socketcall: connect is told with its address")
    tap.case(len(main.wait(lambda a: a["rule"] == "Sent" and a["proc.pid"] == pid)) == 1, "32-bit sendmsg: what it sends is told")
    return None


@case
def uring(lab, tap, main):
    pid = lab.racer("uring", f"{lab.hot}/f")
    if pid is None:
        return tap.note("skipped: no io_uring here")
    found = main.wait(lambda a: a["rule"] == "Rang" and a["proc.pid"] == int(pid))
    tap.case(len(found) == 1, "openat by io_uring: told where rules ask for io_uring")
    return None


# ---- which file it was ----


@case
def swapped_pointer(lab, tap, main):
    cold = f"{lab.tmp}/hop/f"
    os.makedirs(os.path.dirname(cold))
    open(cold, "w", encoding="ascii").close()
    child = subprocess.Popen([RACER, "swap", f"{lab.hot}/f", cold, "4000"], stdout=subprocess.PIPE, text=True)
    hot_count = int(child.communicate()[0].split()[0])
    found = main.wait(is_touched(f"{lab.hot}/f", child.pid), hot_count, 10)
    time.sleep(0.3)
    mine = main.matching(lambda a: a["rule"] == "Touched" and a["proc.pid"] == child.pid)
    tap.note(f"{hot_count} of 4000 opened the one, {len(mine)} are told")
    tap.case(0 < hot_count < 4000 and len(found) == hot_count and len(mine) == hot_count,
             "a path that another thread changes: told is what the kernel opened, each time")


@case
def swapped_address(lab, tap, main):
    other = socket.create_server(("127.0.0.1", 0))

    def accept(server):
        with contextlib.suppress(OSError):
            while True:
                server.accept()[0].close()

    for server in (lab.listener, other):
        threading.Thread(target=accept, args=(server,), daemon=True).start()
    child = subprocess.Popen([RACER, "swap-connect", str(lab.port), str(other.getsockname()[1]), "1000"],
                             stdout=subprocess.PIPE, text=True)
    reached = [int(n) for n in child.communicate()[0].split()]
    found = main.wait(lambda a: a["rule"] == "Connected" and a["proc.pid"] == child.pid, reached[0])
    time.sleep(0.3)
    mine = main.matching(lambda a: a["rule"] == "Connected" and a["proc.pid"] == child.pid)
    other.shutdown(socket.SHUT_RDWR)
    tap.note(f"{reached[0]} of {sum(reached)} reached the one, {len(mine)} are told")
    tap.case(min(reached) > 0 and len(found) == reached[0] == len(mine),
             "an address that another thread changes: told is where the kernel went, each time")


@case
def ways_to_a_file(lab, tap, main):
    hot, cold = f"{lab.hot}/f", lab.cold
    os.symlink(hot, f"{cold}/link")
    os.symlink(lab.hot, f"{cold}/folder-link")
    ways = {"a symbolic link": [f"{cold}/link"], "a linked folder": [f"{cold}/folder-link/f"],
            "..": [f"{cold}/../hot/../cld/../hot/f"], "double slashes": [f"{lab.tmp}//hot/.//f"],
            "4 KiB of ./": [f"{lab.hot}/" + "./" * ((4095 - len(lab.hot) - 2) // 2) + "f"]}
    for what, words in ways.items():
        pid = touch(words[0])
        tap.case(len(main.wait(is_touched(hot, pid))) == 1, f"{what}: the real file is named")
    pid = touch("f", cwd=lab.hot)
    tap.case(len(main.wait(is_touched(hot, pid))) == 1, "a relative path: the real file is named")
    pid = touch("../cld/folder-link/f", cwd=lab.cold)
    tap.case(len(main.wait(is_touched(hot, pid))) == 1, "a relative path through a link: the real file is named")
    code = "import os,sys; d=os.open(sys.argv[1], os.O_RDONLY); os.open('f', os.O_RDONLY, dir_fd=d)"
    child = subprocess.Popen([sys.executable, "-c", code, lab.hot])
    child.wait()
    tap.case(len(main.wait(is_touched(hot, child.pid))) == 1, "a path below a descriptor: the real file is named")


@case
def mounts_and_roots(lab, tap, main):
    """What is named is the path as the process itself would see it, whatever it called the file."""
    inner = f"{lab.tmp}/jail/{lab.mark}/hot"
    os.makedirs(inner)
    open(f"{inner}/f", "w", encoding="ascii").close()
    code = "import os,sys; os.chroot(sys.argv[1]); os.chdir('/'); os.open(sys.argv[2], os.O_RDONLY)"
    child = subprocess.Popen([sys.executable, "-c", code, f"{lab.tmp}/jail", f"{lab.mark}/hot/f"])
    child.wait()
    tap.case(len(main.wait(is_touched(f"/{lab.mark}/hot/f", child.pid))) == 1, "chroot: the file as its new root shows it")
    over = f"{lab.tmp}/mnt/{lab.mark}/hot"
    os.makedirs(over)
    script = 'mount --make-rprivate / && mount --bind "$1" "$2" && exec 3<"$2/f"'
    child = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", lab.cold, over])
    child.wait()
    tap.case(len(main.wait(is_touched(f"{over}/f", child.pid))) == 1, "a bind mount: the file by its mount")


@case
def long_paths(lab, tap, main):
    folder = lab.hot
    for i in range(14):
        folder = f"{folder}/{i:0255d}"
    os.makedirs(folder)
    pid = touch(f"{folder}/missing")
    open(f"{folder}/f", "w", encoding="ascii").close()
    tap.case(len(main.wait(is_touched(f"{folder}/missing", pid))) == 1, "a path of 4 KB that is not there: told whole")
    pid = touch(f"{folder}/f")
    tap.case(len(main.wait(is_touched(f"{folder}/f", pid))) == 1, "a path of 4 KB: told whole")
    child = subprocess.Popen([RACER, "deep", lab.hot, "300"])
    child.wait()
    found = main.wait(lambda a: a["rule"] == "Bottom" and a["proc.pid"] == child.pid)
    tap.case(len(found) == 1 and found[0]["fd.name"].startswith("…/d/") and found[0]["fd.name"].count("/") == 256,
             "a file below 300 folders: its last 256 names, and that more is missing")


# ---- files that were learnt to be of no interest ----


@case
def learnt_files(lab, tap, main):
    """A file of no interest is passed over in the kernel; whatever makes it one of interest ends that."""

    def learn(path):
        for _ in range(6):
            with open(path, encoding="ascii"):
                time.sleep(0.02)

    def seen(path, how, **more):
        pid = touch(path, **more)
        tap.case(len(main.wait(is_touched(path, pid))) == 1, f"a file that was learnt is seen again: {how}")

    def folder(name):
        os.makedirs(f"{lab.tmp}/{name}/x/y/z")
        for inner in ("x", "x/y/z"):
            with open(f"{lab.tmp}/{name}/{inner}/f", "w", encoding="ascii"):
                pass
            learn(f"{lab.tmp}/{name}/{inner}/f")
        return f"{lab.tmp}/{name}"

    os.rename(f"{folder('one')}/x", f"{lab.hot}/one")
    seen(f"{lab.hot}/one/f", "its folder is renamed")
    seen(f"{lab.hot}/one/y/z/f", "a folder far above is renamed")
    os.link(f"{folder('two')}/x/f", f"{lab.hot}/linked")
    seen(f"{lab.hot}/linked", "it gets another name")
    if lab.racer("uring-rename", f"{folder('three')}/x", f"{lab.hot}/three") is None:
        tap.note("skipped: no rename by io_uring here")
    else:
        seen(f"{lab.hot}/three/f", "its folder is renamed by io_uring")
        seen(f"{lab.hot}/three/y/z/f", "a folder far above is renamed by io_uring")
    jail = f"{lab.hot}/jail"
    os.mkdir(jail)
    open(f"{jail}/f", "w", encoding="ascii").close()
    code = "import os,sys,time; os.chroot(sys.argv[1]); [(os.close(os.open('/f', os.O_RDONLY)), time.sleep(0.02)) for _ in range(6)]"
    subprocess.run([sys.executable, "-c", code, jail], check=True)
    seen(f"{jail}/f", "by one whose root is another")
    where = folder("four")
    os.makedirs(f"{lab.hot}/four")
    script = 'mount --make-rprivate / && mount --bind "$1" "$2" && cat "$1/f" "$1/f" && sleep 0.1 && exec 3<"$2/f"'
    child = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", f"{where}/x", f"{lab.hot}/four"],
                             stdout=subprocess.DEVNULL)
    child.wait()
    tap.case(len(main.wait(is_touched(f"{lab.hot}/four/f", child.pid))) == 1, "a file that was learnt is seen again: by a bind mount")
    script = ('mount --make-rprivate / && mkdir -p "$2/a" && mount -t tmpfs none "$2/a" && echo > "$2/a/f" && cat "$2/a/f" "$2/a/f" &&'
              ' sleep 0.1 && cat "$2/a/f" && mount --move "$2/a" "$1" && exec 3<"$1/f"')
    os.makedirs(f"{lab.hot}/five")
    child = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", f"{lab.hot}/five", f"{lab.tmp}/five"],
                             stdout=subprocess.DEVNULL)
    child.wait()
    tap.case(len(main.wait(is_touched(f"{lab.hot}/five/f", child.pid))) == 1, "a file that was learnt is seen again: its mount is moved")


@case
def proc_links(lab, tap, main):
    """A link out of /proc is a name that rules ask for; the file it leads to may be of no interest by its own."""
    code = """
import os, sys, time
for _ in range(6):
    os.close(os.open(os.path.realpath(sys.executable), os.O_RDONLY)); time.sleep(0.02)
os.open("/proc/self/exe", os.O_RDONLY)
"""
    child = subprocess.Popen([sys.executable, "-c", code, lab.mark])
    child.wait()
    tap.case(len(main.wait(lambda a: a["rule"] == "Own" and a["proc.pid"] == child.pid)) == 1,
             "a file that was learnt is seen again: by a link out of /proc")


@case
def rename_race(lab, tap, main):
    """A learnt folder becomes one of interest while somebody tries to open a file in it without a pause: the
    very first open that succeeds is told."""
    cold, warm, rounds = f"{lab.tmp}/swing", f"{lab.tmp}/hox/swing", 150
    os.makedirs(cold)
    os.mkdir(f"{lab.tmp}/hox")
    open(f"{cold}/f", "w", encoding="ascii").close()
    code = """
import os, sys
for line in sys.stdin:
    while True:
        try:
            os.close(os.open(sys.argv[1], os.O_RDONLY))
            break
        except FileNotFoundError:
            pass
    print("done", flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", code, f"{warm}/f"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    for _ in range(rounds):
        for _ in range(3):
            with open(f"{cold}/f", encoding="ascii"):
                pass
        time.sleep(0.008)  # time to learn it
        child.stdin.write("go\n")
        time.sleep(0.001)
        os.rename(cold, warm)
        child.stdout.readline()
        os.rename(warm, cold)
    child.stdin.close()
    child.wait()
    found = main.wait(lambda a: a["rule"] == "Swung" and a["proc.pid"] == child.pid, rounds)
    tap.note(f"{rounds} times, {len(found)} are told")
    tap.case(len(found) == rounds, "a learnt folder becomes one of interest: not even the first open is missed")


# ---- containers ----


def docker_config(lab, cid, name):
    folder = f"{lab.docker}/containers/{cid}"
    os.makedirs(folder, exist_ok=True)
    config = {"ID": cid, "Name": f"/{name}", "Image": f"sha256:{'a' * 64}", "Created": "2024-05-01T10:00:00Z",
              "State": {"Pid": 1, "Running": True, "StartedAt": "2024-05-01T10:00:00Z"}, "MountPoints": {},
              "Config": {"Image": "shop/web:1", "Labels": {}}, "NetworkSettings": {"Networks": {}}}
    host = {"Privileged": False, "PidMode": "", "NetworkMode": "default", "IpcMode": "private"}
    for file, value in (("hostconfig.json", host), ("config.v2.json", config)):
        with open(f"{folder}/.new", "w", encoding="ascii") as f:
            json.dump(value, f)
        os.rename(f"{folder}/.new", f"{folder}/{file}")


@case
def container_of_files(lab, tap, main):
    cid = f"{os.getpid():08x}" + "c0ffee00" * 7
    docker_config(lab, cid, "before")
    group = f"{lab.docker_group}/{cid}"
    os.mkdir(group)
    lab.at_exit.callback(remove_folder, group)
    inside = f'echo 0 > {group}/cgroup.procs && exec 3<"$1"'

    def name_told():
        child = subprocess.Popen(["/bin/sh", "-c", inside, "sh", f"{lab.hot}/f"])
        child.wait()
        found = main.wait(is_touched(f"{lab.hot}/f", child.pid))
        return (found[0]["container.id"], found[0]["container.name"]) if found else None

    tap.case(name_told() == (cid[:12], "before"), "a container: id and name")
    # Its engine's data go, as when an engine is being installed anew: what was known stays.
    os.unlink(f"{lab.docker}/containers/{cid}/config.v2.json")
    time.sleep(1.2)
    tap.case(name_told() == (cid[:12], "before"), "an engine that says nothing any more: the name is kept")


@case
def many_containers(lab, tap, main):
    count, base = 5000, f"{lab.hot}/fleet"
    os.mkdir(base)
    lab.racer("containers", lab.groups, lab.docker, base, 0, 200, 20)  # what is needed once is there
    main.wait(lambda a: a.get("fd.name") == f"{base}/199")
    time.sleep(1)
    before = main.resident()
    began = time.monotonic()
    lab.racer("containers", lab.groups, lab.docker, base, 1000, count, 50)
    took = time.monotonic() - began
    want = {f"{base}/{i}": i for i in range(1000, 1000 + count)}
    found = main.wait(lambda a: a.get("fd.name") in want, count, 15)
    names = {a["fd.name"]: a["container.name"] for a in found}
    lag = {a["fd.name"]: (a["arrived"] - a["evt.time"]) / 1e6 for a in found}
    unnamed = [n for n, name in names.items() if not name]
    # Where this machine is so busy that the sensor came when all was over, nobody could know the name.
    excused = [n for n in unnamed if lag[n] > 40]
    tap.note(f"{count} containers in {took:.1f} s, {len(names)} told, {len(unnamed)} without a name, {len(excused)} of these "
             f"when the container was gone already; slowest {max(lag.values(), default=0):.0f} ms")
    tap.case(len(names) == count, "5,000 containers of 50 ms: each is told")
    tap.case(all(name in (None, f"lzrace-{want[n]}") for n, name in names.items()), "5,000 containers of 50 ms: none by the name of another")
    few = count / (2 if "asan" in BUILD else 20)
    tap.case(len(unnamed) == len(excused) < few, "5,000 containers of 50 ms: each by its name")
    end = time.monotonic() + 12
    while time.monotonic() < end and main.resident() > before + (4 << 20):
        time.sleep(0.5)
    tap.note(f"resident {before >> 10} KiB before, {main.resident() >> 10} KiB after")
    if "asan" not in BUILD:
        tap.case(main.resident() <= before + (4 << 20), "5,000 containers of 50 ms: memory is back where it was")


class Engine:
    """A Docker engine of this run, whose containers outlive it."""

    def __init__(self, lab):
        self.lab, self.process = lab, None
        self.env = dict(os.environ, DOCKER_HOST=f"unix://{lab.tmp}/engine.sock", DOCKER_CONFIG=lab.tmp)
        self.start()
        lab.at_exit.callback(self.stop)
        tar, shell = f"{lab.tmp}/image.tar", shutil.which("busybox")
        with tarfile.open(tar, "w") as out:
            out.add(shell, "bin/busybox")
            for name in ("sh", "sleep"):
                info = tarfile.TarInfo(f"bin/{name}")
                info.type, info.linkname = tarfile.SYMTYPE, "busybox"
                out.addfile(info)
        self.docker("import", tar, "lz/race:1")

    def start(self):
        tmp = self.lab.tmp
        with open(f"{tmp}/dockerd.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--host", self.env["DOCKER_HOST"], "--data-root", f"{tmp}/engine", "--exec-root", f"{tmp}/exec",
                 "--pidfile", f"{tmp}/docker.pid", "--bridge=none", "--iptables=false", "--ip6tables=false", "--live-restore",
                 "--exec-opt=native.cgroupdriver=cgroupfs"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 40
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(Trouble):
                self.docker("version")
                return
            time.sleep(0.2)
        raise Trouble("no Docker engine")

    def docker(self, *argv):
        return command(["docker", *argv], env=self.env)

    def halt(self):
        """Its containers live on."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop(self):
        with contextlib.suppress(Trouble):
            names = self.docker("ps", "-aq").split()
            if names:
                self.docker("rm", "-f", *names)
        self.halt()
        subprocess.run(["umount", "-l", f"{self.lab.tmp}/engine"], stderr=subprocess.DEVNULL, check=False)  # its own doing


@case
def engine_faults(lab, tap, main):
    if not shutil.which("dockerd") or not shutil.which("busybox"):
        return tap.note("skipped: no dockerd here")
    engine = Engine(lab)
    watch = Watch(lab, "engine", ["--docker-root", f"{lab.tmp}/engine", "--docker-socket", f"{lab.tmp}/engine.sock"])
    made = {}

    def run(name):
        cid = engine.docker("run", "-d", "--network=none", "--name", name, "lz/race:1", "sh", "-c",
                            f"mkdir -p /{lab.mark}/hot; while :; do : > /{lab.mark}/hot/{name}; sleep 0.1; done").strip()
        made[name] = cid[:12]

    def told(path, name, seconds=6):
        """Whether that container is known by this name within the time."""
        at = time.time_ns()
        return bool(watch.wait(lambda a: a.get("fd.name") == f"/{lab.mark}/hot/{path}" and a["evt.time"] > at
                               and (a["container.id"], a["container.name"]) == (made[path], name), 1, seconds))

    first = f"first-{os.getpid()}"
    run(first)
    tap.case(told(first, first), "a container of a real engine: its name")
    engine.docker("rename", first, f"{first}-b")
    tap.case(told(first, f"{first}-b"), "a container is renamed: its new name within seconds")
    engine.halt()
    tap.case(told(first, f"{first}-b"), "the engine is stopped: its container is known by name")
    engine.start()
    tap.case(told(first, f"{first}-b"), "the engine is back: its container is known by name")
    time.sleep(1)
    engine.docker("rename", f"{first}-b", f"{first}-c")
    tap.case(told(first, f"{first}-c", 12), "the engine is back: a new name is heard of")
    second = f"second-{os.getpid()}"
    run(second)
    tap.case(told(second, second), "the engine is back: a new container is known by name")
    unnamed = [a for a in watch.alerts if a["container.id"] in made.values() and not a["container.name"]]
    tap.case(not unnamed, "no alert of a container without its name, not even the first")
    watch.stop()
    engine.stop()
    return None


# ---- rules that change ----


class Beat:
    """A process that opens hot/beat every few ms, and how often it did."""

    def __init__(self, lab):
        self.path = f"{lab.hot}/beat-{time.monotonic_ns()}"
        open(self.path, "w", encoding="ascii").close()
        code = ("import os,sys,time\nn=0\nwhile os.path.exists(sys.argv[2]):\n os.close(os.open(sys.argv[1],os.O_RDONLY));n+=1;time.sleep(0.002)\n"
                "print(n)")
        self.flag = f"{self.path}.flag".replace("/hot/", "/cld/")
        open(self.flag, "w", encoding="ascii").close()
        self.child = subprocess.Popen([sys.executable, "-c", code, self.path, self.flag], stdout=subprocess.PIPE, text=True)

    def end(self, main):
        """How often it opened, how often that was told."""
        os.unlink(self.flag)
        count = int(self.child.communicate()[0])
        return count, len(main.wait(is_touched(self.path, self.child.pid), count, 5))


@case
def hot_reload(lab, tap, main):
    beat = Beat(lab)
    time.sleep(0.3)
    lab.write_rules("20.yaml", rule("Removed", f"evt.type in (unlink, unlinkat) and fs.path.name contains {lab.mark}/hot"))
    tap.case(bool(main.wait_words("rules changed: 9")), "a new rule file is taken by itself")
    doomed = f"{lab.hot}/doomed"
    open(doomed, "w", encoding="ascii").close()
    os.unlink(doomed)
    tap.case(len(main.wait(lambda a: a["rule"] == "Removed")) == 1, "calls of which no rule asked before are seen now")
    lab.write_rules("20.yaml", rule("Removed", f"evt.type in (unlink, unlinkat) and fs.path.name contains {lab.mark}/hot")
                    + rule("Made", f"evt.type in (mkdir, mkdirat) and fs.path.name contains {lab.mark}/hot"))
    main.process.send_signal(signal.SIGHUP)
    tap.case(bool(main.wait_words("rules changed: 10")), "SIGHUP: rules are read again")
    os.mkdir(f"{lab.hot}/made")
    tap.case(len(main.wait(lambda a: a["rule"] == "Made")) == 1, "SIGHUP: the new rule is met")
    lab.write_rules("20.yaml", "- rule: Broken\n  desc: d\n  condition: evt.type = open and proc.nme = x\n  output: o\n  priority: INFO\n")
    word = main.wait_words("rules not changed")
    tap.case(bool(word) and "20.yaml:3" in word and "proc.nme" in word, "a bad file: what is wrong and where")
    os.mkdir(f"{lab.hot}/made2")
    tap.case(len(main.wait(lambda a: a["rule"] == "Made", 2)) == 2, "a bad file: the old rules stay")
    os.unlink(f"{lab.rules}/20.yaml")
    tap.case(bool(main.wait_words("rules changed: 8")), "a rule file that is taken away: its rules go")
    count, told = beat.end(main)
    tap.note(f"{count} opened, {told} told over four changes")
    tap.case(count > 1000 and told == count, "no event is lost, none told twice while rules change")


@case
def learnt_then_asked(lab, tap, main):
    path = f"{lab.cold}/later/f"
    os.makedirs(os.path.dirname(path))
    for _ in range(6):
        with open(path, "a", encoding="ascii"):
            pass
        touch(path)
        time.sleep(0.02)
    before = len(main.words)
    lab.write_rules("30.yaml", rule("Later", f"evt.type in (open, openat) and fd.name = {path}"))
    main.wait_words("rules changed: 9", 8, before)
    pid = touch(path)
    tap.case(len(main.wait(lambda a: a["rule"] == "Later" and a["proc.pid"] == pid)) == 1, "a file that was learnt is seen again: a new rule asks for it")
    os.unlink(f"{lab.rules}/30.yaml")


# ---- sensors of their own ----


@case
def ring_overflow(lab, tap, main):
    small = Watch(lab, "small", ["--ring", "64K", "--stats", "1", "--record", f"{lab.tmp}/small.rec"])
    touch(f"{lab.hot}/f")
    small.process.send_signal(signal.SIGSTOP)
    child = subprocess.Popen([RACER, "storm", f"{lab.hot}/f", "20000"], stdout=subprocess.PIPE, text=True)
    opened = int(child.communicate()[0])
    small.process.send_signal(signal.SIGCONT)
    time.sleep(1.5)
    pid = touch(f"{lab.hot}/f")
    found = small.wait(is_touched(f"{lab.hot}/f", pid))
    told = len(small.matching(is_touched(f"{lab.hot}/f", child.pid)))
    tap.case(bool(small.wait_words("events lost")), "a ring that is full: loss is said")
    time.sleep(2.2)
    s = small.stats()
    passed = s["passed_over"]["class"] + s["passed_over"]["file"] + s["passed_over"]["throttled"]
    tap.note(f"{opened} opened, {told} told, stats {s['seen']} seen = {passed} passed over + {s['sent']} sent + {s['lost']} lost, {s['interrupted']} of them interrupted")
    # Self-tests are sent without being seen; counters are read one after the other while events go on.
    over = passed + s["sent"] + s["lost"] - s["seen"] - s["interrupted"]
    tap.case(-50 <= over <= 50 and s["lost"] > 1000,
             "a ring that is full: all that happened was passed over, sent or counted as lost")
    tap.case(opened == 20000 and told < opened and opened - told <= s["lost"], "a ring that is full: what is not told is counted")
    tap.case(any(a["lost"] > 0 and "calls" in a["lost_kinds"] for a in small.alerts), "a ring that is full: an alert carries how much was lost, and what")
    tap.case(len(found) == 1 and found[0]["proc.name"] == "sh", "a ring that was full: what comes behind is told")
    tap.case(small.ends_well(), "a ring that was full: a good end")


@case
def full_disk(lab, tap, main):
    disk = f"{lab.tmp}/disk"
    os.mkdir(disk)
    command(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk])
    lab.at_exit.callback(lambda: subprocess.run(["umount", disk], check=False))
    watch = Watch(lab, "full", ["--record", f"{disk}/events"])
    # Names that don't compress, as long as it takes: what else happens here may be next to nothing.
    end, word = time.monotonic() + 60, None
    while not word and time.monotonic() < end:
        for _ in range(50):
            touch(f"{lab.hot}/{os.urandom(120).hex()}")
        word = watch.wait_words("No space left|recording", 0)
    word = word or watch.wait_words("No space left|recording", 5)
    tap.case(bool(word) and "No space left" in word, "the recording's disk is full: said at once")
    pid = touch(f"{lab.hot}/f")
    tap.case(len(watch.wait(is_touched(f"{lab.hot}/f", pid))) == 1, "the recording's disk is full: alerts go on")
    tap.case(watch.stop() != 0, "the recording's disk is full: the exit code says so")


@case
def nobody_listens(lab, tap, main):
    nobody = f"unix:{lab.tmp}/nobody"
    watch = Watch(lab, "nobody", ["-o", "-", "-o", nobody])
    pid = touch(f"{lab.hot}/f")
    tap.case(len(watch.wait(is_touched(f"{lab.hot}/f", pid))) == 1, "an output nobody reads: others get their alerts")
    word = watch.wait_words(f"output {nobody}", 5)
    tap.case(bool(word) and "No such file" in word, "an output nobody reads: said at once")
    ended = watch.stop()
    tap.case(ended == 3 and watch.wait_words(f"output {nobody}: .*alerts? did not get through", 1),
             "an output nobody reads: and at the end")


def ran(lab, watch, seconds=10):
    """A program starts, stays long enough to be looked at, and is told."""
    child = subprocess.Popen(["/bin/sh", "-c", f": {lab.mark}; read -r line"], stdin=subprocess.PIPE)
    found = watch.wait(lambda a: a["rule"] == "Ran" and a["proc.pid"] == child.pid, 1, seconds)
    child.communicate()
    return found


@case
def reduced(lab, tap, main):
    watch = Watch(lab, "reduced", ["--mode", "reduced"])
    found = ran(lab, watch)
    tap.case(len(found) == 1 and found[0]["proc.exepath"] == os.path.realpath("/bin/sh") and found[0]["proc.pname"].startswith("python"),
             "reduced: a program that starts is told")
    # As Kubernetes in Docker has it: paths of more than 256 characters.
    cid, inner = f"{os.getpid():08x}" + "deeb0000" * 7, "kubelet-kubepods-besteffort-pod" + "d" * 36 + ".slice"
    docker_config(lab, cid, "outer")
    folders = [f"{lab.docker_group}/{cid}"]
    for name in ("kubelet.slice", "kubelet-kubepods.slice", "kubelet-kubepods-besteffort.slice", inner, "cri-containerd-" + "e" * 64 + ".scope"):
        folders.append(f"{folders[-1]}/{name}")
    for folder in folders:
        os.mkdir(folder)
        lab.at_exit.callback(remove_folder, folder)
    script = f": {lab.mark} deep; echo 0 >{folders[-1]}/cgroup.procs && sh -c ': {lab.mark} inside; sleep 1'"
    subprocess.run(["/bin/sh", "-c", script], check=True)
    found = watch.wait(lambda a: a["rule"] == "Ran" and f"{lab.mark} inside; " in a["proc.cmdline"] and "deep" not in a["proc.cmdline"])
    tap.case(len(found) == 1 and found[0]["container.id"] == cid[:12] and found[0]["container.name"] == "outer",
             "reduced: a container's group far down is known")
    if not watch.wait_words("the kernel tells of programs", 0):
        tap.note("skipped: this kernel does not tell of programs")
    else:
        # That it has started once more is the word of a forger, not of the kernel.
        child = subprocess.Popen(["/bin/sh", "-c", f": {lab.mark} once; read -r line"], stdin=subprocess.PIPE)
        of_child = lambda a: a["rule"] == "Ran" and a["proc.pid"] == child.pid  # noqa: E731
        watch.wait(of_child)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11) as forger:
            event = struct.pack("=IIQII", 2, 0, 0, child.pid, child.pid) + bytes(40)
            message = struct.pack("=IIIIHH", 1, 1, 0, 0, len(event), 0) + event
            forger.sendto(struct.pack("=IHHII", 16 + len(message), 3, 0, 0, 0) + message, (watch.process.pid, 0))
        ran(lab, watch)
        tap.case(len(watch.matching(of_child)) == 1, "reduced: a forged word is no event")
        child.communicate()
        watch.process.send_signal(signal.SIGSTOP)
        for _ in range(300):  # each begins and ends: two words of the kernel
            crowd = [threading.Thread(target=int) for _ in range(100)]
            for t in crowd:
                t.start()
            for t in crowd:
                t.join()
        watch.process.send_signal(signal.SIGCONT)
        said = watch.wait_words("some were missed", 10)
        after = ran(lab, watch)
        tap.case(bool(said) and len(after) == 1 and after[0]["lost"] >= 1 and after[0]["lost_kinds"] == "programs started",
                 "reduced: what was missed is said, in the next alert too")
    tap.case(watch.stop() == 3, "reduced: the exit code says that not all was seen")


@case
def refused(lab, tap, main):
    """Without version 2 of control groups the kernel takes no program there."""
    unified = "/sys/fs/cgroup/unified"
    if not os.path.ismount(unified):
        return tap.note("skipped: no control groups of version 2 beside those of version 1")
    program = ["unshare", "-m", "sh", "-c", f'umount {unified} && exec "$0" "$@"', PROGRAM]
    watch = Watch(lab, "refused", ["--mode", "full"], program=program)
    tap.case(bool(watch.wait_words("not seen: addresses asked for: .*No such file", 0)), "a program is refused: what is not seen is said")
    pid = touch(f"{lab.hot}/f")
    tap.case(len(watch.wait(is_touched(f"{lab.hot}/f", pid))) == 1, "a program is refused: the others go on")
    tap.case(watch.stop() == 3, "a program is refused: the exit code says that not all was seen")
    done = subprocess.run([*program, "watch", "--doctor"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return tap.case(done.returncode == 3 and re.search(r"^refused +addresses asked for", done.stdout, re.M) is not None,
                    "a program is refused: the doctor says so")


@case
def looked_at(lab, tap, main):
    """The kernel tells of programs in the first network namespace only."""
    watch = Watch(lab, "looked", ["--mode", "reduced"], program=["unshare", "-n", PROGRAM])
    tap.case(bool(watch.wait_words("/proc is looked at", 0)), "no word of the kernel: how it looks is said")
    for _ in range(300):  # others come and go
        subprocess.run(["/bin/true"], check=True)
    found = [ran(lab, watch) for _ in range(3)]
    tap.case([len(f) for f in found] == [1, 1, 1], "no word of the kernel: programs that start are told")
    time.sleep(0.5)
    tap.case(len(watch.matching(lambda a: a["rule"] == "Ran")) == 3, "no word of the kernel: each once")
    tap.case(watch.stop() == 3, "no word of the kernel: the exit code says that not all was seen")


@case
def nobodys(lab, tap, main):
    """Without root programs are read from /proc, and those of others are but half told."""
    program = f"{lab.tmp}/lazaret"
    shutil.copy(PROGRAM, program)
    setpriv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    watch = Watch(lab, "nobodys", program=[*setpriv, program])
    tap.case(bool(watch.wait_words("start it as root", 0)), "without root: what to do is said")
    first, second = ran(lab, watch), ran(lab, watch)
    tap.case(len(first) == 1 and len(second) == 1, "without root: programs that start are told")
    tap.case(len(first) == 1 and first[0]["proc.exepath"] is None, "without root: where others' programs lie is not made up")
    time.sleep(0.5)
    tap.case(len(watch.matching(lambda a: a["rule"] == "Ran")) == 2, "without root: each once")
    tap.case(watch.stop() == 3, "without root: the exit code says that not all was seen")


@case
def restart_under_load(lab, tap, main):
    flag = threading.Event()

    def load():
        while not flag.is_set():
            lab.racer("pairs", f"{lab.cold}/f", 200)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for t in threads:
        t.start()
    sleeper = subprocess.Popen([sys.executable, "-c", "import sys\nfor l in sys.stdin: open(l.strip()).close()"],
                               stdin=subprocess.PIPE, text=True, bufsize=1)
    good = []
    try:
        for i in range(3):
            watch = Watch(lab, f"restart{i}")
            sleeper.stdin.write(f"{lab.hot}/f\n")
            found = watch.wait(is_touched(f"{lab.hot}/f", sleeper.pid))
            good.append(len(found) == 1 and found[0]["proc.pname"] is not None and "import sys" in found[0]["proc.cmdline"])
            good.append(watch.ends_well())
    finally:
        flag.set()
        for t in threads:
            t.join()
        sleeper.stdin.close()
        sleeper.wait()
    tap.case(all(good), "started anew under load, three times: who was there before is known, and a good end")
    tap.case(main.alive(), "other sensors don't mind")


@case
def memory(lab, tap, main):
    if "asan" in BUILD:
        return tap.note("skipped: memory is not measured under sanitizers")
    groups = []
    sleepers = subprocess.Popen([RACER, "sleepers", "10000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if sleepers.stdout.readline() != "ready\n":
            return tap.note("skipped: no 10,000 processes can be had here")
        for i in range(200):
            cid = f"{os.getpid():08x}{i:08x}" + "deadbeef" * 6
            docker_config(lab, cid, f"many-{i}")
            groups.append(f"{lab.docker_group}/{cid}")
            os.mkdir(groups[-1])
        stock = [f"{SHARED}/compat/falco/{f}" for f in STOCK]
        more = [word for f in stock if os.path.exists(f) for word in ("--rules", f)]
        watch = Watch(lab, "memory", more)
        for group in groups:
            subprocess.run(["/bin/sh", "-c", f"echo 0 > {group}/cgroup.procs && exec 3<{lab.hot}/f"], check=True)
        watch.wait(lambda a: (a.get("container.name") or "").startswith("many-"), 200, 10)
        named = {a.get("container.name") for a in watch.alerts}
        tap.case(len([n for n in named if (n or "").startswith("many-")]) == 200, "200 containers among 10,000 processes: all are named")
        resident = watch.resident()
        tap.note(f"resident {resident >> 10} KiB with 10,000 processes, 200 containers, {len(more) // 2} stock rule files")
        tap.case(resident <= MEMORY_MAX, "10,000 processes and 200 containers: at most 48 MiB resident")
        watch.stop()
    finally:
        sleepers.stdin.close()
        sleepers.wait()
        for group in groups:
            remove_folder(group)
    return None


def main():
    tap = Tap()
    if os.geteuid():
        return tap.skip_all("kernel programs need root")
    for program in (PROGRAM, RACER):
        if not os.path.exists(program):
            print(f"Bail out! {program} is not built")
            return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing is left behind
    tmp = tempfile.mkdtemp(prefix="lzrace.")
    os.chmod(tmp, 0o755)
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        with contextlib.ExitStack() as at_exit:
            lab = Lab(tmp, at_exit)
            record = ["--record", f"{tmp}/events"] if os.environ.get("LZ_KEEP") else []
            watch = Watch(lab, "main", ["--mode", "full", *record])
            for test in CASES:
                if not pattern.search(test.__name__):
                    continue
                began = time.monotonic()
                try:
                    test(lab, tap, watch)
                except (Trouble, OSError, subprocess.SubprocessError, KeyError, ValueError) as e:
                    tap.note(f"{test.__name__}: {type(e).__name__} {e}")
                    tap.case(False, f"{test.__name__}: the test itself")
                tap.note(f"{test.__name__}: {time.monotonic() - began:.1f} s")
            tap.case(watch.alive() and not watch.wait_words("self-test .* no answer", 0), "the sensor lives, and saw itself all the while")
            tap.case(watch.ends_well(), "the sensor ends well")
            if tap.bad:
                tap.note(watch.said())
    except Trouble as e:
        tap.case(False, f"the stage: {e}")
    finally:
        if os.environ.get("LZ_KEEP"):
            print(f"# kept: {tmp}")
        else:
            shutil.rmtree(tmp, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
