# SPDX-License-Identifier: BSL-1.0
"""Runs examples/archive_extraction over archives of this machine, and looks at what it prints.

usage: archive_extraction.py PROGRAM [unittest arguments]
"""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import program

DOCUMENTS = pathlib.Path("/usr/share/doc")
NONE = "/missing"


def some_documents(most):
    """A directory of real files, with more than one in it, that is not larger than that."""
    for folder in sorted(DOCUMENTS.iterdir()) if DOCUMENTS.is_dir() else []:
        files = [f for f in folder.rglob("*") if f.is_file() and not f.is_symlink()]
        if len(files) > 5 and sum(f.stat().st_size for f in files) < most:
            return folder, len(files)
    return None, 0


def rows_of(outcome):
    """The columns of each archive, by its name."""
    lines = outcome.stdout.splitlines()[1:-3]
    return {line.split()[0]: line.split()[1:] for line in lines}


class Tests(program.ProgramTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check_same(self, outcome):
        self.assertEqual((outcome.status, outcome.stderr), (0, ""), outcome.stdout)
        self.assertEqual(outcome.number("different files"), 0)
        return rows_of(outcome)

    def test_what_other_programs_make_of_documents(self):
        documents, count = some_documents(4 << 20)
        if documents is None:
            self.skipTest(f"there are no documents below {DOCUMENTS}")
        rows = self.check_same(program.run("--packages", NONE, "--make", documents))
        makers = {"tar": "made.tar", "gzip": "made.tar.gz", "xz": "made.tar.xz",
                  "zstd": "made.tar.zst", "zip": "made.zip", "7z": "made.7z"}
        for maker, archive in makers.items():
            if shutil.which(maker) is None:
                print(f"left out: {archive}, for want of {maker}")
                continue
            self.assertGreaterEqual(int(rows[archive][0]), 1)
            if archive.endswith("tar"):
                self.assertLessEqual(int(rows[archive][0]), count)
            self.assertEqual(rows[archive][4] == "no", archive == "made.7z")
        self.assertIn("made.tar", rows)

    def test_packages_of_debian(self):
        cache = pathlib.Path("/var/cache/apt/archives")
        packages = sorted(cache.glob("*.deb")) if cache.is_dir() else []
        small = [p for p in packages if p.stat().st_size < 1 << 20][:3]
        if not small or shutil.which("dpkg-deb") is None:
            self.skipTest(f"there are no small packages in {cache}, or there is no dpkg-deb")
        rows = self.check_same(program.run(*small))
        self.assertEqual(len(rows), len(small))
        for row in rows.values():
            self.assertEqual(row[5], "dpkg-deb")

    def test_an_archive_that_is_damaged(self):
        documents, _ = some_documents(4 << 20)
        if documents is None or shutil.which("gzip") is None:
            self.skipTest("there are no documents, or no gzip")
        archive = self.folder / "damaged.tar.gz"
        subprocess.run(["tar", "-C", documents, "-czf", archive, "."], check=True)
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 1
        archive.write_bytes(content)
        good = self.folder / "good.tar"
        subprocess.run(["tar", "-C", documents, "-cf", good, "."], check=True)
        outcome = program.run(archive, good)
        self.assertEqual(outcome.status, 1)
        self.assertIn("corrupt", outcome.stderr)
        self.assertIn("damaged.tar.gz", outcome.stderr)
        # The one behind it has its turn.
        self.assertEqual(outcome.number("failed"), 1)
        self.assertEqual(list(rows_of(outcome)), ["good.tar"])

    def test_names_that_mean_something_to_other_programs(self):
        content = self.folder / "in"
        content.mkdir()
        (content / "a").write_text("content")
        archives = []
        for name, maker in [("host:x.tar", ["tar", "--force-local", "-cf"]),
                            ("[x]*.zip", ["zip", "-qr"]), ("@list.7z", ["7z", "a"])]:
            if shutil.which(maker[0]) is None:
                print(f"left out: {name}, for want of {maker[0]}")
                continue
            made = self.folder / ("made" + pathlib.Path(name).suffix)
            subprocess.run([*maker, made, "a"], check=True, cwd=content,
                           stdout=subprocess.DEVNULL)
            archives.append(made.rename(self.folder / name))
        rows = self.check_same(program.run(*archives))
        self.assertEqual(len(rows), len(archives))

    def test_help_and_mistakes(self):
        self.assertEqual(program.run("--help").status, 0)
        for wrong in [["/missing"], ["--make", "/missing"], ["--quota", "much"]]:
            self.assertEqual(program.run(*wrong).status, 2)


if __name__ == "__main__":
    program.main()
