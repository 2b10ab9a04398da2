# SPDX-License-Identifier: BSL-1.0
"""Runs examples/download_buffer as its users do, and looks at what it prints and returns.

usage: download_buffer.py PROGRAM [unittest arguments]
"""

import contextlib
import http.server
import os
import re
import signal
import socketserver
import threading

import program

# The download's time-outs may be short only where they are what is looked at.
PATIENT = ("--timeout", str(program.NEVER))
WAIT = ("--wait", "--wait-timeout", str(program.NEVER))


def download(*arguments):
    return program.run(*PATIENT, *arguments)


def listed(outcome):
    """The sizes of what was downloaded from URLs, by path."""
    lines = re.findall(r"^ *(\d+)  (/.*)$", outcome.stdout, re.M)
    return {path: int(size) for size, path in lines}


def download_and_interrupt(number, *arguments, when=rb"MiB/s"):
    """Sends the signal when the progress is as given."""
    with program.running_on_terminal(*PATIENT, *arguments) as (process, terminal):
        terminal.read_until(when)
        process.send_signal(number)
        return program.finish(process, terminal=terminal)


class DownloadBufferTest(program.DirectoryTest):
    def check(self, outcome, status=0, **rows):
        """Nothing leaked, and the rows of the table are as given."""
        self.assertEqual(outcome.status, status, outcome.stdout + outcome.stderr)
        self.check_rows(outcome, **rows)
        self.check_nothing_left(outcome)


