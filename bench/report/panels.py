# SPDX-License-Identifier: BSL-1.0
"""Which figures are shown in which chart."""
import charts

TITLES = {
    "small_files": "300 files of 4 KiB, written and read",
    "many_files": "10,000 files, and 5,000 random reads",
    "deep_file": "50 levels deep: 1,000 opens and reads",
    "stream_16m": "16 MiB stream in pieces of 64 KiB",
    "random_16m": "16 MiB, overwritten at random",
    "stream_512m": "512 MiB stream in pieces of 1 MiB",
    "baseline": "what Asio takes by itself",
    "open_close": "open and close, to read",
    "open_close_deep": "open and close, 50 levels deep",
    "open_close_update": "open and close, to update",
    "read_64": "read 64 bytes",
    "write_64": "write 64 bytes",
    "stat": "stat",
    "exists": "exists",
    "create_remove": "create and remove",
    "remove_create": "remove and create, each of 1,000 files",
    "create_write_remove": "create, write 4 KiB, remove",
    "rename_twice": "rename, there and back",
    "lock_exclusive": "lock and unlock, exclusive",
    "lock_shared": "lock and unlock, shared",
    "acquire": "co_await of a free lock",
    "hand_off": "hand-off on one thread, with a post in each hold",
    "writer_among_readers": "longest wait of a writer among readers, in holds",
    "pin_64": "pin 64 bytes",
    "threads_apart": "open, read 4 KiB, close: in directories of their own",
    "threads_one_directory": "the same, in one directory",
    "threads_one_file": "the same, on one file",
    "threads_create_remove": "create and remove, in directories of their own",
    "threads_create_remove_in_map": "the same in a map with a mutex",
    "threads_stream": "1 MiB written and read: by threads",
    "threads_copy": "memcpy of 1 MiB: by threads",
}
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6}


def grouped(figures):
    """{question: {who: Figure}} of one program."""
    groups = {}
    for name, figure in figures.items():
        question, _, who = name.partition("/")
        groups.setdefault(question, {})[who] = figure
    return groups


def goals_of(program, question, verdicts, unit):
    """{who: the length that its bar should not be above}: of several goals the hardest."""
    found = {}
    for v in verdicts:
        asked, _, who = v.goal["figure"].partition("/")
        if v.goal["program"] != program or asked != question or not v.measured:
            continue
        if "counter" in v.goal:
            length = v.wanted * (v.baseline or 1)
        elif "faster_by" in v.goal:
            length = v.baseline / v.wanted / unit
        else:
            length = v.baseline * v.wanted / unit
        found[who] = min(length, found.get(who, length))
    return found


def bars(program, question, cases, verdicts, unit="ns", counter=None):
    def length(figure):
        return figure.counters[counter] if counter else figure.nanoseconds / UNITS[unit]

    order = {who: place for place, who in enumerate(charts.LABELS)}
    shown = sorted(cases.items(), key=lambda case: order.get(case[0], len(order)))
    return charts.Bars(TITLES.get(question, question.replace("_", " ")),
                       counter or unit.replace("us", "µs"),
                       [(who, length(figure)) for who, figure in shown],
                       goals_of(program, question, verdicts, UNITS[unit]))


def of_program(program, figures, verdicts, unit="ns", questions=None):
    groups = grouped(figures.get(program, {}))
    wanted = questions or [q for q in TITLES if q in groups]
    return [bars(program, q, groups[q], verdicts, unit,
                 "holds" if q == "writer_among_readers" else None)
            for q in wanted if q in groups]


SCALES = [
    ("random file in a directory", "files in the directory",
     {"open and close": "open_in_directory", "find in unordered_map": "find_in_map"}),
    ("4 KiB at random from a file", "MiB in the file",
     {"read": "read_in_file", "copy from vector": "copy_from_vector",
      "read, mostly a hole": "read_in_sparse_file"}),
    ("a file beside open handles", "open handles", {"open and close": "open_beside_handles"}),
]


