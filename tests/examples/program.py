# SPDX-License-Identifier: BSL-1.0
"""What the tests of the examples have in common: how a program is run, what it leaves behind, and
files for it to work on.

A test module imports this one, and calls `main` when it is run:

usage: MODULE.py PROGRAM [unittest arguments]
"""

import contextlib
import itertools
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

# Seconds. Generous: the program may run under a sanitizer, on a busy machine.
TIMEOUT = 240
# For time-outs of the program's own that must not end anything: it never runs for so long.
NEVER = 4 * TIMEOUT
# Its files say that they are empty, and are not; "uuid" is another one each time it is read.
CHANGING_FILES = pathlib.Path("/proc/sys/kernel/random")

needs_changing_files = unittest.skipUnless(CHANGING_FILES.is_dir(), "needs Linux's /proc")
needs_permissions = unittest.skipIf(os.geteuid() == 0, "root may read everything")

_path = ""


def main():
    """Runs the tests of the module that was called."""
    global _path
    _path = sys.argv.pop(1)
    # What a shell runs in the background ignores it, and so do all that are started from there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main()


class Outcome:
    """What one run of the program left behind. The rows of its table are by name, as text."""

    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout.decode(errors="surrogateescape")
        self.stderr = stderr.decode(errors="surrogateescape")
        self.rows = dict(re.findall(r"^(\S.*?) {2,}(\S+)$", self.stdout, re.M))

    def number(self, row):
        return float(self.rows[row])


@contextlib.contextmanager
def running(*arguments, stderr=subprocess.PIPE):
    """Gives the process. It does not outlive a test that fails meanwhile."""
    with subprocess.Popen([_path, *map(os.fspath, arguments)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=stderr) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def finish(process, fed=b"", terminal=None):
    """The outcome, when the program has read what it is fed and has ended."""
    stdout, stderr = process.communicate(fed, timeout=TIMEOUT)
    if terminal:
        stderr = terminal.read_all()
    return Outcome(process.returncode, stdout, stderr)


def run(*arguments, fed=b""):
    with running(*arguments) as process:
        return finish(process, fed)


class Terminal:
    """The end of a pseudo-terminal that shows what the program writes to its standard error."""

    def __init__(self):
        screen, self.program_end = pty.openpty()
        self._screen = os.fdopen(screen, "rb", buffering=0)
        self._shown = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._screen.close()

    def read_until(self, pattern):
        """Until what is shown has the pattern, or until the program ends."""
        while not re.search(pattern, self._shown, re.S) and self._read():
            pass

    def read_all(self):
        """All that was shown, when the program has ended."""
        while self._read():
            pass
        return self._shown

    def _read(self):
        try:
            piece = self._screen.read(4096)
        except OSError:  # how Linux tells that the other end is closed
            piece = b""
        self._shown += piece
        return piece


@contextlib.contextmanager
def running_on_terminal(*arguments):
    """Gives the process and its terminal, which only the process holds open."""
    with Terminal() as terminal, running(*arguments, stderr=terminal.program_end) as process:
        os.close(terminal.program_end)
        yield process, terminal


class ProgramTest(unittest.TestCase):
    """What is looked at in the outcome of every program."""

    def check_rows(self, outcome, **rows):
        """The rows are as given. Their names have spaces where these have underscores."""
        for name, value in rows.items():
            row = name.replace("_", " ")
            self.assertEqual(outcome.number(row), value, row + "\n" + outcome.stderr)

    def check_nothing_left(self, outcome):
        """No file is open any more, and nobody pays for anything."""
        charge_when_empty = outcome.rows.get("charge when empty", "0")
        self.assertEqual(outcome.rows["open handles left"], "0")
        self.assertEqual(outcome.rows["charge left"], charge_when_empty)


    def check_progress(self, *arguments):
        """A line on a terminal, which is gone at the end."""
        with running_on_terminal(*arguments) as (process, terminal):
            outcome = finish(process, terminal=terminal)
        self.assertEqual(outcome.status, 0, outcome.stderr)
        self.assertRegex(outcome.stderr, r"\d+ s  \d+ files  [\d.]+ MiB of [\d.]+ charged\r")
        self.assertTrue(outcome.stderr.endswith("\r\x1b[K"), outcome.stderr)


class DirectoryTest(ProgramTest):
    """Each test has a directory of its own, `root`, for the program to work on."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def put(self, name, content=b""):
        """Makes a file and the directories above it. Its size."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return len(content)

    def put_names_to_escape(self):
        """Files whose names can not stand in a URL as they are. How many."""
        names = ["a b", "100%", "%41", "question?mark", "hash#tag", "plus+and&", "日本語", "ü/ö",
                 "[x]", "semi;colon", "new\nline", "quote\"'", "..dots", "...", "~tilde",
                 os.fsdecode(b"latin-\xe9")]
        for name in names:
            self.put(name, os.fsencode(name))
        return len(names)

    def put_file_with_links_and_special_files(self):
        """One regular file, and all that is neither one nor a directory."""
        self.put("file", b"1")
        (self.root / "link").symlink_to("file")
        (self.root / "loop").symlink_to(".")
        (self.root / "dangling").symlink_to("nowhere")
        os.mkfifo(self.root / "fifo")
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(self.root / "socket"))

    @contextlib.contextmanager
    def changing_files(self, count):
        """Makes files that are shortened, rewritten and removed as long as the block runs."""
        files = [self.root / f"{i % 9}" / f"{i}" for i in range(count)]
        for file in files:
            self.put(file, bytes(200_000))
        stop = threading.Event()
        changer = threading.Thread(target=change_until, args=(stop, files))
        changer.start()
        try:
            yield
        finally:
            stop.set()
            changer.join()


def change_until(stop, files):
    # No two contents of a file that differ have the same size, not even half written: the clock
    # of a file system may stand still meanwhile, and then the size is all that tells of a change.
    for size in itertools.count(300_001, 2):
        for i, file in enumerate(files):
            if stop.is_set():
                return
            with contextlib.suppress(FileNotFoundError):
                if i % 3 == 0:
                    os.truncate(file, 100)
                elif i % 3 == 1:
                    file.write_bytes(os.urandom(size))
                else:
                    file.unlink()


class CommandLineTest(ProgramTest):
    """To be derived from, with what the help must name and with what is no command line."""

    help_names = ()
    bad_usage = ()

    def test_help(self):
        outcome = run("--help")
        self.assertEqual(outcome.status, 0)
        for text in (*self.help_names, "Exit status:"):
            self.assertIn(text, outcome.stdout)

    def test_bad_usage(self):
        for arguments in self.bad_usage:
            with self.subTest(arguments=arguments):
                outcome = run(*arguments)
                self.assertEqual(outcome.status, 2)
                self.assertEqual(outcome.stdout, "")
                self.assertNotEqual(outcome.stderr, "")
