# SPDX-License-Identifier: BSL-1.0
"""Tables of what bench/ has checked in: goals, counts of instructions and of shared lines."""
import html
import json


def rows(cells):
    return "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in cells)


def table(head, cells):
    heads = "".join(f"<th scope=\"col\">{h}</th>" for h in head)
    return (f"<div class=\"table\" tabindex=\"0\"><table><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows(cells)}</tbody></table></div>")


def code(text):
    return f"<code>{html.escape(str(text))}</code>"


def goal(g):
    if "at_most" in g:
        what = "" if "counter" in g else " times the baseline"
        return f"at most {g['at_most']:g}{what}"
    if "faster_by" in g:
        return f"faster by {g['faster_by']:g}"
    return ", ".join(f"{k} {v}" for k, v in g.items()
                     if k not in ("title", "program", "figure", "baseline", "counter"))


def page(root, p):
    bench = root / "bench"
    goals = json.loads((bench / "goals.json").read_text(encoding="utf-8"))
    counts = json.loads((bench / "instructions.json").read_text(encoding="utf-8"))
    lines = json.loads((bench / "shared_lines.json").read_text(encoding="utf-8"))
    return "\n".join([
        p.heading(2, "Goals", "Goals"),
        "<p>What <code>bench/run</code> compares in one run, and what must come out of it.</p>",
        table(["what", "figure", "baseline", "goal"],
              [(html.escape(g.get("title", "")), code(g.get("figure", "")),
                code(g.get("baseline", g.get("counter", ""))), goal(g)) for g in goals]),
        p.heading(2, "Instructions", "Instructions"),
        f"<p>Counted by valgrind for one operation, with {html.escape(counts['compiler'])}.</p>",
        table(["operation", "instructions"],
              [(code(k), f"{v:,}") for k, v in sorted(counts["instructions"].items())]),
        p.heading(2, "Cache lines that threads share", "Cache lines that threads share"),
        "<p>How many cache lines two threads that do the same write to in common, for one "
        "operation. Each costs a transfer between processors.</p>",
        table(["operation", "lines"],
              [(code(k), v) for k, v in sorted(lines["shared_lines"].items())]),
    ])
