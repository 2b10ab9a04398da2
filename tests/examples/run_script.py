# SPDX-License-Identifier: BSL-1.0
"""What examples/run says where it builds nothing.

usage: run_script.py ROOT [unittest arguments]
"""
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))


class RunScriptTest(unittest.TestCase):
    def test_a_name_that_is_none_shows_those_that_there_are(self):
        ended = subprocess.run([ROOT / "examples" / "run", "nonsense"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(ended.returncode, 2)
        self.assertEqual(ended.stdout, "")
        first, *programs = ended.stderr.splitlines()
        self.assertIn("'nonsense'", first)
        found = sorted(main.parent.name for main in (ROOT / "examples").glob("*/main.cpp"))
        self.assertTrue(found)
        self.assertEqual([name.strip() for name in programs], found)


if __name__ == "__main__":
    unittest.main()
