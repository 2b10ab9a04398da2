#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Builds the site: build.py OUTPUT [--doxygen DOXYGEN]

Pages are Markdown below docs/, the reference is from the headers, the sources that pages and lines
of behaviours.md lead to are copied as pages. What is wrong is printed, and the status is 1: a link
that leads nowhere, a name in code font that nobody has declared, an error code without a page, a
line that no test holds. Nothing is taken from a network, and no page asks for anything from one.
"""
import argparse
import html
import json
import pathlib
import posixpath
import re
import shutil
import sys

import behaviours
import errors
import highlight
import markdown
import names
import performance
import reference
from contents import CONTENTS
from page import page, source_page

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIED = [("docs/site/style.css", "style.css"), ("docs/site/search.js", "search.js")]


class site:
    def __init__(self, doxygen):
        self.root = ROOT
        self.reference = reference.reference(doxygen, ROOT)
        self.documents = behaviours.documents_of(ROOT)
        self.held = behaviours.held_lines(ROOT, self.documents)
        self.names = names.known_names(self.reference, ROOT)
        self.codes = [e.name for e in self.reference.everything()
                      if e.kind == "enumerator" and e.owner == "coramfs::errc"]
        self.wrong = list(self.held.wrong)
        self.made, self.anchors, self.links = {}, {}, []
        self.sources, self.assets, self.index = {}, {}, []
        self.titles = {}

    def build(self, output):
        listed = [doc for _, docs in CONTENTS for doc in docs]
        error_pages = [f"errors/{code}.md" for code in self.codes]
        for doc in [*listed, *error_pages]:
            if not (ROOT / "docs" / doc).is_file():
                self.wrong.append(f"docs/{doc}: is not there")
        there = [d for d in [*listed, *error_pages] if (ROOT / "docs" / d).is_file()]
        for extra in sorted((ROOT / "docs").rglob("*.md")):
            name = extra.relative_to(ROOT / "docs").as_posix()
            if name not in there:
                self.wrong.append(f"docs/{name}: is in no menu (docs/site/contents.py)")
        for doc in there:
            text = (ROOT / "docs" / doc).read_text(encoding="utf-8")
            self.titles[doc] = markdown.plain(re.search(r"^# (.*)$", text, re.M)[1])
        for doc in there:
            self._document(doc)
        for header in sorted(self.reference.headers):
            p = page(self, reference.page_of(header), header)
            p.scopes = [e.qualified.removeprefix("coramfs::")
                        for e in self.reference.headers[header]
                        if isinstance(e, reference.compound)]
            body = "\n".join(reference.header_page(self.reference, header, p))
            self._add(p, f"coramfs/{header.removeprefix('coramfs/')}", body)
        for file in sorted(self.sources):
            self._source(file)
        self._check_links()
        self._write(output)

    def _document(self, doc):
        text = (ROOT / "docs" / doc).read_text(encoding="utf-8")
        p = page(self, doc.removesuffix(".md") + ".html", doc)
        p.code_words = set(names.WORD.findall("\n".join(
            self.documents.FENCED.findall(text) + re.findall(r"^    .*$", text, re.M))))
        body = markdown.blocks(text.splitlines(), p)
        if doc == "reference.md":
            body += "\n" + self._reference_index(p)
        elif doc == "errors.md":
            body += "\n" + errors.index(self, p)
        elif doc == "performance.md":
            body += "\n" + performance.page(ROOT, p)
        elif doc.startswith("errors/"):
            body += "\n" + errors.calls(self, doc[7:-3], p)
        self._add(p, self.titles[doc], body)

    def _reference_index(self, p):
        made = []
        for header in sorted(self.reference.headers):
            found = self.reference.headers[header]
            first = {e.qualified: e for e in reversed(found)}
            links = ", ".join(
                f"<a href=\"{p.to(self.reference.url(first[name]))}\">"
                f"<code>{name.removeprefix('coramfs::')}</code></a>"
                for name in dict.fromkeys(e.qualified for e in found))
            made.append(f"<dt><a href=\"{p.to(reference.page_of(header))}\">{header}</a></dt>"
                        f"<dd>{links}</dd>")
        return f"<dl class=\"values\">{''.join(made)}</dl>"

    def _source(self, file):
        p = page(self, source_page(file), file)
        text = (ROOT / file).read_text(encoding="utf-8")
        language = pathlib.PurePath(file).suffix[1:] or "run"
        lines = highlight.text(text, language).split("\n")[:-1]
        rows = "".join(f"<span class=\"line\" id=\"L{n}\"><a class=\"at\" href=\"#L{n}\" "
                       f"tabindex=\"-1\">{n}</a>{line}\n</span>"
                       for n, line in enumerate(lines, 1))
        p.ids.update(f"L{n}" for n in range(1, len(lines) + 1))
        self._add(p, file, f"<h1>{html.escape(file)}</h1>"
                           f"<pre class=\"source\" tabindex=\"0\"><code>{rows}</code></pre>")

    def _add(self, p, title, body):
        if "<h1" not in body:
            body = f"<h1>{html.escape(title)}</h1>\n{body}"
        self.made[p.url] = (title, body, p)
        self.anchors[p.url] = p.ids | set(re.findall(r" id=\"([^\"]+)\"", body))
        if not p.url.startswith("source/"):
            self.index.append([title, p.url, "page"])
            self.index += [[f"{text} ({title})", f"{p.url}#{anchor}", "heading"]
                           for level, anchor, text in p.headings if level > 1]

    def _check_links(self):
        for where, url, anchor in self.links:
            if url in self.assets or (url in self.made and
                                      (not anchor or anchor in self.anchors[url])):
                continue
            self.wrong.append(f"{where}: a link leads nowhere: {url}"
                              + (f"#{anchor}" if anchor else ""))

    def _write(self, output):
        for url, (title, body, p) in self.made.items():
            file = output / url
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._frame(url, title, body, p), encoding="utf-8")
        for origin, target in [*COPIED, *((o, t) for t, o in self.assets.items())]:
            (output / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / origin, output / target)
        entries = self.index + [
            [e.qualified.removeprefix("coramfs::"), self.reference.url(e), e.kind]
            for e in {e.qualified: e for e in self.reference.everything()}.values()]
        entries += [[i, f"behaviours.html#{i}", "behaviour"] for i in self.held.ids]
        (output / "search-index.js").write_text(
            "window.searchIndex = " + json.dumps(entries, separators=(",", ":")) + ";\n",
            encoding="utf-8")

    def _frame(self, url, title, body, p):
        to_root = posixpath.relpath(".", posixpath.dirname(url) or ".")
        to_root = "" if to_root == "." else to_root + "/"
        menu = []
        for section, docs in CONTENTS:
            items = []
            for doc in docs:
                if doc not in self.titles:
                    continue
                target = doc.removesuffix(".md") + ".html"
                here = target == url or (doc == "errors.md" and url.startswith("errors/")) or (
                    doc == "reference.md" and url.startswith("reference/"))
                current = " aria-current=\"page\"" if here else ""
                items.append(f"<li><a href=\"{to_root}{target}\"{current}>"
                             f"{html.escape(self.titles[doc])}</a></li>")
            menu.append(f"<h2>{section}</h2><ul>{''.join(items)}</ul>")
        on_page = ""
        parts = [(a, t) for level, a, t in p.headings if level == 2]
        if len(parts) > 2:
            links = "".join(f"<li><a href=\"#{a}\">{html.escape(t)}</a></li>" for a, t in parts)
            on_page = (f"<details class=\"parts\"><summary>On this page</summary><ul>{links}</ul>"
                       "</details>")
            body = body.replace("</h1>", "</h1>\n" + on_page, 1)
        name = title if title == "coramfs" else f"{title} - coramfs"
        return FRAME.format(title=html.escape(name), root=to_root, menu="".join(menu), body=body)


FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{root}style.css">
<script defer src="{root}search.js" data-root="{root}"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<a class="home" href="{root}index.html">coramfs</a>
<form class="search" role="search" hidden>
<input type="search" aria-label="Search" placeholder="Search" autocomplete="off" role="combobox"
 aria-expanded="false" aria-controls="found" aria-autocomplete="list">
<ul id="found" role="listbox" aria-label="Found" hidden></ul>
</form>
<a class="open-menu" href="#menu">Menu</a>
</header>
<nav id="menu" aria-label="Pages">
<a class="close-menu" href="#content">Close the menu</a>
{menu}
</nav>
<main id="content" tabindex="-1">
{body}
</main>
</body>
</html>
"""


def main(arguments):
    parser = argparse.ArgumentParser(description="Builds the site of docs/.")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--doxygen", default="doxygen")
    options = parser.parse_args(arguments)
    made = site(options.doxygen)
    made.build(options.output)
    print("".join(f"{line}\n" for line in dict.fromkeys(made.wrong)), end="")
    return 1 if made.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
