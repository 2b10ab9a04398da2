# SPDX-License-Identifier: BSL-1.0
"""Makes headers that have names of the standalone Asio and give out Boost.Asio.

usage: make_names.py FOLDER NAME...   makes FOLDER/asio/NAME.hpp
"""
import pathlib
import sys

HEADER = """\
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/{name}.hpp>

namespace asio = boost::asio;
"""


def main(folder, *names):
    for name in names:
        file = pathlib.Path(folder) / "asio" / f"{name}.hpp"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEADER.format(name=name), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
