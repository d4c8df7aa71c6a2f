# SPDX-License-Identifier: MIT
"""The page that previews mappings, in a headless Chromium: from a disk and from `sluice serve`.

Usage: test_preview.py SLUICE NODE CHROMIUM PAGE [unittest arguments]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from common import PeerProcess  # noqa: E402
from serve_common import PASSWORD, USER, Server, add_user, authorization  # noqa: E402

SLUICE = NODE = CHROMIUM = PAGE = None
DOCUMENT = os.path.join(HERE, "..", "..", "docs", "mapping.md")
ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
ADDRESS = f"/ic/api/integration/v1/flows/rest/{ACK}/1.0/sendCustomerSyncAck"
MONITOR = "watcher"
CCS_PASSWORD = "ccs-preview-secret"


def browse(area, address, *arguments):
    """What Chromium found there; its profile goes into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="sluice-chromium-", ignore_cleanup_errors=True) as home:
        done = subprocess.run(
            [NODE, os.path.join(HERE, "preview_browser.mjs"), CHROMIUM, area, address, *arguments],
            env={**os.environ, "HOME": home}, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)


class FromDisk(unittest.TestCase):
    def test_page(self):
        browse("page", "file://" + PAGE)

    def test_examples(self):
        browse("examples", "file://" + PAGE, DOCUMENT)

    def test_keyboard(self):
        browse("keyboard", "file://" + PAGE)

    def test_phone(self):
        browse("phone", "file://" + PAGE)

    def test_recorded_messages_need_a_server(self):
        browse("file", "file://" + PAGE)

    def test_nothing_is_loaded_from_elsewhere(self):
        with open(PAGE, encoding="utf-8") as file:
            page = file.read()
        for outside in ["<link", " src=", "@import", "url("]:
            self.assertNotIn(outside, page.partition('id="examples"')[0], outside)
        self.assertNotIn("unsafe-inline", page)
        self.assertNotIn("'unsafe-eval'", page)
        self.assertIn("default-src 'none'", page)


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-preview-")
        cls.addClassCleanup(folder.cleanup)
        cls.workspace = os.path.join(folder.name, "workspace")
        os.mkdir(os.path.join(folder.name, "ccs"))
        ccs = PeerProcess("ccs.py", "--root", os.path.join(folder.name, "ccs"), "--user", "integration",
                          "--password", CCS_PASSWORD)
        cls.addClassCleanup(ccs.stop)
        subprocess.run([SLUICE, "init", cls.workspace], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(cls.workspace, "connections.json"), "w", encoding="utf-8") as file:
            json.dump({"OU REST OIC for CCS-DACS": {"type": "local"}, "OU REST CCS for CCS-DACS": {
                "type": "rest", "url": f"http://127.0.0.1:{ccs.port}/ouaf", "auth": "basic",
                "user": "integration", "password": {"env": "CCS_PASSWORD"}}}, file)
        add_user(SLUICE, cls.workspace)
        add_user(SLUICE, cls.workspace, MONITOR, role="monitor")
        cls.server = Server(SLUICE, cls.workspace, {"CCS_PASSWORD": CCS_PASSWORD})
        cls.addClassCleanup(cls.server.stop)
        cls.forgotten = cls.start_instance("production", json.dumps(
            {"syncRequestId": "48213377121001", "hasError": False}).encode(), 200)
        cls.kept = cls.start_instance("debug", json.dumps(
            {"note": "recorded-by-sluice", "hasError": "perhaps"}).encode(), 400)

    @classmethod
    def start_instance(cls, level, message, expected):
        subprocess.run([SLUICE, "-w", cls.workspace, "activate", "--tracing", level, ACK], check=True,
                       capture_output=True, timeout=60, env={**os.environ, "CCS_PASSWORD": CCS_PASSWORD})
        status, fields, _ = cls.server.ask("POST", ADDRESS, message, {"Content-Type": "application/json"})
        assert status == expected, status
        return fields["sluice-instance"]

    def address(self, path="/preview/"):
        return f"http://127.0.0.1:{self.server.port}{path}"

    def ask(self, path, method="GET", user=None):
        login = {"Authorization": authorization(user)} if user else {"Authorization": ""}
        return self.server.ask(method, path, headers=login)

    def test_page_for_anybody(self):
        status, fields, body = self.ask("/preview/")
        self.assertEqual((status, fields["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertEqual(fields["content-security-policy"],
                         "frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
        self.assertEqual(fields["x-content-type-options"], "nosniff")
        with open(PAGE, "rb") as file:
            self.assertEqual(body, file.read())

    def test_page_without_its_slash_and_other_methods(self):
        status, fields, _ = self.ask("/preview")
        self.assertEqual((status, fields["location"]), (308, "/preview/"))
        status, fields, _ = self.ask("/preview/", "POST")
        self.assertEqual((status, fields["allow"]), (405, "GET, HEAD"))
        self.assertEqual(self.ask("/preview/other")[0], 401)

    def test_messages_for_who_may_monitor(self):
        path = f"/preview/messages/{self.kept}"
        self.assertEqual(self.ask(path)[0], 401)
        self.assertEqual(self.ask(path, user=USER)[0], 403)
        status, fields, body = self.ask(path, user=MONITOR)
        self.assertEqual((status, fields["cache-control"]), (200, "no-store"))
        self.assertEqual(json.loads(body)["note"], "recorded-by-sluice")
        self.assertEqual(self.ask(path, "DELETE", MONITOR)[0], 405)

    def test_messages_that_are_not_there(self):
        for instance in [self.forgotten, "nobody", "", "%2e%2e"]:
            status, _, body = self.ask(f"/preview/messages/{instance}", user=MONITOR)
            self.assertEqual(status, 404, instance)
            self.assertIn("o:errorCode", json.loads(body))

    def test_recorded_messages_in_the_page(self):
        browse("recorded", self.address(), f"{MONITOR}:{PASSWORD}", f"{USER}:{PASSWORD}", self.kept)

    def test_page_from_a_server(self):
        browse("page", self.address())


if __name__ == "__main__":
    SLUICE, NODE, CHROMIUM, PAGE = (sys.argv[1], *sys.argv[2:4], os.path.abspath(sys.argv[4]))
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
