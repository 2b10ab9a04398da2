# SPDX-License-Identifier: BSL-1.0
"""Fails where a block of a page prints something else than the page shows.

usage: check_pages.py DOCS PROGRAM    PROGRAM is made by extract_pages.py
"""
import pathlib
import subprocess
import sys

import pages


def main(docs, program):
    docs = pathlib.Path(docs)
    expected = {(block.name, str(block.number)): block.output for page in pages.listed(docs)
                for block in pages.blocks(page, docs) if block.output is not None}
    ended = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False)
    printed = {}
    for part in ended.stdout.split("\x1e")[1:]:
        title, _, output = part.partition("\n")
        printed[tuple(title.split(" "))] = output
    wrong = [f"{name}, block {number}: expected\n{output}but it prints\n"
             f"{printed.get((name, number), '(nothing: it was not run)')}"
             for (name, number), output in expected.items()
             if printed.get((name, number)) != output]
    if ended.returncode != 0:
        wrong.append(f"the program ended with {ended.returncode}")
    if not expected:
        wrong.append("no page shows what a block prints")
    print("\n".join(wrong) or f"{len(expected)} blocks print what the pages show")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
