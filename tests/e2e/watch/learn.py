# SPDX-License-Identifier: Apache-2.0
"""Profiles: ten seconds of a container's habits are learnt; afterwards they are silent, each thing that is new
is told once, and rule hits about habits say that they are known. Files are edited while the watch runs.

LZ_BUILD names the build. LZ_KEEP=1 keeps the folder with alerts and profiles."""

import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
from stage import BUILD, Engine, Sensor, Trouble, acts, main_with_engine, make_stage  # noqa: E402

LEARN_S = 10
RULE = "Deviation from profile"

RULES = """
- rule: lz opened
  desc: a file opened for writing
  condition: evt.type in (open, openat, openat2, creat) and evt.is_open_write=true and container.id != host
  output: opened %fd.name
  priority: NOTICE
- rule: lz connected
  desc: a connection
  condition: evt.type = connect and container.id != host and fd.sport != 0
  output: connected %fd.sip:%fd.sport
  priority: NOTICE
- rule: lz started
  desc: a program
  condition: evt.type in (execve, execveat) and container.id != host
  output: started %proc.exepath
  priority: NOTICE
- rule: lz fence
  desc: what came before has been judged
  condition: evt.type in (execve, execveat) and proc.name = lzfence
  output: fence %proc.cmdline
  priority: NOTICE
"""

HABITS = [
    ["sh", "-c", "echo x >/tmp/a; : </etc/passwd; : </proc/self/status"],
    ["act", "tcp", "203.0.113.7", "80"],
    ["act", "udp", "203.0.113.7", "443"],
    ["true"],
    ["act", "bpf", "0"],
]

# What is new, the kind and the beginning of the value that is told, its priority.
NEWS = [
    (["id"], "programs", "/acts/id", "Warning"),
    (["sh", "-c", "/acts/true; :"], "programs", "/acts/true", "Warning"),
    (["act", "tcp", "203.0.113.10", "443"], "destinations", "tcp 203.0.113.10 443", "Notice"),
    (["act", "udp", "203.0.113.11", "53"], "destinations", "udp 203.0.113.11 53", "Notice"),
    (["act", "creat", "0644", "/opt/new"], "writes", "/opt", "Notice"),
    (["act", "unshare"], "calls", "unshare", "Notice"),
    (["act", "listen", "8081"], "listens", "tcp 8081", "Notice"),
]


def deviations(sensor):
    return [a for _, a in sensor.matching(lambda a: a["rule"] == RULE)]


def shown(alerts):
    return "\n".join(f'{a["output_fields"].get("profile.kind")}: {a["output"]}' for a in alerts)


def fence(sensor, runner, mark):
    """Whatever was done before has been judged when this is."""
    runner.run(["lzfence", mark])
    return bool(sensor.wait(lambda a: a["rule"] == "lz fence" and mark in a["output"], time.monotonic() + 10))


def until(seconds, test):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return True
        time.sleep(0.1)
    return False


def learn(tap, sensor, runner, folder):
    end = time.monotonic() + LEARN_S + 10
    while time.monotonic() < end and "profiles written" not in sensor.said():
        for habit in HABITS:
            runner.run(habit)
        runner.run(["lzfence", "learning"])
        time.sleep(0.3)
    tap.case("learnt for" in sensor.said() and "profiles written" in sensor.said(), "it says that it has learnt")
    tap.case(not deviations(sensor), "while it learns there are no deviations")
    files = os.listdir(folder) if os.path.isdir(folder) else []
    tap.case(len(files) == 1 and files[0].endswith(".yaml"), "one file, for one image")
    if len(files) != 1:
        tap.note(sensor.said())
        raise Trouble(f"profiles: {files}")
    return os.path.join(folder, files[0])


def check_file(tap, text):
    head = text.split("version:")[0]
    tap.case("lz/box:1" in head and " container" in head and " events" in head, "its heading says what, how long, how much")
    wanted = ["  - path: /bin/sh\n", "  - path: /acts/true\n    parents:\n      - /acts/act\n", "  - /etc\n", "  - /proc/*\n",
              "writes:\n", "  - /tmp\n", "  - tcp 203.0.113.7 80\n", "  - udp 203.0.113.7 443\n", "  - bpf\n", "  - tcp 4444\n"]
    missing = [w for w in wanted if w not in text]
    tap.case(not missing, "it holds the habits")
    foreign = [w for w in ("pivot_root", "/docker/", "SYS_ADMIN", "runc", "containerd") if w in text]
    tap.case(not foreign, "it holds nothing of what the runtime did to set the container up")
    if missing or foreign:
        tap.note(f"missing: {missing}\nforeign: {foreign}\n{text}")


