# SPDX-License-Identifier: BSL-1.0
"""Writes a program with all C++ blocks of the site's pages, and which files it is made of.

usage: extract_pages.py DOCS OUTPUT DEPFILE

The program runs each block that a page shows the output of, one after the other, each behind a line
with its page and number. A block that ends with an error ends the program.
"""
import pathlib
import sys

import pages

BEGIN = """\
#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
"""

COROUTINE = """
asio::awaitable<result<void>> {function}(
    [[maybe_unused]] asio::io_context& context, [[maybe_unused]] file_system fs,
    [[maybe_unused]] file f, [[maybe_unused]] asio::ip::tcp::socket socket,
    [[maybe_unused]] std::string data) {{
  {{
{code}  }}
  co_return success();
}}
"""

FUNCTION = """
result<void> {function}([[maybe_unused]] asio::io_context& context,
                        [[maybe_unused]] sync::file_system fs, [[maybe_unused]] sync::file f,
                        [[maybe_unused]] std::string data) {{
  {{
{code}  }}
  return success();
}}
"""

RUN = """
template <class Block>
void run_coroutine(Block block) {
  asio::io_context context;
  const auto fs = coramfs::file_system::create(context).value();
  asio::co_spawn(context, block(context, fs, coramfs::file(), asio::ip::tcp::socket(context), ""),
                 [](std::exception_ptr thrown, coramfs::result<void> ended) {
                   if (thrown) std::rethrow_exception(thrown);
                   ended.value();
                 });
  context.run();
}

template <class Block>
void run_function(Block block) {
  asio::io_context context;
  block(context, coramfs::sync::file_system::create().value(), coramfs::sync::file(), "").value();
}

int main() try {
"""

END = """\
  return 0;
} catch (const std::exception& e) {
  std::cout.flush();
  std::cerr << e.what() << '\\n';
  return 1;
}
"""


def main(docs, output, depfile):
    docs = pathlib.Path(docs)
    includes, spaces, calls = {}, [], []
    for page in pages.listed(docs):
        found = pages.blocks(page, docs)
        if not found:
            continue
        space = f"pages_{found[0].name}"
        spaces.append(f"\nnamespace {space} {{\nusing namespace coramfs;\n")
        for block in found:
            includes.update(dict.fromkeys(pages.INCLUDE.findall(block.code)))
            code = pages.INCLUDE.sub("", block.code)
            if block.is_file:
                spaces.append(f"\n{code}".replace("int main()", f"int {block.function}()"))
            else:
                shape = COROUTINE if block.is_coroutine else FUNCTION
                spaces.append(shape.format(function=block.function, code=code))
            if block.output is not None:
                call = f"{space}::{block.function}"
                run = (f"if ({call}() != 0) return 1;" if block.is_program else
                       f"run_coroutine({call});" if block.is_coroutine else
                       f"run_function({call});")
                calls.append(f"  std::cout << \"\\036{block.name} {block.number}\\n\";\n"
                             f"  std::cout.copyfmt(std::ios(nullptr));\n  {run}\n"
                             "  std::cout.flush();\n")
        spaces.append(f"\n}}  // namespace {space}\n")
    ours = sorted(i for i in includes if "<coramfs/" in i or "<sqlite3" in i)
    others = sorted(i for i in includes if i not in ours and i not in BEGIN)
    text = "\n".join([*ours, "", *others, BEGIN]) + "".join([*spaces, RUN, *calls, END])
    pathlib.Path(output).write_text(text, encoding="utf-8")
    made_of = [docs / "site/contents.py", docs / "errors", *pages.listed(docs)]
    pathlib.Path(depfile).write_text(f"{output}: {' '.join(str(f) for f in made_of)}\n",
                                     encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