class ServedDirectory(DownloadBufferTest):
    """Without URLs: a directory of this machine, served by the program itself."""

    def test_every_regular_file_is_downloaded_and_compared(self):
        size = self.put("empty")
        size += self.put("one line", b"text\n")
        size += self.put("deep/er/and deeper/file", b"no newline at the end")
        size += self.put("large", os.urandom(3 * 1024 * 1024 + 1).replace(b"\n", b" "))
        size += self.put("exactly one piece", b"\n" * 65536)
        outcome = download("--serve", self.root)
        self.check(outcome, files=5, bytes=size, compared=5, lines=65537,
                   refused=0, mismatches=0, failed=0)
        self.assertGreaterEqual(outcome.number("peak charged bytes"), size)
        self.assertEqual(outcome.stderr, "")

    def test_names_that_a_url_must_escape(self):
        files = self.put_names_to_escape()
        self.check(download("--serve", self.root), files=files, compared=files, failed=0,
                   mismatches=0)

    def test_links_and_special_files_are_passed_over(self):
        self.put_file_with_links_and_special_files()
        self.check(download("--serve", self.root), files=1, failed=0)

    def test_a_backslash_in_a_name_is_reported(self):
        self.put("file", b"1")
        self.put("back\\slash", b"2")
        self.put("dir\\ectory/file", b"3")
        outcome = download("--serve", self.root)
        self.check(outcome, files=1, failed=2, mismatches=0)
        self.assertIn("backslash", outcome.stderr)

    @program.needs_permissions
    def test_what_may_not_be_read_fails_and_is_no_mismatch(self):
        self.put("file", b"1")
        self.put("secret", b"2")
        self.put("vault/file", b"3")
        (self.root / "secret").chmod(0)
        (self.root / "vault").chmod(0)
        self.addCleanup((self.root / "vault").chmod, 0o700)
        outcome = download("--serve", self.root)
        self.check(outcome, files=1, failed=2, mismatches=0)
        self.assertIn("HTTP 403 Forbidden", outcome.stderr)

    def test_what_does_not_fit_is_refused_and_the_others_go_on(self):
        for i in range(50):
            self.put(f"large/{i}", bytes(1_500_000))
        for i in range(20):
            self.put(f"small/{i}", b"x" * 100)
        # One at a time: with more, what the others have of a large file may keep a small one out.
        outcome = download("--serve", self.root, "--quota", "1M", "--connections", "1")
        self.check(outcome, mismatches=0, failed=0, refused=50, files=20)
        shown = [line for line in outcome.stderr.splitlines() if line.startswith("refused: /dl/")]
        self.assertEqual(len(shown), 5)
        for line in shown:
            self.assertRegex(line, r': quota exceeded: prepare "/dl/.*": requested \d+ bytes, \d+ available$')
        self.assertIn("refused: 45 more\n", outcome.stderr)
        self.assertLessEqual(outcome.number("peak charged bytes"), 1024 * 1024)

    def test_many_at_a_time_that_do_not_fit(self):
        for i in range(200):
            self.put(f"{i}", b"x" * i * 500)
        outcome = download("--serve", self.root, "--quota", "2M")
        self.check(outcome, mismatches=0, failed=0)
        self.assertEqual(outcome.number("files") + outcome.number("refused"), 200)
        self.assertEqual(outcome.number("files"), outcome.number("compared"))
        self.assertGreater(outcome.number("refused"), 0)
        self.assertGreater(outcome.number("files"), 0)

    def test_with_wait_a_small_quota_is_enough(self):
        size = sum(self.put(f"{i % 5}/{i}", os.urandom(i * 3000)) for i in range(200))
        for connections in ("1", "32"):
            outcome = download("--serve", self.root, "--quota", "1M", *WAIT,
                               "--connections", connections)
            self.check(outcome, mismatches=0, failed=0, refused=0, files=200, compared=200,
                       bytes=size)
            self.assertLessEqual(outcome.number("peak charged bytes"), 1024 * 1024)

    def test_with_wait_files_that_take_nearly_the_whole_quota(self):
        for i in range(60):
            self.put(f"{i}", os.urandom(1_000_000 if i % 2 else 500))
        outcome = download("--serve", self.root, "--quota", "1M", *WAIT)
        self.check(outcome, mismatches=0, failed=0, refused=0, files=60, compared=60)

    def test_with_wait_what_never_fits_is_refused_at_once(self):
        self.put("large", bytes(1_500_000))
        for i in range(20):
            self.put(f"small/{i}", b"x" * 100_000)
        outcome = download("--serve", self.root, "--quota", "1M", *WAIT)
        self.check(outcome, mismatches=0, failed=0, refused=1, files=20)
        self.assertRegex(outcome.stderr,
                         r'refused: /dl/large: quota exceeded: prepare "/dl/.*": requested \d+ bytes')

    def test_no_quota_at_all(self):
        self.put("file", b"1")
        self.check(download("--serve", self.root, "--quota", "0"), files=0, refused=1)
        self.check(download("--serve", self.root, "--quota", "0", *WAIT), files=0, refused=1)

    def test_one_connection_and_many(self):
        for i in range(300):
            self.put(f"{i % 7}/{i}", b"%d\n" % i)
        for connections in ("1", "256"):
            self.check(download("--serve", self.root, "--connections", connections),
                       files=300, compared=300, lines=300)

    def test_an_empty_directory(self):
        self.check(download("--serve", self.root), files=0, bytes=0, failed=0)

    def test_files_that_change_meanwhile_are_no_mismatch(self):
        with self.changing_files(400):
            outcome = download("--serve", self.root, "--connections", "8")
        self.check(outcome, mismatches=0)

    def test_ctrl_c_in_the_middle(self):
        # Holes, of more bytes than can be downloaded before the signal comes.
        for i in range(2000):
            self.put(f"{i}")
            os.truncate(self.root / f"{i}", 60_000_000)
        outcome = download_and_interrupt(signal.SIGINT, "--serve", self.root, "--quota", "64M",
                                         *WAIT)
        self.check(outcome, status=130, mismatches=0, failed=0, refused=0)
        self.assertIn("interrupted", outcome.stderr)

    @program.needs_changing_files
    def test_a_file_that_differs_from_what_was_served_is_a_mismatch(self):
        outcome = download("--serve", program.CHANGING_FILES)
        self.assertEqual(outcome.status, 1)
        self.assertGreater(outcome.number("mismatches"), 0)
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
        self.write_chunks()

    def get_one_of_two(self):
        """As `chunked`. There are two downloads under way before either has its body."""
        self.head(("Transfer-Encoding", "chunked"))
        self.server.two.wait(program.TIMEOUT)
        self.write_chunks()

    def write_chunks(self):
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
        self.server.released.wait(program.TIMEOUT)

    def get_stall_in_chunks(self):
        self.close_connection = True
        self.head(("Transfer-Encoding", "chunked"))
        self.wfile.write(b"5\r\n12345\r\n")
        self.server.released.wait(program.TIMEOUT)

    def get_large(self):
        """Lacks its last byte until it is released.

        What is sent first is more than sockets hold: whoever reads it has its room.
        """
        self.close_connection = True
        self.head(("Content-Length", "30000001"))
        with contextlib.suppress(OSError):
            self.wfile.write(bytes(30_000_000))
            self.server.large_has_room.set()
            self.server.released.wait(program.TIMEOUT)
            self.wfile.write(b"\n")

    def get_waits(self):
        """Finds its room taken, by `large`, which then ends."""
        self.server.large_has_room.wait(program.TIMEOUT)
        self.head(("Content-Length", "3000000"))
        self.server.released.set()
        self.wfile.write(bytes(3_000_000))

    def get_waits_in_vain(self):
        """Finds its room taken, by `large`, which ends when this one is given up."""
        self.close_connection = True
        self.server.large_has_room.wait(program.TIMEOUT)
        with contextlib.suppress(OSError):
            self.head(("Content-Length", "3000000"))
            self.wfile.write(bytes(3_000_000))
            self.rfile.read(1)
        self.server.released.set()

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
        self.large_has_room = threading.Event()
        self.two = threading.Barrier(2)

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
        return download(*options, *map(self.url, paths))

    def test_all_ways_to_delimit_a_body(self):
        outcome = self.run_urls("plain", "chunked", "until_closed", "interim", "empty",
                                "long_head")
        self.check(outcome, files=6, failed=0, lines=200_000, bytes=4 * len(Handler.CONTENT))
        self.assertEqual(listed(outcome)[f"/dl/{self.host}/chunked"], len(Handler.CONTENT))
        self.assertEqual(listed(outcome)[f"/dl/{self.host}/empty"], 0)

    def test_names(self):
        outcome = self.run_urls("plain/", "plain?a=/b/", "plain/a%20b#fragment", "plain/x")
        self.check(outcome, failed=1, files=3)  # "plain?a=" is a file or a directory, not both
        self.assertIn(f"/dl/{self.host}/plain/index.html", listed(outcome))
        self.assertIn(f"/dl/{self.host}/plain/a%20b", listed(outcome))

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
        self.assertEqual(list(listed(outcome)), [f"/dl/{self.host}/plain"])

    def test_nobody_listens(self):
        self.check(download("http://127.0.0.1:1/x"), files=0, failed=1)

    def test_a_server_that_stalls(self):
        # On a busy machine it may take a second to answer at all, but not each time.
        others = [f"empty/{i}" for i in range(50)]
        outcome = program.run("--timeout", "1", "--connections", "1",
                              *map(self.url, ["stall", *others]))
        self.check(outcome, refused=0)
        self.assertEqual(outcome.number("files") + outcome.number("failed"), 1 + len(others))
        self.assertGreater(outcome.number("files"), 0)
        self.assertRegex(outcome.stderr, r"failed: \S+/stall: \S+ timed out\n")

    def test_a_body_without_end_is_refused(self):
        # One at a time: together, the one without end may leave the other too little.
        outcome = self.run_urls("endless", "plain",
                                options=("--quota", "4M", "--connections", "1"))
        self.check(outcome, refused=1, failed=0, files=1)
        self.assertEqual(list(listed(outcome)), [f"/dl/{self.host}/plain"])

    def test_with_wait_bodies_without_a_length_do_not_block_each_other(self):
        paths = ["one_of_two/0", "one_of_two/1"]
        paths += [f"{kind}/{i}" for i in range(19) for kind in ("chunked", "plain")]
        outcome = self.run_urls(*paths, options=("--quota", "600K", *WAIT))
        self.check(outcome, files=40, failed=0, refused=0, lines=40 * 50_000)
        self.assertGreater(outcome.number("waited"), 0)
        self.assertEqual(len(listed(outcome)), 40)
        self.assertEqual(listed(outcome)[f"/dl/{self.host}/chunked/7"], len(Handler.CONTENT))

    def test_with_wait_a_body_without_end_is_refused(self):
        paths = [f"plain/{i}" for i in range(10)]
        outcome = self.run_urls("endless", *paths, options=("--quota", "1M", *WAIT))
        self.check(outcome, refused=1, failed=0, files=10)

    def test_a_wait_ends_when_there_is_room(self):
        outcome = self.run_urls("large", "waits", options=("--quota", "31M", *WAIT))
        self.check(outcome, files=2, refused=0, failed=0, waited=1)

    def test_a_wait_ends_when_its_time_is_over(self):
        outcome = self.run_urls("large", "waits_in_vain", options=(
            "--quota", "31M", "--wait", "--wait-timeout", "1"))
        self.check(outcome, files=1, refused=1, failed=0, waited=1)
        self.assertRegex(outcome.stderr, r"refused: \S+waits_in_vain: timed out")

    def test_ctrl_c_ends_waits_too(self):
        urls = [self.url(f"{kind}/{i}") for i in range(8) for kind in ("large", "endless")]
        # A large one has its room, and the next one has to wait.
        outcome = download_and_interrupt(signal.SIGINT, "--quota", "31M", *WAIT, *urls,
                                         when=rb"quota (9\d|100) % used")
        self.check(outcome, status=130, files=0, failed=0)

    def test_ctrl_c_ends_it_cleanly(self):
        urls = [self.url(f"{kind}/{i}") for i in range(8) for kind in ("stall", "stall_in_chunks")]
        for number in (signal.SIGINT, signal.SIGTERM):
            outcome = download_and_interrupt(number, *urls)
            self.check(outcome, status=128 + number, files=0, failed=0, refused=0)
            self.assertIn("interrupted", outcome.stderr)

    def test_a_progress_line_on_a_terminal_only(self):
        line = rb"1 files  0\.2 MiB  \d+\.\d MiB/s  quota \d+ % used"
        arguments = [*PATIENT, self.url("plain"), self.url("stall")]
        with program.running_on_terminal(*arguments) as (process, terminal):
            terminal.read_until(rb"(.*" + line + rb"){3}")
            self.server.released.set()
            shown = program.finish(process, terminal=terminal).stderr
        # The line is erased, and does not stay.
        self.assertIn("\r\x1b[Kfailed: ", shown)
        self.assertRegex(shown, r"(\r\n|\r\x1b\[K)$")


class CommandLine(program.CommandLineTest):
    help_names = ["--serve DIR", "--connections N", "--quota SIZE", "--timeout SECONDS",
                  "--wait ", "--wait-timeout SECONDS", "Examples:"]
    bad_usage = [["--bogus"], ["--quota"], ["--quota", "-1"], ["--quota", "1X"],
                 ["--connections", "0"], ["--connections", "many"],
                 ["--serve", "/nonexistent"], ["--timeout", "0"],
                 ["--wait-timeout", "5"], ["--wait", "--wait-timeout", "0"], ["x"],
                 ["https://x/"], ["http://"], ["http://x:0/"], ["http://x:65536/"],
                 ["http://u@x/"], ["http://x/a b"], ["http://x/%zz"], ["http://x/../y"],
                 ["http://[::1/"], ["http://x/", "--serve", "/"]]


if __name__ == "__main__":
    program.main()
