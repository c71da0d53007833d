#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py [CASE...]: the benchmarks beside their aims. Without a case, all but `memory`.

  large       2 GiB in 6 gzip layers: time against the floor, peak memory
  memory      the same at 10 GiB: peak memory must not grow (makes 4 GB of data; on request only)
  dominating  one layer of 5 GB: two cores must serve one layer
  empty       3,000,000 empty files in one layer
  alpine      a small real image, process start to exit
  dir         an unpacked root file system of 8 GB
  vdb         300,000 generated advisories: build, size, cold look-ups
  feeds       db build of all feeds in ../shared
  rules       events against the community's rule files, on one core
  size        the release program
  sensor      the run-time sensor: all of the next five
  sensor_calls     what single system calls cost more
  sensor_busy      what busy servers and builds lose
  sensor_rest      processor time and memory with many idle processes
  sensor_storm     200,000 events a second for a minute, and more than it can bear
  sensor_latency   from the act to the alert

The floor (bench/floor) inflates the same layers and hashes packed and unpacked bytes with the same
libraries on as many cores, and parses nothing. Floor and scan take turns, so that a busy machine
is unfair to both; medians are compared. Memory is sampled in a run of its own (bench/peakmem).
Data is generated into build/bench-data once and kept.
"""
import json
import os
import statistics
import subprocess
import sys

import sensor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
DATA = os.path.join(BUILD, "bench-data")
SHARED = os.environ.get("LZ_SHARED", os.path.join(ROOT, "..", "shared"))
LAZARET = os.path.join(BUILD, "lazaret")
CORES = len(os.sched_getaffinity(0))
MIB = 1 << 20
NULL = subprocess.DEVNULL
rows = []


class Trouble(Exception):
    pass


def row(case, value, floor="", ratio="", aim="", met=None):
    rows.append((case, value, floor, ratio, aim, {True: "yes", False: "NO", None: ""}[met]))
    print("  " + "  ".join(x for x in rows[-1] if x), flush=True)


def measure(command, runs=1, sample_ms=0, good=(0, 1)):
    """[(wall s, cpu s, peak bytes)] of each run."""
    out = os.path.join(DATA, "peakmem.out")
    with open(os.path.join(DATA, "last.err"), "wb") as err:
        subprocess.run([os.path.join(BUILD, "bench", "peakmem"), "-i", str(sample_ms), "-r", str(runs),
                        "-o", out, *command], stdin=NULL, stdout=NULL, stderr=err, check=False)
    result = []
    with open(out, encoding="ascii") as f:
        for line in f:
            _, wall, cpu, peak, code = line.split()
            if int(code) not in good:
                with open(os.path.join(DATA, "last.err"), encoding="utf-8", errors="replace") as e:
                    raise Trouble(f"exit {code}: {' '.join(command)}\n{e.read()[-2000:]}")
            result.append((float(wall), float(cpu), int(peak)))
    return result


def floor(layers):
    """(wall s, cpu s) of inflating and hashing the layers."""
    program = os.path.join(BUILD, "bench", "floor")
    done = subprocess.run([program, "-j", str(CORES), *layers], stdin=NULL, capture_output=True,
                          text=True, check=True)
    words = done.stdout.split()
    return float(words[1]), float(words[2])


def generate(case):
    folder = os.path.join(DATA, case)
    subprocess.run([sys.executable, os.path.join(ROOT, "bench", "gen.py"), case, folder], check=True)
    return folder


def layers_of(layout):
    def blob(digest):
        return os.path.join(layout, "blobs", *digest.split(":"))
    with open(os.path.join(layout, "index.json"), encoding="utf-8") as f:
        manifest = blob(json.load(f)["manifests"][0]["digest"])
    with open(manifest, encoding="utf-8") as f:
        return [blob(layer["digest"]) for layer in json.load(f)["layers"]]


def starter_db():
    path = os.path.join(DATA, "starter.vdb")
    subprocess.run([LAZARET, "db", "build", "--from", os.path.join(ROOT, "data", "starter"),
                    "-o", path], stdin=NULL, stdout=NULL, check=True)
    return path


def scan(target, *more):
    return [LAZARET, "scan", "--db", starter_db(), "--allow-stale", "--platform", "linux/amd64", *more,
            target]


def against_floor(case, turns, most, by_cpu=False):
    layout = generate(case)
    layers, command = layers_of(layout), scan("oci:" + layout)
    floors, scans = [], []
    floor(layers)  # the page cache is warm for both
    for _ in range(turns):
        floors.append(floor(layers))
        scans += measure(command)
    base = statistics.median(f[1] / CORES if by_cpu else f[0] for f in floors)
    wall = statistics.median(s[0] for s in scans)
    what = f"floor CPU / {CORES} cores" if by_cpu else "floor"
    row(f"{case}: time", f"{wall:.2f} s", f"{base:.2f} s", f"{wall / base:.2f}",
        f"≤ {most} × {what}", wall <= most * base)
    peak(case, command)


def peak(case, command, most=96 * MIB):
    most_seen = max(m[2] for m in measure(command, sample_ms=2))
    row(f"{case}: peak memory", f"{most_seen / MIB:.1f} MiB", aim=f"≤ {most // MIB} MiB",
        met=most_seen <= most)


def case_large():
    against_floor("large", 5, 1.25)


def case_memory():
    layout = generate("memory")
    peak("memory (10 GiB)", scan("oci:" + layout))


def case_dominating():
    against_floor("dominating", 3, 1.25, by_cpu=True)


def case_empty():
    against_floor("empty", 3, 2.5)


def feeds_db():
    feeds, path = os.path.join(SHARED, "feeds"), os.path.join(DATA, "feeds.vdb")
    if not os.path.isdir(feeds):
        return None, None
    return path, [LAZARET, "db", "build", "--from", feeds, "-o", path]


def case_feeds():
    path, command = feeds_db()
    if not path:
        row("feeds", "skipped: ../shared/feeds is absent")
        return
    wall = statistics.median(m[0] for m in measure(command, 3))
    row("feeds: db build", f"{wall:.2f} s", aim="≤ 10 s", met=wall <= 10)
    most = max(m[2] for m in measure(command, sample_ms=2))
    row("feeds: peak memory", f"{most / MIB:.1f} MiB")
    row("feeds: database", f"{os.path.getsize(path) / MIB:.1f} MiB")


def case_alpine():
    image = os.path.join(SHARED, "images", "alpine-3.10.tar.gz")
    path, build = feeds_db()
    if not path or not os.path.exists(image):
        row("alpine", "skipped: ../shared/images is absent")
        return
    measure(build, good=(0,))
    command = [LAZARET, "scan", "--db", path, "--allow-stale", "archive:" + image]
    measure(command, 3)
    wall = statistics.median(m[0] for m in measure(command, 21, good=(0,)))
    row("alpine 3.10: time", f"{wall * 1e3:.1f} ms", aim="≤ 25 ms", met=wall <= 0.025)
    most = max(m[2] for m in measure(command, 5, sample_ms=1))
    row("alpine 3.10: peak memory", f"{most / MIB:.1f} MiB")


def case_dir():
    command = scan("dir:" + generate("dir"))
    measure(command, 3)
    wall = statistics.median(m[0] for m in measure(command, 21))
    row("dir (8 GB): time", f"{wall * 1e3:.1f} ms", aim="≤ 60 ms", met=wall <= 0.060)


def drop_from_cache(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def case_vdb():
    """vdbgen builds a database and looks things up; it prints `name value` lines."""
    program = os.path.join(BUILD, "bench", "vdbgen")
    path = os.path.join(DATA, "generated.vdb")
    wall, _, most = measure([program, "build", "300000", path], sample_ms=5, good=(0,))[0]
    row("vdb: build of 300,000", f"{wall:.1f} s", aim="≤ 60 s", met=wall <= 60)
    row("vdb: build, peak memory", f"{most / MIB:.0f} MiB", aim="≤ 1024 MiB", met=most <= 1024 * MIB)
    size = os.path.getsize(path)
    row("vdb: size", f"{size / MIB:.1f} MiB", aim="≤ 64 MiB", met=size <= 64 * MIB)
    times = []
    for _ in range(9):
        drop_from_cache(path)
        out = subprocess.run([program, "lookup", "400", path], capture_output=True, text=True, check=True).stdout
        times.append(int(out.split()[1]) / 1e6)
    wall = statistics.median(times)
    row("vdb: open + 400 look-ups, cold", f"{wall * 1e3:.1f} ms", aim="≤ 10 ms", met=wall <= 0.010)


def case_rules():
    folder = os.path.join(SHARED, "compat", "falco")
    files = [os.path.join(folder, f"falco{part}_rules.yaml") for part in ("", "-incubating", "-sandbox")]
    if not os.path.exists(files[0]):
        row("rules", "skipped: ../shared/compat is absent")
        return
    program = os.path.join(BUILD, "bench", "rules")
    runs, asked = [], []
    for _ in range(5):
        out = subprocess.run([program, "1", *files], capture_output=True, text=True, check=True).stdout
        answers = dict(line.split() for line in out.splitlines())
        runs.append(float(answers["events_per_second"]))
        asked.append(float(answers["possible_per_second"]))
    rate = statistics.median(runs) / 1e6
    row("rules: could an event meet one, half known", f"{statistics.median(asked) / 1e6:.2f} M/s")
    row("rules: events against 81 rules", f"{rate:.2f} M/s", aim="≥ 2 M/s a core", met=rate >= 2)


def case_size():
    size = os.path.getsize(LAZARET)
    row("size of lazaret", f"{size / MIB:.2f} MiB", aim="≤ 6 MiB", met=size <= 6 * MIB)


def case_sensor_calls():
    sensor.run("calls", BUILD, SHARED, DATA, row)


def case_sensor_busy():
    sensor.run("busy", BUILD, SHARED, DATA, row)


def case_sensor_rest():
    sensor.run("rest", BUILD, SHARED, DATA, row)


def case_sensor_storm():
    sensor.run("storm", BUILD, SHARED, DATA, row)


def case_sensor_latency():
    sensor.run("latency", BUILD, SHARED, DATA, row)


def table():
    head = ("case", "value", "floor", "ratio", "aim", "met?")
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(6)]
    for r in [head, tuple("-" * w for w in widths), *rows]:
        print("  ".join(x.ljust(w) for x, w in zip(r, widths)).rstrip())


def main():
    cases = {n[5:]: f for n, f in globals().items() if n.startswith("case_")}
    names = sys.argv[1:] or [n for n in cases if n != "memory"]
    names = [n for name in names
             for n in ([c for c in cases if c.startswith("sensor_")] if name == "sensor" else [name])]
    if any(n not in cases for n in names):
        print(__doc__)
        return 0 if names in (["--help"], ["help"]) else 2
    os.makedirs(DATA, exist_ok=True)
    print(f"{CORES} cores, load {os.getloadavg()[0]:.1f}")
    status = 0
    for name in names:
        try:
            cases[name]()
        except (Trouble, sensor.Trouble, OSError, subprocess.CalledProcessError) as e:
            row(name, "could not be measured")
            print(e)
            status = 1
    print()
    table()
    return status


sys.exit(main())
