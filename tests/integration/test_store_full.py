# SPDX-License-Identifier: MIT
"""A disk that is full for a while just as an execution ends: the server records the end later, and once.

Usage: test_store_full.py SLUICE FAIL_SYNC [unittest arguments]
FAIL_SYNC is the library fail_sync.
"""
import contextlib
import json
import os
import sqlite3
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from collector import spans_of  # noqa: E402
from common import PeerProcess, read_records  # noqa: E402
from landscape import FLOW_ACK, FLOW_FTP, Landscape  # noqa: E402
from multipart_common import CHILD_FTP, Target, body, part  # noqa: E402
from scripted_http import ScriptedHttp  # noqa: E402
from serve_common import Server, add_user, wait_until  # noqa: E402

SLUICE = FAIL_SYNC = None
CCS = "OU REST CCS for CCS-DACS"
RESUBMIT = "/ic/api/integration/v1/monitoring/errors/{}/resubmit?return=sync"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class FullDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-store-full-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.collector_root = os.path.join(cls.folder.name, "collector")
        collector = PeerProcess("collector.py", "--root", cls.collector_root)
        cls.addClassCleanup(collector.stop)
        cls.land = Landscape(os.path.join(cls.folder.name, "land"), SLUICE,
                             settings={"traces": {"endpoint": collector.url}})
        cls.addClassCleanup(cls.land.stop)
        cls.full = os.path.join(cls.folder.name, "full")
        add_user(SLUICE, cls.land.workspace, role="administer")

    def fill(self, *_):
        """What a peer does before it answers."""
        with open(self.full, "w", encoding="ascii"):
            pass

    def make_room(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.full)

    def serve(self):
        server = Server(SLUICE, self.land.workspace, {**self.land.environment(), "LD_PRELOAD": FAIL_SYNC,
                                                      "FAIL_WRITE": self.full})
        self.addCleanup(server.stop)
        self.addCleanup(self.make_room)
        return server

    def point(self, connection, **members):
        before = self.land.connections[connection]
        self.land.connections[connection] = members
        self.land.write_connections(self.land.connections)

        def restore():
            self.land.connections[connection] = before
            self.land.write_connections(self.land.connections)
        self.addCleanup(restore)

    def state(self, condition):
        path = os.path.join(self.land.workspace, "state", "sluice.db")
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as db:
            row = db.execute("SELECT state FROM instance WHERE " + condition).fetchone()
        return row and row[0]

    def listed(self, command, expect=0):
        done = self.land.sluice("--json", *command)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def fail_acknowledgement(self):
        self.point(CCS, type="rest", url="http://127.0.0.1:1/ouaf", auth="none")
        path = os.path.join(self.folder.name, "ack.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(dacs.acknowledgement("48213377120401", True), file)
        return self.listed(("run", FLOW_ACK, "--body", path), expect=1)["instance"]

    def test_an_acknowledgement_that_ccs_took_is_not_offered_again(self):
        old = self.fail_acknowledgement()

        def answer():
            self.fill()
            return OK
        ccs = ScriptedHttp(answer)
        self.addCleanup(ccs.close)
        self.point(CCS, type="rest", url=ccs.url + "/ouaf", auth="none")
        server = self.serve()
        status, _, told = server.ask("POST", RESUBMIT.format(old), "{}", {"Content-Type": "application/json"})
        self.assertEqual(status, 200, told)
        wait_until(lambda: "trying again" in server.log(), "the store knows")
        self.assertEqual(self.state("trigger = 'resubmit'"), "IN_PROGRESS")
        self.make_room()
        wait_until(lambda: self.state("trigger = 'resubmit'") == "COMPLETED", "the end is recorded")
        self.assertNotIn(old, [one["id"] for one in self.listed(("errors",))["errors"]])
        self.listed(("resubmit", old), expect=1)
        self.assertEqual(ccs.count, 1)
        self.assertNotIn("could not be recorded", server.log())

    def test_a_file_that_came_with_a_request(self):
        server, target, state = self.serve(), Target(self.land, CHILD_FTP), f"flow = '{CHILD_FTP}'"

        def file():
            yield body(target.json_part("full.csv"), part(b"1,2\n", "application/octet-stream"), end="")
            wait_until(lambda: self.state(state) == "IN_PROGRESS", "it has begun")
            self.fill()
            yield b"\r\n--XyZ--\r\n"
        status, fields, told = server.ask("POST", target.path, file(),
                                          {"Content-Type": "multipart/mixed; boundary=XyZ"})
        self.assertEqual(status, 200, told)
        self.assertEqual(self.state(state), "IN_PROGRESS")
        self.make_room()
        wait_until(lambda: self.state(state) == "COMPLETED", "the end is recorded")
        self.assertIn("full.csv", target.files())

    def spans(self):
        """Of executions, by state."""
        return [(span["attributes"]["sluice.instance"], span["attributes"]["sluice.state"])
                for record in read_records(os.path.join(self.collector_root, "requests.jsonl"))
                for span in spans_of(record["body"]) if span["name"] == FLOW_FTP]

    def change(self, sql):
        path = os.path.join(self.land.workspace, "state", "sluice.db")
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as db, db:
            db.execute(sql)

    def test_an_end_that_comes_again_is_told_once(self):
        self.land.sluice("instances", check=True)  # makes the store
        self.change(f"CREATE TRIGGER full BEFORE UPDATE ON instance WHEN NEW.flow = '{FLOW_FTP}' AND "
                    "NEW.state = 'COMPLETED' BEGIN SELECT RAISE(ABORT, 'no room for the end'); END")
        command = ("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
        done = self.land.sluice(*command)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("no room for the end", done.stderr)
        self.assertEqual(self.spans(), [])
        self.change("DROP TRIGGER full")
        self.land.sluice(*command, check=True)  # goes on with the first, and is one of its own
        ids = [one["id"] for one in self.listed(("instances", "--flow", FLOW_FTP))["instances"]]
        self.assertEqual(sorted(self.spans()), sorted((one, "COMPLETED") for one in ids))
        self.assertEqual(len(ids), 2)


if __name__ == "__main__":
    SLUICE, FAIL_SYNC = (os.path.realpath(one) for one in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
