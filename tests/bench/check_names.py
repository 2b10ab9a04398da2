# SPDX-License-Identifier: BSL-1.0
"""Fails on a goal whose figure or baseline no program has. Of a list of baselines those may be
missing that a program was built without: then it has no case of theirs at all.

usage: check_names.py DIRECTORY-OF-THE-REPORT GOALS.json NAME=PROGRAM...
"""
import re
import subprocess
import sys


def cases(program):
    listed = subprocess.run([program, "--benchmark_list_tests"], check=True, text=True,
                            capture_output=True).stdout
    return {re.sub(r"(/(iterations:\d+|repeats:\d+|manual_time))+$", "", line)
            for line in listed.split()}


def missing(goal, known):
    """The names that are wrong."""
    who = {name.partition("/")[2] for name in known}
    names = goals.baselines(goal)
    optional = len(names) > 1 and any(name in known for name in names)
    wrong = [name for name in names if name not in known and
             not (optional and name.partition("/")[2] not in who)]
    return wrong + [goal["figure"]] * (goal["figure"] not in known)


def main(goals_file, *programs):
    known = {name: cases(path) for name, path in (p.split("=", 1) for p in programs)}
    wrong = 0
    for goal in goals.read(goals_file):
        # Where there is none, it can not be built here.
        for name in missing(goal, known[goal["program"]]) if goal["program"] in known else []:
            print(f"{goal['title']}: {goal['program']} has no case {name}")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.path.insert(0, sys.argv.pop(1))
    import goals
    sys.exit(main(*sys.argv[1:]))
