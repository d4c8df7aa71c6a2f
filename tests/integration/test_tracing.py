# SPDX-License-Identifier: MIT
"""What is recorded at each tracing level, through the real program and a CCS stand-in.

Usage: test_tracing.py SLUICE [unittest arguments]
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from common import PeerProcess  # noqa: E402

SLUICE = None
ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
HANDLER = "OUTL-BA-CCS_DACS_ERR_HNDLR"
PASSWORD = "ccs-tracing-secret"


class TracingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-tracing-")
        cls.addClassCleanup(folder.cleanup)
        cls.workspace = os.path.join(folder.name, "workspace")
        cls.ack = os.path.join(folder.name, "ack.json")
        os.mkdir(os.path.join(folder.name, "ccs"))
        cls.ccs = PeerProcess("ccs.py", "--root", os.path.join(folder.name, "ccs"),
                              "--user", "integration", "--password", PASSWORD)
        cls.addClassCleanup(cls.ccs.stop)
        subprocess.run([SLUICE, "init", cls.workspace], check=True, stdout=subprocess.DEVNULL)
        cls.point_at(cls.ccs.port)

    @classmethod
    def point_at(cls, port):
        with open(os.path.join(cls.workspace, "connections.json"), "w", encoding="utf-8") as file:
            json.dump({"OU REST CCS for CCS-DACS": {
                "type": "rest", "url": f"http://127.0.0.1:{port}/ouaf", "auth": "basic",
                "user": "integration", "password": {"env": "CCS_PASSWORD"}},
                "OU REST OIC for CCS-DACS": {"type": "local"}}, file)

    def command(self, *arguments, expect=0):
        done = subprocess.run([SLUICE, "-w", self.workspace, "--json", *arguments], text=True,
                              env={**os.environ, "CCS_PASSWORD": PASSWORD}, timeout=60,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def acknowledge(self, request, expect=0):
        with open(self.ack, "w", encoding="utf-8") as file:
            json.dump(dacs.acknowledgement(request, True), file)
        instance = self.command("run", ACK, "--body", self.ack, expect=expect)["instance"]
        return self.command("show", instance, "--payload")

    def set_level(self, level):
        self.assertEqual(self.command("activate", "--tracing", level, ACK)["tracing"], level)

    def imports(self, shown):
        return {one["import"] for one in shown["activity"]}

    def test_production(self):
        self.set_level("production")
        shown = self.acknowledge("48213377121001")
        self.assertEqual((shown["state"], shown["tracing"]), ("COMPLETED", "production"))
        self.assertEqual((shown["input"], shown["response"]), (None, None))
        self.assertIn("http.request", self.imports(shown))
        self.assertFalse({"flow.respond", "flow.track", "http.body"} & self.imports(shown))
        self.assertFalse([one for one in shown["activity"] if "request" in one or "response" in one])

    def test_audit(self):
        self.set_level("audit")
        shown = self.acknowledge("48213377121002")
        self.assertEqual((shown["tracing"], shown["input"], shown["response"]), ("audit", None, None))
        self.assertLessEqual({"http.request", "flow.respond", "flow.track"}, self.imports(shown))
        self.assertNotIn("http.status", self.imports(shown))
        self.assertFalse([one for one in shown["activity"] if "request" in one or "response" in one])

    def test_debug(self):
        self.set_level("debug")
        shown = self.acknowledge("48213377121003")
        self.assertEqual(shown["tracing"], "debug")
        self.assertIn("48213377121003", shown["input"])
        self.assertTrue(shown["response"])
        self.assertLessEqual({"http.request", "flow.respond", "http.status"}, self.imports(shown))
        (call,) = [one for one in shown["activity"] if one["import"] == "http.request"]
        self.assertIn("48213377121003", call["request"])
        self.assertIn("48213377121003", call["response"])
        for path in glob.glob(os.path.join(self.workspace, "state", "*")):
            with open(path, "rb") as file:
                self.assertNotIn(PASSWORD.encode(), file.read(), path)

    def test_a_message_is_kept_until_it_is_across(self):
        self.set_level("production")
        self.point_at(1)
        self.addCleanup(self.point_at, self.ccs.port)
        failed = self.acknowledge("48213377121004", expect=1)
        self.assertIn("48213377121004", failed["input"])
        self.assertIsNone(failed["response"])
        self.point_at(self.ccs.port)
        again = self.command("resubmit", failed["id"])["resubmissions"][0]
        self.assertEqual(again["state"], "COMPLETED")
        self.assertIsNone(self.command("show", failed["id"], "--payload")["input"])
        self.assertIsNone(self.command("show", again["instance"], "--payload")["input"])

    def test_a_child_that_is_not_active_is_not_called(self):
        self.set_level("production")
        self.command("deactivate", HANDLER)
        self.point_at(1)
        self.addCleanup(self.point_at, self.ccs.port)
        failed = self.acknowledge("48213377121005", expect=1)
        (call,) = [one for one in failed["activity"] if one["import"] == "flow.call"]
        self.assertEqual(call["result"], "refused")
        self.assertIn(f"flow '{HANDLER}' is not active: sluice activate {HANDLER}", call["detail"])

    def test_a_level_is_one_of_three(self):
        said = self.command("activate", "--tracing", "debugg", ACK, expect=2)["error"]["message"]
        self.assertIn("did you mean 'debug'?", said)


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
