# SPDX-License-Identifier: BSL-1.0
"""Runs examples/download_buffer as its users do, and looks at what it prints and returns.

usage: download_buffer.py PROGRAM [unittest arguments]
"""

import contextlib
import http.server
import os
import pathlib
import pty
import re
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM = ""
# Generous: the program may run under a sanitizer, on a busy machine.
TIMEOUT = 240


class Outcome:
    """What one run of the program left behind."""

    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout.decode(errors="surrogateescape")
        self.stderr = stderr.decode(errors="surrogateescape")
        row = r"^(\S.*?) {2,}([\d.]+)$"
        self.table = {name: float(value) for name, value in re.findall(row, self.stdout, re.M)}
        listed = re.findall(r"^ *(\d+)  (/.*)$", self.stdout, re.M)
        self.listed = {path: int(size) for size, path in listed}


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(os.fspath, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=TIMEOUT, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


class Terminal:
    """The end of a pseudo-terminal that shows what the program writes to its standard error."""

    def __init__(self):
        screen, self.program_end = pty.openpty()
        self._screen = os.fdopen(screen, "rb", buffering=0)
        self.shown = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._screen.close()

    def read_until(self, text):
        while text not in self.shown and self._read():
            pass

    def read_rest(self):
        while self._read():
            pass

    def _read(self):
        try:
            piece = self._screen.read(4096)
        except OSError:  # how Linux tells that the other end is closed
            piece = b""
        self.shown += piece
        return piece


@contextlib.contextmanager
def running_on_terminal(*arguments):
    """Gives the process and its terminal, which only the process holds open."""
    with Terminal() as terminal:
        with subprocess.Popen([PROGRAM, *map(os.fspath, arguments)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=terminal.program_end) as process:
            os.close(terminal.program_end)
            yield process, terminal


def run_and_interrupt(number, *arguments):
    """Sends the signal once there is progress. No time-out of the program ends it before."""
    patient = ("--timeout", str(4 * TIMEOUT))
    with running_on_terminal(*patient, *arguments) as (process, terminal):
        terminal.read_until(b"MiB/s")
        process.send_signal(number)
        stdout, _ = process.communicate(timeout=TIMEOUT)
        terminal.read_rest()
        return Outcome(process.returncode, stdout, terminal.shown)


class DownloadBufferTest(unittest.TestCase):
    def check(self, outcome, status=0, **table):
        """Nothing leaked, and the rows of the table are as given."""
        self.assertEqual(outcome.status, status, outcome.stdout + outcome.stderr)
        self.assertEqual(outcome.table["open handles left"], 0)
        self.assertEqual(outcome.table["charge left"], outcome.table["charge when empty"])
        for name, value in table.items():
            self.assertEqual(outcome.table[name], value, name + "\n" + outcome.stderr)


class ServedDirectory(DownloadBufferTest):
    """Without URLs: a directory of this machine, served by the program itself."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def put(self, name, content=b""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return len(content)

    def test_every_regular_file_is_downloaded_and_compared(self):
        size = self.put("empty")
        size += self.put("one line", b"text\n")
        size += self.put("deep/er/and deeper/file", b"no newline at the end")
        size += self.put("large", os.urandom(3 * 1024 * 1024 + 1).replace(b"\n", b" "))
        size += self.put("exactly one piece", b"\n" * 65536)
        outcome = run("--serve", self.root)
        self.check(outcome, files=5, bytes=size, compared=5, lines=65537,
                   refused=0, mismatches=0, failed=0)
        self.assertGreaterEqual(outcome.table["peak charged bytes"], size)
        self.assertEqual(outcome.stderr, "")

    def test_names_that_a_url_must_escape(self):
        names = ["a b", "100%", "%41", "question?mark", "hash#tag", "plus+and&", "日本語", "ü/ö",
                 "[x]", "semi;colon", "new\nline", "quote\"'", "..dots", "...", "~tilde"]
        for name in names:
            self.put(name, name.encode())
        self.put(os.fsdecode(b"latin-\xe9"), b"1")
        self.check(run("--serve", self.root), files=len(names) + 1, compared=len(names) + 1,
                   failed=0, mismatches=0)

    def test_links_and_special_files_are_passed_over(self):
        self.put("file", b"1")
        (self.root / "link").symlink_to("file")
        (self.root / "loop").symlink_to(".")
        (self.root / "dangling").symlink_to("nowhere")
        os.mkfifo(self.root / "fifo")
        self.check(run("--serve", self.root), files=1, failed=0)

    def test_a_backslash_in_a_name_is_reported(self):
        self.put("file", b"1")
        self.put("back\\slash", b"2")
        self.put("dir\\ectory/file", b"3")
        outcome = run("--serve", self.root)
        self.check(outcome, files=1, failed=2, mismatches=0)
        self.assertIn("backslash", outcome.stderr)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_what_may_not_be_read_fails_and_is_no_mismatch(self):
        self.put("file", b"1")
        self.put("secret", b"2")
        self.put("vault/file", b"3")
        (self.root / "secret").chmod(0)
        (self.root / "vault").chmod(0)
        self.addCleanup((self.root / "vault").chmod, 0o700)
        outcome = run("--serve", self.root)
        self.check(outcome, files=1, failed=2, mismatches=0)
        self.assertIn("HTTP 403 Forbidden", outcome.stderr)

    def test_what_does_not_fit_is_refused_and_the_others_go_on(self):
        for i in range(50):
            self.put(f"large/{i}", bytes(1_500_000))
        for i in range(20):
            self.put(f"small/{i}", b"x" * 100)
        # One at a time: with more, what the others have of a large file may keep a small one out.
        outcome = run("--serve", self.root, "--quota", "1M", "--connections", "1")
        self.check(outcome, mismatches=0, failed=0, refused=50, files=20)
        shown = [line for line in outcome.stderr.splitlines() if line.startswith("refused: /dl/")]
        self.assertEqual(len(shown), 5)
        for line in shown:
            self.assertRegex(line, r": quota exceeded: requested \d+ bytes, \d+ available$")
        self.assertIn("refused: 45 more\n", outcome.stderr)
        self.assertLessEqual(outcome.table["peak charged bytes"], 1024 * 1024)

    def test_many_at_a_time_that_do_not_fit(self):
        for i in range(200):
            self.put(f"{i}", b"x" * i * 500)
        outcome = run("--serve", self.root, "--quota", "2M")
        self.check(outcome, mismatches=0, failed=0)
        self.assertEqual(outcome.table["files"] + outcome.table["refused"], 200)
        self.assertEqual(outcome.table["files"], outcome.table["compared"])
        self.assertGreater(outcome.table["refused"], 0)
        self.assertGreater(outcome.table["files"], 0)

    def test_with_wait_a_small_quota_is_enough(self):
        size = sum(self.put(f"{i % 5}/{i}", os.urandom(i * 3000)) for i in range(200))
        for connections in ("1", "32"):
            outcome = run("--serve", self.root, "--quota", "1M", "--wait",
                          "--connections", connections)
            self.check(outcome, mismatches=0, failed=0, refused=0, files=200, compared=200,
                       bytes=size)
            self.assertLessEqual(outcome.table["peak charged bytes"], 1024 * 1024)
        self.assertGreater(outcome.table["waited"], 0)

    def test_with_wait_files_that_take_nearly_the_whole_quota(self):
        for i in range(60):
            self.put(f"{i}", os.urandom(1_000_000 if i % 2 else 500))
        outcome = run("--serve", self.root, "--quota", "1M", "--wait")
        self.check(outcome, mismatches=0, failed=0, refused=0, files=60, compared=60)
        self.assertGreater(outcome.table["waited"], 0)

    def test_with_wait_what_never_fits_is_refused_at_once(self):
        self.put("large", bytes(1_500_000))
        for i in range(20):
            self.put(f"small/{i}", b"x" * 100_000)
        outcome = run("--serve", self.root, "--quota", "1M", "--wait")
        self.check(outcome, mismatches=0, failed=0, refused=1, files=20)
        self.assertRegex(outcome.stderr, r"refused: /dl/large: quota exceeded: requested \d+ bytes")

    def test_no_quota_at_all(self):
        self.put("file", b"1")
        self.check(run("--serve", self.root, "--quota", "0"), files=0, refused=1)
        self.check(run("--serve", self.root, "--quota", "0", "--wait"), files=0, refused=1)

    def test_one_connection_and_many(self):
        for i in range(300):
            self.put(f"{i % 7}/{i}", b"%d\n" % i)
        for connections in ("1", "256"):
            self.check(run("--serve", self.root, "--connections", connections),
                       files=300, compared=300, lines=300)

    def test_an_empty_directory(self):
        self.check(run("--serve", self.root), files=0, bytes=0, failed=0)

    def test_files_that_change_meanwhile_are_no_mismatch(self):
        names = [self.root / f"{i % 9}" / f"{i}" for i in range(400)]
        for name in names:
            self.put(name, bytes(200_000))
        stop = threading.Event()

        def disturb():
            while not stop.is_set():
                for i, name in enumerate(names):
                    with contextlib.suppress(FileNotFoundError):
                        if i % 3 == 0:
                            os.truncate(name, 100 + i)
                        elif i % 3 == 1:
                            name.write_bytes(os.urandom(300_000))
                        else:
                            name.unlink()

        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            outcome = run("--serve", self.root, "--connections", "8")
        finally:
            stop.set()
            disturber.join()
        self.check(outcome, mismatches=0)

    def test_ctrl_c_in_the_middle(self):
        for i in range(2000):
            self.put(f"{i % 100}/{i}", bytes(100_000))
        outcome = run_and_interrupt(signal.SIGINT, "--serve", self.root)
        self.check(outcome, mismatches=0, failed=0, refused=0)

    @unittest.skipUnless(os.path.isdir("/proc/sys/kernel/random"), "needs Linux's /proc")
    def test_a_file_that_differs_from_what_was_served_is_a_mismatch(self):
        # These files say that they are empty, and are not.
        outcome = run("--serve", "/proc/sys/kernel/random")
        self.assertEqual(outcome.status, 1)
        self.assertGreater(outcome.table["mismatches"], 0)
        self.assertIn("differs from the original at byte 0", outcome.stderr)


class Handler(http.server.BaseHTTPRequestHandler):
    """A server with every way to send a body, the bad ones too."""

    protocol_version = "HTTP/1.1"
    CONTENT = b"line\n" * 50_000

    def do_GET(self):
        self.server.connections.add(self.client_address)
        handler = getattr(self, "get_" + self.path.strip("/").split("/")[0].split("?")[0], None)
        if handler is None:
            self.send_error(404)
        else:
            handler()

    def head(self, *fields):
        self.send_response(200)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()

    def get_plain(self):
        self.head(("Content-Length", str(len(self.CONTENT))))
        self.wfile.write(self.CONTENT)

    def get_chunked(self):
        self.head(("Transfer-Encoding", "chunked"))
        for begin in range(0, len(self.CONTENT), 7_777):
            chunk = self.CONTENT[begin:begin + 7_777]
            self.wfile.write(b"%x;name=value\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\nTrailer: 1\r\n\r\n")

    def get_until_closed(self):
        self.close_connection = True
        self.head(("Connection", "close"))
        self.wfile.write(self.CONTENT)

    def get_interim(self):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        self.get_plain()

    def get_long_head(self):
        self.head(*[(f"X-Field-{i}", "x" * 1000) for i in range(20)], ("Content-Length", "0"))

    def get_too_long_head(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.head(*[(f"X-Field-{i}", "x" * 1000) for i in range(90)], ("Content-Length", "0"))

    def get_too_long_chunk_head(self):
        self.close_connection = True
        self.head(("Transfer-Encoding", "chunked"))
        with contextlib.suppress(OSError):
            self.wfile.write(b"5;" + b"x" * 200_000 + b"\r\nhello\r\n0\r\n\r\n")

    def get_empty(self):
        self.head(("Content-Length", "0"))

    def get_cut(self):
        self.close_connection = True
        self.head(("Content-Length", str(len(self.CONTENT))))
        self.wfile.write(self.CONTENT[:100_000])

    def get_cut_chunk(self):
        self.close_connection = True
        self.head(("Transfer-Encoding", "chunked"))
        self.wfile.write(b"ffff\r\nshort")

    def get_garbage(self):
        self.close_connection = True
        self.wfile.write(b"this is no HTTP\r\n\r\n")

    def get_silence(self):
        self.close_connection = True

    def get_leaves(self):
        """Answers, and then closes the connection although it said that it would not."""
        self.close_connection = True
        self.get_plain()

    def get_stall(self):
        self.close_connection = True
        self.head(("Content-Length", "10"))
        self.wfile.write(b"12345")
        self.server.released.wait(TIMEOUT)

    def get_large(self):
        self.head(("Content-Length", "3000000"))
        self.wfile.write(bytes(3_000_000))

    def get_stall_large(self):
        """What is sent first is more than sockets hold: whoever reads it has its room."""
        self.close_connection = True
        self.head(("Content-Length", "30000001"))
        with contextlib.suppress(OSError):
            self.wfile.write(bytes(30_000_000))
            self.server.stalls.set()
            self.server.released.wait(TIMEOUT)

    def get_after_stall(self):
        self.server.stalls.wait(TIMEOUT)
        self.get_large()

    def get_endless(self):
        self.close_connection = True
        self.head(("Transfer-Encoding", "chunked"))
        with contextlib.suppress(OSError):
            while not self.server.released.is_set():
                self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections = set()
        self.released = threading.Event()
        self.stalls = threading.Event()

    def handle_error(self, *_):
        pass  # clients that leave are part of the tests


class Urls(DownloadBufferTest):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.server_close)
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.released.set)
        self.host = f"127.0.0.1:{self.server.server_port}"

    def url(self, path):
        return f"http://{self.host}/{path}"

    def run_urls(self, *paths, options=()):
        return run(*options, *map(self.url, paths))

    def test_all_ways_to_delimit_a_body(self):
        outcome = self.run_urls("plain", "chunked", "until_closed", "interim", "empty",
                                "long_head")
        self.check(outcome, files=6, failed=0, lines=200_000, bytes=4 * len(Handler.CONTENT))
        self.assertEqual(outcome.listed[f"/dl/{self.host}/chunked"], len(Handler.CONTENT))
        self.assertEqual(outcome.listed[f"/dl/{self.host}/empty"], 0)

    def test_names(self):
        outcome = self.run_urls("plain/", "plain?a=/b/", "plain/a%20b#fragment", "plain/x")
        self.check(outcome, failed=1, files=3)  # "plain?a=" is a file or a directory, not both
        self.assertIn(f"/dl/{self.host}/plain/index.html", outcome.listed)
        self.assertIn(f"/dl/{self.host}/plain/a%20b", outcome.listed)

    def test_a_url_given_twice_is_downloaded_once(self):
        self.check(self.run_urls("plain", "plain"), files=1, failed=0)

    def test_a_connection_is_kept(self):
        paths = [f"plain/{i}" for i in range(20)] + [f"chunked/{i}" for i in range(20)]
        self.check(self.run_urls(*paths, options=("--connections", "2")), files=40, failed=0)
        self.assertEqual(len(self.server.connections), 2)

    def test_a_connection_that_the_server_has_closed_is_made_anew(self):
        paths = [f"leaves/{i}" for i in range(10)]
        self.check(self.run_urls(*paths, options=("--connections", "1")), files=10, failed=0)

    def test_what_fails_is_reported_and_the_others_go_on(self):
        bad = ["missing", "cut", "cut_chunk", "garbage", "silence", "too_long_head",
               "too_long_chunk_head"]
        outcome = self.run_urls(*bad, "plain", options=("--connections", "1"))
        self.check(outcome, files=1, failed=len(bad))
        self.assertIn("HTTP 404 Not Found", outcome.stderr)
        self.assertEqual(list(outcome.listed), [f"/dl/{self.host}/plain"])

    def test_nobody_listens(self):
        self.check(run("http://127.0.0.1:1/x"), files=0, failed=1)

    def test_a_server_that_stalls(self):
        outcome = self.run_urls("stall", "plain", options=("--timeout", "1"))
        self.check(outcome, files=1, failed=1)
        self.assertIn("timed out", outcome.stderr)

    def test_a_body_without_end_is_refused(self):
        # One at a time: together, the one without end may leave the other too little.
        outcome = self.run_urls("endless", "plain",
                                options=("--quota", "4M", "--connections", "1"))
        self.check(outcome, refused=1, failed=0, files=1)
        self.assertEqual(list(outcome.listed), [f"/dl/{self.host}/plain"])

    def test_with_wait_bodies_without_a_length_do_not_block_each_other(self):
        paths = [f"{kind}/{i}" for i in range(20) for kind in ("chunked", "plain")]
        outcome = self.run_urls(*paths, options=("--quota", "600K", "--wait"))
        self.check(outcome, files=40, failed=0, refused=0, lines=40 * 50_000)
        self.assertGreater(outcome.table["waited"], 0)
        self.assertEqual(len(outcome.listed), 40)
        self.assertEqual(outcome.listed[f"/dl/{self.host}/chunked/7"], len(Handler.CONTENT))

    def test_with_wait_a_body_without_end_is_refused(self):
        paths = [f"plain/{i}" for i in range(10)]
        outcome = self.run_urls("endless", *paths, options=("--quota", "1M", "--wait"))
        self.check(outcome, refused=1, failed=0, files=10)

    def test_a_wait_ends_when_its_time_is_over(self):
        outcome = self.run_urls("stall_large", "after_stall", options=(
            "--quota", "31M", "--timeout", "5", "--wait", "--wait-timeout", "1"))
        self.check(outcome, files=0, refused=1, failed=1, waited=1)
        self.assertRegex(outcome.stderr, r"refused: \S+after_stall: timed out")

    def test_ctrl_c_ends_waits_too(self):
        urls = [self.url(f"{kind}/{i}") for i in range(8) for kind in ("stall_large", "endless")]
        outcome = run_and_interrupt(signal.SIGINT, "--quota", "31M", "--wait", *urls)
        self.check(outcome, files=0, failed=0)

    def test_ctrl_c_ends_it_cleanly(self):
        urls = [self.url(f"{kind}/{i}") for i in range(8) for kind in ("stall", "endless")]
        for number in (signal.SIGINT, signal.SIGTERM):
            outcome = run_and_interrupt(number, "--quota", "1G", *urls)
            self.check(outcome, files=0, failed=0, refused=0)
            self.assertIn("interrupted", outcome.stderr)

    def test_a_progress_line_on_a_terminal_only(self):
        arguments = ["--timeout", "1", self.url("plain"), self.url("stall")]
        with running_on_terminal(*arguments) as (process, terminal):
            process.communicate(timeout=TIMEOUT)
            terminal.read_rest()
        shown = terminal.shown
        line = rb"1 files  0\.2 MiB  \d+\.\d MiB/s  quota \d+ % used"
        self.assertGreaterEqual(len(re.findall(line, shown)), 3)
        self.assertIn(b"\r\x1b[Kfailed: ", shown)  # the line is erased, and does not stay
        self.assertRegex(shown, rb"(\r\n|\r\x1b\[K)$")


class CommandLine(unittest.TestCase):
    def test_help(self):
        outcome = run("--help")
        self.assertEqual(outcome.status, 0)
        for text in ("--serve DIR", "--connections N", "--quota SIZE", "--timeout SECONDS",
                     "--wait ", "--wait-timeout SECONDS",
                     "Examples:", "Exit status:"):
            self.assertIn(text, outcome.stdout)

    def test_bad_usage(self):
        for arguments in (["--bogus"], ["--quota"], ["--quota", "-1"], ["--quota", "1X"],
                          ["--connections", "0"], ["--connections", "many"],
                          ["--serve", "/nonexistent"], ["--timeout", "0"],
                          ["--wait-timeout", "5"], ["--wait", "--wait-timeout", "0"], ["x"],
                          ["https://x/"], ["http://"], ["http://x:0/"], ["http://x:65536/"], ["http://u@x/"],
                          ["http://x/a b"], ["http://x/%zz"], ["http://x/../y"], ["http://[::1/"],
                          ["http://x/", "--serve", "/"]):
            with self.subTest(arguments=arguments):
                outcome = run(*arguments)
                self.assertEqual(outcome.status, 2)
                self.assertEqual(outcome.stdout, "")
                self.assertNotEqual(outcome.stderr, "")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
