# SPDX-License-Identifier: BSL-1.0
"""Names in code font that nobody has declared.

What is looked at: a whole `name`, with or without `()`, and in longer code each name with `::` or
an underscore. It is known if it is public, if it stands in code of the same page, if it is of the
language, of the standard library, of Asio or of Boost by its prefix, or if
docs/site/other_names.txt has it. A page on how the library is made may use any name of its sources.
"""
import re

import highlight

NAME = re.compile(r"(?<![\w.$/-])[A-Za-z_]\w*(?:::~?[A-Za-z_]\w*)*(?:\(\))?(?![\w/-])")
WHOLE = re.compile(r"[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*(?:\(\))?")
FOREIGN = re.compile(r"(?:std|asio|boost|sqlite3|Catch|testing)::|BOOST_|ASIO_|CORAMFS_|SQLITE_|"
                     r"sqlite3_|GTEST_|DEBUGINFOD_|_test$")
WORD = re.compile(r"[A-Za-z_]\w*")


class known_names:
    def __init__(self, reference, root):
        self.reference = reference
        listed = (root / "docs/site/other_names.txt").read_text(encoding="utf-8")
        self.other = {word for line in listed.splitlines() if not line.startswith("#")
                      for word in line.split()}
        self.parts = {part for name in reference.by_suffix for part in name.split("::")}
        for entry in reference.everything():
            self.parts.update(WORD.findall(entry.node.findtext("argsstring") or ""))
        self.sources = set()
        for folder in ("src", "include", "tests", "bench", "examples"):
            for file in (root / folder).rglob("*"):
                if file.suffix in (".hpp", ".cpp", ".py", ".build") or file.name == "run":
                    self.sources.update(WORD.findall(file.read_text(encoding="utf-8")))

    def unknown(self, code, of_page, internal):
        """The names in a piece of code that nobody knows."""
        if re.search(r"[/\\]|\.(?:hpp|cpp|md|py|txt|zip|json|so)\b|^-|^\.|^[A-Z0-9_]+=", code):
            return []
        whole = bool(WHOLE.fullmatch(code))
        wrong = []
        for name in NAME.findall(re.sub(r"\"[^\"]*\"", "", code)):
            bare = name.removesuffix("()")
            if not whole and "_" not in bare and "::" not in bare:
                continue
            if not self._is_known(bare, of_page, internal):
                wrong.append(name)
        return wrong

    def _is_known(self, name, of_page, internal):
        if (FOREIGN.search(name) or name in self.other or name in highlight.KEYWORDS or
                name in of_page):
            return True
        if internal:
            return all(part in self.sources or part in of_page for part in name.split("::"))
        if "::" in name:
            return self.reference.find(name) is not None or name.split("::")[-1] in of_page
        return name in self.parts
