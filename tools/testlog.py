#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""testlog.py BUILD...: counts what Meson's test logs say, one line at the end.

Unit tests (cmocka, told to speak TAP) and shell tests (TAP) count case by case; a test that says
nothing counts once. A program that dies without a failed case is one failure more. What was
skipped is named with its reason, so that nobody takes it for passed.
"""
import json
import os
import re
import sys

CASE = re.compile(r"^\s*(not ok|ok)\b *(\d*)[ -]*(.*)$")
PLAN_SKIP = re.compile(r"^1\.\.0\s*#\s*skip\S*\s*(.*)$", re.IGNORECASE)


def read(build):
    path = os.path.join(build, "meson-logs", "testlog.json")
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            yield json.loads(line)


def cases(test):
    """(passed, failed, [skipped], [failed names]) of one test program."""
    passed, skipped, failed = 0, [], []
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    for line in text.splitlines():
        plan = PLAN_SKIP.match(line)
        if plan:
            skipped.append(plan.group(1) or "no reason given")
            continue
        m = CASE.match(line)
        if not m:
            continue
        word, _, rest = m.groups()
        if re.search(r"# *skip", rest, re.IGNORECASE):
            skipped.append(re.sub(r"# *skip\w*:? *", "", rest, flags=re.IGNORECASE).strip())
        elif word == "ok":
            passed += 1
        else:
            failed.append(rest or "a case")
    result = test["result"]
    if result == "SKIP" and not skipped:
        skipped.append("the whole test")
    elif result in ("OK", "EXPECTEDFAIL") and not (passed or skipped or failed):
        passed = 1
    elif result in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS") and not failed:
        failed.append(f"{result.lower()}, exit {test.get('returncode')}")
    return passed, skipped, failed


def main():
    total = [0, 0, 0]
    for build in sys.argv[1:]:
        for test in read(build):
            passed, skipped, failed = cases(test)
            name = f"{build}: {test['name'].split(' / ')[-1]}"
            for what in failed:
                print(f"FAILED  {name}: {what}")
            for what in skipped:
                print(f"skipped {name}: {what}")
            total[0] += passed
            total[1] += len(failed)
            total[2] += len(skipped)
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


sys.exit(main())
