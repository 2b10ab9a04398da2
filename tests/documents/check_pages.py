# SPDX-License-Identifier: BSL-1.0
"""Fails where a block of a page prints something else than the page shows.

usage: check_pages.py DOCS PROGRAM              PROGRAM is made by extract_pages.py
       check_pages.py DOCS PROGRAM --self-test  shows that it can fail
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import pages


def shown(docs):
    """What the pages say that their blocks print, by the page and the number of the block."""
    return {(block.name, str(block.number)): block.output for page in pages.listed(docs)
            for block in pages.blocks(page, docs) if block.output is not None}


def differences(expected, ended):
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
    return wrong or ([] if expected else ["no page shows what a block prints"])


def main(docs, program, *rest):
    expected = shown(pathlib.Path(docs))
    with tempfile.TemporaryDirectory() as folder:  # for what a block writes to the disk
        ended = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False,
                               env={**os.environ, "TMPDIR": folder})
    wrong = differences(expected, ended)
    if rest == ("--self-test",):
        first = next(iter(expected))
        other = {**expected, first: "something else\n", ("no_page", "0"): "text\n"}
        found = differences(other, ended)
        wrong += [] if len(found) == 2 and not differences(expected, ended) else found
        ended.returncode = 1
        wrong += [] if len(differences(expected, ended)) == 1 else ["a failure was not found"]
    print("\n".join(wrong) or f"{len(expected)} blocks print what the pages show")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
