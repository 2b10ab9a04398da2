# SPDX-License-Identifier: BSL-1.0
"""Draws figures as SVG, by gnuplot."""
import dataclasses
import re
import subprocess

# By who is measured: ours in blue, all else in colours that do not stand out.
OURS, OURS_TOO, PALE = "#1f5fbf", "#6ea3e8", "#b9d2f3"
COLOURS = {
    "blocking": OURS, "coroutine": OURS_TOO, "rw_lock": OURS, "coroutine_with_deadline": OURS_TOO,
    "blocking_fresh": PALE, "coroutine_fresh": PALE, "whole_files": PALE, "adopted": PALE,
    "adopted_and_pinned": PALE, "tmpfs": "#8c8c8c",
}
LABELS = {
    "blocking": "coramfs, blocking", "coroutine": "coramfs, co_await",
    "blocking_fresh": "blocking, fresh memory", "coroutine_fresh": "co_await, fresh memory",
    "whole_files": "coramfs, whole files", "adopted": "adopted, written alone",
    "adopted_and_pinned": "adopted and pinned", "rw_lock": "coramfs::rw_lock",
    "coroutine_with_deadline": "the same, with a deadline", "shared_mutex": "std::shared_mutex",
    "map": "unordered_map", "map_fresh": "unordered_map, fresh", "leveldb": "LevelDB, in memory",
    "warm_memcpy": "memcpy, warm memory", "vector": "vector, growing",
    "reserved_vector": "vector, reserved", "post": "a bare post",
    "ready_coroutine": "a ready coroutine", "1": "one thread", "2": "two threads",
}
OTHER, GOAL, TEXT, GRID = "#c9bfa8", "#d1451b", "#333333", "#e3e3e3"
LINES = [OURS, "#8c8c8c", "#2b9f72", "#b08a2e", "#7d55b5"]


@dataclasses.dataclass
class Bars:
    """A panel with a bar for each case; `goals`: {label: the length it should not be above}."""
    title: str
    unit: str
    bars: list  # of (label, value)
    goals: dict


@dataclasses.dataclass
class Lines:
    """A panel with both axes logarithmic."""
    title: str
    x_title: str
    y_title: str
    lines: list  # of (label, [(x, y)])


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def bars_script(panel, number):
    count = len(panel.bars)
    longest = max(value for _, value in panel.bars)
    data = [f"$bars{number} << END"]
    for i, (label, value) in enumerate(panel.bars):
        colour = COLOURS.get(label, OTHER)
        goal = panel.goals.get(label)
        data.append(f'{count - i} {value:.6g} 0x{colour[1:]} {value:.3g} '
                    f'{"NaN" if goal is None or goal > 1.22 * longest else f"{goal:.6g}"}')
    data.append("END")
    tics = ", ".join(f"{quoted(LABELS.get(label, label))} {count - i}"
                     for i, (label, _) in enumerate(panel.bars))
    return "\n".join([
        *data,
        f"set title {quoted(panel.title)} font ',14' textcolor rgb '{TEXT}'",
        f"set xlabel {quoted(panel.unit)}",
        f"set ytics ({tics})",
        f"set yrange [0.4:{count + 0.6}]",
        f"set xrange [0:{1.25 * longest:.6g}]",
        f"plot $bars{number} using (0):1:(0):2:($1-0.36):($1+0.36):3 with boxxyerror fillstyle "
        f"solid 1 noborder linecolor rgb variable notitle, "
        f"$bars{number} using 2:1:4 with labels left offset 0.6,0 textcolor rgb '{TEXT}' notitle, "
        f"$bars{number} using 5:1:(0):(0.46) with vectors nohead linewidth 2.5 "
        f"linecolor rgb '{GOAL}' notitle, "
        f"$bars{number} using 5:1:(0):(-0.46) with vectors nohead linewidth 2.5 "
        f"linecolor rgb '{GOAL}' notitle",
    ])


def lines_script(panel, number):
    blocks, plots = [], []
    for i, (label, points) in enumerate(panel.lines):
        name = f"$line{number}_{i}"
        blocks += [f"{name} << END", *(f"{x:g} {y:.6g}" for x, y in points), "END"]
        plots.append(f"{name} using 1:2 with linespoints linewidth 2.5 pointtype 7 pointsize 0.6 "
                     f"linecolor rgb '{LINES[i % len(LINES)]}' title {quoted(label)}")
    top = max(y for _, points in panel.lines for _, y in points)
    low = min(y for _, points in panel.lines for _, y in points)
    return "\n".join([
        *blocks,
        f"set title {quoted(panel.title)} font ',14' textcolor rgb '{TEXT}'",
        f"set xlabel {quoted(panel.x_title)}",
        f"set ylabel {quoted(panel.y_title)}",
        "set logscale xy\nset format xy '%.0s%c'",
        f"set xrange [*:*]\nset yrange [{low / 2:.6g}:{top * 10:.6g}]",
        "set ytics auto\nset key top left Left reverse samplen 1.5",
        "plot " + ", ".join(plots),
        "unset logscale\nset format\nunset ylabel\nset key off",
    ])


HEIGHTS = {Bars: 24, Lines: 300}


def script(title, panels, columns):
    rows = -(-len(panels) // columns)
    tallest = max((len(p.bars) * HEIGHTS[Bars] + 110 if isinstance(p, Bars) else HEIGHTS[Lines])
                  for p in panels)
    width, height = 480 * columns + 20, tallest * rows + 60
    lines = [
        f"set terminal svg size {width},{height} dynamic font 'DejaVu Sans,Helvetica,Arial,12' "
        "noenhanced background rgb 'white'",
        f"set border 3 linecolor rgb '{TEXT}'",
        f"set grid xtics linetype 1 linecolor rgb '{GRID}'",
        "set tics nomirror scale 0.4",
        "set key off\nset lmargin 25\nset rmargin 3\nset tmargin 2.6\nset bmargin 3.4",
        f"set multiplot layout {rows},{columns} title {quoted(title)} font ',17'",
    ]
    for number, panel in enumerate(panels):
        make = bars_script if isinstance(panel, Bars) else lines_script
        lines.append(make(panel, number))
    return "\n".join([*lines, "unset multiplot", ""])


def draw(title, panels, columns=2):
    """The SVG, without what differs from one run of gnuplot to the next."""
    done = subprocess.run(["gnuplot"], input=script(title, panels, columns), text=True,
                          capture_output=True, check=False)
    if done.returncode != 0 or "<svg" not in done.stdout:
        raise RuntimeError(f"gnuplot: {done.stderr}")
    return re.sub(r"<desc>.*?</desc>", "", done.stdout, flags=re.S)
