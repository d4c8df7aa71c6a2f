# SPDX-License-Identifier: MIT
"""Files while they come: in constant memory, over TLS, from clients that are slow or leave, at a stop.

Usage: test_uploads.py SLUICE [unittest arguments]
"""
import concurrent.futures
import hashlib
import json
import os
import random
import signal
import socket
import tempfile
import threading
import time

from multipart_common import CHILD_FTP, CHILD_OS, MIB, SETTINGS, MultipartTest, body, main, part
from serve_common import Server, authorization, wait_until

import certificates

LARGE = {CHILD_FTP: 256 * MIB, CHILD_OS: 48 * MIB}  # the stand-in for Object Storage is slow
GROWTH_KIB = 8 * 1024  # after a first file, which needs a ring and one part of Object Storage


class Streams(MultipartTest):
    settings = {"file_size_max": "1GiB"}

    def test_the_flow_runs_while_the_file_comes(self):
        for target in self.targets:
            name = self.name()
            wire = self.begin(target, name, b"begin")
            wait_until(self.is_running, "the flow runs")
            if target.flow == CHILD_FTP:
                wait_until(lambda: any(one.endswith(".part") for one in target.files()), "a temporary file")
            self.assertNotIn(name, target.files())
            self.chunk(wire, b" end\r\n--XyZ--")
            wire.send("0\r\n\r\n")
            status, _, answer = wire.answer()
            self.assertEqual(status, 200, answer)
            self.assertEqual(target.files()[name], b"begin end")

    def test_a_client_that_goes_away_publishes_nothing(self):
        for target in self.targets:
            for ending in (b"", b"more", b"more\r\n--XyZ--\r\n"):  # the last chunk is missing
                name = self.name()
                wire = self.begin(target, name, os.urandom(MIB))
                wait_until(self.is_running, "the flow runs")
                if ending:
                    self.chunk(wire, ending)
                wire.socket.close()
                wait_until(lambda: not self.is_running(), "the flow ends")
                self.assertNotIn(name, target.files())
                self.assertEqual([one for one in target.files() if one.endswith(".part")], [])
        shown = json.loads(self.land.sluice("--json", "instances", "--limit", "1", check=True).stdout)
        self.assertEqual(shown["instances"][0]["state"], "FAILED")

    def test_memory_stays_flat(self):
        block = os.urandom(MIB)
        for target in self.targets:
            name, warm, large = self.name(), self.name(), LARGE[target.flow]
            self.assertEqual(self.post(target, body(target.json_part(warm), part(block * 20, "text/csv")))[0], 200)
            before = self.server.status("VmHWM")

            def stream():
                yield body(target.json_part(name), part(b"", "text/csv"), end="")
                for _ in range(large // MIB):
                    yield block
                yield b"\r\n--XyZ--"
            begun = time.monotonic()
            status, _, answer = self.server.ask("POST", target.path, stream(),
                                                {"Content-Type": "multipart/mixed; boundary=XyZ"})
            taken = time.monotonic() - begun
            self.assertEqual(status, 200, answer)
            grown = self.server.status("VmHWM") - before
            print(f"{target.flow}: {large / MIB / taken:.0f} MiB/s, {grown} KiB more at the most")
            self.assertLess(grown, GROWTH_KIB)
            self.assertEqual(hashlib.md5(target.content(name)).hexdigest(),
                             hashlib.md5(block * (large // MIB)).hexdigest())

    def test_many_at_once_leave_threads_for_others(self):
        wires = [self.begin(self.targets[0], self.name(), b"x") for _ in range(SETTINGS["workers"] // 2)]
        wait_until(lambda: len([one for one in self.targets[0].files() if one.endswith(".part")]) == len(wires),
                   "all of them run")
        name = self.name()
        data = body(self.targets[0].json_part(name), part(b"x", "text/csv"))
        status, fields, answer = self.post(self.targets[0], data)
        self.assertEqual((status, fields.get("retry-after")), (429, "1"), answer)
        self.assertEqual(self.server.ask("POST", self.targets[0].path, b"{}")[0], 400)  # is run
        for wire in wires:
            self.chunk(wire, b"\r\n--XyZ--")
            wire.send("0\r\n\r\n")
            self.assertEqual(wire.answer()[0], 200)
        self.assertEqual(self.post(self.targets[0], data)[0], 200)


class Tls(MultipartTest):
    settings = {"file_size_max": "1GiB"}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-multipart-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.authority = certificates.Authority(folder.name)
        certificate, key = cls.authority.server()
        cls.settings = {**cls.settings, "server": {**SETTINGS, "certificate": certificate, "key": key}}
        super().setUpClass()

    def start(self):
        server = Server(self.program, self.land.workspace, self.land.environment(), ca=self.authority.path)
        self.addCleanup(server.stop)
        return server

    def test_files_arrive(self):
        for target in self.targets:
            for size in (0, 100, 20 * MIB):
                for chunked in (False, True):
                    name, data = self.name(), os.urandom(size)
                    status, _, answer = self.post(target, body(
                        target.json_part(name), part(data, "text/csv")), chunked=chunked)
                    self.assertEqual(status, 200, answer)
                    self.assertEqual(target.content(name), data)

    def test_what_is_refused(self):
        target = self.targets[0]
        data = body(target.json_part("x.csv"), part(bytes(3 * MIB), "text/csv"))
        self.assertEqual(self.post(target, data, Authorization="Basic eDp5")[0], 401)
        self.refused(400, "last boundary", self.post(target, data[:-20]))
        self.assertNotIn("x.csv", target.files())


class Silence(MultipartTest):
    settings = {"server": {**SETTINGS, "stall_s": 2, "request_s": 3}}

    def test_a_client_that_falls_silent_is_cut(self):
        name = self.name()
        wire = self.begin(self.targets[0], name, b"begin")
        wait_until(self.is_running, "the flow runs")
        begun = time.monotonic()
        self.assertTrue(wire.is_over())
        self.assertGreater(time.monotonic() - begun, 1)
        wait_until(lambda: not self.is_running(), "the flow ends")
        self.assertEqual([one for one in self.targets[0].files() if self.id().rpartition(".")[2] in one], [])

    def test_a_client_that_is_slow_is_not(self):
        name = self.name()
        wire = self.begin(self.targets[0], name)
        for number in range(6):  # longer than stall_s and request_s, never silent for stall_s
            time.sleep(0.7)
            self.chunk(wire, b"%d" % number)
        self.chunk(wire, b"\r\n--XyZ--")
        wire.send("0\r\n\r\n")
        self.assertEqual(wire.answer()[0], 200)
        self.assertEqual(self.targets[0].files()[name], b"012345")

    def test_a_message_that_does_not_come(self):
        with self.server.connect() as wire:
            wire.send(f"POST {self.targets[0].path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization()}\r\n"
                      "Content-Type: multipart/mixed; boundary=XyZ\r\nContent-Length: 1000\r\n\r\n--XyZ\r\n")
            end = time.monotonic() + 4
            while time.monotonic() < end:
                wire.send("X: y\r\n")
                time.sleep(0.2)
            wire.send(" " * 2000)
            status, _, answer = wire.answer()
            self.assertEqual(status, 408, answer)


class Churn(MultipartTest):
    """Clients that end at any byte, in any way, while others do the same."""
    settings = {"file_size_max": "1GiB", "server": {**SETTINGS, "header_s": 3}}
    clients, at_once = 160, 12

    def client(self, number, chance):
        """Sends a request up to some byte of it; gives the name if the file must be there then."""
        target = self.targets[0]
        name, data = f"churn-{number}.csv", chance.randbytes(chance.choice((0, 10, 5000, 300000, 2 * MIB)))
        message = body(target.json_part(name), part(data, "text/csv"))
        request = (f"POST {target.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization()}\r\n"
                   "Content-Type: multipart/mixed; boundary=XyZ\r\n"
                   f"Content-Length: {len(message)}\r\n\r\n").encode() + message
        is_whole = chance.random() < 0.4
        cut = len(request) if is_whole else chance.randrange(len(request))
        with self.server.connect() as wire:
            while request and cut > 0:
                size = min(cut, chance.choice((1, 100, 70000, MIB)) if cut < len(request) else cut)
                wire.send(request[:size])
                request, cut = request[size:], cut - size
            if is_whole:
                while (answer := wire.answer()) and answer[0] == 100:
                    pass
                self.assertIn(answer[0], (200, 429), answer)
                return name if answer[0] == 200 else None, name, data
            how = chance.choice(("close", "reset", "half"))
            if how == "reset":
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif how == "half":
                wire.finish_sending()
                self.assertTrue(wire.is_over())
        return None, name, data

    def test_whatever_clients_do(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        with concurrent.futures.ThreadPoolExecutor(self.at_once) as pool:
            done = list(pool.map(lambda number: self.client(number, random.Random(seed + number)),
                                 range(self.clients)))
        wait_until(lambda: not [one for one in self.targets[0].files() if one.endswith(".part")],
                   "nothing is left half done")
        stored = self.targets[0].files()
        for must, name, data in done:
            self.assertEqual(name in stored, must is not None, name)
            if must:
                self.assertEqual(stored[name], data)
        self.assertEqual(self.server.ask("GET", "/health/ready")[0], 200)
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(timeout=30), 0, self.server.log())


class Stops(MultipartTest):
    settings = {"server": {**SETTINGS, "stop_s": 3}}

    def test_a_file_that_comes_is_finished(self):
        name = self.name()
        wire = self.begin(self.targets[0], name, b"begin")
        wait_until(self.is_running, "the flow runs")
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(self.is_refused, "nothing is accepted")
        self.chunk(wire, b" end\r\n--XyZ--")
        wire.send("0\r\n\r\n")
        status, fields, answer = wire.answer()
        self.assertEqual((status, fields["connection"]), (200, "close"), answer)
        self.assertEqual(self.server.process.wait(timeout=30), 0, self.server.log())
        self.assertEqual(self.targets[0].files()[name], b"begin end")

    def is_refused(self):
        try:
            socket.create_connection(("127.0.0.1", self.server.port), timeout=5).close()
        except OSError:
            return True
        return False

    def test_a_file_that_does_not_end_is_given_up(self):
        name = self.name()
        wire = self.begin(self.targets[0], name, b"begin")
        wait_until(self.is_running, "the flow runs")
        stopped = threading.Event()

        def trickle():
            try:
                while not stopped.wait(0.3):
                    self.chunk(wire, b"more")
            except OSError:
                pass
        thread = threading.Thread(target=trickle)
        thread.start()
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(timeout=30), 0, self.server.log())
        stopped.set()
        thread.join()
        self.assertEqual(self.targets[0].files().get(name), None)
        self.assertEqual([one for one in self.targets[0].files() if one.endswith(".part")], [])
        self.assertFalse(self.is_running())


if __name__ == "__main__":
    main()
