# SPDX-License-Identifier: Apache-2.0
"""The sensor's cost, for run.py: with and without it in turns, pair by pair, on the machine as it is.

Ratios are medians over pairs. Where there are two processors, the sensor has the first and what is
measured the last, as it is between the sensor and a busy container.
"""
import json
import os
import random
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time

CORES = sorted(os.sched_getaffinity(0))
NULL = subprocess.DEVNULL
MIB = 1 << 20
PAIRS = 5


class Trouble(Exception):
    pass


class Place:
    """Where things are; rows of results go to row()."""

    def __init__(self, build, shared, data, row):
        self.bench = os.path.join(build, "bench")
        self.lazaret = os.path.join(build, "lazaret")
        self.rules = os.path.join(shared, "compat", "falco", "falco_rules.yaml")
        self.data, self.row = data, row

    def program(self, name):
        return os.path.join(self.bench, name)

    def rule_file(self, name, text):
        path = os.path.join(self.data, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path


# ---- what runs beside the measured ----------------------------------------------------------

class Beside:
    """A command that says a word on standard error when it is ready; it ends with the block."""

    def __init__(self, command, word, pin=True):
        self.command, self.word, self.ready = command, word, threading.Event()
        self.stats, self.said, self.lines = [], [], []
        self.pin = {CORES[0]} if pin else set(CORES)
        self.process = None

    def hear(self):
        for line in self.process.stderr:
            if line.startswith('{"stats"'):
                self.stats.append(json.loads(line)["stats"])
            else:
                self.said.append(line)
            if self.word in line:
                self.ready.set()
        self.ready.set()

    def __enter__(self):
        pin = self.pin
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=self.output(),
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, pin))
        self.thread = threading.Thread(target=self.hear, daemon=True)
        self.thread.start()
        self.ready.wait(60)
        if self.process.poll() is not None or not self.ready.is_set():
            raise Trouble(f"{' '.join(self.command)}: {''.join(self.said)[-1000:]}")
        time.sleep(1)
        return self

    def output(self):
        return NULL

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.thread.join(5)
        if self.process.stdout:
            self.process.stdout.close()
        self.process.stderr.close()

    def cpu_s(self):
        return task_s(self.process.pid)

    def resident(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(x.split()[1]) * 1024 for x in f if x.startswith("VmRSS:"))


class Sensor(Beside):
    def __init__(self, place, rules, *more, pin=True, lines=False):
        super().__init__([place.lazaret, "watch", "--format", "json", "--stats", "1", "--rules", rules,
                          *more], "watching", pin)
        self.piped = lines

    def output(self):
        return subprocess.PIPE if self.piped else NULL


class Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def cpu_s(self):
        return 0


def measured(command, **more):
    """Its output; it has the last processor."""
    done = subprocess.run(command, stdin=NULL, capture_output=True, text=True, check=False,
                          preexec_fn=lambda: os.sched_setaffinity(0, {CORES[-1]}), **more)
    if done.returncode:
        raise Trouble(f"{' '.join(command)}: {done.stderr[-1000:]}")
    return done.stdout


def sensors():
    """How many sensors have a program behind all calls here, ours or others': these make "without"
    mean nothing."""
    out = subprocess.run(["bpftool", "-j", "prog"], capture_output=True, text=True, check=False,
                         env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}).stdout
    return sum(x.get("name") == "any_call" for x in json.loads(out or "[]"))


class Lookout(threading.Thread):
    """Looks for other sensors all the time: those of tests come and go."""

    def __init__(self, own):
        super().__init__(daemon=True)
        self.own, self.seen, self.over = own, False, threading.Event()

    def run(self):
        os.sched_setaffinity(0, {CORES[0]})
        while not self.over.wait(0.2):
            self.seen |= sensors() > self.own


def alone(variant, once):
    """What once(beside) gives while no other sensor runs; waits for that."""
    for _ in range(20):
        for _ in range(120):
            if not sensors():
                break
            time.sleep(0.5)
        with variant() as beside:
            lookout = Lookout(isinstance(beside, Sensor))
            lookout.start()
            result = once(beside)
            lookout.over.set()
            lookout.join()
        if not lookout.seen:
            return result
    raise Trouble("another sensor runs on this machine all the time")


def turns(variants, once, rounds=PAIRS):
    """{name: [what once() gave, round by round]}; every second round goes backwards."""
    result = {name: [] for name in variants}
    for i in range(rounds):
        for name in list(variants) if i % 2 == 0 else reversed(list(variants)):
            result[name].append(alone(variants[name], once))
    return result


# ---- calls ----------------------------------------------------------------------------------

