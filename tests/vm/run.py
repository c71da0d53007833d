#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py BUILD [6.1|6.12]...: the sensor inside Debian's own kernels, in TAP.

Kernels are taken out of their packages into BUILD/vm, nothing is installed. A guest is qemu without
KVM: kernel, an initramfs of busybox, the release program, its libraries and tests/vm/, two serial
ports: the console (BUILD/vm/console-VERSION.log) and the findings (found-VERSION.log).
"""
import json
import lzma
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("LZ_SHARED", os.path.join(HERE, "..", "..", "..", "shared"))
RULES = [os.path.join(SHARED, "compat", "falco", f"falco{part}_rules.yaml")
         for part in ("", "-incubating", "-sandbox")]
META = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}
# Calls of the sensor's table that came later than a kernel: fchmodat2 with 6.6.
LATER = {"6.1": {"fchmodat2"}, "6.12": set()}
TIME_LIMIT_S = 400


class Skip(Exception):
    pass


class Tap:
    def __init__(self):
        self.count = self.bad = 0

    def ok(self, good, name, *notes):
        self.count += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        for note in [] if good else notes:
            for line in str(note).splitlines():
                print("# " + line, flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)


# ---- what a guest is made of ----------------------------------------------------------------

def said(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more).stdout


def package_of(version):
    """The package that Debian's name for the newest kernel of this version leads to."""
    found = re.search(r"Depends: (linux-image-\S+)", said("apt-cache", "depends", META[version]))
    return found and found.group(1)


def kernel(version, vm):
    """(kernel image, module folder); downloads and unpacks it once."""
    folder = os.path.join(vm, version)
    images = os.path.join(folder, "boot")
    if not os.path.isdir(images):
        package = package_of(version)
        if not package and os.geteuid() == 0:
            said("apt-get", "-q", "update")
            package = package_of(version)
        if not package:
            raise Skip(f"no package {META[version]} in this machine's apt sources")
        cache = os.path.join(vm, "deb")
        os.makedirs(cache, exist_ok=True)
        said("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, cwd=cache)
        files = [f for f in os.listdir(cache) if f.startswith(package + "_")]
        if not files:
            raise Skip(f"{package} can't be downloaded")
        subprocess.run(["dpkg-deb", "-x", os.path.join(cache, files[0]), folder + ".new"], check=True)
        os.rename(folder + ".new", folder)
        os.unlink(os.path.join(cache, files[0]))
    name = next(f for f in os.listdir(images) if f.startswith("vmlinuz-"))
    return os.path.join(images, name), os.path.join(folder, "lib", "modules", name[8:])


def place(root, source, target):
    target = os.path.join(root, target.lstrip("/"))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=True)
    os.chmod(target, 0o755)


def program(root, source, target):
    """A program and the libraries that it is linked with."""
    place(root, source, target)
    for library in re.findall(r"(/\S+) \(0x", said("ldd", source)):
        place(root, library, library)


def module(root, modules, name):
    for folder, _, files in os.walk(modules):
        if name + ".ko.xz" in files:
            with lzma.open(os.path.join(folder, name + ".ko.xz")) as packed, \
                    open(os.path.join(root, name + ".ko"), "wb") as out:
                shutil.copyfileobj(packed, out)
        elif name + ".ko" in files:
            place(root, os.path.join(folder, name + ".ko"), name + ".ko")


def initramfs(build, modules, path):
    root = path + ".d"
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("proc", "sys", "dev", "tmp", "etc", "root", "run", "var/log"):
        os.makedirs(os.path.join(root, folder))
    place(root, "/bin/busybox", "bin/busybox")
    os.symlink("busybox", os.path.join(root, "bin", "sh"))
    program(root, os.path.join(build, "lazaret"), "bin/lazaret")
    program(root, os.path.join(build, "tests", "vm", "guest"), "bin/guest")
    place(root, os.path.join(build, "tests", "acts", "act"), "bin/act")
    program(root, os.path.join(build, "tests", "e2e", "watch", "racer"), "bin/racer")
    place(root, os.path.join(HERE, "init.sh"), "init")
    place(root, os.path.join(HERE, "tests.sh"), "tests.sh")
    for rules in RULES:
        place(root, rules, "rules/" + os.path.basename(rules))
    for name, text in (("passwd", "root:x:0:0:root:/:/bin/sh\n"), ("group", "root:x:0:\n"),
                       ("shadow", "root:*:19000:0:99999:7:::\n")):
        with open(os.path.join(root, "etc", name), "w", encoding="ascii") as f:
            f.write(text)
    write_acts(root)
    module(root, modules, "overlay")
    with open(path, "wb") as out:
        names = said("find", ".", "-print", cwd=root)
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(),
                       stdout=out, check=True)
    shutil.rmtree(root)


