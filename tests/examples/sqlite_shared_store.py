# SPDX-License-Identifier: BSL-1.0
"""Runs examples/sqlite_shared_store as its users do, and reads its database with Python's own SQLite.

usage: sqlite_shared_store.py PROGRAM [unittest arguments]
"""
import pathlib
import sqlite3
import tempfile
import unittest

import program


class Tests(program.ProgramTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.database = self.folder / "catalogue.db"
        self.below = self.folder / "below"
        self.sizes = {}
        for number in range(300):
            file = self.below / f"{number % 7}" / f"it's {number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x" * number)
            self.sizes[str(file)] = number
        (self.below / "link").symlink_to(self.database)

    def catalogue(self):
        with sqlite3.connect(self.database) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            return dict(db.execute("SELECT * FROM files"))

    def test_all_is_in_the_catalogue_by_all_connections(self):
        for kind in ["hot", "live"]:
            for connections in [1, 8]:
                with self.subTest(kind=kind, connections=connections):
                    self.database.unlink(missing_ok=True)
                    outcome = program.run(self.below, "--kind", kind, "--database", self.database,
                                          "--connections", str(connections))
                    self.assertEqual((outcome.status, outcome.stderr), (0, ""))
                    self.check_rows(outcome, files_before=0, files_found=300, wrong_looks=0,
                                    files_in_the_catalogue=300, bytes_in_the_catalogue=44850)
                    self.assertEqual(self.catalogue(), self.sizes)
                    self.assertEqual(outcome.number("bytes of the database"),
                                     self.database.stat().st_size)

    def test_the_next_run_goes_on_with_it(self):
        program.run(self.below, "--database", self.database)
        other = self.folder / "other"
        other.mkdir()
        (other / "a").write_bytes(b"abc")
        outcome = program.run(other, "--database", self.database)
        self.check_rows(outcome, files_before=300, files_found=1, files_in_the_catalogue=301)
        self.assertEqual(self.catalogue(), {**self.sizes, str(other / "a"): 3})

    def test_what_does_not_fit_is_told_with_its_numbers(self):
        for kind in ["hot", "live"]:
            with self.subTest(kind=kind):
                outcome = program.run(self.below, "--kind", kind, "--quota", "16K",
                                      "--database", self.database)
                self.assertEqual(outcome.status, 1)
                self.assertRegex(outcome.stderr, "quota exceeded: .*requested [0-9]+ bytes, ")
                self.assertFalse(self.database.exists())

    def test_what_is_no_database_stays(self):
        self.database.write_bytes(b"no database" * 1000)
        outcome = program.run(self.below, "--database", self.database)
        self.assertEqual(outcome.status, 1)
        self.assertIn("file is not a database", outcome.stderr)
        self.assertEqual(self.database.read_bytes(), b"no database" * 1000)

    def test_help_and_mistakes(self):
        self.assertEqual(program.run("--help").status, 0)
        for wrong in [["--kind", "cold"], ["--connections", "0"], ["/missing"]]:
            self.assertEqual(program.run(*wrong).status, 2)


if __name__ == "__main__":
    program.main()
