# SPDX-License-Identifier: BSL-1.0
"""What bench/run does once the programs have run.

usage: report goals FIGURES GOALS.json                   prints the table of goals
       report page FIGURES GOALS.json PAGE.html [LINE]...  writes the report
       report chart FIGURES GOALS.json CHART.svg         draws the workloads
       report compare CALLGRIND REFERENCE.json           prints what changed; 1: something grew
       report update CALLGRIND REFERENCE.json COMPILER   makes a new reference

FIGURES has the programs' JSON, CALLGRIND what callgrind wrote.
"""
import pathlib
import re
import sys

import figures
import goals
import instructions
import page
import panels

TOLERANCE = 0.1


def judged(directory, goals_file):
    measured = figures.read_all(directory)
    return measured, [goals.judge(goal, measured) for goal in goals.read(goals_file)]


def print_goals(directory, goals_file):
    _, verdicts = judged(directory, goals_file)
    print(goals.table([v for v in verdicts if v.measured]))
    unmeasured = sorted({v.goal["figure"] for v in verdicts if not v.measured})
    if unmeasured:
        print("not measured: " + ", ".join(unmeasured))


def write_page(directory, goals_file, file, *about):
    measured, verdicts = judged(directory, goals_file)
    drawings = [re.sub(r"^.*?(?=<svg)", "", drawing, flags=re.S)
                for drawing in panels.all_charts(measured, verdicts)]
    pathlib.Path(file).write_text(page.compose(verdicts, drawings, about), encoding="utf-8")


def write_chart(directory, goals_file, file):
    measured, verdicts = judged(directory, goals_file)
    pathlib.Path(file).write_text(panels.workloads_chart(measured, verdicts), encoding="utf-8")


def print_comparison(directory, reference_file):
    reference = instructions.read_reference(reference_file)
    counts = instructions.read_callgrind(directory)
    lines, grown = instructions.compare(reference["instructions"], counts, TOLERANCE)
    print(f"instructions; the reference is by {reference['compiler']}")
    print("\n".join(lines))
    return 1 if grown else 0


def update(directory, reference_file, compiler):
    instructions.write_reference(reference_file, instructions.read_callgrind(directory), compiler)


COMMANDS = {"goals": print_goals, "page": write_page, "chart": write_chart,
            "compare": print_comparison, "update": update}


def main(arguments):
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        return 2
    return COMMANDS[arguments[0]](*arguments[1:]) or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
