# SPDX-License-Identifier: BSL-1.0
"""Runs examples/guarded_stream as its users do, and compares its checksums with Python's own.

usage: guarded_stream.py PROGRAM [unittest arguments]
"""

import os
import pathlib
import shutil
import signal
import unittest
import zlib

import program

MIB = 1024 * 1024
PIECE = 64 * 1024
PROGRAMS = pathlib.Path("/usr/bin")
MEMORY = pathlib.Path("/proc/self/mem")


class GuardedStreamTest(program.DirectoryTest):
    def copy_programs(self, size):
        """Programs of this machine, copied: packages may come and go while this runs."""
        copied = 0
        for number, one in enumerate(sorted(PROGRAMS.iterdir())):
            if copied >= size:
                break
            if one.is_file() and not one.is_symlink() and os.access(one, os.R_OK):
                folder = self.root / str(number % 3)
                folder.mkdir(exist_ok=True)
                copied += pathlib.Path(shutil.copyfile(one, folder / one.name)).stat().st_size
        self.assertGreaterEqual(copied, size)

    def content(self):
        files = sorted(os.fsencode(one) for one in self.root.rglob("*")
                       if one.is_file() and not one.is_symlink())
        return b"".join(pathlib.Path(os.fsdecode(one)).read_bytes() for one in files)

    def check_nothing_left(self, outcome):
        super().check_nothing_left(outcome)
        self.assertLessEqual(outcome.number("peak charged bytes"), outcome.number("quota"))

    def check_equal(self, outcome, content, again=True):
        self.assertEqual(outcome.status, 0, outcome.stdout + outcome.stderr)
        expected = (str(len(content)), f"{zlib.crc32(content):08x}")
        for where in ["read", "through the volume"] + ["read again"] * again:
            found = (outcome.rows["bytes " + where], outcome.rows["crc32 " + where])
            self.assertEqual(found, expected, where)
        self.assertEqual("bytes read again" in outcome.rows, again)
        self.assertEqual(outcome.rows["equal"], "yes")
        self.check_nothing_left(outcome)

    def check_failed(self, outcome, reason):
        self.assertEqual(outcome.status, 1, outcome.stdout + outcome.stderr)
        self.assertIn(reason, outcome.stderr)
        self.assertEqual(outcome.rows["equal"], "no")
        self.check_nothing_left(outcome)

    def check_refused(self, outcome, by, others):
        """The numbers tell why: more was asked for than there was."""
        self.assertGreater(outcome.number(by + " refusals"), 0)
        for order in ("last", "least"):
            self.assertGreater(outcome.number(f"{by}, last asked for"),
                               outcome.number(f"{by}, {order} left"))
        for other in others:
            self.assertEqual(outcome.number(other + " refusals"), 0)


