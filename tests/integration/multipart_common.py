# SPDX-License-Identifier: MIT
"""What the tests of files that come with a request share: a landscape, a server, multipart bodies."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "peers"))

from landscape import BUCKET, TARGET_FOLDER, Landscape  # noqa: E402
from serve_common import FLOWS, Server, add_user, authorization  # noqa: E402

MIB = 1 << 20
CHILD_FTP, CHILD_OS = "OUTL-BA-OUAL_DACS_FTP_TRANSFER", "OUTL-BA-CCS_DACS_OS_TRANSFER"
SETTINGS = {"workers": 6, "stall_s": 20, "stop_s": 20}
FILE_SIZE_MAX = 8 * MIB


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
    program = None  # sluice, set by main
    settings = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-multipart-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.land = Landscape(os.path.join(cls.folder, "land"), cls.program, settings={
            "file_size_max": FILE_SIZE_MAX, "server": SETTINGS, **cls.settings})
        cls.addClassCleanup(cls.land.stop)
        add_user(cls.program, cls.land.workspace)
        cls.targets = [Target(cls.land, CHILD_FTP), Target(cls.land, CHILD_OS)]

    def setUp(self):
        self.count = 0
        self.server = self.start()

    def start(self):
        server = Server(self.program, self.land.workspace, self.land.environment())
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


def main():
    """test_x.py SLUICE [unittest arguments]"""
    MultipartTest.program = os.path.realpath(sys.argv.pop(1))
    unittest.main(module="__main__")