def check_habits(tap, sensor, runner):
    for habit in HABITS * 2:
        runner.run(habit)
    tap.case(fence(sensor, runner, "after-habits"), "the sensor keeps up")
    told = deviations(sensor)
    tap.case(not told, "habits are silent")
    tap.note(shown(told))


def check_known(tap, sensor):
    def all_known(rule, part, known):
        some = [a for _, a in sensor.matching(lambda a: a["rule"] == rule and part in a["output"])]
        return bool(some) and some[-1]["known"] is known

    tap.case(all_known("lz opened", "/tmp/a", True), "a hit about a folder of the profile is known")
    tap.case(all_known("lz connected", "203.0.113.7", True), "a hit about a destination of the profile is known")
    tap.case(all_known("lz started", "/acts/true", True), "a hit about a program of the profile is known")
    tap.case(all_known("lz started", "/acts/id", False), "a hit about another program is not")
    tap.case(all_known("lz opened", "/opt/new", False), "a hit about another folder is not")


def check_news(tap, sensor, runner, path):
    for _ in range(2):
        for argv, _, _, _ in NEWS:
            runner.run(argv)
    fence(sensor, runner, "after-news")
    told = deviations(sensor)
    for argv, kind, value, priority in NEWS:
        mine = [a for a in told if a["output_fields"]["profile.kind"] == kind and a["output_fields"]["profile.value"] == value]
        good = len(mine) == 1 and mine[0]["priority"] == priority
        good = good and mine[0]["container"].get("name") == "box" and mine[0]["container"].get("image") == "lz/box:1"
        good = good and path in mine[0]["output"] and value in mine[0]["output"]
        tap.case(good, f"told once: {' '.join(argv)}")
        if not good:
            tap.note(json.dumps(mine))
    odd = [a for a in told if not any(a["output_fields"]["profile.value"] == v for _, _, v, _ in NEWS)]
    tap.case(not odd, "nothing else is told")
    tap.note(shown(odd))
    tap.case(len({a["fingerprint"] for a in told}) == len(told), "each is a fact of its own")


def check_edits(tap, sensor, runner, path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("programs:\n", "progams:\n"))
    sensor.process.send_signal(signal.SIGHUP)
    bad = until(5, lambda: f'{path}:' in sensor.said() and '"progams" is no key of a profile' in sensor.said())
    tap.case(bad, "a bad file is refused, with its place")
    before = len(deviations(sensor))
    runner.run(["nmap"])
    fence(sensor, runner, "after-bad")
    tap.case(len(deviations(sensor)) == before + 1, "what was read of it before stays in use")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("programs:\n", "programs:\n  - /acts/n*\n  - /acts/wipe\n"))
    tap.case(until(8, lambda: "profiles changed: 1 in use" in sensor.said()), "a good file is taken, unasked")
    before = len(deviations(sensor))
    for argv in (["npm"], ["wipe"], ["id"], ["true"]):
        runner.run(argv)
    fence(sensor, runner, "after-good")
    told = deviations(sensor)[before:]
    tap.case(not told, "what it allows now is silent, what was told is not told again")
    tap.note(shown(told))
    runner.run(["socat"])
    fence(sensor, runner, "after-socat")
    tap.case(len(deviations(sensor)) == before + 1, "what it does not allow is told")


def play(tap, stage):
    stage.engine = Engine(stage)
    rules, folder = os.path.join(stage.tmp, "rules.yaml"), os.path.join(stage.tmp, "profiles")
    with open(rules, "w", encoding="utf-8") as f:
        f.write(RULES)
    sensor = Sensor(os.path.join(BUILD, "lazaret"), [rules], stage, ["--learn", f"{LEARN_S}s", "--profiles", folder])
    if not sensor.ready(30):
        raise Trouble("no sensor: " + sensor.said())
    stage.start_container("box", stage.plan["containers"]["box"]["docker"])
    runner = stage.runner("box")
    path = learn(tap, sensor, runner, folder)
    with open(path, encoding="utf-8") as f:
        check_file(tap, f.read())
    check_habits(tap, sensor, runner)
    check_news(tap, sensor, runner, path)
    check_known(tap, sensor)
    check_edits(tap, sensor, runner, path)
    status = sensor.stop()
    tap.case(status == 0, "it ends when it is told to, with 0")
    if status != 0:
        tap.note(f"{status}: {sensor.said()}")


def test(tap):
    with make_stage(acts("stock.json")) as stage:
        play(tap, stage)


if __name__ == "__main__":
    main_with_engine(("busybox",), test)
