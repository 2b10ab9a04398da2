# SPDX-License-Identifier: BSL-1.0
"""Makes HTML of the part of Markdown that the pages use: headings, paragraphs, lists, tables, code,
links, images and emphasis. Whatever depends on the site is asked of a `page`:

    page.heading(level, html, plain)   page.block(info, code)     page.code(text)
    page.link(target, html)            page.image(target, text)   page.text(html)
"""
import html
import re

FENCE = re.compile(r"^```(.*)$")
HEADING = re.compile(r"^(#{1,6}) +(.*?)(?: +#+)?$")
ITEM = re.compile(r"^( *)(?:[-*]|(\d+)\.) +(.*)$")
RULE = re.compile(r"^\|?[ :|-]+\|[ :|-]*$")
CODE = re.compile(r"(`+)(.+?)\1", re.S)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
AUTOLINK = re.compile(r"&lt;(https?://[^\s&]+)&gt;")
BOLD = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*", re.S)
EMPHASIS = re.compile(r"(?<![\w*])\*(\S(?:[^*]*?\S)?)\*(?![\w*])", re.S)
HELD = re.compile(r"\x00(\d+)\x00")


def plain(text):
    """The text without what marks it."""
    text = LINK.sub(r"\1", IMAGE.sub(r"\1", text))
    return text.replace("`", "").replace("**", "")


def inline(text, page, in_link=False):
    """What stands in a paragraph, a heading or a cell."""
    held = []

    def hold(made):
        held.append(made)
        return f"\x00{len(held) - 1}\x00"

    def code(found):
        text = found[2].strip() if len(found[1]) > 1 else found[2]
        made = html.escape(" ".join(text.split()), quote=False)
        return hold(f"<code>{made}</code>" if in_link else page.code(" ".join(text.split())))

    # Within a link no code leads elsewhere, so the links come first.
    protected = CODE.sub(lambda c: hold(c[0]), text)

    def restore(part):
        return HELD.sub(lambda h: restore(held[int(h[1])]), part)

    protected = IMAGE.sub(lambda i: hold(page.image(i[2], restore(i[1]))), protected)
    protected = LINK.sub(
        lambda i: hold(page.link(i[2], inline(restore(i[1]), page, in_link=True))), protected)
    made = html.escape(protected, quote=False)
    made = AUTOLINK.sub(lambda a: hold(page.link(a[1], a[1])), made)
    made = EMPHASIS.sub(r"<em>\1</em>", BOLD.sub(r"<strong>\1</strong>", made))
    if not in_link:
        made = page.text(made)

    def put_back(found):
        kept = held[int(found[1])]
        return CODE.sub(code, kept) if kept.startswith("`") else kept

    for _ in range(3):
        made = HELD.sub(put_back, made)
    return made


def cells(line):
    """Those of a row; a bar in code, or behind a backslash, divides nothing."""
    line = line.strip().removeprefix("|").removesuffix("|")
    line = CODE.sub(lambda c: c[0].replace("|", "\x01"), line).replace("\\|", "\x01")
    return [cell.strip().replace("\x01", "|") for cell in line.split("|")]


def table(lines, page):
    head, _, *rows = lines
    made = ["<div class=\"table\" tabindex=\"0\"><table><thead><tr>"]
    made += [f"<th scope=\"col\">{inline(c, page)}</th>" for c in cells(head)]
    made.append("</tr></thead><tbody>")
    for row in rows:
        made += ["<tr>", *(f"<td>{inline(c, page)}</td>" for c in cells(row)), "</tr>"]
    return "".join([*made, "</tbody></table></div>"])


def dedent(lines):
    least = min((len(l) - len(l.lstrip()) for l in lines if l.strip()), default=0)
    return [l[least:] for l in lines]


def item_list(lines, page):
    """Consecutive items of one kind and depth, each with the lines that are indented below it."""
    first = ITEM.match(lines[0])
    tag = "ol" if first[2] else "ul"
    items = []
    for line in lines:
        found = ITEM.match(line)
        if found and len(found[1]) == len(first[1]):
            items.append([found[3]])
        else:
            items[-1].append(line)
    made = [f"<{tag}>"]
    for head, *rest in items:
        body = blocks([head, *dedent(rest)], page)
        if body.startswith("<p>") and body.count("<p>") == 1:
            body = body.replace("<p>", "", 1).replace("</p>", "", 1)
        made.append(page.item(f"<li>{body}</li>", head))
    return "\n".join([*made, f"</{tag}>"])


def blocks(lines, page):
    """The HTML of whole lines."""
    made, at = [], 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif fence := FENCE.match(line):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith("```")),
                       len(lines))
            made.append(page.block(fence[1].strip(), "\n".join(lines[at + 1:end])))
            at = end + 1
        elif line.startswith("    "):
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            code = "\n".join(l[4:] for l in lines[at:end]).rstrip()
            made.append(page.block("", code))
            at = end
        elif heading := HEADING.match(line):
            made.append(page.heading(len(heading[1]), inline(heading[2], page, in_link=True),
                                     plain(heading[2])))
            at += 1
        elif ITEM.match(line):
            depth, end = len(ITEM.match(line)[1]), at + 1
            while end < len(lines):
                following = lines[end]
                if following.strip():
                    found = ITEM.match(following)
                    goes_on = len(following) - len(following.lstrip()) > depth
                    if not goes_on and not (found and len(found[1]) == depth):
                        break
                elif end + 1 < len(lines) and not (lines[end + 1].startswith(" " * (depth + 1)) or
                                                   ITEM.match(lines[end + 1])):
                    break
                end += 1
            made.append(item_list(lines[at:end], page))
            at = end
        elif line.lstrip().startswith("|") and at + 1 < len(lines) and RULE.match(lines[at + 1]):
            end = at
            while end < len(lines) and lines[end].lstrip().startswith("|"):
                end += 1
            made.append(table(lines[at:end], page))
            at = end
        else:
            end = at + 1
            while end < len(lines) and lines[end].strip() and not (
                    FENCE.match(lines[end]) or HEADING.match(lines[end]) or
                    ITEM.match(lines[end]) or lines[end].startswith("|")):
                end += 1
            made.append(f"<p>{inline(chr(10).join(l.strip() for l in lines[at:end]), page)}</p>")
            at = end
    return "\n".join(made)
