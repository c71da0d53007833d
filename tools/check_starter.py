#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_starter.py DIR: is every starter advisory well-formed OSV, and the selection complete?

What the OSV schema requires, and what we promise on top: one file per advisory, named after it;
a short title; ranges that begin; a severity vector whose metrics are whole.
"""
import glob
import json
import os
import re
import sys

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
VECTOR = {
    "CVSS_V3": re.compile(r"^CVSS:3\.[01]/AV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]"
                          r"/C:[NLH]/I:[NLH]/A:[NLH]$"),
    "CVSS_V4": re.compile(r"^CVSS:4\.0/AV:[NALP]/AC:[LH]/AT:[NP]/PR:[NLH]/UI:[NPA]"
                          r"/VC:[HLN]/VI:[HLN]/VA:[HLN]/SC:[HLN]/SI:[HLN]/SA:[HLN](/E:[XAPU])?$"),
}
WANTED = {"Debian": 20, "Alpine": 10, "AlmaLinux": 5, "Rocky Linux": 1, "npm": 10, "PyPI": 10,
          "Maven": 10, "Go": 10}


def check_range(r):
    if r.get("type") not in ("ECOSYSTEM", "SEMVER"):
        yield f"range type {r.get('type')}"
    events = r.get("events", [])
    if not any("introduced" in e for e in events):
        yield "a range never begins"
    for e in events:
        if len(e) != 1 or not all(isinstance(v, str) and v for v in e.values()):
            yield f"event {e}"


def check(path, record):
    if os.path.basename(path) != record.get("id", "").replace(":", "_") + ".json":
        yield "is not named after its id"
    for key in ("modified", "published"):
        if key in record and not TIME.match(record[key]):
            yield f"{key} {record[key]}"
    if "modified" not in record:
        yield "no modified date"
    if not 8 <= len(record.get("summary", "")) <= 100:
        yield "the title has fewer than 8 or more than 100 letters"
    if "details" in record:
        yield "carries a description; facts only"
    for s in record.get("severity", []):
        if s["type"] not in VECTOR or not VECTOR[s["type"]].match(s["score"]):
            yield f"severity {s}"
    if not record.get("affected"):
        yield "affects nothing"
    for a in record.get("affected", []):
        if not a.get("package", {}).get("name") or not a["package"].get("ecosystem"):
            yield "a package without name or ecosystem"
        if not a.get("ranges") and not a.get("versions"):
            yield f"{a['package'].get('name')}: neither ranges nor versions"
        for r in a.get("ranges", []):
            yield from check_range(r)


def main():
    root, finds, ids, known, seen = sys.argv[1], [], {}, set(), {}
    for path in sorted(glob.glob(os.path.join(root, "osv", "*", "*.json"))):
        with open(path, encoding="utf-8") as f:
            record = json.load(f)
        finds += [f"{path}: {what}" for what in check(path, record)]
        if record["id"] in ids:
            finds.append(f"{path}: {record['id']} again, first in {ids[record['id']]}")
        ids[record["id"]] = path
        known.update([record["id"], *record.get("aliases", []), *record.get("related", [])])
        for eco in {a["package"]["ecosystem"].split(":")[0] for a in record["affected"]}:
            seen[eco] = seen.get(eco, 0) + 1
    for eco, least in WANTED.items():
        if seen.get(eco, 0) < least:
            finds.append(f"{root}: {seen.get(eco, 0)} advisories for {eco}, at least {least} wanted")
    kev_path = os.path.join(root, "kev", "known_exploited_vulnerabilities.json")
    with open(kev_path, encoding="utf-8") as f:
        kev = json.load(f)
    if kev["count"] != len(kev["vulnerabilities"]):
        finds.append(f"{kev_path}: count is wrong")
    finds += [f"{kev_path}: {row['cveID']} is in no advisory"
              for row in kev["vulnerabilities"] if row["cveID"] not in known]
    print("\n".join(finds) if finds else f"{len(ids)} advisories, {kev['count']} known exploited")
    return 1 if finds else 0


sys.exit(main())
