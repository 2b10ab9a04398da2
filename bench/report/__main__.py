# SPDX-License-Identifier: BSL-1.0
"""What bench/run does once the programs have run.

usage: report goals FIGURES GOALS.json                   prints the table of goals
       report page FIGURES GOALS.json PAGE.html [LINE]...  writes the report
       report chart FIGURES GOALS.json CHART.svg         draws the workloads, or the peers
       report compare WHAT COUNTED REFERENCE.json        prints what changed; 1: something grew
       report update WHAT COUNTED REFERENCE.json COMPILER  makes a new reference
       report explain COUNTED                            prints who uses the shared lines

FIGURES has the programs' JSON. WHAT is "instructions", and COUNTED has what callgrind wrote; or
"shared_lines", and COUNTED has what bench_shared_lines and lackey wrote.
"""
import pathlib
import re
import sys

import figures
import goals
import instructions
import page
import panels
import references
import shared_lines

# What is counted: how it is read, and by which part it may grow.
COUNTS = {"instructions": (instructions.read_callgrind, 0.1),
          "shared_lines": (shared_lines.read_counts, 0)}


def judged(directory, goals_file):
    """Of the programs that ran."""
    measured = figures.read_all(directory)
    return measured, [goals.judge(goal, measured) for goal in goals.read(goals_file)
                      if goal["program"] in measured]


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
    draw = panels.peers_chart if "peers" in measured else panels.workloads_chart
    pathlib.Path(file).write_text(draw(measured, verdicts), encoding="utf-8")


def print_comparison(what, directory, reference_file):
    read, tolerance = COUNTS[what]
    compiler, reference = references.read(reference_file, what)
    lines, grown = references.compare(reference, read(directory), tolerance)
    print(f"{what.replace('_', ' ')}; the reference is by {compiler}")
    print("\n".join(lines))
    return 1 if grown else 0


def update(what, directory, reference_file, compiler):
    references.write(reference_file, what, COUNTS[what][0](directory), compiler)


def explain(directory):
    print(shared_lines.explain(directory))


COMMANDS = {"goals": print_goals, "page": write_page, "chart": write_chart,
            "compare": print_comparison, "update": update, "explain": explain}


def main(arguments):
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        return 2
    return COMMANDS[arguments[0]](*arguments[1:]) or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
