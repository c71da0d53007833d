# SPDX-License-Identifier: Apache-2.0
"""Each rule of data/rules/runtime against what it looks for, performed for real (tests/acts/ours.json),
and against an act beside it that it has to leave alone.

    ours.py [REGEX]      only the rules whose names match

The same variables as for stock.py."""

import os
import re
import sys
import time

sys.dont_write_bytecode = True
from stage import BUILD, SOURCE, Engine, Host, Sensor, Trouble, acts, command, main_with_engine, make_stage  # noqa: E402
from stock import FENCE_RULE, Deed, container_of, judge_replay, play  # noqa: E402

RULES = os.path.join(SOURCE, "data/rules/runtime")


def rules_of(folder):
    """Names, and of each what its item holds, read without a YAML reader."""
    found, last = {}, None
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for line in f:
                if line.startswith("- "):
                    last = None
                if line.startswith("- rule: "):
                    last = line[len("- rule: "):].strip()
                    found[last] = set()
                elif last and re.match(r"  [a-z]", line):
                    found[last].add(line.strip() if line.strip() == "enabled: false" else line.split(":")[0].strip())
    return found


def extra_rules(plan, rules):
    text = [f"- macro: {name}\n  condition: {condition}\n  override: {{condition: replace}}"
            for name, condition in plan["knobs"].items()]
    text += [f"- rule: {name}\n  enabled: true\n  override: {{enabled: replace}}"
             for name, keys in rules.items() if "enabled: false" in keys]
    text.append(FENCE_RULE)
    return "\n".join(text) + "\n"


class Row:
    def __init__(self, row, stage):
        def deeds(key):
            pid = str(stage.host.runner.process.pid)
            return [Deed(dict(r, run=stage.filled([r["run"]])[0].replace("{hostpid}", pid)), row["rule"])
                    for r in row.get(key, [])]
        self.name = row["rule"]
        self.before, self.acts, self.benign = deeds("before"), deeds("act"), deeds("benign")
        self.acts = [d for d in self.acts if os.path.exists(d.row.get("needs", "/"))]


def advice(_, alert):
    return [] if alert.get("respond") else ["it does not say what to do"]


def give_network(stage, name):
    """A network that leads nowhere: its interface counts what is sent."""
    pid = stage.engine.docker("inspect", "-f", "{{.State.Pid}}", name).strip()
    inside = ["nsenter", "-t", pid, "-n", "ip"]
    for words in ("link add lzout type veth peer name lzin", "addr add 198.18.0.1/24 dev lzout", "link set lzin up",
                  "link set lzout up", "neigh add 198.18.0.9 lladdr 02:00:00:00:00:01 dev lzout"):
        command(inside + words.split())


def perform(plan, rules, pattern, stage, tap):
    stage.engine = Engine(stage)
    stage.host = Host(stage)
    rows = [Row(r, stage) for r in plan["rules"] if pattern.search(r["rule"])]
    extra = os.path.join(stage.tmp, "extra.yaml")
    with open(extra, "w", encoding="utf-8") as f:
        f.write(extra_rules(plan, rules))
    stage.start_containers(first=True)
    give_network(stage, "sender")
    sensor = Sensor(os.path.join(BUILD, "lazaret"), [RULES, extra], stage)
    tap.case(sensor.ready(30), "the sensor starts")
    if not sensor.is_ready:
        tap.note(sensor.said())
        raise Trouble("no sensor")
    stage.start_containers(first=False)
    if any(d.row.get("slow") for r in rows for d in r.acts):
        time.sleep(11)  # two samples of what is usual
    play(rows, stage, sensor, tap, advice)
    status = sensor.stop()
    tap.case(status == 0, "the sensor ends when it is told to, with 0")
    if status != 0:
        tap.note(f"{status}: {sensor.said()}")
    judge_rest(plan, rows, sensor, tap)
    judge_replay(sensor, tap)


def judge_rest(plan, rows, sensor, tap):
    """What containers did besides, beginning with their start, was no act: nothing may be told of it."""
    deeds = [d for r in rows for d in r.before + r.acts + r.benign]
    rest = [a for _, a in sensor.alerts
            if container_of(a).get("name") in plan["containers"] and not any(d.is_of(a) for d in deeds)]
    tap.case(not rest, "nothing is told of but acts")
    for alert in rest[:5]:
        tap.note(alert["output"])


def test(tap):
    plan = acts("ours.json")
    rules = rules_of(RULES)
    missing = sorted(set(rules) ^ {r["rule"] for r in plan["rules"]})
    tap.case(not missing, f"each of the {len(rules)} rules has an act")
    poor = [n for n, keys in rules.items() if not {"desc", "respond", "tags", "priority", "output"} <= keys]
    tap.case(not poor, "each rule says what it means, what to do and what it is called elsewhere")
    for name in missing + poor:
        tap.note(name)
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    with make_stage(plan) as stage:
        perform(plan, rules, pattern, stage, tap)


if __name__ == "__main__":
    main_with_engine(("ip", "nsenter"), test)
