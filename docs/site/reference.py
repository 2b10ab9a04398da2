# SPDX-License-Identifier: BSL-1.0
"""The public names, as Doxygen finds them in the headers, and the pages that show them.

A page for each header has its classes, functions and enumerations. A signature is written with what
a call gives behind an arrow: `co_await read(...) -> result<std::size_t>` is of a function that
returns an `asio::awaitable<result<std::size_t>>`.
"""
import collections
import html
import pathlib
import re
import subprocess
import tempfile
import xml.etree.ElementTree as xml

import highlight

# What else than in docs/Doxyfile.
SETTINGS = """
GENERATE_HTML = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
EXCLUDE_SYMBOLS = coramfs::file::initiate_* Catch Catch::*
"""
INHERITED = {"stream.hpp"}
# Names of so few letters, such as `from` and `path`, mostly mean an argument of the call at hand.
SHORT = 4
SHOWN = {"function", "variable", "enum", "typedef"}
AWAITABLE = re.compile(r"^(?:boost::)?asio::awaitable<(.*)>$")


class member:
    """A function, a variable, an enumeration, an enumerator or another name for a type."""

    def __init__(self, kind, name, owner, node, header):
        self.kind, self.name, self.owner, self.node, self.header = kind, name, owner, node, header
        self.anchor = ""
        self.values = []

    @property
    def qualified(self):
        return f"{self.owner}::{self.name}" if self.owner else self.name


class compound:
    """A class or a struct, with its public members in the order of the header."""

    def __init__(self, kind, name, node, header):
        self.kind, self.name, self.node, self.header = kind, name, node, header
        self.members = []
        self.anchor = name.removeprefix("coramfs::").replace("::", "-")

    qualified = property(lambda self: self.name)


def line_of(node):
    return int(node.find("location").get("line"))


def text_of(node):
    return "".join(node.itertext()) if node is not None else ""


