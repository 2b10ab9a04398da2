# SPDX-License-Identifier: BSL-1.0
"""Fails on a source that clang-format would change: check_format.py CLANG_FORMAT ROOT.

Versions of clang-format differ in what they write, so this is for one of them: `VERSION`. With
another, it is skipped.
"""
import pathlib
import re
import subprocess
import sys

VERSION = 14
FOLDERS = ["include", "src", "tests", "examples", "bench"]
SKIPPED = 77  # what Meson takes for that


def main(clang_format, root):
    said = subprocess.run([clang_format, "--version"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    version = int(re.search(r"version (\d+)", said)[1])
    if version != VERSION:
        print(f"skipped: {said.strip()}, and not version {VERSION}")
        return SKIPPED
    files = sorted(file for folder in FOLDERS for file in (pathlib.Path(root) / folder).rglob("*.?pp"))
    if not files:
        print("there is nothing to look at", file=sys.stderr)
        return 1
    return subprocess.run([clang_format, "--dry-run", "-Werror", "--ferror-limit=1", *files],
                          check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
