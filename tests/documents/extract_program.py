# SPDX-License-Identifier: BSL-1.0
"""Prints the program in a document, its one ```cpp block with a main.

usage: extract_program.py FILE [OLD NEW]   with NEW in the place of OLD, which must be there once
"""
import re
import sys


def main(path, old="", new=""):
    with open(path, encoding="utf-8") as document:
        blocks = re.findall(r"^```cpp\n(.*?)^```", document.read(), re.M | re.S)
    programs = [block for block in blocks if "int main(" in block]
    if len(programs) != 1:
        print(f"{path}: has {len(programs)} programs, not 1", file=sys.stderr)
        return 1
    program = programs[0]
    if old:
        if program.count(old) != 1:
            print(f"{path}: the program has {program.count(old)} times {old!r}", file=sys.stderr)
            return 1
        program = program.replace(old, new)
    print(program, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
