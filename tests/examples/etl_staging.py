# SPDX-License-Identifier: BSL-1.0
"""Runs examples/etl_staging as its users do, and compares its figures with Python's own.

usage: etl_staging.py PROGRAM [unittest arguments]
"""

import collections
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
# Generous: the program may run under a sanitizer, on a busy machine.
TIMEOUT = 240
PACKAGES = pathlib.Path("/var/lib/dpkg/info")
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


class Outcome:
    """What one run of the program left behind."""

    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout.decode(errors="surrogateescape")
        self.stderr = stderr.decode(errors="surrogateescape")
        row = r"^(\S.*?) {2,}(\S+)$"
        self.table = dict(re.findall(row, self.stdout, re.M))
        listed = re.findall(r"^ *(\d+) files +(\d+) bytes  (/.*)$", self.stdout, re.M)
        self.published = {path: (int(files), int(size)) for files, size, path in listed}
        most = re.findall(r"^ *(\d+) times  ([0-9a-f]+)  (.*)$", self.stdout, re.M)
        self.most_repeated = [(int(copies), digest, path) for copies, digest, path in most]


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(os.fspath, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=TIMEOUT, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


class Expected:
    """The same figures, counted here, with nothing of the program's."""

    def __init__(self, lists):
        self.lists = len(lists)
        self.records = self.rejected = self.bytes = 0
        self.paths = collections.defaultdict(list)
        for one in lists:
            for line in re.findall(rb"[^\n]+|(?<![^\n])(?=\n)", one.read_bytes()):
                record = re.fullmatch(rb"([0-9a-f]{32,}) [ *](.+)", line, re.S)
                if record:
                    self.records += 1
                    self.bytes += len(record[1]) + len(record[2]) + 3
                    self.paths[record[1].decode()].append(record[2])
                else:
                    self.rejected += 1
        self.repeated = {digest: paths for digest, paths in self.paths.items() if len(paths) > 1}

    def most_repeated(self):
        order = sorted(self.repeated, key=lambda digest: (-len(self.repeated[digest]), digest))
        return [(len(self.repeated[digest]), digest, os.fsdecode(min(self.repeated[digest])))
                for digest in order[:5]]


class EtlStagingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def check_nothing_left(self, outcome):
        self.assertEqual(outcome.table["open handles left"], "0")
        self.assertEqual(outcome.table["charge left"], outcome.table["charge when empty"])

    def check_right(self, outcome, lists):
        expected = Expected(lists)
        self.assertEqual(outcome.status, 0, outcome.stdout + outcome.stderr)
        for row, value in [("lists", expected.lists), ("records staged", expected.records),
                           ("records loaded", expected.records),
                           ("lines rejected", expected.rejected),
                           ("distinct contents", len(expected.paths)),
                           ("repeated contents", len(expected.repeated)), ("published", "yes")]:
            self.assertEqual(outcome.table[row], str(value), row)
        self.assertEqual(outcome.most_repeated, expected.most_repeated())
        self.assertGreater(outcome.published["/published/records"][1], expected.bytes)
        self.assertGreater(int(outcome.table["peak charged bytes"]), expected.bytes)
        self.assertEqual(outcome.stderr, "")
        self.check_nothing_left(outcome)

    def check_unpublished(self, outcome, reason):
        self.assertEqual(outcome.status, 1, outcome.stdout + outcome.stderr)
        self.assertEqual(outcome.table["published"], "no")
        self.assertIn("nothing is published: " + reason, outcome.stderr)
        self.assertEqual(outcome.published, {"/published": (0, 0)})
        self.assertEqual(outcome.most_repeated, [])
        self.check_nothing_left(outcome)


@unittest.skipUnless(any(PACKAGES.glob("*.md5sums")), "no lists of Debian's packages are here")
class ListsOfPackages(EtlStagingTest):
    """All of this machine's, copied: packages may come and go while this runs."""

    def setUp(self):
        super().setUp()
        self.lists = [pathlib.Path(shutil.copy(one, self.root))
                      for one in PACKAGES.glob("*.md5sums")]
        self.bytes = Expected(self.lists).bytes

    def test_every_record_is_published(self):
        outcome = run(self.root)
        self.check_right(outcome, self.lists)
        self.assertEqual(outcome.published["/published/records"][0], 16)

    def test_the_result_does_not_depend_on_who_does_the_work(self):
        for writers, threads, partitions in [(1, 1, 1), (200, 8, 1), (7, 2, 256), (64, 1, 3)]:
            with self.subTest(writers=writers, threads=threads, partitions=partitions):
                outcome = run("--writers", str(writers), "--threads", str(threads),
                              "--partitions", str(partitions), self.root)
                self.check_right(outcome, self.lists)
                self.assertLessEqual(outcome.published["/published/records"][0], partitions)

    def test_writers_of_one_partition_wait_for_each_other(self):
        outcome = run("--writers", "50", "--partitions", "1", self.root)
        self.check_right(outcome, self.lists)
        self.assertGreater(int(outcome.table["blocks that waited"]), 0)
        self.assertGreater(float(outcome.table["longest wait, ms"]), 0)

    def test_a_lone_writer_waits_for_nobody(self):
        outcome = run("--writers", "1", "--lock-timeout", "0", self.root)
        self.check_right(outcome, self.lists)
        self.assertEqual(outcome.table["blocks that waited"], "0")

    def test_a_lock_that_is_not_had_in_time(self):
        outcome = run("--writers", "200", "--partitions", "1", "--lock-timeout", "0", self.root)
        self.check_unpublished(outcome, "would block")

    def test_what_does_not_fit_is_refused_with_its_numbers(self):
        quota = self.bytes // 2
        outcome = run("--quota", str(quota), self.root)
        self.check_unpublished(outcome, "quota exceeded: requested")
        asked, left = (int(outcome.table[row]) for row in ("bytes asked for", "bytes left then"))
        self.assertIn(f"requested {asked} bytes, {left} available", outcome.stderr)
        self.assertLess(left, asked)
        self.assertLessEqual(int(outcome.table["peak charged bytes"]), quota)


class ListsOfThisTest(EtlStagingTest):
    """Made here, of the files of the examples."""

    def put_list(self, name, lines):
        path = self.root / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    def lines(self, algorithm="md5"):
        return [hashlib.new(algorithm, one.read_bytes()).hexdigest().encode() + b"  "
                + os.fsencode(one) for one in sorted(EXAMPLES.rglob("*")) if one.is_file()]

    def test_lists_by_name(self):
        lines = self.lines()
        lists = [self.put_list("a", lines), self.put_list("b", lines[3:]),
                 self.put_list("c", self.lines("sha256"))]
        self.check_right(run(*lists), lists)

    def test_lines_that_are_no_records_are_counted(self):
        bad = [b"", b"no digest", b"d41d8cd98f00b204e9800998ecf8427e",
               b"d41d8cd98f00b204e9800998ecf8427e  ", b"d41d8cd98f00b204e9800998ecf8427e x",
               b"D41D8CD98F00B204E9800998ECF8427E  x", b"@a 3"]
        good = [b"d41d8cd98f00b204e9800998ecf8427e *x", b"d41d8cd98f00b204e9800998ecf8427e   ",
                b"d41d8cd98f00b204e9800998ecf8427e  @a 3\r", *self.lines()]
        one = self.put_list("mixed", [*bad, *good])
        outcome = run(one)
        self.check_right(outcome, [one])
        self.assertEqual(outcome.table["lines rejected"], str(len(bad)))

    def test_no_list_and_no_line(self):
        for arguments in ([self.root], [self.put_list("empty", [])]):
            outcome = run(*arguments)
            self.assertEqual(outcome.status, 0, outcome.stderr)
            self.assertEqual(outcome.table["records loaded"], "0")
            self.assertEqual(outcome.published["/published/records"], (0, 0))

    def test_a_list_that_can_not_be_read(self):
        gone = self.root / "gone.md5sums"
        gone.symlink_to("nowhere")
        good = self.put_list("good", self.lines())
        outcome = run(self.root, good)
        self.check_unpublished(outcome, "")
        self.assertIn(f"{gone}: can not be read", outcome.stderr)

    def test_what_is_not_what_the_lists_say_is_not_published(self):
        # The program reads each list twice: to stage it, and to know what must come out.
        lines = self.lines()
        pipe = self.root / "changing"
        os.mkfifo(pipe)
        changed = self.put_list("changed", lines[1:])
        with subprocess.Popen([PROGRAM, pipe], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            with open(pipe, "wb") as first:
                changed.rename(pipe)
                first.write(b"\n".join(lines))
            stdout, stderr = process.communicate(timeout=TIMEOUT)
        outcome = Outcome(process.returncode, stdout, stderr)
        self.check_unpublished(outcome, "the lists say otherwise")
        self.assertEqual(outcome.table["records loaded"], str(len(lines)))


class CommandLine(unittest.TestCase):
    def test_help(self):
        outcome = run("--help")
        self.assertEqual(outcome.status, 0)
        for text in ("--writers N", "--threads N", "--partitions N", "--quota SIZE",
                     "--lock-timeout MILLISECONDS", "Examples:", "Exit status:"):
            self.assertIn(text, outcome.stdout)

    def test_bad_usage(self):
        for arguments in (["--bogus"], ["--quota"], ["--quota", "-1"], ["--quota", "1X"],
                          ["--writers", "0"], ["--threads", "many"], ["--partitions", "257"],
                          ["--lock-timeout", "-1"], ["/nonexistent"]):
            with self.subTest(arguments=arguments):
                outcome = run(*arguments)
                self.assertEqual(outcome.status, 2)
                self.assertEqual(outcome.stdout, "")
                self.assertNotEqual(outcome.stderr, "")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
