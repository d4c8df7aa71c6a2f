# SPDX-License-Identifier: MIT
"""The store under the real program: a disk that goes bad ends the service, retention is kept to.

Usage: test_store.py SLUICE FAIL_SYNC BACKEND [unittest arguments]
FAIL_SYNC is the library fail_sync, BACKEND relay_backend of tests/bench.
"""
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from program import ACK_PATH, Program, basic  # noqa: E402
from scripted_http import ScriptedHttp  # noqa: E402

SLUICE = FAIL_SYNC = BACKEND = None
SYNC_FTP = "OUTL-BA-CCS_DACS_CUST_SYNC_FTP"
USER, PASSWORD = "dacs", "dacs-store-secret"
DAY_MS = 86400000
MESSAGE_SIZE, MESSAGES_MAX = 262144, 1000  # the largest that the flow takes; far more than may wait


class Store(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-store-")
        self.addCleanup(folder.cleanup)
        self.workspace = os.path.join(folder.name, "workspace")
        self.bad_disk = os.path.join(folder.name, "bad-disk")
        self.log_path = os.path.join(folder.name, "log")
        self.backend = Program(BACKEND)
        self.addCleanup(self.backend.stop)
        self.sluice("init", self.workspace, anywhere=True)
        self.write_connections(self.backend.port)
        self.sluice("users", "add", USER, "--role", "invoke", text=PASSWORD + "\n")

    def write_connections(self, port):
        with open(os.path.join(self.workspace, "connections.json"), "w", encoding="utf-8") as file:
            json.dump({"OU REST CCS for CCS-DACS": {
                "type": "rest", "url": f"http://127.0.0.1:{port}/ouaf", "auth": "none"},
                "OU REST OIC for CCS-DACS": {"type": "local"}}, file)

    def environment(self):
        return {"LD_PRELOAD": FAIL_SYNC, "FAIL_SYNC": self.bad_disk}

    def sluice(self, *arguments, text="", status=0, anywhere=False):
        where = [] if anywhere else ["-w", self.workspace]
        done = subprocess.run([SLUICE, *where, *arguments], input=text, capture_output=True, text=True,
                              env={**os.environ, **self.environment()}, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def serve(self):
        log = open(self.log_path, "w", encoding="utf-8")
        self.addCleanup(log.close)
        server = Program(SLUICE, "-w", self.workspace, "serve", "--listen", "127.0.0.1:0",
                         environment=self.environment(), errors=log)
        self.addCleanup(server.stop)
        return server

    def connect(self, server):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.addCleanup(connection.close)
        return connection

    def answer(self, connection, number, size=0):
        body = json.dumps(dacs.acknowledgement(f"{number:014d}")).ljust(size)
        connection.request("POST", ACK_PATH, body, {"Authorization": basic(USER, PASSWORD)})
        answer = connection.getresponse()
        answer.read()
        return answer

    def ack(self, server, number):
        return self.answer(self.connect(server), number).status

    def database(self):
        return sqlite3.connect(os.path.join(self.workspace, "state", "sluice.db"), timeout=30)

    def count(self, condition="1"):
        with self.database() as db:
            return db.execute(f"SELECT count(*) FROM instance WHERE {condition}").fetchone()[0]

    def wait_until_recorded(self, number):
        """Answers come before their records, which are written in groups."""
        deadline = time.monotonic() + 30
        while self.count("finished_ms > 0") < number:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_a_bad_disk_ends_the_service(self):
        server = self.serve()
        self.assertEqual(self.ack(server, 1), 200)
        self.wait_until_recorded(1)
        with open(self.bad_disk, "w", encoding="ascii"):
            pass
        # The caller gets CCS's answer: the record is written afterwards, and cannot be.
        self.assertEqual(self.ack(server, 2), 200)
        self.assertEqual(server.process.wait(60), 1)
        with open(self.log_path, encoding="utf-8") as log:
            said = log.read()
        self.assertIn("the store is broken", said)
        self.assertIn("disk I/O error", said)
        os.unlink(self.bad_disk)
        server = self.serve()
        self.assertEqual(self.ack(server, 3), 200)
        self.assertEqual(server.stop(), 0)
        self.assertGreaterEqual(self.count("state = 'COMPLETED'"), 2)  # the first and the third

    def wait_until_broken(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with open(self.log_path, encoding="utf-8") as log:
                if "the store is broken" in log.read():
                    return b""
            time.sleep(0.01)
        return b"HTTP/1.1 500 The store did not break\r\n"

    def test_what_ccs_took_is_told_although_the_disk_has_gone_bad_meanwhile(self):
        ccs = ScriptedHttp(self.wait_until_broken, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        self.addCleanup(ccs.close)
        self.write_connections(ccs.port)
        server = self.serve()
        with open(self.bad_disk, "w", encoding="ascii"):
            pass
        self.assertEqual(self.ack(server, 1), 200)
        self.assertEqual((server.process.wait(60), ccs.count), (1, 1))
        with open(self.log_path, encoding="utf-8") as log:
            self.assertIn("the end could not be recorded", log.read())

    def test_a_durable_flow_does_not_begin_on_a_bad_disk(self):
        self.sluice("instances")  # makes the store
        with open(self.bad_disk, "w", encoding="ascii"):
            pass
        said = self.sluice("run", SYNC_FTP, "--param", "extractedFileNamePrefix=C1-", status=1)
        self.assertIn("disk I/O error", said)
        os.unlink(self.bad_disk)
        self.assertEqual(self.count("state NOT IN ('ABORTED', 'IN_PROGRESS')"), 0)

    def test_a_store_that_cannot_keep_up_refuses_what_is_new(self):
        server = self.serve()
        connection = self.connect(server)
        self.assertEqual(self.answer(connection, 1).status, 200)
        with self.database() as db:
            db.execute("BEGIN IMMEDIATE")  # as a disk that takes nothing for a while
            for accepted in range(1, MESSAGES_MAX):
                answer = self.answer(connection, accepted + 1, MESSAGE_SIZE)
                if answer.status != 200:
                    break
            self.assertEqual(answer.status, 503)
            self.assertTrue(answer.getheader("Retry-After"))
            self.assertGreater(accepted * MESSAGE_SIZE, 40 << 20)
            self.assertLess(server.resident_mib(), 200)
            db.execute("ROLLBACK")
        self.assertEqual(self.answer(connection, 1000).status, 200)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.count("state = 'COMPLETED'"), accepted + 1)
        self.assertEqual(self.count(), accepted + 1)

    def test_retention_while_serving(self):
        server = self.serve()
        self.assertEqual([self.ack(server, number) for number in range(5)], [200] * 5)
        self.assertEqual(server.stop(signal.SIGINT), 0)
        with self.database() as db:
            db.execute("UPDATE instance SET finished_ms = finished_ms - ? WHERE number <= 3",
                       (40 * DAY_MS,))
        server = self.serve()
        deadline = time.monotonic() + 60
        while self.count() > 2:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual(self.ack(server, 6), 200)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.count(), 3)


if __name__ == "__main__":
    SLUICE, FAIL_SYNC, BACKEND = (os.path.realpath(one) for one in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
