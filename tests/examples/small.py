# SPDX-License-Identifier: BSL-1.0
"""Runs the programs of examples/small on what this machine has, and looks at what they say.

usage: small.py SOURCES PROGRAMS [unittest arguments]   the folders of both
"""
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCES, PROGRAMS = pathlib.Path(sys.argv.pop(1)), pathlib.Path(sys.argv.pop(1))
# Something of some size that no package brings or takes away meanwhile.
INPUT = PROGRAMS / "pin"
SIZE = INPUT.stat().st_size


def run(name, *arguments, fed=b""):
    return subprocess.run([PROGRAMS / name, *arguments], input=fed, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=240, check=False)


class SmallProgramsTest(unittest.TestCase):
    def check(self, name, *arguments, says, fed=b"", status=0):
        """All that the program says is as the pattern."""
        ended = run(name, *arguments, fed=fed)
        said = ended.stdout.decode() + ended.stderr.decode()
        self.assertEqual(ended.returncode, status, said)
        self.assertRegex(said, f"\\A(?:{says})\\Z")
        return said

    def test_blocking_thread(self):
        self.check("blocking_thread", fed=b"line\n" * 20_000,
                   says="coroutines that wait for the thread: 1\n"
                        "bytes that the coroutine has read: 100000\n")

    def test_cache(self):
        said = self.check("cache", says="made \\d+ of 1000 pages, at most \\d+ of 65536 bytes charged\n"
                                        "the page that all want was made once\n")
        made, charged = map(int, re.search(r"made (\d+) .* most (\d+)", said).groups())
        self.assertLess(made, 1000)
        self.assertLessEqual(charged, 65536)

    def test_cancel(self):
        self.check("cancel", says="2 wait\nthe writer: canceled: open \"/page\"\nthe second reader: open\n0 wait\n"
                                  "the page was not changed\n")

    @unittest.skipUnless((PROGRAMS / "child_process").exists(), "the host library is not built")
    @unittest.skipUnless(all(map(shutil.which, ["sha256sum", "python3", "tar", "cmp"])), "needs them")
    def test_child_process(self):
        digest = hashlib.sha256(INPUT.read_bytes()).hexdigest()
        said = self.check("child_process", INPUT,
                          says=f"{digest}  /proc/self/fd/\\d+\n{SIZE}\n\\d+ bytes from tar\n"
                               "they are those of the file\n")
        self.assertGreater(int(re.search(r"(\d+) bytes from tar", said)[1]), SIZE)

    def test_completion_token(self):
        says = "read: %d bytes, no error\nthey are those of the file\n"
        self.check("completion_token", INPUT, says=says % SIZE)
        self.check("completion_token", says=says % (PROGRAMS / "completion_token").stat().st_size)

    @unittest.skipUnless((PROGRAMS / "crosswise").exists(), "the simulation is not built")
    def test_crosswise(self):
        self.check("crosswise", says="seed \\d+ fails: stuck at 0.000 s, .*\n"
                                     "(  coroutine \"(alice|bob) pays\" has not ended.*\n){2}"
                                     "(  open \"/(bob|alice)\" of coroutine .* waits .* \"(first|second)\" .*\n){2}"
                                     "  taken: .*\n  run .*\n  to repeat it: CORAMFS_SEED=\\d+\n"
                                     "  minimised by \\d+ runs: fifo everywhere, but\n"
                                     "(    at steps? .* \"bob pays\" goes before \"alice pays\"\n)+")

    def test_deadline(self):
        self.check("deadline", says="after 20 ms: timed out.*\nat once: would block.*\n"
                                    "after the close: /log is open\n")

    def test_glob(self):
        says = "((/.*)?/(glob|pin)[^/]*\n)+(/.*: \\d+ directories, \\d+ files\n)+"
        self.check("glob", says=says)
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for path in ["a/b.txt", "a/b/c.txt", "a/b/d.cpp", "e.txt"]:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(path, encoding="utf-8")
            self.check("glob", root, "/a/**/*.txt",
                       says="/a/b.txt\n/a/b/c.txt\n/: 1 directories, 1 files\n"
                            "/a: 1 directories, 1 files\n/a/b: 0 directories, 2 files\n")

    @unittest.skipUnless((PROGRAMS / "lines").exists(), "text files are not built")
    def test_lines(self):
        text = "kurz\nlängere Zeile\n\n日本語"
        for encoding in ["utf-8", "utf-16-be"]:
            self.check("lines", encoding.replace("-be", "be"), fed=text.encode(encoding),
                       says="4 lines, the longest is längere Zeile\n\n")
        self.check("lines", fed=b"\xff", says="invalid encoding: at byte 0\n", status=1)

    def test_memory_guard(self):
        said = self.check("memory_guard", says="rejected: refused by .*\nwarned: coramfs: refused by .*\n"
                                               "\\d+ bytes charged\n")
        asked, left = re.search(r"requested (\d+) bytes, (\d+) available", said).groups()
        self.assertEqual(int(asked), 1 << 50)
        self.assertLess(int(left), 1 << 50)

    def test_pin(self):
        for arguments in [[], [SOURCES / "pin.cpp"]]:
            size = pathlib.Path(*arguments or [PROGRAMS / "pin"]).stat().st_size
            self.check("pin", *arguments, says="the pin costs 0 bytes\n"
                       f"{size} pinned bytes are as they were\nwithout it they are given back\n")

    def test_reader_and_writer(self):
        self.check("reader_and_writer", INPUT,
                   says=f"written: {SIZE}, and 1 waits\nread: {SIZE}\n")

    def test_announced(self):
        content = INPUT.read_bytes() * 10
        self.check("announced", str(10 * SIZE), fed=content, says=f"{10 * SIZE} bytes received\n")
        self.check("announced", str(10 * SIZE), fed=content[:-1], status=1, says="End of file.*\n")
        self.check("announced", str(1 << 21), fed=content, status=1,
                   says='quota exceeded: reserve "/received": requested \\d+ bytes, \\d+ available\n')

    def test_receive(self):
        content = INPUT.read_bytes() * 10
        self.check("receive", fed=content, says=f"{10 * SIZE} bytes received, \\d+ charged\n")
        self.check("receive", says="0 bytes received, \\d+ charged\n")

    def test_snapshot(self):
        self.check("snapshot", INPUT, SOURCES / "pin.cpp",
                   says="back again: 2 files\nelsewhere: quota exceeded: .*; 0 files\n")

    def test_wait_for_space(self):
        said = self.check("wait_for_space", INPUT,
                          says=f"{SIZE} bytes passed, at most \\d+ of 65536 charged\n")
        peak = int(re.search(r"at most (\d+)", said)[1])
        self.assertLessEqual(peak, 65536)
        # More than one was there at a time.
        self.assertGreater(peak, 2 * 16384)

    def test_each_program_is_here(self):
        tested = {name.removeprefix("test_") for name in dir(self) if name.startswith("test_")}
        self.assertLessEqual({source.stem for source in SOURCES.glob("*.cpp")}, tested)

    def test_each_begins_with_its_idea(self):
        for source in SOURCES.glob("*.cpp"):
            text = source.read_text(encoding="utf-8")
            self.assertRegex(text, r"\A// SPDX.*\n//\n// \S.*", source.name)
            code = re.sub(r"^//.*\n|^#include.*\n|^using .*\n|^\n", "", text, flags=re.M)
            self.assertLessEqual(code.count("\n"), 40, source.name)


if __name__ == "__main__":
    unittest.main()
