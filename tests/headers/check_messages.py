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

# Asio's habit, which takes a result for two values, and how it is written here.
HABIT = """#include <coramfs/file_system.hpp>
#if CORAMFS_ASIO_VERSION >= 102400
#include <asio/as_tuple.hpp>
using asio::as_tuple;
#else
#include <asio/experimental/as_tuple.hpp>
using asio::experimental::as_tuple;
#endif
asio::awaitable<void> use(coramfs::file_system fs) {
  auto [%s] = co_await fs.open("/a", coramfs::open_mode::read%s);
  static_cast<void>(%s);
}
"""
AS_TUPLE = ", as_tuple(asio::use_awaitable)"

# A program, and what the messages say; None: there is no error.
PROGRAMS = [
    (HABIT % ("ec, f", AS_TUPLE, "ec"), r"coramfs::result<coramfs::file> ?>\W* decomposes into 1"),
    (HABIT % ("r", AS_TUPLE, "r"), None),
    (HABIT % ("ec, f", "", "f"), None),
]


def messages(command, text):
    with tempfile.TemporaryDirectory() as name:
        source = pathlib.Path(name) / "user.cpp"
        source.write_text(text, encoding="utf-8")
        ended = subprocess.run([*command, "-fsyntax-only", source], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, check=False)
    return None if ended.returncode == 0 else ended.stdout


def first_error(command, header, arguments):
    said = messages([*command, *arguments], f"#include <{header}>\n")
    found = re.search(r"error: (.*)", said or "")
    return found[1] if found else said


def main(include, which, *command):
    status = 0
    macros = "BOOST_ASIO_" if "-DCORAMFS_BOOST_ASIO" in command else "ASIO_"
    for header, arguments, expected in CASES:
        arguments = [argument.replace("ASIO_", macros) for argument in arguments]
        if which != "all" and which not in (expected or ""):
            continue
        # Without the file that the build made: what that has to say is tested elsewhere.
        found = first_error([*command, "-I", include], header, arguments)
        if found != expected and not (expected and found and expected in found):
            print(f"{header} {arguments}: expected {expected!r}, found {found!r}", file=sys.stderr)
            status = 1
    # A program is written with the names of the standalone Asio.
    for text, expected in PROGRAMS if which == "all" and macros == "ASIO_" else []:
        said = messages([*command, "-I", include], text)
        if (said is None) != (expected is None) or (said and not re.search(expected, said)):
            print(f"{text}: expected {expected!r}, found {said!r}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
