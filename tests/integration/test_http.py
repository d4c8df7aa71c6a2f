# SPDX-License-Identifier: MIT
"""The HTTP server under clients that are hostile, slow, broken or too many, byte by byte.

Usage: test_http.py SLUICE [unittest arguments]
"""
import concurrent.futures
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "peers"))

import dacs  # noqa: E402
from serve_common import FLOWS, Server, add_user, authorization, wait_until  # noqa: E402

SLUICE = None
ACKNOWLEDGEMENT = json.dumps(dacs.acknowledgement(f"{11:014d}"))
ADDRESS = FLOWS + "rest/OUTL-BA-DACS_CCS_CUST_SYNC_ACK/1.0/sendCustomerSyncAck"
INPUT_BYTES = 262144  # of that flow's manifest
HTTP_HEADER_SIZE_MAX, HTTP_DROP_SIZE_MAX = 20480, 16 << 20  # http_server.h
IDLE = 10000
AUTHORIZATION = f"Authorization: {authorization()}\r\n"
LIVE = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def post(*fields, path=ADDRESS, version="HTTP/1.1", body=""):
    return (f"POST {path} {version}\r\nHost: x\r\n{AUTHORIZATION}"
            + "".join(field + "\r\n" for field in fields) + "\r\n" + body)


class HttpTest(unittest.TestCase):
    """A workspace whose CCS is never reached, unless a test says so."""
    settings = {}
    ccs_port = 9

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-http-")
        cls.addClassCleanup(folder.cleanup)
        cls.workspace = os.path.join(folder.name, "workspace")
        subprocess.run([SLUICE, "init", cls.workspace], check=True, capture_output=True)
        add_user(SLUICE, cls.workspace)
        cls.configure(cls.settings)

    @classmethod
    def configure(cls, server, **more):
        """more: of the connection to CCS."""
        with open(os.path.join(cls.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump({"server": server}, file)
        with open(os.path.join(cls.workspace, "connections.json"), "w", encoding="utf-8") as file:
            json.dump({
                "OU REST CCS for CCS-DACS": {
                    "type": "rest", "url": f"http://127.0.0.1:{cls.ccs_port}/ouaf", "auth": "basic",
                    "user": "integration", "password": {"env": "CCS_PASSWORD"}, "tls": "none", **more},
                "OU REST OIC for CCS-DACS": {"type": "local"}}, file)

    def start(self, before=None):
        server = Server(SLUICE, self.workspace, {"CCS_PASSWORD": "ccs-rest-secret"}, before)
        self.addCleanup(server.stop)
        return server

    def setUp(self):
        self.server = self.start()

    def wire(self):
        wire = self.server.connect()
        self.addCleanup(wire.socket.close)
        return wire

    def is_well(self):
        self.assertEqual(self.server.ask("GET", "/health/ready")[0], 200)
        status, _, body = self.server.ask("POST", ADDRESS, "{not json")
        self.assertEqual(status, 400, body)


class Framing(HttpTest):
    settings = {"header_s": 5, "request_s": 5}  # a closed half may be seen only then

    def test_requests_that_two_readers_could_take_differently(self):
        first = f"POST {ADDRESS} HTTP/1.1\r\n"
        for why, request, expected in (
                ("two lengths", post("Transfer-Encoding: chunked", "Content-Length: 5", body="0\r\n\r\n"), 400),
                ("the other way round", post("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n"), 400),
                ("length twice", post("Content-Length: 1", "Content-Length: 2", body="xy"), 400),
                ("same length twice", post("Content-Length: 1", "content-length: 1", body="x"), 400),
                ("list of lengths", post("Content-Length: 1, 1", body="x"), 400),
                ("plus", post("Content-Length: +1", body="x"), 400),
                ("minus", post("Content-Length: -1", body="x"), 400),
                ("hexadecimal", post("Content-Length: 0x1", body="x"), 400),
                ("empty length", post("Content-Length:", body="x"), 400),
                ("over 64 bits", post("Content-Length: 18446744073709551617", body="x"), 413),
                ("coding twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n"), 400),
                ("codings", post("Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"), 501),
                ("chunked twice", post("Transfer-Encoding: chunked, chunked", body="0\r\n\r\n"), 501),
                ("identity", post("Transfer-Encoding: identity", body="x"), 501),
                ("unknown coding", post("Transfer-Encoding: xchunked", body="0\r\n\r\n"), 501),
                ("coding in 1.0", post("Transfer-Encoding: chunked", version="HTTP/1.0", body="0\r\n\r\n"), 400),
                ("LF for all lines", post().replace("\r\n", "\n"), 400),
                ("LF for the first line", post().replace("\r\n", "\n", 1), 400),
                ("LF for a field", post("X: y").replace("y\r\n", "y\n"), 400),
                ("LF for the last line", post("X: y")[:-2] + "\n", 400),
                ("CR in a value", post("X: a\rb"), 400),
                ("NUL in the target", post(path=ADDRESS + "\0x"), 400),
                ("NUL in arguments", post(path=ADDRESS + "?a=b\0c"), 400),
                ("NUL in a name", post("X\0Y: z"), 400),
                ("NUL in a value", post("X: y\0z"), 400),
                ("NUL in a length", post("Content-Length: 1\0", body="x"), 400),
                ("control byte", post("X: \x01"), 400),
                ("DEL", post("X: \x7f"), 400),
                ("folded", post("X: a\r\n b"), 400),
                ("folded length", post("Content-Length:\r\n 1", body="x"), 400),
                ("blank before colon", post("Content-Length : 1", body="x"), 400),
                ("no colon", post("XY"), 400),
                ("no name", post(": y"), 400),
                ("a name that is no word", post("X(Y): z"), 400),
                ("two hosts", post("Host: y"), 400),
                ("no host", first + "\r\n", 400),
                ("two callers", post(f"Authorization: {authorization('other', 'other-secret')}"), 400),
                ("two blanks", "GET  /health/live HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("blank in the target", "GET /health /live HTTP/1.1\r\nHost: x\r\n\r\n", None),
                ("tab in the target", "GET /health\t/live HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("tab in arguments", post(path=ADDRESS + "?a=\tb"), 400),
                ("CR in arguments", post(path=ADDRESS + "?\ra=b"), 400),
                ("DEL in arguments", post(path=ADDRESS + "?a=\x7f"), 400),
                ("arguments that are not ASCII", post(path=ADDRESS + "?a=\xfc"), 400),
                ("not ASCII", "GET /health/\xfclive HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("no version", "GET /health/live\r\n\r\n", None),
                ("version 2", "GET /health/live HTTP/2.0\r\nHost: x\r\n\r\n", None),
                ("no method", " /health/live HTTP/1.1\r\nHost: x\r\n\r\n", None),
                ("other expectation", post("Expect: wonders", "Content-Length: 1", body="x"), 417)):
            with self.subTest(why=why), self.server.connect() as wire:
                wire.send(request, LIVE)  # what follows must not be taken for a request
                answer = wire.answer()
                if expected:
                    self.assertEqual(answer and answer[0], expected)
                elif answer:
                    self.assertGreaterEqual(answer[0], 400)
                self.assertTrue(wire.is_over())
                self.assertNotIn(b"HTTP/1.1 200", wire.buffer)
        self.is_well()

    def test_bad_chunks(self):
        for why, body in (("not hexadecimal", "g\r\nx\r\n0\r\n\r\n"), ("minus", "-1\r\nx\r\n0\r\n\r\n"),
                          ("0x", "0x1\r\nx\r\n0\r\n\r\n"), ("blank before", " 1\r\nx\r\n0\r\n\r\n"),
                          ("no size", "\r\nx\r\n0\r\n\r\n"), ("too long a chunk", "1\r\nxy\r\n0\r\n\r\n"),
                          ("too short a chunk", "3\r\nx\r\n0\r\n\r\n\r\n"),
                          ("over 64 bits", "1" + "0" * 16 + "\r\nx"),
                          ("endless extension", "1;" + "x" * 100000),
                          ("bad trailer", "1\r\nx\r\n0\r\nno colon\r\n\r\n")):
            with self.subTest(why=why), self.server.connect() as wire:
                wire.send(post("Transfer-Encoding: chunked", body=body))
                answer = wire.answer()
                self.assertGreaterEqual(answer[0], 400)
                self.assertTrue(wire.is_over())
        self.is_well()

    def test_chunks_and_trailers(self):
        wire = self.wire()
        wire.send(post("Transfer-Encoding: chunked", body="4;a=b\r\n{not\r\n05\r\n json\r\n0\r\nX: y\r\n\r\n"))
        status, _, body = wire.answer()
        self.assertEqual(status, 400)
        self.assertIn(b"JSON", body)
        wire.send(LIVE)
        self.assertEqual(wire.answer()[0], 200)

    def test_one_byte_at_a_time(self):
        wire = self.wire()
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post("Content-Length: 9", body="{not json") + LIVE:
            wire.send(byte)
        self.assertEqual([wire.answer()[0] for _ in range(2)], [400, 200])

    def test_pipelined_requests_are_answered_in_order(self):
        wire = self.wire()
        bad = post("Content-Length: 9", body="{not json")
        wire.send(LIVE, bad, "GET /nothing HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION + "\r\n", bad, LIVE)
        self.assertEqual([wire.answer()[0] for _ in range(5)], [200, 400, 404, 400, 200])

    def test_expect_continue(self):
        wire = self.wire()
        wire.send(post("Expect: 100-continue", "Content-Length: 9"))
        self.assertEqual(wire.answer()[0], 100)
        wire.send("{not json")
        self.assertEqual(wire.answer()[0], 400)
        for request, status in (
                (post("Expect: 100-continue", "Content-Length: 9").replace(AUTHORIZATION, ""), 401),
                (post("Expect: 100-continue", f"Content-Length: {INPUT_BYTES + 1}"), 413)):
            wire = self.wire()
            wire.send(request)
            self.assertEqual(wire.answer()[0], status)
            self.assertTrue(wire.is_over())

    def test_http_1_0(self):
        for field, stays in (("X: y", False), ("Connection: keep-alive", True)):
            wire = self.wire()
            wire.send(f"GET /health/live HTTP/1.0\r\n{field}\r\n\r\n")
            self.assertEqual(wire.answer()[0], 200)
            if stays:
                wire.send("GET /health/live HTTP/1.0\r\n\r\n")
                self.assertEqual(wire.answer()[0], 200)
            self.assertTrue(wire.is_over())

    def test_targets(self):
        for target, status in (("http://elsewhere.example/health/live", 200), ("HTTP://x:1/health/live", 200),
                               ("http://x", 404), ("/health/../health/live", 404), ("/health/./live", 404),
                               ("//health/live", 404), ("/health/%6Cive", 404), ("/health/live#x", 404),
                               ("/health/live?a=%00", 200), ("*", 404), ("x:1", 404), ("health/live", 404),
                               ("/../../etc/passwd", 404), (FLOWS + "../../../health/live", 404),
                               ("http://x/health/../live", 404)):
            with self.subTest(target=target):
                wire = self.wire()
                wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\r\n")
                self.assertEqual(wire.answer()[0], status)

    def test_methods(self):
        for method, status in (("HEAD", 200), ("get", 405), ("BREW", 405), ("TRACE", 405), ("CONNECT", 405)):
            wire = self.wire()
            wire.send(f"{method} /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if method == "HEAD":
                self.assertTrue(wire.is_over())
                self.assertIn(b"HTTP/1.1 200", wire.buffer)
            else:
                self.assertEqual(wire.answer()[0], status, method)

    def test_half_closed_connections(self):
        for request, status in ((LIVE, 200), (post("Content-Length: 9", body="{not json"), 400)):
            wire = self.wire()
            wire.send(request)
            wire.finish_sending()
            self.assertEqual(wire.answer()[0], status)
            self.assertTrue(wire.is_over())
        for request in ("", "GET /health/live HTTP/1.1\r\n", post("Content-Length: 9", body="{not")):
            wire = self.wire()
            wire.send(request)
            wire.finish_sending()
            self.assertTrue(wire.is_over())
            self.assertEqual(wire.buffer, b"")
        self.is_well()

    def test_clients_that_are_gone(self):
        for request in (LIVE, post("Content-Length: 9", body="{not json"), post("Content-Length: 9")):
            for _ in range(20):
                with self.server.connect() as wire:
                    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    wire.send(request)  # and resets
        self.is_well()


class Limits(HttpTest):
    def test_headers_at_the_limit(self):
        head = f"GET /health/live HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
        for extra, status in ((0, 200), (1, 431), (5000, 431)):
            wire = self.wire()
            wire.send(head.replace("X: ", "X: " + "y" * (HTTP_HEADER_SIZE_MAX - len(head) + extra)))
            self.assertEqual(wire.answer()[0], status)
        for huge in (head.replace("X: ", "X: " + "y" * 100000), head.replace("live", "l" * 100000),
                     head.replace("X: ", "X: y\r\n" * 20000)):
            wire = self.wire()
            wire.send(huge)
            self.assertIn(wire.answer()[0], (413, 414, 431))
            self.assertTrue(wire.is_over())
        self.is_well()

    def test_bodies_at_the_limit(self):
        for size, status in ((INPUT_BYTES, 400), (INPUT_BYTES + 1, 413), (HTTP_DROP_SIZE_MAX, 413)):
            for chunked in (False, True):
                with self.subTest(size=size, chunked=chunked):
                    body = b"x" * size
                    answer = self.server.ask("POST", ADDRESS, iter([body]) if chunked else body)
                    self.assertEqual(answer[0], status, answer[2])

    def test_bodies_that_nobody_reads_to_the_end(self):
        wire = self.wire()
        wire.send(post(f"Content-Length: {HTTP_DROP_SIZE_MAX + 1}"))
        self.assertEqual(wire.answer()[0], 413)  # at once
        wire = self.wire()
        wire.send(post(f"Content-Length: {2 * HTTP_DROP_SIZE_MAX}"))
        for _ in range(32):
            wire.send(bytes(1 << 20))
        self.assertEqual(wire.answer()[0], 413)  # although all of it was sent
        wire = self.wire()
        wire.send(post("Transfer-Encoding: chunked"))
        sent = 0
        with self.assertRaises(ConnectionError):
            while sent < 100 * HTTP_DROP_SIZE_MAX:
                wire.send("100000\r\n", bytes(1 << 20), "\r\n")
                sent += 1 << 20
        self.assertGreaterEqual(sent, HTTP_DROP_SIZE_MAX)  # the next piece may break off
        self.is_well()

    def test_json_at_the_limit(self):
        for depth, words in ((64, "deeper than 32"), (65, "deeper than 64")):  # the flow's, the server's
            for kind in ("application/json", "application/x+json", None):
                status, _, body = self.server.ask("POST", ADDRESS, "[" * depth + "]" * depth,
                                                  {"Content-Type": kind} if kind else {})
                self.assertEqual(status, 400, body)
                self.assertIn(words, json.loads(body)["detail"])
        status, _, body = self.server.ask("POST", ADDRESS, "[" * 200000, {"Content-Type": "application/json"})
        self.assertEqual(status, 400, body)


class Slow(HttpTest):
    settings = {"header_s": 2, "request_s": 2}

    def check_cut(self, wire, sent, trickle, seconds=2):
        """The server ends the connection in time, although a byte comes now and then."""
        begun = time.monotonic()
        wire.send(sent)
        over = threading.Event()

        def send():
            try:
                while trickle and not over.wait(0.3):
                    wire.send(trickle)
            except OSError:
                pass
        thread = threading.Thread(target=send)
        thread.start()
        try:
            self.assertTrue(wire.is_over())
        finally:
            over.set()
            thread.join()
        self.assertGreater(time.monotonic() - begun, seconds - 0.5)
        self.assertEqual(wire.buffer, b"")

    def test_slow_headers(self):
        for sent, trickle in (("", ""), ("GET /hea", "a"), ("GET / HTTP/1.1\r\nHost: x\r\n", "X: y\r\n"),
                              ("", "\r\n")):
            with self.subTest(sent=sent, trickle=trickle):
                self.check_cut(self.wire(), sent, trickle)

    def test_slow_bodies(self):
        self.check_cut(self.wire(), post("Content-Length: 1000"), "x")
        self.check_cut(self.wire(), post("Transfer-Encoding: chunked"), "1\r\nx\r\n")
        self.check_cut(self.wire(), post("Content-Length: 1000"), "")

    def test_idle_after_an_answer(self):
        wire = self.wire()
        wire.send(LIVE)
        self.assertEqual(wire.answer()[0], 200)
        self.check_cut(wire, "", "")

    def test_answers_that_nobody_takes(self):
        wire = self.wire()
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.socket.settimeout(30)
        with self.assertRaises(ConnectionError):
            while True:
                wire.send(LIVE * 1000)
        self.is_well()

    def test_slow_clients_hold_no_thread(self):
        wires = [self.wire() for _ in range(100)]
        for wire in wires:
            wire.send(post("Content-Length: 1000", body="x"))
        self.is_well()


class Many(HttpTest):
    def setUp(self):
        pass

    def idle(self, count, request=b""):
        wires = []
        for _ in range(count):
            wires.append(socket.create_connection(("127.0.0.1", self.server.port), timeout=30))
            if request:
                wires[-1].sendall(request)
        for one in wires:
            self.addCleanup(one.close)
        return wires

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def test_ten_thousand_idle_connections(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limits[1] < IDLE + 2000:
            self.skipTest(f"may have {limits[1]} open files only")
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        self.configure({"connections_max": IDLE + 100, "header_s": 600})
        self.server = self.start(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits[1])))
        before = self.server.status("VmRSS")
        idle = self.idle(IDLE // 2) + self.idle(IDLE // 2, b"GET / HTTP/1.1\r\n")
        wait_until(lambda: self.descriptors() > IDLE, "all are accepted")
        print(f"{(self.server.status('VmRSS') - before) / IDLE:.1f} KiB for an idle connection")
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(lambda _: self.server.ask("POST", ADDRESS, "{not json")[0], range(100)))
        self.assertEqual(statuses, [400] * 100)
        self.assertEqual(self.server.log().count("connections_max"), 0)
        for one in idle[:5]:
            one.sendall(LIVE.encode())
            self.assertTrue(one.recv(1))
        begun = time.monotonic()
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(timeout=60), 0, self.server.log())
        print(f"{time.monotonic() - begun:.1f} s for the end of all of them")

    def test_the_idlest_make_room(self):
        self.configure({"connections_max": 50, "header_s": 600})
        self.server = self.start()
        kept = self.wire()
        idle = self.idle(200)
        self.is_well()
        kept.send(LIVE)  # the idlest of all
        self.assertIsNone(kept.answer())
        ended = sum(1 for one in idle if self.has_ended(one))
        self.assertGreaterEqual(ended, 150)

    @staticmethod
    def has_ended(sock):
        sock.setblocking(False)
        try:
            return sock.recv(1) == b""
        except BlockingIOError:
            return False

    def cpu_s(self):
        with open(f"/proc/{self.server.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_descriptors(self):
        return {int(name) for name in os.listdir(f"/proc/{self.server.process.pid}/fd")}

    def allow_no_descriptor_more(self):
        """Returns what gives them back."""
        pid = self.server.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        taken = self.open_descriptors()
        for _ in range(20):  # some are open for a moment only
            time.sleep(0.02)
            taken &= self.open_descriptors()
        free = min(set(range(len(taken) + 1)) - taken)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))
        return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)

    def test_without_a_descriptor_it_waits_without_spinning_and_recovers(self):
        self.configure({})
        self.server = self.start()
        give_back = self.allow_no_descriptor_more()
        wire = self.wire()  # the kernel takes it
        wire.send(LIVE)
        begun, used = time.monotonic(), self.cpu_s()
        time.sleep(3)
        used = self.cpu_s() - used
        self.assertLess(used, 0.15 * (time.monotonic() - begun), self.server.log())
        self.assertEqual(self.server.log().count("no connection can be accepted"), 1, self.server.log())
        give_back()
        self.assertEqual(wire.answer()[0], 200)
        self.is_well()

    def test_a_run_without_a_descriptor_says_so_and_the_next_one_runs(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            type(self).ccs_port = listener.getsockname()[1]
            self.configure({}, retry={"attempts": 1})
            self.server = self.start()
            wire = self.wire()
            request = post(f"Content-Length: {len(ACKNOWLEDGEMENT)}", "Content-Type: application/json",
                           body=ACKNOWLEDGEMENT)
            wire.send(LIVE)
            self.assertEqual(wire.answer()[0], 200)
            give_back = self.allow_no_descriptor_more()
            wire.send(request)
            answer = wire.answer()
            self.assertGreaterEqual(answer[0], 500, answer)
            give_back()
            wire.send(request)
            listener.settimeout(30)
            taken, _ = listener.accept()
            with taken:
                self.assertTrue(taken.recv(1))

    def test_connections_that_do_not_fit_the_limit_of_files(self):
        self.configure({"connections_max": 5000, "workers": 2, "header_s": 600})
        self.server = self.start(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 500)))
        said = "connections_max is 5000, but this process may have 500 open files: "
        until = time.monotonic() + 10
        while said not in self.server.log() and time.monotonic() < until:
            time.sleep(0.05)  # a thread of its own writes the log
        self.assertRegex(self.server.log(), said + r"\d+ connections are taken")
        self.idle(400)
        self.is_well()
        done = subprocess.run([SLUICE, "-w", self.workspace, "serve", "--listen", "127.0.0.1:0"],
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("this process may have 256 open files", done.stderr)


class Overload(HttpTest):
    """One thread, four connections, and a CCS that answers when it is told to."""
    settings = {"workers": 1, "connections_max": 4}

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.addCleanup(self.listener.close)
        type(self).ccs_port = self.listener.getsockname()[1]
        self.configure(self.settings)
        super().setUp()

    def occupy(self):
        request = post(f"Content-Length: {len(ACKNOWLEDGEMENT)}", "Content-Type: application/json",
                       body=ACKNOWLEDGEMENT)
        wires = [self.wire() for _ in range(4)]
        for wire in wires:
            wire.send(request)
        return wires

    @staticmethod
    def answer_ccs(peer):
        with peer:
            peer.settimeout(30)
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                         b"Connection: close\r\n\r\n{}")

    def test_what_is_too_much_is_told_so(self):
        wires = self.occupy()
        ready, _ = self.listener.accept()  # the first one is being run
        time.sleep(0.5)  # and what the others sent has come: they are not idle
        status, fields, body = self.server.ask("POST", ADDRESS, ACKNOWLEDGEMENT)
        self.assertEqual((status, fields["retry-after"], fields["connection"]), (429, "1", "close"), body)
        self.assertEqual(json.loads(body)["title"], "Too busy right now. Please retry later.")
        self.assertEqual(self.server.ask("GET", "/health/ready")[0], 200)
        with concurrent.futures.ThreadPoolExecutor(150) as pool:
            statuses = list(pool.map(lambda _: self.server.ask("POST", ADDRESS, ACKNOWLEDGEMENT)[0], range(150)))
        self.assertEqual(statuses, [429] * 150)
        for number in range(4):
            self.answer_ccs(self.listener.accept()[0] if number else ready)
        self.assertEqual([wire.answer()[0] for wire in wires], [200] * 4)
        self.is_well()

    def test_extra_connections_that_say_nothing_are_cut_soon(self):
        self.occupy()
        ready, _ = self.listener.accept()
        self.addCleanup(ready.close)
        extra = self.wire()
        begun = time.monotonic()
        self.assertTrue(extra.is_over())
        self.assertLess(time.monotonic() - begun, 20)
        self.server.process.kill()


class Stops(HttpTest):
    settings = {"stop_s": 2, "header_s": 600, "request_s": 600}

    def test_idle_and_slow_connections_do_not_keep_it(self):
        for sent, seconds in ((LIVE, 0), ("", 0), ("GET / HT", 0), (post("Content-Length: 9", body="x"), 2)):
            with self.subTest(sent=sent):
                server = self.start()
                with server.connect() as wire:
                    wire.send(sent)
                    if sent == LIVE:
                        self.assertEqual(wire.answer()[0], 200)
                    time.sleep(0.2)  # whatever was sent has come
                    begun = time.monotonic()
                    server.process.send_signal(signal.SIGTERM)
                    self.assertEqual(server.process.wait(timeout=30), 0, server.log())
                    self.assertGreater(time.monotonic() - begun, seconds - 0.5)

    def test_answers_that_nobody_takes_do_not_keep_it(self):
        wire = self.wire()
        wire.socket.settimeout(2)
        with self.assertRaises(TimeoutError):  # when the buffers of both sides are full
            while True:
                wire.send(LIVE * 1000)
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(timeout=30), 0, self.server.log())


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
