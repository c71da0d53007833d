# SPDX-License-Identifier: Apache-2.0
"""Ordinary work in containers, under the rules of data/rules/runtime as they are installed: a web server
under load, builds, packages installed, people logging on, cron, steps of an image build. None of it may
raise an alert.

    quiet.py [REGEX]     only the work whose name matches

The image is made of this machine's own Debian packages. What is not installed here (redis, cron, sshd) is
installed in the container by apt-get, where the network allows it; that is work, too. Variables as for
stock.py; LZ_QUIET_OFFLINE=1 leaves out what needs the network."""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time

sys.dont_write_bytecode = True
from stage import BUILD, SOURCE, Engine, Sensor, Trouble, main_with_engine, make_stage  # noqa: E402
from stock import FENCE  # noqa: E402

RULES = os.path.join(SOURCE, "data/rules/runtime")
PACKAGES = ["apt", "base-files", "bash", "bsdutils", "ca-certificates", "coreutils", "dash", "debianutils", "diffutils",
            "dpkg", "dpkg-dev", "findutils", "gcc", "grep", "gzip", "hostname", "libc-bin", "libc6-dev", "login", "make", "mount",
            "nginx", "passwd", "perl-base", "procps", "python3", "sed", "tar", "util-linux", "wrk"]

# Name, needs the network, a shell script. Each runs by `docker exec` in one container.
WORK = [
    ("a web server under load", False,
     "printf 'events {} http { server { listen 8098; } }' >/tmp/n.conf && nginx -c /tmp/n.conf && "
     "wrk -t1 -c40 -d12s http://127.0.0.1:8098/ && nginx -c /tmp/n.conf -s stop"),
    ("a build by make and gcc", False, r"""
mkdir -p /srv/build && cd /srv/build
printf 'int part(int x) { return x + 1; }\n' >part.c
printf 'int part(int); int main(void) { return part(-1); }\n' >main.c
printf '#!/bin/sh\ngcc -x c -o conftest - <<"END" && ./conftest\nint main(void) { return 0; }\nEND\n' >configure
printf 'all: prog\n\t./prog\nprog: main.o part.o\n\tgcc -o $@ $^\ncheck: prog\n\t./prog && ./prog && echo good\n' >Makefile
chmod +x configure && ./configure && make -j2 all check"""),
    ("a python program that serves", False, r"""
cd /tmp && python3 -m http.server 8099 >/dev/null 2>&1 & s=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
	python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8099/").read()' 2>/dev/null && ok=1 && break
	sleep 0.3
done
kill $s; test "$ok" """),
    ("a package built and installed", False, r"""
mkdir -p /tmp/p/DEBIAN /tmp/p/usr/bin /tmp/p/etc/cron.d /tmp/p/etc/profile.d
printf 'Package: lz-quiet\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: n\n' >/tmp/p/DEBIAN/control
printf '#!/bin/sh\nset -e\nuseradd -r lzquiet || true\nupdate-alternatives --install /usr/bin/lz-alt lz-alt /usr/bin/lz-quiet 5\n' >/tmp/p/DEBIAN/postinst
chmod 755 /tmp/p/DEBIAN/postinst && cp /bin/true /tmp/p/usr/bin/lz-quiet && touch -d 2020-01-01 /tmp/p/usr/bin/lz-quiet
printf '# nothing\n' >/tmp/p/etc/cron.d/lz-quiet && printf '# nothing\n' >/tmp/p/etc/profile.d/lz.sh
dpkg-deb -b /tmp/p /tmp/lz-quiet.deb && apt-get install -y --no-install-recommends /tmp/lz-quiet.deb && lz-quiet
apt-get remove -y lz-quiet"""),
    ("files and accounts looked after", False,
     "useradd -m lzworker && su lzworker -c 'id; ls /; cat /etc/passwd >/dev/null' && tar -C /etc -cf /tmp/etc.tar . && "
     "mkdir -p /tmp/x && tar -C /tmp/x -xf /tmp/etc.tar && find /usr -name '*.so' | head -50 | xargs ls -l >/dev/null && ps aux && userdel -r lzworker"),
    ("many short processes", False, "for i in $(seq 300); do /bin/true; done; seq 50 | xargs -P4 -n1 sh -c 'cat /proc/loadavg'"),
    ("packages from the network", True,
     "apt-get update && apt-get install -y --no-install-recommends redis-server cron openssh-server curl"),
    ("programs that were just installed", True, "curl --version && ssh -V && sshd -t || mkdir -p /run/sshd && sshd -t"),
    ("a data base in memory", True, r"""
redis-server --port 6399 --daemonize yes --save '' && sleep 1
for i in $(seq 100); do echo "set k$i v"; done | redis-cli -p 6399 >/dev/null
redis-cli -p 6399 config get maxmemory && redis-cli -p 6399 shutdown nosave"""),
    ("a schedule", True, "printf '* * * * * root true\\n' >/tmp/crontab && cron && sleep 2 && kill $(cat /run/crond.pid)"),
    ("somebody logs on", True, r"""
mkdir -p /run/sshd /root/.ssh && test -e /root/.ssh/id_quiet || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_quiet
mkdir -p /etc/lzkeys && cp /root/.ssh/id_quiet.pub /etc/lzkeys/root && chmod 600 /etc/lzkeys/root
/usr/sbin/sshd -p 2299 -o ListenAddress=127.0.0.1 -o AuthorizedKeysFile=/etc/lzkeys/%u -o PermitRootLogin=yes && sleep 0.5
ssh -p 2299 -i /root/.ssh/id_quiet -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1 'id; ls; bash -lc true'
r=$?; kill $(cat /run/sshd.pid); exit $r"""),
]
DOCKERFILE = """FROM lz/quiet:1
RUN useradd -m builder && printf 'export LZ=1\\n' >>/etc/profile && printf 'alias l=ls\\n' >>/root/.bashrc
RUN printf 'int main(void) { return 0; }\\n' | gcc -x c -o /usr/local/bin/lz-tool - && lz-tool && chmod u+s /usr/local/bin/lz-tool
RUN mkdir -p /etc/cron.d && printf '* * * * * root true\\n' >/etc/cron.d/lz-tool && mkdir -p /root/.ssh && touch /root/.ssh/authorized_keys
CMD ["lz-tool"]
"""


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def closure(names):
    """Installed packages that these need."""
    text = output("dpkg-query", "-W", "-f", "${Package}\t${db:Status-Abbrev}\t${Provides}\t${Pre-Depends}, ${Depends}\n")
    needs, gives = {}, {}
    for line in text.splitlines():
        name, status, provides, depends = line.split("\t")
        if not status.startswith("ii"):
            continue
        words = [[re.split(r"[ :(]", d.strip())[0] for d in one.split("|")] for one in depends.split(",")]
        needs[name] = words
        for p in provides.split(","):
            gives.setdefault(p.strip().split(" ")[0], name)
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        name = name if name in needs else gives.get(name)
        if name and name not in found:
            found.add(name)
            todo += [next((d for d in choice if d in needs or d in gives), "") for choice in needs[name]]
    return found


