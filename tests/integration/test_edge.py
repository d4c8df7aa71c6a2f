# SPDX-License-Identifier: MIT
"""The acknowledgement flow under workerd, a JavaScript worker platform, with the CCS stand-in behind it.

Usage: test_edge.py WORKERD FOLDER [unittest arguments]
FOLDER: wasm-out/edge, what the worker is made of.
"""
import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from common import PeerProcess, read_records  # noqa: E402

WORKERD = FOLDER = None
ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
ADDRESS = f"/ic/api/integration/v1/flows/oracleutilities/{ACK}/1.0/sendCustomerSyncAck"
USER, PASSWORD = "dacs", "dacs-edge-secret"
CCS_PASSWORD = "ccs-edge-secret"
INPUT_BYTES = 262144  # of the flow's manifest


class Worker:
    """workerd on a port that it says itself; settings: its environment."""

    def __init__(self, folder, **settings):
        read_end, write_end = os.pipe()
        self.log = open(os.path.join(folder, "workerd.log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [WORKERD, "serve", os.path.join(FOLDER, "workerd.capnp"), "--socket-addr", "http=127.0.0.1:0",
             "--control-fd", str(write_end)],
            pass_fds=[write_end], env={"PATH": os.environ["PATH"], **settings}, stdout=self.log, stderr=self.log)
        os.close(write_end)
        with os.fdopen(read_end, encoding="utf-8") as control:
            line = control.readline()
        if not line:
            said = self.said()
            self.stop()
            raise AssertionError(said)
        self.port = json.loads(line)["port"]

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    def ask(self, body, path=ADDRESS, method="POST", user=USER, password=PASSWORD):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            login = base64.b64encode(f"{user}:{password}".encode()).decode()
            connection.request(method, path, body, {"Authorization": f"Basic {login}",
                                                    "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, json.loads(answer.read())
        finally:
            connection.close()


class Edge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-edge-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.root = os.path.join(folder.name, "ccs")
        os.mkdir(cls.root)
        cls.ccs = PeerProcess("ccs.py", "--root", cls.root, "--user", "integration", "--password", CCS_PASSWORD)
        cls.addClassCleanup(cls.ccs.stop)
        cls.settings = {"SLUICE_USER": USER, "SLUICE_PASSWORD": PASSWORD, "CCS_USER": "integration",
                        "CCS_URL": f"http://127.0.0.1:{cls.ccs.port}/ouaf", "CCS_PASSWORD": CCS_PASSWORD,
                        "CONFIG_PROPS": json.dumps({"ccs_error_ack_message_number": "42"})}
        cls.worker = Worker(cls.folder, **cls.settings)
        cls.addClassCleanup(cls.worker.stop)

    def requests_for(self, identifier):
        return [record for record in read_records(os.path.join(self.root, "received.jsonl")) if identifier in json.dumps(record)]

    def test_positive_acknowledgement_reaches_ccs(self):
        identifier = "48213377130001"
        status, fields, answer = self.worker.ask(json.dumps(dacs.acknowledgement(identifier)))
        self.assertEqual((status, answer), (200, {"syncRequestId": identifier, "status": "OK"}), self.worker.said())
        self.assertRegex(fields["sluice-instance"], r"^[0-9a-f-]{36}$")
        self.assertEqual(len(self.requests_for(identifier)), 1, "told once, though the flow ran twice")

    def test_negative_acknowledgement_has_the_lookups_number(self):
        identifier = "48213377130002"
        status, _, _ = self.worker.ask(json.dumps(dacs.acknowledgement(identifier, False, "sendDetails")))
        self.assertEqual(status, 200, self.worker.said())
        [record] = self.requests_for(identifier)
        self.assertIn('"messageNumber": 42', json.dumps(record).replace('\\"', '"').replace('":42', '": 42'))

    def test_message_that_cannot_be_used(self):
        for body, why in [("no JSON", "is not JSON"), ("{}", "names no sync request"),
                          ('{"syncRequestId":"1","hasError":"perhaps"}', "perhaps")]:
            status, _, answer = self.worker.ask(body)
            self.assertEqual((status, answer["o:errorCode"]), (400, "400"), body)
            self.assertIn(why, answer["detail"])

    def test_callers_and_addresses(self):
        good = json.dumps(dacs.acknowledgement("48213377130003"))
        self.assertEqual(self.worker.ask(good, password="wrong")[0], 401)
        self.assertEqual(self.worker.ask(good, path="/other")[0], 404)
        self.assertEqual(self.worker.ask(good, path=ADDRESS + "/more")[0], 404)
        status, fields, _ = self.worker.ask(good, method="PUT")
        self.assertEqual((status, fields["allow"]), (405, "POST"))
        self.assertEqual(self.requests_for("48213377130003"), [])

    def test_message_size_at_the_limit_and_beyond(self):
        body = json.dumps(dacs.acknowledgement("48213377130004"))
        self.assertEqual(self.worker.ask(body + " " * (INPUT_BYTES - len(body)))[0], 200)
        self.assertEqual(self.worker.ask(body + " " * (INPUT_BYTES - len(body) + 1))[0], 413)

    def test_ccs_that_refuses_and_ccs_that_is_away(self):
        folder = os.path.join(self.folder, "refused")
        os.mkdir(folder)
        worker = Worker(folder, **{**self.settings, "CCS_PASSWORD": "wrong"})
        self.addCleanup(worker.stop)
        status, _, answer = worker.ask(json.dumps(dacs.acknowledgement("48213377130005")))
        self.assertEqual((status, answer["o:errorDetails"][0]["o:errorCode"]), (502, "ccs_401"), worker.said())
        folder = os.path.join(self.folder, "away")
        os.mkdir(folder)
        away = Worker(folder, **{**self.settings, "CCS_URL": "http://127.0.0.1:1"})
        self.addCleanup(away.stop)
        status, _, answer = away.ask(json.dumps(dacs.acknowledgement("48213377130006")))
        self.assertEqual((status, answer["o:errorDetails"][0]["o:errorCode"]), (502, "unknown"), away.said())

    def test_worker_that_is_not_set_up(self):
        folder = os.path.join(self.folder, "bare")
        os.mkdir(folder)
        worker = Worker(folder)
        self.addCleanup(worker.stop)
        self.assertEqual(worker.ask("{}")[0], 503)

    def test_secrets_are_not_in_the_log(self):
        self.worker.ask("{}")
        self.assertIn('"instance"', self.worker.said())
        for secret in [PASSWORD, CCS_PASSWORD]:
            self.assertNotIn(secret, self.worker.said())


if __name__ == "__main__":
    WORKERD, FOLDER = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
