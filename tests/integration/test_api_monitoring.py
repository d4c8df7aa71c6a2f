# SPDX-License-Identifier: MIT
"""The developer API's monitoring through the real program: instances, their streams, counts, logs.

Usage: test_api_monitoring.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import io
import sqlite3
import sys
import zipfile

import api_common
from api_common import ACK, CCS, ERROR_HANDLER, VERSION, MonitoringTest, q


class Instances(MonitoringTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        case.good = [case.send_ack(number) for number in (101, 102, 103)]
        (case.bad,) = case.fail_acks(104)
        cls.good, cls.bad = case.good, case.bad

    def test_lists_are_filtered(self):
        own = f"code:'{ACK}'"
        for query, wanted in (
                (q(own), self.good + [self.bad]), (q(f"{own}, status:'COMPLETED'"), self.good),
                (q(f"{own},status : \"failed\""), [self.bad]), (q(f"{own}, version:'{VERSION}'"),
                                                              self.good + [self.bad]),
                (q(f"{own}, version:'01.00.0000'"), []), (q("code:'NOBODY'"), []),
                (q(f"id:'{self.bad}'"), [self.bad]), (q(f"{own}, minDuration:120000"), []),
                (q(f"{own}, maxDuration:'120000', timewindow:'RETENTIONPERIOD'"),
                 self.good + [self.bad]),
                (q(f"{own}, startdate:'2020-01-01 00:00:00', enddate:'2020-01-02 00:00:00'"), []),
                (q(f"{own}, startdate:'2020-01-01 00:00:00'"), self.good + [self.bad]),
                (q(f"{own}, primaryValue:'{102:014d}'"), [self.good[1]]),
                (q(f"{own}, businessIDValue:'{103:014d}', includePurged:'no'"), [self.good[2]]),
                (q(f"{own}, secondaryValue:'{102:014d}'"), [])):
            with self.subTest(query=query):
                self.assertEqual(sorted(self.ids(query)), sorted(wanted))

    def test_filters_are_strict(self):
        for text, complaint in (
                ("timewindow:'2h'", "timewindow '2h': expected 1h"), ("code", "expected ':'"),
                ("code:'x", "closing quote"), ("code:'a',code:'b'", "given twice"),
                ("status:'RUNNING'", "IN_PROGRESS"), ("minDuration:'x'", "minDuration 'x'"),
                ("startdate:'yesterday'", "startdate 'yesterday'"), ("codes:'x'", "did you mean 'code'"),
                ("startdate:'2020-01-02 00:00:00',enddate:'2020-01-01 00:00:00'", "after enddate"),
                ("timewindow:'1h',startdate:'2020-01-02 00:00:00'", "not both"),
                ("primaryValue:'a',businessIDValue:'b'", "give one of"), ("recoverable:'true'", "recoverable"),
                ("includePurged:'onlyPurged'", "gone either way"), ("code:'x'} {", "nothing more"),
                ("code:'" + "x" * 512 + "'", "longer than 511")):
            with self.subTest(text=text):
                self.assertIn(complaint, self.detail("GET", "/monitoring/instances?" + q(text), expect=400))
        self.assertEqual(self.ids(q("code:'" + "x" * 511 + "'")), [])

    def test_order_and_pages(self):
        own = q(f"code:'{ACK}'")
        newest = [self.bad] + self.good[::-1]
        for order in ("", "&orderBy=lastupdateddate", "&orderBy=creationdate"):
            self.assertEqual(self.ids(own + order), newest)
        self.assertEqual(len(self.ids(own + "&orderBy=executiontime")), 4)
        page = self.ask("GET", f"/monitoring/instances?{own}&limit=3&offset=1")
        self.assertEqual([one["id"] for one in page["items"]], newest[1:])
        self.assertEqual((page["totalResults"], page["hasMore"]), (4, False))
        self.assertTrue(self.ask("GET", f"/monitoring/instances?{own}&limit=3")["hasMore"])
        self.assertEqual(self.items(f"/monitoring/instances?{own}&fields=id&limit=1"), [{"id": self.bad}])
        brief = self.items(f"/monitoring/instances?{own}&return=minimal")
        self.assertNotIn("trackings", brief[0])
        self.assertIn("expected one of", self.detail("GET", "/monitoring/instances?orderBy=name", expect=400))

    def test_one_instance(self):
        whole = self.ask("GET", f"/monitoring/instances/{self.bad}", user="eyes")
        self.assertEqual((whole["integration"], whole["status"], whole["invokedBy"], whole["trigger"]),
                         (f"{ACK}|{VERSION}", "FAILED", "dacs", "rest"))
        self.assertTrue(whole["hasRecoverableFaults"])
        self.assertEqual(whole["primaryTrackingValue"], f"{104:014d}")
        self.assertTrue(whole["errorCode"])
        for unknown in (self.bad[:10], "x" * 22, "nobody", self.bad + "x"):
            self.ask("GET", f"/monitoring/instances/{unknown}", expect=404)

    def test_what_an_ended_process_left_is_recovering(self):
        left = self.send_ack(105)
        with sqlite3.connect(f"{self.workspace}/state/sluice.db", timeout=30, isolation_level=None) as db:
            self.wait_for(lambda: db.execute(
                "UPDATE instance SET state = 'IN_PROGRESS', finished_ms = 0, durable = 1, owner = 0,"
                " fault_code = 'suspended' WHERE id = ? AND finished_ms > 0", (left,)).rowcount, "no record")
        self.assertEqual(self.ask("GET", f"/monitoring/instances/{left}")["status"], "RECOVERING")
        self.assertEqual(self.ids(q("status:'IN_PROGRESS'")), [left])
        self.assertIn("RECOVERING", self.detail("POST", f"/monitoring/instances/{left}/abort", expect=409))
        (error,) = [one for one in self.items("/monitoring/errors") if one["id"] == left]
        self.assertEqual(error["status"], "RECOVERING")
        self.ask("POST", f"/monitoring/errors/{left}/resubmit", expect=412)
        self.ask("POST", f"/monitoring/errors/{left}/discard")

    def test_activity_streams(self):
        path = f"/monitoring/instances/{self.bad}/"
        details = self.ask("GET", path + "activityStreamDetails?timezone=Asia/Calcutta")
        self.assertTrue(any(one["isErrorMilestone"] and one["connection"] == CCS for one in details["items"]))
        self.assertIn("+05:30", details["items"][0]["modifiedTimestamp"])
        oldest = self.ask("GET", path + "activityStream")["ascList"]
        newest = self.ask("GET", path + "activityStream?order=desc")["descList"]
        self.assertEqual(oldest, newest[::-1])
        self.assertEqual(len(oldest), len(details["items"]))
        first = self.ask("GET", path + "activityStreamDetails?limit=1")
        self.assertEqual((len(first["items"]), first["hasMore"]), (1, len(oldest) > 1))
        last = self.ask("GET", path + f"activityStream?offset={len(oldest) - 1}")
        self.assertEqual((last["ascList"], last["hasMore"]), (oldest[-1:], False))
        self.ask("GET", path + "activityStreamDetails?limit=10000")
        self.ask("GET", path + "activityStreamDetails?limit=10001", expect=400)
        self.assertIn("timezone", self.detail("GET", path + "activityStream?timezone=Mars", expect=400))
        self.ask("GET", "/monitoring/instances/" + "x" * 22 + "/activityStream", expect=404)

    def test_counts(self):
        (one,) = self.items("/monitoring/integrations?" + q(f"code:'{ACK}'"))
        self.assertEqual((one["noOfMsgsReceived"], one["noOfSuccess"], one["noOfErrors"], one["successRate"]),
                         (4, 3, 1, 75))
        everything = self.items("/monitoring/integrations")
        self.assertEqual(len(everything), 6)
        idle = [one for one in everything if one["code"] == "OUTL-BA-CCS_DACS_OS_TRANSFER"]
        self.assertEqual((idle[0]["noOfMsgsReceived"], idle[0]["successRate"]), (0, 100))
        summary = self.ask("GET", "/monitoring/integrations/messages/summary?" + q("timewindow:'6h'"))
        self.assertEqual(summary["noOfMsgsReceived"],
                         sum(one["noOfMsgsReceived"] for one in everything))


class Logs(MonitoringTest):
    def download(self, log, filter_text=""):
        """File name to text."""
        data = self.ask("GET", f"/monitoring/logs/{log}" + (f"?{q(filter_text)}" if filter_text else ""))
        self.assertEqual(self.fields["content-disposition"], f'attachment; filename="{log}.zip"')
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.assertIsNone(archive.testzip())
            return {name: archive.read(name).decode() for name in archive.namelist()}

    def test_what_executions_did(self):
        first, second = self.send_ack(701), self.send_ack(702)
        text = self.download("icsflowlog")["ics-flow.log"]
        for instance in (first, second):
            self.assertIn(f"[Code:{ACK}][Version:{VERSION}][Instance:{instance}]", text)
        for one in (f"id:'{first}'", f"id:'{first}', startdate:'2020-01-01 00:00:00', "
                                     "enddate:'2020-01-02 00:00:00'"):
            text = self.download("icsflowlog", one)["ics-flow.log"]
            self.assertIn(first, text)
            self.assertNotIn(second, text)
        self.assertEqual(self.download("icsflowlog", "startdate:'2020-01-01 00:00:00', "
                                                     "enddate:'2020-01-02 00:00:00'"), {"ics-flow.log": ""})

    def test_who_changed_what(self):
        self.ask("DELETE", "/lookups/NOBODY", expect=404)
        self.wait_for(lambda: "[admin,DELETELOOKUP,/lookups/NOBODY] refused"
                      in self.download("icsauditlog")["ics-audit.log"], "no record")

    def test_what_the_server_said(self):
        instance = self.send_ack(703)
        files = self.download("icsdiagnosticlog")
        self.assertIn(instance, files["ics-diagnostic.log"])
        self.assertIn("sluice_executions_total", files["metrics.txt"])
        self.assertIn(instance, self.download("icsdiagnosticlog", f"id:'{instance}'")["ics-diagnostic.log"])

    def test_what_is_refused(self):
        self.ask("GET", "/monitoring/logs/icsflowlog", user="eyes", expect=403)
        self.assertIn("icsflowlog, icsauditlog and icsdiagnosticlog",
                      self.detail("GET", "/monitoring/logs/other", expect=404))
        for log in ("icsflowlog", "icsdiagnosticlog"):
            self.ask("GET", f"/monitoring/logs/{log}?{q('id:' + repr('x' * 22))}", expect=404)
        self.assertIn("code", self.detail("GET", f"/monitoring/logs/icsflowlog?{q('code:1')}", expect=400))


class ManyFlows(MonitoringTest):
    def test_children_are_listed_too(self):
        (bad,) = self.fail_acks(601)
        children = self.items("/monitoring/instances?" + q(f"code:'{ERROR_HANDLER}'"))
        self.assertIn(bad, [one.get("parentInstanceId") for one in children])
        child = [one["id"] for one in children if one.get("parentInstanceId") == bad][0]
        self.assertIn(child, self.ids("limit=1000"))
        if self.ask("GET", f"/monitoring/instances/{child}")["status"] == "FAILED":
            self.assertIn("called by a flow", self.detail(
                "POST", f"/monitoring/errors/{child}/resubmit", expect=412))
        self.assertNotIn(child, self.errors())


if __name__ == "__main__":
    api_common.main(sys.argv)