class Tar(tarfile.TarFile):
    """No name twice: the first counts."""

    def addfile(self, tarinfo, fileobj=None):
        self.known = getattr(self, "known", set())
        if tarinfo.name not in self.known:
            self.known.add(tarinfo.name)
            super().addfile(tarinfo, fileobj)


def add_packages(tar, names):
    def add(path, recursive=False):
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if path != "/" and os.path.lexists(path):
            add(os.path.dirname(path))
            tar.add(path, path.lstrip("/"), recursive=recursive)

    for path in ("/bin", "/sbin", "/lib", "/lib64", "/usr"):
        add(path)
    for path in sorted(set(output("dpkg-query", "-L", *names).splitlines())):
        if path.startswith("/") and path != "/." and not re.match(r"/usr/share/(doc|man|locale|info)/", path):
            add(path)
    for path in ("/etc/alternatives", "/etc/apt", "/etc/nsswitch.conf", "/etc/pam.d", "/etc/services", "/etc/ssl", "/etc/ld.so.cache", "/usr/share/ca-certificates",
                 "/usr/local/share/ca-certificates"):
        add(path, recursive=True)
    for link in os.listdir("/etc/alternatives"):
        for folder in ("/usr/bin", "/usr/sbin"):
            add(os.path.join(folder, link))


