# SPDX-License-Identifier: BSL-1.0
"""One page while it is made: what Markdown and the reference ask for, and what is wrong on it."""
import html
import posixpath
import re

import highlight
import names

# Pages on how the library is made, which may name what is not public.
INTERNAL = {"architecture.md", "behaviours.md"}
LANGUAGES = {"cpp": "cpp", "console": "", "text": "", "output": "", "yaml": "yaml",
             "sh": "sh", "python": "py", "cmake": "sh", "": ""}


def source_page(file):
    return f"source/{file}.html"


class page:
    """Its address is `url`; `name` is that of its source, below docs/, or of a header."""

    def __init__(self, of, url, name):
        self.site, self.url, self.name = of, url, name
        self.headings, self.ids, self.code_words = [], set(), set()
        self.scopes = []  # the classes that the page is about

    def to(self, url):
        return posixpath.relpath(url, posixpath.dirname(self.url) or ".")

    def say(self, text):
        place = f"docs/{self.name}" if self.name.endswith(".md") else self.name
        self.site.wrong.append(f"{place}: {text}")

    def heading(self, level, made, text, anchor=None):
        anchor = anchor or re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        while anchor in self.ids and not anchor.startswith("coramfs"):
            anchor += "-2"
        self.ids.add(anchor)
        self.headings.append((level, anchor, text))
        if level == 1:
            return f"<h1 id=\"{anchor}\">{made}</h1>"
        return (f"<h{level} id=\"{anchor}\">{made} <a class=\"anchor\" href=\"#{anchor}\" "
                f"aria-label=\"Link to this part: {html.escape(text)}\">#</a></h{level}>")

    def block(self, info, code):
        language, *rest = info.split() or [""]
        if language not in LANGUAGES:
            self.say(f"a block of an unknown language: {language}")
        made = highlight.text(code, LANGUAGES.get(language, ""))
        kind = " class=\"output\"" if language == "output" else ""
        label = "<p class=\"label\">Output</p>" if language == "output" else ""
        if rest and rest[0] != "file":
            label = f"<p class=\"label\">{html.escape(' '.join(rest[-1:]))}</p>"
        return f"{label}<pre tabindex=\"0\"{kind}><code>{made}</code></pre>"

    def code(self, text, plain=False):
        made = f"<code>{html.escape(text, quote=False)}</code>"
        of = self.site
        if names.WHOLE.fullmatch(text):
            name = text.removesuffix("()")
            inner = (of.reference.find(f"{scope}::{name}") for scope in self.scopes)
            url = next((u for u in inner if u), None) or of.reference.find(name)
            if name in of.codes or name.removeprefix("errc::") in of.codes:
                url = f"errors/{name.removeprefix('errc::')}.html"
            if url and (self.scopes or url.partition("#")[0] != self.url):
                return self._anchor(url, made)
        if self.name.endswith(".md"):
            internal = self.name in INTERNAL
            for unknown in of.names.unknown(text, self.code_words, internal):
                self.say(f"nobody has declared `{unknown}`")
        return made

    def text(self, made):
        if not self.name.endswith(".md"):
            return made

        def linked(found):
            if found[1] not in self.site.held.ids:
                return found[0]
            return self._anchor(f"behaviours.html#{found[1]}", found[1])

        return self.site.documents.REFERENCE.sub(linked, made)

    def item(self, made, head):
        """An item of a list: a line of behaviours.md gets its place and its tests."""
        found = re.match(r"([A-Z]{1,2}\d+)\. ", head)
        if self.name != "behaviours.md" or not found or found[1] not in self.site.held.ids:
            return made
        i = found[1]
        self.ids.add(i)
        made = re.sub(rf"^<li>(<p>)?(?:<a [^>]*>)?{i}(?:</a>)?\.",
                      rf'<li id="{i}">\1<a class="id" href="#{i}">{i}</a>', made)
        tests = self.site.held.by[i]
        if not tests:
            reason = html.escape(self.site.held.reasons.get(i, ""))
            note = f"<p class=\"tests\">No test: {reason}</p>"
        else:
            links = "".join(
                f"<li>{self._source_link(file, line, test or f'line {line}')}</li>"
                for file, line, test in tests)
            count = f"{len(tests)} test{'s' if len(tests) > 1 else ''}"
            note = (f"<details class=\"tests\"><summary>{count}<span class=\"hidden\"> of {i}"
                    f"</span></summary><ul>{links}</ul></details>")
        return made.removesuffix("</li>") + note + "</li>"

    def _source_link(self, file, line, text):
        self.site.sources[file] = True
        return self._anchor(f"{source_page(file)}#L{line}",
                            f"{html.escape(text)} <small>{html.escape(file)}</small>")

    def link(self, target, made):
        if re.match(r"[a-z]+:", target):
            return f"<a href=\"{html.escape(target)}\">{made}</a>"
        path, _, anchor = target.partition("#")
        if not path:
            self.site.links.append((f"docs/{self.name}", self.url, anchor))
            return f"<a href=\"#{anchor}\">{made}</a>"
        file = posixpath.normpath(posixpath.join("docs", posixpath.dirname(self.name), path))
        return self._anchor(self._page_of(file) + (f"#{anchor}" if anchor else ""), made)

    def _page_of(self, file):
        if file.startswith("docs/") and file.endswith(".md"):
            return file[5:-3] + ".html"
        if file == "README.md":
            return "index.html"
        if (self.site.root / file).is_dir() and (self.site.root / file / "main.cpp").is_file():
            file += "/main.cpp"
        if (self.site.root / file).is_file():
            self.site.sources[file] = True
        return source_page(file)

    def image(self, target, text):
        file = posixpath.normpath(posixpath.join("docs", posixpath.dirname(self.name), target))
        url = f"images/{posixpath.basename(file)}"
        if (self.site.root / file).is_file():
            self.site.assets[url] = file
        self.site.links.append((f"docs/{self.name}", url, ""))
        return (f"<img class=\"chart\" src=\"{self.to(url)}\" alt=\"{html.escape(text)}\">")

    def _anchor(self, url, made):
        path, _, anchor = url.partition("#")
        self.site.links.append((self.name, path, anchor))
        return f"<a href=\"{self.to(path)}{'#' + anchor if anchor else ''}\">{made}</a>"
