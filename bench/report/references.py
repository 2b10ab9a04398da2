# SPDX-License-Identifier: BSL-1.0
"""Counts that are checked in, and how new ones differ from them."""
import json


def read(path, what):
    """(compiler, {operation: count}); `what` is counted."""
    with open(path, encoding="utf-8") as file:
        reference = json.load(file)
    return reference["compiler"], reference[what]


def write(path, what, counts, compiler):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"compiler": compiler, what: dict(sorted(counts.items()))}, file, indent=2)
        file.write("\n")


def change(before, now):
    """In percent where that says something, else by how much."""
    return f"{now / before - 1:+8.1%}" if before >= 100 else f"{now - before:+8}"


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
            lines.append(f"{name:36} {before:8} {now:8} {change(before, now)}{mark}")
            grown = grown or too_much
    return lines, grown
