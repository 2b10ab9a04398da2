# SPDX-License-Identifier: BSL-1.0
"""Which tests hold a line of docs/behaviours.md.

A test that names the line, in a comment or in a text that begins with it, is found by itself. For
all others docs/site/held_by.txt names the test; docs/site/not_held.txt has lines that no test
holds, each with a reason. What the two say of a test or a line that is not there is an error, and
so is a line that is in none of the three.
"""
import collections
import re
import sys

RANGE = re.compile(r"\b([A-Z]{1,2})(\d+) to \1(\d+)\b")
ENTRY = re.compile(r"^([A-Z]{1,2}\d+)  +(\S.*)$")
TEST = re.compile(r"^(?:\w*TEST_CASE\w*|TEST(?:_F)?|scenario)"
                  r"\((?:[\w:]+, *)?\"((?:[^\"\\]|\\.)*)\"(?:\s*\"((?:[^\"\\]|\\.)*)\")?", re.M)


def tests_of(text):
    """(where it begins, its name) of each test in a source."""
    return [(found.start(), found[1] + (found[2] or "")) for found in TEST.finditer(text)]


def around(text, at, tests):
    """The name of the test at a place, or of the one that a comment stands above."""
    rest = text[at:]
    below = re.match(r"[^\n]*\n(?:[ \t]*//[^\n]*\n)*", rest)
    start = at + (below.end() if below else 0)
    for begin, name in tests:
        if begin == start:
            return name
    before = [name for begin, name in tests if begin <= at]
    return before[-1] if before else ""


class held_lines:
    """What holds each line: `by[id]` is a list of (file, line, name of the test)."""

    def __init__(self, root, documents):
        self.root = root
        self.ids = documents.DEFINITION.findall(
            (root / documents.BEHAVIOURS).read_text(encoding="utf-8"))
        self.by = collections.defaultdict(list)
        self.reasons, self.wrong = {}, []
        for file, references in documents.sources(root):
            name = file.relative_to(root).as_posix()
            if name.startswith("tests/") and not name.startswith("tests/documents/"):
                self._named_in(file, name, references)
        self._listed("held_by.txt", self._hold)
        self._listed("not_held.txt", self._excuse)
        for i in self.ids:
            if not self.by[i] and i not in self.reasons:
                self.wrong.append(f"docs/behaviours.md: no test holds {i}, and "
                                  "docs/site/not_held.txt does not say why")

    def _named_in(self, file, name, references):
        text = file.read_text(encoding="utf-8")
        named = references(text)
        tests = tests_of(text)
        ranges = [(f"{letters}{n}", found.start()) for found in RANGE.finditer(text)
                  if f"{found[1]}{found[2]}" in named
                  for letters in [found[1]] for n in range(int(found[2]), int(found[3]) + 1)]
        places = [(i, found.start()) for i in named
                  for found in re.finditer(rf"(?<![\w\"']){i}(?![\w\"'])|\"{i}\. ", text)]
        for i, at in sorted({*places, *ranges}, key=lambda place: place[1]):
            entry = (name, text.count("\n", 0, at) + 1, around(text, at, tests))
            if i in self.ids and all((e[0], e[2]) != (entry[0], entry[2]) for e in self.by[i]):
                self.by[i].append(entry)

    def _listed(self, name, use):
        file = self.root / "docs/site" / name
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            found = ENTRY.match(line)
            if not found or found[1] not in self.ids:
                self.wrong.append(f"docs/site/{name}: not a line of docs/behaviours.md: {line}")
            else:
                use(found[1], found[2])

    def _hold(self, i, said):
        name, _, part = said.partition(": ")
        if name.startswith("- "):
            meant = [entry for entry in self.by[i] if entry[0] != f"tests/{name[2:]}"]
            if len(meant) == len(self.by[i]):
                self.wrong.append(f"docs/site/held_by.txt: tests/{name[2:]} does not name {i}")
            self.by[i] = meant
            return
        file = self.root / "tests" / name
        if not file.is_file():
            self.wrong.append(f"docs/site/held_by.txt: {i}: there is no tests/{name}")
            return
        text = file.read_text(encoding="utf-8")
        at, test = next(((at, test) for at, test in tests_of(text) if part in test),
                        (text.find(part), part))
        if at < 0:
            self.wrong.append(f"docs/site/held_by.txt: {i}: tests/{name} has no \"{part}\"")
        else:
            self.by[i].append((f"tests/{name}", text.count("\n", 0, at) + 1, test))

    def _excuse(self, i, reason):
        self.reasons[i] = reason


def documents_of(root):
    """What looks for the ids of lines in sources, which a test of the documents has."""
    sys.path.insert(0, str(root / "tests/documents"))
    import check_documents
    return check_documents