def spelled(text):
    """A type as it is written in the headers: Doxygen puts blanks into it."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"<\s+", "<", re.sub(r"\s+>", ">", text))
    if "operator" not in text:
        text = re.sub(r"(\S)=(\S)", r"\1 = \2", text)
    return re.sub(r"(?<=[\w>]) +([&*]+) *(?=[\w)>,.]|$)", r"\1 ", text).replace("& )", "&)").strip()


def run_doxygen(doxygen, root):
    """What Doxygen makes of the headers, and of those of the inner ones that public classes inherit
    documented members from."""
    inner = [f.relative_to(root) for f in (root / "include/coramfs").rglob("detail/*")
             if f.name not in INHERITED]
    with tempfile.TemporaryDirectory() as output:
        settings = (root / "docs/Doxyfile").read_text(encoding="utf-8") + SETTINGS
        settings += f"EXCLUDE = {' '.join(map(str, inner))}\nOUTPUT_DIRECTORY = {output}\n"
        subprocess.run([doxygen, "-"], input=settings, cwd=root, text=True, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [xml.parse(f).getroot() for f in sorted(pathlib.Path(output, "xml").glob("*.xml"))]


class reference:
    """All that is public, by header."""

    def __init__(self, doxygen, root):
        self.headers = collections.defaultdict(list)  # header -> what it has, in its order
        self.by_id = {}
        classes = []
        trees = run_doxygen(doxygen, root)
        self.bases = {node.get("id"): node for tree in trees for node in tree.findall("compounddef")
                      if "::detail::" in node.findtext("compoundname")}
        for tree in trees:
            for node in tree.findall("compounddef"):
                kind, name = node.get("kind"), node.findtext("compoundname")
                if kind in ("class", "struct") and node.get("prot") == "public":
                    classes.append(self._class(kind, name, node))
                elif kind == "namespace" and name.startswith("coramfs") and (
                        "detail" not in name.split("::")):
                    self._namespace(name, node)
        for of in classes:
            if of is not None:
                self.headers[of.header].append(of)
                self.by_id[of.node.get("id")] = of
        for header, found in self.headers.items():
            found.sort(key=lambda entry: line_of(entry.node))
            self._name_anchors(found)
        self._index()

    def _class(self, kind, name, node):
        header = node.find("location").get("file")
        if "detail" in name.split("::") or "<" in name or not name.startswith("coramfs::") or not (
                text_of(node.find("briefdescription")).strip()):
            return None
        made = compound(kind, name, node, header)
        for found in node.iter("memberdef"):
            if found.get("prot") == "public" and found.get("kind") in SHOWN:
                made.members.append(self._member(found, name, header))
        made.members.sort(key=lambda entry: line_of(entry.node))
        for base in node.findall("basecompoundref"):
            inner = self.bases.get(base.get("refid"))
            made.members += [self._member(found, name, header)
                             for found in (inner.iter("memberdef") if inner is not None else [])
                             if found.get("prot") == "public" and found.get("kind") in SHOWN]
        return made

    def _namespace(self, name, node):
        for found in node.iter("memberdef"):
            header = found.find("location").get("file")
            if found.get("kind") in SHOWN and not text_of(found.find("name")).startswith("is_"):
                self.headers[header].append(self._member(found, name, header))

    def _member(self, node, owner, header):
        made = member(node.get("kind"), node.findtext("name"), owner, node, header)
        self.by_id[node.get("id")] = made
        for value in node.findall("enumvalue"):
            one = member("enumerator", value.findtext("name"), made.qualified, value, header)
            self.by_id[value.get("id")] = one
            made.values.append(one)
        return made

    def _name_anchors(self, found):
        taken = collections.Counter()

        def name(entry):
            base = entry.qualified.removeprefix("coramfs::").replace("::", "-")
            base = re.sub(r"[^\w-]+", lambda c: "-" + "-".join(f"{ord(x):x}" for x in c[0]), base)
            taken[base] += 1
            entry.anchor = base if taken[base] == 1 else f"{base}-{taken[base]}"

        for entry in found:
            name(entry)
            for below in [*getattr(entry, "members", []), *getattr(entry, "values", [])]:
                name(below)
                for value in getattr(below, "values", []):
                    name(value)

    def everything(self):
        for found in self.headers.values():
            for entry in found:
                yield entry
                for below in [*getattr(entry, "members", []), *getattr(entry, "values", [])]:
                    yield below
                    yield from getattr(below, "values", [])

    def _index(self):
        self.by_suffix = collections.defaultdict(list)
        for entry in self.everything():
            parts = entry.qualified.split("::")
            for first in range(len(parts)):
                self.by_suffix["::".join(parts[first:])].append(entry)

    def url(self, entry):
        if isinstance(entry, member) and entry.kind == "enumerator" and (
                entry.owner == "coramfs::errc"):
            return f"errors/{entry.name}.html"
        return f"{page_of(entry.header)}#{entry.anchor}"

    def find(self, name):
        """Where a name leads: nothing if it is not public, an empty text if to several places."""
        name = name.removesuffix("()").removeprefix("coramfs::")
        found = self.by_suffix.get(name)
        if not found:
            return None
        if "::" not in name:  # what tests alone have is named with its class
            found = [e for e in found if "::testing::" not in e.qualified or
                     isinstance(e, compound)] or found
            if all("::testing::" in e.qualified and isinstance(e, member) for e in found):
                return ""
            if len(name) <= SHORT and all(e.kind in ("function", "variable", "enumerator")
                                          for e in found):
                return ""
        if len({e.qualified for e in found}) > 1:
            found = [e for e in found if "sync" not in e.qualified.split("::")] or found
            found = [e for e in found if isinstance(e, compound)] or found
        if len({e.qualified for e in found}) > 1:
            return ""
        return self.url(found[0])


def page_of(header):
    return f"reference/{header.removeprefix('coramfs/')}.html"


def described(node, page):
    """A description of Doxygen's as HTML."""
    made = []
    for para in node.findall("para") if node is not None else []:
        made.append(f"<p>{inside(para, page)}</p>")
    text = "".join(made)
    for block in ("<pre", "<div"):
        text = text.replace(f"<p>{block}", block)
    text = text.replace("</pre></p>", "</pre>").replace("</div></p>", "</div>")
    text = re.sub(r"<p>([A-Z][a-z]+(?: [a-z]+){0,2}): ", r"<p><strong>\1:</strong> ", text)
    text = re.sub(r"(?<=\. )(Errors|Charges): ", r"<br><strong>\1:</strong> ", text)
    return re.sub(r"<p>\s*</p>", "", text)


def inside(node, page):
    made = [html.escape(node.text or "", quote=False)]
    for part in node:
        if part.tag == "computeroutput":
            made.append(page.code(text_of(part)))
        elif part.tag == "verbatim":
            made.append(f"</p><pre tabindex=\"0\"><code>{highlight.cpp(text_of(part).rstrip())}"
                        "</code></pre><p>")
        elif part.tag == "bold":
            made.append(f"<strong>{inside(part, page)}</strong>")
        elif part.tag == "emphasis":
            made.append(f"<em>{inside(part, page)}</em>")
        elif part.tag == "table":
            made.append("</p><div class=\"table\" tabindex=\"0\"><table>")
            for row in part.findall("row"):
                made.append("<tr>")
                for entry in row.findall("entry"):
                    tag = "th" if entry.get("thead") == "yes" else "td"
                    made.append(f"<{tag}>{inside(entry.find('para'), page)}</{tag}>")
                made.append("</tr>")
            made.append("</table></div><p>")
        elif part.tag == "zwj":
            pass
        elif part.tag == "ref":
            made.append(page.code(text_of(part), plain=True))
        else:
            made.append(inside(part, page))
        made.append(html.escape(part.tail or "", quote=False))
    return "".join(made)


