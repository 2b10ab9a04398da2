# SPDX-License-Identifier: BSL-1.0
"""Compares figures with the goals in bench/goals.json.

A goal names a program and a figure of it, and a baseline, which the figure is put in proportion
to, or a counter of the figure, or both, which compares the counters. `at_most` bounds
figure / baseline, or the counter; `faster_by` is what baseline / figure ought to reach. Of a list
of baselines the least counts, of those that were measured. A goal with `for` stands for one for
each choice of its words: {"x": ["a", "b"]} puts "a" and then "b" for "{x}".
"""
import dataclasses
import itertools
import json


@dataclasses.dataclass
class Verdict:
    goal: dict
    figure: float | None  # nanoseconds, or the counter; None: it was not measured
    baseline: float | None
    ratio: float | None
    beside: str = ""  # the baseline's name; of several the one that counts

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


def put_in(value, words):
    if isinstance(value, list):
        return [put_in(part, words) for part in value]
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace("{" + name + "}", word)
    return value


def expand(goal):
    """A goal for each choice of words."""
    goal = dict(goal)
    choices = goal.pop("for", {})
    return [{key: put_in(value, dict(zip(choices, words))) for key, value in goal.items()}
            for words in itertools.product(*choices.values())]


def read(path):
    with open(path, encoding="utf-8") as file:
        return [goal for written in json.load(file) for goal in expand(written)]


def baselines(goal):
    """The names of all."""
    names = goal.get("baseline", [])
    return names if isinstance(names, list) else [names]


def judge(goal, figures):
    """`figures`: {program: {name: Figure}}."""
    measured = figures.get(goal["program"], {})

    def length(name):
        if "counter" in goal:
            return measured[name].counters[goal["counter"]]
        return measured[name].nanoseconds

    figure = length(goal["figure"]) if goal["figure"] in measured else None
    theirs = {name: length(name) for name in baselines(goal) if name in measured}
    if figure is None or ("baseline" in goal and not theirs):
        return Verdict(goal, None, None, None)
    if "baseline" not in goal:
        return Verdict(goal, figure, None, figure)
    best = min(theirs, key=theirs.get)
    ratio = theirs[best] / figure if "faster_by" in goal else figure / theirs[best]
    return Verdict(goal, figure, theirs[best], ratio, best)


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
    ratio = f"{verdict.ratio:.2f}" if verdict.measured and "baseline" in goal else ""
    return [goal["title"], goal["figure"], value(verdict, verdict.figure),
            verdict.beside or goal.get("counter", ""), value(verdict, verdict.baseline),
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
