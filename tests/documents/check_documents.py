# SPDX-License-Identifier: BSL-1.0
"""Fails on a document that names a file which does not exist, and on a reference to a behaviour
that docs/behaviours.md does not define.

usage: check_documents.py ROOT         looks at ROOT/*.md, ROOT/docs/, and the sources
       check_documents.py --self-test  shows that it can fail

A file is named by a path that starts with one of the folders below, wherever it stands; and in
`code` also by anything that ends as a file of this project does. The target of a link starts at the
folder of its document.

A behaviour is referred to by its id, such as C2 or AB1: in a document outside of `code`, in a
comment of a source, and by a string that begins with the id and a full stop.
"""
import pathlib
import re
import sys
import tempfile

FOLDER = r"(?:include|src|tests|examples|bench|subprojects|docs|\.ci)/"
ENDING = r"\.(?:hpp|cpp|md|py|wrap|build|pc\.in|cmake\.in)"

PATH_ANYWHERE = re.compile(rf"(?<![\w./<*-]){FOLDER}[\w./*+-]*")
CODE = re.compile(r"`([^`\n]+)`")
TARGET = re.compile(r"\]\(([^)\s]+)\)")
NAME_IN_CODE = re.compile(rf"[\w./*+-]+{ENDING}|\.?[\w-]*meson_options\.txt")
INCLUDED = re.compile(r"#\s*include\s*<(coramfs/[^>]+)>")

BEHAVIOURS = "docs/behaviours.md"
# What is next to these signs is something else: -O1, \xC3, %A9, U+A0, "C3", C3.5. MD5 and CP1258
# are no ids by their form. A word that is like an id and is none can not be told from one.
ID = r"(?:A[A-Z]|[A-Z])[1-9][0-9]?"
REFERENCE = re.compile(rf"(?<![\w+\-%\\/#.\"'<=])({ID})(?![\w+\-%/\"'>=(]|\.\d)")
DEFINITION = re.compile(rf"^- ({ID})\. ", re.M)
QUOTED = re.compile(rf"({ID})\. ")
FENCED = re.compile(r"^```.*?^```", re.M | re.S)

