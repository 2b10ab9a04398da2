# SPDX-License-Identifier: BSL-1.0
"""Draws figures as SVG, by gnuplot."""
import dataclasses
import math
import re
import subprocess

# Ours in blue, all else in colours that do not stand out.
OURS, OURS_TOO, PALE = "#1f5fbf", "#6ea3e8", "#b9d2f3"
COLOURS = {
    "blocking": OURS, "coroutine": OURS_TOO, "rw_lock": OURS, "coroutine_with_deadline": OURS_TOO,
    "blocking_fresh": PALE, "coroutine_fresh": PALE, "whole_files": PALE, "adopted": PALE,
    "adopted_and_pinned": PALE, "tmpfs": "#8c8c8c", "kj": "#8c8c8c", "rocksdb": "#8c8c8c",
    "leveldb": "#8c8c8c",
}
# Also the order of the bars.
LABELS = {
    "rw_lock": "coramfs::rw_lock", "blocking": "coramfs, blocking",
    "coroutine": "coramfs, co_await", "coroutine_with_deadline": "the same, with a deadline",
    "whole_files": "coramfs, whole files", "adopted": "adopted, written alone",
    "adopted_and_pinned": "adopted and pinned", "blocking_fresh": "blocking, fresh memory",
    "coroutine_fresh": "co_await, fresh memory", "tmpfs": "tmpfs", "kj": "Cap'n Proto's directory",
    "rocksdb": "RocksDB, in memory", "leveldb": "LevelDB, in memory", "map": "unordered_map",
    "map_fresh": "unordered_map, fresh", "locked_map": "map with a shared_mutex",
    "memfd": "memfd with such a map", "glib": "GLib, table of bytes",
    "vector": "vector, growing", "reserved_vector": "vector, reserved",
    "stringstream": "stringstream", "warm_memcpy": "memcpy, warm memory",
    "shared_mutex": "std::shared_mutex", "ready_coroutine": "a ready coroutine",
    "post": "a bare post", "floor": "a post each way", "1": "one thread", "2": "two threads",
    "8": "eight threads",
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
    dots: dict = dataclasses.field(default_factory=dict)  # {label: a second value}
    edge: float | None = None  # what is longer is cut off here

    @property
    def longest(self):
        longest = max([value for _, value in self.bars] + list(self.dots.values()))
        return min(longest, self.edge or longest)


@dataclasses.dataclass
class Lines:
    """A panel with both axes logarithmic."""
    title: str
    x_title: str
    y_title: str
    lines: list  # of (label, [(x, y)])


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def digits(value):
    """Three of them, and no exponent."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def tic_step(longest):
    """A round number that goes into it four times at most."""
    power = 10 ** math.floor(math.log10(longest / 4))
    return next(n * power for n in (1, 2, 2.5, 5, 10) if longest / (n * power) <= 4)


def bars_data(panel):
    """Lines of: y, length, colour, label, goal, where the label stands, dot."""
    lines, longest = [], panel.longest
    for y, (who, value) in zip(range(len(panel.bars), 0, -1), panel.bars):
        length, dot = min(value, longest), min(panel.dots.get(who, 0), longest)
        goal = panel.goals.get(who)
        if goal is not None and goal > 1.1 * longest:
            goal = None  # far out of sight: reached anyway
        label = digits(value) + (" ..." if value > length else "")
        lines.append(f"{y} {length:.6g} 0x{COLOURS.get(who, OTHER)[1:]} {quoted(label)} "
                     f"{'NaN' if goal is None else format(goal, '.6g')} "
                     f"{max(length, goal or 0, dot):.6g} {format(dot, '.6g') if dot else 'NaN'}")
    return lines


def bars_script(panel, number):
    count = len(panel.bars)
    longest = panel.longest
    tics = ", ".join(f"{quoted(LABELS.get(who, who))} {count - i}"
                     for i, (who, _) in enumerate(panel.bars))
    goal = (f"$bars{number} using 5:1:(0):({{}}) with vectors nohead linewidth 2.5 "
            f"linecolor rgb '{GOAL}' notitle")
    dots = (f", $bars{number} using 7:1 with points pointtype 7 pointsize 0.6 "
            f"linecolor rgb '{TEXT}' notitle" if panel.dots else "")
    return "\n".join([
        f"$bars{number} << END", *bars_data(panel), "END",
        f"set title {quoted(panel.title)} font ',13.5' offset character -9,0 "
        f"textcolor rgb '{TEXT}'",
        f"set xlabel {quoted(panel.unit)} offset 0,0.4",
        f"set ytics ({tics})",
        f"set xtics {tic_step(longest):.6g} format \"%'g\"",
        f"set yrange [0.4:{count + 0.6}]",
        f"set xrange [0:{1.28 * longest:.6g}]",
        f"plot $bars{number} using (0):1:(0):2:($1-0.36):($1+0.36):3 with boxxyerror fillstyle "
        f"solid 1 noborder linecolor rgb variable notitle, "
        f"$bars{number} using 6:1:4 with labels left offset 0.6,0 textcolor rgb '{TEXT}' notitle, "
        f"{goal.format(0.46)}, {goal.format(-0.46)}{dots}",
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
        f"set title {quoted(panel.title)} font ',13.5' offset character 0,0 "
        f"textcolor rgb '{TEXT}'",
        f"set xlabel {quoted(panel.x_title)} offset 0,0",
        f"set ylabel {quoted(panel.y_title)}",
        "set logscale xy\nset xtics auto format '%.0s%c'\nset ytics auto format '%.0s%c'",
        f"set xrange [*:*]\nset yrange [{low / 2:.6g}:{top * 10:.6g}]",
        "set key top left Left reverse samplen 1.5",
        "plot " + ", ".join(plots),
        "unset logscale\nset format\nunset ylabel\nset key off",
    ])


HEIGHTS = {Bars: 24, Lines: 300}


def script(title, panels, columns):
    """None among the panels leaves its place empty."""
    rows = -(-len(panels) // columns)
    tallest = max((len(p.bars) * HEIGHTS[Bars] + 100 if isinstance(p, Bars) else HEIGHTS[Lines])
                  for p in panels if p)
    width, height = 480 * columns + 20, tallest * rows + 70
    lines = [
        f"set terminal svg size {width},{height} dynamic font 'DejaVu Sans,Helvetica,Arial,12' "
        "noenhanced background rgb 'white'",
        f"set border 3 linecolor rgb '{TEXT}'",
        f"set grid xtics linetype 1 linecolor rgb '{GRID}'",
        "set tics nomirror scale 0.4",
        "set key off\nset lmargin 25\nset rmargin 3\nset tmargin 2.6\nset bmargin 3.4",
        f"set multiplot layout {rows},{columns} title {quoted(title)}.\"\\n\" font ',17'",
    ]
    for number, panel in enumerate(panels):
        if not panel:
            lines.append("set multiplot next")
            continue
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
