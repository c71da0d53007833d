#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demonstration of the watch, as `./dev demo watch` runs it: it ends well, shows its alerts, and leaves nothing behind."""
import os
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["LZ_SOURCE"], os.environ["LZ_BUILD"]
number = 0
failed = False


def case(good, name, said=""):
    global number, failed
    number += 1
    failed |= not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        print("\n".join("# " + line for line in said.splitlines()[-30:]))


def main():
    script = os.path.join(SOURCE, "demo", "watch.sh")
    with tempfile.TemporaryDirectory(prefix="lazaret-demo.") as folder:
        place = os.path.join(folder, "demo")
        argv = ["sh", script, os.path.join(BUILD, "lazaret"), place]
        if os.geteuid():
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
            case(done.returncode == 3 and "as root" in done.stderr, "not root: it says so", done.stderr)
            return
        done = subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False)
        said = done.stdout + done.stderr
        case(done.returncode == 0, "it ends with 0", said)
        for words in ("gathers credentials in shop", "is no part of its image", "talks to the network",
                      "(image demo/shop:1.0)", "All three were seen"):
            case(words in done.stdout, f"it shows: {words}", said)
        with open("/proc/self/mounts", encoding="utf-8") as f:
            case(place not in f.read(), "no mount is left behind")
        case(not os.path.exists(place), "no file is left behind")


main()
print(f"1..{number}")
sys.exit(failed)
