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
import unittest

import program

PACKAGES = pathlib.Path("/var/lib/dpkg/info")
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
# Writers may be impatient only where that is what is looked at.
PATIENT = ("--lock-timeout", str(program.NEVER * 1000))

needs_proc = unittest.skipUnless(pathlib.Path("/proc/self/stat").exists(), "needs Linux's /proc")


def stage(*arguments):
    return program.run(*PATIENT, *arguments)


def published(outcome):
    """By directory: how many files it has, and their bytes."""
    lines = re.findall(r"^ *(\d+) files +(\d+) bytes  (/.*)$", outcome.stdout, re.M)
    return {path: (int(files), int(size)) for files, size, path in lines}


def most_repeated(outcome):
    lines = re.findall(r"^ *(\d+) times  ([0-9a-f]+)  (.*)$", outcome.stdout, re.M)
    return [(int(copies), digest, path) for copies, digest, path in lines]


def wait_until_all_writers_exist(process):
    """The main thread sleeps when it has made them. Nothing else tells of that."""
    stat = pathlib.Path(f"/proc/{process.pid}/stat")
    while stat.read_text(encoding="utf-8").rpartition(") ")[2][0] in "RD":
        os.sched_yield()


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


class EtlStagingTest(program.DirectoryTest):
    def check_right(self, outcome, lists):
        expected = Expected(lists)
        self.assertEqual(outcome.status, 0, outcome.stdout + outcome.stderr)
        for row, value in [("lists", expected.lists), ("records staged", expected.records),
                           ("records loaded", expected.records),
                           ("lines rejected", expected.rejected),
                           ("distinct contents", len(expected.paths)),
                           ("repeated contents", len(expected.repeated)), ("published", "yes")]:
            self.assertEqual(outcome.rows[row], str(value), row)
        self.assertEqual(most_repeated(outcome), expected.most_repeated())
        self.assertGreater(published(outcome)["/published/records"][1], expected.bytes)
        self.assertGreater(outcome.number("peak charged bytes"), expected.bytes)
        self.assertEqual(outcome.stderr, "")
        self.check_nothing_left(outcome)

    def check_unpublished(self, outcome, reason):
        self.assertEqual(outcome.status, 1, outcome.stdout + outcome.stderr)
        self.assertEqual(outcome.rows["published"], "no")
        self.assertIn("nothing is published: " + reason, outcome.stderr)
        self.assertEqual(published(outcome), {"/published": (0, 0)})
        self.assertEqual(most_repeated(outcome), [])
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
        outcome = stage(self.root)
        self.check_right(outcome, self.lists)
        self.assertEqual(published(outcome)["/published/records"][0], 16)

    def test_the_result_does_not_depend_on_who_does_the_work(self):
        for writers, threads, partitions in [(1, 1, 1), (200, 8, 1), (7, 2, 256), (64, 1, 3)]:
            with self.subTest(writers=writers, threads=threads, partitions=partitions):
                outcome = stage("--writers", str(writers), "--threads", str(threads),
                                "--partitions", str(partitions), self.root)
                self.check_right(outcome, self.lists)
                self.assertLessEqual(published(outcome)["/published/records"][0], partitions)

    def test_a_lone_writer_waits_for_nobody(self):
        outcome = program.run("--writers", "1", "--lock-timeout", "0", self.root)
        self.check_right(outcome, self.lists)
        self.check_rows(outcome, blocks_that_waited=0)
        self.assertEqual(outcome.number("longest wait, ms"), 0)

    def test_what_does_not_fit_is_refused_with_its_numbers(self):
        quota = self.bytes // 2
        outcome = stage("--quota", str(quota), self.root)
        self.check_unpublished(outcome, 'quota exceeded: write "/staging/')
        asked, left = (int(outcome.rows[row]) for row in ("bytes asked for", "bytes left then"))
        self.assertIn(f"requested {asked} bytes, {left} available", outcome.stderr)
        self.assertLess(left, asked)
        self.assertLessEqual(outcome.number("peak charged bytes"), quota)

    # An error's thread knows what it is about until it has had 32 more.
    def test_a_refusal_is_told_though_many_follow_it(self):
        outcome = stage("--quota", str(self.bytes // 20), "--writers", "200", "--threads", "1",
                        self.root)
        self.check_unpublished(outcome, 'quota exceeded: write "/staging/')


class ListsOfThisTest(EtlStagingTest):
    """Made here, of the files of the examples."""

    def put_list(self, name, lines):
        path = self.root / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    def lines(self, algorithm="md5"):
        return [hashlib.new(algorithm, one.read_bytes()).hexdigest().encode() + b"  "
                + os.fsencode(one) for one in sorted(EXAMPLES.rglob("*")) if one.is_file()]

    def test_a_progress_line_on_a_terminal_only(self):
        self.check_progress(self.put_list("list", self.lines()))

    def test_lists_by_name(self):
        lines = self.lines()
        lists = [self.put_list("a", lines), self.put_list("b", lines[3:]),
                 self.put_list("c", self.lines("sha256"))]
        self.check_right(stage(*lists), lists)

    def test_lines_that_are_no_records_are_counted(self):
        bad = [b"", b"no digest", b"d41d8cd98f00b204e9800998ecf8427e",
               b"d41d8cd98f00b204e9800998ecf8427e  ", b"d41d8cd98f00b204e9800998ecf8427e x",
               b"D41D8CD98F00B204E9800998ECF8427E  x", b"@a 3"]
        good = [b"d41d8cd98f00b204e9800998ecf8427e *x", b"d41d8cd98f00b204e9800998ecf8427e   ",
                b"d41d8cd98f00b204e9800998ecf8427e  @a 3\r", *self.lines()]
        one = self.put_list("mixed", [*bad, *good])
        outcome = stage(one)
        self.check_right(outcome, [one])
        self.assertEqual(outcome.rows["lines rejected"], str(len(bad)))

    def test_no_list_and_no_line(self):
        for arguments in ([self.root], [self.put_list("empty", [])]):
            outcome = stage(*arguments)
            self.assertEqual(outcome.status, 0, outcome.stderr)
            self.assertEqual(outcome.rows["records loaded"], "0")
            self.assertEqual(published(outcome)["/published/records"], (0, 0))

    def test_a_list_that_can_not_be_read(self):
        gone = self.root / "gone.md5sums"
        gone.symlink_to("nowhere")
        good = self.put_list("good", self.lines())
        outcome = stage(self.root, good)
        self.check_unpublished(outcome, "")
        self.assertIn(f"{gone}: can not be read", outcome.stderr)

    def run_on_pipe(self, first, second, *arguments):
        """The program reads each list twice. The first one of all has another content then.

        Who reads it first has to wait for its content until there are all writers.
        """
        pipe = self.root / "pipe"
        os.mkfifo(pipe)
        regular = self.put_list("regular", second)
        with program.running(pipe, *arguments) as process:
            with open(pipe, "wb") as read_first:
                wait_until_all_writers_exist(process)
                regular.rename(pipe)
                read_first.write(b"\n".join(first))
            return program.finish(process)

    def run_two_writers(self, *arguments):
        """One begins to append to a partition, and then the other one wants to.

        On their one thread the first one reads its list until there are both. The second one has
        its turn when the first one has opened the partition, and lets others go on.
        """
        lines = self.lines() * 50
        other = self.put_list("other", lines)
        outcome = self.run_on_pipe(lines, lines, other, "--writers", "2", "--threads", "1",
                                   "--partitions", "1", *arguments)
        return outcome, [self.root / "pipe", other]

    @needs_proc
    def test_writers_of_one_partition_wait_for_each_other(self):
        outcome, lists = self.run_two_writers(*PATIENT)
        self.check_right(outcome, lists)
        self.check_rows(outcome, blocks_appended=2, blocks_that_waited=1)

    @needs_proc
    def test_a_lock_that_is_not_had_in_time(self):
        outcome, _ = self.run_two_writers("--lock-timeout", "0")
        self.check_unpublished(outcome, "would block")

    @needs_proc
    def test_what_is_not_what_the_lists_say_is_not_published(self):
        lines = self.lines()
        outcome = self.run_on_pipe(lines, lines[1:])
        self.check_unpublished(outcome, "the lists say otherwise")
        self.check_rows(outcome, records_loaded=len(lines))


class CommandLine(program.CommandLineTest):
    help_names = ["--writers N", "--threads N", "--partitions N", "--quota SIZE",
                  "--lock-timeout MILLISECONDS", "Examples:"]
    bad_usage = [["--bogus"], ["--quota"], ["--quota", "-1"], ["--quota", "1X"],
                 ["--writers", "0"], ["--threads", "many"], ["--partitions", "257"],
                 ["--lock-timeout", "-1"], ["/nonexistent"]]


if __name__ == "__main__":
    program.main()
