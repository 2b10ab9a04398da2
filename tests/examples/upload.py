# SPDX-License-Identifier: BSL-1.0
"""Runs examples/upload as its users do, and looks at what it prints and returns.

usage: upload.py PROGRAM [unittest arguments]
"""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM = ""
# Generous: the program may run under a sanitizer, on a busy machine.
TIMEOUT = 240


class Outcome:
    """What one run of the program left behind."""

    def __init__(self, done):
        self.status = done.returncode
        self.stdout = done.stdout.decode(errors="surrogateescape")
        self.stderr = done.stderr.decode(errors="surrogateescape")
        row = r"^(\S.*?) {2,}([\d.]+)$"
        self.table = {name: float(value) for name, value in re.findall(row, self.stdout, re.M)}


def run(*arguments):
    return Outcome(subprocess.run([PROGRAM, *map(os.fspath, arguments)], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=TIMEOUT, check=False))


class Upload(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def put(self, name, content=b""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return len(content)

    def check(self, outcome, **table):
        """All was as it must be, and the rows of the table are as given."""
        self.assertEqual(outcome.status, 0, outcome.stdout + outcome.stderr)
        for name in ("mismatches", "failed", "wrong in the volume", "pinned bytes left",
                     "open handles left"):
            self.assertEqual(outcome.table[name], 0, name)
        self.assertEqual(outcome.table["charge left"], outcome.table["charge when empty"])
        for name, value in table.items():
            self.assertEqual(outcome.table[name.replace("_", " ")], value, name)

    def test_every_file_arrives_as_it_was_and_is_another_in_the_volume(self):
        size = self.put("empty")
        size += self.put("one", b"\0")
        size += self.put("deep/er/and deeper/file", b"text\n")
        size += self.put("large", os.urandom(9 * 1024 * 1024 + 1))
        size += self.put("exactly one piece", os.urandom(256 * 1024))
        outcome = run(self.root)
        self.check(outcome, files=5, bytes=size, rewritten=5, rewritten_while_sent=4, refused=0, skipped=0,
                   no_room_to_rewrite=0)
        self.assertGreaterEqual(outcome.table["pinned bytes at peak"], 9 * 1024 * 1024)
        self.assertEqual(outcome.table["charge after"], outcome.table["charge before"])
        self.assertEqual(outcome.stderr, "")

    def test_a_large_file_is_rewritten_while_it_is_sent(self):
        size = self.put("large", os.urandom(40 * 1024 * 1024))
        outcome = run(self.root)
        self.check(outcome, files=1, rewritten=1, rewritten_while_sent=1,
                   pinned_bytes_at_peak=size)
        # What is pinned, and the copy that the writer made, are there at once.
        self.assertGreater(outcome.table["charge at peak"], 2 * size)

    def test_many_files_over_one_connection_and_many(self):
        size = sum(self.put(f"{i % 7}/{i}", os.urandom(i * 100)) for i in range(400))
        for connections in ("1", "256"):
            self.check(run(self.root, "--connections", connections), files=400, bytes=size,
                       rewritten=400, rewritten_while_sent=399)

    def test_names_that_a_url_must_escape(self):
        names = ["a b", "100%", "%41", "question?mark", "hash#tag", "日本語", "ü/ö", "new\nline",
                 "..dots", "~tilde"]
        for name in names:
            self.put(name, name.encode())
        self.put(os.fsdecode(b"latin-\xe9"), b"1")
        self.check(run(self.root), files=len(names) + 1)

    def test_links_and_special_files_are_passed_over_and_a_backslash_is_counted(self):
        self.put("file", b"1")
        self.put("back\\slash", b"2")
        (self.root / "link").symlink_to("file")
        (self.root / "loop").symlink_to(".")
        os.mkfifo(self.root / "fifo")
        self.check(run(self.root), files=1, skipped=1)

    def test_what_does_not_fit_is_not_served(self):
        for i in range(20):
            self.put(f"large/{i}", bytes(300_000))
        outcome = run(self.root, "--quota", "1M")
        self.check(outcome)
        self.assertEqual(outcome.table["files"] + outcome.table["refused"], 20)
        self.assertGreater(outcome.table["refused"], 0)
        self.assertGreater(outcome.table["files"], 0)

    def test_without_room_for_the_copy_a_pinned_file_can_not_be_rewritten(self):
        self.put("large", os.urandom(40 * 1024 * 1024))
        self.check(run(self.root, "--quota", "50M"), files=1, rewritten=0,
                   no_room_to_rewrite=1)

    def test_files_that_change_meanwhile_are_no_mismatch(self):
        names = [self.root / f"{i % 9}" / f"{i}" for i in range(300)]
        for name in names:
            self.put(name, bytes(200_000))
        stop = threading.Event()

        def disturb():
            while not stop.is_set():
                for i, name in enumerate(names):
                    with contextlib.suppress(FileNotFoundError):
                        if i % 3 == 0:
                            os.truncate(name, 100 + i)
                        elif i % 3 == 1:
                            name.write_bytes(os.urandom(300_000))
                        else:
                            name.unlink()

        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            outcome = run(self.root, "--connections", "8")
        finally:
            stop.set()
            disturber.join()
        self.check(outcome)

    @unittest.skipUnless(os.path.isdir("/proc/sys/kernel/random"), "needs Linux's /proc")
    def test_a_file_that_is_not_what_it_says_is_a_mismatch(self):
        # These files say that they are empty, and are not.
        outcome = run("/proc/sys/kernel/random")
        self.assertEqual(outcome.status, 1)
        self.assertGreater(outcome.table["mismatches"], 0)
        self.assertIn("mismatch: /uuid\n", outcome.stderr)

    def test_an_empty_directory(self):
        self.check(run(self.root), files=0, bytes=0)


class CommandLine(unittest.TestCase):
    def test_help(self):
        outcome = run("--help")
        self.assertEqual(outcome.status, 0)
        for text in ("DIR", "--connections N", "--quota SIZE", "Exit status:"):
            self.assertIn(text, outcome.stdout)

    def test_bad_usage(self):
        for arguments in (["--bogus"], ["--quota", "-1"], ["--connections", "0"],
                          ["/nonexistent"], ["/", "/"]):
            with self.subTest(arguments=arguments):
                outcome = run(*arguments)
                self.assertEqual(outcome.status, 2)
                self.assertEqual(outcome.stdout, "")
                self.assertNotEqual(outcome.stderr, "")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
