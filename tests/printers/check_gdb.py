# SPDX-License-Identifier: BSL-1.0
"""Fails if gdb does not print the library's types as people read them. Is skipped (77) where there
is no gdb with Python, or where it may not run a program.

usage: check_gdb.py PRINTERS PROGRAM GDB
"""
import re
import subprocess
import sys

SKIPPED = 77

EXPECTED = {
    "missing": r'not_found( file_size)? "/missing"',
    "plain": r"busy",
    "numbers": r"quota_exceeded \(requested 3, available 1\)",
    "foreign": r"67 of the category at 0x[0-9a-f]+",
    "seven": r"success = {value = 7}",
    "failed": r'failure = {error = not_found( file_size)? "/d"}',
    "done": r"success",
    "open": r'file "/a" \(write_read\) at 0',
    "closed": r'closed file "/b"',
}


def run(gdb, arguments):
    return subprocess.run([gdb, "-nx", "-q", "-batch", *arguments], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120).stdout


def main(printers, program, gdb):
    commands = ["set confirm off", "set breakpoint pending on", f"source {printers}", "break look_at_variables",
                "run", "up", *(f"print {name}" for name in EXPECTED)]
    output = run(gdb, [a for c in commands for a in ("-ex", c)] + [program])
    if "Breakpoint 1, " not in output:
        print("gdb can not run the program here:", output, sep="\n")
        return SKIPPED
    failures = 0
    for number, (name, expected) in enumerate(EXPECTED.items(), 1):
        found = re.search(rf"^\${number} = (.*)$", output, re.M)
        if not found or not re.fullmatch(expected, found[1]):
            print(f"{name} is printed as {found and found[1]}, and not as {expected}")
            failures += 1
    if failures:
        print(output)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
