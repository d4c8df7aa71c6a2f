# SPDX-License-Identifier: MIT
"""Files that come with a request, streamed to FTP and Object Storage while they are received.

Usage: test_multipart.py SLUICE [unittest arguments]
"""
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import certificates  # noqa: E402
from landscape import (BUCKET, CONFIG, FLOW_FTP, SOURCE_FOLDER, TARGET_FOLDER,  # noqa: E402
                       Landscape)
from serve_common import (FLOWS, PASSWORD, USER, Server, add_user, authorization,  # noqa: E402
                          wait_until)

SLUICE = None
MIB = 1 << 20
CHILD_FTP, CHILD_OS = "OUTL-BA-OUAL_DACS_FTP_TRANSFER", "OUTL-BA-CCS_DACS_OS_TRANSFER"
SETTINGS = {"workers": 6, "stall_s": 20, "stop_s": 20}
FILE_SIZE_MAX = 8 * MIB
LARGE = {CHILD_FTP: 256 * MIB, CHILD_OS: 48 * MIB}  # the stand-in for Object Storage is slow
GROWTH_KIB = 8 * 1024  # after a first file, which needs a ring and one part of Object Storage


def part(content, content_type=None, disposition=None, **fields):
    lines = [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"Content-Disposition: {disposition}"] if disposition else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "".join(line + "\r\n" for line in lines).encode() + b"\r\n" + content


def body(*parts, boundary="XyZ", end="\r\n--XyZ--\r\n"):
    return b"".join(b"\r\n--" + boundary.encode() + b"\r\n" + one for one in parts)[2:] + end.encode()


class Target:
    """What the child flow of one kind of target takes, and what is there."""

    def __init__(self, land, flow):
        self.land, self.flow = land, flow
        self.path = FLOWS + f"rest/{flow}/1.23/transferFile"

    def message(self, name):
        if self.flow == CHILD_FTP:
            return json.dumps({"Filename": name, "Directory": TARGET_FOLDER, "File Reference": "r"}).encode()
        return json.dumps({"Object Name": name, "Namespace Name": "dacsnamespace", "Bucket Name": BUCKET,
                           "File Reference": "r"}).encode()

    def files(self):
        return self.land.dacs_ftp_files() if self.flow == CHILD_FTP else self.land.objects(self.land.dacs_storage)

    def content(self, name):
        if self.flow == CHILD_FTP:
            with open(os.path.join(self.land.dacs_ftp.home + TARGET_FOLDER, name), "rb") as file:
                return file.read()
        return self.land.object(self.land.dacs_storage, name)

    def json_part(self, name, **more):
        return part(self.message(name), "application/json", **more)


