# SPDX-License-Identifier: Apache-2.0
"""`lazaret top`: as a table for pipes, and on a terminal of 80 times 24 (tmux), driven by keys.

LZ_BUILD names the build."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from stage import BUILD, Engine, acts, main_with_engine, make_stage  # noqa: E402

RULES = """
- rule: lz started
  desc: a program
  condition: evt.type in (execve, execveat) and container.id != host and proc.name = true
  output: started %proc.exepath
  priority: WARNING
"""


class Screen:
    """A shell in a terminal of its own."""

    def __init__(self, stage, env):
        self.name = f"lazaret-{os.getpid()}"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sh", env=env)
        stage.at_exit.callback(self.tmux, "kill-server")
        self.tmux("set", "-g", "status", "off")
        self.tmux("resize-window", "-x", "80", "-y", "24")

    def tmux(self, *argv, env=None):
        done = subprocess.run(["tmux", "-L", self.name, *argv], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=20, env=env)
        return done.stdout.decode("utf-8", "backslashreplace")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def line(self, text):
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def shot(self, *more):
        return self.tmux("capture-pane", "-p", *more)

    def until(self, test, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shot = self.shot()
            if test(shot):
                return True
            time.sleep(0.2)
        return False


def sees(*parts):
    return lambda shot: all(p in shot for p in parts)


def table(tap, argv):
    done = subprocess.run([*argv, "--once"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    text = done.stdout.decode("utf-8", "replace")
    tap.case(done.returncode == 0 and b"\033" not in done.stdout, "--once: plain text, and 0")
    row = next((line.split() for line in text.splitlines() if line.startswith("box ")), [])
    tap.case(row[1:2] == ["lz/box:1"] and len(row) == 11, "the container has a row with its image")
    good = len(row) == 11 and int(row[3]) >= 2 and float(row[5]) > 0 and float(row[6]) > 0 and float(row[7]) > 0
    tap.case(good, "with processes, programs, files and connections")
    tap.case(any(line.startswith("host ") for line in text.splitlines()), "and so has the host")
    if not good:
        tap.note(text + done.stderr.decode("utf-8", "replace"))
    with subprocess.Popen([*argv, "-i", "1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        time.sleep(6)
        p.send_signal(signal.SIGINT)
        text = p.communicate(timeout=20)[0].decode("utf-8", "replace")
    tap.case(text.count("CONTAINER ") >= 2 and "\033" not in text and p.returncode == 0, "without a terminal: a table each second")


def select(screen, name):
    """Moves the mark to a row; rows may change places meanwhile."""
    for _ in range(20):
        shot = screen.shot()
        if f">{name} " in shot:
            return True
        lines = shot.splitlines()
        mark = next((i for i, line in enumerate(lines) if line.startswith(">")), 0)
        row = next((i for i, line in enumerate(lines) if line.startswith(f" {name} ")), 0)
        screen.keys("Down" if row > mark else "Up")
        time.sleep(0.4)
    return False


def overview(tap, screen):
    shown = screen.until(sees("lazaret top", "CONTAINER", "box", "ALERTS", "q quit"), 20)
    shot = screen.shot()
    tap.case(shown, "the screen shows the container")
    lines = shot.rstrip("\n").split("\n")
    tap.case(len(lines) == 24 and max(map(len, lines)) <= 80, "it fits 24 lines of 80 columns")
    tap.case(re.search(r"^>?\s?box +\d+ ", shot, re.M) is not None, "a row has figures")
    tap.note("" if shown else shot)
    tap.case(select(screen, "box"), "up and down move the mark")
    screen.keys("s")
    tap.case(screen.until(sees("sorted by programs")), "s: another order")
    tap.case(">box " in screen.shot(), "the mark stays with its container")


def inside(tap, screen):
    screen.keys("Enter")
    good = screen.until(sees("box  image lz/box:1", "PID", "act", "-> 203.0.113.7 port 80", "Warning started /acts/true",
                             "left back"))
    tap.case(good, "enter: its processes, connections and last alerts")
    tap.case(screen.until(sees("\\x1b]0;evil")), "what a process calls itself can't drive the terminal")
    if not good:
        tap.note(screen.shot())
    screen.keys("p")
    paused = screen.until(sees("[paused]"))
    first = screen.shot()
    time.sleep(2.5)
    tap.case(paused and screen.shot() == first, "p: the screen stands still")
    screen.keys("p")
    tap.case(screen.until(lambda shot: "[paused]" not in shot and shot != first), "p: it goes on")
    screen.keys("Left")
    tap.case(screen.until(sees("CONTAINER", ">box")), "left: all containers again")


def resized(tap, screen):
    screen.tmux("resize-window", "-x", "120", "-y", "30")
    good = screen.until(sees("IMAGE", "lz/box:1"))
    lines = screen.shot().rstrip("\n").split("\n")
    tap.case(good and len(lines) == 30 and "q quit" in lines[29], "a larger terminal shows more")
    screen.tmux("resize-window", "-x", "40", "-y", "6")
    good = screen.until(lambda shot: "CONTAINER" in shot and "q quit" in shot.rstrip("\n").split("\n")[-1])
    tap.case(good, "a tiny one the beginning")
    tap.note("" if good else screen.shot())
    screen.tmux("resize-window", "-x", "80", "-y", "24")


def settings(screen):
    """What the terminal does with what is typed, as stty says it."""
    # The answer is no part of the command, which is on the screen as well.
    screen.line("clear; stty -a | tr ';' '\\n' | grep -c -e ' icanon' -e ' echo ' | sed 's/.*/settings <&>/'")
    screen.until(lambda shot: re.search(r"settings <\d+>", shot), 60)
    found = re.search(r"settings <(\d+)>", screen.shot())
    return found.group(1) if found else screen.shot()


def children(screen):
    """The programs that the screen's shell runs."""
    shell = screen.tmux("display-message", "-p", "#{pane_pid}").strip()
    with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as f:
        return [int(pid) for pid in f.read().split()]


