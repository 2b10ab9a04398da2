# SPDX-License-Identifier: BSL-1.0
"""Fails where the site of docs/ can not be built, or where something on it is wrong: what that is
docs/site/build.py says.

usage: check_site.py DOXYGEN ROOT              builds the site of ROOT, and drops it
       check_site.py DOXYGEN ROOT --self-test  shows that what is wrong is found
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def build(doxygen, root, output):
    made = subprocess.run([sys.executable, str(root / "docs/site/build.py"), str(output),
                           "--doxygen", doxygen], text=True, stdout=subprocess.PIPE, check=False)
    pages = [file.read_text(encoding="utf-8") for file in output.rglob("*.html")]
    outside = {address for page in pages
               for address in re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(\w+:[^\"]*)",
                                         page) if address != "data:,"}
    wrong = made.stdout.splitlines() + [f"a page asks for {a}" for a in sorted(outside)]
    if not pages or (made.returncode != 0 and not wrong):
        wrong.append("no site was made")
    return wrong


def append(file, text):
    with file.open("a", encoding="utf-8") as to:
        to.write(text)


def self_test(doxygen, root, folder):
    """Builds a copy with a mistake of each kind."""
    for name in ("docs", "include"):
        shutil.copytree(root / name, folder / name)
    for name in ("src", "tests", "bench", "examples"):
        (folder / name).symlink_to(root / name)
    append(folder / "docs/index.md", "\n[Nowhere](nowhere.md), [no part](recipes.md#no-part), "
                                     "`volume::no_such_call`, `no_such_name`\n")
    append(folder / "docs/behaviours.md", "\n- M99. Nothing holds this.\n")
    append(folder / "docs/site/held_by.txt", "M1  api/read_test.cpp: no such test\n")
    (folder / "docs/stray.md").write_text("# Stray\n", encoding="utf-8")
    (folder / "docs/errors/busy.md").unlink()
    found = build(doxygen, folder, folder / "site")
    expected = ["leads nowhere: nowhere.html", "leads nowhere: recipes.html#no-part",
                "nobody has declared `volume::no_such_call`", "nobody has declared `no_such_name`",
                "no test holds M99", "has no \"no such test\"", "docs/stray.md: is in no menu",
                "docs/errors/busy.md: is not there"]
    return [f"not found: {e}" for e in expected if not any(e in line for line in found)]


def main(doxygen, root, *rest):
    root = pathlib.Path(root).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if rest == ("--self-test",):
            wrong = self_test(doxygen, root, folder)
        else:
            wrong = build(doxygen, root, folder)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
