# SPDX-License-Identifier: BSL-1.0
"""The report: one HTML page that needs nothing else."""
import html

import goals

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #333; background: #fff;
       max-width: 1420px; margin: 2em auto; padding: 0 1em; }
h1 { font-weight: 600; } svg { max-width: 100%; height: auto; display: block; margin: 2em 0; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: 3px 12px; border-bottom: 1px solid #e3e3e3; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.reached { color: #1d7a46; } .missed { color: #d1451b; } .unknown { color: #999; }
"""


def css_class(verdict):
    if not verdict.measured:
        return "unknown"
    return "reached" if verdict.reached else "missed"


def table(verdicts):
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in goals.HEAD)
    rows = []
    for v in verdicts:
        cells = goals.row(v)
        middle = "".join(f'<td class="number">{html.escape(cell)}</td>' if i in (2, 4, 5, 6)
                         else f"<td>{html.escape(cell)}</td>" for i, cell in enumerate(cells[:-1]))
        rows.append(f'<tr>{middle}<td class="{css_class(v)}">{html.escape(cells[-1])}</td></tr>')
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def compose(verdicts, drawings, about):
    """`about`: lines on where and how it was measured."""
    reached = sum(v.reached for v in verdicts)
    measured = sum(v.measured for v in verdicts)
    paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in about)
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f"<title>coramfs: benchmarks</title><style>{STYLE}</style></head><body>"
            f"<h1>coramfs: benchmarks</h1>{paragraphs}"
            f"<h2>Goals: {reached} of {measured} reached</h2>{table(verdicts)}"
            f"<h2>Figures</h2>{''.join(drawings)}</body></html>\n")
