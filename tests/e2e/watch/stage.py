# SPDX-License-Identifier: Apache-2.0
"""What tests of `lazaret watch` stand on: a private Docker engine with an image of a shell and the acts,
containers that stay, a runner in each that performs acts fast, and the sensor."""

import contextlib
import glob
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

SOURCE = os.environ.get("LZ_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 3))
BUILD = os.environ.get("LZ_BUILD") or os.path.join(SOURCE, "build")
WORD_END = "\x1f"
ACT_PATH = "/acts:/bin"


class Trouble(Exception):
    """Something that the test itself needs went wrong."""


class Skip(Exception):
    """What the whole test needs is not here, and need not be."""


class Tap:
    def __init__(self):
        self.count = self.bad = 0

    def case(self, good, name):
        self.count += 1
        self.bad += not good
        print(f"{'' if good else 'not '}ok {self.count} - {name.replace('#', '')}", flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name.replace('#', '')} # SKIP {why}", flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def skip_all(self, why):
        print(f"1..0 # SKIP {why}")
        return 0

    def done(self):
        print(f"1..{self.count}")
        return 1 if self.bad else 0


def main_with_engine(programs, test):
    """The whole of a test that needs root, a Docker engine and `programs`: test(tap) where they are."""
    tap = Tap()
    missing = [p for p in ("dockerd", "docker", *programs) if not shutil.which(p)]
    if os.geteuid() != 0:
        sys.exit(tap.skip_all("a sensor and a Docker engine need root"))
    if missing:
        sys.exit(tap.skip_all(f"{missing[0]} is not installed (./dev setup)"))
    try:
        test(tap)
    except Skip as e:
        sys.exit(tap.skip_all(e))
    except Trouble as e:
        print(f"Bail out! {e}", flush=True)
        sys.exit(1)
    sys.exit(tap.done())


def acts(name):
    with open(os.path.join(SOURCE, "tests/acts", name), encoding="utf-8") as f:
        return json.load(f)


def command(argv, **more):
    """Runs it to its end; what it printed. Trouble when it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False, **more)
    if done.returncode:
        raise Trouble(f"{' '.join(argv[:6])}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Runner:
    """A process that performs one command per line, where it was started."""

    def __init__(self, argv, env=None):
        self.lock = threading.Lock()
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, bufsize=1, env=env)
        if self.answer(20) != "ready":
            raise Trouble(f"no runner: {' '.join(argv)}")

    def answer(self, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise Trouble("the runner does not answer")
        return self.process.stdout.readline().strip()

    def run(self, argv):
        with self.lock:
            self.process.stdin.write(WORD_END.join(argv) + "\n")
            self.process.stdin.flush()
            return int(self.answer(20) or -1)

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Host:
    """This machine: the programs lie in a folder of the test."""

    def __init__(self, stage):
        folder = os.path.join(stage.tmp, "acts")
        os.mkdir(folder, 0o755)
        for name in stage.plan["image"]["programs"]:
            if name == "act":
                shutil.copy(stage.act, os.path.join(folder, name))
            else:
                os.link(os.path.join(folder, "act"), os.path.join(folder, name))
        path = f"{folder}:/usr/bin:/bin"
        self.runner = Runner([os.path.join(folder, "act"), "serve"], dict(os.environ, PATH=path))
        stage.at_exit.callback(self.runner.stop)


# Capabilities by number, as far as they matter here: those that some machines keep from root.
CAPS = {14: "IPC_LOCK", 16: "SYS_MODULE", 17: "SYS_RAWIO", 20: "SYS_PACCT", 22: "SYS_BOOT", 24: "SYS_RESOURCE",
        25: "SYS_TIME", 28: "LEASE", 30: "AUDIT_CONTROL", 32: "MAC_OVERRIDE", 33: "MAC_ADMIN", 34: "SYSLOG"}


def modest_runtime(tmp):
    """Options for an engine whose privileged containers get no more capabilities than this machine has:
    where one is kept from everybody, none could be started at all."""
    with open("/proc/self/status", encoding="ascii") as f:
        bound = int(next(line for line in f if line.startswith("CapBnd")).split()[1], 16)
    missing = [name for number, name in CAPS.items() if not bound >> number & 1]
    if not missing:
        return []
    edit = "".join(f's/"CAP_{n}",//g;s/,"CAP_{n}"//g;' for n in missing)
    path = os.path.join(tmp, "runtime")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"""#!/bin/sh
last=
for word; do
	case $last in
	--bundle) sed -i '{edit}' "$word/config.json" ;;
	--process) sed -i '{edit}' "$word" ;;
	esac
	last=$word