class Streams(GuardedStreamTest):
    def test_a_tree_larger_than_the_quota(self):
        self.copy_programs(24 * MIB)
        content = self.content()
        outcome = program.run(self.root)
        self.check_equal(outcome, content)
        self.check_refused(outcome, "quota", ["guard", "allocator"])
        self.assertEqual(outcome.number("segments"), -(-len(content) // MIB))
        self.assertEqual(outcome.number("segments cut short"), 0)
        self.assertEqual(outcome.number("guard warnings"), 0)
        self.assertEqual(outcome.stderr, "")

    def test_one_file_that_fits(self):
        shell = pathlib.Path(shutil.copyfile("/bin/sh", self.root / "sh"))
        outcome = program.run(shell)
        self.check_equal(outcome, shell.read_bytes())
        self.assertEqual(outcome.number("quota refusals"), 0)

    def test_a_progress_line_on_a_terminal_only(self):
        self.copy_programs(PIECE)
        self.check_progress(self.root)

    def test_ctrl_c(self):
        # It waits for input, so it is there to be interrupted.
        with program.running_on_terminal("-") as (process, terminal):
            terminal.read_until(rb"charged")
            process.send_signal(signal.SIGINT)
            program.finish(process, terminal=terminal)
        self.assertEqual(process.returncode, -signal.SIGINT)  # which shells call 130

    def test_standard_input(self):
        self.copy_programs(5 * MIB)
        content = self.content()
        outcome = program.run("--quota", "2M", "-", fed=content)
        self.check_equal(outcome, content, again=False)
        self.check_refused(outcome, "quota", ["guard"])

    def test_sizes_around_those_of_pieces_and_segments(self):
        self.copy_programs(3 * PIECE)
        for size in (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1):
            content = self.content()[:size]
            for segment in ("1", "128K", "1G"):
                with self.subTest(size=size, segment=segment):
                    outcome = program.run("--segment", segment, "-", fed=content)
                    self.check_equal(outcome, content, again=False)

    def test_any_window_that_holds_a_piece_will_do(self):
        self.copy_programs(3 * MIB)
        content = self.content()
        for quota, segment, cut_short in [("80K", "64K", False), ("100K", "1M", True),
                                          ("1M", "100M", True), ("2M", "64K", False),
                                          ("64M", "64K", False)]:
            with self.subTest(quota=quota, segment=segment):
                outcome = program.run("--quota", quota, "--segment", segment, self.root)
                self.check_equal(outcome, content)
                self.assertEqual(outcome.number("segments cut short") > 0, cut_short)

    def test_a_tree_is_its_regular_files_in_the_order_of_their_paths(self):
        self.copy_programs(PIECE)
        for name in (b"a", b"a b", b"a.b", b"B", b"\xff", b"new\nline"):
            pathlib.Path(os.fsdecode(os.fsencode(self.root) + b"/" + name)).write_bytes(name)
        (self.root / "empty").mkdir()
        self.put_file_with_links_and_special_files()
        self.check_equal(program.run(self.root), self.content())

    @program.needs_permissions
    def test_what_may_not_be_read_is_skipped_in_a_tree_only(self):
        self.copy_programs(PIECE)
        content = self.content()
        secret = self.root / "secret"
        secret.touch(mode=0)
        outcome = program.run(self.root)
        self.check_equal(outcome, content)
        self.assertEqual(outcome.number("files skipped"), 1)
        self.check_failed(program.run(secret), "Permission denied")

    @unittest.skipUnless(MEMORY.exists(), "there is no file that can be opened but not read")
    def test_a_read_that_fails(self):
        self.check_failed(program.run(MEMORY), "the stream ended early: Input/output error")

    @program.needs_changing_files
    def test_an_input_that_changes(self):
        outcome = program.run(program.CHANGING_FILES / "uuid")
        self.check_failed(outcome, "the input has changed meanwhile")
        self.assertEqual(outcome.rows["crc32 read"], outcome.rows["crc32 through the volume"])
        self.assertNotEqual(outcome.rows["crc32 read"], outcome.rows["crc32 read again"])


class Guard(GuardedStreamTest):
    def setUp(self):
        super().setUp()
        self.copy_programs(8 * MIB)

    def test_a_machine_with_less_memory_than_the_quota(self):
        for memory in (1, 2, 4):
            with self.subTest(memory=memory):
                outcome = program.run("--quota", "64M", "--machine-memory", f"{memory}M",
                                      self.root)
                self.check_equal(outcome, self.content())
                self.check_refused(outcome, "guard", ["quota", "allocator"])
                self.assertLessEqual(outcome.number("peak charged bytes"), memory * MIB)
                self.assertGreater(outcome.number("pretended guard readings"), 0)
                self.assertEqual(outcome.number("guard warnings"), 0)

    def test_both_limits_in_one_run(self):
        outcome = program.run("--quota", "2M", "--machine-memory", "2200K", "--segment", "256K",
                              self.root)
        self.check_equal(outcome, self.content())
        refusals = outcome.number("quota refusals") + outcome.number("guard refusals")
        self.assertGreater(refusals, 0)

    def test_a_warning_holds_nobody_up(self):
        outcome = program.run("--quota", "4M", "--guard", "warn", "--machine-memory", "1M",
                              self.root)
        self.check_equal(outcome, self.content())
        self.check_refused(outcome, "quota", ["guard"])
        self.assertGreater(outcome.number("guard warnings"), 0)
        self.assertIn("the first warning: coramfs: ", outcome.stderr)
        self.assertGreater(outcome.number("peak charged bytes"), MIB)

    def test_off(self):
        outcome = program.run("--quota", "4M", "--guard", "off", "--machine-memory", "1M",
                              self.root)
        self.check_equal(outcome, self.content())
        self.check_refused(outcome, "quota", ["guard"])
        self.assertNotIn("pretended guard readings", outcome.rows)

    def test_no_room_for_one_piece(self):
        self.check_failed(program.run("--quota", "60K", self.root),
                          'quota exceeded: write "/window/1": requested')
        outcome = program.run("--machine-memory", "60K", self.root)
        self.check_failed(outcome, "the stream ended early: ")
        self.check_refused(outcome, "guard", ["quota"])
        self.assertEqual(outcome.number("segments"), 0)

    def test_no_room_for_a_directory(self):
        self.check_failed(program.run("--quota", "0", self.root),
                          'quota exceeded: create_directory "/window": requested')

    def test_the_machine_itself_is_asked(self):
        outcome = program.run("--quota", "1000000G", self.root)
        self.assertEqual((outcome.status, outcome.stdout), (1, ""))
        self.assertIn("guarded_stream: ", outcome.stderr)
        self.assertRegex(outcome.stderr, r"requested \d+ bytes, \d+ available")
        outcome = program.run("--quota", "1000000G", "--guard", "warn", self.root)
        self.check_equal(outcome, self.content())
        self.assertEqual(outcome.number("guard warnings"), 1)


class CommandLine(program.CommandLineTest):
    help_names = ["INPUT", "--quota SIZE", "--segment SIZE", "--guard ACTION",
                  "--machine-memory SIZE", "Examples:"]
    bad_usage = [["--bogus"], ["--quota"], ["--quota", "-1"], ["--quota", "1X"],
                 ["--segment", "x"], ["--guard", "maybe"], ["--machine-memory", "-1"],
                 ["/nonexistent"], ["-", "-"]]


if __name__ == "__main__":
    program.main()
