# SPDX-License-Identifier: Apache-2.0
"""Containers of a real Podman: their names, images and rights in alerts, against what Podman itself says.

LZ_BUILD names the build."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import types

sys.dont_write_bytecode = True
from stage import BUILD, Sensor, Tap, Trouble, command  # noqa: E402

MARK = f"lz-podman-{os.getpid()}"
IMAGE = f"localhost/{MARK}/box:7"
FIELDS = ("container.id", "container.full_id", "container.name", "container.image.repository", "container.image.tag",
          "container.image.id", "container.image.digest", "container.type", "container.privileged")
RULES = f"""
- rule: ran
  desc: a program in a container
  condition: evt.type in (execve, execveat) and container.id != host and proc.args contains {MARK}
  output: ran %proc.cmdline {" ".join(f"%{f}" for f in FIELDS)}
  priority: NOTICE
"""


def podman(*argv):
    return command(["podman", "--cgroup-manager=cgroupfs", *(["--runtime=runc"] if shutil.which("runc") else []), *argv])


def image_tar(path):
    busybox = shutil.which("busybox")
    with tarfile.open(path, "w") as tar:
        tar.add(busybox, "bin/busybox")
        for name in ("sh", "sleep"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        passwd = tarfile.TarInfo("etc/passwd")
        text = b"root:x:0:0::/:/bin/sh\n"
        passwd.size = len(text)
        tar.addfile(passwd, io.BytesIO(text))


def container(stage, name, *options):
    """One that waits; low limits, because a host need not allow those that Podman would set."""
    podman("run", "-d", "--name", f"{MARK}-{name}", "--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024",
           *options, IMAGE, "/bin/sh", "-c", f": begin {MARK}-{name}; sleep 600")
    return f"{MARK}-{name}"


def told(sensor, name, word):
    found = sensor.wait(lambda a: f": {word} {MARK}-{name}" in a["output"], time.monotonic() + 5)
    return found[0][1]["output_fields"] if found else {}


def what_podman_says(name):
    c = json.loads(podman("inspect", name))[0]
    image = json.loads(podman("image", "inspect", c["Image"]))[0]
    repository, _, tag = IMAGE.rpartition(":")
    return {"container.id": c["Id"][:12], "container.full_id": c["Id"], "container.name": name,
            "container.image.repository": repository, "container.image.tag": tag, "container.image.id": image["Id"],
            "container.image.digest": image["Digest"], "container.type": "podman",
            "container.privileged": c["HostConfig"]["Privileged"]}


def compare(tap, sensor, name, word, about):
    seen, wanted = told(sensor, name, word), what_podman_says(f"{MARK}-{name}")
    wrong = {f: (seen.get(f), wanted[f]) for f in FIELDS if seen.get(f) != wanted[f]}
    tap.case(not wrong, f"{about}: as Podman says")
    if wrong:
        tap.note(f"told, Podman's: {wrong}")


def play(tap, stage):
    with open(f"{stage.tmp}/rules.yaml", "w", encoding="utf-8") as f:
        f.write(RULES)
    sensor = Sensor(f"{BUILD}/lazaret", [f"{stage.tmp}/rules.yaml"], stage)
    tap.case(sensor.ready(30), "the sensor starts")
    container(stage, "plain", "--label", "a=b")
    compare(tap, sensor, "plain", "begin", "a container's first program")
    podman("exec", f"{MARK}-plain", "/bin/sh", "-c", f": exec {MARK}-plain")
    compare(tap, sensor, "plain", "exec", "a program that was put into it")
    container(stage, "mighty", "--privileged")
    compare(tap, sensor, "mighty", "begin", "a privileged container")
    tap.case(sensor.stop() == 0, "the sensor ends well")
    again = Sensor(f"{BUILD}/lazaret", [f"{stage.tmp}/rules.yaml"], stage)
    again.ready(30)
    podman("exec", f"{MARK}-plain", "/bin/sh", "-c", f": later {MARK}-plain")
    compare(tap, again, "plain", "later", "a container older than the sensor")
    tap.case(again.stop() == 0, "and it ends well")


def main():
    tap = Tap()
    if os.geteuid():
        return tap.skip_all("kernel programs need root")
    if not shutil.which("podman") or not shutil.which("busybox"):
        return tap.skip_all("podman and busybox are not installed (./dev setup)")
    with contextlib.ExitStack() as at_exit:
        stage = types.SimpleNamespace(tmp=tempfile.mkdtemp(prefix="lzpodman."), at_exit=at_exit)
        at_exit.callback(shutil.rmtree, stage.tmp, ignore_errors=True)
        image_tar(f"{stage.tmp}/image.tar")
        try:
            podman("import", f"{stage.tmp}/image.tar", IMAGE)
            at_exit.callback(subprocess.run, ["podman", "rmi", "-f", IMAGE], capture_output=True, check=False)
            at_exit.callback(lambda: [subprocess.run(["podman", "rm", "-f", "-t", "0", f"{MARK}-{name}"], capture_output=True, check=False)
                                      for name in ("probe", "plain", "mighty")])
            container(stage, "probe")
        except Trouble as why:
            return tap.skip_all(f"Podman starts no container here: {why}")
        try:
            play(tap, stage)
        except (Trouble, OSError, subprocess.SubprocessError, KeyError, ValueError) as why:
            tap.case(False, f"the test itself: {type(why).__name__} {why}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