done
exec runc "$@"
""")
    os.chmod(path, 0o755)
    return [f"--add-runtime=modest={path}", "--default-runtime=modest"]


class Engine:
    def __init__(self, stage):
        self.stage, tmp = stage, stage.tmp
        self.socket = f"unix://{tmp}/docker.sock"
        self.env = dict(os.environ, DOCKER_HOST=self.socket, DOCKER_CONFIG=tmp)
        with open(f"{tmp}/dockerd.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--host", self.socket, "--data-root", f"{tmp}/data", "--exec-root", f"{tmp}/exec",
                 "--pidfile", f"{tmp}/docker.pid", "--bridge=none", "--iptables=false", "--ip6tables=false",
                 "--storage-driver=overlay2", "--exec-opt=native.cgroupdriver=cgroupfs", *modest_runtime(tmp)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        stage.at_exit.callback(self.stop)
        self.wait(60)
        self.load(stage.image)
        self.docker("tag", stage.image, "lz/stranger:1")

    def docker(self, *argv):
        return command(["docker", *argv], env=self.env)

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(Trouble):
                self.docker("version")
                return
            time.sleep(0.2)
        with open(f"{self.stage.tmp}/dockerd.log", encoding="utf-8") as f:
            raise Trouble("no Docker engine: " + "".join(f.readlines()[-3:]))

    def load(self, name):
        tar = os.path.join(self.stage.tmp, "image.tar")
        image_tar(self.stage, tar)
        self.docker("import", "--change", f"ENV PATH={ACT_PATH}", tar, name)

    def run(self, name, image, options, argv):
        return self.status("run", "--rm", "--name", name, "--network=none", *self.stage.filled(options), image, *argv)

    def exec(self, container, options, argv):
        return self.status("exec", *options, container, *argv)

    def status(self, *argv):
        return subprocess.run(["docker", *argv], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60, check=False).returncode

    def stop(self):
        with contextlib.suppress(Trouble):
            names = self.docker("ps", "-aq").split()
            if names:
                self.docker("rm", "-f", *names)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        remove_groups(self.stage)


def remove_groups(stage):
    """Control groups that containers were put below; those that others use stay."""
    for row in stage.plan["containers"].values():
        for option in row["docker"]:
            name, _, path = option.partition("=")
            while name == "--cgroup-parent" and path != "/":
                for group in glob.glob(f"/sys/fs/cgroup{path}") + glob.glob(f"/sys/fs/cgroup/*{path}"):
                    rmdir_empty(group)
                path = os.path.dirname(path)


def image_tar(stage, path):
    """A shell, the acts under all their names, and some files to act upon."""
    image = stage.plan["image"]
    busybox = shutil.which("busybox")
    if not busybox:
        raise Trouble("busybox is not installed (./dev setup)")
    with tarfile.open(path, "w") as tar:
        made = set()

        def entry(name, kind, **what):
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, what.get("mode", 0o755)
            info.linkname = what.get("link", "")
            data = what.get("data", b"")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        def folders(name):
            if name and name not in made:
                folders(os.path.dirname(name))
                made.add(name)
                entry(name, tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)

        for name in image["folders"] + ["acts", "bin"] + [os.path.dirname(f) for f in image["files"]]:
            folders(name)
        for source, target, links in ((stage.act, "acts/act", image["programs"]), (busybox, "bin/busybox", image["applets"])):
            with open(source, "rb") as f:
                entry(target, tarfile.REGTYPE, data=f.read())
            for link in links:
                if f"{os.path.dirname(target)}/{link}" != target:
                    entry(f"{os.path.dirname(target)}/{link}", tarfile.LNKTYPE, link=target)
        for name, text in image["files"].items():
            entry(name, tarfile.REGTYPE, data=text.encode(), mode=0o644)


def rmdir_empty(path):
    with contextlib.suppress(OSError):
        os.rmdir(path)


class Sensor:
    """`lazaret watch`, its alerts with the moment that each arrived, and a recording of what it saw."""

    def __init__(self, program, rules, stage, more=()):
        self.judge = [program, "watch", "--format", "json", "--group", "0"]
        for rule in rules:
            self.judge += ["--rules", rule]
        self.recording = os.path.join(stage.tmp, "events")
        argv = [*self.judge, "--record", self.recording, "--docker-socket", f"{stage.tmp}/docker.sock",
                "--docker-root", f"{stage.tmp}/data", *more]
        self.alerts, self.lines, self.is_ready = [], [], False
        self.news = threading.Condition()
        self.log = open(os.path.join(stage.tmp, "alerts.jsonl"), "w", encoding="utf-8")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, bufsize=1)
        stage.at_exit.callback(self.stop)
        for target in (self.read_alerts, self.read_words):
            threading.Thread(target=target, daemon=True).start()

    def read_alerts(self):
        for line in self.process.stdout:
            now = time.time()
            self.log.write(line)
            try:
                alert = json.loads(line)
            except ValueError:
                alert = {}
            with self.news:
                if "rule" in alert:
                    self.alerts.append((now, alert))
                else:
                    self.lines.append("no alert: " + line)
                self.news.notify_all()

    def read_words(self):
        for line in self.process.stderr:
            with self.news:
                self.lines.append(line)
                self.is_ready |= line.startswith("lazaret: watching")
                self.news.notify_all()
        with self.news:
            self.lines.append("(end)\n")
            self.news.notify_all()

    def ready(self, seconds):
        with self.news:
            self.news.wait_for(lambda: self.is_ready or "(end)\n" in self.lines, seconds)
        return self.is_ready

    def said(self):
        return "".join(self.lines[-20:])

    def matching(self, test):
        with self.news:
            return [(t, a) for t, a in self.alerts if test(a)]

    def wait(self, test, until):
        """Alerts that pass, as soon as there is one; none when time is up."""
        at = 0
        while True:
            with self.news:
                new = self.alerts[at:]
                at = len(self.alerts)
                left = until - time.monotonic()
                if not new and left > 0:
                    self.news.wait(left)
            if any(test(a) for _, a in new):
                return self.matching(test)
            if not new and left <= 0:
                return []

    def stop(self):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.flush()
        return status

    def replayed(self):
        """Alerts that the recording brings about."""
        text = command([*self.judge, "--replay", self.recording])
        return [a for a in map(json.loads, text.splitlines()) if "rule" in a]


class Stage:
    def __init__(self, plan, act, tmp, at_exit):
        self.plan, self.act, self.tmp, self.at_exit = plan, act, tmp, at_exit
        self.image = plan["image"]["name"]
        self.engine = self.host = None
        self.runners = {}

    def filled(self, words):
        return [w.replace("{tmp}", self.tmp) for w in words]

    def runner(self, place, spare=False):
        """What performs acts at a place; a spare one for those that take long."""
        if place == "host":
            return self.host.runner
        key = (place, spare)
        if key not in self.runners:
            self.runners[key] = Runner(["docker", "exec", "-i", place, "act", "serve"], self.engine.env)
            self.at_exit.callback(self.runners[key].stop)
        return self.runners[key]

    def start_containers(self, first):
        for name, row in self.plan["containers"].items():
            if row.get("first", False) == first:
                self.start_container(name, row["docker"])

    def start_container(self, name, options):
        self.engine.docker("run", "-d", "--name", name, *self.filled(options), self.image, "act", "sleep", "3600000")
        pid = self.engine.docker("inspect", "-f", "{{.State.Pid}}", name).strip()
        for address in self.plan["addresses"]:
            command(["nsenter", "-t", pid, "-n", "busybox", "ip", "addr", "add", f"{address}/{128 if ':' in address else 32}",
                     "dev", "lo"])
        ports = [str(p) for p in self.plan["ports"]]
        if self.runner(name).run(["act", "listen", *ports]):
            raise Trouble(f"{name}: nothing listens")


@contextlib.contextmanager
def make_stage(plan):
    act = os.path.join(BUILD, "tests/acts/act")
    if not os.path.exists(act):
        raise Trouble(f"{act} is not built")
    # Container names of alerts and arguments of programs hold this path; users other than root enter.
    tmp = tempfile.mkdtemp(prefix="lazaret-watch.")
    os.chmod(tmp, 0o755)
    os.mkdir(os.path.join(tmp, "host"), 0o777)
    try:
        with contextlib.ExitStack() as at_exit:
            yield Stage(plan, act, tmp, at_exit)
    finally:
        if os.environ.get("LZ_KEEP"):
            print(f"# kept: {tmp}", file=sys.stdout, flush=True)
        else:
            shutil.rmtree(tmp, ignore_errors=True)
