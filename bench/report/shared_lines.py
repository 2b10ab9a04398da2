# SPDX-License-Identifier: BSL-1.0
"""Counts of written cache lines that two threads share, from what valgrind's lackey wrote down.

bench_shared_lines says where its marks are, and where the code is; the trace has a line for each
instruction ("I  04001234,3") and, below, for what it loads, stores or both (" L 1fff0010,8", " S",
" M").
"""
import bisect
import collections
import dataclasses
import pathlib
import re
import statistics
import subprocess

LINE = 64  # bytes
THREADS = 2
MARK = 8  # bytes; a pair for each thread: where its turn begins, and ends
LOADED = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S*x\S* ([0-9a-f]+) \S+ +\d+ +(/.+)")


@dataclasses.dataclass
class Turn:
    """What one thread touched in one turn: {line: {address of an instruction}}."""
    read: dict = dataclasses.field(default_factory=dict)
    written: dict = dataclasses.field(default_factory=dict)

    def touched(self):
        return self.read.keys() | self.written.keys()


@dataclasses.dataclass
class About:
    """What the program says of itself."""
    marks: int
    operations: list  # of names, in the order of the marks
    rounds: int  # turns of a thread in each place
    apart: set  # lines that do not count
    loaded: list  # of (begin, end, offset in the file, file) of code, in the order of addresses


def lines_at(address, size):
    return range(address // LINE, (address + size - 1) // LINE + 1)


def read_about(text):
    marks = re.search(r"^marks 0x([0-9a-f]+)$", text, re.M)
    operations = re.findall(r"^operation (.+)$", text, re.M)
    rounds = re.search(r"^rounds (\d+)$", text, re.M)
    if not marks or not operations or not rounds:
        raise ValueError("this is not what bench_shared_lines writes")
    apart = set()
    for low, high in re.findall(r"^apart 0x([0-9a-f]+) 0x([0-9a-f]+)$", text, re.M):
        apart.update(lines_at(int(low, 16), int(high, 16) - int(low, 16)))
    loaded = [(int(begin, 16), int(end, 16), int(offset, 16), path)
              for begin, end, offset, path in LOADED.findall(text)]
    return About(int(marks[1], 16), operations, int(rounds[1]), apart, sorted(loaded))


def read_turns(trace, about):
    """[for each operation, [for each thread, [Turn]]]."""
    turns = [[[] for _ in range(THREADS)] for _ in about.operations]
    end_of_marks = about.marks + len(turns) * THREADS * 2 * MARK
    turn, instruction = None, 0
    for line in trace:
        kind = line[:2]
        if turn is None and kind != " S" or kind not in ("I ", " L", " S", " M"):
            continue
        address, size = line[2:].split(",")
        address = int(address, 16)
        if kind == "I ":
            instruction = address
        elif kind == " S" and about.marks <= address < end_of_marks:
            place, is_end = divmod((address - about.marks) // MARK, 2)
            turn = None if is_end else Turn()
            if turn:
                turns[place // THREADS][place % THREADS].append(turn)
        elif turn:
            used = turn.read if kind == " L" else turn.written
            for number in lines_at(address, int(size)):
                if number not in about.apart:
                    used.setdefault(number, set()).add(instruction)
    return turns


def shared(one, other):
    """The lines that both touched and at least one wrote."""
    return (one.written.keys() & other.touched()) | (other.written.keys() & one.touched())


def settled_pairs(turns_of_threads, rounds):
    """[[(Turn, Turn)] for each place]; the first half, while caches fill, is left out."""
    pairs = list(zip(*turns_of_threads))
    places = [pairs[first:first + rounds] for first in range(0, len(pairs), rounds)]
    return [place[len(place) // 2:] for place in places]


def usual_count(pairs):
    """The median, and of two the less."""
    return statistics.median_low([len(shared(*pair)) for pair in pairs])


def best_place(turns_of_threads, rounds):
    """The pairs of the place where the least lies beside each other by chance."""
    return min(settled_pairs(turns_of_threads, rounds), key=usual_count)


def count(turns_of_threads, rounds):
    return usual_count(best_place(turns_of_threads, rounds))


def instructions_at(pairs):
    """[{addresses of instructions}] for each line that is shared in the usual pair."""
    found = collections.Counter(line for pair in pairs for line in shared(*pair))
    users = collections.defaultdict(set)
    for turn in (turn for pair in pairs for turn in pair):
        for used in turn.read, turn.written:
            for line in used.keys() & found.keys():
                users[line] |= used[line]
    return [users[line] for line, times in found.most_common() if times > len(pairs) / 2]


def place_of(address, about):
    """(file, address in the file) of code."""
    at = bisect.bisect_right(about.loaded, address, key=lambda part: part[0]) - 1
    if at < 0 or address >= about.loaded[at][1]:
        return None
    begin, _, offset, path = about.loaded[at]
    return path, address - begin + offset


def names_in(path, addresses):
    """{address: function} by addr2line."""
    done = subprocess.run(["addr2line", "-f", "-C", "-e", path, *map(hex, addresses)], text=True,
                          capture_output=True, check=False)
    return dict(zip(addresses, done.stdout.splitlines()[::2]))


def short(name):
    """A function without its parameters and arguments of templates."""
    name = name.replace("(anonymous namespace)::", "").replace("operator()", "operator")
    before = None
    while name != before:
        before, name = name, re.sub(r"<[^<>]*>|\([^()]*\)|\{lambda[^{}]*\}", "", name)
    return re.sub(r"( const)+(?=::|$)", "", name)


def functions(lines, about):
    """[[function] for each line of `instructions_at`]."""
    by_file = collections.defaultdict(set)
    for place in (place_of(address, about) for users in lines for address in users):
        if place:
            by_file[place[0]].add(place[1])
    names = {path: names_in(path, sorted(addresses)) for path, addresses in by_file.items()}

    def name(address):
        place = place_of(address, about)
        return short(names[place[0]].get(place[1], "??")) if place else "??"

    return [sorted({name(address) for address in users}) for users in lines]


def read(directory):
    """(About, {operation: turns}) of a run that left `about` and `trace` there."""
    directory = pathlib.Path(directory)
    about = read_about((directory / "about").read_text(encoding="utf-8"))
    with open(directory / "trace", encoding="utf-8", errors="replace") as trace:
        return about, dict(zip(about.operations, read_turns(trace, about)))


def read_counts(directory):
    """{operation: shared lines}."""
    about, turns = read(directory)
    return {name: count(its, about.rounds) for name, its in turns.items()}


def explain(directory):
    """Text: each operation, and below the functions that use each of its lines."""
    about, turns = read(directory)
    text = []
    for name, its in turns.items():
        pairs = best_place(its, about.rounds)
        text.append(f"{name}: {usual_count(pairs)}")
        for number, users in enumerate(functions(instructions_at(pairs), about), 1):
            text += [f"  line {number}", *(f"    {user}" for user in users)]
    return "\n".join(text)