def of_scale(figures):
    groups = grouped(figures.get("scale", {}))
    panels = []
    for title, x_title, lines in SCALES:
        shown = [(label, sorted((float(n), f.nanoseconds) for n, f in groups[question].items()))
                 for label, question in lines.items() if question in groups]
        if shown:
            panels.append(charts.Lines(title, x_title, "ns", shown))
    return panels


WORKLOADS = ["small_files", "many_files", "deep_file", "stream_16m", "random_16m", "stream_512m"]
THREADS = ["threads_apart", "threads_one_directory", "threads_one_file", "threads_create_remove",
           "threads_create_remove_in_map", "threads_stream", "threads_copy"]


def workloads_chart(figures, verdicts):
    panels = of_program("workloads", figures, verdicts, "ms", WORKLOADS)
    return charts.draw("Six workloads: shorter is better; a red line is a goal", panels, 2)


PEERS = {
    "files_0": "2,000 empty files, made and read",
    "files_100": "2,000 files of 100 bytes, made and read",
    "files_4096": "2,000 files of 4 KiB, made and read",
    "stream_16m": "16 MiB stream in pieces of 64 KiB",
    "read_random": "8,000 random files of 100 bytes, read",
    "open_close": "8,000 random files, opened and closed",
    "remove": "2,000 files removed",
}
OURS, FRESH = ("blocking", "coroutine"), "_fresh"


def peers_panel(title, unit, cases, red_lines):
    """`cases`: {who: length}. What stands out by far is cut off, so that the others are seen."""
    usual = {who: length for who, length in cases.items() if not who.endswith(FRESH)}
    fresh = {who.removesuffix(FRESH): length for who, length in cases.items()
             if who.endswith(FRESH)}
    order = {who: place for place, who in enumerate(charts.LABELS)}
    shown = sorted(usual.items(), key=lambda case: order.get(case[0], len(order)))
    ours = [length for who, length in cases.items() if who.removesuffix(FRESH) in OURS]
    return charts.Bars(title, unit, shown, red_lines, fresh, 5 * max(ours) if ours else None)


def peers_row(question, figures, verdicts):
    """By one thread, by two, and what a million files take, where they are as large."""
    times, memory = grouped(figures.get("peers", {})), grouped(figures.get("peers_memory", {}))
    row = []
    for suffix, threads in ("", ""), ("_by_two", ", by two threads"):
        cases = times.get(question + suffix)
        row.append(cases and peers_panel(
            PEERS[question] + threads, "ms", {who: f.nanoseconds / 1e6 for who, f in cases.items()},
            goals_of("peers", question + suffix, verdicts, 1e6)))
    asked = question.replace("files", "memory")
    cases = memory.get(asked) if asked != question else None
    row.append(cases and peers_panel(
        "memory of a million such files", "bytes for each",
        {who: f.counters["bytes"] for who, f in cases.items()},
        goals_of("peers_memory", asked, verdicts, 1)))
    return row


def peers_chart(figures, verdicts):
    rows = [peers_row(question, figures, verdicts) for question in PEERS]
    return charts.draw("Shorter is better; a dot: with fresh memory; a red line: the best of the "
                       "other file systems (grey)",
                       [panel for row in rows if any(row) for panel in row], 3)


def all_charts(figures, verdicts):
    """(heading, SVG) of all that was measured."""
    wanted = [
        ("Operations: shorter is better; a red line is a goal",
         of_program("operations", figures, verdicts), 3),
        ("The lock: shorter is better; a red line is a goal",
         of_program("rw_lock", figures, verdicts), 2),
        ("Growth: flatter is better", of_scale(figures), 3),
        ("Threads: with two it ought to take little more than half",
         of_program("scale", figures, verdicts, "us", THREADS), 3),
    ]
    drawn = [workloads_chart(figures, verdicts)] if figures.get("workloads") else []
    if figures.get("peers"):
        drawn.append(peers_chart(figures, verdicts))
    return drawn + [charts.draw(title, panels, columns) for title, panels, columns in wanted
                    if panels]
