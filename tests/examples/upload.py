# SPDX-License-Identifier: BSL-1.0
"""Runs examples/upload as its users do, and looks at what it prints and returns.

usage: upload.py PROGRAM [unittest arguments]
"""

import os

import program


class Upload(program.DirectoryTest):
    def check(self, outcome, **rows):
        """All was as it must be, and the rows of the table are as given."""
        self.assertEqual(outcome.status, 0, outcome.stdout + outcome.stderr)
        self.check_rows(outcome, mismatches=0, failed=0, wrong_in_the_volume=0,
                        pinned_bytes_left=0, **rows)
        self.check_nothing_left(outcome)

    def test_every_file_arrives_as_it_was_and_is_another_in_the_volume(self):
        size = self.put("empty")
        size += self.put("one", b"\0")
        size += self.put("deep/er/and deeper/file", b"text\n")
        size += self.put("large", os.urandom(9 * 1024 * 1024 + 1))
        size += self.put("exactly one piece", os.urandom(256 * 1024))
        outcome = program.run(self.root)
        self.check(outcome, files=5, bytes=size, rewritten=5, rewritten_while_sent=4, refused=0,
                   skipped=0, no_room_to_rewrite=0)
        self.assertGreaterEqual(outcome.number("pinned bytes at peak"), 9 * 1024 * 1024)
        self.assertEqual(outcome.number("charge after"), outcome.number("charge before"))
        self.assertEqual(outcome.stderr, "")

    def test_a_large_file_is_rewritten_while_it_is_sent(self):
        size = self.put("large", os.urandom(40 * 1024 * 1024))
        outcome = program.run(self.root)
        self.check(outcome, files=1, rewritten=1, rewritten_while_sent=1,
                   pinned_bytes_at_peak=size)
        # What is pinned, and the copy that the writer made, are there at once.
        self.assertGreater(outcome.number("charge at peak"), 2 * size)

    def test_many_files_over_one_connection_and_many(self):
        size = sum(self.put(f"{i % 7}/{i}", os.urandom(i * 100)) for i in range(400))
        for connections in ("1", "256"):
            self.check(program.run(self.root, "--connections", connections), files=400,
                       bytes=size, rewritten=400, rewritten_while_sent=399)

    def test_a_progress_line_on_a_terminal_only(self):
        self.put("file", b"1")
        self.check_progress(self.root)

    def test_names_that_a_url_must_escape(self):
        files = self.put_names_to_escape()
        self.check(program.run(self.root), files=files)

    def test_links_and_special_files_are_passed_over_and_a_backslash_is_counted(self):
        self.put_file_with_links_and_special_files()
        self.put("back\\slash", b"2")
        self.check(program.run(self.root), files=1, skipped=1)

    def test_what_does_not_fit_is_not_served(self):
        for i in range(20):
            self.put(f"large/{i}", bytes(300_000))
        outcome = program.run(self.root, "--quota", "1M")
        self.check(outcome)
        self.assertEqual(outcome.number("files") + outcome.number("refused"), 20)
        self.assertGreater(outcome.number("refused"), 0)
        self.assertGreater(outcome.number("files"), 0)

    def test_without_room_for_the_copy_a_pinned_file_can_not_be_rewritten(self):
        self.put("large", os.urandom(40 * 1024 * 1024))
        self.check(program.run(self.root, "--quota", "50M"), files=1, rewritten=0,
                   no_room_to_rewrite=1)

    def test_files_that_change_meanwhile_are_no_mismatch(self):
        with self.changing_files(300):
            outcome = program.run(self.root, "--connections", "8")
        self.check(outcome)

    @program.needs_changing_files
    def test_a_file_that_is_not_what_it_says_is_a_mismatch(self):
        outcome = program.run(program.CHANGING_FILES)
        self.assertEqual(outcome.status, 1)
        self.assertGreater(outcome.number("mismatches"), 0)
        self.assertIn("mismatch: /uuid\n", outcome.stderr)

    def test_an_empty_directory(self):
        self.check(program.run(self.root), files=0, bytes=0)


class CommandLine(program.CommandLineTest):
    help_names = ["DIR", "--connections N", "--quota SIZE"]
    bad_usage = [["--bogus"], ["--quota", "-1"], ["--connections", "0"], ["/nonexistent"],
                 ["/", "/"]]


if __name__ == "__main__":
    program.main()
