# SPDX-License-Identifier: BSL-1.0
"""Fails on a symbol that a shared library should not give out.

usage: check_symbols.py NM LIBRARY LIST MOST     MOST: how many there may be in all
       check_symbols.py --self-test              shows that each rule can fail

Of the namespace coramfs::detail there may be what public headers call from inline functions: LIST
has those names, without arguments, and must not have one more. Of the namespace coramfs all that is
public may be there. Inline functions of Asio are there, since a program must have their variables
once, and what users catch. Of all others there may be descriptions of types, which compilers put everywhere.
"""
import pathlib
import re
import subprocess
import sys

DESCRIPTION = re.compile(r"(?:typeinfo|typeinfo name|vtable|VTT) for ")
ASIO = re.compile(r"\basio::|\b(?:boost_)?asio_detail_")
# Boost.Asio's error codes and exceptions are Boost.System's.
BOOST_ASIO = re.compile(ASIO.pattern + r"|\bboost::system::|\bboost::wrapexcept<")
# What `error()` of a success throws, out of inline functions on both sides.
THROWN = "boost::outcome_v2::bad_result_access::"
# Variables that have to be one for the whole program, whoever names them.
UNIQUE = "u"


def bare(name):
    """The name without arguments, templates' and functions', and without what stands around it."""
    depth, kept = 0, ""
    for character in name:
        depth -= character in ")>"
        if depth == 0:
            kept += character if character not in "(<)>" else ""
        depth += character in "(<"
    return re.sub(r"\[abi:\w+\]| const$", "", kept).split(" ")[-1]


def check(symbols, listed, most):
    """What is wrong with the symbols, which are pairs of a type and a name."""
    wrong, details = [], set()
    asio = BOOST_ASIO if any("boost::asio::" in name for _, name in symbols) else ASIO
    for kind, name in symbols:
        begin = bare(name)
        if DESCRIPTION.match(name):
            if "boost::container" in name:
                wrong.append(f"gives out {name}")
        elif begin.startswith("coramfs::detail::"):
            details.add(begin)
        elif not begin.startswith(("coramfs::", THROWN)) and kind != UNIQUE and not asio.search(name):
            wrong.append(f"gives out {name}")
    wrong += [f"gives out {name}, which is not in the list" for name in sorted(details - listed)]
    wrong += [f"does not give out {name}, which is in the list" for name in sorted(listed - details)]
    if len(symbols) > most:
        wrong.append(f"gives out {len(symbols)} symbols, more than {most}")
    return wrong


def symbols_of(nm, library):
    lines = subprocess.run([nm, "-D", "-C", "--defined-only", library], stdout=subprocess.PIPE,
                           check=True, text=True).stdout.splitlines()
    found = [re.match(r"[0-9a-f]* +(\S) (.*)", line) for line in lines]
    # A type `A` is the name of a version.
    return [(one[1], one[2]) for one in found if one and one[1] != "A"]


SAMPLES = [
    ([("T", "coramfs::file::close()"), ("T", "coramfs::detail::lock::hold() const")], None),
    ([("W", "asio::detail::scheduler::run(std::error_code&)"), ("T", "coramfs::detail::lock::hold()"),
      ("W", "void asio::post<coramfs::detail::x>(int)"), ("V", "vtable for std::exception"),
      ("u", "std::_Sp_make_shared_tag::_S_ti()::__tag")], None),
    ([("W", "boost::asio::detail::scheduler::run()"), ("T", "coramfs::detail::lock::hold()"),
      ("W", "boost::wrapexcept<std::bad_alloc>::clone() const"),
      ("W", "boost::system::error_category::failed(int) const")], None),
    ([("T", "coramfs::detail::lock::hold()"),
      ("W", "boost::system::error_category::failed(int) const")], "gives out boost::system"),
    ([("T", "coramfs::detail::lock::hold()"), ("T", "coramfs::detail::other()")], "other, which is"),
    ([("T", "coramfs::file::close()")], "does not give out coramfs::detail::lock::hold"),
    ([("T", "coramfs::detail::lock::hold()"), ("W", "std::vector<int>::push_back(int)")],
     "gives out std::vector"),
    ([("T", "coramfs::detail::lock::hold()"),
      ("V", "typeinfo for boost::container::bad_alloc")], "gives out typeinfo for boost"),
    ([("T", "coramfs::detail::lock::hold()"), ("T", "main")], "gives out main"),
    ([("T", "coramfs::detail::lock::hold()")] * 7, "7 symbols, more than 6"),
]


def self_test():
    wrong = []
    for symbols, expected in SAMPLES:
        found = check(symbols, {"coramfs::detail::lock::hold"}, 6)
        good = not found if expected is None else len(found) == 1 and expected in found[0]
        if not good:
            wrong.append(f"{symbols}: expected {expected}, found {found}")
    return wrong


def main(arguments):
    if arguments == ["--self-test"]:
        wrong = self_test()
    else:
        nm, library, names, most = arguments
        listed = set(pathlib.Path(names).read_text(encoding="utf-8").split())
        symbols = symbols_of(nm, library)
        wrong = check(symbols, listed, int(most))
        print(f"{len(symbols)} symbols")
        if not symbols:
            wrong.append("gives out nothing")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
