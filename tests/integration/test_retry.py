# SPDX-License-Identifier: MIT
"""Calls that are tried again, through the real program over real servers: what is over in a moment costs a
pause, what is not is believed, and nothing is done twice.

Usage: test_retry.py SLUICE [unittest arguments]
"""
import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from common import PeerProcess, read_records  # noqa: E402
from fault_proxy import FaultProxyPeer  # noqa: E402
from landscape import CONFIG, FLOW_ACK, FLOW_FTP, FLOW_OS, SECRETS, SOURCE_FOLDER, Landscape  # noqa: E402
from scripted_http import ScriptedHttp  # noqa: E402

SLUICE = None
FTP_SOURCE, FTP_TARGET = "OU FTP CCS for CCS-DACS", "OU FTP DACS for CCS-DACS"
CCS = "OU REST CCS for CCS-DACS"
DATA = os.urandom(300000)


class RetryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-retry-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.land = Landscape(os.path.join(cls.folder.name, "land"), SLUICE)
        cls.addClassCleanup(cls.land.stop)
        cls.defaults = json.dumps(cls.land.connections)
        cls.number = 0

    def setUp(self):
        self.land.write_connections(json.loads(self.defaults))
        type(self).number += 1
        self.prefix = f"R{self.number:03}"
        self.name = f"{self.prefix}-A.csv"

    def change(self, connection, **values):
        self.land.connections[connection].update(values)
        self.land.write_connections(self.land.connections)

    def proxy(self, connection, *rules):
        """Puts a fault proxy before the server of an FTP connection."""
        root = os.path.join(self.folder.name, f"proxy-{self.number}-{len(os.listdir(self.folder.name))}")
        proxy = FaultProxyPeer(root, self.land.connections[connection]["port"], *rules)
        self.addCleanup(proxy.stop)
        self.change(connection, port=proxy.port)
        return proxy

    def run_flow(self, flow=FLOW_FTP, expect=0):
        done = self.land.sluice("--json", "run", flow, "--param", f"extractedFileNamePrefix={self.prefix}")
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def show(self, instance):
        return json.loads(self.land.sluice("--json", "show", instance, check=True).stdout)

    def attempts(self, outcome):
        """The rows of attempts that were followed by another, of the run and of what it called."""
        shown = self.show(outcome["instance"])
        rows = list(shown["activity"])
        for child in shown["called"]:
            rows += self.show(child)["activity"]
        return [row for row in rows if "again in" in (row["detail"] or "")]


class Unmarked(RetryTest):
    """Files that arrived and could not be marked: how many are remembered, and until when."""
    MAX = 4096  # REMINDERS_MAX

    def remember(self, connection, folder, sizes):
        with contextlib.closing(sqlite3.connect(
                os.path.join(self.land.workspace, "state", "sluice.db"))) as store, store:
            store.executemany("INSERT INTO reminder (kind, key, value) VALUES ('unmarked', ?, ?)",
                              [(f"{connection}\n{folder}\n{name}", size.to_bytes(8, "little"))
                               for name, size in sizes.items()])

    def listed(self):
        return json.loads(self.land.sluice("unmarked", "--json", check=True).stdout)["unmarked"]

    def test_a_full_memory_stops_no_run_for_ever(self):
        self.land.put_ccs_ftp(self.name, DATA)
        self.land.sluice("instances", check=True)
        self.remember("elsewhere", "/f", {f"old-{i}": 1 for i in range(self.MAX)})
        outcome = self.run_flow(expect=1)
        self.assertNotIn(self.name, self.land.dacs_ftp_files())
        self.assertIn(self.name, self.land.ccs_ftp_files())
        self.assertEqual(outcome["state"], "FAILED")
        self.assertIn("sluice unmarked", json.dumps([self.show(one) for one in
                                                     self.show(outcome["instance"])["called"]]))
        self.assertIn(f"not marked at their source: {self.MAX} ", self.land.sluice("errors").stdout)
        self.assertEqual(self.land.sluice("unmarked", "forget", "nowhere").returncode, 2)
        done = self.land.sluice("unmarked", "forget", "elsewhere", "/f", "old-0", check=True)
        self.assertEqual(done.stdout, "1 forgotten\n")
        self.run_flow()
        self.assertEqual(self.land.dacs_ftp_files()[self.name], DATA)
        self.assertIn(f"SENT-{self.name}", self.land.ccs_ftp_files())
        self.assertEqual(len(self.listed()), self.MAX - 1)
        self.land.sluice("unmarked", "forget", "elsewhere", check=True)
        self.assertEqual(self.listed(), [])

    def test_what_is_gone_or_changed_is_forgotten(self):
        stays, changed, gone = (f"{self.prefix}-{word}.csv" for word in ("stays", "changed", "gone"))
        self.land.sluice("instances", check=True)
        for name in (stays, changed):
            self.land.put_ccs_ftp(name, b"12345")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.change(FTP_TARGET, port=closed.getsockname()[1])
        self.remember(FTP_SOURCE, SOURCE_FOLDER, {stays: 5, changed: 6, gone: 5, "other-" + gone: 5})
        self.remember(FTP_SOURCE, SOURCE_FOLDER + "/sub", {gone: 5})
        self.run_flow(expect=1)
        self.assertEqual(sorted((one["folder"], one["file"]) for one in self.listed()),
                         sorted([(SOURCE_FOLDER, stays), (SOURCE_FOLDER, "other-" + gone),
                                 (SOURCE_FOLDER + "/sub", gone)]))
        self.land.sluice("unmarked", "forget", FTP_SOURCE, check=True)
        self.assertEqual(self.listed(), [])


