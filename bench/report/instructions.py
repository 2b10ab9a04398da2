# SPDX-License-Identifier: BSL-1.0
"""Counts of instructions, from what callgrind wrote."""
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