def boot(image, initrd, console, found):
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m",
               "1024", "-display", "none", "-monitor", "none", "-nodefaults", "-no-reboot",
               "-serial", "file:" + console, "-serial", "file:" + found, "-kernel", image, "-initrd",
               initrd, "-append", "console=ttyS0 panic=-1 lsm=landlock,lockdown,yama,bpf quiet"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=TIME_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        print(f"# the guest did not end in {TIME_LIMIT_S} s")


def sections(path):
    """{name: (lines, status)} of what a guest wrote; a section without an end has no status."""
    result, name = {}, None
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f.read().splitlines():
            if not name and line.startswith("["):
                name = line[1:]
                result[name] = ([], None)
            elif name and line.startswith(f"]{name} "):
                result[name] = (result[name][0], int(line.split()[-1]))
                name = None
            elif name:
                result[name][0].append(line)
    return result


# ---- what a guest does ----------------------------------------------------------------------

# (rule, where, command): {m} is the mark that its alert is known by.
ACTS = [
    ("Read sensitive file untrusted", "host", "act open r /etc/shadow {m}"),
    ("Fileless execution via memfd_create", "host", "act memfd payload {m}"),
    ("PTRACE attached to process", "host", "act attach {m}"),
    ("Read sensitive file untrusted", "box", "act open r /etc/shadow {m}"),
    ("Terminal shell in container", "box", "runc tty sh -c 'true {m}'"),
    ("Fileless execution via memfd_create", "box", "act memfd payload {m}"),
    ("Drop and execute new binary in container", "box", "/opt/dropped sleep 1 {m}"),
    ("Redirect STDOUT/STDIN to Network Connection in Container", "box", "act dup2 127.0.0.1 80 0 {m}"),
    ("PTRACE anti-debug attempt", "box", "act traceme {m}"),
    ("BPF Program Not Profiled", "box", "act bpf 5 {m}"),
    ("Change thread namespace", "box", "act setns {m}"),
    ("Change namespace privileges via unshare", "box", "act user 1000 act unshare-refused {m}"),
    ("Set Setuid or Setgid bit", "box", "act chmod 4755 /opt/bits {m}"),
    ("Create Symlink Over Sensitive Files", "box", "act symlink /etc/shadow /tmp/{m}"),
    ("Mount in a container", "box", "mount -t tmpfs {m} /mnt"),
    ("Connect by the 32-bit entry", "host", "racer compat /etc/passwd 80 /bin/busybox true {m}"),
    ("Capability used", "box", "mount -t tmpfs {m} /mnt"),
    ("File opened by io_uring", "host", "racer uring /etc/absent-{m} >/dev/null"),
]
# The like, for deeds that come close and that the rule must let be.
QUIET = [
    ("Read sensitive file untrusted", "host", "act open r /etc/passwd {m}"),
    ("Set Setuid or Setgid bit", "box", "act chmod 0755 /opt/bits {m}"),
    ("Create Symlink Over Sensitive Files", "box", "act symlink /opt/bits /tmp/{m}"),
    ("Drop and execute new binary in container", "box", "act sleep 1 {m}"),
    ("Terminal shell in container", "box", "runc spawn sh -c 'true {m}'"),
    ("Fileless execution via memfd_create", "host", "sh -c 'true {m}'"),
]
OWN_RULES = """\
- rule: Mount in a container
  desc: what the stock rules ask only of privileged containers, which need an engine to be known
  condition: evt.type = mount and container.id != host and proc.name = mount
  output: mount (command=%proc.cmdline)
  priority: NOTICE
- rule: Connect by the 32-bit entry
  desc: socketcall, which has a function of its own
  condition: evt.type = connect and proc.name = racer and fd.sip = "127.0.0.1" and fd.sport = 80
  output: connect (command=%proc.cmdline)
  priority: NOTICE
- rule: Capability used
  desc: by a tracepoint, or by the function that it lies in
  condition: evt.type = capability and cap.name = CAP_SYS_ADMIN and container.id != host and proc.name = mount
  output: capability (command=%proc.cmdline)
  priority: NOTICE
- rule: File opened by io_uring
  desc: by a tracepoint that has had two names
  condition: evt.type = io_uring and uring.op = openat and proc.name = racer
  output: opened (command=%proc.cmdline)
  priority: NOTICE
"""


def write_acts(root):
    os.makedirs(os.path.join(root, "rules"), exist_ok=True)
    with open(os.path.join(root, "rules", "vm.yaml"), "w", encoding="ascii") as f:
        f.write(OWN_RULES)
    with open(os.path.join(root, "acts.sh"), "w", encoding="ascii") as f:
        for i, (_, where, command) in enumerate(ACTS):
            f.write(f"{where} {command.format(m=f'yes{i:02}')}\n")
        for i, (_, where, command) in enumerate(QUIET):
            f.write(f"{where} {command.format(m=f'not{i:02}')}\n")


