#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint.py RULE: the checks of `./dev lint` that read text. Exit 1 and one line per find."""
import os
import re
import subprocess
import sys


def tracked():
    out = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout
    return [p for p in out.split("\n") if p and os.path.isfile(p)]


def text(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def includes():
    """Arrows go downward: src/meson.build lists the rooms from the ground up."""
    rooms = re.findall(r"^subdir\('(\w+)'\)", text("src/meson.build"), re.M)
    rank = {room: i for i, room in enumerate(rooms)}
    for path in tracked():
        if not re.match(r"src/.*\.[ch]$", path):
            continue
        parts = path.split("/")
        here = parts[1] if len(parts) > 2 else None
        if here not in rank:
            yield f"{path}: its room is not in src/meson.build"
            continue
        for n, line in enumerate(text(path).splitlines(), 1):
            m = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not m or m.group(1) == "config.h" or m.group(1).endswith(".skel.h"):
                continue
            places = [os.path.normpath(os.path.join(os.path.dirname(path), m.group(1))),
                      os.path.normpath(os.path.join("src", m.group(1)))]
            found = [p for p in places if os.path.isfile(p)]
            if not found:
                yield f"{path}:{n}: {m.group(1)} is no file of the project"
                continue
            there = found[0].split("/")[1]
            if rank.get(there, len(rooms)) > rank[here]:
                yield f"{path}:{n}: {here} includes {found[0]}, which lies above it"


def spdx():
    """A licence line within the first lines of every file that can carry a comment."""
    kinds = re.compile(r"(\.(c|h|sh|py|bash|build|zsh|[1-9])|meson_options\.txt|^dev|^\.ci/run)$")
    for path in tracked():
        if kinds.search(path) and "corpus/" not in path:
            head = "\n".join(text(path).splitlines()[:3])
            if "SPDX-License-Identifier: " not in head:
                yield f"{path}: no SPDX-License-Identifier in its first three lines"


def hosts():
    """No registry's host name and no path of one machine; written apart to pass their own test."""
    names = ["crates" r"\.io", r"registry\." r"npmjs", r"npmjs\." r"(com|org)", r"pypi\." "org",
             r"pythonhosted\." "org", r"repo1?\." r"maven", r"maven\." "org", r"proxy\." "golang",
             r"\b(deb|ftp|security|snapshot|archive)\." r"debian\.org",
             r"(?<![\w.-])" r"/wo" r"rk(?![\w-])", r"/ho" r"me/[a-z]", r"(?<!/\d)/ro" r"ot/[a-z](?!tc/)"]
    bad = re.compile("|".join(names))
    for path in tracked():
        for n, line in enumerate(text(path).splitlines(), 1):
            m = bad.search(line)
            if m:
                yield f"{path}:{n}: {m.group(0)}"


def functions(path):
    """(name, first line, lines) by kernel layout: a body is from a lone { to a lone }."""
    start, name = 0, ""
    for n, line in enumerate(text(path).splitlines(), 1):
        if re.match(r"[A-Za-z].*\(", line):
            m = re.search(r"(\w+)\(", line)
            name = m.group(1) if m else name
        if line == "{":
            start = n
        elif line == "}" and start:
            yield name, start, n - start - 1
            start = 0


def lengths():
    """No function over 150 lines, no file over 1,000; tells the spread of the rest."""
    sizes = []
    for path in tracked():
        if not path.endswith(".c"):
            continue
        if path.startswith("src/") and len(text(path).splitlines()) > 1000:
            yield f"{path}: more than 1,000 lines; split it by idea"
        for name, line, size in functions(path):
            if path.startswith("src/"):
                sizes.append(size)
            if size > 150:
                yield f"{path}:{line}: {name} has {size} lines"
    sizes.sort()
    if sizes:
        lengths.summary = (f"{len(sizes)} functions, median {sizes[len(sizes) // 2]} lines, 95 % up to "
                           f"{sizes[len(sizes) * 95 // 100]}, longest {sizes[-1]}")


def packages():
    """Every package that is installed is explained."""
    why = text("docs/dependencies.md")
    for line in text("packages.txt").splitlines():
        if line and not line.startswith("#"):
            name, group, _ = line.split(None, 2)
            if group not in ("build", "run", "test", "check", "demo", "bench", "vm"):
                yield f"packages.txt: {name}: '{group}' is no group"
            if f"`{name}`" not in why:
                yield f"docs/dependencies.md does not explain `{name}`"


def strays():
    """Text only, and nothing large; seeds of fuzz targets and test data may be binary."""
    for path in tracked():
        size = os.path.getsize(path)
        if size > 300_000:
            yield f"{path}: {size} bytes; the tree holds sources, not data"
        with open(path, "rb") as f:
            if b"\0" in f.read() and not re.match(r"(fuzz/.*/corpus|tests/.*/data)/", path):
                yield f"{path}: is binary; made by mistake?"


def main():
    rules = {f.__name__: f for f in (includes, spdx, hosts, lengths, packages, strays)}
    rule = rules[sys.argv[1]]
    finds = list(rule())
    print("\n".join(finds) if finds else getattr(rule, "summary", ""))
    return 1 if finds else 0


sys.exit(main())