class Ftp(RetryTest):
    def put(self):
        self.land.put_ccs_ftp(self.name, DATA)

    def check_carried(self):
        target = {name: data for name, data in self.land.dacs_ftp_files().items()
                  if name.startswith(self.prefix) or name.endswith(".part")}
        self.assertEqual(list(target), [self.name])
        self.assertEqual(target[self.name], DATA)
        source = [name for name in self.land.ccs_ftp_files() if self.prefix in name]
        self.assertEqual(source, ["SENT-" + self.name])

    def test_a_target_that_refuses_twice(self):
        self.put()
        self.proxy(FTP_TARGET, {"action": "refuse", "times": 2})
        rows = self.attempts(self.run_flow())
        self.check_carried()
        self.assertEqual([row["import"] for row in rows], ["ftp.store"] * 2)
        self.assertTrue(rows[0]["detail"].startswith("attempt 1 of 6: connection"), rows)
        self.assertTrue(rows[1]["detail"].startswith("attempt 2 of 6: connection"), rows)
        self.assertEqual({row["connection"] for row in rows}, {FTP_TARGET})

    def test_a_source_that_refuses_at_the_listing(self):
        self.put()
        self.proxy(FTP_SOURCE, {"action": "refuse", "times": 1})
        rows = self.attempts(self.run_flow())
        self.check_carried()
        self.assertEqual([row["import"] for row in rows], ["ftp.list"])

    def test_a_control_connection_cut_anywhere(self):
        cuts = (60, 1500, 3200, 4200, 4600, 5000, 5400)
        for after in cuts:
            with self.subTest(after=after):
                type(self).number += 1
                self.prefix = f"R{self.number:03}"
                self.name = f"{self.prefix}-A.csv"
                self.land.write_connections(json.loads(self.defaults))
                self.put()
                proxy = self.proxy(FTP_TARGET, {"action": "cut", "after": after, "times": 1})
                self.run_flow()
                self.check_carried()
                proxy.stop()

    def test_a_dead_target_is_believed_in_the_end(self):
        self.put()
        proxy = self.proxy(FTP_TARGET, {"action": "refuse"})
        outcome = self.run_flow(expect=1)
        self.assertEqual(len(self.attempts(outcome)), 5)
        self.assertEqual(proxy.command(status=True)["connections"], 6)
        self.assertIn("(tried 6 times)", outcome["fault"]["detail"])
        self.assertEqual([name for name in self.land.ccs_ftp_files() if self.prefix in name], [self.name])

    def test_a_wrong_password_is_tried_once(self):
        self.put()
        proxy = self.proxy(FTP_TARGET)
        path = os.path.join(self.folder.name, "wrong")
        with open(path, "w", encoding="utf-8") as file:
            file.write("not-the-password")
        os.chmod(path, 0o600)
        self.change(FTP_TARGET, password={"file": path})
        outcome = self.run_flow(expect=1)
        self.assertEqual(proxy.command(status=True)["connections"], 1)
        self.assertEqual(self.attempts(outcome), [])

    def test_one_attempt_where_the_policy_says_so(self):
        self.put()
        proxy = self.proxy(FTP_TARGET, {"action": "refuse"})
        self.change(FTP_TARGET, retry={"attempts": 1})
        self.assertEqual(self.attempts(self.run_flow(expect=1)), [])
        self.assertEqual(proxy.command(status=True)["connections"], 1)


