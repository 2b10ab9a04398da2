# SPDX-License-Identifier: BSL-1.0
"""Colours for source text: comments, strings, keywords and numbers of C++, comments of scripts."""
import html
import re

KEYWORDS = set("""alignas alignof auto bool break case catch char char8_t class co_await co_return
co_yield concept const constexpr const_cast continue decltype default delete do double else enum
explicit false float for friend if inline int long mutable namespace new noexcept nullptr operator
private protected public requires return short signed sizeof static static_assert static_cast struct
switch template this throw true try typedef typename union unsigned using virtual void
while""".split())
TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|"
    r"(?P<string>R\"\((?:.*?)\)\"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+')|"
    r"(?P<directive>^[ \t]*#[ \t]*\w+)|"
    r"(?P<number>\b[0-9][0-9a-fA-FxX'.]*[uUlLfFsm]*\b)|(?P<word>[A-Za-z_]\w*)", re.S | re.M)
SCRIPT_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.M)


def cpp(text):
    made, at = [], 0
    for token in TOKEN.finditer(text):
        made.append(html.escape(text[at:token.start()], quote=False))
        kind, part = token.lastgroup, html.escape(token[0], quote=False)
        if kind == "word":
            kind = "keyword" if token[0] in KEYWORDS else None
        if kind:
            part = "\n".join(f"<span class=\"{kind}\">{line}</span>" for line in part.split("\n"))
        made.append(part)
        at = token.end()
    return "".join([*made, html.escape(text[at:], quote=False)])


def script(text):
    made, at = [], 0
    for comment in SCRIPT_COMMENT.finditer(text):
        made.append(html.escape(text[at:comment.start()], quote=False))
        made.append(f"<span class=\"comment\">{html.escape(comment[0], quote=False)}</span>")
        at = comment.end()
    return "".join([*made, html.escape(text[at:], quote=False)])


def text(code, language):
    if language in ("cpp", "hpp"):
        return cpp(code)
    if language in ("sh", "py", "build", "yaml", "run"):
        return script(code)
    return html.escape(code, quote=False)
