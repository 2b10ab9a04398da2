# SPDX-License-Identifier: BSL-1.0
"""Tests of bench/report on made-up results: report_test.py DIRECTORY-OF-THE-REPORT."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
import charts  # noqa: E402
import figures  # noqa: E402
import goals  # noqa: E402
import instructions  # noqa: E402
import page  # noqa: E402
import panels  # noqa: E402
import references  # noqa: E402
import shared_lines  # noqa: E402


def run(name, time, unit="ns", **more):
    return {"name": name, "run_name": name, "run_type": "iteration", "real_time": time,
            "cpu_time": 1, "time_unit": unit, "iterations": 10, "repetitions": 2, **more}


def aggregate(name, time):
    return run(name, time) | {"run_type": "aggregate", "aggregate_name": "mean"}


def figures_of(*rounds):
    """Of one program, `p`, each round a list of runs."""
    with tempfile.TemporaryDirectory() as directory:
        for number, runs in enumerate(rounds):
            path = pathlib.Path(directory) / f"p.{number}.json"
            path.write_text(json.dumps({"context": {}, "benchmarks": runs}), encoding="utf-8")
        return figures.read_all(directory)


def verdict(goal, *rounds):
    return goals.judge({"title": "t", "program": "p"} | goal, figures_of(*rounds))


class Figures(unittest.TestCase):
    def test_the_least_counts_in_nanoseconds(self):
        found = figures_of([run("a/x", 3, "us"), run("a/x", 4, "us"), aggregate("a/x", 1)],
                           [run("a/x", 2, "us")])
        self.assertEqual(found["p"]["a/x"].nanoseconds, 2000)

    def test_what_the_library_adds_to_a_name_is_dropped(self):
        found = figures_of([run("a/1000/iterations:5/manual_time", 1)])
        self.assertEqual(list(found["p"]), ["a/1000"])

    def test_a_counter_is_the_median_of_all_rounds(self):
        found = figures_of([run("a/x", 1, holds=9.0), run("a/x", 1, holds=1.0)],
                           [run("a/x", 1, holds=2.0)])
        self.assertEqual(found["p"]["a/x"].counters, {"holds": 2.0})

    def test_a_case_that_failed_is_an_error(self):
        with self.assertRaises(ValueError):
            figures_of([run("a/x", 1, error_occurred=True, error_message="no")])


class Goals(unittest.TestCase):
    MAP = {"figure": "a/x", "baseline": "a/map", "at_most": 2}
    TMPFS = {"figure": "a/x", "baseline": "a/tmpfs", "faster_by": 8}

    def test_at_most_is_reached_at_the_bound(self):
        v = verdict(self.MAP, [run("a/x", 20), run("a/map", 10)])
        self.assertTrue(v.reached)
        self.assertEqual(goals.conclusion(v), "reached")

    def test_at_most_is_missed_by_a_factor(self):
        v = verdict(self.MAP, [run("a/x", 60), run("a/map", 10)])
        self.assertFalse(v.reached)
        self.assertEqual(goals.conclusion(v), "missed by 3.00x")

    def test_faster_by_looks_the_other_way(self):
        self.assertTrue(verdict(self.TMPFS, [run("a/x", 10), run("a/tmpfs", 80)]).reached)
        slower = verdict(self.TMPFS, [run("a/x", 10), run("a/tmpfs", 40)])
        self.assertFalse(slower.reached)
        self.assertAlmostEqual(slower.missed_by, 2)

    def test_a_counter_is_compared_as_it_is(self):
        goal = {"figure": "a/x", "counter": "allocations", "at_most": 0}
        self.assertTrue(verdict(goal, [run("a/x", 1, allocations=0)]).reached)
        v = verdict(goal, [run("a/x", 1, allocations=3)])
        self.assertEqual(goals.conclusion(v), "missed by 3.00")

    def test_of_several_baselines_the_best_that_was_measured_counts(self):
        several = {"figure": "a/x", "baseline": ["a/b", "a/c", "a/absent"], "at_most": 1}
        runs = [run("a/x", 10), run("a/b", 40), run("a/c", 8)]
        v = verdict(several, runs)
        self.assertEqual((v.beside, v.baseline, v.reached), ("a/c", 8, False))
        self.assertTrue(verdict(several, runs[:2]).reached)
        self.assertFalse(verdict(several, runs[:1]).measured)

    def test_counters_are_compared_where_there_is_a_baseline(self):
        goal = {"figure": "a/x", "baseline": "a/y", "counter": "bytes", "at_most": 1}
        v = verdict(goal, [run("a/x", 9, bytes=100), run("a/y", 1, bytes=200)])
        self.assertEqual((v.ratio, v.reached), (0.5, True))
        self.assertRegex(goals.table([v]), r"a/x +100 +a/y +200 +0.50 +1 +reached")

    def test_one_goal_may_stand_for_many(self):
        many = goals.expand({"figure": "{q}/{who}", "baseline": ["{q}/map", "{q}/tmpfs"],
                             "at_most": 1, "for": {"q": ["a", "b"], "who": ["x", "y"]}})
        self.assertEqual([goal["figure"] for goal in many], ["a/x", "a/y", "b/x", "b/y"])
        self.assertEqual(many[2]["baseline"], ["b/map", "b/tmpfs"])
        self.assertNotIn("for", many[0])

    def test_what_was_not_measured_is_neither(self):
        for rounds in [run("a/x", 1)], [run("a/map", 1)], []:
            v = verdict(self.MAP, rounds)
            self.assertFalse(v.measured or v.reached)
            self.assertEqual(goals.conclusion(v), "not measured")

    def test_the_table_and_the_page_show_them(self):
        v = verdict(self.TMPFS, [run("a/x", 1, "ms"), run("a/tmpfs", 16, "ms")])
        table = goals.table([v])
        self.assertRegex(table, r"1/16.00 +1/8 +reached")
        self.assertIn("16 ms", table)
        self.assertIn("1 of 1 reached", page.compose([v], ["<svg></svg>"], ["a <machine>"]))
        self.assertIn("a &lt;machine&gt;", page.compose([v], [], ["a <machine>"]))


class Instructions(unittest.TestCase):
    def test_callgrinds_files_are_read(self):
        text = ("version: 1\ndesc: Timerange: Basic block 0 - 9\n"
                "desc: Trigger: Client Request: stat/blocking\nevents: Ir\nsummary: 1861047\n"
                "fn=(1) main\n0 5\ntotals: 1861047\n")
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "callgrind.out.1").write_text(text, encoding="utf-8")
            (pathlib.Path(directory) / "callgrind.out").write_text("summary: 7\n", encoding="utf-8")
            self.assertEqual(instructions.read_callgrind(directory), {"stat/blocking": 1861})


class Peers(unittest.TestCase):
    def row(self, question, verdicts=()):
        def cases(**lengths):
            return {f"{question}/{who}": figures.Figure(1e6 * length, {}) for who, length
                    in lengths.items()}
        measured = {"peers": cases(kj=100, blocking=2, kj_fresh=3, blocking_fresh=4, stranger=1),
                    "peers_memory": {"memory_100/kj": figures.Figure(1, {"bytes": 7.0})}}
        return panels.peers_row(question, measured, verdicts)

    def test_a_dot_shows_what_is_the_same_with_fresh_memory(self):
        panel = self.row("files_100")[0]
        self.assertEqual(panel.bars, [("blocking", 2), ("kj", 100), ("stranger", 1)])
        self.assertEqual(panel.dots, {"blocking": 4, "kj": 3})

    def test_what_is_far_longer_than_ours_is_cut_off(self):
        panel = self.row("files_100")[0]
        self.assertEqual(panel.longest, 20)
        kj = charts.bars_data(panel)[1].split()
        self.assertEqual((kj[1], kj[3:5]), ("20", ['"100', '..."']))

    def test_memory_stands_beside_the_files_that_take_it(self):
        self.assertEqual(self.row("files_100")[2].bars, [("kj", 7)])
        self.assertFalse(self.row("open_close")[2])

    def test_a_place_in_the_chart_may_be_empty(self):
        script = charts.script("all", [*self.row("open_close"), *self.row("files_100")], 3)
        self.assertEqual(script.count("set multiplot next"), 3)
        self.assertEqual(script.count("plot $bars"), 3)

    def test_a_goal_is_a_line_in_its_place(self):
        v = goals.judge({"title": "t", "program": "peers", "figure": "files_100/blocking",
                         "baseline": ["files_100/kj"], "at_most": 1},
                        {"peers": {"files_100/blocking": figures.Figure(2e6, {}),
                                   "files_100/kj": figures.Figure(3e6, {})}})
        self.assertEqual(self.row("files_100", [v])[0].goals, {"blocking": 3})


class SharedLines(unittest.TestCase):
    """A trace of two operations: their marks are at 0x1000, a pair for each thread."""
    ABOUT = ("marks 0x1000\noperation busy\noperation quiet\nrounds 6\napart 0x8000 0x8080\nloaded\n"
             "00400000-00401000 r--p 00000000 fe:00 7    /usr/bin/a program\n"
             "00401000-00402000 r-xp 00001000 fe:00 7    /usr/bin/a program\n"
             "7f0000000000-7f0000001000 rw-p 00000000 00:00 0\n")

    def turn(self, operation, thread, *uses):
        begin = 0x1000 + (operation * 2 + thread) * 16
        return [f" S {begin:08x},8", *uses, f" S {begin + 8:08x},8"]

    def pair(self, uses, of_other, operation=0):
        return self.turn(operation, 0, *uses) + self.turn(operation, 1, *of_other)

    def turns(self, *lines):
        return shared_lines.read_turns(["==1== a remark", "I  00401000,3", *lines],
                                       shared_lines.read_about(self.ABOUT))

    def count(self, *lines):
        return shared_lines.count(self.turns(*lines)[0], 6)

    def test_what_both_write_counts(self):
        self.assertEqual(self.count(*self.pair([" S 00002000,8"], [" M 00002000,8"])), 1)

    def test_what_one_writes_and_the_other_reads_counts(self):
        self.assertEqual(self.count(*self.pair([" S 00002000,8"], [" L 00002000,8"])), 1)
        self.assertEqual(self.count(*self.pair([" L 00002000,8"], [" M 00002000,8"])), 1)

    def test_what_both_read_does_not(self):
        self.assertEqual(self.count(*self.pair([" L 00002000,8"], [" L 00002000,8"])), 0)

    def test_neighbours_in_a_line_count_and_in_two_do_not(self):
        self.assertEqual(self.count(*self.pair([" S 00002000,8"], [" S 00002038,8"])), 1)
        self.assertEqual(self.count(*self.pair([" S 00002000,8"], [" S 00002040,8"])), 0)

    def test_a_store_across_two_lines_is_in_both(self):
        self.assertEqual(self.count(*self.pair([" S 0000203c,8"], [" L 00002000,4",
                                                                  " L 00002040,4"])), 2)

    def test_what_lies_between_the_turns_does_not_count(self):
        self.assertEqual(self.count(" S 00002000,8", *self.turn(0, 0), " S 00002000,8",
                                    *self.turn(0, 1), " S 00002000,8"), 0)

    def test_what_the_program_sets_apart_does_not_count(self):
        self.assertEqual(self.count(*self.pair([" S 00008000,8"], [" S 00008000,8"])), 0)
        self.assertEqual(self.count(*self.pair([" S 00008078,16"], [" S 00008078,16"])), 1)

    def test_each_operation_has_its_own(self):
        busy, quiet = self.turns(*self.pair([" S 00002000,8"], [" S 00002000,8"]),
                                 *self.pair([" S 00003000,8"], [" S 00004000,8"], operation=1))
        self.assertEqual((shared_lines.count(busy, 6), shared_lines.count(quiet, 6)), (1, 0))

    def test_what_comes_first_or_rarely_falls_out(self):
        usual = self.pair([" S 00002000,8"], [" S 00002000,8"])
        rare = self.pair([" S 00002000,8", " S 00003000,8"], [" S 00002000,8", " S 00003000,8"])
        self.assertEqual(self.count(*rare * 3, *usual * 2, *rare), 1)

    def test_the_place_with_the_fewest_lines_counts(self):
        usual = self.pair([" S 00002000,8"], [" S 00002000,8"])
        crowded = self.pair([" S 00002000,8", " S 00003000,8"], [" S 00002000,8", " S 00003008,8"])
        self.assertEqual(self.count(*crowded * 6, *usual * 6, *crowded * 6), 1)
        self.assertEqual(self.count(*crowded * 12), 2)

    def test_a_line_knows_the_instructions_that_use_it(self):
        found = self.turns(*self.pair(["I  00401010,3", " L 00005000,8", " S 00002000,8"],
                                      ["I  00401020,3", " S 00002000,8", "I  00401030,3"]))[0]
        pairs = shared_lines.best_place(found, 6)
        self.assertEqual(shared_lines.instructions_at(pairs), [{0x401010, 0x401020}])

    def test_an_instruction_is_found_in_its_file(self):
        about = shared_lines.read_about(self.ABOUT)
        self.assertEqual(about.operations, ["busy", "quiet"])
        self.assertEqual(shared_lines.place_of(0x401010, about), ("/usr/bin/a program", 0x1010))
        for address in 0x400010, 0x402000, 0x7f0000000010:
            self.assertIsNone(shared_lines.place_of(address, about))

    def test_a_function_is_named_briefly(self):
        self.assertEqual(shared_lines.short("int a::(anonymous namespace)::f<g<2> >(h(*)()) const"),
                         "int a::f")

    def test_what_is_no_output_of_the_program_is_an_error(self):
        with self.assertRaises(ValueError):
            shared_lines.read_about("valgrind: failed to start tool")


class References(unittest.TestCase):
    def test_a_tenth_more_is_let_pass(self):
        lines, grown = references.compare({"a": 1000}, {"a": 1100}, 0.1)
        self.assertFalse(grown)
        self.assertIn("+10.0%", lines[0])

    def test_more_than_a_tenth_is_not(self):
        lines, grown = references.compare({"a": 1000, "b": 100}, {"a": 1101, "b": 50}, 0.1)
        self.assertTrue(grown)
        self.assertTrue(lines[0].endswith("grown"))
        self.assertIn("-50.0%", lines[1])

    def test_without_tolerance_one_more_is_too_much_also_after_none(self):
        lines, grown = references.compare({"a": 0, "b": 3}, {"a": 1, "b": 2}, 0)
        self.assertTrue(grown)
        self.assertRegex(lines[0], r"\+1 +grown$")
        self.assertRegex(lines[1], r" -1$")
        self.assertFalse(references.compare({"a": 0}, {"a": 0}, 0)[1])

    def test_what_is_gone_fails_and_what_is_new_does_not(self):
        self.assertTrue(references.compare({"a": 1}, {}, 0.1)[1])
        self.assertFalse(references.compare({}, {"a": 1}, 0.1)[1])

    def test_a_reference_comes_back_as_it_was_written(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "reference.json"
            references.write(path, "lines", {"b": 2, "a": 1}, "a compiler")
            self.assertEqual(references.read(path, "lines"), ("a compiler", {"a": 1, "b": 2}))


class Files(unittest.TestCase):
    """What is checked in."""
    ROOT = pathlib.Path(figures.__file__).parents[1]

    def test_each_goal_has_one_bound_and_a_measure(self):
        for goal in goals.read(self.ROOT / "goals.json"):
            with self.subTest(goal=goal["title"]):
                self.assertEqual(("at_most" in goal) + ("faster_by" in goal), 1)
                self.assertTrue("baseline" in goal or "counter" in goal)
                self.assertNotIn("{", goal["figure"] + "".join(goals.baselines(goal)))

    def test_the_references_have_their_baselines(self):
        _, counts = references.read(self.ROOT / "instructions.json", "instructions")
        self.assertGreater(counts["baseline/ready_coroutine"], 0)
        _, lines = references.read(self.ROOT / "shared_lines.json", "shared_lines")
        self.assertEqual(lines["baseline/ready_coroutine"], 0)
        self.assertEqual(lines["baseline/shared_mutex"], 1)


if __name__ == "__main__":
    unittest.main()
