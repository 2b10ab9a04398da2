# SPDX-License-Identifier: BSL-1.0
"""Prints the program in a document, its one ```cpp block with a main: extract_program.py FILE."""
import re
import sys


def main(path):
    with open(path, encoding="utf-8") as document:
        blocks = re.findall(r"^```cpp\n(.*?)^```", document.read(), re.M | re.S)
    programs = [block for block in blocks if "int main(" in block]
    if len(programs) != 1:
        print(f"{path}: has {len(programs)} programs, not 1", file=sys.stderr)
        return 1
    print(programs[0], end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
