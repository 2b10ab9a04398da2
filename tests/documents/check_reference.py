#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Fails on whatever Doxygen warns of: something public without documentation, or a reference that
leads nowhere.

usage: check_reference.py DOXYGEN ROOT              makes the reference of ROOT, and drops it
       check_reference.py DOXYGEN ROOT --self-test  shows that it can fail
"""
import pathlib
import subprocess
import sys
import tempfile

UNDOCUMENTED = "namespace coramfs {\n/// Is.\nstruct what {\n  int is_not;\n};\n}\n"


def warnings(doxygen, root, more=""):
    """All that Doxygen says about the project, with `more` settings behind the project's own."""
    with tempfile.TemporaryDirectory() as output:
        settings = (root / "docs/Doxyfile").read_text(encoding="utf-8")
        settings += f"\nOUTPUT_DIRECTORY = {output}\n{more}\n"
        made = subprocess.run([doxygen, "-"], input=settings, cwd=root, text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
        if not (pathlib.Path(output) / "html/index.html").is_file():
            return ["no reference was made"]
        return [line for line in made.stderr.splitlines() if line.strip()]


def self_test(doxygen, root):
    with tempfile.TemporaryDirectory() as folder:
        header = pathlib.Path(folder) / "what.hpp"
        header.write_text(UNDOCUMENTED, encoding="utf-8")
        found = warnings(doxygen, root, f"INPUT = {header}\nUSE_MDFILE_AS_MAINPAGE =")
    if not any("is_not" in line and "not documented" in line for line in found):
        print("an undocumented member was not found:", *found, sep="\n")
        return 1
    return 0


def main(doxygen, root, *rest):
    root = pathlib.Path(root)
    if rest == ("--self-test",):
        return self_test(doxygen, root)
    found = warnings(doxygen, root)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
