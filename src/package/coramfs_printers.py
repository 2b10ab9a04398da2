# SPDX-License-Identifier: BSL-1.0
"""Pretty-printers for gdb: codes, errors with what is noted of them, results, and files.

An installed copy has this file where gdb loads it with the library. Otherwise it is

    (gdb) source .../coramfs_printers.py

It reads memory and calls nothing, so it works on a core file, too. The path of an error is shown
where the library has its symbols, and the name of the call where it has its debug information.
"""
import gdb
import gdb.printing

# As in src/core/error_notes.hpp: a lane has its notes in a row. A note has its number first, and then
# what is noted.
NOTES, NUMBERS_OF_LANES, VERSIONS, NOTE_SIZE, LANE_SIZE = 32, 128, 8, 512, 16448
CALL, IS_CUT, PATH_SIZE, PATH = 8, 9, 12, 40
LANES = "coramfs::detail::(anonymous namespace)::note_lanes"
CATEGORY = "coramfs::(anonymous namespace)::immortal"


def address_of(symbol):
    """Where an object of the library is, or None if its symbols are not there."""
    try:
        return int(gdb.parse_and_eval(f"(unsigned long)&'{symbol}'"))
    except gdb.error:
        return None


def enumerator(type_name, value):
    """The name of an enumerator, or None."""
    try:
        fields = gdb.lookup_type(type_name).fields()
    except gdb.error:
        return None
    return next((f.name.split("::")[-1] for f in fields if f.enumval == value), None)


def quoted(raw):
    return '"' + bytes(raw).decode("utf-8", "backslashreplace") + '"'


def note_of(number):
    """What is noted under a number: the name of the call and the path; empty if it has gone."""
    lanes = address_of(LANES)
    if not number or lanes is None:
        return ""
    lane, sequence = number % NUMBERS_OF_LANES, number // NUMBERS_OF_LANES // VERSIONS
    at = lanes + lane * LANE_SIZE + sequence % NOTES * NOTE_SIZE
    try:
        note = gdb.selected_inferior().read_memory(at, NOTE_SIZE).tobytes()
    except gdb.MemoryError:
        return ""
    if int.from_bytes(note[:8], "little") != number:
        return ""
    size = int.from_bytes(note[PATH_SIZE:PATH_SIZE + 2], "little")
    call = enumerator("coramfs::detail::call", note[CALL]) if note[CALL] else None
    path = (b"..." if note[IS_CUT] else b"") + note[PATH:PATH + size]
    return "".join(" " + part for part in (call, quoted(path) if path else None) if part)


def code_text(code):
    """A std::error_code: the name of an errc, or the number and the category of another code."""
    value, category = int(code["_M_value"]), int(code["_M_cat"])
    ours = address_of(CATEGORY)
    name = enumerator("coramfs::errc", value)
    if name and (ours is None or ours == category):
        return name
    return f"{value} of the category at {category:#x}"


class ErrorPrinter:
    """coramfs::error"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        text = code_text(self.value["code_"]) + note_of(int(self.value["note_"]))
        requested, available = int(self.value["requested_"]), int(self.value["available_"])
        if requested or available:
            text += f" (requested {requested}, available {available})"
        return text


class ResultPrinter:
    """coramfs::result: its value or its error."""

    HAS_VALUE = 1

    def __init__(self, value):
        self.state = value["_state"]

    def has_value(self):
        return int(self.state["_status"]["status_value"]) & self.HAS_VALUE

    def to_string(self):
        return "success" if self.has_value() else "failure"

    def children(self):
        if not self.has_value():
            yield "error", self.state["_error"]
        elif self.state["_value"].type.strip_typedefs().sizeof > 1:
            yield "value", self.state["_value"]


class FilePrinter:
    """coramfs::file and coramfs::sync::file: path, mode and cursor, and whether it is open."""

    def __init__(self, value):
        self.file = value["file_"] if any(f.name == "file_" for f in value.type.fields()) else value

    def to_string(self):
        text = self.file["path_"]
        size = int(text["size_"])
        raw, inline = text["text_"], text["text_"].type.sizeof
        start = int(raw.address)
        memory = gdb.selected_inferior()
        if size > inline:
            start = int.from_bytes(memory.read_memory(start, 8).tobytes(), "little")
        path = quoted(memory.read_memory(start, size).tobytes() if size else b"")
        if not int(self.file["node_"]["node_"]):
            return f"closed file {path}"
        mode = enumerator("coramfs::open_mode", int(self.file["mode_"]))
        return f"file {path} ({mode}) at {int(self.file['cursor_'])}"


def printers():
    found = gdb.printing.RegexpCollectionPrettyPrinter("coramfs")
    found.add_printer("error", r"^coramfs::error$", ErrorPrinter)
    found.add_printer("result", r"^coramfs::result<.*>$", ResultPrinter)
    found.add_printer("file", r"^coramfs::(sync::file|file|detail::open_file)$", FilePrinter)
    return found


gdb.printing.register_pretty_printer(gdb.current_objfile(), printers(), replace=True)
