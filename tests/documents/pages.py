# SPDX-License-Identifier: BSL-1.0
"""The C++ blocks of the site's pages, which stand for themselves:

    ```cpp         statements: of a coroutine if they await something, else of a function
    ```cpp file    what stands outside of functions, or a whole program with a `main`
    ```output      what the block in front of it prints

The blocks of one page share a namespace, so that one may use what another one before it defines.
Another word behind `cpp` is the name of a file, which tests of its own compile.
"""
import re
import sys

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
INCLUDE = re.compile(r"^#include .*$", re.M)


class block:
    """A piece of C++ of a page, with what it prints, or None."""

    def __init__(self, name, number, is_file, code):
        self.name, self.number, self.is_file, self.code = name, number, is_file, code
        self.output = None

    @property
    def function(self):
        return f"block_{self.number}"

    @property
    def is_program(self):
        return self.is_file and "int main()" in self.code

    @property
    def is_coroutine(self):
        return bool(re.search(r"\bco_(?:await|return)\b|\bBOOST_OUTCOME_CO_TRY", self.code))


def blocks(file, docs):
    """Those of one page."""
    name = re.sub(r"\W", "_", file.relative_to(docs).as_posix().removesuffix(".md"))
    found = []
    for fence in FENCE.finditer(file.read_text(encoding="utf-8")):
        language, _, rest = fence[1].partition(" ")
        if language == "cpp" and rest in ("", "file"):
            found.append(block(name, len(found), rest == "file", fence[2]))
        elif language == "output":
            found[-1].output = fence[2]
    return found


def listed(docs):
    """All pages of the menu and of the error codes."""
    sys.path.insert(0, str(docs / "site"))
    from contents import CONTENTS
    pages = [docs / page for _, section in CONTENTS for page in section
             if page != "architecture.md"]
    return [*pages, *sorted((docs / "errors").glob("*.md"))]