class ObjectStorage(RetryTest):
    def setUp(self):
        super().setUp()
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", "os")
        for storage in (self.land.ccs_storage, self.land.dacs_storage):
            self.land._admin(storage, "/_faults", "DELETE")
        self.land.put_object(self.land.ccs_storage, self.name, DATA)

    def fault(self, storage, **fault):
        self.land._admin(storage, "/_faults", "POST", json.dumps(fault).encode())

    def check_carried(self):
        target = self.land.objects(self.land.dacs_storage)
        self.assertEqual([name for name in target if name.startswith(self.prefix) or name.endswith(".part")],
                         [self.name])
        self.assertEqual(target[self.name], DATA)
        source = [name for name in self.land.objects(self.land.ccs_storage) if self.prefix in name]
        self.assertEqual(source, ["SENT-" + self.name])

    def test_trouble_at_every_request_once(self):
        steps = (
            (self.land.ccs_storage, {"method": "GET", "query_regex": "limit="}, "list"),
            (self.land.ccs_storage, {"method": "GET", "path_regex": "/o/"}, "read"),
            (self.land.dacs_storage, {"method": "HEAD", "path_regex": "/o/"}, "look"),
            (self.land.dacs_storage, {"method": "PUT", "path_regex": "/o/"}, "send"),
            (self.land.dacs_storage, {"method": "POST", "path_regex": "renameObject"}, "publish"),
            (self.land.ccs_storage, {"method": "POST", "path_regex": "renameObject"}, "rename"),
        )
        for storage, match, what in steps:
            for fault in ({"action": "status", "status": 503}, {"action": "status", "status": 500},
                          {"action": "status", "status": 429, "headers": {"Retry-After": "0"}},
                          {"action": "reset", "after_bytes": 1}):
                with self.subTest(what=what, fault=fault):
                    type(self).number += 1
                    RetryTest.setUp(self)
                    self.land.put_object(self.land.ccs_storage, self.name, DATA)
                    self.fault(storage, match=match, times=1, **fault)
                    self.run_flow(FLOW_OS)
                    self.check_carried()

    def test_retry_after_is_obeyed(self):
        self.fault(self.land.ccs_storage, match={"method": "GET", "query_regex": "limit="}, times=1,
                   action="status", status=503, headers={"Retry-After": "2"})
        started = time.monotonic()
        row, = self.attempts(self.run_flow(FLOW_OS))
        self.assertGreaterEqual(time.monotonic() - started, 2)
        self.assertRegex(row["detail"], r"again in 2\.\d s$")
        self.check_carried()

    def test_a_bucket_that_is_not_found_is_asked_for_once_more(self):
        match = {"method": "GET", "query_regex": "limit="}
        body = {"code": "BucketNotFound", "message": "x"}
        self.fault(self.land.ccs_storage, match=match, times=1, action="status", status=404, body=body)
        self.run_flow(FLOW_OS)
        self.check_carried()
        self.fault(self.land.ccs_storage, match=match, times=2, action="status", status=404, body=body)
        outcome = self.run_flow(FLOW_OS, expect=1)
        self.assertEqual(len(self.attempts(outcome)), 1)

    def test_what_is_refused_is_not_asked_again(self):
        self.fault(self.land.ccs_storage, match={"method": "GET", "query_regex": "limit="}, times=0,
                   action="status", status=403, body={"code": "NotAllowed", "message": "x"})
        self.assertEqual(self.attempts(self.run_flow(FLOW_OS, expect=1)), [])


