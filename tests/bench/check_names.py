# SPDX-License-Identifier: BSL-1.0
"""Fails on a goal whose figure or baseline no program has.

usage: check_names.py GOALS.json NAME=PROGRAM...
"""
import json
import re
import subprocess
import sys


def cases(program):
    listed = subprocess.run([program, "--benchmark_list_tests"], check=True, text=True,
                            capture_output=True).stdout
    return {re.sub(r"(/(iterations:\d+|manual_time))+$", "", line) for line in listed.split()}


def main(goals_file, *programs):
    known = {name: cases(path) for name, path in (p.split("=", 1) for p in programs)}
    wrong = 0
    with open(goals_file, encoding="utf-8") as file:
        for goal in json.load(file):
            if goal["program"] not in known:
                continue  # it can not be built here
            for name in (goal["figure"], goal.get("baseline")):
                if name and name not in known[goal["program"]]:
                    print(f"{goal['title']}: {goal['program']} has no case {name}")
                    wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
