# SPDX-License-Identifier: BSL-1.0
"""Runs examples/sqlite_test_fixtures as its users do.

usage: sqlite_test_fixtures.py PROGRAM [unittest arguments]
"""
import pathlib
import re
import tempfile
import unittest

import program

WAYS = ["a fork of the volume", "a shared copy in it", "sqlite3_deserialize", "a copy of the file",
        "loading a dump"]


class Tests(program.ProgramTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.below = pathlib.Path(folder.name) / "below"
        self.copies = pathlib.Path(folder.name) / "copies"
        self.copies.mkdir()
        for number in range(2000):
            file = self.below / f"{number % 7}" / f"it's a rather long name {number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x" * (number % 50))

    def run_tests(self, *options):
        return program.run(self.below, "--folder", self.copies, *options)

    def test_all_ways_come_to_the_same(self):
        outcome = self.run_tests("--tests", "5")
        self.assertEqual((outcome.status, outcome.stderr), (0, ""))
        self.check_rows(outcome, files_in_the_catalogue=2000, tests_of_each_way=5, failed_tests=0)
        shown = re.findall(r"^(.*?) +[0-9.]+  #+$", outcome.stdout, re.M)
        self.assertEqual(shown, WAYS)
        self.assertEqual(list(self.copies.iterdir()), [])

    # The content of the database is not in the bill of a fork, and a test pays for what it changes.
    def test_a_fork_is_charged_for_names_and_changes(self):
        outcome = self.run_tests("--tests", "1")
        database = outcome.number("bytes of the database")
        fork = outcome.number("bytes of a fork")
        self.assertGreater(database, 150_000)
        self.assertLess(fork, 2000)
        self.assertGreater(outcome.number("bytes after its test"), fork + 4096)

    def test_a_database_that_does_not_fit_is_refused_with_its_numbers(self):
        outcome = self.run_tests("--quota", "64K")
        self.assertEqual(outcome.status, 1)
        self.assertRegex(outcome.stderr, "quota exceeded: .*requested [0-9]+ bytes, ")

    def test_help_and_mistakes(self):
        self.assertEqual(program.run("--help").status, 0)
        for wrong in [["--tests", "0"], ["--folder", "/missing"], ["/missing"]]:
            self.assertEqual(program.run(*wrong).status, 2)


if __name__ == "__main__":
    program.main()
