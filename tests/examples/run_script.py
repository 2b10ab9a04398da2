# SPDX-License-Identifier: BSL-1.0
"""What the scripts that build say and return: examples/run, tests/run and bench/run, in a tree where
what they call only notes that it was called.

usage: run_script.py ROOT BUILD [unittest arguments]
"""
import fnmatch
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT, BUILD = pathlib.Path(sys.argv.pop(1)), pathlib.Path(sys.argv.pop(1))
SCRIPTS = ["examples/run", "tests/run", "bench/run"]

NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n'
# Ends on Ctrl-C as Ninja does: with a status, and not by the signal. Says when it is ready for it.
INTERRUPTED_NINJA = """\
#!/usr/bin/env python3
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(2))
open(os.environ["READY"], "w").close()
while True:
    signal.pause()
"""


class ScriptTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "examples", self.root / "examples")
        for file in [*SCRIPTS, *(str(one.relative_to(ROOT))
                                 for one in (ROOT / "tests").rglob("meson.build"))]:
            (self.root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, self.root / file)
        for name in ["subprojects/install-deps", "bin/meson", "bin/ninja"]:
            self.put(name, NOTE)
        self.put("build/build.ninja", "build examples/small/pin: phony\n")
        self.calls = self.root / "calls"
        self.environment = os.environ | {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "CALLS": str(self.calls),
            "READY": str(self.root / "ready"), "CORAMFS_BUILD_DIR": str(self.root / "build")}

    def put(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)

    def run_script(self, script, *arguments):
        return subprocess.run([self.root / script, *arguments], env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)

    def check_nothing_called(self):
        self.assertFalse(self.calls.exists())


class AllScripts(ScriptTest):
    def test_help_builds_nothing(self):
        for script in SCRIPTS:
            for option in ["-h", "--help"]:
                with self.subTest(script=script, option=option):
                    ended = self.run_script(script, option)
                    self.assertEqual((ended.returncode, ended.stderr), (0, ""))
                    self.assertIn(f"usage: {script}", ended.stdout)
                    self.assertIn("Programs", ended.stdout)
        self.check_nothing_called()

    def test_an_option_that_is_none_is_named(self):
        for script in SCRIPTS:
            with self.subTest(script=script):
                ended = self.run_script(script, "--bogus")
                self.assertEqual((ended.returncode, ended.stdout), (2, ""))
                self.assertIn(f"{script}: unknown option --bogus", ended.stderr)
        self.check_nothing_called()

    def test_ctrl_c_in_a_build(self):
        self.put("bin/ninja", INTERRUPTED_NINJA)
        ready = self.root / "ready"
        os.mkfifo(ready)
        for script, arguments in [("examples/run", ["pin"]), ("tests/run", []), ("bench/run", [])]:
            with self.subTest(script=script):
                with subprocess.Popen([self.root / script, *arguments], env=self.environment,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      start_new_session=True) as process:
                    ready.read_bytes()
                    os.killpg(process.pid, signal.SIGINT)
                self.assertEqual(process.returncode, 130)


class Examples(ScriptTest):
    def test_all_programs_are_listed(self):
        sources = [*(ROOT / "examples").glob("*/main.cpp"), *(ROOT / "examples/small").glob("*.cpp")]
        names = {str(one.relative_to(ROOT / "examples")).replace("/main.cpp", "").replace(".cpp", "")
                 for one in sources}
        self.assertGreater(len(names), 10)
        listed = self.run_script("examples/run", "--help").stdout.partition("Programs:\n")[2]
        # Each with a few words.
        self.assertEqual({line.split()[0] for line in listed.splitlines() if len(line.split()) > 4},
                         names)
        ended = self.run_script("examples/run", "nonsense")
        self.assertEqual((ended.returncode, ended.stdout), (2, ""))
        first, _, programs = ended.stderr.partition("\n")
        self.assertIn("'nonsense'", first)
        self.assertEqual(programs, listed)
        self.check_nothing_called()

    def test_a_program_is_built_and_run(self):
        self.put("build/examples/small/pin", '#!/bin/sh\necho "given: $*"\nexit 7\n')
        for name in ["pin", "small/pin"]:
            with self.subTest(name=name):
                ended = self.run_script("examples/run", name, "--an", "argument")
                self.assertEqual(ended.returncode, 7)
                self.assertEqual(ended.stdout, "given: --an argument\n")
                self.assertEqual(ended.stderr, "examples/run: building small/pin\n")
                self.assertRegex(self.calls.read_text(encoding="utf-8"),
                                 "install-deps examples\nninja .* examples/small/pin\n")

    def test_a_build_that_fails_is_shown(self):
        self.put("bin/ninja", "#!/bin/sh\necho no such luck\nexit 1\n")
        ended = self.run_script("examples/run", "pin")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertIn("no such luck", ended.stderr)


class Tests(ScriptTest):
    def test_all_programs_are_listed(self):
        listed = self.run_script("tests/run", "--help").stdout.partition("Programs:\n")[2].split()
        introduced = json.loads((BUILD / "meson-info/intro-tests.json").read_text(encoding="utf-8"))
        names = {one["name"] for one in introduced if one["suite"][0].startswith("coramfs:")}
        self.assertGreater(len(names), 10)
        self.assertEqual({name for name in names
                          if not any(fnmatch.fnmatchcase(name, one) for one in listed)}, set())

    def test_a_program_that_is_none_is_named_before_anything_is_built(self):
        self.put("build/meson-info/intro-tests.json", '[{"name": "core"}]')
        ended = self.run_script("tests/run", "core", "corre")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("there is no program 'corre'", ended.stderr)
        self.assertNotIn("ninja", self.calls.read_text(encoding="utf-8"))


if __name__ == "__main__":
    # What a shell runs in the background ignores it, and so do all that are started from there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main()
