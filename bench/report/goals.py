# SPDX-License-Identifier: BSL-1.0
"""Compares figures with the goals in bench/goals.json.

A goal names a program and a figure of it, and either a baseline, which the figure is put in
proportion to, or a counter of the figure. `at_most` bounds figure / baseline, or the counter;
`faster_by` is what baseline / figure ought to reach.
"""
import dataclasses
import json


@dataclasses.dataclass
class Verdict:
    goal: dict
    figure: float | None  # nanoseconds, or the counter; None: it was not measured
    baseline: float | None
    ratio: float | None

    @property
    def wanted(self):
        return self.goal.get("faster_by", self.goal.get("at_most"))

    @property
    def measured(self):
        return self.ratio is not None

    @property
    def reached(self):
        if not self.measured:
            return False
        if "faster_by" in self.goal:
            return self.ratio >= self.wanted
        return self.ratio <= self.wanted

    @property
    def missed_by(self):
        """The factor that is missing. Of a goal of 0 it is what there is too much."""
        if "faster_by" in self.goal:
            return self.wanted / self.ratio
        return self.ratio / self.wanted if self.wanted else self.ratio


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def judge(goal, figures):
    """`figures`: {program: {name: Figure}}."""
    measured = figures.get(goal["program"], {})
    figure, baseline = measured.get(goal["figure"]), measured.get(goal.get("baseline"))
    if figure is None or ("baseline" in goal and baseline is None):
        return Verdict(goal, None, None, None)
    if "counter" in goal:
        value = figure.counters.get(goal["counter"])
        return Verdict(goal, value, None, value)
    mine, theirs = figure.nanoseconds, baseline.nanoseconds
    ratio = theirs / mine if "faster_by" in goal else mine / theirs
    return Verdict(goal, mine, theirs, ratio)


def time(nanoseconds):
    for unit, size in ("s", 1e9), ("ms", 1e6), ("us", 1e3):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def value(verdict, number):
    if number is None:
        return ""
    return f"{number:.3g}" if "counter" in verdict.goal else time(number)


def conclusion(verdict):
    if not verdict.measured:
        return "not measured"
    if verdict.reached:
        return "reached"
    return f"missed by {verdict.missed_by:.2f}" + ("x" if verdict.wanted else "")


def row(verdict):
    """What is shown of a goal, here and on the page."""
    goal = verdict.goal
    fast = "faster_by" in goal
    ratio = "" if not verdict.measured or "counter" in goal else f"{verdict.ratio:.2f}"
    return [goal["title"], goal["figure"], value(verdict, verdict.figure),
            goal.get("baseline", goal.get("counter", "")), value(verdict, verdict.baseline),
            f"1/{ratio}" if fast and ratio else ratio,
            f"1/{verdict.wanted:g}" if fast else f"{verdict.wanted:g}", conclusion(verdict)]


HEAD = ["what", "figure", "", "baseline", "", "ratio", "goal", ""]


def table(verdicts):
    """Text with aligned columns."""
    rows = [HEAD] + [row(v) for v in verdicts]
    widths = [max(len(r[column]) for r in rows) for column in range(len(HEAD))]
    lines = []
    for r in rows:
        cells = [cell.rjust(width) if column in (2, 4, 5, 6) else cell.ljust(width)
                 for column, (cell, width) in enumerate(zip(r, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
