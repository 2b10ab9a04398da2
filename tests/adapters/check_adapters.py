# SPDX-License-Identifier: BSL-1.0
"""Runs tests that fail, one by one, and looks at what they say and what is left of them on disk.

usage: check_adapters.py KIND PROGRAM [unittest arguments]   KIND: one of the classes of cases below
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

KIND, PROGRAM = sys.argv.pop(1), sys.argv.pop(1)
OURS = ["manifest.txt", "stats.txt"]


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.output = pathlib.Path(folder.name) / "made/below"

    def run_with(self, *arguments):
        environment = os.environ | {"CORAMFS_TEST_OUTPUT": str(self.output)}
        return subprocess.run([PROGRAM, *arguments], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=False)

    def trees(self):
        """The folders of the failed tests, each with the names in it."""
        if not self.output.exists():
            return {}
        return {folder.name: sorted(one.name for one in folder.iterdir())
                for folder in self.output.iterdir()}

    def check_passes(self, *arguments):
        ended = self.run_with(*arguments)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        self.assertEqual(self.trees(), {})
        self.assertEqual(ended.stderr, "")
        return ended

    def check_fails(self, *arguments, trees):
        ended = self.run_with(*arguments)
        self.assertNotEqual(ended.returncode, 0, ended.stdout)
        self.assertEqual(self.trees(), {name: sorted([*names, *OURS])
                                        for name, names in trees.items()})
        for name in trees:
            self.assertIn(f' is in "{self.output / name}": ', ended.stderr)
        return ended


LEFT = 'has left something in its volume:\n  "/a" is open (write) by "uploader"\n'


class Catch2(Case):
    def test_what_passes_leaves_nothing(self):
        for name in ["passes", "checks what may fail"]:
            with self.subTest(name=name):
                self.check_passes(name)

    def test_a_check_counts_although_the_test_goes_on(self):
        self.check_fails("goes on after a check",
                         trees={"goes on after a check": ["before", "after"]})

    def test_a_requirement(self):
        self.check_fails("ends by a requirement", trees={"ends by a requirement": ["before"]})

    def test_an_exception(self):
        self.check_fails("ends by an exception", trees={"ends by an exception": ["before"]})

    def test_a_difference(self):
        ended = self.check_fails("has another tree", trees={"has another tree": ["a"]})
        said = "\n".join(line.strip() for line in ended.stdout.splitlines())
        self.assertIn('volume (files: 1, bytes: 3) has the tree, but for\n'
                      '~ /a: from byte 0 on "one" and not "two"\n- /b/\n', said)

    def test_what_is_left_fails_the_test(self):
        for arguments in [[], ["--abort"]]:
            with self.subTest(arguments=arguments):
                ended = self.check_fails("leaves a handle", *arguments,
                                         trees={"leaves a handle": []})
                said = "\n".join(line.strip() for line in ended.stdout.splitlines())
                self.assertIn('"leaves a handle" ' + LEFT.replace("\n  ", "\n"), said)

    def test_each_leaf_of_the_sections_has_a_volume(self):
        self.check_fails("has sections",
                         trees={"has sections.one.fails": ["before", "one", "fails"],
                                "has sections.two%3A ends": ["before", "two"]})

    def test_failures_of_others_are_not_its_own(self):
        self.check_fails("fails before and after", trees={"fails": []})

    def test_a_failure_that_is_expected_leaves_its_tree(self):
        self.assertEqual(self.run_with("expects what fails").returncode, 0)
        self.assertEqual(list(self.trees()), ["expects what fails"])

    def test_another_file(self):
        self.check_fails("fails in another file", trees={"fails in another file": ["a"]})

    def test_a_test_that_is_skipped(self):
        if "is skipped" in self.run_with("--list-tests").stdout:
            self.run_with("is skipped")
            self.assertEqual(self.trees(), {})
            self.check_fails("fails and is skipped", trees={"fails and is skipped": ["a"]})

    def test_each_value_that_fails_has_a_folder(self):
        self.check_fails("has values", trees={"has values": ["a"], "has values.2": ["c"]})


class Alone(Case):
    def test_it_says_what_to_do(self):
        ended = self.run_with()
        self.assertNotEqual(ended.returncode, 0)
        # Catch2 breaks lines where it likes.
        self.assertIn("catch2_fixture: no listener tells it what fails; include "
                      "<coramfs/testing/catch2.hpp> in the file that defines CATCH_CONFIG_MAIN, or "
                      "define CORAMFS_CATCH2_LISTENER before that in one file".replace(" ", ""),
                      "".join(ended.stdout.split()))


class Sessions(Case):
    name = pathlib.Path(PROGRAM).name

    def test_the_second_run_is_heard_as_the_first(self):
        self.check_fails("fails in the second run", trees={"fails in the second run": ["a"]})

    def test_a_fixture_that_ends_after_the_runs_passes(self):
        self.check_passes("keeps a fixture that passes")

    def test_a_fixture_that_ends_after_the_runs_tells_what_is_left(self):
        ended = self.check_fails("keeps a fixture", trees={self.name: []})
        self.assertEqual(ended.returncode, 1)
        self.assertTrue(ended.stderr.startswith(
            f'coramfs: "{self.name}" has left something in its volume:\n'
            '  "/a" is open (write) by an unnamed handle\n'), ended.stderr)

    def test_a_fixture_that_ends_after_the_runs_leaves_what_is_expected_to_catch2(self):
        self.assertEqual(self.run_with("keeps a fixture and expects what fails").returncode, 0)
        self.assertEqual(list(self.trees()), [self.name])

    def test_a_fixture_that_ends_after_the_runs_knows_what_has_failed(self):
        ended = self.check_fails("keeps a fixture that fails", trees={self.name: []})
        self.assertTrue(ended.stderr.startswith(f'coramfs: "{self.name}" has failed\n'))


class GoogleTest(Case):
    def filtered(self, name):
        return "--gtest_filter=" + name

    def test_what_passes_leaves_nothing(self):
        for name in ["upload.passes", "upload.is_skipped", "without_a_fixture.is_quiet"]:
            with self.subTest(name=name):
                self.check_passes(self.filtered(name))

    def test_death_tests_leave_nothing(self):
        for style in ["fast", "threadsafe"]:
            with self.subTest(style=style):
                self.check_passes(self.filtered("upload.dies"), "--gtest_death_test_style=" + style)

    def test_an_expectation_counts_although_the_test_goes_on(self):
        self.check_fails(self.filtered("upload.goes_on_after_an_expectation"),
                         trees={"upload.goes_on_after_an_expectation": ["before", "after"]})

    def test_an_assertion(self):
        self.check_fails(self.filtered("upload.ends_by_an_assertion"),
                         trees={"upload.ends_by_an_assertion": ["before"]})

    def test_an_exception(self):
        self.check_fails(self.filtered("upload.ends_by_an_exception"),
                         trees={"upload.ends_by_an_exception": ["before"]})

    def test_a_difference(self):
        ended = self.check_fails(self.filtered("upload.has_another_tree"),
                                 trees={"upload.has_another_tree": ["a"]})
        self.assertIn('vol() is not files({{"/a", "two"}, {"/b/", ""}}):\n'
                      '~ /a: from byte 0 on "one" and not "two"\n- /b/\n', ended.stdout)

    def test_what_is_left_fails_the_test(self):
        for arguments in [[], ["--gtest_throw_on_failure"]]:
            with self.subTest(arguments=arguments):
                ended = self.check_fails(self.filtered("upload.leaves_a_handle"), *arguments,
                                         trees={"upload.leaves_a_handle": []})
                self.assertIn('"upload.leaves_a_handle" ' + LEFT, ended.stdout)

    def test_failures_of_others_are_not_its_own(self):
        self.check_fails(self.filtered("without_a_fixture.fails*"), trees={"fails": []})

    def test_a_fixture_of_a_suite_knows_of_failures_in_its_tests(self):
        self.check_fails(self.filtered("whole_suite.*"), trees={"whole_suite": ["a"]})
        self.assertIn('\ntest: "whole_suite"\n',
                      (self.output / "whole_suite/manifest.txt").read_text())

    def test_a_fixture_of_a_suite_that_passes(self):
        self.check_passes(self.filtered("whole_suite.passes"))

    def test_the_names_of_parameters(self):
        self.check_fails(self.filtered("all/of_a_type.*"), trees={"all%2Fof_a_type.fails%2F0": []})


class Plain(Case):
    name = pathlib.Path(PROGRAM).name

    def test_what_passes(self):
        ended = self.check_passes("passes")
        self.assertEqual(ended.stdout, "goes on\nthe end\n")

    def test_what_fails(self):
        ended = self.check_fails("fails", trees={self.name: ["a"]})
        self.assertEqual((ended.returncode, ended.stdout), (1, "goes on\nthe end\n"))
        self.assertTrue(ended.stderr.startswith(f'coramfs: "{self.name}" has failed\n'))

    def test_what_throws(self):
        ended = self.check_fails("throws", trees={self.name: ["a"]})
        self.assertEqual((ended.returncode, ended.stdout),
                         (1, "caught: on purpose\ngoes on\nthe end\n"))

    def test_what_is_left(self):
        ended = self.check_fails("leaves a handle", trees={self.name: ["a"]})
        self.assertEqual(ended.returncode, 1)
        self.assertTrue(ended.stderr.startswith(
            f'coramfs: "{self.name}" has left something in its volume:\n'
            '  "/a" is open (read) by "reader"\n'), ended.stderr)

    def test_one_after_the_other(self):
        self.check_fails("fails twice", trees={self.name: ["a"], self.name + ".2": ["a"]})

    def test_a_failure_that_an_exploration_expects(self):
        for how in ["explores what throws", "explores what is left"]:
            with self.subTest(how=how):
                ended = self.run_with(how)
                self.assertEqual((ended.returncode, ended.stdout), (0, "found\ngoes on\nthe end\n"))
                # None is left by the runs that make it smaller.
                self.assertEqual(list(self.trees()), [self.name + ".2"])
                self.assertEqual(ended.stderr.count(" is in "), 1, ended.stderr)
                shutil.rmtree(self.output)

    def test_a_failure_that_an_exploration_throws(self):
        ended = self.check_fails("explores and throws",
                                 trees={self.name: [], self.name + ".2": ["a", "seed.txt"]})
        self.assertEqual(ended.returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + [KIND] + sys.argv[1:])