def calls(place):
    def once(_):
        out = measured([place.program("calls"), place.program("crowd")])
        return {x.split()[0]: float(x.split()[1]) for x in out.splitlines()}

    got = turns({"none": Nothing, "floor": lambda: Beside([place.program("exitfloor")], "ready"),
                 "sensor": lambda: Sensor(place, place.rules)}, once)

    def added(name, call):
        return statistics.median(x[call] - n[call] for x, n in zip(got[name], got["none"]))

    for call in ("getppid", "read"):
        base = statistics.median(n[call] for n in got["none"])
        mine, least = added("sensor", call), added("floor", call)
        # One nanosecond is what the clock lets be told apart.
        place.row(f"{call} ({base:.0f} ns): added", f"{mine:.0f} ns", f"{least:.0f} ns",
                  f"{mine / least:.2f}" if least > 1 else "", "≤ 1.15 × floor", mine <= 1.15 * least + 1)
    base, mine = statistics.median(n["open"] for n in got["none"]), added("sensor", "open")
    place.row(f"open+close ({base:.0f} ns): added", f"{mine:.0f} ns", f"{added('floor', 'open'):.0f} ns",
              aim="≤ 700 ns", met=mine <= 700)
    for call, aim in (("spawn", 0.05), ("tcp", None)):
        ratio = statistics.median(s[call] / n[call] for s, n in zip(got["sensor"], got["none"]))
        base = statistics.median(n[call] for n in got["none"])
        floor = statistics.median(s[call] / n[call] for s, n in zip(got["floor"], got["none"]))
        place.row(f"{call} ({base / 1e3:.0f} µs): added", f"{(ratio - 1) * 100:.1f} %",
                  f"{(floor - 1) * 100:.1f} %", aim=f"≤ {aim * 100:.0f} %" if aim else "",
                  met=ratio <= 1 + aim if aim else None)


# ---- a busy host ----------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until_open(port):
    for _ in range(100):
        with socket.socket() as s:
            if not s.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise Trouble(f"nothing listens on port {port}")


def children_s():
    """Processor time of all that was started here and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def task_s(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


class Server:
    def __init__(self, command, port, **more):
        self.process = subprocess.Popen(command, stdin=NULL, stdout=NULL, stderr=NULL, **more)
        until_open(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu_s(self):
        """With its workers."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return sum(task_s(x) for x in [pid, *f.read().split()])


def redis(place):
    """The server is the tools' own program under its other name. Gives (server, load)."""
    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if not program or not shutil.which("redis-benchmark"):
        return None
    port = free_port()
    server = Server(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                     "--dir", place.data], port, executable=program)

    def load():
        out = subprocess.run(["redis-benchmark", "-p", str(port), "-t", "set,get", "-n", "50000",
                              "--csv"], capture_output=True, text=True, check=True).stdout
        rates = [float(x.split(",")[1].strip('"')) for x in out.splitlines() if x[1:4] in ("SET", "GET")]
        return 2 / sum(1 / r for r in rates), 100000
    return server, load


def nginx(place):
    if not shutil.which("nginx") or not shutil.which("wrk"):
        return None
    port, folder = free_port(), os.path.join(place.data, "nginx")
    os.makedirs(os.path.join(folder, "www"), exist_ok=True)
    with open(os.path.join(folder, "www", "index.html"), "w", encoding="ascii") as f:
        f.write("x" * 1024)
    conf = place.rule_file("nginx/nginx.conf", f"""daemon off; pid {folder}/pid; error_log {folder}/error;
        worker_processes 1; events {{}} http {{ access_log off; server {{ listen 127.0.0.1:{port};
        root {folder}/www; }} }}""")
    server = Server(["nginx", "-p", folder, "-c", conf], port)

    def load():
        out = subprocess.run(["wrk", "-t1", "-c32", "-d3s", f"http://127.0.0.1:{port}/"],
                             capture_output=True, text=True, check=True).stdout
        rate = float(next(x for x in out.splitlines() if "Requests/sec" in x).split()[1])
        return rate, int(next(x for x in out.splitlines() if "requests in" in x).split()[0])
    return server, load


def build(place):
    folder = os.path.join(place.data, "small")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    names = [f"part{i:03}" for i in range(120)]
    for i, name in enumerate(names):
        with open(os.path.join(folder, name + ".c"), "w", encoding="ascii") as f:
            f.write(f"#include <stdio.h>\nint f{i}(int x) {{ return printf(\"%d\", x + {i}); }}\n")
    with open(os.path.join(folder, "Makefile"), "w", encoding="ascii") as f:
        f.write("all: " + " ".join(n + ".o" for n in names) + "\n")

    def load():
        for name in names:
            path = os.path.join(folder, name + ".o")
            if os.path.exists(path):
                os.unlink(path)
        begun = time.monotonic()
        subprocess.run(["make", "-s", "-j2"], cwd=folder, stdin=NULL, stdout=NULL, check=True)
        return len(names) / (time.monotonic() - begun), len(names)
    return Nothing(), load


