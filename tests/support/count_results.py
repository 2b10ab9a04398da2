# SPDX-License-Identifier: BSL-1.0
"""Counts what passed and what failed in logs of `meson test`: count_results.py testlog.json...

A program of Catch2's and one of Python's unittest count by their test cases, as their last lines
tell; any other test, and a program that ended without those lines, counts as one.
"""
import json
import re
import sys

ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)$", re.M)
SOME_FAILED = re.compile(r"^test cases: *\d+ \|(.*)$", re.M)
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in ", re.M)
UNITTEST_ENDED = re.compile(r"^(?:OK|FAILED) \((.*)\)$", re.M)


def unittest_cases(output):
    """(passed, failed) of a unittest program, or None. What was skipped is neither."""
    if not (ran := UNITTEST_RAN.search(output)):
        return None
    ended = UNITTEST_ENDED.search(output)
    counts = dict(re.findall(r"(failures|errors|skipped)=(\d+)", ended[1])) if ended else {}
    failed = int(counts.get("failures", 0)) + int(counts.get("errors", 0))
    return max(int(ran[1]) - failed - int(counts.get("skipped", 0)), 0), failed


def catch_cases(output):
    """(passed, failed) of a Catch2 program, or None."""
    if found := ALL_PASSED.search(output):
        return int(found[1]), 0
    if found := SOME_FAILED.search(output):
        counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed)(?! as)", found[1])}
        return counts.get("passed", 0), counts.get("failed", 0)
    return None


def count(test):
    if test["result"] == "SKIP":
        return 0, 0
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    passed, failed = (catch_cases(test.get("stdout", "")) or unittest_cases(test.get("stderr", ""))
                      or ((1, 0) if good else (0, 1)))
    # A sanitizer's finding, for instance, fails a program all of whose cases passed.
    return passed, failed if good else max(failed, 1)


def main(paths):
    passed = failed = 0
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                more = count(json.loads(line))
                passed, failed = passed + more[0], failed + more[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
