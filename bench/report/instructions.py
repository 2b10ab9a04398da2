# SPDX-License-Identifier: BSL-1.0
"""Counts of instructions: what callgrind wrote, and how it differs from a reference."""
import json
import pathlib
import re

TIMES = 1000  # that bench_instructions runs each operation
NAME = re.compile(r"^desc: Trigger: Client Request: (.+)$", re.M)
TOTAL = re.compile(r"^summary: (\d+)", re.M)


def read_callgrind(directory):
    """{operation: instructions} from the files of one run; what is no operation's is skipped."""
    counts = {}
    for path in pathlib.Path(directory).glob("callgrind.out*"):
        text = path.read_text(encoding="utf-8", errors="replace")
        name, total = NAME.search(text), TOTAL.search(text)
        if name and total:
            counts[name[1]] = round(int(total[1]) / TIMES)
    return counts


def read_reference(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_reference(path, counts, compiler):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"compiler": compiler, "instructions": dict(sorted(counts.items()))}, file,
                  indent=2)
        file.write("\n")


def compare(reference, counts, tolerance):
    """(lines, grown): each operation with its change, and whether one grew by more than
    `tolerance` (0.1: a tenth) or is no longer counted."""
    lines, grown = [], False
    for name in sorted(set(reference) | set(counts)):
        before, now = reference.get(name), counts.get(name)
        if now is None:
            lines.append(f"{name:36} {before:8}        -   gone")
            grown = True
        elif before is None:
            lines.append(f"{name:36}        - {now:8}   new")
        else:
            too_much = now > before * (1 + tolerance)
            mark = "   grown" if too_much else ""
            lines.append(f"{name:36} {before:8} {now:8} {now / before - 1:+8.1%}{mark}")
            grown = grown or too_much
    return lines, grown