def busy(place):
    for name, unit, prepare in (("redis-benchmark", "calls/s", redis), ("nginx under wrk", "pages/s", nginx),
                                ("make of small C files", "files/s", build)):
        made = prepare(place)
        if not made:
            place.row(name, "skipped: not installed")
            continue
        server, load = made

        def once(beside):
            """(rate, processor time for one of all that takes part, the sensor too)"""
            def used():
                return children_s() + server.cpu_s() + beside.cpu_s()
            before = used()
            rate, done = load()
            return rate, (used() - before) / done

        with server:
            load()
            got = turns({"none": Nothing,
                         "floor": lambda: Beside([place.program("exitfloor")], "ready", pin=False),
                         "sensor": lambda: Sensor(place, place.rules, pin=False)}, once)

        def ratio(variant, what):
            return statistics.median(x[what] / n[what] for x, n in zip(got[variant], got["none"]))

        base = statistics.median(n[0] for n in got["none"])
        place.row(f"{name} ({base:.0f} {unit}): loss", f"{(1 - ratio('sensor', 0)) * 100:.1f} %",
                  f"{(1 - ratio('floor', 0)) * 100:.1f} %", f"{ratio('sensor', 0):.3f}", "≤ 3 %",
                  ratio("sensor", 0) >= 0.97)
        # The same told by processor time, which does not mind that others use the machine.
        place.row("… processor time more, the sensor's own with it", f"{(ratio('sensor', 1) - 1) * 100:.1f} %",
                  f"{(ratio('floor', 1) - 1) * 100:.1f} %")


# ---- at rest --------------------------------------------------------------------------------

def group_root():
    """Where containers' control groups are told apart here, and how their names look."""
    with open("/proc/self/mounts", encoding="ascii") as f:
        mounts = [x.split() for x in f]
    for _, where, kind, options, *_ in mounts:
        if kind == "cgroup" and "pids" in options.split(","):
            return where, lambda i: f"docker/{i:064x}"
    where = next(m[1] for m in mounts if m[2] == "cgroup2")
    return where, lambda i: f"docker-{i:064x}.scope"


