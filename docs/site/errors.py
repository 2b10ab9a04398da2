# SPDX-License-Identifier: BSL-1.0
"""What the headers say of each error code: which call gives it, and why."""
import html
import re

import reference

ERRORS = re.compile(r"\bErrors\b[^:]*: (.*)", re.S)
ELSE = re.compile(r"\s(?:Charges|Lifetime|Complexity)\b[^.]*[: ]")
# Between the clauses of a text, each of which is about a code or a few.
PARTS = re.compile(r";|\.(?=\s+[A-Z])")
SAME = re.compile(r"(?:\bas|those of)\s+(?:the\s+)?`([\w:]+)`")
CODE = re.compile(r"`([^`]*)`")


def marked(node):
    """A description as text, with code between backquotes and without examples."""
    if node.tag == "verbatim":
        return ""
    inner = (node.text or "") + "".join(marked(part) + (part.tail or "") for part in node)
    return f"`{inner}`" if node.tag == "computeroutput" else inner


def clauses(entry):
    """What the text of a call says of its errors, in parts."""
    for part in ("briefdescription", "detaileddescription"):
        node = entry.node.find(part)
        for para in node.iter("para") if node is not None else []:
            if found := ERRORS.search(" ".join(marked(para).split())):
                for clause in PARTS.split(ELSE.split(found[1])[0]):
                    yield clause.strip().rstrip(".")


def reasons_of(of, code, entry, depth=0):
    """Why a call gives a code: its own words, or those of the call that it refers to."""
    for clause in clauses(entry):
        if code in (name.removeprefix("errc::") for name in CODE.findall(clause)):
            return clause
    if depth == 3:
        return None
    for clause in clauses(entry):
        for name in SAME.findall(clause):
            scope = entry.qualified.rpartition("::")[0]
            for other in (of.by_suffix.get(f"{scope}::{name}".removeprefix("coramfs::"))
                          or of.by_suffix.get(name) or []):
                if other.qualified != entry.qualified and reasons_of(of, code, other, depth + 1):
                    return clause
    return None


def given_by(of, code):
    """(entry, why) of all calls and classes, those for threads only where coroutines have none."""
    found = {}
    for entry in of.everything():
        if isinstance(entry, reference.compound) or entry.kind == "function":
            why = reasons_of(of, code, entry)
            if why and entry.qualified not in found:
                found[entry.qualified] = (entry, why)
    for name, (entry, why) in found.items():
        twin = name.replace("::sync::", "::")
        if twin == name or twin not in found:
            yield entry, why


def calls(site, code, page):
    """The part of a code's page that comes from the headers."""
    rows = []
    for entry, why in sorted(given_by(site.reference, code), key=lambda e: e[0].qualified):
        name = entry.qualified.removeprefix("coramfs::")
        link = f"<a href=\"{page.to(site.reference.url(entry))}\"><code>{name}</code></a>"
        if isinstance(entry, reference.compound):
            link = f"calls of {link}"
        text = CODE.sub(lambda c: f"<code>{c[1]}</code>", html.escape(why, quote=False))
        text = text.replace(f"<code>{code}</code>", f"<strong><code>{code}</code></strong>")
        rows.append(f"<tr><td>{link}</td><td>{text}</td></tr>")
    if not rows:
        return ""
    heading = page.heading(2, "Calls that give it", "Calls that give it")
    note = ("<p>From the documentation of each call. Where the calls for coroutines and those for "
            "threads have the same name, the first are listed; those for threads give the same, "
            "but are never cancelled.</p>")
    return (f"{heading}{note}<div class=\"table\" tabindex=\"0\"><table><thead><tr><th>call</th>"
            f"<th>what its documentation says</th></tr></thead><tbody>{''.join(rows)}</tbody>"
            "</table></div>")


def index(site, page):
    """A table of all codes."""
    rows = []
    for value in site.reference.by_suffix["errc"][0].values:
        text = reference.text_of(value.node.find("detaileddescription"))
        text = (reference.text_of(value.node.find("briefdescription")) + text).strip()
        counterpart, _, meaning = text.partition(":")
        rows.append(f"<tr><td><a href=\"{page.to(f'errors/{value.name}.html')}\"><code>{value.name}"
                    f"</code></a></td><td>{html.escape(meaning.strip())}</td>"
                    f"<td><code>{html.escape(counterpart)}</code></td></tr>")
    return ("<div class=\"table\" tabindex=\"0\"><table><thead><tr><th>errc</th><th>meaning</th>"
            "<th>equals in std::errc</th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table></div>")