# What a comment may stand in, and comments themselves; whichever begins first.
IN_CPP = re.compile(
    r'R"(?P<end>[^(\s]*)\(.*?\)(?P=end)"|"(?P<string>(?:\\.|[^"\\\n])*)"|'
    r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'|//(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/", re.S)
IN_SCRIPT = re.compile(r"(?:^|(?<=\s))#(.*)", re.M)


def named_files(text):
    names = {name.rstrip(".") for name in PATH_ANYWHERE.findall(text)}
    names.update(INCLUDED.findall(text))
    for code in CODE.findall(text):
        for word in re.split(r"[\s,;:()<>\"]+", code):
            if NAME_IN_CODE.fullmatch(word):
                names.add(word)
    return {name for name in names if not name.startswith("/")}


def targets(text):
    """The files that links lead to, without the place in them."""
    return {target.split("#")[0] for target in TARGET.findall(text)
            if not re.match(r"\w+:", target)}


def exists(root, name):
    """Below the root, or where an include finds it, or, for a bare name, in any folder."""
    if any(True for base in [".", "include", "src"] for _ in (root / base).glob(name)):
        return True
    if "/" in name:
        return False
    return any(True for folder in ["include", "src", "tests", "examples", "bench", "subprojects"]
               for _ in (root / folder).rglob(name))


def references_in_document(text):
    return set(REFERENCE.findall(CODE.sub("", FENCED.sub("", text))))


def references_in_cpp(text):
    found = set()
    for part in IN_CPP.finditer(text):
        found.update(REFERENCE.findall(part["line"] or part["block"] or ""))
        if quoted := QUOTED.match(part["string"] or ""):
            found.add(quoted[1])
    return found


def references_in_script(text):
    return set(REFERENCE.findall("\n".join(IN_SCRIPT.findall(text))))


def sources(root):
    """Each source with the function that finds what it refers to."""
    kinds = {".hpp": references_in_cpp, ".cpp": references_in_cpp, ".in": references_in_cpp,
             ".py": references_in_script, ".build": references_in_script, "": references_in_script}
    for folder in ["include", "src", "tests"]:
        for file in sorted((root / folder).rglob("*")):
            if file.is_file() and file.suffix in kinds:
                yield file, kinds[file.suffix]


def text_of(file):
    return file.read_text(encoding="utf-8")


def check(root):
    root = pathlib.Path(root)
    behaviours = root / BEHAVIOURS
    ids = DEFINITION.findall(text_of(behaviours)) if behaviours.is_file() else []
    wrong = [f"{BEHAVIOURS}: defines {i} more than once" for i in sorted(set(ids))
             if ids.count(i) > 1]

    def say(file, missing):
        wrong.extend(f"{file.relative_to(root).as_posix()}: {m}" for m in sorted(missing))

    def undefined(references):
        return {f"refers to {r}, which {BEHAVIOURS} does not define" for r in references - set(ids)}

    for document in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        text = text_of(document)
        missing = {name for name in named_files(text) if not exists(root, name)}
        missing |= {name for name in targets(text) if not (document.parent / name).exists()}
        say(document, {f"names {name}, which does not exist" for name in missing})
        say(document, undefined(references_in_document(text)))
    for source, references in sources(root):
        say(source, undefined(references(text_of(source))))
    return wrong


# A document, and the names in it that must be missed; src/core/here.hpp and docs/HERE.md exist.
SAMPLES = [
    ("See `src/core/here.hpp`, `core/here.hpp`, `here.hpp`, src/core/ and src/core/*.hpp.", []),
    ("Neither `/dl/a.cpp` nor http://example.org/src/gone.cpp is a file of ours.", []),
    ("See `src/core/gone.hpp`.", ["src/core/gone.hpp"]),
    ("See src/core/gone.cpp.", ["src/core/gone.cpp"]),
    ("Run\n\n    tests/gone --all\n", ["tests/gone"]),
    ("See `gone.hpp`.", ["gone.hpp"]),
    ("See [there](GONE.md#part).", ["GONE.md"]),
    ("See [here](docs/HERE.md#part), [this part](#part) and [that](https://example.org/).", []),
    ("```cpp\n#include <coramfs/gone.hpp>\n```", ["coramfs/gone.hpp"]),
]

# The same of a document in docs/.
SAMPLES_IN_DOCS = [
    ("See [here](HERE.md), [up](../README.md), [code](../src/core/here.hpp) and docs/HERE.md.", []),
    ("See `src/core/gone.hpp`.", ["src/core/gone.hpp"]),
    ("See [there](GONE.md).", ["GONE.md"]),
    ("See [there](src/core/here.hpp), where it is not.", ["src/core/here.hpp"]),
]

# A file, and the ids in it that must be found undefined; C2 and AB1 are defined.
ID_SAMPLES = [
    ("src/a.hpp", "/// Both separators of C2 count (AB1).", []),
    ("src/a.hpp", "/// Both separators of C3 count (AB2).", ["AB2", "C3"]),
    ("include/coramfs/a.hpp", "/* As C3 says. */", ["C3"]),
    ("tests/a.cpp", "// AB1 to AB3: views of a file.", ["AB3"]),
    ("tests/a.cpp", "// C2. As AE1, and not as AE1.", ["AE1"]),
    ("tests/a.cpp", 'f("C2. A backslash", "C9. A slash");', ["C9"]),
    ("tests/a.cpp", 'f("Z12", "at C3", "// C3", \'"\', R"(" // C3)");  // C2', []),
    ("tests/a.cpp", "f(1'000);  // C3, and not 1'000", ["C3"]),
    ("tests/a.cpp", "template <class T1> T1 C3(T1);", []),
    ("tests/a.cpp", '// -O1, MD5, CP1258, 0xC3, \\xC3, %C3, U+C3, /C3/C4, C3.5, "C3", H264', []),
    ("tests/a.py", "# As C3 says.\nsample = 'C4'  # and C5", ["C3", "C5"]),
    ("tests/run", "# As C3 says.\ncompile -O1 C4 ${C4#C5}", ["C3"]),
    ("tests/a.patch", "As C3 says.", []),
    ("README.md", "C2, and C3, but not `C4`.\n```\nC5\n```\n", ["C3"]),
]


def found_in(files):
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return check(root)


def self_test():
    always = {"src/core/here.hpp": "", "docs/HERE.md": "", "README.md": "",
              BEHAVIOURS: "- C2. A backslash.\n- AB1. A pin, but see C2.\n"}
    cases = [({path: text}, [f"{path}: names {gone}, which does not exist" for gone in expected])
             for path, samples in [("README.md", SAMPLES), ("docs/IN.md", SAMPLES_IN_DOCS)]
             for text, expected in samples]
    cases += [({path: text}, [f"{path}: refers to {i}, which {BEHAVIOURS} does not define"
                              for i in expected])
              for path, text, expected in ID_SAMPLES]
    cases.append(({BEHAVIOURS: "- C2. A backslash.\n- C2. A slash.\n"},
                  [f"{BEHAVIOURS}: defines C2 more than once"]))
    wrong = []
    for files, expected in cases:
        found = found_in(always | files)
        if found != expected:
            wrong.append(f"{files}: expected {expected}, found {found}")
    return wrong


def main(argument):
    wrong = self_test() if argument == "--self-test" else check(argument)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