class Crowd:
    """So many processes in so many control groups as an engine names them."""

    def __init__(self, place, groups, processes):
        root, name = group_root()
        self.made = not os.path.isdir(os.path.join(root, "docker")) and os.path.join(root, "docker")
        self.groups = [os.path.join(root, name((0xC0DE << 240) + i)) for i in range(groups)]
        for group in self.groups:
            os.makedirs(group)
        words = [w for group in self.groups for w in (group, str(processes // groups))]
        self.process = subprocess.Popen([place.program("crowd"), *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        if self.process.stdout.readline() != "ready\n":
            raise Trouble("the crowd did not come")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        for group in self.groups:
            for _ in range(100):
                try:
                    os.rmdir(group)
                    break
                except OSError:
                    time.sleep(0.1)
        if self.made and os.path.isdir(self.made):
            os.rmdir(self.made)


def resident_of(sensor, processes, groups):
    """Its memory, once it knows so many of both."""
    for _ in range(300):
        last = sensor.stats[-1] if sensor.stats else {"processes": 0, "groups": 0}
        if last["processes"] >= processes and last["groups"] >= groups:
            time.sleep(2)
            return sensor.resident()
        time.sleep(0.1)
    raise Trouble(f"the sensor knows {last['processes']} processes, {last['groups']} groups")


def rest(place):
    # The least of several windows: what others do on this machine meanwhile is not rest.
    shares = []
    with Crowd(place, 20, 100), Sensor(place, place.rules, pin=False) as sensor:
        time.sleep(3)
        for _ in range(6):
            from_s, from_cpu = time.monotonic(), sensor.cpu_s()
            time.sleep(4)
            shares.append((sensor.cpu_s() - from_cpu) / (time.monotonic() - from_s))
    place.row("100 idle processes: CPU", f"{min(shares) * 100:.2f} %",
              f"median {statistics.median(shares) * 100:.2f} %", aim="≤ 3 % of a core",
              met=min(shares) <= 0.03)
    # Begun while it watches, and there before it.
    with Sensor(place, place.rules, pin=False) as sensor, Crowd(place, 200, 10000):
        most = resident_of(sensor, 10000, 200)
    place.row("10,000 processes, 200 groups, begun under it: memory", f"{most / MIB:.1f} MiB",
              aim="≤ 48 MiB", met=most <= 48 * MIB)
    with Crowd(place, 200, 10000), Sensor(place, place.rules, pin=False) as sensor:
        most = resident_of(sensor, 10000, 200)
    place.row("… there before it: memory", f"{most / MIB:.1f} MiB", aim="≤ 48 MiB", met=most <= 48 * MIB)


# ---- many events ----------------------------------------------------------------------------

STORM_RULE = """- rule: Storm
  desc: every event must reach the sensor and be judged there
  condition: evt.type = openat and fd.name = {file} and proc.name = storm
  output: storm
  priority: NOTICE
"""


def settled(sensor):
    """Its figures when nothing is on its way any more."""
    for _ in range(40):
        n = len(sensor.stats)
        while len(sensor.stats) < n + 2:
            time.sleep(0.1)
            if sensor.process.poll() is not None:
                raise Trouble("the sensor ended: " + "".join(sensor.said)[-1000:])
        a, b = sensor.stats[-2:]
        if b["hits"] == a["hits"] and b["ring"]["held"] < 65536:
            return b
    raise Trouble("the sensor does not settle")


def storm_once(place, rate, seconds, threads):
    """(generated, seconds, judged, lost, others): others is what else the machine did meanwhile."""
    file = place.rule_file("storm.txt", "")
    rules = place.rule_file("storm.yaml", STORM_RULE.format(file=file))
    with Sensor(place, rules, "--group", "3600", pin=False) as sensor:
        before = settled(sensor)
        out = subprocess.run([place.program("storm"), file, str(rate), str(seconds), str(threads)],
                             stdin=NULL, capture_output=True, text=True, check=True).stdout.split()
        after = settled(sensor)
    generated, took = int(out[1]), float(out[2])
    change = {k: after[k] - before[k] for k in ("seen", "sent", "received", "hits")}
    change |= {k: after[k] - before[k] for k in ("lost", "interrupted")}
    passed = sum(after["passed_over"].values()) - sum(before["passed_over"].values())
    return generated, took, change, passed


def storm(place):
    generated, took, change, _ = storm_once(place, 200000, int(os.environ.get("LZ_STORM_S", "60")),
                                            len(CORES))
    rate = generated / took
    place.row(f"{generated:,} matching events in {took:.0f} s: lost", f"{generated - change['hits']:,}",
              f"{rate / 1e3:.0f} k/s", aim="0 at 200 k/s", met=change["hits"] == generated and rate >= 199000)
    generated, took, change, passed = storm_once(place, 0, 10, 2 * len(CORES))
    # What else the machine did is seen, too, and may be among the lost.
    others = max(0, change["seen"] - generated)
    told = change["hits"] + change["lost"]
    place.row(f"as many as go ({generated / took / 1e3:.0f} k/s): judged + told as lost",
              f"{change['hits']:,} + {change['lost']:,}", f"{generated:,} generated",
              f"{told / generated:.6f}", f"all, and ≤ {others} of others", generated <= told <= generated + others)
    # Calls during which the same program already ran on that processor are lost without being seen;
    # self-tests and what is said of throttling are sent without being events.
    balance = change["sent"] + change["lost"] + passed - change["seen"] - change["interrupted"]
    place.row("… seen + interrupted = passed over + sent + lost", f"{balance:+}",
              f"interrupted {change['interrupted']:,}", aim="0 … 10", met=0 <= balance <= 10)


# ---- latency --------------------------------------------------------------------------------

LATENCY_RULE = """- rule: Latency
  desc: an act whose alert is waited for
  condition: evt.type = openat and fd.name startswith {folder}/act
  output: "%fd.name"
  priority: NOTICE
"""


def latency(place):
    times = []
    with tempfile.TemporaryDirectory(dir=place.data) as folder:
        rules = place.rule_file("latency.yaml", LATENCY_RULE.format(folder=folder))
        paths = [os.path.join(folder, f"act{i}") for i in range(200)]
        for path in paths:
            with open(path, "w", encoding="ascii"):
                pass
        with Sensor(place, rules, "--group", "0", lines=True) as sensor:
            for path in paths:
                time.sleep(random.uniform(0.01, 0.06))
                begun = time.monotonic()
                os.close(os.open(path, os.O_RDONLY))
                while path not in sensor.process.stdout.readline():
                    if sensor.process.poll() is not None:
                        raise Trouble("the sensor ended")
                times.append(time.monotonic() - begun)
    times.sort()
    middle = statistics.median(times)
    place.row("200 acts: from the call to the alert's line", f"{middle * 1e3:.1f} ms",
              f"95 %: {times[189] * 1e3:.1f} ms", aim="median ≤ 5 ms", met=middle <= 0.005)


PARTS = {"calls": calls, "busy": busy, "rest": rest, "storm": storm, "latency": latency}


def run(part, build_folder, shared, data, row):
    place = Place(build_folder, shared, data, row)
    if os.geteuid():
        row(f"sensor {part}", "skipped: only root may watch")
    elif not os.path.exists(place.rules):
        row(f"sensor {part}", "skipped: ../shared/compat is absent")
    else:
        PARTS[part](place)