def ended(screen, seconds=60):
    """The program is gone, and so is its screen: a screen alone may be seen half drawn."""
    end = time.monotonic() + seconds
    while children(screen) and time.monotonic() < end:
        time.sleep(0.1)
    return not children(screen) and screen.until(lambda shot: "lazaret top 1" not in shot and "q quit" not in shot)


def given_back(tap, screen, argv, before, how, end):
    screen.line(argv)
    started = screen.until(sees("lazaret top", "q quit"))
    end()
    now = settings(screen) if ended(screen) else "not ended"
    tap.case(started and now == before, f"{how}: the terminal is as it was")
    if not started or now != before:
        tap.note(f"started {started}, settings {now}, before {before}\n{screen.shot()}")


def terminal(tap, stage, argv):
    surroundings = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}  # which .ci/run sets
    screen = Screen(stage, dict(surroundings, TERM="screen-256color", LC_ALL="C.UTF-8"))
    command = " ".join(argv) + " -i 1 2>/dev/null"
    before = settings(screen)
    screen.line(command)
    overview(tap, screen)
    inside(tap, screen)
    tap.case("\033[" in screen.shot("-e"), "there are colours")
    resized(tap, screen)
    screen.keys("q")
    tap.case(ended(screen) and settings(screen) == before, "q: the terminal is as it was")
    given_back(tap, screen, command, before, "Ctrl-C", lambda: screen.keys("C-c"))
    given_back(tap, screen, command, before, "a crash", lambda: os.kill(children(screen)[0], signal.SIGBUS))
    screen.line("NO_COLOR=1 " + command)
    screen.until(sees("lazaret top", "q quit"))
    tap.case("\033[" not in screen.shot("-e"), "NO_COLOR: none")
    screen.keys("q")


def busy(runner, stop):
    evil, rounds = "\x1b]0;evil\x07", 0
    while not stop.is_set():
        for argv in (["true"], ["sh", "-c", ": </etc/passwd"], ["act", "tcp", "203.0.113.7", "9"]):
            runner.run(argv)
        # Nobody takes what is connected: it must not become too many.
        if rounds % 16 == 0:
            runner.run(["act", "tcp", "203.0.113.7", "80"])
        rounds += 1
        runner.run(["act", "sleep", "300", evil])


def play(tap, stage):
    stage.engine = Engine(stage)
    stage.start_container("box", stage.plan["containers"]["box"]["docker"])
    rules = os.path.join(stage.tmp, "rules.yaml")
    with open(rules, "w", encoding="utf-8") as f:
        f.write(RULES)
    argv = [os.path.join(BUILD, "lazaret"), "top", "--docker-socket", f"{stage.tmp}/docker.sock", "--docker-root",
            f"{stage.tmp}/data", "--rules", rules]
    stop = threading.Event()
    worker = threading.Thread(target=busy, args=(stage.runner("box"), stop))
    worker.start()
    try:
        table(tap, argv)
        terminal(tap, stage, argv)
    finally:
        stop.set()
        worker.join()


def test(tap):
    with make_stage(acts("stock.json")) as stage:
        play(tap, stage)


if __name__ == "__main__":
    main_with_engine(("busybox", "tmux"), test)
