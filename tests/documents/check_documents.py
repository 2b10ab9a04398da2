# SPDX-License-Identifier: BSL-1.0
"""Fails on a document that names a file which does not exist.

usage: check_documents.py ROOT         looks at the *.md files in ROOT
       check_documents.py --self-test  shows that it can fail

A file is named by a path that starts with one of the folders below, wherever it stands; and in
`code` or as the target of a link also by anything that ends as a file of this project does.
"""
import pathlib
import re
import sys
import tempfile

FOLDER = r"(?:include|src|tests|examples|bench|subprojects|docs|\.ci)/"
ENDING = r"\.(?:hpp|cpp|md|py|wrap|build|pc\.in|cmake\.in)"

PATH_ANYWHERE = re.compile(rf"(?<![\w./<*-]){FOLDER}[\w./*+-]*")
CODE_OR_TARGET = re.compile(r"`([^`\n]+)`|\]\(([^)\s]+)\)")
NAME_IN_CODE = re.compile(rf"[\w./*+-]+{ENDING}|\.?[\w-]*meson_options\.txt")
INCLUDED = re.compile(r"#\s*include\s*<(coramfs/[^>]+)>")


def named_files(text):
    names = {name.rstrip(".") for name in PATH_ANYWHERE.findall(text)}
    names.update(INCLUDED.findall(text))
    for code, target in CODE_OR_TARGET.findall(text):
        for word in re.split(r"[\s,;:()<>\"]+", code):
            if NAME_IN_CODE.fullmatch(word):
                names.add(word)
        if target and not re.match(r"\w+:|#", target):
            names.add(target.split("#")[0])
    return sorted(name for name in names if not name.startswith("/"))


def exists(root, name):
    """Below the root, or where an include finds it, or, for a bare name, in any folder."""
    if any(True for base in [".", "include", "src"] for _ in (root / base).glob(name)):
        return True
    if "/" in name:
        return False
    return any(True for folder in ["include", "src", "tests", "examples", "bench", "subprojects"]
               for _ in (root / folder).rglob(name))


def check(root):
    root = pathlib.Path(root)
    wrong = []
    for document in sorted(root.glob("*.md")):
        for name in named_files(document.read_text(encoding="utf-8")):
            if not exists(root, name):
                wrong.append(f"{document.name}: names {name}, which does not exist")
    return wrong


# A document, and the names in it that must be missed; "src/core/here.hpp" exists.
SAMPLES = [
    ("See `src/core/here.hpp`, `core/here.hpp`, `here.hpp`, src/core/ and src/core/*.hpp.", []),
    ("Neither `/dl/a.cpp` nor http://example.org/src/gone.cpp is a file of ours.", []),
    ("See `src/core/gone.hpp`.", ["src/core/gone.hpp"]),
    ("See src/core/gone.cpp.", ["src/core/gone.cpp"]),
    ("Run\n\n    tests/gone --all\n", ["tests/gone"]),
    ("See `gone.hpp`.", ["gone.hpp"]),
    ("See [there](GONE.md#part).", ["GONE.md"]),
    ("```cpp\n#include <coramfs/gone.hpp>\n```", ["coramfs/gone.hpp"]),
]


def self_test():
    wrong = []
    for text, expected in SAMPLES:
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "src" / "core").mkdir(parents=True)
            (root / "src" / "core" / "here.hpp").touch()
            (root / "README.md").write_text(text, encoding="utf-8")
            found = check(root)
        if found != [f"README.md: names {gone}, which does not exist" for gone in expected]:
            wrong.append(f"{text!r}: expected {expected}, found {found}")
    return wrong


def main(argument):
    wrong = self_test() if argument == "--self-test" else check(argument)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
