#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""demo_expected.py SOURCE: what a scan of the demonstration image must find, one line per finding:
`CVE package fixed-version kev|-`. Worked out from the tables and the advisories alone; dpkg itself
orders the versions."""
import glob
import json
import os
import re
import subprocess
import sys

source = sys.argv[1]
fixes = {}
for path in glob.glob(os.path.join(source, "data/starter/osv/debian/*.json")):
    with open(path, encoding="utf-8") as f:
        record = json.load(f)
    for a in record["affected"]:
        if a["package"]["ecosystem"] == "Debian:11":
            fixed = [e["fixed"] for r in a["ranges"] for e in r["events"] if "fixed" in e]
            fixes.setdefault(a["package"]["name"], []).append((record["aliases"][0], fixed[0]))
with open(os.path.join(source, "data/starter/kev/known_exploited_vulnerabilities.json"),
          encoding="utf-8") as f:
    kev = {row["cveID"] for row in json.load(f)["vulnerabilities"]}

lines = set()
for table in ("base", "tools", "shop"):
    with open(os.path.join(source, "demo", table + ".txt"), encoding="utf-8") as f:
        rows = [line.split() for line in f if not line.startswith("#")]
    for package, version, origin in rows:
        m = re.match(r"([^(]+)(?:\((.*)\))?$", package if origin == "-" else origin)
        for cve, fixed in fixes.get(m.group(1), []):
            older = subprocess.run(["dpkg", "--compare-versions", m.group(2) or version, "lt", fixed],
                                   check=False).returncode == 0
            if older:
                lines.add(f"{cve} {package} {fixed} {'kev' if cve in kev else '-'}")
print("\n".join(sorted(lines)))
