# SPDX-License-Identifier: Apache-2.0
"""Every stock rule against what it looks for: each act of tests/acts/stock.json is performed for real,
in a container or on this host, and the sensor has to say so within a second, with the right name,
container and image; acts beside it that the rule leaves alone have to stay silent.

    stock.py [REGEX]     only the rules whose names match

LZ_BUILD names the build, LZ_SHARED the folder that holds compat/falco. LZ_KEEP=1 keeps the folder
with all alerts, the events and what the sensor and the engine said."""

import contextlib
import json
import os
import re
import shlex
import sys
import threading
import time
from collections import Counter

sys.dont_write_bytecode = True
from stage import BUILD, SOURCE, Engine, Host, Sensor, Skip, Trouble, acts, main_with_engine, make_stage  # noqa: E402

SHARED = os.environ.get("LZ_SHARED") or os.path.join(SOURCE, "..", "shared")
RULES = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"]
MACHINE = os.uname().machine
FENCE = "Fence of the test"
FENCE_RULE = f"""- rule: {FENCE}
  desc: everything before it has been seen
  condition: evt.type in (execve, execveat) and proc.name = lzfence
  output: fence %proc.cmdline
  priority: DEBUG"""


def within_s():
    """How long an alert may take: a second; a program under sanitizers starts its children slowly."""
    with contextlib.suppress(OSError):
        with open(os.path.join(BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as f:
            if any(o["name"] == "b_sanitize" and o["value"] not in ("none", []) for o in json.load(f)):
                return 3.0
    return 1.0


WITHIN_S = within_s()


def stock_rules(folder):
    """Name to whether it is enabled, read without a YAML reader."""
    found, last = {}, None
    for name in RULES:
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for line in f:
                if line.startswith("- "):
                    last = None
                if line.startswith("- rule: "):
                    last = line[len("- rule: "):].strip()
                    found[last] = True
                elif last and line.strip() == "enabled: false":
                    found[last] = False
    return found


def extra_rules(plan, enabled):
    """What a user of the stock rules writes beside them."""
    text = []
    for name, on in enabled.items():
        if not on:
            text.append(f"- rule: {name}\n  enabled: true\n  override: {{enabled: replace}}")
    for name, condition in plan["extra"]["macros"].items():
        text.append(f"- macro: {name}\n  condition: {condition}\n  override: {{condition: replace}}")
    for name, items in plan["extra"]["lists"].items():
        text.append(f"- list: {name}\n  items: [{', '.join(items)}]\n  override: {{items: replace}}")
    text.append(FENCE_RULE)
    return "\n".join(text) + "\n"


class Deed:
    """One act to perform: a mark of its own, where, how, and what an alert of it has to hold."""

    count = 0

    def __init__(self, row, rule):
        Deed.count += 1
        self.mark = f"lz{os.getpid():x}n{Deed.count:03d}x"  # others may run the same test
        self.row, self.rule = row, rule
        self.ended = 0.0
        self.error = None

    def text(self, word):
        return word.replace("{m}", self.mark)

    def argv(self):
        return [self.text(w) for w in shlex.split(self.row["run"])]

    def __str__(self):
        place = "docker run" if self.row.get("how") == "run" else self.row["in"]
        return f"{place}: {' '.join(self.argv())}"

    def perform(self, stage):
        row = self.row
        try:
            if "before" in row and stage.runner(row["in"]).run([self.text(w) for w in shlex.split(row["before"])]):
                self.error = "what has to come before it failed"
            if row.get("how") == "run":
                status = stage.engine.run(self.mark, row.get("image", stage.image), row["docker"], self.argv())
            elif row.get("how") == "exec":
                status = stage.engine.exec(row["in"], row.get("docker", []), self.argv())
            else:
                status = stage.runner(row["in"], row.get("slow", False)).run(self.argv())
            if status and row.get("status") != "any":
                self.error = f"the act itself ended with {status}"
        except Trouble as e:
            self.error = str(e)
        self.ended = time.monotonic()

    def is_of(self, alert):
        """Whether an alert tells of this deed."""
        fields = alert.get("output_fields") or {}
        if "by" in self.row:
            return (container_of(alert).get("name") == self.row["in"] and
                    all(fields.get(k) == v for k, v in self.row["by"].items()))
        return any(isinstance(v, str) and self.mark in v for v in fields.values())

    def wrong(self, alert):
        """What an alert says that isn't so."""
        row, fields = self.row, alert["output_fields"]
        want = {k: self.text(v) for k, v in row.get("expect", {}).items()}
        if "name" in row:
            want["proc.name"] = row["name"]
        bad = [f"{k} is {fields[k]!r}, not {v!r}" for k, v in want.items() if k in fields and fields[k] != v]
        place = container_of(alert)
        if row.get("in") == "host":
            return bad + ([f"a container: {place}"] if place else [])
        name = self.mark if row.get("how") == "run" else row["in"]
        image = row.get("image", "lz/box:1").rpartition(":")[0]
        if place.get("name") != name:
            bad.append(f"container.name is {place.get('name')!r}, not {name!r}")
        if place.get("image") != image:
            bad.append(f"container.image.repository is {place.get('image')!r}, not {image!r}")
        return bad


def container_of(alert):
    """Name and repository, wherever the line has them; nothing of the host."""
    fields, part = alert.get("output_fields") or {}, alert.get("container") or {}
    if not isinstance(part, dict):
        part = {"id": part}
    ident = part.get("id") or fields.get("container.id")
    if ident in (None, "", "host"):
        return {}
    image = part.get("image")
    if isinstance(image, dict):
        image = image.get("repository")
    image = fields.get("container.image.repository") or part.get("image_repository") or image or ""
    return {"name": part.get("name") or fields.get("container.name"), "image": re.sub(r":[^/:]*$", "", image)}


class Row:
    def __init__(self, row):
        self.name = row["rule"]
        self.before = [Deed(r, self.name) for r in row.get("before", [])]
        self.acts, self.benign = ([Deed(r, self.name) for r in row[kind] if r.get("only", MACHINE) == MACHINE]
                                  for kind in ("act", "benign"))


def judge_act(deed, sensor, more):
    """None, or what is wrong with how the sensor told of an act; more(arrived, alert) says what else is."""
    if deed.error:
        return deed.error
    within = deed.row.get("within", WITHIN_S)
    seen = sensor.wait(lambda a: a["rule"] == deed.rule and deed.is_of(a), deed.ended + within)
    if not seen:
        return f"no alert within {within:.0f} s"
    wrongs = [deed.wrong(a) + more(t, a) for t, a in seen]
    return None if [] in wrongs else "; ".join(wrongs[0])


def delay_s(arrived, alert):
    """From the event, by the kernel's clock, to the line."""
    return arrived - alert["output_fields"].get("evt.time", arrived * 1e9) / 1e9


def late(arrived, alert):
    delay = delay_s(arrived, alert)
    return [f"it came {delay:.1f} s after the event"] if delay > WITHIN_S else []


def tell(tap, deed, why, sensor):
    tap.note(f"{deed}\n  {why}")
    others = sorted({a["rule"] for _, a in sensor.matching(deed.is_of)})
    tap.note(f"  alerts of it: {', '.join(others) or 'none'}")


def act_on(row, stage, sensor, tap, more):
    for deed in row.before:
        deed.perform(stage)
    bad = [(deed, deed.error) for deed in row.before if deed.error]
    for deed in row.acts:
        if not deed.row.get("slow"):
            deed.perform(stage)
        bad += [(deed, why) for why in [judge_act(deed, sensor, more)] if why]
    for deed in row.benign:
        deed.perform(stage)
    if row.acts:
        tap.case(not bad, f"{row.name}: alert")
    else:
        tap.skip(f"{row.name}: alert", "this machine has not what its act needs")
    for deed, why in bad:
        tell(tap, deed, why, sensor)


def judge_benign(row, sensor, tap):
    bad = [(d, d.error) for d in row.benign if d.error]
    for deed in row.benign:
        if sensor.matching(lambda a, d=deed: a["rule"] == row.name and d.is_of(a)):
            bad.append((deed, "it is no alert"))
    tap.case(not bad, f"{row.name}: silence")
    for deed, why in bad:
        tell(tap, deed, why, sensor)


def fence(stage, sensor):
    """Whatever was done before has been judged when this is."""
    deed = Deed({"in": "host", "run": "lzfence {m}"}, FENCE)
    deed.perform(stage)
    return bool(sensor.wait(lambda a: a["rule"] == FENCE and deed.is_of(a), deed.ended + 5))


def play(rows, stage, sensor, tap, more):
    slow = [d for r in rows for d in r.acts if d.row.get("slow")]
    threads = [threading.Thread(target=d.perform, args=(stage,)) for d in slow]
    for t in threads:
        t.start()
    last = [r for r in rows if any(d in slow for d in r.acts)]
    for row in rows:
        if row not in last:
            act_on(row, stage, sensor, tap, more)
    for t in threads:
        t.join()
    for row in last:
        act_on(row, stage, sensor, tap, more)
    tap.case(fence(stage, sensor), "the sensor keeps up: what comes last is told of")
    for row in rows:
        judge_benign(row, sensor, tap)


def test(tap):
    folder = os.path.join(SHARED, "compat", "falco")
    if not all(os.path.exists(os.path.join(folder, r)) for r in RULES):
        raise Skip(f"the stock rules are not here: {folder}")
    plan = acts("stock.json")
    enabled = stock_rules(folder)
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    rows = [Row(r) for r in plan["rules"] if pattern.search(r["rule"])]
    missing = set(enabled) - {r["rule"] for r in plan["rules"]}
    tap.case(not missing, f"each of the {len(enabled)} stock rules has an act")
    for name in sorted(missing):
        tap.note(name)
    with make_stage(plan) as stage:
        perform(rows, stage, extra_rules(plan, enabled), folder, tap)


def perform(rows, stage, extra, folder, tap):
    stage.engine = Engine(stage)
    stage.host = Host(stage)
    with open(os.path.join(stage.tmp, "extra.yaml"), "w", encoding="utf-8") as f:
        f.write(extra)
    rules = [os.path.join(folder, r) for r in RULES] + [f.name]
    stage.start_containers(first=True)
    sensor = Sensor(os.path.join(BUILD, "lazaret"), rules, stage)
    tap.case(sensor.ready(30), "the sensor starts")
    if not sensor.is_ready:
        tap.note(sensor.said())
        raise Trouble("no sensor")
    stage.start_containers(first=False)
    play(rows, stage, sensor, tap, late)
    delays = sorted(delay_s(t, a) for t, a in sensor.alerts)
    if delays:
        tap.note(f"{len(delays)} alerts; from event to line: median {delays[len(delays) // 2] * 1000:.0f} ms, "
                 f"longest {delays[-1] * 1000:.0f} ms; {Deed.count} acts")
    status = sensor.stop()
    tap.case(status == 0, "the sensor ends when it is told to, with 0")
    if status != 0:
        tap.note(f"{status}: {sensor.said()}")
    judge_replay(sensor, tap)


def judge_replay(sensor, tap):
    """The recording, judged by the same rules, has to say what was said when it happened."""
    def told(alerts):
        return Counter((a["rule"], a["output"], json.dumps(container_of(a))) for a in alerts)

    live, again = told(a for _, a in sensor.alerts), told(sensor.replayed())
    tap.case(live == again, "a replay of the recording brings the same alerts")
    for word, lost in (("only live", live - again), ("only replayed", again - live)):
        for (rule, output, place), count in list(lost.items())[:5]:
            tap.note(f"{word}, {count} times: {rule} {place}: {output[:300]}")
        if lost:
            tap.note(f"{word}: {sum(lost.values())} of {sum(live.values())}")


if __name__ == "__main__":
    main_with_engine((), test)
