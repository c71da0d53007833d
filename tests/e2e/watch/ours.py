# SPDX-License-Identifier: Apache-2.0
"""Each rule of data/rules/runtime against what it looks for, performed for real (tests/acts/ours.json),
and against an act beside it that it has to leave alone.

    ours.py [REGEX]      only the rules whose names match

The same variables as for stock.py."""

import json
import os
import re
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True
from stage import Engine, Host, Sensor, Tap, Trouble, command, make_stage  # noqa: E402
from stock import BUILD, FENCE, SOURCE, WITHIN_S, Deed, container_of, fence, judge_benign, judge_replay, tell  # noqa: E402

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
    text.append(f"- rule: {FENCE}\n  desc: everything before it has been seen\n"
                "  condition: evt.type in (execve, execveat) and proc.name = lzfence\n"
                "  output: fence %proc.cmdline\n  priority: DEBUG")
    return "\n".join(text) + "\n"


class Row:
    def __init__(self, row, stage):
        def deeds(key):
            pid = str(stage.host.runner.process.pid)
            return [Deed(dict(r, run=stage.filled([r["run"]])[0].replace("{hostpid}", pid)), row["rule"])
                    for r in row.get(key, [])]
        self.name = row["rule"]
        self.before, self.acts, self.benign = deeds("before"), deeds("act"), deeds("benign")
        self.skipped = [d for d in self.acts if not os.path.exists(d.row.get("needs", "/"))]
        self.acts = [d for d in self.acts if d not in self.skipped]


def judge(deed, sensor):
    if deed.error:
        return deed.error
    within = deed.row.get("within", WITHIN_S)
    seen = sensor.wait(lambda a: a["rule"] == deed.rule and deed.is_of(a), deed.ended + within)
    if not seen:
        return f"no alert within {within} s"
    wrongs = [deed.wrong(a) + ([] if a.get("respond") else ["it does not say what to do"]) for _, a in seen]
    return None if [] in wrongs else "; ".join(wrongs[0])


def act_on(row, stage, sensor, tap):
    for deed in row.before:
        deed.perform(stage)
    bad = [(d, d.error) for d in row.before if d.error]
    for deed in row.acts:
        if not deed.row.get("slow"):
            deed.perform(stage)
        bad += [(deed, why) for why in [judge(deed, sensor)] if why]
    for deed in row.benign:
        deed.perform(stage)
    if row.skipped and not row.acts:
        tap.case(True, f"{row.name}: alert # SKIP not on this machine")
    else:
        tap.case(not bad, f"{row.name}: alert")
    for deed, why in bad:
        tell(tap, deed, why, sensor)


def play(rows, stage, sensor, tap):
    slow = [d for r in rows for d in r.acts if d.row.get("slow")]
    if slow:
        time.sleep(11)  # two samples of what is usual
    threads = [threading.Thread(target=d.perform, args=(stage,)) for d in slow]
    for t in threads:
        t.start()
    late = [r for r in rows if any(d in slow for d in r.acts)]
    for row in [r for r in rows if r not in late]:
        act_on(row, stage, sensor, tap)
    for t in threads:
        t.join()
    for row in late:
        act_on(row, stage, sensor, tap)
    tap.case(fence(stage, sensor), "the sensor keeps up: what comes last is told of")
    for row in rows:
        judge_benign(row, sensor, tap)


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
    play(rows, stage, sensor, tap)
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


def main():
    tap = Tap()
    if os.geteuid() != 0:
        return tap.skip_all("a sensor and a Docker engine need root")
    for program in ("dockerd", "docker", "ip", "nsenter"):
        if not shutil.which(program):
            return tap.skip_all(f"{program} is not installed (./dev setup)")
    with open(os.path.join(SOURCE, "tests/acts/ours.json"), encoding="utf-8") as f:
        plan = json.load(f)
    rules = rules_of(RULES)
    missing = sorted(set(rules) ^ {r["rule"] for r in plan["rules"]})
    tap.case(not missing, f"each of the {len(rules)} rules has an act")
    poor = [n for n, keys in rules.items() if not {"desc", "respond", "tags", "priority", "output"} <= keys]
    tap.case(not poor, "each rule says what it means, what to do and what it is called elsewhere")
    for name in missing + poor:
        tap.note(name)
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    with make_stage(plan, os.path.join(BUILD, "tests/acts/act")) as stage:
        perform(plan, rules, pattern, stage, tap)
    return tap.done()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as e:
        print(f"Bail out! {e}", flush=True)
        sys.exit(1)
