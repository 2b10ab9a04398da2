# SPDX-License-Identifier: BSL-1.0
"""Prints a file that a document shows: the one block that begins with "```cpp NAME".

usage: extract_file.py DOCUMENT NAME
"""
import re
import sys


def main(document, name):
    with open(document, encoding="utf-8") as opened:
        found = re.findall(rf"^```cpp {re.escape(name)}\n(.*?)^```$", opened.read(), re.M | re.S)
    if len(found) != 1:
        print(f"{document}: shows {name} {len(found)} times, and not once", file=sys.stderr)
        return 1
    print(found[0], end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
