# SPDX-License-Identifier: BSL-1.0
"""Runs examples/ci_debug_export as its users do, and looks at what it prints and leaves.

usage: ci_debug_export.py PROGRAM [unittest arguments]
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import program

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/ci_debug_export.md"
# A text that is not changed by the machine.
TEXT = ROOT / "LICENSE"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


class FolderTest(program.ProgramTest):
    """In a folder of its own, which the program writes to."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.folder = pathlib.Path(folder.name)
        self.left = self.folder / "coramfs-failed"


class Tests(FolderTest):
    def test_what_is_right_leaves_nothing(self):
        (self.folder / "texts").mkdir()
        texts = {"empty": "", "no end": "one\ntwo", "long": "x" * 10_000 + "\ny\n", "lines": "\n" * 99}
        for name, text in texts.items():
            (self.folder / "texts" / name).write_text(text, encoding="utf-8")
        for size in ["1", "10", "4096", "1M"]:
            with self.subTest(size=size):
                outcome = program.run(self.folder / "texts", TEXT, "--size", size)
                self.assertEqual((outcome.status, outcome.stdout, outcome.stderr),
                                 (0, "tests: 5\n", ""))
        self.assertFalse(self.left.exists())

    @unittest.skipUnless(os.path.isdir("/usr/share/common-licenses"), "needs Debian")
    def test_the_texts_of_this_machine(self):
        outcome = program.run()
        self.assertEqual((outcome.status, outcome.stderr), (0, ""))

    def test_each_test_that_fails_leaves_its_tree(self):
        outcome = program.run(TEXT, ROOT / "CONTRIBUTING.md", "--bug", "lost-line", "--size", "512")
        self.assertEqual(outcome.status, 1)
        self.assertEqual(sorted(one.name for one in self.left.iterdir()),
                         ["split.CONTRIBUTING.md", "split.LICENSE"])
        tree = self.left / "split.LICENSE"
        self.assertEqual((tree / "in/LICENSE").read_bytes(), TEXT.read_bytes())
        lines = TEXT.read_text(encoding="utf-8").splitlines()
        parts = [part.read_text(encoding="utf-8").splitlines()
                 for part in sorted((tree / "parts/LICENSE").iterdir())]
        self.assertGreater(len(parts), 1)
        self.assertEqual(sum(map(len, parts)), len(lines) - len(parts) + 1)

    def test_it_goes_where_the_environment_says(self):
        os.environ["CORAMFS_TEST_OUTPUT"] = str(self.folder / "artifacts")
        self.addCleanup(os.environ.pop, "CORAMFS_TEST_OUTPUT")
        program.run(TEXT, "--bug", "left-open")
        self.assertTrue((self.folder / "artifacts/split.LICENSE/manifest.txt").is_file())
        self.assertFalse(self.left.exists())


class Page(FolderTest):
    """The page shows what is printed and left, as it is."""

    def print_of(self, command):
        if not command.startswith("examples/run ci_debug_export "):
            return subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False).stdout
        arguments = [TEXT if one == "LICENSE" else one for one in command.split()[2:]]
        with program.running(*arguments, stderr=subprocess.STDOUT) as process:
            printed = process.communicate(timeout=program.TIMEOUT)[0]
        self.assertEqual(process.returncode, 1)
        return printed.decode()

    def test_what_it_shows(self):
        shown = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"),
                           re.M | re.S)
        self.assertGreater(len(shown), 3)
        for command, expected in shown:
            with self.subTest(command=command):
                self.assertEqual(TIME.sub("TIME", self.print_of(command)),
                                 TIME.sub("TIME", expected))


class CommandLine(program.CommandLineTest):
    help_names = ["--bug BUG", "--size SIZE", "CORAMFS_TEST_OUTPUT", "Examples:"]
    bad_usage = [["--bogus"], ["--bug"], ["--bug", "none", "--bug", "moth"], ["--bug", "moth"],
                 ["--size", "-1"], ["--size", "1X"], ["/nonexistent"]]


if __name__ == "__main__":
    # The tests run in folders of their own.
    sys.argv[1] = os.path.abspath(sys.argv[1])
    program.main()
