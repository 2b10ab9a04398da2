# SPDX-License-Identifier: BSL-1.0
"""Fails if the headers of the README's program are much more to compile than those of Asio that it
needs anyway.

usage: check_cost.py README COMPILER [ARGUMENT]...   with the arguments that the headers need

Counted are lines that are left after preprocessing, and not seconds, which differ from run to run.
A header that is taken in by mistake, such as the whole of Asio, Outcome or <regex>, is seen.
"""
import re
import subprocess
import sys

# What a program without us includes to open, read and write files in coroutines.
BARE = ["asio/any_io_executor.hpp", "asio/awaitable.hpp", "asio/use_awaitable.hpp",
        "asio/write.hpp"]
OWNERS = {
    "coramfs": re.compile(r"/coramfs/(?:detail/|sync/)?\w+\.hpp$"),
    "boost": re.compile(r"/boost/"),
}

# How many lines there may be for each line of that; and what is ours, and Boost's.
MOST_FOR_EACH, MOST_OF_OURS, MOST_OF_BOOST = 1.25, 2500, 6000


def lines(command, headers):
    """How many lines the headers are, by whose they are."""
    source = "".join(f"#include <{header}>\n" for header in headers)
    text = subprocess.run([*command, "-E", "-x", "c++", "-"], input=source, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    counts = {"coramfs": 0, "boost": 0, "all": 0}
    owner = None
    for line in text.splitlines():
        if marker := re.match(r'#(?:line)? \d+ "(.*?)"', line):
            owner = next((one for one in OWNERS if OWNERS[one].search(marker[1])), None)
        elif line.strip():
            counts["all"] += 1
            if owner:
                counts[owner] += 1
    return counts


def main(readme, *command):
    with open(readme, encoding="utf-8") as document:
        program = re.search(r"^```cpp\n(.*?int main\(.*?)^```", document.read(), re.M | re.S)[1]
    headers = re.findall(r"^#include <(.*)>$", program, re.M)
    with_us = lines(command, headers)
    without = lines(command, [h for h in headers if not h.startswith("coramfs/")] + BARE)
    ratio = with_us["all"] / without["all"]
    print(f"{without['all']} lines without, {with_us['all']} with, {ratio:.3f} for each; "
          f"{with_us['coramfs']} are ours, {with_us['boost']} are Boost's")
    good = (without["coramfs"] == 0 < with_us["coramfs"] <= MOST_OF_OURS and
            with_us["boost"] <= MOST_OF_BOOST and ratio <= MOST_FOR_EACH)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