def add_text(tar, folder, path, text, mode=0o644):
    source = os.path.join(folder, "text")
    with open(source, "w", encoding="utf-8") as f:
        f.write(text)
    info = tar.gettarinfo(source, path)
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mode = mode
    with open(source, "rb") as f:
        tar.addfile(info, f)


def add_own(tar, folder, rows):
    add_text(tar, folder, "var/lib/dpkg/status", "\n\n".join(rows) + "\n")
    for name in ("passwd", "group", "shadow", "gshadow"):
        source = f"/usr/share/base-passwd/{name}.master"
        with open(source if name in ("passwd", "group") else os.devnull, encoding="utf-8") as f:
            text = f.read() or "root:*:19000:0:99999:7:::\n" * (name == "shadow")
        add_text(tar, folder, f"etc/{name}", text, 0o640 if "shadow" in name else 0o644)
    add_text(tar, folder, "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    add_text(tar, folder, "root/.bashrc", "")
    for name in ("tmp", "root/.ssh", "run", "var/tmp", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial",
                 "var/log/nginx", "var/log/apt", "proc", "sys", "dev", "usr/local/bin", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"):
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name.endswith("tmp") else 0o755
        tar.addfile(info)


def image_of_packages(stage, path):
    names = closure(PACKAGES)
    with open("/var/lib/dpkg/status", encoding="utf-8") as f:
        rows = [p for p in f.read().split("\n\n") if re.match(r"Package: (\S+)", p) and re.match(r"Package: (\S+)", p)[1] in names]
    with Tar.open(path, "w") as tar, tempfile.TemporaryDirectory() as folder:
        add_own(tar, folder, rows)
        add_packages(tar, names)
        for name in sorted(os.listdir("/var/lib/dpkg/info")):
            if re.split(r"[.:]", name)[0] in {re.split(r"[.:]", n)[0] for n in names} or name == "format":
                tar.add(f"/var/lib/dpkg/info/{name}", f"var/lib/dpkg/info/{name}")


class QuietEngine(Engine):
    def load(self, name):
        tar = os.path.join(self.stage.tmp, "image.tar")
        image_of_packages(self.stage, tar)
        subprocess.run(["docker", "import", tar, name], env=self.env, check=True, stdout=subprocess.DEVNULL, timeout=300)
        os.unlink(tar)


def network_works():
    return not os.environ.get("LZ_QUIET_OFFLINE") and subprocess.run(
        ["apt-get", "download", "-o", "Acquire::http::Timeout=10", "--print-uris", "cron"], capture_output=True,
        check=False, timeout=60).returncode == 0


def proxies():
    return [f"--env={k}={v}" for k, v in os.environ.items() if k.lower() in ("http_proxy", "https_proxy", "no_proxy")]


def do(stage, script):
    done = subprocess.run(["docker", "exec", "--env=DEBIAN_FRONTEND=noninteractive", "quiet", "bash", "-c", script],
                          env=stage.engine.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, (done.stdout + done.stderr)[-1500:]


def build(stage):
    folder = os.path.join(stage.tmp, "context")
    os.mkdir(folder)
    with open(os.path.join(folder, "Dockerfile"), "w", encoding="utf-8") as f:
        f.write(DOCKERFILE)
    env = dict(stage.engine.env, DOCKER_BUILDKIT="0")
    done = subprocess.run(["docker", "build", "--network=none", "-t", "lz/built:1", folder], env=env, capture_output=True,
                          text=True, timeout=240, check=False)
    return done.returncode, (done.stdout + done.stderr)[-1500:]


def told(sensor, from_n):
    time.sleep(1)
    with sensor.news:
        return [a for _, a in sensor.alerts[from_n:]]


def is_ours(alert, stage):
    """Alerts of other containers, and of this machine's own affairs, are not this test's."""
    part = alert.get("container") or {}
    return part.get("name") == "quiet" or stage.tmp in alert["output"] or "lz/" in str(part.get("image"))


def one(tap, stage, sensor, name, act):
    before = len(sensor.alerts)
    status, words = act()
    alerts = [a for a in told(sensor, before) if is_ours(a, stage)]
    tap.case(status == 0, f"{name}: it works")
    if status:
        tap.note(words)
    tap.case(not alerts, f"{name}: silence")
    for a in alerts[:10]:
        tap.note(a["output"])


def perform(pattern, online, stage, tap):
    stage.engine = QuietEngine(stage)
    extra = os.path.join(stage.tmp, "extra.yaml")
    with open(extra, "w", encoding="utf-8") as f:
        # Work is done at once that would come long after a container's start.
        f.write("- macro: container_settled\n  condition: (container.duration > 0)\n  override: {condition: replace}\n"
                "- macro: image_well_known\n  condition: (container.stat.age > 5000000000)\n  override: {condition: replace}\n"
                "- macro: usual_is_known\n  condition: (container.stat.samples >= 3)\n  override: {condition: replace}\n"
                f"- rule: {FENCE}\n  desc: the end\n  condition: evt.type = execve and proc.name = true and proc.args = {FENCE.split()[0]}\n"
                "  output: fence\n  priority: DEBUG\n")
    sensor = Sensor(os.path.join(BUILD, "lazaret"), [RULES, extra], stage)
    tap.case(sensor.ready(30), "the sensor starts")
    if not sensor.is_ready:
        tap.note(sensor.said())
        raise Trouble("no sensor")
    network = ["--network=host"] if online else ["--network=none"]
    stage.engine.docker("run", "-d", "--name", "quiet", *network, *proxies(), stage.image, "sleep", "100000")
    before = len(sensor.alerts)
    for name, needs_network, script in WORK:
        if not pattern.search(name):
            continue
        if needs_network and not online:
            tap.skip(name, "no network")
            continue
        one(tap, stage, sensor, name, lambda s=script: do(stage, s))
    if pattern.search("an image built step by step"):
        one(tap, stage, sensor, "an image built step by step", lambda: build(stage))
    subprocess.run(["docker", "exec", "quiet", "true", FENCE.split()[0]], env=stage.engine.env, check=False)
    seen = sensor.wait(lambda a: a["rule"] == FENCE, time.monotonic() + 5)
    tap.case(bool(seen), "the sensor was there all the time")
    rest = [a for a in told(sensor, before) if is_ours(a, stage) and a["rule"] != FENCE]
    tap.note(f"{len(rest)} alerts in all")
    # Silence would be easy had the rules not been at work in this container.
    do(stage, "mkdir -p /etc/cron.d && echo >/etc/cron.d/lz-intruder")
    seen = sensor.wait(lambda a: "lz-intruder" in a["output"] and is_ours(a, stage), time.monotonic() + 5)
    tap.case(bool(seen), "what is no ordinary work is told of")
    tap.case(sensor.stop() == 0, "the sensor ends when it is told to, with 0")


def test(tap):
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    plan = {"image": {"name": "lz/quiet:1"}, "containers": {}}
    with make_stage(plan) as stage:
        perform(pattern, network_works(), stage, tap)


if __name__ == "__main__":
    main_with_engine(("dpkg-query", "nginx", "gcc", "make", "wrk"), test)