# ---- what must have come of it --------------------------------------------------------------

def check_programs(tap, version, found):
    for path in ("fexit", "sys_exit"):
        lines, status = found.get("programs " + path, ([], None))
        tap.ok(status == 0 and not any(x.startswith("refused") for x in lines),
               f"{version}: the kernel takes every program, {path}", *lines)
    lines = found.get("programs fexit", ([], None))[0]
    without = {x.split()[1] for x in lines if x.startswith("without ")}
    tap.ok(without == LATER[version], f"{version}: every call of the table has a program behind it",
           f"without: {sorted(without)}, wanted: {sorted(LATER[version])}")


def idle_runs(found, name):
    """Runs of programs during idle calls; None: there were no programs."""
    for line in found.get(name, ([], None))[0]:
        words = line.split()
        if words[:1] == ["idle"] and int(words[5]) >= 10:
            return int(words[3])
    return None


def check_idle(tap, version, found):
    """A million calls that no rule asks about; listing the programs, before and after, makes some runs."""
    lines = found.get("idle fexit", ([], None))[0]
    runs = idle_runs(found, "idle fexit")
    tap.ok(runs is not None and runs < 10000,
           f"{version}: 1,000,000 getppid(2) move no run count, a program behind each call", *lines)
    runs = idle_runs(found, "idle sys_exit")
    tap.ok(runs is not None and runs >= 1000000,
           f"{version}: they all do with one program behind all calls (the count counts)",
           *found.get("idle sys_exit", ([], None))[0])


def alerts_of(lines):
    result = []
    for line in lines:
        try:
            result.append(json.loads(line))
        except ValueError:
            pass
    return [x for x in result if "rule" in x]


def check_alerts(tap, version, found):
    alerts = alerts_of(found.get("alerts", ([], None))[0])
    said_there = found.get("watch said", ([], None))[0]
    tap.ok(found.get("start", ([], None))[1] == 0, f"{version}: watch is ready", *said_there)
    tap.ok(found.get("stop", ([], None))[1] == 0, f"{version}: watch ends when it is asked to",
           *said_there[-20:])
    tap.ok(found.get("acts", ([], None))[0] == [], f"{version}: no act says that it failed",
           *found.get("acts", ([], None))[0])
    for acts, word, wanted in ((ACTS, "yes", True), (QUIET, "not", False)):
        for i, (rule, where, command) in enumerate(acts):
            mark = f"{word}{i:02}"
            raised = [x["rule"] for x in alerts if mark in x.get("output", "")]
            tap.ok((rule in raised) == wanted,
                   f"{version}: {rule}{'' if wanted else ', not'}: {where}: {command}",
                   f"alerts of this act: {raised}")


def check_guest(tap, version, found):
    release = " ".join(found.get("kernel", ([], None))[0])
    tap.ok(release.startswith(version + "."), f"{version}: boots ({release})")
    check_programs(tap, version, found)
    doctor, status = found.get("doctor", ([], None))
    calls = [x for x in doctor if x.startswith("calls ") and "by a program behind each" in x]
    tap.ok(status == 0 and calls,
           f"{version}: the doctor says that a program behind each call is in use, and all is seen", *doctor)
    check_alerts(tap, version, found)
    check_idle(tap, version, found)


def test(tap, version, build):
    vm = os.path.join(build, "vm")
    os.makedirs(vm, exist_ok=True)
    image, modules = kernel(version, vm)
    initrd = os.path.join(vm, f"initramfs-{version}")
    initramfs(build, modules, initrd)
    console, found = (os.path.join(vm, f"{x}-{version}.log") for x in ("console", "found"))
    for path in (console, found):
        if os.path.exists(path):
            os.unlink(path)
    boot(image, initrd, console, found)
    os.unlink(initrd)
    if not os.path.exists(found) or not os.path.getsize(found):
        tap.ok(False, f"{version}: boots", f"see {console}")
    else:
        check_guest(tap, version, sections(found))


def main():
    build, versions = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(META)
    if any(v not in META for v in versions):
        print(f"usage: ./dev vmtest [{'|'.join(META)}]...", file=sys.stderr)
        return 2
    tap = Tap()
    for version in versions:
        if said("dpkg", "--print-architecture").strip() != "amd64":
            tap.skip(f"{version}: all", "guests are made for amd64 only")
        elif not all(os.path.exists(f) for f in RULES):
            tap.skip(f"{version}: all", "../shared/compat, the community's rules, is absent")
        else:
            try:
                test(tap, version, build)
            except Skip as why:
                tap.skip(f"{version}: all", why)
    print(f"1..{tap.count}")
    return tap.bad != 0


sys.exit(main())