class Acknowledgements(RetryTest):
    def setUp(self):
        super().setUp()
        self.land._admin(self.land.ccs, "/_faults", "DELETE")
        self.before = len(self.land.ccs_received())

    def fault(self, **fault):
        self.land._admin(self.land.ccs, "/_faults", "POST", json.dumps(fault).encode())

    def acknowledge(self, expect):
        path = os.path.join(self.folder.name, "ack.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(dacs.acknowledgement(f"{4821337712 * 10000 + self.number:014}", True), file)
        done = self.land.sluice("--json", "run", FLOW_ACK, "--body", path)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def statuses(self):
        return [one["status"] for one in self.land.ccs_received()[self.before:]]

    def test_503_and_429_are_asked_again(self):
        self.fault(times=1, action="status", status=503)
        self.fault(times=1, action="status", status=429, headers={"Retry-After": "1"})
        outcome = self.acknowledge(0)
        self.assertEqual(outcome["response"]["status"], 200)
        self.assertEqual(len(self.attempts(outcome)), 2)

    def test_the_caller_does_not_wait_for_ever(self):
        self.fault(times=0, action="status", status=503)
        outcome = self.acknowledge(1)
        self.assertEqual(outcome["response"]["status"], 503)
        self.assertEqual(len(self.attempts(outcome)), 2)

    def test_an_answer_that_failed_is_not_asked_again(self):
        self.fault(times=0, action="status", status=500)
        outcome = self.acknowledge(1)
        self.assertEqual(outcome["response"]["status"], 502)
        self.assertEqual(self.attempts(outcome), [])

    def test_a_lost_answer_is_not_asked_again(self):
        self.fault(times=1, action="drop_reply")
        outcome = self.acknowledge(1)
        self.assertEqual(outcome["fault"]["code"], "unknown")
        self.assertEqual(self.attempts(outcome), [])
        self.assertEqual(self.statuses(), [200], "carried out, and once only")

    def test_an_answer_that_cannot_be_read_is_not_asked_for_again(self):
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
        for answer in (head + b"Transfer-Encoding: gzip\r\n\r\n{}garbage", head + b"X: " + b"a" * 200000 + b"\r\n\r\n",
                       b"HTTP/3 200\r\n\r\n"):
            with self.subTest(answer[:80]):
                type(self).number += 1
                ccs = ScriptedHttp(answer)
                self.change(CCS, url=ccs.url, tls="none")
                outcome = self.acknowledge(1)
                ccs.close()
                self.assertEqual(ccs.count, 1)
                self.assertEqual((outcome["fault"]["code"], outcome["response"]["status"]), ("unknown", 502))
                self.assertEqual(self.attempts(outcome), [])

    def test_a_ccs_that_cannot_be_reached(self):
        self.change(CCS, url="https://localhost:1/ouaf")
        outcome = self.acknowledge(1)
        self.assertEqual(outcome["response"]["status"], 503)
        self.assertEqual(len(self.attempts(outcome)), 2)
        self.assertIn("(tried 3 times)", outcome["fault"]["detail"])


class Circuit(RetryTest):
    def closed_port(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return listener.getsockname()[1]

    def start_server(self):
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen(
            self.land.command("serve", "--listen", "127.0.0.1:0"), env=self.land.environment(),
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        return self.process.stdout.readline().split()[-1]

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def check_said(self, text):
        """Lines of the log are written a moment after they arise."""
        deadline = time.monotonic() + 20
        while text not in self.said():
            self.assertLess(time.monotonic(), deadline, self.said())
            time.sleep(0.01)

    def acknowledge(self, url, number):
        message = json.dumps(dacs.acknowledgement(f"{number:014}", True))
        done = subprocess.run(
            ["curl", "-sS", "-u", "dacs:dacs-password", "-d", message, "-w", "\n%{http_code}", "--max-time", "60",
             f"{url}/ic/api/integration/v1/flows/rest/{FLOW_ACK}/1.0/sendCustomerSyncAck"],
            capture_output=True, text=True, check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def test_a_dead_ccs_is_left_alone_and_found_again(self):
        port = self.closed_port()
        self.change(CCS, url=f"http://127.0.0.1:{port}/ouaf", tls="none",
                    retry={"attempts_synchronous": 2, "pause_s": 0.01, "circuit_failures": 4, "circuit_open_s": 3})
        del self.land.connections[CCS]["ca"]
        self.land.write_connections(self.land.connections)
        subprocess.run(self.land.command("users", "add", "dacs", "--role", "invoke"), input="dacs-password\n",
                       text=True, check=True, capture_output=True)
        url = self.start_server()
        for number in (1, 2):
            status, body = self.acknowledge(url, number)
            self.assertEqual(status, 503)
            self.assertIn("cannot connect", body)
        status, body = self.acknowledge(url, 3)
        self.assertEqual(status, 503)
        self.assertIn("left alone since", body)
        self.assertIn("after 4 failures in a row", body)
        self.check_said("circuit open until")
        root = os.path.join(self.folder.name, "ccs-back")
        ccs = PeerProcess("ccs.py", "--root", root, "--port", str(port), "--user", "integration", "--password",
                          SECRETS["CCS_PASSWORD"])
        self.addCleanup(ccs.stop)
        deadline = time.monotonic() + 60
        while self.acknowledge(url, 4)[0] != 200:
            self.assertLess(time.monotonic(), deadline, self.said())
            time.sleep(0.2)
        self.check_said("circuit closed")
        self.assertEqual(len(read_records(os.path.join(root, "received.jsonl"))), 1)
        self.assertEqual(self.acknowledge(url, 5)[0], 200)


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
