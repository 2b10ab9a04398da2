# SPDX-License-Identifier: BSL-1.0
"""Fails where docs/site/markdown.py makes something else of Markdown than stands here.

usage: check_markdown.py ROOT
"""
import pathlib
import sys


class plain_page:
    """Shows what the converter asks of a page."""

    def heading(self, level, made, text):
        return f"<h{level}>{made}|{text}</h{level}>"

    def block(self, info, code):
        return f"<pre {info}>{code}</pre>"

    def code(self, text):
        return f"<c>{text}</c>"

    def link(self, target, made):
        return f"<a {target}>{made}</a>"

    def image(self, target, text):
        return f"<img {target} {text}>"

    def text(self, made):
        return made.replace("C2", "<a C2>")

    def item(self, made, head):
        return made


def table(*rows):
    head, *body = ["".join(f"<{tag}>{cell}</{tag.split()[0]}>" for cell in row)
                   for tag, row in zip(["th scope=\"col\"", *["td"] * len(rows)], rows)]
    return ("<div class=\"table\" tabindex=\"0\"><table><thead><tr>" + head +
            "</tr></thead><tbody>" + "".join(f"<tr>{row}</tr>" for row in body) +
            "</tbody></table></div>")


SAMPLES = [
    ("one\nparagraph\n\ntwo", "<p>one\nparagraph</p>\n<p>two</p>"),
    ("# A `b` [c](d.md)", "<h1>A <code>b</code> <a d.md>c</a>|A b c</h1>"),
    ("a `b < c` & <d>", "<p>a <c>b < c</c> &amp; &lt;d&gt;</p>"),
    ("see C2, not `C2` or [C2](x)", "<p>see <a C2>, not <c>C2</c> or <a x>C2</a></p>"),
    ("**bold `x*y`** and *so*, 2*3*4, a_b_c",
     "<p><strong>bold <c>x*y</c></strong> and <em>so</em>, 2*3*4, a_b_c</p>"),
    ("[a `b` c](d.md#e)", "<p><a d.md#e>a <code>b</code> c</a></p>"),
    ("`[no](link)` and `**no bold**`", "<p><c>[no](link)</c> and <c>**no bold**</c></p>"),
    ("![what](a.svg)", "<p><img a.svg what></p>"),
    ("<https://a.org/>", "<p><a https://a.org/>https://a.org/</a></p>"),
    ("```cpp file\n# no heading\n\n| no table |\n```", "<pre cpp file># no heading\n\n| no table |</pre>"),
    ("    $ a\n\n    $ b\n\nc", "<pre >$ a\n\n$ b</pre>\n<p>c</p>"),
    ("- one\n  more\n- two", "<ul>\n<li>one\nmore</li>\n<li>two</li>\n</ul>"),
    ("- one\n  - in\n- two", "<ul>\n<li>one\n<ul>\n<li>in</li>\n</ul></li>\n<li>two</li>\n</ul>"),
    ("1. one\n2. two\n\nend", "<ol>\n<li>one</li>\n<li>two</li>\n</ol>\n<p>end</p>"),
    ("- one\n\n  ```cpp\n  x\n  ```\n- two",
     "<ul>\n<li>one\n<pre cpp>x</pre></li>\n<li>two</li>\n</ul>"),
    ("| a | b |\n|---|---|\n| `x|y` | z \\| w |",
     table(["a", "b"], ["<c>x|y</c>", "z | w"])),
    ("text\n- item", "<p>text</p>\n<ul>\n<li>item</li>\n</ul>"),
]


def main(root):
    sys.path.insert(0, str(pathlib.Path(root) / "docs/site"))
    import markdown
    wrong = []
    for text, expected in SAMPLES:
        made = markdown.blocks(text.split("\n"), plain_page())
        if made != expected:
            wrong.append(f"{text!r}:\n  expected {expected!r}\n  made     {made!r}")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