def template_of(node):
    parameters = node.find("templateparamlist")
    if parameters is None:
        return ""
    each = [spelled(text_of(p.find("type")) + " " + (p.findtext("declname") or ""))
            for p in parameters.findall("param")]
    return f"template <{', '.join(each)}>\n"


def signature(entry):
    """How a member is declared, and what a call gives, as C++ in a line or a few."""
    node = entry.node
    kind = entry.kind
    type_ = spelled(text_of(node.find("type")))
    for word in ("static ", "constexpr ", "friend ", "explicit ", "CORAMFS_EXPORT "):
        type_ = type_.replace(word, "")
    if kind == "enum":
        return f"enum class {entry.name}"
    if kind == "enumerator":
        return entry.name
    if kind == "typedef":
        return f"using {entry.name} = {type_}"
    if kind == "variable":
        initial = re.sub(r"\s+", " ", text_of(node.find("initializer")).strip())
        return f"{type_} {entry.name}" + (f" {initial}" if initial else "")
    arguments = spelled(node.findtext("argsstring") or "()")
    arguments = re.sub(r"\s*=\s*(?:default|delete|0)$", "", arguments)
    arguments = arguments.replace("noexcept override", "override").replace(" override", "")
    before = template_of(node) + ("static " if node.get("static") == "yes" else "")
    if not type_:
        return f"{before}{entry.name}{arguments}"
    if awaited := AWAITABLE.match(type_):
        return f"{before}co_await {entry.name}{arguments} -> {awaited[1].split(', ')[0]}"
    return f"{before}{entry.name}{arguments} -> {type_}"


def folded(text, width=84):
    """A signature in lines that are not too long, broken behind commas."""
    *before, line = text.split("\n")
    if len(line) <= width or "(" not in line:
        return text
    indent = " " * min(line.index("(") + 1, 8)
    lines, depth, start, last = [], 0, 0, None
    for at, char in enumerate(line):
        depth += (char in "(<{") - (char in ")}" or char == ">" and line[at - 1] != "-")
        if at - start > width - len(indent) and last is not None:
            lines.append(line[start:last + 1])
            start, last = last + 2, None
        if char == "," and depth == 1:
            last = at
    lines.append(line[start:])
    return "\n".join([*before, lines[0], *(indent + l for l in lines[1:])])


def is_group(before, after):
    """Whether two members were documented as one, between the marks of a group."""
    both = [text_of(m.node.find("briefdescription")) + text_of(m.node.find("detaileddescription"))
            for m in (before, after)]
    return both[0].strip() and both[0] == both[1]


def members(all_of_them, page):
    """Members in groups that share a text."""
    groups = []
    for entry in all_of_them:
        if groups and is_group(groups[-1][0], entry):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    for group in groups:
        yield "<div class=\"member\">"
        for entry in group:
            yield (f"<h4 id=\"{entry.anchor}\" class=\"signature\"><a href=\"#{entry.anchor}\">"
                   f"<code>{highlight.cpp(folded(signature(entry)))}</code></a></h4>")
        node = group[0].node
        yield described(node.find("briefdescription"), page)
        yield described(node.find("detaileddescription"), page)
        if group[0].values:
            yield "<dl class=\"values\">"
            for value in group[0].values:
                name = f"<code>{value.name}</code>"
                if value.owner == "coramfs::errc":
                    name = f"<a href=\"{page.to(f'errors/{value.name}.html')}\">{name}</a>"
                text = described(value.node.find("briefdescription"), page)
                text += described(value.node.find("detaileddescription"), page)
                yield f"<dt id=\"{value.anchor}\">{name}</dt><dd>{text}</dd>"
            yield "</dl>"
        yield "</div>"


def header_page(of, header, page):
    """All that a header declares."""
    yield f"<p><code>#include &lt;{header}&gt;</code></p>"
    for entry in of.headers[header]:
        name = entry.qualified.removeprefix("coramfs::")
        if isinstance(entry, compound):
            yield page.heading(2, f"<code>{name}</code>", name, entry.anchor)
            yield described(entry.node.find("briefdescription"), page)
            yield described(entry.node.find("detaileddescription"), page)
            names = {m.name: m.anchor for m in reversed(entry.members)}
            if len(names) > 6:
                links = ", ".join(f"<a href=\"#{anchor}\"><code>{name}</code></a>"
                                  for name, anchor in sorted(names.items()))
                yield f"<p class=\"members\"><strong>Members:</strong> {links}</p>"
            yield from members(entry.members, page)
    functions = [e for e in of.headers[header] if isinstance(e, member)]
    if functions:
        yield page.heading(2, "Functions and types", "Functions and types", "functions")
        yield from members(functions, page)