class MultipartTest(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-multipart-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.land = Landscape(os.path.join(cls.folder, "land"), SLUICE, settings={
            "file_size_max": FILE_SIZE_MAX, "server": SETTINGS, **cls.settings})
        cls.addClassCleanup(cls.land.stop)
        add_user(SLUICE, cls.land.workspace)
        cls.targets = [Target(cls.land, CHILD_FTP), Target(cls.land, CHILD_OS)]

    def setUp(self):
        self.count = 0
        self.server = self.start()

    def start(self):
        server = Server(SLUICE, self.land.workspace, self.land.environment())
        self.addCleanup(server.stop)
        return server

    def name(self):
        self.count += 1
        return f"{self.id().rpartition('.')[2]}-{self.count}.csv"

    def post(self, target, data, kind="mixed", boundary="XyZ", chunked=False, server=None, **fields):
        headers = {"Content-Type": f"multipart/{kind}; boundary={boundary}", **fields}
        if chunked:
            data = iter([data[at:at + 50000] for at in range(0, len(data), 50000)])
        return (server or self.server).ask("POST", target.path, data, headers)

    def refused(self, status, words, answer):
        self.assertEqual(answer[0], status, answer[2])
        fault = json.loads(answer[2])
        self.assertEqual(fault["o:errorCode"], str(status))
        self.assertIn(words, fault["detail"])

    def begin(self, target, name, extra=b""):
        """A chunked request that is not at its end: the message, and the beginning of the file."""
        wire = self.server.connect()
        self.addCleanup(wire.socket.close)
        wire.send(f"POST {target.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization()}\r\n"
                  "Content-Type: multipart/mixed; boundary=XyZ\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.chunk(wire, body(target.json_part(name), part(extra, "application/octet-stream"), end=""))
        return wire

    @staticmethod
    def chunk(wire, data):
        wire.send(f"{len(data):x}\r\n", data, "\r\n")

    def is_running(self):
        shown = json.loads(self.land.sluice("--json", "instances", "--limit", "1", check=True).stdout)
        return shown["instances"] and shown["instances"][0]["state"] == "IN_PROGRESS"


class Bodies(MultipartTest):
    def test_files_arrive(self):
        for target in self.targets:
            for size in (0, 1, 70000, 3 * MIB):
                for kind, chunked in (("mixed", False), ("form-data", True), ("mixed", True)):
                    with self.subTest(flow=target.flow, size=size, kind=kind, chunked=chunked):
                        name, data = self.name(), os.urandom(size)
                        mixed = kind == "mixed"
                        status, fields, answer = self.post(target, body(
                            target.json_part(name, disposition=None if mixed else 'form-data; name="message"'),
                            part(data, "application/octet-stream", 'attachment; filename="a b.csv"' if mixed
                                 else 'form-data; name="file"; filename="a.csv"')), kind, chunked=chunked)
                        self.assertEqual(status, 200, answer)
                        told = json.loads(answer)
                        self.assertEqual((told["status"], told["name"]), ("transferred", name))
                        self.assertEqual(told["receipt"]["size"], size)
                        self.assertEqual(target.files()[name], data)
                        shown = json.loads(self.land.sluice(
                            "--json", "show", fields["sluice-instance"], check=True).stdout)
                        self.assertEqual(shown["state"], "COMPLETED")

    def test_forms_of_the_parts(self):
        target, data = self.targets[0], b"line\r\n--Xy-Z\r\n--Xy\r\n"
        for message, file in (
                (dict(content_type="application/json; charset=utf-8"), dict(content_type="text/csv")),
                (dict(content_type="application/vnd.x+json"), dict()),
                (dict(disposition='form-data; name="message"'),
                 dict(disposition='form-data; name="f"; filename="x"')),
                (dict(content_type="text/plain"), dict(content_type="application/json")),
                (dict(content_type="APPLICATION/JSON", disposition='form-data; name=m; filename="m.json"'),
                 dict(content_type="application/octet-stream", Content_Length=str(len(data)),
                      Content_Transfer_Encoding="binary"))):
            with self.subTest(message=message, file=file):
                name = self.name()
                answer = self.post(target, body(part(target.message(name), **message), part(data, **file),
                                                end="\r\n--XyZ--"))
                self.assertEqual(answer[0], 200, answer[2])
                self.assertEqual(target.files()[name], data)

    def test_curl(self):
        path = os.path.join(self.folder, "curl.csv")
        with open(path, "wb") as file:
            file.write(os.urandom(2 * MIB))  # large enough for curl to wait for 100 Continue
        for target in self.targets:
            name = self.name()
            done = subprocess.run(
                ["curl", "-sS", "-K", "-", "-F", f"message={target.message(name).decode()};type=application/json",
                 "-F", f"file=@{path}", f"http://127.0.0.1:{self.server.port}{target.path}"],
                input=f"user = {USER}:{PASSWORD}\n", capture_output=True, text=True, timeout=60, check=True)
            self.assertEqual(json.loads(done.stdout)["status"], "transferred")
            with open(path, "rb") as file:
                self.assertEqual(target.content(name), file.read())

    def test_a_boundary_in_quotes_with_text_around_the_parts(self):
        target, name = self.targets[0], self.name()
        data = b"before\r\n" + body(target.json_part(name), part(b"x", "text/csv"), boundary="a b:c",
                                    end="\r\n--a b:c--\r\nbehind")
        self.assertEqual(self.post(target, data, boundary='"a b:c"')[0], 200)
        self.assertEqual(target.files()[name], b"x")

    def test_a_small_file_before_the_message(self):
        for target in self.targets:
            for size in (0, 1, MIB):
                name, data = self.name(), os.urandom(size)
                answer = self.post(target, body(part(data, "application/octet-stream"),
                                                target.json_part(name)))
                self.assertEqual(answer[0], 200, answer[2])
                self.assertEqual(target.files()[name], data)

    def test_the_same_object_again(self):
        target, name, data = self.targets[1], self.name(), os.urandom(100000)
        for _ in range(2):
            self.assertEqual(self.post(target, body(target.json_part(name), part(data, "text/csv")))[0], 200)
        self.refused(409, "taken", self.post(target, body(target.json_part(name), part(data + b"1", "text/csv"))))

    def test_a_name_that_is_taken(self):
        target, name = self.targets[0], self.name()
        self.land.put_dacs_ftp(name, b"old")
        data = body(target.json_part(name), part(os.urandom(3 * MIB), "text/csv"))
        self.refused(409, "exists", self.post(target, data))
        self.refused(409, "exists", self.post(target, data, chunked=True))
        self.assertEqual(target.files()[name], b"old")


class Refusals(MultipartTest):
    def test_bodies_that_cannot_be_used(self):
        for target in self.targets:
            before = target.files()
            message, file = target.json_part("never.csv"), part(os.urandom(50000), "application/octet-stream")
            large = part(os.urandom(2 * MIB), "application/octet-stream")
            for why, data, words in (
                    ("no JSON", body(file), "no part of the body is JSON"),
                    ("no part", body(end="--XyZ--"), "no part of the body is JSON"),
                    ("no file", body(message), "came without a file"),
                    ("two files", body(message, file, file), "behind the file comes another part"),
                    ("two large files", body(message, large, large), "behind the file comes another part"),
                    ("two files first", body(file, file, message), "more than one file"),
                    ("JSON last", body(large, message), "must stand before a file of more than 1048576"),
                    ("JSON too deep", body(part(b"[" * 65 + b"]" * 65, "application/json"), file),
                     "nested deeper than 64"),
                    ("JSON broken", body(part(b"{", "application/json"), file), "is not JSON"),
                    ("other boundary", body(message, file, boundary="other"), "too much text outside"),
                    ("no last boundary", body(message, file, end=""), "before its last boundary"),
                    ("cut boundary", body(message, file, end="\r\n--Xy"), "before its last boundary"),
                    ("bad boundary line", body(message, file, end="\r\n--XyZ-x"), "not followed by a new line"),
                    ("bare LF", body(message, file).replace(b"\r\n", b"\n", 2), "not followed by a new line"),
                    ("field without colon", body(message, b"Content-Type\r\n\r\nx"), "name: value"),
                    ("fields at the limit and one more", body(
                        message, part(b"x", "a", X="y" * (8192 - len("Content-Type: a\r\nX: \r\n\r\n") + 1))),
                     "over 8192 bytes"),
                    ("too much behind", body(message, file, end="\r\n--XyZ--" + "x" * 4097), "too much text"),
                    ("wrong size", body(message, part(b"12", Content_Length="3")), "shorter"),
                    ("wrong size, too", body(message, part(b"12", Content_Length="1")), "larger"),
                    ("size of a held file", body(part(b"12", "a/b", Content_Length="1"), message), "another size"),
                    ("no size", body(message, part(b"12", Content_Length="2x")), "not a number"),
                    ("base64", body(message, part(b"MTI=", Content_Transfer_Encoding="base64")), "base64")):
                for chunked in (False, True):
                    with self.subTest(flow=target.flow, why=why, chunked=chunked):
                        status = 502 if "wrong size" in why else 400
                        self.refused(status, words, self.post(target, data, chunked=chunked))
            self.assertEqual(target.files(), before)
        self.assertEqual(self.server.ask("GET", "/health/ready")[0], 200)

    def test_fields_at_the_limit(self):
        target, name = self.targets[0], self.name()
        fill = "y" * (8192 - len("Content-Type: a\r\nX: \r\n\r\n"))
        self.assertEqual(self.post(target, body(target.json_part(name), part(b"x", "a", X=fill)))[0], 200)

    def test_boundaries_of_the_content_type(self):
        for boundary in ("", '""', "a:b", '"' + "x" * 71 + '"', '"a\\"b"'):
            self.refused(400, "boundary", self.post(self.targets[0], b"x", boundary=boundary))

    def test_messages_at_the_limit(self):
        target, limit = self.targets[0], 65536
        for size, status in ((limit, 200), (limit + 1, 413)):
            name = self.name()
            message = target.message(name)
            message += b" " * (size - len(message))
            answer = self.post(target, body(part(message, "application/json"), part(b"x", "text/csv")))
            self.assertEqual(answer[0], status, answer[2])

    def test_files_at_the_limit(self):
        for target in self.targets:
            for extra in (0, 1, 200000):
                for chunked in (False, True):
                    name, data = self.name(), bytes(FILE_SIZE_MAX + extra)
                    answer = self.post(target, body(target.json_part(name), part(data, "text/csv")),
                                       chunked=chunked)
                    if extra:
                        self.refused(413, "file_size_max", answer)
                        self.assertNotIn(name, target.files())
                    else:
                        self.assertEqual(answer[0], 200, answer[2])
                        self.assertEqual(target.files()[name], data)
            self.assertEqual([name for name in target.files() if name.endswith(".part")], [])

    def test_who_may_not_call_need_not_send(self):
        target = self.targets[0]
        with self.server.connect() as wire:
            wire.send(f"POST {target.path} HTTP/1.1\r\nHost: x\r\n"
                      f"Authorization: {authorization(password='wrong-password')}\r\n"
                      "Content-Type: multipart/mixed; boundary=XyZ\r\nExpect: 100-continue\r\n"
                      f"Content-Length: {5 * MIB}\r\n\r\n")
            self.assertEqual(wire.answer()[0], 401)
            self.assertTrue(wire.is_over())
        with self.server.connect() as wire:  # who sends all the same gets the answer, too
            wire.send(f"POST {target.path} HTTP/1.1\r\nHost: x\r\n"
                      "Content-Type: multipart/mixed; boundary=XyZ\r\n"
                      f"Content-Length: {100 * MIB}\r\n\r\n")
            block = bytes(MIB)
            for _ in range(100):
                wire.send(block)
            self.assertEqual(wire.answer()[0], 401)

    def test_flows_that_take_no_file(self):
        status, _, answer = self.server.ask(
            "POST", FLOWS + "rest/OUTL-BA-CCS_DACS_ERR_HNDLR/1.0/receiveMessage", body(part(b"{}", "application/json")),
            {"Content-Type": "multipart/mixed; boundary=XyZ"})
        self.assertEqual(status, 415, answer)
        status, _, answer = self.server.ask("POST", self.targets[0].path, self.targets[0].message("x"),
                                            {"Content-Type": "application/json"})
        self.refused(400, "came without a file", (status, None, answer))
        status, _, answer = self.server.ask("POST", self.targets[0].path, b"x", {
            "Content-Type": "application/json", "Content-Encoding": "gzip"})
        self.assertEqual(status, 415, answer)


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
        server = Server(SLUICE, self.land.workspace, self.land.environment(), ca=self.authority.path)
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


class TwoHosts(MultipartTest):
    """Host A runs the transfer flows; their children run at host B, which alone knows the targets."""
    settings = {"file_size_max": "1GiB"}

    def setUp(self):
        super().setUp()
        os.environ["B_PASSWORD"] = PASSWORD
        self.addCleanup(os.environ.pop, "B_PASSWORD")
        self.a = os.path.join(self.folder, f"a-{self.id()}")
        self.land.sluice("init", self.a, workspace=False, check=True)
        with open(os.path.join(self.a, "connections.json"), "w", encoding="utf-8") as file:
            json.dump({**self.land.connections,
                       **{name: {**self.land.connections[name], "disabled": True}
                          for name in ("OU FTP DACS for CCS-DACS", "OU REST DACS OS for CCS-DACS")},
                       "OU REST OIC for CCS-DACS": {
                           "type": "rest", "url": f"http://127.0.0.1:{self.server.port}", "tls": "none",
                           "auth": "basic", "user": USER, "password": {"env": "B_PASSWORD"}}}, file)
        self.properties(**{"ccs.ftp.custsync.input.directory": SOURCE_FOLDER,
                           "dacs.ftp.custsync.output.directory": TARGET_FOLDER,
                           "dacs.os.custsync.namespace": "dacsnamespace",
                           "dacs.os.custsync.bucketname": BUCKET})
        for name, value in (("from", "a@b.example"), ("to", "a@b.example"), ("to.process.notification", "a@b.example")):
            self.sluice("lookups", "set", "OUTL-BRT-CCS_DACS_Email_ID", name, value)

    def properties(self, **values):
        for name, value in values.items():
            self.sluice("lookups", "set", CONFIG, name, value)

    def sluice(self, *arguments, expect=0):
        done = self.land.sluice("-w", self.a, *arguments, workspace=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout

    def test_transfers_through_another_host(self):
        for target, preference in zip(self.targets, ("ftp", "os")):
            prefix = f"C1-{preference}"
            files = {f"{prefix}-{size}.csv": os.urandom(size) for size in (0, 1, 1000, 3 * MIB)}
            for name, data in files.items():
                self.land.put_ccs_ftp(name, data)
            self.properties(**{"dacs.file.target.transfer.pref": preference})
            outcome = json.loads(self.sluice("--json", "run", FLOW_FTP, "--param", f"extractedFileNamePrefix={prefix}"))
            self.assertEqual(outcome["files"]["transferred"], len(files), outcome)
            stored = target.files()
            for name, data in files.items():
                self.assertEqual(stored[name], data)
                self.assertIn("SENT-" + name, self.land.ccs_ftp_files())

    def test_what_another_host_refuses(self):
        self.land.put_ccs_ftp("C1-taken.csv", b"new")
        self.land.put_dacs_ftp("C1-taken.csv", b"old")
        self.properties(**{"dacs.file.target.transfer.pref": "ftp"})
        self.sluice("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-taken", expect=1)
        self.assertEqual(self.targets[0].files()["C1-taken.csv"], b"old")
        self.assertIn("C1-taken.csv", self.land.ccs_ftp_files())

    def test_a_file_with_a_run_by_hand(self):
        path = os.path.join(self.folder, "attached")
        with open(path, "wb") as file:
            file.write(os.urandom(2 * MIB))
        for target in self.targets:
            message = os.path.join(self.folder, "message.json")
            name = f"{target.flow}.csv"
            with open(message, "wb") as file:
                file.write(target.message(name))
            self.land.sluice("run", target.flow, "--body", message, "--attach", path, check=True)
            with open(path, "rb") as file:
                self.assertEqual(target.files()[name], file.read())


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
