# SPDX-License-Identifier: BSL-1.0
"""Fails unless a document shows what a program prints and leaves.

usage: check_output.py DOCUMENT PROGRAM [--write]   --write puts what it prints into the document

It looks at the blocks that begin with "```text NAME", with the name of the program: what the program
prints on a terminal, and with "```text NAME FILE": what it leaves in a file, beside which it runs.
What differs between runs and machines is taken for the same: times, and the versions of frameworks.
"""
import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile

# How the document shows what depends on where it was built.
SHOWN = [
    (r"\x1b\[[0-9;]*[A-Za-z]|\r", ""),
    (r"[^\s:]*/([a-z_]+_test\.cpp|coramfs/testing/\w+\.hpp):", r"\1:"),
    (r"Running main\(\) from \S+", "Running main() from gtest_main.cc"),
]
# What is taken for the same.
SAME = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", "TIME"),
    (r"\(\d+ ms( total)?\)", r"(0 ms\1)"),
    (r"(Catch v2\.13)\.\d+", r"\1"),
    (r"(\.hpp):\d+", r"\1"),
]


def replaced(pairs, text):
    for pattern, replacement in pairs:
        text = re.sub(pattern, replacement, text)
    return text


def in_one_form(text):
    return "".join(line.rstrip() + "\n" for line in replaced(SHOWN, text).strip().splitlines())


def printed(program, folder):
    """What it prints on a terminal, where it runs in a folder."""
    ours, its = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "CORAMFS_TEST_OUTPUT"}
    with subprocess.Popen([program], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=its, stderr=its):
        os.close(its)
        text = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how Linux tells that the other end is closed
                piece = b""
            if not piece:
                os.close(ours)
                return text.decode()
            text += piece


def main(document, program, write=""):
    document, program = pathlib.Path(document), pathlib.Path(program).resolve()
    block = re.compile(rf"^(```text {program.name}(?: ([^\n]*))?\n)(.*?)^```$", re.M | re.S)
    text = document.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        output = printed(program, folder)

        def actual(file):
            if file is None:
                return in_one_form(output)
            return in_one_form((pathlib.Path(folder) / file).read_text(encoding="utf-8"))

        if write:
            text = block.sub(lambda b: b[1] + actual(b[2]) + "```", text)
            document.write_text(text, encoding="utf-8")
        wrong = [b for b in block.finditer(text) if replaced(SAME, b[3]) != replaced(SAME, actual(b[2]))]
        for one in wrong:
            print(f"{document}: {one[1].strip('`').strip()} shows\n{one[3]}and not\n{actual(one[2])}",
                  file=sys.stderr)
    if not block.search(text):
        print(f"{document}: has no output of {program.name}", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
