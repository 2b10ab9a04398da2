# SPDX-License-Identifier: BSL-1.0
"""Prints a source file with the examples of headers: extract_examples.py INCLUDE HEADER...

An example is a block of lines that are indented by five blanks in a documenting comment. Each
becomes a function in which the names stand for what they say. A header without one is an error.
"""
import pathlib
import re
import sys

LINE = re.compile(r"^ *///     (.*)$")

BEGIN = """\
#include <asio/this_coro.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>
"""

COROUTINE = """
asio::awaitable<coramfs::result<void>> example_{number}(
    [[maybe_unused]] coramfs::file_system fs, [[maybe_unused]] coramfs::file f,
    [[maybe_unused]] asio::ip::tcp::socket socket, [[maybe_unused]] std::string data) {{
  {{
{code}
  }}
  co_return boost::outcome_v2::success();
}}
"""

FUNCTION = """
void example_{number}([[maybe_unused]] coramfs::volume volume,
                      [[maybe_unused]] coramfs::sync::file_system fs) {{
  {{
{code}
  }}
}}
"""


def examples(text):
    """The blocks of code in the comments of a header."""
    block = []
    for line in text.splitlines() + [""]:
        if found := LINE.match(line):
            block.append("    " + found[1])
        elif block:
            yield "\n".join(block)
            block = []


def main(include, headers):
    functions = []
    for header in headers:
        found = list(examples((pathlib.Path(include) / header).read_text(encoding="utf-8")))
        if not found:
            print(f"{header}: has no example", file=sys.stderr)
            return 1
        for code in found:
            is_coroutine = "co_await" in code or "co_return" in code or "asio::use_future" in code
            shape = COROUTINE if is_coroutine else FUNCTION
            functions.append(shape.format(number=len(functions), code=code))
    names = dict.fromkeys(["coramfs/file_system.hpp", "coramfs/sync/file_system.hpp", *headers])
    print("".join(f"#include <{name}>\n" for name in names))
    print(BEGIN + "".join(functions))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
