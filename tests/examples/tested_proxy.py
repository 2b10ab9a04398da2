# SPDX-License-Identifier: BSL-1.0
"""Runs examples/tested_proxy as its users do, and looks at what it prints and returns.

usage: tested_proxy.py PROGRAM [unittest arguments]
"""

import contextlib
import functools
import http.server
import os
import re
import signal
import threading
import unittest.mock
import urllib.error
import urllib.request

import program


class Schedules(program.DirectoryTest):
    def setUp(self):
        super().setUp()
        for i, size in enumerate((1_500, 6_000, 500_000)):
            self.put(f"file {i}", os.urandom(size))

    def test_no_schedule_shows_a_fault_where_there_is_none(self):
        outcome = program.run(self.root)
        self.assertEqual(outcome.status, 0, outcome.stdout + outcome.stderr)
        self.assertRegex(outcome.stdout, r"nothing has failed in 10000 runs, and \d+ clients")
        served = re.search(r"(\d+) clients", outcome.stdout)
        # Every tenth schedule is run twice; of four clients few are refused or cut off.
        self.assertGreater(int(served[1]), 30_000)

    def test_the_bug_is_found_made_small_and_found_again_by_its_seed(self):
        outcome = program.run(self.root, "--bug")
        self.assertEqual(outcome.status, 1, outcome.stdout + outcome.stderr)
        said = re.search(r"a client was told that the time for /file%20\d was over", outcome.stdout)
        self.assertTrue(said, outcome.stdout)
        self.assertRegex(outcome.stdout,
                         r'fifo everywhere, but\n +at steps? \d+.* goes before "')
        seed = re.search(r"CORAMFS_SEED=(\d+)", outcome.stdout)
        self.assertTrue(seed, outcome.stdout)
        with unittest.mock.patch.dict(os.environ, CORAMFS_SEED=seed[1]):
            again = program.run(self.root, "--bug")
            right = program.run(self.root)
        self.assertEqual(again.status, 1, again.stdout)
        self.assertIn(said[0], again.stdout)
        self.assertEqual(right.status, 0, right.stdout)

    def test_where_all_is_refused_nothing_wrong_is_said(self):
        for rate in ("0", "0.3", "1"):
            outcome = program.run(self.root, "--schedules", "200", "--faults", rate)
            self.assertEqual(outcome.status, 0, outcome.stdout + outcome.stderr)

    def test_a_directory_without_files_is_refused(self):
        (self.root / "empty").mkdir()
        outcome = program.run(self.root / "empty")
        self.assertEqual(outcome.status, 1)
        self.assertIn("has no files", outcome.stderr)


class Serving(program.DirectoryTest):
    """The same proxy over sockets, between Python's client and Python's server."""

    @contextlib.contextmanager
    def origin(self):
        asked = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_request(self, code="-", size="-"):
                asked.append(self.path)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(
                ("127.0.0.1", 0), functools.partial(Handler, directory=self.root)) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}", asked
            finally:
                server.shutdown()
                thread.join()

    def test_each_file_comes_through_whole_and_is_asked_for_once(self):
        contents = {f"f{i}": os.urandom(i * 3000) for i in range(10)}
        for name, content in contents.items():
            self.put(name, content)
        with self.origin() as (origin, asked), program.running("--origin", origin) as process:
            proxy = process.stdout.readline().decode().strip()
            for _ in range(2):
                for name, content in contents.items():
                    with urllib.request.urlopen(f"{proxy}/{name}") as answer:
                        self.assertEqual(answer.read(), content)
            self.assertEqual(sorted(asked), sorted("/" + name for name in contents))
            for target, status in (("/nowhere", 404), ("/" + "x" * 300, 400)):
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(proxy + target)
                self.assertEqual(refused.exception.code, status)
                refused.exception.close()
            process.send_signal(signal.SIGINT)
            self.assertEqual(program.finish(process).status, 0)

    def test_without_an_origin_the_client_is_told(self):
        with self.origin() as (origin, _):
            pass
        with program.running("--origin", origin) as process:
            proxy = process.stdout.readline().decode().strip()
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(proxy + "/f")
            self.assertEqual(refused.exception.code, 502)
            refused.exception.close()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(program.finish(process).status, 0)


class CommandLine(program.CommandLineTest):
    help_names = ("--schedules", "--bug", "--faults", "--origin", "--port", "CORAMFS_SEED")
    bad_usage = (["--schedules", "0"], ["--schedules", "many"], ["--faults", "2"],
                 ["--origin", "ftp://x"], ["--port", "70000"], ["/nowhere"], ["--nonsense"])


if __name__ == "__main__":
    program.main()
