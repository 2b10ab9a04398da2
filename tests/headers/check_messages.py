# SPDX-License-Identifier: BSL-1.0
"""Compiles files as users may by mistake, and fails unless the first error says what is wrong.

usage: check_messages.py INCLUDE WHICH COMPILER [ARGUMENT]...
  with the arguments that the headers need; WHICH is a part of the messages to look for, or "all"
"""
import pathlib
import re
import subprocess
import sys
import tempfile

COROUTINES = "coramfs/file_system.hpp"
BLOCKING = "coramfs/sync/file_system.hpp"

# A header, arguments beside those that it needs, and the first error; None: there is none.
CASES = [
    (COROUTINES, ["-fno-exceptions"], "coramfs needs exceptions, as Asio does"),
    (BLOCKING, ["-fno-exceptions"], "coramfs needs exceptions, as Asio does"),
    (COROUTINES, ["-fno-rtti"], "coramfs: Asio's executors need RTTI"),
    (COROUTINES, ["-DASIO_DISABLE_CO_AWAIT", "-UASIO_HAS_CO_AWAIT"],
     "coramfs: Asio sees no coroutines; compile with the flags"),
    (COROUTINES, ["-std=c++17"], "coramfs needs C++20"),
    (BLOCKING, ["-std=c++17"], "coramfs needs C++20"),
    (BLOCKING, ["-fno-rtti"], None),
]


def first_error(command, header, arguments):
    with tempfile.TemporaryDirectory() as name:
        source = pathlib.Path(name) / "user.cpp"
        source.write_text(f"#include <{header}>\n", encoding="utf-8")
        ended = subprocess.run([*command, *arguments, "-fsyntax-only", source],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               check=False)
    if ended.returncode == 0:
        return None
    found = re.search(r"error: (.*)", ended.stdout)
    return found[1] if found else ended.stdout


def main(include, which, *command):
    status = 0
    for header, arguments, expected in CASES:
        if which != "all" and which not in (expected or ""):
            continue
        # Without the file that the build made: what that has to say is tested elsewhere.
        found = first_error([*command, "-I", include], header, arguments)
        if found != expected and not (expected and found and expected in found):
            print(f"{header} {arguments}: expected {expected!r}, found {found!r}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
