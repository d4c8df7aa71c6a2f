# SPDX-License-Identifier: MIT
"""The developer API's monitoring through the real program: instances, errors, resubmission, stopping.

Usage: test_api_monitoring.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import concurrent.futures
import io
import json
import socket
import sys
import time
import unittest
import zipfile

import api_common
from api_common import (ACK, BASE, CCS, ERROR_HANDLER, SYNC_FTP, VERSION, ApiTest, Program, embed, flow_id,
                        quote)

MISBEHAVE = {
    "identifier": "MISBEHAVE", "name": "Misbehave", "version": "01.00.0000",
    "trigger": {"type": "rest", "path": "/misbehave"}, "lookups": [], "durability": "tracked",
    "grants": [{"capability": "flow", "connection": "OU REST OIC for CCS-DACS",
                "operations": ["MISBEHAVE"]}],
    "limits": {"memory_mib": 2, "cpu_ms": 120000, "wall_s": 120, "import_calls": 100000,
               "log_lines": 5, "input_bytes": 4096}}


def q(text):
    return "q=" + quote("{" + text + "}")


class MonitoringTest(ApiTest):
    def items(self, path, **options):
        return self.ask("GET", path, **options)["items"]

    def ids(self, query):
        return [one["id"] for one in self.items(f"/monitoring/instances?{query}")]

    def errors(self):
        return [one["id"] for one in self.items("/monitoring/errors?" + q("timewindow:'1d'"))]


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


class Errors(MonitoringTest):
    def test_lists_and_groups(self):
        first, second = self.fail_acks(201, 202)
        page = self.ask("GET", "/monitoring/errors")
        self.assertRegex(page["dataFetchTime"], r"^\d{4}-.*\+0000$")
        mine = {one["id"]: one for one in page["items"] if one["id"] in (first, second)}
        self.assertEqual({one["connectionName"] for one in mine.values()}, {CCS})
        self.assertEqual({one["retryCount"] for one in mine.values()}, {0})
        (group,) = [one for one in self.ask("GET", "/monitoring/errors?groupBy=connection")["groups"]
                    if one.get("connectionName") == CCS]
        self.assertGreaterEqual(group["errorCount"], 2)
        self.assertTrue(self.ask("GET", "/monitoring/errors?groupBy=messages")["groups"][0]["errorCode"])
        flows = self.ask("GET", "/monitoring/errors?groupBy=integration&" + q(f"code:'{ACK}'"))["groups"]
        self.assertEqual([one["integrationId"] for one in flows], [ACK])
        self.assertEqual(self.ask("GET", f"/monitoring/errors/{first}")["id"], first)
        self.ask("GET", "/monitoring/errors/" + "x" * 22, expect=404)
        self.assertIn(first, [one["id"] for one in
                              self.items("/monitoring/errors?" + q("recoverable:'true'"))])
        self.assertNotIn(first, [one["id"] for one in
                                 self.items("/monitoring/errors?" + q("recoverable:'false'"))])

    def finished(self, job):
        def look():
            one = self.ask("GET", f"/monitoring/errors/recoveryJobs/{job}")
            return one if one["status"] in ("COMPLETED", "ABORTED") else None
        return self.wait_for(look, "the job goes on")

    def test_one_is_resubmitted(self):
        (bad,) = self.fail_acks(210)
        self.assertEqual(self.received(210), 0)
        answer = self.ask("POST", f"/monitoring/errors/{bad}/resubmit?return=sync",
                          {"recoveryTraceLevel": "Audit"})
        self.assertEqual((answer["acceptedIds"], answer["resubmitRequested"],
                          answer["resubmittedInstancesCount"], answer["resubmittedFailedInstances"]),
                         ([bad], True, 1, []))
        job = self.finished(answer["recoveryJobId"])
        self.assertEqual((job["totalInstances"], job["completedInstances"], job["requestedBy"]), (1, 1, "admin"))
        self.assertEqual(self.received(210), 1)
        whole = self.ask("GET", f"/monitoring/instances/{bad}")
        again = self.ask("GET", f"/monitoring/instances/{whole['resubmittedAs']}")
        self.assertEqual((again["resubmissionOf"], again["trigger"], again["invokedBy"]),
                         (bad, "resubmit", "admin"))
        self.assertEqual((whole["instanceReportingLevel"], again["instanceReportingLevel"]),
                         ("Production", "Audit"))
        self.ask("GET", f"/monitoring/errors/{bad}", expect=404)
        self.assertIn("has been done", self.detail("POST", f"/monitoring/errors/{bad}/resubmit", expect=412))
        self.assertIn("did not fail", self.detail(
            "POST", f"/monitoring/errors/{again['id']}/resubmit", expect=412))
        self.ask("POST", "/monitoring/errors/" + "x" * 22 + "/resubmit", expect=404)
        self.assertEqual(self.received(210), 1)

    def test_without_return_the_answer_is_empty(self):
        (bad,) = self.fail_acks(211)
        self.assertEqual(self.ask("POST", f"/monitoring/errors/{bad}/resubmit", expect=202), b"")
        self.wait_for(lambda: self.received(211) == 1, "not resubmitted")
        self.assertEqual(self.items("/monitoring/errors/recoveryJobs")[0]["totalInstances"], 1)
        self.ask("GET", "/monitoring/errors/recoveryJobs/none", expect=404)

    def test_many_by_id(self):
        bad = self.fail_acks(220, 221, 222)
        good = self.send_ack(223)
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync",
                          {"ids": [bad[0], "unknown-instance-id-00", good, bad[1]]})
        self.assertEqual((answer["acceptedIds"], answer["invalidIds"], answer["nonRecoverableIds"]),
                         ([bad[0], bad[1]], ["unknown-instance-id-00"], [good]))
        self.assertIn("no instance has the id", answer["message"])
        self.finished(answer["recoveryJobId"])
        self.assertEqual([self.received(number) for number in (220, 221, 222)], [1, 1, 0])
        self.assertEqual(self.ask("POST", "/monitoring/errors/resubmit", {"ids": [good]}, expect=412)["title"],
                         "Precondition failed")
        self.ask("POST", "/monitoring/errors/resubmit", {"ids": ["unknown-instance-id-00"]}, expect=404)
        self.assertEqual(self.ask("POST", "/monitoring/errors/resubmit", {"ids": []}, expect=202), b"")
        for body, complaint in (({}, "ids, flowCode or connectionCode"), ({"ids": ["x" * 23]}, "not an instance"),
                                ({"ids": [1]}, "list of texts"), ({"ids": ["x"] * 1001}, "at most 1000"),
                                ({"flowCode": ACK, "timewindow": "2h"}, "timewindow"),
                                ({"flowCode": ACK, "startDate": "x"}, "startDate"), ({"id": []}, 'did you mean "ids"')):
            self.assertIn(complaint, self.detail("POST", "/monitoring/errors/resubmit", body, expect=400))
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync", {"ids": ["x"] * 1000})
        self.assertFalse(answer["resubmitRequested"])
        self.ask("POST", "/monitoring/errors/resubmit", {"flowCode": "NOBODY"}, expect=404)

    def test_many_by_what_they_share(self):
        bad = self.fail_acks(230, 231)
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync",
                          {"connectionCode": "OU_REST_CCS_FOR_CCS_DACS", "startDate": "2020-01-01 00:00:00"})
        self.assertLessEqual(set(bad), set(answer["acceptedIds"]))
        self.finished(answer["recoveryJobId"])
        self.assertEqual([self.received(number) for number in (230, 231)], [1, 1])
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync",
                          {"flowCode": ACK, "flowVersion": VERSION, "timewindow": "1h"})
        self.assertNotIn(bad[0], answer["acceptedIds"])

    def test_the_eleventh_is_refused(self):
        (bad,) = self.fail_acks(240)
        good = self.connections[CCS]["url"]
        self.point_ccs("http://127.0.0.1:1/ouaf")
        for _ in range(10):
            answer = self.ask("POST", f"/monitoring/errors/{bad}/resubmit?return=sync")
            self.assertEqual(self.finished(answer["recoveryJobId"])["failedInstances"], 1)
        self.point_ccs(good)
        self.assertIn("10 times", self.detail("POST", f"/monitoring/errors/{bad}/resubmit", expect=412))
        one = self.ask("GET", f"/monitoring/errors/{bad}")
        self.assertEqual((one["retryCount"], one["recoverable"]), (10, False))
        self.ask("POST", f"/monitoring/errors/{bad}/discard")
        self.assertEqual(self.received(240), 0)

    def test_discarding_is_final(self):
        bad = self.fail_acks(250, 251, 252)
        self.ask("POST", f"/monitoring/errors/{bad[0]}/discard")
        answer = self.ask("POST", "/monitoring/errors/discard", {"ids": [bad[0], bad[1], "nobody"]})
        self.assertEqual((answer["acceptedIds"], answer["invalidIds"], answer["nonRecoverableIds"]),
                         ([bad[1]], ["nobody"], [bad[0]]))
        self.assertIn("discarded", self.detail("POST", f"/monitoring/errors/{bad[1]}/resubmit", expect=412))
        self.assertEqual([one for one in bad if one in self.errors()], [bad[2]])
        self.assertIn("discardedDate", self.ask("GET", f"/monitoring/instances/{bad[0]}"))
        self.ask("POST", f"/monitoring/errors/{bad[0]}/discard", expect=412)
        self.ask("POST", "/monitoring/errors/" + "x" * 22 + "/discard", expect=404)
        self.ask("POST", "/monitoring/errors/discard", {"ids": ["x"] * 1001}, expect=400)


class Versions(MonitoringTest):
    """A flow of two lines, both active: what failed is done again by the version that it was of."""
    extra_flows = (
        (lambda: Program.misbehave, MISBEHAVE, "one.wasm"),
        (lambda: Program.misbehave, {**MISBEHAVE, "version": "02.00.0000"}, "two.wasm"))

    def fail(self):
        status, fields, _ = self.exchange(
            "POST", f"{BASE}/flows/rest/MISBEHAVE/1.0/misbehave", "U", user="dacs")
        self.assertGreaterEqual(status, 500)
        return fields["sluice-instance"]

    def patch_is_activated(self):
        """02.00.0001 takes the place of 02.00.0000."""
        path = f"{self.folder}/patch.wasm"
        embed(Program.misbehave, {**MISBEHAVE, "version": "02.00.0001"}, path)
        with open(path, "rb") as file:
            self.upload("POST", "/integrations/archive", "patch.wasm", file.read(), expect=204)
        self.patch(f"/integrations/{flow_id('MISBEHAVE', '02.00.0001')}", {"status": "ACTIVATED"})

    def again(self, bad, **body):
        """The version of its newest resubmission."""
        answer = self.ask("POST", f"/monitoring/errors/{bad}/resubmit?return=sync", body)
        job = answer["recoveryJobId"]
        self.wait_for(lambda: self.ask("GET", f"/monitoring/errors/recoveryJobs/{job}")["status"]
                      == "COMPLETED", "the job goes on")
        newest = self.ask("GET", f"/monitoring/instances/{bad}")["resubmittedAs"]
        return self.ask("GET", f"/monitoring/instances/{newest}")["integrationVersion"]

    def test_the_version_that_failed_does_it_again(self):
        bad = self.fail()
        self.assertEqual(self.again(bad), "01.00.0000")
        self.assertEqual(self.again(bad, recoveryVersion="2.0"), "02.00.0000")
        self.patch(f"/integrations/{flow_id('MISBEHAVE', '01.00.0000')}", {"status": "CONFIGURED"})
        detail = self.detail("POST", f"/monitoring/errors/{bad}/resubmit", expect=412)
        self.assertIn("by its version 01.00.0000: version 01.00.0000 of flow 'MISBEHAVE' is not active: "
                      "sluice activate 'MISBEHAVE|01.00.0000'; name the version", detail)
        shared = {"flowCode": "MISBEHAVE", "flowVersion": "01.00.0000"}
        self.assertEqual(self.detail("POST", "/monitoring/errors/resubmit", shared, expect=412), detail)
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync", {"ids": [bad]})
        self.assertEqual((answer["nonRecoverableIds"], answer["message"]), ([bad], detail))
        self.patch_is_activated()
        self.assertEqual(self.again(bad, recoveryVersion="02.00.0001"), "02.00.0001")
        self.assertIn("has no version '3.0'; there is 01.00.0000, 02.00.0000, 02.00.0001", self.detail(
            "POST", f"/monitoring/errors/{bad}/resubmit", {"recoveryVersion": "3.0"}, expect=412))
        self.assertIn("two or three numbers", self.detail(
            "POST", f"/monitoring/errors/{bad}/resubmit", {"recoveryVersion": "new"}, expect=400))
        self.assertIn("two or three numbers", self.detail(
            "POST", "/monitoring/errors/resubmit", {**shared, "recoveryVersion": ""}, expect=400))


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


class Slow(MonitoringTest):
    """A CCS that answers when it is told to, and a flow that never ends."""
    extra_flows = ((lambda: Program.misbehave, MISBEHAVE, "misbehave.wasm"),)
    settings = {"server": {"workers": 2, "stop_s": 1}}

    def misbehave(self, pool, what):
        return pool.submit(self.exchange, "POST", f"{BASE}/flows/rest/MISBEHAVE/1.0/misbehave", what,
                           None, "dacs")

    def start_spinning(self, pool):
        answer = self.misbehave(pool, "L")
        return answer, self.wait_for(lambda: self.ids(q("code:'MISBEHAVE', status:'IN_PROGRESS'")),
                                     "it does not run")[0]

    def test_what_runs_is_stopped(self):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer, instance = self.start_spinning(pool)
            self.ask("POST", f"/monitoring/instances/{instance}/abort", user="eyes", expect=403)
            self.ask("POST", f"/monitoring/instances/{instance}/abort")
            self.assertGreaterEqual(answer.result(timeout=60)[0], 500)
        whole = self.ask("GET", f"/monitoring/instances/{instance}")
        self.assertEqual((whole["status"], whole["errorCode"]), ("ABORTED", "cancelled"))
        self.assertIn("it is ABORTED", self.detail("POST", f"/monitoring/instances/{instance}/abort", expect=409))
        self.ask("POST", "/monitoring/instances/" + "x" * 22 + "/abort", expect=404)

    def test_a_child_is_stopped_with_its_caller(self):
        running = "/monitoring/instances?" + q("code:'MISBEHAVE', status:'IN_PROGRESS'")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = self.misbehave(pool, "CL")  # it calls itself with L
            pair = self.wait_for(lambda: (lambda items: items if len(items) == 2 else None)(
                self.items(running)), "no child")
            (parent,) = [one["id"] for one in pair if "parentInstanceId" not in one]
            self.assertEqual([one["parentInstanceId"] for one in pair if one["id"] != parent], [parent])
            self.ask("POST", f"/monitoring/instances/{parent}/abort")
            self.assertGreaterEqual(answer.result(timeout=60)[0], 500)
        for one in pair:
            self.assertEqual(self.ask("GET", f"/monitoring/instances/{one['id']}")["status"], "ABORTED")

    def test_runs_of_one_flow_do_not_overlap(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.connections["OU FTP CCS for CCS-DACS"]["port"] = listener.getsockname()[1]
        self.connections["OU FTP CCS for CCS-DACS"]["connect_timeout_s"] = 60
        self.point_ccs(self.connections[CCS]["url"])
        path = f"/integrations/{flow_id(SYNC_FTP)}/schedule/jobs"
        job = {"action": "NOW", "parameters": [{"name": "extractedFileNamePrefix", "value": "C1-TWICE"}]}
        self.ask("POST", path, job, expect=204)
        (running,) = self.wait_for(lambda: self.ids(q(f"code:'{SYNC_FTP}', status:'IN_PROGRESS'")), "no run")
        self.ask("POST", path, job, expect=409)
        self.ask("POST", f"/monitoring/instances/{running}/abort")
        self.wait_for(lambda: self.ids(q(f"id:'{running}', status:'ABORTED'")), "it goes on")

    def test_resubmissions_leave_the_threads_free(self):
        """More jobs than threads of either kind, all of which wait for CCS: reads are answered at once."""
        bad = self.fail_acks(*range(300, 306))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        good = self.connections[CCS]["url"]
        self.point_ccs(f"http://127.0.0.1:{listener.getsockname()[1]}/ouaf")
        jobs = [self.ask("POST", f"/monitoring/errors/{one}/resubmit?return=sync")["recoveryJobId"]
                for one in bad]
        for _ in range(5):
            self.ask("GET", "/lookups")
        self.wait_for(lambda: [one["status"] for one in self.items("/monitoring/errors/recoveryJobs")
                               if one["id"] in jobs].count("WAITING") == 4, "two at a time")
        running = self.wait_for(lambda: (lambda ids: ids if len(ids) == 2 else None)(
            self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'"))), "two at a time")
        # a second resubmission of one that is being done again is refused
        first = self.ask("GET", f"/monitoring/instances/{running[0]}")["resubmissionOf"]
        self.assertIn("being resubmitted", self.detail(
            "POST", f"/monitoring/errors/{first}/resubmit", expect=412))
        self.point_ccs(good)
        for instance in running:
            self.ask("POST", f"/monitoring/instances/{instance}/abort")
        self.wait_for(lambda: all(one["status"] == "COMPLETED" for one in
                                  self.items("/monitoring/errors/recoveryJobs")), "jobs go on")
        self.assertEqual(sum(self.received(number) for number in range(300, 306)), 4)

    def test_the_queue_of_jobs_is_bounded(self):
        bad = self.fail_acks(*range(400, 420))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        good = self.connections[CCS]["url"]
        self.point_ccs(f"http://127.0.0.1:{listener.getsockname()[1]}/ouaf")
        statuses = []
        for one in bad:
            statuses.append(self.exchange("POST", f"{BASE}/monitoring/errors/{one}/resubmit")[0])
            if len(statuses) == 2:
                self.wait_for(lambda: len(self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'"))) == 2, "none runs")
        self.assertEqual(statuses, [202] * 18 + [429] * 2)
        self.assertIn("16 recovery jobs wait", self.detail(
            "POST", f"/monitoring/errors/{bad[19]}/resubmit", expect=429))
        self.assertIn("retry-after", self.fields)
        self.point_ccs(good)
        for instance in self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'")):
            self.ask("POST", f"/monitoring/instances/{instance}/abort")
        self.wait_for(lambda: all(one["status"] == "COMPLETED" for one in
                                  self.items("/monitoring/errors/recoveryJobs")), "jobs go on")


class Stopping(MonitoringTest):
    settings = {"server": {"stop_s": 1}}

    def test_a_stop_leaves_what_has_not_begun(self):
        bad = self.fail_acks(*range(500, 505))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.point_ccs(f"http://127.0.0.1:{listener.getsockname()[1]}/ouaf")
        self.ask("POST", "/monitoring/errors/resubmit", {"ids": bad}, expect=202)
        self.wait_for(lambda: self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'")), "none runs")
        begun = time.monotonic()
        self.process.terminate()
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertLess(time.monotonic() - begun, 30)
        self.assertIn("4 of 5 instances were not begun", self.said())
        listed = json.loads(self.sluice("--json", "errors"))["errors"]
        self.assertEqual({one["id"] for one in listed} & set(bad), set(bad))


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
